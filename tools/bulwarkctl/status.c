/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* status: what a person wants to know at a glance, in the order of systemctl. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/escape.h"
#include "tools/bulwarkctl/logs.h"
#include "tools/bulwarkctl/names.h"
#include "tools/bulwarkctl/property-text.h"
#include "tools/bulwarkctl/table.h"
#include "tools/bulwarkctl/time-text.h"
#include "tools/bulwarkctl/usage.h"
#include "units/values/types.h"

#define LABEL_WIDTH 11
#define STATUS_LINES 10

static void print_label(const char *label) {
        printf("%*s: ", LABEL_WIDTH, label);
}

/* Escaped; further lines stand under the first. */
static void print_line(const char *label, const char *text) {
        _cleanup_free_ char *safe = escape_text(text, ESCAPE_LINES);
        const char *p = strempty(safe);

        print_label(label);
        for (;;) {
                size_t n = strcspn(p, "\n");

                printf("%.*s\n", (int)n, p);
                p += n + (p[n] == '\n');
                if (!*p)
                        break;
                printf("%*s", LABEL_WIDTH + 2, "");
        }
}

static const struct {
        const char *state;
        Color color;
        Glyph glyph;
} state_rows[] = {
        { "active", COLOR_GREEN, GLYPH_DOT },      { "reloading", COLOR_GREEN, GLYPH_DOT },
        { "failed", COLOR_RED, GLYPH_CROSS },      { "activating", COLOR_YELLOW, GLYPH_DOT },
        { "deactivating", COLOR_YELLOW, GLYPH_DOT }, { "inactive", COLOR_NONE, GLYPH_CIRCLE },
};

static size_t state_row(const char *state) {
        for (size_t i = 0; i < ELEMENTSOF(state_rows); i++)
                if (streq(state_rows[i].state, state))
                        return i;
        return ELEMENTSOF(state_rows) - 1;
}

static void print_head(const Context *c, json_object *p, const char *name) {
        const char *state = property_string(p, "ActiveState"),
                   *description = property_string(p, "Description");
        bool bad = streq(property_string(p, "LoadState"), "bad");
        _cleanup_free_ char *safe = escape_text(description, 0);
        size_t row = state_row(bad ? "failed" : state);

        printf("%s%s%s %s%s%s\n", ui_color(&c->ui, state_rows[row].color),
               ui_glyph(&c->ui, state_rows[row].glyph), ui_reset(&c->ui), name, isempty(safe) ? "" : " - ",
               strempty(safe));
}

/* Empty where the manager does not say, or is of before. */
static char *enabled_state(Context *c, const char *name) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        const char *word;

        if (client_call(&c->client, 0, &error, &reply, "GetUnitFileState", "s", name) < 0 ||
            sd_bus_message_read(reply, "s", &word) < 0)
                return NULL;
        return escape_text(word, 0);
}

static void print_loaded(const Context *c, json_object *p, const char *enabled) {
        const char *load = property_string(p, "LoadState"), *file = property_string(p, "FragmentPath");
        json_object *drop_ins = property_value(p, "DropInPaths"), *error = property_value(p, "LoadError");
        bool fine = streq(load, "loaded");
        _cleanup_free_ char *safe = escape_text(file, 0);

        print_label("Loaded");
        printf("%s%s%s%s%s%s%s%s\n", fine ? "" : ui_color(&c->ui, COLOR_RED), load, fine ? "" : ui_reset(&c->ui),
               *file ? " (" : "", strempty(safe), *file && !isempty(enabled) ? "; " : "", *file ? strempty(enabled) : "",
               *file ? ")" : "");
        for (size_t i = 0;
             json_object_is_type(drop_ins, json_type_array) && i < json_object_array_length(drop_ins); i++)
                print_line(i == 0 ? "Drop-In" : "",
                           json_object_get_string(json_object_array_get_idx(drop_ins, i)));
        if (json_object_is_type(error, json_type_array) && json_object_array_length(error) == 2) {
                const char *words = json_object_get_string(json_object_array_get_idx(error, 1));

                if (!isempty(words))
                        print_line("Mistakes", words);
        }
}

