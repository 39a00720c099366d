/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "manager/base/held-path.h"
#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "manager/container/container-internal.h"
#include "manager/host/part.h"
#include "units/spec/service-directories.h"

/* StateDirectory= and its kin: made on the host before their trees are opened. What is there already is left as it is: its
 * owner and mode are what the last life, or the administrator, made of them. One that is made here belongs to the unit's user:
 * on a mapped tree by the container's own ids, below /run by what those are mapped to. RuntimeDirectory= goes with the life as
 * RuntimeDirectoryPreserve= says. Everything in there was written by a container: nothing is followed. */

#define TREE_DEPTH_MAX 256 /* of what is removed; deeper trees stay, and are told */

/* --- made */

static int owner_of(const Container *c, const ServiceDirectoryKind *kind, uint32_t id) {
        return (int)(kind->idmap || c->id_count == 0 ? id : c->id_base + id);
}

static bool is_empty_directory(int fd) {
        int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = copy < 0 ? NULL : fdopendir(copy);
        bool empty = true;

        if (!d) {
                (void)safe_close(copy);
                return false;
        }
        for (const struct dirent *e; empty && (e = readdir(d));)
                empty = streq(e->d_name, ".") || streq(e->d_name, "..");
        (void)closedir(d);
        return empty;
}

/* Its label, before anybody else may enter. What was there before has it by now: trees are labelled before a life begins. */
static int directory_label(const Container *c, const char *base, int fd, const char *name, Diag *diag) {
        _cleanup_free_ char *path = NULL;
        int r = str_append(&path, "%s/%s", base, name);

        return r < 0 ? r : mac_give(c, fd, path, diag);
}

/* A new directory, or one below /run that is empty and still root's, as tmpfiles.d(5) makes them. */
static int directory_give(const Container *c, const ServiceDirectoryKind *kind, int fd, bool is_new, mode_t mode) {
        const Identity *i = &c->spec->identity;
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!is_new && (kind->idmap || st.st_uid != 0 || c->id_count == 0 || !is_empty_directory(fd)))
                return 0;
        if (fchown(fd, (uid_t)owner_of(c, kind, i->uid), (gid_t)owner_of(c, kind, i->gid)) < 0 || fchmod(fd, mode) < 0)
                return -errno;
        return 0;
}

/* Component by component below the base, each of which has to be a directory and no link: "web/cache" makes both. */
static int directory_make(const Container *c, const ServiceDirectoryKind *kind, const HeldPath *base, const char *name, mode_t mode,
                          Diag *diag) {
        _cleanup_close_ int at = fcntl(base->fd, F_DUPFD_CLOEXEC, 3);

        if (at < 0)
                return -errno;
        for (const char *p = name; *p;) {
                size_t n = strcspn(p, "/");
                _cleanup_free_ char *one = strndup(p, n);
                bool is_new, last = p[n] == 0;
                int fd;

                if (!one)
                        return -ENOMEM;
                is_new = mkdirat(at, one, 0700) >= 0;
                if (!is_new && errno != EEXIST)
                        return -errno;
                fd = openat(at, one, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0)
                        return -errno;
                (void)close(at);
                at = fd;
                if (is_new && !last && fchmod(at, 0755) < 0)
                        return -errno;
                if (last) {
                        int r = is_new ? directory_label(c, base->path, at, name, diag) : 0;

                        if (r >= 0)
                                r = directory_give(c, kind, at, is_new, mode);
                        if (r < 0)
                                return r;
                }
                p += n + !last;
        }
        return 0;
}

static int directory_report(const ServiceDirectoryKind *kind, const ServiceDirectory *d, int r, Diag *diag) {
        const char *name = directives[kind->names].name;

        if (r == -EOPNOTSUPP)
                return diag_error(diag, ERROR_POLICY, &d->origin, name,
                                  "the file system of \"%s/%s\" has no labels of SELinux; mount one there that has", kind->base, d->name);
        if (r == -ENOTDIR || r == -ELOOP)
                return diag_error(diag, ERROR_BAD_VALUE, &d->origin, name,
                                  "\"%s/%s\", or a directory above it, is no directory; remove what is there", kind->base, d->name);
        return diag_errno(diag, ERROR_FAILED, &d->origin, name, -r, "cannot make \"%s/%s\"", kind->base, d->name);
}

