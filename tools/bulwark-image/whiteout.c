/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* .wh.NAME: NAME of the layers below is gone. .wh..wh..opq: all that the layers below have in this directory is gone. They
 * say nothing about their own layer. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tools/bulwark-image/layer.h"
#include "tools/bulwark-image/tree.h"

#define WHITEOUT ".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"
#define WHITEOUT_AUFS ".wh..wh."

static int whiteout_opaque(Layer *l, const Place *place, const char *path) {
        if (!*place->dir_path)
                return layer_refuse(l, path, "it removes everything below the root");
        return layer_add_opaque(l, place->dir_path, "");
}

static int whiteout_make(Layer *l, const Place *place, const char *name) {
        struct stat st;

        l->n_whiteouts++;
        if (fstatat(place->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) >= 0)
                return S_ISDIR(st.st_mode) ? layer_add_opaque(l, place->dir_path, name) : 0;
        if (errno != ENOENT)
                return -errno;
        /* needs no capability: the kernel gives it to whoever may write here */
        return mknodat(place->dir_fd, name, S_IFCHR, makedev(0, 0)) < 0 ? -errno : 0;
}

WhiteoutPath whiteout_look(const char *path) {
        for (;;) {
                size_t n = strcspn(path, "/");

                if (startswith(path, WHITEOUT)) {
                        bool opaque = n == strlen(WHITEOUT_OPAQUE) && startswith(path, WHITEOUT_OPAQUE);

                        if (startswith(path, WHITEOUT_AUFS) && !opaque)
                                return WHITEOUT_IGNORED;
                        return path[n] ? WHITEOUT_WRONG : WHITEOUT_YES;
                }
                if (!path[n])
                        return WHITEOUT_NO;
                path += n + 1;
        }
}

int whiteout_apply(Layer *l, const Place *place, const char *path) {
        const char *name = place->leaf + strlen(WHITEOUT);

        if (!*name || streq(name, ".") || streq(name, ".."))
                return layer_refuse(l, path, "a whiteout of nothing");
        if (l->view->n_layers == 0) { /* nothing is below: a lone layer is shown without an overlay that would hide it */
                l->needs_lower = true;
                return 0;
        }
        return streq(place->leaf, WHITEOUT_OPAQUE) ? whiteout_opaque(l, place, path) : whiteout_make(l, place, name);
}
