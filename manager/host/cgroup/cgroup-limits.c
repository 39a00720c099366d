/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "manager/base/string-list.h"
#include "manager/host/cgroup/cgroup-limits.h"

#define CPU_PERIOD_DEFAULT UINT64_C(100000) /* the kernel's own period, usec */
#define CPU_PERIOD_MIN UINT64_C(1000)
#define CPU_QUOTA_MIN UINT64_C(1000)        /* the least the kernel takes, usec */
#define PERMYRIAD UINT64_C(10000)

typedef struct CgroupRow CgroupRow;
struct CgroupRow {
        DirectiveId id;
        const char *name, *controller;
        const char *file;     /* NULL: the items of the row name theirs */
        const char *fallback; /* may be NULL */
        CgroupFormat format;
        const char *word;     /* of a line of a device: "rbps="; "" of a bare number */
        const char *unset;    /* the kernel's default; NULL: what is in force stays until the next start */
        int (*render)(const CgroupRow *row, const ContainerSpec *s, CgroupLimits *l);
};

void cgroup_limits_done(CgroupLimits *l) {
        for (size_t i = 0; i < l->n; i++) {
                free(l->items[i].file);
                free(l->items[i].value);
                free(l->items[i].fallback_value);
        }
        free(l->items);
        *l = (CgroupLimits){};
}

/* One more, without its text; NULL on lack of memory. */
static CgroupLimit *limits_grow(CgroupLimits *l, const CgroupRow *row, const char *file, const Origin *origin) {
        CgroupLimit *grown = reallocarray(l->items, l->n + 1, sizeof(*grown));
        char *name = strdup(file);

        if (grown)
                l->items = grown;
        if (!grown || !name) {
                free(name);
                return NULL;
        }
        grown[l->n] = (CgroupLimit){ .controller = row->controller, .file = name, .fallback = row->fallback, .directive = row->name,
                                     .origin = *origin, .format = row->format, .needed = true };
        return grown + l->n++;
}

static int limits_add(CgroupLimits *l, const CgroupRow *row, const ContainerSpec *s, bool needed, const char *format, ...)
        _printf_(5, 6);
static int limits_add(CgroupLimits *l, const CgroupRow *row, const ContainerSpec *s, bool needed, const char *format, ...) {
        CgroupLimit *one = limits_grow(l, row, row->file, &s->origins[row->id]);
        va_list ap;
        int r;

        if (!one)
                return -ENOMEM;
        one->needed = needed;
        va_start(ap, format);
        r = vasprintf(&one->value, format, ap);
        va_end(ap);
        if (r < 0)
                one->value = NULL;
        return r < 0 ? -ENOMEM : 0;
}

/* part/10000 of the whole, without overflow. */
static uint64_t share_of(uint64_t whole, uint32_t permyriad) {
        return whole / PERMYRIAD * permyriad + whole % PERMYRIAD * permyriad / PERMYRIAD;
}

static int add_number(CgroupLimits *l, const CgroupRow *row, const ContainerSpec *s, uint64_t v) {
        return v == UINT64_MAX ? limits_add(l, row, s, false, "max") : limits_add(l, row, s, true, "%" PRIu64, v);
}

/* A percentage is of whole pages, as systemd counts it. What is kept of the memory is nothing by default, what is not passed
 * everything: only that needs no controller. */
static int render_memory(const CgroupRow *row, const ContainerSpec *s, CgroupLimits *l) {
        const value_memory_limit *v = container_spec_field_const(s, row->id);
        const uint64_t page = (uint64_t)getpagesize();
        uint64_t bytes = v->permyriad > 0 ? share_of(s->host_memory / page, v->permyriad) * page : v->bytes;
        const bool guard = streq(row->unset, "0");

        if (!v->set)
                return 0;
        if (bytes == UINT64_MAX)
                return limits_add(l, row, s, guard, "max");
        return limits_add(l, row, s, !guard || bytes > 0, "%" PRIu64, bytes);
}

static int render_tasks_max(const CgroupRow *row, const ContainerSpec *s, CgroupLimits *l) {
        const value_tasks_limit *v = &s->tasks_max;

        return !v->set ? 0 : add_number(l, row, s, v->permyriad > 0 ? share_of(s->host_tasks, v->permyriad) : v->tasks);
}

/* What the kernel takes is 1 ms to 1 s. */
static uint64_t cpu_period(const ContainerSpec *s) {
        if (s->cpu_quota_period_usec == 0)
                return CPU_PERIOD_DEFAULT;
        return MIN_OF(MAX_OF(s->cpu_quota_period_usec, CPU_PERIOD_MIN), USEC_PER_SEC);
}

