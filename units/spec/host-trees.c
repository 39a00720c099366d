/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which trees of the host a unit's payload may write to. */
#include "units/spec/container-spec.h"

static bool is_at_or_below(const char *path, const char *top) {
        const char *rest = startswith(path, top);

        return rest && (*rest == 0 || *rest == '/' || streq(top, "/"));
}

/* ReadWritePaths= opens a part of what is mounted there, or the whole of it. */
static bool is_opened(const ContainerSpec *s, const char *destination) {
        for (size_t i = 0; i < s->read_write_paths.n; i++)
                if (is_at_or_below(destination, s->read_write_paths.items[i].path) ||
                    is_at_or_below(s->read_write_paths.items[i].path, destination))
                        return true;
        return false;
}

/* Whether a file of the container's root is one of the host's root on the disk: ids are mapped back, or were never
 * mapped. */
static bool keeps_ids(const ContainerSpec *s, bool idmap) {
        switch (s->private_users.mode) {
        case PRIVATE_USERS_MANAGED:
        case PRIVATE_USERS_RANGE:
                return idmap;
        case PRIVATE_USERS_NO:
        case PRIVATE_USERS_IDENTITY:
        case _PRIVATE_USERS_MAX:
                break;
        }
        return true;
}

size_t container_spec_host_trees_max(const ContainerSpec *s) {
        return 1 + s->bind_paths.n + s->bind_read_only_paths.n;
}

bool container_spec_host_tree(const ContainerSpec *s, size_t index, HostTree *ret) {
        const struct {
                const value_binds *list;
                DirectiveId id;
        } rows[] = {
                { &s->bind_paths, DIRECTIVE_BindPaths },
                { &s->bind_read_only_paths, DIRECTIVE_BindReadOnlyPaths },
        };

        *ret = (HostTree){};
        if (index == 0) {
                if (!s->root_directory || !container_spec_root_is_kept(s))
                        return false;
                *ret = (HostTree){ .path = s->root_directory,
                                   .directive = DIRECTIVE_RootDirectory,
                                   .origin = *container_spec_origin(s, s->read_only ? DIRECTIVE_ReadWritePaths : DIRECTIVE_ReadOnly) };
                return keeps_ids(s, true);
        }
        index--;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const BindMount *b;

                if (index >= rows[i].list->n) {
                        index -= rows[i].list->n;
                        continue;
                }
                b = rows[i].list->items + index;
                *ret = (HostTree){ .path = b->source, .directive = rows[i].id, .origin = b->origin };
                return keeps_ids(s, b->idmap) && (rows[i].id == DIRECTIVE_BindPaths || is_opened(s, b->destination));
        }
        return false;
}
