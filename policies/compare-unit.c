/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The layer "unit": a row of the table below says which way a SECURITY row of the language protects. A row of the language
 * that is not here still is told, as a difference that nobody has judged. */
#include "manager/base/string-list.h"
#include "policies/compare.h"

typedef struct Sides {
        const ContainerSpec *before, *after;
        PolicyChanges *changes;
} Sides;

typedef struct UnitRow {
        DirectiveId id;
        int (*compare)(const struct UnitRow *row, const Sides *s);
        uint64_t (*rank)(const ContainerSpec *s); /* the higher, the tighter */
        bool same_rank_differs;                   /* other texts of one rank are different things */
        PolicyDirection added;                    /* what one item more is */
} UnitRow;

static int changed(const Sides *s, DirectiveId id, PolicyDirection direction, const char *from, const char *to) {
        return policy_changes_add(s->changes, direction, container_spec_origin(s->before, id),
                                  container_spec_origin(s->after, id), "%s: %s -> %s", directives[id].name,
                                  isempty(from) ? "default" : from, isempty(to) ? "default" : to);
}

static PolicyDirection by_rank(uint64_t before, uint64_t after) {
        return after > before ? POLICY_TIGHTER : after < before ? POLICY_LOOSER : POLICY_DIFFERS;
}

/* --- one value */

static int compare_value(const UnitRow *row, const Sides *s) {
        const ValueType *type = directives[row->id].type;
        _cleanup_free_ char *from = NULL, *to = NULL;
        PolicyDirection direction = row->rank ? by_rank(row->rank(s->before), row->rank(s->after)) : POLICY_DIFFERS;
        int r;

        r = type->print(container_spec_field_const(s->before, row->id), &from);
        if (r >= 0)
                r = type->print(container_spec_field_const(s->after, row->id), &to);
        if (r < 0 || streq(from, to))
                return r;
        if (direction == POLICY_DIFFERS && row->rank && !row->same_rank_differs)
                return 0;
        return changed(s, row->id, direction, from, to);
}

static uint64_t rank_read_only(const ContainerSpec *s) {
        return s->read_only;
}

static uint64_t rank_private_network(const ContainerSpec *s) {
        return s->private_network;
}

static uint64_t rank_no_new_privileges(const ContainerSpec *s) {
        return s->no_new_privileges;
}

static uint64_t rank_private_users(const ContainerSpec *s) {
        static const uint64_t ranks[_PRIVATE_USERS_MAX] = {
                [PRIVATE_USERS_NO] = 0,
                [PRIVATE_USERS_IDENTITY] = 1,
                [PRIVATE_USERS_RANGE] = 2,
                [PRIVATE_USERS_MANAGED] = 2,
        };

        return ranks[s->private_users.mode];
}

static uint64_t rank_mac(const ContainerSpec *s) {
        static const uint64_t ranks[_MAC_MODE_MAX] = {
                [MAC_MODE_NO] = 0,
                [MAC_MODE_UNSET] = 1,
                [MAC_MODE_AUTO] = 1,
                [MAC_MODE_REQUIRED] = 2,
        };

        return ranks[s->mandatory_access_control];
}

static uint64_t rank_mac_lost(const ContainerSpec *s) {
        return s->mac_lost == MAC_LOST_STOP;
}

static uint64_t rank_protect_system(const ContainerSpec *s) {
        return s->protect_system;
}

static uint64_t rank_protect_home(const ContainerSpec *s) {
        static const uint64_t ranks[_PROTECT_HOME_MAX] = { [PROTECT_HOME_READ_ONLY] = 1, [PROTECT_HOME_TMPFS] = 2, [PROTECT_HOME_YES] = 2 };

        return ranks[s->protect_home];
}

/* One more place to write to. */
static uint64_t rank_private_tmp(const ContainerSpec *s) {
        return s->private_tmp == PRIVATE_TMP_NO;
}

static uint64_t rank_protect_proc(const ContainerSpec *s) {
        return s->protect_proc;
}

static uint64_t rank_proc_subset(const ContainerSpec *s) {
        return s->proc_subset;
}

static uint64_t rank_control_groups(const ContainerSpec *s) {
        return !s->boot || s->protect_control_groups == PROTECT_CGROUPS_YES || s->protect_control_groups == PROTECT_CGROUPS_STRICT;
}

static uint64_t rank_tunables(const ContainerSpec *s) {
        return s->protect_kernel_tunables == TRISTATE_YES;
}

/* part/10000 of the whole, without overflow. */
static uint64_t share_of(uint64_t whole, uint32_t permyriad) {
        return whole / 10000 * permyriad + whole % 10000 * permyriad / 10000;
}

