/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The filters of packets and sockets, run by an interpreter of our own and held against a naive reading of the unit. */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>

#include "policies/bpf/filters.h"
#include "tests/unit/policies/fixture.h"

/* What the program is run on. */
typedef struct Run {
        const void *context;
        size_t size;
        const uint8_t *packet; /* NULL = none to read of */
        size_t packet_size;
        PacketCounters counters;
} Run;

static uint64_t loaded(const Run *run, const uint64_t *r, const uint8_t *stack, const struct bpf_insn *i, size_t size) {
        uint64_t v = 0;

        if (i->src_reg == 10) {
                assert_in_range(i->off + 512, 0, 512 - size);
                memcpy(&v, stack + 512 + i->off, size);
        } else {
                assert_ptr_equal((const void *)(uintptr_t)r[i->src_reg], run->context);
                assert_in_range(i->off, 0, run->size - size);
                memcpy(&v, (const char *)run->context + i->off, size);
        }
        return v;
}

/* bpf_skb_load_bytes(context, offset, to, size) */
static int64_t load_bytes(const Run *run, const uint64_t *r, uint8_t *stack) {
        const size_t at = (size_t)r[3] - (size_t)(uintptr_t)stack;

        assert_ptr_equal((const void *)(uintptr_t)r[1], run->context);
        assert_in_range(at, 0, 512 - r[4]);
        if (!run->packet || r[2] + r[4] > run->packet_size)
                return -14;
        memcpy(stack + at, run->packet + r[2], r[4]);
        return 0;
}

static bool jumps(uint8_t op, uint64_t a, uint64_t b) {
        switch (op) {
        case BPF_JEQ:
                return a == b;
        case BPF_JNE:
                return a != b;
        case BPF_JGT:
                return a > b;
        case BPF_JGE:
                return a >= b;
        case BPF_JLT:
                return a < b;
        }
        fail_msg("no such comparison: %#x", op);
        return false;
}

/* What the kernel would return; a program may jump forward only. */
static uint32_t run(const CgroupProgram *p, Run *on) {
        const struct bpf_insn *items = p->items;
        uint8_t stack[512] = {};
        uint64_t r[11] = { [1] = (uintptr_t)on->context, [10] = (uintptr_t)(stack + 512) };

        for (size_t at = 0; at < p->n; at++) {
                const struct bpf_insn *i = items + at;

                switch (i->code) {
                case BPF_LDX | BPF_MEM | BPF_W:
                        r[i->dst_reg] = loaded(on, r, stack, i, 4);
                        break;
                case BPF_LDX | BPF_MEM | BPF_DW:
                        r[i->dst_reg] = loaded(on, r, stack, i, 8);
                        break;
                case BPF_LD | BPF_IMM | BPF_DW:
                        r[i->dst_reg] = program_uses_map(i) ? (uintptr_t)&on->counters + (uint32_t)i[1].imm :
                                                              (uint64_t)(uint32_t)i[1].imm << 32 | (uint32_t)i->imm;
                        at++;
                        break;
                case BPF_ALU64 | BPF_MOV | BPF_X:
                        r[i->dst_reg] = r[i->src_reg];
                        break;
                case BPF_ALU64 | BPF_MOV | BPF_K:
                        r[i->dst_reg] = (uint64_t)(int64_t)i->imm;
                        break;
                case BPF_ALU64 | BPF_ADD | BPF_K:
                        r[i->dst_reg] += (uint64_t)(int64_t)i->imm;
                        break;
                case BPF_ALU | BPF_END | BPF_TO_BE:
                        r[i->dst_reg] = i->imm == 16 ? htons((uint16_t)r[i->dst_reg]) : i->imm == 32 ? htonl((uint32_t)r[i->dst_reg]) :
                                        (uint64_t)htonl((uint32_t)r[i->dst_reg]) << 32 | htonl((uint32_t)(r[i->dst_reg] >> 32));
                        break;
                case BPF_STX | BPF_ATOMIC | BPF_DW:
                        *(uint64_t *)(uintptr_t)(r[i->dst_reg] + (uint64_t)i->off) += r[i->src_reg];
                        break;
                case BPF_JMP | BPF_CALL:
                        assert_int_equal(i->imm, BPF_FUNC_skb_load_bytes);
                        r[0] = (uint64_t)load_bytes(on, r, stack);
                        for (size_t k = 1; k <= 5; k++)
                                r[k] = 0xdeadbeefdeadbeef; /* a call takes them away */
                        break;
                case BPF_JMP | BPF_JA:
                        at += (size_t)i->off;
                        break;
                case BPF_JMP | BPF_EXIT:
                        return (uint32_t)r[0];
                default:
                        assert_true(i->off >= 0);
                        if (BPF_CLASS(i->code) == BPF_JMP32)
                                at += jumps(BPF_OP(i->code), (uint32_t)r[i->dst_reg], (uint32_t)i->imm) ? (size_t)i->off : 0;
                        else if (BPF_CLASS(i->code) == BPF_JMP && BPF_SRC(i->code) == BPF_X)
                                at += jumps(BPF_OP(i->code), r[i->dst_reg], r[i->src_reg]) ? (size_t)i->off : 0;
                        else
                                fail_msg("instruction %zu: %#x", at, i->code);
                }
        }
        fail_msg("the program runs over its end");
        return 0;
}

