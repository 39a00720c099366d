/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What goes to the cgroup: sizes, numbers of tasks, shares of CPU and of block devices. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "units/values/parse.h"

static const struct {
        char letter;
        unsigned shift;
} size_units[] = {{'E', 60}, {'P', 50}, {'T', 40}, {'G', 30}, {'M', 20}, {'K', 10}, {'B', 0}};

/* One "1.5G" at *p; the unit must be smaller than the one before it, as systemd has it. */
static int read_size_part(const char **p, size_t *next_unit, uint64_t *sum) {
        uint64_t whole = 0, fraction = 0, scale = 1;
        const char *s = *p;
        unsigned shift = 0;
        size_t unit = ELEMENTSOF(size_units) - 1;

        if (!isdigit((unsigned char)*s))
                return -EINVAL;
        for (; isdigit((unsigned char)*s); s++)
                if (__builtin_mul_overflow(whole, UINT64_C(10), &whole) ||
                    __builtin_add_overflow(whole, (uint64_t)(*s - '0'), &whole))
                        return -ERANGE;
        if (*s == '.') {
                if (!isdigit((unsigned char)*++s))
                        return -EINVAL;
                for (; isdigit((unsigned char)*s); s++)
                        if (scale < 1000) {
                                fraction = fraction * 10 + (uint64_t)(*s - '0');
                                scale *= 10;
                        }
        }
        s += strspn(s, WHITESPACE);
        for (size_t i = 0; i < ELEMENTSOF(size_units); i++)
                if (*s == size_units[i].letter) {
                        unit = i;
                        s++;
                        break;
                }
        if (unit < *next_unit)
                return -EINVAL;
        *next_unit = unit + 1;
        shift = size_units[unit].shift;
        if (whole > UINT64_MAX >> shift)
                return -ERANGE;
        /* fraction < 1000 < 2^10: cannot overflow even for 'E' when divided first. */
        if (__builtin_add_overflow(*sum, whole << shift, sum) ||
            __builtin_add_overflow(*sum,
                                   shift < 50 ? (fraction << shift) / scale
                                              : ((UINT64_C(1) << shift) / scale) * fraction,
                                   sum))
                return -ERANGE;
        *p = s + strspn(s, WHITESPACE);
        return 0;
}

int value_parse_size(const char *s, uint64_t *ret) {
        uint64_t sum = 0;
        size_t unit = 0;
        int r;

        do {
                r = read_size_part(&s, &unit, &sum);
                if (r < 0)
                        return r;
        } while (*s);
        if (sum == UINT64_MAX)
                return -ERANGE;
        *ret = sum;
        return 0;
}

int value_parse_permyriad(const char *s, uint32_t *ret, uint32_t max) {
        uint64_t value = 0;
        size_t n = strspn(s, "0123456789"), decimals = 0;

        if (n == 0 || n > 9)
                return -EINVAL;
        for (size_t i = 0; i < n; i++)
                value = value * 10 + (uint64_t)(s[i] - '0');
        s += n;
        if (*s == '.') {
                decimals = strspn(++s, "0123456789");
                if (decimals == 0 || decimals > 2)
                        return -EINVAL;
        }
        value *= 100;
        if (decimals > 0)
                value += 10 * (uint64_t)(s[0] - '0');
        if (decimals > 1)
                value += (uint64_t)(s[1] - '0');
        s += decimals;
        if (!streq(s, "%"))
                return -EINVAL;
        if (value > max)
                return -ERANGE;
        *ret = (uint32_t)value;
        return 0;
}

char *value_size_to_string(uint64_t bytes) {
        char *s = NULL;

        if (bytes == UINT64_MAX)
                return strdup("infinity");
        for (size_t i = 0; i < ELEMENTSOF(size_units); i++) {
                unsigned shift = size_units[i].shift;

                if (bytes == 0 || shift == 0 || bytes & ((UINT64_C(1) << shift) - 1))
                        continue;
                return asprintf(&s, "%" PRIu64 "%c", bytes >> shift, size_units[i].letter) < 0 ? NULL : s;
        }
        return asprintf(&s, "%" PRIu64, bytes) < 0 ? NULL : s;
}

