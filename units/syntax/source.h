/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One file of a unit, as bytes. Whatever stands in its place - a FIFO, a directory, a device, a loop of
 * links - is refused with the reason, and never waited for. */

#include "manager/base/diag.h"

enum { UNIT_FILE_SIZE_MAX = 1024 * 1024 };

typedef struct UnitSource {
        char *text; /* NUL-terminated beyond size; NULL where masked */
        size_t size;
        bool masked; /* a link to /dev/null, or an empty file */
} UnitSource;

void unit_source_done(UnitSource *s);

typedef enum SourceFlags {
        SOURCE_TRUSTED = 1 << 0, /* found, not named by the user: owner and mode must keep others out */
} SourceFlags;

/* Opens path, following links that only root could have made, to files that have the same ending; shown is the path for messages.
 * -ENOENT without words where there is nothing at all; every other failure is reported. */
int unit_source_read(const char *path, const char *shown, SourceFlags flags, Diag *diag, UnitSource *ret);
