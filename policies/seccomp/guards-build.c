/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The head as instructions. */
#include <linux/audit.h>
#include <linux/seccomp.h>

#include "policies/seccomp/guard-table.h"
#include "policies/seccomp/guards.h"

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

/* What a call gets that passes every guard. */
static uint32_t passed_return(const SyscallEntry *entry) {
        return entry->logged ? SECCOMP_RET_LOG : SECCOMP_RET_ALLOW;
}

/* The number is loaded, and still is where the number is another one. The tests jump to the second of two
 * answers when they hit; a call that the guard is not about passes. What passes a guard that is not the call's last goes
 * on to the next one. */
static void emit_guard(Program *program, const SeccompProfile *p, const Guard *guard, const SyscallEntry *entry, bool last) {
        const struct sock_filter refuse = BPF_STMT(
                BPF_RET | BPF_K, error_to_return(guard->error != 0 ? guard->error : p->denied));
        const bool hit_refuses = guard->test != GUARD_EQUALS_ONE;
        const struct sock_filter pass = last ? (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, passed_return(entry))
                                             : (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, hit_refuses ? 1 : 0);
        const uint16_t test = guard->test == GUARD_NO_BITS ? BPF_JSET : BPF_JEQ;
        const size_t condition = guard->when_bits != 0 ? 2 : 0;
        size_t n;
        const uint32_t *values = guard_values(p, guard, &n);

        emit_jump(program, BPF_JEQ, entry->number, 0, condition + n + 3);
        if (guard->when_bits != 0) {
                emit_load(program, low_half_of_argument(guard->when_argument));
                emit_jump(program, BPF_JSET, guard->when_bits, 0, 1 + n + (hit_refuses ? 0 : 1));
        }
        emit_load(program, low_half_of_argument(guard->argument));
        for (size_t i = 0; i < n; i++)
                emit_jump(program, test, values[i], n - i, 0);
        emit(program, hit_refuses ? pass : refuse);
        emit(program, hit_refuses ? refuse : pass);
        if (!last)
                emit_load(program, offsetof(struct seccomp_data, nr));
}

/* --- what SeccompProfile= says of a call's arguments: comparisons of 64 bits, as libseccomp has them */

/* Jumps to where a rule does not hold, which is known at its end. */
typedef struct Misses {
        struct {
                size_t at;
                bool if_true;
        } items[3 * OCI_ARGUMENTS_MAX];
        size_t n;
} Misses;

static void emit_miss(Program *p, Misses *m, uint16_t test, uint32_t value, bool miss_if_true, size_t otherwise) {
        m->items[m->n].at = p->n;
        m->items[m->n++].if_true = miss_if_true;
        emit_jump(p, test, value, miss_if_true ? 0 : otherwise, miss_if_true ? otherwise : 0);
}

static void settle_misses(Program *p, const Misses *m) {
        for (size_t i = 0; i < m->n && p->error >= 0; i++) {
                struct sock_filter *jump = p->items + m->items[i].at;
                const size_t distance = p->n - m->items[i].at - 1;

                if (distance > UINT8_MAX)
                        p->error = -E2BIG;
                else if (m->items[i].if_true)
                        jump->jt = (uint8_t)distance;
                else
                        jump->jf = (uint8_t)distance;
        }
}

static size_t high_half_of_argument(unsigned argument) {
        return low_half_of_argument(argument) ^ sizeof(uint32_t);
}

static void emit_masked(Program *p, const OciCondition *c, Misses *m) {
        const uint64_t mask = c->compare == OCI_COMPARE_MASKED_EQ ? c->value : UINT64_MAX;
        const uint64_t wanted = c->compare == OCI_COMPARE_MASKED_EQ ? c->second : c->value;

        emit_load(p, high_half_of_argument(c->argument));
        emit(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (uint32_t)(mask >> 32)));
        emit_miss(p, m, BPF_JEQ, (uint32_t)(wanted >> 32), false, 0);
        emit_load(p, low_half_of_argument(c->argument));
        emit(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (uint32_t)mask));
        emit_miss(p, m, BPF_JEQ, (uint32_t)wanted, false, 0);
}

