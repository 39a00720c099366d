/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The attributes of the payload's process, as the table has them. */
#include <limits.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "manager/base/string-list.h"
#include "manager/plan/plan-build.h"
#include "manager/plan/process-attributes.h"

#define DEFAULT_TIMER_SLACK_NSEC UINT64_C(50000)

/* The row that is being added: its place in the plan, and the flags that say which failures the step ignores. */
typedef struct Attribute {
        PlanWriter *w;
        const ContainerSpec *spec;
        const Identity *identity;
        Actor actor;
        DirectiveId id;
        unsigned flags;
} Attribute;

typedef struct AttributeRow {
        AttributePlace place;
        void (*add)(const Attribute *a);
        DirectiveId id;
        const char *name;
} AttributeRow;

static const int resources[_RESOURCE_LIMIT_MAX] = {
#define RESOURCE_LIMIT(name, word, unit) [RESOURCE_LIMIT_##name] = RLIMIT_##name,
#include "units/values/resource-limits.inc"
#undef RESOURCE_LIMIT
};
static const DirectiveId limit_directives[_RESOURCE_LIMIT_MAX] = {
#define RESOURCE_LIMIT(name, word, unit) [RESOURCE_LIMIT_##name] = DIRECTIVE_Limit##name,
#include "units/values/resource-limits.inc"
#undef RESOURCE_LIMIT
};

const char *plan_resource_to_string(uint64_t resource) {
        for (int i = 0; i < _RESOURCE_LIMIT_MAX; i++)
                if ((uint64_t)resources[i] == resource)
                        return resource_limit_to_string((ResourceLimit)i);
        return "unknown";
}

static bool is_set(const ContainerSpec *spec, DirectiveId id) {
        return id >= 0 && container_spec_origin(spec, id)->file;
}

/* Not of the step alone: a second directive of the same step, e.g. its priority, was written just as well. */
static unsigned asked_by(const Attribute *a, DirectiveId second) {
        if (!is_set(a->spec, second))
                return a->flags;
        plan_origin_row(a->w, a->spec, second);
        return 0;
}

static void attribute_none(const Attribute *a) {
}

static void process_file(const Attribute *a, const char *name, const char *text) {
        plan_add_step(a->w, STEP_PROCESS_FILE, a->actor, (StepOperands){ .s = name, .t = text, .flags = a->flags });
}

static void process_control(const Attribute *a, int option, uint64_t first, uint64_t second) {
        plan_add_step(a->w, STEP_PROCESS_CONTROL, a->actor,
                      (StepOperands){ .a = (uint64_t)option, .b = first, .c = second, .flags = a->flags });
}

static void attribute_oom_score(const Attribute *a) {
        char text[16];

        (void)snprintf(text, sizeof(text), "%d", a->spec->oom_score_adjust);
        process_file(a, "oom_score_adj", text);
}

static void attribute_coredump_filter(const Attribute *a) {
        const value_coredump_filter *v = &a->spec->coredump_filter;
        char text[16];

        (void)snprintf(text, sizeof(text), "%08x", v->set ? v->mask : COREDUMP_FILTER_DEFAULT);
        process_file(a, "coredump_filter", text);
}

static void attribute_signals(const Attribute *a) {
        plan_add_step(a->w, STEP_SIGNALS, a->actor,
                      (StepOperands){ .a = a->spec->ignore_sigpipe ? UINT64_C(1) << (SIGPIPE - 1) : 0, .flags = a->flags });
}

static void attribute_personality(const Attribute *a) {
        plan_add_step(a->w, STEP_PERSONALITY, a->actor,
                      (StepOperands){ .a = a->spec->personality == PERSONALITY_32 ? PER_LINUX32 : PER_LINUX,
                                      .flags = a->flags });
}

static void attribute_timer_slack(const Attribute *a) {
        const uint64_t v = a->spec->timer_slack_nsec;

        process_control(a, PR_SET_TIMERSLACK, v > 0 ? v : DEFAULT_TIMER_SLACK_NSEC, 0);
}