static uint64_t rank_memory(const ContainerSpec *s) {
        const value_memory_limit *v = &s->memory_max;

        return UINT64_MAX - (!v->set ? UINT64_MAX : v->permyriad > 0 ? share_of(s->host_memory, v->permyriad) : v->bytes);
}

static uint64_t rank_tasks(const ContainerSpec *s) {
        const value_tasks_limit *v = &s->tasks_max;

        return UINT64_MAX - (!v->set ? UINT64_MAX : v->permyriad > 0 ? share_of(s->host_tasks, v->permyriad) : v->tasks);
}

/* --- who the payload is: names are nothing, numbers count */

/* Groups that the unit does not name follow from its user. */
static const Origin *identity_origin(const ContainerSpec *s, DirectiveId id) {
        const Origin *o = container_spec_origin(s, id);

        return o->file ? o : container_spec_origin(s, DIRECTIVE_User);
}

static int changed_id(const Sides *s, DirectiveId id, uint32_t from, uint32_t to) {
        PolicyDirection direction = by_rank(from != 0, to != 0);

        if (from == to)
                return 0;
        return policy_changes_add(s->changes, direction, identity_origin(s->before, id), identity_origin(s->after, id),
                                  "%s: %u -> %u", directives[id].name, from, to);
}

static int compare_user(const UnitRow *row, const Sides *s) {
        return changed_id(s, row->id, s->before->identity.uid, s->after->identity.uid);
}

static int compare_group(const UnitRow *row, const Sides *s) {
        return changed_id(s, row->id, s->before->identity.gid, s->after->identity.gid);
}

static bool has_group(const Identity *i, gid_t group) {
        for (size_t k = 0; k < i->n_groups; k++)
                if (i->groups[k] == group)
                        return true;
        return i->gid == group;
}

static int compare_groups(const UnitRow *row, const Sides *s) {
        const Identity *a = &s->before->identity, *b = &s->after->identity;
        const Origin *from = identity_origin(s->before, row->id), *to = identity_origin(s->after, row->id);
        int r = 0;

        for (size_t k = 0; r >= 0 && k < a->n_groups; k++)
                if (a->groups[k] != a->gid && !has_group(b, a->groups[k]))
                        r = policy_changes_add(s->changes, POLICY_TIGHTER, from, to, "no longer: member of the group %u",
                                               a->groups[k]);
        for (size_t k = 0; r >= 0 && k < b->n_groups; k++)
                if (b->groups[k] != b->gid && !has_group(a, b->groups[k]))
                        r = policy_changes_add(s->changes, POLICY_LOOSER, from, to, "member of the group %u", b->groups[k]);
        return r;
}

/* --- lists of mounts and paths */

static const Origin *item_origin(const ContainerSpec *s, DirectiveId id, size_t i, size_t n) {
        const ValueType *type = directives[id].type;
        const void *field = container_spec_field_const(s, id);

        if (type == &value_type_binds && ((const value_binds *)field)->n == n)
                return &((const value_binds *)field)->items[i].origin;
        if (type == &value_type_tmpfs && ((const value_tmpfs *)field)->n == n)
                return &((const value_tmpfs *)field)->items[i].origin;
        if (type == &value_type_paths && ((const value_paths *)field)->n == n)
                return &((const value_paths *)field)->items[i].origin;
        return container_spec_origin(s, id);
}

static PolicyDirection opposite(PolicyDirection d) {
        return d == POLICY_LOOSER ? POLICY_TIGHTER : d == POLICY_TIGHTER ? POLICY_LOOSER : d;
}

/* A file system that nobody can write to only hides what lies below it. */
static PolicyDirection direction_of(const UnitRow *row, const ContainerSpec *s, size_t i) {
        if (row->id == DIRECTIVE_TemporaryFileSystem && s->temporary_file_system.items[i].read_only)
                return opposite(row->added);
        return row->added;
}

