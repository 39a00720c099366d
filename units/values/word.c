/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "units/values/parse.h"

enum { MESSAGE_MAX = 600, MISTAKES_MAX = 16 };

int value_error(const ValueContext *c, const char *format, ...) {
        _cleanup_free_ char *words = NULL, *text = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&words, format, ap);
        va_end(ap);
        if (r < 0) {
                words = NULL;
                return -ENOMEM;
        }
        /* The words quote the unit, which may hold anything an escape can make. */
        text = text_shorten(words, MESSAGE_MAX);
        if (!text)
                return -ENOMEM;
        return diag_error(c->diag, ERROR_BAD_VALUE, &c->origin, c->directive, "%s", text);
}

/* Without an expander "%%" still means one '%': what print() wrote reads back the same either way. */
static int collapse_percent(const char *word, char **ret) {
        char *s = malloc(strlen(word) + 1), *q = s;

        if (!s)
                return -ENOMEM;
        for (const char *p = word; *p; p++) {
                *q++ = *p;
                if (p[0] == '%' && p[1] == '%')
                        p++;
        }
        *q = 0;
        *ret = s;
        return 0;
}

int value_expand(const ValueContext *c, const char *word, char **ret) {
        _cleanup_free_ char *s = NULL;
        int r;

        if (!strchr(word, '%')) {
                s = strdup(word);
                r = s ? 0 : -ENOMEM;
        } else if (c->expand)
                r = c->expand(c, word, &s);
        else
                r = collapse_percent(word, &s);
        if (r < 0)
                return r;
        if (!utf8_valid(s, strlen(s)))
                return value_error(c, "'%s' expands to text that is not valid UTF-8", word);
        *ret = TAKE_PTR(s);
        return 0;
}

/* --- reading words */

typedef struct Buffer {
        char *data;
        size_t n, size;
} Buffer;

static void buffer_done(Buffer *b) {
        free(b->data);
}

static int buffer_add(Buffer *b, const char *s, size_t n) {
        if (b->size - b->n <= n) {
                size_t size = 2 * (b->n + n) + 32;
                char *grown = realloc(b->data, size);

                if (!grown)
                        return -ENOMEM;
                b->data = grown;
                b->size = size;
        }
        memcpy(b->data + b->n, s, n);
        b->n += n;
        b->data[b->n] = 0;
        return 0;
}

static size_t encode_utf8(uint32_t code, char out[4]) {
        if (code < 0x80) {
                out[0] = (char)code;
                return 1;
        }
        if (code < 0x800) {
                out[0] = (char)(0xc0 | code >> 6);
                out[1] = (char)(0x80 | (code & 0x3f));
                return 2;
        }
        if (code < 0x10000) {
                out[0] = (char)(0xe0 | code >> 12);
                out[1] = (char)(0x80 | (code >> 6 & 0x3f));
                out[2] = (char)(0x80 | (code & 0x3f));
                return 3;
        }
        out[0] = (char)(0xf0 | code >> 18);
        out[1] = (char)(0x80 | (code >> 12 & 0x3f));
        out[2] = (char)(0x80 | (code >> 6 & 0x3f));
        out[3] = (char)(0x80 | (code & 0x3f));
        return 4;
}

static int read_digits(const char *s, size_t n, unsigned base, uint32_t *ret) {
        uint32_t value = 0;

        for (size_t i = 0; i < n; i++) {
                unsigned digit = s[i] >= '0' && s[i] <= '9'   ? (unsigned)(s[i] - '0')
                                 : s[i] >= 'a' && s[i] <= 'f' ? (unsigned)(s[i] - 'a') + 10
                                 : s[i] >= 'A' && s[i] <= 'F' ? (unsigned)(s[i] - 'A') + 10
                                                              : 99;

                if (digit >= base)
                        return -EINVAL;
                value = value * base + digit;
        }
        *ret = value;
        return 0;
}

