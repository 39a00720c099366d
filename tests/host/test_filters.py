# SPDX-License-Identifier: LGPL-2.1-or-later
"""IPAddressAllow=, IPAddressDeny=, IPAccounting=, SocketBindAllow=, SocketBindDeny=: programs of the control group, tried by traffic.

Each protection is tried with its program and, once the test has taken the program away, without: then the same attempt succeeds,
so that it was the program that denied it. Everything happens in a network namespace of the test's own."""

import ctypes
import platform
import struct

from harness import *

POINTS = re.findall(r'^CRASH_POINT\((\w+),\s*"([a-z-]+)",\s*"filters",', read(os.path.join(SOURCE, "manager/container/registry/crash-points.inc")), re.M)
ATTACH = {"ingress": 0, "egress": 1, "bind4": 8, "bind6": 9}  # enum bpf_attach_type
GET_FD_BY_ID, DETACH, QUERY = 13, 9, 16
LIBC = ctypes.CDLL(None, use_errno=True)
EXACT = ("MandatoryAccessControl=no",)  # without Landlock: what denies is the program alone


def own_network():
    if os.geteuid() == 0 and shutil.which("ip"):
        if LIBC.unshare(0x40000000) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def bpf(command, attr):
    number = {"x86_64": 321, "aarch64": 280}.get(platform.machine())
    if number is None:
        raise Skip("the number of bpf(2) on %s is not known here" % platform.machine())
    buffer = ctypes.create_string_buffer(attr, 128)
    result = LIBC.syscall(number, command, buffer, 128)
    if result < 0:
        raise OSError(ctypes.get_errno(), "bpf %d" % command)
    return result, buffer.raw


def attached(bed, name, kind):
    """The numbers of the programs that the group has itself."""
    ids = (ctypes.c_uint32 * 64)()
    fd = os.open(os.path.join(bed.cgroup, "containers", name), os.O_RDONLY | os.O_DIRECTORY)
    try:
        _, raw = bpf(QUERY, struct.pack("=IIIIQI", fd, ATTACH[kind], 0, 0, ctypes.addressof(ids), 64))
    finally:
        os.close(fd)
    return list(ids)[:struct.unpack_from("=I", raw, 24)[0]]


def take_away(bed, name, kind):
    group = os.open(os.path.join(bed.cgroup, "containers", name), os.O_RDONLY | os.O_DIRECTORY)
    for number in attached(bed, name, kind):
        program, _ = bpf(GET_FD_BY_ID, struct.pack("=I", number))
        bpf(DETACH, struct.pack("=III", group, program, ATTACH[kind]))
        os.close(program)
    os.close(group)


def ready(bed):
    if not shutil.which("ip"):
        raise Skip("iproute2 is not installed")
    program = os.path.join(bed.root, "bin/traffic")
    if not os.path.exists(program):
        shutil.copy(os.path.join(BUILD, "tests/host/traffic"), program)


def tried(bed, name, *attempts):
    return json.loads(bed.ctl("exec", name, "/bin/traffic", *attempts).expect(0).out)


def refuses(bed, name, expected):
    equal(tried(bed, name, *expected), expected, "traffic of " + name)


def opened(bed, name, expected, *kinds):
    """Without the programs everything of it gets through."""
    for kind in kinds:
        check(attached(bed, name, kind), "%s: nothing is attached to %s" % (name, kind))
        take_away(bed, name, kind)
    refuses(bed, name, {attempt: "ok" for attempt in expected})


def test_addresses(bed):
    """IPAddressDeny=, IPAddressAllow=, both families, both directions."""
    ready(bed)
    bed.start_sleeper("deny", "IPAddressDeny=127.0.0.2 ::1", *EXACT)
    denied = {"talk:127.0.0.2:5000": "EPERM", "send:127.0.0.2:5001": "EPERM", "talk:__1:5000": "EPERM", "send:__1:5001": "EPERM"}
    refuses(bed, "deny", {**denied, "talk:127.0.0.1:5000": "ok", "send:127.0.0.3:5000": "ok"})
    take_away(bed, "deny", "egress")
    refuses(bed, "deny", {"talk:127.0.0.1:5000": "ok", "talk:__1:5000": "lost", "send:__1:5001": "ok"})
    opened(bed, "deny", denied, "ingress")
    bed.start_sleeper("only", "IPAddressDeny=any", "IPAddressAllow=127.0.0.0/30", *EXACT)
    refuses(bed, "only", {"talk:127.0.0.1:5000": "ok", "send:127.0.0.3:5000": "ok", "send:127.0.0.4:5000": "EPERM", "send:__1:5000": "EPERM",
                          "connect:127.0.0.1:5001": "ECONNREFUSED", "connect:127.0.0.9:5001": "lost"})
    bed.start_sleeper("nothing", "IPAddressDeny=any")
    refuses(bed, "nothing", {"send:127.0.0.1:5000": "EPERM", "send:__1:5000": "EPERM", "bind-tcp:127.0.0.1:5000": "ok"})
    # A group below, as a manager inside makes them, has no way to take the programs of the group above.
    check(attached(bed, "nothing", "egress") and attached(bed, "nothing", "ingress"), "the programs stand where the container cannot reach")


