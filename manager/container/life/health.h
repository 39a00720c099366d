/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* HealthCmd=: a command that is run in the container now and then, and what follows from how it ends. A part of
 * Container, for one life. */

#include <systemd/sd-event.h>

#include "manager/base/util.h"

typedef enum HealthState {
        HEALTH_NONE,     /* nothing is checked */
        HEALTH_STARTING, /* no check has been good yet */
        HEALTH_HEALTHY,
        HEALTH_UNHEALTHY, /* HealthRetries= checks in a row were bad */
        _HEALTH_STATE_MAX,
} HealthState;
const char *health_state_to_string(HealthState s); /* "" = none; NULL = no state */

typedef struct HealthFacts { /* kept in the state blob */
        uint32_t state;   /* HealthState */
        uint32_t streak;  /* bad checks in a row that count */
        uint32_t startup_good, startup_bad; /* of HealthStartupCmd=: good ones in a row, bad ones in all */
} HealthFacts;

typedef struct HealthCheck HealthCheck;

typedef struct Health {
        HealthFacts facts;
        uint64_t delay;         /* until the next one while the container is starting */
        uint64_t checked_at;    /* realtime; 0 = never */
        char *output;           /* of the last check, its first bytes */
        sd_event_source *timer;
        HealthCheck *check;     /* that runs; of an earlier life where that ended under it */
} Health;
