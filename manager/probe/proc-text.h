/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Texts of procfs as both sides show them: the probe of itself, the manager of the payload. Pure, no allocation. */

#include <stddef.h>

/* Folds every run of blanks and line ends into one blank, cuts at a NUL, trims. In place. */
void proc_fold(char *text);
/* The value of "NAME:" in the text of /proc/PID/status, folded, into value; false where there is no such line. */
_Bool proc_field(const char *status, const char *name, char *value, size_t size);
