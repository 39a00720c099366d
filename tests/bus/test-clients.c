/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions of exec, and clients that go, stay silent, come in crowds or do not read: the manager serves the next
 * one and keeps nothing of them. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bus/bus-client.h"

typedef struct Session {
        uint32_t id;
        int stdio[3];
} Session;

static void session_done(Session *s) {
        for (size_t i = 0; i < ELEMENTSOF(s->stdio); i++)
                s->stdio[i] = safe_close(s->stdio[i]);
}

static void exec_words(sd_bus *c, char **words, Session *ret) {
        _cleanup_message_ sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

        *ret = (Session){ .stdio = { -EBADF, -EBADF, -EBADF } };
        assert_true(sd_bus_message_new_method_call(c, &m, NULL, BUS_PATH, BUS_INTERFACE_MANAGER, "ExecContainer") >= 0);
        assert_true(sd_bus_message_append(m, "s", "plain") >= 0);
        assert_true(sd_bus_message_append_strv(m, words) >= 0);
        assert_true(sd_bus_message_append(m, "a{sv}", 7, "User", "s", "root", "WorkingDirectory", "s", "/",
                                          "Environment", "as", 1, "A=1", "Terminal", "b", 0, "Shell", "b", 0, "Rows",
                                          "u", 24, "Columns", "u", 80) >= 0);
        if (sd_bus_call(c, m, 0, &error, &reply) < 0)
                fail_msg("ExecContainer: %s", strempty(error.message));
        assert_string_equal(sd_bus_message_get_signature(reply, true), "uah");
        assert_true(sd_bus_message_read(reply, "u", &ret->id) > 0);
        assert_true(sd_bus_message_enter_container(reply, 'a', "h") > 0);
        for (size_t i = 0; i < ELEMENTSOF(ret->stdio); i++) {
                int fd;

                assert_true(sd_bus_message_read(reply, "h", &fd) > 0);
                ret->stdio[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                assert_true(ret->stdio[i] >= 0);
        }
        assert_true(sd_bus_message_at_end(reply, false) > 0);
}

static void expect_ended(sd_bus *c, const Session *s, int want_code, int want_status) {
        _cleanup_message_ sd_bus_message *m = NULL;
        int32_t code, status;
        uint32_t id;

        await_signal(c, "ExecEnded", &m);
        assert_true(sd_bus_message_read(m, "uii", &id, &code, &status) > 0);
        assert_int_equal(id, s->id);
        assert_int_equal(code, want_code);
        assert_int_equal(status, want_status);
}

/* --- exec */
static void test_exec(void **state) {
        char *words[] = { (char *)"sh", (char *)"-c", (char *)"cat; exit 3", NULL };
        _cleanup_client_ sd_bus *c = client_new(*state);
        _cleanup_(session_done) Session s;
        char buffer[16] = "";

        exec_words(c, words, &s);
        assert_int_equal(write(s.stdio[0], "hello", 5), 5);
        assert_int_equal(read(s.stdio[1], buffer, sizeof(buffer)), 5);
        assert_string_equal(buffer, "hello");
        s.stdio[0] = safe_close(s.stdio[0]);
        expect_ended(c, &s, CLD_EXITED, 3);
}

static void test_exec_signal(void **state) {
        char *words[] = { (char *)"sleep", (char *)"1000", NULL };
        _cleanup_client_ sd_bus *c = client_new(*state), *other = client_new(*state);
        _cleanup_(session_done) Session s;

        exec_words(c, words, &s);
        must_fail(other, "KillExec", "org.bulwark1.Error.NotActive", NULL, "ui", s.id, SIGTERM); /* not its own */
        must_fail(c, "KillExec", "org.bulwark1.Error.InvalidArguments", NULL, "ui", s.id, 0);
        must_call(c, "KillExec", NULL, "ui", s.id, SIGTERM);
        expect_ended(c, &s, CLD_KILLED, SIGTERM);
        must_fail(c, "KillExec", "org.bulwark1.Error.NotActive", NULL, "ui", s.id, SIGTERM);

        /* the other client was told nothing of it */
        must_call(other, "ListContainers", NULL, NULL);
        for (;;) {
                _cleanup_message_ sd_bus_message *m = NULL;

                if (sd_bus_process(other, &m) <= 0)
                        break;
                assert_false(m && sd_bus_message_is_signal(m, NULL, "ExecEnded"));
        }
}

static void test_exec_errors(void **state) {
        _cleanup_client_ sd_bus *c = client_new(*state);

        must_fail(c, "ExecContainer", "org.bulwark1.Error.NotActive", NULL, "sasa{sv}", "plain", 1, "refused", 0);
        must_fail(c, "ExecContainer", "org.bulwark1.Error.ExecFailed", NULL, "sasa{sv}", "plain", 1, "fails", 0);
        must_fail(c, "ExecContainer", "org.bulwark1.Error.ExecFailed", NULL, "sasa{sv}", "plain", 1, "fails-at-once", 0);
        must_fail(c, "ExecContainer", "org.bulwark1.Error.NoSuchUnit", NULL, "sasa{sv}", "nothing", 1, "true", 0);
        must_fail(c, "ExecContainer", "org.bulwark1.Error.InvalidArguments", NULL, "sasa{sv}", "plain", 0, 0);
        must_fail(c, "ExecContainer", "org.bulwark1.Error.InvalidArguments", NULL, "sasa{sv}", "plain", 1, "", 0);
        must_fail(c, "ExecContainer", "org.bulwark1.Error.InvalidArguments", NULL, "sasa{sv}", "plain", 1, "true", 1,
                  "Usr", "s", "root");
        must_fail(c, "ExecContainer", "org.bulwark1.Error.InvalidArguments", NULL, "sasa{sv}", "plain", 1, "true", 1,
                  "User", "u", 0);
        must_fail(c, "ExecContainer", "org.bulwark1.Error.InvalidArguments", NULL, "sasa{sv}", "plain", 1, "true", 1,
                  "Rows", "u", 65536);
        must_fail(c, "ExecContainer", "org.bulwark1.Error.InvalidArguments", NULL, "sasa{sv}", "plain", 1, "true", 1,
                  "Environment", "as", 1, "NOVALUE");
}

static void test_exec_limits(void **state) {
        _cleanup_client_ sd_bus *c = client_new(*state);
        _cleanup_message_ sd_bus_message *m = NULL;
        _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *big = malloc(EXEC_MAX_BYTES + 1);

        assert_non_null(big);
        memset(big, 'x', EXEC_MAX_BYTES);
        big[EXEC_MAX_BYTES] = '\0';
        must_fail(c, "ExecContainer", "org.bulwark1.Error.InvalidArguments", NULL, "sasa{sv}", "plain", 1, big, 0);

        assert_true(sd_bus_message_new_method_call(c, &m, NULL, BUS_PATH, BUS_INTERFACE_MANAGER, "ExecContainer") >= 0);
        assert_true(sd_bus_message_append(m, "s", "plain") >= 0);
        assert_true(sd_bus_message_open_container(m, 'a', "s") >= 0);
        for (unsigned i = 0; i <= EXEC_MAX_WORDS; i++)
                assert_true(sd_bus_message_append(m, "s", "x") >= 0);
        assert_true(sd_bus_message_close_container(m) >= 0);
        assert_true(sd_bus_message_append(m, "a{sv}", 0) >= 0);
        assert_true(sd_bus_call(c, m, 0, &error, NULL) < 0);
        assert_string_equal(error.name, "org.bulwark1.Error.InvalidArguments");
}

/* --- clients that go */
static void test_exec_client_gone(void **state) {
        char *words[] = { (char *)"sleep", (char *)"1000", NULL };
        sd_bus *c = client_new(*state);
        _cleanup_(session_done) Session s;

        exec_words(c, words, &s);
        sd_bus_close_unref(c);
        assert_true(socket_ended(s.stdio[1])); /* the process was killed, its pipes are closed */
}

static void send_call(sd_bus *c, const char *member, const char *types, ...) {
        _cleanup_message_ sd_bus_message *m = NULL;
        uint64_t cookie; /* asking for it says that a reply is expected */
        va_list ap;

        assert_true(sd_bus_message_new_method_call(c, &m, NULL, BUS_PATH, BUS_INTERFACE_MANAGER, member) >= 0);
        va_start(ap, types);
        assert_true(sd_bus_message_appendv(m, types, ap) >= 0);
        va_end(ap);
        assert_true(sd_bus_send(c, m, &cookie) >= 0);
        assert_true(sd_bus_flush(c) >= 0);
}

static void settle(const Server *s, size_t descriptors) {
        for (unsigned i = 0; i < 200 && server_descriptors(s) != descriptors; i++)
                (void)usleep(10000);
        assert_int_equal(server_descriptors(s), descriptors);
}

static void expect_no_children(const Server *s) {
        char path[64], text[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)s->pid, (int)s->pid);
        for (unsigned i = 0; i < 200; i++) {
                FILE *f = fopen(path, "re");
                bool none;

                if (!f)
                        return; /* a kernel that does not tell */
                none = !fgets(text, sizeof(text), f);
                (void)fclose(f);
                if (none)
                        return;
                (void)usleep(10000);
        }
        fail_msg("children are left: %s", text);
}

