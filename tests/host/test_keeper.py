# SPDX-License-Identifier: LGPL-2.1-or-later
"""The keeper: it becomes a newer version of itself while everything runs, and stops what runs at the end of the host."""

import struct
import sys

from harness import *
from harness import SLOWNESS  # noqa
from speaker import *  # noqa

# KeeperHandshake of manager/keeper/protocol.h
HANDSHAKE = struct.Struct("=IHHiiI44s")
MAGIC, HELLO, REEXEC, ANSWER = 0x31484B42, 0, 1, 2
COUNTS = "ExecStart=/bin/sh -c 'i=0; while true; do i=$$((i+1)); echo count $$i; sleep 0.02; done'"


class Line:
    """A connection to the keeper beside the manager's."""

    def __init__(self, bed):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(20 * SLOWNESS)
        self.socket.connect(os.path.join(bed.runtime, "keeper"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, kind, *fds):
        """(error, pid, containers)"""
        socket.send_fds(self.socket, [HANDSHAKE.pack(MAGIC, kind, 0, 0, 0, 0, b"a test")], list(fds))
        while True:
            data = self.socket.recv(4096)
            check(data, "the keeper closed the connection")
            if len(data) == HANDSHAKE.size:  # else somebody's end
                break
        magic, answer, _, error, pid, containers, release = HANDSHAKE.unpack(data)
        equal((magic, answer), (MAGIC, ANSWER), "head of the answer")
        check(release.rstrip(b"\0"), "no release in the answer")
        return error, pid, containers

    def become(self, path):
        with open(path, "rb") as program:
            return self.ask(REEXEC, program.fileno())


def version(bed, name):
    """A keeper of other bytes that does the same."""
    path = os.path.join(bed.directory, "keeper-" + name)
    if not os.path.exists(path):
        with open(bed.keeper, "rb") as f:
            write(path, f.read() + name.encode(), 0o755)
    return path


def runs(pid, path):
    with open("/proc/%d/exe" % pid, "rb") as a, open(path, "rb") as b:
        return a.read() == b.read()


def whole_count(bed, name):
    """The numbers that were logged, of which none may be missing."""
    numbers = [int(line.split()[-1]) for line in bed.logs(name).splitlines() if "count" in line]
    equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))), "the log of " + name)
    return len(numbers)


def equal_in_time(look, expected, what):
    try:
        wait_until(lambda: look() == expected, what, 5)
    except Failure:
        found = look()
        raise Failure("%s: more %s, less %s" % (what, [f for f in found if f not in expected], [e for e in expected if e not in found])) from None


def test_reexec(bed):
    """with logs, commands, launches and ends under way it becomes another version: same process, nothing lost."""
    bed.unit("log", COUNTS)
    bed.ctl("start", "log").expect(0)
    bed.start_sleeper("web")
    bed.unit("short", "ExecStart=/bin/sh -c 'sleep 0.6; exit 7'")
    bed.unit("fresh", "ExecStart=/bin/sleep 1000")
    before = {k: bed.property("web", k) for k in ("MainPID", "InvocationID", "ControlGroup", "ActiveEnterTimestamp")}
    keeper = bed.keeper_pid()
    with Line(bed) as line:
        equal(line.ask(HELLO), (0, keeper, 2), "hello")
        session = bed.spawn(bed.ctl_command("exec", "web", "sh", "-c", "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.2; done; exit 9"))
        bed.ctl("start", "--no-block", "short").expect(0)
        start = bed.spawn(bed.ctl_command("start", "fresh"))
        for name in ("a", "b", "a"):
            equal(line.become(version(bed, name))[:2], (0, keeper), "the answer of the new one")
            check(runs(keeper, version(bed, name)), "it is not what it should have become")
            time.sleep(0.3)
    equal(session.wait(20 * SLOWNESS), 9, "exit code of the command")
    equal(session.stdout.read().decode().split(), list("12345678"), "its output")
    equal(start.wait(20 * SLOWNESS), 0, "a start under way")
    bed.wait_active("short", "failed")
    equal(bed.property("short", "ExecMainStatus"), "7", "ExecMainStatus of what ended")
    equal({k: bed.property("web", k) for k in before}, before, "properties")
    wait_until(lambda: whole_count(bed, "log") > 20, "the log to go on")
    # What it hands to the next manager is whole, too.
    bed.kill_manager()
    bed.start_manager()
    equal({k: bed.property("web", k) for k in before}, before, "properties as the next manager finds them")
    n = whole_count(bed, "log")
    wait_until(lambda: whole_count(bed, "log") > n, "the log to go on")
    bed.ctl("exec", "fresh", "true").expect(0)
    for name in ("web", "fresh", "log"):
        bed.ctl("stop", name).expect(0)


