/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What nobody asked for but follows: OnFailure=, OnSuccess= and PropagatesStopTo= from the end of a life; BindsTo=,
 * Upholds= and StopWhenUnneeded= from how things stand. Looked at from the loop, so that whatever moved has come to
 * rest, and never while the manager stops everything. */
#include "manager/container/container-internal.h"

/* Starts of one container that nobody asked for. More, and they go round in a circle: the payload that is upheld ends at
 * once, two that fail start each other. */
#define AUTOMATIC_BURST 5U
#define AUTOMATIC_INTERVAL (10 * USEC_PER_SEC)

static bool has_rules(const Container *c) {
        return dependency_find(c->manager->dependencies, c->name) || (c->loaded && c->loaded->stop_when_unneeded);
}

static void note(Container *c, unsigned consequences) {
        if (!has_rules(c))
                return;
        c->consequences |= consequences;
        c->manager->to_settle = true;
        job_schedule(c->manager);
}

/* To those that are bound to it: unless RestartMode=direct, waiting for the next life is being down. */
static bool container_is_gone(const Container *c) {
        return container_is_dead(c) ||
               (c->state == CONTAINER_RESTARTING && !(c->spec && c->spec->restart_mode == RESTART_MODE_DIRECT));
}

void dependencies_moved(Container *c) {
        note(c, CONSEQUENCE_MOVED);
}

void dependencies_job_failed(Container *c) {
        note(c, CONSEQUENCE_FAILURE);
}

void dependencies_state_changed(Container *c, ContainerState before) {
        bool restarts = c->job && c->job->type == JOB_RESTART && c->job->stopping;
        bool was_dead = container_phase(before) == PHASE_DOWN;
        bool ended = !was_dead && before != CONTAINER_RESTARTING && container_is_gone(c) && !restarts;
        bool listens = !was_dead && before != CONTAINER_LISTENING && c->state == CONTAINER_LISTENING; /* no less an end */
        unsigned consequences = CONSEQUENCE_MOVED;

        /* It failed where no restart follows; also where none could, because there were too many. */
        if (before != CONTAINER_FAILED && !restarts &&
            (c->state == CONTAINER_FAILED || (listens && c->result != RESULT_SUCCESS)))
                consequences |= CONSEQUENCE_FAILURE;
        if (((ended && c->state == CONTAINER_INACTIVE) || (listens && c->result == RESULT_SUCCESS)) && c->exit.valid && c->exit.code != 0)
                consequences |= CONSEQUENCE_SUCCESS;
        if (ended && !c->stop_requested && !(c->job && c->job->type == JOB_STOP))
                consequences |= CONSEQUENCE_END;
        note(c, consequences);
}

/* --- starts and stops that follow */

static int on_automatic(sd_event_source *s, uint64_t usec, void *userdata) {
        Container *c = userdata;

        c->automatic_timer = sd_event_source_disable_unref(c->automatic_timer);
        dependencies_moved(c);
        return 0;
}

static bool may_start_again(Container *c) {
        uint64_t now = now_usec(CLOCK_MONOTONIC);

        if (c->automatic_since == 0 || now - c->automatic_since > AUTOMATIC_INTERVAL) {
                c->automatic_since = now;
                c->automatic_starts = 0;
        }
        return c->automatic_starts++ < AUTOMATIC_BURST;
}

/* The one whose end stops others. The stop of those must not come back to it and take its restart away. */
static const char *spared(const Container *c) {
        return c && c->state == CONTAINER_RESTARTING && !(c->job && c->job->type == JOB_STOP) ? c->name : NULL;
}

static void queue(Container *c, JobType type, const Container *cause, const char *why) {
        _cleanup_(diag_done) Diag diag = {};
        _cleanup_free_ char *words = NULL;
        const Log *log = &c->manager->config.log;
        uint32_t id;
        int r;

        log_message(log, LOG_INFO, "%s: %s for %s", c->name, job_type_to_string(type), why);
        r = type == JOB_STOP ? container_queue_following_stop(c, spared(cause), &diag, &id)
                             : container_queue_job(c, type, JOB_MODE_REPLACE, &diag, &id);
        if (r >= 0)
                return;
        words = diag_to_string(&diag, false);
        log_message(log, LOG_WARNING, "%s: cannot %s for %s: %s", c->name, job_type_to_string(type), why, strempty(words));
}

static void queue_for(Manager *m, const char *name, JobType type, const Container *cause, const char *line) {
        _cleanup_(diag_done) Diag diag = {};
        _cleanup_free_ char *words = NULL;
        Container *c;

        if (manager_get(m, name, &diag, &c) < 0) {
                words = diag_to_string(&diag, false);
                log_message(&m->config.log, LOG_WARNING, "%s: %s", line, strempty(words));
                return;
        }
        if (type == JOB_STOP && container_is_dead(c) && !c->job)
                return;
        if (type == JOB_START && !may_start_again(c)) {
                log_message(&m->config.log, LOG_WARNING, "%s: %s was started %u times in %d s, and is left alone", line,
                            name, AUTOMATIC_BURST, (int)(AUTOMATIC_INTERVAL / USEC_PER_SEC));
                return;
        }
        queue(c, type, cause, line);
}

static const struct {
        unsigned consequence, effect;
        JobType type;
} consequence_rows[] = {
        { CONSEQUENCE_FAILURE, EFFECT_ON_FAILURE, JOB_START },
        { CONSEQUENCE_SUCCESS, EFFECT_ON_SUCCESS, JOB_START },
        { CONSEQUENCE_END, EFFECT_STOP_BY_END, JOB_STOP },
};

