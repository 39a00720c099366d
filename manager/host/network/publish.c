/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>

#include "manager/base/util.h"
#include "manager/host/network/publish.h"

#define DESTINATION_PRIORITY (-100) /* where addresses of destinations are translated */

enum { FOUND = 8 }; /* the register behind the longest key */

/* Key: an address of the host or none, protocol, port; data: an address, and a port where there is one of its own. */
static const NftSet publish_exact[] = {
        { .name = "ports4", .flags = NFT_SET_MAP, .key_type = NFT_TYPE_TWO(NFT_TYPE_TWO(NFT_TYPE_IPV4, NFT_TYPE_PROTOCOL), NFT_TYPE_PORT),
          .key_size = 12, .data_type = NFT_TYPE_TWO(NFT_TYPE_IPV4, NFT_TYPE_PORT), .data_size = 8 },
        { .name = "ports6", .flags = NFT_SET_MAP, .key_type = NFT_TYPE_TWO(NFT_TYPE_TWO(NFT_TYPE_IPV6, NFT_TYPE_PROTOCOL), NFT_TYPE_PORT),
          .key_size = 24, .data_type = NFT_TYPE_TWO(NFT_TYPE_IPV6, NFT_TYPE_PORT), .data_size = 20 },
};
static const NftSet publish_ranges[] = {
        { .name = "ranges4", .flags = NFT_SET_MAP | NFT_SET_INTERVAL | NFT_SET_CONCAT,
          .key_type = NFT_TYPE_TWO(NFT_TYPE_TWO(NFT_TYPE_IPV4, NFT_TYPE_PROTOCOL), NFT_TYPE_PORT), .key_size = 12,
          .data_type = NFT_TYPE_IPV4, .data_size = 4, .fields = { 4, 1, 2 } },
        { .name = "ranges6", .flags = NFT_SET_MAP | NFT_SET_INTERVAL | NFT_SET_CONCAT,
          .key_type = NFT_TYPE_TWO(NFT_TYPE_TWO(NFT_TYPE_IPV6, NFT_TYPE_PROTOCOL), NFT_TYPE_PORT), .key_size = 24,
          .data_type = NFT_TYPE_IPV6, .data_size = 16, .fields = { 16, 1, 2 } },
};
static const struct {
        uint8_t family, protocol;
        uint32_t source, destination, size; /* of an address, and where it stands in the header */
} publish_families[] = {
        { AF_INET, NFPROTO_IPV4, 12, 16, 4 },
        { AF_INET6, NFPROTO_IPV6, 8, 24, 16 },
};

static void publish_is_family(NftRule *r, size_t i) {
        nft_load_meta(r, NFT_META_NFPROTO, 0);
        nft_compare(r, 0, true, &publish_families[i].protocol, 1);
}

/* To an address of the host's, and not to loopback. */
static void publish_is_local(NftRule *r, size_t i) {
        static const uint8_t loopback4 = 127, loopback6[16] = { [15] = 1 };
        static const uint32_t local = RTN_LOCAL;
        const bool four = publish_families[i].family == AF_INET;

        publish_is_family(r, i);
        nft_load_address_type(r, 0);
        nft_compare(r, 0, true, &local, sizeof(local));
        nft_load_payload(r, NFT_PAYLOAD_NETWORK_HEADER, publish_families[i].destination, four ? 1 : 16, 0);
        nft_compare(r, 0, false, four ? &loopback4 : loopback6, four ? 1 : 16);
}

static void publish_rule(const NftTable *t, const char *chain, size_t i, bool ranges, bool any) {
        static const uint8_t none[16];
        const NftSet *map = ranges ? &publish_ranges[i] : &publish_exact[i];
        const uint32_t size = publish_families[i].size;
        const unsigned behind = size / 4;
        NftRule r = nft_rule_begin(t, chain);

        publish_is_local(&r, i);
        if (any)
                nft_load_bytes(&r, none, size, 0);
        else
                nft_load_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, publish_families[i].destination, size, 0);
        nft_load_meta(&r, NFT_META_L4PROTO, behind);
        nft_load_payload(&r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, behind + 1);
        nft_look_up_map(&r, 0, map->name, FOUND);
        nft_nat_destination(&r, publish_families[i].protocol, FOUND, ranges ? -1 : (int)(FOUND + behind));
        nft_rule_end(&r);
}

