/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A directory of exported files. MANIFEST, as sha256sum(1) writes it, says what was exported there: what still is as we
 * left it may be replaced, anything else is somebody's work and stays. */

#include "manager/base/util.h"

typedef struct ExportFile {
        char *name;
        char *data;
        size_t size;
} ExportFile;
typedef struct ExportFiles {
        ExportFile *items;
        size_t n;
} ExportFiles;
void export_files_done(ExportFiles *f);
int export_files_take(ExportFiles *f, char *name, char *data, size_t size); /* takes both, also on failure */

/* All or, where one must not be replaced, none. Says on standard error what is wrong. */
int export_files_write(const ExportFiles *f, const char *directory, bool force);
