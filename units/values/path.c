/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Paths of the unit: always absolute, and made canonical once, so that no later room compares two spellings.
 */
#include <limits.h>

#include "units/values/parse.h"

int path_normalize(const char *path, char **ret) {
        _cleanup_free_ char *s = NULL;
        char *q;

        if (path[0] != '/')
                return -EINVAL;
        q = s = malloc(strlen(path) + 2);
        if (!s)
                return -ENOMEM;
        while (*path) {
                size_t n;

                path += strspn(path, "/");
                n = strcspn(path, "/");
                if (n == 2 && path[0] == '.' && path[1] == '.')
                        return -EINVAL;
                if (n > 0 && !(n == 1 && path[0] == '.')) {
                        *q++ = '/';
                        q = mempcpy(q, path, n);
                }
                path += n;
        }
        if (q == s)
                *q++ = '/';
        *q = 0;
        *ret = TAKE_PTR(s);
        return 0;
}

static bool component_too_long(const char *path) {
        while (*path) {
                size_t n;

                path += strspn(path, "/");
                n = strcspn(path, "/");
                if (n > NAME_MAX)
                        return true;
                path += n;
        }
        return false;
}

int value_check_path(const ValueContext *c, const char *path, char **ret) {
        _cleanup_free_ char *s = NULL;
        int r = c->check_path ? c->check_path(c) : 0;

        if (r < 0)
                return r;
        if (text_has_control(path))
                return value_error(c, "the path contains a control character");
        if (path[0] == '"' || path[0] == '\'')
                return value_error(c, "'%s' is not absolute; write the path without quotes", path);
        if (path[0] != '/')
                return value_error(c, "'%s' is not an absolute path; it must begin with '/'", path);
        r = path_normalize(path, &s);
        if (r == -EINVAL)
                return value_error(c, "'%s' contains '..'; write the path that is meant", path);
        if (r < 0)
                return r;
        if (strlen(s) >= PATH_MAX || component_too_long(s))
                return value_error(
                        c, "the path is too long; %d bytes, and %d bytes a name, are the kernel's limit",
                        PATH_MAX - 1, NAME_MAX);
        *ret = TAKE_PTR(s);
        return 0;
}

/* "/a /" is "/a " once the last slash is gone. */
int value_check_scalar_path(const ValueContext *c, const char *path, char **ret) {
        _cleanup_free_ char *s = NULL;
        int r;

        r = value_check_path(c, path, &s);
        if (r < 0)
                return r;
        if (strchr(WHITESPACE "\\", s[strlen(s) - 1]))
                return value_error(c,
                                   "'%s' ends in a space or a backslash, which cannot be written here; name "
                                   "it otherwise",
                                   s);
        *ret = TAKE_PTR(s);
        return 0;
}

/* --- paths */

static void paths_done(void *field) {
        value_paths *v = field;

        for (size_t i = 0; i < v->n; i++)
                free(v->items[i].path);
        free(v->items);
        *v = (value_paths){};
}

static int paths_item(const ValueContext *c, const char *word, void *field) {
        _cleanup_free_ char *expanded = NULL;
        value_paths *v = field;
        const char *s;
        bool missing_ok;
        char *path;
        int r;

        r = value_expand(c, word, &expanded);
        if (r < 0)
                return r;
        s = expanded;
        missing_ok = *s == '-';
        s += missing_ok;
        s += *s == '+'; /* systemd: relative to RootDirectory=, which holds for every path here */
        r = value_check_path(c, s, &path);
        if (r < 0)
                return r;
        r = value_grow(c, &v->items, v->n, sizeof(PathItem));
        if (r < 0) {
                free(path);
                return r;
        }
        v->items[v->n++] = (PathItem){.path = path, .missing_ok = missing_ok, .origin = c->origin};
        return 0;
}

static int paths_parse(const ValueContext *c, const char *text, void *field) {
        if (value_is_reset(text)) {
                paths_done(field);
                return 0;
        }
        return value_each_word(c, text, paths_item, field);
}

