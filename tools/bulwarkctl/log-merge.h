/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The logs of several containers as one, in the order of time. Holds no more than a block of each log, and the last lines
 * where only so many are wanted and they must be looked for. */

#include "tools/bulwarkctl/log-select.h"

typedef struct LogMerge LogMerge;
typedef void (*log_line_handler)(const char *name, const LogEntry *e, void *userdata);

/* selection is borrowed. */
int log_merge_new(const LogSelection *selection, log_line_handler handler, void *userdata, LogMerge **ret);
LogMerge *log_merge_free(LogMerge *m);
DEFINE_CLEANUP(LogMerge, log_merge_free)

int log_merge_add(LogMerge *m, const char *name, const char *directory);

/* Hands out the last lines of all, oldest first; SIZE_MAX = all. A log that does not exist has no line.
 * *ret_failed: the directory of the log that cannot be read, borrowed; on failure only. */
int log_merge_tail(LogMerge *m, size_t lines, const char **ret_failed);

/* After log_merge_tail(): goes on handing out what comes, until standard output has no reader: -EPIPE. */
int log_merge_follow(LogMerge *m, const char **ret_failed);
