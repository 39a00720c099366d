/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The edge's voice: only main(), a bus reply and a state change log, once. Writes "<priority>text" lines to
 * standard error, which journald understands, or lines with the local time; priorities are those of syslog(3). */

#include <syslog.h>

#include "manager/base/diag.h"

typedef struct Log {
        int max_priority; /* LOG_INFO unless told */
        bool prefix;      /* write the <N> prefix */
        bool stamp;       /* write date and time */
} Log;

/* Every entry, a line each. */
void log_diag(const Log *log, const Diag *diag);
void log_message(const Log *log, int priority, const char *format, ...) _printf_(3, 4);
