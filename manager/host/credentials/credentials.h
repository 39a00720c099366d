/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* LoadCredential=, SetCredential= and ImportCredential=: a small read-only file system of the unit's user, made anew for each
 * launch and mounted at PLAN_CREDENTIALS/NAME. No secret stands in a plan, in a record or in the keeper's state. */

#include "manager/base/held-path.h"
#include "units/spec/container-spec.h"

#define CREDENTIALS_MAX (1U << 20) /* bytes of all of a unit's, as systemd has it */

typedef struct CredentialsRequest {
        const ContainerSpec *spec;
        const PathTrees *trees;   /* what containers can write: nothing is read through a link of theirs */
        uint32_t uid, gid;        /* of the payload, as the host counts */
        const char *context;      /* SELinux label of the files; NULL = none */
        const char *inherited;    /* directory of the manager's own credentials, $CREDENTIALS_DIRECTORY; NULL = none */
} CredentialsRequest;

/* A detached mount of them. A credential that cannot be found refuses, unless SetCredential= has one of its name. */
int credentials_open(const CredentialsRequest *q, Diag *diag, int *ret_fd);
