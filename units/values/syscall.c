/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SystemCallFilter= and SystemCallErrorNumber=, and the names of errno values. Whether a system call exists
 * is known to policies/seccomp; here only its spelling is judged. */
#include <ctype.h>
#include <stdio.h>

#include "units/values/parse.h"

/* The kernel's MAX_ERRNO, and the last number that has a name. */
enum { ERRNO_MAX = 4095, ERRNO_NAMED_MAX = 255 };
enum { LISTS_WRONG_MAX = 16 };

static const struct {
        const char *name;
        int error;
} errno_aliases[] = {
        {"EWOULDBLOCK", EWOULDBLOCK},
        {"EDEADLOCK", EDEADLOCK},
        {"ENOTSUP", ENOTSUP},
};

const char *errno_to_string(int error) {
        return error > 0 ? strerrorname_np(error) : NULL;
}

int errno_from_string(const char *name) {
        for (int i = 1; i <= ERRNO_NAMED_MAX; i++) {
                const char *known = errno_to_string(i);

                if (known && streq(known, name))
                        return i;
        }
        for (size_t i = 0; i < ELEMENTSOF(errno_aliases); i++)
                if (streq(errno_aliases[i].name, name))
                        return errno_aliases[i].error;
        return -EINVAL;
}

int syscall_error_parse(const char *word, int *ret) {
        uint64_t n;
        int error;

        if (streq(word, "kill")) {
                *ret = SYSCALL_ERROR_KILL;
                return 0;
        }
        if (isdigit((unsigned char)*word)) {
                if (parse_u64(word, &n) < 0)
                        return -EINVAL;
                if (n == 0 || n > ERRNO_MAX)
                        return -ERANGE;
                *ret = (int)n;
                return 0;
        }
        error = errno_from_string(word);
        if (error < 0)
                return error;
        *ret = error;
        return 0;
}

char *syscall_error_to_string(int error) {
        const char *name = error == SYSCALL_ERROR_KILL ? "kill" : errno_to_string(error);
        char *s = NULL;

        if (name)
                return strdup(name);
        return asprintf(&s, "%d", error) < 0 ? NULL : s;
}

static int report_error_number(const ValueContext *c, const char *word, int r) {
        if (r == -ERANGE && streq(word, "0"))
                return value_error(c, "0 would tell the program that the denied call succeeded; write an "
                                      "error such as EPERM, or kill");
        if (r == -ERANGE)
                return value_error(c, "'%s' is out of range; error numbers go from 1 to %d", word,
                                   ERRNO_MAX);
        return value_error(
                c,
                "'%s' is not an error; write a name of errno(3) such as EPERM, a number up to %d, or kill",
                word, ERRNO_MAX);
}

/* --- syscall_error */

static int syscall_error_field_parse(const ValueContext *c, const char *text, void *field) {
        int error = 0, r;

        if (!value_is_reset(text)) {
                r = syscall_error_parse(text, &error);
                if (r < 0)
                        return report_error_number(c, text, r);
        }
        *(value_syscall_error *)field = error;
        return 0;
}

static int syscall_error_print(const void *field, char **ret) {
        value_syscall_error error = *(const value_syscall_error *)field;
        char *s = error == 0 ? strdup("") : syscall_error_to_string(error);

        if (!s)
                return -ENOMEM;
        *ret = s;
        return 0;
}

static int syscall_error_explode(const void *field, char ***ret) {
        _cleanup_free_ char *s = NULL;
        int r;

        r = syscall_error_print(field, &s);
        if (r < 0)
                return r;
        return value_explode_one(s, ret);
}

static const char *const syscall_error_words[] = {"EPERM", "EACCES", "ENOSYS", "kill", NULL};

const ValueType value_type_syscall_error = {
        .name = "syscall_error",
        .syntax = "an error name such as EPERM, a number from 1 to 4095, or kill",
        .signature = "s",
        .size = sizeof(value_syscall_error),
        .parse = syscall_error_field_parse,
        .print = syscall_error_print,
        .explode = syscall_error_explode,
        .words = syscall_error_words,
};

/* --- syscall_filter */

/* What they contain is policies/seccomp's, which reads the same list. */
static const char *const syscall_groups[] = {
#define SYSCALL_GROUP(name, summary, members) name,
#include "units/values/syscall-groups.inc"
#undef SYSCALL_GROUP
        NULL,
};

static void syscall_filter_done(void *field) {
        value_syscall_filter *v = field;

        for (size_t i = 0; i < v->n; i++)
                free(v->items[i].name);
        free(v->items);
        *v = (value_syscall_filter){};
}

static int check_name(const ValueContext *c, const char *name) {
        const char *near;

        if (*name == '~')
                return value_error(
                        c, "'~' may only stand before the whole list, as in ~@mount @reboot; write a second "
                           "SystemCallFilter= to mix both senses");
        if (*name == '@') {
                for (const char *const *g = syscall_groups; *g; g++)
                        if (streq(*g, name))
                                return 0;
                near = text_nearest(name, syscall_groups);
                if (near)
                        return value_error(c, "'%s' is not a group of system calls; did you mean %s?", name,
                                           near);
                return value_error(c,
                                   "'%s' is not a group of system calls; write a group of systemd.exec(5), such as "
                                   "@mount, or @default-container",
                                   name);
        }
        if (!*name || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(name))
                return value_error(c,
                                   "'%s' is not a system call; write names such as mount, groups such as "
                                   "@mount, or NAME:ERRNO",
                                   name);
        return 0;
}

