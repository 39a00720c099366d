/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A manager that comes back: how the ended ones ended (its own records), what runs (the keeper's list, and
 * where the keeper was lost too, the records of lives), and what nobody owns any more (control groups). */
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

#include "manager/base/io.h"
#include "manager/record/blob.h"
#include "manager/container/container-internal.h"
#include "manager/host/network/part-table.h"
#include "manager/container/life/parts.h"
#include "manager/record/exit-record.h"
#include "manager/record/kept-set.h"
#include "manager/record/record-store.h"

#define BLOB_MAX (1U << 20)
#define SWEEP_WAIT_MSEC 1000

int container_encode_life(const Container *c, void **ret, size_t *ret_size) {
        Blob b = { .name = c->name,
                   .invocation = c->invocation,
                   .spec = c->spec,
                   .leader = c->leader,
                   .start_realtime = c->start_realtime,
                   .start_monotonic = c->start_monotonic,
                   .active_realtime = c->active_enter[0],
                   .active_monotonic = c->active_enter[1],
                   .inactive_realtime = c->active_exit[0],
                   .inactive_monotonic = c->active_exit[1],
                   .state_change = c->state_change,
                   .sequence = c->start_sequence,
                   .stop_requested = c->stop_requested,
                   .restart = c->job && c->job->type == JOB_RESTART && c->job->stopping,
                   .stop_deadline = c->stop_deadline,
                   .kill_reason = c->kill_reason,
                   .doom = c->doom,
                   .aborting = c->aborting,
                   .n_restarts = c->restart.count,
                   .start_limit = c->restart.limit,
                   .exit_code = c->exit.valid ? (uint64_t)c->exit.code : 0,
                   .exit_status = (uint64_t)c->exit.status,
                   .exit_realtime = c->exit.realtime_usec,
                   .exit_monotonic = c->exit.monotonic_usec };

        life_parts_save(c, &b);
        return blob_encode(&b, ret, ret_size);
}

void container_save_life(Container *c) {
        _cleanup_free_ void *data = NULL;
        size_t size;
        int r;

        if (c->leader_fd < 0)
                return;
        r = container_encode_life(c, &data, &size);
        if (r >= 0)
                r = record_save(c->manager->lives_fd, c->name, data, size);
        if (r < 0) /* the keeper has the same; this is for the day it is lost */
                log_message(&c->manager->config.log, LOG_WARNING, "%s: cannot record that it runs: %s",
                            c->name, strerror(-r));
}

void container_forget_life(Container *c) {
        record_remove(c->manager->lives_fd, c->name);
}

/* Of all units that are known by now the instances of templates are none: a record or what runs names them. */
static int find_or_add(Manager *m, const char *name, Container **ret) {
        _cleanup_(diag_done) Diag diag = {};
        Container *c = manager_find(m, name);
        int r;

        if (c) {
                *ret = c;
                return 0;
        }
        r = manager_add(m, name, &c);
        if (r < 0)
                return r;
        (void)container_load(c, &diag); /* where its unit has gone it runs, or has ended, all the same */
        *ret = c;
        return 0;
}

/* It has no life here. */
static bool is_idle(const Container *c) {
        return container_state_row(c->state)->recorded || c->state == CONTAINER_LISTENING;
}

/* --- what ended while no manager was there was recorded by an earlier one */

static int restore_end(const void *data, size_t size, void *userdata) {
        _cleanup_(exit_record_done) ExitRecord record = {};
        Manager *m = userdata;
        Container *c;
        int r;

        r = exit_record_decode(data, size, &record);
        if (r < 0)
                return r;
        r = find_or_add(m, record.name, &c);
        if (r < 0)
                return r;
        if (c->state != CONTAINER_INACTIVE)
                return 0;
        container_restore_state(c, record.state);
        c->result = record.result;
        c->exit = record.exit;
        c->invocation = record.invocation;
        c->start_realtime = record.start_realtime;
        memcpy(c->active_enter, record.active_enter, sizeof(c->active_enter));
        memcpy(c->active_exit, record.active_exit, sizeof(c->active_exit));
        c->state_change = record.state_change;
        c->id_base = record.id_base;
        c->id_count = record.id_count;
        c->logs_to_journal = record.logs_to_journal;
        free(c->last_error);
        c->last_error = TAKE_PTR(record.last_error);
        c->end_saved = true;
        c->restart.count = record.n_restarts;
        c->restart.limit = record.start_limit;
        container_skip_events(c);
        c->restart.at = record.restart_at;
        if (c->state == CONTAINER_RESTARTING)
                container_resume_restart(c);
        manager_announce(c);
        return 0;
}

