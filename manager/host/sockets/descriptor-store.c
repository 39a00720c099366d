/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <utlist.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"
#include "manager/host/sockets/descriptor-kind.h"
#include "manager/record/kept-set.h"

#define DEFAULT_NAME "stored"
#define FLAG_NO_POLL UINT64_C(1) /* FDPOLL=0 */

struct Stored {
        Stored *prev, *next;
        Container *container;
        char *name;
        int fd;
        bool no_poll;
        sd_event_source *source;
};

uint32_t container_n_stored(const Container *c) {
        return (uint32_t)c->store.n;
}

/* Where the file of fd stands in the order, or would stand: a handful of questions to the kernel, however many there are. */
static size_t store_position(const DescriptorStore *d, int fd, bool *ret_found) {
        size_t low = 0, high = d->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = descriptor_compare(d->order[middle]->fd, fd);

                if (order == 0) {
                        *ret_found = true;
                        return middle;
                }
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        *ret_found = false;
        return low;
}

/* By its address: no question to the kernel. */
static void store_take_out(DescriptorStore *d, const Stored *s) {
        size_t i = 0;

        while (i < d->n && d->order[i] != s)
                i++;
        if (i < d->n)
                memmove(d->order + i, d->order + i + 1, (d->n - i - 1) * sizeof(*d->order));
}

/* Without its descriptor, which is the caller's now. */
static int stored_free(Container *c, Stored *s) {
        int fd = s->fd;

        store_take_out(&c->store, s);
        DL_DELETE(c->store.first, s);
        c->store.n--;
        s->source = sd_event_source_disable_unref(s->source);
        free(s->name);
        free(s);
        return fd;
}

/* --- to the keeper */

/* What is given up is closed once the keeper has closed its own: that close is not the last, and takes no time. */
struct Parting {
        Parting *prev, *next;
        Manager *manager;
        char name[KEEPER_ID_MAX];
        size_t n;
        int fds[KEEPER_STORE_MAX];
};

static void on_sent(int error, void *userdata) {
        Parting *p = userdata;
        Container *c = manager_find(p->manager, p->name);
        CloseApart *other = NULL;

        close_apart(c ? &c->store.closing : &other, p->fds, p->n);
        (void)close_apart_unref(other);
        if (error < 0 && error != -ECONNRESET) /* a keeper that is lost gets everything once more */
                log_message(&p->manager->config.log, LOG_ERR, "%s: the keeper cannot keep what it stores: %s", p->name,
                            strerror(-error));
        DL_DELETE(p->manager->partings, p);
        free(p);
}

void descriptor_partings_free(Manager *m) {
        Parting *p, *next;

        DL_FOREACH_SAFE(m->partings, p, next)
                free(p);
        m->partings = NULL;
}

static int send_store(Container *c, Parting *p) {
        _cleanup_(kept_set_done) KeptSet set = {};
        int fds[1 + KEEPER_STORE_MAX], r = 0;
        const Stored *s;

        DL_FOREACH(c->store.first, s) {
                fds[1 + set.n] = s->fd;
                r = kept_set_add(&set, s->name, s->no_poll ? FLAG_NO_POLL : 0);
                if (r < 0)
                        return r;
        }
        return container_send_kept(c, KEPT_STORED, &set, fds, on_sent, p);
}

/* parting: descriptors that are in the store no more, taken. */
static void store_send(Container *c, const int *parting, size_t n) {
        Parting *p = calloc(1, sizeof(*p));
        int r;

        if (p) {
                p->manager = c->manager;
                memcpy(p->name, c->name, MIN_OF(strlen(c->name), sizeof(p->name) - 1));
                p->n = n;
                if (n > 0)
                        memcpy(p->fds, parting, n * sizeof(int));
        }
        r = p ? send_store(c, p) : -ENOMEM;
        if (r >= 0) {
                DL_APPEND(c->manager->partings, p);
                return;
        }
        if (r != -ENOTCONN)
                log_message(&c->manager->config.log, LOG_ERR, "%s: the keeper cannot be told what it stores: %s", c->name,
                            strerror(-r));
        close_apart(&c->store.closing, parting, n);
        free(p);
}

void descriptor_store_send(Container *c) {
        store_send(c, NULL, 0);
}

/* --- what hangs up goes, as in systemd */

static int on_hangup(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Stored *s = userdata;
        Container *c = s->container;
        int gone;

        if (!(revents & (EPOLLHUP | EPOLLERR)))
                return 0;
        gone = stored_free(c, s);
        store_send(c, &gone, 1);
        container_notify(c);
        return 0;
}

static int stored_watch(Stored *s) {
        int r;

        if (s->no_poll)
                return 0;
        r = sd_event_add_io(s->container->manager->event, &s->source, s->fd, 0, on_hangup, s);
        return r < 0 && r != -EPERM ? r : 0; /* EPERM: it cannot be polled, e.g. a memfd */
}

/* Takes fd on success; at is its place in the order. */
static int stored_add(Container *c, const char *name, int fd, bool no_poll, size_t at) {
        Stored *s;
        int r;

        if (c->store.n >= KEEPER_STORE_MAX)
                return -ENOBUFS;
        if (!c->store.order)
                c->store.order = calloc(KEEPER_STORE_MAX, sizeof(*c->store.order));
        if (!c->store.order)
                return -ENOMEM;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (Stored){ .container = c, .name = strdup(name), .fd = fd, .no_poll = no_poll };
        r = s->name ? stored_watch(s) : -ENOMEM;
        if (r < 0) {
                free(s->name);
                free(s);
                return r;
        }
        DL_APPEND(c->store.first, s);
        memmove(c->store.order + at + 1, c->store.order + at, (c->store.n - at) * sizeof(*c->store.order));
        c->store.order[at] = s;
        c->store.n++;
        return 0;
}

