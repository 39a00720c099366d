/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One inotify descriptor for the cgroup.events and memory.events of all containers: emptied, frozen, thawed; out of memory. */
#include <stdio.h>
#include <sys/inotify.h>

#include "manager/container/container-internal.h"

static Container *by_watch(Manager *m, int watch) {
        for (size_t i = 0; i < m->n_sorted; i++)
                if (m->sorted[i]->watch == watch || m->sorted[i]->oom_watch == watch)
                        return m->sorted[i];
        return NULL;
}

static void look_at(Container *c, int watch) {
        if (watch == c->watch)
                container_cgroup_changed(c);
        else
                container_oom_changed(c);
}

static void look_at_all(Manager *m) {
        for (size_t i = 0; i < m->n_sorted; i++)
                if (m->sorted[i]->watch >= 0) {
                        container_oom_changed(m->sorted[i]);
                        container_cgroup_changed(m->sorted[i]);
                }
}

static int on_inotify(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        _Alignas(struct inotify_event) char buffer[4096];
        Manager *m = userdata;
        ssize_t n = read(fd, buffer, sizeof(buffer));

        for (char *p = buffer; n > 0 && p < buffer + n;) {
                const struct inotify_event *e = (const struct inotify_event *)p;
                Container *c = e->wd >= 0 && !(e->mask & IN_IGNORED) ? by_watch(m, e->wd) : NULL;

                p += sizeof(*e) + e->len;
                if (e->mask & IN_Q_OVERFLOW)
                        look_at_all(m);
                else if (c)
                        look_at(c, e->wd);
        }
        return 0;
}

int cgroup_watch_open(Manager *m) {
        int r;

        m->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (m->inotify_fd < 0)
                return -errno;
        r = sd_event_add_io(m->event, &m->inotify_source, m->inotify_fd, EPOLLIN, on_inotify, m);
        return r < 0 ? r : 0;
}

static int add(const Container *c, const char *file) {
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", c->cgroup.fd, file);
        return inotify_add_watch(c->manager->inotify_fd, path, IN_MODIFY);
}

void cgroup_watch_add(Container *c) {
        c->watch = add(c, "cgroup.events");
        c->oom_watch = add(c, "memory.events"); /* where the host has the controller */
}

void cgroup_watch_remove(Container *c) {
        if (c->watch >= 0)
                (void)inotify_rm_watch(c->manager->inotify_fd, c->watch);
        if (c->oom_watch >= 0)
                (void)inotify_rm_watch(c->manager->inotify_fd, c->oom_watch);
        c->watch = c->oom_watch = -1;
}