static void test_wait_client_gone(void **state) {
        _cleanup_client_ sd_bus *c = client_new(*state);

        must_call(c, "StartContainer", NULL, "ss", "any@gone-wait", "replace");
        await_signal(c, "JobRemoved", NULL);
        for (unsigned i = 0; i < 20; i++) {
                _cleanup_client_ sd_bus *waiting = client_new(*state);

                send_call(waiting, "WaitContainer", "s", "any@gone-wait");
                send_call(waiting, "WaitContainer", "s", "any@gone-wait");
        }
        must_call(c, "KillContainer", NULL, "ssi", "any@gone-wait", "all", SIGKILL); /* answers no dead client */
        must_call(c, "WaitContainer", NULL, "s", "any@gone-wait");
}

static void test_nothing_kept(void **state) {
        _cleanup_client_ sd_bus *c = client_new(*state);
        size_t before;

        must_call(c, "StartContainer", NULL, "ss", "any@kept", "replace");
        await_signal(c, "JobRemoved", NULL);
        before = ((const Server *)*state)->descriptors + 1;
        settle(*state, before);
        for (unsigned i = 0; i < 200; i++) {
                _cleanup_client_ sd_bus *gone = client_new(*state);

                switch (i % 6) { /* between any two steps of what a client can do */
                case 0:
                        break;
                case 1:
                        must_call(gone, "ListContainers", NULL, NULL);
                        break;
                case 2:
                        send_call(gone, "WaitContainer", "s", "any@kept");
                        break;
                case 3:
                        send_call(gone, "ExecContainer", "sasa{sv}", "plain", 2, "sleep", "1000", 0);
                        break;
                case 4:
                        send_call(gone, "ExecContainer", "sasa{sv}", "plain", 1, "fails", 0);
                        break;
                case 5:
                        send_call(gone, "GetContainerProcesses", "s", "any@kept");
                        break;
                }
        }
        settle(*state, before);
        expect_no_children(*state);
}

