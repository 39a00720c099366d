# SPDX-License-Identifier: LGPL-2.1-or-later
"""What takes too long: a start, a stop, a life; and by which signals it is ended then."""

from harness import *

SLOW = "ExecStart=/bin/sh -c 'echo ready; exec sleep 1000'"
# tells each signal, and ends by none but SIGABRT
TELLS = "ExecStart=/bin/sh -c 'for s in TERM INT HUP; do trap \"echo got $$s\" $$s; done; trap \"echo got ABRT; exit 9\" ABRT; " \
        "echo ready; while true; do sleep 0.05; done'"


def ready(bed, name, times=1):
    wait_until(lambda: bed.logs(name).count("ready") >= times, name + " to be ready")


def end_of(bed, name):
    return (bed.active(name), bed.property(name, "Result"))


def test_oneshot_that_takes_too_long(bed):
    """TimeoutStartSec= ends a oneshot, and its start fails; a daemon that runs has started."""
    bed.unit("slow", SLOW, "Type=oneshot", "TimeoutStartSec=1s")
    begin = time.monotonic()
    bed.ctl("start", "slow").expect(1, "TimeoutStartSec=1s")
    took = time.monotonic() - begin
    check(0.9 < took, "the start took %.1f s" % took)
    equal(end_of(bed, "slow"), ("failed", "timeout"), "state")
    bed.unit("daemon", SLOW, "TimeoutStartSec=1s")
    bed.ctl("start", "daemon").expect(0)
    time.sleep(1.5)
    equal(bed.active("daemon"), "active", "a daemon after TimeoutStartSec=")


def test_how_it_is_ended(bed):
    """TimeoutStartFailureMode=: the stop signal, SIGABRT or SIGKILL, each with its own time before the kill."""
    for mode, told in (("terminate", ["TERM"]), ("abort", ["ABRT"]), ("kill", [])):
        name = "start-" + mode
        bed.unit(name, TELLS, "Type=oneshot", "TimeoutStartSec=2s", "TimeoutStopSec=1s", "TimeoutStartFailureMode=" + mode)
        bed.ctl("start", name).expect(1)
        equal(end_of(bed, name), ("failed", "timeout"), name)
        equal(re.findall(r"got (\w+)", bed.logs(name)), told, "signals of " + mode)
    bed.unit("deaf", "ExecStart=/bin/sh -c 'trap \"\" ABRT; while true; do sleep 0.05; done'", "Type=oneshot", "TimeoutStartSec=1s",
             "TimeoutStopSec=1h", "TimeoutAbortSec=1s", "TimeoutStartFailureMode=abort")
    bed.ctl("start", "deaf").expect(1)
    equal((bed.property("deaf", "ExecMainCode"), bed.property("deaf", "ExecMainStatus")), ("2", "9"), "killed after TimeoutAbortSec=")


def test_stop_that_aborts(bed):
    """TimeoutStopFailureMode=abort: SIGABRT when TimeoutStopSec= is over; Restart= does not follow a stop."""
    bed.unit("web", TELLS, "TimeoutStopSec=500ms", "TimeoutStopFailureMode=abort", "TimeoutAbortSec=10s", "Restart=always")
    bed.ctl("start", "web").expect(0)
    ready(bed, "web")
    bed.ctl("stop", "web")
    equal(end_of(bed, "web"), ("failed", "timeout"), "state")
    equal(re.findall(r"got (\w+)", bed.logs("web")), ["TERM", "ABRT"], "signals")
    equal(bed.property("web", "ExecMainStatus"), "9", "its own code")


