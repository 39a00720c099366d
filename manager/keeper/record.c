/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "manager/base/io.h"
#include "manager/keeper/keeper.h"

void keeper_empty(Keeper *k) {
        *k = (Keeper){ .epoll_fd = -EBADF, .listen_fd = -EBADF, .signal_fd = -EBADF, .proc_fd = -EBADF,
                       .socket_directory_fd = -EBADF, .reserve_fd = -EBADF };
        for (size_t i = 0; i < KEEPER_MAX_CONNECTIONS; i++)
                k->connections[i].fd = -EBADF;
}

int keeper_hold(int fd) {
        int moved;

        if (fd < 0 || fd >= KEEPER_HELD_FIRST)
                return fd;
        moved = fcntl(fd, F_DUPFD_CLOEXEC, KEEPER_HELD_FIRST);
        if (moved < 0)
                return fd;
        (void)close(fd);
        return moved;
}

void *keeper_new(size_t size) {
        void *object = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (object == MAP_FAILED)
                return NULL;
        if (madvise(object, size, MADV_DONTFORK) >= 0)
                return object;
        (void)munmap(object, size);
        return NULL;
}

void keeper_delete(void *object, size_t size) {
        (void)munmap(object, size);
}

Record *record_new(Keeper *k, const char *id) {
        Record *r = keeper_new(sizeof(Record));

        if (!r)
                return NULL;
        (void)snprintf(r->id, sizeof(r->id), "%s", id);
        r->pidfd = r->page_fd = r->plan_fd = r->cgroup_fd = r->blob_fd = r->status_fd = -EBADF;
        for (size_t i = 0; i < KEEPER_MAX_HELD; i++)
                r->held[i] = -EBADF;
        r->sequence = ++k->last_sequence;
        r->previous = k->last;
        if (k->last)
                k->last->next = r;
        else
                k->first = r;
        k->last = r;
        return r;
}

void record_free(Keeper *k, Record *r) {
        if (r->previous)
                r->previous->next = r->next;
        else
                k->first = r->next;
        if (r->next)
                r->next->previous = r->previous;
        else
                k->last = r->previous;

        if (r->page)
                (void)munmap(r->page, 2 * launch_part_size());
        (void)safe_close(r->pidfd);
        (void)safe_close(r->page_fd);
        (void)safe_close(r->plan_fd);
        (void)safe_close(r->cgroup_fd);
        (void)safe_close(r->blob_fd);
        (void)keeper_unwatch(k, r->status_fd);
        for (size_t i = 0; i < r->n_held; i++)
                (void)safe_close(r->held[i]);
        keeper_delete(r, sizeof(*r));
}

Record *record_find(const Keeper *k, const char *id) {
        /* One that was abandoned only waits for its processes' end; its name is free for the next manager. */
        for (Record *r = k->first; r; r = r->next)
                if (!r->silent && streq(r->id, id))
                        return r;
        return NULL;
}

int record_open_pidfd(Record *r) {
        int error = r->inner_alive ? pidfd_open_checked(r->inner, &r->pidfd) : -ESRCH;

        if (error >= 0)
                r->pidfd = keeper_hold(r->pidfd);
        return error;
}

/* Only the kernel and outer can have written the number. It is killed and reaped by it, so that it must be a child of ours,
 * too, which is not reaped yet: no other process can have it then. */
void record_learn_inner(Record *r) {
        const pid_t pid = r->inner == 0 && r->page ? launch_own(r->page)->inner_pid : 0;
        siginfo_t si = {};

        if (pid <= 0 || waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) < 0)
                return;
        r->inner = pid;
        r->inner_alive = true;
}

void record_kill(Record *r) {
        record_learn_inner(r);
        /* Both are our unreaped children: their pids cannot mean anybody else. */
        if (r->outer_alive)
                (void)kill(r->outer, SIGKILL);
        if (r->inner_alive)
                (void)kill(r->inner, SIGKILL);
        if (!r->join && r->cgroup_fd >= 0) {
                _cleanup_close_ int fd = openat(r->cgroup_fd, "cgroup.kill", O_WRONLY | O_CLOEXEC);

                if (fd >= 0)
                        (void)write_all(fd, "1", 1);
        }
}

void record_describe(const Record *r, uint16_t type, KeeperMessage *ret) {
        *ret = (KeeperMessage){
                .type = type,
                .pid = r->inner,
                .payload_pid = r->payload_pid,
                .exit_code = r->exit_code,
                .exit_status = r->exit_status,
                .keeper_state = r->state,
                .n_held = r->n_held,
                .failure = r->failure,
                .started_realtime_usec = r->started_realtime,
                .exited_realtime_usec = r->exited_realtime,
                .started_monotonic_usec = r->started_monotonic,
                .exited_monotonic_usec = r->exited_monotonic,
        };
        memcpy(ret->id, r->id, sizeof(ret->id));
}
