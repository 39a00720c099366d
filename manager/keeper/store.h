/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the keeper keeps for a container beyond its lives, and beyond those of the manager: sockets that it is started by,
 * descriptors that it has stored. To the keeper a set is a key, a blob and descriptors: it reads from none of them. What it
 * closes here another process may hold open as well; the manager sees to it that a close of ours never is the last one of a
 * file whose end could take time (SO_LINGER). */

#include "manager/keeper/protocol.h"

typedef struct StoredSet StoredSet;
struct StoredSet {
        StoredSet *next;
        char id[KEEPER_ID_MAX];
        int32_t number;
        uint64_t sequence; /* rises along the list */
        int blob_fd;
        int fds[KEEPER_STORE_MAX];
        size_t n_fds;
};

typedef struct Store {
        StoredSet *first;
        size_t n;
        uint64_t last_sequence;
} Store;

/* Replaces what is under the key by fds[0], the blob, and the others, which are taken (set negative); n_fds = 0 drops it.
 * On an error what was stays, and fds the caller's. -EBADMSG: too many, or no name; -ENOSPC: too many sets. */
int store_put(Store *s, const char *id, int32_t number, int *fds, size_t n_fds);
/* The first whose sequence is at least from; NULL = none. */
const StoredSet *store_from(const Store *s, uint64_t from);
void store_done(Store *s);
