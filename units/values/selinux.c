/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* selinux_context, selinux_level, selinux_type, cil: what a unit says about its SELinux label, in SELinux's own words.
 * Nothing of it is ever joined to policy text unchecked: the alphabet of each is what the kernel's own parser takes. */
#include <ctype.h>

#include "units/values/parse.h"

#define CONTEXT_MAX 1024U
#define CATEGORY_MAX 1023U

/* --- lexical parts */

static const char *skip_identifier(const char *s) {
        if (!isalpha((unsigned char)*s) && *s != '_')
                return NULL;
        while (isalnum((unsigned char)*s) || *s == '_' || *s == '-' || *s == '.')
                s++;
        return s;
}

static const char *skip_number(const char *s, char letter, unsigned max, unsigned *ret) {
        unsigned n = 0, digits = 0;

        if (*s++ != letter)
                return NULL;
        for (; isdigit((unsigned char)*s) && digits < 4; s++, digits++)
                n = n * 10 + (unsigned)(*s - '0');
        if (digits == 0 || n > max || (digits > 1 && s[-(int)digits] == '0'))
                return NULL;
        *ret = n;
        return s;
}

/* c1.c5,c7: ascending, as the kernel prints it */
static const char *skip_categories(const char *s) {
        unsigned last = 0, first = 0;
        bool any = false;

        for (;;) {
                s = skip_number(s, 'c', CATEGORY_MAX, &first);
                if (!s || (any && first <= last))
                        return NULL;
                last = first;
                any = true;
                if (*s == '.') {
                        s = skip_number(s + 1, 'c', CATEGORY_MAX, &last);
                        if (!s || last <= first)
                                return NULL;
                }
                if (*s != ',')
                        return s;
                s++;
        }
}

static const char *skip_level(const char *s) {
        unsigned sensitivity;

        s = skip_number(s, 's', 15, &sensitivity);
        return s && *s == ':' ? skip_categories(s + 1) : s;
}

static bool range_good(const char *s) {
        s = skip_level(s);
        if (s && *s == '-')
                s = skip_level(s + 1);
        return s && *s == 0;
}

static bool context_good(const char *s) {
        for (unsigned i = 0; s && i < 3; i++) { /* user:role:type: */
                s = skip_identifier(s);
                s = s && *s == ':' ? s + 1 : NULL;
        }
        return s && range_good(s);
}

/* --- selinux_context */

static void context_done(void *field) {
        value_selinux_context *v = field;

        free(v->context);
        *v = (value_selinux_context){};
}

static int context_parse(const ValueContext *c, const char *text, void *field) {
        _cleanup_free_ char *s = NULL;
        bool optional;
        int r;

        if (value_is_reset(text)) {
                context_done(field);
                return 0;
        }
        r = value_scalar(c, text, &s);
        if (r < 0)
                return r;
        if (streq(s, "generated")) {
                context_done(field);
                return 0;
        }
        optional = *s == '-';
        if (strlen(s) > CONTEXT_MAX || !context_good(s + optional))
                return value_error(c, "'%s' is neither generated nor a context USER:ROLE:TYPE:LEVEL, such as "
                                      "system_u:system_r:bulwark_c_t:s0:c1,c2", s);
        context_done(field);
        *(value_selinux_context *)field = (value_selinux_context){ .context = strdup(s + optional), .optional = optional };
        return ((value_selinux_context *)field)->context ? 0 : -ENOMEM;
}

static int context_print(const void *field, char **ret) {
        const value_selinux_context *v = field;
        char *s = NULL;
        int r = str_append(&s, "%s%s", v->optional ? "-" : "", v->context ? v->context : "generated");

        if (r >= 0)
                *ret = s;
        return r;
}

static int context_explode(const void *field, char ***ret) {
        _cleanup_free_ char *s = NULL;
        int r = context_print(field, &s);

        return r < 0 ? r : value_explode_one(s, ret);
}

static const char *const context_words[] = { "generated", NULL };

const ValueType value_type_selinux_context = {
        .name = "selinux_context",
        .syntax = "generated, or USER:ROLE:TYPE:LEVEL; with a leading '-' only where the host's policy knows it",
        .signature = "s",
        .size = sizeof(value_selinux_context),
        .parse = context_parse,
        .print = context_print,
        .explode = context_explode,
        .done = context_done,
        .words = context_words,
};

/* --- selinux_level, selinux_type */

static int word_parse(const ValueContext *c, const char *text, void *field, bool (*good)(const char *), const char *wanted) {
        _cleanup_free_ char *s = NULL;
        int r = 0;

        if (!value_is_reset(text))
                r = value_scalar(c, text, &s);
        if (r < 0)
                return r;
        if (s && (strlen(s) > CONTEXT_MAX || !good(s)))
                return value_error(c, "'%s' is not %s", s, wanted);
        free(*(char **)field);
        *(char **)field = TAKE_PTR(s);
        return 0;
}

static int word_print(const void *field, char **ret) {
        return value_print_scalar(*(char *const *)field, ret);
}

static int word_explode(const void *field, char ***ret) {
        return value_explode_one(*(char *const *)field, ret);
}

static void word_done(void *field) {
        free(*(char **)field);
        *(char **)field = NULL;
}

static int level_parse(const ValueContext *c, const char *text, void *field) {
        return word_parse(c, text, field, range_good,
                          "a level; write s0, s0:c1,c2 or s0:c1.c5, categories c0 to c1023 in ascending order, or a "
                          "range LOW-HIGH");
}

