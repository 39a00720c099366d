/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "manager/container/container-internal.h"
#include "manager/host/credentials/credentials.h"
#include "manager/host/part.h"

/* The trees that a launch mounts: root and binds, held open from before the clone. They go with the launch. */

static int credentials_fill(Container *c, const PlanView *plan, SlotSet *slots, Diag *diag) {
        const uint32_t base = c->id_count > 0 ? c->id_base : 0;
        const CredentialsRequest q = { .spec = c->spec,
                                       .trees = &c->manager->trees,
                                       .uid = base + c->spec->identity.uid,
                                       .gid = base + c->spec->identity.gid,
                                       .context = c->labels.selinux_file_context,
                                       .inherited = secure_getenv("CREDENTIALS_DIRECTORY") };

        for (uint32_t i = 0; i < plan->header->n_slots; i++) {
                int fd = -EBADF, r;

                if (plan->slots[i].kind != SLOT_CREDENTIALS)
                        continue;
                r = credentials_open(&q, diag, &fd);
                return r < 0 ? r : slot_set_add(slots, (int16_t)i, fd);
        }
        return 0;
}

/* All that a launch mounts and the manager opens; also of one that is no payload's. */
int container_open_trees(Container *c, const PlanView *plan, SlotSet *slots, Diag *diag) {
        PathTrees *trees = &c->manager->trees;
        int r = slots_open_trees(plan, trees, diag, slots);

        for (size_t i = 0; r >= 0 && i < slots->n; i++) {
                const PlanSlot *slot = plan->slots + slots->items[i].slot;
                struct stat st;

                if (slot->kind == SLOT_TREE && unit_tree_is_written(c->spec, plan_text(plan, slot->path)) &&
                    fstat(slots->items[i].fd, &st) >= 0)
                        r = path_trees_add(trees, st.st_dev, st.st_ino);
        }
        if (r >= 0)
                r = names_open(c, plan, slots, diag);
        return r < 0 ? r : credentials_fill(c, plan, slots, diag);
}

static int trees_open(Container *c, Launch *launch, Diag *diag) {
        return container_open_trees(c, &launch->plan->view, &launch->slots, diag);
}

const LifePart part_trees = {
        .name = "trees",
        .prepare = trees_open,
        .fill = trees_open,
};
