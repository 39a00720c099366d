/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Units as files: search path, drop-ins, masks, and every hostile thing that can stand in a unit's place. */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include <cmocka.h>

#include "manager/base/string-list.h"
#include "units/syntax/search.h"
#include "units/syntax/source.h"
#include "units/syntax/unit-load.h"

typedef struct Bed {
        char root[64];
        char **path; /* etc, run, lib below root */
} Bed;

static const char *const search_folders[] = {"etc", "run", "lib"};

static char *at(const Bed *b, const char *name) {
        char *s = NULL;

        assert_int_equal(str_append(&s, "%s/%s", b->root, name), 0);
        return s;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
        return remove(path);
}

static void *bed_free(Bed *b) {
        (void)nftw(b->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        strv_free(b->path);
        free(b);
        return NULL;
}

static int set_up(void **state) {
        Bed *b = calloc(1, sizeof(Bed));

        if (!b)
                return -1;
        umask(022);
        (void)snprintf(b->root, sizeof(b->root), "/tmp/bulwark-test-units-XXXXXX");
        if (!mkdtemp(b->root))
                return -1;
        for (size_t i = 0; i < ELEMENTSOF(search_folders); i++) {
                char *folder = at(b, search_folders[i]);

                if (mkdir(folder, 0755) < 0 || strv_push(&b->path, folder) < 0)
                        return -1;
        }
        *state = b;
        return 0;
}

static int tear_down(void **state) {
        bed_free(*state);
        return 0;
}

/* Writes root/name, making its folders. */
static void put(const Bed *b, const char *name, const char *text) {
        _cleanup_free_ char *path = at(b, name);
        FILE *f;

        for (size_t i = strlen(b->root) + 1; path[i]; i++) {
                if (path[i] != '/')
                        continue;
                path[i] = 0;
                assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
                path[i] = '/';
        }
        f = fopen(path, "we");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

static void link_to(const Bed *b, const char *name, const char *target) {
        _cleanup_free_ char *path = at(b, name);

        assert_int_equal(symlink(target, path), 0);
}

static int load(const Bed *b, const char *name, ContainerSpec **ret, char **ret_words, ErrorCode *ret_code) {
        _cleanup_(diag_done) Diag diag = {};
        int r;

        r = unit_load(name, b->path, NULL, &diag, ret);
        *ret_words = diag_to_string(&diag, true);
        *ret_code = diag_first_code(&diag);
        assert_true(r < 0 ? diag.n_errors > 0 : diag.n_errors == 0);
        return r;
}

static void expect_description(const Bed *b, const char *name, const char *description) {
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = NULL;
        _cleanup_free_ char *words = NULL;
        ErrorCode code;

        if (load(b, name, &spec, &words, &code) < 0)
                fail_msg("%s: %s", name, words);
        assert_string_equal(strempty(spec->description), description);
}

static void expect_failure(const Bed *b, const char *name, ErrorCode expected, const char *part) {
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = NULL;
        _cleanup_free_ char *words = NULL;
        ErrorCode code;

        assert_true(load(b, name, &spec, &words, &code) < 0);
        if (code != expected || !strstr(words, part))
                fail_msg("%s: %s '%s', not %s '%s'", name, error_code_to_string(code), words,
                         error_code_to_string(expected), part);
        assert_true(!spec || spec->error < 0);
}

static void expect_docs(const Bed *b, const char *name, const char *expected) {
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = NULL;
        _cleanup_free_ char *words = NULL, *docs = NULL;
        ErrorCode code;

        if (load(b, name, &spec, &words, &code) < 0)
                fail_msg("%s: %s", name, words);
        docs = strv_join(spec->documentation, " ");
        assert_string_equal(docs, expected);
}

#define DESCRIPTION(text) "[Unit]\nDescription=" text "\n"
#define DOC(text) "[Unit]\nDocumentation=" text "\n"

static void test_search_path(void **state) {
        const Bed *b = *state;

        expect_failure(b, "web", ERROR_NO_SUCH_UNIT, "no unit file web.container in");
        put(b, "lib/web.container", DESCRIPTION("lib"));
        expect_description(b, "web", "lib");
        expect_description(b, "web.container", "lib");
        put(b, "run/web.container", DESCRIPTION("run"));
        expect_description(b, "web", "run");
        put(b, "etc/web.container", DESCRIPTION("etc"));
        expect_description(b, "web", "etc");
        expect_failure(b, "we", ERROR_NO_SUCH_UNIT, "no unit file we.container");
}

static void test_templates(void **state) {
        const Bed *b = *state;

        put(b, "lib/web@.container", DESCRIPTION("%p %i"));
        expect_description(b, "web@blue", "web blue");
        expect_description(b, "web@blue.container", "web blue");
        expect_failure(b, "web@", ERROR_USAGE, "is a template");
        expect_failure(b, "web@.container", ERROR_USAGE, "is a template");
        expect_failure(b, "web", ERROR_NO_SUCH_UNIT, "web.container");
        /* An instance's own file wins over a template of any directory. */
        put(b, "lib/web@red.container", DESCRIPTION("own"));
        put(b, "etc/web@.container", DESCRIPTION("etc %i"));
        expect_description(b, "web@red", "own");
        expect_description(b, "web@blue", "etc blue");
        expect_failure(b, "../web", ERROR_USAGE, "not a container's name");
}

static void test_masks(void **state) {
        const Bed *b = *state;

        put(b, "lib/web.container", DESCRIPTION("lib"));
        link_to(b, "etc/web.container", "/dev/null");
        expect_failure(b, "web", ERROR_MASKED, "masked");
        put(b, "lib/two.container", DESCRIPTION("lib"));
        put(b, "run/two.container", "");
        expect_failure(b, "two", ERROR_MASKED, "masked");
        put(b, "lib/web@.container", DESCRIPTION("lib"));
        link_to(b, "etc/web@blue.container", "/dev/null");
        expect_failure(b, "web@blue", ERROR_MASKED, "masked");
        expect_description(b, "web@red", "lib");
}

static void test_drop_ins(void **state) {
        const Bed *b = *state;

        put(b, "lib/foo-bar.container", DOC("fragment"));
        put(b, "lib/foo-bar.container.d/20-b.conf", DOC("lib20"));
        put(b, "etc/foo-bar.container.d/10-a.conf", DOC("etc10"));
        put(b, "run/foo-bar.container.d/30-c.conf", DOC("run30"));
        put(b, "run/foo-bar.container.d/ignored.txt", "no unit at all");
        put(b, "run/foo-bar.container.d/.hidden.conf", "no unit at all");
        expect_docs(b, "foo-bar", "fragment etc10 lib20 run30");

        /* Same name: the earlier directory wins. */
        put(b, "etc/foo-bar.container.d/20-b.conf", DOC("etc20"));
        expect_docs(b, "foo-bar", "fragment etc10 etc20 run30");

        /* Prefixes, and all containers; sorted by file name whatever the folder. */
        put(b, "lib/foo-.container.d/15-prefix.conf", DOC("prefix15"));
        put(b, "lib/container.d/05-all.conf", DOC("all05"));
        put(b, "lib/container.d/99-all.conf", DOC("all99"));
        expect_docs(b, "foo-bar", "fragment all05 etc10 prefix15 etc20 run30 all99");
        put(b, "lib/foo.container.d/00-other.conf", DOC("other"));
        put(b, "lib/bar.container.d/00-other.conf", DOC("other"));
        expect_docs(b, "foo-bar", "fragment all05 etc10 prefix15 etc20 run30 all99");

        /* Same name in one directory: the more specific folder wins; container.d yields to all others. */
        put(b, "lib/foo-bar.container.d/15-prefix.conf", DOC("specific15"));
        put(b, "lib/foo-bar.container.d/05-all.conf", DOC("specific05"));
        expect_docs(b, "foo-bar", "fragment specific05 etc10 specific15 etc20 run30 all99");
        put(b, "etc/container.d/15-prefix.conf", DOC("etc-all15"));
        expect_docs(b, "foo-bar", "fragment specific05 etc10 specific15 etc20 run30 all99");
        /* ... but an earlier directory's less specific folder wins over a later one's. */
        put(b, "etc/foo-.container.d/15-prefix.conf", DOC("etc-prefix15"));
        expect_docs(b, "foo-bar", "fragment specific05 etc10 etc-prefix15 etc20 run30 all99");

        /* Masks, by a link and by an empty file. */
        link_to(b, "etc/foo-bar.container.d/99-all.conf", "/dev/null");
        put(b, "etc/foo-bar.container.d/30-c.conf", "");
        expect_docs(b, "foo-bar", "fragment specific05 etc10 etc-prefix15 etc20");
}

static void test_drop_ins_of_instances(void **state) {
        const Bed *b = *state;

        put(b, "lib/foo-bar@.container", DOC("fragment"));
        put(b, "lib/foo-bar@.container.d/10.conf", DOC("template"));
        put(b, "lib/foo-bar@x.container.d/20.conf", DOC("instance"));
        put(b, "lib/foo-@.container.d/30.conf", DOC("prefix"));
        put(b, "lib/container.d/40.conf", DOC("all-%i"));
        expect_docs(b, "foo-bar@x", "fragment template instance prefix all-x");
        expect_docs(b, "foo-bar@y", "fragment template prefix all-y");
        put(b, "lib/foo-bar@x.container.d/10.conf", DOC("own"));
        expect_docs(b, "foo-bar@x", "fragment own instance prefix all-x");
}

/* A drop-in starts outside of any section, whatever the file before it ended in. */
static void test_drop_in_stands_alone(void **state) {
        const Bed *b = *state;

        put(b, "lib/web.container", "[X-Mine]\nfoo=1\n");
        put(b, "lib/web.container.d/1.conf", "Description=x\n");
        expect_failure(b, "web", ERROR_SYNTAX, "1.conf:1: 'Description=' stands before any section");
        put(b, "lib/web.container.d/1.conf", DESCRIPTION("x"));
        expect_description(b, "web", "x");
}

/* A link to another unit of the search path is its other name; one to a file elsewhere is a unit of its own. */
static void test_other_names(void **state) {
        const Bed *b = *state;
        static const struct {
                const char *name, *own; /* NULL = it is no other name */
        } rows[] = {
                { "web", NULL }, { "site", "web" }, { "shop", "web" }, { "job@a", "work@a" }, { "work@a", NULL },
                { "odd", NULL }, { "gone", NULL },  { "hidden", NULL }, { "none", NULL },
        };

        put(b, "lib/web.container", DESCRIPTION("x"));
        put(b, "lib/work@.container", DESCRIPTION("x"));
        put(b, "outside.container", DESCRIPTION("x"));
        link_to(b, "etc/site.container", "../lib/web.container");
        link_to(b, "run/shop.container", "../etc/site.container");
        link_to(b, "etc/job@.container", "../lib/work@.container");
        link_to(b, "etc/odd.container", "../outside.container");
        link_to(b, "etc/gone.container", "../lib/nothing.container");
        link_to(b, "etc/hidden.container", "/dev/null");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *other = NULL;

                assert_int_equal(unit_alias_of(rows[i].name, b->path, &other), 0);
                if (!streq_ptr(other, rows[i].own))
                        fail_msg("%s is %s, not %s", rows[i].name, strempty(other), strempty(rows[i].own));
        }
}

static void test_mistakes_of_all_files(void **state) {
        const Bed *b = *state;
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = NULL;
        _cleanup_(diag_done) Diag diag = {};

        put(b, "lib/web.container", "[Container]\nBoot=maybe\n");
        put(b, "lib/web.container.d/1.conf", "[Container]\nTypo=1\n");
        put(b, "etc/web.container.d/2.conf", "[Container]\nType=dbus\n");
        assert_true(unit_load("web", b->path, NULL, &diag, &spec) < 0);
        assert_int_equal(diag.n_errors, 3);
        assert_non_null(strstr(diag.entries[0].file, "lib/web.container"));
        assert_non_null(strstr(diag.entries[1].file, "1.conf"));
        assert_int_equal(diag.entries[1].line, 2);
        assert_non_null(strstr(diag.entries[2].file, "2.conf"));
}

static void test_paths(void **state) {
        const Bed *b = *state;
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = NULL;
        _cleanup_strv_ char **paths = NULL;
        _cleanup_free_ char *words = NULL, *fragment = at(b, "lib/web.container");
        ErrorCode code;

        put(b, "lib/web.container", "[Unit]\nDescription=%y %Y\n");
        put(b, "lib/web.container.d/b.conf", DOC("b"));
        put(b, "etc/web.container.d/a.conf", DOC("a"));
        assert_int_equal(unit_paths("web", b->path, &paths), 0);
        assert_int_equal(strv_length(paths), 3);
        assert_string_equal(paths[0], fragment);
        assert_non_null(endswith(paths[1], "etc/web.container.d/a.conf"));
        assert_non_null(endswith(paths[2], "lib/web.container.d/b.conf"));
        assert_int_equal(unit_paths("none", b->path, &(char **){NULL}), -ENOENT);
        assert_int_equal(unit_paths("../x", b->path, &(char **){NULL}), -EINVAL);

        assert_int_equal(load(b, "web", &spec, &words, &code), 0);
        assert_string_equal(spec->fragment_path, fragment);
        assert_int_equal(strv_length(spec->drop_in_paths), 2);
        assert_ptr_equal(startswith(spec->description, fragment), spec->description + strlen(fragment));
        assert_non_null(endswith(spec->description, "/lib"));
}

/* --- what can stand in a unit's place */

static void test_links(void **state) {
        const Bed *b = *state;

        put(b, "real.container", DESCRIPTION("real %N"));
        link_to(b, "etc/web.container", "../real.container");
        expect_description(b, "web", "real web");
        link_to(b, "etc/loop.container", "loop.container");
        expect_failure(b, "loop", ERROR_SYNTAX, "circle");
        link_to(b, "etc/a.container", "b.container");
        link_to(b, "etc/b.container", "a.container");
        expect_failure(b, "a", ERROR_SYNTAX, "circle");
        link_to(b, "etc/dangling.container", "nowhere");
        expect_failure(b, "dangling", ERROR_SYNTAX, "does not exist");
        put(b, "lib/two.container", DESCRIPTION("two"));
        put(b, "lib/two.container.d/1.conf", DESCRIPTION("two"));
        link_to(b, "lib/two.container.d/2.conf", "nowhere");
        expect_failure(b, "two", ERROR_SYNTAX, "2.conf: is a symbolic link to a file that does not exist");
}

/* A link that somebody else could have made, or to a file that is no unit: its lines stand in no message. */
static void test_links_to_secrets(void **state) {
        static const char *const folders[] = {"lib", "lib/web.container.d"};
        const Bed *b = *state;
        _cleanup_free_ char *folder = at(b, "lib"), *unit = at(b, "lib/web.container"), *file = at(b, "secret"),
                            *link = at(b, "lib/linked.container");
        _cleanup_(diag_done) Diag diag = {};
        ContainerSpec *spec = NULL;

        put(b, "secret", "root:$6$hash\n");
        put(b, "real.container", DESCRIPTION("real"));
        link_to(b, "lib/web.container", "../secret");
        expect_failure(b, "web", ERROR_POLICY, "secret\", which is not named as such a file; link it to one that ends in .container");
        if (geteuid() == 0) { /* also where it is named, as for verify; a user is told only of what the user could read */
                assert_true(unit_load_file(unit, NULL, &diag, &spec) < 0);
                assert_null(spec);
                assert_int_equal(diag.n_entries, 1);
                assert_null(strstr(diag.entries[0].text, "hash"));
        }
        assert_int_equal(unlink(unit), 0);

        put(b, "lib/web.container", DESCRIPTION("web"));
        put(b, "lib/web.container.d/1.conf", DESCRIPTION("web"));
        link_to(b, "lib/web.container.d/2.conf", "../../secret");
        expect_failure(b, "web", ERROR_POLICY, "ends in .conf");

        link_to(b, "lib/linked.container", "../real.container");
        expect_description(b, "linked", "real");
        assert_int_equal(chmod(folder, 0777), 0);
        expect_failure(b, "linked", ERROR_POLICY, "is a symbolic link that every user could have made");
        assert_int_equal(unlink(link), 0);
        assert_int_equal(linkat(AT_FDCWD, file, AT_FDCWD, link, 0), 0);
        expect_failure(b, "linked", ERROR_POLICY, "hard link");
        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                _cleanup_free_ char *path = at(b, folders[i]);

                assert_int_equal(chmod(path, 0755), 0);
        }
}

