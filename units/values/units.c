/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of containers: what one may be called, and the lists of them that dependencies are. */
#include "units/values/parse.h"

#define NAME_MAX_LENGTH 64U
#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_.\\-"

size_t container_name_length(const char *name) {
        const char *suffix = endswith(name, UNIT_SUFFIX);
        size_t n = suffix ? (size_t)(suffix - name) : strlen(name), prefix;

        if (n == 0 || n > NAME_MAX_LENGTH || name[0] == '-' || name[0] == '.')
                return 0;
        /* Else taking the suffix off twice would give another container's name. */
        if (suffix && n >= strlen(UNIT_SUFFIX) &&
            memcmp(suffix - strlen(UNIT_SUFFIX), UNIT_SUFFIX, strlen(UNIT_SUFFIX)) == 0)
                return 0;

        prefix = strspn(name, NAME_CHARACTERS);
        if (prefix >= n)
                return n;
        if (prefix == 0 || name[prefix] != '@')
                return 0;
        return prefix + 1 + strspn(name + prefix + 1, NAME_CHARACTERS) >= n ? n : 0;
}

bool container_name_valid(const char *name) {
        size_t n = container_name_length(name);

        return n > 0 && name[n - 1] != '@';
}

bool host_unit_name_valid(const char *name) {
        static const char *const suffixes[] = { ".target", ".service", ".socket", ".mount", ".path", ".timer", ".slice",
                                                ".device", ".swap",    ".automount", ".scope" };
        const size_t n = strlen(name);

        if (n > 255 || name[0] == '.' || name[0] == '-' || strspn(name, NAME_CHARACTERS "@") != n)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                const char *end = endswith(name, suffixes[i]);

                if (end && end != name)
                        return true;
        }
        return false;
}

/* Endings of systemd's and Quadlet's other units. Taken for containers they would be names that never exist, and an
 * After= of such a one would be a promise that nobody keeps. */
static const char *const foreign_suffixes[] = {
        ".automount", ".build",  ".device", ".image",   ".kube",  ".mount",  ".network", ".path",  ".pod",
        ".scope",     ".service", ".slice",  ".socket", ".swap",  ".target", ".timer",   ".volume",
};

static int units_check(const ValueContext *c, const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(foreign_suffixes); i++)
                if (endswith(name, foreign_suffixes[i]))
                        return value_error(c,
                                           "'%s' is no container; only containers can be named here (one that is really "
                                           "called so is written '%s" UNIT_SUFFIX "')",
                                           name, name);
        if (endswith(name, "@") || endswith(name, "@" UNIT_SUFFIX))
                return value_error(c, "'%s' is a template; name an instance of it, as in web@blue", name);
        if (!container_name_valid(name))
                return value_error(c,
                                   "'%s' is no container's name; at most 64 letters, digits and :_.\\- are, with at "
                                   "most one @",
                                   name);
        return 0;
}

static int units_item(const ValueContext *c, const char *word, void *field) {
        _cleanup_free_ char *s = NULL;
        value_units *v = field;
        int r;

        r = value_expand(c, word, &s);
        if (r >= 0)
                r = units_check(c, s);
        if (r < 0)
                return r;
        s[container_name_length(s)] = 0;
        for (size_t i = 0; i < v->n; i++)
                if (streq(v->items[i].name, s))
                        return 0;
        r = value_grow(c, &v->items, v->n, sizeof(UnitItem));
        if (r < 0)
                return r;
        v->items[v->n++] = (UnitItem){ .name = TAKE_PTR(s), .origin = c->origin };
        return 0;
}

static void units_done(void *field) {
        value_units *v = field;

        for (size_t i = 0; i < v->n; i++)
                free(v->items[i].name);
        free(v->items);
        *v = (value_units){};
}

static int units_parse(const ValueContext *c, const char *text, void *field) {
        if (value_is_reset(text)) {
                units_done(field);
                return 0;
        }
        return value_each_word(c, text, units_item, field);
}

static int units_explode(const void *field, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        const value_units *v = field;
        int r;

        for (size_t i = 0; i < v->n; i++) {
                r = strv_extend(&l, v->items[i].name);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

/* With the suffix where the name alone would be taken for another kind of unit. */
static int units_print(const void *field, char **ret) {
        _cleanup_strv_ char **l = NULL;
        const value_units *v = field;
        char **words;
        int r;

        for (size_t i = 0; i < v->n; i++) {
                const char *suffix = "";
                char *word = NULL;

                for (size_t k = 0; k < ELEMENTSOF(foreign_suffixes); k++)
                        if (endswith(v->items[i].name, foreign_suffixes[k]))
                                suffix = UNIT_SUFFIX;
                r = str_append(&word, "%s%s", v->items[i].name, suffix);
                if (r >= 0)
                        r = strv_push(&l, word);
                if (r < 0)
                        return r;
        }
        words = TAKE_PTR(l);
        return value_print_words(words, ret);
}

const ValueType value_type_units = {
        .name = "units",
        .syntax = "names of containers, with or without .container",
        .signature = "as",
        .size = sizeof(value_units),
        .list = true,
        .parse = units_parse,
        .print = units_print,
        .explode = units_explode,
        .done = units_done,
};
