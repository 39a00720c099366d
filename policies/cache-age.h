/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What keeps a directory of compiled artefacts from growing for ever: a unit that changes leaves one behind that nobody
 * asks for again. A file's time of modification says when it was last used, within a day. */

#include "manager/base/util.h"

typedef struct CacheLimits {
        uint64_t unused_seconds; /* older than this goes */
        uint64_t size;           /* of all together: what goes beyond it is what was used longest ago */
} CacheLimits;
extern const CacheLimits cache_limits;

/* fd: the file that is being used. A cache that cannot be written only forgets earlier. */
void cache_used(int fd);

/* Removes what is beyond limits at the time now, in seconds since the epoch; *ret_removed = how many. The lost file is
 * made anew when it is needed. */
int cache_sweep(int cache_fd, const CacheLimits *limits, uint64_t now, size_t *ret_removed);
