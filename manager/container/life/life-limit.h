/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How long a life may take in the state that it is in: pure. */

#include "manager/container/manager.h"

typedef enum LifeLimit {
        LIFE_UNLIMITED,
        LIFE_STARTS, /* TimeoutStartSec=: launching, a oneshot that runs, or no word yet that it is ready */
        LIFE_RUNS,   /* RuntimeMaxSec= */
        _LIFE_LIMIT_MAX,
} LifeLimit;

typedef struct LifeFacts {
        ContainerState state;
        bool ready;      /* the payload has said so, or need not */
        uint64_t since;  /* when it began */
        uint64_t chance; /* anything, the same each time */
        uint64_t extended[_LIFE_LIMIT_MAX]; /* EXTEND_TIMEOUT_USEC=: each limit is not over before; 0 = nothing said */
} LifeFacts;

/* spec may be NULL: unlimited. */
LifeLimit life_limit(const ContainerSpec *spec, const LifeFacts *f);
/* When it is over, on the clock of since; USEC_INFINITY = never. */
uint64_t life_deadline(const ContainerSpec *spec, const LifeFacts *f);
/* Which limit is over at now; LIFE_UNLIMITED: none. A word that came at the last moment may have put another in force. */
LifeLimit life_over(const ContainerSpec *spec, const LifeFacts *f, uint64_t now);
