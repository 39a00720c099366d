/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* logs: the manager's own files, or journalctl where the payload writes to the journal. */
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/escape.h"
#include "tools/bulwarkctl/log-reader.h"
#include "tools/bulwarkctl/logs.h"
#include "tools/bulwarkctl/property-text.h"
#include "tools/bulwarkctl/table.h"
#include "tools/bulwarkctl/time-text.h"

#define FOLLOW_LINES 10 /* shown before following, where -n does not say */
#define PRIORITY_ERROR 3

typedef struct Printer {
        const Context *context;
        const char *name, *prefix;
} Printer;

static void print_json(const Printer *p, const LogEntry *e) {
        _cleanup_free_ char *text = utf8_repair(e->text, e->size);
        _cleanup_json_ json_object *o = json_object_new_object();

        if (!text || !o)
                return;
        (void)json_object_object_add(o, "timestamp", json_object_new_uint64(e->realtime_usec));
        (void)json_object_object_add(o, "container", json_object_new_string(p->name));
        (void)json_object_object_add(o, "priority", json_object_new_int((int)e->priority));
        (void)json_object_object_add(o, "message", json_object_new_string(text));
        (void)json_print(o, stdout, p->context->options->output);
}

/* What a container wrote must not reach the terminal as it is; a file or pipe gets it unchanged. */
static void print_text(const Printer *p, const LogEntry *e) {
        bool escape = p->context->ui.terminal && !p->context->options->raw,
             error = e->priority <= PRIORITY_ERROR;
        _cleanup_free_ char *safe = escape ? escape_bytes(e->text, e->size, 0) : NULL;
        _cleanup_free_ char *when = log_time_to_text(e->realtime_usec);
        const Ui *ui = &p->context->ui;

        printf("%s%s %s[%s]: %s", p->prefix, strempty(when), p->name, error ? "err" : "out",
               error ? ui_color(ui, COLOR_RED) : "");
        if (escape)
                fputs(safe ? safe : "(out of memory)", stdout);
        else
                (void)fwrite(e->text, 1, e->size, stdout);
        printf("%s\n", error ? ui_reset(ui) : "");
}

static void on_entry(const LogEntry *e, void *userdata) {
        const Printer *p = userdata;

        if (p->context->options->output != FORMAT_TABLE)
                print_json(p, e);
        else
                print_text(p, e);
}

int logs_print_files(const Context *c, const char *name, const char *directory, size_t lines,
                     const char *prefix) {
        _cleanup_(log_reader_freep) LogReader *reader = NULL;
        Printer printer = { .context = c, .name = name, .prefix = prefix };
        int r;

        r = log_reader_open(directory, on_entry, &printer, &reader);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        return log_reader_tail(reader, lines);
}

/* The directory appears with the first start. */
static int wait_for_directory(const char *directory, Printer *printer, LogReader **ret) {
        for (;;) {
                struct pollfd out = { .fd = STDOUT_FILENO };
                int r;

                r = log_reader_open(directory, on_entry, printer, ret);
                if (r != -ENOENT)
                        return r;
                if (poll(&out, 1, 250) > 0 && (out.revents & POLLERR))
                        return -EPIPE;
        }
}

static int follow(LogReader *reader, int watch) {
        for (;;) {
                char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
                struct pollfd fds[] = {
                        { .fd = watch, .events = POLLIN },
                        { .fd = STDOUT_FILENO}, /* a reader that has gone is noticed without a line to write
                                                */
                };
                int r;

                r = log_reader_catch_up(reader);
                if (r < 0)
                        return r;
                if (fflush(stdout) != 0)
                        return -errno;
                if (poll(fds, ELEMENTSOF(fds), -1) < 0 && errno != EINTR)
                        return -errno;
                if (fds[1].revents & (POLLERR | POLLHUP | POLLNVAL))
                        return -EPIPE;
                if ((fds[0].revents & POLLIN) && read(watch, events, sizeof(events)) < 0 && errno != EAGAIN)
                        return -errno;
        }
}

