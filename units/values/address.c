/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses of a container's own network, of both families. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>

#include "units/values/parse.h"

int ip_prefix_parse(const char *text, IpPrefix *ret, bool *ret_whole) {
        const size_t n = strcspn(text, "/");
        char address[INET6_ADDRSTRLEN] = "";
        IpPrefix p = {};
        uint64_t length, max;

        if (n == 0 || n >= sizeof(address))
                return -EINVAL;
        memcpy(address, text, n);
        p.family = strchr(address, ':') ? AF_INET6 : AF_INET;
        if (inet_pton(p.family, address, p.bytes) != 1)
                return -EINVAL;
        length = max = p.family == AF_INET ? 32 : 128;
        if (text[n] && (parse_u64(text + n + 1, &length) < 0 || length > max))
                return -EINVAL;
        p.length = (uint8_t)length;
        if (ret_whole)
                *ret_whole = text[n] == 0;
        *ret = p;
        return 0;
}

void ip_prefix_to_text(const IpPrefix *p, bool with_length, char ret[static IP_PREFIX_TEXT_MAX]) {
        size_t n;

        ret[0] = 0;
        if (!inet_ntop(p->family, p->bytes, ret, IP_PREFIX_TEXT_MAX))
                return;
        n = strlen(ret);
        if (with_length)
                (void)snprintf(ret + n, IP_PREFIX_TEXT_MAX - n, "/%u", p->length);
}

/* --- ip_prefixes, ip_addresses: Address= and Gateway= */

static void addresses_done(void *field) {
        value_ip_prefixes *v = field;

        free(v->items);
        *v = (value_ip_prefixes){};
}

static bool is_unspecified(const IpPrefix *p) {
        static const uint8_t none[16];

        return memcmp(p->bytes, none, p->family == AF_INET ? 4 : 16) == 0;
}

/* What no container can have. NULL = it can. */
static const char *address_refusal(const IpPrefix *p) {
        static const uint8_t loopback6[16] = { [15] = 1 }, mapped[12] = { [10] = 0xff, [11] = 0xff };

        if (is_unspecified(p))
                return "is no address of anybody; without the line an address is chosen";
        if (p->family == AF_INET && (p->bytes[0] == 127 || p->bytes[0] == 0 || p->bytes[0] >= 224))
                return p->bytes[0] == 127 ? "is loopback, which every container has" : "is no address of one host";
        if (p->family == AF_INET6 && memcmp(p->bytes, loopback6, 16) == 0)
                return "is loopback, which every container has";
        if (p->family == AF_INET6 && p->bytes[0] == 0xff)
                return "is a group, no address of one host";
        if (p->family == AF_INET6 && memcmp(p->bytes, mapped, sizeof(mapped)) == 0)
                return "is an IPv4 address in other words; write that";
        return NULL;
}

/* The number of the network itself, or its last, which is everybody's: not for IPv4 networks of two or one. */
static bool is_nobodys(const IpPrefix *p) {
        uint32_t address = 0, hosts;

        if (p->family != AF_INET || p->length >= 31)
                return false;
        for (unsigned i = 0; i < 4; i++)
                address = address << 8 | p->bytes[i];
        hosts = p->length == 0 ? UINT32_MAX : (UINT32_C(1) << (32 - p->length)) - 1;
        return (address & hosts) == 0 || (address & hosts) == hosts;
}

