/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"
#include "manager/host/network/links.h"
#include "manager/host/network/part-network.h"
#include "manager/host/network/part-ports.h"
#include "manager/host/network/part-table.h"
#include "manager/host/part.h"
#include "manager/record/blob.h"
#include "units/spec/name-files.h"

/* Zone=, Bridge=, VirtualEthernet=: a link of the container's own. Addresses are chosen, and the zone's bridge made, while the start is
 * prepared; the link is made when the container's namespaces are there and before anything of it runs, once for each launch of a life:
 * with the processes of a launch the kernel takes the link, too. All of it is done from outside; inside nothing has to be allowed. */

#define INSIDE "host0" /* systemd-nspawn's name */

void network_names(const Container *c, const ContainerSpec *spec, NetworkNames *ret) {
        *ret = (NetworkNames){};
        network_interface_name(CONTAINER_PREFIX, c->name, ret->port);
        if (spec->zone)
                network_interface_name(ZONE_PREFIX, spec->zone, ret->bridge);
        else if (spec->bridge)
                (void)snprintf(ret->bridge, sizeof(ret->bridge), "%s", spec->bridge);
}

const char *network_seed(const Manager *m) {
        return strempty(m->host.specifiers.machine_id);
}

static uint32_t group_of(const Manager *m) {
        return network_group(m->config.runtime_directory);
}

static bool has_ipv6(void) {
        char value = '1';
        int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_RDONLY | O_CLOEXEC);
        bool has = fd >= 0 && read(fd, &value, 1) == 1 && value == '0';

        (void)safe_close(fd);
        return has;
}

/* --- words */

static const Origin *where(const ContainerSpec *spec) {
        return container_spec_origin(spec, container_spec_network(spec));
}

static const char *directive_of(const ContainerSpec *spec) {
        return directives[container_spec_network(spec)].name;
}

int network_report(const ContainerSpec *spec, int r, const NetlinkError *e, Diag *diag, const char *what, const char *subject) {
        const bool words = e && e->words[0];

        return diag_errno(diag, r == -EOPNOTSUPP || r == -EAFNOSUPPORT ? ERROR_HOST_LACKS : ERROR_FAILED, where(spec), directive_of(spec), -r,
                          "cannot %s \"%s\"%s%s%s", what, subject, words ? " (" : "", words ? e->words : "", words ? ")" : "");
}

static const IpPrefixItem *item_of(const ContainerSpec *spec, uint8_t family) {
        for (size_t i = 0; i < spec->address.n; i++)
                if (spec->address.items[i].prefix.family == family)
                        return spec->address.items + i;
        return spec->address.n > 0 ? spec->address.items : NULL;
}

static int report_choice(const ContainerSpec *spec, int r, const NetworkClaim *other, Diag *diag) {
        const IpPrefixItem *item = item_of(spec, other ? other->address.family : r == -EAFNOSUPPORT ? AF_INET6 : AF_INET);
        const Origin *origin = item ? &item->origin : where(spec);
        const char *name = item ? "Address" : directive_of(spec);
        char text[IP_PREFIX_TEXT_MAX] = "";

        if (other)
                ip_prefix_to_text(&other->address, true, text);
        switch (r) {
        case -EADDRINUSE:
                return diag_error(diag, ERROR_CONFLICT, origin, name, "%s %s the address %s; choose another", other->name,
                                  other->lives ? "has" : "is to have", text);
        case -EADDRNOTAVAIL:
                return diag_error(diag, ERROR_CONFLICT, origin, name, "the network of the zone is another one: %s has %s there",
                                  other->name, text);
        case -EEXIST:
                return diag_error(diag, ERROR_CONFLICT, origin, name,
                                  "packets of this host go to that network already, or another container has it; choose another");
        case -EAFNOSUPPORT:
                return diag_error(diag, ERROR_HOST_LACKS, origin, name, "this host has no IPv6 (net.ipv6.conf.default.disable_ipv6)");
        case -ENOSPC:
                return diag_error(diag, ERROR_NO_MEMORY, origin, name, "no private network, or no address of it, is free on this host");
        default:
                return r;
        }
}

/* --- who has what */

typedef struct Claims {
        NetworkClaim *items;
        size_t n;
} Claims;

static int claims_add(Claims *l, const Container *other, bool ours, bool lives, const IpPrefix *address) {
        NetworkClaim *items = reallocarray(l->items, l->n + 1, sizeof(*items));

        if (!items)
                return -ENOMEM;
        l->items = items;
        items[l->n++] = (NetworkClaim){ .name = other->name, .ours = ours, .lives = lives, .address = *address };
        return 0;
}

