/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A seccomp filter as text: one instruction a line, the same bytes always the same text. */

#include <linux/filter.h>

#include "manager/base/util.h"

/* names maps a number of the native architecture to a system call's name (NULL = none); may be NULL. */
typedef const char *(*SyscallNamer)(uint32_t number, const void *userdata);
int bpf_to_text(const struct sock_filter *program, size_t n, SyscallNamer names, const void *userdata,
                char **ret);

/* What the kernel demands of a seccomp filter: known instructions, jumps forward and inside, loads inside
 * struct seccomp_data, a return at the end. */
bool bpf_valid(const struct sock_filter *program, size_t n);
