/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ruleset against what the unit means, both worked out as plainly as possible: a path has what any rule says of it or
 * of a directory above it; the unit means the nearest line above a path. Nothing that is meant may be missing, and what is
 * given beyond it must be owned up to as unsaid. */
#include "manager/base/landlock-abi.h"
#include "policies/caps/caps.h"
#include "policies/landlock/landlock.h"
#include "tests/unit/policies/fixture.h"

#define READ LANDLOCK_ACCESS_FS_READ_FILE
#define LIST LANDLOCK_ACCESS_FS_READ_DIR
#define EXECUTE LANDLOCK_ACCESS_FS_EXECUTE
#define WRITE_FILE (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
#define WRITE                                                                                                 \
        (WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |   \
         LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |           \
         LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)
#define DEVICES (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)

static const PolicySet *compile_for(const char *unit, unsigned abi) {
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = fixture_spec(unit);
        _cleanup_(diag_done) Diag diag = {};
        const PolicySet *set = NULL;

        spec->mac.landlock_abi = abi;
        if (policy_compile(spec, -EBADF, &diag, &set) < 0)
                fail_msg("does not compile: %s\n%s", unit, diag.n_entries > 0 ? diag.entries[0].text : "");
        return set;
}

/* What lies between top and path: "" for the same, NULL where path is elsewhere. */
static const char *rest_of(const char *path, const char *top) {
        size_t n = streq(top, "/") ? 0 : strlen(top);

        if (strncmp(path, top, n) != 0 || (path[n] != 0 && path[n] != '/'))
                return NULL;
        return path[n] == '/' ? path + n + 1 : path + n;
}

static bool is_excepted(char *const *names, const char *rest) {
        for (; names && *names; names++)
                if (strlen(*names) == strcspn(rest, "/") && strncmp(*names, rest, strlen(*names)) == 0)
                        return true;
        return false;
}

static uint64_t given(const LandlockPolicy *l, const char *path) {
        uint64_t rights = 0;

        for (size_t i = 0; i < l->n_paths; i++) {
                const LandlockPathRule *p = &l->paths[i];
                const char *rest = rest_of(path, p->path);

                if (rest && (!p->except || (*rest && !is_excepted(p->except, rest))))
                        rights |= p->access;
        }
        return rights;
}

/* --- the meaning: the nearest line above a path, of two on one path the later */

typedef struct Nearest {
        const char *top;
        uint64_t rights;
} Nearest;

static void nearer(Nearest *n, const char *path, const char *top, uint64_t rights) {
        if (rest_of(path, top) && strlen(top) >= strlen(n->top))
                *n = (Nearest){ top, rights };
}

static void nearer_paths(Nearest *n, const char *path, const value_paths *l, uint64_t rights) {
        for (size_t i = 0; i < l->n; i++)
                nearer(n, path, l->items[i].path, rights);
}

static uint64_t meant(const ContainerSpec *s, const char *path) {
        Nearest write = { "/", s->read_only ? 0 : WRITE }, hidden = { "", 0 };
        Nearest mount = { "/", EXECUTE }, line = { "", EXECUTE }; /* that say whether to execute */
        static const struct {
                const char *path;
                uint64_t write;
        } kernel[] = {
                { "/proc", WRITE_FILE },
                { "/dev", WRITE_FILE | LANDLOCK_ACCESS_FS_IOCTL_DEV },
                { "/dev/shm", WRITE | LANDLOCK_ACCESS_FS_IOCTL_DEV }, /* of /dev above: nothing takes it, nothing needs to */
                { "/dev/mqueue", WRITE | LANDLOCK_ACCESS_FS_IOCTL_DEV },
                { "/sys", 0 },
        };

        nearer_paths(&hidden, path, &s->inaccessible_paths, 1);
        if (hidden.rights)
                return LIST;
        for (size_t i = 0; i < ELEMENTSOF(kernel); i++) {
                nearer(&write, path, kernel[i].path, kernel[i].write);
                nearer(&mount, path, kernel[i].path, 0);
        }
        for (size_t i = 0; i < 2; i++) {
                nearer(&write, path, i ? "/run" : "/tmp", WRITE);
                nearer(&mount, path, i ? "/run" : "/tmp", EXECUTE);
        }
        for (size_t i = 0; i < s->bind_paths.n; i++) {
                nearer(&write, path, s->bind_paths.items[i].destination, WRITE);
                nearer(&mount, path, s->bind_paths.items[i].destination, s->bind_paths.items[i].noexec ? 0 : EXECUTE);
        }
        for (size_t i = 0; i < s->bind_read_only_paths.n; i++) {
                nearer(&write, path, s->bind_read_only_paths.items[i].destination, 0);
                nearer(&mount, path, s->bind_read_only_paths.items[i].destination, EXECUTE);
        }
        for (size_t i = 0; i < s->temporary_file_system.n; i++) {
                const TmpfsMount *t = &s->temporary_file_system.items[i];

                nearer(&write, path, t->path, t->read_only ? 0 : WRITE);
                nearer(&mount, path, t->path, t->noexec ? 0 : EXECUTE);
        }
        nearer_paths(&write, path, &s->read_write_paths, WRITE);
        nearer_paths(&write, path, &s->read_only_paths, 0);
        nearer_paths(&line, path, &s->exec_paths, EXECUTE);
        nearer_paths(&line, path, &s->no_exec_paths, 0);
        /* A line above a mount takes from it, and gives nothing that the mount does not. */
        return READ | LIST | write.rights |
               (*line.top && strlen(line.top) >= strlen(mount.top) ? line.rights : line.rights & mount.rights);
}

