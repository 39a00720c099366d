/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Labels without relabelling: an overlay over a tree has one label for all that is seen through it (context=), whatever
 * the files below have. The kernel takes layers by path only, and only what is attached in this mount namespace, so the
 * layers hang on a small file system of the stage's own, stacked over the root that it is about to leave. */
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "manager/stage/stage.h"

/* The fifth field of a line of mountinfo is where the mount stands. Answers whether one stands below prefix. */
static int mounts_below(Stage *s, const char *prefix, bool *ret) {
        _cleanup_close_ int fd = openat(s->proc_fd, "thread-self/mountinfo", O_RDONLY | O_CLOEXEC);
        const size_t size = strlen(prefix);
        unsigned field = 1;
        size_t matched = 0;
        bool differs = false;
        char text[1024];
        ssize_t n;

        if (fd < 0)
                return -errno;
        *ret = false;
        while ((n = read(fd, text, sizeof(text))) > 0)
                for (ssize_t i = 0; i < n; i++) {
                        if (text[i] == '\n') {
                                field = 1;
                                matched = 0;
                                differs = false;
                        } else if (text[i] == ' ')
                                field++;
                        else if (field == 5 && !differs && matched < size) {
                                differs = text[i] != prefix[matched++];
                                *ret |= !differs && matched == size;
                        }
                }
        return n < 0 ? -errno : 0;
}

