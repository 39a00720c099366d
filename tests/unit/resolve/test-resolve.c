/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>

#include "tests/unit/resolve/draft.h"

#define GOOD "RootDirectory=/srv/r\nExecStart=/bin/x\n"

static const ContainerSpec *resolve_with(const char *lines, UnitFacts *facts, Diag *diag) {
        HostFacts host = host_new();
        const ContainerSpec *spec = NULL;
        int r;

        r = spec_resolve(draft_new(lines), &host, facts, diag, &spec);
        assert_int_equal(r < 0, diag->n_errors > 0);
        assert_int_equal(r < 0, !spec);
        return spec;
}

static const ContainerSpec *resolve(const char *lines, Diag *diag) {
        _cleanup_(unit_facts_done) UnitFacts facts = facts_new();

        return resolve_with(lines, &facts, diag);
}

static void defaults(void **state) {
        Diag diag = {};
        const ContainerSpec *s = resolve(GOOD, &diag);

        assert_non_null(s);
        assert_int_equal(diag.n_entries, 0);
        assert_int_equal(s->kill_signal, SIGTERM);
        assert_true(s->init_role);
        assert_string_equal(s->exec_directory, "/");
        assert_false(s->exec_directory_missing_ok);
        assert_int_equal(s->identity.uid, 0);
        assert_int_equal(s->host_memory, UINT64_C(16) << 30);
        assert_int_equal(s->host_tasks, 32768);
        assert_non_null(s->exec_environment);
        container_spec_unref((ContainerSpec *)s);
}

static void settings_that_depend_on_others(void **state) {
        Diag diag = {};
        const ContainerSpec *s;

        s = resolve("RootDirectory=/srv/r\nBoot=yes", &diag);
        assert_non_null(s);
        assert_int_equal(s->kill_signal, SIGRTMIN + 3);
        assert_false(s->init_role);
        container_spec_unref((ContainerSpec *)s);

        s = resolve("RootDirectory=/srv/r\nBoot=yes\nKillSignal=SIGUSR1\nProcessTwo=no", &diag);
        assert_int_equal(s->kill_signal, SIGUSR1);
        container_spec_unref((ContainerSpec *)s);

        s = resolve(GOOD "ProcessTwo=no\nTimeoutStopSec=0\nUser=bob\nWorkingDirectory=-~", &diag);
        assert_false(s->init_role);
        assert_true(s->timeout_stop_usec == USEC_INFINITY);
        assert_string_equal(s->exec_directory, "/home/bob");
        assert_true(s->exec_directory_missing_ok);
        container_spec_unref((ContainerSpec *)s);
        assert_int_equal(diag.n_entries, 0);

        s = resolve(GOOD "ReadOnlyPaths=/srv -/ /opt\nFileDescriptorStoreMax=4224", &diag);
        assert_int_equal(s->read_only_paths.n, 2);
        assert_string_equal(s->read_only_paths.items[1].path, "/opt");
        assert_int_equal(s->file_descriptor_store_max, SPEC_STORED_MAX);
        container_spec_unref((ContainerSpec *)s);
        diag_done(&diag);
}

