/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The contract of manager/bus/names.h, seen from a client. */
#include <fcntl.h>
#include <signal.h>

#include "manager/base/diag.h"
#include "manager/base/io.h"
#include "tests/bus/bus-client.h"
#include "units/spec/container-spec.h"

static char *get_text(sd_bus *c, const char *container, const char *name) {
        _cleanup_free_ char *path = container_path(container);
        char *text = NULL;

        assert_true(sd_bus_get_property_string(c, NULL, path, BUS_INTERFACE_CONTAINER, name, NULL, &text) >= 0);
        return text;
}

static void test_values(void **state) {
        _cleanup_client_ sd_bus *c = client_new(*state);
        _cleanup_free_ char *path = container_path("web"), *broken = container_path("broken");
        _cleanup_free_ char *description = get_text(c, "web", "Description"), *fragment = NULL;
        _cleanup_message_ sd_bus_message *words = NULL, *error = NULL;
        const char *name, *message;
        uint64_t timeout;
        int read_only;

        assert_string_equal(description, "A sample");
        fragment = get_text(c, "web", "FragmentPath"); /* Latin-1 in the file system, escaped here */
        assert_string_equal(fragment, "/etc/bulwark/units/w\\xe9b.container");

        assert_true(sd_bus_get_property_trivial(c, NULL, path, BUS_INTERFACE_CONTAINER, "ReadOnly", NULL, 'b',
                                                &read_only) >= 0);
        assert_false(read_only);
        assert_true(sd_bus_get_property_trivial(c, NULL, path, BUS_INTERFACE_CONTAINER, "TimeoutStopSec", NULL, 't',
                                                &timeout) >= 0);
        assert_int_equal(timeout, 5 * USEC_PER_SEC);
        assert_true(sd_bus_get_property(c, NULL, path, BUS_INTERFACE_CONTAINER, "SupplementaryGroups", NULL, &words,
                                        "as") >= 0);
        assert_true(sd_bus_message_read(words, "as", 2, &name, &message) >= 0);
        assert_string_equal(name, "1001");
        assert_string_equal(message, "1002");

        assert_true(sd_bus_get_property(c, NULL, broken, BUS_INTERFACE_CONTAINER, "LoadError", NULL, &error,
                                        "(ss)") >= 0);
        assert_true(sd_bus_message_read(error, "(ss)", &name, &message) >= 0);
        assert_string_equal(name, "org.bulwark1.Error.Failed");
        assert_non_null(strstr(message, "did you mean ReadOnly=?"));
}

/* --- lists and objects */
static size_t list_containers(sd_bus *c, const char *want, char ret_active[16]) {
        const char *name, *description, *load, *active, *sub, *following, *path, *job_type, *job_path;
        _cleanup_message_ sd_bus_message *reply = NULL;
        uint32_t job;
        size_t n = 0;

        must_call(c, "ListContainers", &reply, NULL);
        assert_true(sd_bus_message_enter_container(reply, 'a', "(ssssssouso)") > 0);
        while (sd_bus_message_read(reply, "(ssssssouso)", &name, &description, &load, &active, &sub, &following, &path,
                                   &job, &job_type, &job_path) > 0) {
                _cleanup_free_ char *expected = container_path(name);

                assert_string_equal(path, expected);
                if (job == 0)
                        assert_string_equal(job_path, "/");
                if (want && streq(name, want))
                        (void)snprintf(ret_active, 16, "%s", active);
                n++;
        }
        return n;
}

static void test_lists(void **state) {
        _cleanup_client_ sd_bus *c = client_new(*state);
        _cleanup_message_ sd_bus_message *reply = NULL, *objects = NULL;
        char active[16] = "";
        const char *path;
        size_t n = 0;

        assert_true(list_containers(c, "plain", active) >= 3);
        assert_string_equal(active, "inactive");

        must_call(c, "GetContainer", &reply, "s", "any@a:b");
        assert_true(sd_bus_message_read(reply, "o", &path) >= 0);
        assert_string_equal(path, BUS_CONTAINER_PREFIX "/any_40a_3ab");
        must_call(c, "ListUnitFiles", NULL, NULL);
        must_fail(c, "GetUnitPaths", "org.bulwark1.Error.NoSuchUnit", NULL, "s", "nothing");
        must_fail(c, "GetUnitPaths", "org.bulwark1.Error.NoSuchUnit", NULL, "s", "../../etc/passwd");

        assert_true(sd_bus_call_method(c, NULL, BUS_PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects",
                                       NULL, &objects, NULL) >= 0);
        assert_true(sd_bus_message_enter_container(objects, 'a', "{oa{sa{sv}}}") > 0);
        while (sd_bus_message_enter_container(objects, 'e', "oa{sa{sv}}") > 0) {
                assert_true(sd_bus_message_read(objects, "o", &path) > 0);
                assert_true(sd_bus_message_skip(objects, "a{sa{sv}}") > 0);
                assert_true(sd_bus_message_exit_container(objects) > 0);
                n++;
        }
        assert_true(n >= 3);
}

