/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* MandatoryAccessControl= against what a host runs, and bulwarkd.conf. */
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/resolve/draft.h"

typedef struct Row {
        const char *unit;
        MacFacts host;
        MacDecision expected;
        const char *complaint; /* part of the words; NULL = it resolves */
} Row;

#define AA .apparmor = true
#define SE .selinux = true
static const Row rows[] = {
        /* auto: whatever there is */
        { "", {}, {}, NULL },
        { "", { AA, .landlock_abi = 4 }, { AA, .landlock_abi = 4 }, NULL },
        { "", { SE, .selinux_enforcing = true }, { SE }, NULL },
        { "MandatoryAccessControl=auto", { SE, .mode = MAC_MODE_NO }, { SE }, NULL },
        { "", { .landlock_abi = 1 }, {}, NULL }, /* would refuse every rename between directories */
        { "", { .landlock_abi = 2 }, { .landlock_abi = 2 }, NULL },
        /* the host's default, and the unit's word against it */
        { "", { AA, .landlock_abi = 7, .mode = MAC_MODE_NO }, {}, NULL },
        { "", { .landlock_abi = 7, .mode = MAC_MODE_REQUIRED }, {}, "bulwarkd.conf says so for every unit" },
        { "MandatoryAccessControl=auto", { .landlock_abi = 7, .mode = MAC_MODE_REQUIRED }, { .landlock_abi = 7 }, NULL },
        /* required: one that enforces */
        { "MandatoryAccessControl=required", { AA }, { AA }, NULL },
        { "MandatoryAccessControl=required", { AA, .apparmor_lenient = true }, {},
          "u.container:1: MandatoryAccessControl=: is required, but AppArmor as a whole does not enforce" },
        { "", { AA, .apparmor_lenient = true }, { AA }, NULL },
        { "MandatoryAccessControl=required", { AA, .apparmor_lenient = true, SE, .selinux_enforcing = true }, { AA, SE }, NULL },
        { "MandatoryAccessControl=required", { SE, .selinux_enforcing = true }, { SE }, NULL },
        { "MandatoryAccessControl=required", { SE }, {}, "u.container:1: MandatoryAccessControl=: is required, but SELinux is permissive" },
        { "MandatoryAccessControl=required", { .landlock_abi = 7 }, {}, "u.container:1: MandatoryAccessControl=: is required, but the kernel runs neither" },
        { "MandatoryAccessControl=no", { AA, SE, .landlock_abi = 7 }, {}, NULL },
        /* the unit's own word on AppArmor */
        { "AppArmorProfile=unconfined", { AA, .landlock_abi = 7 }, { .landlock_abi = 7 }, NULL },
        { "AppArmorProfile=unconfined", {}, {}, NULL },
        { "AppArmorProfile=docker-default", { AA }, { AA }, NULL },
        { "AppArmorProfile=docker-default", { SE, .selinux_enforcing = true }, {},
          "u.container:1: AppArmorProfile=: names a profile, but the kernel does not run AppArmor; boot it with apparmor=1 "
          "security=apparmor, or write -docker-default" },
        { "AppArmorProfile=-docker-default", {}, {}, NULL },
        { "AppArmorProfile=generated\nAppArmorExtraRules=/x r,", {}, {}, NULL },
        { "AppArmorProfile=unconfined\nMandatoryAccessControl=required", { AA }, {},
          "u.container:2: MandatoryAccessControl=: is required, but AppArmorProfile=unconfined leaves it out" },
        { "AppArmorProfile=unconfined\nMandatoryAccessControl=required", { AA, SE, .selinux_enforcing = true }, { SE }, NULL },
        { "AppArmorProfile=unconfined\nMandatoryAccessControl=no", { AA }, {}, NULL },
        { "AppArmorProfile=generated\nMandatoryAccessControl=no", { AA }, {},
          "u.container:1: AppArmorProfile=: contradicts MandatoryAccessControl=no: without it" },
        { "AppArmorProfile=-x", { AA, .mode = MAC_MODE_NO }, {}, "which bulwarkd.conf says for every unit" },
        { "AppArmorExtraRules=/x r,\nMandatoryAccessControl=no", { AA }, {},
          "u.container:1: AppArmorExtraRules=: contradicts MandatoryAccessControl=no" },
        { "AppArmorExtraRules=/x r,\nAppArmorProfile=unconfined", { AA }, {},
          "u.container:1: AppArmorExtraRules=: contradicts AppArmorProfile=unconfined" },
        { "AppArmorProfile=x\nAppArmorExtraRules=/x r,", { AA }, {},
          "u.container:2: AppArmorExtraRules=: contradicts AppArmorProfile=x: only a generated profile" },
        /* an init mounts, which Landlock forbids */
        { "Boot=yes\nExecStart=", { AA, .landlock_abi = 7 }, { AA }, NULL },
};

