/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "manager/base/io.h"
#include "tools/bulwark-image/limits.h"
#include "tools/bulwark-image/tree.h"

/* Names of a directory, sorted; takes fd. */
static int tree_compare(const struct dirent **a, const struct dirent **b) {
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int tree_no_dots(const struct dirent *e) {
        return !streq(e->d_name, ".") && !streq(e->d_name, "..");
}

static void tree_names_free(struct dirent **names, int n) {
        for (int i = 0; i < n; i++)
                free(names[i]);
        free(names);
}

/* Depth is bounded by what a layer may have: LIMIT_DEPTH directories below each other, one descriptor each. */
static int tree_remove_inside(int fd) {
        struct dirent **names = NULL;
        int n = scandirat(fd, ".", &names, tree_no_dots, NULL), r = n < 0 ? -errno : 0;

        for (int i = 0; i < n && r >= 0; i++)
                r = tree_remove(fd, names[i]->d_name);
        tree_names_free(names, n);
        return r;
}

int tree_remove(int dir_fd, const char *name) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (unlinkat(dir_fd, name, 0) >= 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR && errno != EPERM)
                return -errno;
        fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = tree_remove_inside(fd);
        if (r < 0)
                return r;
        return unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

bool tree_keeps_attribute(const char *name) {
        return streq(name, "security.capability") || (startswith(name, "user.") && !startswith(name, "user.overlay."));
}

static int tree_copy_xattrs(int from_fd, int to_fd) {
        char names[65536], value[65536];
        ssize_t n = flistxattr(from_fd, names, sizeof(names));

        if (n < 0)
                return errno == ENOTSUP ? 0 : -errno;
        for (char *name = names; name < names + n; name += strlen(name) + 1) {
                ssize_t size;

                if (!tree_keeps_attribute(name))
                        continue;
                size = fgetxattr(from_fd, name, value, sizeof(value));
                if (size < 0 || fsetxattr(to_fd, name, value, (size_t)size, 0) < 0)
                        return -errno;
        }
        return 0;
}

int tree_copy_attributes(int from_fd, int to_fd) {
        struct stat st;

        if (fstat(from_fd, &st) < 0 || fchown(to_fd, st.st_uid, st.st_gid) < 0 || fchmod(to_fd, st.st_mode & 07777) < 0)
                return -errno;
        if (tree_copy_xattrs(from_fd, to_fd) < 0)
                return -errno;
        return futimens(to_fd, (const struct timespec[]){ st.st_atim, st.st_mtim }) < 0 ? -errno : 0;
}

static int tree_copy_content(int from, int to) {
        char buffer[65536];
        size_t n;

        do {
                int r = read_all(from, buffer, sizeof(buffer), &n);

                if (r >= 0)
                        r = write_all(to, buffer, n);
                if (r < 0)
                        return r;
        } while (n == sizeof(buffer));
        return 0;
}

static int tree_copy_link(int from_fd, const struct stat *st, int dir_fd, const char *name) {
        char target[LIMIT_PATH + 1];
        ssize_t n = readlinkat(from_fd, "", target, sizeof(target) - 1);

        if (n < 0)
                return -errno;
        target[n] = 0;
        if (symlinkat(target, dir_fd, name) < 0 || fchownat(dir_fd, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return utimensat(dir_fd, name, (const struct timespec[]){ st->st_atim, st->st_mtim }, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int tree_copy_file(int from_fd, const struct stat *st, int dir_fd, const char *name) {
        _cleanup_close_ int from = -EBADF, to = -EBADF;
        char path[32];
        int r;

        if (S_ISLNK(st->st_mode))
                return tree_copy_link(from_fd, st, dir_fd, name);
        if (!S_ISREG(st->st_mode))
                return -EINVAL;
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", from_fd);
        from = open(path, O_RDONLY | O_CLOEXEC);
        if (from < 0)
                return -errno;
        to = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (to < 0)
                return -errno;
        r = tree_copy_content(from, to);
        return r < 0 ? r : tree_copy_attributes(from, to);
}

/* One file that has several names is one in the digest, too: the first name in order stands for it. A hash table: a layer
 * can have a million of them. */
typedef struct TreeFile {
        dev_t dev;
        ino_t ino;
        uint64_t number; /* 0 = the slot is free */
} TreeFile;
typedef struct TreeWalk {
        DigestStream *digest;
        TreeFile *files;
        size_t n_files, room;
        uint8_t buffer[65536];
} TreeWalk;

static void tree_tell(TreeWalk *w, const char *format, ...) _printf_(2, 3);
static void tree_tell(TreeWalk *w, const char *format, ...) {
        char text[LIMIT_PATH + 256];
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        digest_stream_update(w->digest, text, (size_t)n + 1);
}

static size_t tree_slot(const TreeFile *files, size_t room, const struct stat *st) {
        size_t i = (size_t)((uint64_t)st->st_ino * UINT64_C(0x9e3779b97f4a7c15)) & (room - 1);

        while (files[i].number > 0 && (files[i].ino != st->st_ino || files[i].dev != st->st_dev))
                i = (i + 1) & (room - 1);
        return i;
}

static int tree_grow(TreeWalk *w) {
        size_t room = w->room > 0 ? 2 * w->room : 64;
        TreeFile *more = calloc(room, sizeof(*more));

        if (!more)
                return -ENOMEM;
        for (size_t i = 0; i < w->room; i++)
                if (w->files[i].number > 0)
                        more[tree_slot(more, room, &(struct stat){ .st_dev = w->files[i].dev, .st_ino = w->files[i].ino })] = w->files[i];
        free(w->files);
        w->files = more;
        w->room = room;
        return 0;
}

/* *ret_number 0: this is the first name of the file. */
static int tree_linked(TreeWalk *w, const struct stat *st, uint64_t *ret_number) {
        size_t i;

        if (2 * w->n_files >= w->room && tree_grow(w) < 0)
                return -ENOMEM;
        i = tree_slot(w->files, w->room, st);
        *ret_number = w->files[i].number;
        if (w->files[i].number == 0)
                w->files[i] = (TreeFile){ .dev = st->st_dev, .ino = st->st_ino, .number = ++w->n_files };
        return 0;
}

static int tree_compare_text(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int tree_tell_xattrs(TreeWalk *w, int fd) {
        char names[65536], value[65536];
        ssize_t n = flistxattr(fd, names, sizeof(names));
        const char *sorted[LIMIT_XATTRS * 2];
        size_t count = 0;

        if (n < 0)
                return errno == ENOTSUP ? 0 : -errno;
        for (char *name = names; name < names + n && count < ELEMENTSOF(sorted); name += strlen(name) + 1)
                if (tree_keeps_attribute(name))
                        sorted[count++] = name;
        qsort(sorted, count, sizeof(*sorted), tree_compare_text);
        for (size_t i = 0; i < count; i++) {
                ssize_t size = fgetxattr(fd, sorted[i], value, sizeof(value));

                if (size < 0)
                        return -errno;
                tree_tell(w, "attribute %s %zd", sorted[i], size);
                digest_stream_update(w->digest, value, (size_t)size);
        }
        return 0;
}

static int tree_tell_content(TreeWalk *w, int fd) {
        size_t n;

        do {
                int r = read_all(fd, w->buffer, sizeof(w->buffer), &n);

                if (r < 0)
                        return r;
                digest_stream_update(w->digest, w->buffer, n);
        } while (n == sizeof(w->buffer));
        return 0;
}

static int tree_walk(TreeWalk *w, int fd);

static int tree_tell_link(TreeWalk *w, int dir_fd, const char *name) {
        char target[LIMIT_PATH + 1];
        ssize_t n = readlinkat(dir_fd, name, target, sizeof(target) - 1);

        if (n < 0)
                return -errno;
        target[n] = 0;
        tree_tell(w, "to %s", target);
        return 0;
}

static int tree_tell_entry(TreeWalk *w, int dir_fd, const char *name) {
        _cleanup_close_ int fd = -EBADF;
        uint64_t number = 0;
        struct stat st;
        int r = 0;

        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (!S_ISDIR(st.st_mode) && st.st_nlink > 1)
                r = tree_linked(w, &st, &number);
        tree_tell(w, "%s %o %u:%u %" PRId64 " %" PRId64 " %u:%u %" PRIu64, name, st.st_mode, st.st_uid, st.st_gid,
                  S_ISREG(st.st_mode) ? (int64_t)st.st_size : 0, (int64_t)st.st_mtim.tv_sec, major(st.st_rdev), minor(st.st_rdev), number);
        if (r < 0 || number > 0)
                return r;
        if (S_ISLNK(st.st_mode))
                return tree_tell_link(w, dir_fd, name);
        if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
                return 0;
        fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        r = tree_tell_xattrs(w, fd);
        if (r < 0)
                return r;
        return S_ISDIR(st.st_mode) ? tree_walk(w, fd) : tree_tell_content(w, fd);
}

static int tree_walk(TreeWalk *w, int fd) {
        struct dirent **names = NULL;
        int n = scandirat(fd, ".", &names, tree_no_dots, tree_compare), r = n < 0 ? -errno : 0;

        for (int i = 0; i < n && r >= 0; i++)
                r = tree_tell_entry(w, fd, names[i]->d_name);
        tree_tell(w, "end");
        tree_names_free(names, n);
        return r;
}

int tree_digest(int tree_fd, Digest *ret) {
        _cleanup_free_ TreeWalk *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        w->digest = digest_stream_new();
        r = w->digest ? tree_tell_entry(w, tree_fd, ".") : -ENOMEM;
        if (r >= 0)
                digest_stream_finish(w->digest, ret);
        w->digest = digest_stream_free(w->digest);
        free(w->files);
        return r;
}
