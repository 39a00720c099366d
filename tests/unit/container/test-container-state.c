/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "manager/base/string-list.h"
#include "manager/container/container-state.h"

static void every_state_is_reached(void **state) {
        bool reached[_CONTAINER_STATE_MAX] = { [CONTAINER_INACTIVE] = true };
        bool grew = true;

        while (grew) {
                grew = false;
                for (int s = 0; s < _CONTAINER_STATE_MAX; s++)
                        for (int e = 0; e < _CONTAINER_EVENT_MAX; e++) {
                                Transition t = container_transition(s, e);

                                if (reached[s] && t.allowed && !reached[t.next])
                                        reached[t.next] = grew = true;
                        }
        }
        for (int s = 0; s < _CONTAINER_STATE_MAX; s++)
                if (!reached[s])
                        fail_msg("%s is never reached", container_state_to_string(s));
}

/* From everywhere there is a way back to inactive: nothing can get stuck. */
static void every_state_leads_home(void **state) {
        for (int from = 0; from < _CONTAINER_STATE_MAX; from++) {
                bool reached[_CONTAINER_STATE_MAX] = {};
                bool grew = true;

                reached[from] = true;
                while (grew) {
                        grew = false;
                        for (int s = 0; s < _CONTAINER_STATE_MAX; s++)
                                for (int e = 0; e < _CONTAINER_EVENT_MAX; e++) {
                                        Transition t = container_transition(s, e);

                                        if (reached[s] && t.allowed && !reached[t.next])
                                                reached[t.next] = grew = true;
                                }
                }
                if (!reached[CONTAINER_INACTIVE])
                        fail_msg("no way from %s to inactive", container_state_to_string(from));
        }
}

static void everything_has_a_name(void **state) {
        for (int s = 0; s < _CONTAINER_STATE_MAX; s++)
                assert_non_null(container_state_to_string(s));
        for (int e = 0; e < _CONTAINER_EVENT_MAX; e++)
                assert_non_null(container_event_to_string(e));
        for (int a = 0; a < _CONTAINER_ACTION_MAX; a++)
                assert_non_null(container_action_to_string(a));
        assert_null(container_state_to_string(_CONTAINER_STATE_MAX));
        assert_null(container_event_to_string(_CONTAINER_EVENT_MAX));
}

/* An event that nothing waits for, or an action that nothing causes, is a hole in the table. */
static void every_event_and_action_is_used(void **state) {
        bool events[_CONTAINER_EVENT_MAX] = {}, actions[_CONTAINER_ACTION_MAX] = {};

        for (int s = 0; s < _CONTAINER_STATE_MAX; s++)
                for (int e = 0; e < _CONTAINER_EVENT_MAX; e++) {
                        Transition t = container_transition(s, e);

                        events[e] |= t.allowed;
                        if (t.allowed)
                                actions[t.action] = true;
                }
        for (int e = 0; e < _CONTAINER_EVENT_MAX; e++)
                if (!events[e])
                        fail_msg("nothing waits for %s", container_event_to_string(e));
        for (int a = 0; a < _CONTAINER_ACTION_MAX; a++)
                if (!actions[a])
                        fail_msg("nothing causes %s", container_action_to_string(a));
}

/* Whoever has a cgroup must let it go: only cleaning, which undoes, leads from a life to rest. */
static void no_life_ends_without_undo(void **state) {
        static const ContainerState lives[] = { CONTAINER_LAUNCHING, CONTAINER_RUNNING, CONTAINER_STOPPING,
                                                CONTAINER_KILLING };

        for (size_t i = 0; i < ELEMENTSOF(lives); i++)
                for (int e = 0; e < _CONTAINER_EVENT_MAX; e++) {
                        Transition t = container_transition(lives[i], e);

                        if (t.allowed)
                                assert_true(t.next != CONTAINER_INACTIVE && t.next != CONTAINER_FAILED &&
                                            t.next != CONTAINER_EXITED);
                }
        for (int e = 0; e < _CONTAINER_EVENT_MAX; e++)
                if (container_transition(CONTAINER_CLEANING, e).allowed)
                        assert_int_equal(container_transition(CONTAINER_CLEANING, e).action,
                                         e == EVENT_NEXT_START ? ACTION_LAUNCH :
                                         e == EVENT_NEXT_START_POST || e == EVENT_NEXT_STOP_POST ? ACTION_RUN : ACTION_UNDO);
}

