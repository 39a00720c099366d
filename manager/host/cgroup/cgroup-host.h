/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where this host mounted its cgroups: the one cgroup2 tree, wherever it is, and the version 1 hierarchies
 * that took controllers away from it. Read from /proc/self/mountinfo; parsing is pure. */

#include "manager/base/util.h"

typedef struct CgroupLegacy {
        char *controllers; /* "cpu,cpuacct": the super block's options */
        char *path;
} CgroupLegacy;

typedef struct CgroupHost {
        char *mount;      /* NULL = no cgroup2 is mounted */
        char *mount_root; /* which directory of the tree the mount shows, normally "/" */
        CgroupLegacy *legacy;
        size_t n_legacy;
} CgroupHost;

int cgroup_host_parse(const char *mountinfo, CgroupHost *ret);
int cgroup_host_read(CgroupHost *ret);
void cgroup_host_done(CgroupHost *h);
/* Mount point of the version 1 hierarchy that holds the controller, or NULL. */
const char *cgroup_host_legacy_path(const CgroupHost *h, const char *controller);

/* The cgroup2 path ("0::" line) in the text of /proc/PID/cgroup. -ENODATA where there is none, -EXDEV where
 * it lies outside this cgroup namespace. */
int cgroup_path_parse(const char *proc_cgroup, char **ret);
int cgroup_path_of_process(pid_t pid, char **ret); /* 0 = self */
