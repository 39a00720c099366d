/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bulwark-image: the store of images, and the only program here that reads what strangers packed. */
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <sys/stat.h>

#include "manager/images/image-store.h"
#include "tools/bulwark-image/command.h"

static const struct {
        const char *name;
        Command run;
        const char *arguments;
        size_t min, max;
} commands[] = {
#define COMMAND(name, function, arguments, min, max) { name, command_##function, arguments, min, max },
#include "tools/bulwark-image/commands.inc"
#undef COMMAND
};

static int usage(FILE *to, int code) {
        (void)fprintf(to, "bulwark-image COMMAND [--store=DIRECTORY] [ARGUMENT...]\n\n"
                          "Used by \"bulwarkctl image\". Commands:\n");
        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                (void)fprintf(to, "  %s %s\n", commands[i].name, commands[i].arguments);
        return code;
}

static int options_read(int argc, char **argv, CommandOptions *o) {
        static const struct option table[] = {
                { "store", required_argument, NULL, 's' }, { "output", required_argument, NULL, 'o' },
                { "quiet", no_argument, NULL, 'q' },       { "no-legend", no_argument, NULL, 'l' },
                { "force", no_argument, NULL, 'f' },       { "dry-run", no_argument, NULL, 'n' },
                { "all", no_argument, NULL, 'a' },         { "help", no_argument, NULL, 'h' },
                {},
        };
        int c;

        while ((c = getopt_long(argc, argv, "o:qah", table, NULL)) >= 0)
                switch (c) {
                case 's': o->store = optarg; break;
                case 'o':
                        o->pretty = streq(optarg, "json-pretty");
                        o->json = o->pretty || streq(optarg, "json");
                        if (!o->json && !streq(optarg, "table"))
                                return -EINVAL;
                        break;
                case 'q': o->quiet = true; break;
                case 'l': o->no_legend = true; break;
                case 'f': o->force = true; break;
                case 'n': o->dry_run = true; break;
                case 'a': o->all = true; break;
                case 'h': exit(usage(stdout, EXIT_SUCCESS));
                default: return -EINVAL;
                }
        o->arguments = argv + optind;
        o->n_arguments = (size_t)(argc - optind);
        return 0;
}

int main(int argc, char **argv) {
        CommandOptions o = { .store = IMAGE_STORE_DIRECTORY };
        __attribute__((cleanup(diag_done))) Diag diag = {};
        int r;

        (void)umask(0077);
        (void)setlocale(LC_CTYPE, "C.UTF-8"); /* names of archives are UTF-8, whatever the caller speaks */
        if (argc < 2 || options_read(argc - 1, argv + 1, &o) < 0)
                return usage(stderr, error_code_exit_status(ERROR_USAGE));
        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                if (streq(commands[i].name, argv[1])) {
                        if (o.n_arguments < commands[i].min || o.n_arguments > commands[i].max)
                                return usage(stderr, error_code_exit_status(ERROR_USAGE));
                        r = commands[i].run(&o, &diag);
                        command_report(&diag);
                        if (fflush(stdout) != 0)
                                r = r < 0 ? r : -EIO;
                        return r < 0 ? error_code_exit_status(diag_first_code(&diag)) : EXIT_SUCCESS;
                }
        return usage(stderr, error_code_exit_status(ERROR_USAGE));
}