/* Where commands run, their end and their failure are heard, and there is a way to end them. */
static void commands_are_heard(void **state) {
        static const ContainerState states[] = { CONTAINER_CONDITION, CONTAINER_START_PRE, CONTAINER_START_POST, CONTAINER_STOP,
                                                 CONTAINER_STOP_POST };

        for (size_t i = 0; i < ELEMENTSOF(states); i++) {
                assert_int_equal(container_transition(states[i], EVENT_COMMAND_ENDED).action, ACTION_REAP);
                assert_int_equal(container_transition(states[i], EVENT_EMPTIED).action, ACTION_RUN);
                assert_int_equal(container_transition(states[i], EVENT_EMPTIED).next, states[i]);
                assert_int_equal(container_transition(states[i], EVENT_COMMAND_FAILED).next, CONTAINER_CLEANING);
                assert_int_equal(container_transition(states[i], EVENT_NOT_STARTED).next, CONTAINER_CLEANING);
                assert_true(container_transition(states[i], EVENT_STOP).allowed ||
                            container_transition(states[i], EVENT_STOP_TIMEOUT).allowed);
        }
        assert_int_equal(container_transition(CONTAINER_STOPPING, EVENT_COMMAND_ENDED).next, CONTAINER_CLEANING);
        assert_int_equal(container_transition(CONTAINER_KILLING, EVENT_COMMAND_ENDED).next, CONTAINER_CLEANING);
}

/* The end of the leader is heard in every state in which there may be one. */
static void the_end_is_always_heard(void **state) {
        for (int s = CONTAINER_LAUNCHING; s <= CONTAINER_KILLING; s++) {
                if (s == CONTAINER_EXITED)
                        continue;
                assert_int_equal(container_transition(s, EVENT_ENDED).next, CONTAINER_CLEANING);
                assert_int_equal(container_transition(s, EVENT_NOT_STARTED).next, CONTAINER_CLEANING);
        }
}

/* The cells that are empty on purpose, by name: filling one in wants a thought, and this list changed. */
static void empty_cells_stay_empty(void **state) {
        static const struct {
                ContainerState state;
                ContainerEvent event;
        } rows[] = {
                { CONTAINER_RUNNING, EVENT_START },      /* a start job of what runs is done at once */
                { CONTAINER_EXITED, EVENT_START },       /* the same: RemainAfterExit= is active */
                { CONTAINER_PREPARING, EVENT_STOP },     /* one local call: nothing comes in between */
                { CONTAINER_STOPPING, EVENT_STOP },      /* the signal is sent once */
                { CONTAINER_KILLING, EVENT_OVERDUE },    /* SIGKILL has been sent, or may be */
                { CONTAINER_STOP_POST, EVENT_OVERDUE },  /* a command is killed in time, whatever SendSIGKILL= says */
                { CONTAINER_CLEANING, EVENT_START },     /* the job waits for the undo */
                { CONTAINER_CLEANING, EVENT_STOP },
                { CONTAINER_FAILED, EVENT_STOP },
                { CONTAINER_INACTIVE, EVENT_ENDED },     /* an end can be told once only */
                { CONTAINER_FAILED, EVENT_ENDED },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_false(container_transition(rows[i].state, rows[i].event).allowed);
        assert_false(container_transition(_CONTAINER_STATE_INVALID, EVENT_START).allowed);
        assert_false(container_transition(CONTAINER_INACTIVE, _CONTAINER_EVENT_NONE).allowed);
}

static void the_table_prints(void **state) {
        _cleanup_free_ char *text = NULL;
        size_t lines = 0, cells = 0;

        assert_int_equal(container_transitions_print(&text), 0);
        for (const char *p = text; *p; p++)
                lines += *p == '\n';
        for (int s = 0; s < _CONTAINER_STATE_MAX; s++)
                for (int e = 0; e < _CONTAINER_EVENT_MAX; e++)
                        cells += container_transition(s, e).allowed;
        assert_int_equal(lines, cells);
        assert_non_null(strstr(text, "inactive   start           assemble   assembling\n"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_state_is_reached),
                cmocka_unit_test(every_state_leads_home),
                cmocka_unit_test(everything_has_a_name),
                cmocka_unit_test(every_event_and_action_is_used),
                cmocka_unit_test(no_life_ends_without_undo),
                cmocka_unit_test(the_end_is_always_heard),
                cmocka_unit_test(commands_are_heard),
                cmocka_unit_test(empty_cells_stay_empty),
                cmocka_unit_test(the_table_prints),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
