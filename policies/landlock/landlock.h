/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The Landlock backend: what the unit makes read-only, no-exec or inaccessible, said once more. */

#include "policies/compile.h"

extern const PolicyBackend policy_backend_landlock;

/* Rights of files as people read them: the three that matter by one word each, a rest by its names. Owned. */
int landlock_rights_to_text(uint64_t rights, uint64_t handled, char **ret);
