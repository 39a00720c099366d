/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "units/spec/container-spec.h"

/* The order of several units that were given together: the manager refuses to start whoever stands in a circle of After=
 * and Before=. Each circle is told once, as an error. -EINVAL where there is one. */
int cycles_check(const ContainerSpec *const *specs, size_t n, Diag *diag);
