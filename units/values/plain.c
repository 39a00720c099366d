/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bool, tristate, string, hostname: the types without structure. */
#include <ctype.h>
#include <strings.h>

#include "manager/base/string-list.h"
#include "units/values/parse.h"

#define BOOL_SYNTAX "yes, true, on, 1 or no, false, off, 0"

static const char *const bool_words[] = {"yes", "no", NULL};

int value_parse_bool_word(const char *s, bool *ret) {
        static const struct {
                const char *word;
                bool value;
        } words[] = {
                {"yes", true}, {"true", true},   {"on", true},   {"1", true},  {"y", true},  {"t", true},
                {"no", false}, {"false", false}, {"off", false}, {"0", false}, {"n", false}, {"f", false},
        };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strcasecmp(s, words[i].word) == 0) {
                        *ret = words[i].value;
                        return 0;
                }
        return -EINVAL;
}

static int print_bool(bool v, char **ret) {
        char *s = strdup(v ? "yes" : "no");

        if (!s)
                return -ENOMEM;
        *ret = s;
        return 0;
}

static int bool_parse(const ValueContext *c, const char *text, void *field) {
        bool v = false;

        if (!value_is_reset(text) && value_parse_bool_word(text, &v) < 0)
                return value_error(c, "'%s' is not a boolean; write %s", text, BOOL_SYNTAX);
        *(value_bool *)field = v;
        return 0;
}

static int bool_print(const void *field, char **ret) {
        return print_bool(*(const value_bool *)field, ret);
}

static int bool_explode(const void *field, char ***ret) {
        return value_explode_u64(*(const value_bool *)field, ret);
}

const ValueType value_type_bool = {
        .name = "bool",
        .syntax = "a boolean: " BOOL_SYNTAX,
        .signature = "b",
        .size = sizeof(value_bool),
        .parse = bool_parse,
        .print = bool_print,
        .explode = bool_explode,
        .words = bool_words,
};

static int tristate_parse(const ValueContext *c, const char *text, void *field) {
        value_tristate *t = field;
        bool v;

        if (value_is_reset(text)) {
                *t = TRISTATE_UNSET;
                return 0;
        }
        if (value_parse_bool_word(text, &v) < 0)
                return value_error(c, "'%s' is not a boolean; write %s, or nothing to let Bulwark choose",
                                   text, BOOL_SYNTAX);
        *t = v ? TRISTATE_YES : TRISTATE_NO;
        return 0;
}

static const char *tristate_text(value_tristate t) {
        return t == TRISTATE_YES ? "yes" : t == TRISTATE_NO ? "no" : "";
}

static int tristate_print(const void *field, char **ret) {
        return value_print_scalar(tristate_text(*(const value_tristate *)field), ret);
}

static int tristate_explode(const void *field, char ***ret) {
        return value_explode_one(tristate_text(*(const value_tristate *)field), ret);
}

const ValueType value_type_tristate = {
        .name = "tristate",
        .syntax = "a boolean: " BOOL_SYNTAX "; empty lets Bulwark choose",
        .signature = "s",
        .size = sizeof(value_tristate),
        .parse = tristate_parse,
        .print = tristate_print,
        .explode = tristate_explode,
        .words = bool_words,
};

/* --- owned text */

static void text_done(void *field) {
        char **s = field;

        free(*s);
        *s = NULL;
}

static int text_print(const void *field, char **ret) {
        return value_print_scalar(*(char *const *)field, ret);
}

static int text_explode(const void *field, char ***ret) {
        return value_explode_one(*(char *const *)field, ret);
}

/* Replaces *field by s, which it takes; "" is unset. */
static int text_set(void *field, char *s) {
        text_done(field);
        if (*s)
                *(char **)field = s;
        else
                free(s);
        return 0;
}

static int string_parse(const ValueContext *c, const char *text, void *field) {
        char *s;
        int r;

        r = value_scalar(c, text, &s);
        if (r < 0)
                return r;
        return text_set(field, s);
}

const ValueType value_type_string = {
        .name = "string",
        .syntax = "text in one line",
        .signature = "s",
        .size = sizeof(value_string),
        .parse = string_parse,
        .print = text_print,
        .explode = text_explode,
        .done = text_done,
};

/* --- path */