/* --- what runs */

static void take_blob(Container *c, Adoption *a) {
        Blob *b = a->blob;

        container_use_spec(c, b->spec);
        if (!c->loaded) /* its unit has gone: what it was started with counts */
                (void)dependency_graph_set(c->manager->dependencies, c->name, c->spec);
        c->invocation = b->invocation;
        c->start_realtime = b->start_realtime;
        c->start_monotonic = b->start_monotonic;
        c->start_sequence = b->sequence;
        c->manager->last_start = MAX_OF(c->manager->last_start, b->sequence);
        c->stop_requested = b->stop_requested;
        c->stop_deadline = b->stop_deadline;
        c->kill_reason = b->kill_reason < _KILL_REASON_MAX ? (KillReason)b->kill_reason : KILL_NONE;
        c->doom = b->doom < _RESULT_MAX ? (ContainerResult)b->doom : RESULT_SUCCESS;
        c->aborting = b->aborting;
        container_disarm_restart(c);
        c->restart.count = b->n_restarts;
        c->restart.limit = b->start_limit;
        life_parts_adopt(c, a);
}

/* In which state a living one is follows from what the last manager had begun. */
static ContainerState state_of_life(const Container *c) {
        static const ContainerState of_command[_COMMAND_KIND_MAX] = {
                [COMMAND_NONE] = CONTAINER_RUNNING,           [COMMAND_START] = CONTAINER_RUNNING,
                [COMMAND_CONDITION] = CONTAINER_CONDITION,    [COMMAND_START_PRE] = CONTAINER_START_PRE,
                [COMMAND_START_POST] = CONTAINER_START_POST,  [COMMAND_RELOAD] = CONTAINER_RUNNING,
                [COMMAND_STOP] = CONTAINER_STOP,              [COMMAND_STOP_POST] = CONTAINER_STOP_POST,
        };
        const CommandKind kind = c->commands.kind;

        if (c->kill_reason != KILL_NONE)
                return CONTAINER_KILLING;
        if (kind != COMMAND_STOP && kind != COMMAND_STOP_POST &&
            (c->stop_requested || c->doom != RESULT_SUCCESS || c->stop_deadline > 0))
                return CONTAINER_STOPPING;
        return of_command[kind];
}

static void resume(Container *c, bool restart) {
        ContainerState state = state_of_life(c);

        container_restore_state(c, state);
        container_skip_events(c); /* the manager before has told of them */
        container_arm_life(c);
        if (container_phase(state) != PHASE_GOING)
                return;
        if (c->stop_requested)
                (void)job_restore(c, restart ? JOB_RESTART : JOB_STOP);
        if (state == CONTAINER_STOP || state == CONTAINER_STOP_POST) {
                if (c->commands.alone && c->stop_deadline > 0)
                        (void)container_arm_stop_timer(c, c->stop_deadline);
                return;
        }
        if (state == CONTAINER_KILLING && c->stop_deadline == 0)
                (void)action_kill(c);
        else if (c->stop_deadline == 0)
                (void)(c->aborting ? action_abort : action_terminate)(c); /* asked for, but the signal was not sent yet */
        else if (container_arm_stop_timer(c, c->stop_deadline) < 0)
                (void)container_event(c, EVENT_STOP_TIMEOUT);
}

/* What was sent with the launch has the times of the life before; since then a state is sent with each change that counts. */
static void restore_times(Container *c, const Blob *b) {
        const bool sent_since = b->active_monotonic >= c->start_monotonic;

        c->active_enter[0] = b->active_realtime;
        c->active_enter[1] = b->active_monotonic;
        if (!sent_since && !container_waits_for_ready(c)) {
                c->active_enter[0] = c->start_realtime;
                c->active_enter[1] = c->start_monotonic;
        }
        c->active_exit[0] = b->inactive_realtime;
        c->active_exit[1] = b->inactive_monotonic;
        c->state_change = MAX_OF(b->state_change, c->start_realtime);
}