def test_zone(bed):
    """Between containers, over a link: what is denied is lost on either side."""
    ready(bed)
    listen = "ExecStart=/bin/sh -c 'while true; do echo answer | nc -l -p 80; done'"
    bed.unit("web", "Zone=front", "Address=10.77.0.3/24", listen)
    bed.unit("shut", "Zone=front", "Address=10.77.0.4/24", listen, "IPAddressDeny=10.77.0.5")
    bed.unit("client", "Zone=front", "Address=10.77.0.5/24", "ExecStart=/bin/sleep 1000")
    bed.unit("narrow", "Zone=front", "Address=10.77.0.6/24", "IPAddressDeny=any", "IPAddressAllow=10.77.0.4", "ExecStart=/bin/sleep 1000")
    bed.ctl("start", "web", "shut", "client", "narrow").expect(0)

    def reached(client, address):
        wait_until(lambda: tried(bed, client, "connect:%s:80" % address)["connect:%s:80" % address] == "ok", "%s to reach %s" % (client, address), 20)
    reached("client", "10.77.0.3")
    reached("narrow", "10.77.0.4")
    refuses(bed, "client", {"connect:10.77.0.4:80": "lost"})
    refuses(bed, "narrow", {"connect:10.77.0.3:80": "lost"})
    take_away(bed, "shut", "ingress")
    take_away(bed, "shut", "egress")
    reached("client", "10.77.0.4")


def test_binds(bed):
    """SocketBindDeny=, SocketBindAllow=: both families, both protocols, without Landlock and beside it."""
    ready(bed)
    bed.start_sleeper("udp", "SocketBindDeny=udp", *EXACT)
    denied = {"bind-udp:0.0.0.0:53": "EPERM", "bind-udp:__:53": "EPERM", "bind-udp:127.0.0.1:0": "EPERM"}
    refuses(bed, "udp", {**denied, "bind-tcp:0.0.0.0:53": "ok", "bind-tcp:__:53": "ok"})
    opened(bed, "udp", denied, "bind4", "bind6")
    bed.start_sleeper("both", "SocketBindDeny=any", "SocketBindAllow=tcp:80", *EXACT)
    refuses(bed, "both", {"bind-tcp:0.0.0.0:80": "ok", "bind-tcp:__:80": "ok", "bind-udp:0.0.0.0:80": "EPERM", "bind-tcp:0.0.0.0:81": "EPERM",
                          "bind-tcp:__ffff_127.0.0.1:79": "EPERM", "bind-tcp:127.0.0.1:0": "EPERM"})
    bed.start_sleeper("family", "SocketBindDeny=ipv4:tcp:8000-8999", *EXACT)
    denied = {"bind-tcp:0.0.0.0:8999": "EPERM", "bind-tcp:__ffff_127.0.0.1:8000": "EPERM"}
    refuses(bed, "family", {**denied, "bind-tcp:__1:8999": "ok", "bind-tcp:0.0.0.0:9000": "ok"})
    opened(bed, "family", denied, "bind4", "bind6")
    # Beside Landlock, where there is one: each denies by itself.
    bed.start_sleeper("beside", "SocketBindDeny=tcp", "SocketBindAllow=tcp:80")
    check(tried(bed, "beside", "bind-tcp:0.0.0.0:81")["bind-tcp:0.0.0.0:81"] in ("EPERM", "EACCES"), "port 81 can be bound")
    refuses(bed, "beside", {"bind-tcp:0.0.0.0:80": "ok"})


def test_the_manager_dies(bed):
    """The programs belong to the group: neither manager nor keeper holds them."""
    ready(bed)
    bed.start_sleeper("alone", "IPAddressDeny=any", "SocketBindDeny=any", "IPAccounting=yes", *EXACT)
    before = {kind: attached(bed, "alone", kind) for kind in ATTACH}
    equal([len(ids) for ids in before.values()], [1, 1, 1, 1], "programs")
    bed.kill_manager()
    equal({kind: attached(bed, "alone", kind) for kind in ATTACH}, before, "without a manager")
    bed.start_manager()
    equal({kind: attached(bed, "alone", kind) for kind in ATTACH}, before, "after the manager was killed")
    refuses(bed, "alone", {"send:127.0.0.1:5000": "EPERM", "bind-udp:127.0.0.1:5000": "EPERM"})


def make_crash(name):
    def test(bed):
        ready(bed)
        bed.unit("dying", "ExecStart=/bin/sleep 1000", "IPAddressDeny=any", "SocketBindDeny=any", *EXACT)
        bed.kill_manager()
        bed.start_manager("env", "BULWARK_TEST_CRASH=manager:" + name)
        bed.ctl("start", "dying", timeout=30)
        bed.manager.wait(20 * SLOWNESS)
        procs = os.path.join(bed.cgroup, "containers/dying/payload/cgroup.procs")
        check(not os.path.exists(procs) or not read(procs).split(), "something runs without all of its filters")
        bed.start_manager()
        wait_until(lambda: bed.active("dying") in ("inactive", "failed"), "it to settle")
        bed.ctl("start", "dying").expect(0)
        equal([len(attached(bed, "dying", kind)) for kind in ATTACH], [1, 1, 1, 1], "programs")
        refuses(bed, "dying", {"send:127.0.0.1:5000": "EPERM", "bind-udp:127.0.0.1:5000": "EPERM"})

    test.__name__ = "test_crash_" + name.replace("-", "_")
    test.__doc__ = "The manager dies at %s: nothing runs without its filters" % name
    return test


for _, point in POINTS:
    globals()["test_crash_" + point.replace("-", "_")] = make_crash(point)

own_network()
run(__name__)
