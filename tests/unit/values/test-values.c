/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every value type: what is accepted and how it is written back, what is refused and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "manager/base/string-list.h"
#include "units/values/text.h"
#include "units/values/types.h"

typedef union AnyValue {
#define X(name) value_##name v_##name;
        VALUE_TYPES(X)
#undef X
} AnyValue;

/* "%N" and "%p" are the unit's name, "%i" is nothing, "%%" a percent sign, all else a mistake: enough to see what is expanded. */
static int test_expand(const ValueContext *c, const char *word, char **ret) {
        char *s = NULL;

        for (const char *p = word; *p; p++) {
                bool name = p[0] == '%' && (p[1] == 'N' || p[1] == 'p'), none = p[0] == '%' && p[1] == 'i';

                if (*p == '%' && !name && !none && p[1] != '%') {
                        free(s);
                        return value_error(c, "unknown specifier");
                }
                if (name)
                        assert_int_equal(str_append(&s, "web"), 0);
                else if (!none)
                        assert_int_equal(str_append(&s, "%c", *p), 0);
                p += *p == '%';
        }
        *ret = s ? s : strdup("");
        return 0;
}

typedef struct Row {
        const char *type, *text;
        const char *printed; /* NULL: refused */
        const char *words;   /* of the message, where refused */
        const char *directive;
} Row;

static const Row rows[] = {
#include "tests/unit/values/rows.inc"
};

static void value_done(const ValueType *t, AnyValue *v) {
        if (t->done)
                t->done(v);
}

/* The shape that the bus room relies on. */
static void check_explode(const ValueType *t, const AnyValue *v, const char *text) {
        _cleanup_strv_ char **l = NULL;
        size_t n;

        assert_int_equal(t->explode(v, &l), 0);
        n = strv_length(l);
        for (size_t i = 0; i < n; i++)
                assert_true(utf8_valid(l[i], strlen(l[i])));
        if (strchr("stbiu", t->signature[0]) && !t->signature[1]) {
                if (n != 1)
                        fail_msg("%s '%s': %zu strings for one value", t->name, text, n);
                if (t->signature[0] != 's') {
                        const char *digits = l[0] + (t->signature[0] == 'i' && *l[0] == '-');

                        assert_true(*digits && strspn(digits, "0123456789") == strlen(digits));
                }
        } else if (streq(t->signature, "a(ss)") || streq(t->signature, "a(st)"))
                assert_int_equal(n % 2, 0);
        else
                assert_string_equal(t->signature, "as");
}

static void check_round_trip(const ValueType *t, const ValueContext *c, const char *text) {
        _cleanup_free_ char *again = NULL;
        AnyValue v = {};

        assert_int_equal(t->parse(c, text, &v), 0);
        assert_int_equal(t->print(&v, &again), 0);
        assert_string_equal(again, text);
        value_done(t, &v);
}

static void check_row(const Row *row) {
        const ValueType *t = value_type_find(row->type);
        _cleanup_(diag_done) Diag diag = {};
        ValueContext c = {.diag = &diag,
                          .origin = {"unit", 7},
                          .directive = row->directive ? row->directive : "X",
                          .expand = test_expand};
        _cleanup_free_ char *printed = NULL, *words = NULL;
        AnyValue v = {};
        int r;

        assert_non_null(t);
        r = t->parse(&c, row->text, &v);
        words = diag_to_string(&diag, true);
        if (!row->printed) {
                if (r >= 0 || !strstr(words, row->words) || !startswith(words, "unit:7: "))
                        fail_msg("%s '%s': answered %d '%s', not '%s'", row->type, row->text, r, words,
                                 row->words);
                value_done(t, &v);
                return;
        }
        if (r < 0)
                fail_msg("%s '%s': refused: %s", row->type, row->text, words);
        assert_int_equal(t->print(&v, &printed), 0);
        if (!streq(printed, row->printed))
                fail_msg("%s '%s': printed '%s', not '%s'", row->type, row->text, printed, row->printed);
        check_explode(t, &v, row->text);
        value_done(t, &v);

        check_round_trip(t, &c, printed);
        c.expand = NULL;
        check_round_trip(t, &c, printed);
}

static void test_rows(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                check_row(&rows[i]);
}

