/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a container may leave with the manager, and what the manager writes down about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "manager/host/sockets/close-apart.h"
#include "manager/host/sockets/descriptor-kind.h"
#include "manager/record/kept-set.h"

static void expect_kind(int fd, bool taken, const char *what) {
        const char *why;

        assert_true(fd >= 0);
        why = descriptor_refuse(fd);
        if (!why != taken)
                fail_msg("%s: %s", what, why ? why : "taken");
        (void)close(fd);
}

static int unlinked(const char *path, int flags) {
        int fd = open(path, flags | O_CREAT | O_EXCL, 0600);

        (void)unlink(path);
        return fd;
}

static void test_kinds(void **state) {
        char directory[] = "/dev/shm/bulwark-kinds-XXXXXX", fake[64], fifo[64];
        int pair[2];

        assert_non_null(mkdtemp(directory));
        (void)snprintf(fake, sizeof(fake), "%s/memfd:x", directory);
        (void)snprintf(fifo, sizeof(fifo), "%s/fifo", directory);
        assert_int_equal(mkfifo(fifo, 0600), 0);
        expect_kind(open(fifo, O_RDWR | O_CLOEXEC), false, "named pipe");
        expect_kind(open(fifo, O_PATH | O_CLOEXEC), false, "path");
        (void)unlink(fifo);
        expect_kind(unlinked(fake, O_RDWR | O_CLOEXEC), false, "file of a tmpfs");
        (void)rmdir(directory);

        assert_int_equal(pipe(pair), 0);
        expect_kind(pair[0], true, "pipe");
        expect_kind(pair[1], true, "pipe");
        expect_kind(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), true, "socket");
        expect_kind(memfd_create("x", MFD_CLOEXEC), true, "memfd");
        expect_kind(eventfd(0, EFD_CLOEXEC), true, "eventfd");
        expect_kind(epoll_create1(EPOLL_CLOEXEC), false, "epoll");
        expect_kind(open("/", O_RDONLY | O_CLOEXEC), false, "directory");
        expect_kind(open("/dev/null", O_RDWR | O_CLOEXEC), false, "device");
        expect_kind(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), false, "namespace");
        assert_non_null(descriptor_refuse(-1));
}

static void test_same(void **state) {
        int a = eventfd(0, EFD_CLOEXEC), b = fcntl(a, F_DUPFD_CLOEXEC, 3), c = eventfd(0, EFD_CLOEXEC);

        assert_int_equal(descriptor_compare(a, b), 0);
        assert_int_not_equal(descriptor_compare(a, c), 0);
        assert_int_equal(descriptor_compare(a, c), -descriptor_compare(c, a));
        (void)close(a);
        (void)close(b);
        (void)close(c);
}

static void test_set_comes_back(void **state) {
        _cleanup_(kept_set_done) KeptSet set = { .flags = 5 }, read = {};
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;

        assert_int_equal(kept_set_add(&set, "state", 0), 0);
        assert_int_equal(kept_set_add(&set, "", 1), 0);
        assert_int_equal(kept_set_encode(&set, (void **)&data, &size), 0);
        assert_int_equal(kept_set_decode(data, size, &read), 0);
        assert_int_equal(read.n, 2);
        assert_int_equal(read.flags, 5);
        assert_string_equal(read.items[0].name, "state");
        assert_string_equal(read.items[1].name, "");
        assert_int_equal(read.items[1].flags, 1);
        for (size_t i = 0; i < size; i++) {
                KeptSet none = {};

                assert_int_equal(kept_set_decode(data, i, &none), -EBADMSG);
                data[i] ^= 1;
                assert_int_equal(kept_set_decode(data, size, &none), -EBADMSG);
                data[i] ^= 1;
        }
}

/* All are closed, and then there is room again. */
static void test_close_apart(void **state) {
        CloseApart *apart = NULL;

        for (int round = 0; round < 20; round++) {
                int pair[2], fds[3] = { -EBADF, -EBADF, -EBADF };
                char byte;

                assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
                fds[1] = pair[1];
                close_apart(&apart, fds, 3);
                assert_int_equal(read(pair[0], &byte, 1), 0);
                (void)close(pair[0]);
        }
        for (int i = 0; close_apart_full(apart) && i < 1000; i++)
                (void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        assert_false(close_apart_full(apart));
        assert_null(close_apart_unref(apart));
        assert_false(close_apart_full(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_kinds),
                cmocka_unit_test(test_same),
                cmocka_unit_test(test_set_comes_back),
                cmocka_unit_test(test_close_apart),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
