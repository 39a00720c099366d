# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a payload sees and may do, told by the payload itself."""

from harness import *

SHOWN_CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
CAP_SYS_ADMIN = 21
CAP_NET_RAW = 13
CAP_CHOWN = 0
AF_ALG, AF_VSOCK, AF_PACKET = 38, 40, 17
SOCK_RAW, SOCK_DGRAM, SOCK_STREAM, SOCK_SEQPACKET = 3, 2, 1, 5


def capabilities(report, which="CapEff"):
    return int(status_of(report)[which], 16)


def mounts(report):
    """target -> (root within its file system, mount options, type, super options)"""
    result = {}
    for line in report["mountinfo"]:
        fields = line.split()
        dash = fields.index("-")
        result[fields[4]] = (fields[3], fields[5].split(","), fields[dash + 1], fields[dash + 3].split(","))
    return result


def attempts(bed, name, operations, *lines):
    return bed.inside(name, *lines, arguments="try " + " ".join(operations))


def refused(results, *but):
    for operation, answer in results.items():
        check(answer != "ok", "%s succeeded inside" % operation)
        check(answer != "no such attempt", operation + " is not known to the inside program")


def test_user_namespace(bed):
    """root inside is an unprivileged range outside."""
    report = bed.inside("default")
    for kind in ("uid", "gid"):
        lines = [line.split() for line in report[kind + "_map"]]
        equal(len(lines), 1, "lines of the %s map" % kind)
        inside, outside, count = (int(n) for n in lines[0])
        equal(inside, 0, "first id inside")
        equal(count, 65536, "count")
        check(0x80000 <= outside < 0x70000000, "base %d is outside the range reserved for containers" % outside)
    equal((report["uid"], report["euid"], report["gid"], report["egid"]), (0, 0, 0, 0), "ids")
    equal(report["groups"], [], "supplementary groups")


def test_user_namespaces_differ(bed):
    """two running containers never share an id."""
    ranges = []
    for name in ("one", "two"):
        bed.start_sleeper(name)
        ranges.append(read("/proc/%d/uid_map" % bed.leader(name)).split()[1])
    check(ranges[0] != ranges[1], "both containers map to %s" % ranges[0])
    equal(bed.property("one", "UIDRangeBase"), ranges[0], "UIDRangeBase")


def test_private_users_modes(bed):
    """PrivateUsers= identity, a fixed base and no."""
    report = bed.inside("fixed", "PrivateUsers=1000000:65536")
    equal(report["uid_map"][0].split(), ["0", "1000000", "65536"], "uid_map")
    report = bed.inside("identity", "PrivateUsers=identity")
    equal(report["uid_map"][0].split()[:2], ["0", "0"], "uid_map")
    check(report["ns_user"] != os.readlink("/proc/self/ns/user"), "identity still is a namespace of its own")
    report = bed.inside("none", "PrivateUsers=no")
    equal(report["ns_user"], os.readlink("/proc/self/ns/user"), "user namespace")


def test_namespaces(bed):
    """every namespace is the container's own."""
    report = bed.inside("default")
    for kind in ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts"):
        link = report["ns_" + kind]
        check(link.startswith(kind + ":["), "%s namespace cannot be read inside: %s" % (kind, link))
        check(link != os.readlink("/proc/self/ns/" + kind), "the %s namespace is the host's" % kind)
    check("0::/" in report["cgroup"], "the cgroup namespace's root is not the payload's cgroup: %s" % report["cgroup"])
    for line in report["cgroup"]:  # a hybrid host has more lines
        check(line.endswith(":/"), "the cgroup namespace shows a path of the host: " + line)


def test_capabilities(bed):
    """the small default set; nothing inheritable, nothing ambient."""
    report = bed.inside("default")
    bounding = capabilities(report, "CapBnd")
    equal(capabilities(report, "CapInh"), 0, "CapInh")
    equal(capabilities(report, "CapAmb"), 0, "CapAmb")
    equal(capabilities(report), bounding, "CapEff of root")
    for name, bit in (("CAP_SYS_ADMIN", 21), ("CAP_SYS_MODULE", 16), ("CAP_SYS_PTRACE", 19), ("CAP_NET_ADMIN", 12),
                      ("CAP_NET_RAW", 13), ("CAP_SYS_RAWIO", 17), ("CAP_DAC_READ_SEARCH", 2), ("CAP_BPF", 39),
                      ("CAP_SYS_BOOT", 22), ("CAP_SYS_TIME", 25), ("CAP_MKNOD", 27), ("CAP_AUDIT_CONTROL", 30),
                      ("CAP_PERFMON", 38)):
        check(not bounding >> bit & 1, "%s is in the default bounding set" % name)


