/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "manager/bus/bus-internal.h"

/* What is to be executed, as a message says it: argv and options. */

static int check_words(char *const *words, const char *what, sd_bus_error *error) {
        size_t n = 0, size = 0;

        for (; words && words[n]; n++)
                size += strlen(words[n]) + 1;
        if (n > EXEC_MAX_WORDS || size > EXEC_MAX_BYTES)
                return bus_error_set_code(error, ERROR_USAGE, "The %s is too long: at most %d words and %d bytes fit",
                                          what, EXEC_MAX_WORDS, EXEC_MAX_BYTES);
        return 0;
}

typedef struct ExecOption {
        const char *name, *signature;
        size_t offset; /* in ExecRequest; the field has the C type that sd-bus reads for the signature */
        Detail detail; /* by which a rule of polkit sees it; _DETAIL_MAX = in no need of one */
} ExecOption;

static const ExecOption exec_options[] = {
        { "User", "s", offsetof(ExecRequest, user), DETAIL_USER },
        { "WorkingDirectory", "s", offsetof(ExecRequest, directory), DETAIL_DIRECTORY },
        { "Environment", "as", offsetof(ExecRequest, environment), DETAIL_ENVIRONMENT },
        { "Terminal", "b", offsetof(ExecRequest, terminal), DETAIL_TERMINAL },
        { "Detach", "b", offsetof(ExecRequest, detach), DETAIL_DETACH },
        { "Shell", "b", offsetof(ExecRequest, shell), _DETAIL_MAX }, /* a right of its own */
        { "Rows", "u", offsetof(ExecRequest, rows), _DETAIL_MAX },
        { "Columns", "u", offsetof(ExecRequest, columns), _DETAIL_MAX },
        { "HealthCheck", "b", offsetof(ExecRequest, health), DETAIL_HEALTH_CHECK },
};

static int read_exec_value(sd_bus_message *m, const ExecOption *option, ExecRequest *request) {
        void *field = (char *)request + option->offset;
        const char *text;
        uint32_t number;
        int truth, r;

        switch (option->signature[0]) {
        case 's':
                r = sd_bus_message_read(m, "s", &text);
                if (r < 0)
                        return r;
                freep(field); /* given twice: the last one counts */
                *(char **)field = strdup(text);
                return *(char **)field ? 0 : -ENOMEM;
        case 'a':
                strv_freep(field);
                return sd_bus_message_read_strv(m, field);
        case 'b':
                r = sd_bus_message_read(m, "b", &truth);
                if (r >= 0)
                        *(bool *)field = truth;
                return r;
        case 'u':
                r = sd_bus_message_read(m, "u", &number);
                if (r >= 0)
                        *(unsigned *)field = number;
                return r;
        default:
                return -EINVAL;
        }
}

static int read_exec_option(sd_bus_message *m, ExecRequest *request, sd_bus_error *error) {
        const ExecOption *option = NULL;
        const char *name, *contents;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(exec_options); i++)
                if (streq(exec_options[i].name, name))
                        option = exec_options + i;
        if (!option)
                return bus_error_set_code(error, ERROR_USAGE, "'%.80s' is no option of ExecContainer", name);

        r = sd_bus_message_peek_type(m, NULL, &contents);
        if (r < 0)
                return r;
        if (!streq(contents, option->signature))
                return bus_error_set_code(error, ERROR_USAGE, "The option %s has the type '%s', not '%s'", name,
                                          option->signature, contents);
        r = sd_bus_message_enter_container(m, 'v', option->signature);
        if (r < 0)
                return r;
        r = read_exec_value(m, option, request);
        if (r < 0)
                return r;
        return sd_bus_message_exit_container(m);
}

static int read_exec_options(sd_bus_message *m, ExecRequest *request, sd_bus_error *error) {
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = read_exec_option(m, request, error);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

void exec_request_done(ExecRequest *request) {
        strv_free(request->argv);
        strv_free(request->environment);
        free(request->user);
        free(request->directory);
}

static int check_exec_request(const ExecRequest *request, sd_bus_error *error) {
        int r;

        if (!request->shell && !request->health && (!request->argv || isempty(request->argv[0])))
                return bus_error_set_code(error, ERROR_USAGE, "No command was given to execute");
        if (request->shell && request->health)
                return bus_error_set_code(error, ERROR_USAGE, "A shell is no health check: give one of the two options");
        if (request->detach && request->terminal)
                return bus_error_set_code(error, ERROR_USAGE, "A command that is detached has no terminal");
        if (request->rows > UINT16_MAX || request->columns > UINT16_MAX)
                return bus_error_set_code(error, ERROR_USAGE, "A terminal has at most %d rows and columns",
                                          UINT16_MAX);
        for (char **e = request->environment; e && *e; e++)
                if (**e == '=' || !strchr(*e, '='))
                        return bus_error_set_code(error, ERROR_USAGE, "'%.80s' is no environment assignment; "
                                                  "NAME=VALUE is", *e);
        r = check_words(request->argv, "command line", error);
        return r < 0 ? r : check_words(request->environment, "environment", error);
}

int exec_request_read(sd_bus_message *m, ExecRequest *request, sd_bus_error *error) {
        int r;

        r = sd_bus_message_read_strv(m, &request->argv);
        if (r < 0)
                return r;
        r = read_exec_options(m, request, error);
        return r < 0 ? r : check_exec_request(request, error);
}

/* What the options of a request are to a rule. */
int exec_request_details(const ExecRequest *request, Demand *demand) {
        for (size_t i = 0; i < ELEMENTSOF(exec_options); i++) {
                const ExecOption *option = exec_options + i;
                const void *field = (const char *)request + option->offset;
                int r = 0;

                if (option->detail == _DETAIL_MAX)
                        continue;
                switch (option->signature[0]) {
                case 's':
                        r = demand_set(demand, option->detail, *(char *const *)field);
                        break;
                case 'a':
                        r = demand_set_words(demand, option->detail, *(char **const *)field);
                        break;
                case 'b':
                        r = *(const bool *)field ? demand_set(demand, option->detail, "yes") : 0;
                        break;
                default:
                        return -EINVAL;
                }
                if (r < 0)
                        return r;
        }
        return 0;
}
