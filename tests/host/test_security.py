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


run(__name__)
