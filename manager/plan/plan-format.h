/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The bytes of a plan, as manager and keeper share them. Flat, host byte order (a plan never leaves the host),
 * sealed in a memfd. The keeper believes none of it: plan_check() bounds every offset, count, slot and kind
 * before anything is cloned. Layout: PlanHeader, PlanSlot[n_slots], PlanStep[n_steps], data. */

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#define PLAN_MAGIC UINT32_C(0x314b5742) /* "BWK1" */
#define PLAN_VERSION 1
#define PLAN_MAX_SIZE (4U << 20)
#define PLAN_MAX_STEPS 2048
#define PLAN_MAX_SLOTS 512
#define PLAN_NO_SLOT (-1)
#define PLAN_MAX_LAYERS 500 /* as in the kernel */
#define PLAN_LAYER_NAME_MAX 200 /* a parameter of a file system has 255 bytes, and a prefix goes before it */
#define PLAN_MAX_SENT 200 /* slots that the manager opens */
/* The call of CLONE_INNER in a plan that joins: clone(2), which a filter can judge; the keeper reaps inner. */
#define PLAN_JOIN_CLONE_FLAGS (CLONE_PARENT | CLONE_PARENT_SETTID | SIGCHLD)
#define PLAN_FIRST_PASSED 3 /* number of the first descriptor that PASS_DESCRIPTORS passes, as sd_listen_fds(3) has it */

typedef enum StepKind {
#define STEP(kind, name, actors, operands) STEP_##kind,
#include "manager/plan/steps.inc"
#undef STEP
        _STEP_KIND_MAX,
} StepKind;

typedef enum Actor {
        ACTOR_OUTER = 1 << 0,
        ACTOR_INNER = 1 << 1,
        ACTOR_PAYLOAD = 1 << 2,
        ACTOR_INIT = 1 << 3,
} Actor;

typedef enum StepFlags {
        STEP_FLAG_OPTIONAL = 1 << 0,  /* a missing path (ENOENT, ENOTDIR) or an absent slot skips the step */
        STEP_FLAG_RECURSIVE = 1 << 1, /* AT_RECURSIVE */
        STEP_FLAG_IDMAP = 1 << 2,     /* SET_ATTRIBUTES: id-map by the inner's user namespace */
        STEP_FLAG_LENIENT = 1 << 3,   /* a default that the host forbids or does not know is left as it was inherited */
} StepFlags;

#define STEP_FLAGS_ALL (STEP_FLAG_OPTIONAL | STEP_FLAG_RECURSIVE | STEP_FLAG_IDMAP | STEP_FLAG_LENIENT)

#define PLAN_ALONE 2 /* operand d of ATTACH: no later one may hide it, through whatever links */
#define PLAN_OVER_LINK 3 /* operand d of ATTACH, MAKE_MOUNTPOINT: the same, but for the last component: what is attached lies over a link itself */
#define PLAN_NO_SYMLINKS 1 /* operand d of ATTACH, MAKE_MOUNTPOINT, CLONE_TREE: a symlink on the way is refused */

#define PLAN_LOG_SOCKET "/dev/log"               /* and where syslog(3) looks for one */
#define PLAN_NOTIFY_SOCKET "/run/bulwark/notify" /* where a container finds the socket for its messages */

/* What ATTACH_MASK puts over a path, below the slot it names (the container's /dev). */
#define PLAN_MASK_HOME ".inaccessible"
#define PLAN_MASK_DIRECTORY PLAN_MASK_HOME "/directory"
#define PLAN_MASK_FILE PLAN_MASK_HOME "/file"

typedef enum SyncPoint { /* where outer and inner meet */
        SYNC_IDS_MAPPED,        /* outer -> inner: the id maps are written */
        SYNC_FILE_SYSTEMS_MADE, /* inner -> outer: proc, sysfs, tmpfs ... stand in their slots */
        SYNC_ROOT_READY,        /* outer -> inner: the root is complete and its mount namespace locked */
        _SYNC_POINT_MAX,
} SyncPoint;

/* What SECURITY_LABEL sets, as in /proc/PID/attr. */
typedef enum LabelAttribute {
        LABEL_EXEC,    /* taken on by the next execve; a clone inherits the wish */
        LABEL_CURRENT, /* at once */
        LABEL_KEYS,    /* of keyrings made from now on (SELinux) */
        _LABEL_ATTRIBUTE_MAX,
} LabelAttribute;

