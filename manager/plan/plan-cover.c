/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ReadOnlyPaths=, ReadWritePaths=, NoExecPaths= and ExecPaths=: each covers its path with a copy of the tree that has the
 * attribute set or cleared, parents first, so that the more specific one wins. What the unit mounts itself says how it may
 * be written too, so that a mount below a path is as its own line wants it; about execution it says nothing but noexec. */
#include <linux/mount.h>

#include "manager/base/string-list.h"
#include "manager/plan/plan-build.h"

typedef struct CoverMark {
        const char *path;
        const Origin *origin;
        const char *directive;
        uint64_t set, clear; /* mount attributes */
        const UnitMount *mount; /* something that the unit mounts: as it should be unless a cover above changed it */
        bool missing_ok;
        uint64_t forced;     /* attributes that covers changed here, by this mark or one above */
        uint64_t forced_on;  /* those of them that are set */
} CoverMark;

static int mark_compare(const void *a, const void *b) {
        const CoverMark *x = a, *y = b;
        int r = strcmp(x->path, y->path);

        if (r == 0)
                r = (y->mount ? 1 : 0) - (x->mount ? 1 : 0);
        return r != 0 ? r : strcmp(strempty(x->directive), strempty(y->directive));
}

static CoverMark mark_of_mount(const UnitMount *m) {
        const bool read_only = m->bind ? m->bind_read_only : m->tmpfs && m->tmpfs->read_only;
        const bool no_exec = (m->bind && m->bind->noexec) || (m->tmpfs && m->tmpfs->noexec);

        return (CoverMark){ .path = m->path,
                            .origin = m->origin,
                            .directive = m->directive,
                            .set = (read_only ? MOUNT_ATTR_RDONLY : 0) | (no_exec ? MOUNT_ATTR_NOEXEC : 0),
                            .clear = read_only ? 0 : MOUNT_ATTR_RDONLY,
                            .mount = m,
                            .missing_ok = m->bind && m->bind->missing_ok };
}

static int marks_collect(const ContainerSpec *spec, const UnitMount *mounts, size_t n_mounts, CoverMark **ret,
                         size_t *ret_n) {
        const struct {
                const value_paths *paths;
                const char *directive;
                uint64_t set, clear;
        } rows[] = {
                { &spec->read_only_paths, "ReadOnlyPaths", MOUNT_ATTR_RDONLY, 0 },
                { &spec->read_write_paths, "ReadWritePaths", 0, MOUNT_ATTR_RDONLY },
                { &spec->no_exec_paths, "NoExecPaths", MOUNT_ATTR_NOEXEC, 0 },
                { &spec->exec_paths, "ExecPaths", 0, MOUNT_ATTR_NOEXEC },
        };
        size_t room = n_mounts + 1, n = 0;
        CoverMark *marks;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                room += rows[i].paths->n;
        marks = calloc(room, sizeof(CoverMark));
        if (!marks)
                return -ENOMEM;
        for (size_t i = 0; i < n_mounts; i++)
                marks[n++] = mark_of_mount(mounts + i);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (size_t k = 0; k < rows[i].paths->n; k++) {
                        const PathItem *p = rows[i].paths->items + k;

                        marks[n++] = (CoverMark){ .path = p->path, .origin = &p->origin,
                                                  .directive = p->implied ? p->implied : rows[i].directive,
                                                  .set = rows[i].set, .clear = rows[i].clear,
                                                  .missing_ok = p->missing_ok };
                }
        qsort(marks, n, sizeof(CoverMark), mark_compare);
        *ret = marks;
        *ret_n = n;
        return 0;
}

static bool is_at_or_below(const char *path, const char *top) {
        const char *rest = startswith(path, top);

        return streq(top, "/") || (rest && (*rest == 0 || *rest == '/'));
}

