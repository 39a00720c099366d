/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What only the host's root may do, for the hostile program. Most calls carry an argument that is wrong, so that they do
 * nothing; the kernel looks at it after it has asked for the privilege, and what it says of it proves that it got there. */

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/host/privileges.h"

#define NOWHERE ((void *)1)

static long load_module(void) {
        return syscall(SYS_finit_module, -1, "", 0);
}

static long load_module_from_memory(void) {
        return syscall(SYS_init_module, NULL, 0UL, "");
}

static long unload_module(void) {
        return syscall(SYS_delete_module, NOWHERE, 0);
}

static long restart(void) {
        return syscall(SYS_reboot, 0, 0, 0, NULL);
}

static long load_kernel(void) {
        return syscall(SYS_kexec_load, 0UL, 0UL, NULL, ~0UL);
}

static long set_time(void) {
        return syscall(SYS_settimeofday, NULL, NULL);
}

static long set_clock(void) {
        struct timespec now;

        if (clock_gettime(CLOCK_REALTIME, &now) < 0)
                return -1;
        return clock_settime(CLOCK_REALTIME, &now);
}

static long read_kernel_log(void) {
        char text[16];

        return syscall(SYS_syslog, 3 /* SYSLOG_ACTION_READ_ALL */, text, sizeof(text));
}

static long account(void) {
        return syscall(SYS_acct, NOWHERE);
}

static long swap_off(void) {
        return syscall(SYS_swapoff, NOWHERE);
}

static long make_bpf_map(void) {
        union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };

        return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static long watch_kernel(void) {
        struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_CPU_CLOCK };

        return syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0UL);
}

static long raise_limit(void) {
        const struct rlimit low = { 4096, 4096 }, high = { 8192, 8192 };

        return setrlimit(RLIMIT_MEMLOCK, &low) < 0 ? -1 : setrlimit(RLIMIT_MEMLOCK, &high);
}

static long new_network(void) {
        return unshare(CLONE_NEWNET);
}

static long new_mounts(void) {
        return unshare(CLONE_NEWNS);
}

static long enter(const char *path) {
        const int fd = open(path, O_RDONLY | O_CLOEXEC);

        return fd < 0 ? -1 : setns(fd, 0);
}

static long enter_names(void) {
        return enter("/proc/1/ns/uts");
}

static long new_mount_context(void) {
        return syscall(SYS_fsopen, "tmpfs", 0);
}

static long clone_tree(void) {
        return syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE);
}

static long attach_tree(void) {
        return syscall(SYS_move_mount, -1, "", -1, "", 0);
}

static long exchange_root(void) {
        return syscall(SYS_pivot_root, "/", "/");
}

static long make_node(void) {
        const long r = mknod("/tmp/.bulwark-node", S_IFBLK | 0600, 0);

        if (r == 0)
                (void)unlink("/tmp/.bulwark-node");
        return r;
}

static long watch_files(void) {
        return syscall(SYS_fanotify_init, 1U << 2 /* FAN_CLASS_CONTENT */, O_RDONLY);
}

static long raise_priority(void) {
        return setpriority(PRIO_PROCESS, 0, -1);
}

static long host_name(void) {
        return syscall(SYS_sethostname, NOWHERE, 1);
}

static const struct {
        const char *name;
        long (*use)(void);
        int beyond; /* what it says of the wrong argument; 0 = it works */
} privileges[] = {
        { "load-module", load_module, EBADF },
        { "load-module-from-memory", load_module_from_memory, ENOEXEC },
        { "unload-module", unload_module, EFAULT },
        { "reboot", restart, EINVAL },
        { "load-kernel", load_kernel, EINVAL },
        { "set-time", set_time, 0 },
        { "set-clock", set_clock, 0 },
        { "read-kernel-log", read_kernel_log, 0 },
        { "account", account, EFAULT },
        { "swap-off", swap_off, EFAULT },
        { "bpf", make_bpf_map, 0 },
        { "watch-kernel", watch_kernel, 0 },
        { "raise-limit", raise_limit, 0 },
        { "raise-priority", raise_priority, 0 },
        { "new-network", new_network, 0 },
        { "new-mounts", new_mounts, 0 },
        { "enter-names", enter_names, 0 },
        { "new-mount-context", new_mount_context, 0 },
        { "clone-tree", clone_tree, 0 },
        { "attach-tree", attach_tree, ENOENT },
        { "exchange-root", exchange_root, EBUSY },
        { "make-node", make_node, 0 },
        { "watch-files", watch_files, 0 },
        { "host-name", host_name, EFAULT },
};

int use_privilege(const char *name) {
        for (size_t i = 0; i < sizeof(privileges) / sizeof(privileges[0]); i++)
                if (strcmp(privileges[i].name, name) == 0) {
                        const long r = privileges[i].use();

                        return r >= 0 || (privileges[i].beyond != 0 && errno == privileges[i].beyond) ? 0 : errno;
                }
        return -1;
}