static void test_no_regular_file(void **state) {
        const Bed *b = *state;
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        _cleanup_free_ char *fifo = at(b, "etc/fifo.container"), *folder = at(b, "etc/folder.container"),
                            *socket_path = at(b, "etc/socket.container"),
                            *drop_in = at(b, "etc/web.container.d/1.conf");
        _cleanup_close_ int fd = -EBADF;

        assert_int_equal(mkfifo(fifo, 0644), 0);
        expect_failure(b, "fifo", ERROR_SYNTAX, "is a FIFO");
        assert_int_equal(mkdir(folder, 0755), 0);
        expect_failure(b, "folder", ERROR_SYNTAX, "is a directory");
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(strlen(socket_path) < sizeof(address.sun_path));
        strcpy(address.sun_path, socket_path);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        expect_failure(b, "socket", ERROR_SYNTAX, "is a socket");
        link_to(b, "etc/zero.container", "/dev/zero");
        expect_failure(b, "zero", ERROR_SYNTAX, "is a device");
        link_to(b, "etc/tofifo.container", "fifo.container");
        expect_failure(b, "tofifo", ERROR_SYNTAX, "is a FIFO");

        put(b, "etc/web.container", DESCRIPTION("web"));
        put(b, "etc/web.container.d/0.conf", DESCRIPTION("web"));
        assert_int_equal(mkfifo(drop_in, 0644), 0);
        expect_failure(b, "web", ERROR_SYNTAX, "1.conf: is a FIFO");
}

