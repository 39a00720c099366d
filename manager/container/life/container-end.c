/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a life ends: signal, timeout, cgroup.kill; then the report, the wait for the last process, and the
 * undo list backwards. */
#include <signal.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"
#include "manager/container/life/parts.h"
#include "manager/record/exit-record.h"
#include "manager/record/record-store.h"

#define REBOOT_UPTIME_MIN USEC_PER_SEC /* an init that reboots sooner has not come up at all */

static int stop_signal_of(const Container *c) {
        if (c->job && c->job->type == JOB_RESTART && c->spec && c->spec->restart_kill_signal > 0)
                return c->spec->restart_kill_signal;
        return c->spec && c->spec->kill_signal > 0 ? c->spec->kill_signal : SIGTERM;
}

/* A manager that ends with its host waits for nobody. */
static bool may_kill(const Container *c) {
        return c->state != CONTAINER_STOPPING || !c->spec || c->spec->send_sigkill || c->manager->shutting_down;
}

static int on_stop_timeout(sd_event_source *s, uint64_t usec, void *userdata) {
        Container *c = userdata;

        c->stop_timer = sd_event_source_disable_unref(c->stop_timer);
        if (c->aborting || !c->spec || c->spec->timeout_stop_failure_mode != FAILURE_ABORT ||
            !container_doom(c, RESULT_TIMEOUT, FAILURE_ABORT, "it did not stop within TimeoutStopSec="))
                (void)container_event(c, may_kill(c) ? EVENT_STOP_TIMEOUT : EVENT_OVERDUE);
        return 0;
}

int container_arm_stop_timer(Container *c, uint64_t deadline) {
        int r;

        c->stop_deadline = deadline;
        c->stop_timer = sd_event_source_disable_unref(c->stop_timer);
        if (deadline == USEC_INFINITY)
                return 0;
        r = sd_event_add_time(c->manager->event, &c->stop_timer, CLOCK_MONOTONIC, deadline,
                              10 * USEC_PER_MSEC, on_stop_timeout, c);
        return r < 0 ? r : 0;
}

/* The state goes out twice: that a stop is wanted, and, with its deadline, that the signal was sent. A manager killed
 * in between leaves the sending to its successor. */
static ContainerEvent signal_and_wait(Container *c, int signal, uint64_t timeout) {
        uint64_t now = now_usec(CLOCK_MONOTONIC);
        int r;

        commands_abandon(c);
        if (c->commands.reaping)
                return EVENT_COMMAND_ENDED; /* between two commands */
        if (c->leader_fd < 0)
                return _CONTAINER_EVENT_NONE; /* nobody was executed yet: once more when there is */
        if (!c->commands.alone && c->commands.kind != COMMAND_START)
                c->commands.kind = COMMAND_NONE;
        c->stop_deadline = 0;
        container_send_state(c);
        crash_point(c->manager, STOP_ANNOUNCED);
        r = container_signal_stop(c, signal);
        if (r < 0 && r != -ESRCH)
                return EVENT_STOP_TIMEOUT;
        if (c->spec && c->spec->send_sighup && signal != SIGHUP)
                (void)pidfd_signal(c->leader_fd, SIGHUP);
        crash_point(c->manager, STOP_SENT);
        /* A frozen process does not see its signal. */
        c->freeze_wanted = false;
        (void)cgroup_freeze(c->cgroup.fd, false);
        if (container_arm_stop_timer(c, timeout > USEC_INFINITY - now ? USEC_INFINITY : now + timeout) < 0)
                return EVENT_STOP_TIMEOUT;
        container_send_state(c);
        return _CONTAINER_EVENT_NONE;
}

/* Nobody asked for this end, but it must not take for ever. */
ContainerEvent action_await_end(Container *c) {
        uint64_t timeout = c->spec ? c->spec->timeout_stop_usec : 90 * USEC_PER_SEC,
                 now = now_usec(CLOCK_MONOTONIC);

        if (container_arm_stop_timer(c, timeout > USEC_INFINITY - now ? USEC_INFINITY : now + timeout) < 0)
                return EVENT_STOP_TIMEOUT;
        container_send_state(c);
        return _CONTAINER_EVENT_NONE;
}

ContainerEvent action_terminate(Container *c) {
        if (c->doom == RESULT_SUCCESS)
                c->stop_requested = true;
        return signal_and_wait(c, stop_signal_of(c), c->spec ? c->spec->timeout_stop_usec : 90 * USEC_PER_SEC);
}

ContainerEvent action_abort(Container *c) {
        int signal = c->doom == RESULT_WATCHDOG && c->spec && c->spec->watchdog_signal > 0 ? c->spec->watchdog_signal : SIGABRT;

        c->aborting = true;
        return signal_and_wait(c, signal, c->spec ? c->spec->timeout_abort_usec : 90 * USEC_PER_SEC);
}

