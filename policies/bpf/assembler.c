/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "policies/bpf/assembler.h"

void bpf_done(BpfAssembler *a) {
        free(a->items);
        free(a->origins);
        free(a->targets);
        free(a->labels);
        *a = (BpfAssembler){};
}

static void *grown(BpfAssembler *a, void *list, size_t n, size_t size) {
        void *p = reallocarray(list, n, size);

        if (!p)
                a->error = -ENOMEM;
        return p ? p : list;
}

static void emit_to(BpfAssembler *a, struct bpf_insn i, int target) {
        if (a->error >= 0 && a->n == a->room) {
                const size_t room = a->room == 0 ? 64 : 2 * a->room;

                a->items = grown(a, a->items, room, sizeof(*a->items));
                a->origins = grown(a, a->origins, room, sizeof(*a->origins));
                a->targets = grown(a, a->targets, room, sizeof(*a->targets));
                a->room = room;
        }
        if (a->error < 0)
                return;
        a->items[a->n] = i;
        a->origins[a->n] = a->now;
        a->targets[a->n++] = target;
}

void bpf_emit(BpfAssembler *a, struct bpf_insn i) {
        emit_to(a, i, -1);
}

int bpf_label(BpfAssembler *a) {
        a->labels = grown(a, a->labels, a->n_labels + 1, sizeof(*a->labels));
        if (a->error < 0)
                return -1;
        a->labels[a->n_labels] = -1;
        return (int)a->n_labels++;
}

void bpf_place(BpfAssembler *a, int label) {
        if (a->error >= 0 && label >= 0)
                a->labels[label] = (int)a->n;
}

void bpf_jump_if(BpfAssembler *a, uint8_t op, uint8_t dst, int32_t value, int label) {
        emit_to(a, (struct bpf_insn){ .code = (uint8_t)(BPF_JMP32 | op | BPF_K), .dst_reg = dst & 0xf, .imm = value }, label);
}

void bpf_jump(BpfAssembler *a, int label) {
        emit_to(a, (struct bpf_insn){ .code = BPF_JMP | BPF_JA }, label);
}

int bpf_finish(BpfAssembler *a) {
        for (size_t i = 0; a->error >= 0 && i < a->n; i++) {
                const int at = a->targets[i] >= 0 ? a->labels[a->targets[i]] : 0;
                const long distance = (long)at - (long)i - 1;

                if (a->targets[i] < 0)
                        continue;
                if (at < 0 || distance < 0 || distance > INT16_MAX || (size_t)at >= a->n)
                        return -EINVAL;
                a->items[i].off = (int16_t)distance;
        }
        return a->error;
}

static int instruction_text(const struct bpf_insn *i, size_t at, char **s) {
        const unsigned dst = i->dst_reg, src = i->src_reg, value = (unsigned)i->imm;
        const size_t to = at + 1 + (size_t)i->off;

        switch (i->code) {
        case BPF_LDX | BPF_MEM | BPF_W:
                return str_append(s, "r%u = context[%d]", dst, i->off);
        case BPF_ALU64 | BPF_MOV | BPF_X:
                return str_append(s, "r%u = r%u", dst, src);
        case BPF_ALU64 | BPF_MOV | BPF_K:
                return str_append(s, "r%u = %#x", dst, value);
        case BPF_ALU | BPF_AND | BPF_K:
                return str_append(s, "r%u &= %#x", dst, value);
        case BPF_ALU | BPF_RSH | BPF_K:
                return str_append(s, "r%u >>= %u", dst, value);
        case BPF_JMP32 | BPF_JEQ | BPF_K:
                return str_append(s, "if r%u == %#x goto %zu", dst, value, to);
        case BPF_JMP32 | BPF_JNE | BPF_K:
                return str_append(s, "if r%u != %#x goto %zu", dst, value, to);
        case BPF_JMP32 | BPF_JSET | BPF_K:
                return str_append(s, "if r%u & %#x goto %zu", dst, value, to);
        case BPF_JMP | BPF_JA:
                return str_append(s, "goto %zu", to);
        case BPF_JMP | BPF_EXIT:
                return str_append(s, "return r0");
        }
        return str_append(s, "%#x r%u r%u %d %#x", i->code, dst, src, i->off, value);
}

int bpf_program_text(const BpfAssembler *a, char **ret) {
        _cleanup_free_ char *s = NULL;
        int r = str_append(&s, "%s", "");

        for (size_t i = 0; r >= 0 && i < a->n; i++) {
                const BpfOrigin *o = a->origins + i;

                r = str_append(&s, "%4zu  ", i);
                if (r >= 0)
                        r = instruction_text(a->items + i, i, &s);
                if (r >= 0)
                        r = o->origin.file ? str_append(&s, "  # %s:%u: %s=\n", o->origin.file, o->origin.line, strempty(o->directive)) :
                                             str_append(&s, "\n");
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}
