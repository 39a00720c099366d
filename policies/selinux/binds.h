/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SocketBindAllow= in a generated block. Which type a port has is the host's matter, so the block names the ports in comments
 * of a fixed form,
 *
 *      (block bw_0123456789abcdef
 *       ...
 *       ; binds tcp 80-90
 *
 * and may bind what its attributes tcp_port and udp_port hold; whoever puts the module into the host's policy fills them. */

#include "policies/compile.h"

typedef struct BindRange {
        char block[24];
        bool udp;
        uint16_t first, last;
} BindRange;

/* Appends what the unit needs to the body of its block, and says the same in rules. */
int selinux_binds_compile(const ContainerSpec *spec, PolicyRules *rules, char **body);
/* The ranges of all blocks of a module; owned array. -EBADMSG: a line that nobody here wrote. */
int selinux_binds_parse(const char *cil, BindRange **ret, size_t *ret_n);
