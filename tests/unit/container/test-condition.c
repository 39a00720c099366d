/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "manager/host/conditions/condition-facts.h"
#include "manager/order/condition.h"
#include "manager/order/mounts.h"

#define OS "ID=debian\nVERSION_ID=\"12\"\nNAME=\"Debian GNU/Linux\"\n"
#define PRESSURE "some avg10=1.50 avg60=20.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"

/* What is asked, what the host is like, and the answer. */
static void each_kind_has_its_rule(void **state) {
        static const struct {
                ConditionKind kind;
                const char *parameter;
                ConditionFacts facts;
                bool holds;
        } rows[] = {
                { CONDITION_ACPower, "yes", { .flag = true }, true },
                { CONDITION_ACPower, "no", { .flag = true }, false },
                { CONDITION_FirstBoot, "no", { .flag = false }, true },
                { CONDITION_Architecture, "x86-64", { .text = (char *)"x86-64" }, true },
                { CONDITION_Architecture, "native", { .text = (char *)"arm64" }, true },
                { CONDITION_Architecture, "x86", { .text = (char *)"x86-64" }, false },
                { CONDITION_CPUFeature, "sse2", { .text = (char *)"flags : fpu sse2 x" }, true },
                { CONDITION_CPUFeature, "sse", { .text = (char *)"flags : fpu sse2 x" }, false },
                { CONDITION_CPUs, "2", { .number = 2 }, true },
                { CONDITION_CPUs, "> 2", { .number = 2 }, false },
                { CONDITION_CPUs, "!=2", { .number = 2 }, false },
                { CONDITION_CPUs, "<=2", { .number = 2 }, true },
                { CONDITION_Memory, ">= 1G", { .number = UINT64_C(1) << 30 }, true },
                { CONDITION_Memory, "<1G", { .number = UINT64_C(1) << 30 }, false },
                { CONDITION_Capability, "CAP_CHOWN", { .number = 1 }, true },
                { CONDITION_Capability, "CAP_KILL", { .number = 1 }, false },
                { CONDITION_ControlGroupController, "cpu memory", { .text = (char *)"cpu io memory", .flag = true }, true },
                { CONDITION_ControlGroupController, "cpu mem", { .text = (char *)"cpu io memory", .flag = true }, false },
                { CONDITION_ControlGroupController, "v2", { .flag = true }, true },
                { CONDITION_ControlGroupController, "v1", { .flag = true }, false },
                { CONDITION_Environment, "A", { .text = (char *)"B=2\nA=1\n" }, true },
                { CONDITION_Environment, "A=1", { .text = (char *)"B=2\nA=1\n" }, true },
                { CONDITION_Environment, "A=", { .text = (char *)"B=2\nA=1\n" }, false },
                { CONDITION_Environment, "AB", { .text = (char *)"ABC=1\n" }, false },
                { CONDITION_KernelCommandLine, "quiet", { .text = (char *)"ro quiet x=1\n" }, true },
                { CONDITION_KernelCommandLine, "x", { .text = (char *)"ro quiet x=1\n" }, true },
                { CONDITION_KernelCommandLine, "x=1", { .text = (char *)"ro quiet x=1\n" }, true },
                { CONDITION_KernelCommandLine, "x=", { .text = (char *)"ro quiet x=1\n" }, false },
                { CONDITION_KernelCommandLine, "qui", { .text = (char *)"ro quiet x=1\n" }, false },
                { CONDITION_Host, "web*", { .text = (char *)"Web1\n0123" }, true },
                { CONDITION_Host, "0123", { .text = (char *)"web1\n0123" }, true },
                { CONDITION_Host, "db", { .text = (char *)"web1\n0123" }, false },
                { CONDITION_KernelVersion, ">=5.14", { .text = (char *)"6.1.0-18-amd64" }, true },
                { CONDITION_KernelVersion, ">= 6.10", { .text = (char *)"6.9.2" }, false },
                { CONDITION_KernelVersion, ">=6.1 <6.2 *-amd64", { .text = (char *)"6.1.0-18-amd64" }, true },
                { CONDITION_KernelVersion, "\">=2.0\" \"!=6.1\"", { .text = (char *)"6.1" }, false },
                { CONDITION_KernelVersion, "5.*", { .text = (char *)"6.1.0" }, false },
                { CONDITION_OSRelease, "ID=debian VERSION_ID>=11", { .text = (char *)OS }, true },
                { CONDITION_OSRelease, "VERSION_ID<9", { .text = (char *)OS }, false },
                { CONDITION_OSRelease, "ID!=debian", { .text = (char *)OS }, false },
                { CONDITION_OSRelease, "MISSING=", { .text = (char *)OS }, true },
                { CONDITION_OSRelease, "ID", { .text = (char *)OS }, false },
                { CONDITION_CPUPressure, "10%/1min", { .text = (char *)PRESSURE }, false },
                { CONDITION_IOPressure, "1.5%/10s", { .text = (char *)PRESSURE }, true },
                { CONDITION_MemoryPressure, "0%", { .text = (char *)PRESSURE }, true },
                { CONDITION_MemoryPressure, "0%", { .text = NULL }, true },
                { CONDITION_User, "root", { .number = 0, .text = (char *)"root" }, true },
                { CONDITION_User, "0", { .number = 0, .text = (char *)"root" }, true },
                { CONDITION_User, "@system", { .number = 999 }, true },
                { CONDITION_User, "@system", { .number = 1000 }, false },
                { CONDITION_Group, "4", { .text = (char *)"0 root 4 adm " }, true },
                { CONDITION_Group, "adm", { .text = (char *)"0 root 4 adm " }, true },
                { CONDITION_Group, "ad", { .text = (char *)"0 root 4 adm " }, false },
                { CONDITION_Virtualization, "no", { .text = (char *)"none" }, true },
                { CONDITION_Virtualization, "yes", { .text = (char *)"kvm", .number = 1 }, true },
                { CONDITION_Virtualization, "vm", { .text = (char *)"kvm", .number = 1 }, true },
                { CONDITION_Virtualization, "container", { .text = (char *)"kvm", .number = 1 }, false },
                { CONDITION_Virtualization, "docker", { .text = (char *)"docker", .number = 2 }, true },
                { CONDITION_Virtualization, "private-users", { .flag = true }, true },
                { CONDITION_PathExists, "/x", { .exists = true }, true },
                { CONDITION_PathExistsGlob, "/x*", { .exists = false }, false },
                { CONDITION_PathIsDirectory, "/x", { .exists = true, .directory = true }, true },
                { CONDITION_PathIsSymbolicLink, "/x", { .symlink = true }, true },
                { CONDITION_PathIsSocket, "/x", { .exists = true }, false },
                { CONDITION_PathIsMountPoint, "/x", { .mount_point = true }, true },
                { CONDITION_PathIsReadWrite, "/x", { .exists = true, .writable = true }, true },
                { CONDITION_PathIsReadWrite, "/x", { .writable = true }, false },
                { CONDITION_PathIsEncrypted, "/x", { .encrypted = true }, true },
                { CONDITION_DirectoryNotEmpty, "/x", { .directory = true, .not_empty = true }, true },
                { CONDITION_DirectoryNotEmpty, "/x", { .not_empty = true }, false },
                { CONDITION_FileNotEmpty, "/x", { .not_empty = true }, true },
                { CONDITION_FileNotEmpty, "/x", { .directory = true, .not_empty = true }, false },
                { CONDITION_FileIsExecutable, "/x", { .executable = true }, true },
                { CONDITION_NeedsUpdate, "/etc", { .writable = true, .flag = true }, true },
                { CONDITION_NeedsUpdate, "/etc", { .flag = true }, false },
                { CONDITION_Security, "selinux", { .flag = true }, true },
                { CONDITION_Credential, "x", { .flag = false }, false },
                { CONDITION_Firmware, "uefi", { .flag = true }, true },
                { CONDITION_KernelModuleLoaded, "fuse", { .flag = true }, true },
        };
        bool seen[_CONDITION_KIND_MAX] = {};

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                seen[rows[i].kind] = true;
                if (condition_holds(rows[i].kind, rows[i].parameter, &rows[i].facts) != rows[i].holds)
                        fail_msg("row %zu: Condition%s=%s", i, condition_kind_to_string(rows[i].kind), rows[i].parameter);
        }
        for (ConditionKind k = 0; k < _CONDITION_KIND_MAX; k++)
                if (!seen[k])
                        fail_msg("Condition%s= has no row", condition_kind_to_string(k));
}

