/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <time.h>

#include "manager/base/string-list.h"
#include "manager/bus/bus-internal.h"

/* The manager's events become signals on every connection, in the order in which they happen: a client that sees
 * JobRemoved has seen the state that the job led to. */

#define EACH_CONNECTION(b, c)                                                                                 \
        for (Link *_l = (b)->connections.next; _l != &(b)->connections; _l = _l->next)                        \
                for (Connection *c = container_of(_l, Connection, link); c; c = NULL)                         \
                        if (!c->condemned)

/* To everybody on the bus only what everybody may read. */
static int emit_added(Connection *c, const Container *container, const char *path) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        if (!c->shared)
                return sd_bus_emit_object_added(c->sd, path);
        r = sd_bus_message_new_signal(c->sd, &m, BUS_PATH, "org.freedesktop.DBus.ObjectManager", "InterfacesAdded");
        if (r >= 0)
                r = sd_bus_message_append(m, "o", path);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sa{sv}}");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'e', "sa{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", BUS_INTERFACE_CONTAINER);
        if (r >= 0)
                r = container_append_public(container, m);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_send(c->sd, m, NULL);
}

static void on_container_new(Container *container, void *userdata) {
        _cleanup_free_ char *path = NULL;
        Bus *b = userdata;

        if (link_is_empty(&b->connections) || container_object_path(container, &path) < 0)
                return;
        EACH_CONNECTION(b, c) {
                connection_sent(c, emit_added(c, container, path));
                connection_sent(c, sd_bus_emit_signal(c->sd, BUS_PATH, BUS_INTERFACE_MANAGER, "ContainerNew", "so",
                                                      container_name(container), path));
        }
}

static void on_container_removed(Container *container, void *userdata) {
        _cleanup_free_ char *path = NULL;
        Bus *b = userdata;

        waits_check(b, container, true);
        if (link_is_empty(&b->connections) || container_object_path(container, &path) < 0)
                return;
        EACH_CONNECTION(b, c) {
                /* named, not "whatever is there": the registry may have forgotten the container already */
                connection_sent(c, sd_bus_emit_interfaces_removed(c->sd, path, BUS_INTERFACE_CONTAINER, NULL));
                connection_sent(c, sd_bus_emit_signal(c->sd, BUS_PATH, BUS_INTERFACE_MANAGER, "ContainerRemoved",
                                                      "so", container_name(container), path));
        }
}

static void on_container_changed(Container *container, void *userdata) {
        _cleanup_free_ char *path = NULL;
        Bus *b = userdata;

        if (link_is_empty(&b->connections))
                return;
        if (container_object_path(container, &path) >= 0)
                EACH_CONNECTION(b, c) {
                        /* a reload may have moved any property, the directives too: NULL names them all */
                        connection_sent(c, sd_bus_emit_properties_changed_strv(
                                                c->sd, path, BUS_INTERFACE_CONTAINER,
                                                b->reloading ? NULL : b->changing));
                }
        waits_check(b, container, false);
}

/* --- Event: what happened, with the properties that say more about it */
static const struct {
        const char *word, *details;
} event_kinds[_EVENT_KIND_MAX] = {
#define EVENT_KIND(kind, word, details) [EVENT_KIND_##kind] = { word, details },
#include "manager/container/event-kinds.inc"
#undef EVENT_KIND
};

static int emit_event(Connection *c, const Container *container, const char *word, char *const *details, uint64_t now) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_signal(c->sd, &m, BUS_PATH, BUS_INTERFACE_MANAGER, "Event");
        if (r >= 0)
                r = sd_bus_message_append(m, "tss", now, container ? container_name(container) : "", word);
        if (r >= 0)
                r = container ? container_append_properties(container, m, details, c->shared) :
                                sd_bus_message_append(m, "a{sv}", 0);
        return r < 0 ? r : sd_bus_send(c->sd, m, NULL);
}

static void on_event(Container *container, EventKind kind, void *userdata) {
        _cleanup_strv_ char **details = NULL;
        struct timespec t = {};
        Bus *b = userdata;

        if (link_is_empty(&b->connections) || strv_split(event_kinds[kind].details, ' ', &details) < 0)
                return;
        (void)clock_gettime(CLOCK_REALTIME, &t);
        EACH_CONNECTION(b, c)
                connection_sent(c, emit_event(c, container, event_kinds[kind].word, details,
                                              (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / NSEC_PER_USEC));
}

static void on_unit_changed(Container *container, void *userdata) {
        _cleanup_free_ char *path = NULL;
        Bus *b = userdata;

        if (link_is_empty(&b->connections) || container_object_path(container, &path) < 0)
                return;
        EACH_CONNECTION(b, c)
                connection_sent(c, sd_bus_emit_properties_changed_strv(c->sd, path, BUS_INTERFACE_CONTAINER, NULL));
}

static void on_job_new(uint32_t id, Container *container, void *userdata) {
        _cleanup_free_ char *path = NULL;
        Bus *b = userdata;

        if (link_is_empty(&b->connections) || job_object_path(id, &path) < 0)
                return;
        EACH_CONNECTION(b, c) {
                connection_sent(c, sd_bus_emit_object_added(c->sd, path));
                connection_sent(c, sd_bus_emit_signal(c->sd, BUS_PATH, BUS_INTERFACE_MANAGER, "JobNew", "uos", id,
                                                      path, container_name(container)));
        }
}

static void on_job_removed(uint32_t id, Container *container, const char *result, void *userdata) {
        _cleanup_free_ char *path = NULL;
        Bus *b = userdata;

        if (link_is_empty(&b->connections))
                return;
        if (job_object_path(id, &path) >= 0)
                EACH_CONNECTION(b, c) {
                        connection_sent(c, sd_bus_emit_signal(c->sd, BUS_PATH, BUS_INTERFACE_MANAGER, "JobRemoved",
                                                              "uoss", id, path, container_name(container), result));
                        connection_sent(c, sd_bus_emit_interfaces_removed(c->sd, path, BUS_INTERFACE_JOB, NULL));
                }
        waits_check(b, container, false);
}

static void on_reloading(bool active, void *userdata) {
        Bus *b = userdata;

        b->reloading = active;
        EACH_CONNECTION(b, c) {
                connection_sent(c, sd_bus_emit_signal(c->sd, BUS_PATH, BUS_INTERFACE_MANAGER, "Reloading", "b",
                                                      (int)active));
        }
        if (!active) {
                bus_system_look(b);
                on_event(NULL, EVENT_KIND_DAEMON_RELOAD, b);
        }
}

void signals_unit_files_changed(Bus *b) {
        EACH_CONNECTION(b, c) {
                connection_sent(c, sd_bus_emit_signal(c->sd, BUS_PATH, BUS_INTERFACE_MANAGER, "UnitFilesChanged", NULL));
        }
}

/* A session of exec is a job, too. */
void signals_session_new(Bus *b, uint32_t id, Container *container) {
        on_job_new(id, container, b);
}

void signals_session_removed(Bus *b, uint32_t id, Container *container, bool well) {
        on_job_removed(id, container, well ? "done" : "failed", b);
}

const ManagerListener bus_listener = {
        .container_new = on_container_new,
        .container_removed = on_container_removed,
        .container_changed = on_container_changed,
        .event = on_event,
        .unit_changed = on_unit_changed,
        .job_new = on_job_new,
        .job_removed = on_job_removed,
        .reloading = on_reloading,
};
