# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bed itself: is this the system that the other suites believe in?"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
import tap  # noqa: the tests' own module

LSM = os.environ.get("BULWARK_VM_LSM", "")
MAJOR = {"apparmor", "selinux", "smack"}


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read().strip()


def read_if_there(path):
    return read(path) if os.path.exists(path) else ""


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout.decode().strip()


def check_init():
    if read("/proc/1/comm") != "systemd":
        yield "PID 1 is " + read("/proc/1/comm")


def check_failed_units():
    failed = output("systemctl", "list-units", "--failed", "--plain", "--no-legend")
    if failed:
        yield from failed.splitlines()


def check_bus():
    """polkit, logind and machined answer on the system bus."""
    for name in ("org.freedesktop.PolicyKit1", "org.freedesktop.login1", "org.freedesktop.machine1", "org.freedesktop.systemd1"):
        answer = output("busctl", "--no-pager", "call", name, "/", "org.freedesktop.DBus.Peer", "Ping")
        if answer:
            yield "%s: %s" % (name, answer)


def check_cgroup():
    have = read("/sys/fs/cgroup/cgroup.controllers").split()
    yield from ("no controller " + c for c in ("cpu", "io", "memory", "pids") if c not in have)
    own = "/sys/fs/cgroup" + read("/proc/self/cgroup").split("::")[-1]
    delegated = read(os.path.join(os.path.dirname(own), "cgroup.controllers")).split()
    yield from ("not delegated: " + c for c in ("cpu", "io", "memory", "pids") if c not in delegated)


def check_lsm():
    active = set(read("/sys/kernel/security/lsm").split(","))
    expected = set() if LSM == "none" else {LSM}
    if active & MAJOR != expected:
        yield "active: %s" % ",".join(sorted(active))
    if "landlock" not in active:
        yield "no landlock: %s" % ",".join(sorted(active))


def check_kernel():
    """The one that was asked for, not another of the image."""
    release, wanted = os.uname().release, os.environ.get("BULWARK_VM_KERNEL", "")
    if not wanted or not release.startswith(wanted + "."):
        yield "kernel %s, asked for %r" % (release, wanted)


def check_enforcing():
    if LSM == "selinux" and read_if_there("/sys/fs/selinux/enforce") != "1":
        yield "SELinux is not enforcing"
    if LSM == "selinux" and not read("/proc/1/attr/current").startswith("system_u:system_r:init_t"):
        yield "PID 1 runs as " + read("/proc/1/attr/current")
    if LSM == "apparmor":
        profiles = read_if_there("/sys/kernel/security/apparmor/profiles")
        if "(enforce)" not in profiles:
            yield "no profile is enforced: %r" % profiles


CHECKS = [
    ("systemd is PID 1", check_init),
    ("no unit has failed", check_failed_units),
    ("the system bus answers", check_bus),
    ("every controller is there and delegated", check_cgroup),
    ("the kernel asked for", check_kernel),
    ("the LSM asked for and no other: " + LSM, check_lsm),
    ("it enforces a policy", check_enforcing),
]

tap.main(CHECKS)
