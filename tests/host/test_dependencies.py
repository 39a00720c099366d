# SPDX-License-Identifier: LGPL-2.1-or-later
"""Dependencies between containers and the jobs that they make, with real payloads."""

from harness import *

LIVES = "ExecStart=/bin/sleep 1000"
# ends as it is told, and needs a moment for it
SLOW_STOP = "ExecStart=/bin/sh -c 'trap \"sleep 1; exit 0\" TERM; echo ready; while true; do sleep 0.05; done'"
FAILS = "ExecStart=/bin/nothing-there"
# its start job runs until it is told to end
STARTS_LONG = ("Type=oneshot", "RemainAfterExit=yes", "ExecStart=/bin/sleep 1000")


def unit(bed, name, *lines, **dependencies):
    lines = lines or (LIVES,)
    head = "".join("%s=%s\n" % (key, value) for key, value in dependencies.items())
    bed.unit(name, *lines, head="[Unit]\n" + head)


def note(bed, *words):
    """A file in which payloads leave notes; the directives that let them."""
    path = os.path.join(bed.directory, "notes")
    os.makedirs(path, exist_ok=True)
    os.chmod(path, 0o777)
    return "BindPaths=%s:/data" % path


def notes(bed):
    try:
        return read(os.path.join(bed.directory, "notes", "list")).split()
    except OSError:
        return []


def states(bed, *names):
    return [bed.active(name) for name in names]


def wait_states(bed, what, **expected):
    wait_until(lambda: all(bed.active(n.replace("_", "-")) == s for n, s in expected.items()),
               "%s: %r, is %r" % (what, expected, states(bed, *(n.replace("_", "-") for n in expected))))


def shown(bed, name):
    return json.loads(bed.ctl("show", name, "-o", "json").expect(0).out)


def jobs(bed):
    """container -> (id, type, state)"""
    rows = json.loads(bed.ctl("list-jobs", "-o", "json").expect(0).out)
    return {row["container"]: (row["job"], row["type"], row["state"]) for row in rows}


def test_requires_and_after(bed):
    """Requires= pulls in, After= waits until the other has started, stop takes along and goes backwards."""
    data = note(bed)
    unit(bed, "base", data, "Type=oneshot", "RemainAfterExit=yes", "ExecStart=/bin/sh -c 'sleep 0.5; echo base >>/data/list'")
    unit(bed, "top", data, "Type=oneshot", "RemainAfterExit=yes", "ExecStart=/bin/sh -c 'echo top >>/data/list'",
         Requires="base.container", After="base")
    bed.ctl("start", "top").expect(0)
    equal(notes(bed), ["base", "top"], "order of the starts")
    bed.ctl("stop", "base").expect(0)
    wait_states(bed, "a stop takes along what requires it", top="inactive", base="inactive")
    shutil.rmtree(os.path.join(bed.directory, "notes"))


def test_requires_fails(bed):
    """What it requires does not start: the job ends with "dependency", and nothing of it runs."""
    unit(bed, "base", FAILS)
    unit(bed, "mid", Requires="base", After="base")
    unit(bed, "top", Requires="mid", After="mid")
    bed.ctl("start", "top").expect(1, "mid, which did not start")
    equal(states(bed, "base", "mid", "top"), ["failed", "inactive", "inactive"], "states")
    contains(bed.property("mid", "LastError"), "mid.container:2: Requires=base: it cannot be without base")
    unit(bed, "lost", Requires="nowhere")
    bed.ctl("start", "lost").expect(4, "nowhere.container", "lost.container:2: Requires=", "lost cannot be without nowhere")
    equal(bed.active("lost"), "inactive", "state of what was refused")


def test_wants(bed):
    """Wants= starts the other, and does not care whether that works or exists."""
    unit(bed, "good")
    unit(bed, "bad", FAILS)
    unit(bed, "top", Wants="good bad nowhere", After="good bad nowhere")
    bed.ctl("start", "top").expect(0)
    equal(states(bed, "good", "bad", "top"), ["active", "failed", "active"], "states")
    contains(read(bed.log), "the start of nowhere is left out")


def test_requisite(bed):
    """Requisite= starts nothing and fails where the other does not run."""
    unit(bed, "base")
    unit(bed, "top", Requisite="base", After="base")
    bed.ctl("start", "top").expect(1, "top.container:2: Requisite=base: base is not active")
    equal(states(bed, "base", "top"), ["inactive", "inactive"], "states")
    bed.ctl("start", "base").expect(0)
    bed.ctl("start", "top").expect(0)
    bed.ctl("stop", "base").expect(0)
    wait_states(bed, "stop of the base", top="inactive")


