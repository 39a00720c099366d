/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sched.h>
#include <sys/resource.h>

#include "manager/plan/exec-arguments.h"
#include "manager/base/string-list.h"
#include "tests/unit/plan/plan-fixture.h"

static int find(const Plan *p, StepKind kind, unsigned from) {
        for (unsigned i = from; i < p->view.header->n_steps; i++)
                if (p->view.steps[i].kind == kind)
                        return (int)i;
        return -1;
}

static int find_path(const Plan *p, StepKind kind, const char *path) {
        for (int i = find(p, kind, 0); i >= 0; i = find(p, kind, (unsigned)i + 1))
                if (streq(plan_text(&p->view, p->view.steps[i].s), path))
                        return i;
        return -1;
}

/* security.md 2a, as pairs: the first comes before the second in every plan. */
static const StepKind order[][2] = {
        { STEP_PRIVATE_MOUNTS, STEP_CLONE_INNER },    { STEP_CLONE_INNER, STEP_WRITE_ID_MAPS },
        { STEP_WRITE_ID_MAPS, STEP_BECOME_ROOT },     { STEP_BECOME_ROOT, STEP_NEW_FILE_SYSTEM },
        { STEP_ENTER_ROOT, STEP_ATTACH },             { STEP_ENTER_ROOT, STEP_ATTACH_MASK },
        { STEP_ATTACH_MASK, STEP_LOCK_MOUNTS },       { STEP_LOCK_MOUNTS, STEP_ADOPT_MOUNTS },
        { STEP_ADOPT_MOUNTS, STEP_FORK_PAYLOAD },     { STEP_FORK_PAYLOAD, STEP_SESSION_KEYRING },
        { STEP_WORKING_DIRECTORY, STEP_LANDLOCK_RULESET }, { STEP_LANDLOCK_RULESET, STEP_LANDLOCK_PATH },
        { STEP_LANDLOCK_RULESET, STEP_LANDLOCK_ENTRIES }, { STEP_LANDLOCK_ENTRIES, STEP_LANDLOCK_RESTRICT },
        { STEP_LANDLOCK_PORTS, STEP_LANDLOCK_RESTRICT }, { STEP_LANDLOCK_RESTRICT, STEP_CLOSE_DESCRIPTORS },
        { STEP_WORKING_DIRECTORY, STEP_CLOSE_DESCRIPTORS }, { STEP_CLOSE_DESCRIPTORS, STEP_BOUNDING_SET },
        { STEP_BOUNDING_SET, STEP_IDENTITY },         { STEP_IDENTITY, STEP_CAPABILITIES },
        { STEP_CAPABILITIES, STEP_NO_NEW_PRIVILEGES }, { STEP_NO_NEW_PRIVILEGES, STEP_SECCOMP },
        { STEP_SECCOMP, STEP_EXECUTE },
};

static void test_order(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        _cleanup_(plan_freep) Plan *p = NULL;

        assert_non_null(s);
        assert_int_equal(fixture_plan(s, &p), 0);
        for (size_t i = 0; i < ELEMENTSOF(order); i++) {
                int first = find(p, order[i][0], 0), second = find(p, order[i][1], 0);

                if (first < 0 || second < 0 || first >= second)
                        fail_msg("%s must come before %s", step_kind_to_string(order[i][0]),
                                 step_kind_to_string(order[i][1]));
        }
        /* The filter is the last thing before execve. */
        assert_int_equal(find(p, STEP_SECCOMP, 0) + 1, find(p, STEP_EXECUTE, 0));
}

