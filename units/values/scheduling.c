/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu_policy, io_class, numa_policy, cpu_set, node_set, timer_slack: how the kernel schedules a process, and where. */
#include <inttypes.h>
#include <stdio.h>

#include "units/values/parse.h"

static const char *const cpu_policy_words[] = {
        [CPU_POLICY_OTHER] = "other", [CPU_POLICY_BATCH] = "batch", [CPU_POLICY_IDLE] = "idle",
        [CPU_POLICY_FIFO] = "fifo",   [CPU_POLICY_RR] = "rr",       [_CPU_POLICY_MAX] = NULL,
};
static const char *const io_class_words[] = {
        [IO_CLASS_NONE] = "none", [IO_CLASS_REALTIME] = "realtime", [IO_CLASS_BEST_EFFORT] = "best-effort",
        [IO_CLASS_IDLE] = "idle", [_IO_CLASS_MAX] = NULL,
};
static const char *const numa_policy_words[] = {
        [NUMA_POLICY_DEFAULT] = "default",       [NUMA_POLICY_PREFERRED] = "preferred", [NUMA_POLICY_BIND] = "bind",
        [NUMA_POLICY_INTERLEAVE] = "interleave", [NUMA_POLICY_LOCAL] = "local",         [_NUMA_POLICY_MAX] = NULL,
};

DEFINE_CHOICE_TYPE(cpu_policy, cpu_policy_words, CPU_POLICY_OTHER, "other, batch, idle, fifo or rr");
DEFINE_CHOICE_TYPE(numa_policy, numa_policy_words, NUMA_POLICY_DEFAULT, "default, preferred, bind, interleave or local");

/* --- io_class: its number in the kernel, as ionice(1) has it, is accepted too */

static int io_class_parse(const ValueContext *c, const char *text, void *field) {
        int v = 0, r;

        if (strlen(text) == 1 && *text >= '0' && *text < '0' + _IO_CLASS_MAX)
                v = *text - '0';
        else {
                r = value_choice_parse(c, text, io_class_words, IO_CLASS_NONE, &v);
                if (r < 0)
                        return r;
        }
        *(value_io_class *)field = (value_io_class)v;
        return 0;
}

static int io_class_print(const void *field, char **ret) {
        return value_print_scalar(io_class_words[*(const value_io_class *)field], ret);
}

static int io_class_explode(const void *field, char ***ret) {
        return value_explode_one(io_class_words[*(const value_io_class *)field], ret);
}

const ValueType value_type_io_class = {
        .name = "io_class",
        .syntax = "none, realtime, best-effort or idle",
        .signature = "s",
        .size = sizeof(value_io_class),
        .parse = io_class_parse,
        .print = io_class_print,
        .explode = io_class_explode,
        .words = io_class_words,
};

/* --- sets of numbers: "0-3 8,10" */

static void index_set_done(void *field) {
        value_index_set *v = field;

        free(v->items);
        *v = (value_index_set){};
}

static int index_range_compare(const void *a, const void *b) {
        const IndexRange *x = a, *y = b;

        return x->first < y->first ? -1 : x->first > y->first;
}

/* Sorted, and none touches the next: one text for one set. */
static void index_set_merge(value_index_set *v) {
        size_t n = 0;

        if (v->n > 0)
                qsort(v->items, v->n, sizeof(IndexRange), index_range_compare);
        for (size_t i = 0; i < v->n; i++)
                if (n > 0 && v->items[i].first <= (uint32_t)v->items[n - 1].last + 1)
                        v->items[n - 1].last = MAX_OF(v->items[n - 1].last, v->items[i].last);
                else
                        v->items[n++] = v->items[i];
        v->n = n;
}

static int index_range_parse(char *text, uint16_t max, IndexRange *ret) {
        char *dash = strchr(text, '-');
        uint64_t first, last;
        int r;

        if (dash)
                *dash = 0;
        r = parse_u64(text, &first);
        if (r >= 0)
                r = parse_u64(dash ? dash + 1 : text, &last);
        if (dash)
                *dash = '-';
        if (r < 0 || first > last)
                return -EINVAL;
        if (last > max)
                return -ERANGE;
        *ret = (IndexRange){ .first = (uint16_t)first, .last = (uint16_t)last };
        return 0;
}

static int index_set_parse(const ValueContext *c, const char *text, const char *what, uint16_t max, value_index_set *v) {
        _cleanup_free_ char *copy = NULL;
        char *save = NULL;
        int error = 0;

        if (value_is_reset(text)) {
                index_set_done(v);
                return 0;
        }
        copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        for (char *word = strtok_r(copy, WHITESPACE ",", &save); word; word = strtok_r(NULL, WHITESPACE ",", &save)) {
                IndexRange range;
                int r = index_range_parse(word, max, &range);

                if (r == -ERANGE)
                        r = value_error(c, "'%s': the highest %s is %u", word, what, max);
                else if (r < 0)
                        r = value_error(c, "'%s' is no %s; write numbers and ranges such as 0-3 8", word, what);
                else
                        r = value_grow(c, &v->items, v->n, sizeof(IndexRange));
                if (r >= 0)
                        v->items[v->n++] = range;
                else
                        error = r;
        }
        if (v->n == 0 && error == 0)
                error = value_error(c, "'%s' has no %s in it", text, what);
        index_set_merge(v);
        return error;
}

