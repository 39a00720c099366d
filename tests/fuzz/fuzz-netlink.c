/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a kernel might say, or somebody who pretends to be one: reading stays within the bytes and comes to an end. */
#include <stdio.h>

#include "manager/base/util.h"
#include "manager/netlink/nft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEPTH_MAX 6

static void check(bool holds, const char *what) {
        if (holds)
                return;
        (void)fprintf(stderr, "%s\n", what);
        abort();
}

static size_t walk(const NetlinkAttribute *nest, const uint8_t *data, size_t size, unsigned depth) {
        NetlinkAttribute a;
        size_t sum = 0;

        for (size_t at = 0; netlink_nested_next(nest, &at, &a);) {
                const uint8_t *value = a.data;
                const char *text = netlink_get_string(&a);
                uint32_t number;

                check(value >= data && value + a.size <= data + size, "an attribute outside of the bytes");
                for (size_t i = 0; i < a.size; i++)
                        sum += value[i];
                if (text)
                        sum += strlen(text);
                if (netlink_get_u32(&a, &number))
                        sum += number;
                if (depth < DEPTH_MAX)
                        sum += walk(&a, data, size, depth + 1);
        }
        return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const size_t room = NLMSG_ALIGN(size);
        uint8_t *copy = aligned_alloc(NLMSG_ALIGNTO * 4, room + NLMSG_ALIGNTO * 4 - room % (NLMSG_ALIGNTO * 4));
        const struct nlmsghdr *m;
        size_t sum = 0;

        if (!copy)
                return 0;
        memcpy(copy, data, size);
        for (size_t at = 0; netlink_next(copy, size, &at, &m);) {
                static const size_t headers[] = { 0, 4, 16 };

                NftTableAnswer table;
                NftChainAnswer chain;

                check(at <= size, "a message outside of the bytes");
                if (nft_chain_read(m, &chain))
                        check(memchr(chain.table, 0, sizeof(chain.table)) && memchr(chain.name, 0, sizeof(chain.name)), "a chain without an end");
                if (nft_table_read(m, &table))
                        check(memchr(table.name, 0, sizeof(table.name)) && memchr(table.comment, 0, sizeof(table.comment)), "a name without an end");
                for (size_t i = 0; i < ELEMENTSOF(headers); i++) {
                        NetlinkAttribute a;

                        for (size_t k = 0; netlink_attribute_next(m, headers[i], &k, &a);)
                                sum += walk(&a, copy, size, 0);
                }
        }
        free(copy);
        return sum == SIZE_MAX;
}
