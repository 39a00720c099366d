/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* exposure: a number from 0.0 to 10.0, in tenths. */
#include "units/values/parse.h"

#define EXPOSURE_MAX 100U

int exposure_from_string(const char *text, unsigned *ret) {
        const size_t n = strspn(text, "0123456789");
        unsigned whole = 0, tenth = 0;

        if (n == 0 || n > 2)
                return -EINVAL;
        for (size_t i = 0; i < n; i++)
                whole = 10 * whole + (unsigned)(text[i] - '0');
        if (text[n] == '.') {
                if (text[n + 1] < '0' || text[n + 1] > '9' || text[n + 2])
                        return -EINVAL;
                tenth = (unsigned)(text[n + 1] - '0');
        } else if (text[n])
                return -EINVAL;
        if (10 * whole + tenth > EXPOSURE_MAX)
                return -ERANGE;
        *ret = 10 * whole + tenth;
        return 0;
}

static int exposure_parse(const ValueContext *c, const char *text, void *field) {
        value_exposure v = { .set = true };

        if (value_is_reset(text)) {
                *(value_exposure *)field = (value_exposure){};
                return 0;
        }
        if (exposure_from_string(text, &v.tenths) < 0)
                return value_error(c, "'%s' is no exposure; write a number from 0.0 to 10.0 with at most one decimal", text);
        *(value_exposure *)field = v;
        return 0;
}

static int exposure_print(const void *field, char **ret) {
        const value_exposure *v = field;
        char *s = NULL;
        int r = v->set ? str_append(&s, "%u.%u", v->tenths / 10, v->tenths % 10) : str_append(&s, "%s", "");

        if (r < 0)
                return r;
        *ret = s;
        return 0;
}

static int exposure_explode(const void *field, char ***ret) {
        _cleanup_free_ char *s = NULL;
        int r = exposure_print(field, &s);

        return r < 0 ? r : value_explode_one(s, ret);
}

const ValueType value_type_exposure = {
        .name = "exposure",
        .syntax = "a number from 0.0 to 10.0",
        .signature = "s",
        .size = sizeof(value_exposure),
        .parse = exposure_parse,
        .print = exposure_print,
        .explode = exposure_explode,
};
