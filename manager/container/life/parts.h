/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The parts of a life, walked (manager/host/part.h). The container remembers how many were begun, so that what is undone is
 * what was done, once, and backwards. */

#include "manager/host/part.h"

void life_parts_begin(Container *c);
int life_parts_check(const Container *c, Diag *diag);
/* of_the_end: only what the commands of a life's end need. What failed is not undone here. */
int life_parts_prepare(Container *c, Launch *launch, bool of_the_end, Diag *diag);
int life_parts_fill(Container *c, Launch *launch, Diag *diag);
int life_parts_live(Container *c, int pid, int pidfd, Diag *diag);
void life_parts_started(Container *c, int payload_pid);
void life_parts_moved(Container *c);
void life_parts_undo(Container *c);
void life_parts_release(Container *c);
void life_parts_save(const Container *c, Blob *b);
void life_parts_adopt(Container *c, Adoption *a);
void life_parts_resume(Container *c, const Adoption *a);
void life_parts_settle(Container *c, bool first);
void life_parts_forget(Container *c);
void life_parts_sweep(Manager *m);
void life_parts_done(Container *c);

/* The table itself, for those that check its order. */
extern const LifePart *const life_parts[];
size_t life_parts_count(void);
