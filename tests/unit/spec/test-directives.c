/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "units/spec/container-spec.h"

static void every_row_is_found(void **state) {
        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++) {
                const Directive *d = &directives[id];

                assert_int_equal(directive_find(d->section, d->name), id);
                for (int s = 0; s < _SECTION_MAX; s++)
                        if (s != (int)d->section)
                                assert_int_equal(directive_find((DirectiveSection)s, d->name), _DIRECTIVE_INVALID);
                assert_ptr_equal(value_type_find(d->type->name), d->type);
                assert_non_null(directive_stage_to_string(d->stage));
                assert_non_null(d->sample);
                assert_true(d->offset + d->type->size <= sizeof(ContainerSpec));
        }
}

static void other_names_are_not_found(void **state) {
        static const char *const names[] = { "", "A", "execstart", "ExecStar", "ExecStartX", "Zzz", "ExecStart=", "%n" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                assert_int_equal(directive_find(SECTION_Container, names[i]), _DIRECTIVE_INVALID);
                assert_null(refused_directive_find(SECTION_Container, names[i]));
        }
}

static void sections_have_names(void **state) {
        for (int s = 0; s < _SECTION_MAX; s++)
                assert_int_equal(section_from_string(section_to_string((DirectiveSection)s)), s);
        assert_int_equal(section_from_string("Service"), _SECTION_INVALID);
        assert_int_equal(section_from_string(""), _SECTION_INVALID);
        assert_null(section_to_string(_SECTION_INVALID));
        assert_null(section_to_string(_SECTION_MAX));
}

/* The binary search needs the order; a name in both tables would be accepted and refused. */
static void the_refused_are_sorted_and_refused(void **state) {
        const RefusedDirective *all;
        size_t n;

        all = refused_directives(&n);
        assert_true(n + _DIRECTIVE_MAX > 450); /* a name moves from one table to the other, and is lost from neither */
        for (size_t i = 0; i < n; i++) {
                if (i > 0 && all[i].section == all[i - 1].section)
                        assert_true(strcmp(all[i - 1].name, all[i].name) < 0);
                else if (i > 0)
                        assert_true(all[i - 1].section < all[i].section);
                assert_ptr_equal(refused_directive_find(all[i].section, all[i].name), &all[i]);
                assert_int_equal(directive_find(all[i].section, all[i].name), _DIRECTIVE_INVALID);
                if (all[i].why) {
                        assert_true(strlen(all[i].why) > 15);
                        assert_int_not_equal(all[i].why[strlen(all[i].why) - 1], '.');
                }
        }
}

static void the_refused_say_what_to_use(void **state) {
        static const struct {
                DirectiveSection section;
                const char *name, *word; /* NULL = not supported yet */
        } cases[] = {
                { SECTION_Container, "CPUShares", "CPUWeight=" },
                { SECTION_Container, "MemoryLimit", "MemoryMax=" },
                { SECTION_Container, "BlockIOWeight", "IOWeight=" },
                { SECTION_Container, "PAMName", "User=" },
                { SECTION_Container, "BusName", "Type=dbus" },
                { SECTION_Container, "RootDirectoryEphemeral", "RootEphemeral=" },
                { SECTION_Container, "RootHash", NULL },
                { SECTION_Container, "PrivateIPC", "never shares" },
                { SECTION_Container, "Overlay", NULL },
                { SECTION_Unit, "JoinsNamespaceOf", NULL },
                { SECTION_Unit, "ConditionFraction", NULL },
                { SECTION_Unit, "AssertMachineTag", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const RefusedDirective *r = refused_directive_find(cases[i].section, cases[i].name);

                assert_non_null(r);
                if (cases[i].word) {
                        assert_non_null(r->why);
                        assert_non_null(strstr(r->why, cases[i].word));
                } else
                        assert_null(r->why);
        }
        assert_null(refused_directive_find(SECTION_Unit, "PAMName"));
}

static void suggestions(void **state) {
        static const struct {
                DirectiveSection section;
                const char *name, *want;
        } cases[] = {
                /* typing errors */
                { SECTION_Container, "ExecStrat", "ExecStart" },
                { SECTION_Container, "execstart", "ExecStart" },
                { SECTION_Container, "RootDirecotry", "RootDirectory" },
                { SECTION_Container, "MemoryMaxx", "MemoryMax" },
                { SECTION_Container, "TaskMax", "TasksMax" },
                { SECTION_Container, "NoNewPriviledges", "NoNewPrivileges" },
                { SECTION_Container, "CapabilityBoundingset", "CapabilityBoundingSet" },
                { SECTION_Container, "ProtectHom", "ProtectHome" }, /* known, though not supported yet */
                { SECTION_Unit, "Descripton", "Description" },
                { SECTION_Install, "WantdBy", "WantedBy" },
                /* what others call it */
                { SECTION_Container, "HostName", "Hostname" },
                { SECTION_Container, "Bind", "BindPaths" },
                { SECTION_Container, "Private", "PrivateNetwork" },
                { SECTION_Container, "Exec", "ExecStart" },
                { SECTION_Container, "entrypoint", "ExecStart" },
                { SECTION_Container, "Rootfs", "RootDirectory" },
                { SECTION_Container, "Tmpfs", "TemporaryFileSystem" },
                { SECTION_Container, "PidsLimit", "TasksMax" },
                { SECTION_Container, "StopSignal", "KillSignal" },
                { SECTION_Container, "UserNS", "PrivateUsers" },
                /* nothing is near */
                { SECTION_Container, "Frobnicate", NULL },
                { SECTION_Container, "Q", NULL },
                { SECTION_Container, "", NULL },
                { SECTION_Unit, "Entrypoint", NULL },
                { SECTION_Unit, "HostName", NULL },
                { SECTION_Container, "AVeryLongNameThatNobodyEverWroteIntoAnyUnitOfAnySystemAtAll", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *got = directive_suggest(cases[i].section, cases[i].name);

                if (!streq_ptr(got, cases[i].want))
                        fail_msg("%s: got %s, want %s", cases[i].name, got ? got : "nothing",
                                 cases[i].want ? cases[i].want : "nothing");
        }
}

/* A name means one thing, and what it stands for can hold the same text. */
static void shorthands_are_no_rows(void **state) {
        const DirectiveId *rows = directive_shorthand(SECTION_Container, "TimeoutSec");

        assert_non_null(rows);
        assert_int_equal(rows[0], DIRECTIVE_TimeoutStartSec);
        assert_int_equal(rows[1], DIRECTIVE_TimeoutStopSec);
        assert_null(directive_shorthand(SECTION_Unit, "TimeoutSec"));
        assert_null(directive_shorthand(SECTION_Container, "TimeoutStopSec"));
        assert_true(directive_find(SECTION_Container, "TimeoutSec") < 0);
        assert_null(refused_directive_find(SECTION_Container, "TimeoutSec"));
        for (size_t i = 0; i < SHORTHAND_ROWS; i++)
                assert_ptr_equal(directives[rows[i]].type, directives[rows[0]].type);
        assert_string_equal(directive_suggest(SECTION_Container, "TimeoutSek"), "TimeoutSec");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_row_is_found),
                cmocka_unit_test(other_names_are_not_found),
                cmocka_unit_test(sections_have_names),
                cmocka_unit_test(the_refused_are_sorted_and_refused),
                cmocka_unit_test(the_refused_say_what_to_use),
                cmocka_unit_test(suggestions),
                cmocka_unit_test(shorthands_are_no_rows),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