/* What lives has, and what the loaded units will: a container that is down keeps its Address=. */
static int claims_collect(const Container *c, const ContainerSpec *spec, Claims *ret) {
        const Manager *m = c->manager;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < m->n_sorted; i++) {
                const Container *other = m->sorted[i];

                if (other == c)
                        continue;
                for (size_t k = 0; r >= 0 && other->network.held && k < other->network.addresses.n; k++)
                        r = claims_add(ret, other, container_spec_shares_network(spec, other->spec), true, &other->network.addresses.items[k]);
                if (!other->loaded || (other->network.held && other->loaded == other->spec))
                        continue;
                for (size_t k = 0; r >= 0 && k < other->loaded->address.n; k++)
                        r = claims_add(ret, other, container_spec_shares_network(spec, other->loaded), false, &other->loaded->address.items[k].prefix);
        }
        return r;
}

static int choose(const Container *c, const ContainerSpec *spec, Netlink *n, Diag *diag, NetworkAddresses *ret) {
        _cleanup_free_ IpPrefix *routes = NULL;
        IpPrefix wanted[IP_PREFIXES_MAX];
        const NetworkClaim *other = NULL;
        Claims claims = {};
        NetworkQuestion q = { .name = c->name, .zone = spec->zone, .seed = network_seed(c->manager), .wanted = wanted, .ipv6 = has_ipv6() };
        int r;

        for (size_t i = 0; i < spec->address.n && i < ELEMENTSOF(wanted); i++)
                wanted[q.n_wanted++] = spec->address.items[i].prefix;
        r = routes_list(n, &routes, &q.n_routes);
        if (r >= 0)
                r = claims_collect(c, spec, &claims);
        q.routes = routes;
        q.claims = claims.items;
        q.n_claims = claims.n;
        if (r >= 0)
                r = (spec->bridge ? network_choose_on_bridge : network_choose)(&q, ret, &other);
        if (r < 0)
                r = report_choice(spec, r, other, diag);
        free(claims.items);
        return r;
}

/* Another of the zone, whose bridge it is then, too. */
static bool has_others(const Container *c, const ContainerSpec *spec) {
        const Manager *m = c->manager;

        for (size_t i = 0; i < m->n_sorted; i++)
                if (m->sorted[i] != c && m->sorted[i]->network.held && container_spec_shares_network(spec, m->sorted[i]->spec))
                        return true;
        return false;
}

/* --- before the host is touched */

static int check_link(const Container *c, Netlink *n, const char *name, Diag *diag) {
        Link l;
        int r = link_find(n, name, &l);

        if (r == -ENODEV || (r >= 0 && l.group == group_of(c->manager)))
                return 0;
        if (r < 0)
                return network_report(c->loaded, r, NULL, diag, "look for the interface", name);
        return diag_error(diag, ERROR_CONFLICT, where(c->loaded), directive_of(c->loaded),
                          "the host has an interface \"%s\" that is not of this manager; delete or rename it", name);
}

static int network_check(const Container *c, Diag *diag) {
        const ContainerSpec *spec = c->loaded;
        _cleanup_(netlink_freep) Netlink *n = NULL;
        NetworkNames names;
        Link l;
        int r;

        if (!spec || !container_spec_has_network(spec))
                return 0;
        network_names(c, spec, &names);
        r = netlink_open(NETLINK_ROUTE, &n);
        if (r < 0)
                return network_report(spec, r, NULL, diag, "ask the kernel for", names.port);
        r = packets_check(c, diag);
        if (r < 0)
                return r;
        r = check_link(c, n, names.port, diag);
        if (r < 0 || !names.bridge[0])
                return r;
        if (spec->zone)
                return check_link(c, n, names.bridge, diag);
        r = link_find(n, names.bridge, &l);
        if (r == -ENODEV)
                return diag_error(diag, ERROR_MISSING, where(spec), "Bridge",
                                  "the host has no interface \"%s\"; make the bridge, or write Zone= for one that is made", names.bridge);
        if (r < 0)
                return network_report(spec, r, NULL, diag, "look for the interface", names.bridge);
        return streq(l.kind, "bridge") ? 0 :
               diag_error(diag, ERROR_BAD_VALUE, where(spec), "Bridge", "\"%s\" is no bridge; name one, or write Zone=", names.bridge);
}

/* --- made */

/* One of ours of that name, whose container is gone. */
static int drop_stale(const Container *c, Netlink *n, const char *name) {
        Link l;
        int r = link_find(n, name, &l);

        if (r == -ENODEV)
                return 0;
        if (r < 0)
                return r;
        return l.group == group_of(c->manager) ? link_delete(n, l.index) : -EEXIST;
}

