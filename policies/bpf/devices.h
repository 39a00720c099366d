/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The device filter as a backend; the program runs for each open and mknod of a device below the control group. */

#include "policies/compile.h"

extern const PolicyBackend policy_backend_devices;
