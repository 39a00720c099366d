/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "units/resolve/checks.h"

/* The unit as a whole, for what is missing from it. */
static Origin unit_origin(const Check *c) {
        return (Origin){c->spec->fragment_path ? c->spec->fragment_path : c->spec->name, 0};
}

static bool path_is_below(const char *path, const char *top) {
        const char *rest = startswith(path, top);

        return rest && (*rest == 0 || *rest == '/' || streq(top, "/"));
}

/* --- what must be there */

static int check_required(const Check *c) {
        int error = 0;

        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++) {
                _cleanup_free_ char *text = NULL;
                const Directive *d = &directives[id];
                Origin origin = unit_origin(c);
                int r;

                if (!FLAGS_SET(d->flags, DIRECTIVE_FLAG_REQUIRED) || c->spec->wrong[id] || c->spec->incomplete ||
                    (id == DIRECTIVE_RootDirectory && c->spec->image))
                        continue;
                r = d->type->print(container_spec_field_const(c->spec, id), &text);
                if (r < 0)
                        return r;
                if (!*text)
                        error = diag_error(c->diag, ERROR_BAD_VALUE, &origin, d->name,
                                           "is required and not set; write for example %s=%s in [%s]",
                                           d->name, d->sample, section_to_string(d->section));
        }
        return error;
}

static int check_root(const Check *c) {
        const char *root = c->spec->root_directory;
        const Origin *origin = where(c, DIRECTIVE_RootDirectory);

        if (!root)
                return 0; /* check_required() has said so */
        if (streq(root, "/") || c->facts->root_is_host)
                return diag_error(c->diag, ERROR_BAD_VALUE, origin, "RootDirectory",
                                  "'%s' is the host's own root; give the container a directory of its own",
                                  root);
        if (c->facts->root_refused)
                return diag_error(c->diag, ERROR_POLICY, origin, "RootDirectory", "cannot open \"%s\": %s", root,
                                  c->facts->root_refused);
        if (c->facts->root_error == ENOENT || (!c->facts->root_exists && c->facts->root_error == 0))
                return diag_error(c->diag, ERROR_MISSING, origin, "RootDirectory",
                                  "%s does not exist; create it and unpack a root file system there", root);
        if (c->facts->root_error == ENOTDIR || (c->facts->root_exists && !c->facts->root_is_directory))
                return diag_error(c->diag, ERROR_BAD_VALUE, origin, "RootDirectory",
                                  "%s is not a directory; unpack the image and name the directory", root);
        if (c->facts->root_error != 0)
                return diag_errno(c->diag, ERROR_MISSING, origin, "RootDirectory", c->facts->root_error,
                                  "cannot open %s", root);
        return 0;
}

/* --- process */

static int check_exec_start(const Check *c) {
        const value_exec_list *l = &c->spec->exec_start;
        Origin unit = unit_origin(c);

        if (c->spec->boot) {
                if (l->n > 0)
                        return diag_error(
                                c->diag, ERROR_CONFLICT, &l->items[0].origin, "ExecStart",
                                "contradicts Boot=yes, which starts the init found in the container; take "
                                "one of them out");
                return 0;
        }
        if (l->n == 0 && (c->spec->incomplete || c->spec->wrong[DIRECTIVE_Image])) /* the image might have said it */
                return 0;
        if (l->n == 0)
                return diag_error(
                        c->diag, ERROR_BAD_VALUE, &unit, "ExecStart",
                        "is required unless Boot=yes; write for example ExecStart=/usr/bin/sleep infinity "
                        "in [Container]");
        if (l->n > 1 && c->spec->type != CONTAINER_TYPE_ONESHOT)
                return diag_error(c->diag, ERROR_CONFLICT, &l->items[1].origin, "ExecStart",
                                  "stands %zu times, and one command is what a container runs unless Type=oneshot; an empty "
                                  "ExecStart= before it takes the earlier ones away",
                                  l->n);
        return 0;
}

