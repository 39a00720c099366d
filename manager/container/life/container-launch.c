/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a spec to a running payload: ids, policies, plan, cgroup, trees and streams; then SPAWN. Every step
 * that fails takes back what stood before it. */
#include "manager/base/io.h"
#include "manager/record/blob.h"
#include "manager/container/container-internal.h"
#include "manager/container/life/parts.h"
#include "manager/record/record-store.h"

Launch *launch_free(Launch *l) {
        if (!l)
                return NULL;
        (void)plan_free(l->plan);
        slot_set_done(&l->slots);
        free(l);
        return NULL;
}

/* The last life's traces go, the new one's begin. */
void container_begin_life(Container *c) {
        c->result = RESULT_SUCCESS;
        c->exit = (ExitReport){};
        c->kill_reason = KILL_NONE;
        c->doom = RESULT_SUCCESS;
        c->aborting = false;
        c->stop_requested = false;
        c->stop_deadline = 0;
        c->frozen = c->freeze_wanted = false;
        container_use_limits(c, NULL);
        c->logs_to_journal = false;
        c->leader = 0;
        c->id_base = c->id_count = 0;
        policy_labels_done(&c->labels);
        c->policy_digest = (Digest){};
        c->verified = c->mac_lost = false;
        notify_begin(c);
        health_reset(c);
        commands_begin_life(c);
        c->oom_kills = c->oom_seen = c->oom_read = 0;
        c->oom_told = false;
        free(c->last_error);
        c->last_error = NULL;
        c->launch_error = _ERROR_CODE_INVALID;
        if (!c->restart.again) /* a restart is not lost with the manager that begins it */
                record_remove(c->manager->records_fd, c->name);
}

int container_plan_start(Container *c, const PolicySet *policies, bool trial, Diag *diag, Plan **ret) {
        char invocation[SD_ID128_STRING_MAX];
        _cleanup_strv_ char **stored = NULL;
        PlanParameters p = { .id_base = c->id_base,
                                   .id_count = c->id_count,
                                   .invocation_id = sd_id128_to_string(c->invocation, invocation),
                                   .labels = mac_plan_labels(c),
                                   .command = trial || c->commands.kind != COMMAND_START ? NULL : command_current(c),
                                   .trial = trial,
                                   .terminal = c->attached.terminal,
                                   .rows = c->attached.rows,
                                   .columns = c->attached.columns };
        int r;

        r = descriptor_store_names(c, &stored);
        if (r < 0)
                return r;
        p.stored = stored;
        return plan_build(c->spec, policies, &p, diag, ret);
}

int container_omit_steps(const Container *c, Plan **plan, Diag *diag) {
        char *const *kinds = c->manager->config.omit_steps;
        Plan *rest;
        int r;

        if (!kinds)
                return 0;
        r = plan_omit(*plan, kinds, &rest);
        if (r < 0)
                return diag_errno(diag, ERROR_LAUNCH, NULL, NULL, -r,
                                  "the plan is none without the steps that are left out for a test");
        (void)plan_free(*plan);
        *plan = rest;
        return 0;
}

static int plan_prepare(Container *c, Launch *launch, Diag *diag) {
        int r;

        r = container_plan_start(c, c->policies, false, diag, &launch->plan);
        if (r >= 0)
                r = container_omit_steps(c, &launch->plan, diag);
        container_drop_policies(c); /* the plan has them; an exec finds them in the cache */
        return r;
}

/* The policies as they were loaded for this life, whatever its unit says now. */
static int plan_fill(Container *c, Launch *launch, Diag *diag) {
        _cleanup_(policy_set_unrefp) const PolicySet *policies = NULL;
        int r;

        r = policy_compile(c->spec, c->manager->cache_fd, diag, &policies);
        if (r >= 0)
                r = container_plan_start(c, policies, false, diag, &launch->plan);
        return r < 0 ? r : container_omit_steps(c, &launch->plan, diag);
}

