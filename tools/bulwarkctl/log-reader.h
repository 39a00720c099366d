/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A container's log as the manager writes it without journald: a directory with the newest file "log",
 * rotated ones "log.1" (younger) to "log.N" (older); a line is "REALTIME_USEC PRIORITY[ORIGIN] TEXT\n". The manager
 * may append and rotate while we read: a file, once open, is read to its end and then succeeded by the next
 * younger one, found by inode. */

#include "manager/base/util.h"

typedef struct LogEntry {
        uint64_t realtime_usec;
        unsigned priority;
        char origin; /* 'o' standard output, 'e' standard error, 'b' the manager */
        const char *text; /* borrowed, not terminated */
        size_t size;
} LogEntry;

typedef void (*log_entry_handler)(const LogEntry *e, void *userdata);

typedef struct LogReader LogReader;

/* Opens the directory; -ENOENT while nothing was ever logged. */
int log_reader_open(const char *directory, log_entry_handler handler, void *userdata, LogReader **ret);
LogReader *log_reader_free(LogReader *l);
DEFINE_CLEANUP(LogReader, log_reader_free)

/* Hands out the last lines, oldest first; SIZE_MAX = all. The same in pieces of at most a block each: begin, then step for
 * as long as there is more. */
int log_reader_tail(LogReader *l, size_t lines);
int log_reader_begin(LogReader *l, size_t lines);
int log_reader_step(LogReader *l, bool *ret_more);
/* Hands out what has come since. */
int log_reader_catch_up(LogReader *l);

/* A line without its newline. False where it is not of the format. */
bool log_entry_parse(const char *line, size_t size, LogEntry *ret);