static int read_blob(int fd, void **ret, size_t *ret_size) {
        _cleanup_free_ void *data = NULL;
        struct stat st;
        ssize_t n;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size <= 0 || st.st_size > BLOB_MAX)
                return -EBADMSG;
        data = malloc((size_t)st.st_size);
        if (!data)
                return -ENOMEM;
        n = pread(fd, data, (size_t)st.st_size, 0); /* the offset is shared with the keeper */
        if (n != st.st_size)
                return n < 0 ? -errno : -EBADMSG;
        *ret = TAKE_PTR(data);
        *ret_size = (size_t)n;
        return 0;
}

/* A blob that cannot be believed leaves a container without a definition: shown, and it can be stopped. */
static void decode_or_invent(Manager *m, const KeeperMessage *message, int fd, Blob *b) {
        _cleanup_free_ void *data = NULL;
        size_t size = 0;
        int r;

        r = read_blob(fd, &data, &size);
        if (r >= 0)
                r = blob_decode(data, size, b);
        if (r >= 0 && !streq(b->name, message->id)) {
                blob_done(b);
                r = -EBADMSG;
        }
        if (r >= 0)
                return;
        log_message(&m->config.log, LOG_ERR, "%s: its state is damaged; it runs without a definition",
                    message->id);
        *b = (Blob){ .start_realtime = message->started_realtime_usec,
                     .start_monotonic = message->started_monotonic_usec,
                     .active_realtime = message->started_realtime_usec,
                     .active_monotonic = message->started_monotonic_usec };
}

static ExitReport report_of(const KeeperMessage *m) {
        return (ExitReport){ .valid = true,
                             .code = m->exit_code,
                             .status = m->exit_status,
                             .realtime_usec = m->exited_realtime_usec,
                             .monotonic_usec = m->exited_monotonic_usec };
}

/* The same manager, connected again: it knows the container, and may only have missed its end. */
static void catch_up(Container *c, const KeeperMessage *message) {
        ExitReport report = report_of(message);

        c->keeper_knows = true;
        c->leader_source = sd_event_source_disable_unref(c->leader_source);
        if (message->keeper_state == KEEPER_EXITED && c->state != CONTAINER_CLEANING && !c->commands.reaping)
                container_ended(c, &report);
}

/* The same manager has undone that life while the keeper could not be told. */
static void acknowledge_late(Container *c) {
        c->keeper_knows = true;
        if (c->end_saved) /* else the keeper keeps it for a manager that can */
                container_send_ack(c);
}

/* A command that had joined the payload went with the manager that ran it: it is run once more. What was to be run when
 * the payload is ready is run now. */
static void resume_commands(Container *c) {
        const bool joined = c->commands.kind == COMMAND_START_POST || c->commands.kind == COMMAND_STOP;
        ContainerEvent e;

        if (!c->spec || c->commands.alone || c->leader_fd < 0)
                return;
        if (c->commands.kind == COMMAND_RELOAD)
                c->commands.kind = COMMAND_NONE;
        if (joined && (c->state == CONTAINER_START_POST || c->state == CONTAINER_STOP)) {
                e = command_continue(c);
                if (e >= 0)
                        (void)container_event(c, e);
        } else if (command_awaits_start_post(c) && container_was_ready(c))
                (void)container_event(c, EVENT_READY);
}

/* Its end was recorded, but the manager died before the rest was done. Where something of it lives still it is killed and waited
 * for: a policy that is released under a process would leave that unconfined. */
static void finish_end(Container *c, Adoption *a) {
        const bool waits = c->state == CONTAINER_RESTARTING, restart = a->blob->restart;
        const Blob *b = a->blob;
        ContainerEvent follows;

        if (b->spec && b->spec->exec_stop_post.n > 0 && b->command_kind != COMMAND_STOP_POST)
                take_blob(c, a);
        else { /* what is undone; what it was is in the record of its end */
                life_parts_adopt(c, a);
                container_use_spec(c, b->spec);
                c->stop_requested = b->stop_requested;
        }
        c->commands.alone = false;
        follows = container_end_event(c);
        if (container_is_empty(c) && follows != EVENT_NEXT_STOP_POST) {
                (void)action_undo(c);
                return;
        }
        c->restart.pending = waits;
        container_restore_state(c, CONTAINER_CLEANING);
        if (c->stop_requested)
                (void)job_restore(c, restart ? JOB_RESTART : JOB_STOP);
        if (container_is_empty(c))
                (void)container_event(c, follows);
        else
                (void)cgroup_kill(c->cgroup.fd);
}