static int address_put(const ValueContext *c, const char *word, bool with_length, value_ip_prefixes *v) {
        const char *why;
        bool whole;
        IpPrefix p;
        int r;

        r = ip_prefix_parse(word, &p, &whole);
        if (r < 0 && with_length)
                return value_error(c, "'%s' is no address with the length of its network; write for example 10.1.2.3/24 or fd00:1::3/64",
                                   word);
        if (r < 0 || (!with_length && !whole))
                return value_error(c, "'%s' is no address; write for example 10.1.2.1 or fd00:1::1, without a length", word);
        if (with_length && whole)
                return value_error(c, "'%s' lacks the length of its network; write for example %s/%d", word, word,
                                   p.family == AF_INET ? 24 : 64);
        if (with_length && p.length == 0)
                return value_error(c, "'%s': a network of all addresses has no other side", word);
        why = address_refusal(&p);
        if (why)
                return value_error(c, "'%s' %s", word, why);
        if (with_length && is_nobodys(&p))
                return value_error(c, "'%s' is the first or the last number of its network, which no host can have", word);
        for (size_t i = 0; i < v->n; i++)
                if (v->items[i].prefix.family == p.family && memcmp(v->items[i].prefix.bytes, p.bytes, sizeof(p.bytes)) == 0)
                        return value_error(c, "'%s' stands twice", word);
        if (v->n >= IP_PREFIXES_MAX)
                return value_error(c, "there are more than %d", IP_PREFIXES_MAX);
        r = value_grow(c, &v->items, v->n, sizeof(*v->items));
        if (r < 0)
                return r;
        v->items[v->n++] = (IpPrefixItem){ .prefix = p, .origin = c->origin };
        return 0;
}

static int ip_prefix_item(const ValueContext *c, const char *word, void *field) {
        return address_put(c, word, true, field);
}

static int ip_address_item(const ValueContext *c, const char *word, void *field) {
        if (*word == '_')
                return value_error(c, "'%s': a gateway is an address; nobody tells a container of one", word);
        return address_put(c, word, false, field);
}

static int ip_prefixes_parse(const ValueContext *c, const char *text, void *field) {
        if (!value_is_reset(text))
                return value_each_word(c, text, ip_prefix_item, field);
        addresses_done(field);
        return 0;
}

static int ip_addresses_parse(const ValueContext *c, const char *text, void *field) {
        if (!value_is_reset(text))
                return value_each_word(c, text, ip_address_item, field);
        addresses_done(field);
        return 0;
}

