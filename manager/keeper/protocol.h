/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Manager <-> keeper, SOCK_SEQPACKET on RUNTIME/keeper, root only (SO_PEERCRED). A connection begins with a handshake,
 * whose form is the same in all versions; see KeeperHandshake below. Then one fixed-size message each way;
 * descriptors by SCM_RIGHTS. The keeper answers every request with exactly one REPLY (same cookie); it sends
 * EVENTs whenever a launch or a life ends. A message of another size or version closes the connection.
 *
 *   SPAWN   id, descriptors: [plan, cgroup directory, state blob, then one for each sent slot]. slots[] says which
 *           slot each of those is for. Answered at once; EVENT_STARTED (pidfd of the leader) or EVENT_FAILED follows.
 *           `held` further descriptors at the end are kept for the manager (log pipes) and come back in LIST.
 *           value = its depth: how many others, one upon the other, it starts after.
 *   JOIN    the same for a plan with PLAN_FLAG_JOIN or PLAN_FLAG_TRIAL. Not kept: its status is dropped when the
 *           connection ends.
 *   GO      id: the manager has done what needs the live namespaces.
 *   SIGNAL  id, value = signal: to the leader.
 *   STATE   id, descriptor: replaces the state blob (a memfd, opaque).
 *   LIST    answered by one EVENT_STORED for each STORE, one EVENT_LISTED for each container (pidfd, blob, plan,
 *           cgroup, then held ones), then the REPLY.
 *   STORE   id, value = a number of the manager's choice, descriptors: [a blob, then up to KEEPER_STORE_MAX]: kept under
 *           the two, in place of what was, whatever becomes of the container and the manager. None: what was is dropped.
 *           LIST tells them first, one EVENT_STORED each with the same id, value and descriptors.
 *   ACK     id: the exit status is recorded; the keeper forgets the container. -EBUSY while it runs.
 *   STOP_ALL stops every container, the deepest first and all of one depth at once, each by its plan's signal and timeout;
 *           value = 1: and ends the keeper. KEEPER_STOP_LIMIT_USEC later whatever still runs is killed.
 *   PAYLOAD id: of a plan whose init goes on without the payload's first process: EVENT_PAYLOAD comes before the REPLY.
 *           value > 0: the init is asked before whether this number, as the container counts, is a child of it. If so it
 *           is the main process from now on; a later PAYLOAD has the answer, the number or its negative, 0 = not yet.
 *   CRASH_AT value = a KeeperPoint: for tests, the keeper dies there.
 *
 * The manager's connection ends: launches not yet started (or awaiting GO) are killed and forgotten; running
 * containers run on, and their exits are kept until a later connection ACKs them. */

#include <stdint.h>
#include <sys/types.h>

#include "manager/stage/step-failure.h"

#define KEEPER_MAGIC UINT32_C(0x31504b42) /* "BKP1" */
#define KEEPER_VERSION 3
#define KEEPER_ID_MAX 128 /* with the NUL */
#define KEEPER_MAX_SLOTS 200 /* PLAN_MAX_SENT */
#define KEEPER_MAX_HELD 8
#define KEEPER_STORE_MAX 128 /* descriptors of one STORE, beside its blob */
#define KEEPER_STORES_MAX 8192
#define KEEPER_STOP_LIMIT_USEC (UINT64_C(280) * 1000000) /* below TimeoutStopSec= of bulwark-keeper.service */

typedef enum KeeperType {
        KEEPER_SPAWN,
        KEEPER_JOIN,
        KEEPER_GO,
        KEEPER_SIGNAL,
        KEEPER_STATE,
        KEEPER_LIST,
        KEEPER_ACK,
        KEEPER_STOP_ALL,
        KEEPER_REPLY,          /* error = 0 or negative errno */
        KEEPER_EVENT_CREATED,  /* namespaces are live, the stage awaits GO; pid; descriptor: pidfd */
        KEEPER_EVENT_STARTED,  /* the payload was executed; pid, payload_pid; descriptor: pidfd of the leader */
        KEEPER_EVENT_FAILED,   /* a step failed before the payload; failure; nothing is left */
        KEEPER_EVENT_EXITED,   /* exit_code, exit_status; id stays until ACK (spawned) */
        KEEPER_EVENT_LISTED,
        KEEPER_STORE,
        KEEPER_EVENT_STORED,
        KEEPER_CRASH_AT,
        KEEPER_PAYLOAD,
        KEEPER_EVENT_PAYLOAD,  /* exit_code, exit_status of the first process, 0 = it runs; payload_pid: what the init answered */
        _KEEPER_TYPE_MAX,
} KeeperType;

typedef enum KeeperPoint {
        KEEPER_POINT_NONE,
#define KEEPER_POINT(id, name, during, where) KEEPER_AT_##id,
#include "manager/keeper/crash-points.inc"
#undef KEEPER_POINT
        _KEEPER_POINT_MAX,
} KeeperPoint;

typedef enum KeeperState {
        KEEPER_LAUNCHING,
        KEEPER_RUNNING,
        KEEPER_EXITED,
} KeeperState;

typedef struct KeeperMessage {
        uint32_t magic;
        uint16_t version;
        uint16_t type;
        uint64_t cookie;
        char id[KEEPER_ID_MAX]; /* NUL-terminated; unique over SPAWNs and JOINs, e.g. "web", "web/exec/7" */
        int32_t error;
        int32_t value;
        int32_t pid, payload_pid; /* as the host sees the leader; payload_pid: inside the container */
        int32_t exit_code, exit_status; /* as siginfo_t: CLD_EXITED/CLD_KILLED/CLD_DUMPED, status. exit_code 0 = unknown */
        int32_t keeper_state;
        uint32_t n_held;  /* SPAWN, LISTED: descriptors at the end that are held */
        uint64_t started_realtime_usec, exited_realtime_usec;
        uint64_t started_monotonic_usec, exited_monotonic_usec;
        StepFailure failure;
        uint32_t n_slots;
        int16_t slots[KEEPER_MAX_SLOTS];
} KeeperMessage;

/* Never changes, so that a manager and a keeper of different versions can say so, and the keeper become the one that
 * belongs to the manager:
 *
 *   HELLO   answered by who the keeper is.
 *   REEXEC  a descriptor of a program's file: the keeper becomes it, with everything that it holds, its process number, its
 *           children and its connections. Answered on the same connection, by the new program where error = 0, else by the
 *           old one, which goes on as if it had not been asked: -EALREADY: it runs these very bytes; -ENOEXEC: the program
 *           is no keeper, or one that does not understand what it would take over; else what the system refused. */
#define KEEPER_HANDSHAKE_MAGIC UINT32_C(0x31484b42) /* "BKH1" */

typedef enum KeeperHandshakeType {
        KEEPER_HANDSHAKE_HELLO,
        KEEPER_HANDSHAKE_REEXEC,
        KEEPER_HANDSHAKE_ANSWER,
} KeeperHandshakeType;

typedef struct KeeperHandshake {
        uint32_t magic;
        uint16_t type;
        uint16_t version;    /* KEEPER_VERSION of who sends it */
        int32_t error;       /* ANSWER: 0 or negative errno */
        int32_t pid;         /* ANSWER: the keeper's */
        uint32_t containers; /* ANSWER: how many it has */
        char release[44];    /* of the program that sends it, for people; NUL-terminated */
} KeeperHandshake;

_Static_assert(sizeof(KeeperHandshake) == 64, "the handshake is the same in all versions");
_Static_assert(sizeof(KeeperHandshake) < sizeof(KeeperMessage), "one is told from the other by its size");
