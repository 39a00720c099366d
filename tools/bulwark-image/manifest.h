/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Index, manifest and configuration of an image: JSON in, checked values out; pure. -EBADMSG and a worded error where it is
 * wrong, -ENOENT where it is right and has not what is looked for. */

#include "manager/base/diag.h"
#include "manager/images/image-record.h"

#define MANIFEST_SIZE_MAX (4U << 20)

typedef struct Descriptor {
        Digest digest;
        uint64_t size;
} Descriptor;

typedef struct Manifest {
        Descriptor config, *layers;
        size_t n_layers;
} Manifest;
void manifest_done(Manifest *m);

/* The image of an index: by its tag (org.opencontainers.image.ref.name), or the only one, or that of this architecture.
 * *ret_nested: it is an index itself. *ret_name: what the index calls it, or NULL. */
int index_select(const char *text, size_t size, const char *tag, const char *architecture, Diag *diag, Descriptor *ret,
                 bool *ret_nested, char **ret_name);
int manifest_parse(const char *text, size_t size, Diag *diag, Manifest *ret);

/* Fills the record's fields and *ret_diff_ids. */
int config_parse(const char *text, size_t size, Diag *diag, ImageRecord *record, Digest **ret_diff_ids, size_t *ret_n);

/* manifest.json of a docker archive: which files. */
typedef struct DockerManifest {
        char *config, *name; /* name: the first tag, or NULL */
        char **layers;
} DockerManifest;
void docker_manifest_done(DockerManifest *m);
int docker_manifest_parse(const char *text, size_t size, const char *tag, Diag *diag, DockerManifest *ret);

/* For an archive that has none: the configuration of a bare root file system, and a manifest of what was found out. */
int config_print(const Digest *diff_id, const char *architecture, char **ret);
int manifest_print(const Descriptor *config, const Descriptor *layers, size_t n, char **ret);

/* What images call the machine that this program was built for. */
const char *manifest_native_architecture(void);