/* The escape after a backslash at p[-1]. *ret_used says how many bytes of p it took. */
static int read_escape(const ValueContext *c, const char *p, bool colon, Buffer *b, size_t *ret_used) {
        static const char names[] = "abfnrtv\\\"'s", values[] = "\a\b\f\n\r\t\v\\\"' ";
        static const struct {
                char letter;
                size_t digits;
        } numbers[] = {{'x', 2}, {'u', 4}, {'U', 8}};
        const char *known = *p ? strchr(names, *p) : NULL;
        uint32_t code = 0;
        char utf8[4];

        if (known || (colon && *p == ':')) {
                *ret_used = 1;
                return buffer_add(b, known ? values + (known - names) : ":", 1);
        }
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                bool byte = numbers[i].letter == 'x';

                if (*p != numbers[i].letter)
                        continue;
                if (read_digits(p + 1, numbers[i].digits, 16, &code) < 0)
                        return value_error(c, "'\\%c' must be followed by %zu hexadecimal digits", *p,
                                           numbers[i].digits);
                if (code == 0)
                        return value_error(c, "an escaped NUL character is not allowed");
                if (!byte && (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)))
                        return value_error(c, "'\\%.*s' is not a Unicode character",
                                           (int)numbers[i].digits + 1, p);
                *ret_used = numbers[i].digits + 1;
                if (!byte)
                        return buffer_add(b, utf8, encode_utf8(code, utf8));
                return buffer_add(b, &(char){(char)code}, 1);
        }
        if (*p >= '0' && *p <= '7') {
                if (read_digits(p, 3, 8, &code) < 0 || code > 255)
                        return value_error(c, "an octal escape must have three digits, '\\001' to '\\377'");
                if (code == 0)
                        return value_error(c, "an escaped NUL character is not allowed");
                *ret_used = 3;
                return buffer_add(b, &(char){(char)code}, 1);
        }
        if (!*p)
                return value_error(c, "a single backslash stands at the end; write '\\\\' for a backslash");
        /* As systemd: it stays as it was written, and is told. */
        diag_warning(c->diag, ERROR_SYNTAX, &c->origin, c->directive,
                     "unknown escape '\\%.*s' is kept as it is; write '\\\\' for a backslash", (unsigned char)*p >= ' ' && (unsigned char)*p < 0x7f ? 1 : 0, p);
        *ret_used = 0;
        return buffer_add(b, "\\", 1);
}

typedef enum WordFlags {
        WORD_RETAIN_ESCAPES = 1 << 0, /* "\:" stays as it is, for a second reading */
        WORD_COLON = 1 << 1,          /* ':' ends a piece; pieces may be empty; white space is ordinary */
} WordFlags;

static int read_body(const ValueContext *c, const char **p, WordFlags flags, Buffer *b) {
        const char *ends = FLAGS_SET(flags, WORD_COLON) ? ":" : WHITESPACE;
        const char *s = *p;
        char quote = 0;
        int r;

        for (; *s && (quote || !strchr(ends, *s)); s++) {
                if (*s == '\\' && FLAGS_SET(flags, WORD_RETAIN_ESCAPES)) {
                        if (!s[1])
                                return value_error(c, "a single backslash stands at the end; write '\\\\' "
                                                      "for a backslash");
                        r = buffer_add(b, s++, 2);
                } else if (*s == '\\') {
                        size_t used = 0;

                        r = read_escape(c, s + 1, FLAGS_SET(flags, WORD_COLON), b, &used);
                        s += used;
                } else if (quote && *s == quote) {
                        quote = 0;
                        r = 0;
                } else if (!quote && (*s == '"' || *s == '\'')) {
                        quote = *s;
                        r = 0;
                } else
                        r = buffer_add(b, s, 1);
                if (r < 0)
                        return r;
        }
        if (quote)
                return value_error(c, "the quote %c is never closed", quote);
        *p = s;
        return 0;
}

static int next_word(const ValueContext *c, const char **p, WordFlags flags, char **ret) {
        _cleanup_(buffer_done) Buffer b = {};
        int r;

        r = buffer_add(&b, "", 0);
        if (r < 0)
                return r;
        r = read_body(c, p, flags, &b);
        if (r < 0)
                return r;
        /* One byte at a time is legal as long as the whole becomes text: D-Bus and the journal demand it. */
        if (!utf8_valid(b.data, b.n))
                return value_error(c, "an escape makes text that is not valid UTF-8");
        *ret = TAKE_PTR(b.data);
        return 0;
}

int value_next_word(const ValueContext *c, const char **p, char **ret) {
        *p += strspn(*p, WHITESPACE);
        if (!**p) {
                *ret = NULL;
                return 0;
        }
        return next_word(c, p, 0, ret);
}

int value_next_raw_word(const ValueContext *c, const char **p, char **ret) {
        *p += strspn(*p, WHITESPACE);
        if (!**p) {
                *ret = NULL;
                return 0;
        }
        return next_word(c, p, WORD_RETAIN_ESCAPES, ret);
}

int value_next_colon(const ValueContext *c, const char **p, char **ret) {
        int r;

        if (!*p) {
                *ret = NULL;
                return 0;
        }
        r = next_word(c, p, WORD_COLON, ret);
        if (r < 0)
                return r;
        *p = **p == ':' ? *p + 1 : NULL;
        return 0;
}

int value_next_piece(const ValueContext *c, const char **p, char **ret) {
        _cleanup_free_ char *piece = NULL;
        int r;

        r = value_next_colon(c, p, &piece);
        if (r < 0)
                return r;
        if (!piece) {
                *ret = NULL;
                return 0;
        }
        return value_expand(c, piece, ret);
}

static int each_word(const ValueContext *c, const char *text, ValueItemFunc item, void *field,
                     int (*next)(const ValueContext *, const char **, char **)) {
        int first = 0;

        for (unsigned mistakes = 0;;) {
                _cleanup_free_ char *word = NULL;
                int r;

                r = next(c, &text, &word);
                if (r < 0)
                        return first < 0 ? first : r;
                if (!word)
                        return first;
                r = item(c, word, field);
                if (r == -ENOMEM || r == -E2BIG)
                        return r;
                if (r < 0 && first == 0)
                        first = r;
                if (r < 0 && ++mistakes >= MISTAKES_MAX)
                        return first;
        }
}

