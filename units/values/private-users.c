/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "units/values/parse.h"

/* Below it live the host's own users; a container mapped there would be one of them. */
enum { RANGE_BASE_MIN = 65536 };

static const char *const modes[_PRIVATE_USERS_MAX] = {
        [PRIVATE_USERS_MANAGED] = "managed",
        [PRIVATE_USERS_NO] = "no",
        [PRIVATE_USERS_RANGE] = "range",
        [PRIVATE_USERS_IDENTITY] = "identity",
};

static const struct {
        const char *word;
        PrivateUsersMode mode;
} words[] = {
        {"managed", PRIVATE_USERS_MANAGED},
        {"pick", PRIVATE_USERS_MANAGED},
        {"identity", PRIVATE_USERS_IDENTITY},
};

static const char *const completion[] = {"managed", "pick", "identity", "yes", "no", NULL};

const char *private_users_mode_to_string(PrivateUsersMode m) {
        return m >= 0 && m < _PRIVATE_USERS_MAX ? modes[m] : NULL;
}

static int parse_range(const ValueContext *c, const char *text, value_private_users *v) {
        const char *colon = strchr(text, ':');
        _cleanup_free_ char *first = colon ? strndup(text, (size_t)(colon - text)) : strdup(text);
        uint64_t base, count = ID_RANGE_COUNT;

        if (!first)
                return -ENOMEM;
        if (parse_u64(first, &base) < 0 || (colon && parse_u64(colon + 1, &count) < 0))
                return value_error(
                        c, "'%s' is not a range of ids; write BASE or BASE:COUNT, for example 1000000:65536",
                        text);
        if (base < RANGE_BASE_MIN)
                return value_error(c,
                                   "the base %" PRIu64
                                   " is one of the host's own users; write %d or more, or 'identity' to map "
                                   "the host's ids on purpose",
                                   base, RANGE_BASE_MIN);
        if (count == 0)
                return value_error(c, "a range of 0 ids has no user; write a count from 1, usually %d",
                                   ID_RANGE_COUNT);
        /* 4294967295 is (uid_t) -1 and never an id. */
        if (base >= UINT32_MAX || count > UINT32_MAX - base)
                return value_error(c, "the range '%s' ends beyond 4294967294, the last id there is", text);
        *v = (value_private_users){
                .mode = PRIVATE_USERS_RANGE, .base = (uint32_t)base, .count = (uint32_t)count};
        return 0;
}

static int private_users_parse(const ValueContext *c, const char *text, void *field) {
        value_private_users *v = field;
        const char *near;
        bool yes = true;

        if (value_is_reset(text) || value_parse_bool_word(text, &yes) == 0) {
                *v = (value_private_users){.mode = yes ? PRIVATE_USERS_MANAGED : PRIVATE_USERS_NO};
                return 0;
        }
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (streq(words[i].word, text)) {
                        *v = (value_private_users){.mode = words[i].mode};
                        return 0;
                }
        if (*text >= '0' && *text <= '9')
                return parse_range(c, text, v);
        if (streq(text, "self") || streq(text, "full"))
                return value_error(c,
                                   "'%s' would map the host's own root into the container; use managed, or "
                                   "identity where host "
                                   "and container must share ids 0 to 65535",
                                   text);
        near = text_nearest(text, completion);
        return value_error(
                c,
                "'%s' is not a way to map users; write yes, managed, pick, no, identity or BASE:COUNT%s%s%s",
                text, near ? "; did you mean " : "", strempty(near), near ? "?" : "");
}

static int private_users_print(const void *field, char **ret) {
        const value_private_users *v = field;
        char *s = NULL;

        if (v->mode != PRIVATE_USERS_RANGE)
                return value_print_scalar(private_users_mode_to_string(v->mode), ret);
        if (asprintf(&s, "%" PRIu32 ":%" PRIu32, v->base, v->count) < 0)
                return -ENOMEM;
        *ret = s;
        return 0;
}

static int private_users_explode(const void *field, char ***ret) {
        _cleanup_free_ char *s = NULL;
        int r;

        r = private_users_print(field, &s);
        if (r < 0)
                return r;
        return value_explode_one(s, ret);
}

const ValueType value_type_private_users = {
        .name = "private_users",
        .syntax = "yes, managed or pick for an own range of ids; identity; no; or BASE[:COUNT]",
        .signature = "s",
        .size = sizeof(value_private_users),
        .parse = private_users_parse,
        .print = private_users_print,
        .explode = private_users_explode,
        .words = completion,
};
