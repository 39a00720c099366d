/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "manager/host/cgroup/cgroup.h"

/* --- limits */

#define GIB (UINT64_C(1) << 30)

static const struct {
        const char *expected; /* "controller file value needed", one a line */
        ContainerSpec spec;
} rows[] = {
        { "", {} },
        { "memory memory.max 67108864 1\n", { .memory_max = { .bytes = 64U << 20, .set = true } } },
        { "memory memory.max max 0\n", { .memory_max = { .bytes = UINT64_MAX, .set = true } } },
        { "memory memory.max 0 1\n", { .memory_max = { .set = true } } },
        { "memory memory.max 1073741824 1\n", { .memory_max = { .permyriad = 2500, .set = true }, .host_memory = 4 * GIB } },
        { "memory memory.high 1048576 1\nmemory memory.max 2097152 1\n",
          { .memory_high = { .bytes = 1U << 20, .set = true }, .memory_max = { .bytes = 2U << 20, .set = true } } },
        { "pids pids.max 64 1\n", { .tasks_max = { .tasks = 64, .set = true } } },
        { "pids pids.max 1000 1\n", { .tasks_max = { .permyriad = 1000, .set = true }, .host_tasks = 10000 } },
        { "pids pids.max max 0\n", { .tasks_max = { .tasks = UINT64_MAX, .set = true } } },
        { "cpu cpu.max 50000 100000 1\n", { .cpu_quota = 500000 } },      /* 50% */
        { "cpu cpu.max 250000 100000 1\n", { .cpu_quota = 2500000 } },    /* 250% */
        { "cpu cpu.max 5000 1000000 1\n", { .cpu_quota = 5000 } },        /* 0.5%: 100 ms would give too little */
        { "cpu cpu.max 1000 1000000 1\n", { .cpu_quota = 1 } },           /* the least there is */
        { "cpu cpu.max max 100000 0\n", { .cpu_quota = USEC_INFINITY } },
        { "cpu cpu.max 25000 50000 1\n", { .cpu_quota = 500000, .cpu_quota_period_usec = 50000 } },
        { "cpu cpu.max 3702 1234 1\n", { .cpu_quota = 3000000, .cpu_quota_period_usec = 1234 } }, /* to the microsecond */
        { "cpu cpu.max max 50000 0\n", { .cpu_quota_period_usec = 50000 } }, /* limits nothing */
        { "cpu cpu.max 2000 1000 1\n", { .cpu_quota = 2000000, .cpu_quota_period_usec = 1 } }, /* the shortest */
        { "cpu cpu.max 500000 1000000 1\n", { .cpu_quota = 500000, .cpu_quota_period_usec = USEC_INFINITY } },
        { "cpu cpu.max 500000 1000000 1\n", { .cpu_quota = 500000, .cpu_quota_period_usec = 1000 } }, /* 1 ms would give too little */
        { "", { .cpu_quota_period_usec = 100000 } },
        { "cpu cpu.weight 50 1\n", { .cpu_weight = 50 } },
        { "cpu cpu.idle 1 1\n", { .cpu_weight = CPU_WEIGHT_IDLE } },
        { "io io.weight default 50 1\n", { .io_weight = 50 } },
};

static void limits_render(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                CgroupLimit limits[CGROUP_LIMITS_MAX];
                char text[512] = "";
                size_t n, at = 0;

                cgroup_limits_render(&rows[i].spec, limits, &n);
                for (size_t k = 0; k < n; k++)
                        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s %s %s %d\n", limits[k].controller,
                                               limits[k].file, limits[k].value, limits[k].needed);
                assert_string_equal(text, rows[i].expected);
        }
}

static void limits_know_their_line(void **state) {
        ContainerSpec spec = { .memory_max = { .bytes = 1, .set = true } };
        CgroupLimit limits[CGROUP_LIMITS_MAX];
        size_t n;

        spec.origins[DIRECTIVE_MemoryMax] = (Origin){ .file = "/u/web.container", .line = 9 };
        cgroup_limits_render(&spec, limits, &n);
        assert_int_equal(n, 1);
        assert_string_equal(limits[0].directive, "MemoryMax");
        assert_string_equal(limits[0].origin.file, "/u/web.container");
        assert_int_equal(limits[0].origin.line, 9);
        for (size_t i = 0; i < n; i++)
                assert_true(cgroup_controller_from_string(limits[i].controller) >= 0);
}

/* What is missing, why, and what to do: each reason has its own words. */
/* What is not asked for any more gets the kernel's default, before the rest: cpu.weight cannot be written while idle. */
static void limits_change(void **state) {
        ContainerSpec before = { .memory_max = { .set = true, .bytes = 1 << 20 }, .cpu_weight = CPU_WEIGHT_IDLE };
        ContainerSpec after = { .cpu_weight = 50 };
        CgroupLimit change[CGROUP_CHANGES_MAX];
        size_t n;

        cgroup_limits_change(&before, &after, change, &n);
        assert_int_equal(n, 3);
        assert_string_equal(change[0].file, "memory.max");
        assert_string_equal(change[0].value, "max");
        assert_false(change[0].needed);
        assert_string_equal(change[1].file, "cpu.idle");
        assert_string_equal(change[1].value, "0");
        assert_string_equal(change[2].file, "cpu.weight");
        assert_string_equal(change[2].value, "50");
        cgroup_limits_change(&after, &after, change, &n);
        assert_int_equal(n, 1);
}