static void test_unit_files(void **state) {
        const Server *s = *state;
        _cleanup_client_ sd_bus *c = client_new(s);
        _cleanup_message_ sd_bus_message *reply = NULL, *paths = NULL;
        char file[128];
        const char *path, *word;
        FILE *f;

        (void)snprintf(file, sizeof(file), "%s/broken.container", s->directory);
        f = fopen(file, "w");
        assert_non_null(f);
        (void)fputs("[Container]\nReadOnyl=yes\n", f);
        assert_int_equal(fclose(f), 0);

        must_call(c, "ListUnitFiles", &reply, NULL);
        assert_true(sd_bus_message_read(reply, "a(ss)", 1, &path, &word) > 0);
        assert_string_equal(path, file);
        assert_string_equal(word, "bad");
        must_call(c, "GetUnitPaths", &paths, "s", "broken");
        assert_true(sd_bus_message_read(paths, "as", 1, &path) > 0);
        assert_string_equal(path, file);
        assert_int_equal(unlink(file), 0);
}

static void test_unknown_objects(void **state) {
        static const char *const paths[] = {
                BUS_CONTAINER_PREFIX "/nothing", BUS_CONTAINER_PREFIX "/_2e_2e_2fetc", BUS_CONTAINER_PREFIX "/a/b",
                BUS_JOB_PREFIX "/0",             BUS_JOB_PREFIX "/01",                 BUS_JOB_PREFIX "/999999",
                BUS_JOB_PREFIX "/x",             BUS_JOB_PREFIX "/4294967297",
        };
        _cleanup_client_ sd_bus *c = client_new(*state);

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

                assert_true(sd_bus_call_method(c, NULL, paths[i], "org.freedesktop.DBus.Properties", "GetAll", &error,
                                               NULL, "s", "") < 0);
                assert_string_equal(error.name, SD_BUS_ERROR_UNKNOWN_OBJECT);
        }
}

/* --- directives as arguments */
static char *value_of(sd_bus *c, const char *name, const char *property, sd_bus_message **ret) {
        _cleanup_free_ char *path = container_path(name);
        const Directive *d = NULL;
        char *text = NULL;
        size_t size = 0;
        FILE *f;

        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++)
                if (streq(directives[id].name, property))
                        d = &directives[id];
        assert_non_null(d);
        assert_true(sd_bus_get_property(c, NULL, path, BUS_INTERFACE_CONTAINER, property, NULL, ret,
                                        d->type->signature) >= 0);
        f = open_memstream(&text, &size);
        assert_non_null(f);
        assert_true(sd_bus_message_dump(*ret, f, SD_BUS_MESSAGE_DUMP_SUBTREE_ONLY) >= 0);
        assert_int_equal(fclose(f), 0);
        assert_true(sd_bus_message_rewind(*ret, true) >= 0);
        assert_true(sd_bus_message_enter_container(*ret, 'v', d->type->signature) > 0);
        return text;
}

