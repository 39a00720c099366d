/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a unit's resource directives mean in cgroup files, as data: which controller, which file, which text,
 * and the unit line that asked for it. Pure. One table, in cgroup-limits.c, is the source of all of it. */

#include "units/spec/container-spec.h"

/* How a file says again what was written to it. */
typedef enum CgroupFormat {
        CGROUP_FORMAT_TEXT,      /* the same text */
        CGROUP_FORMAT_BYTES,     /* a number, rounded down to whole pages, or "max" */
        CGROUP_FORMAT_DEVICE,    /* a line of the device, "8:0 rbps=1000 wbps=max ...", in which the words stand */
        CGROUP_FORMAT_CPUS,      /* the same text; what "FILE.effective" says beyond it was not asked for */
        CGROUP_FORMAT_PARTITION, /* the same word, or "root invalid (why)" */
        CGROUP_FORMAT_UNREAD,    /* the unit's own file: only the kernel knows its form */
        _CGROUP_FORMAT_MAX,
} CgroupFormat;

typedef struct CgroupLimit {
        const char *controller; /* "memory" */
        char *file;             /* "memory.max" */
        const char *fallback;   /* a file of the same meaning on other kernels, may be NULL */
        char *value;
        char *fallback_value;   /* what the other file takes where that is not the same; may be NULL */
        const char *directive;  /* "MemoryMax" */
        Origin origin;
        CgroupFormat format;
        bool needed; /* false: the value is the kernel's default; without the controller nothing is lost */
} CgroupLimit;

typedef struct CgroupLimits {
        CgroupLimit *items;
        size_t n;
} CgroupLimits;
void cgroup_limits_done(CgroupLimits *l);

int cgroup_limits_render(const ContainerSpec *spec, CgroupLimits *ret);
/* What is to be written where before is in force and after shall be: what after does not ask for any more gets the
 * kernel's default, and comes first. */
int cgroup_limits_change(const ContainerSpec *before, const ContainerSpec *after, CgroupLimits *ret);
/* False: a change waits for the next start, since nothing says what the kernel's default is. */
bool cgroup_limits_live(DirectiveId id);

/* Whether the container keeps something of the host for itself, which the groups above it have to know. */
bool cgroup_limits_share(const ContainerSpec *spec);

/* Whether what the file says now (text) is what was written to it. effective: text of FILE.effective, for CPUS alone. */
bool cgroup_limit_holds(CgroupFormat format, const char *value, const char *text, const char *effective);
/* "0-3,8": whether each number of the first list is in the second. */
bool cgroup_list_within(const char *list, const char *whole);