static int paths_explode(const void *field, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        const value_paths *v = field;
        int r;

        for (size_t i = 0; i < v->n; i++) {
                char *s = NULL;

                if (v->items[i].implied)
                        continue;
                r = str_append(&s, "%s%s", v->items[i].missing_ok ? "-" : "", v->items[i].path);
                if (r < 0)
                        return r;
                r = strv_push(&l, s);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

static int paths_print(const void *field, char **ret) {
        return value_print_exploded(paths_explode, field, ret);
}

const ValueType value_type_paths = {
        .name = "paths",
        .syntax = "absolute paths; a leading '-' ignores one that does not exist",
        .signature = "as",
        .size = sizeof(value_paths),
        .list = true,
        .parse = paths_parse,
        .print = paths_print,
        .explode = paths_explode,
        .done = paths_done,
};

/* --- files */

/* As systemd reads EnvironmentFile=: the whole value is one path, with its spaces and without quotes. The lone ';' is
 * ours, for print(), which has one line for all of them. */
static int files_item(const ValueContext *c, const char *word, void *field) {
        _cleanup_free_ char *path = NULL;
        value_files *v = field;
        bool missing_ok = *word == '-';
        int r;

        r = value_check_scalar_path(c, word + missing_ok, &path);
        if (r >= 0)
                r = value_grow(c, &v->items, v->n, sizeof(PathItem));
        if (r < 0)
                return r;
        v->items[v->n++] = (PathItem){ .path = TAKE_PTR(path), .missing_ok = missing_ok, .origin = c->origin };
        return 0;
}

static int files_parse(const ValueContext *c, const char *text, void *field) {
        _cleanup_free_ char *s = NULL;
        int r;

        if (value_is_reset(text)) {
                paths_done(field);
                return 0;
        }
        r = value_scalar(c, text, &s);
        for (char *p = s; r >= 0 && p;) {
                char *separator = strstr(p, " ; ");

                if (separator)
                        *separator = 0;
                r = files_item(c, text_strip(p), field);
                p = separator ? separator + 3 : NULL;
        }
        return r;
}

static int files_implode(char *const *files, char **ret) {
        _cleanup_free_ char *joined = strv_join(files, " ; ");

        return joined ? value_print_scalar(joined, ret) : -ENOMEM;
}

static int files_print(const void *field, char **ret) {
        _cleanup_strv_ char **l = NULL;
        int r;

        r = paths_explode(field, &l);
        return r < 0 ? r : files_implode(l, ret);
}

const ValueType value_type_files = {
        .name = "files",
        .syntax = "the absolute path of a file of the host, the whole value without quotes; a leading '-' ignores one that "
                  "does not exist",
        .signature = "as",
        .size = sizeof(value_files),
        .list = true,
        .parse = files_parse,
        .print = files_print,
        .explode = paths_explode,
        .implode = files_implode,
        .done = paths_done,
};

/* --- working_directory */

static void working_directory_done(void *field) {
        value_working_directory *v = field;

        free(v->path);
        *v = (value_working_directory){};
}

static int working_directory_parse(const ValueContext *c, const char *text, void *field) {
        _cleanup_(working_directory_done) value_working_directory v = {};
        _cleanup_free_ char *expanded = NULL;
        const char *s;
        int r;

        r = value_scalar(c, text, &expanded);
        if (r < 0)
                return r;
        s = expanded;
        if (*s) {
                v.missing_ok = *s == '-';
                s += v.missing_ok;
                v.home = streq(s, "~");
                if (!v.home) {
                        r = value_check_scalar_path(c, s, &v.path);
                        if (r < 0)
                                return r;
                }
        }
        working_directory_done(field);
        *(value_working_directory *)field = v;
        v.path = NULL;
        return 0;
}

static int working_directory_text(const value_working_directory *v, char **ret) {
        char *s = NULL;
        int r;

        r = str_append(&s, "%s%s", v->missing_ok ? "-" : "", v->home ? "~" : strempty(v->path));
        if (r < 0)
                return r;
        *ret = s;
        return 0;
}

static int working_directory_print(const void *field, char **ret) {
        _cleanup_free_ char *s = NULL;
        int r;

        r = working_directory_text(field, &s);
        if (r < 0)
                return r;
        return value_print_scalar(s, ret);
}

static int working_directory_explode(const void *field, char ***ret) {
        _cleanup_free_ char *s = NULL;
        int r;

        r = working_directory_text(field, &s);
        if (r < 0)
                return r;
        return value_explode_one(s, ret);
}

static const char *const working_directory_words[] = {"~", NULL};

const ValueType value_type_working_directory = {
        .name = "working_directory",
        .syntax = "an absolute path in the container or '~' for the user's home; a leading '-' falls back "
                  "to '/'",
        .signature = "s",
        .size = sizeof(value_working_directory),
        .parse = working_directory_parse,
        .print = working_directory_print,
        .explode = working_directory_explode,
        .done = working_directory_done,
        .words = working_directory_words,
};
