/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Collects slots, steps and data of a plan under construction. The first error sticks; plan_writer_finish() tells
 * it, so that a builder reads as a list of steps. */

#include "manager/plan/plan.h"

typedef struct PlanWriter {
        PlanSlot *slots;
        PlanStep *steps;
        size_t n_slots, n_steps;
        char *data;
        size_t data_size;
        int error;
        Origin origin;         /* of the steps added from now on; file NULL = built in */
        const char *directive; /* likewise */
        PlanRef origin_file, origin_directive;
} PlanWriter;

void plan_writer_init(PlanWriter *w);
void plan_writer_done(PlanWriter *w);

/* From now on steps are caused by this unit line. */
void plan_origin(PlanWriter *w, const Origin *origin, const char *directive);
void plan_origin_row(PlanWriter *w, const ContainerSpec *spec, DirectiveId id);
void plan_origin_none(PlanWriter *w);

PlanRef plan_add_text(PlanWriter *w, const char *text); /* NULL = "" */
PlanRef plan_add_bytes(PlanWriter *w, const void *data, size_t size, size_t alignment);
PlanRef plan_add_list(PlanWriter *w, const char *const *list); /* each element with its NUL; the last one's is the reference's own */

int16_t plan_add_slot(PlanWriter *w, SlotKind kind, const char *name, const char *path, unsigned flags);

/* The fields that a step does not use stay zero; slot is PLAN_NO_SLOT unless given. */
typedef struct StepOperands {
        int16_t slot1; /* slot + 1, so that zero means none */
        unsigned flags;
        uint64_t a, b, c, d;
        const char *s, *t; /* texts */
        PlanRef s_ref, t_ref, u_ref; /* instead of a text */
} StepOperands;
void plan_add_step(PlanWriter *w, StepKind kind, Actor actor, StepOperands operands);
#define SLOT(i) ((int16_t)((i) + 1))

int plan_writer_finish(PlanWriter *w, unsigned flags, int stop_signal, uint64_t stop_timeout_usec, Plan **ret);
