/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "manager/base/string-list.h"
#include "tests/bus/bus-client.h"

/* --- the server */
static int serve(Server *s, int ready) {
        char *unit_path[] = { s->directory, NULL };
        ManagerConfig config = { .unit_path = unit_path, .runtime_directory = s->directory,
                                 .state_directory = (char *)"/var/lib/bulwark", .log.max_priority = LOG_ERR };
        _cleanup_(diag_done) Diag diag = {};
        sigset_t blocked;
        sd_event *event = NULL;
        Manager *manager = NULL;
        Bus *bus = NULL;
        int r;

        (void)sigemptyset(&blocked);
        (void)sigaddset(&blocked, SIGTERM);
        (void)sigaddset(&blocked, SIGCHLD);
        (void)sigprocmask(SIG_BLOCK, &blocked, NULL);
        (void)signal(SIGPIPE, SIG_IGN);

        if (sd_event_new(&event) < 0 || sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL) < 0 ||
            manager_new(&config, event, &diag, &manager) < 0 || bus_new(manager, event, &diag, &bus) < 0 ||
            manager_start(manager, &diag) < 0 || bus_listen_private(bus, &diag) < 0)
                return EXIT_FAILURE;
        if (write(ready, "+", 1) != 1)
                return EXIT_FAILURE;
        (void)close(ready);
        r = sd_event_loop(event);

        bus_close(bus);
        manager_free(manager);
        bus_free(bus);
        sd_event_unref(event);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The loop opens its timers when they are first used and keeps them: what is open after one of everything is the
 * measure for leaks. */
static void warm_up(Server *s) {
        sd_bus *c = client_new(s);
        size_t n = 0;

        must_call(c, "StartContainer", NULL, "ss", "slow@warm-up", "replace");
        await_signal(c, "JobRemoved", NULL);
        must_call(c, "GetContainerProcesses", NULL, "s", "slow@warm-up");
        sd_bus_close_unref(c);
        for (unsigned same = 0; same < 10; same++) {
                s->descriptors = server_descriptors(s);
                if (s->descriptors != n)
                        same = 0;
                n = s->descriptors;
                (void)usleep(10000);
        }
}

int server_start(void **state) {
        Server *s = calloc(1, sizeof(Server));
        int ready[2];
        char c;

        assert_non_null(s);
        strcpy(s->directory, "/tmp/bulwark-bus-XXXXXX");
        assert_non_null(mkdtemp(s->directory));
        (void)snprintf(s->socket, sizeof(s->socket), "%s/" PRIVATE_SOCKET, s->directory);
        assert_int_equal(pipe(ready), 0);
        (void)fflush(NULL);
        s->pid = fork();
        assert_true(s->pid >= 0);
        if (s->pid == 0) {
                int r;

                (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that was killed leaves no server behind */
                (void)close(ready[0]);
                r = serve(s, ready[1]);
                free(s);
                exit(r); /* exit(), not _exit(): the leak checker runs there */
        }
        (void)close(ready[1]);
        assert_int_equal(read(ready[0], &c, 1), 1);
        (void)close(ready[0]);
        warm_up(s);
        *state = s;
        return 0;
}

int server_stop(void **state) {
        Server *s = *state;
        int status;

        assert_int_equal(kill(s->pid, SIGTERM), 0);
        assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0); /* a sanitizer's finding is an exit code */
        assert_int_equal(access(s->socket, F_OK), -1);
        assert_int_equal(rmdir(s->directory), 0);
        free(s);
        return 0;
}

size_t server_descriptors(const Server *s) {
        char path[64];
        size_t n = 0;
        DIR *d;

        (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)s->pid);
        d = opendir(path);
        assert_non_null(d);
        while (readdir(d))
                n++;
        (void)closedir(d);
        return n - 2;
}

/* --- clients */
sd_bus *client_new(const Server *s) {
        char address[96];
        sd_bus *c = NULL;

        (void)snprintf(address, sizeof(address), "unix:path=%s", s->socket);
        assert_true(sd_bus_new(&c) >= 0);
        assert_true(sd_bus_set_address(c, address) >= 0);
        assert_true(sd_bus_negotiate_fds(c, true) >= 0);
        assert_true(sd_bus_start(c) >= 0);
        return c;
}

int socket_connect(const Server *s) {
        union {
                struct sockaddr_un un;
                struct sockaddr sa;
        } address = { .un.sun_family = AF_UNIX };
        int fd;

        strcpy(address.un.sun_path, s->socket);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        if (connect(fd, &address.sa, sizeof(address.un)) < 0) {
                int error = errno;

                (void)close(fd);
                return -error;
        }
        return fd;
}

bool socket_ended(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        char buffer[512];
        ssize_t n;

        do {
                if (poll(&p, 1, 2000) <= 0)
                        return false;
                n = read(fd, buffer, sizeof(buffer));
        } while (n > 0);
        return true;
}

/* --- calls */
static int callv(sd_bus *c, const char *member, sd_bus_error *error, sd_bus_message **ret, const char *types,
                 va_list ap) {
        _cleanup_message_ sd_bus_message *m = NULL;

        assert_true(sd_bus_message_new_method_call(c, &m, NULL, BUS_PATH, BUS_INTERFACE_MANAGER, member) >= 0);
        if (types)
                assert_true(sd_bus_message_appendv(m, types, ap) >= 0);
        return sd_bus_call(c, m, 10 * USEC_PER_SEC, error, ret);
}

void must_call(sd_bus *c, const char *member, sd_bus_message **ret, const char *types, ...) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        va_list ap;
        int r;

        va_start(ap, types);
        r = callv(c, member, &error, &reply, types, ap);
        va_end(ap);
        if (r < 0)
                fail_msg("%s: %s: %s", member, strempty(error.name), strempty(error.message));
        if (ret)
                *ret = TAKE_PTR(reply);
}

void must_fail(sd_bus *c, const char *member, const char *error_name, char **ret_text, const char *types, ...) {
        _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        va_list ap;
        int r;

        va_start(ap, types);
        r = callv(c, member, &error, NULL, types, ap);
        va_end(ap);
        assert_true(r < 0);
        assert_non_null(error.name);
        assert_string_equal(error.name, error_name);
        assert_true(!isempty(error.message));
        if (ret_text)
                *ret_text = strdup(error.message);
}

void await_signal(sd_bus *c, const char *member, sd_bus_message **ret) {
        for (;;) {
                _cleanup_message_ sd_bus_message *m = NULL;
                int r = sd_bus_process(c, &m);

                assert_true(r >= 0);
                if (m && sd_bus_message_is_signal(m, NULL, member)) {
                        if (ret)
                                *ret = TAKE_PTR(m);
                        return;
                }
                if (r == 0)
                        assert_true(sd_bus_wait(c, 5 * USEC_PER_SEC) > 0);
        }
}

char *container_path(const char *name) {
        char *path = NULL;

        assert_true(sd_bus_path_encode(BUS_CONTAINER_PREFIX, name, &path) >= 0);
        return path;
}