/* --- messages */

static const char *store_refuse(const Container *c) {
        if (!c->spec || c->spec->file_descriptor_store_max == 0)
                return "FileDescriptorStoreMax= allows none";
        return c->store.n >= c->spec->file_descriptor_store_max ? "FileDescriptorStoreMax= has been reached" : NULL;
}

/* Why it is not kept; NULL = it is, or was already: heard twice, or sent twice. */
static const char *store_one(Container *c, const char *name, bool no_poll, int *fd) {
        const char *why;
        bool found;
        size_t at;

        at = store_position(&c->store, *fd, &found);
        if (found)
                return NULL;
        why = descriptor_refuse(*fd);
        if (why)
                return why;
        if (stored_add(c, name, *fd, no_poll, at) < 0)
                return "there is no memory, or nothing free to watch it with";
        *fd = -EBADF;
        return NULL;
}

/* Each descriptor costs system calls, so the limits come first: a store that is full looks at none, and of one message no
 * more than it could hold are looked at, whatever they are. */
bool descriptor_store_add(Container *c, const char *name, bool no_poll, int *fds, size_t n, const char **ret_why) {
        size_t before = c->store.n;
        bool moved;

        for (size_t i = 0; i < n; i++) {
                const char *why = store_refuse(c);

                if (!why && i >= c->spec->file_descriptor_store_max)
                        why = "one message has more than FileDescriptorStoreMax= allows";
                if (why) {
                        *ret_why = why;
                        break;
                }
                why = fds[i] < 0 ? NULL : store_one(c, isempty(name) ? DEFAULT_NAME : name, no_poll, &fds[i]);
                if (why)
                        *ret_why = why;
        }
        moved = c->store.n != before;
        if (moved)
                store_send(c, NULL, 0);
        return moved;
}

/* All of the name; NULL = all. */
bool descriptor_store_remove(Container *c, const char *name) {
        int parting[KEEPER_STORE_MAX];
        Stored *s, *next;
        size_t n = 0;

        DL_FOREACH_SAFE(c->store.first, s, next)
                if (!name || streq(s->name, name))
                        parting[n++] = stored_free(c, s);
        if (n > 0)
                store_send(c, parting, n);
        return n > 0;
}

/* --- a new life */

int descriptor_store_names(const Container *c, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        const Stored *s;
        int r = 0;

        DL_FOREACH(c->store.first, s)
                if (r >= 0)
                        r = strv_extend(&l, s->name);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

int descriptor_store_dup(const Container *c, size_t index, int *ret) {
        const Stored *s = c->store.first;

        while (s && index > 0) {
                s = s->next;
                index--;
        }
        if (!s)
                return -ENOENT;
        *ret = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
        return *ret < 0 ? -errno : 0;
}

/* --- when it ends */

static StorePreserve preserve(const Container *c) {
        const ContainerSpec *spec = c->spec ? c->spec : c->loaded;

        return spec ? spec->file_descriptor_store_preserve : STORE_PRESERVE_NO;
}

static bool release(Container *c) {
        return descriptor_store_remove(c, NULL);
}

void descriptor_store_life_over(Container *c) {
        if (preserve(c) == STORE_PRESERVE_NO)
                (void)release(c);
}

void descriptor_store_settle(Container *c) {
        if (c->store.n > 0 && container_is_dead(c) && !c->job && preserve(c) != STORE_PRESERVE_YES && release(c))
                container_notify(c);
}

void descriptor_store_forget(Container *c) {
        (void)release(c);
}

void descriptor_store_done(Container *c) {
        while (c->store.first)
                (void)stored_free(c, c->store.first); /* the process ends, and then the kernel waits for no close */
        c->store.order = (free(c->store.order), NULL);
        c->store.closing = close_apart_unref(c->store.closing);
}

/* --- a manager that comes back */

static int take_set(Container *c, const void *data, size_t size, int *fds, size_t n_fds) {
        _cleanup_(kept_set_done) KeptSet set = {};
        int r;

        r = kept_set_decode(data, size, &set);
        if (r < 0)
                return r;
        if (set.n != n_fds)
                return -EBADMSG;
        for (size_t i = 0; i < n_fds && r >= 0; i++) {
                bool found;
                size_t at = store_position(&c->store, fds[i], &found);

                r = stored_add(c, set.items[i].name, fds[i], set.items[i].flags & FLAG_NO_POLL, at);
                if (r >= 0)
                        fds[i] = -EBADF;
        }
        return r;
}

/* Who knows it already, having lived on while the connection was lost, tells the keeper instead (manager_adopt()). */
void descriptor_store_take(Container *c, const void *data, size_t size, int *fds, size_t n_fds) {
        int r;

        if (c->store.n > 0)
                return;
        r = take_set(c, data, size, fds, n_fds);
        if (r < 0)
                log_message(&c->manager->config.log, LOG_ERR, "%s: what it has stored is lost: %s", c->name, strerror(-r));
}