/* A neighbour's, or its own, answers would else go past the host, from an address that was not asked. */
static void publish_hairpin(const NftTable *t, size_t i) {
        static const char *const members[] = { "members4", "members6" };
        static const uint32_t bits = IPS_DST_NAT, none;
        NftRule r = nft_rule_begin(t, "postrouting");

        publish_is_family(&r, i);
        nft_load_ct(&r, NFT_CT_STATUS, 0);
        nft_mask(&r, 0, &bits, sizeof(bits));
        nft_compare(&r, 0, false, &none, sizeof(none));
        nft_load_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, publish_families[i].source, publish_families[i].size, 0);
        nft_look_up(&r, 0, members[i], true);
        nft_load_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, publish_families[i].destination, publish_families[i].size, 0);
        nft_look_up(&r, 0, members[i], true);
        nft_masquerade(&r);
        nft_rule_end(&r);
}

void publish_add(const NftTable *t) {
        static const struct {
                const char *name;
                uint32_t hook;
        } chains[] = { { "prerouting", NF_INET_PRE_ROUTING }, { "output", NF_INET_LOCAL_OUT } };

        for (size_t i = 0; i < ELEMENTSOF(publish_families); i++) {
                nft_set_add(t, &publish_exact[i]);
                nft_set_add(t, &publish_ranges[i]);
                publish_hairpin(t, i);
        }
        for (size_t c = 0; c < ELEMENTSOF(chains); c++) {
                const NftHook hook = { .type = "nat", .number = chains[c].hook, .priority = DESTINATION_PRIORITY, .policy = NF_ACCEPT };

                nft_chain_add(t, chains[c].name, &hook);
                for (size_t i = 0; i < ELEMENTSOF(publish_families); i++)
                        for (unsigned kind = 0; kind < 4; kind++)
                                publish_rule(t, chains[c].name, i, kind & 1, kind & 2);
        }
}

/* --- elements */

typedef void (*PublishChange)(const NftTable *t, const NftSet *s, const NftElement *e, size_t n);

static void put_key(const PortMapping *m, size_t size, uint16_t port, uint8_t key[static 24]) {
        const uint16_t number = htons(port);

        memset(key, 0, 24);
        if (m->host.family != 0)
                memcpy(key, m->host.bytes, size);
        key[size] = m->protocol;
        memcpy(key + size + 4, &number, sizeof(number));
}

static void publish_one(const NftTable *t, const PortMapping *m, size_t i, const IpPrefix *address, uint16_t offset, PublishChange change) {
        const size_t size = publish_families[i].size;
        const uint16_t inside = htons((uint16_t)(m->inside + offset));
        uint8_t key[24], data[20] = {};
        const NftElement e = { .key = key, .data = data };

        put_key(m, size, (uint16_t)(m->first + offset), key);
        memcpy(data, address->bytes, size);
        memcpy(data + size, &inside, sizeof(inside));
        change(t, &publish_exact[i], &e, 1);
}

static void publish_range(const NftTable *t, const PortMapping *m, size_t i, const IpPrefix *address, PublishChange change) {
        uint8_t key[24], end[24];
        const NftElement e = { .key = key, .key_end = end, .data = address->bytes };

        put_key(m, publish_families[i].size, m->first, key);
        put_key(m, publish_families[i].size, m->last, end);
        change(t, &publish_ranges[i], &e, 1);
}

/* To the first address of each family. */
static void publish_change(const NftTable *t, const PortMapping *m, const IpPrefix *addresses, size_t n, PublishChange change) {
        for (size_t i = 0; i < ELEMENTSOF(publish_families); i++) {
                const IpPrefix *address = NULL;

                for (size_t k = 0; k < n && !address; k++)
                        if (addresses[k].family == publish_families[i].family)
                                address = addresses + k;
                if (!address || (m->host.family != 0 && m->host.family != address->family))
                        continue;
                if (m->first != m->last && m->inside == m->first)
                        publish_range(t, m, i, address, change);
                else
                        for (unsigned offset = 0; offset <= (unsigned)(m->last - m->first); offset++)
                                publish_one(t, m, i, address, (uint16_t)offset, change);
        }
}

void publish_put(const NftTable *t, const PortMapping *m, const IpPrefix *addresses, size_t n) {
        publish_change(t, m, addresses, n, nft_elements_add);
}

void publish_take(const NftTable *t, const PortMapping *m, const IpPrefix *addresses, size_t n) {
        publish_change(t, m, addresses, n, nft_elements_add); /* so that there is one to take away */
        publish_change(t, m, addresses, n, nft_elements_delete);
}
