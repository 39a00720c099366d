/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "manager/bus/bus-internal.h"
#include "units/syntax/search.h"
#include "policies/compile.h"
#include "units/syntax/unit-load.h"

/* org.bulwark1.Manager. userdata of everything here is the Connection. */

/* --- containers by name: the first argument of most methods */
static int read_container(Connection *c, sd_bus_message *m, sd_bus_error *error, Container **ret) {
        _cleanup_(diag_done) Diag diag = {};
        const char *name;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r < 0)
                return r;
        if (endswith(name, "@") || endswith(name, "@" UNIT_SUFFIX))
                return bus_error_set_code(error, ERROR_USAGE,
                                          "'%.80s' is a template; write an instance's name behind the '@', as in "
                                          "web@blue", name);
        if (!container_name_valid(name))
                return bus_error_set_code(error, ERROR_USAGE,
                                          "'%.80s' is no container name; letters, digits and :_.-\\ are, with at most "
                                          "one @", name);
        r = manager_get(c->bus->manager, name, &diag, ret);
        return r < 0 ? bus_error_set_diag(error, &diag, r) : connection_check_asked(c, *ret, error);
}

static int method_get_container(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *path = NULL;
        Container *container;
        int r;

        r = read_container(userdata, m, error, &container);
        if (r < 0)
                return r;
        r = container_object_path(container, &path);
        if (r < 0)
                return r;
        return sd_bus_reply_method_return(m, "o", path);
}

static int method_job(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Container *container;
        int r;

        r = read_container(userdata, m, error, &container);
        return r < 0 ? r : container_method_job(container, m, error);
}

static int method_kill(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Container *container;
        int r;

        r = read_container(userdata, m, error, &container);
        return r < 0 ? r : container_method_kill(container, m, error);
}

static int method_simple(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Container *container;
        int r;

        r = read_container(userdata, m, error, &container);
        return r < 0 ? r : container_method_simple(container, m, error);
}

static int method_set_properties(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Container *container;
        int r;

        r = read_container(userdata, m, error, &container);
        return r < 0 ? r : container_method_set_properties(userdata, container, m, error);
}

static int method_wait(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Container *container;
        Caller *caller;
        int r;

        r = read_container(userdata, m, error, &container);
        if (r >= 0)
                r = caller_of(userdata, m, &caller);
        return r < 0 ? r : wait_new(caller, m, container, error);
}

static int method_list_dependencies(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Container *container;
        int reverse, r;

        r = read_container(userdata, m, error, &container);
        if (r >= 0)
                r = sd_bus_message_read(m, "b", &reverse);
        return r < 0 ? r : container_reply_dependencies(container, reverse, m);
}

static int method_processes(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Container *container;
        Caller *caller;
        int r;

        r = read_container(userdata, m, error, &container);
        if (r >= 0)
                r = caller_of(userdata, m, &caller);
        return r < 0 ? r : processes_new(caller, m, container, error);
}

static int method_probe(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Container *container;
        Caller *caller;
        int r;

        r = read_container(userdata, m, error, &container);
        if (r >= 0)
                r = caller_of(userdata, m, &caller);
        return r < 0 ? r : probe_new(caller, m, container, error);
}

/* --- lists */
static int append_container(sd_bus_message *reply, Container *c) {
        _cleanup_free_ char *path = NULL, *job_path = NULL;
        JobType type = _JOB_TYPE_MAX;
        uint32_t id = container_job(c, &type);
        int r;

        r = container_object_path(c, &path);
        if (r >= 0)
                r = job_object_path(id, &job_path);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'r', "ssssssouso");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", container_name(c));
        if (r >= 0)
                r = bus_append_text(reply, container_description(c));
        if (r >= 0)
                r = sd_bus_message_append(reply, "ssssouso", container_load_state(c), container_active_state(c),
                                          container_sub_state(c), "", path, id,
                                          id > 0 ? job_type_to_string(type) : "", job_path);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : 0;
}

