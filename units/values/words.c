/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plain lists: words, users, names of environment variables. */
#include <ctype.h>

#include "units/values/parse.h"

static void words_done(void *field) {
        char ***l = field;

        *l = strv_free(*l);
}

static int words_append(const ValueContext *c, const char *word, void *field) {
        char ***l = field;

        if (strv_length(*l) >= VALUE_ITEMS_MAX) {
                (void)value_error(c, "more than %d words", VALUE_ITEMS_MAX);
                return -E2BIG;
        }
        return strv_extend(l, word);
}

static int words_item(const ValueContext *c, const char *word, void *field) {
        _cleanup_free_ char *s = NULL;
        int r;

        r = value_expand(c, word, &s);
        if (r < 0)
                return r;
        return words_append(c, s, field);
}

static int list_parse(const ValueContext *c, const char *text, void *field, ValueItemFunc item) {
        if (value_is_reset(text)) {
                words_done(field);
                return 0;
        }
        return value_each_word(c, text, item, field);
}

static int words_parse(const ValueContext *c, const char *text, void *field) {
        return list_parse(c, text, field, words_item);
}

static int words_explode(const void *field, char ***ret) {
        char *const *l = *(char **const *)field;
        char **copy = NULL;

        if (l && l[0]) {
                copy = strv_copy(l);
                if (!copy)
                        return -ENOMEM;
        }
        *ret = copy;
        return 0;
}

static int words_print(const void *field, char **ret) {
        return value_print_exploded(words_explode, field, ret);
}

const ValueType value_type_words = {
        .name = "words",
        .syntax = "words separated by white space",
        .signature = "as",
        .size = sizeof(value_words),
        .list = true,
        .parse = words_parse,
        .print = words_print,
        .explode = words_explode,
        .done = words_done,
};

/* --- users */

enum { USER_NAME_MAX = 255 };

/* Beside the plain names those of directories and domains, DOM+user and user@dom, as systemd's relaxed mode takes them:
 * whatever is no separator of passwd(5), of a list or of a path. What looks like a number is one, or is refused. */
static bool name_char(char ch, bool first) {
        if (first)
                return (isascii(ch) && isalpha((unsigned char)ch)) || ch == '_' || !isascii(ch);
        return (unsigned char)ch > 0x20 && ch != 0x7f && !strchr(":,/", ch);
}

/* The whole text or nothing: "1000x" must never become 1000, nor "4294967296" wrap to root (CVE-2026-30892).
 */
bool value_user_valid(const ValueContext *c, const char *user) {
        uint64_t id;
        int r;

        if (isdigit((unsigned char)*user) || *user == '-' || *user == '+') {
                r = parse_u64(user, &id);
                if (r == -EINVAL)
                        value_error(c,
                                    "'%s' is neither a number nor a name; a number has only digits and no "
                                    "leading zero",
                                    user);
                else if (r < 0 || id > UINT32_MAX)
                        value_error(c, "'%s' is out of range; numbers go from 0 to 4294967294", user);
                else if (id == UINT32_MAX || id == UINT16_MAX)
                        value_error(c,
                                    "%s stands for 'no user' in the kernel's interfaces and cannot be used",
                                    user);
                else
                        return true;
                return false;
        }
        for (const char *p = user; *p || p == user; p++) {
                if (name_char(*p, p == user))
                        continue;
                value_error(c,
                            "'%s' is not a valid name; a name begins with a letter or '_' and has no space, '/', ':' or ','",
                            user);
                return false;
        }
        if (strlen(user) > USER_NAME_MAX) {
                value_error(c, "the name is longer than %d characters", USER_NAME_MAX);
                return false;
        }
        return true;
}

static int users_item(const ValueContext *c, const char *word, void *field) {
        _cleanup_free_ char *s = NULL;
        int r;

        r = value_expand(c, word, &s);
        if (r < 0)
                return r;
        if (!value_user_valid(c, s))
                return -EINVAL;
        return words_append(c, s, field);
}

static int users_parse(const ValueContext *c, const char *text, void *field) {
        return list_parse(c, text, field, users_item);
}

const ValueType value_type_users = {
        .name = "users",
        .syntax = "names or numbers of the container's own passwd or group file",
        .signature = "as",
        .size = sizeof(value_users),
        .list = true,
        .parse = users_parse,
        .print = words_print,
        .explode = words_explode,
        .done = words_done,
};

/* --- environment */

/* The length of a valid variable name at s, 0 where there is none. */
static size_t env_name_length(const char *s) {
        size_t n = 0;

        while ((isascii(s[n]) && isalpha((unsigned char)s[n])) || s[n] == '_' ||
               (n > 0 && isascii(s[n]) && isdigit((unsigned char)s[n])))
                n++;
        return n;
}

