/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The capability backend: which of root's powers the payload holds, and which it can never regain. */

#include "policies/compile.h"

extern const PolicyBackend policy_backend_caps;

/* What a container has where its unit says nothing. */
uint64_t capabilities_default(void);
/* What Boot=yes adds in a user namespace of its own. */
uint64_t capabilities_boot(void);
/* The bounding set that the unit comes to; 0 where its directives contradict each other. */
uint64_t capabilities_bounding(const ContainerSpec *spec);