/* Whether some line that is said to be left to the mounts stands at path or above it. */
static bool is_unsaid(const LandlockPolicy *l, const char *path) {
        for (size_t i = 0; i < l->unsaid.n; i++) {
                const char *equals = strchr(l->unsaid.items[i].text, '=');
                _cleanup_free_ char *top = equals ? strndup(equals + 1, strcspn(equals + 1, " ")) : NULL;

                if (top && rest_of(path, top))
                        return true;
        }
        return false;
}

static const char *const alphabet[] = { "/a", "/a/b", "/a/b/c", "/a/d", "/e", "/e/f/g", "/run/h", "/ab" };

static bool is_kernel(const char *path) {
        return rest_of(path, "/proc") || rest_of(path, "/dev") || rest_of(path, "/sys");
}

/* Files only: what a rule says of the content of a directory itself means nothing. */
static void check_path(const char *unit, const PolicySet *set, const char *path) {
        const uint64_t got = given(&set->landlock, path), want = meant(set->spec, path);
        const uint64_t missing = want & ~got, beyond = got & ~want & ~LIST;

        if (missing)
                fail_msg("%s\n-- %s lacks 0x%llx", unit, path, (unsigned long long)missing);
        /* What the kernel's own file systems lack is no line's wish; below a writable root the mounts alone have it. */
        if (beyond && !is_unsaid(&set->landlock, path) && (set->spec->read_only || !is_kernel(path)))
                fail_msg("%s\n-- %s has 0x%llx that nobody owns up to", unit, path, (unsigned long long)beyond);
}

/* Without the filter, which takes its time. */
static void compile_alone(ContainerSpec *spec, PolicySet *set) {
        _cleanup_(diag_done) Diag diag = {};

        spec->mac.landlock_abi = LANDLOCK_ABI_KNOWN;
        *set = (PolicySet){ .spec = spec };
        assert_int_equal(policy_backend_caps.compile(spec, -EBADF, &diag, set), 0);
        assert_int_equal(policy_backend_landlock.compile(spec, -EBADF, &diag, set), 0);
}

static void check_unit(const char *unit) {
        _cleanup_(container_spec_unrefp) ContainerSpec *spec = fixture_spec(unit);
        PolicySet alone, *set = &alone;
        static const char *const more[] = { "/proc/1/mem", "/dev/null", "/dev/shm/x", "/sys/kernel/x", "/tmp/x",
                                            "/usr/bin/x", "/run/x", "/x", "/a/x", "/a/b/x", "/a/b/c", "/e/x", "/e/f/x" };

        compile_alone(spec, set);
        for (size_t i = 0; i < ELEMENTSOF(more); i++)
                check_path(unit, set, more[i]);
        for (size_t i = 0; i < ELEMENTSOF(alphabet); i++) {
                _cleanup_free_ char *below = NULL;

                assert_true(asprintf(&below, "%s/x/y", alphabet[i]) > 0);
                check_path(unit, set, below);
        }
        policy_backend_landlock.done(set);
        policy_backend_caps.done(set);
}

static void matrix(void **state) {
        static const char *const units[] = {
                "",
                "ReadOnly=no",
                "InaccessiblePaths=/a/b/c /e/f/g",
                "ReadOnly=no\nInaccessiblePaths=/a/b/c",
                "NoExecPaths=/\nExecPaths=/a",
                "NoExecPaths=/\nExecPaths=/a\nBindPaths=/x:/a/b:noexec",
                "BindPaths=/x:/a\nReadOnlyPaths=/a/b\nReadWritePaths=/a/b/c",
                "BindReadOnlyPaths=/x:/a\nReadWritePaths=/a/b\nInaccessiblePaths=/a/b/c /a/d",
                "TemporaryFileSystem=/a:noexec /e:ro\nExecPaths=/a/b",
                "InaccessiblePaths=/proc/kcore /sys/kernel",
                "NoExecPaths=/a\nInaccessiblePaths=/a/b\nBindPaths=/x:/a/b/c",
        };

        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                check_unit(units[i]);
}