/* What TimeoutStopSec= did not end gets one more signal of the unit's choice, and the same time once more. */
ContainerEvent action_final(Container *c) {
        const int signal = c->spec ? c->spec->final_kill_signal : 0;
        uint64_t now = now_usec(CLOCK_MONOTONIC), timeout = c->spec ? c->spec->timeout_stop_usec : 0;

        c->kill_reason = KILL_TIMEOUT;
        if (signal <= 0 || signal == SIGKILL || c->cgroup.fd < 0 || container_signal_all(c, signal) < 0 ||
            container_arm_stop_timer(c, timeout > USEC_INFINITY - now ? USEC_INFINITY : now + timeout) < 0)
                return EVENT_STOP_TIMEOUT;
        container_send_state(c);
        return _CONTAINER_EVENT_NONE;
}

/* It has failed to stop, whenever it does. */
ContainerEvent action_tell(Container *c) {
        _cleanup_free_ char *span = c->spec ? time_span_to_string(c->spec->timeout_stop_usec) : NULL;
        char *text = NULL;

        c->stop_deadline = USEC_INFINITY;
        if (c->doom == RESULT_SUCCESS) {
                c->doom = RESULT_TIMEOUT;
                (void)str_append(&text, "it did not stop within TimeoutStopSec=%s, and SendSIGKILL=no leaves it alone",
                                 strempty(span));
                log_message(&c->manager->config.log, LOG_WARNING, "%s: %s", c->name, strempty(text));
                free(c->last_error);
                c->last_error = text;
        }
        container_send_state(c);
        return _CONTAINER_EVENT_NONE;
}

ContainerEvent action_kill(Container *c) {
        c->stop_deadline = 0;
        c->stop_timer = sd_event_source_disable_unref(c->stop_timer);
        if (c->kill_reason == KILL_NONE)
                c->kill_reason = c->leader_fd >= 0 ? KILL_TIMEOUT : KILL_CANCELED;
        if (c->doom == RESULT_SUCCESS && c->commands.kind != COMMAND_STOP_POST)
                c->stop_requested = true;
        container_send_state(c);
        commands_abandon(c);
        if (c->commands.reaping)
                return EVENT_COMMAND_ENDED;
        if (c->cgroup.fd < 0 || cgroup_kill(c->cgroup.fd) < 0)
                (void)pidfd_signal(c->leader_fd, SIGKILL);
        return _CONTAINER_EVENT_NONE;
}

static void explain_end(Container *c) {
        _cleanup_free_ char *text = NULL;
        int r;

        if (c->result == RESULT_PROTOCOL && c->spec && c->spec->type == CONTAINER_TYPE_FORKING)
                r = str_append(&text, c->spec->pid_file ? "it ended before PIDFile= named a process of it (%s)" :
                                                          "its ExecStart= ended otherwise than with exit code 0 (%s)",
                               container_result_to_string(c->result));
        else if (c->result == RESULT_PROTOCOL)
                r = str_append(&text, "its program ended without having said READY=1 (%s)",
                               container_result_to_string(c->result));
        else if (c->exit.code == 0)
                r = str_append(&text, "it ended, and how is not known: the keeper was lost (%s)",
                               container_result_to_string(c->result));
        else if (c->exit.code == CLD_EXITED)
                r = str_append(&text, "its program ended with exit code %d (%s)", c->exit.status,
                               container_result_to_string(c->result));
        else
                r = str_append(&text, "its program was ended by %s (%s)",
                               strempty(signal_to_string(c->exit.status)),
                               container_result_to_string(c->result));
        if (r < 0)
                return;
        free(c->last_error);
        c->last_error = TAKE_PTR(text);
}

/* The init asked for a reboot: the same container starts once more, from its unit as it is now. One that does so at
 * once would keep the manager busy for ever; it stays down, and failed. */
static bool reboot(Container *c) {
        _cleanup_(diag_done) Diag diag = {};
        uint32_t id;

        if (c->stop_requested || c->job)
                return true;
        if (c->exit.monotonic_usec < c->start_monotonic + REBOOT_UPTIME_MIN) {
                free(c->last_error);
                c->last_error = strdup("its init asked for a reboot within a second of its start; it stays down");
                return false;
        }
        if (container_queue_job(c, JOB_RESTART, JOB_MODE_FAIL, &diag, &id) >= 0)
                return true;
        diag_keep(&diag, &c->last_error);
        return false;
}

