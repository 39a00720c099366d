/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <signal.h>

#include "manager/container/life/restart-policy.h"

/* A line a result, a column a word of Restart=: systemd's table. */
static const struct {
        ContainerResult result;
        const char *wanted; /* by no, always, on-success, on-failure, on-abnormal, on-abort, on-watchdog */
} table[] = {
        { RESULT_SUCCESS,        ".xx...." },
        { RESULT_EXIT_CODE,      ".x.x..." },
        { RESULT_SIGNAL,         ".x.xxx." },
        { RESULT_CORE_DUMP,      ".x.xxx." },
        { RESULT_TIMEOUT,        ".x.xx.." },
        { RESULT_WATCHDOG,       ".x.xx.x" },
        { RESULT_PROTOCOL,       ".x.xx.." },
        { RESULT_UNHEALTHY,      ".x.xx.." },
        { RESULT_TRIGGER_LIMIT,  "......." },
        { RESULT_OOM_KILL,       ".x.xx.." },
        { RESULT_LAUNCH,         ".x.x..." },
        { RESULT_RESOURCES,      ".x.xx.." },
        { RESULT_UNKNOWN,        ".x.xx.." },
        { RESULT_POLICY,         "......." },
        { RESULT_LABEL_MISMATCH, "......." },
        { RESULT_MAC_LOST,       "......." },
        { RESULT_PROBE,          "......." },
        { RESULT_START_LIMIT,    "......." },
        { RESULT_EXEC_CONDITION, "......." },
};

static void every_result_has_its_row(void **state) {
        bool seen[_RESULT_MAX] = {};

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                seen[table[i].result] = true;
                for (int p = 0; p < _RESTART_POLICY_MAX; p++) {
                        const ContainerSpec spec = { .restart = (RestartPolicy)p };

                        if (restart_wanted(&spec, table[i].result, &(ExitReport){}) != (table[i].wanted[p] == 'x'))
                                fail_msg("Restart=%s after %s", restart_policy_to_string((RestartPolicy)p),
                                         container_result_to_string(table[i].result));
                }
        }
        for (int r = 0; r < _RESULT_MAX; r++)
                if (!seen[r])
                        fail_msg("nothing is said of %s", container_result_to_string((ContainerResult)r));
}

static const value_exit_statuses three_and_usr1 = { .codes = { 1U << 3 }, .signals = { UINT64_C(1) << SIGUSR1 } };

static void statuses_are_stronger_than_the_word(void **state) {
        static const struct {
                RestartPolicy policy;
                bool prevent, force;
                ContainerResult result;
                int code, status;
                bool wanted;
        } rows[] = {
                { RESTART_ALWAYS, true, false, RESULT_EXIT_CODE, CLD_EXITED, 3, false },
                { RESTART_ALWAYS, true, false, RESULT_EXIT_CODE, CLD_EXITED, 4, true },
                { RESTART_ALWAYS, true, false, RESULT_SIGNAL, CLD_KILLED, SIGUSR1, false },
                { RESTART_ALWAYS, true, false, RESULT_SIGNAL, CLD_KILLED, 3, true }, /* a code is no signal */
                { RESTART_NO, false, true, RESULT_EXIT_CODE, CLD_EXITED, 3, true },
                { RESTART_NO, false, true, RESULT_SUCCESS, CLD_EXITED, 3, true },
                { RESTART_NO, false, true, RESULT_CORE_DUMP, CLD_DUMPED, SIGUSR1, true },
                { RESTART_NO, false, true, RESULT_EXIT_CODE, CLD_EXITED, 4, false },
                { RESTART_NO, false, true, RESULT_MAC_LOST, CLD_EXITED, 3, false }, /* a protection is stronger still */
                { RESTART_NO, true, true, RESULT_EXIT_CODE, CLD_EXITED, 3, false },
                { RESTART_NO, false, true, RESULT_UNKNOWN, 0, 3, false },
                { RESTART_NO, false, true, RESULT_EXIT_CODE, CLD_EXITED, 256 + 3, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                ContainerSpec spec = { .restart = rows[i].policy };
                const ExitReport exit = { .valid = true, .code = rows[i].code, .status = rows[i].status };

                if (rows[i].prevent)
                        spec.restart_prevent_exit_status = three_and_usr1;
                if (rows[i].force)
                        spec.restart_force_exit_status = three_and_usr1;
                if (restart_wanted(&spec, rows[i].result, &exit) != rows[i].wanted)
                        fail_msg("row %zu", i);
        }
}

static void the_delay_grows_to_its_maximum(void **state) {
        ContainerSpec spec = { .restart_usec = 100, .restart_max_delay_usec = USEC_INFINITY };

        assert_int_equal(restart_delay(&spec, 1, 7), 100);
        assert_int_equal(restart_delay(&spec, 1000, 7), 100);
        spec.restart_steps = 4; /* nothing to grow to */
        assert_int_equal(restart_delay(&spec, 3, 7), 100);
        spec.restart_max_delay_usec = 1600;
        assert_int_equal(restart_delay(&spec, 1, 0), 100);
        assert_int_equal(restart_delay(&spec, 2, 0), 200);
        assert_int_equal(restart_delay(&spec, 3, 0), 400);
        assert_int_equal(restart_delay(&spec, 4, 0), 800);
        assert_int_equal(restart_delay(&spec, 5, 0), 1600);
        assert_int_equal(restart_delay(&spec, UINT32_MAX, 0), 1600);
        spec.restart_usec = 2000; /* more than the maximum: it counts */
        assert_int_equal(restart_delay(&spec, 5, 0), 2000);
        spec.restart_usec = 0;
        assert_int_equal(restart_delay(&spec, 5, 0), 0);
        spec.restart_usec = USEC_INFINITY;
        assert_true(restart_delay(&spec, 1, 0) == USEC_INFINITY);
}

static void chance_adds_what_it_may(void **state) {
        ContainerSpec spec = { .restart_usec = 100, .restart_max_delay_usec = USEC_INFINITY, .restart_random_usec = 9 };

        for (uint64_t random = 0; random < 10; random++)
                assert_int_equal(restart_delay(&spec, 1, random), 100 + random);
        assert_int_equal(restart_delay(&spec, 1, 10), 100);
        spec.restart_usec = USEC_INFINITY - 1;
        assert_true(restart_delay(&spec, 1, 9) == USEC_INFINITY);
}

static void the_limit_counts_within_its_interval(void **state) {
        StartLimit l = {};

        for (uint64_t i = 0; i < 3; i++)
                assert_true(start_limit_take(&l, 100, 3, 1000 + i));
        assert_false(start_limit_take(&l, 100, 3, 1003));
        assert_false(start_limit_take(&l, 100, 3, 1100)); /* what was refused does not make it longer */
        assert_true(start_limit_take(&l, 100, 3, 1101));
        assert_int_equal(l.count, 1);
        assert_true(start_limit_take(&l, 0, 3, 1102)); /* none */
        assert_true(start_limit_take(&l, 100, 0, 1102));
        assert_int_equal(l.count, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_result_has_its_row),
                cmocka_unit_test(statuses_are_stronger_than_the_word),
                cmocka_unit_test(the_delay_grows_to_its_maximum),
                cmocka_unit_test(chance_adds_what_it_may),
                cmocka_unit_test(the_limit_counts_within_its_interval),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
