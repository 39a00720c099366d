/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From text to a draft: systemd.syntax(7), sections and keys, specifiers; no file is touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "manager/base/string-list.h"
#include "units/syntax/lines.h"
#include "units/syntax/unit-load.h"

static const SpecifierFacts facts = {
        .machine_id = "0123456789abcdef0123456789abcdef",
        .boot_id = "fedcba9876543210fedcba9876543210",
        .host_name = "host.example",
        .short_host_name = "host",
        .pretty_host_name = "The Host",
        .kernel_release = "6.1.0",
        .architecture = "x86-64",
        .os_id = "debian",
        .os_version_id = "12",
        .os_build_id = "",
        .os_image_id = "image",
        .os_image_version = "3",
        .os_variant_id = "server",
        .user_name = "root",
        .user_id = "0",
        .group_name = "root",
        .group_id = "0",
        .user_home = "/root",
        .user_shell = "/bin/sh",
        .runtime_directory = "/run",
        .state_directory = "/var/lib",
        .cache_directory = "/var/cache",
        .logs_directory = "/var/log",
        .config_directory = "/etc",
        .temporary_directory = "/tmp",
        .persistent_temporary_directory = "/var/tmp",
};

static int load(const char *name, const char *text, size_t size, char **ret_printed, char **ret_words) {
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = NULL;
        _cleanup_(diag_done) Diag diag = {};
        int r;

        r = unit_load_text(name, text, size, &facts, &diag, &spec);
        *ret_words = diag_to_string(&diag, true);
        *ret_printed = NULL;
        if (r < 0) {
                assert_true(!spec || spec->error < 0);
                assert_true(diag.n_errors > 0);
                return r;
        }
        assert_int_equal(diag.n_errors, 0);
        assert_int_equal(container_spec_print(spec, ret_printed), 0);
        return 0;
}

/* --- what a text means: compared with what is printed of it */

static const struct {
        const char *text, *printed;
} good[] = {
        {"", ""},
        {"\n\n# only\n; comments\n   # indented\n", ""},
        {"[Unit]\nDescription=x", "[Unit]\nDescription=x\n"},
        {" [Unit] \n\tDescription \t=\t x y \t\n", "[Unit]\nDescription=x y\n"},
        {"[Unit]\nDescription=a\\\nb\n", "[Unit]\nDescription=a b\n"},
        {"[Unit]\nDescription=a\\\n   b\n", "[Unit]\nDescription=a b\n"},
        {"[Unit]\nDescription=a\\\n# no\n; no\\\n  # no\nb\\\n\n", "[Unit]\nDescription=a b\n"},
        {"[Unit]\nDescription=a\\\\ \n", NULL},
        {"[Unit]\nDescription\\\n=x\n", "[Unit]\nDescription=x\n"},
        {"[Unit]\nDescription=a \\\n", "[Unit]\nDescription=a\n"},
        {"[Unit]\nDescription=a \\", "[Unit]\nDescription=a\n"},
        {"[Unit]\nDocumentation=a\\\n[Container]\n", "[Unit]\nDocumentation=a [Container]\n"},
        {"[Unit]\nDescription=a#b;c = d\n", "[Unit]\nDescription=a#b;c = d\n"},
        {"[Unit]\nDescription=one\nDescription=two\n", "[Unit]\nDescription=two\n"},
        {"[Unit]\nDescription=one\nDescription=\n", ""},
        {"[Unit]\nDocumentation=a b\nDocumentation=c\n", "[Unit]\nDocumentation=a b c\n"},
        {"[Unit]\nDocumentation=a b\nDocumentation=\nDocumentation=c\n", "[Unit]\nDocumentation=c\n"},
        {"[X-Foo]\nanything=x\nWhat Ever=y\n[Unit]\nX-Mine=1\nDescription=x\n", "[Unit]\nDescription=x\n"},
        {"[Unit]\nDescription=a\n[Container]\nBoot=yes\n[Unit]\nDescription=b\n",
         "[Unit]\nDescription=b\n\n[Container]\nBoot=yes\n"},
        {"[Install]\n", ""},
        {"[Unit]\nDescription=\xc3\xa4\xe2\x82\xac\n", "[Unit]\nDescription=\xc3\xa4\xe2\x82\xac\n"},
        {"[Container]\nExecStart=/bin/a b\nExecStart=/bin/c \"d e\"\n",
         "[Container]\nExecStart=/bin/a b ; /bin/c \"d e\"\n"},
        {"[Container]\nReadOnly=yes\n", ""},
        {"\xef\xbb\xbf[Unit]\r\nDescription=a\\\r\n  b\r\n", "[Unit]\nDescription=a b\n"},
        {"[Unit]\nDescription=50% off\n", "[Unit]\nDescription=50%% off\n"},
        {"[Container]\nReadWriteDirectories=-/srv\nStartLimitInterval=5\nStartLimitBurst=3\n",
         "[Unit]\nStartLimitIntervalSec=5s\nStartLimitBurst=3\n\n[Container]\nReadWritePaths=-/srv\n"},
        {"[Unit]\nBindTo=db\nStartLimitInterval=5\n", "[Unit]\nBindsTo=db\nStartLimitIntervalSec=5s\n"},
        {"[Container]\nCPUAccounting=false\nPermissionsStartOnly=no\nRemoveIPC=yes\nNonBlocking=\n", ""},
        {"[Unit]\nFailureAction=none\nOnFailureJobMode=replace\nAllowIsolate=yes\nSurviveFinalKillSignal=0\n", ""},
        {"[Container]\nCapabilityBoundingSet=\n", "[Container]\nCapabilityBoundingSet=none\n"},
};

