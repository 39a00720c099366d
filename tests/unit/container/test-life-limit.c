/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "manager/container/life-limit.h"

static void each_state_has_its_limit(void **state) {
        const ContainerSpec daemon = { .type = CONTAINER_TYPE_EXEC }, oneshot = { .type = CONTAINER_TYPE_ONESHOT };

        for (ContainerState s = 0; s < _CONTAINER_STATE_MAX; s++) {
                bool starts = s == CONTAINER_LAUNCHING || s == CONTAINER_PROBING || s == CONTAINER_CONDITION ||
                              s == CONTAINER_START_PRE;
                bool runs = s == CONTAINER_RUNNING || s == CONTAINER_RELOADING;
                bool after = s == CONTAINER_START_POST; /* beside a daemon each command has a timer of its own */

                assert_int_equal(life_limit(&daemon, s, true), starts ? LIFE_STARTS : runs ? LIFE_RUNS : LIFE_UNLIMITED);
                assert_int_equal(life_limit(&oneshot, s, true), starts || runs || after ? LIFE_STARTS : LIFE_UNLIMITED);
                assert_int_equal(life_limit(NULL, s, true), LIFE_UNLIMITED);
        }
}

static void the_time_counts_from_the_beginning(void **state) {
        ContainerSpec s = { .type = CONTAINER_TYPE_EXEC, .timeout_start_usec = 30, .runtime_max_usec = 500 };

        assert_int_equal(life_deadline(&s, CONTAINER_LAUNCHING, true, 1000, 7), 1030);
        assert_int_equal(life_deadline(&s, CONTAINER_RUNNING, true, 1000, 7), 1500);
        assert_int_equal(life_deadline(&s, CONTAINER_RUNNING, false, 1000, 7), 1030);
        assert_true(life_deadline(&s, CONTAINER_STOPPING, true, 1000, 7) == USEC_INFINITY);
        s.runtime_random_usec = 9;
        for (uint64_t chance = 0; chance < 20; chance++)
                assert_int_equal(life_deadline(&s, CONTAINER_RUNNING, true, 1000, chance), 1500 + chance % 10);
        assert_int_equal(life_deadline(&s, CONTAINER_LAUNCHING, true, 1000, 7), 1030);
        s.runtime_max_usec = 0;
        assert_true(life_deadline(&s, CONTAINER_RUNNING, true, 1000, 7) == USEC_INFINITY);
        s.runtime_max_usec = USEC_INFINITY;
        assert_true(life_deadline(&s, CONTAINER_RUNNING, true, 1000, 7) == USEC_INFINITY);
        s.timeout_start_usec = USEC_INFINITY - 1;
        assert_true(life_deadline(&s, CONTAINER_LAUNCHING, true, 1000, 7) == USEC_INFINITY);
}

static void what_is_over_is_judged_by_what_is_known_then(void **state) {
        ContainerSpec s = { .type = CONTAINER_TYPE_NOTIFY, .timeout_start_usec = 30 };

        assert_int_equal(life_over(&s, CONTAINER_RUNNING, false, 1000, 7, 1029), LIFE_UNLIMITED);
        assert_int_equal(life_over(&s, CONTAINER_RUNNING, false, 1000, 7, 1030), LIFE_STARTS);
        assert_int_equal(life_over(&s, CONTAINER_RUNNING, true, 1000, 7, 1030), LIFE_UNLIMITED); /* no RuntimeMaxSec= */
        s.runtime_max_usec = 500;
        assert_int_equal(life_over(&s, CONTAINER_RUNNING, true, 1000, 7, 1030), LIFE_UNLIMITED);
        assert_int_equal(life_over(&s, CONTAINER_RUNNING, true, 1000, 7, 1500), LIFE_RUNS);
        assert_int_equal(life_over(NULL, CONTAINER_RUNNING, true, 1000, 7, 1500), LIFE_UNLIMITED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_state_has_its_limit),
                cmocka_unit_test(the_time_counts_from_the_beginning),
                cmocka_unit_test(what_is_over_is_judged_by_what_is_known_then),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
