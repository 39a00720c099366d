/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* RequiresMountsFor= and what stands for it: which mount of the host's fstab(5) a path needs. Pure: the text in, the mount
 * point out. Where systemd runs the mount is also its business, by the drop-in that bulwark-generator writes. */

#include "units/spec/container-spec.h"

/* The deepest mount point of fstab at or above path, without those that no boot mounts (noauto), swap and the root; *ret
 * NULL = none. Owned. */
int fstab_mount_for(const char *fstab, const char *path, char **ret);

/* The nth path of a unit that needs its mount, and the directive that says so: RequiresMountsFor=, the root, sources of
 * binds that may not be missing. False = there is no such one. */
typedef struct MountNeed {
        const char *path;
        DirectiveId directive;
        const Origin *origin;
} MountNeed;
bool container_spec_mount_need(const ContainerSpec *s, size_t index, MountNeed *ret);