static void test_good(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                _cleanup_free_ char *printed = NULL, *words = NULL, *again = NULL;

                load("web", good[i].text, strlen(good[i].text), &printed, &words);
                if (!streq_ptr(printed, good[i].printed))
                        fail_msg("'%s' became '%s' (%s)", good[i].text, strempty(printed), words);
                if (printed) {
                        free(words);
                        words = NULL;
                        load("web", printed, strlen(printed), &again, &words);
                        assert_string_equal(strempty(again), printed);
                }
        }
}

/* --- what is refused, and in which words */

static const struct {
        const char *text, *words;
        size_t size; /* where it is not strlen(text) */
} bad[] = {
        {"Boot=yes\n", "web:1: 'Boot=' stands before any section"},
        {"[Container]\nBoot\n", "web:2: 'Boot' is neither a section nor an assignment"},
        {"[Container]\n=yes\n", "web:2: '=yes' has no directive before the '='"},
        {"[Container\nBoot=yes\n", "web:1: '[Container' is not a section"},
        {"[]\n", "web:1: '[]' is not a section"},
        {"[Container] x\n", "web:1: '[Container] x' is not a section"},
        {"[[Container]]\n", "is not a section"},
        {"[Contaner]\nBoot=yes\n", "web:1: unknown section [Contaner]; did you mean [Container]?"},
        {"[Service]\nType=forking\n", "web:1: unknown section [Service]; did you mean [Container]?"},
        {"[container]\n", "did you mean [Container]?"},
        {"[Something]\n", "[Unit], [Container] and [Install]"},
        {"[Container]\nDescription=x\n", "web:2: Description=: belongs in [Unit], not in [Container]"},
        {"[Unit]\nBoot=yes\n", "web:2: Boot=: belongs in [Container], not in [Unit]"},
        {"[Unit]\nRestart=always\n", "Restart=: belongs in [Container]"},
        {"[Container]\nPrivateNetwrok=yes\n",
         "web:2: PrivateNetwrok=: unknown directive; did you mean PrivateNetwork=?"},
        {"[Container]\nboot=yes\n", "boot=: unknown directive; did you mean Boot=?"},
        {"[Container]\nDescritpion=x\n", "did you mean Description= of [Unit]?"},
        {"[Container]\nXyzzyxyzzyxyzzy=1\n", "see bulwark.container(5)"},
        {"[Container]\nA B=1\n", "'A B' cannot be a directive"},
        {"[Container]\nDelegate=yes\n", "web:2: Delegate=: not supported yet"},
        {"[Container]\nCPUShares=1024\n", "CPUShares=: not supported: a cgroup v1 setting; use CPUWeight="},
        {"[Container]\n\nBoot=\\\n# x\nmaybe\n", "web:3: Boot=: 'maybe' is not a boolean"},
        {"[Unit]\nDescription=a\rb\n", "web:2: the line contains a carriage return"},
        {"[Unit]\r", "web:1: the line contains a carriage return"},
        {"[Unit]\r\nDescription=x\r\r\n", "web:2: the line contains a carriage return"},
        {"[Unit]\n\xef\xbb\xbf[Container]\n", "neither a section nor an assignment"},
        {"[Quadlet]\nDefaultDependencies=no\n", "web:1: unknown section [Quadlet]; a unit has"},
        {"[Container]\nPermissionsStartOnly=yes\n", "PermissionsStartOnly=: not supported: every command"},
        {"[Unit]\nFailureAction=reboot\n", "FailureAction=: not supported: no container ends or restarts its host"},
        {"[Container]\nStartLimitAction=reboot-force\n", "StartLimitAction=: not supported: no container"},
        {"[Unit]\nOnFailureJobMode=isolate\n", "OnFailureJobMode=: not supported"},
        {"[Container]\nRemoveIPC=no\n", "RemoveIPC=: not supported: a container's IPC"},
        {"[Container]\nRemoveIPC=perhaps\n", "RemoveIPC=: 'perhaps' is not a boolean"},
        {"[Container]\nReadWriteDirectories=x\n", "ReadWritePaths=: 'x' is not an absolute path"},
        {"[Container]\nPrivateUsersChown=no\n", "not supported: ids are mapped when"},
        {"\xff\xfe[\0U\0", "UTF-16", 6},
        {"[Unit]\nDescription=a\0b\n", "web:2: the line contains a NUL byte", 24},
        {"[Unit]\n\nDescription=a\xff\n", "web:3: the line is not valid UTF-8"},
        {"[Unit]\nDescription=a\xc3\n\xa4\n", "web:2: the line is not valid UTF-8"},
        {"[Unit]\nDescription=%r\n", "'%r' is refused"},
        {"[Unit]\nDescription=%R\n", "'%R' is refused"},
        {"[Unit]\nDescription=%c\n", "'%c' is refused"},
        {"[Unit]\nDescription=%z\n", "'%z' is not a specifier"},
        {"[Unit]\nDescription=%y\n", "'%y' cannot be used: the unit was not read from a file"},
};

