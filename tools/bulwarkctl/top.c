/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* top: what containers use, measured between two looks. */
#include <fnmatch.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/property-text.h"
#include "tools/bulwarkctl/terminal.h"
#include "tools/bulwarkctl/time-text.h"
#include "tools/bulwarkctl/usage.h"
#include "tools/bulwarkctl/verbs.h"

#define DELAY_DEFAULT USEC_PER_SEC
#define SCREEN_ENTER "\033[?1049h\033[?25l"
#define SCREEN_LEAVE "\033[?25h\033[?1049l"
#define SCREEN_HOME "\033[H\033[J"
#define CONTROL_C 3

typedef struct Look {
        json_object *all;
        uint64_t when; /* monotonic, microseconds */
} Look;

typedef struct Row {
        const char *name; /* borrowed of the look */
        uint64_t cpu, memory, peak, tasks, reads, writes, pressure[3]; /* cpu in hundredths of a percent of one CPU */
        uint64_t key;
} Row;

typedef struct Top {
        Look before, now;
        TopColumn sort;
} Top;

static const char *const properties[] = {
        "CPUUsageNSec", "MemoryCurrent", "MemoryPeak", "TasksCurrent", "IOReadBytes", "IOWriteBytes", "CPUPressure", "MemoryPressure",
        "IOPressure", NULL,
};

static uint64_t now_monotonic(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / NSEC_PER_USEC;
}

static void look_done(Look *l) {
        json_object_put(l->all);
        *l = (Look){};
}

static void top_done(Top *t) {
        look_done(&t->before);
        look_done(&t->now);
}

static int top_look(Context *c, Top *t) {
        Look fresh = { .when = now_monotonic() };
        int r = usage_fetch(&c->client, properties, &fresh.all);

        if (r < 0)
                return r;
        look_done(&t->before);
        t->before = t->now;
        t->now = fresh;
        return 0;
}

static uint64_t known(uint64_t v) {
        return v == UINT64_MAX ? 0 : v;
}

static uint64_t row_key(const Row *row, TopColumn sort) {
        switch (sort) {
        case TOP_CPU:
                return known(row->cpu);
        case TOP_MEMORY:
                return known(row->memory);
        case TOP_PEAK:
                return known(row->peak);
        case TOP_TASKS:
                return known(row->tasks);
        case TOP_IO:
                return known(row->reads) + known(row->writes);
        case TOP_PRESSURE:
                return known(row->pressure[0]) + known(row->pressure[1]) + known(row->pressure[2]);
        case TOP_NAME:
        case _TOP_COLUMN_MAX:
                break;
        }
        return 0;
}

/* The most demanding first; among equals by name. */
static int row_compare(const void *a, const void *b) {
        const Row *x = a, *y = b;

        return x->key != y->key ? (x->key < y->key ? 1 : -1) : strcmp(x->name, y->name);
}

static Row row_of(const Top *t, const char *name, json_object *now) {
        json_object *before = t->before.all ? property_value(t->before.all, name) : NULL;
        const uint64_t usec = t->now.when - t->before.when;
        Row row = { .name = name };

#define RATE(property) usage_rate(before ? property_number(before, property) : UINT64_MAX, property_number(now, property), usec)
        row.cpu = RATE("CPUUsageNSec");
        row.reads = RATE("IOReadBytes");
        row.writes = RATE("IOWriteBytes");
#undef RATE
        if (row.cpu != UINT64_MAX)
                row.cpu /= NSEC_PER_USEC * USEC_PER_SEC / (100 * 100);
        row.memory = property_number(now, "MemoryCurrent");
        row.peak = property_number(now, "MemoryPeak");
        row.tasks = property_number(now, "TasksCurrent");
        for (size_t i = 0; usage_pressures[i]; i++)
                row.pressure[i] = property_number(now, usage_pressures[i]);
        row.key = row_key(&row, t->sort);
        return row;
}

static bool is_wanted(const Options *o, const char *name) {
        char buffer[256];

        for (size_t i = 0; i < o->n_arguments; i++)
                if (fnmatch(container_name_of(o->arguments[i], buffer), name, 0) == 0)
                        return true;
        return o->n_arguments == 0;
}

/* What does not run uses nothing, and is not shown. */
static int top_rows(const Context *c, const Top *t, Row **ret, size_t *ret_n) {
        _cleanup_free_ Row *rows = calloc((size_t)json_object_object_length(t->now.all) + 1, sizeof(Row));
        size_t n = 0;

        if (!rows)
                return -ENOMEM;
        json_object_object_foreach(t->now.all, name, p) {
                if (property_number(p, "CPUUsageNSec") == UINT64_MAX || !is_wanted(c->options, name))
                        continue;
                rows[n++] = row_of(t, name, p);
        }
        if (n > 1)
                qsort(rows, n, sizeof(Row), row_compare);
        *ret = TAKE_PTR(rows);
        *ret_n = n;
        return 0;
}

static int add_row(Table *table, const Row *row) {
        int r = table_add(table, row->name, COLOR_NONE);

        if (r >= 0)
                r = table_add_hundredths(table, row->cpu);
        if (r >= 0)
                r = usage_add_size(table, row->memory);
        if (r >= 0)
                r = usage_add_size(table, row->peak);
        if (r >= 0)
                r = row->tasks == UINT64_MAX ? table_add_amount(table, row->tasks, NULL) : table_add_number(table, row->tasks);
        if (r >= 0)
                r = usage_add_size(table, row->reads);
        if (r >= 0)
                r = usage_add_size(table, row->writes);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(row->pressure); i++)
                r = table_add_hundredths(table, row->pressure[i]);
        return r;
}

