/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/container/life/life-limit.h"

LifeLimit life_limit(const ContainerSpec *spec, const LifeFacts *f) {
        const ContainerState state = f->state;

        if (!spec)
                return LIFE_UNLIMITED;
        if (state == CONTAINER_PROBING || state == CONTAINER_CONDITION || state == CONTAINER_START_PRE ||
            state == CONTAINER_LAUNCHING || (state == CONTAINER_START_POST && spec->type == CONTAINER_TYPE_ONESHOT))
                return LIFE_STARTS;
        if (state != CONTAINER_RUNNING && state != CONTAINER_RELOADING)
                return LIFE_UNLIMITED;
        return spec->type == CONTAINER_TYPE_ONESHOT || !f->ready ? LIFE_STARTS : LIFE_RUNS;
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