def test_hundred_times(bed):
    """a hundred times in a row, with starts and ends all the while: no descriptor more, no exit code lost."""
    bed.unit("log2", COUNTS)
    bed.ctl("start", "log2").expect(0)
    for i in range(4):
        bed.unit("code%d" % i, "ExecStart=/bin/sh -c 'exit %d'" % (20 + i))
    keeper = bed.keeper_pid()
    with Line(bed) as line:
        line.become(version(bed, "b"))
        before = sorted(descriptors(keeper).values())
        starts = [bed.spawn(["sh", "-c", 'for i in 1 2 3 4 5 6 7 8; do "$@"; echo $?; done', "sh", *bed.ctl_command("start", "--wait", "code%d" % i)])
                  for i in range(4)]
        for i in range(100):
            equal(line.become(version(bed, "ab"[i % 2]))[:2], (0, keeper), "the answer of the new one")
        codes = [start.communicate(timeout=60 * SLOWNESS)[0].decode().split() for start in starts]
        equal(codes, [[str(20 + i)] * 8 for i in range(4)], "exit codes")
        equal_in_time(lambda: sorted(descriptors(keeper).values()), before, "descriptors")
    wait_until(lambda: whole_count(bed, "log2") > 20, "the log to go on")


def test_refused(bed):
    """what is no keeper, or is the same one, it does not become."""
    bed.start_sleeper("web")
    keeper = bed.keeper_pid()
    exe = os.readlink("/proc/%d/exe" % keeper)
    text, half = os.path.join(bed.directory, "text"), os.path.join(bed.directory, "half")
    write(text, "#!/bin/sh\nexit 42\n", 0o755)
    with open(bed.keeper, "rb") as f:
        write(half, f.read()[:100000], 0o755)
    with Line(bed) as line:
        line.become(bed.keeper)
        before = sorted(descriptors(keeper).values())
        equal(line.become(bed.keeper)[0], -114, "the same bytes")  # EALREADY
        for path in (text, half, "/bin/true", "/bin/false", "/dev/null", bed.bulwarkctl):
            equal(line.become(path)[0], -8, path)  # ENOEXEC
            check(runs(keeper, bed.keeper), "it has become " + path)
        equal(line.ask(REEXEC)[0], -74, "no descriptor")  # EBADMSG
        equal(line.ask(77)[0], -74, "no such question")
        equal(sorted(descriptors(keeper).values()), before, "descriptors")
    equal(os.readlink("/proc/%d/exe" % keeper), exe, "what it runs from")
    bed.ctl("exec", "web", "true").expect(0)


def test_manager_brings_it(bed):
    """a manager that comes with another keeper has the running one become it; where it cannot, both go on."""
    bed.unit("log3", COUNTS)
    bed.ctl("start", "log3").expect(0)
    bed.unit("short", "ExecStart=/bin/sh -c 'sleep 1; exit 7'")
    bed.ctl("start", "short").expect(0)
    keeper, installed, wrong = bed.keeper_pid(), bed.keeper, os.path.join(bed.directory, "wrong")
    write(wrong, "no program", 0o755)
    try:
        bed.kill_manager()
        bed.keeper = version(bed, "c")
        bed.start_manager()
        check(bed.keeper_pid() == keeper and runs(keeper, bed.keeper), "it has not become the manager's")
        contains(read(bed.log), "the keeper has become")
        bed.kill_manager()  # right after
        for bed.keeper, words in ((wrong, "does not understand what it would"), (os.path.join(bed.directory, "absent"), "No such file")):
            bed.start_manager()
            contains(read(bed.log), words)
            check(runs(keeper, version(bed, "c")), "it has become something else")
            bed.kill_manager()
        bed.keeper = installed
        bed.start_manager()
        check(runs(keeper, installed), "it has not become what is installed")
    finally:
        bed.keeper = installed
    bed.wait_active("short", "failed")
    equal(bed.property("short", "ExecMainStatus"), "7", "ExecMainStatus")
    wait_until(lambda: whole_count(bed, "log3") > 20, "the log to go on")


def test_stored(bed):
    """what a container has stored beyond its lives goes over, and from there to the next manager."""
    speaker(bed, "web", """
fd = os.memfd_create("state")
os.write(fd, b"one")
say("FDSTORE=1\\nFDNAME=state", [fd])
say("READY=1")
time.sleep(1000)
""", "FileDescriptorStoreMax=4")
    bed.ctl("start", "web").expect(0)
    equal(bed.property("web", "NFileDescriptorStore"), "1", "stored")
    keeper = bed.keeper_pid()
    with Line(bed) as line:
        equal(line.become(version(bed, "e"))[:2], (0, keeper), "the answer of the new one")
    bed.kill_manager()
    bed.start_manager()
    equal(bed.property("web", "NFileDescriptorStore"), "1", "stored, as the next manager finds it")
    bed.ctl("stop", "web").expect(0)