def test_conflicts(bed):
    """Conflicts= stops the other, in both directions; the one goes before the other comes."""
    data = note(bed)
    unit(bed, "red", data, "ExecStart=/bin/sh -c 'trap \"sleep 0.5; echo red-ends >>/data/list; exit 0\" TERM; echo ready; while true; do sleep 0.05; done'")
    unit(bed, "blue", data, "ExecStart=/bin/sh -c 'echo blue-begins >>/data/list; exec sleep 1000'", Conflicts="red", After="red")
    bed.ctl("start", "red").expect(0)
    wait_until(lambda: "ready" in bed.logs("red"), "red to be ready")
    bed.ctl("start", "blue").expect(0)
    wait_until(lambda: len(notes(bed)) == 2, "both notes")
    equal(notes(bed), ["red-ends", "blue-begins"], "order")
    equal(states(bed, "red", "blue"), ["inactive", "active"], "states")
    bed.ctl("start", "red").expect(0)
    wait_states(bed, "the other way round", red="active", blue="inactive")
    unit(bed, "torn", Wants="red", Requires="blue")
    bed.ctl("start", "torn").expect(0)
    wait_states(bed, "what is only wanted gives way", torn="active", blue="active", red="inactive")
    unit(bed, "torn2", Requires="red blue")
    bed.ctl("start", "torn2").expect(5, "blue.container:2: Conflicts=", "the request would both")
    shutil.rmtree(os.path.join(bed.directory, "notes"))


def test_binds_to(bed):
    """BindsTo= stops with the other, also where that crashes; Requires= does not."""
    unit(bed, "base")
    unit(bed, "bound", BindsTo="base", After="base")
    unit(bed, "needs", Requires="base", After="base")
    bed.ctl("start", "bound", "needs").expect(0)
    bed.ctl("kill", "-s", "KILL", "base").expect(0)
    wait_states(bed, "after the crash", base="failed", bound="inactive", needs="active")
    bed.ctl("start", "bound").expect(0)
    equal(states(bed, "base", "bound"), ["active", "active"], "started again")


def test_bound_to_each_other(bed):
    """Two that are bound to each other: the stop of the one does not take the restart of the one that crashed away."""
    policy = (LIVES, "Restart=always", "RestartSec=300ms")
    for propagates in ({"BindsTo": "w2"}, {"Requires": "w2", "PropagatesStopTo": "w2"}):
        unit(bed, "w1", *policy, **propagates)
        unit(bed, "w2", *policy, BindsTo="w1", After="w1")
        bed.ctl("start", "w2").expect(0)
        for life in (1, 2):
            leaders = [bed.leader(name) for name in ("w1", "w2")]
            bed.ctl("kill", "-s", "KILL", "w1").expect(0)
            wait_until(lambda: bed.property("w1", "NRestarts") == str(life), "the restart of w1 after its crash")
            wait_states(bed, "after the crash", w1="active", w2="active")
            check(not {bed.leader(name) for name in ("w1", "w2")} & set(leaders), "one of them was not started again")
        bed.ctl("stop", "w2").expect(0)
        wait_states(bed, "after a stop that was asked for", w1="inactive", w2="inactive")  # w1 is stopped after w2


def test_bound_and_failed(bed):
    """Where no restart follows, the crash is seen, and OnFailure= starts."""
    unit(bed, "told")
    unit(bed, "w1", BindsTo="w2", OnFailure="told")
    unit(bed, "w2", BindsTo="w1", After="w1")
    bed.ctl("start", "w2").expect(0)
    bed.ctl("kill", "-s", "KILL", "w1").expect(0)
    wait_states(bed, "after the crash", w1="failed", w2="inactive", told="active")
    equal(bed.property("w1", "Result"), "signal", "Result")


def test_part_of(bed):
    """PartOf= takes part in stop and restart, not in start."""
    unit(bed, "site")
    unit(bed, "part", PartOf="site")
    bed.ctl("start", "site").expect(0)
    equal(bed.active("part"), "inactive", "a start is not passed on")
    bed.ctl("restart", "site").expect(0)
    equal(bed.active("part"), "inactive", "a restart is passed on only to what runs")
    bed.ctl("start", "part").expect(0)
    before = bed.leader("part")
    bed.ctl("restart", "site").expect(0)
    wait_until(lambda: bed.active("part") == "active" and bed.leader("part") != before, "part to be restarted")
    bed.ctl("stop", "site").expect(0)
    wait_states(bed, "the stop", part="inactive")


