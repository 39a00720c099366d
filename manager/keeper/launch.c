/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "manager/base/io.h"
#include "manager/keeper/keeper.h"
#include "manager/stage/stage.h"

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#endif

#define BETWEEN_STACK 65536
#define STACK_LEFT (256 << 10) /* below the keeper's own frame: no call of it goes deeper */
#define REQUIRED_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)

uint64_t keeper_now(int clock) {
        struct timespec t;

        (void)clock_gettime(clock, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / NSEC_PER_USEC;
}

/* A plan that can still change after it was checked was not checked. */
static int plan_map(int fd, PlanView *ret) {
        struct stat st;
        void *data;
        int seals, r;

        seals = fcntl(fd, F_GET_SEALS);
        if (seals < 0 || (seals & REQUIRED_SEALS) != REQUIRED_SEALS)
                return -EPERM;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size < (off_t)sizeof(PlanHeader) || st.st_size > PLAN_MAX_SIZE)
                return -EBADMSG;
        data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
                return -errno;
        r = plan_check(data, (size_t)st.st_size, ret);
        if (r < 0)
                (void)munmap(data, (size_t)st.st_size);
        return r;
}

LaunchPage *launch_map(int fd) {
        void *page = mmap(NULL, 2 * launch_part_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        return page == MAP_FAILED ? NULL : page;
}

static int page_map(int *ret_fd, LaunchPage **ret) {
        _cleanup_close_ int fd = -EBADF;
        LaunchPage *page;

        fd = memfd_create("bulwark-launch", MFD_CLOEXEC);
        if (fd < 0 || ftruncate(fd, (off_t)(2 * launch_part_size())) < 0)
                return -errno;
        page = launch_map(fd);
        if (!page)
                return -errno;
        *ret_fd = keeper_hold(TAKE_FD(fd));
        *ret = page;
        for (size_t i = 0; i < PLAN_MAX_SLOTS; i++)
                (*ret)->slots[i] = -EBADF;
        (*ret)->mount_namespace = -EBADF;
        return 0;
}

/* Which descriptor goes into which slot; each must be one that the plan expects from the manager. */
static int slots_fill(const PlanView *p, LaunchPage *page, const KeeperMessage *m, const int *fds, size_t n_fds) {
        if (m->n_slots > KEEPER_MAX_SLOTS || m->n_slots > n_fds)
                return -EBADMSG;
        for (uint32_t i = 0; i < m->n_slots; i++) {
                int16_t slot = m->slots[i];

                if (slot < 0 || slot >= (int64_t)p->header->n_slots || p->slots[slot].kind == SLOT_MADE ||
                    page->slots[slot] >= 0)
                        return -EBADMSG;
                page->slots[slot] = fds[i];
        }
        for (uint32_t i = 0; i < p->header->n_slots; i++)
                if (p->slots[i].kind != SLOT_MADE && page->slots[i] < 0 &&
                    !(p->slots[i].flags & STEP_FLAG_OPTIONAL))
                        return -EBADMSG;
        return 0;
}

typedef struct Cloning {
        const Keeper *keeper;
        Stage stage;
        struct clone_args args;
        int error;
        pid_t pid;
} Cloning;

/* In outer's copy of the keeper's memory: what calls have left on the stack. A container that may look into its init, or
 * into a process that joins it, reads nothing of others there. Outer itself runs on a stack of its own. */
static int forget(const Keeper *k) {
        const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), here = (uintptr_t)k & ~(page - 1),
                        arguments = (uintptr_t)k->command_line & ~(page - 1);

        /* Where less than that was ever used the kernel skips the hole, and says so. */
        if (arguments > here && madvise((void *)(here - STACK_LEFT), arguments - here + STACK_LEFT, MADV_DONTNEED) < 0 &&
            errno != ENOMEM)
                return -errno;
        return 0;
}

