/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A manager of canned answers on DIRECTORY/private, in a process of its own, for testing bulwarkctl as a
 * whole. What a container does is said by its name: see the table in fake-manager.c. `exec` runs the command
 * on the host. */

#include <sys/types.h>

/* Serves until killed; directory/logs/web and directory/web.container are what web's properties name. */
pid_t fake_manager_start(const char *directory);
void fake_manager_stop(pid_t pid);
