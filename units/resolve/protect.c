/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ProtectSystem= and its kin come to what other rows say: places that are read-only, inaccessible or file systems of their
 * own. They only add; what the unit says of the same place itself has the last word. */
#include "units/resolve/resolve-steps.h"
#include "units/spec/protections.h"

#define TMP_PERMILLE 100

static bool paths_name(const value_paths *v, const char *path) {
        for (size_t i = 0; i < v->n; i++)
                if (streq(v->items[i].path, path))
                        return true;
        return false;
}

static bool binds_name(const value_binds *v, const char *path) {
        for (size_t i = 0; i < v->n; i++)
                if (streq(v->items[i].destination, path))
                        return true;
        return false;
}

static bool is_mounted(const ContainerSpec *s, const char *path) {
        for (size_t i = 0; i < s->temporary_file_system.n; i++)
                if (streq(s->temporary_file_system.items[i].path, path))
                        return true;
        return binds_name(&s->bind_paths, path) || binds_name(&s->bind_read_only_paths, path);
}

static int imply_path(ContainerSpec *s, value_paths *v, const char *path, DirectiveId by) {
        PathItem *items;
        char *copy;

        if (paths_name(v, path) || (v == &s->read_only_paths && paths_name(&s->read_write_paths, path)))
                return 0;
        copy = strdup(path);
        items = copy ? reallocarray(v->items, v->n + 1, sizeof(*items)) : NULL;
        if (!items) {
                free(copy);
                return -ENOMEM;
        }
        v->items = items;
        items[v->n++] = (PathItem){ .path = copy, .missing_ok = true, .origin = *container_spec_origin(s, by),
                                    .implied = directives[by].name };
        return 0;
}

static int imply_paths(ContainerSpec *s, value_paths *v, const char *const *paths, DirectiveId by) {
        int r = 0;

        for (; r >= 0 && *paths; paths++)
                r = imply_path(s, v, *paths, by);
        return r;
}

static int imply_tmpfs(ContainerSpec *s, TmpfsMount t, const char *path, DirectiveId by) {
        value_tmpfs *v = &s->temporary_file_system;
        TmpfsMount *items;

        if (is_mounted(s, path))
                return 0;
        t.path = strdup(path);
        items = t.path ? reallocarray(v->items, v->n + 1, sizeof(*items)) : NULL;
        if (!items) {
                free(t.path);
                return -ENOMEM;
        }
        t.inodes = UINT64_MAX;
        t.origin = *container_spec_origin(s, by);
        t.implied = directives[by].name;
        v->items = items;
        items[v->n++] = t;
        return 0;
}

/* Where the whole root is read-only nothing is left to add. */
static int imply_system(ContainerSpec *s) {
        static const char *const system[] = { "/usr", "/boot", "/efi", NULL }, *const configuration[] = { "/etc", NULL };
        int r = 0;

        if (s->protect_system == PROTECT_SYSTEM_STRICT)
                s->read_only = true;
        if (s->protect_system == PROTECT_SYSTEM_NO || s->read_only)
                return 0;
        r = imply_paths(s, &s->read_only_paths, system, DIRECTIVE_ProtectSystem);
        if (r >= 0 && s->protect_system == PROTECT_SYSTEM_FULL)
                r = imply_paths(s, &s->read_only_paths, configuration, DIRECTIVE_ProtectSystem);
        return r;
}

static int imply_home(ContainerSpec *s) {
        static const char *const homes[] = { "/home", "/root", "/run/user", NULL };
        int r = 0;

        switch (s->protect_home) {
        case PROTECT_HOME_YES:
                return imply_paths(s, &s->inaccessible_paths, homes, DIRECTIVE_ProtectHome);
        case PROTECT_HOME_READ_ONLY:
                return imply_paths(s, &s->read_only_paths, homes, DIRECTIVE_ProtectHome);
        case PROTECT_HOME_TMPFS:
                for (const char *const *p = homes; r >= 0 && *p; p++)
                        r = imply_tmpfs(s, (TmpfsMount){ .mode = 0755, .read_only = true }, *p, DIRECTIVE_ProtectHome);
                return r;
        case PROTECT_HOME_NO:
        case _PROTECT_HOME_MAX:
                break;
        }
        return 0;
}

static int imply_hostname(ContainerSpec *s, Diag *diag) {
        const char *name = s->protect_hostname.name;

        if (!name)
                return 0;
        if (s->hostname && !streq(s->hostname, name))
                return diag_error(diag, ERROR_CONFLICT, container_spec_origin(s, DIRECTIVE_ProtectHostname), "ProtectHostname",
                                  "names the host %s, and Hostname= %s; keep one", name, s->hostname);
        if (s->hostname)
                return 0;
        s->hostname = strdup(name);
        return s->hostname ? 0 : -ENOMEM;
}

