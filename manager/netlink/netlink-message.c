/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>

#include "manager/base/util.h"
#include "manager/netlink/netlink-message.h"

#define MESSAGE_MAX (8U << 20) /* of a batch: 10,000 elements of a set are less than 1 MiB */
#define ATTRIBUTE_MAX (UINT16_MAX - NLA_HDRLEN)

void netlink_message_done(NetlinkMessage *m) {
        free(m->data);
        *m = (NetlinkMessage){};
}

/* Zeroed room at the end, a multiple of the alignment; NULL spoils the message. */
static uint8_t *message_extend(NetlinkMessage *m, size_t size) {
        const size_t aligned = NLMSG_ALIGN(size);
        uint8_t *at;

        if (m->error < 0)
                return NULL;
        if (size > MESSAGE_MAX || m->size + aligned > MESSAGE_MAX) {
                m->error = -EMSGSIZE;
                return NULL;
        }
        if (m->size + aligned > m->room) {
                size_t room = MAX_OF(MAX_OF(m->room * 2, (size_t)512), m->size + aligned);
                uint8_t *grown = realloc(m->data, room);

                if (!grown) {
                        m->error = -ENOMEM;
                        return NULL;
                }
                m->data = grown;
                m->room = room;
        }
        at = m->data + m->size;
        memset(at, 0, aligned);
        m->size += aligned;
        return at;
}

static struct nlmsghdr *message_header(NetlinkMessage *m) {
        return (struct nlmsghdr *)(void *)(m->data + m->begin);
}

/* The length of the message that is being built follows its bytes. */
static void message_settle(NetlinkMessage *m) {
        if (m->error >= 0)
                message_header(m)->nlmsg_len = (uint32_t)(m->size - m->begin);
}

void netlink_begin(NetlinkMessage *m, uint16_t type, uint16_t flags, const void *header, size_t size) {
        const size_t begin = m->size;
        uint8_t *at = message_extend(m, NLMSG_HDRLEN + size);

        if (!at)
                return;
        m->begin = begin;
        m->n++;
        *message_header(m) = (struct nlmsghdr){ .nlmsg_type = type, .nlmsg_flags = flags };
        if (size > 0)
                memcpy(at + NLMSG_HDRLEN, header, size);
        message_settle(m);
}

void netlink_put_raw(NetlinkMessage *m, const void *data, size_t size) {
        uint8_t *at = message_extend(m, size);

        if (!at)
                return;
        if (size > 0)
                memcpy(at, data, size);
        message_settle(m);
}

void netlink_put(NetlinkMessage *m, uint16_t attribute, const void *data, size_t size) {
        struct nlattr head = { .nla_type = attribute };
        uint8_t *at;

        if (m->error >= 0 && (size > ATTRIBUTE_MAX || m->n == 0))
                m->error = m->n == 0 ? -EINVAL : -EMSGSIZE;
        at = message_extend(m, NLA_HDRLEN + MIN_OF(size, (size_t)ATTRIBUTE_MAX));
        if (!at)
                return;
        head.nla_len = (uint16_t)(NLA_HDRLEN + size);
        memcpy(at, &head, sizeof(head));
        if (size > 0)
                memcpy(at + NLA_HDRLEN, data, size);
        message_settle(m);
}

void netlink_put_u8(NetlinkMessage *m, uint16_t attribute, uint8_t value) {
        netlink_put(m, attribute, &value, sizeof(value));
}

void netlink_put_u16(NetlinkMessage *m, uint16_t attribute, uint16_t value) {
        netlink_put(m, attribute, &value, sizeof(value));
}

void netlink_put_u32(NetlinkMessage *m, uint16_t attribute, uint32_t value) {
        netlink_put(m, attribute, &value, sizeof(value));
}

void netlink_put_u64(NetlinkMessage *m, uint16_t attribute, uint64_t value) {
        netlink_put(m, attribute, &value, sizeof(value));
}

void netlink_put_be16(NetlinkMessage *m, uint16_t attribute, uint16_t value) {
        netlink_put_u16(m, attribute, htobe16(value));
}

void netlink_put_be32(NetlinkMessage *m, uint16_t attribute, uint32_t value) {
        netlink_put_u32(m, attribute, htobe32(value));
}

