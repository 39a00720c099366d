/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "manager/container/life/life-limit.h"

static LifeFacts facts(ContainerState state, bool ready, uint64_t chance) {
        return (LifeFacts){ .state = state, .ready = ready, .since = 1000, .chance = chance };
}

static LifeLimit limit(const ContainerSpec *spec, ContainerState state) {
        const LifeFacts f = facts(state, true, 7);

        return life_limit(spec, &f);
}

static uint64_t deadline(const ContainerSpec *spec, ContainerState state, bool ready, uint64_t chance) {
        const LifeFacts f = facts(state, ready, chance);

        return life_deadline(spec, &f);
}

static LifeLimit over(const ContainerSpec *spec, ContainerState state, bool ready, uint64_t now) {
        const LifeFacts f = facts(state, ready, 7);

        return life_over(spec, &f, now);
}

static void each_state_has_its_limit(void **state) {
        const ContainerSpec daemon = { .type = CONTAINER_TYPE_EXEC }, oneshot = { .type = CONTAINER_TYPE_ONESHOT };

        for (ContainerState s = 0; s < _CONTAINER_STATE_MAX; s++) {
                bool starts = s == CONTAINER_LAUNCHING || s == CONTAINER_PROBING || s == CONTAINER_CONDITION ||
                              s == CONTAINER_START_PRE;
                bool runs = s == CONTAINER_RUNNING || s == CONTAINER_RELOADING;
                bool after = s == CONTAINER_START_POST; /* beside a daemon each command has a timer of its own */

                assert_int_equal(limit(&daemon, s), starts ? LIFE_STARTS : runs ? LIFE_RUNS : LIFE_UNLIMITED);
                assert_int_equal(limit(&oneshot, s), starts || runs || after ? LIFE_STARTS : LIFE_UNLIMITED);
                assert_int_equal(limit(NULL, s), LIFE_UNLIMITED);
        }
}

static void the_time_counts_from_the_beginning(void **state) {
        ContainerSpec s = { .type = CONTAINER_TYPE_EXEC, .timeout_start_usec = 30, .runtime_max_usec = 500 };

        assert_int_equal(deadline(&s, CONTAINER_LAUNCHING, true, 7), 1030);
        assert_int_equal(deadline(&s, CONTAINER_RUNNING, true, 7), 1500);
        assert_int_equal(deadline(&s, CONTAINER_RUNNING, false, 7), 1030);
        assert_true(deadline(&s, CONTAINER_STOPPING, true, 7) == USEC_INFINITY);
        s.runtime_random_usec = 9;
        for (uint64_t chance = 0; chance < 20; chance++)
                assert_int_equal(deadline(&s, CONTAINER_RUNNING, true, chance), 1500 + chance % 10);
        assert_int_equal(deadline(&s, CONTAINER_LAUNCHING, true, 7), 1030);
        s.runtime_max_usec = 0;
        assert_true(deadline(&s, CONTAINER_RUNNING, true, 7) == USEC_INFINITY);
        s.runtime_max_usec = USEC_INFINITY;
        assert_true(deadline(&s, CONTAINER_RUNNING, true, 7) == USEC_INFINITY);
        s.timeout_start_usec = USEC_INFINITY - 1;
        assert_true(deadline(&s, CONTAINER_LAUNCHING, true, 7) == USEC_INFINITY);
}

static void a_word_moves_its_own_limit_away(void **state) {
        ContainerSpec s = { .type = CONTAINER_TYPE_NOTIFY, .timeout_start_usec = 30, .runtime_max_usec = 500 };
        LifeFacts f = facts(CONTAINER_RUNNING, false, 7);

        f.extended[LIFE_STARTS] = 1020;
        assert_int_equal(life_deadline(&s, &f), 1030); /* never nearer */
        f.extended[LIFE_STARTS] = 1100;
        assert_int_equal(life_deadline(&s, &f), 1100);
        assert_int_equal(life_over(&s, &f, 1099), LIFE_UNLIMITED);
        assert_int_equal(life_over(&s, &f, 1100), LIFE_STARTS);
        f.ready = true;
        assert_int_equal(life_deadline(&s, &f), 1500);
        f.extended[LIFE_RUNS] = 1600;
        assert_int_equal(life_deadline(&s, &f), 1600);
        s.runtime_max_usec = 0;
        assert_true(life_deadline(&s, &f) == USEC_INFINITY);
}

static void what_is_over_is_judged_by_what_is_known_then(void **state) {
        ContainerSpec s = { .type = CONTAINER_TYPE_NOTIFY, .timeout_start_usec = 30 };

        assert_int_equal(over(&s, CONTAINER_RUNNING, false, 1029), LIFE_UNLIMITED);
        assert_int_equal(over(&s, CONTAINER_RUNNING, false, 1030), LIFE_STARTS);
        assert_int_equal(over(&s, CONTAINER_RUNNING, true, 1030), LIFE_UNLIMITED); /* no RuntimeMaxSec= */
        s.runtime_max_usec = 500;
        assert_int_equal(over(&s, CONTAINER_RUNNING, true, 1030), LIFE_UNLIMITED);
        assert_int_equal(over(&s, CONTAINER_RUNNING, true, 1500), LIFE_RUNS);
        assert_int_equal(over(NULL, CONTAINER_RUNNING, true, 1500), LIFE_UNLIMITED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_state_has_its_limit),
                cmocka_unit_test(the_time_counts_from_the_beginning),
                cmocka_unit_test(a_word_moves_its_own_limit_away),
                cmocka_unit_test(what_is_over_is_judged_by_what_is_known_then),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
