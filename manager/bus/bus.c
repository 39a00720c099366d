/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <stdio.h>

#include "manager/base/string-list.h"
#include "manager/bus/bus-internal.h"

#define ACCEPT_BATCH 32
#define QUEUED_MAX 16384 /* messages that a client leaves unread before it is dropped */

static const Log *bus_log(const Bus *b) {
        return &manager_config(b->manager)->log;
}

/* --- connections */
static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        connection_condemn(userdata);
        return 0;
}

/* Clients that send and never read would make the manager keep their replies for ever. */
static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        connection_sent(userdata, 0);
        return 0;
}

/* A client that does not wait for our last word of the authentication may have sent its first call with its own. sd-bus holds
 * it by then, the kernel has nothing to wake us with, and so nobody would look. */
static int on_begun(sd_event_source *s, void *userdata) {
        Connection *c = userdata;

        c->begun = sd_event_source_disable_unref(c->begun);
        while (!c->condemned && sd_bus_process(c->sd, NULL) > 0)
                ;
        return 0;
}

static int on_authenticated(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Connection *c = userdata;

        if (!c->begun && sd_event_add_defer(c->bus->event, &c->begun, on_begun, c) < 0)
                connection_condemn(c);
        return 0;
}

static int connection_setup(Connection *c) {
        int r;

        r = sd_bus_match_signal(c->sd, NULL, NULL, "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                "Disconnected", on_disconnected, c);
        if (r < 0)
                return r;
        if (!c->shared) {
                r = sd_bus_match_signal(c->sd, NULL, NULL, "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                        "Connected", on_authenticated, c);
                if (r < 0)
                        return r;
        }
        r = sd_bus_add_filter(c->sd, NULL, c->shared ? gate_filter : on_message, c);
        if (r < 0)
                return r;
        r = sd_bus_add_object_manager(c->sd, NULL, BUS_PATH);
        if (r < 0)
                return r;
        r = manager_object_add(c);
        if (r < 0)
                return r;
        r = container_object_add(c);
        if (r < 0)
                return r;
        r = job_object_add(c);
        if (r < 0 || c->shared) /* the system bus came to life in the loop already */
                return r;
        r = sd_bus_attach_event(c->sd, c->bus->event, SD_EVENT_PRIORITY_NORMAL);
        return r < 0 ? r : 0;
}

int connection_new(Bus *b, sd_bus *sd, bool shared, Connection **ret) {
        Connection *c;
        int r;

        c = calloc(1, sizeof(Connection));
        if (!c) {
                sd_bus_close_unref(sd);
                return -ENOMEM;
        }
        *c = (Connection){ .bus = b, .sd = sd, .shared = shared, .granted = shared ? RIGHT_NONE : RIGHT_ROOT };
        link_init(&c->callers);
        link_append(&b->connections, &c->link);
        b->n_connections++;

        r = connection_setup(c);
        if (r < 0) {
                connection_free(c);
                return r;
        }
        if (ret)
                *ret = c;
        return 0;
}

Connection *connection_free(Connection *c) {
        if (!c)
                return NULL;

        while (!link_is_empty(&c->callers)) {
                Caller *caller = container_of(c->callers.next, Caller, link);

                caller_lost(caller);
                caller_free(caller);
        }
        link_remove(&c->link);
        c->bus->n_connections--;
        c->bus->crowded = false;
        if (c->shared)
                bus_system_lost(c->bus);
        free(c->asked);
        sd_event_source_disable_unref(c->begun);
        sd_bus_close_unref(c->sd); /* no flush: it would wait for a client that does not read */
        free(c);
        return NULL;
}

static int on_reap(sd_event_source *s, void *userdata) {
        Bus *b = userdata;

        for (Link *l = b->connections.next, *next; l != &b->connections; l = next) {
                Connection *c = container_of(l, Connection, link);

                next = l->next;
                if (c->condemned)
                        connection_free(c);
                else
                        callers_sweep(c);
        }
        return 0;
}

void connection_condemn(Connection *c) {
        c->condemned = true;
        (void)sd_event_source_set_enabled(c->bus->reaper, SD_EVENT_ONESHOT);
}

void connection_sent(Connection *c, int r) {
        uint64_t n = 0;

        if (c->condemned)
                return;
        if (r >= 0)
                r = sd_bus_get_n_queued_write(c->sd, &n);
        if (r >= 0 && n <= QUEUED_MAX)
                return;

        /* A client that missed a signal would believe an old state for ever; it must come back and ask again. Most
         * have only left before the loop saw it. */
        log_message(bus_log(c->bus), r == -ECONNRESET || r == -EPIPE || r == -ENOTCONN ? LOG_DEBUG : LOG_WARNING,
                    "%s is dropped: %s", c->shared ? "The system bus" : "A client of the private socket", r < 0 ? strerror(-r) : "it does not read");
        connection_condemn(c);
}

/* --- the private socket */
static int check_peer(int fd, uid_t *ret_uid) {
        struct ucred cred = {};
        socklen_t size = sizeof(cred);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
                return -errno;
        *ret_uid = cred.uid;
        return cred.uid == 0 || cred.uid == geteuid() ? 0 : -EACCES;
}

/* Takes fd. */
static int serve_client(Bus *b, int fd_) {
        _cleanup_close_ int fd = fd_;
        sd_bus *sd = NULL;
        sd_id128_t id;
        int r;

        r = sd_id128_randomize(&id);
        if (r < 0)
                return r;
        r = sd_bus_new(&sd);
        if (r < 0)
                return r;

        r = sd_bus_set_fd(sd, fd, fd);
        if (r < 0)
                goto fail;
        TAKE_FD(fd);
        r = sd_bus_set_description(sd, "private");
        if (r >= 0)
                r = sd_bus_set_server(sd, true, id);
        if (r >= 0)
                r = sd_bus_set_anonymous(sd, false);
        if (r >= 0)
                r = sd_bus_negotiate_fds(sd, true);
        if (r >= 0)
                r = sd_bus_negotiate_creds(sd, true, SD_BUS_CREDS_PID | SD_BUS_CREDS_UID | SD_BUS_CREDS_EUID);
        if (r >= 0)
                r = sd_bus_set_trusted(sd, true); /* check_peer() has let only root in */
        if (r >= 0)
                r = sd_bus_set_connected_signal(sd, true);
        if (r >= 0)
                r = sd_bus_start(sd);
        if (r < 0)
                goto fail;
        return connection_new(b, sd, false, NULL);

fail:
        sd_bus_close_unref(sd);
        return r;
}

static int accept_client(Bus *b, int listen_fd) {
        _cleanup_close_ int fd = -EBADF;
        uid_t uid = (uid_t)-1;
        int r;

        fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
                return errno == EINTR || errno == ECONNABORTED ? 0 : -errno;

        r = check_peer(fd, &uid);
        if (r < 0) {
                log_message(bus_log(b), LOG_WARNING, "Refused a client with uid %u on the private socket",
                            (unsigned)uid);
                return 0;
        }
        if (b->n_connections >= BUS_MAX_CONNECTIONS) {
                if (!b->crowded)
                        log_message(bus_log(b), LOG_WARNING,
                                    "%d clients are connected; further ones are refused until one leaves",
                                    BUS_MAX_CONNECTIONS);
                b->crowded = true;
                return 0;
        }

        r = serve_client(b, TAKE_FD(fd));
        if (r < 0)
                log_message(bus_log(b), LOG_WARNING, "Cannot serve a client: %s", strerror(-r));
        return 0;
}

/* No descriptor is left for the client that waits. Without taking it the loop would spin on the listener, so the
 * spare descriptor makes room to accept it and to close it again: it sees the end at once instead of hanging. */
static void refuse_client(Bus *b, int listen_fd) {
        b->spare_fd = safe_close(b->spare_fd);
        safe_close(accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC));
        b->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int on_listener(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Bus *b = userdata;

        for (unsigned i = 0; i < ACCEPT_BATCH; i++) {
                int r = accept_client(b, fd);

                if (r == -EAGAIN)
                        return 0;
                if (r < 0)
                        refuse_client(b, fd);
        }
        return 0;
}

static int socket_bind(const char *path, int *ret_fd) {
        union {
                struct sockaddr_un un;
                struct sockaddr sa;
        } address = { .un.sun_family = AF_UNIX };
        _cleanup_close_ int fd = -EBADF;

        memcpy(address.un.sun_path, path, strlen(path) + 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (fchmod(fd, 0600) < 0) /* before bind(): the inode is born with this mode */
                return -errno;
        if (unlink(path) < 0 && errno != ENOENT)
                return -errno;
        if (bind(fd, &address.sa, sizeof(address.un)) < 0)
                return -errno;
        if (listen(fd, SOMAXCONN) < 0)
                return -errno;

        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* Takes fd. */
static int listen_on(Bus *b, int fd_, Diag *diag) {
        _cleanup_close_ int fd = fd_;
        int r;

        r = sd_event_add_io(b->event, &b->listener, fd, EPOLLIN, on_listener, b);
        if (r >= 0)
                r = sd_event_source_set_io_fd_own(b->listener, true);
        if (r < 0)
                return diag_errno(diag, ERROR_NO_MEMORY, NULL, NULL, -r, "Cannot watch %s", b->socket_path);
        TAKE_FD(fd);

        /* Where even the spare descriptor does not help (ENFILE, ENOMEM) the listener rests instead of spinning. */
        (void)sd_event_source_set_ratelimit(b->listener, 100 * USEC_PER_MSEC, 200);
        return 0;
}

static int socket_path(const Bus *b, char **ret) {
        const char *directory = manager_config(b->manager)->runtime_directory;

        return asprintf(ret, "%s/%s", directory, PRIVATE_SOCKET) < 0 ? -ENOMEM : 0;
}

int bus_listen_inherited(Bus *b, int fd, Diag *diag) {
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || socket_path(b, &b->socket_path) < 0) {
                (void)safe_close(fd);
                return -ENOMEM;
        }
        return listen_on(b, fd, diag);
}

int bus_listening_socket(const Bus *b) {
        return b->listener ? sd_event_source_get_io_fd(b->listener) : -EBADF;
}

int bus_listen_private(Bus *b, Diag *diag) {
        const char *directory = manager_config(b->manager)->runtime_directory;
        size_t max = sizeof((struct sockaddr_un){}.sun_path) - sizeof("/" PRIVATE_SOCKET);
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (strlen(directory) > max)
                return diag_error(diag, ERROR_USAGE, NULL, NULL,
                                  "The runtime directory %s is too long for a socket's address; at most %zu "
                                  "characters fit", directory, max);
        r = socket_path(b, &path);
        if (r < 0)
                return r;
        r = socket_bind(path, &fd);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "Cannot listen on %s", path);
        b->socket_path = TAKE_PTR(path);
        return listen_on(b, TAKE_FD(fd), diag);
}

/* --- the Bus */
int bus_new(Manager *manager, sd_event *event, Diag *diag, Bus **ret) {
        _cleanup_(bus_freep) Bus *b = NULL;
        int r;

        b = calloc(1, sizeof(Bus));
        if (!b)
                return diag_error(diag, ERROR_NO_MEMORY, NULL, NULL, "Out of memory");
        *b = (Bus){ .manager = manager, .event = event, .spare_fd = -EBADF };
        link_init(&b->connections);
        link_init(&b->waits);
        link_init(&b->listings);
        link_init(&b->sessions);
        link_init(&b->probes);
        link_init(&b->gates);
        link_init(&b->scopings);

        r = container_vtable_new(false, &b->container_vtables[false], &b->changing);
        if (r >= 0)
                r = container_vtable_new(true, &b->container_vtables[true], NULL);
        if (r >= 0)
                r = sd_event_add_defer(event, &b->reaper, on_reap, b);
        if (r >= 0)
                r = sd_event_source_set_enabled(b->reaper, SD_EVENT_OFF);
        if (r >= 0)
                r = manager_listen(manager, &bus_listener, b);
        if (r < 0)
                return diag_errno(diag, ERROR_NO_MEMORY, NULL, NULL, -r, "Cannot set up the bus objects");
        b->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        *ret = TAKE_PTR(b);
        return 0;
}

void bus_close(Bus *b) {
        if (!b)
                return;

        b->listener = sd_event_source_disable_unref(b->listener);
        bus_system_close(b);
        while (!link_is_empty(&b->connections))
                connection_free(container_of(b->connections.next, Connection, link));
        if (b->manager)
                manager_unlisten(b->manager, b);
        b->manager = NULL;
        if (b->socket_path)
                (void)unlink(b->socket_path);
        b->socket_path = (free(b->socket_path), NULL);
}

Bus *bus_free(Bus *b) {
        if (!b)
                return NULL;

        bus_close(b);
        exec_free_all(b);
        probe_free_all(b);
        sd_event_source_disable_unref(b->reaper);
        for (size_t i = 0; i < ELEMENTSOF(b->container_vtables); i++)
                free(b->container_vtables[i]);
        strv_free(b->changing);
        safe_close(b->spare_fd);
        free(b);
        return NULL;
}