void netlink_put_be64(NetlinkMessage *m, uint16_t attribute, uint64_t value) {
        netlink_put_u64(m, attribute, htobe64(value));
}

void netlink_put_string(NetlinkMessage *m, uint16_t attribute, const char *text) {
        netlink_put(m, attribute, text, strlen(text) + 1);
}

size_t netlink_nest_begin(NetlinkMessage *m, uint16_t attribute, bool nested) {
        const size_t nest = m->size;

        netlink_put(m, attribute | (nested ? NLA_F_NESTED : 0), NULL, 0);
        return nest;
}

void netlink_nest_end(NetlinkMessage *m, size_t nest) {
        struct nlattr head;
        size_t size;

        if (m->error < 0)
                return;
        size = m->size - nest;
        if (size > UINT16_MAX) {
                m->error = -EMSGSIZE;
                return;
        }
        memcpy(&head, m->data + nest, sizeof(head));
        head.nla_len = (uint16_t)size;
        memcpy(m->data + nest, &head, sizeof(head));
}

/* --- reading */

bool netlink_next(const void *data, size_t size, size_t *at, const struct nlmsghdr **ret) {
        const struct nlmsghdr *m;

        if (*at > size || size - *at < NLMSG_HDRLEN)
                return false;
        m = (const struct nlmsghdr *)(const void *)((const uint8_t *)data + *at);
        if (m->nlmsg_len < NLMSG_HDRLEN || m->nlmsg_len > size - *at)
                return false;
        *at += MIN_OF((size_t)NLMSG_ALIGN(m->nlmsg_len), size - *at);
        *ret = m;
        return true;
}

const void *netlink_header(const struct nlmsghdr *m, size_t size) {
        return m->nlmsg_len < NLMSG_HDRLEN + size ? NULL : (const uint8_t *)m + NLMSG_HDRLEN;
}

static bool bytes_next(const uint8_t *data, size_t size, size_t *at, NetlinkAttribute *ret) {
        struct nlattr head;

        if (*at > size || size - *at < NLA_HDRLEN)
                return false;
        memcpy(&head, data + *at, sizeof(head));
        if (head.nla_len < NLA_HDRLEN || head.nla_len > size - *at)
                return false;
        *ret = (NetlinkAttribute){ .type = head.nla_type & NLA_TYPE_MASK,
                                   .data = data + *at + NLA_HDRLEN,
                                   .size = head.nla_len - NLA_HDRLEN };
        *at += MIN_OF((size_t)NLA_ALIGN(head.nla_len), size - *at);
        return true;
}

bool netlink_attribute_next(const struct nlmsghdr *m, size_t header_size, size_t *at, NetlinkAttribute *ret) {
        const size_t behind = NLMSG_HDRLEN + NLMSG_ALIGN(header_size);

        return m->nlmsg_len > behind && bytes_next((const uint8_t *)m + behind, m->nlmsg_len - behind, at, ret);
}

bool netlink_nested_next(const NetlinkAttribute *nest, size_t *at, NetlinkAttribute *ret) {
        return bytes_next(nest->data, nest->size, at, ret);
}

bool netlink_attribute_find(const struct nlmsghdr *m, size_t header_size, uint16_t type, NetlinkAttribute *ret) {
        for (size_t at = 0; netlink_attribute_next(m, header_size, &at, ret);)
                if (ret->type == type)
                        return true;
        return false;
}

bool netlink_nested_find(const NetlinkAttribute *nest, uint16_t type, NetlinkAttribute *ret) {
        for (size_t at = 0; netlink_nested_next(nest, &at, ret);)
                if (ret->type == type)
                        return true;
        return false;
}

bool netlink_get_u32(const NetlinkAttribute *a, uint32_t *ret) {
        if (a->size != sizeof(*ret))
                return false;
        memcpy(ret, a->data, sizeof(*ret));
        return true;
}

bool netlink_get_u16(const NetlinkAttribute *a, uint16_t *ret) {
        if (a->size != sizeof(*ret))
                return false;
        memcpy(ret, a->data, sizeof(*ret));
        return true;
}

const char *netlink_get_string(const NetlinkAttribute *a) {
        return a->size > 0 && memchr(a->data, 0, a->size) ? a->data : NULL;
}
