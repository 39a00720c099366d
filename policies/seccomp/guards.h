/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The head of every filter: what libseccomp cannot say. Another ABI kills; a number that this version does
 * not know answers ENOSYS; a few allowed calls are judged by their arguments. What passes falls through to
 * libseccomp's part. */

#include <linux/filter.h>

#include "policies/compare.h"
#include "policies/seccomp/profile.h"

/* Owned instructions; every path either returns or leaves at the end. */
int seccomp_guards_build(const SeccompProfile *p, struct sock_filter **ret, size_t *ret_n);

/* Judged by the head alone: libseccomp's part need not mention it. */
bool seccomp_guarded(const SeccompProfile *p, const SyscallEntry *entry);

/* The guards in words. */
int seccomp_guards_rules(const SeccompProfile *p, const ContainerSpec *spec, PolicyRules *rules);

/* A call that two filters allow: which of them judges its arguments more. */
typedef struct GuardSide {
        const SeccompProfile *profile;
        const ContainerSpec *spec;
        const SyscallEntry *entry;
        const Origin *origin; /* who allowed the call, or with it new namespaces */
} GuardSide;
int seccomp_guards_compare(const GuardSide *before, const GuardSide *after, PolicyChanges *changes);