static int kind_prepare(Container *c, const ServiceDirectoryKind *kind, Diag *diag) {
        const value_directories *v = service_directories_of(c->spec, kind);
        const value_access_mode *mode = kind->given ? NULL : container_spec_field_const(c->spec, kind->mode);
        _cleanup_(held_path_done) HeldPath base = HELD_PATH_EMPTY;
        int r = 0;

        if (v->n == 0 || !mode)
                return 0;
        r = held_path_open(kind->base, &c->manager->trees, 0, &base);
        if (r < 0)
                return held_path_report(&base, r, diag, ERROR_FAILED, &v->items[0].origin, directives[kind->names].name, kind->base);
        for (size_t i = 0; r >= 0 && i < v->n; i++) {
                r = directory_make(c, kind, &base, v->items[i].name, (mode_t)*mode, diag);
                if (r < 0)
                        r = directory_report(kind, v->items + i, r, diag);
        }
        return r;
}

static int directories_prepare(Container *c, Launch *launch, Diag *diag) {
        for (size_t i = 0; i < SERVICE_DIRECTORY_KINDS; i++) {
                int r = kind_prepare(c, service_directory_kinds + i, diag);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- and removed */

static int tree_empty(int at, dev_t device, unsigned depth);

static int entry_remove(int at, const char *name, dev_t device, unsigned depth) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        int r;

        if (unlinkat(at, name, 0) >= 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR && errno != EPERM)
                return -errno;
        fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (st.st_dev != device) /* somebody has mounted there */
                return -EXDEV;
        r = tree_empty(TAKE_FD(fd), device, depth + 1);
        if (r < 0)
                return r;
        return unlinkat(at, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

/* at is taken. Goes on behind what cannot be removed; the answer is the last mistake. */
static int tree_empty(int at, dev_t device, unsigned depth) {
        DIR *d = depth > TREE_DEPTH_MAX ? NULL : fdopendir(at);
        int result = 0;

        if (!d) {
                (void)close(at);
                return depth > TREE_DEPTH_MAX ? -ELOOP : -ENOMEM;
        }
        for (const struct dirent *e; (e = readdir(d));) {
                int r;

                if (streq(e->d_name, ".") || streq(e->d_name, ".."))
                        continue;
                r = entry_remove(dirfd(d), e->d_name, device, depth);
                if (r < 0)
                        result = r;
        }
        (void)closedir(d);
        return result;
}

static int runtime_directory_remove(const Container *c, const char *name) {
        _cleanup_(held_path_done) HeldPath held = HELD_PATH_EMPTY;
        _cleanup_free_ char *path = NULL;
        struct stat st;
        int r;

        r = str_append(&path, "%s/%s", service_directory_kinds[0].base, name);
        if (r >= 0)
                r = held_path_open(path, &c->manager->trees, HELD_NO_LINK, &held);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (fstat(held.fd, &st) < 0)
                return -errno;
        return S_ISDIR(st.st_mode) ? entry_remove(held.directory, held.name, st.st_dev, 0) : -ENOTDIR;
}

static bool is_restarting(const Container *c) {
        return c->restart.pending || (c->job && c->job->type == JOB_RESTART);
}

static void directories_undo(Container *c) {
        const value_directories *v = c->spec ? &c->spec->runtime_directory : NULL;

        if (!v || c->spec->runtime_directory_preserve == STORE_PRESERVE_YES ||
            (c->spec->runtime_directory_preserve == STORE_PRESERVE_RESTART && is_restarting(c)))
                return;
        for (size_t i = 0; i < v->n; i++) {
                int r = runtime_directory_remove(c, v->items[i].name);

                if (r < 0)
                        log_message(&c->manager->config.log, LOG_WARNING, "%s: its RuntimeDirectory=%s is not removed: %s",
                                    c->name, v->items[i].name, strerror(-r));
        }
}

const LifePart part_directories = {
        .name = "directories",
        .of_the_end = true,
        .prepare = directories_prepare,
        .undo = directories_undo,
};
