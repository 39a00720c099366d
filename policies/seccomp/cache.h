/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Compiled filters by digest of everything that went into them. A file is believed only when its checksum
 * holds, it says the key it was asked for, and the kernel's checker would take its program; else it counts as
 * absent. */

#include <linux/filter.h>

#include "manager/base/hash.h"

int filter_cache_read(int cache_fd, const Digest *key, struct sock_filter **ret, size_t *ret_n); /* -ENOENT */
int filter_cache_write(int cache_fd, const Digest *key, const struct sock_filter *program, size_t n);
