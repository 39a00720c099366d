/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Log lines of containers on standard output; shared by logs and status. */

#include "tools/bulwarkctl/verbs.h"

/* The last lines from the manager's files. Nothing logged yet is no error. */
int logs_print_files(const Context *c, const char *name, const char *directory, size_t lines);
