/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "manager/container/container-internal.h"
#include "manager/host/part.h"
#include "manager/record/blob.h"

/* RegisterMachine=: the scope is there before anything is prepared (machine_prepare()), and goes after the control groups
 * that were made in it. */

static void machine_started(Container *c, int payload_pid) {
        machine_begin(c);
}

/* A machine's control groups are in a scope of its own: where, says one of them, or the leader. */
static void machine_take(Container *c, Adoption *a) {
        _cleanup_free_ char *of_leader = NULL;
        char link[32], path[4096];
        ssize_t n;

        if (c->machine.root.fd >= 0)
                return;
        if (a->cgroup_fd < 0) {
                if (cgroup_path_of_process(a->blob->leader, &of_leader) >= 0)
                        (void)machine_adopt(c, of_leader);
                return;
        }
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", a->cgroup_fd);
        n = readlink(link, path, sizeof(path) - 1);
        if (n < 0)
                return;
        path[n] = 0;
        (void)machine_adopt(c, path);
}

const LifePart part_machine = {
        .name = "machine",
        .of_the_end = true,
        .check = machine_check,
        .started = machine_started,
        .release = machine_done,
        .adopt = machine_take,
};