const ValueType value_type_selinux_level = {
        .name = "selinux_level",
        .syntax = "a level such as s0:c1,c2, or a range LOW-HIGH",
        .signature = "s",
        .size = sizeof(value_selinux_level),
        .parse = level_parse,
        .print = word_print,
        .explode = word_explode,
        .done = word_done,
};

static bool type_good(const char *s) {
        s = skip_identifier(s);
        return s && *s == 0;
}

static int type_parse(const ValueContext *c, const char *text, void *field) {
        return word_parse(c, text, field, type_good, "the name of an SELinux type, such as bulwark_file_t");
}

const ValueType value_type_selinux_type = {
        .name = "selinux_type",
        .syntax = "the name of an SELinux type",
        .signature = "s",
        .size = sizeof(value_selinux_type),
        .parse = type_parse,
        .print = word_print,
        .explode = word_explode,
        .done = word_done,
};

/* --- cil */

static void cil_done(void *field) {
        value_cil *v = field;

        for (size_t i = 0; i < v->n; i++)
                free(v->items[i].text);
        free(v->items);
        *v = (value_cil){};
}

static bool cil_symbol(char ch) {
        return isalnum((unsigned char)ch) || strchr("_-.$@=/*+%&|^!", ch);
}

/* Of a file's name between quotes, in whatever language. CIL knows no escapes. */
static size_t cil_name_length(const char *s) {
        size_t n = 0;

        while (s[n] && s[n] != '"' && s[n] != '\\' && !iscntrl((unsigned char)s[n]))
                n++;
        return n;
}

/* What a statement may be: rules whose subject is the unit's own domain. */
static const char *const cil_statements[] = { "allow", "auditallow", "dontaudit", "allowx", "typetransition", NULL };

static bool cil_begins_well(const char *s) {
        for (size_t i = 0; cil_statements[i]; i++) {
                const char *rest = startswith(s + 1, cil_statements[i]);

                if (rest && startswith(rest, " process "))
                        return true;
        }
        return false;
}

/* One balanced list from *p on, white space made single blanks: "(allow process a_t (file (read)))". */
static int cil_statement(const ValueContext *c, const char **p, char **ret) {
        const char *s = *p;
        unsigned depth = 0;
        bool space = false;
        char *out = malloc(2 * strlen(s) + 1), *o = out;

        if (!out)
                return -ENOMEM;
        do {
                if (strchr(WHITESPACE, *s)) {
                        space = true;
                        s++;
                        continue;
                }
                if (*s == '"') { /* a file's name, in typetransition */
                        const size_t n = cil_name_length(s + 1);

                        if (s[1 + n] != '"' || depth == 0)
                                break;
                        *o++ = ' ';
                        o = mempcpy(o, s, n + 2);
                        s += n + 2;
                } else if (*s == '(' || (*s == ')' && depth > 0)) {
                        if (*s == '(' && o > out && o[-1] != '(')
                                *o++ = ' ';
                        depth += *s == '(' ? 1 : -1U;
                        *o++ = *s++;
                } else if (cil_symbol(*s) && depth > 0) {
                        if (space && o > out && o[-1] != '(')
                                *o++ = ' ';
                        *o++ = *s++;
                } else
                        break;
                space = false;
        } while (*s && depth > 0);
        *o = 0;
        if (depth > 0 || o == out) {
                free(out);
                return value_error(c, "at '%s' this is no CIL: a statement is (NAME ARGUMENT...) with balanced parentheses, "
                                      "symbols and \"names\"", s);
        }
        if (!cil_begins_well(out)) {
                int r = value_error(c, "'%s' is not a rule for this container's own domain; write (allow process TYPE (CLASS "
                                       "(PERMISSION...))), or auditallow, dontaudit, allowx, typetransition likewise", out);

                free(out);
                return r;
        }
        *p = s;
        *ret = out;
        return 0;
}

static int cil_parse(const ValueContext *c, const char *text, void *field) {
        _cleanup_free_ char *s = NULL;
        value_cil *v = field;
        const char *p;
        int r;

        if (value_is_reset(text)) {
                cil_done(field);
                return 0;
        }
        r = value_scalar(c, text, &s);
        if (r < 0)
                return r;
        for (p = s; p[strspn(p, WHITESPACE)];) {
                char *one = NULL;

                p += strspn(p, WHITESPACE);
                r = cil_statement(c, &p, &one);
                if (r >= 0) {
                        r = value_grow(c, &v->items, v->n, sizeof(CilStatement));
                        if (r < 0)
                                free(one);
                }
                if (r < 0)
                        return r;
                v->items[v->n++] = (CilStatement){ .text = one, .origin = c->origin };
        }
        return 0;
}

static int cil_explode(const void *field, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        const value_cil *v = field;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < v->n; i++)
                r = strv_extend(&l, v->items[i].text);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

static int cil_implode(char *const *statements, char **ret) {
        _cleanup_free_ char *all = strv_join(statements, " ");

        return all ? value_print_scalar(all, ret) : -ENOMEM;
}

static int cil_print(const void *field, char **ret) {
        _cleanup_strv_ char **l = NULL;
        int r = cil_explode(field, &l);

        return r < 0 ? r : cil_implode(l, ret);
}

const ValueType value_type_cil = {
        .name = "cil",
        .syntax = "CIL statements allow, auditallow, dontaudit, allowx or typetransition, with the subject \"process\"",
        .signature = "as",
        .size = sizeof(value_cil),
        .list = true,
        .parse = cil_parse,
        .print = cil_print,
        .explode = cil_explode,
        .implode = cil_implode,
        .done = cil_done,
};
