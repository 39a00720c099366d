/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Back from words to text, for values that come over the bus. */
#include "units/values/parse.h"

static bool is_one(char *const *words) {
        return strv_length(words) == 1;
}

int value_implode_u64(char *const *words, uint64_t *ret) {
        return is_one(words) ? parse_u64(words[0], ret) : -EINVAL;
}

int value_implode_text(char *const *words, char **ret) {
        char *s;

        if (!is_one(words))
                return -EINVAL;
        s = strdup(words[0]);
        if (!s)
                return -ENOMEM;
        *ret = s;
        return 0;
}

static int implode_words(char *const *words, char **ret) {
        char **copy = strv_copy(words);

        if (!copy && words && *words)
                return -ENOMEM;
        return value_print_words(copy, ret);
}

static int implode_bool(char *const *words, char **ret) {
        static const char *const texts[] = {"no", "yes"};
        uint64_t v;
        char *s;

        if (value_implode_u64(words, &v) < 0 || v >= ELEMENTSOF(texts))
                return -EINVAL;
        s = strdup(texts[v]);
        if (!s)
                return -ENOMEM;
        *ret = s;
        return 0;
}

int value_implode(const ValueType *type, char *const *words, char **ret) {
        if (type->implode)
                return type->implode(words, ret);
        switch (type->signature[0]) {
        case 'a':
                return implode_words(words, ret);
        case 'b':
                return implode_bool(words, ret);
        case 's':
                return is_one(words) ? value_print_scalar(words[0], ret) : -EINVAL;
        default:
                return value_implode_text(words, ret);
        }
}
