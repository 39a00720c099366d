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

/* Where a line came from. The numbers are those that running keepers hold: of versions in which standard error had a
 * priority of its own. */
typedef enum LogOrigin {
        LOG_ORIGIN_MANAGER = 0, /* about the container, not from it */
        LOG_ORIGIN_ERRORS = 3,
        LOG_ORIGIN_OUTPUT = 6,
} LogOrigin;

/* One line as it stands in the log: "USEC PRIORITY[ORIGIN] TEXT\n", where ORIGIN is "e" for standard error, "b" for the
 * manager, and nothing for standard output; NUL bytes become spaces. Returns its size; buffer must have size +
 * LOG_LINE_HEAD bytes. */
#define LOG_LINE_HEAD 32
size_t log_line_format(uint64_t usec, int priority, LogOrigin origin, const char *text, size_t size, char *buffer);

/* What a payload writes is LOG_INFO on both streams, as with systemd, but where a line says otherwise itself: "<3>text".
 * Returns how many bytes the prefix takes, 0 where there is none. */
size_t log_line_priority(const char *text, size_t size, int *ret_priority);

/* How much of data is finished: the size of the first line with its newline, or of a piece of an over-long
 * line. *ret_text is its size without the newline. 0 = more must come (unless at_end). */
size_t log_line_cut(const char *data, size_t size, bool at_end, size_t *ret_text);
