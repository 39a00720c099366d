/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "manager/images/layer-key.h"

static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567";
static const char *const kind_names[_LAYER_KIND_MAX] = {
        [LAYER_DIFF] = "diff",
        [LAYER_CHAIN] = "chain",
};

const char *layer_kind_to_string(LayerKind kind) {
        return kind_names[kind];
}

LayerKind layer_kind_from_string(const char *s) {
        for (int i = 0; i < _LAYER_KIND_MAX; i++)
                if (streq(s, kind_names[i]))
                        return (LayerKind)i;
        return _LAYER_KIND_INVALID;
}

void layer_id(LayerKind kind, const Digest *digest, char ret[static LAYER_ID_SIZE]) {
        char hex[DIGEST_HEX_SIZE], text[DIGEST_HEX_SIZE + 16];
        Digest key;

        digest_to_hex(digest, hex);
        (void)snprintf(text, sizeof(text), "%s sha256:%s", kind_names[kind], hex);
        digest_of(text, strlen(text), &key);
        for (size_t i = 0; i + 1 < LAYER_ID_SIZE; i++) { /* five bits each */
                size_t bit = 5 * i;
                unsigned two = (unsigned)key.bytes[bit / 8] << 8 | key.bytes[bit / 8 + 1];

                ret[i] = base32[two >> (11 - bit % 8) & 31];
        }
        ret[LAYER_ID_SIZE - 1] = 0;
}

bool layer_id_valid(const char *id) {
        return strspn(id, base32) == LAYER_ID_SIZE - 1 && !id[LAYER_ID_SIZE - 1];
}

void chain_id(const Digest *below, const Digest *diff_id, Digest *ret) {
        char a[DIGEST_HEX_SIZE], b[DIGEST_HEX_SIZE], text[2 * DIGEST_HEX_SIZE + 16];

        if (!below) {
                *ret = *diff_id;
                return;
        }
        digest_to_hex(below, a);
        digest_to_hex(diff_id, b);
        (void)snprintf(text, sizeof(text), "sha256:%s sha256:%s", a, b);
        digest_of(text, strlen(text), ret);
}
