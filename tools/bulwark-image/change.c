/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tag, remove, prune. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "manager/images/image-lease.h"
#include "tools/bulwark-image/command.h"
#include "tools/bulwark-image/store-write.h"

int command_tag(const CommandOptions *o, Diag *diag) {
        _cleanup_(image_record_freep) ImageRecord *record = NULL;
        _cleanup_store_ Store s = STORE_INIT;
        int r = store_open(o->store, STORE_ADD, diag, &s);

        if (r >= 0)
                r = store_resolve(&s, o->arguments[0], diag, &record);
        for (size_t i = 1; i < o->n_arguments && r >= 0; i++) {
                _cleanup_free_ char *name = NULL;

                if (image_name_normalize(o->arguments[i], &name) < 0)
                        return diag_error(diag, ERROR_USAGE, NULL, NULL, "\"%s\" is no name for an image: [HOST/]NAME[:TAG], in lower case",
                                          o->arguments[i]);
                r = store_set_ref(&s, name, &record->manifest, diag);
        }
        return r;
}

/* Names that lead to an image. */
static int remove_names(Store *s, const Digest *digest, char ***ret) {
        _cleanup_strv_ char **files = NULL;
        int r = image_store_names(s->fd, "refs", &files);

        for (char **f = files; r >= 0 && f && *f; f++) {
                Digest other;

                if (image_store_read_ref(s->fd, *f, &other) >= 0 && digest_equal(&other, digest))
                        r = strv_extend(ret, *f);
        }
        return r;
}

static int remove_unused(Store *s, bool unnamed, const CommandOptions *o, Diag *diag, StoreUse *u) {
        struct {
                const char *directory;
                char **names;
        } parts[3];
        int r = store_unused(s, unnamed, diag, u);

        if (r < 0 || o->dry_run)
                return r;
        /* what leads somewhere goes before what it leads to */
        parts[0].directory = "images", parts[0].names = u->images;
        parts[1].directory = "blobs", parts[1].names = u->blobs;
        parts[2].directory = "layers", parts[2].names = u->layers;
        for (size_t i = 0; i < ELEMENTSOF(parts) && r >= 0; i++)
                for (char **n = parts[i].names; r >= 0 && n && *n; n++)
                        r = store_discard(s, parts[i].directory, *n);
        return r < 0 ? diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot remove from the store %s", s->path) : 0;
}

static int remove_one(Store *s, const CommandOptions *o, const char *name, Diag *diag) {
        _cleanup_(image_record_freep) ImageRecord *record = NULL;
        _cleanup_free_ char *normal = NULL;
        _cleanup_strv_ char **names = NULL;
        char hex[DIGEST_HEX_SIZE], file[IMAGE_NAME_MAX + 1];
        bool by_name = image_name_normalize(name, &normal) >= 0 && image_name_to_file(normal, file) >= 0;
        int r = store_resolve(s, name, diag, &record);

        if (r >= 0)
                r = remove_names(s, &record->manifest, &names);
        if (r < 0)
                return r;
        by_name = by_name && strv_contains(names, file);
        if (!by_name && strv_length(names) > 1 && !o->force)
                return diag_error(diag, ERROR_BUSY, NULL, NULL, "the image %s has %zu names; remove those, or use --force", name, strv_length(names));
        if (!by_name || strv_length(names) <= 1) {
                _cleanup_free_ char *holder = NULL;

                r = image_lease_holder(s->fd, &record->manifest, &holder);
                if (r < 0)
                        return diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot tell who runs from %s", name);
                if (holder)
                        return diag_error(diag, ERROR_BUSY, NULL, NULL, "the container %s runs from the image %s; stop it first", holder, name);
        }
        if (!o->quiet)
                printf("%s %s\n", o->dry_run ? "would remove" : "removed", name);
        if (o->dry_run)
                return 0;
        for (char **n = names; r >= 0 && n && *n; n++)
                if (!by_name || streq(*n, file))
                        r = store_discard(s, "refs", *n);
        digest_to_hex(&record->manifest, hex);
        if (r >= 0 && (!by_name || strv_length(names) == 1))
                r = store_discard(s, "images", hex);
        return r < 0 ? diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot remove %s", name) : 0;
}

int command_remove(const CommandOptions *o, Diag *diag) {
        __attribute__((cleanup(store_use_done))) StoreUse u = {};
        _cleanup_store_ Store s = STORE_INIT;
        int r = store_open(o->store, STORE_REMOVE, diag, &s);

        for (size_t i = 0; i < o->n_arguments && r >= 0; i++)
                r = remove_one(&s, o, o->arguments[i], diag);
        return r < 0 || o->dry_run ? r : remove_unused(&s, false, o, diag, &u);
}

int command_prune(const CommandOptions *o, Diag *diag) {
        __attribute__((cleanup(store_use_done))) StoreUse u = {};
        _cleanup_store_ Store s = STORE_INIT;
        int r = store_open(o->store, STORE_REMOVE, diag, &s);

        if (r >= 0)
                r = remove_unused(&s, true, o, diag, &u);
        if (r >= 0 && !o->quiet)
                printf("%s %zu images, %zu layers, %" PRIu64 " bytes\n", o->dry_run ? "would remove" : "removed", strv_length(u.images),
                       strv_length(u.layers), u.bytes);
        return r;
}
