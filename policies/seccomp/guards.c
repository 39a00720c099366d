/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "manager/base/string-list.h"
#include "policies/families.h"
#include "policies/rules.h"
#include "policies/seccomp/guard-table.h"
#include "policies/seccomp/guards.h"

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

/* Scheduling classes that do not displace whoever shares the processors: SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, SCHED_EXT,
 * each plain and with SCHED_RESET_ON_FORK. */
#define RESET_ON_FORK UINT32_C(0x40000000)
static const uint32_t timeshared[] = { 0, 3, 5, 7, RESET_ON_FORK, RESET_ON_FORK | 3, RESET_ON_FORK | 5, RESET_ON_FORK | 7 };

/* PER_LINUX, and the question. */
static const uint32_t own_personality[] = { 0x0, 0xffffffff };

static const uint32_t set_id_bits[] = { S_ISUID | S_ISGID };
#define MAKES_FILE (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) /* without one of them the mode is not looked at */

static const uint32_t executable[] = { PROT_EXEC };
static const uint32_t shm_executable[] = { SHM_EXEC };
static const uint32_t any_namespace[] = { 0 };

#define FIXED(list) GUARD_VALUES_FIXED, list, ELEMENTSOF(list)
#define OF_UNIT(source) source, NULL, 0

/* Several of one call stand together. Each compares the low 32 bits only, as the kernel reads these arguments: comparing 64
 * would let a caller pass by setting a high bit (CVE-2019-10063). */
static const Guard guards[] = {
        { "ioctl", 1, GUARD_EQUALS_NONE, FIXED(forbidden_ioctls), SWITCH_ALWAYS, 0, "deny ioctl TIOCSTI TIOCLINUX", 0, 0 },
        { "personality", 0, GUARD_EQUALS_ONE, FIXED(personalities), SWITCH_ALWAYS, 0,
          "deny personality other than 0x0 0x8 0x20000 0x20008 0xffffffff", 0, 0 },
        { "personality", 0, GUARD_EQUALS_ONE, FIXED(own_personality), SWITCH_PERSONALITY, 0,
          "deny personality other than 0x0 0xffffffff", 0, 0 },
        { "socket", 0, GUARD_EQUALS_ONE, OF_UNIT(GUARD_VALUES_FAMILIES), SWITCH_ALWAYS, EAFNOSUPPORT, "deny socket other than ", 0,
          0 },
        { "socket", 2, GUARD_EQUALS_NONE, FIXED(other_transports), SWITCH_TRANSPORTS, EPROTONOSUPPORT,
          "deny socket with IPPROTO_SMC IPPROTO_MPTCP", 0, 0 },
        { "socketpair", 0, GUARD_EQUALS_ONE, OF_UNIT(GUARD_VALUES_FAMILIES), SWITCH_ALWAYS, EAFNOSUPPORT,
          "deny socketpair other than ", 0, 0 },
        { "clone", CLONE_FLAGS_ARGUMENT, GUARD_NO_BITS, OF_UNIT(GUARD_VALUES_CLONE), SWITCH_CLONE, 0,
          "deny clone with flags that make namespaces", 0, 0 },
        { "unshare", 0, GUARD_NO_BITS, OF_UNIT(GUARD_VALUES_NAMESPACES), SWITCH_NAMESPACES, 0,
          "deny unshare of namespaces", 0, 0 },
        { "setns", 1, GUARD_EQUALS_NONE, FIXED(any_namespace), SWITCH_NAMESPACES, 0, "deny setns into a namespace of any type", 0,
          0 },
        { "setns", 1, GUARD_NO_BITS, OF_UNIT(GUARD_VALUES_NAMESPACES), SWITCH_NAMESPACES, 0, "deny setns into namespaces", 0,
          0 },
        { "chmod", 1, GUARD_NO_BITS, FIXED(set_id_bits), SWITCH_SET_IDS, 0, "deny chmod with set-id bits", 0, 0 },
        { "fchmod", 1, GUARD_NO_BITS, FIXED(set_id_bits), SWITCH_SET_IDS, 0, "deny fchmod with set-id bits", 0, 0 },
        { "fchmodat", 2, GUARD_NO_BITS, FIXED(set_id_bits), SWITCH_SET_IDS, 0, "deny fchmodat with set-id bits", 0, 0 },
        { "fchmodat2", 2, GUARD_NO_BITS, FIXED(set_id_bits), SWITCH_SET_IDS, 0, "deny fchmodat2 with set-id bits", 0, 0 },
        { "mknod", 1, GUARD_NO_BITS, FIXED(set_id_bits), SWITCH_SET_IDS, 0, "deny mknod with set-id bits", 0, 0 },
        { "mknodat", 2, GUARD_NO_BITS, FIXED(set_id_bits), SWITCH_SET_IDS, 0, "deny mknodat with set-id bits", 0, 0 },
        { "mkdir", 1, GUARD_NO_BITS, FIXED(set_id_bits), SWITCH_SET_IDS, 0, "deny mkdir with set-id bits", 0, 0 },
        { "mkdirat", 2, GUARD_NO_BITS, FIXED(set_id_bits), SWITCH_SET_IDS, 0, "deny mkdirat with set-id bits", 0, 0 },
        { "creat", 1, GUARD_NO_BITS, FIXED(set_id_bits), SWITCH_SET_IDS, 0, "deny creat with set-id bits", 0, 0 },
        { "open", 2, GUARD_NO_BITS, FIXED(set_id_bits), SWITCH_SET_IDS, 0, "deny open that makes a file with set-id bits", 1,
          MAKES_FILE },
        { "openat", 3, GUARD_NO_BITS, FIXED(set_id_bits), SWITCH_SET_IDS, 0, "deny openat that makes a file with set-id bits", 2,
          MAKES_FILE },
        { "sched_setscheduler", 1, GUARD_EQUALS_ONE, FIXED(timeshared), SWITCH_REALTIME, 0,
          "deny sched_setscheduler to SCHED_FIFO SCHED_RR SCHED_DEADLINE", 0, 0 },
        { "mmap", 2, GUARD_NO_BITS, FIXED(executable), SWITCH_WRITE_EXECUTE, 0, "deny mmap writable and executable", 2,
          PROT_WRITE },
        { "mmap2", 2, GUARD_NO_BITS, FIXED(executable), SWITCH_WRITE_EXECUTE, 0, "deny mmap2 writable and executable", 2,
          PROT_WRITE },
        { "mprotect", 2, GUARD_NO_BITS, FIXED(executable), SWITCH_WRITE_EXECUTE, 0, "deny mprotect to executable", 0, 0 },
        { "pkey_mprotect", 2, GUARD_NO_BITS, FIXED(executable), SWITCH_WRITE_EXECUTE, 0, "deny pkey_mprotect to executable", 0,
          0 },
        { "shmat", 2, GUARD_NO_BITS, FIXED(shm_executable), SWITCH_WRITE_EXECUTE, 0, "deny shmat executable", 0, 0 },
};

