/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* start --notify: what the service manager is told of a container that is one of its services. The service's main process
 * is the container's leader, so that `systemctl status` and `systemctl kill` mean that one; it is no child of the service
 * manager, which can tell how its own children end only. So where the container ends this process takes its place, and ends
 * as it did; and where the unit is stopped, when systemd hears of no other main process, ExecStop= does. */

#include "tools/bulwarkctl/verbs.h"

typedef struct Notify {
        Context *context;
        const char *name; /* of the container; NULL = nobody is to be told */
        char *path;
        bool ready;       /* told */
        bool moved;       /* something has changed since we looked */
        pid_t leader;     /* told; 0 = this process */
        char *group;      /* of the container, told */
        char *status;     /* told last */
        int64_t next;     /* CLOCK_MONOTONIC, milliseconds: look once more at what the container uses */
        int64_t interval; /* from then on to the next look */
} Notify;

/* On a new connection, also another one after the manager was restarted. */
int notify_begin(Notify *n, Context *c, const char *name);
void notify_done(Notify *n);
/* The container is active, and may have moved. */
void notify_active(Notify *n);
/* Microseconds until notify_active() has something to do though nothing moves; UINT64_MAX = nothing. */
uint64_t notify_timeout(const Notify *n);
/* It has ended: this process will, too. */
void notify_ended(Notify *n);
/* stop --notify, as ExecStop=: waits until that process has ended, the only other one in the unit's control group. What is
 * there when ExecStop= has ended is killed. */
void notify_await_end(void);
