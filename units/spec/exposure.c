/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "units/spec/container-spec.h"

/* What is certain about a change of one row, by its type and flags: a new directive is open to doubt from its first
 * day, and so asks for the right to raise exposure. */

/* A switch that protects is written so that its default is the closed side. */
static bool bool_tightens(const ContainerSpec *after, DirectiveId id) {
        const char *closed = directives[id].default_text;
        const value_bool *v = container_spec_field_const(after, id);

        return closed && *v == streq(closed, "yes");
}

static bool number_tightens(bool set_before, uint64_t before, bool set_after, uint64_t after) {
        return set_after && (!set_before || after <= before);
}

/* A percentage is of what the host has: it cannot be held against a number here. */
static bool memory_tightens(const ContainerSpec *before, const ContainerSpec *after, DirectiveId id) {
        const value_memory_limit *b = container_spec_field_const(before, id);
        const value_memory_limit *a = container_spec_field_const(after, id);

        return b->permyriad == 0 && a->permyriad == 0 && number_tightens(b->set, b->bytes, a->set, a->bytes);
}

static bool tasks_tightens(const ContainerSpec *before, const ContainerSpec *after, DirectiveId id) {
        const value_tasks_limit *b = container_spec_field_const(before, id);
        const value_tasks_limit *a = container_spec_field_const(after, id);

        return b->permyriad == 0 && a->permyriad == 0 && number_tightens(b->set, b->tasks, a->set, a->tasks);
}

bool container_spec_loosens(const ContainerSpec *before, const ContainerSpec *after, DirectiveId id) {
        const Directive *d = &directives[id];

        if (container_spec_row_equal(before, after, id) || d->section == SECTION_Unit)
                return false;
        if (d->stage == STAGE_CGROUP && !FLAGS_SET(d->flags, DIRECTIVE_FLAG_SECURITY))
                return false; /* a share of the processors, not of the host */
        if (d->type == &value_type_bool)
                return !FLAGS_SET(d->flags, DIRECTIVE_FLAG_SECURITY) || !bool_tightens(after, id);
        if (d->type == &value_type_memory_limit)
                return !memory_tightens(before, after, id);
        if (d->type == &value_type_tasks_limit)
                return !tasks_tightens(before, after, id);
        return true;
}