static void test_size(void **state) {
        const Bed *b = *state;
        _cleanup_free_ char *path = at(b, "etc/web.container");

        put(b, "etc/web.container", DESCRIPTION("web") "#");
        assert_int_equal(truncate(path, UNIT_FILE_SIZE_MAX + 1), 0);
        expect_failure(b, "web", ERROR_SYNTAX, "larger than 1024 KiB");
        assert_int_equal(truncate(path, UNIT_FILE_SIZE_MAX), 0);
        expect_failure(b, "web", ERROR_SYNTAX, "web.container:3: the line contains a NUL byte");
}

static void test_permissions(void **state) {
        const Bed *b = *state;
        _cleanup_free_ char *path = at(b, "etc/web.container"),
                            *drop_in = at(b, "etc/web.container.d/1.conf");

        put(b, "etc/web.container", DESCRIPTION("web"));
        put(b, "etc/web.container.d/1.conf", DESCRIPTION("drop-in"));
        expect_description(b, "web", "drop-in");
        assert_int_equal(chmod(path, 0664), 0);
        expect_failure(b, "web", ERROR_POLICY, "can be written by its group (mode 0664); run: chmod go-w");
        assert_int_equal(chmod(path, 0646), 0);
        expect_failure(b, "web", ERROR_POLICY, "can be written by everybody");
        assert_int_equal(chmod(path, 0600), 0);
        expect_description(b, "web", "drop-in");
        assert_int_equal(chmod(drop_in, 0666), 0);
        expect_failure(b, "web", ERROR_POLICY, "1.conf: can be written");
        assert_int_equal(chmod(drop_in, 0644), 0);
        if (geteuid() == 0) {
                assert_int_equal(chown(path, 1234, 0), 0);
                expect_failure(b, "web", ERROR_POLICY, "belongs to user 1234");
        }
}

