/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command line, read by two tables (options.inc, verbs.inc) into one struct that nobody changes
 * afterwards. */

#include <limits.h>

#include "manager/base/util.h"

typedef enum OptionId {
#define OPTION(id, ...) OPTION_##id,
#include "tools/bulwarkctl/options.inc"
#undef OPTION
        _OPTION_MAX,
} OptionId;
#define O(id) (UINT64_C(1) << OPTION_##id)
#define OPTIONS_COMMON (O(HELP) | O(VERSION) | O(RUNTIME_DIRECTORY) | O(NO_PAGER) | O(NO_LEGEND) | O(QUIET))

#define O_LAYERS (O(CAPS) | O(SECCOMP) | O(APPARMOR) | O(SELINUX) | O(LANDLOCK) | O(DEVICES) | O(FILTERS))

typedef enum OutputFormat {
        FORMAT_TABLE,
        FORMAT_WIDE, /* a table with more columns */
        FORMAT_JSON,
        FORMAT_JSON_PRETTY,
        _OUTPUT_FORMAT_MAX,
        _OUTPUT_FORMAT_INVALID = -EINVAL,
} OutputFormat;

#define LINES_UNSET UINT_MAX
#define LINES_ALL (UINT_MAX - 1)

/* What top can sort by; its words are in options.c. */
typedef enum TopColumn {
        TOP_CPU,
        TOP_NAME,
        TOP_MEMORY,
        TOP_PEAK,
        TOP_TASKS,
        TOP_IO,
        TOP_PRESSURE,
        _TOP_COLUMN_MAX,
} TopColumn;

typedef struct Verb Verb;
typedef struct Options {
        const Verb *verb; /* NULL = none was given */
        char **arguments; /* borrowed from argv, in order */
        size_t n_arguments;
        const char *runtime_directory, *user, *workdir, *unit_path, *kill_whom, *output_directory, *threshold, *job_mode,
                *preset_path, *grep, *name, *store;
        char **properties, **environment, **states, **settings; /* owned */
        TopColumn sort;
        uint64_t delay;                   /* microseconds; 0 = not given */
        uint64_t since, until;            /* microseconds since 1970; 0 = not given */
        unsigned priorities;              /* a bit each of syslog's; 0 = all */
        OutputFormat output;
        unsigned lines; /* LINES_UNSET, LINES_ALL or a count */
        int signal;     /* 0 = not given */
        bool help, version, no_pager, no_legend, quiet, wait, no_block, all, value, follow, raw, tty, no_tty, interactive, detach;
        bool caps, seccomp, apparmor, selinux, landlock, devices, filters, listing, force, reverse, runtime, now, notify, no_reload, full, failed, batch;
        bool rm, dry_run;
} Options;

typedef enum Completion {
        COMPLETE_NONE,
        COMPLETE_UNITS,
        COMPLETE_RUNNING,
        COMPLETE_FILES,
        COMPLETE_ASSIGNMENTS, /* a container, then DIRECTIVE=... */
} Completion;

typedef enum VerbGroup {
        GROUP_CONTAINER,
        GROUP_UNIT,
        GROUP_OFFLINE,
        GROUP_HOST,
        _GROUP_MAX,
} VerbGroup;

#define VERB_PAYLOAD (1U << 0) /* what follows the first argument is never read as an option of bulwarkctl */
#define VERB_COMMAND (1U << 3) /* the same, of what follows the second one */
#define VERB_WIDE (1U << 2)    /* has --output=wide */
#define VERB_ACTIVE (1U << 1)  /* a pattern means only containers that are not inactive */
#define VERB_ANY SIZE_MAX

typedef struct Context Context;
struct Verb {
        const char *name;
        int (*run)(Context *c); /* the exit status */
        const char *arguments;  /* NULL = takes none */
        size_t min, max;
        VerbGroup group;
        uint64_t options;
        Completion completion;
        unsigned flags;
        const char *help;
};

typedef struct OptionRow {
        const char *name;
        char letter;
        const char *metavar;
        int (*parse)(const char *value, void *field); /* -EINVAL: the value is wrong; -ENOMEM */
        size_t offset;
        const char *expected; /* what a right value is */
        const char *words;
        const char *help;
} OptionRow;

extern const OptionRow option_rows[_OPTION_MAX];
extern const Verb verb_rows[];
extern const size_t n_verb_rows;

const Verb *verb_find(const char *name);

/* Reads argv[1...]. A mistake is worded into *reterr (owned) and -EINVAL returned; With --help
 * or --version only unknown options and commands are mistakes. argv is permuted nowhere; its strings are
 * borrowed by *ret. */
int options_parse(int argc, char **argv, Options *ret, char **reterr);
void options_done(Options *o);

extern const char *const priority_words[8]; /* of syslog, emerg first */
static inline bool format_is_json(OutputFormat f) {
        return f == FORMAT_JSON || f == FORMAT_JSON_PRETTY;
}

const char *output_format_to_string(OutputFormat f);

/* The nearest of the words by edit distance, or NULL where none is near enough to be meant. */
const char *suggest(const char *word, const char *(*nth)(size_t i), size_t n);
