/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limit...=: "SOFT:HARD", or one value for both. What a number means depends on the limit: bytes, seconds, microseconds,
 * pieces, or the nice level that may be reached, so each has a type of its own over one shape. */
#include <inttypes.h>
#include <stdio.h>

#include "units/values/parse.h"

#define NICE_CEILING 20 /* RLIMIT_NICE counts from here down: 40 is the nice level -20 */

typedef struct LimitUnit {
        const char *what; /* what one value is, for people */
        int (*read)(const char *word, uint64_t *ret);
        char *(*write)(uint64_t v);
} LimitUnit;

static int limit_read_count(const char *word, uint64_t *ret) {
        int r = parse_u64(word, ret);

        return r >= 0 && *ret == UINT64_MAX ? -ERANGE : r;
}

static char *limit_write_count(uint64_t v) {
        char *s = NULL;

        return asprintf(&s, "%" PRIu64, v) < 0 ? NULL : s;
}

/* The kernel counts whole seconds: a fraction is rounded up, or nothing would be left of it. */
static int limit_read_seconds(const char *word, uint64_t *ret) {
        uint64_t usec = 0;
        int r = value_parse_time(word, USEC_PER_SEC, &usec);

        if (r < 0)
                return r;
        *ret = usec == USEC_INFINITY ? UINT64_MAX : usec / USEC_PER_SEC + (usec % USEC_PER_SEC > 0);
        return 0;
}

static char *limit_write_seconds(uint64_t v) {
        return limit_write_count(v);
}

static int limit_read_usec(const char *word, uint64_t *ret) {
        return value_parse_time(word, 1, ret);
}

static char *limit_write_usec(uint64_t v) {
        return limit_write_count(v);
}

static int limit_read_size(const char *word, uint64_t *ret) {
        return value_parse_size(word, ret);
}

static char *limit_write_size(uint64_t v) {
        return value_size_to_string(v);
}

/* "+5" and "-5" are nice levels; a number without a sign is the kernel's own. */
static int limit_read_nice(const char *word, uint64_t *ret) {
        const bool negative = *word == '-', sign = negative || *word == '+';
        uint64_t v = 0;
        int r = parse_u64(word + sign, &v);

        if (r < 0)
                return r;
        if (sign && v > (negative ? NICE_CEILING : NICE_CEILING - 1))
                return -ERANGE;
        if (sign)
                v = negative ? NICE_CEILING + v : NICE_CEILING - v;
        if (v > 2 * NICE_CEILING)
                return -ERANGE;
        *ret = v;
        return 0;
}

static char *limit_write_nice(uint64_t v) {
        return limit_write_count(v);
}

static int limit_read_one(const LimitUnit *u, const char *word, uint64_t *ret) {
        if (streq(word, "infinity")) {
                *ret = UINT64_MAX;
                return 0;
        }
        return u->read(word, ret);
}

/* The words stand apart, so that Ulimit= can say them too. */
static int limit_read(const LimitUnit *u, const char *text, value_limit *ret) {
        _cleanup_free_ char *soft = NULL;
        const char *colon = strchr(text, ':');
        value_limit v = { .set = true };
        int r;

        soft = strndup(text, colon ? (size_t)(colon - text) : strlen(text));
        if (!soft)
                return -ENOMEM;
        r = limit_read_one(u, soft, &v.soft);
        if (r >= 0)
                r = limit_read_one(u, colon ? colon + 1 : soft, &v.hard);
        if (r < 0)
                return r;
        if (v.soft > v.hard)
                return -EDOM;
        *ret = v;
        return 0;
}

static int limit_error(const ValueContext *c, const LimitUnit *u, const char *text, int error) {
        if (error == -ENOMEM)
                return error;
        if (error == -EDOM)
                return value_error(c, "'%s': the soft limit is above the hard one; write SOFT:HARD", text);
        if (error == -ERANGE)
                return value_error(c, "'%s' is too large; write 'infinity' for no limit", text);
        return value_error(c, "'%s' is no limit; write %s or 'infinity', or two of them as SOFT:HARD", text, u->what);
}

static int limit_parse(const ValueContext *c, const LimitUnit *u, const char *text, void *field) {
        int r;

        if (value_is_reset(text)) {
                *(value_limit *)field = (value_limit){};
                return 0;
        }
        r = limit_read(u, text, field);
        return r < 0 ? limit_error(c, u, text, r) : 0;
}

static int limit_print(const LimitUnit *u, const value_limit *v, char **ret) {
        _cleanup_free_ char *soft = NULL, *hard = NULL;

        if (!v->set)
                return value_print_scalar(NULL, ret);
        soft = v->soft == UINT64_MAX ? strdup("infinity") : u->write(v->soft);
        hard = v->hard == UINT64_MAX ? strdup("infinity") : u->write(v->hard);
        if (!soft || !hard)
                return -ENOMEM;
        if (v->soft == v->hard) {
                *ret = TAKE_PTR(soft);
                return 0;
        }
        return asprintf(ret, "%s:%s", soft, hard) < 0 ? -ENOMEM : 0;
}

