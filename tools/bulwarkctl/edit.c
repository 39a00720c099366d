/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* edit, revert: the administrator's own drop-in or copy of a unit. What is edited is a file of its own below the runtime
 * directory, which only root can enter; it takes the place of the old one, whole, once it was checked. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "tools/bulwarkctl/names.h"
#include "units/values/types.h"

#define UNIT_FILE_MAX (4U * 1024 * 1024)
#define DROP_IN_NAME "override.conf"
#define RUNTIME_UNITS "/run/bulwark/units"

/* Lines of ours in what is edited; they are taken out again. */
#define NOTE "### "

typedef struct Edit {
        Context *context;
        const char *name;
        char **unit_path; /* of the manager */
        char **files;     /* the unit and its drop-ins; NULL = it does not exist */
        char *target;     /* what is to be written */
        char *directory;  /* ours, with a tree like that of a unit path */
        char *folder;     /* below it; NULL = the directory itself */
        char *draft;      /* the file that is edited */
} Edit;

static void edit_done(Edit *e) {
        if (e->draft)
                (void)unlink(e->draft);
        if (e->folder)
                (void)rmdir(e->folder);
        if (e->directory)
                (void)rmdir(e->directory);
        free(e->draft);
        free(e->folder);
        free(e->directory);
        free(e->target);
        strv_free(e->files);
        strv_free(e->unit_path);
}

/* --- where things are */
static int call_strv(Context *c, const char *member, const char *name, sd_bus_error *error, char ***ret) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r;

        r = client_call(&c->client, 0, error, &reply, member, "s", name);
        if (r >= 0)
                r = sd_bus_message_read_strv(reply, ret);
        return r < 0 ? r : 0;
}

static int get_unit_path(Context *c, sd_bus_error *error, char ***ret) {
        int r = sd_bus_get_property_strv(c->client.bus, c->client.destination, BUS_PATH, BUS_INTERFACE_MANAGER, "UnitPath", error, ret);

        return r < 0 ? r : 0;
}

static int edit_open(Edit *e) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        const Options *o = e->context->options;
        int r;

        r = get_unit_path(e->context, &error, &e->unit_path);
        if (r < 0)
                return client_report(&error, r, "cannot edit", e->name);
        r = call_strv(e->context, "GetUnitPaths", e->name, &error, &e->files);
        if (r >= 0)
                return EXIT_SUCCESS;
        if (client_exit_status(&error, r) == EXIT_NO_UNIT && o->force) {
                if (container_name_valid(e->name))
                        return EXIT_SUCCESS;
                error_printf("\"%s\" is no name of a container", e->name);
                return EXIT_USAGE;
        }
        r = client_report(&error, r, "cannot edit", e->name);
        if (r == EXIT_NO_UNIT)
                fprintf(stderr, "\"bulwarkctl edit --force --full %s\" makes a new one\n", e->name);
        return r;
}

static bool edit_is_full(const Edit *e) {
        return e->context->options->full || !e->files;
}

static int edit_choose_target(Edit *e) {
        const char *directory = e->context->options->runtime ? RUNTIME_UNITS : strv_length(e->unit_path) > 0 ? e->unit_path[0] : NULL;

        if (!directory || !strv_contains(e->unit_path, directory)) {
                error_printf("the manager reads no units from %s: --runtime has no place here", RUNTIME_UNITS);
                return EXIT_FAILURE;
        }
        return str_append(&e->target, edit_is_full(e) ? "%s/%s" UNIT_SUFFIX : "%s/%s" UNIT_SUFFIX ".d/" DROP_IN_NAME, directory,
                          e->name) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* --- the draft */
static int read_text(const char *path, char **ret) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        size_t size;

        return fd < 0 ? -errno : read_file(fd, UNIT_FILE_MAX, ret, &size);
}

static int append_commented(char **text, const char *path) {
        _cleanup_free_ char *content = NULL;
        int r;

        r = read_text(path, &content);
        if (r < 0)
                return r;
        r = str_append(text, NOTE "%s\n", path);
        for (const char *p = content; r >= 0 && *p;) {
                size_t n = strcspn(p, "\n");

                r = str_append(text, NOTE "%.*s\n", (int)n, p);
                p += n + (p[n] == '\n');
        }
        return r < 0 ? r : str_append(text, NOTE "\n");
}

