/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "manager/base/io.h"
#include "manager/become.h"

#define VARIABLE "BULWARK_TAKE_OVER" /* "LISTENER JOBS", descriptors */
#define VERSION_MSEC 5000

int program_path(const char *argv0, char **ret) {
        char path[4096];
        ssize_t n;

        if (argv0 && argv0[0] == '/') {
                *ret = strdup(argv0);
                return *ret ? 0 : -ENOMEM;
        }
        n = readlink("/proc/self/exe", path, sizeof(path) - 1);
        if (n < 0)
                return -errno;
        path[n] = 0;
        *ret = strdup(path);
        return *ret ? 0 : -ENOMEM;
}

/* After fork, before exec: only calls that are safe there. */
static _Noreturn void say_version(const char *path, int output) {
        char *const argv[] = { (char *)path, (char *)"--version", NULL };
        sigset_t none;
        int error;

        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        if (dup2(output, STDOUT_FILENO) >= 0)
                (void)execv(path, argv);
        error = errno;
        _exit(error > 0 && error < 126 ? error : 126);
}

/* What it writes, or nothing where it takes too long. */
static size_t read_version(int fd, char *text, size_t size) {
        size_t n = 0;

        for (;;) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                ssize_t k = 0;

                if (poll(&p, 1, VERSION_MSEC) <= 0)
                        return 0;
                k = read(fd, text + n, size - n);
                if (k <= 0)
                        return n;
                n += (size_t)k;
                if (n == size)
                        return n;
        }
}

static int check_version(const char *path, Diag *diag) {
        _cleanup_close_ int rd = -EBADF, wr = -EBADF;
        char text[128] = "";
        int pipe_fds[2], status = 0;
        pid_t pid;

        if (access(path, X_OK) < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, errno, "cannot execute the manager again: \"%s\"", path);
        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return -errno;
        rd = pipe_fds[0];
        wr = pipe_fds[1];
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                say_version(path, wr);
        wr = safe_close(wr);
        (void)read_version(rd, text, sizeof(text) - 1);
        (void)kill(pid, SIGKILL); /* it has said what it has to say; ours and not reaped yet */
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (startswith(text, "bulwarkd "))
                return 0;
        (void)diag_error(diag, ERROR_FAILED, NULL, NULL,
                         "cannot execute the manager again: \"%s\" does not say that it is bulwarkd when it is asked by --version; "
                         "install it anew", path);
        return -ENOEXEC;
}

static int set_inherited(const Inheritance *keep, bool inherited) {
        const int fds[] = { keep->listener, keep->jobs };

        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                if (fds[i] >= 0 && fcntl(fds[i], F_SETFD, inherited ? 0 : FD_CLOEXEC) < 0)
                        return -errno;
        return 0;
}

int program_become(const char *path, char **argv, const Inheritance *keep, Diag *diag) {
        char text[32];
        int r;

        r = check_version(path, diag);
        if (r < 0)
                return r;
        (void)snprintf(text, sizeof(text), "%d %d", keep->listener, keep->jobs);
        if (setenv(VARIABLE, text, 1) < 0)
                return -errno;
        r = set_inherited(keep, true);
        if (r >= 0) {
                (void)execv(path, argv);
                r = -errno;
        }
        (void)set_inherited(keep, false);
        (void)unsetenv(VARIABLE);
        return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot execute the manager again: \"%s\"", path);
}

void program_inherited(Inheritance *ret) {
        const char *text = getenv(VARIABLE);
        Inheritance found;

        *ret = (Inheritance){ -EBADF, -EBADF };
        if (text && sscanf(text, "%d %d", &found.listener, &found.jobs) == 2 && set_inherited(&found, false) >= 0)
                *ret = found;
        (void)unsetenv(VARIABLE);
}
