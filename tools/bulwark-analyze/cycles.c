/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "tools/bulwark-analyze/cycles.h"

typedef struct Search {
        const ContainerSpec *const *specs;
        size_t n;
        size_t *path; /* of indices, the way so far */
        size_t n_path;
        bool *done;
        Diag *diag;
        bool found;
} Search;

static const UnitItem *named(const value_units *v, const char *name) {
        for (size_t i = 0; i < v->n; i++)
                if (streq(v->items[i].name, name))
                        return v->items + i;
        return NULL;
}

/* The line by which a comes after b. */
static const UnitItem *comes_after(const ContainerSpec *a, const ContainerSpec *b, const char **ret_directive) {
        const UnitItem *item = named(&a->after, b->name);

        *ret_directive = item ? "After" : "Before";
        return item ? item : named(&b->before, a->name);
}

static void tell(Search *s, size_t from) {
        for (size_t i = from; i < s->n_path; i++) {
                const ContainerSpec *a = s->specs[s->path[i]], *b = s->specs[s->path[i + 1 < s->n_path ? i + 1 : from]];
                const char *directive;
                const UnitItem *item = comes_after(a, b, &directive);

                (void)diag_error(s->diag, ERROR_CONFLICT, &item->origin, directive,
                                 "%s comes after %s, which is part of a circle: none of them can be started; take one of the "
                                 "lines out", a->name, b->name);
        }
        s->found = true;
}

static void visit(Search *s, size_t at) {
        for (size_t i = 0; i < s->n_path; i++)
                if (s->path[i] == at) {
                        tell(s, i);
                        return;
                }
        if (s->done[at])
                return;
        s->path[s->n_path++] = at;
        for (size_t i = 0; i < s->n; i++) {
                const char *directive;

                if (i != at && comes_after(s->specs[at], s->specs[i], &directive))
                        visit(s, i);
        }
        s->n_path--;
        s->done[at] = true;
}

int cycles_check(const ContainerSpec *const *specs, size_t n, Diag *diag) {
        _cleanup_free_ size_t *path = calloc(n + 1, sizeof(size_t));
        _cleanup_free_ bool *done = calloc(n + 1, sizeof(bool));
        Search s = { .specs = specs, .n = n, .path = path, .done = done, .diag = diag };

        if (!path || !done)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                visit(&s, i);
        return s.found ? -EINVAL : 0;
}
