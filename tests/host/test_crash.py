# SPDX-License-Identifier: LGPL-2.1-or-later
"""Manager or keeper die at every arrow between manager, keeper and kernel: no container that ran is lost, no exit code
that the keeper knew, and nothing half started stays. The ledger of the bed looks for leaks after each."""

from harness import *

TABLE = os.path.join(SOURCE, "manager/container/registry/crash-points.inc")
INSIDE = os.path.join(SOURCE, "manager/keeper/crash-points.inc")
POINTS = re.findall(r'^CRASH_POINT\((\w+),\s*"([a-z-]+)",\s*"([a-z]+)",', read(TABLE), re.M)
# Where the keeper dies in its own code. A restart is a stop and a start.
KEEPER_POINTS = re.findall(r'^KEEPER_POINT\((\w+),\s*"([a-z-]+)",\s*"([a-z]+)",', read(INSIDE), re.M)
# Ends with a code of its own, at once, when it is asked to stop.
STOPS_WITH_5 = "ExecStart=/bin/sh -c 'trap \"exit 5\" TERM; echo ready; while true; do sleep 0.05; done'"


def crashing_manager(bed, victim, point):
    bed.kill_manager()
    bed.start_manager("env", "BULWARK_TEST_CRASH=%s:%s" % (victim, point))


def reach(bed, during):
    """Asks for what leads to the point; the answer is not believed, it may never come."""
    if during == "start":
        bed.ctl("start", "web", timeout=30)
    elif during == "stop":
        bed.ctl("stop", "web", timeout=30)
    elif during == "exec":
        bed.ctl("exec", "web", "true", timeout=30)
    elif during in ("restart", "listen"):
        bed.ctl(during.replace("listen", "start"), "listener" if during == "listen" else "web", timeout=30)
    else:
        bed.ctl("daemon-reload", timeout=30)


# What moves by itself while nothing happens.
MOVES = set(re.findall(r"^USAGE\((\w+)", read(os.path.join(SOURCE, "manager/host/cgroup/usage.inc")), re.M))


def shown(bed, name):
    """All that is told of a container."""
    values = json.loads(bed.ctl("show", name, "-o", "json").expect(0).out)
    values = values[0] if isinstance(values, list) else values
    check(len(values) > 100 and values["Id"] == name, "properties: %s" % values)
    return {k: v for k, v in values.items() if k not in MOVES}


def same(before, after, what):
    equal({k: (v, after.get(k)) for k, v in before.items() if after.get(k) != v}, {}, what + ": what is different")
    equal(set(after) - set(before), set(), what + ": what is new")


def settled(bed, name):
    wait_until(lambda: bed.active(name) in ("active", "inactive", "failed"), "%s to settle" % name, 20)
    return bed.active(name)


def true_to_the_kernel(bed, name):
    """What the manager says of a container, held against what the kernel has."""
    state = settled(bed, name)
    directory = os.path.join(bed.cgroup, "containers", name)
    if state == "active":
        contains(read("/proc/%s/cgroup" % bed.property(name, "MainPID")), "/containers/%s/payload" % name)
    else:
        wait_until(lambda: not os.path.exists(directory), "the control group of %s (%s) to go" % (name, state))
    return state


def manager_dies(bed, name, during):
    before = {n: shown(bed, n) for n in ("stay", "web") if bed.active(n) == "active"}
    crashing_manager(bed, "manager", name)
    reach(bed, during)
    try:
        bed.manager.wait(20)
    except subprocess.TimeoutExpired:
        raise Failure("the point %s was not reached during %s" % (name, during)) from None
    equal(bed.manager.returncode, -signal.SIGKILL, "how the manager ended")
    bed.start_manager()
    same(before["stay"], shown(bed, "stay"), "the container beside it")
    state = true_to_the_kernel(bed, "web")
    if during in ("exec", "reload"):
        same(before["web"], shown(bed, "web"), "the container itself")
    elif during == "stop":
        if state == "active":  # the wish to stop had not left the manager
            equal(name, "stop-announced", "the point after which a container was not stopped")
            same(before["web"], shown(bed, "web"), "a container that was not stopped")
            bed.ctl("stop", "web").expect(0)
        equal((settled(bed, "web"), bed.property("web", "ExecMainStatus")), ("failed", "5"), "how it ended")
    bed.ctl("start", "web").expect(0)
    bed.ctl("exec", "web", "true").expect(0)
    bed.ctl("daemon-reload").expect(0)


