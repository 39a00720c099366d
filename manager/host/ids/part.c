/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/container/container-internal.h"
#include "manager/host/part.h"
#include "manager/record/blob.h"

/* The range of ids that a private user namespace is mapped to: the same for all lives of a container. */

static void ids_begin(Container *c) {
        c->id_base = c->id_count = 0;
}

static int ids_prepare(Container *c, Launch *launch, Diag *diag) {
        Manager *m = c->manager;
        bool is_new = false;
        uint32_t base = 0;
        int r = 0;

        if (c->spec->private_users.mode == PRIVATE_USERS_MANAGED)
                r = id_ranges_get(&m->ranges, c->name, &base, &is_new);
        if (r >= 0 && is_new)
                r = id_ranges_save(&m->ranges, m->state_fd, "ids");
        id_range_of(c->spec, base, &c->id_base, &c->id_count);
        if (r < 0)
                return diag_errno(diag, r == -ENOSPC ? ERROR_NO_MEMORY : ERROR_FAILED,
                                  container_spec_origin(c->spec, DIRECTIVE_PrivateUsers), "PrivateUsers", -r,
                                  "cannot give the container its own range of ids");
        return 0;
}

static void ids_save(const Container *c, Blob *b) {
        b->id_base = c->id_base;
        b->id_count = c->id_count;
}

static void ids_adopt(Container *c, Adoption *a) {
        c->id_base = a->blob->id_base;
        c->id_count = a->blob->id_count;
        if (c->spec && c->spec->private_users.mode == PRIVATE_USERS_MANAGED &&
            id_ranges_take(&c->manager->ranges, c->name, c->id_base) < 0)
                log_message(&c->manager->config.log, LOG_WARNING, "%s: its range of ids is given to another container now",
                            c->name);
}

const LifePart part_ids = {
        .name = "ids",
        .of_the_end = true,
        .begin = ids_begin,
        .prepare = ids_prepare,
        .save = ids_save,
        .adopt = ids_adopt,
};
