/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <time.h>

#include "manager/container/container-internal.h"
#include "manager/container/life/parts.h"

uint64_t now_usec(clockid_t clock) {
        struct timespec t;

        (void)clock_gettime(clock, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / NSEC_PER_USEC;
}

void diag_keep(const Diag *diag, char **text) {
        free(*text);
        *text = diag && diag->n_errors > 0 ? diag_to_string(diag, false) : NULL;
}

int container_make(Manager *m, const char *name, Container **ret) {
        Container *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        c->name = strdup(name);
        if (!c->name || asprintf(&c->log_directory, "%s/logs/%s", m->config.state_directory, name) < 0) {
                free(c->name);
                free(c);
                return -ENOMEM;
        }
        c->manager = m;
        c->leader_fd = -EBADF;
        c->attached = ATTACHMENT_NONE;
        c->watch = c->oom_watch = -1;
        c->notify.fd = -EBADF;
        c->names.hosts.fd = -EBADF;
        c->cgroup = CGROUP_EMPTY;
        c->machine = MACHINE_EMPTY;
        c->load = c->told.load = LOAD_NOT_FOUND;
        c->launch_error = _ERROR_CODE_INVALID;
        *ret = c;
        return 0;
}

void container_destroy(Container *c) {
        if (!c)
                return;
        container_release(c);
        c->job = job_free(c->job);
        container_disarm_restart(c);
        c->automatic_timer = sd_event_source_disable_unref(c->automatic_timer);
        free(c->progress);
        container_use_spec(c, NULL);
        container_use_limits(c, NULL);
        if (c->loaded)
                (void)container_spec_unref((ContainerSpec *)c->loaded);
        life_parts_done(c);
        free(c->name);
        free(c->log_directory);
        free(c->load_error);
        attachment_done(&c->attached);
        free(c->last_error);
        free(c);
}

bool container_is_down(const Container *c) {
        return c->state == CONTAINER_INACTIVE || c->state == CONTAINER_EXITED ||
               c->state == CONTAINER_FAILED;
}

bool container_is_running(const Container *c) {
        return c->leader_fd >= 0 && (c->state == CONTAINER_RUNNING || c->state == CONTAINER_RELOADING ||
                                     (c->state == CONTAINER_START_POST && !c->commands.alone));
}

static bool is_active(const Container *c) {
        const char *s = container_active_state(c);

        return streq(s, "active") || streq(s, "reloading");
}

static EventFacts event_facts(const Container *c) {
        const char *state = container_active_state(c);
        const bool payload = c->leader_fd >= 0 && !c->commands.alone && c->state != CONTAINER_PROBING;

        return (EventFacts){ .load = c->load,
                             .state = c->state,
                             .active = is_active(c) && c->state != CONTAINER_LISTENING,
                             .reloading = streq(state, "reloading"),
                             .live = container_is_running(c),
                             .frozen = c->frozen,
                             .mac_lost = c->mac_lost,
                             .health = (HealthState)c->health.facts.state,
                             .started = payload ? c->start_realtime : 0,
                             .ended = c->exit.valid ? c->exit.monotonic_usec : 0,
                             .oom_kills = c->oom_seen,
                             .refused = c->n_refused };
}

void container_skip_events(Container *c) {
        const LoadState told = c->told.load;

        c->told = event_facts(c);
        c->told.load = told;
}

void container_tell_events(Container *c) {
        const EventFacts now = event_facts(c);
        bool happened[_EVENT_KIND_MAX];
        Manager *m = c->manager;

        events_between(&c->told, &now, happened);
        c->told = now;
        for (EventKind kind = 0; kind < _EVENT_KIND_MAX; kind++)
                for (size_t i = 0; happened[kind] && i < m->n_listeners; i++)
                        if (m->listeners[i].callbacks->event)
                                m->listeners[i].callbacks->event(c, kind, m->listeners[i].userdata);
}

void container_notify(Container *c) {
        Manager *m = c->manager;

        container_tell_events(c);

        for (size_t i = 0; i < m->n_listeners; i++)
                if (m->listeners[i].callbacks->container_changed)
                        m->listeners[i].callbacks->container_changed(c, m->listeners[i].userdata);
}

static void stamp(Container *c, uint64_t pair[static 2]) {
        pair[0] = c->moment[0] > 0 ? c->moment[0] : now_usec(CLOCK_REALTIME);
        pair[1] = c->moment[1] > 0 ? c->moment[1] : now_usec(CLOCK_MONOTONIC);
}

void container_stamp_active(Container *c) {
        stamp(c, c->active_enter);
        c->state_change = c->active_enter[0];
}

void container_stamp_start(Container *c) {
        c->moment[0] = c->start_realtime;
        c->moment[1] = c->start_monotonic;
        if (is_active(c)) /* Type=simple, which counts from before */
                memcpy(c->active_enter, c->moment, sizeof(c->moment));
}

/* What may not run out in the state that it is in now. */
static void disarm_timers(Container *c) {
        const struct {
                sd_event_source **source;
                unsigned timers;
        } rows[] = {
                { &c->life_timer, TIMER_START | TIMER_RUN },
                { &c->stop_timer, TIMER_STOP },
                { &c->restart.timer, TIMER_RESTART },
                { &c->commands.reload_timer, TIMER_RELOAD },
        };
        const unsigned may = container_state_row(c->state)->timers;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (!(rows[i].timers & may))
                        *rows[i].source = sd_event_source_disable_unref(*rows[i].source);
}

void container_restore_state(Container *c, ContainerState state) {
        bool was_active = is_active(c);
        uint64_t when[2];

        stamp(c, when);
        memset(c->moment, 0, sizeof(c->moment));
        c->state = state;
        disarm_timers(c);
        c->state_change = when[0];
        if (!was_active && is_active(c))
                memcpy(c->active_enter, when, sizeof(when));
        else if (was_active && !is_active(c))
                memcpy(c->active_exit, when, sizeof(when));
}

static ContainerEvent (*const actions[_CONTAINER_ACTION_MAX])(Container *c) = {
        [ACTION_ASSEMBLE] = action_assemble,
        [ACTION_PREPARE] = action_prepare,     [ACTION_LAUNCH] = action_launch,
        [ACTION_VERIFY] = action_verify,
        [ACTION_TERMINATE] = action_terminate, [ACTION_KILL] = action_kill,
        [ACTION_AWAIT_END] = action_await_end, [ACTION_ABORT] = action_abort,
        [ACTION_CLEAN] = action_clean,         [ACTION_UNDO] = action_undo,
        [ACTION_FORGET] = action_forget,       [ACTION_JUDGE] = action_judge,
        [ACTION_WAIT] = action_wait,           [ACTION_RUN] = action_run,
        [ACTION_REAP] = action_reap,           [ACTION_RELOAD] = action_reload,
        [ACTION_REVIVE] = action_revive,       [ACTION_FINAL] = action_final,
        [ACTION_TELL] = action_tell,           [ACTION_LISTEN] = action_listen,
};

bool container_event(Container *c, ContainerEvent event) {
        ContainerState before = c->state;
        bool moved = false;

        while (event >= 0) {
                Transition t = container_transition(c->state, event);

                if (!t.allowed)
                        break;
                moved = true;
                container_restore_state(c, t.next);
                event = actions[t.action] ? actions[t.action](c) : _CONTAINER_EVENT_NONE;
                if (event != EVENT_RESTART && event != EVENT_LISTEN) /* else it is down for nobody */
                        container_tell_events(c);
        }
        if (moved) {
                /* Back in a state that nothing else is sent with. */
                if (c->state == CONTAINER_RUNNING && (before == CONTAINER_START_POST || before == CONTAINER_RELOADING))
                        container_send_state(c);
                container_arm_life(c);
                dependencies_state_changed(c, before);
                container_notify(c);
                /* At once, not later: a job that wants to see "running" must not find the end that came with
                 * it. */
                job_advance(c);
                life_parts_moved(c);
                if (c->transient)
                        transient_schedule(c->manager);
                if (c->manager->shutting_down || c->manager->reexec.refused)
                        job_schedule(c->manager);
        }
        return moved;
}
