# SPDX-License-Identifier: LGPL-2.1-or-later
"""What Landlock denies by itself: also with the protections of the mounts left out of the plan."""

from harness import *

SOCK_STREAM = 1
IPPROTO_MPTCP = 262
ADMIN = ("AddCapability=CAP_SYS_ADMIN", "SystemCallFilter=@default-container @mount")


def abi(bed):
    """Of the kernel's Landlock; a host without it cannot show anything here."""
    bed.start_sleeper("asked")
    version = int(bed.property("asked", "LandlockABI"))
    bed.ctl("kill", "-s", "KILL", "asked")
    if version == 0:
        raise Skip("this kernel has no Landlock")
    return version


def attempts(bed, name, operations, *lines):
    return bed.inside(name, *lines, arguments="try " + " ".join(operations))


def restart(bed, *omitted):
    """A manager that leaves kinds of steps out of every plan."""
    bed.stop_manager()
    bed.start_manager(*(["env", "BULWARK_TEST_OMIT_STEPS=" + ",".join(omitted)] if omitted else []))


def test_alone(bed):
    """read-only, no-exec and inaccessible hold with every mount writable and nothing masked."""
    version = abi(bed)
    host = os.path.join(bed.directory, "bound")
    programs = os.path.join(bed.root, "data/programs")
    os.makedirs(host)
    os.makedirs(programs)
    write(os.path.join(host, "file"), "kept")
    shutil.copy(os.path.join(bed.root, "bin/busybox"), os.path.join(programs, "true"))
    # Without ids of its own: the mounts that map them are among those that are left out.
    lines = ("PrivateUsers=no", "InaccessiblePaths=/etc/shadow /home", "NoExecPaths=/data/programs", "BindReadOnlyPaths=%s:/mnt" % host)
    denied = ["write:/etc/landlock", "mkdir:/landlock", "open-write:/etc/group", "read:/etc/shadow", "read:/home/secret",
              "execute:/data/programs/true", "open-write:/mnt/file", "write:/mnt/new"] + ["truncate:/mnt/file"] * (version >= 3)
    allowed = ["read:/etc/passwd", "read:/mnt/file", "read:/data/programs/true", "execute:/bin/true", "write:/run/x", "write:/tmp/x",
               "write:/dev/shm/x", "write:/dev/null", "list:/etc"]
    write(os.path.join(bed.root, "home/secret"), "secret")
    try:
        restart(bed, "set-attributes", "attach-mask", "landlock-restrict")
        results = attempts(bed, "control", allowed + denied, *lines)
        equal(set(results.values()), {"ok"}, "without Landlock either, the proof that nothing else denies: %s" % results)
        shutil.rmtree(os.path.join(bed.root, "landlock"))
        for path in (os.path.join(bed.root, "etc/landlock"), os.path.join(host, "new")):
            os.unlink(path)
        write(os.path.join(host, "file"), "kept")
        restart(bed, "set-attributes", "attach-mask")
        results = attempts(bed, "alone", denied, *lines)
        equal(results, {operation: "EACCES" for operation in denied}, "answers")
        results = attempts(bed, "open", allowed, *lines)
        equal(set(results.values()), {"ok"}, str(results))
        bed.start_sleeper("joined", *lines)
        results = bed.exec_inside("joined", "try", *denied)
        equal(results, {operation: "EACCES" for operation in denied}, "answers to exec")
        equal(read(os.path.join(host, "file")), "kept", "the file on the host")
        bed.ctl("kill", "-s", "KILL", "joined")
    finally:
        restart(bed)
        for path in (host, programs, os.path.join(bed.root, "landlock")):
            shutil.rmtree(path, ignore_errors=True)
        os.unlink(os.path.join(bed.root, "home/secret"))


def test_nobody_mounts(bed):
    """CAP_SYS_ADMIN and the calls are there, and neither the payload nor exec can mount, unmount or change the root."""
    abi(bed)
    operations = ["mount-tmpfs:/mnt", "bind:/mnt", "umount:/mnt", "remount-rw:/", "unshare-umount:/proc"]
    results = attempts(bed, "control", operations[:1], "MandatoryAccessControl=no", *ADMIN)
    equal(results, {operations[0]: "ok"}, "without Landlock")
    results = attempts(bed, "beneath", operations, *ADMIN)
    check("ok" not in results.values(), str(results))
    equal(results[operations[0]], "EPERM", operations[0])
    bed.start_sleeper("joined", *ADMIN)
    equal(bed.exec_inside("joined", "try", operations[0]), {operations[0]: "EPERM"}, "exec")
    contains(bed.verify(bed.unit("warned", "ExecStart=/bin/true", *ADMIN)).err, "nobody does", "the warning")


