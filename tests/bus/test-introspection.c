/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What there is on the bus: the tables here, introspection and org.bulwark1(5) say the same. */
#include <fcntl.h>

#include "manager/base/diag.h"
#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "tests/bus/bus-client.h"

typedef struct Member {
        const char *name, *in, *out; /* a property: in NULL, out its type */
} Member;

static const Member manager_members[] = {
        { "GetContainer", "s", "o" },
        { "ListContainers", "", "a(ssssssouso)" },
        { "ListContainerProperties", "as", "a(sa{sv})" },
        { "ListUnitFiles", "", "a(ss)" },
        { "EnableUnitFiles", "asbb", "ba(sss)" },
        { "DisableUnitFiles", "asb", "a(sss)" },
        { "MaskUnitFiles", "asbb", "a(sss)" },
        { "UnmaskUnitFiles", "asb", "a(sss)" },
        { "PresetUnitFiles", "asbb", "ba(sss)" },
        { "RevertUnitFiles", "as", "a(sss)" },
        { "GetUnitFileState", "s", "s" },
        { "GetUnitPaths", "s", "as" },
        { "StartContainer", "ss", "o" },
        { "StopContainer", "ss", "o" },
        { "RestartContainer", "ss", "o" },
        { "TryRestartContainer", "ss", "o" },
        { "ReloadContainer", "ss", "o" },
        { "ReloadOrRestartContainer", "ss", "o" },
        { "ReloadOrTryRestartContainer", "ss", "o" },
        { "ListJobs", "", "a(usssoo)" },
        { "GetJob", "u", "o" },
        { "CancelJob", "u", "" },
        { "ListDependencies", "sb", "a(ssss)" },
        { "WaitContainer", "s", CONTAINER_STATES },
        { "KillContainer", "ssi", "" },
        { "FreezeContainer", "s", "" },
        { "ThawContainer", "s", "" },
        { "StartTransientContainer", "ssa(sv)a(sa(sv))", "o" },
        { "RunContainer", "ssa(sv)buu", "uah" },
        { "SetContainerProperties", "sba(sv)", "" },
        { "ResetFailedContainer", "s", "" },
        { "ResetFailed", "", "" },
        { "Reload", "", "" },
        { "Reexecute", "", "" },
        { "GetContainerProcesses", "s", "a(sus)" },
        { "ProbeContainer", "s", "a(ssssssuss)" },
        { "ExecContainer", "sasa{sv}", "uah" },
        { "KillExec", "ui", "" },
        { "Version", NULL, "s" },
        { "UnitPath", NULL, "as" },
        { "RuntimeDirectory", NULL, "s" },
        { "StateDirectory", NULL, "s" },
        { "ControlGroup", NULL, "s" },
        { "Features", NULL, "as" },
};

static const Member manager_signals[] = {
        { "JobNew", "", "uos" },         { "JobRemoved", "", "uoss" }, { "ContainerNew", "", "so" },
        { "ContainerRemoved", "", "so" }, { "ExecEnded", "", "uii" },   { "Reloading", "", "b" },
        { "Event", "", "tssa{sv}" },     { "UnitFilesChanged", "", "" },
};

