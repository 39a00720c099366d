/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which address families the payload's sockets may have. Every backend that says something about sockets asks here. */

#include "policies/compile.h"

/* A set of AF_... numbers, 1 << family. RestrictAddressFamilies= counts from Bulwark's default (AF_UNIX, AF_INET,
 * AF_INET6, AF_NETLINK, and AF_PACKET where CAP_NET_RAW is in the bounding set): a list without '~' replaces it and may
 * name any family, one with '~' takes away from it. Needs the capabilities of set, which is compiled first. */
uint64_t address_families_of(const ContainerSpec *spec, const PolicySet *set);
uint64_t address_families_within(const ContainerSpec *spec, uint64_t bounding); /* the same, of a bounding set */

static inline bool address_families_have(uint64_t families, unsigned family) {
        return family < ADDRESS_FAMILY_MAX && (families >> family & 1);
}

/* A socket that the unit has opened beforehand is of no use to a payload that may have none of its kind: every module but the
 * filter looks at what is done with it. Refused with both lines. */
int address_families_check_sockets(const ContainerSpec *spec, uint64_t families, Diag *diag);

/* "AF_UNIX AF_INET", or "none". Owned. */
int address_families_text(uint64_t families, char **ret);
