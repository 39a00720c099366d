/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One entry of an archive becomes one file. What stood there is replaced: the last of two entries wins. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "manager/base/io.h"
#include "tools/bulwark-image/layer.h"
#include "tools/bulwark-image/tree.h"

typedef struct Entry {
        Layer *layer;
        const Place *place;
        const char *path; /* for messages */
        struct archive *archive;
        struct archive_entry *e;
        uid_t uid;
        gid_t gid;
        mode_t mode;
        struct timespec mtime;
} Entry;

static int entry_refuse(const Entry *e, const char *why) {
        return layer_refuse(e->layer, e->path, why);
}

static int entry_read_ids(Entry *e) {
        la_int64_t uid = archive_entry_uid(e->e), gid = archive_entry_gid(e->e);

        if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
                return entry_refuse(e, "an owner that no file can have");
        e->uid = (uid_t)uid;
        e->gid = (gid_t)gid;
        e->mode = archive_entry_mode(e->e) & 07777;
        e->mtime = (struct timespec){ .tv_sec = archive_entry_mtime(e->e), .tv_nsec = archive_entry_mtime_nsec(e->e) };
        if (e->mtime.tv_nsec < 0 || e->mtime.tv_nsec >= 1000000000)
                e->mtime.tv_nsec = 0;
        return 0;
}

static int entry_set_attribute(const Entry *e, int fd, const char *name, const void *value, size_t size) {
        if (startswith(name, "trusted.overlay.") || startswith(name, "user.overlay."))
                return entry_refuse(e, "an attribute that would speak to the overlay");
        if (!tree_keeps_attribute(name)) {
                layer_note(e->layer, NOTE_ATTRIBUTE, e->path);
                return 0;
        }
        if (fd < 0) /* the kernel keeps none of these on links */
                return entry_refuse(e, "an attribute on something that cannot have it");
        if (fsetxattr(fd, name, value, size, 0) < 0)
                return diag_errno(e->layer->diag, ERROR_FAILED, NULL, NULL, errno, "cannot set %s of /%s", name, e->path);
        return 0;
}

/* All of them, before the first is set. */
static int entry_check_attributes(const Entry *e) {
        size_t sum = 0, n = 0, size;
        const char *name;
        const void *value;

        (void)archive_entry_xattr_reset(e->e);
        while (archive_entry_xattr_next(e->e, &name, &value, &size) == ARCHIVE_OK && name) {
                sum += size + strlen(name);
                if (++n > LIMIT_XATTRS)
                        return entry_refuse(e, "more than 64 extended attributes");
                if (sum > LIMIT_XATTR_BYTES)
                        return entry_refuse(e, "more than 64 KiB of extended attributes");
        }
        return 0;
}

static int entry_set_attributes(const Entry *e, int fd) {
        int r = entry_check_attributes(e);
        const char *name;
        const void *value;
        size_t size;

        if (archive_entry_acl_count(e->e, ARCHIVE_ENTRY_ACL_TYPE_ACCESS | ARCHIVE_ENTRY_ACL_TYPE_DEFAULT) > 0)
                layer_note(e->layer, NOTE_ACL, e->path);
        (void)archive_entry_xattr_reset(e->e);
        while (r >= 0 && archive_entry_xattr_next(e->e, &name, &value, &size) == ARCHIVE_OK && name)
                r = entry_set_attribute(e, fd, name, value, size);
        return r;
}

/* A change of the owner takes set-user-ID and capabilities away: it comes first. */
static int entry_finish(const Entry *e, int fd) {
        int r;

        if (fchown(fd, e->uid, e->gid) < 0 || fchmod(fd, e->mode) < 0)
                return -errno;
        r = entry_set_attributes(e, fd);
        if (r < 0)
                return r;
        return futimens(fd, (const struct timespec[]){ e->mtime, e->mtime }) < 0 ? -errno : 0;
}

