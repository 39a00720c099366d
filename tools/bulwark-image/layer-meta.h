/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* layers/ID/meta: what a finished layer is, written once. */

#include "manager/images/layer-key.h"

typedef struct LayerMeta {
        LayerKind kind;
        Digest key;    /* diffID, or chainID */
        Digest tree;   /* tree_digest() of tree/ */
        Digest opaque; /* of the file opaque */
        uint64_t size; /* of the archive, decompressed */
        uint64_t entries, bytes, whiteouts;
        bool has_root;
} LayerMeta;

int layer_meta_write(int dir_fd, const LayerMeta *m);
int layer_meta_read(int dir_fd, LayerMeta *ret); /* -EBADMSG: damaged */
