/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* verify, plan, policy: bulwark-analyze does the work; it is the compiler without the daemon. What changes the host's
 * policy is done by bulwark-policy, what is about images by bulwark-image. */
#include <limits.h>
#include <stdio.h>
#include <sys/wait.h>

#include "manager/base/diag.h"
#include "manager/base/string-list.h"
#include "tools/bulwarkctl/verbs.h"

/* Places are relative to this program's directory. */
typedef struct Program {
        const char *places[2], *installed;
} Program;
static const Program analyze_program = {
        .places = { "/bulwark-analyze", "/../bulwark-analyze/bulwark-analyze" },
        .installed = BULWARK_LIBEXECDIR "/bulwark-analyze",
};
static const Program policy_program = {
        .places = { "/bulwark-policy", "/../../policies/bulwark-policy" },
        .installed = BULWARK_LIBEXECDIR "/bulwark-policy",
};
static const Program image_program = {
        .places = { "/bulwark-image", "/../bulwark-image/bulwark-image" },
        .installed = BULWARK_LIBEXECDIR "/bulwark-image",
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

/* What bulwark-analyze, or bulwark-image, knows by the same name. */
static const OptionId flags[] = { OPTION_DRY_RUN, OPTION_QUIET,   OPTION_NO_LEGEND, OPTION_CAPS,    OPTION_SECCOMP, OPTION_APPARMOR,
                                  OPTION_SELINUX, OPTION_LANDLOCK, OPTION_DEVICES, OPTION_FILTERS, OPTION_LISTING,  OPTION_FORCE };
static const OptionId texts[] = { OPTION_UNIT_PATH, OPTION_OUTPUT_DIRECTORY, OPTION_THRESHOLD, OPTION_STORE };

static const void *field_of(const Options *o, OptionId id) {
        return (const char *)o + option_rows[id].offset;
}

static int push_option(char ***argv, OptionId id, const char *value) {
        char *text = NULL;
        int r = str_append(&text, "--%s%s%s", option_rows[id].name, value ? "=" : "", strempty(value));

        return r < 0 ? r : strv_push(argv, text);
}

static int push_options(const Options *o, char ***argv) {
        int r = 0;

        if (o->output != FORMAT_TABLE)
                r = push_option(argv, OPTION_OUTPUT, output_format_to_string(o->output));
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(texts); i++) {
                const char *value = *(const char *const *)field_of(o, texts[i]);

                if (value)
                        r = push_option(argv, texts[i], value);
        }
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(flags); i++)
                if (*(const bool *)field_of(o, flags[i]))
                        r = push_option(argv, flags[i], NULL);
        return r;
}

/* A name of two words is two arguments. */
static int push_verb(const char *name, char ***argv) {
        const char *blank = strchr(name, ' ');
        int r;

        if (!blank)
                return strv_extend(argv, name);
        r = strv_push(argv, strndup(name, (size_t)(blank - name)));
        return r < 0 ? r : strv_extend(argv, blank + 1);
}

static int build_argv(const Options *o, const char *program, const char *verb, char ***ret) {
        _cleanup_strv_ char **argv = NULL;
        int r;

        r = strv_extend(&argv, program);
        if (r >= 0)
                r = push_verb(verb, &argv);
        if (r >= 0)
                r = push_options(o, &argv);
        if (r >= 0)
                r = strv_extend(&argv, "--");
        for (size_t i = 0; i < o->n_arguments && r >= 0; i++)
                r = strv_extend(&argv, o->arguments[i]);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(argv);
        return 0;
}

/* Beside this program first, for a build that was never installed; returns only where nothing could be run. */
static void run_program(const Program *program, char **argv) {
        char directory[PATH_MAX], path[PATH_MAX + 64];

        if (own_directory(directory, sizeof(directory)) >= 0)
                for (size_t i = 0; i < ELEMENTSOF(program->places); i++) {
                        (void)snprintf(path, sizeof(path), "%s%s", directory, program->places[i]);
                        (void)execv(path, argv);
                        if (errno != ENOENT && errno != ENOTDIR)
                                break;
                }
        (void)execv(program->installed, argv);
        error_printf("cannot run %s: %s; is Bulwark installed completely?", program->installed, strerror(errno));
}

int offline_verify(const char *unit_path, const char *name) {
        _cleanup_free_ char *option = NULL;
        char *argv[] = { (char *)"bulwark-analyze", (char *)"verify", NULL, (char *)"--", (char *)name, NULL };
        int status;
        pid_t pid;

        if (str_append(&option, "--unit-path=%s", unit_path) < 0)
                return EXIT_FAILURE;
        argv[2] = option;
        (void)fflush(stdout);
        pid = fork();
        if (pid == 0) {
                if (dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
                        run_program(&analyze_program, argv);
                _exit(EXIT_FAILURE);
        }
        while (pid > 0 && waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return EXIT_FAILURE;
        return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

int verb_offline(Context *c) {
        _cleanup_strv_ char **argv = NULL;

        if (build_argv(c->options, "bulwark-analyze", c->options->verb->name, &argv) >= 0)
                run_program(&analyze_program, argv);
        return EXIT_FAILURE;
}

/* image ...: the store is root's. */
int verb_image(Context *c) {
        const char *verb = strchr(c->options->verb->name, ' ') + 1;
        _cleanup_strv_ char **argv = NULL;

        if (geteuid() != 0) {
                error_printf("only root may use the store of images");
                return error_code_exit_status(ERROR_ACCESS);
        }
        if (build_argv(c->options, "bulwark-image", verb, &argv) >= 0)
                run_program(&image_program, argv);
        return EXIT_FAILURE;
}

/* Where any SELinux is, booted or only installed. */
static bool host_has_selinux(void) {
        return access("/etc/selinux/config", F_OK) >= 0 || access("/sys/fs/selinux/enforce", F_OK) >= 0;
}

/* policy install, policy remove: bulwark-policy tells its progress itself; it takes a while. */
int verb_policy_helper(Context *c) {
        const char *verb = strchr(c->options->verb->name, ' ') + 1;
        char *argv[] = { (char *)"bulwark-policy", (char *)verb, NULL };

        if (geteuid() != 0) {
                error_printf("only root may change the host's SELinux policy");
                return error_code_exit_status(ERROR_ACCESS);
        }
        if (!host_has_selinux()) {
                error_printf("this host has no SELinux: there is no policy that the base module could be part of");
                return error_code_exit_status(ERROR_HOST_LACKS);
        }
        run_program(&policy_program, argv);
        return EXIT_FAILURE;
}
