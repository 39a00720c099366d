/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* logs: the manager's own files, or journalctl where the payload writes to the journal. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/wait.h>
#include <syslog.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/escape.h"
#include "tools/bulwarkctl/log-merge.h"
#include "tools/bulwarkctl/logs.h"
#include "tools/bulwarkctl/names.h"
#include "tools/bulwarkctl/property-text.h"
#include "tools/bulwarkctl/table.h"
#include "tools/bulwarkctl/time-text.h"

#define FOLLOW_LINES 10 /* shown before following, where -n does not say */

static const struct {
        char letter;
        const char *tag, *stream;
} origins[] = {
        { 'o', "out", "stdout" },
        { 'e', "err", "stderr" },
        { 'b', "bulwark", "bulwark" },
};

static size_t origin_row(char letter) {
        for (size_t i = 0; i < ELEMENTSOF(origins); i++)
                if (origins[i].letter == letter)
                        return i;
        return 0;
}

static void print_json(const Context *c, const char *name, const LogEntry *e) {
        _cleanup_free_ char *text = utf8_repair(e->text, e->size);
        _cleanup_json_ json_object *o = json_object_new_object();

        if (!text || !o)
                return;
        (void)json_object_object_add(o, "timestamp", json_object_new_uint64(e->realtime_usec));
        (void)json_object_object_add(o, "container", json_object_new_string(name));
        (void)json_object_object_add(o, "stream", json_object_new_string(origins[origin_row(e->origin)].stream));
        (void)json_object_object_add(o, "priority", json_object_new_int((int)e->priority));
        (void)json_object_object_add(o, "message", json_object_new_string(text));
        (void)json_print(o, stdout, c->options->output);
}

static Color priority_color(unsigned priority) {
        static const Color colors[8] = {
                [LOG_EMERG] = COLOR_RED, [LOG_ALERT] = COLOR_RED, [LOG_CRIT] = COLOR_RED, [LOG_ERR] = COLOR_RED,
                [LOG_WARNING] = COLOR_YELLOW, [LOG_NOTICE] = COLOR_BOLD, [LOG_DEBUG] = COLOR_DIM,
        };

        return colors[priority & 7];
}

/* What a container wrote must not reach the terminal as it is; a file or pipe gets it unchanged. */
static void print_text(const Context *c, const char *name, const LogEntry *e) {
        bool escape = c->ui.terminal && !c->options->raw;
        _cleanup_free_ char *safe = escape ? escape_bytes(e->text, e->size, 0) : NULL;
        _cleanup_free_ char *when = log_time_to_text(e->realtime_usec);
        Color color = priority_color(e->priority);

        printf("%s %s[%s]: %s", strempty(when), name, origins[origin_row(e->origin)].tag, ui_color(&c->ui, color));
        if (escape)
                fputs(safe ? safe : "(out of memory)", stdout);
        else
                (void)fwrite(e->text, 1, e->size, stdout);
        printf("%s\n", color == COLOR_NONE ? "" : ui_reset(&c->ui));
}

static void print_line(const char *name, const LogEntry *e, void *userdata) {
        const Context *c = userdata;

        if (c->options->output != FORMAT_TABLE)
                print_json(c, name, e);
        else
                print_text(c, name, e);
}

int logs_print_files(const Context *c, const char *name, const char *directory, size_t lines) {
        _cleanup_(log_merge_freep) LogMerge *merge = NULL;
        LogSelection all = {};
        const char *failed;
        int r;

        r = log_merge_new(&all, print_line, (void *)c, &merge);
        if (r >= 0)
                r = log_merge_add(merge, name, directory);
        return r < 0 ? r : log_merge_tail(merge, lines, &failed);
}

/* --- the journal */
static int extend_format(char ***argv, const char *format, ...) _printf_(2, 3);
static int extend_format(char ***argv, const char *format, ...) {
        va_list ap;
        char *word;
        int n;

        va_start(ap, format);
        n = vasprintf(&word, format, ap);
        va_end(ap);
        return n < 0 ? -ENOMEM : strv_push(argv, word);
}

