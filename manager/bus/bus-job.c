/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "manager/base/string-list.h"
#include "manager/bus/bus-internal.h"

/* org.bulwark1.Job: exists while the registry says that its container has this job. */

int job_object_path(uint32_t id, char **ret) {
        char *path = NULL;

        if (id == 0)
                path = strdup("/");
        else if (asprintf(&path, BUS_JOB_PREFIX "/%u", (unsigned)id) < 0)
                path = NULL;
        if (!path)
                return -ENOMEM;
        *ret = path;
        return 0;
}

static Container *job_container(Manager *m, uint32_t id) {
        for (Container *c = manager_first(m); c; c = manager_next(m, c))
                if (container_job(c, NULL) == id)
                        return c;
        return NULL;
}

static int job_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
                    sd_bus_error *error) {
        const char *number = startswith(path, BUS_JOB_PREFIX "/");
        Connection *c = userdata;
        unsigned long id;
        char *end;

        /* one spelling an object: no sign, no blank, no leading zero */
        if (!number || *number < '1' || *number > '9')
                return 0;
        errno = 0;
        id = strtoul(number, &end, 10);
        if (errno != 0 || *end || id > UINT32_MAX)
                return 0;

        *ret_found = job_container(c->bus->manager, (uint32_t)id);
        return *ret_found ? 1 : 0;
}

static int job_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *error) {
        _cleanup_strv_ char **nodes = NULL;
        Connection *c = userdata;

        for (Container *i = manager_first(c->bus->manager); i; i = manager_next(c->bus->manager, i)) {
                uint32_t id = container_job(i, NULL);
                char *path = NULL;
                int r;

                if (id == 0)
                        continue;
                r = job_object_path(id, &path);
                if (r < 0)
                        return r;
                r = strv_push(&nodes, path);
                if (r < 0)
                        return r;
        }
        *ret_nodes = TAKE_PTR(nodes);
        return 0;
}

static int get_id(sd_bus *bus, const char *path, const char *interface, const char *property,
                  sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "u", container_job(userdata, NULL));
}

static int get_unit(sd_bus *bus, const char *path, const char *interface, const char *property,
                    sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *unit_path = NULL;
        int r;

        r = container_object_path(userdata, &unit_path);
        if (r < 0)
                return r;
        return sd_bus_message_append(reply, "(so)", container_name(userdata), unit_path);
}

static int get_type(sd_bus *bus, const char *path, const char *interface, const char *property,
                    sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        JobType type;

        if (container_job(userdata, &type) == 0)
                return sd_bus_message_append(reply, "s", "");
        return sd_bus_message_append(reply, "s", job_type_to_string(type));
}

/* A job runs once its container has left its rest; until then it waits. */
static int get_state(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const char *active = container_active_state(userdata);
        bool running = streq(active, "activating") || streq(active, "deactivating") || streq(active, "reloading");

        return sd_bus_message_append(reply, "s", running ? "running" : "waiting");
}

static const sd_bus_vtable job_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Id", "u", get_id, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Unit", "(so)", get_unit, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("JobType", "s", get_type, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("State", "s", get_state, 0, 0),
        SD_BUS_VTABLE_END,
};

int job_object_add(Connection *c) {
        int r;

        r = sd_bus_add_fallback_vtable(c->sd, NULL, BUS_JOB_PREFIX, BUS_INTERFACE_JOB, job_vtable, job_find, c);
        if (r < 0)
                return r;
        r = sd_bus_add_node_enumerator(c->sd, NULL, BUS_JOB_PREFIX, job_enumerate, c);
        return r < 0 ? r : 0;
}