/* The kernel takes no program with an instruction that nothing reaches. */
static void all_is_reached(const CgroupProgram *p) {
        const struct bpf_insn *items = p->items;
        bool *reached = calloc(p->n + 1, sizeof(bool));

        assert_non_null(reached);
        reached[0] = true;
        for (size_t at = 0; at < p->n; at++) {
                const uint8_t code = items[at].code, class = BPF_CLASS(code);
                const bool jump = (class == BPF_JMP || class == BPF_JMP32) && BPF_OP(code) != BPF_CALL && BPF_OP(code) != BPF_EXIT;

                if (!reached[at])
                        fail_msg("%s: nothing reaches instruction %zu of %zu", p->name, at, p->n);
                if (jump)
                        reached[at + 1 + (size_t)items[at].off] = true;
                if (code != (BPF_JMP | BPF_JA) && code != (BPF_JMP | BPF_EXIT))
                        reached[at + 1] = true;
        }
        assert_false(reached[p->n]);
        free(reached);
}

/* This backend alone: the others take most of the time of policy_compile(). */
static PolicySet *compile(ContainerSpec *spec) {
        _cleanup_(diag_done) Diag diag = {};
        PolicySet *set = calloc(1, sizeof(*set));

        assert_non_null(set);
        set->spec = spec;
        assert_int_equal(policy_backend_filters.compile(spec, -EBADF, &diag, set), 0);
        return set;
}

static void set_freep(PolicySet **set) {
        if (!*set)
                return;
        policy_backend_filters.done(*set);
        container_spec_unref((*set)->spec);
        free(*set);
}

static const CgroupProgram *program_of(const PolicySet *set, uint32_t attach) {
        for (size_t i = 0; i < set->filters.n; i++)
                if (set->filters.programs[i].attach == attach)
                        return set->filters.programs + i;
        fail_msg("no program is attached there");
        return NULL;
}

static unsigned random_below(uint64_t *state, unsigned n) {
        *state = *state * 6364136223846793005U + 1442695040888963407U;
        return (unsigned)(*state >> 33) % n;
}

/* --- packets */

static bool within(const value_ip_filter *v, uint8_t family, const uint8_t *address) {
        for (size_t i = 0; i < v->n; i++) {
                const IpPrefix *p = &v->items[i].prefix;
                bool same = p->family == family;

                for (unsigned bit = 0; same && bit < p->length; bit++)
                        same = (p->bytes[bit / 8] >> (7 - bit % 8) & 1) == (address[bit / 8] >> (7 - bit % 8) & 1);
                if (same)
                        return true;
        }
        return false;
}

static bool naive(const ContainerSpec *spec, uint8_t family, const uint8_t *address) {
        return within(&spec->ip_address_allow, family, address) || !within(&spec->ip_address_deny, family, address);
}