/* Runs in the keeper's memory while the keeper waits, in the keeper's own cgroup. */
static int clone_between(void *userdata) {
        Cloning *c = userdata;
        long pid;

        if (syscall(SYS_close_range, KEEPER_HELD_FIRST, ~0U, CLOSE_RANGE_UNSHARE) < 0) {
                c->error = -errno;
                return 0;
        }
        pid = syscall(SYS_clone3, &c->args, sizeof(c->args));
        if (pid == 0) {
                Stage stage = c->stage; /* what c is part of goes */

                if (forget(c->keeper) < 0)
                        _exit(EXIT_FAILURE);
                stage_run_outer(&stage);
        }
        if (pid < 0)
                c->error = -errno;
        else
                c->pid = (pid_t)pid;
        return 0;
}

/* Copying, and closing again, the descriptors that are held for a thousand containers would cost each start more than
 * all the rest. So somebody in between takes the low end of the table only and clones outer from there, as the
 * keeper's child. Outer itself must not be the one: it runs in the container's cgroup, which may be frozen or out of
 * processor time, and the keeper would wait for it with the host's other containers behind.
 *
 * The cgroup must be fresh: since Linux 6.15 a clone into a cgroup whose cgroup.kill was ever written is killed on the
 * spot (the kernel compares its count of kills with that of the keeper's own cgroup). The manager makes a new
 * payload cgroup for every start. */
static int clone_outer(Keeper *k, Record *r, const PlanView *plan, int status_fd) {
        static char stack[BETWEEN_STACK] __attribute__((aligned(16)));
        _cleanup_close_ int cgroup_fd = fcntl(r->cgroup_fd, F_DUPFD_CLOEXEC, 3); /* within the low end */
        Cloning c = { .keeper = k,
                      .stage = { .plan = *plan,
                                 .page = r->page,
                                 .status_fd = status_fd,
                                 .proc_fd = k->proc_fd,
                                 .root_fd = -EBADF,
                                 .user_namespace_fd = -EBADF,
                                 .layers_fd = -EBADF,
                                 .command_line = k->command_line,
                                 .command_line_size = k->command_line_size },
                      /* With CLONE_PARENT the exit signal is that of who clones. */
                      .args = { .flags = CLONE_INTO_CGROUP | CLONE_PARENT, .cgroup = (uint64_t)cgroup_fd } };
        pid_t between;
        int error;

        if (cgroup_fd < 0)
                return -errno;
        if (!(plan->header->flags & PLAN_FLAG_JOIN))
                c.args.flags |= CLONE_NEWNS;
        between = clone(clone_between, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &c);
        if (between < 0)
                return -errno;
        while (waitpid(between, NULL, 0) < 0 && errno == EINTR)
                ;
        if (c.error < 0)
                return c.error;
        if (c.pid <= 0)
                return -ECHILD; /* it was killed before it came so far */
        r->outer = c.pid;
        r->outer_alive = true;
        /* No other launch has it in its memory. */
        if (madvise(r->page, 2 * launch_part_size(), MADV_DONTFORK) >= 0)
                return 0;
        error = -errno;
        (void)kill(r->outer, SIGKILL);
        return error;
}

static int launch_record(Keeper *k, Record *r, const KeeperMessage *m, const int *slot_fds, size_t n_slot_fds) {
        int pipe_fds[2] = { -EBADF, -EBADF }, error;
        PlanView plan;

        error = plan_map(r->plan_fd, &plan);
        if (error < 0)
                return error;
        if ((plan.header->flags & (PLAN_FLAG_JOIN | PLAN_FLAG_TRIAL) ? true : false) != r->join)
                error = -EBADMSG;
        r->init_role = plan.header->flags & PLAN_FLAG_INIT_ROLE;
        r->awaits_go = (plan.header->flags & PLAN_FLAG_AWAITS_GO) && !(plan.header->flags & PLAN_FLAG_JOIN);
        r->last_step = plan.header->n_steps - 1;
        r->stop_signal = plan.header->stop_signal;
        r->stop_timeout_usec = plan.header->stop_timeout_usec;
        if (error >= 0)
                error = page_map(&r->page_fd, &r->page);
        if (error >= 0)
                error = slots_fill(&plan, r->page, m, slot_fds, n_slot_fds);
        if (error >= 0 && pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0)
                error = -errno;
        if (error >= 0) {
                r->status_fd = keeper_hold(pipe_fds[0]);
                error = keeper_watch(k, r->status_fd, r);
        }
        if (!r->join)
                keeper_at(k, KEEPER_AT_SPAWN_TAKEN);
        if (error >= 0)
                error = clone_outer(k, r, &plan, pipe_fds[1]);
        keeper_at(k, r->join ? KEEPER_AT_JOIN_CLONED : KEEPER_AT_CLONED);
        (void)safe_close(pipe_fds[1]);
        (void)munmap((void *)plan.header, plan.header->size);
        return error;
}

