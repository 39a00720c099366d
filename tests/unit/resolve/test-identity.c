/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/resolve/draft.h"

static const Origin here = { "u.container", 3 };

typedef struct Case {
        const char *user, *group;
        const char *supplementary; /* at most one */
        uid_t uid;
        gid_t gid;
        const char *name, *home, *shell;
        gid_t groups[4];
        size_t n_groups;
} Case;

static void found(void **state) {
        static const Case cases[] = {
                { NULL, NULL, NULL, 0, 0, "root", "/root", "/bin/bash", {}, 0 },
                { "root", NULL, NULL, 0, 0, "root", "/root", "/bin/bash", { 0 }, 1 },
                { "bob", NULL, NULL, 1000, 1001, "bob", "/home/bob", "/bin/zsh", { 5, 10, 1001 }, 3 },
                { "bob", "wheel", NULL, 1000, 10, "bob", "/home/bob", "/bin/zsh", { 5, 10 }, 2 },
                { "bob", "77", "audio", 1000, 77, "bob", "/home/bob", "/bin/zsh", { 5, 10, 20, 77 }, 4 },
                /* the number wins over a user of that name, who would be root (CVE-2016-3697) */
                { "1000", NULL, NULL, 1000, 1001, "bob", "/home/bob", "/bin/zsh", { 5, 10, 1001 }, 3 },
                { "0", NULL, NULL, 0, 0, "root", "/root", "/bin/bash", { 0 }, 1 },
                { "4242", NULL, NULL, 4242, 4242, NULL, NULL, NULL, { 4242 }, 1 },
                { "4242", "0", NULL, 4242, 0, NULL, NULL, NULL, { 0 }, 1 },
                { "4294967294", "4294967294", NULL, 4294967294U, 4294967294U, NULL, NULL, NULL, { 4294967294U }, 1 },
                { "odd", NULL, NULL, 1005, 1005, "odd", "/", "/bin/sh", { 1005 }, 1 },
                { NULL, NULL, "1234", 0, 0, "root", "/root", "/bin/bash", { 1234 }, 1 },
                { NULL, "bob", NULL, 0, 1001, "root", "/root", "/bin/bash", {}, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(unit_facts_done) UnitFacts facts = facts_new();
                char *const supplementary[] = { (char *)cases[i].supplementary, NULL };
                Identity got = {};
                Diag diag = {};

                assert_int_equal(identity_resolve(cases[i].user, cases[i].group, supplementary, &facts, &here, "User",
                                                  &diag, &got),
                                 0);
                assert_int_equal(diag.n_entries, 0);
                assert_int_equal(got.uid, cases[i].uid);
                assert_int_equal(got.gid, cases[i].gid);
                assert_true(streq_ptr(got.user_name, cases[i].name));
                assert_true(streq_ptr(got.home, cases[i].home));
                assert_true(streq_ptr(got.shell, cases[i].shell));
                assert_int_equal(got.n_groups, cases[i].n_groups);
                for (size_t k = 0; k < got.n_groups; k++)
                        assert_int_equal(got.groups[k], cases[i].groups[k]);
                identity_done(&got);
        }
}

static void refused(void **state) {
        static const struct {
                const char *user, *group;
                const char *words;
        } cases[] = {
                { "nobody", NULL, "there is no user 'nobody' in /srv/r/etc/passwd" },
                { "broken", NULL, "the line of user 'broken' in /srv/r/etc/passwd is malformed" },
                { "badid", NULL, "the line of user 'badid' in /srv/r/etc/passwd is malformed" },
                { "+nis", NULL, "there is no user '+nis'" },
                { "-1", NULL, "'-1' is not a user id" },
                { "+0", NULL, "'+0' is not a user id" },
                { "007", NULL, "'007' is not a user id" },
                { "4294967295", NULL, "'4294967295' is not a user id" },
                { "65535", NULL, "'65535' is not a user id" },
                { "99999999999999999999", NULL, "is not a user id" },
                { "", NULL, "is not a user id" },
                { "bob", "nogroup", "there is no group 'nogroup' in /srv/r/etc/group" },
                { "bob", "short", "the line of group 'short' in /srv/r/etc/group is malformed" },
                { "bob", "-0", "'-0' is not a group id" },
                { "BOB", NULL, "there is no user 'BOB'" },
                { "bo", NULL, "there is no user 'bo'" },
                { "# comment", NULL, "there is no user '# comment'" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(unit_facts_done) UnitFacts facts = facts_new();
                Identity got = {};
                Diag diag = {};

                assert_true(identity_resolve(cases[i].user, cases[i].group, NULL, &facts, &here, "User", &diag, &got) <
                            0);
                assert_int_equal(diag.n_errors, 1);
                if (!strstr(diag.entries[0].text, cases[i].words))
                        fail_msg("'%s' does not say '%s'", diag.entries[0].text, cases[i].words);
                assert_string_equal(diag.entries[0].file, "u.container");
                assert_int_equal(diag.entries[0].line, 3);
                assert_null(got.groups);
                diag_done(&diag);
        }
}

static void without_files(void **state) {
        UnitFacts facts = { .root_exists = true, .root_is_directory = true };
        Identity got = {};
        Diag diag = {};

        assert_int_equal(identity_resolve(NULL, NULL, NULL, &facts, &here, "User", &diag, &got), 0);
        assert_string_equal(got.home, "/root");
        identity_done(&got);
        assert_int_equal(identity_resolve("12", NULL, NULL, &facts, &here, "User", &diag, &got), 0);
        assert_int_equal(got.gid, 12);
        identity_done(&got);
        assert_int_equal(identity_resolve("bob", NULL, NULL, &facts, &here, "User", &diag, &got), -ENOENT);
        assert_non_null(strstr(diag.entries[0].text, "the container's /etc/passwd (the file does not exist)"));
        diag_done(&diag);
}

/* A file that is there and cannot be read must not look like one that is missing. */
static void unreadable_files(void **state) {
        UnitFacts facts = { .root_exists = true, .root_is_directory = true, .passwd_error = EFBIG, .group_error = EINVAL };
        Identity got = {};
        Diag diag = {};

        assert_int_equal(identity_resolve(NULL, NULL, NULL, &facts, &here, "User", &diag, &got), 0);
        identity_done(&got);
        assert_int_equal(identity_resolve("1", NULL, NULL, &facts, &here, "User", &diag, &got), -EFBIG);
        assert_int_equal(identity_resolve(NULL, "bob", NULL, &facts, &here, "Group", &diag, &got), -EINVAL);
        assert_int_equal(diag.n_errors, 2);
        diag_done(&diag);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(found),
                cmocka_unit_test(refused),
                cmocka_unit_test(without_files),
                cmocka_unit_test(unreadable_files),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
