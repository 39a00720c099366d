/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* AppArmorExtraRules=: what a unit says in AppArmor's own language. Each is one rule of the container's own profile: it
 * opens or closes single things, and can neither end the profile, nor begin another, nor leave it. */

#include "policies/compile.h"

int apparmor_extra_rules(const ContainerSpec *spec, Diag *diag, PolicyRules *rules);