static int draft_text(const Edit *e, char **ret) {
        _cleanup_free_ char *old = NULL, *text = NULL;
        int r;

        r = read_text(e->target, &old);
        if (r == -ENOENT && e->context->options->full && e->files)
                r = read_text(e->files[0], &old);
        if (r < 0 && r != -ENOENT)
                return r;
        r = str_append(&text, "%s", strempty(old));
        if (r >= 0 && !edit_is_full(e)) {
                if (isempty(old))
                        r = str_append(&text, "[Container]\n");
                if (r >= 0)
                        r = str_append(&text, "\n" NOTE "This becomes %s.\n" NOTE "Lines that begin with \"" NOTE
                                       "\" are left out; below is what it adds to:\n" NOTE "\n", e->target);
                for (size_t i = 0; r >= 0 && e->files[i]; i++)
                        if (!streq(e->files[i], e->target))
                                r = append_commented(&text, e->files[i]);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        return 0;
}

static int draft_write(const char *path, const char *text) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

        if (fd < 0)
                return -errno;
        return write_all(fd, text, strlen(text));
}

static int draft_make(Edit *e) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = draft_text(e, &text);
        if (r >= 0)
                r = str_append(&e->directory, "%s/edit-XXXXXX", e->context->client.runtime_directory);
        if (r < 0)
                return r;
        if (!mkdtemp(e->directory)) {
                free(e->directory);
                e->directory = NULL;
                return -errno;
        }
        if (edit_is_full(e))
                r = str_append(&e->draft, "%s/%s" UNIT_SUFFIX, e->directory, e->name);
        else {
                r = str_append(&e->folder, "%s/%s" UNIT_SUFFIX ".d", e->directory, e->name);
                if (r >= 0 && mkdir(e->folder, 0755) < 0)
                        r = -errno;
                if (r >= 0)
                        r = str_append(&e->draft, "%s/" DROP_IN_NAME, e->folder);
        }
        return r < 0 ? r : draft_write(e->draft, text);
}

/* Without our own lines and the blank ones at the end. */
static int draft_read(const Edit *e, char **ret) {
        _cleanup_free_ char *content = NULL, *text = strdup("");
        size_t end = 0;
        int r;

        r = text ? read_text(e->draft, &content) : -ENOMEM;
        for (const char *p = content; r >= 0 && *p;) {
                size_t n = strcspn(p, "\n");
                bool ours = !edit_is_full(e) && startswith(p, NOTE), blank = strspn(p, " \t\r") >= n;

                if (!ours)
                        r = str_append(&text, "%.*s\n", (int)n, p);
                if (!ours && !blank)
                        end = strlen(text);
                p += n + (p[n] == '\n');
        }
        if (r < 0)
                return r;
        text[end] = 0;
        *ret = TAKE_PTR(text);
        return 0;
}

/* Nothing but headings and comments. */
static bool text_is_empty(const char *text) {
        while (*text) {
                size_t blank = strspn(text, " \t\r\n");

                text += blank;
                if (*text && !strchr("#;[", *text))
                        return false;
                text += strcspn(text, "\n");
        }
        return true;
}

/* --- the editor */
static int run_words(char *const *words, const char *path) {
        _cleanup_strv_ char **argv = strv_copy(words);
        int status;
        pid_t pid;

        if (!argv || strv_extend(&argv, path) < 0)
                return -ENOMEM;
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                (void)execvp(argv[0], argv);
                _exit(errno == ENOENT ? 127 : 126);
        }
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
                return -ENOENT;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECANCELED;
}

static int run_editor(const char *path) {
        static const char *const variables[] = { "SYSTEMD_EDITOR", "EDITOR", "VISUAL" };
        static const char *const programs[] = { "editor", "nano", "vim", "vi" };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(variables); i++) {
                _cleanup_strv_ char **words = NULL;
                const char *value = getenv(variables[i]);

                if (isempty(value))
                        continue;
                if (strv_split(value, ' ', &words) < 0 || strv_length(words) == 0)
                        return -ENOMEM;
                r = run_words(words, path);
                if (r < 0)
                        error_printf("the editor \"%s\" ($%s) %s", value, variables[i], r == -ENOENT ? "does not exist" : "has failed");
                return r;
        }
        for (size_t i = 0; i < ELEMENTSOF(programs); i++) {
                char *const words[] = { (char *)programs[i], NULL };

                r = run_words(words, path);
                if (r == -ECANCELED)
                        error_printf("the editor \"%s\" has failed", programs[i]);
                if (r != -ENOENT)
                        return r;
        }
        error_printf("there is no editor: name one in $EDITOR");
        return -ENOENT;
}

