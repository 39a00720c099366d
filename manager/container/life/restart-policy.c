/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <signal.h>

#include "manager/container/life/restart-policy.h"

bool start_limit_take(StartLimit *l, uint64_t interval, unsigned burst, uint64_t now) {
        if (interval == 0 || burst == 0)
                return true;
        if (l->since == 0 || now - l->since > interval)
                *l = (StartLimit){ .since = now };
        if (l->count >= burst)
                return false;
        l->count++;
        return true;
}

#define ON(policy) (1U << RESTART_##policy)
/* The table of systemd.service(5), and what is ours beside it. */
static const unsigned causes[_RESULT_MAX] = {
        [RESULT_SUCCESS] = ON(ALWAYS) | ON(ON_SUCCESS),
        [RESULT_EXIT_CODE] = ON(ALWAYS) | ON(ON_FAILURE),
        [RESULT_SIGNAL] = ON(ALWAYS) | ON(ON_FAILURE) | ON(ON_ABNORMAL) | ON(ON_ABORT),
        [RESULT_CORE_DUMP] = ON(ALWAYS) | ON(ON_FAILURE) | ON(ON_ABNORMAL) | ON(ON_ABORT),
        [RESULT_TIMEOUT] = ON(ALWAYS) | ON(ON_FAILURE) | ON(ON_ABNORMAL),
        [RESULT_OOM_KILL] = ON(ALWAYS) | ON(ON_FAILURE) | ON(ON_ABNORMAL),
        [RESULT_LAUNCH] = ON(ALWAYS) | ON(ON_FAILURE), /* to systemd, an exit code */
        [RESULT_RESOURCES] = ON(ALWAYS) | ON(ON_FAILURE) | ON(ON_ABNORMAL),
        [RESULT_UNKNOWN] = ON(ALWAYS) | ON(ON_FAILURE) | ON(ON_ABNORMAL),
        [RESULT_WATCHDOG] = ON(ALWAYS) | ON(ON_FAILURE) | ON(ON_ABNORMAL) | ON(ON_WATCHDOG),
        [RESULT_UNHEALTHY] = ON(ALWAYS) | ON(ON_FAILURE) | ON(ON_ABNORMAL),
        [RESULT_PROTOCOL] = ON(ALWAYS) | ON(ON_FAILURE) | ON(ON_ABNORMAL),
};
#undef ON

static bool matches(const value_exit_statuses *v, const ExitReport *e) {
        const uint64_t *set = e->code == CLD_EXITED ? v->codes : v->signals;
        size_t n = e->code == CLD_EXITED ? ELEMENTSOF(v->codes) : ELEMENTSOF(v->signals), bit = (size_t)e->status;

        return e->valid && e->code != 0 && bit < 64 * n && (set[bit / 64] >> bit % 64 & 1);
}

bool restart_wanted(const ContainerSpec *spec, ContainerResult result, const ExitReport *exit) {
        if ((int)result < 0 || result >= _RESULT_MAX || causes[result] == 0)
                return false;
        if (matches(&spec->restart_prevent_exit_status, exit))
                return false;
        if (matches(&spec->restart_force_exit_status, exit))
                return true;
        return causes[result] >> spec->restart & 1;
}

static uint64_t add(uint64_t a, uint64_t b) {
        return a > USEC_INFINITY - b ? USEC_INFINITY : a + b;
}

uint64_t restart_delay(const ContainerSpec *spec, unsigned n, uint64_t random) {
        uint64_t first = spec->restart_usec, last = spec->restart_max_delay_usec, delay = first;

        if (spec->restart_random_usec > 0)
                random = spec->restart_random_usec == USEC_INFINITY ? random : random % (spec->restart_random_usec + 1);
        else
                random = 0;
        if (n > 1 && spec->restart_steps > 0 && last != USEC_INFINITY && first > 0 && first < last)
                delay = n > spec->restart_steps
                                ? last
                                : (uint64_t)((double)first *
                                             pow((double)last / (double)first, (double)(n - 1) / spec->restart_steps));
        return add(delay, random);
}
