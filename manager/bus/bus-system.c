/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/inotify.h>
#include <sys/stat.h>

#include "manager/bus/bus-internal.h"

/* org.bulwark1 on the system bus. A bus that is not there yet is waited for by watching the directory of its socket, or
 * the one above it, which costs nothing; one that fails otherwise is tried again, ever more slowly. A directory in which
 * everybody makes files, and "/", is not watched: each of those files would wake the manager (sd_bus_set_watch_bind()
 * watches every directory of the path). Such a bus is looked for at a reload. */

#define SYSTEM_BUS_ADDRESS "unix:path=/run/dbus/system_bus_socket"
#define SETTLE_PATIENCE (5 * USEC_PER_SEC) /* of those who wait for the name: a bus that hangs is no reason not to serve */
#define DELAY_MIN (100 * USEC_PER_MSEC)
#define DELAY_MAX (30 * USEC_PER_SEC)
#define DELAY_REFUSED_MAX (800 * USEC_PER_MSEC)

static void bus_try(Bus *b);
static void try_later(Bus *b);

static void bus_forget_awaited(Bus *b) {
        b->system.watch = sd_event_source_disable_unref(b->system.watch);
        free(b->system.awaited);
        b->system.awaited = NULL;
}

static const char *bus_address(void) {
        const char *address = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");

        return isempty(address) ? SYSTEM_BUS_ADDRESS : address;
}

static const Log *bus_log(const Bus *b) {
        return &manager_config(b->manager)->log;
}

/* --- whoever waits for the name, once */
static void system_settle(Bus *b) {
        BusSettled settled = b->system.settled;

        b->system.settled = NULL;
        b->system.patience = sd_event_source_disable_unref(b->system.patience);
        if (settled)
                settled(b->system.settled_userdata);
}

static int on_patience(sd_event_source *s, uint64_t usec, void *userdata) {
        system_settle(userdata);
        return 0;
}

static int on_retry(sd_event_source *s, uint64_t usec, void *userdata) {
        Bus *b = userdata;

        b->system.retry = sd_event_source_disable_unref(b->system.retry);
        bus_try(b);
        return 0;
}

static void try_later(Bus *b) {
        SystemBus *s = &b->system;
        int r;

        system_settle(b);
        s->delay = s->delay == 0 ? DELAY_MIN : MIN_OF(s->delay * 2, DELAY_MAX);
        s->retry = sd_event_source_disable_unref(s->retry);
        r = sd_event_add_time_relative(b->event, &s->retry, CLOCK_MONOTONIC, s->delay, 0, on_retry, b);
        if (r < 0)
                log_message(bus_log(b), LOG_ERR, "The system bus will not be tried again: %s", strerror(-r));
}

/* --- a socket that is not there */
static int on_socket_directory(sd_event_source *s, const struct inotify_event *e, void *userdata) {
        Bus *b = userdata;

        const bool lost = e->mask & (IN_IGNORED | IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF);

        if (!b->system.awaited || (!lost && (e->len == 0 || !streq(e->name, b->system.awaited))))
                return 0;
        bus_forget_awaited(b);
        b->system.retry = sd_event_source_disable_unref(b->system.retry);
        b->system.delay = 0;
        bus_try(b);
        return 0;
}

/* A directory that only root fills, and seldom. */
static bool directory_is_quiet(const char *path) {
        struct stat st;

        return !streq(path, "/") && stat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == 0 &&
               !(st.st_mode & S_IWOTH);
}

/* Watches the directory of path for its last component. */
static int bus_watch(Bus *b, const char *path) {
        _cleanup_free_ char *directory = strdup(path), *name = NULL;
        char *slash;
        int r;

        if (!directory)
                return -ENOMEM;
        slash = strrchr(directory, '/');
        if (!slash || slash == directory || isempty(slash + 1))
                return -EINVAL;
        *slash = 0;
        if (!directory_is_quiet(directory))
                return access(directory, F_OK) < 0 ? -ENOENT : -EPERM;
        name = strdup(slash + 1);
        if (!name)
                return -ENOMEM;
        r = sd_event_add_inotify(b->event, &b->system.watch, directory,
                                 IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | IN_DELETE_SELF | IN_MOVE_SELF, on_socket_directory, b);
        if (r < 0)
                return r;
        b->system.awaited = TAKE_PTR(name);
        return 0;
}

/* The path of the socket, or of its directory where that is missing too. Before each attempt, so that no bus comes
 * between the two unseen. */
static void bus_await_socket(Bus *b) {
        const char *path = startswith(bus_address(), "unix:path=");
        _cleanup_free_ char *socket = path ? strndup(path, strcspn(path, ",;")) : NULL, *directory = NULL;
        int r;

        bus_forget_awaited(b);
        if (!socket)
                return;
        r = bus_watch(b, socket);
        if (r == -ENOENT) {
                directory = strndup(socket, (size_t)(strrchr(socket, '/') - socket));
                r = directory ? bus_watch(b, directory) : -ENOMEM;
        }
        if (r < 0)
                log_message(bus_log(b), LOG_DEBUG, "The system bus %s is looked for at a reload only", socket);
}

void bus_system_look(Bus *b) {
        if (!b->system.joined || b->closing || b->system.connecting || b->system.retry || bus_shared_connection(b))
                return;
        bus_try(b);
}

