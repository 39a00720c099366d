/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The way out of zones and of containers alone with their host, as rules of `table inet bulwark`: their packets go beyond the host from
 * its address, what answers them comes back, and nothing else becomes reachable, neither they from outside, nor one network from another,
 * nor what lies behind the host for who is before it. Pure. */

#include "manager/host/network/addresses.h"
#include "manager/netlink/nft.h"

/* group: of our links, see network_group(). Chains and sets, all of them empty. */
void way_out_add(const NftTable *t, uint32_t group);
/* Addresses of a container: they go out from the host's address. */
void way_out_add_member(const NftTable *t, const IpPrefix *addresses, size_t n);
void way_out_delete_member(const NftTable *t, const IpPrefix *addresses, size_t n);
/* Packets from one port of that bridge to another, of which nothing has to be asked. */
void way_out_add_bridge(const NftTable *t, int index);

/* Interfaces that forward for us alone. */
typedef struct WayOutOpened {
        uint8_t family;
        int index;
} WayOutOpened;
void way_out_set_opened(const NftTable *t, const WayOutOpened *opened, size_t n); /* in place of those that were */
