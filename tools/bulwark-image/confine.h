/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What reads foreign bytes may write files below its own directory and do nothing else to this host. */

#include "manager/base/diag.h"

/* For good: no network, no further privileges, five capabilities, bounded memory, Landlock where the kernel has it. write_fd: where
 * files are made; read_fds: where files are read. */
int confine_self(int write_fd, const int *read_fds, size_t n_read, Diag *diag);
