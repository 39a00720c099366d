/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/socket.h>

#include "manager/base/string-list.h"
#include "policies/exposure/exposure.h"
#include "policies/families.h"
#include "policies/seccomp/filter-answer.h"
#include "policies/seccomp/seccomp.h"

#define OPEN 10U
#define NAMED_MAX 3U /* rows that a refusal names */

static unsigned open_if(bool open) {
        return open ? OPEN : 0;
}

static bool shares_ids(const PolicySet *set) {
        return set->spec->private_users.mode == PRIVATE_USERS_NO;
}

static unsigned users(const PolicySet *set) {
        return shares_ids(set) ? OPEN : set->spec->private_users.mode == PRIVATE_USERS_IDENTITY ? 6 : 0;
}

static unsigned root(const PolicySet *set) {
        return set->spec->identity.uid != 0 ? 0 : shares_ids(set) ? OPEN : 4;
}

static unsigned privileges(const PolicySet *set) {
        return open_if(!set->spec->no_new_privileges);
}

static unsigned network(const PolicySet *set) {
        return open_if(!set->spec->private_network);
}

static unsigned written_root(const PolicySet *set) {
        return open_if(!set->spec->read_only && container_spec_root(set->spec).upper == ROOT_UPPER_NONE);
}

/* Of the host's files that it may write: where others of the host can reach them, and whether as the host's root. */
static unsigned written_trees(const PolicySet *set) {
        HostTree tree;

        if (set->spec->exposed_tree.path)
                return shares_ids(set) ? OPEN : 5;
        for (size_t i = 0; i < container_spec_host_trees_max(set->spec); i++)
                if (container_spec_host_tree(set->spec, i, &tree))
                        return 2;
        return set->spec->bind_paths.n > 0 ? 1 : 0;
}

static unsigned module(const PolicySet *set) {
        const MacDecision *mac = &set->spec->mac;

        if (mac->apparmor || mac->selinux)
                return 0;
        return mac->landlock_abi > 0 ? 2 : OPEN;
}

/* In a user namespace of its own a capability opens code of the kernel, and no object of the host. */
static unsigned capability(const PolicySet *set, unsigned c) {
        return !(set->capabilities.bounding >> c & 1) ? 0 : shares_ids(set) ? OPEN : 4;
}

#define CAPABILITY_ROW(function, c) \
        static unsigned function(const PolicySet *set) { \
                return capability(set, c); \
        }
CAPABILITY_ROW(sys_admin, CAP_SYS_ADMIN)
CAPABILITY_ROW(sys_module, CAP_SYS_MODULE)
CAPABILITY_ROW(sys_rawio, CAP_SYS_RAWIO)
CAPABILITY_ROW(sys_ptrace, CAP_SYS_PTRACE)
CAPABILITY_ROW(net_admin, CAP_NET_ADMIN)
CAPABILITY_ROW(net_raw, CAP_NET_RAW)
CAPABILITY_ROW(read_search, CAP_DAC_READ_SEARCH)
CAPABILITY_ROW(mknod_devices, CAP_MKNOD)
CAPABILITY_ROW(sys_time, CAP_SYS_TIME)
CAPABILITY_ROW(syslog, CAP_SYSLOG)

/* Whether the very filter that the kernel gets lets the call through. */
static unsigned call(const PolicySet *set, const char *name) {
        const uint64_t arguments[6] = {};
        const int number = seccomp_number(name);
        uint32_t answer;

        if (number < 0)
                return 0;
        if (seccomp_answer(&set->seccomp, (uint32_t)number, arguments, &answer) < 0)
                return OPEN;
        answer &= SECCOMP_RET_ACTION_FULL;
        return open_if(answer == SECCOMP_RET_ALLOW || answer == SECCOMP_RET_LOG);
}

#define CALL_ROW(function, name) \
        static unsigned function(const PolicySet *set) { \
                return call(set, name); \
        }
