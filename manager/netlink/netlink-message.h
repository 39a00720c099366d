/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Netlink messages as bytes: built with every length checked, read with every length doubted (netlink(7), and
 * Documentation/userspace-api/netlink in the kernel). A length that wraps was a hole elsewhere (CVE-2021-43784): a buffer
 * that is full, or an attribute longer than its 16 bits, spoils the message, and a spoilt one is never sent. Pure. */

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- building. Owned by who made it, freed with netlink_message_done(). */

typedef struct NetlinkMessage {
        uint8_t *data;  /* one message, or a batch of several, each aligned */
        size_t size, room;
        size_t begin;   /* of the message that is being built */
        size_t n;       /* messages that were begun */
        int error;      /* the first mistake, negative errno; nothing is added behind it */
} NetlinkMessage;

void netlink_message_done(NetlinkMessage *m);
/* One more message. flags: NLM_F_*; header: what follows the netlink header, e.g. struct ifinfomsg. */
void netlink_begin(NetlinkMessage *m, uint16_t type, uint16_t flags, const void *header, size_t size);
void netlink_put(NetlinkMessage *m, uint16_t attribute, const void *data, size_t size);
void netlink_put_u8(NetlinkMessage *m, uint16_t attribute, uint8_t value);
void netlink_put_u16(NetlinkMessage *m, uint16_t attribute, uint16_t value);
void netlink_put_u32(NetlinkMessage *m, uint16_t attribute, uint32_t value);
void netlink_put_u64(NetlinkMessage *m, uint16_t attribute, uint64_t value);
void netlink_put_be16(NetlinkMessage *m, uint16_t attribute, uint16_t value); /* given in the host's order */
void netlink_put_be32(NetlinkMessage *m, uint16_t attribute, uint32_t value);
void netlink_put_be64(NetlinkMessage *m, uint16_t attribute, uint64_t value);
void netlink_put_string(NetlinkMessage *m, uint16_t attribute, const char *text); /* with its NUL */
/* Attributes within an attribute; the answer is for netlink_nest_end(). nested: says so by NLA_F_NESTED, as nftables needs. */
size_t netlink_nest_begin(NetlinkMessage *m, uint16_t attribute, bool nested);
void netlink_nest_end(NetlinkMessage *m, size_t nest);
/* Raw bytes without an attribute around them: the peer's struct ifinfomsg within VETH_INFO_PEER. */
void netlink_put_raw(NetlinkMessage *m, const void *data, size_t size);

/* --- reading. Everything points into the bytes that were given. */

/* The next message of a datagram; *at begins with 0. false: no more, or what is left is none. */
bool netlink_next(const void *data, size_t size, size_t *at, const struct nlmsghdr **ret);

typedef struct NetlinkAttribute {
        uint16_t type; /* without the flag bits */
        const void *data;
        size_t size;
} NetlinkAttribute;

/* The attributes of a message behind its header of header_size bytes; *at begins with 0. */
bool netlink_attribute_next(const struct nlmsghdr *m, size_t header_size, size_t *at, NetlinkAttribute *ret);
/* Those within an attribute. */
bool netlink_nested_next(const NetlinkAttribute *nest, size_t *at, NetlinkAttribute *ret);
/* The first of that type; false: there is none. */
bool netlink_attribute_find(const struct nlmsghdr *m, size_t header_size, uint16_t type, NetlinkAttribute *ret);
bool netlink_nested_find(const NetlinkAttribute *nest, uint16_t type, NetlinkAttribute *ret);

/* false: not of this size; a string: not NUL-terminated. */
bool netlink_get_u32(const NetlinkAttribute *a, uint32_t *ret);
bool netlink_get_u16(const NetlinkAttribute *a, uint16_t *ret);
const char *netlink_get_string(const NetlinkAttribute *a); /* NULL */
/* What follows the netlink header, or NULL where the message is shorter. */
const void *netlink_header(const struct nlmsghdr *m, size_t size);