def test_capability_directives(bed):
    """CapabilityBoundingSet=, AddCapability=, DropCapability=, AmbientCapabilities=."""
    report = bed.inside("none", "CapabilityBoundingSet=")
    for which in SHOWN_CAPABILITIES:
        equal(capabilities(report, which), 0, which + " with an empty bounding set")
    report = bed.inside("one", "CapabilityBoundingSet=CAP_CHOWN")
    equal(capabilities(report, "CapBnd"), 1 << CAP_CHOWN, "CapBnd")
    default = capabilities(bed.inside("default"), "CapBnd")
    report = bed.inside("add", "AddCapability=CAP_NET_RAW", "DropCapability=CAP_CHOWN")
    equal(capabilities(report, "CapBnd"), (default | 1 << CAP_NET_RAW) & ~(1 << CAP_CHOWN), "CapBnd")
    report = bed.inside("ambient", "User=1000", "CapabilityBoundingSet=CAP_CHOWN CAP_KILL", "AmbientCapabilities=CAP_CHOWN")
    equal(capabilities(report, "CapAmb"), 1 << CAP_CHOWN, "CapAmb")
    equal(capabilities(report), 1 << CAP_CHOWN, "CapEff of a user")


def test_no_new_privileges(bed):
    """on by default, off when asked."""
    equal(bed.inside("default")["no_new_privs"], 1, "no_new_privs")
    report = bed.inside("off", "NoNewPrivileges=no")
    equal(report["no_new_privs"], 0, "no_new_privs")
    equal(status_of(report)["Seccomp"], "2", "the filter stays with NoNewPrivileges=no")


def test_seccomp_mode(bed):
    """a filter, and one only."""
    status = status_of(bed.inside("default"))
    equal(status["Seccomp"], "2", "Seccomp")
    equal(status["Seccomp_filters"], "1", "Seccomp_filters")


def test_denied_system_calls(bed):
    """the kernel's dangerous doors are shut by default."""
    results = attempts(bed, "default", [
        "mount-tmpfs:/tmp", "mount-proc:/mnt", "bind:/mnt", "remount-rw:/", "setattr-rw:/", "setattr-dev:/", "umount:/proc",
        "unshare-user", "unshare-mount", "unshare-net", "clone-user", "clone3", "setns:/proc/self/ns/net", "keyctl", "add-key",
        "bpf", "perf", "userfaultfd", "io-uring", "open-by-handle", "module", "kexec", "swapon", "acct", "settime", "reboot",
        "tiocsti", "tiocsti-high", "tioclinux", "socket:%d,%d,0" % (AF_PACKET, SOCK_RAW), "socket:%d,%d,0" % (AF_ALG, SOCK_SEQPACKET),
        "socket:%d,%d,0" % (AF_VSOCK, SOCK_STREAM), "socket:2,%d,1" % SOCK_RAW, "mknod:/tmp/node", "hostname:other"])
    refused(results)
    for operation in ("unshare-user", "mount-tmpfs:/tmp", "bpf", "keyctl", "module", "kexec", "swapon", "settime", "acct"):
        equal(results[operation], "EPERM", operation)
    equal(results["clone3"], "ENOSYS", "clone3, so that libc falls back to clone")
    equal(results["tiocsti-high"], "EPERM", "TIOCSTI with high bits (CVE-2019-10063)")


def test_unknown_system_calls(bed):
    """newer than the filter: ENOSYS, so that libraries fall back."""
    results = attempts(bed, "default", ["syscall:999"])
    equal(results["syscall:999"], "ENOSYS", "system call 999")


def test_system_call_filter(bed):
    """SystemCallFilter= with deny-list, errno and SystemCallErrorNumber=."""
    results = attempts(bed, "deny", ["mkdir:/tmp/d", "chroot:/"], "SystemCallFilter=~mkdir mkdirat", "SystemCallErrorNumber=EACCES")
    equal(results["mkdir:/tmp/d"], "EACCES", "mkdir")
    results = attempts(bed, "own", ["mkdir:/tmp/d"], "SystemCallFilter=~mkdir:EXDEV mkdirat:EXDEV")
    equal(results["mkdir:/tmp/d"], "EXDEV", "mkdir")