/* --- one file */

static void test_load_file(void **state) {
        const Bed *b = *state;
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = NULL, *instance = NULL;
        _cleanup_free_ char *path = at(b, "web.container"), *template = at(b, "t@.container"),
                            *text = at(b, "web.txt"), *none = at(b, "none.container"),
                            *masked = at(b, "masked.container");
        const struct {
                const char *path, *words;
                ErrorCode code;
        } wrong[] = {
                {text, "must be called NAME.container", ERROR_USAGE},
                {none, "there is no such file", ERROR_NO_SUCH_UNIT},
                {masked, "masked", ERROR_MASKED},
        };

        put(b, "web.container", DESCRIPTION("web") DOC("fragment"));
        put(b, "web.container.d/1.conf", DOC("drop-in"));
        put(b, "container.d/1.conf", "nonsense");
        /* The user named this file: whose it is is the user's business. */
        assert_int_equal(chmod(path, 0666), 0);
        assert_int_equal(unit_load_file(path, NULL, NULL, &spec), 0);
        assert_string_equal(spec->name, "web");
        assert_int_equal(strv_length(spec->documentation), 2);

        put(b, "t@.container", DESCRIPTION("%n"));
        assert_int_equal(unit_load_file(template, NULL, NULL, &instance), 0);
        assert_string_equal(instance->description, "t@instance.container");

        put(b, "web.txt", DESCRIPTION("web"));
        link_to(b, "masked.container", "/dev/null");
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                _cleanup_(diag_done) Diag diag = {};
                ContainerSpec *none_spec = NULL;

                assert_true(unit_load_file(wrong[i].path, NULL, &diag, &none_spec) < 0);
                assert_int_equal(diag.entries[0].code, wrong[i].code);
                assert_non_null(strstr(diag.entries[0].text, wrong[i].words));
        }
}

