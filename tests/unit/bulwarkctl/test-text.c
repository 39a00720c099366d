/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everything of bulwarkctl that is text in, text out. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tools/bulwarkctl/escape.h"
#include "tools/bulwarkctl/moment.h"
#include "tools/bulwarkctl/property-text.h"
#include "tools/bulwarkctl/table.h"
#include "tools/bulwarkctl/terminal.h"
#include "tools/bulwarkctl/time-text.h"
#include "tools/bulwarkctl/verbs.h"

static void check(char *got, const char *expected) {
        assert_non_null(got);
        assert_string_equal(got, expected);
        free(got);
}

static void test_escape(void **state) {
        check(escape_text("plain\ttext", 0), "plain\ttext");
        check(escape_text("\x1b[2J\x07\x7f", 0), "\\x1b[2J\\x07\\x7f");
        check(escape_text("a\nb\r", 0), "a\\nb\\r");
        check(escape_text("a\nb\r", ESCAPE_LINES), "a\nb\\r");
        check(escape_text("\xc3\xa4\xe2\x82\xac", 0), "\xc3\xa4\xe2\x82\xac");
        check(escape_text("\xc3\xa4", ESCAPE_ASCII), "\\xe4");
        check(escape_text("\xc2\x9b""31m", 0), "\\x9b31m");         /* CSI as one character */
        check(escape_text("\x9b""31m\xff", 0), "\\x9b31m\\xff");    /* and as one byte */
        check(escape_text("\xe2\x80\xae", 0), "\\u202e");           /* right-to-left override */
        check(escape_text("\xf3\xa0\x80\x81", 0), "\\U000e0001");   /* tag */
        check(escape_text("\xc0\xaf\xed\xa0\x80", 0), "\\xc0\\xaf\\xed\\xa0\\x80"); /* overlong, surrogate */
        check(escape_bytes("a\0b", 3, 0), "a\\x00b");
        check(escape_json("\"\xc2\x9b\x7f\xe2\x80\xae\xc3\xa4\xf3\xa0\x80\x81\""),
              "\"\\u009b\\u007f\\u202e\xc3\xa4\\udb40\\udc01\"");
        check(utf8_repair("a\0\xff", 3), "a\xef\xbf\xbd\xef\xbf\xbd");
}

/* 2023-11-14 22:13:20 UTC, a Tuesday */
#define NOW (UINT64_C(1700000000) * USEC_PER_SEC)

