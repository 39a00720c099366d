/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What every container's root has by itself, whatever its unit says: the plan mounts it, the policies know it. Each list
 * ends in a row of NULL. */

#include "manager/base/util.h"

/* What a container may not see of the kernel's file systems although they are its own: information about the host,
 * and switches. Absent ones are skipped; which exist depends on the kernel. */
extern const char *const container_masked_paths[];
extern const char *const container_read_only_paths[];

typedef struct ContainerDevice {
        const char *name; /* below /dev */
        unsigned mode, major, minor;
} ContainerDevice;
extern const ContainerDevice container_devices[];

typedef struct ContainerDeviceLink {
        const char *name, *target;
} ContainerDeviceLink;
extern const ContainerDeviceLink container_device_links[];

/* Writable places that every program expects, unless the unit mounts something there itself. */
typedef struct ContainerTmpfs {
        const char *path;
        const char *mode;
} ContainerTmpfs;
extern const ContainerTmpfs container_writable_defaults[];
