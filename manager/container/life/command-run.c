/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a command of the unit is run: as a life of its own by the plan of the start, or joined to the payload. */
#include <signal.h>
#include <stdio.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"

/* A command that is killed with its container is told before the container's own end: so long that one is waited for. */
#define END_GRACE (200 * USEC_PER_MSEC)

struct JoinedCommand {
        Container *container;
        uint32_t id;           /* of the session; 0 = not begun, or over */
        bool timed_out;
        sd_event_source *timer;
        int code, status;
        JoinedCommand *next;   /* abandoned: its container went on without it */
};

static JoinedCommand *joined_command_free(JoinedCommand *j) {
        if (!j)
                return NULL;
        j->timer = sd_event_source_disable_unref(j->timer);
        free(j);
        return NULL;
}
DEFINE_CLEANUP(JoinedCommand, joined_command_free)

/* --- what it is told: as systemd.exec(5) has it */

static int add(char ***l, const char *name, const char *value) {
        char *text = NULL;
        int r = str_append(&text, "%s=%s", name, value);

        return r < 0 ? r : strv_push(l, text);
}

static int add_exit(const Container *c, char ***l) {
        static const char *const codes[] = { [CLD_EXITED] = "exited", [CLD_KILLED] = "killed", [CLD_DUMPED] = "dumped" };
        const char *signal = signal_to_string(c->exit.status);
        char number[16];
        int r;

        if (!c->exit.valid || c->exit.code < CLD_EXITED || c->exit.code > CLD_DUMPED)
                return 0;
        (void)snprintf(number, sizeof(number), "%d", c->exit.status);
        r = add(l, "EXIT_CODE", codes[c->exit.code]);
        if (r < 0)
                return r;
        signal = signal && startswith(signal, "SIG") ? signal + strlen("SIG") : signal;
        return add(l, "EXIT_STATUS", c->exit.code == CLD_EXITED || !signal ? number : signal);
}

/* As the command counts, inside. */
static int add_main(const Container *c, char ***l) {
        char number[16];

        if (c->spec->type != CONTAINER_TYPE_FORKING)
                return add(l, "MAINPID", c->spec->init_role ? STRINGIFY(CONTAINER_FIRST_PID) : "1");
        if (c->notify.facts.main == 0)
                return 0; /* not known */
        (void)snprintf(number, sizeof(number), "%u", c->notify.facts.main);
        return add(l, "MAINPID", number);
}

