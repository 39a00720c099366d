/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loop's timers start a check, which is a command as any other that joins the container: no process but itself. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"
#include "manager/host/part.h"
#include "manager/record/blob.h"
#include "manager/plan/exec-arguments.h"

#define OUTPUT_MAX 1024U              /* bytes of a check's output that are kept */
#define FIRST_DELAY (250 * USEC_PER_MSEC) /* within HealthStartPeriod= a bad check is repeated soon, then later and later */

struct HealthCheck {
        Container *container;
        uint32_t id;           /* of the session; 0 = not begun, or over */
        bool startup;          /* of HealthStartupCmd= */
        sd_id128_t invocation; /* of the life that it is for */
        bool timed_out;
        int fds[2]; /* its output and errors */
        sd_event_source *readers[2], *timeout;
        char output[OUTPUT_MAX + 1];
        size_t size;
};

static HealthCheck *health_check_free(HealthCheck *h) {
        if (!h)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(h->fds); i++) {
                h->readers[i] = sd_event_source_disable_unref(h->readers[i]);
                (void)safe_close(h->fds[i]);
        }
        h->timeout = sd_event_source_disable_unref(h->timeout);
        free(h);
        return NULL;
}
DEFINE_CLEANUP(HealthCheck, health_check_free)

static const char *const states[_HEALTH_STATE_MAX] = {
        [HEALTH_NONE] = "", [HEALTH_STARTING] = "starting", [HEALTH_HEALTHY] = "healthy", [HEALTH_UNHEALTHY] = "unhealthy",
};

const char *health_state_to_string(HealthState s) {
        return (int)s >= 0 && s < _HEALTH_STATE_MAX ? states[s] : NULL;
}

static bool is_wanted(const Container *c) {
        return c->spec && c->spec->health_cmd.n > 0 && container_is_running(c) && c->leader_fd >= 0 &&
               !(container_type_waits(c->spec->type) && !c->notify.facts.ready);
}

static int arguments_of(const ContainerSpec *spec, const ExecCommand *e, char ***ret) {
        if (!e->no_env_expand)
                return exec_arguments_expand(e->argv, spec->exec_environment, ret);
        *ret = strv_copy(e->argv);
        return *ret ? 0 : -ENOMEM;
}

int health_command(const ContainerSpec *spec, char ***ret) {
        return spec->health_cmd.n == 0 ? -ENODATA : arguments_of(spec, spec->health_cmd.items, ret);
}

/* --- before HealthCmd= is asked the first time */

static bool in_startup(const Container *c) {
        return c->spec->health_startup_cmd.n > 0 && c->health.facts.startup_good < MAX_OF(c->spec->health_startup_success, 1U);
}

static uint64_t interval_of(const Container *c) {
        return in_startup(c) ? c->spec->health_startup_interval_usec : c->spec->health_interval_usec;
}

static uint64_t timeout_of(const ContainerSpec *spec, bool startup) {
        return startup ? spec->health_startup_timeout_usec : spec->health_timeout_usec;
}

/* --- what a check means */

static bool may_still_start(const Container *c) {
        uint64_t period = c->spec->health_start_period_usec;

        return c->health.facts.state == HEALTH_STARTING &&
               now_usec(CLOCK_MONOTONIC) - c->start_monotonic < period;
}

static char *explain(const Container *c) {
        char *text = NULL;

        (void)str_append(&text, "%u health checks in a row were bad%s%s", (unsigned)c->health.facts.streak,
                         isempty(c->health.output) ? "" : ", the last one said: ", strempty(c->health.output));
        return text;
}

static void queue(Container *c, JobType type, const char *directive) {
        _cleanup_(diag_done) Diag diag = {};
        _cleanup_free_ char *words = NULL;
        uint32_t id;

        log_message(&c->manager->config.log, LOG_NOTICE, "%s: %s for %s=", c->name, job_type_to_string(type), directive);
        if (container_queue_job(c, type, JOB_MODE_REPLACE, &diag, &id) >= 0)
                return;
        words = diag_to_string(&diag, false);
        log_message(&c->manager->config.log, LOG_WARNING, "%s: cannot %s for %s=: %s", c->name, job_type_to_string(type), directive,
                    strempty(words));
}

