/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* enable, disable, mask, presets: on directories of the test's own. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include <sys/stat.h>

#include "manager/base/string-list.h"
#include "units/install/install.h"

typedef struct Bed {
        char *top;
        char *search[4]; /* etc, run, usr */
        char *preset[2];
        SpecifierFacts facts;
} Bed;

static char *path_of(const Bed *b, const char *name) {
        char *path = NULL;

        assert_int_equal(str_append(&path, "%s/%s", b->top, name), 0);
        return path;
}

static void put(const Bed *b, const char *name, const char *text) {
        _cleanup_free_ char *path = path_of(b, name);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        close(fd);
}

/* The target of a link, "" where there is none; borrowed until the next call. */
static const char *target_of(const Bed *b, const char *name) {
        static char buffer[512];
        _cleanup_free_ char *path = path_of(b, name);
        ssize_t n = readlink(path, buffer, sizeof(buffer) - 1);

        buffer[n < 0 ? 0 : n] = 0;
        return startswith(buffer, b->top) ? startswith(buffer, b->top) + 1 : buffer;
}

static int setup(void **state) {
        static const char *const folders[] = { "etc", "run", "usr", "preset" };
        Bed *b = calloc(1, sizeof(*b));

        b->top = strdup("/tmp/bulwark-test-XXXXXX");
        if (!mkdtemp(b->top))
                return -1;
        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                char *path = path_of(b, folders[i]);

                if (mkdir(path, 0755) < 0)
                        return -1;
                *(i < 3 ? &b->search[i] : &b->preset[0]) = path;
        }
#define UNIT "[Container]\nRootDirectory=/srv/r\nExecStart=/bin/x\n"
        put(b, "usr/web.container", UNIT "[Install]\nWantedBy=multi-user.target\nAlias=www\nAlso=db\n");
        put(b, "usr/db.container", UNIT "[Install]\nRequiredBy=a.target b.target\nUpheldBy=c.target\n");
        put(b, "usr/plain.container", UNIT);
        put(b, "usr/evil.container", UNIT "[Install]\nWantedBy=../../x.target\n");
        put(b, "usr/many@.container", UNIT "[Install]\nWantedBy=multi-user.target\nDefaultInstance=blue\n");
        put(b, "usr/none@.container", UNIT "[Install]\nWantedBy=multi-user.target\n");
        *state = b;
        return 0;
}

static int teardown(void **state) {
        Bed *b = *state;
        char *command = NULL;
        int r = str_append(&command, "rm -rf -- '%s'", b->top);

        if (r >= 0)
                r = system(command);
        free(command);
        for (size_t i = 0; i < 3; i++)
                free(b->search[i]);
        free(b->preset[0]);
        free(b->top);
        free(b);
        return r;
}

typedef int (*Call)(const InstallRequest *q, const char *name, Diag *diag, InstallChanges *changes);

/* The number of links changed; < 0 with the words in *reterr. */
static int call(const Bed *b, Call function, const char *name, bool runtime, bool force, char **reterr) {
        const InstallRequest q = { .search_path = b->search, .facts = &b->facts, .runtime = runtime, .force = force };
        _cleanup_(install_changes_done) InstallChanges changes = {};
        _cleanup_(diag_done) Diag diag = {};
        int r = function(&q, name, &diag, &changes);

        assert_int_equal(r < 0, diag.n_errors > 0);
        if (reterr)
                *reterr = diag_to_string(&diag, true);
        return r < 0 ? r : (int)changes.n;
}

static const char *state_of(const Bed *b, const char *name) {
        const InstallRequest q = { .search_path = b->search, .facts = &b->facts };
        _cleanup_(diag_done) Diag diag = {};
        InstallState s;

        return install_state(&q, name, &diag, &s) < 0 ? "?" : install_state_to_string(s);
}

