/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is enabled is a unit of the host, too, where systemd is its service manager: bulwark@NAME.service. */

#include "tools/bulwarkctl/verbs.h"

/* Starts those units of containers that are enabled and were started just now, so that systemctl tells of them and stops them.
 * Their process finds the container there, and waits with it. */
void host_units_follow(const Context *c, char *const *names);
