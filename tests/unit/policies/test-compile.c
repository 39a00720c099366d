/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/stat.h>

#include "manager/base/io.h"
#include "policies/seccomp/bpf-text.h"
#include "policies/seccomp/cache.h"
#include "policies/seccomp/seccomp.h"
#include "tests/unit/policies/fixture.h"

typedef struct Directory {
        char path[64];
        int fd;
} Directory;

static int directory_setup(void **state) {
        Directory *d = calloc(1, sizeof(Directory));

        if (!d)
                return -1;
        strcpy(d->path, "/tmp/bulwark-policies-XXXXXX");
        if (!mkdtemp(d->path))
                return -1;
        d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        *state = d;
        return d->fd < 0 ? -1 : 0;
}

/* The one cache entry, or fewer or more: *ret_n says how many there are. */
static void find_entry(int dir_fd, char name[static NAME_MAX], size_t *ret_n) {
        DIR *dir = fdopendir(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        struct dirent *e;
        size_t n = 0;

        assert_non_null(dir);
        while ((e = readdir(dir)))
                if (e->d_name[0] != '.') {
                        assert_true(strlen(e->d_name) < NAME_MAX);
                        strcpy(name, e->d_name);
                        n++;
                }
        closedir(dir);
        *ret_n = n;
}

static int directory_teardown(void **state) {
        char name[NAME_MAX];
        Directory *d = *state;
        size_t n;

        for (find_entry(d->fd, name, &n); n > 0; find_entry(d->fd, name, &n))
                if (unlinkat(d->fd, name, 0) < 0 && unlinkat(d->fd, name, AT_REMOVEDIR) < 0)
                        return -1;
        close(d->fd);
        if (rmdir(d->path) < 0)
                return -1;
        free(d);
        return 0;
}

static const PolicySet *compile_on(const char *root, unsigned landlock_abi, bool apparmor) {
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = fixture_spec("SystemCallFilter=~kcmp\nRestrictNamespaces=yes");
        _cleanup_(diag_done) Diag diag = {};
        const PolicySet *set = NULL;

        free(spec->root_directory);
        spec->root_directory = strdup(root);
        spec->mac = (MacDecision){ .landlock_abi = landlock_abi, .apparmor = apparmor };
        assert_int_equal(policy_compile(spec, -EBADF, &diag, &set), 0);
        return set;
}

/* Where the root lies does not count, and the filter is the same whatever kernel runs. */
static void one_digest(void **state) {
        _cleanup_(policy_set_unrefp) const PolicySet *here = compile_on("/srv/a", 7, true), *there = compile_on("/var/lib/b", 7, true),
                                                     *older = compile_on("/srv/a", 1, false);

        assert_true(digest_equal(&here->digest, &there->digest));
        assert_true(digest_equal(&here->seccomp.digest, &older->seccomp.digest));
        assert_int_equal(here->capabilities.bounding, older->capabilities.bounding);
}

static void backends(void **state) {
        static const char *const names[] = { "caps", "seccomp", "apparmor", "selinux", "landlock", "devices", "filters" };

        assert_int_equal(policy_backends_count(), ELEMENTSOF(names));
        for (size_t i = 0; i < policy_backends_count(); i++) {
                assert_string_equal(policy_backends[i]->name, names[i]); /* those that follow caps read its set */
                assert_non_null(policy_backends[i]->compile);
                assert_non_null(policy_backends[i]->render);
        }
}

static void same_input_same_bytes(void **state) {
        static const char unit[] = "Boot=yes\nSystemCallFilter=@system-service\nSystemCallFilter=~@keyring:EACCES";
        _cleanup_(policy_set_unrefp) const PolicySet *a = fixture_compile(unit, -EBADF);
        _cleanup_(policy_set_unrefp) const PolicySet *b = fixture_compile(unit, -EBADF);

        assert_true(digest_equal(&a->digest, &b->digest));
        assert_int_equal(a->seccomp.n_instructions, b->seccomp.n_instructions);
        assert_memory_equal(a->seccomp.program, b->seccomp.program,
                            a->seccomp.n_instructions * sizeof(struct sock_filter));
        assert_int_equal(a->seccomp.rules.n, b->seccomp.rules.n);
        for (size_t i = 0; i < a->seccomp.rules.n; i++)
                assert_string_equal(a->seccomp.rules.items[i].text, b->seccomp.rules.items[i].text);
}

/* Everything that is to move the policies does; what only moves a line does not. */
static void digest_follows_the_kernel(void **state) {
        static const struct {
                const char *unit;
                bool differs;
        } cases[] = {
                { "\n\nTasksMax=64", false },
                { "CapabilityBoundingSet=CAP_CHOWN", true },
                { "AddCapability=CAP_NET_RAW", true },
                { "AddCapability=CAP_CHOWN", false }, /* in the default set already */
                { "DropCapability=CAP_CHOWN", true },
                { "AmbientCapabilities=CAP_CHOWN", true },
                { "SystemCallFilter=@system-service", true },
                { "SystemCallErrorNumber=EACCES", true },
                { "SystemCallErrorNumber=EPERM", false }, /* the default */
                { "RestrictAddressFamilies=AF_UNIX", true },
                { "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK", false }, /* the default */
                { "User=1000", true },
                { "Boot=yes", true },
                { "NoNewPrivileges=no", false }, /* the default list has all that the launcher needs */
                { "NoNewPrivileges=no\nSystemCallFilter=read", true },
        };
        _cleanup_(policy_set_unrefp) const PolicySet *plain = fixture_compile("", -EBADF);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(policy_set_unrefp) const PolicySet *set = fixture_compile(cases[i].unit, -EBADF);

                if (digest_equal(&plain->digest, &set->digest) == cases[i].differs)
                        fail_msg("%s %s the digest", cases[i].unit, cases[i].differs ? "does not move" : "moves");
        }
}

