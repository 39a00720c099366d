/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The caller's terminal while a payload has one of its own: raw, and put back on every way out. */

#include <termios.h>

#include "manager/base/util.h"

typedef struct Terminal {
        int fd; /* borrowed; -EBADF = none */
        bool raw;
        struct termios saved;
} Terminal;

int terminal_enter(Terminal *t, int fd); /* 0 also where fd is no terminal: then nothing is done, ever */
int terminal_resume(Terminal *t);        /* raw again, after terminal_leave() */
void terminal_leave(Terminal *t);
/* Rows and columns of fd; -ENOTTY. */
int terminal_size(int fd, unsigned *ret_rows, unsigned *ret_columns);
int terminal_set_size(int fd, unsigned rows, unsigned columns);

/* May this TERM be passed to a payload? */
bool term_is_safe(const char *term);

/* ^] three times within a second. */
#define ESCAPE_CHARACTER 0x1d
#define ESCAPE_COUNT 3
#define ESCAPE_USEC USEC_PER_SEC
typedef struct EscapeWatch {
        unsigned n;
        uint64_t first_usec;
} EscapeWatch;
bool escape_watch(EscapeWatch *w, const char *data, size_t size, uint64_t now_usec);