static const Member container_members[] = {
        { "Start", "s", "o" },
        { "Stop", "s", "o" },
        { "Restart", "s", "o" },
        { "TryRestart", "s", "o" },
        { "Reload", "s", "o" },
        { "ReloadOrRestart", "s", "o" },
        { "ReloadOrTryRestart", "s", "o" },
        { "Kill", "si", "" },
        { "Freeze", "", "" },
        { "Thaw", "", "" },
        { "ResetFailed", "", "" },
        { "SetProperties", "ba(sv)", "" },
        { "Exec", "asa{sv}", "ouhah" },
        { "Transient", NULL, "b" },
        { "CanReload", NULL, "b" },
        { "RestartNeeded", NULL, "as" },
        { "Id", NULL, "s" },
        { "LoadState", NULL, "s" },
        { "LoadError", NULL, "(ss)" },
        { "ActiveState", NULL, "s" },
        { "SubState", NULL, "s" },
        { "FreezerState", NULL, "s" },
        { "Result", NULL, "s" },
        { "LastError", NULL, "s" },
        { "LaunchError", NULL, "s" },
        { "ConditionResult", NULL, "b" },
        { "AssertResult", NULL, "b" },
        { "FragmentPath", NULL, "s" },
        { "DropInPaths", NULL, "as" },
        { "Job", NULL, "(uo)" },
        { "InvocationID", NULL, "ay" },
        { "MainPID", NULL, "u" },
        { "ControlPID", NULL, "u" },
        { "ExecMainCode", NULL, "i" },
        { "ExecMainStatus", NULL, "i" },
        { "NRestarts", NULL, "u" },
        { "RestartUSecNext", NULL, "t" },
        { "OOMKills", NULL, "t" },
        { "ExecMainStartTimestamp", NULL, "t" },
        { "ExecMainExitTimestamp", NULL, "t" },
        { "ActiveEnterTimestamp", NULL, "t" },
        { "ActiveExitTimestamp", NULL, "t" },
        { "StateChangeTimestamp", NULL, "t" },
        { "ControlGroup", NULL, "s" },
        { "MemoryCurrent", NULL, "t" },
        { "TasksCurrent", NULL, "t" },
        { "CPUUsageNSec", NULL, "t" },
        { "MemoryPeak", NULL, "t" },
        { "MemorySwapCurrent", NULL, "t" },
        { "IOReadBytes", NULL, "t" },
        { "IOWriteBytes", NULL, "t" },
        { "CPUPressure", NULL, "t" },
        { "MemoryPressureUSec", NULL, "t" },
        { "UIDRangeBase", NULL, "u" },
        { "MACBackends", NULL, "as" },
        { "MACLabel", NULL, "s" },
        { "MACVerified", NULL, "b" },
        { "MACLabelLost", NULL, "b" },
        { "LandlockABI", NULL, "u" },
        { "StatusText", NULL, "s" },
        { "NFileDescriptorStore", NULL, "u" },
        { "StatusErrno", NULL, "i" },
        { "StatusExit", NULL, "i" },
        { "WatchdogUSec", NULL, "t" },
        { "HealthStatus", NULL, "s" },
        { "HealthFailingStreak", NULL, "u" },
        { "HealthOutput", NULL, "s" },
        { "HealthTimestamp", NULL, "t" },
        { "MACUnsaid", NULL, "as" },
        { "PolicyDigest", NULL, "s" },
        { "Progress", NULL, "s" },
        { "UIDRangeCount", NULL, "u" },
        { "LogDirectory", NULL, "s" },
        { "LogsToJournal", NULL, "b" },
};

static const Member job_members[] = {
        { "Cancel", "", "" },      { "Id", NULL, "u" },    { "Unit", NULL, "(so)" },
        { "JobType", NULL, "s" }, { "State", NULL, "s" },
};

static char *introspect(sd_bus *c, const char *path) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        const char *xml;

        assert_true(sd_bus_call_method(c, NULL, path, "org.freedesktop.DBus.Introspectable", "Introspect", NULL,
                                       &reply, NULL) >= 0);
        assert_true(sd_bus_message_read(reply, "s", &xml) >= 0);
        return strdup(xml);
}

/* Joins the types of <arg>s of one direction ("in", "out"; NULL = of a signal) between start and end. */
static void args_of(const char *start, const char *end, const char *direction, char *signature) {
        *signature = '\0';
        for (const char *p = start; (p = strstr(p, "<arg type=\"")) && p < end; p++) {
                const char *type = p + strlen("<arg type=\""), *close = strchr(p, '>');
                char word[32] = "";

                if (direction)
                        (void)snprintf(word, sizeof(word), "direction=\"%s\"", direction);
                if (direction && (!strstr(p, word) || strstr(p, word) > close))
                        continue;
                (void)strncat(signature, type, strcspn(type, "\""));
        }
}

static void check_members(const char *xml, const char *kind, const Member *members, size_t n) {
        for (size_t i = 0; i < n; i++) {
                char opening[128], closing[32], in[64], out[64];
                const char *start, *end;

                if (!members[i].in) {
                        (void)snprintf(opening, sizeof(opening), "<property name=\"%s\" type=\"%s\"", members[i].name,
                                       members[i].out);
                        if (!strstr(xml, opening))
                                fail_msg("no %s", opening);
                        continue;
                }
                (void)snprintf(opening, sizeof(opening), "<%s name=\"%s\"", kind, members[i].name);
                (void)snprintf(closing, sizeof(closing), "</%s>", kind);
                start = strstr(xml, opening);
                if (!start)
                        fail_msg("no %s", opening);
                if (start[strcspn(start, ">") - 1] == '/') { /* <method name="X"/> */
                        assert_string_equal(members[i].in, "");
                        assert_string_equal(members[i].out, "");
                        continue;
                }
                end = strstr(start, closing);
                assert_non_null(end);
                args_of(start, end, streq(kind, "signal") ? "" : "in", in);
                args_of(start, end, streq(kind, "signal") ? NULL : "out", out);
                assert_string_equal(in, members[i].in);
                assert_string_equal(out, members[i].out);
        }
}