/* One text an item, as one would write it. */
static int items_of(const ContainerSpec *s, DirectiveId id, char ***ret) {
        const ValueType *type = directives[id].type;
        _cleanup_strv_ char **pieces = NULL, **items = NULL;
        int r;

        r = type->explode(container_spec_field_const(s, id), &pieces);
        if (r < 0)
                return r;
        if (!streq(type->signature, "a(ss)")) {
                *ret = TAKE_PTR(pieces);
                return 0;
        }
        for (char **p = pieces; r >= 0 && p && *p; p += 2) {
                char *item = NULL;

                r = str_append(&item, "%s%s%s", p[0], *p[1] ? ":" : "", p[1]);
                if (r >= 0)
                        r = strv_push(&items, item);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(items);
        return 0;
}

static int compare_items(const UnitRow *row, const Sides *s) {
        _cleanup_strv_ char **from = NULL, **to = NULL;
        size_t n_from, n_to;
        int r;

        r = items_of(s->before, row->id, &from);
        if (r >= 0)
                r = items_of(s->after, row->id, &to);
        n_from = strv_length(from);
        n_to = strv_length(to);
        for (size_t i = 0; r >= 0 && i < n_from; i++)
                if (!strv_contains(to, from[i]))
                        r = policy_changes_add(s->changes, opposite(direction_of(row, s->before, i)),
                                               item_origin(s->before, row->id, i, n_from), NULL, "no longer: %s=%s",
                                               directives[row->id].name, from[i]);
        for (size_t i = 0; r >= 0 && i < n_to; i++)
                if (!strv_contains(from, to[i]))
                        r = policy_changes_add(s->changes, direction_of(row, s->after, i), NULL,
                                               item_origin(s->after, row->id, i, n_to), "%s=%s", directives[row->id].name,
                                               to[i]);
        return r;
}

static const UnitRow rows[] = {
        { DIRECTIVE_User, compare_user, NULL, false, 0 },
        { DIRECTIVE_Group, compare_group, NULL, false, 0 },
        { DIRECTIVE_SupplementaryGroups, compare_groups, NULL, false, 0 },
        { DIRECTIVE_ReadOnly, compare_value, rank_read_only, false, 0 },
        { DIRECTIVE_BindPaths, compare_items, NULL, false, POLICY_LOOSER },
        { DIRECTIVE_BindReadOnlyPaths, compare_items, NULL, false, POLICY_LOOSER },
        { DIRECTIVE_TemporaryFileSystem, compare_items, NULL, false, POLICY_LOOSER },
        { DIRECTIVE_InaccessiblePaths, compare_items, NULL, false, POLICY_TIGHTER },
        { DIRECTIVE_ReadOnlyPaths, compare_items, NULL, false, POLICY_TIGHTER },
        { DIRECTIVE_ReadWritePaths, compare_items, NULL, false, POLICY_LOOSER },
        { DIRECTIVE_NoExecPaths, compare_items, NULL, false, POLICY_TIGHTER },
        { DIRECTIVE_ExecPaths, compare_items, NULL, false, POLICY_LOOSER },
        { DIRECTIVE_DeviceAllow, compare_items, NULL, false, POLICY_LOOSER },
        { DIRECTIVE_ProtectSystem, compare_value, rank_protect_system, false, 0 },
        { DIRECTIVE_ProtectHome, compare_value, rank_protect_home, true, 0 },
        { DIRECTIVE_PrivateTmp, compare_value, rank_private_tmp, false, 0 },
        { DIRECTIVE_ProtectProc, compare_value, rank_protect_proc, false, 0 },
        { DIRECTIVE_ProcSubset, compare_value, rank_proc_subset, false, 0 },
        { DIRECTIVE_ProtectControlGroups, compare_value, rank_control_groups, false, 0 },
        { DIRECTIVE_ProtectKernelTunables, compare_value, rank_tunables, false, 0 },
        { DIRECTIVE_PrivateNetwork, compare_value, rank_private_network, false, 0 },
        { DIRECTIVE_PrivateUsers, compare_value, rank_private_users, true, 0 },
        { DIRECTIVE_NoNewPrivileges, compare_value, rank_no_new_privileges, false, 0 },
        { DIRECTIVE_MandatoryAccessControl, compare_value, rank_mac, true, 0 },
        { DIRECTIVE_MACLost, compare_value, rank_mac_lost, false, 0 },
        { DIRECTIVE_MemoryMax, compare_value, rank_memory, false, 0 },
        { DIRECTIVE_TasksMax, compare_value, rank_tasks, false, 0 },
};

int policy_compare_unit(const ContainerSpec *before, const ContainerSpec *after, PolicyChanges *changes) {
        const Sides s = { before, after, changes };
        int r = 0;

        for (DirectiveId id = 0; r >= 0 && id < _DIRECTIVE_MAX; id++) {
                const UnitRow unjudged = { .id = id, .compare = compare_value }, *row = &unjudged;

                if (!FLAGS_SET(directives[id].flags, DIRECTIVE_FLAG_SECURITY) || directives[id].stage == STAGE_POLICY)
                        continue; /* the backends compare what they compiled */
                for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                        if (rows[i].id == id)
                                row = rows + i;
                r = row->compare(row, &s);
        }
        return r;
}
