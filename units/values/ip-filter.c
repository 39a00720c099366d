/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ip_filter: networks that packets come from or go to, as IPAddressAllow= has them. */
#include "units/values/parse.h"

typedef struct FilterWord {
        const char *word;
        const char *prefixes[2];
} FilterWord;

/* systemd's, and what they mean there. */
static const FilterWord filter_words[] = {
        { "any", { "0.0.0.0/0", "::/0" } },
        { "localhost", { "127.0.0.0/8", "::1/128" } },
        { "link-local", { "169.254.0.0/16", "fe80::/64" } },
        { "multicast", { "224.0.0.0/4", "ff00::/8" } },
};

static void filter_done(void *field) {
        value_ip_filter *v = field;

        free(v->items);
        *v = (value_ip_filter){};
}

static int filter_add(const ValueContext *c, value_ip_filter *v, IpPrefix p) {
        int r;

        for (unsigned bit = p.length; bit < 128; bit++)
                p.bytes[bit / 8] &= (uint8_t)~(0x80U >> bit % 8);
        for (size_t i = 0; i < v->n; i++)
                if (memcmp(&v->items[i].prefix, &p, sizeof(p)) == 0)
                        return 0; /* the line that said so first stays the cause */
        if (v->n >= IP_FILTER_MAX)
                return value_error(c, "there are more than %d networks; write fewer and larger ones", IP_FILTER_MAX);
        r = value_grow(c, &v->items, v->n, sizeof(*v->items));
        if (r < 0)
                return r;
        v->items[v->n++] = (IpPrefixItem){ .prefix = p, .origin = c->origin };
        return 0;
}

static bool is_mapped(const IpPrefix *p) {
        static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

        return p->family == AF_INET6 && p->length >= 96 && memcmp(p->bytes, mapped, sizeof(mapped)) == 0;
}

static int filter_item(const ValueContext *c, const char *word, void *field) {
        value_ip_filter *v = field;
        IpPrefix p;
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(filter_words); i++) {
                if (!streq(word, filter_words[i].word))
                        continue;
                for (size_t k = 0; r >= 0 && k < ELEMENTSOF(filter_words[i].prefixes); k++) {
                        r = ip_prefix_parse(filter_words[i].prefixes[k], &p, NULL);
                        if (r >= 0)
                                r = filter_add(c, v, p);
                }
                return r;
        }
        if (ip_prefix_parse(word, &p, NULL) < 0)
                return value_error(c, "'%s' is no network; write an address, such as 10.1.2.3 or fd00:1::3, one with a length, such as "
                                   "10.1.0.0/16, or any, localhost, link-local, multicast", word);
        if (is_mapped(&p))
                return value_error(c, "'%s': packets to such addresses are packets of IPv4; write the IPv4 network", word);
        return filter_add(c, v, p);
}

static int filter_parse(const ValueContext *c, const char *text, void *field) {
        if (!value_is_reset(text))
                return value_each_word(c, text, filter_item, field);
        filter_done(field);
        return 0;
}

static int filter_explode(const void *field, char ***ret) {
        const value_ip_filter *v = field;
        _cleanup_strv_ char **l = NULL;

        for (size_t i = 0; i < v->n; i++) {
                char text[IP_PREFIX_TEXT_MAX];
                int r;

                ip_prefix_to_text(&v->items[i].prefix, true, text);
                r = strv_extend(&l, text);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

static int filter_print(const void *field, char **ret) {
        return value_print_exploded(filter_explode, field, ret);
}

static const char *const completion_words[] = { "any", "localhost", "link-local", "multicast", NULL };

const ValueType value_type_ip_filter = {
        .name = "ip_filter",
        .syntax = "networks such as 10.1.0.0/16 or fd00:1::3; any, localhost, link-local, multicast",
        .signature = "as",
        .size = sizeof(value_ip_filter),
        .list = true,
        .parse = filter_parse,
        .print = filter_print,
        .explode = filter_explode,
        .done = filter_done,
        .words = completion_words,
};
