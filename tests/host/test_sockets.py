# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sockets that are open before the container runs: ListenStream=, ListenDatagram=, ListenSequentialPacket=, StartOn=."""

import grp
import threading

from harness import *
from speaker import *

# Answers each connection with its number of life (kept in a descriptor that is stored), its pid and what it was passed.
SERVER = """
import os, socket, sys, time
fds = int(os.environ["LISTEN_FDS"])
assert os.environ["LISTEN_PID"] == str(os.getpid())
names = os.environ["LISTEN_FDNAMES"]
s = socket.socket(fileno=3)
while True:
    c, _ = s.accept()
    word = c.recv(64).decode().strip()
    c.sendall(("%s %d %s\\n" % (word, fds, names)).encode())
    c.close()
    if word == "end": sys.exit(0)
    if word == "fail": sys.exit(3)
"""


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def server(bed, name, *lines, program=SERVER, head=""):
    if not os.path.exists(PYTHON):
        raise Skip(PYTHON + " is not installed")
    for directory in ("usr", "lib", "lib64"):
        os.makedirs(os.path.join(bed.root, directory), exist_ok=True)
    write(os.path.join(bed.root, "data", name + ".py"), program)
    bed.unit(name, "ExecStart=%s -u /data/%s.py" % (PYTHON, name), HOST, *lines, head=head)


def ask(address, word="hello", kind=socket.SOCK_STREAM, timeout=20):
    family = socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX
    with socket.socket(family, kind) as s:
        s.settimeout(timeout * SLOWNESS)
        s.connect(address)
        s.sendall((word + "\n").encode())
        return s.recv(256).decode().strip()


def refused(address):
    try:
        ask(address)
    except (ConnectionRefusedError, FileNotFoundError):
        return True
    return False


def sub(bed, name):
    return bed.property(name, "SubState")


def wait_sub(bed, name, state):
    wait_until(lambda: sub(bed, name) == state, "%s to be %s, is %s" % (name, state, sub(bed, name)))


def test_connection_starts_it(bed):
    """A start opens the socket; the first connection starts the program, and after its end the next one does so again."""
    port = free_port()
    server(bed, "web", "ListenStream=127.0.0.1:%d" % port)
    check(refused(("127.0.0.1", port)), "somebody listens before the start")
    bed.ctl("start", "web").expect(0)
    equal((bed.active("web"), sub(bed, "web"), bed.leader("web")), ("active", "listening", 0), "after the start")
    equal(ask(("127.0.0.1", port)), "hello 1 web.container", "the answer")
    equal((bed.active("web"), sub(bed, "web")), ("active", "running"), "after the connection")
    first = bed.leader("web")
    equal(ask(("127.0.0.1", port), "end"), "end 1 web.container", "the answer")
    wait_sub(bed, "web", "listening")
    equal(bed.property("web", "Result"), "success", "Result")
    equal(ask(("127.0.0.1", port), "fail"), "fail 1 web.container", "the answer of the next life")
    wait_sub(bed, "web", "listening")
    equal((bed.property("web", "Result"), bed.property("web", "ExecMainStatus")), ("exit-code", "3"), "a bad end")
    equal(ask(("127.0.0.1", port)), "hello 1 web.container", "and it is started again")
    check(bed.leader("web") not in (0, first), "the same process")
    bed.ctl("stop", "web").expect(0)
    equal(bed.active("web"), "inactive", "after the stop")
    check(refused(("127.0.0.1", port)), "somebody listens after the stop")


# Says whether its socket blocks, and leaves it the other way round.
BLOCKS = """
import os
text = "blocks" if os.get_blocking(3) else "does not block"
os.set_blocking(3, text != "blocks")
open("/data/said", "w").write(text)
"""


