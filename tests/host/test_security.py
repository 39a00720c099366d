# SPDX-License-Identifier: LGPL-2.1-or-later
"""Security directives, each by trying what it forbids."""

import stat

from harness import *

SET_IDS = ["chmod", "chmod-high", "chmod-group", "fchmod", "fchmodat", "fchmodat2", "creat", "open", "openat", "openat2", "tmpfile",
           "tmpfile-fchmod", "mknod", "mknodat", "mkdir", "mkdirat", "rename", "x32", "compat", "io-uring", "capability",
           "capability-named", "capability-nested"]
DOORS = "SystemCallFilter=~kcmp ; io_uring_setup io_uring_enter io_uring_register unshare setns"


def tried(bed, name, what, *lines):
    """What became of each attempt."""
    program = os.path.join(bed.root, "bin/forbidden")
    if not os.path.exists(program):
        shutil.copy(os.path.join(BUILD, "tests/host/forbidden"), program)
    path = os.path.join(bed.out, name)
    bed.unit(name, "Type=oneshot", "ExecStart=/bin/forbidden try " + " ".join(what), "StandardOutput=truncate:" + path, *lines)
    bed.ctl("start", "--wait", name).expect(0)
    results = wait_until(lambda: parse_json(path), "the report of " + name, 5)
    for attempt, answer in results.items():
        check(answer not in ("no such attempt", "lost", "unknown"), "%s: %s" % (attempt, answer))
    return results


def answers(results, expected, *attempts):
    for attempt in attempts:
        equal(results[attempt], expected, attempt)


def tree(bed, name, closed=False):
    """A directory of the host to bind; closed: below one that only root may enter."""
    above = os.path.join(bed.directory, name)
    os.mkdir(above)
    os.chmod(above, 0o700 if closed else 0o755)
    path = os.path.join(above, "data")
    os.mkdir(path)
    return path


def privileged(path):
    """Names of files below path that run with more than their caller has."""
    found = []
    for folder, names, files in os.walk(path):
        for name in files + names:
            full = os.path.join(folder, name)
            if os.lstat(full).st_mode & (stat.S_ISUID | stat.S_ISGID) or "security.capability" in os.listxattr(full, follow_symlinks=False):
                found.append(name)
    return sorted(found)


def try_to_leave(bed, name, path, *lines):
    return tried(bed, name, [way + ":/data" for way in SET_IDS], "BindPaths=%s:/data" % path, *lines)


def test_set_ids_of_an_open_tree(bed):
    """no way leaves a set-id file, or one with capabilities, where users of the host can run it."""
    for name, lines in (("default", ()), ("doors", (DOORS,)), ("init", ("Boot=no", "NoNewPrivileges=no", DOORS)),
                        ("identity", ("PrivateUsers=identity", DOORS)), ("host", ("PrivateUsers=no",)),
                        ("all", ("CapabilityBoundingSet=~CAP_SYS_BOOT", DOORS))):
        path = tree(bed, "open-" + name)
        results = try_to_leave(bed, name, path, *lines)
        equal(privileged(path), [], "what %s left on the host's disk (%s)" % (name, results))
        answers(results, "EPERM", "chmod:/data", "fchmodat2:/data", "openat:/data", "tmpfile:/data", "mkdirat:/data", "capability:/data")
        answers(results, "ENOSYS", "openat2:/data")
        answers(results, "SYS", "x32:/data", "compat:/data")


def test_set_ids_of_a_written_root(bed):
    """the root itself, where it is writable, and a part of it that is."""
    for lines in (("ReadOnly=no",), ("ReadWritePaths=/data",), ("ReadOnly=no", "BindReadOnlyPaths=/etc:/mnt")):
        results = tried(bed, "root", [way + ":/data" for way in SET_IDS], *lines)
        equal(privileged(os.path.join(bed.root, "data")), [], "left in the root by %s: %s" % (lines, results))
    path = tree(bed, "opened")
    results = tried(bed, "opened", [way + ":/data/in" for way in SET_IDS], "BindReadOnlyPaths=%s:/data/in" % path, "ReadWritePaths=/data")
    equal(privileged(path), [], "left in what ReadWritePaths= opened: %s" % results)
    for folder in (os.path.join(bed.root, "data"), path):
        for entry in os.listdir(folder):
            full = os.path.join(folder, entry)
            (os.rmdir if os.path.isdir(full) else os.unlink)(full)


