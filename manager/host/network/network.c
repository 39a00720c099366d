/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/hash.h"
#include "manager/host/network/network.h"

uint32_t network_group(const char *seed) {
        Digest d;

        digest_of(seed, strlen(seed), &d);
        return (uint32_t)d.bytes[0] << 16 | (uint32_t)d.bytes[1] << 8 | d.bytes[2] | UINT32_C(0x42000000);
}

static const IpPrefix *wanted_of(const NetworkQuestion *q, uint8_t family) {
        for (size_t i = 0; i < q->n_wanted; i++)
                if (q->wanted[i].family == family)
                        return q->wanted + i;
        return NULL;
}

/* Whose network ours is: who lives in the zone decides before who only will. */
static const NetworkClaim *member_of(const NetworkQuestion *q, uint8_t family) {
        const NetworkClaim *found = NULL;

        for (size_t i = 0; i < q->n_claims; i++) {
                const NetworkClaim *c = q->claims + i;

                if (c->ours && c->address.family == family && (!found || (c->lives && !found->lives)))
                        found = c;
        }
        return found;
}

static const NetworkClaim *owner_of(const NetworkQuestion *q, const IpPrefix *address) {
        for (size_t i = 0; i < q->n_claims; i++)
                if (q->claims[i].ours && q->claims[i].address.family == address->family &&
                    memcmp(q->claims[i].address.bytes, address->bytes, sizeof(address->bytes)) == 0)
                        return q->claims + i;
        return NULL;
}

/* ours: addresses of the network's members; else what no network of ours may overlap. Owned. */
static IpPrefix *taken_of(const NetworkQuestion *q, bool ours, size_t *ret_n) {
        IpPrefix *taken = calloc(q->n_claims + q->n_routes + 1, sizeof(*taken));
        size_t n = 0;

        for (size_t i = 0; taken && i < q->n_claims; i++)
                if (q->claims[i].ours == ours)
                        taken[n++] = q->claims[i].address;
        for (size_t i = 0; taken && !ours && i < q->n_routes; i++)
                taken[n++] = q->routes[i];
        *ret_n = n;
        return taken;
}

/* Units that are down may have written a network twice: one of them at a time can have it. */
static bool is_elsewhere(const NetworkQuestion *q, const IpPrefix *network) {
        for (size_t i = 0; i < q->n_claims; i++)
                if (!q->claims[i].ours && q->claims[i].lives && network_overlaps(network, &q->claims[i].address))
                        return true;
        for (size_t i = 0; i < q->n_routes; i++)
                if (q->routes[i].length > 0 && network_overlaps(network, q->routes + i))
                        return true;
        return false;
}

static int choose_network(const NetworkQuestion *q, uint8_t family, const IpPrefix *wanted, IpPrefix *ret) {
        _cleanup_free_ IpPrefix *taken = NULL;
        size_t n;

        taken = taken_of(q, false, &n);
        if (!taken)
                return -ENOMEM;
        if (wanted && is_elsewhere(q, wanted))
                return -EEXIST;
        if (wanted)
                *ret = *wanted;
        else if (family == AF_INET)
                return network_choose_4(q->zone ? q->zone : q->name, q->zone ? ZONE_LENGTH_4 : LINK_LENGTH_4, taken, n, ret);
        else
                return network_choose_6(q->seed, q->zone ? q->zone : q->name, taken, n, ret);
        return 0;
}

static int choose_of(const NetworkQuestion *q, uint8_t family, IpPrefix *ret, const NetworkClaim **reterr) {
        const NetworkClaim *member = q->zone ? member_of(q, family) : NULL;
        const IpPrefix *wanted = wanted_of(q, family);
        _cleanup_free_ IpPrefix *taken = NULL;
        IpPrefix network;
        size_t n;
        int r;

        *reterr = wanted ? owner_of(q, wanted) : NULL;
        if (*reterr)
                return -EADDRINUSE;
        if (wanted && member && (member->address.length != wanted->length || !network_overlaps(&member->address, wanted))) {
                *reterr = member;
                return -EADDRNOTAVAIL;
        }
        if (member)
                network = member->address;
        if (!member || !member->lives) { /* the zone is not there yet */
                r = choose_network(q, family, member ? &member->address : wanted, &network);
                if (r < 0)
                        return r;
        }
        if (wanted) {
                *ret = *wanted;
                return 0;
        }
        taken = taken_of(q, true, &n);
        return taken ? network_choose_member(&network, q->name, taken, n, ret) : -ENOMEM;
}

int network_choose(const NetworkQuestion *q, NetworkAddresses *ret, const NetworkClaim **reterr) {
        static const uint8_t families[] = { AF_INET, AF_INET6 };
        NetworkAddresses a = {};

        *reterr = NULL;
        for (size_t i = 0; i < ELEMENTSOF(families); i++) {
                int r;

                if (families[i] == AF_INET6 && !q->ipv6 && !wanted_of(q, AF_INET6))
                        continue;
                if (families[i] == AF_INET6 && !q->ipv6)
                        return -EAFNOSUPPORT;
                r = choose_of(q, families[i], &a.items[a.n], reterr);
                if (r < 0)
                        return r;
                a.n++;
        }
        *ret = a;
        return 0;
}

int network_choose_on_bridge(const NetworkQuestion *q, NetworkAddresses *ret, const NetworkClaim **reterr) {
        NetworkAddresses a = {};

        *reterr = NULL;
        for (size_t i = 0; i < q->n_wanted && a.n < ELEMENTSOF(a.items); i++) {
                if (q->wanted[i].family == AF_INET6 && !q->ipv6)
                        return -EAFNOSUPPORT;
                *reterr = owner_of(q, q->wanted + i);
                if (*reterr)
                        return -EADDRINUSE;
                a.items[a.n++] = q->wanted[i];
        }
        *ret = a;
        return 0;
}
