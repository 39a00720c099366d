/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>

#include "manager/base/io.h"
#include "manager/host/streams/log-stream.h"
#include "manager/host/streams/syslog-message.h"

#define SCRATCH_SIZE (64U << 10)
#define ROUNDS_PER_WAKEUP 16 /* then other containers have their turn */
#define DRAIN_AWAIT_MSEC 50
#define DRAIN_STILL_USEC (200 * USEC_PER_MSEC)
#define DRAIN_USEC (2 * USEC_PER_SEC)

struct LogScratch {
        int read_fd, write_fd;
        JournalSocket journal;
        char in[SCRATCH_SIZE];
        char out[SCRATCH_SIZE + LOG_LINE_HEAD];
};

struct LogStream {
        LogScratch *scratch; /* borrowed */
        sd_event_source *source, *room;
        int fd;
        LogSource from;
        LogSink sink;
        LogOrigin origin;
        LogWriter *writer;
        int file_fd;
        bool blocked; /* the journal takes nothing now */
};

int log_scratch_new(LogScratch **ret) {
        LogScratch *s = malloc(sizeof(*s));
        int fds[2];

        if (!s)
                return -ENOMEM;
        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
                free(s);
                return -errno;
        }
        s->read_fd = fds[0];
        s->write_fd = fds[1];
        s->journal.fd = -EBADF;
        (void)journal_socket_open(&s->journal); /* before the first line, so that no life opens it */
        *ret = s;
        return 0;
}

LogScratch *log_scratch_free(LogScratch *s) {
        if (s) {
                (void)safe_close(s->read_fd);
                (void)safe_close(s->write_fd);
                journal_socket_close(&s->journal);
                free(s);
        }
        return NULL;
}

LogStream *log_stream_free(LogStream *s) {
        if (!s)
                return NULL;
        s->source = sd_event_source_disable_unref(s->source);
        s->room = sd_event_source_disable_unref(s->room);
        (void)safe_close(s->fd);
        (void)safe_close(s->file_fd);
        (void)log_writer_unref(s->writer);
        free(s);
        return NULL;
}

JournalSocket *log_scratch_journal(LogScratch *s) {
        return &s->journal;
}

int log_stream_fd(const LogStream *s) {
        return s->fd;
}

LogSource log_stream_source(const LogStream *s) {
        return s->from;
}

LogSink log_stream_sink(const LogStream *s) {
        return s->sink;
}

LogOrigin log_stream_origin(const LogStream *s) {
        return s->origin;
}

int log_stream_file(const LogStream *s) {
        return s->file_fd;
}

LogWriter *log_stream_writer(const LogStream *s) {
        return s->writer;
}

static int put_line(LogStream *s, const char *text, size_t size) {
        LogEntryIn e = { .origin = s->origin, .level = -1, .facility = -1 };
        size_t prefix = 0;
        int level;

        if (log_writer_takes_prefix(s->writer))
                prefix = log_line_priority(text, size, &level);
        if (prefix > 0)
                e.level = level;
        e.text = e.body = text + prefix;
        e.text_size = e.body_size = size - prefix;
        return log_writer_put(s->writer, &e, s->scratch->out);
}

/* Returns how many bytes are done with. */
static size_t write_lines(LogStream *s, const char *data, size_t size, bool at_end) {
        size_t done = 0;

        while (done < size) {
                size_t text, n = log_line_cut(data + done, size - done, at_end, &text);

                if (n == 0)
                        break;
                if (put_line(s, data + done, text) == -EAGAIN) {
                        s->blocked = true;
                        break;
                }
                done += n;
        }
        return done;
}

/* A full disk must not block the payload. */
static size_t write_raw(LogStream *s, const char *data, size_t size) {
        (void)write_all(s->file_fd, data, size);
        return size;
}

static bool writers_gone(LogStream *s) {
        struct pollfd p = { .fd = s->fd };

        return poll(&p, 1, 0) > 0 && (p.revents & POLLHUP);
}

typedef enum Progress {
        PROGRESS_MORE,  /* something was written; there may be more */
        PROGRESS_WAIT,  /* nothing that could be written now */
        PROGRESS_ENDED, /* no writer is left, and the pipe is empty */
} Progress;

static Progress pass_on_pipe(LogStream *s) {
        LogScratch *b = s->scratch;
        /* Asked before looking: what a writer left before it went is then seen. */
        bool at_end = writers_gone(s);
        size_t seen = 0, done, left;
        ssize_t n;

        n = tee(s->fd, b->write_fd, SCRATCH_SIZE, SPLICE_F_NONBLOCK);
        if (n < 0)
                return errno == EINTR ? PROGRESS_MORE : PROGRESS_WAIT;
        if (n == 0)
                return PROGRESS_ENDED;
        if (read_all(b->read_fd, b->in, (size_t)n, &seen) < 0 || seen == 0)
                return PROGRESS_WAIT;
        done = s->sink == LOG_SINK_FILE ? write_raw(s, b->in, seen) : write_lines(s, b->in, seen, at_end);
        left = done;
        while (left > 0) {
                size_t taken = 0;

                if (read_all(s->fd, b->in, left, &taken) < 0 || taken == 0)
                        return PROGRESS_WAIT;
                left -= taken;
        }
        return done > 0 ? PROGRESS_MORE : PROGRESS_WAIT;
}

