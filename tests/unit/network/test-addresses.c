/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "manager/base/util.h"
#include "manager/host/network/addresses.h"

static IpPrefix prefix(const char *text) {
        IpPrefix p;

        assert_int_equal(ip_prefix_parse(text, &p, NULL), 0);
        return p;
}

static void assert_prefix(const IpPrefix *p, const char *text) {
        char got[IP_PREFIX_TEXT_MAX];

        ip_prefix_to_text(p, true, got);
        assert_string_equal(got, text);
}

static void test_text(void **state) {
        static const char *const bad[] = { "", "/8", "10.0.0", "10.0.0.1/33", "::1/129", "10.0.0.1/", "10.0.0.1/x", "fd00::g/64",
                                           "10.0.0.1/8/8", "010.0.0.1/8", "1.2.3.4.5", "10.0.0.1/-1" };
        IpPrefix p;
        bool whole;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (ip_prefix_parse(bad[i], &p, &whole) != -EINVAL)
                        fail_msg("'%s' was read", bad[i]);
        p = prefix("10.1.2.3/20");
        assert_prefix(&p, "10.1.2.3/20");
        assert_int_equal(ip_prefix_parse("fd00::0:5", &p, &whole), 0);
        assert_true(whole);
        assert_prefix(&p, "fd00::5/128");
}

static void test_interface_names(void **state) {
        static const struct {
                const char *name, *is; /* NULL: with a hash */
        } rows[] = {
                { "web", "bw-web" },
                { "a.b_c-d", "bw-a.b_c-d" },
                { "twelve-bytes", "bw-twelve-bytes" },
                { "thirteen-byte", NULL },
                { "web@1", NULL },
                { "web:1", NULL },
                { "x\\x2d", NULL },
                { "%d", NULL },
                { "a-name-that-is-as-long-as-a-name-of-a-container-may-be-and-more-x", NULL },
        };
        char name[IFNAMSIZ], other[IFNAMSIZ];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                network_interface_name(CONTAINER_PREFIX, rows[i].name, name);
                if (rows[i].is)
                        assert_string_equal(name, rows[i].is);
                else {
                        assert_non_null(strchr(name, '~'));
                        assert_int_equal(strlen(name) <= IFNAMSIZ - 1, 1);
                        assert_null(strpbrk(name, ":/%@\\ "));
                }
        }
        network_interface_name(CONTAINER_PREFIX, "a-rather-long-name-1", name);
        network_interface_name(CONTAINER_PREFIX, "a-rather-long-name-2", other);
        assert_string_not_equal(name, other);
}

static void test_macs(void **state) {
        uint8_t a[MAC_SIZE], b[MAC_SIZE];

        for (unsigned i = 0; i < 64; i++) {
                char name[16];

                (void)snprintf(name, sizeof(name), "c%u", i);
                network_mac("machine", name, a);
                assert_int_equal(a[0] & 3, 2);
                network_mac("another", name, b);
                assert_memory_not_equal(a, b, sizeof(a));
        }
        network_mac("ab", "c", a);
        network_mac("a", "bc", b);
        assert_memory_not_equal(a, b, sizeof(a));
}