/* Every mixture of lines over a few nested paths; the same ones each time. */
static void many_units(void **state) {
        static const struct {
                const char *before, *behind;
        } lines[] = {
                { "BindPaths=/x:", "" },    { "BindPaths=/x:", ":noexec" }, { "BindReadOnlyPaths=/x:", "" },
                { "TemporaryFileSystem=", ":noexec" }, { "ReadOnlyPaths=", "" }, { "ReadWritePaths=", "" },
                { "NoExecPaths=", "" },     { "ExecPaths=", "" },           { "InaccessiblePaths=", "" },
        };
        uint32_t random = 1;

        for (unsigned n = 0; n < 3000; n++) {
                _cleanup_free_ char *unit = NULL;

                assert_int_equal(str_append(&unit, "ReadOnly=%s\nUser=0", n % 3 ? "yes" : "no"), 0);
                for (size_t i = 0; i < ELEMENTSOF(alphabet); i++) {
                        random = random * 1664525 + 1013904223; /* one line a path, as the checks of a unit demand */
                        if (random >> 31)
                                continue;
                        const size_t line = (random >> 16) % ELEMENTSOF(lines);

                        assert_int_equal(str_append(&unit, "\n%s%s%s", lines[line].before, alphabet[i], lines[line].behind), 0);
                }
                check_unit(unit);
        }
}

static const char *rules_text(const PolicyRules *rules, char **s) {
        for (size_t i = 0; i < rules->n; i++)
                assert_int_equal(str_append(s, "%u %s\n", rules->items[i].origin.line, rules->items[i].text), 0);
        return strempty(*s);
}

static void what_cannot_be_said(void **state) {
        static const struct {
                const char *unit;
                unsigned abi;
                const char *words; /* NULL = all is said */
        } cases[] = {
                { "", 6, NULL },
                { "", 7, NULL },
                { "InaccessiblePaths=/etc/shadow\nNoExecPaths=/srv", 6, NULL },
                { "User=0\nReadOnly=no\nInaccessiblePaths=/etc/shadow", 6, "3 InaccessiblePaths=/etc/shadow" },
                { "BindPaths=/x:/data\nReadOnlyPaths=/data/fixed", 6, "2 ReadOnlyPaths=/data/fixed" },
                { "BindPaths=/x/y:/data\nBindReadOnlyPaths=/x:/all", 6, "2 BindReadOnlyPaths=/all" },
                { "RootDirectory=/srv/r\nBindPaths=/srv/r/spool:/data", 6, "0 ReadOnly=/spool" },
                { "RootDirectory=/srv/r\nBindPaths=/srv/r/data:/data", 6, NULL },
                { "", 5, "signals" },
                { "PrivateNetwork=no", 5, "1 the host's abstract sockets" },
                { "RestrictAddressFamilies=AF_UNIX", 3, "1 no TCP" },
                { "", 2, "truncat" },
                { "", 1, NULL }, /* not used at all */
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(policy_set_unrefp) const PolicySet *set = compile_for(cases[i].unit, cases[i].abi);
                _cleanup_free_ char *text = NULL;
                const char *unsaid = rules_text(&set->landlock.unsaid, &text);

                if (cases[i].words ? !strstr(unsaid, cases[i].words) : *unsaid != 0)
                        fail_msg("%s, ABI %u: %s", cases[i].unit, cases[i].abi, unsaid);
        }
}

/* Nothing is asked of a kernel that it does not know. */
static void handled_by_abi(void **state) {
        static const struct {
                unsigned abi;
                uint64_t without;
                bool net, scopes;
        } cases[] = {
                { 2, LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_IOCTL_DEV, false, false },
                { 3, LANDLOCK_ACCESS_FS_IOCTL_DEV, false, false },
                { 4, LANDLOCK_ACCESS_FS_IOCTL_DEV, true, false },
                { 5, 0, true, false },
                { 6, 0, true, true },
                { 99, 0, true, true },
        };
        const uint64_t all = READ | LIST | EXECUTE | WRITE | DEVICES | LANDLOCK_ACCESS_FS_IOCTL_DEV;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(policy_set_unrefp) const PolicySet *set =
                        compile_for("RestrictAddressFamilies=AF_UNIX\nPrivateNetwork=no", cases[i].abi);
                const LandlockPolicy *l = &set->landlock;

                assert_int_equal(l->abi, MIN_OF(cases[i].abi, (unsigned)LANDLOCK_ABI_KNOWN));
                assert_int_equal(l->handled_fs, all & ~cases[i].without);
                assert_int_equal(l->handled_net != 0, cases[i].net);
                assert_int_equal(l->scoped != 0, cases[i].scopes);
                for (size_t k = 0; k < l->n_paths; k++)
                        assert_int_equal(l->paths[k].access & ~l->handled_fs, 0);
        }
        for (unsigned abi = 0; abi < 2; abi++) {
                _cleanup_(policy_set_unrefp) const PolicySet *set = compile_for("", abi);

                assert_int_equal(set->landlock.abi, 0);
                assert_int_equal(set->landlock.n_paths, 0);
                assert_int_equal(set->landlock.handled_fs, 0);
        }
}

