/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* list, list-unit-files, list-jobs. */
#include <fnmatch.h>
#include <stdio.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/property-text.h"
#include "tools/bulwarkctl/table.h"
#include "tools/bulwarkctl/time-text.h"
#include "tools/bulwarkctl/usage.h"
#include "tools/bulwarkctl/verbs.h"

static bool pattern_matches(const Options *o, const char *name) {
        if (o->n_arguments == 0)
                return true;
        for (size_t i = 0; i < o->n_arguments; i++) {
                char buffer[256];

                if (fnmatch(container_name_of(o->arguments[i], buffer), name, 0) == 0)
                        return true;
        }
        return false;
}

Color state_color(const char *state) {
        static const struct {
                const char *state;
                Color color;
        } rows[] = {
                { "active", COLOR_GREEN },    { "running", COLOR_GREEN },      { "failed", COLOR_RED },
                { "bad", COLOR_RED },         { "not-found", COLOR_YELLOW },   { "masked", COLOR_YELLOW },
                { "activating", COLOR_BOLD }, { "deactivating", COLOR_YELLOW },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq(rows[i].state, state))
                        return rows[i].color;
        return COLOR_NONE;
}

/* The array of a reply, walked with one function a row. */
static int fetch_rows(Context *c, const char *member, const char *contents,
                      int (*row)(Context *c, sd_bus_message *m, Table *t, size_t *hidden), Table *t,
                      size_t *hidden, int *ret_status) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r;

        r = client_call(&c->client, 0, &error, &reply, member, NULL);
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, SD_BUS_TYPE_ARRAY, contents);
        while (r >= 0) {
                r = sd_bus_message_at_end(reply, false);
                if (r != 0)
                        break;
                r = row(c, reply, t, hidden);
        }
        if (r < 0) {
                *ret_status = client_report(&error, r, "cannot list", NULL);
                return r;
        }
        table_sort(t);
        return 0;
}

/* --- list */
static bool state_is_wanted(const Options *o, const char *load, const char *active, const char *sub) {
        if (o->failed && streq(active, "failed"))
                return true;
        return strv_contains(o->states, load) || strv_contains(o->states, active) || strv_contains(o->states, sub);
}

static bool row_is_shown(Context *c, const char *load, const char *active, const char *sub, uint32_t job, size_t *hidden) {
        const Options *o = c->options;

        if (o->failed || o->states)
                return state_is_wanted(o, load, active, sub);
        if (o->all || job != 0 || !streq(active, "inactive"))
                return true;
        (*hidden)++;
        return false;
}

/* How long it has been active; seconds in JSON. */
static int add_uptime(Table *t, const char *active, uint64_t since) {
        _cleanup_free_ char *text = NULL;
        uint64_t now = now_realtime();
        bool up = streq(active, "active") || streq(active, "reloading");

        if (!up || since == 0 || since == UINT64_MAX || since > now)
                return table_add_amount(t, UINT64_MAX, NULL);
        now -= since;
        text = now < USEC_PER_SEC ? strdup("0s") : span_to_text(now - now % USEC_PER_SEC, now >= 86400 * USEC_PER_SEC ? 1 : 2);
        return text ? table_add_amount(t, now / USEC_PER_SEC, text) : -ENOMEM;
}

static int add_health(Table *t, const char *health) {
        Color color = streq(health, "unhealthy") ? COLOR_RED : streq(health, "healthy") ? COLOR_GREEN : COLOR_NONE;

        return table_add_or_dash(t, health, color);
}

/* Where it can be reached: the sockets that are opened for it. */
static char *address_text(json_object *properties) {
        static const char *const names[] = { "ListenStream", "ListenDatagram", "ListenSequentialPacket" };
        char *text = NULL;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                json_object *value = property_value(properties, names[i]);
                _cleanup_free_ char *one = value ? property_to_text(names[i], value) : NULL;

                if (!isempty(one) && str_append(&text, "%s%s", text ? " " : "", one) < 0)
                        return NULL;
        }
        return text ? text : strdup("");
}