/* The terminal is of the devpts that stands in the root, and the payload alone controls it. */
static void test_terminal_of_start(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        const PlanParameters q = { .id_base = 0x80000, .id_count = 65536, .terminal = true, .rows = 24, .columns = 80 };
        _cleanup_(plan_freep) Plan *p = NULL;
        const PlanStep *steps;
        Diag diag = {};
        int opened, control;

        assert_non_null(s);
        assert_int_equal(plan_build(s, fixture_policies(), &q, &diag, &p), 0);
        steps = p->view.steps;
        opened = find(p, STEP_OPEN_TERMINAL, 0);
        control = find(p, STEP_CONTROL_TERMINAL, 0);
        assert_true(opened > find(p, STEP_ENTER_ROOT, 0));
        assert_string_equal(plan_text(&p->view, steps[opened - 1].s), "/dev/pts");
        assert_int_equal(steps[opened - 1].kind, STEP_ATTACH);
        assert_true(opened < find(p, STEP_LOCK_MOUNTS, 0));
        assert_int_equal(steps[opened].a, 0x80000);
        assert_int_equal(p->view.slots[steps[opened].slot].kind, SLOT_TERMINAL);
        assert_int_equal(control, find(p, STEP_NEW_SESSION, 0) + 1);
        assert_int_equal(steps[control].slot, (int16_t)steps[opened].b);
        for (int i = find(p, STEP_STANDARD_STREAM, 0); i >= 0; i = find(p, STEP_STANDARD_STREAM, (unsigned)i + 1))
                assert_int_equal(steps[i].slot, (int16_t)steps[opened].b);
        diag_done(&diag);
}

/* Layers are id-mapped and read-only before anything lies over them, which is what is written; then the root is entered. */
static void test_layers_order(void **state) {
        static const struct {
                DirectiveId id;
                const char *text;
                StepKind kind;
        } rows[] = {
                { DIRECTIVE_RootEphemeral, "yes", STEP_OVERLAY },
                { DIRECTIVE_Volatile, "overlay", STEP_OVERLAY },
                { DIRECTIVE_Volatile, "yes", STEP_LAYERS },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
                _cleanup_(plan_freep) Plan *p = NULL;
                const PlanStep *steps;
                int overlay;

                assert_non_null(s);
                assert_int_equal(fixture_set(s, rows[i].id, 9, rows[i].text), 0);
                s->read_only = false;
                assert_int_equal(fixture_plan(s, &p), 0);
                overlay = find(p, rows[i].kind, 0);
                assert_true(overlay > 0);
                steps = p->view.steps;
                assert_int_equal(steps[overlay - 1].kind, STEP_SET_ATTRIBUTES);
                assert_int_equal(steps[overlay - 1].slot, steps[overlay].slot);
                assert_true(steps[overlay - 1].flags & STEP_FLAG_IDMAP);
                assert_true(steps[overlay - 1].a & MOUNT_ATTR_RDONLY);
                assert_true(find(p, STEP_WRITE_ID_MAPS, 0) < overlay);
                assert_true(overlay < find(p, STEP_ENTER_ROOT, 0));
                assert_int_equal(plan_check(p->data, p->size, &p->view), 0);
        }
}

static const char *environment_of(const Plan *p, const char *name) {
        const PlanRef list = p->view.steps[p->view.header->n_steps - 1].u;
        const char *at = plan_text(&p->view, list), *end = at + list.size;

        for (; at < end; at += strlen(at) + 1)
                if (startswith(at, name) && at[strlen(name)] == '=')
                        return at + strlen(name) + 1;
        return NULL;
}

/* What the container has stored stays open, after everything else was closed, and its environment tells of it. */
static void test_stored(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        _cleanup_(plan_freep) Plan *p = NULL, *none = NULL, *full = NULL;
        char *stored[] = { (char *)"state", (char *)"pair", NULL };
        const PlanParameters parameters = { .id_base = 0x80000, .id_count = 65536, .stored = stored };
        const PlanStep *step;
        const int32_t *slots;
        Diag diag = {};
        int i;

        assert_int_equal(fixture_set(s, DIRECTIVE_FileDescriptorStoreMax, 4, "7"), 0);
        assert_int_equal(plan_build(s, fixture_policies(), &parameters, &diag, &p), 0);
        i = find(p, STEP_PASS_DESCRIPTORS, 0);
        assert_true(i > find(p, STEP_CLOSE_DESCRIPTORS, 0) && i < find(p, STEP_BOUNDING_SET, 0));
        step = p->view.steps + i;
        slots = (const int32_t *)plan_text(&p->view, step->s);
        assert_int_equal(step->actor, ACTOR_PAYLOAD);
        assert_int_equal(step->s.size, 2 * sizeof(*slots));
        for (i = 0; i < 2; i++)
                assert_int_equal(p->view.slots[slots[i]].kind, SLOT_PASSED);
        assert_string_equal(environment_of(p, "LISTEN_FDS"), "2");
        assert_string_equal(environment_of(p, "LISTEN_FDNAMES"), "state:pair");
        assert_string_equal(environment_of(p, "LISTEN_PID"), "2");
        assert_string_equal(environment_of(p, "FDSTORE"), "7");
        assert_int_equal(fixture_plan(s, &none), 0);
        /* There is room for all that may be stored, or the unit is refused from the beginning. */
        assert_int_equal(fixture_set(s, DIRECTIVE_FileDescriptorStoreMax, 4, "128"), 0);
        for (i = 0; i < 80; i++) {
                char bind[32];

                (void)snprintf(bind, sizeof(bind), "/srv:/srv%d", i);
                assert_int_equal(fixture_set(s, DIRECTIVE_BindPaths, 5, bind), 0);
        }
        assert_true(plan_build(s, fixture_policies(), &parameters, &diag, &full) < 0);
        assert_int_equal(diag.n_errors, 1);
        assert_int_equal(find(none, STEP_PASS_DESCRIPTORS, 0), -1);
        assert_null(environment_of(none, "LISTEN_FDS"));
        diag_done(&diag);
}

