/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>

#include "units/values/parse.h"

enum { PROFILE_NAME_MAX = 255 };
#define GENERATED "generated"
#define UNCONFINED "unconfined"

static void profile_done(void *field) {
        value_apparmor_profile *v = field;

        free(v->name);
        *v = (value_apparmor_profile){};
}

/* What the kernel and apparmor_parser take for one name and nothing else: no stack (//&), no glob, no white space. */
static const char *name_fault(const char *name) {
        const char *ns = name[0] == ':' ? strchr(name + 1, ':') : NULL;

        if (strlen(name) > PROFILE_NAME_MAX)
                return "is longer than 255 characters";
        for (const char *p = name; *p; p++)
                if (!isascii(*p) || (!isalnum((unsigned char)*p) && !strchr("._/@:+-", *p)))
                        return "has a character other than letters, digits, and any of . _ / @ : + -";
        if (name[0] == ':' && (!ns || ns == name + 1 || !ns[1] || streq(ns + 1, "//")))
                return "begins with ':' and is not of the form :NAMESPACE:NAME";
        if (startswith(ns ? ns + 1 : name, ns ? "////" : "//"))
                return "has a name that begins with '//', which stands between a profile and its child";
        if (strchr(ns ? ns + 1 : name, ':'))
                return "has a ':' in its midst; a namespace is written :NAMESPACE:NAME";
        return NULL;
}

static int name_parse(const ValueContext *c, const char *name, char **ret) {
        const char *ns = name[0] == ':' ? strchr(name + 1, ':') : NULL, *fault = name_fault(name);
        char *s = NULL;
        int r;

        if (fault)
                return value_error(c, "'%s' %s", name, fault);
        if (startswith(name, APPARMOR_PROFILE_PREFIX))
                return value_error(c,
                                   "'%s' is the name of a profile that Bulwark generates and takes away again; write "
                                   "generated for the container's own, or take another name",
                                   name);
        /* The kernel takes ":ns://name" for ":ns:name" and only tells the latter. */
        if (ns && startswith(ns + 1, "//"))
                r = str_append(&s, "%.*s%s", (int)(ns + 1 - name), name, ns + 3);
        else
                r = str_append(&s, "%s", name);
        if (r < 0)
                return r;
        *ret = s;
        return 0;
}

static int profile_parse(const ValueContext *c, const char *text, void *field) {
        _cleanup_(profile_done) value_apparmor_profile v = {};
        _cleanup_free_ char *s = NULL;
        const char *name;
        int r;

        r = value_scalar(c, text, &s);
        if (r < 0)
                return r;
        v.missing_ok = *s == '-';
        name = s + v.missing_ok;
        if (streq(name, UNCONFINED) || streq(name, GENERATED)) {
                if (v.missing_ok)
                        return value_error(c, "'%s': only the name of a profile can be missing; write %s", s, name);
                v.kind = streq(name, UNCONFINED) ? APPARMOR_UNCONFINED : APPARMOR_GENERATED;
        } else if (*s) {
                if (!*name)
                        return value_error(c, "'-' stands before no name; write generated, unconfined, NAME or -NAME");
                v.kind = APPARMOR_NAMED;
                r = name_parse(c, name, &v.name);
                if (r < 0)
                        return r;
        }
        profile_done(field);
        *(value_apparmor_profile *)field = v;
        v.name = NULL;
        return 0;
}

static int profile_text(const value_apparmor_profile *v, char **ret) {
        char *s = NULL;
        int r;

        r = v->kind == APPARMOR_NAMED ? str_append(&s, "%s%s", v->missing_ok ? "-" : "", v->name)
                                      : str_append(&s, "%s", v->kind == APPARMOR_UNCONFINED ? UNCONFINED : GENERATED);
        if (r < 0)
                return r;
        *ret = s;
        return 0;
}

static int profile_print(const void *field, char **ret) {
        _cleanup_free_ char *s = NULL;
        int r;

        r = profile_text(field, &s);
        return r < 0 ? r : value_print_scalar(s, ret);
}

static int profile_explode(const void *field, char ***ret) {
        _cleanup_free_ char *s = NULL;
        int r;

        r = profile_text(field, &s);
        return r < 0 ? r : value_explode_one(s, ret);
}

static const char *const profile_words[] = { GENERATED, UNCONFINED, NULL };

const ValueType value_type_apparmor_profile = {
        .name = "apparmor_profile",
        .syntax = "generated, unconfined, or the name of a profile; a leading '-' ignores one that is not loaded",
        .signature = "s",
        .size = sizeof(value_apparmor_profile),
        .parse = profile_parse,
        .print = profile_print,
        .explode = profile_explode,
        .done = profile_done,
        .words = profile_words,
};