static void test_wait_limit(void **state) {
        _cleanup_client_ sd_bus *c = client_new(*state), *greedy = client_new(*state);

        must_call(c, "StartContainer", NULL, "ss", "any@limit", "replace");
        await_signal(c, "JobRemoved", NULL);
        for (unsigned i = 0; i < BUS_MAX_DELAYED; i++)
                send_call(greedy, "WaitContainer", "s", "any@limit");
        must_fail(greedy, "WaitContainer", "org.bulwark1.Error.Busy", NULL, "s", "any@limit");
        must_fail(greedy, "ExecContainer", "org.bulwark1.Error.Busy", NULL, "sasa{sv}", "plain", 1, "true", 0);
        must_call(c, "KillContainer", NULL, "ssi", "any@limit", "all", SIGKILL);
        must_call(greedy, "WaitContainer", NULL, "s", "any@limit");
}

/* --- clients that misbehave */
static void test_garbage(void **state) {
#define TEXT(t) { t, sizeof(t) - 1 } /* with the NUL that D-Bus begins with */
        static const struct {
                const char *bytes;
                size_t size;
        } texts[] = {
                TEXT("GET / HTTP/1.0\r\n\r\n"),
                TEXT("\0AUTH ANONYMOUS 00\r\nBEGIN\r\n"),
                TEXT("\0AUTH EXTERNAL 31323334\r\nBEGIN\r\n"), /* says uid 1234 */
        };
#undef TEXT

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_client_ sd_bus *c = NULL;
                _cleanup_close_ int fd = socket_connect(*state);

                assert_true(fd >= 0);
                assert_int_equal(write(fd, texts[i].bytes, texts[i].size), (ssize_t)texts[i].size);
                (void)shutdown(fd, SHUT_WR);
                assert_true(socket_ended(fd));
                c = client_new(*state);
                must_call(c, "ListContainers", NULL, NULL);
        }
}

