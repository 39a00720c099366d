/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/io.h"
#include "manager/container/container-internal.h"
#include "manager/host/part.h"
#include "manager/record/blob.h"

/* What the container says over the socket of sd_notify(3) (notify.c). */

static int messages_prepare(Container *c, Launch *launch, Diag *diag) {
        return notify_open(c, &launch->plan->view, launch, diag);
}

static int messages_fill(Container *c, Launch *launch, Diag *diag) {
        notify_close(c); /* the one of the launch before */
        return messages_prepare(c, launch, diag);
}

static void messages_started(Container *c, int payload_pid) {
        notify_listen(c, payload_pid);
}

static void messages_save(const Container *c, Blob *b) {
        b->holds_notify = c->notify.fd >= 0;
        b->notify = c->notify.facts;
}

/* What was said while no manager was there waits in the socket. */
static void messages_adopt(Container *c, Adoption *a) {
        notify_begin(c);
        c->notify.facts = a->blob->notify;
        a->blob->notify = (NotifyFacts){};
        if (a->blob->holds_notify && a->n_held > 0 && notify_take(c, TAKE_FD(a->held[a->n_held - 1])) < 0)
                log_message(&c->manager->config.log, LOG_ERR, "%s: what it says cannot be heard any more", c->name);
}

static void messages_resume(Container *c, const Adoption *a) {
        if (a->cgroup_fd >= 0 && !c->commands.alone)
                notify_listen(c, a->payload_pid);
}

static void messages_done(Container *c) {
        free(c->notify.facts.status);
}

const LifePart part_messages = {
        .name = "messages",
        .begin = notify_begin,
        .prepare = messages_prepare,
        .fill = messages_fill,
        .started = messages_started,
        .release = notify_close,
        .save = messages_save,
        .adopt = messages_adopt,
        .resume = messages_resume,
        .sweep = notify_sweep,
        .done = messages_done,
};