def test_mount_table(bed):
    """no path of the host shows, the root is read-only, /proc and /sys are guarded."""
    report = bed.inside("default")
    expected = {"/", "/proc", "/sys", "/sys/fs/cgroup", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/log", "/run", "/tmp", "/etc/hosts",
                "/etc/resolv.conf"}
    own_files = {"/dev/log": "log/default", "/etc/hosts": "names/hosts:default", "/etc/resolv.conf": "names/resolv.conf:default"}
    for line in report["mountinfo"]:
        fields = line.split()
        # Field 4 is the file within the host's file system: the kernel tells it of every bind, the root and the manager's own files.
        is_told = fields[4] == "/" or (fields[4] in own_files and os.path.join(bed.runtime, own_files[fields[4]]).endswith(fields[3]))
        shown = " ".join(fields[:3] + fields[4:]) if is_told else line
        check(bed.directory not in shown, "a host path shows: " + line)
        check(fields[4] in expected or fields[4].startswith(("/proc/", "/sys/")), "a mount that nobody asked for: " + line)
        check("shared:" not in line and "master:" not in line, "a mount event could pass: " + line)
    table = mounts(report)
    check("ro" in table["/"][1], "the root is not read-only: %s" % (table["/"],))
    for target, (_, options, kind, _) in table.items():
        check("nosuid" in options or target == "/", "%s (%s) is not nosuid: %s" % (target, kind, options))
    for target, kind in (("/proc", "proc"), ("/sys", "sysfs"), ("/dev", "tmpfs"), ("/dev/pts", "devpts")):
        check(target in table, target + " is not mounted")
        equal(table[target][2], kind, "type of " + target)
    check("nodev" in table["/"][1], "device nodes of the image would work: %s" % (table["/"],))
    check("ro" in table["/sys"][1], "/sys is writable")
    equal(set(report["root"]) - set(os.listdir(bed.root)), set(), "entries of / that are not the image's")


def test_masks(bed):
    """what leaks the host or speaks to it is masked or read-only."""
    candidates = ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sysrq-trigger", "/proc/kallsyms", "/proc/kmsg",
                  "/proc/latency_stats", "/proc/sched_debug", "/proc/interrupts", "/proc/iomem", "/proc/ioports", "/proc/misc",
                  "/sys/kernel/notes", "/sys/kernel/vmcoreinfo", "/sys/kernel/btf/vmlinux", "/sys/power/state"]
    present = [p for p in candidates if os.path.exists(p)]
    results = attempts(bed, "default", ["read:" + p for p in present] + [
        "list:/proc/acpi", "list:/proc/scsi", "list:/sys/firmware", "open-write:/proc/sysrq-trigger",
        "open-write:/proc/sys/kernel/core_pattern", "open-write:/proc/sys/kernel/modprobe", "open-write:/proc/sys/vm/swappiness",
        "open-write:/proc/irq/default_smp_affinity", "open-write:/sys/kernel/uevent_helper", "open-write:/sys/fs/cgroup/cgroup.procs",
        "open-write:/proc/sys/fs/binfmt_misc/register"])
    for operation, answer in results.items():
        if operation in ("read:/proc/kallsyms", "read:/proc/interrupts"):
            continue
        check(answer != "ok", "%s succeeded inside" % operation)
    # Without any module the masks alone hide.
    bare = attempts(bed, "bare", ["read:" + p for p in present] + ["list:/sys/kernel/btf", "list:/sys/kernel/irq", "list:/sys/power"],
                    "MandatoryAccessControl=no")
    equal([operation for operation, answer in bare.items() if answer == "ok" and operation != "read:/proc/kallsyms"], [], "read without a module")
    for path in ("/proc/kcore", "/proc/keys", "/proc/timer_list"):
        if "read:" + path in results:
            check(results["read:" + path] in ("ENODATA", "EACCES", "EPERM"), "%s: %s" % (path, results["read:" + path]))


