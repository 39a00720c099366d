/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What leaves a cache of compiled artefacts, and what stays. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "policies/cache-age.h"
#include "tests/unit/policies/fixture.h"

#define NOW 1000000U
#define BLOCK 65536U

static char where[64];
static int directory = -EBADF;

static int setup(void **state) {
        (void)snprintf(where, sizeof(where), "/tmp/bulwark-cache-XXXXXX");
        assert_non_null(mkdtemp(where));
        directory = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return directory < 0;
}

static int teardown(void **state) {
        DIR *dir = fdopendir(directory);
        struct dirent *e;

        while ((e = readdir(dir)))
                (void)unlinkat(dirfd(dir), e->d_name, e->d_type == DT_DIR ? AT_REMOVEDIR : 0);
        (void)closedir(dir);
        return rmdir(where);
}

static void make(const char *name, time_t used, size_t size) {
        const struct timespec times[2] = { { .tv_sec = used }, { .tv_sec = used } };
        const int fd = openat(directory, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        char *data = calloc(1, size);

        assert_true(fd >= 0);
        memset(data, 'x', size); /* no hole */
        assert_int_equal(write(fd, data, size), (ssize_t)size);
        assert_int_equal(fsync(fd), 0);
        assert_int_equal(futimens(fd, times), 0);
        free(data);
        (void)safe_close(fd);
}

static bool there(const char *name) {
        return faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) >= 0;
}

static void by_age(void **state) {
        const CacheLimits limits = { .unused_seconds = 100, .size = UINT64_MAX };
        size_t removed;

        make("apparmor-old", NOW - 101, 1);
        make("seccomp-old", NOW - 5000, 1);
        make("apparmor-edge", NOW - 100, 1);
        make("apparmor-future", NOW + 5000, 1);
        assert_int_equal(mkdirat(directory, "sub", 0700), 0);
        assert_int_equal(symlinkat("/etc/passwd", directory, "link"), 0);
        assert_int_equal(cache_sweep(directory, &limits, NOW, &removed), 0);
        assert_int_equal(removed, 2);
        assert_false(there("apparmor-old") || there("seccomp-old"));
        assert_true(there("apparmor-edge") && there("apparmor-future") && there("sub") && there("link"));
        assert_int_equal(cache_sweep(directory, &limits, NOW, &removed), 0);
        assert_int_equal(removed, 0);
}

static void by_size(void **state) {
        const CacheLimits limits = { .unused_seconds = NOW, .size = 2 * BLOCK + BLOCK / 2 };
        size_t removed;

        make("a", NOW - 1, BLOCK);
        make("b", NOW - 4, BLOCK);
        make("c", NOW - 2, BLOCK);
        make("d", NOW - 3, BLOCK);
        assert_int_equal(cache_sweep(directory, &limits, NOW, &removed), 0);
        assert_int_equal(removed, 2);
        assert_true(there("a") && there("c"));
}

static void use_keeps(void **state) {
        const CacheLimits limits = { .unused_seconds = 100, .size = UINT64_MAX };
        const uint64_t now = (uint64_t)time(NULL);
        struct stat before, after;
        size_t removed;
        int fd;

        make("used", 5, 1);
        make("unused", 5, 1);
        fd = openat(directory, "used", O_RDONLY | O_CLOEXEC);
        cache_used(fd);
        assert_int_equal(fstat(fd, &before), 0);
        assert_true((uint64_t)before.st_mtim.tv_sec >= now);
        /* Not on every use. */
        make("used", (time_t)now - 1000, 1);
        cache_used(fd);
        assert_int_equal(fstat(fd, &after), 0);
        assert_int_equal(after.st_mtim.tv_sec, now - 1000);
        make("used", (time_t)now, 1);
        assert_int_equal(cache_sweep(directory, &limits, now, &removed), 0);
        assert_int_equal(removed, 1);
        assert_true(there("used"));
        (void)safe_close(fd);
}

static void limits_are_sane(void **state) {
        assert_true(cache_limits.unused_seconds >= 7 * 24 * 3600);
        assert_true(cache_limits.size >= 32U << 20);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(by_age, setup, teardown),
                cmocka_unit_test_setup_teardown(by_size, setup, teardown),
                cmocka_unit_test_setup_teardown(use_keeps, setup, teardown),
                cmocka_unit_test(limits_are_sane),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
