/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* credential_sources, credential_texts, credential_globs: secrets that a container gets as files. systemd.exec(5).
 *
 * As in systemd one line has one credential, and what stands behind the colon is taken whole, blanks and all. A line that
 * begins with a quote is a list of quoted words instead, which is how print() writes several. */
#include "units/values/parse.h"

#define CREDENTIAL_NAME_MAX 255

static int check_name(const ValueContext *c, const char *name, const char *also) {
        if (!*name || streq(name, ".") || streq(name, "..") || strlen(name) > CREDENTIAL_NAME_MAX)
                return value_error(c, "'%s' cannot be a credential's name", name);
        for (const char *p = name; *p; p++)
                if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '/' || *p == ':' || (strchr("*?[]", *p) && !strchr(also, *p)))
                        return value_error(c, "'%s' cannot be a credential's name; letters, digits and '.', '-', '_' are", name);
        return 0;
}

typedef int (*CredentialItemFunc)(const ValueContext *c, char *name, const char *rest, void *field);

/* name is cut out of the item; rest is NULL where it has no colon. */
static int credential_item(const ValueContext *c, char *item, CredentialItemFunc put, void *field) {
        char *colon = strchr(item, ':');
        int r;

        if (colon)
                *colon = 0;
        r = check_name(c, item, "");
        return r < 0 ? r : put(c, item, colon ? colon + 1 : NULL, field);
}

static int each_credential(const ValueContext *c, const char *text, CredentialItemFunc put, void *field) {
        if (*text != '"') {
                _cleanup_free_ char *copy = strdup(text);

                return copy ? credential_item(c, copy, put, field) : -ENOMEM;
        }
        for (const char *p = text;;) {
                _cleanup_free_ char *word = NULL;
                int r = value_next_word(c, &p, &word);

                if (r < 0 || !word)
                        return r;
                r = credential_item(c, word, put, field);
                if (r < 0)
                        return r;
        }
}

/* Always quoted, or it would be read as one line of systemd's. */
static int push_quoted(char ***l, const char *name, const char *rest) {
        _cleanup_free_ char *text = NULL, *quoted = NULL;
        char *word = NULL;
        int r;

        r = str_append(&text, "%s%s%s", name, rest ? ":" : "", strempty(rest));
        if (r < 0)
                return r;
        quoted = value_quote(text);
        if (!quoted)
                return -ENOMEM;
        r = *quoted == '"' ? str_append(&word, "%s", quoted) : str_append(&word, "\"%s\"", quoted);
        return r < 0 ? r : strv_push(l, word);
}

static int join_words(char **l, char **ret) {
        _cleanup_strv_ char **owned = l;
        char *text = strv_join(owned, " ");

        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}

/* --- LoadCredential= */

static void credential_sources_done(void *field) {
        value_credential_sources *v = field;

        for (size_t i = 0; i < v->n; i++) {
                free(v->items[i].name);
                free(v->items[i].path);
        }
        free(v->items);
        *v = (value_credential_sources){};
}

static int put_source(const ValueContext *c, char *name, const char *rest, void *field) {
        _cleanup_free_ char *own = NULL, *expanded = NULL, *path = NULL;
        value_credential_sources *v = field;
        int r;

        r = value_expand(c, name, &own);
        if (r >= 0)
                r = check_name(c, own, "");
        if (r >= 0 && rest)
                r = value_expand(c, rest, &expanded);
        if (r < 0)
                return r;
        if (expanded && *expanded == '/')
                r = value_check_path(c, expanded, &path);
        else if (expanded) { /* a name in the credential stores */
                r = check_name(c, expanded, "");
                path = TAKE_PTR(expanded);
        }
        if (r >= 0)
                r = value_grow(c, &v->items, v->n, sizeof(*v->items));
        if (r < 0)
                return r;
        v->items[v->n++] = (CredentialSource){ .name = TAKE_PTR(own), .path = TAKE_PTR(path), .origin = c->origin };
        return 0;
}

static int credential_sources_parse(const ValueContext *c, const char *text, void *field) {
        if (value_is_reset(text)) {
                credential_sources_done(field);
                return 0;
        }
        return each_credential(c, text, put_source, field);
}

static int credential_sources_print(const void *field, char **ret) {
        const value_credential_sources *v = field;
        char **l = NULL;

        for (size_t i = 0; i < v->n; i++) {
                _cleanup_free_ char *name = value_escape_specifiers(v->items[i].name),
                                    *path = v->items[i].path ? value_escape_specifiers(v->items[i].path) : NULL;
                int r = name && (path || !v->items[i].path) ? push_quoted(&l, name, path) : -ENOMEM;

                if (r < 0) {
                        strv_free(l);
                        return r;
                }
        }
        return join_words(l, ret);
}

