/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What SELinux gets of two units side by side. */

#include "policies/compare.h"

int selinux_compare(const PolicySet *before, const PolicySet *after, PolicyChanges *changes);
