/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ports of the host that lead to a container: Port=, in systemd-nspawn's words, and PublishPort=, in Quadlet's. */
#include <stdio.h>

#include "units/values/parse.h"

#define SHIFTED_MAX 1024 /* each port of a range that is another inside is an entry of its own */

static void mappings_done(void *field) {
        value_port_mappings *v = field;

        free(v->items);
        *v = (value_port_mappings){};
}

/* "80", "8000-8099" */
static int ports_read(const ValueContext *c, const char *word, const char *text, uint16_t *ret_first, uint16_t *ret_last) {
        char first[6] = "";
        const size_t n = strcspn(text, "-");
        uint64_t a, b;

        if (n == 0 || n >= sizeof(first))
                return value_error(c, "'%s': '%s' is no port; it is a number from 1 to 65535, or two as a range, such as 8000-8099", word, text);
        memcpy(first, text, n);
        if (parse_u64(first, &a) < 0 || parse_u64(text[n] ? text + n + 1 : first, &b) < 0 || a == 0 || a > UINT16_MAX || b > UINT16_MAX)
                return value_error(c, "'%s': '%s' is no port; it is a number from 1 to 65535, or two as a range, such as 8000-8099", word, text);
        if (b < a)
                return value_error(c, "'%s': the range '%s' ends before it begins", word, text);
        *ret_first = (uint16_t)a;
        *ret_last = (uint16_t)b;
        return 0;
}

static int protocol_read(const ValueContext *c, const char *word, const char *text, uint8_t *ret) {
        if (streq(text, "tcp"))
                *ret = IPPROTO_TCP;
        else if (streq(text, "udp"))
                *ret = IPPROTO_UDP;
        else
                return value_error(c, "'%s': '%s' is no protocol that can be published; these are tcp and udp", word, text);
        return 0;
}

/* "10.1.2.3", "[fd00::1]". All of a family is all of both, which is what the words without an address mean. */
static int host_read(const ValueContext *c, const char *word, const char *text, IpPrefix *ret) {
        static const uint8_t none[16], loopback6[16] = { [15] = 1 };
        char address[INET6_ADDRSTRLEN + 2] = "";
        const size_t n = strlen(text);
        const bool brackets = *text == '[';
        bool whole;

        if (brackets && n > 2 && n < sizeof(address) && text[n - 1] == ']')
                memcpy(address, text + 1, n - 2);
        else if (!brackets && n < sizeof(address))
                memcpy(address, text, n);
        if (ip_prefix_parse(address, ret, &whole) < 0 || !whole || brackets != (ret->family == AF_INET6))
                return value_error(c, "'%s': '%s' is no address of the host; write for example 10.1.2.1 or [fd00:1::1]", word, text);
        if (ret->family == AF_INET ? ret->bytes[0] == 127 : memcmp(ret->bytes, loopback6, sizeof(loopback6)) == 0)
                return value_error(c, "'%s': what is published on loopback alone would need a BPF program at connect(2), which this version "
                                      "does not have; publish on an address of the host, or use ListenStream=", word);
        if (memcmp(ret->bytes, none, sizeof(none)) == 0)
                return value_error(c, "'%s': to publish on all addresses, leave '%s' out: it is both families then", word, text);
        return 0;
}

static bool same_host(const IpPrefix *a, const IpPrefix *b) {
        return a->family == 0 || b->family == 0 || (a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0);
}

bool port_mappings_overlap(const PortMapping *a, const PortMapping *b) {
        return a->protocol == b->protocol && a->first <= b->last && b->first <= a->last && same_host(&a->host, &b->host);
}

