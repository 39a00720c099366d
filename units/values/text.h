/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Plain text helpers of the language rooms: UTF-8, control characters, the nearest word. Pure. */

#include "manager/base/util.h"

#define WHITESPACE " \t\n\r"

bool utf8_valid(const char *s, size_t size); /* well-formed, no surrogates, no NUL */
/* C0, DEL and the C1 range in its UTF-8 form: what could steer a terminal or split a line. */
bool text_has_control(const char *s);
/* A copy fit for a message: control characters replaced, not longer than about max bytes, still valid UTF-8.
 * NULL on lack of memory. */
char *text_shorten(const char *s, size_t max);
/* Cuts white space at both ends, in place; returns where the text now begins. */
char *text_strip(char *s);

/* The candidate nearest to word, upper and lower case being equal, or NULL where none is near enough to be
 * what was meant. The list is NULL-terminated. */
const char *text_nearest(const char *word, const char *const *candidates);
/* 0 = equal but for case; larger is farther; stops counting above limit. For lists that are no array. */
unsigned text_distance(const char *a, const char *b, unsigned limit);
unsigned text_distance_limit(const char *word); /* how far a typo may be away */

/* Strict: the whole of s is a decimal number without sign, space or leading zero; -EINVAL, -ERANGE. */
int parse_u64(const char *s, uint64_t *ret);
