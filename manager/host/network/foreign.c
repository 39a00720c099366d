/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "manager/base/util.h"
#include "manager/host/network/foreign.h"

void foreign_look(ForeignFacts *f, const NftChainAnswer *chain) {
        f->docker |= streq(chain->name, "DOCKER-USER");
        f->ufw |= streq(chain->name, "ufw-before-forward");
        if (f->dropping || !chain->hooked || chain->number != NF_INET_FORWARD || chain->policy != NF_DROP)
                return;
        f->dropping = chain->family == NFPROTO_INET || chain->family == NFPROTO_IPV4 || chain->family == NFPROTO_IPV6;
        if (f->dropping)
                f->chain = *chain;
}

void foreign_remedy(const ForeignFacts *f, const char *interface, char *ret, size_t size) {
        const char *family = f->chain.family == NFPROTO_INET ? "inet" : f->chain.family == NFPROTO_IPV4 ? "ip" : "ip6";
        const char *tables = f->chain.family == NFPROTO_IPV6 ? "ip6tables" : "iptables";

        if (streq(f->chain.table, "firewalld"))
                (void)snprintf(ret, size, "firewall-cmd --permanent --zone=trusted --add-interface=%s; firewall-cmd --reload", interface);
        else if (f->ufw)
                (void)snprintf(ret, size, "ufw route allow in on %s; ufw route allow out on %s", interface, interface);
        else if (f->docker)
                (void)snprintf(ret, size, "%s -I DOCKER-USER -i %s -j ACCEPT; %s -I DOCKER-USER -o %s -j ACCEPT", tables, interface, tables,
                               interface);
        else
                (void)snprintf(ret, size, "nft insert rule %s %s %s iifname %s accept; nft insert rule %s %s %s oifname %s accept", family,
                               f->chain.table, f->chain.name, interface, family, f->chain.table, f->chain.name, interface);
}
