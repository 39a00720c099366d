/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "manager/base/string-list.h"
#include "manager/keeper-client/keeper-client.h"

/* After fork, before exec: only calls that are safe there. Twice forked, so that the keeper is nobody's
 * child here: a manager that dies or restarts has no say in its life. */
static void become_keeper(const char *program, char *const *argv, int cgroup_fd, int status_fd) {
        static char *const environment[] = { NULL };
        sigset_t none;
        int null, error = getpid(), procs;

        (void)!write(status_fd, &error, sizeof(error));
        (void)setsid();
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        for (int s = 1; s < NSIG; s++)
                if (s != SIGKILL && s != SIGSTOP)
                        (void)signal(s, SIG_DFL);
        procs = openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
        if (procs < 0 || write(procs, "0", 1) < 0)
                goto fail;
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
                goto fail;
        /* Standard error stays ours; everything else is close-on-exec. */
        if (chdir("/") < 0)
                goto fail;
        (void)execve(program, argv, environment);
fail:
        error = errno;
        (void)!write(status_fd, &error, sizeof(error));
        _exit(127);
}

static int read_status(int fd, pid_t *ret_pid) {
        int value;
        ssize_t k;

        do
                k = read(fd, &value, sizeof(value));
        while (k < 0 && errno == EINTR);
        if (k != sizeof(value))
                return -EAGAIN; /* the second fork failed */
        *ret_pid = value;
        do
                k = read(fd, &value, sizeof(value));
        while (k < 0 && errno == EINTR);
        return k == sizeof(value) ? -value : 0; /* end of file: the program was executed */
}

int keeper_start(const char *program, const char *socket_path, int cgroup_fd, Diag *diag, pid_t *ret_pid) {
        _cleanup_close_ int rd = -EBADF, wr = -EBADF;
        _cleanup_free_ char *option = NULL;
        char *argv[3] = { (char *)"bulwark-keeper", NULL, NULL };
        int pipe_fds[2], status, r;
        pid_t child;

        r = str_append(&option, "--socket=%s", socket_path);
        if (r < 0)
                return r;
        argv[1] = option;
        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return -errno;
        rd = pipe_fds[0];
        wr = pipe_fds[1];
        child = fork();
        if (child < 0)
                return -errno;
        if (child == 0) {
                if (fork() == 0)
                        become_keeper(program, argv, cgroup_fd, wr);
                _exit(0);
        }
        wr = safe_close(wr);
        do
                r = waitpid(child, &status, 0);
        while (r < 0 && errno == EINTR);
        r = read_status(rd, ret_pid);
        if (r < 0)
                return diag_errno(diag, ERROR_NO_KEEPER, NULL, NULL, -r, "cannot start the keeper \"%s\"",
                                  program);
        return 0;
}