/* What a property says can be said back: for every row of the table. */
static void test_properties_round_trip(void **state) {
        _cleanup_client_ sd_bus *c = client_new(*state);

        must_call(c, "GetContainer", NULL, "s", "any@round-trip");
        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++) {
                _cleanup_message_ sd_bus_message *sample = NULL, *set = NULL, *after = NULL;
                const char *name = directives[id].name, *signature = directives[id].type->signature;
                _cleanup_free_ char *want = value_of(c, "web", name, &sample), *got = NULL;
                _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

                assert_true(sd_bus_message_new_method_call(c, &set, NULL, BUS_PATH, BUS_INTERFACE_MANAGER,
                                                           "SetContainerProperties") >= 0);
                assert_true(sd_bus_message_append(set, "sb", "any@round-trip", false) >= 0);
                assert_true(sd_bus_message_open_container(set, 'a', "(sv)") >= 0);
                assert_true(sd_bus_message_open_container(set, 'r', "sv") >= 0);
                assert_true(sd_bus_message_append(set, "s", name) >= 0);
                assert_true(sd_bus_message_open_container(set, 'v', signature) >= 0);
                assert_true(sd_bus_message_copy(set, sample, true) >= 0);
                for (size_t i = 0; i < 3; i++)
                        assert_true(sd_bus_message_close_container(set) >= 0);
                if (sd_bus_call(c, set, 0, &error, NULL) < 0)
                        fail_msg("%s: %s: %s", name, error.message, want);
                got = value_of(c, "any@round-trip", name, &after);
                assert_string_equal(got, want);
        }
}

static void test_set_properties(void **state) {
        _cleanup_client_ sd_bus *c = client_new(*state), *other = client_new(*state);
        _cleanup_message_ sd_bus_message *changed = NULL;
        _cleanup_free_ char *text = NULL, *unknown = NULL, *later = NULL, *type = NULL;

        must_call(other, "GetContainer", NULL, "s", "any@set");
        must_call(c, "SetContainerProperties", NULL, "sba(sv)", "any@set", true, 3, "Description", "s", "100% 'plain'",
                  "Environment", "s", "A=1 \"B=2 3\"", "TasksMax", "s", "77");
        await_signal(other, "PropertiesChanged", &changed);
        text = get_text(c, "any@set", "Description");
        assert_string_equal(text, "100% 'plain'");
        must_fail(c, "SetContainerProperties", "org.bulwark1.Error.UnknownDirective", &unknown, "sba(sv)", "any@set", true,
                  1, "ReadOnyl", "b", true);
        assert_non_null(strstr(unknown, "did you mean ReadOnly"));
        must_fail(c, "SetContainerProperties", "org.bulwark1.Error.NotSupported", &later, "sba(sv)", "any@set", true, 1,
                  "LUOSession", "b", true);
        must_fail(c, "SetContainerProperties", "org.bulwark1.Error.InvalidArguments", &type, "sba(sv)", "any@set", true, 1,
                  "ReadOnly", "u", 1);
        assert_non_null(strstr(type, "has the type 'b'"));
        must_fail(c, "SetContainerProperties", "org.bulwark1.Error.BadValue", NULL, "sba(sv)", "any@set", true, 2,
                  "ReadOnly", "s", "perhaps", "TasksMax", "s", "0");
        must_fail(c, "SetContainerProperties", "org.bulwark1.Error.BadValue", NULL, "sba(sv)", "any@set", true, 1,
                  "Description", "s", "two\nLines=yes");
        must_fail(c, "SetContainerProperties", "org.bulwark1.Error.BadValue", NULL, "sba(sv)", "any@set", true, 1,
                  "CPUQuota", "t", UINT64_C(3));
        must_fail(c, "StartTransientContainer", "org.bulwark1.Error.Failed", NULL, "ssa(sv)a(sa(sv))", "plain", "fail", 0, 0);
        must_fail(c, "StartTransientContainer", "org.bulwark1.Error.InvalidArguments", NULL, "ssa(sv)a(sa(sv))", "any@t",
                  "fail", 0, 1, "x", 0);
        must_fail(c, "StartTransientContainer", "org.bulwark1.Error.InvalidArguments", NULL, "ssa(sv)a(sa(sv))", "../x",
                  "fail", 0, 0);
        must_call(c, "StartTransientContainer", NULL, "ssa(sv)a(sa(sv))", "transient-one", "fail", 1, "ExecStart", "as", 1,
                  "/bin/echo 'a b'", 0);
        await_signal(c, "JobRemoved", NULL); /* the next test listens, too */
}

