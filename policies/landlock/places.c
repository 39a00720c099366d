/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policies/container-root.h"
#include "policies/landlock/places.h"

#define DEVICES (FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_IOCTL_DEV)
#define SHARED (FS_READ | FS_WRITE)

/* As manager/plan/plan-root.c mounts them. */
static const struct {
        const char *path;
        uint64_t rights;
} kernel_places[] = {
        { "/dev", DEVICES },
        { "/dev/mqueue", SHARED },
        { "/dev/shm", SHARED },
        { "/proc", FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE },
        { "/sys", FS_READ },
};

const char *path_below(const char *path, const char *top) {
        const char *rest;

        if (streq(top, "/"))
                return path + 1;
        rest = startswith(path, top);
        return rest && (*rest == 0 || *rest == '/') ? rest + (*rest == '/') : NULL;
}

static Place *find(Places *p, const char *path) {
        for (size_t i = 0; i < p->n; i++)
                if (streq(p->items[i].path, path))
                        return p->items + i;
        return NULL;
}

/* The place that speaks for path. */
static const Place *place_of(const Places *p, const char *path) {
        const Place *best = p->items;

        for (size_t i = 0; i < p->n; i++)
                if (path_below(path, p->items[i].path) && strlen(p->items[i].path) >= strlen(best->path))
                        best = p->items + i;
        return best;
}

/* Room was made for all of them. What stands there already is covered by what comes later. */
static Place *add(Places *p, Place place) {
        Place *known = find(p, place.path);

        if (!known)
                known = p->items + p->n++;
        *known = place;
        return known;
}

static void add_mounts(const ContainerSpec *s, uint64_t devices, Places *p) {
        const uint64_t write = FS_WRITE | devices;
        const struct {
                const value_binds *list;
                uint64_t rights;
                const char *directive;
        } binds[] = {
                { &s->bind_paths, FS_READ | write, "BindPaths" },
                { &s->bind_read_only_paths, FS_READ, "BindReadOnlyPaths" },
        };

        add(p, (Place){ .path = "/", .base = FS_READ | LANDLOCK_ACCESS_FS_EXECUTE | (s->read_only ? 0 : write),
                        .origin = container_spec_origin(s, DIRECTIVE_ReadOnly), .directive = "ReadOnly" });
        for (size_t i = 0; i < ELEMENTSOF(kernel_places); i++)
                add(p, (Place){ .path = kernel_places[i].path, .base = kernel_places[i].rights, .kernel = true });
        for (const ContainerTmpfs *t = container_writable_defaults; t->path; t++)
                add(p, (Place){ .mount = true, .path = t->path, .base = FS_READ | LANDLOCK_ACCESS_FS_EXECUTE | write });
        for (size_t k = 0; k < ELEMENTSOF(binds); k++)
                for (size_t i = 0; i < binds[k].list->n; i++) {
                        const BindMount *b = binds[k].list->items + i;

                        add(p, (Place){ .mount = true, .path = b->destination, .base = binds[k].rights | (b->noexec ? 0 : LANDLOCK_ACCESS_FS_EXECUTE),
                                        .missing_ok = b->missing_ok, .origin = &b->origin, .directive = binds[k].directive });
                }
        for (size_t i = 0; i < s->temporary_file_system.n; i++) {
                const TmpfsMount *t = s->temporary_file_system.items + i;

                add(p, (Place){ .mount = true, .path = t->path, .base = FS_READ | (t->read_only ? 0 : write) | (t->noexec ? 0 : LANDLOCK_ACCESS_FS_EXECUTE),
                                .origin = &t->origin, .directive = t->implied ? t->implied : "TemporaryFileSystem" });
        }
        for (size_t i = 0; i < p->n; i++)
                p->items[i].want = p->items[i].base;
}

/* --- protections: each changes a place and all below it */

typedef struct Protection {
        const PathItem *item;
        const char *directive;
        uint64_t taken, given;
} Protection;

