/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/codec.h"
#include "manager/base/hash.h"

#define CHECKSUM_SIZE 8

void encoder_done(Encoder *e) {
        free(e->data);
        *e = (Encoder){};
}

static void put(Encoder *e, const void *data, size_t size) {
        uint8_t *grown;

        if (e->error < 0 || size == 0)
                return;
        grown = realloc(e->data, e->size + size);
        if (!grown) {
                e->error = -ENOMEM;
                return;
        }
        memcpy(grown + e->size, data, size);
        e->data = grown;
        e->size += size;
}

void encoder_begin(Encoder *e, uint32_t magic, uint32_t version) {
        put(e, &magic, sizeof(magic));
        put(e, &version, sizeof(version));
}

void encode_bytes(Encoder *e, uint16_t tag, const void *data, size_t size) {
        uint32_t length = (uint32_t)size;

        if (size > UINT32_MAX) {
                e->error = -E2BIG;
                return;
        }
        put(e, &tag, sizeof(tag));
        put(e, &length, sizeof(length));
        put(e, data, size);
}

void encode_u64(Encoder *e, uint16_t tag, uint64_t value) {
        encode_bytes(e, tag, &value, sizeof(value));
}

void encode_string(Encoder *e, uint16_t tag, const char *value) {
        if (value)
                encode_bytes(e, tag, value, strlen(value));
}

int encoder_finish(Encoder *e) {
        Digest digest;

        if (e->error < 0)
                return e->error;
        digest_of(e->data, e->size, &digest);
        put(e, digest.bytes, CHECKSUM_SIZE);
        return e->error;
}

int decoder_begin(Decoder *d, const void *data, size_t size, uint32_t magic) {
        uint32_t head[2];
        Digest digest;

        if (size < sizeof(head) + CHECKSUM_SIZE)
                return -EBADMSG;
        memcpy(head, data, sizeof(head));
        if (head[0] != magic)
                return -EBADMSG;
        digest_of(data, size - CHECKSUM_SIZE, &digest);
        if (memcmp(digest.bytes, (const uint8_t *)data + size - CHECKSUM_SIZE, CHECKSUM_SIZE) != 0)
                return -EBADMSG;
        *d = (Decoder){ .data = data, .size = size - CHECKSUM_SIZE, .position = sizeof(head), .version = head[1] };
        return 0;
}

int decode_next(Decoder *d, Field *ret) {
        const size_t head = sizeof(ret->tag) + sizeof(ret->size);

        if (d->position == d->size)
                return -ENODATA;
        if (d->size - d->position < head)
                return -EBADMSG;
        memcpy(&ret->tag, d->data + d->position, sizeof(ret->tag));
        memcpy(&ret->size, d->data + d->position + sizeof(ret->tag), sizeof(ret->size));
        if (d->size - d->position - head < ret->size)
                return -EBADMSG;
        ret->data = d->data + d->position + head;
        d->position += head + ret->size;
        return 0;
}

int field_u64(const Field *f, uint64_t *ret) {
        if (f->size != sizeof(*ret))
                return -EBADMSG;
        memcpy(ret, f->data, sizeof(*ret));
        return 0;
}

int field_string(const Field *f, char **ret) {
        char *s;

        if (memchr(f->data, 0, f->size))
                return -EBADMSG;
        s = strndup(f->data, f->size);
        if (!s)
                return -ENOMEM;
        *ret = s;
        return 0;
}
