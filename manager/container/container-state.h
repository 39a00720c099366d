/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The whole life of a container as a table: state x event -> action, next state. An empty cell means "not now". */

#include "manager/base/util.h"

/* Records on disk have these numbers: a new state goes to the end. */
typedef enum ContainerState {
        CONTAINER_INACTIVE,
        CONTAINER_ASSEMBLING, /* outside compilers make what the policies need; the host is as it was */
        CONTAINER_PREPARING,  /* host changes before the launch: cgroup, trees, pipes */
        CONTAINER_PROBING,    /* VerifyOnStart=: the same plan runs with the probe in the payload's place */
        CONTAINER_LAUNCHING,  /* the keeper runs the plan */
        CONTAINER_RUNNING,
        CONTAINER_EXITED,     /* ended well, and RemainAfterExit= */
        CONTAINER_STOPPING,   /* stop signal sent */
        CONTAINER_KILLING,    /* cgroup.kill written */
        CONTAINER_CLEANING,   /* waiting for the cgroup to empty, then undo */
        CONTAINER_FAILED,
        CONTAINER_RESTARTING, /* it ended, and waits for the time of its next life: Restart= */
        CONTAINER_CONDITION,  /* ExecCondition= run, each in namespaces of its own */
        CONTAINER_START_PRE,  /* ExecStartPre=, the same */
        CONTAINER_START_POST, /* ExecStartPost=, beside the payload; of a oneshot after it, in namespaces of their own */
        CONTAINER_RELOADING,  /* ExecReload= beside the payload, or it was signalled and has not said READY=1 yet */
        CONTAINER_STOP,       /* ExecStop= beside the payload; after RemainAfterExit= in namespaces of their own */
        CONTAINER_STOP_POST,  /* ExecStopPost=, each in namespaces of its own */
        CONTAINER_LISTENING,  /* its sockets are open, and whoever connects starts it */
        _CONTAINER_STATE_MAX,
        _CONTAINER_STATE_INVALID = -EINVAL,
} ContainerState;

typedef enum ContainerEvent {
        EVENT_START,        /* a start job begins */
        EVENT_ASSEMBLED,    /* every policy can be loaded */
        EVENT_NOT_ASSEMBLED, /* one cannot */
        EVENT_PREPARED,     /* everything stands on the host */
        EVENT_NOT_PREPARED, /* preparing failed; it was undone already */
        EVENT_UNVERIFIED,   /* everything stands, and the unit wants its claims verified first */
        EVENT_VERIFIED,     /* they hold, or the unit wants no more than to be told */
        EVENT_CLONED,       /* Type=simple: the keeper took the launch */
        EVENT_STARTED,      /* the payload was executed */
        EVENT_NOT_STARTED,  /* a step of the plan failed, or the keeper refused */
        EVENT_STOP,         /* a stop job begins */
        EVENT_STOPPING,     /* it says that it ends by itself */
        EVENT_STOP_TIMEOUT, /* TimeoutStopSec= is over */
        EVENT_OVERDUE,      /* the same, and SendSIGKILL=no lets it take as long as it likes */
        EVENT_DOOM,         /* the life has failed: it is ended as by a stop, but nobody asked for it */
        EVENT_DOOM_ABORT,   /* the same by SIGABRT, or a stop that took too long */
        EVENT_DOOM_KILL,    /* the same at once */
        EVENT_MAC_LOST,     /* a process is not under the label that it was to have */
        EVENT_ENDED,        /* the leader is gone */
        EVENT_EMPTY_WELL,   /* no process is left, and the end was a success */
        EVENT_EMPTY_REMAIN, /* the same, and RemainAfterExit= keeps the container active */
        EVENT_EMPTY_BADLY,  /* no process is left, and the end was a failure */
        EVENT_RESET,        /* reset-failed */
        EVENT_RESTART,      /* the end is all over, and Restart= wants another life */
        EVENT_RESTART_REFUSED, /* which cannot begin: its unit has become a bad one, its job was canceled */
        EVENT_START_LIMIT,  /* a start job begins, and there were too many */
        EVENT_READY,        /* the payload does what it is there for, and ExecStartPost= follow */
        EVENT_RELOAD,       /* a reload job begins */
        EVENT_COMMAND_ENDED, /* a command that had namespaces of its own is gone */
        EVENT_EMPTIED,      /* and so is what it left; it has not failed */
        EVENT_COMMAND_FAILED, /* the same, and it has; or it could not be run */
        EVENT_COMMANDS_DONE, /* every command of this state has run, and the payload lives or is yet to come */
        EVENT_COMMANDS_OVER, /* the same, and it has gone */
        EVENT_NEXT_START,   /* no process is left, and another ExecStart= of a oneshot follows */
        EVENT_NEXT_START_POST, /* or its ExecStartPost= */
        EVENT_NEXT_STOP_POST, /* or ExecStopPost= */
        EVENT_LISTEN,       /* a start job begins, or a life has ended, of one that traffic starts */
        EVENT_NOT_LISTENING, /* a socket cannot be opened */
        _CONTAINER_EVENT_MAX,
        _CONTAINER_EVENT_NONE = -EINVAL,
} ContainerEvent;

