/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "manager/host/cgroup/cgroup-limits.h"

#define CPU_PERIOD_DEFAULT UINT64_C(100000) /* the kernel's own period, usec */
#define CPU_PERIOD_MIN UINT64_C(1000)
#define CPU_QUOTA_MIN UINT64_C(1000)        /* the least the kernel takes, usec */
#define PERMYRIAD UINT64_C(10000)

/* part/10000 of the whole, without overflow. */
static uint64_t share_of(uint64_t whole, uint32_t permyriad) {
        return whole / PERMYRIAD * permyriad + whole % PERMYRIAD * permyriad / PERMYRIAD;
}

static bool render_number(uint64_t v, CgroupLimit *l) {
        if (v == UINT64_MAX) {
                (void)snprintf(l->value, sizeof(l->value), "max");
                l->needed = false;
        } else
                (void)snprintf(l->value, sizeof(l->value), "%" PRIu64, v);
        return true;
}

static bool render_memory(const value_memory_limit *v, uint64_t host, CgroupLimit *l) {
        return v->set && render_number(v->permyriad > 0 ? share_of(host, v->permyriad) : v->bytes, l);
}

static bool render_memory_max(const ContainerSpec *s, CgroupLimit *l) {
        return render_memory(&s->memory_max, s->host_memory, l);
}

static bool render_memory_high(const ContainerSpec *s, CgroupLimit *l) {
        return render_memory(&s->memory_high, s->host_memory, l);
}

static bool render_tasks_max(const ContainerSpec *s, CgroupLimit *l) {
        const value_tasks_limit *v = &s->tasks_max;

        return v->set &&
               render_number(v->permyriad > 0 ? share_of(s->host_tasks, v->permyriad) : v->tasks, l);
}

/* What the kernel takes is 1 ms to 1 s. */
static uint64_t cpu_period(const ContainerSpec *s) {
        if (s->cpu_quota_period_usec == 0)
                return CPU_PERIOD_DEFAULT;
        return MIN_OF(MAX_OF(s->cpu_quota_period_usec, CPU_PERIOD_MIN), USEC_PER_SEC);
}

/* A small quota gets a longer period, so that it can be said at all: the kernel takes no quota under 1 ms. A period alone
 * limits nothing; it stands there for a quota that comes later. */
static bool render_cpu_quota(const ContainerSpec *s, CgroupLimit *l) {
        uint64_t period = cpu_period(s), quota;

        if (s->cpu_quota == 0 && period == CPU_PERIOD_DEFAULT)
                return false;
        if (s->cpu_quota == 0 || s->cpu_quota == USEC_INFINITY) {
                (void)snprintf(l->value, sizeof(l->value), "max %" PRIu64, period);
                l->needed = false;
                return true;
        }
        quota = s->cpu_quota / USEC_PER_SEC * period + s->cpu_quota % USEC_PER_SEC * period / USEC_PER_SEC;
        if (quota < CPU_QUOTA_MIN) {
                period = USEC_PER_SEC;
                quota = MAX_OF(s->cpu_quota, CPU_QUOTA_MIN);
        }
        (void)snprintf(l->value, sizeof(l->value), "%" PRIu64 " %" PRIu64, quota, period);
        return true;
}

static bool render_cpu_weight(const ContainerSpec *s, CgroupLimit *l) {
        return s->cpu_weight != 0 && s->cpu_weight != CPU_WEIGHT_IDLE && render_number(s->cpu_weight, l);
}

static bool render_cpu_idle(const ContainerSpec *s, CgroupLimit *l) {
        return s->cpu_weight == CPU_WEIGHT_IDLE && render_number(1, l);
}

static bool render_io_weight(const ContainerSpec *s, CgroupLimit *l) {
        if (s->io_weight == 0)
                return false;
        (void)snprintf(l->value, sizeof(l->value), "default %" PRIu32, s->io_weight);
        return true;
}

/* What the manager does itself needs the controller as well: it is told by memory.events. */
static bool render_oom_group(const ContainerSpec *s, CgroupLimit *l) {
        return (s->oom_policy == OOM_POLICY_KILL || s->oom_policy == OOM_POLICY_STOP) &&
               render_number(s->oom_policy == OOM_POLICY_KILL, l);
}

static const struct {
        DirectiveId id;
        const char *name, *controller, *file, *fallback, *unset; /* unset: the kernel's default */
        bool (*render)(const ContainerSpec *s, CgroupLimit *l); /* false: the unit does not ask for it */
} rows[] = {
        /* high before max: a payload near the limit is slowed before it is killed */
        { DIRECTIVE_MemoryHigh, "MemoryHigh", "memory", "memory.high", NULL, "max", render_memory_high },
        { DIRECTIVE_MemoryMax, "MemoryMax", "memory", "memory.max", NULL, "max", render_memory_max },
        { DIRECTIVE_OOMPolicy, "OOMPolicy", "memory", "memory.oom.group", NULL, "0", render_oom_group },
        { DIRECTIVE_TasksMax, "TasksMax", "pids", "pids.max", NULL, "max", render_tasks_max },
        { DIRECTIVE_CPUQuota, "CPUQuota", "cpu", "cpu.max", NULL, "max 100000", render_cpu_quota },
        { DIRECTIVE_CPUWeight, "CPUWeight", "cpu", "cpu.weight", NULL, "100", render_cpu_weight },
        { DIRECTIVE_CPUWeight, "CPUWeight", "cpu", "cpu.idle", NULL, "0", render_cpu_idle },
        { DIRECTIVE_IOWeight, "IOWeight", "io", "io.weight", "io.bfq.weight", "default 100", render_io_weight },
};
_Static_assert(ELEMENTSOF(rows) <= CGROUP_LIMITS_MAX, "CGROUP_LIMITS_MAX");

static bool render_row(size_t i, const ContainerSpec *spec, CgroupLimit *ret) {
        *ret = (CgroupLimit){ .controller = rows[i].controller,
                              .file = rows[i].file,
                              .fallback = rows[i].fallback,
                              .directive = rows[i].name,
                              .origin = spec->origins[rows[i].id],
                              .needed = true };
        return rows[i].render(spec, ret);
}

void cgroup_limits_render(const ContainerSpec *spec, CgroupLimit ret[static CGROUP_LIMITS_MAX],
                          size_t *ret_n) {
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (render_row(i, spec, ret + n))
                        n++;
        *ret_n = n;
}

void cgroup_limits_change(const ContainerSpec *before, const ContainerSpec *after,
                          CgroupLimit ret[static CGROUP_CHANGES_MAX], size_t *ret_n) {
        CgroupLimit unused;
        size_t n = 0, m;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                if (!render_row(i, before, ret + n) || render_row(i, after, &unused))
                        continue;
                (void)snprintf(ret[n].value, sizeof(ret[n].value), "%s", rows[i].unset);
                ret[n++].needed = false;
        }
        cgroup_limits_render(after, ret + n, &m);
        *ret_n = n + m;
}
