/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One checksummed file a container in a directory of the manager. A damaged one is renamed to ".NAME.bad"
 * and never believed. */

#include "manager/host/cgroup/cgroup.h"

int record_save(int dir_fd, const char *name, const void *data, size_t size);
void record_remove(int dir_fd, const char *name);
typedef int (*RecordLoader)(const void *data, size_t size, void *userdata);
int records_load(int dir_fd, RecordLoader load, void *userdata, size_t *ret_damaged);
