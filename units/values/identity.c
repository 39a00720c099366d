/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine_id, timezone: which machine a container is, and where it is. */
#include "units/values/parse.h"

#define ID_DIGITS 32U
#define ZONE_LENGTH_MAX 64U
#define ZONE_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/"

static void owned_done(void *field) {
        char **s = field;

        free(*s);
        *s = NULL;
}

static int owned_print(const void *field, char **ret) {
        return value_print_scalar(*(char *const *)field, ret);
}

static int owned_explode(const void *field, char ***ret) {
        return value_explode_one(*(char *const *)field, ret);
}

static int owned_set(void *field, char *s) {
        owned_done(field);
        if (*s)
                *(char **)field = s;
        else
                free(s);
        return 0;
}

/* 32 digits, or the same with the hyphens of a UUID; not all of them 0, which means none. */
static int machine_id_parse(const ValueContext *c, const char *text, void *field) {
        static const char digits[] = "0123456789abcdefABCDEF";
        _cleanup_free_ char *s = NULL, *id = NULL;
        bool some = false, uuid;
        size_t n = 0;
        int r;

        r = value_scalar(c, text, &s);
        if (r < 0)
                return r;
        if (!*s)
                return owned_set(field, TAKE_PTR(s));
        id = malloc(ID_DIGITS + 1);
        if (!id)
                return -ENOMEM;
        uuid = strlen(s) == ID_DIGITS + 4;
        for (size_t i = 0; s[i]; i++) {
                if (uuid && (i == 8 || i == 13 || i == 18 || i == 23) && s[i] == '-')
                        continue;
                if (n == ID_DIGITS || !strchr(digits, s[i])) {
                        n = 0;
                        break;
                }
                some |= s[i] != '0';
                id[n++] = s[i] >= 'A' && s[i] <= 'F' ? (char)(s[i] - 'A' + 'a') : s[i];
        }
        if (n != ID_DIGITS)
                return value_error(c, "'%s' is no id of a machine; 32 hexadecimal digits are, or a UUID", s);
        if (!some)
                return value_error(c, "an id of zeros alone means none; systemd-id128 new makes one");
        id[n] = 0;
        return owned_set(field, TAKE_PTR(id));
}

const ValueType value_type_machine_id = {
        .name = "machine_id",
        .syntax = "32 hexadecimal digits, or a UUID",
        .signature = "s",
        .size = sizeof(value_machine_id),
        .parse = machine_id_parse,
        .print = owned_print,
        .explode = owned_explode,
        .done = owned_done,
};

static int timezone_parse(const ValueContext *c, const char *text, void *field) {
        _cleanup_free_ char *s = NULL;
        int r;

        r = value_scalar(c, text, &s);
        if (r < 0)
                return r;
        if (*s == '/' || strspn(s, ZONE_CHARACTERS) != strlen(s) || strlen(s) > ZONE_LENGTH_MAX || strstr(s, "//") || endswith(s, "/"))
                return value_error(c, "'%s' is no time zone; write one such as Europe/Berlin or UTC, or local for the host's", s);
        return owned_set(field, TAKE_PTR(s));
}

const ValueType value_type_timezone = {
        .name = "timezone",
        .syntax = "a time zone such as Europe/Berlin, or local",
        .signature = "s",
        .size = sizeof(value_timezone),
        .parse = timezone_parse,
        .print = owned_print,
        .explode = owned_explode,
        .done = owned_done,
};
