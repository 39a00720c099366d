/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who has which pair of categories, which trees of the host carry it, and which generated domain is in use: what has to
 * outlive the boot, as a file in the state directory. A container keeps its pair as long as it is known; a pair whose
 * container was forgotten is kept for the trees that still have it. */

#include "manager/base/diag.h"

#define MCS_CATEGORIES 1024U
#define MCS_PAIRS (MCS_CATEGORIES * (MCS_CATEGORIES - 1) / 2)
#define MCS_LEVEL_SIZE sizeof("s0:c1023,c1023")

typedef struct McsEntry {
        char *name;     /* of the container; "" = forgotten, kept for its trees */
        uint32_t pair;  /* low category << 16 | high category */
        char *block;    /* generated domain and its text, of the newest life; NULL = a domain of the base module */
        char **volumes; /* paths labelled on disk with the pair */
} McsEntry;

typedef struct McsStore {
        McsEntry *items;
        size_t n;
} McsStore;

void mcs_store_done(McsStore *s);
McsEntry *mcs_find(const McsStore *s, const char *name);
/* The container's entry, with a pair that nobody else has; *ret_new says that the store changed. -ENOSPC: all are taken. */
int mcs_get(McsStore *s, const char *name, McsEntry **ret, bool *ret_new);
/* The same with the pair that a running container was found with; -EEXIST where somebody else has it. */
int mcs_take(McsStore *s, const char *name, uint32_t pair, McsEntry **ret, bool *ret_new);
void mcs_remove(McsStore *s, McsEntry *e);
int mcs_add_volume(McsEntry *e, const char *path, bool *ret_new);

void mcs_level(uint32_t pair, char ret[static MCS_LEVEL_SIZE]); /* "s0:c1,c2" */
int mcs_pair_of(const char *context, uint32_t *ret);            /* of "...:s0:c1,c2"; -EINVAL where it has another level */

int mcs_encode(const McsStore *s, void **ret, size_t *ret_size);
int mcs_decode(const void *data, size_t size, McsStore *ret);
/* A damaged file is set aside with a warning. */
int mcs_load(int dir_fd, const char *file, Diag *diag, McsStore *ret);
int mcs_save(const McsStore *s, int dir_fd, const char *file);
