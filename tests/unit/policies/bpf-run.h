/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A small interpreter of seccomp filters: what the kernel would answer to one system call. */

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Aborts on what the kernel's checker would have refused. */
static inline uint32_t bpf_run(const struct sock_filter *program, size_t n, const struct seccomp_data *data) {
        uint32_t a = 0;

        for (size_t i = 0; i < n;) {
                const struct sock_filter *at = program + i++;
                int taken;

                switch (at->code) {
                case BPF_LD | BPF_W | BPF_ABS:
                        if (at->k % 4 != 0 || at->k >= sizeof(*data))
                                abort();
                        memcpy(&a, (const char *)data + at->k, sizeof(a));
                        continue;
                case BPF_ALU | BPF_AND | BPF_K:
                        a &= at->k;
                        continue;
                case BPF_RET | BPF_K:
                        return at->k;
                case BPF_JMP | BPF_JA:
                        i += at->k;
                        continue;
                case BPF_JMP | BPF_JEQ | BPF_K:
                        taken = a == at->k;
                        break;
                case BPF_JMP | BPF_JGE | BPF_K:
                        taken = a >= at->k;
                        break;
                case BPF_JMP | BPF_JGT | BPF_K:
                        taken = a > at->k;
                        break;
                case BPF_JMP | BPF_JSET | BPF_K:
                        taken = (a & at->k) != 0;
                        break;
                default:
                        abort();
                }
                i += taken ? at->jt : at->jf;
        }
        abort(); /* ran off the end */
}
