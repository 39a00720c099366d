/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Closing what came out of a container. The last close of a file may take as long as who made it likes: a TCP socket with
 * SO_LINGER waits in close() for its peer, up to 18 hours. So it is done by a thread of its own that does nothing else, and
 * of a container that lets several of them hang nothing is received until one has come back. */

#include "manager/base/util.h"

#define CLOSE_APART_MAX 8 /* threads of one container at once */

typedef struct CloseApart CloseApart; /* counted: each thread holds a reference */
CloseApart *close_apart_unref(CloseApart *a);

/* Takes all fds (negative ones are skipped); *a is made where it is needed, NULL is a new one. */
void close_apart(CloseApart **a, const int *fds, size_t n);
bool close_apart_full(const CloseApart *a); /* NULL = no */
