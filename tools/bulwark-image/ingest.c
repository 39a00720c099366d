/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "manager/base/io.h"
#include "manager/images/image-store.h"
#include "tools/bulwark-image/ingest.h"
#include "tools/bulwark-image/layer-meta.h"
#include "tools/bulwark-image/layer.h"
#include "tools/bulwark-image/manifest.h"
#include "tools/bulwark-image/source.h"
#include "tools/bulwark-image/tree.h"

/* A layer as the source has it. */
typedef struct Blob {
        char *name;           /* in the source; NULL = the source's file itself */
        Descriptor expected;  /* of the file, where has_descriptor */
        Descriptor content;   /* decompressed: found out */
        bool has_descriptor;
} Blob;

typedef struct Ingest {
        const IngestJob *job;
        Diag *diag;
        Source source;
        char *manifest, *config, *name;
        size_t manifest_size, config_size;
        Blob *blobs;
        size_t n_blobs;
        Digest *diff_ids; /* NULL = not known before */
        Digest chain;     /* of the layers so far */
        View view;
        ImageRecord *record;
} Ingest;

struct SourceKind {
        const char *prefix;
        bool directory, tag;
        int (*read)(Ingest *in);
};

static void ingest_done(Ingest *in) {
        for (size_t i = 0; i < in->n_blobs; i++)
                free(in->blobs[i].name);
        free(in->blobs);
        free(in->manifest);
        free(in->config);
        free(in->name);
        free(in->diff_ids);
        view_done(&in->view);
        source_done(&in->source);
        in->record = image_record_free(in->record);
}

static int ingest_spool(Ingest *in) {
        int fd;

        if (mkdirat(in->job->txn_fd, "spool", 0700) < 0)
                return -errno;
        fd = image_tree_open(in->job->txn_fd, "spool", O_RDONLY | O_DIRECTORY);
        return fd < 0 ? fd : source_from_archive(in->job->source_fd, fd, in->diag, &in->source);
}

static int ingest_blob_name(const Digest *digest, char **ret) {
        char hex[DIGEST_HEX_SIZE];

        digest_to_hex(digest, hex);
        return str_append(ret, "blobs/sha256/%s", hex);
}

static int ingest_wrong_blob(Ingest *in, const char *name, const char *how) {
        (void)diag_error(in->diag, ERROR_BAD_VALUE, NULL, NULL, "%s of the image is not what the image says it is: %s", name, how);
        return -EBADMSG;
}

/* A document by its descriptor. */
static int ingest_read_blob(Ingest *in, const Descriptor *d, char **ret, size_t *ret_size) {
        _cleanup_free_ char *name = NULL, *text = NULL;
        Digest digest;
        size_t size;
        int r = ingest_blob_name(&d->digest, &name);

        if (r >= 0)
                r = source_read(&in->source, name, MANIFEST_SIZE_MAX, in->diag, &text, &size);
        if (r < 0)
                return r;
        digest_of(text, size, &digest);
        if (size != d->size)
                return ingest_wrong_blob(in, name, "its size differs");
        if (!digest_equal(&digest, &d->digest))
                return ingest_wrong_blob(in, name, "its digest differs");
        *ret = TAKE_PTR(text);
        *ret_size = size;
        return 0;
}

static int ingest_add_blobs(Ingest *in, size_t n) {
        in->blobs = calloc(n, sizeof(*in->blobs));
        in->n_blobs = in->blobs ? n : 0;
        return in->blobs ? 0 : -ENOMEM;
}

static int ingest_check_layout(Ingest *in) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = source_read(&in->source, "oci-layout", 4096, in->diag, &text, &size);

        if (r < 0)
                return r;
        if (!strstr(text, "imageLayoutVersion") || !strstr(text, "\"1."))
                return diag_error(in->diag, ERROR_BAD_VALUE, NULL, NULL, "oci-layout does not say that this is an image layout of version 1");
        return 0;
}

