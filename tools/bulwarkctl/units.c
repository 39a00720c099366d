/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The short commands on containers: one method each, and the states. */
#include <signal.h>
#include <stdio.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/escape.h"
#include "tools/bulwarkctl/names.h"

#define REEXEC_TIMEOUT (90 * USEC_PER_SEC) /* for a manager with thousands of units to be there again */

static int call_name(Context *c, const char *member, const char *context, const char *name) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = client_call(&c->client, 0, &error, NULL, member, "s", name);
        if (r < 0)
                return client_report(&error, r, context, name);
        return EXIT_SUCCESS;
}

static int freeze_one(Context *c, const char *name) {
        return call_name(c, "FreezeContainer", "cannot freeze", name);
}

static int thaw_one(Context *c, const char *name) {
        return call_name(c, "ThawContainer", "cannot thaw", name);
}

static int reset_one(Context *c, const char *name) {
        return call_name(c, "ResetFailedContainer", "cannot reset", name);
}

static int kill_one(Context *c, const char *name) {
        const char *whom = c->options->kill_whom ? c->options->kill_whom : "leader";
        int signal = c->options->signal > 0 ? c->options->signal : SIGTERM;
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = client_call(&c->client, 0, &error, NULL, "KillContainer", "ssi", name, whom, signal);
        if (r < 0)
                return client_report(&error, r, "cannot kill", name);
        return EXIT_SUCCESS;
}

int verb_kill(Context *c) {
        return names_for_each(c, kill_one);
}

int verb_freeze(Context *c) {
        return names_for_each(c, freeze_one);
}

int verb_thaw(Context *c) {
        return names_for_each(c, thaw_one);
}

static int call_plain(Context *c, const char *member, const char *context) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        int r, status = EXIT_SUCCESS;

        if (client_connect(&c->client, &status) < 0)
                return status;
        r = client_call(&c->client, UINT64_MAX, &error, NULL, member, NULL);
        if (r < 0)
                return client_report(&error, r, context, NULL);
        return EXIT_SUCCESS;
}

int verb_reset_failed(Context *c) {
        if (c->options->n_arguments > 0)
                return names_for_each(c, reset_one);
        return call_plain(c, "ResetFailed", "cannot reset the failed containers");
}

int verb_daemon_reload(Context *c) {
        return call_plain(c, "Reload", "cannot reload the unit files");
}

/* Its own end is how the manager answers. Who connects then waits in the socket that it left to its successor. */
int verb_daemon_reexec(Context *c) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r, status = EXIT_SUCCESS;

        if (client_connect(&c->client, &status) < 0)
                return status;
        r = client_call(&c->client, UINT64_MAX, &error, NULL, "Reexecute", NULL);
        if (r < 0 && !client_disconnected(&error, r))
                return client_report(&error, r, "cannot execute the manager again", NULL);
        client_done(&c->client);
        sd_bus_error_free(&error);
        r = client_try_connect(&c->client);
        if (r >= 0)
                r = client_call(&c->client, REEXEC_TIMEOUT, &error, &reply, "ListJobs", NULL);
        if (r >= 0)
                return EXIT_SUCCESS;
        return client_report(&error, r, "the manager was executed again, but does not answer; its log tells why", NULL);
}

/* --- is-active, is-failed: as systemctl, one state that fits is enough */
static int check_states(Context *c, const char *const *fitting, int otherwise) {
        size_t n, n_missing = 0;
        int status = EXIT_SUCCESS;
        bool found = false;

        if (names_resolve(c, &status) < 0)
                return status;
        n = strv_length(c->names);
        for (size_t i = 0; i < n; i++) {
                _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
                _cleanup_free_ char *path = NULL, *state = NULL, *safe = NULL;
                const char *name = c->names[i];
                int r;

                r = client_container(&c->client, name, &error, &path);
                if (r >= 0)
                        r = client_property_string(&c->client, path, BUS_INTERFACE_CONTAINER, "ActiveState",
                                                   &error, &state);
                if (r < 0) {
                        int failure = client_exit_status(&error, r);

                        if (failure != EXIT_NO_UNIT)
                                return client_report(&error, r, "cannot get the state of", name);
                        n_missing++;
                }
                safe = escape_text(state ? state : "inactive", 0);
                if (!c->options->quiet)
                        puts(strempty(safe));
                for (size_t k = 0; state && fitting[k]; k++)
                        found = found || streq(state, fitting[k]);
        }
        if (found)
                return EXIT_SUCCESS;
        return n_missing == n ? EXIT_NO_UNIT : otherwise;
}

int verb_is_active(Context *c) {
        static const char *const fitting[] = { "active", "reloading", NULL };

        return check_states(c, fitting, EXIT_NOT_ACTIVE);
}

int verb_is_failed(Context *c) {
        static const char *const fitting[] = { "failed", NULL };

        return check_states(c, fitting, EXIT_FAILURE);
}

/* --- cancel */
static int cancel_job(Context *c, uint32_t id, const char *word) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = client_call(&c->client, 0, &error, NULL, "CancelJob", "u", id);
        return r < 0 ? client_report(&error, r, "cannot cancel job", word) : EXIT_SUCCESS;
}

static int cancel_all(Context *c) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r;

        r = client_call(&c->client, 0, &error, &reply, "ListJobs", NULL);
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, SD_BUS_TYPE_ARRAY, "(usssoo)");
        while (r >= 0) {
                uint32_t id;

                r = sd_bus_message_read(reply, "(usssoo)", &id, NULL, NULL, NULL, NULL, NULL);
                if (r <= 0)
                        break;
                /* One that is over by now, perhaps because of the one before, is no failure. */
                (void)client_call(&c->client, 0, NULL, NULL, "CancelJob", "u", id);
        }
        return r < 0 ? client_report(&error, r, "cannot cancel", NULL) : EXIT_SUCCESS;
}

int verb_cancel(Context *c) {
        int status = EXIT_SUCCESS;

        if (client_connect(&c->client, &status) < 0)
                return status;
        if (c->options->n_arguments == 0)
                return cancel_all(c);
        for (size_t i = 0; i < c->options->n_arguments; i++) {
                const char *word = c->options->arguments[i];
                char *end;
                unsigned long id;
                int r;

                errno = 0;
                id = strtoul(word, &end, 10);
                if (*word < '0' || *word > '9' || *end || errno != 0 || id > UINT32_MAX) {
                        error_printf("\"%s\" is no job's number; \"bulwarkctl list-jobs\" shows them", word);
                        r = EXIT_USAGE;
                } else
                        r = cancel_job(c, (uint32_t)id, word);
                if (status == EXIT_SUCCESS)
                        status = r;
        }
        return status;
}
