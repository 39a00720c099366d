/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/claims/claims.h"

static bool is_asked(const Claim *c) {
        return c->view == VIEW_PROBE && c->askable;
}

static size_t record_size(const Claim *c) {
        return sizeof(ProbeQuestion) + probe_padded(strlen(c->text) + 1);
}

int claims_questions(const Claims *c, void **ret, size_t *ret_size) {
        ProbeHeader header = { .magic = PROBE_MAGIC };
        size_t size = sizeof(header);
        char *data, *at;

        for (size_t i = 0; i < c->n; i++)
                if (is_asked(c->items + i)) {
                        header.n++;
                        size += record_size(c->items + i);
                }
        data = calloc(1, size);
        if (!data)
                return -ENOMEM;
        header.size = (uint32_t)size;
        at = mempcpy(data, &header, sizeof(header));
        for (size_t i = 0; i < c->n; i++) {
                const Claim *claim = c->items + i;
                ProbeQuestion q = { .kind = (uint16_t)claim->kind,
                                    .text_size = (uint16_t)(strlen(claim->text) + 1),
                                    .number = claim->number };

                if (!is_asked(claim))
                        continue;
                memcpy(q.arguments, claim->arguments, sizeof(q.arguments));
                memcpy(at, &q, sizeof(q));
                memcpy(at + sizeof(q), claim->text, q.text_size);
                at += record_size(claim);
        }
        *ret = data;
        *ret_size = size;
        return 0;
}

/* A person will look at it, and a terminal. */
static char *readable(const char *text, size_t size) {
        char *s = strndup(text, size);

        for (char *p = s; p && *p; p++)
                if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
                        *p = '?';
        return s;
}

int claims_take_answers(Claims *c, const void *data, size_t size) {
        const char *at = data;
        uint32_t index = 0;

        for (size_t i = 0; i < c->n; i++) {
                ProbeAnswer head;

                if (!is_asked(c->items + i))
                        continue;
                if (size < sizeof(head))
                        return -EBADMSG;
                memcpy(&head, at, sizeof(head));
                if (head.index != index || head.size > PROBE_ANSWER_MAX || head.size > size - sizeof(head))
                        return -EBADMSG;
                free(c->items[i].observed);
                c->items[i].observed = readable(at + sizeof(head), head.size);
                if (!c->items[i].observed)
                        return -ENOMEM;
                at += sizeof(head) + head.size;
                size -= sizeof(head) + head.size;
                index++;
        }
        return size > 0 ? -EBADMSG : 0;
}