/* From the index down to one manifest; an index in an index picks the architecture. */
static int ingest_find_manifest(Ingest *in) {
        _cleanup_free_ char *text = NULL;
        const char *tag = in->job->tag;
        Descriptor d;
        size_t size;
        int r = source_read(&in->source, "index.json", MANIFEST_SIZE_MAX, in->diag, &text, &size);

        for (unsigned depth = 0; r >= 0; depth++) {
                _cleanup_free_ char *inner = NULL, *name = NULL;
                bool nested;

                r = index_select(text, size, tag, manifest_native_architecture(), in->diag, &d, &nested, &name);
                if (r < 0)
                        break;
                if (depth == 0)
                        in->name = TAKE_PTR(name);
                if (!nested)
                        return ingest_read_blob(in, &d, &in->manifest, &in->manifest_size);
                if (depth == 2)
                        return diag_error(in->diag, ERROR_BAD_VALUE, NULL, NULL, "the index has indexes in indexes");
                r = ingest_read_blob(in, &d, &inner, &size);
                free(text);
                text = TAKE_PTR(inner);
                tag = NULL;
        }
        return r;
}

static int ingest_read_manifest(Ingest *in) {
        __attribute__((cleanup(manifest_done))) Manifest m = {};
        int r = manifest_parse(in->manifest, in->manifest_size, in->diag, &m);

        if (r >= 0)
                r = ingest_read_blob(in, &m.config, &in->config, &in->config_size);
        if (r >= 0)
                r = ingest_add_blobs(in, m.n_layers);
        for (size_t i = 0; i < m.n_layers && r >= 0; i++) {
                in->blobs[i].expected = m.layers[i];
                in->blobs[i].has_descriptor = true;
                r = ingest_blob_name(&m.layers[i].digest, &in->blobs[i].name);
        }
        return r;
}

static int ingest_oci(Ingest *in) {
        int r = ingest_check_layout(in);

        if (r >= 0)
                r = ingest_find_manifest(in);
        return r < 0 ? r : ingest_read_manifest(in);
}

static int ingest_oci_directory(Ingest *in) {
        int fd = fcntl(in->job->source_fd, F_DUPFD_CLOEXEC, 3);

        if (fd < 0)
                return -errno;
        source_from_directory(fd, &in->source);
        return ingest_oci(in);
}

static int ingest_oci_archive(Ingest *in) {
        int r = ingest_spool(in);

        return r < 0 ? r : ingest_oci(in);
}

static int ingest_docker_archive(Ingest *in) {
        __attribute__((cleanup(docker_manifest_done))) DockerManifest m = {};
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r = ingest_spool(in);

        if (r >= 0)
                r = source_read(&in->source, "manifest.json", MANIFEST_SIZE_MAX, in->diag, &text, &size);
        if (r >= 0)
                r = docker_manifest_parse(text, size, in->job->tag, in->diag, &m);
        if (r >= 0)
                r = source_read(&in->source, m.config, MANIFEST_SIZE_MAX, in->diag, &in->config, &in->config_size);
        if (r >= 0)
                r = ingest_add_blobs(in, MAX_OF(strv_length(m.layers), (size_t)1));
        if (r < 0)
                return r;
        in->name = TAKE_PTR(m.name);
        in->n_blobs = strv_length(m.layers);
        for (size_t i = 0; i < in->n_blobs; i++) {
                in->blobs[i].name = strdup(m.layers[i]);
                if (!in->blobs[i].name)
                        return -ENOMEM;
        }
        return 0;
}

static int ingest_tar(Ingest *in) {
        return ingest_add_blobs(in, 1);
}

static const SourceKind source_kinds[] = {
        { "oci:", true, true, ingest_oci_directory },
        { "oci-archive:", false, true, ingest_oci_archive },
        { "docker-archive:", false, true, ingest_docker_archive },
        { "tar:", false, false, ingest_tar },
};

const SourceKind *source_kind(const char *text, const char **ret_rest) {
        for (size_t i = 0; i < ELEMENTSOF(source_kinds); i++) {
                const char *rest = startswith(text, source_kinds[i].prefix);

                if (rest) {
                        *ret_rest = rest;
                        return source_kinds + i;
                }
        }
        *ret_rest = text;
        return source_kinds + ELEMENTSOF(source_kinds) - 1;
}

bool source_kind_is_directory(const SourceKind *kind) {
        return kind->directory;
}

bool source_kind_has_tag(const SourceKind *kind) {
        return kind->tag;
}

/* --- layers */

