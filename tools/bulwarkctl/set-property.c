/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* set-property: directives of a container, set while it runs. The manager knows their types; what is sent is the text
 * that a unit file would hold. */
#include <stdio.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/escape.h"
#include "tools/bulwarkctl/verbs.h"

static int append_assignment(sd_bus_message *m, const char *assignment) {
        const char *equals = strchr(assignment, '=');
        _cleanup_free_ char *key = strndup(assignment, (size_t)(equals - assignment));
        int r;

        if (!key)
                return -ENOMEM;
        r = sd_bus_message_append(m, "(sv)", key, "s", equals + 1);
        return r < 0 ? r : 0;
}

static int call_set(Context *c, const char *name, sd_bus_error *error) {
        _cleanup_message_ sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(c->client.bus, &m, c->client.destination, BUS_PATH, BUS_INTERFACE_MANAGER,
                                           "SetContainerProperties");
        if (r >= 0)
                r = sd_bus_message_append(m, "sb", name, (int)c->options->runtime);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sv)");
        for (size_t i = 1; r >= 0 && i < c->options->n_arguments; i++)
                r = append_assignment(m, c->options->arguments[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_call(c->client.bus, m, 0, error, NULL);
}

static bool was_set(const Context *c, const char *directive) {
        for (size_t i = 1; i < c->options->n_arguments; i++) {
                const char *rest = startswith(c->options->arguments[i], directive);

                if (rest && *rest == '=')
                        return true;
        }
        return false;
}

/* Of what was set, that which does not hold for what runs. */
static int tell_later(Context *c, const char *name) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_free_ char *path = NULL, *list = NULL;
        const char *directive;
        int r;

        r = client_container(&c->client, name, &error, &path);
        if (r >= 0)
                r = sd_bus_get_property(c->client.bus, c->client.destination, path, BUS_INTERFACE_CONTAINER, "RestartNeeded", &error,
                                        &reply, "as");
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(reply, "s", &directive)) > 0)
                if (was_set(c, directive))
                        r = str_append(&list, "%s%s", list ? ", " : "", directive);
        if (r < 0)
                return client_report(&error, r, "cannot tell what holds for", name);
        if (list && !c->options->quiet)
                (void)fprintf(stderr, "Holds from the next start of %s on: %s\n", name, list);
        return EXIT_SUCCESS;
}

int verb_set_property(Context *c) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        int status = EXIT_SUCCESS, r;
        char buffer[256];
        const char *name = container_name_of(c->options->arguments[0], buffer);

        for (size_t i = 1; i < c->options->n_arguments; i++) {
                _cleanup_free_ char *safe = escape_text(c->options->arguments[i], 0);
                const char *equals = strchr(c->options->arguments[i], '=');

                if (equals && equals != c->options->arguments[i])
                        continue;
                (void)fprintf(stderr, "Error: '%s' is no assignment; write DIRECTIVE=VALUE\n", strempty(safe));
                return EXIT_USAGE;
        }
        if (client_connect(&c->client, &status) < 0)
                return status;
        r = call_set(c, name, &error);
        if (r < 0)
                return client_report(&error, r, "cannot set properties of", name);
        return tell_later(c, name);
}