/* What the container itself said, or did not say, about its end. */
static ContainerResult result_of_messages(const Container *c, ContainerResult result) {
        if (result != RESULT_SUCCESS || c->stop_requested || !c->spec || !container_type_waits(c->spec->type) ||
            c->notify.facts.ready)
                return result;
        /* One that has started something which ended at once has done what it was asked for. */
        return c->spec->type == CONTAINER_TYPE_FORKING && !c->spec->pid_file && c->exit.code == CLD_EXITED &&
                               c->exit.status == 0 ? RESULT_SUCCESS : RESULT_PROTOCOL;
}

void container_ended(Container *c, const ExitReport *report) {
        bool rebooting = false, good = true;
        const ExecCommand *command;

        if (c->commands.alone) {
                command_ended(c, report);
                return;
        }
        container_look_for_oom(c); /* the word of it may still wait in the queue */
        command = c->commands.kind == COMMAND_START ? command_current(c) : NULL;
        notify_drain(c); /* what it said before */
        c->exit = *report;
        if (c->spec && c->spec->boot)
                exit_of_init(&c->exit, &rebooting);
        if (rebooting)
                good = reboot(c);
        c->result = exit_classify(&(ExitFacts){
                .code = c->exit.code,
                .status = c->exit.status,
                .success = c->spec ? &c->spec->success_exit_status : NULL,
                .oneshot = c->spec && c->spec->type == CONTAINER_TYPE_ONESHOT,
                .stop_requested = c->stop_requested,
                .stop_signal = stop_signal_of(c),
                .timed_out = c->kill_reason == KILL_TIMEOUT,
                .canceled = c->kill_reason == KILL_CANCELED,
                .oom = container_oom_kills(c) > 0 &&
                       (!c->spec || container_spec_oom_policy(c->spec) != OOM_POLICY_CONTINUE ||
                        (c->exit.code == CLD_KILLED && c->exit.status == SIGKILL)),
        });
        if (c->result != RESULT_TIMEOUT && command && command->ignore_failure)
                c->result = RESULT_SUCCESS;
        c->result = result_of_messages(c, c->result);
        if (!good)
                c->result = RESULT_SIGNAL;
        else if (c->kill_reason == KILL_MISMATCH || c->kill_reason == KILL_MAC_LOST)
                c->result = c->kill_reason == KILL_MISMATCH ? RESULT_LABEL_MISMATCH : RESULT_MAC_LOST; /* words are there */
        else if (c->doom != RESULT_SUCCESS)
                c->result = c->doom; /* and so are those */
        else if (c->result != RESULT_SUCCESS)
                explain_end(c);
        (void)container_event(c, EVENT_ENDED);
}

/* Nothing of the unit is run where what confines it was not verified although it wants that, or could not be trusted. */
static bool may_run_commands(const Container *c) {
        return c->commands.opened && c->result != RESULT_LABEL_MISMATCH && c->result != RESULT_MAC_LOST;
}

static ContainerEvent at_rest(const Container *c) {
        if (c->result != RESULT_SUCCESS && c->result != RESULT_EXEC_CONDITION)
                return EVENT_EMPTY_BADLY;
        return c->result == RESULT_SUCCESS && c->spec && c->spec->remain_after_exit && !c->stop_requested ?
                       EVENT_EMPTY_REMAIN : EVENT_EMPTY_WELL;
}

ContainerEvent container_end_event(const Container *c) {
        const bool well = c->result == RESULT_SUCCESS && !c->stop_requested && c->spec &&
                          c->spec->type == CONTAINER_TYPE_ONESHOT;

        if (well && c->commands.kind == COMMAND_START && c->commands.index + 1 < c->spec->exec_start.n)
                return EVENT_NEXT_START;
        if (well && c->commands.kind == COMMAND_START && c->spec->exec_start_post.n > 0)
                return EVENT_NEXT_START_POST;
        if (at_rest(c) != EVENT_EMPTY_REMAIN && c->spec && c->spec->exec_stop_post.n > 0 &&
            c->commands.kind != COMMAND_STOP_POST && may_run_commands(c))
                return EVENT_NEXT_STOP_POST;
        return at_rest(c);
}

static ContainerState state_after(ContainerEvent e) {
        return container_transition(CONTAINER_CLEANING, e).next;
}