/* What may be raised only by the host's privilege comes before the user namespace, what would hurt the launch after it. */
static void test_attributes(void **state) {
        static const StepKind early[] = { STEP_PROCESS_FILE, STEP_PROCESS_CONTROL, STEP_SIGNALS,    STEP_PERSONALITY,
                                          STEP_CPU_AFFINITY, STEP_MEMORY_POLICY,   STEP_IO_PRIORITY, STEP_NICE,
                                          STEP_SCHEDULING,   STEP_CORE_SCHEDULING, STEP_RESOURCE_CEILING };
        static const StepKind late[] = { STEP_RESOURCE_LIMIT, STEP_FILE_MODE_MASK };
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        _cleanup_(plan_freep) Plan *p = NULL;
        char *argv[] = { (char *)"/bin/sh", NULL };
        const ExecParameters join = { .argv = argv, .user_namespace = true };
        _cleanup_(plan_freep) Plan *exec = NULL;
        Diag diag = {};

        assert_int_equal(fixture_set(s, DIRECTIVE_LimitNOFILE, 5, "7:9"), 0);
        assert_int_equal(fixture_set(s, DIRECTIVE_Ulimit, 6, "core=3"), 0);
        assert_int_equal(fixture_plan(s, &p), 0);
        assert_int_equal(plan_build_exec(s, fixture_policies(), &join, &diag, &exec), 0);
        for (size_t i = 0; i < ELEMENTSOF(early); i++) {
                assert_in_range(find(p, early[i], 0), 0, find(p, STEP_CLONE_INNER, 0) - 1);
                assert_in_range(find(exec, early[i], 0), 0, find(exec, STEP_ENTER_NAMESPACES, 0) - 1);
        }
        for (size_t i = 0; i < ELEMENTSOF(late); i++) {
                assert_in_range(find(p, late[i], 0), find(p, STEP_CLOSE_DESCRIPTORS, 0), find(p, STEP_BOUNDING_SET, 0));
                assert_in_range(find(exec, late[i], 0), find(exec, STEP_CLOSE_DESCRIPTORS, 0), find(exec, STEP_BOUNDING_SET, 0));
        }
        for (int i = find(p, STEP_RESOURCE_LIMIT, 0); i >= 0; i = find(p, STEP_RESOURCE_LIMIT, (unsigned)i + 1)) {
                const PlanStep *step = p->view.steps + i;
                const bool asked = step->a == RLIMIT_NOFILE || step->a == RLIMIT_CORE;

                /* Only what no line asked for may stay as it was. */
                assert_int_equal(step->flags, asked ? 0 : STEP_FLAG_LENIENT);
                if (asked)
                        assert_int_equal(step->origin_line, step->a == RLIMIT_NOFILE ? 5 : 6);
        }
        diag_done(&diag);
}

static void test_filter_before_identity_without_nnp(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        _cleanup_(plan_freep) Plan *p = NULL;

        assert_int_equal(fixture_set(s, DIRECTIVE_NoNewPrivileges, 4, "no"), 0);
        assert_int_equal(fixture_plan(s, &p), 0);
        assert_int_equal(find(p, STEP_NO_NEW_PRIVILEGES, 0), -1);
        assert_true(find(p, STEP_SECCOMP, 0) < find(p, STEP_IDENTITY, 0));
}