/* The names are taken down first: a start reads units, and the graph moves under it. */
static void follow(Manager *m, const char *name, unsigned consequences) {
        _cleanup_strv_ char **names = NULL, **lines = NULL;

        for (size_t i = 0; i < ELEMENTSOF(consequence_rows); i++) {
                const DependencyNode *n = dependency_find(m->dependencies, name);
                DependencyStep s;

                if (!FLAGS_SET(consequences, consequence_rows[i].consequence))
                        continue;
                names = strv_free(names);
                lines = strv_free(lines);
                for (size_t cursor = 0; dependency_next(n, consequence_rows[i].effect, &cursor, &s);)
                        if (strv_extend(&names, dependency_name(s.other)) < 0 ||
                            strv_push(&lines, dependency_edge_to_string(s.edge)) < 0)
                                return;
                for (size_t k = 0; k < strv_length(lines); k++)
                        queue_for(m, names[k], consequence_rows[i].type, manager_find(m, name), lines[k]);
        }
}

/* --- rules: what does not hold any more is mended. Each answers with the line that asks for it; NULL = all is well. */

static Container *container_of_step(Manager *m, const DependencyStep *s) {
        return manager_find(m, dependency_name(s->other));
}

static char *cannot_be_without(Manager *m, const Container *c, const DependencyNode *n, const Container **ret_cause) {
        DependencyStep s;

        if (!container_is_up(c))
                return NULL;
        for (size_t cursor = 0; dependency_next(n, EFFECT_NEEDS, &cursor, &s);) {
                const Container *other = container_of_step(m, &s);

                if (!other || (container_is_gone(other) && !(other->job && other->job->type != JOB_STOP))) {
                        *ret_cause = other;
                        return dependency_edge_to_string(s.edge);
                }
        }
        return NULL;
}

static char *is_upheld(Manager *m, const Container *c, const DependencyNode *n, const Container **ret_cause) {
        DependencyStep s;

        if (!container_is_dead(c))
                return NULL;
        for (size_t cursor = 0; dependency_next(n, EFFECT_UPHELD, &cursor, &s);) {
                const Container *other = container_of_step(m, &s);

                if (other && container_is_up(other) && !(other->job && other->job->type == JOB_STOP))
                        return dependency_edge_to_string(s.edge);
        }
        return NULL;
}

static char *is_unneeded(Manager *m, const Container *c, const DependencyNode *n, const Container **ret_cause) {
        DependencyStep s;
        char *line = NULL;

        if (!container_is_up(c) || !c->loaded || !c->loaded->stop_when_unneeded)
                return NULL;
        for (size_t cursor = 0; dependency_next(n, EFFECT_HELD, &cursor, &s);) {
                const Container *other = container_of_step(m, &s);

                if (other && (other->job || !container_is_dead(other)))
                        return NULL;
        }
        (void)str_append(&line, "StopWhenUnneeded=yes");
        return line;
}

static const struct {
        char *(*applies)(Manager *m, const Container *c, const DependencyNode *n, const Container **ret_cause);
        JobType type;
} rules[] = {
        { cannot_be_without, JOB_STOP },
        { is_unneeded, JOB_STOP },
        { is_upheld, JOB_START },
};

static void wait_a_while(Container *c) {
        if (!c->automatic_timer)
                (void)sd_event_add_time(c->manager->event, &c->automatic_timer, CLOCK_MONOTONIC,
                                        c->automatic_since + AUTOMATIC_INTERVAL, USEC_PER_SEC, on_automatic, c);
}

static void apply_rules(Container *c) {
        Manager *m = c->manager;

        for (size_t i = 0; i < ELEMENTSOF(rules) && !c->job; i++) {
                const Container *cause = NULL;
                _cleanup_free_ char *why = rules[i].applies(m, c, dependency_find(m->dependencies, c->name), &cause);

                if (!why)
                        continue;
                if (rules[i].type == JOB_START && !may_start_again(c))
                        wait_a_while(c);
                else
                        queue(c, rules[i].type, cause, why);
                return;
        }
}

static void settle(Container *c) {
        unsigned consequences = c->consequences;
        _cleanup_strv_ char **names = NULL;
        Manager *m = c->manager;
        DependencyStep s;

        c->consequences = 0;
        if (strv_extend(&names, c->name) < 0)
                return;
        for (size_t cursor = 0; dependency_next(dependency_find(m->dependencies, c->name),
                                                EFFECT_NEEDED | EFFECT_HOLDS | EFFECT_UPHOLDS, &cursor, &s);)
                if (strv_extend(&names, dependency_name(s.other)) < 0)
                        return;
        follow(m, c->name, consequences);
        for (size_t i = 0; i < strv_length(names); i++) {
                Container *other = manager_find(m, names[i]);

                if (other)
                        apply_rules(other);
        }
}

void dependencies_settle(Manager *m) {
        /* What is caused here comes back with the next turn of the loop. A container that is loaded on the way moves
         * the others up: one is looked at twice, none is missed. */
        if (!m->to_settle || m->shutting_down)
                return;
        m->to_settle = false;
        for (size_t i = 0; i < m->n_sorted; i++)
                if (m->sorted[i]->consequences != 0)
                        settle(m->sorted[i]);
}

void dependencies_settle_all(Manager *m) {
        for (size_t i = 0; i < m->n_sorted; i++)
                dependencies_moved(m->sorted[i]);
}
