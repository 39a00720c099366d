/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* AppArmor in the running kernel. */

#include "policies/load.h"

extern const PolicyLoader policy_loader_apparmor;
