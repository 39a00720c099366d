/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* directories: names below a directory of the system, as StateDirectory= and its kin have them. */
#include "units/values/parse.h"

static void directories_done(void *field) {
        value_directories *v = field;

        for (size_t i = 0; i < v->n; i++) {
                free(v->items[i].name);
                free(v->items[i].alias);
        }
        free(v->items);
        *v = (value_directories){};
}

/* "web", "web/cache": what stays below the directory that it is put to. */
static int directory_name(const ValueContext *c, const char *text, char **ret) {
        _cleanup_free_ char *absolute = NULL, *path = NULL;
        int r;

        if (*text == '/')
                return value_error(c, "'%s' is absolute; write it relative to the directory that the directive stands for, or bind "
                                   "it with BindPaths=", text);
        r = str_append(&absolute, "/%s", text);
        if (r >= 0)
                r = value_check_path(c, absolute, &path);
        if (r < 0)
                return r;
        if (streq(path, "/") || streq(path, "/private") || startswith(path, "/private/"))
                return value_error(c, "'%s' names no directory of its own", text);
        *ret = strdup(path + 1);
        return *ret ? 0 : -ENOMEM;
}

static int directories_item(const ValueContext *c, const char *word, void *field) {
        _cleanup_free_ char *expanded = NULL, *name = NULL, *alias = NULL;
        value_directories *v = field;
        char *colon;
        int r;

        r = value_expand(c, word, &expanded);
        if (r < 0)
                return r;
        colon = strchr(expanded, ':');
        if (colon)
                *colon++ = 0;
        if (colon && strchr(colon, ':'))
                return value_error(c, "'%s' has more than a name and one other name", word);
        r = directory_name(c, expanded, &name);
        if (r >= 0 && colon)
                r = directory_name(c, colon, &alias);
        if (r >= 0)
                r = value_grow(c, &v->items, v->n, sizeof(ServiceDirectory));
        if (r < 0)
                return r;
        v->items[v->n++] = (ServiceDirectory){ .name = TAKE_PTR(name), .alias = TAKE_PTR(alias), .origin = c->origin };
        return 0;
}

static int directories_parse(const ValueContext *c, const char *text, void *field) {
        if (value_is_reset(text)) {
                directories_done(field);
                return 0;
        }
        return value_each_word(c, text, directories_item, field);
}

static int directories_explode(const void *field, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        const value_directories *v = field;

        for (size_t i = 0; i < v->n; i++) {
                char *s = NULL;
                int r = str_append(&s, "%s%s%s", v->items[i].name, v->items[i].alias ? ":" : "", strempty(v->items[i].alias));

                if (r >= 0)
                        r = strv_push(&l, s);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

static int directories_print(const void *field, char **ret) {
        return value_print_exploded(directories_explode, field, ret);
}

const ValueType value_type_directories = {
        .name = "directories",
        .syntax = "relative paths, separated by blanks; 'NAME:OTHER' shows the directory by a second name, too",
        .signature = "as",
        .size = sizeof(value_directories),
        .list = true,
        .parse = directories_parse,
        .print = directories_print,
        .explode = directories_explode,
        .done = directories_done,
};
