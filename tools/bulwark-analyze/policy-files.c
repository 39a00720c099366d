/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "manager/base/hash.h"
#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "tools/bulwark-analyze/policy-files.h"

#define MANIFEST "MANIFEST"
#define FILE_MAX (16U << 20)

void export_files_done(ExportFiles *f) {
        for (size_t i = 0; i < f->n; i++) {
                free(f->items[i].name);
                free(f->items[i].data);
        }
        free(f->items);
        *f = (ExportFiles){};
}

int export_files_take(ExportFiles *f, char *name, char *data, size_t size) {
        ExportFile *items = name && data ? reallocarray(f->items, f->n + 1, sizeof(ExportFile)) : NULL;

        if (!items) {
                free(name);
                free(data);
                return -ENOMEM;
        }
        f->items = items;
        items[f->n++] = (ExportFile){ .name = name, .data = data, .size = size };
        return 0;
}

static int open_directory(const char *path, int *ret) {
        int fd;

        if (mkdir(path, 0755) < 0 && errno != EEXIST)
                return -errno;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        *ret = fd;
        return 0;
}

/* -ENOENT where there is none; a link is not followed: it is nobody's export. */
static int read_in(int dir_fd, const char *name, char **ret, size_t *ret_size) {
        _cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

        return fd < 0 ? -errno : read_file(fd, FILE_MAX, ret, ret_size);
}

static int manifest_line(const char *data, size_t size, const char *name, char **ret) {
        char hex[DIGEST_HEX_SIZE];
        Digest digest;

        digest_of(data, size, &digest);
        digest_to_hex(&digest, hex);
        return str_append(ret, "%s  %s\n", hex, name);
}

/* Is the line one of the manifest's? */
static bool listed(const char *manifest, const char *line) {
        const char *at = manifest ? strstr(manifest, line) : NULL;

        return at && (at == manifest || at[-1] == '\n');
}

/* -EEXIST: it is not, or no longer, what was exported there. */
static int check_file(int dir_fd, const char *manifest, const char *name) {
        _cleanup_free_ char *data = NULL, *line = NULL;
        size_t size = 0;
        int r;

        r = read_in(dir_fd, name, &data, &size);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r == -ENOMEM ? r : -EEXIST;
        r = manifest_line(data, size, name, &line);
        if (r < 0)
                return r;
        return listed(manifest, line) ? 0 : -EEXIST;
}

static int check_all(const ExportFiles *f, int dir_fd, const char *directory) {
        _cleanup_free_ char *manifest = NULL;
        size_t size = 0;
        int r, result = 0;

        r = read_in(dir_fd, MANIFEST, &manifest, &size);
        if (r < 0 && r != -ENOENT)
                return r;
        for (size_t i = 0; i < f->n; i++) {
                r = check_file(dir_fd, manifest, f->items[i].name);
                if (r == -EEXIST)
                        fprintf(stderr,
                                "bulwark-analyze: %s/%s was not exported here, or was changed since; --force overwrites it\n",
                                directory, f->items[i].name);
                if (r < 0)
                        result = r;
        }
        return result;
}

static int write_manifest(int dir_fd, const char *text) {
        return write_file_atomic(dir_fd, MANIFEST, text, strlen(text), 0644);
}

/* While files are being replaced the manifest has both what they were and what they will be: interrupted anywhere, all
 * that stands there still is known as ours. */
static int write_all_files(const ExportFiles *f, int dir_fd) {
        _cleanup_free_ char *manifest = NULL, *both = NULL;
        size_t size = 0;
        int r;

        r = read_in(dir_fd, MANIFEST, &both, &size);
        if (r == -ENOENT || r == -ELOOP)
                r = 0; /* a link is replaced, not followed */
        for (size_t i = 0; r >= 0 && i < f->n; i++)
                r = manifest_line(f->items[i].data, f->items[i].size, f->items[i].name, &manifest);
        if (r >= 0)
                r = str_append(&both, "%s", strempty(manifest));
        if (r >= 0)
                r = write_manifest(dir_fd, both);
        for (size_t i = 0; r >= 0 && i < f->n; i++)
                r = write_file_atomic(dir_fd, f->items[i].name, f->items[i].data, f->items[i].size, 0644);
        return r < 0 ? r : write_manifest(dir_fd, manifest);
}

int export_files_write(const ExportFiles *f, const char *directory, bool force) {
        _cleanup_close_ int dir_fd = -EBADF;
        int r;

        r = open_directory(directory, &dir_fd);
        if (r < 0) {
                fprintf(stderr, "bulwark-analyze: cannot make the directory %s: %s\n", directory, strerror(-r));
                return r;
        }
        r = force ? 0 : check_all(f, dir_fd, directory);
        if (r == -EEXIST)
                return r;
        if (r >= 0)
                r = write_all_files(f, dir_fd);
        if (r < 0)
                fprintf(stderr, "bulwark-analyze: cannot write to %s: %s\n", directory, strerror(-r));
        return r;
}
