# SPDX-License-Identifier: LGPL-2.1-or-later
"""daemon-reexec: the manager becomes the program that is installed, as the same process, and nobody notices."""

from harness import *
from harness import SLOWNESS  # noqa

COUNTS = "ExecStart=/bin/sh -c 'i=0; while true; do i=$$((i+1)); echo count $$i; sleep 0.02; done'"


def installed(test):
    """The manager runs from a file of the test's own, which it may replace."""
    def wrapped(bed):
        original = bed.bulwarkd
        bed.bulwarkd = os.path.join(bed.directory, "bulwarkd")
        install(bed, original)
        try:
            bed.kill_manager()
            bed.start_manager()
            test(bed)
        finally:
            install(bed, original)
            bed.bulwarkd = original
    wrapped.__name__, wrapped.__doc__ = test.__name__, test.__doc__
    return wrapped


def install(bed, source, more=b""):
    """As a package does: another file takes the name."""
    with open(source, "rb") as f:
        write(bed.bulwarkd + ".new", f.read() + more, 0o755)
    os.rename(bed.bulwarkd + ".new", bed.bulwarkd)


def file_of(pid):
    return os.stat("/proc/%d/exe" % pid).st_ino


def whole_count(bed, name):
    numbers = [int(line.split()[-1]) for line in bed.logs(name).splitlines() if "count" in line]
    equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))), "the log of " + name)
    return len(numbers)


@installed
def test_becomes_the_new_one(bed):
    """another file, the same process; containers, logs, timers, jobs that wait and their numbers go on."""
    pid, old = bed.manager.pid, file_of(bed.manager.pid)
    bed.unit("log", COUNTS)
    bed.ctl("start", "log").expect(0)
    bed.unit("web", "ExecStart=/bin/sleep 1000", "HealthCmd=/bin/false", "HealthInterval=200ms", "HealthRetries=1000")
    bed.ctl("start", "web").expect(0)
    bed.unit("later", "ExecStart=/bin/false", "Restart=always", "RestartSec=5s")
    bed.ctl("start", "later")
    bed.unit("never", "Type=notify", "NotifyAccess=all", "ExecStart=/bin/sleep 1000", "TimeoutStartSec=infinity")
    bed.unit("behind", "ExecStart=/bin/sleep 1000", head="[Unit]\nAfter=never\n")
    bed.ctl("start", "--no-block", "never").expect(0)
    bed.ctl("start", "--no-block", "behind").expect(0)
    bed.wait_active("never", "activating")
    bed.wait_active("later", "activating")
    wait_until(lambda: int(bed.property("web", "HealthFailingStreak")) >= 2, "bad checks")
    keys = ("MainPID", "InvocationID", "ControlGroup", "ActiveState", "SubState")
    before = {(n, k): bed.property(n, k) for n in ("log", "web", "never", "later") for k in keys}
    streak = int(bed.property("web", "HealthFailingStreak"))
    jobs = bed.ctl("list-jobs", "--no-legend").expect(0).out
    contains(jobs, "behind")
    install(bed, bed.bulwarkd, b"another")
    bed.ctl("daemon-reexec").expect(0)
    equal(bed.manager.poll(), None, "the process")
    check(file_of(pid) != old and file_of(pid) == os.stat(bed.bulwarkd).st_ino, "it is the old program")
    check("BULWARK_TAKE_OVER" not in str(bed.ctl("show").out), "what was handed over is seen")
    equal({(n, k): bed.property(n, k) for n in ("log", "web", "never", "later") for k in keys}, before, "properties")
    check(int(bed.property("web", "HealthFailingStreak")) >= streak, "the streak of bad checks begins anew")
    equal(bed.ctl("list-jobs", "--no-legend").expect(0).out, jobs, "jobs")
    n = whole_count(bed, "log")
    wait_until(lambda: whole_count(bed, "log") > n + 20, "the log to go on")
    wait_until(lambda: int(bed.property("later", "NRestarts")) >= 1, "the restart to come in its time", 8)
    bed.ctl("stop", "never").expect(0)
    bed.wait_active("behind", "active")


@installed
def test_clients(bed):
    """who connects is served, whenever he comes; a waiting start --wait goes on."""
    bed.unit("code", "ExecStart=/bin/sh -c 'sleep 1.5; exit 5'")
    waits = bed.spawn(bed.ctl_command("start", "--wait", "code"))
    bed.wait_active("code", "active")
    private = os.path.join(bed.runtime, "private")
    again = bed.spawn(["sh", "-c", 'for i in 1 2 3 4 5; do "$@" || exit 1; done', "sh", *bed.ctl_command("daemon-reexec")])
    n = 0
    while again.poll() is None:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(private)  # an error fails the test
        n += 1
        time.sleep(0.001)
    equal(again.returncode, 0, "five in a row")
    check(n > 20, "only %d clients came" % n)
    equal(waits.wait(20 * SLOWNESS), 5, "the exit code that was waited for")


def clients(bed, links):
    """Of these descriptors the connections of clients: accepted sockets have the address of the one that listens."""
    accepted = set()
    for line in read("/proc/%d/net/unix" % bed.manager.pid).splitlines()[1:]:
        fields = line.split()
        if fields[-1] == os.path.join(bed.runtime, "private") and int(fields[3], 16) & 0x10000 == 0:
            accepted.add("socket:[%s]" % fields[6])
    return accepted & set(links)


