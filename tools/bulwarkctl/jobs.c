/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* start, stop, restart, reload. All calls are sent at once, with --wait the question for the end right behind them,
 * so that a start costs one round trip. A job's end may be signalled before the reply that names the job:
 * ends are collected by path and matched afterwards. */
#include <stdio.h>
#include <time.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/job-output.h"
#include "tools/bulwarkctl/names.h"
#include "tools/bulwarkctl/host-units.h"
#include "tools/bulwarkctl/notify.h"
#include "tools/bulwarkctl/progress.h"
#include "tools/bulwarkctl/property-text.h"

#define AWAIT_TRIES 100     /* of 100 ms */
#define RECONNECT_TRIES 600 /* of 100 ms: a manager that is replaced may have a lot to read */

typedef struct Job {
        struct Jobs *jobs;
        const char *name;
        char *path; /* of the job; NULL until the reply came */
        sd_bus_error error;
        int error_number; /* < 0: the call failed */
        bool replied;
        bool waited; /* the container's end was told */
        int wait_error;
        char *result; /* why the container ended */
        int code, status;
} Job;

typedef struct JobEnd {
        char *path, *result;
} JobEnd;

typedef struct Jobs {
        Context *context;
        const char *verb, *member; /* member NULL: nothing is queued, only waited for */
        bool wait;
        JobOutput *output; /* what the containers write meanwhile; NULL = it is not shown */
        Job *items;
        size_t n;
        JobEnd *ends;
        size_t n_ends;
        Notify notify;    /* --notify */
        bool reconnected; /* whatever jobs there were belonged to the manager before */
} Jobs;

static void jobs_done(Jobs *j) {
        for (size_t i = 0; i < j->n; i++) {
                free(j->items[i].path);
                free(j->items[i].result);
                sd_bus_error_free(&j->items[i].error);
        }
        for (size_t i = 0; i < j->n_ends; i++) {
                free(j->ends[i].path);
                free(j->ends[i].result);
        }
        notify_done(&j->notify);
        job_output_free(j->output);
        free(j->items);
        free(j->ends);
}

/* --- what the manager says */
static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *path, *container, *result;
        Jobs *j = userdata;
        JobEnd *grown;
        uint32_t id;
        int r;

        r = sd_bus_message_read(m, "uoss", &id, &path, &container, &result);
        if (r < 0)
                return r;
        grown = reallocarray(j->ends, j->n_ends + 1, sizeof(JobEnd));
        if (!grown)
                return -ENOMEM;
        j->ends = grown;
        j->ends[j->n_ends] = (JobEnd){ .path = strdup(path), .result = strdup(result) };
        if (!j->ends[j->n_ends].path || !j->ends[j->n_ends].result) {
                free(j->ends[j->n_ends].path);
                free(j->ends[j->n_ends].result);
                return -ENOMEM;
        }
        j->n_ends++;
        return 0;
}

static int on_queued(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Job *job = userdata;
        const char *path;
        int r;

        job->replied = true;
        if (sd_bus_message_is_method_error(m, NULL)) {
                job->error_number = -sd_bus_message_get_errno(m);
                (void)sd_bus_error_copy(&job->error, sd_bus_message_get_error(m));
                return 0;
        }
        r = sd_bus_message_read(m, "o", &path);
        if (r >= 0) {
                job->path = strdup(path);
                r = job->path ? 0 : -ENOMEM;
        }
        job->error_number = MIN_OF(r, 0);
        return 0;
}

static int on_ended(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *state, *result;
        Job *job = userdata;
        int r;

        job->waited = true;
        if (sd_bus_message_is_method_error(m, NULL)) {
                job->wait_error = -sd_bus_message_get_errno(m);
                if (job->error_number >= 0) {
                        sd_bus_error_free(&job->error);
                        (void)sd_bus_error_copy(&job->error, sd_bus_message_get_error(m));
                }
                return 0;
        }
        r = sd_bus_message_read(m, "ssii", &state, &result, &job->code, &job->status);
        if (r >= 0) {
                job->result = strdup(result);
                r = job->result ? 0 : -ENOMEM;
        }
        job->wait_error = MIN_OF(r, 0);
        return 0;
}