def test_restart_takes_along(bed):
    """A restart passes through Requires=, stops backwards and starts forwards."""
    data = note(bed)
    talk = "ExecStart=/bin/sh -c 'echo +%s >>/data/list; trap \"echo -%s >>/data/list; exit 0\" TERM; echo ready; while true; do sleep 0.05; done'"
    unit(bed, "base", data, talk % ("base", "base"))
    unit(bed, "top", data, talk % ("top", "top"), Requires="base", After="base")
    bed.ctl("start", "top").expect(0)
    wait_until(lambda: "ready" in bed.logs("top") and "ready" in bed.logs("base"), "both to be ready")
    bed.ctl("restart", "base").expect(0)
    wait_until(lambda: len(notes(bed)) == 6, "six notes")
    equal(notes(bed)[2:4], ["-top", "-base"], "order of the stops")
    wait_states(bed, "restarted", base="active", top="active")
    shutil.rmtree(os.path.join(bed.directory, "notes"))


def test_on_failure_and_success(bed):
    """OnFailure= and OnSuccess= start another after the end, each after its own kind of end."""
    unit(bed, "alarm")
    unit(bed, "cheer")
    unit(bed, "good", "Type=oneshot", "ExecStart=/bin/true", OnFailure="alarm", OnSuccess="cheer")
    unit(bed, "bad", "Type=oneshot", "ExecStart=/bin/false", OnFailure="alarm", OnSuccess="cheer")
    bed.ctl("start", "good").expect(0)
    wait_states(bed, "success", cheer="active", alarm="inactive")
    bed.ctl("stop", "cheer").expect(0)
    bed.ctl("start", "bad").expect(1)
    wait_states(bed, "failure", alarm="active", cheer="inactive")
    # a start that did not begin has failed as well
    bed.ctl("stop", "alarm").expect(0)
    unit(bed, "dependent", Requires="bad", After="bad", OnFailure="alarm")
    unit(bed, "bad", "Type=oneshot", "ExecStart=/bin/false")
    bed.ctl("start", "dependent").expect(1)
    wait_states(bed, "a dependency that failed", alarm="active")


def test_failures_in_a_circle(bed):
    """Two whose failures start each other come to rest."""
    unit(bed, "ping", "Type=oneshot", "ExecStart=/bin/false", OnFailure="pong")
    unit(bed, "pong", "Type=oneshot", "ExecStart=/bin/false", OnFailure="ping")
    bed.ctl("start", "ping").expect(1)
    wait_until(lambda: "and is left alone" in read(bed.log), "the circle to be broken")
    wait_states(bed, "at rest", ping="failed", pong="failed")


def test_upholds(bed):
    """Upholds= starts the other whenever it is down, but not for ever at once."""
    unit(bed, "watched")
    unit(bed, "watcher", Upholds="watched")
    bed.ctl("start", "watcher").expect(0)
    wait_states(bed, "pulled in", watched="active")
    before = bed.leader("watched")
    bed.ctl("kill", "-s", "KILL", "watched").expect(0)
    wait_until(lambda: bed.active("watched") == "active" and bed.leader("watched") != before, "watched to be started again")
    bed.ctl("stop", "watched").expect(0)
    wait_states(bed, "after a stop, too", watched="active")
    bed.ctl("stop", "watcher").expect(0)
    bed.ctl("stop", "watched").expect(0)
    time.sleep(0.3)
    equal(bed.active("watched"), "inactive", "without the watcher")
    data = note(bed)
    unit(bed, "watched", data, "Type=oneshot", "ExecStart=/bin/sh -c 'echo x >>/data/list; exit 1'")
    bed.ctl("start", "watcher").expect(0)
    time.sleep(2)
    check(2 <= len(notes(bed)) <= 8, "%d starts in two seconds" % len(notes(bed)))
    bed.ctl("stop", "watcher").expect(0)
    shutil.rmtree(os.path.join(bed.directory, "notes"))


def test_stop_when_unneeded(bed):
    """StopWhenUnneeded= stops when the last that needs it has gone."""
    unit(bed, "shared", StopWhenUnneeded="yes")
    unit(bed, "one", Requires="shared")
    unit(bed, "two", Wants="shared")
    bed.ctl("start", "one", "two").expect(0)
    bed.ctl("stop", "one").expect(0)
    time.sleep(0.3)
    equal(bed.active("shared"), "active", "the second still needs it")
    bed.ctl("stop", "two").expect(0)
    wait_states(bed, "nobody needs it", shared="inactive")