static int ingest_add_view(Ingest *in, int dir_fd) {
        char **opaque = NULL;
        int r = opaque_read(dir_fd, "opaque", &opaque), fd;

        if (r < 0)
                return r;
        fd = image_tree_open(dir_fd, "tree", O_RDONLY | O_DIRECTORY);
        if (fd < 0) {
                strv_free(opaque);
                return fd;
        }
        return view_add(&in->view, fd, opaque);
}

/* A finished layer fits where what it leaves open is the same here. */
static bool ingest_fits(const Ingest *in, const LayerMeta *m) {
        return m->kind == LAYER_CHAIN ||
               ((m->has_root || view_root_is_plain(&in->view)) && (in->view.n_layers > 0 || m->whiteouts == 0));
}

static int ingest_use(Ingest *in, int dir_fd, const LayerMeta *m, const Digest *diff_id) {
        ImageLayer layer = { .kind = m->kind, .diff_id = *diff_id, .bytes = m->bytes };
        int r;

        layer_id(m->kind, &m->key, layer.id);
        in->blobs[in->record->n_layers].content = (Descriptor){ .digest = *diff_id, .size = m->size };
        r = image_record_add_layer(in->record, &layer);
        return r < 0 ? r : ingest_add_view(in, dir_fd);
}

/* One that the store has, or this transaction, as it is looked for by either key. *ret: it was there. */
static int ingest_reuse_at(Ingest *in, int base_fd, const char *path, LayerKind kind, const Digest *key, const Digest *diff_id, bool *ret) {
        _cleanup_close_ int fd = image_tree_open(base_fd, path, O_RDONLY | O_DIRECTORY);
        LayerMeta m;

        if (fd < 0 || layer_meta_read(fd, &m) < 0 || m.kind != kind || !digest_equal(&m.key, key) || !ingest_fits(in, &m))
                return 0;
        *ret = true;
        return ingest_use(in, fd, &m, diff_id);
}

static int ingest_reuse(Ingest *in, const Digest *diff_id, const Digest *chain, bool *ret) {
        const Digest *keys[_LAYER_KIND_MAX] = { [LAYER_DIFF] = diff_id, [LAYER_CHAIN] = chain };
        int r = 0;

        for (int kind = 0; kind < _LAYER_KIND_MAX && r >= 0 && !*ret; kind++) {
                char path[LAYER_ID_SIZE + 16] = "layers/", number[24];
                const char *id = path + strlen(path);

                layer_id((LayerKind)kind, keys[kind], path + strlen(path));
                r = ingest_reuse_at(in, in->job->store_fd, path, (LayerKind)kind, keys[kind], diff_id, ret);
                for (size_t i = 0; i < in->record->n_layers && r >= 0 && !*ret; i++)
                        if (streq(in->record->layers[i].id, id)) {
                                (void)snprintf(number, sizeof(number), "%zu", i);
                                r = ingest_reuse_at(in, in->job->txn_fd, number, (LayerKind)kind, keys[kind], diff_id, ret);
                        }
        }
        return r;
}

static int ingest_write_opaque(int dir_fd, char *const *opaque, Digest *ret) {
        _cleanup_free_ char *text = strv_join(opaque, "\n");

        if (!text)
                return -ENOMEM;
        digest_of(text, strlen(text), ret);
        return write_file_volatile(dir_fd, "opaque", text, strlen(text), 0600);
}

static int ingest_finish_layer(Ingest *in, Layer *l, int dir_fd, const Descriptor *content, LayerMeta *ret) {
        LayerMeta m = {
                .kind = l->needs_lower ? LAYER_CHAIN : LAYER_DIFF,
                .key = l->needs_lower ? in->chain : content->digest,
                .size = content->size,
                .entries = l->n_entries,
                .bytes = l->bytes,
                .whiteouts = l->n_whiteouts + l->n_opaque,
                .has_root = l->has_root,
        };
        int r = ingest_write_opaque(dir_fd, l->opaque, &m.opaque);

        if (r >= 0)
                r = tree_digest(l->tree_fd, &m.tree);
        if (r >= 0)
                r = layer_meta_write(dir_fd, &m);
        if (r < 0)
                return diag_errno(in->diag, ERROR_FAILED, NULL, NULL, -r, "cannot finish a layer");
        *ret = m;
        return 0;
}

