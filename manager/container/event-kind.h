/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What happened to a container, found by holding two looks at it against each other: whoever changes it need not say what
 * it did, and so cannot forget to. */

#include "manager/base/util.h"
#include "manager/container/container-state.h"
#include "manager/container/life/health.h"

typedef enum EventKind {
#define EVENT_KIND(kind, word, details) EVENT_KIND_##kind,
#include "manager/container/event-kinds.inc"
#undef EVENT_KIND
        _EVENT_KIND_MAX,
} EventKind;

typedef enum LoadState {
        LOAD_LOADED,
        LOAD_NOT_FOUND,
        LOAD_MASKED,
        LOAD_BAD,
        _LOAD_STATE_MAX,
} LoadState;

typedef struct EventFacts {
        LoadState load;
        ContainerState state;
        bool active;    /* to others: it does what it is there for */
        bool reloading;
        bool live;      /* its payload runs and is not on its way out */
        bool frozen;
        bool mac_lost;
        HealthState health;
        uint64_t started; /* when the payload was last executed */
        uint64_t ended;   /* when it last ended */
        uint64_t oom_kills;
        unsigned refused; /* starts that did not begin */
} EventFacts;

/* Of each kind whether it happened between the two looks. */
void events_between(const EventFacts *before, const EventFacts *after, bool ret[static _EVENT_KIND_MAX]);