static void test_same_input_same_bytes(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        _cleanup_(plan_freep) Plan *a = NULL, *b = NULL;

        assert_int_equal(fixture_plan(s, &a), 0);
        assert_int_equal(fixture_plan(s, &b), 0);
        assert_int_equal(a->size, b->size);
        assert_memory_equal(a->data, b->data, a->size);
}

static void test_origins(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        _cleanup_(plan_freep) Plan *p = NULL;
        const PlanStep *step;
        int i;

        assert_int_equal(fixture_set(s, DIRECTIVE_BindReadOnlyPaths, 7, "/etc/ssl:/etc/ssl"), 0);
        assert_int_equal(fixture_plan(s, &p), 0);
        i = find_path(p, STEP_ATTACH, "/etc/ssl");
        assert_true(i > 0);
        step = p->view.steps + i;
        assert_string_equal(plan_text(&p->view, step->origin_file), "web.container");
        assert_int_equal(step->origin_line, 7);
        assert_string_equal(plan_text(&p->view, step->origin_directive), "BindReadOnlyPaths");
}

/* A parent is mounted before its child, whatever the order in the unit. */
static void test_mounts_sorted(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        _cleanup_(plan_freep) Plan *p = NULL;

        assert_int_equal(fixture_set(s, DIRECTIVE_BindPaths, 5, "/a:/var/lib/x/y"), 0);
        assert_int_equal(fixture_set(s, DIRECTIVE_TemporaryFileSystem, 6, "/var/lib"), 0);
        assert_int_equal(fixture_plan(s, &p), 0);
        assert_true(find_path(p, STEP_ATTACH, "/var/lib") < find_path(p, STEP_ATTACH, "/var/lib/x/y"));
        /* /tmp stands by itself unless the unit takes it. */
        assert_true(find_path(p, STEP_ATTACH, "/tmp") > 0);
}

static bool has_text(const Plan *p, PlanRef list, const char *text) {
        const char *at = plan_text(&p->view, list), *end = at + list.size;

        for (; at < end; at += strlen(at) + 1)
                if (streq(at, text))
                        return true;
        return false;
}

/* The socket is there, read-only and before the mounts are locked, and the payload is told; a unit's own words about the
 * same names do not count. Without reason there is none. */
static void test_messages(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        _cleanup_(plan_freep) Plan *without = NULL, *with = NULL;
        const PlanStep *execute;
        int attach;

        assert_int_equal(fixture_plan(s, &without), 0);
        assert_int_equal(find_path(without, STEP_ATTACH, PLAN_NOTIFY_SOCKET), -1);
        assert_int_equal(fixture_set(s, DIRECTIVE_WatchdogSec, 5, "2s"), 0);
        free(s->exec_environment[1]);
        s->exec_environment[1] = strdup("NOTIFY_SOCKET=/else");
        assert_int_equal(fixture_plan(s, &with), 0);
        attach = find_path(with, STEP_ATTACH, PLAN_NOTIFY_SOCKET);
        assert_true(attach > 0 && attach < find(with, STEP_LOCK_MOUNTS, 0));
        assert_int_equal(with->view.slots[with->view.steps[attach].slot].kind, SLOT_NOTIFY);
        execute = with->view.steps + find(with, STEP_EXECUTE, 0);
        assert_true(has_text(with, execute->u, "NOTIFY_SOCKET=" PLAN_NOTIFY_SOCKET));
        assert_false(has_text(with, execute->u, "NOTIFY_SOCKET=/else"));
        assert_true(has_text(with, execute->u, "WATCHDOG_USEC=2000000"));
        assert_true(has_text(with, execute->u, "WATCHDOG_PID=2"));
}

static void test_arguments(void **state) {
        static const char *const wanted[] = { "/bin/web", "--level=3", "a", "b" };
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        _cleanup_(plan_freep) Plan *p = NULL;
        const PlanStep *step;
        const char *at;

        assert_int_equal(fixture_plan(s, &p), 0);
        step = p->view.steps + find(p, STEP_EXECUTE, 0);
        at = plan_text(&p->view, step->t);
        for (size_t i = 0; i < ELEMENTSOF(wanted); i++, at += strlen(at) + 1)
                assert_string_equal(at, wanted[i]);
        assert_ptr_equal(at, plan_text(&p->view, step->t) + step->t.size + 1);
}