/* A mask of one range as journalctl reads it. */
static int extend_priorities(char ***argv, unsigned mask) {
        unsigned from = (unsigned)__builtin_ctz(mask), to = 31U - (unsigned)__builtin_clz(mask);

        return extend_format(argv, "--priority=%s..%s", priority_words[from], priority_words[to]);
}

static int journal_selection(const Options *o, char ***argv) {
        int r = 0;

        if (o->since)
                r = extend_format(argv, "--since=@%" PRIu64 ".%06" PRIu64, o->since / USEC_PER_SEC, o->since % USEC_PER_SEC);
        if (r >= 0 && o->until)
                r = extend_format(argv, "--until=@%" PRIu64 ".%06" PRIu64, o->until / USEC_PER_SEC, o->until % USEC_PER_SEC);
        if (r >= 0 && o->grep)
                r = extend_format(argv, "--grep=%s", o->grep);
        if (r >= 0 && o->priorities)
                r = extend_priorities(argv, o->priorities);
        return r;
}

/* What the payloads wrote, or the manager about them: it is root that says of which container a line is, and matches of one
 * field are alternatives. */
static int journal_matches(char *const *names, char ***argv) {
        int r = strv_extend(argv, "_UID=0");

        for (size_t i = 0; r >= 0 && names[i]; i++)
                r = extend_format(argv, "BULWARK_CONTAINER=%s", names[i]);
        return r;
}

static int journal_command(const Context *c, char *const *names, char ***ret) {
        const Options *o = c->options;
        _cleanup_strv_ char **argv = NULL;
        int r;

        r = strv_extend(&argv, "journalctl");
        if (r >= 0)
                r = strv_extend(&argv, "--no-hostname");
        if (r >= 0 && o->no_pager)
                r = strv_extend(&argv, "--no-pager");
        if (r >= 0 && o->quiet)
                r = strv_extend(&argv, "--quiet");
        if (r >= 0 && o->follow)
                r = strv_extend(&argv, "--follow");
        if (r >= 0 && o->output != FORMAT_TABLE)
                r = extend_format(&argv, "--output=%s", output_format_to_string(o->output));
        if (r >= 0 && o->lines == LINES_ALL)
                r = strv_extend(&argv, "--lines=all");
        else if (r >= 0 && o->lines != LINES_UNSET)
                r = extend_format(&argv, "--lines=%u", o->lines);
        if (r >= 0)
                r = journal_selection(o, &argv);
        if (r >= 0)
                r = journal_matches(names, &argv);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(argv);
        return 0;
}

