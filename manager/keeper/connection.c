/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "manager/base/io.h"
#include "manager/keeper/keeper.h"
#include "manager/stage/stage.h"

static int send_one(const Connection *c, const KeeperMessage *m, const int *fds, size_t n_fds) {
        KeeperMessage copy = *m;

        copy.magic = KEEPER_MAGIC;
        copy.version = KEEPER_VERSION;
        return socket_send(c->fd, &copy, sizeof(copy), fds, n_fds);
}

static bool is_pending(const Connection *c) {
        return c->listing || c->outgoing;
}

/* Who is far behind with our answers is not read from, so that requests do not become answers without end. Up to
 * there it is: its side may be full as well, and it reads no answer before its request is out. */
static bool may_ask(const Connection *c) {
        return !c->listing && c->n_outgoing < KEEPER_MAX_OUTGOING / 2;
}

void connection_arm(Keeper *k, Connection *c) {
        struct epoll_event e = { .events = (is_pending(c) ? EPOLLOUT : 0U) | (may_ask(c) ? EPOLLIN : 0U),
                                 .data.ptr = c };

        (void)epoll_ctl(k->epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
}

static void outgoing_drop(Connection *c) {
        Outgoing *o = c->outgoing;

        c->outgoing = o->next;
        c->n_outgoing--;
        (void)safe_close(o->fd);
        keeper_delete(o, sizeof(*o));
}

int outgoing_add(Connection *c, const KeeperMessage *m, int fd) {
        Outgoing *o, **end = &c->outgoing;

        if (c->n_outgoing >= KEEPER_MAX_OUTGOING)
                return -ENOBUFS;
        o = keeper_new(sizeof(*o));
        if (!o)
                return -ENOMEM;
        *o = (Outgoing){ .message = *m, .fd = fd < 0 ? -EBADF : fcntl(fd, F_DUPFD_CLOEXEC, 3) };
        if (fd >= 0 && o->fd < 0) {
                int error = -errno;

                keeper_delete(o, sizeof(*o));
                return error;
        }
        while (*end)
                end = &(*end)->next;
        *end = o;
        c->n_outgoing++;
        return 0;
}

/* Now, or as soon as there is room. */
static int connection_put(Keeper *k, Connection *c, const KeeperMessage *m, int fd) {
        int r = is_pending(c) ? -EAGAIN : send_one(c, m, &fd, fd >= 0 ? 1 : 0);

        if (r != -EAGAIN)
                return r;
        r = outgoing_add(c, m, fd);
        connection_arm(k, c);
        return r;
}

/* Closed when the loop comes to it: the caller may stand in a walk over the records. */
static void connection_give_up(Connection *c) {
        (void)shutdown(c->fd, SHUT_RDWR);
}

void keeper_send(Keeper *k, Connection *to, const KeeperMessage *m, int fd) {
        if (to && to->fd >= 0 && connection_put(k, to, m, fd) < 0)
                connection_give_up(to);
}

void keeper_send_exit(Keeper *k, const Record *r, const KeeperMessage *m) {
        for (size_t i = 0; i < KEEPER_MAX_CONNECTIONS; i++) {
                Connection *c = k->connections + i;

                /* Where the list has not come to it yet, the list tells how it ended. */
                if (c->fd < 0 || (c->listing && r->sequence >= c->list_from))
                        continue;
                if (connection_put(k, c, m, -EBADF) < 0)
                        connection_give_up(c);
        }
}

void connection_close(Keeper *k, Connection *c) {
        Record *next;

        c->fd = keeper_unwatch(k, c->fd);
        c->listing = false;
        while (c->outgoing)
                outgoing_drop(c);
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

static int list_one(const Connection *c, const Record *r) {
        int fds[4 + KEEPER_MAX_HELD];
        size_t n = 0;
        KeeperMessage m;

        fds[n++] = r->pidfd;
        fds[n++] = r->blob_fd;
        fds[n++] = r->plan_fd;
        fds[n++] = r->cgroup_fd;
        for (size_t i = 0; i < r->n_held; i++)
                fds[n++] = r->held[i];
        record_describe(r, KEEPER_EVENT_LISTED, &m);
        return send_one(c, &m, fds, n);
}

static int list_stored(const Keeper *k, Connection *c) {
        const StoredSet *s;

        while ((s = store_from(&k->store, c->store_from))) {
                KeeperMessage m = { .type = KEEPER_EVENT_STORED, .value = s->number };
                int fds[1 + KEEPER_STORE_MAX], r;

                memcpy(m.id, s->id, sizeof(m.id));
                fds[0] = s->blob_fd;
                memcpy(fds + 1, s->fds, s->n_fds * sizeof(int));
                r = send_one(c, &m, fds, 1 + s->n_fds);
                if (r < 0)
                        return r;
                c->store_from = s->sequence + 1;
        }
        return 0;
}

/* A host's containers are more than a socket holds: the list goes on where it stopped, by number, since records may
 * go meanwhile. */
static int list_continue(const Keeper *k, Connection *c) {
        int r;

        r = list_stored(k, c);
        if (r < 0)
                return r;
        for (const Record *one = k->first; one; one = one->next) {
                if (one->sequence < c->list_from || one->join || one->doomed || one->state == KEEPER_LAUNCHING)
                        continue;
                r = list_one(c, one);
                if (r < 0)
                        return r;
                c->list_from = one->sequence + 1;
        }
        c->list_from = UINT64_MAX;
        r = send_one(c, &c->list_reply, NULL, 0);
        if (r >= 0) {
                c->listing = false;
                c->list_reply = (KeeperMessage){};
        }
        return r;
}

static void connection_write(Keeper *k, Connection *c) {
        int r = c->listing ? list_continue(k, c) : 0;

        while (r >= 0 && c->outgoing) {
                r = send_one(c, &c->outgoing->message, &c->outgoing->fd, c->outgoing->fd >= 0 ? 1 : 0);
                if (r >= 0)
                        outgoing_drop(c);
        }
        if (r < 0 && r != -EAGAIN) {
                connection_close(k, c);
                return;
        }
        connection_arm(k, c);
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

/* The page is the init's, too: what it says is no more than a container's word, and goes to the manager as such. */
static int request_payload(Keeper *k, Connection *c, const Record *r, int32_t asked) {
        KeeperMessage m;
        LaunchPage p;

        if (r->state != KEEPER_RUNNING || !r->inner_alive || !r->init_role || r->join || asked < 0)
                return -ESRCH;
        if (asked > 0) {
                p.main_asked = asked;
                p.main_answer = 0;
                if (pwrite(r->page_fd, &p.main_answer, sizeof(p.main_answer), offsetof(LaunchPage, main_answer)) < 0 ||
                    pwrite(r->page_fd, &p.main_asked, sizeof(p.main_asked), offsetof(LaunchPage, main_asked)) < 0)
                        return -errno;
                (void)pidfd_signal(r->pidfd, SIGCHLD); /* it looks at once */
        }
        if (pread(r->page_fd, &p, sizeof(p), 0) != (ssize_t)sizeof(p))
                return -EIO;
        record_describe(r, KEEPER_EVENT_PAYLOAD, &m);
        m.exit_code = p.starter_known ? p.starter_code : 0;
        m.exit_status = p.starter_status;
        m.payload_pid = p.main_answer;
        keeper_send(k, c, &m, -EBADF);
        return 0;
}

static int request_ack(Keeper *k, Record *r) {
        if (r->state != KEEPER_EXITED)
                return -EBUSY;
        record_free(k, r);
        keeper_at(k, KEEPER_AT_FORGOTTEN);
        return 0;
}

static int request_store(Keeper *k, const KeeperMessage *m, int *fds, size_t n_fds) {
        int r;

        keeper_at(k, KEEPER_AT_STORE_TAKEN);
        r = store_put(&k->store, m->id, m->value, fds, n_fds);
        keeper_at(k, KEEPER_AT_STORED);
        return r;
}

/* Takes the descriptors it uses out of fds (sets them negative). */
static int dispatch(Keeper *k, Connection *c, const KeeperMessage *m, int *fds, size_t n_fds, KeeperMessage *reply) {
        Record *r = record_find(k, m->id);

        switch ((KeeperType)m->type) {
        case KEEPER_LIST:
                c->listing = true;
                c->list_from = c->store_from = 0;
                return 0;
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
                r->blob_fd = keeper_hold(TAKE_FD(fds[0]));
                keeper_at(k, KEEPER_AT_STATE_TAKEN);
                return 0;
        case KEEPER_STORE:
                return request_store(k, m, fds, n_fds);
        case KEEPER_PAYLOAD:
                return r ? request_payload(k, c, r, m->value) : -ESRCH;
        case KEEPER_CRASH_AT:
                if (m->value < 0 || m->value >= _KEEPER_POINT_MAX)
                        return -EINVAL;
                k->crash_at = (KeeperPoint)m->value;
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
        case KEEPER_EVENT_STORED:
        case KEEPER_EVENT_PAYLOAD:
        case _KEEPER_TYPE_MAX:
                break;
        }
        return -EBADMSG;
}

void connection_answer_handshake(Keeper *k, Connection *c, int error) {
        KeeperHandshake h = { .magic = KEEPER_HANDSHAKE_MAGIC,
                              .type = KEEPER_HANDSHAKE_ANSWER,
                              .version = KEEPER_VERSION,
                              .error = error,
                              .pid = getpid(),
                              .release = BULWARK_VERSION };

        for (const Record *r = k->first; r; r = r->next)
                h.containers += !r->join;
        if (socket_send(c->fd, &h, sizeof(h), NULL, 0) < 0)
                connection_close(k, c);
}

static void handshake(Keeper *k, Connection *c, const KeeperHandshake *h, int *fds, size_t n_fds) {
        int error = -EBADMSG;

        if (h->type == KEEPER_HANDSHAKE_HELLO && n_fds == 0)
                error = 0;
        else if (h->type == KEEPER_HANDSHAKE_REEXEC && n_fds == 1)
                error = keeper_reexec(k, c, fds[0]);
        for (size_t i = 0; i < n_fds; i++)
                (void)close(fds[i]);
        connection_answer_handshake(k, c, error);
}

static bool is_handshake(const KeeperMessage *m, size_t size) {
        return size == sizeof(KeeperHandshake) && m->magic == KEEPER_HANDSHAKE_MAGIC;
}

static void connection_read(Keeper *k, Connection *c) {
        KeeperMessage m = {}, reply = { .type = KEEPER_REPLY };
        int fds[SOCKET_MAX_FDS], error;
        size_t n_fds = 0, size = 0;

        error = socket_receive(c->fd, &m, sizeof(m), &size, fds, ELEMENTSOF(fds), &n_fds);
        if (error == -EAGAIN)
                return;
        if (error >= 0 && is_handshake(&m, size)) {
                KeeperHandshake h;

                memcpy(&h, &m, sizeof(h));
                handshake(k, c, &h, fds, n_fds);
                return;
        }
        if (error == -EMFILE)
                size = sizeof(m); /* refused by a reply, if it is a request at all: a full table is no reason to leave */
        if ((error < 0 && error != -EMFILE) || size != sizeof(m) || m.magic != KEEPER_MAGIC || m.version != KEEPER_VERSION ||
            !memchr(m.id, 0, sizeof(m.id))) {
                for (size_t i = 0; error >= 0 && i < n_fds; i++)
                        (void)close(fds[i]);
                connection_close(k, c);
                return;
        }

        reply.cookie = m.cookie;
        memcpy(reply.id, m.id, sizeof(reply.id));
        reply.error = error < 0 ? error : dispatch(k, c, &m, fds, n_fds, &reply);
        for (size_t i = 0; i < n_fds; i++)
                (void)safe_close(fds[i]);
        if (c->listing) {
                c->list_reply = reply;
                connection_write(k, c);
        } else if (connection_put(k, c, &reply, -EBADF) < 0)
                connection_close(k, c);
        if (m.type == KEEPER_SPAWN && reply.error >= 0)
                keeper_at(k, KEEPER_AT_CLONE_TOLD);
}

void connection_ready(Keeper *k, Connection *c) {
        if (c->fd >= 0 && is_pending(c))
                connection_write(k, c);
        if (c->fd >= 0 && may_ask(c))
                connection_read(k, c);
}
