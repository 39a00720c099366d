/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* namespaces: which of them a payload may make and enter. */
#include "units/values/parse.h"

const NamespaceName namespace_types[] = {
        { "cgroup", CLONE_NEWCGROUP }, { "ipc", CLONE_NEWIPC }, { "net", CLONE_NEWNET },   { "mnt", CLONE_NEWNS },
        { "pid", CLONE_NEWPID },       { "user", CLONE_NEWUSER }, { "uts", CLONE_NEWUTS }, { "time", CLONE_NEWTIME },
        {},
};

static const char *const words[] = { "yes", "no", "cgroup", "ipc", "net", "mnt", "pid", "user", "uts", "time", NULL };

static int namespace_item(const ValueContext *c, const char *word, void *field) {
        uint32_t *mask = field;
        const char *near;

        for (const NamespaceName *n = namespace_types; n->name; n++)
                if (streq(n->name, word)) {
                        *mask |= n->flag;
                        return 0;
                }
        near = text_nearest(word, words);
        return value_error(c, "'%s' is no type of namespace; write yes, no, or types such as user or net%s%s%s", word,
                           near ? "; did you mean " : "", strempty(near), near ? "?" : "");
}

/* systemd's rule: later lists add to what is allowed, with '~' they take away from it. */
static int namespaces_parse(const ValueContext *c, const char *text, void *field) {
        value_namespaces *v = field;
        uint32_t mask = 0;
        bool yes, invert;
        int r;

        if (value_is_reset(text)) {
                *v = (value_namespaces){};
                return 0;
        }
        if (value_parse_bool_word(text, &yes) == 0) {
                *v = (value_namespaces){ .set = true, .allowed = yes ? 0 : NAMESPACES_ALL };
                return 0;
        }
        text += strspn(text, WHITESPACE);
        invert = *text == '~';
        text += invert;
        if (value_is_reset(text))
                return value_error(c, "the list is empty; write types such as user or net after the '~'");
        r = value_each_word(c, text, namespace_item, &mask);
        if (r < 0)
                return r;
        if (!v->set)
                v->allowed = invert ? NAMESPACES_ALL & ~mask : mask;
        else if (invert)
                v->allowed &= ~mask;
        else
                v->allowed |= mask;
        v->set = true;
        return 0;
}

static int namespaces_explode(const void *field, char ***ret) {
        const value_namespaces *v = field;
        _cleanup_strv_ char **l = NULL;
        int r = 0;

        if (v->set && (v->allowed == 0 || v->allowed == NAMESPACES_ALL))
                r = strv_extend(&l, v->allowed == 0 ? "yes" : "no");
        else if (v->set)
                for (const NamespaceName *n = namespace_types; r >= 0 && n->name; n++)
                        if (v->allowed & n->flag)
                                r = strv_extend(&l, n->name);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

static int namespaces_print(const void *field, char **ret) {
        return value_print_exploded(namespaces_explode, field, ret);
}

const ValueType value_type_namespaces = {
        .name = "namespaces",
        .syntax = "yes, no, or types of namespaces (cgroup ipc net mnt pid user uts time) that may be made; a leading '~' denies "
                  "the list instead",
        .signature = "as",
        .size = sizeof(value_namespaces),
        .list = true,
        .parse = namespaces_parse,
        .print = namespaces_print,
        .explode = namespaces_explode,
        .words = words,
};
