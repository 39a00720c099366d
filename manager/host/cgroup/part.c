/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/container/container-internal.h"
#include "manager/host/part.h"
#include "manager/record/blob.h"

/* The control group of a life, with the unit's limits, and the watch on what happens in it. */

static CgroupOwner cgroup_owner_of(const Container *c) {
        return (CgroupOwner){ .delegate = c->spec->boot && c->id_count > 0, .uid = c->id_base, .gid = c->id_base };
}

static void cgroup_begin(Container *c) {
        c->frozen = c->freeze_wanted = false;
        container_use_limits(c, NULL);
        c->oom_kills = 0;
        c->oom_told = false;
}

static int cgroup_check(const Container *c, Diag *diag) {
        _cleanup_(cgroup_limits_done) CgroupLimits limits = {};
        int r = cgroup_limits_render(c->loaded, &limits);

        return r < 0 ? r : cgroup_limits_check(&c->manager->cgroup, limits.items, limits.n, diag);
}

static int cgroup_set_path(Container *c) {
        _cleanup_free_ char *directory = cgroup_name_escape(c->name);

        return directory ? str_append(&c->cgroup_path, "%s/containers/%s", container_cgroup_root(c)->path, directory) :
                           -ENOMEM;
}

static int cgroup_prepare(Container *c, Launch *launch, Diag *diag) {
        _cleanup_(cgroup_limits_done) CgroupLimits limits = {};
        CgroupOwner owner = cgroup_owner_of(c);
        CgroupRoot *root = container_cgroup_root(c);
        int r;

        r = cgroup_limits_render(c->spec, &limits);
        if (r >= 0)
                r = cgroup_limits_check(root, limits.items, limits.n, diag);
        if (r >= 0)
                r = cgroup_create(root, c->name, limits.items, limits.n, &owner, diag, &c->cgroup);
        if (cgroup_limits_share(c->spec))
                cgroup_share(root); /* also where it has failed half-way */
        if (r >= 0)
                r = cgroup_set_path(c);
        if (r < 0)
                return r;
        cgroup_watch_add(c);
        crash_point(c->manager, CGROUP_MADE);
        return 0;
}

/* Nobody is cloned into a control group that was ever killed: each life of the keeper's gets one of its own. */
int container_renew_cgroup(Container *c, Diag *diag) {
        const CgroupOwner owner = cgroup_owner_of(c);
        int r;

        if (!c->payload_used)
                return 0;
        r = cgroup_renew(container_cgroup_root(c), &c->cgroup, &owner);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot make a new control group in %s", c->cgroup_path);
        c->payload_used = false;
        return 0;
}

static void cgroup_undo(Container *c) {
        int r;

        cgroup_watch_remove(c);
        /* At once: of a removed group the kernel takes the CPUs back later, and the groups above may not be asked for them before. */
        if (c->spec && cgroup_limits_share(c->spec) && c->cgroup.fd >= 0)
                (void)cgroup_write(c->cgroup.fd, "cpuset.cpus.partition", "member");
        r = cgroup_remove(container_cgroup_root(c), c->name);
        if (r < 0 && r != -ENOENT)
                log_message(&c->manager->config.log, LOG_WARNING, "%s: cannot remove its control group: %s", c->name,
                            strerror(-r));
        if ((c->spec && cgroup_limits_share(c->spec)) || (c->limits && cgroup_limits_share(c->limits)))
                cgroup_share(container_cgroup_root(c));
        c->frozen = false;
        crash_point(c->manager, CGROUP_REMOVED);
}

static void cgroup_release(Container *c) {
        c->payload_used = false;
        cgroup_watch_remove(c);
        cgroup_done(&c->cgroup);
        free(c->cgroup_path);
        c->cgroup_path = NULL;
}

static void cgroup_save(const Container *c, Blob *b) {
        b->oom_kills = c->oom_kills;
}

/* What was set live is known by the files themselves: the unit's drop-ins say it too, and where every file holds what the unit
 * says now, the unit's limits are in force. */
static void cgroup_adopt_limits(Container *c) {
        _cleanup_(cgroup_limits_done) CgroupLimits change = {};

        if (!c->spec || !c->loaded || cgroup_limits_change(c->spec, c->loaded, &change) < 0)
                return;
        if (cgroup_holds(container_cgroup_root(c), &c->cgroup, change.items, change.n))
                container_use_limits(c, c->loaded);
}

static void cgroup_adopt(Container *c, Adoption *a) {
        CgroupEvents e;

        c->payload_used = true;
        c->oom_kills = a->blob->oom_kills;
        if (c->cgroup.fd >= 0 || cgroup_open(container_cgroup_root(c), c->name, &c->cgroup) < 0)
                return;
        (void)cgroup_set_path(c);
        cgroup_watch_add(c);
        cgroup_adopt_limits(c);
        if (cgroup_events(c->cgroup.fd, &e) >= 0)
                c->frozen = c->freeze_wanted = e.frozen;
}

const LifePart part_cgroup = {
        .name = "cgroup",
        .of_the_end = true,
        .begin = cgroup_begin,
        .check = cgroup_check,
        .prepare = cgroup_prepare,
        .undo = cgroup_undo,
        .release = cgroup_release,
        .save = cgroup_save,
        .adopt = cgroup_adopt,
        .sweep = manager_sweep,
};
