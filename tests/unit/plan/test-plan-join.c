/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a process that joins holds at each moment that the container sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <linux/capability.h>
#include <sys/ioctl.h>

#include "manager/plan/plan-build.h"
#include "policies/seccomp/filter-answer.h"
#include "tests/unit/plan/plan-fixture.h"

#define PTRACE (UINT64_C(1) << CAP_SYS_PTRACE)

/* Everything is allowed but one call, or one value of its second argument. */
static PolicySet policies_denying(struct sock_filter program[static 6], const char *name, uint32_t second) {
        PolicySet set = *fixture_policies();
        const struct sock_filter text[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, name ? (uint32_t)seccomp_number(name) : UINT32_MAX, 0, 3),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, second, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };

        memcpy(program, text, sizeof(text));
        set.seccomp.program = program;
        set.seccomp.n_instructions = ELEMENTSOF(text);
        set.landlock.abi = 0;
        set.capabilities.bounding = PTRACE;
        return set;
}

static void test_facts(void **state) {
        static const struct {
                const char *call;
                uint32_t second;
                bool terminal, user_namespace, landlock, traces, profile;
                const char *denied;
                JoinOrder order;
        } rows[] = {
                { NULL, 0, true, false, false, true, false, NULL, JOIN_BORN_CONFINED },
                { "getpid", 0, true, false, false, true, false, NULL, JOIN_BORN_CONFINED },
                { "clone", 0, false, false, false, true, false, "clone", JOIN_REFUSED },
                { "setsid", 0, false, false, false, true, false, "setsid", JOIN_REFUSED },
                { "ioctl", TIOCSCTTY, true, false, false, true, false, "ioctl", JOIN_REFUSED },
                { "ioctl", TIOCSCTTY, false, false, false, true, false, NULL, JOIN_BORN_CONFINED },
                { "ioctl", TIOCSTI, true, false, false, true, false, NULL, JOIN_BORN_CONFINED },
                { "clone", 0, false, true, false, true, false, "clone", JOIN_FILTERED_LATE },
                { "clone", 0, false, false, true, true, false, "clone", JOIN_FILTERED_LATE },
                { "clone", 0, false, false, false, false, false, "clone", JOIN_FILTERED_LATE },
                { NULL, 0, false, false, false, true, true, NULL, JOIN_REFUSED },
                { NULL, 0, false, true, false, true, true, NULL, JOIN_BORN_CONFINED },
                { NULL, 0, false, false, true, true, true, NULL, JOIN_BORN_CONFINED },
                { NULL, 0, false, false, false, false, true, NULL, JOIN_BORN_CONFINED },
                { "clone", 0, false, true, false, true, true, "clone", JOIN_FILTERED_LATE },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct sock_filter program[6];
                PolicySet set = policies_denying(program, rows[i].call, rows[i].second);
                ContainerSpec spec = {};
                JoinFacts facts;

                spec.mac.apparmor = true;
                spec.apparmor_profile.kind = rows[i].profile ? APPARMOR_NAMED : APPARMOR_GENERATED;
                set.spec = &spec;
                set.landlock.abi = rows[i].landlock ? 1 : 0;
                set.capabilities.bounding = rows[i].traces ? PTRACE : ~PTRACE;
                facts = join_facts(&set, rows[i].user_namespace, rows[i].terminal ? JOIN_NEEDS_TERMINAL : 0);
                if (rows[i].denied)
                        assert_string_equal(facts.denied, rows[i].denied);
                else
                        assert_null(facts.denied);
                assert_int_equal(join_order(&facts), rows[i].order);
        }
}

typedef enum Holds {
        HOLDS_FILTER = 1 << 0,
        HOLDS_BOUNDS = 1 << 1,
        HOLDS_IDENTITY = 1 << 2,
        HOLDS_CAPABILITIES = 1 << 3,
        HOLDS_NO_NEW_PRIVILEGES = 1 << 4,
        HOLDS_LANDLOCK = 1 << 5,
        HOLDS_NO_DESCRIPTOR = 1 << 6,
        HOLDS_LABEL = 1 << 7,
        HOLDS_KEYRING = 1 << 8,
        HOLDS_LIMITS = 1 << 9,
} Holds;

static unsigned held_by_step(const PlanStep *s) {
        switch ((StepKind)s->kind) {
        case STEP_SECCOMP:
                return HOLDS_FILTER;
        case STEP_BOUNDING_SET:
                return HOLDS_BOUNDS;
        case STEP_IDENTITY:
                return HOLDS_IDENTITY;
        case STEP_CAPABILITIES:
                return HOLDS_CAPABILITIES;
        case STEP_NO_NEW_PRIVILEGES:
                return HOLDS_NO_NEW_PRIVILEGES;
        case STEP_LANDLOCK_RESTRICT:
                return HOLDS_LANDLOCK;
        case STEP_CLOSE_DESCRIPTORS:
                return HOLDS_NO_DESCRIPTOR;
        case STEP_SECURITY_LABEL:
                return HOLDS_LABEL;
        case STEP_SESSION_KEYRING:
                return HOLDS_KEYRING;
        case STEP_RESOURCE_LIMIT:
                return HOLDS_LIMITS;
        default:
                return 0;
        }
}

