/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Compiled profiles by digest of everything that went into them. A file is believed only when its checksum holds and it
 * says the key it was asked for; else it counts as absent. */

#include "manager/base/hash.h"

#define PROFILE_BINARY_MAX (16U << 20)

int profile_cache_read(int cache_fd, const Digest *key, void **ret, size_t *ret_size); /* -ENOENT; owned */
int profile_cache_write(int cache_fd, const Digest *key, const void *data, size_t size);
