/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "manager/base/string-list.h"
#include "policies/seccomp/seccomp.h"
#include "policies/seccomp/syscall-table.h"
#include "units/values/types.h"

/* Without following nested groups: a group that contained itself would recurse for ever. */
static unsigned depth_of(const SyscallGroup *g, unsigned level) {
        unsigned deepest = level;

        if (level > syscall_groups_count())
                fail_msg("%s contains itself", g->name);

        for (const char *p = strchr(g->members, '@'); p; p = strchr(p + 1, '@')) {
                char name[SYSCALL_NAME_MAX] = {};
                const SyscallGroup *nested;

                assert_true(strcspn(p, " ") < sizeof(name));
                memcpy(name, p, strcspn(p, " "));
                nested = syscall_group_find(name);
                if (!nested)
                        fail_msg("%s contains %s, which does not exist", g->name, name);
                deepest = MAX_OF(deepest, depth_of(nested, level + 1));
        }
        return deepest;
}

static void data_is_well_formed(void **state) {
        for (size_t i = 0; i < syscall_groups_count(); i++) {
                const SyscallGroup *g = syscall_groups + i;
                _cleanup_strv_ char **names = NULL;

                assert_int_equal(g->name[0], '@');
                assert_true(strlen(g->name) < SYSCALL_NAME_MAX);
                assert_true(strlen(g->summary) > 3);
                assert_ptr_equal(syscall_group_find(g->name), g); /* no name twice */
                assert_null(strstr(g->members, "  "));
                (void)depth_of(g, 0);

                assert_int_equal(seccomp_groups_expand(g->name, &names), 0);
                assert_true(strv_length(names) > 0);
                for (char **n = names; *n; n++) {
                        assert_true(strlen(*n) < SYSCALL_NAME_MAX);
                        assert_int_equal(strspn(*n, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(*n));
                        if (n[1])
                                assert_true(strcmp(n[0], n[1]) < 0); /* sorted, each once */
                }
        }
}

static void known_has_every_name(void **state) {
        _cleanup_strv_ char **known = NULL;

        assert_int_equal(seccomp_groups_expand("@known", &known), 0);
        for (size_t i = 0; i < syscall_groups_count(); i++) {
                _cleanup_strv_ char **names = NULL;

                assert_int_equal(seccomp_groups_expand(syscall_groups[i].name, &names), 0);
                for (char **n = names; *n; n++)
                        if (!strv_contains(known, *n))
                                fail_msg("%s is in %s but not in @known", *n, syscall_groups[i].name);
        }
}

/* The language and the compiler must agree on which groups exist. */
static void language_knows_no_others(void **state) {
        for (const char *const *w = value_type_syscall_filter.words; w && *w; w++)
                if (**w == '@' && !syscall_group_find(*w))
                        fail_msg("the language knows %s", *w);
}

static void systemd_groups_exist(void **state) {
        static const char *const names[] = {
                "@default", "@aio", "@basic-io", "@chown", "@clock", "@cpu-emulation", "@debug", "@file-system",
                "@io-event", "@ipc", "@keyring", "@memlock", "@module", "@mount", "@network-io", "@obsolete", "@pkey",
                "@privileged", "@process", "@raw-io", "@reboot", "@resources", "@sandbox", "@setuid", "@signal",
                "@swap", "@sync", "@system-service", "@timer", "@known",
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (!syscall_group_find(names[i]))
                        fail_msg("%s is missing", names[i]);
}

static void expansion(void **state) {
        static const struct {
                const char *group, *member;
                bool expected;
        } cases[] = {
                { "@privileged", "reboot", true },
                { "@privileged", "setuid", true },
                { "@privileged", "swapon", true },
                { "@privileged", "read", false },
                { "@system-service", "io_uring_setup", true },
                { "@system-service", "mount", false },
                { "@default-container", "io_uring_setup", false },
                { "@default-container", "unshare", false },
                { "@boot-container", "unshare", true },
                { "@boot-container", "read", true },
                { "@obsolete", "uselib", true },
                { "@sandbox", "seccomp", true },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_strv_ char **names = NULL;

                assert_int_equal(seccomp_groups_expand(cases[i].group, &names), 0);
                if (strv_contains(names, cases[i].member) != cases[i].expected)
                        fail_msg("%s %s %s", cases[i].group, cases[i].expected ? "lacks" : "has",
                                 cases[i].member);
        }
        assert_int_equal(seccomp_groups_expand("@nosuch", &(char **) { NULL }), -ENOENT);
        assert_int_equal(seccomp_groups_expand("read", &(char **) { NULL }), -ENOENT);
}

static void table_is_sorted_and_complete(void **state) {
        SyscallTable t = {};

        assert_int_equal(syscall_table_new(&t), 0);
        assert_true(t.n > 300);
        for (size_t i = 0; i < t.n; i++) {
                assert_true(i == 0 || t.entries[i - 1].number < t.entries[i].number);
                assert_int_equal(syscall_resolve(t.entries[i].name), t.entries[i].number);
                assert_ptr_equal(syscall_table_by_number(&t, t.entries[i].number), t.entries + i);
                assert_ptr_equal(syscall_table_by_name(&t, t.entries[i].name), t.entries + i);
        }
        assert_null(syscall_table_by_number(&t, 100000));
        assert_null(syscall_table_by_name(&t, "riscv_flush_icache"));
        syscall_table_done(&t);
}

static void table_grows(void **state) {
        SyscallEntry *entry = NULL;
        SyscallTable t = {};

        assert_int_equal(syscall_table_new(&t), 0);
        for (uint32_t i = 0; i < 300; i++) {
                assert_int_equal(syscall_table_add(&t, "newer", 100000 - i, &entry), 0);
                assert_int_equal(entry->number, 100000 - i);
        }
        assert_string_equal(syscall_table_by_number(&t, 99800)->name, "newer");
        assert_int_equal(syscall_table_add(&t, "a_name_that_is_far_too_long_for_any_system_call", 1, &entry),
                         -ENAMETOOLONG);
        syscall_table_done(&t);
}

static void resolution(void **state) {
        assert_true(syscall_resolve("read") >= 0);
        assert_int_equal(syscall_resolve("nosuchcall"), -ENOENT);
        assert_int_equal(syscall_resolve(""), -ENOENT);
        assert_int_equal(syscall_resolve("@aio"), -ENOENT);
#if defined(__x86_64__)
        assert_int_equal(syscall_resolve("read"), 0);
        assert_int_equal(syscall_resolve("mseal"), 462); /* newer than many a libseccomp */
        assert_int_equal(syscall_resolve("uretprobe"), 335);
        assert_int_equal(syscall_resolve("riscv_hwprobe"), -ENOSYS);
        assert_int_equal(syscall_resolve("_llseek"), -ENOSYS);
#endif
}

static void suggestions(void **state) {
        char buffer[SYSCALL_NAME_MAX];

        assert_string_equal(syscall_suggest("raed", buffer), "read");
        assert_string_equal(syscall_suggest("pivotroot", buffer), "pivot_root");
        assert_string_equal(syscall_suggest("@sytem-service", buffer), "@system-service");
        assert_null(syscall_suggest("qqqqqqqqqqqqqqq", buffer));
        assert_null(syscall_suggest("", buffer));
        assert_null(syscall_suggest("a_name_that_is_far_too_long_for_any_system_call_of_any_kernel", buffer));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(data_is_well_formed),
                cmocka_unit_test(known_has_every_name),
                cmocka_unit_test(language_knows_no_others),
                cmocka_unit_test(systemd_groups_exist),
                cmocka_unit_test(expansion),
                cmocka_unit_test(table_is_sorted_and_complete),
                cmocka_unit_test(table_grows),
                cmocka_unit_test(resolution),
                cmocka_unit_test(suggestions),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
