/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What lies below a layer that is being extracted: the merged tree of finished layers, as an overlay would show it. */

#include <sys/stat.h>

#include "manager/base/string-list.h"

typedef struct View {
        struct ViewLayer {
                int tree_fd;   /* owned */
                char **opaque; /* owned: directories that hide all below them */
        } *layers;             /* the lowest first */
        size_t n_layers;
} View;

void view_done(View *v);
int view_add(View *v, int tree_fd, char **opaque); /* takes both, also on failure */

/* path: no link on the way is followed. -ENOENT: nothing there. */
int view_open(const View *v, const char *path, int *ret_fd, struct stat *ret_stat);

/* Below the directory alone, through no link and no mount; "" = itself. */
int image_tree_open(int tree_fd, const char *path, int flags);

/* What stands in a layer where it removes what a lower one has. */
static inline bool layer_is_whiteout(const struct stat *st) {
        return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

/* The root directory of the topmost layer; 0755 of root where there is none. */
bool view_root_is_plain(const View *v);

/* Whether path, or a directory above it, is in the list. */
bool opaque_above(char *const *opaque, const char *path);
/* The list as a file: a path a line, with the record's escapes left to names: a newline in a name is refused at extraction. */
int opaque_read(int dir_fd, const char *name, char ***ret);
