/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One socket of a unit on the host, as systemd.socket(5) makes it. */

#include "manager/base/diag.h"
#include "units/spec/container-spec.h"

/* Bound, listening where it is to, close-on-exec, in the manager's network namespace. What lies at a path and nobody answers
 * from is taken away; where somebody does, -EADDRINUSE with words. */
int socket_bind(const ContainerSpec *spec, const SpecSocket *s, Diag *diag, int *ret);
