/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <nettle/base16.h>
#include <nettle/sha2.h>

#include "manager/base/hash.h"

void digest_of(const void *data, size_t size, Digest *ret) {
        struct sha256_ctx ctx;

        sha256_init(&ctx);
        sha256_update(&ctx, size, data);
        sha256_digest(&ctx, DIGEST_SIZE, ret->bytes);
}

void digest_to_hex(const Digest *d, char ret[static DIGEST_HEX_SIZE]) {
        base16_encode_update(ret, DIGEST_SIZE, d->bytes);
        ret[2 * DIGEST_SIZE] = 0;
}
