/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "tools/bulwarkctl/escape.h"

size_t utf8_decode(const char *s, size_t size, uint32_t *ret) {
        static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
        const uint8_t *p = (const uint8_t *)s;
        uint32_t c;
        size_t n;

        if (size == 0)
                return 0;
        if (p[0] < 0x80) {
                *ret = p[0];
                return 1;
        }
        n = (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : (p[0] & 0xf8) == 0xf0 ? 4 : 0;
        if (n == 0 || n > size)
                return 0;
        c = p[0] & (0x7fU >> n);
        for (size_t i = 1; i < n; i++) {
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (p[i] & 0x3f);
        }
        if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                return 0;
        *ret = c;
        return n;
}

typedef struct Range {
        uint32_t first, last;
} Range;

/* Controls, and characters that reorder or hide text around them. */
static const Range unsafe_ranges[] = {
        { 0x00, 0x08},     {0x0a, 0x1f},     {0x7f, 0x9f},     {0x061c, 0x061c}, {0x200b, 0x200f },
        { 0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff },
};
static const Range wide_ranges[] = {
        { 0x1100, 0x115f },   { 0x231a, 0x231b },   { 0x2329, 0x232a },   { 0x23e9, 0x23ec },
        { 0x2e80, 0x303e },   { 0x3041, 0xa4cf },   { 0xa960, 0xa97c },   { 0xac00, 0xd7a3 },
        { 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },   { 0xffe0, 0xffe6 },
        { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
};
static const Range zero_ranges[] = {
        { 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x0610, 0x061a }, { 0x064b, 0x065f },
        { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
};

static bool in_ranges(const Range *ranges, size_t n, uint32_t c) {
        for (size_t i = 0; i < n; i++)
                if (c >= ranges[i].first && c <= ranges[i].last)
                        return true;
        return false;
}

static size_t char_width(uint32_t c) {
        if (c < 0x300)
                return 1;
        if (in_ranges(zero_ranges, ELEMENTSOF(zero_ranges), c))
                return 0;
        return in_ranges(wide_ranges, ELEMENTSOF(wide_ranges), c) ? 2 : 1;
}

char *escape_bytes(const char *data, size_t size, EscapeFlags flags) {
        size_t longest = 10; /* "\UHHHHHHHH" for one byte is never written, but four bytes may become it */
        char *out, *q;

        if (size > (SIZE_MAX - 1) / longest)
                return NULL;
        out = q = malloc(size * longest + 1);
        if (!out)
                return NULL;
        for (size_t i = 0; i < size;) {
                uint32_t c = 0;
                size_t n = utf8_decode(data + i, size - i, &c);

                if (n == 0) {
                        q += sprintf(q, "\\x%02x", (unsigned char)data[i]);
                        i++;
                        continue;
                }
                if (c == '\n' && FLAGS_SET(flags, ESCAPE_LINES))
                        *q++ = '\n';
                else if (!in_ranges(unsafe_ranges, ELEMENTSOF(unsafe_ranges), c) &&
                         (c < 0x80 || !FLAGS_SET(flags, ESCAPE_ASCII)))
                        q = mempcpy(q, data + i, n);
                else if (c == '\n')
                        q = mempcpy(q, "\\n", 2);
                else if (c == '\r')
                        q = mempcpy(q, "\\r", 2);
                else
                        q += sprintf(q, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
                i += n;
        }
        *q = 0;
        return out;
}

char *escape_text(const char *text, EscapeFlags flags) {
        return escape_bytes(text, strlen(text), flags);
}

size_t text_width(const char *text) {
        size_t width = 0, size = strlen(text);

        for (size_t i = 0; i < size;) {
                uint32_t c = 0;
                size_t n = utf8_decode(text + i, size - i, &c);

                width += n == 0 ? 1 : char_width(c);
                i += n == 0 ? 1 : n;
        }
        return width;
}

size_t text_fit(const char *text, size_t width) {
        size_t i = 0, used = 0, size = strlen(text);

        while (i < size) {
                uint32_t c = 0;
                size_t n = utf8_decode(text + i, size - i, &c);
                size_t w = n == 0 ? 1 : char_width(c);

                if (used + w > width)
                        break;
                used += w;
                i += n == 0 ? 1 : n;
        }
        return i;
}

char *utf8_repair(const char *data, size_t size) {
        char *out, *q;

        if (size > (SIZE_MAX - 1) / 3)
                return NULL;
        out = q = malloc(3 * size + 1);
        if (!out)
                return NULL;
        for (size_t i = 0; i < size;) {
                uint32_t c = 0;
                size_t n = utf8_decode(data + i, size - i, &c);

                if (n == 0 || c == 0)
                        q = mempcpy(q, "\xef\xbf\xbd", 3);
                else
                        q = mempcpy(q, data + i, n);
                i += n == 0 ? 1 : n;
        }
        *q = 0;
        return out;
}

char *escape_json(const char *json) {
        size_t size = strlen(json);
        char *out, *q;

        if (size > (SIZE_MAX - 1) / 6)
                return NULL;
        out = q = malloc(6 * size + 1);
        if (!out)
                return NULL;
        for (size_t i = 0; i < size;) {
                uint32_t c = 0;
                size_t n = utf8_decode(json + i, size - i, &c);

                if (n == 0) {
                        q = mempcpy(q, "\xef\xbf\xbd", 3);
                        i++;
                        continue;
                }
                if (c < 0x7f || !in_ranges(unsafe_ranges, ELEMENTSOF(unsafe_ranges), c))
                        q = mempcpy(q, json + i, n);
                else if (c < 0x10000)
                        q += sprintf(q, "\\u%04x", c);
                else
                        q += sprintf(q, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                                     0xdc00 + (c & 0x3ff));
                i += n;
        }
        *q = 0;
        return out;
}
