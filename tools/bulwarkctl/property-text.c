/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "manager/base/string-list.h"
#include "tools/bulwarkctl/escape.h"
#include "tools/bulwarkctl/property-text.h"
#include "tools/bulwarkctl/time-text.h"
#include "units/spec/container-spec.h"
#include "units/values/types.h"
#include "units/values/value.h"

/* --- numbers by the last word of the name; the first row that fits */
static char *number_plain(uint64_t n) {
        char *text = NULL;

        return str_append(&text, "%" PRIu64, n) < 0 ? NULL : text;
}

static char *number_usage(uint64_t n) {
        return n == UINT64_MAX ? strdup("[not set]") : number_plain(n);
}

static char *number_limit(uint64_t n) {
        return n == UINT64_MAX ? strdup("infinity") : number_plain(n);
}

static char *number_timestamp(uint64_t n) {
        return n == 0 ? strdup("") : timestamp_to_text(n);
}

static char *number_span(uint64_t n) {
        return span_to_text(n, 4);
}

static char *number_capabilities(uint64_t mask) {
        char *text = strdup("");

        for (unsigned c = 0; text && c < 64; c++) {
                const char *name = mask >> c & 1 ? capability_to_string(c) : NULL;

                if (name && str_append(&text, "%s%s", *text ? " " : "", name) < 0) {
                        free(text);
                        return NULL;
                }
        }
        return text;
}

static const struct {
        const char *suffix;
        char *(*to_text)(uint64_t n);
        bool zero_is_empty;
} number_rows[] = {
        { "TimestampMonotonic", number_limit, false },
        { "Timestamp", number_timestamp, true },
        { "NSec", number_usage, false },
        { "USec", number_span, false },
        { "USecNext", number_span, false },
        { "Current", number_usage, false },
        { "Sec", number_span, false },
        { "Weight", number_usage, false },
        { "CapabilityBoundingSet", number_capabilities, false },
        { "AmbientCapabilities", number_capabilities, true },
        { "", number_limit, false },
};

static size_t number_row(const char *name) {
        size_t i = 0;

        while (!endswith(name, number_rows[i].suffix))
                i++;
        return i;
}

/* Inside a list a text with blanks is quoted, so that one can tell where it ends. */
static int append_string(char **text, const char *s, bool quoted) {
        _cleanup_free_ char *safe = escape_text(s, 0);

        if (!safe)
                return -ENOMEM;
        if (!quoted || (*safe && !strpbrk(safe, " \"'\t;")))
                return str_append(text, "%s", safe);
        if (str_append(text, "\"") < 0)
                return -ENOMEM;
        for (const char *p = safe; *p; p++)
                if (str_append(text, *p == '"' ? "\\%c" : "%c", *p) < 0)
                        return -ENOMEM;
        return str_append(text, "\"");
}

static int append_value(char **text, const char *name, json_object *value, bool inner) {
        _cleanup_free_ char *number = NULL;
        int r = 0;

        switch (json_object_get_type(value)) {
        case json_type_null:
                return 0;
        case json_type_boolean:
                return str_append(text, "%s", json_object_get_boolean(value) ? "yes" : "no");
        case json_type_double:
                return str_append(text, "%g", json_object_get_double(value));
        case json_type_int:
                if (json_object_get_int64(value) < 0)
                        return str_append(text, "%" PRId64, json_object_get_int64(value));
                number = number_rows[number_row(name)].to_text(json_object_get_uint64(value));
                return number ? str_append(text, "%s", number) : -ENOMEM;
        case json_type_string:
                return append_string(text, json_object_get_string(value), inner);
        case json_type_array:
                for (size_t i = 0; i < json_object_array_length(value) && r >= 0; i++) {
                        json_object *item = json_object_array_get_idx(value, i);
                        bool list = json_object_is_type(item, json_type_array);

                        if (i > 0)
                                r = str_append(text, list ? " ; " : " ");
                        if (r >= 0)
                                r = append_value(text, name, item, true);
                }
                return r;
        case json_type_object: {
                const char *separator = "";

                json_object_object_foreach(value, key, item) {
                        if (str_append(text, "%s%s=", separator, key) < 0)
                                return -ENOMEM;
                        r = append_value(text, name, item, true);
                        if (r < 0)
                                return r;
                        separator = " ";
                }
                return 0;
        }
        }
        return -EINVAL;
}

/* --- a directive's value is what its unit could say, where that says more than the number */
static const char *const types_as_written[] = { "time_span", "access_mode", "cpu_quota", "exec_list", "tmpfs", NULL };

static int words_add(char ***words, json_object *value) {
        int r = 0;

        if (json_object_is_type(value, json_type_boolean))
                return strv_extend(words, json_object_get_boolean(value) ? "1" : "0");
        if (!json_object_is_type(value, json_type_array))
                return strv_extend(words, json_object_get_string(value));
        for (size_t i = 0; r >= 0 && i < json_object_array_length(value); i++)
                r = words_add(words, json_object_array_get_idx(value, i));
        return r;
}

static const ValueType *type_as_written(const char *name) {
        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++)
                if (streq(directives[id].name, name))
                        return strv_contains((char *const *)types_as_written, directives[id].type->name) ? directives[id].type : NULL;
        return NULL;
}

/* NULL where it has no such text. */
static char *directive_to_text(const char *name, json_object *value) {
        const ValueType *type = type_as_written(name);
        _cleanup_free_ char *written = NULL;
        _cleanup_strv_ char **words = NULL;

        if (!type || words_add(&words, value) < 0 || value_implode(type, words, &written) < 0)
                return NULL;
        return escape_text(written, 0);
}

/* "(uo)": the number of the job that the container has; nothing where it has none. */
static bool is_job(const char *name, json_object *value) {
        return streq(name, "Job") && json_object_is_type(value, json_type_array) && json_object_array_length(value) == 2;
}

char *property_to_text(const char *name, json_object *value) {
        char *text = directive_to_text(name, value);

        if (text)
                return text;
        text = strdup("");
        if (text && is_job(name, value))
                value = json_object_array_get_idx(value, 0);
        if (json_object_is_type(value, json_type_int) && streq(name, "Job") && json_object_get_uint64(value) == 0)
                return text;

        if (!text || append_value(&text, name, value, false) < 0) {
                free(text);
                return NULL;
        }
        return text;
}

bool property_is_empty(const char *name, json_object *value) {
        if (is_job(name, value))
                return json_object_get_uint64(json_object_array_get_idx(value, 0)) == 0;
        switch (json_object_get_type(value)) {
        case json_type_null:
                return true;
        case json_type_string:
                return json_object_get_string_len(value) == 0;
        case json_type_int:
                return number_rows[number_row(name)].zero_is_empty && json_object_get_uint64(value) == 0;
        case json_type_array:
                for (size_t i = 0; i < json_object_array_length(value); i++)
                        if (!property_is_empty(name, json_object_array_get_idx(value, i)))
                                return false;
                return true;
        case json_type_object:
                return json_object_object_length(value) == 0;
        case json_type_boolean:
        case json_type_double:
                break;
        }
        return false;
}

json_object *property_value(json_object *properties, const char *name) {
        json_object *value = NULL;

        return json_object_object_get_ex(properties, name, &value) ? value : NULL;
}

const char *property_string(json_object *properties, const char *name) {
        json_object *value = property_value(properties, name);

        return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

uint64_t property_number(json_object *properties, const char *name) {
        json_object *value = property_value(properties, name);

        return json_object_is_type(value, json_type_int) ? json_object_get_uint64(value) : UINT64_MAX;
}
