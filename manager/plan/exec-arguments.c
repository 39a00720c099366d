/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "manager/plan/exec-arguments.h"

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

static const char *variable(char *const *environment, const char *name, size_t n) {
        const char *found = "";

        for (; environment && *environment; environment++)
                if (strncmp(*environment, name, n) == 0 && (*environment)[n] == '=')
                        found = *environment + n + 1;
        return found;
}

static bool is_name(const char *s, size_t n) {
        return n > 0 && strspn(s, NAME_CHARACTERS) >= n && !(*s >= '0' && *s <= '9');
}

/* ${NAME} and $$ inside a word. */
static int expand_word(const char *word, char *const *environment, char **ret) {
        _cleanup_free_ char *s = NULL;
        int r = str_append(&s, "%s", "");

        while (r >= 0 && *word) {
                size_t plain = strcspn(word, "$");

                r = str_append(&s, "%.*s", (int)plain, word);
                word += plain;
                if (r < 0 || !*word)
                        break;
                if (word[1] == '$') {
                        r = str_append(&s, "$");
                        word += 2;
                } else if (word[1] == '{' && strchr(word, '}') &&
                           is_name(word + 2, (size_t)(strchr(word, '}') - word - 2))) {
                        size_t n = (size_t)(strchr(word, '}') - word - 2);

                        r = str_append(&s, "%s", variable(environment, word + 2, n));
                        word += n + 3;
                } else {
                        r = str_append(&s, "$");
                        word++;
                }
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

static int add_split(char ***l, const char *value) {
        const char *space = " \t\n\r";

        for (value += strspn(value, space); *value; value += strspn(value, space)) {
                size_t n = strcspn(value, space);
                int r = strv_push(l, strndup(value, n));

                if (r < 0)
                        return r;
                value += n;
        }
        return 0;
}

int exec_arguments_expand(char *const *argv, char *const *environment, char ***ret) {
        _cleanup_strv_ char **l = NULL;

        for (size_t i = 0; argv && argv[i]; i++) {
                const char *word = argv[i];
                int r;

                if (i == 0)
                        r = strv_extend(&l, word);
                else if (word[0] == '$' && is_name(word + 1, strlen(word + 1)))
                        r = add_split(&l, variable(environment, word + 1, strlen(word + 1)));
                else {
                        char *one = NULL;

                        r = expand_word(word, environment, &one);
                        if (r >= 0)
                                r = strv_push(&l, one);
                }
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}
