/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What ProtectSystem= and its kin take: a few words each. */
#include "units/values/parse.h"

static const char *const protect_system_words[] = { "no", "yes", "full", "strict", NULL };
static const char *const protect_home_words[] = { "no", "yes", "read-only", "tmpfs", NULL };
static const char *const private_tmp_words[] = { "no", "yes", "disconnected", NULL };
static const char *const protect_proc_words[] = { "default", "noaccess", "invisible", "ptraceable", NULL };
static const char *const proc_subset_words[] = { "all", "pid", NULL };
static const char *const protect_cgroups_words[] = { "", "yes", "strict", "private", "no", NULL };

DEFINE_CHOICE_TYPE(protect_system, protect_system_words, PROTECT_SYSTEM_NO, "no, yes, full or strict");
DEFINE_CHOICE_TYPE(protect_home, protect_home_words, PROTECT_HOME_NO, "no, yes, read-only or tmpfs");
DEFINE_CHOICE_TYPE(private_tmp, private_tmp_words, PRIVATE_TMP_NO, "no, yes or disconnected");
DEFINE_CHOICE_TYPE(protect_proc, protect_proc_words, PROTECT_PROC_DEFAULT, "default, noaccess, invisible or ptraceable");
DEFINE_CHOICE_TYPE(proc_subset, proc_subset_words, PROC_SUBSET_ALL, "all or pid");
DEFINE_CHOICE_TYPE(protect_cgroups, protect_cgroups_words, PROTECT_CGROUPS_UNSET,
                   "yes, strict, private or no; empty lets Bulwark choose");

const char *protect_proc_to_string(ProtectProc p) {
        return protect_proc_words[p];
}

/* --- protect_hostname: yes, private, no, each but the last with a name of its own */

static const char *const hostname_words[] = { "", "yes", "private", "no", NULL };

static void protect_hostname_done(void *field) {
        value_protect_hostname *v = field;

        free(v->name);
        *v = (value_protect_hostname){};
}

static int protect_hostname_parse(const ValueContext *c, const char *text, void *field) {
        const char *colon = strchr(text, ':');
        _cleanup_free_ char *word = colon ? strndup(text, (size_t)(colon - text)) : strdup(text), *name = NULL;
        int mode, r;

        if (!word)
                return -ENOMEM;
        r = value_choice_parse(c, word, hostname_words, PROTECT_HOSTNAME_UNSET, &mode);
        if (r < 0)
                return r;
        if (colon && mode == PROTECT_HOSTNAME_NO)
                return value_error(c, "'%s' names a host that is not the container's own; write private:%s, or Hostname=%s", text,
                                   colon + 1, colon + 1);
        if (colon && value_is_reset(colon + 1))
                return value_error(c, "'%s' ends without a name; write for example private:web", text);
        if (colon)
                r = value_type_hostname.parse(c, colon + 1, &name);
        if (r < 0)
                return r;
        protect_hostname_done(field);
        *(value_protect_hostname *)field = (value_protect_hostname){ .mode = (ProtectHostname)mode, .name = TAKE_PTR(name) };
        return 0;
}

static int protect_hostname_print(const void *field, char **ret) {
        const value_protect_hostname *v = field;
        _cleanup_free_ char *name = NULL;
        char *s = NULL;
        int r;

        if (!v->name)
                return value_print_scalar(hostname_words[v->mode], ret);
        r = value_type_hostname.print(&v->name, &name);
        if (r >= 0)
                r = str_append(&s, "%s:%s", hostname_words[v->mode], name);
        if (r < 0)
                return r;
        *ret = s;
        return 0;
}

static int protect_hostname_explode(const void *field, char ***ret) {
        _cleanup_free_ char *s = NULL;
        int r = protect_hostname_print(field, &s);

        return r < 0 ? r : value_explode_one(s, ret);
}

const ValueType value_type_protect_hostname = {
        .name = "protect_hostname",
        .syntax = "yes, private or no; yes and private with :NAME",
        .signature = "s",
        .size = sizeof(value_protect_hostname),
        .parse = protect_hostname_parse,
        .print = protect_hostname_print,
        .explode = protect_hostname_explode,
        .done = protect_hostname_done,
        .words = hostname_words,
};
