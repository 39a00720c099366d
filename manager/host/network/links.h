/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Links, addresses and routes of a network namespace: thin verbs over rtnetlink. Each answers with the kernel's errno; its words
 * are in reterr, which may be NULL. Whose a link is says its group (ip-link(8)), the one mark that the kernel sets with the name in
 * one step: a manager that is killed leaves no link that the next does not know. */

#include "manager/host/network/addresses.h"
#include "manager/netlink/netlink.h"

typedef struct Link {
        int index;
        char name[IFNAMSIZ], kind[16]; /* "" = a device */
        uint32_t group;
        int master; /* 0 = none */
        bool up;
} Link;

int link_find(Netlink *n, const char *name, Link *ret); /* -ENODEV */
int links_list(Netlink *n, Link **ret, size_t *ret_n);  /* owned */

int link_make_bridge(Netlink *n, const char *name, uint32_t group, const uint8_t mac[static MAC_SIZE], NetlinkError *reterr);
/* One end here, the other at once in the namespace of that descriptor, where nothing of it was before. */
int link_make_pair(Netlink *n, const char *name, uint32_t group, int namespace_fd, const char *peer,
                   const uint8_t mac[static MAC_SIZE], NetlinkError *reterr);
/* Up, with that alias for people (NULL = none), below a bridge (0 = none), where its own packets may come back to it. */
int link_set_up(Netlink *n, int index, int master, const char *alias, NetlinkError *reterr);
int link_delete(Netlink *n, int index); /* one that is gone is no mistake */

/* An IPv6 address is usable at once: without the search for another that has it, for which a start would wait. */
int link_add_address(Netlink *n, int index, const IpPrefix *address, NetlinkError *reterr);
int link_add_default_route(Netlink *n, int index, const IpPrefix *gateway, NetlinkError *reterr);
int link_add_neighbour(Netlink *n, int index, const IpPrefix *address, const uint8_t mac[static MAC_SIZE], NetlinkError *reterr);

/* Where packets go from here, of both families and all tables; without default routes. Owned. */
int routes_list(Netlink *n, IpPrefix **ret, size_t *ret_n);
int addresses_list(Netlink *n, int index, IpPrefix **ret, size_t *ret_n); /* of global scope */
