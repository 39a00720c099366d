/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "manager/keeper/keeper.h"
#include "manager/keeper/store.h"

static void set_free(StoredSet *s) {
        (void)safe_close(s->blob_fd);
        for (size_t i = 0; i < s->n_fds; i++)
                (void)safe_close(s->fds[i]);
        keeper_delete(s, sizeof(*s));
}

static int set_new(Store *store, const char *id, int32_t number, int *fds, size_t n_fds, StoredSet **ret) {
        StoredSet *s = keeper_new(sizeof(*s));

        if (!s)
                return -ENOMEM;
        (void)snprintf(s->id, sizeof(s->id), "%s", id);
        s->number = number;
        s->sequence = ++store->last_sequence;
        s->blob_fd = keeper_hold(TAKE_FD(fds[0]));
        for (size_t i = 1; i < n_fds; i++)
                s->fds[s->n_fds++] = keeper_hold(TAKE_FD(fds[i]));
        *ret = s;
        return 0;
}

/* The new set goes to the end, so that a list under way meets it, too. */
int store_put(Store *store, const char *id, int32_t number, int *fds, size_t n_fds) {
        StoredSet **at = &store->first, **end, *old, *s = NULL;
        int r;

        if (id[0] == 0 || n_fds > KEEPER_STORE_MAX + 1)
                return -EBADMSG;
        while (*at && ((*at)->number != number || !streq((*at)->id, id)))
                at = &(*at)->next;
        old = *at;
        if (n_fds > 0) {
                if (!old && store->n >= KEEPER_STORES_MAX)
                        return -ENOSPC;
                r = set_new(store, id, number, fds, n_fds, &s);
                if (r < 0)
                        return r;
        }
        if (old) {
                *at = old->next;
                store->n--;
                set_free(old);
        }
        if (!s)
                return 0;
        for (end = at; *end;)
                end = &(*end)->next;
        *end = s;
        store->n++;
        return 0;
}

const StoredSet *store_from(const Store *store, uint64_t from) {
        for (const StoredSet *s = store->first; s; s = s->next)
                if (s->sequence >= from)
                        return s;
        return NULL;
}

void store_done(Store *store) {
        while (store->first) {
                StoredSet *s = store->first;

                store->first = s->next;
                set_free(s);
        }
        *store = (Store){};
}
