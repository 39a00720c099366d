/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <getopt.h>
#include <stdio.h>

#include "tools/bulwark-analyze/options.h"
#include "units/resolve/resolve.h"
#include "units/syntax/unit-load.h"

static const char *const format_names[_FORMAT_MAX] = {
        [FORMAT_TABLE] = "table",
        [FORMAT_JSON] = "json",
        [FORMAT_JSON_PRETTY] = "json-pretty",
};

static int set_path(Options *o, const char *value) {
        _cleanup_strv_ char **list = NULL;

        for (const char *p = value;;) {
                size_t n = strcspn(p, ":");
                int r;

                if (n == 0) {
                        fprintf(stderr, "bulwark-analyze: --unit-path=: an empty directory in '%s'\n", value);
                        return -EINVAL;
                }
                r = strv_push(&list, strndup(p, n));
                if (r < 0)
                        return r;
                if (!p[n])
                        break;
                p += n + 1;
        }
        strv_free(o->unit_path);
        o->unit_path = TAKE_PTR(list);
        return 0;
}

static int set_config(Options *o, const char *value) {
        o->config = value;
        return 0;
}

static int set_output(Options *o, const char *value) {
        for (int i = 0; i < _FORMAT_MAX; i++)
                if (streq(format_names[i], value)) {
                        o->output = (OutputFormat)i;
                        return 0;
                }
        fprintf(stderr, "bulwark-analyze: --output=: '%s' is none of table, json, json-pretty\n", value);
        return -EINVAL;
}

static int set_quiet(Options *o, const char *value) {
        o->quiet = true;
        return 0;
}

static int print_help(Options *o, const char *value);

static int print_version(Options *o, const char *value) {
        printf("bulwark-analyze " BULWARK_VERSION "\n");
        return 0;
}

/* A row is an option, its line of --help, and what it does; an answer ends the program. */
static const struct {
        char letter;
        const char *name, *argument, *help;
        int (*set)(Options *o, const char *value);
        bool answer;
} options[] = {
        { 0, "unit-path", "DIR:DIR...", "search units here instead of the default directories", set_path, false },
        { 0, "config", "FILE", "read this instead of " HOST_CONFIG_DEFAULT, set_config, false },
        { 'o', "output", "FORMAT", "table (the default), json or json-pretty", set_output, false },
        { 'q', "quiet", NULL, "print no warnings", set_quiet, false },
        { 'h', "help", NULL, "show this text", print_help, true },
        { 0, "version", NULL, "show the version", print_version, true },
};

static int print_help(Options *o, const char *value) {
        printf("bulwark-analyze [OPTION...] VERB FILE|NAME...\n\n"
               "Compiles units of containers without starting anything. Needs no root.\n\nVerbs:\n");
        for (size_t i = 0; i < verbs_count(); i++)
                printf("  %-7s %-14s %s\n", verbs[i].name, verbs[i].arguments, verbs[i].help);
        printf("\nOptions:\n");
        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                char left[64];

                (void)snprintf(left, sizeof(left), "--%s%s%s", options[i].name, options[i].argument ? "=" : "",
                               strempty(options[i].argument));
                if (options[i].letter)
                        printf("  -%c, %-22s %s\n", options[i].letter, left, options[i].help);
                else
                        printf("      %-22s %s\n", left, options[i].help);
        }
        printf("\nA name is looked up on the search path; what contains '/' or ends in .container is a file.\n");
        return 0;
}

static int find_verb(Options *o, const char *name) {
        for (size_t i = 0; i < verbs_count(); i++)
                if (streq(verbs[i].name, name)) {
                        o->verb = &verbs[i];
                        return 0;
                }
        fprintf(stderr, "bulwark-analyze: unknown verb '%s'; see --help\n", name);
        return -EINVAL;
}

static int check_arguments(Options *o, int n) {
        if (n == 0)
                fprintf(stderr, "bulwark-analyze: %s needs the name or the file of a unit\n", o->verb->name);
        else if (n > 1 && !o->verb->several)
                fprintf(stderr, "bulwark-analyze: %s takes one unit\n", o->verb->name);
        else
                return 0;
        return -EINVAL;
}

int options_parse(int argc, char **argv, Options *ret) {
        struct option longs[ELEMENTSOF(options) + 1] = {};
        char shorts[2 * ELEMENTSOF(options) + 1] = "", *s = shorts;
        _cleanup_(options_done) Options o = {};
        int c, at = 0, r;

        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                longs[i] = (struct option){ options[i].name, options[i].argument ? required_argument : no_argument,
                                            NULL, 256 + (int)i };
                if (options[i].letter) {
                        *s++ = options[i].letter;
                        if (options[i].argument)
                                *s++ = ':';
                }
        }
        *s = 0;

        r = set_path(&o, UNIT_PATH_DEFAULT);
        if (r < 0)
                return r;
        while ((c = getopt_long(argc, argv, shorts, longs, NULL)) >= 0) {
                if (c == '?')
                        return -EINVAL; /* getopt has said why */
                at = c - 256;
                for (size_t i = 0; c < 256 && i < ELEMENTSOF(options); i++)
                        if (options[i].letter == c)
                                at = (int)i;
                r = options[at].set(&o, optarg);
                if (r < 0)
                        return r;
                if (options[at].answer) {
                        *ret = o;
                        o = (Options){};
                        return 0;
                }
        }
        if (optind >= argc) {
                fprintf(stderr, "bulwark-analyze: a verb is missing; see --help\n");
                return -EINVAL;
        }
        r = find_verb(&o, argv[optind]);
        if (r < 0)
                return r;
        r = check_arguments(&o, argc - optind - 1);
        if (r < 0)
                return r;
        o.units = argv + optind + 1;
        *ret = o;
        o = (Options){};
        return 0;
}

void options_done(Options *o) {
        strv_free(o->unit_path);
        *o = (Options){};
}
