/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "manager/base/util.h"
#include "manager/netlink/netlink.h"

static void test_what_is_built_is_read(void **state) {
        const struct ifinfomsg header = { .ifi_index = 7 };
        NetlinkMessage m = {};
        NetlinkAttribute a, inner;
        const struct nlmsghdr *one;
        uint32_t number = 0;
        size_t nest, deeper, at = 0;

        netlink_begin(&m, RTM_NEWLINK, NLM_F_CREATE, &header, sizeof(header));
        netlink_put_string(&m, IFLA_IFNAME, "bw-web");
        netlink_put_u32(&m, IFLA_MTU, 1420);
        nest = netlink_nest_begin(&m, IFLA_LINKINFO, true);
        netlink_put_string(&m, IFLA_INFO_KIND, "veth");
        deeper = netlink_nest_begin(&m, IFLA_INFO_DATA, false);
        netlink_put_be16(&m, 1, 0x1234);
        netlink_nest_end(&m, deeper);
        netlink_nest_end(&m, nest);
        netlink_begin(&m, RTM_DELLINK, 0, &header, sizeof(header));
        assert_int_equal(m.error, 0);
        assert_int_equal(m.n, 2);

        assert_true(netlink_next(m.data, m.size, &at, &one));
        assert_int_equal(one->nlmsg_type, RTM_NEWLINK);
        assert_int_equal(((const struct ifinfomsg *)netlink_header(one, sizeof(header)))->ifi_index, 7);
        assert_true(netlink_attribute_find(one, sizeof(header), IFLA_IFNAME, &a));
        assert_string_equal(netlink_get_string(&a), "bw-web");
        assert_true(netlink_attribute_find(one, sizeof(header), IFLA_MTU, &a) && netlink_get_u32(&a, &number));
        assert_int_equal(number, 1420);
        assert_true(netlink_attribute_find(one, sizeof(header), IFLA_LINKINFO, &a));
        assert_true(netlink_nested_find(&a, IFLA_INFO_KIND, &inner));
        assert_string_equal(netlink_get_string(&inner), "veth");
        assert_true(netlink_nested_find(&a, IFLA_INFO_DATA, &inner));
        assert_true(netlink_nested_find(&inner, 1, &a));
        assert_memory_equal(a.data, "\x12\x34", 2);
        assert_false(netlink_attribute_find(one, sizeof(header), IFLA_ADDRESS, &a));
        assert_true(netlink_next(m.data, m.size, &at, &one));
        assert_int_equal(one->nlmsg_type, RTM_DELLINK);
        assert_false(netlink_next(m.data, m.size, &at, &one));
        netlink_message_done(&m);
}

static void test_too_long_spoils(void **state) {
        static const char big[70000];
        NetlinkMessage m = {};
        size_t nest;

        netlink_put(&m, 1, "x", 1); /* before any message */
        assert_int_equal(m.error, -EINVAL);
        netlink_message_done(&m);

        netlink_begin(&m, 1, 0, NULL, 0);
        netlink_put(&m, 1, big, sizeof(big));
        assert_int_equal(m.error, -EMSGSIZE);
        netlink_put_u32(&m, 2, 1);
        assert_int_equal(m.size, NLMSG_HDRLEN);
        netlink_message_done(&m);

        netlink_begin(&m, 1, 0, NULL, 0);
        nest = netlink_nest_begin(&m, 1, true);
        netlink_put(&m, 2, big, 40000);
        netlink_put(&m, 2, big, 40000);
        netlink_nest_end(&m, nest);
        assert_int_equal(m.error, -EMSGSIZE);
        netlink_message_done(&m);
}

