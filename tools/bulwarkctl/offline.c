/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* verify, plan: bulwark-analyze does the work; it is the compiler without the daemon. */
#include <limits.h>
#include <stdio.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/verbs.h"

/* Beside this program, for a build that was never installed. */
static const char *const places[] = {
        "/bulwark-analyze",
        "/../bulwark-analyze/bulwark-analyze",
};

static int own_directory(char *buffer, size_t size) {
        ssize_t n = readlink("/proc/self/exe", buffer, size - 1);
        char *slash;

        if (n < 0)
                return -errno;
        buffer[n] = 0;
        slash = strrchr(buffer, '/');
        if (!slash)
                return -EINVAL;
        *slash = 0;
        return 0;
}

static int build_argv(const Options *o, char ***ret) {
        _cleanup_strv_ char **argv = NULL;
        char *text = NULL;
        int r;

        r = strv_extend(&argv, "bulwark-analyze");
        if (r >= 0)
                r = strv_extend(&argv, o->verb->name);
        if (r >= 0 && o->output != FORMAT_TABLE) {
                r = str_append(&text, "--output=%s", output_format_to_string(o->output));
                if (r >= 0)
                        r = strv_push(&argv, TAKE_PTR(text));
        }
        if (r >= 0 && o->unit_path) {
                r = str_append(&text, "--unit-path=%s", o->unit_path);
                if (r >= 0)
                        r = strv_push(&argv, TAKE_PTR(text));
        }
        if (r >= 0 && o->quiet)
                r = strv_extend(&argv, "--quiet");
        if (r >= 0)
                r = strv_extend(&argv, "--");
        for (size_t i = 0; i < o->n_arguments && r >= 0; i++)
                r = strv_extend(&argv, o->arguments[i]);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(argv);
        return 0;
}

int verb_offline(Context *c) {
        _cleanup_strv_ char **argv = NULL;
        char directory[PATH_MAX], path[PATH_MAX + 64];

        if (build_argv(c->options, &argv) < 0)
                return EXIT_FAILURE;
        if (own_directory(directory, sizeof(directory)) >= 0)
                for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                        (void)snprintf(path, sizeof(path), "%s%s", directory, places[i]);
                        (void)execv(path, argv);
                        if (errno != ENOENT && errno != ENOTDIR)
                                break;
                }
        (void)execv(BULWARK_LIBEXECDIR "/bulwark-analyze", argv);
        error_printf("cannot run " BULWARK_LIBEXECDIR
                     "/bulwark-analyze: %s; is Bulwark installed completely?",
                     strerror(errno));
        return EXIT_FAILURE;
}
