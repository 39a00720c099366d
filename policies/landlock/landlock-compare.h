/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The Landlock rulesets of two units side by side. */

#include "policies/compare.h"

int landlock_compare(const PolicySet *before, const PolicySet *after, PolicyChanges *changes);
