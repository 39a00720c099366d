/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every system call that this version knows on the native architecture, sorted by number, each with what the
 * filter decides. A number that is not in the table is newer than the profile: the filter answers ENOSYS, so
 * that the C library falls back as it would on an older kernel. */

#include "manager/base/util.h"

#define SYSCALL_NAME_MAX 40
#define SYSCALL_ALLOW 0 /* else an errno, or SYSCALL_ERROR_KILL */

typedef struct SyscallEntry {
        uint32_t number;
        int action;
        int cause; /* index of the unit's item, or one of SyscallCause (profile.h) */
        bool by_name; /* the item names this call itself, not a group */
        bool logged;  /* where it is allowed, the kernel logs it */
        char name[SYSCALL_NAME_MAX];
} SyscallEntry;

typedef struct SyscallTable {
        SyscallEntry *entries;
        size_t n, room;
} SyscallTable;

int syscall_table_new(SyscallTable *ret); /* every action is SYSCALL_ALLOW until set */
void syscall_table_done(SyscallTable *t);
SyscallEntry *syscall_table_by_number(const SyscallTable *t, uint32_t number);
SyscallEntry *syscall_table_by_name(const SyscallTable *t, const char *name);
/* A call that a newer libseccomp knows and our data do not. *ret is its entry. */
int syscall_table_add(SyscallTable *t, const char *name, uint32_t number, SyscallEntry **ret);

/* >= 0 the number here; -ENOSYS = a name that only other architectures have; -ENOENT = nobody knows it. */
int syscall_resolve(const char *name);
uint32_t syscall_native_audit_arch(void); /* AUDIT_ARCH_* that seccomp_data.arch carries */

/* The known call or group that is most like name, written to buffer; NULL where none is near. */
const char *syscall_suggest(const char *name, char buffer[static SYSCALL_NAME_MAX]);

/* "EPERM", "kill", or the number of an errno that has no name. */
typedef struct DenialText {
        char text[24];
} DenialText;
DenialText denial_to_string(int action);
