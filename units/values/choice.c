/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "units/values/parse.h"

static int list_words(const char *const *words, char **ret) {
        _cleanup_free_ char *s = NULL;
        size_t n = 0, i = 0;
        int r = 0;

        for (const char *const *w = words; *w; w++)
                n += **w != 0;
        for (const char *const *w = words; r >= 0 && *w; w++)
                if (**w)
                        i++, r = str_append(&s, "%s%s", i == 1 ? "" : i == n ? " or " : ", ", *w);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

/* "true" where the words have yes. */
static const char *synonym(const char *text, const char *const *words) {
        bool yes;

        if (value_parse_bool_word(text, &yes) < 0)
                return text;
        for (const char *const *w = words; *w; w++)
                if (streq(*w, yes ? "yes" : "no"))
                        return *w;
        return text;
}

int value_choice_parse(const ValueContext *c, const char *text, const char *const *words, int reset, int *field) {
        _cleanup_free_ char *list = NULL;
        const char *near;
        int r;

        if (value_is_reset(text)) {
                *field = reset;
                return 0;
        }
        for (int i = 0; words[i]; i++)
                if (*words[i] && streq(words[i], synonym(text, words))) {
                        *field = i;
                        return 0;
                }
        r = list_words(words, &list);
        if (r < 0)
                return r;
        near = text_nearest(text, words);
        return value_error(c, "'%s' is none of its words; write %s%s%s%s", text, list,
                           near && *near ? "; did you mean " : "", strempty(near), near && *near ? "?" : "");
}
