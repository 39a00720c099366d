/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "manager/host/network/forwarding.h"
#include "manager/host/network/links.h"
#include "manager/host/network/part-forwarding.h"
#include "manager/host/network/part-table.h"
#include "manager/host/network/way-out.h"

#define RECORD_NAME "forwarding"
#define RECORD_MAX (1U << 20)

static const struct {
        uint8_t family;
        char digit;
        const char *directory, *name;
        unsigned group; /* what tells when all of it is switched */
} switches[] = {
        { AF_INET, '4', "/proc/sys/net/ipv4/conf", "forwarding", RTNLGRP_IPV4_NETCONF },
        /* Of one interface since Linux 6.17. Before, IPv6 leaves the host where it forwards by itself: switching that on for all would
         * make it a router, which no longer listens to others. */
        { AF_INET6, '6', "/proc/sys/net/ipv6/conf", "force_forwarding", RTNLGRP_IPV6_NETCONF },
};

struct Forwarding {
        Netlink *events;
        sd_event_source *source;
        Manager *manager;
        char **record; /* "4eth0": switched on by us */
        bool again;
};

/* --- switches */

static int switch_open(size_t i, const char *interface, const char *name, int flags) {
        char path[128];

        (void)snprintf(path, sizeof(path), "%s/%s/%s", switches[i].directory, interface, name);
        return open(path, flags | O_CLOEXEC);
}

static bool switch_is_on(size_t i, const char *interface, const char *name) {
        _cleanup_close_ int fd = switch_open(i, interface, name, O_RDONLY);
        char value = '0';

        return fd >= 0 && read(fd, &value, 1) == 1 && value != '0';
}

static bool switch_exists(size_t i, const char *interface) {
        _cleanup_close_ int fd = switch_open(i, interface, switches[i].name, O_RDONLY);

        return fd >= 0;
}

static int switch_set(size_t i, const char *interface, bool on) {
        _cleanup_close_ int fd = switch_open(i, interface, switches[i].name, O_WRONLY);

        return fd < 0 || write(fd, on ? "1" : "0", 1) != 1 ? -errno : 0;
}

void forwarding_of_own(const Manager *m, const char *interface) {
        for (size_t i = 0; i < ELEMENTSOF(switches); i++) {
                int r = switch_set(i, interface, true);

                if (r < 0 && r != -ENOENT)
                        log_message(&m->config.log, LOG_WARNING, "%s does not forward: %s/%s/%s: %s", interface, switches[i].directory,
                                    interface, switches[i].name, strerror(-r));
        }
}

/* --- the record */

