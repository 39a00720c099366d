/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Jobs: at most one a container. A job only says where the container shall go; the state table says how. It
 * is looked at again after every change of state, and ends with one of systemd's words. */
#include "manager/container/container-internal.h"
#include "manager/container/life/parts.h"
#include "manager/host/conditions/condition-facts.h"
#include "manager/host/conditions/mount-facts.h"

#define TELL_AFTER USEC_PER_SEC

static const char *const types[_JOB_TYPE_MAX] = { "start", "stop", "restart", "reload", "nop" };

const char *job_type_to_string(JobType t) {
        return (int)t >= 0 && t < _JOB_TYPE_MAX ? types[t] : NULL;
}

static const char *const modes[_JOB_MODE_MAX] = { "replace", "fail", "ignore-dependencies" };

const char *job_mode_to_string(JobMode m) {
        return (int)m >= 0 && m < _JOB_MODE_MAX ? modes[m] : NULL;
}

JobMode job_mode_from_string(const char *word) {
        for (int m = 0; m < _JOB_MODE_MAX; m++)
                if (streq(modes[m], word))
                        return (JobMode)m;
        return _JOB_MODE_INVALID;
}

Job *job_free(Job *j) {
        if (!j)
                return NULL;
        j->timeout = sd_event_source_disable_unref(j->timeout);
        j->running_timeout = sd_event_source_disable_unref(j->running_timeout);
        j->telling = sd_event_source_disable_unref(j->telling);
        free(j);
        return NULL;
}

bool container_is_dead(const Container *c) {
        return container_phase(c->state) == PHASE_DOWN;
}

static bool is_coming(const Container *c) {
        return container_phase(c->state) == PHASE_COMING;
}

bool container_is_up(const Container *c) {
        return is_coming(c) || container_phase(c->state) == PHASE_UP;
}

bool container_is_ready(const Container *c) {
        return !is_coming(c) &&
               !(c->state == CONTAINER_RUNNING && c->spec && c->spec->type == CONTAINER_TYPE_ONESHOT) &&
               !container_waits_for_ready(c);
}

/* --- the end of a job */

static void set_error(Container *c, char *text) {
        free(c->last_error);
        c->last_error = text;
}

static void fail_follower(Container *c, const Container *failed, const DependencyEdge *e) {
        _cleanup_free_ char *line = dependency_edge_to_string(e);
        char *text = NULL;

        (void)str_append(&text, "%s: it cannot be without %s, which did not start", strempty(line), failed->name);
        set_error(c, text);
        job_finish(c, "dependency", true);
}

static bool is_to_start(const Job *j) {
        return j->type == JOB_START || j->type == JOB_RESTART;
}

static void fail_followers(Container *c) {
        bool again = true;

        /* One by one: whoever hears that a job has ended may change anything. */
        while (again) {
                DependencyNode *n = dependency_find(c->manager->dependencies, c->name);
                DependencyStep s;

                again = false;
                for (size_t cursor = 0; !again && dependency_next(n, EFFECT_FAIL, &cursor, &s);) {
                        Container *other = manager_find(c->manager, dependency_name(s.other));

                        if (!other || !other->job || !is_to_start(other->job) || other->job->begun ||
                            other->job->ignore_order)
                                continue;
                        fail_follower(other, c, s.edge);
                        again = true;
                }
        }
}

static void tell_removed(Manager *m, uint32_t id, Container *c, const char *result) {
        for (size_t i = 0; i < m->n_listeners; i++)
                if (m->listeners[i].callbacks->job_removed)
                        m->listeners[i].callbacks->job_removed(id, c, result, m->listeners[i].userdata);
}

