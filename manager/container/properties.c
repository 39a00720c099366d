/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Single directives of a unit, set while the manager runs: a drop-in for each, as systemctl set-property has it. A unit
 * that would become bad is put back as it was before anybody sees it. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"
#include "units/syntax/search.h"

/* The runtime's come later in the order of names, so they win until they are set for good. */
#define PREFIX_PERSISTENT "50"
#define PREFIX_RUNTIME "60"
#define OLD_MAX (1U << 20)

typedef struct DropIn {
        char name[80];
        char *old; /* what stood there; NULL = nothing */
        size_t old_size;
} DropIn;

typedef struct Change {
        int folder_fd;         /* where the drop-ins are written */
        int runtime_folder_fd; /* where those stand that a persistent one ends; may be -EBADF */
        bool runtime;
        char *folder; /* its path */
        DropIn written[_DIRECTIVE_MAX], ended[_DIRECTIVE_MAX];
} Change;

static void change_done(Change *c) {
        (void)safe_close(c->folder_fd);
        free(c->folder);
        (void)safe_close(c->runtime_folder_fd);
        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++) {
                free(c->written[id].old);
                free(c->ended[id].old);
        }
        free(c);
}

static void change_freep(Change **c) {
        if (*c)
                change_done(*c);
}

/* --- files */
static int make_folder(int parent, const char *name, mode_t mode, int *ret) {
        _cleanup_close_ int fd = -EBADF;

        if (mkdirat(parent, name, mode) < 0 && errno != EEXIST)
                return -errno;
        fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || fchmod(fd, mode) < 0) /* whatever the umask */
                return -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

static int open_folder(const Container *c, Change *change, Diag *diag) {
        const char *directory = change->runtime ? c->manager->transient_path : c->manager->config.unit_path[0];
        _cleanup_close_ int parent = -EBADF;
        char name[NAME_MAX + 1];
        int r;

        (void)snprintf(name, sizeof(name), "%s" UNIT_SUFFIX ".d", c->name);
        if (!change->runtime)
                change->runtime_folder_fd = openat(c->manager->transient_fd, name,
                                                   O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        r = str_append(&change->folder, "%s/%s", directory, name);
        if (r < 0)
                return r;
        parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (parent < 0)
                r = -errno;
        if (r >= 0)
                r = make_folder(parent, name, change->runtime ? 0700 : 0755, &change->folder_fd);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot make the folder %s/%s%s", directory, name,
                                  change->runtime ? "" : "; --runtime needs none there");
        return 0;
}

static int keep_old(int folder_fd, DropIn *d) {
        _cleanup_close_ int fd = openat(folder_fd, d->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

        if (fd < 0)
                return errno == ENOENT || errno == EBADF ? 0 : -errno;
        return read_file(fd, OLD_MAX, &d->old, &d->old_size);
}

static int write_row(const Change *change, const char *file, const ContainerSpec *draft, DirectiveId id) {
        _cleanup_free_ char *row = NULL, *text = NULL;
        int r;

        r = container_spec_print_row(draft, id, &row);
        if (r >= 0)
                r = str_append(&text, "# Written by set-property.\n[%s]\n%s",
                               section_to_string(directives[id].section), row);
        if (r < 0)
                return r;
        return change->runtime ? write_file_volatile(change->folder_fd, file, text, strlen(text), 0600) :
                                 write_file_atomic(change->folder_fd, file, text, strlen(text), 0644);
}

static int write_one(Change *change, const ContainerSpec *draft, DirectiveId id) {
        DropIn *d = change->written + id, *ended = change->ended + id;
        int r;

        (void)snprintf(ended->name, sizeof(ended->name), PREFIX_RUNTIME "-%s.conf", directives[id].name);
        (void)snprintf(d->name, sizeof(d->name), "%s-%s.conf", change->runtime ? PREFIX_RUNTIME : PREFIX_PERSISTENT,
                       directives[id].name);
        r = keep_old(change->folder_fd, d);
        if (r >= 0)
                r = keep_old(change->runtime_folder_fd, ended);
        if (r >= 0)
                r = write_row(change, d->name, draft, id);
        if (r >= 0 && ended->old)
                (void)unlinkat(change->runtime_folder_fd, ended->name, 0);
        return r;
}

static void put_back(int folder_fd, const DropIn *d) {
        if (d->old)
                (void)write_file_volatile(folder_fd, d->name, d->old, d->old_size, 0644);
        else
                (void)unlinkat(folder_fd, d->name, 0);
}

static void take_back(Container *c, const Change *change) {
        _cleanup_(diag_done) Diag diag = {};

        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++) {
                if (*change->written[id].name)
                        put_back(change->folder_fd, change->written + id);
                if (change->ended[id].old)
                        put_back(change->runtime_folder_fd, change->ended + id);
        }
        (void)rmdir(change->folder); /* unless it had others */
        (void)container_load(c, &diag);
}

