/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "manager/base/io.h"
#include "manager/keeper-client/keeper-client.h"

#define CALL_TIMEOUT_MSEC 10000

typedef struct Pending {
        struct Pending *next;
        uint64_t cookie;
        KeeperReply reply;
        void *userdata;
} Pending;

struct KeeperClient {
        sd_event *event;
        char *path;
        KeeperCallbacks callbacks;
        void *userdata;
        int fd;
        sd_event_source *source;
        pid_t pid;
        KeeperHandshake keeper; /* as it last introduced itself */
        uint64_t cookie;
        Pending *pending; /* any order: looked up by cookie */
};

void keeper_message_init(KeeperMessage *m, KeeperType type, const char *id) {
        *m = (KeeperMessage){ .type = (uint16_t)type };
        (void)snprintf(m->id, sizeof(m->id), "%s", strempty(id));
}

int keeper_client_new(sd_event *event, const char *socket_path, const KeeperCallbacks *callbacks,
                      void *userdata, KeeperClient **ret) {
        KeeperClient *k = calloc(1, sizeof(*k));

        if (!k)
                return -ENOMEM;
        *k = (KeeperClient){ .event = sd_event_ref(event),
                             .path = strdup(socket_path),
                             .callbacks = *callbacks,
                             .userdata = userdata,
                             .fd = -EBADF };
        if (!k->path) {
                (void)keeper_client_free(k);
                return -ENOMEM;
        }
        *ret = k;
        return 0;
}

static void disconnect(KeeperClient *k) {
        k->source = sd_event_source_disable_unref(k->source);
        k->fd = safe_close(k->fd);
        k->pid = 0;
}

KeeperClient *keeper_client_free(KeeperClient *k) {
        if (!k)
                return NULL;
        disconnect(k);
        while (k->pending) {
                Pending *p = k->pending;

                k->pending = p->next;
                free(p);
        }
        (void)sd_event_unref(k->event);
        free(k->path);
        free(k);
        return NULL;
}

bool keeper_client_connected(const KeeperClient *k) {
        return k && k->fd >= 0;
}

pid_t keeper_client_pid(const KeeperClient *k) {
        return k->pid;
}

static void connection_lost(KeeperClient *k) {
        if (k->fd < 0)
                return;
        disconnect(k);
        while (k->pending) {
                Pending *p = k->pending;

                k->pending = p->next;
                if (p->reply)
                        p->reply(-ECONNRESET, p->userdata);
                free(p);
        }
        k->callbacks.lost(k->userdata);
}

static Pending *take_pending(KeeperClient *k, uint64_t cookie) {
        for (Pending **p = &k->pending; *p; p = &(*p)->next)
                if ((*p)->cookie == cookie) {
                        Pending *found = *p;

                        *p = found->next;
                        return found;
                }
        return NULL;
}

static void dispatch(KeeperClient *k, const KeeperMessage *m, int *fds, size_t n_fds) {
        if (m->type == KEEPER_REPLY) {
                Pending *p = take_pending(k, m->cookie);

                if (p && p->reply)
                        p->reply(m->error, p->userdata);
                free(p);
        } else
                k->callbacks.event(m, fds, n_fds, k->userdata);
        for (size_t i = 0; i < n_fds; i++)
                (void)safe_close(fds[i]);
}

/* One message. -EAGAIN: none there. Anything else that fails means that the connection is of no use any
 * more. */
static int receive(KeeperClient *k, KeeperMessage *m, int *fds, size_t *ret_n_fds) {
        size_t size = 0;
        int r;

        *ret_n_fds = 0;
        r = socket_receive(k->fd, m, sizeof(*m), &size, fds, SOCKET_MAX_FDS, ret_n_fds);
        if (r < 0)
                return r;
        if (size == sizeof(*m) && m->magic == KEEPER_MAGIC && m->version == KEEPER_VERSION) {
                m->id[sizeof(m->id) - 1] = 0;
                return 0;
        }
        for (size_t i = 0; i < *ret_n_fds; i++)
                (void)safe_close(fds[i]);
        *ret_n_fds = 0;
        return size == 0 ? -ECONNRESET : -EPROTO;
}

static int on_readable(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        KeeperClient *k = userdata;

        /* A bounded number a turn, so that a burst of exits does not starve clients. */
        for (unsigned i = 0; i < 64 && k->fd >= 0; i++) {
                int fds[SOCKET_MAX_FDS];
                KeeperMessage m;
                size_t n_fds;
                int r = receive(k, &m, fds, &n_fds);

                if (r == -EAGAIN)
                        break;
                if (r < 0) {
                        connection_lost(k);
                        break;
                }
                dispatch(k, &m, fds, n_fds);
        }
        return 0;
}

static int send_message(KeeperClient *k, KeeperMessage *m, const int *fds, size_t n_fds) {
        m->magic = KEEPER_MAGIC;
        m->version = KEEPER_VERSION;
        m->cookie = ++k->cookie;
        for (;;) {
                struct pollfd p = { .fd = k->fd, .events = POLLOUT };
                int r = socket_send(k->fd, m, sizeof(*m), fds, n_fds);

                if (r != -EAGAIN)
                        return r;
                /* The keeper reads all the time; where it does not, it is gone as far as we are concerned.
                 */
                if (poll(&p, 1, CALL_TIMEOUT_MSEC) <= 0)
                        return -ETIMEDOUT;
        }
}

