/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Uses one privilege of the host's root, in a way that does no harm where it works. 0 = the kernel let it through, else a
 * positive errno; -1 = no such privilege. */
int use_privilege(const char *name);
