/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* address_families, socket_binds: which sockets there may be, and which ports they may take. */
#include <ctype.h>
#include <strings.h>
#include <sys/socket.h>

#include "units/values/parse.h"

/* --- address_families */

static const char *const family_names[] = {
#define AF(name) [AF_##name] = "AF_" #name
        AF(UNIX),      AF(INET),   AF(AX25),     AF(IPX),    AF(APPLETALK), AF(NETROM),    AF(BRIDGE), AF(ATMPVC),
        AF(X25),       AF(INET6),  AF(ROSE),     AF(DECnet), AF(NETBEUI),   AF(SECURITY),  AF(KEY),    AF(NETLINK),
        AF(PACKET),    AF(ASH),    AF(ECONET),   AF(ATMSVC), AF(RDS),       AF(SNA),       AF(IRDA),   AF(PPPOX),
        AF(WANPIPE),   AF(LLC),    AF(IB),       AF(MPLS),   AF(CAN),       AF(TIPC),      AF(BLUETOOTH), AF(IUCV),
        AF(RXRPC),     AF(ISDN),   AF(PHONET),   AF(IEEE802154), AF(CAIF),  AF(ALG),       AF(NFC),    AF(VSOCK),
        AF(KCM),       AF(QIPCRTR), AF(SMC),     AF(XDP),
        [45] = "AF_MCTP",
#undef AF
};
_Static_assert(ELEMENTSOF(family_names) <= ADDRESS_FAMILY_MAX, "a set is one word of bits");


static const struct {
        const char *name;
        int family;
} family_aliases[] = {
        { "AF_LOCAL", AF_UNIX },
        { "AF_FILE", AF_UNIX },
        { "AF_ROUTE", AF_NETLINK },
};

const char *address_family_to_string(unsigned family) {
        return family < ELEMENTSOF(family_names) ? family_names[family] : NULL;
}

int address_family_from_string(const char *name) {
        for (size_t i = AF_UNIX; i < ELEMENTSOF(family_names); i++)
                if (family_names[i] && strcasecmp(family_names[i], name) == 0)
                        return (int)i;
        for (size_t i = 0; i < ELEMENTSOF(family_aliases); i++)
                if (strcasecmp(family_aliases[i].name, name) == 0)
                        return family_aliases[i].family;
        return -EINVAL;
}

static const char *family_nearest(const char *word) {
        unsigned limit = text_distance_limit(word), best = limit + 1;
        const char *nearest = NULL;

        for (size_t i = AF_UNIX; i < ELEMENTSOF(family_names); i++)
                for (size_t skip = 0; skip <= strlen("AF_"); skip += strlen("AF_")) {
                        unsigned d = text_distance(word, family_names[i] + skip, limit);

                        if (d < best) {
                                best = d;
                                nearest = family_names[i];
                        }
                }
        return nearest;
}

static int family_item(const ValueContext *c, const char *word, void *field) {
        uint64_t *mask = field;
        int family = address_family_from_string(word);
        const char *near;

        if (family >= 0) {
                *mask |= UINT64_C(1) << family;
                return 0;
        }
        if (streq(word, "none"))
                return value_error(c, "'none' stands alone: it allows no family at all");
        near = family_nearest(word);
        if (near)
                return value_error(c, "'%s' is not an address family; did you mean %s?", word, near);
        return value_error(c, "'%s' is not an address family; write names of socket(2), such as AF_INET", word);
}

/* systemd's rule: the first assignment says whether families are listed or taken away, later ones add to the list or
 * take from it. */
static int address_families_parse(const ValueContext *c, const char *text, void *field) {
        value_address_families *v = field;
        uint64_t mask = 0;
        bool invert;
        int r;

        if (value_is_reset(text)) {
                *v = (value_address_families){};
                return 0;
        }
        text += strspn(text, WHITESPACE);
        if (streq(text, "none")) {
                *v = (value_address_families){ .set = true };
                return 0;
        }
        invert = *text == '~';
        text += invert;
        if (value_is_reset(text))
                return value_error(c, "the list is empty; write address families such as AF_INET after the '~'");
        r = value_each_word(c, text, family_item, &mask);
        if (r < 0)
                return r;

        if (!v->set)
                *v = (value_address_families){ .mask = mask, .set = true, .negate = invert };
        else if (invert == v->negate)
                v->mask |= mask;
        else
                v->mask &= ~mask;
        if (v->negate && v->mask == 0) /* what was taken away was given back: nothing is said any more */
                *v = (value_address_families){};
        return 0;
}

