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
#include "manager/host/cgroup/usage.h"

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
        { "memory memory.min 4096 1\nmemory memory.low max 1\n",
          { .memory_min = { .bytes = 4096, .set = true }, .memory_low = { .bytes = UINT64_MAX, .set = true } } },
        { "memory memory.min 0 0\n", { .memory_min = { .set = true } } }, /* keeps nothing */
        { "memory memory.swap.max 0 1\n", { .memory_swap_max = { .set = true } } },
        { "memory memory.max 40960 1\n", { .memory_max = { .permyriad = 3333, .set = true }, .host_memory = 32 * 4096 } }, /* whole pages */
        { "cpuset cpuset.cpus 0-3,8 1\ncpuset cpuset.cpus.partition root 1\n",
          { .allowed_cpus = { (IndexRange[]){ { 0, 3 }, { 8, 8 } }, 2 }, .cpuset_partition = CPUSET_PARTITION_ROOT } },
        { "cpuset cpuset.mems 1 1\n", { .allowed_memory_nodes = { (IndexRange[]){ { 1, 1 } }, 1 } } },
        { "io io.max 8:16 rbps=1000 1\nio io.max 8:16 riops=max 0\n",
          { .io_read_bandwidth_max = { (IoLimit[]){ { .value = 1000, .major = 8, .minor = 16 } }, 1 },
            .io_read_iops_max = { (IoLimit[]){ { .value = UINT64_MAX, .major = 8, .minor = 16 } }, 1 } } },
        { "io io.weight 8:0 200 1\nio io.latency 8:0 target=25000 1\n",
          { .io_device_weight = { (IoLimit[]){ { .value = 200, .major = 8 } }, 1 },
            .io_device_latency = { (IoLimit[]){ { .value = 25000, .major = 8 } }, 1 } } },
        { "hugetlb hugetlb.2MB.max 4194304 1\nhugetlb hugetlb.2MB.rsvd.max 4194304 1\n",
          { .hugetlb_max = { (HugePages[]){ { .size = 2U << 20, .limit = 4U << 20 } }, 1 } } },
        { "misc misc.max res_a 3 1\n", { .cgroup2 = { (CgroupKey[]){ { .key = (char *)"misc.max", .value = (char *)"res_a 3" } }, 1 } } },
};

static void limits_render(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(cgroup_limits_done) CgroupLimits limits = {};
                char text[512] = "";
                size_t at = 0;

                assert_int_equal(cgroup_limits_render(&rows[i].spec, &limits), 0);
                for (size_t k = 0; k < limits.n; k++)
                        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s %s %s %d\n", limits.items[k].controller,
                                               limits.items[k].file, limits.items[k].value, limits.items[k].needed);
                assert_string_equal(text, rows[i].expected);
        }
}

static void limits_know_their_line(void **state) {
        ContainerSpec spec = { .memory_max = { .bytes = 1, .set = true } };
        _cleanup_(cgroup_limits_done) CgroupLimits limits = {};

        spec.origins[DIRECTIVE_MemoryMax] = (Origin){ .file = "/u/web.container", .line = 9 };
        assert_int_equal(cgroup_limits_render(&spec, &limits), 0);
        assert_int_equal(limits.n, 1);
        assert_string_equal(limits.items[0].directive, "MemoryMax");
        assert_string_equal(limits.items[0].origin.file, "/u/web.container");
        assert_int_equal(limits.items[0].origin.line, 9);
        for (size_t i = 0; i < limits.n; i++)
                assert_true(cgroup_controller_from_string(limits.items[i].controller) >= 0);
}

