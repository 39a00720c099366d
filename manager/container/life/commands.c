/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which command is run when, and what its end means; how it is run: command-run.c. */
#include <signal.h>
#include <stdio.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"
#include "manager/host/part.h"
#include "manager/record/blob.h"
#include "manager/record/exit-record.h"

static const DirectiveId directive_of_kind[_COMMAND_KIND_MAX] = {
        [COMMAND_NONE] = _DIRECTIVE_INVALID,
        [COMMAND_START] = DIRECTIVE_ExecStart,
        [COMMAND_CONDITION] = DIRECTIVE_ExecCondition,
        [COMMAND_START_PRE] = DIRECTIVE_ExecStartPre,
        [COMMAND_START_POST] = DIRECTIVE_ExecStartPost,
        [COMMAND_RELOAD] = DIRECTIVE_ExecReload,
        [COMMAND_STOP] = DIRECTIVE_ExecStop,
        [COMMAND_STOP_POST] = DIRECTIVE_ExecStopPost,
};

const value_exec_list *command_list(const ContainerSpec *spec, CommandKind kind) {
        return container_spec_field_const(spec, directive_of_kind[kind]);
}

const char *command_directive(CommandKind kind) {
        return directives[directive_of_kind[kind]].name;
}

const ExecCommand *command_current(const Container *c) {
        const value_exec_list *l = c->spec && c->commands.kind != COMMAND_NONE ? command_list(c->spec, c->commands.kind) : NULL;

        return l && c->commands.index < l->n ? l->items + c->commands.index : NULL;
}

void commands_begin_life(Container *c) {
        commands_abandon(c);
        c->commands.reload_timer = sd_event_source_disable_unref(c->commands.reload_timer);
        c->commands = (Commands){ .abandoned = c->commands.abandoned };
}

/* --- what its end means */

static char *explain(const Container *c, const ExecCommand *e, ContainerResult result, int code, int status) {
        const char *name = command_directive(c->commands.kind), *word = container_result_to_string(result);
        char *text = NULL;
        int r;

        r = e->origin.file ? str_append(&text, "%s:%u: ", e->origin.file, e->origin.line) : 0;
        if (r >= 0 && result == RESULT_TIMEOUT)
                r = str_append(&text, "%s=%s took too long (%s)", name, e->path, word);
        else if (r >= 0 && result == RESULT_EXEC_CONDITION)
                r = str_append(&text, "%s=%s ended with exit code %d: the start is skipped (%s)", name, e->path, status, word);
        else if (r >= 0 && code == CLD_EXITED)
                r = str_append(&text, "%s=%s ended with exit code %d (%s)", name, e->path, status, word);
        else if (r >= 0 && code == 0)
                r = str_append(&text, "how %s=%s ended is not known: the keeper was lost (%s)", name, e->path, word);
        else if (r >= 0)
                r = str_append(&text, "%s=%s was ended by %s (%s)", name, e->path, strempty(signal_to_string(status)), word);
        if (r < 0) {
                free(text);
                return NULL;
        }
        return text;
}

/* systemd's rules: what is a success of the payload is one of a command; but no signal is. */
static ContainerResult classify(const Container *c, int code, int status, bool timed_out) {
        ContainerResult result = exit_classify(&(ExitFacts){ .code = code,
                                                             .status = status,
                                                             .success = &c->spec->success_exit_status,
                                                             .oneshot = true,
                                                             .timed_out = timed_out });

        if (c->commands.kind == COMMAND_CONDITION && result == RESULT_EXIT_CODE && status < 255)
                return RESULT_EXEC_CONDITION;
        return result;
}

static void set_error(Container *c, char *why) {
        if (!why)
                return;
        free(c->last_error);
        c->last_error = why;
}

