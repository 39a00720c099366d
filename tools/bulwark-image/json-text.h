/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* JSON of strangers: UTF-8, one value, no key twice, bounded in size, depth and number of values before the library sees it. */

#include <json-c/json.h>

#include "manager/base/diag.h"

#define JSON_SIZE_MAX (4U << 20)
#define JSON_DEPTH_MAX 32
#define JSON_VALUES_MAX 200000
#define JSON_ITEMS_MAX 4096 /* of a list that is kept */

static inline void json_putp(json_object **o) {
        if (*o)
                (void)json_object_put(*o);
}
#define _cleanup_json_ _cleanup_(json_putp)

/* what: the file, for messages. -EBADMSG and a worded error where it is refused. */
int json_text_parse(const char *text, size_t size, const char *what, Diag *diag, json_object **ret);

/* A key that is absent or null gives NULL; of another type, -EBADMSG. What is given is borrowed from o. */
int json_text_string(json_object *o, const char *key, const char **ret);
int json_text_object(json_object *o, const char *key, json_object **ret);
int json_text_array(json_object *o, const char *key, json_object **ret);
/* Not negative; absent is refused, too. */
int json_text_size(json_object *o, const char *key, uint64_t *ret);
/* An element that must be a string without NUL. NULL = it is not. */
const char *json_text_element(json_object *array, size_t i);
