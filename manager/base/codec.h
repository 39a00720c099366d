/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Length-prefixed, checksummed records for everything that is stored: state blobs, exit reports. The first
 * bytes are a magic and a version; unknown tags are skipped, so that a newer manager's state can be read by an
 * older one. A damaged record is refused as a whole (-EBADMSG), never half believed. */

#include "manager/base/util.h"

typedef struct Encoder {
        uint8_t *data;
        size_t size;
        int error; /* first failure; checked once by encoder_finish() */
} Encoder;

void encoder_done(Encoder *e);
void encoder_begin(Encoder *e, uint32_t magic, uint32_t version);
void encode_u64(Encoder *e, uint16_t tag, uint64_t value);
void encode_string(Encoder *e, uint16_t tag, const char *value); /* NULL is left out */
void encode_bytes(Encoder *e, uint16_t tag, const void *data, size_t size);
int encoder_finish(Encoder *e); /* appends the checksum; then data/size are the record */

typedef struct Decoder {
        const uint8_t *data;
        size_t size, position;
        uint32_t version;
} Decoder;

/* Checks magic and checksum of the whole record. Borrows data. */
int decoder_begin(Decoder *d, const void *data, size_t size, uint32_t magic);

typedef struct Field {
        uint16_t tag;
        const void *data; /* borrowed; not aligned */
        uint32_t size;
} Field;

/* The next field; -ENODATA at the end, -EBADMSG on damage. */
int decode_next(Decoder *d, Field *ret);
int field_u64(const Field *f, uint64_t *ret);
int field_string(const Field *f, char **ret); /* owned; refuses embedded NUL */