/* The program's word of a packet of 60 bytes whose other side is the address; the near side's would give another answer. */
static bool lets_through(const PolicySet *set, bool egress, uint8_t family, const uint8_t *address, PacketCounters *counters) {
        const size_t size = family == AF_INET ? 4 : 16, from = family == AF_INET ? 12 : 8;
        const struct __sk_buff context = { .len = 60, .protocol = htons(family == AF_INET ? ETH_P_IP : ETH_P_IPV6) };
        uint8_t packet[60];
        Run r = { .context = &context, .size = sizeof(context), .packet = packet, .packet_size = sizeof(packet) };
        uint32_t answer;

        for (size_t i = 0; i < sizeof(packet); i++)
                packet[i] = (uint8_t)(i * 37 + address[size - 1]);
        memcpy(packet + from + (egress ? size : 0), address, size);
        answer = run(program_of(set, egress ? BPF_CGROUP_INET_EGRESS : BPF_CGROUP_INET_INGRESS), &r);
        if (counters)
                *counters = r.counters;
        return answer;
}

static void read_address(const char *text, uint8_t *ret_family, uint8_t address[static 16]) {
        *ret_family = strchr(text, ':') ? AF_INET6 : AF_INET;
        assert_int_equal(inet_pton(*ret_family, text, address), 1);
}

static void addresses(void **state) {
        static const struct {
                const char *unit, *address;
                bool through;
        } cases[] = {
                { "IPAddressDeny=any", "10.1.2.3", false },
                { "IPAddressDeny=any", "::1", false },
                { "IPAddressDeny=any\nIPAddressAllow=localhost", "127.255.255.255", true },
                { "IPAddressDeny=any\nIPAddressAllow=localhost", "128.0.0.0", false },
                { "IPAddressDeny=any\nIPAddressAllow=localhost", "126.255.255.255", false },
                { "IPAddressDeny=any\nIPAddressAllow=localhost", "::1", true },
                { "IPAddressDeny=any\nIPAddressAllow=localhost", "::2", false },
                { "IPAddressDeny=any\nIPAddressAllow=localhost", "::", false },
                { "IPAddressDeny=multicast", "224.0.0.0", false },
                { "IPAddressDeny=multicast", "239.255.255.255", false },
                { "IPAddressDeny=multicast", "240.0.0.0", true },
                { "IPAddressDeny=multicast", "ff02::1", false },
                { "IPAddressDeny=multicast", "feff::", true },
                { "IPAddressDeny=multicast", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false },
                { "IPAddressDeny=link-local", "169.254.9.9", false },
                { "IPAddressDeny=link-local", "fe80::1", false },
                { "IPAddressDeny=link-local", "fe80:0:0:1::", true },
                { "IPAddressDeny=10.1.2.3", "10.1.2.3", false },
                { "IPAddressDeny=10.1.2.3", "10.1.2.2", true },
                { "IPAddressDeny=10.1.2.3", "10.1.2.4", true },
                { "IPAddressDeny=255.255.255.255", "255.255.255.255", false },
                { "IPAddressDeny=255.255.255.255", "255.255.255.254", true },
                /* An Allow wins, however short it is; and bits behind the length do not count. */
                { "IPAddressDeny=10.1.2.3\nIPAddressAllow=10.0.0.0/8", "10.1.2.3", true },
                { "IPAddressDeny=10.9.9.9/8", "10.1.2.3", false },
                { "IPAddressDeny=fd00:1::5/120", "fd00:1::ff", false },
                { "IPAddressDeny=fd00:1::5/120", "fd00:1::100", true },
                { "IPAddressDeny=::/1", "7fff::", false },
                { "IPAddressDeny=::/1", "8000::", true },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(set_freep) PolicySet *set = compile(fixture_spec(cases[i].unit));
                uint8_t family, address[16];

                read_address(cases[i].address, &family, address);
                for (int egress = 0; egress < 2; egress++)
                        if (lets_through(set, egress, family, address, NULL) != cases[i].through)
                                fail_msg("%s: %s %s", cases[i].unit, cases[i].address, cases[i].through ? "is denied" : "gets through");
        }
}

static void random_list(value_ip_filter *v, uint64_t *seed, unsigned max) {
        v->n = random_below(seed, max + 1);
        v->items = calloc(v->n + 1, sizeof(*v->items));
        assert_non_null(v->items);
        for (size_t i = 0; i < v->n; i++) {
                IpPrefix *p = &v->items[i].prefix;
                const unsigned size = random_below(seed, 2) ? 128 : 32;

                p->family = size == 32 ? AF_INET : AF_INET6;
                p->length = (uint8_t)random_below(seed, size + 1);
                for (unsigned bit = 0; bit < p->length; bit++)
                        if (random_below(seed, bit % 9 ? 3 : 2) == 1) /* few enough that networks lie in each other */
                                p->bytes[bit / 8] |= (uint8_t)(0x80U >> bit % 8);
                v->items[i].origin = (Origin){ FIXTURE_FILE, (unsigned)i };
        }
}

