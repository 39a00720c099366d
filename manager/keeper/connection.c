/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <sys/socket.h>

#include "manager/base/io.h"
#include "manager/keeper/keeper.h"
#include "manager/keeper/stage.h"

static int send_one(const Connection *c, const KeeperMessage *m, const int *fds, size_t n_fds) {
        KeeperMessage copy = *m;

        copy.magic = KEEPER_MAGIC;
        copy.version = KEEPER_VERSION;
        return socket_send(c->fd, &copy, sizeof(copy), fds, n_fds);
}

void keeper_send(Keeper *k, Connection *only, const KeeperMessage *m, const int *fds, size_t n_fds) {
        for (size_t i = 0; i < KEEPER_MAX_CONNECTIONS; i++) {
                Connection *c = k->connections + i;

                if (c->fd < 0 || (only && c != only))
                        continue;
                /* The sockets do not block. Who does not read is closed, and finds everything again by LIST. */
                if (send_one(c, m, fds, n_fds) < 0)
                        (void)shutdown(c->fd, SHUT_RDWR);
        }
}

void connection_close(Keeper *k, Connection *c) {
        Record *next;

        c->fd = keeper_unwatch(k, c->fd);
        for (Record *r = k->first; r; r = next) {
                next = r->next;
                if (r->owner != c)
                        continue;
                r->owner = NULL;
                /* The streams of an exec went with its manager: nobody would ever hear of it again. */
                if (r->join && r->state == KEEPER_RUNNING)
                        record_kill(r);
                if (r->state == KEEPER_LAUNCHING) {
                        r->silent = true;
                        r->doomed = true;
                        record_kill(r);
                        launch_settle(k, r);
                }
        }
}

static int request_list(Keeper *k, Connection *c) {
        for (const Record *r = k->first; r; r = r->next) {
                int fds[4 + KEEPER_MAX_HELD], error;
                size_t n = 0;
                KeeperMessage m;

                if (r->join || r->doomed || r->state == KEEPER_LAUNCHING)
                        continue;
                fds[n++] = r->pidfd;
                fds[n++] = r->blob_fd;
                fds[n++] = r->plan_fd;
                fds[n++] = r->cgroup_fd;
                for (size_t i = 0; i < r->n_held; i++)
                        fds[n++] = r->held[i];
                record_describe(r, KEEPER_EVENT_LISTED, &m);
                error = send_one(c, &m, fds, n);
                if (error < 0)
                        return error;
        }
        return 0;
}

static int request_go(Record *r) {
        if (r->state != KEEPER_LAUNCHING || !r->created)
                return -EINVAL;
        stage_futex_set(&r->page->go);
        return 0;
}

static int request_signal(Record *r, int signal) {
        if (signal < 1 || signal > SIGRTMAX)
                return -EINVAL;
        if (r->state != KEEPER_RUNNING || !r->inner_alive)
                return -ESRCH;
        return pidfd_signal(r->pidfd, signal);
}

static int request_ack(Keeper *k, Record *r) {
        if (r->state != KEEPER_EXITED)
                return -EBUSY;
        record_free(k, r);
        return 0;
}

static int request_hello(Keeper *k, KeeperMessage *reply) {
        reply->pid = getpid();
        for (const Record *r = k->first; r; r = r->next)
                reply->value += !r->join;
        return 0;
}

/* Takes the descriptors it uses out of fds (sets them negative). */
static int dispatch(Keeper *k, Connection *c, const KeeperMessage *m, int *fds, size_t n_fds, KeeperMessage *reply) {
        Record *r = record_find(k, m->id);

        switch ((KeeperType)m->type) {
        case KEEPER_HELLO:
                return request_hello(k, reply);
        case KEEPER_LIST:
                return request_list(k, c);
        case KEEPER_STOP_ALL:
                stop_all(k, m->value != 0);
                return 0;
        case KEEPER_GO:
                return r ? request_go(r) : -ESRCH;
        case KEEPER_SIGNAL:
                return r ? request_signal(r, m->value) : -ESRCH;
        case KEEPER_ACK:
                return r ? request_ack(k, r) : -ESRCH;
        case KEEPER_STATE:
                if (!r || n_fds != 1)
                        return r ? -EBADMSG : -ESRCH;
                (void)safe_close(r->blob_fd);
                r->blob_fd = TAKE_FD(fds[0]);
                return 0;
        case KEEPER_SPAWN:
        case KEEPER_JOIN: {
                int error = launch(k, c, m, fds, n_fds);

                for (size_t i = 0; i < n_fds; i++)
                        fds[i] = -EBADF;
                return error;
        }
        case KEEPER_REPLY:
        case KEEPER_EVENT_CREATED:
        case KEEPER_EVENT_STARTED:
        case KEEPER_EVENT_FAILED:
        case KEEPER_EVENT_EXITED:
        case KEEPER_EVENT_LISTED:
        case _KEEPER_TYPE_MAX:
                break;
        }
        return -EBADMSG;
}

void connection_read(Keeper *k, Connection *c) {
        KeeperMessage m, reply = { .type = KEEPER_REPLY };
        int fds[SOCKET_MAX_FDS], error;
        size_t n_fds = 0, size = 0;

        error = socket_receive(c->fd, &m, sizeof(m), &size, fds, ELEMENTSOF(fds), &n_fds);
        if (error == -EAGAIN)
                return;
        if (error < 0 || size != sizeof(m) || m.magic != KEEPER_MAGIC || m.version != KEEPER_VERSION ||
            !memchr(m.id, 0, sizeof(m.id))) {
                for (size_t i = 0; error >= 0 && i < n_fds; i++)
                        (void)close(fds[i]);
                connection_close(k, c);
                return;
        }

        reply.cookie = m.cookie;
        memcpy(reply.id, m.id, sizeof(reply.id));
        reply.error = dispatch(k, c, &m, fds, n_fds, &reply);
        for (size_t i = 0; i < n_fds; i++)
                (void)safe_close(fds[i]);
        if (send_one(c, &reply, NULL, 0) < 0)
                connection_close(k, c);
}
