/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What containers write while a client waits for their end, on the streams that they wrote it to. */

#include "tools/bulwarkctl/verbs.h"

typedef struct JobOutput JobOutput;

/* Of the containers that the context names: from now on. */
int job_output_new(Context *c, JobOutput **ret);
JobOutput *job_output_free(JobOutput *o);
/* sd_bus_wait(), and prints meanwhile; o may be NULL. */
int job_output_wait(JobOutput *o, sd_bus *bus, uint64_t timeout);
/* Prints what is left once they have ended. */
void job_output_finish(JobOutput *o);
