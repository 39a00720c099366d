/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "tools/bulwark-image/blob-stream.h"
#include "tools/bulwark-image/limits.h"
#include "tools/bulwark-image/source.h"
#include "tools/bulwark-image/tree.h"

#define ALIASES_MAX 8

void source_done(Source *s) {
        for (size_t i = 0; i < s->n_files; i++) {
                free(s->files[i].name);
                free(s->files[i].target);
        }
        free(s->files);
        s->dir_fd = safe_close(s->dir_fd);
}

void source_from_directory(int dir_fd, Source *ret) {
        *ret = (Source){ .dir_fd = dir_fd };
}

/* ./a//b/../c -> a/c; -EINVAL where it leads out. */
static int source_clean(const char *dir, const char *name, char **ret) {
        _cleanup_strv_ char **parts = NULL, **kept = NULL;
        _cleanup_free_ char *path = NULL;
        size_t n = 0;

        if (str_append(&path, "%s/%s", dir, name) < 0 || strv_split(path, '/', &parts) < 0)
                return -ENOMEM;
        kept = calloc(strv_length(parts) + 1, sizeof(*kept));
        if (!kept)
                return -ENOMEM;
        for (char **p = parts; p && *p; p++) {
                if (streq(*p, ".."))
                        if (n == 0)
                                return -EINVAL;
                        else
                                kept[--n] = NULL;
                else if (!streq(*p, "."))
                        kept[n++] = *p;
        }
        kept[n] = NULL;
        *ret = strv_join(kept, "/");
        free(TAKE_PTR(kept)); /* the strings are those of parts */
        return *ret ? 0 : -ENOMEM;
}

static int source_add(Source *s, SourceFile *f) {
        SourceFile *more;

        if (s->n_files >= LIMIT_SPOOL_FILES)
                return -E2BIG;
        more = reallocarray(s->files, s->n_files + 1, sizeof(*more));
        if (!more)
                return -ENOMEM;
        s->files = more;
        f->number = (unsigned)s->n_files;
        more[s->n_files++] = *f;
        *f = (SourceFile){};
        return 0;
}

