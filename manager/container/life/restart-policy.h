/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether what has ended is started again, when, and how often: pure decisions, systemd's rules. */

#include "manager/container/manager.h"

/* A limit on starts, as far as it has been used. */
typedef struct StartLimit {
        uint64_t since; /* monotonic; 0 = no start was counted */
        uint64_t count;
} StartLimit;

/* One more start: true where it is still within burst starts an interval. 0 of either: there is no limit. */
bool start_limit_take(StartLimit *l, uint64_t interval, unsigned burst, uint64_t now);

/* Restart=, RestartPreventExitStatus= and RestartForceExitStatus= for an end that nobody asked for. A start that a
 * protection refused, and a life that lost one, are for a person to look at: never. */
bool restart_wanted(const ContainerSpec *spec, ContainerResult result, const ExitReport *exit);

/* How long the n-th restart in a row (from 1) waits: RestartSec=, which grows in RestartSteps= to RestartMaxDelaySec=.
 * random: anything; RestartRandomizedDelaySec= takes its part of it. */
uint64_t restart_delay(const ContainerSpec *spec, unsigned n, uint64_t random);
