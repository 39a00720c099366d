/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The SELinux backend: the domain and the labels of a unit, and what it needs beyond the base module. */

#include "policies/compile.h"

extern const PolicyBackend policy_backend_selinux;