static void test_bad(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_free_ char *printed = NULL, *words = NULL;
                int r;

                r = load("web", bad[i].text, bad[i].size ? bad[i].size : strlen(bad[i].text), &printed,
                         &words);
                if (r >= 0 || !strstr(words, bad[i].words))
                        fail_msg("'%s' answered %d '%s', not '%s'", bad[i].text, r, words, bad[i].words);
        }
}

static void test_all_mistakes_at_once(void **state) {
        static const char text[] =
                "[Container]\nBoot=maybe\nTypo=1\nType=dbus\n[Foo]\nIgnored=1\n[Unit]\nNot an assignment\n"
                "Description=%z\n";
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = NULL;
        _cleanup_(diag_done) Diag diag = {};

        assert_true(unit_load_text("web", text, strlen(text), &facts, &diag, &spec) < 0);
        assert_non_null(spec); /* to look for more */
        assert_true(spec->error < 0 && spec->incomplete && spec->wrong[DIRECTIVE_Boot] && spec->wrong[DIRECTIVE_Type]);
        assert_false(spec->wrong[DIRECTIVE_ExecStart]);
        assert_int_equal(diag.n_errors, 6);
        assert_int_equal(diag.entries[0].line, 2);
        assert_int_equal(diag.entries[0].code, ERROR_BAD_VALUE);
        assert_string_equal(diag.entries[0].directive, "Boot");
        assert_int_equal(diag.entries[1].code, ERROR_UNKNOWN_KEY);
        assert_int_equal(diag.entries[3].line, 5);
        assert_int_equal(diag.entries[4].code, ERROR_SYNTAX);
        assert_int_equal(diag.entries[5].line, 9);
}

static char *repeat(const char *head, const char *part, size_t n, const char *tail) {
        size_t k = strlen(part);
        char *s = malloc(strlen(head) + n * k + strlen(tail) + 1), *p;

        assert_non_null(s);
        p = stpcpy(s, head);
        for (size_t i = 0; i < n; i++)
                p = mempcpy(p, part, k);
        strcpy(p, tail);
        return s;
}

