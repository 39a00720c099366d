/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "manager/order/mounts.h"

/* The first path of the unit whose mount of /etc/fstab is not there: *ret_point, owned, is that mount point; NULL = none is
 * missing. BULWARK_FSTAB names another file, for tests. */
int mount_need_missing(const ContainerSpec *spec, MountNeed *ret, char **ret_point);
