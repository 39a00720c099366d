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

int digest_from_hex(const char *hex, Digest *ret) {
        struct base16_decode_ctx ctx;
        size_t size = DIGEST_SIZE;
        Digest d;

        if (strspn(hex, "0123456789abcdef") != 2 * DIGEST_SIZE || hex[2 * DIGEST_SIZE])
                return -EINVAL;
        base16_decode_init(&ctx);
        if (!base16_decode_update(&ctx, &size, d.bytes, 2 * DIGEST_SIZE, hex) || size != DIGEST_SIZE)
                return -EINVAL;
        *ret = d;
        return 0;
}

struct DigestStream {
        struct sha256_ctx ctx;
};

DigestStream *digest_stream_new(void) {
        DigestStream *s = calloc(1, sizeof(*s));

        if (s)
                sha256_init(&s->ctx);
        return s;
}

DigestStream *digest_stream_free(DigestStream *s) {
        free(s);
        return NULL;
}

void digest_stream_update(DigestStream *s, const void *data, size_t size) {
        sha256_update(&s->ctx, size, data);
}

void digest_stream_finish(DigestStream *s, Digest *ret) {
        sha256_digest(&s->ctx, DIGEST_SIZE, ret->bytes);
}