def test_mount_flags_are_locked(bed):
    """even with CAP_SYS_ADMIN and mount calls allowed, read-only and masks stay."""
    secret = os.path.join(bed.directory, "secret")
    os.makedirs(secret, exist_ok=True)
    write(os.path.join(secret, "file"), "x")
    operations = ["remount-rw:/", "setattr-rw:/", "umount:/", "remount-rw:/bound", "setattr-rw:/bound", "setattr-dev:/bound", "umount:/bound",
                  "umount:/etc/shadow", "umount:/proc/kcore", "umount:/proc/keys", "remount-rw:/proc/sys", "setattr-rw:/proc/sys",
                  "umount:/proc/sys", "unshare-remount-rw:/", "unshare-umount:/etc/shadow", "remount-rw:/sys", "write:/bound/file",
                  "write:/etc/new"]
    os.makedirs(os.path.join(bed.root, "bound"), exist_ok=True)
    # Without Landlock, or any other module: below a ruleset nobody mounts, and nothing else would be tried here.
    lines = ["AddCapability=CAP_SYS_ADMIN", "SystemCallFilter=@system-service @mount", "BindReadOnlyPaths=%s:/bound" % secret,
             "InaccessiblePaths=/etc/shadow"]
    results = attempts(bed, "admin", operations + ["mount-tmpfs:/mnt"], "MandatoryAccessControl=no", *lines)
    equal(results.pop("mount-tmpfs:/mnt"), "ok", "mounting in its own namespace, the proof that the calls get through")
    refused(results)


def test_read_only_root(bed):
    """the root cannot be written; ReadOnly=no lets it."""
    results = attempts(bed, "default", ["write:/etc/x", "mkdir:/x", "write:/bin/busybox"])
    for operation, answer in results.items():
        equal(answer, "EROFS", operation)
    try:
        results = attempts(bed, "writable", ["write:/home/written"], "ReadOnly=no")
        equal(results["write:/home/written"], "ok", "write with ReadOnly=no")
        st = os.stat(os.path.join(bed.root, "home/written"))
        equal((st.st_uid, st.st_gid), (0, 0), "owner on disk of a file written by root inside")
    finally:
        os.unlink(os.path.join(bed.root, "home/written"))


def test_read_only_paths(bed):
    """ReadOnlyPaths= within a writable root."""
    results = attempts(bed, "paths", ["write:/etc/x", "mkdir:/home/made", "open-read:/etc/passwd"], "ReadOnly=no", "ReadOnlyPaths=/etc")
    equal(results, {"write:/etc/x": "EROFS", "mkdir:/home/made": "ok", "open-read:/etc/passwd": "ok"}, "answers")
    os.rmdir(os.path.join(bed.root, "home/made"))


def test_read_write_paths(bed):
    """ReadWritePaths= opens below what is read-only, the more specific path wins, mounts are as their own lines want them."""
    top = os.path.join(bed.root, "data/rw")
    host = os.path.join(bed.directory, "bound")
    for path in ("open/closed", "mounted"):
        os.makedirs(os.path.join(top, path), exist_ok=True)
    os.makedirs(os.path.join(host, "sub"))
    os.symlink("rw/open", os.path.join(bed.root, "data/link"))
    try:
        results = attempts(bed, "root", ["write:/data/rw/open/x", "write:/data/rw/x", "write:/data/rw/open/closed/x", "write:/etc/x"],
                           "ReadWritePaths=/data/rw/open", "ReadOnlyPaths=/data/rw/open/closed")
        equal(list(results.values()), ["ok", "EROFS", "EROFS", "EROFS"], str(results))
        check(os.path.exists(os.path.join(top, "open/x")), "the file was not written to the root on disk")
        results = attempts(bed, "binds", ["write:/data/rw/mounted/x", "write:/data/rw/mounted/sub/x", "write:/data/rw/open/x"],
                           "ReadOnly=no", "ReadOnlyPaths=/data/rw", "BindPaths=%s:/data/rw/mounted" % host,
                           "ReadWritePaths=-/data/nowhere")
        equal(list(results.values()), ["ok", "ok", "EROFS"], str(results))
        results = attempts(bed, "fixed", ["write:/data/rw/mounted/y", "write:/data/rw/mounted/sub/y", "write:/data/rw/y"],
                           "BindReadOnlyPaths=%s:/data/rw/mounted" % host, "ReadWritePaths=/data/rw /data/rw/mounted/sub")
        equal(list(results.values()), ["EROFS", "ok", "ok"], str(results))
        bed.unit("link", "Type=oneshot", "ExecStart=/bin/true", "ReadWritePaths=/data/link")
        contains(bed.ctl("start", "link").expect(1).err, "symbolic link", "the refusal of a link")
    finally:
        os.unlink(os.path.join(bed.root, "data/link"))
        shutil.rmtree(top)
        shutil.rmtree(host)