def test_non_blocking(bed):
    """NonBlocking= says how the sockets are passed, whatever the life before has made of them."""
    for value, expected in (("", "blocks"), ("NonBlocking=no", "blocks"), ("NonBlocking=yes", "does not block")):
        port = free_port()
        server(bed, "web", "ListenStream=127.0.0.1:%d" % port, "StartOn=start", "Type=oneshot", "RemainAfterExit=yes", "ReadOnly=no",
               value, program=BLOCKS)
        os.chmod(os.path.join(bed.root, "data"), 0o777)
        said = os.path.join(bed.root, "data", "said")
        bed.ctl("start", "web").expect(0)
        equal(read(said), expected, value)
        os.unlink(said)
        bed.ctl("restart", "web").expect(0)
        equal(read(said), expected, value + " in the second life")
        bed.ctl("stop", "web").expect(0)
        os.unlink(said)


def test_manager_missing(bed):
    """While there is no manager no connection is refused: it waits, and starts the program when one is there again."""
    port = free_port()
    server(bed, "web", "ListenStream=127.0.0.1:%d" % port)
    bed.ctl("start", "web").expect(0)
    bed.kill_manager()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(ask(("127.0.0.1", port)))) for _ in range(5)]
    for t in threads:
        t.start()
    time.sleep(0.3)
    equal(answers, [], "answers without a manager")
    bed.start_manager()
    for t in threads:
        t.join()
    equal(answers, ["hello 1 web.container"] * 5, "answers")
    leader = bed.leader("web")
    bed.kill_manager()
    equal(ask(("127.0.0.1", port)), "hello 1 web.container", "an answer of the program itself")
    os.kill(leader, signal.SIGKILL)
    waiting = threading.Thread(target=lambda: answers.append(ask(("127.0.0.1", port), "again")))
    time.sleep(0.2)
    waiting.start()
    time.sleep(0.2)
    bed.start_manager()
    waiting.join()
    equal(answers[-1], "again 1 web.container", "what came between two managers and two lives")
    bed.kill_manager()
    bed.start_manager()
    equal(sub(bed, "web"), "running", "it runs")
    bed.ctl("stop", "web").expect(0)
    check(refused(("127.0.0.1", port)), "somebody listens after the stop")


def test_another_program(bed):
    """daemon-reexec of the manager keeps what listens and what is stored."""
    port = free_port()
    server(bed, "web", "ListenStream=127.0.0.1:%d" % port, "FileDescriptorStoreMax=4", program="""
import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
if "LISTEN_FDS" in os.environ and os.environ["LISTEN_FDS"] == "1":
    socket.send_fds(s, [b"FDSTORE=1\\nFDNAME=kept"], [os.memfd_create("x")])
""" + SERVER.replace("socket.socket(fileno=3)", "socket.socket(fileno=3); s.settimeout(None)"))
    bed.ctl("start", "web").expect(0)
    bed.ctl("daemon-reexec").expect(0)
    equal(sub(bed, "web"), "listening", "SubState")
    equal(ask(("127.0.0.1", port), "end"), "end 1 web.container", "an answer")
    wait_sub(bed, "web", "listening")
    bed.ctl("daemon-reexec").expect(0)
    equal((sub(bed, "web"), bed.property("web", "NFileDescriptorStore")), ("listening", "1"), "what is kept")
    equal(ask(("127.0.0.1", port)), "hello 2 web.container:kept", "an answer of the next life")
    bed.ctl("stop", "web").expect(0)


def test_keeper_missing(bed):
    """A keeper that died is told anew what is open."""
    port = free_port()
    server(bed, "web", "ListenStream=127.0.0.1:%d" % port)
    bed.ctl("start", "web").expect(0)
    old = bed.keeper_pid()
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: set(bed.keeper_pids()) - {old}, "another keeper", 20)
    wait_until(lambda: "connected to the keeper again" in read(bed.log), "the connection")
    bed.kill_manager()
    bed.start_manager()
    equal(sub(bed, "web"), "listening", "SubState")
    equal(ask(("127.0.0.1", port)), "hello 1 web.container", "an answer")
    bed.ctl("stop", "web").expect(0)


