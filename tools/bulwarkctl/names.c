/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fnmatch.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/names.h"

bool name_is_pattern(const char *name) {
        return strpbrk(name, "*?[");
}

static int names_match(Context *c, sd_bus_message *reply, const char *pattern, bool *ret_any) {
        bool only_active = FLAGS_SET(c->options->verb->flags, VERB_ACTIVE);
        const char *name, *active;
        int r;

        r = sd_bus_message_enter_container(reply, SD_BUS_TYPE_ARRAY, "(ssssssouso)");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(reply, "(ssssssouso)", &name, NULL, NULL, &active, NULL, NULL, NULL, NULL, NULL,
                                        NULL)) > 0) {
                if (fnmatch(pattern, name, 0) != 0 || (only_active && streq(active, "inactive")))
                        continue;
                *ret_any = true;
                r = strv_contains(c->names, name) ? 0 : strv_extend(&c->names, name);
                if (r < 0)
                        return r;
        }
        return r;
}

static int names_add(Context *c, const char *argument, int *ret_exit) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        char buffer[256];
        const char *name = container_name_of(argument, buffer);
        bool any = false;
        int r;

        if (!name_is_pattern(name))
                return strv_extend(&c->names, name);
        r = client_call(&c->client, 0, &error, &reply, "ListContainers", NULL);
        if (r >= 0)
                r = names_match(c, reply, name, &any);
        if (r < 0) {
                *ret_exit = client_report(&error, r, "cannot list", NULL);
                return r;
        }
        if (!any) {
                error_printf("no container%s matches \"%s\"; \"bulwarkctl list --all\" shows all",
                             FLAGS_SET(c->options->verb->flags, VERB_ACTIVE) ? " that is active" : "", argument);
                *ret_exit = EXIT_NO_UNIT;
                return -ENOENT;
        }
        return 0;
}

int names_resolve(Context *c, int *ret_exit) {
        int r;

        r = client_connect(&c->client, ret_exit);
        if (r < 0)
                return r;
        for (size_t i = 0; i < c->options->n_arguments; i++) {
                *ret_exit = EXIT_FAILURE;
                r = names_add(c, c->options->arguments[i], ret_exit);
                if (r < 0)
                        return r;
        }
        *ret_exit = EXIT_SUCCESS;
        return 0;
}

int names_for_each(Context *c, int (*function)(Context *c, const char *name)) {
        int status = EXIT_SUCCESS;

        if (names_resolve(c, &status) < 0)
                return status;
        for (size_t i = 0; c->names && c->names[i]; i++) {
                int r = function(c, c->names[i]);

                if (status == EXIT_SUCCESS)
                        status = r;
        }
        return status;
}
