/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>

#include "policies/compare.h"
#include "tests/unit/policies/fixture.h"
#include "tests/unit/policies/oci-answer.h"

#define ALLOW SECCOMP_RET_ALLOW
#define KILL SECCOMP_RET_KILL_PROCESS
#define DENY(e) (SECCOMP_RET_ERRNO | (e))

#define DEFAULT(action, lists) "{\"defaultAction\": \"SCMP_ACT_" action "\", \"syscalls\": [" lists "]}"
#define LIST(names, action, more) "{\"names\": [" names "], \"action\": \"SCMP_ACT_" action "\"" more "}"
#define ARGUMENTS(list) ", \"args\": [" list "]"
#define CONDITION(index, op, value) "{\"index\": " index ", \"value\": " value ", \"op\": \"SCMP_CMP_" op "\"}"
#define MASKED(index, mask, value) \
        "{\"index\": " index ", \"value\": " mask ", \"valueTwo\": " value ", \"op\": \"SCMP_CMP_MASKED_EQ\"}"

static ContainerSpec *spec_of(const char *unit, const char *profile) {
        _cleanup_free_ char *text = NULL;
        ContainerSpec *spec;

        assert_int_equal(str_append(&text, "SeccompProfile=/etc/p.json\n%s", unit), 0);
        spec = fixture_spec(text);
        spec->seccomp_profile_text = strdup(profile);
        assert_non_null(spec->seccomp_profile_text);
        return spec;
}

static const PolicySet *compile(const char *unit, const char *profile) {
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = spec_of(unit, profile);
        _cleanup_(diag_done) Diag diag = {};
        const PolicySet *set = NULL;

        if (policy_compile(spec, -EBADF, &diag, &set) < 0) {
                _cleanup_free_ char *words = diag_to_string(&diag, true);

                fail_msg("%s\n-- is refused:\n%s", profile, words);
        }
        return set;
}

