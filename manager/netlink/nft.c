/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>

#include "manager/base/util.h"
#include "manager/netlink/nft.h"

/* --- messages */

static void nft_message(NetlinkMessage *m, uint8_t family, uint16_t type, uint16_t flags) {
        const struct nfgenmsg head = { .nfgen_family = family, .version = NFNETLINK_V0 };

        netlink_begin(m, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, &head, sizeof(head));
}

static void nft_batch(NetlinkMessage *m, uint16_t type) {
        const struct nfgenmsg head = { .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES) };

        netlink_begin(m, type, 0, &head, sizeof(head));
}

void nft_batch_begin(NetlinkMessage *m) {
        nft_batch(m, NFNL_MSG_BATCH_BEGIN);
}

void nft_batch_end(NetlinkMessage *m) {
        nft_batch(m, NFNL_MSG_BATCH_END);
}

/* --- tables */

/* nft(8) keeps what people read as bytes of a type, a length and a value; the first type is the comment. */
#define USERDATA_COMMENT 0

void nft_table_add(const NftTable *t, uint32_t flags, const char *comment) {
        char userdata[2 + sizeof(((NftTableAnswer *)NULL)->comment)] = { USERDATA_COMMENT };
        const size_t size = MIN_OF(strlen(comment), sizeof(userdata) - 3) + 1;

        userdata[1] = (char)size;
        memcpy(userdata + 2, comment, size - 1);
        nft_message(t->message, t->family, NFT_MSG_NEWTABLE, NLM_F_CREATE);
        netlink_put_string(t->message, NFTA_TABLE_NAME, t->name);
        netlink_put_be32(t->message, NFTA_TABLE_FLAGS, flags);
        netlink_put(t->message, NFTA_TABLE_USERDATA, userdata, 2 + size);
}

void nft_table_delete(const NftTable *t) {
        nft_message(t->message, t->family, NFT_MSG_DELTABLE, 0);
        netlink_put_string(t->message, NFTA_TABLE_NAME, t->name);
}

void nft_table_ask(const NftTable *t) {
        nft_message(t->message, t->family, NFT_MSG_GETTABLE, 0);
        netlink_put_string(t->message, NFTA_TABLE_NAME, t->name);
}

static bool get_be32(const NetlinkAttribute *a, uint32_t *ret) {
        uint32_t v;

        if (!netlink_get_u32(a, &v))
                return false;
        *ret = ntohl(v);
        return true;
}

/* The comment among the userdata, which another program may have written. */
static void read_comment(const NetlinkAttribute *a, char *ret, size_t size) {
        const uint8_t *data = a->data;

        for (size_t at = 0; at + 2 <= a->size && data[at + 1] <= a->size - at - 2; at += 2U + data[at + 1])
                if (data[at] == USERDATA_COMMENT)
                        (void)snprintf(ret, size, "%.*s", (int)data[at + 1], (const char *)data + at + 2);
}

bool nft_table_read(const struct nlmsghdr *m, NftTableAnswer *ret) {
        const size_t header = sizeof(struct nfgenmsg);
        NftTableAnswer answer = {};
        NetlinkAttribute a;

        if (m->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE) || !netlink_header(m, header))
                return false;
        if (!netlink_attribute_find(m, header, NFTA_TABLE_NAME, &a) || !netlink_get_string(&a))
                return false;
        (void)snprintf(answer.name, sizeof(answer.name), "%s", netlink_get_string(&a));
        if (netlink_attribute_find(m, header, NFTA_TABLE_FLAGS, &a) && !get_be32(&a, &answer.flags))
                return false;
        if (netlink_attribute_find(m, header, NFTA_TABLE_OWNER, &a) && !get_be32(&a, &answer.owner))
                return false;
        if (netlink_attribute_find(m, header, NFTA_TABLE_USERDATA, &a))
                read_comment(&a, answer.comment, sizeof(answer.comment));
        *ret = answer;
        return true;
}

/* --- chains */

