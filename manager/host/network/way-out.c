/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "manager/base/util.h"
#include "manager/host/network/way-out.h"

#define POSTROUTING_PRIORITY 100 /* where addresses of sources are translated */

static const NftSet way_out_members[] = {
        { .name = "members4", .key_type = NFT_TYPE_IPV4, .key_size = 4 },
        { .name = "members6", .key_type = NFT_TYPE_IPV6, .key_size = 16 },
};
static const NftSet way_out_opened[] = {
        { .name = "opened4", .key_type = NFT_TYPE_INDEX, .key_size = 4 },
        { .name = "opened6", .key_type = NFT_TYPE_INDEX, .key_size = 4 },
};
static const NftSet way_out_within = { .name = "within", .key_type = NFT_TYPE_TWO(NFT_TYPE_INDEX, NFT_TYPE_INDEX), .key_size = 8 };
static const uint8_t way_out_families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };

static size_t family_index(uint8_t family) {
        return family == AF_INET6;
}

static void is_of_group(NftRule *r, uint32_t key, bool equal, uint32_t group) {
        nft_load_meta(r, key, 0);
        nft_compare(r, 0, equal, &group, sizeof(group));
}

static void is_family(NftRule *r, uint8_t family) {
        nft_load_meta(r, NFT_META_NFPROTO, 0);
        nft_compare(r, 0, true, &family, sizeof(family));
}

static void has_bits(NftRule *r, uint32_t key, uint32_t bits) {
        static const uint32_t none;

        nft_load_ct(r, key, 0);
        nft_mask(r, 0, &bits, sizeof(bits));
        nft_compare(r, 0, false, &none, sizeof(none));
}

static void rule_end(NftRule *r, int32_t verdict) {
        nft_verdict(r, verdict, NULL);
        nft_rule_end(r);
}

/* An accept of ours ends our chain alone: what others drop stays dropped. */
static void add_forward(const NftTable *t, uint32_t group) {
        const NftHook hook = { .type = "filter", .number = NF_INET_FORWARD, .policy = NF_ACCEPT };
        const char *chain = "forward";
        NftRule r;

        nft_chain_add(t, chain, &hook);
        r = nft_rule_begin(t, chain); /* of a bridge, by br_netfilter; and a container that reaches itself */
        nft_load_meta(&r, NFT_META_IIF, 0);
        nft_load_meta(&r, NFT_META_OIF, 1);
        nft_look_up(&r, 0, way_out_within.name, true);
        rule_end(&r, NF_ACCEPT);
        r = nft_rule_begin(t, chain);
        has_bits(&r, NFT_CT_STATE, NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED));
        rule_end(&r, NF_ACCEPT);
        r = nft_rule_begin(t, chain); /* published, by whomever */
        is_of_group(&r, NFT_META_OIFGROUP, true, group);
        has_bits(&r, NFT_CT_STATUS, IPS_DST_NAT);
        rule_end(&r, NF_ACCEPT);
        r = nft_rule_begin(t, chain);
        is_of_group(&r, NFT_META_OIFGROUP, true, group);
        rule_end(&r, NF_DROP);
        for (size_t i = 0; i < ELEMENTSOF(way_out_families); i++) {
                r = nft_rule_begin(t, chain);
                is_family(&r, way_out_families[i]);
                nft_load_meta(&r, NFT_META_IIF, 0);
                nft_look_up(&r, 0, way_out_opened[i].name, true);
                rule_end(&r, NF_DROP);
        }
}

static void load_address(NftRule *r, size_t i, bool source, unsigned to) {
        static const struct {
                uint32_t source, destination, size;
        } places[] = { { 12, 16, 4 }, { 8, 24, 16 } };

        nft_load_payload(r, NFT_PAYLOAD_NETWORK_HEADER, source ? places[i].source : places[i].destination, places[i].size, to);
}

static void add_postrouting(const NftTable *t, uint32_t group) {
        const NftHook hook = { .type = "nat", .number = NF_INET_POST_ROUTING, .priority = POSTROUTING_PRIORITY, .policy = NF_ACCEPT };
        const char *chain = "postrouting";

        nft_chain_add(t, chain, &hook);
        for (size_t i = 0; i < ELEMENTSOF(way_out_families); i++) {
                NftRule r = nft_rule_begin(t, chain);

                is_family(&r, way_out_families[i]);
                is_of_group(&r, NFT_META_OIFGROUP, false, group);
                load_address(&r, i, true, 0);
                nft_look_up(&r, 0, way_out_members[i].name, true);
                nft_masquerade(&r);
                nft_rule_end(&r);
        }
}

void way_out_add(const NftTable *t, uint32_t group) {
        for (size_t i = 0; i < ELEMENTSOF(way_out_families); i++) {
                nft_set_add(t, &way_out_members[i]);
                nft_set_add(t, &way_out_opened[i]);
        }
        nft_set_add(t, &way_out_within);
        add_forward(t, group);
        add_postrouting(t, group);
}

static void change_members(const NftTable *t, const IpPrefix *addresses, size_t n,
                           void (*change)(const NftTable *t, const NftSet *s, const NftElement *e, size_t n)) {
        for (size_t i = 0; i < n; i++) {
                const NftElement e = { .key = addresses[i].bytes };

                change(t, &way_out_members[family_index(addresses[i].family)], &e, 1);
        }
}

void way_out_add_member(const NftTable *t, const IpPrefix *addresses, size_t n) {
        change_members(t, addresses, n, nft_elements_add);
}

void way_out_delete_member(const NftTable *t, const IpPrefix *addresses, size_t n) {
        change_members(t, addresses, n, nft_elements_add); /* so that there is one to take away */
        change_members(t, addresses, n, nft_elements_delete);
}

static void add_within(const NftTable *t, int index) {
        const int pair[2] = { index, index };
        const NftElement e = { .key = pair };

        nft_elements_add(t, &way_out_within, &e, 1);
}

void way_out_add_bridge(const NftTable *t, int index) {
        add_within(t, index);
}

void way_out_set_opened(const NftTable *t, const WayOutOpened *opened, size_t n) {
        for (size_t i = 0; i < ELEMENTSOF(way_out_families); i++)
                nft_set_flush(t, way_out_opened[i].name);
        for (size_t i = 0; i < n; i++) {
                const NftElement e = { .key = &opened[i].index };

                add_within(t, opened[i].index); /* one that is a bridge goes on to be one */
                nft_elements_add(t, &way_out_opened[family_index(opened[i].family)], &e, 1);
        }
}
