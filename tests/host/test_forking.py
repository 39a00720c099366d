# SPDX-License-Identifier: LGPL-2.1-or-later
"""Type=forking: the first process starts the payload and ends; the main process is said by PIDFile=, or guessed, and nothing
that the container says about it is believed outside."""

import signal

from harness import *
from speaker import speaker

# A daemon as sh can be one; $1: what its parent does after it has put it into the background.
DAEMON = """#!/bin/sh
trap 'echo got TERM; exit 3' TERM
trap 'echo got HUP' HUP
trap 'echo got USR1' USR1
echo "daemon $$ runs"
[ -e /data/crash ] && exit 9
while :; do sleep 0.1; done
"""


def script(bed, name, text):
    path = os.path.join(bed.root, "data", name)
    write(path, text)
    os.chmod(path, 0o755)


def forking(bed, name, start, *lines):
    """A unit whose ExecStart= is a shell script."""
    script(bed, "daemon", DAEMON)
    script(bed, name + ".sh", "#!/bin/sh\n" + start)
    bed.unit(name, "Type=forking", "ExecStart=/data/%s.sh" % name, *lines)


def main_number(bed, name):
    """What ExecReload= has as $MAINPID, empty where it has none."""
    before = bed.logs(name).count("MAINPID is")
    bed.ctl("reload", name).expect(0)
    wait_until(lambda: bed.logs(name).count("MAINPID is") > before, "the reload")
    return [line for line in bed.logs(name).splitlines() if "MAINPID is" in line][-1].split("MAINPID is [")[1].rstrip("]")


def kill_inside(bed, name, number, pid):
    """The container's end may take the command with it."""
    either = bed.ctl("exec", name, "/bin/kill", "-" + number, pid).code
    check(either in (0, 137), "exit code %d" % either)


RELOAD = "ExecReload=/bin/sh -c 'echo \"MAINPID is [$MAINPID]\"'"
WITH_FILE = "/data/daemon & echo $! >/run/d.pid\n"


def test_with_pid_file(bed):
    """The start is done when the first process has ended and the file is there; the daemon is the main process."""
    forking(bed, "web", WITH_FILE + "sleep 0.5\n", "PIDFile=d.pid", RELOAD,
            "ExecStartPost=/bin/sh -c 'echo post $MAINPID'", "KillSignal=SIGTERM", "SuccessExitStatus=3")
    start = bed.spawn(bed.ctl_command("start", "web"))
    wait_until(lambda: bed.active("web") == "activating", "the start")
    check(start.poll() is None, "the start was done before its first process had ended")
    equal(start.wait(15), 0, "the start's exit code")
    equal((bed.active("web"), bed.property("web", "SubState")), ("active", "running"), "state")
    number = main_number(bed, "web")
    contains(bed.logs("web"), "daemon %s runs" % number)
    contains(bed.logs("web"), "post " + number)
    bed.ctl("kill", "-s", "USR1", "web").expect(0)
    wait_until(lambda: "got USR1" in bed.logs("web"), "a signal to the main process")
    bed.ctl("stop", "web").expect(0)
    contains(bed.logs("web"), "got TERM")
    equal((bed.property("web", "Result"), bed.property("web", "ExecMainStatus")), ("success", "3"), "its end")


def test_guessed(bed):
    """Without PIDFile= the only process that is left is the main one; with GuessMainPID=no, or of two, none is."""
    forking(bed, "one", "/data/daemon &\n", RELOAD)
    forking(bed, "none", "/data/daemon &\n", RELOAD, "GuessMainPID=no")
    forking(bed, "two", "/data/daemon &\nsleep 1000 &\n", RELOAD)
    for name in ("one", "none", "two"):
        bed.ctl("start", name).expect(0)
        wait_until(lambda: "runs" in bed.logs(name), "the daemon")
        number = main_number(bed, name)
        if name == "one":
            contains(bed.logs(name), "daemon %s runs" % number)
        else:
            equal(number, "", "$MAINPID of " + name)
        bed.ctl("stop", name).expect(0)
        contains(bed.logs(name), "got TERM")


