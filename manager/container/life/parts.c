/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/container/container-internal.h"
#include "manager/container/life/parts.h"

/* THE order of effects. Ids and labels are chosen before the plan that has them; the machine's scope is there before the
 * control group in it, and goes after it; the group's filters are there before anything is in it; policies are undone after
 * the control group, since one that is unloaded under a process unconfines it; pipes are there before whatever is launched
 * writes into them, and are read to their end before anything else goes; what outlives the life comes last. */
const LifePart *const life_parts[] = {
        &part_ids,     &part_policies, &part_plan,  &part_machine, &part_cgroup,   &part_filters, &part_network, &part_names, &part_directories, &part_layers, &part_trees,
        &part_streams, &part_messages, &part_store, &part_sockets, &part_commands, &part_health,
        &part_forking,
};

size_t life_parts_count(void) {
        return ELEMENTSOF(life_parts);
}
