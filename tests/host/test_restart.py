# SPDX-License-Identifier: LGPL-2.1-or-later
"""Restart= and the limit of starts: when what ends comes back, how soon, how often, and what its neighbours see of it."""

from harness import *

# Each life leaves a line; what it does then is the test's.
LIFE = "ExecStart=/bin/sh -c 'echo life; %s'"


def lives(bed, name):
    return bed.logs(name).count("life")


def restarts(bed, name):
    return int(bed.property(name, "NRestarts"))


def states(bed, name):
    return (bed.active(name), bed.property(name, "SubState"), bed.property(name, "Result"))


def wait_waiting(bed, name):
    wait_until(lambda: bed.property(name, "SubState") == "auto-restart", name + " to wait for its restart")


def unit_head(*lines):
    return "[Unit]\n" + "\n".join(lines) + "\n"


# how the payload ends, and the words of Restart= that bring it back
ENDS = (
    ("exit 0", ("always", "on-success")),
    ("exit 3", ("always", "on-failure")),
    ("kill -KILL $$$$", ("always", "on-failure", "on-abnormal", "on-abort")),
    ("kill -TERM $$$$", ("always", "on-success")),
)
WORDS = ("no", "always", "on-success", "on-failure", "on-abnormal", "on-abort", "on-watchdog")


def test_words(bed):
    """every word of Restart= with every kind of end, as systemd's table has it."""
    for i, (end, back) in enumerate(ENDS):
        for word in WORDS:
            bed.unit("end%d-%s" % (i, word), LIFE % end, "Restart=" + word, "RestartSec=1h")
    for i, (end, back) in enumerate(ENDS):
        for word in WORDS:
            name = "end%d-%s" % (i, word)
            bed.ctl("start", name)
            wait_until(lambda: bed.property(name, "SubState") in ("auto-restart", "failed", "dead"), name + " to end")
            waits = bed.property(name, "SubState") == "auto-restart"
            equal(waits, word in back, "Restart=%s after %s waits for a restart" % (word, end))
            if waits:
                equal(bed.active(name), "activating", "ActiveState of " + name)
                bed.ctl("stop", name).expect(0)
                equal(bed.active(name), "inactive", "a stop ends the wait of " + name)


def test_lives_again(bed):
    """a payload that fails lives again, under another invocation, and is counted; a person's start counts anew."""
    bed.unit("web", LIFE % "sleep 0.1; test -e /data/enough || exit 1; exec sleep 1000", "Restart=on-failure", "RestartSec=50ms")
    bed.ctl("start", "web").expect(0)
    first = bed.property("web", "InvocationID")
    wait_until(lambda: restarts(bed, "web") >= 2, "two restarts")
    wait_until(lambda: lives(bed, "web") >= 3, "a third life")
    write(os.path.join(bed.root, "data/enough"), "")
    try:
        wait_until(lambda: states(bed, "web") == ("active", "running", "success") and time.sleep(0.4) is None and
                   bed.active("web") == "active", "the last life to go on")
        check(bed.property("web", "InvocationID") != first, "the invocation is another")
        check(restarts(bed, "web") >= 2, "NRestarts counts on while it runs")
        bed.ctl("restart", "web").expect(0)
        equal(restarts(bed, "web"), 0, "NRestarts after a person's restart")
        bed.ctl("stop", "web").expect(0)
        time.sleep(0.3)
        equal(bed.active("web"), "inactive", "what was stopped stays down")
    finally:
        os.unlink(os.path.join(bed.root, "data/enough"))


def test_delay_grows(bed):
    """RestartSec= is waited for, and RestartSteps= leads to RestartMaxDelaySec=."""
    path = os.path.join(bed.out, "times")
    bed.unit("slow", "ExecStart=/bin/sh -c 'cut -d\" \" -f1 /proc/uptime; exit 1'", "StandardOutput=append:" + path, "Restart=always",
             "RestartSec=200ms", "RestartSteps=2", "RestartMaxDelaySec=1800ms", "RestartRandomizedDelaySec=100ms")
    bed.ctl("start", "slow")
    times = wait_until(lambda: len(read(path).split()) >= 4 and [float(t) for t in read(path).split()], "four lives", 30)
    bed.ctl("stop", "slow").expect(0)
    gaps = [b - a for a, b in zip(times, times[1:])]
    for gap, least in zip(gaps, (0.2, 0.6, 1.8)):
        check(gap >= least - 0.02, "%r: %g s at least" % (gaps, least))
    check(gaps[0] < gaps[1] < gaps[2], repr(gaps))


