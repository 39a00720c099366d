/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keeper's protocol: the input is a stream of messages, each with a plan of its own. Nothing is ever cloned,
 * since the cgroup descriptor is none; everything before that is the real code. */
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "manager/base/io.h"
#include "manager/keeper/keeper.h"
#include "manager/stage/stage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What main.c has for the loop. */
int keeper_watch(Keeper *k, int fd, void *what) {
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = what };

        return epoll_ctl(k->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

int keeper_unwatch(Keeper *k, int fd) {
        return safe_close(fd);
}

static void one_message(Keeper *k, int client, KeeperMessage *m, const uint8_t *plan, size_t plan_size) {
        KeeperMessage answer;
        int fds[SOCKET_MAX_FDS], plan_fd = -EBADF, null = open("/dev/null", O_RDWR | O_CLOEXEC);
        size_t n = 0, size, n_fds;

        if (memfd_sealed("plan", plan, plan_size, &plan_fd) < 0 || null < 0)
                abort();
        fds[n++] = plan_fd;
        /* As many as the message asks for, within what a message can carry. */
        while (n < MIN_OF(3 + (size_t)m->n_slots % 8 + m->n_held % 16, ELEMENTSOF(fds)))
                fds[n++] = null;
        if (socket_send(client, m, sizeof(*m), fds, n) < 0)
                abort();
        connection_ready(k, &k->connections[0]);
        while (socket_receive(client, &answer, sizeof(answer), &size, fds, ELEMENTSOF(fds), &n_fds) >= 0 && size > 0)
                for (size_t i = 0; i < n_fds; i++)
                        (void)close(fds[i]);
        (void)close(plan_fd);
        (void)close(null);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Keeper k = { .listen_fd = -EBADF, .signal_fd = -EBADF, .proc_fd = -EBADF };
        int pair[2];

        k.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        for (size_t i = 0; i < KEEPER_MAX_CONNECTIONS; i++)
                k.connections[i].fd = -EBADF;
        if (k.epoll_fd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
                abort();
        k.connections[0].fd = pair[0];
        if (keeper_watch(&k, pair[0], &k.connections[0]) < 0)
                abort();

        while (size > 0 && k.connections[0].fd >= 0) {
                KeeperMessage m = { .magic = KEEPER_MAGIC, .version = KEEPER_VERSION };
                const size_t head = offsetof(KeeperMessage, type);
                size_t n = MIN_OF(size, sizeof(m) - head);

                memcpy((char *)&m + head, data, n);
                data += n;
                size -= n;
                m.type %= _KEEPER_TYPE_MAX + 1;
                one_message(&k, pair[1], &m, data, MIN_OF(size, 4096U));
        }
        while (k.first)
                record_free(&k, k.first);
        store_done(&k.store);
        if (k.connections[0].fd >= 0)
                connection_close(&k, &k.connections[0]);
        (void)close(pair[1]);
        (void)close(k.epoll_fd);
        return 0;
}
