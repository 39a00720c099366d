/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a unit's resource directives mean in cgroup files, as data: which controller, which file, which text,
 * and the unit line that asked for it. Pure. */

#include "units/spec/container-spec.h"

typedef struct CgroupLimit {
        const char *controller; /* "memory" */
        const char *file;       /* "memory.max" */
        const char *fallback;   /* a file of the same meaning on other kernels, may be NULL */
        char value[48];
        const char *directive; /* "MemoryMax" */
        Origin origin;
        bool needed; /* false: the value is the kernel's default; without the controller nothing is lost */
} CgroupLimit;

#define CGROUP_LIMITS_MAX 8
/* What is to be written where before is in force and after shall be: what after does not ask for any more gets the
 * kernel's default, and comes first. */
#define CGROUP_CHANGES_MAX (2 * CGROUP_LIMITS_MAX)
void cgroup_limits_change(const ContainerSpec *before, const ContainerSpec *after,
                          CgroupLimit ret[static CGROUP_CHANGES_MAX], size_t *ret_n);
void cgroup_limits_render(const ContainerSpec *spec, CgroupLimit ret[static CGROUP_LIMITS_MAX],
                          size_t *ret_n);
