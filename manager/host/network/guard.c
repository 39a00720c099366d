/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>

#include "manager/base/util.h"
#include "manager/host/network/guard.h"

#define GUARD_ADDRESSES_MAX (IP_PREFIXES_MAX + 3) /* and the link's own */
#define GUARD_PRIORITY (-500) /* before what else looks at frames that come in */

/* Where things stand: in an Ethernet header, an ARP packet of Ethernet and IPv4, an IP header, and behind that. */
enum {
        ETHERNET_SOURCE = 6,
        ETHERNET_TYPE = 12,
        ARP_KINDS = 0, /* hardware, protocol and their sizes: 6 bytes */
        ARP_SENDER_MAC = 8,
        ARP_SENDER = 14,
        IP4_SOURCE = 12,
        IP6_SOURCE = 8,
        UDP_SOURCE = 0,
        ICMP6_TYPE = 0,
        ICMP6_TARGET = 8, /* of neighbour discovery */
        MLD2_REPORT = 143,
};

/* The frame says it is of that kind, and the kernel sees it so, which is the same but for tags of a VLAN. */
static void guard_is_frame(NftRule *r, uint16_t kind) {
        const uint16_t wanted = htons(kind);

        nft_load_payload(r, NFT_PAYLOAD_LL_HEADER, ETHERNET_TYPE, sizeof(wanted), 0);
        nft_compare(r, 0, true, &wanted, sizeof(wanted));
        nft_is_packet(r, kind);
}

static void guard_has(NftRule *r, uint32_t base, uint32_t offset, const void *data, uint32_t size) {
        nft_load_payload(r, base, offset, size, 0);
        nft_compare(r, 0, true, data, size);
}

static void guard_is_icmp6(NftRule *r, uint8_t type) {
        guard_is_frame(r, ETH_P_IPV6);
        nft_is_protocol(r, IPPROTO_ICMPV6);
        guard_has(r, NFT_PAYLOAD_TRANSPORT_HEADER, ICMP6_TYPE, &type, sizeof(type));
}

static void guard_end(NftRule *r, int32_t verdict) {
        nft_verdict(r, verdict, NULL);
        nft_rule_end(r);
}

static void guard_mac(const NftTable *t, const GuardFacts *f) {
        NftRule r = nft_rule_begin(t, f->port);

        nft_load_payload(&r, NFT_PAYLOAD_LL_HEADER, ETHERNET_SOURCE, MAC_SIZE, 0);
        nft_compare(&r, 0, false, f->mac, MAC_SIZE);
        guard_end(&r, NF_DROP);
}

/* Answers of a server of addresses, by the port that it has to send them from. */
static void guard_no_server(const NftTable *t, const GuardFacts *f, uint16_t kind, uint16_t port) {
        const uint16_t wanted = htons(port);
        NftRule r = nft_rule_begin(t, f->port);

        guard_is_frame(&r, kind);
        nft_is_protocol(&r, IPPROTO_UDP);
        guard_has(&r, NFT_PAYLOAD_TRANSPORT_HEADER, UDP_SOURCE, &wanted, sizeof(wanted));
        guard_end(&r, NF_DROP);
}

static void guard_no_icmp6(const NftTable *t, const GuardFacts *f, uint8_t type) {
        NftRule r = nft_rule_begin(t, f->port);

        guard_is_icmp6(&r, type);
        guard_end(&r, NF_DROP);
}

/* --- IPv4; address: NULL = any */

static void guard_arp(const NftTable *t, const GuardFacts *f, const uint8_t *address) {
        static const uint8_t kinds[] = { 0, 1, 8, 0, MAC_SIZE, 4 };
        NftRule r = nft_rule_begin(t, f->port);

        guard_is_frame(&r, ETH_P_ARP);
        guard_has(&r, NFT_PAYLOAD_NETWORK_HEADER, ARP_KINDS, kinds, sizeof(kinds));
        guard_has(&r, NFT_PAYLOAD_NETWORK_HEADER, ARP_SENDER_MAC, f->mac, MAC_SIZE);
        if (address)
                guard_has(&r, NFT_PAYLOAD_NETWORK_HEADER, ARP_SENDER, address, 4);
        guard_end(&r, NF_ACCEPT);
}

static void guard_ip4(const NftTable *t, const GuardFacts *f, const uint8_t *address) {
        NftRule r = nft_rule_begin(t, f->port);

        guard_is_frame(&r, ETH_P_IP);
        if (address)
                guard_has(&r, NFT_PAYLOAD_NETWORK_HEADER, IP4_SOURCE, address, 4);
        guard_end(&r, NF_ACCEPT);
}

/* --- IPv6 */

