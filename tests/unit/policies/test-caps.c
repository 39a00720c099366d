/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/capability.h>

#include "policies/caps/caps.h"
#include "tests/unit/policies/fixture.h"

#define BIT(c) (UINT64_C(1) << (c))

static uint64_t small_set(void) {
        return BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_KILL) |
               BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SETPCAP) | BIT(CAP_NET_BIND_SERVICE) |
               BIT(CAP_SYS_CHROOT) | BIT(CAP_SETFCAP);
}

/* Never without the unit's own word, whatever Boot= and PrivateUsers= say. */
static uint64_t dangerous(void) {
        return BIT(CAP_SYS_MODULE) | BIT(CAP_SYS_RAWIO) | BIT(CAP_SYS_TIME) | BIT(CAP_MKNOD) | BIT(CAP_SYSLOG) |
               BIT(CAP_MAC_ADMIN) | BIT(CAP_MAC_OVERRIDE) | BIT(CAP_BPF) | BIT(CAP_PERFMON) | BIT(CAP_NET_RAW) |
               BIT(CAP_AUDIT_CONTROL) | BIT(CAP_AUDIT_READ) | BIT(CAP_WAKE_ALARM) | BIT(CAP_BLOCK_SUSPEND) |
               BIT(CAP_CHECKPOINT_RESTORE) | BIT(CAP_SYS_PACCT);
}

static uint64_t boot_set(void) {
        return BIT(CAP_SYS_ADMIN) | BIT(CAP_NET_ADMIN) | BIT(CAP_SYS_PTRACE) | BIT(CAP_SYS_RESOURCE) |
               BIT(CAP_SYS_NICE) | BIT(CAP_SYS_TTY_CONFIG) | BIT(CAP_SYS_BOOT) | BIT(CAP_DAC_READ_SEARCH) |
               BIT(CAP_AUDIT_WRITE) | BIT(CAP_IPC_OWNER) | BIT(CAP_IPC_LOCK) | BIT(CAP_LEASE) |
               BIT(CAP_LINUX_IMMUTABLE) | BIT(CAP_NET_BROADCAST);
}

static void default_sets(void **state) {
        assert_int_equal(capabilities_default(), small_set());
        assert_int_equal(capabilities_boot(), boot_set());
        assert_int_equal((capabilities_default() | capabilities_boot()) & dangerous(), 0);
        assert_int_equal(capabilities_default() & capabilities_boot(), 0);
}

