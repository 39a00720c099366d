/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON of strangers, and the names in their archives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tools/bulwark-image/json-text.h"
#include "tools/bulwark-image/layer.h"
#include "tools/bulwark-image/manifest.h"

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define MANIFEST(more) "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"sha256:" HEX_A "\",\"size\":5" more "}"

static void test_json(void **state) {
        static const struct {
                const char *text;
                bool good;
        } cases[] = {
                { "{}", true },
                { " [ {\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":2}]} ]\n", true },
                { "{\"a\":\"}{\\\"\\\\\",\"b\":1}", true },
                { "{\"a\":1,\"b\":2,\"a\":3}", false },
                { "{\"b\":{\"a\":1,\"a\":1}}", false },
                { "{\"\\u0061\":1}", false },
                { "{\"a\":1,}", false },
                { "{'a':1}", false },
                { "{} x", false },
                { "", false },
                { "1", false },
                { "\"a\"", false },
                { "{\"a\":\"\xff\"}", false },
                { "{\"a\":NaN}", false },
                { "{\"a\":1", false },
                { "}", false },
                { "{:1}", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                __attribute__((cleanup(diag_done))) Diag diag = {};
                _cleanup_json_ json_object *o = NULL;
                int r = json_text_parse(cases[i].text, strlen(cases[i].text), "it", &diag, &o);

                if ((r == 0) != cases[i].good || (diag.n_errors == 0) != cases[i].good)
                        fail_msg("%s: %d", cases[i].text, r);
        }
}

static void test_json_depth(void **state) {
        char text[2 * JSON_DEPTH_MAX + 8];

        for (size_t depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
                __attribute__((cleanup(diag_done))) Diag diag = {};
                _cleanup_json_ json_object *o = NULL;

                memset(text, '[', depth);
                memset(text + depth, ']', depth);
                assert_int_equal(json_text_parse(text, 2 * depth, "it", &diag, &o), depth <= JSON_DEPTH_MAX ? 0 : -EBADMSG);
        }
}

static int select_from(const char *entries, const char *tag, bool *nested, char **name) {
        __attribute__((cleanup(diag_done))) Diag diag = {};
        _cleanup_free_ char *text = NULL;
        Descriptor d;
        int r;

        assert_int_equal(str_append(&text, "{\"manifests\":[%s]}", entries), 0);
        r = index_select(text, strlen(text), tag, "amd64", &diag, &d, nested, name);
        assert_int_equal(r < 0, diag.n_errors > 0);
        return r;
}

static void test_index(void **state) {
        static const char arm[] = MANIFEST(",\"platform\":{\"architecture\":\"arm64\",\"os\":\"linux\"}");
        static const char amd[] = MANIFEST(",\"platform\":{\"architecture\":\"amd64\",\"os\":\"linux\"}");
        static const char tagged[] = MANIFEST(",\"annotations\":{\"org.opencontainers.image.ref.name\":\"x/y:1\"}");
        _cleanup_free_ char *name = NULL, *two = NULL;
        bool nested;

        assert_int_equal(select_from(MANIFEST(""), NULL, &nested, &name), 0);
        assert_false(nested);
        assert_null(name);
        assert_int_equal(select_from(arm, NULL, &nested, &name), -ENOENT);
        assert_int_equal(str_append(&two, "%s,%s", arm, amd), 0);
        assert_int_equal(select_from(two, NULL, &nested, &name), 0);
        assert_int_equal(str_append(&two, ",%s", amd), 0);
        assert_int_equal(select_from(two, NULL, &nested, &name), -ENOENT); /* which of the two? */
        assert_int_equal(select_from(tagged, "x/y:1", &nested, &name), 0);
        assert_string_equal(name, "x/y:1");
        assert_int_equal(select_from("", NULL, &nested, &two), -ENOENT);
        assert_int_equal(select_from("1,null,[]", NULL, &nested, &two), -ENOENT);
}

#define CONFIG_D "{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"sha256:" HEX_A "\",\"size\":1}"
#define LAYER_D "{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"sha256:" HEX_B "\",\"size\":2}"