static int mapping_add(const ValueContext *c, const char *word, const PortMapping *m, uint16_t last_inside, value_port_mappings *v) {
        int r;

        if (last_inside - m->inside != m->last - m->first)
                return value_error(c, "'%s': the two ranges are not of the same length", word);
        if (m->inside != m->first && m->last - m->first >= SHIFTED_MAX)
                return value_error(c, "'%s': a range of more than %d ports has the same numbers inside", word, SHIFTED_MAX);
        for (size_t i = 0; i < v->n; i++)
                if (port_mappings_overlap(&v->items[i], m))
                        return value_error(c, "'%s': the host's port stands twice", word);
        r = value_grow(c, &v->items, v->n, sizeof(*v->items));
        if (r < 0)
                return r;
        v->items[v->n] = *m;
        v->items[v->n++].origin = c->origin;
        return 0;
}

/* Cuts at ':', but not within brackets. -EINVAL: more than max. */
static int cut(char *text, char *ret[], size_t max, size_t *ret_n) {
        size_t n = 0;

        for (char *p = text; p; n++) {
                char *end = *p == '[' ? strchr(p, ']') : p;

                if (n >= max)
                        return -EINVAL;
                ret[n] = p;
                end = end ? strchr(end, ':') : NULL;
                p = end ? end + 1 : NULL;
                if (end)
                        *end = 0;
        }
        *ret_n = n;
        return 0;
}

static bool is_address(const char *text) {
        return *text == '[' || strchr(text, '.');
}

/* [PROTOCOL:][ADDRESS:]HOST[:CONTAINER] */
static int port_item(const ValueContext *c, const char *word, void *field) {
        PortMapping m = { .protocol = IPPROTO_TCP };
        _cleanup_free_ char *text = strdup(word);
        uint16_t last_inside;
        char *parts[4];
        size_t n, at = 0;
        int r;

        if (!text)
                return -ENOMEM;
        if (cut(text, parts, ELEMENTSOF(parts), &n) < 0)
                return value_error(c, "'%s' is no port; write [PROTOCOL:][ADDRESS:]HOST[:CONTAINER], for example tcp:8080:80", word);
        r = n > 1 && parts[0][0] >= 'a' && parts[0][0] <= 'z' ? protocol_read(c, word, parts[at++], &m.protocol) : 0;
        if (r >= 0 && at < n && is_address(parts[at]))
                r = host_read(c, word, parts[at++], &m.host);
        if (r < 0)
                return r;
        if (n - at < 1 || n - at > 2)
                return value_error(c, "'%s' is no port; write [PROTOCOL:][ADDRESS:]HOST[:CONTAINER], for example tcp:8080:80", word);
        r = ports_read(c, word, parts[at], &m.first, &m.last);
        if (r >= 0)
                r = ports_read(c, word, parts[n - 1], &m.inside, &last_inside);
        return r < 0 ? r : mapping_add(c, word, &m, last_inside, field);
}

/* [[ADDRESS:][HOST]:]CONTAINER[/PROTOCOL] */
static int publish_item(const ValueContext *c, const char *word, void *field) {
        PortMapping m = { .protocol = IPPROTO_TCP };
        _cleanup_free_ char *text = strdup(word);
        uint16_t last_inside;
        char *parts[3], *slash;
        size_t n;
        int r = 0;

        if (!text)
                return -ENOMEM;
        slash = strrchr(text, '/');
        if (slash) {
                *slash = 0;
                r = protocol_read(c, word, slash + 1, &m.protocol);
        }
        if (r >= 0 && cut(text, parts, ELEMENTSOF(parts), &n) < 0)
                return value_error(c, "'%s' is no port; write [ADDRESS:]HOST:CONTAINER[/PROTOCOL], for example 8080:80/tcp", word);
        if (r >= 0 && (n == 1 || !*parts[n - 2] || (n == 2 && is_address(parts[0]))))
                return value_error(c, "'%s' leaves the host's port to chance, which this version does not; write HOST:%s", word, parts[n - 1]);
        if (r >= 0 && n == 3)
                r = host_read(c, word, parts[0], &m.host);
        if (r >= 0)
                r = ports_read(c, word, parts[n - 2], &m.first, &m.last);
        if (r >= 0)
                r = ports_read(c, word, parts[n - 1], &m.inside, &last_inside);
        return r < 0 ? r : mapping_add(c, word, &m, last_inside, field);
}