def test_set_ids_of_a_closed_tree(bed):
    """below a directory of root's alone they stay possible, until RestrictSUIDSGID=yes."""
    path = tree(bed, "closed", closed=True)
    results = try_to_leave(bed, "closed", path, DOORS)
    answers(results, "ok", "chmod:/data", "fchmod:/data", "openat2:/data", "tmpfile:/data", "mknod:/data", "capability:/data",
            "io-uring:/data", "capability-nested:/data")
    check("chmod" in privileged(path) and "capability" in privileged(path), "the attempts do what they say: %s" % privileged(path))
    path = tree(bed, "denied", closed=True)
    results = try_to_leave(bed, "denied", path, "RestrictSUIDSGID=yes", "DropCapability=CAP_SETFCAP")
    equal(privileged(path), [], "left with RestrictSUIDSGID=yes: %s" % results)
    results = try_to_leave(bed, "foreign", tree(bed, "foreign"), "BindPaths=")
    results = tried(bed, "foreign", ["chmod:/tmp", "openat2:/tmp"], "BindPaths=%s:/data:noidmap" % tree(bed, "noidmap"))
    answers(results, "ok", "chmod:/tmp", "openat2:/tmp")


def test_set_ids_are_refused_by_name(bed):
    """what would open the hole does not start, and says why; the place is looked at again at each start."""
    path = tree(bed, "said")
    for line in ("RestrictSUIDSGID=no", "AddCapability=CAP_SETFCAP"):
        bed.unit("said", "ExecStart=/bin/true", "BindPaths=%s:/data" % path, line)
        bed.ctl("start", "said").expect(5, line.split("=")[0], path, "0700")
    path = tree(bed, "later", closed=True)
    bed.unit("later", "Type=oneshot", "ExecStart=/bin/true", "BindPaths=%s:/data" % path, "RestrictSUIDSGID=no")
    bed.ctl("start", "later").expect(0)
    os.chmod(os.path.dirname(path), 0o711)
    bed.ctl("start", "later").expect(5, "RestrictSUIDSGID", path)
    os.chmod(os.path.dirname(path), 0o700)
    bed.ctl("start", "later").expect(0)
    shown = bed.run([bed.analyze, "policy", "show", bed.unit("shown", "ExecStart=/bin/true", "BindPaths=%s:/data" % tree(bed, "shown"))]).expect(0)
    contains(shown.out, "deny CAP_SETFCAP")
    contains(shown.out, "deny openat that makes a file with set-id bits: EPERM")


def test_realtime(bed):
    """RestrictRealtime= is on; without it the kernel's own rules hold."""
    what = ["scheduler:%d" % n for n in (0, 1, 2, 3, 5, 6)] + ["scheduler:%d" % (0x40000000 | 1), "sched-attr:0", "sched-attr:1"]
    capable = ("AddCapability=CAP_SYS_NICE", "PrivateUsers=no", "SystemCallFilter=~kcmp ; @resources")
    results = tried(bed, "default", what, *capable)
    answers(results, "EPERM", "scheduler:1", "scheduler:2", "scheduler:6", "scheduler:%d" % (0x40000000 | 1))
    answers(results, "ok", "scheduler:0", "scheduler:3", "scheduler:5")
    answers(results, "ENOSYS", "sched-attr:0", "sched-attr:1")
    results = tried(bed, "open", what, "RestrictRealtime=no", *capable)
    answers(results, "ok", "sched-attr:0")
    check(results["scheduler:1"] == "ok" or results["scheduler:6"] == "EINVAL", "RestrictRealtime=no opens: %s" % results)


