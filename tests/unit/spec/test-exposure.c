/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "units/spec/container-spec.h"

static ContainerSpec *spec_with(DirectiveId id, const char *text) {
        ValueContext context = { .directive = directives[id].name };
        ContainerSpec *spec;

        assert_int_equal(container_spec_new("web", &spec), 0);
        if (text)
                assert_int_equal(container_spec_assign(spec, id, &context, text), 0);
        return spec;
}

static bool loosens(DirectiveId id, const char *before, const char *after) {
        _cleanup_(container_spec_unrefp) ContainerSpec *b = spec_with(id, before), *a = spec_with(id, after);

        return container_spec_loosens(b, a, id);
}

static void certain(void **state) {
        static const struct {
                DirectiveId id;
                const char *before, *after;
                bool loosens;
        } rows[] = {
                { DIRECTIVE_Description, "one", "another", false },
                { DIRECTIVE_StartLimitBurst, "5", "50", false },
                { DIRECTIVE_Conflicts, NULL, "db", true },
                { DIRECTIVE_Conflicts, "db", "db", false },
                { DIRECTIVE_PropagatesStopTo, NULL, "db", true },
                { DIRECTIVE_OnFailure, "mail", "db", true },
                { DIRECTIVE_Wants, NULL, "db", true },
                { DIRECTIVE_Before, NULL, "db", true },
                { DIRECTIVE_CPUWeight, "50", "5000", false },
                { DIRECTIVE_IOWeight, NULL, "50", false },
                { DIRECTIVE_ReadOnly, "no", "yes", false },
                { DIRECTIVE_ReadOnly, "yes", "no", true },
                { DIRECTIVE_NoNewPrivileges, "no", NULL, false },
                { DIRECTIVE_MemoryMax, NULL, "64M", false },
                { DIRECTIVE_MemoryMax, "64M", "32M", false },
                { DIRECTIVE_MemoryMax, "64M", "65M", true },
                { DIRECTIVE_MemoryMax, "64M", NULL, true },
                { DIRECTIVE_MemoryMax, "64M", "infinity", true },
                { DIRECTIVE_MemoryMax, "64M", "1%", true },
                { DIRECTIVE_MemoryMax, "1%", "64M", true },
                { DIRECTIVE_TasksMax, "100", "99", false },
                { DIRECTIVE_TasksMax, "100", "101", true },
                { DIRECTIVE_TasksMax, "100", "50%", true },
                { DIRECTIVE_RootDirectory, "/srv/a", "/", true },
                { DIRECTIVE_BindPaths, NULL, "/etc:/etc", true },
                { DIRECTIVE_InaccessiblePaths, "/etc/shadow", NULL, true },
                { DIRECTIVE_User, "1000", NULL, true },
                { DIRECTIVE_AddCapability, NULL, "CAP_SYS_ADMIN", true },
                { DIRECTIVE_StandardOutput, NULL, "append:/etc/passwd", true },
                { DIRECTIVE_EnvironmentFile, NULL, "/etc/shadow", true },
                { DIRECTIVE_Boot, "no", "yes", true },
                { DIRECTIVE_Boot, "yes", "no", true },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (loosens(rows[i].id, rows[i].before, rows[i].after) != rows[i].loosens)
                        fail_msg("%s: from %s to %s", directives[rows[i].id].name,
                                 rows[i].before ? rows[i].before : "nothing", rows[i].after ? rows[i].after : "nothing");
}

/* Every row that protects: leaving its default for its sample, or the other way round, is doubtful; staying is not. */
static void doubtful(void **state) {
        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++) {
                const char *sample = directives[id].sample;

                assert_false(loosens(id, sample, sample));
                assert_false(loosens(id, NULL, NULL));
                if (FLAGS_SET(directives[id].flags, DIRECTIVE_FLAG_SECURITY) && !loosens(id, NULL, sample) &&
                    !loosens(id, sample, NULL))
                        fail_msg("%s= may be changed both ways", directives[id].name);
        }
}

/* What names another unit, a path or a command is nobody's own affair. */
static void own_rows(void **state) {
        static const ValueType *const reaching[] = { &value_type_units, &value_type_path, &value_type_paths, &value_type_binds,
                                                     &value_type_exec_list, &value_type_output, &value_type_user };
        size_t n = 0;

        for (DirectiveId id = 0; id < _DIRECTIVE_MAX; id++) {
                if (!FLAGS_SET(directives[id].flags, DIRECTIVE_FLAG_OWN))
                        continue;
                n++;
                assert_false(FLAGS_SET(directives[id].flags, DIRECTIVE_FLAG_SECURITY));
                assert_int_not_equal(directives[id].section, SECTION_Install);
                for (size_t i = 0; i < ELEMENTSOF(reaching); i++)
                        if (directives[id].type == reaching[i])
                                fail_msg("%s= may reach others", directives[id].name);
        }
        assert_true(n > 5);
}

/* What is asked for before anything is compared is told by the new value alone. */
static void exposure_by_the_value_alone(void **state) {
        static const struct {
                DirectiveId id;
                const char *after;
                Exposure exposure;
        } rows[] = {
                { DIRECTIVE_Description, "x", EXPOSURE_NONE },
                { DIRECTIVE_NoNewPrivileges, "yes", EXPOSURE_NONE },
                { DIRECTIVE_NoNewPrivileges, "no", EXPOSURE_RAISED },
                { DIRECTIVE_Boot, "no", EXPOSURE_RAISED },
                { DIRECTIVE_TasksMax, "50", EXPOSURE_COMPARED },
                { DIRECTIVE_TasksMax, "infinity", EXPOSURE_RAISED },
                { DIRECTIVE_TasksMax, "50%", EXPOSURE_RAISED },
                { DIRECTIVE_MemoryMax, "64M", EXPOSURE_COMPARED },
                { DIRECTIVE_MemoryMax, "1%", EXPOSURE_RAISED },
                { DIRECTIVE_Environment, "GUESS=1", EXPOSURE_RAISED },
                { DIRECTIVE_BindsTo, "db", EXPOSURE_RAISED },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(container_spec_unrefp) ContainerSpec *after = spec_with(rows[i].id, rows[i].after);

                if (container_spec_exposure(after, rows[i].id) != rows[i].exposure)
                        fail_msg("%s=%s", directives[rows[i].id].name, rows[i].after);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(certain), cmocka_unit_test(doubtful),
                                            cmocka_unit_test(own_rows), cmocka_unit_test(exposure_by_the_value_alone) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