/* Falls through where the condition holds. */
static void emit_condition(Program *p, const OciCondition *c, Misses *m) {
        const uint32_t high = (uint32_t)(c->value >> 32), low = (uint32_t)c->value;
        const bool less = c->compare == OCI_COMPARE_LT || c->compare == OCI_COMPARE_LE;
        const bool or_equal = c->compare == OCI_COMPARE_GE || c->compare == OCI_COMPARE_LE;

        if (c->compare == OCI_COMPARE_EQ || c->compare == OCI_COMPARE_MASKED_EQ) {
                emit_masked(p, c, m);
                return;
        }
        emit_load(p, high_half_of_argument(c->argument));
        if (c->compare == OCI_COMPARE_NE) {
                emit_jump(p, BPF_JEQ, high, 0, 2);
                emit_load(p, low_half_of_argument(c->argument));
                emit_miss(p, m, BPF_JEQ, low, true, 0);
                return;
        }
        if (less) { /* not greater, or not greater or equal */
                emit_miss(p, m, BPF_JGT, high, true, 0);
                emit_jump(p, BPF_JEQ, high, 0, 2);
                emit_load(p, low_half_of_argument(c->argument));
                emit_miss(p, m, or_equal ? BPF_JGT : BPF_JGE, low, true, 0);
                return;
        }
        emit_jump(p, BPF_JGT, high, 3, 0);
        emit_miss(p, m, BPF_JEQ, high, false, 0);
        emit_load(p, low_half_of_argument(c->argument));
        emit_miss(p, m, or_equal ? BPF_JGE : BPF_JGT, low, false, 0);
}

/* The first rule that holds denies for good, or lets the call go on to the unit's own guards and list. */
static void emit_judged(Program *p, const SyscallEntry *entry, const OciRule *rules, size_t n, OciAnswer otherwise) {
        size_t begin, end;

        emit_jump(p, BPF_JEQ, entry->number, 1, 0);
        begin = p->n;
        emit(p, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
        for (size_t i = 0; i < n; i++) {
                Misses misses = {};

                for (size_t k = 0; k < rules[i].n_conditions; k++)
                        emit_condition(p, rules[i].conditions + k, &misses);
                if (rules[i].answer.action != SYSCALL_ALLOW)
                        emit_return(p, error_to_return(rules[i].answer.action));
                else
                        emit(p, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, UINT32_MAX));
                settle_misses(p, &misses);
        }
        if (otherwise.action != SYSCALL_ALLOW)
                emit_return(p, error_to_return(otherwise.action));
        end = p->n;
        emit_load(p, offsetof(struct seccomp_data, nr));
        if (p->error < 0)
                return;
        p->items[begin].k = (uint32_t)(end - begin - 1);
        for (size_t i = begin + 1; i < end; i++)
                if (p->items[i].code == (BPF_JMP | BPF_JA) && p->items[i].k == UINT32_MAX)
                        p->items[i].k = (uint32_t)(end - i - 1);
}

int seccomp_guards_build(const SeccompProfile *p, struct sock_filter **ret, size_t *ret_n) {
        Program program = {};

        emit_abi(&program);
        emit_unknown(&program, &p->table);
        for (size_t i = 0; i < p->table.n; i++) {
                const SyscallEntry *entry = p->table.entries + i;
                OciAnswer otherwise;
                size_t n_rules;
                const OciRule *rules = oci_profile_judges(p, entry, &n_rules, &otherwise);

                if (n_rules > 0)
                        emit_judged(&program, entry, rules, n_rules, otherwise);
                for (const Guard *guard = guard_next(p, entry, NULL), *next; guard; guard = next) {
                        next = guard_next(p, entry, guard);
                        emit_guard(&program, p, guard, entry, !next);
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
