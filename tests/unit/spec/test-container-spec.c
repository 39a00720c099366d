/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "units/spec/container-spec.h"

static ContainerSpec *new_spec(void) {
        ContainerSpec *s = NULL;

        assert_int_equal(container_spec_new("web", &s), 0);
        assert_non_null(s);
        return s;
}

static void set(ContainerSpec *s, DirectiveId id, const char *text) {
        Diag diag = {};
        ValueContext c = { .diag = &diag, .origin = { "test.container", 7 }, .directive = directives[id].name };
        int r = directives[id].type->parse(&c, text, container_spec_field(s, id));

        if (r < 0) {
                char *words = diag_to_string(&diag, true);

                fail_msg("%s=%s does not parse: %s", directives[id].name, text, words);
        }
        diag_done(&diag);
}

static void names(void **state) {
        static const char *const good[] = {
                "web", "web@blue", "web.container", "web@blue.container", "a", "A.b_c:d-e\\x2df", "web@1.2",
                "0123456789012345678901234567890123456789012345678901234567890123", "web@-", "w@.container.x", "a@b@c", "note@web@a-b.container",
        };
        static const char *const bad[] = {
                "", ".container", "web@", "web@.container", "@blue", "@a@b", "a@b@", "-web", ".web", "..", ".", "we b", "web/",
                "../web", "web\n", "w\xc3\xa9", "01234567890123456789012345678901234567890123456789012345678901234",
                "web.container.container", "web%i", "web=",
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                if (!container_name_valid(good[i]))
                        fail_msg("'%s' is refused", good[i]);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                ContainerSpec *s = NULL;

                if (container_name_valid(bad[i]))
                        fail_msg("'%s' is accepted", bad[i]);
                assert_int_equal(container_spec_new(bad[i], &s), -EINVAL);
                assert_null(s);
        }
}

static void names_split(void **state) {
        static const struct {
                const char *name, *prefix, *instance;
        } cases[] = {
                { "web", "web", NULL },
                { "web.container", "web", NULL },
                { "web@blue", "web", "blue" },
                { "web@blue.container", "web", "blue" },
                { "web@a.b.container", "web", "a.b" },
                { "note@web@a.container", "note", "web@a" },
                { "web@", "web", "" },
                { "web@.container", "web", "" },
        };
        char *prefix = NULL, *instance = NULL;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_int_equal(container_name_split(cases[i].name, &prefix, &instance), 0);
                assert_string_equal(prefix, cases[i].prefix);
                assert_true(streq_ptr(instance, cases[i].instance));
                free(prefix);
                free(instance);
                prefix = instance = NULL;
        }
        assert_int_equal(container_name_split("@b@c", &prefix, &instance), -EINVAL);
        assert_int_equal(container_name_split("", &prefix, &instance), -EINVAL);
        assert_null(prefix);
}

static void a_new_spec_holds_the_defaults(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = NULL;
        _cleanup_free_ char *text = NULL;

        assert_int_equal(container_spec_new("web@blue.container", &s), 0);
        assert_string_equal(s->name, "web@blue");
        assert_string_equal(s->prefix, "web");
        assert_string_equal(s->instance, "blue");
        assert_true(s->read_only);
        assert_true(s->private_network);
        assert_true(s->no_new_privileges);
        assert_int_equal(s->private_users.mode, PRIVATE_USERS_MANAGED);
        assert_int_equal(s->type, CONTAINER_TYPE_EXEC);
        assert_int_equal(s->timeout_stop_usec, 90 * USEC_PER_SEC);
        assert_int_equal(s->standard_error.kind, OUTPUT_INHERIT);
        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++)
                assert_null(container_spec_origin(s, id)->file);

        assert_int_equal(container_spec_print(s, &text), 0);
        assert_string_equal(text, "");
}

/* Each row, alone: the sample differs from the default, is printed, and is read back to the same text. */
static void every_sample_moves_the_text(void **state) {
        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++) {
                _cleanup_(container_spec_unrefp) ContainerSpec *s = new_spec(), *again = new_spec();
                _cleanup_free_ char *text = NULL, *value = NULL, *text_again = NULL, *expected = NULL;
                const Directive *d = &directives[id];

                set(s, id, d->sample);
                assert_int_equal(d->type->print(container_spec_field_const(s, id), &value), 0);
                assert_int_equal(container_spec_print(s, &text), 0);
                assert_true(asprintf(&expected, "[%s]\n%s=%s\n", section_to_string(d->section), d->name, value) > 0);
                assert_string_equal(text, expected);

                set(again, id, value);
                assert_int_equal(container_spec_print(again, &text_again), 0);
                assert_string_equal(text_again, text);
        }
}

static void sections_and_order_are_canonical(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = new_spec();
        _cleanup_free_ char *text = NULL;

        set(s, DIRECTIVE_ReadOnly, "no");
        set(s, DIRECTIVE_RootDirectory, "/srv//web/");
        set(s, DIRECTIVE_Description, "100%% of it");
        set(s, DIRECTIVE_StandardError, "journal");
        set(s, DIRECTIVE_PrivateNetwork, "yes");
        assert_int_equal(container_spec_print(s, &text), 0);
        assert_string_equal(text, "[Unit]\nDescription=100%% of it\n\n"
                                  "[Container]\nRootDirectory=/srv/web\nStandardError=journal\nReadOnly=no\n");
}

/* Each row, set and then taken back: nothing of it is left, and an empty protection stays closed. */
static void an_empty_assignment_resets(void **state) {
        static const Origin origin = { "test.container", 9 };

        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++) {
                _cleanup_(container_spec_unrefp) ContainerSpec *s = new_spec();
                _cleanup_free_ char *text = NULL;
                ValueContext c = { .directive = directives[id].name, .origin = origin };

                assert_int_equal(container_spec_assign(s, id, &c, directives[id].sample), 0);
                assert_ptr_equal(container_spec_origin(s, id)->file, origin.file);
                assert_int_equal(container_spec_origin(s, id)->line, 9);
                assert_int_equal(container_spec_assign(s, id, &c, " \t"), 0);
                assert_int_equal(container_spec_print(s, &text), 0);
                if (streq(directives[id].type->name, "capability_set")) {
                        assert_non_null(strstr(text, "=none\n")); /* the empty set, which is not the default */
                        assert_ptr_equal(container_spec_origin(s, id)->file, origin.file);
                        continue;
                }
                assert_string_equal(text, "");
                assert_null(container_spec_origin(s, id)->file);
        }
}

static void references(void **state) {
        ContainerSpec *s = new_spec(), *t;

        t = container_spec_ref(s);
        assert_ptr_equal(s, t);
        assert_null(container_spec_unref(t));
        assert_string_equal(s->name, "web");
        assert_null(container_spec_unref(s));
        assert_null(container_spec_unref(NULL));
        assert_null(container_spec_ref(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names),
                cmocka_unit_test(names_split),
                cmocka_unit_test(a_new_spec_holds_the_defaults),
                cmocka_unit_test(every_sample_moves_the_text),
                cmocka_unit_test(sections_and_order_are_canonical),
                cmocka_unit_test(an_empty_assignment_resets),
                cmocka_unit_test(references),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
