/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a name to a frozen spec, and what can be refused before the host is touched. */
#include "manager/container/container-internal.h"
#include "manager/container/life/parts.h"
#include "manager/plan/unit-freeze.h"

static LoadState load_state_of(const Diag *diag) {
        switch (diag_first_code(diag)) {
        case ERROR_NO_SUCH_UNIT:
                return LOAD_NOT_FOUND;
        case ERROR_MASKED:
                return LOAD_MASKED;
        default: /* every other mistake makes a bad unit */
                return LOAD_BAD;
        }
}

static bool unit_is_named(const value_units *v, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (streq(v->items[i].name, name))
                        return true;
        return false;
}

/* A dependency on another name of a container is one on the container; one on a name of its own is none. */
static void name_dependencies(const Manager *m, ContainerSpec *draft) {
        for (DirectiveId id = 0; m->aliases && id < _DIRECTIVE_MAX; id++) {
                value_units *v = container_spec_field(draft, id);
                size_t kept = 0;

                if (directives[id].type != &value_type_units)
                        continue;
                for (size_t i = 0; i < v->n; i++) {
                        char *other = manager_alias_of(m, v->items[i].name);

                        if (other) {
                                free(v->items[i].name);
                                v->items[i].name = other;
                        }
                        if (other && (streq(other, draft->name) || unit_is_named(v, kept, other)))
                                free(v->items[i].name);
                        else
                                v->items[kept++] = v->items[i];
                }
                v->n = kept;
        }
}

int definition_load(Manager *m, const char *name, Diag *diag, LoadState *ret_state,
                    const ContainerSpec **ret) {
        ContainerSpec *draft = NULL;
        int r;

        r = unit_load(name, m->config.unit_path, &m->host.specifiers, diag, &draft);
        if (draft)
                name_dependencies(m, draft);
        if (draft && unit_trees_gather(draft, &m->trees) < 0)
                r = -ENOMEM;
        if (draft)
                r = unit_freeze(draft, &m->host, diag, ret);
        if (r == -ENOMEM && diag->n_errors == 0)
                (void)diag_error(diag, ERROR_NO_MEMORY, NULL, NULL, "out of memory");
        *ret_state = r < 0 ? load_state_of(diag) : LOAD_LOADED;
        return r;
}

void container_use_spec(Container *c, const ContainerSpec *spec) {
        const ContainerSpec *old = c->spec;

        c->spec = spec ? container_spec_ref(spec) : NULL;
        if (old)
                (void)container_spec_unref((ContainerSpec *)old);
}

static bool is_below(const char *path, const char *folder) {
        const char *rest = path ? startswith(path, folder) : NULL;

        return rest && *rest == '/';
}

int container_load(Container *c, Diag *diag) {
        const ContainerSpec *spec = NULL;
        int r = definition_load(c->manager, c->name, diag, &c->load, &spec);

        diag_keep(diag, &c->load_error);
        if (r < 0 && !container_is_down(c))
                return r;
        container_drop_policies(c);
        if (c->loaded)
                (void)container_spec_unref((ContainerSpec *)c->loaded);
        c->loaded = r < 0 ? NULL : spec;
        c->transient = c->loaded && is_below(c->loaded->fragment_path, c->manager->transient_path);
        if (dependencies_update(c) < 0 && r >= 0)
                r = diag_error(diag, ERROR_NO_MEMORY, NULL, NULL, "out of memory");
        return r;
}

void container_drop_policies(Container *c) {
        if (c->policies)
                c->policies = policy_set_unref(c->policies);
}

int container_compile(Container *c, Diag *diag) {
        return c->policies ? 0 : policy_compile(c->loaded, c->manager->cache_fd, diag, &c->policies);
}

/* No start began, so the state is what it was; but how the last one ended is why there is none. */
void container_keep_refusal(Container *c, const Diag *diag) {
        c->result = diag->n_errors > 0 && diag_first_code(diag) == ERROR_POLICY ? RESULT_POLICY : RESULT_RESOURCES;
        diag_keep(diag, &c->last_error);
        c->n_refused++;
        container_notify(c);
}

int container_check_start(Container *c, Diag *diag) {
        int r;

        /* A module may have been told to enforce, or not to, since the last start. */
        mac_facts_refresh(&c->manager->host.mac);
        r = container_load(c, diag);
        if (r >= 0)
                r = container_compile(c, diag);
        if (r < 0)
                return r;
        if (!keeper_client_connected(c->manager->keeper))
                return diag_errno(diag, ERROR_NO_KEEPER, NULL, NULL, ENOTCONN,
                                  "the keeper does not answer on \"%s\"", c->manager->keeper_socket);
        return life_parts_check(c, diag);
}
