/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a unit's SystemCallFilter= means, before it is any program: one action a known system call, and the
 * few calls whose arguments decide. Pure; nothing of the host is asked but libseccomp's table of names. */

#include "policies/compile.h"
#include "policies/seccomp/oci-profile.h"
#include "policies/seccomp/syscall-table.h"

/* SyscallEntry.cause where no item of the unit is the cause. */
typedef enum SyscallCause {
        CAUSE_REST = -1,       /* not on the list */
        CAUSE_DEFAULT = -2,    /* the default list */
        CAUSE_BOOT = -3,       /* Boot=yes */
        CAUSE_LAUNCHER = -4,   /* the launcher calls it after the filter is in force */
        CAUSE_HIDDEN = -5,     /* its arguments lie in memory, where a filter cannot read */
        CAUSE_OCI = -6,        /* SeccompProfile= */
        CAUSE_PROTECTION = -7, /* the first row of units/spec/protections.h; the next ones below */
} SyscallCause;

/* What a unit switches on beside the list; each has guards (guard-table.h), and calls that are hidden. */
typedef enum SeccompSwitch {
        SWITCH_ALWAYS = 0,
        SWITCH_TRANSPORTS = 1 << 0,    /* only sockets whose ports Landlock judges: it looks at TCP itself alone */
        SWITCH_CLONE = 1 << 1,         /* clone() makes not every namespace */
        SWITCH_NAMESPACES = 1 << 2,    /* and unshare() and setns() do not either, where the list has them */
        SWITCH_SET_IDS = 1 << 3,       /* no file gets a set-id bit */
        SWITCH_REALTIME = 1 << 4,      /* no real-time scheduling */
        SWITCH_WRITE_EXECUTE = 1 << 5, /* no memory is written and executed */
        SWITCH_PERSONALITY = 1 << 6,   /* none but the one it starts with */
} SeccompSwitch;

typedef struct SeccompProfile {
        SyscallTable table;
        int denied;         /* what a call that is not on the list gets: an errno or SYSCALL_ERROR_KILL */
        unsigned switches;  /* SeccompSwitch */
        uint32_t denied_clone, denied_namespaces; /* CLONE_NEW* of SWITCH_CLONE, SWITCH_NAMESPACES */
        uint32_t families[ADDRESS_FAMILY_MAX]; /* that a socket may have, in the order of their numbers */
        size_t n_families;
        OciProfile oci; /* of SeccompProfile=; its conditions are judged before anything else */
} SeccompProfile;

int seccomp_profile_new(const ContainerSpec *spec, uint64_t bounding, Diag *diag, SeccompProfile *ret);
void seccomp_profile_done(SeccompProfile *p);

/* SeccompProfile= beside the unit's own list: of two answers the stricter one stays. */
int oci_profile_apply(SeccompProfile *p, const ContainerSpec *spec, uint64_t bounding, Diag *diag);
/* Calls that it wants to be logged are logged, too. */
void oci_profile_apply_log(SeccompProfile *p);
/* Calls that it denies by their arguments, in words. */
int oci_profile_add_rules(const SeccompProfile *p, const ContainerSpec *spec, PolicyRules *rules);
/* The rules of a call that are judged by arguments; n 0: none, and the table says all. */
const OciRule *oci_profile_judges(const SeccompProfile *p, const SyscallEntry *entry, size_t *ret_n, OciAnswer *ret_else);

/* What the launcher calls under the filter. */
bool seccomp_is_launcher_call(const ContainerSpec *spec, uint32_t number);

/* The profile in words, each with the line that caused it. */
int seccomp_profile_rules(const SeccompProfile *p, const ContainerSpec *spec, PolicyRules *rules);

/* Which line decided about a call; NULL = the default. */
const Origin *seccomp_profile_origin(const ContainerSpec *spec, const SyscallEntry *entry);