static int limit_explode(const LimitUnit *u, const value_limit *v, char ***ret) {
        _cleanup_free_ char *s = NULL;
        int r = limit_print(u, v, &s);

        return r < 0 ? r : value_explode_one(s, ret);
}

#define DEFINE_LIMIT_TYPE(unit, what_)                                                                        \
        static const LimitUnit limit_unit_##unit = { what_, limit_read_##unit, limit_write_##unit };          \
        static int limit_##unit##_parse(const ValueContext *c, const char *text, void *field) {               \
                return limit_parse(c, &limit_unit_##unit, text, field);                                       \
        }                                                                                                      \
        static int limit_##unit##_print(const void *field, char **ret) {                                       \
                return limit_print(&limit_unit_##unit, field, ret);                                            \
        }                                                                                                      \
        static int limit_##unit##_explode(const void *field, char ***ret) {                                    \
                return limit_explode(&limit_unit_##unit, field, ret);                                          \
        }                                                                                                      \
        const ValueType value_type_limit_##unit = {                                                            \
                .name = "limit_" #unit,                                                                        \
                .syntax = what_ " or infinity, or SOFT:HARD",                                                  \
                .signature = "s",                                                                              \
                .size = sizeof(value_limit),                                                                   \
                .parse = limit_##unit##_parse,                                                                 \
                .print = limit_##unit##_print,                                                                 \
                .explode = limit_##unit##_explode,                                                             \
        }

DEFINE_LIMIT_TYPE(count, "a number");
DEFINE_LIMIT_TYPE(size, "bytes such as 64M");
DEFINE_LIMIT_TYPE(seconds, "seconds, or a time span such as 5min");
DEFINE_LIMIT_TYPE(usec, "microseconds, or a time span such as 200ms");
DEFINE_LIMIT_TYPE(nice, "a nice level with its sign such as -5, a number up to 40");

/* --- Ulimit= */

static const struct {
        const char *word;
        const LimitUnit *unit;
} limits[_RESOURCE_LIMIT_MAX] = {
#define RESOURCE_LIMIT(name, word_, unit_) [RESOURCE_LIMIT_##name] = { word_, &limit_unit_##unit_ },
#include "units/values/resource-limits.inc"
#undef RESOURCE_LIMIT
};

const char *resource_limit_to_string(ResourceLimit l) {
        return (int)l >= 0 && l < _RESOURCE_LIMIT_MAX ? limits[l].word : NULL;
}

static const char *const *limit_words(void) {
        static const char *const words[] = {
#define RESOURCE_LIMIT(name, word_, unit_) word_,
#include "units/values/resource-limits.inc"
#undef RESOURCE_LIMIT
                NULL,
        };

        return words;
}

static int ulimits_item(const ValueContext *c, const char *word, void *field) {
        _cleanup_free_ char *s = NULL, *name = NULL;
        value_ulimits *v = field;
        const char *value, *near;
        int r;

        r = value_expand(c, word, &s);
        if (r < 0)
                return r;
        value = strchr(s, '=');
        if (!value)
                return value_error(c, "'%s' is no limit; write NAME=SOFT:HARD, such as nofile=1024:4096", s);
        name = strndup(s, (size_t)(value++ - s));
        if (!name)
                return -ENOMEM;
        for (int i = 0; i < _RESOURCE_LIMIT_MAX; i++)
                if (streq(limits[i].word, name)) {
                        /* podman writes "unlimited" and -1 for what systemd calls infinity */
                        r = limit_read(limits[i].unit, streq(value, "-1") || streq(value, "unlimited") ? "infinity" : value,
                                       v->limits + i);
                        if (r < 0)
                                return limit_error(c, limits[i].unit, value, r);
                        v->origins[i] = c->origin;
                        return 0;
                }
        near = text_nearest(name, limit_words());
        return value_error(c, "'%s' names no limit of the kernel%s%s%s", name, near ? "; did you mean " : "", strempty(near),
                           near ? "?" : "");
}

static int ulimits_parse(const ValueContext *c, const char *text, void *field) {
        if (value_is_reset(text)) {
                *(value_ulimits *)field = (value_ulimits){};
                return 0;
        }
        return value_each_word(c, text, ulimits_item, field);
}

static int ulimits_explode(const void *field, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        const value_ulimits *v = field;

        for (int i = 0; i < _RESOURCE_LIMIT_MAX; i++) {
                _cleanup_free_ char *value = NULL;
                char *word = NULL;
                int r;

                if (!v->limits[i].set)
                        continue;
                r = limit_print(limits[i].unit, v->limits + i, &value);
                if (r >= 0)
                        r = str_append(&word, "%s=%s", limits[i].word, value);
                if (r >= 0)
                        r = strv_push(&l, word);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

static int ulimits_print(const void *field, char **ret) {
        return value_print_exploded(ulimits_explode, field, ret);
}

const ValueType value_type_ulimits = {
        .name = "ulimits",
        .syntax = "limits of the kernel as NAME=SOFT:HARD",
        .signature = "as",
        .size = sizeof(value_ulimits),
        .list = true,
        .parse = ulimits_parse,
        .print = ulimits_print,
        .explode = ulimits_explode,
};
