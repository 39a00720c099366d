/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The manager as bus objects (manager/bus/names.h). A Bus listens to its Manager and speaks on any number of
 * connections; each connection is one structure that owns its delayed replies, and all of it goes with it.
 * Order at the end: bus_close(), manager_free(), bus_free(): the manager may still call back in between. */

#include "manager/container/manager.h"

typedef struct Bus Bus;

/* Borrows the manager and the event loop. */
int bus_new(Manager *manager, sd_event *event, Diag *diag, Bus **ret);
/* Serves RUNTIME/private, mode 0600, for root and the manager's own user. The caller holds the lock of the runtime
 * directory: a socket left there by a dead manager is replaced. */
int bus_listen_private(Bus *b, Diag *diag);
/* The same with the listening socket of the manager that we were, which is taken. */
int bus_listen_inherited(Bus *b, int fd, Diag *diag);
int bus_listening_socket(const Bus *b); /* the socket that listens, borrowed; negative = none */
/* What could be found out about the name on the system bus is known: it is ours, or refused, or there is no bus, or it does
 * not answer. Called once, perhaps from within bus_join_system(). */
typedef void (*BusSettled)(void *userdata);
/* Owns org.bulwark1 on the system bus wherever one is, and whenever it comes or comes back; until then the manager does
 * without. DBUS_SYSTEM_BUS_ADDRESS names another bus. Never blocks, never fails the manager: what goes wrong is logged. */
void bus_join_system(Bus *b, BusSettled settled, void *userdata);
/* Whether systemd is restarting the keeper's service, as `systemctl restart bulwark-keeper` does after us. Asks and waits, at
 * most a second: for a manager that ends. */
bool bus_keeper_restarts(Bus *b);
/* No connection, no listener, no socket from here on; sessions of clients are abandoned. */
void bus_close(Bus *b);
Bus *bus_free(Bus *b);
DEFINE_CLEANUP(Bus, bus_free)

#define BUS_MAX_CONNECTIONS 256 /* one more is closed at once */
#define BUS_MAX_DELAYED 1024    /* delayed replies and sessions of one client, if it is root */
#define BUS_MAX_USER_DELAYED 64 /* of all clients of another user together */
#define BUS_MAX_USER_SESSIONS 16
#define BUS_MAX_CALLERS 256     /* clients of the system bus to whom something is owed; it allows 512 matches */
#define EXEC_MAX_WORDS 4096     /* of argv, and of the environment */
#define EXEC_MAX_BYTES (256 << 10)
