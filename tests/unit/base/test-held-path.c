/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>

#include "manager/base/held-path.h"

#define OWN 7U /* who asks, where the decision alone is asked */

static void trees(void **state) {
        _cleanup_(path_trees_done) PathTrees t = {};
        const PathTrees above = { .more = &t };

        for (unsigned i = 0; i < 100; i++)
                assert_int_equal(path_trees_add(&t, i % 7, i * 31 % 100), 0);
        assert_int_equal(t.n, 100);
        assert_int_equal(path_trees_add(&t, 0, 0), 0);
        assert_int_equal(t.n, 100);
        for (unsigned i = 0; i < 100; i++)
                assert_true(path_trees_has(&above, i % 7, i * 31 % 100));
        assert_false(path_trees_has(&above, 1, 100));
        assert_false(path_trees_has(&above, 7, 0));
        assert_false(path_trees_has(NULL, 0, 0));
}

static void writers(void **state) {
        static const struct {
                PathEntry directory;
                uid_t entry;
                PathWriter writer;
        } rows[] = {
                { { .mode = 0755 }, 0, PATH_WRITER_ROOT },
                { { .mode = 0755 }, 1000, PATH_WRITER_ROOT },
                { { .mode = 0755, .uid = OWN }, 0, PATH_WRITER_ROOT },
                { { .mode = 0755, .uid = 1000 }, 0, PATH_WRITER_OWNER },
                { { .mode = 0555, .uid = 1000 }, 0, PATH_WRITER_OWNER }, /* who owns it can change that */
                { { .mode = 01777, .uid = 1000 }, 0, PATH_WRITER_OWNER },
                { { .mode = 0775 }, 0, PATH_WRITER_GROUP },
                { { .mode = 0757 }, 0, PATH_WRITER_OTHERS },
                { { .mode = 01777 }, 0, PATH_WRITER_ROOT },
                { { .mode = 01777 }, OWN, PATH_WRITER_ROOT },
                { { .mode = 01777 }, 1000, PATH_WRITER_OTHERS },
                { { .mode = 0700, .tree = true }, 0, PATH_WRITER_CONTAINER },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const PathEntry entry = { .mode = S_IFLNK | 0777, .uid = rows[i].entry };

                assert_int_equal(path_writer(PATH_WRITER_ROOT, &rows[i].directory, &entry, OWN), rows[i].writer);
                assert_int_equal(path_writer(PATH_WRITER_GROUP, &rows[i].directory, &entry, OWN), PATH_WRITER_GROUP);
        }
        assert_int_equal(path_writer(PATH_WRITER_ROOT, &(PathEntry){ .mode = 01777 }, NULL, OWN), PATH_WRITER_OTHERS);
        for (PathWriter w = 0; w < _PATH_WRITER_MAX; w++)
                assert_non_null(path_writer_words(w));
        assert_null(path_writer_words(_PATH_WRITER_MAX));
}

static void mistakes(void **state) {
        const struct stat directory = { .st_mode = S_IFDIR | 0755, .st_uid = 1000 };
        struct stat st = { .st_mode = S_IFREG | 0644, .st_nlink = 1 };

        assert_int_equal(path_check_written(PATH_WRITER_CONTAINER, &directory, &st, OWN), PATH_MISTAKE_NONE);
        st.st_uid = 1000;
        assert_int_equal(path_check_written(PATH_WRITER_CONTAINER, &directory, &st, OWN), PATH_MISTAKE_NONE);
        st.st_uid = 1001;
        assert_int_equal(path_check_written(PATH_WRITER_CONTAINER, &directory, &st, OWN), PATH_MISTAKE_OWNER);
        assert_int_equal(path_check_written(PATH_WRITER_ROOT, &directory, &st, OWN), PATH_MISTAKE_NONE);
        st.st_nlink = 2;
        assert_int_equal(path_check_written(PATH_WRITER_ROOT, &directory, &st, OWN), PATH_MISTAKE_LINKS);
        assert_int_equal(path_check_read(PATH_WRITER_ROOT, &st), PATH_MISTAKE_NONE);
        assert_int_equal(path_check_read(PATH_WRITER_OTHERS, &st), PATH_MISTAKE_LINKS);
        st.st_mode = S_IFIFO | 0600;
        assert_int_equal(path_check_written(PATH_WRITER_ROOT, &directory, &st, OWN), PATH_MISTAKE_KIND);
        assert_int_equal(path_check_read(PATH_WRITER_ROOT, &st), PATH_MISTAKE_KIND);
        for (PathMistake m = PATH_MISTAKE_NONE + 1; m < _PATH_MISTAKE_MAX; m++)
                assert_non_null(path_mistake_words(m));
}

