/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* AppArmor's files in the running kernel: which profiles there are, and who wears them. */

#include "manager/base/util.h"

typedef enum ProfileMode {
        PROFILE_ABSENT,
        PROFILE_ENFORCES, /* or kills */
        PROFILE_LENIENT,  /* complains, prompts, or lets everything through */
} ProfileMode;

/* How the kernel holds a profile. */
int kernel_profile_mode(const char *profile, ProfileMode *ret);

/* Names of the profiles that begin with prefix. Owned list, NULL = none. */
int kernel_profiles(const char *prefix, char ***ret);

/* What the process behind proc, its directory in a procfs, wears: a profile that enforces as its bare name, any other with
 * its mode behind it. Owned. */
int kernel_label_of(int proc, char **ret);

/* What the kernel holds under the name of a profile: where, and the digest of its content, in one line that can be asked
 * for again. Owned; -EOPNOTSUPP = this kernel keeps no digests. */
int kernel_profile_content(const char *profile, char **ret);
/* Whether that is still so. */
bool kernel_profile_is(const char *content);

/* Which of the profiles some process of the host wears, alone or in a stack; taken out of the list. */
int kernel_leave_unworn(char **profiles);

/* Readable when somebody writes the mode of all profiles. */
int kernel_mode_watch(int *ret_fd);

/* The policy's revision: readable when it moved since the last read. */
int kernel_revision_open(int *ret_fd);
int kernel_revision_read(int fd, uint64_t *ret);