bool guard_applies(const SeccompProfile *p, const Guard *guard) {
        return guard->needs == SWITCH_ALWAYS || (p->switches & guard->needs);
}

const Guard *guard_next(const SeccompProfile *p, const SyscallEntry *entry, const Guard *after) {
        if (entry->action != SYSCALL_ALLOW)
                return NULL;

        for (const Guard *g = after ? after + 1 : guards; g < guards + ELEMENTSOF(guards); g++)
                if (streq(g->name, entry->name) && guard_applies(p, g))
                        return g;
        return NULL;
}

const uint32_t *guard_values(const SeccompProfile *p, const Guard *guard, size_t *ret_n) {
        switch (guard->source) {
        case GUARD_VALUES_FAMILIES:
                *ret_n = p->n_families;
                return p->families;
        case GUARD_VALUES_CLONE:
                *ret_n = 1;
                return &p->denied_clone;
        case GUARD_VALUES_NAMESPACES:
                *ret_n = 1;
                return &p->denied_namespaces;
        case GUARD_VALUES_FIXED:
                break;
        }
        *ret_n = guard->n_values;
        return guard->values;
}

bool seccomp_guarded(const SeccompProfile *p, const SyscallEntry *entry) {
        return guard_next(p, entry, NULL);
}

/* Which line switched a guard on; NULL's file = every container has it. */
static const Origin *guard_origin(const ContainerSpec *spec, const Guard *guard) {
        static const struct {
                SeccompSwitch needs;
                DirectiveId id;
        } rows[] = {
                { SWITCH_TRANSPORTS, DIRECTIVE_SocketBindDeny },
                { SWITCH_CLONE, DIRECTIVE_RestrictNamespaces },
                { SWITCH_NAMESPACES, DIRECTIVE_RestrictNamespaces },
                { SWITCH_SET_IDS, DIRECTIVE_RestrictSUIDSGID },
                { SWITCH_REALTIME, DIRECTIVE_RestrictRealtime },
                { SWITCH_WRITE_EXECUTE, DIRECTIVE_MemoryDenyWriteExecute },
                { SWITCH_PERSONALITY, DIRECTIVE_LockPersonality },
        };

        if (guard->source == GUARD_VALUES_FAMILIES)
                return container_spec_origin(spec, DIRECTIVE_RestrictAddressFamilies);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (guard->needs == rows[i].needs && container_spec_origin(spec, rows[i].id)->file)
                        return container_spec_origin(spec, rows[i].id);
        if ((guard->needs == SWITCH_SET_IDS || guard->needs == SWITCH_NAMESPACES) && spec->exposed_tree.path)
                return &spec->exposed_tree.origin;
        return container_spec_origin(spec, DIRECTIVE_SystemCallErrorNumber);
}