char *value_permyriad_to_string(uint64_t permyriad) {
        unsigned decimals = (unsigned)(permyriad % 100);
        char *s = NULL;
        int r;

        if (decimals == 0)
                r = asprintf(&s, "%" PRIu64 "%%", permyriad / 100);
        else if (decimals % 10 == 0)
                r = asprintf(&s, "%" PRIu64 ".%u%%", permyriad / 100, decimals / 10);
        else
                r = asprintf(&s, "%" PRIu64 ".%02u%%", permyriad / 100, decimals);
        return r < 0 ? NULL : s;
}

static int hand_out(char *s, char **ret) {
        if (!s)
                return -ENOMEM;
        *ret = s;
        return 0;
}

/* explode() of what prints without '%%' and quotes. */
static int explode_printed(int (*print)(const void *, char **), const void *field, char ***ret) {
        _cleanup_free_ char *s = NULL;
        int r;

        r = print(field, &s);
        if (r < 0)
                return r;
        return value_explode_one(s, ret);
}

/* --- memory_limit */

static int memory_parse(const ValueContext *c, const char *text, bool zero, value_memory_limit *field) {
        value_memory_limit v = {.set = true};
        int r;

        if (value_is_reset(text))
                v.set = false;
        else if (streq(text, "infinity"))
                v.bytes = UINT64_MAX;
        else {
                r = value_parse_permyriad(text, &v.permyriad, 10000);
                if (r == -ERANGE)
                        return value_error(c, "'%s' is more than the host has; write at most 100%%", text);
                if (r == -EINVAL)
                        r = value_parse_size(text, &v.bytes);
                if (r < 0)
                        return value_error(c,
                                           "'%s' is not an amount of memory; write for example 64M, 1.5G, "
                                           "10%% or infinity",
                                           text);
                if (!zero && v.bytes == 0 && v.permyriad == 0)
                        return value_error(c, "a limit of 0 would leave no memory to start with; write for "
                                              "example 64M, 10%% or infinity");
        }
        *field = v;
        return 0;
}

static int memory_limit_parse(const ValueContext *c, const char *text, void *field) {
        return memory_parse(c, text, false, field);
}

static int memory_amount_parse(const ValueContext *c, const char *text, void *field) {
        return memory_parse(c, text, true, field);
}

static int memory_limit_print(const void *field, char **ret) {
        const value_memory_limit *v = field;

        if (!v->set)
                return hand_out(strdup(""), ret);
        return hand_out(v->permyriad > 0 ? value_permyriad_to_string(v->permyriad)
                                         : value_size_to_string(v->bytes),
                        ret);
}

static int memory_limit_explode(const void *field, char ***ret) {
        return explode_printed(memory_limit_print, field, ret);
}

static const char *const infinity_words[] = {"infinity", NULL};

const ValueType value_type_memory_limit = {
        .name = "memory_limit",
        .syntax = "a size such as 64M or 1.5G (base 1024), a percentage of the host's memory, or infinity",
        .signature = "s",
        .size = sizeof(value_memory_limit),
        .parse = memory_limit_parse,
        .print = memory_limit_print,
        .explode = memory_limit_explode,
        .implode = value_implode_text,
        .words = infinity_words,
};

const ValueType value_type_memory_amount = {
        .name = "memory_amount",
        .syntax = "a size such as 64M or 1.5G (base 1024), 0, a percentage of the host's memory, or infinity",
        .signature = "s",
        .size = sizeof(value_memory_amount),
        .parse = memory_amount_parse,
        .print = memory_limit_print,
        .explode = memory_limit_explode,
        .implode = value_implode_text,
        .words = infinity_words,
};