static int variables_of(const Container *c, char ***ret) {
        const CommandKind kind = c->commands.kind;
        char invocation[SD_ID128_STRING_MAX];
        _cleanup_strv_ char **l = NULL;
        int r;

        r = add(&l, "INVOCATION_ID", sd_id128_to_string(c->invocation, invocation));
        if (r >= 0 && c->leader_fd >= 0)
                r = add_main(c, &l);
        if (r >= 0 && (kind == COMMAND_STOP || kind == COMMAND_STOP_POST)) {
                r = add(&l, "SERVICE_RESULT",
                        container_result_to_string(c->doom != RESULT_SUCCESS ? c->doom : c->result));
                if (r >= 0)
                        r = add_exit(c, &l);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

static int command_needs(Container *c, Diag *diag, const PolicySet **ret_policies, char ***ret_variables) {
        int r = variables_of(c, ret_variables);

        return r < 0 ? r : policy_compile(c->spec, c->manager->cache_fd, diag, ret_policies);
}

/* --- a life of its own */

static int plan_alone(Container *c, Diag *diag, Plan **ret) {
        _cleanup_(policy_set_unrefp) const PolicySet *policies = NULL;
        _cleanup_strv_ char **variables = NULL;
        int r = command_needs(c, diag, &policies, &variables);

        if (r >= 0)
                r = plan_build(c->spec, policies,
                               &(PlanParameters){ .id_base = c->id_base,
                                                  .id_count = c->id_count,
                                                  .labels = mac_plan_labels(c),
                                                  .command = command_current(c),
                                                  .directive = command_directive(c->commands.kind),
                                                  .variables = variables },
                               diag, ret);
        return r < 0 ? r : container_omit_steps(c, ret, diag);
}

static int arm_stop(Container *c) {
        uint64_t now = now_usec(CLOCK_MONOTONIC), timeout = c->spec->timeout_stop_usec;

        if (c->commands.kind != COMMAND_STOP && c->commands.kind != COMMAND_STOP_POST)
                return 0;
        return container_arm_stop_timer(c, timeout > USEC_INFINITY - now ? USEC_INFINITY : now + timeout);
}

int command_begin_alone(Container *c, Diag *diag) {
        _cleanup_(launch_freep) Launch *launch = calloc(1, sizeof(*launch));
        int r;

        if (!launch)
                return -ENOMEM;
        r = plan_alone(c, diag, &launch->plan);
        if (r >= 0)
                r = container_renew_cgroup(c, diag);
        if (r >= 0)
                r = container_open_trees(c, &launch->plan->view, &launch->slots, diag);
        if (r >= 0)
                r = outputs_reopen(c, &launch->plan->view, launch);
        if (r >= 0)
                r = arm_stop(c);
        if (r < 0)
                return r;
        c->commands.launch = TAKE_PTR(launch);
        r = container_spawn(c, c->commands.launch);
        if (r < 0)
                c->commands.launch = launch_free(c->commands.launch);
        return r;
}

/* --- joined to the payload */

static void over(JoinedCommand *j, ContainerEvent event) {
        Container *c = j->container;

        c->commands.joined = joined_command_free(j);
        (void)container_event(c, event);
}

static int on_grace(sd_event_source *s, uint64_t usec, void *userdata) {
        JoinedCommand *j = userdata;

        over(j, command_judge(j->container, j->code, j->status, false));
        return 0;
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *userdata) {
        JoinedCommand *j = userdata;

        j->timed_out = true;
        (void)manager_exec_signal(j->container->manager, j->id, SIGKILL);
        return 0;
}

static int arm(JoinedCommand *j, uint64_t usec, sd_event_time_handler_t handler) {
        int r;

        j->timer = sd_event_source_disable_unref(j->timer);
        if (usec == USEC_INFINITY)
                return 0;
        r = sd_event_add_time_relative(j->container->manager->event, &j->timer, CLOCK_MONOTONIC, usec, USEC_PER_MSEC, handler, j);
        return r < 0 ? r : 0;
}

static void forget(JoinedCommand *j) {
        JoinedCommand **at = &j->container->commands.abandoned;

        while (*at && *at != j)
                at = &(*at)->next;
        if (*at)
                *at = j->next;
        (void)joined_command_free(j);
}

static void on_started(int r, const Diag *diag, ExecSession *session, void *userdata) {
        JoinedCommand *j = userdata;
        Container *c = j->container;
        const ExecCommand *e;

        if (c->commands.joined != j) {
                if (r < 0)
                        forget(j);
                else
                        (void)manager_exec_signal(c->manager, session->id, SIGKILL);
                return;
        }
        if (r >= 0) {
                j->id = session->id;
                if (j->timed_out)
                        (void)manager_exec_signal(c->manager, j->id, SIGKILL);
                container_notify(c);
                return;
        }
        e = command_current(c);
        over(j, e && e->ignore_failure ? EVENT_EMPTIED : command_failed(c, RESULT_LAUNCH, diag_to_string(diag, false)));
}

static void on_ended(uint32_t id, int code, int status, void *userdata) {
        JoinedCommand *j = userdata;
        Container *c = j->container;

        if (c->commands.joined != j) {
                forget(j);
                return;
        }
        j->id = 0;
        j->code = code;
        j->status = status;
        if (code == CLD_KILLED && status == SIGKILL && !j->timed_out && arm(j, END_GRACE, on_grace) >= 0)
                return;
        over(j, command_judge(c, code, status, j->timed_out));
}

void commands_abandon(Container *c) {
        JoinedCommand *j = c->commands.joined;
        bool begun = j && j->id != 0;

        c->commands.joined = NULL;
        c->commands.launch = launch_free(c->commands.launch);
        if (!j)
                return;
        j->timer = sd_event_source_disable_unref(j->timer);
        if (!begun && j->code != 0) { /* it is over, and only waited */
                (void)joined_command_free(j);
                return;
        }
        if (begun)
                (void)manager_exec_signal(c->manager, j->id, SIGKILL);
        j->next = c->commands.abandoned; /* its end, or that it did not begin, is still to be told */
        c->commands.abandoned = j;
}

void commands_free(Container *c) {
        commands_abandon(c);
        while (c->commands.abandoned) {
                JoinedCommand *j = c->commands.abandoned;

                c->commands.abandoned = j->next;
                (void)joined_command_free(j);
        }
        c->commands.reload_timer = sd_event_source_disable_unref(c->commands.reload_timer);
}

pid_t command_joined_pid(const Container *c) {
        return c->commands.joined && c->commands.joined->id != 0 ? session_pid(c->manager, c->commands.joined->id) : 0;
}

static void extend(sd_event_source *timer, uint64_t until) {
        uint64_t at;

        if (timer && sd_event_source_get_time(timer, &at) >= 0 && at < until)
                (void)sd_event_source_set_time(timer, until);
}

void command_extend(Container *c, uint64_t until) {
        if (c->commands.joined && c->commands.joined->id != 0)
                extend(c->commands.joined->timer, until);
        extend(c->commands.reload_timer, until);
}

static int plan_joined(Container *c, Diag *diag, Plan **ret) {
        _cleanup_(policy_set_unrefp) const PolicySet *policies = NULL;
        _cleanup_strv_ char **variables = NULL;
        int r = command_needs(c, diag, &policies, &variables);

        if (r >= 0)
                r = plan_build_exec(c->spec, policies,
                                    &(ExecParameters){ .command = command_current(c),
                                                       .command_directive = command_directive(c->commands.kind),
                                                       .environment = variables,
                                                       .user_namespace = c->id_count > 0,
                                                       .labels = mac_plan_labels(c) },
                                    diag, ret);
        return r < 0 ? r : container_omit_steps(c, ret, diag);
}

int command_begin_joined(Container *c, Diag *diag) {
        const uint64_t timeout = c->commands.kind == COMMAND_STOP ? c->spec->timeout_stop_usec : c->spec->timeout_start_usec;
        _cleanup_(joined_command_freep) JoinedCommand *j = malloc(sizeof(*j));
        _cleanup_(plan_freep) Plan *plan = NULL;
        int stdio[3] = { -EBADF, -EBADF, -EBADF }, r;

        if (!j)
                return -ENOMEM;
        *j = (JoinedCommand){ .container = c };
        r = plan_joined(c, diag, &plan);
        if (r >= 0)
                r = outputs_open_again(c, stdio);
        if (r >= 0)
                r = arm(j, timeout, on_timeout);
        if (r >= 0)
                r = session_start_command(c, &plan, stdio, diag,
                                          &(SessionCallbacks){ .started = on_started, .ended = on_ended, .userdata = j });
        for (size_t i = 0; i < ELEMENTSOF(stdio); i++)
                (void)safe_close(stdio[i]);
        if (r < 0)
                return r;
        c->commands.joined = TAKE_PTR(j);
        return 0;
}

/* --- reload */

static int on_reload_timeout(sd_event_source *s, uint64_t usec, void *userdata) {
        _cleanup_free_ char *span = NULL;
        Container *c = userdata;
        char *why = NULL;

        c->commands.reload_timer = sd_event_source_disable_unref(c->commands.reload_timer);
        notify_drain(c); /* what the loop has not come to yet may be the very word */
        if (c->state != CONTAINER_RELOADING || !container_awaits_reload(c))
                return 0;
        span = time_span_to_string(c->spec->timeout_start_usec);
        (void)str_append(&why, "it did not say RELOADING=1 and READY=1 within TimeoutStartSec=%s of its signal", strempty(span));
        (void)container_event(c, command_failed(c, RESULT_TIMEOUT, why));
        return 0;
}

bool container_awaits_reload(const Container *c) {
        return c->notify.reload != RELOAD_NONE;
}

/* The payload is told by its signal first; what it says in answer is heard while the commands run. */
ContainerEvent action_reload(Container *c) {
        int signal = c->spec->reload_signal > 0 ? c->spec->reload_signal : SIGHUP, r;

        c->commands.reload_timer = sd_event_source_disable_unref(c->commands.reload_timer);
        c->notify.reload = RELOAD_NONE;
        if (c->spec->type != CONTAINER_TYPE_NOTIFY_RELOAD)
                return action_run(c);
        c->notify.reload = RELOAD_SIGNALLED;
        c->notify.reload_since = now_usec(CLOCK_MONOTONIC);
        r = pidfd_signal(c->leader_fd, signal);
        if (r >= 0 && c->spec->timeout_start_usec != USEC_INFINITY)
                r = sd_event_add_time_relative(c->manager->event, &c->commands.reload_timer, CLOCK_MONOTONIC,
                                               c->spec->timeout_start_usec, USEC_PER_MSEC, on_reload_timeout, c);
        return r < 0 ? command_failed(c, RESULT_RESOURCES, strdup("it cannot be signalled")) : action_run(c);
}

/* --- after RemainAfterExit= */

ContainerEvent action_revive(Container *c) {
        _cleanup_(diag_done) Diag diag = {};
        int r;

        if (!c->spec)
                container_use_spec(c, c->loaded);
        if (!c->spec || (c->spec->exec_stop.n == 0 && c->spec->exec_stop_post.n == 0))
                return EVENT_EMPTY_WELL;
        r = container_revive(c, &diag);
        if (r >= 0)
                return action_run(c);
        if (diag.n_errors == 0)
                (void)diag_errno(&diag, ERROR_FAILED, NULL, NULL, -r, "cannot prepare the commands of its end");
        diag_keep(&diag, &c->last_error);
        c->result = RESULT_RESOURCES;
        container_save_end(c, CONTAINER_FAILED);
        return EVENT_NOT_PREPARED;
}