static void test_overlaps(void **state) {
        static const struct {
                const char *a, *b;
                bool overlap;
        } rows[] = {
                { "10.0.0.0/8", "10.200.0.0/20", true },     { "10.200.0.0/20", "10.0.0.0/8", true },
                { "10.0.0.0/20", "10.0.16.0/20", false },    { "10.0.0.0/20", "10.0.15.255/32", true },
                { "10.0.0.0/8", "11.0.0.0/8", false },       { "0.0.0.0/0", "10.0.0.0/8", true },
                { "fd00::/8", "fdab::/64", true },           { "fd00::/64", "fd00:0:0:1::/64", false },
                { "::/0", "10.0.0.0/8", false },             { "10.0.0.1/32", "10.0.0.1/32", true },
                { "10.0.0.0/31", "10.0.0.1/32", true },      { "10.0.0.0/31", "10.0.0.2/32", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                IpPrefix a = prefix(rows[i].a), b = prefix(rows[i].b);

                if (network_overlaps(&a, &b) != rows[i].overlap)
                        fail_msg("%s and %s", rows[i].a, rows[i].b);
        }
}

/* Chosen again it is the same; taken, another; nothing overlaps what is taken; and there is an end. */
static void test_networks(void **state) {
        IpPrefix taken[3], first, again, all[2];

        assert_int_equal(network_choose_4("front", ZONE_LENGTH_4, NULL, 0, &first), 0);
        assert_int_equal(first.length, ZONE_LENGTH_4);
        assert_int_equal(network_choose_4("front", ZONE_LENGTH_4, NULL, 0, &again), 0);
        assert_memory_equal(&first, &again, sizeof(first));
        taken[0] = prefix("0.0.0.0/0"); /* takes nothing */
        taken[1] = first;
        taken[2] = prefix("::/0");
        assert_int_equal(network_choose_4("front", ZONE_LENGTH_4, taken, 3, &again), 0);
        assert_false(network_overlaps(&first, &again));
        taken[1] = prefix("10.0.0.0/8");
        assert_int_equal(network_choose_4("front", ZONE_LENGTH_4, taken, 2, &again), 0);
        assert_int_equal(again.bytes[0], 172);
        assert_int_equal(again.bytes[1] & 0xf0, 16);
        assert_int_equal(network_choose_4("front", LINK_LENGTH_4, taken, 2, &again), 0);
        assert_int_equal(again.bytes[3] & 3, 0);
        all[0] = prefix("10.0.0.0/8");
        all[1] = prefix("172.16.0.0/12");
        assert_int_equal(network_choose_4("front", ZONE_LENGTH_4, all, 2, &again), -ENOSPC);

        assert_int_equal(network_choose_6("machine", "front", NULL, 0, &first), 0);
        assert_int_equal(first.bytes[0], 0xfd);
        assert_int_equal(first.length, 64);
        assert_int_equal(network_choose_6("machine", "back", NULL, 0, &again), 0);
        assert_memory_equal(first.bytes, again.bytes, 6);
        assert_memory_not_equal(first.bytes, again.bytes, 8);
        assert_int_equal(network_choose_6("machine", "front", &first, 1, &again), 0);
        assert_false(network_overlaps(&first, &again));
        taken[0] = prefix("fd00::/8");
        assert_int_equal(network_choose_6("machine", "front", taken, 1, &again), -ENOSPC);
}

static void test_members(void **state) {
        IpPrefix network = prefix("10.5.16.9/29"), host, taken[5], one;

        network_host_address(&network, &host);
        assert_prefix(&host, "10.5.16.9/29");
        for (size_t i = 0; i < 5; i++) { /* .10 to .14 */
                char name[8];

                (void)snprintf(name, sizeof(name), "m%zu", i);
                assert_int_equal(network_choose_member(&network, name, taken, i, &taken[i]), 0);
                assert_in_range(taken[i].bytes[3], 10, 14);
                for (size_t k = 0; k < i; k++)
                        assert_memory_not_equal(taken[i].bytes, taken[k].bytes, 4);
        }
        assert_int_equal(network_choose_member(&network, "more", taken, 5, &one), -ENOSPC);
        assert_int_equal(network_choose_member(&network, "m4", taken, 4, &one), 0);
        assert_memory_equal(&one, &taken[4], sizeof(one));

        network = prefix("10.5.16.8/30");
        assert_int_equal(network_choose_member(&network, "any", NULL, 0, &one), 0);
        assert_prefix(&one, "10.5.16.10/30");
        network = prefix("10.5.16.8/31");
        assert_int_equal(network_choose_member(&network, "any", NULL, 0, &one), -ENOSPC);
        network = prefix("fd00:1:2:3::/64");
        network_host_address(&network, &host);
        assert_prefix(&host, "fd00:1:2:3::1/64");
        assert_int_equal(network_choose_member(&network, "any", NULL, 0, &one), 0);
        assert_true(network_overlaps(&network, &one));
        assert_memory_not_equal(one.bytes, host.bytes, 16);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text),     cmocka_unit_test(test_interface_names), cmocka_unit_test(test_macs),
                cmocka_unit_test(test_overlaps), cmocka_unit_test(test_networks),        cmocka_unit_test(test_members),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