/* What is missing, why, and what to do: each reason has its own words. */
/* What is not asked for any more gets the kernel's default, before the rest: cpu.weight cannot be written while idle. */
static void limits_change(void **state) {
        ContainerSpec before = { .memory_max = { .set = true, .bytes = 1 << 20 }, .cpu_weight = CPU_WEIGHT_IDLE };
        ContainerSpec after = { .cpu_weight = 50 };
        _cleanup_(cgroup_limits_done) CgroupLimits change = {}, same = {};

        assert_int_equal(cgroup_limits_change(&before, &after, &change), 0);
        assert_int_equal(change.n, 3);
        assert_string_equal(change.items[0].file, "memory.max");
        assert_string_equal(change.items[0].value, "max");
        assert_false(change.items[0].needed);
        assert_string_equal(change.items[1].file, "cpu.idle");
        assert_string_equal(change.items[1].value, "0");
        assert_string_equal(change.items[2].file, "cpu.weight");
        assert_string_equal(change.items[2].value, "50");
        assert_int_equal(cgroup_limits_change(&after, &after, &same), 0);
        assert_int_equal(same.n, 1);
}

/* One device of two is let go: its line alone gets the default, and the key of another directive in the same file stays. */
static void limits_change_of_devices(void **state) {
        IoLimit two[] = { { .path = (char *)"/dev/a", .value = 1000, .major = 8 }, { .path = (char *)"/dev/b", .value = 9, .major = 9 } };
        IoLimit one[] = { { .path = (char *)"/dev/b", .value = 7, .major = 9 } };
        ContainerSpec before = { .io_read_bandwidth_max = { two, 2 }, .io_write_iops_max = { one, 1 }, .io_device_weight = { two, 1 } };
        ContainerSpec after = { .io_read_bandwidth_max = { one, 1 }, .io_write_iops_max = { one, 1 } };
        static const char *const expected[] = { "8:0 default", "8:0 rbps=max", "9:0 rbps=7", "9:0 wiops=7" };
        _cleanup_(cgroup_limits_done) CgroupLimits change = {};

        assert_int_equal(cgroup_limits_change(&before, &after, &change), 0);
        assert_int_equal(change.n, ELEMENTSOF(expected));
        for (size_t i = 0; i < change.n; i++)
                assert_string_equal(change.items[i].value, expected[i]);
        assert_true(cgroup_limits_live(DIRECTIVE_IOReadBandwidthMax));
        assert_false(cgroup_limits_live(DIRECTIVE_Cgroup2));
}

