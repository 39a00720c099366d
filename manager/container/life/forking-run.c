/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Follows a start of Type=forking: the end of ExecStart=, then one look after another until forking_decide() is done. What
 * is known is asked for anew each time, so that another manager goes on as this one would. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"
#include "manager/host/part.h"
#include "manager/record/blob.h"

#define PAUSE_MIN USEC_PER_MSEC
#define PAUSE_MAX (200 * USEC_PER_MSEC)

static bool is_wanted(const Container *c) {
        return c->spec && c->spec->type == CONTAINER_TYPE_FORKING && !c->notify.facts.ready && !c->commands.alone &&
               c->leader_fd >= 0;
}

void forking_end(Container *c) {
        c->forking.starter = sd_event_source_disable_unref(c->forking.starter);
        c->forking.pause = sd_event_source_disable_unref(c->forking.pause);
        c->forking.reading = sd_event_source_disable_unref(c->forking.reading);
        c->forking = (Forking){};
}

char *forking_why(const Container *c) {
        char *text = NULL;

        if (!is_wanted(c) || !c->forking.why)
                return NULL;
        if (c->forking.facts.has_file && c->forking.facts.code != 0)
                (void)str_append(&text, "PIDFile=%s: %s", c->spec->pid_file, c->forking.why);
        else
                (void)str_append(&text, "%s", c->forking.why);
        return text;
}

static void look(Container *c);

static int on_pause(sd_event_source *s, uint64_t usec, void *userdata) {
        Container *c = userdata;

        c->forking.pause = sd_event_source_disable_unref(c->forking.pause);
        look(c);
        return 0;
}

static void look_later(Container *c) {
        if (c->forking.pause)
                return;
        c->forking.pause_usec = MIN_OF(MAX_OF(2 * c->forking.pause_usec, PAUSE_MIN), PAUSE_MAX);
        if (sd_event_add_time_relative(c->manager->event, &c->forking.pause, CLOCK_MONOTONIC, c->forking.pause_usec,
                                       USEC_PER_MSEC, on_pause, c) < 0)
                log_message(&c->manager->config.log, LOG_ERR, "%s: cannot wait for its main process", c->name);
}

static void on_reply(int error, void *userdata) {
        Container *c = userdata;

        if (error < 0 && is_wanted(c)) /* the keeper is lost, or the life is over */
                look_later(c);
}

/* asked: the process that the init is asked about; 0 = none. The answer comes to forking_told(). */
static void ask(Container *c, int32_t asked) {
        KeeperMessage m;

        keeper_message_init(&m, KEEPER_PAYLOAD, c->name);
        m.value = asked;
        if (keeper_client_request(c->manager->keeper, &m, NULL, 0, on_reply, c) < 0)
                look_later(c);
}

static void look(Container *c) {
        if (is_wanted(c))
                ask(c, 0);
}

static void see_children(Container *c, ForkingFacts *f) {
        _cleanup_free_ pid_t *pids = NULL;
        size_t n = 0;

        f->n_children = 0;
        f->number_is_child = false;
        if (container_processes(c, &pids, &n) < 0)
                return;
        for (size_t i = 0; i < n; i++) {
                pid_t inside = container_child_number(c, pids[i]);

                if (inside <= 0)
                        continue;
                f->n_children++;
                f->child = inside;
                f->number_is_child |= inside == f->number;
        }
}

static void started(Container *c, int32_t main) {
        forking_end(c);
        c->notify.facts.main = main > 0 ? (uint32_t)main : 0;
        notify_find_main(c);
        notify_ready(c);
        container_send_state(c);
        container_notify(c);
}

static void decide(Container *c) {
        ForkingFacts *f = &c->forking.facts;
        int32_t main;

        see_children(c, f);
        switch (forking_decide(f, &main, &c->forking.why)) {
        case FORKING_WAIT:
                look_later(c);
                break;
        case FORKING_ASK:
                f->asked = main;
                c->forking.pause_usec = 0; /* it answers soon */
                ask(c, main);
                break;
        case FORKING_DONE:
                started(c, main);
                break;
        }
}

