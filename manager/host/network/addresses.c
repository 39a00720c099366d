/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <stdio.h>

#include "manager/base/hash.h"
#include "manager/base/string-list.h"
#include "manager/host/network/addresses.h"

/* Of a few words, each with its end, so that "ab" "c" is not "a" "bc". */
static void hash_of(const char *what, const char *a, const char *b, Digest *ret) {
        char text[1024];
        int n = snprintf(text, sizeof(text), "%s%c%s%c%s", what, 0, strempty(a), 0, strempty(b));

        digest_of(text, MIN_OF((size_t)n, sizeof(text)), ret);
}

static uint64_t number_of(const Digest *d) {
        uint64_t v = 0;

        for (size_t i = 0; i < sizeof(v); i++)
                v = v << 8 | d->bytes[i];
        return v;
}

/* --- names */

static bool is_plain(const char *name) {
        for (; *name; name++)
                if (!isalnum((unsigned char)*name) && !strchr("_-.", *name))
                        return false;
        return true;
}

void network_interface_name(const char *prefix, const char *name, char ret[static IFNAMSIZ]) {
        static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
        const size_t room = IFNAMSIZ - 1;
        size_t at = strlen(prefix);
        Digest d;

        memset(ret, 0, IFNAMSIZ);
        memcpy(ret, prefix, at);
        if (is_plain(name) && at + strlen(name) <= room) {
                memcpy(ret + at, name, strlen(name));
                return;
        }
        hash_of("interface", prefix, name, &d);
        for (const char *p = name; *p && at < room - 9 && is_plain((char[]){ *p, 0 }); p++)
                ret[at++] = *p;
        ret[at++] = '~';
        for (unsigned i = 0; i < 8; i++)
                ret[at++] = digits[d.bytes[i] & 31];
}

void network_mac(const char *seed, const char *name, uint8_t ret[static MAC_SIZE]) {
        Digest d;

        hash_of("mac", seed, name, &d);
        memcpy(ret, d.bytes, MAC_SIZE);
        ret[0] = (uint8_t)((ret[0] & ~1U) | 2U);
}

/* --- prefixes */

static size_t address_size(const IpPrefix *p) {
        return p->family == AF_INET ? 4 : 16;
}

bool network_overlaps(const IpPrefix *a, const IpPrefix *b) {
        const unsigned length = MIN_OF(a->length, b->length);

        if (a->family != b->family)
                return false;
        for (unsigned i = 0; i < length; i += 8) {
                const unsigned bits = MIN_OF(length - i, 8U);

                if ((a->bytes[i / 8] ^ b->bytes[i / 8]) >> (8 - bits))
                        return false;
        }
        return true;
}

static bool is_taken(const IpPrefix *p, const IpPrefix *taken, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (taken[i].length > 0 && network_overlaps(p, taken + i))
                        return true;
        return false;
}

static void put_32(uint32_t v, uint8_t *to) {
        for (unsigned i = 0; i < 4; i++)
                to[i] = (uint8_t)(v >> (24 - 8 * i));
}

static uint32_t get_32(const uint8_t *from) {
        return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

/* --- networks */

int network_choose_4(const char *key, unsigned length, const IpPrefix *taken, size_t n, IpPrefix *ret) {
        static const struct {
                uint32_t base;
                unsigned length;
        } pools[] = { { UINT32_C(10) << 24, 8 }, { UINT32_C(172) << 24 | UINT32_C(16) << 16, 12 } };
        Digest d;

        hash_of("network", key, NULL, &d);
        for (size_t k = 0; k < ELEMENTSOF(pools); k++) {
                const uint32_t slots = UINT32_C(1) << (length - pools[k].length),
                               tries = MIN_OF(slots, UINT32_C(4096)), start = (uint32_t)(number_of(&d) % slots);

                for (uint32_t i = 0; i < tries; i++) {
                        IpPrefix p = { .family = AF_INET, .length = (uint8_t)length };

                        put_32(pools[k].base | ((start + i) % slots) << (32 - length), p.bytes);
                        if (is_taken(&p, taken, n))
                                continue;
                        *ret = p;
                        return 0;
                }
        }
        return -ENOSPC;
}

int network_choose_6(const char *seed, const char *key, const IpPrefix *taken, size_t n, IpPrefix *ret) {
        IpPrefix p = { .family = AF_INET6, .length = NETWORK_LENGTH_6, .bytes = { 0xfd } };
        Digest machine, network;
        uint16_t start;

        hash_of("site", seed, NULL, &machine);
        hash_of("network", key, NULL, &network);
        memcpy(p.bytes + 1, machine.bytes, 5);
        start = (uint16_t)number_of(&network);
        for (uint32_t i = 0; i <= UINT16_MAX; i++) {
                const uint16_t subnet = (uint16_t)(start + i);

                p.bytes[6] = (uint8_t)(subnet >> 8);
                p.bytes[7] = (uint8_t)subnet;
                if (is_taken(&p, taken, n))
                        continue;
                *ret = p;
                return 0;
        }
        return -ENOSPC;
}

/* --- members */

/* The network's own bits, and that number in its last 32 bits, of which an IPv4 network has fewer. */
static void member_address(const IpPrefix *network, uint32_t number, IpPrefix *ret) {
        const size_t size = address_size(network);
        IpPrefix p = *network;

        for (unsigned i = network->length; i < 8 * size; i++)
                p.bytes[i / 8] &= (uint8_t)~(0x80U >> i % 8);
        put_32(get_32(p.bytes + size - 4) | number, p.bytes + size - 4);
        *ret = p;
}

void network_host_address(const IpPrefix *network, IpPrefix *ret) {
        member_address(network, 1, ret);
}

static bool is_address_taken(const IpPrefix *p, const IpPrefix *taken, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (taken[i].family == p->family && memcmp(taken[i].bytes, p->bytes, address_size(p)) == 0)
                        return true;
        return false;
}

int network_choose_member(const IpPrefix *network, const char *key, const IpPrefix *taken, size_t n, IpPrefix *ret) {
        const unsigned bits = MIN_OF((unsigned)(8 * address_size(network)) - network->length, 20U);
        const uint32_t first = 2, count = (UINT32_C(1) << bits) - first - (network->family == AF_INET);
        uint32_t start;
        Digest d;

        if (bits < 2)
                return -ENOSPC;
        hash_of("member", key, NULL, &d);
        start = (uint32_t)(number_of(&d) % count);
        for (uint32_t i = 0; i < MIN_OF(count, (uint32_t)n + 1); i++) { /* one of them is free */
                IpPrefix p;

                member_address(network, first + (start + i) % count, &p);
                if (is_address_taken(&p, taken, n))
                        continue;
                *ret = p;
                return 0;
        }
        return -ENOSPC;
}