def test_write_and_execute(bed):
    """MemoryDenyWriteExecute=."""
    what = ["mmap-wx", "mprotect-x", "pkey-mprotect-x", "shmat-x"]
    answers(tried(bed, "default", what), "ok", "mmap-wx", "mprotect-x", "shmat-x")
    answers(tried(bed, "denied", what, "MemoryDenyWriteExecute=yes"), "EPERM", *what)


def test_personality(bed):
    """LockPersonality=."""
    what = ["personality:%#x" % n for n in (0, 8, 0x20000, 0xffffffff, 0x40000)]
    results = tried(bed, "default", what)
    answers(results, "ok", *what[:4])
    answers(results, "EPERM", what[4])
    results = tried(bed, "locked", what, "LockPersonality=yes")
    answers(results, "ok", what[0], what[3])
    answers(results, "EPERM", what[1], what[2], what[4])


def test_namespaces(bed):
    """RestrictNamespaces= takes away from what the filter opens, by type."""
    types = ("user", "mnt", "net", "ipc", "uts", "pid", "cgroup", "time")
    what = ["%s:%s" % (way, n) for n in types for way in ("unshare", "clone")] + ["setns:ipc", "setns:user", "setns-any:ipc"]
    opened = ("SystemCallFilter=~kcmp ; unshare setns", "AddCapability=CAP_SYS_ADMIN")
    results = tried(bed, "default", what)
    check(all(answer == "EPERM" for attempt, answer in results.items() if attempt != "clone:time"), "by default: %s" % results)
    results = tried(bed, "opened", what, *opened)
    answers(results, "ok", "unshare:user", "clone:user", "unshare:net", "clone:ipc", "unshare:uts", "setns:ipc", "setns-any:ipc")
    results = tried(bed, "yes", what, "RestrictNamespaces=yes", *opened)
    answers(results, "EPERM", *[w for w in what if w != "clone:time"])
    for line in ("RestrictNamespaces=~user net", "RestrictNamespaces=cgroup ipc mnt pid uts time"):
        results = tried(bed, "some", what, line, *opened)
        answers(results, "EPERM", "unshare:user", "clone:user", "unshare:net", "clone:net", "setns:user", "setns-any:ipc")
        answers(results, "ok", "unshare:ipc", "clone:ipc", "unshare:uts", "clone:uts", "setns:ipc")


def test_system_and_homes(bed):
    """ProtectSystem=, ProtectHome=, PrivateTmp=: they add to ReadOnly=, and open nothing."""
    for folder in ("usr", "boot", "efi", "etc", "home", "root", "srv", "var/tmp"):
        path = os.path.join(bed.root, folder, "file")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write(path, "x", 0o666)
    def written(name, *lines):
        results = tried(bed, name, ["write:/%s/file" % f for f in ("usr", "boot", "efi", "etc", "home", "root", "srv", "var/tmp")], *lines)
        return {what.split("/")[1] if "var" not in what else "var/tmp": answer for what, answer in results.items()}
    for value, closed in (("no", ""), ("yes", "usr boot efi"), ("full", "usr boot efi etc"), ("strict", "usr boot efi etc home root srv var/tmp")):
        results = written("system", "ReadOnly=no", "ProtectSystem=" + value)
        equal(sorted(k for k, v in results.items() if v == "EROFS"), sorted(closed.split()), "ProtectSystem=%s: %s" % (value, results))
    results = written("opened", "ReadOnly=no", "ProtectSystem=full", "ReadWritePaths=/etc")
    equal((results["etc"], results["usr"]), ("ok", "EROFS"), "ReadWritePaths= has the last word")
    results = written("closed", "ProtectSystem=no")
    check(all(answer == "EROFS" for answer in results.values()), "ProtectSystem=no opens nothing: %s" % results)
    for value, answer in (("yes", ("EACCES", "ENOENT")), ("read-only", ("EROFS",)), ("tmpfs", ("ENOENT",))):
        results = written("home", "ReadOnly=no", "User=1000", "ProtectHome=" + value)
        check(results["home"] in answer and results["srv"] == "ok", "ProtectHome=%s: %s" % (value, results))
    for value, missing in (("no", False), ("yes", True), ("disconnected", True)):
        results = tried(bed, "tmp", ["read:/var/tmp/file", "creat:/var/tmp", "creat:/tmp", "mmap-wx"], "PrivateTmp=" + value)
        equal((results["read:/var/tmp/file"], results["creat:/var/tmp"], results["creat:/tmp"]),
              ("ENOENT", "ok", "ok") if missing else ("ok", "EROFS", "ok"), "PrivateTmp=" + value)
    results = tried(bed, "homes", ["read:/home/x/passwd", "write:/home/file", "read:/home/file"], "ProtectHome=tmpfs", "BindReadOnlyPaths=/etc:/home/x")
    equal(list(results.values()), ["ok", "ENOENT", "ENOENT"], "a bind in an empty home")