/* A small quota gets a longer period, so that it can be said at all: the kernel takes no quota under 1 ms. A period alone
 * limits nothing; it stands there for a quota that comes later. */
static int render_cpu_quota(const CgroupRow *row, const ContainerSpec *s, CgroupLimits *l) {
        uint64_t period = cpu_period(s), quota;

        if (s->cpu_quota == 0 && period == CPU_PERIOD_DEFAULT)
                return 0;
        if (s->cpu_quota == 0 || s->cpu_quota == USEC_INFINITY)
                return limits_add(l, row, s, false, "max %" PRIu64, period);
        quota = s->cpu_quota / USEC_PER_SEC * period + s->cpu_quota % USEC_PER_SEC * period / USEC_PER_SEC;
        if (quota < CPU_QUOTA_MIN) {
                period = USEC_PER_SEC;
                quota = MAX_OF(s->cpu_quota, CPU_QUOTA_MIN);
        }
        return limits_add(l, row, s, true, "%" PRIu64 " %" PRIu64, quota, period);
}

static int render_cpu_weight(const CgroupRow *row, const ContainerSpec *s, CgroupLimits *l) {
        return s->cpu_weight == 0 || s->cpu_weight == CPU_WEIGHT_IDLE ? 0 : add_number(l, row, s, s->cpu_weight);
}

static int render_cpu_idle(const CgroupRow *row, const ContainerSpec *s, CgroupLimits *l) {
        return s->cpu_weight == CPU_WEIGHT_IDLE ? add_number(l, row, s, 1) : 0;
}

/* "0-3,8", as the kernel prints it. */
static int render_cpus(const CgroupRow *row, const ContainerSpec *s, CgroupLimits *l) {
        const value_index_set *v = container_spec_field_const(s, row->id);
        _cleanup_free_ char *text = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < v->n; i++) {
                r = str_append(&text, "%s%u", i > 0 ? "," : "", v->items[i].first);
                if (r >= 0 && v->items[i].last > v->items[i].first)
                        r = str_append(&text, "-%u", v->items[i].last);
        }
        return r < 0 || !text ? r : limits_add(l, row, s, true, "%s", text);
}

static int render_partition(const CgroupRow *row, const ContainerSpec *s, CgroupLimits *l) {
        static const char *const words[_CPUSET_PARTITION_MAX] = {
                [CPUSET_PARTITION_MEMBER] = "member", [CPUSET_PARTITION_ROOT] = "root", [CPUSET_PARTITION_ISOLATED] = "isolated",
        };
        const CpusetPartition p = s->cpuset_partition;

        return p == CPUSET_PARTITION_UNSET ? 0 : limits_add(l, row, s, p != CPUSET_PARTITION_MEMBER, "%s", words[p]);
}

/* BFQ's weights end at 1000, the kernel's default 100 is the same in both. */
static uint64_t bfq_weight(uint64_t v) {
        return v <= 100 ? v : 100 + (v - 100) * 900 / 9900;
}

static int set_fallback(CgroupLimits *l, const char *key, uint64_t weight) {
        CgroupLimit *one = l->items + l->n - 1;

        return str_append(&one->fallback_value, "%s %" PRIu64, key, bfq_weight(weight));
}

static int render_io_weight(const CgroupRow *row, const ContainerSpec *s, CgroupLimits *l) {
        int r;

        if (s->io_weight == 0)
                return 0;
        r = limits_add(l, row, s, true, "default %" PRIu32, s->io_weight);
        return r < 0 ? r : set_fallback(l, "default", s->io_weight);
}

/* One line a device; each says one key, and leaves the others as they are. */
static int render_devices(const CgroupRow *row, const ContainerSpec *s, CgroupLimits *l) {
        const value_io_limits *v = container_spec_field_const(s, row->id);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < v->n; i++) {
                const IoLimit *item = v->items + i;

                r = item->value == UINT64_MAX ? limits_add(l, row, s, false, "%u:%u %smax", item->major, item->minor, row->word) :
                                                limits_add(l, row, s, true, "%u:%u %s%" PRIu64, item->major, item->minor, row->word,
                                                           item->value);
                if (r >= 0 && row->fallback) {
                        char device[32];

                        (void)snprintf(device, sizeof(device), "%u:%u", item->major, item->minor);
                        r = set_fallback(l, device, item->value);
                }
                if (r >= 0)
                        l->items[l->n - 1].origin = item->origin;
        }
        return r;
}

