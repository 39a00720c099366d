/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdatomic.h>
#include <sys/socket.h>

#include "manager/base/thread.h"
#include "manager/host/sockets/close-apart.h"

struct CloseApart {
        atomic_uint references, threads;
};

typedef struct Batch {
        CloseApart *owner;
        size_t n;
        int fds[];
} Batch;

CloseApart *close_apart_unref(CloseApart *a) {
        if (a && atomic_fetch_sub(&a->references, 1) == 1)
                free(a);
        return NULL;
}

bool close_apart_full(const CloseApart *a) {
        return a && atomic_load(&a->threads) >= CLOSE_APART_MAX;
}

static void *run(void *userdata) {
        Batch *b = userdata;

        for (size_t i = 0; i < b->n; i++)
                (void)close(b->fds[i]);
        atomic_fetch_sub(&b->owner->threads, 1);
        (void)close_apart_unref(b->owner);
        free(b);
        return NULL;
}

static Batch *batch_new(CloseApart **a, const int *fds, size_t n) {
        Batch *b = malloc(sizeof(*b) + n * sizeof(int));

        if (!b)
                return NULL;
        if (!*a) {
                *a = calloc(1, sizeof(**a));
                if (!*a) {
                        free(b);
                        return NULL;
                }
                (*a)->references = 1;
        }
        *b = (Batch){ .owner = *a };
        for (size_t i = 0; i < n; i++)
                if (fds[i] >= 0)
                        b->fds[b->n++] = fds[i];
        return b;
}

/* Where there is no thread to be had: nobody lingers, unless its other holder is very quick. */
static void close_here(const int *fds, size_t n) {
        const struct linger none = {};

        for (size_t i = 0; i < n; i++) {
                if (fds[i] < 0)
                        continue;
                (void)setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &none, sizeof(none));
                (void)close(fds[i]);
        }
}

void close_apart(CloseApart **a, const int *fds, size_t n) {
        Batch *b;
        bool any = false;

        for (size_t i = 0; i < n; i++)
                any |= fds[i] >= 0;
        if (!any)
                return;
        b = batch_new(a, fds, n);
        if (b) {
                atomic_fetch_add(&b->owner->references, 1);
                atomic_fetch_add(&b->owner->threads, 1);
                if (thread_detached(run, b) >= 0)
                        return;
                atomic_fetch_sub(&b->owner->threads, 1);
                (void)close_apart_unref(b->owner);
                free(b);
        }
        close_here(fds, n);
}