static void scopes(void **state) {
        _cleanup_(policy_set_unrefp) const PolicySet *own = compile_for("", 6);
        _cleanup_(policy_set_unrefp) const PolicySet *hosts = compile_for("PrivateNetwork=no", 6);

        assert_int_equal(own->landlock.scoped, LANDLOCK_SCOPE_SIGNAL);
        assert_int_equal(hosts->landlock.scoped, LANDLOCK_SCOPE_SIGNAL | LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET);
}

static bool can_bind(const LandlockPolicy *l, unsigned port) {
        if (!(l->handled_net & LANDLOCK_ACCESS_NET_BIND_TCP))
                return true;
        for (size_t i = 0; i < l->n_ports; i++)
                if (port >= l->ports[i].first && port <= l->ports[i].last)
                        return true;
        return false;
}

static void ports(void **state) {
        static const struct {
                const char *unit;
                unsigned port;
                bool bind;
        } cases[] = {
                { "", 80, true },
                { "SocketBindDeny=tcp", 80, false },
                { "SocketBindDeny=tcp", 0, false }, /* one that the kernel would choose */
                { "SocketBindDeny=tcp:80", 80, false },
                { "SocketBindDeny=tcp:80", 79, true },
                { "SocketBindDeny=tcp:80", 0, true },
                { "SocketBindDeny=tcp:1-65535", 0, true },
                { "SocketBindDeny=tcp:1-65535", 65535, false },
                { "SocketBindDeny=tcp:8000-8999", 8999, false },
                { "SocketBindDeny=tcp:8000-8999", 9000, true },
                { "SocketBindDeny=tcp\nSocketBindAllow=tcp:80", 80, true },
                { "SocketBindDeny=tcp\nSocketBindAllow=80", 80, true },
                { "SocketBindDeny=tcp\nSocketBindAllow=udp:80", 80, false },
                { "SocketBindDeny=tcp\nSocketBindAllow=any", 0, true },
                { "SocketBindAllow=tcp:80", 81, true },
                { "RestrictAddressFamilies=AF_UNIX", 80, false },
                { "RestrictAddressFamilies=AF_INET6", 80, true },
                { "RestrictAddressFamilies=AF_UNIX\nSocketBindDeny=tcp\nSocketBindAllow=any", 80, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(policy_set_unrefp) const PolicySet *set = compile_for(cases[i].unit, 6);

                if (can_bind(&set->landlock, cases[i].port) != cases[i].bind)
                        fail_msg("%s: port %u", cases[i].unit, cases[i].port);
        }
}

/* What the kernel is given moves it, and nothing else. */
static void digests(void **state) {
        static const struct {
                const char *a, *b;
                bool equal;
        } cases[] = {
                { "", "\n\nTasksMax=3", true },
                { "ReadOnlyPaths=/a", "\nReadOnlyPaths=/a", true },
                { "", "ReadOnly=no", false },
                { "NoExecPaths=/a", "NoExecPaths=-/a", false },
                { "NoExecPaths=/a/b", "NoExecPaths=/a/c", false },
                { "SocketBindDeny=tcp:80", "SocketBindDeny=tcp:81", false },
                { "", "PrivateNetwork=no", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(policy_set_unrefp) const PolicySet *a = compile_for(cases[i].a, 6);
                _cleanup_(policy_set_unrefp) const PolicySet *b = compile_for(cases[i].b, 6);

                if (digest_equal(&a->digest, &b->digest) != cases[i].equal)
                        fail_msg("%s against %s", cases[i].a, cases[i].b);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(matrix),
                cmocka_unit_test(many_units),
                cmocka_unit_test(what_cannot_be_said),
                cmocka_unit_test(handled_by_abi),
                cmocka_unit_test(scopes),
                cmocka_unit_test(ports),
                cmocka_unit_test(digests),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