static void print_active(const Context *c, json_object *p) {
        const char *state = property_string(p, "ActiveState"), *freezer = property_string(p, "FreezerState");
        const char *result = property_string(p, "Result");
        uint64_t since = property_number(p, "StateChangeTimestamp");
        size_t row = state_row(state);

        if (streq(state, "active") && property_number(p, "ActiveEnterTimestamp") != UINT64_MAX)
                since = property_number(p, "ActiveEnterTimestamp");
        print_label("Active");
        /* "failed (exit-code)": why says more than the state once more. */
        if (streq(state, property_string(p, "SubState")) && !isempty(result) && !streq(result, "success")) {
                printf("%s%s (%s)%s", ui_color(&c->ui, state_rows[row].color), state, result, ui_reset(&c->ui));
                result = "";
        } else
                printf("%s%s (%s)%s", ui_color(&c->ui, state_rows[row].color), state, property_string(p, "SubState"),
                       ui_reset(&c->ui));
        if (!isempty(freezer) && !streq(freezer, "running"))
                printf(" %s(%s)%s", ui_color(&c->ui, COLOR_YELLOW), freezer, ui_reset(&c->ui));
        if (!isempty(result) && !streq(result, "success"))
                printf(" (Result: %s)", result);
        if (since != 0 && since != UINT64_MAX) {
                _cleanup_free_ char *when = timestamp_to_text(since),
                                    *ago = ago_to_text(since, now_realtime());

                printf(" since %s; %s", strempty(when), strempty(ago));
        }
        putchar('\n');
}

static void print_process(json_object *p) {
        uint64_t pid = property_number(p, "MainPID"), code = property_number(p, "ExecMainCode"),
                 status = property_number(p, "ExecMainStatus");
        const char *signal;

        if (pid != 0 && pid != UINT64_MAX) {
                print_label("Leader");
                printf("%" PRIu64 "\n", pid);
                return;
        }
        if (code == CLD_EXITED) {
                print_label("Exited");
                printf("code=exited, status=%" PRIu64 "%s\n", status, status == 0 ? " (success)" : "");
        } else if (code == CLD_KILLED || code == CLD_DUMPED) {
                signal = signal_to_string((int)status);
                print_label("Exited");
                printf("code=%s, signal=%s\n", code == CLD_KILLED ? "killed" : "dumped",
                       signal ? signal : "unknown");
        }
}

/* "unhealthy, 3 bad checks in a row: what the last one said" */
static void print_health(json_object *p) {
        const char *status = property_string(p, "HealthStatus"), *output = property_string(p, "HealthOutput");
        uint64_t streak = property_number(p, "HealthFailingStreak");
        _cleanup_free_ char *text = NULL;
        int r;

        if (isempty(status))
                return;
        r = str_append(&text, "%s", status);
        if (r >= 0 && streak != 0 && streak != UINT64_MAX)
                r = str_append(&text, ", %" PRIu64 " bad check%s in a row", streak, streak == 1 ? "" : "s");
        if (r >= 0 && !isempty(output))
                r = str_append(&text, ": %s", output);
        if (r >= 0)
                print_line("Health", text);
}

/* "12M (peak 20M, swap 1M)" */
static void print_memory(uint64_t memory, uint64_t peak, uint64_t swap) {
        _cleanup_free_ char *now = NULL, *most = NULL, *out = NULL;

        if (memory == UINT64_MAX)
                return;
        now = size_to_text(memory);
        most = size_to_text(peak);
        out = size_to_text(swap);
        print_label("Memory");
        printf("%s", strempty(now));
        if (peak != UINT64_MAX)
                printf(" (peak %s", strempty(most));
        if (swap != UINT64_MAX && swap > 0)
                printf("%s%s", peak != UINT64_MAX ? ", swap " : " (swap ", strempty(out));
        printf("%s\n", peak != UINT64_MAX || (swap != UINT64_MAX && swap > 0) ? ")" : "");
}

