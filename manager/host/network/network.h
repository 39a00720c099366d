/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which addresses a container gets, from all that is known: its lines, who else has or wants one, and where the host's packets go.
 * Pure. */

#include "manager/host/network/addresses.h"

#define NETWORK_ADDRESSES_MAX (IP_PREFIXES_MAX + 2)
typedef struct NetworkAddresses {
        IpPrefix items[NETWORK_ADDRESSES_MAX];
        size_t n;
} NetworkAddresses;

/* One address that somebody else has, or that a loaded unit says it will have. */
typedef struct NetworkClaim {
        const char *name; /* borrowed */
        bool ours;        /* of the same zone or bridge */
        bool lives;
        IpPrefix address;
} NetworkClaim;

typedef struct NetworkQuestion {
        const char *name; /* the container's */
        const char *zone; /* NULL: it is alone with its host */
        const char *seed; /* of this machine */
        const IpPrefix *wanted; /* Address= */
        size_t n_wanted;
        const NetworkClaim *claims;
        size_t n_claims;
        const IpPrefix *routes;
        size_t n_routes;
        bool ipv6; /* the host has it */
} NetworkQuestion;

/* One address of each family. -EADDRINUSE, -EADDRNOTAVAIL: *reterr has the address, or the zone has another network, which *reterr is
 * of; -EEXIST: the network is one that the host's packets go to already; -EAFNOSUPPORT: no IPv6 here; -ENOSPC. */
int network_choose(const NetworkQuestion *q, NetworkAddresses *ret, const NetworkClaim **reterr);
/* Of a unit on a bridge that is not ours: its lines alone. -EADDRINUSE. */
int network_choose_on_bridge(const NetworkQuestion *q, NetworkAddresses *ret, const NetworkClaim **reterr);

uint32_t network_group(const char *seed); /* the mark of our links: never 0, which all others have */