def test_start_limit(bed):
    """StartLimitBurst= ends the restarts; starts are refused until reset-failed."""
    bed.unit("loop", LIFE % "exit 1", "Restart=always", "RestartSec=10ms", head=unit_head("StartLimitIntervalSec=1h", "StartLimitBurst=3"),
             start_limit=True)
    bed.ctl("start", "loop")
    bed.wait_active("loop", "failed")
    equal(states(bed, "loop"), ("failed", "failed", "start-limit-hit"), "state")
    equal(lives(bed, "loop"), 3, "lives")
    bed.ctl("start", "loop").expect(1, "StartLimitBurst=", "reset-failed loop")
    equal(lives(bed, "loop"), 3, "lives after a start that was refused")
    bed.kill_manager()
    bed.start_manager()
    equal(bed.property("loop", "Result"), "start-limit-hit", "Result, to a new manager")
    bed.ctl("start", "loop").expect(1, "StartLimitBurst=")
    bed.ctl("reset-failed", "loop").expect(0)
    equal(bed.active("loop"), "inactive", "after reset-failed")
    bed.ctl("start", "loop")
    wait_until(lambda: lives(bed, "loop") == 6, "three more lives")
    bed.wait_active("loop", "failed")


def test_start_limit_of_a_person(bed):
    """starts by hand count as well, and are free again when the interval is over."""
    bed.unit("often", "ExecStart=/bin/true", head=unit_head("StartLimitIntervalSec=2s", "StartLimitBurst=2"), start_limit=True)
    for _ in range(2):
        bed.ctl("start", "--wait", "often").expect(0)
    bed.ctl("start", "often").expect(1, "2 times in 2s")
    equal(bed.active("often"), "failed", "ActiveState")
    wait_until(lambda: bed.ctl("start", "--wait", "often").code == 0, "the interval to be over")


def test_wait_survives_the_manager(bed):
    """a manager that is killed during the wait leaves it to the next one; so does one killed while the payload runs."""
    bed.unit("kept", LIFE % "sleep 0.2; exit 1", "Restart=always", "RestartSec=3s")
    bed.ctl("start", "kept").expect(0)
    wait_waiting(bed, "kept")
    bed.kill_manager()
    bed.start_manager()
    equal(states(bed, "kept"), ("activating", "auto-restart", "exit-code"), "state, to a new manager")
    wait_until(lambda: lives(bed, "kept") == 2, "the second life")
    equal(restarts(bed, "kept"), 1, "NRestarts")
    bed.kill_manager()
    time.sleep(0.5)  # it ends while no manager is there
    bed.start_manager()
    wait_until(lambda: lives(bed, "kept") == 3, "the third life")
    equal(restarts(bed, "kept"), 2, "NRestarts")
    wait_waiting(bed, "kept")
    bed.kill_manager()
    time.sleep(3.2)  # its time comes while no manager is there
    bed.start_manager()
    wait_until(lambda: lives(bed, "kept") == 4, "the fourth life")
    bed.ctl("stop", "kept").expect(0)
    equal(bed.active("kept"), "inactive", "after the stop")
    bed.kill_manager()
    bed.start_manager()
    time.sleep(0.2)
    equal((bed.active("kept"), lives(bed, "kept")), ("inactive", 4), "what was stopped is not started by a new manager")


def test_start_and_restart_during_the_wait(bed):
    """start waits for the time of the restart, restart does not."""
    bed.unit("web", LIFE % "test -e /data/well && exec sleep 1000; exit 1", "Restart=always", "RestartSec=2s")
    bed.ctl("start", "web")
    wait_waiting(bed, "web")
    write(os.path.join(bed.root, "data/well"), "")
    try:
        begin = time.monotonic()
        bed.ctl("start", "web").expect(0)
        check(time.monotonic() - begin > 0.5, "the start waited")
        equal((bed.active("web"), restarts(bed, "web")), ("active", 1), "state")
        os.unlink(os.path.join(bed.root, "data/well"))
        bed.ctl("kill", "-s", "KILL", "web").expect(0)
        wait_waiting(bed, "web")
        write(os.path.join(bed.root, "data/well"), "")
        bed.ctl("restart", "web").expect(0)
        equal((bed.active("web"), restarts(bed, "web")), ("active", 0), "a person's restart")
    finally:
        os.unlink(os.path.join(bed.root, "data/well"))


def test_exit_statuses(bed):
    """RestartPreventExitStatus= and RestartForceExitStatus= are stronger than Restart=."""
    bed.unit("prevent", LIFE % "exit 7", "Restart=always", "RestartPreventExitStatus=7", "RestartSec=1h")
    bed.ctl("start", "prevent")
    bed.wait_active("prevent", "failed")
    bed.unit("force", LIFE % "exit 0", "RestartForceExitStatus=0 SIGUSR1", "RestartSec=1h")
    bed.ctl("start", "force")
    wait_waiting(bed, "force")
    bed.ctl("stop", "force").expect(0)
    bed.unit("oneshot", LIFE % "exit 0", "Type=oneshot", "Restart=always")
    bed.ctl("start", "oneshot").expect(5, "Restart=", "oneshot")


