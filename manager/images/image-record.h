/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An image of the store, as a file images/HEX: lines of text, made by the import from what it has checked, so that a start reads
 * neither JSON nor anything that a stranger wrote. */

#include "manager/base/string-list.h"
#include "manager/images/layer-key.h"

#define IMAGE_RECORD_SIZE_MAX (8U << 20)
#define IMAGE_LAYERS_MAX 500 /* what an overlay can have */

typedef struct ImageLayer {
        LayerKind kind;
        char id[LAYER_ID_SIZE];
        Digest diff_id;
        uint64_t bytes; /* of its files */
} ImageLayer;

typedef struct ImageRecord {
        Digest manifest, config;
        uint64_t imported_usec; /* realtime */
        ImageLayer *layers;     /* the lowest first */
        size_t n_layers;
        char *source, *architecture, *os, *created, *directory, *user, *stop_signal;
        char **entrypoint, **command, **environment, **ports, **volumes, **labels, **history;
} ImageRecord;

ImageRecord *image_record_free(ImageRecord *i);
DEFINE_CLEANUP(ImageRecord, image_record_free)

int image_record_print(const ImageRecord *i, char **ret);
/* -EBADMSG for anything but what image_record_print() writes. */
int image_record_parse(const char *text, size_t size, ImageRecord **ret);
int image_record_add_layer(ImageRecord *i, const ImageLayer *layer);
uint64_t image_record_bytes(const ImageRecord *i);

/* The descriptive fields as a table, for printing and reading. */
typedef enum RecordKind {
        RECORD_text,
        RECORD_list,
} RecordKind;
typedef struct RecordField {
        const char *name;
        size_t offset;
        RecordKind kind;
        const char *json;
} RecordField;
extern const RecordField record_fields[];
extern const size_t n_record_fields;
