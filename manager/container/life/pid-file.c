/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stands in PIDFile=: bytes that the container chose. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "manager/base/io.h"
#include "manager/base/thread.h"
#include "manager/container/life/forking.h"

#define DIGITS_MAX 10

typedef struct Reading {
        int root_fd, answer_fd;
        char path[];
} Reading;

/* A first line of digits, between spaces. */
static int number_of(const char *text, size_t size) {
        size_t i = 0, begin;
        int64_t n = 0;

        while (i < size && (text[i] == ' ' || text[i] == '\t'))
                i++;
        for (begin = i; i < size && text[i] >= '0' && text[i] <= '9' && i - begin < DIGITS_MAX; i++)
                n = 10 * n + (text[i] - '0');
        if (i == begin || n <= 0 || n > INT32_MAX)
                return -EINVAL;
        while (i < size && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r'))
                i++;
        return i == size || text[i] == '\n' ? (int)n : -EINVAL;
}

int pid_file_read(int root_fd, const char *path) {
        struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
                                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
        _cleanup_close_ int held = -EBADF, fd = -EBADF;
        char name[32], text[64];
        struct stat st;
        ssize_t n;

        held = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
        if (held < 0)
                return -errno;
        if (fstat(held, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode)) /* to open a FIFO or a device does something by itself */
                return S_ISLNK(st.st_mode) ? -ELOOP : -ENOTTY;
        (void)snprintf(name, sizeof(name), "/proc/self/fd/%d", held);
        fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        n = read(fd, text, sizeof(text));
        return n < 0 ? -errno : number_of(text, (size_t)n);
}

static void *run(void *userdata) {
        Reading *r = userdata;
        int number = pid_file_read(r->root_fd, r->path);

        (void)close(r->root_fd);
        (void)send(r->answer_fd, &number, sizeof(number), MSG_NOSIGNAL);
        (void)close(r->answer_fd);
        free(r);
        return NULL;
}

int pid_file_read_apart(int root_fd, const char *path, int *ret_fd) {
        Reading *reading = malloc(sizeof(*reading) + strlen(path) + 1);
        int pair[2], r;

        if (!reading)
                return -ENOMEM;
        memcpy(reading->path, path, strlen(path) + 1);
        reading->root_fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
        if (reading->root_fd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
                r = -errno;
                (void)safe_close(reading->root_fd);
                free(reading);
                return r;
        }
        reading->answer_fd = pair[1];
        r = thread_detached(run, reading);
        if (r < 0) {
                (void)close(reading->root_fd);
                (void)close(pair[0]);
                (void)close(pair[1]);
                free(reading);
                return r;
        }
        *ret_fd = pair[0];
        return 0;
}