/* An address at an edge of one of the networks, or somewhere. */
static uint8_t random_address(const ContainerSpec *spec, uint64_t *seed, uint8_t address[static 16]) {
        const value_ip_filter *v = random_below(seed, 2) ? &spec->ip_address_allow : &spec->ip_address_deny;
        const IpPrefix *p = v->n > 0 ? &v->items[random_below(seed, (unsigned)v->n)].prefix : NULL;
        const unsigned kind = random_below(seed, 4);
        const uint8_t family = p ? p->family : random_below(seed, 2) ? AF_INET : AF_INET6;
        const unsigned size = family == AF_INET ? 4 : 16;

        for (unsigned i = 0; i < 16; i++)
                address[i] = (uint8_t)random_below(seed, 256);
        if (!p || kind == 3)
                return family;
        for (unsigned bit = 0; bit < size * 8; bit++) {
                const uint8_t mask = (uint8_t)(0x80U >> bit % 8);
                const bool one = bit < p->length ? p->bytes[bit / 8] & mask : kind == 0 ? false : kind == 1 ? true : address[bit / 8] & mask;

                address[bit / 8] = (uint8_t)(one ? address[bit / 8] | mask : address[bit / 8] & ~mask);
        }
        if (random_below(seed, 3) == 0) /* the next one, or the one before */
                for (unsigned i = size; i-- > 0;) {
                        const uint8_t old = address[i];

                        address[i] = (uint8_t)(kind == 0 ? old - 1 : old + 1);
                        if (old != (kind == 0 ? 0 : 0xff))
                                break;
                }
        return family;
}

static void agrees(void **state) {
        uint64_t seed = 7;
        unsigned through = 0, n = 0;

        for (unsigned k = 0; k < 100; k++) {
                _cleanup_(container_spec_unrefp) ContainerSpec *spec = fixture_spec(k % 2 ? "IPAccounting=yes" : "");
                _cleanup_(set_freep) PolicySet *set = NULL;

                random_list(&spec->ip_address_allow, &seed, k % 25 == 0 ? 200 : 8);
                random_list(&spec->ip_address_deny, &seed, k % 25 == 0 ? 200 : 8);
                if (spec->ip_address_deny.n == 0)
                        continue;
                set = compile(container_spec_ref(spec));
                for (size_t i = 0; i < set->filters.n; i++)
                        all_is_reached(set->filters.programs + i);
                for (unsigned i = 0; i < 400; i++, n++) {
                        uint8_t address[16];
                        const uint8_t family = random_address(spec, &seed, address);
                        const bool expected = naive(spec, family, address);
                        PacketCounters counters;

                        through += expected;
                        if (lets_through(set, i % 2, family, address, &counters) != expected)
                                fail_msg("unit %u, address %u: %s", k, i, expected ? "denied" : "let through");
                        assert_int_equal(i % 2 ? counters.egress_bytes : counters.ingress_bytes, expected && spec->ip_accounting ? 60 : 0);
                        assert_int_equal(i % 2 ? counters.egress_packets : counters.ingress_packets, expected && spec->ip_accounting);
                        assert_int_equal(i % 2 ? counters.ingress_packets : counters.egress_packets, 0);
                }
        }
        assert_in_range(through, n / 10, n - n / 10); /* both answers are there */
}