/* --- what we ask */
static int call_async(Job *job, sd_bus_message_handler_t handler, const char *member, const char *mode) {
        sd_bus *bus = job->jobs->context->client.bus;
        _cleanup_message_ sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &m, job->jobs->context->client.destination, BUS_PATH, BUS_INTERFACE_MANAGER, member);
        if (r < 0)
                return r;
        r = mode ? sd_bus_message_append(m, "ss", job->name, mode)
                 : sd_bus_message_append(m, "s", job->name);
        if (r < 0)
                return r;
        r = sd_bus_call_async(bus, NULL, m, handler, job, UINT64_MAX);
        return r < 0 ? r : 0;
}

static const char *job_result(const Jobs *j, const Job *job) {
        for (size_t i = 0; job->path && i < j->n_ends; i++)
                if (streq(j->ends[i].path, job->path))
                        return j->ends[i].result;
        return NULL;
}

static bool job_finished(const Jobs *j, const Job *job) {
        const Options *o = j->context->options;

        if (!job->replied && !j->reconnected)
                return false;
        if (job->error_number < 0)
                return true;
        if (j->wait && !job->waited)
                return false;
        return o->no_block || !j->member || j->reconnected || job_result(j, job);
}

static bool jobs_finished(const Jobs *j) {
        for (size_t i = 0; i < j->n; i++)
                if (!job_finished(j, j->items + i))
                        return false;
        return true;
}

static int ask_again(Jobs *j) {
        int r;

        if (j->context->options->notify) {
                r = notify_begin(&j->notify, j->context, j->items->name);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < j->n; i++) {
                Job *job = j->items + i;

                if (job->error_number < 0 || (job->waited && job->wait_error >= 0))
                        continue;
                job->waited = false;
                job->wait_error = 0;
                sd_bus_error_free(&job->error);
                r = call_async(job, on_ended, "WaitContainer", NULL);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The manager can be restarted under a waiting client, and once more while that comes back: no container is lost by it, so
 * no waiting need be. */
static int jobs_reconnect(Jobs *j) {
        static const struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };
        Client *client = &j->context->client;

        j->reconnected = true;
        for (unsigned tries = RECONNECT_TRIES;; tries--) {
                int r;

                client_done(client);
                r = client_try_connect(client);
                if (r >= 0)
                        r = ask_again(j);
                if (r >= 0 || tries == 0)
                        return r;
                (void)nanosleep(&pause, NULL);
        }
}

static bool all_queued(const Jobs *j) {
        for (size_t i = 0; i < j->n; i++)
                if (!j->items[i].replied)
                        return false;
        return true;
}

static bool is_disconnect(int r) {
        return r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE || r == -ESHUTDOWN;
}

/* A call whose connection broke is answered by sd-bus itself: such an answer tells nothing about the
 * container. */
static bool wait_was_cut(const Jobs *j) {
        for (size_t i = 0; i < j->n; i++)
                if (j->items[i].error_number >= 0 && j->items[i].waited &&
                    (is_disconnect(j->items[i].wait_error) ||
                     sd_bus_error_has_name(&j->items[i].error, SD_BUS_ERROR_NO_REPLY)))
                        return true;
        return false;
}

static bool is_active(const Jobs *j) {
        const char *result = job_result(j, j->items);

        /* One that its condition skipped has done what it should: who waits for READY=1 must hear it. */
        return j->reconnected || (result && (streq(result, "done") || streq(result, "skipped")));
}

static int jobs_pump(Jobs *j) {
        while (!jobs_finished(j)) {
                int r;

                if (is_active(j))
                        notify_active(&j->notify);
                r = sd_bus_process(j->context->client.bus, NULL);

                if (r == 0)
                        r = job_output_wait(j->output, j->context->client.bus, notify_timeout(&j->notify));
                if (r < 0 && r != -EINTR)
                        return r;
        }
        return wait_was_cut(j) ? -ECONNRESET : 0;
}

static int jobs_run(Jobs *j) {
        const Options *o = j->context->options;
        sd_bus *bus = j->context->client.bus;
        int r;

        r = sd_bus_match_signal(bus, NULL, NULL, BUS_PATH, BUS_INTERFACE_MANAGER, "JobRemoved",
                                on_job_removed, j);
        if (r >= 0)
                r = progress_show(j->context);
        if (r >= 0 && o->notify && j->wait)
                r = notify_begin(&j->notify, j->context, j->items->name);
        if (r < 0)
                return r;
        for (size_t i = 0; i < j->n; i++) {
                j->items[i].replied = !j->member;
                if (j->member)
                        r = call_async(j->items + i, on_queued, j->member, o->job_mode ? o->job_mode : "replace");
                if (r >= 0 && j->wait)
                        r = call_async(j->items + i, on_ended, "WaitContainer", NULL);
                if (r < 0)
                        return r;
        }
        do {
                r = jobs_pump(j);
                if (r >= 0 || !j->wait || !is_disconnect(r) || (!j->reconnected && !all_queued(j)))
                        return r;
                r = jobs_reconnect(j);
        } while (r >= 0);
        return r;
}

/* --- what we tell */
static const struct {
        const char *result;
        ErrorCode code;
        const char *words; /* where the manager left none */
} job_results[] = {
        { "canceled", ERROR_BUSY, "another request took its place, or somebody canceled it" },
        { "timeout", ERROR_TIMEOUT, "it took too long" },
        { "dependency", ERROR_FAILED, "a container that it needs did not start" },
        { "refused", ERROR_POLICY, "it was refused" },
        { "failed", ERROR_FAILED, "it failed" },
};

/* The manager's own words about the last failure; NULL where it has none. */
static char *last_error(Client *client, const char *name) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *path = NULL;
        char *words = NULL;

        if (client_container(client, name, &error, &path) < 0)
                return NULL;
        if (client_property_string(client, path, BUS_INTERFACE_CONTAINER, "LastError", &error, &words) < 0)
                return NULL;
        if (isempty(words)) {
                free(words);
                return NULL;
        }
        return words;
}

