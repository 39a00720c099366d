/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the part tell each other of a container's network. */

#include "manager/container/container-internal.h"
#include "manager/netlink/netlink.h"

typedef struct NetworkNames {
        char port[IFNAMSIZ];
        char bridge[IFNAMSIZ]; /* "" = none */
} NetworkNames;

void network_names(const Container *c, const ContainerSpec *spec, NetworkNames *ret);
const char *network_seed(const Manager *m);
/* Beside the kernel's errno stand its own words. */
int network_report(const ContainerSpec *spec, int r, const NetlinkError *e, Diag *diag, const char *what, const char *subject);

/* --- part-packets.c: what a container's life puts into our tables, and takes out of them */
void network_put_rules(const Container *c, NetlinkMessage *m); /* all of it, for one that lives; m is within a batch */
int packets_check(const Container *c, Diag *diag);
int packets_prepare(Container *c, Diag *diag);
int packets_bridge_made(const Container *c, const char *name, NetlinkError *reterr);
int packets_link_made(const Container *c, NetlinkError *reterr); /* its port is there, and down */
void packets_undo(Container *c);                                  /* network.held is false already */
