/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* systemd.time(7): sums of numbers with units; a bare number counts seconds. */
#include <ctype.h>
#include <inttypes.h>

#include "units/values/parse.h"

static const struct {
        const char *names; /* space separated, the first is what we print */
        uint64_t usec;
} units[] = {
        {"y year years", UINT64_C(31557600) * USEC_PER_SEC},
        {"month months M", UINT64_C(2629800) * USEC_PER_SEC},
        {"w week weeks", UINT64_C(604800) * USEC_PER_SEC},
        {"d day days", UINT64_C(86400) * USEC_PER_SEC},
        {"h hour hours hr", UINT64_C(3600) * USEC_PER_SEC},
        {"min minute minutes m", UINT64_C(60) * USEC_PER_SEC},
        {"s sec second seconds", USEC_PER_SEC},
        {"ms msec", USEC_PER_MSEC},
        {"us usec µs μs", 1},
};

static uint64_t unit_find(const char *name, size_t n, uint64_t bare) {
        if (n == 0)
                return bare;
        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                for (const char *p = units[i].names; *p; p += strspn(p, " ")) {
                        size_t k = strcspn(p, " ");

                        if (k == n && memcmp(p, name, n) == 0)
                                return units[i].usec;
                        p += k;
                }
        return 0;
}

/* One "1.5h" at *p. -EINVAL malformed, -ERANGE too large. */
static int read_part(const char **p, uint64_t bare, uint64_t *sum) {
        uint64_t whole = 0, unit;
        const char *s = *p, *fraction = "";
        size_t n;

        if (!isdigit((unsigned char)*s) && !(*s == '.' && isdigit((unsigned char)s[1])))
                return -EINVAL;
        for (; isdigit((unsigned char)*s); s++)
                if (__builtin_mul_overflow(whole, UINT64_C(10), &whole) ||
                    __builtin_add_overflow(whole, (uint64_t)(*s - '0'), &whole))
                        return -ERANGE;
        if (*s == '.') {
                fraction = ++s;
                if (!isdigit((unsigned char)*s))
                        return -EINVAL;
                s += strspn(s, "0123456789");
        }
        s += strspn(s, WHITESPACE);
        for (n = 0; s[n] && (isalpha((unsigned char)s[n]) || (unsigned char)s[n] >= 0x80); n++)
                ;
        unit = unit_find(s, n, bare);
        if (unit == 0)
                return -EINVAL;
        if (__builtin_mul_overflow(whole, unit, &whole) || __builtin_add_overflow(*sum, whole, sum))
                return -ERANGE;
        for (; isdigit((unsigned char)*fraction); fraction++) {
                unit /= 10; /* what is finer than a microsecond is dropped, as systemd drops it */
                if (__builtin_add_overflow(*sum, unit * (uint64_t)(*fraction - '0'), sum))
                        return -ERANGE;
        }
        if (*sum == USEC_INFINITY)
                return -ERANGE;
        s += n;
        *p = s + strspn(s, WHITESPACE);
        return 0;
}

int value_parse_time(const char *text, uint64_t bare, uint64_t *ret) {
        uint64_t sum = 0;
        int r;

        text += strspn(text, WHITESPACE);
        if (startswith(text, "infinity") && value_is_reset(text + strlen("infinity"))) {
                *ret = USEC_INFINITY;
                return 0;
        }
        do {
                r = read_part(&text, bare, &sum);
                if (r < 0)
                        return r;
        } while (*text);
        *ret = sum;
        return 0;
}

static int time_span_parse(const ValueContext *c, const char *text, void *field) {
        uint64_t v = 0;
        int r;

        if (!value_is_reset(text)) {
                r = value_parse_time(text, USEC_PER_SEC, &v);
                if (r == -ERANGE)
                        return value_error(c, "'%s' is too long a time; write 'infinity' for no limit",
                                           text);
                if (r < 0)
                        return value_error(c,
                                           "'%s' is not a time span; write for example 30, 5s, 1min 30s, "
                                           "500ms or infinity",
                                           text);
        }
        *(value_time_span *)field = v;
        return 0;
}

char *time_span_to_string(uint64_t usec) {
        char *s = NULL;

        if (usec == USEC_INFINITY)
                return strdup("infinity");
        if (usec == 0)
                return strdup("0");
        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                if (usec < units[i].usec)
                        continue;
                if (str_append(&s, "%s%" PRIu64 "%.*s", s ? " " : "", usec / units[i].usec,
                               (int)strcspn(units[i].names, " "), units[i].names) < 0) {
                        free(s);
                        return NULL;
                }
                usec %= units[i].usec;
        }
        return s;
}

static int time_span_print(const void *field, char **ret) {
        char *s = time_span_to_string(*(const value_time_span *)field);

        if (!s)
                return -ENOMEM;
        *ret = s;
        return 0;
}

static int time_span_explode(const void *field, char ***ret) {
        return value_explode_u64(*(const value_time_span *)field, ret);
}

static int time_span_implode(char *const *words, char **ret) {
        value_time_span v;

        return value_implode_u64(words, &v) < 0 ? -EINVAL : time_span_print(&v, ret);
}

const ValueType value_type_time_span = {
        .name = "time_span",
        .syntax = "a time span such as 5s, 1min 30s or infinity; a bare number counts seconds",
        .signature = "t",
        .size = sizeof(value_time_span),
        .parse = time_span_parse,
        .print = time_span_print,
        .explode = time_span_explode,
        .implode = time_span_implode,
};