static int launch_failure_status(Client *client, const char *name, int *ret) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *path = NULL, *launch_error = NULL;
        int r;

        r = client_container(client, name, &error, &path);
        if (r >= 0)
                r = client_property_string(client, path, BUS_INTERFACE_CONTAINER, "LaunchError", &error, &launch_error);
        if (r >= 0)
                r = program_failure_status(launch_error);
        if (r < 0)
                return r;
        *ret = r;
        return 0;
}

static int report_failure(const Jobs *j, const Job *job, const char *result) {
        _cleanup_free_ char *words = last_error(&j->context->client, job->name), *head = NULL, *text = NULL;
        ErrorCode code = ERROR_FAILED;
        const char *fallback = result;
        int status;

        for (size_t i = 0; i < ELEMENTSOF(job_results); i++)
                if (streq(job_results[i].result, result)) {
                        code = job_results[i].code;
                        fallback = job_results[i].words;
                }
        if (str_append(&head, "cannot %s %s", j->verb, job->name) < 0 ||
            str_append(&text, "%s%s\"bulwarkctl status %s\" and \"bulwarkctl logs %s\" tell more",
                       words ? words : fallback, words && strchr(words, '\n') ? "\n" : "; ", job->name,
                       job->name) < 0)
                return EXIT_FAILURE;
        error_print(head, text);
        if (j->wait && launch_failure_status(&j->context->client, job->name, &status) >= 0)
                return status;
        return error_code_exit_status(code);
}

/* Its unit's own condition said no: nothing has failed. */
static int report_skipped(const Jobs *j, const Job *job) {
        _cleanup_free_ char *words = last_error(&j->context->client, job->name);

        if (!j->context->options->quiet)
                fprintf(stderr, "%s was not started: %s\n", job->name, words ? words : "it was skipped");
        return EXIT_SUCCESS;
}

/* With --wait the payload's own code counts, whatever the job's result; without one, why there is none. */
static int wait_status(const Jobs *j, const Job *job) {
        int status = payload_exit_status(job->code, job->status);
        const char *result = job_result(j, job);

        if (job->wait_error < 0)
                return client_report(&job->error, job->wait_error, "cannot wait for", job->name);
        /* A payload that was asked to stop and died of its signal has done what it should. */
        if (j->context->options->notify && streq(job->result, "success"))
                return EXIT_SUCCESS;
        if (status >= 0) {
                if (!j->context->options->quiet &&
                    (streq(job->result, "timeout") || streq(job->result, "oom-kill")))
                        fprintf(stderr, "%s ended by %s\n", job->name, job->result);
                return status;
        }
        if (result && streq(result, "skipped"))
                return report_skipped(j, job);
        if (result && !streq(result, "done"))
                return report_failure(j, job, result);
        if (streq(job->result, "success"))
                return EXIT_SUCCESS;
        return report_failure(j, job, job->result);
}

