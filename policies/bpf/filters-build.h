/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files that make filters share; private to this room. */

#include "policies/bpf/assembler.h"
#include "policies/bpf/filters.h"

enum { FILTER_RESULT, FILTER_ARGUMENT }; /* r0, r1: alike in every program */

static inline void filter_answer(BpfAssembler *a, bool allowed) {
        bpf_emit(a, BPF_SET(FILTER_RESULT, allowed));
        bpf_emit(a, BPF_RETURN);
}

/* a is finished and taken, also on failure. */
int filter_add(FilterPolicy *f, const CgroupProgram *program, BpfAssembler *a);

int packet_filter_compile(const ContainerSpec *spec, FilterPolicy *f);
int bind_filter_compile(const ContainerSpec *spec, FilterPolicy *f);