/* --- listing */

static void test_list(void **state) {
        static const struct {
                const char *name, *folder;
                UnitFileState state;
        } expected[] = {
                {"-x", "lib", UNIT_FILE_MISNAMED},   {"a b", "lib", UNIT_FILE_MISNAMED},
                {"a?b", "lib", UNIT_FILE_MISNAMED},  {"b?d", "lib", UNIT_FILE_MISNAMED},
                {"bad", "etc", UNIT_FILE_BAD},       {"db", "lib", UNIT_FILE_STATIC},
                {"empty", "run", UNIT_FILE_MASKED},  {"web", "etc", UNIT_FILE_STATIC},
                {"web@", "lib", UNIT_FILE_TEMPLATE}, {"web@x", "run", UNIT_FILE_MASKED},
        };
        const Bed *b = *state;
        UnitFileEntry *entries = NULL;
        size_t n = 0;

        assert_int_equal(unit_files_list(b->path, &entries, &n), 0);
        assert_int_equal(n, 0);
        put(b, "lib/web.container", DESCRIPTION("x"));
        put(b, "etc/web.container", DESCRIPTION("x"));
        put(b, "lib/db.container", DESCRIPTION("x"));
        put(b, "lib/web@.container", DESCRIPTION("x"));
        put(b, "run/empty.container", "");
        put(b, "lib/empty.container", DESCRIPTION("x"));
        put(b, "lib/a b.container", DESCRIPTION("x"));
        put(b, "lib/-x.container", DESCRIPTION("x"));
        put(b, "lib/a\nb.container", DESCRIPTION("x"));
        put(b, "lib/b\xff" "d.container", DESCRIPTION("x"));
        put(b, "lib/.hidden.container", DESCRIPTION("x"));
        put(b, "lib/other.service", DESCRIPTION("x"));
        put(b, "lib/web.container.d/1.conf", DESCRIPTION("x"));
        link_to(b, "run/web@x.container", "/dev/null");
        link_to(b, "etc/bad.container", "nowhere");

        assert_int_equal(unit_files_list(b->path, &entries, &n), 0);
        assert_int_equal(n, ELEMENTSOF(expected));
        for (size_t i = 0; i < n; i++) {
                assert_string_equal(entries[i].name, expected[i].name);
                assert_int_equal(entries[i].state, expected[i].state);
                assert_ptr_equal(startswith(entries[i].path + strlen(b->root) + 1, expected[i].folder),
                                 entries[i].path + strlen(b->root) + 4);
                assert_non_null(unit_file_state_to_string(entries[i].state));
        }
        unit_files_free(entries, n);
}

