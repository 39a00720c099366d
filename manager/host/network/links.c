/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>

#include "manager/base/util.h"
#include "manager/host/network/links.h"

static int call_once(Netlink *n, NetlinkMessage *m, NetlinkError *reterr) {
        int r = netlink_call(n, m, reterr);

        netlink_message_done(m);
        return r;
}

static size_t address_size(int family) {
        return family == AF_INET ? 4 : 16;
}

/* --- what is there */

typedef struct List {
        void *items;
        size_t n;
        int index; /* of the link whose addresses are wanted */
} List;

static void *list_grow(List *l, size_t size) {
        void *items = reallocarray(l->items, l->n + 1, size);

        if (!items)
                return NULL;
        l->items = items;
        return memset((uint8_t *)items + l->n++ * size, 0, size);
}

static int list_hand_out(List *l, int r, void *ret, size_t *ret_n) {
        if (r < 0) {
                free(l->items);
                return r;
        }
        memcpy(ret, &l->items, sizeof(l->items));
        *ret_n = l->n;
        return 0;
}

static int link_read(const struct nlmsghdr *m, Link *ret) {
        const struct ifinfomsg *head = netlink_header(m, sizeof(*head));
        NetlinkAttribute a, kind;
        uint32_t v;

        if (!head || m->nlmsg_type != RTM_NEWLINK)
                return -EBADMSG;
        *ret = (Link){ .index = head->ifi_index, .up = head->ifi_flags & IFF_UP };
        if (netlink_attribute_find(m, sizeof(*head), IFLA_IFNAME, &a) && netlink_get_string(&a))
                (void)snprintf(ret->name, sizeof(ret->name), "%s", netlink_get_string(&a));
        if (netlink_attribute_find(m, sizeof(*head), IFLA_LINKINFO, &a) && netlink_nested_find(&a, IFLA_INFO_KIND, &kind) &&
            netlink_get_string(&kind))
                (void)snprintf(ret->kind, sizeof(ret->kind), "%s", netlink_get_string(&kind));
        if (netlink_attribute_find(m, sizeof(*head), IFLA_GROUP, &a) && netlink_get_u32(&a, &v))
                ret->group = v;
        if (netlink_attribute_find(m, sizeof(*head), IFLA_MASTER, &a) && netlink_get_u32(&a, &v))
                ret->master = (int)v;
        return 0;
}

static int on_link(const struct nlmsghdr *m, void *userdata) {
        Link *l = list_grow(userdata, sizeof(Link));

        return l ? link_read(m, l) : -ENOMEM;
}

static int on_the_link(const struct nlmsghdr *m, void *userdata) {
        return link_read(m, userdata);
}

int link_find(Netlink *n, const char *name, Link *ret) {
        const struct ifinfomsg head = {};
        NetlinkMessage m = {};
        Link found = {};
        int r;

        netlink_begin(&m, RTM_GETLINK, 0, &head, sizeof(head));
        netlink_put_string(&m, IFLA_IFNAME, name);
        r = netlink_dump(n, &m, on_the_link, &found);
        netlink_message_done(&m);
        if (r < 0)
                return r;
        *ret = found;
        return found.index > 0 ? 0 : -ENODEV;
}

int links_list(Netlink *n, Link **ret, size_t *ret_n) {
        const struct ifinfomsg head = {};
        NetlinkMessage m = {};
        List l = {};
        int r;

        netlink_begin(&m, RTM_GETLINK, NLM_F_DUMP, &head, sizeof(head));
        r = netlink_dump(n, &m, on_link, &l);
        netlink_message_done(&m);
        return list_hand_out(&l, r, ret, ret_n);
}

