/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Foreign text made fit for a terminal. What a container wrote must not move the cursor, set titles or
 * answer terminal queries: C0 (but tab), DEL, C1 (also in UTF-8), line and direction controls and broken
 * UTF-8 become \xHH or \uHHHH. */

#include "manager/base/util.h"

typedef enum EscapeFlags {
        ESCAPE_LINES = 1 << 0, /* let newlines stand */
        ESCAPE_ASCII = 1 << 1, /* the terminal knows no UTF-8: escape everything beyond ASCII too */
} EscapeFlags;

char *escape_text(const char *text, EscapeFlags flags); /* owned; NULL on lack of memory */
char *escape_bytes(const char *data, size_t size, EscapeFlags flags);

/* One code point of well-formed UTF-8 at s: its length in bytes, or 0 where s is not well-formed. */
size_t utf8_decode(const char *s, size_t size, uint32_t *ret);
/* Columns that an escaped text takes. */
size_t text_width(const char *text);
/* The length in bytes of the longest start of text that takes at most width columns. */
size_t text_fit(const char *text, size_t width);
/* Broken bytes replaced by U+FFFD, so that JSON can carry it. */
char *utf8_repair(const char *data, size_t size);
/* JSON text with the characters that are unsafe on a terminal written as \uHHHH: still the same JSON. */
char *escape_json(const char *json);
