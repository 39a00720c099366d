/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One datagram of sd_notify(3), taken apart. Pure: the bytes come from inside of a container and are believed in nothing.
 * Fields that nobody knows are skipped, as systemd does; of a name that stands twice the first counts; one whose value is
 * none is as good as absent, and counted. */

#include "manager/base/util.h"

#define NOTIFY_MESSAGE_MAX 4096 /* bytes; a longer one is refused as a whole */
#define NOTIFY_STATUS_MAX 1024  /* bytes of STATUS= that are kept, whole characters */
#define NOTIFY_FD_NAME_MAX 255

typedef enum NotifyField {
        NOTIFY_READY,
        NOTIFY_STOPPING,
        NOTIFY_RELOADING,
        NOTIFY_BARRIER,
        NOTIFY_WATCHDOG,         /* =1 */
        NOTIFY_WATCHDOG_TRIGGER, /* WATCHDOG=trigger */
        NOTIFY_WATCHDOG_USEC,
        NOTIFY_EXTEND_TIMEOUT_USEC,
        NOTIFY_MONOTONIC_USEC,
        NOTIFY_MAINPID,
        NOTIFY_ERRNO,
        NOTIFY_EXIT_STATUS,
        NOTIFY_FDSTORE,
        NOTIFY_FDSTOREREMOVE,
        NOTIFY_FDPOLL,           /* =0: a descriptor stays although its other end has hung up */
        NOTIFY_STATUS,
        NOTIFY_FDNAME,
        _NOTIFY_FIELD_MAX,
} NotifyField;

typedef struct NotifyMessage {
        uint32_t fields; /* 1 << NotifyField of what was said */
        uint64_t numbers[_NOTIFY_FIELD_MAX];
        char status[NOTIFY_STATUS_MAX + 1];
        char fd_name[NOTIFY_FD_NAME_MAX + 1];
        unsigned malformed; /* fields that are known and whose value is none */
} NotifyMessage;

static inline bool notify_has(const NotifyMessage *m, NotifyField f) {
        return m->fields >> f & 1;
}

/* -EBADMSG: too long, or a NUL within. */
int notify_message_parse(const char *data, size_t size, NotifyMessage *ret);
const char *notify_field_to_string(NotifyField f);
