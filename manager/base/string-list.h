/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A string list: NULL-terminated array of owned strings; NULL is the empty list. */

#include "manager/base/util.h"

char **strv_free(char **l);
static inline void strv_freep(char ***l) {
        *l = strv_free(*l);
}
#define _cleanup_strv_ _cleanup_(strv_freep)

size_t strv_length(char *const *l);
bool strv_contains(char *const *l, const char *s);
bool strv_equal(char *const *a, char *const *b);

int strv_push(char ***l, char *s);            /* takes s, also on failure; -ENOMEM */
int strv_extend(char ***l, const char *s);    /* copies s */
char **strv_copy(char *const *l);             /* NULL for the empty list or lack of memory */
int strv_split(const char *s, char separator, char ***ret); /* empty pieces are left out */
char *strv_join(char *const *l, const char *separator); /* never NULL but for lack of memory */

/* Appends formatted text to *s (NULL counts as empty). -ENOMEM leaves *s as it was. */
int str_append(char **s, const char *format, ...) _printf_(2, 3);