void manager_adopt_listed(Manager *m, const KeeperMessage *message, int *fds, size_t n_fds) {
        _cleanup_(blob_done) Blob b = {};
        size_t held = MIN_OF((size_t)message->n_held, n_fds);
        ExitReport report = report_of(message);
        Adoption adoption = { .blob = &b, .cgroup_fd = -EBADF };
        bool recorded;
        Container *c;

        if (n_fds - held < 4 || !container_name_valid(message->id) || find_or_add(m, message->id, &c) < 0)
                return;
        if (!is_idle(c)) {
                catch_up(c, message);
                return;
        }
        if (m->adopted && message->keeper_state == KEEPER_EXITED) {
                acknowledge_late(c);
                return;
        }
        decode_or_invent(m, message, fds[1], &b);
        adoption = (Adoption){ .blob = &b, .cgroup_fd = fds[3], .held = fds + (n_fds - held), .n_held = held,
                               .payload_pid = message->payload_pid };
        c->keeper_knows = true;
        recorded = c->end_saved && b.name && sd_id128_equal(c->invocation, b.invocation);
        if (message->keeper_state == KEEPER_EXITED && recorded && b.command_kind != COMMAND_STOP_POST) {
                finish_end(c, &adoption);
                return;
        }
        container_disarm_restart(c);
        container_restore_state(c, CONTAINER_INACTIVE);
        take_blob(c, &adoption);
        c->end_saved = recorded; /* then ExecStopPost= run */
        if (!recorded) {
                c->exit = (ExitReport){ .valid = b.exit_code != 0,
                                        .code = (int)b.exit_code,
                                        .status = (int)b.exit_status,
                                        .realtime_usec = b.exit_realtime,
                                        .monotonic_usec = b.exit_monotonic };
                c->result = RESULT_SUCCESS;
                free(c->last_error);
                c->last_error = NULL;
        }
        c->leader_fd = TAKE_FD(fds[0]);
        c->leader = message->pid;
        if (message->started_realtime_usec > 0 && !b.command_alone) {
                c->start_realtime = message->started_realtime_usec;
                c->start_monotonic = message->started_monotonic_usec;
        }
        resume(c, b.restart);
        restore_times(c, &b);
        life_parts_resume(c, &adoption);
        if (message->keeper_state == KEEPER_EXITED)
                container_ended(c, &report);
        else if (!c->commands.alone)
                container_save_life(c);
        resume_commands(c);
        container_oom_changed(c); /* what nobody saw */
        manager_announce(c);
}

/* --- what is kept beyond lives; it is told before what runs */

void manager_adopt_stored(Manager *m, const KeeperMessage *message, int *fds, size_t n_fds) {
        _cleanup_free_ void *data = NULL;
        size_t size = 0;
        Container *c;

        if (message->value == KEPT_TABLE && n_fds == 2) {
                packet_table_take(m, TAKE_FD(fds[1]));
                return;
        }
        if (n_fds < 1 || !container_name_valid(message->id) || find_or_add(m, message->id, &c) < 0)
                return;
        if (read_blob(fds[0], &data, &size) < 0)
                return;
        if (message->value == KEPT_STORED)
                descriptor_store_take(c, data, size, fds + 1, n_fds - 1);
        else if (message->value == KEPT_PORTS)
                c->network.ports_kept = true;
        else if (message->value == KEPT_SOCKETS)
                sockets_take(c, data, size, fds + 1, n_fds - 1);
}

/* A manager that lived on tells a keeper that did not; and nobody may need any more what an earlier manager kept. */
static void settle_stored(Manager *m) {
        for (size_t i = 0; i < m->n_sorted; i++) {
                Container *c = m->sorted[i];

                life_parts_settle(c, !m->adopted);
                life_parts_moved(c);
        }
}

/* --- what runs although its keeper is gone */

static bool lives_there(const Container *c, pid_t pid) {
        _cleanup_free_ pid_t *pids = NULL;
        size_t n = 0;

        if (c->cgroup.fd < 0 || cgroup_processes(c->cgroup.fd, &pids, &n) < 0)
                return false;
        for (size_t i = 0; i < n; i++)
                if (pids[i] == pid)
                        return true;
        return false;
}

