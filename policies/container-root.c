/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policies/container-root.h"

const char *const container_masked_paths[] = {
        "/proc/acpi",
        "/proc/apm",
        "/proc/asound",
        "/proc/interrupts", /* a clock for side channels, of keystrokes and of other containers' load */
        "/proc/iomem",
        "/proc/ioports",
        "/proc/kcore",
        "/proc/keys",
        "/proc/key-users",
        "/proc/latency_stats",
        "/proc/misc",
        "/proc/sched_debug",
        "/proc/scsi",
        "/proc/sysrq-trigger",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/proc/kallsyms",
        "/proc/kmsg",
        "/proc/kpagecgroup",
        "/proc/kpagecount",
        "/proc/kpageflags",
        "/proc/vmallocinfo",
        "/sys/dev/block",
        "/sys/firmware",
        "/sys/devices/virtual/powercap",
        "/sys/fs/selinux",
        "/sys/kernel/btf",
        "/sys/kernel/debug",
        "/sys/kernel/irq", /* the same counters as in /proc/interrupts */
        "/sys/kernel/notes",
        "/sys/kernel/security",
        "/sys/kernel/tracing",
        "/sys/kernel/vmcoreinfo",
        "/sys/power",
        NULL,
};

const char *const container_read_only_paths[] = {
        "/proc/bus", "/proc/fs", "/proc/irq", "/proc/mtrr", "/proc/sys", NULL,
};

const ContainerDevice container_devices[] = {
        { "null", 0666, 1, 3 },   { "zero", 0666, 1, 5 },    { "full", 0666, 1, 7 },
        { "random", 0666, 1, 8 }, { "urandom", 0666, 1, 9 }, { "tty", 0666, 5, 0 },
        {},
};

const ContainerDeviceLink container_device_links[] = {
        { "fd", "/proc/self/fd" },       { "stdin", "/proc/self/fd/0" }, { "stdout", "/proc/self/fd/1" },
        { "stderr", "/proc/self/fd/2" }, { "ptmx", "pts/ptmx" },
        {},
};

const ContainerTmpfs container_writable_defaults[] = {
        { "/run", "0755" },
        { "/tmp", "1777" },
        {},
};
