/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the value types share among themselves; no other room includes this. */

#include "manager/base/string-list.h"
#include "units/values/text.h"
#include "units/values/types.h"

/* More items than any sane unit has: keeps merging a list linear and a hostile unit cheap. */
#define VALUE_ITEMS_MAX 4096

/* An assignment of nothing: resets. */
static inline bool value_is_reset(const char *text) {
        return !text[strspn(text, WHITESPACE)];
}

/* The whole text as one value, as systemd reads RootDirectory= or Description=: no quotes, specifiers
 * expanded, white space cut. Refuses what could not be written on one line again. */
int value_scalar(const ValueContext *c, const char *text, char **ret);
int value_print_scalar(const char *s, char **ret); /* NULL = "" */
int value_explode_one(const char *s, char ***ret); /* NULL = "" */
int value_explode_u64(uint64_t v, char ***ret);

int value_implode_u64(char *const *words, uint64_t *ret); /* exactly one number */
int value_implode_text(char *const *words, char **ret);  /* exactly one word, which needs no escaping */

/* Calls item() with every word, also after a mistake, so that all are told at once; returns the first
 * failure. An empty text is the caller's business. */
typedef int (*ValueItemFunc)(const ValueContext *c, const char *word, void *field);
int value_each_word(const ValueContext *c, const char *text, ValueItemFunc item, void *field);
/* The same with quotes removed but escapes kept, for words that value_next_colon() splits further. */
int value_each_raw_word(const ValueContext *c, const char *text, ValueItemFunc item, void *field);
int value_next_raw_word(const ValueContext *c, const char **p, char **ret);

/* value_next_colon() and the specifiers of the piece. *ret NULL = no further piece. */
int value_next_piece(const ValueContext *c, const char **p, char **ret);

/* Doubles '%', so that the text survives another expansion. Owned; NULL on lack of memory. */
char *value_escape_specifiers(const char *s);
/* One piece of a colon separated word: nothing in it is special to the word reader, the splitter or
 * specifiers. */
char *value_escape_piece(const char *s);
/* Words to one text: quoted, '%' doubled, joined by a space. Frees words. */
int value_print_words(char **words, char **ret);
/* print() of a type whose explode() gives such words. */
int value_print_exploded(int (*explode)(const void *field, char ***ret), const void *field, char **ret);

/* Makes room for one more item, zeroed, at items[n]. */
int value_grow(const ValueContext *c, void *items, size_t n, size_t item_size);

/* A type whose value is one word of a list: the enum's numbers index words, NULL-terminated; NULL or "" in it stands for
 * a number that nobody can write. Nothing resets to the number reset. */
int value_choice_parse(const ValueContext *c, const char *text, const char *const *words, int reset, int *field);
#define DEFINE_CHOICE_TYPE(type_name, words_, reset_, syntax_)                                                \
        static int type_name##_parse(const ValueContext *c, const char *text, void *field) {                  \
                int v = 0, r = value_choice_parse(c, text, words_, reset_, &v);                                \
                                                                                                               \
                if (r >= 0)                                                                                    \
                        *(value_##type_name *)field = (value_##type_name)v;                                    \
                return r;                                                                                      \
        }                                                                                                      \
        static int type_name##_print(const void *field, char **ret) {                                          \
                return value_print_scalar(words_[*(const value_##type_name *)field], ret);                     \
        }                                                                                                      \
        static int type_name##_explode(const void *field, char ***ret) {                                       \
                return value_explode_one(words_[*(const value_##type_name *)field], ret);                      \
        }                                                                                                      \
        const ValueType value_type_##type_name = {                                                             \
                .name = #type_name,                                                                            \
                .syntax = syntax_,                                                                             \
                .signature = "s",                                                                              \
                .size = sizeof(value_##type_name),                                                             \
                .parse = type_name##_parse,                                                                    \
                .print = type_name##_print,                                                                    \
                .explode = type_name##_explode,                                                                \
                .words = words_,                                                                               \
        }

/* An absolute path without "..", control characters, or undue length. Reports. */
int value_check_path(const ValueContext *c, const char *path, char **ret);
/* The same for a path that is (the end of) a value_scalar(): it must stay what it is when written and read again. */
int value_check_scalar_path(const ValueContext *c, const char *path, char **ret);

int value_parse_bool_word(const char *s, bool *ret); /* no report */
int value_parse_size(const char *s, uint64_t *ret);  /* "1.5G", base 1024; no report */
/* systemd.time(7); a number without a unit counts bare microseconds. -EINVAL, -ERANGE; no report. */
int value_parse_time(const char *s, uint64_t bare, uint64_t *ret);
int value_parse_permyriad(const char *s, uint32_t *ret,
                          uint32_t max); /* "12.5%"; -EINVAL where no percentage */
char *value_size_to_string(uint64_t bytes);
char *value_permyriad_to_string(uint64_t permyriad);
bool value_user_valid(const ValueContext *c, const char *user);
int syscall_error_parse(const char *word, int *ret); /* name, number, kill; -EINVAL, -ERANGE */
char *syscall_error_to_string(int error);
