/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "tools/bulwark-image/json-text.h"
#include "tools/bulwark-image/manifest.h"

#define REF_NAME "org.opencontainers.image.ref.name"

/* What a descriptor can be of. A layer's compression is read from its bytes. */
typedef enum Media {
        MEDIA_OTHER,
        MEDIA_INDEX,
        MEDIA_MANIFEST,
        MEDIA_CONFIG,
        MEDIA_LAYER,
} Media;
static const struct {
        const char *type;
        Media media;
} media_types[] = {
        { "application/vnd.oci.image.index.v1+json", MEDIA_INDEX },
        { "application/vnd.docker.distribution.manifest.list.v2+json", MEDIA_INDEX },
        { "application/vnd.oci.image.manifest.v1+json", MEDIA_MANIFEST },
        { "application/vnd.docker.distribution.manifest.v2+json", MEDIA_MANIFEST },
        { "application/vnd.oci.image.config.v1+json", MEDIA_CONFIG },
        { "application/vnd.docker.container.image.v1+json", MEDIA_CONFIG },
        { "application/vnd.oci.image.layer.v1.tar", MEDIA_LAYER },
        { "application/vnd.oci.image.layer.v1.tar+gzip", MEDIA_LAYER },
        { "application/vnd.oci.image.layer.v1.tar+zstd", MEDIA_LAYER },
        { "application/vnd.docker.image.rootfs.diff.tar", MEDIA_LAYER },
        { "application/vnd.docker.image.rootfs.diff.tar.gzip", MEDIA_LAYER },
        { "application/vnd.docker.image.rootfs.diff.tar.zstd", MEDIA_LAYER },
};
#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define OCI_LAYER "application/vnd.oci.image.layer.v1.tar"

/* GNU's name of the machine, and Go's, which images use. */
static const struct {
        const char *gnu, *go;
} architectures[] = {
        { "x86_64", "amd64" },   { "aarch64", "arm64" }, { "riscv64", "riscv64" },     { "powerpc64le", "ppc64le" },
        { "s390x", "s390x" },    { "i386", "386" },      { "loongarch64", "loong64" },
};
#if defined(__x86_64__)
#define NATIVE "x86_64"
#elif defined(__aarch64__)
#define NATIVE "aarch64"
#elif defined(__riscv)
#define NATIVE "riscv64"
#elif defined(__powerpc64__)
#define NATIVE "powerpc64le"
#elif defined(__s390x__)
#define NATIVE "s390x"
#elif defined(__loongarch__)
#define NATIVE "loongarch64"
#else
#define NATIVE "i386"
#endif

const char *manifest_native_architecture(void) {
        for (size_t i = 0; i < ELEMENTSOF(architectures); i++)
                if (streq(architectures[i].gnu, NATIVE))
                        return architectures[i].go;
        return NATIVE;
}

static int manifest_wrong(Diag *diag, const char *what, const char *words) {
        (void)diag_error(diag, ERROR_BAD_VALUE, NULL, NULL, "the %s is wrong: %s", what, words);
        return -EBADMSG;
}

static Media descriptor_media(json_object *o) {
        const char *type = NULL;

        if (json_text_string(o, "mediaType", &type) >= 0 && type)
                for (size_t i = 0; i < ELEMENTSOF(media_types); i++)
                        if (streq(type, media_types[i].type))
                                return media_types[i].media;
        return MEDIA_OTHER;
}

static int digest_parse(const char *text, Digest *ret) {
        const char *hex = text ? startswith(text, "sha256:") : NULL;

        return hex ? digest_from_hex(hex, ret) : -EINVAL;
}

static int descriptor_parse(json_object *o, Descriptor *ret) {
        const char *digest = NULL;
        Descriptor d;

        if (json_text_string(o, "digest", &digest) < 0 || digest_parse(digest, &d.digest) < 0 ||
            json_text_size(o, "size", &d.size) < 0)
                return -EBADMSG;
        *ret = d;
        return 0;
}

static const char *descriptor_text(json_object *o, const char *object, const char *key) {
        json_object *inner = NULL;
        const char *value = NULL;

        if (json_text_object(o, object, &inner) < 0 || !inner || json_text_string(inner, key, &value) < 0)
                return NULL;
        return value;
}

/* CVE-2021-41190: a document that is an index for one reader and a manifest for the other. */
static bool manifest_ambiguous(json_object *o) {
        return json_object_object_get_ex(o, "manifests", NULL) &&
               (json_object_object_get_ex(o, "layers", NULL) || json_object_object_get_ex(o, "config", NULL));
}

typedef struct Selection {
        json_object *found;
        unsigned n_images, n_found;
} Selection;

