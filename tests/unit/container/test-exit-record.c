/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <signal.h>

#include "manager/record/exit-record.h"

static const value_exit_statuses three_and_usr1 = { .codes = { 1U << 3 }, .signals = { UINT64_C(1) << SIGUSR1 } };

static const struct {
        const char *what;
        ExitFacts facts;
        ContainerResult result;
} rows[] = {
        { "ends well", { .code = CLD_EXITED }, RESULT_SUCCESS },
        { "ends badly", { .code = CLD_EXITED, .status = 1 }, RESULT_EXIT_CODE },
        { "a code that counts as success", { .code = CLD_EXITED, .status = 3, .success = &three_and_usr1 }, RESULT_SUCCESS },
        { "another code", { .code = CLD_EXITED, .status = 4, .success = &three_and_usr1 }, RESULT_EXIT_CODE },
        { "the highest code", { .code = CLD_EXITED, .status = 255, .success = &three_and_usr1 }, RESULT_EXIT_CODE },
        { "SIGTERM from anybody", { .code = CLD_KILLED, .status = SIGTERM }, RESULT_SUCCESS },
        { "SIGHUP", { .code = CLD_KILLED, .status = SIGHUP }, RESULT_SUCCESS },
        { "SIGINT: an init that powers off", { .code = CLD_KILLED, .status = SIGINT }, RESULT_SUCCESS },
        { "SIGPIPE", { .code = CLD_KILLED, .status = SIGPIPE }, RESULT_SUCCESS },
        { "a oneshot must come to its end", { .code = CLD_KILLED, .status = SIGTERM, .oneshot = true }, RESULT_SIGNAL },
        { "unless it was stopped", { .code = CLD_KILLED, .status = SIGTERM, .oneshot = true, .stop_requested = true, .stop_signal = SIGTERM }, RESULT_SUCCESS },
        { "SIGKILL from outside", { .code = CLD_KILLED, .status = SIGKILL }, RESULT_SIGNAL },
        { "a signal that counts as success", { .code = CLD_KILLED, .status = SIGUSR1, .success = &three_and_usr1 }, RESULT_SUCCESS },
        { "another signal", { .code = CLD_KILLED, .status = SIGUSR2, .success = &three_and_usr1 }, RESULT_SIGNAL },
        { "the stop signal, when we sent it", { .code = CLD_KILLED, .status = SIGQUIT, .stop_requested = true, .stop_signal = SIGQUIT }, RESULT_SUCCESS },
        { "the stop signal, when we did not", { .code = CLD_KILLED, .status = SIGQUIT, .stop_signal = SIGQUIT }, RESULT_SIGNAL },
        { "a real-time signal", { .code = CLD_KILLED, .status = 64, .success = &three_and_usr1 }, RESULT_SIGNAL },
        { "core dump", { .code = CLD_DUMPED, .status = SIGSEGV }, RESULT_CORE_DUMP },
        { "stop took too long", { .code = CLD_KILLED, .status = SIGKILL, .stop_requested = true, .stop_signal = SIGTERM, .timed_out = true }, RESULT_TIMEOUT },
        { "canceled before it ran", { .code = CLD_KILLED, .status = SIGKILL, .stop_requested = true, .canceled = true }, RESULT_SUCCESS },
        { "out of memory", { .code = CLD_KILLED, .status = SIGKILL, .oom = true }, RESULT_OOM_KILL },
        { "out of memory, seen by a shell", { .code = CLD_EXITED, .status = 137, .oom = true }, RESULT_OOM_KILL },
        { "a child was out of memory, the payload coped", { .code = CLD_EXITED, .oom = true }, RESULT_SUCCESS },
        { "nobody knows", { .code = 0 }, RESULT_UNKNOWN },
        { "nobody knows, but it was too slow", { .code = 0, .timed_out = true }, RESULT_TIMEOUT },
};

static void every_end_has_its_word(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                ContainerResult r = exit_classify(&rows[i].facts);

                if (r != rows[i].result)
                        fail_msg("%s: %s, not %s", rows[i].what, container_result_to_string(r),
                                 container_result_to_string(rows[i].result));
        }
        for (int r = 0; r < _RESULT_MAX; r++)
                assert_non_null(container_result_to_string(r));
}

