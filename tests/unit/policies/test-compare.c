/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What two policies are told to differ by: those that no unit is needed for are made by hand. */
#include "manager/base/landlock-abi.h"
#include "policies/apparmor/apparmor-compare.h"
#include "policies/landlock/landlock-compare.h"
#include "policies/selinux/selinux-compare.h"
#include "tests/unit/policies/fixture.h"

static const char signs[_POLICY_DIRECTION_MAX] = { '+', '-', '~' };

/* The changes as text, a line each. */
static void expect(int (*compare)(const PolicySet *a, const PolicySet *b, PolicyChanges *changes), const PolicySet *a,
                   const PolicySet *b, const char *lines) {
        _cleanup_(policy_changes_done) PolicyChanges changes = {};
        _cleanup_free_ char *text = NULL;

        assert_int_equal(compare(a, b, &changes), 0);
        for (size_t i = 0; i < changes.n; i++)
                assert_int_equal(str_append(&text, "%c %s\n", signs[changes.items[i].direction], changes.items[i].text), 0);
        assert_string_equal(strempty(text), lines);
}

#define RULES(...)                                                                                            \
        ((PolicyRules){ (PolicyRule[]){ __VA_ARGS__ }, sizeof((PolicyRule[]){ __VA_ARGS__ }) / sizeof(PolicyRule) })
#define RULE(words) { .text = (char *)words }

static void apparmor_forgets_the_profile_s_own_name(void **state) {
        PolicySet a = { .apparmor = { .profile = (char *)"bulwark-a", .text = (char *)"a",
                                      .rules = RULES(RULE("signal peer=\"bulwark-a\","), RULE("deny /x w,"), RULE("/y r,")) } };
        PolicySet b = { .apparmor = { .profile = (char *)"bulwark-b", .text = (char *)"b",
                                      .rules = RULES(RULE("signal peer=\"bulwark-b\","), RULE("/z rw,"), RULE("audit deny /q w,")) } };

        expect(apparmor_compare, &a, &b, "+ no longer: deny /x w,\n- no longer: /y r,\n+ /z rw,\n- audit deny /q w,\n");
        expect(apparmor_compare, &a, &a, "");
}

static void apparmor_profiles_come_and_go(void **state) {
        PolicySet none = {}, named = { .apparmor = { .profile = (char *)"sample" } };
        PolicySet optional = { .apparmor = { .profile = (char *)"sample", .optional = true } };
        PolicySet generated = { .apparmor = { .profile = (char *)"bulwark-a", .text = (char *)"a", .rules = RULES(RULE("/y r,")) } };

        expect(apparmor_compare, &none, &none, "");
        expect(apparmor_compare, &named, &named, "");
        expect(apparmor_compare, &generated, &none, "+ the generated profile -> no profile\n");
        expect(apparmor_compare, &none, &generated, "- no profile -> the generated profile\n");
        expect(apparmor_compare, &generated, &named, "~ the generated profile -> sample\n");
        expect(apparmor_compare, &named, &optional, "+ sample -> sample, where it is loaded\n");
}

static void selinux_choices_are_neither(void **state) {
        PolicySet a = { .selinux = { .rules = RULES(RULE("domain bulwark_c_t"), RULE("level s0"), RULE("files bulwark_file_t")) } };
        PolicySet b = { .selinux = { .rules = RULES(RULE("domain bw_1.process"), RULE("level s0"), RULE("files bulwark_file_t"),
                                                    RULE("(allow process var_log_t (file (read)))")) } };

        expect(selinux_compare, &a, &b, "~ domain: bulwark_c_t -> bw_1.process\n+ (allow process var_log_t (file (read)))\n");
        expect(selinux_compare, &b, &a,
               "~ domain: bw_1.process -> bulwark_c_t\n- no longer: (allow process var_log_t (file (read)))\n");
}

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE LANDLOCK_ACCESS_FS_WRITE_FILE

static LandlockPolicy ruleset(LandlockPathRule *paths, size_t n) {
        return (LandlockPolicy){ .abi = 6, .handled_fs = READ | WRITE, .paths = paths, .n_paths = n };
}

static void landlock_rights_reach_down(void **state) {
        LandlockPathRule closed[] = { { .path = (char *)"/", .access = READ }, { .path = (char *)"/tmp", .access = WRITE } };
        LandlockPathRule open[] = { { .path = (char *)"/", .access = READ | WRITE }, { .path = (char *)"/tmp", .access = WRITE } };
        PolicySet none = {}, a = { .landlock = ruleset(closed, 2) }, b = { .landlock = ruleset(open, 2) };
        PolicySet first = { .landlock = ruleset(closed, 1) };

        expect(landlock_compare, &a, &a, "");
        expect(landlock_compare, &a, &b, "+ allow write below /\n");
        expect(landlock_compare, &b, &a, "- no longer: write below /\n");
        expect(landlock_compare, &a, &first, "- no longer: write on /tmp\n");
        expect(landlock_compare, &none, &first, "- no longer: write below /\n");
        expect(landlock_compare, &first, &none, "+ allow write below /\n");
}

static void landlock_exceptions_are_paths_too(void **state) {
        LandlockPathRule all[] = { { .path = (char *)"/", .access = READ | WRITE } };
        LandlockPathRule but[] = { { .path = (char *)"/", .access = READ },
                                   { .path = (char *)"/", .access = WRITE, .except = (char *[]){ (char *)"etc", NULL } } };
        PolicySet a = { .landlock = ruleset(all, 1) }, b = { .landlock = ruleset(but, 2) };

        expect(landlock_compare, &b, &b, "");
        /* "/" itself, and "/etc" by way of it: its other entries keep what they had. */
        expect(landlock_compare, &a, &b, "- no longer: write on / itself\n- no longer: write on /etc\n");
        expect(landlock_compare, &b, &a, "+ allow write on / itself\n+ allow write on /etc\n");
}

static void ports_are_told_as_ranges(void **state) {
        const PolicySet *a = fixture_compile("PrivateNetwork=no", -EBADF);
        PolicySet before = *a, after = *a;
        LandlockPortRule ports[] = { { .access = LANDLOCK_ACCESS_NET_BIND_TCP, .first = 80, .last = 90 } };

        after.landlock = (LandlockPolicy){ .abi = 4, .handled_net = LANDLOCK_ACCESS_NET_BIND_TCP, .ports = ports, .n_ports = 1 };
        expect(landlock_compare, &before, &after,
               "- no longer: bind on TCP ports 0-79\n- no longer: bind on TCP ports 91-65535\n");
        expect(landlock_compare, &after, &before, "+ allow bind on TCP ports 0-79\n+ allow bind on TCP ports 91-65535\n");
        policy_set_unref(a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(apparmor_forgets_the_profile_s_own_name),
                cmocka_unit_test(apparmor_profiles_come_and_go),
                cmocka_unit_test(selinux_choices_are_neither),
                cmocka_unit_test(landlock_rights_reach_down),
                cmocka_unit_test(landlock_exceptions_are_paths_too),
                cmocka_unit_test(ports_are_told_as_ranges),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
