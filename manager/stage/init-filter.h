/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The filter of the container's init: fourteen calls, and death for all others. seccomp(2). Its own header, since the
 * benchmark's floor installs the same one. */

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define INIT_AUDIT_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define INIT_AUDIT_ARCH AUDIT_ARCH_AARCH64
#else
#error "tell the init's filter which architecture this is"
#endif

#define INIT_ALLOW(name)                                                                                      \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

#define INIT_FILTER                                                                                           \
        {                                                                                                     \
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),                      \
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, INIT_AUDIT_ARCH, 1, 0),                                   \
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),                                          \
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),                        \
                INIT_ALLOW(rt_sigtimedwait),                                                                  \
                INIT_ALLOW(waitid),                                                                           \
                INIT_ALLOW(wait4),                                                                            \
                INIT_ALLOW(kill),                                                                             \
                INIT_ALLOW(rt_sigprocmask),                                                                   \
                INIT_ALLOW(rt_sigreturn),                                                                     \
                INIT_ALLOW(rt_sigaction),                                                                     \
                INIT_ALLOW(getpid),                                                                           \
                INIT_ALLOW(gettid),                                                                           \
                INIT_ALLOW(restart_syscall),                                                                  \
                INIT_ALLOW(munmap),                                                                           \
                INIT_ALLOW(exit),                                                                             \
                INIT_ALLOW(exit_group),                                                                       \
                INIT_ALLOW(futex),                                                                            \
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),                                          \
        }
