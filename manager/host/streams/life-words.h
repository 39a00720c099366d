/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What happened to a container in words for people, and how important it is. Pure. */

#include "manager/container/event-kind.h"

typedef struct LifeFacts {
        pid_t leader;
        int code, status; /* CLD_*; code 0 = unknown */
        const char *result, *error, *health;
        unsigned streak, n_restarts;
        uint64_t restart_in, oom_kills;
        bool success; /* of result */
} LifeFacts;

/* Owned; NULL on lack of memory. *ret_priority: of syslog(3); LOG_DEBUG is what a log need not hold. */
char *life_words(EventKind kind, const LifeFacts *f, int *ret_priority);
