/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What may come out of a container's link: frames from its own hardware address, with its own network addresses, and none of those by
 * which others would believe that it is a router or a server of addresses. All else is dropped where the frame enters the host, before a
 * bridge or a route sees it. One chain a port in the table `netdev bulwark`; pure. */

#include "manager/host/network/addresses.h"
#include "manager/netlink/nft.h"

typedef struct GuardFacts {
        const char *port; /* the host's end */
        uint8_t mac[MAC_SIZE];
        const IpPrefix *addresses;
        size_t n;
        bool any_address; /* a server of the network gives them: its hardware address alone is known */
} GuardFacts;

/* In place of one that is there. The port has to be, too. */
void guard_add(const NftTable *t, const GuardFacts *f);
/* One that is gone is no mistake. Kernels before 6.16 remove it with its port, later ones do not. */
void guard_delete(const NftTable *t, const char *port);
