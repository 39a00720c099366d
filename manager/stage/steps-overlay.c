/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Labels without relabelling: an overlay over a tree has one label for all that is seen through it (context=), whatever
 * the files below have. The kernel takes layers by path only, and only what is attached in this mount namespace, so the
 * layers hang on a small file system of the stage's own, stacked over the root that it is about to leave. */
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "manager/stage/stage.h"

/* From sys/mount.h, which glibc 2.36 does not let live beside linux/mount.h. */
int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
#define MOUNT_TEXT_MAX 4096 /* the kernel reads a page */

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

/* Said each time: what a kernel does by default was decided by who built it. A redirection or a file without its data that
 * lies in a layer leads nowhere. */
static const struct {
        const char *key, *value;
} overlay_options[] = {
        { "metacopy", "off" }, { "redirect_dir", "nofollow" }, { "index", "off" }, { "xino", "off" },
};

/* What an overlay is made of, named from the current directory. */
typedef struct Overlay {
        const char *name;   /* the folder of this one: name/upper, name/work */
        const char *lower;  /* the folder of its layers */
        const char *layers, *layers_end; /* names in it, lowest first; NULL = the folder itself */
        const char *context; /* empty = none */
        bool writable;
        uint64_t attributes;
} Overlay;

/* The kernel wants the topmost first. */
static int set_layers(int fs, const Overlay *o) {
        char path[PLAN_LAYER_NAME_MAX + 32];
        const char *end = o->layers_end;
        int r = 0;

        while (r >= 0 && end > o->layers) {
                const char *name = end - 1;

                while (name > o->layers && name[-1])
                        name--;
                (void)snprintf(path, sizeof(path), "%s/%s", o->lower, name);
                r = set(fs, "lowerdir+", path);
                end = name;
        }
        return r;
}

/* Without an upper layer an overlay needs two lower ones: the second is empty. */
static int make_overlay(const Overlay *o, int *ret) {
        _cleanup_close_ int fs = -EBADF;
        char lower[64], upper[32], work[32];
        long fd;
        int r;

        fs = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
        if (fs < 0)
                return -errno;
        (void)snprintf(lower, sizeof(lower), o->writable ? "%s" : "%s:%s/upper", o->lower, o->name);
        (void)snprintf(upper, sizeof(upper), "%s/upper", o->name);
        (void)snprintf(work, sizeof(work), "%s/work", o->name);
        r = o->layers ? set_layers(fs, o) : set(fs, "lowerdir", lower);
        if (r >= 0 && o->writable)
                r = set(fs, "upperdir", upper);
        if (r >= 0 && o->writable)
                r = set(fs, "workdir", work);
        for (size_t i = 0; r >= 0 && i < sizeof(overlay_options) / sizeof(overlay_options[0]); i++)
                r = set(fs, overlay_options[i].key, overlay_options[i].value);
        if (r >= 0 && *o->context)
                r = set(fs, "context", o->context);
        if (r < 0)
                return r;
        if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        fd = syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, (unsigned)o->attributes);
        if (fd < 0)
                return -errno;
        *ret = (int)fd;
        return 0;
}

