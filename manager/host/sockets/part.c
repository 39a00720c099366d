/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/container/container-internal.h"
#include "manager/host/part.h"

/* What outlives the lives of a container and is passed to its payload: its sockets, and what it has stored. */

/* What the payload finds open, in the order of the plan's slots: sockets, then what is stored. */
static int sockets_pass(Container *c, Launch *launch, Diag *diag) {
        return passed_open(c, &launch->plan->view, &launch->slots);
}

static int sockets_prepare(Container *c, Launch *launch, Diag *diag) {
        int r = sockets_open(c, diag);

        return r < 0 ? r : sockets_pass(c, launch, diag);
}

static void sockets_settle_adopted(Container *c, bool first) {
        if (first)
                sockets_resume(c);
        else if (c->sockets.n > 0)
                (void)sockets_send(c);
}

static void sockets_forget(Container *c) {
        if (c->sockets.n == 0)
                return;
        sockets_done(c);
        (void)sockets_send(c);
}

const LifePart part_sockets = {
        .name = "sockets",
        .prepare = sockets_prepare,
        .fill = sockets_pass,
        .moved = sockets_settle,
        .settle = sockets_settle_adopted,
        .forget = sockets_forget,
        .done = sockets_done,
};

static void store_settle_adopted(Container *c, bool first) {
        if (!first && c->store.n > 0)
                descriptor_store_send(c);
}

const LifePart part_store = {
        .name = "store",
        .moved = descriptor_store_settle,
        .undo = descriptor_store_life_over,
        .settle = store_settle_adopted,
        .forget = descriptor_store_forget,
        .done = descriptor_store_done,
};
