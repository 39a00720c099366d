/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What backends share: growing a list of rules. */

#include "policies/compile.h"

int policy_rules_add(PolicyRules *rules, const Origin *origin, const char *format, ...) _printf_(3, 4);
int policy_rules_take(PolicyRules *rules, const Origin *origin, char *text); /* takes text, also on failure */
void policy_rules_done(PolicyRules *rules);