static int check_boot(const Check *c) {
        static const struct {
                DirectiveId id;
                const char *why;
        } contradicts[] = {
                {DIRECTIVE_User, "an init must be root inside of its container"},
                {DIRECTIVE_Group, "an init must be root inside of its container"},
                {DIRECTIVE_SupplementaryGroups, "an init must be root inside of its container"},
        };
        int error = 0;

        if (!c->spec->boot)
                return 0;
        if (c->spec->process_two == TRISTATE_YES)
                error = diag_error(c->diag, ERROR_CONFLICT, where(c, DIRECTIVE_ProcessTwo), "ProcessTwo",
                                   "contradicts Boot=yes: the container's own init is process 1");
        for (size_t i = 0; i < ELEMENTSOF(contradicts); i++)
                if (is_set(c, contradicts[i].id))
                        error = diag_error(c->diag, ERROR_CONFLICT, where(c, contradicts[i].id),
                                           directives[contradicts[i].id].name, "contradicts Boot=yes: %s",
                                           contradicts[i].why);
        return error;
}

/* --- messages */

/* What waits for messages needs somebody who may send them. */
static int check_notify(const Check *c) {
        const struct {
                DirectiveId id;
                bool needs;
        } rows[] = {
                { DIRECTIVE_Type, container_type_notifies(c->spec->type) },
                { DIRECTIVE_WatchdogSec, container_spec_watchdog(c->spec) > 0 },
                { DIRECTIVE_FileDescriptorStoreMax, c->spec->file_descriptor_store_max > 0 },
        };
        int error = 0;

        for (size_t i = 0; c->spec->notify_access == NOTIFY_ACCESS_NONE && i < ELEMENTSOF(rows); i++)
                if (rows[i].needs)
                        error = diag_error(c->diag, ERROR_CONFLICT, where(c, DIRECTIVE_NotifyAccess), "NotifyAccess",
                                           "none contradicts %s=, which waits for messages; write main, or leave the "
                                           "line out", directives[rows[i].id].name);
        return error;
}

/* --- descriptors */

/* Each of its own address and kind, and the kind must be one that the address can have. */
static int check_sockets(const Check *c) {
        SpecSocket one, other;
        ListenAddress address;
        int error = 0;

        for (size_t i = 0; container_spec_socket(c->spec, i, &one); i++) {
                const char *name = directives[one.directive].name;

                if (listen_address_parse(one.item->text, &address) >= 0 && one.type == SOCK_SEQPACKET &&
                    address.address.any.sa_family != AF_UNIX)
                        error = diag_error(c->diag, ERROR_CONFLICT, &one.item->origin, name,
                                           "'%s': only a /PATH or @NAME has sockets of this kind; write ListenStream=",
                                           one.item->text);
                for (size_t k = 0; k < i && container_spec_socket(c->spec, k, &other); k++)
                        if (streq(one.item->text, other.item->text) && (*one.item->text == '/' || one.type == other.type))
                                error = diag_error(c->diag, ERROR_CONFLICT, &one.item->origin, name,
                                                   "'%s' stands twice; take one away", one.item->text);
                if (i == SPEC_SOCKETS_MAX)
                        error = diag_error(c->diag, ERROR_CONFLICT, &one.item->origin, name,
                                           "a container has at most %d sockets", SPEC_SOCKETS_MAX);
        }
        return error;
}

static int check_descriptors(const Check *c) {
        if (c->spec->file_descriptor_store_max > SPEC_STORED_MAX)
                diag_warning(c->diag, ERROR_HOST_LACKS, where(c, DIRECTIVE_FileDescriptorStoreMax), "FileDescriptorStoreMax",
                             "%u is more than is kept for one container; the limit is %d, and what comes beyond it is closed",
                             (unsigned)c->spec->file_descriptor_store_max, SPEC_STORED_MAX);
        return 0;
}

/* --- health */