CALL_ROW(call_mount, "mount")
CALL_ROW(call_unshare, "unshare")
CALL_ROW(call_bpf, "bpf")
CALL_ROW(call_keyctl, "keyctl")
CALL_ROW(call_ptrace, "ptrace")
CALL_ROW(call_perf, "perf_event_open")
CALL_ROW(call_uring, "io_uring_setup")
CALL_ROW(call_userfaultfd, "userfaultfd")
CALL_ROW(call_module, "init_module")
CALL_ROW(call_clock, "settimeofday")
CALL_ROW(call_reboot, "reboot")
CALL_ROW(call_raw, "iopl")
CALL_ROW(call_personality, "personality")

static unsigned packets(const PolicySet *set) {
        return open_if(address_families_have(address_families_of(set->spec, set), AF_PACKET));
}

static unsigned rare_families(const PolicySet *set) {
        const uint64_t known = UINT64_C(1) << AF_UNIX | UINT64_C(1) << AF_INET | UINT64_C(1) << AF_INET6 | UINT64_C(1) << AF_NETLINK |
                               UINT64_C(1) << AF_PACKET;

        return open_if(address_families_of(set->spec, set) & ~known);
}

static unsigned realtime(const PolicySet *set) {
        return open_if(set->spec->restrict_realtime == TRISTATE_NO || (set->spec->restrict_realtime == TRISTATE_UNSET && set->spec->boot));
}

static unsigned written_code(const PolicySet *set) {
        return open_if(set->spec->memory_deny_write_execute != TRISTATE_YES);
}

static unsigned devices(const PolicySet *set) {
        unsigned open = 0;

        for (size_t i = 0; i < set->spec->n_device_rules; i++)
                open = set->spec->device_rules[i].block ? OPEN : open > 4 ? open : 4;
        return open;
}

/* Whether the container's sockets talk to everybody: of no matter where it has nobody to talk to. */
static unsigned addresses(const PolicySet *set) {
        const value_ip_filter *deny = &set->spec->ip_address_deny;
        unsigned whole = 0;

        if (set->spec->private_network && !container_spec_has_network(set->spec))
                return 0;
        for (size_t i = 0; i < deny->n; i++)
                whole += deny->items[i].prefix.length == 0;
        return whole == 2 ? 0 : deny->n > 0 ? 5 : OPEN;
}

static unsigned memory(const PolicySet *set) {
        return open_if(!set->spec->memory_max.set);
}

static unsigned tasks(const PolicySet *set) {
        return open_if(!set->spec->tasks_max.set);
}

