/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
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

/* A copy of a shared mount, and a service manager shares them all, is its peer: what the container's setup
 * mounts there would appear on the host. */
static int clone_tree(int fd, bool recursive, int *ret_fd) {
        struct mount_attr private = { .propagation = MS_PRIVATE };
        _cleanup_close_ int tree = -EBADF;

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

/* SLOT_DIRECTORY: the directory in which a regular file lies, whatever links led to it; *ret_fd stays as it is where there is
 * no file. */
static int open_slot(const PlanSlot *slot, const char *path, const PathTrees *trees, HeldPath *held, int *ret_fd) {
        const bool directory = slot->kind == SLOT_DIRECTORY;
        struct stat st;
        int r;

        r = held_path_open(path, trees, directory ? 0 : HELD_QUICK, held);
        if (r < 0)
                return r;
        if (directory && fstat(held->fd, &st) < 0)
                return -errno;
        if (directory && !S_ISREG(st.st_mode))
                return 0;
        return clone_tree(directory ? held->directory : held->fd, slot->flags & STEP_FLAG_RECURSIVE, ret_fd);
}

int slots_open_trees(const PlanView *plan, const PathTrees *trees, Diag *diag, SlotSet *set) {
        int result = 0;

        for (uint32_t i = 0; i < plan->header->n_slots; i++) {
                const PlanSlot *slot = plan->slots + i;
                const char *path = plan_text(plan, slot->path);
                Origin origin = { .file = slot->origin_file.size > 0 ? plan_text(plan, slot->origin_file)
                                                                     : NULL,
                                  .line = slot->origin_line };
                _cleanup_(held_path_done) HeldPath held = HELD_PATH_EMPTY;
                int fd = -EBADF, r;

                if (slot->kind != SLOT_TREE && slot->kind != SLOT_DIRECTORY)
                        continue;
                r = open_slot(slot, path, trees, &held, &fd);
                if ((r == -ENOENT || r == -ENOTDIR) && (slot->flags & STEP_FLAG_OPTIONAL))
                        continue;
                if (r < 0) {
                        result = held_path_report(&held, r, diag, r == -ENOENT ? ERROR_MISSING : ERROR_FAILED, &origin, NULL, path);
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
