/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/bulwark-image/json-text.h"

#define JSON_PLAIN " \t\r\n0123456789+-.eEtrufalsn" /* numbers, true, false, null */

/* A look at the text before it is parsed: whatever is no JSON passes here and is refused by the parser. The library keeps
 * the last of two equal keys without a word, where another program that reads the same file may keep the first. */
typedef struct JsonKey {
        const char *text;
        size_t size;
} JsonKey;
typedef struct JsonScan {
        JsonKey *keys;
        size_t n_keys, room;
        struct {
                size_t first_key;
                bool object;
        } open[JSON_DEPTH_MAX];
        size_t depth, n_values;
        JsonKey last; /* the string that was read last */
} JsonScan;

static int scan_compare(const void *a, const void *b) {
        const JsonKey *x = a, *y = b;
        int order = memcmp(x->text, y->text, MIN_OF(x->size, y->size));

        return order != 0 ? order : (x->size > y->size) - (x->size < y->size);
}

static const char *scan_add_key(JsonScan *s) {
        if (s->depth == 0 || !s->open[s->depth - 1].object || !s->last.text)
                return NULL;
        if (memchr(s->last.text, '\\', s->last.size))
                return "a key is written with escapes";
        if (s->n_keys == s->room) {
                JsonKey *more = reallocarray(s->keys, 2 * s->room + 64, sizeof(*more));

                if (!more)
                        return "it is too large";
                s->keys = more;
                s->room = 2 * s->room + 64;
        }
        s->keys[s->n_keys++] = s->last;
        s->last = (JsonKey){};
        return NULL;
}

static const char *scan_open(JsonScan *s, bool object) {
        if (s->depth == JSON_DEPTH_MAX)
                return "it is nested too deeply";
        s->open[s->depth].first_key = s->n_keys;
        s->open[s->depth++].object = object;
        return NULL;
}

static const char *scan_close(JsonScan *s) {
        size_t first;

        if (s->depth == 0)
                return NULL;
        first = s->open[--s->depth].first_key;
        if (s->n_keys - first > 1)
                qsort(s->keys + first, s->n_keys - first, sizeof(*s->keys), scan_compare);
        for (size_t i = first + 1; i < s->n_keys; i++)
                if (scan_compare(s->keys + i - 1, s->keys + i) == 0)
                        return "a key stands in it twice";
        s->n_keys = first;
        return NULL;
}

/* at: behind the opening quote. Gives the closing one, or the end. */
static const char *scan_string(JsonScan *s, const char *at, const char *end) {
        const char *from = at;

        while (at < end && *at != '"')
                at += *at == '\\' && at + 1 < end ? 2 : 1;
        s->last = (JsonKey){ .text = from, .size = (size_t)(at - from) };
        return at;
}

static const char *scan_text(JsonScan *s, const char *text, size_t size) {
        const char *wrong = NULL, *end = text + size;

        for (const char *at = text; at < end && !wrong; at++)
                switch (*at) {
                case '"': at = scan_string(s, at + 1, end); break;
                case ':': wrong = scan_add_key(s); break;
                case '{':
                case '[':
                        wrong = ++s->n_values > JSON_VALUES_MAX ? "it has too many values" : scan_open(s, *at == '{');
                        break;
                case '}':
                case ']': wrong = scan_close(s); break;
                case ',': wrong = ++s->n_values > JSON_VALUES_MAX ? "it has too many values" : NULL; break;
                default: /* the library takes more, strings in other quotes among them */
                        wrong = *at && strchr(JSON_PLAIN, *at) ? NULL : "a character stands where none may be";
                        break;
                }
        free(s->keys);
        return wrong;
}

static const char *json_parse(const char *text, size_t size, json_object **ret) {
        json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 1);
        const char *wrong = NULL;

        if (!tokener)
                return "there is no memory for it";
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        *ret = json_tokener_parse_ex(tokener, text, (int)size);
        if (json_tokener_get_error(tokener) != json_tokener_success)
                wrong = json_tokener_error_desc(json_tokener_get_error(tokener));
        else
                for (size_t i = json_tokener_get_parse_end(tokener); i < size && !wrong; i++)
                        if (!strchr(" \t\r\n", text[i]))
                                wrong = "something stands behind its end";
        json_tokener_free(tokener);
        return wrong;
}

int json_text_parse(const char *text, size_t size, const char *what, Diag *diag, json_object **ret) {
        _cleanup_json_ json_object *o = NULL;
        const char *wrong;
        JsonScan scan = {};

        wrong = size > JSON_SIZE_MAX ? "it is larger than 4 MiB" : scan_text(&scan, text, size);
        if (!wrong)
                wrong = json_parse(text, size, &o);
        if (!wrong && !json_object_is_type(o, json_type_object) && !json_object_is_type(o, json_type_array))
                wrong = "it is neither an object nor a list";
        if (wrong) {
                (void)diag_error(diag, ERROR_BAD_VALUE, NULL, NULL, "%s is no JSON that can be trusted: %s", what, wrong);
                return -EBADMSG;
        }
        *ret = TAKE_PTR(o);
        return 0;
}

static int json_text_get(json_object *o, const char *key, json_type type, json_object **ret) {
        json_object *value = NULL;

        if (!json_object_is_type(o, json_type_object))
                return -EBADMSG;
        if (json_object_object_get_ex(o, key, &value) && value && !json_object_is_type(value, type))
                return -EBADMSG;
        *ret = value;
        return 0;
}

static const char *json_text_words(json_object *o) {
        const char *s = json_object_get_string(o);

        return s && strlen(s) == (size_t)json_object_get_string_len(o) ? s : NULL;
}

int json_text_string(json_object *o, const char *key, const char **ret) {
        json_object *value;
        int r = json_text_get(o, key, json_type_string, &value);

        if (r < 0)
                return r;
        *ret = value ? json_text_words(value) : NULL;
        return value && !*ret ? -EBADMSG : 0;
}

int json_text_object(json_object *o, const char *key, json_object **ret) {
        return json_text_get(o, key, json_type_object, ret);
}

int json_text_array(json_object *o, const char *key, json_object **ret) {
        return json_text_get(o, key, json_type_array, ret);
}

int json_text_size(json_object *o, const char *key, uint64_t *ret) {
        json_object *value;
        int r = json_text_get(o, key, json_type_int, &value);

        if (r < 0 || !value || json_object_get_int64(value) < 0)
                return -EBADMSG;
        *ret = (uint64_t)json_object_get_int64(value);
        return 0;
}

const char *json_text_element(json_object *array, size_t i) {
        json_object *value = json_object_array_get_idx(array, i);

        return json_object_is_type(value, json_type_string) ? json_text_words(value) : NULL;
}