/* --- a session with its job and its process */
static void test_exec_by_object(void **state) {
        _cleanup_client_ sd_bus *c = client_new(*state);
        _cleanup_message_ sd_bus_message *reply = NULL, *unit = NULL, *removed = NULL;
        _cleanup_free_ char *path = container_path("any@exec"), *type = NULL, *link = NULL;
        const char *job, *name, *object, *result;
        uint32_t id, removed_id;
        char number[64];
        int pidfd;

        assert_true(sd_bus_call_method(c, NULL, path, BUS_INTERFACE_CONTAINER, "Exec", NULL, &reply, "asa{sv}", 1, "cat",
                                       0) >= 0);
        assert_true(sd_bus_message_read(reply, "ouh", &job, &id, &pidfd) > 0);
        (void)snprintf(number, sizeof(number), BUS_JOB_PREFIX "/%u", (unsigned)id);
        assert_string_equal(job, number);
        (void)snprintf(number, sizeof(number), "/proc/self/fd/%d", pidfd);
        link = calloc(1, 64);
        assert_true(readlink(number, link, 63) > 0);
        assert_string_equal(link, "anon_inode:[pidfd]");

        assert_true(sd_bus_get_property_string(c, NULL, job, BUS_INTERFACE_JOB, "JobType", NULL, &type) >= 0);
        assert_string_equal(type, "exec");
        assert_true(sd_bus_get_property(c, NULL, job, BUS_INTERFACE_JOB, "Unit", NULL, &unit, "(so)") >= 0);
        assert_true(sd_bus_message_read(unit, "(so)", &name, &object) > 0);
        assert_string_equal(name, "any@exec");
        assert_true(sd_bus_call_method(c, NULL, job, BUS_INTERFACE_JOB, "Cancel", NULL, NULL, NULL) < 0);

        must_call(c, "KillExec", NULL, "ui", id, SIGKILL);
        await_signal(c, "JobRemoved", &removed);
        assert_true(sd_bus_message_read(removed, "uoss", &removed_id, &object, &name, &result) > 0);
        assert_int_equal(removed_id, id);
        assert_string_equal(result, "failed");
        assert_true(sd_bus_get_property_string(c, NULL, job, BUS_INTERFACE_JOB, "JobType", NULL, &(char *){ NULL }) < 0);
}

/* --- a life, by name and by object */
static void expect_job(sd_bus *c, uint32_t want_id, const char *want_name, const char *want_result) {
        _cleanup_message_ sd_bus_message *m = NULL;
        const char *path, *name, *result;
        uint32_t id;

        await_signal(c, "JobRemoved", &m);
        assert_true(sd_bus_message_read(m, "uoss", &id, &path, &name, &result) > 0);
        if (want_id > 0)
                assert_int_equal(id, want_id);
        assert_string_equal(name, want_name);
        assert_string_equal(result, want_result);
}

static void read_wait(sd_bus_message *reply, const char *want_state, const char *want_result, int want_code,
                      int want_status) {
        const char *active, *result;
        int32_t code, status;

        assert_true(sd_bus_message_read(reply, CONTAINER_STATES, &active, &result, &code, &status) > 0);
        assert_string_equal(active, want_state);
        assert_string_equal(result, want_result);
        assert_int_equal(code, want_code);
        assert_int_equal(status, want_status);
}