const ValueType value_type_memory_guard = {
        .name = "memory_guard",
        .syntax = "a size such as 64M or 1.5G (base 1024), 0, a percentage of the host's memory, or infinity",
        .signature = "s",
        .size = sizeof(value_memory_guard),
        .parse = memory_amount_parse,
        .print = memory_limit_print,
        .explode = memory_limit_explode,
        .implode = value_implode_text,
        .words = infinity_words,
};

/* --- cpuset_partition */

static const char *const cpuset_partition_words[] = {
        [CPUSET_PARTITION_UNSET] = "",        [CPUSET_PARTITION_MEMBER] = "member",
        [CPUSET_PARTITION_ROOT] = "root",     [CPUSET_PARTITION_ISOLATED] = "isolated",
        [_CPUSET_PARTITION_MAX] = NULL,
};
DEFINE_CHOICE_TYPE(cpuset_partition, cpuset_partition_words, CPUSET_PARTITION_UNSET, "member, root or isolated");

/* --- tasks_limit */

static int tasks_limit_parse(const ValueContext *c, const char *text, void *field) {
        value_tasks_limit v = {.set = true};
        int r;

        if (value_is_reset(text))
                v.set = false;
        else if (streq(text, "infinity"))
                v.tasks = UINT64_MAX;
        else {
                r = value_parse_permyriad(text, &v.permyriad, 10000);
                if (r == -EINVAL)
                        r = parse_u64(text, &v.tasks);
                if (r < 0 || (v.tasks == 0 && v.permyriad == 0) || v.tasks == UINT64_MAX)
                        return value_error(c,
                                           "'%s' is not a number of tasks; write a number from 1, a "
                                           "percentage up to 100%%, or infinity",
                                           text);
        }
        *(value_tasks_limit *)field = v;
        return 0;
}

static int tasks_limit_print(const void *field, char **ret) {
        const value_tasks_limit *v = field;
        char *s = NULL;

        if (!v->set)
                return hand_out(strdup(""), ret);
        if (v->permyriad > 0)
                return hand_out(value_permyriad_to_string(v->permyriad), ret);
        if (v->tasks == UINT64_MAX)
                return hand_out(strdup("infinity"), ret);
        return hand_out(asprintf(&s, "%" PRIu64, v->tasks) < 0 ? NULL : s, ret);
}

static int tasks_limit_explode(const void *field, char ***ret) {
        return explode_printed(tasks_limit_print, field, ret);
}

const ValueType value_type_tasks_limit = {
        .name = "tasks_limit",
        .syntax = "a number of tasks, a percentage of the host's limit, or infinity",
        .signature = "s",
        .size = sizeof(value_tasks_limit),
        .parse = tasks_limit_parse,
        .print = tasks_limit_print,
        .explode = tasks_limit_explode,
        .implode = value_implode_text,
        .words = infinity_words,
};

/* --- cpu_quota */

enum { USEC_PER_PERMYRIAD = 100 };

static int cpu_quota_parse(const ValueContext *c, const char *text, void *field) {
        value_cpu_quota v = 0;
        uint32_t permyriad;

        if (!value_is_reset(text)) {
                if (streq(text, "infinity"))
                        v = USEC_INFINITY;
                else if (value_parse_permyriad(text, &permyriad, INT32_MAX) < 0 || permyriad == 0)
                        return value_error(c,
                                           "'%s' is not a share of CPU time; write for example 50%% for "
                                           "half a CPU, 200%% for two, "
                                           "or infinity",
                                           text);
                else
                        v = (uint64_t)permyriad * USEC_PER_PERMYRIAD;
        }
        *(value_cpu_quota *)field = v;
        return 0;
}

static int cpu_quota_print(const void *field, char **ret) {
        value_cpu_quota v = *(const value_cpu_quota *)field;

        if (v == 0)
                return hand_out(strdup(""), ret);
        if (v == USEC_INFINITY)
                return hand_out(strdup("infinity"), ret);
        return hand_out(value_permyriad_to_string(v / USEC_PER_PERMYRIAD), ret);
}

static int cpu_quota_explode(const void *field, char ***ret) {
        value_cpu_quota v = *(const value_cpu_quota *)field;

        return value_explode_u64(v == 0 ? USEC_INFINITY : v, ret);
}