/* A layer that the kernel cannot write to makes an overlay read-only without a word. */
static int check_writable(int overlay) {
        static const char name[] = ".bulwark-written";
        int fd = openat(overlay, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (fd < 0)
                return -errno;
        (void)close(fd);
        return unlinkat(overlay, name, 0) < 0 ? -errno : 0;
}

/* name/lower is the tree, name/upper what is written, name/work the kernel's. */
static int prepare(Stage *s, int layers, int tree, const char *name) {
        char path[64];
        int r;

        r = make_layer(layers, name, NULL);
        (void)snprintf(path, sizeof(path), "%s/lower", name);
        if (r >= 0)
                r = make_layer(layers, path, NULL);
        if (r < 0)
                return r;
        if (syscall(SYS_move_mount, tree, "", layers, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return -errno;
        s->detail = 2;
        return 0;
}

/* top is what the overlay's own directory looks like, below is where no other mount may be. */
static int prepare_upper(Stage *s, int layers, int top, const char *name, const char *below, bool writable) {
        char path[PLAN_LAYER_NAME_MAX + 32];
        bool more = false;
        struct stat st;
        int r;

        if (fstat(top, &st) < 0)
                return -errno;
        (void)snprintf(path, sizeof(path), "/%s/lower/%s%s", name, below, *below ? "/" : "");
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

/* Over the root that the stage is about to leave. */
static int enter_layers(Stage *s, int layers) {
        if (s->layers_fd < 0 && syscall(SYS_move_mount, layers, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return -errno;
        s->layers_fd = layers;
        return fchdir(layers) < 0 ? -errno : 0;
}

int step_overlay(Stage *s, const PlanStep *step) {
        const int layers = stage_slot(s, (int64_t)step->b);
        const bool writable = step->c != 0;
        int tree = stage_slot(s, step->slot), fd = -EBADF, r;
        char name[16], lower[32], file[NAME_MAX + 1] = "";
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
        r = enter_layers(s, layers);
        if (r < 0)
                return r;
        s->detail = 1;
        (void)snprintf(name, sizeof(name), "%d", step->slot);
        (void)snprintf(lower, sizeof(lower), "%d/lower", step->slot);
        r = prepare(s, layers, tree, name);
        if (r >= 0)
                r = prepare_upper(s, layers, tree, name, "", writable);
        if (r < 0)
                return r;
        s->detail = 3;
        r = make_overlay(&(const Overlay){ .name = name, .lower = lower, .context = plan_text(&s->plan, step->s),
                                           .writable = writable, .attributes = step->a },
                         &fd);
        if (r >= 0 && writable)
                r = check_writable(fd);
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

/* --- layers that lie below one directory */

/* A directory, and no link to one: what is mounted is named once more by its path, in a tree that only the host's root
 * writes to. */
static int open_layer(int tree, const char *name) {
        const struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                                      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };

        for (unsigned tries = 0; tries < STAGE_LOOKUP_TRIES; tries++) {
                long fd = syscall(SYS_openat2, tree, name, &how, sizeof(how));

                if (fd >= 0)
                        return (int)fd;
                if (errno != EAGAIN)
                        return -errno;
        }
        return -EAGAIN;
}

/* Before Linux 6.8 a parameter for each layer is not known, and mount(2) cuts what is longer than a page: then the layers'
 * names are all there is room for, from the folder that they lie in. */
static int append(char *text, size_t size, size_t *at, const char *a, const char *b) {
        const size_t n = strlen(a), m = strlen(b);

        if (*at + n + m + 1 > size)
                return -E2BIG;
        (void)stpcpy(stpcpy(text + *at, a), b);
        *at += n + m;
        return 0;
}

static int append_layers(char *text, size_t size, size_t *at, const Overlay *o) {
        const char *end = o->layers_end;
        int r = append(text, size, at, "lowerdir=", "");

        while (r >= 0 && end > o->layers) {
                const char *name = end - 1;

                while (name > o->layers && name[-1])
                        name--;
                r = append(text, size, at, end == o->layers_end ? "" : ":", name);
                end = name;
        }
        return r;
}

static int mount_overlay(int layers, const Overlay *o, int *ret) {
        struct mount_attr attributes = { .attr_set = o->attributes };
        char text[MOUNT_TEXT_MAX], path[64];
        _cleanup_close_ int fd = -EBADF;
        size_t at = 0;
        int r;

        r = append_layers(text, sizeof(text), &at, o);
        if (r >= 0)
                r = append(text, sizeof(text), &at, o->writable ? ",upperdir=../upper,workdir=../work" : ":../upper", "");
        for (size_t i = 0; r >= 0 && i < sizeof(overlay_options) / sizeof(overlay_options[0]); i++) {
                r = append(text, sizeof(text), &at, ",", overlay_options[i].key);
                if (r >= 0)
                        r = append(text, sizeof(text), &at, "=", overlay_options[i].value);
        }
        if (r >= 0 && *o->context) {
                r = append(text, sizeof(text), &at, ",context=\"", o->context);
                if (r >= 0)
                        r = append(text, sizeof(text), &at, "\"", "");
        }
        (void)snprintf(path, sizeof(path), "%s/whole", o->name);
        if (r >= 0)
                r = make_layer(layers, path, NULL);
        if (r < 0)
                return r;
        if (chdir(o->lower) < 0 || mount("overlay", "../whole", "overlay", 0, text) < 0 || fchdir(layers) < 0)
                return -errno;
        fd = (int)syscall(SYS_open_tree, layers, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
        if (fd < 0 || syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) < 0)
                return -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

int step_layers(Stage *s, const PlanStep *step) {
        const char *names = plan_text(&s->plan, step->s), *end = names + step->s.size + 1, *last = names;
        const int layers = stage_slot(s, (int64_t)step->b), tree = stage_slot(s, step->slot);
        _cleanup_close_ int top = -EBADF;
        char name[16], lower[32];
        Overlay o;
        int fd = -EBADF, r;

        if (tree < 0 || layers < 0)
                return -EBADF;
        r = enter_layers(s, layers);
        (void)snprintf(name, sizeof(name), "%d", step->slot);
        (void)snprintf(lower, sizeof(lower), "%d/lower", step->slot);
        s->detail = 1;
        if (r >= 0)
                r = prepare(s, layers, tree, name);
        for (const char *one = names; r >= 0 && one < end; one += strlen(one) + 1) {
                (void)safe_close(top);
                top = r = open_layer(tree, one);
                last = one;
        }
        o = (Overlay){ .name = name, .lower = lower, .layers = names, .layers_end = end,
                       .context = plan_text(&s->plan, step->t), .writable = step->c != 0, .attributes = step->a };
        if (r >= 0 && !o.writable && !*o.context && last == names) { /* the one directory needs none over it */
                fd = (int)syscall(SYS_open_tree, top, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
                r = fd < 0 ? -errno : 0;
        } else {
                if (r >= 0)
                        r = prepare_upper(s, layers, top, name, last == names ? last : "", o.writable);
                s->detail = 3;
                if (r >= 0)
                        r = o.layers == last && !o.writable ? -EINVAL : make_overlay(&o, &fd);
                if (r == -EINVAL) /* "unrecognized mount option" */
                        r = mount_overlay(layers, &o, &fd);
                if (r >= 0 && o.writable)
                        r = check_writable(fd);
        }
        if (r < 0) {
                (void)safe_close(fd);
                return r;
        }
        (void)close(tree);
        stage_slot_set(s, step->slot, fd);
        return 0;
}