int value_each_word(const ValueContext *c, const char *text, ValueItemFunc item, void *field) {
        return each_word(c, text, item, field, value_next_word);
}

int value_each_raw_word(const ValueContext *c, const char *text, ValueItemFunc item, void *field) {
        return each_word(c, text, item, field, value_next_raw_word);
}

/* --- writing words */

static bool is_plain(char ch) {
        return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
               (unsigned char)ch >= 0x80 || (ch && strchr("_./:=@+,%~^-*?!&()[]{}|<>$", ch));
}

char *value_quote(const char *word) {
        static const char names[] = "abfnrtv\\\"", values[] = "\a\b\f\n\r\t\v\\\"";
        bool plain = *word != 0;
        char *s, *q;

        for (const char *p = word; plain && *p; p++)
                plain = is_plain(*p);
        if (plain)
                return strdup(word);

        s = q = malloc(4 * strlen(word) + 3);
        if (!s)
                return NULL;
        *q++ = '"';
        for (const char *p = word; *p; p++) {
                const char *known = strchr(values, *p);

                if (known) {
                        *q++ = '\\';
                        *q++ = names[known - values];
                } else if ((unsigned char)*p < 0x20 || *p == 0x7f)
                        q += sprintf(q, "\\x%02x", (unsigned)(unsigned char)*p);
                else
                        *q++ = *p;
        }
        *q++ = '"';
        *q = 0;
        return s;
}

char *value_escape_specifiers(const char *s) {
        char *escaped = malloc(2 * strlen(s) + 1), *q = escaped;

        if (!escaped)
                return NULL;
        for (; *s; s++) {
                if (*s == '%')
                        *q++ = '%';
                *q++ = *s;
        }
        *q = 0;
        return escaped;
}

char *value_escape_piece(const char *s) {
        char *escaped = malloc(4 * strlen(s) + 1), *q = escaped;

        if (!escaped)
                return NULL;
        for (; *s; s++)
                if (*s == ':')
                        q = mempcpy(q, "\\:", 2);
                else if (*s == '%')
                        q = mempcpy(q, "%%", 2);
                else if ((unsigned char)*s <= 0x20 || *s == 0x7f || strchr("\\\"';#", *s))
                        q += sprintf(q, "\\x%02x", (unsigned)(unsigned char)*s);
                else
                        *q++ = *s;
        *q = 0;
        return escaped;
}

int value_print_words(char **words, char **ret) {
        _cleanup_strv_ char **owned = words;
        char *text;

        for (char **w = owned; w && *w; w++) {
                _cleanup_free_ char *escaped = value_escape_specifiers(*w);
                char *quoted = escaped ? value_quote(escaped) : NULL;

                if (!quoted)
                        return -ENOMEM;
                free(*w);
                *w = quoted;
        }
        text = strv_join(owned, " ");
        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}

int value_print_exploded(int (*explode)(const void *field, char ***ret), const void *field, char **ret) {
        char **words = NULL;
        int r;

        r = explode(field, &words);
        return r < 0 ? r : value_print_words(words, ret);
}

/* --- whole values */

int value_scalar(const ValueContext *c, const char *text, char **ret) {
        _cleanup_free_ char *expanded = NULL;
        char *s;
        int r;

        r = value_expand(c, text, &expanded);
        if (r < 0)
                return r;
        s = text_strip(expanded);
        if (text_has_control(s))
                return value_error(
                        c, "the value contains a control character; it must be plain text in one line");
        if (endswith(s, "\\"))
                return value_error(c,
                                   "the value must not end in a backslash, which would continue the line");
        s = strdup(s);
        if (!s)
                return -ENOMEM;
        *ret = s;
        return 0;
}

int value_print_scalar(const char *s, char **ret) {
        char *text = value_escape_specifiers(strempty(s));

        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}

int value_explode_one(const char *s, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        int r;

        r = strv_extend(&l, strempty(s));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

int value_explode_u64(uint64_t v, char ***ret) {
        char text[21];

        (void)snprintf(text, sizeof(text), "%" PRIu64, v);
        return value_explode_one(text, ret);
}

int value_grow(const ValueContext *c, void *items, size_t n, size_t item_size) {
        void *grown;

        if (n >= VALUE_ITEMS_MAX) {
                (void)value_error(
                        c, "more than %d items; split the unit or name a directory instead of its files",
                        VALUE_ITEMS_MAX);
                return -E2BIG;
        }
        memcpy(&grown, items, sizeof(grown));
        grown = reallocarray(grown, n + 1, item_size);
        if (!grown)
                return -ENOMEM;
        memset((char *)grown + n * item_size, 0, item_size);
        memcpy(items, &grown, sizeof(grown));
        return 0;
}
