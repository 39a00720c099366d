/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* labels, variables, exit_type, volatile_mode, shm_size, time_offset: what is said of a payload and of its surroundings. */
#include <inttypes.h>
#include <stdio.h>

#include "units/values/parse.h"

static const char *const exit_type_words[] = {
        [EXIT_TYPE_MAIN] = "main", [EXIT_TYPE_CGROUP] = "cgroup", [_EXIT_TYPE_MAX] = NULL,
};

DEFINE_CHOICE_TYPE(exit_type, exit_type_words, EXIT_TYPE_MAIN, "main or cgroup");

static const char *const volatile_mode_words[] = {
        [VOLATILE_NO] = "no", [VOLATILE_YES] = "yes", [VOLATILE_STATE] = "state", [VOLATILE_OVERLAY] = "overlay",
        [_VOLATILE_MODE_MAX] = NULL,
};

DEFINE_CHOICE_TYPE(volatile_mode, volatile_mode_words, VOLATILE_NO, "no, yes, state or overlay");

/* --- labels: KEY=VALUE, the key without a rule of its own but that it can be told apart */

static int labels_item(const ValueContext *c, const char *word, void *field) {
        _cleanup_free_ char *s = NULL, *whole = NULL;
        char ***l = field;
        size_t n;
        int r;

        r = value_expand(c, word, &s);
        if (r < 0)
                return r;
        n = strcspn(s, "=");
        if (n == 0 || s[strcspn(s, WHITESPACE "=")] != s[n])
                return value_error(c, "'%s' has no key; write KEY=VALUE, and quotes around the whole of it where VALUE has spaces", s);
        if (text_has_control(s))
                return value_error(c, "a label has no control characters");
        /* a key alone has an empty value */
        whole = s[n] ? TAKE_PTR(s) : NULL;
        if (!whole && asprintf(&whole, "%s=", s) < 0) {
                whole = NULL;
                return -ENOMEM;
        }
        for (char **known = *l; known && *known; known++)
                if (strncmp(*known, whole, n + 1) == 0) {
                        free(*known);
                        *known = TAKE_PTR(whole);
                        return 0;
                }
        if (strv_length(*l) >= VALUE_ITEMS_MAX)
                return value_error(c, "these are more than %d labels", VALUE_ITEMS_MAX);
        return strv_push(l, TAKE_PTR(whole));
}

static void list_done(void *field) {
        char ***l = field;

        *l = strv_free(*l);
}