void job_finish(Container *c, const char *result, bool recursive) {
        bool starting = is_to_start(c->job), begun = c->job->begun;
        uint32_t id = c->job->id;

        c->job = job_free(c->job);
        life_parts_moved(c); /* before anybody is told that it is stopped */
        if (!begun)
                free(TAKE_PTR(c->progress)); /* the notice below tells */
        if (starting && !begun && (streq(result, "dependency") || streq(result, "timeout")))
                dependencies_job_failed(c);
        tell_removed(c->manager, id, c, result);
        container_notify(c);
        if (recursive && starting && !streq(result, "done") && !streq(result, "skipped"))
                fail_followers(c);
        dependencies_moved(c);
        if (c->transient)
                transient_schedule(c->manager);
        if (c->restart.due)
                job_schedule(c->manager);
}

/* --- order */

JobPhase job_phase(const Job *j) {
        if (j->type == JOB_RELOAD || j->type == JOB_NOP)
                return PHASE_NONE;
        return j->type == JOB_STOP || (j->type == JOB_RESTART && j->stopping) ? PHASE_STOP : PHASE_START;
}

static JobPhase phase_of(const char *name, void *userdata) {
        const Container *c = manager_find(userdata, name);

        if (!c)
                return PHASE_NONE;
        if (c->job)
                return c->job->ignore_order ? PHASE_NONE : job_phase(c->job);
        return container_is_ready(c) ? PHASE_NONE : PHASE_START;
}

/* --- how long a job may take */

/* The container stays as far as it has come: that a step may take only so long is TimeoutStopSec='s business. */
static void time_out(Container *c, const char *directive, uint64_t usec) {
        _cleanup_free_ char *span = time_span_to_string(usec);
        char *text = NULL;

        (void)str_append(&text, "its %s job took longer than %s=%s", types[c->job->type], directive, strempty(span));
        set_error(c, text);
        job_finish(c, "timeout", true);
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *userdata) {
        Container *c = userdata;
        const ContainerSpec *spec = container_spec(c);

        time_out(c, "JobTimeoutSec", spec ? spec->job_timeout_usec : USEC_INFINITY);
        return 0;
}

static int on_running_timeout(sd_event_source *s, uint64_t usec, void *userdata) {
        Container *c = userdata;
        const ContainerSpec *spec = container_spec(c);

        time_out(c, "JobRunningTimeoutSec", spec ? spec->job_running_timeout_usec : USEC_INFINITY);
        return 0;
}

/* What waits for others is not running, and has JobTimeoutSec= alone. */
static void job_run(Container *c, Job *j) {
        const ContainerSpec *spec = container_spec(c);

        if (j->running)
                return;
        j->running = true;
        j->running_timeout = sd_event_source_disable_unref(j->running_timeout); /* of the first half of a restart */
        if (spec && spec->job_running_timeout_usec != USEC_INFINITY)
                (void)sd_event_add_time_relative(c->manager->event, &j->running_timeout, CLOCK_MONOTONIC,
                                                 spec->job_running_timeout_usec, USEC_PER_MSEC, on_running_timeout, c);
}

static int on_telling(sd_event_source *s, uint64_t usec, void *userdata) {
        container_notify(userdata);
        return 0;
}

/* Whom it waits for can be read at once, and is told to those who listen when it lasts: most waits are over before. */
static void tell_waiting(Container *c, Job *j, const DependencyEdge *e) {
        _cleanup_free_ char *line = dependency_edge_to_string(e);
        const char *from = dependency_name(e->from);
        char *text = NULL;

        if (str_append(&text, "waiting for %s (%s)", streq(from, c->name) ? dependency_name(e->to) : from,
                       strempty(line)) < 0)
                return;
        free(c->progress);
        c->progress = text;
        if (!j->telling)
                (void)sd_event_add_time_relative(c->manager->event, &j->telling, CLOCK_MONOTONIC, TELL_AFTER, USEC_PER_MSEC,
                                                 on_telling, c);
}

static bool may_run(Container *c, Job *j) {
        DependencyGraph *g = c->manager->dependencies;
        const DependencyEdge *e;

        if (j->running)
                return true;
        e = j->ignore_order ? NULL
                            : dependency_waits_for(g, dependency_find(g, c->name), job_phase(j), phase_of, c->manager);
        if (e) {
                tell_waiting(c, j, e);
                return false;
        }
        job_run(c, j);
        j->telling = sd_event_source_disable_unref(j->telling);
        free(TAKE_PTR(c->progress)); /* the change of state that follows tells */
        return true;
}

