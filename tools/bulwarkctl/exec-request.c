/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "tools/bulwarkctl/exec-request.h"
#include "tools/bulwarkctl/terminal.h"

#define START_TIMEOUT (90 * USEC_PER_SEC)

static int append_option(sd_bus_message *m, const char *name, const char *signature, const void *value) {
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", name);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', signature);
        if (r >= 0)
                r = streq(signature, "as") ? sd_bus_message_append_strv(m, (char **)value)
                                           : sd_bus_message_append_basic(m, signature[0], value);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r;
}

static bool has_variable(char *const *environment, const char *name) {
        for (size_t i = 0; environment && environment[i]; i++) {
                const char *rest = startswith(environment[i], name);

                if (rest && *rest == '=')
                        return true;
        }
        return false;
}

static int append_terminal_options(sd_bus_message *m, const ExecRequest *q) {
        unsigned rows = 0, columns = 0;
        const int yes = 1;
        int r;

        if (!q->terminal)
                return 0;
        r = append_option(m, "Terminal", "b", &yes);
        if (r < 0)
                return r;
        if (terminal_size(STDIN_FILENO, &rows, &columns) < 0 &&
            terminal_size(STDOUT_FILENO, &rows, &columns) < 0)
                return 0;
        r = append_option(m, "Rows", "u", &rows);
        return r < 0 ? r : append_option(m, "Columns", "u", &columns);
}

static int append_options(sd_bus_message *m, const Options *o, const ExecRequest *q) {
        _cleanup_strv_ char **environment = NULL;
        const char *term = getenv("TERM");
        const int yes = 1;
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0 && q->user)
                r = append_option(m, "User", "s", q->user);
        if (r >= 0 && o->workdir)
                r = append_option(m, "WorkingDirectory", "s", o->workdir);
        if (r >= 0 && q->shell)
                r = append_option(m, "Shell", "b", &yes);
        if (r >= 0 && q->detach)
                r = append_option(m, "Detach", "b", &yes);
        if (r >= 0 && q->health)
                r = append_option(m, "HealthCheck", "b", &yes);
        if (r >= 0)
                r = append_terminal_options(m, q);
        for (size_t i = 0; r >= 0 && o->environment && o->environment[i]; i++)
                r = strv_extend(&environment, o->environment[i]);
        if (r >= 0 && q->terminal && term_is_safe(term) && !has_variable(environment, "TERM")) {
                char *text = NULL;

                r = str_append(&text, "TERM=%s", term);
                if (r >= 0)
                        r = strv_push(&environment, text);
        }
        if (r >= 0 && environment)
                r = append_option(m, "Environment", "as", environment);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int exec_request_send(Client *c, const Options *o, const ExecRequest *q, sd_bus_error *error,
                      sd_bus_message **ret) {
        _cleanup_message_ sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(c->bus, &m, c->destination, BUS_PATH, BUS_INTERFACE_MANAGER,
                                           "ExecContainer");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", q->name);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (size_t i = 0; i < q->n_argv && r >= 0; i++)
                r = sd_bus_message_append(m, "s", q->argv[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = append_options(m, o, q);
        if (r >= 0)
                r = sd_bus_call(c->bus, m, START_TIMEOUT, error, ret);
        return r < 0 ? r : 0;
}