static void references(void **state) {
        const PolicySet *set = fixture_compile("", -EBADF);
        const PolicySet *other = policy_set_ref(set);

        assert_ptr_equal(other, set);
        assert_null(policy_set_unref(set));
        assert_true(other->seccomp.n_instructions > 0);
        assert_null(policy_set_unref(other)); /* the sanitizer sees a leak or a use after free */
        assert_null(policy_set_unref(NULL));
}

/* Origins point into the spec: it lives as long as the set. fixture_compile() drops its own reference. */
static void rules_outlive_the_caller(void **state) {
        _cleanup_(policy_set_unrefp) const PolicySet *set = fixture_compile("AddCapability=CAP_NET_RAW", -EBADF);
        const PolicyRule *rule = fixture_rule(&set->capabilities.rules, "CAP_NET_RAW bounding permitted effective");

        assert_non_null(set->spec);
        assert_non_null(rule);
        assert_string_equal(rule->origin.file, FIXTURE_FILE);
}

static void rendered(void **state) {
        _cleanup_(policy_set_unrefp) const PolicySet *set = fixture_compile("", -EBADF);

        for (size_t i = 0; i < policy_backends_count(); i++) {
                _cleanup_free_ char *a = NULL, *b = NULL;

                assert_int_equal(policy_backends[i]->render(set, &a), 0);
                assert_int_equal(policy_backends[i]->render(set, &b), 0);
                assert_string_equal(a, b);
                if (!streq(policy_backends[i]->name, "selinux") && !streq(policy_backends[i]->name, "landlock"))
                        assert_true(strlen(a) > 20); /* this unit needs nothing beyond the base module, this host has no Landlock */
        }
        {
                _cleanup_free_ char *text = NULL;

                assert_int_equal(policy_backend_seccomp.render(set, &text), 0);
                assert_ptr_equal(strstr(text, "   0  load arch\n"), text);
                assert_non_null(strstr(text, "  # ioctl\n"));
                assert_non_null(strstr(text, "  # read\n"));
                assert_null(strstr(text, "  # mount\n"));
        }
}

/* --- cache */

