/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/moment.h"
#include "tools/bulwarkctl/options.h"
#include "tools/bulwarkctl/time-text.h"
#include "units/values/types.h"

static const char *const output_formats[_OUTPUT_FORMAT_MAX] = {
        [FORMAT_TABLE] = "table",
        [FORMAT_WIDE] = "wide",
        [FORMAT_JSON] = "json",
        [FORMAT_JSON_PRETTY] = "json-pretty",
};

const char *output_format_to_string(OutputFormat f) {
        return f >= 0 && f < _OUTPUT_FORMAT_MAX ? output_formats[f] : NULL;
}

/* --- one parser a kind */
static int parse_flag(const char *value, void *field) {
        *(bool *)field = true;
        return 0;
}

static int parse_string(const char *value, void *field) {
        if (isempty(value))
                return -EINVAL;
        *(const char **)field = value;
        return 0;
}

static int parse_list(const char *value, void *field) {
        char ***list = field;

        for (const char *p = value; *p;) {
                size_t n = strcspn(p, ",");
                char *word;
                int r;

                if (n == 0)
                        return -EINVAL;
                word = strndup(p, n);
                if (!word)
                        return -ENOMEM;
                r = strv_push(list, word);
                if (r < 0)
                        return r;
                p += n + (p[n] == ',');
        }
        return isempty(value) ? -EINVAL : 0;
}

/* NAME alone passes on our own value; where we have none, nothing is set. */
static int parse_assignment(const char *value, void *field) {
        size_t n = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        char ***list = field;
        char *assignment = NULL;
        const char *own;
        int r;

        if (n == 0 || isdigit((unsigned char)value[0]) || (value[n] && value[n] != '='))
                return -EINVAL;
        if (value[n] == '=')
                return strv_extend(list, value);
        own = getenv(value);
        if (!own)
                return 0;
        r = str_append(&assignment, "%s=%s", value, own);
        if (r < 0)
                return r;
        return strv_push(list, assignment);
}

static int parse_directive(const char *value, void *field) {
        const char *equals = strchr(value, '=');

        return equals && equals > value ? strv_extend(field, value) : -EINVAL;
}

static int parse_output(const char *value, void *field) {
        for (int i = 0; i < _OUTPUT_FORMAT_MAX; i++)
                if (streq(value, output_formats[i])) {
                        *(OutputFormat *)field = (OutputFormat)i;
                        return 0;
                }
        return -EINVAL;
}

static int parse_lines(const char *value, void *field) {
        unsigned long n;
        char *end;

        if (streq(value, "all")) {
                *(unsigned *)field = LINES_ALL;
                return 0;
        }
        if (!isdigit((unsigned char)value[0]))
                return -EINVAL;
        errno = 0;
        n = strtoul(value, &end, 10);
        if (errno != 0 || *end || n >= LINES_ALL)
                return -EINVAL;
        *(unsigned *)field = (unsigned)n;
        return 0;
}

static int parse_signal(const char *value, void *field) {
        int signal = signal_from_string(value);

        if (signal <= 0)
                return -EINVAL;
        *(int *)field = signal;
        return 0;
}

static int parse_whom(const char *value, void *field) {
        if (!streq(value, "leader") && !streq(value, "all"))
                return -EINVAL;
        *(const char **)field = value;
        return 0;
}

static int parse_job_mode(const char *value, void *field) {
        static const char *const words[] = { "replace", "fail", "ignore-dependencies" };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (streq(value, words[i])) {
                        *(const char **)field = words[i];
                        return 0;
                }
        return -EINVAL;
}

static const char *const top_words[_TOP_COLUMN_MAX] = {
        [TOP_CPU] = "cpu",     [TOP_NAME] = "name", [TOP_MEMORY] = "memory",     [TOP_PEAK] = "peak",
        [TOP_TASKS] = "tasks", [TOP_IO] = "io",     [TOP_PRESSURE] = "pressure",
};

static int parse_sort(const char *value, void *field) {
        for (int i = 0; i < _TOP_COLUMN_MAX; i++)
                if (streq(value, top_words[i])) {
                        *(TopColumn *)field = (TopColumn)i;
                        return 0;
                }
        return -EINVAL;
}

#define DELAY_MIN (100 * USEC_PER_MSEC)

static int parse_delay(const char *value, void *field) {
        const ValueContext context = {};
        uint64_t usec = 0;

        if (value_type_time_span.parse(&context, value, &usec) < 0 || usec < DELAY_MIN || usec > 3600 * USEC_PER_SEC)
                return -EINVAL;
        *(uint64_t *)field = usec;
        return 0;
}

static int parse_moment(const char *value, void *field) {
        uint64_t usec;
        int r;

        r = moment_parse(value, now_realtime(), &usec);
        if (r < 0)
                return r;
        *(uint64_t *)field = MAX_OF(usec, UINT64_C(1)); /* 0 = not given */
        return 0;
}