static int mappings_parse(const ValueContext *c, const char *text, void *field,
                          int (*item)(const ValueContext *c, const char *word, void *field)) {
        if (!value_is_reset(text))
                return value_each_word(c, text, item, field);
        mappings_done(field);
        return 0;
}

static int port_mappings_parse(const ValueContext *c, const char *text, void *field) {
        return mappings_parse(c, text, field, port_item);
}

static int publish_ports_parse(const ValueContext *c, const char *text, void *field) {
        return mappings_parse(c, text, field, publish_item);
}

static void host_to_text(const PortMapping *m, char *ret, size_t size) {
        char address[IP_PREFIX_TEXT_MAX] = "";

        if (m->host.family != 0)
                ip_prefix_to_text(&m->host, false, address);
        (void)snprintf(ret, size, m->host.family == 0 ? "%s" : m->host.family == AF_INET6 ? "[%s]:" : "%s:", address);
}

static void range_to_text(uint16_t first, uint16_t last, char *ret, size_t size) {
        (void)snprintf(ret, size, first == last ? "%u" : "%u-%u", first, last);
}

void port_mapping_to_text(const PortMapping *m, bool quadlet, char ret[static PORT_MAPPING_TEXT_MAX]) {
        const char *protocol = m->protocol == IPPROTO_UDP ? "udp" : "tcp";
        char host[IP_PREFIX_TEXT_MAX + 4], outside[12], inside[12];

        host_to_text(m, host, sizeof(host));
        range_to_text(m->first, m->last, outside, sizeof(outside));
        range_to_text(m->inside, (uint16_t)(m->inside + (m->last - m->first)), inside, sizeof(inside));
        if (quadlet)
                (void)snprintf(ret, PORT_MAPPING_TEXT_MAX, "%s%s:%s/%s", host, outside, inside, protocol);
        else
                (void)snprintf(ret, PORT_MAPPING_TEXT_MAX, "%s:%s%s:%s", protocol, host, outside, inside);
}

static int mappings_explode(const value_port_mappings *v, bool quadlet, char ***ret) {
        _cleanup_strv_ char **l = NULL;

        for (size_t i = 0; i < v->n; i++) {
                char text[PORT_MAPPING_TEXT_MAX];
                int r;

                port_mapping_to_text(&v->items[i], quadlet, text);
                r = strv_extend(&l, text);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

static int port_mappings_explode(const void *field, char ***ret) {
        return mappings_explode(field, false, ret);
}

static int publish_ports_explode(const void *field, char ***ret) {
        return mappings_explode(field, true, ret);
}

static int port_mappings_print(const void *field, char **ret) {
        return value_print_exploded(port_mappings_explode, field, ret);
}

static int publish_ports_print(const void *field, char **ret) {
        return value_print_exploded(publish_ports_explode, field, ret);
}

const ValueType value_type_port_mappings = {
        .name = "port_mappings",
        .syntax = "[PROTOCOL:][ADDRESS:]HOST[:CONTAINER], ports or ranges, such as tcp:8080:80",
        .signature = "as",
        .size = sizeof(value_port_mappings),
        .list = true,
        .parse = port_mappings_parse,
        .print = port_mappings_print,
        .explode = port_mappings_explode,
        .done = mappings_done,
};

const ValueType value_type_publish_ports = {
        .name = "publish_ports",
        .syntax = "[ADDRESS:]HOST:CONTAINER[/PROTOCOL], ports or ranges, such as 8080:80/tcp",
        .signature = "as",
        .size = sizeof(value_publish_ports),
        .list = true,
        .parse = publish_ports_parse,
        .print = publish_ports_print,
        .explode = publish_ports_explode,
        .done = mappings_done,
};