/* The change of state that follows is told as it is recorded, to the microsecond. */
void container_save_end(Container *c, ContainerState state) {
        ExitRecord record = { .name = c->name,
                              .state = state,
                              .result = c->result,
                              .exit = c->exit,
                              .invocation = c->invocation,
                              .start_realtime = c->start_realtime,
                              .state_change = now_usec(CLOCK_REALTIME),
                              .id_base = c->id_base,
                              .id_count = c->id_count,
                              .logs_to_journal = c->logs_to_journal,
                              .restart_at = c->restart.at,
                              .n_restarts = c->restart.count,
                              .start_limit = c->restart.limit,
                              .last_error = c->last_error };
        _cleanup_free_ void *data = NULL;
        size_t size;
        int r;

        c->moment[0] = record.state_change;
        c->moment[1] = now_usec(CLOCK_MONOTONIC);
        memcpy(record.active_enter, c->active_enter, sizeof(record.active_enter));
        memcpy(record.active_exit, c->active_exit, sizeof(record.active_exit));
        r = exit_record_encode(&record, &data, &size);
        if (r >= 0)
                r = record_save(c->manager->records_fd, c->name, data, size);
        c->end_saved = r >= 0;
        if (r < 0)
                log_message(&c->manager->config.log, LOG_ERR, "%s: cannot record how it ended: %s", c->name,
                            strerror(-r));
}

bool container_is_empty(const Container *c) {
        CgroupEvents e;

        return c->cgroup.fd < 0 || cgroup_events(c->cgroup.fd, &e) < 0 || !e.populated;
}

ContainerEvent action_clean(Container *c) {
        const bool frozen = c->frozen || c->freeze_wanted;
        ContainerEvent follows;

        c->leader_source = sd_event_source_disable_unref(c->leader_source);
        c->leader_fd = safe_close(c->leader_fd);
        c->leader = 0;
        watchdog_arm(c);
        c->launch = launch_free(c->launch);
        commands_abandon(c);
        c->commands.alone = c->commands.reaping = false;
        c->freeze_wanted = false;
        follows = container_end_event(c);
        if (follows != EVENT_NEXT_START && follows != EVENT_NEXT_START_POST) {
                container_save_end(c, container_plan_restart(c) ? CONTAINER_RESTARTING : state_after(at_rest(c)));
                crash_point(c->manager, END_RECORDED);
        }
        if (c->cgroup.fd >= 0) {
                (void)cgroup_kill(c->cgroup.fd);
                if (frozen) /* what follows would be launched into it */
                        (void)cgroup_freeze(c->cgroup.fd, false);
                c->payload_used = true;
        }
        return container_is_empty(c) ? follows : _CONTAINER_EVENT_NONE;
}

void container_cgroup_changed(Container *c) {
        CgroupEvents e;

        if (c->cgroup.fd < 0)
                return;
        if (c->state == CONTAINER_CLEANING) {
                if (container_is_empty(c))
                        (void)container_event(c, container_end_event(c));
                return;
        }
        command_check_reaped(c);
        if (c->cgroup.fd < 0)
                return;
        if (cgroup_events(c->cgroup.fd, &e) < 0 || e.frozen == c->frozen)
                return;
        c->frozen = e.frozen;
        watchdog_arm(c);
        container_notify(c);
}

void container_release(Container *c) {
        c->life_timer = sd_event_source_disable_unref(c->life_timer);
        c->stop_timer = sd_event_source_disable_unref(c->stop_timer);
        c->leader_source = sd_event_source_disable_unref(c->leader_source);
        c->leader_fd = safe_close(c->leader_fd);
        c->launch = launch_free(c->launch);
        c->spawning = false;
        life_parts_release(c);
}

ContainerEvent action_undo(Container *c) {
        life_parts_undo(c);
        container_release(c);
        container_forget_life(c);
        if (c->end_saved) /* else the keeper keeps it for a manager that can */
                container_send_ack(c);
        crash_point(c->manager, END_ACKNOWLEDGED);
        return container_follow_end(c);
}

ContainerEvent action_forget(Container *c) {
        machine_done(c); /* of a start that was stopped before it had begun */
        container_disarm_restart(c);
        record_remove(c->manager->records_fd, c->name);
        if (c->state == CONTAINER_INACTIVE) {
                c->result = RESULT_SUCCESS;
                free(c->last_error);
                c->last_error = NULL;
        }
        return _CONTAINER_EVENT_NONE;
}

static int on_leader_gone(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Container *c = userdata;

        c->leader_source = sd_event_source_disable_unref(c->leader_source);
        container_ended(c, &(ExitReport){ .valid = true,
                                          .realtime_usec = now_usec(CLOCK_REALTIME),
                                          .monotonic_usec = now_usec(CLOCK_MONOTONIC) });
        return 0;
}

void container_orphaned(Container *c) {
        c->keeper_knows = false;
        if (c->leader_source || c->leader_fd < 0)
                return;
        if (sd_event_add_io(c->manager->event, &c->leader_source, c->leader_fd, EPOLLIN, on_leader_gone, c) <
            0)
                log_message(&c->manager->config.log, LOG_ERR, "%s: cannot watch its leader", c->name);
}
