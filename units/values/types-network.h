/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Values of a container's own network: part of types.h, which is what is included. */

#include <netinet/in.h>

#include "units/values/value.h"

typedef struct IpPrefix {
        uint8_t family; /* AF_INET, AF_INET6; 0 = none */
        uint8_t length; /* of a single address: 32, 128 */
        uint8_t bytes[16];
} IpPrefix;
/* "10.1.2.3/20", "fd00::5/64"; without a length that of a single address, and *ret_whole is true. -EINVAL. */
int ip_prefix_parse(const char *text, IpPrefix *ret, bool *ret_whole);
#define IP_PREFIX_TEXT_MAX (INET6_ADDRSTRLEN + 4)
/* with_length: also "/20". */
void ip_prefix_to_text(const IpPrefix *p, bool with_length, char ret[static IP_PREFIX_TEXT_MAX]);
#define IP_PREFIXES_MAX 8
typedef struct IpPrefixItem {
        IpPrefix prefix;
        Origin origin;
} IpPrefixItem;
typedef struct value_ip_prefixes { /* Address= */
        IpPrefixItem *items;
        size_t n;
} value_ip_prefixes;
typedef value_ip_prefixes value_ip_addresses; /* Gateway= */
typedef char *value_zone_name;      /* NULL = unset */
typedef char *value_interface_name; /* NULL = unset */