static void test_introspection(void **state) {
        _cleanup_client_ sd_bus *c = client_new(*state);
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_free_ char *manager = introspect(c, BUS_PATH), *container = NULL, *job = NULL, *web = NULL;
        _cleanup_free_ char *parent = introspect(c, BUS_CONTAINER_PREFIX);
        const char *job_path;

        check_members(manager, "method", manager_members, ELEMENTSOF(manager_members));
        check_members(manager, "signal", manager_signals, ELEMENTSOF(manager_signals));
        assert_non_null(strstr(manager, "org.freedesktop.DBus.ObjectManager"));
        assert_non_null(strstr(parent, "<node name=\"web\"/>"));

        web = container_path("web");
        container = introspect(c, web);
        check_members(container, "method", container_members, ELEMENTSOF(container_members));
        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++)
                check_members(container, "property",
                              &(Member){ directives[id].name, NULL, directives[id].type->signature }, 1);

        must_call(c, "StartContainer", &reply, "ss", "slow@introspect", "fail");
        assert_true(sd_bus_message_read(reply, "o", &job_path) >= 0);
        job = introspect(c, job_path);
        check_members(job, "method", job_members, ELEMENTSOF(job_members));
        await_signal(c, "JobRemoved", NULL);
}

/* The manual tells every member that there is, and every error. */
static void check_told(const char *manual, const Member *members, size_t n) {
        for (size_t i = 0; i < n; i++) {
                char item[64];

                (void)snprintf(item, sizeof(item), "Cm %s", members[i].name);
                if (!strstr(manual, item))
                        fail_msg("org.bulwark1(5) lacks %s", members[i].name);
        }
}

/* name="..." of every member of our interfaces in xml: the manual has it, or it is a directive. */
static void check_introspected(const char *manual, const char *xml) {
        static const char *const kinds[] = { "<method name=\"", "<signal name=\"", "<property name=\"" };

        for (size_t k = 0; k < ELEMENTSOF(kinds); k++)
                for (const char *p = strstr(xml, "<interface name=\"org.bulwark1."); p && (p = strstr(p, kinds[k])); p++) {
                        const char *name = p + strlen(kinds[k]);
                        _cleanup_free_ char *word = strndup(name, strcspn(name, "\""));
                        char item[96];

                        assert_non_null(word);
                        (void)snprintf(item, sizeof(item), "Cm %s", word);
                        if (!strstr(manual, item) && directive_find(SECTION_Unit, word) < 0 &&
                            directive_find(SECTION_Container, word) < 0 && directive_find(SECTION_Install, word) < 0)
                                fail_msg("org.bulwark1(5) lacks %s", word);
                }
}

/* Every item of the manual's lists of members stands in some introspection. */
static void check_items(const char *manual, char *const xml[static 3]) {
        const char *end = strstr(manual, ".Sh THE SYSTEM BUS");
        size_t n = 0;

        assert_non_null(end);
        for (const char *line = manual; (line = strstr(line, "\n.It Cm ")) && line < end; line++) {
                const char *stop = strchr(line + 1, '\n');

                for (const char *p = line; (p = strstr(p, "Cm ")) && p < stop; p++, n++) {
                        char attribute[96];
                        bool found = false;

                        (void)snprintf(attribute, sizeof(attribute), "name=\"%.*s\"", (int)strcspn(p + 3, " \n"), p + 3);
                        for (size_t i = 0; i < 3; i++)
                                found = found || strstr(xml[i], attribute);
                        if (!found)
                                fail_msg("org.bulwark1(5) tells of %s, which is nowhere", attribute);
                }
        }
        assert_true(n > 40);
}

