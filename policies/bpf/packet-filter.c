/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IPAddressAllow=, IPAddressDeny=, IPAccounting=: two programs, for what the container sends and what it receives. The other
 * side's address is looked for in a tree of comparisons, so that a long list costs a packet little more than a short one. */
#include <linux/if_ether.h>
#include <netinet/in.h>

#include "policies/bpf/filters-build.h"
#include "policies/bpf/ranges.h"
#include "policies/rules.h"

enum { HIGH = 1, LOW, EDGE = 4, LENGTH, CONTEXT, PROTOCOL, STACK = 10 };
#define LOAD_BYTES BPF_FUNC_skb_load_bytes

typedef struct Side {
        const char *name;
        bool egress;
        unsigned v4, v6; /* where in the packet the other side's address stands */
} Side;
static const Side sides[] = {
        { "ingress", false, 12, 8 },
        { "egress", true, 16, 24 },
};

typedef struct Ranges {
        AddressRange *items; /* NULL = addresses are not looked at */
        size_t n;
} Ranges;

typedef struct PacketProgram {
        BpfAssembler *a;
        const Side *side;
        bool counts;
        int count; /* label: counted, then let through */
        bool reached; /* by somebody: the kernel takes no instruction that is not */
} PacketProgram;

static void answer(PacketProgram *p, bool allowed) {
        if (allowed && p->counts) {
                p->reached = true;
                bpf_jump(p->a, p->count);
        } else
                filter_answer(p->a, allowed);
}

static void blame(PacketProgram *p, const AddressRange *range) {
        p->a->now = range->item ? (BpfOrigin){ range->item->origin, range->allowed ? "IPAddressAllow" : "IPAddressDeny" } : (BpfOrigin){};
}

/* if address >= edge goto label */
static void jump_from(PacketProgram *p, const AddressNumber *edge, bool wide, int label) {
        BpfAssembler *a = p->a;
        const int below = bpf_label(a);

        if (!wide) {
                bpf_jump_if(a, BPF_JGE, HIGH, (int32_t)edge->low, label);
                bpf_place(a, below);
                return;
        }
        bpf_set_64(a, EDGE, edge->high);
        if (edge->low == 0)
                bpf_jump_if_register(a, BPF_JGE, HIGH, EDGE, label);
        else {
                bpf_jump_if_register(a, BPF_JGT, HIGH, EDGE, label);
                bpf_jump_if_register(a, BPF_JLT, HIGH, EDGE, below);
                bpf_set_64(a, EDGE, edge->low);
                bpf_jump_if_register(a, BPF_JGE, LOW, EDGE, label);
        }
        bpf_place(a, below);
}

static void emit_tree(PacketProgram *p, const AddressRange *ranges, size_t n, bool wide) {
        const size_t half = n / 2;
        int upper;

        if (n == 1) {
                blame(p, ranges);
                answer(p, ranges->allowed);
                return;
        }
        upper = bpf_label(p->a);
        blame(p, ranges + half);
        if (!ranges[half].item)
                blame(p, ranges + half - 1); /* it ends there */
        jump_from(p, &ranges[half].first, wide, upper);
        emit_tree(p, ranges, half, wide);
        bpf_place(p->a, upper);
        emit_tree(p, ranges + half, n - half, wide);
}

/* The address of the other side, as numbers; a packet that has none is let through by nobody. */
static void emit_address(PacketProgram *p, bool wide) {
        BpfAssembler *a = p->a;
        const int size = wide ? 16 : 4, read = bpf_label(a);

        a->now = (BpfOrigin){};
        bpf_emit(a, BPF_COPY(1, CONTEXT));
        bpf_emit(a, BPF_SET(2, (int32_t)(wide ? p->side->v6 : p->side->v4)));
        bpf_emit(a, BPF_COPY(3, STACK));
        bpf_emit(a, BPF_ADD_64(3, -size));
        bpf_emit(a, BPF_SET(4, size));
        bpf_emit(a, BPF_CALL_HELPER(LOAD_BYTES));
        bpf_jump_if(a, BPF_JEQ, FILTER_RESULT, 0, read);
        filter_answer(a, false);
        bpf_place(a, read);
        if (wide) {
                bpf_emit(a, BPF_LOAD_64(HIGH, STACK, -16));
                bpf_emit(a, BPF_NUMBER(HIGH, 64));
                bpf_emit(a, BPF_LOAD_64(LOW, STACK, -8));
                bpf_emit(a, BPF_NUMBER(LOW, 64));
        } else {
                bpf_emit(a, BPF_LOAD_32(HIGH, STACK, -4));
                bpf_emit(a, BPF_NUMBER(HIGH, 32));
        }
}