def test_lives_as_long_as_any(bed):
    """Where the main process is not known the container lives until the last one has ended."""
    forking(bed, "two", "sleep 1 &\nsleep 2 &\n")
    bed.ctl("start", "two").expect(0)
    time.sleep(1.3)
    equal(bed.active("two"), "active", "after the first of them")
    bed.wait_active("two", "inactive")
    equal(bed.property("two", "Result"), "success", "Result")
    forking(bed, "gone", "exit 0\n")
    bed.ctl("start", "gone")
    bed.wait_active("gone", "inactive")
    equal(bed.property("gone", "Result"), "success", "of one that leaves nothing")
    forking(bed, "stays", "exit 0\n", "RemainAfterExit=yes")
    bed.ctl("start", "stays")
    wait_until(lambda: bed.property("stays", "SubState") == "exited", "RemainAfterExit=")
    bed.ctl("stop", "stays").expect(0)


def test_failing_starter(bed):
    """A first process that fails, dies of a signal or does not end fails the start, and what it left is killed."""
    ours = bed.own_processes()
    for name, text, result in (("code", WITH_FILE + "exit 7\n", "exit-code"), ("signal", WITH_FILE + "kill -9 $$\n", "signal"),
                               ("late", WITH_FILE + "sleep 1000\n", "timeout")):
        forking(bed, name, text, "PIDFile=/run/d.pid", "TimeoutStartSec=4s", "ExecStartPost=/bin/echo never")
        bed.ctl("start", name).expect(1)
        equal((bed.active(name), bed.property(name, "Result")), ("failed", result), name)
        equal(bed.logs(name).count("never"), 0, "ExecStartPost= of what did not start")
        equal(bed.own_processes(), ours, "what is left over by " + name)
    forking(bed, "ignored", WITH_FILE + "exit 7\n", "PIDFile=/run/d.pid", "ExecStart=", "ExecStart=-/data/ignored.sh")
    bed.ctl("start", "ignored").expect(0)
    equal(bed.active("ignored"), "active", "ExecStart=-")
    bed.ctl("stop", "ignored").expect(0)
    forking(bed, "called-well", "exit 5\n", "SuccessExitStatus=5")
    bed.ctl("start", "called-well")
    bed.wait_active("called-well", "failed")
    equal(bed.property("called-well", "Result"), "protocol", "an end that is a success of the main process alone")


def test_late_file(bed):
    """The file may come later than the end of the first process."""
    forking(bed, "late", "(sleep 1; echo 77777 >/run/d.pid; sleep 0.5; /data/daemon & echo $! >/run/d.pid) &\n", "PIDFile=/var/run/d.pid", RELOAD)
    bed.ctl("start", "late").expect(0)
    contains(bed.logs("late"), "daemon %s runs" % main_number(bed, "late"))
    bed.ctl("stop", "late").expect(0)


def test_hostile_files(bed):
    """A file that is none, or names what is no child of the init, is believed by nobody; the start ends with the reason."""
    host = bed.spawn(["sleep", "1000"])
    os.makedirs(os.path.join(bed.root, "data/directory"), exist_ok=True)
    rows = {
        "missing": (":", "no such file"),
        "self": ("echo 1 >/run/d.pid", "no process of that number"),
        "dead": ("echo 2 >/run/d.pid", "no process of that number"),
        "foreign": ("echo %d >/run/d.pid" % host.pid, "no process of that number"),
        "manager": ("echo %d >/run/d.pid" % bed.manager.pid, "no process of that number"),
        "grandchild": ("(sleep 1000 & echo $! >/run/d.pid; wait) &", "no process of that number"),
        "link": ("sleep 1000 & echo $! >/run/real; ln -s real /run/d.pid", "link"),
        "outside": ("sleep 1000 & ln -s /proc/1/root/etc/passwd /run/d.pid", "link"),
        "fifo": ("mkfifo /run/d.pid", "no regular file"),
        "directory": ("mkdir /run/d.pid", "no regular file"),
        "device": ("mknod /run/d.pid c 1 5 || mkdir /run/d.pid", "no regular file"),
        "digits": ("head -c 1048576 /dev/zero | tr '\\0' 1 >/run/d.pid", "no number"),
        "zeros": ("head -c 1048576 /dev/zero | tr '\\0' 0 >/run/d.pid", "no number"),
        "negative": ("echo -1 >/run/d.pid", "no number"),
        "nothing": (": >/run/d.pid", "no number"),
        "bytes": ("printf '12\\00034' >/run/d.pid", "no number"),
        "huge": ("echo 99999999999999999999 >/run/d.pid", "no number"),
        "words": ("echo 12 or so >/run/d.pid", "no number"),
    }
    for name, (text, why) in rows.items():
        forking(bed, name, "/bin/sleep 1000 &\n" + text + "\n", "PIDFile=/run/d.pid", "TimeoutStartSec=%ds" % max(4, 2 * SLOWNESS))
    starts = {name: bed.spawn(bed.ctl_command("start", name), stderr=subprocess.PIPE) for name in rows}
    for name, start in starts.items():
        words = start.communicate(timeout=60)[1].decode()
        equal((start.returncode, bed.property(name, "Result")), (1, "timeout"), name + words)
        contains(words, "PIDFile=/run/d.pid: ", name)
        contains(words, rows[name][1], name)
    check(host.poll() is None, "a process of the host was hurt")
    host.kill()
    host.wait()
    forking(bed, "empty", "exit 0\n", "PIDFile=/run/d.pid")
    bed.ctl("start", "empty")
    bed.wait_active("empty", "failed")
    equal(bed.property("empty", "Result"), "protocol", "nothing is left, and no file")