static void test_manifest(void **state) {
        static const struct {
                const char *text;
                bool good;
        } cases[] = {
                { "{\"config\":" CONFIG_D ",\"layers\":[" LAYER_D "," LAYER_D "]}", true },
                { "{\"config\":" CONFIG_D ",\"layers\":[]}", false },
                { "{\"config\":" CONFIG_D "}", false },
                { "{\"layers\":[" LAYER_D "]}", false },
                { "{\"config\":" LAYER_D ",\"layers\":[" LAYER_D "]}", false },
                { "{\"config\":" CONFIG_D ",\"layers\":[" CONFIG_D "]}", false },
                { "{\"config\":" CONFIG_D ",\"layers\":[" LAYER_D "],\"manifests\":[]}", false },
                { "{\"mediaType\":\"x\",\"config\":" CONFIG_D ",\"layers\":[" LAYER_D "]}", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                __attribute__((cleanup(diag_done))) Diag diag = {};
                __attribute__((cleanup(manifest_done))) Manifest m = {};
                int r = manifest_parse(cases[i].text, strlen(cases[i].text), &diag, &m);

                if ((r == 0) != cases[i].good || (diag.n_errors == 0) != cases[i].good)
                        fail_msg("%s: %d", cases[i].text, r);
        }
}

/* What is printed for an archive that has none is read again. */
static void test_invented(void **state) {
        __attribute__((cleanup(diag_done))) Diag diag = {};
        __attribute__((cleanup(manifest_done))) Manifest m = {};
        _cleanup_(image_record_freep) ImageRecord *record = calloc(1, sizeof(*record));
        Descriptor config = { .digest = { .bytes = { 1 } }, .size = 3 }, layer = { .digest = { .bytes = { 2 } }, .size = UINT32_MAX };
        _cleanup_free_ char *text = NULL, *config_text = NULL;
        _cleanup_free_ Digest *ids = NULL;
        size_t n;

        assert_non_null(record);
        assert_int_equal(manifest_print(&config, &layer, 1, &text), 0);
        assert_int_equal(manifest_parse(text, strlen(text), &diag, &m), 0);
        assert_true(digest_equal(&m.layers[0].digest, &layer.digest) && m.layers[0].size == layer.size);
        assert_int_equal(config_print(&layer.digest, "amd64", &config_text), 0);
        assert_int_equal(config_parse(config_text, strlen(config_text), &diag, record, &ids, &n), 0);
        assert_int_equal(n, 1);
        assert_true(digest_equal(ids, &layer.digest));
        assert_string_equal(record->architecture, "amd64");
}

static void test_whiteouts(void **state) {
        static const struct {
                const char *path;
                WhiteoutPath expected;
        } cases[] = {
                { "a/b", WHITEOUT_NO },
                { "a.wh.b", WHITEOUT_NO },
                { "", WHITEOUT_NO },
                { ".wh.a", WHITEOUT_YES },
                { "a/.wh.b", WHITEOUT_YES },
                { "a/.wh..wh..opq", WHITEOUT_YES },
                { "a/.wh..wh..opq/b", WHITEOUT_WRONG },
                { ".wh.a/b", WHITEOUT_WRONG },
                { ".wh.a/.wh.b", WHITEOUT_WRONG },
                { ".wh..wh.plnk", WHITEOUT_IGNORED },
                { "x/.wh..wh.plnk/1.2", WHITEOUT_IGNORED },
                { ".wh..wh..opqx", WHITEOUT_IGNORED },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (whiteout_look(cases[i].path) != cases[i].expected)
                        fail_msg("%s", cases[i].path);
}

static void test_normalize(void **state) {
        static const struct {
                const char *raw, *expected; /* NULL = refused */
        } cases[] = {
                { "a", "a" },     { "./a/", "a" },     { "/a//b/./c", "a/b/c" }, { ".", "" },       { "", "" },   { "///", "" },
                { "..", NULL },   { "a/..", NULL },    { "../a", NULL },         { "a/../b", NULL }, { "...", "..." }, { "..a/b..", "..a/b.." },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                __attribute__((cleanup(diag_done))) Diag diag = {};
                Layer l = LAYER_INIT;
                char path[LIMIT_PATH + 1];
                int r;

                l.diag = &diag;
                r = layer_normalize(&l, cases[i].raw, path);
                if (r < 0 ? cases[i].expected != NULL : !streq_ptr(cases[i].expected, path))
                        fail_msg("%s", cases[i].raw);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_json),     cmocka_unit_test(test_json_depth), cmocka_unit_test(test_index),
                cmocka_unit_test(test_manifest), cmocka_unit_test(test_invented),   cmocka_unit_test(test_whiteouts),
                cmocka_unit_test(test_normalize),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
