/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "manager/base/io.h"
#include "manager/keeper/keeper.h"

static int fail(const char *what, int error) {
        (void)fprintf(stderr, "bulwark-keeper: %s: %s\n", what, strerror(-error));
        return EXIT_FAILURE;
}

int keeper_watch(Keeper *k, int fd, void *what) {
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = what };

        return epoll_ctl(k->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

/* What a container can see as /proc/PID/exe is a sealed copy in memory, never the host's file. CVE-2019-5736. */
static int run_from_memory(char **argv) {
        const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
        _cleanup_close_ int self = -EBADF, copy = -EBADF;
        char *const environment[] = { NULL };
        int found, r;

        self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        if (self < 0)
                return -errno;
        found = fcntl(self, F_GET_SEALS);
        if (found >= 0 && FLAGS_SET(found, seals))
                return 0; /* already there */
        r = memfd_program(KEEPER_SEALED_NAME, self, 0500, &copy);
        if (r < 0)
                return r;
        (void)fexecve(copy, argv, environment);
        return -errno;
}

static int socket_listen(const char *path, int *ret, int *ret_directory) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char *slash;
        _cleanup_close_ int fd = -EBADF;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path));
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        /* Another keeper answers, or is too busy to (EAGAIN): two would fight over the containers. */
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) >= 0)
                return -EADDRINUSE;
        if (errno != ENOENT && errno != ECONNREFUSED)
                return errno == EAGAIN ? -EADDRINUSE : -errno;
        (void)unlink(path);
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, KEEPER_MAX_CONNECTIONS) < 0)
                return -errno;
        slash = strrchr(address.sun_path, '/');
        if (slash)
                slash[slash == address.sun_path] = 0;
        *ret_directory = open(slash ? address.sun_path : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (*ret_directory < 0)
                return -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

static void socket_remove(const Keeper *k) {
        const char *slash = strrchr(k->socket_path, '/');

        (void)unlinkat(k->socket_directory_fd, slash ? slash + 1 : k->socket_path, 0);
}

/* A descriptor that can be had again without a path. */
static int reserve_new(void) {
        int fd = eventfd(0, EFD_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

/* A descriptor of ours among the standard ones would be handed to every stage. */
static int hold_standard_streams(void) {
        int fd;

        do
                fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        while (fd >= 0 && fd <= STDERR_FILENO);
        if (fd < 0)
                return -errno;
        (void)close(fd);
        return 0;
}

static void reset_process(void) {
        struct rlimit files, none = {};

        for (int i = 1; i <= SIGRTMAX; i++)
                (void)signal(i, SIG_DFL);
        (void)signal(SIGPIPE, SIG_IGN);
        (void)umask(077);
        /* No core of the keeper, of outer or of inner is ever written: they hold descriptors of the host. */
        if (getrlimit(RLIMIT_CORE, &none) == 0) {
                none.rlim_cur = 0;
                (void)setrlimit(RLIMIT_CORE, &none);
        }
        if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
                files.rlim_cur = files.rlim_max;
                (void)setrlimit(RLIMIT_NOFILE, &files);
        }
}

static int loop_setup(Keeper *k) {
        sigset_t mask;

        reset_process();
        /* Not even a process with all capabilities of its own user namespace may look into the stage. */
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NAME, "bulwark-keeper") < 0)
                return -errno;
        /* An exit must never find nobody to reap it: containers' orphans outside a pid namespace come here too. */
        if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
                return -errno;

        sigemptyset(&mask);
        sigaddset(&mask, SIGCHLD);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGINT);
        sigaddset(&mask, SIGHUP);
        if (sigprocmask(SIG_SETMASK, &mask, NULL) < 0)
                return -errno;
        k->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        k->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (k->signal_fd < 0 || k->epoll_fd < 0)
                return -errno;
        k->reserve_fd = reserve_new();
        if (k->reserve_fd < 0)
                return k->reserve_fd;
        return keeper_watch(k, k->signal_fd, &k->signal_fd);
}

static int begin(Keeper *k) {
        int r = loop_setup(k);

        if (r < 0)
                return fail("cannot start", r);
        /* A procfs of our own: nobody can mount anything below it. */
        r = keeper_file_system("proc", 0, &k->proc_fd);
        if (r >= 0)
                r = socket_listen(k->socket_path, &k->listen_fd, &k->socket_directory_fd);
        if (r >= 0)
                r = keeper_watch(k, k->listen_fd, &k->listen_fd);
        if (r < 0)
                return fail("cannot start", r);
        r = keeper_own_mounts(k);
        if (r < 0) {
                socket_remove(k);
                return fail("cannot make a mount namespace without the host's mounts", r);
        }
        return EXIT_SUCCESS;
}

int keeper_unwatch(Keeper *k, int fd) {
        if (fd >= 0)
                (void)epoll_ctl(k->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return safe_close(fd);
}

/* Without a free descriptor the connection would stay in the queue and wake the loop for ever: the reserve takes
 * it, and it is closed. */
static void accept_refuse(Keeper *k) {
        if (errno != EMFILE && errno != ENFILE)
                return;
        k->reserve_fd = safe_close(k->reserve_fd);
        (void)safe_close(accept4(k->listen_fd, NULL, NULL, SOCK_CLOEXEC));
        k->reserve_fd = reserve_new();
        if (k->reserve_fd < 0) /* the whole host has none left, another process was quicker: look again later */
                (void)nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
}

static void accept_connection(Keeper *k) {
        struct ucred peer = { .uid = (uid_t)-1 };
        socklen_t size = sizeof(peer);
        _cleanup_close_ int fd = -EBADF;

        fd = accept4(k->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
                accept_refuse(k);
                return;
        }
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != geteuid())
                return;
        for (size_t i = 0; i < KEEPER_MAX_CONNECTIONS; i++) {
                Connection *c = k->connections + i;

                if (c->fd >= 0)
                        continue;
                if (keeper_watch(k, fd, c) >= 0)
                        c->fd = TAKE_FD(fd);
                return;
        }
}

