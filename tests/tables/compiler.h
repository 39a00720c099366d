/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The compiler over a host and a root that never change: from a unit to everything before the first change to the
 * host. The same on every machine, so that its output can be kept and compared. */

#include "manager/plan/plan.h"
#include "units/resolve/resolve.h"

typedef struct Compilation {
        Diag diag;
        const ContainerSpec *spec;
        const PolicySet *policies;
        Plan *plan;
} Compilation;
void compilation_done(Compilation *c);

/* As far as the unit goes; < 0 where it was refused. Consumes the draft. */
int compile_draft(ContainerSpec *draft, Compilation *c);
int compile_file(const char *path, Compilation *c);
int compile_text(const char *text, Compilation *c); /* the unit "table" */