/* The nearest mark above, or at the same path before: covers are recursive, so it knows those farther above. */
static const CoverMark *mark_above(const CoverMark *marks, const CoverMark *m) {
        const CoverMark *nearest = NULL;

        for (const CoverMark *above = marks; above < m; above++)
                if (is_at_or_below(m->path, above->path))
                        nearest = above;
        return nearest;
}

static int16_t clone_tree(PlanWriter *w, const CoverMark *m, uint64_t d) {
        int16_t slot = plan_add_slot(w, SLOT_MADE, m->path, NULL, 0);

        plan_add_step(w, STEP_CLONE_TREE, ACTOR_OUTER,
                      (StepOperands){ .slot1 = SLOT(slot), .s = m->path,
                                      .b = m->mount ? (uint64_t)SLOT(m->mount->slot) : 0, .d = d,
                                      .flags = STEP_FLAG_RECURSIVE | (m->missing_ok ? STEP_FLAG_OPTIONAL : 0) });
        return slot;
}

/* A symbolic link on the way is followed only to take something away: what is opened is named by its own path, so that
 * an image cannot have /proc/sys opened by a link to it. */
static void cover(PlanWriter *w, CoverMark *m, int16_t root) {
        const unsigned flags = m->missing_ok ? STEP_FLAG_OPTIONAL : 0;
        const uint64_t d = m->clear ? PLAN_NO_SYMLINKS : 0;
        const bool whole = streq(m->path, "/");
        int16_t slot;

        plan_origin(w, m->origin, m->directive);
        slot = whole ? root : clone_tree(w, m, d);
        plan_add_step(w, STEP_SET_ATTRIBUTES, ACTOR_OUTER,
                      (StepOperands){ .slot1 = SLOT(slot), .a = m->set, .b = m->clear,
                                      .flags = flags | STEP_FLAG_RECURSIVE });
        if (!whole)
                plan_add_step(w, STEP_ATTACH, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(slot), .s = m->path, .d = d, .flags = flags });
        m->forced |= m->set | m->clear;
        m->forced_on = (m->forced_on | m->set) & ~m->clear;
}

/* A mount of the unit's that a cover above changed against its line's will is attached once more as it was: what the
 * host mounted read-only itself stays so. Only what the line says nothing about goes on from above. */
static void restore(PlanWriter *w, CoverMark *m) {
        const uint64_t kept = m->forced & m->forced_on & ~(m->set | m->clear);
        int16_t slot;

        plan_origin(w, m->origin, m->directive);
        slot = clone_tree(w, m, 0);
        if (kept)
                plan_add_step(w, STEP_SET_ATTRIBUTES, ACTOR_OUTER,
                              (StepOperands){ .slot1 = SLOT(slot), .a = kept,
                                              .flags = STEP_FLAG_RECURSIVE | (m->missing_ok ? STEP_FLAG_OPTIONAL : 0) });
        plan_add_step(w, STEP_ATTACH, ACTOR_OUTER,
                      (StepOperands){ .slot1 = SLOT(slot), .s = m->path,
                                      .flags = m->missing_ok ? STEP_FLAG_OPTIONAL : 0 });
        m->forced = m->forced_on = kept;
}

int plan_cover_paths(PlanWriter *w, const ContainerSpec *spec, const UnitMount *mounts, size_t n_mounts, int16_t root) {
        _cleanup_free_ CoverMark *marks = NULL;
        size_t n = 0;
        int r;

        r = marks_collect(spec, mounts, n_mounts, &marks, &n);
        if (r < 0)
                return r;
        for (CoverMark *m = marks; m < marks + n; m++) {
                const CoverMark *above = mark_above(marks, m);

                if (above) {
                        m->forced = above->forced;
                        m->forced_on = above->forced_on;
                }
                if (!m->mount)
                        cover(w, m, root);
                else if ((m->forced & ~m->forced_on & m->set) || (m->forced & m->forced_on & m->clear))
                        restore(w, m);
        }
        return 0;
}