static int check_health(const Check *c) {
        const value_exec_list *l = &c->spec->health_cmd;
        int error = 0;

        if (l->n > 1)
                error = diag_error(c->diag, ERROR_CONFLICT, &l->items[1].origin, "HealthCmd",
                                   "stands %zu times, and one command is what a check runs; an empty HealthCmd= before it "
                                   "takes the earlier ones away", l->n);
        if (c->spec->notify == READY_HEALTHY && l->n == 0 && !c->spec->wrong[DIRECTIVE_HealthCmd])
                error = diag_error(c->diag, ERROR_CONFLICT, where(c, DIRECTIVE_Notify), "Notify",
                                   "healthy waits for a check, and HealthCmd= is not set");
        if (c->spec->notify == READY_HEALTHY && c->spec->health_interval_usec == USEC_INFINITY)
                error = diag_error(c->diag, ERROR_CONFLICT, where(c, DIRECTIVE_Notify), "Notify",
                                   "healthy waits for a check, and with HealthInterval=infinity there is none");
        if (c->spec->health_startup_cmd.n > 1)
                error = diag_error(c->diag, ERROR_CONFLICT, &c->spec->health_startup_cmd.items[1].origin, "HealthStartupCmd",
                                   "stands %zu times, and one command is what a check runs; an empty HealthStartupCmd= before it "
                                   "takes the earlier ones away", c->spec->health_startup_cmd.n);
        if (c->spec->health_startup_cmd.n > 0 && l->n == 0 && !c->spec->wrong[DIRECTIVE_HealthCmd])
                error = diag_error(c->diag, ERROR_CONFLICT, where(c, DIRECTIVE_HealthStartupCmd), "HealthStartupCmd",
                                   "comes before HealthCmd=, which is not set");
        if (c->spec->health_startup_cmd.n > 0 &&
            (c->spec->health_startup_interval_usec == 0 || c->spec->health_startup_interval_usec == USEC_INFINITY))
                error = diag_error(c->diag, ERROR_BAD_VALUE, where(c, DIRECTIVE_HealthStartupInterval), "HealthStartupInterval",
                                   "0 would check without end, and infinity never; write a time such as 5s");
        if (l->n > 0 && c->spec->health_interval_usec == 0)
                error = diag_error(c->diag, ERROR_BAD_VALUE, where(c, DIRECTIVE_HealthInterval), "HealthInterval",
                                   "0 would check without end; write a time, or infinity to check by hand alone");
        if (l->n > 0 && c->spec->type == CONTAINER_TYPE_ONESHOT)
                error = diag_error(c->diag, ERROR_CONFLICT, &l->items[0].origin, "HealthCmd",
                                   "a container of Type=oneshot does its work and ends; take the line out, or use exec");
        return error;
}

/* --- files */

typedef struct Target {
        const char *path;
        DirectiveId directive;
        const Origin *origin;
} Target;

static int check_target(const Check *c, const Target *t) {
        static const char *const ours[] = {"/proc", "/sys", "/dev"};

        if (streq(t->path, "/"))
                return diag_error(c->diag, ERROR_CONFLICT, t->origin, directives[t->directive].name,
                                  "cannot mount onto '/', which RootDirectory= provides");
        for (size_t i = 0; i < ELEMENTSOF(ours); i++)
                if (path_is_below(t->path, ours[i]))
                        return diag_error(
                                c->diag, ERROR_CONFLICT, t->origin, directives[t->directive].name,
                                "cannot mount onto '%s': %s belongs to the container manager; choose "
                                "another place",
                                t->path, ours[i]);
        return 0;
}

static int check_double(const Check *c, const Target *targets, size_t n) {
        const Target *t = &targets[n];

        for (size_t i = 0; i < n; i++)
                if (streq(targets[i].path, t->path))
                        return diag_error(c->diag, ERROR_CONFLICT, t->origin, directives[t->directive].name,
                                          "mounts onto '%s' a second time; %s= at %s:%u did before", t->path,
                                          directives[targets[i].directive].name,
                                          strempty(targets[i].origin->file), targets[i].origin->line);
        return 0;
}

static void warn_about_source(const Check *c, const BindMount *b, DirectiveId id) {
        static const struct {
                const char *path, *why;
        } dangerous[] = {
                {"/", "shows the whole host"},
                {"/proc", "shows the host's processes"},
                {"/sys", "shows the host's devices and kernel settings"},
                {"/dev", "shows the host's devices"},
                {"/run/bulwark", "gives the container the manager's own socket"},
        };

        for (size_t i = 0; i < ELEMENTSOF(dangerous); i++)
                if (streq(b->source, dangerous[i].path))
                        diag_warning(c->diag, ERROR_POLICY, &b->origin, directives[id].name, "binding %s %s",
                                     b->source, dangerous[i].why);
}