void nft_chain_add(const NftTable *t, const char *name, const NftHook *hook) {
        NetlinkMessage *m = t->message;
        size_t nest;

        nft_message(m, t->family, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
        netlink_put_string(m, NFTA_CHAIN_TABLE, t->name);
        netlink_put_string(m, NFTA_CHAIN_NAME, name);
        if (!hook)
                return;
        nest = netlink_nest_begin(m, NFTA_CHAIN_HOOK, true);
        netlink_put_be32(m, NFTA_HOOK_HOOKNUM, hook->number);
        netlink_put_be32(m, NFTA_HOOK_PRIORITY, (uint32_t)hook->priority);
        if (hook->device)
                netlink_put_string(m, NFTA_HOOK_DEV, hook->device);
        netlink_nest_end(m, nest);
        netlink_put_be32(m, NFTA_CHAIN_POLICY, hook->policy);
        netlink_put_string(m, NFTA_CHAIN_TYPE, hook->type);
}

void nft_chain_delete(const NftTable *t, const char *name) {
        nft_message(t->message, t->family, NFT_MSG_DELCHAIN, 0);
        netlink_put_string(t->message, NFTA_CHAIN_TABLE, t->name);
        netlink_put_string(t->message, NFTA_CHAIN_NAME, name);
}

void nft_chains_ask(NetlinkMessage *m) {
        nft_message(m, NFPROTO_UNSPEC, NFT_MSG_GETCHAIN, NLM_F_DUMP);
}

bool nft_chain_read(const struct nlmsghdr *m, NftChainAnswer *ret) {
        const struct nfgenmsg *head = netlink_header(m, sizeof(*head));
        NftChainAnswer answer = {};
        NetlinkAttribute a, number;

        if (m->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN) || !head)
                return false;
        answer.family = head->nfgen_family;
        if (!netlink_attribute_find(m, sizeof(*head), NFTA_CHAIN_TABLE, &a) || !netlink_get_string(&a))
                return false;
        (void)snprintf(answer.table, sizeof(answer.table), "%s", netlink_get_string(&a));
        if (!netlink_attribute_find(m, sizeof(*head), NFTA_CHAIN_NAME, &a) || !netlink_get_string(&a))
                return false;
        (void)snprintf(answer.name, sizeof(answer.name), "%s", netlink_get_string(&a));
        answer.hooked = netlink_attribute_find(m, sizeof(*head), NFTA_CHAIN_HOOK, &a) &&
                        netlink_nested_find(&a, NFTA_HOOK_HOOKNUM, &number) && get_be32(&number, &answer.number) &&
                        netlink_attribute_find(m, sizeof(*head), NFTA_CHAIN_POLICY, &a) && get_be32(&a, &answer.policy);
        *ret = answer;
        return true;
}

/* --- sets and maps */

static void put_fields(NetlinkMessage *m, const NftSet *s) {
        size_t description, list, one;

        if (!s->fields[0])
                return;
        description = netlink_nest_begin(m, NFTA_SET_DESC, true);
        list = netlink_nest_begin(m, NFTA_SET_DESC_CONCAT, true);
        for (size_t i = 0; i < sizeof(s->fields) && s->fields[i]; i++) {
                one = netlink_nest_begin(m, NFTA_LIST_ELEM, true);
                netlink_put_be32(m, NFTA_SET_FIELD_LEN, s->fields[i]);
                netlink_nest_end(m, one);
        }
        netlink_nest_end(m, list);
        netlink_nest_end(m, description);
}

void nft_set_add(const NftTable *t, const NftSet *s) {
        static const uint8_t host_order[] = { 0, 4, __BYTE_ORDER == __LITTLE_ENDIAN, 0, 0, __BYTE_ORDER != __LITTLE_ENDIAN }; /* for nft(8), which lists it */
        NetlinkMessage *m = t->message;

        nft_message(m, t->family, NFT_MSG_NEWSET, NLM_F_CREATE);
        netlink_put_string(m, NFTA_SET_TABLE, t->name);
        netlink_put_string(m, NFTA_SET_NAME, s->name);
        netlink_put_be32(m, NFTA_SET_ID, (uint32_t)m->n); /* of its own within the batch */
        netlink_put_be32(m, NFTA_SET_FLAGS, s->flags);
        netlink_put_be32(m, NFTA_SET_KEY_TYPE, s->key_type);
        netlink_put_be32(m, NFTA_SET_KEY_LEN, s->key_size);
        if (s->flags & NFT_SET_MAP) {
                netlink_put_be32(m, NFTA_SET_DATA_TYPE, s->data_type);
                netlink_put_be32(m, NFTA_SET_DATA_LEN, s->data_size);
        }
        put_fields(m, s);
        if (s->key_type == NFT_TYPE_INDEX)
                netlink_put(m, NFTA_SET_USERDATA, host_order, sizeof(host_order));
}

static void put_elements_head(const NftTable *t, const char *set, uint16_t type, uint16_t flags) {
        nft_message(t->message, t->family, type, flags);
        netlink_put_string(t->message, NFTA_SET_ELEM_LIST_TABLE, t->name);
        netlink_put_string(t->message, NFTA_SET_ELEM_LIST_SET, set);
}