int launch(Keeper *k, Connection *c, const KeeperMessage *m, int *fds, size_t n_fds) {
        const size_t fixed = m->type == KEEPER_SPAWN ? 3 : 2; /* plan, cgroup, and the blob of a container */
        size_t n_held = m->n_held;
        Record *r;
        int error = 0;

        if (k->stopping)
                error = -ESHUTDOWN;
        else if (n_held > KEEPER_MAX_HELD || n_fds != fixed + m->n_slots + n_held || m->n_slots > KEEPER_MAX_SLOTS)
                error = -EBADMSG;
        else if (m->id[0] == 0)
                error = -EINVAL;
        else if (record_find(k, m->id))
                error = -EEXIST;
        r = error < 0 ? NULL : record_new(k, m->id);
        if (!r) {
                for (size_t i = 0; i < n_fds; i++)
                        (void)close(fds[i]);
                return error < 0 ? error : -ENOMEM;
        }

        r->owner = c;
        r->join = m->type == KEEPER_JOIN;
        r->depth = m->value > 0 ? (uint32_t)m->value : 0;
        r->plan_fd = keeper_hold(fds[0]);
        r->cgroup_fd = keeper_hold(fds[1]);
        r->blob_fd = fixed == 3 ? keeper_hold(fds[2]) : -EBADF;
        for (size_t i = 0; i < n_held; i++)
                r->held[i] = keeper_hold(fds[fixed + m->n_slots + i]);
        r->n_held = (uint32_t)n_held;

        error = launch_record(k, r, m, fds + fixed, m->n_slots);
        for (size_t i = 0; i < m->n_slots; i++)
                (void)close(fds[fixed + i]);
        if (error < 0)
                record_free(k, r);
        return error;
}

/* What the keeper itself cannot do for a launch, told as the failure of the step under way. */
static void launch_refuse(Record *r, StepKind kind, int error) {
        LaunchPage *p = r->page;
        uint32_t step = atomic_load(&p->progress);

        if (atomic_exchange(&p->failing, 1) == 0) {
                p->failure = (StepFailure){ .kind = (uint16_t)kind, .index = (uint16_t)step, .error = error };
                atomic_store(&p->failed, 1);
        }
        record_kill(r);
}

static void launch_created(Keeper *k, Record *r) {
        KeeperMessage m;
        int error = 0;

        if (r->created || r->doomed)
                return;
        record_learn_inner(r);
        if (r->pidfd < 0)
                error = record_open_pidfd(r);
        if (error < 0) {
                launch_refuse(r, STEP_AWAIT_GO, error); /* nobody would ever say GO */
                return;
        }
        r->created = true;
        record_describe(r, KEEPER_EVENT_CREATED, &m);
        keeper_send(k, r->owner, &m, r->pidfd);
}

static void launch_failed(Record *r) {
        LaunchPage *p = r->page;

        if (atomic_load(&p->failed))
                r->failure = p->failure;
        else /* killed from outside: the step that was under way is the best we know */
                r->failure = (StepFailure){ .index = (uint16_t)atomic_load(&p->progress), .error = -ECHILD };
        r->doomed = true;
        record_kill(r);
}

