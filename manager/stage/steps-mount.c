/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "manager/stage/stage.h"

/* From sys/mount.h, which glibc 2.36 does not let live beside linux/mount.h. */
int umount2(const char *target, int flags);
#define MNT_DETACH 2
#define LINKS_MAX 40 /* as in the kernel */

int step_new_file_system(Stage *s, const PlanStep *step) {
        const char *options = plan_text(&s->plan, step->t), *end = options + step->t.size;
        _cleanup_close_ int fs = -EBADF;
        long fd;

        fs = (int)syscall(SYS_fsopen, plan_text(&s->plan, step->s), FSOPEN_CLOEXEC);
        if (fs < 0)
                return -errno;
        /* Each option is a parameter of its own: no text is ever joined by commas. */
        for (const char *o = options; o < end; o += strlen(o) + 1) {
                char key[64];
                const char *value = strchr(o, '=');
                size_t n = value ? (size_t)(value - o) : strlen(o);

                s->detail++;
                if (n == 0 || n >= sizeof(key))
                        return -EINVAL;
                memcpy(key, o, n);
                key[n] = 0;
                if (syscall(SYS_fsconfig, fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key,
                            value ? value + 1 : NULL, 0) < 0)
                        return -errno;
        }
        if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        fd = syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, (unsigned)step->a);
        if (fd < 0)
                return -errno;
        stage_slot_set(s, step->slot, (int)fd);
        return 0;
}

/* Every path of the unit is looked up in the container's root only; no magic link leads out of it. */
static int root_open(Stage *s, const char *path, uint64_t links) {
        const bool no_symlinks = links == PLAN_NO_SYMLINKS || links == PLAN_OVER_LINK;
        const struct open_how how = {
                .flags = O_PATH | O_CLOEXEC | (links == PLAN_OVER_LINK ? O_NOFOLLOW : 0),
                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (no_symlinks ? RESOLVE_NO_SYMLINKS : 0),
        };
        long fd;

        if (s->root_fd < 0)
                return -EBADFD;
        for (unsigned tries = 0; tries < STAGE_LOOKUP_TRIES; tries++) {
                fd = syscall(SYS_openat2, s->root_fd, path, &how, sizeof(how));
                if (fd >= 0)
                        return (int)fd;
                if (errno != EAGAIN)
                        return -errno;
        }
        return -EAGAIN;
}

int step_clone_tree(Stage *s, const PlanStep *step) {
        _cleanup_close_ int at = -EBADF;
        long fd;

        if (step->b == 0) {
                at = root_open(s, plan_text(&s->plan, step->s), step->d);
                if (at < 0)
                        return at;
        }
        fd = syscall(SYS_open_tree, step->b == 0 ? at : stage_slot(s, (int64_t)step->b - 1), "",
                     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
                             (step->flags & STEP_FLAG_RECURSIVE ? AT_RECURSIVE : 0));
        if (fd < 0)
                return -errno;
        stage_slot_set(s, step->slot, (int)fd);
        return 0;
}

int step_set_attributes(Stage *s, const PlanStep *step) {
        struct mount_attr attributes = { .attr_set = step->a, .attr_clr = step->b };
        int fd = stage_slot(s, step->slot);

        if (fd < 0)
                return -EBADF;
        if (step->flags & STEP_FLAG_IDMAP) {
                if (s->user_namespace_fd < 0)
                        return -EBADFD;
                attributes.attr_set |= MOUNT_ATTR_IDMAP;
                attributes.userns_fd = (uint64_t)s->user_namespace_fd;
        }
        if (syscall(SYS_mount_setattr, fd, "",
                    AT_EMPTY_PATH | (step->flags & STEP_FLAG_RECURSIVE ? AT_RECURSIVE : 0), &attributes,
                    sizeof(attributes)) < 0)
                return -errno;
        return 0;
}

