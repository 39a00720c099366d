/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who has which id range: a container's name gets a range of 65536 ids once and keeps it over restarts,
 * because its files on disk may carry those ids. Kept in memory and in one checksummed file. Owned by the
 * Manager. */

#include "units/values/types.h"


typedef struct IdRange {
        char *name;
        uint32_t base;
} IdRange;

typedef struct IdRanges {
        IdRange *items; /* in the order given out */
        size_t n;
} IdRanges;

void id_ranges_done(IdRanges *r);
/* The container's range: the one it had, else the first free candidate. *ret_new: save it before it is used.
 * -ENOSPC where all are taken. */
int id_ranges_get(IdRanges *r, const char *name, uint32_t *ret_base, bool *ret_new);
/* Takes an existing assignment over (adopting what runs). -EEXIST where the range belongs to another name.
 */
int id_ranges_take(IdRanges *r, const char *name, uint32_t base);

/* The name will not come again: its range is free. *ret_dropped: it had one. */
void id_ranges_drop(IdRanges *r, const char *name, bool *ret_dropped);

int id_ranges_encode(const IdRanges *r, void **ret, size_t *ret_size);
int id_ranges_decode(const void *data, size_t size, IdRanges *ret); /* -EBADMSG */

/* A missing file is an empty list; a damaged one is renamed to NAME.bad and told as a warning. */
int id_ranges_load(int dir_fd, const char *file, Diag *diag, IdRanges *ret);
int id_ranges_save(const IdRanges *r, int dir_fd, const char *file);
