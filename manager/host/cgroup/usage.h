/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a container uses: usage.inc has the rows. */

#include "manager/base/util.h"

typedef enum CgroupUsage {
#define USAGE(property, file, key, scale) CGROUP_USAGE_##property,
#include "manager/host/cgroup/usage.inc"
#undef USAGE
        _CGROUP_USAGE_MAX,
} CgroupUsage;

const char *cgroup_usage_to_string(CgroupUsage u); /* "MemoryPeak" */
/* Of the text of the row's file; UINT64_MAX where it does not tell. Pure. */
uint64_t cgroup_usage_parse(CgroupUsage u, const char *text);
/* fd: of the control group, may be negative. */
uint64_t cgroup_usage(int fd, CgroupUsage u);
