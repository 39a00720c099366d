/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* verify: is everything of an image still what was imported? check: is the store whole, and what is in it that nothing needs? */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "tools/bulwark-image/command.h"
#include "tools/bulwark-image/layer-meta.h"
#include "tools/bulwark-image/manifest.h"
#include "tools/bulwark-image/store-write.h"
#include "tools/bulwark-image/tree.h"
#include "manager/images/layer-view.h"

static int check_wrong(Diag *diag, const char *what, const char *id, const char *how) {
        return diag_error(diag, ERROR_STATE, NULL, NULL, "%s %s %s", what, id, how);
}

/* A layer's name is its key, and its tree is the one that was extracted. */
static int check_layer(Store *s, const char *id, Diag *diag) {
        _cleanup_close_ int dir = -EBADF, tree = -EBADF;
        _cleanup_free_ char *path = NULL, *opaque = NULL;
        char named[LAYER_ID_SIZE];
        Digest digest;
        LayerMeta m;
        size_t size;

        if (str_append(&path, "layers/%s", id) < 0)
                return -ENOMEM;
        dir = image_tree_open(s->fd, path, O_RDONLY | O_DIRECTORY);
        if (dir < 0)
                return check_wrong(diag, "layer", id, "is missing");
        if (layer_meta_read(dir, &m) < 0)
                return check_wrong(diag, "layer", id, "has a damaged meta file");
        layer_id(m.kind, &m.key, named);
        if (!streq(named, id))
                return check_wrong(diag, "layer", id, "has the meta file of another layer");
        if (image_store_read(dir, "opaque", UINT32_MAX, &opaque, &size) < 0)
                return check_wrong(diag, "layer", id, "has no list of opaque directories");
        digest_of(opaque, size, &digest);
        if (!digest_equal(&digest, &m.opaque))
                return check_wrong(diag, "layer", id, "has a damaged list of opaque directories");
        tree = image_tree_open(dir, "tree", O_RDONLY | O_DIRECTORY);
        if (tree < 0 || tree_digest(tree, &digest) < 0)
                return check_wrong(diag, "layer", id, "has a tree that cannot be read");
        return digest_equal(&digest, &m.tree) ? 0 : check_wrong(diag, "layer", id, "has a tree that was changed since it was imported");
}

static int check_blob(Store *s, const char *hex, Diag *diag) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        Digest digest, named;
        size_t size;

        if (str_append(&path, "blobs/%s", hex) < 0)
                return -ENOMEM;
        if (image_store_read(s->fd, path, MANIFEST_SIZE_MAX, &text, &size) < 0)
                return check_wrong(diag, "blob", hex, "is missing");
        digest_of(text, size, &digest);
        if (digest_from_hex(hex, &named) < 0 || !digest_equal(&digest, &named))
                return check_wrong(diag, "blob", hex, "is not what its name says");
        return 0;
}

static int check_image(Store *s, const ImageRecord *record, bool layers, Diag *diag) {
        char hex[DIGEST_HEX_SIZE];
        size_t before = diag->n_errors;

        digest_to_hex(&record->manifest, hex);
        (void)check_blob(s, hex, diag);
        digest_to_hex(&record->config, hex);
        (void)check_blob(s, hex, diag);
        for (size_t i = 0; i < record->n_layers; i++) {
                char path[LAYER_ID_SIZE + 16];

                (void)snprintf(path, sizeof(path), "layers/%s", record->layers[i].id);
                if (layers)
                        (void)check_layer(s, record->layers[i].id, diag);
                else if (faccessat(s->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                        (void)check_wrong(diag, "layer", record->layers[i].id, "is missing");
        }
        return diag->n_errors > before ? -EIO : 0;
}

int command_verify(const CommandOptions *o, Diag *diag) {
        _cleanup_store_ Store s = STORE_INIT;
        int r = store_open(o->store, STORE_READ, diag, &s);

        for (size_t i = 0; i < o->n_arguments && r >= 0; i++) {
                _cleanup_(image_record_freep) ImageRecord *record = NULL;

                r = store_resolve(&s, o->arguments[i], diag, &record);
                if (r < 0)
                        return r;
                if (check_image(&s, record, true, diag) >= 0 && !o->quiet)
                        printf("%s: as imported\n", o->arguments[i]);
        }
        return diag->n_errors > 0 ? -EIO : r;
}

static void check_refs(Store *s, char *const *refs, Diag *diag) {
        for (; refs && *refs; refs++) {
                _cleanup_(image_record_freep) ImageRecord *record = NULL;
                char name[IMAGE_NAME_MAX + 1];
                Digest digest;

                if (image_name_from_file(*refs, name) < 0 || image_store_read_ref(s->fd, *refs, &digest) < 0)
                        (void)check_wrong(diag, "name", *refs, "is damaged");
                else if (image_store_load(s->fd, &digest, &record) < 0)
                        (void)check_wrong(diag, "name", name, "leads to no image");
        }
}

static void check_records(Store *s, char *const *images, Diag *diag) {
        for (; images && *images; images++) {
                _cleanup_(image_record_freep) ImageRecord *record = NULL;
                Digest digest;

                if (digest_from_hex(*images, &digest) < 0 || image_store_load(s->fd, &digest, &record) < 0)
                        (void)check_wrong(diag, "image", *images, "has a damaged record");
                else
                        (void)check_image(s, record, false, diag);
        }
}

int command_check(const CommandOptions *o, Diag *diag) {
        __attribute__((cleanup(store_use_done))) StoreUse unused = {};
        _cleanup_strv_ char **refs = NULL, **images = NULL, **layers = NULL, **tmp = NULL;
        _cleanup_store_ Store s = STORE_INIT;
        int r = store_open(o->store, STORE_READ, diag, &s);

        if (r < 0)
                return r;
        if (image_store_names(s.fd, "refs", &refs) < 0 || image_store_names(s.fd, "images", &images) < 0 ||
            image_store_names(s.fd, "layers", &layers) < 0 || image_store_names(s.fd, "tmp", &tmp) < 0)
                return check_wrong(diag, "store", o->store, "lacks a directory");
        check_refs(&s, refs, diag);
        check_records(&s, images, diag);
        for (char **l = layers; l && *l; l++)
                (void)check_layer(&s, *l, diag);
        if (diag->n_errors == 0)
                r = store_unused(&s, false, diag, &unused);
        if (!o->quiet)
                printf("%zu names, %zu images, %zu layers; not needed: %zu layers, %zu blobs; under way: %zu\n", strv_length(refs),
                       strv_length(images), strv_length(layers), strv_length(unused.layers), strv_length(unused.blobs), strv_length(tmp));
        return diag->n_errors > 0 ? -EIO : r;
}