static int list_explode(const void *field, char ***ret) {
        char **const *l = field;
        char **copy = strv_copy(*l);

        if (!copy && *l && **l)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

static int list_print(const void *field, char **ret) {
        return value_print_exploded(list_explode, field, ret);
}

static int labels_parse(const ValueContext *c, const char *text, void *field) {
        if (value_is_reset(text)) {
                list_done(field);
                return 0;
        }
        return value_each_word(c, text, labels_item, field);
}

const ValueType value_type_labels = {
        .name = "labels",
        .syntax = "labels as KEY=VALUE; a later one of a key replaces the earlier",
        .signature = "as",
        .size = sizeof(value_labels),
        .list = true,
        .parse = labels_parse,
        .print = list_print,
        .explode = list_explode,
        .done = list_done,
};

/* --- variables: names alone */

static int variables_item(const ValueContext *c, const char *word, void *field) {
        _cleanup_free_ char *s = NULL;
        char ***l = field;
        size_t n = 0;
        int r;

        r = value_expand(c, word, &s);
        if (r < 0)
                return r;
        for (; (s[n] >= 'a' && s[n] <= 'z') || (s[n] >= 'A' && s[n] <= 'Z') || s[n] == '_' || (n > 0 && s[n] >= '0' && s[n] <= '9'); n++)
                ;
        if (s[n] == '=')
                return value_error(c, "'%s': a variable that is passed has the value that the manager has; write Environment= to set one", s);
        if (n == 0 || s[n])
                return value_error(c, "'%s' is no name of a variable; letters, digits and '_' are, not beginning with a digit", s);
        if (strv_contains(*l, s))
                return 0;
        if (strv_length(*l) >= VALUE_ITEMS_MAX)
                return value_error(c, "these are more than %d variables", VALUE_ITEMS_MAX);
        return strv_push(l, TAKE_PTR(s));
}

static int variables_parse(const ValueContext *c, const char *text, void *field) {
        if (value_is_reset(text)) {
                list_done(field);
                return 0;
        }
        return value_each_word(c, text, variables_item, field);
}

const ValueType value_type_variables = {
        .name = "variables",
        .syntax = "names of variables",
        .signature = "as",
        .size = sizeof(value_variables),
        .list = true,
        .parse = variables_parse,
        .print = list_print,
        .explode = list_explode,
        .done = list_done,
};

/* --- shm_size: bytes, with the small letters of Podman too */

static int shm_size_parse(const ValueContext *c, const char *text, void *field) {
        _cleanup_free_ char *s = NULL;
        uint64_t v = 0;
        size_t n;

        if (value_is_reset(text)) {
                *(value_shm_size *)field = 0;
                return 0;
        }
        s = strdup(text);
        if (!s)
                return -ENOMEM;
        n = strlen(s);
        if (n > 1 && strchr("bkmg", s[n - 1]))
                s[n - 1] = (char)(s[n - 1] - 'a' + 'A');
        if (value_parse_size(s, &v) < 0)
                return value_error(c, "'%s' is no size; write bytes such as 64M", text);
        if (v == 0)
                return value_error(c, "'%s' would be no limit at all, and what lies there is memory; write a size, MemoryMax= counts "
                                      "it too",
                                   text);
        *(value_shm_size *)field = v;
        return 0;
}

static int shm_size_print(const void *field, char **ret) {
        const uint64_t v = *(const value_shm_size *)field;

        *ret = v > 0 ? value_size_to_string(v) : strdup("");
        return *ret ? 0 : -ENOMEM;
}

static int shm_size_explode(const void *field, char ***ret) {
        return value_explode_u64(*(const value_shm_size *)field, ret);
}

const ValueType value_type_shm_size = {
        .name = "shm_size",
        .syntax = "bytes such as 64M",
        .signature = "t",
        .size = sizeof(value_shm_size),
        .parse = shm_size_parse,
        .print = shm_size_print,
        .explode = shm_size_explode,
};

/* --- time_offset: a time span that may be negative */

static int time_offset_parse(const ValueContext *c, const char *text, void *field) {
        const bool negative = *text == '-';
        uint64_t usec = 0;

        if (!value_is_reset(text) && (value_parse_time(text + (negative || *text == '+'), USEC_PER_SEC, &usec) < 0 ||
                                      usec > TIME_OFFSET_MAX))
                return value_error(c, "'%s' is no offset; write a time span of at most a hundred years, with a '-' before it to go back",
                                   text);
        *(value_time_offset *)field = negative ? -(int64_t)usec : (int64_t)usec;
        return 0;
}

static int time_offset_print(const void *field, char **ret) {
        const int64_t v = *(const value_time_offset *)field;
        _cleanup_free_ char *span = time_span_to_string(v < 0 ? (uint64_t)-v : (uint64_t)v);

        if (!span)
                return -ENOMEM;
        return asprintf(ret, "%s%s", v < 0 ? "-" : "", span) < 0 ? -ENOMEM : 0;
}

static int time_offset_explode(const void *field, char ***ret) {
        _cleanup_free_ char *s = NULL;
        int r = time_offset_print(field, &s);

        return r < 0 ? r : value_explode_one(s, ret);
}

const ValueType value_type_time_offset = {
        .name = "time_offset",
        .syntax = "a time span, or one with '-' before it",
        .signature = "s",
        .size = sizeof(value_time_offset),
        .parse = time_offset_parse,
        .print = time_offset_print,
        .explode = time_offset_explode,
};
