/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keeper becomes another program, a newer version of itself: same process, so the same children. What it holds goes
 * over as numbers of descriptors that stay open, and their meaning in a memfd. Launches under way do not notice: they meet
 * the keeper in a page of shared memory and on a pipe, and both go over. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "manager/base/io.h"
#include "manager/keeper/state.h"

#define PROGRAM_MAX (64 << 20)
#define STATE_MAX (256 << 20)
#define CHECK_MSEC 5000 /* for the new program to say whether it understands the state */
#define CHECK_STACK 65536
#define COPIED 65536

static char *const environment[] = { NULL };

/* --- the old program */

static int is_our_own(const Keeper *k, int program_fd, bool *ret) {
        _cleanup_close_ int self = openat(k->proc_fd, "self/exe", O_RDONLY | O_CLOEXEC);
        static char ours[COPIED], theirs[COPIED];
        struct stat a, b;

        *ret = false;
        if (self < 0 || fstat(self, &a) < 0 || fstat(program_fd, &b) < 0)
                return -errno;
        if (!S_ISREG(b.st_mode) || b.st_size <= 0 || b.st_size > PROGRAM_MAX)
                return -ENOEXEC;
        if (a.st_size != b.st_size)
                return 0;
        for (off_t at = 0; at < a.st_size;) {
                ssize_t n = pread(self, ours, sizeof(ours), at);

                if (n <= 0 || pread(program_fd, theirs, (size_t)n, at) != n)
                        return n < 0 ? -errno : -EIO;
                if (memcmp(ours, theirs, (size_t)n) != 0)
                        return 0;
                at += n;
        }
        *ret = true;
        return 0;
}

typedef struct Check {
        int program_fd, state_fd;
        char *const *argv;
} Check;

/* In the keeper's memory, while it waits, with a copy of its descriptors. */
static int run_check(void *userdata) {
        const Check *c = userdata;

        if (fcntl(c->state_fd, F_SETFD, 0) >= 0)
                (void)syscall(SYS_execveat, c->program_fd, "", c->argv, environment, AT_EMPTY_PATH);
        _exit(127);
}

static int wait_for_check(pid_t pid) {
        _cleanup_close_ int pidfd = -EBADF;
        struct pollfd p = { .events = POLLIN };
        siginfo_t si = {};
        int r;

        r = pidfd_open_checked(pid, &pidfd);
        p.fd = pidfd;
        if (r < 0 || poll(&p, 1, CHECK_MSEC) <= 0)
                (void)kill(pid, SIGKILL);
        while (waitid(P_PID, (id_t)pid, &si, WEXITED) < 0)
                if (errno != EINTR)
                        return -errno;
        return si.si_code == CLD_EXITED && si.si_status == KEEPER_CHECKED ? 0 : -ENOEXEC;
}

/* After execve() there is no way back, so the program shows before that it understands what it will be given. */
static int check_program(const Keeper *k, int program_fd, int state_fd) {
        static char stack[CHECK_STACK] __attribute__((aligned(16)));
        char option[32];
        char *const argv[] = { k->command_line, option, NULL };
        Check c = { .program_fd = program_fd, .state_fd = state_fd, .argv = argv };
        pid_t pid;

        (void)snprintf(option, sizeof(option), "--check=%d", state_fd);
        pid = clone(run_check, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, &c);
        return pid < 0 ? -errno : wait_for_check(pid);
}

static int state_memfd(Keeper *k, int *ret) {
        _cleanup_free_ void *data = NULL;
        size_t size = 0;
        int r;

        r = keeper_state_encode(k, &data, &size);
        return r < 0 ? r : memfd_sealed("bulwark-keeper-state", data, size, ret);
}

static int become(Keeper *k, int program_fd, int state_fd) {
        char take_over[32], socket_option[sizeof("--socket=") + 108];
        char *const argv[] = { k->command_line, socket_option, take_over, NULL };
        int r;

        (void)snprintf(take_over, sizeof(take_over), "--take-over=%d", state_fd);
        if ((size_t)snprintf(socket_option, sizeof(socket_option), "--socket=%s", k->socket_path) >= sizeof(socket_option))
                return -ENAMETOOLONG;
        r = keeper_state_inherit(k, true);
        if (r >= 0 && fcntl(state_fd, F_SETFD, 0) < 0)
                r = -errno;
        if (r >= 0) {
                (void)syscall(SYS_execveat, program_fd, "", argv, environment, AT_EMPTY_PATH);
                r = -errno;
        }
        (void)keeper_state_inherit(k, false);
        return r;
}

