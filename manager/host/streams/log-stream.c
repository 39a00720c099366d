/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>

#include "manager/base/io.h"
#include "manager/host/streams/log-stream.h"

#define SCRATCH_SIZE (64U << 10)
#define JOURNAL_SOCKET "/run/systemd/journal/stdout"
#define DRAIN_PATIENCE 200 /* milliseconds for a busy journal, at the end of a life */
#define ROUNDS_PER_WAKEUP 16 /* then other containers have their turn */

struct LogScratch {
        int read_fd, write_fd;
        char in[SCRATCH_SIZE];
        char out[SCRATCH_SIZE + LOG_LINE_HEAD];
};

struct LogStream {
        LogScratch *scratch; /* borrowed */
        sd_event_source *source, *room_source;
        int pipe_fd;
        LogSink sink;
        LogOrigin origin;
        LogFile *log;
        int file_fd;
        const char *name; /* borrowed */
        uint64_t dropped; /* bytes since the last one that could be written */
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
        *ret = s;
        return 0;
}

LogScratch *log_scratch_free(LogScratch *s) {
        if (s) {
                (void)safe_close(s->read_fd);
                (void)safe_close(s->write_fd);
                free(s);
        }
        return NULL;
}

LogStream *log_stream_free(LogStream *s) {
        if (!s)
                return NULL;
        s->source = sd_event_source_disable_unref(s->source);
        s->room_source = sd_event_source_disable_unref(s->room_source);
        (void)safe_close(s->pipe_fd);
        (void)safe_close(s->file_fd);
        (void)log_file_unref(s->log);
        free(s);
        return NULL;
}

int log_stream_pipe(const LogStream *s) {
        return s->pipe_fd;
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

LogFile *log_stream_log(const LogStream *s) {
        return s->log;
}

static uint64_t now_realtime(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_REALTIME, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / NSEC_PER_USEC;
}

/* Says in the log itself that something is missing there, as soon as it can be written. */
static int report_dropped(LogStream *s, uint64_t now) {
        char text[96], line[sizeof(text) + LOG_LINE_HEAD];
        int n, r;

        if (s->dropped == 0 || s->sink != LOG_SINK_LINES)
                return 0;
        n = snprintf(text, sizeof(text),
                     "%llu bytes of output could not be stored and were dropped",
                     (unsigned long long)s->dropped);
        r = log_file_append(s->log, line, log_line_format(now, LOG_WARNING, LOG_ORIGIN_MANAGER, text, (size_t)n, line));
        if (r >= 0)
                s->dropped = 0;
        return r;
}

static void write_line(LogStream *s, uint64_t now, const char *text, size_t size) {
        int priority;
        size_t prefix = log_line_priority(text, size, &priority);
        size_t n = log_line_format(now, priority, s->origin, text + prefix, size - prefix, s->scratch->out);

        if (report_dropped(s, now) < 0 || log_file_append(s->log, s->scratch->out, n) < 0)
                s->dropped += size + 1;
}

/* Returns how many bytes are done with. */
static size_t write_lines(LogStream *s, const char *data, size_t size, bool at_end) {
        uint64_t now = now_realtime();
        size_t done = 0;

        while (done < size) {
                size_t text, n = log_line_cut(data + done, size - done, at_end, &text);

                if (n == 0)
                        break;
                write_line(s, now, data + done, text);
                done += n;
        }
        return done;
}

static size_t write_raw(LogStream *s, const char *data, size_t size) {
        if (write_all(s->file_fd, data, size) < 0)
                s->dropped += size;
        else
                s->dropped = 0;
        return size;
}

/* --- the journal */

/* journald's stream protocol: seven lines of header, then the text. */
int journal_open(const char *name, int *ret_fd) {
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        char header[256];
        int n, r;

        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        if (shutdown(fd, SHUT_RD) < 0)
                return -errno;
        n = snprintf(header, sizeof(header),
                     "%s\n"       /* identifier */
                     "\n"         /* unit: not ours to claim */
                     "%d\n"       /* priority */
                     "1\n"        /* lines may begin with <N> */
                     "0\n0\n0\n", /* forward to syslog, kmsg, console */
                     name, LOG_INFO);
        r = write_all(fd, header, (size_t)n);
        if (r < 0)
                return r;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int on_room(sd_event_source *source, int fd, uint32_t revents, void *userdata);

/* A journald that was started anew without its old connections has to be asked for one. */
static int journal_again(LogStream *s) {
        int fd, r = journal_open(s->name, &fd);

        if (r < 0)
                return r;
        s->room_source = sd_event_source_disable_unref(s->room_source);
        (void)safe_close(s->file_fd);
        s->file_fd = fd;
        return 0;
}

static void await_room(LogStream *s) {
        sd_event *event = sd_event_source_get_event(s->source);

        if (s->room_source)
                (void)sd_event_source_set_enabled(s->room_source, SD_EVENT_ONESHOT);
        else if (sd_event_add_io(event, &s->room_source, s->file_fd, EPOLLOUT, on_room, s) >= 0) {
                (void)sd_event_source_set_priority(s->room_source, SD_EVENT_PRIORITY_IDLE);
                (void)sd_event_source_set_enabled(s->room_source, SD_EVENT_ONESHOT);
        }
}

static size_t write_journal(LogStream *s, const char *data, size_t size) {
        ssize_t n = send(s->file_fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) && journal_again(s) >= 0)
                n = send(s->file_fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0)
                return (size_t)n;
        if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) {
                await_room(s);
                return 0;
        }
        s->dropped += size;
        return size;
}