def test_exec_paths(bed):
    """NoExecPaths= and ExecPaths=, nested, over mounts too, and read-only stays read-only."""
    host = os.path.join(bed.directory, "programs")
    os.makedirs(os.path.join(bed.root, "data/exec"), exist_ok=True)
    os.makedirs(host)
    for path in (os.path.join(bed.root, "data/exec"), os.path.join(bed.root, "home"), host):
        shutil.copy(os.path.join(bed.root, "bin/busybox"), os.path.join(path, "true"))
    try:
        operations = ["execute:/data/exec/true", "execute:/home/true", "execute:/mnt/true", "write:/data/exec/x", "write:/home/x"]
        bind = "BindPaths=%s:/mnt" % host
        equal(list(attempts(bed, "plain", operations, bind).values()), ["ok", "ok", "ok", "EROFS", "EROFS"], "without")
        results = attempts(bed, "none", operations, bind, "NoExecPaths=/", "ExecPaths=/bin /data/exec")
        equal(list(results.values()), ["ok", "EACCES", "EACCES", "EROFS", "EROFS"], str(results))
        results = attempts(bed, "some", operations, bind, "NoExecPaths=/data /mnt", "ExecPaths=-/data/nowhere")
        equal(list(results.values()), ["EACCES", "ok", "EACCES", "EROFS", "EROFS"], str(results))
        results = attempts(bed, "mount", operations, bind + ":noexec", "ExecPaths=/mnt")
        equal(list(results.values()), ["ok", "ok", "ok", "EROFS", "EROFS"], str(results))
    finally:
        shutil.rmtree(host)
        shutil.rmtree(os.path.join(bed.root, "data/exec"))
        os.unlink(os.path.join(bed.root, "home/true"))


def test_address_families(bed):
    """RestrictAddressFamilies= replaces the default set or takes from it."""
    operations = ["socket:1,%d,0" % SOCK_STREAM, "socket:2,%d,0" % SOCK_STREAM, "socket:16,%d,0" % SOCK_RAW,
                  "socket:%d,%d,0" % (AF_ALG, SOCK_SEQPACKET)]
    no = "EAFNOSUPPORT"
    for name, line, expected in (("default", "", ["ok", "ok", "ok", no]),
                                 ("unix", "RestrictAddressFamilies=AF_UNIX", ["ok", no, no, no]),
                                 ("less", "RestrictAddressFamilies=~AF_UNIX", [no, "ok", "ok", no]),
                                 ("none", "RestrictAddressFamilies=none", [no, no, no, no])):
        equal(list(attempts(bed, name, operations, line).values()), expected, line)


def test_inaccessible_paths(bed):
    """files and directories; a missing one is an error unless '-'."""
    results = attempts(bed, "masked", ["read:/etc/shadow", "list:/home", "read:/etc/passwd"], "InaccessiblePaths=/etc/shadow /home -/nowhere")
    check(results["read:/etc/shadow"] != "ok", "the masked file can be read")
    check(results["list:/home"] != "ok", "the masked directory can be listed")
    equal(results["read:/etc/passwd"], "ok", "another file")
    bed.unit("missing", "Type=oneshot", "ExecStart=/bin/true", "InaccessiblePaths=/nowhere")
    result = bed.ctl("start", "missing")
    check(result.code in (1, 5), str(result))
    contains(result.err, "/nowhere", str(result))


