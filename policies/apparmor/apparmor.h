/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The AppArmor backend: the profile that a unit is generated, and which one its payload enters. Each rule stands in a line
 * of its own, so that what apparmor_parser(8) says of a line is said of a rule and of the unit's line behind it. */

#include "policies/compile.h"

extern const PolicyBackend policy_backend_apparmor;

/* The rule that stands in a line of the text, counted from 1; NULL where none does. */
const PolicyRule *apparmor_rule_at(const AppArmorPolicy *p, unsigned line);