static void emit_family(PacketProgram *p, const Ranges *ranges, bool wide) {
        const int other = bpf_label(p->a);

        p->a->now = (BpfOrigin){};
        bpf_jump_if(p->a, BPF_JNE, PROTOCOL, htons(wide ? ETH_P_IPV6 : ETH_P_IP), other);
        if (ranges->n > 1)
                emit_address(p, wide);
        emit_tree(p, ranges->items, ranges->n, wide);
        p->a->now = (BpfOrigin){};
        bpf_place(p->a, other);
}

static void emit_count(PacketProgram *p, const ContainerSpec *spec) {
        const size_t offset = p->side->egress ? offsetof(PacketCounters, egress_bytes) : 0;
        BpfAssembler *a = p->a;

        a->now = (BpfOrigin){ *container_spec_origin(spec, DIRECTIVE_IPAccounting), directives[DIRECTIVE_IPAccounting].name };
        bpf_place(a, p->count);
        bpf_emit(a, BPF_LOAD_32(LENGTH, CONTEXT, offsetof(struct __sk_buff, len)));
        bpf_set_map(a, EDGE, (uint32_t)offset);
        bpf_emit(a, BPF_COUNT_64(EDGE, LENGTH, 0));
        bpf_emit(a, BPF_SET(LENGTH, 1));
        bpf_emit(a, BPF_COUNT_64(EDGE, LENGTH, 8));
        filter_answer(a, true);
}

static int emit_side(const ContainerSpec *spec, const Side *side, const Ranges ranges[static 2], FilterPolicy *f) {
        const bool filters = ranges[0].items;
        const CgroupProgram program = { .name = side->name, .directive = filters ? DIRECTIVE_IPAddressDeny : DIRECTIVE_IPAccounting,
                                        .type = BPF_PROG_TYPE_CGROUP_SKB,
                                        .attach = side->egress ? BPF_CGROUP_INET_EGRESS : BPF_CGROUP_INET_INGRESS };
        BpfAssembler a = {};
        PacketProgram p = { .a = &a, .side = side, .counts = spec->ip_accounting };

        p.count = bpf_label(&a);
        bpf_emit(&a, BPF_COPY(CONTEXT, FILTER_ARGUMENT));
        if (filters) {
                bpf_emit(&a, BPF_LOAD_32(PROTOCOL, CONTEXT, offsetof(struct __sk_buff, protocol)));
                emit_family(&p, ranges, false);
                emit_family(&p, ranges + 1, true);
                filter_answer(&a, false); /* neither of IPv4 nor of IPv6 */
        }
        if (p.counts && (p.reached || !filters))
                emit_count(&p, spec);
        return filter_add(f, &program, &a);
}

static int add_rules(const value_ip_filter *v, const char *what, PolicyRules *rules) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < v->n; i++) {
                char text[IP_PREFIX_TEXT_MAX];

                ip_prefix_to_text(&v->items[i].prefix, true, text);
                r = policy_rules_add(rules, &v->items[i].origin, "%s packets from and to %s", what, text);
        }
        return r;
}

int packet_filter_compile(const ContainerSpec *spec, FilterPolicy *f) {
        Ranges ranges[2] = {};
        int r = 0;

        if (spec->ip_address_deny.n == 0 && !spec->ip_accounting)
                return 0;
        for (size_t i = 0; r >= 0 && spec->ip_address_deny.n > 0 && i < ELEMENTSOF(ranges); i++)
                r = address_ranges(spec, i == 0 ? AF_INET : AF_INET6, &ranges[i].items, &ranges[i].n);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(sides); i++)
                r = emit_side(spec, sides + i, ranges, f);
        for (size_t i = 0; i < ELEMENTSOF(ranges); i++)
                free(ranges[i].items);
        if (r >= 0 && spec->ip_accounting)
                r = policy_rules_add(&f->rules, container_spec_origin(spec, DIRECTIVE_IPAccounting), "count packets and bytes");
        if (r >= 0)
                r = add_rules(&spec->ip_address_deny, "deny", &f->rules);
        return r < 0 || spec->ip_address_deny.n == 0 ? r : add_rules(&spec->ip_address_allow, "allow", &f->rules);
}