static int prefix_read(const struct nlmsghdr *m, size_t header, uint16_t type, uint8_t family, uint8_t length, List *l) {
        NetlinkAttribute a;
        IpPrefix *p;

        if ((family != AF_INET && family != AF_INET6) || length > 8 * address_size(family))
                return 0;
        if (!netlink_attribute_find(m, header, type, &a) || a.size != address_size(family))
                return 0;
        p = list_grow(l, sizeof(IpPrefix));
        if (!p)
                return -ENOMEM;
        p->family = family;
        p->length = length;
        memcpy(p->bytes, a.data, a.size);
        return 0;
}

static int on_route(const struct nlmsghdr *m, void *userdata) {
        const struct rtmsg *head = netlink_header(m, sizeof(*head));

        if (!head || head->rtm_dst_len == 0)
                return 0;
        return prefix_read(m, sizeof(*head), RTA_DST, head->rtm_family, head->rtm_dst_len, userdata);
}

int routes_list(Netlink *n, IpPrefix **ret, size_t *ret_n) {
        static const uint8_t families[] = { AF_INET, AF_INET6 };
        List l = {};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(families); i++) {
                const struct rtmsg head = { .rtm_family = families[i] };
                NetlinkMessage m = {};

                netlink_begin(&m, RTM_GETROUTE, NLM_F_DUMP, &head, sizeof(head));
                r = netlink_dump(n, &m, on_route, &l);
                netlink_message_done(&m);
                if (r == -EAFNOSUPPORT || r == -EOPNOTSUPP)
                        r = 0;
        }
        return list_hand_out(&l, r, ret, ret_n);
}

static int on_address(const struct nlmsghdr *m, void *userdata) {
        const struct ifaddrmsg *head = netlink_header(m, sizeof(*head));
        List *l = userdata;

        if (!head || head->ifa_scope != RT_SCOPE_UNIVERSE || (int)head->ifa_index != l->index)
                return 0;
        return prefix_read(m, sizeof(*head), IFA_ADDRESS, head->ifa_family, head->ifa_prefixlen, l);
}

int addresses_list(Netlink *n, int index, IpPrefix **ret, size_t *ret_n) {
        const struct ifaddrmsg head = {};
        List l = { .index = index };
        NetlinkMessage m = {};
        int r;

        netlink_begin(&m, RTM_GETADDR, NLM_F_DUMP, &head, sizeof(head));
        r = netlink_dump(n, &m, on_address, &l);
        netlink_message_done(&m);
        return list_hand_out(&l, r, ret, ret_n);
}

/* --- links */

#define CREATE (NLM_F_CREATE | NLM_F_EXCL)

int link_make_bridge(Netlink *n, const char *name, uint32_t group, const uint8_t mac[static MAC_SIZE], NetlinkError *reterr) {
        const struct ifinfomsg head = {};
        NetlinkMessage m = {};
        size_t info;

        netlink_begin(&m, RTM_NEWLINK, CREATE, &head, sizeof(head));
        netlink_put_string(&m, IFLA_IFNAME, name);
        netlink_put_u32(&m, IFLA_GROUP, group);
        netlink_put(&m, IFLA_ADDRESS, mac, MAC_SIZE); /* or it would be that of one member or the other */
        info = netlink_nest_begin(&m, IFLA_LINKINFO, false);
        netlink_put_string(&m, IFLA_INFO_KIND, "bridge");
        netlink_nest_end(&m, info);
        return call_once(n, &m, reterr);
}

int link_make_pair(Netlink *n, const char *name, uint32_t group, int namespace_fd, const char *peer,
                   const uint8_t mac[static MAC_SIZE], NetlinkError *reterr) {
        const struct ifinfomsg head = {};
        NetlinkMessage m = {};
        size_t info, data, other;

        netlink_begin(&m, RTM_NEWLINK, CREATE, &head, sizeof(head));
        netlink_put_string(&m, IFLA_IFNAME, name);
        netlink_put_u32(&m, IFLA_GROUP, group);
        info = netlink_nest_begin(&m, IFLA_LINKINFO, false);
        netlink_put_string(&m, IFLA_INFO_KIND, "veth");
        data = netlink_nest_begin(&m, IFLA_INFO_DATA, false);
        other = netlink_nest_begin(&m, VETH_INFO_PEER, false);
        netlink_put_raw(&m, &head, sizeof(head));
        netlink_put_string(&m, IFLA_IFNAME, peer);
        netlink_put(&m, IFLA_ADDRESS, mac, MAC_SIZE);
        netlink_put_u32(&m, IFLA_NET_NS_FD, (uint32_t)namespace_fd);
        netlink_nest_end(&m, other);
        netlink_nest_end(&m, data);
        netlink_nest_end(&m, info);
        return call_once(n, &m, reterr);
}

