/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "manager/base/io.h"
#include "manager/images/image-store.h"

#define PREFIX_MIN 12
#define REF_SIZE_MAX 4096

int image_store_open(const char *path, int *ret_fd) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (st.st_uid != geteuid() || (st.st_mode & 022) != 0)
                return -EPERM;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int store_open_below(int store_fd, const char *path, uint64_t flags) {
        const struct open_how how = { .flags = flags | O_CLOEXEC,
                                      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
        long fd = syscall(SYS_openat2, store_fd, path, &how, sizeof(how));

        return fd < 0 ? -errno : (int)fd;
}

int image_store_read(int store_fd, const char *path, size_t max, char **ret, size_t *ret_size) {
        _cleanup_close_ int fd = store_open_below(store_fd, path, O_RDONLY | O_NONBLOCK);

        return fd < 0 ? fd : read_file(fd, max, ret, ret_size);
}

int image_store_read_ref(int store_fd, const char *file, Digest *ret) {
        _cleanup_free_ char *text = NULL, *path = NULL;
        size_t size;
        int r = str_append(&path, "refs/%s", file);

        if (r >= 0)
                r = image_store_read(store_fd, path, REF_SIZE_MAX, &text, &size);
        if (r < 0)
                return r;
        text[strcspn(text, "\n")] = 0;
        return digest_from_hex(text, ret) < 0 ? -EBADMSG : 0;
}

int image_store_load(int store_fd, const Digest *manifest, ImageRecord **ret) {
        _cleanup_(image_record_freep) ImageRecord *record = NULL;
        char path[DIGEST_HEX_SIZE + 8] = "images/";
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        digest_to_hex(manifest, path + strlen(path));
        r = image_store_read(store_fd, path, IMAGE_RECORD_SIZE_MAX, &text, &size);
        if (r >= 0)
                r = image_record_parse(text, size, &record);
        if (r < 0)
                return r;
        if (!digest_equal(&record->manifest, manifest))
                return -EBADMSG;
        *ret = TAKE_PTR(record);
        return 0;
}

static int store_compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

int image_store_names(int store_fd, const char *directory, char ***ret) {
        _cleanup_strv_ char **names = NULL;
        int fd = store_open_below(store_fd, directory, O_RDONLY | O_DIRECTORY);
        struct dirent *entry;
        size_t n = 0, room = 0;
        DIR *dir;

        if (fd < 0)
                return fd;
        dir = fdopendir(fd);
        if (!dir) {
                (void)close(fd);
                return -ENOMEM;
        }
        while ((entry = readdir(dir))) {
                if (entry->d_name[0] == '.')
                        continue;
                if (n + 2 > room) {
                        char **more = reallocarray(names, room = 2 * room + 16, sizeof(*more));

                        if (!more)
                                break;
                        names = more;
                }
                names[n] = strdup(entry->d_name);
                names[n + 1] = NULL;
                if (!names[n++])
                        break;
        }
        (void)closedir(dir);
        if (entry)
                return -ENOMEM;
        if (n > 0)
                qsort(names, n, sizeof(*names), store_compare_names);
        *ret = TAKE_PTR(names);
        return 0;
}

static int store_find_prefix(int store_fd, const char *hex, Digest *ret) {
        _cleanup_strv_ char **names = NULL;
        const char *found = NULL;
        int r = image_store_names(store_fd, "images", &names);

        for (char **n = names; r >= 0 && n && *n; n++)
                if (startswith(*n, hex)) {
                        if (found)
                                return -ENOTUNIQ;
                        found = *n;
                }
        return r < 0 ? r : !found || digest_from_hex(found, ret) < 0 ? -ENOENT : 0;
}

static int store_find_name(int store_fd, const char *name, Digest *ret) {
        _cleanup_free_ char *normal = NULL;
        char file[IMAGE_NAME_MAX + 1];
        int r = image_name_normalize(name, &normal);

        if (r >= 0)
                r = image_name_to_file(normal, file);
        return r < 0 ? r : image_store_read_ref(store_fd, file, ret);
}

static int store_find_pinned(int store_fd, const char *name, const char *at, Digest *ret) {
        _cleanup_free_ char *plain = strndup(name, (size_t)(at - name));
        const char *hex = startswith(at, "@sha256:");
        Digest wanted, found;
        int r;

        if (!plain)
                return -ENOMEM;
        if (!hex || digest_from_hex(hex, &wanted) < 0)
                return -EINVAL;
        r = store_find_name(store_fd, plain, &found);
        if (r < 0)
                return r;
        if (!digest_equal(&wanted, &found))
                return -ENOENT;
        *ret = found;
        return 0;
}

int image_store_find(int store_fd, const char *name, Digest *ret) {
        const char *hex = startswith(name, "sha256:"), *at = strchr(name, '@');
        int r;

        if (at)
                return store_find_pinned(store_fd, name, at, ret);
        if (hex)
                return strspn(hex, "0123456789abcdef") != strlen(hex) || strlen(hex) < PREFIX_MIN
                               ? -EINVAL
                               : store_find_prefix(store_fd, hex, ret);
        r = store_find_name(store_fd, name, ret);
        if (r == -ENOENT && strlen(name) >= PREFIX_MIN && strspn(name, "0123456789abcdef") == strlen(name))
                r = store_find_prefix(store_fd, name, ret);
        return r;
}

static bool store_layer_again(const ImageRecord *image, size_t i) {
        for (size_t k = i + 1; k < image->n_layers; k++)
                if (streq(image->layers[k].id, image->layers[i].id))
                        return true;
        return false;
}

int image_store_directories(const ImageRecord *image, char ***ret) {
        _cleanup_strv_ char **list = NULL;

        for (size_t i = 0; i < image->n_layers; i++) {
                char path[LAYER_ID_SIZE + 16];
                int r;

                if (store_layer_again(image, i))
                        continue;
                (void)snprintf(path, sizeof(path), "layers/%s/tree", image->layers[i].id);
                r = strv_extend(&list, path);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(list);
        return 0;
}
