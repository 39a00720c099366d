/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/bus/bus-internal.h"

/* ExecContainer: a session belongs to the connection that asked for it. The reply waits for the process to be
 * started; when the connection goes, the session is abandoned. The record itself lives until the manager says that
 * the session ended (or never started), because the manager holds a pointer to it. */

typedef struct ExecCall {
        Link link;
        Bus *bus;
        Connection *connection; /* NULL: the client has gone */
        sd_bus_message *message; /* NULL: answered */
        uint32_t id;             /* 0: not started yet */
        bool calling;            /* container_exec() has not returned yet */
        bool done;
} ExecCall;

static void exec_free(ExecCall *e) {
        link_remove(&e->link);
        if (e->connection)
                e->connection->n_delayed--;
        sd_bus_message_unref(e->message);
        free(e);
}

/* Frees now, or leaves it to exec_new() where the manager called back before container_exec() returned. */
static void exec_done(ExecCall *e) {
        e->done = true;
        if (!e->calling)
                exec_free(e);
}

static int exec_reply(sd_bus_message *m, const ExecSession *session) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(m, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "u", session->id);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "h");
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(session->stdio); i++) {
                if (session->stdio[i] < 0)
                        continue;
                r = sd_bus_message_append_basic(reply, 'h', &session->stdio[i]); /* duplicates it */
                if (r < 0)
                        return r;
        }
        r = sd_bus_message_close_container(reply);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

static void exec_fail(ExecCall *e, int r, const Diag *diag) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        (void)bus_error_set_diag(&error, diag, r);
        if (e->connection && e->message)
                connection_sent(e->connection, sd_bus_reply_method_error(e->message, &error));
        e->message = sd_bus_message_unref(e->message);
}

static void on_started(int r, const Diag *diag, ExecSession *session, void *userdata) {
        ExecCall *e = userdata;

        if (r < 0) {
                exec_fail(e, r, diag);
                exec_done(e);
                return;
        }

        e->id = session->id;
        if (e->connection) {
                r = exec_reply(e->message, session);
                if (r < 0)
                        exec_fail(e, r, NULL);
                e->message = sd_bus_message_unref(e->message);
        }
        for (size_t i = 0; i < ELEMENTSOF(session->stdio); i++)
                session->stdio[i] = safe_close(session->stdio[i]);

        /* The client has gone, or never learnt of its session: nobody would ever end it. */
        if (!e->connection || r < 0)
                if (e->bus->manager)
                        manager_exec_abandon(e->bus->manager, session->id);
}

static void on_ended(uint32_t id, int exit_code, int exit_status, void *userdata) {
        ExecCall *e = userdata;

        if (e->connection)
                connection_sent(e->connection,
                                sd_bus_emit_signal(e->connection->sd, BUS_PATH, BUS_INTERFACE_MANAGER, "ExecEnded",
                                                   "uii", id, (int32_t)exit_code, (int32_t)exit_status));
        exec_done(e);
}

int exec_new(Connection *c, sd_bus_message *m, Container *container, const ExecRequest *request,
             sd_bus_error *error) {
        _cleanup_(diag_done) Diag diag = {};
        ExecCall *e;
        int r;

        if (c->n_delayed >= BUS_MAX_DELAYED)
                return bus_error_set_code(error, ERROR_BUSY, "This connection has %d sessions already",
                                          BUS_MAX_DELAYED);
        e = calloc(1, sizeof(ExecCall));
        if (!e)
                return -ENOMEM;
        *e = (ExecCall){ .bus = c->bus, .connection = c, .message = sd_bus_message_ref(m), .calling = true };
        link_append(&c->bus->sessions, &e->link);
        c->n_delayed++;

        r = container_exec(container, request, &diag, on_started, on_ended, e);
        e->calling = false;
        if (r < 0 && !e->done) {
                exec_fail(e, r, &diag);
                e->done = true;
        }
        if (e->done)
                exec_free(e);
        return 1; /* answered, or will be */
}

bool exec_owned(Connection *c, uint32_t id) {
        for (Link *l = c->bus->sessions.next; l != &c->bus->sessions; l = l->next) {
                ExecCall *e = container_of(l, ExecCall, link);

                if (e->connection == c && e->id == id && !e->done)
                        return id != 0;
        }
        return false;
}

/* manager_exec_abandon() may end the session, and so free its record, at once: the walk begins anew each time. */
void exec_abandon_all(Connection *c) {
        Link *l = c->bus->sessions.next;

        while (l != &c->bus->sessions) {
                ExecCall *e = container_of(l, ExecCall, link);

                l = l->next;
                if (e->connection != c)
                        continue;
                e->connection = NULL;
                e->message = sd_bus_message_unref(e->message);
                if (e->id == 0)
                        continue;
                manager_exec_abandon(c->bus->manager, e->id);
                l = c->bus->sessions.next;
        }
}

void exec_free_all(Bus *b) {
        while (!link_is_empty(&b->sessions))
                exec_free(container_of(b->sessions.next, ExecCall, link));
}
