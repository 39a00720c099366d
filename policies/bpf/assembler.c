/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

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
        if (a->error >= 0 && a->n_labels == a->labels_room) {
                const size_t room = a->labels_room == 0 ? 64 : 2 * a->labels_room;

                a->labels = grown(a, a->labels, room, sizeof(*a->labels));
                a->labels_room = room;
        }
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

void bpf_jump_if_register(BpfAssembler *a, uint8_t op, uint8_t dst, uint8_t src, int label) {
        emit_to(a, (struct bpf_insn){ .code = (uint8_t)(BPF_JMP | op | BPF_X), .dst_reg = dst & 0xf, .src_reg = src & 0xf }, label);
}

static void emit_64(BpfAssembler *a, uint8_t dst, uint8_t kind, uint32_t low, uint32_t high) {
        bpf_emit(a, (struct bpf_insn){ .code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = dst & 0xf, .src_reg = kind & 0xf, .imm = (int32_t)low });
        bpf_emit(a, (struct bpf_insn){ .imm = (int32_t)high });
}

void bpf_set_64(BpfAssembler *a, uint8_t dst, uint64_t value) {
        emit_64(a, dst, 0, (uint32_t)value, (uint32_t)(value >> 32));
}

void bpf_set_map(BpfAssembler *a, uint8_t dst, uint32_t offset) {
        emit_64(a, dst, BPF_PSEUDO_MAP_VALUE, 0, offset);
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

#define STACK 10

static const char *place_name(unsigned base) {
        return base == STACK ? "stack" : "context";
}

static int jump_text(const struct bpf_insn *i, size_t to, char **s) {
        static const struct {
                uint8_t code;
                const char *sign;
        } signs[] = { { BPF_JEQ, "==" }, { BPF_JNE, "!=" }, { BPF_JSET, "&" }, { BPF_JGT, ">" }, { BPF_JGE, ">=" }, { BPF_JLT, "<" }, { BPF_JLE, "<=" } };
        const char *sign = "?";

        for (size_t k = 0; k < ELEMENTSOF(signs); k++)
                if (BPF_OP(i->code) == signs[k].code)
                        sign = signs[k].sign;
        if (BPF_SRC(i->code) == BPF_X)
                return str_append(s, "if r%u %s r%u goto %zu", (unsigned)i->dst_reg, sign, (unsigned)i->src_reg, to);
        return str_append(s, "if r%u %s %#x goto %zu", (unsigned)i->dst_reg, sign, (unsigned)i->imm, to);
}

static int wide_text(const struct bpf_insn *i, char **s) {
        if (i->src_reg == BPF_PSEUDO_MAP_VALUE)
                return str_append(s, "r%u = counters + %u", (unsigned)i->dst_reg, (unsigned)i[1].imm);
        return str_append(s, "r%u = %#llx", (unsigned)i->dst_reg, (unsigned long long)(uint32_t)i[1].imm << 32 | (uint32_t)i->imm);
}

static int instruction_text(const struct bpf_insn *i, size_t at, char **s) {
        const unsigned dst = i->dst_reg, src = i->src_reg, value = (unsigned)i->imm;
        const size_t to = at + 1 + (size_t)i->off;

        switch (i->code) {
        case BPF_LDX | BPF_MEM | BPF_W:
                return str_append(s, "r%u = %s[%d]", dst, place_name(src), i->off);
        case BPF_LDX | BPF_MEM | BPF_DW:
                return str_append(s, "r%u = %s[%d..%d]", dst, place_name(src), i->off, i->off + 7);
        case BPF_LD | BPF_IMM | BPF_DW:
                return wide_text(i, s);
        case 0:
                return str_append(s, "%s", "...");
        case BPF_ALU64 | BPF_MOV | BPF_X:
                return str_append(s, "r%u = r%u", dst, src);
        case BPF_ALU64 | BPF_MOV | BPF_K:
                return str_append(s, "r%u = %#x", dst, value);
        case BPF_ALU64 | BPF_ADD | BPF_K:
                return str_append(s, "r%u += %d", dst, i->imm);
        case BPF_ALU | BPF_AND | BPF_K:
                return str_append(s, "r%u &= %#x", dst, value);
        case BPF_ALU | BPF_RSH | BPF_K:
                return str_append(s, "r%u >>= %u", dst, value);
        case BPF_ALU | BPF_END | BPF_TO_BE:
                return str_append(s, "r%u = number%u(r%u)", dst, value, dst);
        case BPF_STX | BPF_ATOMIC | BPF_DW:
                return str_append(s, "[r%u + %d] += r%u", dst, i->off, src);
        case BPF_JMP | BPF_CALL:
                return str_append(s, "call %u", value);
        case BPF_JMP | BPF_JA:
                return str_append(s, "goto %zu", to);
        case BPF_JMP | BPF_EXIT:
                return str_append(s, "return r0");
        }
        if (BPF_CLASS(i->code) == BPF_JMP || BPF_CLASS(i->code) == BPF_JMP32)
                return jump_text(i, to, s);
        return str_append(s, "%#x r%u r%u %d %#x", i->code, dst, src, i->off, value);
}

static int line_text(const BpfAssembler *a, size_t at, char **s) {
        const BpfOrigin *o = a->origins + at;
        int r = str_append(s, "%4zu  ", at);

        if (r >= 0)
                r = instruction_text(a->items + at, at, s);
        if (r >= 0 && o->origin.file)
                r = str_append(s, "  # %s:%u: %s=", o->origin.file, o->origin.line, strempty(o->directive));
        return r;
}

/* Through a stream: a long program would be copied for each of its lines. */
int bpf_program_text(const BpfAssembler *a, char **ret) {
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        int r = f ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < a->n; i++) {
                _cleanup_free_ char *line = NULL;

                r = line_text(a, i, &line);
                if (r >= 0 && fprintf(f, "%s\n", line) < 0)
                        r = -ENOMEM;
        }
        if (f && fclose(f) != 0 && r >= 0)
                r = -ENOMEM;
        if (r < 0) {
                free(text);
                return r;
        }
        *ret = text;
        return 0;
}
