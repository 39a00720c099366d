/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The score: each row opens by its own line, what is opened raises it, and ExposureMax= refuses above. */
#include "policies/exposure/exposure.h"
#include "tests/unit/policies/fixture.h"

static unsigned tenths(const char *unit) {
        _cleanup_(policy_set_unrefp) const PolicySet *set = fixture_compile(unit, -EBADF);

        return exposure_tenths(set);
}

static unsigned row_of(const PolicySet *set, const char *name) {
        for (size_t i = 0; i < exposure_rows_count(); i++)
                if (streq(exposure_rows[i].name, name))
                        return exposure_rows[i].open(set);
        fail_msg("no row %s", name);
        return 0;
}

static void rows_open(void **state) {
        static const struct {
                const char *row, *line;
        } cases[] = {
                { "PrivateUsers", "PrivateUsers=no" },           { "NoNewPrivileges", "NoNewPrivileges=no" },
                { "PrivateNetwork", "PrivateNetwork=no" },       { "ReadOnly", "ReadOnly=no" },
                { "BindPaths", "BindPaths=/a:/a" },              { "CAP_SYS_ADMIN", "AddCapability=CAP_SYS_ADMIN" },
                { "CAP_NET_RAW", "AddCapability=CAP_NET_RAW" },  { "mount", "SystemCallFilter=~kcmp\nSystemCallFilter=mount" },
                { "unshare", "SystemCallFilter=~kcmp\nSystemCallFilter=unshare" },
                { "bpf", "SystemCallFilter=~kcmp\nSystemCallFilter=bpf" },
                { "RestrictAddressFamilies", "RestrictAddressFamilies=AF_VSOCK" },
                { "RestrictRealtime", "RestrictRealtime=no" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(policy_set_unrefp) const PolicySet *before = fixture_compile("", -EBADF), *after = fixture_compile(cases[i].line, -EBADF);

                if (row_of(before, cases[i].row) >= row_of(after, cases[i].row) || exposure_tenths(before) > exposure_tenths(after))
                        fail_msg("%s does not open %s", cases[i].line, cases[i].row);
        }
}

static void order(void **state) {
        assert_true(tenths("User=1000\nMemoryMax=64M\nTasksMax=64\nMemoryDenyWriteExecute=yes") < tenths(""));
        assert_true(tenths("") < tenths("Boot=yes"));
        assert_true(tenths("Boot=yes") < tenths("PrivateUsers=no\nAddCapability=all\nSystemCallFilter=@known\nPrivateNetwork=no\nReadOnly=no\nNoNewPrivileges=no"));
        for (size_t i = 0; i < exposure_rows_count(); i++) {
                assert_true(exposure_rows[i].weight > 0 && *exposure_rows[i].why);
                for (size_t k = 0; k < i; k++)
                        assert_string_not_equal(exposure_rows[i].name, exposure_rows[k].name);
        }
}

static void maximum(void **state) {
        _cleanup_free_ char *words = fixture_complaint("PrivateUsers=no\nExposureMax=0.1");

        assert_non_null(strstr(words, "above 0.1"));
        assert_non_null(strstr(words, "PrivateUsers"));
        (void)tenths("PrivateUsers=no\nExposureMax=10.0");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(rows_open),
                cmocka_unit_test(order),
                cmocka_unit_test(maximum),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