static void enable_and_disable(void **state) {
        const Bed *b = *state;
        InstallLink *links = NULL;
        size_t n = 0;

        assert_string_equal(state_of(b, "web"), "disabled");
        assert_int_equal(call(b, install_enable, "web", false, false, NULL), 5); /* its own two, and db's three */
        assert_string_equal(target_of(b, "etc/multi-user.target.wants/web.container"), "usr/web.container");
        assert_string_equal(target_of(b, "etc/www.container"), "usr/web.container");
        assert_string_equal(target_of(b, "etc/a.target.requires/db.container"), "usr/db.container");
        assert_string_equal(target_of(b, "etc/b.target.requires/db.container"), "usr/db.container");
        assert_string_equal(target_of(b, "etc/c.target.upholds/db.container"), "usr/db.container");
        assert_string_equal(state_of(b, "web.container"), "enabled");
        assert_int_equal(call(b, install_enable, "web", false, false, NULL), 0); /* nothing more to do */

        assert_int_equal(install_links(b->search, &links, &n), 0);
        assert_int_equal(n, 4); /* an alias starts nothing */
        assert_string_equal(links[0].name, "db");
        assert_string_equal(links[0].wanter, "a.target");
        assert_string_equal(links[0].kind, "requires");
        assert_string_equal(links[3].name, "web");
        install_links_free(links, n);

        assert_int_equal(call(b, install_disable, "web", false, false, NULL), 2);
        assert_string_equal(target_of(b, "etc/multi-user.target.wants/web.container"), "");
        assert_string_equal(target_of(b, "etc/www.container"), "");
        assert_string_equal(state_of(b, "web"), "disabled");
        assert_string_equal(state_of(b, "db"), "enabled");
        assert_int_equal(call(b, install_disable, "db", false, false, NULL), 3);
        {
                _cleanup_free_ char *folder = path_of(b, "etc/a.target.requires");

                assert_true(access(folder, F_OK) < 0); /* the last link takes its directory along */
        }
}

static void until_the_boot(void **state) {
        const Bed *b = *state;

        assert_int_equal(call(b, install_enable, "db", true, false, NULL), 3);
        assert_string_equal(target_of(b, "run/a.target.requires/db.container"), "usr/db.container");
        assert_string_equal(state_of(b, "db"), "enabled-runtime");
        assert_int_equal(call(b, install_disable, "db", false, false, NULL), 3);
        assert_string_equal(state_of(b, "db"), "disabled");
}

static void templates(void **state) {
        const Bed *b = *state;
        _cleanup_free_ char *words = NULL;

        assert_int_equal(call(b, install_enable, "many@red", false, false, NULL), 1);
        assert_string_equal(target_of(b, "etc/multi-user.target.wants/many@red.container"), "usr/many@.container");
        assert_int_equal(call(b, install_disable, "many@red", false, false, NULL), 1);
        assert_string_equal(state_of(b, "many@"), "disabled");
        assert_int_equal(call(b, install_enable, "many@", false, false, NULL), 1);
        assert_string_equal(target_of(b, "etc/multi-user.target.wants/many@blue.container"), "usr/many@.container");
        assert_string_equal(state_of(b, "many@"), "enabled");
        assert_int_equal(call(b, install_disable, "many@", false, false, NULL), 1);
        assert_string_equal(target_of(b, "etc/multi-user.target.wants/many@blue.container"), "");
        assert_string_equal(state_of(b, "none@"), "static");
        assert_int_equal(call(b, install_enable, "many@red", false, false, NULL), 1);
        assert_int_equal(call(b, install_enable, "many@", false, false, NULL), 1);
        assert_true(call(b, install_enable, "none@", false, false, &words) < 0);
        assert_non_null(strstr(words, "without DefaultInstance="));
        assert_int_equal(call(b, install_disable, "many@red", false, false, NULL), 1);
        assert_int_equal(call(b, install_disable, "many@blue", false, false, NULL), 1);
}

