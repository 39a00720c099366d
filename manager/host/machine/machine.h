/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* RegisterMachine=yes: the container is a machine of systemd-machined's. machined ends a machine by stopping the unit that
 * its leader is in, and a unit is a control group right below a slice. So such a container does not live in the keeper's
 * control group: a scope of its own is asked for before the start, and what is made in there is what is otherwise made in
 * the keeper's (cgroup-root.h). A scope cannot be empty: until the container runs, and for a moment after it has ended, so
 * that its counters can still be read, a process of ours stands in it, the anchor. */

#include <systemd/sd-event.h>

#include "manager/base/util.h"
#include "manager/host/cgroup/cgroup-root.h"

typedef struct Machine {
        char *unit;      /* of the scope; NULL = none was asked for */
        pid_t anchor;    /* its number may be somebody else's one day: nothing but to name it to systemd */
        int anchor_fd;   /* our end of its socket: it ends with this, unless it was given a leader */
        CgroupRoot root; /* root.fd >= 0: the scope is there */
        bool registered; /* or asked for */
        sd_event_source *patience; /* for a bus over which a scope can be asked for */
} Machine;
#define MACHINE_EMPTY ((Machine){ .anchor_fd = -EBADF, .root = CGROUP_ROOT_EMPTY })

/* Starts the anchor, nobody's child here. */
int anchor_start(int *ret_fd, pid_t *ret_pid);
/* It stays until a moment after this process has ended. Closes fd. */
int anchor_hold(int fd, int leader_pidfd);

/* "bulwark-NAME-RANDOM.scope": each start has its own, so that none waits for the last one to be cleaned up. Owned. */
int machine_unit_name(const char *container, char **ret);
/* Can machined know a container by this name? */
bool machine_name_valid(const char *name);
/* The scope's control group in the path of one below it that cgroup.h has made: "/machine.slice/x.scope" of
 * "/sys/fs/cgroup/machine.slice/x.scope/containers/web/payload". Owned; -ENODATA: it is none. */
int machine_root_of_path(const char *path, char **ret);
