/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "manager/base/string-list.h"
#include "policies/families.h"
#include "policies/rules.h"
#include "policies/seccomp/guards.h"

/* CLONE_NEWTIME shares its bit with the exit signal and is no flag of clone(). */
#define NAMESPACE_FLAGS                                                                                       \
        (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |         \
         CLONE_NEWNET)

/* clone() takes its flags first, but for two architectures. */
#if defined(__s390__) || defined(__CRIS__)
#define CLONE_FLAGS_ARGUMENT 1
#else
#define CLONE_FLAGS_ARGUMENT 0
#endif

/* TIOCSTI types into the terminal's input, TIOCLINUX pastes a console's selection: both reach whoever else
 * uses the terminal (CVE-2017-5226, CVE-2023-28101). */
static const uint32_t forbidden_ioctls[] = { TIOCSTI, TIOCLINUX };

/* PER_LINUX and PER_LINUX32, each plain and with UNAME26; 0xffffffff only asks. The other flags weaken the
 * payload (READ_IMPLIES_EXEC, ADDR_NO_RANDOMIZE) or name foreign ABIs. */
static const uint32_t personalities[] = { 0x0, 0x8, 0x20000, 0x20008, 0xffffffff };

/* They carry what TCP carries to the same ports, and Landlock judges the ports of TCP alone. */
#ifndef IPPROTO_SMC
#define IPPROTO_SMC 256
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
static const uint32_t other_transports[] = { IPPROTO_SMC, IPPROTO_MPTCP };

typedef enum GuardTest {
        GUARD_EQUALS_NONE, /* refuse the values listed */
        GUARD_EQUALS_ONE,  /* refuse every other value */
        GUARD_NO_BITS,     /* refuse a value with any of these bits */
} GuardTest;

typedef struct Guard {
        const char *name;
        unsigned argument;
        GuardTest test;
        const uint32_t *values; /* NULL = the profile's families */
        size_t n_values;
        int error;         /* 0 = what every denied call gets */
        const char *words; /* for people, before the error; the families follow where they decide */
} Guard;

static const uint32_t namespace_flags[] = { NAMESPACE_FLAGS };

/* Several of one call stand together. Each compares the low 32 bits only, as the kernel reads these arguments: comparing 64 would let a caller
 * pass by setting a high bit (CVE-2019-10063). */
static const Guard guards[] = {
        { "ioctl", 1, GUARD_EQUALS_NONE, forbidden_ioctls, ELEMENTSOF(forbidden_ioctls), 0,
          "deny ioctl TIOCSTI TIOCLINUX" },
        { "personality", 0, GUARD_EQUALS_ONE, personalities, ELEMENTSOF(personalities), 0,
          "deny personality other than 0x0 0x8 0x20000 0x20008 0xffffffff" },
        { "socket", 0, GUARD_EQUALS_ONE, NULL, 0, EAFNOSUPPORT, "deny socket other than " },
        { "socket", 2, GUARD_EQUALS_NONE, other_transports, ELEMENTSOF(other_transports), EPROTONOSUPPORT,
          "deny socket with IPPROTO_SMC IPPROTO_MPTCP" },
        { "socketpair", 0, GUARD_EQUALS_ONE, NULL, 0, EAFNOSUPPORT, "deny socketpair other than " },
        { "clone", CLONE_FLAGS_ARGUMENT, GUARD_NO_BITS, namespace_flags, 1, 0,
          "deny clone with flags that make namespaces" },
};

static bool guard_applies(const SeccompProfile *p, const SyscallEntry *entry, const Guard *guard) {
        return streq(guard->name, entry->name) && !(p->namespaces && guard->values == namespace_flags) &&
               (p->known_transports || guard->values != other_transports);
}

/* The first from there on that judges the call; NULL = none (any more). */
static const Guard *guard_find(const SeccompProfile *p, const SyscallEntry *entry, const Guard *from) {
        if (entry->action != SYSCALL_ALLOW)
                return NULL;

        for (const Guard *g = from; g < guards + ELEMENTSOF(guards); g++)
                if (guard_applies(p, entry, g))
                        return g;

        return NULL;
}

bool seccomp_guarded(const SeccompProfile *p, const SyscallEntry *entry) {
        return guard_find(p, entry, guards);
}

/* --- instructions */

typedef struct Program {
        struct sock_filter *items;
        size_t n, room;
        int error; /* the first failure; asked once at the end */
} Program;

