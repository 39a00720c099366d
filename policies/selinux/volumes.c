/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which trees of the host get a container's label on disk. */
#include "policies/selinux/selinux.h"

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

bool selinux_root_is_written(const ContainerSpec *spec) {
        return !spec->read_only || spec->read_write_paths.n > 0;
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
                        if (b->label == BIND_LABEL_NONE || (l > 0 && b->label == BIND_LABEL_OWN))
                                continue;
                        v[n++] = (SelinuxVolume){ .path = b->source,
                                                  .shared = b->label == BIND_LABEL_SHARED,
                                                  .missing_ok = b->missing_ok,
                                                  .origin = &b->origin,
                                                  .directive = names[l] };
                }
        *ret = v;
        *ret_n = n;
        return 0;
}
