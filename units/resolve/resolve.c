/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>

#include "units/resolve/resolve-steps.h"

static int resolve_identity(ContainerSpec *s, const UnitFacts *facts, Diag *diag) {
        IdentityRequest q = {
                .user = s->user,
                .dynamic = s->dynamic_user ? s->prefix : NULL,
                .group = s->group,
                .supplementary = s->supplementary_groups,
                .user_origin = container_spec_origin(s, DIRECTIVE_User),
                .group_origin = container_spec_origin(s, DIRECTIVE_Group),
                .supplementary_origin = container_spec_origin(s, DIRECTIVE_SupplementaryGroups),
                .user_directive = "User",
                .group_directive = "Group",
                .supplementary_directive = "SupplementaryGroups",
        };

        return identity_lookup(&q, facts, diag, &s->identity);
}

/* Without a root there is no passwd to look into, and a name that was refused says nothing: those mistakes alone
 * are worth reporting. */
static bool identity_is_told(const ContainerSpec *s, const UnitFacts *facts) {
        return facts->root_exists && facts->root_is_directory && !s->wrong[DIRECTIVE_User] &&
               !s->wrong[DIRECTIVE_Group] && !s->wrong[DIRECTIVE_SupplementaryGroups];
}

static int resolve_directory(ContainerSpec *s, Diag *diag) {
        const value_working_directory *w = &s->working_directory;
        const char *path = w->path ? w->path : "/";

        if (w->home) {
                if (!s->identity.home)
                        return diag_error(
                                diag, ERROR_MISSING, container_spec_origin(s, DIRECTIVE_WorkingDirectory),
                                "WorkingDirectory",
                                "'~' needs a home directory, and the container's /etc/passwd has none for "
                                "this user; give a path");
                path = s->identity.home;
        }
        s->exec_directory = strdup(path);
        if (!s->exec_directory)
                return -ENOMEM;
        s->exec_directory_missing_ok = w->missing_ok;
        return 0;
}

/* ReadOnlyPaths=/ is what ReadOnly=yes gives, without its places for scratch files; spec_check() has seen to the rest. */
static void drop_read_only_root(value_paths *l) {
        size_t kept = 0;

        for (size_t i = 0; i < l->n; i++)
                if (streq(l->items[i].path, "/"))
                        free(l->items[i].path);
                else
                        l->items[kept++] = l->items[i];
        l->n = kept;
}

/* Defaults that depend on another setting. */
static void resolve_defaults(ContainerSpec *s, const HostFacts *host) {
        s->init_role = s->process_two == TRISTATE_YES || (s->process_two == TRISTATE_UNSET && !s->boot);
        /* systemd as an init halts on it; SIGTERM would make it re-execute itself. */
        if (s->kill_signal == 0)
                s->kill_signal = s->boot ? SIGRTMIN + 3 : SIGTERM;
        drop_read_only_root(&s->read_only_paths);
        s->file_descriptor_store_max = MIN_OF(s->file_descriptor_store_max, (value_count)SPEC_STORED_MAX);
        lifecycle_resolve(s);
        s->host_memory = host->memory_total;
        s->host_tasks = host->tasks_max;
}

static int resolve_seccomp_profile(ContainerSpec *s, const UnitFacts *unit, Diag *diag) {
        const Origin *origin = container_spec_origin(s, DIRECTIVE_SeccompProfile);

        if (!s->seccomp_profile)
                return 0;
        if (unit->seccomp_profile.refused)
                return diag_error(diag, ERROR_POLICY, origin, "SeccompProfile", "cannot read \"%s\": %s", s->seccomp_profile,
                                  unit->seccomp_profile.refused);
        if (!unit->seccomp_profile.text)
                return diag_error(diag, ERROR_MISSING, origin, "SeccompProfile", "cannot read \"%s\": %s", s->seccomp_profile,
                                  strerror(unit->seccomp_profile.error != 0 ? unit->seccomp_profile.error : ENOENT));
        s->seccomp_profile_text = strdup(unit->seccomp_profile.text);
        return s->seccomp_profile_text ? 0 : -ENOMEM;
}

int spec_resolve(ContainerSpec *draft, const HostFacts *host, const UnitFacts *unit, Diag *diag,
                 const ContainerSpec **ret) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = draft;
        int error = s->error, r = 0;

        if (!s->wrong[DIRECTIVE_Image]) {
                r = image_resolve(s, unit, diag);
                if (r == -ENOMEM)
                        return r;
                if (r < 0) {
                        s->wrong[DIRECTIVE_Image] = true;
                        error = r;
                }
        }
        if (identity_is_told(s, unit)) {
                r = resolve_identity(s, unit, diag);
                if (r >= 0)
                        r = resolve_directory(s, diag);
        }
        if (r < 0)
                error = r;
        r = environment_resolve(s, unit, diag);
        if (r < 0)
                error = r;
        if (!s->wrong[DIRECTIVE_MandatoryAccessControl]) {
                r = mac_resolve(s, host, diag);
                if (r < 0)
                        error = r;
        }
        r = resolve_seccomp_profile(s, unit, diag);
        if (r < 0)
                error = r;
        r = devices_resolve(s, unit, diag);
        if (r < 0)
                error = r;
        r = disks_resolve(s, unit, diag);
        if (r < 0)
                error = r;
        r = protect_resolve(s, diag);
        if (r < 0)
                error = r;
        if (!s->wrong[DIRECTIVE_PrivateUsers] && !s->wrong[DIRECTIVE_RestrictSUIDSGID]) {
                r = set_ids_resolve(s, unit, diag);
                if (r < 0)
                        error = r;
        }
        r = lifecycle_check(s, diag);
        if (r < 0)
                error = r;
        r = attributes_check(s, diag);
        if (r < 0)
                error = r;
        r = spec_check(s, host, unit, diag);
        if (r < 0)
                error = r;
        if (error < 0)
                return error;

        resolve_defaults(s, host);
        *ret = TAKE_PTR(s);
        return 0;
}
