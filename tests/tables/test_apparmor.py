#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The profiles of tests/tables/apparmor go through apparmor_parser(8) with the features of a stored kernel, and the binary
is asked what it allows: generator and compiler are held together without any module in the kernel.

usage: test_apparmor.py RENDER
"""

import glob
import os
import random
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import apparmor_binary  # noqa: E402
import tap  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
FEATURES = os.path.join(HERE, "apparmor", "features")
RENDER = os.path.abspath(sys.argv[1])
RO, RW, ALL = "kmrx", "klrw", "klmrwx"
MASKED = re.findall(r'"(/(?:proc|sys)/[^"]+)"', open(os.path.join(HERE, "../../policies/container-root.c"), encoding="utf-8").read()
                    .split("container_read_only_paths")[0])

# case -> path -> letters that anybody has there. "Any other byte" in a name takes the NUL in as well that stands between a
# link's name and its target: a path with rules of its own seems to be a name for a link, where it is a mount point.
ACCESS = {
    "default": {
        "/": "kmrwx", "/etc/passwd": RO, "/app/": RO, "/app/x": RO, "/d": RO, "/de/x": RO, "/deva": RO, "/de": RO, "/procs/x": RO,
        "/sy": RO, "/run": ALL, "/run/": ALL, "/run/a/b": ALL, "/runs": RO, "/tmp/x": ALL, "/tmpx": RO,
        "/dev/": "r", "/dev/null": "rw", "/dev/sda": "", "/dev/mem": "", "/dev/kmsg": "", "/dev/shm/x": RW, "/dev/mqueue/x": RW,
        "/dev/pts/0": "rw", "/dev/pts/0/x": "", "/proc/": "r", "/proc/12/status": "r", "/proc/12/mem": "r",
        "/proc/12/attr/current": "r", "/proc/12/task/13/attr/apparmor/exec": "r", "/proc/sys/kernel/core_pattern": "kr",
        "/proc/sysrq-trigger": "", "/proc/kcore": "", "/proc/unheard-of": "", "/proc/fs/x": "", "/proc/bus/x": "",
        "/sys/": "r", "/sys/kernel/": "r", "/sys/kernel/mm/ksm/run": "kr", "/sys/kernel/security/apparmor/.load": "",
        "/sys/kernel/debug/x": "", "/sys/class/net": "kr", "/sys/devices/virtual/powercap/x": "", "/sys/devices/virtual/net": "kr",
        "/sys/fs/cgroup/cgroup.procs": "kr", "/sys/fs/selinux/load": "", "/sys/firmware/efi": "", "/sys/power/state": "",
        "/sys/dev/block/8:0": "", "/sys/dev/char": "kr",
    },
    "writable": {"/": ALL, "/etc/passwd": ALL, "/dev/sda": "", "/proc/sys/vm/drop_caches": "kr", "/sys/x": ""},
    "boot": {"/etc/x": RO, "/sys/fs/cgroup/x/cgroup.procs": RW, "/proc/sys/net/ipv4/ip_forward": RW, "/proc/sys/kernel/x": "kr",
             "/dev/initctl": RW, "/dev/.#a": RW, "/dev/sda": "", "/proc/1/oom_score_adj": "rw", "/proc/1/mem": "r"},
    "boot-host-network": {"/etc/x": ALL, "/proc/sys/net/ipv4/ip_forward": "kr", "/sys/fs/cgroup/x": RW},
    "mounts": {"/data": ALL, "/data/x": ALL, "/data/ro": "klmrx", "/data/ro/x": RO, "/data/ro/rw": RW, "/data/ro/rw/x": RW,
               "/data/rox": ALL, "/data-set/x": ALL, "/data-sets": RO, "/var": RO, "/var/cache/x": RW, "/var/cache/tools/x": ALL,
               "/var/fixed/x": RO, "/var/x": RO, "/tmp/x": RW, "/run/x": ALL},
    "covers": {"/": ALL, "/etc": "klmrx", "/etc/x": RO, "/etc/data/x": ALL, "/etc/shadow": "", "/etc/shadow-": RO, "/home": "l",
               "/home/a": "", "/homes": ALL, "/proc/meminfo": "", "/proc/stat": "kr", "/sys/class/x": "", "/dev/full": "",
               "/dev/null": "rw", "/dev/shm/x": "kr"},
    "write-and-exec": {"/": "krw", "/usr/x": RO, "/bin/sh": RO, "/opt": "kr", "/opt/tools/x": RO, "/opt/data/x": RW, "/var/x": "kr",
                       "/var/lib/x": RW, "/var/lib/fixed/x": "kr", "/var/data/x": RW, "/etc/x": "kr", "/etc/app/x": RW,
                       "/usr/cache/x": RW, "/usr/cache/tools/x": ALL, "/tmp/x": RW, "/proc/sys/kernel/x": "kr",
                       "/dev/shm/x": "kr", "/dev/mqueue/x": RW},
    "injection": {
        '/a\\\\"} profile evil flags=(unconfined) { file, }': ALL, "/b{,/**}": ALL, "/b": RO, "/b/x": RO, "/c*[!x]?^": ALL,
        "/cc[!x]?^": RO, "/cab": RO, "/d@{HOME}/@{PROC}/x": ALL, "/d@{HOME}/x": RO, "/e\\, capability sys_admin,": ALL,
        "/f # no comment": ALL, "/f": RO, "/g\\\\\\\\h": ALL, "/g\\h": RO, "/gh": RO, "/ünïcode/日本/x": ALL, "/ünïcode/日": RO,
        "/unicode/": RO, "/j rw,\\": ALL, "/-k-/a-b]c/x": ALL, "/-k-/a-b]d": RO, "/k": RO, "/<include>": ALL, "/l->m": ALL,
        "/dev/sda": "", "/proc/kcore": "",
    },
    "extra-rules": {"/sys/kernel/sample/a": "rw", "/etc/a b#c,/x": RO, "/x/y": RO, "/srv/a.so": RO},
    "a\\x-b:c@i_1": {"/i_1": RO},
}


def profile_of(case):
    with open(os.path.join(HERE, "apparmor", case + ".expected"), encoding="utf-8") as stream:
        return apparmor_binary.Profile(apparmor_binary.compile_text(stream.read(), FEATURES))


def cases():
    for path in sorted(glob.glob(os.path.join(glob.escape(HERE), "apparmor", "*.expected"))):
        with open(path, encoding="utf-8") as stream:
            if stream.read(3) == "abi":
                yield os.path.basename(path)[:-len(".expected")]


def compiles(case):
    profile = profile_of(case)
    want = {"a\\x-b:c@i_1": "bulwark-a+5cx-b+3ac@i_1"}.get(case, "bulwark-" + case)
    if profile.name != want:
        yield f"the profile is called {profile.name!r}, not {want!r}"
    for path, letters in ACCESS.get(case, {}).items():
        if profile.allowed(path) != letters:
            yield f"{path}: {profile.allowed(path)!r}, not {letters!r}"
    for path in MASKED:
        if profile.allowed(path) or profile.allowed(path + "/x", owner=True):
            yield f"{path} is masked in every container, and allowed: {profile.allowed(path)!r}"
    if profile.allowed("/proc/1/comm", owner=True) != "rw" or "w" in profile.allowed("/proc/1/attr/current", owner=True):
        yield "a process has not its own /proc/PID/comm, or has attr"


def a_wrong_rule_fails():
    with open(os.path.join(HERE, "apparmor", "default.expected"), encoding="utf-8") as stream:
        text = stream.read()
    for rule in ("capability no_such,", "/x{,y", "/x zz,", "network no_such stream,", "/x r"):
        try:
            apparmor_binary.compile_text(text.replace("}\n", f"  {rule}\n}}\n"), FEATURES)
            yield f"{rule} compiles"
        except apparmor_binary.Refused:
            pass


def everything_has_its_rules():
    """The tables above cannot say what the compiler would not: a case that is not there, a list that is empty."""
    if not set(ACCESS) <= set(cases()) or len(MASKED) < 20:
        yield f"{set(ACCESS) - set(cases())} have no profile, {len(MASKED)} masked paths"


NAMES = "ab/\"\\{}[]^*?@-,.!#()<>=+~% é日\u200b"


def strange_names():
    """Paths of random bytes that mean something somewhere: each is writable, its neighbours are not."""
    chance = random.Random(20261125)
    for _ in range(12):
        paths = set()
        while len(paths) < 6:
            path = "/" + "/".join("".join(chance.choice(NAMES.replace("/", "")) for _ in range(chance.randint(1, 6)))
                                  for _ in range(chance.randint(1, 3)))
            if not set(path.split("/")) & {".", ".."} and path.strip() == path:
                paths.add(path)
        quoted = [path.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") for path in sorted(paths)]
        unit = "[Container]\nRootDirectory=/srv/r\nExecStart=/bin/x\n" + "".join(f'BindPaths="/s:{path}"\n' for path in quoted)
        name = f"/tmp/bulwark-table-{os.getpid()}.container"
        with open(name, "w", encoding="utf-8") as stream:
            stream.write(unit)
        try:
            run = subprocess.run([RENDER, "apparmor", name], capture_output=True, check=True)
        finally:
            os.unlink(name)
        text = run.stdout.decode()
        if not text.startswith("abi"):
            yield text
            continue
        profile = apparmor_binary.Profile(apparmor_binary.compile_text(text, FEATURES))
        neighbours = {path[:i] + letter + path[i + 1:] for path in paths for i in range(1, len(path)) for letter in "aZ*\\"} | \
            {path + letter for path in paths for letter in "a*\\\""} | {path[:-1] for path in paths}
        for path in sorted(paths | neighbours):
            if "//" in path or path.endswith("/"):
                continue
            inside = any(path == top or path.startswith(top + "/") for top in paths)
            want = ALL if inside else RO
            if profile.allowed(path) != want:
                yield f"{path!r}: {profile.allowed(path)!r}, not {want!r} with {sorted(paths)}"


tap.main([(f"{case} compiles to what it says", lambda case=case: compiles(case)) for case in cases()] +
         [("a wrong rule fails", a_wrong_rule_fails), ("everything has its rules", everything_has_its_rules),
          ("strange names", strange_names)])