static int record_load(const Manager *m, char ***ret) {
        _cleanup_close_ int fd = openat(m->runtime_fd, RECORD_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_strv_ char **lines = NULL;
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        r = read_file(fd, RECORD_MAX, &text, &size);
        if (r >= 0)
                r = strv_split(text, '\n', &lines);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(lines);
        return 0;
}

static int record_save(const Manager *m, char **lines) {
        _cleanup_free_ char *text = NULL;

        if (!lines || !lines[0])
                return unlinkat(m->runtime_fd, RECORD_NAME, 0) < 0 && errno != ENOENT ? -errno : 0;
        text = strv_join(lines, "\n");
        return text ? write_file_volatile(m->runtime_fd, RECORD_NAME, text, strlen(text), 0600) : -ENOMEM;
}

/* --- all interfaces */

typedef struct Opening {
        char **record;
        WayOutOpened *opened;
        size_t n;
} Opening;

static int opening_add(Opening *o, size_t i, const Link *l) {
        char line[IFNAMSIZ + 2];
        WayOutOpened *grown = reallocarray(o->opened, o->n + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        o->opened = grown;
        grown[o->n++] = (WayOutOpened){ .family = switches[i].family, .index = l->index };
        (void)snprintf(line, sizeof(line), "%c%s", switches[i].digit, l->name);
        return strv_extend(&o->record, line);
}

static bool was_opened(const Forwarding *f, size_t i, const char *interface) {
        for (char **l = f->record; l && *l; l++)
                if ((*l)[0] == switches[i].digit && streq(*l + 1, interface))
                        return true;
        return false;
}

static int judge_link(const Forwarding *f, const Link *l, Opening *o) {
        const bool own = l->group == network_group(f->manager->config.runtime_directory);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(switches); i++) {
                const ForwardingFacts facts = { .all = switch_is_on(i, "all", "forwarding"),
                                                .own = own,
                                                .loopback = streq(l->name, "lo"),
                                                .port = l->master > 0,
                                                .on = switch_is_on(i, l->name, switches[i].name),
                                                .by_us = was_opened(f, i, l->name) };

                switch (forwarding_judge(&facts)) {
                case FORWARDING_LEFT:
                        break;
                case FORWARDING_OWN:
                        forwarding_of_own(f->manager, l->name);
                        break;
                case FORWARDING_OPENED:
                        if (switch_exists(i, l->name))
                                r = opening_add(o, i, l);
                        break;
                }
        }
        return r;
}

static int tell_rules(const Forwarding *f, const Opening *o, NetlinkError *reterr) {
        NetlinkMessage m = {};
        const NftTable t = { .message = &m, .family = NFPROTO_INET, .name = TABLE_NAME };

        nft_batch_begin(&m);
        way_out_set_opened(&t, o->opened, o->n);
        nft_batch_end(&m);
        return packet_table_send(f->manager, &m, reterr);
}

static void switch_opened(const Forwarding *f) {
        for (char **l = f->record; l && *l; l++)
                for (size_t i = 0; i < ELEMENTSOF(switches); i++)
                        if ((*l)[0] == switches[i].digit)
                                (void)switch_set(i, *l + 1, true);
}

/* Written down, then dropped by our rules, then switched: at no moment more is forwarded than before us. */
static int forwarding_look(Forwarding *f, NetlinkError *reterr) {
        _cleanup_(netlink_freep) Netlink *n = NULL;
        _cleanup_free_ Link *links = NULL;
        Opening o = {};
        size_t n_links = 0;
        int r;

        r = netlink_open(NETLINK_ROUTE, &n);
        if (r >= 0)
                r = links_list(n, &links, &n_links);
        for (size_t i = 0; r >= 0 && i < n_links; i++)
                r = judge_link(f, links + i, &o);
        if (r >= 0)
                r = record_save(f->manager, o.record);
        if (r >= 0) {
                crash_point(f->manager, FORWARDING_NOTED);
                r = tell_rules(f, &o, reterr);
        }
        if (r >= 0) {
                char **last = f->record;

                crash_point(f->manager, FORWARDING_RULED);
                f->record = TAKE_PTR(o.record);
                strv_free(last);
                switch_opened(f);
        }
        strv_free(o.record);
        free(o.opened);
        return r;
}

/* --- what the host does meanwhile */

/* Links that are not ours, and all that a switch of all does. */
static int on_message(const struct nlmsghdr *m, void *userdata) {
        const struct ifinfomsg *link = netlink_header(m, sizeof(*link));
        Forwarding *f = userdata;
        NetlinkAttribute a;
        uint32_t v;

        if (m->nlmsg_type == RTM_NEWLINK && link)
                f->again |= !(netlink_attribute_find(m, sizeof(*link), IFLA_GROUP, &a) && netlink_get_u32(&a, &v) &&
                              v == network_group(f->manager->config.runtime_directory)) &&
                            link->ifi_change != 0;
        else if (m->nlmsg_type == RTM_NEWNETCONF)
                f->again |= netlink_attribute_find(m, sizeof(struct netconfmsg), NETCONFA_IFINDEX, &a) && netlink_get_u32(&a, &v) &&
                            (int32_t)v == NETCONFA_IFINDEX_ALL;
        return 0;
}

static int on_events(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Forwarding *f = userdata;
        NetlinkError e = {};
        int r;

        f->again = false;
        do {
                r = netlink_receive(f->events, on_message, f);
                f->again |= r == -ENOBUFS;
        } while (r >= 0 || r == -ENOBUFS);
        if (f->again)
                r = forwarding_look(f, &e);
        if (r < 0 && r != -EAGAIN)
                log_message(&f->manager->config.log, LOG_WARNING, "the host's interfaces cannot be looked at anew: %s%s%s", strerror(-r),
                            e.words[0] ? ": " : "", e.words);
        return 0;
}

static int forwarding_listen(Forwarding *f) {
        int r = netlink_open(NETLINK_ROUTE, &f->events);

        if (r >= 0)
                r = netlink_subscribe(f->events, RTNLGRP_LINK);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(switches); i++)
                r = netlink_subscribe(f->events, switches[i].group);
        if (r >= 0)
                r = sd_event_add_io(f->manager->event, &f->source, netlink_fd(f->events), EPOLLIN, on_events, f);
        return r < 0 ? r : 0;
}

Forwarding *forwarding_free(Forwarding *f) {
        if (!f)
                return NULL;
        f->source = sd_event_source_disable_unref(f->source);
        netlink_free(f->events);
        strv_free(f->record);
        free(f);
        return NULL;
}

int forwarding_open(Manager *m, Forwarding **f, NetlinkError *reterr) {
        int r = 0;

        if (!*f) {
                *f = calloc(1, sizeof(**f));
                if (!*f)
                        return -ENOMEM;
                (*f)->manager = m;
                r = record_load(m, &(*f)->record);
                if (r >= 0)
                        r = forwarding_listen(*f);
        }
        return r < 0 ? r : forwarding_look(*f, reterr);
}

/* Where the host has begun to forward by itself meanwhile, that stays. */
void forwarding_close(Manager *m, Forwarding **f) {
        _cleanup_strv_ char **record = NULL;

        if (record_load(m, &record) >= 0)
                for (char **l = record; l && *l; l++)
                        for (size_t i = 0; i < ELEMENTSOF(switches); i++)
                                if ((*l)[0] == switches[i].digit && !switch_is_on(i, "all", "forwarding"))
                                        (void)switch_set(i, *l + 1, false);
        (void)record_save(m, NULL);
        *f = forwarding_free(*f);
}
