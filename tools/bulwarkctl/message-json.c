/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* D-Bus values as JSON. One conversion serves show, status and -o json alike. */
#include <stdio.h>

#include "tools/bulwarkctl/client.h"

#define DEPTH_MAX 32

static int read_value(sd_bus_message *m, unsigned depth, json_object **ret);

static int read_basic(sd_bus_message *m, char type, json_object **ret) {
        union {
                uint8_t y;
                int b;
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
                const char *s;
        } v;
        int r;

        r = sd_bus_message_read_basic(m, type, &v);
        if (r < 0)
                return r;
        switch (type) {
        case SD_BUS_TYPE_BYTE:
                *ret = json_object_new_int(v.y);
                break;
        case SD_BUS_TYPE_BOOLEAN:
                *ret = json_object_new_boolean(v.b);
                break;
        case SD_BUS_TYPE_INT16:
                *ret = json_object_new_int(v.n);
                break;
        case SD_BUS_TYPE_UINT16:
                *ret = json_object_new_int(v.q);
                break;
        case SD_BUS_TYPE_INT32:
                *ret = json_object_new_int(v.i);
                break;
        case SD_BUS_TYPE_UINT32:
                *ret = json_object_new_int64(v.u);
                break;
        case SD_BUS_TYPE_INT64:
                *ret = json_object_new_int64(v.x);
                break;
        case SD_BUS_TYPE_UINT64:
                *ret = json_object_new_uint64(v.t);
                break;
        case SD_BUS_TYPE_DOUBLE:
                *ret = json_object_new_double(v.d);
                break;
        case SD_BUS_TYPE_STRING:
        case SD_BUS_TYPE_OBJECT_PATH:
        case SD_BUS_TYPE_SIGNATURE:
                *ret = json_object_new_string(v.s);
                break;
        default: /* a descriptor has no meaning as text */
                return -EOPNOTSUPP;
        }
        return *ret ? 0 : -ENOMEM;
}

static int read_bytes(sd_bus_message *m, json_object **ret) {
        _cleanup_free_ char *text = NULL;
        const void *data;
        size_t size;
        int r;

        r = sd_bus_message_read_array(m, 'y', &data, &size);
        if (r < 0)
                return r;
        text = malloc(2 * size + 1);
        if (!text)
                return -ENOMEM;
        text[0] = 0;
        for (size_t i = 0; i < size; i++)
                (void)sprintf(text + 2 * i, "%02x", ((const uint8_t *)data)[i]);
        *ret = json_object_new_string(text);
        return *ret ? 0 : -ENOMEM;
}

static int read_entry(sd_bus_message *m, const char *contents, unsigned depth, json_object *into) {
        _cleanup_json_ json_object *key = NULL, *value = NULL;
        int r;

        r = sd_bus_message_enter_container(m, SD_BUS_TYPE_DICT_ENTRY, contents);
        if (r < 0)
                return r;
        r = read_value(m, depth, &key);
        if (r < 0)
                return r;
        r = read_value(m, depth, &value);
        if (r < 0)
                return r;
        if (json_object_object_add(into, json_object_get_string(key), value) < 0)
                return -ENOMEM;
        value = NULL;
        r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 0;
}

static int read_items(sd_bus_message *m, char type, const char *contents, unsigned depth,
                      json_object *into) {
        bool dict = type == SD_BUS_TYPE_ARRAY && contents[0] == SD_BUS_TYPE_DICT_ENTRY_BEGIN;
        _cleanup_free_ char *entry = NULL;
        int r;

        if (dict) {
                entry = strndup(contents + 1, strlen(contents) - 2);
                if (!entry)
                        return -ENOMEM;
        }
        for (;;) {
                json_object *item = NULL;

                r = sd_bus_message_at_end(m, false);
                if (r != 0)
                        return r < 0 ? r : 0;
                if (dict) {
                        r = read_entry(m, entry, depth, into);
                        if (r < 0)
                                return r;
                        continue;
                }
                r = read_value(m, depth, &item);
                if (r < 0)
                        return r;
                if (json_object_array_add(into, item) < 0) {
                        json_object_put(item);
                        return -ENOMEM;
                }
        }
}

static int read_value(sd_bus_message *m, unsigned depth, json_object **ret) {
        _cleanup_json_ json_object *o = NULL;
        _cleanup_free_ char *inner = NULL;
        const char *contents;
        char type;
        int r;

        if (depth > DEPTH_MAX)
                return -EBADMSG;
        r = sd_bus_message_peek_type(m, &type, &contents);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        if (type == SD_BUS_TYPE_ARRAY && contents[0] == SD_BUS_TYPE_BYTE)
                return read_bytes(m, ret);
        if (!contents)
                return read_basic(m, type, ret);

        inner = strdup(contents); /* the message's own copy moves while it is being read */
        if (!inner)
                return -ENOMEM;
        r = sd_bus_message_enter_container(m, type, inner);
        if (r < 0)
                return r;
        if (type == SD_BUS_TYPE_VARIANT)
                r = read_value(m, depth + 1, &o);
        else {
                o = type == SD_BUS_TYPE_ARRAY && inner[0] == SD_BUS_TYPE_DICT_ENTRY_BEGIN
                        ? json_object_new_object() : json_object_new_array();
                r = o ? read_items(m, type, inner, depth + 1, o) : -ENOMEM;
        }
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

int message_to_json(sd_bus_message *m, json_object **ret) {
        return read_value(m, 0, ret);
}
