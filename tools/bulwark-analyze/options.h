/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command line of bulwark-analyze as a value. */

#include "manager/base/string-list.h"

typedef enum OutputFormat {
        FORMAT_TABLE,
        FORMAT_JSON,
        FORMAT_JSON_PRETTY,
        _FORMAT_MAX,
        _FORMAT_INVALID = -EINVAL,
} OutputFormat;

typedef struct Options Options;

typedef enum OptionId {
        OPTION_UNIT_PATH,
        OPTION_STORE,
        OPTION_CONFIG,
        OPTION_OUTPUT,
        OPTION_QUIET,
        OPTION_NO_LEGEND,
        OPTION_CAPS,
        OPTION_SECCOMP,
        OPTION_APPARMOR,
        OPTION_SELINUX,
        OPTION_LANDLOCK,
        OPTION_DEVICES,
        OPTION_FILTERS,
        OPTION_LISTING,
        OPTION_OUTPUT_DIRECTORY,
        OPTION_FORCE,
        OPTION_THRESHOLD,
        OPTION_HELP,
        OPTION_VERSION,
        _OPTION_MAX,
} OptionId;

typedef struct Verb {
        const char *name; /* one word, or two */
        const char *arguments, *help;
        size_t min, max;  /* units */
        uint32_t options; /* beside those that every verb takes; any other is a mistake */
        int (*run)(const Options *o); /* the exit code */
} Verb;

struct Options {
        char **unit_path;
        const char *config; /* NULL = the default; borrowed from argv */
        const char *store;  /* likewise */
        OutputFormat output;
        bool quiet, no_legend, listing, force;
        uint32_t layers; /* bits by index of policy_backends; 0 = all */
        const char *output_directory;
        unsigned threshold; /* in tenths, where threshold_set */
        bool threshold_set;
        const Verb *verb;   /* NULL: --help or --version was answered */
        char *const *units; /* borrowed from argv */
};

extern const Verb verbs[];
size_t verbs_count(void);

/* Prints what is wrong, or the answer to --help and --version. -EINVAL: the caller exits with 2. */
int options_parse(int argc, char **argv, Options *ret);
void options_done(Options *o);
