/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "manager/base/string-list.h"
#include "units/resolve/resolve-steps.h"
#include "units/spec/service-directories.h"
#include "units/values/text.h"

/* Every directory that a root file system may hold, merged /usr or not. */
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static bool same_name(const char *a, const char *b, size_t n) {
        return strncmp(a, b, n) == 0 && a[n] == '=';
}

/* Takes the assignment; one of the same name is replaced where it stands. */
static int environment_put(char ***env, char *assignment) {
        size_t n;

        if (!assignment)
                return -ENOMEM;
        n = strcspn(assignment, "=");
        for (char **e = *env; e && *e; e++)
                if (same_name(*e, assignment, n)) {
                        free(*e);
                        *e = assignment;
                        return 0;
                }
        return strv_push(env, assignment);
}

static int environment_set(char ***env, const char *name, const char *value) {
        char *assignment = NULL;

        if (asprintf(&assignment, "%s=%s", name, value) < 0)
                return -ENOMEM;
        return environment_put(env, assignment);
}

static bool unset_matches(const char *assignment, const char *unset) {
        return strchr(unset, '=') ? streq(assignment, unset) : same_name(assignment, unset, strlen(unset));
}

static void environment_unset(char **env, const char *unset) {
        char **to = env;

        for (char **e = env; e && *e; e++)
                if (unset_matches(*e, unset))
                        free(*e);
                else
                        *to++ = *e;
        if (to)
                *to = NULL;
}

/* --- EnvironmentFile=, as systemd.exec(5) describes it */

typedef struct Reader {
        const char *path;
        const char *p;
        unsigned line;
        Diag *diag;
} Reader;

/* The value read so far. Blanks at its end are dropped unless they were quoted or escaped. */
typedef struct Buffer {
        char *text;
        size_t n, keep;
} Buffer;

static void buffer_done(Buffer *b) {
        free(b->text);
        *b = (Buffer){};
}

static int buffer_add(Buffer *b, char c, bool keep) {
        char *grown;

        if ((b->n & (b->n + 1)) == 0) { /* grows at 0, 1, 3, 7 ...: doubles */
                grown = realloc(b->text, 2 * (b->n + 1));
                if (!grown)
                        return -ENOMEM;
                b->text = grown;
        }
        b->text[b->n++] = c;
        b->text[b->n] = 0;
        if (keep)
                b->keep = b->n;
        return 0;
}

static bool is_blank(char c) {
        return c == ' ' || c == '\t' || c == '\r';
}

static int reader_error(const Reader *rd, unsigned line, const char *what) {
        return diag_error(rd->diag, ERROR_BAD_VALUE, &(Origin){rd->path, line}, NULL, "%s", what);
}

static char reader_take(Reader *rd) {
        char c = *rd->p++;

        if (c == '\n')
                rd->line++;
        return c;
}

/* A comment ends with its line: no continuation, as systemd since 254. */
static void skip_line(Reader *rd) {
        while (*rd->p && reader_take(rd) != '\n')
                ;
}

/* Inside '...' or "...", after the opening mark: single quotes keep everything, double quotes know the
 * escapes of a shell, and \ before a line's end joins the lines. */
static int read_quoted(Reader *rd, char mark, Buffer *b) {
        unsigned line = rd->line;

        while (*rd->p) {
                char c = reader_take(rd);
                int r;

                if (c == mark)
                        return 0;
                if (mark == '"' && c == '\\' && *rd->p) {
                        char next = reader_take(rd);

                        if (next == '\n')
                                continue;
                        if (!strchr("\"\\`$", next)) {
                                r = buffer_add(b, '\\', true);
                                if (r < 0)
                                        return r;
                        }
                        c = next;
                }
                r = buffer_add(b, c, true);
                if (r < 0)
                        return r;
        }
        return reader_error(rd, line,
                            mark == '"' ? "a double quote is opened and never closed"
                                        : "a single quote is opened and never closed");
}

/* Up to the end of the line. A quote counts where a value begins or another quote has just ended. */
static int read_value(Reader *rd, Buffer *b) {
        bool begins = true;

        while (*rd->p) {
                char c = reader_take(rd);
                int r = 0;

                if (c == '\n')
                        break;
                if (begins && is_blank(c))
                        continue;
                if (begins && (c == '\'' || c == '"')) {
                        r = read_quoted(rd, c, b);
                        if (r < 0)
                                return r;
                        continue;
                }
                begins = false;
                if (c == '\\') {
                        char next = *rd->p ? reader_take(rd) : '\n';

                        if (next != '\n')
                                r = buffer_add(b, next, true);
                } else
                        r = buffer_add(b, c, !is_blank(c));
                if (r < 0)
                        return r;
        }
        if (b->text)
                b->text[b->keep] = 0;
        return 0;
}

