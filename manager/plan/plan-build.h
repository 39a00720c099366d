/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The parts that plan_build() and plan_build_exec() are made of; private to this room. */

#include "manager/plan/plan-writer.h"
#include "units/spec/name-files.h"

/* What the last step of a start executes is no payload, and what goes with one is left out. */
bool plan_is_beside(const PlanParameters *p);

/* plan-root.c: the root file system, from the first slot to the locked mounts */
typedef struct RootSlots {
        int16_t root, proc, sys, cgroup, dev, devpts, shm, mqueue;
        int16_t notify; /* the socket for messages; negative = none */
        int16_t credentials; /* negative = none */
        int16_t log;    /* the socket for syslog(3); negative = none */
        int16_t names[_NAME_FILE_MAX]; /* negative = the container gets no such file */
        int16_t layers; /* of overlays, where files get their label by one, or the root is made of them */
        int16_t terminal, terminal_socket; /* of the payload, and where its master is sent; -1 = none */
        int16_t tree;   /* of the host, for the root; else the root itself */
} RootSlots;
void plan_inner_file_systems(PlanWriter *w, const ContainerSpec *spec, const PlanParameters *parameters, RootSlots *slots);
int plan_outer_root(PlanWriter *w, const ContainerSpec *spec, const PlanParameters *parameters, RootSlots *slots,
                    Diag *diag);

/* What the unit mounts, in one list sorted by destination, so that a parent comes before its child. */
typedef struct UnitMount {
        const char *path;
        const Origin *origin;
        const char *directive;
        const BindMount *bind;   /* one of the three */
        bool bind_read_only;
        const TmpfsMount *tmpfs;
        const char *default_mode;
        int16_t slot, directory_slot; /* the latter < 0: none */
} UnitMount;
/* plan-cover.c: what of the tree, once it is complete, is read-only, writable, executable or not */
int plan_cover_paths(PlanWriter *w, const ContainerSpec *spec, const UnitMount *mounts, size_t n_mounts, int16_t root);

/* plan-descriptors.c: what the payload gets beside its streams, numbered from PLAN_FIRST_PASSED on */
typedef struct PassedDescriptors {
        int32_t slots[PLAN_MAX_SENT];
        char **names; /* one a slot */
        size_t n;
        int error;
} PassedDescriptors;
int plan_passed(PlanWriter *w, const ContainerSpec *spec, const PlanParameters *parameters, PassedDescriptors *ret);
void passed_descriptors_done(PassedDescriptors *p);
void plan_pass_descriptors(PlanWriter *w, const ContainerSpec *spec, const PassedDescriptors *passed); /* NULL = none */

/* plan-join.c: whoever joins a running container is seen by it from CLONE_INNER on. What it is given before, and what only
 * then, follows from what the container could do with a process that it sees, and from the system calls that its filter
 * leaves to a process on its way to execve(). */
typedef enum JoinOrder {
        JOIN_NONE,         /* a start: the container does not live yet */
        JOIN_BORN_CONFINED, /* outer takes on everything, the filter too: inner never is anything but what the payload is */
        JOIN_FILTERED_LATE, /* the filter, and what must follow it, in sight of a container that cannot look into inner */
        JOIN_REFUSED,      /* neither: the filter or the profile forbids the first, the container's powers the second */
} JoinOrder;

typedef struct JoinFacts {
        const char *denied; /* a call between the filter and execve() that the filter denies; NULL = none */
        bool watched;       /* the container could look into, and take over, a process of the host's user namespace */
        bool labelled_late; /* its profile comes with execve(), and is not ours, which lets nothing trace what has none */
} JoinFacts;
typedef enum JoinNeeds { /* what inner does between its birth and execve(), beside what it always does */
        JOIN_NEEDS_TERMINAL = 1 << 0,
        JOIN_NEEDS_SCHEDULING = 1 << 1, /* CPUSchedulingResetOnFork= */
        JOIN_NEEDS_REALTIME = 1 << 2,   /* the same, of a real-time policy */
} JoinNeeds;
JoinFacts join_facts(const PolicySet *policies, bool user_namespace, unsigned needs);
JoinOrder join_order(const JoinFacts *facts);

/* plan-attributes.c: what the payload's process has in place of what it would inherit; attributes.inc says where each is set */
typedef enum AttributePlace {
        ATTRIBUTE_HOST,
        ATTRIBUTE_LATE,
        ATTRIBUTE_PAYLOAD,
        ATTRIBUTE_LAUNCH,
} AttributePlace;
void plan_attributes(PlanWriter *w, const ContainerSpec *spec, const Identity *identity, AttributePlace place, Actor actor);
/* Between the ids and the capabilities; permitted is what the process still has use for. */
void plan_secure_bits(PlanWriter *w, const ContainerSpec *spec, uint64_t permitted, Actor actor);

/* The kernel's settings of the container's namespaces, by inner as their root; proc is its own procfs. */
void plan_sysctls(PlanWriter *w, const ContainerSpec *spec, int16_t proc);
/* The clocks that the container has instead of the host's. */
void plan_time_offsets(PlanWriter *w, const ContainerSpec *spec);
bool plan_has_time_offsets(const ContainerSpec *spec);

/* plan-confine.c: from the process as it was cloned to the payload: one code for start, exec and shell */
typedef struct ConfineParameters {
        const Identity *identity;
        const Origin *origin;    /* of the command; NULL = none, somebody asked for it */
        const char *directive;   /* which names it */
        char *const *candidates; /* paths to execute, tried in order */
        bool program;            /* not these, but a program that is sent */
        char *const *argv;
        char *const *environment;
        const char *directory;
        bool directory_missing_ok;
        int16_t stdio[3];
        const PassedDescriptors *passed; /* NULL = none */
        PlanLabels labels;
        bool terminal;
        JoinOrder join;          /* into a running container: the plan's CLONE_INNER is part of the confinement */
} ConfineParameters;
void plan_confine(PlanWriter *w, const ContainerSpec *spec, const PolicySet *policies,
                  const ConfineParameters *parameters);
/* The labels of every module that this life has one of. */
void plan_label(PlanWriter *w, const ContainerSpec *spec, const PlanLabels *labels, LabelAttribute attribute,
                Actor actor);
/* Where execve() looks for a command: itself with a slash, else each directory of PATH in environment. */
int plan_candidates(const char *command, char *const *environment, char ***ret);