static void test_limits(void **state) {
        const struct {
                const char *head, *part;
                size_t n;
                const char *words; /* NULL: accepted */
        } cases[] = {
                {"[Unit]\nDescription=", "x", 60000, NULL},
                {"[Unit]\nDescription=", "x", LONG_LINE_MAX, "longer than 64 KiB"},
                {"[Unit]\nDescription=", "xxxxxxxxxx\\\n", 8000, "longer than 64 KiB"},
                {"[Unit]\nDescription=", "\\\n", 200000, "longer than 64 KiB"},
                {"[Unit]\nDescription=", "%m", 2047, NULL},
                {"[Unit]\nDescription=", "%m", 2049, "grows beyond 64 KiB"},
                {"[Container]\n", "Bad=1\n", 100000, "more than 100 mistakes"},
                {"[Container]\n", "EnvironmentFile=a\n", 50000, "more than 100 mistakes"},
                {"[Container]\nReadOnlyPaths=", "a ", 30000, "not an absolute path"},
                {"[Container]\n", "EnvironmentFile=/a\n", 20000, "more than 4096 items"},
                {"", "[", 60000, "is not a section"},
                {"", "\n", 1000000, NULL},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *text = repeat(cases[i].head, cases[i].part, cases[i].n, "\n"),
                                    *printed = NULL, *words = NULL;
                int r = load("web", text, strlen(text), &printed, &words);

                if (cases[i].words ? r >= 0 || !strstr(words, cases[i].words) : r < 0)
                        fail_msg("case %zu answered %d '%.300s'", i, r, words);
                assert_true(strlen(words) < 100000);
        }
        /* What comes after a line that is too long is still read. */
        {
                _cleanup_free_ char *text = repeat("[Unit]\nDescription=", "x", 70000, "\nTypo=1\n"),
                                    *printed = NULL, *words = NULL;

                assert_true(load("web", text, strlen(text), &printed, &words) < 0);
                assert_non_null(strstr(words, "web:3: Typo=: unknown"));
        }
}

/* --- specifiers */

static const struct {
        const char *name, *text, *expanded; /* NULL: refused */
} specifiers[] = {
        {"web", "%%", "%"},
        {"web", "%n|%N|%p|%P|%i|%I|%j|%J|%f", "web.container|web|web|web|||web|web|/web"},
        {"web@blue", "%n|%N|%p|%i|%I|%f", "web@blue.container|web@blue|web|blue|blue|/blue"},
        {"foo-bar@a-b\\x2dc", "%p|%P|%j|%J|%i|%I|%f", "foo-bar|foo/bar|bar|bar|a-b\\x2dc|a/b-c|/a/b-c"},
        {"foo-bar", "%p|%P|%j|%f", "foo-bar|foo/bar|bar|/foo/bar"},
        {"web@\\xzz", "%i", "\\xzz"},
        {"web@\\xzz", "%I", NULL},
        {"web@\\x00", "%I", NULL},
        {"web@a\\", "%I", NULL},
        {"web@\\xff", "%I", NULL},
        {"web@a\\x0ab", "%I", NULL},
        {"web", "%m %b", "0123456789abcdef0123456789abcdef fedcba9876543210fedcba9876543210"},
        {"web", "%H %l %q", "host.example host The Host"},
        {"web", "%v %a %o %w %W %A %M [%B]", "6.1.0 x86-64 debian 12 server 3 image []"},
        {"web", "%t %S %C %L %E %T %V", "/run /var/lib /var/cache /var/log /etc /tmp /var/tmp"},
        {"web", "%u %U %g %G %h %s", "root 0 root 0 /root /bin/sh"},
        {"web", "100%", "100%"},
        {"web", "50% off, 7%- %%p", "50% off, 7%- %p"},
        {"web", "%\xc3\xa4", "%\xc3\xa4"},
        {"web", "%0", NULL},
};

static void test_specifiers(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(specifiers); i++) {
                _cleanup_(container_spec_unrefp) ContainerSpec *spec = NULL;
                _cleanup_(diag_done) Diag diag = {};
                _cleanup_free_ char *text = NULL;
                int r;

                assert_int_equal(str_append(&text, "[Unit]\nDescription=%s\n", specifiers[i].text), 0);
                r = unit_load_text(specifiers[i].name, text, strlen(text), &facts, &diag, &spec);
                if (!specifiers[i].expanded) {
                        assert_true(r < 0);
                        continue;
                }
                if (r < 0)
                        fail_msg("%s '%s': %s", specifiers[i].name, specifiers[i].text,
                                 diag.entries[0].text);
                assert_string_equal(spec->description, specifiers[i].expanded);
        }
}