def test_proc(bed):
    """ProtectProc= and ProcSubset=."""
    def seen(name, *lines):
        bed.start_sleeper(name, "User=1000", *lines)
        numbers = bed.ctl("exec", name, "/bin/ls", "/proc").expect(0).out.split()
        status = bed.ctl("exec", name, "/bin/cat", "/proc/1/status").code
        bed.ctl("stop", name).expect(0)
        return "1" in numbers, status == 0, "meminfo" in numbers
    equal(seen("default"), (True, True, True), "number and status of root's process, meminfo")
    equal(seen("noaccess", "ProtectProc=noaccess"), (True, False, True), "noaccess")
    equal(seen("invisible", "ProtectProc=invisible"), (False, False, True), "invisible")
    equal(seen("ptraceable", "ProtectProc=ptraceable"), (False, False, True), "ptraceable")
    equal(seen("pid", "ProcSubset=pid"), (True, True, False), "pid")


def test_kernel(bed):
    """ProtectKernelModules=, ProtectKernelLogs=, ProtectClock=, ProtectHostname= have the last word."""
    for folder in ("usr/lib/modules", "lib/modules"):
        os.makedirs(os.path.join(bed.root, folder), exist_ok=True)
        write(os.path.join(bed.root, folder, "modules.dep"), "x", 0o644)
    calls = {"modules": ("ProtectKernelModules", 175, "CAP_SYS_MODULE", "@module", 16), "logs": ("ProtectKernelLogs", 103, "CAP_SYSLOG", "syslog", 34),
             "clock": ("ProtectClock", 164, "CAP_SYS_TIME", "@clock", 25)}
    for name, (directive, number, capability, group, bit) in calls.items():
        opened = ("AddCapability=" + capability, "SystemCallFilter=~kcmp ; " + group)
        answer = tried(bed, name, ["syscall:%d" % number], *opened)["syscall:%d" % number]
        denied = tried(bed, name, ["syscall:%d" % number, "read:/usr/lib/modules/modules.dep"], directive + "=yes", *opened)
        equal(denied["syscall:%d" % number], "EPERM", directive + " (without it: %s)" % answer)
        equal(denied["read:/usr/lib/modules/modules.dep"], "ENOENT" if name == "modules" else "ok", "modules with " + directive)
        report = bed.inside(name, directive + "=yes", *opened)
        equal(int(status_of(report)["CapBnd"], 16) >> bit & 1, 0, capability)
        report = bed.inside(name, *opened)
        equal(int(status_of(report)["CapBnd"], 16) >> bit & 1, 1, capability + " without " + directive)
        bed.unit(name, "ExecStart=/bin/true", directive + "=no")
        bed.ctl("start", name).expect(5, directive, capability)
    opened = ("AddCapability=CAP_SYS_ADMIN", "SystemCallFilter=~kcmp ; sethostname")
    equal(bed.inside("private", "ProtectHostname=private:other", *opened, arguments="try hostname:changed"), {"hostname:changed": "ok"}, "private")
    equal(bed.inside("yes", "ProtectHostname=yes:other", *opened, arguments="try hostname:changed"), {"hostname:changed": "EPERM"}, "yes")
    bed.start_sleeper("named", "ProtectHostname=private:other")
    equal(bed.ctl("exec", "named", "/bin/hostname").expect(0).out.strip(), "other", "host name")