/* --- what runs */
void container_use_limits(Container *c, const ContainerSpec *spec) {
        const ContainerSpec *old = c->limits;

        c->limits = spec ? container_spec_ref(spec) : NULL;
        if (old)
                (void)container_spec_unref((ContainerSpec *)old);
}

static const ContainerSpec *limits_in_force(const Container *c) {
        return c->limits ? c->limits : c->spec;
}

static int apply_limits(Container *c, Diag *diag) {
        _cleanup_(cgroup_limits_done) CgroupLimits change = {}, back = {};
        const CgroupRoot *root = container_cgroup_root(c);
        int r;

        if (!container_is_running(c) || c->cgroup.fd < 0 || !c->spec)
                return 0;
        r = cgroup_limits_change(limits_in_force(c), c->loaded, &change);
        if (r >= 0)
                r = cgroup_limits_change(c->loaded, limits_in_force(c), &back);
        if (r >= 0)
                r = cgroup_limits_check(root, change.items, change.n, diag);
        if (r < 0)
                return r;
        r = cgroup_apply(root, &c->cgroup, change.items, change.n, diag);
        if (cgroup_limits_share(limits_in_force(c)) || cgroup_limits_share(c->loaded))
                cgroup_share(root);
        if (r < 0) {
                for (size_t i = 0; i < back.n; i++) /* each by itself: what cannot be put back leaves the others */
                        (void)cgroup_apply(root, &c->cgroup, back.items + i, 1, NULL);
                return r;
        }
        container_use_limits(c, c->loaded);
        return 0;
}

int container_restart_needed(const Container *c, char ***ret) {
        _cleanup_strv_ char **names = NULL;

        for (DirectiveId id = 0; !container_is_down(c) && c->spec && c->loaded && id < _DIRECTIVE_MAX; id++) {
                const ContainerSpec *runs = directives[id].stage == STAGE_CGROUP && cgroup_limits_live(id) ?
                                                    limits_in_force(c) : c->spec;
                int r;

                if (directives[id].stage == STAGE_SPEC || container_spec_row_equal(runs, c->loaded, id))
                        continue;
                r = strv_extend(&names, directives[id].name);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(names);
        return 0;
}

static void tell_changed(Container *c) {
        Manager *m = c->manager;

        for (size_t i = 0; i < m->n_listeners; i++)
                if (m->listeners[i].callbacks->unit_changed)
                        m->listeners[i].callbacks->unit_changed(c, m->listeners[i].userdata);
}

int container_set_properties(Container *c, bool runtime, const ContainerSpec *draft, const bool set[static _DIRECTIVE_MAX],
                             Diag *diag) {
        _cleanup_(change_freep) Change *change = NULL;
        int r;

        if (c->load != LOAD_LOADED)
                return diag_error(diag, ERROR_CONFLICT, NULL, NULL, "%s has no good unit to add to: %s", c->name,
                                  strempty(c->load_error));
        change = calloc(1, sizeof(*change));
        if (!change)
                return -ENOMEM;
        change->folder_fd = change->runtime_folder_fd = -EBADF;
        change->runtime = runtime || c->transient; /* what is to stay of a unit that goes? */
        r = open_folder(c, change, diag);
        if (r < 0)
                return r;
        for (DirectiveId id = 0; r >= 0 && id < _DIRECTIVE_MAX; id++)
                if (set[id]) {
                        r = write_one(change, draft, id);
                        if (r < 0)
                                (void)diag_errno(diag, ERROR_NO_MEMORY, NULL, directives[id].name, -r,
                                                 "cannot write its drop-in");
                }
        if (r >= 0)
                r = container_load(c, diag);
        if (r >= 0)
                r = apply_limits(c, diag);
        if (r < 0) {
                take_back(c, change);
                return r;
        }
        if (change->runtime_folder_fd >= 0) {
                char name[NAME_MAX + 1];

                (void)snprintf(name, sizeof(name), "%s" UNIT_SUFFIX ".d", c->name);
                (void)unlinkat(c->manager->transient_fd, name, AT_REMOVEDIR); /* unless it holds others */
        }
        tell_changed(c);
        return 0;
}