/* --- what was written */
static int draft_verify(const Edit *e, const char *text) {
        _cleanup_free_ char *rest = strv_join(e->unit_path, ":"), *path = NULL;

        if (draft_write(e->draft, text) < 0 || !rest || str_append(&path, "%s:%s", e->directory, rest) < 0)
                return EXIT_FAILURE;
        return offline_verify(path, e->name);
}

static int target_write(const Edit *e, const char *text) {
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *folder = strndup(e->target, (size_t)(strrchr(e->target, '/') - e->target));

        if (!folder)
                return -ENOMEM;
        if (mkdir(folder, 0755) < 0 && errno != EEXIST)
                return -errno;
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        return write_file_atomic(fd, strrchr(e->target, '/') + 1, text, strlen(text), 0644);
}

static bool ask_again(void) {
        char line[16];

        if (!isatty(STDIN_FILENO))
                return false;
        fprintf(stderr, "Edit again? [Y/n] ");
        return fgets(line, sizeof(line), stdin) && *line != 'n' && *line != 'N';
}

/* Until it is good, or is given up. *ret is NULL where nothing changes. */
static int edit_until_good(const Edit *e, char **ret) {
        _cleanup_free_ char *before = NULL, *text = NULL;
        int r;

        (void)read_text(e->target, &before);
        for (;;) {
                free(text);
                text = NULL;
                r = run_editor(e->draft);
                if (r < 0)
                        return EXIT_FAILURE;
                r = draft_read(e, &text);
                if (r < 0) {
                        error_printf("cannot read %s: %s", e->draft, strerror(-r));
                        return EXIT_FAILURE;
                }
                if (text_is_empty(text) || streq_ptr(text, before)) {
                        if (!e->context->options->quiet)
                                fprintf(stderr, "%s stays as it is: %s\n", e->name, text_is_empty(text) ? "nothing was written" : "nothing was changed");
                        return EXIT_SUCCESS;
                }
                r = draft_verify(e, text);
                if (r == EXIT_SUCCESS) {
                        *ret = TAKE_PTR(text);
                        return EXIT_SUCCESS;
                }
                if (!ask_again()) {
                        error_printf("%s stays as it is: what was written has mistakes", e->name);
                        return r;
                }
        }
}

static int reload(Context *c) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        if (c->options->no_reload)
                return EXIT_SUCCESS;
        r = client_call(&c->client, UINT64_MAX, &error, NULL, "Reload", NULL);
        return r < 0 ? client_report(&error, r, "cannot reload the unit files", NULL) : EXIT_SUCCESS;
}

static int edit_one(Context *c, const char *name) {
        _cleanup_(edit_done) Edit e = { .context = c, .name = name };
        _cleanup_free_ char *text = NULL;
        int r;

        r = edit_open(&e);
        if (r == EXIT_SUCCESS)
                r = edit_choose_target(&e);
        if (r != EXIT_SUCCESS)
                return r;
        r = draft_make(&e);
        if (r < 0) {
                error_printf("cannot edit %s: %s", name, strerror(-r));
                return r == -EACCES || r == -EPERM ? error_code_exit_status(ERROR_ACCESS) : EXIT_FAILURE;
        }
        r = edit_until_good(&e, &text);
        if (r != EXIT_SUCCESS || !text)
                return r;
        r = target_write(&e, text);
        if (r < 0) {
                error_printf("cannot write %s: %s", e.target, strerror(-r));
                return EXIT_FAILURE;
        }
        if (!c->options->quiet)
                fprintf(stderr, "Wrote %s.\n", e.target);
        return reload(c);
}

int verb_edit(Context *c) {
        return names_for_each(c, edit_one);
}

/* --- revert: the manager knows which files of its search path are the administrator's */
static int revert_one(Context *c, const char *name) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        const char *path;
        int r;

        r = client_call(&c->client, 0, &error, &reply, "RevertUnitFiles", "as", 1, name);
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, SD_BUS_TYPE_ARRAY, "(sss)");
        while (r >= 0 && (r = sd_bus_message_read(reply, "(sss)", NULL, &path, NULL)) > 0)
                if (!c->options->quiet)
                        fprintf(stderr, "Removed %s.\n", path);
        return r < 0 ? client_report(&error, r, "cannot revert", name) : reload(c);
}

int verb_revert(Context *c) {
        return names_for_each(c, revert_one);
}
