/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The end of reading a unit: spec_resolve(), and where it refuses, whatever the policy compilers would refuse too,
 * so that all mistakes of a unit come out together. */

#include "policies/compile.h"
#include "units/resolve/resolve.h"

/* Consumes the draft, also one with mistakes, which always fails. Gathers what it names on the host. */
int unit_freeze(ContainerSpec *draft, const HostFacts *host, Diag *diag, const ContainerSpec **ret);
/* The same over given facts. */
int unit_freeze_over(ContainerSpec *draft, const HostFacts *host, const UnitFacts *facts, Diag *diag,
                     const ContainerSpec **ret);
