/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "units/values/parse.h"

static const char *const container_type_words[] = {
        [CONTAINER_TYPE_SIMPLE] = "simple",
        [CONTAINER_TYPE_EXEC] = "exec",
        [CONTAINER_TYPE_ONESHOT] = "oneshot",
        [CONTAINER_TYPE_NOTIFY] = "notify",
        [CONTAINER_TYPE_NOTIFY_RELOAD] = "notify-reload",
        [CONTAINER_TYPE_FORKING] = "forking",
        [_CONTAINER_TYPE_MAX] = NULL,
};

static const struct {
        const char *word, *why;
} refused[] = {
        {"dbus", "the container is not on the host's bus; use exec"},
};

const char *container_type_to_string(ContainerType t) {
        return t >= 0 && t < _CONTAINER_TYPE_MAX ? container_type_words[t] : NULL;
}

static int container_type_parse(const ValueContext *c, const char *text, void *field) {
        const char *near;

        if (value_is_reset(text))
                text = "exec";
        for (int i = 0; i < _CONTAINER_TYPE_MAX; i++)
                if (streq(container_type_words[i], text)) {
                        *(value_container_type *)field = (ContainerType)i;
                        return 0;
                }
        /* It waits for other jobs only so that a console is not written to by two: a container has none of the host's. */
        if (streq(text, "idle")) {
                *(value_container_type *)field = CONTAINER_TYPE_SIMPLE;
                return 0;
        }
        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                if (streq(refused[i].word, text))
                        return value_error(c, "'%s': %s", text, refused[i].why);
        near = text_nearest(text, container_type_words);
        return value_error(c, "'%s' is not a type; write simple, exec, oneshot, notify, notify-reload or forking%s%s%s", text,
                           near ? "; did you mean " : "", strempty(near), near ? "?" : "");
}

static int container_type_print(const void *field, char **ret) {
        return value_print_scalar(container_type_to_string(*(const value_container_type *)field), ret);
}

static int container_type_explode(const void *field, char ***ret) {
        return value_explode_one(container_type_to_string(*(const value_container_type *)field), ret);
}

const ValueType value_type_container_type = {
        .name = "container_type",
        .syntax = "simple, exec, oneshot, notify, notify-reload or forking; idle means simple",
        .signature = "s",
        .size = sizeof(value_container_type),
        .parse = container_type_parse,
        .print = container_type_print,
        .explode = container_type_explode,
        .words = container_type_words,
};
