/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Contradictions between the attributes of the payload's process. */
#include "units/resolve/resolve-steps.h"

static bool attribute_is_said(const ContainerSpec *s, DirectiveId id) {
        return container_spec_origin(s, id)->file;
}

static int check_priority(const ContainerSpec *s, Diag *diag) {
        if (s->cpu_scheduling_priority == 0 || s->wrong[DIRECTIVE_CPUSchedulingPolicy] ||
            s->cpu_scheduling_policy == CPU_POLICY_FIFO || s->cpu_scheduling_policy == CPU_POLICY_RR)
                return 0;
        return diag_error(diag, ERROR_CONFLICT, container_spec_origin(s, DIRECTIVE_CPUSchedulingPriority), "CPUSchedulingPriority",
                          "only real-time policies have priorities; write CPUSchedulingPolicy=fifo or rr, or Nice= instead");
}

/* As the kernel has it: what it would refuse at every start is refused now. */
static int check_nodes(const ContainerSpec *s, Diag *diag) {
        const bool takes = s->numa_policy == NUMA_POLICY_BIND || s->numa_policy == NUMA_POLICY_INTERLEAVE ||
                           s->numa_policy == NUMA_POLICY_PREFERRED;

        if (s->wrong[DIRECTIVE_NUMAPolicy] || s->wrong[DIRECTIVE_NUMAMask])
                return 0;
        if (s->numa_mask.n > 0 && !takes)
                return diag_error(diag, ERROR_CONFLICT, container_spec_origin(s, DIRECTIVE_NUMAMask), "NUMAMask",
                                  "nodes go with NUMAPolicy=preferred, bind or interleave; write one of them too");
        if (s->numa_mask.n == 0 && (s->numa_policy == NUMA_POLICY_BIND || s->numa_policy == NUMA_POLICY_INTERLEAVE))
                return diag_error(diag, ERROR_CONFLICT, container_spec_origin(s, DIRECTIVE_NUMAPolicy), "NUMAPolicy",
                                  "says nothing without nodes; name them with NUMAMask=");
        return 0;
}

static int check_keyring(const ContainerSpec *s, Diag *diag) {
        if (s->keyring_mode != KEYRING_SHARED || s->private_users.mode != PRIVATE_USERS_NO)
                return 0;
        return diag_error(diag, ERROR_CONFLICT, container_spec_origin(s, DIRECTIVE_KeyringMode), "KeyringMode",
                          "'shared' with PrivateUsers=no would link a keyring of the host's user into the container; write "
                          "private, or take PrivateUsers=no out");
}

static void warn_of_level(const ContainerSpec *s, Diag *diag) {
        if (attribute_is_said(s, DIRECTIVE_IOSchedulingPriority) && attribute_is_said(s, DIRECTIVE_IOSchedulingClass) &&
            (s->io_scheduling_class == IO_CLASS_IDLE || s->io_scheduling_class == IO_CLASS_NONE))
                diag_warning(diag, ERROR_CONFLICT, container_spec_origin(s, DIRECTIVE_IOSchedulingPriority),
                             "IOSchedulingPriority", "has no effect: only realtime and best-effort have levels");
}

/* Two names for one limit: the unit means one of them. */
static void warn_of_ulimit(const ContainerSpec *s, Diag *diag) {
        static const DirectiveId ids[_RESOURCE_LIMIT_MAX] = {
#define RESOURCE_LIMIT(name, word, unit) [RESOURCE_LIMIT_##name] = DIRECTIVE_Limit##name,
#include "units/values/resource-limits.inc"
#undef RESOURCE_LIMIT
        };

        for (int i = 0; i < _RESOURCE_LIMIT_MAX; i++)
                if (s->ulimit.limits[i].set && attribute_is_said(s, ids[i]))
                        diag_warning(diag, ERROR_CONFLICT, s->ulimit.origins + i, "Ulimit", "%s= stands there too, and counts",
                                     directives[ids[i]].name);
}

int attributes_check(const ContainerSpec *spec, Diag *diag) {
        int error = 0, r;

        warn_of_level(spec, diag);
        warn_of_ulimit(spec, diag);
        r = check_priority(spec, diag);
        if (r < 0)
                error = r;
        r = check_nodes(spec, diag);
        if (r < 0)
                error = r;
        r = check_keyring(spec, diag);
        return r < 0 ? r : error;
}