static void act(Container *c, bool never_was) {
        _cleanup_free_ char *why = explain(c);

        /* A start that waits for the first good check would wait for ever. */
        if (never_was && c->spec->notify == READY_HEALTHY) {
                (void)container_doom(c, RESULT_UNHEALTHY, FAILURE_KILL, why);
                return;
        }
        if (c->spec->health_on_failure != HEALTH_FAILURE_KILL) {
                log_message(&c->manager->config.log, LOG_WARNING, "%s: it is unhealthy: %s", c->name, strempty(why));
                free(c->last_error);
                c->last_error = TAKE_PTR(why);
        }
        switch (c->spec->health_on_failure) {
        case HEALTH_FAILURE_KILL:
                (void)container_doom(c, RESULT_UNHEALTHY, FAILURE_KILL, why);
                return;
        case HEALTH_FAILURE_RESTART:
                queue(c, JOB_RESTART, "HealthOnFailure");
                return;
        case HEALTH_FAILURE_STOP:
                queue(c, JOB_STOP, "HealthOnFailure");
                return;
        case HEALTH_FAILURE_NONE:
        case _HEALTH_FAILURE_MAX:
                return;
        }
}

/* As in Podman: one that does not come up is started again. */
static void startup_bad(Container *c) {
        const uint32_t retries = c->spec->health_startup_retries;
        char *why = NULL;

        c->health.facts.startup_good = 0;
        if (c->health.facts.startup_bad < UINT32_MAX)
                c->health.facts.startup_bad++;
        if (retries == 0 || c->health.facts.startup_bad != retries)
                return;
        (void)str_append(&why, "%u startup checks were bad%s%s", retries,
                         isempty(c->health.output) ? "" : ", the last one said: ", strempty(c->health.output));
        c->health.facts.state = HEALTH_UNHEALTHY;
        if (c->spec->notify == READY_HEALTHY)
                (void)container_doom(c, RESULT_UNHEALTHY, FAILURE_KILL, why);
        else {
                log_message(&c->manager->config.log, LOG_WARNING, "%s: it is unhealthy: %s", c->name, strempty(why));
                free(c->last_error);
                c->last_error = TAKE_PTR(why);
                queue(c, JOB_RESTART, "HealthStartupRetries");
        }
        free(why);
}

static void on_good(Container *c) {
        bool first = c->health.facts.state == HEALTH_STARTING;

        c->health.facts.state = HEALTH_HEALTHY;
        c->health.facts.streak = 0;
        if (first && c->spec->notify == READY_HEALTHY)
                container_readiness_moved(c);
}

static void on_bad(Container *c) {
        bool never_was = c->health.facts.state == HEALTH_STARTING;

        if (may_still_start(c))
                return;
        if (c->health.facts.streak < UINT32_MAX)
                c->health.facts.streak++;
        if (c->health.facts.streak < MAX_OF(c->spec->health_retries, 1U) || c->health.facts.state == HEALTH_UNHEALTHY)
                return;
        c->health.facts.state = HEALTH_UNHEALTHY;
        act(c, never_was);
}

static int on_due(sd_event_source *s, uint64_t usec, void *userdata);

static void schedule(Container *c, uint64_t delay) {
        c->health.timer = sd_event_source_disable_unref(c->health.timer);
        if (delay == USEC_INFINITY)
                return; /* by hand alone */
        if (sd_event_add_time_relative(c->manager->event, &c->health.timer, CLOCK_MONOTONIC, delay, 10 * USEC_PER_MSEC,
                                       on_due, c) < 0)
                log_message(&c->manager->config.log, LOG_ERR, "%s: its health cannot be checked any more", c->name);
}

