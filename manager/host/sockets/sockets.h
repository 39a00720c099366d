/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The sockets that a container is started by, or finds open: a part of Container that outlives its lives. They are bound when
 * it is started and closed when it is down for good; the keeper holds them as well, so that no connection is refused while a
 * manager is missing. The manager never accepts and never reads: that something waits is all that it looks for. */

#include <systemd/sd-event.h>

#include "manager/container/life/restart-policy.h"

typedef struct ListenSocket {
        char *line; /* "ListenStream=80" */
        int fd;
        uint64_t inode; /* of its path, where it has one: only that is ever taken away */
        sd_event_source *source;
} ListenSocket;

typedef struct Sockets {
        ListenSocket *items; /* in the order of the unit that they were opened for */
        size_t n;
        bool triggered;      /* the start under way is because of them */
        StartLimit limit;    /* TriggerLimitBurst= */
} Sockets;