/* --- all of a unit: /yes is there, /no is not, /odd cannot be looked at */

static int gather(ConditionKind kind, const char *parameter, const HostFacts *host, ConditionFacts *ret) {
        if (streq(parameter, "/odd"))
                return -EACCES;
        ret->exists = ret->directory = streq(parameter, "/yes");
        return 0;
}

static ContainerSpec *unit(const char *text) {
        _cleanup_(diag_done) Diag diag = {};
        ContainerSpec *s = NULL;

        assert_int_equal(unit_load_text("web", text, strlen(text), NULL, &diag, &s), 0);
        return s;
}

static void conditions_of_a_unit(void **state) {
        static const struct {
                const char *text;
                const char *words; /* NULL = it may start */
                bool asserts;
        } rows[] = {
                { "[Unit]\n", NULL, false },
                { "[Unit]\nConditionPathExists=/yes\nConditionPathIsDirectory=/yes\n", NULL, false },
                { "[Unit]\nConditionPathExists=/yes\nConditionPathIsDirectory=/no\n",
                  "ConditionPathIsDirectory=/no was not met (web:3)", false },
                { "[Unit]\nConditionPathExists=!/no\n", NULL, false },
                { "[Unit]\nConditionPathExists=!/yes\n", "ConditionPathExists=!/yes was not met (web:2)", false },
                { "[Unit]\nConditionPathExists=|/no\nConditionPathIsDirectory=|/yes\n", NULL, false },
                { "[Unit]\nConditionPathExists=|/yes\nConditionPathIsDirectory=|/no\n", NULL, false },
                { "[Unit]\nConditionPathExists=|/no\nConditionPathIsDirectory=|!/yes\n",
                  "ConditionPathIsDirectory=|!/yes was not met (web:3)", false },
                { "[Unit]\nConditionPathExists=|/yes\nConditionPathExists=/no\n", "ConditionPathExists=/no was not met (web:3)",
                  false },
                { "[Unit]\nConditionPathExists=/odd\n", "ConditionPathExists=/odd was not met (web:2)", false },
                { "[Unit]\nConditionPathExists=!/odd\n", "ConditionPathExists=!/odd was not met (web:2)", false },
                { "[Unit]\nAssertPathExists=/no\n", "AssertPathExists=/no was not met (web:2)", true },
                { "[Unit]\nAssertPathExists=/no\nConditionPathExists=/no\n", "ConditionPathExists=/no was not met (web:3)", false },
                { "[Unit]\nAssertPathExists=|/no\nConditionPathExists=|/yes\n", "AssertPathExists=|/no was not met (web:2)", true },
                /* an empty line takes every kind away, and asserts are not conditions */
                { "[Unit]\nConditionPathExists=/no\nConditionPathIsDirectory=/no\nConditionACPower=\n", NULL, false },
                { "[Unit]\nAssertPathExists=/no\nConditionPathExists=\n", "AssertPathExists=/no was not met (web:2)", true },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(container_spec_unrefp) ContainerSpec *s = unit(rows[i].text);
                ConditionVerdict v = conditions_judge(s, NULL, gather);
                _cleanup_free_ char *words = NULL;

                if (!v.met)
                        assert_int_equal(condition_verdict_to_string(&v, &words), 0);
                if (v.met != !rows[i].words || !streq_ptr(words, rows[i].words) || (!v.met && v.asserts != rows[i].asserts))
                        fail_msg("%s-- said %s", rows[i].text, v.met ? "yes" : words);
        }
}