static int add_known(Table *t, uint64_t value) {
        return value == UINT64_MAX ? table_add_amount(t, value, NULL) : table_add_number(t, value);
}

static int add_wide(Context *c, Table *t, const char *path, bool up) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *address = NULL;
        _cleanup_json_ json_object *p = NULL;
        uint64_t leader;
        int r;

        r = client_properties(&c->client, path, BUS_INTERFACE_CONTAINER, &error, &p);
        if (r < 0)
                return r;
        leader = property_number(p, "MainPID");
        address = address_text(p);
        if (!address)
                return -ENOMEM;
        r = add_known(t, leader == 0 ? UINT64_MAX : leader);
        if (r >= 0)
                r = add_known(t, up ? property_number(p, "TasksCurrent") : UINT64_MAX);
        if (r >= 0)
                r = usage_add_size(t, property_number(p, "MemoryCurrent"));
        if (r >= 0)
                r = usage_add_size(t, property_number(p, "MemoryPeak"));
        if (r >= 0)
                r = usage_add_time(t, property_number(p, "CPUUsageNSec"));
        if (r >= 0)
                r = usage_add_size(t, property_number(p, "IOReadBytes"));
        if (r >= 0)
                r = usage_add_size(t, property_number(p, "IOWriteBytes"));
        for (size_t i = 0; r >= 0 && usage_pressures[i]; i++)
                r = table_add_hundredths(t, property_number(p, usage_pressures[i]));
        if (r >= 0)
                r = add_known(t, property_number(p, "NRestarts"));
        return r < 0 ? r : table_add_or_dash(t, address, COLOR_NONE);
}

static int list_row(Context *c, sd_bus_message *m, Table *t, size_t *hidden) {
        const char *name, *description, *load, *active, *sub, *unused, *path, *job_type, *job_path;
        json_object *more;
        uint32_t job;
        int r;

        r = sd_bus_message_read(m, "(ssssssouso)", &name, &description, &load, &active, &sub, &unused, &path,
                                &job, &job_type, &job_path);
        if (r < 0)
                return r;
        if (!pattern_matches(c->options, name) || !row_is_shown(c, load, active, sub, job, hidden))
                return 0;
        more = property_value(c->more, name);
        r = table_add(t, name, state_color(active) == COLOR_RED ? COLOR_RED : COLOR_NONE);
        if (r >= 0)
                r = table_add(t, load, streq(load, "loaded") ? COLOR_NONE : state_color(load));
        if (r >= 0)
                r = table_add(t, active, state_color(active));
        if (r >= 0)
                r = table_add(t, sub, state_color(sub));
        if (r >= 0)
                r = add_uptime(t, active, property_number(more, "ActiveEnterTimestamp"));
        if (r >= 0)
                r = add_health(t, property_string(more, "HealthStatus"));
        if (r >= 0 && c->options->output == FORMAT_WIDE)
                r = add_wide(c, t, path, !streq(active, "inactive"));
        return r < 0 ? r : table_add(t, description, COLOR_NONE);
}

