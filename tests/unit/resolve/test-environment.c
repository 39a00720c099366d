/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/resolve/draft.h"
#include "units/resolve/resolve-steps.h"

static void expect_list(char **got, const char *want) {
        _cleanup_free_ char *joined = strv_join(got, "|");

        assert_string_equal(joined, want);
}

/* systemd.exec(5), EnvironmentFile=. */
static void files_are_read_as_systemd_does(void **state) {
        static const struct {
                const char *text, *want;
        } cases[] = {
                { "A=1\nB=2\n", "A=1|B=2" },
                { "A=1", "A=1" },
                { "", "" },
                { "\n\n# A=1\n; B=2\n  \n", "" },
                { "A=\nB=", "A=|B=" },
                { "  A = one two  \n", "A=one two" },
                { "A=\"one  two \"  \n", "A=one  two " },
                { "A='x \"y\" $z \\n'\n", "A=x \"y\" $z \\n" },
                { "A=\"a\\\"b\\\\c\\$d\\`e\\n\"\n", "A=a\"b\\c$d`e\\n" },
                { "A=one\\\ntwo\n", "A=onetwo" },
                { "A=\"one\\\ntwo\"\n", "A=onetwo" },
                { "A=\"one\ntwo\"\nB=3\n", "A=one\ntwo|B=3" },
                { "A='one\ntwo'\n", "A=one\ntwo" },
                { "A=a\\ \\ \n", "A=a  " },
                { "A=it's \"quoted\"\n", "A=it's \"quoted\"" },
                { "A=\"x\" 'y'\n", "A=xy" },
                { "A=1\nA=2\n", "A=2" },
                { "A=1\r\nB=2\r\n", "A=1|B=2" },
                { "# comment \\\nA=1\n", "A=1" },
                { "A=b=c\n", "A=b=c" },
                { "A=#no comment\n", "A=#no comment" },
                { "A=\xc3\xa9\n", "A=\xc3\xa9" },
                { "A=end\\", "A=end" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_strv_ char **env = NULL;
                Diag diag = {};

                assert_int_equal(environment_file_parse("f.env", cases[i].text, &diag, &env), 0);
                assert_int_equal(diag.n_entries, 0);
                expect_list(env, cases[i].want);
        }
}

static void bad_files_are_refused_with_their_line(void **state) {
        static const struct {
                const char *text, *words;
                unsigned line;
        } cases[] = {
                { "A=1\n\nB=\"x\n\n", "a double quote is opened and never closed", 3 },
                { "A='x", "a single quote is opened and never closed", 1 },
                { "export A=1\n", "'export A' is no name of a variable", 1 },
                { "A=\"1\n2\"\n1B=2\n", "'1B' is no name of a variable", 3 },
                { "=x\n", "'' is no name of a variable", 1 },
                { "A-B=x\n", "'A-B' is no name of a variable", 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_strv_ char **env = NULL;
                Diag diag = {};

                assert_int_equal(environment_file_parse("f.env", cases[i].text, &diag, &env), -EINVAL);
                assert_int_equal(diag.n_errors, 1);
                assert_non_null(strstr(diag.entries[0].text, cases[i].words));
                assert_string_equal(diag.entries[0].file, "f.env");
                assert_int_equal(diag.entries[0].line, cases[i].line);
                diag_done(&diag);
        }
}

static void a_line_without_an_assignment_warns(void **state) {
        _cleanup_strv_ char **env = NULL;
        Diag diag = {};

        assert_int_equal(environment_file_parse("f.env", "A=1\nnonsense\nB=2\n", &diag, &env), 0);
        expect_list(env, "A=1|B=2");
        assert_int_equal(diag.n_errors, 0);
        assert_int_equal(diag.n_entries, 1);
        assert_int_equal(diag.entries[0].line, 2);
        diag_done(&diag);
}

static void resolve(const char *lines, const char *file_text, const char *want) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = draft_new(lines);
        _cleanup_(unit_facts_done) UnitFacts facts = facts_new();
        Diag diag = {};

        if (file_text) {
                facts.environment_files = calloc(1, sizeof(*facts.environment_files));
                facts.environment_files[0].path = strdup("/etc/x.env");
                facts.environment_files[0].text = strdup(file_text);
                facts.n_environment_files = 1;
        }
        assert_int_equal(identity_resolve("bob", NULL, NULL, &facts, NULL, NULL, &diag, &s->identity), 0);
        assert_int_equal(environment_resolve(s, &facts, &diag), 0);
        expect_list(s->exec_environment, want);
        diag_done(&diag);
}

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define WHO "HOME=/home/bob|USER=bob|LOGNAME=bob|SHELL=/bin/zsh|container=bulwark"

static void it_is_built_from_nothing(void **state) {
        setenv("LEAKED", "secret", 1);
        resolve("RootDirectory=/srv/r", NULL, DEFAULT_PATH "|" WHO);
        resolve("Environment=A=1 B=2\nEnvironment=A=3", NULL, DEFAULT_PATH "|" WHO "|A=3|B=2");
        resolve("Environment=PATH=/bin HOME=/x", NULL,
                "PATH=/bin|HOME=/x|USER=bob|LOGNAME=bob|SHELL=/bin/zsh|container=bulwark");
        resolve("EnvironmentFile=/etc/x.env\nEnvironment=A=unit B=unit", "A=file\n",
                DEFAULT_PATH "|" WHO "|A=file|B=unit");
        resolve("Environment=A=1 B=2 AB=3\nUnsetEnvironment=A B=2 AB=4 PATH", NULL, WHO "|AB=3");
}

static void missing_files(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = NULL;
        _cleanup_(unit_facts_done) UnitFacts facts = facts_new();
        Diag diag = {};

        s = draft_new("EnvironmentFile=/etc/a.env\nEnvironmentFile=-/etc/b.env\nEnvironmentFile=-/etc/c.env\n"
                      "EnvironmentFile=/etc/*.env");
        facts.environment_files = calloc(4, sizeof(*facts.environment_files));
        facts.n_environment_files = 4;
        facts.environment_files[0].error = ENOENT;
        facts.environment_files[1].error = ENOENT;
        facts.environment_files[2].error = EACCES; /* '-' forgives a missing file, not a locked one */
        facts.environment_files[3].error = ENOENT;
        assert_true(environment_resolve(s, &facts, &diag) < 0);
        assert_int_equal(diag.n_errors, 3);
        assert_int_equal(diag.entries[0].line, 1);
        assert_int_equal(diag.entries[0].code, ERROR_MISSING);
        assert_int_equal(diag.entries[1].line, 3);
        assert_int_equal(diag.entries[2].line, 4);
        assert_non_null(strstr(diag.entries[2].text, "wildcards are not supported"));
        diag_done(&diag);
}

/* What belongs to a user follows the user; what the unit sets or unsets does not. */
static void it_follows_the_user(void **state) {
        static const Identity root = { .user_name = (char *)"root", .home = (char *)"/root", .shell = (char *)"/bin/bash" },
                              www = { .uid = 33, .user_name = (char *)"www", .home = (char *)"/var" },
                              none = { .uid = 1883 };
        static const struct {
                const char *before;
                const Identity *from, *to;
                const char *want;
        } cases[] = {
                { "A=1|HOME=/root|USER=root|LOGNAME=root|SHELL=/bin/bash", &root, &www,
                  "A=1|HOME=/var|USER=www|LOGNAME=www|SHELL=/bin/sh" },
                { "HOME=/root|USER=root|LOGNAME=root|SHELL=/bin/bash|A=1", &root, &none, "HOME=/|SHELL=/bin/sh|A=1" },
                { "HOME=/|SHELL=/bin/sh", &none, &www, "HOME=/var|SHELL=/bin/sh|USER=www|LOGNAME=www" },
                { "HOME=/srv|USER=root", &root, &www, "HOME=/srv|USER=www" },
                { "A=1", &root, &www, "A=1" },
                { "", &none, &www, "USER=www|LOGNAME=www" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_strv_ char **before = NULL, **after = NULL;
                _cleanup_free_ char *text = strdup(cases[i].before);
                char *rest = NULL;

                for (char *word = strtok_r(text, "|", &rest); word; word = strtok_r(NULL, "|", &rest))
                        assert_int_equal(strv_extend(&before, word), 0);
                assert_int_equal(environment_for_user(before, cases[i].from, cases[i].to, &after), 0);
                expect_list(after, cases[i].want);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(files_are_read_as_systemd_does),
                cmocka_unit_test(bad_files_are_refused_with_their_line),
                cmocka_unit_test(a_line_without_an_assignment_warns),
                cmocka_unit_test(it_is_built_from_nothing),
                cmocka_unit_test(missing_files),
                cmocka_unit_test(it_follows_the_user),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
