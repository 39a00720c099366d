/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Our nftables, which the kernel lets nobody change but the socket that made them. The keeper holds that socket as well, so that they
 * outlive this manager; where they are lost with it, who finds that out makes them anew from what lives. They are there as long as a
 * container has a network. */

#include "manager/base/diag.h"
#include "manager/netlink/netlink.h"
#include "manager/netlink/nft.h"

typedef struct Manager Manager;
typedef struct Container Container;
#define TABLE_NAME "bulwark"
typedef struct PacketTable PacketTable; /* the manager's; NULL until a container needs it */

PacketTable *packet_table_free(PacketTable *t);

/* May they be made, before anything is? words, of that size, say why not. -EEXIST: they are somebody else's; -EOPNOTSUPP. */
int packet_table_check(const Manager *m, char *words, size_t size);
int packet_table_open(Manager *m, NetlinkError *reterr); /* they are there, and ours */
void packet_table_release(Manager *m);                   /* they go, if no container needs them */
int packet_table_send(const Manager *m, NetlinkMessage *batch, NetlinkError *reterr); /* empties the batch */
/* Sends what fill() puts into a batch, all or nothing. */
typedef void (*PacketFill)(const Container *c, NetlinkMessage *m);
int packet_table_change(const Container *c, PacketFill fill, NetlinkError *reterr);

void packet_table_take(Manager *m, int fd); /* what the keeper held; takes fd */
void packet_table_settle(Manager *m);       /* all is adopted, or the keeper is another one */