static void attribute_thp(const Attribute *a) {
        const ThpMode mode = a->spec->memory_thp;

        process_control(a, PR_SET_THP_DISABLE, mode != THP_SYSTEM, mode == THP_MADVISE ? PLAN_THP_EXCEPT_ADVISED : 0);
}

static void attribute_ksm(const Attribute *a) {
        process_control(a, PLAN_SET_MEMORY_MERGE, a->spec->memory_ksm, 0);
}

static void attribute_tsc(const Attribute *a) {
        process_control(a, PR_SET_TSC, PR_TSC_ENABLE, 0);
}

static void attribute_machine_checks(const Attribute *a) {
        process_control(a, PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0);
}

static void attribute_io_flusher(const Attribute *a) {
        process_control(a, PLAN_SET_IO_FLUSHER, 0, 0);
}

/* Bytes of a bit set as long as its last bit; empty for none. */
static PlanRef bit_set(const Attribute *a, const value_index_set *v) {
        uint64_t bits[(CPU_INDEX_MAX + 1) / 64] = {};
        size_t n = 0;

        for (size_t i = 0; i < v->n; i++)
                for (size_t k = v->items[i].first; k <= v->items[i].last; k++) {
                        bits[k / 64] |= UINT64_C(1) << (k % 64);
                        n = k / 64 + 1;
                }
        return n > 0 ? plan_add_bytes(a->w, bits, n * sizeof(uint64_t), 8) : (PlanRef){};
}

static void attribute_numa_policy(const Attribute *a) {
        static const int modes[_NUMA_POLICY_MAX] = {
                [NUMA_POLICY_DEFAULT] = MPOL_DEFAULT,       [NUMA_POLICY_PREFERRED] = MPOL_PREFERRED,
                [NUMA_POLICY_BIND] = MPOL_BIND,             [NUMA_POLICY_INTERLEAVE] = MPOL_INTERLEAVE,
                [NUMA_POLICY_LOCAL] = MPOL_LOCAL,
        };
        const unsigned flags = asked_by(a, DIRECTIVE_NUMAMask);

        plan_add_step(a->w, STEP_MEMORY_POLICY, a->actor,
                      (StepOperands){ .a = (uint64_t)modes[a->spec->numa_policy], .s_ref = bit_set(a, &a->spec->numa_mask),
                                      .flags = flags });
}

static void attribute_cpu_affinity(const Attribute *a) {
        plan_add_step(a->w, STEP_CPU_AFFINITY, a->actor,
                      (StepOperands){ .s_ref = bit_set(a, &a->spec->cpu_affinity), .flags = a->flags });
}

/* A level alone is one of the class that has levels for everybody. */
static void attribute_io_priority(const Attribute *a) {
        const bool level = is_set(a->spec, DIRECTIVE_IOSchedulingPriority);
        const unsigned flags = asked_by(a, DIRECTIVE_IOSchedulingPriority);
        unsigned class = a->spec->io_scheduling_class;

        if (class == IO_CLASS_NONE && level && !is_set(a->spec, DIRECTIVE_IOSchedulingClass))
                class = IO_CLASS_BEST_EFFORT;
        plan_add_step(a->w, STEP_IO_PRIORITY, a->actor,
                      (StepOperands){ .a = class,
                                      .b = class == IO_CLASS_REALTIME || class == IO_CLASS_BEST_EFFORT ?
                                                   (uint64_t)a->spec->io_scheduling_priority :
                                                   0,
                                      .flags = flags });
}

static void attribute_nice(const Attribute *a) {
        plan_add_step(a->w, STEP_NICE, a->actor,
                      (StepOperands){ .a = (uint64_t)(int64_t)a->spec->nice, .flags = a->flags });
}

