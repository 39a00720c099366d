/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Ports of the host that are a container's as long as it has a network: bound by sockets that the keeper holds and nobody listens on, so
 * that no program of the host's takes what it would never hear of. */

#include "manager/base/diag.h"
#include "manager/netlink/netlink-message.h"

typedef struct Manager Manager;
typedef struct Container Container;

#define PORTS_HELD_MAX 64 /* of one container; those beyond are looked at when it starts, and not held */

int ports_check(const Container *c, Diag *diag); /* has somebody else one of them? */
int ports_reserve(Container *c, Diag *diag);
void ports_release(Container *c);
void ports_put(const Container *c, NetlinkMessage *m); /* as elements of our table */
void ports_take(const Container *c, NetlinkMessage *m);
void ports_settle(Manager *m); /* all is adopted, or the keeper is another one */
