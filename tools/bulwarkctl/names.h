/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The containers that the arguments of a command mean: a name as it stands, or, where it is a shell pattern, all
 * containers that it matches; of commands with VERB_ACTIVE only those that are not inactive. */

#include "tools/bulwarkctl/verbs.h"

/* Connects. The names belong to the context. On failure it has printed why, and *ret_exit is the exit status. */
int names_resolve(Context *c, int *ret_exit);
bool name_is_pattern(const char *name);

/* Calls function for every name; the first failure is the answer, the others are tried all the same. */
int names_for_each(Context *c, int (*function)(Context *c, const char *name));