/* --- what a start needs at the moment when it begins: Requisite=, and BindsTo= together with After= */

static bool is_after(const DependencyNode *n, const DependencyNode *other) {
        DependencyStep s;

        for (size_t cursor = 0; dependency_next(n, EFFECT_AFTER, &cursor, &s);)
                if (s.other == other)
                        return true;
        return false;
}

/* Is it on its way, so that its start will end without anything from us? */
static bool is_starting(const Container *c) {
        return is_coming(c) || (c->job && c->job->begun && is_to_start(c->job));
}

static const char *check_needs(Container *c, const Job *j, bool *ret_wait) {
        const DependencyNode *n = dependency_find(c->manager->dependencies, c->name);
        DependencyStep s;

        for (size_t cursor = 0; !j->ignore_order && dependency_next(n, EFFECT_VERIFY | EFFECT_NEEDS, &cursor, &s);) {
                const Container *other = manager_find(c->manager, dependency_name(s.other));
                _cleanup_free_ char *line = NULL;
                char *text = NULL;

                if (!FLAGS_SET(s.effects, EFFECT_VERIFY) && !is_after(n, s.other))
                        continue;
                if (other && is_starting(other)) {
                        *ret_wait = true;
                        continue;
                }
                if (other && container_is_up(other))
                        continue;
                line = dependency_edge_to_string(s.edge);
                (void)str_append(&text, "%s: %s is not active", strempty(line), dependency_name(s.other));
                set_error(c, text);
                return "dependency";
        }
        return NULL;
}

/* The answers below: the job's result, NULL = it goes on. *moved: the state may have changed, look again. */

static const char *advance_stop(Container *c, Job *j, bool *moved) {
        if (container_is_dead(c) || (j->type == JOB_RESTART && c->state == CONTAINER_RESTARTING))
                return "done";
        if (container_is_up(c) && !may_run(c, j))
                return NULL;
        job_run(c, j);
        *moved = container_event(c, EVENT_STOP);
        return NULL;
}

/* Asked when the start begins, of what is on the host then. Traffic that comes to sockets which are open asks no more: it
 * would be lost without a word. The answer: the job's result, NULL = it may start. */
static const char *check_conditions(Container *c, bool *moved) {
        const ContainerSpec *spec = container_spec(c);
        ConditionVerdict v;
        char *text = NULL;

        if (!spec || c->state == CONTAINER_LISTENING)
                return NULL;
        v = conditions_judge(spec, &c->manager->host, condition_facts_gather);
        c->condition_missed = !v.met && !v.asserts;
        c->assert_missed = !v.met && v.asserts;
        if (v.met)
                return NULL;
        (void)condition_verdict_to_string(&v, &text);
        set_error(c, text);
        if (c->state == CONTAINER_RESTARTING) /* none of its times comes when it would be */
                *moved = container_event(c, EVENT_STOP);
        container_notify(c);
        return v.asserts ? "failed" : "skipped";
}

/* Without its mount a path leads to what lies beneath, which the container would take for its own. */
static const char *check_mounts(Container *c, bool *moved) {
        const ContainerSpec *spec = container_spec(c);
        _cleanup_free_ char *point = NULL;
        char *text = NULL;
        MountNeed need;

        if (!spec || mount_need_missing(spec, &need, &point) < 0 || !point)
                return NULL;
        (void)str_append(&text, "%s=: %s needs %s of /etc/fstab, which is not mounted (%s:%u)", directives[need.directive].name,
                         need.path, point, strempty(need.origin->file), need.origin->line);
        set_error(c, text);
        if (c->state == CONTAINER_RESTARTING)
                *moved = container_event(c, EVENT_STOP);
        return "dependency";
}