static void cached(void **state) {
        const Directory *d = *state;
        _cleanup_(policy_set_unrefp) const PolicySet *fresh = fixture_compile("Boot=yes", d->fd);
        _cleanup_(policy_set_unrefp) const PolicySet *again = fixture_compile("Boot=yes", d->fd);
        _cleanup_(policy_set_unrefp) const PolicySet *without = fixture_compile("Boot=yes", -EBADF);
        char name[NAME_MAX];
        struct stat st;
        size_t n;

        assert_true(digest_equal(&fresh->digest, &again->digest));
        assert_true(digest_equal(&fresh->digest, &without->digest));
        assert_int_equal(fresh->seccomp.rules.n, again->seccomp.rules.n);

        find_entry(d->fd, name, &n);
        assert_int_equal(n, 1);
        assert_int_equal(fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
        assert_int_equal(st.st_mode, S_IFREG | 0600);
}

/* A hit is really taken from the cache: a good entry with another, valid program is what comes back. */
static void hit_is_used(void **state) {
        static const struct sock_filter marker[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS) };
        const Directory *d = *state;
        _cleanup_free_ struct sock_filter *program = NULL;
        Digest key, other;
        size_t n;

        digest_of("a", 1, &key);
        digest_of("b", 1, &other);
        assert_int_equal(filter_cache_read(d->fd, &key, &program, &n), -ENOENT);
        assert_int_equal(filter_cache_write(d->fd, &key, marker, 1), 0);
        assert_int_equal(filter_cache_read(d->fd, &other, &program, &n), -ENOENT);
        assert_int_equal(filter_cache_read(d->fd, &key, &program, &n), 0);
        assert_int_equal(n, 1);
        assert_memory_equal(program, marker, sizeof(marker));
}

static void write_entry(int dir_fd, const char *name, const void *data, size_t size) {
        _cleanup_close_ int fd = openat(dir_fd, name, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write_all(fd, data, size), 0);
}

static void read_entry(int dir_fd, const char *name, char **ret, size_t *ret_size) {
        _cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(read_file(fd, 1 << 20, ret, ret_size), 0);
}