def test_restart_refuses_nobody(bed):
    """Not one of many connections is refused or lost while the container is restarted again and again."""
    port = free_port()
    server(bed, "web", "ListenStream=127.0.0.1:%d" % port, "StartOn=start", "KillSignal=SIGKILL")
    bed.ctl("start", "web").expect(0)
    equal(sub(bed, "web"), "running", "with StartOn=start")
    over, errors, count = threading.Event(), [], [0]

    def knock():
        while not over.is_set():
            try:
                with socket.create_connection(("127.0.0.1", port), 20 * SLOWNESS):
                    count[0] += 1
            except OSError as e:
                errors.append(str(e))
            time.sleep(0.002)

    thread = threading.Thread(target=knock)
    thread.start()
    try:
        for i in range(100):
            bed.ctl("restart", "web").expect(0)
            if i >= 4 and count[0] > 50:
                break
        bed.kill_manager()
        bed.start_manager()
        bed.ctl("restart", "web").expect(0)
    finally:
        over.set()
        thread.join()
    equal(errors, [], "of %d connections" % count[0])
    check(count[0] > 50, "only %d connections" % count[0])
    bed.ctl("stop", "web").expect(0)
    check(refused(("127.0.0.1", port)), "somebody listens after the stop")


def test_paths(bed):
    """A path has mode, owner and directories as the unit says; what is stale is taken away, who lives is not."""
    directory = os.path.join(bed.out, "deep", "er")
    path = os.path.join(directory, "web.socket")
    group = grp.getgrgid(1).gr_name
    lines = ("ListenStream=" + path, "SocketMode=0620", "SocketUser=1", "SocketGroup=" + group, "DirectoryMode=0711")
    server(bed, "web", *lines, "RemoveOnStop=yes")
    bed.ctl("start", "web").expect(0)
    st = os.stat(path)
    equal((oct(st.st_mode & 0o7777), st.st_uid, st.st_gid), ("0o620", 1, 1), "the socket")
    equal(oct(os.stat(directory).st_mode & 0o7777), "0o711", "its directory")
    equal(ask(path), "hello 1 web.container", "the answer")
    bed.ctl("restart", "web").expect(0)
    check(os.path.exists(path), "the path went with a restart")
    bed.ctl("stop", "web").expect(0)
    check(not os.path.exists(path), "RemoveOnStop= left the path")
    server(bed, "web", *lines)
    bed.ctl("start", "web").expect(0)
    bed.ctl("stop", "web").expect(0)
    check(os.path.exists(path), "the path went without RemoveOnStop=")
    bed.ctl("start", "web").expect(0)
    equal(ask(path), "hello 1 web.container", "over a stale path")
    server(bed, "thief", "ListenStream=" + path)
    bed.ctl("start", "thief").expect(1, "thief.container:5: ListenStream=: somebody else has '%s' already" % path)
    equal(bed.property("thief", "Result"), "resources", "Result")
    equal(ask(path), "hello 1 web.container", "whose it was")
    server(bed, "thief", "ListenStream=%s.first %s" % (path, path))
    bed.ctl("start", "thief").expect(1, "somebody else has")
    check(not os.path.exists(path + ".first"), "of a start that failed a path stays")
    bed.ctl("stop", "web").expect(0)
    write(path + ".file", "precious")
    server(bed, "thief", "ListenStream=" + path + ".file")
    bed.ctl("start", "thief").expect(1, "somebody else has")
    equal(read(path + ".file"), "precious", "a file at the path")


KINDS = """
import os, socket, sys
names = os.environ["LISTEN_FDNAMES"]
kinds = [socket.socket(fileno=3 + i) for i in range(int(os.environ["LISTEN_FDS"]))]
stream, datagram, packet = kinds
assert (stream.type, datagram.type, packet.type) == (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET)
assert all(s.getblocking() for s in kinds)
data, peer = datagram.recvfrom(64)
print("got", data.decode(), names)
for s in kinds: s.setblocking(False)
c, _ = packet.accept() if data == b"wait" else (None, None)
"""


