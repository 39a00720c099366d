/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"
#include "manager/host/network/part-forwarding.h"
#include "manager/host/network/part-network.h"
#include "manager/host/network/part-table.h"
#include "manager/host/network/part-ports.h"
#include "manager/host/network/publish.h"
#include "manager/host/network/way-out.h"

#define STORE_ID "/network" /* no container's name */

static const uint8_t table_families[] = { NFPROTO_NETDEV, NFPROTO_INET };

struct PacketTable {
        Netlink *netlink;
        Forwarding *forwarding;
        Manager *manager;
};

/* --- whose they are */

/* Managers of other runtime directories are somebody else. */
static void table_comment(const Manager *m, char *ret, size_t size) {
        (void)snprintf(ret, size, "bulwark %08x", network_group(m->config.runtime_directory));
}

static int on_table(const struct nlmsghdr *m, void *userdata) {
        return nft_table_read(m, userdata) ? 0 : -EBADMSG;
}

/* -ENOENT: there is none. */
static int table_find(Netlink *n, uint8_t family, NftTableAnswer *ret) {
        NetlinkMessage m = {};
        const NftTable t = { .message = &m, .family = family, .name = TABLE_NAME };
        NftTableAnswer answer = {};
        int r;

        nft_table_ask(&t);
        r = netlink_dump(n, &m, on_table, &answer);
        netlink_message_done(&m);
        if (r >= 0 && !answer.name[0])
                r = -ENOENT;
        if (r >= 0)
                *ret = answer;
        return r;
}

/* Of this manager by its comment, and nobody holds it: what an earlier keeper has left where the kernel lets tables outlive it. */
static bool table_is_left(const Manager *m, const NftTableAnswer *a) {
        char comment[sizeof(a->comment)];

        table_comment(m, comment, sizeof(comment));
        return streq(a->comment, comment) && !(a->flags & NFT_TABLE_F_OWNER);
}

int packet_table_check(const Manager *m, char *words, size_t size) {
        _cleanup_(netlink_freep) Netlink *n = NULL;
        int r;

        words[0] = 0;
        if (m->packets)
                return 0;
        r = netlink_open(NETLINK_NETFILTER, &n);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(table_families); i++) {
                NftTableAnswer a;

                r = table_find(n, table_families[i], &a);
                if (r == -ENOENT)
                        r = 0;
                else if (r >= 0 && !table_is_left(m, &a)) {
                        if (a.flags & NFT_TABLE_F_OWNER)
                                (void)snprintf(words, size, "the socket %u of another program owns it%s%s", a.owner,
                                               a.comment[0] ? ": " : "", a.comment);
                        else
                                (void)snprintf(words, size, "remove it by \"nft delete table %s " TABLE_NAME "\"",
                                               table_families[i] == NFPROTO_INET ? "inet" : "netdev");
                        return -EEXIST;
                }
        }
        return r == -EPROTONOSUPPORT ? -EOPNOTSUPP : r;
}

/* --- made */

int packet_table_send(const Manager *m, NetlinkMessage *batch, NetlinkError *reterr) {
        int r = m->packets ? netlink_call_batch(m->packets->netlink, batch, reterr) : -ENOENT;

        netlink_message_done(batch);
        return r;
}

static void put_chains(const NftTable *t, const Manager *m) {
        way_out_add(t, network_group(m->config.runtime_directory));
        publish_add(t);
}

/* All that lives has its rules again; what was there goes in the same moment. */
static int table_build(const Manager *m, uint32_t flags, NetlinkError *reterr) {
        NetlinkMessage message = {};
        char comment[64];

        table_comment(m, comment, sizeof(comment));
        nft_batch_begin(&message);
        for (size_t i = 0; i < ELEMENTSOF(table_families); i++) {
                const NftTable t = { .message = &message, .family = table_families[i], .name = TABLE_NAME };

                nft_table_add(&t, flags, comment); /* so that there is one to take away */
                nft_table_delete(&t);
                nft_table_add(&t, flags, comment);
                if (t.family == NFPROTO_INET)
                        put_chains(&t, m);
        }
        for (size_t i = 0; i < m->n_sorted; i++)
                if (m->sorted[i]->network.held)
                        network_put_rules(m->sorted[i], &message);
        nft_batch_end(&message);
        return packet_table_send(m, &message, reterr);
}

/* Linux 6.9 keeps a table whose owner is gone; earlier ones know only the owner. */
static int table_build_any(const Manager *m, NetlinkError *reterr) {
        int r = table_build(m, NFT_TABLE_F_OWNER | NFT_TABLE_PERSISTS, reterr);

        if (r == -EOPNOTSUPP || r == -EINVAL)
                r = table_build(m, NFT_TABLE_F_OWNER, reterr);
        return r < 0 ? r : forwarding_open(m->packets->manager, &m->packets->forwarding, reterr);
}

