/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* STOP-ALL and the host's shutdown: containers end in the reverse of the order in which they may start, those without an
 * order among them at once, each by its own signal and timeout, then by force. Launches under way and exec sessions end at
 * once. */
#include <signal.h>
#include <time.h>

#include "manager/base/io.h"
#include "manager/keeper/keeper.h"

#define KILL_PATIENCE (10 * USEC_PER_SEC) /* from SIGKILL to the end of even a large container */

static bool is_waited_for(const Record *r) {
        return !r->join && r->state == KEEPER_RUNNING && r->stop_phase != STOP_GIVEN_UP;
}

static void ask(const Keeper *k, Record *r, uint64_t now) {
        r->stop_phase = STOP_ASKED;
        r->stop_deadline = r->stop_timeout_usec >= k->stop_end - MIN_OF(now, k->stop_end) ? k->stop_end
                                                                                           : now + r->stop_timeout_usec;
        if (pidfd_signal_awake(r->pidfd, r->stop_signal) < 0)
                r->stop_deadline = now;
}

static void stop_one(const Keeper *k, Record *r, uint64_t now) {
        if (r->stop_phase == STOP_NOT_BEGUN)
                ask(k, r, now);
        if (now < r->stop_deadline)
                return;
        if (r->stop_phase == STOP_ASKED) {
                r->stop_phase = STOP_KILLED;
                r->stop_deadline = now + KILL_PATIENCE;
                record_kill(r);
        } else /* The others are stopped all the same. */
                r->stop_phase = STOP_GIVEN_UP;
}

/* The deepest that still run; false: none does. */
static bool deepest(const Keeper *k, uint32_t *ret) {
        bool found = false;

        for (const Record *r = k->first; r; r = r->next)
                if (is_waited_for(r) && (!found || r->depth > *ret)) {
                        *ret = r->depth;
                        found = true;
                }
        return found;
}

bool stop_continue(Keeper *k) {
        uint64_t now;
        uint32_t depth = 0;

        if (!k->stopping)
                return false;
        now = keeper_now(CLOCK_MONOTONIC);
        while (deepest(k, &depth)) {
                bool waits = false;

                for (Record *r = k->first; r; r = r->next)
                        if (is_waited_for(r) && r->depth == depth) {
                                stop_one(k, r, now);
                                waits = waits || is_waited_for(r);
                        }
                if (waits)
                        return true;
        }
        if (!k->exit_at_end)
                k->stopping = false;
        return false;
}

void stop_all(Keeper *k, bool exit_at_end) {
        k->exit_at_end |= exit_at_end;
        if (k->stopping)
                return;
        k->stopping = true;
        k->stop_end = keeper_now(CLOCK_MONOTONIC) + KEEPER_STOP_LIMIT_USEC;
        for (Record *r = k->first; r; r = r->next)
                if (r->state == KEEPER_LAUNCHING || r->join)
                        record_kill(r);
        (void)stop_continue(k);
}

int stop_wait_msec(const Keeper *k) {
        uint64_t now, next = USEC_INFINITY;

        if (!k->stopping)
                return -1;
        for (const Record *r = k->first; r; r = r->next)
                if (is_waited_for(r) && r->stop_phase != STOP_NOT_BEGUN)
                        next = MIN_OF(next, r->stop_deadline);
        if (next == USEC_INFINITY)
                return -1;
        now = keeper_now(CLOCK_MONOTONIC);
        return now >= next ? 0 : (int)MIN_OF((next - now) / USEC_PER_MSEC + 1, 1000000U);
}