/* Of two answers the stricter one; nothing that a profile allows opens what the unit's list denies. */
static void the_stricter_wins(void **state) {
        static const struct {
                const char *unit, *profile, *call;
                uint64_t first, second;
                uint32_t expected;
        } cases[] = {
                { "", DEFAULT("ALLOW", ""), "read", 0, 0, ALLOW },
                { "", DEFAULT("ALLOW", ""), "mount", 0, 0, DENY(EPERM) },
                { "", DEFAULT("ALLOW", LIST("\"mount\"", "ALLOW", "")), "mount", 0, 0, DENY(EPERM) },
                { "", DEFAULT("ALLOW", LIST("\"mount\"", "KILL", "")), "mount", 0, 0, KILL },
                { "", DEFAULT("ALLOW", LIST("\"ptrace\"", "ERRNO", ", \"errnoRet\": 13")), "ptrace", 0, 0, DENY(EACCES) },
                { "", DEFAULT("ALLOW", LIST("\"ptrace\"", "ERRNO", ", \"errno\": \"ENOSYS\", \"errnoRet\": 1")), "ptrace", 0, 0, DENY(ENOSYS) },
                { "", DEFAULT("ALLOW", "{\"name\": \"ptrace\", \"action\": \"SCMP_ACT_ERRNO\"}"), "ptrace", 0, 0, DENY(EPERM) },
                { "SystemCallFilter=~ptrace:kill", DEFAULT("ALLOW", LIST("\"ptrace\"", "ERRNO", "")), "ptrace", 0, 0, KILL },
                { "SystemCallFilter=~ptrace:EACCES", DEFAULT("ALLOW", LIST("\"ptrace\"", "ERRNO", "")), "ptrace", 0, 0, DENY(EACCES) },
                { "", DEFAULT("KILL", LIST("\"read\"", "ALLOW", "")), "read", 0, 0, ALLOW },
                { "", DEFAULT("KILL", LIST("\"read\"", "ALLOW", "")), "openat", 0, 0, KILL },
                { "", DEFAULT("KILL", LIST("\"read\"", "ALLOW", "")), "execve", 0, 0, ALLOW }, /* the launcher's */
                { "", DEFAULT("LOG", ""), "openat", 0, 0, SECCOMP_RET_LOG },
                { "", DEFAULT("ALLOW", LIST("\"openat\"", "LOG", "")), "openat", 0, 0, SECCOMP_RET_LOG },
                { "", DEFAULT("ALLOW", LIST("\"openat\"", "LOG", "")), "read", 0, 0, ALLOW },
                { "", DEFAULT("ALLOW", LIST("\"clone3\"", "KILL", "")), "clone3", 0, 0, KILL },
                { "SystemCallFilter=unshare setns @default-container", DEFAULT("ALLOW", LIST("\"unshare\"", "ERRNO", "")), "clone",
                  0x10000000 | SIGCHLD, 0, DENY(EPERM) },
                /* two lists that name one call: the stricter; conditions beside what holds always say something if they are */
                { "", DEFAULT("ALLOW", LIST("\"ptrace\"", "ALLOW", "") ", " LIST("\"ptrace\"", "ERRNO", "")), "ptrace", 0, 0, DENY(EPERM) },
                { "", DEFAULT("ERRNO", LIST("\"kill\"", "ALLOW", "") ", " LIST("\"kill\"", "KILL", ARGUMENTS(CONDITION("1", "EQ", "9")))),
                  "kill", 1, 9, KILL },
                { "", DEFAULT("ERRNO", LIST("\"kill\"", "ALLOW", "") ", " LIST("\"kill\"", "KILL", ARGUMENTS(CONDITION("1", "EQ", "9")))),
                  "kill", 1, 8, ALLOW },
                { "", DEFAULT("ERRNO", LIST("\"kill\"", "ERRNO", "") ", " LIST("\"kill\"", "ALLOW", ARGUMENTS(CONDITION("1", "EQ", "9")))),
                  "kill", 1, 9, DENY(EPERM) },
                /* conditions on one argument are rules of their own, on several they hold together */
                { "", DEFAULT("ALLOW", LIST("\"kill\"", "ERRNO", ARGUMENTS(CONDITION("1", "EQ", "9") ", " CONDITION("1", "EQ", "15")))),
                  "kill", 1, 15, DENY(EPERM) },
                { "", DEFAULT("ALLOW", LIST("\"kill\"", "ERRNO", ARGUMENTS(CONDITION("0", "EQ", "1") ", " CONDITION("1", "EQ", "15")))),
                  "kill", 1, 9, ALLOW },
                { "", DEFAULT("ALLOW", LIST("\"kill\"", "ERRNO", ARGUMENTS(CONDITION("0", "EQ", "1") ", " CONDITION("1", "EQ", "15")))),
                  "kill", 1, 15, DENY(EPERM) },
                /* what passes the conditions still meets the unit's own guards */
                { "", DEFAULT("ERRNO", LIST("\"socket\"", "ALLOW", ARGUMENTS(CONDITION("0", "LE", "17")))), "socket", 17, 0,
                  DENY(EAFNOSUPPORT) },
                { "", DEFAULT("ERRNO", LIST("\"socket\"", "ALLOW", ARGUMENTS(CONDITION("0", "LE", "17")))), "socket", 1, 0, ALLOW },
                /* all 64 bits count */
                { "", DEFAULT("ALLOW", LIST("\"kill\"", "ERRNO", ARGUMENTS(CONDITION("0", "GT", "4294967296")))), "kill",
                  UINT64_C(0x100000000), 0, ALLOW },
                { "", DEFAULT("ALLOW", LIST("\"kill\"", "ERRNO", ARGUMENTS(CONDITION("0", "GT", "4294967296")))), "kill",
                  UINT64_C(0x100000001), 0, DENY(EPERM) },
                { "", DEFAULT("ALLOW", LIST("\"kill\"", "ERRNO", ARGUMENTS(MASKED("0", "4080", "16")))), "kill", 0xf01f, 0, DENY(EPERM) },
                { "", DEFAULT("ALLOW", LIST("\"kill\"", "ERRNO", ARGUMENTS(MASKED("0", "4080", "16")))), "kill", 0xf02f, 0, ALLOW },
                /* for whom a list is meant */
                { "", DEFAULT("ERRNO", LIST("\"kill\"", "ALLOW", ", \"includes\": {\"caps\": [\"CAP_SYS_ADMIN\"]}")), "kill", 0, 0, DENY(EPERM) },
                { "AddCapability=CAP_SYS_ADMIN", DEFAULT("ERRNO", LIST("\"kill\"", "ALLOW", ", \"includes\": {\"caps\": [\"CAP_SYS_ADMIN\"]}")),
                  "kill", 0, 0, ALLOW },
                { "", DEFAULT("ERRNO", LIST("\"kill\"", "ALLOW", ", \"excludes\": {\"caps\": [\"CAP_CHOWN\"]}")), "kill", 0, 0, DENY(EPERM) },
                { "", DEFAULT("ERRNO", LIST("\"kill\"", "ALLOW", ", \"includes\": {\"arches\": [\"nowhere\"]}")), "kill", 0, 0, DENY(EPERM) },
                { "", DEFAULT("ERRNO", LIST("\"kill\"", "ALLOW", ", \"includes\": {\"minKernel\": \"4.8\"}")), "kill", 0, 0, ALLOW },
                { "", DEFAULT("ERRNO", LIST("\"kill\"", "ALLOW", ", \"includes\": {\"minKernel\": \"99.0\"}")), "kill", 0, 0, DENY(EPERM) },
                { "", DEFAULT("ALLOW", LIST("\"kill\"", "ERRNO", ", \"includes\": {\"minKernel\": \"99.0\"}")), "kill", 0, 0, DENY(EPERM) },
                { "", DEFAULT("ALLOW", LIST("\"no_such_call\", \"riscv_flush_icache\"", "ALLOW", ", \"comment\": \"x\"")), "read", 0, 0, ALLOW },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(policy_set_unrefp) const PolicySet *set = compile(cases[i].unit, cases[i].profile);
                const uint64_t arguments[6] = { cases[i].first, cases[i].second };
                const uint32_t answer = oci_ask(set, (uint32_t)syscall_resolve(cases[i].call), arguments);

                if (answer != cases[i].expected)
                        fail_msg("%s: %s\n%s(0x%lx, 0x%lx) is answered 0x%x, not 0x%x", cases[i].unit, cases[i].profile, cases[i].call,
                                 cases[i].first, cases[i].second, answer, cases[i].expected);
        }
}

