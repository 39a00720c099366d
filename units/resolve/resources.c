/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits of resources meet the host: percentages of what it has, disks by their numbers, and what contradicts itself. */
#include "units/resolve/checks.h"
#include "units/resolve/resolve-steps.h"

static bool is_number(const value_memory_limit *l) {
        return l->set && l->permyriad == 0 && l->bytes != UINT64_MAX;
}

/* From the least to the most: each is of no effect above the next. */
static const struct {
        DirectiveId id;
        bool guard;
} memory_rows[] = {
        { DIRECTIVE_MemoryMin, true },      { DIRECTIVE_MemoryLow, true },        { DIRECTIVE_MemoryHigh, false },
        { DIRECTIVE_MemoryMax, false },     { DIRECTIVE_MemorySwapMax, false },   { DIRECTIVE_MemoryZSwapMax, false },
};

static uint64_t memory_bytes(const Check *c, const value_memory_limit *l) {
        return l->permyriad > 0 ? c->host->memory_total / 10000 * l->permyriad : l->bytes;
}

int check_memory(const Check *c) {
        const value_memory_limit *high = &c->spec->memory_high, *max = &c->spec->memory_max;
        int error = 0;

        for (size_t i = 0; i < ELEMENTSOF(memory_rows); i++) {
                const DirectiveId id = memory_rows[i].id;
                const value_memory_limit *l = container_spec_field_const(c->spec, id);

                if (l->set && l->permyriad > 0 && c->host->memory_total == 0)
                        error = diag_error(c->diag, ERROR_HOST_LACKS, where(c, id), directives[id].name,
                                           "the size of the host's memory is not known; give bytes instead of a percentage");
                else if (memory_rows[i].guard && is_number(l) && is_number(max) && l->bytes > max->bytes)
                        diag_warning(c->diag, ERROR_CONFLICT, where(c, id), directives[id].name,
                                     "is above MemoryMax=, and no more than that is kept");
        }
        if (error >= 0 && high->set && memory_bytes(c, high) != UINT64_MAX &&
            memory_bytes(c, high) > (max->set ? memory_bytes(c, max) : UINT64_MAX))
                diag_warning(c->diag, ERROR_CONFLICT, where(c, DIRECTIVE_MemoryHigh), "MemoryHigh",
                             "is above MemoryMax= and never has an effect");
        return error;
}

int check_tasks(const Check *c) {
        if (!c->spec->tasks_max.set || c->spec->tasks_max.permyriad == 0 || c->host->tasks_max > 0)
                return 0;
        return diag_error(c->diag, ERROR_HOST_LACKS, where(c, DIRECTIVE_TasksMax), "TasksMax",
                          "the host's limit of tasks is not known; give a number instead of a percentage");
}

/* The kernel says only that such a partition is invalid. */
int check_partition(const Check *c) {
        const CpusetPartition p = c->spec->cpuset_partition;

        if ((p != CPUSET_PARTITION_ROOT && p != CPUSET_PARTITION_ISOLATED) || c->spec->allowed_cpus.n > 0)
                return 0;
        return diag_error(c->diag, ERROR_CONFLICT, where(c, DIRECTIVE_CPUSetPartition), "CPUSetPartition",
                          "a partition has CPUs of its own; name them with AllowedCPUs=");
}

static int disk_resolve(IoLimit *l, const DiskFact *f, const char *directive, Diag *diag) {
        if (!f || f->error == ENOENT || f->error == ENOTDIR)
                return diag_error(diag, ERROR_HOST_LACKS, &l->origin, directive,
                                  "this host has no %s; name a block device, or a file on one", l->path);
        if (f->error == ENODEV)
                return diag_error(diag, ERROR_BAD_VALUE, &l->origin, directive,
                                  "no block device stands behind %s; name the device itself", l->path);
        if (f->error != 0)
                return diag_errno(diag, ERROR_HOST_LACKS, &l->origin, directive, f->error, "cannot look at %s", l->path);
        l->major = f->major;
        l->minor = f->minor;
        return 0;
}

int disks_resolve(ContainerSpec *s, const UnitFacts *facts, Diag *diag) {
        size_t at = 0;
        int error = 0;

        for (const DirectiveId *row = io_limit_rows; *row != _DIRECTIVE_MAX; row++) {
                value_io_limits *v = container_spec_field(s, *row);

                for (size_t i = 0; i < v->n; i++, at++)
                        error = worse(error, disk_resolve(v->items + i, at < facts->n_disks ? facts->disks + at : NULL,
                                                          directives[*row].name, diag));
        }
        return error;
}