def test_refused_starts_are_not_repeated(bed):
    """a start that failed in the launch is tried again; a unit that has become a bad one is not."""
    bed.unit("missing", "ExecStart=/bin/nonexistent", "Restart=on-failure", "RestartSec=50ms")
    bed.ctl("start", "missing").expect(1, "/bin/nonexistent")
    wait_until(lambda: restarts(bed, "missing") >= 2, "two more attempts")
    bed.unit("missing", "ExecStart=/bin/true", "Restart=on-failure", "NoSuchThing=1")
    bed.wait_active("missing", "failed")
    contains(bed.ctl("status", "missing").out, "NoSuchThing", "status")


def test_on_failure(bed):
    """OnFailure= is for when no restart follows."""
    bed.unit("mail", "ExecStart=/bin/echo told", "Type=oneshot")
    bed.unit("sick", LIFE % "exit 1", "Restart=on-failure", "RestartSec=300ms",
             head=unit_head("OnFailure=mail", "StartLimitIntervalSec=1h", "StartLimitBurst=3"), start_limit=True)
    bed.ctl("start", "sick")
    wait_until(lambda: lives(bed, "sick") >= 2, "a second life")
    equal(bed.logs("mail").count("told"), 0, "mails while it is restarted")
    bed.wait_active("sick", "failed")
    wait_until(lambda: bed.logs("mail").count("told") == 1, "the mail")
    time.sleep(0.3)
    equal(bed.logs("mail").count("told"), 1, "mails")


def test_bound(bed):
    """who is bound to it goes down with it, unless RestartMode=direct; who requires it is restarted with it."""
    for mode, stays in (("normal", False), ("direct", True)):
        bed.unit("db", LIFE % "exec sleep 1000", "Restart=always", "RestartSec=4s", "RestartMode=" + mode)
        bed.unit("web", "ExecStart=/bin/sleep 1000", head=unit_head("BindsTo=db", "After=db"))
        bed.ctl("start", "web").expect(0)
        first = bed.property("web", "InvocationID")
        bed.ctl("kill", "-s", "KILL", "db").expect(0)
        wait_waiting(bed, "db")
        if stays:
            time.sleep(0.2)
            equal(bed.active("web"), "active", "web, bound to what restarts directly")
        else:
            bed.wait_active("web", "inactive")
        bed.wait_active("db", "active")
        if stays:
            wait_until(lambda: bed.active("web") == "active" and bed.property("web", "InvocationID") != first,
                       "web to be restarted with what it is bound to")
        bed.ctl("stop", "web", "db").expect(0)


def test_shutdown_during_the_wait(bed):
    """a manager that stops everything does not wait for a restart, and starts none."""
    bed.unit("web", LIFE % "exit 1", "Restart=always", "RestartSec=1h")
    bed.unit("quick", LIFE % "exec sleep 1000", "Restart=always", "RestartSec=0")
    bed.ctl("start", "web", "quick")
    wait_waiting(bed, "web")
    equal(bed.stop_manager(), 0, "exit code")
    bed.start_manager()
    equal((bed.active("web"), bed.active("quick")), ("inactive", "inactive"), "after the manager came back")


def test_storm(bed):
    """200 containers that fail over and over: the manager answers, each comes to its limit, nothing is left."""
    names = ["storm%03d" % i for i in range(200)]
    text = "[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=3\n[Container]\nRootDirectory=%s\nExecStart=/bin/false\n" \
           "Restart=always\nRestartSec=10ms\nStandardOutput=null\n" % bed.root
    for name in names:
        write(os.path.join(bed.units, name + ".container"), text)
    bed.ctl("daemon-reload").expect(0)
    bed.ctl("start", "--no-block", *names).expect(0)
    slowest, begin = 0.0, time.monotonic()

    def left():
        nonlocal slowest
        asked = time.monotonic()
        listed = json.loads(bed.ctl("list", "-o", "json", "--no-pager").expect(0).out)
        slowest = max(slowest, time.monotonic() - asked)
        return [i for i in listed if (i.get("name") or i.get("unit")) in names and i.get("active") != "failed"]

    wait_until(lambda: not left(), "all of them to come to their limit", 240)
    check(slowest < 15 * float(os.environ.get("BULWARK_TEST_SLOWNESS") or 1), "an answer took %.1f s" % slowest)
    print("# 600 starts in %.1f s; the slowest answer took %.2f s" % (time.monotonic() - begin, slowest))
    for name in (names[0], names[-1]):
        equal((bed.property(name, "Result"), restarts(bed, name)), ("start-limit-hit", 3), name)
    bed.ctl("reset-failed").expect(0)



run(__name__)