static void print_io(uint64_t in, uint64_t out) {
        _cleanup_free_ char *reads = size_to_text(in), *writes = size_to_text(out);

        if (in == UINT64_MAX || out == UINT64_MAX || in + out == 0)
                return;
        print_label("IO");
        printf("%s read, %s written\n", strempty(reads), strempty(writes));
}

/* Only where something had to wait in the last ten seconds. */
static void print_pressure(json_object *p) {
        static const char *const words[] = { "CPU", "memory", "IO" };
        bool any = false;

        for (size_t i = 0; usage_pressures[i]; i++) {
                uint64_t v = property_number(p, usage_pressures[i]);

                if (v == UINT64_MAX || v == 0)
                        continue;
                if (!any)
                        print_label("Pressure");
                printf("%s%s %" PRIu64 ".%02" PRIu64 "%%", any ? ", " : "", words[i], v / 100, v % 100);
                any = true;
        }
        if (any)
                putchar('\n');
}

static void print_amounts(json_object *p) {
        uint64_t tasks = property_number(p, "TasksCurrent"), memory = property_number(p, "MemoryCurrent"),
                 cpu = property_number(p, "CPUUsageNSec"), base = property_number(p, "UIDRangeBase"),
                 count = property_number(p, "UIDRangeCount");

        if (tasks != UINT64_MAX) {
                print_label("Tasks");
                printf("%" PRIu64 "\n", tasks);
        }
        print_memory(memory, property_number(p, "MemoryPeak"), property_number(p, "MemorySwapCurrent"));
        if (cpu != UINT64_MAX) {
                _cleanup_free_ char *text = span_to_text(cpu / NSEC_PER_USEC, 2);

                print_line("CPU", strempty(text));
        }
        print_io(property_number(p, "IOReadBytes"), property_number(p, "IOWriteBytes"));
        print_pressure(p);
        if (count != 0 && count != UINT64_MAX && base != UINT64_MAX) {
                print_label("IDs");
                printf("%" PRIu64 "-%" PRIu64 "\n", base, base + count - 1);
        }
}

/* "apparmor, landlock ABI 7; label bulwark-web (verified)" */
static void print_security(const Context *c, json_object *p) {
        json_object *backends = property_value(p, "MACBackends"), *unsaid = property_value(p, "MACUnsaid");
        const char *label = property_string(p, "MACLabel");
        bool lost = json_object_get_boolean(property_value(p, "MACLabelLost"));
        bool verified = json_object_get_boolean(property_value(p, "MACVerified"));
        _cleanup_free_ char *safe = escape_text(label, 0);
        size_t n = json_object_is_type(backends, json_type_array) ? json_object_array_length(backends) : 0;

        for (size_t i = 0; i < n; i++) {
                const char *name = json_object_get_string(json_object_array_get_idx(backends, i));

                if (i == 0)
                        print_label("Security");
                printf("%s%s", i == 0 ? "" : ", ", name);
                if (streq(name, "landlock"))
                        printf(" ABI %" PRIu64, property_number(p, "LandlockABI"));
        }
        if (n > 0 && !isempty(safe))
                printf("; label %s (%s%s%s)", safe, lost ? ui_color(&c->ui, COLOR_RED) : "",
                       lost ? "lost" : verified ? "verified" : "not verified", lost ? ui_reset(&c->ui) : "");
        if (n > 0)
                putchar('\n');
        for (size_t i = 0; json_object_is_type(unsaid, json_type_array) && i < json_object_array_length(unsaid); i++)
                print_line(i == 0 ? "Unsaid" : "",
                           json_object_get_string(json_object_array_get_idx(unsaid, i)));
}

/* --- the tree of processes */
typedef struct Process {
        const char *cgroup, *command;
        uint32_t pid;
} Process;

static int compare_processes(const void *a, const void *b) {
        const Process *x = a, *y = b;
        int d = strcmp(x->cgroup, y->cgroup);

        return d != 0 ? d : (x->pid > y->pid) - (x->pid < y->pid);
}

