/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/epoll.h>

#include <sys/socket.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"
#include "manager/record/kept-set.h"
#include "manager/host/sockets/socket-bind.h"

/* --- a set of them */

static void sockets_free(ListenSocket *items, size_t n) {
        for (size_t i = 0; i < n; i++) {
                items[i].source = sd_event_source_disable_unref(items[i].source);
                (void)safe_close(items[i].fd);
                free(items[i].line);
        }
        free(items);
}

static int line_of(const SpecSocket *s, char **ret) {
        char *line = NULL;
        int r = str_append(&line, "%s=%s", directives[s->directive].name, s->item->text);

        if (r >= 0)
                *ret = line;
        return r;
}

/* --- to the keeper */

static void on_kept(int error, void *userdata) {
        Manager *m = userdata;

        if (error < 0 && error != -ECONNRESET)
                log_message(&m->config.log, LOG_ERR, "the keeper cannot keep a container's sockets: %s", strerror(-error));
}

int sockets_send(Container *c) {
        _cleanup_(kept_set_done) KeptSet set = {};
        int fds[1 + SPEC_SOCKETS_MAX], r = 0;

        for (size_t i = 0; r >= 0 && i < c->sockets.n; i++) {
                fds[1 + i] = c->sockets.items[i].fd;
                r = kept_set_add(&set, c->sockets.items[i].line, c->sockets.items[i].inode);
        }
        return r < 0 ? r : container_send_kept(c, KEPT_SOCKETS, &set, fds, on_kept, c->manager);
}

/* --- traffic */

static void stop_polling(Container *c) {
        for (size_t i = 0; i < c->sockets.n; i++)
                c->sockets.items[i].source = sd_event_source_disable_unref(c->sockets.items[i].source);
}

/* As in systemd: what triggers without end, because nobody takes what waits there, is shut. */
static bool take_trigger(Container *c) {
        const ContainerSpec *s = c->loaded ? c->loaded : c->spec;
        _cleanup_free_ char *span = NULL;
        char *text = NULL;

        if (!s || start_limit_take(&c->sockets.limit, s->trigger_limit_interval_usec, s->trigger_limit_burst,
                                   now_usec(CLOCK_MONOTONIC)))
                return true;
        span = time_span_to_string(s->trigger_limit_interval_usec);
        (void)str_append(&text, "its sockets started it %u times in %s, which is the limit (TriggerLimitBurst=, "
                         "TriggerLimitIntervalSec=)", (unsigned)c->sockets.limit.count, strempty(span));
        log_message(&c->manager->config.log, LOG_WARNING, "%s: %s", c->name, strempty(text));
        free(c->last_error);
        c->last_error = text;
        c->result = RESULT_TRIGGER_LIMIT;
        container_save_end(c, CONTAINER_FAILED);
        return false;
}

static int on_traffic(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Container *c = userdata;

        stop_polling(c); /* s as well */
        if (c->state != CONTAINER_LISTENING || c->job) /* looked at again when that has ended */
                return 0;
        if (!take_trigger(c)) {
                (void)container_event(c, EVENT_START_LIMIT);
                return 0;
        }
        c->sockets.triggered = true;
        if (job_install(c, JOB_START, false, NULL) < 0)
                log_message(&c->manager->config.log, LOG_ERR, "%s: cannot start it for its sockets", c->name);
        return 0;
}