static void test_expansion(void **state) {
        static const struct {
                const char *word, *wanted; /* wanted: words joined by '|' */
        } rows[] = {
                { "plain", "plain" },  { "$A", "1" },         { "${A}x", "1x" },   { "$LIST", "p|q" },
                { "${LIST}", "p q" },  { "$$A", "$A" },       { "$UNSET", NULL },  { "${UNSET}", "" },
                { "a$A", "a$A" },      { "${A", "${A" },      { "$", "$" },        { "${1}", "${1}" },
        };
        char *environment[] = { (char *)"A=1", (char *)"LIST= p  q ", NULL };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char *argv[] = { (char *)"$A", (char *)rows[i].word, NULL };
                _cleanup_strv_ char **got = NULL;
                _cleanup_free_ char *joined = NULL;

                assert_int_equal(exec_arguments_expand(argv, environment, &got), 0);
                assert_string_equal(got[0], "$A"); /* the command itself is taken as it is */
                joined = strv_join(got + 1, "|");
                assert_int_equal(strv_length(got) > 1, rows[i].wanted != NULL);
                if (rows[i].wanted)
                        assert_string_equal(joined, streq(rows[i].word, "${LIST}") ? " p  q " : rows[i].wanted);
        }
}

static void test_exec_is_the_same_confinement(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        _cleanup_(plan_freep) Plan *start = NULL, *exec = NULL;
        char *argv[] = { (char *)"true", NULL };
        const ExecParameters parameters = { .argv = argv, .user_namespace = true };
        static const StepKind confinement[] = { STEP_SESSION_KEYRING, STEP_BOUNDING_SET, STEP_IDENTITY,
                                                STEP_CAPABILITIES, STEP_NO_NEW_PRIVILEGES, STEP_SECCOMP };
        Diag diag = {};
        const PlanStep *step;

        assert_int_equal(fixture_plan(s, &start), 0);
        assert_int_equal(plan_build_exec(s, fixture_policies(), &parameters, &diag, &exec), 0);
        for (size_t i = 0; i < ELEMENTSOF(confinement); i++) {
                const PlanStep *a = start->view.steps + find(start, confinement[i], 0);
                int j = find(exec, confinement[i], 0);

                assert_true(j >= 0);
                assert_int_equal(a->a, exec->view.steps[j].a);
                assert_int_equal(a->b, exec->view.steps[j].b);
                assert_int_equal(a->d, exec->view.steps[j].d);
                assert_int_equal(a->s.size, exec->view.steps[j].s.size);
        }
        /* The same rules, entered before the process can be seen from inside, with signals to the container's own. */
        for (int k = STEP_LANDLOCK_RULESET; k <= STEP_LANDLOCK_RESTRICT; k++) {
                const PlanStep *a = start->view.steps + find(start, (StepKind)k, 0), *b;
                int j = find(exec, (StepKind)k, 0);

                assert_true(j >= 0 && j < find(exec, STEP_CLOSE_DESCRIPTORS, 0));
                b = exec->view.steps + j;
                assert_int_equal(b->actor, ACTOR_OUTER);
                assert_int_equal(a->a, b->a);
                assert_int_equal(a->b, b->b);
                assert_int_equal(a->flags, b->flags);
                assert_string_equal(plan_text(&start->view, a->s), plan_text(&exec->view, b->s));
                assert_int_equal(a->t.size, b->t.size);
                assert_int_equal(b->c, k == STEP_LANDLOCK_RULESET ? LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET : a->c);
        }
        /* Nothing of the host's is open when the process can first be seen from inside. CVE-2016-9962. */
        assert_true(find(exec, STEP_CLOSE_DESCRIPTORS, 0) < find(exec, STEP_CLONE_INNER, 0));
        step = exec->view.steps + find(exec, STEP_EXECUTE, 0);
        assert_string_equal(plan_text(&exec->view, step->s), "/usr/bin/true"); /* searched in the unit's PATH */
        diag_done(&diag);
}

