/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* personality, keyring_mode, secure_bits, coredump_filter, thp_mode: marks that a process carries. */
#include <inttypes.h>
#include <stdio.h>

#include "units/values/parse.h"

static const char *const thp_mode_words[] = {
        [THP_SYSTEM] = "system", [THP_MADVISE] = "madvise", [THP_DISABLE] = "disable", [_THP_MODE_MAX] = NULL,
};

/* --- thp_mode */

static int thp_mode_parse(const ValueContext *c, const char *text, void *field) {
        int v = 0, r;

        /* Nothing of the manager's is inherited: what systemd calls so is what the host does. */
        r = value_choice_parse(c, streq(text, "inherit") ? "system" : text, thp_mode_words, THP_SYSTEM, &v);
        if (r >= 0)
                *(value_thp_mode *)field = (value_thp_mode)v;
        return r;
}

static int thp_mode_print(const void *field, char **ret) {
        return value_print_scalar(thp_mode_words[*(const value_thp_mode *)field], ret);
}

static int thp_mode_explode(const void *field, char ***ret) {
        return value_explode_one(thp_mode_words[*(const value_thp_mode *)field], ret);
}

const ValueType value_type_thp_mode = {
        .name = "thp_mode",
        .syntax = "system, madvise or disable",
        .signature = "s",
        .size = sizeof(value_thp_mode),
        .parse = thp_mode_parse,
        .print = thp_mode_print,
        .explode = thp_mode_explode,
        .words = thp_mode_words,
};

/* --- personality */

/* What systemd calls the architectures that have a smaller sibling. */
static const char *const personality_words[] = {
        [PERSONALITY_UNSET] = "", [PERSONALITY_NATIVE] = NATIVE_PERSONALITY, [PERSONALITY_32] = NARROW_PERSONALITY,
        [_PERSONALITY_MAX] = NULL,
};

static bool is_foreign(const char *text) {
        static const char *const known[] = { "x86",   "x86-64", "ppc",   "ppc-le", "ppc64",     "ppc64-le",
                                             "s390", "s390x",  "arm",   "arm64",  "loongarch64" };

        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (streq(known[i], text))
                        return true;
        return false;
}

static int personality_parse(const ValueContext *c, const char *text, void *field) {
        int v = 0, r;

        if (is_foreign(text) && !streq(text, NATIVE_PERSONALITY) && !streq(text, NARROW_PERSONALITY))
                return value_error(c, "'%s' is another architecture; here it can be %s or %s", text, NATIVE_PERSONALITY,
                                   NARROW_PERSONALITY);
        r = value_choice_parse(c, text, personality_words, PERSONALITY_UNSET, &v);
        if (r >= 0)
                *(value_personality *)field = (value_personality)v;
        return r;
}

static int personality_print(const void *field, char **ret) {
        return value_print_scalar(personality_words[*(const value_personality *)field], ret);
}

static int personality_explode(const void *field, char ***ret) {
        return value_explode_one(personality_words[*(const value_personality *)field], ret);
}

const ValueType value_type_personality = {
        .name = "personality",
        .syntax = NATIVE_PERSONALITY " or " NARROW_PERSONALITY,
        .signature = "s",
        .size = sizeof(value_personality),
        .parse = personality_parse,
        .print = personality_print,
        .explode = personality_explode,
        .words = personality_words,
};

/* --- keyring_mode */

static const char *const keyring_mode_words[] = {
        [KEYRING_PRIVATE] = "private", [KEYRING_SHARED] = "shared", [_KEYRING_MODE_MAX] = NULL,
};

static int keyring_mode_parse(const ValueContext *c, const char *text, void *field) {
        int v = 0, r;

        if (streq(text, "inherit"))
                return value_error(c, "'inherit': the keyring that would be inherited is the host's; write private or shared");
        r = value_choice_parse(c, text, keyring_mode_words, KEYRING_PRIVATE, &v);
        if (r >= 0)
                *(value_keyring_mode *)field = (value_keyring_mode)v;
        return r;
}

static int keyring_mode_print(const void *field, char **ret) {
        return value_print_scalar(keyring_mode_words[*(const value_keyring_mode *)field], ret);
}

static int keyring_mode_explode(const void *field, char ***ret) {
        return value_explode_one(keyring_mode_words[*(const value_keyring_mode *)field], ret);
}

const ValueType value_type_keyring_mode = {
        .name = "keyring_mode",
        .syntax = "private or shared",
        .signature = "s",
        .size = sizeof(value_keyring_mode),
        .parse = keyring_mode_parse,
        .print = keyring_mode_print,
        .explode = keyring_mode_explode,
        .words = keyring_mode_words,
};

/* --- bits with names */

typedef struct BitName {
        const char *name;
        uint32_t bit;
} BitName;