static void masks(void **state) {
        const Bed *b = *state;
        _cleanup_free_ char *words = NULL;

        assert_int_equal(call(b, install_mask, "plain", false, false, NULL), 1);
        assert_string_equal(target_of(b, "etc/plain.container"), "/dev/null");
        assert_string_equal(state_of(b, "plain"), "masked");
        assert_int_equal(call(b, install_unmask, "plain", false, false, NULL), 1);
        assert_string_equal(state_of(b, "plain"), "static");
        assert_int_equal(call(b, install_unmask, "plain", false, false, NULL), 0);
        assert_int_equal(call(b, install_mask, "plain", true, false, NULL), 1);
        assert_string_equal(state_of(b, "plain"), "masked-runtime");
        assert_int_equal(call(b, install_unmask, "plain", true, false, NULL), 1);
        /* a unit that stands there itself is somebody's work */
        put(b, "etc/own.container", UNIT);
        assert_true(call(b, install_mask, "own", false, true, &words) < 0);
        assert_non_null(strstr(words, "a file stands where the link would be made"));
        free(TAKE_PTR(words));
        /* and a mask that stands behind it hides nothing */
        assert_true(call(b, install_mask, "own", true, false, &words) < 0);
        assert_non_null(strstr(words, "mask it without --runtime"));
        free(TAKE_PTR(words));
        assert_true(call(b, install_mask, "nope", false, false, &words) < 0);
        assert_non_null(strstr(words, "no unit file nope.container; use --force"));
        assert_int_equal(call(b, install_mask, "nope", false, true, NULL), 1);
        assert_string_equal(state_of(b, "nope"), "masked");
        assert_int_equal(call(b, install_unmask, "nope", false, false, NULL), 1);
}

static void states_of_names(void **state) {
        const Bed *b = *state;

        put(b, "etc/wrong.container", "[Container]\nNonsense=1\n");
        assert_string_equal(state_of(b, "wrong"), "bad");
        assert_int_equal(call(b, install_enable, "web", false, false, NULL), 5);
        assert_string_equal(state_of(b, "www"), "alias");
        assert_int_equal(call(b, install_disable, "web", false, false, NULL), 2);
        assert_int_equal(call(b, install_disable, "db", false, false, NULL), 3);
}

static void refusals(void **state) {
        const Bed *b = *state;
        static const struct {
                const char *name, *words;
        } rows[] = {
                { "plain", "has no [Install] section" },
                { "nothing", "no unit file nothing.container" },
                { "evil", "'../../x.target' in [Install] is no unit of the host" },
                { "../web", "is not a container's name" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *words = NULL;

                assert_true(call(b, install_enable, rows[i].name, false, false, &words) < 0);
                if (!strstr(words, rows[i].words))
                        fail_msg("%s: %s", rows[i].name, words);
        }
        {
                _cleanup_free_ char *words = NULL, *link = path_of(b, "etc/www.container");

                assert_int_equal(symlink("/elsewhere", link), 0);
                assert_true(call(b, install_enable, "web", false, false, &words) < 0);
                assert_non_null(strstr(words, "is a link to /elsewhere already"));
                assert_int_equal(call(b, install_enable, "web", false, true, NULL), 1);
                assert_string_equal(target_of(b, "etc/www.container"), "usr/web.container");
        }
}

static int preset(const InstallRequest *q, const char *name, Diag *diag, InstallChanges *changes) {
        static char *path[2];

        free(path[0]);
        path[0] = NULL;
        assert_int_equal(str_append(&path[0], "%.*spreset", (int)strlen(q->search_path[0]) - 3, q->search_path[0]), 0);
        return install_preset(q, name, path, diag, changes);
}

static void presets(void **state) {
        const Bed *b = *state;

        put(b, "preset/10-first.preset", "# comment\nenable db*\n; another\n");
        put(b, "preset/90-last.preset", "disable *\n");
        assert_int_equal(call(b, preset, "db", false, false, NULL), 3);
        assert_string_equal(state_of(b, "db"), "enabled");
        put(b, "preset/05-before.preset", "disable db.container\n");
        assert_int_equal(call(b, preset, "db", false, false, NULL), 3);
        assert_string_equal(state_of(b, "db"), "disabled");
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(enable_and_disable), TEST(until_the_boot), TEST(templates), TEST(masks), TEST(states_of_names), TEST(refusals), TEST(presets),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
