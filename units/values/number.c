/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nice, oom_score, io_level, rt_priority: numbers between two ends, as the kernel has them. */
#include <stdio.h>

#include "units/values/parse.h"

/* The sign is part of it; nothing else is. */
static int number_parse(const ValueContext *c, const char *text, int min, int max, const char *what, int *field) {
        const bool negative = *text == '-';
        uint64_t v = 0;

        if (!value_is_reset(text) && (parse_u64(text + (negative || *text == '+'), &v) < 0 || v > INT32_MAX ||
                                      (negative ? -(int64_t)v : (int64_t)v) < min ||
                                      (negative ? -(int64_t)v : (int64_t)v) > max))
                return value_error(c, "'%s' is no %s; write a number from %d to %d", text, what, min, max);
        *field = negative ? -(int)v : (int)v;
        return 0;
}

static int number_print(int v, char **ret) {
        return asprintf(ret, "%d", v) < 0 ? -ENOMEM : 0;
}

static int number_explode(int v, char ***ret) {
        _cleanup_free_ char *s = NULL;
        int r = number_print(v, &s);

        return r < 0 ? r : value_explode_one(s, ret);
}

#define DEFINE_NUMBER_TYPE(type_name, min, max, what)                                                         \
        static int type_name##_parse(const ValueContext *c, const char *text, void *field) {                  \
                return number_parse(c, text, min, max, what, field);                                          \
        }                                                                                                      \
        static int type_name##_print(const void *field, char **ret) {                                          \
                return number_print(*(const value_##type_name *)field, ret);                                   \
        }                                                                                                      \
        static int type_name##_explode(const void *field, char ***ret) {                                       \
                return number_explode(*(const value_##type_name *)field, ret);                                 \
        }                                                                                                      \
        const ValueType value_type_##type_name = {                                                             \
                .name = #type_name,                                                                            \
                .syntax = "a number from " #min " to " #max,                                                   \
                .signature = "i",                                                                              \
                .size = sizeof(value_##type_name),                                                             \
                .parse = type_name##_parse,                                                                    \
                .print = type_name##_print,                                                                    \
                .explode = type_name##_explode,                                                                \
        }

DEFINE_NUMBER_TYPE(nice, -20, 19, "nice level");
DEFINE_NUMBER_TYPE(oom_score, -1000, 1000, "adjustment of the score");
DEFINE_NUMBER_TYPE(io_level, 0, 7, "level within a class");
DEFINE_NUMBER_TYPE(rt_priority, 0, 99, "priority");
