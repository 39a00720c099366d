/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who gets the signals of a stop: KillMode=. */
#include <signal.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"

#define ROUNDS_MAX 10 /* against one that forks all the time: TimeoutStopSec= ends it */

typedef struct Pids {
        pid_t *items;
        size_t n;
} Pids;

static bool has(const Pids *p, pid_t pid) {
        for (size_t i = 0; i < p->n; i++)
                if (p->items[i] == pid)
                        return true;
        return false;
}

/* An init of ours passes on what it gets: the payload would get it twice. */
static bool is_passed_by(const Container *c, pid_t pid) {
        return c->spec && (c->spec->init_role || c->commands.alone) && pid == c->leader;
}

/* cgroup.procs is read again until nobody new is seen: a fork during the walk must not be missed, and nobody gets a
 * signal twice. */
int container_signal_all(Container *c, int signal) {
        _cleanup_free_ pid_t *known = NULL;
        Pids last = {};

        for (unsigned round = 0; round < ROUNDS_MAX; round++) {
                bool grew = false;
                Pids now = {};
                int r = cgroup_processes(c->cgroup.fd, &now.items, &now.n);

                if (r < 0)
                        return r;
                for (size_t i = 0; i < now.n; i++) {
                        _cleanup_close_ int fd = -EBADF;

                        if (has(&last, now.items[i]))
                                continue;
                        grew = true;
                        if (pidfd_open_checked(now.items[i], &fd) < 0)
                                continue;
                        if (is_passed_by(c, now.items[i]))
                                (void)pidfd_signal(fd, SIGCONT);
                        else
                                (void)pidfd_signal_awake(fd, signal);
                }
                free(known);
                known = now.items;
                last = now;
                if (!grew)
                        break;
        }
        return 0;
}

int container_signal_stop(Container *c, int signal) {
        if (c->spec && c->spec->kill_mode == KILL_MODE_CONTROL_GROUP && c->cgroup.fd >= 0)
                return container_signal_all(c, signal);
        return pidfd_signal_awake(c->leader_fd, signal);
}