/* Two files a size: one counts what is touched, the other what mmap(2) reserves, so that who goes too far gets an error
 * there instead of a signal later. */
static int render_huge_pages(const CgroupRow *row, const ContainerSpec *s, CgroupLimits *l) {
        for (size_t i = 0; i < 2 * s->hugetlb_max.n; i++) {
                const HugePages *item = s->hugetlb_max.items + i / 2;
                _cleanup_free_ char *size = huge_page_size_to_string(item->size), *file = NULL;
                CgroupLimit *one;
                int r = size ? str_append(&file, "hugetlb.%s.%smax", size, i % 2 ? "rsvd." : "") : -ENOMEM;

                if (r < 0)
                        return r;
                one = limits_grow(l, row, file, &item->origin);
                if (!one)
                        return -ENOMEM;
                one->needed = item->limit != UINT64_MAX;
                r = one->needed ? str_append(&one->value, "%" PRIu64, item->limit) : str_append(&one->value, "max");
                if (r < 0)
                        return r;
        }
        return 0;
}

static int render_keys(const CgroupRow *row, const ContainerSpec *s, CgroupLimits *l) {
        static const char *const names[] = { "cpuset", "cpu", "hugetlb", "io", "memory", "misc", "pids", "rdma" };

        for (size_t i = 0; i < s->cgroup2.n; i++) {
                const CgroupKey *item = s->cgroup2.items + i;
                const size_t n = strcspn(item->key, ".");
                CgroupLimit *one = limits_grow(l, row, item->key, &item->origin);

                if (!one)
                        return -ENOMEM;
                for (size_t k = 0; k < ELEMENTSOF(names); k++)
                        if (strlen(names[k]) == n && memcmp(names[k], item->key, n) == 0)
                                one->controller = names[k];
                one->value = strdup(item->value);
                if (!one->value)
                        return -ENOMEM;
        }
        return 0;
}

/* What the manager does itself needs the controller as well: it is told by memory.events. */
static int render_oom_group(const CgroupRow *row, const ContainerSpec *s, CgroupLimits *l) {
        if (s->oom_policy != OOM_POLICY_KILL && s->oom_policy != OOM_POLICY_STOP)
                return 0;
        return add_number(l, row, s, s->oom_policy == OOM_POLICY_KILL);
}

#define ROW(directive, controller_, file_, fallback_, format_, word_, unset_, render_)                                            \
        { DIRECTIVE_##directive, #directive, controller_, file_, fallback_, CGROUP_FORMAT_##format_, word_, unset_, render_ }
static const CgroupRow rows[] = {
        /*  DIRECTIVE                 CONTROLLER FILE                     FALLBACK         FORMAT     WORD       DEFAULT       TEXT */
        ROW(MemoryMin,                "memory",  "memory.min",            NULL,            BYTES,     NULL,      "0",          render_memory),
        ROW(MemoryLow,                "memory",  "memory.low",            NULL,            BYTES,     NULL,      "0",          render_memory),
        /* high before max: a payload near the limit is slowed before it is killed */
        ROW(MemoryHigh,               "memory",  "memory.high",           NULL,            BYTES,     NULL,      "max",        render_memory),
        ROW(MemorySwapMax,            "memory",  "memory.swap.max",       NULL,            BYTES,     NULL,      "max",        render_memory),
        ROW(MemoryZSwapMax,           "memory",  "memory.zswap.max",      NULL,            BYTES,     NULL,      "max",        render_memory),
        ROW(MemoryMax,                "memory",  "memory.max",            NULL,            BYTES,     NULL,      "max",        render_memory),
        ROW(OOMPolicy,                "memory",  "memory.oom.group",      NULL,            TEXT,      NULL,      "0",          render_oom_group),
        ROW(TasksMax,                 "pids",    "pids.max",              NULL,            TEXT,      NULL,      "max",        render_tasks_max),
        ROW(CPUQuota,                 "cpu",     "cpu.max",               NULL,            TEXT,      NULL,      "max 100000", render_cpu_quota),
        ROW(CPUWeight,                "cpu",     "cpu.weight",            NULL,            TEXT,      NULL,      "100",        render_cpu_weight),
        ROW(CPUWeight,                "cpu",     "cpu.idle",              NULL,            TEXT,      NULL,      "0",          render_cpu_idle),
        ROW(AllowedCPUs,              "cpuset",  "cpuset.cpus",           NULL,            CPUS,      NULL,      "\n",         render_cpus),
        ROW(AllowedMemoryNodes,       "cpuset",  "cpuset.mems",           NULL,            CPUS,      NULL,      "\n",         render_cpus),
        ROW(CPUSetPartition,          "cpuset",  "cpuset.cpus.partition", NULL,            PARTITION, NULL,      "member",     render_partition),
        ROW(IOWeight,                 "io",      "io.weight",             "io.bfq.weight", DEVICE,    NULL,      "default 100", render_io_weight),
        ROW(IODeviceWeight,           "io",      "io.weight",             "io.bfq.weight", DEVICE,    "",        "default",    render_devices),
        ROW(IOReadBandwidthMax,       "io",      "io.max",                NULL,            DEVICE,    "rbps=",   "max",        render_devices),
        ROW(IOWriteBandwidthMax,      "io",      "io.max",                NULL,            DEVICE,    "wbps=",   "max",        render_devices),
        ROW(IOReadIOPSMax,            "io",      "io.max",                NULL,            DEVICE,    "riops=",  "max",        render_devices),
        ROW(IOWriteIOPSMax,           "io",      "io.max",                NULL,            DEVICE,    "wiops=",  "max",        render_devices),
        ROW(IODeviceLatencyTargetSec, "io",      "io.latency",            NULL,            DEVICE,    "target=", "0",          render_devices),
        ROW(HugetlbMax,               "hugetlb", NULL,                    NULL,            BYTES,     NULL,      "max",        render_huge_pages),
        ROW(Cgroup2,                  NULL,      NULL,                    NULL,            UNREAD,    NULL,      NULL,         render_keys),
};
#undef ROW

int cgroup_limits_render(const ContainerSpec *spec, CgroupLimits *ret) {
        _cleanup_(cgroup_limits_done) CgroupLimits l = {};

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int r = rows[i].render(rows + i, spec, &l);

                if (r < 0)
                        return r;
        }
        *ret = l;
        l = (CgroupLimits){};
        return 0;
}