def test_final_signal(bed):
    """FinalKillSignal= goes to every process when TimeoutStopSec= is over; the same time later SIGKILL follows, by another
    manager too."""
    write(os.path.join(bed.root, "data", "quits"), """
trap "" TERM
trap "echo got $1; wait; exit 9" USR1
[ $1 = child ] || sh /data/quits child &
echo ready
while true; do sleep 0.05; done
""")
    bed.unit("quits", "ExecStart=/bin/sh /data/quits leader", "TimeoutStopSec=500ms", "FinalKillSignal=SIGUSR1")
    bed.ctl("start", "quits").expect(0)
    ready(bed, "quits", 2)
    bed.ctl("stop", "quits")
    equal(end_of(bed, "quits"), ("failed", "timeout"), "state")
    equal(bed.property("quits", "ExecMainStatus"), "9", "its own code")
    for word in ("got leader", "got child"):
        equal(bed.logs("quits").count(word), 1, word)
    for again in (False, True):
        name = "stays-again" if again else "stays"
        bed.unit(name, "ExecStart=/bin/sh -c 'trap \"\" TERM; trap \"echo got USR1\" USR1; echo ready; while true; do sleep 0.05; done'", "TimeoutStopSec=1s",
                 "FinalKillSignal=USR1")
        bed.ctl("start", name).expect(0)
        ready(bed, name)
        begin = time.monotonic()
        bed.ctl("stop", "--no-block", name).expect(0)
        wait_until(lambda: "got USR1" in bed.logs(name), "the final signal")
        equal(bed.property(name, "SubState"), "stop-sigkill", "SubState")
        if again:
            bed.kill_manager()
            bed.start_manager()
        bed.wait_active(name, "failed")
        check(1.9 < time.monotonic() - begin < 10, "the stop took %.1f s" % (time.monotonic() - begin))
        equal((end_of(bed, name), bed.property(name, "ExecMainStatus")), (("failed", "timeout"), "9"), "killed in the end")
        equal(bed.logs(name).count("got USR1"), 1, "signals")


def test_without_a_kill(bed):
    """SendSIGKILL=no: what does not stop in time is left to end by itself, and has failed to stop; kill ends it all the same."""
    for again in (False, True):
        name = "left-again" if again else "left"
        bed.unit(name, "ExecStart=/bin/sh -c 'trap \"\" TERM; echo ready; while [ ! -e /data/end ]; do sleep 0.05; done'", "TimeoutStopSec=300ms",
                 "SendSIGKILL=no", "Restart=always")
        bed.ctl("start", name).expect(0)
        ready(bed, name)
        bed.ctl("stop", "--no-block", name).expect(0)
        wait_until(lambda: "SendSIGKILL=no" in bed.property(name, "LastError"), "the time to be over")
        if again:
            bed.kill_manager()
            bed.start_manager()
        time.sleep(0.7)
        equal(bed.property(name, "SubState"), "stop-sigterm", "SubState")
        write(os.path.join(bed.root, "data", "end"), "")
        bed.wait_active(name, "failed")
        equal((end_of(bed, name), bed.property(name, "ExecMainStatus")), (("failed", "timeout"), "0"), name)
        os.unlink(os.path.join(bed.root, "data", "end"))
    bed.unit("ended", "ExecStart=/bin/sh -c 'trap \"\" TERM; echo ready; while true; do sleep 0.05; done'", "TimeoutStopSec=300ms", "SendSIGKILL=no")
    bed.ctl("start", "ended").expect(0)
    ready(bed, "ended")
    bed.ctl("stop", "--no-block", "ended").expect(0)
    wait_until(lambda: "SendSIGKILL=no" in bed.property("ended", "LastError"), "the time to be over")
    bed.ctl("kill", "-s", "KILL", "ended").expect(0)
    bed.wait_active("ended", "failed")


def test_one_line_for_two(bed):
    """TimeoutSec= is TimeoutStartSec= and TimeoutStopSec=; a later line for one of them alone counts."""
    bed.unit("both", SLOW, "TimeoutSec=7s")
    equal((bed.property("both", "TimeoutStartSec"), bed.property("both", "TimeoutStopSec")), ("7s", "7s"), "both")
    bed.unit("one", SLOW, "TimeoutSec=7s", "TimeoutStopSec=2s")
    equal((bed.property("one", "TimeoutStartSec"), bed.property("one", "TimeoutStopSec")), ("7s", "2s"), "one")
    bed.unit("wrong", SLOW, "TimeoutSec=soon")
    equal(bed.ctl("start", "wrong").err.count("soon"), 1, "a mistake is told once")