/* Where the descriptor of a slot comes from. All but MADE are opened by the manager and sent with the plan. */
typedef enum SlotKind {
        SLOT_MADE,      /* by a step */
        SLOT_TREE,      /* open_tree(OPEN_TREE_CLONE) of a host path */
        SLOT_STDIN,
        SLOT_STDOUT,
        SLOT_STDERR,
        SLOT_LEADER,    /* pidfd of the running container's leader */
        SLOT_TERMINAL,  /* socket on which OPEN_TERMINAL sends the master */
        SLOT_PROGRAM,   /* what EXECUTE executes instead of a path: a sealed memfd */
        SLOT_DIRECTORY, /* the tree of the directory that holds the file at a host path; absent where there is no file */
        SLOT_NOTIFY,    /* open_tree(OPEN_TREE_CLONE) of the socket that takes the container's messages */
        SLOT_PASSED,    /* what the payload gets beside its streams: a socket, or what it has stored */
        SLOT_CREDENTIALS, /* a detached mount of the unit's credentials */
        SLOT_LOG,       /* open_tree(OPEN_TREE_CLONE) of the socket that takes what the container says with syslog(3) */
        SLOT_NAMES,     /* open_tree(OPEN_TREE_CLONE) of a file with names that the manager writes; path = which */
        _SLOT_KIND_MAX,
} SlotKind;

typedef struct PlanRef { /* into the data area; the byte behind the end is NUL */
        uint32_t offset, size;
} PlanRef;

typedef struct PlanSlot {
        uint16_t kind;
        uint16_t flags;   /* StepFlags: OPTIONAL, RECURSIVE */
        uint32_t origin_line;
        PlanRef origin_file;
        PlanRef path;     /* SLOT_TREE, SLOT_DIRECTORY */
        PlanRef name;     /* for people: "root", "bind /srv/data" */
} PlanSlot;

typedef struct PlanStep {
        uint16_t kind;
        uint16_t actor;
        uint16_t flags;
        int16_t slot;
        uint64_t a, b, c, d;
        PlanRef s, t, u;
        PlanRef origin_file;    /* size 0 = built in */
        PlanRef origin_directive;
        uint32_t origin_line;
        uint32_t reserved;
} PlanStep;

typedef enum InitFlag { /* of FORK_PAYLOAD: when the init ends */
        INIT_LINGERS = 1 << 0,         /* with the last process of the container, not with the main one */
        INIT_FORKING = 1 << 1,         /* the first process, ended well, has left the main one behind */
        INIT_STARTER_IGNORED = 1 << 2, /* ... however it ends */
        _INIT_FLAG_ALL = (1 << 3) - 1,
} InitFlag;

typedef enum PlanFlags {
        PLAN_FLAG_JOIN = 1 << 0,       /* enters a running container; no mount namespace of its own */
        PLAN_FLAG_INIT_ROLE = 1 << 1,  /* the keeper's init is PID 1 */
        PLAN_FLAG_AWAITS_GO = 1 << 2,
        PLAN_FLAG_TRIAL = 1 << 3,      /* a start that only the probe sees: nobody keeps it */
} PlanFlags;

typedef struct PlanHeader {
        uint32_t magic;
        uint32_t version;
        uint32_t size; /* of everything */
        uint32_t flags;
        uint32_t n_slots, n_steps;
        uint32_t data_size;
        int32_t stop_signal;         /* STOP-ALL and host shutdown */
        uint64_t stop_timeout_usec;  /* then cgroup.kill; UINT64_MAX = wait for ever */
} PlanHeader;

/* A plan that was checked: borrowed views into the bytes. */
typedef struct PlanView {
        const PlanHeader *header;
        const PlanSlot *slots;
        const PlanStep *steps;
        const char *data;
} PlanView;

/* Checks every bound and rule of the format; -EBADMSG names none of it, the plan is simply refused. data must be
 * aligned to 8 bytes and live as long as the view. */
int plan_check(const void *data, size_t size, PlanView *ret);
static inline const char *plan_text(const PlanView *p, PlanRef r) {
        return p->data + r.offset;
}
const char *step_kind_to_string(unsigned kind); /* NULL where unknown */
unsigned step_kind_actors(unsigned kind);
