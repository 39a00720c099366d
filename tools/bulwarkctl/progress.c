/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a start that takes long is at: told on standard error while the client waits. */
#include <stdio.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/escape.h"
#include "tools/bulwarkctl/progress.h"

/* The value of Progress among the changed properties; NULL where it is not there, or empty. */
static int read_progress(sd_bus_message *m, const char **ret) {
        const char *name, *interface, *text = NULL;
        int r;

        r = sd_bus_message_read(m, "s", &interface);
        if (r >= 0)
                r = sd_bus_message_enter_container(m, SD_BUS_TYPE_ARRAY, "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, SD_BUS_TYPE_DICT_ENTRY, "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0)
                        r = streq(name, "Progress") ? sd_bus_message_read(m, "v", "s", &text) : sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        *ret = isempty(text) ? NULL : text;
        return r < 0 ? r : 0;
}

static int on_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *name = NULL, *safe = NULL;
        const Context *c = userdata;
        const char *text = NULL;

        if (sd_bus_path_decode(sd_bus_message_get_path(m), BUS_CONTAINER_PREFIX, &name) <= 0 ||
            !strv_contains(c->names, name) || read_progress(m, &text) < 0 || !text)
                return 0;
        safe = escape_text(text, 0);
        fprintf(stderr, "%s: %s\n", name, strempty(safe));
        return 0;
}

int progress_show(Context *c) {
        int r;

        if (c->options->quiet || c->options->no_block)
                return 0;
        r = sd_bus_match_signal(c->client.bus, NULL, NULL, NULL, "org.freedesktop.DBus.Properties", "PropertiesChanged",
                                on_changed, c);
        return r < 0 ? r : 0;
}
