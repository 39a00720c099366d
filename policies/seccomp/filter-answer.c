/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "policies/seccomp/filter-answer.h"
#include "policies/seccomp/syscall-table.h"

/* The only instructions that the head and libseccomp write. */
static int jump(const struct sock_filter *at, uint32_t a, bool *ret_taken) {
        switch (at->code) {
        case BPF_JMP | BPF_JEQ | BPF_K:
                *ret_taken = a == at->k;
                return 0;
        case BPF_JMP | BPF_JGE | BPF_K:
                *ret_taken = a >= at->k;
                return 0;
        case BPF_JMP | BPF_JGT | BPF_K:
                *ret_taken = a > at->k;
                return 0;
        case BPF_JMP | BPF_JSET | BPF_K:
                *ret_taken = (a & at->k) != 0;
                return 0;
        default:
                return -EBADMSG;
        }
}

int seccomp_answer(const SeccompPolicy *policy, uint32_t number, const uint64_t arguments[6], uint32_t *ret) {
        const struct sock_filter *program = policy->program;
        struct seccomp_data data = { .nr = (int)number, .arch = syscall_native_audit_arch() };
        uint32_t a = 0;

        memcpy(data.args, arguments, sizeof(data.args));
        for (size_t i = 0; i < policy->n_instructions;) {
                const struct sock_filter *at = program + i++;
                bool taken;

                switch (at->code) {
                case BPF_LD | BPF_W | BPF_ABS:
                        if (at->k % 4 != 0 || at->k > sizeof(data) - sizeof(a))
                                return -EBADMSG;
                        memcpy(&a, (const char *)&data + at->k, sizeof(a));
                        break;
                case BPF_ALU | BPF_AND | BPF_K:
                        a &= at->k;
                        break;
                case BPF_RET | BPF_K:
                        *ret = at->k;
                        return 0;
                case BPF_JMP | BPF_JA:
                        i += at->k;
                        break;
                default:
                        if (jump(at, a, &taken) < 0)
                                return -EBADMSG;
                        i += taken ? at->jt : at->jf;
                }
        }
        return -EBADMSG;
}

int seccomp_number(const char *name) {
        return syscall_resolve(name);
}