static void index_look(json_object *list, const char *tag, const char *architecture, Selection *s) {
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                json_object *o = json_object_array_get_idx(list, i);
                const char *name = descriptor_text(o, "annotations", REF_NAME),
                           *arch = descriptor_text(o, "platform", "architecture"), *os = descriptor_text(o, "platform", "os");
                Media media = descriptor_media(o);

                if (media != MEDIA_INDEX && media != MEDIA_MANIFEST)
                        continue;
                s->n_images++;
                if (tag ? !streq_ptr(name, tag) : (arch && !streq(arch, architecture)) || (os && !streq(os, "linux")))
                        continue;
                s->n_found++;
                s->found = s->found ? s->found : o;
        }
}

int index_select(const char *text, size_t size, const char *tag, const char *architecture, Diag *diag, Descriptor *ret,
                 bool *ret_nested, char **ret_name) {
        _cleanup_json_ json_object *o = NULL;
        json_object *list = NULL;
        Selection s = {};
        const char *name;
        int r = json_text_parse(text, size, "the index", diag, &o);

        if (r < 0)
                return r;
        if (manifest_ambiguous(o))
                return manifest_wrong(diag, "index", "it is a manifest as well");
        if (json_text_array(o, "manifests", &list) < 0 || !list || json_object_array_length(list) > JSON_ITEMS_MAX)
                return manifest_wrong(diag, "index", "it has no list of manifests");
        index_look(list, tag, architecture, &s);
        if (s.n_found != 1) {
                (void)diag_error(diag, ERROR_MISSING, NULL, NULL,
                                 s.n_found == 0 ? "none of the %u images of the index is %s%s"
                                                : "more than one of the %u images of the index is %s%s; name its tag",
                                 s.n_images, tag ? "tagged " : "for linux on ", tag ? tag : architecture);
                return -ENOENT;
        }
        if (descriptor_parse(s.found, ret) < 0)
                return manifest_wrong(diag, "index", "a descriptor has no sha256 digest, or no size");
        *ret_nested = descriptor_media(s.found) == MEDIA_INDEX;
        name = descriptor_text(s.found, "annotations", REF_NAME);
        *ret_name = name ? strdup(name) : NULL;
        return name && !*ret_name ? -ENOMEM : 0;
}

void manifest_done(Manifest *m) {
        free(m->layers);
        *m = (Manifest){};
}

static int manifest_read_layers(json_object *list, Diag *diag, Manifest *m) {
        size_t n = json_object_array_length(list);

        if (n == 0 || n > IMAGE_LAYERS_MAX)
                return manifest_wrong(diag, "manifest", n == 0 ? "it has no layer" : "it has more than 500 layers");
        m->layers = calloc(n, sizeof(*m->layers));
        if (!m->layers)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                json_object *o = json_object_array_get_idx(list, i);

                if (descriptor_media(o) != MEDIA_LAYER)
                        return manifest_wrong(diag, "manifest", "a layer is of a media type that is not known");
                if (descriptor_parse(o, m->layers + i) < 0)
                        return manifest_wrong(diag, "manifest", "a layer has no sha256 digest, or no size");
                m->n_layers++;
        }
        return 0;
}

int manifest_parse(const char *text, size_t size, Diag *diag, Manifest *ret) {
        _cleanup_json_ json_object *o = NULL;
        json_object *config = NULL, *layers = NULL;
        __attribute__((cleanup(manifest_done))) Manifest m = {};
        int r = json_text_parse(text, size, "the manifest", diag, &o);

        if (r < 0)
                return r;
        if (manifest_ambiguous(o))
                return manifest_wrong(diag, "manifest", "it is an index as well");
        if (json_object_object_get_ex(o, "mediaType", NULL) && descriptor_media(o) != MEDIA_MANIFEST)
                return manifest_wrong(diag, "manifest", "it is not of a media type that is known");
        if (json_text_object(o, "config", &config) < 0 || !config || descriptor_media(config) != MEDIA_CONFIG ||
            descriptor_parse(config, &m.config) < 0)
                return manifest_wrong(diag, "manifest", "it names no configuration of an image");
        if (json_text_array(o, "layers", &layers) < 0 || !layers)
                return manifest_wrong(diag, "manifest", "it has no list of layers");
        r = manifest_read_layers(layers, diag, &m);
        if (r < 0)
                return r;
        *ret = m;
        m = (Manifest){};
        return 0;
}