def test_main_ends(bed):
    """The main process's end is the container's: exit code, signal, Restart=; what else is left is killed."""
    ours = bed.own_processes()
    forking(bed, "web", WITH_FILE + "/bin/sleep 1000 &\n", "PIDFile=/run/d.pid", RELOAD)
    bed.ctl("start", "web").expect(0)
    number = main_number(bed, "web")
    kill_inside(bed, "web", "KILL", number)
    bed.wait_active("web", "failed")
    equal((bed.property("web", "Result"), bed.property("web", "ExecMainCode"), bed.property("web", "ExecMainStatus")),
          ("signal", str(os.CLD_KILLED), str(int(signal.SIGKILL))), "a crash")
    equal(bed.own_processes(), ours, "what is left over")
    forking(bed, "again", WITH_FILE, "PIDFile=/run/d.pid", RELOAD, "Restart=on-failure", "RestartSec=100ms")
    bed.ctl("start", "again").expect(0)
    kill_inside(bed, "again", "KILL", main_number(bed, "again"))
    wait_until(lambda: bed.property("again", "NRestarts") == "1" and bed.active("again") == "active", "the restart")
    bed.ctl("stop", "again").expect(0)
    # ExitType=cgroup: the end of the main process is told, and waits for the others.
    forking(bed, "both", WITH_FILE + "/bin/sleep 3 &\n", "PIDFile=/run/d.pid", RELOAD, "ExitType=cgroup")
    bed.ctl("start", "both").expect(0)
    kill_inside(bed, "both", "TERM", main_number(bed, "both"))
    wait_until(lambda: "got TERM" in bed.logs("both"), "the end of the main process")
    time.sleep(0.5)
    equal(bed.active("both"), "active", "ExitType=cgroup")
    bed.wait_active("both", "failed")
    equal(bed.property("both", "ExecMainStatus"), "3", "exit status")


def test_all_killed(bed):
    """An end by force is told as such, though the first process has ended well."""
    forking(bed, "deaf", "(trap '' TERM; echo deaf; while :; do sleep 0.1; done) &\n", "TimeoutStopSec=500ms")
    bed.ctl("start", "deaf").expect(0)
    wait_until(lambda: "deaf" in bed.logs("deaf").replace("deaf[", ""), "the daemon")
    bed.ctl("stop", "deaf")
    equal((bed.property("deaf", "Result"), bed.property("deaf", "ExecMainStatus")), ("timeout", "9"), "the end")


def test_stop(bed):
    """KillMode=mixed asks the main process alone, control-group asks all; a start that is under way can be stopped."""
    for mode, heard in (("mixed", 1), ("control-group", 2)):
        forking(bed, mode, WITH_FILE + "/data/daemon &\n", "PIDFile=/run/d.pid", "KillMode=" + mode)
        bed.ctl("start", mode).expect(0)
        wait_until(lambda: bed.logs(mode).count("daemon") == 2, "both: " + bed.logs(mode))
        bed.ctl("stop", mode).expect(0)
        check(1 <= bed.logs(mode).count("got TERM") <= heard, bed.logs(mode))
    forking(bed, "waits", "/bin/sleep 1000 &\n", "PIDFile=/run/never.pid")
    start = bed.spawn(bed.ctl_command("start", "waits"), stderr=subprocess.DEVNULL)
    wait_until(lambda: bed.active("waits") == "activating", "the start")
    bed.ctl("stop", "waits").expect(0)
    check(start.wait(15) != 0, "a start that was stopped")
    equal(bed.active("waits"), "inactive", "after the stop")


