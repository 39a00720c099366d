/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a life may not take: TimeoutStartSec=, RuntimeMaxSec= and OOMPolicy=. The time follows from when the life began, so that a new
 * manager finds it without a record; and whoever else finds a life to have failed ends it by container_doom(), too. */
#include "manager/container/container-internal.h"
#include "manager/container/life/life-limit.h"

static ContainerEvent event_of(FailureMode how) {
        static const ContainerEvent events[_FAILURE_MODE_MAX] = { [FAILURE_TERMINATE] = EVENT_DOOM,
                                                                  [FAILURE_ABORT] = EVENT_DOOM_ABORT,
                                                                  [FAILURE_KILL] = EVENT_DOOM_KILL };

        return events[how];
}

bool container_doom(Container *c, ContainerResult result, FailureMode how, const char *why) {
        ContainerEvent event = event_of(how);

        if (!container_transition(c->state, event).allowed)
                return false;
        if (c->doom == RESULT_SUCCESS) { /* the first one counts */
                c->doom = c->result = result;
                free(c->last_error);
                c->last_error = why ? strdup(why) : NULL;
        }
        log_message(&c->manager->config.log, LOG_WARNING, "%s: is ended: %s (%s)", c->name, strempty(why),
                    container_result_to_string(result));
        return container_event(c, event);
}

/* --- OOMPolicy= */

uint64_t container_oom_kills(const Container *c) {
        uint64_t n = cgroup_number(c->cgroup.fd, "memory.events", "oom_kill");

        return n == UINT64_MAX || n <= c->oom_kills ? 0 : n - c->oom_kills;
}

void container_look_for_oom(Container *c) {
        uint64_t n = cgroup_number(c->cgroup.fd, "memory.events", "oom_kill");

        if (n == UINT64_MAX)
                return;
        if (n > c->oom_read) /* else its control group was made anew */
                c->oom_seen += n - c->oom_read;
        c->oom_read = n;
        container_tell_events(c);
}

/* By OOM_POLICY_KILL the kernel has ended all of them itself. What runs before the payload or after it is judged by its
 * own end. */
void container_oom_changed(Container *c) {
        const ContainerSpec *spec = c->limits ? c->limits : c->spec;

        container_look_for_oom(c);
        if (!spec || c->commands.alone || container_oom_kills(c) == 0 || c->leader_fd < 0)
                return;
        if (container_spec_oom_policy(spec) == OOM_POLICY_STOP)
                (void)container_doom(c, RESULT_OOM_KILL, FAILURE_TERMINATE,
                                     "the kernel has killed a process of it for want of memory (OOMPolicy=stop)");
        else if (container_spec_oom_policy(spec) == OOM_POLICY_CONTINUE && !c->oom_told) {
                c->oom_told = true;
                log_message(&c->manager->config.log, LOG_WARNING,
                            "%s: the kernel has killed a process of it for want of memory; OOMPolicy=continue", c->name);
        }
}

/* --- what a life may take */

static uint64_t chance_of(const Container *c) {
        uint64_t chance;

        memcpy(&chance, c->invocation.bytes, sizeof(chance)); /* random, and the same for every manager of this life */
        return chance;
}

static LifeFacts facts_of(const Container *c) {
        const NotifyFacts *said = &c->notify.facts;

        return (LifeFacts){ .state = c->state,
                            .ready = !container_waits_for_ready(c),
                            /* Each command of a start has all of TimeoutStartSec=, as in systemd. */
                            .since = c->commands.alone ? c->commands.begun : c->start_monotonic,
                            .chance = chance_of(c),
                            .extended = { [LIFE_STARTS] = said->start_until, [LIFE_RUNS] = said->run_until } };
}

/* A limit moves only away, as in systemd. */
bool container_extend_life(Container *c, uint64_t until) {
        const LifeFacts facts = facts_of(c);
        const LifeLimit limit = life_limit(c->spec, &facts);
        uint64_t *said = limit == LIFE_STARTS ? &c->notify.facts.start_until :
                         limit == LIFE_RUNS   ? &c->notify.facts.run_until : NULL;

        if (!said || until <= *said)
                return false;
        *said = until;
        container_arm_life(c);
        return true;
}

static int on_life_over(sd_event_source *s, uint64_t usec, void *userdata) {
        _cleanup_free_ char *span = NULL, *why = NULL, *awaited = NULL;
        Container *c = userdata;
        LifeFacts facts;
        LifeLimit limit;

        c->life_timer = sd_event_source_disable_unref(c->life_timer);
        notify_drain(c); /* what the loop has not come to yet may be the very word */
        facts = facts_of(c);
        limit = life_over(c->spec, &facts, now_usec(CLOCK_MONOTONIC));
        if (limit == LIFE_UNLIMITED) {
                container_arm_life(c);
                return 0;
        }
        span = time_span_to_string(limit == LIFE_STARTS ? c->spec->timeout_start_usec : c->spec->runtime_max_usec);
        (void)str_append(&why, limit == LIFE_STARTS ? "it did not start within TimeoutStartSec=%s"
                                                    : "it ran longer than RuntimeMaxSec=%s", strempty(span));
        awaited = limit == LIFE_STARTS ? forking_why(c) : NULL;
        if (awaited)
                (void)str_append(&why, ": %s", awaited);
        (void)container_doom(c, RESULT_TIMEOUT,
                             limit == LIFE_STARTS ? c->spec->timeout_start_failure_mode : FAILURE_TERMINATE, why);
        return 0;
}

void container_arm_life(Container *c) {
        const LifeFacts facts = facts_of(c);
        uint64_t at = life_deadline(c->spec, &facts);

        if (c->life_timer && at == c->life_deadline)
                return;
        c->life_timer = sd_event_source_disable_unref(c->life_timer);
        c->life_deadline = at;
        if (at != USEC_INFINITY && sd_event_add_time(c->manager->event, &c->life_timer, CLOCK_MONOTONIC, at,
                                                     10 * USEC_PER_MSEC, on_life_over, c) < 0)
                log_message(&c->manager->config.log, LOG_ERR, "%s: cannot watch how long it takes", c->name);
}