static void sets(void **state) {
        const uint64_t small = small_set(), all = CAPABILITY_MASK_ALL;
        const struct {
                const char *unit;
                uint64_t bounding, held, ambient; /* held = permitted = effective */
        } cases[] = {
                { "", small, small, 0 },
                { "User=0", small, small, 0 },
                { "User=1000", small, 0, 0 },
                { "Boot=yes", small | boot_set(), small | boot_set(), 0 },
                { "Boot=yes\nPrivateUsers=no", small, small, 0 },
                { "Boot=yes\nPrivateUsers=identity", small | boot_set(), small | boot_set(), 0 },
                { "Boot=yes\nCapabilityBoundingSet=CAP_KILL", BIT(CAP_KILL), BIT(CAP_KILL), 0 },
                { "CapabilityBoundingSet=CAP_CHOWN", BIT(CAP_CHOWN), BIT(CAP_CHOWN), 0 },
                { "CapabilityBoundingSet=", 0, 0, 0 },
                { "CapabilityBoundingSet=~CAP_SYS_ADMIN", all & ~BIT(CAP_SYS_ADMIN), all & ~BIT(CAP_SYS_ADMIN), 0 },
                { "CapabilityBoundingSet=CAP_CHOWN\nAddCapability=CAP_KILL", BIT(CAP_CHOWN) | BIT(CAP_KILL),
                  BIT(CAP_CHOWN) | BIT(CAP_KILL), 0 },
                { "CapabilityBoundingSet=CAP_CHOWN CAP_KILL\nDropCapability=CAP_KILL", BIT(CAP_CHOWN),
                  BIT(CAP_CHOWN), 0 },
                { "AddCapability=CAP_NET_RAW", small | BIT(CAP_NET_RAW), small | BIT(CAP_NET_RAW), 0 },
                { "DropCapability=CAP_CHOWN", small & ~BIT(CAP_CHOWN), small & ~BIT(CAP_CHOWN), 0 },
                { "DropCapability=CAP_SYS_TIME", small, small, 0 },
                { "DropCapability=all", 0, 0, 0 },
                { "DropCapability=all\nAddCapability=CAP_CHOWN", BIT(CAP_CHOWN), BIT(CAP_CHOWN), 0 },
                { "AddCapability=CAP_CHOWN\nDropCapability=all", BIT(CAP_CHOWN), BIT(CAP_CHOWN), 0 },
                { "AddCapability=all", all, all, 0 },
                { "AddCapability=all\nDropCapability=CAP_SYS_ADMIN", all & ~BIT(CAP_SYS_ADMIN),
                  all & ~BIT(CAP_SYS_ADMIN), 0 },
                { "AmbientCapabilities=CAP_CHOWN", small, small, BIT(CAP_CHOWN) },
                { "User=1000\nAmbientCapabilities=CAP_NET_BIND_SERVICE", small, BIT(CAP_NET_BIND_SERVICE),
                  BIT(CAP_NET_BIND_SERVICE) },
                { "User=1000\nAddCapability=CAP_NET_RAW\nAmbientCapabilities=CAP_NET_RAW CAP_KILL",
                  small | BIT(CAP_NET_RAW), BIT(CAP_NET_RAW) | BIT(CAP_KILL), BIT(CAP_NET_RAW) | BIT(CAP_KILL) },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(policy_set_unrefp) const PolicySet *set = fixture_compile(cases[i].unit, -EBADF);
                const CapabilityPolicy *c = &set->capabilities;

                if (c->bounding != cases[i].bounding || c->permitted != cases[i].held ||
                    c->effective != cases[i].held || c->ambient != cases[i].ambient ||
                    c->inheritable != cases[i].ambient)
                        fail_msg("%s: bounding %lx permitted %lx effective %lx inheritable %lx ambient %lx",
                                 cases[i].unit, c->bounding, c->permitted, c->effective, c->inheritable,
                                 c->ambient);
        }
}

