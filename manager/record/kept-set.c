/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/codec.h"
#include "manager/base/string-list.h"
#include "manager/record/kept-set.h"

#define MAGIC UINT32_C(0x314b4d42) /* "BMK1" */
#define VERSION 1
#define ITEMS_MAX 1024

typedef enum Tag {
        TAG_SET_FLAGS = 1,
        TAG_NAME, /* begins an item */
        TAG_FLAGS,
} Tag;

void kept_set_done(KeptSet *s) {
        for (size_t i = 0; i < s->n; i++)
                free(s->items[i].name);
        free(s->items);
        *s = (KeptSet){};
}

static int take_item(KeptSet *s, char *name, uint64_t flags) {
        KeptItem *grown = reallocarray(s->items, s->n + 1, sizeof(*grown));

        if (!grown) {
                free(name);
                return -ENOMEM;
        }
        s->items = grown;
        s->items[s->n++] = (KeptItem){ .name = name, .flags = flags };
        return 0;
}

int kept_set_add(KeptSet *s, const char *name, uint64_t flags) {
        char *copy = strdup(name);

        return copy ? take_item(s, copy, flags) : -ENOMEM;
}

int kept_set_encode(const KeptSet *s, void **ret, size_t *ret_size) {
        _cleanup_(encoder_done) Encoder e = {};
        int r;

        encoder_begin(&e, MAGIC, VERSION);
        encode_u64(&e, TAG_SET_FLAGS, s->flags);
        for (size_t i = 0; i < s->n; i++) {
                encode_string(&e, TAG_NAME, s->items[i].name);
                encode_u64(&e, TAG_FLAGS, s->items[i].flags);
        }
        r = encoder_finish(&e);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(e.data);
        *ret_size = e.size;
        return 0;
}

static int decode_field(KeptSet *s, const Field *f) {
        char *name = NULL;
        int r;

        switch (f->tag) {
        case TAG_SET_FLAGS:
                return field_u64(f, &s->flags);
        case TAG_NAME:
                r = s->n < ITEMS_MAX ? field_string(f, &name) : -EBADMSG;
                return r < 0 ? r : take_item(s, name, 0);
        case TAG_FLAGS:
                return s->n > 0 ? field_u64(f, &s->items[s->n - 1].flags) : -EBADMSG;
        default:
                return 0; /* of a newer manager */
        }
}

int kept_set_decode(const void *data, size_t size, KeptSet *ret) {
        _cleanup_(kept_set_done) KeptSet s = {};
        Decoder d;
        Field f;
        int r;

        r = decoder_begin(&d, data, size, MAGIC);
        while (r >= 0) {
                r = decode_next(&d, &f);
                if (r >= 0)
                        r = decode_field(&s, &f);
        }
        if (r != -ENODATA)
                return r;
        *ret = s;
        s = (KeptSet){};
        return 0;
}