def filters_of(bed, name):
    """The programs of devices that are attached to its control group."""
    if not shutil.which("bpftool"):
        return None
    shown = subprocess.run(["bpftool", "-j", "cgroup", "show", os.path.join(bed.cgroup, "containers", name)], capture_output=True, text=True, check=False)
    return [p for p in json.loads(shown.stdout or "[]") if p.get("attach_type") in ("device", "cgroup_device")]


def test_devices(bed):
    """DeviceAllow=, DevicePolicy=: nodes of the container's own, and a filter above its control group."""
    def opened(name, *lines):
        what = ["read:/dev/null", "write:/dev/null", "read:/dev/zero", "write:/dev/full", "read:/dev/urandom", "read:/dev/kmsg",
                "write:/dev/kmsg", "read:/dev/net/tun", "write:/dev/net/tun"]
        return tried(bed, name, what, *lines)
    results = opened("default")
    answers(results, "ok", "read:/dev/null", "write:/dev/null", "read:/dev/zero", "write:/dev/full", "read:/dev/urandom")
    answers(results, "ENOENT", "read:/dev/kmsg", "read:/dev/net/tun")
    for policy in ("auto", "closed", "strict"):
        results = opened("some", "DeviceAllow=/dev/kmsg w", "DevicePolicy=" + policy)
        answers(results, "ok", "read:/dev/null", "write:/dev/null", "read:/dev/zero", "write:/dev/full", "read:/dev/urandom", "write:/dev/kmsg")
        check(results["read:/dev/kmsg"] in ("EPERM", "EACCES"), "kmsg can be read: %s" % results)
    check(results["read:/dev/net/tun"] == "ENOENT", "tun is there")
    if os.path.exists("/dev/net/tun"):
        results = opened("tun", "DeviceAllow=/dev/net/tun", "DeviceAllow=char-pts rw")
        answers(results, "ok", "write:/dev/net/tun")
        results = opened("private", "DeviceAllow=/dev/net/tun", "PrivateDevices=yes")
        answers(results, "ENOENT", "write:/dev/net/tun")
    # The filter itself: as the host's root, with a node of one's own making.
    capable = ("PrivateUsers=no", "AddCapability=CAP_MKNOD", "MandatoryAccessControl=no", "TemporaryFileSystem=/mnt")
    for lines, expected in ((("DevicePolicy=closed",), "EPERM"), (("DevicePolicy=closed", "DeviceAllow=/dev/kmsg rwm"), "ok")):
        results = tried(bed, "made", ["mknod-kmsg:/dev/shm/node"], *capable, *lines)
        equal(results["mknod-kmsg:/dev/shm/node"], expected, "mknod of kmsg with %s" % (lines,))
    bed.start_sleeper("terminal", "DeviceAllow=/dev/kmsg w")
    bed.ctl("exec", "terminal", "/bin/sh", "-c", "exec 3<>/dev/ptmx && echo ok >/dev/null").expect(0)
    attached = filters_of(bed, "terminal")
    if attached is not None:
        check(len(attached) == 1, "attached to the group: %s" % attached)
        bed.kill_manager()
        bed.start_manager()
        equal(filters_of(bed, "terminal"), attached, "after the manager was killed")
    bed.start_sleeper("proven", "DeviceAllow=/dev/kmsg w", "DevicePolicy=closed", "MemoryDenyWriteExecute=yes", "LockPersonality=yes",
                      "RestrictNamespaces=yes", "ProtectClock=yes", "ProtectHome=yes", "PrivateTmp=yes", "ProtectProc=invisible")
    bed.ctl("probe", "proven").expect(0)
    bed.unit("missing", "ExecStart=/bin/true", "DeviceAllow=/dev/not-there rw")
    bed.ctl("start", "missing").expect(bed.ctl("start", "missing").code, "DeviceAllow", "/dev/not-there")
    bed.unit("no", "ExecStart=/bin/true", "PrivateDevices=no")
    bed.ctl("start", "no").expect(5, "PrivateDevices", "DeviceAllow=")


