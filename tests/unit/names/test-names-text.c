/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "manager/base/string-list.h"
#include "manager/host/names/hosts-file.h"
#include "manager/host/names/names-text.h"

static void test_host_names(void **state) {
        static const struct {
                const char *name, *wanted;
        } rows[] = {
                { "web", "web" }, { "web@blue", "web-blue" }, { "my_db.x", "my_db.x" }, { "localhost", NULL },
                { "web@", NULL }, { "a\\x2db", NULL },        { "a:b", NULL },          { "10.0.0.1", NULL },
                { "1", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *name = NULL;

                assert_int_equal(container_host_name(rows[i].name, &name), 0);
                if (rows[i].wanted)
                        assert_string_equal(name, rows[i].wanted);
                else
                        assert_null(name);
        }
}

static void test_lines(void **state) {
        IpPrefix addresses[2];
        char *const aliases[] = { (char *)"postgres", (char *)"db", NULL };
        _cleanup_strv_ char **own = NULL, **others = NULL, **none = NULL;

        assert_int_equal(ip_prefix_parse("10.1.2.3/20", addresses, NULL), 0);
        assert_int_equal(ip_prefix_parse("fd00::3/64", addresses + 1, NULL), 0);
        assert_int_equal(hosts_lines("front", "db", aliases, addresses, 2, &own), 0);
        assert_string_equal(own[0], "10.1.2.3 front db db.bulwark.internal postgres");
        assert_string_equal(own[1], "fd00::3 front db db.bulwark.internal postgres");
        assert_null(own[2]);
        assert_int_equal(hosts_lines(NULL, "db", aliases, addresses, 1, &others), 0);
        assert_string_equal(others[0], "10.1.2.3 db db.bulwark.internal postgres");
        assert_int_equal(hosts_lines(NULL, NULL, NULL, addresses, 1, &none), 0);
        assert_null(none);
}

static void test_hosts(void **state) {
        IpPrefix gateways[2];
        HostEntry items[] = { { .name = (char *)"api" }, { .name = (char *)"host", .gateway = true } };
        const value_host_entries entries = { .items = items, .n = 2 };
        char *const own[] = { (char *)"10.1.2.3 web", NULL }, *const peers[] = { (char *)"10.1.2.4 db", NULL };
        HostsQuestion q = { .own = "web", .own_lines = own, .peers = peers, .entries = &entries, .gateways = gateways, .n_gateways = 2 };
        _cleanup_free_ char *text = NULL, *shared = NULL;

        assert_int_equal(ip_prefix_parse("10.9.9.9", &items[0].address, NULL), 0);
        assert_int_equal(ip_prefix_parse("10.1.2.1/20", gateways, NULL), 0);
        assert_int_equal(ip_prefix_parse("fd00::1/64", gateways + 1, NULL), 0);
        assert_int_equal(hosts_text(&q, &text), 0);
        assert_string_equal(text, "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n10.1.2.3 web\n10.9.9.9 api\n10.1.2.1 host\n"
                                  "fd00::1 host\n" HOSTS_FILE_MARK "10.1.2.4 db\n");
        q = (HostsQuestion){ .own = "web",
                             .entries = &(value_host_entries){},
                             .host_text = "127.0.0.1 localhost\n\t10.0.0.1 indented\n# comment\n10.0.0.2\tserver alias # why\n10.0.0.3 a\x1b[2J\n"
                                          "fe80::1%eth0 near\n300.1.1.1 bad\n10.0.0.4 no-end" };
        assert_int_equal(hosts_text(&q, &shared), 0);
        assert_string_equal(shared, "127.0.0.1 web\n127.0.0.1 localhost\n10.0.0.2\tserver alias # why\nfe80::1%eth0 near\n10.0.0.4 no-end\n" HOSTS_FILE_MARK);
}

static void test_resolver(void **state) {
        static const char stub[] = "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n";
        static const struct {
                ResolverReach reach;
                bool verbatim;
                const char *host, *uplink, *wanted;
        } rows[] = {
                { RESOLVER_REACH_NOTHING, false, "nameserver 10.1.1.1\n", NULL, "# This container has loopback alone: no name server can be reached.\n" },
                { RESOLVER_REACH_NOTHING, true, "nameserver 10.1.1.1\n", NULL, "nameserver 10.1.1.1\n" },
                { RESOLVER_REACH_HOST, false, stub, "nameserver 10.2.2.2\n", "nameserver 127.0.0.53\nsearch .\noptions edns0 trust-ad\n" },
                { RESOLVER_REACH_OUTSIDE, false, stub, "nameserver 10.2.2.2\nsearch real.example\n", "nameserver 10.2.2.2\nsearch real.example\n" },
                { RESOLVER_REACH_OUTSIDE, false, stub, NULL, "# The host names no name server that can be reached from here; DNS= can.\nsearch .\noptions edns0 trust-ad\n" },
                { RESOLVER_REACH_OUTSIDE, false, NULL, NULL, "# The host names no name server; DNS= can.\n" },
                { RESOLVER_REACH_HOST, false, "", NULL, "# The host names no name server; DNS= can.\n" },
                { RESOLVER_REACH_OUTSIDE, false, "nameserver 10.1.1.1\nnameserver ::1\nnameserver fe80::1%eth0\nnameserver\t10.1.1.2 # x\nnameserver 10.1.1.3\nnameserver 10.1.1.4",
                  NULL, "nameserver 10.1.1.1\nnameserver 10.1.1.2\nnameserver 10.1.1.3\n" },
                { RESOLVER_REACH_OUTSIDE, false, "nameserver evil\nnameserver 10.1.1.1;x\nnameservers 10.1.1.1\n nameserver 10.1.1.1\nsearch a\nsearch b\x01 c\ndomain d e\noptions",
                  NULL, "# The host names no name server that can be reached from here; DNS= can.\nsearch d e\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const ResolverQuestion q = { .reach = rows[i].reach, .verbatim = rows[i].verbatim, .dns = &(value_dns_servers){},
                                             .host_text = rows[i].host, .uplink_text = rows[i].uplink };
                _cleanup_free_ char *text = NULL;

                assert_int_equal(resolver_text(&q, &text), 0);
                assert_string_equal(text, rows[i].wanted);
        }
}

/* What the unit says stands in place of what the host does, each by itself. */
static void test_given(void **state) {
        IpPrefixItem item;
        const value_dns_servers dns = { .items = &item, .n = 1 };
        char *const domains[] = { (char *)"one.example", (char *)"two", NULL }, *const options[] = { (char *)"ndots:2", NULL };
        ResolverQuestion q = { .reach = RESOLVER_REACH_OUTSIDE, .dns = &dns, .domains = domains, .options = options,
                               .host_text = "nameserver 10.1.1.1\nsearch a\noptions b\n" };
        _cleanup_free_ char *given = NULL, *some = NULL;

        assert_int_equal(ip_prefix_parse("fd00::53", &item.prefix, NULL), 0);
        assert_int_equal(resolver_text(&q, &given), 0);
        assert_string_equal(given, "nameserver fd00::53\nsearch one.example two\noptions ndots:2\n");
        q.dns = &(value_dns_servers){};
        q.options = NULL;
        assert_int_equal(resolver_text(&q, &some), 0);
        assert_string_equal(some, "nameserver 10.1.1.1\nsearch one.example two\noptions b\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_host_names), cmocka_unit_test(test_lines), cmocka_unit_test(test_hosts),
                cmocka_unit_test(test_resolver),   cmocka_unit_test(test_given),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