static const char *begin_start(Container *c, Job *j, bool *moved) {
        const char *result;
        bool wait = false;

        if (c->manager->reexec.refused || !may_run(c, j))
                return NULL;
        result = check_needs(c, j, &wait);
        if (result || wait)
                return result;
        j->begun = true;
        if (!c->loaded) { /* it was good when the job was made; daemon-reload has found otherwise */
                set_error(c, c->load_error ? strdup(c->load_error) : NULL);
                return "failed";
        }
        result = check_conditions(c, moved);
        if (!result)
                result = check_mounts(c, moved);
        if (result)
                return result;
        if (sockets_wait(c)) {
                c->result = RESULT_SUCCESS;
                set_error(c, NULL);
                *moved = container_event(c, EVENT_LISTEN);
                return NULL;
        }
        if (!container_take_start(c)) {
                (void)container_event(c, EVENT_START_LIMIT);
                return "failed";
        }
        *moved = container_event(c, EVENT_START);
        c->sockets.triggered = false;
        return NULL;
}

static const char *advance_start(Container *c, Job *j, bool *moved) {
        switch (c->state) {
        case CONTAINER_INACTIVE:
                if (!j->begun)
                        return begin_start(c, j, moved);
                return c->result == RESULT_EXEC_CONDITION ? "skipped" : "done"; /* a oneshot that came to its end */
        case CONTAINER_FAILED:
                if (j->begun)
                        return c->result == RESULT_POLICY || c->result == RESULT_PROBE ? "refused" : "failed";
                return begin_start(c, j, moved);
        case CONTAINER_RESTARTING:
                if (j->begun)
                        return c->result == RESULT_SUCCESS ? "done" : "failed";
                /* Who starts it waits for its time; who restarts it does not. */
                return j->type == JOB_RESTART ? begin_start(c, j, moved) : NULL;
        case CONTAINER_RUNNING:
        case CONTAINER_RELOADING:
                j->begun = true;
                job_run(c, j);
                return container_is_ready(c) ? "done" : NULL;
        case CONTAINER_EXITED:
                return "done";
        case CONTAINER_LISTENING:
                if (c->sockets.triggered && !j->begun)
                        return begin_start(c, j, moved);
                return c->result == RESULT_SUCCESS || !j->begun ? "done" : "failed";
        case CONTAINER_ASSEMBLING:
        case CONTAINER_PREPARING:
        case CONTAINER_PROBING:
        case CONTAINER_CONDITION:
        case CONTAINER_START_PRE:
        case CONTAINER_LAUNCHING:
        case CONTAINER_START_POST:
                j->begun = true;
                job_run(c, j);
                return NULL;
        case CONTAINER_STOP:
        case CONTAINER_STOPPING:
        case CONTAINER_KILLING:
        case CONTAINER_CLEANING:
        case CONTAINER_STOP_POST:
        case _CONTAINER_STATE_MAX:
        case _CONTAINER_STATE_INVALID:
                break;
        }
        return NULL;
}

static const char *advance_restart(Container *c, Job *j, bool *moved) {
        if (!j->stopping)
                return advance_start(c, j, moved);
        if (advance_stop(c, j, moved)) {
                j->stopping = j->running = false;
                *moved = true;
                dependencies_moved(c); /* those whose stop had to be first need not wait any more */
        }
        return NULL;
}

/* It waits for a start that is under way; whoever goes down meanwhile cannot be reloaded any more. */
static const char *advance_reload(Container *c, Job *j, bool *moved) {
        if (c->state == CONTAINER_RELOADING || is_coming(c) || (c->state == CONTAINER_RUNNING && !container_is_ready(c)))
                return NULL;
        if (c->state == CONTAINER_RUNNING && j->begun)
                return c->commands.reload_failed ? "failed" : "done";
        if (c->state != CONTAINER_RUNNING || j->begun)
                return "failed";
        if (c->frozen || c->freeze_wanted) {
                set_error(c, strdup("it is frozen; thaw it first"));
                return "failed";
        }
        j->begun = true;
        job_run(c, j);
        *moved = container_event(c, EVENT_RELOAD);
        return NULL;
}

