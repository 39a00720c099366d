/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "manager/base/string-list.h"
#include "manager/record/blob.h"
#include "units/syntax/unit-load.h"

static const char unit[] =
        "[Unit]\nDescription=A %% sample\n"
        "[Container]\nRootDirectory=/srv/web\nExecStart=/bin/web --port 80 \"two words\"\n"
        "Type=oneshot\nBindPaths=/srv/data:/data\nEnvironment=A=1 \"B=2 3\"\n"
        "DeviceAllow=char-pts rw\nDeviceAllow=/dev/fuse rw\n"
        "TimeoutStopSec=7s\nSuccessExitStatus=3 SIGUSR1\nMemoryMax=64M\n";

static ContainerSpec *sample_spec(void) {
        ContainerSpec *s = NULL;

        assert_int_equal(unit_load_text("web", unit, sizeof(unit) - 1, NULL, NULL, &s), 0);
        s->identity.uid = 1000;
        s->identity.gid = 100;
        s->identity.groups = malloc(2 * sizeof(gid_t));
        s->identity.groups[0] = 5;
        s->identity.groups[1] = 6;
        s->identity.n_groups = 2;
        s->identity.user_name = strdup("web");
        s->identity.home = strdup("/home/web");
        assert_int_equal(strv_extend(&s->exec_environment, "PATH=/bin"), 0);
        assert_int_equal(strv_extend(&s->exec_environment, "A=1"), 0);
        s->exec_directory = strdup("/srv");
        s->exec_directory_missing_ok = true;
        s->init_role = true;
        s->host_memory = UINT64_C(1) << 35;
        s->host_tasks = 4711;
        s->seccomp_profile_text = strdup("{}");
        s->device_rules = calloc(2, sizeof(DeviceRule));
        s->device_rules[0] = (DeviceRule){ .major = 136, .minor = DEVICE_MINOR_ANY, .access = 6 };
        s->device_rules[1] = (DeviceRule){ .node = s->device_allow.items[1].name, .major = 10, .minor = 229, .mode = 0666, .access = 7 };
        s->n_device_rules = 2;
        s->devices_filtered = true;
        s->exposed_tree.path = strdup("/srv/data");
        return s;
}

static Blob sample(const ContainerSpec *spec) {
        Blob b = { .name = (char *)"web",
                   .spec = spec,
                   .id_base = 0x80000,
                   .id_count = 65536,
                   .leader = 4242,
                   .start_realtime = 1,
                   .start_monotonic = 2,
                   .active_realtime = 3,
                   .active_monotonic = 4,
                   .inactive_realtime = 31,
                   .inactive_monotonic = 32,
                   .state_change = 33,
                   .sequence = 5,
                   .stop_requested = true,
                   .restart = true,
                   .logs_to_journal = true,
                   .stop_deadline = UINT64_MAX,
                   .kill_reason = 2,
                   .streams = { { LOG_SOURCE_PIPE, LOG_SINK_LINES, 6 }, { LOG_SOURCE_PIPE, LOG_SINK_FILE, 3 },
                                { LOG_SOURCE_MESSAGES, LOG_SINK_JOURNAL, 6 } },
                   .n_streams = 3,
                   .command_kind = 6,
                   .command_index = 9,
                   .command_alone = true,
                   .oom_kills = 3,
                   .exit_code = 1,
                   .exit_status = 77,
                   .exit_realtime = 8,
                   .exit_monotonic = 10,
                   .labels = { .apparmor_content = (char *)"web.3/sha256 abc", .apparmor_enforced = true },
                   .holds_notify = true,
                   .notify = { .ready = true, .status = (char *)"serving", .watchdog_usec = 7, .main = 31,
                               .error = 13, .exit_status = 4, .start_until = 21, .run_until = 22 } };

        memset(b.invocation.bytes, 0x5a, sizeof(b.invocation.bytes));
        return b;
}

static void same_text(const ContainerSpec *a, const ContainerSpec *b) {
        _cleanup_free_ char *x = NULL, *y = NULL;

        assert_int_equal(container_spec_print(a, &x), 0);
        assert_int_equal(container_spec_print(b, &y), 0);
        assert_string_equal(x, y);
}