static void test_life(void **state) {
        _cleanup_client_ sd_bus *c = client_new(*state);
        _cleanup_message_ sd_bus_message *waited = NULL, *processes = NULL, *claims = NULL;
        const char *cgroup, *command, *texts[8];
        uint32_t pid, line;

        must_fail(c, "ProbeContainer", "org.bulwark1.Error.NotActive", NULL, "s", "any@life");
        must_call(c, "StartContainer", NULL, "ss", "any@life", "replace");
        expect_job(c, 0, "any@life", "done");
        must_call(c, "FreezeContainer", NULL, "s", "any@life");
        free(get_text(c, "any@life", "FreezerState"));
        must_call(c, "ThawContainer", NULL, "s", "any@life");
        must_call(c, "GetContainerProcesses", &processes, "s", "any@life");
        assert_true(sd_bus_message_read(processes, "a(sus)", 1, &cgroup, &pid, &command) > 0);
        assert_int_equal(pid, ((const Server *)*state)->pid);
        assert_non_null(strstr(command, "test-bus"));
        must_call(c, "ProbeContainer", &claims, "s", "any@life");
        assert_true(sd_bus_message_enter_container(claims, 'a', "(ssssssuss)") > 0);
        assert_true(sd_bus_message_read(claims, "(ssssssuss)", texts, texts + 1, texts + 2, texts + 3, texts + 4, texts + 5,
                                        &line, texts + 6, texts + 7) > 0);
        assert_string_equal(texts[0], "capabilities");
        assert_string_equal(texts[3], "3");
        assert_string_equal(texts[4], "7");
        assert_int_equal(line, 4);
        assert_string_equal(texts[7], "differs");
        assert_true(sd_bus_message_read(claims, "(ssssssuss)", texts, texts + 1, texts + 2, texts + 3, texts + 4, texts + 5,
                                        &line, texts + 6, texts + 7) > 0);
        assert_string_equal(texts[1], "payload");
        assert_string_equal(texts[5], "");
        assert_string_equal(texts[7], "ok");
        must_call(c, "RestartContainer", NULL, "ss", "any@life", "fail");
        expect_job(c, 0, "any@life", "done");
        must_call(c, "ReloadContainer", NULL, "ss", "any@life", "fail");
        expect_job(c, 0, "any@life", "done");
        must_call(c, "KillContainer", NULL, "ssi", "any@life", "leader", 9);
        must_call(c, "WaitContainer", &waited, "s", "any@life");
        read_wait(waited, "failed", "signal", 2, 9);
        must_fail(c, "KillContainer", "org.bulwark1.Error.NotActive", NULL, "ssi", "any@life", "all", 15);
        must_call(c, "ResetFailedContainer", NULL, "s", "any@life");
        must_call(c, "ResetFailed", NULL, NULL);
        must_call(c, "StopContainer", NULL, "ss", "any@life", "replace");
        expect_job(c, 0, "any@life", "done");
        must_call(c, "GetContainerProcesses", NULL, "s", "any@life"); /* nothing runs: an empty list, no error */
}

static void test_life_by_object(void **state) {
        static const struct {
                const char *member, *mode;
        } rows[] = {
                { "Start", "fail" }, { "Freeze", NULL }, { "Thaw", NULL },
                { "Restart", "replace" }, { "TryRestart", "replace" }, { "Reload", "replace" },
                { "ReloadOrRestart", "replace" }, { "ReloadOrTryRestart", "replace" }, { "Stop", "replace" }, { "ResetFailed", NULL },
        };
        _cleanup_client_ sd_bus *c = client_new(*state);
        _cleanup_free_ char *path = container_path("any@object");

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_true(sd_bus_call_method(c, NULL, path, BUS_INTERFACE_CONTAINER, rows[i].member, NULL, NULL,
                                               rows[i].mode ? "s" : NULL, rows[i].mode) >= 0);
                if (rows[i].mode)
                        expect_job(c, 0, "any@object", "done");
        }
        assert_true(sd_bus_call_method(c, NULL, path, BUS_INTERFACE_CONTAINER, "Start", NULL, NULL, "s", "fail") >= 0);
        expect_job(c, 0, "any@object", "done");
        assert_true(sd_bus_call_method(c, NULL, path, BUS_INTERFACE_CONTAINER, "Kill", NULL, NULL, "si", "all", 15) >= 0);
}

static void test_jobs(void **state) {
        _cleanup_client_ sd_bus *c = client_new(*state);
        _cleanup_message_ sd_bus_message *first = NULL, *second = NULL, *unit = NULL, *m = NULL;
        _cleanup_free_ char *type = NULL, *job_state = NULL;
        const char *path, *name, *unit_path;

        must_call(c, "StartContainer", &first, "ss", "slow@job", "fail");
        must_fail(c, "StartContainer", "org.bulwark1.Error.Busy", NULL, "ss", "slow@job", "fail");
        must_call(c, "StartContainer", &second, "ss", "slow@job", "replace");
        expect_job(c, 0, "slow@job", "canceled");

        assert_true(sd_bus_message_read(second, "o", &path) > 0);
        assert_true(sd_bus_get_property(c, NULL, path, BUS_INTERFACE_JOB, "Unit", NULL, &unit, "(so)") >= 0);
        assert_true(sd_bus_message_read(unit, "(so)", &name, &unit_path) > 0);
        assert_string_equal(name, "slow@job");
        assert_true(sd_bus_get_property_string(c, NULL, path, BUS_INTERFACE_JOB, "JobType", NULL, &type) >= 0);
        assert_string_equal(type, "start");
        assert_true(sd_bus_get_property_string(c, NULL, path, BUS_INTERFACE_JOB, "State", NULL, &job_state) >= 0);
        assert_string_equal(job_state, "running");
        expect_job(c, 0, "slow@job", "done");
        assert_true(sd_bus_get_property(c, NULL, path, BUS_INTERFACE_JOB, "Id", NULL, &m, "u") < 0);
}