static const char *advance(Container *c, Job *j, bool *moved) {
        switch (j->type) {
        case JOB_START:
                return advance_start(c, j, moved);
        case JOB_STOP:
                return advance_stop(c, j, moved);
        case JOB_RESTART:
                return advance_restart(c, j, moved);
        case JOB_RELOAD:
                return advance_reload(c, j, moved);
        case JOB_NOP:
                return "done";
        case _JOB_TYPE_MAX:
                break;
        }
        return "failed";
}

void job_advance(Container *c) {
        bool moved = true;

        /* What the job causes comes back here while it is being looked at; the loop sees it afterwards. */
        if (c->job && c->job->advancing)
                return;
        while (c->job && moved) {
                Job *j = c->job;
                uint32_t id = j->id;
                const char *result;

                moved = false;
                j->advancing = true;
                result = advance(c, j, &moved);
                if (!c->job || c->job->id != id) /* a listener canceled it */
                        break;
                j->advancing = false;
                if (result)
                        job_finish(c, result, true);
        }
}

static int on_jobs(sd_event_source *s, void *userdata) {
        Manager *m = userdata;

        (void)sd_event_source_set_enabled(s, SD_EVENT_OFF);
        dependencies_settle(m);
        for (size_t i = 0; i < m->n_sorted; i++)
                if (m->sorted[i]->job)
                        job_advance(m->sorted[i]);
                else
                        container_check_restart(m->sorted[i]);
        manager_finish_shutdown(m);
        manager_check_rest(m);
        return 0;
}

void job_schedule(Manager *m) {
        if (!m->job_source && sd_event_add_defer(m->event, &m->job_source, on_jobs, m) < 0)
                return;
        (void)sd_event_source_set_enabled(m->job_source, SD_EVENT_ONESHOT);
}

/* --- the begin and the early end of a job */

static int arm_timeout(Container *c, Job *j) {
        const ContainerSpec *spec = container_spec(c);
        int r;

        if (!spec || spec->job_timeout_usec == USEC_INFINITY)
                return 0;
        r = sd_event_add_time_relative(c->manager->event, &j->timeout, CLOCK_MONOTONIC, spec->job_timeout_usec,
                                       USEC_PER_MSEC, on_timeout, c);
        return r < 0 ? r : 0;
}

int job_install(Container *c, JobType type, bool ignore_order, uint32_t *ret_id) {
        Manager *m = c->manager;
        Job *j = calloc(1, sizeof(*j));
        int r;

        if (!j)
                return -ENOMEM;
        *j = (Job){ .type = type, .stopping = type == JOB_RESTART, .ignore_order = ignore_order };
        r = arm_timeout(c, j);
        if (r < 0) {
                (void)job_free(j);
                return r;
        }
        j->id = ++m->last_job;
        c->job = j;
        if (ret_id)
                *ret_id = j->id;
        for (size_t i = 0; i < m->n_listeners; i++)
                if (m->listeners[i].callbacks->job_new)
                        m->listeners[i].callbacks->job_new(m->last_job, c, m->listeners[i].userdata);
        job_schedule(m);
        return 0;
}

void job_grow(Container *c, JobType type) {
        Job *j = c->job;

        j->type = type;
        j->stopping = type == JOB_RESTART;
        j->running = j->begun = false;
        j->running_timeout = sd_event_source_disable_unref(j->running_timeout);
        container_notify(c);
        job_schedule(c->manager);
}

int job_restore(Container *c, JobType type) {
        return c->job ? 0 : job_install(c, type, false, NULL);
}

int manager_cancel_job(Manager *m, uint32_t id, Diag *diag) {
        for (size_t i = 0; i < m->n_sorted; i++)
                if (m->sorted[i]->job && m->sorted[i]->job->id == id) {
                        job_finish(m->sorted[i], "canceled", true);
                        return 0;
                }
        return diag_error(diag, ERROR_NOT_ACTIVE, NULL, NULL, "there is no job %u", (unsigned)id);
}