static void comes_back_as_it_was(void **state) {
        ContainerSpec *spec = sample_spec();
        _cleanup_(blob_done) Blob back = {};
        _cleanup_free_ void *data = NULL;
        Blob b = sample(spec);
        size_t size;

        assert_int_equal(blob_encode(&b, &data, &size), 0);
        assert_int_equal(blob_decode(data, size, &back), 0);
        assert_string_equal(back.name, "web");
        assert_memory_equal(&back.invocation, &b.invocation, sizeof(b.invocation));
        assert_int_equal(back.id_base, b.id_base);
        assert_int_equal(back.id_count, b.id_count);
        assert_int_equal(back.leader, b.leader);
        assert_int_equal(back.start_realtime, 1);
        assert_int_equal(back.start_monotonic, 2);
        assert_int_equal(back.active_realtime, 3);
        assert_int_equal(back.active_monotonic, 4);
        assert_int_equal(back.inactive_realtime, 31);
        assert_int_equal(back.inactive_monotonic, 32);
        assert_int_equal(back.state_change, 33);
        assert_int_equal(back.sequence, 5);
        assert_true(back.stop_requested && back.restart && back.logs_to_journal);
        assert_true(back.stop_deadline == UINT64_MAX);
        assert_int_equal(back.kill_reason, 2);
        assert_int_equal(back.n_streams, 3);
        assert_int_equal(back.streams[0].sink, LOG_SINK_LINES);
        assert_int_equal(back.streams[1].sink, LOG_SINK_FILE);
        assert_int_equal(back.streams[1].origin, 3);
        assert_int_equal(back.streams[1].from, LOG_SOURCE_PIPE);
        assert_true(back.streams[2].from == LOG_SOURCE_MESSAGES && back.streams[2].sink == LOG_SINK_JOURNAL);
        assert_true(back.command_kind == 6 && back.command_index == 9 && back.command_alone);
        assert_true(back.labels.apparmor_enforced && !back.labels.selinux_enforced);
        assert_string_equal(back.labels.apparmor_content, "web.3/sha256 abc");
        assert_true(back.exit_code == 1 && back.exit_status == 77 && back.exit_realtime == 8 && back.exit_monotonic == 10 && back.oom_kills == 3);
        assert_true(back.holds_notify && back.notify.ready && !back.notify.reloading);
        assert_string_equal(back.notify.status, "serving");
        assert_int_equal(back.notify.watchdog_usec, 7);
        assert_int_equal(back.notify.error, 13);
        assert_int_equal(back.notify.exit_status, 4);
        assert_int_equal(back.notify.main, 31);
        assert_true(back.notify.start_until == 21 && back.notify.run_until == 22);

        assert_non_null(back.spec);
        same_text(spec, back.spec);
        assert_string_equal(back.spec->description, "A % sample");
        assert_int_equal(back.spec->identity.uid, 1000);
        assert_int_equal(back.spec->identity.gid, 100);
        assert_int_equal(back.spec->identity.n_groups, 2);
        assert_int_equal(back.spec->identity.groups[1], 6);
        assert_string_equal(back.spec->identity.home, "/home/web");
        assert_null(back.spec->identity.shell);
        assert_true(strv_equal(back.spec->exec_environment, spec->exec_environment));
        assert_string_equal(back.spec->exec_directory, "/srv");
        assert_true(back.spec->exec_directory_missing_ok && back.spec->init_role);
        assert_true(back.spec->host_memory == UINT64_C(1) << 35);
        assert_int_equal(back.spec->host_tasks, 4711);
        assert_string_equal(back.spec->seccomp_profile_text, "{}");
        assert_true(back.spec->devices_filtered);
        assert_int_equal(back.spec->n_device_rules, 2);
        assert_null(back.spec->device_rules[0].node);
        assert_int_equal(back.spec->device_rules[0].major, 136);
        assert_int_equal(back.spec->device_rules[0].minor, DEVICE_MINOR_ANY);
        assert_int_equal(back.spec->device_rules[0].access, 6);
        assert_string_equal(back.spec->device_rules[1].node, back.spec->device_allow.items[1].name);
        assert_int_equal(back.spec->device_rules[1].minor, 229);
        assert_int_equal(back.spec->device_rules[1].mode, 0666);
        assert_string_equal(back.spec->exposed_tree.path, "/srv/data");
        (void)container_spec_unref(spec);
}

/* Not one flipped bit and not one missing byte is believed. */
static void damage_is_refused(void **state) {
        ContainerSpec *spec = sample_spec();
        _cleanup_free_ void *data = NULL;
        Blob b = sample(spec);
        size_t size;

        assert_int_equal(blob_encode(&b, &data, &size), 0);
        for (size_t i = 0; i < size; i++) {
                Blob back = {};

                ((uint8_t *)data)[i] ^= 1U << (i % 8);
                assert_int_equal(blob_decode(data, size, &back), -EBADMSG);
                ((uint8_t *)data)[i] ^= 1U << (i % 8);
        }
        for (size_t i = 0; i < size; i++) {
                _cleanup_free_ void *cut = malloc(MAX_OF(i, (size_t)1));
                Blob back = {};

                memcpy(cut, data, i);
                assert_int_equal(blob_decode(cut, i, &back), -EBADMSG);
        }
        (void)container_spec_unref(spec);
}

/* A container whose definition cannot be kept is still a container. */
static void without_a_spec(void **state) {
        _cleanup_(blob_done) Blob back = {};
        _cleanup_free_ void *data = NULL;
        Blob b = sample(NULL);
        size_t size;

        assert_int_equal(blob_encode(&b, &data, &size), 0);
        assert_int_equal(blob_decode(data, size, &back), 0);
        assert_null(back.spec);
        assert_string_equal(back.name, "web");
}

static void a_name_must_be_one(void **state) {
        static const char *const names[] = { NULL, "", "../../etc", "a/b", "." };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_free_ void *data = NULL;
                Blob b = sample(NULL), back = {};
                size_t size;

                b.name = (char *)names[i];
                if (names[i] && container_name_valid(names[i]))
                        continue; /* "." is for container_name_valid() to judge */
                assert_int_equal(blob_encode(&b, &data, &size), 0);
                assert_int_equal(blob_decode(data, size, &back), -EBADMSG);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(comes_back_as_it_was),
                cmocka_unit_test(damage_is_refused),
                cmocka_unit_test(without_a_spec),
                cmocka_unit_test(a_name_must_be_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