def test_refuse_manual(bed):
    """RefuseManualStart= and RefuseManualStop= refuse the request of a person, and let other units start and stop."""
    unit(bed, "part", RefuseManualStart="yes", PartOf="whole")
    unit(bed, "whole", Requires="part")
    result = bed.ctl("start", "part").expect(6, "part.container:2: RefuseManualStart=", "is started by other units only")
    equal(states(bed, "part"), ["inactive"], "after %s" % result)
    bed.ctl("start", "--job-mode=ignore-dependencies", "part").expect(6, "RefuseManualStart=")
    bed.ctl("reload-or-restart", "part").expect(6, "RefuseManualStart=")
    bed.ctl("start", "whole").expect(0)
    equal(states(bed, "part", "whole"), ["active", "active"], "required by another")
    bed.ctl("restart", "part").expect(6, "RefuseManualStart=")
    equal(states(bed, "part"), ["active"], "after a refused restart")
    bed.ctl("stop", "part").expect(0)
    # What the unit says now counts, as for every start.
    unit(bed, "part", PartOf="whole")
    bed.ctl("start", "part").expect(0)
    bed.ctl("stop", "part", "whole").expect(0)

    unit(bed, "kept", RefuseManualStop="yes", PartOf="whole")
    unit(bed, "whole", Wants="kept")
    bed.ctl("start", "kept", "whole").expect(0)
    bed.ctl("stop", "kept").expect(6, "kept.container:2: RefuseManualStop=", "is stopped by other units only")
    bed.ctl("restart", "kept").expect(6, "RefuseManualStop=")
    equal(states(bed, "kept"), ["active"], "after a refused stop")
    bed.ctl("stop", "whole").expect(0)
    wait_states(bed, "the stop of the whole", kept="inactive")


def test_propagates_stop(bed):
    """PropagatesStopTo= and StopPropagatedFrom= pass a stop on, and an end by itself."""
    unit(bed, "source", PropagatesStopTo="sink")
    unit(bed, "sink")
    unit(bed, "drain", StopPropagatedFrom="source")
    bed.ctl("start", "source", "sink", "drain").expect(0)
    bed.ctl("stop", "source").expect(0)
    wait_states(bed, "the stop", sink="inactive", drain="inactive")
    bed.ctl("start", "source", "sink", "drain").expect(0)
    bed.ctl("kill", "-s", "KILL", "source").expect(0)
    wait_states(bed, "the crash", source="failed", sink="inactive", drain="inactive")


def test_cycle(bed):
    """A circle of After= and Before= is told at load and refuses a start, each edge with its line."""
    unit(bed, "a", After="b")
    unit(bed, "b", After="c", Description="the second")
    unit(bed, "c", Before="b", After="a")
    unit(bed, "outside", Wants="a")
    lines = ["a.container:2: After=", "b.container:2: After=", "c.container:3: After="]
    log = read(bed.log)
    for line in lines:
        contains(log, line, "the log after the load")
    result = bed.ctl("start", "a").expect(5, "in a circle of 3", *lines)
    check("Before=" not in result.err, "one edge is told twice:\n%s" % result)
    bed.ctl("start", "outside").expect(0)
    equal(states(bed, "outside", "a"), ["active", "inactive"], "states")
    # who must, may: and what runs can be stopped, circle or not
    bed.ctl("start", "--job-mode=ignore-dependencies", "a", "b", "c").expect(0)
    bed.ctl("stop", "a", "b", "c").expect(0)
    unit(bed, "b", Description="the second")
    unit(bed, "c", After="a")
    bed.ctl("start", "a").expect(0)


def test_bad_names(bed):
    """Quadlet's units cannot be named; those of the host can, and mean nothing to the manager."""
    path = bed.unit("host", LIVES, head="[Unit]\nAfter=data.volume\nWants=host\n")
    bed.verify(path).expect(5, "host.container:2: After=", "containers and units of systemd can be named", "host.container:3: Wants=",
                            "cannot depend on itself")
    bed.unit("host", LIVES, head="[Unit]\nAfter=network-online.target\nRequires=network-online.target\n")
    bed.ctl("start", "host").expect(0)