static int address_families_explode(const void *field, char ***ret) {
        const value_address_families *v = field;
        _cleanup_strv_ char **l = NULL;
        int r = 0;

        if (v->set && v->mask == 0)
                r = strv_extend(&l, "none");
        for (unsigned i = AF_UNIX; r >= 0 && i < ELEMENTSOF(family_names); i++) {
                char *s = NULL;

                if (!(v->mask >> i & 1))
                        continue;
                r = str_append(&s, "%s%s", v->negate && !l ? "~" : "", family_names[i]);
                if (r >= 0)
                        r = strv_push(&l, s);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

static int address_families_print(const void *field, char **ret) {
        _cleanup_strv_ char **l = NULL;
        char *s;
        int r;

        r = address_families_explode(field, &l);
        if (r < 0)
                return r;
        s = l ? strv_join(l, " ") : strdup("");
        if (!s)
                return -ENOMEM;
        *ret = s;
        return 0;
}

static const char *const family_words[] = {
        "AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET", "AF_VSOCK", "AF_BLUETOOTH", "AF_ALG", "AF_CAN", "none", NULL,
};

const ValueType value_type_address_families = {
        .name = "address_families",
        .syntax = "address families such as AF_INET; a leading '~' denies the list instead; none allows no family",
        .signature = "as",
        .size = sizeof(value_address_families),
        .list = true,
        .parse = address_families_parse,
        .print = address_families_print,
        .explode = address_families_explode,
        .words = family_words,
};

/* --- socket_binds */

enum { PORT_MAX = 65535 };

static const struct {
        const char *word;
        SocketProtocol protocol;
} protocols[] = {
        { "tcp", SOCKET_PROTOCOL_TCP },
        { "udp", SOCKET_PROTOCOL_UDP },
};

static const struct {
        const char *word;
        uint8_t family;
} bind_families[] = {
        { "ipv4", AF_INET },
        { "ipv6", AF_INET6 },
};

static void socket_binds_done(void *field) {
        value_socket_binds *v = field;

        free(v->items);
        *v = (value_socket_binds){};
}

static int port_parse(const char *text, size_t n, uint16_t *ret) {
        char digits[6] = "";
        uint64_t port;

        if (n == 0 || n >= sizeof(digits))
                return -EINVAL;
        memcpy(digits, text, n);
        if (parse_u64(digits, &port) < 0 || port == 0 || port > PORT_MAX)
                return -EINVAL;
        *ret = (uint16_t)port;
        return 0;
}

static int ports_parse(const ValueContext *c, const char *word, const char *ports, SocketBindItem *item) {
        const size_t n = strcspn(ports, "-");

        if (port_parse(ports, n, &item->first) < 0 ||
            port_parse(ports[n] ? ports + n + 1 : ports, strlen(ports[n] ? ports + n + 1 : ports), &item->last) < 0)
                return value_error(c,
                                   "'%s' names no ports; write a port from 1 to %d, a range such as 8000-8999, tcp:PORT, "
                                   "udp:PORT, ipv4:tcp:PORT, ipv6:PORT, tcp, udp, ipv4, ipv6 or any",
                                   word, PORT_MAX);
        if (item->first > item->last)
                return value_error(c, "'%s' ends before it begins; write the lower port first", word);
        return 0;
}

static int socket_bind_item(const ValueContext *c, const char *word, void *field) {
        value_socket_binds *v = field;
        SocketBindItem item = { .last = PORT_MAX, .origin = c->origin };
        const char *ports = word, *behind = word;
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(bind_families); i++) {
                const char *rest = startswith(word, bind_families[i].word);

                if (!rest || (*rest && *rest != ':'))
                        continue;
                item.family = bind_families[i].family;
                behind = ports = *rest ? rest + 1 : NULL;
        }
        for (size_t i = 0; behind && i < ELEMENTSOF(protocols); i++) {
                const char *rest = startswith(behind, protocols[i].word);

                if (!rest || (*rest && *rest != ':'))
                        continue;
                item.protocol = protocols[i].protocol;
                ports = *rest ? rest + 1 : NULL;
        }
        if (ports && !streq(word, "any"))
                r = ports_parse(c, word, ports, &item);
        if (r >= 0)
                r = value_grow(c, &v->items, v->n, sizeof(SocketBindItem));
        if (r < 0)
                return r;
        v->items[v->n++] = item;
        return 0;
}

static int socket_binds_parse(const ValueContext *c, const char *text, void *field) {
        if (value_is_reset(text)) {
                socket_binds_done(field);
                return 0;
        }
        return value_each_word(c, text, socket_bind_item, field);
}

static int socket_bind_text(const SocketBindItem *item, char **ret) {
        const char *protocol = item->protocol == SOCKET_PROTOCOL_ANY ? "" : protocols[item->protocol - 1].word;
        const char *family = item->family == 0 ? "" : item->family == AF_INET ? "ipv4" : "ipv6";
        _cleanup_free_ char *s = NULL;
        int r = str_append(&s, "%s%s%s", family, *family && *protocol ? ":" : "", protocol);

        if (r >= 0 && item->first == 0 && !*s)
                r = str_append(&s, "any");
        else if (r >= 0 && item->first > 0)
                r = str_append(&s, "%s%u", *s ? ":" : "", item->first);
        if (r >= 0 && item->first > 0 && item->first != item->last)
                r = str_append(&s, "-%u", item->last);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

static int socket_binds_explode(const void *field, char ***ret) {
        const value_socket_binds *v = field;
        _cleanup_strv_ char **l = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < v->n; i++) {
                char *s = NULL;

                r = socket_bind_text(&v->items[i], &s);
                if (r >= 0)
                        r = strv_push(&l, s);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

static int socket_binds_print(const void *field, char **ret) {
        return value_print_exploded(socket_binds_explode, field, ret);
}

static const char *const socket_bind_words[] = { "any", "tcp", "udp", "ipv4", "ipv6", NULL };

const ValueType value_type_socket_binds = {
        .name = "socket_binds",
        .syntax = "ports: PORT, FIRST-LAST, each with a leading tcp: or udp: or without; tcp, udp or any; before all of it ipv4: or ipv6:",
        .signature = "as",
        .size = sizeof(value_socket_binds),
        .list = true,
        .parse = socket_binds_parse,
        .print = socket_binds_print,
        .explode = socket_binds_explode,
        .done = socket_binds_done,
        .words = socket_bind_words,
};