int keeper_client_request(KeeperClient *k, KeeperMessage *m, const int *fds, size_t n_fds, KeeperReply reply,
                          void *userdata) {
        Pending *p;
        int r;

        if (!keeper_client_connected(k))
                return -ENOTCONN;
        p = malloc(sizeof(*p));
        if (!p)
                return -ENOMEM;
        r = send_message(k, m, fds, n_fds);
        if (r < 0) {
                free(p);
                return r;
        }
        *p = (Pending){ .next = k->pending, .cookie = m->cookie, .reply = reply, .userdata = userdata };
        k->pending = p;
        return 0;
}

/* Waits for the reply to this cookie; everything else is dispatched on the way. */
static int await_reply(KeeperClient *k, uint64_t cookie, KeeperMessage *ret) {
        for (;;) {
                struct pollfd p = { .fd = k->fd, .events = POLLIN };
                int fds[SOCKET_MAX_FDS], r;
                KeeperMessage m;
                size_t n_fds;

                r = receive(k, &m, fds, &n_fds);
                if (r == -EAGAIN) {
                        r = poll(&p, 1, CALL_TIMEOUT_MSEC);
                        if (r == 0)
                                return -ETIMEDOUT;
                        if (r < 0 && errno != EINTR)
                                return -errno;
                        continue;
                }
                if (r < 0)
                        return r;
                if (m.type == KEEPER_REPLY && m.cookie == cookie) {
                        *ret = m;
                        return m.error;
                }
                dispatch(k, &m, fds, n_fds);
                if (k->fd < 0)
                        return -ECONNRESET;
        }
}

int keeper_client_call(KeeperClient *k, KeeperMessage *m) {
        KeeperMessage reply;
        int r;

        if (!keeper_client_connected(k))
                return -ENOTCONN;
        r = send_message(k, m, NULL, 0);
        return r < 0 ? r : await_reply(k, m->cookie, &reply);
}

/* What comes in between is for somebody else, or will be told again by LIST. */
static int await_handshake(KeeperClient *k, KeeperHandshake *ret) {
        for (;;) {
                struct pollfd p = { .fd = k->fd, .events = POLLIN };
                size_t size = 0, n_fds = 0;
                KeeperMessage m = {};
                int fds[SOCKET_MAX_FDS], r;

                r = socket_receive(k->fd, &m, sizeof(m), &size, fds, ELEMENTSOF(fds), &n_fds);
                if (r == -EAGAIN) {
                        r = poll(&p, 1, CALL_TIMEOUT_MSEC);
                        if (r == 0)
                                return -ETIMEDOUT;
                        if (r < 0 && errno != EINTR)
                                return -errno;
                        continue;
                }
                if (r < 0 || size == 0)
                        return r < 0 ? r : -ECONNRESET;
                if (size == sizeof(m) && m.magic == KEEPER_MAGIC && m.version == KEEPER_VERSION) {
                        m.id[sizeof(m.id) - 1] = 0;
                        dispatch(k, &m, fds, n_fds);
                        if (k->fd < 0)
                                return -ECONNRESET;
                        continue;
                }
                for (size_t i = 0; i < n_fds; i++)
                        (void)safe_close(fds[i]);
                if (size != sizeof(*ret) || m.magic != KEEPER_HANDSHAKE_MAGIC)
                        continue;
                memcpy(ret, &m, sizeof(*ret));
                ret->release[sizeof(ret->release) - 1] = 0;
                return 0;
        }
}

static int handshake(KeeperClient *k, KeeperHandshakeType type, int fd) {
        const KeeperHandshake mine = { .magic = KEEPER_HANDSHAKE_MAGIC,
                                       .type = (uint16_t)type,
                                       .version = KEEPER_VERSION,
                                       .release = BULWARK_VERSION };
        KeeperHandshake theirs;
        int r;

        r = socket_send(k->fd, &mine, sizeof(mine), &fd, fd >= 0 ? 1 : 0);
        if (r >= 0)
                r = await_handshake(k, &theirs);
        if (r < 0)
                return r;
        k->keeper = theirs;
        return theirs.error;
}

bool keeper_client_understands(const KeeperClient *k) {
        return k->keeper.version == KEEPER_VERSION;
}

const char *keeper_client_release(const KeeperClient *k) {
        return k->keeper.release;
}

int keeper_client_offer(KeeperClient *k, const char *program) {
        _cleanup_close_ int fd = -EBADF;

        if (!keeper_client_connected(k))
                return -ENOTCONN;
        fd = open(program, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        return fd < 0 ? -errno : handshake(k, KEEPER_HANDSHAKE_REEXEC, fd);
}

int keeper_client_connect(KeeperClient *k) {
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct ucred peer;
        socklen_t size = sizeof(peer);
        int r;

        if (fd < 0)
                return -errno;
        if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s", k->path) >=
            sizeof(address.sun_path))
                return -ENAMETOOLONG;
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        /* The keeper checks us; we check it: whoever listens there gets every container's descriptors. */
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return -errno;
        if (peer.uid != 0 && peer.uid != geteuid())
                return -EPERM;
        disconnect(k);
        k->fd = TAKE_FD(fd);
        r = handshake(k, KEEPER_HANDSHAKE_HELLO, -EBADF);
        if (r >= 0)
                r = sd_event_add_io(k->event, &k->source, k->fd, EPOLLIN, on_readable, k);
        if (r < 0) {
                disconnect(k);
                return r;
        }
        k->pid = k->keeper.pid;
        return 0;
}