static int index_set_print(const void *field, char **ret) {
        const value_index_set *v = field;
        _cleanup_free_ char *s = strdup("");
        int r = s ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < v->n; i++) {
                r = str_append(&s, "%s%u", i > 0 ? " " : "", v->items[i].first);
                if (r >= 0 && v->items[i].last > v->items[i].first)
                        r = str_append(&s, "-%u", v->items[i].last);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

static int index_set_explode(const void *field, char ***ret) {
        _cleanup_free_ char *s = NULL;
        int r = index_set_print(field, &s);

        return r < 0 ? r : strv_split(s, ' ', ret);
}

static int cpu_set_parse(const ValueContext *c, const char *text, void *field) {
        if (streq(text, "numa"))
                return value_error(c, "'numa': the processors of the nodes of NUMAMask= are not looked up; name them, as lscpu "
                                      "shows them for each node");
        return index_set_parse(c, text, "processor", CPU_INDEX_MAX, field);
}

const ValueType value_type_cpu_set = {
        .name = "cpu_set",
        .syntax = "numbers and ranges of processors such as 0-3 8",
        .signature = "as",
        .size = sizeof(value_cpu_set),
        .list = true,
        .parse = cpu_set_parse,
        .print = index_set_print,
        .explode = index_set_explode,
        .done = index_set_done,
};

static int node_set_parse(const ValueContext *c, const char *text, void *field) {
        if (streq(text, "all"))
                return value_error(c, "'all' would be other nodes on each host; name them, or leave the line out: a policy without "
                                      "nodes is for all of them");
        return index_set_parse(c, text, "NUMA node", NODE_INDEX_MAX, field);
}

const ValueType value_type_node_set = {
        .name = "node_set",
        .syntax = "numbers and ranges of NUMA nodes such as 0-1 3",
        .signature = "as",
        .size = sizeof(value_node_set),
        .list = true,
        .parse = node_set_parse,
        .print = index_set_print,
        .explode = index_set_explode,
        .done = index_set_done,
};

/* --- timer_slack: nanoseconds, unlike every other time */

static int timer_slack_parse(const ValueContext *c, const char *text, void *field) {
        static const struct {
                const char *suffix;
                uint64_t nsec;
        } units[] = { { "ns", 1 }, { "nsec", 1 }, { "", 1 } };
        uint64_t v = 0, usec;
        const size_t n = strspn(text, "0123456789");
        int r = value_is_reset(text) ? 0 : -EINVAL;

        for (size_t i = 0; r == -EINVAL && n > 0 && i < ELEMENTSOF(units); i++)
                if (streq(text + n + strspn(text + n, WHITESPACE), units[i].suffix)) {
                        _cleanup_free_ char *number = strndup(text, n);

                        r = number ? parse_u64(number, &v) : -ENOMEM;
                        break;
                }
        if (r == -EINVAL) {
                r = value_parse_time(text, 1, &usec);
                if (r >= 0 && (usec == USEC_INFINITY || __builtin_mul_overflow(usec, NSEC_PER_USEC, &v)))
                        r = -ERANGE;
        }
        if (r == -ENOMEM)
                return r;
        if (r == -ERANGE || v > TIMER_SLACK_MAX)
                return value_error(c, "'%s' is too long for a timer to be late; a minute is the most", text);
        if (r < 0)
                return value_error(c, "'%s' is no time; write nanoseconds, or a number with ns, us, ms or s", text);
        *(value_timer_slack *)field = v;
        return 0;
}

static int timer_slack_print(const void *field, char **ret) {
        const uint64_t v = *(const value_timer_slack *)field;

        if (v == 0 || v % NSEC_PER_USEC != 0)
                return asprintf(ret, "%" PRIu64, v) < 0 ? -ENOMEM : 0;
        return (*ret = time_span_to_string(v / NSEC_PER_USEC)) ? 0 : -ENOMEM;
}

static int timer_slack_explode(const void *field, char ***ret) {
        return value_explode_u64(*(const value_timer_slack *)field, ret);
}

const ValueType value_type_timer_slack = {
        .name = "timer_slack",
        .syntax = "nanoseconds, or a time span such as 50us",
        .signature = "t",
        .size = sizeof(value_timer_slack),
        .parse = timer_slack_parse,
        .print = timer_slack_print,
        .explode = timer_slack_explode,
};
