/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ports that a generated block names are read back as they were written; anything else in their place is an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "policies/selinux/binds.h"

static void ranges_are_read_with_their_block(void **state) {
        static const char module[] = "(block bw_0123456789abcdef\n"
                                     " (type process)\n"
                                     " ; binds tcp 80-80\n"
                                     " ; binds udp 1-65535\n"
                                     ")\n"
                                     "(block bw_fedcba9876543210\n"
                                     " ; binds tcp 8000-8999\n"
                                     ")";
        static const BindRange expected[] = { { "bw_0123456789abcdef", false, 80, 80 },
                                              { "bw_0123456789abcdef", true, 1, 65535 },
                                              { "bw_fedcba9876543210", false, 8000, 8999 } };
        _cleanup_free_ BindRange *ranges = NULL;
        size_t n;

        assert_int_equal(selinux_binds_parse(module, &ranges, &n), 0);
        assert_int_equal(n, ELEMENTSOF(expected));
        for (size_t i = 0; i < n; i++) {
                assert_string_equal(ranges[i].block, expected[i].block);
                assert_int_equal(ranges[i].udp, expected[i].udp);
                assert_int_equal(ranges[i].first, expected[i].first);
                assert_int_equal(ranges[i].last, expected[i].last);
        }
}

static void other_modules_have_none(void **state) {
        _cleanup_free_ BindRange *ranges = NULL;
        size_t n = 1;

        assert_int_equal(selinux_binds_parse("", &ranges, &n), 0);
        assert_int_equal(n, 0);
        assert_int_equal(selinux_binds_parse("(block b\n (type process)\n; binds tcp 1-2\n)\n", &ranges, &n), 0);
        assert_int_equal(n, 0);
}

static void nobody_elses_line_is_taken(void **state) {
        static const char *const bad[] = {
                " ; binds tcp 80-80\n", /* of no block */
                "(block b\n ; binds tcp 0-80\n",  "(block b\n ; binds tcp 81-80\n", "(block b\n ; binds tcp 1-65536\n",
                "(block b\n ; binds sctp 1-2\n", "(block b\n ; binds tcp 80\n",    "(block b\n ; binds \n",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_free_ BindRange *ranges = NULL;
                size_t n;

                if (selinux_binds_parse(bad[i], &ranges, &n) != -EBADMSG)
                        fail_msg("taken: %s", bad[i]);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ranges_are_read_with_their_block),
                cmocka_unit_test(other_modules_have_none),
                cmocka_unit_test(nobody_elses_line_is_taken),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
