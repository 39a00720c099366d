/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The Landlock backend: what the unit makes read-only, no-exec or inaccessible, said once more. */

#include "policies/compile.h"

extern const PolicyBackend policy_backend_landlock;
