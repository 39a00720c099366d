/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be done to a running container beside jobs. */
#include <poll.h>
#include <signal.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"

#define FREEZE_WAIT_MSEC 50 /* mostly it takes one; the loop must not stand still longer */

static int refuse_inactive(const Container *c, Diag *diag) {
        return diag_error(diag, ERROR_NOT_ACTIVE, NULL, NULL, "%s is not running (%s)", c->name, container_sub_state(c));
}

/* cgroup.procs is read again until nobody new is seen: a fork during the walk must not be missed. */
static int kill_all(Container *c, int signal) {
        size_t last = 0;

        if (signal == SIGKILL)
                return cgroup_kill(c->cgroup.fd);
        for (unsigned round = 0; round < 10; round++) {
                _cleanup_free_ pid_t *pids = NULL;
                size_t n;
                int r = cgroup_processes(c->cgroup.fd, &pids, &n);

                if (r < 0)
                        return r;
                if (round > 0 && n <= last)
                        return 0;
                for (size_t i = 0; i < n; i++) {
                        _cleanup_close_ int fd = -EBADF;

                        if (pidfd_open_checked(pids[i], &fd) >= 0)
                                (void)pidfd_signal(fd, signal);
                }
                last = n;
        }
        return 0;
}

int container_kill(Container *c, const char *whom, int signal, Diag *diag) {
        int r;

        if (signal < 1 || signal > SIGRTMAX)
                return diag_error(diag, ERROR_USAGE, NULL, NULL, "%d is not a signal", signal);
        if (!streq(whom, "leader") && !streq(whom, "all"))
                return diag_error(diag, ERROR_USAGE, NULL, NULL, "\"%s\" is not leader or all", whom);
        if (c->leader_fd < 0)
                return refuse_inactive(c, diag);
        r = streq(whom, "all") ? kill_all(c, signal) : pidfd_signal(c->leader_fd, signal);
        if (r < 0)
                return diag_errno(diag, r == -ESRCH ? ERROR_NOT_ACTIVE : ERROR_FAILED, NULL, NULL, -r,
                                  "cannot send %s to %s", strempty(signal_to_string(signal)), c->name);
        return 0;
}

static int set_frozen(Container *c, bool frozen, Diag *diag) {
        uint64_t deadline = now_usec(CLOCK_MONOTONIC) + FREEZE_WAIT_MSEC * USEC_PER_MSEC;
        int r;

        if (!container_is_running(c) || c->cgroup.fd < 0)
                return refuse_inactive(c, diag);
        c->freeze_wanted = frozen;
        r = cgroup_freeze(c->cgroup.fd, frozen);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot %s %s",
                                  frozen ? "freeze" : "thaw", c->name);
        /* A process in the kernel's hands freezes later; then the event tells. */
        for (uint64_t now; c->frozen != frozen && (now = now_usec(CLOCK_MONOTONIC)) < deadline;) {
                struct pollfd p = { .fd = c->manager->inotify_fd, .events = POLLIN };
                CgroupEvents e;

                if (cgroup_events(c->cgroup.fd, &e) < 0)
                        break;
                if (e.frozen == frozen) {
                        c->frozen = frozen;
                        watchdog_arm(c);
                } else
                        (void)poll(&p, 1, 1);
        }
        container_notify(c);
        return 0;
}

int container_freeze(Container *c, Diag *diag) {
        return set_frozen(c, true, diag);
}

int container_thaw(Container *c, Diag *diag) {
        return set_frozen(c, false, diag);
}

int container_reset_failed(Container *c, Diag *diag) {
        container_forget_starts(c);
        if (c->state == CONTAINER_INACTIVE && c->n_refused > 0) {
                c->n_refused = c->told.refused = 0;
                c->result = RESULT_SUCCESS;
                free(TAKE_PTR(c->last_error));
                container_notify(c);
        }
        (void)container_event(c, EVENT_RESET); /* the state of anything but a failed one stays, as in systemd */
        return 0;
}
