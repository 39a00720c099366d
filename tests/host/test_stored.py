# SPDX-License-Identifier: LGPL-2.1-or-later
"""Descriptors that a container leaves with the manager: FDSTORE=1, FileDescriptorStoreMax=, FileDescriptorStorePreserve=."""

from harness import *
from speaker import *

# A first life stores; a later one, which finds something open, says what it finds.
STORING = """
def found():
    n = int(os.environ.get("LISTEN_FDS", 0))
    out = []
    for fd, name in zip(range(3, 3 + n), os.environ.get("LISTEN_FDNAMES", "").split(":")):
        kind = os.readlink("/proc/self/fd/%d" % fd).split(":")[0].strip("/")
        data = os.pread(fd, 64, 0).decode() if kind == "memfd" else ""
        out.append("%s=%s%s" % (name, kind, data and "(" + data + ")"))
    for fd in os.listdir("/proc/self/fd"):
        if int(fd) >= 3 + n and os.path.exists("/proc/self/fd/" + fd) and "socket" not in os.readlink("/proc/self/fd/" + fd):
            out.append("LEAK " + os.readlink("/proc/self/fd/" + fd))
    mine = os.environ.get("LISTEN_PID") == str(os.getpid())
    return " ".join(out + ["of", os.environ.get("FDSTORE", "none"), "mine" if mine else "not mine"])
def memfd(text):
    fd = os.memfd_create("state")
    os.write(fd, text.encode())
    return fd
def store(fd, name=None, more=""):
    say("FDSTORE=1" + ("\\nFDNAME=" + name if name else "") + more, [fd])
    os.close(fd)
"""
TWO = STORING + """
if "LISTEN_FDS" not in os.environ:
    here, there = socket.socketpair()
    store(memfd("one"), "state")
    store(here.detach(), "pair", "\\nFDPOLL=0")
say("READY=1\\nSTATUS=" + found())
time.sleep(1000)
"""
NOTHING = "of 8 not mine"
BOTH = "state=memfd(one) pair=socket of 8 mine"


def cpu_ticks(pid):
    fields = read("/proc/%d/stat" % pid).rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def stored(bed, name):
    return int(bed.property(name, "NFileDescriptorStore"))


def status(bed, name):
    return bed.property(name, "StatusText")


def storing(bed, name, program, *lines):
    speaker(bed, name, program, "FileDescriptorStoreMax=8", *lines)


def start_two(bed, name, *lines):
    storing(bed, name, TWO, *lines)
    bed.ctl("start", name).expect(0)
    equal((stored(bed, name), status(bed, name)), (2, NOTHING), "what the first life stored and found")


def test_restart_finds_them(bed):
    """What was stored is open in the next life, under its names; a stop gives it up."""
    start_two(bed, "web")
    contains(bed.ctl("show", "web").out, "NFileDescriptorStore=2")
    bed.ctl("restart", "web").expect(0)
    equal((stored(bed, "web"), status(bed, "web")), (2, BOTH), "after a restart")
    bed.ctl("stop", "web").expect(0)
    equal(stored(bed, "web"), 0, "after a stop")
    bed.ctl("start", "web").expect(0)
    equal(status(bed, "web"), NOTHING, "after a stop and a start")
    bed.ctl("stop", "web").expect(0)


def test_automatic_restart_finds_them(bed):
    """A life that Restart= begins finds them, too; one that has failed for good gives them up."""
    start_two(bed, "web", "Restart=on-failure", "RestartSec=50ms")
    os.kill(bed.leader("web"), signal.SIGKILL)
    wait_until(lambda: status(bed, "web") == BOTH, "the next life to find them")
    bed.ctl("stop", "web").expect(0)
    start_two(bed, "once")
    os.kill(bed.leader("once"), signal.SIGKILL)
    bed.wait_active("once", "failed")
    equal(stored(bed, "once"), 0, "of one that has failed")


def test_preserve(bed):
    """FileDescriptorStorePreserve=yes keeps them while it is stopped, no not even for a restart."""
    start_two(bed, "kept", "FileDescriptorStorePreserve=yes")
    bed.ctl("stop", "kept").expect(0)
    equal(stored(bed, "kept"), 2, "after a stop")
    bed.kill_manager()
    bed.start_manager()
    equal(stored(bed, "kept"), 2, "with another manager")
    bed.ctl("start", "kept").expect(0)
    equal(status(bed, "kept"), BOTH, "the next life")
    bed.ctl("stop", "kept").expect(0)
    os.unlink(os.path.join(bed.units, "kept.container"))
    bed.ctl("daemon-reload").expect(0)
    start_two(bed, "lost", "FileDescriptorStorePreserve=no")
    bed.ctl("restart", "lost").expect(0)
    equal((stored(bed, "lost"), status(bed, "lost")), (2, NOTHING), "after a restart")
    bed.ctl("stop", "lost").expect(0)


