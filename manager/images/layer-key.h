/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The name of a layer's directory, made from what the layer is: its own content alone (diff), or its content on top of what
 * lies below, where it could not be extracted without looking there (chain). */

#include "manager/base/hash.h"

#define LAYER_ID_SIZE 17 /* 80 bits in base32, and the end */

typedef enum LayerKind {
        LAYER_DIFF,
        LAYER_CHAIN,
        _LAYER_KIND_MAX,
        _LAYER_KIND_INVALID = -EINVAL,
} LayerKind;

const char *layer_kind_to_string(LayerKind kind);
LayerKind layer_kind_from_string(const char *s);

/* digest: the diffID of a diff layer, the chainID of a chain layer. */
void layer_id(LayerKind kind, const Digest *digest, char ret[static LAYER_ID_SIZE]);
bool layer_id_valid(const char *id);

/* chainID of a layer on top of the one below; below NULL = the first. */
void chain_id(const Digest *below, const Digest *diff_id, Digest *ret);
