/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>

#include "manager/bus/bus-internal.h"

/* ExecContainer: a session belongs to the caller that asked for it. The reply waits for the process to be
 * started; when the caller goes, the session is abandoned. The record itself lives until the manager says that
 * the session ended (or never started), because the manager holds a pointer to it. */

typedef struct ExecCall {
        Link link;
        Bus *bus;
        Caller *caller;          /* NULL: it has gone */
        sd_bus_message *message; /* NULL: answered */
        Container *container;    /* borrowed: it does not go while it has sessions */
        uint32_t id;             /* 0: not started yet */
        bool detach;             /* once started it is the container's */
        bool calling;            /* container_exec() has not returned yet */
        bool done;
} ExecCall;

static void exec_free(ExecCall *e) {
        link_remove(&e->link);
        if (e->caller)
                caller_release(e->caller, true);
        sd_bus_message_unref(e->message);
        free(e);
}

/* Frees now, or leaves it to exec_new() where the manager called back before container_exec() returned. */
static void exec_done(ExecCall *e) {
        e->done = true;
        if (!e->calling)
                exec_free(e);
}

/* Exec of a container answers with the job and the process, too. */
static int append_process(sd_bus_message *reply, const ExecSession *session) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = job_object_path(session->id, &path);
        if (r < 0)
                return r;
        return sd_bus_message_append(reply, "ouh", path, session->id, session->pidfd);
}

static int exec_reply(sd_bus_message *m, const ExecSession *session) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(m, &reply);
        if (r < 0)
                return r;
        r = streq(sd_bus_message_get_member(m), "Exec") ? append_process(reply, session) :
                                                          sd_bus_message_append(reply, "u", session->id);
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
        if (e->caller && e->message)
                connection_sent(e->caller->connection, sd_bus_reply_method_error(e->message, &error));
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
        if (e->bus->manager)
                signals_session_new(e->bus, e->id, e->container);
        if (e->caller) {
                r = exec_reply(e->message, session);
                if (r < 0)
                        exec_fail(e, r, NULL);
                e->message = sd_bus_message_unref(e->message);
        }
        for (size_t i = 0; i < ELEMENTSOF(session->stdio); i++)
                session->stdio[i] = safe_close(session->stdio[i]);

        /* The client has gone, or never learnt of its session: nobody would ever end it. */
        if (!e->caller || r < 0) {
                if (e->bus->manager)
                        manager_exec_abandon(e->bus->manager, session->id);
        } else if (e->detach) {
                caller_release(e->caller, true);
                e->caller = NULL;
        }
}

/* Nobody else on the bus is told. */
static int tell_ended(const ExecCall *e, int exit_code, int exit_status) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        sd_bus *sd = e->caller->connection->sd;
        int r;

        r = sd_bus_message_new_signal(sd, &m, BUS_PATH, BUS_INTERFACE_MANAGER, "ExecEnded");
        if (r >= 0 && e->caller->name)
                r = sd_bus_message_set_destination(m, e->caller->name);
        if (r >= 0)
                r = sd_bus_message_append(m, "uii", e->id, (int32_t)exit_code, (int32_t)exit_status);
        return r < 0 ? r : sd_bus_send(sd, m, NULL);
}

static void on_ended(uint32_t id, int exit_code, int exit_status, void *userdata) {
        ExecCall *e = userdata;

        if (e->caller)
                connection_sent(e->caller->connection, tell_ended(e, exit_code, exit_status));
        e->done = true; /* the job is no more */
        if (e->bus->manager)
                signals_session_removed(e->bus, id, e->container, exit_code == CLD_EXITED && exit_status == 0);
        exec_done(e);
}

int exec_new(Caller *caller, sd_bus_message *m, Container *container, const ExecRequest *request,
             sd_bus_error *error) {
        Bus *b = caller->connection->bus;
        _cleanup_(diag_done) Diag diag = {};
        ExecCall *e;
        int r;

        r = caller_hold(caller, true, error);
        if (r < 0)
                return r;
        e = calloc(1, sizeof(ExecCall));
        if (!e) {
                caller_release(caller, true);
                return -ENOMEM;
        }
        *e = (ExecCall){ .bus = b, .caller = caller, .container = container, .message = sd_bus_message_ref(m),
                          .detach = request->detach, .calling = true };
        link_append(&b->sessions, &e->link);

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

/* The session at *position, or the next behind it, that runs. */
Container *exec_next(const Bus *b, size_t *position, uint32_t *ret_id) {
        size_t i = 0;

        for (Link *l = b->sessions.next; l != &b->sessions; l = l->next, i++) {
                const ExecCall *e = container_of(l, ExecCall, link);

                if (i < *position || e->id == 0 || e->done)
                        continue;
                *position = i + 1;
                *ret_id = e->id;
                return e->container;
        }
        return NULL;
}

Container *exec_container(const Bus *b, uint32_t id) {
        for (Link *l = b->sessions.next; l != &b->sessions; l = l->next) {
                const ExecCall *e = container_of(l, ExecCall, link);

                if (e->id == id && !e->done)
                        return e->container;
        }
        return NULL;
}

bool exec_owned(const Caller *caller, uint32_t id) {
        const Link *sessions = &caller->connection->bus->sessions;

        for (Link *l = sessions->next; l != sessions; l = l->next) {
                ExecCall *e = container_of(l, ExecCall, link);

                if (e->caller == caller && e->id == id && !e->done)
                        return id != 0;
        }
        return false;
}

/* manager_exec_abandon() may end the session, and so free its record, at once: the walk begins anew each time. */
void exec_abandon_all(Caller *caller) {
        Bus *b = caller->connection->bus;
        Link *l = b->sessions.next;

        while (l != &b->sessions) {
                ExecCall *e = container_of(l, ExecCall, link);

                l = l->next;
                if (e->caller != caller)
                        continue;
                e->caller = NULL;
                caller_release(caller, true);
                e->message = sd_bus_message_unref(e->message);
                if (e->id == 0)
                        continue;
                manager_exec_abandon(b->manager, e->id);
                l = b->sessions.next;
        }
}

void exec_free_all(Bus *b) {
        while (!link_is_empty(&b->sessions))
                exec_free(container_of(b->sessions.next, ExecCall, link));
}
