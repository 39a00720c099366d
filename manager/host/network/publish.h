/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Ports of the host that lead to containers, as elements of maps of `table inet bulwark`: whoever asks an address of the host for one is
 * led on, from outside with his own address, from the host itself, from a neighbour and from the container itself. Loopback is left
 * out: what asks it would arrive from an address that no answer leads back to. A range is one element where its numbers are the same
 * inside. Pure. */

#include "manager/host/network/addresses.h"
#include "manager/netlink/nft.h"

void publish_add(const NftTable *t); /* behind way_out_add(), whose chain it has a rule in */
void publish_put(const NftTable *t, const PortMapping *m, const IpPrefix *addresses, size_t n);
void publish_take(const NftTable *t, const PortMapping *m, const IpPrefix *addresses, size_t n);
