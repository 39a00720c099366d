/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Image=: a lease keeps the image and its layers in the store for as long as the container lives. */
#include "manager/base/string-list.h"
#include "manager/container/container-internal.h"
#include "manager/host/part.h"
#include "manager/images/image-lease.h"
#include "manager/images/image-store.h"

static int layers_prepare(Container *c, Launch *launch, Diag *diag) {
        const Origin *origin = container_spec_origin(c->spec, DIRECTIVE_Image);
        _cleanup_close_ int store = -EBADF;
        int r;

        (void)launch;
        if (!c->spec->image)
                return 0;
        r = image_store_open(c->manager->image_store, &store);
        if (r >= 0)
                r = image_lease_take(store, c->name, &c->spec->image_digest);
        switch (r) {
        case -ENOENT:
                return diag_error(diag, ERROR_MISSING, origin, "Image", "the image %s was removed at this moment; bring it back with \"bulwarkctl image "
                                  "import\"", c->spec->image);
        case -EBUSY:
                return diag_error(diag, ERROR_BUSY, origin, "Image", "images are being removed from the store at this moment; start it again");
        default:
                return r < 0 ? diag_errno(diag, ERROR_FAILED, origin, "Image", -r, "cannot keep the image %s while it is in use", c->spec->image) : 0;
        }
}

static void layers_undo(Container *c) {
        _cleanup_close_ int store = -EBADF;

        if (c->spec && c->spec->image && image_store_open(c->manager->image_store, &store) >= 0)
                image_lease_drop(store, c->name);
}

/* A manager that died between the lease and the life, or the end of a life and that of its lease. */
static void layers_sweep(Manager *m) {
        _cleanup_close_ int store = -EBADF;
        _cleanup_strv_ char **names = NULL;

        if (image_store_open(m->image_store, &store) < 0 || image_store_names(store, "leases", &names) < 0)
                return;
        for (char **n = names; n && *n; n++) {
                const Container *c = manager_find(m, *n);

                if (!c || !c->spec || !c->spec->image || container_is_down(c))
                        image_lease_drop(store, *n);
        }
}

const LifePart part_layers = {
        .name = "layers",
        .prepare = layers_prepare,
        .undo = layers_undo,
        .sweep = layers_sweep,
};