static bool name_valid(const char *s, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (s[i] != '_' && !(s[i] >= 'a' && s[i] <= 'z') && !(s[i] >= 'A' && s[i] <= 'Z') &&
                    (i == 0 || s[i] < '0' || s[i] > '9'))
                        return false;
        return n > 0;
}

static int read_assignment(Reader *rd, char ***env) {
        _cleanup_(buffer_done) Buffer value = {};
        _cleanup_free_ char *name = NULL;
        const char *start = rd->p;
        size_t length = strcspn(start, "=\n"), n = length;
        unsigned line = rd->line;
        bool good;
        int r;

        if (start[length] != '=') {
                diag_warning(rd->diag, ERROR_BAD_VALUE, &(Origin){rd->path, line}, NULL,
                             "a line without '=' is ignored; write NAME=VALUE");
                skip_line(rd);
                return 0;
        }
        while (n > 0 && is_blank(start[n - 1]))
                n--;
        good = name_valid(start, n);
        name = strndup(start, n);
        if (!name)
                return -ENOMEM;
        rd->p += length + 1;
        r = read_value(rd, &value);
        if (r < 0)
                return r;
        if (!good)
                return diag_error(
                        rd->diag, ERROR_BAD_VALUE, &(Origin){rd->path, line}, NULL,
                        "'%s' is no name of a variable; letters, digits and '_' are, not beginning with a "
                        "digit",
                        name);
        return environment_set(env, name, strempty(value.text));
}

int environment_file_parse(const char *path, const char *text, Diag *diag, char ***env) {
        Reader rd = {.path = path, .p = text, .line = 1, .diag = diag};
        int error = 0;

        while (*rd.p) {
                int r;

                if (is_blank(*rd.p) || *rd.p == '\n') {
                        (void)reader_take(&rd);
                        continue;
                }
                if (*rd.p == '#' || *rd.p == ';') {
                        skip_line(&rd);
                        continue;
                }
                r = read_assignment(&rd, env);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        error = r;
        }
        return error;
}

static int report_missing_file(const PathItem *item, int error, Diag *diag) {
        const char *hint = "; begin the path with '-' where the file may be missing";

        if (error == ENOENT && item->path[strcspn(item->path, "*?[")])
                hint = "; wildcards are not supported, name each file";
        else if (error != ENOENT)
                hint = "; a regular text file of at most 1 MiB is needed";
        return diag_error(diag, ERROR_MISSING, &item->origin, "EnvironmentFile", "cannot read %s: %s%s",
                          item->path, strerror(error), hint);
}

/* Files override Environment=, as in systemd. */
static int apply_files(const ContainerSpec *spec, const UnitFacts *facts, Diag *diag, char ***env) {
        int error = 0;

        for (size_t i = 0; i < spec->environment_file.n; i++) {
                const PathItem *item = &spec->environment_file.items[i];
                const char *text = i < facts->n_environment_files ? facts->environment_files[i].text : NULL;
                int failed = i < facts->n_environment_files ? facts->environment_files[i].error : ENOENT, r;

                if (text)
                        r = environment_file_parse(item->path, text, diag, env);
                else if (item->missing_ok && failed == ENOENT)
                        continue;
                else if (i < facts->n_environment_files && facts->environment_files[i].refused)
                        r = diag_error(diag, ERROR_POLICY, &item->origin, "EnvironmentFile", "cannot read \"%s\": %s",
                                       item->path, facts->environment_files[i].refused);
                else
                        r = report_missing_file(item, failed, diag);
                if (r < 0)
                        error = r;
        }
        return error;
}

/* What a login has from passwd; NULL = passwd has no such user, and the variable is not set. */
typedef struct UserVariable {
        const char *name, *value;
} UserVariable;

#define USER_VARIABLES 4

static void user_variables(const Identity *i, UserVariable ret[static USER_VARIABLES]) {
        ret[0] = (UserVariable){ "HOME", i->home ? i->home : "/" };
        ret[1] = (UserVariable){ "USER", i->user_name };
        ret[2] = (UserVariable){ "LOGNAME", i->user_name };
        ret[3] = (UserVariable){ "SHELL", i->shell ? i->shell : "/bin/sh" };
}

static int apply_defaults(const Identity *i, char ***env) {
        UserVariable variables[USER_VARIABLES];
        int r;

        user_variables(i, variables);
        r = environment_set(env, "PATH", PATH_DEFAULT);
        for (size_t k = 0; r >= 0 && k < USER_VARIABLES; k++)
                if (variables[k].value)
                        r = environment_set(env, variables[k].name, variables[k].value);
        return r < 0 ? r : environment_set(env, "container", "bulwark");
}