static void origins(void **state) {
        const struct {
                const char *unit, *rule;
                unsigned line; /* 0 = built in */
        } cases[] = {
                { "", "CAP_CHOWN bounding permitted effective", 0 },
                { "User=1", "CAP_CHOWN bounding", 0 },
                { "Boot=yes", "CAP_SYS_ADMIN bounding permitted effective", 1 },
                { "Boot=yes", "CAP_CHOWN bounding permitted effective", 0 },
                { "User=0\nCapabilityBoundingSet=CAP_KILL", "CAP_KILL bounding permitted effective", 2 },
                { "User=0\nAddCapability=CAP_KILL\nAddCapability=CAP_NET_RAW",
                  "CAP_NET_RAW bounding permitted effective", 3 },
                /* The default has it anyway: the line is not the cause. */
                { "User=0\nAddCapability=CAP_KILL", "CAP_KILL bounding permitted effective", 0 },
                { "DropCapability=all\nAddCapability=CAP_KILL", "CAP_KILL bounding permitted effective", 2 },
                { "User=7\n\nAmbientCapabilities=CAP_KILL", "CAP_KILL permitted effective inheritable ambient", 3 },
                { "AmbientCapabilities=CAP_KILL", "CAP_KILL inheritable ambient", 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(policy_set_unrefp) const PolicySet *set = fixture_compile(cases[i].unit, -EBADF);
                const PolicyRule *rule = fixture_rule(&set->capabilities.rules, cases[i].rule);

                if (!rule)
                        fail_msg("%s: no rule '%s'", cases[i].unit, cases[i].rule);
                assert_int_equal(rule->origin.line, cases[i].line);
                assert_true(cases[i].line == 0 ? !rule->origin.file : streq(rule->origin.file, FIXTURE_FILE));
        }
}

/* One rule a capability and no more: what is shown is what is held. */
static void one_rule_each(void **state) {
        _cleanup_(policy_set_unrefp) const PolicySet *set =
                fixture_compile("Boot=yes\nAmbientCapabilities=CAP_KILL CAP_CHOWN", -EBADF);

        assert_int_equal(set->capabilities.rules.n, (size_t)__builtin_popcountll(set->capabilities.bounding) + 2);
}

static void contradictions(void **state) {
        const struct {
                const char *unit, *words;
        } cases[] = {
                { "AddCapability=CAP_KILL\nDropCapability=CAP_KILL",
                  "web.container:2: DropCapability=: CAP_KILL is also added by AddCapability= (web.container:1); "
                  "keep one" },
                { "AddCapability=all\nDropCapability=all",
                  "web.container:2: DropCapability=: all are dropped, and AddCapability= adds all; keep one" },
                { "AmbientCapabilities=CAP_NET_RAW",
                  "web.container:1: AmbientCapabilities=: CAP_NET_RAW is not in the bounding set; add "
                  "AddCapability=CAP_NET_RAW" },
                { "DropCapability=CAP_KILL\nAmbientCapabilities=CAP_KILL",
                  "web.container:2: AmbientCapabilities=: CAP_KILL is dropped by DropCapability=; keep one" },
                { "CapabilityBoundingSet=CAP_CHOWN\nAmbientCapabilities=CAP_KILL",
                  "web.container:2: AmbientCapabilities=: CAP_KILL is not in the bounding set; add "
                  "AddCapability=CAP_KILL" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *words = fixture_complaint(cases[i].unit);

                if (!strstr(words, cases[i].words))
                        fail_msg("%s: says '%s' instead of '%s'", cases[i].unit, words, cases[i].words);
        }
}

static void all_contradictions_at_once(void **state) {
        _cleanup_free_ char *words = fixture_complaint("AmbientCapabilities=CAP_NET_RAW CAP_BPF\n"
                                                       "SystemCallFilter=nosuchcall");

        assert_non_null(strstr(words, "CAP_NET_RAW"));
        assert_non_null(strstr(words, "CAP_BPF"));
        assert_non_null(strstr(words, "nosuchcall"));
}

/* What the bus shows beside what is compiled. */
static void bounding_set_alone(void **state) {
        static const char *const units[] = { "", "Boot=yes", "CapabilityBoundingSet=", "DropCapability=all",
                                             "CapabilityBoundingSet=CAP_CHOWN\nAddCapability=CAP_NET_RAW" };
        _cleanup_(container_spec_unrefp) ContainerSpec *wrong = fixture_spec("AddCapability=CAP_KILL\nDropCapability=CAP_KILL");

        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                _cleanup_(policy_set_unrefp) const PolicySet *set = fixture_compile(units[i], -EBADF);

                assert_int_equal(capabilities_bounding(set->spec), set->capabilities.bounding);
        }
        assert_int_equal(capabilities_bounding(wrong), 0);
}

static void boot_without_user_namespace_warns(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = fixture_spec("Boot=yes\nPrivateUsers=no");
        _cleanup_(policy_set_unrefp) const PolicySet *set = NULL;
        _cleanup_(diag_done) Diag diag = {};

        assert_int_equal(policy_compile(spec, -EBADF, &diag, &set), 0);
        assert_int_equal(diag.n_entries, 1);
        assert_int_equal(diag.entries[0].level, DIAG_WARNING);
        assert_int_equal(diag.entries[0].line, 1);
        assert_non_null(strstr(diag.entries[0].text, "AddCapability="));
}

static void rendering(void **state) {
        _cleanup_(policy_set_unrefp) const PolicySet *set =
                fixture_compile("User=1000\nCapabilityBoundingSet=CAP_CHOWN CAP_KILL\nAmbientCapabilities=CAP_KILL",
                                -EBADF);
        _cleanup_free_ char *text = NULL;

        assert_int_equal(policy_backend_caps.render(set, &text), 0);
        assert_string_equal(text, "bounding    CAP_CHOWN CAP_KILL\n"
                                  "permitted   CAP_KILL\n"
                                  "effective   CAP_KILL\n"
                                  "inheritable CAP_KILL\n"
                                  "ambient     CAP_KILL\n");

        set = policy_set_unref(set);
        free(TAKE_PTR(text));
        set = fixture_compile("DropCapability=all", -EBADF);
        assert_int_equal(policy_backend_caps.render(set, &text), 0);
        assert_non_null(strstr(text, "bounding    none\n"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(default_sets),
                cmocka_unit_test(sets),
                cmocka_unit_test(origins),
                cmocka_unit_test(one_rule_each),
                cmocka_unit_test(contradictions),
                cmocka_unit_test(all_contradictions_at_once),
                cmocka_unit_test(bounding_set_alone),
                cmocka_unit_test(boot_without_user_namespace_warns),
                cmocka_unit_test(rendering),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
