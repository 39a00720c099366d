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

static int check_exit_type(const ContainerSpec *s, Diag *diag) {
        const Origin *origin = container_spec_origin(s, DIRECTIVE_ExitType);

        if (s->exit_type != EXIT_TYPE_CGROUP)
                return 0;
        if (s->type == CONTAINER_TYPE_ONESHOT)
                return diag_error(diag, ERROR_CONFLICT, origin, "ExitType",
                                  "'cgroup' with Type=oneshot would never let the start come to an end; take one of them out");
        if (s->boot || s->process_two == TRISTATE_NO)
                return diag_error(diag, ERROR_CONFLICT, origin, "ExitType",
                                  "'cgroup' takes the init of Bulwark, which stays until the last process has ended; take Boot=yes or "
                                  "ProcessTwo=no out");
        return 0;
}

static int check_forking(const ContainerSpec *s, Diag *diag) {
        static const DirectiveId alone[] = { DIRECTIVE_PIDFile, DIRECTIVE_GuessMainPID };

        if (s->type != CONTAINER_TYPE_FORKING) {
                for (size_t i = 0; i < ELEMENTSOF(alone); i++)
                        if (attribute_is_said(s, alone[i]))
                                diag_warning(diag, ERROR_CONFLICT, container_spec_origin(s, alone[i]), directives[alone[i]].name,
                                             "has no effect without Type=forking: the main process is the one that is started");
                return 0;
        }
        if (s->boot || s->process_two == TRISTATE_NO)
                return diag_error(diag, ERROR_CONFLICT, container_spec_origin(s, DIRECTIVE_Type), "Type",
                                  "'forking' takes the init of Bulwark, which stays when the first process has ended; take Boot=yes or "
                                  "ProcessTwo=no out");
        return 0;
}

static int check_sysctls(const ContainerSpec *s, Diag *diag) {
        int error = 0;

        for (size_t i = 0; i < s->sysctl.n; i++)
                if (!s->private_network && sysctl_namespace(s->sysctl.items[i].name) == SYSCTL_NET)
                        error = diag_error(diag, ERROR_CONFLICT, &s->sysctl.items[i].origin, "Sysctl",
                                           "%s would be set for the host, whose network PrivateNetwork=no gives the container; set it "
                                           "there, with sysctl.d(5)",
                                           s->sysctl.items[i].name);
        return error;
}

/* systemd appends both to one text in the order of the lines; here each has its own. */
static int check_input(const ContainerSpec *s, Diag *diag) {
        const bool data = s->standard_input_data.size > 0, text = s->standard_input_text != NULL;

        if (data && text)
                return diag_error(diag, ERROR_CONFLICT, container_spec_origin(s, DIRECTIVE_StandardInputData), "StandardInputData",
                                  "stands beside StandardInputText=; write all of the input in one of them");
        if ((data || text) && (s->standard_input.kind == INPUT_NULL || s->standard_input.kind == INPUT_FILE))
                diag_warning(diag, ERROR_CONFLICT, container_spec_origin(s, DIRECTIVE_StandardInput), "StandardInput",
                             "says otherwise, so that %s= has no effect; write data",
                             data ? "StandardInputData" : "StandardInputText");
        return 0;
}

static int check_dynamic_user(const ContainerSpec *s, Diag *diag) {
        if (!s->dynamic_user || !s->boot)
                return 0;
        return diag_error(diag, ERROR_CONFLICT, container_spec_origin(s, DIRECTIVE_DynamicUser), "DynamicUser",
                          "contradicts Boot=yes: an init must be root inside of its container");
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
        static int (*const checks[])(const ContainerSpec *s, Diag *diag) = {
                check_priority, check_nodes, check_keyring, check_exit_type, check_forking, check_sysctls, check_input, check_dynamic_user,
        };
        int error = 0;

        warn_of_level(spec, diag);
        warn_of_ulimit(spec, diag);
        for (size_t i = 0; i < ELEMENTSOF(checks); i++) {
                int r = checks[i](spec, diag);

                if (r < 0)
                        error = r;
        }
        return error;
}