/* "no" of what is the kernel's or the host's alone opens nothing, and says so. */
static int check_no(const ContainerSpec *s, Diag *diag) {
        int error = 0;

        for (size_t i = 0; i < protections_count(); i++) {
                _cleanup_free_ char *text = NULL;
                const DirectiveId id = protections[i].id;
                int r = directives[id].type->print(container_spec_field_const(s, id), &text);

                if (r < 0)
                        return r;
                if (protections[i].why_not && streq(text, "no"))
                        error = diag_error(diag, ERROR_CONFLICT, container_spec_origin(s, id), directives[id].name,
                                           "no opens nothing: %s; take the line out", protections[i].why_not);
        }
        return error;
}

static int check_groups(const ContainerSpec *s, Diag *diag) {
        const Origin *origin = container_spec_origin(s, DIRECTIVE_ProtectControlGroups);

        if (s->protect_control_groups == PROTECT_CGROUPS_NO)
                return diag_error(diag, ERROR_CONFLICT, origin, "ProtectControlGroups",
                                  "no would show the control groups of the host, which a container never sees; take the line out");
        if (s->protect_control_groups == PROTECT_CGROUPS_PRIVATE && !s->boot)
                return diag_error(diag, ERROR_CONFLICT, origin, "ProtectControlGroups",
                                  "private lets a payload make control groups, which only an init may (Boot=yes); write strict, or "
                                  "take the line out");
        return 0;
}

static int check_tunables(const ContainerSpec *s, Diag *diag) {
        if (s->protect_kernel_tunables != TRISTATE_NO)
                return 0;
        return diag_error(diag, ERROR_CONFLICT, container_spec_origin(s, DIRECTIVE_ProtectKernelTunables), "ProtectKernelTunables",
                          "no would let the container write to settings of the host's kernel; an init with a network of its own "
                          "(Boot=yes) may write below /proc/sys/net; take the line out");
}

/* A list that allows what the filter denies is not what somebody wanted who wrote it. */
static void warn_namespaces(const ContainerSpec *s, Diag *diag) {
        const value_namespaces *v = &s->restrict_namespaces;

        if (!v->set || v->allowed == 0 || s->boot || s->system_call_filter.n > 0)
                return;
        diag_warning(diag, ERROR_POLICY, container_spec_origin(s, DIRECTIVE_RestrictNamespaces), "RestrictNamespaces",
                     "opens nothing by itself, and no namespace can be made by default; SystemCallFilter=~kcmp and "
                     "SystemCallFilter=unshare setns open them");
}

/* A root that goes with the life is there to be written to, unless the unit says otherwise. */
static int imply_root(ContainerSpec *s, Diag *diag) {
        const bool said = container_spec_origin(s, DIRECTIVE_ReadOnly)->file;
        const Origin *origin = container_spec_origin(s, DIRECTIVE_Volatile);

        if (s->root_ephemeral && (s->volatile_mode == VOLATILE_YES || s->volatile_mode == VOLATILE_STATE))
                return diag_error(diag, ERROR_CONFLICT, origin, "Volatile",
                                  "contradicts RootEphemeral=yes, which is Volatile=overlay; take one of them out");
        if (s->volatile_mode == VOLATILE_STATE && !s->read_only)
                return diag_error(diag, ERROR_CONFLICT, origin, "Volatile",
                                  "state leaves all but /var read-only, and ReadOnly=no contradicts it; take that out, or write "
                                  "Volatile=overlay");
        if (s->volatile_mode == VOLATILE_STATE)
                return imply_tmpfs(s, (TmpfsMount){ .mode = 0755, .size = s->root_ephemeral_size, .uid = UINT32_MAX, .gid = UINT32_MAX },
                                   "/var", DIRECTIVE_Volatile);
        if (container_spec_root(s).upper != ROOT_UPPER_NONE && !said && (!s->layers || s->root_ephemeral))
                s->read_only = false;
        return 0;
}

/* What of the root directory is there, where the root itself is memory. */
static int imply_usr(ContainerSpec *s) {
        static const char *const usr[] = { "/usr", NULL };

        return s->volatile_mode == VOLATILE_YES && !s->read_only ? imply_paths(s, &s->read_only_paths, usr, DIRECTIVE_Volatile) : 0;
}

int protect_resolve(ContainerSpec *s, Diag *diag) {
        int error = 0, r;

        r = imply_root(s, diag);
        if (r >= 0)
                r = imply_usr(s);
        if (r >= 0)
                r = imply_system(s);
        if (r >= 0)
                r = imply_home(s);
        if (r >= 0 && s->private_tmp != PRIVATE_TMP_NO)
                r = imply_tmpfs(s, (TmpfsMount){ .mode = 01777, .size_permille = TMP_PERMILLE }, "/var/tmp", DIRECTIVE_PrivateTmp);
        for (size_t i = 0; r >= 0 && i < protections_count(); i++)
                if (protections[i].on(s))
                        r = imply_paths(s, &s->inaccessible_paths, protections[i].hidden, protections[i].id);
        if (r < 0)
                return r;
        warn_namespaces(s, diag);
        r = imply_hostname(s, diag);
        if (r >= 0)
                r = check_no(s, diag);
        error = r < 0 ? r : error;
        r = check_groups(s, diag);
        error = r < 0 ? r : error;
        r = check_tunables(s, diag);
        return r < 0 ? r : error;
}
