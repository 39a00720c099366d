/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SHA-256 (by nettle), the key of every cache here, and its hexadecimal text. */

#include "manager/base/util.h"

#define DIGEST_SIZE 32
#define DIGEST_HEX_SIZE (2 * DIGEST_SIZE + 1)

typedef struct Digest {
        uint8_t bytes[DIGEST_SIZE];
} Digest;

void digest_of(const void *data, size_t size, Digest *ret);
void digest_to_hex(const Digest *d, char ret[static DIGEST_HEX_SIZE]);
/* Exactly 64 lower-case digits, nothing behind them; else -EINVAL. */
int digest_from_hex(const char *hex, Digest *ret);

/* What arrives in pieces. NULL = no memory. */
typedef struct DigestStream DigestStream;
DigestStream *digest_stream_new(void);
DigestStream *digest_stream_free(DigestStream *s);
DEFINE_CLEANUP(DigestStream, digest_stream_free)
void digest_stream_update(DigestStream *s, const void *data, size_t size);
void digest_stream_finish(DigestStream *s, Digest *ret); /* and begins anew */

static inline bool digest_equal(const Digest *a, const Digest *b) {
        return memcmp(a, b, sizeof(Digest)) == 0;
}