static bool same_device(const char *a, const char *b) {
        const size_t n = strcspn(a, " ");

        return n == strcspn(b, " ") && memcmp(a, b, n) == 0;
}

/* Whether after still says something to what this one was written to. */
static bool limit_asked(const CgroupLimit *l, const CgroupLimits *after) {
        for (size_t i = 0; i < after->n; i++) {
                const CgroupLimit *a = after->items + i;

                if (a->directive == l->directive && streq(a->file, l->file) &&
                    (l->format != CGROUP_FORMAT_DEVICE || same_device(a->value, l->value)))
                        return true;
        }
        return false;
}

/* "8:0 rbps=max" */
static char *unset_text(const CgroupRow *row, const CgroupLimit *l) {
        char *s = NULL;

        if (!row->word)
                return strdup(row->unset);
        return asprintf(&s, "%.*s %s%s", (int)strcspn(l->value, " "), l->value, row->word, row->unset) < 0 ? NULL : s;
}

static int add_unset(const CgroupRow *row, const CgroupLimits *before, const CgroupLimits *after, CgroupLimits *out) {
        for (size_t i = 0; i < before->n; i++) {
                const CgroupLimit *l = before->items + i;
                CgroupLimit *one;

                if (l->directive != row->name || (row->file && !streq(l->file, row->file)) || limit_asked(l, after) || !row->unset)
                        continue;
                one = limits_grow(out, row, l->file, &l->origin);
                if (!one)
                        return -ENOMEM;
                one->value = unset_text(row, l);
                one->needed = false;
                if (!one->value)
                        return -ENOMEM;
        }
        return 0;
}

int cgroup_limits_change(const ContainerSpec *before, const ContainerSpec *after, CgroupLimits *ret) {
        _cleanup_(cgroup_limits_done) CgroupLimits old = {}, new = {}, out = {};
        CgroupLimit *grown;
        int r;

        r = cgroup_limits_render(before, &old);
        if (r >= 0)
                r = cgroup_limits_render(after, &new);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(rows); i++)
                r = add_unset(rows + i, &old, &new, &out);
        if (r < 0)
                return r;
        grown = reallocarray(out.items, out.n + new.n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        out.items = grown;
        for (size_t i = 0; i < new.n; i++) {
                out.items[out.n++] = new.items[i];
                new.items[i].file = new.items[i].value = new.items[i].fallback_value = NULL;
        }
        *ret = out;
        out = (CgroupLimits){};
        return 0;
}

bool cgroup_limits_live(DirectiveId id) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].id == id && !rows[i].unset)
                        return false;
        return true;
}

bool cgroup_limits_share(const ContainerSpec *s) {
        return s->memory_min.set || s->memory_low.set || s->cpuset_partition > CPUSET_PARTITION_MEMBER;
}
