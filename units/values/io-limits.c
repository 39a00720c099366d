/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* io_weights, io_rates, io_latencies: one value for each of several block devices, "PATH VALUE" a line. What the value is
 * depends on the type; " ; " separates more of them on one line, so that a list can be printed. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "units/values/parse.h"

typedef struct IoUnit {
        const char *what, *example;
        int (*read)(const char *word, uint64_t *ret);
        int (*write)(uint64_t v, char **ret);
} IoUnit;

enum { IO_WEIGHT_MAX = 10000 };

static int io_write_number(uint64_t v, char **ret) {
        return asprintf(ret, "%" PRIu64, v) < 0 ? -ENOMEM : 0;
}

static int io_read_weight(const char *word, uint64_t *ret) {
        uint64_t v = 0;
        int r = parse_u64(word, &v);

        if (r < 0 || v == 0 || v > IO_WEIGHT_MAX)
                return -EINVAL;
        *ret = v;
        return 0;
}

static const char io_letters[] = "KMGTPE";

/* Base 1000, as systemd reads what goes through a device in a second. */
static int io_read_rate(const char *word, uint64_t *ret) {
        uint64_t v = 0, fraction = 0, scale = 1, factor = 1;
        const char *letter;

        if (streq(word, "infinity")) {
                *ret = UINT64_MAX;
                return 0;
        }
        if (!isdigit((unsigned char)*word))
                return -EINVAL;
        for (; isdigit((unsigned char)*word); word++)
                if (__builtin_mul_overflow(v, UINT64_C(10), &v) || __builtin_add_overflow(v, (uint64_t)(*word - '0'), &v))
                        return -ERANGE;
        if (*word == '.') {
                if (!isdigit((unsigned char)*++word))
                        return -EINVAL;
                for (; isdigit((unsigned char)*word); word++)
                        if (scale < 1000) {
                                fraction = fraction * 10 + (uint64_t)(*word - '0');
                                scale *= 10;
                        }
        }
        letter = *word ? strchr(io_letters, *word) : NULL;
        for (const char *p = io_letters; letter && p <= letter; p++)
                factor *= 1000;
        word += letter || *word == 'B';
        if (*word)
                return -EINVAL;
        if (__builtin_mul_overflow(v, factor, &v) || __builtin_add_overflow(v, factor / scale * fraction, &v))
                return -ERANGE;
        if (v == 0 || v == UINT64_MAX)
                return -ERANGE;
        *ret = v;
        return 0;
}

static int io_write_rate(uint64_t v, char **ret) {
        size_t i = 0;

        if (v == UINT64_MAX)
                return value_print_scalar("infinity", ret);
        for (; io_letters[i] && v % 1000 == 0; i++)
                v /= 1000;
        return asprintf(ret, "%" PRIu64 "%.*s", v, i > 0 ? 1 : 0, i > 0 ? io_letters + i - 1 : "") < 0 ? -ENOMEM : 0;
}

static int io_read_latency(const char *word, uint64_t *ret) {
        uint64_t v = 0;
        int r = value_parse_time(word, USEC_PER_SEC, &v);

        if (r < 0)
                return r;
        if (v == 0 || v == USEC_INFINITY)
                return -ERANGE;
        *ret = v;
        return 0;
}

static int io_write_latency(uint64_t v, char **ret) {
        return value_type_time_span.print(&v, ret);
}

static void io_limits_done(void *field) {
        value_io_limits *v = field;

        for (size_t i = 0; i < v->n; i++)
                free(v->items[i].path);
        free(v->items);
        *v = (value_io_limits){};
}

/* Of two values for one device the later one counts. */
static int io_add(const ValueContext *c, const IoUnit *u, value_io_limits *v, const char *name, const char *word) {
        _cleanup_free_ char *path = NULL;
        IoLimit item = { .origin = c->origin };
        int r;

        if (u->read(word, &item.value) < 0)
                return value_error(c, "'%s' is no %s; write for example %s", word, u->what, u->example);
        r = value_check_path(c, name, &path);
        if (r < 0)
                return r;
        for (size_t i = 0; i < v->n; i++)
                if (streq(v->items[i].path, path)) {
                        v->items[i].value = item.value;
                        v->items[i].origin = c->origin;
                        return 0;
                }
        r = value_grow(c, &v->items, v->n, sizeof(item));
        if (r < 0)
                return r;
        item.path = TAKE_PTR(path);
        v->items[v->n++] = item;
        return 0;
}