static int make_bridge(const Container *c, Netlink *n, const char *name, Diag *diag) {
        const ContainerSpec *spec = c->spec;
        uint8_t mac[MAC_SIZE];
        NetlinkError e = {};
        char alias[128];
        Link l;
        int r;

        network_mac(network_seed(c->manager), name, mac);
        (void)snprintf(alias, sizeof(alias), "bulwark zone %s", spec->zone);
        r = link_make_bridge(n, name, group_of(c->manager), mac, &e);
        if (r >= 0)
                r = link_find(n, name, &l);
        for (size_t i = 0; r >= 0 && i < c->network.addresses.n; i++) {
                IpPrefix host;

                network_host_address(&c->network.addresses.items[i], &host);
                r = link_add_address(n, l.index, &host, &e);
        }
        if (r >= 0)
                r = packets_bridge_made(c, name, &e);
        if (r >= 0)
                r = link_set_up(n, l.index, 0, alias, &e);
        return r < 0 ? network_report(spec, r, &e, diag, "make the bridge", name) : 0;
}

static int network_prepare(Container *c, Launch *launch, Diag *diag) {
        const ContainerSpec *spec = c->spec;
        _cleanup_(netlink_freep) Netlink *n = NULL;
        NetworkNames names;
        bool others;
        int r;

        if (!container_spec_has_network(spec))
                return 0;
        network_names(c, spec, &names);
        others = has_others(c, spec);
        r = netlink_open(NETLINK_ROUTE, &n);
        if (r >= 0)
                r = drop_stale(c, n, names.port);
        if (r >= 0 && spec->zone && !others)
                r = drop_stale(c, n, names.bridge);
        if (r < 0)
                return network_report(spec, r, NULL, diag, "take away what is left of", names.port);
        r = choose(c, spec, n, diag, &c->network.addresses);
        if (r < 0)
                return r;
        c->network.held = true;
        r = ports_reserve(c, diag);
        if (r >= 0)
                r = packets_prepare(c, diag);
        if (r >= 0 && spec->zone && !others)
                r = make_bridge(c, n, names.bridge, diag);
        crash_point(c->manager, NETWORK_PREPARED);
        return r;
}

/* --- alive: by EVENT_CREATED, for each launch */

/* Of that process, and of no other that has its number meanwhile. */
static int namespace_open(int pid, int pidfd, int *ret) {
        char path[sizeof("/proc//ns/net") + 12];
        _cleanup_close_ int fd = -EBADF;
        int r;

        (void)snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = pidfd_signal(pidfd, 0);
        if (r < 0)
                return r;
        *ret = TAKE_FD(fd);
        return 0;
}

static const IpPrefix *gateway_of(const ContainerSpec *spec, uint8_t family) {
        for (size_t i = 0; i < spec->gateway.n; i++)
                if (spec->gateway.items[i].prefix.family == family)
                        return &spec->gateway.items[i].prefix;
        return NULL;
}

/* Inside: the link is up and has its addresses; the default route leads to the host. In a zone the host's MAC address is a
 * fixed neighbour, so that no other member can answer ARP or neighbour discovery in its place. */
static int set_up_inside(const Container *c, Netlink *inside, const NetworkNames *names, NetlinkError *e) {
        const ContainerSpec *spec = c->spec;
        uint8_t mac[MAC_SIZE];
        Link own;
        int r;

        r = link_find(inside, INSIDE, &own);
        if (r >= 0)
                r = link_set_up(inside, own.index, 0, NULL, e);
        for (size_t i = 0; r >= 0 && i < c->network.addresses.n; i++)
                r = link_add_address(inside, own.index, &c->network.addresses.items[i], e);
        network_mac(network_seed(c->manager), names->bridge, mac);
        for (size_t i = 0; r >= 0 && i < c->network.addresses.n; i++) {
                const IpPrefix *a = &c->network.addresses.items[i], *gateway = gateway_of(spec, a->family);
                IpPrefix host;

                network_host_address(a, &host);
                if (spec->zone)
                        r = link_add_neighbour(inside, own.index, &host, mac, e);
                if (r >= 0 && (gateway || !spec->bridge) && (i == 0 || c->network.addresses.items[i - 1].family != a->family))
                        r = link_add_default_route(inside, own.index, gateway ? gateway : &host, e);
        }
        return r;
}

static int set_up_outside(const Container *c, Netlink *n, const NetworkNames *names, NetlinkError *e) {
        Link port, bridge = {};
        char alias[128];
        int r;

        (void)snprintf(alias, sizeof(alias), "bulwark container %s", c->name);
        r = link_find(n, names->port, &port);
        if (r >= 0 && names->bridge[0])
                r = link_find(n, names->bridge, &bridge);
        if (r >= 0)
                r = link_set_up(n, port.index, bridge.index, alias, e);
        for (size_t i = 0; r >= 0 && !names->bridge[0] && i < c->network.addresses.n; i++) {
                IpPrefix host;

                network_host_address(&c->network.addresses.items[i], &host);
                r = link_add_address(n, port.index, &host, e);
        }
        return r;
}