/* A type without both a good and a bad row is not tested. */
static void test_every_type_has_rows(void **state) {
        for (size_t i = 0; i < value_types_count(); i++) {
                const ValueType *t = value_types[i];
                bool good = false, bad = false;

                assert_ptr_equal(value_type_find(t->name), t);
                assert_true(*t->syntax && t->size <= sizeof(AnyValue));
                for (size_t k = 0; k < ELEMENTSOF(rows); k++)
                        if (streq(rows[k].type, t->name))
                                *(rows[k].printed ? &good : &bad) = true;
                if (!good || !bad)
                        fail_msg("%s has no good or no bad row", t->name);
        }
        assert_null(value_type_find("no such type"));
}

static void test_completion_words_parse(void **state) {
        for (size_t i = 0; i < value_types_count(); i++)
                for (const char *const *w = value_types[i]->words; w && *w; w++) {
                        ValueContext c = {.directive = "StandardError"};
                        AnyValue v = {};

                        if (endswith(*w, ":"))
                                continue; /* the beginning of a value */
                        assert_int_equal(value_types[i]->parse(&c, *w, &v), 0);
                        value_done(value_types[i], &v);
                }
}

/* Several assignments: what a list, and the reset of one, makes of them. */
static const struct {
        const char *type, *directive, *texts[4], *printed;
} merges[] = {
        {"address_families", "X", {"AF_UNIX", "AF_INET"}, "AF_UNIX AF_INET"},
        {"address_families", "X", {"AF_UNIX AF_INET", "~AF_INET"}, "AF_UNIX"},
        {"address_families", "X", {"AF_UNIX", "~AF_UNIX"}, "none"},
        {"address_families", "X", {"~AF_NETLINK", "~AF_UNIX"}, "~AF_UNIX AF_NETLINK"},
        {"address_families", "X", {"~AF_NETLINK AF_UNIX", "AF_UNIX"}, "~AF_NETLINK"},
        {"address_families", "X", {"~AF_NETLINK", "AF_NETLINK"}, ""},
        {"address_families", "X", {"none", "AF_UNIX"}, "AF_UNIX"},
        {"address_families", "X", {"AF_UNIX", "none"}, "none"},
        {"address_families", "X", {"AF_UNIX", ""}, ""},
        {"socket_binds", "X", {"tcp:80", "udp"}, "tcp:80 udp"},
        {"socket_binds", "X", {"tcp:80", "", "any"}, "any"},
        {"words", "X", {"a", "b c"}, "a b c"},
        {"words", "X", {"a", "", "b"}, "b"},
        {"environment", "X", {"A=1 B=2", "A=3"}, "A=3 B=2"},
        {"exec_list", "X", {"/a", "/b"}, "/a ; /b"},
        {"exec_list", "X", {"/a", "", "/b"}, "/b"},
        {"binds", "X", {"/a", "", "/b"}, "/b:/b"},
        {"tmpfs", "X", {"/a", "/b"}, "/a /b"},
        {"paths", "X", {"/a", ""}, ""},
        {"exit_statuses", "X", {"1", "2 SIGHUP"}, "1 2 SIGHUP"},
        {"exit_statuses", "X", {"1", "", "2"}, "2"},
        {"syscall_filter", "X", {"@a", NULL}, NULL},
        {"syscall_filter", "X", {"@clock", "~mount", "~umount2"}, "@clock ; ~mount umount2"},
        {"syscall_filter", "X", {"~mount", "", "read"}, "read"},
        {"string", "X", {"a", "b"}, "b"},
        {"path", "X", {"/a", ""}, ""},
        {"capability_list", "X", {"CAP_KILL", "CAP_CHOWN CAP_KILL"}, "CAP_KILL CAP_CHOWN"},
        {"capability_list", "X", {"all", ""}, ""},
        /* systemd.exec(5): OR of plain lists, AND NOT of inverted ones */
        {"capability_set", "CapabilityBoundingSet", {"CAP_CHOWN", "CAP_KILL"}, "CAP_CHOWN CAP_KILL"},
        {"capability_set", "CapabilityBoundingSet", {"CAP_CHOWN CAP_KILL", "~CAP_KILL"}, "CAP_CHOWN"},
        {"capability_set", "CapabilityBoundingSet", {"CAP_CHOWN", "~CAP_CHOWN"}, "none"},
        {"capability_set", "CapabilityBoundingSet", {"CAP_CHOWN", "", "CAP_KILL"}, "CAP_KILL"},
        {"capability_set", "CapabilityBoundingSet", {"CAP_CHOWN", "~"}, "~"},
        {"capability_set", "CapabilityBoundingSet", {"~", "CAP_KILL"}, "CAP_KILL"},
        {"capability_set", "CapabilityBoundingSet", {"", "~CAP_KILL"}, "none"},
        {"capability_set", "AmbientCapabilities", {"CAP_CHOWN", "CAP_KILL"}, "CAP_CHOWN CAP_KILL"},
        {"capability_set", "AmbientCapabilities", {"CAP_CHOWN CAP_KILL", "~CAP_CHOWN"}, "CAP_KILL"},
};