static void launch_started(Keeper *k, Record *r) {
        KeeperMessage m;

        keeper_at(k, r->join ? KEEPER_AT_JOIN_SEEN : KEEPER_AT_PAYLOAD_SEEN);
        r->payload_pid = r->init_role ? atomic_load(&r->page->payload_pid) : 1;
        r->started_realtime = keeper_now(CLOCK_REALTIME);
        r->started_monotonic = keeper_now(CLOCK_MONOTONIC);
        r->state = KEEPER_RUNNING;
        (void)munmap(r->page, 2 * launch_part_size());
        r->page = NULL;
        record_describe(r, KEEPER_EVENT_STARTED, &m);
        keeper_send(k, r->owner, &m, r->pidfd);
        if (!r->join)
                keeper_at(k, KEEPER_AT_PAYLOAD_TOLD);
}

/* All writers of the status pipe have gone: the payload was executed, or somebody died before. */
static void launch_over(Keeper *k, Record *r) {
        LaunchPage *p = r->page;
        bool executed;

        record_learn_inner(r);
        executed = r->inner > 0 && !r->doomed && !atomic_load(&p->failing) &&
                   atomic_load(&p->progress) == r->last_step;
        if (executed && r->pidfd < 0) {
                int error = record_open_pidfd(r);

                if (error < 0) {
                        launch_refuse(r, STEP_EXECUTE, error);
                        executed = false;
                }
        }
        if (executed)
                launch_started(k, r);
        else
                launch_failed(r);
        launch_settle(k, r);
}

void launch_status(Keeper *k, Record *r) {
        char byte;
        ssize_t n;

        n = read(r->status_fd, &byte, 1);
        if (n < 0)
                return;
        if (n > 0 && !r->awaits_go)
                launch_refuse(r, STEP_AWAIT_GO, -EBADMSG); /* its plan does not wait: the container has the pipe from inner */
        else if (n > 0)
                launch_created(k, r);
        if (n > 0)
                return;
        r->status_fd = keeper_unwatch(k, r->status_fd);
        launch_over(k, r);
}

/* What the init wrote is the payload's own status; without init the kernel's word about inner is. */
static void exit_read(Record *r) {
        LaunchPage p;

        /* The page was in the hands of a process of the container: what is no end of a process is not believed. */
        if (r->init_role && pread(r->page_fd, &p, sizeof(p), 0) == (ssize_t)sizeof(p) &&
            atomic_load(&p.exit_known) && p.exit_code >= CLD_EXITED && p.exit_code <= CLD_DUMPED &&
            p.exit_status >= 0 && p.exit_status <= (p.exit_code == CLD_EXITED ? 255 : SIGRTMAX)) {
                r->exit_code = p.exit_code;
                r->exit_status = p.exit_status;
        }
        r->exited_realtime = keeper_now(CLOCK_REALTIME);
        r->exited_monotonic = keeper_now(CLOCK_MONOTONIC);
        r->state = KEEPER_EXITED;
}

void launch_settle(Keeper *k, Record *r) {
        KeeperMessage m;

        if (r->outer_alive || r->inner_alive)
                return; /* more will come */
        if (r->status_fd >= 0) { /* its end will come, or a container holds the pipe that it took from inner */
                r->status_fd = keeper_unwatch(k, r->status_fd);
                launch_over(k, r);
                return;
        }
        if (r->doomed) {
                record_describe(r, KEEPER_EVENT_FAILED, &m);
                if (!r->silent)
                        keeper_send(k, r->owner, &m, -EBADF);
                record_free(k, r);
                return;
        }
        if (r->state != KEEPER_RUNNING)
                return;

        exit_read(r);
        keeper_at(k, r->join ? KEEPER_AT_JOIN_REAPED : KEEPER_AT_END_NOTED);
        record_describe(r, KEEPER_EVENT_EXITED, &m);
        if (r->join) {
                keeper_send(k, r->owner, &m, -EBADF);
                record_free(k, r);
        } else {
                /* A record of processes that are gone needs none of this. */
                record_kill(r); /* what the payload left in the cgroup, e.g. with the host's pid namespace */
                keeper_at(k, KEEPER_AT_REST_KILLED);
                keeper_send_exit(k, r, &m);
                keeper_at(k, KEEPER_AT_END_SENT);
        }
}
