/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A datagram as syslog(3) writes it: "<PRIORITY>Mmm dd hh:mm:ss IDENTIFIER[PID]: TEXT". Anybody in a container can send
 * anything: whatever does not look like a part is text, and the parts point into the datagram. Pure. */

#include "manager/base/util.h"

typedef struct SyslogMessage {
        int level;    /* LOG_EMERG to LOG_DEBUG; LOG_NOTICE where nothing was said */
        int facility; /* 1 to 23; facility 0 belongs to the kernel alone */
        const char *body; /* without priority and time, and without what is blank at its end */
        size_t body_size;
        const char *identifier, *pid, *text; /* of body; the first two may be missing */
        size_t identifier_size, pid_size, text_size;
} SyslogMessage;

#define SYSLOG_IDENTIFIER_MAX 255
#define SYSLOG_PID_MAX 10
void syslog_message_parse(const char *data, size_t size, SyslogMessage *ret);