def test_bind_paths_idmap(bed):
    """a bind is written with the ids of the inside, nothing is chowned."""
    data = os.path.join(bed.directory, "data")
    os.makedirs(data)
    write(os.path.join(data, "old"), "kept")
    os.chown(os.path.join(data, "old"), 1000, 1000)
    os.chmod(data, 0o777)
    bed.unit("writer", "Type=oneshot", "BindPaths=%s:/data" % data, "ExecStart=/bin/sh -c 'echo root >/data/by-root; stat -c %%u:%%g /data/old >/data/seen'")
    bed.ctl("start", "--wait", "writer").expect(0)
    bed.unit("user", "Type=oneshot", "User=1000", "BindPaths=%s:/data" % data, "ExecStart=/bin/sh -c 'echo user >/data/by-user'")
    bed.ctl("start", "--wait", "user").expect(0)
    owner = lambda name: (os.stat(os.path.join(data, name)).st_uid, os.stat(os.path.join(data, name)).st_gid)
    equal(owner("by-root"), (0, 0), "owner on disk of root's file")
    equal(owner("by-user"), (1000, 1000), "owner on disk of the user's file")
    equal(owner("old"), (1000, 1000), "owner on disk of the old file")
    equal(read(os.path.join(data, "seen")).strip(), "1000:1000", "owner seen inside")
    shutil.rmtree(data)


def test_bind_read_only(bed):
    """files too; the source may be optional."""
    path = os.path.join(bed.directory, "message")
    write(path, "from the host\n")
    results = attempts(bed, "bound", ["read:/etc/shadow", "write:/etc/shadow"], "BindReadOnlyPaths=%s:/etc/shadow -/nowhere/at/all:/mnt" % path)
    equal(results, {"read:/etc/shadow": "ok", "write:/etc/shadow": "EROFS"}, "answers")
    equal(read(path), "from the host\n", "the source")
    os.unlink(path)


def test_bind_source_missing(bed):
    """a missing source refuses the start and names the path and the line."""
    bed.unit("missing", "Type=oneshot", "ExecStart=/bin/true", "BindPaths=/nowhere/at/all:/data")
    result = bed.ctl("start", "missing")
    check(result.code in (1, 5), str(result))
    contains(result.err, "/nowhere/at/all", str(result))
    contains(result.err, "missing.container:5", str(result))


def test_temporary_file_system(bed):
    """TemporaryFileSystem= with its options."""
    report = bed.inside("tmpfs", "TemporaryFileSystem=/data:size=1M,mode=0700 /home:ro,noexec")
    table = mounts(report)
    equal(table["/data"][2], "tmpfs", "type of /data")
    check("size=1024k" in table["/data"][3], "size: %s" % (table["/data"],))
    check("mode=700" in table["/data"][3], "mode: %s" % (table["/data"],))
    check("nosuid" in table["/data"][1] and "nodev" in table["/data"][1], "flags: %s" % (table["/data"],))
    check("ro" in table["/home"][1] and "noexec" in table["/home"][1], "flags: %s" % (table["/home"],))
    results = attempts(bed, "write", ["write:/data/x", "mknod:/data/n", "write:/home/x"], "TemporaryFileSystem=/data:size=1M /home:ro")
    equal((results["write:/data/x"], results["write:/home/x"]), ("ok", "EROFS"), "writes")


def test_symlinks_in_the_image(bed):
    """a link of the image never leads a mount out of the root."""
    victim = os.path.join(bed.directory, "victim")
    os.makedirs(victim)
    write(os.path.join(victim, "file"), "host")
    for name, target in (("absolute", victim), ("relative", "../../../../../../../.." + victim)):
        link = os.path.join(bed.root, "trap-" + name)
        if not os.path.lexists(link):
            os.symlink(target, link)
    for name in ("absolute", "relative"):
        bed.unit(name, "Type=oneshot", "ExecStart=/bin/true", "TemporaryFileSystem=/trap-%s/sub" % name, "ReadOnly=no")
        bed.ctl("start", "--wait", name)
    equal(os.listdir(victim), ["file"], "the host's directory")
    check(victim not in read("/proc/self/mountinfo"), "something was mounted on the host")
    for name in ("absolute", "relative"):
        os.unlink(os.path.join(bed.root, "trap-" + name))
    shutil.rmtree(victim)
    leftover = os.path.join(bed.root, victim.lstrip("/"))
    if os.path.isdir(leftover):
        shutil.rmtree(leftover)


def test_devices(bed):
    """/dev holds the harmless ones only, and they work."""
    report = bed.inside("default")
    for name in ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "fd", "stdin", "stdout", "stderr"):
        check(name in report["dev"], "/dev/%s is missing" % name)
    extra = set(report["dev"]) - {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "fd", "stdin", "stdout",
                                  "stderr", "mqueue", "core", "console", "log", "net", "char", "block"}
    equal(extra, set(), "other entries of /dev")
    results = attempts(bed, "use", ["write:/dev/null", "read:/dev/urandom", "read:/dev/zero", "write:/dev/shm/x"])
    equal(set(results.values()), {"ok"}, str(results))