static int method_list_containers(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Connection *c = userdata;
        int r;

        r = sd_bus_message_new_method_return(m, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "(ssssssouso)");
        if (r < 0)
                return r;
        for (Container *i = manager_first(c->bus->manager); i; i = manager_next(c->bus->manager, i)) {
                r = append_container(reply, i);
                if (r < 0)
                        return r;
        }
        r = sd_bus_message_close_container(reply);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

/* What a table of all containers needs beside their states, in one answer. */
static int method_list_properties(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_strv_ char **names = NULL;
        Connection *c = userdata;
        int r;

        r = sd_bus_message_read_strv(m, &names);
        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sa{sv})");
        for (Container *i = manager_first(c->bus->manager); r >= 0 && i; i = manager_next(c->bus->manager, i)) {
                r = sd_bus_message_open_container(reply, 'r', "sa{sv}");
                if (r >= 0)
                        r = sd_bus_message_append(reply, "s", container_name(i));
                if (r >= 0)
                        r = container_append_properties(i, reply, names, c->shared);
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* Both lists are sorted by name, so one walk through the registry tells which of the files did not load. */
static void mark_bad_files(Manager *m, UnitFileEntry *entries, size_t n) {
        Container *c = manager_first(m);

        for (size_t i = 0; i < n; i++) {
                while (c && strcmp(container_name(c), entries[i].name) < 0)
                        c = manager_next(m, c);
                if (c && streq(container_name(c), entries[i].name) && streq(container_load_state(c), "bad") &&
                    entries[i].state == UNIT_FILE_STATIC)
                        entries[i].state = UNIT_FILE_BAD;
        }
}

static int append_unit_files(Connection *c, sd_bus_message *reply, const UnitFileEntry *entries, size_t n) {
        _cleanup_(enabled_units_done) EnabledUnits enabled = {};
        int r;

        r = enabled_units_read(c, &enabled);
        if (r < 0)
                return r;

        r = sd_bus_message_open_container(reply, 'a', "(ss)");
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                r = sd_bus_message_open_container(reply, 'r', "ss");
                if (r >= 0)
                        r = bus_append_text(reply, entries[i].path);
                if (r >= 0)
                        r = sd_bus_message_append(reply, "s", entries[i].state == UNIT_FILE_STATIC ?
                                                  enabled_units_word(c, &enabled, entries[i].name) :
                                                  unit_file_state_to_string(entries[i].state));
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(reply);
}

static int method_list_unit_files(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Connection *c = userdata;
        UnitFileEntry *entries = NULL;
        size_t n = 0;
        int r;

        r = unit_files_list(manager_config(c->bus->manager)->unit_path, &entries, &n);
        if (r < 0)
                return bus_error_set_code(error, ERROR_FAILED, "Cannot read the unit search path: %s", strerror(-r));
        mark_bad_files(c->bus->manager, entries, n);

        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = append_unit_files(c, reply, entries, n);
        unit_files_free(entries, n);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

static int method_get_unit_paths(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_strv_ char **paths = NULL;
        Connection *c = userdata;
        const char *name;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r < 0)
                return r;
        r = container_name_length(name) > 0 ? unit_paths(name, manager_config(c->bus->manager)->unit_path, &paths) : -ENOENT;
        if (r == -ENOENT || (r >= 0 && !paths))
                return bus_error_set_code(error, ERROR_NO_SUCH_UNIT,
                                          "No unit file %.80s.container exists in the search path", name);
        if (r < 0)
                return bus_error_set_code(error, ERROR_FAILED, "Cannot read the unit files of %s: %s", name,
                                          strerror(-r));

        r = sd_bus_message_new_method_return(m, &reply);
        if (r < 0)
                return r;
        r = bus_append_texts(reply, paths);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

/* --- the manager as a whole */
static int method_reset_failed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Connection *c = userdata;

        for (Container *i = manager_first(c->bus->manager); i; i = manager_next(c->bus->manager, i)) {
                _cleanup_(diag_done) Diag diag = {};
                int r;

                if (!streq(container_active_state(i), "failed"))
                        continue;
                r = container_reset_failed(i, &diag);
                if (r < 0)
                        return bus_error_set_diag(error, &diag, r);
        }
        return sd_bus_reply_method_return(m, NULL);
}

static int method_reload(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(diag_done) Diag diag = {};
        Connection *c = userdata;
        int r;

        r = manager_reload(c->bus->manager, &diag);
        if (r < 0)
                return bus_error_set_diag(error, &diag, r);
        return sd_bus_reply_method_return(m, NULL);
}

/* As with systemd, who is not told of a failure sees the connection end. */
static void on_not_reexecuted(int r, const Diag *diag, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        (void)bus_error_set_diag(&error, diag, r);
        (void)sd_bus_reply_method_error(call, &error);
}

static int method_reexecute(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(diag_done) Diag diag = {};
        Connection *c = userdata;
        int r;

        r = manager_reexecute(c->bus->manager, &diag, on_not_reexecuted, sd_bus_message_ref(m));
        if (r >= 0)
                return 1;
        sd_bus_message_unref(m);
        return bus_error_set_diag(error, &diag, r);
}

/* --- exec */
static int method_exec(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(exec_request_done) ExecRequest request = {};
        Container *container;
        Caller *caller;
        int r;

        r = read_container(userdata, m, error, &container);
        if (r >= 0)
                r = exec_request_read(m, &request, error);
        if (r >= 0)
                r = caller_of(userdata, m, &caller);
        return r < 0 ? r : exec_new(caller, m, container, &request, error);
}

static int method_kill_exec(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Connection *c = userdata;
        Caller *caller;
        int32_t number;
        uint32_t id;
        int r;

        r = sd_bus_message_read(m, "ui", &id, &number);
        if (r >= 0)
                r = caller_of(c, m, &caller);
        if (r < 0)
                return r;
        if (number <= 0 || !signal_to_string(number))
                return bus_error_set_code(error, ERROR_USAGE, "%d is no signal", (int)number);

        /* a session is its client's own; another's number answers like one that is over */
        r = exec_owned(caller, id) ? manager_exec_signal(c->bus->manager, id, number) : -ESRCH;
        if (r == -ESRCH)
                return bus_error_set_code(error, ERROR_NOT_ACTIVE, "You have no session %u",
                                          (unsigned)id);
        if (r < 0)
                return bus_error_set_diag(error, NULL, r);
        return sd_bus_reply_method_return(m, NULL);
}

/* --- properties */
static int get_version(sd_bus *bus, const char *path, const char *interface, const char *name,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", BULWARK_VERSION);
}

static int get_unit_path(sd_bus *bus, const char *path, const char *interface, const char *name,
                         sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Connection *c = userdata;

        return bus_append_texts(reply, manager_config(c->bus->manager)->unit_path);
}

static int get_config_text(sd_bus *bus, const char *path, const char *interface, const char *name,
                           sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        static const struct {
                const char *name;
                size_t offset;
        } rows[] = {
                { "RuntimeDirectory", offsetof(ManagerConfig, runtime_directory) },
                { "StateDirectory", offsetof(ManagerConfig, state_directory) },
                { "ControlGroup", offsetof(ManagerConfig, cgroup) },
        };
        Connection *c = userdata;
        const char *config = (const char *)manager_config(c->bus->manager);

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq(rows[i].name, name))
                        return bus_append_text(reply, *(char *const *)(config + rows[i].offset));
        return -ENOENT;
}

static int get_features(sd_bus *bus, const char *path, const char *interface, const char *name,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && i < policy_backends_count(); i++)
                r = sd_bus_message_append(reply, "s", policy_backends[i]->name);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* Who may call what on a bus with other users stands in the table of bus-gate.c. */
static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("GetContainer", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", container),
                                method_get_container, 0),
        SD_BUS_METHOD_WITH_ARGS("ListContainers", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssssssouso)", containers),
                                method_list_containers, 0),
        SD_BUS_METHOD_WITH_ARGS("ListContainerProperties", SD_BUS_ARGS("as", names), SD_BUS_RESULT("a(sa{sv})", containers),
                                method_list_properties, 0),
        SD_BUS_METHOD_WITH_ARGS("ListUnitFiles", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ss)", unit_files),
                                method_list_unit_files, 0),
        SD_BUS_METHOD_WITH_ARGS("EnableUnitFiles", SD_BUS_ARGS("as", files, "b", runtime, "b", force),
                                SD_BUS_RESULT("b", carries_install_info, "a(sss)", changes), manager_method_change_unit_files, 0),
        SD_BUS_METHOD_WITH_ARGS("DisableUnitFiles", SD_BUS_ARGS("as", files, "b", runtime),
                                SD_BUS_RESULT("a(sss)", changes), manager_method_change_unit_files, 0),
        SD_BUS_METHOD_WITH_ARGS("MaskUnitFiles", SD_BUS_ARGS("as", files, "b", runtime, "b", force),
                                SD_BUS_RESULT("a(sss)", changes), manager_method_change_unit_files, 0),
        SD_BUS_METHOD_WITH_ARGS("UnmaskUnitFiles", SD_BUS_ARGS("as", files, "b", runtime),
                                SD_BUS_RESULT("a(sss)", changes), manager_method_change_unit_files, 0),
        SD_BUS_METHOD_WITH_ARGS("PresetUnitFiles", SD_BUS_ARGS("as", files, "b", runtime, "b", force),
                                SD_BUS_RESULT("b", carries_install_info, "a(sss)", changes), manager_method_change_unit_files, 0),
        SD_BUS_METHOD_WITH_ARGS("RevertUnitFiles", SD_BUS_ARGS("as", files),
                                SD_BUS_RESULT("a(sss)", changes), manager_method_change_unit_files, 0),
        SD_BUS_METHOD_WITH_ARGS("GetUnitFileState", SD_BUS_ARGS("s", name), SD_BUS_RESULT("s", state),
                                manager_method_get_unit_file_state, 0),
        SD_BUS_METHOD_WITH_ARGS("GetUnitPaths", SD_BUS_ARGS("s", name), SD_BUS_RESULT("as", paths),
                                method_get_unit_paths, 0),
        SD_BUS_METHOD_WITH_ARGS("StartContainer", SD_BUS_ARGS("s", name, "s", mode), SD_BUS_RESULT("o", job),
                                method_job, 0),
        SD_BUS_METHOD_WITH_ARGS("StopContainer", SD_BUS_ARGS("s", name, "s", mode), SD_BUS_RESULT("o", job),
                                method_job, 0),
        SD_BUS_METHOD_WITH_ARGS("RestartContainer", SD_BUS_ARGS("s", name, "s", mode), SD_BUS_RESULT("o", job),
                                method_job, 0),
        SD_BUS_METHOD_WITH_ARGS("TryRestartContainer", SD_BUS_ARGS("s", name, "s", mode), SD_BUS_RESULT("o", job),
                                method_job, 0),
        SD_BUS_METHOD_WITH_ARGS("ReloadContainer", SD_BUS_ARGS("s", name, "s", mode), SD_BUS_RESULT("o", job),
                                method_job, 0),
        SD_BUS_METHOD_WITH_ARGS("ReloadOrRestartContainer", SD_BUS_ARGS("s", name, "s", mode), SD_BUS_RESULT("o", job),
                                method_job, 0),
        SD_BUS_METHOD_WITH_ARGS("ReloadOrTryRestartContainer", SD_BUS_ARGS("s", name, "s", mode), SD_BUS_RESULT("o", job),
                                method_job, 0),
        SD_BUS_METHOD_WITH_ARGS("ListJobs", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(usssoo)", jobs), manager_method_list_jobs,
                                0),
        SD_BUS_METHOD_WITH_ARGS("GetJob", SD_BUS_ARGS("u", id), SD_BUS_RESULT("o", job), manager_method_get_job, 0),
        SD_BUS_METHOD_WITH_ARGS("CancelJob", SD_BUS_ARGS("u", id), SD_BUS_NO_RESULT, manager_method_cancel_job, 0),
        SD_BUS_METHOD_WITH_ARGS("ListDependencies", SD_BUS_ARGS("s", name, "b", reverse),
                                SD_BUS_RESULT("a(ssss)", dependencies), method_list_dependencies, 0),
        SD_BUS_METHOD_WITH_ARGS("WaitContainer", SD_BUS_ARGS("s", name),
                                SD_BUS_RESULT("s", active_state, "s", result, "i", exit_code, "i", exit_status),
                                method_wait, 0),
        SD_BUS_METHOD_WITH_ARGS("KillContainer", SD_BUS_ARGS("s", name, "s", whom, "i", signal), SD_BUS_NO_RESULT,
                                method_kill, 0),
        SD_BUS_METHOD_WITH_ARGS("FreezeContainer", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT, method_simple, 0),
        SD_BUS_METHOD_WITH_ARGS("ThawContainer", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT, method_simple, 0),
        SD_BUS_METHOD_WITH_ARGS("StartTransientContainer",
                                SD_BUS_ARGS("s", name, "s", mode, "a(sv)", properties, "a(sa(sv))", auxiliary),
                                SD_BUS_RESULT("o", job), manager_method_start_transient, 0),
        SD_BUS_METHOD_WITH_ARGS("RunContainer",
                                SD_BUS_ARGS("s", name, "s", mode, "a(sv)", properties, "b", terminal, "u", rows, "u", columns),
                                SD_BUS_RESULT("u", job, "ah", descriptors), manager_method_run, 0),
        SD_BUS_METHOD_WITH_ARGS("SetContainerProperties", SD_BUS_ARGS("s", name, "b", runtime, "a(sv)", properties),
                                SD_BUS_NO_RESULT, method_set_properties, 0),
        SD_BUS_METHOD_WITH_ARGS("ResetFailedContainer", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT, method_simple, 0),
        SD_BUS_METHOD_WITH_ARGS("ResetFailed", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reset_failed, 0),
        SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reload, 0),
        SD_BUS_METHOD_WITH_ARGS("Reexecute", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reexecute, 0),
        SD_BUS_METHOD_WITH_ARGS("GetContainerProcesses", SD_BUS_ARGS("s", name), SD_BUS_RESULT("a(sus)", processes),
                                method_processes, 0),
        SD_BUS_METHOD_WITH_ARGS("ProbeContainer", SD_BUS_ARGS("s", name), SD_BUS_RESULT("a(ssssssuss)", claims),
                                method_probe, 0),
        SD_BUS_METHOD_WITH_ARGS("ExecContainer", SD_BUS_ARGS("s", name, "as", argv, "a{sv}", options),
                                SD_BUS_RESULT("u", session, "ah", descriptors), method_exec, 0),
        SD_BUS_METHOD_WITH_ARGS("KillExec", SD_BUS_ARGS("u", session, "i", signal), SD_BUS_NO_RESULT,
                                method_kill_exec, 0),

        SD_BUS_SIGNAL_WITH_ARGS("JobNew", SD_BUS_ARGS("u", id, "o", job, "s", container), 0),
        SD_BUS_SIGNAL_WITH_ARGS("JobRemoved", SD_BUS_ARGS("u", id, "o", job, "s", container, "s", result), 0),
        SD_BUS_SIGNAL_WITH_ARGS("ContainerNew", SD_BUS_ARGS("s", name, "o", container), 0),
        SD_BUS_SIGNAL_WITH_ARGS("ContainerRemoved", SD_BUS_ARGS("s", name, "o", container), 0),
        SD_BUS_SIGNAL_WITH_ARGS("ExecEnded", SD_BUS_ARGS("u", session, "i", exit_code, "i", exit_status), 0),
        SD_BUS_SIGNAL("UnitFilesChanged", NULL, 0),
        SD_BUS_SIGNAL_WITH_ARGS("Event", SD_BUS_ARGS("t", realtime, "s", container, "s", kind, "a{sv}", details), 0),
        SD_BUS_SIGNAL_WITH_ARGS("Reloading", SD_BUS_ARGS("b", active), 0),

        SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("UnitPath", "as", get_unit_path, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("RuntimeDirectory", "s", get_config_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("StateDirectory", "s", get_config_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("ControlGroup", "s", get_config_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Features", "as", get_features, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};

int manager_object_add(Connection *c) {
        int r;

        r = sd_bus_add_object_vtable(c->sd, NULL, BUS_PATH, BUS_INTERFACE_MANAGER, manager_vtable, c);
        return r < 0 ? r : 0;
}