/* The longest lists that a unit can have still are a program, and so are units that leave whole parts of it out. */
static void sizes(void **state) {
        static const char *const units[] = { "IPAddressDeny=any", "IPAddressDeny=any\nIPAccounting=yes", "IPAccounting=yes",
                                             "IPAddressDeny=any\nIPAddressAllow=any", "IPAddressDeny=0.0.0.0/0\nIPAccounting=yes",
                                             "SocketBindDeny=any", "SocketBindDeny=ipv4 ipv6:tcp any\nSocketBindAllow=any udp",
                                             "SocketBindDeny=ipv6", "SocketBindDeny=udp tcp:5-7" };
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = fixture_spec("IPAccounting=yes");
        _cleanup_(set_freep) PolicySet *full = NULL;
        value_ip_filter *lists[] = { &spec->ip_address_allow, &spec->ip_address_deny };

        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                _cleanup_(set_freep) PolicySet *set = compile(fixture_spec(units[i]));

                assert_int_equal(set->filters.n, 2);
                for (size_t k = 0; k < set->filters.n; k++)
                        all_is_reached(set->filters.programs + k);
        }
        for (size_t k = 0; k < ELEMENTSOF(lists); k++) {
                lists[k]->items = calloc(IP_FILTER_MAX, sizeof(IpPrefixItem));
                assert_non_null(lists[k]->items);
                for (lists[k]->n = 0; lists[k]->n < IP_FILTER_MAX; lists[k]->n++) {
                        IpPrefix *p = &lists[k]->items[lists[k]->n].prefix;

                        *p = (IpPrefix){ .family = AF_INET6, .length = 128 };
                        p->bytes[0] = (uint8_t)(lists[k]->n >> 8);
                        p->bytes[1] = (uint8_t)lists[k]->n;
                        p->bytes[15] = (uint8_t)(3 * k + 1);
                }
        }
        full = compile(container_spec_ref(spec));
        all_is_reached(full->filters.programs);
}

/* A packet of another protocol, and one that ends before its addresses, is not let through. */
static void damaged(void **state) {
        _cleanup_(set_freep) PolicySet *set = compile(fixture_spec("IPAddressDeny=10.0.0.0/8 fd00::/8"));
        const uint16_t protocols[] = { ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 };
        uint8_t packet[15] = {};

        for (size_t i = 0; i < ELEMENTSOF(protocols); i++) {
                const struct __sk_buff context = { .len = 15, .protocol = htons(protocols[i]) };
                Run r = { .context = &context, .size = sizeof(context), .packet = packet, .packet_size = sizeof(packet) };

                assert_int_equal(run(program_of(set, BPF_CGROUP_INET_INGRESS), &r), 0);
        }
}

/* --- bind */

static bool matches(const value_socket_binds *v, uint8_t family, bool tcp, bool udp, unsigned port) {
        for (size_t i = 0; i < v->n; i++) {
                const SocketBindItem *item = v->items + i;

                if ((item->family == 0 || item->family == family) && port >= item->first && port <= item->last &&
                    (item->protocol == SOCKET_PROTOCOL_ANY || (item->protocol == SOCKET_PROTOCOL_TCP && tcp) ||
                     (item->protocol == SOCKET_PROTOCOL_UDP && udp)))
                        return true;
        }
        return false;
}

static const int bind_protocols[] = { IPPROTO_TCP, IPPROTO_UDP, 132 /* SCTP */, 136 /* UDP-Lite */, 262 /* MPTCP */ };

static bool binds(const PolicySet *set, uint8_t family, bool mapped, int protocol, uint16_t port) {
        const struct bpf_sock_addr context = { .user_port = htons(port), .protocol = (uint32_t)protocol,
                                               .user_ip6 = { 0, 0, mapped ? htonl(0xffff) : 0, htonl(0x0a010203) } };
        Run r = { .context = &context, .size = sizeof(context) };

        return run(program_of(set, family == AF_INET ? BPF_CGROUP_INET4_BIND : BPF_CGROUP_INET6_BIND), &r);
}

