/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "manager/base/io.h"
#include "manager/images/layer-view.h"

#define OPAQUE_SIZE_MAX (16U << 20)
#define PATH_SIZE_MAX 4096U

int image_tree_open(int tree_fd, const char *path, int flags) {
        const struct open_how how = { .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
                                      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV };
        long fd = syscall(SYS_openat2, tree_fd, *path ? path : ".", &how, sizeof(how));

        return fd < 0 ? -errno : (int)fd;
}

void view_done(View *v) {
        for (size_t i = 0; i < v->n_layers; i++) {
                (void)safe_close(v->layers[i].tree_fd);
                strv_free(v->layers[i].opaque);
        }
        free(v->layers);
        *v = (View){};
}

int view_add(View *v, int tree_fd, char **opaque) {
        struct ViewLayer *more = reallocarray(v->layers, v->n_layers + 1, sizeof(*more));

        if (!more) {
                (void)safe_close(tree_fd);
                strv_free(opaque);
                return -ENOMEM;
        }
        v->layers = more;
        more[v->n_layers++] = (struct ViewLayer){ .tree_fd = tree_fd, .opaque = opaque };
        return 0;
}

bool opaque_above(char *const *opaque, const char *path) {
        for (; opaque && *opaque; opaque++) {
                const char *rest = startswith(path, *opaque);

                if (rest && (*rest == '/' || !*rest))
                        return true;
        }
        return false;
}

/* One layer's answer: 0 found; -ENOENT: ask the one below; -ENOTDIR: nothing below can show through. */
static int view_look(const struct ViewLayer *l, const char *path, int *ret_fd, struct stat *ret) {
        char prefix[PATH_SIZE_MAX];

        for (const char *end = path;; end++) {
                _cleanup_close_ int fd = -EBADF;

                end += strcspn(end, "/");
                (void)snprintf(prefix, sizeof(prefix), "%.*s", (int)(end - path), path);
                fd = image_tree_open(l->tree_fd, prefix, O_PATH);
                if (fd < 0)
                        return fd == -ENOENT && opaque_above(l->opaque, prefix) ? -ENOTDIR : fd;
                if (fstat(fd, ret) < 0)
                        return -errno;
                if (layer_is_whiteout(ret) || (*end && !S_ISDIR(ret->st_mode)))
                        return -ENOTDIR;
                if (!*end) {
                        *ret_fd = TAKE_FD(fd);
                        return 0;
                }
        }
}

int view_open(const View *v, const char *path, int *ret_fd, struct stat *ret_stat) {
        for (size_t i = v->n_layers; i > 0; i--) {
                int r = view_look(v->layers + i - 1, path, ret_fd, ret_stat);

                if (r != -ENOENT)
                        return r == -ENOTDIR ? -ENOENT : r;
        }
        return -ENOENT;
}

bool view_root_is_plain(const View *v) {
        struct stat st;

        if (v->n_layers == 0)
                return true;
        return fstat(v->layers[v->n_layers - 1].tree_fd, &st) >= 0 && (st.st_mode & 07777) == 0755 && st.st_uid == 0 && st.st_gid == 0;
}

int opaque_read(int dir_fd, const char *name, char ***ret) {
        _cleanup_close_ int fd = image_tree_open(dir_fd, name, O_RDONLY);
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        if (fd < 0)
                return fd;
        r = read_file(fd, OPAQUE_SIZE_MAX, &text, &size);
        return r < 0 ? r : strv_split(text, '\n', ret);
}