static void test_list_jobs(void **state) {
        _cleanup_client_ sd_bus *c = client_new(*state);
        _cleanup_message_ sd_bus_message *started = NULL, *again = NULL, *list = NULL, *path_of = NULL;
        const char *path, *name, *type, *job_state, *job_path, *unit_path, *found;
        uint32_t id;

        must_call(c, "StartContainer", &started, "ss", "slow@list", "ignore-dependencies");
        assert_true(sd_bus_message_read(started, "o", &path) > 0);
        must_call(c, "ListJobs", &list, "");
        assert_true(sd_bus_message_enter_container(list, 'a', "(usssoo)") > 0);
        assert_true(sd_bus_message_read(list, "(usssoo)", &id, &name, &type, &job_state, &job_path, &unit_path) > 0);
        assert_string_equal(name, "slow@list");
        assert_string_equal(type, "start");
        assert_string_equal(job_state, "running");
        assert_string_equal(job_path, path);
        assert_true(sd_bus_message_at_end(list, false) > 0);
        must_call(c, "GetJob", &path_of, "u", id);
        assert_true(sd_bus_message_read(path_of, "o", &found) > 0);
        assert_string_equal(found, path);

        must_call(c, "CancelJob", NULL, "u", id);
        expect_job(c, id, "slow@list", "canceled");
        must_fail(c, "CancelJob", "org.bulwark1.Error.NotActive", NULL, "u", id);
        must_fail(c, "GetJob", "org.bulwark1.Error.NotActive", NULL, "u", UINT32_C(0));
        must_call(c, "StartContainer", &again, "ss", "slow@list", "replace");
        assert_true(sd_bus_message_read(again, "o", &path) > 0);
        assert_true(sd_bus_call_method(c, NULL, path, BUS_INTERFACE_JOB, "Cancel", NULL, NULL, "") >= 0);
        expect_job(c, 0, "slow@list", "canceled");
        must_fail(c, "StartContainer", "org.bulwark1.Error.InvalidArguments", NULL, "ss", "any@x", "isolate");
}

static void test_list_dependencies(void **state) {
        static const char *const expected[][4] = {
                { "Requires", "sample", "inactive", "web.container:3: Requires=sample" },
                { "RequiredBy", "sample", "inactive", "sample.container:1: Requires=web" },
        };
        _cleanup_client_ sd_bus *c = client_new(*state);

        for (int reverse = 0; reverse < 2; reverse++) {
                _cleanup_message_ sd_bus_message *list = NULL;
                const char *words[4];

                must_call(c, "ListDependencies", &list, "sb", "web", reverse);
                assert_true(sd_bus_message_enter_container(list, 'a', "(ssss)") > 0);
                assert_true(sd_bus_message_read(list, "(ssss)", &words[0], &words[1], &words[2], &words[3]) > 0);
                for (size_t i = 0; i < ELEMENTSOF(words); i++)
                        assert_string_equal(words[i], expected[reverse][i]);
                assert_true(sd_bus_message_at_end(list, false) > 0);
        }
        must_fail(c, "ListDependencies", "org.bulwark1.Error.NoSuchUnit", NULL, "sb", "nothing", 0);
}

static void test_wait(void **state) {
        _cleanup_client_ sd_bus *c = client_new(*state);
        _cleanup_message_ sd_bus_message *rest = NULL, *ended = NULL;

        must_call(c, "WaitContainer", &rest, "s", "plain"); /* at rest: answers at once */
        read_wait(rest, "inactive", "success", 0, 0);
        must_call(c, "StartContainer", NULL, "ss", "true@wait", "replace");
        must_call(c, "WaitContainer", &ended, "s", "true@wait"); /* through the job and the life */
        read_wait(ended, "inactive", "success", 1, 0);
}