static void ports(void **state) {
        static const struct {
                const char *unit;
                uint8_t family;
                bool mapped;
                int protocol;
                uint16_t port;
                bool allowed;
        } cases[] = {
                { "SocketBindDeny=any", AF_INET, false, IPPROTO_TCP, 0, false },
                { "SocketBindDeny=any\nSocketBindAllow=tcp:80", AF_INET6, false, IPPROTO_TCP, 80, true },
                { "SocketBindDeny=any\nSocketBindAllow=tcp:80", AF_INET6, false, IPPROTO_UDP, 80, false },
                { "SocketBindDeny=udp", AF_INET, false, IPPROTO_UDP, 53, false },
                { "SocketBindDeny=udp", AF_INET, false, IPPROTO_UDPLITE, 53, false },
                { "SocketBindDeny=udp", AF_INET, false, IPPROTO_TCP, 53, true },
                { "SocketBindDeny=ipv4:tcp:80", AF_INET, false, IPPROTO_TCP, 80, false },
                { "SocketBindDeny=ipv4:tcp:80", AF_INET6, false, IPPROTO_TCP, 80, true },
                { "SocketBindDeny=ipv4:tcp:80", AF_INET6, true, IPPROTO_TCP, 80, false },
                { "SocketBindDeny=ipv6", AF_INET6, true, IPPROTO_TCP, 80, true },
                { "SocketBindDeny=ipv6", AF_INET6, false, IPPROTO_TCP, 0, false },
                { "SocketBindDeny=8000-8999", AF_INET, false, IPPROTO_UDP, 8999, false },
                { "SocketBindDeny=8000-8999", AF_INET, false, IPPROTO_UDP, 9000, true },
                { "SocketBindDeny=8000-8999", AF_INET, false, IPPROTO_UDP, 7999, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(set_freep) PolicySet *set = compile(fixture_spec(cases[i].unit));

                if (binds(set, cases[i].family, cases[i].mapped, cases[i].protocol, cases[i].port) != cases[i].allowed)
                        fail_msg("%s: port %u %s", cases[i].unit, cases[i].port, cases[i].allowed ? "is denied" : "is allowed");
        }
}

static void random_binds(value_socket_binds *v, uint64_t *seed) {
        v->n = random_below(seed, 6);
        v->items = calloc(v->n + 1, sizeof(*v->items));
        assert_non_null(v->items);
        for (size_t i = 0; i < v->n; i++) {
                const unsigned first = random_below(seed, 4) ? 1 + random_below(seed, 100) : 0;

                v->items[i] = (SocketBindItem){ .family = random_below(seed, 2) ? 0 : random_below(seed, 2) ? AF_INET : AF_INET6,
                                                .protocol = random_below(seed, 3), .first = (uint16_t)first,
                                                .last = (uint16_t)(first ? first + random_below(seed, 30) : 65535),
                                                .origin = { FIXTURE_FILE, (unsigned)i } };
        }
}

static void binds_agree(void **state) {
        uint64_t seed = 3;

        for (unsigned k = 0; k < 100; k++) {
                _cleanup_(container_spec_unrefp) ContainerSpec *spec = fixture_spec("");
                _cleanup_(set_freep) PolicySet *set = NULL;

                random_binds(&spec->socket_bind_allow, &seed);
                random_binds(&spec->socket_bind_deny, &seed);
                if (spec->socket_bind_deny.n == 0)
                        continue;
                set = compile(container_spec_ref(spec));
                for (size_t i = 0; i < set->filters.n; i++)
                        all_is_reached(set->filters.programs + i);
                for (unsigned n = 0; n < 400; n++) {
                        const int protocol = bind_protocols[random_below(&seed, ELEMENTSOF(bind_protocols))];
                        const bool tcp = protocol == IPPROTO_TCP || protocol == 262, udp = protocol == IPPROTO_UDP || protocol == 136;
                        const bool v6 = n % 2, mapped = v6 && n % 3 == 0;
                        const unsigned port = random_below(&seed, 140);
                        const uint8_t family = v6 && !mapped ? AF_INET6 : AF_INET;
                        const bool expected = matches(&spec->socket_bind_allow, family, tcp, udp, port) ||
                                              !matches(&spec->socket_bind_deny, family, tcp, udp, port);

                        if (binds(set, v6 ? AF_INET6 : AF_INET, mapped, protocol, (uint16_t)port) != expected)
                                fail_msg("unit %u: protocol %d port %u", k, protocol, port);
                }
        }
}

static void only_where_asked(void **state) {
        static const char *const units[] = { "", "IPAddressAllow=any", "SocketBindAllow=any" };

        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                _cleanup_(set_freep) PolicySet *set = compile(fixture_spec(units[i]));

                assert_int_equal(set->filters.n, 0);
                assert_int_equal(set->filters.rules.n, 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(addresses),
                cmocka_unit_test(agrees),
                cmocka_unit_test(sizes),
                cmocka_unit_test(damaged),
                cmocka_unit_test(ports),
                cmocka_unit_test(binds_agree),
                cmocka_unit_test(only_where_asked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
