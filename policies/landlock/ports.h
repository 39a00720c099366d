/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SocketBindDeny=, SocketBindAllow= and a RestrictAddressFamilies= without the internet, as rules about TCP ports. */

#include "policies/compile.h"

/* Adds to handled_net and ports of set->landlock, whose abi is set. */
int landlock_ports_compile(const ContainerSpec *spec, PolicySet *set);