void nft_set_flush(const NftTable *t, const char *name) {
        put_elements_head(t, name, NFT_MSG_DELSETELEM, 0);
}

static void put_value(NetlinkMessage *m, uint16_t attribute, const void *data, size_t size) {
        size_t nest = netlink_nest_begin(m, attribute, true);

        netlink_put(m, NFTA_DATA_VALUE, data, size);
        netlink_nest_end(m, nest);
}

static void put_elements(const NftTable *t, const NftSet *s, uint16_t type, uint16_t flags, const NftElement *e, size_t n) {
        NetlinkMessage *m = t->message;
        size_t list, one;

        if (n == 0)
                return;
        put_elements_head(t, s->name, type, flags);
        list = netlink_nest_begin(m, NFTA_SET_ELEM_LIST_ELEMENTS, true);
        for (size_t i = 0; i < n; i++) {
                one = netlink_nest_begin(m, NFTA_LIST_ELEM, true);
                put_value(m, NFTA_SET_ELEM_KEY, e[i].key, s->key_size);
                if (e[i].key_end)
                        put_value(m, NFTA_SET_ELEM_KEY_END, e[i].key_end, s->key_size);
                if (e[i].data)
                        put_value(m, NFTA_SET_ELEM_DATA, e[i].data, s->data_size);
                netlink_nest_end(m, one);
        }
        netlink_nest_end(m, list);
}

void nft_elements_add(const NftTable *t, const NftSet *s, const NftElement *e, size_t n) {
        put_elements(t, s, NFT_MSG_NEWSETELEM, NLM_F_CREATE, e, n);
}

void nft_elements_delete(const NftTable *t, const NftSet *s, const NftElement *e, size_t n) {
        put_elements(t, s, NFT_MSG_DELSETELEM, 0, e, n);
}

/* --- rules */

