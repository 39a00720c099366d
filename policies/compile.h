/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Spec in, artefacts out: every backend of the table compiles the frozen spec into what the kernel enforces.
 * compile is pure; a rule that cannot be expressed is an error, never left out. */

#include "manager/base/hash.h"
#include "units/spec/container-spec.h"

/* One generated rule and the unit line that caused it, for `policy show`. A text that begins with "deny", "audit deny" or
 * "kill" takes away; any other gives something to the payload. `policy diff` reads the direction from it. */
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

/* What the payload enters with its execve(), and the profile that is generated for it. */
typedef struct AppArmorPolicy {
        char *profile;     /* to enter; NULL = the payload stays in the manager's own confinement, "unconfined" */
        bool optional;     /* "-NAME": where the kernel knows no such profile, the payload stays unconfined */
        char *text;        /* of the generated profile, apparmor.d(5); NULL = the profile is somebody else's */
        Digest digest;     /* of text; zeroes where there is none */
        PolicyRules rules;
} AppArmorPolicy;

typedef struct SELinuxPolicy {
        char *type;        /* domain of the payload: of the base module, or the unit's own; NULL = none is entered */
        char *file_type;   /* of its files */
        char *context;     /* SELinuxContext=CONTEXT: entered as it is; NULL = type with the container's own level */
        char *level;       /* SELinuxLevel=; NULL = a pair of categories of the container's own */
        bool optional;     /* "-CONTEXT": where the policy knows no such context, the payload stays in the manager's */
        char *cil;         /* what the unit needs beyond the base module, one CIL block; NULL = nothing */
        Digest digest;     /* of cil; zeroes where there is none */
        PolicyRules rules;
} SELinuxPolicy;

/* access bits as in linux/landlock.h, within what the host's ABI knows */
typedef struct LandlockPathRule {
        uint64_t access;
        char *path;        /* in the container */
        char **except;     /* not NULL: not path itself but each of its entries, without these names, as the launch finds
                            * them */
        bool missing_ok;
        Origin origin;
        const char *directive; /* of origin; NULL = built in */
} LandlockPathRule; /* rights that only a directory can have are left out where path is none */
typedef struct LandlockPortRule {
        uint64_t access;
        uint16_t first, last;
        Origin origin;
        const char *directive;
} LandlockPortRule;
typedef struct LandlockPolicy {
        unsigned abi;      /* it is written for; 0 = none */
        uint64_t handled_fs, handled_net, scoped;
        LandlockPathRule *paths;
        size_t n_paths;
        LandlockPortRule *ports;
        size_t n_ports;
        PolicyRules rules;
        PolicyRules unsaid; /* protections of the unit that Landlock, or its ABI here, cannot express; mounts have them */
} LandlockPolicy;

/* struct bpf_insn[] for the control group; none = devices are not filtered. */
typedef struct DevicePolicyProgram {
        void *program;
        size_t n_instructions;
        char *text; /* of it, for people */
        Digest digest;
        PolicyRules rules;
} DevicePolicyProgram;

/* One program of the control group. */
typedef struct CgroupProgram {
        const char *name;      /* "egress" */
        DirectiveId directive; /* that asks for it; of several the first */
        uint32_t type, attach; /* BPF_PROG_TYPE_..., BPF_CGROUP_... */
        void *items;           /* struct bpf_insn[] */
        void *origins;         /* BpfOrigin[], one an instruction */
        size_t n;
} CgroupProgram;

/* What the control group's programs let through of sockets and packets; n 0 = everything. */
#define CGROUP_PROGRAMS_MAX 8
typedef struct FilterPolicy {
        CgroupProgram programs[CGROUP_PROGRAMS_MAX];
        size_t n;
        Digest digest;
        PolicyRules rules;
} FilterPolicy;

typedef struct PolicySet {
        unsigned n_ref;
        ContainerSpec *spec; /* referenced: the rules' origins point into it */
        CapabilityPolicy capabilities;
        SeccompPolicy seccomp;
        AppArmorPolicy apparmor; /* compiled whatever the host runs, so that it can be shown; spec->mac says what is used */
        SELinuxPolicy selinux;
        LandlockPolicy landlock;
        DevicePolicyProgram devices;
        FilterPolicy filters;
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

typedef struct PolicyChanges PolicyChanges; /* policies/compare.h */
typedef struct PolicyBackend {
        const char *name;                     /* "caps", "seccomp", "apparmor", "selinux", "landlock", "devices", "filters" */
        int (*compile)(const ContainerSpec *spec, int cache_fd, Diag *diag, PolicySet *set);
        int (*render)(const PolicySet *set, char **ret); /* for people: rules, or the filter as text */
        const PolicyRules *(*rules)(const PolicySet *set);
        void (*digest)(const PolicySet *set, Digest *ret); /* of what the kernel is given */
        void (*done)(PolicySet *set);
        /* What after allows and before did not, and the other way round; NULL = by the texts of the rules. */
        int (*compare)(const PolicySet *before, const PolicySet *after, PolicyChanges *changes);
} PolicyBackend;
extern const PolicyBackend *const policy_backends[];
size_t policy_backends_count(void);
