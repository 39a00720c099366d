/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Restart=: what has ended waits for its next life in a state of its own. That it will is decided before the end is
 * recorded, and the record says it: a manager that is killed while it waits leaves the waiting to its successor. */
#include <sys/random.h>

#include "manager/container/container-internal.h"
#include "manager/record/record-store.h"

static unsigned next_of(const Container *c) {
        return c->restart.count < UINT32_MAX ? (unsigned)c->restart.count + 1 : UINT32_MAX;
}

static uint64_t random_number(void) {
        uint64_t v;

        return getrandom(&v, sizeof(v), GRND_NONBLOCK) == sizeof(v) ? v : 0;
}

bool container_plan_restart(Container *c) {
        uint64_t delay, now = now_usec(CLOCK_MONOTONIC);
        const ContainerSpec *spec = c->spec;

        c->restart.pending = spec && !c->stop_requested && !c->manager->shutting_down &&
                             !(c->job && c->job->type == JOB_STOP) && restart_wanted(spec, c->result, &c->exit) &&
                             !(c->result == RESULT_SUCCESS && spec->remain_after_exit);
        if (!c->restart.pending)
                return false;
        delay = restart_delay(spec, next_of(c), random_number());
        c->restart.at = delay > USEC_INFINITY - now ? USEC_INFINITY : now + delay;
        return true;
}

ContainerEvent container_follow_end(Container *c) {
        bool pending = c->restart.pending;

        c->restart.pending = false;
        return pending ? EVENT_RESTART : sockets_follow_end(c);
}

ContainerEvent action_judge(Container *c) {
        return container_follow_end(c);
}

/* Nothing will start it any more. */
static void give_up(Container *c, char *why) {
        log_message(&c->manager->config.log, LOG_WARNING, "%s: is not started again: %s", c->name, strempty(why));
        free(c->last_error);
        c->last_error = why;
        if (c->result == RESULT_SUCCESS)
                c->result = RESULT_RESOURCES;
        container_disarm_restart(c);
        container_save_end(c, CONTAINER_FAILED);
        (void)container_event(c, EVENT_RESTART_REFUSED);
}

static int on_restart(sd_event_source *s, uint64_t usec, void *userdata) {
        _cleanup_(diag_done) Diag diag = {};
        Container *c = userdata;
        uint32_t id;

        c->restart.timer = sd_event_source_disable_unref(c->restart.timer);
        if (c->state != CONTAINER_RESTARTING || (c->job && c->job->type == JOB_STOP))
                return 0;
        c->restart.due = true;
        if (container_queue_job(c, JOB_RESTART, JOB_MODE_REPLACE, &diag, &id) < 0)
                give_up(c, diag_to_string(&diag, false));
        return 0;
}

static int arm(Container *c) {
        int r;

        c->restart.timer = sd_event_source_disable_unref(c->restart.timer);
        if (c->restart.at == USEC_INFINITY)
                return 0;
        r = sd_event_add_time(c->manager->event, &c->restart.timer, CLOCK_MONOTONIC, c->restart.at, USEC_PER_MSEC,
                              on_restart, c);
        return r < 0 ? r : 0;
}

void container_disarm_restart(Container *c) {
        c->restart.timer = sd_event_source_disable_unref(c->restart.timer);
        c->restart.pending = c->restart.due = false;
        if (c->state != CONTAINER_RESTARTING)
                return;
        free(c->progress);
        c->progress = NULL;
}

static void tell(Container *c) {
        uint64_t now = now_usec(CLOCK_MONOTONIC), at = c->restart.at, rest = at > now ? at - now : 0;
        _cleanup_free_ char *span = time_span_to_string((rest + USEC_PER_MSEC - 1) / USEC_PER_MSEC * USEC_PER_MSEC);
        char *text = NULL;

        if (str_append(&text, "starts again %s%s (restart %u)", at == USEC_INFINITY ? "" : "in ",
                       at == USEC_INFINITY ? "when it is told to" : strempty(span), next_of(c)) < 0)
                return;
        log_message(&c->manager->config.log, LOG_INFO, "%s: %s: %s", c->name, c->last_error ? c->last_error : "it ended well", text);
        free(c->progress);
        c->progress = text;
}

ContainerEvent action_wait(Container *c) {
        c->restart.due = false;
        tell(c);
        return arm(c) < 0 ? EVENT_RESTART_REFUSED : _CONTAINER_EVENT_NONE;
}

void container_resume_restart(Container *c) {
        tell(c);
        if (arm(c) < 0)
                give_up(c, strdup("no timer can be made"));
}

void container_check_restart(Container *c) {
        if (c->state == CONTAINER_RESTARTING && c->restart.due && !c->job)
                give_up(c, c->last_error ? strdup(c->last_error) : strdup("its job was canceled"));
}

bool container_take_start(Container *c) {
        const ContainerSpec *s = c->loaded;
        _cleanup_free_ char *span = NULL;
        char *text = NULL;

        /* A person's own start begins to count anew. */
        c->restart.again = c->state == CONTAINER_RESTARTING;
        c->restart.count = c->restart.again && c->restart.due ? next_of(c) : 0;
        container_disarm_restart(c);
        if (!s || start_limit_take(&c->restart.limit, s->start_limit_interval_usec, s->start_limit_burst,
                                   now_usec(CLOCK_MONOTONIC)))
                return true;
        span = time_span_to_string(s->start_limit_interval_usec);
        (void)str_append(&text, "it was started %u times in %s, which is the limit (StartLimitBurst=, "
                         "StartLimitIntervalSec=); \"bulwarkctl reset-failed %s\" lets it start again at once",
                         (unsigned)c->restart.limit.count, strempty(span), c->name);
        log_message(&c->manager->config.log, LOG_WARNING, "%s: %s", c->name, strempty(text));
        free(c->last_error);
        c->last_error = text;
        c->result = RESULT_START_LIMIT;
        container_save_end(c, CONTAINER_FAILED);
        return false;
}

void container_forget_starts(Container *c) {
        c->restart.limit = (StartLimit){};
        c->restart.count = 0;
}

uint64_t container_restart_in(const Container *c) {
        uint64_t now = now_usec(CLOCK_MONOTONIC);

        if (c->state != CONTAINER_RESTARTING || c->restart.at <= now)
                return 0;
        return c->restart.at == USEC_INFINITY ? USEC_INFINITY : c->restart.at - now;
}

unsigned container_n_restarts(const Container *c) {
        return (unsigned)c->restart.count;
}
