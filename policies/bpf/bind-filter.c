/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SocketBindAllow=, SocketBindDeny=: two programs, which bind(2) asks for each socket of IPv4 and IPv6. */
#include <netinet/in.h>

#include "policies/bpf/filters-build.h"
#include "policies/rules.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

enum { CONTEXT = 1, PORT = 7, PROTOCOL, WORD };

/* What else carries such data under another number goes the same way. */
static const struct {
        const char *word;
        int numbers[2];
} protocols[] = {
        [SOCKET_PROTOCOL_TCP] = { "tcp ", { IPPROTO_TCP, IPPROTO_MPTCP } },
        [SOCKET_PROTOCOL_UDP] = { "udp ", { IPPROTO_UDP, IPPROTO_UDPLITE } },
};

static void emit_item(BpfAssembler *a, const SocketBindItem *item, bool allow) {
        const int next = bpf_label(a), matches = bpf_label(a);

        a->now = (BpfOrigin){ item->origin, allow ? "SocketBindAllow" : "SocketBindDeny" };
        if (item->protocol != SOCKET_PROTOCOL_ANY) {
                bpf_jump_if(a, BPF_JEQ, PROTOCOL, protocols[item->protocol].numbers[0], matches);
                bpf_jump_if(a, BPF_JNE, PROTOCOL, protocols[item->protocol].numbers[1], next);
        }
        bpf_place(a, matches);
        if (item->first > 0) {
                bpf_jump_if(a, BPF_JLT, PORT, item->first, next);
                bpf_jump_if(a, BPF_JGT, PORT, item->last, next);
        }
        filter_answer(a, allow);
        bpf_place(a, next);
}

/* Whether it decides of every port: the kernel takes no instruction that is never reached. */
static bool decides(const SocketBindItem *item) {
        return item->protocol == SOCKET_PROTOCOL_ANY && item->first == 0;
}

static bool emit_list(BpfAssembler *a, const value_socket_binds *v, uint8_t family, bool allow) {
        for (size_t i = 0; i < v->n; i++) {
                if (v->items[i].family != 0 && v->items[i].family != family)
                        continue;
                emit_item(a, v->items + i, allow);
                if (decides(v->items + i))
                        return true;
        }
        return false;
}

/* As systemd judges a port: allowed where an Allow names it, else denied where a Deny does, else allowed. */
static void emit_lists(BpfAssembler *a, const ContainerSpec *spec, uint8_t family) {
        if (emit_list(a, &spec->socket_bind_allow, family, true) || emit_list(a, &spec->socket_bind_deny, family, false))
                return;
        a->now = (BpfOrigin){};
        filter_answer(a, true);
}

static bool names_family(const ContainerSpec *spec) {
        const value_socket_binds *lists[] = { &spec->socket_bind_allow, &spec->socket_bind_deny };

        for (size_t k = 0; k < ELEMENTSOF(lists); k++)
                for (size_t i = 0; i < lists[k]->n; i++)
                        if (lists[k]->items[i].family != 0)
                                return true;
        return false;
}

/* An IPv4 address in other words is one: the rules of IPv4 judge it. */
static void emit_mapped(BpfAssembler *a, const ContainerSpec *spec) {
        static const uint32_t mapped[] = { 0, 0, 0xffff };
        const int other = bpf_label(a);

        for (size_t i = 0; i < ELEMENTSOF(mapped); i++) {
                bpf_emit(a, BPF_LOAD_32(WORD, CONTEXT, (int16_t)(offsetof(struct bpf_sock_addr, user_ip6) + 4 * i)));
                bpf_jump_if(a, BPF_JNE, WORD, (int32_t)htonl(mapped[i]), other);
        }
        emit_lists(a, spec, AF_INET);
        bpf_place(a, other);
}

static int emit_program(const ContainerSpec *spec, uint8_t family, FilterPolicy *f) {
        const CgroupProgram program = { .name = family == AF_INET ? "bind4" : "bind6", .directive = DIRECTIVE_SocketBindDeny,
                                        .type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
                                        .attach = family == AF_INET ? BPF_CGROUP_INET4_BIND : BPF_CGROUP_INET6_BIND };
        BpfAssembler a = {};

        bpf_emit(&a, BPF_LOAD_32(PORT, CONTEXT, offsetof(struct bpf_sock_addr, user_port)));
        bpf_emit(&a, BPF_NUMBER(PORT, 16));
        bpf_emit(&a, BPF_LOAD_32(PROTOCOL, CONTEXT, offsetof(struct bpf_sock_addr, protocol)));
        if (family == AF_INET6 && names_family(spec))
                emit_mapped(&a, spec);
        emit_lists(&a, spec, family);
        return filter_add(f, &program, &a);
}

static int add_rules(const value_socket_binds *v, const char *what, PolicyRules *rules) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < v->n; i++) {
                const SocketBindItem *item = v->items + i;
                const char *family = item->family == 0 ? "" : item->family == AF_INET ? "ipv4 " : "ipv6 ";
                const char *protocol = item->protocol == SOCKET_PROTOCOL_ANY ? "" : protocols[item->protocol].word;

                r = item->first == 0 ? policy_rules_add(rules, &item->origin, "%s bind of %s%severy port", what, family, protocol) :
                                       policy_rules_add(rules, &item->origin, "%s bind of %s%s%u-%u", what, family, protocol, item->first, item->last);
        }
        return r;
}

int bind_filter_compile(const ContainerSpec *spec, FilterPolicy *f) {
        int r;

        if (spec->socket_bind_deny.n == 0)
                return 0;
        r = emit_program(spec, AF_INET, f);
        if (r >= 0)
                r = emit_program(spec, AF_INET6, f);
        if (r >= 0)
                r = add_rules(&spec->socket_bind_deny, "deny", &f->rules);
        return r < 0 ? r : add_rules(&spec->socket_bind_allow, "allow", &f->rules);
}