static int logs_follow(const Context *c, const char *name, const char *directory, size_t lines) {
        _cleanup_(log_reader_freep) LogReader *reader = NULL;
        Printer printer = { .context = c, .name = name, .prefix = "" };
        _cleanup_close_ int watch = -EBADF;
        int r;

        r = wait_for_directory(directory, &printer, &reader);
        if (r < 0)
                return r;
        watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (watch < 0)
                return -errno;
        if (inotify_add_watch(watch, directory, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
                return -errno;
        r = log_reader_tail(reader, lines);
        if (r < 0)
                return r;
        return follow(reader, watch);
}

/* --- the journal */
static int exec_journalctl(const Context *c, const char *name) {
        const Options *o = c->options;
        _cleanup_strv_ char **argv = NULL;
        char lines[24];
        int r;

        r = strv_extend(&argv, "journalctl");
        if (r >= 0)
                r = strv_extend(&argv, "--no-hostname");
        if (r >= 0 && o->no_pager)
                r = strv_extend(&argv, "--no-pager");
        if (r >= 0 && o->follow)
                r = strv_extend(&argv, "--follow");
        if (r >= 0 && o->output != FORMAT_TABLE)
                r = strv_extend(&argv, o->output == FORMAT_JSON ? "--output=json" : "--output=json-pretty");
        if (r >= 0 && o->lines == LINES_ALL)
                r = strv_extend(&argv, "--lines=all");
        else if (r >= 0 && o->lines != LINES_UNSET) {
                (void)snprintf(lines, sizeof(lines), "--lines=%u", o->lines);
                r = strv_extend(&argv, lines);
        }
        if (r >= 0) {
                char *match = NULL;

                r = str_append(&match, "SYSLOG_IDENTIFIER=%s", name);
                if (r >= 0)
                        r = strv_push(&argv, match);
        }
        if (r < 0)
                return r;
        (void)execvp(argv[0], argv);
        return -errno;
}

static size_t lines_wanted(const Options *o) {
        if (o->lines == LINES_UNSET)
                return o->follow ? FOLLOW_LINES : SIZE_MAX;
        return o->lines == LINES_ALL ? SIZE_MAX : o->lines;
}

int verb_logs(Context *c) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_json_ json_object *properties = NULL;
        _cleanup_free_ char *path = NULL;
        const Options *o = c->options;
        const char *name, *directory;
        int r, status = EXIT_SUCCESS;
        char buffer[256];

        name = container_name_of(o->arguments[0], buffer);
        if (client_connect(&c->client, &status) < 0)
                return status;
        r = client_container(&c->client, name, &error, &path);
        if (r >= 0)
                r = client_properties(&c->client, path, BUS_INTERFACE_CONTAINER, &error, &properties);
        if (r < 0)
                return client_report(&error, r, "cannot show the log of", name);
        client_done(&c->client);

        if (json_object_get_boolean(property_value(properties, "LogsToJournal"))) {
                (void)fflush(stdout);
                r = exec_journalctl(c, name);
                error_printf("%s logs to the journal, but journalctl cannot be run: %s", name, strerror(-r));
                return EXIT_FAILURE;
        }
        directory = property_string(properties, "LogDirectory");
        if (!*directory) {
                error_printf("%s writes no log: see StandardOutput= in \"bulwarkctl cat %s\"", name, name);
                return EXIT_FAILURE;
        }
        if (o->follow)
                r = logs_follow(c, name, directory, lines_wanted(o));
        else {
                ui_pager_open(&c->ui, !o->no_pager);
                r = logs_print_files(c, name, directory, lines_wanted(o), "");
        }
        if (r < 0 && r != -EPIPE) {
                error_printf("cannot read the log of %s in %s: %s", name, directory, strerror(-r));
                return r == -EACCES || r == -EPERM ? error_code_exit_status(ERROR_ACCESS) : EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