def test_exposure(bed):
    """bulwarkctl security, and ExposureMax=, which refuses the start with 5."""
    path = bed.unit("one", "ExecStart=/bin/true")
    shown = json.loads(bed.ctl("security", "-o", "json", path).expect(0).out)[0]
    check(0 < shown["exposure"] < 5, "exposure of the default: %s" % shown["exposure"])
    opened = bed.unit("open", "ExecStart=/bin/true", "PrivateUsers=no", "AddCapability=CAP_SYS_ADMIN", "PrivateNetwork=no")
    check(json.loads(bed.ctl("security", "-o", "json", opened).expect(0).out)[0]["exposure"] > shown["exposure"], "what is open weighs nothing")
    bed.ctl("security", "--threshold=10.0", path, opened).expect(0, "one: exposure", "open: exposure")
    bed.ctl("security", "--threshold=0.1", path).expect(1)
    bed.unit("limited", "Type=oneshot", "ExecStart=/bin/true", "ExposureMax=%.1f" % shown["exposure"])
    bed.ctl("start", "limited").expect(0)
    bed.unit("limited", "Type=oneshot", "ExecStart=/bin/true", "ExposureMax=%.1f" % shown["exposure"], "PrivateUsers=no")
    bed.ctl("start", "limited").expect(5, "ExposureMax", "PrivateUsers")


def test_what_is_always_so(bed):
    """what a container has anyway is accepted and true, and its contrary refused with the reason."""
    report = bed.inside("fixed", "PrivateIPC=yes", "PrivatePIDs=true", "PrivateMounts=on", "MountAPIVFS=1", "MountFlags=private", "SystemCallArchitectures=native",
                        "DelegateNamespaces=yes", "SELinuxNested=no", "ProtectKernelTunables=yes", "ProtectControlGroups=strict")
    for kind in ("ipc", "pid", "mnt"):
        check(report["ns_" + kind] != os.readlink("/proc/self/ns/" + kind), "the %s namespace is the host's" % kind)
    points = {line.split()[4]: line for line in report["mountinfo"]}
    for path in ("/proc", "/sys", "/dev", "/sys/fs/cgroup"):
        check(path in points, path + " is not mounted")
    for path, line in points.items():
        check("shared:" not in line and "master:" not in line, "%s is no private mount: %s" % (path, line))
    for path in ("/proc/sys", "/sys", "/sys/fs/cgroup"):
        check("ro" in points[path].split()[5].split(","), path + " is writable")
    for line in ("PrivateIPC=no", "PrivatePIDs=no", "PrivateMounts=0", "MountAPIVFS=no", "MountFlags=slave", "DelegateNamespaces=mnt",
                 "SELinuxNested=yes", "ProtectKernelTunables=no", "ProtectControlGroups=no", "ProtectControlGroups=private", "ProtectHostname=no",
                 "RestrictFileSystems=ext4", "SystemCallArchitectures=x86"):
        bed.unit("refused", "ExecStart=/bin/true", line)
        check(bed.ctl("start", "refused").code != 0, line + " is taken")
        bed.ctl("start", "refused").expect(bed.ctl("start", "refused").code, line.split("=")[0])
    results = tried(bed, "tunables", ["write:/proc/sys/kernel/core_pattern", "write:/proc/sys/net/ipv4/ip_forward", "write:/sys/kernel/mm/ksm/run"],
                    "PrivateUsers=no")
    check(all(answer in ("EROFS", "EACCES", "ENOENT") for answer in results.values()), "kernel tunables: %s" % results)


