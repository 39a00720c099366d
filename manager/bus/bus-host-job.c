/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/bus/bus-internal.h"

/* Why systemd ends us: a job says that it restarts the keeper, from before our end until the keeper's next start. */

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define KEEPER_UNIT "/org/freedesktop/systemd1/unit/bulwark_2dkeeper_2eservice"
#define PATIENCE (1 * USEC_PER_SEC) /* systemd answers while it stops a unit; without an answer nothing restarts */

static int get_property(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &m, SYSTEMD_NAME, path, "org.freedesktop.DBus.Properties", "Get");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", interface, property);
        return r < 0 ? r : sd_bus_call(bus, m, PATIENCE, NULL, ret);
}

bool bus_keeper_restarts(Bus *b) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *job = NULL, *type = NULL;
        const Connection *shared = bus_shared_connection(b);
        const char *path, *word;
        uint32_t id;

        return shared && get_property(shared->sd, KEEPER_UNIT, SYSTEMD_NAME ".Unit", "Job", &job) >= 0 &&
               sd_bus_message_read(job, "v", "(uo)", &id, &path) >= 0 && id != 0 &&
               get_property(shared->sd, path, SYSTEMD_NAME ".Job", "JobType", &type) >= 0 &&
               sd_bus_message_read(type, "v", "s", &word) >= 0 && streq(word, "restart");
}