static int job_status(const Jobs *j, const Job *job) {
        const char *result = job_result(j, job);
        _cleanup_free_ char *head = NULL;

        if (job->error_number < 0) {
                if (str_append(&head, "cannot %s", j->verb) < 0)
                        return EXIT_FAILURE;
                return client_report(&job->error, job->error_number, head, job->name);
        }
        if (j->context->options->no_block)
                return EXIT_SUCCESS;
        if (j->wait)
                return wait_status(j, job);
        if (!result || streq(result, "done"))
                return EXIT_SUCCESS;
        if (streq(result, "skipped"))
                return report_skipped(j, job);
        return report_failure(j, job, result);
}

/* A unit's processes may come when the manager is being replaced. */
static void await_manager(Client *client) {
        static const struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };

        for (unsigned tries = AWAIT_TRIES; tries > 0; tries--) {
                int r = client_try_connect(client);

                client_done(client);
                if (r >= 0)
                        return;
                (void)nanosleep(&pause, NULL);
        }
}

/* stop --notify: how it ended, which systemd learns from here, since what it stops is no child of its own. */
static int stopped_status(Context *c, const char *name) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        const char *state, *result;
        int32_t code, status;
        int r;

        r = client_call(&c->client, UINT64_MAX, &error, &reply, "WaitContainer", "s", name);
        if (r >= 0)
                r = sd_bus_message_read(reply, "ssii", &state, &result, &code, &status);
        if (r < 0 || streq(result, "success"))
                return EXIT_SUCCESS;
        r = payload_exit_status(code, status);
        return r > 0 ? r : EXIT_FAILURE;
}

static int run_jobs(Context *c, const char *verb, const char *member) {
        _cleanup_(jobs_done) Jobs j = { .context = c, .verb = verb, .member = member, .wait = c->options->wait || !member };
        bool stops = streq(verb, "stop"), starts = streq(verb, "start") || streq(verb, "restart");
        int r, status = EXIT_SUCCESS;

        if (c->options->notify && (!(c->options->wait || stops) || c->options->no_block || c->options->n_arguments != 1)) {
                error_print(NULL, "--notify is for one container, and needs --wait");
                return EXIT_USAGE;
        }

        if (c->options->notify)
                await_manager(&c->client);
        if (names_resolve(c, &status) < 0)
                return status;
        j.n = strv_length(c->names);
        j.items = calloc(j.n, sizeof(Job));
        if (!j.items)
                return EXIT_FAILURE;
        for (size_t i = 0; i < j.n; i++) {
                j.items[i].jobs = &j;
                j.items[i].name = c->names[i];
        }
        if (c->options->wait && !c->options->notify && !c->options->quiet) {
                r = job_output_new(c, &j.output);
                if (r < 0)
                        return client_report(NULL, r, "cannot follow the output of", c->names[0]);
        }

        r = jobs_run(&j);
        if (r >= 0)
                job_output_finish(j.output);
        notify_ended(&j.notify);
        if (c->options->notify && stops)
                notify_await_end();
        if (r < 0)
                return client_report(NULL, r, "cannot", verb);
        for (size_t i = 0; i < j.n; i++) {
                r = job_status(&j, j.items + i);
                if (status == EXIT_SUCCESS)
                        status = r;
        }
        if (status == EXIT_SUCCESS && starts && !c->options->notify && !c->options->no_block && !c->options->wait)
                host_units_follow(c, c->names);
        return status == EXIT_SUCCESS && stops && c->options->notify ? stopped_status(c, j.items->name) : status;
}

int verb_start(Context *c) {
        return run_jobs(c, "start", "StartContainer");
}

int verb_stop(Context *c) {
        return run_jobs(c, "stop", "StopContainer");
}

int verb_restart(Context *c) {
        return run_jobs(c, "restart", "RestartContainer");
}

int verb_try_restart(Context *c) {
        return run_jobs(c, "restart", "TryRestartContainer");
}

int verb_reload(Context *c) {
        return run_jobs(c, "reload", "ReloadContainer");
}

int verb_reload_or_restart(Context *c) {
        return run_jobs(c, "reload or restart", "ReloadOrRestartContainer");
}

int verb_try_reload_or_restart(Context *c) {
        return run_jobs(c, "reload or restart", "ReloadOrTryRestartContainer");
}

int verb_wait(Context *c) {
        return run_jobs(c, "wait for", NULL);
}
