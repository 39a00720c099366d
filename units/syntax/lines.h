/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* systemd.syntax(7), the part below directives: from bytes to sections and assignments. Pure. */

#include "manager/base/diag.h"

enum {
        LONG_LINE_MAX = 64 * 1024, /* of one line after its continuations were joined */
        UNIT_MISTAKES_MAX = 100, /* then reading stops: nobody reads more, and a hostile file stays cheap */
};

typedef struct LineHandler {
        /* Each returns < 0 for a mistake that it has reported; reading goes on. name and value are only
         * lent. */
        int (*section)(void *userdata, const Origin *origin, const char *name);
        int (*assignment)(void *userdata, const Origin *origin, const char *key, const char *value);
        /* A line, or the rest of the file, could not be understood and was reported: whatever seems to be
         * missing may have been meant there. */
        void (*lost)(void *userdata);
        void *userdata;
} LineHandler;

/* file is shown in origins and must outlive what the handler keeps. Returns the first mistake, after all of
 * them were reported. */
int lines_read(const char *file, const char *text, size_t size, Diag *diag, const LineHandler *handler);
