/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can go: everything that is not reached from a name, or from a record. */
#include <fcntl.h>
#include <stdio.h>

#include "manager/images/image-lease.h"
#include "tools/bulwark-image/layer-meta.h"
#include "tools/bulwark-image/store-write.h"
#include "tools/bulwark-image/tree.h"

void store_use_done(StoreUse *u) {
        strv_free(u->layers);
        strv_free(u->blobs);
        strv_free(u->images);
}

/* Marks names of a sorted list; those that are left are what nothing refers to. */
static void use_mark(char **names, bool *used, const char *name) {
        size_t low = 0, high = strv_length(names);

        while (low < high) {
                size_t middle = (low + high) / 2;
                int order = strcmp(names[middle], name);

                if (order == 0) {
                        used[middle] = true;
                        return;
                }
                *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
        }
}

typedef struct UseSet {
        char **names;
        bool *used;
} UseSet;

static void use_set_done(UseSet *s) {
        strv_free(s->names);
        free(s->used);
}

static int use_set_read(Store *s, const char *directory, UseSet *ret) {
        int r = image_store_names(s->fd, directory, &ret->names);

        if (r >= 0)
                ret->used = calloc(strv_length(ret->names) + 1, sizeof(bool));
        return r < 0 ? r : ret->used ? 0 : -ENOMEM;
}

static int use_set_rest(const UseSet *s, char ***ret) {
        int r = 0;

        for (size_t i = 0; s->names && s->names[i] && r >= 0; i++)
                if (!s->used[i])
                        r = strv_extend(ret, s->names[i]);
        return r;
}

static int use_mark_refs(Store *s, UseSet *images) {
        _cleanup_strv_ char **refs = NULL;
        int r = image_store_names(s->fd, "refs", &refs);

        for (char **f = refs; r >= 0 && f && *f; f++) {
                char hex[DIGEST_HEX_SIZE];
                Digest digest;

                if (image_store_read_ref(s->fd, *f, &digest) < 0)
                        continue; /* "image check" tells */
                digest_to_hex(&digest, hex);
                use_mark(images->names, images->used, hex);
        }
        return r;
}

/* What runs keeps its image. */
static int use_mark_leases(Store *s, UseSet *images) {
        int r = 0;

        for (size_t i = 0; r >= 0 && images->names && images->names[i]; i++) {
                _cleanup_free_ char *holder = NULL;
                Digest digest;

                if (images->used[i] || digest_from_hex(images->names[i], &digest) < 0)
                        continue;
                r = image_lease_holder(s->fd, &digest, &holder);
                images->used[i] = holder != NULL;
        }
        return r;
}

static int use_mark_image(Store *s, const char *hex, UseSet *layers, UseSet *blobs, Diag *diag) {
        _cleanup_(image_record_freep) ImageRecord *record = NULL;
        char name[DIGEST_HEX_SIZE];
        Digest digest;
        int r = digest_from_hex(hex, &digest);

        if (r >= 0)
                r = image_store_load(s->fd, &digest, &record);
        if (r < 0)
                return diag_error(diag, ERROR_STATE, NULL, NULL, "the record images/%s cannot be read: nothing is removed while it stands there", hex);
        for (size_t i = 0; i < record->n_layers; i++)
                use_mark(layers->names, layers->used, record->layers[i].id);
        digest_to_hex(&record->manifest, name);
        use_mark(blobs->names, blobs->used, name);
        digest_to_hex(&record->config, name);
        use_mark(blobs->names, blobs->used, name);
        return 0;
}

static uint64_t use_bytes(Store *s, char *const *layers) {
        uint64_t sum = 0;

        for (; layers && *layers; layers++) {
                char path[LAYER_ID_SIZE + 16];
                LayerMeta m;
                int fd;

                (void)snprintf(path, sizeof(path), "layers/%.16s", *layers);
                fd = image_tree_open(s->fd, path, O_RDONLY | O_DIRECTORY);
                if (fd >= 0 && layer_meta_read(fd, &m) >= 0)
                        sum += m.bytes;
                (void)safe_close(fd);
        }
        return sum;
}

int store_unused(Store *s, bool unnamed, Diag *diag, StoreUse *ret) {
        __attribute__((cleanup(use_set_done))) UseSet images = {}, layers = {}, blobs = {};
        __attribute__((cleanup(store_use_done))) StoreUse u = {};
        int r = use_set_read(s, "images", &images);

        if (r >= 0)
                r = use_set_read(s, "layers", &layers);
        if (r >= 0)
                r = use_set_read(s, "blobs", &blobs);
        if (r >= 0 && unnamed)
                r = use_mark_refs(s, &images);
        if (r >= 0 && unnamed)
                r = use_mark_leases(s, &images);
        for (size_t i = 0; r >= 0 && images.names && images.names[i]; i++)
                if (!unnamed || images.used[i]) {
                        images.used[i] = true;
                        r = use_mark_image(s, images.names[i], &layers, &blobs, diag);
                }
        if (r >= 0)
                r = use_set_rest(&images, &u.images);
        if (r >= 0)
                r = use_set_rest(&layers, &u.layers);
        if (r >= 0)
                r = use_set_rest(&blobs, &u.blobs);
        if (r < 0)
                return diag->n_errors > 0 ? r : diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot read the store %s", s->path);
        u.bytes = use_bytes(s, u.layers);
        *ret = u;
        u = (StoreUse){};
        return 0;
}