static int source_spool_file(Source *s, struct archive *a, unsigned number) {
        char name[16];
        _cleanup_close_ int fd = -EBADF;

        (void)snprintf(name, sizeof(name), "%u", number);
        fd = openat(s->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        for (;;) {
                const void *data;
                la_int64_t offset;
                size_t size;
                int r = archive_read_data_block(a, &data, &size, &offset);

                if (r == ARCHIVE_EOF)
                        return 0;
                if (r != ARCHIVE_OK || offset < 0 || offset > (la_int64_t)LIMIT_LAYER_BYTES)
                        return -EBADMSG;
                if (lseek(fd, offset, SEEK_SET) < 0)
                        return -errno;
                r = write_all(fd, data, size);
                if (r < 0)
                        return r;
        }
}

/* A link is another name: docker archives have one layer under several. */
static int source_link(struct archive_entry *e, const char *name, char **ret) {
        const char *hard = archive_entry_hardlink(e), *soft = archive_entry_symlink(e);
        _cleanup_free_ char *dir = NULL;
        char *slash;

        if (hard)
                return source_clean("", hard, ret);
        if (archive_entry_filetype(e) != AE_IFLNK || !soft)
                return 0;
        dir = strdup(name);
        if (!dir)
                return -ENOMEM;
        slash = strrchr(dir, '/');
        *(slash ? slash : dir) = 0;
        return *soft == '/' ? -EINVAL : source_clean(dir, soft, ret);
}

static int source_take(Source *s, struct archive *a, struct archive_entry *e) {
        const char *raw = archive_entry_pathname(e);
        SourceFile f = {};
        int r;

        if (archive_entry_filetype(e) == AE_IFDIR && !archive_entry_hardlink(e))
                return 0;
        r = raw ? source_clean("", raw, &f.name) : -EINVAL;
        if (r >= 0)
                r = source_link(e, f.name, &f.target);
        if (r >= 0 && !f.target && archive_entry_filetype(e) != AE_IFREG)
                r = -EINVAL;
        if (r >= 0 && !f.target)
                r = source_spool_file(s, a, (unsigned)s->n_files);
        if (r >= 0)
                r = source_add(s, &f);
        free(f.name);
        free(f.target);
        return r;
}

static int source_explain(BlobStream *stream, Diag *diag, int r) {
        if (diag->n_errors > 0)
                return r;
        if (r == -EBADMSG)
                return blob_stream_error(stream);
        if (r == -EINVAL)
                return diag_error(diag, ERROR_BAD_VALUE, NULL, NULL, "the archive is refused: a name that leads out of it, or a device");
        if (r == -E2BIG)
                return diag_error(diag, ERROR_BAD_VALUE, NULL, NULL, "the archive is refused: it has more than 8192 files");
        return diag_errno(diag, r == -ENOSPC ? ERROR_NO_MEMORY : ERROR_FAILED, NULL, NULL, -r, "cannot unpack the archive");
}

static int source_spool(Source *s, BlobStream *stream, Diag *diag) {
        struct archive *a = blob_stream_tar(stream);
        struct archive_entry *e;
        uint64_t size;
        Digest digest;

        for (;;) {
                int r = archive_read_next_header(a, &e);

                if (r == ARCHIVE_EOF)
                        break;
                if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
                        return blob_stream_error(stream);
                r = source_take(s, a, e);
                if (r < 0)
                        return source_explain(stream, diag, r);
        }
        return blob_stream_finish(stream, &digest, &size, &digest, &size);
}

int source_from_archive(int fd, int spool_fd, Diag *diag, Source *ret) {
        _cleanup_(blob_stream_freep) BlobStream *stream = NULL;
        Source s = { .dir_fd = spool_fd, .spooled = true };
        int r = blob_stream_new(fd, NULL, 0, diag, &stream);

        if (r >= 0)
                r = source_spool(&s, stream, diag);
        if (r < 0)
                source_done(&s);
        else
                *ret = s;
        return r;
}

/* The last file of a name is meant, as for whoever unpacks it. */
static const SourceFile *source_find(const Source *s, const char *name) {
        for (unsigned hops = 0; hops < ALIASES_MAX; hops++) {
                const SourceFile *found = NULL;

                for (size_t i = s->n_files; i > 0 && !found; i--)
                        if (streq(s->files[i - 1].name, name))
                                found = s->files + i - 1;
                if (!found || !found->target)
                        return found;
                name = found->target;
        }
        return NULL;
}

int source_open(const Source *s, const char *name, Diag *diag, int *ret_fd) {
        _cleanup_close_ int fd = -EBADF;
        char number[16];
        struct stat st;

        if (s->spooled) {
                const SourceFile *f = source_find(s, name);

                (void)snprintf(number, sizeof(number), "%u", f ? f->number : 0);
                fd = f ? image_tree_open(s->dir_fd, number, O_RDONLY) : -ENOENT;
        } else
                fd = image_tree_open(s->dir_fd, name, O_RDONLY | O_NONBLOCK);
        if (fd < 0)
                return diag_errno(diag, fd == -ENOENT ? ERROR_MISSING : ERROR_BAD_VALUE, NULL, NULL, -fd, "the image has no %s", name);
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return diag_error(diag, ERROR_BAD_VALUE, NULL, NULL, "%s of the image is no regular file", name);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int source_read(const Source *s, const char *name, size_t max, Diag *diag, char **ret, size_t *ret_size) {
        _cleanup_close_ int fd = -EBADF;
        int r = source_open(s, name, diag, &fd);

        if (r < 0)
                return r;
        r = read_file(fd, max, ret, ret_size);
        if (r < 0)
                return diag_errno(diag, ERROR_BAD_VALUE, NULL, NULL, -r, "cannot read %s of the image", name);
        return 0;
}