/* --- signals */
/* The next Event, in the order in which they come. */
static void await_event(sd_bus *c, const char *container, const char *kind, const char *details) {
        _cleanup_message_ sd_bus_message *m = NULL;
        const char *name, *word;
        char found[128] = "";
        uint64_t when;

        await_signal(c, "Event", &m);
        assert_true(sd_bus_message_read(m, "tss", &when, &name, &word) > 0);
        assert_true(when > UINT64_C(1600000000) * USEC_PER_SEC);
        assert_string_equal(name, container);
        assert_string_equal(word, kind);
        assert_true(sd_bus_message_enter_container(m, 'a', "{sv}") > 0);
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                assert_true(sd_bus_message_read(m, "s", &word) > 0);
                (void)snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s", *found ? " " : "", word);
                assert_true(sd_bus_message_skip(m, "v") > 0);
                assert_true(sd_bus_message_exit_container(m) > 0);
        }
        assert_string_equal(found, details);
}

static void test_signals(void **state) {
        _cleanup_client_ sd_bus *c = client_new(*state), *other = client_new(*state);
        _cleanup_message_ sd_bus_message *added = NULL, *changed = NULL, *reloading = NULL, *removed = NULL;
        _cleanup_free_ char *path = container_path("any@signals");
        const char *interface, *name, *object;
        bool saw_active = false;
        int active;

        must_call(other, "ListContainers", NULL, NULL); /* authenticated */
        must_call(c, "StartContainer", NULL, "ss", "any@signals", "replace");

        await_signal(other, "InterfacesAdded", &added);
        assert_true(sd_bus_message_read(added, "o", &object) > 0);
        assert_string_equal(object, path);
        await_signal(other, "ContainerNew", NULL);
        await_signal(other, "JobNew", NULL);
        await_event(other, "any@signals", "ready", "StatusText");
        await_signal(other, "PropertiesChanged", &changed);
        assert_string_equal(sd_bus_message_get_path(changed), path);
        assert_true(sd_bus_message_read(changed, "s", &interface) > 0);
        assert_string_equal(interface, BUS_INTERFACE_CONTAINER);
        assert_true(sd_bus_message_enter_container(changed, 'a', "{sv}") > 0);
        while (sd_bus_message_enter_container(changed, 'e', "sv") > 0) {
                assert_true(sd_bus_message_read(changed, "s", &name) > 0);
                saw_active = saw_active || streq(name, "ActiveState");
                assert_true(sd_bus_message_skip(changed, "v") > 0);
                assert_true(sd_bus_message_exit_container(changed) > 0);
        }
        assert_true(saw_active);
        await_signal(other, "JobRemoved", NULL);
        must_call(c, "StopContainer", NULL, "ss", "any@signals", "replace");
        await_event(other, "any@signals", "exit", "Result ExecMainCode ExecMainStatus");
        await_event(other, "any@signals", "stopped", "Result");

        must_call(c, "GetContainer", NULL, "s", "any@gone");
        must_call(c, "Reload", NULL, NULL);
        await_signal(other, "Reloading", &reloading);
        assert_true(sd_bus_message_read(reloading, "b", &active) > 0);
        assert_true(active);
        await_signal(other, "ContainerRemoved", &removed);
        assert_true(sd_bus_message_read(removed, "so", &name, &object) > 0);
        assert_string_equal(name, "any@gone");
        await_signal(other, "Reloading", NULL);
        await_event(other, "", "daemon-reload", "");
        must_fail(c, "Reload", "org.bulwark1.Error.BadUnitSyntax", NULL, NULL); /* every second one */
        must_fail(c, "Reexecute", "org.bulwark1.Error.Busy", NULL, NULL);
        must_fail(c, "Reexecute", "org.bulwark1.Error.Failed", NULL, NULL); /* told later */
}

