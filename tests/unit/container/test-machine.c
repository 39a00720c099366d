/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "manager/base/io.h"
#include "manager/host/machine/machine.h"

static void names(void **state) {
        static const char *const good[] = { "web", "web-1", "a.b-c.d", "A", "9" };
        static const char *const bad[] = { "", "-web", "web-", "web.", ".web", "a..b", "a.-b", "a-.b", "web_1", "web@blue", "w\xc3\xa9",
                                           "0123456789012345678901234567890123456789012345678901234567890123x" };
        char *unit = NULL;

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(machine_name_valid(good[i]));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(machine_name_valid(bad[i]));
        assert_int_equal(machine_unit_name("web", &unit), 0);
        assert_non_null(startswith(unit, "bulwark-web-"));
        assert_non_null(endswith(unit, ".scope"));
        assert_int_equal(strlen(unit), strlen("bulwark-web-01234567.scope"));
        free(unit);
}

static void roots(void **state) {
        static const char *const none[] = { "/system.slice/bulwark-keeper.service/containers/web", "/machine.slice/x.scope",
                                            "/containers/web/machine.slice/x.scope", "/x.scope/containers/web/machine.slice/y", "" };
        char *root = NULL;

        assert_int_equal(machine_root_of_path("/sys/fs/cgroup/machine.slice/bulwark-web-1.scope/containers/web/payload", &root), 0);
        assert_string_equal(root, "/machine.slice/bulwark-web-1.scope");
        free(root);
        assert_int_equal(machine_root_of_path("/machine.slice/bulwark-web-1.scope/containers/web/payload (deleted)", &root), 0);
        assert_string_equal(root, "/machine.slice/bulwark-web-1.scope");
        free(root);
        for (size_t i = 0; i < ELEMENTSOF(none); i++)
                assert_int_equal(machine_root_of_path(none[i], &root), -ENODATA);
}

static bool ends_within(int pidfd, int msec) {
        struct pollfd p = { .fd = pidfd, .events = POLLIN };

        return poll(&p, 1, msec) > 0;
}

/* It ends with its socket; given a leader, a moment after that one. */
static void anchors(void **state) {
        int fd, pidfd, leader_fd;
        pid_t pid, leader;

        assert_int_equal(anchor_start(&fd, &pid), 0);
        assert_int_equal(pidfd_open_checked(pid, &pidfd), 0);
        assert_false(ends_within(pidfd, 50));
        (void)close(fd);
        assert_true(ends_within(pidfd, 10000));
        (void)close(pidfd);

        leader = fork();
        assert_true(leader >= 0);
        if (leader == 0) {
                (void)pause();
                _exit(0);
        }
        assert_int_equal(pidfd_open_checked(leader, &leader_fd), 0);
        assert_int_equal(anchor_start(&fd, &pid), 0);
        assert_int_equal(pidfd_open_checked(pid, &pidfd), 0);
        assert_int_equal(anchor_hold(fd, leader_fd), 0);
        (void)close(leader_fd);
        assert_false(ends_within(pidfd, 50));
        (void)kill(leader, SIGKILL);
        assert_int_equal(waitpid(leader, NULL, 0), leader);
        assert_false(ends_within(pidfd, 1000));
        assert_true(ends_within(pidfd, 10000));
        (void)close(pidfd);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names),
                cmocka_unit_test(roots),
                cmocka_unit_test(anchors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