static void a_missing_controller_is_named(void **state) {
        static const struct {
                int error;
                bool legacy;
                const char *reason, *remedy;
        } reasons[] = {
                { 0, true, "is mounted as cgroup v1 at /sys/fs/cgroup/memory", "systemd.unified_cgroup_hierarchy=1" },
                { EBUSY, false, "has processes of its own", "--cgroup=" },
                { EACCES, false, "Permission denied", "--cgroup=" },
                { 0, false, "is not available below \"/sys/fs/cgroup/bulwark\"", "Delegate=yes" },
        };
        ContainerSpec spec = { .memory_max = { .bytes = 1, .set = true }, .tasks_max = { .tasks = UINT64_MAX, .set = true } };
        CgroupLimit limits[CGROUP_LIMITS_MAX];
        size_t n;

        spec.origins[DIRECTIVE_MemoryMax] = (Origin){ .file = "web.container", .line = 9 };
        cgroup_limits_render(&spec, limits, &n);
        for (size_t i = 0; i < ELEMENTSOF(reasons); i++) {
                _cleanup_(diag_done) Diag diag = {};
                CgroupLegacy legacy = { .controllers = (char *)"rw,memory", .path = (char *)"/sys/fs/cgroup/memory" };
                CgroupRoot root = CGROUP_ROOT_EMPTY;
                _cleanup_free_ char *text = NULL;

                root.host.mount = (char *)"/sys/fs/cgroup";
                root.path = (char *)"/bulwark";
                root.host.legacy = reasons[i].legacy ? &legacy : NULL;
                root.host.n_legacy = reasons[i].legacy;
                root.error[CONTROLLER_MEMORY] = reasons[i].error;
                root.refused_at[CONTROLLER_MEMORY] = (char *)"/bulwark";
                assert_true(cgroup_limits_check(&root, limits, n, &diag) < 0);
                assert_int_equal(diag.n_errors, 1); /* TasksMax=infinity needs no controller */
                assert_int_equal(diag_first_code(&diag), ERROR_HOST_LACKS);
                text = diag_to_string(&diag, false);
                assert_non_null(strstr(text, "web.container:9: MemoryMax=: "));
                assert_non_null(strstr(text, "\"memory\" controller"));
                assert_non_null(strstr(text, reasons[i].reason));
                assert_non_null(strstr(text, reasons[i].remedy));
                root.available[CONTROLLER_MEMORY] = true;
                assert_int_equal(cgroup_limits_check(&root, limits, n, &diag), 0);
        }
}

/* --- the host */

static const char hybrid[] =
        "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
        "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
        "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 master:2 - cgroup cgroup rw,memory\n"
        "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
        "41 31 0:38 /part /srv/part rw,relatime - cgroup2 cgroup2 rw\n"
        "42 31 0:38 / /sys/fs/cgroup/uni\\040fied rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
        "43 31 0:38 / /mnt/again rw,relatime - cgroup2 cgroup2 rw\n"
        "broken line\n"
        "44 31 0:38 / /x rw no separator\n";

static void the_host_is_read(void **state) {
        _cleanup_(cgroup_host_done) CgroupHost h = {};

        assert_int_equal(cgroup_host_parse(hybrid, &h), 0);
        assert_string_equal(h.mount, "/sys/fs/cgroup/uni fied"); /* the first that shows the whole tree */
        assert_string_equal(h.mount_root, "/");
        assert_string_equal(cgroup_host_legacy_path(&h, "memory"), "/sys/fs/cgroup/memory");
        assert_string_equal(cgroup_host_legacy_path(&h, "cpu"), "/sys/fs/cgroup/cpu,cpuacct");
        assert_null(cgroup_host_legacy_path(&h, "cpuset"));
        assert_null(cgroup_host_legacy_path(&h, "mem"));
}

static void a_host_without_cgroups(void **state) {
        _cleanup_(cgroup_host_done) CgroupHost h = {};

        assert_int_equal(cgroup_host_parse("", &h), 0);
        assert_null(h.mount);
}

static void own_path(void **state) {
        char *path = NULL;

        assert_int_equal(cgroup_path_parse("9:name=systemd:/\n0::/user.slice/a b.scope\n", &path), 0);
        assert_string_equal(path, "/user.slice/a b.scope");
        free(path);
        assert_int_equal(cgroup_path_parse("1:cpu:/\n", &path), -ENODATA);
        assert_int_equal(cgroup_path_parse("0::/../other\n", &path), -EXDEV);
        assert_int_equal(cgroup_path_parse("", &path), -ENODATA);
}