static int check_mounts(const Check *c) {
        const value_binds *binds[] = {&c->spec->bind_paths, &c->spec->bind_read_only_paths};
        static const DirectiveId names[] = {DIRECTIVE_BindPaths, DIRECTIVE_BindReadOnlyPaths};
        const value_tmpfs *tmpfs = &c->spec->temporary_file_system;
        _cleanup_free_ Target *targets = NULL;
        size_t n = 0;
        int error = 0;

        targets = calloc(binds[0]->n + binds[1]->n + tmpfs->n + 1, sizeof(Target));
        if (!targets)
                return -ENOMEM;
        for (size_t k = 0; k < ELEMENTSOF(binds); k++)
                for (size_t i = 0; i < binds[k]->n; i++) {
                        const BindMount *b = &binds[k]->items[i];

                        targets[n++] = (Target){b->destination, names[k], &b->origin};
                        warn_about_source(c, b, names[k]);
                }
        for (size_t i = 0; i < tmpfs->n; i++)
                targets[n++] = (Target){tmpfs->items[i].path, DIRECTIVE_TemporaryFileSystem,
                                        &tmpfs->items[i].origin};

        for (size_t i = 0; i < n; i++) {
                error = worse(error, check_target(c, &targets[i]));
                error = worse(error, check_double(c, targets, i));
        }
        return error;
}

static int check_inaccessible(const Check *c) {
        static const char *const needed[] = {"/", "/proc", "/sys", "/dev"};
        const value_paths *l = &c->spec->inaccessible_paths;
        int error = 0;

        for (size_t i = 0; i < l->n; i++)
                for (size_t k = 0; k < ELEMENTSOF(needed); k++)
                        if (streq(l->items[i].path, needed[k]))
                                error = diag_error(
                                        c->diag, ERROR_CONFLICT, &l->items[i].origin, "InaccessiblePaths",
                                        "'%s' cannot be taken away as a whole: no program would run",
                                        needed[k]);
        return error;
}

/* What is opened and what is closed by name, each with its contrary. */
static const struct {
        DirectiveId id, contrary;
        bool opens;
        const char *why_not_root;
} path_rows[] = {
        { DIRECTIVE_ReadOnlyPaths, DIRECTIVE_ReadWritePaths, false, NULL },
        { DIRECTIVE_ReadWritePaths, DIRECTIVE_ReadOnlyPaths, true, "write ReadOnly=no" },
        { DIRECTIVE_NoExecPaths, DIRECTIVE_ExecPaths, false, NULL },
        { DIRECTIVE_ExecPaths, DIRECTIVE_NoExecPaths, true, "programs can be executed unless NoExecPaths= says otherwise" },
};

static const value_paths *paths_of(const Check *c, DirectiveId id) {
        return container_spec_field_const(c->spec, id);
}

static int check_opened(const Check *c, const PathItem *p, DirectiveId id) {
        static const char *const ours[] = { "/proc", "/sys", "/dev" };
        const value_paths *hidden = &c->spec->inaccessible_paths;

        for (size_t i = 0; i < ELEMENTSOF(ours); i++)
                if (path_is_below(p->path, ours[i]))
                        return diag_error(c->diag, ERROR_CONFLICT, &p->origin, directives[id].name,
                                          "cannot open '%s': %s belongs to the container manager; take it out", p->path,
                                          ours[i]);
        for (size_t i = 0; i < hidden->n; i++)
                if (path_is_below(p->path, hidden->items[i].path))
                        return diag_error(c->diag, ERROR_CONFLICT, &p->origin, directives[id].name,
                                          "'%s' cannot be reached: %s= at %s:%u takes '%s' away", p->path,
                                          hidden->items[i].implied ? hidden->items[i].implied : "InaccessiblePaths",
                                          strempty(hidden->items[i].origin.file), hidden->items[i].origin.line,
                                          hidden->items[i].path);
        return 0;
}

