/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>

#include "manager/base/io.h"
#include "tools/bulwark-image/layer-meta.h"
#include "tools/bulwark-image/store-write.h"
#include "tools/bulwark-image/tree.h"
#include "manager/images/layer-view.h"

static const char *const store_directories[] = { "blobs", "layers", "images", "refs", "tmp" };

void store_done(Store *s) {
        s->lock_fd = safe_close(s->lock_fd);
        s->fd = safe_close(s->fd);
}

static int store_make(const char *path) {
        _cleanup_free_ char *parents = strdup(path);
        _cleanup_close_ int fd = -EBADF;

        if (!parents)
                return -ENOMEM;
        for (char *slash = parents; (slash = strchr(slash + 1, '/'));) {
                *slash = 0;
                if (mkdir(parents, 0755) < 0 && errno != EEXIST)
                        return -errno;
                *slash = '/';
        }
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
                return -errno;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (size_t i = 0; fd >= 0 && i < ELEMENTSOF(store_directories); i++)
                if (mkdirat(fd, store_directories[i], 0700) < 0 && errno != EEXIST)
                        return -errno;
        return fd < 0 ? -errno : 0;
}

/* With the lock for itself nothing of tmp/ belongs to anything that lives. */
static int store_sweep(Store *s) {
        _cleanup_strv_ char **names = NULL;
        _cleanup_close_ int tmp = image_tree_open(s->fd, "tmp", O_RDONLY | O_DIRECTORY);
        int r = tmp < 0 ? tmp : image_store_names(s->fd, "tmp", &names);

        for (char **n = names; r >= 0 && n && *n; n++)
                r = tree_remove(tmp, *n);
        return r;
}

