/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which names and addresses a container and its network get: pure, the same facts give the same choice. There is no database:
 * what is taken is what lives and what the loaded units say, and a choice begins at a hash of the name and goes on from there,
 * so that the same unit gets the same address as long as nobody else has taken it. */

#include <net/if.h>

#include "units/values/types.h"

#define ZONE_LENGTH_4 20 /* 4,093 members beside the host; a bridge has 1,023 ports */
#define LINK_LENGTH_4 30 /* a container alone with its host */
#define NETWORK_LENGTH_6 64
#define MAC_SIZE 6

/* Both: prefix and name, at most 15 bytes. A name that is too long, or has other bytes than letters, digits, '_', '-' and '.',
 * becomes its first bytes, a '~', which no unit's name has, and a hash. */
#define ZONE_PREFIX "bz-"      /* the bridge of a zone */
#define CONTAINER_PREFIX "bw-" /* the host's end of a container's link */
void network_interface_name(const char *prefix, const char *name, char ret[static IFNAMSIZ]);

/* Locally administered, no multicast. */
void network_mac(const char *seed, const char *name, uint8_t ret[static MAC_SIZE]);

/* Taken subnets: the host's routes and the other networks. A default route (length 0) takes nothing. -ENOSPC: all of
 * 10.0.0.0/8 and 172.16.0.0/12 is taken. The answer has no bits behind its length. */
int network_choose_4(const char *key, unsigned length, const IpPrefix *taken, size_t n, IpPrefix *ret);
/* Of fd00::/8, 40 bits of which are the seed's (RFC 4193). */
int network_choose_6(const char *seed, const char *key, const IpPrefix *taken, size_t n, IpPrefix *ret);

/* The host's address: the first of the network. */
void network_host_address(const IpPrefix *network, IpPrefix *ret);
/* A member's. Never the network's own number, the host's, or the last one of IPv4. -ENOSPC. */
int network_choose_member(const IpPrefix *network, const char *key, const IpPrefix *taken, size_t n, IpPrefix *ret);

bool network_overlaps(const IpPrefix *a, const IpPrefix *b); /* also: is one within the other? */