static int apply_service_directories(const ContainerSpec *spec, char ***env) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < SERVICE_DIRECTORY_KINDS; i++) {
                _cleanup_free_ char *value = NULL;

                r = service_directories_value(spec, service_directory_kinds + i, &value);
                if (r >= 0 && value)
                        r = environment_set(env, service_directory_kinds[i].variable, value);
        }
        return r;
}

static int apply_credentials(const ContainerSpec *spec, char ***env) {
        _cleanup_free_ char *path = NULL;
        int r;

        if (!container_spec_has_credentials(spec))
                return 0;
        r = str_append(&path, CREDENTIALS_BASE "/%s", spec->name);
        return r < 0 ? r : environment_set(env, "CREDENTIALS_DIRECTORY", path);
}

static const char *environment_get(char *const *env, const char *name) {
        for (; env && *env; env++)
                if (same_name(*env, name, strlen(name)))
                        return *env + strlen(name) + 1;
        return NULL;
}

int environment_for_user(char *const *environment, const Identity *from, const Identity *to, char ***ret) {
        UserVariable before[USER_VARIABLES], after[USER_VARIABLES];
        _cleanup_strv_ char **env = strv_copy(environment);
        int r = 0;

        if (!env && environment && *environment)
                return -ENOMEM;
        user_variables(from, before);
        user_variables(to, after);
        for (size_t k = 0; r >= 0 && k < USER_VARIABLES; k++) {
                const char *found = environment_get(env, before[k].name);

                /* What the unit itself sets, or unsets, is for every user. */
                if (found ? !before[k].value || !streq(found, before[k].value) : before[k].value != NULL)
                        continue;
                if (after[k].value)
                        r = environment_set(&env, after[k].name, after[k].value);
                else if (env)
                        environment_unset(env, after[k].name);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(env);
        return 0;
}

/* As systemd-nspawn says it to an init, which takes it where the image has no id of its own. */
static int apply_machine_id(const ContainerSpec *spec, char ***env) {
        const char *id = spec->machine_id;
        char uuid[37];

        if (!id)
                return 0;
        (void)snprintf(uuid, sizeof(uuid), "%.8s-%.4s-%.4s-%.4s-%.12s", id, id + 8, id + 12, id + 16, id + 20);
        return environment_set(env, "container_uuid", uuid);
}

/* The rules themselves: the image need not know the zone, and no file of it is covered. */
static int apply_timezone(const ContainerSpec *spec, const UnitFacts *facts, Diag *diag, char ***env) {
        const Origin *origin = container_spec_origin(spec, DIRECTIVE_Timezone);

        if (!spec->timezone)
                return 0;
        if (facts->timezone)
                return environment_set(env, "TZ", facts->timezone);
        if (facts->timezone_error == ENODATA)
                return diag_error(diag, ERROR_MISSING, origin, "Timezone", "the host's file of '%s' has no rules of a time zone",
                                  spec->timezone);
        return diag_error(diag, ERROR_MISSING, origin, "Timezone", "the host does not know '%s': %s; timedatectl list-timezones shows "
                          "what it knows", spec->timezone, strerror(facts->timezone_error));
}

int environment_resolve(ContainerSpec *spec, const UnitFacts *facts, Diag *diag) {
        _cleanup_strv_ char **env = NULL;
        int r;

        r = apply_defaults(&spec->identity, &env);
        if (r < 0)
                return r;
        for (char *const *e = facts->image.record ? facts->image.record->environment : NULL; r >= 0 && e && *e; e++)
                r = environment_put(&env, strdup(*e));
        if (r >= 0)
                r = apply_service_directories(spec, &env);
        if (r >= 0)
                r = apply_credentials(spec, &env);
        if (r < 0)
                return r;
        r = apply_machine_id(spec, &env);
        if (r >= 0)
                r = apply_timezone(spec, facts, diag, &env);
        if (r < 0)
                return r;
        for (char *const *p = facts->passed; p && *p; p++) {
                /* What is no text of a unit cannot be printed, sent or compared. */
                if (!utf8_valid(*p, strlen(*p)))
                        return diag_error(diag, ERROR_BAD_VALUE, container_spec_origin(spec, DIRECTIVE_PassEnvironment),
                                          "PassEnvironment", "the manager's %.*s is no UTF-8", (int)strcspn(*p, "="), *p);
                r = environment_put(&env, strdup(*p));
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < spec->environment.n; i++) {
                r = environment_put(&env, strdup(spec->environment.items[i].assignment));
                if (r < 0)
                        return r;
        }
        r = apply_files(spec, facts, diag, &env);
        if (r < 0)
                return r;
        for (char *const *u = spec->unset_environment; u && *u; u++)
                environment_unset(env, *u);

        strv_free(spec->exec_environment);
        spec->exec_environment = TAKE_PTR(env);
        return 0;
}
