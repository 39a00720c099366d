/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* events: what happened to containers. The manager keeps it in files, which root may read; who speaks to it over the system
 * bus hears what happens from now on. */
#include <stdio.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/escape.h"
#include "tools/bulwarkctl/log-merge.h"
#include "tools/bulwarkctl/names.h"
#include "tools/bulwarkctl/property-text.h"
#include "tools/bulwarkctl/table.h"
#include "tools/bulwarkctl/time-text.h"

#define FOLLOW_EVENTS 10 /* shown before following, where -n does not say */

typedef struct Events {
        Context *context;
        LogSelection selection;
        LogMerge *merge;
} Events;

static void events_done(Events *e) {
        log_merge_free(e->merge);
        log_selection_done(&e->selection);
}

/* Half a line of a full disk is none. */
static json_object *event_parse(const LogEntry *e) {
        _cleanup_free_ char *text = strndup(e->text, e->size);
        json_object *event = text ? json_tokener_parse(text) : NULL;

        if (json_object_is_type(event, json_type_object))
                return event;
        json_object_put(event);
        return NULL;
}

static bool event_is_wanted(const LogEntry *e, void *userdata) {
        _cleanup_json_ json_object *event = event_parse(e);
        const Context *c = userdata;

        return event && (!c->names || strv_contains(c->names, property_string(event, "container")));
}

/* "Nov 30 14:00:00 web exit: ended with exit code 3" */
static void event_print_text(const Context *c, uint64_t usec, unsigned priority, json_object *event) {
        _cleanup_free_ char *when = log_time_to_text(usec), *kind = escape_text(property_string(event, "event"), 0),
                            *name = escape_text(property_string(event, "container"), 0),
                            *words = escape_text(property_string(event, "message"), 0);
        Color color = priority <= 3 ? COLOR_RED : priority == 4 ? COLOR_YELLOW : COLOR_NONE;

        printf("%s %s %s: %s%s%s\n", strempty(when), strempty(name), strempty(kind), ui_color(&c->ui, color), strempty(words),
               color == COLOR_NONE ? "" : ui_reset(&c->ui));
}

static void event_print_json(const Context *c, uint64_t usec, unsigned priority, json_object *event) {
        _cleanup_json_ json_object *o = json_object_new_object();

        (void)json_object_object_add(o, "timestamp", json_object_new_uint64(usec));
        (void)json_object_object_add(o, "priority", json_object_new_int((int)priority));
        json_object_object_foreach(event, key, value)
                (void)json_object_object_add(o, key, json_object_get(value));
        (void)json_print(o, stdout, c->options->output);
}

static void on_line(const char *name, const LogEntry *e, void *userdata) {
        _cleanup_json_ json_object *event = event_parse(e);
        const Context *c = userdata;

        if (!event)
                return;
        if (c->options->output != FORMAT_TABLE)
                event_print_json(c, e->realtime_usec, e->priority, event);
        else
                event_print_text(c, e->realtime_usec, e->priority, event);
}

static int events_directory(Context *c, char **ret, int *ret_exit) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *state = NULL;
        int r;

        r = client_property_string(&c->client, BUS_PATH, BUS_INTERFACE_MANAGER, "StateDirectory", &error, &state);
        if (r >= 0)
                r = str_append(ret, "%s/events", state);
        if (r < 0)
                *ret_exit = client_report(&error, r, "cannot show what happened", NULL);
        return r;
}

static int events_show(Events *e, const char *directory) {
        const Options *o = e->context->options;
        size_t lines = o->lines == LINES_ALL ? SIZE_MAX : o->lines;
        const char *failed = directory;
        int r;

        if (o->lines == LINES_UNSET)
                lines = o->follow && !o->since ? FOLLOW_EVENTS : SIZE_MAX;
        if (!o->follow)
                ui_pager_open(&e->context->ui, !o->no_pager);
        r = log_merge_add(e->merge, "events", directory);
        if (r >= 0)
                r = log_merge_tail(e->merge, lines, &failed);
        if (r >= 0 && o->follow)
                r = log_merge_follow(e->merge, &failed);
        if (r >= 0 || r == -EPIPE)
                return EXIT_SUCCESS;
        error_printf("cannot read what happened in %s: %s", failed, strerror(-r));
        return r == -EACCES || r == -EPERM ? error_code_exit_status(ERROR_ACCESS) : EXIT_FAILURE;
}

/* --- from the bus, for who may not read the files */
static char *details_text(json_object *details) {
        char *text = strdup("");

        json_object_object_foreach(details, key, value) {
                _cleanup_free_ char *one = property_is_empty(key, value) ? NULL : property_to_text(key, value);

                if (text && !isempty(one) && str_append(&text, "%s%s=%s", *text ? " " : "", key, one) < 0) {
                        free(text);
                        return NULL;
                }
        }
        return text;
}

static int on_event(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_json_ json_object *event = json_object_new_object(), *details = NULL;
        _cleanup_free_ char *text = NULL;
        const char *name, *kind;
        const Context *c = userdata;
        uint64_t usec;
        int r;

        r = sd_bus_message_read(m, "tss", &usec, &name, &kind);
        if (r >= 0)
                r = message_to_json(m, &details);
        text = r >= 0 ? details_text(details) : NULL;
        if (!text || (c->names && !strv_contains(c->names, name)))
                return 0;
        (void)json_object_object_add(event, "container", json_object_new_string(name));
        (void)json_object_object_add(event, "event", json_object_new_string(kind));
        (void)json_object_object_add(event, "message", json_object_new_string(text));
        (void)json_object_object_add(event, "details", TAKE_PTR(details));
        if (c->options->output != FORMAT_TABLE)
                event_print_json(c, usec, 6, event);
        else
                event_print_text(c, usec, 6, event);
        return fflush(stdout) != 0 ? -EPIPE : 0;
}

static int events_listen(Context *c) {
        int r;

        r = sd_bus_match_signal(c->client.bus, NULL, c->client.destination, BUS_PATH, BUS_INTERFACE_MANAGER, "Event", on_event, c);
        while (r >= 0) {
                r = sd_bus_process(c->client.bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(c->client.bus, UINT64_MAX);
                if (r == -EINTR)
                        r = 0;
        }
        return r == -EPIPE ? EXIT_SUCCESS : client_report(NULL, r, "cannot hear what happens", NULL);
}

int verb_events(Context *c) {
        _cleanup_(events_done) Events e = { .context = c };
        _cleanup_free_ char *mistake = NULL, *directory = NULL;
        int r, status = EXIT_SUCCESS;

        r = log_selection_init(&e.selection, c->options, &mistake);
        if (r >= 0)
                r = log_merge_new(&e.selection, on_line, c, &e.merge);
        if (r < 0) {
                error_print(NULL, mistake ? mistake : strerror(-r));
                return mistake ? EXIT_USAGE : EXIT_FAILURE;
        }
        e.selection.wanted = event_is_wanted;
        e.selection.userdata = c;
        if (names_resolve(c, &status) < 0)
                return status;
        if (c->client.destination && c->options->follow)
                return events_listen(c);
        if (c->client.destination) {
                error_printf("what has happened only root may read; \"bulwarkctl events --follow\" shows what happens from now on");
                return error_code_exit_status(ERROR_ACCESS);
        }
        if (events_directory(c, &directory, &status) < 0)
                return status;
        client_done(&c->client);
        return events_show(&e, directory);
}