static void test_broken_messages(void **state) {
        static const char hello[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
        unsigned char noise[256];

        for (unsigned seed = 1; seed <= 50; seed++) {
                _cleanup_close_ int fd = socket_connect(*state);

                assert_true(fd >= 0);
                assert_true(write(fd, hello, sizeof(hello) - 1) > 0);
                for (size_t i = 0; i < sizeof(noise); i++)
                        noise[i] = (unsigned char)((seed * 2654435761u + i * i * 40503u) >> 7);
                noise[0] = 'l'; /* little endian, a method call, version 1: then whatever comes */
                noise[1] = 1;
                noise[3] = 1;
                (void)!write(fd, noise, sizeof(noise));
                (void)shutdown(fd, SHUT_WR);
                assert_true(socket_ended(fd));
        }
}

static void test_crowd(void **state) {
        _cleanup_close_ int late = -EBADF;
        int fds[BUS_MAX_CONNECTIONS];
        size_t before = ((const Server *)*state)->descriptors;

        settle(*state, before);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                fds[i] = socket_connect(*state);
                assert_true(fds[i] >= 0);
        }
        late = socket_connect(*state);
        assert_true(late >= 0);
        assert_true(socket_ended(late)); /* closed at once, not left hanging */
        settle(*state, before + ELEMENTSOF(fds));

        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                (void)close(fds[i]);
        settle(*state, before);
        {
                _cleanup_client_ sd_bus *c = client_new(*state);

                must_call(c, "ListContainers", NULL, NULL);
        }
}

static uint64_t cpu_time(pid_t pid) {
        struct timespec t;
        clockid_t clock;

        assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
        assert_int_equal(clock_gettime(clock, &t), 0);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / NSEC_PER_USEC;
}

/* The limit is on the number of a descriptor: the smallest one that leaves n free numbers below it. */
static rlim_t limit_leaving(const Server *s, unsigned n) {
        rlim_t limit = 0;

        for (unsigned n_free = 0; n_free < n; limit++) {
                char path[64];

                (void)snprintf(path, sizeof(path), "/proc/%d/fd/%u", (int)s->pid, (unsigned)limit);
                n_free += access(path, F_OK) < 0 && errno == ENOENT ? 1 : 0; /* a link to a socket "exists" */
        }
        return limit;
}

