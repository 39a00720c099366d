/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/container/life/life-limit.h"

LifeLimit life_limit(const ContainerSpec *spec, const LifeFacts *f) {
        const bool oneshot = spec && spec->type == CONTAINER_TYPE_ONESHOT;
        const unsigned timers = container_state_row(f->state)->timers;

        /* Beside a daemon each command after its start has a timer of its own. */
        if (!spec || (f->state == CONTAINER_START_POST && !oneshot))
                return LIFE_UNLIMITED;
        if (timers & TIMER_RUN && f->ready && !oneshot)
                return LIFE_RUNS;
        return timers & TIMER_START ? LIFE_STARTS : LIFE_UNLIMITED;
}

static uint64_t add(uint64_t a, uint64_t b) {
        return a > USEC_INFINITY - b ? USEC_INFINITY : a + b;
}

uint64_t life_deadline(const ContainerSpec *spec, const LifeFacts *f) {
        const LifeLimit limit = life_limit(spec, f);
        uint64_t span = 0;

        switch (limit) {
        case LIFE_UNLIMITED:
        case _LIFE_LIMIT_MAX:
                return USEC_INFINITY;
        case LIFE_STARTS:
                span = spec->timeout_start_usec;
                break;
        case LIFE_RUNS:
                span = spec->runtime_max_usec;
                if (span != 0 && spec->runtime_random_usec > 0)
                        span = add(span, spec->runtime_random_usec == USEC_INFINITY
                                                 ? f->chance
                                                 : f->chance % (spec->runtime_random_usec + 1));
                break;
        }
        return span == 0 ? USEC_INFINITY : MAX_OF(add(f->since, span), f->extended[limit]);
}

LifeLimit life_over(const ContainerSpec *spec, const LifeFacts *f, uint64_t now) {
        return now < life_deadline(spec, f) ? LIFE_UNLIMITED : life_limit(spec, f);
}
