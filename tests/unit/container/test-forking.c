/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "manager/base/io.h"
#include "manager/container/life/forking.h"

static void decisions(void **state) {
        static const struct {
                ForkingFacts facts;
                ForkingMove move;
                int32_t main;
                const char *why; /* in what is waited for; NULL = nothing is said */
        } rows[] = {
                { { .guess = true, .n_children = 1, .child = 3 }, FORKING_WAIT, 0, "has not ended" },
                { { .code = CLD_EXITED, .status = 1, .guess = true, .n_children = 1, .child = 3 }, FORKING_WAIT, 0, "has failed" },
                { { .code = CLD_KILLED, .status = SIGKILL, .n_children = 1 }, FORKING_WAIT, 0, "has failed" },
                { { .code = CLD_KILLED, .status = 0, .n_children = 1 }, FORKING_WAIT, 0, "has failed" },
                { { .code = CLD_EXITED, .status = 1, .ignored = true, .guess = true, .n_children = 1, .child = 3 }, FORKING_ASK, 3,
                  "not answered" },
                { { .code = CLD_EXITED, .guess = true, .n_children = 1, .child = 3 }, FORKING_ASK, 3, "not answered" },
                { { .code = CLD_EXITED, .guess = true, .n_children = 1, .child = 3, .asked = 3 }, FORKING_WAIT, 3, "not answered" },
                { { .code = CLD_EXITED, .guess = true, .n_children = 1, .child = 3, .asked = 3, .answer = 3 }, FORKING_DONE, 3, NULL },
                { { .code = CLD_EXITED, .guess = true, .n_children = 1, .child = 3, .answer = 3 }, FORKING_DONE, 3, NULL },
                /* it was another's answer, or no */
                { { .code = CLD_EXITED, .guess = true, .n_children = 1, .child = 3, .asked = 4, .answer = 4 }, FORKING_ASK, 3, "answer" },
                { { .code = CLD_EXITED, .guess = true, .n_children = 1, .child = 3, .asked = 3, .answer = -3 }, FORKING_ASK, 3, "answer" },
                { { .code = CLD_EXITED, .guess = true, .n_children = 2, .child = 3 }, FORKING_DONE, 0, NULL },
                { { .code = CLD_EXITED, .guess = true }, FORKING_DONE, 0, NULL },
                { { .code = CLD_EXITED, .n_children = 1, .child = 3 }, FORKING_DONE, 0, NULL },
                /* a file, in whose place nothing is guessed */
                { { .code = CLD_EXITED, .has_file = true, .guess = true, .number = -ENOENT, .n_children = 1, .child = 3 }, FORKING_WAIT, 0,
                  "no such file" },
                { { .code = CLD_EXITED, .has_file = true, .number = -ELOOP }, FORKING_WAIT, 0, "link" },
                { { .code = CLD_EXITED, .has_file = true, .number = -ENOTTY }, FORKING_WAIT, 0, "regular" },
                { { .code = CLD_EXITED, .has_file = true, .number = -EINVAL }, FORKING_WAIT, 0, "no number" },
                { { .code = CLD_EXITED, .has_file = true, .number = -EIO }, FORKING_WAIT, 0, "cannot be read" },
                { { .code = CLD_EXITED, .has_file = true, .number = 5, .answer = 5, .n_children = 1, .child = 3 }, FORKING_WAIT, 0,
                  "no process of that number" },
                { { .code = CLD_EXITED, .has_file = true, .number = 5, .number_is_child = true, .n_children = 2, .child = 3 }, FORKING_ASK, 5,
                  "answer" },
                { { .code = CLD_EXITED, .has_file = true, .number = 5, .number_is_child = true, .answer = 5 }, FORKING_DONE, 5, NULL },
                { { .has_file = true, .number = 5, .number_is_child = true, .answer = 5 }, FORKING_WAIT, 0, "has not ended" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *why = NULL;
                int32_t main = -1;

                assert_int_equal(forking_decide(&rows[i].facts, &main, &why), rows[i].move);
                assert_int_equal(main, rows[i].main);
                if (rows[i].why)
                        assert_non_null(strstr(why, rows[i].why));
        }
}

/* --- the file */

typedef struct Root {
        char path[32];
        int fd;
} Root;

static int setup(void **state) {
        Root *root = calloc(1, sizeof(*root));

        assert_non_null(root);
        (void)snprintf(root->path, sizeof(root->path), "/tmp/forking-XXXXXX");
        assert_non_null(mkdtemp(root->path));
        root->fd = open(root->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_true(root->fd >= 0);
        assert_int_equal(mkdirat(root->fd, "run", 0755), 0);
        *state = root;
        return 0;
}

static int teardown(void **state) {
        static const char *const names[] = { "run/pid", "run/link", "run/out", "run/fifo", "run/loop" };
        Root *root = *state;

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                (void)unlinkat(root->fd, names[i], 0);
        (void)unlinkat(root->fd, "run", AT_REMOVEDIR);
        (void)rmdir(root->path);
        (void)close(root->fd);
        free(root);
        return 0;
}

static void put(const Root *root, const char *text, size_t size) {
        int fd = openat(root->fd, "run/pid", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        assert_int_equal(write_all(fd, text, size), 0);
        (void)close(fd);
}

static void numbers(void **state) {
        static const struct {
                const char *text;
                int number;
        } rows[] = {
                { "42", 42 }, { "42\n", 42 }, { " 42 \n", 42 }, { "42\r\n", 42 }, { "42\n43\nrest\n", 42 }, { "2147483647\n", INT32_MAX },
                { "", -EINVAL }, { "\n42\n", -EINVAL }, { "0\n", -EINVAL }, { "-42\n", -EINVAL }, { "+42\n", -EINVAL },
                { "42x\n", -EINVAL }, { "42 43\n", -EINVAL }, { "2147483648\n", -EINVAL }, { "99999999999\n", -EINVAL },
                { "4294967338\n", -EINVAL }, { "0x2a\n", -EINVAL }, { "00000000042\n", -EINVAL },
        };
        const Root *root = *state;
        char *ones = malloc(1 << 20);
        int fd, number;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                put(root, rows[i].text, strlen(rows[i].text));
                assert_int_equal(pid_file_read(root->fd, "/run/pid"), rows[i].number);
        }
        put(root, "42\0\n", 4);
        assert_int_equal(pid_file_read(root->fd, "/run/pid"), -EINVAL);
        assert_non_null(ones);
        memset(ones, ' ', 1 << 20);
        put(root, ones, 1 << 20);
        assert_int_equal(pid_file_read(root->fd, "/run/pid"), -EINVAL);
        free(ones);
        put(root, "42\n", 3);
        assert_int_equal(pid_file_read_apart(root->fd, "/run/pid", &fd), 0);
        assert_int_equal(recv(fd, &number, sizeof(number), 0), sizeof(number));
        assert_int_equal(number, 42);
        (void)close(fd);
}

static void what_is_no_file(void **state) {
        const Root *root = *state;

        assert_int_equal(pid_file_read(root->fd, "/run/pid"), -ENOENT);
        assert_int_equal(pid_file_read(root->fd, "/run"), -ENOTTY);
        put(root, "42\n", 3);
        assert_int_equal(symlinkat("pid", root->fd, "run/link"), 0);
        assert_int_equal(pid_file_read(root->fd, "/run/link"), -ELOOP);
        assert_int_equal(mkfifoat(root->fd, "run/fifo", 0644), 0);
        assert_int_equal(pid_file_read(root->fd, "/run/fifo"), -ENOTTY);
        /* A directory that leads out of the root leads to its own top. */
        assert_int_equal(symlinkat("../../../../..", root->fd, "run/out"), 0);
        assert_int_equal(pid_file_read(root->fd, "/run/out/run/pid"), 42);
        assert_int_equal(pid_file_read(root->fd, "/run/out/etc/passwd"), -ENOENT);
        assert_int_equal(symlinkat("/proc/self/root", root->fd, "run/loop"), 0);
        assert_int_equal(pid_file_read(root->fd, "/run/loop/etc/passwd"), -ENOENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(decisions),
                cmocka_unit_test_setup_teardown(numbers, setup, teardown),
                cmocka_unit_test_setup_teardown(what_is_no_file, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