static int network_live(Container *c, int pid, int pidfd, Diag *diag) {
        _cleanup_(netlink_freep) Netlink *n = NULL, *inside = NULL;
        _cleanup_close_ int namespace_fd = -EBADF;
        const ContainerSpec *spec = c->spec;
        const char *what = "enter the network namespace of";
        uint8_t mac[MAC_SIZE];
        NetlinkError e = {};
        NetworkNames names;
        int r;

        if (!c->network.held)
                return 0;
        network_names(c, spec, &names);
        network_mac(network_seed(c->manager), c->name, mac);
        r = namespace_open(pid, pidfd, &namespace_fd);
        if (r >= 0)
                r = netlink_open(NETLINK_ROUTE, &n);
        if (r >= 0)
                r = netlink_open_in(namespace_fd, NETLINK_ROUTE, &inside);
        if (r >= 0) {
                what = "make the link";
                r = drop_stale(c, n, names.port); /* of the command before, which the kernel may not have taken yet */
        }
        if (r >= 0)
                r = link_make_pair(n, names.port, group_of(c->manager), namespace_fd, INSIDE, mac, &e);
        if (r >= 0) {
                crash_point(c->manager, LINK_MADE);
                what = "guard";
                r = packets_link_made(c, &e);
        }
        if (r >= 0) {
                crash_point(c->manager, LINK_GUARDED);
                what = "connect";
                r = set_up_outside(c, n, &names, &e);
        }
        if (r >= 0) {
                what = "give its addresses to";
                r = set_up_inside(c, inside, &names, &e);
        }
        crash_point(c->manager, LINK_READY);
        return r < 0 ? network_report(spec, r, &e, diag, what, names.port) : 0;
}

/* --- gone */

static void drop_logged(const Container *c, Netlink *n, const char *name) {
        int r = drop_stale(c, n, name);

        if (r < 0 && r != -EEXIST)
                log_message(&c->manager->config.log, LOG_WARNING, "%s: its interface \"%s\" is not removed: %s", c->name, name,
                            strerror(-r));
}

static void network_undo(Container *c) {
        _cleanup_(netlink_freep) Netlink *n = NULL;
        NetworkNames names;

        if (!c->network.held)
                return;
        network_names(c, c->spec, &names);
        if (netlink_open(NETLINK_ROUTE, &n) >= 0) {
                drop_logged(c, n, names.port);
                /* While lives are taken over, who else is of the zone is not known yet: network_sweep() does it then. */
                if (c->spec->zone && c->manager->adopted && !has_others(c, c->spec))
                        drop_logged(c, n, names.bridge);
        }
        c->network.held = false;
        packets_undo(c);
        c->network = (Network){};
}

/* --- another manager */

static void network_save(const Container *c, Blob *b) {
        b->network = c->network.addresses;
}

static void network_adopt(Container *c, Adoption *a) {
        c->network.held = c->spec && container_spec_has_network(c->spec);
        c->network.addresses = a->blob->network;
}

static bool is_of_somebody(const Manager *m, const char *name) {
        for (size_t i = 0; i < m->n_sorted; i++) {
                const Container *c = m->sorted[i];
                NetworkNames names;

                if (!c->network.held)
                        continue;
                network_names(c, c->spec, &names);
                if (streq(names.port, name) || streq(names.bridge, name))
                        return true;
        }
        return false;
}

/* Bridges of zones whose last member went with an earlier manager. */
static void network_sweep(Manager *m) {
        _cleanup_(netlink_freep) Netlink *n = NULL;
        _cleanup_free_ Link *links = NULL;
        size_t n_links = 0;

        if (netlink_open(NETLINK_ROUTE, &n) < 0 || links_list(n, &links, &n_links) < 0)
                return; /* a host without a network */
        for (size_t i = 0; i < n_links; i++)
                if (links[i].group == group_of(m) && !is_of_somebody(m, links[i].name)) {
                        int r = link_delete(n, links[i].index);

                        log_message(&m->config.log, LOG_NOTICE, "the interface \"%s\" was left by an earlier manager; %s", links[i].name,
                                    r < 0 ? strerror(-r) : "it is removed");
                }
}

const LifePart part_network = {
        .name = "network",
        .of_the_end = true,
        .check = network_check,
        .prepare = network_prepare,
        .live = network_live,
        .undo = network_undo,
        .save = network_save,
        .adopt = network_adopt,
        .sweep = network_sweep,
};