static int cpu_quota_implode(char *const *words, char **ret) {
        value_cpu_quota v;

        if (value_implode_u64(words, &v) < 0 || v == 0 || (v != USEC_INFINITY && v % USEC_PER_PERMYRIAD != 0))
                return -EINVAL; /* finer than a text can say */
        return cpu_quota_print(&v, ret);
}

const ValueType value_type_cpu_quota = {
        .name = "cpu_quota",
        .syntax = "a percentage of one CPU, such as 50% or 200%, or infinity",
        .signature = "t",
        .size = sizeof(value_cpu_quota),
        .parse = cpu_quota_parse,
        .print = cpu_quota_print,
        .explode = cpu_quota_explode,
        .implode = cpu_quota_implode,
        .words = infinity_words,
};

/* --- weights */

enum { WEIGHT_MAX = 10000 };

static int weight_parse(const ValueContext *c, const char *text, bool idle, uint32_t *ret) {
        uint64_t v = 0;

        if (idle && streq(text, "idle"))
                v = CPU_WEIGHT_IDLE;
        else if (!value_is_reset(text) && (parse_u64(text, &v) < 0 || v == 0 || v > WEIGHT_MAX))
                return value_error(c,
                                   "'%s' is not a weight; write a number from 1 to %d%s, where 100 is the "
                                   "kernel's default",
                                   text, WEIGHT_MAX, idle ? ", or idle" : "");
        *ret = (uint32_t)v;
        return 0;
}

static int weight_print(uint32_t v, char **ret) {
        char *s = NULL;

        if (v == 0)
                return hand_out(strdup(""), ret);
        if (v == CPU_WEIGHT_IDLE)
                return hand_out(strdup("idle"), ret);
        return hand_out(asprintf(&s, "%" PRIu32, v) < 0 ? NULL : s, ret);
}

static int cpu_weight_parse(const ValueContext *c, const char *text, void *field) {
        return weight_parse(c, text, true, field);
}

static int io_weight_parse(const ValueContext *c, const char *text, void *field) {
        return weight_parse(c, text, false, field);
}

static int weight_field_print(const void *field, char **ret) {
        return weight_print(*(const uint32_t *)field, ret);
}

/* systemd's bus: unset is the largest number, idle is 0. */
static int weight_explode(const void *field, char ***ret) {
        uint32_t v = *(const uint32_t *)field;

        return value_explode_u64(v == 0 ? UINT64_MAX : v == CPU_WEIGHT_IDLE ? 0 : v, ret);
}

static int weight_implode(char *const *words, bool idle, char **ret) {
        uint64_t v;

        if (value_implode_u64(words, &v) < 0 || (v == 0 && !idle) || (v > WEIGHT_MAX && v != UINT64_MAX))
                return -EINVAL;
        return weight_print(v == UINT64_MAX ? 0 : v == 0 ? CPU_WEIGHT_IDLE : (uint32_t)v, ret);
}

static int cpu_weight_implode(char *const *words, char **ret) {
        return weight_implode(words, true, ret);
}

static int io_weight_implode(char *const *words, char **ret) {
        return weight_implode(words, false, ret);
}

static const char *const idle_words[] = {"idle", NULL};

const ValueType value_type_cpu_weight = {
        .name = "cpu_weight",
        .syntax = "a weight from 1 to 10000, or idle",
        .signature = "t",
        .size = sizeof(value_cpu_weight),
        .parse = cpu_weight_parse,
        .print = weight_field_print,
        .explode = weight_explode,
        .implode = cpu_weight_implode,
        .words = idle_words,
};

const ValueType value_type_io_weight = {
        .name = "io_weight",
        .syntax = "a weight from 1 to 10000",
        .signature = "t",
        .size = sizeof(value_io_weight),
        .parse = io_weight_parse,
        .print = weight_field_print,
        .explode = weight_explode,
        .implode = io_weight_implode,
};
