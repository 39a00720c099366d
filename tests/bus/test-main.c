/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bulwarkd's main() over the registry in memory: options, directories, locks, notifications, signals. Needs root,
 * because bulwarkd does; without it only what must work for everybody is tried. argv[1] is the program. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"

typedef struct Place {
        const char *program;
        char directory[32], runtime[64], state[64], notify[64];
        char runtime_option[96], state_option[96];
        int notify_fd;
} Place;

/* --- running it */
static pid_t spawn(const Place *p, bool other_user, int output, const char *const *arguments) {
        char **argv = NULL;
        pid_t pid;

        assert_int_equal(strv_extend(&argv, p->program), 0);
        for (; *arguments; arguments++)
                assert_int_equal(strv_extend(&argv, *arguments), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)setenv("NOTIFY_SOCKET", p->notify, true);
                if (output >= 0) {
                        (void)dup2(output, STDOUT_FILENO);
                        (void)dup2(output, STDERR_FILENO);
                }
                if (other_user && (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
                        _exit(99);
                (void)execv(argv[0], argv);
                _exit(98);
        }
        strv_free(argv);
        return pid;
}

static int wait_exit(pid_t pid) {
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

/* Runs to the end; the exit code, and everything it wrote. */
static int run(const Place *p, bool other_user, char text[static 4096], const char *const *arguments) {
        int fds[2];
        size_t n;
        pid_t pid;

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        pid = spawn(p, other_user, fds[1], arguments);
        (void)close(fds[1]);
        assert_int_equal(read_all(fds[0], text, 4095, &n), 0);
        text[n] = '\0';
        (void)close(fds[0]);
        return wait_exit(pid);
}

#define RUN(p, text, ...) run((p), false, (text), (const char *const[]){ __VA_ARGS__, NULL })

static void expect_words(const char *text, const char *words) {
        if (!strstr(text, words))
                fail_msg("'%s' is not in: %s", words, text);
}

/* The next datagram to NOTIFY_SOCKET. */
static void expect_notify(const Place *p, const char *words) {
        char text[256];
        ssize_t n = recv(p->notify_fd, text, sizeof(text) - 1, 0);

        assert_true(n > 0);
        text[n] = '\0';
        expect_words(text, words);
}

static pid_t start(const Place *p, const char *option) {
        pid_t pid = spawn(p, false, -1, (const char *const[]){ p->runtime_option, p->state_option,
                                                               "--log-level=warning", option, NULL });

        expect_notify(p, "READY=1");
        return pid;
}

static int setup(void **state) {
        Place *p = *state;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct timeval patience = { .tv_sec = 20 };

        strcpy(p->directory, "/tmp/bulwark-main-XXXXXX");
        assert_non_null(mkdtemp(p->directory));
        (void)snprintf(p->runtime, sizeof(p->runtime), "%s/a/b/run", p->directory);
        (void)snprintf(p->state, sizeof(p->state), "%s/lib", p->directory);
        (void)snprintf(p->notify, sizeof(p->notify), "%s/notify", p->directory);
        (void)snprintf(p->runtime_option, sizeof(p->runtime_option), "--runtime-directory=%s", p->runtime);
        (void)snprintf(p->state_option, sizeof(p->state_option), "--state-directory=%s", p->state);
        strcpy(address.sun_path, p->notify);
        p->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_true(p->notify_fd >= 0);
        assert_int_equal(bind(p->notify_fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(setsockopt(p->notify_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
        return 0;
}

static int teardown(void **state) {
        Place *p = *state;
        char command[64];

        (void)close(p->notify_fd);
        (void)snprintf(command, sizeof(command), "rm -rf %s", p->directory);
        return system(command);
}

/* --- for everybody */
static void test_help(void **state) {
        static const char *const options[] = { "--standalone", "--unit-path=", "--runtime-directory=",
                                               "--state-directory=", "--cgroup=", "--keeper=", "--log-level=",
                                               "--help", "--version" };
        char text[4096];

        assert_int_equal(RUN(*state, text, "--help"), 0);
        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                expect_words(text, options[i]);
        assert_int_equal(RUN(*state, text, "--version"), 0);
        assert_string_equal(text, "bulwarkd " BULWARK_VERSION "\n");
}

static void test_usage(void **state) {
        static const struct {
                const char *argument, *words;
        } rows[] = {
                { "--nothing", "--help" },
                { "--standalone=yes", "--help" },
                { "--keeper", "--help" },
                { "web", "'web' is not understood" },
                { "--unit-path=/a:b", "'b' is not an absolute path" },
                { "--unit-path=/a:", "'' is not an absolute path" },
                { "--runtime-directory=run", "--runtime-directory=: 'run' is not an absolute path" },
                { "--state-directory=/a/../b", "--state-directory=: '/a/../b' is not an absolute path" },
                { "--keeper=", "--keeper=: '' is not an absolute path" },
                { "--cgroup=../a", "is no path of a cgroup" },
                { "--log-level=loud", "'loud' is no level" },
                { "--state-directory=/run/bulwark", "they must differ" },
        };
        char text[4096];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(RUN(*state, text, rows[i].argument), 2);
                expect_words(text, rows[i].words);
        }
}

static void test_not_root(void **state) {
        const Place *p = *state;
        char text[4096];

        assert_int_equal(run(p, geteuid() == 0, text,
                             (const char *const[]){ p->runtime_option, p->state_option, NULL }), 1);
        expect_words(text, "must be started by root");
        expect_words(text, "bulwark-analyze");
}

/* --- for root */
static void test_life(void **state) {
        const Place *p = *state;
        char text[4096], socket_path[96];
        struct rlimit limit;
        struct stat st;
        pid_t pid = start(p, "--log-level=err");

        /* what it made */
        assert_int_equal(stat(p->runtime, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        assert_int_equal(stat(p->state, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        (void)snprintf(socket_path, sizeof(socket_path), "%s/private", p->runtime);
        assert_int_equal(stat(socket_path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(prlimit(pid, RLIMIT_NOFILE, NULL, &limit), 0);
        assert_true(limit.rlim_cur == limit.rlim_max);

        /* a second one on either directory */
        assert_int_equal(RUN(p, text, p->runtime_option, p->state_option), 1);
        expect_words(text, "Another bulwarkd (process ");
        expect_words(text, "--runtime-directory=");
        assert_int_equal(RUN(p, text, "--runtime-directory=/tmp/bulwark-main-other", p->state_option), 1);
        expect_words(text, "--state-directory=");
        assert_int_equal(unlink("/tmp/bulwark-main-other/lock"), 0);
        assert_int_equal(rmdir("/tmp/bulwark-main-other"), 0);

        assert_int_equal(kill(pid, SIGHUP), 0);
        expect_notify(p, "RELOADING=1");
        expect_notify(p, "READY=1");
        assert_int_equal(kill(pid, SIGTERM), 0);
        expect_notify(p, "STOPPING=1");
        assert_int_equal(wait_exit(pid), 0);
        assert_int_equal(access(socket_path, F_OK), -1);
}

static void test_killed(void **state) {
        const Place *p = *state;
        int status;
        pid_t pid = start(p, "--standalone");

        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        pid = start(p, "--standalone"); /* neither the lock nor the old socket stands in its way */
        assert_int_equal(kill(pid, SIGINT), 0);
        expect_notify(p, "STOPPING=1");
        assert_int_equal(wait_exit(pid), 0);
}

static void test_bad_directories(void **state) {
        const Place *p = *state;
        char text[4096], open_place[64], option[96], linked[64], deep[256];

        (void)snprintf(open_place, sizeof(open_place), "%s/open", p->directory);
        assert_int_equal(mkdir(open_place, 0700), 0);
        assert_int_equal(chmod(open_place, 0777), 0);
        (void)snprintf(option, sizeof(option), "--runtime-directory=%s", open_place);
        assert_int_equal(RUN(p, text, option, p->state_option), 1);
        expect_words(text, "Others may write");
        expect_words(text, "chmod 0700");

        (void)snprintf(linked, sizeof(linked), "%s/link", p->directory);
        assert_int_equal(symlink("/etc", linked), 0);
        (void)snprintf(option, sizeof(option), "--runtime-directory=%s", linked);
        assert_int_equal(RUN(p, text, option, p->state_option), 1);

        assert_int_equal(RUN(p, text, "--runtime-directory=/proc/nothing/x", p->state_option), 1);
        expect_words(text, "--runtime-directory=");

        (void)snprintf(deep, sizeof(deep), "--runtime-directory=%s/%0150d", p->directory, 7);
        assert_int_equal(RUN(p, text, deep, p->state_option), 2);
        expect_words(text, "too long for a socket");
}

int main(int argc, char **argv) {
        struct CMUnitTest everybody[] = {
                cmocka_unit_test(test_help),
                cmocka_unit_test(test_usage),
                cmocka_unit_test(test_not_root),
        }, root[] = {
                cmocka_unit_test_setup_teardown(test_life, setup, teardown),
                cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_bad_directories, setup, teardown),
        };
        Place place = { .program = argc > 1 ? argv[1] : NULL };
        int n_failed;

        if (!place.program)
                return EXIT_FAILURE;
        (void)strcpy(place.runtime_option, "--runtime-directory=/tmp/bulwark-main-none");
        (void)strcpy(place.state_option, "--state-directory=/tmp/bulwark-main-none-either");
        for (size_t i = 0; i < ELEMENTSOF(everybody); i++)
                everybody[i].initial_state = &place;
        for (size_t i = 0; i < ELEMENTSOF(root); i++)
                root[i].initial_state = &place;
        n_failed = cmocka_run_group_tests_name("everybody", everybody, NULL, NULL);
        if (geteuid() == 0)
                n_failed += cmocka_run_group_tests_name("root", root, NULL, NULL);
        return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