const LifePart part_plan = {
        .name = "plan",
        .of_the_end = true,
        .prepare = plan_prepare,
        .fill = plan_fill,
};

/* What the payload finds open, in the order of the plan's slots. */
int passed_open(const Container *c, const PlanView *plan, SlotSet *slots) {
        size_t n = 0;

        for (uint32_t i = 0; i < plan->header->n_slots; i++) {
                int fd, r;

                if (plan->slots[i].kind != SLOT_PASSED)
                        continue;
                r = n < c->sockets.n ? sockets_dup(c, n, &fd) : descriptor_store_dup(c, n - c->sockets.n, &fd);
                n++;
                if (r >= 0)
                        r = slot_set_add(slots, (int16_t)i, fd);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The launch of a payload that is not the first of its life, or whose preparation went with another manager. */
static int prepare_again(Container *c, Diag *diag) {
        _cleanup_(launch_freep) Launch *launch = calloc(1, sizeof(*launch));
        int r;

        if (!launch)
                return -ENOMEM;
        r = life_parts_fill(c, launch, diag);
        if (r < 0)
                return r;
        c->launch = TAKE_PTR(launch);
        return 0;
}

/* After RemainAfterExit=: what a life stands on is made once more, and what the last one left to be told stays. */
int container_revive(Container *c, Diag *diag) {
        Launch launch = {};
        int r;

        r = life_parts_prepare(c, &launch, true, diag);
        launch.plan = plan_free(launch.plan);
        slot_set_done(&launch.slots);
        if (r >= 0)
                return 0;
        life_parts_undo(c);
        container_release(c);
        return r;
}

static int prepare(Container *c, Diag *diag) {
        _cleanup_(launch_freep) Launch *launch = calloc(1, sizeof(*launch));
        int r;

        if (!launch)
                return -ENOMEM;
        r = sd_id128_randomize(&c->invocation);
        if (r >= 0)
                r = life_parts_prepare(c, launch, false, diag);
        if (r < 0)
                return r;
        c->launch = TAKE_PTR(launch);
        crash_point(c->manager, PREPARED);
        return 0;
}

static void keep_error(Container *c, Diag *diag, int r, const char *what) {
        if (diag->n_errors == 0)
                (void)diag_errno(
                        diag, r == -ENOMEM || r == -EMFILE || r == -ENFILE ? ERROR_NO_MEMORY : ERROR_FAILED,
                        NULL, NULL, -r, "%s", what);
        diag_keep(diag, &c->last_error);
}

ContainerEvent action_prepare(Container *c) {
        _cleanup_(diag_done) Diag diag = {};
        int r;

        container_begin_life(c);
        container_use_spec(c, c->loaded);
        c->start_realtime = now_usec(CLOCK_REALTIME);
        c->start_monotonic = now_usec(CLOCK_MONOTONIC);
        c->start_sequence = ++c->manager->last_start;
        r = prepare(c, &diag);
        if (r >= 0)
                return c->spec->verify_on_start == VERIFY_NO ? EVENT_PREPARED : EVENT_UNVERIFIED;
        keep_error(c, &diag, r, "cannot prepare the start");
        c->result = RESULT_RESOURCES;
        life_parts_undo(c);
        container_release(c);
        container_save_end(c, container_plan_restart(c) ? CONTAINER_RESTARTING : CONTAINER_FAILED);
        return EVENT_NOT_PREPARED;
}

static void on_spawned(int error, void *userdata) {
        Container *c = userdata;

        crash_point(c->manager, SPAWN_ANSWERED);
        if (error < 0)
                container_spawn_lost(c, error);
        else if (c->state == CONTAINER_LAUNCHING && c->spec && c->spec->type == CONTAINER_TYPE_SIMPLE &&
                 c->spec->exec_start_post.n == 0) /* which join what was executed */
                (void)container_event(c, EVENT_CLONED);
}

void container_spawn_lost(Container *c, int error) {
        _cleanup_(diag_done) Diag diag = {};

        if (!c->spawning)
                return;
        c->spawning = c->keeper_knows = false;
        if (c->result == RESULT_SUCCESS)
                c->result = RESULT_LAUNCH;
        (void)diag_errno(&diag, error == -ECONNRESET ? ERROR_NO_KEEPER : ERROR_LAUNCH, NULL, NULL, -error,
                         "the keeper did not launch it");
        diag_keep(&diag, &c->last_error);
        (void)container_event(c, EVENT_NOT_STARTED);
}

static int blob_of(const Container *c, int *ret_fd) {
        _cleanup_free_ void *data = NULL;
        size_t size;
        int r;

        r = container_encode_life(c, &data, &size);
        return r < 0 ? r : memfd_sealed("bulwark-state", data, size, ret_fd);
}

/* What the keeper holds for us: the pipes and the socket of syslog(3) in the order of the blob's streams, then the files that some write
 * to, last the socket for messages. */
size_t container_held_descriptors(const Container *c, int ret[static CONTAINER_HELD_MAX]) {
        size_t n = 0;

        for (size_t i = 0; i < c->n_streams; i++)
                ret[n++] = log_stream_fd(c->streams[i]);
        for (size_t i = 0; i < c->n_streams; i++)
                if (log_stream_file(c->streams[i]) >= 0)
                        ret[n++] = log_stream_file(c->streams[i]);
        if (c->notify.fd >= 0)
                ret[n++] = c->notify.fd;
        return n;
}

_Static_assert(KEEPER_MAX_SLOTS == PLAN_MAX_SENT && SPEC_STORED_MAX <= KEEPER_STORE_MAX && SPEC_SOCKETS_MAX <= KEEPER_STORE_MAX,
               "what a plan may ask for fits a message");

static int spawn(Container *c, const Launch *launch) {
        _cleanup_close_ int plan_fd = -EBADF, blob_fd = -EBADF;
        const SlotSet *slots = &launch->slots;
        int fds[3 + KEEPER_MAX_SLOTS + CONTAINER_HELD_MAX], r;
        KeeperMessage m;
        size_t n = 0;

        if (slots->n > KEEPER_MAX_SLOTS)
                return -E2BIG;
        r = memfd_sealed("bulwark-plan", launch->plan->data, launch->plan->size, &plan_fd);
        if (r >= 0)
                r = blob_of(c, &blob_fd);
        if (r < 0)
                return r;
        keeper_message_init(&m, KEEPER_SPAWN, c->name);
        m.value = (int32_t)dependency_depth(c->manager->dependencies, dependency_find(c->manager->dependencies, c->name));
        fds[n++] = plan_fd;
        fds[n++] = c->cgroup.payload_fd;
        fds[n++] = blob_fd;
        for (size_t i = 0; i < slots->n; i++) {
                m.slots[m.n_slots++] = slots->items[i].slot;
                fds[n++] = slots->items[i].fd;
        }
        m.n_held = (uint32_t)container_held_descriptors(c, fds + n);
        return keeper_client_request(c->manager->keeper, &m, fds, n + m.n_held, on_spawned, c);
}

int container_spawn(Container *c, Launch *launch) {
        int r;

        container_send_ack(c); /* an end that could not be recorded before would keep its name taken */
        r = spawn(c, launch);
        if (r < 0)
                return r;
        c->keeper_knows = c->payload_used = c->spawning = true;
        crash_point(c->manager, SPAWN_SENT);
        slot_set_done(&launch->slots); /* the payload's ends must be its alone, or no pipe ever ends */
        return 0;
}

/* The payload: after the commands before it, or after the one before it of a oneshot. */
static int launch_payload(Container *c, Diag *diag) {
        const bool next = c->commands.kind == COMMAND_START;
        int r = 0;

        c->commands.index = next ? c->commands.index + 1 : 0;
        c->commands.kind = COMMAND_START;
        c->commands.alone = c->commands.reaping = false;
        c->kill_reason = KILL_NONE;
        c->oom_kills += container_oom_kills(c); /* of the commands before it */
        c->start_monotonic = now_usec(CLOCK_MONOTONIC);
        if (!c->launch)
                r = prepare_again(c, diag);
        if (r >= 0)
                r = container_renew_cgroup(c, diag);
        return r < 0 ? r : container_spawn(c, c->launch);
}

ContainerEvent action_launch(Container *c) {
        _cleanup_(diag_done) Diag diag = {};
        int r;

        r = launch_payload(c, &diag);
        if (r < 0) {
                c->result = RESULT_RESOURCES;
                keep_error(c, &diag, r, "cannot send the launch to the keeper");
                return EVENT_NOT_STARTED;
        }
        return _CONTAINER_EVENT_NONE;
}

int container_let_go(Container *c, const KeeperMessage *m, int pidfd, Diag *diag) {
        KeeperMessage go;
        int r;

        r = life_parts_live(c, m->pid, pidfd, diag);
        if (r >= 0) {
                keeper_message_init(&go, KEEPER_GO, m->id);
                r = keeper_client_request(c->manager->keeper, &go, NULL, 0, NULL, NULL); /* whose launch has died is told of that */
        }
        if (r >= 0)
                crash_point(c->manager, GO_SENT);
        if (r < 0 && diag->n_errors == 0)
                (void)diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot do what its namespaces need from outside");
        return r;
}

/* A launch that cannot go on is killed: what waits would wait for ever. */
void container_created(Container *c, const KeeperMessage *m, int pidfd) {
        _cleanup_(diag_done) Diag diag = {};
        _cleanup_free_ char *why = NULL;

        if (!c->spawning || pidfd < 0 || container_let_go(c, m, pidfd, &diag) >= 0)
                return;
        why = diag_to_string(&diag, false);
        c->kill_reason = KILL_CANCELED;
        if (!container_doom(c, RESULT_LAUNCH, FAILURE_KILL, strempty(why)))
                (void)pidfd_signal(pidfd, SIGKILL);
}

void container_started(Container *c, const KeeperMessage *m, int *pidfd) {
        if (!c->spawning)
                return;
        c->spawning = false;
        if (c->manager->reexec.refused) /* it waits for this, which of a command is no change of state */
                job_schedule(c->manager);
        crash_point(c->manager, START_TOLD);
        c->leader = m->pid;
        (void)safe_close(c->leader_fd);
        c->leader_fd = TAKE_FD(*pidfd);
        if (c->commands.alone) {
                c->commands.launch = launch_free(c->commands.launch);
                mac_verify_start(c);
                (void)container_event(c, EVENT_STARTED);
                return;
        }
        c->launch = launch_free(c->launch);
        c->start_realtime = m->started_realtime_usec;
        c->start_monotonic = m->started_monotonic_usec;
        mac_verify_start(c);
        container_stamp_start(c);
        (void)container_event(c, EVENT_STARTED);
        life_parts_started(c, m->payload_pid);
        container_save_life(c);
        if (c->restart.again && c->leader_fd >= 0)
                record_remove(c->manager->records_fd, c->name);
        if (command_awaits_start_post(c) && container_was_ready(c))
                (void)container_event(c, EVENT_READY);
        crash_point(c->manager, START_RECORDED);
}

void container_not_started(Container *c, const KeeperMessage *m) {
        _cleanup_(diag_done) Diag diag = {};

        c->keeper_knows = false;
        if (!c->spawning)
                return;
        c->spawning = false;
        if (c->commands.alone) {
                command_not_started(c, &m->failure);
                return;
        }
        if (c->kill_reason == KILL_CANCELED)
                c->result = c->doom;
        else {
                c->result = RESULT_LAUNCH;
                (void)step_failure_explain(c->launch->plan, &m->failure, &diag);
                c->launch_error = diag_first_code(&diag);
                diag_keep(&diag, &c->last_error);
        }
        (void)container_event(c, EVENT_NOT_STARTED);
}
