/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names, keys and records of images: what goes in comes out, and nothing else is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "manager/images/image-store.h"

static void test_names(void **state) {
        static const char *const good[][2] = {
                { "nginx", "nginx:latest" },
                { "a.b-c_d/e:V1.2-x", "a.b-c_d/e:V1.2-x" },
                { "localhost:5000/x/y", "localhost:5000/x/y:latest" },
                { "h:1/a:2", "h:1/a:2" },
        };
        static const char *const bad[] = { "",    ":",    "/",      "a/",   "/a",  "a//b", "A",     "a:",  "a:b:c",   "a:-b",
                                           "..",  "a/..", "-a",     "a-",   "a b", "a\n",  "a+b",   "a@b", "a/b:c/d", "a/h:5/b",
                                           ".wh", "a:.b", "\xc3\xa4" };

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                char file[IMAGE_NAME_MAX + 1], back[IMAGE_NAME_MAX + 1];
                _cleanup_free_ char *name = NULL;

                assert_int_equal(image_name_normalize(good[i][0], &name), 0);
                assert_string_equal(name, good[i][1]);
                assert_int_equal(image_name_to_file(name, file), 0);
                assert_null(strchr(file, '/'));
                assert_int_equal(image_name_from_file(file, back), 0);
                assert_string_equal(back, name);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                char *name = NULL;

                if (image_name_normalize(bad[i], &name) >= 0)
                        fail_msg("\"%s\" is taken as %s", bad[i], name);
        }
}

static void test_name_files(void **state) {
        char name[IMAGE_NAME_MAX + 1];

        assert_int_equal(image_name_from_file("a", name), -EINVAL); /* without its tag */
        assert_int_equal(image_name_from_file("a/b:c", name), -EINVAL);
        assert_int_equal(image_name_from_file("..", name), -EINVAL);
        assert_int_equal(image_name_from_file(".#x:y", name), -EINVAL);
}

static void test_long_names(void **state) {
        char name[IMAGE_NAME_MAX + 2];
        char *normal = NULL;

        memset(name, 'a', sizeof(name));
        name[IMAGE_NAME_MAX - 7] = 0; /* and ":latest" */
        assert_int_equal(image_name_normalize(name, &normal), 0);
        free(normal);
        name[IMAGE_NAME_MAX - 7] = 'a';
        name[IMAGE_NAME_MAX - 6] = 0;
        assert_int_equal(image_name_normalize(name, &normal), -EINVAL);
}

static Digest number(uint8_t n) {
        Digest d = { .bytes = { n, 2, 3 } };

        return d;
}

static void test_keys(void **state) {
        char a[LAYER_ID_SIZE], b[LAYER_ID_SIZE];
        Digest one = number(1), two = number(2), chain, other;

        layer_id(LAYER_DIFF, &one, a);
        assert_true(layer_id_valid(a));
        layer_id(LAYER_CHAIN, &one, b);
        assert_string_not_equal(a, b); /* the same digest, another meaning */
        layer_id(LAYER_DIFF, &two, b);
        assert_string_not_equal(a, b);
        assert_false(layer_id_valid("../../etc/passwd"));
        assert_false(layer_id_valid("aaaaaaaaaaaaaaa"));
        assert_false(layer_id_valid("aaaaaaaaaaaaaaaaa"));
        chain_id(NULL, &one, &chain);
        assert_true(digest_equal(&chain, &one));
        chain_id(&one, &two, &chain);
        chain_id(&two, &one, &other);
        assert_false(digest_equal(&chain, &other));
}

/* The image specification's own rule: SHA256 of "sha256:A sha256:B". */
static void test_chain_text(void **state) {
        Digest a, b, chain, expected;
        static const char text[] = "sha256:aa0000000000000000000000000000000000000000000000000000000000000a "
                                   "sha256:bb0000000000000000000000000000000000000000000000000000000000000b";

        assert_int_equal(digest_from_hex("aa0000000000000000000000000000000000000000000000000000000000000a", &a), 0);
        assert_int_equal(digest_from_hex("bb0000000000000000000000000000000000000000000000000000000000000b", &b), 0);
        chain_id(&a, &b, &chain);
        digest_of(text, strlen(text), &expected);
        assert_true(digest_equal(&chain, &expected));
}