/* Every length that does not fit ends the reading; nothing is read beyond the end. */
static void test_lengths_are_doubted(void **state) {
        struct {
                struct nlmsghdr head;
                struct nlattr attribute;
                uint32_t value;
        } m = { .head = { .nlmsg_len = sizeof(m), .nlmsg_type = 1 }, .attribute = { .nla_len = 8, .nla_type = 3 }, .value = 42 };
        static const uint16_t attribute_lengths[] = { 0, 1, 3, 9, 12, UINT16_MAX };
        static const uint32_t lengths[] = { 0, 1, NLMSG_HDRLEN - 1, sizeof(m) + 1, UINT32_MAX, UINT32_MAX - 3 };
        const struct nlmsghdr *one;
        NetlinkAttribute a;
        uint32_t number = 0;
        size_t at = 0;

        assert_true(netlink_next(&m, sizeof(m), &at, &one) && netlink_attribute_find(one, 0, 3, &a) && netlink_get_u32(&a, &number));
        assert_int_equal(number, 42);
        for (size_t i = 0; i < ELEMENTSOF(attribute_lengths); i++) {
                m.attribute.nla_len = attribute_lengths[i];
                assert_false(netlink_attribute_find(&m.head, 0, 3, &a));
        }
        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                m.head.nlmsg_len = lengths[i];
                at = 0;
                assert_false(netlink_next(&m, sizeof(m), &at, &one));
        }
        a = (NetlinkAttribute){ .data = "abc", .size = 3 };
        assert_null(netlink_get_string(&a));
        assert_false(netlink_get_u32(&a, &number));
}

static int count_links(const struct nlmsghdr *m, void *userdata) {
        size_t *n = userdata;
        NetlinkAttribute a;

        assert_int_equal(m->nlmsg_type, RTM_NEWLINK);
        assert_true(netlink_attribute_find(m, sizeof(struct ifinfomsg), IFLA_IFNAME, &a) && netlink_get_string(&a));
        (*n)++;
        return 0;
}

/* The kernel itself: a dump has the loopback, an unknown link has an errno. */
static void test_the_kernel(void **state) {
        const struct ifinfomsg all = {}, none = { .ifi_index = INT32_MAX };
        _cleanup_(netlink_freep) Netlink *n = NULL;
        NetlinkMessage m = {};
        NetlinkError error;
        size_t links = 0;

        assert_int_equal(netlink_open(NETLINK_ROUTE, &n), 0);
        netlink_begin(&m, RTM_GETLINK, NLM_F_DUMP, &all, sizeof(all));
        assert_int_equal(netlink_dump(n, &m, count_links, &links), 0);
        assert_true(links > 0);
        netlink_message_done(&m);
        netlink_begin(&m, RTM_GETLINK, 0, &none, sizeof(none));
        assert_int_equal(netlink_call(n, &m, &error), -ENODEV);
        netlink_message_done(&m);
        assert_int_equal(netlink_receive(n, count_links, &links), -EAGAIN);
}

static int on_told(const struct nlmsghdr *m, void *userdata) {
        bool *told = userdata;

        *told |= m->nlmsg_type == RTM_NEWLINK;
        return 0;
}

/* Who has only subscribed, and never sent anything, is told, too. */
static void test_is_told(void **state) {
        const struct ifinfomsg loopback = { .ifi_index = 1, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
        _cleanup_(netlink_freep) Netlink *n = NULL, *other = NULL;
        NetlinkMessage m = {};
        bool told = false;

        if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
                skip();
        assert_int_equal(netlink_open(NETLINK_ROUTE, &n), 0);
        assert_int_equal(netlink_subscribe(n, RTNLGRP_LINK), 0);
        assert_int_equal(netlink_open(NETLINK_ROUTE, &other), 0);
        netlink_begin(&m, RTM_NEWLINK, 0, &loopback, sizeof(loopback));
        assert_int_equal(netlink_call(other, &m, NULL), 0);
        netlink_message_done(&m);
        while (netlink_receive(n, on_told, &told) >= 0)
                ;
        assert_true(told);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_built_is_read),
                cmocka_unit_test(test_too_long_spoils),
                cmocka_unit_test(test_lengths_are_doubted),
                cmocka_unit_test(test_the_kernel),
                cmocka_unit_test(test_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
