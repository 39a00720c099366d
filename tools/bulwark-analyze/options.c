/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <getopt.h>
#include <stdio.h>

#include "policies/compile.h"
#include "tools/bulwark-analyze/options.h"
#include "units/resolve/resolve.h"
#include "units/syntax/unit-load.h"
#include "units/values/types.h"

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

static int set_store(Options *o, const char *value) {
        o->store = value;
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

static int set_no_legend(Options *o, const char *value) {
        o->no_legend = true;
        return 0;
}

static int set_listing(Options *o, const char *value) {
        o->listing = true;
        return 0;
}

static int set_force(Options *o, const char *value) {
        o->force = true;
        return 0;
}

static int set_output_directory(Options *o, const char *value) {
        if (!*value) {
                fprintf(stderr, "bulwark-analyze: --output-directory=: give a directory\n");
                return -EINVAL;
        }
        o->output_directory = value;
        return 0;
}

static int set_layer(Options *o, const char *name) {
        for (size_t i = 0; i < policy_backends_count(); i++)
                if (streq(policy_backends[i]->name, name)) {
                        o->layers |= UINT32_C(1) << i;
                        return 0;
                }
        return -EINVAL;
}

static int set_caps(Options *o, const char *value) {
        return set_layer(o, "caps");
}

static int set_seccomp(Options *o, const char *value) {
        return set_layer(o, "seccomp");
}

static int set_apparmor(Options *o, const char *value) {
        return set_layer(o, "apparmor");
}

static int set_selinux(Options *o, const char *value) {
        return set_layer(o, "selinux");
}

static int set_landlock(Options *o, const char *value) {
        return set_layer(o, "landlock");
}

static int set_devices(Options *o, const char *value) {
        return set_layer(o, "devices");
}

static int set_filters(Options *o, const char *value) {
        return set_layer(o, "filters");
}

static int set_threshold(Options *o, const char *value) {
        o->threshold_set = true;
        return exposure_from_string(value, &o->threshold) < 0 ? -EINVAL : 0;
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
} options[_OPTION_MAX] = {
        [OPTION_UNIT_PATH] = { 0, "unit-path", "DIR:DIR...", "search units here instead of the default directories",
                               set_path, false },
        [OPTION_CONFIG] = { 0, "config", "FILE", "read this instead of " HOST_CONFIG_DEFAULT, set_config, false },
        [OPTION_STORE] = { 0, "store", "DIR", "look for images here instead of in " IMAGE_STORE_DIRECTORY, set_store, false },
        [OPTION_OUTPUT] = { 'o', "output", "FORMAT", "table (the default), json or json-pretty", set_output, false },
        [OPTION_QUIET] = { 'q', "quiet", NULL, "print no warnings", set_quiet, false },
        [OPTION_NO_LEGEND] = { 0, "no-legend", NULL, "leave out legends and counts", set_no_legend, false },
        [OPTION_CAPS] = { 0, "caps", NULL, "the capabilities only", set_caps, false },
        [OPTION_SECCOMP] = { 0, "seccomp", NULL, "the system call filter only", set_seccomp, false },
        [OPTION_APPARMOR] = { 0, "apparmor", NULL, "the AppArmor profile only", set_apparmor, false },
        [OPTION_SELINUX] = { 0, "selinux", NULL, "what SELinux gets only", set_selinux, false },
        [OPTION_LANDLOCK] = { 0, "landlock", NULL, "the Landlock ruleset only", set_landlock, false },
        [OPTION_FILTERS] = { 0, "filters", NULL, "the filters of sockets and packets only", set_filters, false },
        [OPTION_DEVICES] = { 0, "devices", NULL, "the device filter only", set_devices, false },
        [OPTION_LISTING] = { 0, "listing", NULL, "the profile, module or filter as text instead of its rules",
                             set_listing, false },
        [OPTION_OUTPUT_DIRECTORY] = { 0, "output-directory", "DIR", "write files here", set_output_directory, false },
        [OPTION_THRESHOLD] = { 0, "threshold", "EXPOSURE", "fail where a unit is above this", set_threshold, false },
        [OPTION_FORCE] = { 0, "force", NULL, "overwrite files that were not exported before", set_force, false },
        [OPTION_HELP] = { 'h', "help", NULL, "show this text", print_help, true },
        [OPTION_VERSION] = { 0, "version", NULL, "show the version", print_version, true },
};
#define OPTIONS_COMMON                                                                                        \
        (UINT32_C(1) << OPTION_UNIT_PATH | UINT32_C(1) << OPTION_CONFIG | UINT32_C(1) << OPTION_QUIET |         \
         UINT32_C(1) << OPTION_STORE |                                                                      \
         UINT32_C(1) << OPTION_NO_LEGEND)

static int print_help(Options *o, const char *value) {
        printf("bulwark-analyze [OPTION...] VERB NAME|FILE...\n\n"
               "Compiles units of containers without starting anything. Needs no root.\n\nVerbs:\n");
        for (size_t i = 0; i < verbs_count(); i++)
                printf("  %-14s %-14s %s\n", verbs[i].name, verbs[i].arguments, verbs[i].help);
        printf("\nOptions:\n");
        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                char left[64];

                (void)snprintf(left, sizeof(left), "--%s%s%s", options[i].name, options[i].argument ? "=" : "",
                               strempty(options[i].argument));
                if (options[i].letter)
                        printf("  -%c, %-23s %s\n", options[i].letter, left, options[i].help);
                else
                        printf("      %-23s %s\n", left, options[i].help);
        }
        printf("\nA name is looked up on the search path; what contains '/' or ends in .container is a file.\n");
        return 0;
}