def test_an_init_is_closed(bed):
    """what an init may by default, ProtectKernelTunables=, ProtectControlGroups= and ProtectHostname= take away."""
    init = os.path.join(bed.root, "sbin/init")
    os.makedirs(os.path.dirname(init), exist_ok=True)
    out = os.path.join(bed.root, "data/report")
    write(init, "#!/bin/sh\n/bin/busybox hostname changed; echo hostname $? >/data/report; echo 1 2>/dev/null >/proc/sys/net/ipv4/ip_forward; "
          "echo tunables $? >>/data/report; grep ' /sys/fs/cgroup ' /proc/self/mountinfo >>/data/report; echo done >>/data/report\n", 0o755)
    for lines, expected in (((), ("hostname 0", "tunables 0", " rw,")),
                            (("ProtectKernelTunables=yes", "ProtectControlGroups=yes", "ProtectHostname=yes"), ("hostname 1", "tunables 1", " ro,"))):
        if os.path.exists(out):
            os.unlink(out)
        bed.unit("init", "Boot=yes", "ReadOnly=no", *lines)
        bed.ctl("start", "init")
        wait_until(lambda: os.path.exists(out) and "done" in read(out), "the init's report")
        bed.ctl("kill", "-s", "KILL", "init")
        for word in expected:
            contains(read(out), word, "with %s" % (lines,))
    os.unlink(out)
    os.unlink(init)


def test_seccomp_profile(bed):
    """SeccompProfile= takes away what a profile of OCI runtimes denies, by argument too, and gives nothing."""
    calls = {"x86_64": (140, 97), "aarch64": (141, 163)}.get(os.uname().machine)  # getpriority, getrlimit
    if not calls:
        raise Skip("no numbers of this machine")
    path = os.path.join(bed.directory, "profile.json")

    def answers_of(name, profile, *lines):
        write(path, profile if isinstance(profile, str) else json.dumps(profile))
        return bed.inside(name, "SeccompProfile=" + path, *lines,
                          arguments="try syscall:%d syscall:%d ptrace mount-tmpfs:/tmp" % calls)

    before = bed.inside("plain", arguments="try syscall:%d syscall:%d ptrace mount-tmpfs:/tmp" % calls)
    deny = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["getpriority"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77},
        {"names": ["getrlimit"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_LT"}]}]}
    after = answers_of("denied", deny)
    first, second = ("syscall:%d" % n for n in calls)
    equal((after[first], after[second]), ("EBADFD", "EPERM"), "what is denied")
    equal(after["ptrace"], before["ptrace"], "what the profile says nothing of")
    deny["syscalls"][1]["args"][0]["op"] = "SCMP_CMP_GE"
    equal(answers_of("other", deny)[second], before[second], "arguments that no condition is about")
    allow = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mount"], "action": "SCMP_ACT_ALLOW"}]}
    equal(answers_of("opened", allow), before, "with a profile that allows all")
    closed = {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "syscalls": []}
    write(path, json.dumps(closed))
    bed.unit("closed", "Type=oneshot", "ExecStart=/bin/inside report", "SeccompProfile=" + path)
    bed.ctl("start", "--wait", "closed").expect(127)
    write(path, '{"defaultAction": "SCMP_ACT_FOO"}')
    bed.ctl("start", "closed").expect(5, "SeccompProfile=", "is not an action")
    os.unlink(path)
    os.mkdir(path)
    bed.ctl("start", "closed").expect(5, "SeccompProfile=: cannot read", "directory")
    os.rmdir(path)
    bed.ctl("start", "closed").expect(5, "SeccompProfile=: cannot read", "No such file")


def test_exec_after_manager(bed):
    """What joins a container under a manager that did not start it is as confined: SeccompProfile=, and no set-id files."""
    number = {"x86_64": 140, "aarch64": 141}.get(os.uname().machine)  # getpriority
    if not number:
        raise Skip("no numbers of this machine")
    path, data = os.path.join(bed.directory, "kept.json"), tree(bed, "kept")
    write(path, json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["getpriority"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77}]}))
    program = os.path.join(bed.root, "bin/forbidden")
    if not os.path.exists(program):
        shutil.copy(os.path.join(BUILD, "tests/host/forbidden"), program)
    bed.unit("kept", "ExecStart=/bin/sleep 1000", "SeccompProfile=" + path, "PrivateUsers=no", "BindPaths=%s:/data" % data,
             "DeviceAllow=/dev/kmsg w", "ExecReload=/bin/sh -c 'test -c /dev/kmsg'")
    bed.ctl("start", "kept").expect(0)
    bed.ctl("reload", "kept").expect(0)

    def seen():
        calls = json.loads(bed.ctl("exec", "kept", "/bin/inside", "try", "syscall:%d" % number).expect(0).out)
        ways = json.loads(bed.ctl("exec", "kept", "/bin/forbidden", "try", "chmod:/data", "capability:/data").expect(0).out)
        return list(calls.values()) + list(ways.values())

    first = seen()
    equal(first[0], "EBADFD", "the call that the profile denies")
    equal([word for word in first if word == "ok"], [], "set-id files made")
    os.unlink(path)
    bed.kill_manager()
    bed.start_manager()
    equal(seen(), first, "under the next manager")
    bed.ctl("reload", "kept").expect(0)
    equal(privileged(data), [], "files that run with more than their caller has")


