/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a compiled filter answers to one system call, as the kernel would run it. */

#include "policies/compile.h"

/* SECCOMP_RET_* with its data. -EBADMSG: the program is none that we write. */
int seccomp_answer(const SeccompPolicy *policy, uint32_t number, const uint64_t arguments[6], uint32_t *ret);
/* >= 0 the number of a system call here; -ENOSYS, -ENOENT: there is none. */
int seccomp_number(const char *name);
