/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* STOP-ALL and the host's shutdown: containers end in reverse order of start, each by its own signal and timeout,
 * then by force. Launches under way and exec sessions end at once. */
#include <signal.h>
#include <time.h>

#include "manager/base/io.h"
#include "manager/keeper/keeper.h"

#define KILL_PATIENCE (10 * USEC_PER_SEC) /* from SIGKILL to the end of even a large container */

static Record *last_running(const Keeper *k) {
        Record *r;

        for (r = k->last; r; r = r->previous)
                if (!r->join && r->state == KEEPER_RUNNING && !r->given_up)
                        return r;
        return NULL;
}

static void stop_next(Keeper *k) {
        Record *r = last_running(k);
        uint64_t now;

        k->stop_current = r;
        k->stop_killed = false;
        if (!r)
                return;
        if (pidfd_signal_awake(r->pidfd, r->stop_signal) < 0)
                record_kill(r);
        now = keeper_now(CLOCK_MONOTONIC);
        k->stop_deadline = r->stop_timeout_usec >= USEC_INFINITY - now ? USEC_INFINITY : now + r->stop_timeout_usec;
}

void stop_continue(Keeper *k) {
        if (!k->stopping)
                return;
        if (k->stop_current && k->stop_current->state == KEEPER_RUNNING) {
                uint64_t now = keeper_now(CLOCK_MONOTONIC);

                if (now < k->stop_deadline)
                        return;
                if (!k->stop_killed) {
                        record_kill(k->stop_current);
                        k->stop_killed = true;
                        k->stop_deadline = now + KILL_PATIENCE;
                        return;
                }
                /* It hangs in the kernel, e.g. on a dead disk. The others are stopped all the same. */
                k->stop_current->given_up = true;
        }
        stop_next(k);
        if (!k->stop_current && !k->exit_at_end)
                k->stopping = false;
}

void stop_all(Keeper *k, bool exit_at_end) {
        k->exit_at_end |= exit_at_end;
        if (k->stopping)
                return;
        k->stopping = true;
        for (Record *r = k->first; r; r = r->next)
                if (r->state == KEEPER_LAUNCHING || r->join)
                        record_kill(r);
        stop_continue(k);
}

int stop_wait_msec(const Keeper *k) {
        uint64_t now;

        if (!k->stopping || !k->stop_current || k->stop_deadline == USEC_INFINITY)
                return -1;
        now = keeper_now(CLOCK_MONOTONIC);
        return now >= k->stop_deadline ? 0 : (int)MIN_OF((k->stop_deadline - now) / USEC_PER_MSEC + 1, 1000000U);
}
