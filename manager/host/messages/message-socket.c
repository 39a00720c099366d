/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"
#include "manager/host/messages/message-socket.h"

/* What the next socket, or the next file, of this thread is labelled; NULL = as the policy says. */
static int label_next(const char *what, const char *label) {
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;

        if (asprintf(&path, "/proc/thread-self/attr/%s", what) < 0)
                return -ENOMEM;
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        return write(fd, strempty(label), label ? strlen(label) : 0) < 0 ? -errno : 0;
}

/* Through the descriptor, so that the length of the runtime directory's own name does not matter. */
static int bind_socket(int directory, const char *name, int fd) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", directory, name) >=
            sizeof(address.sun_path))
                return -ENAMETOOLONG;
        (void)unlinkat(directory, name, 0);
        return bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

int message_socket_new(const Container *c, int directory, bool credentials, int *ret) {
        const bool selinux = c->labels.selinux_context;
        _cleanup_close_ int fd = -EBADF;
        const int on = 1;
        int r = 0;

        if (selinux)
                r = label_next("sockcreate", c->labels.selinux_context);
        if (r >= 0) {
                fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                r = fd < 0 ? -errno : 0;
        }
        if (selinux)
                (void)label_next("sockcreate", NULL);
        if (r >= 0 && credentials && setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
                r = -errno;
        if (r >= 0 && selinux)
                r = label_next("fscreate", c->labels.selinux_file_context);
        if (r >= 0)
                r = bind_socket(directory, c->name, fd);
        if (selinux)
                (void)label_next("fscreate", NULL);
        if (r < 0)
                return r;
        *ret = TAKE_FD(fd);
        return 0;
}

int message_socket_mount(int directory, const char *name, int *ret) {
        struct mount_attr private = { .propagation = MS_PRIVATE };
        _cleanup_close_ int tree = -EBADF;

        if (fchmodat(directory, name, 0666, 0) < 0)
                return -errno;
        tree = (int)syscall(SYS_open_tree, directory, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
        if (tree < 0 || syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &private, sizeof(private)) < 0)
                return -errno;
        *ret = TAKE_FD(tree);
        return 0;
}

void message_sockets_sweep(Manager *m, int directory, bool (*is_used)(Manager *m, const char *name)) {
        int fd = fcntl(directory, F_DUPFD_CLOEXEC, 3);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        const struct dirent *e;

        if (!d) {
                (void)safe_close(fd);
                return;
        }
        while ((e = readdir(d)))
                if (e->d_name[0] != '.' && !is_used(m, e->d_name))
                        (void)unlinkat(directory, e->d_name, 0);
        (void)closedir(d);
}
