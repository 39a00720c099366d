/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One pipe that carries a container's output, and where it goes. The manager's end and a copy held by the
 * keeper are the only readers. Nothing is buffered here: bytes are looked at with tee(2), written, and only
 * then taken out of the pipe. So a manager that is killed loses nothing; at worst the last lines are written
 * twice. Memory per container is this struct; the one buffer belongs to the Manager.
 *
 * Sinks: the manager's own log (lines of log-file.h), a file as the unit asks, or the journal. A payload never holds the
 * journal's socket itself: what many programs do, opening /dev/stdout, works for a pipe and for no socket. While journald is
 * busy the bytes stay in the pipe. What cannot be written (no space) is dropped and counted, and the count is logged when writing works again: a
 * full disk must not block the payload. */

#include <systemd/sd-event.h>

#include "manager/base/util.h"
#include "manager/host/streams/log-file.h"

#define LOG_STREAMS_MAX 2
#define LOG_LINE_MAX (16U << 10) /* longer lines are cut into pieces of this size */

typedef enum LogSink {
        LOG_SINK_LINES, /* STATE/logs/NAME/log */
        LOG_SINK_FILE,  /* raw bytes into file: append: truncate: */
        LOG_SINK_JOURNAL, /* raw bytes into a stream of journald's, which makes lines of them */
        _LOG_SINK_MAX,
} LogSink;

typedef struct LogScratch LogScratch; /* the Manager's buffer, and the pipe that tee(2) copies into */
int log_scratch_new(LogScratch **ret);
LogScratch *log_scratch_free(LogScratch *s);

typedef struct LogStream LogStream;

/* Takes pipe_fd; and file_fd (LOG_SINK_FILE, LOG_SINK_JOURNAL). name is borrowed: the journal's identifier, when its
 * connection is lost and made anew. log is borrowed by LOG_SINK_LINES, shared by a container's
 * streams. */
int log_stream_new(sd_event *event, LogScratch *scratch, int pipe_fd, LogSink sink, LogOrigin origin,
                   LogFile *log, int file_fd, const char *name, LogStream **ret);

/* A stream of journald's under this identifier. -ENOENT, -ECONNREFUSED where it does not run. */
int journal_open(const char *name, int *ret_fd);
/* Closes without reading on. */
LogStream *log_stream_free(LogStream *s);
DEFINE_CLEANUP(LogStream, log_stream_free)
/* Reads what the pipe holds now, to the last byte. */
void log_stream_drain(LogStream *s);

/* One more writer's end of the pipe, for a command beside the payload or after it; what it writes is read again. */
int log_stream_open_writer(LogStream *s, int *ret);

int log_stream_pipe(const LogStream *s);
LogSink log_stream_sink(const LogStream *s);
LogOrigin log_stream_origin(const LogStream *s);
int log_stream_file(const LogStream *s); /* -EBADF for LOG_SINK_LINES */
LogFile *log_stream_log(const LogStream *s);