/* One line of the unit, what it must say, and that nothing else is said. */
static void contradictions(void **state) {
        static const struct {
                const char *lines, *directive;
                ErrorCode code;
                unsigned line;
                const char *words;
        } cases[] = {
                { "ExecStart=/bin/x", "RootDirectory", ERROR_BAD_VALUE, 0, "write for example RootDirectory=/" },
                { "RootDirectory=/srv/r", "ExecStart", ERROR_BAD_VALUE, 0, "write for example ExecStart=/" },
                { "RootDirectory=/\nExecStart=/bin/x", "RootDirectory", ERROR_BAD_VALUE, 1, "the host's own root" },
                { GOOD "ExecStart=/bin/y", "ExecStart", ERROR_CONFLICT, 3, "stands 2 times" },
                { GOOD "Boot=yes", "ExecStart", ERROR_CONFLICT, 2, "contradicts Boot=yes" },
                { "RootDirectory=/srv/r\nBoot=yes\nProcessTwo=yes", "ProcessTwo", ERROR_CONFLICT, 3, "Boot=yes" },
                { "RootDirectory=/srv/r\nBoot=yes\nUser=bob", "User", ERROR_CONFLICT, 3, "must be root" },
                { "RootDirectory=/srv/r\nBoot=yes\nGroup=bob", "Group", ERROR_CONFLICT, 3, "must be root" },
                { "RootDirectory=/srv/r\nBoot=yes\nSupplementaryGroups=wheel", "SupplementaryGroups", ERROR_CONFLICT, 3,
                  "must be root" },
                { GOOD "User=nobody", "User", ERROR_MISSING, 3, "there is no user 'nobody' in /srv/r/etc/passwd" },
                { GOOD "Group=nogroup", "Group", ERROR_MISSING, 3, "there is no group 'nogroup' in /srv/r/etc/group" },
                { GOOD "User=bob\nSupplementaryGroups=nogroup", "SupplementaryGroups", ERROR_MISSING, 4, "no group" },
                { GOOD "User=far\nGroup=0", "User", ERROR_CONFLICT, 3, "lies outside of the container's ids 0 to 65535" },
                { GOOD "Group=70000", "Group", ERROR_CONFLICT, 3, "outside" },
                { GOOD "SupplementaryGroups=huge", "SupplementaryGroups", ERROR_CONFLICT, 3, "outside" },
                { GOOD "User=4242\nWorkingDirectory=~", "WorkingDirectory", ERROR_MISSING, 4, "needs a home" },
                { GOOD "BindPaths=/srv/a:/data\nTemporaryFileSystem=/data", "TemporaryFileSystem", ERROR_CONFLICT, 4,
                  "a second time; BindPaths= at u.container:3 did before" },
                { GOOD "BindPaths=/srv/a:/data /srv/b:/data", "BindPaths", ERROR_CONFLICT, 3, "a second time" },
                { GOOD "BindReadOnlyPaths=/srv/a:/proc/x", "BindReadOnlyPaths", ERROR_CONFLICT, 3, "cannot mount onto" },
                { GOOD "BindPaths=/srv/a:/dev", "BindPaths", ERROR_CONFLICT, 3, "cannot mount onto '/dev'" },
                { GOOD "TemporaryFileSystem=/sys/fs", "TemporaryFileSystem", ERROR_CONFLICT, 3, "cannot mount onto" },
                { GOOD "TemporaryFileSystem=/dev/shm", "TemporaryFileSystem", ERROR_CONFLICT, 3, "cannot mount onto" },
                { GOOD "InaccessiblePaths=/proc", "InaccessiblePaths", ERROR_CONFLICT, 3, "cannot be taken away" },
                { GOOD "PrivateUsers=no\nAddCapability=CAP_SYS_RESOURCE", "AddCapability", ERROR_HOST_LACKS, 4,
                  "this host has lost CAP_SYS_RESOURCE" },
                { GOOD "ReadOnly=no\nReadOnlyPaths=/", "ReadOnlyPaths", ERROR_CONFLICT, 4, "contradicts ReadOnly=no" },
                { GOOD "WorkingDirectory=/proc/self/cwd", "WorkingDirectory", ERROR_BAD_VALUE, 3, "link of the kernel's own" },
                { GOOD "WorkingDirectory=-/proc/1/root/etc", "WorkingDirectory", ERROR_BAD_VALUE, 3, "link of the kernel's own" },
                { GOOD "EnvironmentFile=/etc/x", "EnvironmentFile", ERROR_MISSING, 3, "cannot read /etc/x" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Diag diag = {};
                const DiagEntry *e = NULL;

                (void)resolve(cases[i].lines, &diag);
                for (size_t k = 0; k < diag.n_entries; k++)
                        if (diag.entries[k].level == DIAG_ERROR)
                                e = &diag.entries[k];
                if (diag.n_errors != 1 || !strstr(e->text, cases[i].words) ||
                    !streq_ptr(e->directive, cases[i].directive) || e->line != cases[i].line ||
                    e->code != cases[i].code || !streq_ptr(e->file, "u.container")) {
                        _cleanup_free_ char *words = diag_to_string(&diag, true);

                        fail_msg("%s\n-- said:\n%s\n-- wanted %s:%u %s", cases[i].lines, words, cases[i].directive,
                                 cases[i].line, cases[i].words);
                }
                diag_done(&diag);
        }
}

static void warnings(void **state) {
        static const struct {
                const char *lines, *directive, *words; /* words NULL = nothing is said */
        } cases[] = {
                { GOOD "PrivateUsers=no", "PrivateUsers", "the container's root is the host's root" },
                { GOOD "PrivateUsers=identity", "PrivateUsers", "belong to the host" },
                { GOOD "BindPaths=/:/host", "BindPaths", "shows the whole host" },
                { GOOD "BindPaths=/run/bulwark:/x", "BindPaths", "the manager's own socket" },
                { GOOD "MemoryMax=1G\nMemoryHigh=2G", "MemoryHigh", "above MemoryMax=" },
                { GOOD "MemoryMax=1G\nMemoryHigh=50%", "MemoryHigh", "above MemoryMax=" },
                { GOOD "MemoryMax=50%\nMemoryHigh=2G", NULL, NULL },
                { GOOD "MemoryMax=1G\nMemoryHigh=infinity", NULL, NULL },
                { GOOD "PrivateUsers=1000000:65536\nTemporaryFileSystem=/data\nBindPaths=/srv/a:/proc2", NULL, NULL },
                { GOOD "PrivateUsers=1000000:200000\nUser=far", NULL, NULL },
                { GOOD "SendSIGKILL=no\nFinalKillSignal=SIGQUIT", "FinalKillSignal", "no effect with SendSIGKILL=no" },
                { GOOD "ReadOnlyPaths=-/", NULL, NULL },
                { GOOD "FileDescriptorStoreMax=512", "FileDescriptorStoreMax", "the limit is 128" },
                { GOOD "HealthCmd=/bin/test -d /etc || exit 1", "HealthCmd", "'||' is an argument of the program here" },
                { GOOD "HealthCmd=/bin/sh -c 'test -d /etc || exit 1'", NULL, NULL },
                { GOOD "HealthCmd=/bin/x\nNotify=healthy\nHealthStartPeriod=20s\nTimeoutStartSec=2s", "HealthStartPeriod",
                  "not shorter than TimeoutStartSec=" },
                { GOOD "HealthCmd=/bin/x\nNotify=healthy\nHealthStartPeriod=20s\nTimeoutStartSec=0", NULL, NULL },
                { GOOD "HealthCmd=/bin/x\nNotify=healthy\nHealthStartPeriod=20s", NULL, NULL },
                { "RootDirectory=/srv/r\nBoot=yes\nSystemCallFilter=add_key keyctl bpf", "SystemCallFilter", "add @boot-container" },
                { "RootDirectory=/srv/r\nBoot=yes\nSystemCallFilter=@boot-container bpf", NULL, NULL },
                { "RootDirectory=/srv/r\nBoot=yes\nSystemCallFilter=~bpf", NULL, NULL },
                { GOOD "WantedBy=multi-user", "WantedBy", "'multi-user' is no unit of the host" },
                { GOOD "Alias=a/b", "Alias", "'a/b' is no container's name" },
                { GOOD "WantedBy=multi-user.target\nAlias=b.container\nAlso=c", NULL, NULL },
                { GOOD "SendSIGKILL=no", NULL, NULL },
                { GOOD "FinalKillSignal=SIGQUIT", NULL, NULL },
                { GOOD "AddCapability=CAP_SYS_RESOURCE", NULL, NULL },
                { GOOD "InaccessiblePaths=/proc/kcore\nReadOnlyPaths=/etc", NULL, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Diag diag = {};
                const ContainerSpec *s = resolve(cases[i].lines, &diag);
                bool good = cases[i].words ? diag.n_entries == 1 && streq_ptr(diag.entries[0].directive, cases[i].directive) &&
                                                     strstr(diag.entries[0].text, cases[i].words)
                                           : diag.n_entries == 0;

                if (!s || !good) {
                        _cleanup_free_ char *words = diag_to_string(&diag, true);

                        fail_msg("%s\n-- said:\n%s", cases[i].lines, words);
                }
                container_spec_unref((ContainerSpec *)s);
                diag_done(&diag);
        }
}

/* The roots that unit_facts_gather() can find. */
static void bad_roots(void **state) {
        static const struct {
                UnitFacts facts;
                ErrorCode code;
                const char *words;
        } cases[] = {
                { { .root_error = ENOENT }, ERROR_MISSING, "/srv/r does not exist; create it" },
                { { .root_exists = true }, ERROR_BAD_VALUE, "/srv/r is not a directory" },
                { { .root_error = ENOTDIR }, ERROR_BAD_VALUE, "/srv/r is not a directory" },
                { { .root_error = EACCES }, ERROR_MISSING, "cannot open /srv/r: Permission denied" },
                { { .root_exists = true, .root_is_directory = true, .root_is_host = true }, ERROR_BAD_VALUE,
                  "the host's own root" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                UnitFacts facts = cases[i].facts;
                Diag diag = {};

                /* Nothing is said about a user that could not be looked up. */
                (void)resolve_with(cases[i].facts.root_is_directory ? GOOD : GOOD "User=bob\nWorkingDirectory=~", &facts,
                                   &diag);
                assert_int_equal(diag.n_entries, 1);
                assert_int_equal(diag.entries[0].code, cases[i].code);
                assert_int_equal(diag.entries[0].line, 1);
                if (!strstr(diag.entries[0].text, cases[i].words))
                        fail_msg("%s", diag.entries[0].text);
                diag_done(&diag);
        }
}

static void all_mistakes_come_at_once(void **state) {
        Diag diag = {};

        (void)resolve("Boot=yes\nProcessTwo=yes\nBindPaths=/srv/a:/dev\nEnvironmentFile=/etc/x\nUser=nobody", &diag);
        assert_int_equal(diag.n_errors, 6);
        diag_done(&diag);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(defaults),
                cmocka_unit_test(settings_that_depend_on_others),
                cmocka_unit_test(contradictions),
                cmocka_unit_test(warnings),
                cmocka_unit_test(bad_roots),
                cmocka_unit_test(all_mistakes_come_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
