/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A payload whose streams or terminal are ours: copied until it has ended and its output too, signals passed on. Whoever
 * learns of the end sets ended, code and status from a reply or signal of the bus. */

#include "tools/bulwarkctl/flow.h"
#include "tools/bulwarkctl/terminal.h"
#include "tools/bulwarkctl/verbs.h"

typedef struct Session {
        Context *context;
        const char *name;
        uint32_t id;
        bool terminal;
        Terminal tty;
        int signals;
        /* Kept until the process has ended: a program that closes its output before it exits would else see
         * the terminal hung up, and die of SIGHUP. */
        int master;
        Flow *flows; /* stdin, stdout, stderr */
        size_t n_flows;
        EscapeWatch escape;
        bool ended, quiet;
        int code, status; /* of the payload: CLD_..., and its number */
        int (*forward)(struct Session *s, int number); /* a signal that we got, to the payload */
} Session;

#define SESSION_EMPTY(c, n, t) ((Session){ .context = (c), .name = (n), .terminal = (t), .signals = -EBADF, .master = -EBADF, .tty.fd = -EBADF })

/* Takes copies of the other ends: a terminal's master, or input, output and errors. */
int session_take(Session *s, const int *theirs, size_t n);
/* Answers what the bus has; negative errno. */
int session_dispatch(Session *s);
/* Copies to the end. */
int session_run(Session *s);
void session_done(Session *s);
/* The exit status of ours that the payload's end comes to. */
int session_result(const Session *s);
