/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A copy from one descriptor to another that never blocks the caller's loop: it reads where it has room,
 * writes where poll() promised room. The descriptors' file flags are left alone, since they are shared with
 * whoever gave them. */

#include <poll.h>

#include "manager/base/util.h"

#define FLOW_BUFFER 65536

typedef struct Flow {
        int from, to;    /* -EBADF once done with */
        bool own_from, own_to; /* closed when done with; own_to is non-blocking */
        bool terminal;   /* EOF of `from` is told by a ^D, since a terminal has no end of its own */
        /* Sees what was read before it is written; true ends the whole session. */
        bool (*watch)(const char *data, size_t size, void *userdata);
        void *userdata;
        size_t start, end;
        bool stopped; /* watch() said so */
        char buffer[FLOW_BUFFER];
} Flow;

void flow_done(Flow *f);
/* Nothing left to read, nothing left to write. */
bool flow_finished(const Flow *f);
/* Fills in what to wait for: [0] from, [1] to; and handles what poll() found. */
void flow_prepare(const Flow *f, struct pollfd fds[static 2]);
int flow_process(Flow *f, const struct pollfd fds[static 2]);