/* The topmost directory is the layer's own: it looks like the one it stands for. */
static int make_layer(int layers, const char *path, const struct stat *like) {
        if (mkdirat(layers, path, 0700) < 0)
                return -errno;
        if (like && (fchownat(layers, path, like->st_uid, like->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
                     fchmodat(layers, path, like->st_mode & 07777, 0) < 0))
                return -errno;
        return 0;
}

static int set(int fs, const char *key, const char *value) {
        return syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

/* Without an upper layer an overlay needs two lower ones: the second is empty. */
static int make_overlay(const char *name, const char *context, bool writable, uint64_t attributes, int *ret) {
        _cleanup_close_ int fs = -EBADF;
        char lower[64], upper[32], work[32];
        long fd;
        int r;

        fs = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
        if (fs < 0)
                return -errno;
        (void)snprintf(lower, sizeof(lower), writable ? "%s/lower" : "%s/lower:%s/upper", name, name);
        (void)snprintf(upper, sizeof(upper), "%s/upper", name);
        (void)snprintf(work, sizeof(work), "%s/work", name);
        r = set(fs, "lowerdir", lower);
        if (r >= 0 && writable)
                r = set(fs, "upperdir", upper);
        if (r >= 0 && writable)
                r = set(fs, "workdir", work);
        if (r >= 0)
                r = set(fs, "context", context);
        if (r < 0)
                return r;
        if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        fd = syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, (unsigned)attributes);
        if (fd < 0)
                return -errno;
        *ret = (int)fd;
        return 0;
}

/* name/lower is the tree, name/upper what is written, name/work the kernel's. */
static int prepare(Stage *s, int layers, int tree, const char *name, bool writable) {
        char path[64];
        bool more = false;
        struct stat st;
        int r;

        r = make_layer(layers, name, NULL);
        (void)snprintf(path, sizeof(path), "%s/lower", name);
        if (r >= 0)
                r = make_layer(layers, path, NULL);
        if (r < 0)
                return r;
        if (syscall(SYS_move_mount, tree, "", layers, path, MOVE_MOUNT_F_EMPTY_PATH) < 0 || fstat(tree, &st) < 0)
                return -errno;
        s->detail = 2;
        (void)snprintf(path, sizeof(path), "/%s/lower/", name);
        r = mounts_below(s, path, &more);
        if (r >= 0 && more)
                return -EXDEV; /* an overlay shows none of them */
        (void)snprintf(path, sizeof(path), "%s/upper", name);
        if (r >= 0)
                r = make_layer(layers, path, &st);
        (void)snprintf(path, sizeof(path), "%s/work", name);
        return r >= 0 && writable ? make_layer(layers, path, NULL) : r;
}

/* --- a single file: an overlay of the directory that it lies in, and of that the one file */

typedef struct Entry { /* of getdents64(2) */
        uint64_t ino;
        int64_t offset;
        uint16_t size;
        uint8_t type;
        char name[];
} Entry;

/* The directory's name for the file; -EBUSY: there is none, the file is a mount of its own. */
static int name_of(int directory, const struct stat *file, char ret[static NAME_MAX + 1]) {
        _cleanup_close_ int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _Alignas(Entry) char buffer[4096];
        struct stat st;
        long n;

        if (fd < 0)
                return -errno;
        while ((n = syscall(SYS_getdents64, fd, buffer, sizeof(buffer))) > 0)
                for (const char *at = buffer; at < buffer + n; at += ((const Entry *)(const void *)at)->size) {
                        const Entry *e = (const Entry *)(const void *)at;

                        if (e->ino != file->st_ino || fstatat(fd, e->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
                            st.st_ino != file->st_ino || st.st_dev != file->st_dev)
                                continue;
                        (void)snprintf(ret, NAME_MAX + 1, "%s", e->name);
                        return 0;
                }
        return n < 0 ? -errno : -EBUSY;
}

/* *fd, an overlay, becomes a mount of the one file in it. Before Linux 6.15 only what is attached can be cloned: the whole
 * stays where the layers are, and goes with them. */
static int narrow(int layers, const char *layer, int *fd, const char *name) {
        char path[64];
        struct stat st;
        long file;
        int r;

        (void)snprintf(path, sizeof(path), "%s/whole", layer);
        r = make_layer(layers, path, NULL);
        if (r < 0)
                return r;
        if (syscall(SYS_move_mount, *fd, "", layers, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return -errno;
        file = syscall(SYS_open_tree, *fd, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
        if (file < 0)
                return -errno;
        (void)close(*fd);
        *fd = (int)file;
        if (fstat(*fd, &st) < 0)
                return -errno;
        return S_ISREG(st.st_mode) ? 0 : -ESTALE;
}

int step_overlay(Stage *s, const PlanStep *step) {
        const int layers = stage_slot(s, (int64_t)step->b);
        const bool writable = step->c != 0;
        int tree = stage_slot(s, step->slot), fd = -EBADF, r;
        char name[16], file[NAME_MAX + 1] = "";
        struct stat st;

        if (tree < 0 || layers < 0)
                return -EBADF;
        if (fstat(tree, &st) < 0)
                return -errno;
        if (S_ISREG(st.st_mode)) {
                s->detail = 2;
                tree = step->d > 0 ? stage_slot(s, (int64_t)step->d - 1) : -EBADF;
                r = tree < 0 ? -EBUSY : name_of(tree, &st, file);
                if (r < 0)
                        return r;
        } else if (!S_ISDIR(st.st_mode)) /* a socket seen through an overlay is another one: it keeps its label */
                return 0;
        if (s->layers_fd < 0 && syscall(SYS_move_mount, layers, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return -errno;
        s->layers_fd = layers;
        if (fchdir(layers) < 0)
                return -errno;
        s->detail = 1;
        (void)snprintf(name, sizeof(name), "%d", step->slot);
        r = prepare(s, layers, tree, name, writable);
        if (r < 0)
                return r;
        s->detail = 3;
        r = make_overlay(name, plan_text(&s->plan, step->s), writable, step->a, &fd);
        if (r >= 0 && *file) {
                (void)close(stage_slot(s, step->slot));
                stage_slot_set(s, (int64_t)step->d - 1, -EBADF);
                r = narrow(layers, name, &fd, file);
        }
        if (r < 0) {
                (void)safe_close(fd);
                return r;
        }
        (void)close(tree);
        stage_slot_set(s, step->slot, fd);
        return 0;
}