/* What may be said without an address: who else is here, and which groups are joined. */
static void guard_unspecified(const NftTable *t, const GuardFacts *f, uint8_t type, const uint8_t *target) {
        static const uint8_t none[16];
        NftRule r = nft_rule_begin(t, f->port);

        guard_is_icmp6(&r, type);
        guard_has(&r, NFT_PAYLOAD_NETWORK_HEADER, IP6_SOURCE, none, sizeof(none));
        if (target)
                guard_has(&r, NFT_PAYLOAD_TRANSPORT_HEADER, ICMP6_TARGET, target, 16);
        guard_end(&r, NF_ACCEPT);
}

/* An advertisement speaks for its target, whatever address it comes from. */
static void guard_advertisement(const NftTable *t, const GuardFacts *f, uint8_t own[][16], size_t n) {
        NftRule r = nft_rule_begin(t, f->port);

        guard_is_icmp6(&r, ND_NEIGHBOR_ADVERT);
        nft_load_payload(&r, NFT_PAYLOAD_TRANSPORT_HEADER, ICMP6_TARGET, 16, 0);
        for (size_t i = 0; i < n; i++)
                nft_compare(&r, 0, false, own[i], 16);
        guard_end(&r, NF_DROP);
}

/* A packet whose headers the kernel cannot follow to their end has no protocol, and is not accepted: what it carries could not be
 * looked at. */
static void guard_ip6(const NftTable *t, const GuardFacts *f, const uint8_t *address) {
        NftRule r = nft_rule_begin(t, f->port);

        guard_is_frame(&r, ETH_P_IPV6);
        nft_load_meta(&r, NFT_META_L4PROTO, 0);
        if (address)
                guard_has(&r, NFT_PAYLOAD_NETWORK_HEADER, IP6_SOURCE, address, 16);
        guard_end(&r, NF_ACCEPT);
}

/* RFC 4291: the link's own, of the hardware address. */
static void link_local_of(const uint8_t mac[static MAC_SIZE], uint8_t ret[static 16]) {
        const uint8_t address[16] = { 0xfe, 0x80, 0,      0,    0,    0,      0,      0,
                                      (uint8_t)(mac[0] ^ 2U), mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5] };

        memcpy(ret, address, sizeof(address));
}

static void guard_6(const NftTable *t, const GuardFacts *f) {
        static const uint8_t never[] = { ND_ROUTER_ADVERT, ND_REDIRECT };
        static const uint8_t unspecified[] = { ND_ROUTER_SOLICIT, MLD_LISTENER_REPORT, MLD2_REPORT };
        uint8_t own[GUARD_ADDRESSES_MAX][16];
        size_t n = 1;

        link_local_of(f->mac, own[0]);
        for (size_t i = 0; i < f->n && n < ELEMENTSOF(own); i++)
                if (f->addresses[i].family == AF_INET6)
                        memcpy(own[n++], f->addresses[i].bytes, 16);
        for (size_t i = 0; i < ELEMENTSOF(never); i++)
                guard_no_icmp6(t, f, never[i]);
        guard_no_server(t, f, ETH_P_IPV6, 547);
        if (f->any_address) {
                guard_ip6(t, f, NULL);
                return;
        }
        guard_advertisement(t, f, own, n);
        for (size_t i = 0; i < n; i++)
                guard_unspecified(t, f, ND_NEIGHBOR_SOLICIT, own[i]);
        for (size_t i = 0; i < ELEMENTSOF(unspecified); i++)
                guard_unspecified(t, f, unspecified[i], NULL);
        for (size_t i = 0; i < n; i++)
                guard_ip6(t, f, own[i]);
}

static void guard_4(const NftTable *t, const GuardFacts *f) {
        guard_no_server(t, f, ETH_P_IP, 67);
        if (f->any_address) {
                guard_arp(t, f, NULL);
                guard_ip4(t, f, NULL);
        }
        for (size_t i = 0; i < f->n; i++)
                if (f->addresses[i].family == AF_INET) {
                        guard_arp(t, f, f->addresses[i].bytes);
                        guard_ip4(t, f, f->addresses[i].bytes);
                }
}

void guard_add(const NftTable *t, const GuardFacts *f) {
        const NftHook hook = { .type = "filter", .device = f->port, .number = NF_NETDEV_INGRESS, .priority = GUARD_PRIORITY,
                               .policy = NF_DROP };

        nft_chain_add(t, f->port, NULL); /* so that there is one to take away */
        nft_chain_delete(t, f->port);
        nft_chain_add(t, f->port, &hook);
        guard_mac(t, f);
        guard_4(t, f);
        guard_6(t, f);
}

void guard_delete(const NftTable *t, const char *port) {
        nft_chain_add(t, port, NULL);
        nft_chain_delete(t, port);
}