static void what_was_written_is_read_back(void **state) {
        static const struct {
                CgroupFormat format;
                const char *value, *text, *effective;
                bool holds;
        } answers[] = {
                { CGROUP_FORMAT_TEXT, "64", "64\n", NULL, true },
                { CGROUP_FORMAT_TEXT, "64", "640\n", NULL, false },
                { CGROUP_FORMAT_TEXT, "50000 100000", "50000 100000\n", NULL, true },
                { CGROUP_FORMAT_BYTES, "max", "max\n", NULL, true },
                { CGROUP_FORMAT_BYTES, "1048576", "max\n", NULL, false },
                { CGROUP_FORMAT_BYTES, "0", "0\n", NULL, true },
                { CGROUP_FORMAT_DEVICE, "8:0 rbps=1000", "9:0 rbps=1000 wbps=max riops=max wiops=max\n8:0 rbps=1000 wbps=5\n", NULL, true },
                { CGROUP_FORMAT_DEVICE, "8:0 rbps=1000", "8:0 rbps=10000 wbps=max\n", NULL, false },
                { CGROUP_FORMAT_DEVICE, "8:0 rbps=1000", "18:0 rbps=1000 wbps=max\n", NULL, false },
                { CGROUP_FORMAT_DEVICE, "8:0 rbps=1000", "", NULL, false },
                { CGROUP_FORMAT_DEVICE, "8:0 rbps=max", "", NULL, true },
                { CGROUP_FORMAT_DEVICE, "8:0 default", "default 100\n", NULL, true },
                { CGROUP_FORMAT_DEVICE, "8:0 200", "default 100\n8:0 200\n", NULL, true },
                { CGROUP_FORMAT_DEVICE, "default 50", "default 50\n", NULL, true },
                { CGROUP_FORMAT_CPUS, "0-1,3", "0-1,3\n", "0-1\n", true },
                { CGROUP_FORMAT_CPUS, "4-5", "4-5\n", "0-1\n", false }, /* none of them is online: all of the parent's */
                { CGROUP_FORMAT_CPUS, "0", "0-1\n", "0-1\n", false },
                { CGROUP_FORMAT_CPUS, "\n", "\n", "0-7\n", true },
                { CGROUP_FORMAT_PARTITION, "root", "root\n", NULL, true },
                { CGROUP_FORMAT_PARTITION, "root", "root invalid (Parent is not a partition root)\n", NULL, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(answers); i++)
                if (cgroup_limit_holds(answers[i].format, answers[i].value, answers[i].text, answers[i].effective) != answers[i].holds)
                        fail_msg("'%s' against '%s'", answers[i].value, answers[i].text);
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
        _cleanup_(cgroup_limits_done) CgroupLimits limits = {};

        spec.origins[DIRECTIVE_MemoryMax] = (Origin){ .file = "web.container", .line = 9 };
        assert_int_equal(cgroup_limits_render(&spec, &limits), 0);
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
                assert_true(cgroup_limits_check(&root, limits.items, limits.n, &diag) < 0);
                assert_int_equal(diag.n_errors, 1); /* TasksMax=infinity needs no controller */
                assert_int_equal(diag_first_code(&diag), ERROR_HOST_LACKS);
                text = diag_to_string(&diag, false);
                assert_non_null(strstr(text, "web.container:9: MemoryMax=: "));
                assert_non_null(strstr(text, "\"memory\" controller"));
                assert_non_null(strstr(text, reasons[i].reason));
                assert_non_null(strstr(text, reasons[i].remedy));
                root.available[CONTROLLER_MEMORY] = true;
                assert_int_equal(cgroup_limits_check(&root, limits.items, limits.n, &diag), 0);
        }
}

static void usage_is_read(void **state) {
        static const struct {
                CgroupUsage usage;
                const char *text;
                uint64_t value;
        } texts[] = {
                { CGROUP_USAGE_MemoryCurrent, "4096\n", 4096 },
                { CGROUP_USAGE_MemoryCurrent, "max\n", UINT64_MAX },
                { CGROUP_USAGE_MemoryCurrent, "", UINT64_MAX },
                { CGROUP_USAGE_CPUUsageNSec, "usage_usec 5\nuser_usec 3\n", 5000 },
                { CGROUP_USAGE_CPUUsageNSec, "usage_usec 18446744073709551615\n", UINT64_MAX },
                { CGROUP_USAGE_IOReadBytes, "", 0 }, /* nothing was read yet */
                { CGROUP_USAGE_IOReadBytes, "8:0 rbytes=100 wbytes=7 rios=1\n8:16 wbytes=9 rbytes=20\n", 120 },
                { CGROUP_USAGE_IOWriteBytes, "8:0 rbytes=100 wbytes=7 rios=1\n8:16 wbytes=9 rbytes=20\n", 16 },
                { CGROUP_USAGE_MemoryPressure, "some avg10=12.34 avg60=0.00 avg300=0.00 total=5\nfull avg10=99.00 total=1\n", 1234 },
                { CGROUP_USAGE_MemoryPressureUSec, "some avg10=12.34 avg60=0.00 avg300=0.00 total=5\nfull avg10=99.00 total=1\n", 5 },
                { CGROUP_USAGE_IOPressure, "", UINT64_MAX },
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_true(cgroup_usage_parse(texts[i].usage, texts[i].text) == texts[i].value);
        assert_true(cgroup_usage(-EBADF, CGROUP_USAGE_TasksCurrent) == UINT64_MAX);
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
                cmocka_unit_test(limits_change_of_devices),
                cmocka_unit_test(what_was_written_is_read_back),
                cmocka_unit_test(usage_is_read),
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
