/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Times, spans and amounts as people read them. All return an owned text, NULL on lack of memory. */

#include "manager/base/util.h"

uint64_t now_realtime(void); /* microseconds */

char *timestamp_to_text(uint64_t usec);         /* "Thu 2024-11-23 08:00:00 UTC"; "n/a" for 0 and infinity */
char *ago_to_text(uint64_t usec, uint64_t now); /* "5min 2s ago", "3 days ago", "in 4s", "just now" */
char *span_to_text(uint64_t usec,
                   unsigned parts); /* the `parts` largest units: "1min 30.250s", "250ms", "infinity" */
char *size_to_text(uint64_t bytes);             /* "1.5M" */
char *log_time_to_text(uint64_t usec);          /* "Nov 23 08:00:00" */