static void reap_one(Keeper *k, pid_t pid) {
        siginfo_t si = {};
        Record *r;

        for (r = k->first; r; r = r->next) {
                record_learn_inner(r);
                if ((r->outer_alive && r->outer == pid) || (r->inner_alive && r->inner == pid))
                        break;
        }
        /* While it is a zombie it still has a pidfd; the manager is owed one even for the shortest life. */
        if (r && pid == r->inner && r->pidfd < 0)
                (void)record_open_pidfd(r);
        /* An outer that builds on waits for ever for an inner that has gone; and once inner is reaped, its number may
         * mean somebody else, so outer ends first. One that is done is not hurt. */
        if (r && pid == r->inner && r->state == KEEPER_LAUNCHING && r->outer_alive)
                (void)kill(r->outer, SIGKILL);
        if (r && pid == r->inner && r->state == KEEPER_RUNNING && !r->join)
                keeper_at(k, KEEPER_AT_END_SEEN);
        if (waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG) < 0 || !r)
                return;
        if (r->inner_alive && pid == r->inner) {
                if (r->state == KEEPER_RUNNING && !r->join)
                        keeper_at(k, KEEPER_AT_REAPED);
                r->inner_alive = false;
                r->exit_code = si.si_code;
                r->exit_status = si.si_status;
        } else {
                r->outer_alive = false;
                /* An outer that failed, or was killed, leaves inner waiting for ever. */
                if (r->state == KEEPER_LAUNCHING && (si.si_code != CLD_EXITED || si.si_status != 0))
                        record_kill(r);
        }
        launch_settle(k, r);
}

static void reap_all(Keeper *k) {
        for (;;) {
                siginfo_t si = {};

                if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 || si.si_pid == 0)
                        return;
                reap_one(k, si.si_pid);
        }
}

static void read_signals(Keeper *k) {
        struct signalfd_siginfo si;

        while (read(k->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
                if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT)
                        stop_all(k, true);
        reap_all(k);
}

static void handle(Keeper *k, void *what) {
        if (what == &k->listen_fd)
                accept_connection(k);
        else if (what == &k->signal_fd)
                read_signals(k);
        else if ((char *)what >= (char *)k->connections &&
                 (char *)what < (char *)(k->connections + KEEPER_MAX_CONNECTIONS))
                connection_ready(k, what);
        else
                launch_status(k, what);
}

/* One event at a time: handling one may free what another one points to. */
static int keeper_run(Keeper *k) {
        while (stop_continue(k) || !k->exit_at_end) {
                struct epoll_event e;
                int n = epoll_wait(k->epoll_fd, &e, 1, stop_wait_msec(k));

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        handle(k, e.data.ptr);
        }
        return 0;
}

/* In the place of another version of us. What ended meanwhile has sent its signal to that one. */
static int go_on(Keeper *k, int state_fd) {
        int r = loop_setup(k);

        if (r >= 0)
                r = keeper_take_over(k, state_fd);
        if (r < 0)
                return fail("cannot take over from the keeper that I was", r);
        reap_all(k);
        return EXIT_SUCCESS;
}

static int descriptor_of(const char *text) {
        char *end = NULL;
        long n = strtol(text, &end, 10);

        return end == text || *end || n <= STDERR_FILENO || n > INT32_MAX ? -EBADF : (int)n;
}

int main(int argc, char **argv) {
        static const struct option options[] = {
                { "socket", required_argument, NULL, 's' },
                { "version", no_argument, NULL, 'v' },
                { "take-over", required_argument, NULL, 't' }, /* these two a keeper says to its successor */
                { "check", required_argument, NULL, 'c' },
                {},
        };
        Keeper k;
        int state_fd = -EBADF, o, r;

        keeper_empty(&k);
        while ((o = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (o) {
                case 's':
                        k.socket_path = optarg;
                        break;
                case 'v':
                        (void)printf("bulwark-keeper %s\n", BULWARK_VERSION);
                        return EXIT_SUCCESS;
                case 't':
                        state_fd = descriptor_of(optarg);
                        break;
                case 'c':
                        return keeper_check(descriptor_of(optarg)) >= 0 ? KEEPER_CHECKED : EXIT_FAILURE;
                default:
                        return 2;
                }
        if (!k.socket_path || optind < argc) {
                (void)fprintf(stderr, "Usage: bulwark-keeper --socket=PATH\n");
                return 2;
        }
        /* A successor was started so, finds no file system, and learns from its state what is its own. */
        r = state_fd >= 0 ? 0 : close_all_but(NULL, 0);
        if (r >= 0 && state_fd < 0)
                r = hold_standard_streams();
        if (r >= 0 && state_fd < 0)
                r = run_from_memory(argv);
        if (r < 0)
                return fail("cannot run from a sealed copy in memory", r);
        k.command_line = argv[0];
        k.command_line_size = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) - argv[0]);
        r = state_fd >= 0 ? go_on(&k, state_fd) : begin(&k);
        if (r != EXIT_SUCCESS)
                return r;
        r = keeper_run(&k);
        socket_remove(&k);
        return r < 0 ? fail("event loop", r) : EXIT_SUCCESS;
}