/* One entry a line: what the program put into one message belongs together, but no line of a log may look like another. */
static int put_message(LogStream *s, const char *data, size_t size) {
        SyslogMessage m;
        LogEntryIn e;
        int r = 0;

        syslog_message_parse(data, size, &m);
        e = (LogEntryIn){ .origin = s->origin, .level = m.level, .facility = m.facility, .identifier = m.identifier, .pid = m.pid,
                          .identifier_size = m.identifier_size, .pid_size = m.pid_size };
        for (const char *at = m.body, *end = m.body + m.body_size; r >= 0 && at < end;) {
                const char *newline = memchr(at, '\n', (size_t)(end - at));
                const size_t whole = newline ? (size_t)(newline - at) : (size_t)(end - at), n = MIN_OF(whole, (size_t)LOG_LINE_MAX);
                const size_t head = m.text > at && m.text <= at + n ? (size_t)(m.text - at) : 0;

                e.body = at;
                e.body_size = n;
                e.text = at + head;
                e.text_size = n - head;
                r = log_writer_put(s->writer, &e, s->scratch->out);
                at += n + (newline && n == whole ? 1 : 0);
        }
        return r;
}

/* Taken out of the socket once it is stored, so that a manager that is killed loses none. */
static Progress pass_on_message(LogStream *s) {
        LogScratch *b = s->scratch;
        ssize_t n = recv(s->fd, b->in, sizeof(b->in), MSG_PEEK | MSG_DONTWAIT);

        if (n < 0)
                return errno == EINTR ? PROGRESS_MORE : PROGRESS_WAIT;
        if (put_message(s, b->in, (size_t)n) == -EAGAIN) {
                s->blocked = true;
                return PROGRESS_WAIT;
        }
        return recv(s->fd, b->in, 0, MSG_DONTWAIT | MSG_TRUNC) < 0 && errno != EINTR ? PROGRESS_WAIT : PROGRESS_MORE;
}

static Progress pass_on(LogStream *s) {
        s->blocked = false;
        return s->from == LOG_SOURCE_MESSAGES ? pass_on_message(s) : pass_on_pipe(s);
}

static int on_room(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        LogStream *s = userdata;

        s->room = sd_event_source_disable_unref(s->room);
        /* Edge triggered: setting the events again makes epoll look again. */
        (void)sd_event_source_set_io_events(s->source, EPOLLIN | EPOLLET);
        return 0;
}

/* Each stream waits by a descriptor of its own: epoll takes one only once. */
static void await_room(LogStream *s) {
        int fd = s->room ? -EBADF : fcntl(s->scratch->journal.fd, F_DUPFD_CLOEXEC, 3);

        if (fd < 0)
                return;
        if (sd_event_add_io(sd_event_source_get_event(s->source), &s->room, fd, EPOLLOUT, on_room, s) < 0) {
                (void)safe_close(fd);
                return;
        }
        (void)sd_event_source_set_io_fd_own(s->room, true);
        (void)sd_event_source_set_priority(s->room, SD_EVENT_PRIORITY_IDLE);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        LogStream *s = userdata;

        for (unsigned i = 0; i < ROUNDS_PER_WAKEUP; i++) {
                Progress p = pass_on(s);

                if (p == PROGRESS_WAIT) {
                        if (s->blocked)
                                await_room(s);
                        return 0;
                }
                if (p == PROGRESS_ENDED) {
                        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
                        return 0;
                }
        }
        /* Edge triggered: setting the events again makes epoll look again. */
        (void)sd_event_source_set_io_events(source, EPOLLIN | EPOLLET);
        return 0;
}

int log_stream_open_writer(LogStream *s, int *ret) {
        char path[64];
        int fd;

        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", s->fd);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        (void)sd_event_source_set_enabled(s->source, SD_EVENT_ON);
        (void)sd_event_source_set_io_events(s->source, EPOLLIN | EPOLLET);
        *ret = fd;
        return 0;
}

static uint64_t log_stream_clock(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / NSEC_PER_USEC;
}

/* A journal that takes something is waited for, up to a limit; one that takes nothing, not for long. */
void log_stream_drain(LogStream *s) {
        const uint64_t begin = log_stream_clock();
        uint64_t moved = begin;

        for (;;) {
                const Progress p = pass_on(s);
                const uint64_t now = p == PROGRESS_MORE && !s->blocked ? moved : log_stream_clock();

                if (p == PROGRESS_MORE)
                        moved = now;
                if (p != PROGRESS_MORE && !s->blocked)
                        return;
                if (s->blocked && (now - moved > DRAIN_STILL_USEC || now - begin > DRAIN_USEC))
                        return;
                if (s->blocked)
                        journal_socket_await(&s->scratch->journal, DRAIN_AWAIT_MSEC);
        }
}

int log_stream_new(sd_event *event, LogScratch *scratch, const LogStreamEnds *ends, LogStream **ret) {
        _cleanup_(log_stream_freep) LogStream *s = malloc(sizeof(*s));
        int r;

        if (!s) {
                (void)safe_close(ends->fd);
                (void)safe_close(ends->file_fd);
                return -ENOMEM;
        }
        *s = (LogStream){ .scratch = scratch,
                          .fd = ends->fd,
                          .from = ends->from,
                          .sink = ends->sink,
                          .origin = ends->origin,
                          .writer = ends->writer ? log_writer_ref(ends->writer) : NULL,
                          .file_fd = ends->file_fd };
        if (fcntl(s->fd, F_SETFL, O_NONBLOCK) < 0) /* the read end's own description: writers still block */
                return -errno;
        /* Edge triggered, because a line without its end stays in the pipe. */
        r = sd_event_add_io(event, &s->source, s->fd, EPOLLIN | EPOLLET, on_readable, s);
        if (r < 0)
                return r;
        (void)sd_event_source_set_priority(s->source, SD_EVENT_PRIORITY_IDLE);
        *ret = TAKE_PTR(s);
        return 0;
}