/* The budget is 10,000 units a second; here a tenth of them, with room for sanitizers and a busy machine.
 * Ten times as many must not take much more than ten times as long. */
static double load_many(const Bed *b, unsigned from, unsigned to) {
        struct timespec start, end;
        UnitFileEntry *entries = NULL;
        size_t n = 0;

        for (unsigned i = from; i < to; i++) {
                char name[64];

                (void)snprintf(name, sizeof(name), "lib/unit-%05u.container", i);
                put(b, name,
                    "[Unit]\nDescription=Number %N\n[Container]\nRootDirectory=/srv/%N\nExecStart=/bin/sh "
                    "-c 'exec x'\n"
                    "Environment=A=1 B=2\nBindPaths=/a "
                    "/b\nSystemCallFilter=@system-service\nMemoryMax=64M\n");
        }
        assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start), 0);
        assert_int_equal(unit_files_list(b->path, &entries, &n), 0);
        assert_int_equal(n, to);
        for (size_t i = 0; i < n; i++) {
                _cleanup_(container_spec_unrefp) ContainerSpec *spec = NULL;

                assert_int_equal(unit_load(entries[i].name, b->path, NULL, NULL, &spec), 0);
        }
        assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end), 0);
        unit_files_free(entries, n);
        return (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
}

static void test_many_units(void **state) {
        const Bed *b = *state;
        double few = load_many(b, 0, 200), many = load_many(b, 200, 2000);

        print_message("200 units in %.3f s, 2000 in %.3f s\n", few, many);
        assert_true(many < 10);
        assert_true(many < 40 * few + 0.5);
}

int main(void) {
#define FILES(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                FILES(test_search_path),
                FILES(test_templates),
                FILES(test_masks),
                FILES(test_drop_ins),
                FILES(test_drop_ins_of_instances),
                FILES(test_drop_in_stands_alone),
                FILES(test_other_names),
                FILES(test_mistakes_of_all_files),
                FILES(test_paths),
                FILES(test_links),
                FILES(test_links_to_secrets),
                FILES(test_no_regular_file),
                FILES(test_size),
                FILES(test_permissions),
                FILES(test_load_file),
                FILES(test_list),
                FILES(test_many_units),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