static int print_table(Context *c, const Table *t, const char *what, size_t hidden) {
        bool legend = !c->options->no_legend;
        int r;

        if (c->options->quiet)
                return EXIT_SUCCESS;
        if (format_is_json(c->options->output))
                return table_print_json(t, stdout, c->options->output) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        ui_pager_open(&c->ui, !c->options->no_pager);
        r = table_print(t, &c->ui, stdout, legend && t->n_rows > 0);
        if (legend) {
                printf("%s%zu %s%s listed.%s", t->n_rows > 0 ? "\n" : "", t->n_rows, what,
                       t->n_rows == 1 ? "" : "s", hidden > 0 ? "" : "\n");
                if (hidden > 0)
                        printf(" %zu inactive not shown; pass --all to see %s.\n", hidden,
                               hidden == 1 ? "it" : "them");
        }
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int verb_list(Context *c) {
        static const char *const headers[] = { "NAME", "LOAD", "ACTIVE", "SUB", "UPTIME", "HEALTH", "DESCRIPTION" };
        static const char *const wide[] = { "NAME",     "LOAD",     "ACTIVE",   "SUB",      "UPTIME",   "HEALTH",  "LEADER",
                                            "TASKS",    "MEMORY",   "PEAK",     "CPU",      "READ",     "WRITTEN", "CPU-WAIT%",
                                            "MEM-WAIT%", "IO-WAIT%", "RESTARTS", "ADDRESS",  "DESCRIPTION" };
        static const char *const names[] = { "ActiveEnterTimestamp", "HealthStatus", NULL };
        _cleanup_(table_done) Table t = {};
        size_t hidden = 0;
        int r, status = EXIT_SUCCESS;

        if (c->options->output == FORMAT_WIDE)
                table_init(&t, wide, ELEMENTSOF(wide), ELEMENTSOF(wide) - 1);
        else
                table_init(&t, headers, ELEMENTSOF(headers), ELEMENTSOF(headers) - 1);
        if (client_connect(&c->client, &status) < 0)
                return status;
        r = usage_fetch(&c->client, names, &c->more);
        if (r < 0)
                return client_report(NULL, r, "cannot list", NULL);
        r = fetch_rows(c, "ListContainers", "(ssssssouso)", list_row, &t, &hidden, &status);
        json_object_put(c->more);
        c->more = NULL;
        return r < 0 ? status : print_table(c, &t, "container", hidden);
}

static int unit_file_row(Context *c, sd_bus_message *m, Table *t, size_t *hidden) {
        const char *path, *state, *base;
        char buffer[256];
        int r;

        r = sd_bus_message_read(m, "(ss)", &path, &state);
        if (r < 0)
                return r;
        base = strrchr(path, '/');
        base = base ? base + 1 : path;
        if (!pattern_matches(c->options, container_name_of(base, buffer)) &&
            !pattern_matches(c->options, base))
                return 0;
        r = table_add(t, path, COLOR_NONE);
        if (r >= 0)
                r = table_add(t, state, state_color(state));
        return r;
}

int verb_list_unit_files(Context *c) {
        static const char *const headers[] = { "UNIT FILE", "STATE" };
        _cleanup_(table_done) Table t = {};
        size_t hidden = 0;
        int status = EXIT_SUCCESS;

        table_init(&t, headers, ELEMENTSOF(headers), 0);
        if (client_connect(&c->client, &status) < 0 ||
            fetch_rows(c, "ListUnitFiles", "(ss)", unit_file_row, &t, &hidden, &status) < 0)
                return status;
        return print_table(c, &t, "unit file", hidden);
}

static int job_row(Context *c, sd_bus_message *m, Table *t, size_t *hidden) {
        const char *name, *type, *state, *job_path, *path;
        uint32_t id;
        int r;

        r = sd_bus_message_read(m, "(usssoo)", &id, &name, &type, &state, &job_path, &path);
        if (r < 0)
                return r;
        if (!pattern_matches(c->options, name))
                return 0;
        r = table_add(t, name, COLOR_NONE);
        if (r >= 0)
                r = table_add_number(t, id);
        if (r >= 0)
                r = table_add(t, type, COLOR_NONE);
        if (r >= 0)
                r = table_add(t, state, state_color(state));
        return r;
}

int verb_list_jobs(Context *c) {
        static const char *const headers[] = { "CONTAINER", "JOB", "TYPE", "STATE" };
        _cleanup_(table_done) Table t = {};
        size_t hidden = 0;
        int status = EXIT_SUCCESS;

        table_init(&t, headers, ELEMENTSOF(headers), SIZE_MAX);
        if (client_connect(&c->client, &status) < 0 ||
            fetch_rows(c, "ListJobs", "(usssoo)", job_row, &t, &hidden, &status) < 0)
                return status;
        return print_table(c, &t, "job", hidden);
}