static void test_id_ranges(void **state) {
        uint32_t first = id_range_candidate("web", 0);

        assert_int_equal(first, id_range_candidate("web", 0));
        assert_int_not_equal(first, id_range_candidate("web", 1));
        for (unsigned i = 0; i < 30000; i += 7) {
                uint32_t base = id_range_candidate("web", i);

                assert_int_equal(base % 65536, 0);
                assert_in_range(base, 0x00080000, 0x6FFF0000);
        }
}

/* A command beside the payload has every step of a start but the last one's words, and those that give it a voice. */
static void test_command_beside(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        static char *variables[] = { (char *)"MAINPID=2", (char *)"LEVEL=9", NULL };
        _cleanup_(plan_freep) Plan *payload = NULL, *p = NULL, *joined = NULL;
        PlanParameters parameters = { .id_base = 0x80000, .id_count = 65536, .directive = "ExecStopPost", .variables = variables };
        ExecParameters exec = { .command_directive = "ExecReload", .environment = variables, .user_namespace = true };
        const PlanStep *e;

        assert_int_equal(fixture_set(s, DIRECTIVE_ExecStopPost, 9, "/bin/after $MAINPID ${LEVEL}"), 0);
        assert_int_equal(fixture_set(s, DIRECTIVE_NotifyAccess, 10, "all"), 0);
        s->init_role = false;
        parameters.command = exec.command = s->exec_stop_post.items;
        assert_int_equal(fixture_plan(s, &payload), 0);
        assert_int_equal(plan_build(s, fixture_policies(), &parameters, NULL, &p), 0);
        assert_int_equal(plan_build_exec(s, fixture_policies(), &exec, NULL, &joined), 0);
        e = p->view.steps + find(p, STEP_EXECUTE, 0);
        assert_int_equal(e->t.size + 1, sizeof("/bin/after\0" "2\0" "9"));
        assert_memory_equal(plan_text(&p->view, e->t), "/bin/after\0" "2\0" "9", e->t.size);
        assert_string_equal(plan_text(&p->view, e->origin_directive), "ExecStopPost");
        assert_int_equal(e->origin_line, 9);
        assert_true(p->view.header->flags & PLAN_FLAG_INIT_ROLE);
        assert_false(payload->view.header->flags & PLAN_FLAG_INIT_ROLE);
        for (uint32_t i = 0; i < p->view.header->n_slots; i++)
                assert_int_not_equal(p->view.slots[i].kind, SLOT_NOTIFY);
        for (size_t i = 0; i < ELEMENTSOF(order); i++)
                assert_true(find(p, order[i][0], 0) < find(p, order[i][1], 0));
        e = joined->view.steps + find(joined, STEP_EXECUTE, 0);
        assert_memory_equal(plan_text(&joined->view, e->t), "/bin/after\0" "2\0" "9", e->t.size);
        assert_string_equal(plan_text(&joined->view, e->origin_directive), "ExecReload");
}

static void test_print(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        _cleanup_(plan_freep) Plan *p = NULL;
        _cleanup_free_ char *text = NULL, *json = NULL;

        assert_int_equal(fixture_plan(s, &p), 0);
        assert_int_equal(plan_print(&p->view, &text), 0);
        assert_non_null(strstr(text, "descriptor root: tree of /srv/web"));
        assert_non_null(strstr(text, "# web.container:3: ExecStart="));
        assert_non_null(strstr(text, "user,mount,pid,net,ipc,uts,cgroup"));
        assert_int_equal(plan_print_json(&p->view, false, &json), 0);
        assert_non_null(strstr(json, "\"step\":\"lock-mounts\""));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_layers_order),
                cmocka_unit_test(test_terminal_of_start),
                cmocka_unit_test(test_stored),
                cmocka_unit_test(test_attributes),
                cmocka_unit_test(test_filter_before_identity_without_nnp),
                cmocka_unit_test(test_same_input_same_bytes),
                cmocka_unit_test(test_origins),
                cmocka_unit_test(test_mounts_sorted),
                cmocka_unit_test(test_messages),
                cmocka_unit_test(test_arguments),
                cmocka_unit_test(test_expansion),
                cmocka_unit_test(test_exec_is_the_same_confinement),
                cmocka_unit_test(test_command_beside),
                cmocka_unit_test(test_id_ranges),
                cmocka_unit_test(test_print),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
