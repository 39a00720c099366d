/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Puts bulwarkctl's two tables where a template says @TABLE@, inside single quotes of the shell meant: so
 * that no list is written twice. usage: generate sh|fish TEMPLATE
 *
 * Lines: verb|NAME|KIND|OPTION OPTION...|PAYLOAD|HELP   and   option|NAME|LETTER|WORDS|HELP
 * KIND is none, units, running, files or assignments; WORDS is "-" for a flag, "+" for an argument that cannot be
 * guessed. And directives|NAME NAME...: what assignments assign to. */
#include <stdio.h>
#include <string.h>

#include "tools/bulwarkctl/options.h"
#include "units/values/types.h"

static const char *const kinds[] = {
        [COMPLETE_NONE] = "none",
        [COMPLETE_UNITS] = "units",
        [COMPLETE_RUNNING] = "running",
        [COMPLETE_FILES] = "files",
        [COMPLETE_ASSIGNMENTS] = "assignments",
};

static const struct {
        const char *name;
        char letter;
        bool argument;
        const char *words, *help;
} options[] = {
#define OPTION(id, long_name, short_name, meta, kind, field, complete, text)                                \
        { long_name, short_name, (const char *)meta != NULL, complete, text },
#include "tools/bulwarkctl/options.inc"
#undef OPTION
};

static const struct {
        const char *name;
        Completion kind;
        uint64_t options;
        unsigned flags;
        const char *help;
} verbs[] = {
#define VERB(n, function, args, least, most, g, accepted, complete, bits, text)                             \
        { n, COMPLETE_##complete, (accepted) | OPTIONS_COMMON, bits, text },
#include "tools/bulwarkctl/verbs.inc"
#undef VERB
};

static const char *const directive_names[] = {
#define DIRECTIVE(section, name, ...) #name,
#include "units/spec/directives.inc"
#undef DIRECTIVE
};

static void put_quoted(const char *text, const char *quote) {
        for (; *text; text++)
                if (*text == '\'')
                        fputs(quote, stdout);
                else
                        putchar(*text);
}

/* Those of the kernel; a shell's own list has words of the shell in it. */
static void put_signals(void) {
        for (int i = 1; i < 32; i++) {
                const char *name = signal_to_string(i);

                if (name)
                        printf("%s%s", i > 1 ? " " : "", name);
        }
}

/* A name may be known in several sections. */
static void put_directives(void) {
        printf("directives|");
        for (size_t i = 0; i < ELEMENTSOF(directive_names); i++) {
                bool again = false;

                for (size_t k = 0; k < i; k++)
                        again = again || streq(directive_names[i], directive_names[k]);
                if (!again)
                        printf("%s%s", i > 0 ? " " : "", directive_names[i]);
        }
        putchar('\n');
}

static void put_table(const char *quote) {
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                const char *space = "";

                printf("verb|%s|%s|", verbs[i].name, kinds[verbs[i].kind]);
                for (size_t k = 0; k < ELEMENTSOF(options); k++)
                        if (verbs[i].options & (UINT64_C(1) << k)) {
                                printf("%s%s", space, options[k].name);
                                space = " ";
                        }
                printf("|%s|", FLAGS_SET(verbs[i].flags, VERB_PAYLOAD) ? "payload" : "");
                put_quoted(verbs[i].help, quote);
                putchar('\n');
        }
        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                const char *words = options[i].words ? options[i].words : options[i].argument ? "+" : "-";
                bool signals = streq(words, "@signal");

                printf("option|%s|", options[i].name);
                if (options[i].letter)
                        putchar(options[i].letter);
                putchar('|');
                if (signals)
                        put_signals();
                printf("%s|", signals ? "" : words);
                put_quoted(options[i].help, quote);
                putchar('\n');
        }
        put_directives();
}

int main(int argc, char **argv) {
        char line[1024];
        FILE *f;

        if (argc != 3) {
                fprintf(stderr, "usage: generate sh|fish TEMPLATE\n");
                return EXIT_FAILURE;
        }
        f = fopen(argv[2], "re");
        if (!f) {
                perror(argv[2]);
                return EXIT_FAILURE;
        }
        while (fgets(line, sizeof(line), f))
                if (streq(line, "@TABLE@\n"))
                        put_table(streq(argv[1], "fish") ? "\\'" : "'\\''");
                else
                        fputs(line, stdout);
        return ferror(f) || fclose(f) != 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
