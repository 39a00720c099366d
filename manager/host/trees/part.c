/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "manager/container/container-internal.h"
#include "manager/host/part.h"

/* The trees that a launch mounts: root and binds, held open from before the clone. They go with the launch. */

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
        return r;
}

static int trees_open(Container *c, Launch *launch, Diag *diag) {
        return container_open_trees(c, &launch->plan->view, &launch->slots, diag);
}

const LifePart part_trees = {
        .name = "trees",
        .prepare = trees_open,
        .fill = trees_open,
};