static void test_moments(void **state) {
        static const struct {
                const char *text;
                int64_t usec; /* < 0: none */
        } rows[] = {
                { "now", 1700000000000000 },
                { "today", 1699920000000000 },
                { "yesterday", 1699833600000000 },
                { "tomorrow", 1700006400000000 },
                { "@1", 1000000 },
                { "@1.5", 1500000 },
                { "2023-11-14 22:13:20", 1700000000000000 },
                { "2023-11-14T22:13:20Z", 1700000000000000 },
                { "2023-11-14T23:13:20+01:00", 1700000000000000 },
                { "2023-11-14 22:13:20.25", 1700000000250000 },
                { "2023-11-14 22:13", 1699999980000000 },
                { "2023-11-14", 1699920000000000 },
                { "22:13", 1699999980000000 },
                { "22:13:20", 1700000000000000 },
                { "1h ago", 1699996400000000 },
                { "-1h", 1699996400000000 },
                { "10m", 1699999400000000 },
                { "1h 30min", 1699994600000000 },
                { "+1min", 1700000060000000 },
                { "100y", 0 }, /* before there was time */
                { "", -1 },
                { "soon", -1 },
                { "10", -1 },
                { "ago", -1 },
                { "-1h ago", -1 },
                { "2023-13-01", -1 },
                { "2023-11-14 25:00", -1 },
                { "2023-11-14T22:13:20+99:00", -1 },
                { "2023-11-14 22:13 and", -1 },
                { "@", -1 },
                { "@-1", -1 },
                { "@99999999999999999999", -1 },
                { "infinity", -1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t usec = 1;
                int r = moment_parse(rows[i].text, NOW, &usec);

                if (r != (rows[i].usec < 0 ? -EINVAL : 0) || (r >= 0 && (int64_t)usec != rows[i].usec))
                        fail_msg("\"%s\": %d, %llu", rows[i].text, r, (unsigned long long)usec);
        }
}

static void test_width(void **state) {
        assert_int_equal(text_width("abc"), 3);
        assert_int_equal(text_width("\xc3\xa4\xe2\x80\xa6"), 2);
        assert_int_equal(text_width("\xe6\xbc\xa2"), 2);      /* wide */
        assert_int_equal(text_width("a\xcc\x88"), 1);         /* combining */
        assert_int_equal(text_fit("\xe6\xbc\xa2\xe6\xbc\xa2", 3), 3);
        assert_int_equal(text_fit("abc", 2), 2);
        assert_int_equal(text_fit("abc", 9), 3);
}

static void test_spans(void **state) {
        check(span_to_text(0, 2), "0");
        check(span_to_text(250, 2), "250us");
        check(span_to_text(1500, 2), "1ms");
        check(span_to_text(90 * USEC_PER_SEC, 2), "1min 30s");
        check(span_to_text(1250000, 2), "1.250s");
        check(span_to_text(UINT64_C(3600) * USEC_PER_SEC, 2), "1h");
        check(span_to_text(UINT64_C(90061) * USEC_PER_SEC, 4), "1 day 1h 1min 1s");
        check(span_to_text(UINT64_C(90061) * USEC_PER_SEC, 2), "1 day 1h");
        check(span_to_text(USEC_INFINITY, 2), "infinity");

        check(ago_to_text(100 * USEC_PER_SEC, 402 * USEC_PER_SEC), "5min 2s ago");
        check(ago_to_text(402 * USEC_PER_SEC, 398 * USEC_PER_SEC), "in 4s");
        check(ago_to_text(100 * USEC_PER_SEC, 100 * USEC_PER_SEC + 5), "just now");
        check(ago_to_text(0, UINT64_C(3) * 86400 * USEC_PER_SEC + 7 * USEC_PER_SEC), "3 days ago");
}

static void test_amounts(void **state) {
        check(size_to_text(0), "0B");
        check(size_to_text(1023), "1023B");
        check(size_to_text(1024), "1K");
        check(size_to_text(1572864), "1.5M");
        check(size_to_text(UINT64_MAX - 1), "15.9E");
        check(size_to_text(UINT64_MAX), "infinity");
        setenv("TZ", "UTC", 1);
        check(timestamp_to_text(UINT64_C(1700000000) * USEC_PER_SEC), "Tue 2023-11-14 22:13:20 UTC");
        check(timestamp_to_text(0), "n/a");
        check(log_time_to_text(UINT64_C(1700000000) * USEC_PER_SEC), "Nov 14 22:13:20");
}

/* --- tables */
static void print_to(const Table *t, const Ui *ui, bool header, const char *expected) {
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(f);
        assert_int_equal(table_print(t, ui, f, header), 0);
        assert_int_equal(fclose(f), 0);
        check(text, expected);
}

static void test_table(void **state) {
        static const char *const headers[] = { "NAME", "TEXT HERE" };
        Ui ui = { .width = SIZE_MAX, .utf8 = true };
        char *text = NULL;
        size_t size = 0;
        FILE *f;
        Table t;

        table_init(&t, headers, 2, 1);
        print_to(&t, &ui, true, "NAME TEXT HERE\n");
        assert_int_equal(table_add(&t, "web", COLOR_RED), 0);
        assert_int_equal(table_add(&t, "a long description", COLOR_NONE), 0);
        assert_int_equal(table_add(&t, "b\x1b", COLOR_NONE), 0);
        assert_int_equal(table_add_number(&t, 42), 0);
        table_sort(&t);
        print_to(&t, &ui, true, "NAME  TEXT HERE\nb\\x1b 42\nweb   a long description\n");
        print_to(&t, &ui, false, "b\\x1b 42\nweb   a long description\n");
        ui.width = 15;
        print_to(&t, &ui, false, "b\\x1b 42\nweb   a long d\xe2\x80\xa6\n");
        ui.utf8 = false;
        print_to(&t, &ui, false, "b\\x1b 42\nweb   a long d~\n");
        ui.width = 3; /* never narrower than can be read */
        print_to(&t, &ui, false, "b\\x1b 42\nweb   a long ~\n");
        ui.width = SIZE_MAX;
        ui.colors = true;
        print_to(&t, &ui, false, "b\\x1b 42\n\x1b[1;31mweb\x1b[0m   a long description\n");

        f = open_memstream(&text, &size);
        assert_int_equal(table_print_json(&t, f, FORMAT_JSON), 0);
        assert_int_equal(fclose(f), 0);
        check(text, "[{\"name\":\"b\\u001b\",\"text_here\":42},"
                    "{\"name\":\"web\",\"text_here\":\"a long description\"}]\n");
        table_done(&t);

        table_init(&t, headers, 2, 1);
        assert_int_equal(table_add(&t, "a", COLOR_NONE), 0);
        assert_int_equal(table_add(&t, "", COLOR_NONE), 0);
        ui.colors = false;
        print_to(&t, &ui, false, "a\n");
        table_done(&t);
}

/* --- properties */
static void property_check(const char *name, const char *json, const char *expected, bool empty) {
        json_object *o = json_tokener_parse(json);

        check(property_to_text(name, o), expected);
        assert_int_equal(property_is_empty(name, o), empty);
        json_object_put(o);
}

static void test_properties(void **state) {
        property_check("Id", "\"web\"", "web", false);
        property_check("Id", "\"a b\\u001b\"", "a b\\x1b", false);
        property_check("Id", "\"\"", "", true);
        property_check("ReadOnly", "true", "yes", false);
        property_check("ReadOnly", "false", "no", false);
        property_check("MainPID", "0", "0", false);
        property_check("ExecMainStatus", "-7", "-7", false);
        property_check("MemoryCurrent", "18446744073709551615", "[not set]", false);
        property_check("MemoryMax", "18446744073709551615", "infinity", false);
        property_check("CPUUsageNSec", "5000000", "5000000", false);
        property_check("CPUWeight", "18446744073709551615", "[not set]", false);
        property_check("CapabilityBoundingSet", "0", "", false);
        property_check("CapabilityBoundingSet", "33", "CAP_CHOWN CAP_KILL", false);
        property_check("AmbientCapabilities", "0", "", true);
        property_check("TimeoutStopSec", "90000000", "1min 30s", false);
        property_check("ActiveEnterTimestamp", "0", "", true);
        property_check("DropInPaths", "[\"/a\", \"/b c\", \"\"]", "/a \"/b c\" \"\"", false);
        property_check("DropInPaths", "[]", "", true);
        property_check("LoadError", "[\"\", \"\"]", "\"\" \"\"", true);
        property_check("BindPaths", "[[\"/a\", \"/b\"], [\"/c\", \"/d\"]]", "/a /b ; /c /d", false);
        property_check("Labels", "{\"a\": 1, \"b\": \"x\"}", "a=1 b=x", false);
}

/* --- the command line */
static void parse(const char *line, Options *ret) {
        static char buffer[512], *argv[32];
        _cleanup_free_ char *mistake = NULL;
        int argc = 1;

        (void)snprintf(buffer, sizeof(buffer), "%s", line);
        argv[0] = (char *)"bulwarkctl";
        for (char *w = strtok(buffer, " "); w; w = strtok(NULL, " "))
                argv[argc++] = w;
        argv[argc] = NULL;
        if (options_parse(argc, argv, ret, &mistake) < 0)
                fail_msg("%s: %s", line, strempty(mistake));
}

static void parse_fails(const char *line, const char *words) {
        static char buffer[512], *argv[32];
        char *mistake = NULL;
        Options o;
        int argc = 1;

        (void)snprintf(buffer, sizeof(buffer), "%s", line);
        argv[0] = (char *)"bulwarkctl";
        for (char *w = strtok(buffer, " "); w; w = strtok(NULL, " "))
                argv[argc++] = w;
        argv[argc] = NULL;
        assert_int_equal(options_parse(argc, argv, &o, &mistake), -EINVAL);
        if (!strstr(mistake, words))
                fail_msg("%s: got \"%s\", expected \"%s\"", line, mistake, words);
        free(mistake);
}

static void test_options(void **state) {
        Options o;

        parse("-q kill -s HUP a --kill-whom all b", &o);
        assert_string_equal(o.verb->name, "kill");
        assert_true(o.quiet);
        assert_int_equal(o.signal, SIGHUP);
        assert_string_equal(o.kill_whom, "all");
        assert_int_equal(o.n_arguments, 2);
        assert_string_equal(o.arguments[1], "b");
        options_done(&o);

        parse("logs -fn5 web --output=json --no-leg", &o);
        assert_true(o.follow);
        assert_int_equal(o.lines, 5);
        assert_int_equal(o.output, FORMAT_JSON);
        options_done(&o);

        parse("show web -p A,B --property C", &o);
        assert_string_equal(o.properties[0], "A");
        assert_string_equal(o.properties[2], "C");
        options_done(&o);

        /* what follows the container's name is the payload's */
        parse("exec -T web ls -t --tty", &o);
        assert_true(o.no_tty);
        assert_false(o.tty);
        assert_int_equal(o.n_arguments, 4);
        assert_string_equal(o.arguments[3], "--tty");
        options_done(&o);
        parse("exec web -- ls -- -x", &o);
        assert_int_equal(o.n_arguments, 4);
        assert_string_equal(o.arguments[1], "ls");
        assert_string_equal(o.arguments[2], "--");
        options_done(&o);
        parse("exec -- web ls", &o);
        assert_int_equal(o.n_arguments, 2);
        options_done(&o);
        parse("start -- -odd", &o);
        assert_string_equal(o.arguments[0], "-odd");
        options_done(&o);
        parse("policy -q diff a --selinux b", &o);
        assert_string_equal(o.verb->name, "policy diff");
        assert_int_equal(o.n_arguments, 2);
        assert_true(o.selinux && o.quiet && !o.caps);
        options_done(&o);
        parse("logs -n all web", &o);
        assert_int_equal(o.lines, LINES_ALL);
        options_done(&o);
}

static void test_mistakes(void **state) {
        parse_fails("", "a command is missing");
        parse_fails("lst", "did you mean \"list\"");
        parse_fails("policy", "\"policy\" needs a second word");
        parse_fails("policy web", "there is no command \"policy web\"");
        parse_fails("policy shwo web", "did you mean \"policy show\"");
        parse_fails("policy show", "needs more arguments: bulwarkctl policy show NAME|FILE");
        parse_fails("policy diff a", "needs more arguments");
        parse_fails("policy diff --listing a b", "--listing has no meaning for \"policy diff\"");
        parse_fails("policy install web", "fewer arguments");
        parse_fails("list --no-legned", "did you mean --no-legend");
        parse_fails("list --no", "short for more than one");
        parse_fails("list -y", "there is no option -y");
        parse_fails("list --all=yes", "takes no value");
        parse_fails("logs web -n", "--lines needs a value");
        parse_fails("logs web -n -1", "\"-1\" is no value");
        parse_fails("logs web -n 99999999999999999999", "is no value");
        parse_fails("list -o yaml", "table, wide (list only), json or json-pretty");
        parse_fails("kill -s 0 web", "is no value for --signal");
        parse_fails("kill --kill-whom=some web", "leader or all");
        parse_fails("exec -e 1A=2 web true", "is no value for --env");
        parse_fails("exec --user= web true", "is no value for --user");
        parse_fails("show -p A,,B web", "is no value for --property");
        parse_fails("list -f", "--follow has no meaning for \"list\"");
        parse_fails("stop --wait web", "--wait has no meaning");
        parse_fails("exec -tT web true", "contradict");
        parse_fails("show --value -o json web", "contradict");
        parse_fails("start", "needs more arguments");
        parse_fails("plan a b", "fewer arguments");
}

static void test_tables(void **state) {
        for (size_t i = 0; i < n_verb_rows; i++) {
                const Verb *v = verb_rows + i;

                assert_ptr_equal(verb_find(v->name), v);
                assert_true(v->min <= v->max);
                assert_true((v->max == 0) == !v->arguments);
                assert_non_null(v->help);
                for (size_t k = 0; k < i; k++)
                        assert_string_not_equal(v->name, verb_rows[k].name);
        }
        for (size_t i = 0; i < _OPTION_MAX; i++) {
                uint64_t used = OPTIONS_COMMON;

                for (size_t k = 0; k < n_verb_rows; k++)
                        used |= verb_rows[k].options;
                assert_true(used & (UINT64_C(1) << i)); /* an option that no command takes is dead */
                for (size_t k = 0; k < i; k++) {
                        assert_string_not_equal(option_rows[i].name, option_rows[k].name);
                        if (!option_rows[i].letter || option_rows[i].letter != option_rows[k].letter)
                                continue;
                        /* A letter may be shared, but no command may take both, nor may it be unclear whether a value follows. */
                        assert_true(option_rows[i].metavar && option_rows[k].metavar);
                        for (size_t v = 0; v < n_verb_rows; v++)
                                assert_false(FLAGS_SET(verb_rows[v].options | OPTIONS_COMMON,
                                                       UINT64_C(1) << i | UINT64_C(1) << k));
                }
        }
}

/* --- exit codes */
static int exit_of(const char *name, int r) {
        sd_bus_error e = { .name = name, .message = "words" };

        return client_exit_status(name ? &e : NULL, r);
}

static void test_exit_codes(void **state) {
        assert_int_equal(exit_of("org.bulwark1.Error.Failed", -EIO), 1);
        assert_int_equal(exit_of("org.bulwark1.Error.InvalidArguments", -EINVAL), 2);
        assert_int_equal(exit_of("org.bulwark1.Error.NotActive", -ESRCH), 3);
        assert_int_equal(exit_of("org.bulwark1.Error.NoSuchUnit", -ENOENT), 4);
        assert_int_equal(exit_of("org.bulwark1.Error.PolicyRefused", -EINVAL), 5);
        assert_int_equal(exit_of("org.bulwark1.Error.AccessDenied", -EACCES), 6);
        assert_int_equal(exit_of("org.bulwark1.Error.ManagerUnreachable", -EIO), 7);
        assert_int_equal(exit_of("org.bulwark1.Error.NotYetInvented", -EIO), 1);
        assert_int_equal(exit_of(SD_BUS_ERROR_ACCESS_DENIED, -EACCES), 6);
        assert_int_equal(exit_of(SD_BUS_ERROR_NO_REPLY, -ECONNRESET), 7);
        assert_int_equal(exit_of(SD_BUS_ERROR_UNKNOWN_METHOD, -EBADR), 1);
        assert_int_equal(exit_of(NULL, -ECONNRESET), 7);
        assert_int_equal(exit_of(NULL, -EACCES), 6);
        assert_int_equal(exit_of(NULL, -ENOMEM), 1);

        assert_int_equal(payload_exit_status(CLD_EXITED, 0), 0);
        assert_int_equal(payload_exit_status(CLD_EXITED, 255), 255);
        assert_int_equal(payload_exit_status(CLD_KILLED, SIGKILL), 137);
        assert_int_equal(payload_exit_status(CLD_DUMPED, SIGSEGV), 139);
        assert_int_equal(payload_exit_status(0, 0), -ENODATA);
        assert_int_equal(program_failure_status("org.bulwark1.Error.ProgramMissing"), 127);
        assert_int_equal(program_failure_status("org.bulwark1.Error.ExecFailed"), 126);
        assert_int_equal(program_failure_status("org.bulwark1.Error.LaunchFailed"), -ENODATA);
        assert_int_equal(program_failure_status(NULL), -ENODATA);
}

static void test_names(void **state) {
        char buffer[256];

        assert_string_equal(container_name_of("web", buffer), "web");
        assert_string_equal(container_name_of("web.container", buffer), "web");
        assert_string_equal(container_name_of("web@a.container", buffer), "web@a");
        assert_string_equal(container_name_of(".container", buffer), ".container");
        assert_true(term_is_safe("xterm-256color"));
        assert_false(term_is_safe(""));
        assert_false(term_is_safe(NULL));
        assert_false(term_is_safe("../../etc/x"));
        assert_false(term_is_safe("x\ny"));
}

static void test_escape_watch(void **state) {
        EscapeWatch w = {};

        assert_true(escape_watch(&w, "\x1d\x1d\x1d", 3, 0));
        w = (EscapeWatch){};
        assert_false(escape_watch(&w, "\x1d\x1dx\x1d", 4, 0));
        assert_false(escape_watch(&w, "\x1d", 1, 10));
        assert_true(escape_watch(&w, "\x1d", 1, 20));
        w = (EscapeWatch){};
        assert_false(escape_watch(&w, "\x1d\x1d", 2, 0));
        assert_false(escape_watch(&w, "\x1d", 1, USEC_PER_SEC + 1));
        assert_false(escape_watch(&w, "\x1d", 1, USEC_PER_SEC + 2));
        assert_true(escape_watch(&w, "\x1d", 1, USEC_PER_SEC + 3));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_escape),
                cmocka_unit_test(test_moments),     cmocka_unit_test(test_width),
                cmocka_unit_test(test_spans),      cmocka_unit_test(test_amounts),
                cmocka_unit_test(test_table),      cmocka_unit_test(test_properties),
                cmocka_unit_test(test_options),    cmocka_unit_test(test_mistakes),
                cmocka_unit_test(test_tables),     cmocka_unit_test(test_exit_codes),
                cmocka_unit_test(test_names),      cmocka_unit_test(test_escape_watch),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
