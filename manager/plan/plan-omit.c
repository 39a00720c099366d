/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "manager/plan/plan.h"

static bool kinds_known(char *const *kinds) {
        for (; kinds && *kinds; kinds++) {
                unsigned kind = 0;

                while (kind < _STEP_KIND_MAX && !streq(step_kind_to_string(kind), *kinds))
                        kind++;
                if (kind == _STEP_KIND_MAX)
                        return false;
        }
        return true;
}

/* Steps stand between the slots and the data; nothing refers to them by number. */
int plan_omit(const Plan *plan, char *const *kinds, Plan **ret) {
        const PlanView *view = &plan->view;
        PlanHeader header = *view->header;
        Plan *p;
        char *at;
        int r;

        if (!kinds_known(kinds))
                return -ENOENT;
        p = calloc(1, sizeof(Plan));
        if (!p || !(p->data = malloc(plan->size))) {
                free(p);
                return -ENOMEM;
        }
        header.n_steps = 0;
        at = mempcpy((char *)p->data + sizeof(header), view->slots, header.n_slots * sizeof(PlanSlot));
        for (uint32_t i = 0; i < view->header->n_steps; i++)
                if (!strv_contains(kinds, step_kind_to_string(view->steps[i].kind))) {
                        at = mempcpy(at, view->steps + i, sizeof(PlanStep));
                        header.n_steps++;
                }
        at = mempcpy(at, view->data, header.data_size);
        p->size = (size_t)(at - (char *)p->data);
        header.size = (uint32_t)p->size;
        memcpy(p->data, &header, sizeof(header));
        r = plan_check(p->data, p->size, &p->view);
        if (r < 0) {
                (void)plan_free(p);
                return r;
        }
        digest_of(p->data, p->size, &p->digest);
        *ret = p;
        return 0;
}