/* Of linux/securebits.h. */
static const BitName secure_bits[] = {
        { "keep-caps", 1 << 4 },       { "keep-caps-locked", 1 << 5 }, { "no-setuid-fixup", 1 << 2 },
        { "no-setuid-fixup-locked", 1 << 3 }, { "noroot", 1 << 0 },    { "noroot-locked", 1 << 1 },
        {},
};
/* In the order of the bits of /proc/PID/coredump_filter. */
static const BitName coredump_bits[] = {
        { "private-anonymous", 1 << 0 },   { "shared-anonymous", 1 << 1 }, { "private-file-backed", 1 << 2 },
        { "shared-file-backed", 1 << 3 },  { "elf-headers", 1 << 4 },      { "private-huge", 1 << 5 },
        { "shared-huge", 1 << 6 },         { "private-dax", 1 << 7 },      { "shared-dax", 1 << 8 },
        {},
};

static int bits_explode(const BitName *names, uint32_t bits, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        int r = 0;

        for (; r >= 0 && names->name; names++)
                if (bits & names->bit)
                        r = strv_extend(&l, names->name);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

static int bits_find(const ValueContext *c, const BitName *names, const char *word, const char *what, uint32_t *bits) {
        const char *words[16] = {};

        for (size_t i = 0; names[i].name; i++) {
                if (streq(names[i].name, word)) {
                        *bits |= names[i].bit;
                        return 0;
                }
                words[i] = names[i].name;
        }
        const char *near = text_nearest(word, words);

        return value_error(c, "'%s' is no %s%s%s%s", word, what, near ? "; did you mean " : "", strempty(near), near ? "?" : "");
}

static int secure_bits_item(const ValueContext *c, const char *word, void *field) {
        return bits_find(c, secure_bits, word, "secure bit", field);
}

static int secure_bits_parse(const ValueContext *c, const char *text, void *field) {
        if (value_is_reset(text)) {
                *(value_secure_bits *)field = 0;
                return 0;
        }
        return value_each_word(c, text, secure_bits_item, field);
}

static int secure_bits_explode(const void *field, char ***ret) {
        return bits_explode(secure_bits, *(const value_secure_bits *)field, ret);
}

static int secure_bits_print(const void *field, char **ret) {
        return value_print_exploded(secure_bits_explode, field, ret);
}

const ValueType value_type_secure_bits = {
        .name = "secure_bits",
        .syntax = "words of keep-caps, no-setuid-fixup and noroot, each also with -locked",
        .signature = "as",
        .size = sizeof(value_secure_bits),
        .list = true,
        .parse = secure_bits_parse,
        .print = secure_bits_print,
        .explode = secure_bits_explode,
};

/* --- coredump_filter */

static int coredump_filter_item(const ValueContext *c, const char *word, void *field) {
        value_coredump_filter *v = field;
        char *end = NULL;
        unsigned long mask;

        if (streq(word, "default") || streq(word, "all"))
                v->mask |= streq(word, "all") ? COREDUMP_FILTER_ALL : COREDUMP_FILTER_DEFAULT;
        else if (*word >= '0' && *word <= '9') {
                errno = 0;
                mask = strtoul(word, &end, 16);
                if (errno != 0 || *end || mask > COREDUMP_FILTER_ALL)
                        return value_error(c, "'%s' is no mask; write names, or a hexadecimal number up to %x", word,
                                           COREDUMP_FILTER_ALL);
                v->mask |= (uint32_t)mask;
        } else {
                int r = bits_find(c, coredump_bits, word, "kind of memory", &v->mask);

                if (r < 0)
                        return r;
        }
        v->set = true;
        return 0;
}

static int coredump_filter_parse(const ValueContext *c, const char *text, void *field) {
        if (value_is_reset(text)) {
                *(value_coredump_filter *)field = (value_coredump_filter){};
                return 0;
        }
        return value_each_word(c, text, coredump_filter_item, field);
}

static int coredump_filter_explode(const void *field, char ***ret) {
        const value_coredump_filter *v = field;

        if (v->set && v->mask == 0)
                return value_explode_one("0", ret);
        return bits_explode(coredump_bits, v->set ? v->mask : 0, ret);
}

static int coredump_filter_print(const void *field, char **ret) {
        return value_print_exploded(coredump_filter_explode, field, ret);
}

const ValueType value_type_coredump_filter = {
        .name = "coredump_filter",
        .syntax = "kinds of memory such as private-anonymous elf-headers, all, default or a hexadecimal mask",
        .signature = "as",
        .size = sizeof(value_coredump_filter),
        .list = true,
        .parse = coredump_filter_parse,
        .print = coredump_filter_print,
        .explode = coredump_filter_explode,
};
