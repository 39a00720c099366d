/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of containers: what one may be called, and the lists of them, and of units of the host, that
 * dependencies are. */
#include "units/values/parse.h"

#define NAME_MAX_LENGTH 64U
#define HOST_NAME_MAX_LENGTH 255U
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
        /* As in systemd the first '@' ends the prefix; an instance may be the name of another instance: note@web@a. */
        return prefix + 1 + strspn(name + prefix + 1, NAME_CHARACTERS "@") >= n ? n : 0;
}

bool container_name_valid(const char *name) {
        size_t n = container_name_length(name);

        return n > 0 && name[n - 1] != '@';
}

/* Endings of units of the host's service manager, which containers can be ordered against by its own means. */
static const char *const host_suffixes[] = {
        ".automount", ".device", ".mount", ".path", ".scope", ".service", ".slice", ".socket", ".swap", ".target", ".timer",
};
/* Those of Quadlet's other units. Taken for containers they would be names that never exist. */
static const char *const foreign_suffixes[] = { ".build", ".image", ".kube", ".network", ".pod", ".volume" };

static bool ends_in(const char *name, const char *const *suffixes, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (endswith(name, suffixes[i]))
                        return true;
        return false;
}

/* The one mount and the one slice of '/'; no other name of a unit begins with a dash. */
static bool host_root_unit(const char *name) {
        return streq(name, "-.mount") || streq(name, "-.slice");
}

bool host_unit_name_valid(const char *name) {
        const char *dot = strrchr(name, '.');
        const size_t n = strlen(name);

        if (host_root_unit(name))
                return true;
        return n <= HOST_NAME_MAX_LENGTH && dot && dot != name && name[0] != '.' && name[0] != '-' &&
               strspn(name, NAME_CHARACTERS "@") == n && ends_in(name, host_suffixes, ELEMENTSOF(host_suffixes));
}

static int units_check(const ValueContext *c, const char *name) {
        if (ends_in(name, foreign_suffixes, ELEMENTSOF(foreign_suffixes)))
                return value_error(c,
                                   "'%s' is no container; containers and units of systemd can be named here (a container "
                                   "that is really called so is written '%s" UNIT_SUFFIX "')",
                                   name, name);
        if (!container_name_valid(name))
                return value_error(c,
                                   "'%s' is no container's name; at most 64 letters, digits and :_.\\- are, with an @ "
                                   "before the instance",
                                   name);
        return 0;
}

static int host_item(const ValueContext *c, char *name, value_units *v) {
        if (!host_unit_name_valid(name) || strchr(name, '@') == name || strstr(name, "@."))
                return value_error(c, "'%s' is no unit of systemd that can be named here", name);
        return strv_contains(v->host, name) ? 0 : strv_extend(&v->host, name);
}

/* As systemd: a template is named for the instance that the unit itself is of, else for the unit's own prefix. *s is
 * taken over. */
static int units_fill_template(const ValueContext *c, char **s) {
        const char *dot = strrchr(*s, '.'), *at = dot ? dot - 1 : *s + strlen(*s) - 1;
        _cleanup_free_ char *instance = NULL, *filled = NULL;
        int r;

        if (at <= *s || *at != '@') {
                at = *s + strlen(*s) - 1; /* "a.b@": the dot is part of the name */
                dot = NULL;
        }
        if (at <= *s || *at != '@')
                return 0;
        if (!c->expand)
                return value_error(c, "'%s' is a template; name an instance of it, as in web@blue", *s);
        r = value_expand(c, "%i", &instance);
        if (r >= 0 && !*instance) {
                free(TAKE_PTR(instance));
                r = value_expand(c, "%p", &instance);
        }
        if (r >= 0)
                r = str_append(&filled, "%.*s%s%s", (int)(at + 1 - *s), *s, instance, strempty(dot));
        if (r < 0)
                return r;
        free(*s);
        *s = TAKE_PTR(filled);
        return 0;
}

static int units_item(const ValueContext *c, const char *word, void *field) {
        _cleanup_free_ char *s = NULL;
        value_units *v = field;
        int r;

        r = value_expand(c, word, &s);
        if (r >= 0)
                r = units_fill_template(c, &s);
        if (r >= 0 && ends_in(s, host_suffixes, ELEMENTSOF(host_suffixes)))
                return host_item(c, s, v);
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
        strv_free(v->host);
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
        for (char *const *h = v->host; h && *h; h++) {
                r = strv_extend(&l, *h);
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
                const char *name = v->items[i].name;
                bool foreign = ends_in(name, foreign_suffixes, ELEMENTSOF(foreign_suffixes)) ||
                               ends_in(name, host_suffixes, ELEMENTSOF(host_suffixes));
                char *word = NULL;

                r = str_append(&word, "%s%s", name, foreign ? UNIT_SUFFIX : "");
                if (r >= 0)
                        r = strv_push(&l, word);
                if (r < 0)
                        return r;
        }
        for (char *const *h = v->host; h && *h; h++) {
                r = strv_extend(&l, *h);
                if (r < 0)
                        return r;
        }
        words = TAKE_PTR(l);
        return value_print_words(words, ret);
}

const ValueType value_type_units = {
        .name = "units",
        .syntax = "names of containers, with or without .container, and of units of systemd",
        .signature = "as",
        .size = sizeof(value_units),
        .list = true,
        .parse = units_parse,
        .print = units_print,
        .explode = units_explode,
        .done = units_done,
};
