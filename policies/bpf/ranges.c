/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policies/bpf/ranges.h"

static int number_compare(const void *a, const void *b) {
        const AddressNumber *x = a, *y = b;

        if (x->high != y->high)
                return x->high < y->high ? -1 : 1;
        return x->low == y->low ? 0 : x->low < y->low ? -1 : 1;
}

static AddressNumber number_of(const IpPrefix *p) {
        AddressNumber n = {};

        for (unsigned i = 0; i < (p->family == AF_INET ? 4 : 16); i++) {
                n.high = n.high << 8 | n.low >> 56;
                n.low = n.low << 8 | p->bytes[i];
        }
        return n;
}

/* The last address of a network, from its first. */
static AddressNumber last_of(const IpPrefix *p) {
        const unsigned hosts = (p->family == AF_INET ? 32 : 128) - p->length;
        AddressNumber n = number_of(p);

        if (hosts >= 64) {
                n.low = UINT64_MAX;
                n.high |= hosts == 128 ? UINT64_MAX : (UINT64_C(1) << (hosts - 64)) - 1;
        } else
                n.low |= (UINT64_C(1) << hosts) - 1;
        return n;
}

/* A network as numbers: they are looked at once for each edge of another. */
typedef struct Span {
        AddressNumber first, last;
        const IpPrefixItem *item;
} Span;

static size_t spans_of(const value_ip_filter *v, uint8_t family, Span *spans) {
        size_t n = 0;

        for (size_t i = 0; i < v->n; i++) {
                const IpPrefix *p = &v->items[i].prefix;

                if (p->family == family)
                        spans[n++] = (Span){ .first = number_of(p), .last = last_of(p), .item = v->items + i };
        }
        return n;
}

static const IpPrefixItem *item_with(const Span *spans, size_t n, const AddressNumber *address) {
        for (size_t i = 0; i < n; i++)
                if (number_compare(&spans[i].first, address) <= 0 && number_compare(address, &spans[i].last) <= 0)
                        return spans[i].item;
        return NULL;
}

/* Where a decision can change: at the first address of a network, and behind its last. */
static size_t edges_of(const Span *spans, size_t n_spans, uint8_t family, AddressNumber *edges) {
        size_t n = 0;

        for (size_t i = 0; i < n_spans; i++) {
                AddressNumber behind = spans[i].last;

                edges[n++] = spans[i].first;
                behind.low++;
                behind.high += behind.low == 0;
                if (behind.high > 0 || (behind.low > 0 && (family == AF_INET6 || behind.low <= UINT32_MAX)))
                        edges[n++] = behind;
        }
        return n;
}

int address_ranges(const ContainerSpec *spec, uint8_t family, AddressRange **ret, size_t *ret_n) {
        const size_t n_items = spec->ip_address_allow.n + spec->ip_address_deny.n, room = 1 + 2 * n_items;
        _cleanup_free_ AddressNumber *edges = calloc(room, sizeof(*edges));
        _cleanup_free_ AddressRange *ranges = calloc(room, sizeof(*ranges));
        _cleanup_free_ Span *allow = calloc(n_items + 1, sizeof(*allow));
        size_t n_allow, n_deny, n_edges, n = 0;
        Span *deny;

        if (!edges || !ranges || !allow)
                return -ENOMEM;
        n_allow = spans_of(&spec->ip_address_allow, family, allow);
        deny = allow + n_allow;
        n_deny = spans_of(&spec->ip_address_deny, family, deny);
        n_edges = 1 + edges_of(allow, n_allow + n_deny, family, edges + 1); /* the first of all is 0 */
        qsort(edges, n_edges, sizeof(*edges), number_compare);
        for (size_t i = 0; i < n_edges; i++) {
                const IpPrefixItem *allowed = item_with(allow, n_allow, edges + i);
                const IpPrefixItem *item = allowed ? allowed : item_with(deny, n_deny, edges + i);

                if (n > 0 && (ranges[n - 1].item == item || number_compare(&ranges[n - 1].first, edges + i) == 0))
                        continue;
                ranges[n++] = (AddressRange){ .first = edges[i], .item = item, .allowed = allowed || !item };
        }
        *ret = TAKE_PTR(ranges);
        *ret_n = n;
        return 0;
}
