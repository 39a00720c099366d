/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* bulwarkd executes itself again: its program as it lies on the disk now, which may be another version. The process, its
 * arguments and its environment stay; of its descriptors two go over, and a variable of the environment says which. */

#include "manager/base/diag.h"

typedef struct Inheritance {
        int listener; /* of the private socket, so that nobody who connects meanwhile is refused */
        int jobs;     /* manager_take_over_jobs() */
} Inheritance;

/* Where the program lies: argv[0] where that is a path from the root, else what runs. Owned. Asked at the start: later its
 * file may have been replaced. */
int program_path(const char *argv0, char **ret);
/* Only comes back with why not, and then nothing has changed. The program first has to say its version: one that cannot run,
 * for want of a library, say, must not take the place of one that does. */
int program_become(const char *path, char **argv, const Inheritance *keep, Diag *diag);
/* What the process that we were left us; negative = nothing. Takes the variable out of the environment. */
void program_inherited(Inheritance *ret);
