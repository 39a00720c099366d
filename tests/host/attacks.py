# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a security module has to deny by itself, when nothing else is in the way: attacks of the hostile program for the host's
root, with every capability, without a filter, in a mount namespace that may be broken. Without a module each of them works,
and none of them does harm.

The order matters: what is unmounted was mounted before."""

APPARMOR, SELINUX = "apparmor", "selinux"
BOTH = (APPARMOR, SELINUX)

# attack -> the modules whose policy for a container like any other denies it
HOST_ATTACKS = {
    # the kernel's memory, its switches and its log
    "read:/proc/kcore": BOTH,
    "read:/proc/kallsyms": BOTH,
    "open-write:/proc/sysrq-trigger": BOTH,
    "open-write:/proc/sys/kernel/core_pattern": BOTH,
    "open-write:/proc/sys/kernel/modprobe": BOTH,
    "open-write:/proc/sys/vm/drop_caches": BOTH,
    "open-write:/sys/kernel/mm/ksm/run": BOTH,
    "open-write:/sys/fs/cgroup/cgroup.procs": BOTH,
    "list:/sys/kernel/security": BOTH,
    "read:/dev/mem": BOTH,
    "read:/dev/vda": BOTH,
    "open-write:/dev/kmsg": BOTH,
    "privilege:read-kernel-log": BOTH,
    "privilege:watch-kernel": BOTH,
    "privilege:bpf": BOTH,
    # modules, another kernel, the clock, the end
    "privilege:load-module": BOTH,
    "privilege:load-module-from-memory": BOTH,
    "privilege:unload-module": BOTH,
    "privilege:load-kernel": BOTH,
    "privilege:reboot": BOTH,
    "privilege:set-time": BOTH,
    "privilege:set-clock": BOTH,
    "privilege:swap-off": BOTH,
    "privilege:account": BOTH,
    "privilege:host-name": BOTH,
    "privilege:raise-limit": BOTH,
    # processes that are not of the container, and labels
    "open-write:/proc/self/attr/current": (APPARMOR,),  # SELinux lets it be opened, and no domain be asked for
    "write-memory:1": BOTH,
    "trace:1": BOTH,
    "read:/proc/1/environ": BOTH,
    "take-descriptor:1": BOTH,
    "enter:/proc/1/cwd": BOTH,
    "privilege:enter-names": BOTH,
    # mounts, with the calls of yesterday and of today
    "fresh:tmpfs": BOTH,
    "unmount:/mnt": BOTH,
    "fresh:proc": BOTH,
    "fresh:sysfs": BOTH,
    "fresh:securityfs": BOTH,
    "fresh-detached:proc": BOTH,
    "bind-beneath:/proc": BOTH,
    "tree-beneath:/proc": BOTH,
    "remount-rw:/sys": BOTH,
    "setattr-clear:/sys": BOTH,
    "move-away:/dev/shm": BOTH,
    "privilege:new-mount-context": BOTH,
    "privilege:clone-tree": BOTH,
    "privilege:attach-tree": BOTH,
    "privilege:exchange-root": BOTH,
    "privilege:new-mounts": BOTH,
    "privilege:new-network": BOTH,
    # devices, files by number, sockets that are not for containers
    "privilege:make-node": BOTH,
    "by-handle:/": BOTH,
    "privilege:watch-files": BOTH,
    "socket:17.3": BOTH,  # AF_PACKET
    "socket:31.3": BOTH,  # AF_BLUETOOTH
    "socket:38.5": BOTH,  # AF_ALG
    "socket:40.1": BOTH,  # AF_VSOCK
    "socket:2.3": (APPARMOR,),  # raw IP; SELinux lets it be made, by whom it lets have CAP_NET_RAW
    # no rule of either on Debian 12 speaks of user namespaces: they are left to the filter
    "new-user-namespace:unshare": (),
}
# The kernel may lack the module of a family; a policy says no before it is looked for.
WORKS = ("ok", "harmless", "EAFNOSUPPORT", "ESOCKTNOSUPPORT", "EPROTONOSUPPORT")
DENIED = ("EACCES", "EPERM")


def denied_by(module):
    return [attack for attack, modules in HOST_ATTACKS.items() if module in modules]
