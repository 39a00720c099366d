/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Changes of the store. A file or directory appears by a rename and is whole then; what was not renamed stands in tmp/ and is
 * nothing. So an end at any moment, of the power too, leaves a store that needs no repair. */

#include "manager/base/diag.h"
#include "manager/images/image-store.h"

typedef struct Store {
        int fd, lock_fd;
        const char *path; /* borrowed */
} Store;
#define STORE_INIT { .fd = -EBADF, .lock_fd = -EBADF }
void store_done(Store *s);
#define _cleanup_store_ __attribute__((cleanup(store_done)))

typedef enum StoreLock {
        STORE_READ,   /* no lock, nothing is made; the store must be there */
        STORE_ADD,    /* with others; made where it is not there; what a dead import left is removed first if nothing else runs */
        STORE_REMOVE, /* alone: waits for imports */
} StoreLock;
int store_open(const char *path, StoreLock lock, Diag *diag, Store *ret);

/* A directory of its own in tmp/. */
int store_begin(Store *s, Diag *diag, char **ret_name, int *ret_fd);
/* Takes it away, whatever is in it. */
void store_end(Store *s, const char *name);

/* The files of an ingest become an image; gives its digest. */
int store_commit(Store *s, int txn_fd, Diag *diag, ImageRecord **ret);
int store_set_ref(Store *s, const char *name, const Digest *manifest, Diag *diag);

/* directory/name goes away: first out of sight, then bit by bit. */
int store_discard(Store *s, const char *directory, const char *name);

typedef struct StoreUse {
        char **layers, **blobs, **images; /* names that nothing refers to */
        uint64_t bytes;                   /* of the layers */
} StoreUse;
void store_use_done(StoreUse *u);
/* What no record (and, with unnamed, what no name) leads to. A record that cannot be read is an error: nothing is removed then. */
int store_unused(Store *s, bool unnamed, Diag *diag, StoreUse *ret);

int store_resolve(Store *s, const char *name, Diag *diag, ImageRecord **ret);