def test_manager_dies(bed):
    """The keeper holds them: the next manager has them, and the next life of the container."""
    start_two(bed, "web")
    bed.kill_manager()
    bed.start_manager()
    equal(stored(bed, "web"), 2, "with another manager")
    bed.ctl("restart", "web").expect(0)
    equal(status(bed, "web"), BOTH, "the next life")
    leader = bed.leader("web")
    bed.kill_manager()
    os.kill(leader, signal.SIGKILL)
    bed.start_manager()
    bed.wait_active("web", "failed")
    equal(stored(bed, "web"), 0, "of one that failed while nobody was there")


def test_keeper_dies(bed):
    """The manager holds them, too, and tells a new keeper, which then keeps them beyond the manager."""
    start_two(bed, "web")
    old = bed.keeper_pid()
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: set(bed.keeper_pids()) - {old}, "another keeper", 20)
    wait_until(lambda: "connected to the keeper again" in read(bed.log), "the connection")
    equal(stored(bed, "web"), 2, "with another keeper")
    bed.kill_manager()
    bed.start_manager()
    equal(stored(bed, "web"), 2, "with another manager as well")
    bed.ctl("restart", "web").expect(0)
    equal(status(bed, "web"), BOTH, "the next life")
    bed.ctl("stop", "web").expect(0)


def test_given_up(bed):
    """FDSTOREREMOVE=1 gives up a name; whose other end hangs up goes by itself, but not with FDPOLL=0."""
    storing(bed, "web", STORING + """
for name, poll in ("goes", ""), ("stays", "\\nFDPOLL=0"):
    here, there = socket.socketpair()
    store(here.detach(), name, poll)
    there.close()
for text in "a", "b":
    store(memfd(text), "twice")
store(memfd("c"))
say("READY=1")
await_file("go")
say("FDSTOREREMOVE=1\\nFDNAME=twice\\nSTATUS=removed")
say("FDSTOREREMOVE=1")
time.sleep(1000)
""")
    bed.ctl("start", "web").expect(0)
    wait_until(lambda: stored(bed, "web") == 4, "the one that hangs up to go")
    touch(bed, "web", "go")
    wait_until(lambda: status(bed, "web") == "removed", "the message")
    equal(stored(bed, "web"), 2, "stays and the one without a name")
    contains(read(bed.log), "it needs FDNAME=")
    bed.ctl("stop", "web").expect(0)


def test_bounds(bed):
    """Not more than FileDescriptorStoreMax=, one file once, and no kind that would pin or lead out of the root."""
    storing(bed, "web", STORING + """
for path, flags in ("/etc", os.O_RDONLY), ("/data/web.py", os.O_RDONLY), ("/dev/null", os.O_RDWR), ("/data/web.py", os.O_PATH):
    store(os.open(path, flags), "bad")
os.mkfifo("/tmp/fifo")
store(os.open("/tmp/fifo", os.O_RDWR), "bad")
open("/tmp/memfd:fake", "w").close()
fd = os.open("/tmp/memfd:fake", os.O_RDWR)
os.unlink("/tmp/memfd:fake")
store(fd, "bad")
import select
epoll = select.epoll()
store(os.dup(epoll.fileno()), "bad")
store(os.open("/proc/self/ns/mnt", os.O_RDONLY), "bad")
same = memfd("same")
for i in range(3):
    store(os.dup(same), "same")
say("STATUS=bad ones sent")
await_file("go")
keep = [memfd(str(i)) for i in range(20)]
say("FDSTORE=1\\nFDNAME=many", keep)
say("READY=1")
time.sleep(1000)
""")
    start = bed.spawn(bed.ctl_command("start", "web"))
    wait_until(lambda: status(bed, "web") == "bad ones sent", "the bad ones")
    equal(stored(bed, "web"), 1, "but one of them is good")
    contains(read(bed.log), "are kept")
    touch(bed, "web", "go")
    equal(start.wait(20), 0, "the start")
    equal(stored(bed, "web"), 8, "at the limit")
    bed.ctl("stop", "web").expect(0)
    speaker(bed, "none", STORING + "store(memfd('x'))\nsay('READY=1')\ntime.sleep(1000)\n")
    bed.ctl("start", "none").expect(0)
    equal(stored(bed, "none"), 0, "without FileDescriptorStoreMax=")
    bed.ctl("stop", "none").expect(0)
    write(os.path.join(bed.units, "many.container"), "[Container]\nRootDirectory=%s\nExecStart=/bin/true\nFileDescriptorStoreMax=129\n" % bed.root)
    bed.verify(os.path.join(bed.units, "many.container")).expect(0, "many.container:4: FileDescriptorStoreMax=: warning: 129 is more than is kept for one container")


