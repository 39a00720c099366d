/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "manager/host/streams/log-stream.h"
#include "manager/host/streams/log-writer.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define RATE_INTERVAL_DEFAULT (30 * USEC_PER_SEC) /* as in directives.inc, and in journald */
#define RATE_BURST_DEFAULT 10000U

typedef struct Filter {
        bool deny;
        regex_t regex;
} Filter;

struct LogWriter {
        unsigned n_ref;
        LogFile *file;
        JournalSocket *journal;
        char *identifier;
        char *fields; /* of every entry, ready to be sent */
        int level, facility, level_max;
        bool prefix;
        Filter *filters;
        size_t n_filters, n_allow;
        uint64_t rate_interval, window_begin;
        unsigned rate_burst, window_n;
        uint64_t suppressed; /* entries, by the rate limit */
        uint64_t lost;       /* bytes */
};

/* --- the journal */

bool journal_socket_open(JournalSocket *j) {
        const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };
        _cleanup_close_ int fd = -EBADF;

        if (j->fd >= 0)
                return true;
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return false;
        j->fd = TAKE_FD(fd);
        return true;
}

void journal_socket_close(JournalSocket *j) {
        j->fd = safe_close(j->fd);
}

void journal_socket_await(const JournalSocket *j, int msec) {
        struct pollfd p = { .fd = j->fd, .events = POLLOUT };

        if (j->fd >= 0)
                (void)poll(&p, 1, msec);
}

int journal_socket_send(JournalSocket *j, const struct iovec *iov, size_t n) {
        const struct msghdr h = { .msg_iov = (struct iovec *)iov, .msg_iovlen = n };

        for (unsigned tries = 0; tries < 2; tries++) {
                if (!journal_socket_open(j))
                        return -ENOTCONN;
                if (sendmsg(j->fd, &h, MSG_NOSIGNAL) >= 0)
                        return 0;
                if (errno == EAGAIN || errno == ENOBUFS)
                        return -EAGAIN;
                if (errno != ECONNREFUSED && errno != ENOTCONN && errno != EPIPE)
                        return -errno;
                journal_socket_close(j); /* it was bound anew meanwhile */
        }
        return -ENOTCONN;
}

/* A value in the form that may hold anything. */
static int put_journal(LogWriter *w, const LogEntryIn *e, int level, int facility) {
        const uint64_t size = htole64(e->text_size);
        char head[96], identifier[32 + 256], pid[32] = "";
        struct iovec iov[8];
        size_t n = 0;

        (void)snprintf(head, sizeof(head), "PRIORITY=%d\nSYSLOG_FACILITY=%d\n", level, facility);
        (void)snprintf(identifier, sizeof(identifier), "SYSLOG_IDENTIFIER=%.*s\n",
                       e->identifier ? (int)e->identifier_size : (int)MIN_OF(strlen(w->identifier), (size_t)255),
                       e->identifier ? e->identifier : w->identifier);
        if (e->pid)
                (void)snprintf(pid, sizeof(pid), "SYSLOG_PID=%.*s\n", (int)e->pid_size, e->pid);
#define PART(p, s) iov[n++] = (struct iovec){ .iov_base = (void *)(uintptr_t)(p), .iov_len = (s) }
        PART(head, strlen(head));
        PART(identifier, strlen(identifier));
        PART(pid, strlen(pid));
        PART(w->fields, strlen(w->fields));
        PART("MESSAGE\n", strlen("MESSAGE\n"));
        PART(&size, sizeof(size));
        PART(e->text, e->text_size);
        PART("\n", 1);
#undef PART
        return journal_socket_send(w->journal, iov, n);
}

static uint64_t now_realtime(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_REALTIME, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / NSEC_PER_USEC;
}

static int store(LogWriter *w, const LogEntryIn *e, int level, int facility, char *buffer) {
        if (!w->file)
                return put_journal(w, e, level, facility);
        return log_file_append(w->file, buffer, log_line_format(now_realtime(), level, e->origin, e->body, e->body_size, buffer));
}

/* --- what is stored at all */

bool log_rate_take(uint64_t now, uint64_t interval, unsigned burst, uint64_t *begin, unsigned *n) {
        if (interval == 0 || burst == 0 || interval == USEC_INFINITY)
                return true;
        if (*n == 0 || now - *begin >= interval) {
                *begin = now;
                *n = 1;
                return true;
        }
        if (*n >= burst)
                return false;
        (*n)++;
        return true;
}

/* What a pattern with ~ matches is dropped; where others stand, what none of those matches is as well. A copy with an end:
 * buffer holds as much. */
static bool is_filtered(const LogWriter *w, const LogEntryIn *e, char *buffer) {
        bool allowed = w->n_allow == 0;

        if (w->n_filters == 0)
                return false;
        for (size_t i = 0; i < e->text_size; i++)
                buffer[i] = e->text[i] ? e->text[i] : ' ';
        buffer[e->text_size] = 0;
        for (size_t i = 0; i < w->n_filters; i++) {
                const Filter *f = w->filters + i;

                if ((f->deny || !allowed) && regexec(&f->regex, buffer, 0, NULL, 0) == 0) {
                        if (f->deny)
                                return true;
                        allowed = true;
                }
        }
        return !allowed;
}

