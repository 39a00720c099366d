/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "manager/base/util.h"
#include "manager/host/network/network.h"

typedef struct Row {
        const char *zone, *wanted[2], *route;
        struct {
                const char *name, *address;
                bool ours, lives;
        } claims[2];
        bool no_ipv6;
        int answer;
        const char *other, *network; /* who stands in the way; where the first address lies */
} Row;

static IpPrefix prefix(const char *text) {
        IpPrefix p;

        assert_int_equal(ip_prefix_parse(text, &p, NULL), 0);
        return p;
}

static int choose(const Row *row, NetworkAddresses *ret, const NetworkClaim **reterr, NetworkClaim claims[static 2]) {
        IpPrefix wanted[2], route;
        NetworkQuestion q = { .name = "web", .zone = row->zone, .seed = "machine", .wanted = wanted, .claims = claims,
                              .routes = &route, .ipv6 = !row->no_ipv6 };

        for (size_t i = 0; i < 2 && row->wanted[i]; i++)
                wanted[q.n_wanted++] = prefix(row->wanted[i]);
        for (size_t i = 0; i < 2 && row->claims[i].name; i++)
                claims[q.n_claims++] = (NetworkClaim){ .name = row->claims[i].name, .ours = row->claims[i].ours,
                                                       .lives = row->claims[i].lives, .address = prefix(row->claims[i].address) };
        if (row->route) {
                route = prefix(row->route);
                q.n_routes = 1;
        }
        return network_choose(&q, ret, reterr);
}

static void test_rows(void **state) {
        static const Row rows[] = {
                { .zone = "front" },
                { .zone = NULL },
                { .zone = "front", .wanted = { "10.1.2.3/24" }, .network = "10.1.2.0/24" },
                { .zone = "front", .claims = { { "db", "10.1.2.3/24", true, true } }, .network = "10.1.2.0/24" },
                /* who only will be there decides, too; who lives, before */
                { .zone = "front", .claims = { { "db", "10.1.2.3/24", true, false } }, .network = "10.1.2.0/24" },
                { .zone = "front", .claims = { { "db", "10.1.2.3/24", true, false }, { "app", "10.9.0.5/20", true, true } },
                  .network = "10.9.0.0/20" },
                /* what lives there has made the route */
                { .zone = "front", .claims = { { "db", "10.1.2.3/24", true, true } }, .route = "10.1.2.0/24", .network = "10.1.2.0/24" },
                { .zone = "front", .wanted = { "10.1.2.4/24" }, .claims = { { "db", "10.1.2.3/24", true, true } }, .network = "10.1.2.4/32" },
                { .zone = "front", .wanted = { "10.1.2.3/24" }, .claims = { { "db", "10.1.2.3/24", true, true } },
                  .answer = -EADDRINUSE, .other = "db" },
                { .zone = "front", .wanted = { "10.1.2.3/24" }, .claims = { { "db", "10.1.2.3/24", true, false } },
                  .answer = -EADDRINUSE, .other = "db" },
                { .zone = "front", .wanted = { "10.1.2.3/25" }, .claims = { { "db", "10.1.2.4/24", true, true } },
                  .answer = -EADDRNOTAVAIL, .other = "db" },
                { .zone = "front", .wanted = { "10.1.3.3/24" }, .claims = { { "db", "10.1.2.4/24", true, true } },
                  .answer = -EADDRNOTAVAIL, .other = "db" },
                { .zone = "front", .wanted = { "10.1.2.3/24" }, .route = "10.0.0.0/8", .answer = -EEXIST },
                { .zone = "front", .wanted = { "10.1.2.3/24" }, .route = "0.0.0.0/0", .network = "10.1.2.0/24" },
                { .zone = "front", .wanted = { "10.1.2.3/24" }, .claims = { { "far", "10.1.2.9/24", false, true } }, .answer = -EEXIST },
                { .zone = "front", .route = "10.0.0.0/8", .network = "172.16.0.0/12" },
                { .wanted = { "10.1.2.3/24" }, .claims = { { "far", "10.1.2.9/24", false, true } }, .answer = -EEXIST },
                { .wanted = { "10.1.2.3/24" }, .claims = { { "far", "10.1.2.9/24", false, false } }, .network = "10.1.2.0/24" },
                /* a network that is chosen is none of theirs, too */
                { .zone = "front", .claims = { { "far", "10.0.0.9/8", false, false } }, .network = "172.16.0.0/12" },
                { .zone = "front", .wanted = { "fd00::5/64" }, .no_ipv6 = true, .answer = -EAFNOSUPPORT },
                { .zone = "front", .no_ipv6 = true },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const NetworkClaim *other = NULL;
                NetworkClaim claims[2];
                NetworkAddresses a = {};
                int r = choose(rows + i, &a, &other, claims);

                if (r != rows[i].answer)
                        fail_msg("row %zu answers %d", i, r);
                if (rows[i].other)
                        assert_string_equal(other ? other->name : "", rows[i].other);
                if (r < 0)
                        continue;
                assert_int_equal(a.n, rows[i].no_ipv6 ? 1 : 2);
                assert_int_equal(a.items[0].family, AF_INET);
                if (rows[i].network) {
                        IpPrefix network = prefix(rows[i].network);

                        assert_true(network_overlaps(&network, &a.items[0]));
                }
        }
}

/* The same unit gets the same address, whoever came and went meanwhile. */
static void test_stable(void **state) {
        const Row empty = { .zone = "front" };
        const NetworkClaim *other;
        NetworkAddresses first, again;
        NetworkClaim claims[2];
        NetworkQuestion q = { .name = "web", .zone = "front", .seed = "machine", .claims = claims, .n_claims = 1, .ipv6 = true };

        assert_int_equal(choose(&empty, &first, &other, claims), 0);
        assert_int_equal(choose(&empty, &again, &other, claims), 0);
        assert_memory_equal(&first, &again, sizeof(first));
        claims[0] = (NetworkClaim){ .name = "db", .ours = true, .lives = true, .address = first.items[0] };
        assert_int_equal(network_choose(&q, &again, &other), 0);
        assert_memory_not_equal(first.items[0].bytes, again.items[0].bytes, 4);
        assert_true(network_overlaps(&(IpPrefix){ .family = AF_INET, .length = ZONE_LENGTH_4, .bytes = { first.items[0].bytes[0],
                                     first.items[0].bytes[1], first.items[0].bytes[2], first.items[0].bytes[3] } }, &again.items[0]));
}

static void test_on_bridge(void **state) {
        const IpPrefix wanted[] = { prefix("10.1.2.3/24"), prefix("10.1.2.4/24") };
        const NetworkClaim claim = { .name = "db", .ours = true, .address = prefix("10.1.2.4/24") };
        NetworkQuestion q = { .name = "web", .wanted = wanted, .n_wanted = 2 };
        const NetworkClaim *other;
        NetworkAddresses a;

        assert_int_equal(network_choose_on_bridge(&q, &a, &other), 0);
        assert_int_equal(a.n, 2);
        q.claims = &claim;
        q.n_claims = 1;
        assert_int_equal(network_choose_on_bridge(&q, &a, &other), -EADDRINUSE);
        assert_ptr_equal(other, &claim);
        q.n_wanted = 0;
        assert_int_equal(network_choose_on_bridge(&q, &a, &other), 0);
        assert_int_equal(a.n, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_stable),
                cmocka_unit_test(test_on_bridge),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