int link_set_up(Netlink *n, int index, int master, const char *alias, NetlinkError *reterr) {
        const struct ifinfomsg head = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
        NetlinkMessage m = {};
        int r;

        netlink_begin(&m, RTM_NEWLINK, 0, &head, sizeof(head));
        if (alias)
                netlink_put(&m, IFLA_IFALIAS, alias, strlen(alias));
        if (master > 0)
                netlink_put_u32(&m, IFLA_MASTER, (uint32_t)master);
        r = call_once(n, &m, reterr);
        if (r >= 0 && master > 0) {
                const struct ifinfomsg port = { .ifi_family = AF_BRIDGE, .ifi_index = index };
                size_t info;

                netlink_begin(&m, RTM_SETLINK, 0, &port, sizeof(port));
                info = netlink_nest_begin(&m, IFLA_PROTINFO, true);
                netlink_put_u8(&m, IFLA_BRPORT_MODE, 1);
                netlink_nest_end(&m, info);
                r = call_once(n, &m, reterr);
        }
        return r;
}

int link_delete(Netlink *n, int index) {
        const struct ifinfomsg head = { .ifi_index = index };
        NetlinkMessage m = {};
        int r;

        netlink_begin(&m, RTM_DELLINK, 0, &head, sizeof(head));
        r = call_once(n, &m, NULL);
        return r == -ENODEV ? 0 : r;
}

/* --- addresses, routes, neighbours */

int link_add_address(Netlink *n, int index, const IpPrefix *address, NetlinkError *reterr) {
        const struct ifaddrmsg head = { .ifa_family = address->family, .ifa_prefixlen = address->length,
                                        .ifa_index = (unsigned)index };
        const size_t size = address_size(address->family);
        NetlinkMessage m = {};

        netlink_begin(&m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof(head));
        netlink_put(&m, IFA_LOCAL, address->bytes, size);
        netlink_put(&m, IFA_ADDRESS, address->bytes, size);
        if (address->family == AF_INET6)
                netlink_put_u32(&m, IFA_FLAGS, IFA_F_NODAD | IFA_F_PERMANENT);
        return call_once(n, &m, reterr);
}

int link_add_default_route(Netlink *n, int index, const IpPrefix *gateway, NetlinkError *reterr) {
        const struct rtmsg head = { .rtm_family = gateway->family, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC,
                                    .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST };
        NetlinkMessage m = {};

        netlink_begin(&m, RTM_NEWROUTE, CREATE, &head, sizeof(head));
        netlink_put(&m, RTA_GATEWAY, gateway->bytes, address_size(gateway->family));
        netlink_put_u32(&m, RTA_OIF, (uint32_t)index);
        return call_once(n, &m, reterr);
}

int link_add_neighbour(Netlink *n, int index, const IpPrefix *address, const uint8_t mac[static MAC_SIZE],
                       NetlinkError *reterr) {
        const struct ndmsg head = { .ndm_family = address->family, .ndm_ifindex = index, .ndm_state = NUD_PERMANENT };
        NetlinkMessage m = {};

        netlink_begin(&m, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof(head));
        netlink_put(&m, NDA_DST, address->bytes, address_size(address->family));
        netlink_put(&m, NDA_LLADDR, mac, MAC_SIZE);
        return call_once(n, &m, reterr);
}