static uint64_t next_delay(Container *c) {
        uint64_t interval = interval_of(c), delay = c->health.delay;

        if (in_startup(c) || !may_still_start(c))
                return interval;
        c->health.delay = MIN_OF(2 * delay, interval);
        return MIN_OF(delay, interval);
}

/* words: why there is no output; NULL = there is. */
static void settle(Container *c, bool good, const char *words, const HealthCheck *h) {
        if (!is_wanted(c))
                return;
        free(c->health.output);
        c->health.output = strdup(words ? words : h->output);
        c->health.checked_at = now_usec(CLOCK_REALTIME);
        if (h->startup && good)
                c->health.facts.startup_good++;
        else if (h->startup)
                startup_bad(c);
        else if (good)
                on_good(c);
        else
                on_bad(c);
        container_send_state(c);
        container_notify(c);
        if (is_wanted(c)) /* once it is up, the check itself begins */
                schedule(c, h->startup && !in_startup(c) && c->spec->health_interval_usec != USEC_INFINITY ? 0 : next_delay(c));
}

/* --- a check */

static void read_some(HealthCheck *h, int fd) {
        char rest[4096];

        for (unsigned i = 0; i < 16; i++) {
                ssize_t n = h->size < OUTPUT_MAX ? read(fd, h->output + h->size, OUTPUT_MAX - h->size) :
                                                   read(fd, rest, sizeof(rest));

                if (n <= 0)
                        return;
                if (h->size < OUTPUT_MAX)
                        h->size += (size_t)n;
        }
}

static int on_output(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        read_some(userdata, fd);
        if (!(revents & EPOLLIN))
                (void)sd_event_source_set_enabled(s, SD_EVENT_OFF);
        return 0;
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *userdata) {
        HealthCheck *h = userdata;
        Container *c = h->container;

        /* Frozen with the container: it cannot be quicker. */
        if (c->frozen || c->freeze_wanted) {
                (void)sd_event_source_set_time_relative(s, c->spec ? timeout_of(c->spec, h->startup) : USEC_PER_SEC);
                (void)sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
                return 0;
        }
        h->timed_out = true;
        (void)manager_exec_signal(c->manager, h->id, SIGKILL);
        return 0;
}

static int listen_to(HealthCheck *h, ExecSession *session) {
        const uint64_t timeout = timeout_of(h->container->spec, h->startup);
        int r;

        session->stdio[0] = safe_close(session->stdio[0]);
        for (size_t i = 0; i < ELEMENTSOF(h->fds); i++)
                h->fds[i] = TAKE_FD(session->stdio[i + 1]);
        for (size_t i = 0; i < ELEMENTSOF(h->fds); i++) {
                if (fcntl(h->fds[i], F_SETFL, O_NONBLOCK) < 0)
                        return -errno;
                r = sd_event_add_io(h->container->manager->event, &h->readers[i], h->fds[i], EPOLLIN, on_output, h);
                if (r < 0)
                        return r;
        }
        if (timeout == USEC_INFINITY)
                return 0;
        r = sd_event_add_time_relative(h->container->manager->event, &h->timeout, CLOCK_MONOTONIC, timeout, USEC_PER_MSEC, on_timeout,
                                       h);
        return r < 0 ? r : 0;
}

static bool is_of_this_life(const HealthCheck *h) {
        return sd_id128_equal(h->invocation, h->container->invocation);
}

static void on_started(int r, const Diag *diag, ExecSession *session, void *userdata) {
        HealthCheck *h = userdata;
        Container *c = h->container;
        _cleanup_free_ char *words = NULL;

        if (r >= 0) {
                h->id = session->id;
                if (listen_to(h, session) < 0)
                        (void)manager_exec_signal(c->manager, h->id, SIGKILL);
                return;
        }
        words = diag_to_string(diag, false);
        c->health.check = NULL;
        if (is_of_this_life(h))
                settle(c, false, words ? words : strerror(-r), h);
        (void)health_check_free(h);
}

