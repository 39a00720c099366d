/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a plan asks the manager to open: host trees as detached mounts. The path is resolved once and held (base/held-path); from
 * then on only descriptors are used. */

#include "manager/plan/plan-format.h"
#include "manager/base/held-path.h"

typedef struct SlotDescriptor {
        int16_t slot;
        int fd;
} SlotDescriptor;

/* The descriptors to send with a plan, all owned. */
typedef struct SlotSet {
        SlotDescriptor *items;
        size_t n;
} SlotSet;
void slot_set_done(SlotSet *s);                     /* closes all */
int slot_set_add(SlotSet *s, int16_t slot, int fd); /* takes fd, also on failure */

/* Opens every SLOT_TREE and SLOT_DIRECTORY of the plan. A missing optional one is left out. trees: what containers can write,
 * where no link is followed. */
int slots_open_trees(const PlanView *plan, const PathTrees *trees, Diag *diag, SlotSet *set);
