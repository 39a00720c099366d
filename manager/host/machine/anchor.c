/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "manager/base/io.h"
#include "manager/host/machine/machine.h"

#define ANCHOR_NAME "bulwark-anchor"
#define LINGER_MSEC 3000 /* after the leader's end */
#define ANCHOR_FD 3

/* After fork, without exec: only calls that are safe there. A copy of the manager that holds nothing of it. */
static _Noreturn void be_anchor(int fd) {
        struct pollfd leader = { .fd = -EBADF, .events = POLLIN };
        size_t size = 0, n = 0;
        char byte;

        (void)prctl(PR_SET_NAME, ANCHOR_NAME);
        (void)setsid();
        if (dup2(fd, ANCHOR_FD) < 0 || syscall(SYS_close_range, 0, 2, 0) < 0 || syscall(SYS_close_range, ANCHOR_FD + 1, ~0U, 0) < 0)
                _exit(1);
        (void)chdir("/");
        if (socket_receive(ANCHOR_FD, &byte, sizeof(byte), &size, &leader.fd, 1, &n) < 0 || n == 0)
                _exit(0);
        while (poll(&leader, 1, -1) < 0 && errno == EINTR)
                ;
        (void)poll(NULL, 0, LINGER_MSEC);
        _exit(0);
}

int anchor_start(int *ret_fd, pid_t *ret_pid) {
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF;
        int pair[2], pid = 0;
        size_t n = 0;
        pid_t child;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        ours = pair[0];
        theirs = pair[1];
        child = fork();
        if (child < 0)
                return -errno;
        if (child == 0) {
                const sigset_t none = {};

                /* Signals meant for the manager end it, as they end any process. */
                for (int s = 1; s < NSIG; s++)
                        if (s != SIGKILL && s != SIGSTOP)
                                (void)signal(s, SIG_DFL);
                (void)sigprocmask(SIG_SETMASK, &none, NULL);
                pid = (int)fork();
                if (pid == 0) {
                        pid = getpid();
                        if (write(theirs, &pid, sizeof(pid)) == sizeof(pid))
                                be_anchor(theirs);
                }
                _exit(0);
        }
        theirs = safe_close(theirs);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
                ;
        if (read_all(ours, &pid, sizeof(pid), &n) < 0 || n != sizeof(pid))
                return -EAGAIN; /* the second fork failed */
        *ret_pid = (pid_t)pid;
        *ret_fd = TAKE_FD(ours);
        return 0;
}

int anchor_hold(int fd_, int leader_pidfd) {
        _cleanup_close_ int fd = fd_;

        return socket_send(fd, "", 1, &leader_pidfd, 1);
}