static void test_no_descriptors(void **state) {
        const Server *s = *state;
        struct rlimit saved, tight;
        int fds[8];
        uint64_t cpu;
        size_t n_ended = 0;
        _cleanup_client_ sd_bus *c = client_new(s);

        must_call(c, "ListContainers", NULL, NULL);
        settle(s, s->descriptors + 1);
        assert_int_equal(prlimit(s->pid, RLIMIT_NOFILE, NULL, &saved), 0);
        tight = saved;
        tight.rlim_cur = limit_leaving(s, 3);
        assert_int_equal(prlimit(s->pid, RLIMIT_NOFILE, &tight, NULL), 0);

        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                fds[i] = socket_connect(s);
                assert_true(fds[i] >= 0);
        }
        (void)usleep(50000);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                struct pollfd p = { .fd = fds[i], .events = POLLIN };

                n_ended += poll(&p, 1, 0) == 1 ? 1 : 0;
        }
        assert_true(n_ended >= ELEMENTSOF(fds) - 3); /* refused, not hanging */
        cpu = cpu_time(s->pid);
        (void)usleep(300000);
        assert_true(cpu_time(s->pid) - cpu < 100000); /* nor does the loop spin */
        must_call(c, "ListContainers", NULL, NULL); /* and who is in is served */

        assert_int_equal(prlimit(s->pid, RLIMIT_NOFILE, &saved, NULL), 0);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                (void)close(fds[i]);
        {
                _cleanup_client_ sd_bus *again = client_new(s);

                must_call(again, "ListContainers", NULL, NULL);
        }
}

/* Sends and never reads: it is dropped before its answers eat the manager's memory. */
static void test_no_reader(void **state) {
        _cleanup_client_ sd_bus *c = client_new(*state), *other = client_new(*state);
        bool dropped = false;

        must_call(c, "ListContainers", NULL, NULL);
        for (unsigned i = 0; i < 100000 && !dropped; i++) {
                _cleanup_message_ sd_bus_message *m = NULL;
                uint64_t cookie;

                assert_true(sd_bus_message_new_method_call(c, &m, NULL, BUS_PATH, BUS_INTERFACE_MANAGER,
                                                           "ListContainers") >= 0);
                dropped = sd_bus_send(c, m, &cookie) < 0 || sd_bus_flush(c) < 0;
        }
        assert_true(dropped);
        must_call(other, "ListContainers", NULL, NULL);
}

/* The mode of the socket keeps others out; should it ever be wrong, the peer's uid does. */
static void test_other_user(void **state) {
        const Server *s = *state;
        int status;
        pid_t pid;

        if (geteuid() != 0)
                skip();
        assert_int_equal(chmod(s->directory, 0755), 0);
        assert_int_equal(chmod(s->socket, 0666), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                int fd;

                if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
                        _exit(2);
                fd = socket_connect(s);
                _exit(fd >= 0 && socket_ended(fd) ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(chmod(s->socket, 0600), 0);
        assert_int_equal(chmod(s->directory, 0700), 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_socket_mode(void **state) {
        const Server *s = *state;
        struct stat st;

        assert_int_equal(stat(s->socket, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_socket_mode),      cmocka_unit_test(test_exec),
                cmocka_unit_test(test_exec_signal),      cmocka_unit_test(test_exec_errors),
                cmocka_unit_test(test_exec_limits),      cmocka_unit_test(test_exec_client_gone),
                cmocka_unit_test(test_wait_client_gone), cmocka_unit_test(test_nothing_kept),
                cmocka_unit_test(test_wait_limit),       cmocka_unit_test(test_garbage),
                cmocka_unit_test(test_broken_messages),  cmocka_unit_test(test_crowd),
                cmocka_unit_test(test_no_descriptors),   cmocka_unit_test(test_no_reader),
                cmocka_unit_test(test_other_user),
        };

        (void)signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, server_start, server_stop);
}
