/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "manager/base/util.h"
#include "manager/host/network/forwarding.h"
#include "manager/host/network/way-out.h"

/* Who forwards; what the rules let pass is tried with packets in tests/host/test_packets.py. */
static void test_who_forwards(void **state) {
        const struct {
                ForwardingFacts facts;
                ForwardingAnswer answer;
        } rows[] = {
                { {}, FORWARDING_OPENED },
                { { .on = true }, FORWARDING_LEFT }, /* the administrator's own */
                { { .on = true, .by_us = true }, FORWARDING_OPENED },
                { { .by_us = true }, FORWARDING_OPENED }, /* somebody has switched it off */
                { { .own = true }, FORWARDING_OWN },
                { { .own = true, .on = true }, FORWARDING_OWN },
                { { .own = true, .port = true }, FORWARDING_LEFT },
                { { .loopback = true }, FORWARDING_LEFT },
                { { .port = true }, FORWARDING_LEFT },
                { { .all = true, .own = true }, FORWARDING_LEFT },
                { { .all = true, .on = true, .by_us = true }, FORWARDING_LEFT }, /* and is not ours any longer */
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(forwarding_judge(&rows[i].facts), rows[i].answer);
}

static void test_rules_fit(void **state) {
        const IpPrefix addresses[] = { { .family = AF_INET, .length = 24, .bytes = { 10, 0, 0, 2 } },
                                       { .family = AF_INET6, .length = 64, .bytes = { 0xfd, [15] = 2 } } };
        const WayOutOpened opened[] = { { AF_INET, 2 }, { AF_INET6, 2 }, { AF_INET, 3 } };
        NetlinkMessage m = {};
        const NftTable t = { .message = &m, .family = NFPROTO_INET, .name = "bulwark" };
        size_t n;

        way_out_add(&t, 7);
        n = m.n;
        way_out_add_member(&t, addresses, ELEMENTSOF(addresses));
        assert_int_equal(m.n, n + 2);
        way_out_delete_member(&t, addresses, ELEMENTSOF(addresses));
        assert_int_equal(m.n, n + 6);
        way_out_add_bridge(&t, 9);
        way_out_set_opened(&t, opened, ELEMENTSOF(opened));
        assert_int_equal(m.n, n + 7 + 2 + 2 * ELEMENTSOF(opened));
        assert_int_equal(m.error, 0);
        netlink_message_done(&m);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_who_forwards), cmocka_unit_test(test_rules_fit) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
