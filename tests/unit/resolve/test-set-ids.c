/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which units could leave programs of the host's root behind, by what they write to and where it lies. */
#include "tests/unit/resolve/draft.h"

#define UNIT "RootDirectory=/srv/root\nExecStart=/bin/x\n"
#define MAX_TREES 4

static const ContainerSpec *resolve(const char *lines, const char *shut, Diag *diag) {
        _cleanup_(unit_facts_done) UnitFacts facts = facts_new();
        ContainerSpec *draft = draft_new(lines);
        const ContainerSpec *spec = NULL;
        HostFacts host = host_new();
        HostTree tree;

        facts.trees = calloc(MAX_TREES, sizeof(*facts.trees));
        assert_non_null(facts.trees);
        for (size_t i = 0; i < container_spec_host_trees_max(draft); i++)
                if (container_spec_host_tree(draft, i, &tree))
                        facts.trees[facts.n_trees++] = (TreeFact){ .path = strdup(tree.path), .shut = shut && startswith(tree.path, shut) };
        (void)spec_resolve(draft, &host, &facts, diag, &spec);
        return spec;
}

static void place_decides(void **state) {
        static const struct {
                const char *lines, *shut, *exposed;
        } cases[] = {
                { UNIT, NULL, NULL },
                { UNIT "ReadOnly=no\n", NULL, "/srv/root" },
                { UNIT "ReadOnly=no\n", "/srv", NULL },
                { UNIT "ReadWritePaths=/var\n", NULL, "/srv/root" },
                { UNIT "BindReadOnlyPaths=/a:/a\n", NULL, NULL },
                { UNIT "BindReadOnlyPaths=/a:/a\nReadWritePaths=/a/b\n", "/srv", "/a" },
                { UNIT "BindReadOnlyPaths=/a:/a\nReadWritePaths=/b\n", "/srv", NULL },
                { UNIT "BindPaths=/a:/a\n", "/srv", "/a" },
                { UNIT "BindPaths=/a:/a /b:/b\n", "/a", "/b" },
                { UNIT "BindPaths=/a:/a:noidmap\n", NULL, NULL },
                { UNIT "BindPaths=/a:/a:noidmap\nPrivateUsers=no\n", NULL, "/a" },
                { UNIT "BindPaths=/a:/a:noidmap\nPrivateUsers=identity\n", NULL, "/a" },
                { UNIT "BindPaths=/a:/a\nPrivateUsers=1000000\n", NULL, "/a" },
                { UNIT "BindPaths=/a:/a\nRestrictSUIDSGID=yes\n", NULL, "/a" },
                { UNIT "BindPaths=/a:/a\nRestrictSUIDSGID=no\n", "/a", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(diag_done) Diag diag = {};
                const ContainerSpec *s = resolve(cases[i].lines, cases[i].shut, &diag);

                if (!s || !streq_ptr(s->exposed_tree.path, cases[i].exposed))
                        fail_msg("%s: %s, not %s", cases[i].lines, s ? strempty(s->exposed_tree.path) : "refused", strempty(cases[i].exposed));
                container_spec_unref((ContainerSpec *)s);
        }
}

static void refused(void **state) {
        static const struct {
                const char *lines, *directive;
        } cases[] = {
                { UNIT "BindPaths=/a:/a\nRestrictSUIDSGID=no\n", "RestrictSUIDSGID" },
                { UNIT "BindPaths=/a:/a\nAddCapability=CAP_SETFCAP\n", "AddCapability" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(diag_done) Diag diag = {};

                assert_null(resolve(cases[i].lines, NULL, &diag));
                assert_int_equal(diag.n_errors, 1);
                assert_string_equal(diag.entries[diag.n_entries - 1].directive, cases[i].directive);
                assert_non_null(strstr(diag.entries[diag.n_entries - 1].text, "0700"));
                assert_int_equal(diag.entries[diag.n_entries - 1].line, 4);
        }
}

/* What was not looked at is not believed to be closed. */
static void unknown_is_exposed(void **state) {
        _cleanup_(unit_facts_done) UnitFacts facts = facts_new();
        HostFacts host = host_new();
        const ContainerSpec *s = NULL;
        Diag diag = {};

        assert_int_equal(spec_resolve(draft_new(UNIT "BindPaths=/a:/a\n"), &host, &facts, &diag, &s), 0);
        assert_string_equal(s->exposed_tree.path, "/a");
        container_spec_unref((ContainerSpec *)s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(place_decides),
                cmocka_unit_test(refused),
                cmocka_unit_test(unknown_is_exposed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
