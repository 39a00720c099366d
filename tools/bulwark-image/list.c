/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* list, inspect, history: what the store has. Reads records, no lock: a record is whole or not there. */
#include <fnmatch.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <time.h>

#include "tools/bulwark-image/command.h"
#include "tools/bulwark-image/store-write.h"

#define SHORT_DIGEST 12

static void json_print(const CommandOptions *o, json_object *json) {
        int flags = JSON_C_TO_STRING_NOSLASHESCAPE | (o->pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED : JSON_C_TO_STRING_PLAIN);

        printf("%s\n", json_object_to_json_string_ext(json, flags));
        (void)json_object_put(json);
}

static json_object *json_digest(const Digest *digest) {
        char text[DIGEST_HEX_SIZE + 8] = "sha256:";

        digest_to_hex(digest, text + strlen(text));
        return json_object_new_string(text);
}

static void json_set(json_object *o, const char *key, json_object *value) {
        (void)json_object_object_add(o, key, value);
}

static void time_print(uint64_t usec, char *buffer, size_t size) {
        time_t seconds = (time_t)(usec / USEC_PER_SEC);
        struct tm tm;

        if (!gmtime_r(&seconds, &tm) || strftime(buffer, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
                *buffer = 0;
}

static void size_print(uint64_t bytes, char *buffer, size_t size) {
        static const char units[] = "BKMGT";
        double value = (double)bytes;
        size_t i = 0;

        for (; value >= 1024 && i + 2 < sizeof(units); i++)
                value /= 1024;
        (void)snprintf(buffer, size, i == 0 ? "%.0f%c" : "%.1f%c", value, units[i]);
}

/* --- list */

static json_object *list_json(const char *name, const ImageRecord *record) {
        json_object *o = json_object_new_object();
        char when[32];

        time_print(record->imported_usec, when, sizeof(when));
        json_set(o, "name", name ? json_object_new_string(name) : NULL);
        json_set(o, "digest", json_digest(&record->manifest));
        json_set(o, "layers", json_object_new_int64((int64_t)record->n_layers));
        json_set(o, "bytes", json_object_new_int64((int64_t)image_record_bytes(record)));
        json_set(o, "imported", json_object_new_string(when));
        json_set(o, "architecture", json_object_new_string(strempty(record->architecture)));
        return o;
}

static void list_line(const char *name, const ImageRecord *record) {
        char hex[DIGEST_HEX_SIZE], when[32], size[16];

        digest_to_hex(&record->manifest, hex);
        time_print(record->imported_usec, when, sizeof(when));
        size_print(image_record_bytes(record), size, sizeof(size));
        printf("%-40s %.*s %6zu %8s %s\n", name ? name : "-", SHORT_DIGEST, hex, record->n_layers, size, when);
}

typedef struct List {
        const CommandOptions *options;
        Diag *diag;
        int store_fd;
        json_object *json;
        size_t n;
        char **seen; /* digests that have a name; sorted by nothing, as short as the list of names */
} List;

static bool list_wanted(const List *l, const char *name) {
        if (l->options->n_arguments == 0)
                return true;
        for (size_t i = 0; i < l->options->n_arguments; i++)
                if (name && fnmatch(l->options->arguments[i], name, 0) == 0)
                        return true;
        return false;
}

static void list_one(List *l, const char *name, const Digest *digest) {
        _cleanup_(image_record_freep) ImageRecord *record = NULL;
        char hex[DIGEST_HEX_SIZE];

        digest_to_hex(digest, hex);
        if (image_store_load(l->store_fd, digest, &record) < 0) {
                (void)diag_error(l->diag, ERROR_STATE, NULL, NULL, "the image %s (%.12s) is not whole; \"bulwarkctl image check\" tells more",
                                 name ? name : "without a name", hex);
                return;
        }
        l->n++;
        if (l->json)
                (void)json_object_array_add(l->json, list_json(name, record));
        else
                list_line(name, record);
}

static int list_compare(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_named(List *l) {
        _cleanup_strv_ char **files = NULL;
        int r = image_store_names(l->store_fd, "refs", &files);
        size_t n = 0;

        if (r < 0)
                return r;
        l->seen = calloc(strv_length(files) + 1, sizeof(*l->seen));
        if (!l->seen)
                return -ENOMEM;
        for (char **f = files; f && *f; f++) {
                char name[IMAGE_NAME_MAX + 1], hex[DIGEST_HEX_SIZE];
                Digest digest;

                if (image_name_from_file(*f, name) < 0 || image_store_read_ref(l->store_fd, *f, &digest) < 0) {
                        (void)diag_error(l->diag, ERROR_STATE, NULL, NULL, "refs/%s is damaged", *f);
                        continue;
                }
                digest_to_hex(&digest, hex);
                l->seen[n] = strdup(hex);
                if (!l->seen[n++])
                        return -ENOMEM;
                if (list_wanted(l, name))
                        list_one(l, name, &digest);
        }
        if (n > 0)
                qsort(l->seen, n, sizeof(*l->seen), list_compare);
        return 0;
}

static int list_unnamed(List *l) {
        _cleanup_strv_ char **images = NULL;
        int r = image_store_names(l->store_fd, "images", &images);

        for (char **i = images; r >= 0 && i && *i; i++) {
                Digest digest;

                if (!bsearch(i, l->seen, strv_length(l->seen), sizeof(*l->seen), list_compare) && digest_from_hex(*i, &digest) >= 0)
                        list_one(l, NULL, &digest);
        }
        return r;
}

int command_list(const CommandOptions *o, Diag *diag) {
        List l = { .options = o, .diag = diag, .json = o->json ? json_object_new_array() : NULL };
        _cleanup_store_ Store s = STORE_INIT;
        int r;

        if (access(o->store, F_OK) >= 0 || errno != ENOENT) {
                r = store_open(o->store, STORE_READ, diag, &s);
                l.store_fd = s.fd;
        } else
                r = 1; /* nothing was ever imported */
        if (!o->json && !o->no_legend && r >= 0)
                printf("%-40s %-12s %6s %8s %s\n", "NAME", "DIGEST", "LAYERS", "SIZE", "IMPORTED");
        if (r == 0)
                r = list_named(&l);
        if (r == 0 && (o->all || o->n_arguments == 0))
                r = list_unnamed(&l);
        if (r >= 0 && l.json)
                json_print(o, TAKE_PTR(l.json));
        (void)json_object_put(l.json);
        strv_free(l.seen);
        if (r < 0 && diag->n_errors == 0)
                (void)diag_errno(diag, ERROR_FAILED, NULL, NULL, -r, "cannot list the store %s", o->store);
        return diag->n_errors > 0 ? -EIO : 0;
}

/* --- inspect */

static json_object *inspect_list(char *const *list) {
        json_object *a = json_object_new_array();

        for (; list && *list; list++)
                (void)json_object_array_add(a, json_object_new_string(*list));
        return a;
}

static json_object *inspect_layers(const ImageRecord *record) {
        json_object *a = json_object_new_array();

        for (size_t i = 0; i < record->n_layers; i++) {
                const ImageLayer *layer = record->layers + i;
                json_object *o = json_object_new_object();

                json_set(o, "id", json_object_new_string(layer->id));
                json_set(o, "kind", json_object_new_string(layer_kind_to_string(layer->kind)));
                json_set(o, "diff_id", json_digest(&layer->diff_id));
                json_set(o, "bytes", json_object_new_int64((int64_t)layer->bytes));
                (void)json_object_array_add(a, o);
        }
        return a;
}

static json_object *inspect_record(const ImageRecord *record) {
        json_object *o = json_object_new_object();
        _cleanup_strv_ char **directories = NULL;
        char when[32];

        time_print(record->imported_usec, when, sizeof(when));
        json_set(o, "digest", json_digest(&record->manifest));
        json_set(o, "config_digest", json_digest(&record->config));
        json_set(o, "imported", json_object_new_string(when));
        for (size_t i = 0; i < n_record_fields; i++) {
                const RecordField *f = record_fields + i;
                const void *field = (const char *)record + f->offset;

                if (f->kind == RECORD_list)
                        json_set(o, f->name, inspect_list(*(char **const *)field));
                else if (*(char *const *)field)
                        json_set(o, f->name, json_object_new_string(*(char *const *)field));
        }
        json_set(o, "layers", inspect_layers(record));
        if (image_store_directories(record, &directories) >= 0)
                json_set(o, "directories", inspect_list(directories));
        return o;
}

static void inspect_print(json_object *o) {
        json_object_object_foreach(o, key, value) {
                if (json_object_is_type(value, json_type_array))
                        for (size_t i = 0; i < json_object_array_length(value); i++)
                                printf("%16s: %s\n", key,
                                       json_object_to_json_string_ext(json_object_array_get_idx(value, i), JSON_C_TO_STRING_NOSLASHESCAPE));
                else
                        printf("%16s: %s\n", key, json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE));
        }
}

int command_inspect(const CommandOptions *o, Diag *diag) {
        json_object *all = o->json ? json_object_new_array() : NULL;
        _cleanup_store_ Store s = STORE_INIT;
        int r = store_open(o->store, STORE_READ, diag, &s);

        for (size_t i = 0; i < o->n_arguments && r >= 0; i++) {
                _cleanup_(image_record_freep) ImageRecord *record = NULL;
                json_object *one;

                r = store_resolve(&s, o->arguments[i], diag, &record);
                if (r < 0)
                        break;
                one = inspect_record(record);
                if (all)
                        (void)json_object_array_add(all, one);
                else {
                        inspect_print(one);
                        (void)json_object_put(one);
                }
        }
        if (all && r >= 0)
                json_print(o, TAKE_PTR(all));
        (void)json_object_put(all);
        return r;
}

/* --- history: "WHEN layer|empty COMMAND", as the record has it */

int command_history(const CommandOptions *o, Diag *diag) {
        _cleanup_(image_record_freep) ImageRecord *record = NULL;
        json_object *all = o->json ? json_object_new_array() : NULL;
        _cleanup_store_ Store s = STORE_INIT;
        int r = store_open(o->store, STORE_READ, diag, &s);

        if (r >= 0)
                r = store_resolve(&s, o->arguments[0], diag, &record);
        for (char **h = r >= 0 ? record->history : NULL; h && *h; h++) {
                char *rest = *h, *when = strsep(&rest, " "), *kind = strsep(&rest, " ");
                json_object *one;

                if (!all) {
                        printf("%-32s %-6s %s\n", when, strempty(kind), strempty(rest));
                        continue;
                }
                one = json_object_new_object();
                json_set(one, "created", json_object_new_string(when));
                json_set(one, "layer", json_object_new_boolean(kind && streq(kind, "layer")));
                json_set(one, "created_by", json_object_new_string(strempty(rest)));
                (void)json_object_array_add(all, one);
        }
        if (all && r >= 0)
                json_print(o, TAKE_PTR(all));
        (void)json_object_put(all);
        return r;
}