def test_ports(bed):
    """SocketBindDeny= and SocketBindAllow=, in exec too, and what is no TCP but carries it."""
    if abi(bed) < 4:
        equal(attempts(bed, "old", ["bind-port:8080"], "SocketBindDeny=tcp"), {"bind-port:8080": "EPERM"}, "the control group's program alone")
        return
    mptcp = "socket:2,%d,%d" % (SOCK_STREAM, IPPROTO_MPTCP)
    operations = ["bind-port:8080", "bind-port:8081", "bind-port:0", mptcp]
    lines = ("SocketBindDeny=tcp", "SocketBindAllow=tcp:8080 9000-9010")
    expected = dict(zip(operations, ("ok", "EACCES", "EACCES", "EPROTONOSUPPORT")))
    equal(attempts(bed, "some", operations, *lines), expected, "one port allowed")
    bed.start_sleeper("joined", *lines)
    equal(bed.exec_inside("joined", "try", *operations), expected, "the same in exec")
    expected = dict(zip(operations, ("EACCES", "ok", "ok", "EPROTONOSUPPORT")))
    equal(attempts(bed, "one", operations, "SocketBindDeny=tcp:8080"), expected, "one port denied")
    # Where there is no Landlock, the control group's program denies; and Landlock lets alone what is no matter of TCP.
    equal(attempts(bed, "none", ["bind-port:8080"], "SocketBindDeny=tcp", "MandatoryAccessControl=no"), {"bind-port:8080": "EPERM"}, "without Landlock")
    equal(attempts(bed, "datagrams", ["bind-port:53"], "SocketBindDeny=udp:53", "AddCapability=CAP_NET_BIND_SERVICE"), {"bind-port:53": "ok"}, "UDP alone")


def test_scopes(bed):
    """the host's abstract sockets and processes that the payload did not start are out of its reach; exec reaches it."""
    if abi(bed) < 6:
        bed.start_sleeper("old", "PrivateNetwork=no")
        contains(bed.property("old", "MACUnsaid"), "abstract sockets", "what an older ABI cannot say")
        return
    name = "bulwark-%d" % os.getpid()
    operation = "connect-abstract:" + name
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0" + name)
        listener.listen(8)
        results = attempts(bed, "control", [operation], "PrivateNetwork=no", "MandatoryAccessControl=no")
        equal(results, {operation: "ok"}, "without Landlock")
        results = attempts(bed, "beneath", [operation], "PrivateNetwork=no")
        equal(results, {operation: "EPERM"}, "the host's socket")
        bed.start_sleeper("joined", "PrivateNetwork=no")
        equal(bed.exec_inside("joined", "try", operation), {operation: "EPERM"}, "the host's socket from exec")
    equal(attempts(bed, "self", ["kill:1", "kill:2"]), {"kill:1": "EPERM", "kill:2": "ok"}, "signals of the payload")
    equal(bed.exec_inside("joined", "try", "kill:2"), {"kill:2": "ok"}, "signals of exec to the payload")
    killed = bed.ctl("exec", "joined", "/bin/kill", "-TERM", "2").code
    check(killed in (0, 137), "exit code %d, and neither it came through nor the end of the container took it along" % killed)
    wait_until(lambda: bed.active("joined") != "active", "the payload to end by a signal of exec")


def test_what_is_told(bed):
    """the ABI, what is left to the mounts, and a start without any."""
    version = abi(bed)
    data = os.path.join(bed.directory, "spool")
    os.makedirs(os.path.join(data, "fixed"))
    lines = ("BindPaths=%s:/data" % data, "ReadOnlyPaths=/data/fixed")
    bed.start_sleeper("telling", *lines)
    contains(bed.ctl("status", "telling").expect(0).out, "landlock ABI %d" % version, "status")
    contains(bed.property("telling", "MACUnsaid"), "telling.container:5: ReadOnlyPaths=/data/fixed", "MACUnsaid")
    results = bed.exec_inside("telling", "try", "write:/data/fixed/x", "write:/data/x")
    equal(list(results.values()), ["EROFS", "ok"], "the mount that has it: %s" % results)
    path = bed.unit("telling", "ExecStart=/bin/sleep 1000", *lines)
    contains(bed.run([bed.analyze, "policy", "show", "--landlock", path]).expect(0).out, "/data/fixed", "policy show")
    bed.start_sleeper("without", "MandatoryAccessControl=no")
    equal(bed.property("without", "LandlockABI"), "0", "LandlockABI")
    bed.ctl("kill", "-s", "KILL", "telling")
    shutil.rmtree(data)


run(__name__)