/* --- the name */
static int on_name(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const sd_bus_error *refused = sd_bus_message_get_error(m);
        Connection *c = userdata;
        uint32_t answer = 0;

        system_settle(c->bus);
        if (refused) {
                /* kept: it tells when the bus is restarted, perhaps with a policy that allows it */
                log_message(bus_log(c->bus), LOG_WARNING, "The system bus refuses the name " BUS_NAME " (is its policy "
                            BUS_NAME ".conf installed?): %s", strempty(refused->message));
                return 0;
        }
        if (sd_bus_message_read(m, "u", &answer) > 0 && answer == 2) /* DBUS_REQUEST_NAME_REPLY_IN_QUEUE */
                log_message(bus_log(c->bus), LOG_NOTICE, "Another manager owns " BUS_NAME " on the system bus; it will be "
                            "ours when that one ends");
        else
                log_message(bus_log(c->bus), LOG_DEBUG, "Serves " BUS_NAME " on the system bus");
        return 0;
}

/* --- the way there */
static int on_connected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Bus *b = userdata;
        sd_bus *sd = TAKE_PTR(b->system.connecting);
        Connection *c;
        int r;

        r = connection_new(b, sd, true, &c); /* takes sd also when it fails */
        if (r >= 0) {
                r = sd_bus_request_name_async(c->sd, NULL, BUS_NAME, SD_BUS_NAME_QUEUE, on_name, c);
                if (r >= 0)
                        r = bus_machines_begin(c);
                if (r < 0)
                        connection_condemn(c);
        } else if (!b->system.retry)
                try_later(b);
        if (r < 0) {
                system_settle(b);
                log_message(bus_log(b), LOG_WARNING, "Cannot serve the system bus: %s", strerror(-r));
                return 0;
        }
        b->system.delay = 0;
        if (b->system.missed)
                log_message(bus_log(b), LOG_NOTICE, "The system bus is back");
        b->system.missed = false;
        return 0;
}

static int on_not_connected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Bus *b = userdata;

        if (!b->system.connecting)
                return 0;
        b->system.connecting = sd_bus_close_unref(b->system.connecting);
        try_later(b);
        return 0;
}

static int connect_start(Bus *b, sd_bus *sd) {
        int r;

        r = sd_bus_set_address(sd, bus_address());
        if (r >= 0)
                r = sd_bus_set_description(sd, "system");
        if (r >= 0)
                r = sd_bus_set_bus_client(sd, true);
        if (r >= 0)
                r = sd_bus_set_trusted(sd, true); /* sd-bus would ask the bus and wait; the gate asks and does not */
        if (r >= 0)
                r = sd_bus_set_connected_signal(sd, true);
        if (r >= 0)
                r = sd_bus_negotiate_fds(sd, true);
        if (r >= 0)
                r = sd_bus_match_signal(sd, NULL, NULL, "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                        "Connected", on_connected, b);
        if (r >= 0)
                r = sd_bus_match_signal(sd, NULL, NULL, "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                        "Disconnected", on_not_connected, b);
        if (r >= 0)
                r = sd_bus_start(sd);
        if (r >= 0)
                r = sd_bus_attach_event(sd, b->event, SD_EVENT_PRIORITY_NORMAL);
        return r;
}

static void bus_try(Bus *b) {
        sd_bus *sd = NULL;
        int r;

        bus_await_socket(b);
        r = sd_bus_new(&sd);
        if (r >= 0)
                r = connect_start(b, sd);
        if (r < 0) {
                log_message(bus_log(b), LOG_DEBUG, "Cannot connect to the system bus: %s", strerror(-r));
                sd_bus_close_unref(sd);
                if (r == -ENOENT || (r == -ECONNREFUSED && b->system.delay >= DELAY_REFUSED_MAX))
                        b->system.delay = 0; /* the watch tells when it comes */
                else
                        try_later(b); /* a socket is there a moment before its bus listens */
                return;
        }
        bus_forget_awaited(b);
        b->system.connecting = sd;
}

void bus_join_system(Bus *b, BusSettled settled, void *userdata) {
        b->system.joined = true;
        b->system.settled = settled;
        b->system.settled_userdata = userdata;
        bus_try(b);
        if (!b->system.connecting || sd_event_add_time_relative(b->event, &b->system.patience, CLOCK_MONOTONIC, SETTLE_PATIENCE,
                                                                USEC_PER_MSEC, on_patience, b) < 0)
                system_settle(b);
}

Connection *bus_shared_connection(const Bus *b) {
        for (Link *l = b->connections.next; l != &b->connections; l = l->next) {
                Connection *c = container_of(l, Connection, link);

                if (c->shared && !c->condemned)
                        return c;
        }
        return NULL;
}

void bus_system_lost(Bus *b) {
        bus_machines_end(b);
        if (!b->manager || b->closing)
                return;
        if (!b->system.missed)
                log_message(bus_log(b), LOG_NOTICE, "The system bus is gone; it is waited for");
        b->system.missed = true;
        try_later(b);
}

void bus_system_close(Bus *b) {
        b->closing = true;
        b->system.settled = NULL;
        b->system.patience = sd_event_source_disable_unref(b->system.patience);
        bus_machines_end(b);
        b->system.retry = sd_event_source_disable_unref(b->system.retry);
        bus_forget_awaited(b);
        b->system.connecting = sd_bus_close_unref(b->system.connecting);
}
