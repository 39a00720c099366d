/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "manager/host/sockets/descriptor-kind.h"

/* As the kernel names what has no path; a path begins with '/'. */
static const char *const kinds[] = {
        "socket:[", "pipe:[", "anon_inode:[eventfd]", "anon_inode:[timerfd]", "anon_inode:inotify", "anon_inode:[pidfd]",
        "pidfd:[",
};

static bool name_of(int fd, char name[static PATH_MAX]) {
        char link[sizeof("/proc/self/fd/") + 10];
        ssize_t n;

        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, name, PATH_MAX - 1);
        if (n < 0)
                return false;
        name[n] = 0;
        return true;
}

/* The device number of a file, from what the kernel has in memory. */
static bool device_of(int fd, dev_t *ret) {
        struct statx st;

        if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0 || !S_ISREG(st.stx_mode))
                return false;
        *ret = makedev(st.stx_dev_major, st.stx_dev_minor);
        return true;
}

/* Its name is no proof, since a path may look the same; that it lies where memfds lie, on a mount which nobody has, is. */
static bool is_memfd(int fd, const char *name) {
        _cleanup_close_ int ours = -EBADF;
        dev_t a, b;

        if (!startswith(name, "/memfd:"))
                return false;
        ours = memfd_create("bulwark-kind", MFD_CLOEXEC);
        return ours >= 0 && device_of(ours, &a) && device_of(fd, &b) && a == b;
}

const char *descriptor_refuse(int fd) {
        char name[PATH_MAX];
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0 || !name_of(fd, name))
                return "it cannot be looked at";
        if (flags & O_PATH)
                return "it is only a path";
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (startswith(name, kinds[i]))
                        return NULL;
        return is_memfd(fd, name) ? NULL : "only sockets, pipes, memfds, eventfds, timerfds, inotify and pidfds are kept";
}

int descriptor_compare(int a, int b) {
        long order = a == b ? 0 : syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, a, b);

        switch (order) {
        case 0:
                return 0;
        case 1:
                return -1;
        case 2:
                return 1;
        default: /* it gives no order, or there is none */
                return a < b ? -1 : 1;
        }
}