def test_job_modes(bed):
    """replace cancels what stands against it, fail refuses, ignore-dependencies does neither wait nor pull in."""
    unit(bed, "slow", *STARTS_LONG)
    unit(bed, "next", Wants="slow", After="slow")
    bed.ctl("start", "--no-block", "next").expect(0)
    found = wait_until(lambda: len(jobs(bed)) == 2 and jobs(bed), "two jobs")
    equal(found["slow"][1:], ("start", "running"), "job of slow")
    equal(found["next"][1:], ("start", "waiting"), "job of next")
    contains(bed.property("next", "Progress"), "waiting for slow (" + os.path.join(bed.units, "next.container:3: After=slow)"))
    bed.ctl("stop", "--job-mode=fail", "slow").expect(1, "slow has a start job already")
    equal(jobs(bed), found, "jobs after a refused stop")
    bed.ctl("start", "--job-mode=ignore-dependencies", "next").expect(0)
    equal(bed.active("next"), "active", "next does not wait any more")
    equal(bed.property("next", "Progress"), "", "Progress of next")
    waiting = bed.spawn(bed.ctl_command("start", "slow"))
    time.sleep(0.3)
    bed.ctl("stop", "slow").expect(0)
    equal(waiting.wait(15), 1, "exit code of the canceled start")
    contains(waiting.stderr.read().decode(), "canceled")
    bed.ctl("start", "--job-mode=isolate", "slow").expect(2, "replace, fail or ignore-dependencies")


def test_start_becomes_restart(bed):
    """A restart that meets a start takes it over: one job, one number."""
    unit(bed, "slow", *STARTS_LONG)
    bed.ctl("start", "--no-block", "slow").expect(0)
    number = wait_until(lambda: jobs(bed).get("slow"), "the job")[0]
    wait_until(lambda: bed.leader("slow") > 0, "the payload")
    before = bed.leader("slow")
    bed.ctl("restart", "--no-block", "--job-mode=fail", "slow").expect(0)
    equal(jobs(bed)["slow"][:2], (number, "restart"), "the job")
    wait_until(lambda: bed.leader("slow") not in (0, before), "another payload")
    bed.ctl("cancel", str(number)).expect(0)
    bed.ctl("stop", "slow").expect(0)


def test_cancel(bed):
    """cancel ends a job; those that need it end with "dependency", the container stays as far as it is."""
    unit(bed, "slow", *STARTS_LONG)
    unit(bed, "needs", Requires="slow", After="slow")
    waiting = bed.spawn(bed.ctl_command("start", "needs"))
    found = wait_until(lambda: len(jobs(bed)) == 2 and jobs(bed), "two jobs")
    bed.ctl("cancel", str(found["slow"][0])).expect(0)
    equal(waiting.wait(15), 1, "exit code of start")
    contains(waiting.stderr.read().decode(), "it cannot be without slow")
    equal(jobs(bed), {}, "jobs")
    equal(states(bed, "slow", "needs"), ["activating", "inactive"], "states")
    bed.ctl("cancel", "999").expect(3, "no job 999")
    bed.ctl("cancel", "web").expect(2, "no job's number")
    bed.ctl("start", "--no-block", "needs").expect(0)
    wait_until(lambda: len(jobs(bed)) == 2, "two jobs")
    equal(bed.active("needs"), "inactive", "it waits for the container, with or without its first job")
    bed.ctl("cancel").expect(0)
    equal(jobs(bed), {}, "jobs after cancel of all")
    bed.ctl("stop", "slow").expect(0)


def test_job_timeout(bed):
    """JobTimeoutSec= ends a job that waits too long, and what stands behind it."""
    unit(bed, "slow", *STARTS_LONG)
    unit(bed, "next", Wants="slow", After="slow", JobTimeoutSec="1s", OnFailure="alarm")
    unit(bed, "last", Requires="next", After="next")
    unit(bed, "alarm")
    bed.ctl("start", "last").expect(1, "it cannot be without next")
    bed.ctl("start", "next").expect(1, "took longer than JobTimeoutSec=1s")
    equal(states(bed, "next", "last"), ["inactive", "inactive"], "states")
    wait_states(bed, "a timeout is a failure", alarm="active")
    bed.ctl("stop", "slow").expect(0)