# Full messages as fast as they are taken: of one file many times, of many files, of kinds that are not kept.
FLOOD = STORING + """
import resource, threading
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
same = memfd("same")
sets = [[same] * 253, [memfd(str(i)) for i in range(253)], [os.open("/dev/null", os.O_RDONLY)] * 253]
say("READY=1")
await_file("go")
def flood(fds):
    mine = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    mine.connect(os.environ["NOTIFY_SOCKET"])
    n = 0
    while True:
        try:
            socket.send_fds(mine, [b"FDSTORE=1\\nFDNAME=f%d" % (n % 3)], fds)
            if n % 50 == 49:
                mine.send(b"FDSTOREREMOVE=1\\nFDNAME=f%d" % (n % 3))
        except OSError:
            time.sleep(0.001)
        n += 1
for fds in sets:
    threading.Thread(target=flood, args=(fds,), daemon=True).start()
time.sleep(1000)
"""


def test_flood_costs_little(bed):
    """Messages full of descriptors: the manager answers others about as quickly as without them, and is not busy."""
    speaker(bed, "web", FLOOD, "FileDescriptorStoreMax=128")
    bed.ctl("start", "web").expect(0)

    def measure():
        took = []
        began, ticks = time.monotonic(), cpu_ticks(bed.manager.pid)
        for _ in range(20):
            once = time.monotonic()
            bed.ctl("list", "-q").expect(0)
            took.append(time.monotonic() - once)
            time.sleep(0.05)
        busy = (cpu_ticks(bed.manager.pid) - ticks) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began)
        return sorted(took)[len(took) // 2], busy

    quiet, _ = measure()
    touch(bed, "web", "go")
    wait_until(lambda: stored(bed, "web") > 0, "the flood")
    loud, busy = measure()
    check(loud < 5 * quiet + 0.02, "the median of list: %.1f ms with the flood, %.1f ms without" % (loud * 1e3, quiet * 1e3))
    check(busy < 0.4, "the manager takes %d %% of a processor" % (busy * 100))
    check(stored(bed, "web") <= 128, "more than the limit")
    bed.ctl("stop", "web").expect(0)


def test_probe_knows_them(bed):
    """What is passed on is no leak to the probe, neither before a start nor from within."""
    start_two(bed, "web", "VerifyOnStart=enforce")
    bed.ctl("restart", "web").expect(0)
    equal(status(bed, "web"), BOTH, "the life after the probe")
    bed.ctl("probe", "web").expect(0)
    bed.ctl("stop", "web").expect(0)


# TCP to itself with all buffers full and SO_LINGER: its last close waits for an hour.
LINGERING = """
import struct
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(64)
def lingering():
    a = socket.create_connection(listener.getsockname())
    a.setblocking(False)
    try:
        while True: a.send(b"x" * 65536)
    except BlockingIOError: pass
    a.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3600))
    return a
"""


def test_close_takes_no_time(bed):
    """A descriptor whose close hangs, stored or only sent along, holds up neither the manager nor the keeper."""
    storing(bed, "web", STORING + LINGERING + """
for i in range(8):
    a = lingering()
    fd = a.detach()
    if i % 2:
        store(fd, "linger")
    else:
        say("STATUS=along", [fd])
        os.close(fd)
say("READY=1")
await_file("go")
say("FDSTOREREMOVE=1\\nFDNAME=linger\\nSTATUS=removed")
time.sleep(1000)
""")
    bed.spawn(bed.ctl_command("start", "web"))
    wait_until(lambda: bed.leader("web") > 0, "the payload")
    begun = time.monotonic()
    for _ in range(20):
        equal(stored(bed, "web") <= 4, True, "an answer")
        time.sleep(0.1)
    check(time.monotonic() - begun < 8 * SLOWNESS, "the manager hung for %.1f s" % (time.monotonic() - begun))
    begun = time.monotonic()
    bed.ctl("stop", "web")
    bed.start_sleeper("other")
    bed.ctl("stop", "other").expect(0)
    check(time.monotonic() - begun < 8 * SLOWNESS, "an end took %.1f s" % (time.monotonic() - begun))


run(__name__)
