/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The delegated root of the manager and its two children:
 *
 *   ROOT/keeper                   the keeper itself
 *   ROOT/containers/NAME          limits of the unit, out of the container's reach
 *   ROOT/containers/NAME/payload  the container's own cgroup namespace root
 *
 * Owned by the Manager. Everything below is reached from the descriptors here, never by path. */

#include "manager/base/diag.h"
#include "manager/host/cgroup/cgroup-host.h"
#include "manager/host/cgroup/cgroup-limits.h"

typedef enum CgroupController {
        CONTROLLER_CPU,
        CONTROLLER_MEMORY,
        CONTROLLER_PIDS,
        CONTROLLER_IO,
        CONTROLLER_CPUSET,
        CONTROLLER_HUGETLB,
        CONTROLLER_RDMA,
        CONTROLLER_MISC,
        _CONTROLLER_MAX,
        _CONTROLLER_INVALID = -EINVAL,
} CgroupController;
const char *cgroup_controller_to_string(CgroupController c);
CgroupController cgroup_controller_from_string(const char *name);

typedef struct CgroupRoot {
        CgroupHost host;
        char *path; /* relative to the mount, "/bulwark" */
        int fd;
        int containers_fd;
        bool available[_CONTROLLER_MAX]; /* in ROOT/containers/NAME */
        int error[_CONTROLLER_MAX]; /* errno of the level that refused to enable it; 0 = the tree lacks it */
        char *refused_at[_CONTROLLER_MAX];
} CgroupRoot;
#define CGROUP_ROOT_EMPTY ((CgroupRoot){ .fd = -EBADF, .containers_fd = -EBADF })

/* path: relative to the cgroup2 mount, or absolute below it; made where it is missing (and then marked, so
 * that cgroup_root_remove() takes it away again). enable_above: also enable controllers in the levels above
 * the root, which only a host without a service manager wants. keeper: of a keeper that runs already, and may be in the root
 * itself; 0 = none. */
int cgroup_root_open(const char *path, bool enable_above, pid_t keeper, Diag *diag, CgroupRoot *ret);
void cgroup_root_done(CgroupRoot *r);
/* Moves the process into ROOT/keeper. */
int cgroup_root_take_keeper(const CgroupRoot *r, pid_t pid);
/* Removes keeper/ and containers/ where empty, and the root itself where cgroup_root_open() made it. */
void cgroup_root_remove(const CgroupRoot *r);

/* ERROR_HOST_LACKS for every limit whose controller is not there: which one, why, what to do. */
int cgroup_limits_check(const CgroupRoot *r, const CgroupLimit *limits, size_t n, Diag *diag);