static void on_ended(uint32_t id, int code, int status, void *userdata) {
        HealthCheck *h = userdata;
        Container *c = h->container;

        for (size_t i = 0; i < ELEMENTSOF(h->fds); i++)
                if (h->fds[i] >= 0)
                        read_some(h, h->fds[i]);
        while (h->size > 0 && h->output[h->size - 1] == '\n')
                h->size--;
        h->output[h->size] = 0;
        c->health.check = NULL;
        if (is_of_this_life(h))
                settle(c, code == CLD_EXITED && status == 0 && !h->timed_out,
                       !h->timed_out ? NULL :
                       h->startup    ? "it took longer than HealthStartupTimeout=" :
                                       "it took longer than HealthTimeout=",
                       h);
        (void)health_check_free(h);
}

static int begin(Container *c) {
        _cleanup_(health_check_freep) HealthCheck *h = calloc(1, sizeof(*h));
        _cleanup_(diag_done) Diag diag = {};
        _cleanup_strv_ char **argv = NULL;
        ExecRequest request = {};
        int r;

        if (!h)
                return -ENOMEM;
        *h = (HealthCheck){ .container = c, .startup = in_startup(c), .invocation = c->invocation, .fds = { -EBADF, -EBADF } };
        r = h->startup ? arguments_of(c->spec, c->spec->health_startup_cmd.items, &argv) : health_command(c->spec, &argv);
        if (r < 0)
                return r;
        request.argv = argv;
        r = container_exec(c, &request, &diag, on_started, on_ended, h);
        if (r < 0)
                return r;
        c->health.check = TAKE_PTR(h);
        return 0;
}

static int on_due(sd_event_source *s, uint64_t usec, void *userdata) {
        Container *c = userdata;
        int r = 0;

        c->health.timer = sd_event_source_disable_unref(c->health.timer);
        if (!is_wanted(c))
                return 0;
        /* What a frozen container would answer says nothing; one of an earlier life is on its way out. */
        if (!c->frozen && !c->freeze_wanted && !c->health.check)
                r = begin(c);
        if (!c->health.check) { /* frozen, or no keeper at the moment: that is no answer of the container's */
                if (r < 0)
                        log_message(&c->manager->config.log, LOG_WARNING, "%s: its health cannot be checked now: %s", c->name,
                                    strerror(-r));
                schedule(c, MIN_OF(interval_of(c), USEC_PER_SEC));
        } else if (!sd_id128_equal(c->invocation, c->health.check->invocation))
                schedule(c, FIRST_DELAY);
        return 0;
}

void health_begin(Container *c) {
        if (!is_wanted(c) || c->health.timer || interval_of(c) == USEC_INFINITY)
                return;
        if (c->health.facts.state == HEALTH_NONE)
                c->health.facts.state = HEALTH_STARTING;
        c->health.delay = FIRST_DELAY;
        schedule(c, 0);
}

void health_reset(Container *c) {
        health_stop(c);
        free(c->health.output);
        c->health.output = NULL;
        c->health.facts = (HealthFacts){};
        c->health.checked_at = 0;
}

void health_stop(Container *c) {
        c->health.timer = sd_event_source_disable_unref(c->health.timer);
}

void health_free(Container *c) {
        health_reset(c);
        c->health.check = health_check_free(c->health.check);
}

/* --- as a part of the life */

static void health_started(Container *c, int payload_pid) {
        health_begin(c);
}

static void health_save(const Container *c, Blob *b) {
        b->health = c->health.facts;
}

static void health_adopt(Container *c, Adoption *a) {
        health_reset(c);
        if (a->blob->health.state < _HEALTH_STATE_MAX)
                c->health.facts = a->blob->health;
}

static void health_resume(Container *c, const Adoption *a) {
        health_begin(c);
}

const LifePart part_health = {
        .name = "health",
        .begin = health_reset,
        .started = health_started,
        .release = health_stop,
        .save = health_save,
        .adopt = health_adopt,
        .resume = health_resume,
        .done = health_free,
};
