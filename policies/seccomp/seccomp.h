/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The seccomp backend, and the groups of system calls as data: for the filter, for completion and for
 * `bulwarkctl syscall-filter`. */

#include "policies/compile.h"

extern const PolicyBackend policy_backend_seccomp;

typedef struct SyscallGroup {
        const char *name;    /* "@file-system" */
        const char *summary; /* one line for people */
        const char *members; /* separated by spaces; "@..." is a group */
} SyscallGroup;

extern const SyscallGroup syscall_groups[]; /* in the order in which people should read them */
size_t syscall_groups_count(void);
const SyscallGroup *syscall_group_find(const char *name); /* with the '@'; NULL where unknown */

/* Every system call of the group on any architecture, nested groups resolved, sorted, each once. -ENOENT. */
int seccomp_groups_expand(const char *name, char ***ret);

/* Visits every member, nested groups resolved; a name may come more than once. Stops at the first error. */
typedef int (*SyscallVisitor)(const char *name, void *userdata);
int syscall_group_visit(const SyscallGroup *g, SyscallVisitor visit, void *userdata);