/* How many of the words are the verb's name; 0 = it is another one. */
static int verb_matches(const Verb *v, char *const *words) {
        const char *rest = startswith(v->name, words[0]);

        if (!rest)
                return 0;
        if (!*rest)
                return 1;
        return *rest == ' ' && words[1] && streq(rest + 1, words[1]) ? 2 : 0;
}

static int find_verb(Options *o, char *const *words, int *ret_n) {
        bool begun = false;

        for (size_t i = 0; i < verbs_count(); i++) {
                const char *rest = startswith(verbs[i].name, words[0]);
                int n = verb_matches(&verbs[i], words);

                if (n > 0) {
                        o->verb = &verbs[i];
                        *ret_n = n;
                        return 0;
                }
                begun |= rest && *rest == ' ';
        }
        fprintf(stderr, "bulwark-analyze: unknown verb '%s%s%s'; see --help\n", words[0], begun && words[1] ? " " : "",
                begun ? strempty(words[1]) : "");
        return -EINVAL;
}

static int check_arguments(const Options *o, size_t n, uint32_t seen) {
        const Verb *v = o->verb;

        for (size_t i = 0; i < _OPTION_MAX; i++)
                if (seen & ~(v->options | OPTIONS_COMMON) & (UINT32_C(1) << i)) {
                        fprintf(stderr, "bulwark-analyze: --%s has no meaning for '%s'\n", options[i].name, v->name);
                        return -EINVAL;
                }
        if (n >= v->min && n <= v->max)
                return 0;
        fprintf(stderr, "bulwark-analyze: %s takes %s %s: the name or the file of a unit\n", v->name,
                n < v->min ? "more arguments," : "no more than", v->arguments);
        return -EINVAL;
}

int options_parse(int argc, char **argv, Options *ret) {
        struct option longs[ELEMENTSOF(options) + 1] = {};
        char shorts[2 * ELEMENTSOF(options) + 1] = "", *s = shorts;
        _cleanup_(options_done) Options o = {};
        uint32_t seen = 0;
        int c, at = 0, r, n = 0;

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
                seen |= UINT32_C(1) << at;
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
        r = find_verb(&o, argv + optind, &n);
        if (r < 0)
                return r;
        o.units = argv + optind + n;
        r = check_arguments(&o, (size_t)(argc - optind - n), seen);
        if (r < 0)
                return r;
        *ret = o;
        o = (Options){};
        return 0;
}

void options_done(Options *o) {
        strv_free(o->unit_path);
        *o = (Options){};
}
