/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the payload finds open beside its streams: the sockets of its unit, then what an earlier life has stored. */
#include "manager/base/string-list.h"
#include "manager/plan/plan-build.h"

/* what: for people; name: for the payload. */
static void add_passed(PlanWriter *w, PassedDescriptors *passed, const char *what, const char *name) {
        if (passed->error < 0)
                return;
        if (passed->n == ELEMENTSOF(passed->slots)) {
                passed->error = -E2BIG;
                return;
        }
        passed->slots[passed->n++] = plan_add_slot(w, SLOT_PASSED, what, NULL, 0);
        passed->error = strv_extend(&passed->names, name);
}

static void add_sockets(PlanWriter *w, const ContainerSpec *spec, PassedDescriptors *passed) {
        _cleanup_free_ char *unit = NULL;
        SpecSocket one;

        passed->error = str_append(&unit, "%s.container", spec->name);
        for (size_t i = 0; passed->error >= 0 && container_spec_socket(spec, i, &one); i++) {
                plan_origin(w, &one.item->origin, directives[one.directive].name);
                add_passed(w, passed, one.item->text, spec->file_descriptor_name ? spec->file_descriptor_name : unit);
        }
}

int plan_passed(PlanWriter *w, const ContainerSpec *spec, const PlanParameters *parameters, PassedDescriptors *ret) {
        add_sockets(w, spec, ret);
        plan_origin_row(w, spec, DIRECTIVE_FileDescriptorStoreMax);
        for (char *const *name = parameters->stored; name && *name; name++)
                add_passed(w, ret, "stored", *name);
        plan_origin_none(w);
        return ret->error;
}

void passed_descriptors_done(PassedDescriptors *p) {
        p->names = strv_free(p->names);
        *p = (PassedDescriptors){};
}

void plan_pass_descriptors(PlanWriter *w, const ContainerSpec *spec, const PassedDescriptors *passed) {
        SpecSocket one;

        if (!passed || passed->n == 0)
                return;
        plan_origin_row(w, spec, container_spec_socket(spec, 0, &one) ? one.directive : DIRECTIVE_FileDescriptorStoreMax);
        plan_add_step(w, STEP_PASS_DESCRIPTORS, ACTOR_PAYLOAD,
                      (StepOperands){ .s_ref = plan_add_bytes(w, passed->slots, passed->n * sizeof(passed->slots[0]), 4) });
        plan_origin_none(w);
}
