/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "units/values/parse.h"

static const struct {
        const char *word; /* a final ':' takes a path */
        OutputKind kind;
} outputs[] = {
        {"null", OUTPUT_NULL},  {"journal", OUTPUT_JOURNAL}, {"inherit", OUTPUT_INHERIT},
        {"file:", OUTPUT_FILE}, {"append:", OUTPUT_APPEND},  {"truncate:", OUTPUT_TRUNCATE},
};

static const struct {
        const char *word, *why;
} refused[] = {
        {"kmsg", "a container must not write the kernel's log; use journal"},
        {"kmsg+console", "not supported yet; use journal"},
        {"tty", "not supported yet; use journal"},
        {"socket", "not supported yet; use journal"},
        {"fd", "not supported yet; use journal"},
        {"fd:", "not supported yet; use journal"},
};

static const char *const output_words[] = {
        "null", "journal", "inherit", "file:", "append:", "truncate:", NULL,
};

static void output_done(void *field) {
        value_output *v = field;

        free(v->path);
        *v = (value_output){};
}

static int output_unknown(const ValueContext *c, const char *s) {
        const char *near;

        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                if (endswith(refused[i].word, ":") ? !!startswith(s, refused[i].word)
                                                   : streq(s, refused[i].word))
                        return value_error(c, "'%s': %s", s, refused[i].why);
        near = text_nearest(s, output_words);
        return value_error(c,
                           "'%s' is no output; write null, journal, inherit, file:PATH, append:PATH or "
                           "truncate:PATH%s%s%s",
                           s, near ? "; did you mean " : "", strempty(near), near ? "?" : "");
}

static int output_parse_text(const ValueContext *c, const char *s, value_output *v) {
        for (size_t i = 0; i < ELEMENTSOF(outputs); i++) {
                bool takes_path = endswith(outputs[i].word, ":");
                const char *rest = startswith(s, outputs[i].word);

                if (!rest || (!takes_path && *rest))
                        continue;
                v->kind = outputs[i].kind;
                if (v->kind == OUTPUT_INHERIT && streq_ptr(c->directive, "StandardOutput"))
                        return value_error(
                                c, "'inherit' has nothing to inherit from; only StandardError= can follow "
                                   "StandardOutput=");
                return takes_path ? value_check_scalar_path(c, rest, &v->path) : 0;
        }
        return output_unknown(c, s);
}

static int output_parse(const ValueContext *c, const char *text, void *field) {
        _cleanup_(output_done) value_output v = {};
        _cleanup_free_ char *s = NULL;
        int r;

        r = value_scalar(c, text, &s);
        if (r < 0)
                return r;
        /* As systemd reads it since there is the journal. */
        if (streq(s, "syslog") || streq(s, "journal+console") || streq(s, "syslog+console")) {
                diag_warning(c->diag, ERROR_POLICY, &c->origin, c->directive,
                             endswith(s, "+console") ? "%s means journal: a container writes to no console of the host"
                                                     : "%s is an old word for journal; write that", s);
                free(s);
                s = strdup("journal");
                if (!s)
                        return -ENOMEM;
        }
        if (*s) {
                r = output_parse_text(c, s, &v);
                if (r < 0)
                        return r;
        }
        output_done(field);
        *(value_output *)field = v;
        v.path = NULL;
        return 0;
}

static int output_text(const value_output *v, char **ret) {
        char *s = NULL;
        int r;

        r = str_append(&s, "%s", "");
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(outputs); i++)
                if (outputs[i].kind == v->kind)
                        r = str_append(&s, "%s%s", outputs[i].word, strempty(v->path));
        if (r < 0) {
                free(s);
                return r;
        }
        *ret = s;
        return 0;
}

static int output_print(const void *field, char **ret) {
        _cleanup_free_ char *s = NULL;
        int r;

        r = output_text(field, &s);
        if (r < 0)
                return r;
        return value_print_scalar(s, ret);
}

static int output_explode(const void *field, char ***ret) {
        _cleanup_free_ char *s = NULL;
        int r;

        r = output_text(field, &s);
        if (r < 0)
                return r;
        return value_explode_one(s, ret);
}

const ValueType value_type_output = {
        .name = "output",
        .syntax = "null, journal, file:PATH, append:PATH, truncate:PATH, or inherit (StandardError= only)",
        .signature = "s",
        .size = sizeof(value_output),
        .parse = output_parse,
        .print = output_print,
        .explode = output_explode,
        .done = output_done,
        .words = output_words,
};