typedef struct FilterList {
        value_syscall_filter *filter;
        bool negate;
        bool only_names; /* no item may have an error */
} FilterList;

static int filter_item(const ValueContext *c, const char *word, void *field) {
        _cleanup_free_ char *name = strdup(word);
        FilterList *l = field;
        char *colon;
        int error = 0, r;

        if (!name)
                return -ENOMEM;
        colon = strchr(name, ':');
        if (colon && l->only_names)
                return value_error(c, "'%s' has an error behind its ':', and what is logged is decided by SystemCallFilter=; write the "
                                      "name alone", word);
        if (colon) {
                *colon++ = 0;
                r = syscall_error_parse(colon, &error);
                if (r < 0)
                        return report_error_number(c, colon, r);
        }
        r = check_name(c, name);
        if (r < 0)
                return r;
        r = value_grow(c, &l->filter->items, l->filter->n, sizeof(SyscallItem));
        if (r < 0)
                return r;
        l->filter->items[l->filter->n++] = (SyscallItem){
                .name = TAKE_PTR(name), .negate = l->negate, .error = error, .origin = c->origin};
        l->filter->set = true;
        return 0;
}

/* Where the list at text ends: at a ';' that is a word of its own, or at the end. It lets print() write
 * lists of both senses into one assignment; no system call is called ';'. */
static size_t list_length(const char *text) {
        for (size_t i = 0;; i++)
                if (!text[i] || (text[i] == ';' && (i == 0 || strchr(WHITESPACE, text[i - 1])) &&
                                 (!text[i + 1] || strchr(WHITESPACE, text[i + 1]))))
                        return i;
}

static int parse_lists(const ValueContext *c, const char *text, bool only_names, value_syscall_filter *field) {
        unsigned mistakes = 0;
        int first = 0, r;

        if (value_is_reset(text)) {
                syscall_filter_done(field);
                return 0;
        }
        for (;;) {
                size_t n = list_length(text);
                _cleanup_free_ char *part = strndup(text, n);
                FilterList l = {.filter = field, .only_names = only_names};
                const char *list;

                if (!part)
                        return -ENOMEM;
                list = part + strspn(part, WHITESPACE);
                l.negate = *list == '~';
                list += l.negate;
                if (value_is_reset(list))
                        /* As systemd: "~" alone denies nothing beyond what is denied anyway. */
                        r = l.negate ? 0 : value_error(c, "the list is empty; write system calls or @groups");
                else
                        r = value_each_word(c, list, filter_item, &l);
                if (r == -ENOMEM || r == -E2BIG)
                        return r;
                if (r < 0)
                        mistakes++;
                if (r < 0 && first == 0)
                        first = r;
                if (!text[n] || mistakes >= LISTS_WRONG_MAX)
                        return first;
                text += n + 1;
        }
}

static int syscall_filter_parse(const ValueContext *c, const char *text, void *field) {
        return parse_lists(c, text, false, field);
}

static int syscall_log_parse(const ValueContext *c, const char *text, void *field) {
        return parse_lists(c, text, true, field);
}

/* Words as written, with '~' before the first of an inverted list and ';' where the next list begins. */
static int syscall_filter_words(const value_syscall_filter *v, char ***words) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < v->n; i++) {
                const SyscallItem *item = &v->items[i];
                bool begins = i == 0 || v->items[i - 1].negate != item->negate;
                _cleanup_free_ char *error = item->error ? syscall_error_to_string(item->error) : strdup("");
                char *s = NULL;

                if (!error)
                        return -ENOMEM;
                if (begins && i > 0)
                        r = strv_extend(words, ";");
                if (r == 0)
                        r = str_append(&s, "%s%s%s%s", begins && item->negate ? "~" : "", item->name,
                                       *error ? ":" : "", error);
                if (r == 0)
                        r = strv_push(words, s);
        }
        return r;
}

static int syscall_filter_explode(const void *field, char ***ret) {
        _cleanup_strv_ char **words = NULL;
        int r;

        r = syscall_filter_words(field, &words);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(words);
        return 0;
}

static int syscall_filter_print(const void *field, char **ret) {
        _cleanup_strv_ char **words = NULL;
        char *text;
        int r;

        r = syscall_filter_words(field, &words);
        if (r < 0)
                return r;
        text = strv_join(words, " ");
        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}

const ValueType value_type_syscall_filter = {
        .name = "syscall_filter",
        .syntax = "system calls and @groups, each with an optional :ERRNO; a leading '~' denies the list "
                  "instead",
        .signature = "as",
        .size = sizeof(value_syscall_filter),
        .list = true,
        .parse = syscall_filter_parse,
        .print = syscall_filter_print,
        .explode = syscall_filter_explode,
        .done = syscall_filter_done,
        .words = syscall_groups,
};

const ValueType value_type_syscall_log = {
        .name = "syscall_log",
        .syntax = "system calls and @groups; a leading '~' takes the list away, from all calls where it is the first",
        .signature = "as",
        .size = sizeof(value_syscall_log),
        .list = true,
        .parse = syscall_log_parse,
        .print = syscall_filter_print,
        .explode = syscall_filter_explode,
        .done = syscall_filter_done,
        .words = syscall_groups,
};