static int on_read(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Container *c = userdata;
        int number;

        if (recv(fd, &number, sizeof(number), MSG_DONTWAIT) != (ssize_t)sizeof(number))
                number = -EIO;
        c->forking.reading = sd_event_source_disable_unref(c->forking.reading);
        c->forking.facts.number = number;
        if (is_wanted(c))
                decide(c);
        return 0;
}

/* The root as the payload sees it, by its init, which is not reaped as long as its pidfd can be signalled. */
static int open_root(const Container *c) {
        _cleanup_close_ int fd = -EBADF;
        char path[32];
        int r;

        (void)snprintf(path, sizeof(path), "/proc/%d/root", (int)c->leader);
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = pidfd_signal(c->leader_fd, 0);
        return r < 0 ? r : TAKE_FD(fd);
}

static int read_file_apart(Container *c) {
        _cleanup_close_ int root_fd = open_root(c), fd = -EBADF;
        int r;

        if (root_fd < 0)
                return root_fd;
        r = pid_file_read_apart(root_fd, c->spec->pid_file, &fd);
        if (r >= 0)
                r = sd_event_add_io(c->manager->event, &c->forking.reading, fd, EPOLLIN, on_read, c);
        if (r >= 0)
                r = sd_event_source_set_io_fd_own(c->forking.reading, true);
        if (r < 0) {
                c->forking.reading = sd_event_source_disable_unref(c->forking.reading);
                return r;
        }
        (void)TAKE_FD(fd);
        return 0;
}

void forking_told(Container *c, const KeeperMessage *m) {
        ForkingFacts *f = &c->forking.facts;
        int r;

        if (!is_wanted(c) || c->forking.reading)
                return;
        f->code = m->exit_code;
        f->status = m->exit_status;
        f->answer = m->payload_pid;
        f->ignored = c->spec->exec_start.items[0].ignore_failure;
        f->has_file = c->spec->pid_file;
        f->guess = c->spec->guess_main_pid;
        if (f->code == 0 || !f->has_file) {
                decide(c);
                return;
        }
        if (f->number == 0) /* later what the last look found is told, until this one has found something */
                f->number = -EAGAIN;
        r = read_file_apart(c);
        if (r < 0) {
                f->number = r;
                decide(c);
        } else
                (void)forking_decide(f, &(int32_t){ 0 }, &c->forking.why);
}

static int on_starter_gone(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Container *c = userdata;

        c->forking.starter = sd_event_source_disable_unref(c->forking.starter);
        look(c);
        return 0;
}

/* Its first process may have ended already; then there is nothing to wait for. */
static int watch_starter(Container *c, pid_t number) {
        _cleanup_free_ pid_t *pids = NULL;
        _cleanup_close_ int fd = -EBADF;
        size_t n = 0;
        int r;

        r = container_processes(c, &pids, &n);
        for (size_t i = 0; r >= 0 && i < n && fd < 0; i++)
                if (container_child_number(c, pids[i]) == number && pidfd_open_checked(pids[i], &fd) >= 0 &&
                    container_child_number(c, pids[i]) != number) /* it was another's while we opened it */
                        fd = safe_close(fd);
        if (fd < 0)
                return -ESRCH;
        r = sd_event_add_io(c->manager->event, &c->forking.starter, fd, EPOLLIN, on_starter_gone, c);
        if (r < 0)
                return r;
        r = sd_event_source_set_io_fd_own(c->forking.starter, true);
        if (r < 0) {
                c->forking.starter = sd_event_source_disable_unref(c->forking.starter);
                return r;
        }
        (void)TAKE_FD(fd);
        return 0;
}

static void forking_begin(Container *c, int payload_pid) {
        forking_end(c);
        if (!is_wanted(c))
                return;
        c->forking.why = "its ExecStart= has not ended";
        if (watch_starter(c, payload_pid > 0 ? payload_pid : CONTAINER_FIRST_PID) < 0)
                look(c);
}

static void forking_resume(Container *c, const Adoption *a) {
        if (a->cgroup_fd >= 0)
                forking_begin(c, a->payload_pid);
}

const LifePart part_forking = {
        .name = "forking",
        .begin = forking_end,
        .started = forking_begin,
        .release = forking_end,
        .resume = forking_resume,
        .done = forking_end,
};