static int read_processes(sd_bus_message *m, Process **ret, size_t *ret_n) {
        _cleanup_free_ Process *list = NULL;
        size_t n = 0;
        int r;

        r = sd_bus_message_enter_container(m, SD_BUS_TYPE_ARRAY, "(sus)");
        if (r < 0)
                return r;
        for (;;) {
                Process p, *grown;

                r = sd_bus_message_read(m, "(sus)", &p.cgroup, &p.pid, &p.command);
                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                grown = reallocarray(list, n + 1, sizeof(Process));
                if (!grown)
                        return -ENOMEM;
                list = grown;
                list[n++] = p;
        }
        if (n > 1)
                qsort(list, n, sizeof(Process), compare_processes);
        *ret = TAKE_PTR(list);
        *ret_n = n;
        return 0;
}

/* One process, cut to the terminal's width. */
static void print_one_process(const Context *c, const Process *p, const char *indent, bool last) {
        _cleanup_free_ char *safe = escape_text(p->command, 0);
        const char *glyph = ui_glyph(&c->ui, last ? GLYPH_LAST : GLYPH_BRANCH), *command = strempty(safe);
        char head[64];
        size_t used, fit = strlen(command);

        (void)snprintf(head, sizeof(head), "%*s%s%s%" PRIu32 " ", LABEL_WIDTH + 2, "", indent, glyph,
                       p->pid);
        used = text_width(head);
        if (c->ui.width != SIZE_MAX)
                fit = text_fit(command, c->ui.width > used ? c->ui.width - used : 8);
        printf("%s%.*s\n", head, (int)fit, command);
}

/* Sorted by cgroup: those of the container's own first, then each group below it under its name. */
static void print_processes(const Context *c, const Process *list, size_t n) {
        for (size_t i = 0, end; i < n; i = end) {
                const char *group = list[i].cgroup + strspn(list[i].cgroup, "/"), *indent = "";

                for (end = i + 1; end < n && streq(list[end].cgroup, list[i].cgroup);)
                        end++;
                if (*group) {
                        _cleanup_free_ char *safe = escape_text(group, 0);

                        printf("%*s%s%s\n", LABEL_WIDTH + 2, "",
                               ui_glyph(&c->ui, end == n ? GLYPH_LAST : GLYPH_BRANCH), strempty(safe));
                        indent = end == n ? "  " : ui_glyph(&c->ui, GLYPH_BAR);
                }
                for (size_t k = i; k < end; k++)
                        print_one_process(c, list + k, indent, k + 1 == end && (*group || end == n));
        }
}

static void print_cgroup(Context *c, json_object *p, const char *name) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        const char *cgroup = property_string(p, "ControlGroup");
        _cleanup_free_ Process *list = NULL;
        size_t n = 0;

        if (!*cgroup)
                return;
        print_line("CGroup", cgroup);
        if (client_call(&c->client, 0, NULL, &reply, "GetContainerProcesses", "s", name) < 0)
                return; /* ended meanwhile */
        if (read_processes(reply, &list, &n) >= 0)
                print_processes(c, list, n);
}

/* --- the last lines of the log */
static void print_journal(const Context *c, const char *name, unsigned lines) {
        char count[32], match[300];
        pid_t pid;

        (void)snprintf(count, sizeof(count), "--lines=%u", lines);
        (void)snprintf(match, sizeof(match), "SYSLOG_IDENTIFIER=%s", name);
        (void)fflush(stdout);
        pid = fork();
        if (pid == 0) {
                (void)execlp("journalctl", "journalctl", "--quiet", "--no-pager", "--no-hostname", count,
                             match, (char *)NULL);
                _exit(EXIT_FAILURE);
        }
        while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
}

static void print_log(const Context *c, json_object *p, const char *name) {
        const Options *o = c->options;
        unsigned lines = o->lines == LINES_UNSET ? STATUS_LINES : o->lines;
        const char *directory = property_string(p, "LogDirectory");

        if (lines == 0)
                return;
        if (json_object_get_boolean(property_value(p, "LogsToJournal"))) {
                putchar('\n');
                print_journal(c, name, lines);
        } else if (*directory && access(directory, F_OK) >= 0) {
                putchar('\n');
                (void)logs_print_files(c, name, directory, lines == LINES_ALL ? SIZE_MAX : lines);
        }
}