def keeper_dies(bed, name, during):
    """The exit code of what runs is lost with it, and nothing else."""
    pid, web = bed.property("stay", "MainPID"), bed.property("web", "MainPID")
    crashing_manager(bed, "keeper", name)
    old = bed.keeper_pid()
    reach(bed, during)
    wait_until(lambda: any(p not in (old, bed.manager.pid) for p in bed.keeper_pids()), "another keeper; %s not reached during %s?" % (name, during), 20)
    equal((bed.active("stay"), bed.property("stay", "MainPID")), ("active", pid), "the container beside it")
    state = true_to_the_kernel(bed, "web")
    if during in ("exec", "reload"):
        equal((state, bed.property("web", "MainPID")), ("active", web), "the container itself")
    elif during == "stop" and name in ("end-recorded", "cgroup-removed", "end-acknowledged", "end-told", "end-sent", "forgotten"):
        equal(bed.property("web", "ExecMainStatus"), "5", "a code that had been told")
    if during == "listen":
        listener_is_well(bed)
    before = {n: shown(bed, n) for n in ("stay", "web")}
    bed.kill_manager()
    bed.start_manager()
    for one, values in before.items():
        same(values, shown(bed, one), "what another manager shows of " + one)
    if during == "listen":
        listener_is_well(bed)
        bed.ctl("stop", "listener").expect(0)
    bed.ctl("stop", "web")
    settled(bed, "web")
    bed.ctl("start", "web").expect(0)
    bed.ctl("exec", "web", "true").expect(0)
    bed.ctl("stop", "stay")
    check(true_to_the_kernel(bed, "stay") in ("inactive", "failed"), "the container beside it cannot be stopped")


def listener_is_well(bed):
    """It listens, or where its start had not come so far, it starts."""
    if bed.active("listener") != "active":
        bed.ctl("start", "listener").expect(0)
    check(bed.property("listener", "SubState") in ("listening", "start", "running"), "it is " + bed.property("listener", "SubState"))
    with socket.socket(socket.AF_UNIX) as s:
        s.connect("\0bulwark-test-crash")


def make(victim, name, during):
    def test(bed):
        if during == "listen":
            bed.unit("listener", "ExecStart=/bin/sleep 1000", "ListenStream=@bulwark-test-crash")
        bed.unit("web", STOPS_WITH_5)
        bed.start_sleeper("stay")
        if during != "start":
            bed.ctl("start", "web").expect(0)
            wait_until(lambda: "ready" in bed.logs("web"), "the payload")
        (manager_dies if victim == "manager" else keeper_dies)(bed, name, during)
    test.__name__ = "test_%s_%s%s" % (victim, name.replace("-", "_"), "_of_restart" if during == "restart" else "")
    test.__doc__ = "the %s dies during %s: %s" % (victim, during, name)
    return test


for _, _name, _during in POINTS:
    if _during in ("network", "filters"):  # of test_network.py and test_filters.py, whose containers have them
        continue
    for _victim in ("manager", "keeper"):
        _test = make(_victim, _name, _during)
        globals()[_test.__name__] = _test


for _, _name, _during in KEEPER_POINTS:
    for _during in (_during, "restart") if _during in ("start", "stop") else (_during,):
        _test = make("keeper", _name, _during)
        globals()[_test.__name__] = _test


def test_bad_point(bed):
    """a name that is not in the table refuses the start of the manager."""
    bed.stop_manager()
    done = bed.run(["env", "BULWARK_TEST_CRASH=manager:nowhere", *bed.manager_command()])
    check(done.code != 0, "started with a point that does not exist")
    contains(done.err, "is no crash point")
    bed.start_manager()


run(__name__)