static void what_is_refused(void **state) {
        static const struct {
                const char *profile, *words;
        } cases[] = {
                { "", "is not JSON" },
                { "null", "it is no object" },
                { "[]", "is not an object" },
                { "{} {}", "is not JSON" },
                { "{\"defaultAction\": \"SCMP_ACT_ALLOW\"", "is not JSON" },
                { "{}", "defaultAction: has no action" },
                { DEFAULT("DENY", ""), "'SCMP_ACT_DENY' is not an action" },
                { DEFAULT("TRAP", ""), "its handler of SIGSYS" },
                { DEFAULT("NOTIFY", ""), "there is no listener" },
                { DEFAULT("TRACE", ""), "there is no tracer" },
                { "{\"defaultAction\": 1}", "'defaultAction' is not a string" },
                { "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 4095}", "goes from 0 to 4094" },
                { "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": -1}", "goes from 0 to 4094" },
                { "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 0}", "succeeded" },
                { "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrno\": \"EFOO\"}", "'EFOO' is not an error" },
                { "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscals\": []}", "'syscals' is not known" },
                { "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": {}}", "'syscalls' is not an array" },
                { "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"listenerPath\": \"/run/x\"}", "no listener" },
                { "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"flags\": [\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]}", "is not supported" },
                { DEFAULT("ALLOW", "{\"action\": \"SCMP_ACT_ALLOW\"}"), "syscalls[0]: needs either names or name" },
                { DEFAULT("ALLOW", LIST("7", "ERRNO", "")), "is no system call's" },
                { DEFAULT("ALLOW", LIST("\"kill\"", "ERRNO", ", \"arg\": []")), "syscalls[0]: 'arg' is not known" },
                { DEFAULT("ALLOW", LIST("\"kill\"", "ERRNO", ARGUMENTS(CONDITION("6", "EQ", "1")))), "goes from 0 to 5" },
                { DEFAULT("ALLOW", LIST("\"kill\"", "ERRNO", ARGUMENTS(CONDITION("0", "IS", "1")))), "'SCMP_CMP_IS' is not a comparison" },
                { DEFAULT("ALLOW", LIST("\"kill\"", "ERRNO", ARGUMENTS(CONDITION("0", "EQ", "-1")))), "'value' is out of range" },
                { DEFAULT("ALLOW", LIST("\"kill\"", "ERRNO", ARGUMENTS(CONDITION("0", "EQ", "1.5")))), "'value' is not a whole number" },
                { DEFAULT("ALLOW", LIST("\"kill\"", "ERRNO", ARGUMENTS(MASKED("0", "1", "2")))), "never holds" },
                { DEFAULT("ALLOW", LIST("\"kill\"", "ERRNO", ", \"includes\": {\"caps\": [\"CAP_FLY\"]}")), "'CAP_FLY' is not a capability" },
                { DEFAULT("ALLOW", LIST("\"kill\"", "ERRNO", ", \"includes\": {\"minKernel\": \"new\"}")), "is not a version" },
                { DEFAULT("ALLOW", LIST("\"execve\"", "ERRNO", "")), "denies execve, which the launcher itself calls" },
                { DEFAULT("ALLOW", LIST("\"write\"", "ERRNO", ARGUMENTS(CONDITION("0", "EQ", "1")))), "judges the arguments of write" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(container_spec_unrefp) ContainerSpec *spec = spec_of("", cases[i].profile);
                _cleanup_free_ char *words = NULL;
                _cleanup_(diag_done) Diag diag = {};
                const PolicySet *set = NULL;

                if (policy_compile(spec, -EBADF, &diag, &set) >= 0)
                        fail_msg("compiles: %s", cases[i].profile);
                words = diag_to_string(&diag, true);
                assert_non_null(words);
                if (!strstr(words, cases[i].words) || !strstr(words, "web.container:1: SeccompProfile=: \"/etc/p.json\""))
                        fail_msg("%s\n-- says:\n%s\n-- and not: %s", cases[i].profile, words, cases[i].words);
        }
}

/* Beside the default list and beside wider and narrower ones, for every call and around every number that is named. */
static void a_plain_reading_agrees(void **state) {
        static const char *const filters[] = { "", "@known", "@system-service", "~@ipc:kill ptrace:ENOSYS", "read" };
        static const char *const profiles[] = {
                DEFAULT("ALLOW", LIST("\"ptrace\", \"kcmp\"", "ERRNO", "") ", " LIST("\"mount\"", "KILL", "")),
                DEFAULT("ERRNO", LIST("\"read\", \"openat\", \"mmap\"", "ALLOW", "") ", "
                                 LIST("\"personality\"", "ALLOW", ARGUMENTS(CONDITION("0", "EQ", "8"))) ", "
                                 LIST("\"lseek\"", "ALLOW", ARGUMENTS(CONDITION("1", "LT", "8589934594") ", " CONDITION("2", "NE", "1"))) ", "
                                 LIST("\"shmget\"", "KILL", ARGUMENTS(CONDITION("1", "GE", "8589934594")))),
                DEFAULT("KILL", LIST("\"kill\", \"ioctl\", \"clone\"", "ALLOW", ARGUMENTS(MASKED("1", "18446744069414584335", "4294967296"))) ", "
                                LIST("\"kill\"", "ERRNO", ARGUMENTS(CONDITION("1", "LE", "4294967296") ", " CONDITION("0", "GT", "7")))),
        };

        for (size_t i = 0; i < ELEMENTSOF(filters); i++)
                for (size_t k = 0; k < ELEMENTSOF(profiles); k++)
                        if (!oci_answers_agree(profiles[k], filters[i]))
                                fail_msg("\"%s\" with %s", filters[i], profiles[k]);
}

/* A profile that does not fit into a filter is refused, and says so. */
static void too_much(void **state) {
        _cleanup_free_ char *profile = NULL;

        assert_int_equal(str_append(&profile, "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": ["), 0);
        for (int i = 0; i < 700; i++)
                assert_int_equal(str_append(&profile, "%s{\"names\": [\"ioctl\"], \"action\": \"SCMP_ACT_ERRNO\", \"args\": [{\"index\": 1, "
                                                      "\"value\": %d, \"op\": \"SCMP_CMP_EQ\"}]}",
                                            i > 0 ? "," : "", i), 0);
        assert_int_equal(str_append(&profile, "]}"), 0);
        assert_true(oci_answers_agree(profile, ""));
        {
                _cleanup_(container_spec_unrefp) ContainerSpec *spec = spec_of("", profile);
                _cleanup_free_ char *words = NULL;
                _cleanup_(diag_done) Diag diag = {};
                const PolicySet *set = NULL;

                assert_true(policy_compile(spec, -EBADF, &diag, &set) < 0);
                words = diag_to_string(&diag, true);
                assert_non_null(words);
                assert_non_null(strstr(words, "SeccompProfile"));
        }
}

/* Each rule of a policy, and each change between two, names the line. */
static void told(void **state) {
        _cleanup_(policy_set_unrefp) const PolicySet *before = fixture_compile("", -EBADF);
        _cleanup_(policy_set_unrefp) const PolicySet *after =
                compile("", DEFAULT("ALLOW", LIST("\"ptrace\"", "ERRNO", "") ", " LIST("\"kill\"", "KILL", ARGUMENTS(CONDITION("1", "EQ", "9")))));
        _cleanup_(policy_changes_done) PolicyChanges changes = {};
        const PolicyRule *rule = fixture_rule(&after->seccomp.rules, "deny ptrace: EPERM");

        assert_non_null(rule);
        assert_int_equal(rule->origin.line, 1);
        assert_non_null(fixture_rule(&after->seccomp.rules, "deny by their arguments kill"));
        for (size_t i = 0; i < policy_backends_count(); i++)
                assert_int_equal(policy_compare(policy_backends[i], before, after, &changes), 0);
        assert_int_equal(changes.n, 2);
        for (size_t i = 0; i < changes.n; i++) {
                assert_int_equal(changes.items[i].direction, POLICY_TIGHTER);
                assert_int_equal(changes.items[i].after.line, 1);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_stricter_wins),
                cmocka_unit_test(what_is_refused),
                cmocka_unit_test(a_plain_reading_agrees),
                cmocka_unit_test(too_much),
                cmocka_unit_test(told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