def test_runtime(bed):
    """RuntimeMaxSec= ends a life, under another manager too; it has failed, and Restart= follows."""
    bed.unit("short", SLOW, "RuntimeMaxSec=1500ms", "RuntimeRandomizedExtraSec=100ms", "Restart=on-failure", "RestartSec=1h")
    bed.ctl("start", "short").expect(0)
    bed.kill_manager()
    bed.start_manager()
    equal(bed.active("short"), "active", "to the new manager")
    wait_until(lambda: bed.property("short", "SubState") == "auto-restart", "the end of its life")
    equal(bed.property("short", "Result"), "timeout", "Result")
    contains(bed.property("short", "LastError"), "RuntimeMaxSec=", "LastError")
    bed.ctl("stop", "short").expect(0)


def test_runtime_of_a_deaf_one(bed):
    """a manager that is killed while it ends a life leaves that to the next, and Restart= still follows."""
    bed.unit("stubborn", TELLS, "RuntimeMaxSec=1s", "TimeoutStopSec=4s", "Restart=on-failure", "RestartSec=1h")
    bed.ctl("start", "stubborn").expect(0)
    ready(bed, "stubborn")
    wait_until(lambda: bed.active("stubborn") == "deactivating", "its end to begin")
    bed.kill_manager()
    bed.start_manager()
    equal((bed.active("stubborn"), bed.property("stubborn", "Job")[:1] in ("0", "")), ("deactivating", True), "state, without a job")
    wait_until(lambda: bed.property("stubborn", "SubState") == "auto-restart", "its end")
    equal(bed.property("stubborn", "Result"), "timeout", "Result")
    bed.ctl("stop", "stubborn").expect(0)


def test_whom_a_stop_signals(bed):
    """KillMode=: the first process alone, or each process once, whoever is its parent."""
    child = "(trap \"echo child\" TERM; echo ready; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done)"
    for mode, told in (("mixed", ["parent"]), ("control-group", ["child", "parent"])):
        for init in ("yes", "no"):
            name = "%s-%s" % (mode, init)
            bed.unit(name, "ExecStart=/bin/sh -c 'trap \"echo parent\" TERM; %s & echo ready; while ! wait; do :; done'"
                     % child, "KillMode=" + mode, "ProcessTwo=" + init, "TimeoutStopSec=5s")
            bed.ctl("start", name).expect(0)
            ready(bed, name, 2)
            bed.ctl("stop", name)
            equal(sorted(w for w in bed.logs(name).split() if w in ("parent", "child")), told, name)


def test_signals_of_a_stop(bed):
    """SendSIGHUP= sends one more, RestartKillSignal= another one where a restart stops it."""
    bed.unit("web", TELLS.replace("got ABRT; exit 9", "got ABRT"), "TimeoutStopSec=500ms", "SendSIGHUP=yes", "RestartKillSignal=SIGINT",
             "StandardOutput=append:" + os.path.join(bed.out, "signals"))
    path = os.path.join(bed.out, "signals")
    bed.ctl("start", "web").expect(0)
    wait_until(lambda: "ready" in read(path), "web to be ready")
    bed.ctl("restart", "web")
    wait_until(lambda: read(path).count("ready") == 2, "web to be ready again")
    equal(sorted(re.findall(r"got (\w+)", read(path))), ["HUP", "INT"], "signals of the restart")
    bed.ctl("stop", "web")
    equal(sorted(re.findall(r"got (\w+)", read(path))), ["HUP", "HUP", "INT", "TERM"], "signals of both")


run(__name__)