/* One kind that is set anew does not take the others away, though an empty line of it would. */
static void one_row_written_anew(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = unit("[Unit]\nConditionPathExists=/a\nConditionACPower=yes\n");
        _cleanup_free_ char *text = NULL;

        assert_int_equal(container_spec_print_row(s, DIRECTIVE_ConditionPathExists, &text), 0);
        assert_string_equal(text, "ConditionPathExists=\nConditionACPower=yes\nConditionPathExists=/a\n");
}

/* The facts themselves, where this host is known. */
static void facts_of_this_host(void **state) {
        char folder[] = "/tmp/bulwark-condition-XXXXXX", path[64];
        const HostFacts host = { .memory_total = 1, .specifiers = { .kernel_release = "6.1", .host_name = "h" } };
        ConditionFacts f = {};

        assert_non_null(mkdtemp(folder));
        assert_int_equal(condition_facts_gather(CONDITION_PathExists, folder, &host, &f), 0);
        assert_true(f.exists && f.directory && f.writable && !f.not_empty && !f.mount_point && !f.symlink);
        condition_facts_done(&f);
        (void)snprintf(path, sizeof(path), "%s/link", folder);
        assert_int_equal(symlink("/nowhere", path), 0);
        assert_int_equal(condition_facts_gather(CONDITION_PathIsSymbolicLink, path, &host, &f), 0);
        assert_true(f.symlink && !f.exists);
        condition_facts_done(&f);
        assert_int_equal(condition_facts_gather(CONDITION_DirectoryNotEmpty, folder, &host, &f), 0);
        assert_true(f.directory && f.not_empty);
        condition_facts_done(&f);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rmdir(folder), 0);
        assert_int_equal(condition_facts_gather(CONDITION_PathIsMountPoint, "/proc", &host, &f), 0);
        assert_true(f.mount_point && f.exists);
        condition_facts_done(&f);
        assert_int_equal(condition_facts_gather(CONDITION_Security, "magic", &host, &f), -EINVAL);
        for (ConditionKind k = 0; k < _CONDITION_KIND_MAX; k++) {
                f = (ConditionFacts){};
                (void)condition_facts_gather(k, "/nowhere", &host, &f);
                condition_facts_done(&f);
        }
}

