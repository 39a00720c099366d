/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What carries a container's words, and where they go: a pipe with its output, or the socket that it finds at /dev/log. The
 * manager's end and a copy held by the keeper are the only readers. Nothing is buffered here: bytes are looked at with tee(2)
 * or MSG_PEEK, stored, and only then taken out. So a manager that is killed loses nothing; at worst the last lines are stored
 * twice. Memory per container is this struct; the one buffer belongs to the Manager.
 *
 * Sinks: a log (log-writer.h: the journal, or the manager's own files), or a file as the unit asks. What cannot be written
 * (no space) is dropped: a full disk must not block the payload. Where the journal takes nothing for the moment, the words
 * wait where they are. */

#include <systemd/sd-event.h>

#include "manager/base/util.h"
#include "manager/host/streams/log-writer.h"

#define LOG_STREAMS_MAX 3
#define LOG_LINE_MAX (16U << 10) /* longer lines are cut into pieces of this size */

typedef enum LogSource {
        LOG_SOURCE_PIPE,     /* lines */
        LOG_SOURCE_MESSAGES, /* datagrams of syslog(3) */
        _LOG_SOURCE_MAX,
} LogSource;

typedef enum LogSink {
        LOG_SINK_LINES,   /* STATE/logs/NAME/log */
        LOG_SINK_FILE,    /* raw bytes into file: append: truncate: */
        LOG_SINK_JOURNAL,
        _LOG_SINK_MAX,
} LogSink;

typedef struct LogScratch LogScratch; /* the Manager's buffer, the pipe that tee(2) copies into, and the way to the journal */
int log_scratch_new(LogScratch **ret);
LogScratch *log_scratch_free(LogScratch *s);
JournalSocket *log_scratch_journal(LogScratch *s);

typedef struct LogStream LogStream;
typedef struct LogStreamEnds {
        LogSource from;
        int fd;            /* taken, also on failure */
        LogSink sink;
        LogOrigin origin;
        LogWriter *writer; /* a reference is taken; NULL with LOG_SINK_FILE */
        int file_fd;       /* taken, also on failure; negative unless LOG_SINK_FILE */
} LogStreamEnds;

int log_stream_new(sd_event *event, LogScratch *scratch, const LogStreamEnds *ends, LogStream **ret);
/* Closes without reading on. */
LogStream *log_stream_free(LogStream *s);
DEFINE_CLEANUP(LogStream, log_stream_free)
/* Reads what is there now, to the last byte. Waits a fifth of a second for a journal that takes nothing, two for one that is slow. */
void log_stream_drain(LogStream *s);

/* One more writer's end of the pipe, for a command beside the payload or after it; what it writes is read again. */
int log_stream_open_writer(LogStream *s, int *ret);

int log_stream_fd(const LogStream *s);
LogSource log_stream_source(const LogStream *s);
LogSink log_stream_sink(const LogStream *s);
LogOrigin log_stream_origin(const LogStream *s);
int log_stream_file(const LogStream *s); /* negative unless LOG_SINK_FILE */
LogWriter *log_stream_writer(const LogStream *s);
