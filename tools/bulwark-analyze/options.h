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

typedef struct Verb {
        const char *name, *arguments, *help;
        bool several; /* takes more than one unit */
        int (*run)(const Options *o); /* the exit code */
} Verb;

struct Options {
        char **unit_path;
        const char *config; /* NULL = the default; borrowed from argv */
        OutputFormat output;
        bool quiet;
        const Verb *verb;   /* NULL: --help or --version was answered */
        char *const *units; /* borrowed from argv */
};

extern const Verb verbs[];
size_t verbs_count(void);

/* Prints what is wrong, or the answer to --help and --version. -EINVAL: the caller exits with 2. */
int options_parse(int argc, char **argv, Options *ret);
void options_done(Options *o);
