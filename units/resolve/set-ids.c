/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A set-id file, or one with capabilities, that a container leaves in a tree of the host belongs to the host's root there:
 * whoever of the host can reach it becomes root. The place decides: below a directory that only root may enter nobody can,
 * and an init or a package manager may have such files in its own root. */
#include <linux/capability.h>

#include "units/resolve/resolve-steps.h"

static const TreeFact *fact_of(const UnitFacts *facts, const char *path) {
        for (size_t i = 0; i < facts->n_trees; i++)
                if (streq(facts->trees[i].path, path))
                        return facts->trees + i;
        return NULL;
}

/* The first tree of the host that the container may write to and that others of the host may enter. */
static bool find_exposed(const ContainerSpec *s, const UnitFacts *facts, HostTree *ret) {
        for (size_t i = 0; i < container_spec_host_trees_max(s); i++) {
                const TreeFact *fact;

                if (!container_spec_host_tree(s, i, ret))
                        continue;
                fact = fact_of(facts, ret->path);
                if (!fact || !fact->shut)
                        return true;
        }
        return false;
}

static int refuse_no(const ContainerSpec *s, const HostTree *t, Diag *diag) {
        return diag_error(diag, ERROR_CONFLICT, container_spec_origin(s, DIRECTIVE_RestrictSUIDSGID), "RestrictSUIDSGID",
                          "no would let the container leave programs in %s that run as the host's root for any user of the host: "
                          "no directory above it is closed to others; keep it below one of mode 0700, or take the line out",
                          t->path);
}

static int refuse_capability(const CapabilityItem *c, const HostTree *t, Diag *diag) {
        return diag_error(diag, ERROR_CONFLICT, &c->origin, "AddCapability",
                          "CAP_SETFCAP would let the container leave programs with capabilities of the host in %s, which users "
                          "of the host can enter; keep it below a directory of mode 0700, or take the capability out",
                          t->path);
}

int set_ids_resolve(ContainerSpec *s, const UnitFacts *facts, Diag *diag) {
        HostTree tree;
        int error = 0;

        if (!find_exposed(s, facts, &tree))
                return 0;
        if (s->restrict_suid_sgid == TRISTATE_NO)
                error = refuse_no(s, &tree, diag);
        for (size_t i = 0; i < s->add_capability.n; i++)
                if (s->add_capability.items[i].capability == CAP_SETFCAP)
                        error = refuse_capability(s->add_capability.items + i, &tree, diag);
        if (error < 0)
                return error;
        s->exposed_tree.path = strdup(tree.path);
        s->exposed_tree.origin = tree.origin;
        s->exposed_tree.directive = tree.directive;
        return s->exposed_tree.path ? 0 : -ENOMEM;
}
