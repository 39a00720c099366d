/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "manager/base/io.h"
#include "manager/keeper/keeper.h"

/* From sys/mount.h, which glibc 2.36 does not let live beside linux/mount.h. */
int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int umount2(const char *target, int flags);
#define MNT_DETACH 2
#define MS_REC_PRIVATE (0x4000UL | 0x40000UL)

#define MOUNTINFO_MAX (16U << 20)
#define SAFE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

int keeper_file_system(const char *type, unsigned attributes, int *ret) {
        _cleanup_close_ int fs = -EBADF;

        fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
        if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        *ret = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, SAFE | attributes);
        return *ret < 0 ? -errno : 0;
}

/* Over whatever "/" is; AT_FDCWD is in there afterwards. */
static int cover_root(int *ret) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        r = keeper_file_system("tmpfs", 0, &fd);
        if (r < 0)
                return r;
        if (syscall(SYS_move_mount, fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 || fchdir(fd) < 0)
                return -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

/* The namespace of who calls: the first mount below its root, empty where none is; whether that root is the lowest. */
static int mounts_look(int proc_fd, char *ret_first, size_t size, bool *ret_lowest) {
        _cleanup_free_ char *text = NULL;
        _cleanup_close_ int fd = -EBADF;
        char *rest, *line;
        int r;

        fd = openat(proc_fd, "thread-self/mountinfo", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = read_file(fd, MOUNTINFO_MAX, &text, NULL);
        if (r < 0)
                return r;

        ret_first[0] = 0;
        *ret_lowest = false;
        for (rest = text; (line = strsep(&rest, "\n"));) {
                int id, parent, at = 0;
                char *path, *o;

                if (sscanf(line, "%d %d %*s %*s %n", &id, &parent, &at) != 2 || at == 0)
                        continue;
                path = line + at;
                path[strcspn(path, " ")] = 0;
                if (id == parent) {
                        *ret_lowest = true;
                        continue;
                }
                if (streq(path, "/") || ret_first[0])
                        continue;
                /* Blanks, backslashes and ends of line are written as three octal digits. */
                for (o = ret_first; *path && (size_t)(o - ret_first) + 1 < size; o++)
                        if (path[0] == '\\' && path[1] && path[2] && path[3]) {
                                *o = (char)((path[1] - '0') << 6 | (path[2] - '0') << 3 | (path[3] - '0'));
                                path += 4;
                        } else
                                *o = *path++;
                *o = 0;
        }
        return 0;
}

/* Takes "/" off and stands on what was beneath. pivot_root() succeeds only where that is not shared with another
 * namespace (EINVAL): nothing disappears from anywhere else. */
static int peel(int namespace_fd, bool *ret_locked) {
        _cleanup_close_ int cover = -EBADF;
        int r;

        *ret_locked = false;
        r = cover_root(&cover);
        if (r < 0)
                return r;
        if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
                return -errno;
        if (umount2("/", MNT_DETACH) < 0) {
                /* EINVAL: our user namespace got these mounts from another one, and they are locked. */
                *ret_locked = errno == EINVAL;
                return *ret_locked ? 0 : -errno;
        }
        return setns(namespace_fd, CLONE_NEWNS) < 0 ? -errno : 0;
}

static int mounts_drop_all(int proc_fd) {
        _cleanup_close_ int namespace_fd = -EBADF;
        bool lowest = false, locked = false;
        char path[PATH_MAX];
        int r;

        namespace_fd = openat(proc_fd, "thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
        if (namespace_fd < 0)
                return -errno;
        for (;;) {
                if (mount(NULL, "/", NULL, MS_REC_PRIVATE, NULL) < 0)
                        return -errno;
                r = mounts_look(proc_fd, path, sizeof(path), &lowest);
                if (r < 0 || (lowest && !path[0]))
                        return r;
                if (!lowest) {
                        r = peel(namespace_fd, &locked);
                        if (r < 0 || locked)
                                return r;
                } else if (umount2(path, MNT_DETACH) < 0)
                        return -errno;
        }
}

static int attach_new(int root_fd, const char *type, const char *name) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        r = keeper_file_system(type, 0, &fd);
        if (r < 0)
                return r;
        if (mkdirat(root_fd, name, 0555) < 0 ||
            syscall(SYS_move_mount, fd, "", root_fd, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return -errno;
        return 0;
}

int keeper_own_mounts(const Keeper *k) {
        struct mount_attr read_only = { .attr_set = MOUNT_ATTR_RDONLY };
        _cleanup_close_ int root = -EBADF;
        int r;

        if (unshare(CLONE_NEWNS) < 0)
                return -errno;
        r = mounts_drop_all(k->proc_fd);
        if (r < 0)
                return r;
        r = cover_root(&root);
        if (r >= 0 && chroot(".") < 0)
                r = -errno;
        if (r >= 0)
                r = attach_new(root, "proc", "proc");
        if (r >= 0)
                r = attach_new(root, "sysfs", "sys");
        if (r >= 0 && syscall(SYS_mount_setattr, root, "", AT_EMPTY_PATH, &read_only, sizeof(read_only)) < 0)
                r = -errno;
        return r;
}
