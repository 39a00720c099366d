/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A moment as a person writes it, in the words of systemd.time(7). */

#include "manager/base/util.h"

#define MOMENT_EXPECTED "a time such as \"2026-11-30 14:00\", 14:00, yesterday, \"1h ago\", 10min or @1700000000"

/* now: microseconds since 1970, which relative words count from. Dates without a zone are local. -EINVAL. */
int moment_parse(const char *text, uint64_t now, uint64_t *ret);
