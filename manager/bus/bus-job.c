/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "manager/base/string-list.h"
#include "manager/bus/bus-internal.h"

/* org.bulwark1.Job, and the manager's methods that are about jobs and dependencies. A job exists while the registry says that its container has this job. */

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

Container *job_container(Manager *m, uint32_t id) {
        for (Container *c = manager_first(m); c; c = manager_next(m, c))
                if (container_job(c, NULL) == id)
                        return c;
        return NULL;
}

const char *job_state(const Container *c) {
        return container_job_running(c) ? "running" : "waiting";
}

/* userdata: the container that has the job */
static int method_cancel(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(diag_done) Diag diag = {};
        int r;

        r = manager_cancel_job(container_manager(userdata), container_job(userdata, NULL), &diag);
        if (r < 0)
                return bus_error_set_diag(error, &diag, r);
        return sd_bus_reply_method_return(m, NULL);
}

/* --- methods of the manager object; userdata is the Connection */
static int read_job(Connection *c, sd_bus_message *m, Container **ret, sd_bus_error *error) {
        uint32_t id;
        int r;

        r = sd_bus_message_read(m, "u", &id);
        if (r < 0)
                return r;
        *ret = id > 0 ? job_container(c->bus->manager, id) : NULL;
        if (!*ret)
                return bus_error_set_code(error, ERROR_NOT_ACTIVE, "There is no job %u", (unsigned)id);
        return 0;
}

int manager_method_get_job(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *path = NULL;
        Container *container;
        int r;

        r = read_job(userdata, m, &container, error);
        if (r >= 0)
                r = job_object_path(container_job(container, NULL), &path);
        return r < 0 ? r : sd_bus_reply_method_return(m, "o", path);
}

int manager_method_cancel_job(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Container *container;
        int r;

        r = read_job(userdata, m, &container, error);
        return r < 0 ? r : method_cancel(m, container, error);
}

static int append_job(sd_bus_message *reply, const Container *c) {
        _cleanup_free_ char *path = NULL, *job_path = NULL;
        JobType type = _JOB_TYPE_MAX;
        uint32_t id = container_job(c, &type);
        int r;

        r = container_object_path(c, &path);
        if (r >= 0)
                r = job_object_path(id, &job_path);
        if (r < 0)
                return r;
        return sd_bus_message_append(reply, "(usssoo)", id, container_name(c), job_type_to_string(type), job_state(c),
                                     job_path, path);
}

int manager_method_list_jobs(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Connection *c = userdata;
        int r;

        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(usssoo)");
        for (Container *i = manager_first(c->bus->manager); r >= 0 && i; i = manager_next(c->bus->manager, i))
                if (container_job(i, NULL) > 0)
                        r = append_job(reply, i);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

int container_reply_dependencies(Container *c, bool reverse, sd_bus_message *m) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        DependencyView *views = NULL;
        size_t n = 0;
        int r;

        r = container_dependencies(c, reverse, &views, &n);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssss)");
        for (size_t i = 0; r >= 0 && i < n; i++) {
                const DependencyView *v = views + i;

                r = sd_bus_message_open_container(reply, 'r', "ssss");
                if (r >= 0)
                        r = sd_bus_message_append(reply, "sss", v->kind, v->name,
                                                  v->container ? container_active_state(v->container) : "inactive");
                if (r >= 0)
                        r = bus_append_text(reply, v->origin);
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
        }
        dependency_views_free(views, n);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* One spelling an object: no sign, no blank, no leading zero. */
int job_path_parse(const char *path, uint32_t *ret_id) {
        const char *number = startswith(path, BUS_JOB_PREFIX "/");
        unsigned long id;
        char *end;

        if (!number || *number < '1' || *number > '9')
                return -EINVAL;
        errno = 0;
        id = strtoul(number, &end, 10);
        if (errno != 0 || *end || id > UINT32_MAX)
                return -EINVAL;
        *ret_id = (uint32_t)id;
        return 0;
}

static int job_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
                    sd_bus_error *error) {
        Connection *c = userdata;
        uint32_t id;

        if (job_path_parse(path, &id) < 0)
                return 0;
        *ret_found = job_container(c->bus->manager, id);
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

static int get_state(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", job_state(userdata));
}

static const sd_bus_vtable job_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_cancel, 0),
        SD_BUS_PROPERTY("Id", "u", get_id, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Unit", "(so)", get_unit, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("JobType", "s", get_type, 0, 0), /* a start may become a restart */
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
