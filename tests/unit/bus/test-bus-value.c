/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "manager/base/string-list.h"
#include "manager/bus/bus-value.h"
#include "units/values/value.h"

/* A message needs a bus, and a bus a peer; nothing is ever sent. */
typedef struct Fixture {
        sd_bus *bus;
        int peer;
} Fixture;

static int setup(void **state) {
        Fixture *f = calloc(1, sizeof(Fixture));
        int fds[2];

        assert_non_null(f);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        f->peer = fds[1];
        assert_true(sd_bus_new(&f->bus) >= 0);
        assert_true(sd_bus_set_fd(f->bus, fds[0], fds[0]) >= 0);
        assert_true(sd_bus_start(f->bus) >= 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        sd_bus_close_unref(f->bus);
        (void)close(f->peer);
        free(f);
        return 0;
}

static sd_bus_message *message(Fixture *f) {
        sd_bus_message *m = NULL;

        assert_true(sd_bus_message_new_signal(f->bus, &m, "/a", "a.b", "c") >= 0);
        return m;
}

static void seal(sd_bus_message *m) {
        assert_true(sd_bus_message_seal(m, 1, 0) >= 0);
        assert_true(sd_bus_message_rewind(m, true) >= 0);
}

static void test_text(void **state) {
        static const struct {
                const char *bytes, *text;
        } rows[] = {
                { "", "" },
                { "plain", "plain" },
                { "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
                { "w\xe9" "b", "w\\xe9b" },                     /* Latin-1 */
                { "\xc0\xaf", "\\xc0\\xaf" },                   /* overlong */
                { "\xed\xa0\x80", "\\xed\\xa0\\x80" },          /* surrogate */
                { "\xef\xbf\xbf", "\\xef\\xbf\\xbf" },          /* noncharacter */
                { "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* beyond Unicode */
                { "a\xe2\x82", "a\\xe2\\x82" },                 /* cut off */
                { "\xff", "\\xff" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = message(*state);
                _cleanup_free_ char *text = bus_text(rows[i].bytes);
                const char *read;

                assert_string_equal(text, rows[i].text);
                assert_int_equal(bus_append_text(m, rows[i].bytes), 0);
                seal(m);
                assert_true(sd_bus_message_read(m, "s", &read) > 0);
                assert_string_equal(read, rows[i].text);
        }
}

static void test_exploded(void **state) {
        char *words[] = { (char *)"a", (char *)"b", (char *)"c", (char *)"d", NULL }, *no = (char *)"0";
        char *numbers[] = { (char *)"18446744073709551615", NULL }, *negative[] = { (char *)"-1", NULL };
        char *mixed[] = { (char *)"1", (char *)"x", (char *)"y", NULL };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = message(*state);
        const char *a, *b, *c, *d;
        uint64_t t;
        int32_t i;
        int truth;

        assert_int_equal(bus_append_exploded(m, "as", words), 0);
        assert_int_equal(bus_append_exploded(m, "a(ss)", words), 0);
        assert_int_equal(bus_append_exploded(m, "t", numbers), 0);
        assert_int_equal(bus_append_exploded(m, "i", negative), 0);
        assert_int_equal(bus_append_exploded(m, "(bas)", mixed), 0);
        assert_int_equal(bus_append_exploded(m, "b", (char *[]){ no, NULL }), 0);
        assert_int_equal(bus_append_exploded(m, "a(ss)", NULL), 0);
        assert_int_equal(bus_append_exploded(m, "(sts)", NULL), 0);
        seal(m);
        assert_true(sd_bus_message_read(m, "as", 4, &a, &b, &c, &d) > 0);
        assert_string_equal(d, "d");
        assert_true(sd_bus_message_read(m, "a(ss)", 2, &a, &b, &c, &d) > 0);
        assert_string_equal(c, "c");
        assert_true(sd_bus_message_read(m, "t", &t) > 0);
        assert_true(t == UINT64_MAX);
        assert_true(sd_bus_message_read(m, "i", &i) > 0);
        assert_int_equal(i, -1);
        assert_true(sd_bus_message_read(m, "(bas)", &truth, 2, &a, &b) > 0);
        assert_true(truth);
        assert_string_equal(b, "y");
        assert_true(sd_bus_message_read(m, "b", &truth) > 0);
        assert_false(truth);
        assert_true(sd_bus_message_read(m, "a(ss)", 0) > 0);
        assert_true(sd_bus_message_read(m, "(sts)", &a, &t, &b) > 0);
        assert_string_equal(a, "");
        assert_true(t == 0);
}

static void test_exploded_refused(void **state) {
        static const struct {
                const char *signature, *words[3];
        } rows[] = {
                { "s", { "one", "two" } },      { "t", { "-1" } },
                { "t", { "ten" } },             { "t", { "" } },
                { "u", { "4294967296" } },      { "y", { "256" } },
                { "i", { "2147483648" } },      { "b", { "2" } },
                { "t", { "18446744073709551616" } }, { "i", { "" } },
                { "", { NULL } },               { "ss", { "a", "b" } },
                { "(s", { "a" } },              { "a", { NULL } },
                { "v", { "a" } },               { "a{ss}", { "a", "b" } },
                { "()", { NULL } },             { ")", { NULL } },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = message(*state);

                if (bus_append_exploded(m, rows[i].signature, (char *const *)rows[i].words) != -EINVAL)
                        fail_msg("'%s' was taken", rows[i].signature);
        }
}

/* Whatever the language's types are, the walker must be able to carry them. */
static void test_every_type(void **state) {
        for (size_t i = 0; i < value_types_count(); i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = message(*state);
                const ValueType *type = value_types[i];
                _cleanup_free_ void *field = calloc(1, type->size);
                _cleanup_strv_ char **words = NULL;

                assert_non_null(field);
                assert_int_equal(type->explode(field, &words), 0);
                if (bus_append_exploded(m, type->signature, words) < 0)
                        fail_msg("%s (%s)", type->name, type->signature);
                if (bus_append_exploded(m, type->signature, NULL) < 0)
                        fail_msg("%s (%s), never loaded", type->name, type->signature);
        }
}

static void test_errors(void **state) {
        static const struct {
                int error;
                const char *name;
        } rows[] = {
                { -ENOMEM, "org.bulwark1.Error.NoMemory" },  { -EMFILE, "org.bulwark1.Error.NoMemory" },
                { -ESRCH, "org.bulwark1.Error.NotActive" },  { -EACCES, "org.bulwark1.Error.AccessDenied" },
                { -ENOENT, "org.bulwark1.Error.NoSuchUnit" }, { -EXDEV, "org.bulwark1.Error.Failed" },
        };
        _cleanup_(sd_bus_error_free) sd_bus_error words = SD_BUS_ERROR_NULL, made = SD_BUS_ERROR_NULL;
        _cleanup_(diag_done) Diag diag = {}, many = {};

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

                assert_true(bus_error_set_diag(&error, NULL, rows[i].error) < 0);
                assert_string_equal(error.name, rows[i].name);
                assert_string_equal(error.message, strerror(-rows[i].error));
        }

        diag_warning(&diag, ERROR_FAILED, NULL, NULL, "not told");
        (void)diag_error(&diag, ERROR_BAD_VALUE, &(Origin){ "w\xe9.container", 4 }, "User", "no such user");
        assert_true(bus_error_set_diag(&words, &diag, -EINVAL) < 0);
        assert_string_equal(words.name, "org.bulwark1.Error.BadValue");
        assert_string_equal(words.message, "w\\xe9.container:4: User=: no such user");

        for (unsigned i = 0; i < 5000; i++)
                (void)diag_error(&many, ERROR_SYNTAX, NULL, NULL, "mistake number %u", i);
        sd_bus_error_free(&words);
        assert_true(bus_error_set_diag(&words, &many, -EINVAL) < 0);
        assert_true(strlen(words.message) < 66000);
        assert_non_null(endswith(words.message, "..."));

        assert_true(bus_error_set_code(&made, ERROR_USAGE, "%d is \xff", 7) < 0);
        assert_string_equal(made.name, "org.bulwark1.Error.InvalidArguments");
        assert_string_equal(made.message, "7 is \\xff");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text),       cmocka_unit_test(test_exploded),
                cmocka_unit_test(test_exploded_refused), cmocka_unit_test(test_every_type),
                cmocka_unit_test(test_errors),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