const char *const priority_words[8] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };

static int priority_from_word(const char *word, size_t n) {
        for (int i = 0; i < (int)ELEMENTSOF(priority_words); i++)
                if ((strlen(priority_words[i]) == n && memcmp(priority_words[i], word, n) == 0) ||
                    (n == 1 && *word == '0' + i))
                        return i;
        return -EINVAL;
}

/* "err" and what is more important, or "warning..err". */
static int parse_priorities(const char *value, void *field) {
        const char *dots = strstr(value, "..");
        int from = 0, to = priority_from_word(value, dots ? (size_t)(dots - value) : strlen(value));

        if (dots)
                from = priority_from_word(dots + 2, strlen(dots + 2));
        if (from < 0 || to < 0)
                return -EINVAL;
        *(unsigned *)field = 0;
        for (int i = MIN_OF(from, to); i <= MAX_OF(from, to); i++)
                *(unsigned *)field |= 1U << i;
        return 0;
}

#define expected_flag NULL
#define expected_moment MOMENT_EXPECTED
#define expected_priorities "emerg, alert, crit, err, warning, notice, info or debug, or two of them as in warning..err"
#define expected_sort "name, cpu, memory, peak, tasks, io or pressure"
#define expected_delay "a time from 100ms to 1h"
#define expected_string "a text that is not empty"
#define expected_list "names separated by commas"
#define expected_assignment "NAME=VALUE, or the NAME of a variable to pass on"
#define expected_directive "DIRECTIVE=VALUE"
#define expected_output "table, wide (list only), json or json-pretty"
#define expected_lines "a number or \"all\""
#define expected_signal "a signal such as SIGTERM, HUP, 9 or RTMIN+3"
#define expected_whom "leader or all"
#define expected_job_mode "replace, fail or ignore-dependencies"

const OptionRow option_rows[_OPTION_MAX] = {
#define OPTION(id, long_name, short_name, meta, kind, field, complete, text)                                \
        [OPTION_##id] = {.name = long_name,                                                                 \
                         .letter = short_name,                                                              \
                         .metavar = meta,                                                                   \
                         .parse = parse_##kind,                                                             \
                         .offset = offsetof(Options, field),                                                \
                         .expected = expected_##kind,                                                       \
                         .words = complete,                                                                 \
                         .help = text },
#include "tools/bulwarkctl/options.inc"
#undef OPTION
};

const Verb *verb_find(const char *name) {
        for (size_t i = 0; i < n_verb_rows; i++)
                if (streq(verb_rows[i].name, name))
                        return verb_rows + i;
        return NULL;
}

/* --- did you mean */
static unsigned edit_distance(const char *a, const char *b) {
        enum { LONGEST = 40 };
        size_t n = strlen(a), m = strlen(b);
        unsigned row[LONGEST + 1];

        if (n > LONGEST || m > LONGEST)
                return UINT_MAX;
        for (size_t j = 0; j <= m; j++)
                row[j] = (unsigned)j;
        for (size_t i = 1; i <= n; i++) {
                unsigned diagonal = row[0];

                row[0] = (unsigned)i;
                for (size_t j = 1; j <= m; j++) {
                        unsigned above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);

                        best = MIN_OF(best, above + 1);
                        best = MIN_OF(best, row[j - 1] + 1);
                        diagonal = above;
                        row[j] = best;
                }
        }
        return row[m];
}

const char *suggest(const char *word, const char *(*nth)(size_t i), size_t n) {
        unsigned best = 2 + (strlen(word) > 6); /* this far off is no slip of the finger any more */
        const char *found = NULL;

        for (size_t i = 0; i < n; i++) {
                const char *candidate = nth(i);
                unsigned distance = edit_distance(word, candidate);

                /* "top" is no "stop" that lost a letter: of so few, the first is meant. */
                if (strlen(word) < 4 && candidate[0] != word[0])
                        continue;
                if (strlen(word) >= 3 && startswith(candidate, word))
                        distance = MIN_OF(distance, 1U);
                if (distance <= best && distance < strlen(word)) {
                        if (found && distance == best)
                                continue;
                        best = distance;
                        found = candidate;
                }
        }
        return found;
}

static const char *nth_verb(size_t i) {
        return verb_rows[i].name;
}

static const char *nth_option(size_t i) {
        return option_rows[i].name;
}

/* --- the line */
typedef struct LateLetter {
        char letter;
        const char *value;
} LateLetter;

typedef struct Parser {
        int argc;
        char **argv;
        int next;
        bool options_end;  /* "--" was seen */
        const char *group; /* the first word of a command of two */
        uint64_t seen;
        LateLetter *late; /* letters of several options that stand before the command; at most one a word */
        size_t n_late;
        Options *options;
        char **reterr;
} Parser;

