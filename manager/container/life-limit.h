/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How long a life may take in the state that it is in: pure. */

#include "manager/container/manager.h"

typedef enum LifeLimit {
        LIFE_UNLIMITED,
        LIFE_STARTS, /* TimeoutStartSec=: launching, a oneshot that runs, or no word yet that it is ready */
        LIFE_RUNS,   /* RuntimeMaxSec= */
} LifeLimit;

/* spec may be NULL: unlimited. ready: the payload has said so, or need not. */
LifeLimit life_limit(const ContainerSpec *spec, ContainerState state, bool ready);
/* When it is over, on the clock of since, when it began; USEC_INFINITY = never. chance: anything, the same each time. */
uint64_t life_deadline(const ContainerSpec *spec, ContainerState state, bool ready, uint64_t since, uint64_t chance);
/* Which limit is over at now; LIFE_UNLIMITED: none. A word that came at the last moment may have put another in force. */
LifeLimit life_over(const ContainerSpec *spec, ContainerState state, bool ready, uint64_t since, uint64_t chance, uint64_t now);