static int io_limits_parse(const ValueContext *c, const IoUnit *u, const char *text, value_io_limits *v) {
        if (value_is_reset(text)) {
                io_limits_done(v);
                return 0;
        }
        for (bool more = true; more;) {
                char *words[2] = {};
                size_t n = 0;
                int r = 0;

                for (;;) {
                        _cleanup_free_ char *raw = NULL, *word = NULL;

                        r = value_next_word(c, &text, &raw);
                        if (r >= 0 && raw)
                                r = value_expand(c, raw, &word);
                        more = r >= 0 && word;
                        if (!more || streq(word, ";"))
                                break;
                        if (n < ELEMENTSOF(words))
                                words[n] = TAKE_PTR(word);
                        n++;
                }
                if (r >= 0 && n != ELEMENTSOF(words))
                        r = value_error(c, "write one device and its %s a line, such as /dev/sda %s", u->what, u->example);
                if (r >= 0)
                        r = io_add(c, u, v, words[0], words[1]);
                free(words[0]);
                free(words[1]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int io_limits_print(const IoUnit *u, const value_io_limits *v, char **ret) {
        _cleanup_free_ char *s = strdup("");
        int r = s ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < v->n; i++) {
                _cleanup_free_ char *escaped = value_escape_specifiers(v->items[i].path), *value = NULL, *quoted = NULL;

                quoted = escaped ? value_quote(escaped) : NULL;
                r = quoted ? u->write(v->items[i].value, &value) : -ENOMEM;
                if (r >= 0 && strchr(value, ' ')) { /* "1s 500ms" is one word of the line */
                        char *word = value_quote(value);

                        free(value);
                        value = word;
                        r = value ? 0 : -ENOMEM;
                }
                if (r >= 0)
                        r = str_append(&s, "%s%s %s", i > 0 ? " ; " : "", quoted, value);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

/* systemd's a(st): the number as it is. */
static int io_limits_explode(const void *field, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        const value_io_limits *v = field;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < v->n; i++) {
                _cleanup_free_ char *number = NULL;

                r = io_write_number(v->items[i].value, &number);
                if (r >= 0)
                        r = strv_extend(&l, v->items[i].path);
                if (r >= 0)
                        r = strv_extend(&l, number);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

static int io_limits_implode(const IoUnit *u, char *const *words, char **ret) {
        value_io_limits v = {};
        const size_t n = strv_length(words);
        int r = n % 2 == 0 ? 0 : -EINVAL;

        for (size_t i = 0; r >= 0 && i < n; i += 2) {
                IoLimit *grown = reallocarray(v.items, v.n + 1, sizeof(*grown));

                if (!grown) {
                        r = -ENOMEM;
                        break;
                }
                v.items = grown;
                grown[v.n] = (IoLimit){ .path = words[i] };
                r = parse_u64(words[i + 1], &grown[v.n++].value);
        }
        if (r >= 0)
                r = io_limits_print(u, &v, ret);
        free(v.items);
        return r;
}

#define DEFINE_IO_TYPE(type_name, unit, what_, example_, syntax_)                                              \
        static const IoUnit io_unit_##type_name = { what_, example_, io_read_##unit, io_write_##unit };        \
        static int type_name##_parse(const ValueContext *c, const char *text, void *field) {                   \
                return io_limits_parse(c, &io_unit_##type_name, text, field);                                  \
        }                                                                                                      \
        static int type_name##_print(const void *field, char **ret) {                                          \
                return io_limits_print(&io_unit_##type_name, field, ret);                                      \
        }                                                                                                      \
        static int type_name##_implode(char *const *words, char **ret) {                                       \
                return io_limits_implode(&io_unit_##type_name, words, ret);                                    \
        }                                                                                                      \
        const ValueType value_type_##type_name = {                                                             \
                .name = #type_name,                                                                            \
                .syntax = "a block device, or a file on one, and " syntax_,                                    \
                .signature = "a(st)",                                                                          \
                .size = sizeof(value_io_limits),                                                               \
                .list = true,                                                                                  \
                .parse = type_name##_parse,                                                                    \
                .print = type_name##_print,                                                                    \
                .explode = io_limits_explode,                                                                  \
                .implode = type_name##_implode,                                                                \
                .done = io_limits_done,                                                                        \
        }

#define io_write_weight io_write_number
DEFINE_IO_TYPE(io_weights, weight, "weight from 1 to 10000", "200", "a weight from 1 to 10000");
DEFINE_IO_TYPE(io_rates, rate, "amount a second", "5M", "an amount a second such as 5M (base 1000), or infinity");
DEFINE_IO_TYPE(io_latencies, latency, "latency", "25ms", "a time span such as 25ms");