def settled(bed):
    """What the manager holds once the connections of commands that have ended are gone."""
    links = []

    def is_alone():
        links[:] = sorted(descriptors(bed.manager.pid).values())
        return not clients(bed, links)

    wait_until(is_alone, "the manager without clients")
    return links


@installed
def test_refused(bed):
    """a program that is missing, cannot run or is another one: an error with the reason, and the old one goes on."""
    bed.start_sleeper("web")
    pid, old = bed.manager.pid, file_of(bed.manager.pid)
    keep, before = bed.bulwarkd + ".kept", settled(bed)
    os.rename(bed.bulwarkd, keep)
    done = bed.ctl("daemon-reexec")
    check(done.code != 0, "absent, and it said success")
    contains(done.err, "No such file")
    for source, mode, words in (("/bin/true", 0o755, "does not say that it is bulwarkd"), ("/bin/sleep", 0o755, "does not say"),
                                (bed.keeper, 0o755, "does not say"), (keep, 0o644, "Permission denied")):
        shutil.copy(source, bed.bulwarkd)
        os.chmod(bed.bulwarkd, mode)
        done = bed.ctl("daemon-reexec")
        check(done.code != 0, "%s, and it said success" % source)
        contains(done.err, words)
        os.unlink(bed.bulwarkd)
    write(bed.bulwarkd, b"\x7fELF and nothing more", 0o755)
    contains(bed.ctl("daemon-reexec").err, "does not say")
    write(bed.bulwarkd, "#!/bin/sh\nsleep 100\n", 0o755)
    contains(bed.ctl("daemon-reexec").err, "does not say")
    equal((bed.manager.poll(), file_of(pid)), (None, old), "the manager")
    equal(settled(bed), before, "descriptors")
    bed.ctl("exec", "web", "true").expect(0)
    os.rename(keep, bed.bulwarkd)
    bed.ctl("daemon-reexec").expect(0)


@installed
def test_starts_under_way(bed):
    """a start that is under way is not cut; one that comes meanwhile is not lost."""
    bed.start_sleeper("stay")
    for i in range(12):
        bed.unit("web", "ExecStart=/bin/sleep 1000")
        start = bed.spawn(bed.ctl_command("start", "--no-block", "web"))
        time.sleep(0.004 * i)
        bed.ctl("daemon-reexec").expect(0)
        if start.wait(10 * SLOWNESS) == 0:
            bed.wait_active("web", "active")
            bed.ctl("stop", "web").expect(0)
        else:  # the manager went before it had read the request
            bed.wait_active("web", "inactive")
        equal(bed.property("web", "Result"), "success", "Result")
        equal(bed.active("stay"), "active", "the container beside it")


@installed
def test_commands(bed):
    """ExecStartPre= under way runs on, once, and the start goes on behind it."""
    mark = os.path.join(bed.out, "commands")
    os.mkdir(mark)
    os.chmod(mark, 0o777)
    bed.unit("web", "BindPaths=%s:/data" % mark, "ExecStartPre=/bin/sh -c 'echo pre >>/data/list; while [ ! -e /data/go ]; do sleep 0.1; done'",
             "ExecStart=/bin/sh -c 'echo main >>/data/list; exec sleep 1000'")
    bed.ctl("start", "--no-block", "web").expect(0)
    wait_until(lambda: os.path.exists(os.path.join(mark, "list")), "the command")
    for _ in range(3):
        bed.ctl("daemon-reexec").expect(0)
    equal((bed.active("web"), bed.property("web", "SubState")), ("activating", "start-pre"), "state")
    write(os.path.join(mark, "go"), "")
    bed.wait_active("web", "active")
    wait_until(lambda: read(os.path.join(mark, "list")).split() == ["pre", "main"], "each to run once")
    shutil.rmtree(mark)


@installed
def test_killed_right_after(bed):
    """killed while it comes back: as killed at any time."""
    bed.start_sleeper("web")
    leader = bed.property("web", "MainPID")
    for i in range(8):
        again = bed.spawn(bed.ctl_command("daemon-reexec"))
        time.sleep(0.01 * i)
        bed.kill_manager()
        again.wait(100)
        bed.start_manager()
        equal((bed.active("web"), bed.property("web", "MainPID")), ("active", leader), "the container")


@installed
def test_hundred_times(bed):
    """a hundred times in a row: no descriptor more, in the manager and in the keeper."""
    bed.unit("log2", COUNTS)
    bed.ctl("start", "log2").expect(0)
    bed.ctl("daemon-reexec").expect(0)
    pids = (bed.manager.pid, bed.keeper_pid())
    names = lambda pid: sorted(re.sub(r"\[\d+\]|\d+", "", link) for link in descriptors(pid).values())  # noqa
    before = [names(pid) for pid in pids]
    for _ in range(100):
        bed.ctl("daemon-reexec").expect(0)
    equal((bed.manager.pid, bed.keeper_pid()), pids, "processes")
    wait_until(lambda: [names(pid) for pid in pids] == before, "descriptors: %s, then %s" % (before, [names(pid) for pid in pids]), 5)
    whole_count(bed, "log2")


run(__name__)
