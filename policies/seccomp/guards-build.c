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

int seccomp_guards_build(const SeccompProfile *p, struct sock_filter **ret, size_t *ret_n) {
        Program program = {};

        emit_abi(&program);
        emit_unknown(&program, &p->table);
        for (size_t i = 0; i < p->table.n; i++) {
                const SyscallEntry *entry = p->table.entries + i;

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