static int env_names_item(const ValueContext *c, const char *word, void *field) {
        _cleanup_free_ char *s = NULL;
        size_t n;
        int r;

        r = value_expand(c, word, &s);
        if (r < 0)
                return r;
        n = env_name_length(s);
        if (n == 0 || (s[n] && s[n] != '='))
                return value_error(
                        c, "'%s' is no variable; write NAME, or NAME=VALUE to remove only that assignment",
                        s);
        return words_append(c, s, field);
}

static int env_names_parse(const ValueContext *c, const char *text, void *field) {
        return list_parse(c, text, field, env_names_item);
}

const ValueType value_type_env_names = {
        .name = "env_names",
        .syntax = "names of variables, or NAME=VALUE for exactly that assignment",
        .signature = "as",
        .size = sizeof(value_env_names),
        .list = true,
        .parse = env_names_parse,
        .print = words_print,
        .explode = words_explode,
        .done = words_done,
};

static void environment_done(void *field) {
        value_environment *v = field;

        for (size_t i = 0; i < v->n; i++)
                free(v->items[i].assignment);
        free(v->items);
        *v = (value_environment){};
}

static int environment_item(const ValueContext *c, const char *word, void *field) {
        _cleanup_free_ char *s = NULL;
        value_environment *v = field;
        size_t n;
        int r;

        r = value_expand(c, word, &s);
        if (r < 0)
                return r;
        n = env_name_length(s);
        if (s[n] != '=')
                return value_error(
                        c,
                        "'%s' is no assignment; write NAME=VALUE, and quotes around the whole of it where "
                        "VALUE has spaces",
                        s);
        if (n == 0)
                return value_error(c, "'%s' has no name before the '='; write NAME=VALUE", s);

        for (size_t i = 0; i < v->n; i++)
                if (strncmp(v->items[i].assignment, s, n + 1) == 0) {
                        free(v->items[i].assignment);
                        v->items[i] = (EnvironmentItem){.assignment = TAKE_PTR(s), .origin = c->origin};
                        return 0;
                }
        r = value_grow(c, &v->items, v->n, sizeof(EnvironmentItem));
        if (r < 0)
                return r;
        v->items[v->n++] = (EnvironmentItem){.assignment = TAKE_PTR(s), .origin = c->origin};
        return 0;
}

static int environment_parse(const ValueContext *c, const char *text, void *field) {
        if (value_is_reset(text)) {
                environment_done(field);
                return 0;
        }
        return value_each_word(c, text, environment_item, field);
}

static int environment_explode(const void *field, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        const value_environment *v = field;
        int r;

        for (size_t i = 0; i < v->n; i++) {
                r = strv_extend(&l, v->items[i].assignment);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

static int environment_print(const void *field, char **ret) {
        return value_print_exploded(environment_explode, field, ret);
}

const ValueType value_type_environment = {
        .name = "environment",
        .syntax = "assignments NAME=VALUE; a later one of a name replaces the earlier",
        .signature = "as",
        .size = sizeof(value_environment),
        .list = true,
        .parse = environment_parse,
        .print = environment_print,
        .explode = environment_explode,
        .done = environment_done,
};

/* --- log_fields */

enum { LOG_FIELD_NAME_MAX = 64 };

/* As the journal has them: its own begin with '_', and nobody else's may. */
static int log_fields_item(const ValueContext *c, const char *word, void *field) {
        static const char *const taken[] = { "MESSAGE", "PRIORITY", "BULWARK_CONTAINER", "OBJECT_", "SYSLOG_", "UNIT" };
        const char *equal = strchr(word, '=');
        const size_t n = equal ? (size_t)(equal - word) : 0;
        _cleanup_free_ char *s = NULL;
        int r;

        if (!equal)
                return value_error(c, "'%s' is no field; write NAME=VALUE", word);
        if (n == 0 || n > LOG_FIELD_NAME_MAX || strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != n || *word == '_' ||
            isdigit((unsigned char)*word))
                return value_error(c,
                                   "'%.*s' is no name of a field: up to %d capital letters, digits and '_', and neither of the "
                                   "last two in front",
                                   (int)n, word, LOG_FIELD_NAME_MAX);
        for (size_t i = 0; i < ELEMENTSOF(taken); i++) {
                const char *rest = startswith(word, taken[i]);

                if (rest && (*rest == '=' || endswith(taken[i], "_")))
                        return value_error(c, "'%.*s' is written by the manager itself; take another name", (int)n, word);
        }
        r = value_expand(c, word, &s);
        if (r < 0)
                return r;
        /* The journal's own protocol ends a field with a new line. */
        if (text_has_control(s))
                return value_error(c, "the value of %.*s has a control character", (int)n, word);
        return words_append(c, s, field);
}

static int log_fields_parse(const ValueContext *c, const char *text, void *field) {
        return list_parse(c, text, field, log_fields_item);
}

const ValueType value_type_log_fields = {
        .name = "log_fields",
        .syntax = "NAME=VALUE, separated by white space",
        .signature = "as",
        .size = sizeof(value_log_fields),
        .list = true,
        .parse = log_fields_parse,
        .print = words_print,
        .explode = words_explode,
        .done = words_done,
};