/* What the process has when it is born, and what only its own steps give it. */
static void read_plan(const Plan *p, unsigned *ret_born, unsigned *ret_later) {
        bool born = false;

        *ret_born = *ret_later = 0;
        for (uint32_t i = 0; i < p->view.header->n_steps; i++) {
                const PlanStep *s = p->view.steps + i;

                assert_int_equal(s->actor, born ? ACTOR_PAYLOAD : ACTOR_OUTER);
                *(born ? ret_later : ret_born) |= held_by_step(s);
                born |= s->kind == STEP_CLONE_INNER;
        }
        assert_true(born);
}

static Plan *joined(const PolicySet *set, bool no_new_privileges, bool user_namespace, bool terminal) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        char *argv[] = { (char *)"true", NULL };
        const ExecParameters p = { .argv = argv, .user_namespace = user_namespace, .terminal = terminal,
                                   .labels = { .apparmor_profile = "bulwark-web" } };
        Plan *plan = NULL;
        Diag diag = {};

        s->no_new_privileges = no_new_privileges;
        if (plan_build_exec(s, set, &p, &diag, &plan) < 0) {
                assert_int_equal(diag_first_code(&diag), ERROR_CONFLICT);
                plan = NULL;
        }
        diag_done(&diag);
        return plan;
}

#define EVERYTHING                                                                                                     \
        (HOLDS_FILTER | HOLDS_BOUNDS | HOLDS_IDENTITY | HOLDS_CAPABILITIES | HOLDS_NO_DESCRIPTOR | HOLDS_LABEL |       \
         HOLDS_KEYRING | HOLDS_LIMITS)

static void test_born_confined(void **state) {
        for (unsigned i = 0; i < 8; i++) {
                const bool no_new_privileges = i & 1, user_namespace = i & 2, terminal = i & 4;
                _cleanup_(plan_freep) Plan *p = joined(fixture_policies(), no_new_privileges, user_namespace, terminal);
                unsigned born, later;

                assert_non_null(p);
                read_plan(p, &born, &later);
                assert_int_equal(born, EVERYTHING | HOLDS_LANDLOCK | (no_new_privileges ? HOLDS_NO_NEW_PRIVILEGES : 0));
                assert_int_equal(later, 0);
                assert_int_equal(p->view.steps[p->view.header->n_steps - (terminal ? 3 : 2)].kind, STEP_NEW_SESSION);
        }
}

/* The kernel takes a filter from a process without no_new_privs only while it is privileged. */
static void test_filter_and_privileges(void **state) {
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_(plan_freep) Plan *p = joined(fixture_policies(), i == 1, false, false);
                int filter = -1, capabilities = -1, no_new_privileges = -1;

                for (uint32_t k = 0; k < p->view.header->n_steps; k++) {
                        filter = p->view.steps[k].kind == STEP_SECCOMP ? (int)k : filter;
                        capabilities = p->view.steps[k].kind == STEP_CAPABILITIES ? (int)k : capabilities;
                        no_new_privileges = p->view.steps[k].kind == STEP_NO_NEW_PRIVILEGES ? (int)k : no_new_privileges;
                }
                assert_true(i == 1 ? capabilities < no_new_privileges && no_new_privileges < filter : filter < capabilities);
        }
}

static void test_late(void **state) {
        for (unsigned i = 0; i < 2; i++) {
                struct sock_filter program[6];
                const PolicySet set = policies_denying(program, "clone", 0);
                _cleanup_(plan_freep) Plan *p = joined(&set, i == 1, true, false), *refused = joined(&set, i == 1, false, false);
                unsigned born, later;

                assert_null(refused);
                assert_non_null(p);
                read_plan(p, &born, &later);
                assert_int_equal(born | later, EVERYTHING | (i == 1 ? HOLDS_NO_NEW_PRIVILEGES : 0));
                /* With no_new_privs all but the filter is there before; without, what the filter needs is. */
                assert_int_equal(later, i == 1 ? HOLDS_FILTER
                                               : HOLDS_FILTER | HOLDS_BOUNDS | HOLDS_IDENTITY | HOLDS_CAPABILITIES);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_facts),
                cmocka_unit_test(test_born_confined),
                cmocka_unit_test(test_filter_and_privileges),
                cmocka_unit_test(test_late),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
