/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Programs of the kernel's BPF, put together by hand: labels instead of counted jumps, and for each instruction the line of
 * the unit that caused it. Pure; who loads a program is manager/host/filters. */

#include <linux/bpf.h>

#include "manager/base/diag.h"
#include "manager/base/util.h"

typedef struct BpfOrigin {
        Origin origin; /* file NULL = every such program has it */
        const char *directive;
} BpfOrigin;

typedef struct BpfAssembler {
        struct bpf_insn *items;
        BpfOrigin *origins; /* one an instruction */
        int *targets;       /* the label that it jumps to; negative = none */
        size_t n, room;
        int *labels;        /* where each stands; negative = nowhere yet */
        size_t n_labels, labels_room;
        BpfOrigin now;      /* of what comes */
        int error;          /* the first failure; asked at the end */
} BpfAssembler;

void bpf_done(BpfAssembler *a);
void bpf_emit(BpfAssembler *a, struct bpf_insn i);
int bpf_label(BpfAssembler *a);            /* a new one */
void bpf_place(BpfAssembler *a, int label); /* it stands here */
/* if dst OP value goto label; OP is BPF_JEQ, BPF_JNE, BPF_JSET ... */
void bpf_jump_if(BpfAssembler *a, uint8_t op, uint8_t dst, int32_t value, int label);
/* The same of two registers, in 64 bits; OP is BPF_JGT, BPF_JGE, BPF_JLT ... */
void bpf_jump_if_register(BpfAssembler *a, uint8_t op, uint8_t dst, uint8_t src, int label);
void bpf_jump(BpfAssembler *a, int label);
/* A number of 64 bits; it takes two places. */
void bpf_set_64(BpfAssembler *a, uint8_t dst, uint64_t value);
/* The address of a byte of the program's one map, which the loader fills in. */
void bpf_set_map(BpfAssembler *a, uint8_t dst, uint32_t offset);
/* Sets every jump; -EINVAL where a label stands nowhere, or behind its jump. */
int bpf_finish(BpfAssembler *a);

#define BPF_LOAD_32(dst_, src_, offset_) \
        ((struct bpf_insn){ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = (dst_), .src_reg = (src_), .off = (offset_) })
#define BPF_COPY(dst_, src_) ((struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (dst_), .src_reg = (src_) })
#define BPF_SET(dst_, value_) ((struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (dst_), .imm = (value_) })
#define BPF_AND_32(dst_, value_) ((struct bpf_insn){ .code = BPF_ALU | BPF_AND | BPF_K, .dst_reg = (dst_), .imm = (value_) })
#define BPF_SHIFT_32(dst_, value_) ((struct bpf_insn){ .code = BPF_ALU | BPF_RSH | BPF_K, .dst_reg = (dst_), .imm = (value_) })
#define BPF_ADD_64(dst_, value_) ((struct bpf_insn){ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = (dst_), .imm = (value_) })
#define BPF_LOAD_64(dst_, src_, offset_) \
        ((struct bpf_insn){ .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = (dst_), .src_reg = (src_), .off = (offset_) })
/* From the byte order of networks to that of numbers; bits: 16, 32, 64. */
#define BPF_NUMBER(dst_, bits_) ((struct bpf_insn){ .code = BPF_ALU | BPF_END | BPF_TO_BE, .dst_reg = (dst_), .imm = (bits_) })
#define BPF_CALL_HELPER(number_) ((struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .imm = (number_) })
/* *(dst + offset) += src, which no other processor tears. */
#define BPF_COUNT_64(dst_, src_, offset_) \
        ((struct bpf_insn){ .code = BPF_STX | BPF_ATOMIC | BPF_DW, .dst_reg = (dst_), .src_reg = (src_), .off = (offset_), .imm = BPF_ADD })
#define BPF_RETURN ((struct bpf_insn){ .code = BPF_JMP | BPF_EXIT })

/* One line an instruction, "12  if r3 != 0x2 goto 17  # web.container:7: DeviceAllow=". */
int bpf_program_text(const BpfAssembler *a, char **ret);