static void test_merges(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(merges); i++) {
                const ValueType *t = value_type_find(merges[i].type);
                ValueContext c = {.directive = merges[i].directive};
                _cleanup_free_ char *printed = NULL;
                AnyValue v = {};
                int r = 0;

                for (size_t k = 0; k < 4 && merges[i].texts[k]; k++)
                        r |= t->parse(&c, merges[i].texts[k], &v);
                if (merges[i].printed) {
                        assert_int_equal(r, 0);
                        assert_int_equal(t->print(&v, &printed), 0);
                        assert_string_equal(printed, merges[i].printed);
                } else
                        assert_true(r < 0);
                value_done(t, &v);
        }
}

/* Inverted once: everything else, to the last bit. */
static void test_inverted_set(void **state) {
        ValueContext c = {.directive = "CapabilityBoundingSet"};
        value_capability_set set = {};

        assert_int_equal(value_type_capability_set.parse(&c, "~CAP_CHOWN CAP_CHECKPOINT_RESTORE", &set), 0);
        assert_true(set.mask == (CAPABILITY_MASK_ALL & ~(UINT64_C(1) | UINT64_C(1) << 40)));
        assert_true(set.set);
}

static void test_all_mistakes_at_once(void **state) {
        _cleanup_(diag_done) Diag diag = {};
        ValueContext c = {.diag = &diag, .directive = "X"};
        value_paths v = {};

        assert_true(value_type_paths.parse(&c, "a /b c /d/..", &v) < 0);
        assert_int_equal(diag.n_errors, 3);
        value_type_paths.done(&v);
}

static void test_bounded(void **state) {
        _cleanup_free_ char *text = malloc(5 * 5000 + 1);
        _cleanup_(diag_done) Diag diag = {};
        ValueContext c = {.diag = &diag, .directive = "X"};
        value_words v = NULL;

        assert_non_null(text);
        for (size_t i = 0; i < 5000; i++)
                memcpy(text + 5 * i, "word ", 6);
        assert_true(value_type_words.parse(&c, text, &v) < 0);
        assert_int_equal(diag.n_errors, 1);
        value_type_words.done(&v);

        for (size_t i = 0; i < 5000; i++)
                memcpy(text + 5 * i, "wo/d ", 6);
        diag_done(&diag);
        assert_true(value_type_paths.parse(&c, text, &(value_paths){}) < 0);
        assert_true(diag.n_errors < 100);
}

/* A message repeats the unit's text: it must not carry what steers a terminal, nor cut a character in two.
 */
static void test_message_is_plain(void **state) {
        char text[2000];
        _cleanup_(diag_done) Diag diag = {};
        ValueContext c = {.diag = &diag, .directive = "X"};
        value_user v = NULL;

        assert_true(value_type_users.parse(&c, "'\\x1b[2Jred'", &(value_users){NULL}) < 0);
        assert_null(strchr(diag.entries[0].text, 0x1b));
        for (size_t i = 0; i < sizeof(text) - 2; i += 2)
                memcpy(text + i, "\xc3\xa9", 3);
        assert_true(value_type_user.parse(&c, text, &v) < 0);
        assert_true(strlen(diag.entries[1].text) < 700);
        assert_true(utf8_valid(diag.entries[1].text, strlen(diag.entries[1].text)));
}

