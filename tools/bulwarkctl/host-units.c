/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <time.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/host-units.h"

#define AWAIT_USEC (30 * USEC_PER_SEC)
#define SYSTEMD "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER SYSTEMD ".Manager"

typedef struct HostJob {
        const char *path; /* NULL: not known yet */
        char *ended;      /* path of the last that ended */
        bool failed;
} HostJob;

static int on_removed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *path, *unit, *result;
        HostJob *job = userdata;
        uint32_t id;

        if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0 || (job->path && !streq(job->path, path)))
                return 0;
        free(job->ended);
        job->ended = strdup(path);
        job->failed = !streq(result, "done");
        return 0;
}

static uint64_t host_clock(void) {
        struct timespec t = {};

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / NSEC_PER_USEC;
}

static int await_job(sd_bus *bus, HostJob *job) {
        const uint64_t end = host_clock() + AWAIT_USEC;

        while (!job->ended || !streq(job->ended, job->path)) {
                int r = sd_bus_process(bus, NULL);

                if (r == 0 && host_clock() > end)
                        return -ETIMEDOUT;
                if (r == 0)
                        r = sd_bus_wait(bus, USEC_PER_SEC);
                if (r < 0)
                        return r;
        }
        return job->failed ? -ECANCELED : 0;
}

static int start_unit(sd_bus *bus, HostJob *job, const char *name, sd_bus_error *error) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_free_ char *unit = NULL;
        int r;

        *job = (HostJob){};
        r = str_append(&unit, "bulwark@%s.service", name);
        if (r >= 0)
                r = sd_bus_call_method(bus, SYSTEMD, SYSTEMD_PATH, SYSTEMD_MANAGER, "StartUnit", error, &reply, "ss", unit, "replace");
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &job->path);
        if (r >= 0)
                r = await_job(bus, job);
        free(job->ended);
        *job = (HostJob){};
        /* A host that has systemd and not our units for it starts nothing by itself. */
        return r < 0 && sd_bus_error_has_name(error, SYSTEMD ".NoSuchUnit") ? 0 : MIN_OF(r, 0);
}

static bool is_the_hosts(const Context *c) {
        return geteuid() == 0 && access("/run/systemd/system", F_OK) >= 0 && !c->options->runtime_directory &&
               streq(runtime_directory_choose(NULL), RUNTIME_DIRECTORY_DEFAULT);
}

void host_units_follow(const Context *c, char *const *names) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        HostJob job = {};
        int r = 0;

        for (; is_the_hosts(c) && *names; names++) {
                _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

                if (!unit_is_enabled(c, *names))
                        continue;
                if (!bus) {
                        r = sd_bus_open_system(&bus);
                        if (r >= 0)
                                r = sd_bus_match_signal(bus, NULL, SYSTEMD, SYSTEMD_PATH, SYSTEMD_MANAGER, "JobRemoved", on_removed, &job);
                        if (r >= 0)
                                r = sd_bus_call_method(bus, SYSTEMD, SYSTEMD_PATH, SYSTEMD_MANAGER, "Subscribe", &error, NULL, NULL);
                }
                if (r >= 0)
                        r = start_unit(bus, &job, *names, &error);
                if (r < 0 && !c->options->quiet)
                        fprintf(stderr, "Warning: %s runs, and the service manager does not know it as bulwark@%s.service: %s\n", *names,
                                *names, error.message ? error.message : strerror(-r));
                if (r < 0 && !bus)
                        return;
        }
}
