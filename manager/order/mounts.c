/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "manager/order/mounts.h"
#include "units/values/text.h"

enum { FSTAB_FIELDS = 4 };

/* "\040" is a space, as fstab(5) writes it. In place. */
static void fstab_unescape(char *s) {
        char *q = s;

        for (; *s; s++) {
                if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
                        *q++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
                        s += 3;
                } else
                        *q++ = *s;
        }
        *q = 0;
}

static bool option_is_among(const char *options, const char *option) {
        const size_t n = strlen(option);

        for (const char *p = options; p; p = strchr(p, ','), p = p ? p + 1 : NULL)
                if (strncmp(p, option, n) == 0 && (!p[n] || p[n] == ','))
                        return true;
        return false;
}

static bool is_at_or_below(const char *path, const char *top) {
        const char *rest = startswith(path, top);

        return rest && (!*rest || *rest == '/');
}

/* The mount point of one line, where it is one for path. */
static char *fstab_line(char *line, const char *path) {
        char *fields[FSTAB_FIELDS] = {}, *save = NULL;
        _cleanup_free_ char *point = NULL;

        for (size_t i = 0; i < FSTAB_FIELDS; i++) {
                fields[i] = strtok_r(i == 0 ? line : NULL, WHITESPACE, &save);
                if (!fields[i] || (i == 0 && *fields[i] == '#'))
                        return NULL;
        }
        fstab_unescape(fields[1]);
        if (streq(fields[2], "swap") || option_is_among(fields[3], "noauto") || path_normalize(fields[1], &point) < 0 ||
            streq(point, "/") || !is_at_or_below(path, point))
                return NULL;
        return TAKE_PTR(point);
}

int fstab_mount_for(const char *fstab, const char *path, char **ret) {
        _cleanup_free_ char *copy = strdup(fstab), *best = NULL;
        char *save = NULL;

        if (!copy)
                return -ENOMEM;
        for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char *point = fstab_line(line, path);

                if (point && (!best || strlen(point) > strlen(best))) {
                        free(best);
                        best = TAKE_PTR(point);
                }
                free(point);
        }
        *ret = TAKE_PTR(best);
        return 0;
}

bool container_spec_mount_need(const ContainerSpec *s, size_t index, MountNeed *ret) {
        const value_paths *said = &s->requires_mounts_for;
        const struct {
                const value_binds *binds;
                DirectiveId directive;
        } rows[] = {
                { &s->bind_paths, DIRECTIVE_BindPaths },
                { &s->bind_read_only_paths, DIRECTIVE_BindReadOnlyPaths },
        };

        if (index < said->n) {
                *ret = (MountNeed){ said->items[index].path, DIRECTIVE_RequiresMountsFor, &said->items[index].origin };
                return true;
        }
        index -= said->n;
        if (s->root_directory && index-- == 0) {
                *ret = (MountNeed){ s->root_directory, DIRECTIVE_RootDirectory,
                                    container_spec_origin(s, DIRECTIVE_RootDirectory) };
                return true;
        }
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (size_t k = 0; k < rows[i].binds->n; k++) {
                        const BindMount *b = rows[i].binds->items + k;

                        if (b->missing_ok || index-- > 0)
                                continue;
                        *ret = (MountNeed){ b->source, rows[i].directive, &b->origin };
                        return true;
                }
        return false;
}
