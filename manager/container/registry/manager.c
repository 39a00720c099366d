/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The registry: every container by name, sorted; listeners; loading and reloading units. */
#include <stdio.h>

#include "manager/container/container-internal.h"
#include "manager/host/network/part-table.h"
#include "manager/record/record-store.h"
#include "units/syntax/search.h"
#include "manager/container/life/parts.h"
#include "manager/host/streams/life-log.h"

int manager_new(const ManagerConfig *config, sd_event *event, Diag *diag, Manager **ret) {
        Manager *m = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return -ENOMEM;
        m->event = sd_event_ref(event);
        m->runtime_fd = m->state_fd = m->records_fd = m->lives_fd = m->logs_fd = m->cache_fd = m->notify_fd = m->log_fd = m->names_fd = -EBADF;
        m->transient_fd = -EBADF;
        m->inotify_fd = m->keeper_fd = -EBADF;
        m->cgroup = CGROUP_ROOT_EMPTY;
        m->config = *config;
        m->config.unit_path = strv_copy(config->unit_path);
        m->config.runtime_directory = strdup(config->runtime_directory);
        m->config.state_directory = strdup(config->state_directory);
        m->config.config_file = config->config_file ? strdup(config->config_file) : NULL;
        m->config.cgroup = config->cgroup ? strdup(config->cgroup) : NULL;
        m->config.keeper = config->keeper ? strdup(config->keeper) : NULL;
        m->config.probe = config->probe ? strdup(config->probe) : NULL;
        m->config.omit_steps = strv_copy(config->omit_steps);
        m->config.policy_helper = config->policy_helper ? strdup(config->policy_helper) : NULL;
        r = crash_plan_parse(config->crash_at, diag, &m->crash);
        if (r >= 0)
                r = dependency_graph_new(&m->dependencies);
        if (r >= 0)
                r = str_append(&m->keeper_socket, "%s/keeper", config->runtime_directory);
        if (r >= 0)
                r = str_append(&m->transient_path, "%s/transient", config->runtime_directory);
        if (r >= 0)
                r = str_append(&m->image_store, "%s/images", config->state_directory);
        if (r >= 0 && !strv_contains(m->config.unit_path, m->transient_path))
                r = strv_extend(&m->config.unit_path, m->transient_path);
        if (r >= 0 && (!m->config.runtime_directory || !m->config.state_directory ||
                       (config->unit_path && !m->config.unit_path) ||
                       (config->cgroup && !m->config.cgroup) || (config->keeper && !m->config.keeper) ||
                       (config->probe && !m->config.probe) || (config->omit_steps && !m->config.omit_steps) ||
                       (config->policy_helper && !m->config.policy_helper) ||
                       (config->config_file && !m->config.config_file)))
                r = -ENOMEM;
        if (r >= 0)
                r = life_log_new(m, &m->life_log);
        if (r < 0) {
                (void)manager_free(m);
                return r == -ENOMEM ? diag_errno(diag, ERROR_NO_MEMORY, NULL, NULL, -r, "cannot make the manager") : r;
        }
        *ret = m;
        return 0;
}

static void config_done(ManagerConfig *c) {
        c->unit_path = strv_free(c->unit_path);
        free(c->config_file);
        free(c->runtime_directory);
        free(c->state_directory);
        free(c->cgroup);
        free(c->keeper);
        free(c->policy_helper);
        free(c->probe);
        c->omit_steps = strv_free(c->omit_steps);
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;
        m->life_log = life_log_free(m->life_log);
        sessions_free(m);
        probes_free(m);
        HASH_CLEAR(hh, m->by_name);
        for (size_t i = 0; i < m->n_sorted; i++)
                container_destroy(m->sorted[i]);
        free(m->sorted);
        m->aliases = strv_free(m->aliases);
        m->dependencies = dependency_graph_free(m->dependencies);
        m->keeper = keeper_client_free(m->keeper);
        m->packets = packet_table_free(m->packets);
        descriptor_partings_free(m);
        m->reconnect_timer = sd_event_source_disable_unref(m->reconnect_timer);
        m->inotify_source = sd_event_source_disable_unref(m->inotify_source);
        m->job_source = sd_event_source_disable_unref(m->job_source);
        m->shutdown_source = sd_event_source_disable_unref(m->shutdown_source);
        m->reexec.patience = sd_event_source_disable_unref(m->reexec.patience);
        m->transient_source = sd_event_source_disable_unref(m->transient_source);
        assemblies_free(m);
        for (size_t i = 0; i < ELEMENTSOF(m->mac_sources); i++)
                m->mac_sources[i] = sd_event_source_disable_unref(m->mac_sources[i]);
        m->policies = policy_host_free(m->policies);
        (void)safe_close(m->inotify_fd);
        (void)safe_close(m->keeper_fd);
        (void)safe_close(m->runtime_fd);
        (void)safe_close(m->state_fd);
        (void)safe_close(m->records_fd);
        (void)safe_close(m->lives_fd);
        (void)safe_close(m->notify_fd);
        (void)safe_close(m->log_fd);
        (void)safe_close(m->names_fd);
        (void)safe_close(m->logs_fd);
        (void)safe_close(m->cache_fd);
        (void)safe_close(m->transient_fd);
        cgroup_root_done(&m->cgroup);
        id_ranges_done(&m->ranges);
        path_trees_done(&m->trees);
        if (m->host_gathered)
                host_facts_done(&m->host);
        m->scratch = log_scratch_free(m->scratch);
        free(m->listeners);
        free(m->keeper_socket);
        free(m->transient_path);
        free(m->image_store);
        config_done(&m->config);
        (void)sd_event_unref(m->event);
        free(m);
        return NULL;
}