/* Every damaged byte and every length: ignored, and written anew. */
static void damage_is_never_trusted(void **state) {
        static const struct sock_filter program[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        const Directory *d = *state;
        _cleanup_free_ char *good = NULL;
        char name[NAME_MAX];
        size_t size, n;
        Digest key;

        digest_of("key", 3, &key);
        assert_int_equal(filter_cache_write(d->fd, &key, program, ELEMENTSOF(program)), 0);
        find_entry(d->fd, name, &n);
        assert_int_equal(n, 1);
        read_entry(d->fd, name, &good, &size);

        for (size_t i = 0; i < size; i++) {
                struct sock_filter *found = NULL;

                good[i] ^= 0x20;
                write_entry(d->fd, name, good, size);
                good[i] ^= 0x20;
                assert_int_equal(filter_cache_read(d->fd, &key, &found, &n), -ENOENT);
                write_entry(d->fd, name, good, i);
                assert_int_equal(filter_cache_read(d->fd, &key, &found, &n), -ENOENT);
                assert_null(found);
        }
}

/* A sound record that says another key, or that holds what the kernel would refuse. */
static void foreign_is_never_trusted(void **state) {
        static const struct sock_filter bad[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0) };
        static const struct sock_filter good[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
        const Directory *d = *state;
        struct sock_filter *found = NULL;
        char from[NAME_MAX], to[NAME_MAX];
        Digest key, other;
        size_t n;

        digest_of("key", 3, &key);
        digest_of("other", 5, &other);
        assert_int_equal(filter_cache_write(d->fd, &key, bad, 1), 0);
        assert_int_equal(filter_cache_read(d->fd, &key, &found, &n), -ENOENT);

        assert_int_equal(filter_cache_write(d->fd, &key, good, 1), 0);
        find_entry(d->fd, from, &n);
        assert_int_equal(n, 1);
        strcpy(to, from);
        digest_to_hex(&other, strchr(to, '-') + 1);
        assert_int_equal(renameat(d->fd, from, d->fd, to), 0);
        assert_int_equal(filter_cache_read(d->fd, &other, &found, &n), -ENOENT);
        assert_null(found);
}

/* The compiler goes on when the entry is damaged, a link, a FIFO or a directory, and mends what can be mended. */
static void compile_survives_a_bad_cache(void **state) {
        const Directory *d = *state;
        _cleanup_(policy_set_unrefp) const PolicySet *good = fixture_compile("", d->fd);
        char name[NAME_MAX];
        size_t n;

        find_entry(d->fd, name, &n);
        assert_int_equal(n, 1);
        for (unsigned kind = 0; kind < 4; kind++) {
                _cleanup_(policy_set_unrefp) const PolicySet *set = NULL;
                _cleanup_free_ char *data = NULL;
                size_t size;

                assert_int_equal(unlinkat(d->fd, name, 0), 0);
                if (kind == 0)
                        write_entry(d->fd, name, "x", 1);
                else if (kind == 1)
                        assert_int_equal(symlinkat("/etc/passwd", d->fd, name), 0);
                else if (kind == 2)
                        assert_int_equal(mkfifoat(d->fd, name, 0600), 0);
                else
                        assert_int_equal(mkdirat(d->fd, name, 0700), 0);

                set = fixture_compile("", d->fd);
                assert_true(digest_equal(&set->digest, &good->digest));
                if (kind == 3)
                        break;
                read_entry(d->fd, name, &data, &size);
                assert_true(size > good->seccomp.n_instructions * sizeof(struct sock_filter));
        }
}

/* Different units with the same meaning share one entry, and different meanings never do. */
static void key_is_the_meaning(void **state) {
        static const struct {
                const char *unit;
                size_t entries;
        } cases[] = {
                { "", 1 },
                { "\nUser=1000", 1 },
                { "SystemCallErrorNumber=EPERM", 1 },
                { "SystemCallFilter=~mount", 1 }, /* is denied anyway */
                { "SystemCallFilter=~ptrace", 2 },
                { "SystemCallFilter=~ptrace:EPERM", 2 },
                { "SystemCallFilter=~ptrace:EACCES", 3 },
                { "AddCapability=CAP_NET_RAW", 4 }, /* AF_PACKET */
                { "SystemCallErrorNumber=EACCES", 5 },
                { "SystemCallErrorNumber=kill", 6 },
        };
        const Directory *d = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(policy_set_unrefp) const PolicySet *cached_set = fixture_compile(cases[i].unit, d->fd);
                _cleanup_(policy_set_unrefp) const PolicySet *again = fixture_compile(cases[i].unit, d->fd);
                _cleanup_(policy_set_unrefp) const PolicySet *plain = fixture_compile(cases[i].unit, -EBADF);
                char name[NAME_MAX];
                size_t n;

                find_entry(d->fd, name, &n);
                if (n != cases[i].entries)
                        fail_msg("%s: %zu entries, not %zu", cases[i].unit, n, cases[i].entries);
                assert_true(digest_equal(&cached_set->digest, &plain->digest));
                assert_true(digest_equal(&again->digest, &plain->digest));
        }
}

int main(void) {
#define WITH_DIRECTORY(f) cmocka_unit_test_setup_teardown(f, directory_setup, directory_teardown)
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_digest),
                cmocka_unit_test(backends),
                cmocka_unit_test(same_input_same_bytes),
                cmocka_unit_test(digest_follows_the_kernel),
                cmocka_unit_test(references),
                cmocka_unit_test(rules_outlive_the_caller),
                cmocka_unit_test(rendered),
                WITH_DIRECTORY(cached),
                WITH_DIRECTORY(hit_is_used),
                WITH_DIRECTORY(damage_is_never_trusted),
                WITH_DIRECTORY(foreign_is_never_trusted),
                WITH_DIRECTORY(compile_survives_a_bad_cache),
                WITH_DIRECTORY(key_is_the_meaning),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
