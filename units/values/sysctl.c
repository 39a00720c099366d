/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sysctls: NAME=VALUE of kernel settings that a namespace has of its own. Anything else would be the host's. */
#include "units/values/parse.h"

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-:@"
#define VALUE_LENGTH_MAX 255U

static const struct {
        const char *name;
        SysctlNamespace namespace;
} known[] = {
#define SYSCTL(name, namespace_) { name, SYSCTL_##namespace_ },
#include "units/values/sysctls.inc"
#undef SYSCTL
};

SysctlNamespace sysctl_namespace(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (endswith(known[i].name, ".") ? startswith(name, known[i].name) && name[strlen(known[i].name)] :
                                                   streq(name, known[i].name))
                        return known[i].namespace;
        return _SYSCTL_INVALID;
}

/* As sysctl(8): the first of '.' and '/' separates, the other is part of a word. Here '.' separates in the end, and what was
 * a dot within a word, as in the name of an interface, is written '/'. */
static int sysctl_name_parse(const char *text, char **ret) {
        _cleanup_free_ char *s = strdup(text);
        const char first = s ? s[strcspn(s, "./")] : 0;
        bool empty = true;

        if (!s)
                return -ENOMEM;
        for (char *p = s; *p; p++) {
                if (first == '/' && (*p == '/' || *p == '.'))
                        *p = *p == '/' ? '.' : '/';
                if (*p == '.') {
                        if (empty)
                                return -EINVAL;
                        empty = true;
                } else if (*p == '/' ? empty : !strchr(NAME_CHARACTERS, *p))
                        return -EINVAL;
                else
                        empty = false;
        }
        if (empty)
                return -EINVAL;
        *ret = TAKE_PTR(s);
        return 0;
}

static int sysctl_refuse(const ValueContext *c, const char *name) {
        if (streq(name, "kernel.hostname"))
                return value_error(c, "'%s': write Hostname= instead", name);
        if (startswith(name, "user."))
                return value_error(c, "'%s' limits who makes namespaces; TasksMax= and RestrictNamespaces= do", name);
        return value_error(c, "'%s' belongs to no namespace of a container, so it would be set for the host; set it there, with "
                              "sysctl.d(5)",
                           name);
}

static void sysctls_done(void *field) {
        value_sysctls *v = field;

        for (size_t i = 0; i < v->n; i++) {
                free(v->items[i].name);
                free(v->items[i].value);
        }
        free(v->items);
        *v = (value_sysctls){};
}

static int sysctl_put(const ValueContext *c, value_sysctls *v, char *name, char *value) {
        int r;

        for (size_t i = 0; i < v->n; i++)
                if (streq(v->items[i].name, name)) {
                        free(v->items[i].value);
                        v->items[i].value = value;
                        v->items[i].origin = c->origin;
                        free(name);
                        return 0;
                }
        r = value_grow(c, &v->items, v->n, sizeof(SysctlItem));
        if (r < 0) {
                free(name);
                free(value);
                return r;
        }
        v->items[v->n++] = (SysctlItem){ .name = name, .value = value, .origin = c->origin };
        return 0;
}

static int sysctls_item(const ValueContext *c, const char *word, void *field) {
        _cleanup_free_ char *s = NULL, *name = NULL, *value = NULL;
        char *equal;
        int r;

        r = value_expand(c, word, &s);
        if (r < 0)
                return r;
        equal = strchr(s, '=');
        if (!equal || !equal[1])
                return value_error(c, "'%s' sets nothing; write NAME=VALUE, and quotes around the whole of it where VALUE has spaces",
                                   s);
        *equal = 0;
        r = sysctl_name_parse(s, &name);
        if (r == -EINVAL)
                return value_error(c, "'%s' is no name of a kernel setting; write it as in net.core.somaxconn", s);
        if (r < 0)
                return r;
        if (sysctl_namespace(name) < 0)
                return sysctl_refuse(c, name);
        if (strlen(equal + 1) > VALUE_LENGTH_MAX || text_has_control(equal + 1))
                return value_error(c, "the value of %s is longer than %u characters, or has one that no setting has", name,
                                   VALUE_LENGTH_MAX);
        value = strdup(equal + 1);
        if (!value)
                return -ENOMEM;
        return sysctl_put(c, field, TAKE_PTR(name), TAKE_PTR(value));
}

static int sysctls_parse(const ValueContext *c, const char *text, void *field) {
        if (value_is_reset(text)) {
                sysctls_done(field);
                return 0;
        }
        return value_each_word(c, text, sysctls_item, field);
}

static int sysctls_explode(const void *field, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        const value_sysctls *v = field;

        for (size_t i = 0; i < v->n; i++) {
                char *word = NULL;
                int r = str_append(&word, "%s=%s", v->items[i].name, v->items[i].value);

                if (r >= 0)
                        r = strv_push(&l, word);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

static int sysctls_print(const void *field, char **ret) {
        return value_print_exploded(sysctls_explode, field, ret);
}

const ValueType value_type_sysctls = {
        .name = "sysctls",
        .syntax = "settings of the kernel as NAME=VALUE",
        .signature = "as",
        .size = sizeof(value_sysctls),
        .list = true,
        .parse = sysctls_parse,
        .print = sysctls_print,
        .explode = sysctls_explode,
        .done = sysctls_done,
};
