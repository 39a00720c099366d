/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Two filters side by side, by what each does with every system call: their programs may differ in every byte. */

#include "policies/compare.h"

int seccomp_compare(const PolicySet *before, const PolicySet *after, PolicyChanges *changes);