NftRule nft_rule_begin(const NftTable *t, const char *chain) {
        NetlinkMessage *m = t->message;

        nft_message(m, t->family, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
        netlink_put_string(m, NFTA_RULE_TABLE, t->name);
        netlink_put_string(m, NFTA_RULE_CHAIN, chain);
        return (NftRule){ .message = m, .list = netlink_nest_begin(m, NFTA_RULE_EXPRESSIONS, true) };
}

void nft_rule_end(NftRule *r) {
        netlink_nest_end(r->message, r->list);
}

typedef struct Expression {
        size_t element, data;
} Expression;

static Expression expression_begin(NftRule *r, const char *name) {
        Expression e = { .element = netlink_nest_begin(r->message, NFTA_LIST_ELEM, true) };

        netlink_put_string(r->message, NFTA_EXPR_NAME, name);
        e.data = netlink_nest_begin(r->message, NFTA_EXPR_DATA, true);
        return e;
}

static void expression_end(NftRule *r, const Expression *e) {
        netlink_nest_end(r->message, e->data);
        netlink_nest_end(r->message, e->element);
}

static uint32_t register_of(unsigned n) {
        return NFT_REG32_00 + n;
}

void nft_load_meta(NftRule *r, uint32_t key, unsigned to) {
        Expression e = expression_begin(r, "meta");

        netlink_put_be32(r->message, NFTA_META_KEY, key);
        netlink_put_be32(r->message, NFTA_META_DREG, register_of(to));
        expression_end(r, &e);
}

void nft_load_payload(NftRule *r, uint32_t base, uint32_t offset, uint32_t size, unsigned to) {
        Expression e = expression_begin(r, "payload");

        netlink_put_be32(r->message, NFTA_PAYLOAD_DREG, register_of(to));
        netlink_put_be32(r->message, NFTA_PAYLOAD_BASE, base);
        netlink_put_be32(r->message, NFTA_PAYLOAD_OFFSET, offset);
        netlink_put_be32(r->message, NFTA_PAYLOAD_LEN, size);
        expression_end(r, &e);
}

void nft_load_ct(NftRule *r, uint32_t key, unsigned to) {
        Expression e = expression_begin(r, "ct");

        netlink_put_be32(r->message, NFTA_CT_KEY, key);
        netlink_put_be32(r->message, NFTA_CT_DREG, register_of(to));
        expression_end(r, &e);
}

void nft_load_address_type(NftRule *r, unsigned to) {
        Expression e = expression_begin(r, "fib");

        netlink_put_be32(r->message, NFTA_FIB_DREG, register_of(to));
        netlink_put_be32(r->message, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
        netlink_put_be32(r->message, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
        expression_end(r, &e);
}

void nft_load_bytes(NftRule *r, const void *data, size_t size, unsigned to) {
        Expression e = expression_begin(r, "immediate");

        netlink_put_be32(r->message, NFTA_IMMEDIATE_DREG, register_of(to));
        put_value(r->message, NFTA_IMMEDIATE_DATA, data, size);
        expression_end(r, &e);
}

void nft_mask(NftRule *r, unsigned at, const void *mask, size_t size) {
        static const uint8_t none[16];
        Expression e = expression_begin(r, "bitwise");

        if (size > sizeof(none) && r->message->error >= 0)
                r->message->error = -EINVAL;
        size = MIN_OF(size, sizeof(none));
        netlink_put_be32(r->message, NFTA_BITWISE_SREG, register_of(at));
        netlink_put_be32(r->message, NFTA_BITWISE_DREG, register_of(at));
        netlink_put_be32(r->message, NFTA_BITWISE_LEN, (uint32_t)size);
        put_value(r->message, NFTA_BITWISE_MASK, mask, size);
        put_value(r->message, NFTA_BITWISE_XOR, none, size);
        expression_end(r, &e);
}

void nft_compare(NftRule *r, unsigned at, bool equal, const void *data, size_t size) {
        Expression e = expression_begin(r, "cmp");

        netlink_put_be32(r->message, NFTA_CMP_SREG, register_of(at));
        netlink_put_be32(r->message, NFTA_CMP_OP, equal ? NFT_CMP_EQ : NFT_CMP_NEQ);
        put_value(r->message, NFTA_CMP_DATA, data, size);
        expression_end(r, &e);
}

void nft_look_up(NftRule *r, unsigned at, const char *set, bool found) {
        Expression e = expression_begin(r, "lookup");

        netlink_put_string(r->message, NFTA_LOOKUP_SET, set);
        netlink_put_be32(r->message, NFTA_LOOKUP_SREG, register_of(at));
        netlink_put_be32(r->message, NFTA_LOOKUP_FLAGS, found ? 0 : NFT_LOOKUP_F_INV);
        expression_end(r, &e);
}

void nft_look_up_map(NftRule *r, unsigned at, const char *map, unsigned to) {
        Expression e = expression_begin(r, "lookup");

        netlink_put_string(r->message, NFTA_LOOKUP_SET, map);
        netlink_put_be32(r->message, NFTA_LOOKUP_SREG, register_of(at));
        netlink_put_be32(r->message, NFTA_LOOKUP_DREG, register_of(to));
        expression_end(r, &e);
}

void nft_verdict(NftRule *r, int32_t code, const char *chain) {
        Expression e = expression_begin(r, "immediate");
        size_t data, verdict;

        netlink_put_be32(r->message, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
        data = netlink_nest_begin(r->message, NFTA_IMMEDIATE_DATA, true);
        verdict = netlink_nest_begin(r->message, NFTA_DATA_VERDICT, true);
        netlink_put_be32(r->message, NFTA_VERDICT_CODE, (uint32_t)code);
        if (chain)
                netlink_put_string(r->message, NFTA_VERDICT_CHAIN, chain);
        netlink_nest_end(r->message, verdict);
        netlink_nest_end(r->message, data);
        expression_end(r, &e);
}

void nft_masquerade(NftRule *r) {
        Expression e = expression_begin(r, "masq");

        expression_end(r, &e);
}

void nft_nat_destination(NftRule *r, uint8_t family, unsigned address, int port) {
        Expression e = expression_begin(r, "nat");

        netlink_put_be32(r->message, NFTA_NAT_TYPE, NFT_NAT_DNAT);
        netlink_put_be32(r->message, NFTA_NAT_FAMILY, family);
        netlink_put_be32(r->message, NFTA_NAT_REG_ADDR_MIN, register_of(address));
        if (port >= 0)
                netlink_put_be32(r->message, NFTA_NAT_REG_PROTO_MIN, register_of((unsigned)port));
        expression_end(r, &e);
}

void nft_is_packet(NftRule *r, uint16_t kind) {
        const uint16_t wanted = htons(kind);

        nft_load_meta(r, NFT_META_PROTOCOL, 0);
        nft_compare(r, 0, true, &wanted, sizeof(wanted));
}

void nft_is_protocol(NftRule *r, uint8_t protocol) {
        nft_load_meta(r, NFT_META_L4PROTO, 0);
        nft_compare(r, 0, true, &protocol, sizeof(protocol));
}