const ManagerConfig *manager_config(const Manager *m) {
        return &m->config;
}

const SpecifierFacts *manager_specifiers(const Manager *m) {
        return &m->host.specifiers;
}

int manager_listen(Manager *m, const ManagerListener *listener, void *userdata) {
        Listener *grown = reallocarray(m->listeners, m->n_listeners + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        m->listeners = grown;
        m->listeners[m->n_listeners++] = (Listener){ .callbacks = listener, .userdata = userdata };
        return 0;
}

void manager_unlisten(Manager *m, void *userdata) {
        size_t n = 0;

        for (size_t i = 0; i < m->n_listeners; i++)
                if (m->listeners[i].userdata != userdata)
                        m->listeners[n++] = m->listeners[i];
        m->n_listeners = n;
}

/* --- registry */

Container *manager_find(Manager *m, const char *name) {
        Container *c;

        HASH_FIND_STR(m->by_name, name, c);
        return c;
}

/* Where name stands in the sorted list, or would stand. */
static size_t position(const Manager *m, const char *name) {
        size_t low = 0, high = m->n_sorted;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(m->sorted[middle]->name, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

int manager_add(Manager *m, const char *name, Container **ret) {
        size_t at = position(m, name);
        Container **grown, *c;
        int r;

        grown = reallocarray(m->sorted, m->n_sorted + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        m->sorted = grown;
        r = container_make(m, name, &c);
        if (r < 0)
                return r;
        memmove(m->sorted + at + 1, m->sorted + at, (m->n_sorted - at) * sizeof(*m->sorted));
        m->sorted[at] = c;
        m->n_sorted++;
        HASH_ADD_KEYPTR(hh, m->by_name, c->name, strlen(c->name), c);
        *ret = c;
        return 0;
}

/* Told once, after it was loaded: what is announced can be shown. */
void manager_announce(Container *c) {
        Manager *m = c->manager;

        if (c->shown)
                return;
        c->shown = true;
        for (size_t i = 0; i < m->n_listeners; i++)
                if (m->listeners[i].callbacks->container_new)
                        m->listeners[i].callbacks->container_new(c, m->listeners[i].userdata);
        container_tell_events(c);
}

void manager_forget(Container *c) {
        Manager *m = c->manager;
        size_t at = position(m, c->name);

        if (c->shown) {
                c->load = LOAD_NOT_FOUND;
                container_tell_events(c);
        }
        if (c->shown)
                for (size_t i = 0; i < m->n_listeners; i++)
                        if (m->listeners[i].callbacks->container_removed)
                                m->listeners[i].callbacks->container_removed(c, m->listeners[i].userdata);
        memmove(m->sorted + at, m->sorted + at + 1, (m->n_sorted - at - 1) * sizeof(*m->sorted));
        m->n_sorted--;
        HASH_DEL(m->by_name, c);
        (void)dependency_graph_set(m->dependencies, c->name, NULL);
        life_parts_forget(c);
        container_destroy(c);
}

Container *manager_first(Manager *m) {
        return m->n_sorted > 0 ? m->sorted[0] : NULL;
}

Container *manager_next(Manager *m, Container *c) {
        size_t at = position(m, c->name) + 1;

        return at < m->n_sorted ? m->sorted[at] : NULL;
}

bool container_is_forgettable(const Container *c) {
        return c->state == CONTAINER_INACTIVE && !c->job && c->n_sessions == 0;
}

/* --- other names */

/* What load_all() has seen is enough for dependencies; a name that a person says is looked for on disk. */
static void aliases_read(Manager *m, const UnitFileEntry *entries, size_t n) {
        m->aliases = strv_free(m->aliases);
        for (size_t i = 0; i < n; i++) {
                char *other = NULL;

                if (entries[i].state != UNIT_FILE_ALIAS || unit_alias_of(entries[i].name, m->config.unit_path, &other) < 0 || !other)
                        continue;
                if (strv_extend(&m->aliases, entries[i].name) < 0 || strv_push(&m->aliases, other) < 0)
                        return;
        }
}

char *manager_alias_of(const Manager *m, const char *name) {
        const char *at = strchr(name, '@');
        const size_t n = at ? (size_t)(at - name) + 1 : 0;

        for (char *const *a = m->aliases; a && a[0] && a[1]; a += 2) {
                char *other = NULL;

                if (streq(a[0], name))
                        return strdup(a[1]);
                if (n > 0 && strlen(a[0]) == n && memcmp(a[0], name, n) == 0)
                        return str_append(&other, "%s%s", a[1], at + 1) < 0 ? NULL : other;
        }
        return NULL;
}

int manager_get(Manager *m, const char *name, Diag *diag, Container **ret) {
        const char *suffix = endswith(name, ".container");
        _cleanup_free_ char *plain = strndup(name, suffix ? (size_t)(suffix - name) : strlen(name));
        _cleanup_(diag_done) Diag local = {};
        Diag *d = diag ? diag : &local;
        Container *c;
        int r;

        if (!plain)
                return -ENOMEM;
        if (!container_name_valid(plain))
                return diag_error(diag, ERROR_USAGE, NULL, NULL, "\"%s\" is not a container's name", name);
        c = manager_find(m, plain);
        if (!c) {
                _cleanup_free_ char *other = NULL;

                r = unit_alias_of(plain, m->config.unit_path, &other);
                if (r < 0)
                        return r;
                if (other && container_name_valid(other)) {
                        free(plain);
                        plain = TAKE_PTR(other);
                        c = manager_find(m, plain);
                }
        }
        if (c) {
                *ret = c;
                return 0;
        }
        r = manager_add(m, plain, &c);
        if (r < 0)
                return r;
        r = container_load(c, d);
        if (r < 0 && c->load == LOAD_NOT_FOUND) {
                manager_forget(c);
                return r;
        }
        if (r < 0 && diag)
                diag_done(diag); /* a bad or masked unit is a container, too; its errors are its property */
        manager_announce(c);
        *ret = c;
        return 0;
}

/* --- units */

static void warn_of_name(const Manager *m, const UnitFileEntry *e, Diag *diag) {
        static const char words[] = "is not loaded: no container can have this name, which has at most 64 letters, digits or any of "
                                    "':_.-\\', does not begin with '-', and has one '@' before an instance; rename the file";

        log_message(&m->config.log, LOG_WARNING, "%s: %s", e->path, words);
        diag_warning(diag, ERROR_USAGE, &(Origin){ .file = e->path }, NULL, "%s", words);
}

static int load_all(Manager *m, Diag *diag) {
        UnitFileEntry *entries = NULL;
        size_t n = 0;
        int r;

        r = unit_files_list(m->config.unit_path, &entries, &n);
        if (r < 0)
                return r;
        aliases_read(m, entries, n);
        for (size_t i = 0; i < n && r >= 0; i++) {
                Container *c;

                if (entries[i].state == UNIT_FILE_ALIAS)
                        continue;
                if (entries[i].state == UNIT_FILE_MISNAMED) {
                        warn_of_name(m, entries + i, diag);
                        continue;
                }
                if (entries[i].state == UNIT_FILE_TEMPLATE || !container_name_valid(entries[i].name) ||
                    manager_find(m, entries[i].name))
                        continue;
                r = manager_add(m, entries[i].name, &c);
        }
        unit_files_free(entries, n);
        return r;
}

/* Of a container whose unit has gone, and that does nothing and has not failed, nothing is kept. */
bool manager_forget_gone(Container *c) {
        if (c->load != LOAD_NOT_FOUND || !container_is_forgettable(c))
                return false;
        record_remove(c->manager->records_fd, c->name);
        manager_forget(c);
        return true;
}

static void reload_one(Container *c) {
        _cleanup_(diag_done) Diag diag = {};

        (void)container_load(c, &diag);
        if (manager_forget_gone(c))
                return;
        if (c->shown)
                container_notify(c);
        else
                manager_announce(c);
}

void manager_tell_reloading(Manager *m, bool active) {
        for (size_t i = 0; i < m->n_listeners; i++)
                if (m->listeners[i].callbacks->reloading)
                        m->listeners[i].callbacks->reloading(active, m->listeners[i].userdata);
}

int manager_reload(Manager *m, Diag *diag) {
        int r;

        manager_tell_reloading(m, true);
        if (m->adopted) /* else it is the manager's own start */
                crash_point(m, RELOAD_BEGUN);
        if (m->host_gathered)
                host_facts_done(&m->host);
        r = host_facts_gather(&m->host);
        m->host_gathered = r >= 0;
        m->host.trees = &m->trees;
        m->host.image_store = m->image_store;
        if (r >= 0) {
                r = host_config_load(m->config.config_file, diag, &m->host);
                if (r < 0 && diag->n_errors > 0) {
                        manager_tell_reloading(m, false);
                        return r;
                }
        }
        if (r >= 0)
                r = load_all(m, diag);
        for (size_t i = m->n_sorted; r >= 0 && i > 0;
             i--) { /* backwards: reload_one() may take the last one away */
                if (m->adopted && i == (m->n_sorted + 1) / 2)
                        crash_point(m, RELOAD_READ);
                reload_one(m->sorted[i - 1]);
        }
        dependencies_warn_of_cycles(m);
        dependencies_settle_all(m);
        manager_tell_reloading(m, false);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot read the units");
        return 0;
}
