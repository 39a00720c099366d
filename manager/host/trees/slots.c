/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "manager/host/trees/slots.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

void slot_set_done(SlotSet *s) {
        for (size_t i = 0; i < s->n; i++)
                (void)safe_close(s->items[i].fd);
        free(s->items);
        *s = (SlotSet){};
}

int slot_set_add(SlotSet *s, int16_t slot, int fd) {
        SlotDescriptor *grown = reallocarray(s->items, s->n + 1, sizeof(*grown));

        if (!grown) {
                (void)safe_close(fd);
                return -ENOMEM;
        }
        s->items = grown;
        s->items[s->n++] = (SlotDescriptor){ .slot = slot, .fd = fd };
        return 0;
}

/* Symbolic links of the host are the administrator's and are followed; /proc's magic links could lead
 * anywhere. */
static int pin(const char *path, int *ret_fd) {
        struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS };
        int fd;

        do
                fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
        while (fd < 0 && (errno == EINTR || errno == EAGAIN));
        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

/* The directory in which a regular file lies, whatever links led to it. *ret_fd stays as it is where there is no file. */
static int pin_directory(const char *path, int *ret_fd) {
        char link[sizeof("/proc/self/fd/") + 10], real[PATH_MAX];
        _cleanup_close_ int fd = -EBADF, directory = -EBADF;
        struct stat st, same;
        char *name;
        ssize_t n;
        int r;

        r = pin(path, &fd);
        if (r < 0)
                return r;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return 0;
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, real, sizeof(real) - 1);
        if (n < 0)
                return -errno;
        real[n] = 0;
        name = strrchr(real, '/');
        if (!name)
                return -ENOENT;
        *name++ = 0;
        r = pin(*real ? real : "/", &directory);
        if (r < 0)
                return r;
        if (fstatat(directory, name, &same, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (same.st_ino != st.st_ino || same.st_dev != st.st_dev) /* replaced meanwhile */
                return -ESTALE;
        *ret_fd = TAKE_FD(directory);
        return 0;
}

/* A copy of a shared mount, and a service manager shares them all, is its peer: what the container's setup
 * mounts there would appear on the host. */
static int open_tree_of(const char *path, bool directory, bool recursive, int *ret_fd) {
        struct mount_attr private = { .propagation = MS_PRIVATE };
        _cleanup_close_ int fd = -EBADF, tree = -EBADF;
        int r;

        r = directory ? pin_directory(path, &fd) : pin(path, &fd);
        if (r < 0 || fd < 0)
                return r;
        tree = (int)syscall(SYS_open_tree, fd, "",
                            OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
                                    (recursive ? AT_RECURSIVE : 0));
        if (tree < 0)
                return -errno;
        if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &private, sizeof(private)) < 0)
                return -errno;
        *ret_fd = TAKE_FD(tree);
        return 0;
}

int slots_open_trees(const PlanView *plan, Diag *diag, SlotSet *set) {
        int result = 0;

        for (uint32_t i = 0; i < plan->header->n_slots; i++) {
                const PlanSlot *slot = plan->slots + i;
                const char *path = plan_text(plan, slot->path);
                Origin origin = { .file = slot->origin_file.size > 0 ? plan_text(plan, slot->origin_file)
                                                                     : NULL,
                                  .line = slot->origin_line };
                int fd = -EBADF, r;

                if (slot->kind != SLOT_TREE && slot->kind != SLOT_DIRECTORY)
                        continue;
                r = open_tree_of(path, slot->kind == SLOT_DIRECTORY, slot->flags & STEP_FLAG_RECURSIVE, &fd);
                if ((r == -ENOENT || r == -ENOTDIR) && (slot->flags & STEP_FLAG_OPTIONAL))
                        continue;
                if (r < 0) {
                        result =
                                diag_errno(diag, r == -ENOENT ? ERROR_MISSING : ERROR_FAILED, &origin, NULL,
                                           -r, "cannot open \"%s\" (%s)", path, plan_text(plan, slot->name));
                        continue;
                }
                if (fd < 0)
                        continue;
                r = slot_set_add(set, (int16_t)i, fd);
                if (r < 0)
                        return r;
        }
        return result;
}
