/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Spec in, artefacts out: every backend of the table compiles the frozen spec into what the kernel enforces.
 * compile is pure; a rule that cannot be expressed is an error, never left out. */

#include "manager/base/hash.h"
#include "units/spec/container-spec.h"

/* One generated rule and the unit line that caused it, for `policy show`. */
typedef struct PolicyRule {
        char *text;
        Origin origin; /* file NULL = default */
} PolicyRule;
typedef struct PolicyRules {
        PolicyRule *items;
        size_t n;
} PolicyRules;

typedef struct CapabilityPolicy {
        uint64_t bounding, permitted, effective, inheritable, ambient;
        PolicyRules rules;
} CapabilityPolicy;

/* struct sock_filter[] as bytes, ready for seccomp(2). */
typedef struct SeccompPolicy {
        void *program;
        size_t n_instructions;
        Digest digest; /* of the program */
        PolicyRules rules;
} SeccompPolicy;

typedef struct PolicySet {
        unsigned n_ref;
        ContainerSpec *spec; /* referenced: the rules' origins point into it */
        CapabilityPolicy capabilities;
        SeccompPolicy seccomp;
        Digest digest; /* of what the kernel is given: not of rules and origins */
} PolicySet;

/* cache_fd: a directory for compiled artefacts, keyed by digest; -EBADF = no cache. A damaged or foreign cache
 * entry is ignored and rewritten, never trusted beyond its digest. */
int policy_compile(const ContainerSpec *spec, int cache_fd, Diag *diag, const PolicySet **ret);
const PolicySet *policy_set_ref(const PolicySet *p);
const PolicySet *policy_set_unref(const PolicySet *p);
static inline void policy_set_unrefp(const PolicySet **p) {
        if (*p)
                *p = policy_set_unref(*p);
}

typedef struct PolicyBackend {
        const char *name;                     /* "caps", "seccomp" */
        int (*compile)(const ContainerSpec *spec, int cache_fd, Diag *diag, PolicySet *set);
        int (*render)(const PolicySet *set, char **ret); /* for people: rules, or the filter as text */
} PolicyBackend;
extern const PolicyBackend *const policy_backends[];
size_t policy_backends_count(void);