static int top_print(const Context *c, const Top *t, size_t lines) {
        static const char *const headers[] = { "NAME",   "CPU%",    "MEMORY",    "PEAK",      "TASKS",
                                               "READ/S", "WRITE/S", "CPU-WAIT%", "MEM-WAIT%", "IO-WAIT%" };
        _cleanup_(table_done) Table table = {};
        _cleanup_free_ Row *rows = NULL;
        size_t n = 0;
        int r;

        r = top_rows(c, t, &rows, &n);
        if (r < 0)
                return r;
        table_init(&table, headers, ELEMENTSOF(headers), 0);
        for (size_t i = 0; r >= 0 && i < MIN_OF(n, lines); i++)
                r = add_row(&table, rows + i);
        if (r < 0)
                return r;
        if (format_is_json(c->options->output))
                r = table_print_json(&table, stdout, c->options->output);
        else
                r = table_print(&table, &c->ui, stdout, !c->options->no_legend);
        (void)fflush(stdout);
        return r < 0 ? r : 0;
}

/* A key within usec, 0 for none: what waits to be typed decides at once, so that q is never slow. */
static int wait_for_key(uint64_t usec, char *ret) {
        struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
        int r = poll(&p, 1, (int)(usec / USEC_PER_MSEC));

        *ret = 0;
        if (r < 0 && errno != EINTR)
                return -errno;
        if (r > 0 && read(STDIN_FILENO, ret, 1) != 1)
                return -EPIPE; /* the terminal has gone */
        return 0;
}

static bool apply_key(Top *t, char key) {
        static const struct {
                char key;
                TopColumn sort;
        } keys[] = {
                { 'c', TOP_CPU }, { 'm', TOP_MEMORY }, { 'p', TOP_PEAK }, { 't', TOP_TASKS },
                { 'i', TOP_IO },  { 'w', TOP_PRESSURE }, { 'n', TOP_NAME },
        };

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (keys[i].key == key)
                        t->sort = keys[i].sort;
        return key != 'q' && key != 'Q' && key != CONTROL_C;
}

/* On the terminal's second screen, so that the first is as it was. */
static int top_interactive(Context *c, Top *t, uint64_t delay) {
        Terminal terminal;
        bool on = true;
        int r;

        r = terminal_enter(&terminal, STDIN_FILENO);
        if (r < 0)
                return r;
        printf(SCREEN_ENTER);
        while (on && r >= 0) {
                const uint64_t until = now_monotonic() + delay;
                unsigned rows = 24, columns = 80;

                (void)terminal_size(STDOUT_FILENO, &rows, &columns);
                c->ui.width = columns;
                terminal_leave(&terminal); /* the table ends its lines in \n alone */
                printf(SCREEN_HOME);
                r = top_print(c, t, rows > 4 ? rows - 3 : 1);
                printf("\nq quit, sort by: c CPU, m memory, p peak, t tasks, i I/O, w waiting, n name");
                (void)fflush(stdout);
                if (r >= 0)
                        r = terminal_resume(&terminal);
                for (uint64_t now; r >= 0 && on && (now = now_monotonic()) < until;) {
                        char key;

                        r = wait_for_key(until - now, &key);
                        on = r >= 0 && apply_key(t, key);
                        if (on && key)
                                break; /* shown at once in the new order */
                }
                if (r >= 0 && on)
                        r = top_look(c, t);
        }
        terminal_leave(&terminal);
        printf(SCREEN_LEAVE);
        (void)fflush(stdout);
        return r == -EPIPE ? 0 : r;
}

static int top_batch(Context *c, Top *t, uint64_t delay) {
        const unsigned lines = c->options->lines, n = lines == LINES_UNSET ? (c->ui.terminal ? LINES_ALL : 1) : lines;
        int r = 0;

        for (unsigned i = 0; r >= 0 && (n == LINES_ALL || i < n); i++) {
                if (i > 0 && !format_is_json(c->options->output))
                        putchar('\n');
                r = top_print(c, t, SIZE_MAX);
                if (r >= 0 && (n == LINES_ALL || i + 1 < n)) {
                        (void)usleep((useconds_t)delay);
                        r = top_look(c, t);
                }
        }
        return r;
}

int verb_top(Context *c) {
        const Options *o = c->options;
        const uint64_t delay = o->delay ? o->delay : DELAY_DEFAULT;
        const bool interactive = c->ui.terminal && isatty(STDIN_FILENO) && !o->batch && !format_is_json(o->output) &&
                                 o->lines == LINES_UNSET;
        _cleanup_(top_done) Top t = { .sort = o->sort };
        int r, status = EXIT_SUCCESS;

        if (client_connect(&c->client, &status) < 0)
                return status;
        r = top_look(c, &t);
        if (r >= 0) {
                (void)usleep((useconds_t)(interactive ? MIN_OF(delay, (uint64_t)(200 * USEC_PER_MSEC)) : delay));
                r = top_look(c, &t);
        }
        if (r >= 0)
                r = interactive ? top_interactive(c, &t, delay) : top_batch(c, &t, delay);
        return r < 0 ? client_report(NULL, r, "cannot show what containers use", NULL) : EXIT_SUCCESS;
}