/* --- mounts */

static void mounts_of_fstab(void **state) {
        static const char fstab[] = "# a comment\n"
                                    "UUID=1 / ext4 defaults 0 1\n"
                                    "UUID=2 /srv ext4 defaults 0 2\n"
                                    "UUID=3 /srv/data/ xfs nofail,ro 0 2\n"
                                    "UUID=4 /media/usb vfat rw,noauto 0 0\n"
                                    "UUID=5 none swap sw 0 0\n"
                                    "//host/x /mnt/with\\040space cifs rw\n"
                                    "broken line\n";
        static const struct {
                const char *path, *point;
        } rows[] = {
                { "/", NULL },          { "/etc", NULL },           { "/srv", "/srv" },     { "/srv/web", "/srv" },
                { "/srv/data", "/srv/data" }, { "/srv/data/x", "/srv/data" }, { "/srvx", NULL }, { "/media/usb/x", NULL },
                { "/mnt/with space/x", "/mnt/with space" }, { "none", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *point = NULL;

                assert_int_equal(fstab_mount_for(fstab, rows[i].path, &point), 0);
                if (!streq_ptr(point, rows[i].point))
                        fail_msg("%s needs %s, not %s", rows[i].path, strempty(point), strempty(rows[i].point));
        }
}

static void paths_that_need_mounts(void **state) {
        static const char *const wanted[] = { "/var/x", "/srv/r", "/srv/a", "/etc/c" };
        _cleanup_(container_spec_unrefp) ContainerSpec *s =
                unit("[Unit]\nRequiresMountsFor=/var/x\n[Container]\nRootDirectory=/srv/r\nBindPaths=/srv/a -/srv/b\n"
                     "BindReadOnlyPaths=/etc/c\n");
        MountNeed need;

        for (size_t i = 0; i < ELEMENTSOF(wanted); i++) {
                assert_true(container_spec_mount_need(s, i, &need));
                assert_string_equal(need.path, wanted[i]);
                assert_true(need.origin->line > 0);
        }
        assert_false(container_spec_mount_need(s, ELEMENTSOF(wanted), &need));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_kind_has_its_rule),
                cmocka_unit_test(conditions_of_a_unit),
                cmocka_unit_test(one_row_written_anew),
                cmocka_unit_test(facts_of_this_host),
                cmocka_unit_test(mounts_of_fstab),
                cmocka_unit_test(paths_that_need_mounts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