typedef enum ContainerAction {
        ACTION_NONE,
        ACTION_ASSEMBLE,  /* run the next outside compiler that is needed, off the loop */
        ACTION_PREPARE,   /* range, labels, plan, cgroup, trees, standard streams */
        ACTION_VERIFY,    /* the probe, by the plan of the start */
        ACTION_LAUNCH,    /* SPAWN to the keeper */
        ACTION_TERMINATE, /* thaw, KillSignal=, arm TimeoutStopSec= */
        ACTION_AWAIT_END, /* arm TimeoutStopSec= */
        ACTION_ABORT,     /* SIGABRT or WatchdogSignal=, arm TimeoutAbortSec= */
        ACTION_KILL,      /* cgroup.kill */
        ACTION_FINAL,     /* FinalKillSignal= to every process, arm TimeoutStopSec= once more; without one, cgroup.kill */
        ACTION_TELL,      /* that it has not stopped in time */
        ACTION_CLEAN,     /* record the end, kill what is left in the cgroup, wait until it is empty */
        ACTION_UNDO,      /* drain the logs, remove the cgroup, let the keeper forget */
        ACTION_FORGET,    /* drop the record of the last end */
        ACTION_JUDGE,     /* a start that failed before it changed the host: does another follow? */
        ACTION_WAIT,      /* arm the timer of the restart */
        ACTION_RUN,       /* the next command of this state */
        ACTION_REAP,      /* let the keeper forget the command, wait until nothing of it is left */
        ACTION_RELOAD,    /* ReloadSignal= where the payload takes one, then the commands */
        ACTION_REVIVE,    /* control group, labels and streams once more, for commands after the payload's end */
        ACTION_LISTEN,    /* open the sockets and look for traffic */
        _CONTAINER_ACTION_MAX,
} ContainerAction;

/* In the state blob: a new one goes to the end. */
typedef enum CommandKind {
        COMMAND_NONE, /* no command is under way */
        COMMAND_START, /* the payload; of a oneshot, one of several */
        COMMAND_CONDITION,
        COMMAND_START_PRE,
        COMMAND_START_POST,
        COMMAND_RELOAD,
        COMMAND_STOP,
        COMMAND_STOP_POST,
        _COMMAND_KIND_MAX,
} CommandKind;

/* Where in its course a container is. */
typedef enum StatePhase {
        PHASE_DOWN,    /* it has no life, and none follows by itself */
        PHASE_WAITING, /* between two lives: Restart= */
        PHASE_COMING,  /* a start is under way */
        PHASE_UP,      /* it does what it is there for; also without a process */
        PHASE_GOING,   /* an end is under way */
        _PHASE_MAX,
} StatePhase;

/* What may run out in a state; leaving for one that does not have it disarms it (container_restore_state()). */
typedef enum StateTimer {
        TIMER_START = 1 << 0,   /* TimeoutStartSec= */
        TIMER_RUN = 1 << 1,     /* RuntimeMaxSec= */
        TIMER_STOP = 1 << 2,    /* TimeoutStopSec= and TimeoutAbortSec= */
        TIMER_RESTART = 1 << 3, /* RestartSec= */
        TIMER_RELOAD = 1 << 4,  /* Type=notify-reload: TimeoutStartSec= until READY=1 */
} StateTimer;

typedef struct Transition {
        ContainerAction action;
        ContainerState next;
        bool allowed; /* false: the empty cell */
} Transition;

typedef struct StateRow {
        const char *name;
        const char *active, *sub; /* ActiveState and SubState: systemd's words */
        StatePhase phase;
        CommandKind commands;     /* that run in it; COMMAND_NONE: no command does */
        unsigned timers;          /* StateTimer */
        bool recorded;            /* the record of an end may name it */
        Transition cells[_CONTAINER_EVENT_MAX];
} StateRow;
const StateRow *container_state_row(ContainerState s); /* NULL = no state */
StatePhase container_phase(ContainerState s);          /* s has to be one */

/* The cell; allowed is false where the event means nothing in this state. */
Transition container_transition(ContainerState state, ContainerEvent event);

const char *container_state_to_string(ContainerState s);
const char *container_event_to_string(ContainerEvent e);
const char *container_action_to_string(ContainerAction a);

/* For the manual; owned. The whole table as text, one line a filled cell; and its states by phase, with where each leads. */
int container_transitions_print(char **ret);
int container_states_draw(char **ret);
