/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/netfilter/nfnetlink.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "manager/base/util.h"
#include "manager/netlink/netlink.h"
#include "manager/netlink/nft.h"

/* Byte by byte what nft(8) sends for `add table inet t` and `add rule inet t c meta l4proto 6 drop`, but for its flags. */
static void test_bytes(void **state) {
        static const uint8_t table[] = { 48, 0, 0, 0, 0, 10, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, /* headers */
                                         6, 0, 1, 0, 't', 0, 0, 0,                                     /* name */
                                         8, 0, 2, 0, 0, 0, 0, 2,                                       /* flags: owner */
                                         9, 0, 6, 0, 0, 3, 'a', 'b', 0, 0, 0, 0 };                     /* comment */
        static const uint8_t compare[] = { 44, 0, 1, 0x80, 8, 0, 1, 0, 'c', 'm', 'p', 0, 32, 0, 2, 0x80, 8, 0, 1, 0, 0, 0, 0, 8,
                                           8, 0, 2, 0, 0, 0, 0, 0, 12, 0, 3, 0x80, 5, 0, 1, 0, 6, 0, 0, 0 };
        static const uint8_t drop[] = { 48, 0, 1, 0x80, 14, 0, 1, 0, 'i', 'm', 'm', 'e', 'd', 'i', 'a', 't', 'e', 0, 0, 0, 28, 0, 2, 0x80,
                                        8, 0, 1, 0, 0, 0, 0, 0, 16, 0, 2, 0x80, 12, 0, 2, 0x80, 8, 0, 1, 0, 0, 0, 0, 0 };
        NetlinkMessage m = {};
        const NftTable t = { .message = &m, .family = NFPROTO_INET, .name = "t" };
        NftRule r;

        nft_table_add(&t, NFT_TABLE_F_OWNER, "ab");
        assert_int_equal(m.error, 0);
        assert_int_equal(m.size, sizeof(table));
        assert_memory_equal(m.data, table, sizeof(table));
        r = nft_rule_begin(&t, "c");
        nft_is_protocol(&r, IPPROTO_TCP);
        nft_verdict(&r, NF_DROP, NULL);
        nft_rule_end(&r);
        assert_int_equal(m.error, 0);
        assert_memory_equal(m.data + m.size - sizeof(drop), drop, sizeof(drop));
        assert_memory_equal(m.data + m.size - sizeof(drop) - sizeof(compare), compare, sizeof(compare));
        netlink_message_done(&m);
}

static void test_table_is_read(void **state) {
        static const uint8_t damaged[] = { 0, 200, 'x' };
        const struct nlmsghdr *one;
        NetlinkMessage m = {};
        const NftTable t = { .message = &m, .family = NFPROTO_NETDEV, .name = "bulwark" };
        NftTableAnswer a;
        size_t at = 0;

        nft_table_add(&t, 6, "whose");
        assert_true(netlink_next(m.data, m.size, &at, &one));
        assert_true(nft_table_read(one, &a));
        assert_string_equal(a.name, "bulwark");
        assert_string_equal(a.comment, "whose");
        assert_int_equal(a.flags, 6);
        assert_int_equal(a.owner, 0);
        netlink_message_done(&m);

        nft_table_delete(&t); /* is no answer */
        netlink_put(&m, NFTA_TABLE_USERDATA, damaged, sizeof(damaged));
        at = 0;
        assert_true(netlink_next(m.data, m.size, &at, &one));
        assert_false(nft_table_read(one, &a));
        ((struct nlmsghdr *)(void *)m.data)->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE;
        assert_true(nft_table_read(one, &a));
        assert_string_equal(a.comment, "");
        netlink_message_done(&m);
}

static int on_answer(const struct nlmsghdr *m, void *userdata) {
        return nft_table_read(m, userdata) ? 0 : -EBADMSG;
}

static int ask(Netlink *n, const char *name, NftTableAnswer *ret) {
        NetlinkMessage m = {};
        const NftTable t = { .message = &m, .family = NFPROTO_INET, .name = name };
        int r;

        *ret = (NftTableAnswer){};
        nft_table_ask(&t);
        r = netlink_dump(n, &m, on_answer, ret);
        netlink_message_done(&m);
        return r;
}

/* Tables, chains, sets and elements as the kernel takes them: all of a batch or nothing, and told which was refused. */
static void test_the_kernel(void **state) {
        const NftHook hook = { .type = "filter", .number = NF_INET_FORWARD, .policy = NF_ACCEPT };
        const NftSet set = { .name = "s", .key_type = NFT_TYPE_IPV4, .key_size = 4 };
        _cleanup_(netlink_freep) Netlink *n = NULL;
        NetlinkMessage m = {};
        const NftTable t = { .message = &m, .family = NFPROTO_INET, .name = "t" };
        const uint8_t address[] = { 192, 0, 2, 1 };
        const NftElement element = { .key = address };
        NetlinkError error = {};
        NftTableAnswer a;

        if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 || netlink_open(NETLINK_NETFILTER, &n) < 0)
                skip();
        if (ask(n, "t", &a) != -ENOENT)
                skip(); /* no nftables here */
        nft_batch_begin(&m);
        nft_batch_end(&m);
        assert_int_equal(netlink_call_batch(n, &m, &error), 0); /* of nothing */
        netlink_message_done(&m);

        nft_batch_begin(&m);
        nft_table_add(&t, NFT_TABLE_F_OWNER, "ours");
        nft_chain_add(&t, "forward", &hook);
        nft_set_add(&t, &set);
        nft_elements_add(&t, &set, &element, 1);
        nft_batch_end(&m);
        assert_int_equal(netlink_call_batch(n, &m, &error), 0);
        netlink_message_done(&m);
        assert_int_equal(ask(n, "t", &a), 0);
        assert_string_equal(a.comment, "ours");
        assert_true(a.owner != 0);

        nft_batch_begin(&m);
        nft_table_delete(&t);
        nft_chain_delete(&t, "none");
        nft_batch_end(&m);
        assert_int_equal(netlink_call_batch(n, &m, &error), -ENOENT);
        assert_int_equal(error.index, 2);
        netlink_message_done(&m);
        assert_int_equal(ask(n, "t", &a), 0); /* and nothing of it was done */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bytes),
                cmocka_unit_test(test_table_is_read),
                cmocka_unit_test(test_the_kernel),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
