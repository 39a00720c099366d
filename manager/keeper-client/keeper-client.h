/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The manager's end of the keeper's protocol (manager/keeper/protocol.h). Owned by the Manager. Requests are
 * answered in order through their callback; events come through the client's. The connection may be lost at
 * any time: every request that waits is answered with -ECONNRESET, then lost() is called once. */

#include <systemd/sd-event.h>

#include "manager/base/diag.h"
#include "manager/keeper/protocol.h"

typedef struct KeeperClient KeeperClient;

typedef struct KeeperCallbacks {
        /* Takes what it wants of fds by setting it to -EBADF; the rest is closed afterwards. */
        void (*event)(const KeeperMessage *m, int *fds, size_t n_fds, void *userdata);
        void (*lost)(void *userdata);
} KeeperCallbacks;

int keeper_client_new(sd_event *event, const char *socket_path, const KeeperCallbacks *callbacks,
                      void *userdata, KeeperClient **ret);
KeeperClient *keeper_client_free(KeeperClient *k);
DEFINE_CLEANUP(KeeperClient, keeper_client_free)

/* Connects and says HELLO, waiting for the answer. -ENOENT, -ECONNREFUSED: nobody listens. One that is of another version
 * is connected, too, but understands nothing but an offer. */
int keeper_client_connect(KeeperClient *k);
bool keeper_client_understands(const KeeperClient *k);
const char *keeper_client_release(const KeeperClient *k); /* of the program that the keeper is; borrowed */
/* Has the keeper become the program of that path, and waits until it has. -EALREADY: it runs the same bytes. -ENOEXEC: the
 * program is no keeper, or does not understand what it would take over. -ECONNRESET: the keeper is lost. After all others
 * it goes on as it was. */
int keeper_client_offer(KeeperClient *k, const char *program);
bool keeper_client_connected(const KeeperClient *k);
pid_t keeper_client_pid(const KeeperClient *k); /* the keeper's, 0 = not connected */

typedef void (*KeeperReply)(int error, void *userdata);
/* Sends one request; magic, version and cookie are filled in here. reply may be NULL. Descriptors stay the
 * caller's. -ENOTCONN. */
int keeper_client_request(KeeperClient *k, KeeperMessage *m, const int *fds, size_t n_fds, KeeperReply reply,
                          void *userdata);
/* One request, waiting for its reply; events that come before are delivered. */
int keeper_client_call(KeeperClient *k, KeeperMessage *m);

void keeper_message_init(KeeperMessage *m, KeeperType type, const char *id);

/* Starts the keeper's program, which listens on socket_path by itself: own session, empty environment,
 * cgroup as given. It survives us. Returns its pid. */
int keeper_start(const char *program, const char *socket_path, int cgroup_fd, Diag *diag, pid_t *ret_pid);
