/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "manager/base/io.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

int write_all(int fd, const void *data, size_t size) {
        const char *p = data;

        while (size > 0) {
                ssize_t k = write(fd, p, size);

                if (k < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (k == 0)
                        return -EIO;
                p += k;
                size -= (size_t)k;
        }
        return 0;
}

int read_all(int fd, void *data, size_t size, size_t *ret_read) {
        size_t n = 0;

        while (n < size) {
                ssize_t k = read(fd, (char *)data + n, size - n);

                if (k < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (k == 0)
                        break;
                n += (size_t)k;
        }
        *ret_read = n;
        return 0;
}

int read_file(int fd, size_t max, char **ret, size_t *ret_size) {
        _cleanup_free_ char *data = NULL;
        size_t size = 0, room = 4096;
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if ((uintmax_t)st.st_size > max)
                return -EFBIG;
        if (st.st_size > 0)
                room = (size_t)st.st_size + 1; /* one more, so that the end is seen without growing */

        for (;;) {
                size_t k = 0;
                char *grown = realloc(data, room + 1);

                if (!grown)
                        return -ENOMEM;
                data = grown;
                r = read_all(fd, data + size, room - size, &k);
                if (r < 0)
                        return r;
                size += k;
                if (size < room)
                        break;
                if (size > max)
                        return -EFBIG;
                room *= 2;
        }
        if (size > max)
                return -EFBIG;
        data[size] = 0;
        *ret = TAKE_PTR(data);
        if (ret_size)
                *ret_size = size;
        return 0;
}

int memfd_sealed(const char *name, const void *data, size_t size, int *ret_fd) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        r = write_all(fd, data, size);
        if (r < 0)
                return r;
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int memfd_program(const char *name, int file_fd, mode_t mode, int *ret_fd) {
        const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
        _cleanup_close_ int fd = -EBADF;
        off_t offset = 0;
        struct stat st;

        if (fstat(file_fd, &st) < 0)
                return -errno;
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
        if (fd < 0 && errno == EINVAL) /* before Linux 6.3 every memfd is executable */
                fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        while (offset < st.st_size)
                if (syscall(SYS_sendfile, fd, file_fd, &offset, (size_t)(st.st_size - offset)) <= 0)
                        return errno > 0 ? -errno : -EIO;
        /* Nor its mode, where the kernel knows that seal (6.3). */
        if (fchmod(fd, mode) < 0 ||
            (fcntl(fd, F_ADD_SEALS, seals | F_SEAL_EXEC) < 0 && fcntl(fd, F_ADD_SEALS, seals) < 0))
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int replace_file(int dir_fd, const char *name, const void *data, size_t size, mode_t mode, bool durable) {
        _cleanup_close_ int fd = -EBADF;
        char temporary[300];
        int r;

        if ((size_t)snprintf(temporary, sizeof(temporary), ".#%s.%d", name, (int)getpid()) >= sizeof(temporary))
                return -ENAMETOOLONG;
        (void)unlinkat(dir_fd, temporary, 0);
        fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
                return -errno;
        r = write_all(fd, data, size);
        if (r >= 0 && durable && fsync(fd) < 0)
                r = -errno;
        if (r >= 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
                r = -errno;
        if (r < 0) {
                (void)unlinkat(dir_fd, temporary, 0);
                return r;
        }
        return durable && fsync(dir_fd) < 0 ? -errno : 0;
}

int write_file_atomic(int dir_fd, const char *name, const void *data, size_t size, mode_t mode) {
        return replace_file(dir_fd, name, data, size, mode, true);
}

int write_file_volatile(int dir_fd, const char *name, const void *data, size_t size, mode_t mode) {
        return replace_file(dir_fd, name, data, size, mode, false);
}

int pipe_for_payload(bool written, int ret[static 2]) {
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        if (fchmod(fds[0], written ? 0222 : 0444) < 0) {
                const int r = -errno;

                (void)close(fds[0]);
                (void)close(fds[1]);
                return r;
        }
        ret[0] = fds[0];
        ret[1] = fds[1];
        return 0;
}

int socket_send(int fd, const void *data, size_t size, const int *fds, size_t n_fds) {
        union {
                char buffer[CMSG_SPACE(sizeof(int) * SOCKET_MAX_FDS)];
                struct cmsghdr align;
        } control;
        struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (n_fds > SOCKET_MAX_FDS)
                return -E2BIG;
        if (n_fds > 0) {
                struct cmsghdr *c;

                memset(&control, 0, sizeof(control));
                message.msg_control = &control;
                message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
                c = CMSG_FIRSTHDR(&message);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
                memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
        }
        for (;;) {
                ssize_t k = sendmsg(fd, &message, MSG_NOSIGNAL);

                if (k >= 0)
                        return (size_t)k == size ? 0 : -EMSGSIZE;
                if (errno != EINTR)
                        return -errno;
        }
}

int socket_receive(int fd, void *data, size_t max, size_t *ret_size, int *ret_fds, size_t max_fds,
                   size_t *ret_n_fds) {
        union {
                char buffer[CMSG_SPACE(sizeof(int) * SOCKET_MAX_FDS)];
                struct cmsghdr align;
        } control;
        struct iovec iov = { .iov_base = data, .iov_len = max };
        struct msghdr message = { .msg_iov = &iov,
                                  .msg_iovlen = 1,
                                  .msg_control = &control,
                                  .msg_controllen = sizeof(control) };
        size_t n = 0;
        ssize_t k;
        bool excess = false;

        do
                k = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
        while (k < 0 && errno == EINTR);
        if (k < 0)
                return -errno;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
                size_t got;

                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                got = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < got; i++) {
                        int one;

                        memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                        if (n < max_fds)
                                ret_fds[n++] = one;
                        else {
                                excess = true;
                                (void)close(one);
                        }
                }
        }
        if (excess || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
                while (n > 0)
                        (void)close(ret_fds[--n]);
                /* Room for all that a message can carry was given: the kernel had no numbers left for them. */
                return excess || (message.msg_flags & MSG_TRUNC) ? -E2BIG : -EMFILE;
        }
        *ret_size = (size_t)k;
        *ret_n_fds = n;
        return 0;
}

int pidfd_open_checked(pid_t pid, int *ret_fd) {
        int fd = (int)syscall(SYS_pidfd_open, pid, 0);

        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

int pidfd_signal(int pidfd, int signal) {
        return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int pidfd_signal_awake(int pidfd, int signal) {
        int r = pidfd_signal(pidfd, signal);

        if (r >= 0 && signal != SIGCONT && signal != SIGKILL)
                (void)pidfd_signal(pidfd, SIGCONT);
        return r;
}

int close_all_but(const int *keep, size_t n) {
        unsigned from = 3;

        /* Few descriptors are kept, so that looking for the next one each time is cheaper than sorting. */
        for (;;) {
                unsigned next = UINT32_MAX;

                for (size_t i = 0; i < n; i++)
                        if (keep[i] >= 0 && (unsigned)keep[i] >= from && (unsigned)keep[i] < next)
                                next = (unsigned)keep[i];
                if (next > from && syscall(SYS_close_range, from, next == UINT32_MAX ? ~0U : next - 1, 0) < 0)
                        return -errno;
                if (next == UINT32_MAX)
                        return 0;
                from = next + 1;
        }
}