static StepOperands scheduling_operands(const ContainerSpec *spec, unsigned flags) {
        static const int policies[_CPU_POLICY_MAX] = {
                [CPU_POLICY_OTHER] = SCHED_OTHER, [CPU_POLICY_BATCH] = SCHED_BATCH, [CPU_POLICY_IDLE] = SCHED_IDLE,
                [CPU_POLICY_FIFO] = SCHED_FIFO,   [CPU_POLICY_RR] = SCHED_RR,
        };
        const CpuPolicy policy = spec->cpu_scheduling_policy;
        const bool realtime = policy == CPU_POLICY_FIFO || policy == CPU_POLICY_RR;

        return (StepOperands){ .a = (uint64_t)policies[policy],
                               .b = realtime ? (uint64_t)MAX_OF(spec->cpu_scheduling_priority, 1) : 0,
                               .flags = flags };
}

static void attribute_scheduling(const Attribute *a) {
        const unsigned flags = asked_by(a, DIRECTIVE_CPUSchedulingPriority);

        plan_add_step(a->w, STEP_SCHEDULING, a->actor, scheduling_operands(a->spec, flags));
}

static void attribute_reset_on_fork(const Attribute *a) {
        StepOperands o = scheduling_operands(a->spec, a->flags);

        o.c = 1;
        if (a->spec->cpu_scheduling_reset)
                plan_add_step(a->w, STEP_SCHEDULING, a->actor, o);
}

static void attribute_core_scheduling(const Attribute *a) {
        plan_add_step(a->w, STEP_CORE_SCHEDULING, a->actor, (StepOperands){ .flags = a->flags });
}

/* --- resource limits */

static int limit_index(DirectiveId id) {
        int i = 0;

        while (limit_directives[i] != id)
                i++;
        return i;
}

/* What the kernel gives its first process; a host that did not tell has none. */
static value_limit limit_of_host(const ContainerSpec *spec) {
        const uint64_t n = spec->host_tasks > 0 && spec->host_tasks != UINT64_MAX ? spec->host_tasks / 2 : UINT64_MAX;

        return (value_limit){ .soft = n, .hard = n, .set = true };
}

/* Limit...= of its own, Ulimit=, the default: the first that is there. */
static value_limit limit_of(const Attribute *a, int index, unsigned *ret_flags) {
        const value_limit *own = container_spec_field_const(a->spec, a->id);
        const value_limit *other = a->spec->ulimit.limits + index;

        *ret_flags = a->flags;
        if (other->set && !is_set(a->spec, a->id)) {
                plan_origin(a->w, a->spec->ulimit.origins + index, directives[DIRECTIVE_Ulimit].name);
                *ret_flags = 0;
                return *other;
        }
        return own->set ? *own : limit_of_host(a->spec);
}

static void attribute_resource_ceiling(const Attribute *a) {
        const int index = limit_index(a->id);
        unsigned flags;
        const value_limit v = limit_of(a, index, &flags);

        plan_add_step(a->w, STEP_RESOURCE_CEILING, a->actor,
                      (StepOperands){ .a = (uint64_t)resources[index], .b = v.hard, .flags = flags });
}

static void attribute_resource_limit(const Attribute *a) {
        const int index = limit_index(a->id);
        unsigned flags;
        const value_limit v = limit_of(a, index, &flags);

        plan_add_step(a->w, STEP_RESOURCE_LIMIT, a->actor,
                      (StepOperands){ .a = (uint64_t)resources[index], .b = v.soft, .c = v.hard, .flags = flags });
}

/* --- the rest */

static void attribute_file_mode_mask(const Attribute *a) {
        plan_add_step(a->w, STEP_FILE_MODE_MASK, a->actor, (StepOperands){ .a = a->spec->umask });
}

static void attribute_user_keyring(const Attribute *a) {
        if (a->spec->keyring_mode == KEYRING_SHARED)
                plan_add_step(a->w, STEP_USER_KEYRING, a->actor,
                              (StepOperands){ .a = a->identity->uid, .b = a->identity->gid });
}