def test_hostname(bed):
    """the container's name by default, Hostname= otherwise."""
    equal(bed.inside("plainname")["hostname"], "plainname", "hostname")
    equal(bed.inside("named", "Hostname=other.example")["hostname"], "other.example", "hostname")
    check(socket.gethostname() not in ("plainname", "other.example"), "the host's own name has changed")


def test_environment(bed):
    """exactly what the unit says and what is promised, nothing of the manager."""
    def environment(name, *lines):
        return dict(v.split("=", 1) for v in bed.inside(name, *lines)["environment"])

    default = environment("default")
    equal(default.get("container"), "bulwark", "container=")
    check("PATH" in default, "PATH is missing")
    allowed = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "container", "container_uuid", "INVOCATION_ID", "LANG"}
    equal(set(default) - allowed, set(), "variables nobody asked for")
    file = os.path.join(bed.directory, "variables")
    write(file, "FROM_FILE='a b'\n# comment\nBOTH=file\n")
    own = environment("own", 'Environment=ONE=1 "TWO=2 and more" BOTH=unit', "EnvironmentFile=" + file, "EnvironmentFile=-/nowhere.env",
                      "UnsetEnvironment=PATH")
    expected = dict(default, ONE="1", TWO="2 and more", FROM_FILE="a b", BOTH="file")
    del expected["PATH"]
    for variables in (own, expected):
        variables.pop("INVOCATION_ID", None)
    equal(own, expected, "environment")
    os.unlink(file)


def test_descriptors(bed):
    """0, 1, 2 and not one more; stdin is /dev/null."""
    report = bed.inside("default")
    equal(sorted(report["descriptors"]), ["0", "1", "2"], "descriptors")
    check(report["descriptors"]["0"].endswith("/null"), "stdin is " + report["descriptors"]["0"])
    check(report["descriptors"]["1"].startswith("pipe:"), "stdout is " + report["descriptors"]["1"])
    report = bed.inside("two", "ProcessTwo=no")
    equal(sorted(report["descriptors"]), ["0", "1", "2"], "descriptors of a PID 1")


def test_process_context(bed):
    """working directory, umask, session, limits, first process."""
    report = bed.inside("default")
    equal(report["cwd"], "/", "cwd")
    equal(report["umask"], 0o022, "umask")
    equal(report["sid"], report["pid"], "session leader")
    equal(report["pid"], 2, "the payload is process two")
    equal(report["ppid"], 1, "its parent is the init")
    check(bed.directory not in report["exe_1"] and "/" + "work" not in report["exe_1"], "PID 1's exe shows a host file: " + report["exe_1"])
    check(not any(BUILD in word for word in report["cmdline_1"]), "PID 1's command line shows the host: %s" % report["cmdline_1"])
    processes = [entry for entry in report["proc"] if entry.isdigit()]
    equal(sorted(processes), ["1", "2"], "processes")
    report = bed.inside("one", "ProcessTwo=no")
    equal(report["pid"], 1, "ProcessTwo=no: the payload is PID 1")
    equal(bed.inside("there", "WorkingDirectory=/etc")["cwd"], "/etc", "cwd")
    equal(bed.inside("optional", "WorkingDirectory=-/nowhere")["cwd"], "/", "cwd")


def test_user_and_group(bed):
    """User=, Group= and SupplementaryGroups= by number and by the container's names."""
    report = bed.inside("name", "User=user")
    equal((report["uid"], report["gid"]), (1000, 1000), "ids")
    equal(sorted(set(report["groups"]) - {1000}), [2000], "groups that the container's group file names")
    report = bed.inside("number", "User=1234", "Group=55", "SupplementaryGroups=extra 66")
    equal((report["uid"], report["euid"], report["gid"]), (1234, 1234, 55), "a number is a number, never a name (CVE-2016-3697)")
    equal(sorted(set(report["groups"]) - {55}), [66, 2000], "supplementary groups")
    equal(capabilities(report), 0, "CapEff of a user")
    results = attempts(bed, "stay", ["setuid:0", "write:/etc/x", "setgroups:0"], "User=user")
    refused(results)
    bed.unit("nobody", "Type=oneshot", "ExecStart=/bin/true", "User=nosuchuser")
    bed.ctl("start", "nobody").expect(5, "nosuchuser", "User=")


