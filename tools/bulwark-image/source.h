/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where an image comes from: a directory of blobs, or an archive of one, whose files are put into a directory of numbers first. A
 * name is looked up among what the archive has; none becomes a path of the host. */

#include "manager/base/diag.h"

typedef struct SourceFile {
        char *name;
        char *target; /* of a link, as a name; NULL = a file */
        unsigned number;
} SourceFile;
typedef struct Source {
        int dir_fd;
        SourceFile *files;
        size_t n_files;
        bool spooled;
} Source;
#define SOURCE_INIT { .dir_fd = -EBADF }
void source_done(Source *s);

/* Takes dir_fd. */
void source_from_directory(int dir_fd, Source *ret);
/* Reads the archive to its end into spool_fd, which is taken. */
int source_from_archive(int fd, int spool_fd, Diag *diag, Source *ret);

int source_open(const Source *s, const char *name, Diag *diag, int *ret_fd);
int source_read(const Source *s, const char *name, size_t max, Diag *diag, char **ret, size_t *ret_size);