static int mount_id(int at, const char *path, uint64_t *ret) {
        struct statx st;

        if (statx(at, path, *path ? 0 : AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0)
                return -errno;
        *ret = st.stx_mnt_id;
        return 0;
}

/* Whatever lies over the root is where a process ends up that joins this mount namespace. "/" does not show it, "/.." does. */
static int check_root(int fd) {
        uint64_t wanted = 0, root = 0, topmost = 0;
        int r;

        r = mount_id(fd, "", &wanted);
        if (r >= 0)
                r = mount_id(AT_FDCWD, "/", &root);
        if (r >= 0)
                r = mount_id(AT_FDCWD, "/..", &topmost);
        return r < 0 ? r : root == wanted && topmost == wanted ? 0 : -EBADE;
}

/* The new root is mounted over the old one, then they change places and the old one goes: after this no path
 * leads to the host any more. */
int step_enter_root(Stage *s, const PlanStep *step) {
        int fd = stage_slot(s, step->slot);

        if (fd < 0)
                return -EBADF;
        /* The layers lie over the old root: it would change places with them on it, and only they would go. The overlays
         * hold what they need. */
        if (s->layers_fd >= 0 && (fchdir(s->layers_fd) < 0 || umount2(".", MNT_DETACH) < 0))
                return -errno;
        s->layers_fd = -EBADF;
        s->detail = 1;
        if (syscall(SYS_move_mount, fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return -errno;
        s->detail = 2;
        if (fchdir(fd) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
                return -errno;
        s->detail = 3;
        if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
                return -errno;
        s->detail = 4;
        s->root_fd = fd;
        return check_root(fd);
}

static int make_component(int parent, const char *path, mode_t type) {
        const char *name = strrchr(path, '/') + 1;
        int r = type == S_IFDIR ? mkdirat(parent, name, 0755) : mknodat(parent, name, S_IFREG | 0644, 0);

        return r < 0 && errno != EEXIST ? -errno : 0;
}

/* What a link in the place of a component leads to is made instead: "/etc/resolv.conf", a link to "../run/x", becomes
 * "/etc/../run/x". path has room for PATH_MAX; end is where the component ends in it. -EINVAL: it is no link. */
static int follow_link(int parent, char *path, size_t end) {
        char target[PATH_MAX], rest[PATH_MAX], name[NAME_MAX + 1];
        size_t begin = end;
        ssize_t n;

        while (path[begin - 1] != '/')
                begin--;
        if (end - begin > NAME_MAX)
                return -ENAMETOOLONG;
        memcpy(name, path + begin, end - begin);
        name[end - begin] = 0;
        n = readlinkat(parent, name, target, sizeof(target) - 1);
        if (n <= 0)
                return n < 0 ? -errno : -ENOENT;
        target[n] = 0;
        (void)stpcpy(rest, path + end);
        if (target[0] == '/')
                begin = 0;
        if (begin + (size_t)n + strlen(rest) >= PATH_MAX)
                return -ENAMETOOLONG;
        (void)stpcpy(stpcpy(path + begin, target), rest);
        return 0;
}

/* Component by component, each parent held by a descriptor. What exists is taken as it is, through symlinks
 * inside the root unless the step forbids them; so is the place that one leads to, where there is nothing. */
static int make_path(Stage *s, const char *wanted, mode_t type, bool no_symlinks) {
        char path[PATH_MAX], prefix[PATH_MAX];
        _cleanup_close_ int parent = -EBADF;
        unsigned links = 0;

        if (strlen(wanted) >= sizeof(path) || wanted[0] != '/')
                return -ENAMETOOLONG;
        (void)stpcpy(path, wanted);
        for (size_t end = 0;;) {
                bool last;
                int fd, r;

                if (end == 0) {
                        (void)safe_close(parent);
                        parent = root_open(s, "/", no_symlinks ? PLAN_NO_SYMLINKS : 0);
                        if (parent < 0)
                                return parent;
                        end = strspn(path, "/") - 1;
                }
                end = (size_t)(strchrnul(path + end + 1, '/') - path);
                last = path[end] == 0;
                memcpy(prefix, path, end);
                prefix[end] = 0;

                fd = root_open(s, prefix, no_symlinks ? PLAN_NO_SYMLINKS : 0);
                if (fd == -ENOENT) {
                        r = follow_link(parent, path, end);
                        if (r == 0 && ++links < LINKS_MAX) {
                                end = 0;
                                continue;
                        }
                        if (r == 0)
                                return -ELOOP;
                        if (r != -EINVAL && r != -ENOENT)
                                return r;
                        r = make_component(parent, prefix, last ? type : S_IFDIR);
                        if (r < 0)
                                return r;
                        fd = root_open(s, prefix, no_symlinks ? PLAN_NO_SYMLINKS : 0);
                }
                if (fd < 0)
                        return fd;
                (void)safe_close(parent);
                parent = fd;
                if (last)
                        return 0;
        }
}

static int tree_type(int fd, mode_t *ret) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        *ret = S_ISDIR(st.st_mode) ? S_IFDIR : S_IFREG;
        return 0;
}

int step_make_mountpoint(Stage *s, const PlanStep *step) {
        const char *path = plan_text(&s->plan, step->s);
        mode_t wanted = (mode_t)step->a, found = 0;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (wanted == 0) {
                int tree = stage_slot(s, step->slot);

                if (tree < 0)
                        return -EBADF;
                r = tree_type(tree, &wanted);
                if (r < 0)
                        return r;
        }
        fd = root_open(s, path, step->d);
        if (fd == -ENOENT) {
                r = make_path(s, path, wanted, step->d == PLAN_NO_SYMLINKS || step->d == PLAN_OVER_LINK);
                if (r < 0)
                        return r;
                fd = root_open(s, path, step->d);
        }
        if (fd < 0)
                return fd;
        r = tree_type(fd, &found);
        if (r < 0)
                return r;
        if (found != wanted)
                return wanted == S_IFDIR ? -ENOTDIR : -EISDIR;
        return 0;
}

static int attach(Stage *s, int tree, const char *path, uint64_t links) {
        _cleanup_close_ int at = -EBADF;

        if (tree < 0)
                return -EBADF;
        at = root_open(s, path, links);
        if (at < 0)
                return at;
        if (syscall(SYS_move_mount, tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
                return -errno;
        return 0;
}

/* Two mounts of a unit may be named apart and still, through links of the image, end at one place, or one above the other. */
static int check_hidden(Stage *s, const PlanStep *last) {
        for (const PlanStep *step = s->plan.steps; step < last; step++) {
                const int tree = stage_slot(s, step->slot);
                _cleanup_close_ int fd = -EBADF;
                uint64_t wanted, found;
                int r;

                if (step->kind != STEP_ATTACH || step->d != PLAN_ALONE || tree < 0)
                        continue;
                fd = root_open(s, plan_text(&s->plan, step->s), 0);
                if (fd < 0)
                        return fd == -ENOENT || fd == -ENOTDIR ? -EEXIST : fd;
                r = mount_id(tree, "", &wanted);
                if (r >= 0)
                        r = mount_id(fd, "", &found);
                if (r < 0)
                        return r;
                if (wanted != found)
                        return -EEXIST;
        }
        return 0;
}

int step_attach(Stage *s, const PlanStep *step) {
        const char *path = plan_text(&s->plan, step->s);
        const int tree = stage_slot(s, step->slot);
        int r;

        if (step->d != PLAN_ALONE)
                return attach(s, tree, path, step->d);
        r = attach(s, tree, path, PLAN_NO_SYMLINKS);
        if (r == -ELOOP) {
                s->links_followed = true;
                r = attach(s, tree, path, 0);
        }
        return r >= 0 && s->links_followed ? check_hidden(s, step) : r;
}

/* What hides a path is ours: an empty directory or an empty file without any permission, of the container's own
 * /dev, mounted read-only; never a file of the image. CVE-2025-31133. */
int step_attach_mask(Stage *s, const PlanStep *step) {
        struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                                                     MOUNT_ATTR_NOEXEC };
        _cleanup_close_ int at = -EBADF, tree = -EBADF;
        int masks = stage_slot(s, step->slot), r;
        mode_t type = 0;

        if (masks < 0)
                return -EBADF;
        at = root_open(s, plan_text(&s->plan, step->s), 0);
        if (at < 0)
                return at;
        r = tree_type(at, &type);
        if (r < 0)
                return r;
        s->detail = 1;
        tree = (int)syscall(SYS_open_tree, masks, type == S_IFDIR ? PLAN_MASK_DIRECTORY : PLAN_MASK_FILE,
                            OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (tree < 0)
                return -errno;
        s->detail = 2;
        if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) < 0)
                return -errno;
        s->detail = 3;
        if (syscall(SYS_move_mount, tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
                return -errno;
        return 0;
}

int step_make_directory(Stage *s, const PlanStep *step) {
        return mkdirat(stage_slot(s, step->slot), plan_text(&s->plan, step->s), (mode_t)step->a) < 0 ? -errno : 0;
}

int step_make_file(Stage *s, const PlanStep *step) {
        return mknodat(stage_slot(s, step->slot), plan_text(&s->plan, step->s), S_IFREG | (mode_t)step->a, 0) < 0
                       ? -errno
                       : 0;
}

int step_make_symlink(Stage *s, const PlanStep *step) {
        return symlinkat(plan_text(&s->plan, step->t), stage_slot(s, step->slot), plan_text(&s->plan, step->s)) < 0
                       ? -errno
                       : 0;
}

int step_make_node(Stage *s, const PlanStep *step) {
        return mknodat(stage_slot(s, step->slot), plan_text(&s->plan, step->s), (S_ISBLK((mode_t)step->a) ? 0 : S_IFCHR) | (mode_t)step->a,
                       makedev((unsigned)(step->b >> 32), (unsigned)step->b)) < 0
                       ? -errno
                       : 0;
}