static int explode(const value_ip_prefixes *v, bool with_length, char ***ret) {
        _cleanup_strv_ char **l = NULL;

        for (size_t i = 0; i < v->n; i++) {
                char text[IP_PREFIX_TEXT_MAX];
                int r;

                ip_prefix_to_text(&v->items[i].prefix, with_length, text);
                r = strv_extend(&l, text);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

static int ip_prefixes_explode(const void *field, char ***ret) {
        return explode(field, true, ret);
}

static int ip_addresses_explode(const void *field, char ***ret) {
        return explode(field, false, ret);
}

static int ip_prefixes_print(const void *field, char **ret) {
        return value_print_exploded(ip_prefixes_explode, field, ret);
}

static int ip_addresses_print(const void *field, char **ret) {
        return value_print_exploded(ip_addresses_explode, field, ret);
}

const ValueType value_type_ip_prefixes = {
        .name = "ip_prefixes",
        .syntax = "addresses with the length of their network, such as 10.1.2.3/24 or fd00:1::3/64",
        .signature = "as",
        .size = sizeof(value_ip_prefixes),
        .list = true,
        .parse = ip_prefixes_parse,
        .print = ip_prefixes_print,
        .explode = ip_prefixes_explode,
        .done = addresses_done,
};

const ValueType value_type_ip_addresses = {
        .name = "ip_addresses",
        .syntax = "addresses such as 10.1.2.1 or fd00:1::1",
        .signature = "as",
        .size = sizeof(value_ip_addresses),
        .list = true,
        .parse = ip_addresses_parse,
        .print = ip_addresses_print,
        .explode = ip_addresses_explode,
        .done = addresses_done,
};

/* --- dns_servers: DNS=. One on loopback is the container's own business. */

static int dns_server_item(const ValueContext *c, const char *word, void *field) {
        value_dns_servers *v = field;
        IpPrefix p;
        bool whole;
        int r = ip_prefix_parse(word, &p, &whole);

        if (r < 0 || !whole)
                return value_error(c, "'%s' is no address of a name server; write for example 10.1.2.1 or fd00:1::1, without port and name", word);
        if ((p.family == AF_INET && (p.bytes[0] == 0 || p.bytes[0] >= 224)) || (p.family == AF_INET6 && (p.bytes[0] == 0xff || is_unspecified(&p))))
                return value_error(c, "'%s' is no address of one host", word);
        for (size_t i = 0; i < v->n; i++)
                if (v->items[i].prefix.family == p.family && memcmp(v->items[i].prefix.bytes, p.bytes, sizeof(p.bytes)) == 0)
                        return value_error(c, "'%s' stands twice", word);
        if (v->n >= DNS_SERVERS_MAX)
                return value_error(c, "there are more than %d, which is all that programs ask", DNS_SERVERS_MAX);
        r = value_grow(c, &v->items, v->n, sizeof(*v->items));
        if (r < 0)
                return r;
        v->items[v->n++] = (IpPrefixItem){ .prefix = p, .origin = c->origin };
        return 0;
}

static int dns_servers_parse(const ValueContext *c, const char *text, void *field) {
        if (!value_is_reset(text))
                return value_each_word(c, text, dns_server_item, field);
        addresses_done(field);
        return 0;
}

const ValueType value_type_dns_servers = {
        .name = "dns_servers",
        .syntax = "up to three addresses of name servers",
        .signature = "as",
        .size = sizeof(value_dns_servers),
        .list = true,
        .parse = dns_servers_parse,
        .print = ip_addresses_print,
        .explode = ip_addresses_explode,
        .done = addresses_done,
};

/* --- zone_name, interface_name */

#define ZONE_NAME_MAX 64
#define INTERFACE_NAME_MAX 15 /* IFNAMSIZ, with its NUL */

static int name_put(const ValueContext *c, const char *text, void *field,
                    int (*check)(const ValueContext *c, const char *name)) {
        _cleanup_free_ char *s = NULL;
        char **v = field;
        int r = value_is_reset(text) ? 0 : value_scalar(c, text, &s);

        if (r >= 0 && s)
                r = check(c, s);
        if (r < 0)
                return r;
        free(*v);
        *v = TAKE_PTR(s);
        return 0;
}

static int check_zone(const ValueContext *c, const char *name) {
        if (strlen(name) > ZONE_NAME_MAX)
                return value_error(c, "the name is too long; %d bytes are the limit", ZONE_NAME_MAX);
        if (*name == '-' || *name == '.')
                return value_error(c, "'%s': a zone's name begins with a letter, a digit or '_'", name);
        for (const char *p = name; *p; p++)
                if (!isalnum((unsigned char)*p) && !strchr("_-.", *p))
                        return value_error(c, "'%s' is no name of a zone: it has letters, digits, '_', '-' and '.'", name);
        return 0;
}

static int check_interface(const ValueContext *c, const char *name) {
        if (strlen(name) > INTERFACE_NAME_MAX)
                return value_error(c, "'%s' is too long for an interface; %d bytes are the limit", name, INTERFACE_NAME_MAX);
        if (streq(name, ".") || streq(name, "..") || streq(name, "all") || streq(name, "default") || streq(name, "lo"))
                return value_error(c, "'%s' cannot be an interface of that kind", name);
        for (const char *p = name; *p; p++)
                if (*p <= ' ' || *p > '~' || strchr("/:%", *p))
                        return value_error(c, "'%s' is no name of an interface: ASCII without blanks, '/', ':' and '%%'", name);
        return 0;
}

static int zone_name_parse(const ValueContext *c, const char *text, void *field) {
        return name_put(c, text, field, check_zone);
}

static int interface_name_parse(const ValueContext *c, const char *text, void *field) {
        return name_put(c, text, field, check_interface);
}

static void name_done(void *field) {
        free(*(char **)field);
        *(char **)field = NULL;
}

static int name_print(const void *field, char **ret) {
        return value_print_scalar(*(char *const *)field, ret);
}

static int name_explode(const void *field, char ***ret) {
        return value_explode_one(*(char *const *)field, ret);
}

const ValueType value_type_zone_name = {
        .name = "zone_name",
        .syntax = "a name of letters, digits, '_', '-' and '.'",
        .signature = "s",
        .size = sizeof(value_zone_name),
        .parse = zone_name_parse,
        .print = name_print,
        .explode = name_explode,
        .done = name_done,
};

const ValueType value_type_interface_name = {
        .name = "interface_name",
        .syntax = "the name of a network interface",
        .signature = "s",
        .size = sizeof(value_interface_name),
        .parse = interface_name_parse,
        .print = name_print,
        .explode = name_explode,
        .done = name_done,
};
