/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Firewalls of the host's that drop what is forwarded: an accept of ours does not end their say, so whoever starts a container with a way
 * out is told of them, with the command that lets it pass. Pure. */

#include "manager/netlink/nft.h"

typedef struct ForeignFacts {
        bool dropping; /* some chain but ours drops what is forwarded unless a rule of its own accepts it */
        NftChainAnswer chain; /* the first of them */
        bool docker, ufw;     /* whose chains were seen */
} ForeignFacts;

void foreign_look(ForeignFacts *f, const NftChainAnswer *chain);
/* What to do for that interface, of a container or a zone. */
void foreign_remedy(const ForeignFacts *f, const char *interface, char *ret, size_t size);