/* In a path a specifier stands for a name of its own: never for the directory above the one that the unit shows. */
static void test_specifiers_in_paths(void **state) {
        static const struct {
                const char *name, *line, *words; /* NULL: accepted */
        } rows[] = {
                { "web@blue", "BindPaths=/srv/%i:/data", NULL },
                { "web@.", "BindPaths=/srv/%i:/data", "'%i' is '.' here" },
                { "web@.", "BindPaths=/srv/%i/sub:/data", "'%i' is '.' here" },
                { "web@..", "BindPaths=/srv/%i:/data", "'%i' is '..' here" },
                { "web@.", "BindPaths=/srv/x%i:/data", NULL },
                { "web@.", "BindPaths=/srv/%i%i:/data", "'%i' is '..' here" },
                { "web@x", "BindPaths=/srv/.%j:/data", NULL },
                { "web@.", "BindReadOnlyPaths=/ok /srv/a:/srv/%i", "'%i' is '.' here" },
                { "web@\\x2e", "BindPaths=/srv/%I:/data", "'%I' is '.' here" },
                { "web@\\x2e\\x2e", "BindPaths=/srv/%I:/data", "'%I' is '..' here" },
                { "web@-", "BindPaths=/srv/%I:/data", "more than one name" },
                { "web@a-b", "BindPaths=/srv/%I:/data", "more than one name" },
                { "web@a\\x2f..", "BindPaths=/srv/%I:/data", "more than one name" },
                { "web-", "BindPaths=/srv/%j:/data", "'%j' is nothing here" },
                { "web-", "BindPaths=/srv/%J:/data", "'%J' is nothing here" },
                { "a-b", "BindPaths=/srv/%P:/data", "more than one name" },
                { "web", "BindPaths=/srv/%i:/data", "'%i' is nothing here" },
                { "web", "BindPaths=/srv/.%i:/data", "'%i' is '.' here" },
                { "web", "BindPaths=/srv/x%i:/data", NULL },
                { "web", "BindPaths=/srv/%B:/data", "'%B' is nothing here" },
                { "web", "BindPaths=/srv/%o-%w/%M:/data", NULL },
                { "web@.", "RootDirectory=/srv/%i", "'%i' is '.' here" },
                { "web@.", "StandardOutput=file:/var/log/%i", "'%i' is '.' here" },
                { "web@.", "EnvironmentFile=-/etc/%i/env", "'%i' is '.' here" },
                { "web@.", "ListenStream=/run/%i/socket", "'%i' is '.' here" },
                { "web@.", "WorkingDirectory=/srv/%i", "'%i' is '.' here" },
                { "web@.", "ReadWritePaths=/a /srv/%i", "'%i' is '.' here" },
                { "web@.", "TemporaryFileSystem=/srv/%i", "'%i' is '.' here" },
                { "web@.", "ExecStart=/srv/%i/run", "'%i' is '.' here" },
                { "web@.", "ExecStart=/bin/echo /srv/%i /a/%i", NULL }, /* no path of ours */
                { "web@srv-a", "BindPaths=%f:/data", NULL },
                { "web@srv-a", "BindPaths=/mnt%f:/data/%f", NULL },
                { "web@a-", "BindPaths=/mnt%f:/data", "'%f' is nothing here" },
                { "web@a-.", "BindPaths=/mnt%f:/data", "'%f' is '.' here" },
                { "web@-", "RootDirectory=%f", "'%f' is nothing here" },
                { "web", "BindPaths=%S/%p:%t/%N", NULL },
                { "web", "BindPaths=%T//x/:/data", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(container_spec_unrefp) ContainerSpec *spec = NULL;
                _cleanup_(diag_done) Diag diag = {};
                _cleanup_free_ char *text = NULL;
                int r;

                assert_int_equal(str_append(&text, "[Container]\n%s\n", rows[i].line), 0);
                r = unit_load_text(rows[i].name, text, strlen(text), &facts, &diag, &spec);
                if (rows[i].words ? r >= 0 || !strstr(diag.entries[0].text, rows[i].words) : r < 0)
                        fail_msg("%s: %s: %d %s", rows[i].name, rows[i].line, r, diag.n_entries ? diag.entries[0].text : "");
        }
}

/* A specifier that nobody knows a value for is a mistake, never an empty string. */
static void test_specifiers_unknown_here(void **state) {
        static const char *const texts[] = {"[Unit]\nDescription=%m\n", "[Unit]\nDescription=%T\n"};
        const SpecifierFacts none = {}, *const facts_of[] = {&none, NULL};

        for (size_t i = 0; i < ELEMENTSOF(texts) * ELEMENTSOF(facts_of); i++) {
                _cleanup_(container_spec_unrefp) ContainerSpec *spec = NULL;
                _cleanup_(diag_done) Diag diag = {};

                assert_true(unit_load_text("web", texts[i / 2], strlen(texts[i / 2]), facts_of[i % 2], &diag,
                                           &spec) < 0);
                assert_non_null(strstr(diag.entries[0].text, "not known here"));
        }
}

/* Quotes are read before specifiers are expanded: a value with spaces stays one word. */
static void test_specifier_is_no_syntax(void **state) {
        static const char text[] = "[Container]\nExecStart=/bin/echo %q '%q'\nEnvironment=HOST=%q\n";
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = NULL;
        SpecifierFacts quoting = facts;

        quoting.pretty_host_name = "it's \"two words\" ; %n";
        assert_int_equal(unit_load_text("web", text, strlen(text), &quoting, NULL, &spec), 0);
        assert_int_equal(spec->exec_start.n, 1);
        assert_int_equal(strv_length(spec->exec_start.items[0].argv), 3);
        assert_string_equal(spec->exec_start.items[0].argv[1], quoting.pretty_host_name);
        assert_string_equal(spec->exec_start.items[0].argv[2], quoting.pretty_host_name);
        assert_int_equal(spec->environment.n, 1);
}

static void test_origins(void **state) {
        static const char text[] =
                "# 1\n[Container]\nBoot=yes\nBindPaths=/a \\\n  /b\nBindPaths=/c\nDropCapability=CAP_KILL\n";
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = NULL;

        assert_int_equal(unit_load_text("web", text, strlen(text), &facts, NULL, &spec), 0);
        assert_int_equal(container_spec_origin(spec, DIRECTIVE_Boot)->line, 3);
        assert_string_equal(container_spec_origin(spec, DIRECTIVE_Boot)->file, "web");
        assert_null(container_spec_origin(spec, DIRECTIVE_Type)->file);
        assert_int_equal(spec->bind_paths.n, 3);
        assert_int_equal(spec->bind_paths.items[0].origin.line, 4);
        assert_int_equal(spec->bind_paths.items[1].origin.line, 4);
        assert_int_equal(spec->bind_paths.items[2].origin.line, 6);
        assert_int_equal(spec->drop_capability.items[0].origin.line, 7);
        assert_int_equal(container_spec_origin(spec, DIRECTIVE_BindPaths)->line, 6);
}

/* Each row of the table: its sample loads, prints, and loads again to the same. */
static void test_samples(void **state) {
        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++) {
                _cleanup_free_ char *text = NULL, *printed = NULL, *again = NULL, *words = NULL,
                                    *more = NULL;

                assert_int_equal(str_append(&text, "[%s]\n%s=%s\n",
                                            section_to_string(directives[id].section), directives[id].name,
                                            directives[id].sample),
                                 0);
                assert_int_equal(load("web", text, strlen(text), &printed, &words), 0);
                assert_non_null(strstr(printed, directives[id].name));
                assert_int_equal(load("web", printed, strlen(printed), &again, &more), 0);
                assert_string_equal(again, printed);
        }
}

static void test_names(void **state) {
        static const char *const names[] = {"", "a b", "../x", "@b@c", "@x", "-x", "x/y", "\x1b[2J"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_(diag_done) Diag diag = {};
                ContainerSpec *spec = NULL;

                assert_true(unit_load_text(names[i], "", 0, &facts, &diag, &spec) < 0);
                assert_int_equal(diag_first_code(&diag), ERROR_USAGE);
                assert_null(strchr(strempty(diag.entries[0].file), 0x1b));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_all_mistakes_at_once),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_specifiers),
                cmocka_unit_test(test_specifiers_in_paths),
                cmocka_unit_test(test_specifiers_unknown_here),
                cmocka_unit_test(test_specifier_is_no_syntax),
                cmocka_unit_test(test_origins),
                cmocka_unit_test(test_samples),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
