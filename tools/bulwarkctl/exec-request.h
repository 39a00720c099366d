/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* ExecContainer's arguments, from the command line and the terminal that we are on. */

#include "tools/bulwarkctl/client.h"
#include "tools/bulwarkctl/options.h"

typedef struct ExecRequest {
        const char *name, *user; /* user NULL = the unit's */
        char *const *argv;
        size_t n_argv;
        bool shell, terminal, health, detach;
} ExecRequest;

/* Runs it to its end, between our streams and the command's; the exit status of the program. */
int exec_run(Context *c, const ExecRequest *q);

/* Answers once the command runs; the reply holds the session and its descriptors. */
int exec_request_send(Client *c, const Options *o, const ExecRequest *q, sd_bus_error *error,
                      sd_bus_message **ret);