static int start_polling(Container *c) {
        for (size_t i = 0; i < c->sockets.n; i++) {
                ListenSocket *s = c->sockets.items + i;
                int r;

                if (s->source)
                        continue;
                r = sd_event_add_io(c->manager->event, &s->source, s->fd, EPOLLIN, on_traffic, c);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- open and shut */

static int take_or_bind(Container *c, const ContainerSpec *spec, const SpecSocket *one, Diag *diag, ListenSocket *ret) {
        int r = line_of(one, &ret->line);

        if (r < 0)
                return r;
        for (size_t i = 0; i < c->sockets.n; i++)
                if (streq(c->sockets.items[i].line, ret->line)) {
                        ret->fd = fcntl(c->sockets.items[i].fd, F_DUPFD_CLOEXEC, 3);
                        ret->inode = c->sockets.items[i].inode;
                        return ret->fd < 0 ? -errno : 0;
                }
        return socket_bind(spec, one, &c->manager->trees, diag, &ret->fd, &ret->inode);
}

/* A path is a file of the host that would be in nobody's way, but tells others that somebody listens. */
static void remove_paths(const Container *c, const ListenSocket *items, size_t n, const ListenSocket *but, size_t n_but) {
        for (size_t i = 0; i < n; i++) {
                const char *path = items[i].line && items[i].fd >= 0 ? strchr(items[i].line, '=') + 1 : "";
                bool stays = false;

                for (size_t k = 0; k < n_but; k++)
                        stays |= streq(items[i].line, but[k].line);
                if (!stays && *path == '/')
                        socket_remove(path, &c->manager->trees, items[i].inode);
        }
}

/* What stays as it was in the unit stays open; what is new is opened before anything is shut. */
int sockets_open(Container *c, Diag *diag) {
        const ContainerSpec *spec = c->spec;
        ListenSocket *items;
        SpecSocket one;
        size_t n = 0;
        int r = 0;

        if (c->sockets.n == 0 && !container_spec_socket(spec, 0, &one))
                return 0;
        items = calloc(SPEC_SOCKETS_MAX, sizeof(*items));
        if (!items)
                return -ENOMEM;
        for (; r >= 0 && n < SPEC_SOCKETS_MAX && container_spec_socket(spec, n, &one); n++) {
                items[n].fd = -EBADF;
                r = take_or_bind(c, spec, &one, diag, items + n);
        }
        if (r < 0) { /* of those that could be opened nothing stays */
                remove_paths(c, items, n, c->sockets.items, c->sockets.n);
                sockets_free(items, n);
                return r;
        }
        if (spec->remove_on_stop)
                remove_paths(c, c->sockets.items, c->sockets.n, items, n);
        sockets_free(c->sockets.items, c->sockets.n);
        c->sockets.items = items;
        c->sockets.n = n;
        return sockets_send(c);
}

int sockets_dup(const Container *c, size_t index, int *ret) {
        int fd, flags, wanted;

        if (index >= c->sockets.n)
                return -ENOENT;
        fd = fcntl(c->sockets.items[index].fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return -errno;
        /* Whatever the last life made of it: the flag belongs to the open socket, not to this descriptor. */
        flags = fcntl(fd, F_GETFL);
        wanted = c->spec->non_blocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
        if (flags >= 0 && flags != wanted)
                (void)fcntl(fd, F_SETFL, wanted);
        *ret = fd;
        return 0;
}

void sockets_done(Container *c) {
        sockets_free(c->sockets.items, c->sockets.n);
        c->sockets.items = NULL;
        c->sockets.n = 0;
}

static void shut(Container *c) {
        if (c->spec && c->spec->remove_on_stop)
                remove_paths(c, c->sockets.items, c->sockets.n, NULL, 0);
        for (size_t i = 0; i < c->sockets.n; i++) /* at once, though the keeper may hold it for a moment longer */
                (void)shutdown(c->sockets.items[i].fd, SHUT_RDWR);
        sockets_done(c);
        if (sockets_send(c) < 0)
                log_message(&c->manager->config.log, LOG_WARNING, "%s: the keeper still holds its sockets", c->name);
}

void sockets_settle(Container *c) {
        if (c->sockets.n == 0 || c->job)
                return;
        if (container_is_dead(c))
                shut(c);
        else if (c->state == CONTAINER_LISTENING && start_polling(c) < 0)
                log_message(&c->manager->config.log, LOG_ERR, "%s: nobody listens on its sockets", c->name);
}

/* --- the state in which they wait */

bool sockets_wait(const Container *c) {
        const ContainerSpec *s = c->loaded;
        SpecSocket one;

        return s && !c->sockets.triggered && s->start_on == START_ON_TRAFFIC && container_is_dead(c) &&
               container_spec_socket(s, 0, &one);
}

/* Not where a protection was refused or lost: that is for a person to look at. */
ContainerEvent sockets_follow_end(const Container *c) {
        SpecSocket one;

        if (c->stop_requested || c->manager->shutting_down || !c->loaded || c->sockets.n == 0 ||
            c->loaded->start_on != START_ON_TRAFFIC || !container_spec_socket(c->loaded, 0, &one) ||
            (c->job && (c->job->type == JOB_STOP || c->job->type == JOB_RESTART)))
                return _CONTAINER_EVENT_NONE;
        if (c->result == RESULT_POLICY || c->result == RESULT_PROBE || c->result == RESULT_LABEL_MISMATCH ||
            c->result == RESULT_MAC_LOST)
                return _CONTAINER_EVENT_NONE;
        return EVENT_LISTEN;
}

ContainerEvent action_listen(Container *c) {
        _cleanup_(diag_done) Diag diag = {};
        int r;

        c->sockets.triggered = false;
        container_use_spec(c, c->loaded);
        r = sockets_open(c, &diag); /* and sockets_settle() looks at them once the job has ended */
        if (r >= 0)
                return _CONTAINER_EVENT_NONE;
        if (diag.n_errors == 0)
                (void)diag_errno(&diag, ERROR_FAILED, NULL, NULL, -r, "cannot open its sockets");
        diag_keep(&diag, &c->last_error);
        c->result = RESULT_RESOURCES;
        container_save_end(c, CONTAINER_FAILED);
        return EVENT_NOT_LISTENING;
}

/* --- a manager that comes back */

static int take_set(Container *c, const void *data, size_t size, int *fds, size_t n_fds) {
        _cleanup_(kept_set_done) KeptSet set = {};
        ListenSocket *items;
        int r;

        r = kept_set_decode(data, size, &set);
        if (r < 0)
                return r;
        if (set.n != n_fds || set.n == 0)
                return -EBADMSG;
        items = calloc(set.n, sizeof(*items));
        if (!items)
                return -ENOMEM;
        for (size_t i = 0; i < set.n; i++)
                items[i] = (ListenSocket){ .line = TAKE_PTR(set.items[i].name), .fd = TAKE_FD(fds[i]),
                                            .inode = set.items[i].flags };
        c->sockets.items = items;
        c->sockets.n = set.n;
        return 0;
}

void sockets_take(Container *c, const void *data, size_t size, int *fds, size_t n_fds) {
        int r;

        if (c->sockets.n > 0) /* it lived on, and tells the keeper instead */
                return;
        r = take_set(c, data, size, fds, n_fds);
        if (r < 0)
                log_message(&c->manager->config.log, LOG_ERR, "%s: its sockets are lost: %s", c->name, strerror(-r));
}

/* Everything that runs is known by now: who has open sockets and does not run waits for them. */
void sockets_resume(Container *c) {
        if (c->sockets.n == 0 || !container_is_dead(c) || c->job || !c->loaded || c->loaded->start_on != START_ON_TRAFFIC)
                return;
        container_use_spec(c, c->loaded);
        container_restore_state(c, CONTAINER_LISTENING);
        manager_announce(c);
}