def test_while_it_stops(bed):
    """an end of the host under way goes on in the new one, with its timeouts."""
    bed.unit("deaf", "ExecStart=/bin/sh -c 'trap \"\" TERM; echo ready; while true; do sleep 0.05; done'", "TimeoutStopSec=2s")
    bed.ctl("start", "deaf").expect(0)
    wait_until(lambda: "ready" in bed.logs("deaf"), "the payload")
    keeper = bed.keeper_pid()
    with Line(bed) as line:
        bed.kill_manager()
        begin = time.monotonic()
        os.kill(keeper, signal.SIGTERM)
        equal(line.become(version(bed, "d"))[:2], (0, keeper), "the answer of the new one")
        wait_until(lambda: not bed.own_processes(), "every process to end", 20)
    check(1.5 < time.monotonic() - begin < 6 * SLOWNESS, "the timeout was not kept: %.1f s" % (time.monotonic() - begin))


def test_strays(bed):
    """manager and keeper keep nothing that was left open in them, however they came to be: not from one start to the next program."""
    stray = os.path.join(bed.directory, "stray")
    write(stray, "")
    held = lambda pid: [fd for fd in os.listdir("/proc/%d/fd" % pid) if os.readlink("/proc/%d/fd/%s" % (pid, fd)) == stray]
    equal(bed.stop_manager(), 0, "exit code of the manager")
    wait_until(lambda: not bed.keeper_pids(), "the keeper's end", 10)
    opened = "import os, sys; fd = os.open(%r, os.O_RDONLY); [os.dup2(fd, n) for n in (3, 57, 700)]; os.execv(sys.argv[1], sys.argv[1:])" % stray
    bed.start_manager(sys.executable, "-c", opened)
    bed.start_sleeper("web")
    for pid in (bed.manager.pid, bed.keeper_pid()):
        equal(held(pid), [], "descriptors of process %d" % pid)
    bed.ctl("daemon-reexec").expect(0)
    equal(held(bed.manager.pid), [], "descriptors of the manager that was executed again")
    bed.ctl("stop", "web").expect(0)
    path = os.path.join(bed.directory, "alone")
    keeper = bed.spawn([sys.executable, "-c", opened, bed.keeper, "--socket=" + path])
    wait_until(lambda: os.path.exists(path), "a keeper of its own", 10)
    equal(held(keeper.pid), [], "descriptors of a keeper")
    keeper.terminate()
    keeper.wait()


def writes_at_its_end(name, seconds):
    return ("ExecStart=/bin/sh -c 'trap \"sleep %s; echo %s >>/data/list; exit 0\" TERM; echo ready; while true; do sleep 0.05; done'"
            % (seconds, name))


def test_stops_in_order(bed):
    """SIGTERM to the keeper, with no manager there: reverse of After=, those without an order at once, each within its timeout."""
    order = os.path.join(bed.directory, "order")
    os.makedirs(order)
    os.chmod(order, 0o777)
    # Started in another order than they stop in.
    bed.unit("third", writes_at_its_end("third", 0), "BindPaths=%s:/data" % order, "TimeoutStopSec=20s")
    bed.unit("second", writes_at_its_end("second", 0), "BindPaths=%s:/data" % order, "TimeoutStopSec=20s", head="[Unit]\nBefore=third\n")
    bed.unit("first", writes_at_its_end("first", 0), "BindPaths=%s:/data" % order, "TimeoutStopSec=20s", head="[Unit]\nBefore=second\n")
    names = ["third", "first", "second"]
    for i in range(4):
        names.append("slow%d" % i)
        bed.unit(names[-1], writes_at_its_end("slow", 2), "BindPaths=%s:/data" % order, "TimeoutStopSec=20s")
        names.append("deaf%d" % i)
        bed.unit(names[-1], "ExecStart=/bin/sh -c 'trap \"\" TERM; echo ready; while true; do sleep 0.05; done'", "TimeoutStopSec=2s")
    for name in names:
        bed.ctl("start", name).expect(0)
    for name in names:
        wait_until(lambda: "ready" in bed.logs(name), "the payload of " + name)
    keeper = bed.keeper_pid()
    bed.kill_manager()
    begin = time.monotonic()
    os.kill(keeper, signal.SIGTERM)
    wait_until(lambda: not bed.own_processes(), "every process to end", 20)
    took = time.monotonic() - begin
    ended = read(os.path.join(order, "list")).split()
    equal([name for name in ended if name != "slow"], ["third", "second", "first"], "order")
    equal(ended.count("slow"), 4, "those that needed their time")
    check(took < 6 * SLOWNESS, "timeouts add up: %.1f s" % took)
    shutil.rmtree(order)


run(__name__)