static int status_of(json_object *p) {
        const char *state = property_string(p, "ActiveState");

        if (streq(property_string(p, "LoadState"), "not-found") && streq(state, "inactive"))
                return EXIT_NO_UNIT;
        return streq(state, "active") || streq(state, "reloading") ? EXIT_SUCCESS : EXIT_NOT_ACTIVE;
}

/* A manager of before knows no conditions. */
static bool is_false(json_object *p, const char *name) {
        json_object *v = property_value(p, name);

        return json_object_is_type(v, json_type_boolean) && !json_object_get_boolean(v);
}

static int status_one(Context *c, const char *name, bool first) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_json_ json_object *p = NULL;
        _cleanup_free_ char *path = NULL, *enabled = NULL;
        int r;

        r = client_container(&c->client, name, &error, &path);
        if (r >= 0)
                r = client_properties(&c->client, path, BUS_INTERFACE_CONTAINER, &error, &p);
        if (r < 0)
                return client_report(&error, r, "cannot show", name);
        if (c->options->quiet)
                return status_of(p);
        /* A program gets every property, as from show, and the answer in the exit code. */
        if (c->options->output != FORMAT_TABLE)
                return json_print(p, stdout, c->options->output) < 0 ? EXIT_FAILURE : status_of(p);
        if (!first)
                putchar('\n');
        enabled = enabled_state(c, name);
        print_head(c, p, name);
        print_loaded(c, p, enabled);
        print_active(c, p);
        print_process(p);
        if (*property_string(p, "StatusText"))
                print_line("Status", property_string(p, "StatusText"));
        print_health(p);
        if (*property_string(p, "Progress"))
                print_line("Progress", property_string(p, "Progress"));
        print_security(c, p);
        print_amounts(p);
        print_cgroup(c, p, name);
        if (*property_string(p, "LastError"))
                print_line(is_false(p, "ConditionResult") || is_false(p, "AssertResult") ? "Condition" : "Error",
                           property_string(p, "LastError"));
        print_log(c, p, name);
        return status_of(p);
}

/* Without a NAME: the manager itself. */
static int status_manager(Context *c) {
        static const struct {
                const char *label, *property;
        } rows[] = {
                { "Version", "Version"},     {"Runtime", "RuntimeDirectory"}, {"State", "StateDirectory" },
                { "CGroup", "ControlGroup"}, {"Unit path", "UnitPath"},       {"Features", "Features" },
        };
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_json_ json_object *p = NULL;
        int r;

        r = client_properties(&c->client, BUS_PATH, BUS_INTERFACE_MANAGER, &error, &p);
        if (r < 0)
                return client_report(&error, r, "cannot show the manager", NULL);
        if (c->options->output != FORMAT_TABLE)
                return json_print(p, stdout, c->options->output) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        printf("%s%s%s bulwarkd\n", ui_color(&c->ui, COLOR_GREEN), ui_glyph(&c->ui, GLYPH_DOT),
               ui_reset(&c->ui));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                json_object *value = property_value(p, rows[i].property);
                _cleanup_free_ char *text = value ? property_to_text(rows[i].property, value) : NULL;

                if (!isempty(text))
                        print_line(rows[i].label, text);
        }
        return EXIT_SUCCESS;
}

int verb_status(Context *c) {
        const Options *o = c->options;
        int status = EXIT_SUCCESS;

        if (names_resolve(c, &status) < 0)
                return status;
        ui_pager_open(&c->ui, !o->no_pager);
        if (o->n_arguments == 0)
                return status_manager(c);
        for (size_t i = 0; i < strv_length(c->names); i++) {
                int r = status_one(c, c->names[i], i == 0);

                if (status == EXIT_SUCCESS)
                        status = r;
        }
        return status;
}
