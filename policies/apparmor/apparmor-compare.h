/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The AppArmor profiles of two units side by side. */

#include "policies/compare.h"

int apparmor_compare(const PolicySet *before, const PolicySet *after, PolicyChanges *changes);