static void emit(Program *p, struct sock_filter instruction) {
        if (p->error < 0)
                return;

        if (p->n == p->room) {
                size_t room = p->room == 0 ? 64 : 2 * p->room;
                struct sock_filter *items = reallocarray(p->items, room, sizeof(struct sock_filter));

                if (!items) {
                        p->error = -ENOMEM;
                        return;
                }
                p->items = items;
                p->room = room;
        }
        p->items[p->n++] = instruction;
}

static void emit_load(Program *p, size_t offset) {
        emit(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void emit_return(Program *p, uint32_t value) {
        emit(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value));
}

static void emit_jump(Program *p, uint16_t test, uint32_t value, size_t if_true, size_t if_false) {
        if (if_true > UINT8_MAX || if_false > UINT8_MAX) {
                p->error = -E2BIG;
                return;
        }
        emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | test | BPF_K, value, (uint8_t)if_true,
                                             (uint8_t)if_false));
}

static uint32_t error_to_return(int error) {
        return error == SYSCALL_ERROR_KILL ? SECCOMP_RET_KILL_PROCESS
                                           : SECCOMP_RET_ERRNO | ((uint32_t)error & SECCOMP_RET_DATA);
}

static size_t low_half_of_argument(unsigned argument) {
        size_t offset = offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t);

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        offset += sizeof(uint32_t);
#endif
        return offset;
}

/* --- the parts of the head */

static void emit_abi(Program *program) {
        emit_load(program, offsetof(struct seccomp_data, arch));
        emit_jump(program, BPF_JEQ, syscall_native_audit_arch(), 1, 0);
        emit_return(program, SECCOMP_RET_KILL_PROCESS);
        emit_load(program, offsetof(struct seccomp_data, nr));
#if defined(__x86_64__) && !defined(__ILP32__)
        /* x32 has the same arch value and a bit of its own in the number. -1 has that bit too, but is what a
         * tracer writes to skip a call: it is no call at all, and unknown. */
        emit_jump(program, BPF_JEQ, UINT32_MAX, 2, 0);
        emit_jump(program, BPF_JGE, UINT32_C(0x40000000), 0, 1);
        emit_return(program, SECCOMP_RET_KILL_PROCESS);
#endif
}

/* Every gap between known numbers, and all above the highest. The number is loaded. */
static void emit_unknown(Program *program, const SyscallTable *table) {
        uint32_t next = 0;

        for (size_t i = 0; i < table->n; i++) {
                uint32_t number = table->entries[i].number;

                if (number > next) {
                        emit_jump(program, BPF_JGE, next, 0, 2);
                        emit_jump(program, BPF_JGT, number - 1, 1, 0);
                        emit_return(program, SECCOMP_RET_ERRNO | ENOSYS);
                }
                next = number + 1;
        }
        emit_jump(program, BPF_JGE, next, 0, 1);
        emit_return(program, SECCOMP_RET_ERRNO | ENOSYS);
}

/* The number is loaded, and still is where the number is another one. The tests jump to the second of two
 * answers when they hit. What passes a guard that is not the call's last goes on to the next one. */
