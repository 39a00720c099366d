/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reader of the manager's log files against rotation, half lines and rubbish. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/log-reader.h"

typedef struct Fixture {
        char directory[64];
        char *seen; /* "TEXT|TEXT|" */
        LogReader *reader;
} Fixture;

static void on_entry(const LogEntry *e, void *userdata) {
        Fixture *f = userdata;

        assert_int_equal(str_append(&f->seen, "%.*s|", (int)e->size, e->text), 0);
}

static const char *path_of(const Fixture *f, const char *name) {
        static char paths[2][128];
        static unsigned next;
        char *path = paths[next++ % 2];

        (void)snprintf(path, sizeof(paths[0]), "%s/%s", f->directory, name);
        return path;
}

static void append(const Fixture *f, const char *name, const char *text) {
        FILE *file = fopen(path_of(f, name), "a");

        assert_non_null(file);
        fputs(text, file);
        assert_int_equal(fclose(file), 0);
}

static void rotate(const Fixture *f, const char *from, const char *to) {
        assert_int_equal(rename(path_of(f, from), path_of(f, to)), 0);
}

static void expect(Fixture *f, const char *text) {
        assert_string_equal(strempty(f->seen), text);
        free(f->seen);
        f->seen = NULL;
}

static void reopen(Fixture *f) {
        f->reader = log_reader_free(f->reader);
        assert_int_equal(log_reader_open(f->directory, on_entry, f, &f->reader), 0);
}

static int setup(void **state) {
        Fixture *f = calloc(1, sizeof(Fixture));

        assert_non_null(f);
        strcpy(f->directory, "/tmp/log-reader-XXXXXX");
        assert_non_null(mkdtemp(f->directory));
        reopen(f);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        static const char *const names[] = { "log", "log.1", "log.2", "log.3", "" };
        Fixture *f = *state;

        log_reader_free(f->reader);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                (void)remove(path_of(f, names[i]));
        free(f->seen);
        free(f);
        return 0;
}

static void test_entries(void **state) {
        LogEntry e;

        assert_true(log_entry_parse("1700000000000000 6 hello world", 30, &e));
        assert_int_equal(e.realtime_usec, UINT64_C(1700000000000000));
        assert_int_equal(e.priority, 6);
        assert_int_equal(e.size, 11);
        assert_memory_equal(e.text, "hello world", 11);
        assert_int_equal(e.origin, 'o');
        assert_true(log_entry_parse("1 6e complaint", 14, &e));
        assert_int_equal(e.origin, 'e');
        assert_memory_equal(e.text, "complaint", 9);
        assert_true(log_entry_parse("1 5b started", 12, &e));
        assert_int_equal(e.origin, 'b');
        assert_true(log_entry_parse("1 3 ", 4, &e));
        assert_int_equal(e.size, 0);
        assert_true(log_entry_parse("1 3", 3, &e));
        assert_int_equal(e.size, 0);
        assert_false(log_entry_parse("", 0, &e));
        assert_false(log_entry_parse("x 3 y", 5, &e));
        assert_false(log_entry_parse("1 9 y", 5, &e));
        assert_false(log_entry_parse("1 33 y", 6, &e));
        assert_false(log_entry_parse("1 3x y", 6, &e));
        assert_false(log_entry_parse("1 3ee y", 7, &e));
        assert_false(log_entry_parse("1", 1, &e));
        assert_false(log_entry_parse("1 ", 2, &e));
}