static void names_are_file_names(void **state) {
        static const char *const names[][2] = {
                { "web", "web" },       { "web@blue", "web@blue" }, { ".hidden", "\\x2ehidden" },
                { "a.b", "a.b" },       { "a/b", "a\\x2fb" },     { "a\\b", "a\\x5cb" },
                { "..", "\\x2e." },
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_free_ char *s = cgroup_name_escape(names[i][0]);

                assert_string_equal(s, names[i][1]);
        }
}

/* --- a real one, where this process may make it */

static void create_fill_remove(void **state) {
        static const CgroupLimit none[1] = {};
        _cleanup_(cgroup_root_done) CgroupRoot root = CGROUP_ROOT_EMPTY;
        _cleanup_(cgroup_done) Cgroup c = CGROUP_EMPTY, again = CGROUP_EMPTY;
        _cleanup_free_ char *own = NULL;
        _cleanup_free_ pid_t *pids = NULL;
        CgroupEvents events;
        char path[512];
        size_t n;

        if (cgroup_path_of_process(0, &own) < 0)
                skip();
        (void)snprintf(path, sizeof(path), "%s/bulwark-test-%d", streq(own, "/") ? "" : own, (int)getpid());
        if (cgroup_root_open(path, false, 0, NULL, &root) < 0)
                skip();
        assert_int_equal(cgroup_create(&root, "web", none, 0, NULL, NULL, &c), 0);
        assert_int_equal(cgroup_events(c.fd, &events), 0);
        assert_false(events.populated || events.frozen);
        assert_int_equal(cgroup_processes(c.fd, &pids, &n), 0);
        assert_int_equal(n, 0);
        assert_true(cgroup_number(c.fd, "no.such.file", NULL) == UINT64_MAX);
        /* An empty one left behind is taken over, with everything below it. */
        assert_int_equal(cgroup_create(&root, "web", none, 0, NULL, NULL, &again), 0);
        assert_int_equal(cgroup_remove(&root, "web"), 0);
        assert_int_equal(cgroup_remove(&root, "web"), 0);
        cgroup_root_remove(&root);
        assert_int_equal(faccessat(root.fd, "containers", F_OK, 0), -1);
}

static void move(pid_t pid, int cgroup_fd) {
        char text[16];

        (void)snprintf(text, sizeof(text), "%d", (int)pid);
        assert_int_equal(cgroup_write(cgroup_fd, "cgroup.procs", text), 0);
}

static ino_t inode_of(int fd) {
        struct stat st;

        assert_int_equal(fstat(fd, &st), 0);
        return st.st_ino;
}

/* Wherever below the payload's cgroup the leader has gone, and nowhere else. */
static void beside_the_leader(void **state) {
        static const CgroupLimit none[1] = {};
        _cleanup_(cgroup_root_done) CgroupRoot root = CGROUP_ROOT_EMPTY;
        _cleanup_(cgroup_done) Cgroup c = CGROUP_EMPTY;
        _cleanup_close_ int payload = -EBADF, inner = -EBADF, beside = -EBADF;
        _cleanup_free_ char *own = NULL;
        char path[512], web[600];
        pid_t leader;
        int unused;

        if (cgroup_path_of_process(0, &own) < 0)
                skip();
        (void)snprintf(path, sizeof(path), "%s/bulwark-test-%d", streq(own, "/") ? "" : own, (int)getpid());
        if (cgroup_root_open(path, false, 0, NULL, &root) < 0)
                skip();
        (void)snprintf(web, sizeof(web), "%s/containers/web", root.path);
        assert_int_equal(cgroup_create(&root, "web", none, 0, NULL, NULL, &c), 0);
        leader = fork();
        if (leader == 0)
                for (;;)
                        (void)pause();
        assert_true(leader > 0);
        assert_int_equal(cgroup_open_beside(&c, web, leader, &unused), -ESRCH);

        move(leader, c.payload_fd);
        assert_int_equal(cgroup_open_beside(&c, web, leader, &payload), 0);
        assert_true(inode_of(payload) == inode_of(c.payload_fd));
        assert_int_equal(mkdirat(c.payload_fd, "init.scope", 0755), 0);
        inner = openat(c.payload_fd, "init.scope", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        move(leader, inner);
        assert_int_equal(cgroup_open_beside(&c, web, leader, &beside), 0);
        assert_true(inode_of(beside) == inode_of(inner));

        (void)kill(leader, SIGKILL);
        (void)waitpid(leader, NULL, 0);
        assert_true(cgroup_open_beside(&c, web, leader, &unused) < 0);
        assert_int_equal(cgroup_remove(&root, "web"), 0);
        cgroup_root_remove(&root);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(limits_render),
                cmocka_unit_test(limits_know_their_line),
                cmocka_unit_test(limits_change),
                cmocka_unit_test(a_missing_controller_is_named),
                cmocka_unit_test(the_host_is_read),
                cmocka_unit_test(a_host_without_cgroups),
                cmocka_unit_test(own_path),
                cmocka_unit_test(names_are_file_names),
                cmocka_unit_test(create_fill_remove),
                cmocka_unit_test(beside_the_leader),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