static int journal_show(const Context *c, char *const *names) {
        _cleanup_strv_ char **argv = NULL;
        int r, status;
        pid_t pid;

        r = journal_command(c, names, &argv);
        if (r < 0)
                return EXIT_FAILURE;
        (void)fflush(stdout);
        pid = fork();
        if (pid == 0) {
                (void)execvp(argv[0], argv);
                error_printf("%s logs to the journal, but journalctl cannot be run: %s", names[0], strerror(errno));
                _exit(EXIT_FAILURE);
        }
        while (pid > 0 && waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return EXIT_FAILURE;
        return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

/* --- the command */
typedef struct Logs {
        Context *context;
        LogSelection selection;
        LogMerge *merge;
        bool has_files;
        char **in_journal; /* names of those whose lines are there */
        char **hints;      /* where else lines of a container are */
} Logs;

static void logs_done(Logs *l) {
        log_merge_free(l->merge);
        log_selection_done(&l->selection);
        strv_free(l->in_journal);
        strv_free(l->hints);
}

/* The init of a booted container keeps a journal of its own, and writes next to nothing to its console. */
static int logs_add_hint(Logs *l, const char *name, json_object *properties) {
        bool registered = json_object_get_boolean(property_value(properties, "RegisterMachine"));
        char *hint = NULL;
        int r;

        if (!json_object_get_boolean(property_value(properties, "Boot")))
                return 0;
        r = str_append(&hint, "%s is a booted system with a journal of its own: bulwarkctl exec %s -- journalctl", name, name);
        if (r >= 0 && registered)
                r = str_append(&hint, ", or journalctl -M %s", name);
        if (r < 0) {
                free(hint);
                return r;
        }
        return strv_push(&l->hints, hint);
}

static int logs_add(Logs *l, const char *name) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_json_ json_object *properties = NULL;
        Client *client = &l->context->client;
        _cleanup_free_ char *path = NULL;
        const char *directory;
        int r;

        r = client_container(client, name, &error, &path);
        if (r >= 0)
                r = client_properties(client, path, BUS_INTERFACE_CONTAINER, &error, &properties);
        if (r < 0)
                return client_report(&error, r, "cannot show the log of", name);
        r = logs_add_hint(l, name, properties);
        if (r < 0)
                return EXIT_FAILURE;
        if (json_object_get_boolean(property_value(properties, "LogsToJournal")))
                return strv_extend(&l->in_journal, name) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        directory = property_string(properties, "LogDirectory");
        if (!*directory) {
                error_printf("%s writes no log: see StandardOutput= in \"bulwarkctl cat %s\"", name, name);
                return EXIT_FAILURE;
        }
        l->has_files = true;
        return log_merge_add(l->merge, name, directory) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static size_t lines_wanted(const Options *o) {
        if (o->lines == LINES_UNSET)
                return o->follow ? FOLLOW_LINES : SIZE_MAX;
        return o->lines == LINES_ALL ? SIZE_MAX : o->lines;
}

static int logs_print(Logs *l) {
        const Options *o = l->context->options;
        const char *failed = NULL;
        int r;

        if (!o->follow)
                ui_pager_open(&l->context->ui, !o->no_pager);
        r = log_merge_tail(l->merge, lines_wanted(o), &failed);
        if (r >= 0 && o->follow)
                r = log_merge_follow(l->merge, &failed);
        if (r >= 0 || r == -EPIPE)
                return EXIT_SUCCESS;
        error_printf("cannot read the log%s%s: %s", failed ? " in " : "", strempty(failed), strerror(-r));
        return r == -EACCES || r == -EPERM ? error_code_exit_status(ERROR_ACCESS) : EXIT_FAILURE;
}

static void logs_tell_hints(const Logs *l) {
        for (size_t i = 0; !l->context->options->quiet && l->hints && l->hints[i]; i++)
                fprintf(stderr, "%s\n", l->hints[i]);
}

static int logs_show(Logs *l) {
        int status = EXIT_SUCCESS;

        if (l->in_journal && l->has_files && l->context->options->follow) {
                error_printf("%s logs to the journal, others to files: follow them by themselves", l->in_journal[0]);
                return EXIT_FAILURE;
        }
        if (l->context->options->follow)
                logs_tell_hints(l);
        if (l->has_files)
                status = logs_print(l);
        if (l->in_journal && status == EXIT_SUCCESS)
                status = journal_show(l->context, l->in_journal);
        if (!l->context->options->follow)
                logs_tell_hints(l);
        return status;
}

int verb_logs(Context *c) {
        _cleanup_(logs_done) Logs l = { .context = c };
        _cleanup_free_ char *mistake = NULL;
        int r, status = EXIT_SUCCESS;

        r = log_selection_init(&l.selection, c->options, &mistake);
        if (r >= 0)
                r = log_merge_new(&l.selection, print_line, c, &l.merge);
        if (r < 0) {
                error_print(NULL, mistake ? mistake : strerror(-r));
                return mistake ? EXIT_USAGE : EXIT_FAILURE;
        }
        if (names_resolve(c, &status) < 0)
                return status;
        for (size_t i = 0; c->names[i]; i++) {
                r = logs_add(&l, c->names[i]);
                if (status == EXIT_SUCCESS)
                        status = r;
        }
        client_done(&c->client);
        r = logs_show(&l);
        return status == EXIT_SUCCESS ? r : status;
}
