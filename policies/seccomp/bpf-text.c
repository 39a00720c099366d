/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/seccomp.h>
#include <stdio.h>

#include "policies/seccomp/bpf-text.h"
#include "units/values/types.h"

#define LOAD (BPF_LD | BPF_W | BPF_ABS)

/* The instructions that libseccomp and this room emit. */
static const struct {
        uint16_t code;
        const char *name;
} jumps[] = {
        { BPF_JMP | BPF_JEQ | BPF_K, "jeq" },
        { BPF_JMP | BPF_JGE | BPF_K, "jge" },
        { BPF_JMP | BPF_JGT | BPF_K, "jgt" },
        { BPF_JMP | BPF_JSET | BPF_K, "jset" },
};

static const char *jump_name(uint16_t code) {
        for (size_t i = 0; i < ELEMENTSOF(jumps); i++)
                if (jumps[i].code == code)
                        return jumps[i].name;

        return NULL;
}

static bool instruction_valid(const struct sock_filter *i, size_t left) {
        switch (i->code) {
        case LOAD:
                return i->k % sizeof(uint32_t) == 0 && i->k < sizeof(struct seccomp_data);
        case BPF_ALU | BPF_AND | BPF_K:
        case BPF_RET | BPF_K:
                return true;
        case BPF_JMP | BPF_JA:
                return i->k < left;
        default:
                return jump_name(i->code) && i->jt < left && i->jf < left;
        }
}

bool bpf_valid(const struct sock_filter *program, size_t n) {
        if (n == 0 || n > BPF_MAXINSNS || BPF_CLASS(program[n - 1].code) != BPF_RET)
                return false;

        for (size_t i = 0; i < n; i++)
                if (!instruction_valid(program + i, n - i - 1))
                        return false;

        return true;
}

/* --- text */

/* What the accumulator holds where an instruction begins: an offset of struct seccomp_data or one of these. */
#define HOLDS_UNREACHED UINT32_MAX
#define HOLDS_MIXED (UINT32_MAX - 1)

static void reach(uint32_t *holds, size_t target, uint32_t what) {
        if (holds[target] == HOLDS_UNREACHED)
                holds[target] = what;
        else if (holds[target] != what)
                holds[target] = HOLDS_MIXED;
}

/* All jumps go forward, so one pass sees every way to an instruction before the instruction itself. */
static void trace_loads(const struct sock_filter *program, size_t n, uint32_t *holds) {
        for (size_t i = 0; i < n; i++)
                holds[i] = HOLDS_UNREACHED;
        holds[0] = HOLDS_MIXED;

        for (size_t i = 0; i < n; i++) {
                const struct sock_filter *at = program + i;

                switch (BPF_CLASS(at->code)) {
                case BPF_RET:
                        break;
                case BPF_JMP:
                        if (BPF_OP(at->code) == BPF_JA) {
                                reach(holds, i + 1 + at->k, holds[i]);
                                break;
                        }
                        reach(holds, i + 1 + at->jt, holds[i]);
                        reach(holds, i + 1 + at->jf, holds[i]);
                        break;
                default:
                        reach(holds, i + 1, at->code == LOAD ? at->k : HOLDS_MIXED);
                }
        }
}

static void print_field(FILE *f, uint32_t offset) {
        const uint32_t args = offsetof(struct seccomp_data, args);
        const bool big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

        if (offset == offsetof(struct seccomp_data, nr))
                fputs("nr", f);
        else if (offset == offsetof(struct seccomp_data, arch))
                fputs("arch", f);
        else if (offset < args)
                fprintf(f, "ip.%s", ((offset - 8) / 4 == 1) != big_endian ? "high" : "low");
        else
                fprintf(f, "arg%u.%s", (offset - args) / 8,
                        ((offset - args) % 8 == 4) != big_endian ? "high" : "low");
}

static void print_return(FILE *f, uint32_t value) {
        static const struct {
                uint32_t action;
                const char *name;
        } actions[] = {
                { SECCOMP_RET_ALLOW, "allow" },
                { SECCOMP_RET_LOG, "log" },
                { SECCOMP_RET_TRACE, "trace" },
                { SECCOMP_RET_USER_NOTIF, "notify" },
                { SECCOMP_RET_TRAP, "trap" },
                { SECCOMP_RET_KILL_THREAD, "kill-thread" },
                { SECCOMP_RET_KILL_PROCESS, "kill" },
        };
        const char *name = errno_to_string((int)(value & SECCOMP_RET_DATA));

        if ((value & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO && name) {
                fprintf(f, "return %s", name);
                return;
        }

        for (size_t i = 0; i < ELEMENTSOF(actions); i++)
                if (actions[i].action == value) {
                        fprintf(f, "return %s", actions[i].name);
                        return;
                }
        fprintf(f, "return 0x%x", value);
}

static void print_jump(FILE *f, const struct sock_filter *at, size_t index, const char *call) {
        fprintf(f, "%-4s 0x%x, %zu, %zu", jump_name(at->code), at->k, index + 1 + at->jt,
                index + 1 + at->jf);
        if (call)
                fprintf(f, "  # %s", call);
}

static void print_instruction(FILE *f, const struct sock_filter *at, size_t index, const char *call) {
        fprintf(f, "%4zu  ", index);
        switch (at->code) {
        case LOAD:
                fputs("load ", f);
                print_field(f, at->k);
                break;
        case BPF_ALU | BPF_AND | BPF_K:
                fprintf(f, "and  0x%x", at->k);
                break;
        case BPF_RET | BPF_K:
                print_return(f, at->k);
                break;
        case BPF_JMP | BPF_JA:
                fprintf(f, "jump %zu", index + 1 + at->k);
                break;
        default:
                print_jump(f, at, index, call);
        }
        fputc('\n', f);
}

int bpf_to_text(const struct sock_filter *program, size_t n, SyscallNamer names, const void *userdata,
                char **ret) {
        _cleanup_free_ uint32_t *holds = NULL;
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f;

        if (!bpf_valid(program, n))
                return -EBADMSG;
        holds = calloc(n, sizeof(uint32_t));
        f = holds ? open_memstream(&text, &size) : NULL;
        if (!f)
                return -ENOMEM;

        trace_loads(program, n, holds);
        for (size_t i = 0; i < n; i++) {
                const struct sock_filter *at = program + i;
                bool number = BPF_OP(at->code) == BPF_JEQ && holds[i] == offsetof(struct seccomp_data, nr);

                print_instruction(f, at, i, number && names ? names(at->k, userdata) : NULL);
        }
        if (ferror(f) | (fclose(f) != 0))
                return -ENOMEM;

        *ret = TAKE_PTR(text);
        return 0;
}
