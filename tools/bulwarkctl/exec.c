/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* exec, shell: a process under the container's own confinement, its input and output copied here. */
#include <stdio.h>

#include "tools/bulwarkctl/exec-request.h"
#include "tools/bulwarkctl/session.h"

static int report_start(const sd_bus_error *error, int r, const char *name) {
        int status = client_report(error, r, "cannot run the command in", name);

        r = program_failure_status(error->name);
        return r < 0 ? status : r;
}

static int on_exec_ended(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Session *s = userdata;
        int code, status, r;
        uint32_t id;

        r = sd_bus_message_read(m, "uii", &id, &code, &status);
        if (r < 0)
                return r;
        if (id == s->id) {
                s->ended = true;
                s->code = code;
                s->status = status;
        }
        return 0;
}

static int forward_to_session(Session *s, int number) {
        return sd_bus_call_method_async(s->context->client.bus, NULL, s->context->client.destination, BUS_PATH, BUS_INTERFACE_MANAGER,
                                        "KillExec", NULL, NULL, "ui", s->id, number);
}

static int session_connect(Session *s, sd_bus_message *reply) {
        int r, theirs[3];
        size_t n = 0;

        r = sd_bus_message_read(reply, "u", &s->id);
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "h");
        while (r >= 0 && n < ELEMENTSOF(theirs)) {
                r = sd_bus_message_read_basic(reply, 'h', theirs + n);
                if (r == 0)
                        break;
                n++;
        }
        return r < 0 ? r : session_take(s, theirs, n);
}

int exec_run(Context *c, const ExecRequest *q) {
        _cleanup_(session_done) Session s = SESSION_EMPTY(c, q->name, q->terminal);
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r;

        s.forward = forward_to_session;
        r = sd_bus_match_signal(c->client.bus, NULL, NULL, BUS_PATH, BUS_INTERFACE_MANAGER, "ExecEnded",
                                on_exec_ended, &s);
        if (r >= 0)
                r = exec_request_send(&c->client, c->options, q, &error, &reply);
        if (r < 0)
                return report_start(&error, r, q->name);
        r = session_connect(&s, reply);
        reply = sd_bus_message_unref(
                reply); /* with its descriptors: an end kept open here would hide an EOF */
        if (r >= 0)
                r = session_run(&s);
        if (r < 0)
                return client_report(NULL, r, "lost the command in", q->name);
        return session_result(&s);
}

/* Begun, and no concern of ours any more. */
static int leave_session(Context *c, const ExecRequest *q) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r = exec_request_send(&c->client, c->options, q, &error, &reply);

        return r < 0 ? report_start(&error, r, q->name) : EXIT_SUCCESS;
}

static bool wants_terminal(const Options *o) {
        if (o->detach)
                return false;
        return o->tty || (!o->no_tty && !o->interactive && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
}

int verb_exec(Context *c) {
        const Options *o = c->options;
        char buffer[256];
        ExecRequest q = {
                .name = container_name_of(o->arguments[0], buffer),
                .user = o->user,
                .argv = o->arguments + 1,
                .n_argv = o->n_arguments - 1,
                .terminal = wants_terminal(o),
                .detach = o->detach,
        };
        int status = EXIT_SUCCESS;

        if (client_connect(&c->client, &status) < 0)
                return status;
        return q.detach ? leave_session(c, &q) : exec_run(c, &q);
}

int verb_healthcheck(Context *c) {
        char buffer[256];
        const ExecRequest q = { .name = container_name_of(c->options->arguments[0], buffer), .health = true };
        int status = EXIT_SUCCESS;

        if (client_connect(&c->client, &status) < 0)
                return status;
        return exec_run(c, &q);
}

/* "web@blue" is the instance if there is one, else user web of container blue: a container's name comes
 * first. */
static int shell_target(Context *c, const char *argument, char user[static 256], ExecRequest *q) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        const char *at = strchr(argument, '@');
        _cleanup_free_ char *path = NULL;
        int r;

        if (!at || at == argument || !at[1] || at - argument > 255)
                return 0;
        r = client_container(&c->client, q->name, &error, &path);
        if (r >= 0 || client_exit_status(&error, r) != EXIT_NO_UNIT)
                return 0;
        if (q->user)
                return -EINVAL;
        memcpy(user, argument, (size_t)(at - argument));
        user[at - argument] = 0;
        q->user = user;
        q->name = at + 1;
        return 0;
}

int verb_shell(Context *c) {
        const Options *o = c->options;
        char buffer[256], inner[256], user[256];
        ExecRequest q = {
                .name = container_name_of(o->arguments[0], buffer),
                .user = o->user,
                .shell = true,
                .terminal = wants_terminal(o),
        };
        int status = EXIT_SUCCESS;

        if (client_connect(&c->client, &status) < 0)
                return status;
        if (shell_target(c, o->arguments[0], user, &q) < 0) {
                error_printf("both --user=%s and \"%s\" name a user: give one of them", o->user,
                             o->arguments[0]);
                return EXIT_USAGE;
        }
        q.name = container_name_of(q.name, inner);
        return exec_run(c, &q);
}
