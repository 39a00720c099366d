/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>

#include "units/values/text.h"

/* The length of the well-formed sequence at s, 0 where it is none. */
static size_t utf8_sequence(const unsigned char *s, size_t left) {
        static const struct {
                unsigned char mask, lead;
                uint32_t least;
        } forms[] = {
                {0x80, 0x00, 0x1},
                {0xe0, 0xc0, 0x80},
                {0xf0, 0xe0, 0x800},
                {0xf8, 0xf0, 0x10000},
        };

        for (size_t k = 0; k < ELEMENTSOF(forms); k++) {
                uint32_t code;

                if ((s[0] & forms[k].mask) != forms[k].lead)
                        continue;
                if (left < k + 1)
                        return 0;
                code = s[0] & (unsigned char)~forms[k].mask;
                for (size_t i = 1; i <= k; i++) {
                        if ((s[i] & 0xc0) != 0x80)
                                return 0;
                        code = code << 6 | (s[i] & 0x3f);
                }
                if (code < forms[k].least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
                        return 0;
                return k + 1;
        }
        return 0;
}

bool utf8_valid(const char *s, size_t size) {
        while (size > 0) {
                size_t k = utf8_sequence((const unsigned char *)s, size);

                if (k == 0)
                        return false;
                s += k;
                size -= k;
        }
        return true;
}

bool text_has_control(const char *s) {
        for (const unsigned char *p = (const unsigned char *)s; *p; p++)
                if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f))
                        return true;
        return false;
}

char *text_shorten(const char *s, size_t max) {
        size_t n = strnlen(s, max + 1);
        bool cut = n > max;
        char *copy;

        if (cut) {
                n = max;
                while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
                        n--;
        }
        copy = malloc(n + sizeof("..."));
        if (!copy)
                return NULL;
        memcpy(copy, s, n);
        copy[n] = 0;
        for (unsigned char *p = (unsigned char *)copy; *p; p++) {
                if (*p < 0x20 || *p == 0x7f)
                        *p = '?';
                if (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
                        p[0] = p[1] = '?';
        }
        if (cut)
                strcpy(copy + n, "...");
        return copy;
}

char *text_strip(char *s) {
        size_t n;

        s += strspn(s, WHITESPACE);
        n = strlen(s);
        while (n > 0 && strchr(WHITESPACE, s[n - 1]))
                n--;
        s[n] = 0;
        return s;
}

static bool letter_equal(char a, char b) {
        return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Edit distance with swapped neighbours counted as one; three rows are enough. */
unsigned text_distance(const char *a, const char *b, unsigned limit) {
        enum { LONGEST = 64 };
        unsigned rows[3][LONGEST + 1];
        unsigned *before = rows[0], *last = rows[1], *now = rows[2];
        size_t n = strlen(a), m = strlen(b);

        if (n > LONGEST || m > LONGEST || (n > m ? n - m : m - n) > limit)
                return limit + 1;

        for (size_t j = 0; j <= m; j++)
                last[j] = (unsigned)j;
        for (size_t i = 1; i <= n; i++) {
                unsigned *reused = before;

                now[0] = (unsigned)i;
                for (size_t j = 1; j <= m; j++) {
                        unsigned d = last[j - 1] + !letter_equal(a[i - 1], b[j - 1]);

                        d = MIN_OF(d, MIN_OF(last[j], now[j - 1]) + 1);
                        if (i > 1 && j > 1 && letter_equal(a[i - 1], b[j - 2]) &&
                            letter_equal(a[i - 2], b[j - 1]))
                                d = MIN_OF(d, before[j - 2] + 1);
                        now[j] = d;
                }
                before = last;
                last = now;
                now = reused;
        }
        return MIN_OF(last[m], limit + 1);
}

unsigned text_distance_limit(const char *word) {
        size_t n = strlen(word);

        return n < 3 ? 1 : n < 6 ? 2 : 3;
}

const char *text_nearest(const char *word, const char *const *candidates) {
        unsigned limit = text_distance_limit(word), best = limit + 1;
        const char *nearest = NULL;

        for (; candidates && *candidates; candidates++) {
                unsigned d = text_distance(word, *candidates, limit);

                if (d < best) {
                        best = d;
                        nearest = *candidates;
                }
        }
        return nearest;
}

int parse_u64(const char *s, uint64_t *ret) {
        uint64_t value = 0;

        if (!*s || (s[0] == '0' && s[1]))
                return -EINVAL;
        for (; *s; s++) {
                if (*s < '0' || *s > '9')
                        return -EINVAL;
                if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
                    __builtin_add_overflow(value, (uint64_t)(*s - '0'), &value))
                        return -ERANGE;
        }
        *ret = value;
        return 0;
}
