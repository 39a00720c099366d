/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --help is the two tables, printed. */
#include <stdio.h>

#include "tools/bulwarkctl/verbs.h"

static const char *const group_titles[_GROUP_MAX] = {
        [GROUP_CONTAINER] = "Container Commands",
        [GROUP_UNIT] = "Unit Commands",
        [GROUP_HOST] = "Host Commands (need root, not the manager)",
        [GROUP_OFFLINE] = "Offline Commands (need neither the manager nor root)",
};

/* Left side, then the text in its column, or on the next line where the left side is too long. */
static void print_row(const char *left, size_t column, const char *text) {
        size_t n = strlen(left);

        if (n + 2 > column)
                printf("%s\n%*s%s\n", left, (int)column, "", text);
        else
                printf("%s%*s%s\n", left, (int)(column - n), "", text);
}

static void print_options(const Ui *ui, const char *title, uint64_t mask) {
        if (mask == 0)
                return;
        printf("\n%s%s:%s\n", ui_color(ui, COLOR_UNDERLINE), title, ui_reset(ui));
        for (size_t i = 0; i < _OPTION_MAX; i++) {
                const OptionRow *o = option_rows + i;
                char left[80], letter[4] = "  ";

                if (!(mask & (UINT64_C(1) << i)))
                        continue;
                if (o->letter)
                        (void)snprintf(letter, sizeof(letter), "-%c", o->letter);
                (void)snprintf(left, sizeof(left), "  %s --%s%s%s", letter, o->name, o->metavar ? "=" : "",
                               strempty(o->metavar));
                print_row(left, 34, o->help);
        }
}

static void print_verb_help(const Ui *ui, const Verb *v) {
        printf("bulwarkctl %s [OPTIONS...]%s%s\n\n%s.\n", v->name, v->arguments ? " " : "",
               strempty(v->arguments), v->help);
        print_options(ui, "Options", v->options);
        print_options(ui, "Common Options", OPTIONS_COMMON);
        printf("\nSee the bulwarkctl(1) man page for details.\n");
}

void help_print(const Ui *ui, const Verb *verb) {
        if (verb) {
                print_verb_help(ui, verb);
                return;
        }
        printf("bulwarkctl [OPTIONS...] COMMAND ...\n\nControl and inspect the containers of the Bulwark "
               "manager.\n");
        for (int g = 0; g < _GROUP_MAX; g++) {
                printf("\n%s%s:%s\n", ui_color(ui, COLOR_UNDERLINE), group_titles[g], ui_reset(ui));
                for (size_t i = 0; i < n_verb_rows; i++) {
                        char left[80];

                        if ((int)verb_rows[i].group != g)
                                continue;
                        (void)snprintf(left, sizeof(left), "  %s%s%s", verb_rows[i].name,
                                       verb_rows[i].arguments ? " " : "", strempty(verb_rows[i].arguments));
                        print_row(left, 34, verb_rows[i].help);
                }
        }
        print_options(ui, "Options", (UINT64_C(1) << _OPTION_MAX) - 1);
        printf("\nExit codes: 0 success, 1 failure, 2 usage, 3 not active, 4 no such unit, 5 refused by "
               "policy,\n"
               "6 access denied, 7 manager not reachable. \"start --wait\", \"exec\" and \"shell\" give the "
               "payload's "
               "own.\nSee the bulwarkctl(1) man page for details.\n");
}