static int path_parse(const ValueContext *c, const char *text, void *field) {
        _cleanup_free_ char *s = NULL;
        char *path;
        int r;

        r = value_scalar(c, text, &s);
        if (r < 0)
                return r;
        if (!*s)
                return text_set(field, TAKE_PTR(s));
        r = value_check_scalar_path(c, s, &path);
        if (r < 0)
                return r;
        return text_set(field, path);
}

const ValueType value_type_path = {
        .name = "path",
        .syntax = "an absolute path",
        .signature = "s",
        .size = sizeof(value_path),
        .parse = path_parse,
        .print = text_print,
        .explode = text_explode,
        .done = text_done,
};

/* --- a file below /run: written there with or without its directory, and by its old name */

static int pid_file_parse(const ValueContext *c, const char *text, void *field) {
        _cleanup_free_ char *s = NULL, *path = NULL, *whole = NULL;
        int r;

        r = value_scalar(c, text, &s);
        if (r < 0)
                return r;
        if (!*s)
                return text_set(field, TAKE_PTR(s));
        if (*s != '/' && str_append(&whole, "/run/%s", s) < 0)
                return -ENOMEM;
        r = value_check_scalar_path(c, whole ? whole : s, &path);
        if (r < 0)
                return r;
        if (startswith(path, "/var/run/")) /* what is left is shorter */
                memmove(path, path + strlen("/var"), strlen(path + strlen("/var")) + 1);
        if (streq(path, "/") || streq(path, "/run") || streq(path, "/var/run"))
                return value_error(c, "'%s' is a directory; write the path of a file", s);
        return text_set(field, TAKE_PTR(path));
}

const ValueType value_type_pid_file = {
        .name = "pid_file",
        .syntax = "the path of a file; a relative one is below /run",
        .signature = "s",
        .size = sizeof(value_pid_file),
        .parse = pid_file_parse,
        .print = text_print,
        .explode = text_explode,
        .done = text_done,
};

/* --- hostname */

enum { HOSTNAME_LENGTH_MAX = 64, HOSTNAME_LABEL_MAX = 63 };

/* RFC 1123: labels of letters, digits and inner hyphens. */
static const char *hostname_fault(const char *s) {
        size_t label = 0;

        if (strlen(s) > HOSTNAME_LENGTH_MAX)
                return "is longer than 64 characters";
        for (const char *p = s;; p++) {
                if (*p == '.' || *p == 0) {
                        if (label == 0)
                                return "has an empty part before or after a dot";
                        if (p[-1] == '-' || p[-(ssize_t)label] == '-')
                                return "has a part that begins or ends with a hyphen";
                        if (label > HOSTNAME_LABEL_MAX)
                                return "has a part longer than 63 characters";
                        if (*p == 0)
                                return NULL;
                        label = 0;
                        continue;
                }
                if (!(isascii(*p) && isalnum((unsigned char)*p)) && *p != '-')
                        return "has a character that is no letter, digit, hyphen or dot";
                label++;
        }
}

static int hostname_parse(const ValueContext *c, const char *text, void *field) {
        _cleanup_free_ char *s = NULL;
        const char *fault;
        int r;

        r = value_scalar(c, text, &s);
        if (r < 0)
                return r;
        fault = *s ? hostname_fault(s) : NULL;
        if (fault)
                return value_error(c,
                                   "'%s' %s; a host name is made of letters, digits, inner hyphens and dots",
                                   s, fault);
        return text_set(field, TAKE_PTR(s));
}

const ValueType value_type_hostname = {
        .name = "hostname",
        .syntax = "a host name of at most 64 letters, digits, hyphens and dots",
        .signature = "s",
        .size = sizeof(value_hostname),
        .parse = hostname_parse,
        .print = text_print,
        .explode = text_explode,
        .done = text_done,
};

/* --- user */

static int user_parse(const ValueContext *c, const char *text, void *field) {
        _cleanup_free_ char *s = NULL;
        int r;

        r = value_scalar(c, text, &s);
        if (r < 0)
                return r;
        if (*s && !value_user_valid(c, s))
                return -EINVAL;
        return text_set(field, TAKE_PTR(s));
}

const ValueType value_type_user = {
        .name = "user",
        .syntax = "a name or number of the container's own passwd or group file",
        .signature = "s",
        .size = sizeof(value_user),
        .parse = user_parse,
        .print = text_print,
        .explode = text_explode,
        .done = text_done,
};