/* " user net": what stands after a guard's words; nothing where it is every type. */
static int namespaces_text(uint32_t flags, char **ret) {
        int r = str_append(ret, "%s", "");

        for (const NamespaceName *n = namespace_types; r >= 0 && n->name; n++)
                if (flags != NAMESPACES_ALL && (flags & n->flag))
                        r = str_append(ret, " %s", n->name);
        return r;
}

/* What the unit decides of a guard, in words. */
static int guard_values_text(const SeccompProfile *p, const Guard *guard, char **ret) {
        uint64_t mask = 0;
        size_t n;
        const uint32_t *values = guard_values(p, guard, &n);

        switch (guard->source) {
        case GUARD_VALUES_FAMILIES:
                for (size_t i = 0; i < n; i++)
                        mask |= UINT64_C(1) << values[i];
                return address_families_text(mask, ret);
        case GUARD_VALUES_CLONE:
        case GUARD_VALUES_NAMESPACES:
                return namespaces_text(*values, ret);
        case GUARD_VALUES_FIXED:
                break;
        }
        return str_append(ret, "%s", "");
}

int seccomp_guards_rules(const SeccompProfile *p, const ContainerSpec *spec, PolicyRules *rules) {
        for (size_t i = 0; i < p->table.n; i++) {
                const SyscallEntry *entry = p->table.entries + i;

                for (const Guard *guard = guard_next(p, entry, NULL); guard; guard = guard_next(p, entry, guard)) {
                        _cleanup_free_ char *values = NULL;
                        int r = guard_values_text(p, guard, &values);

                        if (r >= 0)
                                r = policy_rules_add(rules, guard_origin(spec, guard), "%s%s: %s", guard->words, values,
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

/* Namespaces that only one of them denies. */
static int compare_namespaces(const Guard *guard, const GuardSide *a, const GuardSide *b, const Origin *from, const Origin *to,
                              PolicyChanges *changes) {
        const bool before = guard_applies(a->profile, guard), after = guard_applies(b->profile, guard);
        size_t n;
        const uint32_t x = before ? *guard_values(a->profile, guard, &n) : 0, y = after ? *guard_values(b->profile, guard, &n) : 0;
        _cleanup_free_ char *gone = NULL, *come = NULL;
        int r = 0;

        if (x & ~y)
                r = namespaces_text(x & ~y, &gone);
        if (r >= 0 && gone)
                r = policy_changes_add(changes, POLICY_LOOSER, from, to, "no longer: %s%s", guard->words, gone);
        if (r >= 0 && (y & ~x))
                r = namespaces_text(y & ~x, &come);
        if (r >= 0 && come)
                r = policy_changes_add(changes, POLICY_TIGHTER, from, to, "%s%s", guard->words, come);
        return r;
}

static int compare_guard(const Guard *guard, const GuardSide *a, const GuardSide *b, PolicyChanges *changes) {
        const bool before = guard_applies(a->profile, guard), after = guard_applies(b->profile, guard);
        const Origin *from = guard_origin(a->spec, guard), *to = guard_origin(b->spec, guard);
        int r;

        if (before && after && guard->source == GUARD_VALUES_FAMILIES) {
                from = families_origin(a->spec);
                to = families_origin(b->spec);
                r = compare_families(a->profile, b->profile, guard->name, POLICY_TIGHTER, from, to, changes);
                return r < 0 ? r : compare_families(a->profile, b->profile, guard->name, POLICY_LOOSER, from, to, changes);
        }
        if (guard->source == GUARD_VALUES_CLONE)
                return compare_namespaces(guard, a, b, a->origin, b->origin, changes);
        if (guard->source == GUARD_VALUES_NAMESPACES)
                return compare_namespaces(guard, a, b, from, to, changes);
        if (before == after)
                return 0;
        return policy_changes_add(changes, before ? POLICY_LOOSER : POLICY_TIGHTER, from, to, "%s%s",
                                  before ? "no longer: " : "", guard->words);
}

int seccomp_guards_compare(const GuardSide *before, const GuardSide *after, PolicyChanges *changes) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(guards); i++)
                if (streq(guards[i].name, before->entry->name))
                        r = compare_guard(guards + i, before, after, changes);
        return r;
}