#define DIRECTIVE__INVALID _DIRECTIVE_INVALID
static const AttributeRow rows[] = {
#define ATTRIBUTE(name, place, add, directive, what) { ATTRIBUTE_##place, attribute_##add, DIRECTIVE_##directive, name },
#include "manager/plan/attributes.inc"
#undef ATTRIBUTE
};

void plan_attributes(PlanWriter *w, const ContainerSpec *spec, const Identity *identity, AttributePlace place, Actor actor) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const Attribute a = { w, spec, identity, actor, rows[i].id,
                                      is_set(spec, rows[i].id) ? 0 : STEP_FLAG_LENIENT };

                if (rows[i].place != place)
                        continue;
                if (rows[i].id >= 0)
                        plan_origin_row(w, spec, rows[i].id);
                else
                        plan_origin_none(w);
                rows[i].add(&a);
        }
        plan_origin_none(w);
}

void plan_secure_bits(PlanWriter *w, const ContainerSpec *spec, uint64_t permitted, Actor actor) {
        plan_origin_row(w, spec, DIRECTIVE_SecureBits);
        plan_add_step(w, STEP_SECURE_BITS, actor,
                      (StepOperands){ .a = spec->secure_bits, .b = permitted,
                                      .flags = is_set(spec, DIRECTIVE_SecureBits) ? 0 : STEP_FLAG_LENIENT });
        plan_origin_none(w);
}

/* --- not of a process but of its namespaces */

void plan_sysctls(PlanWriter *w, const ContainerSpec *spec, int16_t proc) {
        for (size_t i = 0; i < spec->sysctl.n; i++) {
                const SysctlItem *item = spec->sysctl.items + i;
                char path[PATH_MAX];

                plan_origin(w, &item->origin, directives[DIRECTIVE_Sysctl].name);
                if (sysctl_namespace(item->name) == SYSCTL_UTS) {
                        plan_add_step(w, STEP_DOMAIN_NAME, ACTOR_INNER, (StepOperands){ .s = item->value });
                        continue;
                }
                if ((size_t)snprintf(path, sizeof(path), "sys/%s", item->name) >= sizeof(path)) {
                        w->error = -ENAMETOOLONG;
                        return;
                }
                /* '.' separates, '/' stands for a dot within a word: as files have it, the other way round */
                for (char *p = path + strlen("sys/"); *p; p++)
                        *p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
                plan_add_step(w, STEP_SYSCTL, ACTOR_INNER,
                              (StepOperands){ .slot1 = SLOT(proc), .s = path, .t = item->value });
        }
        plan_origin_none(w);
}

bool plan_has_time_offsets(const ContainerSpec *spec) {
        return spec->time_offset_boottime != 0 || spec->time_offset_monotonic != 0;
}

/* The nanoseconds of a negative time count forwards. */
static int append_offset(char **s, const char *clock, int64_t usec) {
        const int64_t second = (int64_t)USEC_PER_SEC;
        int64_t seconds = usec / second, rest = usec % second;

        if (rest < 0) {
                seconds--;
                rest += second;
        }
        return str_append(s, "%s %lld %lld\n", clock, (long long)seconds, (long long)(rest * (int64_t)NSEC_PER_USEC));
}

void plan_time_offsets(PlanWriter *w, const ContainerSpec *spec) {
        _cleanup_free_ char *text = NULL;

        if (!plan_has_time_offsets(spec))
                return;
        if (append_offset(&text, "monotonic", spec->time_offset_monotonic) < 0 ||
            append_offset(&text, "boottime", spec->time_offset_boottime) < 0) {
                w->error = -ENOMEM;
                return;
        }
        plan_origin_row(w, spec, spec->time_offset_boottime != 0 ? DIRECTIVE_TimeOffsetBoottimeSec : DIRECTIVE_TimeOffsetMonotonicSec);
        plan_add_step(w, STEP_TIME_OFFSETS, ACTOR_OUTER, (StepOperands){ .s = text });
        plan_origin_none(w);
}
