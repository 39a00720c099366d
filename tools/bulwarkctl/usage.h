/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What containers use, for list, status, top and metrics. */

#include "tools/bulwarkctl/client.h"
#include "tools/bulwarkctl/table.h"

/* The properties of how long a container has to wait lately: of the CPU, memory and I/O. NULL-terminated. */
extern const char *const usage_pressures[];

/* These properties (NULL-terminated) of all containers, as one object of objects by name: one answer instead of one for each.
 * Empty from a manager of a version before. Owned. */
int usage_fetch(Client *c, const char *const *names, json_object **ret);

int usage_add_size(Table *t, uint64_t bytes);
int usage_add_time(Table *t, uint64_t nsec); /* microseconds for programs */

/* Amount per second between two readings of a counter; UINT64_MAX where one is unknown, and 0 where it began anew. */
uint64_t usage_rate(uint64_t before, uint64_t after, uint64_t usec);

/* The text of a label in OpenMetrics: backslash, quote and newline escaped. Owned. */
char *metrics_label(const char *s);
