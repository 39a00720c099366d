/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What kind of descriptor a container may leave with us. It comes from inside and is hostile: it is looked at by its name in
 * /proc, which asks no file system, and is neither read nor written. What pins a mount of the container (files, directories,
 * named pipes), what leads out of it again (O_PATH, namespaces, devices) and what can make others wait (io_uring, epoll,
 * a file of FUSE) stays outside. */

#include "manager/base/util.h"

const char *descriptor_refuse(int fd); /* why it is not taken, for people; NULL = it is */
/* The kernel's order of the open files that two descriptors stand for: 0 = one file. Without its help no two are one. */
int descriptor_compare(int a, int b);
