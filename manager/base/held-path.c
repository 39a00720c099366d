/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "manager/base/held-path.h"
#include "manager/base/string-list.h"

#define LINKS_MAX 40      /* as in the kernel */
#define COMPONENTS_MAX 4096U /* walked, all links together */

/* --- trees */

void path_trees_done(PathTrees *t) {
        free(t->items);
        *t = (PathTrees){};
}

static size_t trees_position(const PathTrees *t, uint64_t device, uint64_t inode) {
        size_t low = 0, high = t->n;

        while (low < high) {
                const size_t middle = low + (high - low) / 2;
                const PathTree *m = t->items + middle;

                if (m->device < device || (m->device == device && m->inode < inode))
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

bool path_trees_has(const PathTrees *t, uint64_t device, uint64_t inode) {
        for (; t; t = t->more) {
                const size_t at = trees_position(t, device, inode);

                if (at < t->n && t->items[at].device == device && t->items[at].inode == inode)
                        return true;
        }
        return false;
}

int path_trees_add(PathTrees *t, uint64_t device, uint64_t inode) {
        const size_t at = trees_position(t, device, inode);
        PathTree *grown;

        if (path_trees_has(t, device, inode))
                return 0;
        grown = reallocarray(t->items, t->n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        t->items = grown;
        memmove(grown + at + 1, grown + at, (t->n - at) * sizeof(*grown));
        grown[at] = (PathTree){ .device = device, .inode = inode };
        t->n++;
        return 0;
}

/* --- the decision */

static const char *const writer_words[_PATH_WRITER_MAX] = {
        [PATH_WRITER_ROOT] = "root",
        [PATH_WRITER_OWNER] = "the user who owns a directory above it",
        [PATH_WRITER_GROUP] = "the group of a directory above it",
        [PATH_WRITER_OTHERS] = "every user",
        [PATH_WRITER_CONTAINER] = "a container that has the place writable",
};

const char *path_writer_words(PathWriter w) {
        return w >= 0 && w < _PATH_WRITER_MAX ? writer_words[w] : NULL;
}

PathWriter path_writer(PathWriter above, const PathEntry *directory, const PathEntry *entry, uid_t own) {
        if (above != PATH_WRITER_ROOT)
                return above;
        if (directory->tree)
                return PATH_WRITER_CONTAINER;
        if (directory->uid != 0 && directory->uid != own)
                return PATH_WRITER_OWNER;
        if (!(directory->mode & (S_IWGRP | S_IWOTH)) ||
            ((directory->mode & S_ISVTX) && entry && (entry->uid == 0 || entry->uid == own)))
                return PATH_WRITER_ROOT;
        return directory->mode & S_IWOTH ? PATH_WRITER_OTHERS : PATH_WRITER_GROUP;
}

static const char *const mistake_words[_PATH_MISTAKE_MAX] = {
        [PATH_MISTAKE_KIND] = "is not a regular file",
        [PATH_MISTAKE_LINKS] = "has a second name (a hard link), so that it may be a file of somebody else; give the container "
                               "a file of its own",
        [PATH_MISTAKE_OWNER] = "belongs to a user who could have laid it there; remove it, or keep it in a directory that only "
                               "root can write to",
};

const char *path_mistake_words(PathMistake m) {
        return m >= 0 && m < _PATH_MISTAKE_MAX ? mistake_words[m] : NULL;
}

PathMistake path_check_written(PathWriter writer, const struct stat *directory, const struct stat *file, uid_t own) {
        if (!S_ISREG(file->st_mode))
                return PATH_MISTAKE_KIND;
        if (file->st_nlink > 1)
                return PATH_MISTAKE_LINKS;
        if (writer != PATH_WRITER_ROOT && file->st_uid != 0 && file->st_uid != own && file->st_uid != directory->st_uid)
                return PATH_MISTAKE_OWNER;
        return PATH_MISTAKE_NONE;
}

PathMistake path_check_read(PathWriter writer, const struct stat *file) {
        if (!S_ISREG(file->st_mode))
                return PATH_MISTAKE_KIND;
        return writer != PATH_WRITER_ROOT && file->st_nlink > 1 ? PATH_MISTAKE_LINKS : PATH_MISTAKE_NONE;
}

/* --- the walk */

void held_path_done(HeldPath *h) {
        (void)safe_close(h->fd);
        (void)safe_close(h->directory);
        free(h->path);
        free(h->link);
        *h = HELD_PATH_EMPTY;
}

static int open_resolved(int at, const char *path, uint64_t flags, uint64_t resolve) {
        struct open_how how = { .flags = O_PATH | O_CLOEXEC | flags, .resolve = resolve };
        int fd;

        do
                fd = (int)syscall(SYS_openat2, at, path, &how, sizeof(how));
        while (fd < 0 && (errno == EINTR || errno == EAGAIN));
        return fd < 0 ? -errno : fd;
}

/* Where the walk stands: a directory by its descriptor, and what is still to be walked. */
typedef struct Walk {
        const PathTrees *trees;
        unsigned flags, links, components;
        char *rest;        /* owned; at points into it */
        const char *at;
        char *done;        /* owned: without links, "" for "/" */
        int directory;
        PathEntry entry;   /* of directory */
        PathWriter writer; /* who can put something else in its place */
} Walk;

static void walk_done(Walk *w) {
        free(w->rest);
        free(w->done);
        (void)safe_close(w->directory);
}

static PathEntry entry_of(const Walk *w, const struct stat *st) {
        return (PathEntry){ .mode = st->st_mode, .uid = st->st_uid,
                            .tree = S_ISDIR(st->st_mode) && path_trees_has(w->trees, st->st_dev, st->st_ino) };
}

/* From "/" again, along rest, which is taken. */
static int walk_begin(Walk *w, char *rest) {
        struct stat st;

        free(w->rest);
        free(w->done);
        w->at = w->rest = rest;
        w->done = strdup("");
        w->directory = safe_close(w->directory);
        if (!w->rest || !w->done)
                return -ENOMEM;
        w->directory = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (w->directory < 0 || fstat(w->directory, &st) < 0)
                return -errno;
        w->entry = entry_of(w, &st);
        w->writer = PATH_WRITER_ROOT;
        return 0;
}

/* What was walked has no links, so that its text says what is above. */
static int walk_up(Walk *w) {
        char *slash = strrchr(w->done, '/'), *rest = NULL;
        int r;

        if (slash)
                *slash = 0;
        r = str_append(&rest, "%s/%s", w->done, w->at);
        return r < 0 ? r : walk_begin(w, rest);
}

static int walk_link(Walk *w, int fd, const char *name, PathWriter writer, HeldPath *ret) {
        char target[PATH_MAX], *rest = NULL;
        struct statfs fs;
        ssize_t n;
        int r;

        if (writer != PATH_WRITER_ROOT) {
                ret->writer = writer;
                r = str_append(&ret->link, "%s/%s", w->done, name);
                return r < 0 ? r : -EPERM;
        }
        if (++w->links > LINKS_MAX)
                return -ELOOP;
        if (fstatfs(fd, &fs) < 0)
                return -errno;
        if (fs.f_type == PROC_SUPER_MAGIC) { /* its text is not where it leads, unless it is one like /proc/self */
                _cleanup_close_ int magic = open_resolved(w->directory, name, 0, RESOLVE_NO_MAGICLINKS);

                if (magic == -ELOOP)
                        return -ELOOP;
        }
        n = readlinkat(fd, "", target, sizeof(target) - 1);
        if (n <= 0 || (size_t)n >= sizeof(target) - 1)
                return n < 0 ? -errno : -ENAMETOOLONG;
        target[n] = 0;
        r = target[0] == '/' ? str_append(&rest, "%s/%s", target, w->at)
                             : str_append(&rest, "%s/%s/%s", w->done, target, w->at);
        return r < 0 ? r : walk_begin(w, rest);
}

static int walk_finish(Walk *w, int fd, const char *name, HeldPath *ret) {
        int r = str_append(&ret->path, "%s/%s", w->done, name);

        if (r < 0)
                return r;
        ret->name = strrchr(ret->path, '/') + 1;
        ret->fd = fd;
        ret->directory = TAKE_FD(w->directory);
        return 0;
}

/* One name below where the walk stands. */
static int walk_name(Walk *w, const char *name, bool last, HeldPath *ret) {
        _cleanup_close_ int fd = openat(w->directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC | (last ? 0 : O_DIRECTORY));
        PathWriter writer;
        PathEntry entry;
        struct stat st;

        if (fd < 0 && (errno == ENOTDIR || errno == ELOOP) && !last) /* a link too */
                fd = openat(w->directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) {
                if (errno != ENOENT || !last || !(w->flags & HELD_MAY_MISS))
                        return -errno;
                ret->writer = path_writer(w->writer, &w->entry, NULL, geteuid());
                return walk_finish(w, -EBADF, name, ret);
        }
        if (fstat(fd, &st) < 0)
                return -errno;
        entry = entry_of(w, &st);
        writer = path_writer(w->writer, &w->entry, &entry, geteuid());
        if (S_ISLNK(st.st_mode) && !(last && (w->flags & HELD_NO_LINK)))
                return walk_link(w, fd, name, writer, ret);
        if (last) {
                ret->writer = writer;
                return walk_finish(w, TAKE_FD(fd), name, ret);
        }
        if (!S_ISDIR(st.st_mode))
                return -ENOTDIR;
        w->directory = safe_close(w->directory);
        w->directory = TAKE_FD(fd);
        w->entry = entry;
        w->writer = writer;
        return str_append(&w->done, "/%s", name);
}

static int walk(Walk *w, HeldPath *ret) {
        for (;;) {
                char name[NAME_MAX + 1];
                size_t n;
                int r;

                w->at += strspn(w->at, "/");
                n = strcspn(w->at, "/");
                if (n > NAME_MAX)
                        return -ENAMETOOLONG;
                if (++w->components > COMPONENTS_MAX)
                        return -ELOOP;
                memcpy(name, w->at, n);
                name[n] = 0;
                w->at += n;
                if (n == 0) { /* ends in a directory that was walked through, as "/" does */
                        const int fd = openat(w->directory, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

                        ret->writer = w->writer;
                        return fd < 0 ? -errno : walk_finish(w, fd, ".", ret);
                }
                if (streq(name, "."))
                        r = 0;
                else if (streq(name, ".."))
                        r = walk_up(w);
                else
                        r = walk_name(w, name, w->at[strspn(w->at, "/")] == 0, ret);
                if (r < 0 || ret->path)
                        return r;
        }
}

int held_path_open(const char *path, const PathTrees *trees, unsigned flags, HeldPath *ret) {
        _cleanup_(walk_done) Walk w = { .trees = trees, .flags = flags, .directory = -EBADF };
        int r;

        *ret = HELD_PATH_EMPTY;
        if (path[0] != '/')
                return -EINVAL;
        if (flags & HELD_QUICK) {
                ret->fd = open_resolved(AT_FDCWD, path, 0, RESOLVE_NO_SYMLINKS);
                if (ret->fd >= 0)
                        return 0;
                if (ret->fd != -ELOOP)
                        return ret->fd;
                ret->fd = -EBADF;
        }
        r = walk_begin(&w, strdup(path));
        return r < 0 ? r : walk(&w, ret);
}

int held_path_reopen(const HeldPath *h, int flags, int *ret_fd) {
        char proc[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
        int fd;

        (void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", h->fd);
        fd = open(proc, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

/* --- words */

char *held_path_words(const HeldPath *h, int r) {
        char *text = NULL;

        if (r == -EPERM && h->link)
                (void)str_append(&text,
                                 "\"%s\" is a symbolic link that %s could have made; name the place that is meant, or keep it "
                                 "where only root can write",
                                 h->link, path_writer_words(h->writer));
        return text;
}

int held_path_report(const HeldPath *h, int r, Diag *diag, ErrorCode code, const Origin *origin, const char *directive,
                     const char *path) {
        _cleanup_free_ char *words = held_path_words(h, r);

        if (words)
                return diag_error(diag, ERROR_POLICY, origin, directive, "cannot open \"%s\": %s", path, words);
        return diag_errno(diag, code, origin, directive, -r, "cannot open \"%s\"", path);
}
