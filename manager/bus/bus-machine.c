/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "manager/bus/bus-internal.h"

/* RegisterMachine=yes, over the system bus: a scope of systemd's before the start, a machine of systemd-machined's once the
 * container runs. Nothing waits here. The scope names us as its controller: who has it stopped, machinectl terminate for one,
 * asks us to stop the container, and what remains when its time is over is killed by systemd. Where we are not there any more
 * systemd sends the container's own signal by itself. */

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER SYSTEMD_NAME ".Manager"
#define SYSTEMD_UNIT_PREFIX SYSTEMD_PATH "/unit"
#define MACHINED_NAME "org.freedesktop.machine1"
#define MACHINED_PATH "/org/freedesktop/machine1"
#define MACHINED_MANAGER MACHINED_NAME ".Manager"
#define NO_SUCH_MACHINE MACHINED_NAME ".NoSuchMachine"
#define STOP_MARGIN (10 * USEC_PER_SEC) /* after our own patience is over */

/* A scope that was asked for. */
typedef struct Scoping {
        Link link;
        Bus *bus;
        char *container, *unit;
        pid_t anchor;
        bool starting; /* its job is queued, or about to be */
        sd_bus_slot *slot;
} Scoping;

static Scoping *scoping_free(Scoping *s) {
        link_remove(&s->link);
        sd_bus_slot_unref(s->slot);
        free(s->container);
        free(s->unit);
        free(s);
        return NULL;
}

/* Tells the container, which may not want to know any more. */
static void scoping_answer(Scoping *s, int r, const char *words) {
        Container *c = manager_find(s->bus->manager, s->container);
        _cleanup_free_ char *unit = TAKE_PTR(s->unit);

        scoping_free(s);
        if (c)
                container_scoped(c, unit, r, words);
}

static void scoping_refuse(Scoping *s, const char *what, sd_bus_message *reply) {
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        _cleanup_free_ char *words = NULL;

        (void)str_append(&words, "%s: %s", what, error && error->message ? error->message : "no reason is told");
        scoping_answer(s, -ECANCELED, words ? words : what);
}

/* --- the scope */

static int on_start_queued(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        if (sd_bus_message_is_method_error(m, NULL))
                scoping_refuse(userdata, "systemd does not make a scope", m);
        return 0; /* else its job tells */
}

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *job, *unit, *result;
        Bus *b = userdata;
        uint32_t id;

        if (link_is_empty(&b->scopings) || sd_bus_message_read(m, "uoss", &id, &job, &unit, &result) < 0)
                return 0;
        for (Link *l = b->scopings.next; l != &b->scopings; l = l->next) {
                Scoping *s = container_of(l, Scoping, link);
                _cleanup_free_ char *words = NULL;

                if (!s->starting || !streq(s->unit, unit))
                        continue;
                if (streq(result, "done"))
                        scoping_answer(s, 0, NULL);
                else {
                        (void)str_append(&words, "systemd does not start the scope %s: %s", unit, result);
                        scoping_answer(s, -ECANCELED, strempty(words));
                }
                return 0;
        }
        return 0;
}

static int append_scope(sd_bus_message *m, const Scoping *s, const Container *c, const char *controller) {
        const ContainerSpec *spec = container_spec(c);
        uint64_t patience = spec->timeout_stop_usec;
        int r;

        patience = patience > USEC_INFINITY - STOP_MARGIN ? USEC_INFINITY : patience + STOP_MARGIN;
        r = sd_bus_message_append(m, "ss", s->unit, "fail");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sv)");
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)(sv)(sv)(sv)(sv)", "Description", "s", container_description(c),
                                          "Slice", "s", "machine.slice", "Delegate", "b", 1, "PIDs", "au", 1,
                                          (uint32_t)s->anchor, "Controller", "s", controller, "TimeoutStopUSec", "t", patience,
                                          "CollectMode", "s", "inactive-or-failed", "KillSignal", "i",
                                          spec->kill_signal > 0 ? spec->kill_signal : SIGTERM);
        /* At the host's shutdown it is stopped before us and the keeper: by us, then. */
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)", "After", "as", 2, "bulwark-keeper.service", "bulwarkd.service");
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_append(m, "a(sa(sv))", 0);
}

static int ask_systemd(Scoping *s) {
        Container *c = manager_find(s->bus->manager, s->container);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        const Connection *shared = bus_shared_connection(s->bus);
        const char *controller;
        int r;

        if (!c || !container_spec(c) || !shared)
                return -ENOTCONN;
        r = sd_bus_get_unique_name(shared->sd, &controller);
        if (r >= 0)
                r = sd_bus_message_new_method_call(shared->sd, &m, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "StartTransientUnit");
        if (r >= 0)
                r = append_scope(m, s, c, controller);
        s->slot = sd_bus_slot_unref(s->slot);
        s->starting = true;
        if (r >= 0)
                r = sd_bus_call_async(shared->sd, &s->slot, m, on_start_queued, s, 0);
        return r < 0 ? r : 0;
}