static int store_lock(Store *s, StoreLock lock) {
        int r = 0;

        s->lock_fd = openat(s->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (s->lock_fd < 0)
                return -errno;
        if (flock(s->lock_fd, lock == STORE_REMOVE ? LOCK_EX : LOCK_EX | LOCK_NB) >= 0)
                r = store_sweep(s);
        if (r < 0)
                return r;
        return lock == STORE_ADD && flock(s->lock_fd, LOCK_SH) < 0 ? -errno : 0;
}

int store_open(const char *path, StoreLock lock, Diag *diag, Store *ret) {
        Store s = { .fd = -EBADF, .lock_fd = -EBADF, .path = path };
        int r = lock == STORE_ADD ? store_make(path) : 0;

        if (r >= 0)
                r = image_store_open(path, &s.fd);
        if (r >= 0 && lock != STORE_READ)
                r = store_lock(&s, lock);
        if (r < 0) {
                store_done(&s);
                if (r == -EPERM)
                        return diag_error(diag, ERROR_ACCESS, NULL, NULL, "%s is no store: it belongs to another user, or others may write to it", path);
                return diag_errno(diag, r == -EACCES ? ERROR_ACCESS : ERROR_MISSING, NULL, NULL, -r, "cannot open the store %s", path);
        }
        *ret = s;
        return 0;
}

int store_begin(Store *s, Diag *diag, char **ret_name, int *ret_fd) {
        _cleanup_free_ char *name = NULL;
        struct timespec now;
        int r;

        (void)clock_gettime(CLOCK_REALTIME, &now);
        r = str_append(&name, "tmp/%d-%lld-%ld", (int)getpid(), (long long)now.tv_sec, now.tv_nsec);
        if (r >= 0 && mkdirat(s->fd, name, 0700) < 0)
                r = -errno;
        if (r >= 0)
                r = *ret_fd = image_tree_open(s->fd, name, O_RDONLY | O_DIRECTORY);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot write to the store %s", s->path);
        *ret_name = TAKE_PTR(name);
        return 0;
}

void store_end(Store *s, const char *name) {
        (void)tree_remove(s->fd, name);
}

/* trusted.*: only here, where no foreign byte is read, is the capability for it. */
static int store_mark_opaque(int dir_fd) {
        _cleanup_strv_ char **opaque = NULL;
        _cleanup_close_ int tree = image_tree_open(dir_fd, "tree", O_RDONLY | O_DIRECTORY);
        int r = tree < 0 ? tree : opaque_read(dir_fd, "opaque", &opaque);

        for (char **o = opaque; r >= 0 && o && *o; o++) {
                _cleanup_close_ int fd = image_tree_open(tree, *o, O_RDONLY | O_DIRECTORY);

                r = fd < 0 ? fd : fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0 ? -errno : 0;
        }
        return r;
}

static int store_fsync(Store *s, const char *directory) {
        _cleanup_close_ int fd = image_tree_open(s->fd, directory, O_RDONLY | O_DIRECTORY);

        return fd < 0 ? fd : fsync(fd) < 0 ? -errno : 0;
}

static int store_publish(Store *s, int txn_fd, const char *from, const char *to) {
        if (renameat(txn_fd, from, s->fd, to) < 0)
                return errno == EEXIST || errno == ENOTEMPTY ? 0 : -errno; /* another import was quicker: the same layer */
        return 0;
}

static int store_publish_layers(Store *s, int txn_fd, const ImageRecord *record) {
        char number[24], path[LAYER_ID_SIZE + 16];
        int r = 0;

        for (size_t i = 0; i < record->n_layers && r >= 0; i++) {
                _cleanup_close_ int dir = -EBADF;

                (void)snprintf(number, sizeof(number), "%zu", i);
                (void)snprintf(path, sizeof(path), "layers/%s", record->layers[i].id);
                dir = image_tree_open(txn_fd, number, O_RDONLY | O_DIRECTORY);
                if (dir >= 0)
                        r = store_publish(s, txn_fd, number, path);
                else if (dir != -ENOENT)
                        r = dir;
        }
        return r;
}

static int store_prepare_layers(int txn_fd, const ImageRecord *record) {
        char number[24];
        int r = 0;

        for (size_t i = 0; i < record->n_layers && r >= 0; i++) {
                _cleanup_close_ int dir = -EBADF;

                (void)snprintf(number, sizeof(number), "%zu", i);
                dir = image_tree_open(txn_fd, number, O_RDONLY | O_DIRECTORY);
                r = dir >= 0 ? store_mark_opaque(dir) : dir == -ENOENT ? 0 : dir;
        }
        return r;
}

/* The order is the promise: content is on the disk before a name leads to it. */
static int store_publish_all(Store *s, int txn_fd, const ImageRecord *record) {
        char path[DIGEST_HEX_SIZE + 16];
        int r = store_prepare_layers(txn_fd, record);

        if (r >= 0 && syncfs(s->fd) < 0)
                r = -errno;
        if (r >= 0)
                r = store_publish_layers(s, txn_fd, record);
        if (r >= 0)
                r = store_fsync(s, "layers");
        (void)snprintf(path, sizeof(path), "blobs/");
        digest_to_hex(&record->config, path + strlen("blobs/"));
        if (r >= 0)
                r = store_publish(s, txn_fd, "config", path);
        digest_to_hex(&record->manifest, path + strlen("blobs/"));
        if (r >= 0)
                r = store_publish(s, txn_fd, "manifest", path);
        if (r >= 0)
                r = store_fsync(s, "blobs");
        (void)snprintf(path, sizeof(path), "images/");
        digest_to_hex(&record->manifest, path + strlen("images/"));
        if (r >= 0)
                r = store_publish(s, txn_fd, "record", path);
        return r < 0 ? r : store_fsync(s, "images");
}

int store_commit(Store *s, int txn_fd, Diag *diag, ImageRecord **ret) {
        _cleanup_(image_record_freep) ImageRecord *record = NULL;
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = image_store_read(txn_fd, "record", IMAGE_RECORD_SIZE_MAX, &text, &size);

        if (r >= 0)
                r = image_record_parse(text, size, &record);
        if (r >= 0)
                r = store_publish_all(s, txn_fd, record);
        if (r < 0)
                return diag_errno(diag, r == -ENOSPC ? ERROR_NO_MEMORY : ERROR_FAILED, NULL, NULL, -r, "cannot put the image into the store %s",
                                  s->path);
        *ret = TAKE_PTR(record);
        return 0;
}

int store_set_ref(Store *s, const char *name, const Digest *manifest, Diag *diag) {
        char file[IMAGE_NAME_MAX + 1], text[DIGEST_HEX_SIZE + 1];
        _cleanup_close_ int refs = image_tree_open(s->fd, "refs", O_RDONLY | O_DIRECTORY);
        int r = refs < 0 ? refs : image_name_to_file(name, file);

        digest_to_hex(manifest, text);
        text[DIGEST_HEX_SIZE - 1] = '\n';
        if (r >= 0)
                r = write_file_atomic(refs, file, text, DIGEST_HEX_SIZE, 0600);
        return r < 0 ? diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot name the image %s", name) : 0;
}

int store_discard(Store *s, const char *directory, const char *name) {
        _cleanup_free_ char *from = NULL, *to = NULL;

        if (str_append(&from, "%s/%s", directory, name) < 0 || str_append(&to, "tmp/%s-%s", directory, name) < 0)
                return -ENOMEM;
        if (renameat(s->fd, from, s->fd, to) < 0)
                return -errno;
        return tree_remove(s->fd, to);
}

int store_resolve(Store *s, const char *name, Diag *diag, ImageRecord **ret) {
        Digest digest;
        int r = image_store_find(s->fd, name, &digest);

        if (r >= 0)
                r = image_store_load(s->fd, &digest, ret);
        switch (r) {
        case 0: return 0;
        case -EINVAL:
                return diag_error(diag, ERROR_USAGE, NULL, NULL, "\"%s\" is no name of an image: [HOST/]NAME[:TAG][@sha256:DIGEST], or a digest", name);
        case -ENOENT:
                return diag_error(diag, ERROR_MISSING, NULL, NULL, "there is no image %s in %s; \"bulwarkctl image list\" shows what there is", name,
                                  s->path);
        case -ENOTUNIQ: return diag_error(diag, ERROR_USAGE, NULL, NULL, "more than one image begins with %s", name);
        case -EBADMSG: return diag_error(diag, ERROR_STATE, NULL, NULL, "the record of image %s is damaged", name);
        default: return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot read image %s", name);
        }
}
