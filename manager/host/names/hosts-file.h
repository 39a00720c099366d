/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A hosts file that containers read while it changes. It is mounted, so that it can never be replaced; each change is one that a
 * reader sees whole or not at all. A line that goes gets '#' for its first byte; one that comes takes the place of such a line, or
 * stands at the end. What stands before HOSTS_FILE_MARK is never touched. */

#include "manager/base/util.h"

#define HOSTS_FILE_MARK "# Containers of the same network, as they come and go:\n"
#define HOSTS_FILE_MAX (4U << 20)

typedef struct HostsFile {
        int fd; /* not owned */
        uint64_t size, dead; /* bytes; dead: of lines that are free, as far as is known */
} HostsFile;

/* A line is "ADDRESS NAME ...", without its end. One that is there twice is there twice. -EFBIG: there are too many. */
int hosts_file_add(HostsFile *f, const char *line);
/* -ENOENT: there is none. */
int hosts_file_remove(HostsFile *f, const char *line);
/* From now on exactly these, which are sorted by strcmp(). Sets size and dead, whatever they were. */
int hosts_file_settle(HostsFile *f, char *const *lines, size_t n);