/* The failure of a command beside the payload: what follows from it. */
ContainerEvent command_failed(Container *c, ContainerResult result, char *why) {
        static const ContainerEvent dooms[_FAILURE_MODE_MAX] = { [FAILURE_TERMINATE] = EVENT_DOOM,
                                                                 [FAILURE_ABORT] = EVENT_DOOM_ABORT,
                                                                 [FAILURE_KILL] = EVENT_DOOM_KILL };

        log_message(&c->manager->config.log, LOG_WARNING, "%s: %s", c->name, strempty(why));
        if (c->commands.kind == COMMAND_RELOAD) {
                c->commands.reload_failed = true;
                c->commands.kind = COMMAND_NONE;
                set_error(c, why);
                return EVENT_COMMAND_FAILED;
        }
        if (c->result == RESULT_SUCCESS && c->doom == RESULT_SUCCESS) {
                c->result = result;
                set_error(c, why);
        } else
                free(why);
        if (c->commands.alone)
                return EVENT_COMMAND_FAILED;
        if (c->doom == RESULT_SUCCESS)
                c->doom = c->result;
        if (c->commands.kind == COMMAND_START_POST)
                return dooms[result == RESULT_TIMEOUT ? c->spec->timeout_start_failure_mode : FAILURE_TERMINATE];
        c->commands.kind = COMMAND_NONE;
        return EVENT_COMMANDS_DONE; /* the signal is what is left to stop it */
}

ContainerEvent command_judge(Container *c, int code, int status, bool timed_out) {
        const ExecCommand *e = command_current(c);
        ContainerResult result = classify(c, code, status, timed_out);
        char *why;

        if (!e || result == RESULT_SUCCESS)
                return EVENT_EMPTIED;
        why = explain(c, e, result, code, status);
        if (!e->ignore_failure || timed_out)
                return command_failed(c, result, why);
        log_message(&c->manager->config.log, LOG_INFO, "%s: %s, which its '-' ignores", c->name, strempty(why));
        free(why);
        return EVENT_EMPTIED;
}

/* It was ended because the life was: then its own exit code says nothing. */
static bool was_ended(Container *c) {
        if (c->kill_reason == KILL_MISMATCH || c->kill_reason == KILL_MAC_LOST)
                c->result = c->kill_reason == KILL_MISMATCH ? RESULT_LABEL_MISMATCH : RESULT_MAC_LOST;
        else if (c->doom != RESULT_SUCCESS && c->commands.kind != COMMAND_STOP_POST)
                c->result = c->doom;
        else
                return c->stop_requested && c->kill_reason != KILL_TIMEOUT && c->commands.kind != COMMAND_STOP &&
                       c->commands.kind != COMMAND_STOP_POST;
        return true;
}

void command_ended(Container *c, const ExitReport *report) {
        c->commands.reaping = true;
        c->commands.good = !was_ended(c) &&
                           command_judge(c, report->code, report->status, c->kill_reason == KILL_TIMEOUT) == EVENT_EMPTIED;
        (void)container_event(c, EVENT_COMMAND_ENDED);
}

void command_not_started(Container *c, const StepFailure *failure) {
        const ExecCommand *e = command_current(c);
        _cleanup_(diag_done) Diag diag = {};

        if (c->commands.launch)
                (void)step_failure_explain(c->commands.launch->plan, failure, &diag);
        c->commands.launch = launch_free(c->commands.launch);
        if (failure->kind == STEP_EXECUTE && e && e->ignore_failure && c->kill_reason == KILL_NONE) {
                c->commands.reaping = c->commands.good = true;
                (void)container_event(c, EVENT_COMMAND_ENDED);
                return;
        }
        if (!was_ended(c) && c->kill_reason != KILL_CANCELED) {
                c->launch_error = diag_first_code(&diag);
                (void)command_failed(c, RESULT_LAUNCH, diag_to_string(&diag, false));
        }
        (void)container_event(c, EVENT_NOT_STARTED);
}

/* --- one after another */

bool command_awaits_start_post(const Container *c) {
        return c->state == CONTAINER_RUNNING && c->commands.kind == COMMAND_START && c->spec &&
               c->spec->exec_start_post.n > 0 && c->spec->type != CONTAINER_TYPE_ONESHOT;
}

/* A stop of what never came up has nobody to tell: ExecStopPost= are for that. */
static bool is_to_be_stopped(const Container *c) {
        if (c->leader_fd < 0)
                return !c->launch; /* RemainAfterExit= */
        return c->spec->type != CONTAINER_TYPE_ONESHOT && container_was_ready(c);
}

static ContainerEvent finished(Container *c) {
        const bool over = c->leader_fd < 0 && !c->launch && c->commands.kind != COMMAND_CONDITION &&
                          c->commands.kind != COMMAND_START_PRE;

        if (c->commands.kind == COMMAND_START_POST)
                watchdog_arm(c);
        if (!over)
                c->commands.kind = COMMAND_NONE;
        return over ? EVENT_COMMANDS_OVER : EVENT_COMMANDS_DONE;
}