static void emit_guard(Program *program, const SeccompProfile *p, const Guard *guard, uint32_t number, bool last) {
        const struct sock_filter refuse = BPF_STMT(
                BPF_RET | BPF_K, error_to_return(guard->error != 0 ? guard->error : p->denied));
        const uint32_t *values = guard->values ? guard->values : p->families;
        const size_t n = guard->values ? guard->n_values : p->n_families;
        const bool hit_refuses = guard->test != GUARD_EQUALS_ONE;
        const struct sock_filter pass = last ? (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
                                             : (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, hit_refuses ? 1 : 0);
        uint16_t test = guard->test == GUARD_NO_BITS ? BPF_JSET : BPF_JEQ;

        emit_jump(program, BPF_JEQ, number, 0, n + 3);
        emit_load(program, low_half_of_argument(guard->argument));
        for (size_t i = 0; i < n; i++)
                emit_jump(program, test, values[i], n - i, 0);
        emit(program, hit_refuses ? pass : refuse);
        emit(program, hit_refuses ? refuse : pass);
        if (!last)
                emit_load(program, offsetof(struct seccomp_data, nr));
}

int seccomp_guards_build(const SeccompProfile *p, struct sock_filter **ret, size_t *ret_n) {
        Program program = {};

        emit_abi(&program);
        emit_unknown(&program, &p->table);
        for (size_t i = 0; i < p->table.n; i++) {
                const SyscallEntry *entry = p->table.entries + i;

                for (const Guard *guard = guard_find(p, entry, guards), *next; guard; guard = next) {
                        next = guard_find(p, entry, guard + 1);
                        emit_guard(&program, p, guard, entry->number, !next);
                }
        }

        if (program.error < 0) {
                free(program.items);
                return program.error;
        }
        *ret = program.items;
        *ret_n = program.n;
        return 0;
}

static const Origin *guard_origin(const ContainerSpec *spec, const Guard *guard) {
        return container_spec_origin(spec, !guard->values                    ? DIRECTIVE_RestrictAddressFamilies
                                           : guard->values == other_transports ? DIRECTIVE_SocketBindDeny
                                                                               : DIRECTIVE_SystemCallErrorNumber);
}

static int families_text(const SeccompProfile *p, const Guard *guard, char **ret) {
        uint64_t mask = 0;

        if (guard->values)
                return str_append(ret, "%s", "");
        for (size_t i = 0; i < p->n_families; i++)
                mask |= UINT64_C(1) << p->families[i];
        return address_families_text(mask, ret);
}

int seccomp_guards_rules(const SeccompProfile *p, const ContainerSpec *spec, PolicyRules *rules) {
        for (size_t i = 0; i < p->table.n; i++) {
                const SyscallEntry *entry = p->table.entries + i;

                for (const Guard *guard = guard_find(p, entry, guards); guard; guard = guard_find(p, entry, guard + 1)) {
                        _cleanup_free_ char *families = NULL;
                        int r = families_text(p, guard, &families);

                        if (r >= 0)
                                r = policy_rules_add(rules, guard_origin(spec, guard), "%s%s: %s", guard->words, families,
                                                     denial_to_string(guard->error != 0 ? guard->error : p->denied).text);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* --- two filters side by side */

/* Families that only one of them lets a socket have. */
static int compare_families(const SeccompProfile *before, const SeccompProfile *after, const char *call,
                            PolicyDirection direction, const Origin *from, const Origin *to, PolicyChanges *changes) {
        const SeccompProfile *has = direction == POLICY_LOOSER ? after : before;
        const SeccompProfile *lacks = direction == POLICY_LOOSER ? before : after;
        _cleanup_free_ char *text = NULL;
        uint64_t mask = 0;
        int r;

        for (size_t i = 0; i < has->n_families; i++)
                mask |= UINT64_C(1) << has->families[i];
        for (size_t i = 0; i < lacks->n_families; i++)
                mask &= ~(UINT64_C(1) << lacks->families[i]);
        if (mask == 0)
                return 0;
        r = address_families_text(mask, &text);
        return r < 0 ? r
                     : policy_changes_add(changes, direction, from, to, "%s %s of %s",
                                          direction == POLICY_LOOSER ? "allow" : "deny", call, text);
}

/* CAP_NET_RAW decides about AF_PACKET, where the unit does not list its families. */
static const Origin *families_origin(const ContainerSpec *spec) {
        const value_capability_list *lists[] = { &spec->add_capability, &spec->drop_capability };
        const Origin *o = container_spec_origin(spec, DIRECTIVE_RestrictAddressFamilies);

        if (o->file)
                return o;
        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                for (size_t k = 0; k < lists[i]->n; k++)
                        if (lists[i]->items[k].capability == CAP_NET_RAW)
                                return &lists[i]->items[k].origin;
        return container_spec_origin(spec, DIRECTIVE_CapabilityBoundingSet);
}

static int compare_guard(const Guard *guard, const GuardSide *a, const GuardSide *b, PolicyChanges *changes) {
        const bool before = guard_applies(a->profile, a->entry, guard), after = guard_applies(b->profile, b->entry, guard);
        const bool namespaces = guard->values == namespace_flags;
        const Origin *from = namespaces ? a->origin : guard_origin(a->spec, guard);
        const Origin *to = namespaces ? b->origin : guard_origin(b->spec, guard);
        int r;

        if (before && after && !guard->values) {
                from = families_origin(a->spec);
                to = families_origin(b->spec);
                r = compare_families(a->profile, b->profile, guard->name, POLICY_TIGHTER, from, to, changes);
                return r < 0 ? r : compare_families(a->profile, b->profile, guard->name, POLICY_LOOSER, from, to, changes);
        }
        if (before == after)
                return 0;
        return policy_changes_add(changes, before ? POLICY_LOOSER : POLICY_TIGHTER, from, to, "%s%s",
                                  before ? "no longer: " : "", guard->words);
}

int seccomp_guards_compare(const GuardSide *before, const GuardSide *after, PolicyChanges *changes) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(guards); i++)
                r = compare_guard(guards + i, before, after, changes);
        return r;
}
