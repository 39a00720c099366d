/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SELinux in the running kernel. */

#include "policies/load.h"

extern const PolicyLoader policy_loader_selinux;
