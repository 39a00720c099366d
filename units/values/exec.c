/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Command lines as in ExecStart=: prefixes, a program, its arguments; " ; " stands between two commands. */
#include <limits.h>

#include "units/values/parse.h"

#define PREFIXES "-@:+!|"

static void command_done(ExecCommand *e) {
        free(e->path);
        strv_free(e->argv);
        *e = (ExecCommand){};
}

static void exec_list_done(void *field) {
        value_exec_list *v = field;

        for (size_t i = 0; i < v->n; i++)
                command_done(&v->items[i]);
        free(v->items);
        *v = (value_exec_list){};
}

/* Reads the prefixes at *p. The privileged ones of systemd mean the most that a container has: its root. */
static int read_prefixes(const ValueContext *c, const char **p, ExecCommand *e, bool *ret_own_argv0) {
        bool twice = false;
        bool *flags[] = { &e->ignore_failure, ret_own_argv0, &e->no_env_expand, &e->as_root, &e->as_root };
        static const char accepted[] = "-@:+!";

        for (;; (*p)++) {
                const char *known = **p ? strchr(accepted, **p) : NULL;
                const bool again = known && *flags[known - accepted];

                if (!known)
                        break;
                /* '!!' is a prefix of its own */
                if (again && (**p != '!' || (*p)[-1] != '!' || twice))
                        return value_error(c, "the prefix '%c' is given twice", **p);
                twice |= again;
                *flags[known - accepted] = true;
                if (**p == '+')
                        diag_warning(c->diag, ERROR_POLICY, &c->origin, c->directive,
                                     "the prefix '+' means the container's root here, never the host's: the command is confined as "
                                     "all others are; write '!'");
        }
        if (**p == '|')
                return value_error(
                        c, "the prefix '|' is not supported; name the shell, as in /bin/sh -c '...'");
        return 0;
}

static int read_program(const ValueContext *c, const char *word, ExecCommand *e) {
        _cleanup_free_ char *s = NULL;
        int r;

        r = value_expand(c, word, &s);
        if (r < 0)
                return r;
        if (!*s)
                return value_error(
                        c, "the program's name is empty; write an absolute path or a name searched in PATH");
        if (*s == '/') {
                if (endswith(s, "/") || endswith(s, "/."))
                        return value_error(c, "'%s' is a directory; name the program", s);
                return value_check_path(c, s, &e->path);
        }
        if (strchr(s, '/') || streq(s, ".") || streq(s, ".."))
                return value_error(c, "'%s' is neither an absolute path nor a bare name searched in PATH",
                                   s);
        if (strchr(PREFIXES, *s) || text_has_control(s) || strlen(s) > NAME_MAX)
                return value_error(c, "'%s' cannot be a program's name; write an absolute path", s);
        e->path = TAKE_PTR(s);
        return 0;
}

/* A lone ';' ends the command; an escaped or quoted one is an argument. */
static bool at_separator(const char *p) {
        return p[0] == ';' && (!p[1] || strchr(WHITESPACE, p[1]));
}

static int read_arguments(const ValueContext *c, const char **p, bool own_argv0, ExecCommand *e) {
        int r;

        if (!own_argv0) {
                r = strv_extend(&e->argv, e->path);
                if (r < 0)
                        return r;
        }
        for (size_t n = 0;; n++) {
                _cleanup_free_ char *word = NULL;
                char *s;

                *p += strspn(*p, WHITESPACE);
                if (!**p || at_separator(*p))
                        break;
                if (n >= VALUE_ITEMS_MAX)
                        return value_error(c, "more than %d arguments", VALUE_ITEMS_MAX);
                if (**p == '\\' && at_separator(*p + 1)) {
                        *p += 2;
                        word = strdup(";");
                        r = word ? 0 : -ENOMEM;
                } else
                        r = value_next_word(c, p, &word);
                if (r < 0)
                        return r;
                r = value_expand(c, word, &s);
                if (r < 0)
                        return r;
                r = strv_push(&e->argv, s);
                if (r < 0)
                        return r;
        }
        if (!e->argv)
                return value_error(
                        c,
                        "the prefix '@' must be followed by the program and the name that it shall see as "
                        "its own");
        return 0;
}

static int read_command(const ValueContext *c, const char **p, value_exec_list *v) {
        _cleanup_(command_done) ExecCommand e = {.origin = c->origin};
        _cleanup_free_ char *word = NULL;
        bool own_argv0 = false;
        const char *program;
        int r;

        r = value_next_word(c, p, &word);
        if (r < 0)
                return r;
        program = word;
        r = read_prefixes(c, &program, &e, &own_argv0);
        if (r < 0)
                return r;
        r = read_program(c, program, &e);
        if (r < 0)
                return r;
        r = read_arguments(c, p, own_argv0, &e);
        if (r < 0)
                return r;
        r = value_grow(c, &v->items, v->n, sizeof(ExecCommand));
        if (r < 0)
                return r;
        v->items[v->n++] = e;
        e = (ExecCommand){};
        return 0;
}

static int exec_list_parse(const ValueContext *c, const char *text, void *field) {
        int r;

        if (value_is_reset(text)) {
                exec_list_done(field);
                return 0;
        }
        for (;;) {
                text += strspn(text, WHITESPACE);
                if (!*text)
                        return 0;
                if (at_separator(text))
                        return value_error(c, "no command stands before the ';'");
                r = read_command(c, &text, field);
                if (r < 0)
                        return r;
                if (at_separator(text))
                        text++;
        }
}

static int command_words(const ExecCommand *e, char ***words) {
        bool own_argv0 = !e->argv || !streq(e->argv[0], e->path);
        char *first = NULL;
        int r;

        r = str_append(&first, "%s%s%s%s%s", e->ignore_failure ? "-" : "", own_argv0 ? "@" : "",
                       e->no_env_expand ? ":" : "", e->as_root ? "!" : "", e->path);
        if (r < 0)
                return r;
        r = strv_push(words, first);
        for (char **a = e->argv + !own_argv0; r == 0 && a && *a; a++)
                r = strv_extend(words, *a);
        return r;
}

/* Each command as one text; what explode() hands out, and print() joins. */
static int exec_list_commands(const value_exec_list *v, char ***ret) {
        _cleanup_strv_ char **commands = NULL;
        int r;

        for (size_t i = 0; i < v->n; i++) {
                char **words = NULL, *text = NULL;

                r = command_words(&v->items[i], &words);
                if (r < 0) {
                        strv_free(words);
                        return r;
                }
                r = value_print_words(words, &text);
                if (r < 0)
                        return r;
                r = strv_push(&commands, text);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(commands);
        return 0;
}

static int exec_list_print(const void *field, char **ret) {
        _cleanup_strv_ char **commands = NULL;
        char *text;
        int r;

        r = exec_list_commands(field, &commands);
        if (r < 0)
                return r;
        text = strv_join(commands, " ; ");
        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}

static int exec_list_explode(const void *field, char ***ret) {
        return exec_list_commands(field, ret);
}

/* Each word is a whole command, quoted already. */
static int exec_list_implode(char *const *words, char **ret) {
        char *text = strv_join(words, " ; ");

        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}

const ValueType value_type_exec_list = {
        .name = "exec_list",
        .syntax = "a command line: a program and its arguments, quoted where needed; prefixes '-', '@', ':' and "
                  "'!'",
        .signature = "as",
        .size = sizeof(value_exec_list),
        .list = true,
        .parse = exec_list_parse,
        .print = exec_list_print,
        .explode = exec_list_explode,
        .implode = exec_list_implode,
        .done = exec_list_done,
};
