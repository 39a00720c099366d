/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a value type is. A row of the directive table names one; its field in ContainerSpec has the C type
 * value_NAME (units/values/types.h), its behaviour is the constant value_type_NAME. One type, one file.
 *
 * parse() reads ONE assignment's right-hand side into *field:
 *   - scalars are replaced; lists are appended to; an empty text resets to the type's empty value;
 *   - specifiers are expanded through value_expand(), word by word, never before quotes were read;
 *   - a mistake is reported through value_error() (what is wrong, what would be right) and returns < 0.
 * print() gives canonical text: parse(print(x)) == x for every x. A list prints as one text that one assignment
 * can hold; "" is the empty value. */

#include "manager/base/diag.h"
#include "manager/base/util.h"

typedef struct ValueContext {
        Diag *diag;
        Origin origin;         /* of this assignment; its file name outlives the parsed value */
        const char *directive; /* without '=' */
        /* Expands %-specifiers of one word; NULL = no expansion, only "%%" still means '%' (print() writes it so).
         * Reports its own errors. */
        int (*expand)(const struct ValueContext *c, const char *word, char **ret);
        /* Asked for a path that was expanded: -EINVAL, reported, where a specifier does not stand for what it seems to in one. May
         * be NULL. */
        int (*check_path)(const struct ValueContext *c);
        const void *userdata; /* for both */
} ValueContext;

typedef struct ValueType {
        const char *name;      /* token of the table: "time_span" */
        const char *syntax;    /* for the manual: "a time span such as 5s, 2min or infinity" */
        const char *signature; /* D-Bus type: "s", "as", "b", "t", "i", "a(ss)" ... */
        size_t size;           /* of the field */
        bool list;             /* assignments append */
        int (*parse)(const ValueContext *c, const char *text, void *field);
        int (*print)(const void *field, char **ret);
        /* D-Bus value as data the bus room can walk without knowing the type: for "s" one string, for "as" one a
         * word, for "b"/"t"/"i" a decimal, for "a(ss)" two strings an element. Owned list, may be NULL (empty). */
        int (*explode)(const void *field, char ***ret);
        /* explode() backwards: the text of one assignment that means such words. -EINVAL where none does. NULL = as the
         * signature says: words are quoted and joined, a number is itself. Callers use value_implode(). */
        int (*implode)(char *const *words, char **ret);
        void (*done)(void *field); /* empties it; NULL where nothing is owned */
        const char *const *words;  /* completion words, NULL-terminated; may be NULL */
} ValueType;

int value_error(const ValueContext *c, const char *format, ...) _printf_(2, 3); /* ERROR_BAD_VALUE */
int value_expand(const ValueContext *c, const char *word, char **ret);

/* systemd.syntax(7) quoting: the next word of *p ('..', "..", C escapes), or *ret = NULL at the end. Reports
 * unbalanced quotes and unknown escapes itself. Not specifier-expanded. */
int value_next_word(const ValueContext *c, const char **p, char **ret);
/* The same, but splitting at ':' inside one word as systemd does for BindPaths= ("\:" is a literal colon).
 * *p becomes NULL after the last piece. */
int value_next_colon(const ValueContext *c, const char **p, char **ret);
/* Quotes a word so that value_next_word() reads it back. Owned. */
char *value_quote(const char *word);

/* The text that type->parse() reads as what type->explode() had handed out. -EINVAL where there is none. */
int value_implode(const ValueType *type, char *const *words, char **ret);

/* All types, for tests, manual and completion. */
extern const ValueType *const value_types[];
size_t value_types_count(void);
const ValueType *value_type_find(const char *name);
