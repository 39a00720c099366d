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

/* A limit that is none, or of what the host has, is not tighter than anything. */
static bool memory_is_number(const ContainerSpec *after, DirectiveId id) {
        const value_memory_limit *a = container_spec_field_const(after, id);

        return a->set && a->permyriad == 0 && a->bytes != UINT64_MAX;
}

static bool tasks_is_number(const ContainerSpec *after, DirectiveId id) {
        const value_tasks_limit *a = container_spec_field_const(after, id);

        return a->set && a->permyriad == 0 && a->tasks != UINT64_MAX;
}

/* Types of which a value can be held against another. */
static const struct {
        const ValueType *type;
        bool (*comparable)(const ContainerSpec *after, DirectiveId id);
        bool (*tightens)(const ContainerSpec *before, const ContainerSpec *after, DirectiveId id);
} limits[] = {
        { &value_type_memory_limit, memory_is_number, memory_tightens },
        { &value_type_memory_amount, memory_is_number, memory_tightens },
        { &value_type_tasks_limit, tasks_is_number, tasks_tightens },
};

Exposure container_spec_exposure(const ContainerSpec *after, DirectiveId id) {
        const Directive *d = &directives[id];

        if (FLAGS_SET(d->flags, DIRECTIVE_FLAG_OWN))
                return EXPOSURE_NONE;
        if (d->type == &value_type_bool && FLAGS_SET(d->flags, DIRECTIVE_FLAG_SECURITY) && bool_tightens(after, id))
                return EXPOSURE_NONE;
        for (size_t i = 0; i < ELEMENTSOF(limits); i++)
                if (limits[i].type == d->type && limits[i].comparable(after, id))
                        return EXPOSURE_COMPARED;
        return EXPOSURE_RAISED;
}

bool container_spec_loosens(const ContainerSpec *before, const ContainerSpec *after, DirectiveId id) {
        const Exposure exposure = container_spec_exposure(after, id);

        if (exposure == EXPOSURE_NONE || container_spec_row_equal(before, after, id))
                return false;
        for (size_t i = 0; exposure == EXPOSURE_COMPARED && i < ELEMENTSOF(limits); i++)
                if (limits[i].type == directives[id].type)
                        return !limits[i].tightens(before, after, id);
        return true;
}