/* --- the walk */

typedef struct Bed {
        char top[32];
        PathTrees trees;
} Bed;

static const char *at(const Bed *b, const char *name, char buffer[static 300]) {
        (void)snprintf(buffer, 300, "%s/%s", b->top, name);
        return buffer;
}
#define AT(name) at(b, name, (char[300]){})

static int bed_setup(void **state) {
        Bed *b = calloc(1, sizeof(*b));
        struct stat st;

        assert_non_null(b);
        (void)strcpy(b->top, "/tmp/bulwark-held-XXXXXX");
        assert_non_null(mkdtemp(b->top));
        assert_int_equal(mkdir(AT("own"), 0755), 0);
        assert_int_equal(mkdir(AT("own/deep"), 0755), 0);
        assert_int_equal(mkdir(AT("tree"), 0755), 0);
        assert_int_equal(mkdir(AT("tree/in"), 0755), 0);
        assert_int_equal(close(open(AT("own/file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0644)), 0);
        assert_int_equal(close(open(AT("tree/file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0644)), 0);
        assert_int_equal(symlink("own/file", AT("relative")), 0);
        assert_int_equal(symlink(AT("own"), AT("absolute")), 0);
        assert_int_equal(symlink("../absolute/../own/./deep/..", AT("own/up")), 0);
        assert_int_equal(symlink("tree", AT("into")), 0);
        assert_int_equal(symlink("../own/file", AT("tree/out")), 0);
        assert_int_equal(symlink("../../own", AT("tree/in/away")), 0);
        assert_int_equal(symlink("round", AT("round")), 0);
        assert_int_equal(symlink("nothing", AT("dangling")), 0);
        assert_int_equal(stat(AT("tree"), &st), 0);
        assert_int_equal(path_trees_add(&b->trees, st.st_dev, st.st_ino), 0);
        *state = b;
        return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f) {
        return remove(path);
}

static int bed_teardown(void **state) {
        Bed *b = *state;

        assert_int_equal(nftw(b->top, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
        path_trees_done(&b->trees);
        free(b);
        return 0;
}

static void expect(Bed *b, const char *path, unsigned flags, int wanted, const char *same) {
        _cleanup_(held_path_done) HeldPath h = HELD_PATH_EMPTY;
        int r = held_path_open(path, &b->trees, flags, &h);
        struct stat a, s;

        if (r != wanted)
                fail_msg("%s: %s, not %s", path, strerror(-r), strerror(-wanted));
        if (!same)
                return;
        assert_int_equal(fstat(h.fd, &a), 0);
        assert_int_equal(stat(same, &s), 0);
        assert_true(a.st_dev == s.st_dev && a.st_ino == s.st_ino);
        if (h.path)
                assert_string_equal(h.path, same);
}

static void followed(void **state) {
        Bed *b = *state;
        static const unsigned flags[] = { 0, HELD_QUICK };

        for (size_t i = 0; i < ELEMENTSOF(flags); i++) {
                expect(b, AT("own/file"), flags[i], 0, AT("own/file"));
                expect(b, AT("relative"), flags[i], 0, AT("own/file"));
                expect(b, AT("absolute/file"), flags[i], 0, AT("own/file"));
                expect(b, AT("absolute/up/file"), flags[i], 0, AT("own/file"));
                expect(b, AT("into/file"), flags[i], 0, AT("tree/file"));
                expect(b, AT("round"), flags[i], -ELOOP, NULL);
                expect(b, AT("dangling"), flags[i], -ENOENT, NULL);
                expect(b, AT("own/file/x"), flags[i], -ENOTDIR, NULL);
                expect(b, AT("relative/x"), flags[i], -ENOTDIR, NULL);
                expect(b, "/proc/self/root/tmp", flags[i], -ELOOP, NULL);
                expect(b, "/proc/self/status", flags[i], 0, NULL);
                expect(b, "/", flags[i], 0, NULL);
                expect(b, "tmp", flags[i] & ~HELD_QUICK, -EINVAL, NULL);
        }
}

static void refused(void **state) {
        _cleanup_(held_path_done) HeldPath h = HELD_PATH_EMPTY;
        _cleanup_free_ char *words = NULL;
        Bed *b = *state;

        for (unsigned flags = 0; flags <= HELD_QUICK; flags += HELD_QUICK) {
                expect(b, AT("tree/out"), flags, -EPERM, NULL);
                expect(b, AT("tree/in/away/file"), flags, -EPERM, NULL); /* below the tree, too */
                expect(b, AT("into/out"), flags, -EPERM, NULL);
        }
        assert_int_equal(held_path_open(AT("into/in/away/file"), &b->trees, 0, &h), -EPERM);
        assert_string_equal(h.link, AT("tree/in/away"));
        assert_int_equal(h.writer, PATH_WRITER_CONTAINER);
        words = held_path_words(&h, -EPERM);
        assert_non_null(strstr(words, "tree/in/away\" is a symbolic link"));
        assert_null(held_path_words(&h, -ENOENT));
        held_path_done(&h);
        assert_int_equal(held_path_open(AT("tree/out"), NULL, 0, &h), 0); /* of no container */
}

static void by_mode(void **state) {
        Bed *b = *state;

        assert_int_equal(chmod(AT("own"), 0775), 0);
        expect(b, AT("own/up"), 0, -EPERM, NULL);
        expect(b, AT("own/file"), HELD_QUICK, 0, AT("own/file"));
        assert_int_equal(chmod(AT("own"), 01777), 0); /* what is root's in there stays where it is */
        expect(b, AT("own/up"), 0, 0, AT("own"));
        if (geteuid() == 0) {
                assert_int_equal(lchown(AT("own/up"), 1000, 1000), 0);
                expect(b, AT("own/up"), 0, -EPERM, NULL);
                assert_int_equal(chmod(AT("own"), 0755), 0);
                expect(b, AT("own/up"), 0, 0, AT("own"));
                assert_int_equal(chown(AT("own"), 1000, 1000), 0);
                expect(b, AT("own/up"), 0, -EPERM, NULL);
        }
}

static void missing(void **state) {
        _cleanup_(held_path_done) HeldPath h = HELD_PATH_EMPTY;
        _cleanup_close_ int fd = -EBADF;
        Bed *b = *state;
        struct stat st;

        assert_int_equal(held_path_open(AT("absolute/new"), NULL, HELD_MAY_MISS | HELD_NO_LINK, &h), 0);
        assert_int_equal(h.fd, -EBADF);
        assert_string_equal(h.name, "new");
        assert_string_equal(h.path, AT("own/new"));
        fd = openat(h.directory, h.name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(stat(AT("own/new"), &st), 0);
        held_path_done(&h);

        expect(b, AT("own/none/new"), HELD_MAY_MISS, -ENOENT, NULL);
        assert_int_equal(held_path_open(AT("tree/new"), &b->trees, HELD_MAY_MISS, &h), 0);
        assert_int_equal(h.writer, PATH_WRITER_CONTAINER);
        held_path_done(&h);
        assert_int_equal(held_path_open(AT("tree/out"), &b->trees, HELD_NO_LINK, &h), 0);
        assert_int_equal(fstat(h.fd, &st), 0);
        assert_true(S_ISLNK(st.st_mode));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(trees),
                cmocka_unit_test(writers),
                cmocka_unit_test(mistakes),
                cmocka_unit_test_setup_teardown(followed, bed_setup, bed_teardown),
                cmocka_unit_test_setup_teardown(refused, bed_setup, bed_teardown),
                cmocka_unit_test_setup_teardown(by_mode, bed_setup, bed_teardown),
                cmocka_unit_test_setup_teardown(missing, bed_setup, bed_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
