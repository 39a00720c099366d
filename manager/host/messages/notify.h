/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a container says about itself over the socket of sd_notify(3): readiness, status, watchdog. A part of Container,
 * for one life. The socket is bound by the manager and mounted into the container; the keeper holds it, too, so that what
 * is said while no manager is there waits in it. */

#include <systemd/sd-event.h>

#include "manager/base/util.h"

typedef struct NotifyFacts { /* of what was said; kept in the state blob */
        bool ready, reloading;
        char *status;             /* STATUS=, NULL = nothing */
        uint64_t watchdog_usec;   /* WATCHDOG_USEC=: instead of WatchdogSec=; 0 = nothing said */
        uint32_t error;           /* ERRNO= */
        uint32_t exit_status;     /* EXIT_STATUS= */
        uint32_t main;            /* Type=forking: the main process as the container counts; 0 = not known */
        uint64_t start_until, run_until; /* EXTEND_TIMEOUT_USEC=: monotonic; 0 = nothing said */
} NotifyFacts;

/* Type=notify-reload: how far a reload has come. */
typedef enum ReloadProgress {
        RELOAD_NONE,
        RELOAD_SIGNALLED, /* RELOADING=1 is waited for, said after the signal */
        RELOAD_BEGUN,     /* and then READY=1 */
} ReloadProgress;

typedef struct Notify {
        NotifyFacts facts;
        ReloadProgress reload;
        uint64_t reload_since; /* monotonic */
        int fd; /* -EBADF = this life has none */
        sd_event_source *source, *watchdog;
        sd_event_source *pause;   /* descriptors that came along hang in close(): nothing is heard for a while */
        uint64_t pause_usec;
        pid_t main_pid;           /* of the payload, as the host counts; 0 = not known */
        uint64_t refused, told_at; /* messages, and when that was last logged */
} Notify;
