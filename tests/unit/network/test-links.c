/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel itself, in two network namespaces of the test's own. Nothing of the host's is seen from there. */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "manager/base/io.h"
#include "manager/base/util.h"
#include "manager/host/network/links.h"

#define GROUP 4711

static int namespace_open(void) {
        int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

/* Both are new; the test stays in the first. */
static bool namespaces_make(int *ret_inner) {
        int outer;

        if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
                return false;
        outer = namespace_open();
        assert_int_equal(unshare(CLONE_NEWNET), 0);
        *ret_inner = namespace_open();
        assert_int_equal(setns(outer, CLONE_NEWNET), 0);
        (void)close(outer);
        return true;
}

static IpPrefix prefix(const char *text) {
        IpPrefix p;

        assert_int_equal(ip_prefix_parse(text, &p, NULL), 0);
        return p;
}

static bool has_prefix(const IpPrefix *list, size_t n, const char *text) {
        const IpPrefix wanted = prefix(text);

        for (size_t i = 0; i < n; i++)
                if (memcmp(list + i, &wanted, sizeof(wanted)) == 0)
                        return true;
        return false;
}

static void assert_reaches(int from, const char *text) {
        const IpPrefix p = prefix(text);
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
        int own = namespace_open(), fd;

        assert_int_equal(setns(from, CLONE_NEWNET), 0);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        memcpy(&to.sin_addr, p.bytes, 4);
        assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), -1);
        assert_int_equal(errno, ECONNREFUSED); /* its answer: packets went there and came back */
        assert_int_equal(setns(own, CLONE_NEWNET), 0);
        (void)close(fd);
        (void)close(own);
}

static void test_links(void **state) {
        static const uint8_t bridge_mac[MAC_SIZE] = { 2, 0, 0, 0, 0, 1 }, mac[MAC_SIZE] = { 2, 0, 0, 0, 0, 2 };
        const IpPrefix host4 = prefix("10.77.0.1/24"), host6 = prefix("fd77::1/64"), member4 = prefix("10.77.0.2/24"),
                       member6 = prefix("fd77::2/64");
        _cleanup_(netlink_freep) Netlink *outer = NULL, *inside = NULL;
        _cleanup_free_ IpPrefix *prefixes = NULL;
        _cleanup_close_ int inner = -EBADF;
        _cleanup_free_ Link *links = NULL;
        Link bridge, port, own;
        NetlinkError error;
        size_t n;

        if (!namespaces_make(&inner))
                skip();
        assert_int_equal(netlink_open(NETLINK_ROUTE, &outer), 0);
        assert_int_equal(netlink_open_in(inner, NETLINK_ROUTE, &inside), 0);
        assert_int_equal(link_find(outer, "bz-front", &bridge), -ENODEV);

        assert_int_equal(link_make_bridge(outer, "bz-front", GROUP, bridge_mac, &error), 0);
        assert_int_equal(link_make_bridge(outer, "bz-front", GROUP, bridge_mac, &error), -EEXIST);
        assert_int_equal(link_find(outer, "bz-front", &bridge), 0);
        assert_string_equal(bridge.kind, "bridge");
        assert_int_equal(bridge.group, GROUP);
        assert_false(bridge.up);
        assert_int_equal(link_set_up(outer, bridge.index, 0, "a zone", &error), 0);
        assert_int_equal(link_add_address(outer, bridge.index, &host4, &error), 0);
        assert_int_equal(link_add_address(outer, bridge.index, &host6, &error), 0);
        assert_int_equal(addresses_list(outer, bridge.index, &prefixes, &n), 0);
        assert_int_equal(n, 2);
        assert_true(has_prefix(prefixes, n, "10.77.0.1/24") && has_prefix(prefixes, n, "fd77::1/64"));

        assert_int_equal(link_make_pair(outer, "bw-web", GROUP, inner, "host0", mac, &error), 0);
        assert_int_equal(link_find(outer, "host0", &own), -ENODEV);
        assert_int_equal(link_find(inside, "host0", &own), 0);
        assert_int_equal(own.group, 0); /* whose it is nobody inside has to know */
        assert_int_equal(link_find(outer, "bw-web", &port), 0);
        assert_int_equal(port.group, GROUP);
        assert_int_equal(link_set_up(outer, port.index, bridge.index, "a container", &error), 0);
        assert_int_equal(link_set_up(inside, own.index, 0, NULL, &error), 0);
        assert_int_equal(link_add_address(inside, own.index, &member4, &error), 0);
        assert_int_equal(link_add_address(inside, own.index, &member6, &error), 0);
        assert_int_equal(link_add_neighbour(inside, own.index, &host4, bridge_mac, &error), 0);
        assert_int_equal(link_add_neighbour(inside, own.index, &host6, bridge_mac, &error), 0);
        assert_int_equal(link_add_default_route(inside, own.index, &host4, &error), 0);
        assert_int_equal(link_add_default_route(inside, own.index, &host6, &error), 0);
        assert_reaches(inner, "10.77.0.1");

        free(TAKE_PTR(prefixes));
        assert_int_equal(routes_list(outer, &prefixes, &n), 0);
        assert_true(has_prefix(prefixes, n, "10.77.0.0/24") && has_prefix(prefixes, n, "fd77::/64"));
        free(TAKE_PTR(prefixes));
        assert_int_equal(routes_list(inside, &prefixes, &n), 0);
        assert_false(has_prefix(prefixes, n, "0.0.0.0/0"));

        assert_int_equal(links_list(outer, &links, &n), 0);
        for (size_t i = 0; i < n; i++)
                if (streq(links[i].name, "bw-web"))
                        assert_int_equal(links[i].master, bridge.index);
        assert_int_equal(link_delete(outer, port.index), 0);
        assert_int_equal(link_delete(outer, port.index), 0);
        assert_int_equal(link_find(inside, "host0", &own), -ENODEV); /* both ends go */
        assert_int_equal(link_delete(outer, bridge.index), 0);
        assert_int_equal(link_find(outer, "bz-front", &bridge), -ENODEV);
}

/* What the kernel refuses comes back as its number and its words. */
static void test_refusals(void **state) {
        const IpPrefix far = prefix("10.99.0.1");
        _cleanup_(netlink_freep) Netlink *n = NULL;
        _cleanup_close_ int inner = -EBADF;
        NetlinkError error = {};

        if (!namespaces_make(&inner))
                skip();
        assert_int_equal(netlink_open_in(inner, NETLINK_ROUTE, &n), 0);
        assert_int_equal(link_set_up(n, 1, 0, NULL, &error), 0);
        assert_int_equal(link_add_default_route(n, 1, &far, &error), -ENETUNREACH);
        assert_string_not_equal(error.words, "");
        assert_int_equal(link_add_address(n, 4711, &far, &error), -ENODEV);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_links),
                cmocka_unit_test(test_refusals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