def test_private_network(bed):
    """only a loopback, and it is up; PrivateNetwork=no shows the host's."""
    report = bed.inside("default")
    equal(report["interfaces"], {"lo": "up"}, "interfaces")
    results = attempts(bed, "use", ["bind-port:8080", "connect:127.0.0.1", "connect:192.0.2.1"])
    equal(results["bind-port:8080"], "ok", "bind")
    equal(results["connect:127.0.0.1"], "ok", "connect to the loopback")
    equal(results["connect:192.0.2.1"], "ENETUNREACH", "connect to the world")
    report = bed.inside("open", "PrivateNetwork=no")
    equal(report["ns_net"], os.readlink("/proc/self/ns/net"), "network namespace")


def test_no_tracing_of_the_init(bed):
    """the keeper's init cannot be traced or entered by the payload."""
    results = attempts(bed, "trace", ["ptrace:1", "open-write:/proc/1/mem", "open-read:/proc/1/environ"], "AddCapability=CAP_SYS_PTRACE",
                       "SystemCallFilter=@system-service @debug")
    report = bed.inside("look")
    check(results["open-write:/proc/1/mem"] != "ok" or "memfd" in report["exe_1"], str(results))


def test_boot(bed):
    """Boot=yes: the init of the image is PID 1 with a writable /run, /tmp and its own cgroup."""
    path = os.path.join(bed.out, "boot")
    root = os.path.join(bed.directory, "bootable")
    shutil.copytree(bed.root, root, symlinks=True)
    os.makedirs(os.path.join(root, "sbin"))
    write(os.path.join(root, "sbin/init"), "#!/bin/sh\nexec /bin/inside report\n", 0o755)
    bed.unit("boot", raw="[Container]\nRootDirectory=%s\nBoot=yes\nStandardOutput=truncate:%s\n" % (root, path))
    bed.ctl("start", "--wait", "boot").expect(0)
    report = wait_until(lambda: parse_json(path), "a report in " + path, 5)
    equal(report["pid"], 1, "pid")
    table = mounts(report)
    check("/run" in table and table["/run"][2] == "tmpfs", "/run: %s" % (table.get("/run"),))
    check("rw" in table["/sys/fs/cgroup"][1], "/sys/fs/cgroup is not writable: %s" % (table.get("/sys/fs/cgroup"),))
    equal(dict(v.split("=", 1) for v in report["environment"]).get("container"), "bulwark", "container=")
    # reboot(2): an end with code 0, the same container once more, and no loop
    init = "#!/bin/sh\n[ ! -e /again ] || exec sleep 1000\nsleep %s\ntouch /again\nexec /bin/busybox %s -f\n"
    bed.unit("boot", raw="[Container]\nRootDirectory=%s\nBoot=yes\nReadOnly=no\n" % root)
    write(os.path.join(root, "sbin/init"), init % ("0", "poweroff"), 0o755)
    bed.ctl("start", "--wait", "boot").expect(0)
    equal((bed.active("boot"), bed.property("boot", "ExecMainCode")), ("inactive", "1"), "after the power-off")
    os.unlink(os.path.join(root, "again"))
    write(os.path.join(root, "sbin/init"), init % ("0", "reboot"), 0o755)
    bed.ctl("start", "--wait", "boot").expect(129)
    contains(bed.property("boot", "LastError"), "reboot", "LastError of a loop")
    os.unlink(os.path.join(root, "again"))
    write(os.path.join(root, "sbin/init"), init % ("1.2", "reboot"), 0o755)
    bed.ctl("start", "boot").expect(0)
    first = bed.property("boot", "InvocationID")
    wait_until(lambda: bed.property("boot", "InvocationID") != first, "the reboot")
    bed.wait_active("boot", "active")
    bed.ctl("kill", "-s", "9", "boot").expect(0)
    bed.unit("both", "Boot=yes", "ExecStart=/bin/true")
    bed.ctl("start", "both").expect(5, "ExecStart=", "Boot=yes")
    shutil.rmtree(root)


run(__name__)
