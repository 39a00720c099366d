/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>

#include "manager/base/string-list.h"

char **strv_free(char **l) {
        for (char **i = l; i && *i; i++)
                free(*i);
        free(l);
        return NULL;
}

size_t strv_length(char *const *l) {
        size_t n = 0;

        while (l && l[n])
                n++;
        return n;
}

bool strv_contains(char *const *l, const char *s) {
        for (; l && *l; l++)
                if (streq(*l, s))
                        return true;
        return false;
}

bool strv_equal(char *const *a, char *const *b) {
        size_t n = strv_length(a);

        if (n != strv_length(b))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!streq(a[i], b[i]))
                        return false;
        return true;
}

int strv_push(char ***l, char *s) {
        size_t n = strv_length(*l);
        char **grown;

        if (!s)
                return -ENOMEM;
        grown = reallocarray(*l, n + 2, sizeof(char *));
        if (!grown) {
                free(s);
                return -ENOMEM;
        }
        grown[n] = s;
        grown[n + 1] = NULL;
        *l = grown;
        return 0;
}

int strv_extend(char ***l, const char *s) {
        return strv_push(l, strdup(s));
}

char **strv_copy(char *const *l) {
        _cleanup_strv_ char **copy = NULL;

        for (; l && *l; l++)
                if (strv_extend(&copy, *l) < 0)
                        return NULL;
        return TAKE_PTR(copy);
}

char *strv_join(char *const *l, const char *separator) {
        size_t size = 1, k = strlen(separator);
        char *joined, *p;

        for (char *const *i = l; i && *i; i++)
                size += strlen(*i) + k;
        joined = p = malloc(size);
        if (!joined)
                return NULL;
        for (char *const *i = l; i && *i; i++) {
                if (i != l)
                        p = mempcpy(p, separator, k);
                p = mempcpy(p, *i, strlen(*i));
        }
        *p = 0;
        return joined;
}

int str_append(char **s, const char *format, ...) {
        _cleanup_free_ char *tail = NULL;
        size_t n = *s ? strlen(*s) : 0, k;
        char *grown;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&tail, format, ap);
        va_end(ap);
        if (r < 0) {
                tail = NULL;
                return -ENOMEM;
        }
        k = (size_t)r;
        grown = realloc(*s, n + k + 1);
        if (!grown)
                return -ENOMEM;
        memcpy(grown + n, tail, k + 1);
        *s = grown;
        return 0;
}

int strv_split(const char *s, char separator, char ***ret) {
        const char set[] = { separator, 0 };
        _cleanup_strv_ char **l = NULL;

        while (*s) {
                size_t n = strcspn(s, set);
                int r = n > 0 ? strv_push(&l, strndup(s, n)) : 0;

                if (r < 0)
                        return r;
                s += n + (s[n] != 0);
        }
        *ret = TAKE_PTR(l);
        return 0;
}
