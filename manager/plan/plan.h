/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Building a plan: spec and policies in, bytes out. Pure: the same input gives the same bytes, no root, no host. */

#include "manager/plan/plan-format.h"
#include "policies/compile.h"

typedef struct Plan {
        void *data; /* PlanHeader ... */
        size_t size;
        PlanView view;
        Digest digest;
} Plan;
Plan *plan_free(Plan *p);
DEFINE_CLEANUP(Plan, plan_free)

/* What was chosen for one life of the container; the policies have the rest. */
typedef struct PlanLabels {
        const char *apparmor_profile;  /* the payload enters it; NULL = none */
        const char *selinux_context;   /* of the payload, with its categories; NULL = none */
        const char *selinux_file_context; /* of what the launch mounts (context=); NULL = none */
} PlanLabels;

typedef struct PlanParameters {
        uint32_t id_base, id_count; /* of the container's user namespace; count 0 = none (PrivateUsers=no) */
        const char *invocation_id;  /* 32 hex digits, for the environment; may be NULL */
        char *const *stored;        /* names of descriptors that the payload gets back; NULL = none */
        PlanLabels labels;
        bool trial;                 /* the last step executes the program that is sent: the probe */
        const ExecCommand *command; /* what the last step executes; NULL = the unit's first ExecStart=, or its init */
        const char *directive;      /* of command; anything but ExecStart: beside the payload, see below */
        bool terminal;              /* the payload has one of its own, whose master is sent on a socket */
        unsigned rows, columns;     /* of the terminal; 0 = not known */
        char *const *variables;     /* NAME=VALUE for the environment, above all else; may be NULL */
} PlanParameters;
/* A command beside the payload (ExecStartPre= and the like) that runs while the payload does not has namespaces of its own
 * by the same plan: always with the keeper's init, and without the socket for messages. */
int plan_build(const ContainerSpec *spec, const PolicySet *policies, const PlanParameters *parameters, Diag *diag,
               Plan **ret);

/* exec, shell: enters the running container and takes exactly the unit's confinement, by the same code. */
typedef struct ExecParameters {
        char *const *argv;        /* argv[0] without '/' is searched in the container's PATH */
        const Identity *identity; /* NULL = the unit's */
        char *const *environment; /* additions; may be NULL */
        const char *directory;    /* NULL = the unit's */
        const ExecCommand *command; /* instead of argv: a command of the unit */
        const char *command_directive;
        bool directory_missing_ok; /* then / */
        bool terminal;
        unsigned rows, columns;   /* of the terminal; 0 = not known */
        bool user_namespace;      /* the container has its own */
        bool program;             /* the last step executes the program that is sent, not a path of the container */
        PlanLabels labels;        /* of the life that is entered */
} ExecParameters;
int plan_build_exec(const ContainerSpec *spec, const PolicySet *policies, const ExecParameters *parameters,
                    Diag *diag, Plan **ret);

/* For tests of the probe: the same plan without the steps of the named kinds. -ENOENT: no kind of that name;
 * -EBADMSG: nobody would run what is left. */
int plan_omit(const Plan *plan, char *const *kinds, Plan **ret);

const char *plan_resource_to_string(uint64_t resource); /* RLIMIT_NOFILE: "nofile" */
/* For people: one step a line with its origin. For programs: JSON. Owned text. */
int plan_print(const PlanView *plan, char **ret);
int plan_print_json(const PlanView *plan, bool pretty, char **ret);

/* The range managed PrivateUsers= tries first for a name; the next candidates follow by attempt. Ranges are
 * 65536 ids, aligned, inside 0x00080000..0x6FFF0000 (the range systemd reserves for containers). */
uint32_t id_range_candidate(const char *name, unsigned attempt);
/* What PrivateUsers= asks for; managed_base is what the container was given by name. Count 0 = no user namespace. */
void id_range_of(const ContainerSpec *spec, uint32_t managed_base, uint32_t *ret_base, uint32_t *ret_count);
