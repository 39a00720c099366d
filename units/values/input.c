/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* input, input_text, input_data: what a payload reads from its standard input. */
#include <stdio.h>

#include "units/values/parse.h"

static const struct {
        const char *word, *why; /* a final ':' takes more */
} refused[] = {
        { "tty", "the host's terminals are not the container's; bulwarkctl exec -t and shell give one of its own" },
        { "tty-force", "the host's terminals are not the container's; bulwarkctl exec -t and shell give one of its own" },
        { "tty-fail", "the host's terminals are not the container's; bulwarkctl exec -t and shell give one of its own" },
        { "socket", "a connection as standard input goes with Accept=yes, which there is not; sockets are passed from descriptor 3 on" },
        { "fd", "sockets are passed from descriptor 3 on; their names stand in LISTEN_FDNAMES" },
        { "fd:", "sockets are passed from descriptor 3 on; their names stand in LISTEN_FDNAMES" },
};

static const char *const input_words[] = { "null", "data", "file:", NULL };

static void input_done(void *field) {
        value_input *v = field;

        free(v->path);
        *v = (value_input){};
}

static int input_unknown(const ValueContext *c, const char *s) {
        const char *near;

        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                if (endswith(refused[i].word, ":") ? !!startswith(s, refused[i].word) : streq(s, refused[i].word))
                        return value_error(c, "'%s': %s", s, refused[i].why);
        near = text_nearest(s, input_words);
        return value_error(c, "'%s' is no input; write null, data or file:PATH%s%s%s", s, near ? "; did you mean " : "",
                           strempty(near), near ? "?" : "");
}

static int input_parse(const ValueContext *c, const char *text, void *field) {
        _cleanup_(input_done) value_input v = {};
        _cleanup_free_ char *s = NULL;
        const char *path;
        int r;

        r = value_scalar(c, text, &s);
        if (r < 0)
                return r;
        path = startswith(s, "file:");
        if (path) {
                v.kind = INPUT_FILE;
                r = value_check_scalar_path(c, path, &v.path);
        } else if (streq(s, "data"))
                v.kind = INPUT_DATA;
        else if (streq(s, "null"))
                v.kind = INPUT_NULL;
        else if (*s)
                r = input_unknown(c, s);
        if (r < 0)
                return r;
        input_done(field);
        *(value_input *)field = v;
        v = (value_input){};
        return 0;
}

static int input_print(const void *field, char **ret) {
        static const char *const words[_INPUT_MAX] = {
                [INPUT_UNSET] = "", [INPUT_NULL] = "null", [INPUT_DATA] = "data", [INPUT_FILE] = "file:",
        };
        const value_input *v = field;
        _cleanup_free_ char *s = NULL;
        int r = str_append(&s, "%s%s", words[v->kind], strempty(v->path));

        return r < 0 ? r : value_print_scalar(s, ret);
}

static int input_explode(const void *field, char ***ret) {
        _cleanup_free_ char *s = NULL;
        int r = input_print(field, &s);

        return r < 0 ? r : value_explode_one(s, ret);
}

const ValueType value_type_input = {
        .name = "input",
        .syntax = "null, data or file:PATH",
        .signature = "s",
        .size = sizeof(value_input),
        .parse = input_parse,
        .print = input_print,
        .explode = input_explode,
        .done = input_done,
        .words = input_words,
};

/* --- data: bytes that assignments append */

static int data_add(const ValueContext *c, value_input_data *v, const void *bytes, size_t n) {
        char *grown;

        if (n > INPUT_DATA_MAX - v->size)
                return value_error(c, "the input is longer than %u bytes; put it into a file and write StandardInput=file:PATH",
                                   INPUT_DATA_MAX);
        grown = realloc(v->bytes, v->size + n + 1);
        if (!grown)
                return -ENOMEM;
        memcpy(grown + v->size, bytes, n);
        grown[v->size + n] = 0;
        v->bytes = grown;
        v->size += n;
        return 0;
}

static void input_data_done(void *field) {
        value_input_data *v = field;

        free(v->bytes);
        *v = (value_input_data){};
}

static const char digits64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int decode64(const char *text, unsigned char *to, size_t *ret_n) {
        uint32_t bits = 0;
        unsigned have = 0, padding = 0;
        size_t n = 0;

        for (; *text; text++) {
                const char *digit;

                if (strchr(WHITESPACE, *text))
                        continue;
                if (*text == '=') {
                        padding++;
                        continue;
                }
                digit = strchr(digits64, *text);
                if (!digit || padding > 0)
                        return -EINVAL;
                bits = bits << 6 | (uint32_t)(digit - digits64);
                have += 6;
                if (have >= 8) {
                        have -= 8;
                        to[n++] = (unsigned char)(bits >> have);
                }
        }
        /* Bits that are left over are none of a byte, and padding fills up to a multiple of four digits. */
        if ((bits & ((UINT32_C(1) << have) - 1)) != 0 || have == 6 || (padding > 0 && padding != have / 2))
                return -EINVAL;
        *ret_n = n;
        return 0;
}