const ExposureRow exposure_rows[] = {
        { "PrivateUsers", 2000, "root of the container is root of the host", users },
        { "User", 800, "the payload is root where it runs, and holds the container's capabilities", root },
        { "MandatoryAccessControl", 1500, "no security module judges what the other walls let through", module },
        { "NoNewPrivileges", 1000, "set-id programs of the root raise privileges", privileges },
        { "PrivateNetwork", 1500, "services of the host that listen locally, and abstract sockets, can be reached", network },
        { "IPAddressDeny", 1000, "every address that the network leads to can be talked to", addresses },
        { "ReadOnly", 600, "the root can be changed, and what is left there is executed at the next start", written_root },
        { "BindPaths", 800, "files of the host can be written", written_trees },
        { "DeviceAllow", 1000, "drivers of the host, or its disks, can be reached", devices },
        { "CAP_SYS_ADMIN", 1500, "mounts, namespaces and much of the kernel can be driven", sys_admin },
        { "CAP_SYS_MODULE", 1500, "code can be put into the kernel", sys_module },
        { "CAP_SYS_RAWIO", 1000, "hardware can be driven past the kernel", sys_rawio },
        { "CAP_SYS_PTRACE", 600, "other processes can be read and steered", sys_ptrace },
        { "CAP_NET_ADMIN", 800, "filters, addresses and netfilter code can be reached", net_admin },
        { "CAP_NET_RAW", 400, "packets can be forged", net_raw },
        { "CAP_DAC_READ_SEARCH", 600, "files can be opened by handle, past their directories", read_search },
        { "CAP_MKNOD", 400, "device nodes can be made", mknod_devices },
        { "CAP_SYS_TIME", 300, "the clock of the host can be set", sys_time },
        { "CAP_SYSLOG", 300, "the log of the kernel tells addresses", syslog },
        { "mount", 800, "code of file systems can be reached", call_mount },
        { "unshare", 1000, "a namespace of one's own opens mount, network and netfilter code", call_unshare },
        { "bpf", 800, "programs can be given to the kernel", call_bpf },
        { "keyctl", 400, "keyrings are not divided by containers", call_keyctl },
        { "ptrace", 300, "processes of the same user can be steered", call_ptrace },
        { "perf_event_open", 500, "a large and often broken part of the kernel", call_perf },
        { "io_uring_setup", 600, "calls are made past the filter", call_uring },
        { "userfaultfd", 300, "it makes races in the kernel easy to win", call_userfaultfd },
        { "init_module", 800, "code can be put into the kernel", call_module },
        { "settimeofday", 200, "the clock of the host can be set", call_clock },
        { "reboot", 300, "the host can be ended", call_reboot },
        { "iopl", 600, "hardware can be driven past the kernel", call_raw },
        { "personality", 100, "flags of old ABIs weaken a process", call_personality },
        { "AF_PACKET", 400, "raw packets: often broken code", packets },
        { "RestrictAddressFamilies", 300, "rare families: seldom tested code", rare_families },
        { "RestrictRealtime", 200, "the processors can be kept from everybody else", realtime },
        { "MemoryDenyWriteExecute", 200, "code can be written into memory and executed", written_code },
        { "MemoryMax", 200, "the host's memory can be used up", memory },
        { "TasksMax", 200, "the host's processes can be used up", tasks },
};

size_t exposure_rows_count(void) {
        return ELEMENTSOF(exposure_rows);
}

unsigned exposure_tenths(const PolicySet *set) {
        unsigned long long sum = 0, weights = 0;

        for (size_t i = 0; i < ELEMENTSOF(exposure_rows); i++) {
                sum += (unsigned long long)exposure_rows[i].weight * exposure_rows[i].open(set);
                weights += exposure_rows[i].weight;
        }
        return (unsigned)((10 * sum + weights / 2) / weights);
}

const char *exposure_word(unsigned tenths) {
        static const struct {
                unsigned below;
                const char *word;
        } words[] = { { 15, "safe" }, { 30, "ok" }, { 50, "medium" }, { 75, "exposed" } };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (tenths < words[i].below)
                        return words[i].word;
        return "dangerous";
}

/* The row that weighs most among those that weigh less than limit; NULL = none is open. */
static const ExposureRow *heaviest_below(const PolicySet *set, unsigned limit, unsigned *ret) {
        const ExposureRow *best = NULL;

        *ret = 0;
        for (size_t i = 0; i < ELEMENTSOF(exposure_rows); i++) {
                const unsigned weight = exposure_rows[i].weight * exposure_rows[i].open(set);

                if (weight > *ret && weight < limit) {
                        *ret = weight;
                        best = exposure_rows + i;
                }
        }
        return best;
}

int exposure_check(const PolicySet *set, Diag *diag) {
        const value_exposure *max = &set->spec->exposure_max;
        _cleanup_free_ char *names = NULL;
        unsigned limit = UINT32_MAX, tenths;
        const ExposureRow *row;

        if (!max->set)
                return 0;
        tenths = exposure_tenths(set);
        if (tenths <= max->tenths)
                return 0;
        for (unsigned i = 0; i < NAMED_MAX && (row = heaviest_below(set, limit, &limit)); i++)
                if (str_append(&names, "%s%s", names ? ", " : "", row->name) < 0)
                        return -ENOMEM;
        return diag_error(diag, ERROR_CONFLICT, container_spec_origin(set->spec, DIRECTIVE_ExposureMax), "ExposureMax",
                          "the unit is at %u.%u of 10, above %u.%u; most is opened by %s; bulwarkctl security tells every row",
                          tenths / 10, tenths % 10, max->tenths / 10, max->tenths % 10, strempty(names));
}
