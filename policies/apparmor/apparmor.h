/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The AppArmor backend: the profile that a unit is generated, and which one its payload enters. */

#include "policies/compile.h"

extern const PolicyBackend policy_backend_apparmor;
