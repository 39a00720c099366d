/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the payload finds open beside its streams: the sockets of its unit, then what an earlier life has stored. */
#include <stdio.h>

#include "manager/base/string-list.h"
#include "manager/plan/plan-build.h"

/* The number is that of the slot in passed, which is what the keeper's table of slots says too. */
static void add_passed(PlanWriter *w, PassedDescriptors *passed, const char *name) {
        char words[32];

        if (w->error < 0 || passed->error < 0)
                return;
        if (passed->n == ELEMENTSOF(passed->slots)) {
                passed->error = -E2BIG;
                return;
        }
        (void)snprintf(words, sizeof(words), "descriptor %zu", PLAN_FIRST_PASSED + passed->n);
        passed->slots[passed->n++] = plan_add_slot(w, SLOT_PASSED, words, NULL, 0);
        passed->error = strv_extend(&passed->names, name);
}

int plan_passed(PlanWriter *w, const ContainerSpec *spec, const PlanParameters *parameters, PassedDescriptors *ret) {
        plan_origin_row(w, spec, DIRECTIVE_FileDescriptorStoreMax);
        for (char *const *name = parameters->stored; name && *name; name++)
                add_passed(w, ret, *name);
        plan_origin_none(w);
        return ret->error;
}

void passed_descriptors_done(PassedDescriptors *p) {
        p->names = strv_free(p->names);
        *p = (PassedDescriptors){};
}

void plan_pass_descriptors(PlanWriter *w, const ContainerSpec *spec, const PassedDescriptors *passed) {
        if (!passed || passed->n == 0)
                return;
        plan_origin_row(w, spec, DIRECTIVE_FileDescriptorStoreMax);
        plan_add_step(w, STEP_PASS_DESCRIPTORS, ACTOR_PAYLOAD,
                      (StepOperands){ .s_ref = plan_add_bytes(w, passed->slots, passed->n * sizeof(passed->slots[0]), 4) });
        plan_origin_none(w);
}
