/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/stat.h>

#include "manager/host/trees/directories.h"

#define FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

int directory_open_private_at(int parent, const char *name, int *ret_fd) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
                return -errno;
        fd = openat(parent, name, FLAGS);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_uid != geteuid())
                return -EPERM;
        if ((st.st_mode & 0077) != 0 && fchmod(fd, 0700) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* Makes the missing parents, and opens the last one. *ret_name points into path. */
static int open_parents(char *path, char **ret_name, int *ret_fd) {
        _cleanup_close_ int fd = open("/", FLAGS);
        char *p = path;

        if (fd < 0)
                return -errno;
        for (;;) {
                char *end;
                int next;

                p += strspn(p, "/");
                end = p + strcspn(p, "/");
                if (end[strspn(end, "/")] == 0) {
                        *end = 0;
                        *ret_name = p;
                        *ret_fd = TAKE_FD(fd);
                        return *p ? 0 : -EINVAL;
                }
                *end = 0;
                if (mkdirat(fd, p, 0755) < 0 && errno != EEXIST && errno != EROFS)
                        return -errno;
                next = openat(fd, p,
                              O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* /var/run is a link on many hosts */
                if (next < 0)
                        return -errno;
                (void)safe_close(fd);
                fd = next;
                p = end + 1;
        }
}

int directory_open_private(const char *path, Diag *diag, int *ret_fd) {
        _cleanup_close_ int parent = -EBADF;
        _cleanup_free_ char *copy = strdup(path);
        char *name = NULL;
        int r;

        if (!copy)
                return -ENOMEM;
        if (path[0] != '/')
                return diag_error(diag, ERROR_USAGE, NULL, NULL, "\"%s\" is not an absolute path", path);
        r = open_parents(copy, &name, &parent);
        if (r >= 0)
                r = directory_open_private_at(parent, name, ret_fd);
        if (r == -EPERM)
                return diag_errno(diag, ERROR_STATE, NULL, NULL, EPERM, "\"%s\" belongs to another user",
                                  path);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot open the directory \"%s\"",
                                  path);
        return 0;
}
