/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where an entry belongs. The kernel follows no link here: a link on the way is read, and its text is resolved inside the image,
 * as the container's own kernel would with the image as its root. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tools/bulwark-image/layer.h"
#include "tools/bulwark-image/tree.h"

int layer_normalize(Layer *l, const char *raw, char ret[static LIMIT_PATH + 1]) {
        unsigned depth = 0;
        size_t at = 0;

        while (*raw) {
                size_t n = strcspn(raw, "/");

                if (n == 2 && raw[0] == '.' && raw[1] == '.')
                        return layer_refuse(l, raw, "a name with .. in it");
                if (n > LIMIT_NAME || at + n + 1 > LIMIT_PATH || ++depth > LIMIT_DEPTH)
                        return layer_refuse(l, raw, "a name that is too long, or too deep");
                if (n > 0 && (n != 1 || *raw != '.')) {
                        if (at > 0)
                                ret[at++] = '/';
                        memcpy(ret + at, raw, n);
                        at += n;
                } else
                        depth--;
                raw += n + (raw[n] == '/');
        }
        ret[at] = 0;
        return 0;
}

typedef struct Walk {
        Layer *layer;
        const char *entry; /* for messages */
        int fd;
        unsigned links;
        char at[LIMIT_PATH + 1];       /* where fd is */
        char rest[2 * LIMIT_PATH + 2]; /* what is still to go */
} Walk;

static int walk_to(Walk *w, const char *path) {
        int fd = image_tree_open(w->layer->tree_fd, path, O_RDONLY | O_DIRECTORY);

        if (fd < 0)
                return fd;
        (void)safe_close(w->fd);
        w->fd = fd;
        if (path != w->at)
                (void)snprintf(w->at, sizeof(w->at), "%s", path);
        return 0;
}

static int walk_up(Walk *w) {
        char *slash = strrchr(w->at, '/');

        *(slash ? slash : w->at) = 0;
        return walk_to(w, w->at);
}

static int walk_enter(Walk *w, const char *name) {
        size_t n = strlen(w->at);
        int fd;

        if (n + strlen(name) + 2 > sizeof(w->at))
                return layer_refuse(w->layer, w->entry, "a link on its way makes it too long");
        fd = openat(w->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        (void)safe_close(w->fd);
        w->fd = fd;
        (void)snprintf(w->at + n, sizeof(w->at) - n, "%s%s", n > 0 ? "/" : "", name);
        return 0;
}

/* The text of a link goes before the rest. */
static int walk_link(Walk *w, int dir_fd, const char *name) {
        char target[LIMIT_PATH + 1], rest[sizeof(target) + sizeof(w->rest)];
        ssize_t n = readlinkat(dir_fd, name, target, sizeof(target) - 1);

        if (n < 0)
                return -errno;
        target[n] = 0;
        if (++w->links > LIMIT_LINKS || (size_t)n + strlen(w->rest) + 2 > LIMIT_PATH)
                return layer_refuse(w->layer, w->entry, "its way goes through too many links");
        (void)snprintf(rest, sizeof(rest), "%s/%s", target, w->rest);
        memcpy(w->rest, rest, strlen(rest) + 1); /* as long as the check above says */
        return *target == '/' ? walk_to(w, "") : 0;
}

/* A directory that the archive does not have: as it is below, or plain. */
static int walk_make(Walk *w, const char *name, int like_fd) {
        struct stat st = {};
        int r;

        if (mkdirat(w->fd, name, 0755) < 0)
                return -errno;
        if (like_fd >= 0 && fstat(like_fd, &st) < 0)
                return -errno;
        r = layer_add_time(w->layer, w->at, name, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
        if (r < 0 || (r = walk_enter(w, name)) < 0)
                return r;
        if (like_fd < 0)
                return fchmod(w->fd, 0755) < 0 ? -errno : 0;
        return tree_copy_attributes(like_fd, w->fd);
}

/* Nothing of that name in this layer's tree. */
static int walk_below(Walk *w, const char *name) {
        _cleanup_close_ int fd = -EBADF, dir = -EBADF;
        char path[LIMIT_PATH + 1];
        struct stat st;
        int r;

        w->layer->needs_lower = true;
        if (snprintf(path, sizeof(path), "%s%s%s", w->at, *w->at ? "/" : "", name) >= (int)sizeof(path))
                return layer_refuse(w->layer, w->entry, "a link on its way makes it too long");
        r = opaque_above(w->layer->opaque, path) ? -ENOENT : view_open(w->layer->view, path, &fd, &st);
        if (r == -ENOENT)
                return walk_make(w, name, -EBADF);
        if (r < 0)
                return r;
        if (S_ISLNK(st.st_mode))
                return walk_link(w, fd, "");
        if (!S_ISDIR(st.st_mode))
                return layer_refuse(w->layer, w->entry, "what should be its directory is a file in a layer below");
        dir = image_tree_open(fd, "", O_RDONLY | O_DIRECTORY);
        return dir < 0 ? dir : walk_make(w, name, dir);
}

static int walk_step(Walk *w, const char *name) {
        struct stat st;
        int r;

        if (streq(name, ".."))
                return walk_up(w);
        if (!*name || streq(name, "."))
                return 0;
        if (fstatat(w->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? walk_below(w, name) : -errno;
        if (S_ISDIR(st.st_mode))
                return walk_enter(w, name);
        if (S_ISLNK(st.st_mode))
                return walk_link(w, w->fd, name);
        if (!layer_is_whiteout(&st))
                return layer_refuse(w->layer, w->entry, "what should be its directory is a file");
        r = layer_add_opaque(w->layer, w->at, name);
        if (r < 0 || unlinkat(w->fd, name, 0) < 0)
                return r < 0 ? r : -errno;
        return walk_make(w, name, -EBADF);
}

static int walk_all(Walk *w) {
        int r = walk_to(w, "");

        while (r >= 0 && *w->rest) {
                char name[LIMIT_NAME + 1];
                size_t n = strcspn(w->rest, "/"), skip = n + (w->rest[n] == '/');

                if (n > LIMIT_NAME)
                        return layer_refuse(w->layer, w->entry, "a link on its way has a name that is too long");
                memcpy(name, w->rest, n);
                name[n] = 0;
                memmove(w->rest, w->rest + skip, strlen(w->rest + skip) + 1);
                r = walk_step(w, name);
        }
        return r;
}

static int place_parent(Layer *l, const char *parent, const char *entry) {
        _cleanup_free_ Walk *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        w->layer = l;
        w->entry = entry;
        w->fd = -EBADF;
        memcpy(w->rest, parent, strlen(parent) + 1);
        r = walk_all(w);
        if (r >= 0) {
                layer_forget_parent(l);
                l->parent = strdup(parent);
                l->parent_path = strdup(w->at);
                l->parent_fd = TAKE_FD(w->fd);
                if (!l->parent || !l->parent_path)
                        r = -ENOMEM;
        }
        (void)safe_close(w->fd);
        return r;
}

int layer_place(Layer *l, char *path, Place *ret) {
        char *slash = strrchr(path, '/');
        const char *parent = slash ? path : "", *leaf = slash ? slash + 1 : path;

        if (slash)
                *slash = 0;
        if (l->parent_stale)
                layer_forget_parent(l);
        l->parent_stale = false;
        if (!streq_ptr(l->parent, parent)) {
                int r = place_parent(l, parent, leaf);

                if (r < 0)
                        return r;
        }
        *ret = (Place){ .dir_fd = l->parent_fd, .dir_path = l->parent_path, .leaf = leaf };
        return 0;
}