/* A name that machined has already would be refused when the payload runs; and a host without machined is one where the
 * unit does not do what it says. */
static int on_machine_looked_up(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Scoping *s = userdata;
        int r;

        if (!sd_bus_message_is_method_error(m, NULL))
                scoping_answer(s, -EEXIST, "systemd-machined has another machine of this name; see machinectl list");
        else if (!sd_bus_message_is_method_error(m, NO_SUCH_MACHINE))
                scoping_refuse(s, "systemd-machined does not answer; install it (systemd-container), or remove the line", m);
        else {
                r = ask_systemd(s);
                if (r < 0)
                        scoping_answer(s, r, "systemd cannot be asked for a scope");
        }
        return 0;
}

static int make_scope(Container *c, const char *unit, pid_t anchor, void *userdata) {
        Bus *b = userdata;
        const Connection *shared = bus_shared_connection(b);
        Scoping *s;
        int r;

        if (!shared)
                return -ENOTCONN;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (Scoping){ .bus = b, .container = strdup(container_name(c)), .unit = strdup(unit), .anchor = anchor };
        link_init(&s->link);
        r = s->container && s->unit ? 0 : -ENOMEM;
        if (r >= 0)
                r = sd_bus_call_method_async(shared->sd, &s->slot, MACHINED_NAME, MACHINED_PATH, MACHINED_MANAGER, "GetMachine",
                                             on_machine_looked_up, s, "s", s->container);
        if (r < 0) {
                scoping_free(s);
                return r;
        }
        link_append(&b->scopings, &s->link);
        return 0;
}

static int on_request_stop(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *unit = NULL;
        _cleanup_(diag_done) Diag diag = {};
        Bus *b = userdata;
        uint32_t id;

        if (sd_bus_path_decode(sd_bus_message_get_path(m), SYSTEMD_UNIT_PREFIX, &unit) <= 0)
                return 0;
        for (Container *c = manager_first(b->manager); c; c = manager_next(b->manager, c))
                if (streq_ptr(container_machine_unit(c), unit)) {
                        if (container_queue_job(c, JOB_STOP, JOB_MODE_REPLACE, &diag, &id) < 0)
                                log_diag(&manager_config(b->manager)->log, &diag);
                        break;
                }
        return 0;
}

/* --- the machine */

static int on_registered(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const sd_bus_error *refused = sd_bus_message_get_error(m);
        const Connection *c = userdata;
        const char *name;

        if (refused && sd_bus_slot_get_description(sd_bus_get_current_slot(c->sd), &name) >= 0) {
                Container *container = manager_find(c->bus->manager, name);

                if (container)
                        container_register_failed(container, refused->message ? refused->message : strempty(refused->name));
        }
        return 0;
}

static void register_machine(Container *c, void *userdata) {
        Connection *shared = bus_shared_connection(userdata);
        const ContainerSpec *spec = container_spec(c);
        sd_bus_slot *slot = NULL;
        int r = -ENOTCONN;

        if (shared)
                r = sd_bus_call_method_async(shared->sd, &slot, MACHINED_NAME, MACHINED_PATH, MACHINED_MANAGER, "RegisterMachine",
                                             on_registered, shared, "sayssus", container_name(c), 0, "bulwark", "container",
                                             (uint32_t)container_leader(c), spec ? strempty(spec->root_directory) : "");
        if (r < 0) {
                container_register_failed(c, strerror(-r));
                return;
        }
        (void)sd_bus_slot_set_description(slot, container_name(c));
        (void)sd_bus_slot_set_floating(slot, true);
        sd_bus_slot_unref(slot);
}

/* Its scope's end would tell machined as well, a moment later. */
static void unregister_machine(const char *name, void *userdata) {
        const Connection *shared = bus_shared_connection(userdata);

        if (shared)
                (void)sd_bus_call_method_async(shared->sd, NULL, MACHINED_NAME, MACHINED_PATH, MACHINED_MANAGER, "UnregisterMachine",
                                               NULL, NULL, "s", name);
}

static const MachineHost machine_host = {
        .make_scope = make_scope,
        .register_machine = register_machine,
        .unregister_machine = unregister_machine,
};

int bus_machines_begin(Connection *c) {
        Bus *b = c->bus;
        int r;

        r = sd_bus_match_signal_async(c->sd, NULL, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "JobRemoved", on_job_removed,
                                      NULL, b);
        if (r >= 0)
                r = sd_bus_match_signal_async(c->sd, NULL, SYSTEMD_NAME, NULL, SYSTEMD_NAME ".Scope", "RequestStop",
                                              on_request_stop, NULL, b);
        if (r >= 0)
                manager_set_machine_host(b->manager, &machine_host, b);
        return r < 0 ? r : 0;
}

void bus_machines_end(Bus *b) {
        if (b->manager)
                manager_set_machine_host(b->manager, NULL, NULL);
        while (!link_is_empty(&b->scopings))
                scoping_answer(container_of(b->scopings.next, Scoping, link), -ENOTCONN, "the system bus has gone");
}
