/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>

#include "manager/base/string-list.h"
#include "manager/bus/bus-value.h"

#define ERROR_TEXT_MAX (64U << 10) /* a unit can hold thousands of mistakes; a message stays readable */
#define SIGNATURE_MAX 255          /* of the D-Bus specification */

/* The length of the UTF-8 character at s as sd-bus accepts it, 0 where there is none. */
static size_t utf8_length(const unsigned char *s) {
        static const struct {
                unsigned char mask, lead;
                uint32_t least;
        } forms[] = {
                { 0x80, 0x00, 0 },
                { 0xe0, 0xc0, 0x80 },
                { 0xf0, 0xe0, 0x800 },
                { 0xf8, 0xf0, 0x10000 },
        };

        for (size_t n = 0; n < ELEMENTSOF(forms); n++) {
                uint32_t c = s[0] & (unsigned char)~forms[n].mask;

                if ((s[0] & forms[n].mask) != forms[n].lead)
                        continue;
                for (size_t i = 1; i <= n; i++) {
                        if ((s[i] & 0xc0) != 0x80)
                                return 0;
                        c = c << 6 | (s[i] & 0x3f);
                }
                if (c < forms[n].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ||
                    (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe)
                        return 0;
                return n + 1;
        }
        return 0;
}

static bool utf8_valid(const char *s) {
        for (const unsigned char *p = (const unsigned char *)s; *p;) {
                size_t n = utf8_length(p);

                if (n == 0)
                        return false;
                p += n;
        }
        return true;
}

char *bus_text(const char *s) {
        static const char hex[16] = "0123456789abcdef";
        const unsigned char *p = (const unsigned char *)s;
        char *text, *t;

        if (utf8_valid(s))
                return strdup(s);

        t = text = calloc(strlen(s) + 1, 4);
        if (!text)
                return NULL;
        while (*p) {
                size_t n = utf8_length(p);

                if (n > 0) {
                        memcpy(t, p, n);
                        t += n;
                        p += n;
                        continue;
                }
                *t++ = '\\';
                *t++ = 'x';
                *t++ = hex[*p >> 4];
                *t++ = hex[*p++ & 15];
        }
        *t = '\0';
        return text;
}

int bus_append_text(sd_bus_message *m, const char *s) {
        _cleanup_free_ char *text = NULL;
        int r;

        s = strempty(s);
        if (!utf8_valid(s)) {
                s = text = bus_text(s);
                if (!text)
                        return -ENOMEM;
        }
        r = sd_bus_message_append_basic(m, 's', s);
        return r < 0 ? r : 0;
}

int bus_append_texts(sd_bus_message *m, char *const *l) {
        return bus_append_exploded(m, "as", l);
}

/* --- exploded values */
typedef struct Walk {
        sd_bus_message *message;
        char *const *values; /* what is left; NULL or at its NULL = nothing */
} Walk;

static const char *walk_next(Walk *w) {
        return w->values && *w->values ? *w->values++ : NULL;
}

static int parse_unsigned(const char *text, uint64_t max, uint64_t *ret) {
        unsigned long long v;
        char *end;

        if (*text < '0' || *text > '9')
                return -EINVAL;
        errno = 0;
        v = strtoull(text, &end, 10);
        if (errno != 0 || *end || v > max)
                return -EINVAL;
        *ret = v;
        return 0;
}

static int append_unsigned(sd_bus_message *m, char type, const char *text, uint64_t max) {
        uint64_t v = 0;
        int r;

        r = text ? parse_unsigned(text, max, &v) : 0;
        if (r < 0)
                return r;

        /* sd-bus reads a value of the type's own width through the pointer */
        switch (type) {
        case 'y':
                return sd_bus_message_append_basic(m, type, &(uint8_t){ (uint8_t)v });
        case 'q':
                return sd_bus_message_append_basic(m, type, &(uint16_t){ (uint16_t)v });
        case 'u':
                return sd_bus_message_append_basic(m, type, &(uint32_t){ (uint32_t)v });
        case 'b':
                return sd_bus_message_append_basic(m, type, &(int){ v != 0 });
        case 't':
                return sd_bus_message_append_basic(m, type, &v);
        default:
                return -EINVAL;
        }
}

static int append_signed(sd_bus_message *m, char type, const char *text, int64_t min, int64_t max) {
        long long v = 0;
        char *end;

        if (text) {
                errno = 0;
                v = strtoll(text, &end, 10);
                if (errno != 0 || *end || end == text || v < min || v > max)
                        return -EINVAL;
        }
        if (type == 'i')
                return sd_bus_message_append_basic(m, type, &(int32_t){ (int32_t)v });
        return sd_bus_message_append_basic(m, type, &(int64_t){ v });
}

static int append_basic(sd_bus_message *m, char type, const char *text) {
        switch (type) {
        case 's':
                return bus_append_text(m, text);
        case 'b':
                return append_unsigned(m, type, text, 1);
        case 'y':
                return append_unsigned(m, type, text, UINT8_MAX);
        case 'q':
                return append_unsigned(m, type, text, UINT16_MAX);
        case 'u':
                return append_unsigned(m, type, text, UINT32_MAX);
        case 't':
                return append_unsigned(m, type, text, UINT64_MAX);
        case 'i':
                return append_signed(m, type, text, INT32_MIN, INT32_MAX);
        case 'x':
                return append_signed(m, type, text, INT64_MIN, INT64_MAX);
        default:
                return -EINVAL;
        }
}

/* How many characters of signature one complete type takes; 0 = malformed. */
static size_t complete_type_length(const char *signature) {
        size_t n = 0, depth = 0;

        do {
                while (signature[n] == 'a')
                        n++;
                if (signature[n] == '\0' || (signature[n] == ')' && depth == 0))
                        return 0;
                if (signature[n] == '(')
                        depth++;
                else if (signature[n] == ')')
                        depth--;
                n++;
        } while (depth > 0);
        return n;
}

static int walk_type(Walk *w, const char *signature, size_t length);

static int walk_members(Walk *w, const char *signature, size_t length) {
        for (size_t i = 0, n; i < length; i += n) {
                int r;

                n = complete_type_length(signature + i);
                if (n == 0 || n > length - i)
                        return -EINVAL;
                r = walk_type(w, signature + i, n);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* One complete type. The words are walked in order; an array takes all that are left. */
static int walk_type(Walk *w, const char *signature, size_t length) {
        char contents[SIGNATURE_MAX + 1] = "";
        bool array = signature[0] == 'a', structure = signature[0] == '(';
        int r;

        if (!array && !structure)
                return append_basic(w->message, signature[0], walk_next(w));

        length -= array ? 1 : 2; /* without the 'a', or the parentheses */
        signature++;
        if (length == 0 || length > SIGNATURE_MAX)
                return -EINVAL;
        memcpy(contents, signature, length);

        r = sd_bus_message_open_container(w->message, array ? 'a' : 'r', contents);
        if (r < 0)
                return r;
        if (structure)
                r = walk_members(w, contents, length);
        else
                while (r >= 0 && w->values && *w->values)
                        r = walk_type(w, contents, length);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(w->message);
}

int bus_append_exploded(sd_bus_message *m, const char *signature, char *const *values) {
        Walk w = { .message = m, .values = values };
        size_t n = complete_type_length(signature);
        int r;

        if (n == 0 || signature[n] != '\0' || n > SIGNATURE_MAX)
                return -EINVAL;
        r = walk_type(&w, signature, n);
        if (r < 0)
                return r;
        return w.values && *w.values ? -EINVAL : 0;
}

static int read_basic(sd_bus_message *m, char type, char ***words) {
        union {
                const char *s;
                uint8_t y;
                uint16_t q;
                uint32_t u;
                uint64_t t;
                int32_t i;
                int64_t x;
                int b;
        } v = {};
        char *text = NULL;
        int r;

        r = sd_bus_message_read_basic(m, type, &v);
        if (r <= 0)
                return r < 0 ? r : -ENXIO;
        switch (type) {
        case 's':
                return strv_extend(words, v.s);
        case 'b':
                return strv_extend(words, v.b ? "1" : "0");
        case 'y':
                r = str_append(&text, "%u", (unsigned)v.y);
                break;
        case 'q':
                r = str_append(&text, "%u", (unsigned)v.q);
                break;
        case 'u':
                r = str_append(&text, "%u", (unsigned)v.u);
                break;
        case 't':
                r = str_append(&text, "%llu", (unsigned long long)v.t);
                break;
        case 'i':
                r = str_append(&text, "%d", (int)v.i);
                break;
        case 'x':
                r = str_append(&text, "%lld", (long long)v.x);
                break;
        default:
                return -EINVAL;
        }
        return r < 0 ? r : strv_push(words, text);
}

static int read_type(sd_bus_message *m, const char *signature, size_t length, char ***words);

static int read_members(sd_bus_message *m, const char *signature, char ***words) {
        for (size_t i = 0, n; signature[i]; i += n) {
                int r;

                n = complete_type_length(signature + i);
                if (n == 0)
                        return -EINVAL;
                r = read_type(m, signature + i, n, words);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_type(sd_bus_message *m, const char *signature, size_t length, char ***words) {
        char contents[SIGNATURE_MAX + 1] = "";
        bool array = signature[0] == 'a', structure = signature[0] == '(';
        int r;

        if (!array && !structure)
                return read_basic(m, signature[0], words);

        length -= array ? 1 : 2; /* without the 'a', or the parentheses */
        if (length == 0 || length > SIGNATURE_MAX)
                return -EINVAL;
        memcpy(contents, signature + 1, length);
        r = sd_bus_message_enter_container(m, array ? 'a' : 'r', contents);
        if (r <= 0)
                return r < 0 ? r : -ENXIO;
        if (structure)
                r = read_members(m, contents, words);
        else
                while ((r = sd_bus_message_at_end(m, false)) == 0) {
                        r = read_type(m, contents, length, words);
                        if (r < 0)
                                break;
                }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

int bus_read_exploded(sd_bus_message *m, const char *signature, char ***ret) {
        _cleanup_strv_ char **words = NULL;
        size_t n = complete_type_length(signature);
        int r;

        if (n == 0 || signature[n] != '\0' || n > SIGNATURE_MAX)
                return -EINVAL;
        r = read_type(m, signature, n, &words);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(words);
        return 0;
}

/* --- errors */
static ErrorCode errno_to_code(int error) {
        static const struct {
                int error;
                ErrorCode code;
        } rows[] = {
                { ENOMEM, ERROR_NO_MEMORY },  { EMFILE, ERROR_NO_MEMORY },    { ENFILE, ERROR_NO_MEMORY },
                { ENOSPC, ERROR_NO_MEMORY },  { ENOBUFS, ERROR_NO_MEMORY },   { ESRCH, ERROR_NOT_ACTIVE },
                { EBUSY, ERROR_BUSY },        { EINVAL, ERROR_USAGE },        { ENOENT, ERROR_NO_SUCH_UNIT },
                { EACCES, ERROR_ACCESS },     { EPERM, ERROR_ACCESS },        { ETIMEDOUT, ERROR_TIMEOUT },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].error == error)
                        return rows[i].code;
        return ERROR_FAILED;
}

int bus_error_set_diag(sd_bus_error *error, const Diag *diag, int r) {
        _cleanup_free_ char *words = NULL, *text = NULL;
        ErrorCode code = diag && diag->n_errors > 0 ? diag_first_code(diag) : errno_to_code(-r);

        words = diag ? diag_to_string(diag, false) : NULL;
        if (words && *words) {
                if (strlen(words) > ERROR_TEXT_MAX)
                        memcpy(words + ERROR_TEXT_MAX - sizeof("..."), "...", sizeof("..."));
                text = bus_text(words);
        }
        return sd_bus_error_set(error, error_code_bus_name(code), text ? text : strerror(r < 0 ? -r : EIO));
}

int bus_error_set_code(sd_bus_error *error, ErrorCode code, const char *format, ...) {
        _cleanup_free_ char *words = NULL, *text = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&words, format, ap);
        va_end(ap);
        if (n < 0)
                words = NULL;
        else
                text = bus_text(words);
        return sd_bus_error_set(error, error_code_bus_name(code), text ? text : error_code_meaning(code));
}