/* A list of strings, or the keys of an object, or KEY=VALUE of one. */
static int config_read_list(json_object *o, bool values, char ***ret) {
        if (json_object_is_type(o, json_type_array)) {
                for (size_t i = 0; i < json_object_array_length(o); i++) {
                        const char *s = json_text_element(o, i);

                        if (!s)
                                return -EBADMSG;
                        if (strv_extend(ret, s) < 0)
                                return -ENOMEM;
                }
                return 0;
        }
        json_object_object_foreach(o, key, value) {
                char *item = NULL;
                const char *s = NULL;

                if (values && (!json_object_is_type(value, json_type_string) || json_text_string(o, key, &s) < 0))
                        return -EBADMSG;
                if (str_append(&item, "%s%s%s", key, s ? "=" : "", strempty(s)) < 0 || strv_push(ret, item) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static size_t config_length(json_object *o) {
        return json_object_is_type(o, json_type_array) ? json_object_array_length(o) : (size_t)json_object_object_length(o);
}

static int config_read_field(json_object *config, const RecordField *f, ImageRecord *record) {
        void *field = (char *)record + f->offset;
        json_object *o = NULL;
        const char *s = NULL;

        if (f->kind == RECORD_text) {
                if (json_text_string(config, f->json, &s) < 0)
                        return -EBADMSG;
                *(char **)field = isempty(s) ? NULL : strdup(s);
                return isempty(s) || *(char **)field ? 0 : -ENOMEM;
        }
        if (!json_object_object_get_ex(config, f->json, &o) || !o)
                return 0;
        if (streq(f->json, "ExposedPorts") || streq(f->json, "Volumes") || streq(f->json, "Labels")
                    ? !json_object_is_type(o, json_type_object)
                    : !json_object_is_type(o, json_type_array))
                return -EBADMSG;
        return config_length(o) > JSON_ITEMS_MAX ? -EBADMSG : config_read_list(o, streq(f->json, "Labels"), field);
}

static int config_read_inner(json_object *o, Diag *diag, ImageRecord *record) {
        json_object *config = NULL;

        if (json_text_object(o, "config", &config) < 0)
                return manifest_wrong(diag, "configuration", "config is no object");
        for (size_t i = 0; config && i < n_record_fields; i++) {
                int r = record_fields[i].json ? config_read_field(config, record_fields + i, record) : 0;

                if (r == -EBADMSG)
                        return manifest_wrong(diag, "configuration", record_fields[i].json);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int config_copy(json_object *o, const char *key, bool needed, char **ret) {
        const char *s = NULL;

        if (json_text_string(o, key, &s) < 0 || (needed && isempty(s)))
                return -EBADMSG;
        *ret = isempty(s) ? NULL : strdup(s);
        return isempty(s) || *ret ? 0 : -ENOMEM;
}

static int config_read_history(json_object *o, ImageRecord *record) {
        json_object *list = NULL;

        if (json_text_array(o, "history", &list) < 0)
                return -EBADMSG;
        for (size_t i = 0; list && i < json_object_array_length(list) && i < JSON_ITEMS_MAX; i++) {
                json_object *item = json_object_array_get_idx(list, i), *empty = NULL;
                const char *created = NULL, *by = NULL;
                char *line = NULL;

                if (json_text_string(item, "created", &created) < 0 || json_text_string(item, "created_by", &by) < 0)
                        return -EBADMSG;
                (void)json_object_object_get_ex(item, "empty_layer", &empty);
                if (str_append(&line, "%s %s %s", created ? created : "-", json_object_get_boolean(empty) ? "empty" : "layer",
                               strempty(by)) < 0 ||
                    strv_push(&record->history, line) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int config_read_diff_ids(json_object *o, Digest **ret, size_t *ret_n) {
        json_object *rootfs = NULL, *list = NULL;
        _cleanup_free_ Digest *ids = NULL;
        const char *type = NULL;
        size_t n;

        if (json_text_object(o, "rootfs", &rootfs) < 0 || !rootfs || json_text_string(rootfs, "type", &type) < 0 ||
            !streq_ptr(type, "layers") || json_text_array(rootfs, "diff_ids", &list) < 0 || !list)
                return -EBADMSG;
        n = json_object_array_length(list);
        if (n == 0 || n > IMAGE_LAYERS_MAX)
                return -EBADMSG;
        ids = calloc(n, sizeof(*ids));
        if (!ids)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (digest_parse(json_text_element(list, i), ids + i) < 0)
                        return -EBADMSG;
        *ret = TAKE_PTR(ids);
        *ret_n = n;
        return 0;
}

int config_parse(const char *text, size_t size, Diag *diag, ImageRecord *record, Digest **ret_diff_ids, size_t *ret_n) {
        _cleanup_json_ json_object *o = NULL;
        int r = json_text_parse(text, size, "the configuration", diag, &o);

        if (r < 0)
                return r;
        if (config_copy(o, "architecture", true, &record->architecture) < 0 || config_copy(o, "os", true, &record->os) < 0 ||
            config_copy(o, "created", false, &record->created) < 0)
                return manifest_wrong(diag, "configuration", "it does not say for which architecture and system it is");
        r = config_read_inner(o, diag, record);
        if (r < 0)
                return r;
        if (config_read_history(o, record) < 0)
                return manifest_wrong(diag, "configuration", "its history");
        r = config_read_diff_ids(o, ret_diff_ids, ret_n);
        return r == -EBADMSG ? manifest_wrong(diag, "configuration", "rootfs has no list of 1 to 500 sha256 digests") : r;
}

void docker_manifest_done(DockerManifest *m) {
        free(m->config);
        free(m->name);
        strv_free(m->layers);
        *m = (DockerManifest){};
}

static bool docker_has_tag(json_object *tags, const char *tag) {
        for (size_t i = 0; tags && i < json_object_array_length(tags); i++) {
                const char *s = json_text_element(tags, i), *end = s ? endswith(s, tag) : NULL;

                if (end && (end == s || end[-1] == ':'))
                        return true;
        }
        return false;
}

static json_object *docker_select(json_object *list, const char *tag) {
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                json_object *o = json_object_array_get_idx(list, i), *tags = NULL;

                if (json_text_array(o, "RepoTags", &tags) >= 0 && (tag ? docker_has_tag(tags, tag) : i == 0))
                        return o;
        }
        return NULL;
}

static int docker_read(json_object *o, DockerManifest *m) {
        json_object *layers = NULL, *tags = NULL;
        const char *name;

        if (config_copy(o, "Config", true, &m->config) < 0 || json_text_array(o, "Layers", &layers) < 0 || !layers ||
            json_text_array(o, "RepoTags", &tags) < 0 || json_object_array_length(layers) > IMAGE_LAYERS_MAX)
                return -EBADMSG;
        name = tags ? json_text_element(tags, 0) : NULL;
        m->name = name ? strdup(name) : NULL;
        return config_read_list(layers, false, &m->layers);
}

int docker_manifest_parse(const char *text, size_t size, const char *tag, Diag *diag, DockerManifest *ret) {
        __attribute__((cleanup(docker_manifest_done))) DockerManifest m = {};
        _cleanup_json_ json_object *list = NULL;
        json_object *o;
        int r = json_text_parse(text, size, "manifest.json", diag, &list);

        if (r < 0)
                return r;
        if (!json_object_is_type(list, json_type_array) || (!tag && json_object_array_length(list) != 1))
                return manifest_wrong(diag, "manifest.json", "it is no list of one image; name the tag of one");
        o = docker_select(list, tag);
        if (!o) {
                (void)diag_error(diag, ERROR_MISSING, NULL, NULL, "no image of the archive is tagged %s", strempty(tag));
                return -ENOENT;
        }
        if (docker_read(o, &m) < 0)
                return manifest_wrong(diag, "manifest.json", "it does not name a configuration and layers");
        *ret = m;
        m = (DockerManifest){};
        return 0;
}

int config_print(const Digest *diff_id, const char *architecture, char **ret) {
        char hex[DIGEST_HEX_SIZE];

        digest_to_hex(diff_id, hex);
        return str_append(ret, "{\"architecture\":\"%s\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}",
                          architecture, hex);
}

static int descriptor_print(const char *type, const Descriptor *d, char **text) {
        char hex[DIGEST_HEX_SIZE];

        digest_to_hex(&d->digest, hex);
        return str_append(text, "{\"mediaType\":\"%s\",\"digest\":\"sha256:%s\",\"size\":%" PRIu64 "}", type, hex, d->size);
}

int manifest_print(const Descriptor *config, const Descriptor *layers, size_t n, char **ret) {
        _cleanup_free_ char *text = NULL;
        int r = str_append(&text, "{\"schemaVersion\":2,\"mediaType\":\"" OCI_MANIFEST "\",\"config\":");

        if (r >= 0)
                r = descriptor_print(OCI_CONFIG, config, &text);
        if (r >= 0)
                r = str_append(&text, ",\"layers\":[");
        for (size_t i = 0; i < n && r >= 0; i++) {
                r = i > 0 ? str_append(&text, ",") : 0;
                if (r >= 0)
                        r = descriptor_print(OCI_LAYER, layers + i, &text);
        }
        if (r >= 0)
                r = str_append(&text, "]}");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        return 0;
}
