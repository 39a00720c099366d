/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Index, manifest, configuration and docker's list, by the first byte; and a record. Each comes to an end within its bytes, says why
 * it refuses, and what a record says is printed as it was read. */
#include <stdio.h>

#include "tools/bulwark-image/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds, const char *what) {
        if (holds)
                return;
        (void)fprintf(stderr, "%s\n", what);
        abort();
}

static int read_index(const char *text, size_t size, Diag *diag) {
        _cleanup_free_ char *name = NULL;
        Descriptor d;
        bool nested;

        return index_select(text, size, NULL, "amd64", diag, &d, &nested, &name);
}

static int read_manifest(const char *text, size_t size, Diag *diag) {
        __attribute__((cleanup(manifest_done))) Manifest m = {};

        return manifest_parse(text, size, diag, &m);
}

/* And what is kept of it comes through the record's own text unchanged. */
static int read_config(const char *text, size_t size, Diag *diag) {
        _cleanup_(image_record_freep) ImageRecord *record = calloc(1, sizeof(*record)), *back = NULL;
        _cleanup_free_ char *printed = NULL, *again = NULL;
        _cleanup_free_ Digest *ids = NULL;
        ImageLayer layer = {};
        size_t n;
        int r = record ? config_parse(text, size, diag, record, &ids, &n) : -ENOMEM;

        if (r < 0)
                return r;
        layer_id(LAYER_DIFF, &layer.diff_id, layer.id);
        check(image_record_add_layer(record, &layer) >= 0 && image_record_print(record, &printed) >= 0, "no memory");
        check(image_record_parse(printed, strlen(printed), &back) >= 0, "a record that cannot be read");
        check(image_record_print(back, &again) >= 0 && streq(printed, again), "a record that reads differently");
        return 0;
}

static int read_docker(const char *text, size_t size, Diag *diag) {
        __attribute__((cleanup(docker_manifest_done))) DockerManifest m = {};

        return docker_manifest_parse(text, size, NULL, diag, &m);
}

static int read_record(const char *text, size_t size, Diag *diag) {
        _cleanup_(image_record_freep) ImageRecord *record = NULL;
        int r = image_record_parse(text, size, &record);

        return r < 0 ? diag_error(diag, ERROR_STATE, NULL, NULL, "refused") : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static int (*const readers[])(const char *, size_t, Diag *) = { read_index, read_manifest, read_config, read_docker, read_record };
        __attribute__((cleanup(diag_done))) Diag diag = {};
        char *copy;
        int r;

        if (size == 0)
                return 0;
        copy = malloc(size); /* of exactly this size: a byte too far is seen */
        if (!copy)
                return 0;
        memcpy(copy, data + 1, size - 1);
        copy[size - 1] = '\n';
        r = readers[data[0] % ELEMENTSOF(readers)](copy, size, &diag);
        check((r < 0) == (diag.n_errors > 0), "a refusal without a reason, or a reason without a refusal");
        free(copy);
        return 0;
}
