/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "manager/base/io.h"
#include <sys/socket.h>
#include <syslog.h>

#include "manager/host/streams/log-stream.h"
#include "manager/host/streams/syslog-message.h"
#include "units/syntax/unit-load.h"

typedef struct Bed {
        char directory[64];
        int fd;
        sd_event *event;
        LogScratch *scratch;
} Bed;

static int setup(void **state) {
        Bed *b = calloc(1, sizeof(*b));

        (void)snprintf(b->directory, sizeof(b->directory), "/tmp/bulwark-log-XXXXXX");
        assert_non_null(mkdtemp(b->directory));
        b->fd = open(b->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(sd_event_new(&b->event) >= 0);
        assert_int_equal(log_scratch_new(&b->scratch), 0);
        *state = b;
        return 0;
}

static int teardown(void **state) {
        static const char *const names[] = { "web/log",   "web/log.1", "web/log.2",
                                             "web/log.3", "web/log.4", "raw" };
        Bed *b = *state;

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                (void)unlinkat(b->fd, names[i], 0);
        (void)unlinkat(b->fd, "web", AT_REMOVEDIR);
        (void)close(b->fd);
        assert_int_equal(rmdir(b->directory), 0);
        (void)log_scratch_free(b->scratch);
        (void)sd_event_unref(b->event);
        free(b);
        return 0;
}

static char *contents(const Bed *b, const char *name) {
        _cleanup_close_ int fd = openat(b->fd, name, O_RDONLY | O_CLOEXEC);
        char *text = NULL;

        assert_true(fd >= 0);
        assert_int_equal(read_file(fd, 32U << 20, &text, NULL), 0);
        return text;
}

/* --- pure */

static void lines_are_cut(void **state) {
        static char big[3 * LOG_LINE_MAX];
        size_t text;

        assert_int_equal(log_line_cut("one\ntwo", 7, false, &text), 4);
        assert_int_equal(text, 3);
        assert_int_equal(log_line_cut("\n", 1, false, &text), 1);
        assert_int_equal(text, 0);
        assert_int_equal(log_line_cut("half", 4, false, &text), 0);
        assert_int_equal(log_line_cut("half", 4, true, &text), 4);
        assert_int_equal(text, 4);
        assert_int_equal(log_line_cut("", 0, true, &text), 0);
        memset(big, 'x', sizeof(big));
        assert_int_equal(log_line_cut(big, sizeof(big), false, &text), LOG_LINE_MAX);
        assert_int_equal(text, LOG_LINE_MAX);
        /* A line of exactly the limit is one line, not a piece and an empty rest. */
        big[LOG_LINE_MAX] = '\n';
        assert_int_equal(log_line_cut(big, sizeof(big), false, &text), LOG_LINE_MAX + 1);
        assert_int_equal(text, LOG_LINE_MAX);
        assert_int_equal(log_line_cut(big, LOG_LINE_MAX - 1, false, &text), 0);
}

static void lines_are_formatted(void **state) {
        char line[16 + LOG_LINE_HEAD];
        size_t n = log_line_format(UINT64_MAX, 6, LOG_ORIGIN_OUTPUT, "a\0b", 3, line);

        assert_int_equal(n, 20 + 3 + 3 + 1);
        assert_memory_equal(line, "18446744073709551615 6 a b\n", n);
        n = log_line_format(1, 3, LOG_ORIGIN_ERRORS, "x", 1, line);
        assert_int_equal(n, strlen("1 3e x\n"));
        assert_memory_equal(line, "1 3e x\n", n);
        n = log_line_format(1, 4, LOG_ORIGIN_MANAGER, "x", 1, line);
        assert_memory_equal(line, "1 4b x\n", n);
}

/* A line says its priority as with journald; what is no prefix stays text. */
static void lines_say_their_priority(void **state) {
        static const struct {
                const char *line;
                size_t prefix;
                int priority;
        } rows[] = {
                { "<0>emergency", 3, 0 }, { "<7>", 3, 7 },    { "<8>no", 0, 6 },  { "<3", 0, 6 }, { "", 0, 6 },
                { "<30>daemon", 0, 6 },   { " <3>no", 0, 6 }, { "plain", 0, 6 }, { "<a>", 0, 6 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int priority = -1;

                assert_int_equal(log_line_priority(rows[i].line, strlen(rows[i].line), &priority), rows[i].prefix);
                assert_int_equal(priority, rows[i].priority);
        }
}

/* --- on disk */

static void files_rotate(void **state) {
        _cleanup_(log_file_unrefp) LogFile *l = NULL;
        static const char *const names[] = { "web/log.4", "web/log.3", "web/log.2", "web/log.1", "web/log" };
        const Bed *b = *state;
        struct stat st;

        assert_int_equal(log_file_open(b->fd, "web", 20, &l), 0);
        for (unsigned i = 0; i < 14; i++) {
                char line[16];

                (void)snprintf(line, sizeof(line), "line %03u\n", i);
                assert_int_equal(log_file_append(l, line, 9), 0);
        }
        /* Two a file, five files: the oldest two of seven pairs are gone. */
        for (unsigned i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_free_ char *text = contents(b, names[i]);
                char expected[32];

                (void)snprintf(expected, sizeof(expected), "line %03u\nline %03u\n", 4 + 2 * i, 5 + 2 * i);
                assert_string_equal(text, expected);
        }
        assert_int_equal(fstatat(b->fd, "web/log.5", &st, 0), -1);
        assert_int_equal(fstatat(b->fd, "web/log", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(fstatat(b->fd, "web", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
}

static void a_link_is_refused(void **state) {
        LogFile *l = NULL;
        const Bed *b = *state;

        assert_int_equal(mkdirat(b->fd, "web", 0700), 0);
        assert_int_equal(symlinkat("/etc/passwd", b->fd, "web/log"), 0);
        assert_int_equal(log_file_open(b->fd, "web", 20, &l), -ELOOP);
        assert_int_equal(unlinkat(b->fd, "web/log", 0), 0);
        assert_int_equal(mkfifoat(b->fd, "web/log", 0600), 0);
        assert_true(log_file_open(b->fd, "web", 20, &l) < 0);
}

/* --- from a pipe */

/* The log of a unit that says lines, or of none. */
static LogWriter *writer(const Bed *b, LogFile *log, const ContainerSpec *spec) {
        LogWriter *w = NULL;

        assert_int_equal(log_writer_new("web", spec, log_file_ref(log), log_scratch_journal(b->scratch), &w), 0);
        return w;
}

static LogStream *stream_of(const Bed *b, LogFile *log, const ContainerSpec *spec, LogSource from, int fd, int file_fd) {
        _cleanup_(log_writer_unrefp) LogWriter *w = log ? writer(b, log, spec) : NULL;
        LogStream *s = NULL;

        assert_int_equal(log_stream_new(b->event, b->scratch,
                                        &(LogStreamEnds){ .from = from, .fd = fd, .sink = log ? LOG_SINK_LINES : LOG_SINK_FILE,
                                                          .origin = LOG_ORIGIN_OUTPUT, .writer = w, .file_fd = file_fd },
                                        &s),
                         0);
        return s;
}

static LogStream *stream(const Bed *b, LogFile *log, int file_fd, int *ret_write) {
        LogStream *s = NULL;
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        s = stream_of(b, log, NULL, LOG_SOURCE_PIPE, fds[0], file_fd);
        *ret_write = fds[1];
        return s;
}

static void turn(const Bed *b) {
        while (sd_event_run(b->event, 0) > 0)
                ;
}

/* The texts of the log's lines, without their heads. */
static char *texts(const Bed *b) {
        _cleanup_free_ char *whole = contents(b, "web/log");
        char *out = calloc(1, strlen(whole) + 1), *save = NULL;

        for (char *l = strtok_r(whole, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
                char *text = strchr(strchr(l, ' ') + 1, ' ') + 1;

                assert_memory_equal(text - 3, " 6 ", 3);
                strcat(out, text);
                strcat(out, "|");
        }
        return out;
}

static void lines_reach_the_log(void **state) {
        _cleanup_(log_file_unrefp) LogFile *l = NULL;
        _cleanup_(log_stream_freep) LogStream *s = NULL;
        _cleanup_free_ char *early = NULL, *late = NULL;
        const Bed *b = *state;
        int w;

        assert_int_equal(log_file_open(b->fd, "web", LOG_FILE_MAX, &l), 0);
        s = stream(b, l, -EBADF, &w);
        assert_int_equal(write_all(w, "one\ntwo\nth", 10), 0);
        turn(b);
        early = texts(b);
        assert_string_equal(early, "one|two|");
        assert_int_equal(write_all(w, "ree\nrest", 8), 0);
        turn(b);
        (void)close(w);
        turn(b);
        late = texts(b);
        assert_string_equal(late, "one|two|three|rest|");
}

/* What a manager had not written down when it was killed is still in the pipe for the next one. */
static void nothing_is_lost_with_the_manager(void **state) {
        _cleanup_(log_file_unrefp) LogFile *l = NULL;
        LogStream *s;
        _cleanup_free_ char *all = NULL;
        const Bed *b = *state;
        int w, held;

        assert_int_equal(log_file_open(b->fd, "web", LOG_FILE_MAX, &l), 0);
        s = stream(b, l, -EBADF, &w);
        held = fcntl(log_stream_fd(s), F_DUPFD_CLOEXEC, 3);
        assert_true(held >= 0);
        assert_int_equal(write_all(w, "first\nsecond, ha", 16), 0);
        turn(b);
        s = log_stream_free(s); /* the manager dies; the keeper holds the pipe */
        assert_int_equal(write_all(w, "lf\nthird\n", 9), 0);
        s = stream_of(b, l, NULL, LOG_SOURCE_PIPE, held, -EBADF);
        turn(b);
        all = texts(b);
        assert_string_equal(all, "first|second, half|third|");
        (void)close(w);
        s = log_stream_free(s);
}

static void a_flood_is_complete(void **state) {
        enum { LINES = 20000 };
        _cleanup_(log_file_unrefp) LogFile *l = NULL;
        _cleanup_(log_stream_freep) LogStream *s = NULL;
        _cleanup_free_ char *all = NULL;
        const Bed *b = *state;
        char *p;
        int w;

        assert_int_equal(log_file_open(b->fd, "web", LOG_FILE_MAX, &l), 0);
        s = stream(b, l, -EBADF, &w);
        for (unsigned i = 0; i < LINES; i++) {
                char line[32];
                int n = snprintf(line, sizeof(line), "%05u\n", i);

                assert_int_equal(write_all(w, line, (size_t)n), 0);
                if (i % 1000 == 999)
                        turn(b);
        }
        (void)close(w);
        turn(b);
        all = texts(b);
        p = all;
        for (unsigned i = 0; i < LINES; i++, p += 6)
                assert_int_equal(strtoul(p, NULL, 10), i);
        assert_int_equal(*p, 0);
}

static void raw_bytes_reach_a_file(void **state) {
        _cleanup_(log_stream_freep) LogStream *s = NULL;
        _cleanup_free_ char *text = NULL;
        const Bed *b = *state;
        int w, fd = openat(b->fd, "raw", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        s = stream(b, NULL, fd, &w);
        assert_int_equal(write_all(w, "no newline", 10), 0);
        turn(b);
        text = contents(b, "raw");
        assert_string_equal(text, "no newline");
        (void)close(w);
        log_stream_drain(s);
}

/* A full disk must not block the payload: what cannot be written is dropped, and said when there is room
 * again. */
static void a_full_disk_does_not_block(void **state) {
        _cleanup_(log_stream_freep) LogStream *s = NULL;
        const Bed *b = *state;
        int w, fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                skip();
        s = stream(b, NULL, fd, &w);
        for (unsigned i = 0; i < 100; i++) {
                static const char block[4096];

                assert_int_equal(write_all(w, block, sizeof(block)),
                                 0); /* would hang where nothing is taken out */
                turn(b);
        }
        (void)close(w);
}

/* --- what a unit says about its log */

static const ContainerSpec *spec_of(const char *lines) {
        char text[1024];
        ContainerSpec *spec = NULL;
        Diag diag = {};

        (void)snprintf(text, sizeof(text), "[Container]\nRootDirectory=/srv/x\nExecStart=/bin/x\n%s\n", lines);
        if (unit_load_text("web", text, strlen(text), NULL, &diag, &spec) < 0)
                fail_msg("%s", diag_to_string(&diag, true));
        diag_done(&diag);
        return spec;
}

static void a_unit_rules_its_log(void **state) {
        static const struct {
                const char *unit, *said, *expected; /* "PRIORITY TEXT|" each */
        } rows[] = {
                { "", "a\n<3>b\n<9>c\n", "6 a|3 b|6 <9>c|" },
                { "SyslogLevel=notice", "a\n<3>b\n", "5 a|3 b|" },
                { "SyslogLevelPrefix=no", "a\n<3>b\n", "6 a|6 <3>b|" },
                { "LogLevelMax=notice", "a\n<5>b\n<7>c\n<0>d\n", "5 b|0 d|" },
                { "LogFilterPatterns=~noise", "a\nb noise\nc\n", "6 a|6 c|" },
                { "LogFilterPatterns=^a\nLogFilterPatterns=b$", "a x\nx b\nx c\n", "6 a x|6 x b|" },
                { "LogFilterPatterns=a\nLogFilterPatterns=~ab", "a\nab\nb\n", "6 a|" },
                { "LogRateLimitBurst=2\nLogRateLimitIntervalSec=1h", "a\nb\nc\nd\n", "6 a|6 b|" },
                { "LogRateLimitBurst=2\nLogRateLimitIntervalSec=0", "a\nb\nc\n", "6 a|6 b|6 c|" },
        };
        const Bed *b = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(log_file_unrefp) LogFile *l = NULL;
                _cleanup_free_ char *whole = NULL;
                char out[512] = "", *save = NULL;
                const ContainerSpec *spec = spec_of(rows[i].unit);
                LogStream *s;
                int fds[2];

                (void)unlinkat(b->fd, "web/log", 0);
                assert_int_equal(log_file_open(b->fd, "web", LOG_FILE_MAX, &l), 0);
                assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
                s = stream_of(b, l, spec, LOG_SOURCE_PIPE, fds[0], -EBADF);
                assert_int_equal(write_all(fds[1], rows[i].said, strlen(rows[i].said)), 0);
                turn(b);
                whole = contents(b, "web/log");
                for (char *line = strtok_r(whole, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                        strcat(out, strchr(line, ' ') + 1);
                        strcat(out, "|");
                }
                assert_string_equal(out, rows[i].expected);
                (void)close(fds[1]);
                s = log_stream_free(s);
                (void)container_spec_unref((ContainerSpec *)spec);
        }
}

static void a_rate_is_a_window(void **state) {
        uint64_t begin = 0;
        unsigned n = 0;

        for (unsigned i = 0; i < 3; i++)
                assert_true(log_rate_take(1000 + i, 100, 3, &begin, &n));
        assert_false(log_rate_take(1099, 100, 3, &begin, &n));
        assert_true(log_rate_take(1100, 100, 3, &begin, &n));
        assert_true(begin == 1100 && n == 1);
        for (unsigned i = 0; i < 10; i++)
                assert_true(log_rate_take(1100, 100, 0, &begin, &n) && log_rate_take(1100, 0, 3, &begin, &n));
}

/* --- syslog(3) */

static void messages_are_taken_apart(void **state) {
        static const struct {
                const char *said;
                int level, facility;
                const char *identifier, *pid, *text, *body;
        } rows[] = {
                { "<30>Nov 30 23:59:01 unbound[42]: hello\n", 6, 3, "unbound", "42", "hello", "unbound[42]: hello" },
                { "<30>Nov  3 23:59:01 a: b", 6, 3, "a", NULL, "b", "a: b" },
                { "<13>x", 5, 1, NULL, NULL, "x", "x" },
                { "plain", 5, 1, NULL, NULL, "plain", "plain" },
                { "<2>kernel: no", 2, 1, "kernel", NULL, "no", "kernel: no" }, /* nobody else is the kernel */
                { "<191>t", 7, 23, NULL, NULL, "t", "t" },
                { "<192>t", 5, 1, NULL, NULL, "<192>t", "<192>t" },
                { "<0000>t", 5, 1, NULL, NULL, "<0000>t", "<0000>t" },
                { "<>t", 5, 1, NULL, NULL, "<>t", "<>t" },
                { "<13>a[x]: b", 5, 1, "a[x]", NULL, "b", "a[x]: b" },
                { "<13>[7]: b", 5, 1, "[7]", NULL, "b", "[7]: b" },
                { "<13>a[12345678901]: b", 5, 1, "a[12345678901]", NULL, "b", "a[12345678901]: b" },
                { "<13>a[]: b", 5, 1, "a[]", NULL, "b", "a[]: b" },
                { "<13>: b", 5, 1, NULL, NULL, ": b", ": b" },
                { "<13>no identifier: b", 5, 1, NULL, NULL, "no identifier: b", "no identifier: b" },
                { "<13>a:   ", 5, 1, "a", NULL, "", "a:" },
                { "<13>Nov 30 23:59:01", 5, 1, NULL, NULL, "Nov 30 23:59:01", "Nov 30 23:59:01" },
                { "", 5, 1, NULL, NULL, "", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                SyslogMessage m;

                syslog_message_parse(rows[i].said, strlen(rows[i].said), &m);
                assert_int_equal(m.level, rows[i].level);
                assert_int_equal(m.facility, rows[i].facility);
                assert_int_equal(m.body_size, strlen(rows[i].body));
                assert_memory_equal(m.body, rows[i].body, m.body_size);
                assert_int_equal(m.text_size, strlen(rows[i].text));
                assert_memory_equal(m.text, rows[i].text, m.text_size);
                assert_int_equal(m.identifier_size, strlen(strempty(rows[i].identifier)));
                assert_int_equal(m.pid_size, strlen(strempty(rows[i].pid)));
                if (rows[i].identifier)
                        assert_memory_equal(m.identifier, rows[i].identifier, m.identifier_size);
                if (rows[i].pid)
                        assert_memory_equal(m.pid, rows[i].pid, m.pid_size);
        }
}

static void messages_reach_the_log(void **state) {
        static const char *const said[] = { "<27>Nov 30 23:59:01 d[7]: bad\nand worse\n", "<14>two", "" };
        _cleanup_(log_file_unrefp) LogFile *l = NULL;
        _cleanup_free_ char *whole = NULL;
        const Bed *b = *state;
        char out[256] = "", *save = NULL;
        LogStream *s;
        int fds[2], held;

        assert_int_equal(log_file_open(b->fd, "web", LOG_FILE_MAX, &l), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
        s = stream_of(b, l, NULL, LOG_SOURCE_MESSAGES, fds[0], -EBADF);
        held = fcntl(fds[0], F_DUPFD_CLOEXEC, 3);
        assert_true(send(fds[1], said[0], strlen(said[0]), 0) > 0);
        turn(b);
        s = log_stream_free(s); /* what is said while no manager is there waits */
        assert_true(send(fds[1], said[1], strlen(said[1]), 0) > 0 && send(fds[1], said[2], 0, 0) == 0);
        s = stream_of(b, l, NULL, LOG_SOURCE_MESSAGES, held, -EBADF);
        turn(b);
        whole = contents(b, "web/log");
        for (char *line = strtok_r(whole, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                strcat(out, strchr(line, ' ') + 1);
                strcat(out, "|");
        }
        assert_string_equal(out, "3 d[7]: bad|3 and worse|6 two|");
        (void)close(fds[1]);
        s = log_stream_free(s);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_are_cut),
                cmocka_unit_test(lines_are_formatted),
                cmocka_unit_test(lines_say_their_priority),
                T(files_rotate),
                T(a_link_is_refused),
                T(lines_reach_the_log),
                T(nothing_is_lost_with_the_manager),
                T(a_flood_is_complete),
                T(raw_bytes_reach_a_file),
                T(a_full_disk_does_not_block),
                cmocka_unit_test_setup_teardown(a_unit_rules_its_log, setup, teardown),
                cmocka_unit_test(a_rate_is_a_window),
                cmocka_unit_test(messages_are_taken_apart),
                cmocka_unit_test_setup_teardown(messages_reach_the_log, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