int keeper_reexec(Keeper *k, Connection *c, int program_fd) {
        _cleanup_close_ int copy = -EBADF, state_fd = -EBADF;
        bool same = false;
        int r;

        r = is_our_own(k, program_fd, &same);
        if (r < 0 || same)
                return r < 0 ? r : -EALREADY;
        r = memfd_program(KEEPER_SEALED_NAME, program_fd, 0500, &copy);
        if (r < 0)
                return r;
        k->asked_by = (int32_t)(c - k->connections);
        r = state_memfd(k, &state_fd);
        if (r >= 0)
                r = check_program(k, copy, state_fd);
        return r < 0 ? r : become(k, copy, state_fd);
}

/* --- the new program */

static int state_read(Keeper *k, int state_fd) {
        _cleanup_free_ void *data = NULL;
        struct stat st;
        size_t size = 0;
        int r;

        if (fstat(state_fd, &st) < 0)
                return -errno;
        if (st.st_size <= 0 || st.st_size > STATE_MAX)
                return -EBADMSG;
        data = malloc((size_t)st.st_size);
        if (!data)
                return -ENOMEM;
        if (lseek(state_fd, 0, SEEK_SET) < 0) /* whoever checked it has read it, too */
                return -errno;
        r = read_all(state_fd, data, (size_t)st.st_size, &size);
        if (r >= 0 && size != (size_t)st.st_size)
                r = -EBADMSG;
        if (r >= 0)
                r = keeper_state_decode(k, data, size);
        explicit_bzero(data, size); /* as keeper_new() has it, launches inherit nothing of it */
        return r;
}

int keeper_check(int state_fd) {
        Keeper k;

        keeper_empty(&k);
        return state_read(&k, state_fd);
}

static int watch_again(Keeper *k) {
        int r = keeper_watch(k, k->listen_fd, &k->listen_fd);

        for (size_t i = 0; r >= 0 && i < KEEPER_MAX_CONNECTIONS; i++) {
                Connection *c = k->connections + i;

                if (c->fd < 0)
                        continue;
                r = keeper_watch(k, c->fd, c);
                connection_arm(k, c);
        }
        for (Record *one = k->first; r >= 0 && one; one = one->next)
                if (one->status_fd >= 0)
                        r = keeper_watch(k, one->status_fd, one);
        return r;
}

static int map_pages(Keeper *k) {
        for (Record *r = k->first; r; r = r->next) {
                LaunchPage *page;

                if (r->state != KEEPER_LAUNCHING || r->page_fd < 0)
                        continue;
                /* A launch under way that an older keeper began has the first part alone: its inner stays unknown, and
                 * it ends as one that failed. */
                if (ftruncate(r->page_fd, (off_t)(2 * launch_part_size())) < 0)
                        return -errno;
                page = launch_map(r->page_fd);
                if (!page)
                        return -errno;
                r->page = page;
        }
        return 0;
}

/* What the state names closes itself at execve() by now, and so does all that was opened here: the rest came along, from
 * whoever started the first of us. */
static int close_strays(const Keeper *k) {
        int fd = openat(k->proc_fd, "self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);

        if (!d) {
                int error = errno;

                (void)safe_close(fd);
                return -error;
        }
        for (struct dirent *e; (e = readdir(d));) {
                int n = (int)strtol(e->d_name, NULL, 10);

                if (n > STDERR_FILENO && fcntl(n, F_GETFD) == 0)
                        (void)close(n);
        }
        (void)closedir(d);
        return 0;
}

int keeper_take_over(Keeper *k, int state_fd) {
        Connection *c;
        int r;

        r = state_read(k, state_fd);
        (void)close(state_fd);
        if (r >= 0)
                r = keeper_state_inherit(k, false); /* and all of them are open */
        if (r >= 0)
                r = close_strays(k);
        if (r >= 0)
                r = map_pages(k);
        if (r >= 0)
                r = watch_again(k);
        if (r < 0)
                return r;
        c = k->connections + (k->asked_by >= 0 && k->asked_by < KEEPER_MAX_CONNECTIONS ? k->asked_by : 0);
        if (c->fd >= 0)
                connection_answer_handshake(k, c, 0);
        return 0;
}
