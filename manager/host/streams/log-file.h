/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The log of one container on disk: STATE/logs/NAME/log, append only, 0600, rotated by renaming when it has
 * grown to the cap. Reference counted: stdout and stderr share one. */

#include "manager/base/util.h"

#define LOG_FILE_MAX (UINT64_C(8) << 20)
#define LOG_FILES_KEPT 4 /* log.1 ... log.4 */

typedef struct LogFile LogFile;

/* logs_fd: STATE/logs. The directory NAME below is made; a link in its place is refused. */
int log_file_open(int logs_fd, const char *name, uint64_t max_size, LogFile **ret);
LogFile *log_file_ref(LogFile *l);
LogFile *log_file_unref(LogFile *l);
DEFINE_CLEANUP(LogFile, log_file_unref)

/* Appends whole lines; rotates before, where they would not fit. On failure nothing half is left behind
 * where the file system allows it. */
int log_file_append(LogFile *l, const void *data, size_t size);

/* One line as it stands in the log: "USEC PRIORITY TEXT\n"; NUL bytes become spaces. Returns its size;
 * buffer must have size + LOG_LINE_HEAD bytes. */
#define LOG_LINE_HEAD 32
size_t log_line_format(uint64_t usec, int priority, const char *text, size_t size, char *buffer);

/* How much of data is finished: the size of the first line with its newline, or of a piece of an over-long
 * line. *ret_text is its size without the newline. 0 = more must come (unless at_end). */
size_t log_line_cut(const char *data, size_t size, bool at_end, size_t *ret_text);