/* An init that is PID 1 tells by a signal what it asked reboot(2) for. */
static void an_init_powers_off_and_reboots(void **state) {
        static const struct {
                int code, status, expected_code, expected_status;
                bool reboot;
        } inits[] = {
                { CLD_KILLED, SIGINT, CLD_EXITED, 0, false },
                { CLD_KILLED, SIGHUP, CLD_KILLED, SIGHUP, true },
                { CLD_KILLED, SIGKILL, CLD_KILLED, SIGKILL, false },
                { CLD_EXITED, SIGHUP, CLD_EXITED, SIGHUP, false },
                { CLD_EXITED, 3, CLD_EXITED, 3, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(inits); i++) {
                ExitReport r = { .valid = true, .code = inits[i].code, .status = inits[i].status };
                bool reboot = !inits[i].reboot;

                exit_of_init(&r, &reboot);
                assert_int_equal(r.code, inits[i].expected_code);
                assert_int_equal(r.status, inits[i].expected_status);
                assert_int_equal(reboot, inits[i].reboot);
        }
}

static ExitRecord sample(void) {
        ExitRecord r = { .name = (char *)"web@blue",
                         .state = CONTAINER_FAILED,
                         .result = RESULT_SIGNAL,
                         .exit = { .valid = true, .code = CLD_KILLED, .status = SIGKILL, .realtime_usec = 11, .monotonic_usec = 12 },
                         .start_realtime = 1,
                         .active_enter = { 2, 3 },
                         .active_exit = { 4, 5 },
                         .state_change = 6,
                         .id_base = 7,
                         .id_count = 65536,
                         .logs_to_journal = true,
                         .last_error = (char *)"two\nlines" };

        memset(r.invocation.bytes, 0xa5, sizeof(r.invocation.bytes));
        return r;
}

static void comes_back_as_it_was(void **state) {
        _cleanup_(exit_record_done) ExitRecord back = {};
        _cleanup_free_ void *data = NULL;
        ExitRecord r = sample();
        size_t size;

        assert_int_equal(exit_record_encode(&r, &data, &size), 0);
        assert_int_equal(exit_record_decode(data, size, &back), 0);
        assert_string_equal(back.name, r.name);
        assert_string_equal(back.last_error, r.last_error);
        assert_int_equal(back.state, r.state);
        assert_int_equal(back.result, r.result);
        assert_true(back.exit.valid && back.logs_to_journal);
        assert_int_equal(back.exit.code, r.exit.code);
        assert_int_equal(back.exit.status, r.exit.status);
        assert_int_equal(back.exit.realtime_usec, 11);
        assert_int_equal(back.exit.monotonic_usec, 12);
        assert_memory_equal(&back.invocation, &r.invocation, sizeof(r.invocation));
        assert_memory_equal(back.active_enter, r.active_enter, sizeof(r.active_enter));
        assert_memory_equal(back.active_exit, r.active_exit, sizeof(r.active_exit));
        assert_int_equal(back.start_realtime, 1);
        assert_int_equal(back.state_change, 6);
        assert_int_equal(back.id_base, 7);
        assert_int_equal(back.id_count, 65536);
}

static void damage_is_refused(void **state) {
        _cleanup_free_ void *data = NULL;
        ExitRecord r = sample(), back = {};
        size_t size;

        assert_int_equal(exit_record_encode(&r, &data, &size), 0);
        for (size_t i = 0; i < size; i++) {
                ((uint8_t *)data)[i] ^= 1U << (i % 8);
                assert_int_equal(exit_record_decode(data, size, &back), -EBADMSG);
                ((uint8_t *)data)[i] ^= 1U << (i % 8);
        }
        for (size_t i = 0; i < size; i++) {
                _cleanup_free_ void *cut = malloc(MAX_OF(i, (size_t)1));

                memcpy(cut, data, i);
                assert_int_equal(exit_record_decode(cut, i, &back), -EBADMSG);
        }
}

/* A whole record of impossible contents: the checksum is right, and it is refused all the same. */
static void impossible_contents_are_refused(void **state) {
        for (unsigned i = 0; i < 4; i++) {
                _cleanup_free_ void *data = NULL;
                ExitRecord r = sample(), back = {};
                size_t size;

                if (i == 0)
                        r.state = CONTAINER_RUNNING;
                else if (i == 1)
                        r.result = _RESULT_MAX;
                else if (i == 2)
                        r.name = (char *)"../web";
                else
                        r.name = NULL;
                assert_int_equal(exit_record_encode(&r, &data, &size), 0);
                assert_int_equal(exit_record_decode(data, size, &back), -EBADMSG);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_end_has_its_word),
                cmocka_unit_test(an_init_powers_off_and_reboots),
                cmocka_unit_test(comes_back_as_it_was),
                cmocka_unit_test(damage_is_refused),
                cmocka_unit_test(impossible_contents_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