static int credential_sources_explode(const void *field, char ***ret) {
        const value_credential_sources *v = field;
        _cleanup_strv_ char **l = NULL;

        for (size_t i = 0; i < v->n; i++) {
                char *s = NULL;
                int r = str_append(&s, "%s%s%s", v->items[i].name, v->items[i].path ? ":" : "", strempty(v->items[i].path));

                if (r >= 0)
                        r = strv_push(&l, s);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

/* Words of a client, each a whole credential. */
static int credentials_implode(char *const *words, char **ret) {
        char **l = NULL;

        for (char *const *w = words; w && *w; w++) {
                int r = push_quoted(&l, *w, NULL);

                if (r < 0) {
                        strv_free(l);
                        return r;
                }
        }
        return join_words(l, ret);
}

const ValueType value_type_credential_sources = {
        .name = "credential_sources",
        .syntax = "NAME or NAME:PATH, one a line",
        .signature = "as",
        .size = sizeof(value_credential_sources),
        .list = true,
        .parse = credential_sources_parse,
        .print = credential_sources_print,
        .explode = credential_sources_explode,
        .implode = credentials_implode,
        .done = credential_sources_done,
};

/* --- SetCredential= */

static void credential_texts_done(void *field) {
        value_credential_texts *v = field;

        for (size_t i = 0; i < v->n; i++) {
                free(v->items[i].name);
                free(v->items[i].text);
        }
        free(v->items);
        *v = (value_credential_texts){};
}

/* C escapes as within quotes; a quote itself stays one. */
static int unescape(const ValueContext *c, const char *text, char **ret) {
        _cleanup_free_ char *quoted = malloc(2 * strlen(text) + 3);
        char *q = quoted;
        const char *p;

        if (!quoted)
                return -ENOMEM;
        *q++ = '"';
        for (p = text; *p; p++) {
                if (*p == '"')
                        *q++ = '\\';
                *q++ = *p;
                if (*p == '\\' && p[1])
                        *q++ = *++p;
        }
        *q++ = '"';
        *q = 0;
        p = quoted;
        return value_next_word(c, &p, ret);
}

static int put_text(const ValueContext *c, const char *name, const char *text, void *field) {
        _cleanup_free_ char *own = NULL, *copy = NULL;
        value_credential_texts *v = field;
        int r;

        r = value_expand(c, name, &own);
        if (r >= 0)
                r = check_name(c, own, "");
        if (r < 0)
                return r;
        copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        r = value_grow(c, &v->items, v->n, sizeof(*v->items));
        if (r < 0)
                return r;
        v->items[v->n++] = (CredentialText){ .name = TAKE_PTR(own), .text = TAKE_PTR(copy), .origin = c->origin };
        return 0;
}

static int put_quoted_text(const ValueContext *c, char *name, const char *rest, void *field) {
        return rest ? put_text(c, name, rest, field) : value_error(c, "'%s' has no text; write NAME:TEXT", name);
}

static int put_raw_text(const ValueContext *c, char *name, const char *rest, void *field) {
        _cleanup_free_ char *text = NULL;
        int r;

        if (!rest)
                return value_error(c, "'%s' has no text; write NAME:TEXT", name);
        r = unescape(c, rest, &text);
        return r < 0 ? r : put_text(c, name, strempty(text), field);
}

static int credential_texts_parse(const ValueContext *c, const char *text, void *field) {
        if (value_is_reset(text)) {
                credential_texts_done(field);
                return 0;
        }
        return each_credential(c, text, *text == '"' ? put_quoted_text : put_raw_text, field);
}

static int credential_texts_print(const void *field, char **ret) {
        const value_credential_texts *v = field;
        char **l = NULL;

        for (size_t i = 0; i < v->n; i++) {
                _cleanup_free_ char *name = value_escape_specifiers(v->items[i].name);
                int r = name ? push_quoted(&l, name, v->items[i].text) : -ENOMEM;

                if (r < 0) {
                        strv_free(l);
                        return r;
                }
        }
        return join_words(l, ret);
}

static int credential_texts_explode(const void *field, char ***ret) {
        const value_credential_texts *v = field;
        _cleanup_strv_ char **l = NULL;

        for (size_t i = 0; i < v->n; i++) {
                char *s = NULL;
                int r = str_append(&s, "%s:%s", v->items[i].name, v->items[i].text);

                if (r >= 0)
                        r = strv_push(&l, s);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

const ValueType value_type_credential_texts = {
        .name = "credential_texts",
        .syntax = "NAME:TEXT, one a line; C escapes stand for bytes",
        .signature = "as",
        .size = sizeof(value_credential_texts),
        .list = true,
        .parse = credential_texts_parse,
        .print = credential_texts_print,
        .explode = credential_texts_explode,
        .implode = credentials_implode,
        .done = credential_texts_done,
};

/* --- ImportCredential= */

static void credential_globs_done(void *field) {
        char ***l = field;

        strv_free(*l);
        *l = NULL;
}

static int globs_item(const ValueContext *c, const char *word, void *field) {
        _cleanup_free_ char *expanded = NULL;
        int r;

        r = value_expand(c, word, &expanded);
        if (r >= 0)
                r = check_name(c, expanded, "*?[]");
        return r < 0 ? r : strv_extend(field, expanded);
}

static int credential_globs_parse(const ValueContext *c, const char *text, void *field) {
        if (value_is_reset(text)) {
                credential_globs_done(field);
                return 0;
        }
        return value_each_word(c, text, globs_item, field);
}

static int credential_globs_explode(const void *field, char ***ret) {
        char *const *l = *(char *const *const *)field;

        *ret = strv_copy(l);
        return *ret || !l || !*l ? 0 : -ENOMEM;
}

static int credential_globs_print(const void *field, char **ret) {
        return value_print_exploded(credential_globs_explode, field, ret);
}

const ValueType value_type_credential_globs = {
        .name = "credential_globs",
        .syntax = "names with the wildcards *, ? and [...]",
        .signature = "as",
        .size = sizeof(value_credential_globs),
        .list = true,
        .parse = credential_globs_parse,
        .print = credential_globs_print,
        .explode = credential_globs_explode,
        .done = credential_globs_done,
};
