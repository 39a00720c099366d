/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The log of one life: what the unit says about its lines, and where they go: the journal, or the manager's own files. All
 * streams of the life share it. An entry comes as it was read; the writer judges it by LogLevelMax=, LogFilterPatterns= and
 * the rate limit, marks it, and stores it. */

#include <sys/uio.h>

#include "manager/host/streams/log-file.h"
#include "units/spec/container-spec.h"

/* The journal's socket for entries with fields. One for the whole manager; made when it is first asked for. */
typedef struct JournalSocket {
        int fd; /* -EBADF = not connected */
} JournalSocket;
/* Whether there is a journal here. */
bool journal_socket_open(JournalSocket *j);
void journal_socket_close(JournalSocket *j);
/* One entry, as it is sent. -EAGAIN: it takes no more now; -ENOTCONN: there is no journal. */
int journal_socket_send(JournalSocket *j, const struct iovec *iov, size_t n);
/* Waits until it takes more, at most msec. */
void journal_socket_await(const JournalSocket *j, int msec);

typedef struct LogEntryIn {
        LogOrigin origin;
        int level;                /* negative: the unit's own */
        int facility;             /* negative: the unit's own */
        const char *identifier;   /* NULL: the unit's own */
        const char *pid;          /* NULL: not known */
        size_t identifier_size, pid_size;
        const char *text, *body;  /* body: with identifier and number in front, for files */
        size_t text_size, body_size;
} LogEntryIn;

typedef struct LogWriter LogWriter;
/* Takes file; NULL = the journal, by journal, which is borrowed. spec may be NULL: of a life whose definition was lost. */
int log_writer_new(const char *name, const ContainerSpec *spec, LogFile *file, JournalSocket *journal, LogWriter **ret);
LogWriter *log_writer_ref(LogWriter *w);
LogWriter *log_writer_unref(LogWriter *w);
DEFINE_CLEANUP(LogWriter, log_writer_unref)
bool log_writer_to_journal(const LogWriter *w);
LogFile *log_writer_file(const LogWriter *w);     /* NULL with the journal; only who holds it may rotate it */
bool log_writer_takes_prefix(const LogWriter *w); /* SyslogLevelPrefix= */

/* -EAGAIN: the journal takes nothing now, the same again later. Anything else is done with: stored, dropped by a rule, or
 * lost and counted, which the log itself says once it can. buffer: at least LOG_LINE_MAX + LOG_LINE_HEAD bytes. */
int log_writer_put(LogWriter *w, const LogEntryIn *e, char *buffer);
/* So many bytes were given up. */
void log_writer_lost(LogWriter *w, size_t size);

/* The rate limit alone, for tests: whether one more at now, in a window that began at *begin with *n of them. interval or
 * burst 0 = no limit. */
bool log_rate_take(uint64_t now, uint64_t interval, unsigned burst, uint64_t *begin, unsigned *n);
