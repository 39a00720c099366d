/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* net.ipv4.conf.*.forwarding and net.ipv6.conf.*.force_forwarding, of interfaces of ours and of those by which packets come back. Which of
 * the host's we have switched on stands in RUNTIME/forwarding before it is done, so that whoever comes after us switches them off. */

#include "manager/container/container-internal.h"
#include "manager/netlink/netlink.h"

typedef struct Forwarding Forwarding; /* of a manager, as long as there are tables */

Forwarding *forwarding_free(Forwarding *f); /* nothing is switched */
/* Looks at all interfaces: at the begin, and whenever the host has one more or forwards by itself. Takes *f to be NULL at first. */
int forwarding_open(Manager *m, Forwarding **f, NetlinkError *reterr);
void forwarding_close(Manager *m, Forwarding **f);             /* as it was before us */
void forwarding_of_own(const Manager *m, const char *interface); /* of a container, or a zone */