def test_other_manager(bed):
    """A manager that is killed before or after the first process has ended, or later, is followed by one that goes on."""
    # Bound, not of the root: one that lies under an overlay, as SELinux has it, need not show what comes later.
    gate = os.path.join(bed.directory, "gate")
    os.mkdir(gate)
    bind = "BindReadOnlyPaths=%s:/srv:shared" % gate
    forking(bed, "before", "while [ ! -e /srv/open ]; do sleep 0.1; done\n" + WITH_FILE, "PIDFile=/run/d.pid", RELOAD, bind)
    forking(bed, "after", "(while [ ! -e /srv/open ]; do sleep 0.1; done; /data/daemon & echo $! >/run/d.pid) &\n", "PIDFile=/run/d.pid",
            RELOAD, bind)
    forking(bed, "runs", WITH_FILE, "PIDFile=/run/d.pid", RELOAD)
    forking(bed, "meanwhile", "sleep 1\n" + WITH_FILE, "PIDFile=/run/d.pid", RELOAD)
    for name in ("before", "after", "meanwhile"):
        bed.ctl("start", "--no-block", name).expect(0)
    bed.ctl("start", "runs").expect(0)
    number = main_number(bed, "runs")
    wait_until(lambda: bed.active("before") == bed.active("after") == "activating", "the starts")
    bed.kill_manager()
    time.sleep(1.5)
    bed.start_manager()
    equal((bed.active("before"), bed.active("after")), ("activating", "activating"), "adopted")
    write(os.path.join(gate, "open"), "")
    for name in ("before", "after", "meanwhile"):
        bed.wait_active(name, "active")
        contains(bed.logs(name), "daemon %s runs" % main_number(bed, name))
    equal(main_number(bed, "runs"), number, "$MAINPID under another manager")
    for name in ("before", "after", "runs", "meanwhile"):
        bed.ctl("stop", name).expect(0)
        contains(bed.logs(name), "got TERM")


SAYS = """
say("READY=1\\nSTATUS=from the first")
if os.path.exists("/data/stays"): time.sleep(1000)
if os.fork(): os._exit(0)
while True:
    time.sleep(0.1)
    say("STATUS=from process %d" % os.getpid())
"""


def test_messages(bed):
    """READY=1 does not stand in for the end of ExecStart=; NotifyAccess=main hears the main process, once it is known."""
    stays = os.path.join(bed.root, "data/stays")
    write(stays, "")
    speaker(bed, "web", SAYS, "NotifyAccess=main", "TimeoutStartSec=2s", RELOAD, kind="forking")
    start = bed.spawn(bed.ctl_command("start", "web"), stderr=subprocess.DEVNULL)
    wait_until(lambda: bed.property("web", "StatusText") == "from the first", "the message")
    equal(bed.active("web"), "activating", "after READY=1")
    equal(start.wait(20), 1, "the start")
    equal(bed.property("web", "Result"), "timeout", "Result")
    os.unlink(stays)
    bed.ctl("start", "web").expect(0)
    wait_until(lambda: bed.property("web", "StatusText") == "from process " + main_number(bed, "web"), "a message of the main process")
    bed.kill_manager()
    bed.start_manager()
    refused = read(bed.log).count("is refused")
    time.sleep(0.5)
    equal(read(bed.log).count("is refused"), refused, "messages that are refused under another manager")
    bed.ctl("stop", "web").expect(0)


def test_refused(bed):
    """What cannot be followed is refused; what has no effect is told."""
    for lines in (["ProcessTwo=no", "ExecStart=/bin/true"], ["Boot=yes"]):
        bed.unit("never", "Type=forking", *lines)
        bed.ctl("start", "never").expect(5, "Type=", "forking")
    bed.unit("dbus", "Type=dbus", "ExecStart=/bin/true")
    bed.ctl("start", "dbus").expect(5, "Type=")
    path = bed.unit("simple", "ExecStart=/bin/sleep 1000", "PIDFile=/run/x.pid", "GuessMainPID=yes")
    bed.verify(path).expect(0, "PIDFile=", "GuessMainPID=", "no effect")


run(__name__)
