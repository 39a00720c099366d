/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The commands of a unit beside its payload: ExecCondition=, ExecStartPre=, ExecStartPost=, ExecReload=, ExecStop= and
 * ExecStopPost=, one after another. A part of Container, for one life.
 *
 * Where the payload lives a command joins it, as bulwarkctl exec does. Where it does not there is nothing to join: a
 * container's namespaces are those of its leader. Then the command is a life of its own by the plan of the start, with
 * another last step: the same ids, control group, labels, mounts and filter, and the keeper holds it as it holds a payload,
 * so that a manager that is killed finds it again. */

#include <systemd/sd-event.h>

#include "manager/container/container-state.h"
#include "units/spec/container-spec.h"

typedef struct JoinedCommand JoinedCommand;

typedef struct Commands {
        CommandKind kind;      /* what runs, or ran last */
        uint32_t index;        /* which of its kind */
        bool opened;           /* what confines them stands, and was verified where the unit wants that */
        bool alone;            /* it is a life of its own: the container's leader is its leader */
        bool reaping;          /* that has ended; what it left has not gone yet */
        bool good;             /* and it has not failed */
        bool reload_failed;    /* the last reload */
        uint64_t begun;        /* monotonic: when it was begun */
        struct Launch *launch; /* on its way */
        JoinedCommand *joined, *abandoned;
        sd_event_source *reload_timer; /* Type=notify-reload: until it has said READY=1 */
} Commands;

/* All commands of one kind; of COMMAND_START those of ExecStart=. */
const value_exec_list *command_list(const ContainerSpec *spec, CommandKind kind);