static int check_path(const Check *c, const PathItem *p, size_t row) {
        const value_paths *contrary = paths_of(c, path_rows[row].contrary);
        const DirectiveId id = path_rows[row].id;

        if (streq(p->path, "/") && path_rows[row].why_not_root)
                return diag_error(c->diag, ERROR_CONFLICT, &p->origin, directives[id].name, "'/' is the whole root; %s",
                                  path_rows[row].why_not_root);
        if (id == DIRECTIVE_ReadOnlyPaths && streq(p->path, "/") && !c->spec->read_only)
                return diag_error(c->diag, ERROR_CONFLICT, &p->origin, directives[id].name,
                                  "'/' contradicts ReadOnly=no; take one of them out");
        for (size_t i = 0; path_rows[row].opens && i < contrary->n; i++)
                if (streq(contrary->items[i].path, p->path))
                        return diag_error(c->diag, ERROR_CONFLICT, &p->origin, directives[id].name,
                                          "contradicts %s= at %s:%u, which names '%s' too; take one of them out",
                                          directives[path_rows[row].contrary].name,
                                          strempty(contrary->items[i].origin.file), contrary->items[i].origin.line,
                                          p->path);
        return path_rows[row].opens ? check_opened(c, p, id) : 0;
}

static int check_paths(const Check *c) {
        int error = 0;

        for (size_t row = 0; row < ELEMENTSOF(path_rows); row++) {
                const value_paths *l = paths_of(c, path_rows[row].id);

                for (size_t i = 0; i < l->n; i++)
                        error = worse(error, check_path(c, &l->items[i], row));
        }
        return error;
}

/* --- logs */

static int check_log_sockets(const Check *c) {
        const Origin *origin = where(c, DIRECTIVE_BindLogSockets);

        if (c->spec->bind_log_sockets != TRISTATE_YES)
                return 0;
        if (c->spec->boot)
                return diag_error(c->diag, ERROR_CONFLICT, origin, "BindLogSockets",
                                  "contradicts Boot=yes: an init makes /dev/log itself, for the journal inside; leave the line out");
        return 0;
}

/* --- identity */

static void warn_private_users(const Check *c) {
        const value_private_users *p = &c->spec->private_users;
        const Origin *origin = where(c, DIRECTIVE_PrivateUsers);

        if (p->mode == PRIVATE_USERS_NO)
                diag_warning(c->diag, ERROR_POLICY, origin, "PrivateUsers",
                             "the container's root is the host's root; PrivateUsers=managed gives it ids of "
                             "its own");
        else if (p->mode == PRIVATE_USERS_IDENTITY ||
                 (p->mode == PRIVATE_USERS_RANGE && p->base < ID_RANGE_COUNT))
                diag_warning(c->diag, ERROR_POLICY, origin, "PrivateUsers",
                             "the container uses user ids that belong to the host; PrivateUsers=managed "
                             "gives it ids "
                             "of its own");
}

/* An id that no map holds could never be taken on. */
static int check_id(const Check *c, const char *what, uint32_t id, uint32_t count, DirectiveId directive) {
        if (id < count)
                return 0;
        return diag_error(c->diag, ERROR_CONFLICT, where(c, directive), directives[directive].name,
                          "the %s id %" PRIu32 " lies outside of the container's ids 0 to %" PRIu32
                          "; PrivateUsers=BASE:COUNT gives it more",
                          what, id, count - 1);
}

static int check_ids(const Check *c) {
        const value_private_users *p = &c->spec->private_users;
        const Identity *i = &c->spec->identity;
        uint32_t count = p->mode == PRIVATE_USERS_RANGE ? p->count : ID_RANGE_COUNT;
        int error;

        warn_private_users(c);
        if (p->mode == PRIVATE_USERS_NO)
                return 0;
        error = check_id(c, "user", i->uid, count, DIRECTIVE_User);
        if (error >= 0 || c->spec->group) /* a group that the user brought along is the same mistake */
                error = worse(error, check_id(c, "group", i->gid, count,
                                              c->spec->group ? DIRECTIVE_Group : DIRECTIVE_User));
        for (size_t k = 0; k < i->n_groups; k++)
                if (i->groups[k] != i->gid)
                        error = worse(error, check_id(c, "group", i->groups[k], count,
                                                      DIRECTIVE_SupplementaryGroups));
        return error;
}

/* --- capabilities */

static uint64_t list_mask(const value_capability_list *l) {
        uint64_t mask = 0;

        for (size_t i = 0; i < l->n; i++)
                mask |= UINT64_C(1) << l->items[i].capability;
        return mask;
}

