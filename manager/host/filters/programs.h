/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Programs that are attached to a control group, by bpf(2). They live as long as the group does, whichever manager or keeper
 * runs, and everything about them is asked of the kernel: nothing is remembered. Ours are known by their names. */

#include "policies/bpf/filters.h"

/* With the group's counters where it counts: those go on when a program is replaced. */
int program_load(int cgroup_fd, const CgroupProgram *program, int *ret_fd);
/* And read back: what the group has is what was loaded, else -ENOLINK. One of ours of the same name is replaced in one step, so
 * that there is no moment without. */
int program_attach(int cgroup_fd, const CgroupProgram *program, int fd);
/* Of ours, what is not among these goes away: of another unit, or of an earlier text of it. */
int programs_keep(int cgroup_fd, const CgroupProgram *programs, size_t n);
/* -ENODATA where the group counts nothing. */
int programs_counters(int cgroup_fd, PacketCounters *ret);