/* Each kind of event stands in the manual, with its details, which are properties. */
static void check_events(const char *manual, const char *container) {
        static const struct {
                const char *word, *details;
        } kinds[] = {
#define EVENT_KIND(kind, word, details) { word, details },
#include "manager/container/event-kinds.inc"
#undef EVENT_KIND
        };

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                _cleanup_strv_ char **details = NULL;
                const char *start, *end;
                char item[96];

                (void)snprintf(item, sizeof(item), "\n.It Li %s\n", kinds[i].word);
                start = strstr(manual, item);
                if (!start)
                        fail_msg("org.bulwark1(5) lacks the event %s", kinds[i].word);
                end = start + 1 + strcspn(start + 1, "\n");
                end = strstr(end, "\n.It Li ") ? strstr(end, "\n.It Li ") : strstr(end, "\n.El");
                assert_int_equal(strv_split(kinds[i].details, ' ', &details), 0);
                for (char **detail = details; detail && *detail; detail++) {
                        const char *told;

                        (void)snprintf(item, sizeof(item), "\n.Cm %s ", *detail);
                        told = strstr(start, item);
                        if (!told || told > end)
                                fail_msg("org.bulwark1(5) does not say that the event %s has %s", kinds[i].word, *detail);
                        (void)snprintf(item, sizeof(item), "<property name=\"%s\"", *detail);
                        assert_non_null(strstr(container, item));
                }
        }
}

static void test_manual(void **state) {
        _cleanup_client_ sd_bus *c = client_new(*state);
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_free_ char *manual = NULL, *path = container_path("plain");
        char *xml[3] = {};
        const char *job;
        _cleanup_close_ int fd = open(MANUAL, O_RDONLY | O_CLOEXEC);
        size_t size;

        assert_int_equal(read_file(fd, 1U << 20, &manual, &size), 0);
        must_call(c, "StartContainer", &reply, "ss", "slow@manual", "fail");
        assert_true(sd_bus_message_read(reply, "o", &job) >= 0);
        xml[0] = introspect(c, BUS_PATH);
        xml[1] = introspect(c, path);
        xml[2] = introspect(c, job);
        for (size_t i = 0; i < ELEMENTSOF(xml); i++)
                check_introspected(manual, xml[i]);
        check_items(manual, xml);
        check_events(manual, xml[1]);
        for (size_t i = 0; i < ELEMENTSOF(xml); i++)
                free(xml[i]);
        await_signal(c, "JobRemoved", NULL);
        check_told(manual, manager_members, ELEMENTSOF(manager_members));
        check_told(manual, manager_signals, ELEMENTSOF(manager_signals));
        check_told(manual, container_members, ELEMENTSOF(container_members));
        check_told(manual, job_members, ELEMENTSOF(job_members));
        for (ErrorCode code = 0; code < _ERROR_CODE_MAX; code++) {
                char item[96];

                (void)snprintf(item, sizeof(item), ".It Cm %s No (%d)",
                               startswith(error_code_bus_name(code), "org.bulwark1.Error."),
                               error_code_exit_status(code));
                if (!strstr(manual, item))
                        fail_msg("org.bulwark1(5) lacks: %s", item);
        }
}

/* --- properties */
static void check_property(sd_bus *c, const char *path, const char *interface, const char *name,
                           const char *signature) {
        _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;

        if (sd_bus_get_property(c, NULL, path, interface, name, &error, &reply, signature) < 0)
                fail_msg("%s of %s: %s", name, path, strempty(error.message));
        assert_string_equal(sd_bus_message_get_signature(reply, false), signature);
        assert_true(sd_bus_message_skip(reply, signature) >= 0);
}

static void test_properties(void **state) {
        static const char *const names[] = { "web", "plain", "broken" };
        _cleanup_client_ sd_bus *c = client_new(*state);

        for (size_t n = 0; n < ELEMENTSOF(names); n++) {
                _cleanup_message_ sd_bus_message *all = NULL;
                _cleanup_free_ char *path = container_path(names[n]);

                for (size_t i = 0; i < ELEMENTSOF(container_members); i++)
                        if (!container_members[i].in)
                                check_property(c, path, BUS_INTERFACE_CONTAINER, container_members[i].name,
                                               container_members[i].out);
                for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++)
                        check_property(c, path, BUS_INTERFACE_CONTAINER, directives[id].name,
                                       directives[id].type->signature);
                assert_true(sd_bus_call_method(c, NULL, path, "org.freedesktop.DBus.Properties", "GetAll", NULL, &all,
                                               "s", BUS_INTERFACE_CONTAINER) >= 0);
        }
        for (size_t i = 0; i < ELEMENTSOF(manager_members); i++)
                if (!manager_members[i].in)
                        check_property(c, BUS_PATH, BUS_INTERFACE_MANAGER, manager_members[i].name,
                                       manager_members[i].out);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_introspection),
                cmocka_unit_test(test_manual),
                cmocka_unit_test(test_properties),
        };

        return cmocka_run_group_tests(tests, server_start, server_stop);
}
