/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One socket of a unit on the host, as systemd.socket(5) makes it. */

#include "manager/base/held-path.h"
#include "units/spec/container-spec.h"

/* Bound, listening where it is to, close-on-exec, in the manager's network namespace. What lies at a path and nobody answers
 * from is taken away; where somebody does, -EADDRINUSE with words. */
int socket_bind(const ContainerSpec *spec, const SpecSocket *s, const PathTrees *trees, Diag *diag, int *ret,
                uint64_t *ret_inode);
/* Takes the path of a socket away, if what lies there still is the inode that was made. */
void socket_remove(const char *path, const PathTrees *trees, uint64_t inode);