static int restore_life(const void *data, size_t size, void *userdata) {
        _cleanup_(blob_done) Blob b = {};
        Adoption adoption = { .blob = &b, .cgroup_fd = -EBADF };
        Manager *m = userdata;
        Container *c;
        int r;

        r = blob_decode(data, size, &b);
        if (r < 0)
                return r;
        r = find_or_add(m, b.name, &c);
        if (r < 0)
                return r;
        if (!is_idle(c) || b.leader <= 0)
                return 0;
        /* The pid may be somebody else's by now; in this cgroup it is not. The order makes it certain. */
        part_machine.adopt(c, &adoption);
        part_cgroup.adopt(c, &adoption);
        if (pidfd_open_checked(b.leader, &c->leader_fd) < 0 || !lives_there(c, b.leader)) {
                container_release(c);
                container_forget_life(c);
                return 0;
        }
        take_blob(c, &adoption);
        c->leader = b.leader;
        c->end_saved = false;
        resume(c, b.restart);
        restore_times(c, &b);
        container_orphaned(c);
        life_parts_resume(c, &adoption);
        resume_commands(c);
        manager_announce(c);
        log_message(&m->config.log, LOG_WARNING,
                    "%s: runs on without its keeper; how it ends will not be known", c->name);
        return 0;
}

/* Nobody lists them any more, but they run: their keeper was replaced while this manager lived. */
static void orphan_unlisted(Manager *m) {
        for (size_t i = 0; i < m->n_sorted; i++) {
                Container *c = m->sorted[i];

                if (!c->keeper_knows && c->leader_fd >= 0 && !c->spawning)
                        container_orphaned(c);
        }
}

int manager_adopt(Manager *m, Diag *diag) {
        size_t damaged = 0, damaged_lives = 0;
        KeeperMessage message;
        int r;

        for (size_t i = 0; i < m->n_sorted; i++)
                m->sorted[i]->keeper_knows = false; /* the list tells */
        r = m->adopted ? 0 : records_load(m->records_fd, restore_end, m, &damaged);
        if (r >= 0) {
                keeper_message_init(&message, KEEPER_LIST, NULL);
                r = keeper_client_call(m->keeper, &message);
        }
        if (r >= 0 && !m->adopted)
                r = records_load(m->lives_fd, restore_life, m, &damaged_lives);
        if (r < 0)
                return diag_errno(diag, ERROR_NO_KEEPER, NULL, NULL, -r, "cannot take over what runs");
        if (damaged + damaged_lives > 0)
                diag_warning(diag, ERROR_STATE, NULL, NULL,
                             "%zu damaged records were set aside as \".NAME.bad\" in \"%s\"",
                             damaged + damaged_lives, m->config.runtime_directory);
        settle_stored(m);
        packet_table_settle(m);
        m->adopted = true;
        orphan_unlisted(m);
        for (size_t i = m->n_sorted; i > 0; i--) /* units that went while no manager was there */
                (void)manager_forget_gone(m->sorted[i - 1]);
        transient_schedule(m); /* what ended while no manager was there */
        return 0;
}

/* --- what nobody owns: left by a start or an end that was cut short */

static void sweep_one(Manager *m, const char *name) {
        uint64_t deadline = now_usec(CLOCK_MONOTONIC) + SWEEP_WAIT_MSEC * USEC_PER_MSEC;
        Cgroup g;
        int r;

        if (cgroup_open(&m->cgroup, name, &g) < 0)
                return;
        (void)cgroup_kill(g.fd);
        do {
                CgroupEvents e;

                r = -EBUSY;
                if (cgroup_events(g.fd, &e) < 0 || !e.populated)
                        r = cgroup_remove(&m->cgroup, name);
                else
                        (void)poll(NULL, 0, 1);
        } while (r == -EBUSY && now_usec(CLOCK_MONOTONIC) < deadline);
        cgroup_done(&g);
        log_message(&m->config.log, r < 0 ? LOG_ERR : LOG_NOTICE, "%s: a left-over control group was %s",
                    name, r < 0 ? "killed, but cannot be removed" : "removed");
}

void manager_sweep(Manager *m) {
        _cleanup_strv_ char **names = NULL;

        if (cgroup_names(&m->cgroup, &names) < 0)
                return;
        for (size_t i = 0; i < strv_length(names); i++) {
                const Container *c = manager_find(m, names[i]);

                if (!c || c->cgroup.fd < 0)
                        sweep_one(m, names[i]);
        }
}
