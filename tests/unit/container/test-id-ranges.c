/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "manager/base/io.h"
#include "manager/plan/plan.h"
#include "manager/host/trees/directories.h"
#include "manager/host/ids/id-ranges.h"

static void a_name_keeps_its_range(void **state) {
        _cleanup_(id_ranges_done) IdRanges r = {};
        uint32_t first, second;
        bool is_new;

        assert_int_equal(id_ranges_get(&r, "web", &first, &is_new), 0);
        assert_true(is_new);
        assert_int_equal(first, id_range_candidate("web", 0));
        assert_int_equal(id_ranges_get(&r, "web", &second, &is_new), 0);
        assert_false(is_new);
        assert_int_equal(first, second);
}

static void a_dropped_range_is_free(void **state) {
        _cleanup_(id_ranges_done) IdRanges r = {};
        uint32_t first, second;
        bool is_new, dropped;

        assert_int_equal(id_ranges_get(&r, "web", &first, &is_new), 0);
        assert_int_equal(id_ranges_get(&r, "mail", &second, &is_new), 0);
        id_ranges_drop(&r, "web", &dropped);
        assert_true(dropped);
        id_ranges_drop(&r, "web", &dropped);
        assert_false(dropped);
        assert_int_equal(r.n, 1);
        assert_string_equal(r.items[0].name, "mail");
        assert_int_equal(id_ranges_take(&r, "other", first), 0);
}

static void no_range_is_given_twice(void **state) {
        _cleanup_(id_ranges_done) IdRanges r = {};

        for (unsigned i = 0; i < 3000; i++) {
                char name[16];
                uint32_t base;
                bool is_new;

                (void)snprintf(name, sizeof(name), "c%u", i);
                assert_int_equal(id_ranges_get(&r, name, &base, &is_new), 0);
                assert_int_equal(base % ID_RANGE_COUNT, 0);
                assert_in_range(base, 0x80000, 0x6FFF0000);
                for (size_t k = 0; k + 1 < r.n; k++)
                        assert_int_not_equal(r.items[k].base, base);
        }
}

/* Where the first candidate is taken by another name, the next one is tried. */
static void a_taken_candidate_is_passed_over(void **state) {
        _cleanup_(id_ranges_done) IdRanges r = {};
        uint32_t base;
        bool is_new;

        assert_int_equal(id_ranges_take(&r, "other", id_range_candidate("web", 0)), 0);
        assert_int_equal(id_ranges_take(&r, "other", id_range_candidate("web", 0)), 0);
        assert_int_equal(id_ranges_take(&r, "third", id_range_candidate("web", 0)), -EEXIST);
        assert_int_equal(id_ranges_get(&r, "web", &base, &is_new), 0);
        assert_int_equal(base, id_range_candidate("web", 1));
}

static void codec_and_damage(void **state) {
        _cleanup_(id_ranges_done) IdRanges r = {}, back = {};
        _cleanup_free_ void *data = NULL;
        uint32_t base;
        size_t size;
        bool is_new;

        assert_int_equal(id_ranges_get(&r, "web", &base, &is_new), 0);
        assert_int_equal(id_ranges_get(&r, "db@1", &base, &is_new), 0);
        assert_int_equal(id_ranges_encode(&r, &data, &size), 0);
        assert_int_equal(id_ranges_decode(data, size, &back), 0);
        assert_int_equal(back.n, 2);
        assert_string_equal(back.items[1].name, "db@1");
        assert_int_equal(back.items[1].base, base);
        for (size_t i = 0; i < size; i++) {
                IdRanges bad = {};

                ((uint8_t *)data)[i] ^= 1U << (i % 8);
                assert_int_equal(id_ranges_decode(data, size, &bad), -EBADMSG);
                ((uint8_t *)data)[i] ^= 1U << (i % 8);
                assert_int_equal(id_ranges_decode(data, i, &bad), -EBADMSG);
        }
}

static void on_disk(void **state) {
        char directory[] = "/tmp/bulwark-ids-XXXXXX", path[64];
        _cleanup_(id_ranges_done) IdRanges r = {}, back = {}, none = {}, bad = {};
        _cleanup_close_ int fd = -EBADF, inner = -EBADF;
        _cleanup_(diag_done) Diag diag = {};
        struct stat st;
        uint32_t base;
        bool is_new;

        assert_non_null(mkdtemp(directory));
        (void)snprintf(path, sizeof(path), "%s/a/b", directory);
        assert_int_equal(directory_open_private(path, NULL, &fd), 0);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        assert_int_equal(id_ranges_load(fd, "ids", &diag, &none), 0);
        assert_int_equal(none.n, 0);
        assert_int_equal(id_ranges_get(&r, "web", &base, &is_new), 0);
        assert_int_equal(id_ranges_save(&r, fd, "ids"), 0);
        assert_int_equal(id_ranges_load(fd, "ids", &diag, &back), 0);
        assert_int_equal(back.n, 1);
        assert_int_equal(diag.n_entries, 0);
        /* A damaged file is set aside with a word, not believed and not deleted. */
        assert_int_equal(write_file_atomic(fd, "ids", "rubbish, but long enough", 24, 0600), 0);
        assert_int_equal(id_ranges_load(fd, "ids", &diag, &bad), 0);
        assert_int_equal(bad.n, 0);
        assert_int_equal(diag.n_entries, 1);
        assert_int_equal(fstatat(fd, "ids.bad", &st, 0), 0);
        assert_int_equal(fstatat(fd, "ids", &st, 0), -1);
        /* A link in the place of a directory of ours. */
        assert_int_equal(symlinkat("/tmp", fd, "link"), 0);
        assert_int_equal(directory_open_private_at(fd, "link", &inner), -ENOTDIR);

        assert_int_equal(unlinkat(fd, "ids.bad", 0), 0);
        assert_int_equal(unlinkat(fd, "link", 0), 0);
        assert_int_equal(rmdir(path), 0);
        (void)snprintf(path, sizeof(path), "%s/a", directory);
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(rmdir(directory), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_name_keeps_its_range),
                cmocka_unit_test(no_range_is_given_twice),
                cmocka_unit_test(a_dropped_range_is_free),
                cmocka_unit_test(a_taken_candidate_is_passed_over),
                cmocka_unit_test(codec_and_damage),
                cmocka_unit_test(on_disk),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
