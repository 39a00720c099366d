/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What IPAddressAllow= and IPAddressDeny= say of one address family, as ranges that follow each other and cover every address.
 * As systemd judges: allowed where an Allow names it, else denied where a Deny does, else allowed. Pure. */

#include "units/spec/container-spec.h"

typedef struct AddressNumber {
        uint64_t high, low; /* of IPv4: low alone */
} AddressNumber;

typedef struct AddressRange {
        AddressNumber first;
        const IpPrefixItem *item; /* that decides; NULL = none does */
        bool allowed;
} AddressRange; /* up to the next one's first */

int address_ranges(const ContainerSpec *spec, uint8_t family, AddressRange **ret, size_t *ret_n); /* at least one */
