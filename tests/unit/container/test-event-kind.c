/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "manager/container/event-kind.h"

static const char *const words[_EVENT_KIND_MAX] = {
#define EVENT_KIND(kind, word, details) [EVENT_KIND_##kind] = word,
#include "manager/container/event-kinds.inc"
#undef EVENT_KIND
};

/* The words of everything that happened, in its order. */
static void told(const EventFacts *before, const EventFacts *after, const char *expected) {
        bool happened[_EVENT_KIND_MAX];
        char text[256] = "";

        events_between(before, after, happened);
        for (EventKind kind = 0; kind < _EVENT_KIND_MAX; kind++)
                if (happened[kind])
                        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", *text ? " " : "",
                                       words[kind]);
        assert_string_equal(text, expected);
}

static void moves(ContainerState before, ContainerState after, const char *expected) {
        told(&(EventFacts){ .state = before }, &(EventFacts){ .state = after }, expected);
}

static void changes_of_state(void **state) {
        moves(CONTAINER_INACTIVE, CONTAINER_ASSEMBLING, "start");
        moves(CONTAINER_RESTARTING, CONTAINER_ASSEMBLING, "start");
        moves(CONTAINER_ASSEMBLING, CONTAINER_PREPARING, "");
        moves(CONTAINER_ASSEMBLING, CONTAINER_FAILED, "failed");
        moves(CONTAINER_ASSEMBLING, CONTAINER_INACTIVE, "stopped"); /* a stop before there was anything */
        moves(CONTAINER_FAILED, CONTAINER_LISTENING, "listening");
        moves(CONTAINER_CLEANING, CONTAINER_RESTARTING, "restart-scheduled");
        moves(CONTAINER_CLEANING, CONTAINER_INACTIVE, "stopped");
        moves(CONTAINER_FAILED, CONTAINER_INACTIVE, "reset-failed");
        moves(CONTAINER_CLEANING, CONTAINER_EXITED, "");
        moves(CONTAINER_FAILED, CONTAINER_FAILED, "");
}

/* However many states a stop goes through, it begins once; killing what a payload left behind is none. */
static void a_stop_begins_once(void **state) {
        static const ContainerState stop[] = { CONTAINER_RUNNING, CONTAINER_STOP, CONTAINER_STOPPING, CONTAINER_KILLING,
                                               CONTAINER_CLEANING, CONTAINER_STOP_POST, CONTAINER_KILLING,
                                               CONTAINER_CLEANING };

        for (size_t i = 1; i < ELEMENTSOF(stop); i++)
                moves(stop[i - 1], stop[i], i == 1 ? "stop" : "");
        moves(CONTAINER_LAUNCHING, CONTAINER_KILLING, "stop");
        moves(CONTAINER_EXITED, CONTAINER_STOP, "stop");
}

static void facts_beside_the_state(void **state) {
        static const EventFacts up = { .state = CONTAINER_RUNNING, .live = true, .active = true, .started = 5, .ended = 3,
                                       .health = HEALTH_STARTING };
        EventFacts after = up;

        told(&(EventFacts){ .state = CONTAINER_RUNNING }, &up, "running ready exit");
        told(&up, &up, "");
        after.health = HEALTH_UNHEALTHY;
        told(&up, &after, "health");
        after = up;
        after.health = HEALTH_NONE; /* a new life: nothing was checked yet */
        told(&up, &after, "");
        after = up;
        after.oom_kills = 2;
        told(&up, &after, "oom");
        told(&after, &up, ""); /* a new life begins to count anew */
        after = up;
        after.refused = 1;
        told(&up, &after, "refused");
        after = up;
        after.mac_lost = true;
        after.state = CONTAINER_KILLING;
        told(&up, &after, "mac-lost stop");
        after = up;
        after.frozen = true;
        told(&up, &after, "frozen");
        told(&after, &up, "thawed");
        after.live = false;
        after.frozen = false;
        told(&(EventFacts){ .state = CONTAINER_RUNNING, .frozen = true, .active = true, .started = 5, .ended = 3,
                            .health = HEALTH_STARTING }, &after, ""); /* its end thaws nobody */
        after = up;
        after.reloading = true;
        told(&up, &after, "reload");
        told(&after, &up, "reloaded");
        after = up;
        after.started = 0; /* the payload is gone */
        after.ended = 8;
        told(&up, &after, "exit");
        told(&after, &(EventFacts){ .state = CONTAINER_RUNNING, .active = true, .health = HEALTH_STARTING }, "");
}

static void units(void **state) {
        static const char *const expected[_LOAD_STATE_MAX] = { "loaded", "not-found", "masked", "bad" };

        for (LoadState before = 0; before < _LOAD_STATE_MAX; before++)
                for (LoadState after = 0; after < _LOAD_STATE_MAX; after++)
                        told(&(EventFacts){ .load = before }, &(EventFacts){ .load = after },
                             before == after ? "" : expected[after]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(changes_of_state),
                cmocka_unit_test(a_stop_begins_once),
                cmocka_unit_test(facts_beside_the_state),
                cmocka_unit_test(units),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
