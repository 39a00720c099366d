/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/container/event-kind.h"

/* A stop goes through several of these; those behind the payload's end begin none. */
static bool state_is_stopping(ContainerState s) {
        return s == CONTAINER_STOP || s == CONTAINER_STOPPING || s == CONTAINER_KILLING;
}

static void events_of_load(LoadState before, LoadState after, bool happened[static _EVENT_KIND_MAX]) {
        static const EventKind kinds[_LOAD_STATE_MAX] = { [LOAD_LOADED] = EVENT_KIND_LOADED,
                                                          [LOAD_NOT_FOUND] = EVENT_KIND_NOT_FOUND,
                                                          [LOAD_MASKED] = EVENT_KIND_MASKED,
                                                          [LOAD_BAD] = EVENT_KIND_BAD };

        if (before != after && (int)after >= 0 && after < _LOAD_STATE_MAX)
                happened[kinds[after]] = true;
}

static void events_of_state(ContainerState before, ContainerState after, bool happened[static _EVENT_KIND_MAX]) {
        if (before == after)
                return;
        happened[EVENT_KIND_START] = after == CONTAINER_ASSEMBLING;
        happened[EVENT_KIND_LISTENING] = after == CONTAINER_LISTENING;
        happened[EVENT_KIND_STOP] = state_is_stopping(after) && container_phase(before) != PHASE_GOING;
        happened[EVENT_KIND_RESTART_SCHEDULED] = after == CONTAINER_RESTARTING;
        happened[EVENT_KIND_STOPPED] = after == CONTAINER_INACTIVE && before != CONTAINER_FAILED;
        happened[EVENT_KIND_FAILED] = after == CONTAINER_FAILED;
        happened[EVENT_KIND_RESET] = after == CONTAINER_INACTIVE && before == CONTAINER_FAILED;
}

void events_between(const EventFacts *before, const EventFacts *after, bool ret[static _EVENT_KIND_MAX]) {
        memset(ret, 0, sizeof(bool[_EVENT_KIND_MAX]));
        events_of_load(before->load, after->load, ret);
        events_of_state(before->state, after->state, ret);
        ret[EVENT_KIND_REFUSED] = after->refused != before->refused;
        ret[EVENT_KIND_RUNNING] = after->started != before->started && after->started > 0;
        ret[EVENT_KIND_READY] = after->active && !before->active;
        ret[EVENT_KIND_RELOAD] = after->reloading && !before->reloading;
        ret[EVENT_KIND_RELOADED] = before->reloading && !after->reloading && after->live;
        ret[EVENT_KIND_FROZEN] = after->frozen && !before->frozen;
        ret[EVENT_KIND_THAWED] = before->frozen && !after->frozen && after->live;
        /* That it is to be checked is no finding. */
        ret[EVENT_KIND_HEALTH] = after->health != before->health &&
                                 (after->health == HEALTH_HEALTHY || after->health == HEALTH_UNHEALTHY);
        ret[EVENT_KIND_OOM] = after->oom_kills > before->oom_kills;
        ret[EVENT_KIND_MAC_LOST] = after->mac_lost && !before->mac_lost;
        ret[EVENT_KIND_EXIT] = after->ended != before->ended && after->ended > 0;
}
