/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "manager/bus/bus-internal.h"

/* Callers, and how much one user may have under way. The bus tells when a unique name goes: from then on nothing is
 * owed to it, and no answer about it counts any more. */

#define UNKNOWN_MAX 16 /* calls of one caller before the bus has told whose it is */

static int on_vanished(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Caller *caller = userdata;

        caller_lost(caller);
        caller_free(caller); /* sd-bus holds the slot while its callback runs */
        return 0;
}

/* Asked for before anything else about the name, so that the bus tells its end whenever it comes. */
static int caller_watch(Caller *caller) {
        char match[256];
        int r;

        r = snprintf(match, sizeof(match),
                     "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                     "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s',arg2=''", caller->name);
        if (r < 0 || (size_t)r >= sizeof(match))
                return -EINVAL;
        r = sd_bus_add_match_async(caller->connection->sd, &caller->vanishes, match, on_vanished, NULL, caller);
        return r < 0 ? r : 0;
}

int caller_of(Connection *c, sd_bus_message *m, Caller **ret) {
        const char *name = c->shared ? sd_bus_message_get_sender(m) : NULL;
        Caller *caller;
        int r;

        for (Link *l = c->callers.next; l != &c->callers; l = l->next) {
                caller = container_of(l, Caller, link);
                if (streq_ptr(caller->name, name)) {
                        *ret = caller;
                        return 0;
                }
        }
        if (c->shared && (!name || *name != ':'))
                return -EACCES;
        if (c->n_callers >= BUS_MAX_CALLERS)
                return -EBUSY;

        caller = calloc(1, sizeof(Caller));
        if (!caller)
                return -ENOMEM;
        *caller = (Caller){ .connection = c, .uid = c->shared ? (uid_t)-1 : 0, .known = !c->shared };
        link_append(&c->callers, &caller->link);
        c->n_callers++;
        if (name) {
                caller->name = strdup(name);
                r = caller->name ? caller_watch(caller) : -ENOMEM;
                if (r < 0) {
                        caller_free(caller);
                        return r;
                }
        }
        /* nothing is owed to it yet, and perhaps nothing ever will */
        (void)sd_event_source_set_enabled(c->bus->reaper, SD_EVENT_ONESHOT);
        *ret = caller;
        return 0;
}

static void count_user(const Caller *caller, size_t *ret_delayed, size_t *ret_sessions) {
        const Link *callers = &caller->connection->callers;

        *ret_delayed = *ret_sessions = 0;
        for (Link *l = callers->next; l != callers; l = l->next) {
                const Caller *other = container_of(l, Caller, link);

                if (!other->known || other->uid != caller->uid)
                        continue;
                *ret_delayed += other->n_delayed;
                *ret_sessions += other->n_sessions;
        }
}

int caller_check(const Caller *caller, size_t more, bool session, sd_bus_error *error) {
        size_t delayed = caller->n_delayed, sessions = 0, max = BUS_MAX_DELAYED;

        if (!caller->known)
                max = UNKNOWN_MAX;
        else if (caller->uid != 0) {
                max = BUS_MAX_USER_DELAYED;
                count_user(caller, &delayed, &sessions);
        }
        if (session && sessions >= BUS_MAX_USER_SESSIONS)
                return bus_error_set_code(error, ERROR_BUSY, "User %u has %zu sessions already",
                                          (unsigned)caller->uid, sessions);
        if (delayed + more > max)
                return bus_error_set_code(error, ERROR_BUSY, "%zu answers and sessions are owed to you already; wait "
                                          "for some to come", delayed);
        return 0;
}

int caller_hold(Caller *caller, bool session, sd_bus_error *error) {
        int r;

        r = caller_check(caller, 1, session, error);
        if (r < 0)
                return r;
        caller->n_delayed++;
        caller->n_sessions += session;
        return 0;
}

void caller_release(Caller *caller, bool session) {
        caller->n_delayed--;
        caller->n_sessions -= session;
        if (caller->n_delayed == 0) /* not here: who calls may still need it */
                (void)sd_event_source_set_enabled(caller->connection->bus->reaper, SD_EVENT_ONESHOT);
}

void callers_sweep(Connection *c) {
        for (Link *l = c->callers.next, *next; l != &c->callers; l = next) {
                Caller *caller = container_of(l, Caller, link);

                next = l->next;
                if (caller->n_delayed == 0)
                        caller_free(caller);
        }
}

void caller_lost(Caller *caller) {
        gates_drop(caller);
        waits_drop(caller);
        processes_drop(caller);
        probe_drop(caller);
        exec_abandon_all(caller);
}

Caller *caller_free(Caller *caller) {
        if (!caller)
                return NULL;

        link_remove(&caller->link);
        caller->connection->n_callers--;
        sd_bus_slot_unref(caller->vanishes);
        sd_bus_slot_unref(caller->asks_uid);
        free(caller->name);
        free(caller);
        return NULL;
}