/* Contradictions between the capability directives are found by policies/caps, which knows the default set. */
static int check_capabilities(const Check *c) {
        uint64_t added = list_mask(&c->spec->add_capability) & ~list_mask(&c->spec->drop_capability);
        uint64_t wanted = added | c->spec->ambient_capabilities.mask, lacking;
        int error = 0;

        /* A user namespace starts with every capability; without one the host's own bounding set is the
         * limit. */
        if (c->spec->private_users.mode != PRIVATE_USERS_NO)
                return 0;
        if (c->spec->capability_bounding_set.set)
                wanted &= c->spec->capability_bounding_set.mask | added;
        lacking = wanted & ~c->host->capabilities;
        for (unsigned cap = 0; cap < 64 && lacking >> cap != 0; cap++)
                if ((lacking >> cap) & 1)
                        error = diag_error(
                                c->diag, ERROR_HOST_LACKS,
                                where(c, (added >> cap) & 1 ? DIRECTIVE_AddCapability
                                                            : DIRECTIVE_AmbientCapabilities),
                                (added >> cap) & 1 ? "AddCapability" : "AmbientCapabilities",
                                "this host has lost %s and cannot give it; PrivateUsers=managed would give "
                                "it for the container alone",
                                strempty(capability_to_string(cap)));
        return error;
}

/* --- what enable, and the start, would refuse */