static void decisions(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *unit = NULL;
                UnitFacts facts = facts_new();
                HostFacts host = host_new();
                const ContainerSpec *spec = NULL;
                Diag diag = {};
                int r;

                host.mac = rows[i].host;
                assert_int_equal(str_append(&unit, "%s%sRootDirectory=/srv/r%s", rows[i].unit, *rows[i].unit ? "\n" : "",
                                            strstr(rows[i].unit, "Boot") ? "" : "\nExecStart=/bin/x"),
                                 0);
                r = spec_resolve(draft_new(unit), &host, &facts, &diag, &spec);
                if (rows[i].complaint) {
                        _cleanup_free_ char *words = diag_to_string(&diag, true);

                        assert_true(r < 0);
                        if (!strstr(words, rows[i].complaint))
                                fail_msg("row %zu: %s", i, words);
                } else {
                        assert_int_equal(r, 0);
                        assert_int_equal(spec->mac.apparmor, rows[i].expected.apparmor);
                        assert_int_equal(spec->mac.selinux, rows[i].expected.selinux);
                        assert_int_equal(spec->mac.landlock_abi, rows[i].expected.landlock_abi);
                        assert_int_equal(spec->mac.required, strstr(rows[i].unit, "required") != NULL);
                        (void)container_spec_unref((ContainerSpec *)spec);
                }
                diag_done(&diag);
                unit_facts_done(&facts);
        }
}

/* --- bulwarkd.conf */
static char *top;

static char *put(const char *name, const char *text) {
        char *path = NULL;
        int fd;

        assert_true(asprintf(&path, "%s/%s", top, name) > 0);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        close(fd);
        return path;
}

static int setup(void **state) {
        char path[64];

        top = strdup("/tmp/bulwark-test-XXXXXX");
        if (!mkdtemp(top))
                return -1;
        (void)snprintf(path, sizeof(path), "%s/c.d", top);
        return mkdir(path, 0755);
}

static int teardown(void **state) {
        static const char *const names[] = { "c", "c.d/10.conf", "c.d/20.conf" };
        char path[64];

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                (void)snprintf(path, sizeof(path), "%s/%s", top, names[i]);
                (void)unlink(path);
        }
        (void)snprintf(path, sizeof(path), "%s/c.d", top);
        (void)rmdir(path);
        (void)rmdir(top);
        free(top);
        return 0;
}

static void expect_config(const char *text, const char *first, const char *second, MacMode mode, const char *complaint) {
        _cleanup_free_ char *path = put("c", text);
        _cleanup_(diag_done) Diag diag = {};
        HostFacts facts = {};
        int r;

        free(put("c.d/10.conf", first));
        free(put("c.d/20.conf", second));
        r = host_config_load(path, &diag, &facts);
        if (complaint) {
                _cleanup_free_ char *words = diag_to_string(&diag, true);

                assert_true(r < 0);
                if (!strstr(words, complaint))
                        fail_msg("%s", words);
                return;
        }
        assert_int_equal(r, 0);
        assert_int_equal(facts.mac.mode, mode);
}

static void configuration(void **state) {
        expect_config("", "", "", MAC_MODE_UNSET, NULL);
        expect_config("[Manager]\nMandatoryAccessControl=required\n", "", "", MAC_MODE_REQUIRED, NULL);
        expect_config("[Manager]\nMandatoryAccessControl=required\n", "[Manager]\nMandatoryAccessControl=no\n", "",
                      MAC_MODE_NO, NULL);
        expect_config("[Manager]\nMandatoryAccessControl=no\n", "[Manager]\nMandatoryAccessControl=no\n",
                      "[Manager]\nMandatoryAccessControl=\n", MAC_MODE_UNSET, NULL);
        expect_config("[X-Mine]\nAnything=1\n[Manager]\nX-Note=2\n", "", "", MAC_MODE_UNSET, NULL);
        expect_config("[Manager]\nMandatoryAcessControl=required\n", "", "", MAC_MODE_UNSET,
                      "/c:2: MandatoryAcessControl=: is no setting of the manager; did you mean MandatoryAccessControl=?");
        expect_config("[Manager]\nMandatoryAccessControl=yes\n", "", "", MAC_MODE_UNSET, "/c:2: MandatoryAccessControl=: 'yes'");
        expect_config("[Manger]\nMandatoryAccessControl=no\n", "", "", MAC_MODE_UNSET, "no section [Manger]");
        expect_config("", "", "[Manager]\nOther=1\n", MAC_MODE_UNSET, "c.d/20.conf:2: Other=");
}

static void missing_configuration(void **state) {
        _cleanup_(diag_done) Diag diag = {};
        HostFacts facts = {};

        assert_int_equal(host_config_load("/nowhere/bulwarkd.conf", &diag, &facts), -ENOENT);
        assert_int_equal(diag.n_errors, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(decisions),
                cmocka_unit_test_setup_teardown(configuration, setup, teardown),
                cmocka_unit_test(missing_configuration),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
