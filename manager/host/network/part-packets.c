/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/host/network/foreign.h"
#include "manager/host/network/guard.h"
#include "manager/host/network/links.h"
#include "manager/host/network/part-forwarding.h"
#include "manager/host/network/part-network.h"
#include "manager/host/network/part-ports.h"
#include "manager/host/network/part-table.h"
#include "manager/host/network/way-out.h"

/* What our nftables say of one container: whatever else, its port is guarded as soon as there is one, before it is up. */

static void put_guard(const Container *c, NetlinkMessage *m) {
        const NftTable t = { .message = m, .family = NFPROTO_NETDEV, .name = TABLE_NAME };
        NetworkNames names;
        GuardFacts f = { .addresses = c->network.addresses.items, .n = c->network.addresses.n };

        network_names(c, c->spec, &names);
        f.port = names.port;
        f.any_address = c->spec->bridge && f.n == 0;
        network_mac(network_seed(c->manager), c->name, f.mac);
        guard_add(&t, &f);
}

static void take_guard(const Container *c, NetlinkMessage *m) {
        const NftTable t = { .message = m, .family = NFPROTO_NETDEV, .name = TABLE_NAME };
        NetworkNames names;

        network_names(c, c->spec, &names);
        guard_delete(&t, names.port);
}

/* On a bridge of the administrator's the way out is the bridge's. */
static void put_members(const Container *c, NetlinkMessage *m) {
        const NftTable t = { .message = m, .family = NFPROTO_INET, .name = TABLE_NAME };

        if (!c->spec->bridge)
                way_out_add_member(&t, c->network.addresses.items, c->network.addresses.n);
        ports_put(c, m);
}

static void take_all(const Container *c, NetlinkMessage *m) {
        const NftTable t = { .message = m, .family = NFPROTO_INET, .name = TABLE_NAME };

        take_guard(c, m);
        ports_take(c, m);
        if (!c->spec->bridge)
                way_out_delete_member(&t, c->network.addresses.items, c->network.addresses.n);
}

static void put_bridge(const Container *c, NetlinkMessage *m) {
        const NftTable t = { .message = m, .family = NFPROTO_INET, .name = TABLE_NAME };
        _cleanup_(netlink_freep) Netlink *n = NULL;
        NetworkNames names;
        Link l;

        network_names(c, c->spec, &names);
        if (c->spec->zone && netlink_open(NETLINK_ROUTE, &n) >= 0 && link_find(n, names.bridge, &l) >= 0)
                way_out_add_bridge(&t, l.index);
}

/* Of a port that is not there yet, or no more, no kernel before 6.16 takes a guard. */
static bool has_port(const Container *c) {
        _cleanup_(netlink_freep) Netlink *n = NULL;
        NetworkNames names;
        Link l;

        network_names(c, c->spec, &names);
        return netlink_open(NETLINK_ROUTE, &n) >= 0 && link_find(n, names.port, &l) >= 0;
}

void network_put_rules(const Container *c, NetlinkMessage *m) {
        put_members(c, m);
        put_bridge(c, m);
        if (has_port(c))
                put_guard(c, m);
}

int packets_check(const Container *c, Diag *diag) {
        const ContainerSpec *spec = c->loaded;
        char words[160];
        int r = packet_table_check(c->manager, words, sizeof(words));

        if (r == -EEXIST)
                return diag_error(diag, ERROR_CONFLICT, container_spec_origin(spec, container_spec_network(spec)),
                                  directives[container_spec_network(spec)].name,
                                  "the host has a table \"bulwark\" of nftables that is not of this manager; %s", words);
        if (r < 0)
                return network_report(spec, r, NULL, diag, "ask the kernel for the table of nftables", "bulwark");
        return ports_check(c, diag);
}

static int on_chain(const struct nlmsghdr *m, void *userdata) {
        NftChainAnswer chain;

        if (nft_chain_read(m, &chain))
                foreign_look(userdata, &chain);
        return 0;
}

/* What others drop we cannot let pass: it is told, with what to do. */
static void tell_of_firewall(const Container *c) {
        _cleanup_(netlink_freep) Netlink *n = NULL;
        NetlinkMessage m = {};
        ForeignFacts f = {};
        NetworkNames names;
        char remedy[512];

        if (c->spec->bridge || netlink_open(NETLINK_NETFILTER, &n) < 0)
                return;
        nft_chains_ask(&m);
        (void)netlink_dump(n, &m, on_chain, &f);
        netlink_message_done(&m);
        if (!f.dropping)
                return;
        network_names(c, c->spec, &names);
        foreign_remedy(&f, names.bridge[0] ? names.bridge : names.port, remedy, sizeof(remedy));
        log_message(&c->manager->config.log, LOG_WARNING,
                    "%s: the chain %s of the host's table %s drops what is forwarded unless its rules accept it: neither the way out nor published "
                    "ports work, but for: %s", c->name, f.chain.name, f.chain.table, remedy);
}

int packets_prepare(Container *c, Diag *diag) {
        NetlinkError e = {};
        int r = packet_table_open(c->manager, &e);

        if (r >= 0)
                r = packet_table_change(c, put_members, &e);
        if (r >= 0)
                tell_of_firewall(c);
        return r < 0 ? network_report(c->spec, r, &e, diag, "make the table of nftables", "bulwark") : 0;
}

int packets_bridge_made(const Container *c, const char *name, NetlinkError *reterr) {
        forwarding_of_own(c->manager, name);
        return packet_table_change(c, put_bridge, reterr);
}

int packets_link_made(const Container *c, NetlinkError *reterr) {
        NetworkNames names;

        network_names(c, c->spec, &names);
        if (!names.bridge[0])
                forwarding_of_own(c->manager, names.port);
        return packet_table_change(c, put_guard, reterr);
}

void packets_undo(Container *c) {
        NetlinkError e = {};
        int r = c->manager->packets ? packet_table_change(c, take_all, &e) : 0;

        if (r < 0)
                log_message(&c->manager->config.log, LOG_WARNING, "%s: its rules are not removed: %s%s%s", c->name, strerror(-r),
                            e.words[0] ? ": " : "", e.words);
        ports_release(c);
        packet_table_release(c->manager);
}
