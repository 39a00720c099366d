/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/plan/plan-writer.h"

void plan_writer_init(PlanWriter *w) {
        *w = (PlanWriter){};
        (void)plan_add_bytes(w, "", 0, 1); /* offset 0 is the empty text */
}

void plan_writer_done(PlanWriter *w) {
        free(w->slots);
        free(w->steps);
        free(w->data);
        *w = (PlanWriter){};
}

/* Many steps share a cause: its texts are stored once. */
void plan_origin(PlanWriter *w, const Origin *origin, const char *directive) {
        Origin o = origin ? *origin : (Origin){};

        if (!o.file)
                directive = NULL;
        if (!streq_ptr(o.file, w->origin.file))
                w->origin_file = plan_add_text(w, o.file);
        if (!streq_ptr(directive, w->directive))
                w->origin_directive = plan_add_text(w, directive);
        w->origin = o;
        w->directive = directive;
}

void plan_origin_row(PlanWriter *w, const ContainerSpec *spec, DirectiveId id) {
        plan_origin(w, container_spec_origin(spec, id), directives[id].name);
}

void plan_origin_none(PlanWriter *w) {
        plan_origin(w, NULL, NULL);
}

PlanRef plan_add_bytes(PlanWriter *w, const void *data, size_t size, size_t alignment) {
        size_t at = (w->data_size + alignment - 1) / alignment * alignment;
        PlanRef ref = {};
        char *grown;

        if (w->error < 0)
                return ref;
        if (at + size + 1 > PLAN_MAX_SIZE) {
                w->error = -E2BIG;
                return ref;
        }
        grown = realloc(w->data, at + size + 1);
        if (!grown) {
                w->error = -ENOMEM;
                return ref;
        }
        memset(grown + w->data_size, 0, at - w->data_size);
        if (size > 0)
                memcpy(grown + at, data, size);
        grown[at + size] = 0;
        w->data = grown;
        w->data_size = at + size + 1;
        return (PlanRef){ .offset = (uint32_t)at, .size = (uint32_t)size };
}

PlanRef plan_add_text(PlanWriter *w, const char *text) {
        return isempty(text) ? (PlanRef){} : plan_add_bytes(w, text, strlen(text), 1);
}

PlanRef plan_add_list(PlanWriter *w, const char *const *list) {
        PlanRef first = {}, one = {};

        for (size_t i = 0; list && list[i]; i++) {
                one = plan_add_bytes(w, list[i], strlen(list[i]), 1);
                if (i == 0)
                        first = one;
        }
        if (list && list[0]) /* an empty last element still counts: its NUL is inside the reference then */
                first.size = one.offset + one.size - first.offset + (one.size == 0 ? 1 : 0);
        if (list && list[0] && one.size == 0)
                (void)plan_add_bytes(w, "", 0, 1);
        return first;
}

int16_t plan_add_slot(PlanWriter *w, SlotKind kind, const char *name, const char *path, unsigned flags) {
        PlanSlot slot = { .kind = (uint16_t)kind, .flags = (uint16_t)flags, .origin_line = w->origin.line };
        PlanSlot *grown;

        slot.path = plan_add_text(w, path);
        slot.name = plan_add_text(w, name);
        slot.origin_file = w->origin_file;
        if (w->error < 0)
                return 0;
        if (w->n_slots >= PLAN_MAX_SLOTS) {
                w->error = -E2BIG;
                return 0;
        }
        grown = reallocarray(w->slots, w->n_slots + 1, sizeof(PlanSlot));
        if (!grown) {
                w->error = -ENOMEM;
                return 0;
        }
        w->slots = grown;
        w->slots[w->n_slots] = slot;
        return (int16_t)w->n_slots++;
}

void plan_add_step(PlanWriter *w, StepKind kind, Actor actor, StepOperands o) {
        PlanStep step = { .kind = (uint16_t)kind,
                          .actor = (uint16_t)actor,
                          .flags = (uint16_t)o.flags,
                          .slot = (int16_t)(o.slot1 - 1),
                          .a = o.a,
                          .b = o.b,
                          .c = o.c,
                          .d = o.d,
                          .s = o.s_ref,
                          .t = o.t_ref,
                          .u = o.u_ref,
                          .origin_line = w->origin.line };
        PlanStep *grown;

        if (o.s)
                step.s = plan_add_text(w, o.s);
        if (o.t)
                step.t = plan_add_text(w, o.t);
        step.origin_file = w->origin_file;
        step.origin_directive = w->origin_directive;
        if (w->error < 0)
                return;
        if (w->n_steps >= PLAN_MAX_STEPS) {
                w->error = -E2BIG;
                return;
        }
        grown = reallocarray(w->steps, w->n_steps + 1, sizeof(PlanStep));
        if (!grown) {
                w->error = -ENOMEM;
                return;
        }
        w->steps = grown;
        w->steps[w->n_steps++] = step;
}

int plan_writer_finish(PlanWriter *w, unsigned flags, int stop_signal, uint64_t stop_timeout_usec, Plan **ret) {
        PlanHeader header = { .magic = PLAN_MAGIC,
                              .version = PLAN_VERSION,
                              .flags = flags,
                              .n_slots = (uint32_t)w->n_slots,
                              .n_steps = (uint32_t)w->n_steps,
                              .data_size = (uint32_t)w->data_size,
                              .stop_signal = stop_signal,
                              .stop_timeout_usec = stop_timeout_usec };
        size_t slots_size = w->n_slots * sizeof(PlanSlot), steps_size = w->n_steps * sizeof(PlanStep);
        Plan *p = NULL;
        char *at;
        int r;

        if (w->error < 0)
                return w->error;
        p = calloc(1, sizeof(Plan));
        if (!p)
                return -ENOMEM;
        p->size = sizeof(header) + slots_size + steps_size + w->data_size;
        header.size = (uint32_t)p->size;
        p->data = at = malloc(p->size);
        if (!at) {
                (void)plan_free(p);
                return -ENOMEM;
        }
        at = mempcpy(at, &header, sizeof(header));
        if (slots_size > 0)
                at = mempcpy(at, w->slots, slots_size);
        if (steps_size > 0)
                at = mempcpy(at, w->steps, steps_size);
        (void)memcpy(at, w->data, w->data_size);

        r = plan_check(p->data, p->size, &p->view);
        if (r < 0) {
                (void)plan_free(p);
                return r;
        }
        digest_of(p->data, p->size, &p->digest);
        *ret = p;
        return 0;
}

Plan *plan_free(Plan *p) {
        if (p)
                free(p->data);
        free(p);
        return NULL;
}
