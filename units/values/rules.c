/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules in a security module's own language: the text belongs to the backend that reads it. */
#include "units/values/parse.h"

static void rules_done(void *field) {
        value_rules *v = field;

        for (size_t i = 0; i < v->n; i++)
                free(v->items[i].text);
        free(v->items);
        *v = (value_rules){};
}

static int rules_append(const ValueContext *c, value_rules *v, char *begin, size_t n) {
        _cleanup_free_ char *copy = strndup(begin, n);
        char *text;
        int r;

        if (!copy)
                return -ENOMEM;
        text = text_strip(copy);
        if (!*text)
                return 0;
        r = value_grow(c, &v->items, v->n, sizeof(RuleItem));
        if (r < 0)
                return r;
        text = strdup(text);
        if (!text)
                return -ENOMEM;
        v->items[v->n++] = (RuleItem){ .text = text, .origin = c->origin };
        return 0;
}

/* A ';' that stands alone: none of the languages has one, but for CIL, where a comment begins with it. */
static char *next_separator(char *s) {
        for (char *p = strchr(s, ';'); p; p = strchr(p + 1, ';'))
                if ((p == s || strchr(WHITESPACE, p[-1])) && (!p[1] || strchr(WHITESPACE, p[1])))
                        return p;
        return NULL;
}

static int rules_parse(const ValueContext *c, const char *text, void *field) {
        _cleanup_free_ char *s = NULL;
        int r;

        if (value_is_reset(text)) {
                rules_done(field);
                return 0;
        }
        r = value_scalar(c, text, &s);
        for (char *p = s; r >= 0 && p;) {
                char *separator = next_separator(p);

                r = rules_append(c, field, p, separator ? (size_t)(separator - p) : strlen(p));
                p = separator ? separator + 1 : NULL;
        }
        return r;
}

static int rules_explode(const void *field, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        const value_rules *v = field;
        int r;

        for (size_t i = 0; i < v->n; i++) {
                r = strv_extend(&l, v->items[i].text);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

static int rules_implode(char *const *rules, char **ret) {
        _cleanup_free_ char *joined = strv_join(rules, " ; ");

        return joined ? value_print_scalar(joined, ret) : -ENOMEM;
}

static int rules_print(const void *field, char **ret) {
        _cleanup_strv_ char **l = NULL;
        int r;

        r = rules_explode(field, &l);
        return r < 0 ? r : rules_implode(l, ret);
}

const ValueType value_type_rules = {
        .name = "rules",
        .syntax = "rules of the security module's own language, ' ; ' between two in one line",
        .signature = "as",
        .size = sizeof(value_rules),
        .list = true,
        .parse = rules_parse,
        .print = rules_print,
        .explode = rules_explode,
        .implode = rules_implode,
        .done = rules_done,
};