static int entry_finish_node(const Entry *e) {
        const struct timespec times[2] = { e->mtime, e->mtime };
        int r = entry_set_attributes(e, -EBADF);

        if (r < 0)
                return r;
        if (fchownat(e->place->dir_fd, e->place->leaf, e->uid, e->gid, AT_SYMLINK_NOFOLLOW) < 0 ||
            utimensat(e->place->dir_fd, e->place->leaf, times, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return 0;
}

static int entry_check_block(const Entry *e, la_int64_t offset, size_t size, int64_t whole) {
        if (offset < 0 || offset > whole || (int64_t)size > whole - offset)
                return entry_refuse(e, "more data than its size says");
        return 0;
}

static int entry_write_block(const Entry *e, int fd, const char *data, size_t size, la_int64_t offset) {
        while (size > 0) {
                ssize_t n = pwrite(fd, data, size, offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return diag_errno(e->layer->diag, errno == ENOSPC ? ERROR_NO_MEMORY : ERROR_FAILED, NULL, NULL, errno,
                                          "cannot write /%s", e->path);
                data += n;
                offset += n;
                size -= (size_t)n;
        }
        return 0;
}

static int entry_damaged(const Entry *e) {
        const char *words = archive_error_string(e->archive);

        return e->layer->diag->n_errors > 0 ? -EBADMSG : entry_refuse(e, words ? words : "its data cannot be read");
}

static int entry_write(const Entry *e, int fd, int64_t whole) {
        la_int64_t end = 0, offset;
        const void *data;
        size_t size;
        int r;

        for (;;) {
                r = archive_read_data_block(e->archive, &data, &size, &offset);
                if (r == ARCHIVE_EOF)
                        break;
                if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
                        return entry_damaged(e);
                r = entry_check_block(e, offset, size, whole);
                if (r >= 0)
                        r = entry_write_block(e, fd, data, size, offset);
                if (r < 0)
                        return r;
                e->layer->bytes += size;
                end = MAX_OF(end, offset + (la_int64_t)size);
        }
        return end < whole && ftruncate(fd, whole) < 0 ? -errno : 0; /* a hole at the end */
}

static int entry_file(const Entry *e) {
        int64_t size = archive_entry_size(e->e);
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (size < 0 || size > (int64_t)LIMIT_FILE_BYTES)
                return entry_refuse(e, "a size that no file here may have");
        r = layer_clear(e->layer, e->place);
        if (r < 0)
                return r;
        fd = openat(e->place->dir_fd, e->place->leaf, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        r = entry_write(e, fd, size);
        if (r < 0)
                return r;
        e->layer->n_setid += (e->mode & (S_ISUID | S_ISGID)) != 0;
        return entry_finish(e, fd);
}

/* A directory stays where one is; anything else makes way. */
static int entry_make_directory(const Entry *e) {
        struct stat st;
        bool hides;
        int r;

        if (mkdirat(e->place->dir_fd, e->place->leaf, 0700) >= 0)
                return 0;
        if (errno != EEXIST || fstatat(e->place->dir_fd, e->place->leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return 0;
        hides = layer_is_whiteout(&st);
        r = layer_clear(e->layer, e->place);
        if (r >= 0 && hides)
                r = layer_add_opaque(e->layer, e->place->dir_path, e->place->leaf);
        if (r < 0)
                return r;
        return mkdirat(e->place->dir_fd, e->place->leaf, 0700) < 0 ? -errno : 0;
}

static int entry_directory(const Entry *e) {
        const char *leaf = *e->place->leaf ? e->place->leaf : ".";
        _cleanup_close_ int fd = -EBADF;
        int r = *e->place->leaf ? entry_make_directory(e) : 0;

        if (r < 0)
                return r;
        if (!*e->place->leaf)
                e->layer->has_root = true;
        fd = openat(e->place->dir_fd, leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = entry_finish(e, fd);
        return r < 0 ? r : layer_add_time(e->layer, e->place->dir_path, e->place->leaf, e->mtime.tv_sec, e->mtime.tv_nsec);
}

static int entry_symlink(const Entry *e) {
        const char *target = archive_entry_symlink(e->e);
        int r;

        if (isempty(target) || strlen(target) > LIMIT_PATH)
                return entry_refuse(e, "a symbolic link to nothing, or with too long a text");
        r = layer_clear(e->layer, e->place);
        if (r < 0)
                return r;
        return symlinkat(target, e->place->dir_fd, e->place->leaf) < 0 ? -errno : entry_finish_node(e);
}

static int entry_fifo(const Entry *e) {
        int r = layer_clear(e->layer, e->place);

        if (r < 0)
                return r;
        if (mkfifoat(e->place->dir_fd, e->place->leaf, 0600) < 0 || fchmodat(e->place->dir_fd, e->place->leaf, e->mode, 0) < 0)
                return -errno;
        return entry_finish_node(e);
}

static int entry_device(const Entry *e) {
        if (S_ISCHR(archive_entry_filetype(e->e)) && archive_entry_rdev(e->e) == 0)
                return entry_refuse(e, "a device that would hide what is below it");
        layer_note(e->layer, NOTE_DEVICE, e->path);
        return 0;
}

static int entry_socket(const Entry *e) {
        layer_note(e->layer, NOTE_SOCKET, e->path);
        return 0;
}

/* The other name of a hard link: in this tree, or copied into it from below. */
static int entry_bring_target(const Entry *e, const Place *target, const char *path) {
        _cleanup_free_ char *real = NULL;
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        int r;

        if (fstatat(target->dir_fd, target->leaf, &st, AT_SYMLINK_NOFOLLOW) >= 0)
                return S_ISDIR(st.st_mode) || layer_is_whiteout(&st) ? entry_refuse(e, "a hard link to what is no file") : 0;
        if (errno != ENOENT)
                return -errno;
        e->layer->needs_lower = true;
        if (str_append(&real, "%s%s%s", target->dir_path, *target->dir_path ? "/" : "", target->leaf) < 0)
                return -ENOMEM;
        r = opaque_above(e->layer->opaque, real) ? -ENOENT : view_open(e->layer->view, real, &fd, &st);
        if (r == -ENOENT || (r >= 0 && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)))
                return entry_refuse(e, "a hard link to a file that is not there");
        r = r < 0 ? r : tree_copy_file(fd, &st, target->dir_fd, target->leaf);
        return r < 0 ? diag_errno(e->layer->diag, ERROR_FAILED, NULL, NULL, -r, "cannot copy /%s from a layer below", path) : 0;
}

/* A name of its own stands for the new one while the old one makes way: the target may be the old one. */
static int entry_replace_by_link(const Entry *e, int dir_fd, const char *leaf) {
        struct stat a, b;
        int r;

        if (fstatat(dir_fd, leaf, &a, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (fstatat(e->place->dir_fd, e->place->leaf, &b, AT_SYMLINK_NOFOLLOW) >= 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev)
                return 0;
        r = layer_clear(e->layer, e->place);
        if (r < 0)
                return r;
        if (linkat(dir_fd, leaf, e->place->dir_fd, e->place->leaf, 0) < 0)
                return errno == ENOENT ? entry_refuse(e, "a hard link to a file that it replaces") : -errno;
        return 0;
}

static int entry_hardlink(const Entry *e, const char *raw) {
        _cleanup_close_ int dir_fd = -EBADF;
        char path[LIMIT_PATH + 1], shown[LIMIT_PATH + 1];
        Place target, here = *e->place;
        Entry again = *e;
        int r = layer_normalize(e->layer, raw, path);

        if (r < 0)
                return r;
        if (!*path)
                return entry_refuse(e, "a hard link to the root");
        memcpy(shown, path, sizeof(shown));
        /* the way to the target takes the place of the layer's last parent */
        dir_fd = fcntl(e->place->dir_fd, F_DUPFD_CLOEXEC, 3);
        if (dir_fd < 0)
                return -errno;
        here.dir_fd = dir_fd;
        here.dir_path = NULL;
        again.place = &here;
        r = layer_place(e->layer, path, &target);
        if (r >= 0)
                r = entry_bring_target(&again, &target, shown);
        return r < 0 ? r : entry_replace_by_link(&again, target.dir_fd, target.leaf);
}

static const struct {
        mode_t type;
        int (*apply)(const Entry *e);
        bool at_root;
} entry_kinds[] = {
        { S_IFREG, entry_file, false },    { S_IFDIR, entry_directory, true }, { S_IFLNK, entry_symlink, false },
        { S_IFIFO, entry_fifo, false },    { S_IFCHR, entry_device, false },   { S_IFBLK, entry_device, false },
        { S_IFSOCK, entry_socket, false },
};

int entry_apply(Layer *l, const Place *place, const char *path, struct archive *a, struct archive_entry *entry) {
        Entry e = { .layer = l, .place = place, .path = path, .archive = a, .e = entry };
        const char *link = archive_entry_hardlink(entry);
        int r = entry_read_ids(&e);

        if (r < 0)
                return r;
        if (link && *place->leaf)
                return entry_hardlink(&e, link);
        for (size_t i = 0; i < ELEMENTSOF(entry_kinds) && !link; i++)
                if (entry_kinds[i].type == (archive_entry_filetype(entry) & S_IFMT))
                        return entry_kinds[i].at_root || *place->leaf ? entry_kinds[i].apply(&e)
                                                                      : entry_refuse(&e, "the root as something else than a directory");
        return entry_refuse(&e, "an entry of a kind that is not known");
}
