/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What standard output can show, found out once: colours, UTF-8, width; and the pager behind it. */

#include "manager/base/util.h"

typedef enum Color {
        COLOR_NONE,
        COLOR_RED,
        COLOR_GREEN,
        COLOR_YELLOW,
        COLOR_BOLD,
        COLOR_UNDERLINE,
        COLOR_DIM,
        _COLOR_MAX,
} Color;

typedef enum Glyph {
        GLYPH_DOT,
        GLYPH_CIRCLE,
        GLYPH_CROSS,
        GLYPH_BRANCH,
        GLYPH_LAST,
        GLYPH_BAR,
        GLYPH_ELLIPSIS,
        _GLYPH_MAX,
} Glyph;

typedef struct Ui {
        bool terminal; /* standard output was one when we began; stays true behind a pager */
        bool colors;
        bool utf8;
        size_t width; /* columns to fit into; SIZE_MAX where not a terminal */
        pid_t pager;  /* 0 = none */
} Ui;

void ui_init(Ui *ui);
const char *ui_color(const Ui *ui, Color c); /* escape sequence, or "" */
const char *ui_reset(const Ui *ui);
const char *ui_glyph(const Ui *ui, Glyph g);

/* Pipes standard output into $PAGER, else less -FRSX, else more, where it is a terminal. Never fails:
 * without a pager the text goes straight to the terminal. */
void ui_pager_open(Ui *ui, bool wanted);
void ui_pager_close(Ui *ui); /* flushes, waits for the pager */

/* "Error: ..." on standard error: the context, then the message's lines, control characters escaped. Several
 * lines stand below the context, each by itself. Either may be NULL. */
void error_print(const char *context, const char *message);
void error_printf(const char *format, ...) _printf_(1, 2);