static int mistake(Parser *p, const char *format, ...) _printf_(2, 3);
static int mistake(Parser *p, const char *format, ...) {
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(p->reterr, format, ap);
        va_end(ap);
        if (n < 0) {
                *p->reterr = NULL;
                return -ENOMEM;
        }
        return -EINVAL;
}

static int option_take(Parser *p, size_t id, const char *value) {
        const OptionRow *row = option_rows + id;
        int r;

        if (row->metavar && !value) {
                if (p->next >= p->argc)
                        return mistake(p, "--%s needs a value: %s", row->name, row->expected);
                value = p->argv[p->next++];
        }
        r = row->parse(value, (char *)p->options + row->offset);
        if (r == -EINVAL)
                return mistake(p, "\"%s\" is no value for --%s: give %s", value, row->name, row->expected);
        if (r < 0)
                return r;
        p->seen |= UINT64_C(1) << id;
        return 0;
}

static int option_long(Parser *p, const char *text) {
        size_t n = strcspn(text, "="), found = _OPTION_MAX, n_found = 0;
        const char *value = text[n] == '=' ? text + n + 1 : NULL;
        char name[64];

        if (n >= sizeof(name))
                return mistake(p, "there is no option --%s; see bulwarkctl --help", text);
        memcpy(name, text, n);
        name[n] = 0;

        for (size_t i = 0; i < _OPTION_MAX; i++) {
                if (streq(option_rows[i].name, name)) {
                        found = i;
                        n_found = 1;
                        break;
                }
                if (n > 0 &&
                    startswith(option_rows[i].name, name)) { /* unique abbreviations, as getopt_long(3) */
                        found = i;
                        n_found++;
                }
        }
        if (n_found > 1)
                return mistake(p, "--%s is short for more than one option; see bulwarkctl --help", name);
        if (n_found == 0) {
                const char *near = suggest(name, nth_option, _OPTION_MAX);

                if (near)
                        return mistake(p, "there is no option --%s; did you mean --%s?", name, near);
                return mistake(p, "there is no option --%s; see bulwarkctl --help", name);
        }
        if (value && !option_rows[found].metavar)
                return mistake(p, "--%s takes no value", option_rows[found].name);
        return option_take(p, found, value);
}

/* The option that a letter means for the command, or the first of that letter; *ret_rivals: how many have it. */
static size_t letter_find(char letter, const Verb *verb, size_t *ret_rivals) {
        uint64_t accepted = OPTIONS_COMMON | (verb ? verb->options : 0);
        size_t found = _OPTION_MAX, rivals = 0;

        for (size_t id = 0; id < _OPTION_MAX; id++) {
                if (option_rows[id].letter != letter)
                        continue;
                if (rivals++ == 0 || (accepted & (UINT64_C(1) << id)))
                        found = id;
        }
        *ret_rivals = rivals;
        return found;
}

static int letter_take_late(Parser *p, size_t id, const char *value) {
        if (!value) {
                if (p->next >= p->argc)
                        return mistake(p, "-%c needs a value", option_rows[id].letter);
                value = p->argv[p->next++];
        }
        p->late[p->n_late++] = (LateLetter){ option_rows[id].letter, value };
        return 0;
}

