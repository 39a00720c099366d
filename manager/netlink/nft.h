/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* nftables over nfnetlink (include/uapi/linux/netfilter/nf_tables.h): tables, chains, sets and rules as messages of one batch, which
 * the kernel takes as a whole or not at all. Nothing here talks to the kernel, see netlink_call_batch(); whatever spoils the message
 * is found there. Pure. */

#include <netinet/in.h> /* before what repeats it */

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "manager/netlink/netlink-message.h"

#ifndef NFT_TABLE_F_OWNER
#define NFT_TABLE_F_OWNER 2U
#endif
#define NFT_TABLE_PERSISTS 4U /* NFT_TABLE_F_PERSIST of Linux 6.9: an enum's member, which headers may lack */

/* The table that what follows is of. */
typedef struct NftTable {
        NetlinkMessage *message;
        uint8_t family; /* NFPROTO_INET, NFPROTO_NETDEV */
        const char *name;
} NftTable;

/* Around every batch. */
void nft_batch_begin(NetlinkMessage *m);
void nft_batch_end(NetlinkMessage *m);

/* One that is there already is no mistake. comment: whose it is, told by nft_table_read(). */
void nft_table_add(const NftTable *t, uint32_t flags, const char *comment);
void nft_table_delete(const NftTable *t);
/* The question for netlink_dump() whether it is there, and what the kernel answers: false: nothing of a table. */
void nft_table_ask(const NftTable *t);
typedef struct NftTableAnswer {
        char name[64], comment[64]; /* "" = none */
        uint32_t flags, owner;      /* the port of the socket that owns it; 0 = nobody */
} NftTableAnswer;
bool nft_table_read(const struct nlmsghdr *m, NftTableAnswer *ret);

typedef struct NftHook {
        const char *type;   /* "filter", "nat" */
        const char *device; /* of NFPROTO_NETDEV; NULL = none */
        uint32_t number;    /* NF_INET_FORWARD, ... */
        int32_t priority;
        uint32_t policy; /* NF_ACCEPT, NF_DROP */
} NftHook;
void nft_chain_add(const NftTable *t, const char *name, const NftHook *hook); /* hook: NULL = one to jump to */
void nft_chain_delete(const NftTable *t, const char *name);                   /* with its rules */

/* The question for all chains of all tables, and what is answered for each; false: nothing of a chain. */
void nft_chains_ask(NetlinkMessage *m);
typedef struct NftChainAnswer {
        uint8_t family;
        char table[64], name[128];
        bool hooked;
        uint32_t number, policy;
} NftChainAnswer;
bool nft_chain_read(const struct nlmsghdr *m, NftChainAnswer *ret);

typedef struct NftSet {
        const char *name;
        uint32_t flags; /* NFT_SET_MAP, NFT_SET_INTERVAL, ... */
        uint32_t key_type, key_size, data_type, data_size; /* types are for who lists them: NFT_TYPE_* */
        uint8_t fields[4]; /* of a key that is several values with ranges: their sizes; 0 = the end */
} NftSet;
enum { NFT_TYPE_INDEX = 20, NFT_TYPE_IPV4 = 7, NFT_TYPE_IPV6 = 8, NFT_TYPE_PROTOCOL = 12, NFT_TYPE_PORT = 13 };
#define NFT_TYPE_TWO(a, b) ((uint32_t)(a) << 6 | (uint32_t)(b))
void nft_set_add(const NftTable *t, const NftSet *s);
void nft_set_flush(const NftTable *t, const char *name);
typedef struct NftElement {
        const void *key, *key_end, *data; /* of the set's sizes; key_end: of a range, else NULL; data: of a map, else NULL */
} NftElement;
void nft_elements_add(const NftTable *t, const NftSet *s, const NftElement *e, size_t n);
void nft_elements_delete(const NftTable *t, const NftSet *s, const NftElement *e, size_t n);

/* --- a rule: its expressions stand between begin and end, in order */

typedef struct NftRule {
        NetlinkMessage *message;
        size_t list;
} NftRule;
NftRule nft_rule_begin(const NftTable *t, const char *chain);
void nft_rule_end(NftRule *r);

/* What is loaded, compared and looked up: registers of four bytes, counted from 0 to 15. A value lies in as many as it needs. */
void nft_load_meta(NftRule *r, uint32_t key, unsigned to);                                        /* NFT_META_* */
void nft_load_payload(NftRule *r, uint32_t base, uint32_t offset, uint32_t size, unsigned to);    /* NFT_PAYLOAD_* */
void nft_load_ct(NftRule *r, uint32_t key, unsigned to);                                          /* NFT_CT_* */
void nft_load_address_type(NftRule *r, unsigned to); /* of the destination, as routes see it: RTN_* */
void nft_load_bytes(NftRule *r, const void *data, size_t size, unsigned to);
void nft_mask(NftRule *r, unsigned at, const void *mask, size_t size);
void nft_compare(NftRule *r, unsigned at, bool equal, const void *data, size_t size);
void nft_look_up(NftRule *r, unsigned at, const char *set, bool found);
void nft_look_up_map(NftRule *r, unsigned at, const char *map, unsigned to);
void nft_verdict(NftRule *r, int32_t code, const char *chain); /* NF_ACCEPT, NF_DROP, NFT_JUMP; chain: of a jump, else NULL */
void nft_masquerade(NftRule *r);
void nft_nat_destination(NftRule *r, uint8_t family, unsigned address, int port); /* registers; port: -1 = it stays */

/* Two that nearly every rule has: the packet is of that kind, ETH_P_*, or its payload is of that protocol, IPPROTO_*. */
void nft_is_packet(NftRule *r, uint16_t kind);
void nft_is_protocol(NftRule *r, uint8_t protocol);