static void test_names(void **state) {
        for (unsigned i = 0; i < 41; i++)
                assert_int_equal(capability_from_string(capability_to_string(i)), i);
        assert_null(capability_to_string(41));
        for (int i = 1; i <= 64; i++)
                if (i != 32 && i != 33)
                        assert_int_equal(signal_from_string(signal_to_string(i)), i);
        assert_null(signal_to_string(0));
        assert_null(signal_to_string(32));
        assert_null(signal_to_string(-1));
        assert_null(signal_to_string(65));
        for (int i = 1; i < 134; i++)
                if (errno_to_string(i))
                        assert_int_equal(errno_from_string(errno_to_string(i)), i);
        assert_null(errno_to_string(0));
        assert_true(errno_from_string("EFOO") < 0);
        for (int i = 0; i < _CONTAINER_TYPE_MAX; i++)
                assert_non_null(container_type_to_string((ContainerType)i));
        assert_null(container_type_to_string(_CONTAINER_TYPE_MAX));
        for (int i = 0; i < _PRIVATE_USERS_MAX; i++)
                assert_non_null(private_users_mode_to_string((PrivateUsersMode)i));
}

static void test_quote(void **state) {
        char word[256];

        for (int i = 1; i < 256; i++)
                word[i - 1] = (char)(i < 128 ? i : 'x');
        word[255] = 0;
        for (size_t from = 0; from < sizeof(word); from++) {
                _cleanup_free_ char *quoted = value_quote(word + from), *back = NULL, *end = NULL;
                ValueContext c = {};
                const char *p = quoted;

                assert_non_null(quoted);
                assert_false(strpbrk(quoted, "\n\r"));
                assert_int_equal(value_next_word(&c, &p, &back), 0);
                assert_string_equal(back, word + from);
                assert_int_equal(value_next_word(&c, &p, &end), 0);
                assert_null(end);
        }
}

static void test_colon(void **state) {
        static const char *const expected[] = {"a:b", "", "c d", ""};
        const char *p = "a\\:b::\"c d\":";
        ValueContext c = {};
        char *piece;

        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                assert_int_equal(value_next_colon(&c, &p, &piece), 0);
                assert_string_equal(piece, expected[i]);
                free(piece);
        }
        assert_int_equal(value_next_colon(&c, &p, &piece), 0);
        assert_null(piece);
}

static void test_text(void **state) {
        static const char *const words[] = {"managed", "identity", "pick", NULL};
        static const struct {
                const char *s;
                bool valid;
        } utf8[] = {
                {"plain", true},
                {"\xc3\xa9", true},
                {"\xe2\x82\xac", true},
                {"\xf0\x9f\x98\x80", true},
                {"\xc0\x80", false},
                {"\xc3", false},
                {"\x80", false},
                {"\xed\xa0\x80", false},
                {"\xf4\x90\x80\x80", false},
                {"\xe0\x80\x80", false},
                {"\xff", false},
                {"\xf4\x8f\xbf\xbf", true},
        };
        uint64_t n;

        for (size_t i = 0; i < ELEMENTSOF(utf8); i++)
                assert_int_equal(utf8_valid(utf8[i].s, strlen(utf8[i].s)), utf8[i].valid);
        assert_false(utf8_valid("a\0b", 3));
        assert_string_equal(text_nearest("Mnaaged", words), "managed");
        assert_null(text_nearest("wholly else", words));
        assert_int_equal(text_distance("ab", "ba", 3), 1);
        assert_int_equal(parse_u64("18446744073709551615", &n), 0);
        assert_int_equal(parse_u64("18446744073709551616", &n), -ERANGE);
        assert_int_equal(parse_u64("01", &n), -EINVAL);
        assert_int_equal(parse_u64("", &n), -EINVAL);
        assert_int_equal(parse_u64(" 1", &n), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_every_type_has_rows),
                cmocka_unit_test(test_completion_words_parse),
                cmocka_unit_test(test_merges),
                cmocka_unit_test(test_inverted_set),
                cmocka_unit_test(test_all_mistakes_at_once),
                cmocka_unit_test(test_bounded),
                cmocka_unit_test(test_message_is_plain),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_quote),
                cmocka_unit_test(test_colon),
                cmocka_unit_test(test_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
