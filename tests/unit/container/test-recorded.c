/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "manager/base/io.h"
#include "manager/record/blob.h"
#include "manager/record/exit-record.h"

/* What an earlier release wrote, as files: it decodes for ever. tests/recorded/RELEASE has what a manager of that release
 * left in its runtime directory, never made by today's code. */

static size_t read_recorded(const char *name, uint8_t data[static 8192]) {
        char path[4096];
        size_t n = 0;
        int fd;

        (void)snprintf(path, sizeof(path), "%s/%s", RECORDED, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_true(read_all(fd, data, 8192, &n) >= 0);
        (void)close(fd);
        assert_true(n > 0);
        return n;
}

typedef struct Lived {
        const char *name, *program;
        bool ids;
        size_t n_streams;
        LogSink sink;
        HealthState health;
} Lived;

static void test_lives(void **state) {
        static const Lived lives[] = {
                { "plain", "/bin/sleep", true, 2, LOG_SINK_LINES, HEALTH_NONE },
                { "rich", "/bin/sleep", true, 2, LOG_SINK_FILE, HEALTH_STARTING },
                { "named.with-dots_1", "/bin/sleep", false, 2, LOG_SINK_LINES, HEALTH_NONE },
        };

        for (size_t i = 0; i < ELEMENTSOF(lives); i++) {
                const Lived *l = lives + i;
                uint8_t data[8192];
                char path[128];
                Blob b = {};
                size_t n;

                (void)snprintf(path, sizeof(path), "live/%s", l->name);
                n = read_recorded(path, data);
                assert_int_equal(blob_decode(data, n, &b), 0);
                assert_string_equal(b.name, l->name);
                assert_non_null(b.spec);
                assert_string_equal(b.spec->exec_start.items[0].path, l->program);
                assert_int_equal(b.id_count, l->ids ? 65536 : 0);
                assert_true(b.leader > 1 && b.start_realtime > 0 && b.start_monotonic > 0);
                assert_int_equal(b.n_streams, l->n_streams);
                assert_int_equal(b.streams[0].sink, l->sink);
                assert_int_equal(b.health.state, l->health);
                assert_false(b.stop_requested);
                blob_done(&b);
        }
}

typedef struct Ended {
        const char *name;
        ContainerState state;
        ContainerResult result;
        int code, status;
        uint64_t n_restarts;
} Ended;

static void test_ends(void **state) {
        static const Ended ends[] = {
                { "ended", CONTAINER_INACTIVE, RESULT_SUCCESS, CLD_EXITED, 0, 0 },
                { "failed", CONTAINER_FAILED, RESULT_EXIT_CODE, CLD_EXITED, 7, 0 },
                { "killed", CONTAINER_FAILED, RESULT_SIGNAL, CLD_KILLED, SIGSEGV, 0 },
                { "remains", CONTAINER_EXITED, RESULT_SUCCESS, CLD_EXITED, 0, 0 },
                { "waits", CONTAINER_RESTARTING, RESULT_EXIT_CODE, CLD_EXITED, 1, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
                const Ended *e = ends + i;
                ExitRecord record = {};
                uint8_t data[8192];
                char path[128];
                size_t n;

                (void)snprintf(path, sizeof(path), "state/%s", e->name);
                n = read_recorded(path, data);
                assert_int_equal(exit_record_decode(data, n, &record), 0);
                assert_string_equal(record.name, e->name);
                assert_int_equal(record.state, e->state);
                assert_int_equal(record.result, e->result);
                assert_int_equal(record.exit.code, e->code);
                assert_int_equal(record.exit.status, e->status);
                assert_int_equal(record.n_restarts, e->n_restarts);
                assert_int_equal(record.id_count, 65536);
                exit_record_done(&record);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_lives), cmocka_unit_test(test_ends) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