static int option_letters(Parser *p, const char *text) {
        for (const char *c = text; *c; c++) {
                const char *value = c[1] ? c + 1 : NULL;
                size_t rivals, id = letter_find(*c, p->options->verb, &rivals);
                int r;

                if (id == _OPTION_MAX)
                        return mistake(p, "there is no option -%c; see bulwarkctl --help", *c);
                if (option_rows[id].metavar && rivals > 1 && !p->options->verb)
                        return letter_take_late(p, id, value);
                if (option_rows[id].metavar)
                        return option_take(p, id, value);
                r = option_take(p, id, NULL);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int late_letters_take(Parser *p) {
        for (size_t i = 0; i < p->n_late; i++) {
                size_t rivals, id = letter_find(p->late[i].letter, p->options->verb, &rivals);
                int r = option_take(p, id, p->late[i].value);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* Does a command of two words begin with this one? */
static bool is_group(const char *word) {
        for (size_t i = 0; i < n_verb_rows; i++) {
                const char *rest = startswith(verb_rows[i].name, word);

                if (rest && *rest == ' ')
                        return true;
        }
        return false;
}

static int verb_take(Parser *p, const char *name) {
        const char *near;

        p->options->verb = verb_find(name);
        if (p->options->verb)
                return 0;
        near = suggest(name, nth_verb, n_verb_rows);
        if (near)
                return mistake(p, "there is no command \"%s\"; did you mean \"%s\"?", name, near);
        return mistake(p, "there is no command \"%s\"; see bulwarkctl --help", name);
}

static int word_take(Parser *p, char *word) {
        Options *o = p->options;
        char name[64];

        if (o->verb) {
                o->arguments[o->n_arguments++] = word;
                return 0;
        }
        if (!p->group && is_group(word)) {
                p->group = word;
                return 0;
        }
        (void)snprintf(name, sizeof(name), "%s%s%s", strempty(p->group), p->group ? " " : "", word);
        return verb_take(p, name);
}

/* After the first argument of exec everything is the payload's; one "--" before it is ours. */
static bool payload_begins(const Options *o) {
        return o->verb && ((FLAGS_SET(o->verb->flags, VERB_PAYLOAD) && o->n_arguments > 0) ||
                           (FLAGS_SET(o->verb->flags, VERB_COMMAND) && o->n_arguments > 1));
}

static void payload_take(Parser *p) {
        Options *o = p->options;

        if (FLAGS_SET(o->verb->flags, VERB_PAYLOAD) && p->next < p->argc && streq(p->argv[p->next], "--"))
                p->next++;
        while (p->next < p->argc)
                o->arguments[o->n_arguments++] = p->argv[p->next++];
}

static int line_parse(Parser *p) {
        int r;

        while (p->next < p->argc) {
                char *word;

                if (payload_begins(p->options)) {
                        payload_take(p);
                        break;
                }
                word = p->argv[p->next++];
                if (p->options_end || word[0] != '-' || streq(word, "-"))
                        r = word_take(p, word);
                else if (streq(word, "--")) {
                        p->options_end = true;
                        r = 0;
                } else
                        r = word[1] == '-' ? option_long(p, word + 2) : option_letters(p, word + 1);
                if (r < 0)
                        return r;
        }
        return late_letters_take(p);
}

static int line_check(Parser *p) {
        const Options *o = p->options;
        const Verb *v = o->verb;

        if (o->help || o->version)
                return 0;
        if (!v && p->group)
                return mistake(p, "\"%s\" needs a second word; see bulwarkctl --help", p->group);
        if (!v)
                return mistake(p, "a command is missing; see bulwarkctl --help");
        for (size_t i = 0; i < _OPTION_MAX; i++)
                if (p->seen & ~(v->options | OPTIONS_COMMON) & (UINT64_C(1) << i))
                        return mistake(p, "--%s has no meaning for \"%s\"; see bulwarkctl %s --help",
                                       option_rows[i].name, v->name, v->name);
        if (o->n_arguments < v->min)
                return mistake(p, "\"%s\" needs more arguments: bulwarkctl %s %s", v->name, v->name,
                               strempty(v->arguments));
        if (o->n_arguments > v->max)
                return mistake(p, "\"%s\" takes fewer arguments: bulwarkctl %s%s%s", v->name, v->name,
                               v->arguments ? " " : "", strempty(v->arguments));
        if (o->output == FORMAT_WIDE && !FLAGS_SET(v->flags, VERB_WIDE))
                return mistake(p, "--output=wide has no meaning for \"%s\"; give table, json or json-pretty", v->name);
        if (o->wait && o->no_block)
                return mistake(p, "--wait and --no-block contradict each other: give one of them");
        if (o->detach && (o->tty || o->interactive))
                return mistake(p, "--detach leaves the command without input and output: leave out --%s",
                               o->tty ? "tty" : "interactive");
        if (o->tty && o->no_tty)
                return mistake(p, "--tty and --no-tty contradict each other: give one of them");
        if (o->follow && o->until)
                return mistake(p, "--follow and --until contradict each other: give one of them");
        if (o->since && o->until && o->since > o->until)
                return mistake(p, "--since is later than --until: nothing lies between");
        if (o->value && o->output != FORMAT_TABLE)
                return mistake(p, "--value and --output=%s contradict each other: give one of them",
                               output_format_to_string(o->output));
        return 0;
}

int options_parse(int argc, char **argv, Options *ret, char **reterr) {
        Options o = { .lines = LINES_UNSET };
        Parser p = { .argc = argc, .argv = argv, .next = 1, .options = &o, .reterr = reterr };
        int r;

        o.arguments = calloc((size_t)MAX_OF(argc, 1), sizeof(char *));
        p.late = calloc((size_t)MAX_OF(argc, 1), sizeof(LateLetter));
        if (!o.arguments || !p.late) {
                free(o.arguments);
                free(p.late);
                return -ENOMEM;
        }
        r = line_parse(&p);
        if (r >= 0)
                r = line_check(&p);
        free(p.late);
        if (r < 0) {
                options_done(&o);
                return r;
        }
        *ret = o;
        return 0;
}

void options_done(Options *o) {
        free(o->arguments);
        strv_free(o->properties);
        strv_free(o->environment);
        strv_free(o->states);
        strv_free(o->settings);
        *o = (Options){};
}