static ContainerEvent cannot_begin(Container *c, int r, Diag *diag) {
        char *why;

        if (diag->n_errors == 0)
                (void)diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot run %s=", command_directive(c->commands.kind));
        why = diag_to_string(diag, false);
        return command_failed(c, RESULT_RESOURCES, why);
}

ContainerEvent command_continue(Container *c) {
        _cleanup_(diag_done) Diag diag = {};
        ContainerEvent e;
        int r;

        c->commands.reaping = false;
        if (!command_current(c)) {
                if (c->commands.kind == COMMAND_RELOAD && container_awaits_reload(c))
                        return _CONTAINER_EVENT_NONE;
                e = finished(c);
                if (c->leader_fd >= 0 && c->commands.index > 0)
                        container_send_state(c);
                return e;
        }
        c->commands.alone = c->leader_fd < 0;
        c->commands.begun = now_usec(CLOCK_MONOTONIC);
        r = c->commands.alone ? command_begin_alone(c, &diag) : command_begin_joined(c, &diag);
        if (r < 0)
                return cannot_begin(c, r, &diag);
        if (c->commands.alone) { /* the launch has it in its state */
                container_arm_life(c);
                return _CONTAINER_EVENT_NONE;
        }
        container_send_state(c);
        return _CONTAINER_EVENT_NONE;
}

void command_reloaded(Container *c) {
        if (c->state == CONTAINER_RELOADING && c->commands.kind == COMMAND_RELOAD && !c->commands.joined)
                (void)container_event(c, command_continue(c));
}

static void enter(Container *c, CommandKind kind) {
        c->commands.kind = kind;
        c->commands.index = 0;
        if (kind == COMMAND_RELOAD)
                c->commands.reload_failed = false;
        if (kind == COMMAND_STOP)
                c->stop_requested = true;
        if (kind == COMMAND_STOP_POST) { /* how the payload was ended is its own affair */
                c->kill_reason = KILL_NONE;
                c->aborting = false;
        }
}

ContainerEvent action_run(Container *c) {
        CommandKind kind = container_state_row(c->state)->commands;

        c->commands.opened = true;
        if (c->commands.kind == kind)
                c->commands.index++;
        else
                enter(c, kind);
        if (kind == COMMAND_STOP && !is_to_be_stopped(c)) {
                c->commands.kind = COMMAND_NONE;
                return EVENT_COMMANDS_DONE;
        }
        if (kind == COMMAND_STOP && c->spec->exec_stop.n > 0) { /* a frozen process can neither run nor follow it */
                c->freeze_wanted = false;
                (void)cgroup_freeze(c->cgroup.fd, false);
        }
        return command_continue(c);
}

static ContainerEvent after_command(const Container *c) {
        return c->commands.good ? EVENT_EMPTIED : EVENT_COMMAND_FAILED;
}

ContainerEvent action_reap(Container *c) {
        c->stop_timer = sd_event_source_disable_unref(c->stop_timer);
        c->stop_deadline = 0;
        c->leader_source = sd_event_source_disable_unref(c->leader_source);
        c->leader_fd = safe_close(c->leader_fd);
        c->leader = 0;
        c->commands.launch = launch_free(c->commands.launch);
        return container_is_empty(c) ? after_command(c) : _CONTAINER_EVENT_NONE;
}

/* Its control group has become empty, perhaps. */
void command_check_reaped(Container *c) {
        if (c->commands.reaping && container_is_empty(c))
                (void)container_event(c, after_command(c));
}

/* --- as a part of the life */

static void commands_save(const Container *c, Blob *b) {
        b->command_kind = c->commands.kind;
        b->command_index = c->commands.index;
        b->command_alone = c->commands.alone;
}

static void commands_adopt(Container *c, Adoption *a) {
        commands_begin_life(c);
        if (a->blob->command_kind < _COMMAND_KIND_MAX)
                c->commands.kind = (CommandKind)a->blob->command_kind;
        c->commands.index = a->blob->command_index;
        c->commands.alone = a->blob->command_alone;
        c->commands.opened = true; /* something of it was launched */
        c->commands.begun = c->start_monotonic;
}

const LifePart part_commands = {
        .name = "commands",
        .begin = commands_begin_life,
        .release = commands_abandon,
        .save = commands_save,
        .adopt = commands_adopt,
        .done = commands_free,
};