/* Told where the unit is read, not only where it is enabled. */
static int check_install(const Check *c) {
        const struct {
                DirectiveId id;
                char *const *words;
                bool containers;
        } rows[] = {
                { DIRECTIVE_WantedBy, c->spec->wanted_by, false },   { DIRECTIVE_RequiredBy, c->spec->required_by, false },
                { DIRECTIVE_UpheldBy, c->spec->upheld_by, false },   { DIRECTIVE_Alias, c->spec->alias, true },
                { DIRECTIVE_Also, c->spec->also, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (char *const *w = rows[i].words; w && *w; w++) {
                        if (rows[i].containers ? container_name_length(*w) > 0 : host_unit_name_valid(*w))
                                continue;
                        diag_warning(c->diag, ERROR_BAD_VALUE, where(c, rows[i].id), directives[rows[i].id].name,
                                     "'%s' is no %s, and enabling is refused%s", *w,
                                     rows[i].containers ? "container's name" : "unit of the host",
                                     rows[i].containers ? "" : "; write for example multi-user.target");
                }
        return 0;
}

/* A link of the kernel's own, which leads out of every root; the launcher does not follow it. */
static int check_working_directory(const Check *c) {
        static const char *const magic[] = { "cwd", "root", "exe", "fd", "ns", "map_files" };
        const char *path = c->spec->working_directory.path, *p;

        if (!path || !path_is_below(path, "/proc") || streq(path, "/proc"))
                return 0;
        for (p = path + strlen("/proc"); *p; p += strcspn(p, "/")) {
                p++;
                for (size_t i = 0; i < ELEMENTSOF(magic); i++)
                        if (strcspn(p, "/") == strlen(magic[i]) && startswith(p, magic[i]))
                                return diag_error(c->diag, ERROR_BAD_VALUE, where(c, DIRECTIVE_WorkingDirectory),
                                                  "WorkingDirectory",
                                                  "'%s' goes through a link of the kernel's own, which is never followed; write "
                                                  "the directory itself", path);
        }
        return 0;
}

/* --- conditions */

/* They ask the host, as systemd's do with RootDirectory=. */
static int check_conditions(const Check *c) {
        for (size_t i = 0; i < c->facts->n_condition_paths; i++) {
                const struct ConditionPathFact *f = &c->facts->condition_paths[i];

                if (f->in_root && !f->on_host)
                        diag_warning(c->diag, ERROR_MISSING, &f->item->origin, directives[f->directive].name,
                                     "asks the host, where there is no %s; only the container's root has it",
                                     f->item->parameter);
        }
        return 0;
}

/* --- dependencies */

static const UnitItem *unit_named(const value_units *v, const char *name) {
        for (size_t i = 0; i < v->n; i++)
                if (streq(v->items[i].name, name))
                        return v->items + i;
        return NULL;
}

static int check_dependencies(const Check *c) {
        static const DirectiveId needed[] = { DIRECTIVE_Requires, DIRECTIVE_Requisite, DIRECTIVE_BindsTo,
                                              DIRECTIVE_Upholds };
        int error = 0;

        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++) {
                const UnitItem *self = NULL;

                if (directives[id].type == &value_type_units)
                        self = unit_named(container_spec_field_const(c->spec, id), c->spec->name);
                if (self)
                        error = diag_error(c->diag, ERROR_CONFLICT, &self->origin, directives[id].name,
                                           "a container cannot depend on itself; take %s away", self->name);
        }
        for (size_t i = 0; i < c->spec->conflicts.n; i++)
                for (size_t k = 0; k < ELEMENTSOF(needed); k++) {
                        const UnitItem *item = c->spec->conflicts.items + i;

                        if (unit_named(container_spec_field_const(c->spec, needed[k]), item->name))
                                error = diag_error(c->diag, ERROR_CONFLICT, &item->origin, "Conflicts",
                                                   "%s stands in %s=, too: it cannot be both needed and stopped",
                                                   item->name, directives[needed[k]].name);
                }
        return error;
}

/* A check is left out where a row that it looks at was refused: what it would say follows from that. */
typedef struct CheckRow {
        int (*check)(const Check *c);
        DirectiveId needs[5]; /* up to _DIRECTIVE_MAX */
} CheckRow;

#define END _DIRECTIVE_MAX
static const CheckRow checks[] = {
        { check_required, { END } },
        { check_root, { DIRECTIVE_RootDirectory, END } },
        { check_exec_start, { DIRECTIVE_ExecStart, DIRECTIVE_Boot, DIRECTIVE_Type, END } },
        { check_boot, { DIRECTIVE_Boot, DIRECTIVE_ProcessTwo, END } },
        { check_notify,
          { DIRECTIVE_NotifyAccess, DIRECTIVE_Type, DIRECTIVE_WatchdogSec, DIRECTIVE_FileDescriptorStoreMax, END } },
        { check_sockets, { DIRECTIVE_ListenStream, DIRECTIVE_ListenDatagram, DIRECTIVE_ListenSequentialPacket, END } },
        { check_descriptors, { DIRECTIVE_FileDescriptorStoreMax, END } },
        { check_health, { DIRECTIVE_Notify, DIRECTIVE_HealthInterval, DIRECTIVE_Type, END } },
        { check_mounts, { END } },
        { check_inaccessible, { END } },
        { check_paths, { END } },
        { check_log_sockets, { DIRECTIVE_BindLogSockets, DIRECTIVE_Boot, END } },
        { check_filters, { DIRECTIVE_IPAddressAllow, DIRECTIVE_IPAddressDeny, END } },
        { check_ids,
          { DIRECTIVE_PrivateUsers, DIRECTIVE_User, DIRECTIVE_Group, DIRECTIVE_SupplementaryGroups, END } },
        { check_capabilities, { DIRECTIVE_PrivateUsers, END } },
        { check_memory, { DIRECTIVE_MemoryHigh, DIRECTIVE_MemoryMax, END } },
        { check_tasks, { DIRECTIVE_TasksMax, END } },
        { check_partition, { DIRECTIVE_CPUSetPartition, DIRECTIVE_AllowedCPUs, END } },
        { check_install, { END } },
        { check_working_directory, { DIRECTIVE_WorkingDirectory, END } },
        { check_conditions, { END } },
        { check_dependencies, { END } },
        { check_network, { DIRECTIVE_Address, DIRECTIVE_Gateway, DIRECTIVE_Zone, DIRECTIVE_Bridge, END } },
        { check_names, { DIRECTIVE_AddHost, DIRECTIVE_NetworkAlias, DIRECTIVE_ResolvConf, DIRECTIVE_DNS, END } },
};
#undef END

static bool can_check(const ContainerSpec *spec, const CheckRow *row) {
        for (const DirectiveId *id = row->needs; *id != _DIRECTIVE_MAX; id++)
                if (spec->wrong[*id])
                        return false;
        return true;
}

int spec_check(const ContainerSpec *spec, const HostFacts *host, const UnitFacts *facts, Diag *diag) {
        Check c = {spec, host, facts, diag};
        int error = 0;

        for (size_t i = 0; i < ELEMENTSOF(checks); i++)
                if (can_check(spec, &checks[i]))
                        error = worse(error, checks[i].check(&c));
        return error;
}