static int ingest_open_blob(Ingest *in, const Blob *blob, int *ret_fd) {
        if (blob->name)
                return source_open(&in->source, blob->name, in->diag, ret_fd);
        *ret_fd = fcntl(in->job->source_fd, F_DUPFD_CLOEXEC, 3);
        return *ret_fd < 0 ? -errno : 0;
}

static int ingest_check_digests(Ingest *in, size_t i, const Descriptor *file) {
        const Blob *blob = in->blobs + i;
        const char *name = blob->name ? blob->name : "the archive";

        if (blob->has_descriptor && file->size != blob->expected.size)
                return ingest_wrong_blob(in, name, "its size differs");
        if (blob->has_descriptor && !digest_equal(&file->digest, &blob->expected.digest))
                return ingest_wrong_blob(in, name, "its digest differs");
        if (in->diff_ids && !digest_equal(&blob->content.digest, in->diff_ids + i))
                return ingest_wrong_blob(in, name, "its content is not that of the configuration's diff_ids");
        return 0;
}

static int ingest_stream(Ingest *in, size_t i, Layer *l) {
        _cleanup_(blob_stream_freep) BlobStream *stream = NULL;
        Blob *blob = in->blobs + i;
        _cleanup_close_ int fd = -EBADF;
        Descriptor file;
        int r = ingest_open_blob(in, blob, &fd);

        if (r >= 0)
                r = blob_stream_new(fd, NULL, 0, in->diag, &stream);
        if (r >= 0)
                r = layer_extract(l, stream);
        if (r >= 0)
                r = blob_stream_finish(stream, &file.digest, &file.size, &blob->content.digest, &blob->content.size);
        return r < 0 ? r : ingest_check_digests(in, i, &file);
}

static int ingest_make_directory(Ingest *in, size_t i, int *ret_dir, int *ret_tree) {
        char number[24];

        (void)snprintf(number, sizeof(number), "%zu", i);
        if (mkdirat(in->job->txn_fd, number, 0700) < 0)
                return -errno;
        *ret_dir = image_tree_open(in->job->txn_fd, number, O_RDONLY | O_DIRECTORY);
        if (*ret_dir < 0)
                return *ret_dir;
        if (mkdirat(*ret_dir, "tree", 0755) < 0)
                return -errno;
        *ret_tree = image_tree_open(*ret_dir, "tree", O_RDONLY | O_DIRECTORY);
        return *ret_tree < 0 ? *ret_tree : 0;
}

static int ingest_extract(Ingest *in, size_t i, const Digest *below) {
        __attribute__((cleanup(layer_done))) Layer l = LAYER_INIT;
        _cleanup_close_ int dir = -EBADF, tree = -EBADF;
        LayerMeta m;
        int r = ingest_make_directory(in, i, &dir, &tree);

        if (r < 0)
                return r;
        l.tree_fd = tree;
        l.view = &in->view;
        l.diag = in->diag;
        r = ingest_stream(in, i, &l);
        if (r < 0)
                return r;
        chain_id(below, &in->blobs[i].content.digest, &in->chain);
        r = ingest_finish_layer(in, &l, dir, &in->blobs[i].content, &m);
        return r < 0 ? r : ingest_use(in, dir, &m, &in->blobs[i].content.digest);
}

static int ingest_layer(Ingest *in, size_t i) {
        const Digest before = in->chain, *below = i > 0 ? &before : NULL;
        bool reused = false;
        Digest chain;
        int r = 0;

        if (in->diff_ids) {
                chain_id(below, in->diff_ids + i, &chain);
                r = ingest_reuse(in, in->diff_ids + i, &chain, &reused);
        }
        if (r < 0 || !reused)
                return r < 0 ? r : ingest_extract(in, i, below);
        in->chain = chain;
        return 0;
}

/* Files are never smaller than what they are compressed to, but for holes: less room than that cannot do. */
static int ingest_check_room(Ingest *in) {
        struct statvfs st;
        uint64_t sum = 0, room;

        for (size_t i = 0; i < in->n_blobs; i++)
                if (in->blobs[i].has_descriptor && __builtin_add_overflow(sum, in->blobs[i].expected.size, &sum))
                        return ingest_wrong_blob(in, "the manifest", "its layers are larger than can be");
        if (fstatvfs(in->job->txn_fd, &st) < 0)
                return -errno;
        room = (uint64_t)st.f_bavail * st.f_frsize;
        if (sum > room)
                return diag_error(in->diag, ERROR_NO_MEMORY, NULL, NULL,
                                  "the image has %" PRIu64 " MiB of compressed layers, the store has room for %" PRIu64 " MiB", sum >> 20, room >> 20);
        return 0;
}