def test_kinds(bed):
    """Datagrams, packets and abstract names; the program gets all of them in the documented order, blocking ones."""
    port = free_port(socket.SOCK_DGRAM)
    name = "\0bulwark-test-%d" % os.getpid()
    server(bed, "web", "ListenSequentialPacket=@" + name[1:], "ListenDatagram=127.0.0.1:%d" % port,
           "ListenStream=" + os.path.join(bed.out, "kinds.socket"), "FileDescriptorName=mine", program=KINDS)
    bed.ctl("start", "web").expect(0)
    for word in "one", "two":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(word.encode(), ("127.0.0.1", port))
        wait_until(lambda: "got %s mine:mine:mine" % word in bed.logs("web"), "the datagram")
        wait_sub(bed, "web", "listening")
        equal(bed.property("web", "Result"), "success", "Result")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.connect(name)
        wait_sub(bed, "web", "running")
    bed.ctl("stop", "web").expect(0)


def test_ipv6_and_backlog(bed):
    """A port alone is of IPv6 and IPv4 unless BindIPv6Only= says otherwise; Backlog= is how many may wait."""
    port, path = free_port(), os.path.join(bed.out, "short.socket")
    if not os.path.exists("/proc/sys/net/ipv6/bindv6only") or read("/proc/sys/net/ipv6/conf/lo/disable_ipv6").strip() != "0":
        raise Skip("the host has no IPv6")
    for mode, both in ("both", True), ("ipv6-only", False):
        server(bed, mode, "ListenStream=%d" % port, "BindIPv6Only=" + mode)
        bed.ctl("start", mode).expect(0)
        socket.create_connection(("::1", port)).close()
        equal(refused(("127.0.0.1", port)), not both, "by IPv4, with " + mode)
        bed.ctl("stop", mode).expect(0)
    server(bed, "short", "ListenStream=" + path, "Backlog=2")
    bed.ctl("start", "short").expect(0)
    bed.kill_manager()
    waiting = [socket.socket(socket.AF_UNIX) for _ in range(4)]
    for s in waiting:
        s.setblocking(False)
    for s in waiting[:3]:
        s.connect(path)
    try:
        waiting[3].connect(path)
        raise Failure("one more than Backlog= waits")
    except BlockingIOError:
        pass
    for s in waiting:
        s.close()
    bed.start_manager()
    bed.ctl("stop", "short").expect(0)


BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>systemd:</listen><auth>ANONYMOUS</auth><allow_anonymous/>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"""


def test_program_of_others(bed):
    """dbus-daemon takes the socket as systemd's would: nothing about the payload was made for this."""
    if not os.path.exists("/usr/bin/dbus-daemon") or not shutil.which("dbus-send"):
        raise Skip("dbus-daemon and dbus-send are not installed")
    path = os.path.join(bed.out, "bus.socket")
    server(bed, "bus", "ExecStart=", "ExecStart=/usr/bin/dbus-daemon --nofork --nopidfile --config-file=/data/bus.conf",
           "ListenStream=" + path)
    write(os.path.join(bed.root, "data", "bus.conf"), BUS)
    bed.ctl("start", "bus").expect(0)
    for _ in range(2):
        done = bed.run(["dbus-send", "--bus=unix:path=" + path, "--print-reply", "--dest=org.freedesktop.DBus",
                        "/org/freedesktop/DBus", "org.freedesktop.DBus.ListNames"])
        done.expect(0, "org.freedesktop.DBus")
        os.kill(bed.leader("bus"), signal.SIGKILL)
        wait_sub(bed, "bus", "listening")
    bed.ctl("stop", "bus").expect(0)


def test_limits(bed):
    """A program that never takes what waits is not started without end, and then its sockets are shut."""
    port = free_port()
    lines = ("ListenStream=127.0.0.1:%d" % port, "TriggerLimitIntervalSec=1min", "TriggerLimitBurst=3")
    server(bed, "web", *lines, program="pass\n")
    bed.ctl("start", "web").expect(0)
    with socket.create_connection(("127.0.0.1", port)):
        bed.wait_active("web", "failed")
    equal(bed.property("web", "Result"), "trigger-limit-hit", "Result")
    contains(bed.property("web", "LastError"), "its sockets started it 3 times in 1min")
    check(refused(("127.0.0.1", port)), "a socket stayed open")
    bed.unit("often", "ExecStart=/bin/true", *lines[:1], start_limit=True)
    bed.ctl("start", "often").expect(0)
    with socket.create_connection(("127.0.0.1", port)):
        bed.wait_active("often", "failed")
    equal(bed.property("often", "Result"), "start-limit-hit", "Result")
    check(refused(("127.0.0.1", port)), "a socket stayed open")


