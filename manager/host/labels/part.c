/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/container/container-internal.h"
#include "manager/host/part.h"
#include "manager/record/blob.h"

/* The policies of a life: compiled from the unit, loaded into the kernel, read back (mac.c). They are released only when the
 * control group is gone: a profile that is unloaded under a process unconfines it for ever. */

static void policies_begin(Container *c) {
        policy_labels_done(&c->labels);
        c->policy_digest = (Digest){};
        c->verified = c->mac_lost = false;
}

static int policies_prepare(Container *c, Launch *launch, Diag *diag) {
        int r = container_compile(c, diag);

        return r < 0 ? r : mac_load(c, diag);
}

static void policies_save(const Container *c, Blob *b) {
        b->labels = c->labels;
        b->policy_digest = c->policy_digest;
        b->verified = c->verified;
        b->mac_lost = c->mac_lost;
}

static void policies_adopt(Container *c, Adoption *a) {
        policy_labels_done(&c->labels);
        c->labels = a->blob->labels;
        a->blob->labels = (PolicyLabels){};
        c->policy_digest = a->blob->policy_digest;
        c->verified = a->blob->verified;
        c->mac_lost = a->blob->mac_lost;
}

static void policies_resume(Container *c, const Adoption *a) {
        mac_adopt(c);
}

static void policies_done(Container *c) {
        container_drop_policies(c);
        policy_labels_done(&c->labels);
}

const LifePart part_policies = {
        .name = "policies",
        .of_the_end = true,
        .begin = policies_begin,
        .prepare = policies_prepare,
        .undo = mac_release,
        .release = container_drop_policies,
        .save = policies_save,
        .adopt = policies_adopt,
        .resume = policies_resume,
        .forget = mac_forget,
        .sweep = mac_sweep,
        .done = policies_done,
};
