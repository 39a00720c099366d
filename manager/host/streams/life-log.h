/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What happens to containers, told as it happens: a line in bulwarkd's own log, a line among those that the container
 * wrote, and one in STATE/events, which outlives the boot and which "bulwarkctl events" reads. That one is a log of the
 * same format whose texts are JSON: {"container":"web","event":"exit","message":"...","details":{...}}, details as in the
 * signal Event, bounded. Nothing of this can fail a start: what cannot be written is lost, and said once. */

#include "manager/container/manager.h"

#define EVENTS_FILE_MAX (UINT64_C(1) << 20)

typedef struct LifeLog LifeLog;

int life_log_new(Manager *m, LifeLog **ret); /* listens to m until it is freed, which must be before m is */
/* Once the directories of the manager are open, so that its descriptors stay the same from then on. */
void life_log_open(LifeLog *l);
LifeLog *life_log_free(LifeLog *l);