def logged_calls(log):
    """Number and answer of each of inside's calls that the kernel has told since log was opened."""
    lines = []
    while True:
        try:
            lines.append(os.read(log, 8192).decode(errors="replace"))
        except BlockingIOError:
            found = [dict(w.split("=", 1) for w in line.split() if "=" in w) for line in lines if "type=1326" in line]
            return [(int(f["syscall"]), f["code"]) for f in found if f.get("exe") == '"/bin/inside"']
        except BrokenPipeError:  # overwritten meanwhile
            pass


def test_system_call_log(bed):
    """SystemCallLog= makes the kernel tell of a call that is allowed, and only of that."""
    numbers = {"x86_64": (140, 124, 312), "aarch64": (141, 156, 272)}.get(os.uname().machine)  # getpriority, getsid, kcmp
    try:
        log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    except OSError as e:
        raise Skip("the kernel's log cannot be read: " + str(e))
    if not numbers or "log" not in read("/proc/sys/kernel/seccomp/actions_logged").split():
        raise Skip("no numbers of this machine, or the kernel logs no allowed calls")
    watched, other, denied = numbers
    told = []
    try:
        os.lseek(log, 0, os.SEEK_END)
        # The kernel drops what is more than ten lines in five seconds, whoever they are about. That a call was denied it tells in
        # any case: where not even that comes, somebody else gets the lines.
        for _ in range(8):
            bed.inside("told", "SystemCallLog=getpriority", arguments="try syscall:%d syscall:%d syscall:%d" % numbers)
            told += logged_calls(log)
            if (watched, "0x7ffc0000") in told:
                break
            time.sleep(2)
    finally:
        os.close(log)
    if len(told) < 3 and (watched, "0x7ffc0000") not in told:
        raise Skip("what the kernel says of filters hardly comes into its log: %s" % told)
    check((watched, "0x7ffc0000") in told, "the call is not logged: %s" % told)
    check(all(number != other for number, _ in told), "a call is logged that is not named: %s" % told)
    check(all(code != "0x7ffc0000" for number, code in told if number == denied), "a denied call is allowed: %s" % told)


run(__name__)