static void test_digests(void **state) {
        static const char *const bad[] = { "", "a", "AA0000000000000000000000000000000000000000000000000000000000000a",
                                           "aa0000000000000000000000000000000000000000000000000000000000000a0",
                                           "ag0000000000000000000000000000000000000000000000000000000000000a" };
        _cleanup_(digest_stream_freep) DigestStream *s = digest_stream_new();
        Digest whole, pieces;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(digest_from_hex(bad[i], &whole), -EINVAL);
        digest_of("abcdef", 6, &whole);
        assert_non_null(s);
        for (unsigned again = 0; again < 2; again++) {
                digest_stream_update(s, "abc", 3);
                digest_stream_update(s, "def", 3);
                digest_stream_finish(s, &pieces);
                assert_true(digest_equal(&whole, &pieces));
        }
}

static void add_layer(ImageRecord *record, uint8_t n) {
        ImageLayer layer = { .kind = LAYER_DIFF, .diff_id = number(n), .bytes = n };

        layer_id(layer.kind, &layer.diff_id, layer.id);
        assert_int_equal(image_record_add_layer(record, &layer), 0);
}

static ImageRecord *sample(void) {
        ImageRecord *record = calloc(1, sizeof(*record));

        assert_non_null(record);
        record->manifest = number(7);
        record->config = number(8);
        record->imported_usec = 1234567890123456;
        add_layer(record, 1);
        add_layer(record, 2);
        record->user = strdup("7:8");
        record->source = strdup("a\nlayer x\\n");
        assert_int_equal(strv_extend(&record->entrypoint, "/bin/sh"), 0);
        assert_int_equal(strv_extend(&record->entrypoint, ""), 0);
        assert_int_equal(strv_extend(&record->entrypoint, "a\nb\\\\ c"), 0);
        return record;
}

static void test_record(void **state) {
        _cleanup_(image_record_freep) ImageRecord *record = sample(), *back = NULL;
        _cleanup_free_ char *text = NULL, *again = NULL;

        assert_int_equal(image_record_print(record, &text), 0);
        assert_int_equal(image_record_parse(text, strlen(text), &back), 0);
        assert_int_equal(image_record_print(back, &again), 0);
        assert_string_equal(text, again);
        assert_string_equal(back->source, record->source);
        assert_true(strv_equal(back->entrypoint, record->entrypoint));
        assert_int_equal(image_record_bytes(back), 3);
}

/* Cut anywhere, or with a byte changed, it is refused, or is another record that prints as it stands. */
static void test_record_damage(void **state) {
        _cleanup_(image_record_freep) ImageRecord *record = sample();
        _cleanup_free_ char *text = NULL;
        size_t size;

        assert_int_equal(image_record_print(record, &text), 0);
        size = strlen(text);
        for (size_t i = 0; i < size; i++) {
                static const char marks[] = { 0, '\n', ' ', '\\', 'x' };
                char kept = text[i];

                for (size_t k = 0; k < sizeof(marks); k++) {
                        _cleanup_(image_record_freep) ImageRecord *back = NULL;
                        _cleanup_free_ char *again = NULL;

                        text[i] = marks[k];
                        if (image_record_parse(text, size, &back) < 0)
                                continue;
                        assert_int_equal(image_record_print(back, &again), 0);
                }
                text[i] = kept;
        }
        for (size_t i = 0; i < size; i++) {
                _cleanup_(image_record_freep) ImageRecord *back = NULL;

                if (image_record_parse(text, i, &back) >= 0)
                        assert_int_equal(text[i - 1], '\n');
        }
}

static void test_directories(void **state) {
        _cleanup_(image_record_freep) ImageRecord *record = sample();
        _cleanup_strv_ char **list = NULL;
        char first[64];

        add_layer(record, 1); /* once more, on top: the lower one is left out */
        assert_int_equal(image_store_directories(record, &list), 0);
        assert_int_equal(strv_length(list), 2);
        (void)snprintf(first, sizeof(first), "layers/%s/tree", record->layers[1].id);
        assert_string_equal(list[0], first);
        (void)snprintf(first, sizeof(first), "layers/%s/tree", record->layers[0].id);
        assert_string_equal(list[1], first);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),      cmocka_unit_test(test_name_files), cmocka_unit_test(test_long_names),
                cmocka_unit_test(test_keys),       cmocka_unit_test(test_chain_text), cmocka_unit_test(test_digests),
                cmocka_unit_test(test_record),     cmocka_unit_test(test_record_damage), cmocka_unit_test(test_directories),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
