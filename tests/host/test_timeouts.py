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