static void test_many(void **state) {
        _cleanup_client_ sd_bus *c = client_new(*state);
        _cleanup_free_ char *path = container_path("any@many-500");
        struct timespec begin, end;
        char active[16];

        for (unsigned i = 0; i < 1000; i++) {
                char name[32];

                (void)snprintf(name, sizeof(name), "any@many-%u", i);
                must_call(c, "GetContainer", NULL, "s", name);
        }
        (void)clock_gettime(CLOCK_MONOTONIC, &begin);
        assert_true(list_containers(c, NULL, active) >= 1000);
        (void)clock_gettime(CLOCK_MONOTONIC, &end);
        print_message("ListContainers of 1000: %.1f ms\n",
                      (double)(end.tv_sec - begin.tv_sec) * 1e3 + (double)(end.tv_nsec - begin.tv_nsec) / 1e6);

        must_call(c, "StartContainer", NULL, "ss", "any@many-500", "replace");
        for (;;) { /* of a thousand, only the one that changed is told */
                _cleanup_message_ sd_bus_message *m = NULL;
                int r = sd_bus_process(c, &m);

                assert_true(r >= 0);
                if (m && sd_bus_message_is_signal(m, NULL, "PropertiesChanged"))
                        assert_string_equal(sd_bus_message_get_path(m), path);
                if (m && sd_bus_message_is_signal(m, NULL, "JobRemoved"))
                        break;
                if (r == 0)
                        assert_true(sd_bus_wait(c, 5 * USEC_PER_SEC) > 0);
        }
}

/* --- errors */
static void test_error_names(void **state) {
        _cleanup_client_ sd_bus *c = client_new(*state);

        for (ErrorCode code = 0; code < _ERROR_CODE_MAX; code++) {
                _cleanup_free_ char *text = NULL;
                char name[64];

                (void)snprintf(name, sizeof(name), "error@%s", error_code_to_string(code));
                must_fail(c, "StartContainer", error_code_bus_name(code), &text, "ss", name, "replace");
                assert_string_equal(text, "error.container:1: First=: the first mistake\nthe second mistake");
                must_fail(c, "KillContainer", error_code_bus_name(code), NULL, "ssi", name, "all", 9);
                must_fail(c, "FreezeContainer", error_code_bus_name(code), NULL, "s", name);
                must_fail(c, "ResetFailedContainer", error_code_bus_name(code), NULL, "s", name);
        }
        must_fail(c, "StartContainer", "org.bulwark1.Error.NoSuchUnit", NULL, "ss", "nothing", "replace");
}

static void test_bad_arguments(void **state) {
        static const char *const names[] = { "", "..", "a/b", "a b", "@b@c", "\xc3\xa9" };
        _cleanup_client_ sd_bus *c = client_new(*state);

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                must_fail(c, "GetContainer", "org.bulwark1.Error.InvalidArguments", NULL, "s", names[i]);
        must_fail(c, "StartContainer", "org.bulwark1.Error.InvalidArguments", NULL, "ss", "plain", "isolate");
        must_fail(c, "KillContainer", "org.bulwark1.Error.InvalidArguments", NULL, "ssi", "plain", "main", 9);
        must_fail(c, "KillContainer", "org.bulwark1.Error.InvalidArguments", NULL, "ssi", "plain", "all", 0);
        must_fail(c, "KillContainer", "org.bulwark1.Error.InvalidArguments", NULL, "ssi", "plain", "all", -9);
        must_fail(c, "KillContainer", "org.bulwark1.Error.InvalidArguments", NULL, "ssi", "plain", "all", 65);
        must_fail(c, "StartContainer", SD_BUS_ERROR_INVALID_ARGS, NULL, "s", "plain");
        must_fail(c, "StartContainer", SD_BUS_ERROR_INVALID_ARGS, NULL, "su", "plain", 1);
        must_fail(c, "ListContainers", SD_BUS_ERROR_INVALID_ARGS, NULL, "s", "plain");
        must_fail(c, "Nothing", SD_BUS_ERROR_UNKNOWN_METHOD, NULL, NULL);
        must_call(c, "ListContainers", NULL, NULL); /* the connection outlives all of it */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values),        cmocka_unit_test(test_lists),
                cmocka_unit_test(test_unit_files),    cmocka_unit_test(test_unknown_objects),
                cmocka_unit_test(test_life),          cmocka_unit_test(test_life_by_object),
                cmocka_unit_test(test_properties_round_trip), cmocka_unit_test(test_set_properties),
                cmocka_unit_test(test_exec_by_object),
                cmocka_unit_test(test_jobs),          cmocka_unit_test(test_wait),
                cmocka_unit_test(test_list_jobs),     cmocka_unit_test(test_list_dependencies),
                cmocka_unit_test(test_signals),       cmocka_unit_test(test_error_names),
                cmocka_unit_test(test_bad_arguments), cmocka_unit_test(test_many),
        };

        return cmocka_run_group_tests(tests, server_start, server_stop);
}
