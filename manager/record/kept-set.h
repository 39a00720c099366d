/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the manager knows of descriptors that the keeper keeps beyond a life, as bytes: one item a descriptor, in order. The
 * keeper holds it as the blob of a STORE; a damaged one is refused as a whole. Pure. */

#include "manager/base/util.h"

/* The number of a STORE, by which a container's sets are told apart. Never used anew. */
typedef enum KeptKind {
        KEPT_STORED,  /* FDSTORE=1 */
        KEPT_SOCKETS, /* ListenStream= and its like */
        KEPT_TABLE,   /* no container's: the owner of our nftables */
        KEPT_PORTS,   /* Port= and its like, while the container has its network */
        _KEPT_KIND_MAX,
} KeptKind;

typedef struct KeptItem {
        char *name; /* of STORED its FDNAME=, of SOCKETS the line that it was bound for */
        uint64_t flags; /* of SOCKETS the inode of its path, 0 where it has none */
} KeptItem;

typedef struct KeptSet {
        KeptItem *items;
        size_t n;
        uint64_t flags;
} KeptSet;
void kept_set_done(KeptSet *s);
int kept_set_add(KeptSet *s, const char *name, uint64_t flags);

int kept_set_encode(const KeptSet *s, void **ret, size_t *ret_size);
int kept_set_decode(const void *data, size_t size, KeptSet *ret); /* -EBADMSG */
