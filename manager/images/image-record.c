/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "manager/images/image-record.h"

#define RECORD_HEAD "bulwark-image 1"

const RecordField record_fields[] = {
#define RECORD(name, field, kind, json) { #name, offsetof(ImageRecord, field), RECORD_##kind, json },
#include "manager/images/record-fields.inc"
#undef RECORD
};
const size_t n_record_fields = ELEMENTSOF(record_fields);

static void *record_field(const ImageRecord *i, const RecordField *f) {
        return (char *)i + f->offset;
}

ImageRecord *image_record_free(ImageRecord *i) {
        if (!i)
                return NULL;
        for (size_t k = 0; k < n_record_fields; k++)
                if (record_fields[k].kind == RECORD_text)
                        free(*(char **)record_field(i, record_fields + k));
                else
                        strv_free(*(char ***)record_field(i, record_fields + k));
        free(i->layers);
        free(i);
        return NULL;
}

int image_record_add_layer(ImageRecord *i, const ImageLayer *layer) {
        ImageLayer *more;

        if (i->n_layers >= IMAGE_LAYERS_MAX)
                return -E2BIG;
        more = reallocarray(i->layers, i->n_layers + 1, sizeof(*more));
        if (!more)
                return -ENOMEM;
        i->layers = more;
        more[i->n_layers++] = *layer;
        return 0;
}

uint64_t image_record_bytes(const ImageRecord *i) {
        uint64_t sum = 0;

        for (size_t k = 0; k < i->n_layers; k++)
                sum += i->layers[k].bytes;
        return sum;
}

/* A value is one line: what would end it is escaped. */
static int record_print_value(FILE *f, const char *name, const char *value) {
        (void)fprintf(f, "%s ", name);
        for (; *value; value++)
                if (*value == '\n' || *value == '\\')
                        (void)fprintf(f, "\\%c", *value == '\n' ? 'n' : '\\');
                else
                        (void)fputc(*value, f);
        return fputc('\n', f) == EOF ? -ENOMEM : 0;
}

static void record_print_head(FILE *f, const ImageRecord *i) {
        char hex[DIGEST_HEX_SIZE];

        digest_to_hex(&i->manifest, hex);
        (void)fprintf(f, RECORD_HEAD "\nmanifest %s\n", hex);
        digest_to_hex(&i->config, hex);
        (void)fprintf(f, "config %s\nimported %" PRIu64 "\n", hex, i->imported_usec);
        for (size_t k = 0; k < i->n_layers; k++) {
                digest_to_hex(&i->layers[k].diff_id, hex);
                (void)fprintf(f, "layer %s %s %s %" PRIu64 "\n", i->layers[k].id, layer_kind_to_string(i->layers[k].kind), hex,
                              i->layers[k].bytes);
        }
}

int image_record_print(const ImageRecord *i, char **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        bool failed;

        if (!f)
                return -ENOMEM;
        record_print_head(f, i);
        for (size_t k = 0; k < n_record_fields; k++) {
                const RecordField *field = record_fields + k;

                if (field->kind == RECORD_list)
                        for (char **s = *(char ***)record_field(i, field); s && *s; s++)
                                (void)record_print_value(f, field->name, *s);
                else if (*(char **)record_field(i, field))
                        (void)record_print_value(f, field->name, *(char **)record_field(i, field));
        }
        failed = ferror(f);
        if (fclose(f) != 0 || failed)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}

/* Undoes the escapes in place. */
static int record_unescape(char *s) {
        char *to = s;

        for (; *s; s++) {
                if (*s == '\\') {
                        s++;
                        if (*s != 'n' && *s != '\\')
                                return -EBADMSG;
                        *to++ = *s == 'n' ? '\n' : '\\';
                } else
                        *to++ = *s;
        }
        *to = 0;
        return 0;
}

static int record_read_number(const char *s, uint64_t *ret) {
        char *end;

        if (strspn(s, "0123456789") != strlen(s) || !*s)
                return -EBADMSG;
        errno = 0;
        *ret = strtoull(s, &end, 10);
        return errno != 0 ? -EBADMSG : 0;
}

static int record_read_layer(ImageRecord *i, char *value) {
        ImageLayer layer = {};
        char id[LAYER_ID_SIZE];
        char *words[4];

        for (size_t k = 0; k < ELEMENTSOF(words); k++)
                words[k] = strsep(&value, " ");
        if (!words[3] || value || !layer_id_valid(words[0]))
                return -EBADMSG;
        layer.kind = layer_kind_from_string(words[1]);
        if (layer.kind < 0 || digest_from_hex(words[2], &layer.diff_id) < 0 || record_read_number(words[3], &layer.bytes) < 0)
                return -EBADMSG;
        memcpy(layer.id, words[0], sizeof(layer.id));
        layer_id(LAYER_DIFF, &layer.diff_id, id);
        if (layer.kind == LAYER_DIFF && !streq(id, layer.id))
                return -EBADMSG;
        return image_record_add_layer(i, &layer) == -E2BIG ? -EBADMSG : i->layers ? 0 : -ENOMEM;
}

static int record_read_field(ImageRecord *i, const RecordField *field, const char *value) {
        char **text = record_field(i, field);

        if (field->kind == RECORD_list)
                return strv_extend((char ***)record_field(i, field), value);
        if (*text)
                return -EBADMSG;
        *text = strdup(value);
        return *text ? 0 : -ENOMEM;
}

static int record_read_line(ImageRecord *i, const char *name, char *value) {
        if (streq(name, "layer"))
                return record_read_layer(i, value);
        if (streq(name, "manifest") || streq(name, "config"))
                return digest_from_hex(value, *name == 'm' ? &i->manifest : &i->config) < 0 ? -EBADMSG : 0;
        if (streq(name, "imported"))
                return record_read_number(value, &i->imported_usec);
        for (size_t k = 0; k < n_record_fields; k++)
                if (streq(name, record_fields[k].name)) {
                        int r = record_unescape(value);

                        return r < 0 ? r : record_read_field(i, record_fields + k, value);
                }
        return -EBADMSG;
}

int image_record_parse(const char *text, size_t size, ImageRecord **ret) {
        _cleanup_(image_record_freep) ImageRecord *i = calloc(1, sizeof(*i));
        _cleanup_free_ char *copy = strndup(text, size);
        char *rest = copy, *line;

        if (!i || !copy)
                return -ENOMEM;
        line = strsep(&rest, "\n");
        if (strlen(copy) > size || memchr(text, 0, size) || !streq(line, RECORD_HEAD) || !rest || text[size - 1] != '\n')
                return -EBADMSG;
        while ((line = strsep(&rest, "\n")) && rest) {
                char *value = strchr(line, ' ');
                int r;

                if (!value)
                        return -EBADMSG;
                *value++ = 0;
                r = record_read_line(i, line, value);
                if (r < 0)
                        return r;
        }
        if (i->n_layers == 0)
                return -EBADMSG;
        *ret = TAKE_PTR(i);
        return 0;
}