static void test_tail(void **state) {
        Fixture *f = *state;

        assert_int_equal(log_reader_tail(f->reader, SIZE_MAX), 0); /* nothing there yet */
        expect(f, "");
        append(f, "log.2", "1 6 a\n2 6 b\n");
        append(f, "log.1", "3 6 c\n4 6 d\n");
        append(f, "log", "5 6 e\n6 6 f\n");
        reopen(f);
        assert_int_equal(log_reader_tail(f->reader, SIZE_MAX), 0);
        expect(f, "a|b|c|d|e|f|");
        reopen(f);
        assert_int_equal(log_reader_tail(f->reader, 3), 0);
        expect(f, "d|e|f|");
        reopen(f);
        assert_int_equal(log_reader_tail(f->reader, 2), 0);
        expect(f, "e|f|");
        reopen(f);
        assert_int_equal(log_reader_tail(f->reader, 100), 0);
        expect(f, "a|b|c|d|e|f|");
        reopen(f);
        assert_int_equal(log_reader_tail(f->reader, 0), 0);
        expect(f, "");
        assert_int_equal(log_reader_catch_up(f->reader), 0);
        expect(f, "");
        append(f, "log", "7 6 g\n");
        assert_int_equal(log_reader_catch_up(f->reader), 0);
        expect(f, "g|");
}

/* More than one block, so that the search from the end has to go on. */
static void test_long(void **state) {
        char wide[50001], line[50020];
        Fixture *f = *state;

        memset(wide, 'x', 50000);
        wide[50000] = 0;
        for (unsigned i = 0; i < 4; i++) {
                (void)snprintf(line, sizeof(line), "%u 6 %s\n", i + 1, wide);
                append(f, "log", line);
        }
        assert_int_equal(log_reader_tail(f->reader, 2), 0);
        assert_int_equal(strlen(f->seen), 2 * 50001);
}

static void test_rotation(void **state) {
        Fixture *f = *state;

        append(f, "log", "1 6 a\n");
        assert_int_equal(log_reader_tail(f->reader, SIZE_MAX), 0);
        expect(f, "a|");
        append(f, "log", "2 6 ha");
        assert_int_equal(log_reader_catch_up(f->reader), 0);
        expect(f, "");
        append(f, "log", "lf\n3 6 last\n");
        rotate(f, "log", "log.1");
        assert_int_equal(log_reader_catch_up(f->reader), 0); /* the new file is not there yet */
        expect(f, "half|last|");
        append(f, "log", "4 6 b\n");
        rotate(f, "log.1", "log.2");
        rotate(f, "log", "log.1"); /* twice in one go: nothing between is lost */
        append(f, "log", "5 6 c\n");
        assert_int_equal(log_reader_catch_up(f->reader), 0);
        expect(f, "b|c|");
        assert_int_equal(log_reader_catch_up(f->reader), 0);
        expect(f, "");
}

static void test_removed(void **state) {
        Fixture *f = *state;

        append(f, "log", "1 6 a\n");
        assert_int_equal(log_reader_tail(f->reader, SIZE_MAX), 0);
        expect(f, "a|");
        assert_int_equal(remove(path_of(f, "log")), 0); /* rotated so far that ours is gone */
        append(f, "log.1", "2 6 b\n");
        append(f, "log", "3 6 c\n");
        assert_int_equal(log_reader_catch_up(f->reader), 0);
        expect(f, "b|c|");
}

static void test_rubbish(void **state) {
        Fixture *f = *state;

        append(f, "log", "no number\n\n1 6 good\n2 6 unfinished");
        assert_int_equal(log_reader_tail(f->reader, SIZE_MAX), 0);
        expect(f, "no number||good|");
}

/* A link or a FIFO in the log's place is not opened, and never waited for. */
static void test_links(void **state) {
        Fixture *f = *state;

        assert_int_equal(symlink("/etc/passwd", path_of(f, "log")), 0);
        assert_int_equal(log_reader_tail(f->reader, SIZE_MAX), -ELOOP);
        expect(f, "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_entries),
                cmocka_unit_test_setup_teardown(test_tail, setup, teardown),
                cmocka_unit_test_setup_teardown(test_long, setup, teardown),
                cmocka_unit_test_setup_teardown(test_rotation, setup, teardown),
                cmocka_unit_test_setup_teardown(test_removed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_rubbish, setup, teardown),
                cmocka_unit_test_setup_teardown(test_links, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
