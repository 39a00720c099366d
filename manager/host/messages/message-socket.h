/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A datagram socket that the manager binds and a container finds mounted: under the runtime directory, which is root's alone,
 * it has a name for the launch; in the container it is a mount, and has no other. */

#include "manager/container/manager.h"

/* Named as the container, below the directory. With SELinux it is the container's own in name as well, since nothing of the
 * host is open to its domain. credentials: of each sender. */
int message_socket_new(const Container *c, int directory, bool credentials, int *ret);
/* A tree for a plan. Every process of the container may write to the socket. */
int message_socket_mount(int directory, const char *name, int *ret);
/* Takes the names away that nothing uses. */
void message_sockets_sweep(Manager *m, int directory, bool (*is_used)(Manager *m, const char *name));