static int ingest_configuration(Ingest *in) {
        size_t n;
        int r;

        if (!in->config)
                return 0;
        r = config_parse(in->config, in->config_size, in->diag, in->record, &in->diff_ids, &n);
        if (r < 0)
                return r;
        if (n != in->n_blobs)
                return ingest_wrong_blob(in, "the configuration", "it has another number of layers than the manifest");
        if (!streq(in->record->os, "linux"))
                return diag_error(in->diag, ERROR_BAD_VALUE, NULL, NULL, "the image is for %s, not for linux", in->record->os);
        return 0;
}

/* What an archive without them would have had. */
static int ingest_invent(Ingest *in) {
        _cleanup_free_ Descriptor *layers = calloc(in->n_blobs, sizeof(*layers));
        const char *native = manifest_native_architecture();
        Descriptor config;
        int r = layers ? 0 : -ENOMEM;

        if (r >= 0 && !in->config) {
                r = config_print(&in->blobs[0].content.digest, native, &in->config);
                in->config_size = in->config ? strlen(in->config) : 0;
                in->record->architecture = strdup(native);
                in->record->os = strdup("linux");
                if (!in->record->architecture || !in->record->os)
                        return -ENOMEM;
        }
        if (r < 0 || in->manifest)
                return r;
        for (size_t i = 0; i < in->n_blobs; i++)
                layers[i] = in->blobs[i].content;
        config.size = in->config_size;
        digest_of(in->config, in->config_size, &config.digest);
        r = manifest_print(&config, layers, in->n_blobs, &in->manifest);
        in->manifest_size = in->manifest ? strlen(in->manifest) : 0;
        return r;
}

static int ingest_write(Ingest *in) {
        ImageRecord *record = in->record;
        _cleanup_free_ char *text = NULL;
        int r;

        digest_of(in->manifest, in->manifest_size, &record->manifest);
        digest_of(in->config, in->config_size, &record->config);
        record->imported_usec = in->job->now_usec;
        record->source = strdup(in->job->source);
        r = record->source ? image_record_print(record, &text) : -ENOMEM;
        if (r >= 0 && strlen(text) > IMAGE_RECORD_SIZE_MAX)
                return diag_error(in->diag, ERROR_BAD_VALUE, NULL, NULL, "the configuration of the image is too large");
        if (r >= 0)
                r = write_file_volatile(in->job->txn_fd, "manifest", in->manifest, in->manifest_size, 0600);
        if (r >= 0)
                r = write_file_volatile(in->job->txn_fd, "config", in->config, in->config_size, 0600);
        if (r >= 0 && in->name)
                r = write_file_volatile(in->job->txn_fd, "name", in->name, strlen(in->name), 0600);
        return r < 0 ? r : write_file_volatile(in->job->txn_fd, "record", text, strlen(text), 0600);
}

static int ingest_all(Ingest *in) {
        int r = in->job->kind->read(in);

        if (r >= 0)
                r = ingest_configuration(in);
        if (r >= 0)
                r = ingest_check_room(in);
        for (size_t i = 0; i < in->n_blobs && r >= 0; i++)
                r = ingest_layer(in, i);
        if (r >= 0)
                r = ingest_invent(in);
        return r < 0 ? r : ingest_write(in);
}

int ingest(const IngestJob *job, Diag *diag) {
        Ingest in = { .job = job, .diag = diag, .source = SOURCE_INIT };
        int r;

        in.record = calloc(1, sizeof(*in.record));
        r = in.record ? ingest_all(&in) : -ENOMEM;
        if (r < 0 && diag->n_errors == 0)
                (void)diag_errno(diag, r == -ENOMEM || r == -ENOSPC ? ERROR_NO_MEMORY : ERROR_FAILED, NULL, NULL, -r, "cannot read the image");
        ingest_done(&in);
        return r;
}
