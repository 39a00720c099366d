/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "manager/base/string-list.h"
#include "manager/bus/bus-internal.h"

/* org.bulwark1.Job, and the manager's methods that are about jobs and dependencies. A job exists while the registry says
 * that its container has this job, or while a session of exec runs. */

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

int bus_reply_job(sd_bus_message *call, uint32_t id) {
        _cleanup_free_ char *path = NULL;
        int r = job_object_path(id, &path);

        return r < 0 ? r : sd_bus_reply_method_return(call, "o", path);
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

static int cancel(Container *c, uint32_t id, sd_bus_message *m, sd_bus_error *error) {
        _cleanup_(diag_done) Diag diag = {};
        int r;

        r = manager_cancel_job(container_manager(c), id, &diag);
        if (r < 0)
                return bus_error_set_diag(error, &diag, r);
        return sd_bus_reply_method_return(m, NULL);
}

/* A session is no job to the manager: it ends with its process (KillExec). */
static int method_cancel(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const JobView *job = userdata;

        return cancel(job->container, job->id, m, error);
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
        return r < 0 ? r : cancel(container, container_job(container, NULL), m, error);
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

static bool job_view(const Bus *b, uint32_t id, JobView *ret) {
        Container *c = job_container(b->manager, id);
        JobType type = _JOB_TYPE_MAX;

        if (c && container_job(c, &type) == id) {
                *ret = (JobView){ id, c, job_type_to_string(type), job_state(c) };
                return true;
        }
        c = exec_container(b, id);
        if (!c)
                return false;
        *ret = (JobView){ id, c, "exec", "running" };
        return true;
}

static int job_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
                    sd_bus_error *error) {
        Connection *c = userdata;
        uint32_t id;

        if (job_path_parse(path, &id) < 0)
                return 0;
        if (!job_view(c->bus, id, &c->job))
                return 0;
        *ret_found = &c->job;
        return 1;
}

static int add_node(char ***nodes, uint32_t id) {
        char *path = NULL;
        int r;

        r = job_object_path(id, &path);
        return r < 0 ? r : strv_push(nodes, path);
}

static int job_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *error) {
        _cleanup_strv_ char **nodes = NULL;
        Connection *c = userdata;
        size_t position = 0;
        uint32_t session;
        int r;

        while (exec_next(c->bus, &position, &session)) {
                r = add_node(&nodes, session);
                if (r < 0)
                        return r;
        }
        for (Container *i = manager_first(c->bus->manager); i; i = manager_next(c->bus->manager, i)) {
                uint32_t id = container_job(i, NULL);

                if (id == 0)
                        continue;
                r = add_node(&nodes, id);
                if (r < 0)
                        return r;
        }
        *ret_nodes = TAKE_PTR(nodes);
        return 0;
}

static int get_unit(sd_bus *bus, const char *path, const char *interface, const char *property,
                    sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const JobView *job = userdata;
        _cleanup_free_ char *unit_path = NULL;
        int r;

        r = container_object_path(job->container, &unit_path);
        if (r < 0)
                return r;
        return sd_bus_message_append(reply, "(so)", container_name(job->container), unit_path);
}

static const sd_bus_vtable job_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_cancel, 0),
        SD_BUS_PROPERTY("Id", "u", NULL, offsetof(JobView, id), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Unit", "(so)", get_unit, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("JobType", "s", NULL, offsetof(JobView, type), 0), /* a start may become a restart */
        SD_BUS_PROPERTY("State", "s", NULL, offsetof(JobView, state), 0),
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
