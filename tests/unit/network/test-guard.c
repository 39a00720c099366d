/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "manager/base/util.h"
#include "manager/host/network/guard.h"

/* What the rules hold back is tried with frames in tests/host/test_packets.py. Here: how many there are for whom, and that as many
 * addresses as a unit can have fit. */
static size_t messages_of(const GuardFacts *f) {
        NetlinkMessage m = {};
        const NftTable t = { .message = &m, .family = NFPROTO_NETDEV, .name = "bulwark" };
        size_t n;

        guard_add(&t, f);
        assert_int_equal(m.error, 0);
        n = m.n;
        netlink_message_done(&m);
        return n;
}

static void test_rules(void **state) {
        IpPrefix addresses[IP_PREFIXES_MAX + 2];
        GuardFacts f = { .port = "bw-web", .mac = { 2, 0, 0, 0, 0, 1 }, .addresses = addresses };
        size_t without, with_4, with_6;

        without = messages_of(&f);
        addresses[f.n++] = (IpPrefix){ .family = AF_INET, .length = 24, .bytes = { 10, 0, 0, 2 } };
        with_4 = messages_of(&f);
        assert_int_equal(with_4, without + 2); /* ARP and IPv4 */
        addresses[f.n++] = (IpPrefix){ .family = AF_INET6, .length = 64, .bytes = { 0xfd, [15] = 2 } };
        with_6 = messages_of(&f);
        assert_int_equal(with_6, with_4 + 2); /* IPv6, and whether it is free */
        while (f.n < ELEMENTSOF(addresses))
                addresses[f.n++] = (IpPrefix){ .family = AF_INET6, .length = 64, .bytes = { 0xfd, [15] = (uint8_t)f.n } };
        assert_int_equal(messages_of(&f), with_4 + 2 * (ELEMENTSOF(addresses) - 1));
        f.n = 0;
        f.any_address = true;
        assert_true(messages_of(&f) > 8);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_rules) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
