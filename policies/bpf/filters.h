/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The filters of sockets and packets as a backend: programs of the control group, above what the container can reach. */

#include <linux/bpf.h>

#include "policies/compile.h"

extern const PolicyBackend policy_backend_filters;

/* What IPAccounting= counts, one such in the map of the two packet programs. */
typedef struct PacketCounters {
        uint64_t ingress_bytes, ingress_packets, egress_bytes, egress_packets;
} PacketCounters;

/* An instruction whose value is the descriptor of that map; set by the loader. */
static inline bool program_uses_map(const struct bpf_insn *i) {
        return i->code == (BPF_LD | BPF_IMM | BPF_DW) && i->src_reg == BPF_PSEUDO_MAP_VALUE;
}
