/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which trees of the host get a container's label on disk. */
#include "policies/container-root.h"
#include "policies/selinux/selinux.h"
#include "units/spec/service-directories.h"

/* Directories that are the host's own as a whole; what lies below may be a volume. */
static const char *const system_directories[] = {
        "/",     "/boot", "/etc",     "/home", "/media",    "/mnt",     "/opt",     "/root",
        "/run",  "/srv",  "/tmp",     "/var",  "/var/lib",  "/var/log", "/var/run", "/var/cache",
        "/var/spool", "/var/tmp", "/var/lib/bulwark", "/run/bulwark",
};
/* And those of which nothing may be relabelled. */
static const char *const system_trees[] = {
        "/bin", "/dev", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/sbin", "/sys", "/usr", "/etc/selinux", "/var/lib/selinux",
};

bool selinux_path_is_system(const char *path) {
        for (size_t i = 0; i < ELEMENTSOF(system_directories); i++)
                if (streq(path, system_directories[i]))
                        return true;
        for (size_t i = 0; i < ELEMENTSOF(system_trees); i++) {
                const char *rest = startswith(path, system_trees[i]);

                if (rest && (*rest == 0 || *rest == '/'))
                        return true;
        }
        return false;
}

static bool is_below(const char *path, const char *directory) {
        const char *rest = startswith(path, directory);

        return rest && (*rest == 0 || *rest == '/');
}

/* In something that is mounted, and not of the root. */
static bool is_mounted(const ContainerSpec *spec, const char *path) {
        const value_binds *lists[] = { &spec->bind_paths, &spec->bind_read_only_paths };

        for (size_t l = 0; l < ELEMENTSOF(lists); l++)
                for (size_t i = 0; i < lists[l]->n; i++)
                        if (is_below(path, lists[l]->items[i].destination))
                                return true;
        for (const ContainerTmpfs *t = container_writable_defaults; t->path; t++)
                if (is_below(path, t->path))
                        return true;
        for (size_t i = 0; i < spec->temporary_file_system.n; i++)
                if (is_below(path, spec->temporary_file_system.items[i].path))
                        return true;
        return false;
}

bool selinux_root_is_written(const ContainerSpec *spec) {
        if (container_spec_root(spec).upper != ROOT_UPPER_NONE)
                return false;
        for (size_t i = 0; i < spec->read_write_paths.n; i++)
                if (!is_mounted(spec, spec->read_write_paths.items[i].path))
                        return true;
        return !spec->read_only;
}

bool selinux_bind_is_written(const ContainerSpec *spec, const BindMount *bind) {
        for (size_t i = 0; i < spec->read_write_paths.n; i++)
                if (is_below(spec->read_write_paths.items[i].path, bind->destination))
                        return true;
        return false;
}

int selinux_volumes(const ContainerSpec *spec, SelinuxVolume **ret, size_t *ret_n) {
        const value_binds *lists[] = { &spec->bind_paths, &spec->bind_read_only_paths };
        static const char *const names[] = { "BindPaths", "BindReadOnlyPaths" };
        SelinuxVolume *v = calloc(spec->bind_paths.n + spec->bind_read_only_paths.n + 1, sizeof(*v));
        size_t n = 0;

        if (!v)
                return -ENOMEM;
        if (selinux_root_is_written(spec))
                v[n++] = (SelinuxVolume){ .path = spec->root_directory,
                                          .origin = container_spec_origin(spec, DIRECTIVE_RootDirectory),
                                          .directive = "RootDirectory" };
        for (size_t l = 0; l < ELEMENTSOF(lists); l++)
                for (size_t i = 0; i < lists[l]->n; i++) {
                        const BindMount *b = lists[l]->items + i;

                        /* Read-only ones that are nobody else's have an overlay instead. */
                        if (b->label == BIND_LABEL_NONE ||
                            (l > 0 && b->label == BIND_LABEL_OWN && !selinux_bind_is_written(spec, b)))
                                continue;
                        v[n++] = (SelinuxVolume){ .path = b->source,
                                                  .base = service_directory_base(b),
                                                  .shared = b->label == BIND_LABEL_SHARED,
                                                  .missing_ok = b->missing_ok,
                                                  .origin = &b->origin,
                                                  .directive = b->directive ?: names[l] };
                }
        *ret = v;
        *ret_n = n;
        return 0;
}
