/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A netlink socket of rtnetlink(7) or nfnetlink, in this network namespace or another. Calls wait for the kernel's own
 * answer, which is there when send() returns; what the kernel says in words (NETLINK_EXT_ACK) is handed on. */

#include "manager/base/diag.h"
#include "manager/netlink/netlink-message.h"

typedef struct Netlink Netlink;

int netlink_open(int protocol, Netlink **ret); /* NETLINK_ROUTE, NETLINK_NETFILTER */
/* In the network namespace of that descriptor: the socket stays there, this thread does not. -EPERM: not ours to enter. */
int netlink_open_in(int namespace_fd, int protocol, Netlink **ret);
/* A socket that was made before and kept elsewhere; takes fd. */
int netlink_take(int fd, Netlink **ret);
Netlink *netlink_free(Netlink *n);
DEFINE_CLEANUP(Netlink, netlink_free)
int netlink_fd(const Netlink *n); /* borrowed */

typedef struct NetlinkError {
        size_t index;     /* which message of a batch, from 0 */
        char words[128];  /* the kernel's own; "" = it said none */
} NetlinkError;

/* Sends all messages of m, each acknowledged; the first that the kernel refuses is the answer, negative errno, and reterr says
 * which and why (may be NULL). */
int netlink_call(Netlink *n, NetlinkMessage *m, NetlinkError *reterr);
/* A batch of nfnetlink, from its first message to its last (nft.h): all of it or nothing. */
int netlink_call_batch(Netlink *n, NetlinkMessage *m, NetlinkError *reterr);
/* Sends one request with NLM_F_DUMP, or one that is answered by messages, and hands each to each(): negative ends it. A dump
 * that was changed under way is asked for again, three times: -EINTR. */
int netlink_dump(Netlink *n, NetlinkMessage *m, int (*each)(const struct nlmsghdr *m, void *userdata), void *userdata);
/* Joins a multicast group; then netlink_receive() has what is told. */
int netlink_subscribe(Netlink *n, unsigned group);
/* What is there now, never waiting; -EAGAIN: nothing; -ENOBUFS: something was lost. */
int netlink_receive(Netlink *n, int (*each)(const struct nlmsghdr *m, void *userdata), void *userdata);