static bool writers_gone(LogStream *s) {
        struct pollfd p = { .fd = s->pipe_fd };

        return poll(&p, 1, 0) > 0 && (p.revents & POLLHUP);
}

static bool holds_bytes(LogStream *s) {
        struct pollfd p = { .fd = s->pipe_fd, .events = POLLIN };

        return poll(&p, 1, 0) > 0 && (p.revents & POLLIN);
}

typedef enum Progress {
        PROGRESS_MORE,  /* something was written; there may be more */
        PROGRESS_WAIT,  /* nothing that could be written now */
        PROGRESS_ENDED, /* no writer is left, and the pipe is empty */
} Progress;

static Progress pass_on(LogStream *s) {
        LogScratch *b = s->scratch;
        /* Asked before looking: what a writer left before it went is then seen. */
        bool at_end = writers_gone(s);
        size_t seen = 0, done, left;
        ssize_t n;

        n = tee(s->pipe_fd, b->write_fd, SCRATCH_SIZE, SPLICE_F_NONBLOCK);
        if (n < 0)
                return errno == EINTR ? PROGRESS_MORE : PROGRESS_WAIT;
        if (n == 0)
                return PROGRESS_ENDED;
        if (read_all(b->read_fd, b->in, (size_t)n, &seen) < 0 || seen == 0)
                return PROGRESS_WAIT;
        done = s->sink == LOG_SINK_FILE      ? write_raw(s, b->in, seen)
               : s->sink == LOG_SINK_JOURNAL ? write_journal(s, b->in, seen)
                                             : write_lines(s, b->in, seen, at_end);
        left = done;
        while (left > 0) {
                size_t taken = 0;

                if (read_all(s->pipe_fd, b->in, left, &taken) < 0 || taken == 0)
                        return PROGRESS_WAIT;
                left -= taken;
        }
        return done > 0 ? PROGRESS_MORE : PROGRESS_WAIT;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        LogStream *s = userdata;

        for (unsigned i = 0; i < ROUNDS_PER_WAKEUP; i++) {
                Progress p = pass_on(s);

                if (p == PROGRESS_WAIT)
                        return 0;
                if (p == PROGRESS_ENDED) {
                        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
                        return 0;
                }
        }
        /* Edge triggered: setting the events again makes epoll look again. */
        (void)sd_event_source_set_io_events(source, EPOLLIN | EPOLLET);
        return 0;
}

static int on_room(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        LogStream *s = userdata;

        return on_readable(s->source, s->pipe_fd, EPOLLIN, s);
}

int log_stream_open_writer(LogStream *s, int *ret) {
        char path[64];
        int fd;

        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", s->pipe_fd);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        (void)sd_event_source_set_enabled(s->source, SD_EVENT_ON);
        (void)sd_event_source_set_io_events(s->source, EPOLLIN | EPOLLET);
        *ret = fd;
        return 0;
}

void log_stream_drain(LogStream *s) {
        struct pollfd room = { .fd = s->file_fd, .events = POLLOUT };

        do
                while (pass_on(s) == PROGRESS_MORE)
                        ;
        while (s->sink == LOG_SINK_JOURNAL && holds_bytes(s) && poll(&room, 1, DRAIN_PATIENCE) > 0 &&
               !(room.revents & (POLLERR | POLLHUP)));
}

int log_stream_new(sd_event *event, LogScratch *scratch, int pipe_fd, LogSink sink, LogOrigin origin,
                   LogFile *log, int file_fd, const char *name, LogStream **ret) {
        _cleanup_(log_stream_freep) LogStream *s = malloc(sizeof(*s));
        int r;

        if (!s) {
                (void)safe_close(pipe_fd);
                (void)safe_close(file_fd);
                return -ENOMEM;
        }
        *s = (LogStream){ .scratch = scratch,
                          .pipe_fd = pipe_fd,
                          .sink = sink,
                          .origin = origin,
                          .log = log ? log_file_ref(log) : NULL,
                          .file_fd = file_fd,
                          .name = name };
        if (fcntl(pipe_fd, F_SETFL, O_NONBLOCK) <
            0) /* the read end's own description: writers still block */
                return -errno;
        /* Edge triggered, because a line without its end stays in the pipe. */
        r = sd_event_add_io(event, &s->source, pipe_fd, EPOLLIN | EPOLLET, on_readable, s);
        if (r < 0)
                return r;
        (void)sd_event_source_set_priority(s->source, SD_EVENT_PRIORITY_IDLE);
        *ret = TAKE_PTR(s);
        return 0;
}