def test_refused_units(bed):
    """What could not work is said with its line, before anything is opened."""
    for lines, words in (
            (("ListenStream=80", "RestrictAddressFamilies=AF_UNIX"), ("ListenStream=: '80' is a socket of AF_INET6", "web.container:5")),
            (("ListenSequentialPacket=80",), ("only a /PATH or @NAME",)),
            (("ListenStream=@a", "ListenStream=@a"), ("stands twice",)),
            (("SocketUser=nobody-of-that-name", "ListenStream=" + os.path.join(bed.out, "x")), ("the host has no user",)),
            (("Accept=yes",), ("leave the line out",))):
        bed.unit("web", "ExecStart=/bin/true", *lines)
        result = bed.ctl("start", "web")
        check(result.code != 0, "started with %s" % (lines,))
        for word in words:
            contains(result.err, word)


def test_probe_and_changes(bed):
    """The probe knows the sockets; a changed unit keeps what it still has, and opens and shuts the rest."""
    a, b, c = free_port(), free_port(), free_port()
    server(bed, "web", "VerifyOnStart=enforce", "ListenStream=127.0.0.1:%d 127.0.0.1:%d" % (a, b), "KillSignal=SIGKILL")
    bed.ctl("start", "web").expect(0)
    equal(ask(("127.0.0.1", a)), "hello 2 web.container:web.container", "an answer")
    bed.ctl("probe", "web").expect(0)
    server(bed, "web", "ListenStream=127.0.0.1:%d 127.0.0.1:%d" % (c, a), "KillSignal=SIGKILL")
    bed.ctl("restart", "web").expect(0)
    equal(sub(bed, "web"), "listening", "after a restart")
    check(refused(("127.0.0.1", b)), "a socket that is in the unit no more")
    equal(ask(("127.0.0.1", c)), "hello 2 web.container:web.container", "the new one")
    bed.ctl("stop", "web").expect(0)


def test_what_a_socket_opens(bed):
    """As the manual says: of a socket that listens the program can make one that connects on the host, where SELinux does not
    withhold it; its own network leads nowhere."""
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as host:
        there = host.getsockname()
        server(bed, "web", "ListenStream=127.0.0.1:%d" % port, program="""
import socket, time
def attempt(s):
    try:
        s.connect(("127.0.0.1", %d))
        return "connected"
    except OSError as e:
        return e.strerror
s = socket.socket(fileno=3)
s.shutdown(socket.SHUT_RD)
print("result:", attempt(socket.socket()), "and", attempt(s))
time.sleep(1000)
""" % there[1])
        bed.ctl("start", "web").expect(0)
        with socket.create_connection(("127.0.0.1", port)):
            wait_until(lambda: "result:" in bed.logs("web"), "the attempt")
    selinux = "selinux" in bed.property("web", "MACBackends")
    contains(bed.logs("web"), "result: Connection refused and " + ("Permission denied" if selinux else "connected"))
    bed.ctl("stop", "web").expect(0)


def test_failure_follows(bed):
    """An end of the program has its consequences although the container goes on listening."""
    port = free_port()
    bed.unit("helper", "ExecStart=/bin/sleep 1000")
    server(bed, "web", "ListenStream=127.0.0.1:%d" % port, head="[Unit]\nOnFailure=helper\n")
    bed.ctl("start", "web").expect(0)
    equal(ask(("127.0.0.1", port), "end"), "end 1 web.container", "an answer")
    wait_sub(bed, "web", "listening")
    equal(bed.active("helper"), "inactive", "after a good end")
    ask(("127.0.0.1", port), "fail")
    bed.wait_active("helper", "active")
    bed.ctl("stop", "web", "helper").expect(0)


run(__name__)