static int input_data_parse(const ValueContext *c, const char *text, void *field) {
        _cleanup_free_ unsigned char *bytes = NULL;
        size_t n = 0;

        if (value_is_reset(text)) {
                input_data_done(field);
                return 0;
        }
        bytes = malloc(strlen(text) + 1);
        if (!bytes)
                return -ENOMEM;
        if (decode64(text, bytes, &n) < 0)
                return value_error(c, "this is no base64: A to Z, a to z, 0 to 9, + and /, in groups of four filled up with =");
        return data_add(c, field, bytes, n);
}

static int input_data_print(const void *field, char **ret) {
        const value_input_data *v = field;
        char *s = malloc((v->size + 2) / 3 * 4 + 1), *to = s;

        if (!s)
                return -ENOMEM;
        for (size_t i = 0; i < v->size; i += 3) {
                const size_t k = MIN_OF(v->size - i, (size_t)3);
                const uint32_t bits = (uint32_t)(unsigned char)v->bytes[i] << 16 |
                                      (k > 1 ? (uint32_t)(unsigned char)v->bytes[i + 1] << 8 : 0) |
                                      (k > 2 ? (uint32_t)(unsigned char)v->bytes[i + 2] : 0);

                for (size_t d = 0; d < 4; d++)
                        *to++ = d <= k ? digits64[bits >> (18 - 6 * d) & 63] : '=';
        }
        *to = 0;
        *ret = s;
        return 0;
}

static int input_data_explode(const void *field, char ***ret) {
        _cleanup_free_ char *s = NULL;
        int r = input_data_print(field, &s);

        return r < 0 ? r : value_explode_one(s, ret);
}

const ValueType value_type_input_data = {
        .name = "input_data",
        .syntax = "bytes in base64",
        .signature = "s",
        .size = sizeof(value_input_data),
        .list = true,
        .parse = input_data_parse,
        .print = input_data_print,
        .explode = input_data_explode,
        .done = input_data_done,
};

/* --- text: one line an assignment, with the escapes of C */

static void input_text_done(void *field) {
        value_input_text *v = field;

        *v = strv_free(*v);
}

static int input_text_parse(const ValueContext *c, const char *text, void *field) {
        _cleanup_free_ char *word = NULL, *line = NULL, *escaped = NULL;
        value_input_text *v = field;
        const char *p;
        size_t size = 0;
        char *to;
        int r;

        if (value_is_reset(text)) {
                input_text_done(v);
                return 0;
        }
        /* A quote is a character here as any other: the word reader takes care of escapes alone. */
        escaped = malloc(2 * strlen(text) + 3);
        if (!escaped)
                return -ENOMEM;
        to = escaped;
        *to++ = '"';
        for (p = text; *p; p++) {
                if (*p == '"')
                        *to++ = '\\';
                else if (*p == '\\' && p[1])
                        *to++ = *p++;
                *to++ = *p;
        }
        *to++ = '"';
        *to = 0;
        p = escaped;
        r = value_next_word(c, &p, &word);
        if (r >= 0)
                r = value_expand(c, strempty(word), &line);
        if (r < 0)
                return r;
        for (char **l = *v; l && *l; l++)
                size += strlen(*l) + 1;
        if (size + strlen(line) + 1 > INPUT_DATA_MAX)
                return value_error(c, "the input is longer than %u bytes; put it into a file and write StandardInput=file:PATH",
                                   INPUT_DATA_MAX);
        /* A line break parts two lines, as print() joins them. */
        for (char *rest = line; r >= 0 && rest;) {
                const char *one = strsep(&rest, "\n");

                r = strv_extend(v, one);
        }
        return r;
}

static int input_text_explode(const void *field, char ***ret) {
        const value_input_text *v = field;
        char **l = strv_copy(*v);

        if (!l && *v)
                return -ENOMEM;
        *ret = l;
        return 0;
}

/* All lines as one assignment, which a line break in it parts again. */
static int input_text_print(const void *field, char **ret) {
        const value_input_text *v = field;
        _cleanup_free_ char *joined = *v ? strv_join(*v, "\n") : strdup("");
        char *s = strdup(""), *to;

        if (!joined || !s) {
                free(s);
                return -ENOMEM;
        }
        if (!*joined && !*v) {
                *ret = s;
                return 0;
        }
        free(s);
        s = malloc(4 * strlen(joined) + 1);
        if (!s)
                return -ENOMEM;
        to = s;
        for (const char *p = joined; *p; p++) {
                const bool edge = p == joined || !p[1];

                if (*p == '\n')
                        to = mempcpy(to, "\\n", 2);
                else if (*p == '\t')
                        to = mempcpy(to, "\\t", 2);
                else if (*p == '\\' || *p == '%')
                        to = mempcpy(to, (char[]){ *p, *p }, 2);
                else if (*p == ' ' && edge)
                        to = mempcpy(to, "\\s", 2);
                else if ((unsigned char)*p < ' ' || *p == 0x7f)
                        to += snprintf(to, 5, "\\x%02x", (unsigned char)*p);
                else
                        *to++ = *p;
        }
        *to = 0;
        *ret = s;
        return 0;
}

static int input_text_implode(char *const *words, char **ret) {
        return input_text_print(&words, ret);
}

const ValueType value_type_input_text = {
        .name = "input_text",
        .syntax = "a line of text, with the escapes of C",
        .signature = "as",
        .size = sizeof(value_input_text),
        .list = true,
        .parse = input_text_parse,
        .print = input_text_print,
        .explode = input_text_explode,
        .implode = input_text_implode,
        .done = input_text_done,
};
