/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "manager/order/condition.h"

/* Looks at the host for one question; a ConditionGather. Changes nothing and waits for nothing: files are only looked at,
 * and those of the kernel read. */
int condition_facts_gather(ConditionKind kind, const char *parameter, const HostFacts *host, ConditionFacts *ret);