static int protection_compare(const void *a, const void *b) {
        const Protection *x = a, *y = b;
        size_t n = strlen(x->item->path), k = strlen(y->item->path);

        if ((x->taken == FS_ALL) != (y->taken == FS_ALL)) /* nothing is reached below what is covered */
                return x->taken == FS_ALL ? 1 : -1;
        if (n != k)
                return n < k ? -1 : 1; /* the more specific one has the last word */
        return (x->taken != 0) - (y->taken != 0); /* and of two on one path the stricter */
}

static void protect(Places *p, const Protection *x) {
        const Place *parent = place_of(p, x->item->path);
        Place *own = find(p, x->item->path);

        if (!own)
                own = add(p, (Place){ .path = x->item->path, .base = parent->base, .want = parent->want,
                                      .missing_ok = x->item->missing_ok });
        own->origin = &x->item->origin;
        own->directive = x->directive;
        for (size_t i = 0; i < p->n; i++) {
                Place *q = p->items + i;
                /* A device can be written to on a read-only mount, too. */
                const uint64_t device = q->kernel && path_below(q->path, "/dev") ? FS_WRITE : 0;
                uint64_t taken = x->taken, given = x->given;

                if (!path_below(q->path, x->item->path))
                        continue;
                /* What the unit mounts below says itself whether it may be written; covered it is all the same. */
                if (q->mount && q != own) {
                        taken &= taken == FS_ALL ? FS_ALL : ~(FS_WRITE | FS_MAKE_DEVICE);
                        given &= q->base;
                } else if (q->kernel && q != own) {
                        taken &= taken == FS_ALL ? FS_ALL : ~device;
                        given &= q->base;
                }
                q->want = (q->want & ~taken) | given | (q->base & LANDLOCK_ACCESS_FS_READ_DIR);
        }
}

static int place_compare(const void *a, const void *b) {
        return strcmp(((const Place *)a)->path, ((const Place *)b)->path);
}

int places_collect(const ContainerSpec *s, bool makes_devices, Places *ret) {
        const uint64_t devices = makes_devices ? FS_MAKE_DEVICE : 0;
        const struct {
                const value_paths *list;
                const char *directive;
                uint64_t taken, given;
        } rows[] = {
                { &s->read_only_paths, "ReadOnlyPaths", FS_WRITE | FS_MAKE_DEVICE, 0 },
                { &s->read_write_paths, "ReadWritePaths", 0, FS_WRITE | devices },
                { &s->no_exec_paths, "NoExecPaths", LANDLOCK_ACCESS_FS_EXECUTE, 0 },
                { &s->exec_paths, "ExecPaths", 0, LANDLOCK_ACCESS_FS_EXECUTE },
                { &s->inaccessible_paths, "InaccessiblePaths", FS_ALL, 0 },
        };
        size_t mounts = 1 + ELEMENTSOF(kernel_places) + s->bind_paths.n + s->bind_read_only_paths.n +
                        s->temporary_file_system.n;
        size_t n_protections = 0, n = 0;
        Protection *protections;
        Places p = {};

        for (const ContainerTmpfs *t = container_writable_defaults; t->path; t++)
                mounts++;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                n_protections += rows[i].list->n;
        p.items = calloc(mounts + n_protections, sizeof(Place));
        protections = calloc(n_protections + 1, sizeof(Protection));
        if (!p.items || !protections) {
                free(p.items);
                free(protections);
                return -ENOMEM;
        }
        add_mounts(s, devices, &p);
        for (size_t k = 0; k < ELEMENTSOF(rows); k++)
                for (size_t i = 0; i < rows[k].list->n; i++)
                        protections[n++] = (Protection){ rows[k].list->items + i,
                                                          rows[k].list->items[i].implied ? rows[k].list->items[i].implied : rows[k].directive,
                                                          rows[k].taken, rows[k].given };
        if (n > 1)
                qsort(protections, n, sizeof(Protection), protection_compare);
        for (size_t i = 0; i < n; i++)
                protect(&p, protections + i);
        free(protections);
        qsort(p.items, p.n, sizeof(Place), place_compare);
        *ret = p;
        return 0;
}