/* Beside the socket the keeper gets a blob, which says what it is. */
static int table_keep(const Manager *m, bool keep) {
        int fds[2] = { -EBADF, keep ? netlink_fd(m->packets->netlink) : -EBADF }, r = 0;
        _cleanup_close_ int blob = -EBADF;
        KeeperMessage message;

        keeper_message_init(&message, KEEPER_STORE, STORE_ID);
        message.value = KEPT_TABLE;
        if (keep)
                r = memfd_sealed("bulwark-network", "table", 5, &blob);
        fds[0] = blob;
        return r < 0 ? r : keeper_client_request(m->keeper, &message, fds, keep ? 2 : 0, NULL, NULL);
}

PacketTable *packet_table_free(PacketTable *t) {
        if (!t)
                return NULL;
        forwarding_free(t->forwarding);
        netlink_free(t->netlink);
        free(t);
        return NULL;
}

static int table_make(Manager *m, Netlink *n) {
        m->packets = calloc(1, sizeof(*m->packets));
        if (!m->packets) {
                netlink_free(n);
                return -ENOMEM;
        }
        m->packets->netlink = n;
        m->packets->manager = m;
        return 0;
}

/* The keeper has the socket before there is a table: who dies between the two leaves nothing. */
int packet_table_open(Manager *m, NetlinkError *reterr) {
        Netlink *n;
        int r;

        if (m->packets)
                return 0;
        r = netlink_open(NETLINK_NETFILTER, &n);
        if (r >= 0)
                r = table_make(m, n);
        if (r >= 0)
                r = table_keep(m, true);
        if (r >= 0) {
                crash_point(m, TABLE_KEPT);
                r = table_build_any(m, reterr);
        }
        if (r < 0 && m->packets) {
                forwarding_close(m, &m->packets->forwarding);
                (void)table_keep(m, false);
                m->packets = packet_table_free(m->packets);
        }
        return r;
}

static void table_drop(Manager *m) {
        NetlinkMessage message = {};

        nft_batch_begin(&message);
        for (size_t i = 0; i < ELEMENTSOF(table_families); i++) {
                const NftTable t = { .message = &message, .family = table_families[i], .name = TABLE_NAME };

                nft_table_delete(&t);
        }
        nft_batch_end(&message);
        (void)packet_table_send(m, &message, NULL);
        forwarding_close(m, &m->packets->forwarding);
        (void)table_keep(m, false);
        m->packets = packet_table_free(m->packets);
}

static bool is_needed(const Manager *m) {
        for (size_t i = 0; i < m->n_sorted; i++)
                if (m->sorted[i]->network.held)
                        return true;
        return false;
}

void packet_table_release(Manager *m) {
        if (m->packets && !is_needed(m))
                table_drop(m);
}

int packet_table_change(const Container *c, PacketFill fill, NetlinkError *reterr) {
        NetlinkMessage message = {};

        nft_batch_begin(&message);
        fill(c, &message);
        nft_batch_end(&message);
        return packet_table_send(c->manager, &message, reterr);
}

/* --- another manager, another keeper */

void packet_table_take(Manager *m, int fd) {
        Netlink *n;

        if (m->packets)
                (void)close(fd);
        else if (netlink_take(fd, &n) >= 0)
                (void)table_make(m, n);
}

/* What an earlier keeper has left is taken over, so that it can be changed, or removed. */
static bool is_left_behind(const Manager *m) {
        _cleanup_(netlink_freep) Netlink *n = NULL;
        NftTableAnswer a;

        if (netlink_open(NETLINK_NETFILTER, &n) < 0)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(table_families); i++)
                if (table_find(n, table_families[i], &a) >= 0 && table_is_left(m, &a))
                        return true;
        return false;
}

/* A manager that has lived on tells a keeper that has not what it holds; one that is new makes all rules anew, since it does not know
 * how far the last one came. */
void packet_table_settle(Manager *m) {
        NetlinkError e = {};
        int r = 0;

        ports_settle(m);
        if (m->packets && m->adopted)
                r = table_keep(m, true);
        else if (m->packets)
                r = table_build_any(m, &e);
        else if (is_needed(m) || is_left_behind(m))
                r = packet_table_open(m, &e);
        if (r < 0)
                log_message(&m->config.log, LOG_ERR, "the rules for the networks of what runs cannot be made: %s%s%s", strerror(-r),
                            e.words[0] ? ": " : "", e.words);
        packet_table_release(m);
        if (!m->packets) /* what one has left that died with its keeper */
                forwarding_close(m, &(Forwarding *){ NULL });
}