/* The log itself says what is missing there, as soon as it can. */
static int report(LogWriter *w, uint64_t *count, const char *format, char *buffer) {
        char text[160];
        LogEntryIn e = { .origin = LOG_ORIGIN_MANAGER, .level = LOG_WARNING, .facility = -1, .identifier = "bulwarkd",
                         .identifier_size = strlen("bulwarkd"), .text = text, .body = text };
        int r;

        if (*count == 0)
                return 0;
        _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wformat-nonliteral\"")
        (void)snprintf(text, sizeof(text), format, *count);
        _Pragma("GCC diagnostic pop")
        e.text_size = e.body_size = strlen(text);
        r = store(w, &e, e.level, w->facility, buffer);
        if (r >= 0)
                *count = 0;
        return r;
}

static uint64_t now_monotonic(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / NSEC_PER_USEC;
}

int log_writer_put(LogWriter *w, const LogEntryIn *e, char *buffer) {
        const int level = e->level >= 0 ? e->level : w->level, facility = e->facility >= 0 ? e->facility : w->facility;
        const uint64_t begin = w->window_begin;
        const unsigned n = w->window_n;
        int r;

        if (level > w->level_max || is_filtered(w, e, buffer))
                return 0;
        if (!log_rate_take(now_monotonic(), w->rate_interval, w->rate_burst, &w->window_begin, &w->window_n)) {
                w->suppressed++;
                return 0;
        }
        r = report(w, &w->suppressed, "%" PRIu64 " lines were suppressed: more than LogRateLimitBurst= allows", buffer);
        if (r >= 0)
                r = report(w, &w->lost, "%" PRIu64 " bytes of output could not be stored and were dropped", buffer);
        if (r >= 0)
                r = store(w, e, level, facility, buffer);
        if (r == -EAGAIN) { /* it comes again, and is counted then */
                w->window_begin = begin;
                w->window_n = n;
                return r;
        }
        if (r < 0)
                w->lost += e->body_size + 1;
        return 0;
}

void log_writer_lost(LogWriter *w, size_t size) {
        w->lost += size;
}

/* --- one life's */

static int take_filters(LogWriter *w, const value_log_patterns *patterns) {
        w->filters = calloc(MAX_OF(patterns->n, (size_t)1), sizeof(Filter));
        if (!w->filters)
                return -ENOMEM;
        for (size_t i = 0; i < patterns->n; i++) {
                Filter *f = w->filters + w->n_filters;

                if (log_pattern_compile(patterns->items[i].text, &f->deny, &f->regex) < 0)
                        return -ENOMEM;
                w->n_filters++;
                w->n_allow += !f->deny;
        }
        return 0;
}

/* The unit of the host that stands for the container: the journal believes its name from root alone. */
static int take_fields(LogWriter *w, const char *name, const ContainerSpec *spec) {
        int r = str_append(&w->fields, "BULWARK_CONTAINER=%s\nOBJECT_SYSTEMD_UNIT=bulwark@%s.service\n", name, name);

        for (char **field = spec ? spec->log_extra_fields : NULL; r >= 0 && field && *field; field++)
                r = str_append(&w->fields, "%s\n", *field);
        return r;
}

int log_writer_new(const char *name, const ContainerSpec *spec, LogFile *file, JournalSocket *journal, LogWriter **ret) {
        _cleanup_(log_writer_unrefp) LogWriter *w = malloc(sizeof(*w));
        int r;

        if (!w) {
                (void)log_file_unref(file);
                return -ENOMEM;
        }
        *w = (LogWriter){ .n_ref = 1, .file = file, .journal = journal, .level = LOG_INFO, .facility = LOG_DAEMON >> 3,
                          .level_max = LOG_DEBUG, .prefix = true };
        if (spec) {
                w->level = spec->syslog_level;
                w->facility = spec->syslog_facility;
                w->level_max = spec->log_level_max;
                w->prefix = spec->syslog_level_prefix;
                w->rate_interval = spec->log_rate_interval_usec;
                w->rate_burst = spec->log_rate_burst;
                /* Our own files are the container's alone, and bounded by their size. */
                if (file && w->rate_interval == RATE_INTERVAL_DEFAULT && w->rate_burst == RATE_BURST_DEFAULT)
                        w->rate_burst = 0;
        }
        r = str_append(&w->identifier, "%s", spec && !isempty(spec->syslog_identifier) ? spec->syslog_identifier : name);
        if (r >= 0)
                r = take_fields(w, name, spec);
        if (r >= 0 && spec)
                r = take_filters(w, &spec->log_filter_patterns);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}

LogWriter *log_writer_ref(LogWriter *w) {
        w->n_ref++;
        return w;
}

LogWriter *log_writer_unref(LogWriter *w) {
        if (!w || --w->n_ref > 0)
                return NULL;
        (void)log_file_unref(w->file);
        for (size_t i = 0; i < w->n_filters; i++)
                regfree(&w->filters[i].regex);
        free(w->filters);
        free(w->identifier);
        free(w->fields);
        free(w);
        return NULL;
}

bool log_writer_to_journal(const LogWriter *w) {
        return !w->file;
}

LogFile *log_writer_file(const LogWriter *w) {
        return w->file;
}

bool log_writer_takes_prefix(const LogWriter *w) {
        return w->prefix;
}