def test_diamonds(bed):
    """Fifty units in diamonds: each starts once, after all that it needs; all stop backwards."""
    data = note(bed)
    for i in range(50):
        below = sorted({(i - 1) // 2, (i - 1) // 3, i - 7} & set(range(i))) if i else []
        after = " ".join("n%d" % k for k in below)
        unit(bed, "n%d" % i, data, "ExecStart=/bin/sh -c 'echo n%d >>/data/list; exec sleep 1000'" % i,
             "Type=exec", "TimeoutStopSec=1s", "KillSignal=SIGKILL", Requires=after, After=after)
    bed.unit("all", LIVES, head="[Unit]\nRequires=%s\n" % " ".join("n%d" % i for i in range(50)))
    bed.ctl("start", "all", timeout=120).expect(0)
    wait_until(lambda: len(notes(bed)) == 50, "fifty starts, %d so far" % len(notes(bed)), 60)
    order = {name: shown(bed, name)["ExecMainStartTimestamp"] for name in notes(bed)}
    equal(len(order), 50, "containers that started")
    for i in range(1, 50):
        for k in {(i - 1) // 2, (i - 1) // 3, i - 7} & set(range(i)):
            check(order["n%d" % k] < order["n%d" % i], "n%d started before n%d" % (i, k))
    bed.ctl("stop", "n0", timeout=120).expect(0)
    wait_until(lambda: all(bed.active("n%d" % i) in ("inactive", "failed") for i in (0, 1, 25, 49)), "all to stop", 60)
    shutil.rmtree(os.path.join(bed.directory, "notes"))


def test_list_dependencies(bed):
    """The tree, its reverse, and JSON with the lines."""
    unit(bed, "web", Requires="db", Wants="cache", After="db")
    unit(bed, "db", BindsTo="disk")
    unit(bed, "disk")
    bed.ctl("start", "disk").expect(0)
    lines = bed.ctl("list-dependencies", "web").expect(0).out.splitlines()
    equal([re.sub(r"[^a-zA-Z(), ]", "", line).strip() for line in lines],
          ["web", "db (Requires)", "disk (BindsTo)", "cache (Wants)"], "tree")
    contains(bed.ctl("list-dependencies", "--all", "web").expect(0).out, "db (After, Requires)")
    lines = bed.ctl("list-dependencies", "--reverse", "disk").expect(0).out
    contains(lines, "db (BoundBy)")
    contains(lines, "web (RequiredBy)")
    rows = json.loads(bed.ctl("list-dependencies", "-o", "json", "web").expect(0).out)
    row = [r for r in rows if r["dependency"] == "disk"]
    equal((row[0]["container"], row[0]["kind"], row[0]["active"]), ("db", "BindsTo", "active"), "row")
    contains(row[0]["line"], "db.container:2: BindsTo=disk")
    bed.ctl("list-dependencies", "nobody").expect(4)
    equal(shown(bed, "web")["Requires"], ["db"], "property")


def test_rules_after_a_restart_of_the_manager(bed):
    """A manager that comes back mends what does not hold any more."""
    unit(bed, "watched")
    unit(bed, "watcher", Upholds="watched")
    unit(bed, "base")
    unit(bed, "bound", BindsTo="base", After="base")
    bed.ctl("start", "watcher", "bound").expect(0)
    wait_states(bed, "all", watched="active", bound="active", base="active")
    victims = [bed.leader("watched"), bed.leader("base")]
    bed.kill_manager()
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    bed.start_manager()
    wait_states(bed, "mended", watched="active", bound="inactive", base="failed")
    bed.ctl("stop", "watcher").expect(0)  # else it would start the other again while the bed is swept
    bed.ctl("stop", "watched").expect(0)


def test_parallel_shutdown(bed):
    """At the end stops run side by side: the longest counts, not their sum; After= is kept."""
    names = ["s%d" % i for i in range(6)]
    data = note(bed)
    for name in names:
        unit(bed, name, data, "TimeoutStopSec=2s",
             "ExecStart=/bin/sh -c 'trap \"\" TERM; echo ready; while true; do sleep 0.1; done'")
    unit(bed, "below", data, "ExecStart=/bin/sh -c 'trap \"echo below >>/data/list; exit 0\" TERM; echo ready; while true; do sleep 0.05; done'")
    unit(bed, "above", data, "ExecStart=/bin/sh -c 'trap \"sleep 0.7; echo above >>/data/list; exit 0\" TERM; echo ready; while true; do sleep 0.05; done'",
         After="below")
    bed.ctl("start", *names, "below", "above").expect(0)
    for name in (*names, "below", "above"):
        wait_until(lambda n=name: "ready" in bed.logs(n), name + " to be ready")
    begin = time.monotonic()
    equal(bed.stop_manager(), 0, "exit code of the manager")
    took = time.monotonic() - begin
    check(2 <= took < 8, "six stops of 2 s each took %.1f s" % took)
    equal(notes(bed), ["above", "below"], "order")
    shutil.rmtree(os.path.join(bed.directory, "notes"))


run(__name__)
