# SPDX-License-Identifier: LGPL-2.1-or-later
"""The manager is killed with -9 in every state of the table and comes back: nothing is lost."""

from harness import *


def kill_and_return(bed, pause=0.0):
    bed.kill_manager()
    time.sleep(pause)
    bed.start_manager()


def processes_named(bed, text):
    found = []
    for pid in bed.own_processes():
        try:
            if text in read("/proc/%d/cmdline" % pid).replace("\0", " "):
                found.append(pid)
        except OSError:
            continue
    return found


def test_inactive(bed):
    """killed while nothing runs."""
    bed.unit("web", "ExecStart=/bin/sleep 1000")
    kill_and_return(bed)
    equal(bed.active("web"), "inactive", "state")
    bed.ctl("start", "web").expect(0)
    bed.ctl("stop", "web").expect(0)


def test_running(bed):
    """killed while a container runs: same process, same start, same invocation, and it can be stopped."""
    bed.start_sleeper("web")
    before = {k: bed.property("web", k) for k in ("MainPID", "InvocationID", "ExecMainStartTimestamp", "ActiveEnterTimestamp", "ControlGroup",
                                                  "UIDRangeBase", "ActiveState", "SubState")}
    keeper = bed.keeper_pid()
    kill_and_return(bed)
    equal({k: bed.property("web", k) for k in before}, before, "properties")
    equal(bed.keeper_pid(), keeper, "the keeper's pid")
    bed.ctl("exec", "web", "true").expect(0)
    bed.ctl("freeze", "web").expect(0)
    bed.ctl("thaw", "web").expect(0)
    bed.ctl("stop", "web").expect(0)
    equal(bed.active("web"), "inactive", "state")


def test_exit_while_away(bed):
    """exit codes that fall in between are found, with their times."""
    for name, command in (("clean", "exit 0"), ("coded", "exit 42"), ("shot", "kill -9 $$$$")):
        bed.unit(name, "ExecStart=/bin/sh -c 'sleep 0.7; %s'" % command)
        bed.ctl("start", name).expect(0)
    bed.kill_manager()
    time.sleep(1.2)
    bed.start_manager()
    equal([bed.property(n, "ExecMainStatus") for n in ("clean", "coded", "shot")], ["0", "42", "9"], "ExecMainStatus")
    equal([bed.property(n, "ExecMainCode") for n in ("clean", "coded", "shot")], ["1", "1", "2"], "ExecMainCode")
    equal([bed.active(n) for n in ("clean", "coded", "shot")], ["inactive", "failed", "failed"], "states")
    equal(bed.property("coded", "Result"), "exit-code", "Result")
    left = [d for d, _, _ in os.walk(bed.cgroup) if "/containers/" in d]
    equal(left, [], "cgroups of ended containers")
    # Delivered once, kept for good: a second kill changes nothing.
    kill_and_return(bed)
    equal([bed.property(n, "ExecMainStatus") for n in ("clean", "coded", "shot")], ["0", "42", "9"], "ExecMainStatus after a second kill")
    equal([bed.active(n) for n in ("clean", "coded", "shot")], ["inactive", "failed", "failed"], "states after a second kill")


def test_failed(bed):
    """killed while failed: still failed, with its code, until reset."""
    bed.unit("bad", "ExecStart=/bin/sh -c 'exit 3'")
    bed.ctl("start", "--wait", "bad").expect(3)
    kill_and_return(bed)
    equal((bed.active("bad"), bed.property("bad", "ExecMainStatus"), bed.property("bad", "Result")), ("failed", "3", "exit-code"), "state")
    bed.ctl("reset-failed", "bad").expect(0)
    kill_and_return(bed)
    equal(bed.active("bad"), "inactive", "state after reset-failed")


def test_exited(bed):
    """killed while exited (RemainAfterExit=yes)."""
    bed.unit("stay", "Type=oneshot", "RemainAfterExit=yes", "ExecStart=/bin/true")
    bed.ctl("start", "stay").expect(0)
    kill_and_return(bed)
    equal((bed.active("stay"), bed.property("stay", "SubState")), ("active", "exited"), "state")
    bed.ctl("stop", "stay").expect(0)
    equal(bed.active("stay"), "inactive", "state")


def test_oneshot_under_way(bed):
    """killed while a oneshot runs: its end is seen and told."""
    bed.unit("once", "Type=oneshot", "ExecStart=/bin/sh -c 'sleep 4; exit 5'")
    bed.ctl("start", "--no-block", "once").expect(0)
    bed.wait_active("once", "activating")
    wait_until(lambda: processes_named(bed, "sleep"), "the payload")
    kill_and_return(bed)
    equal(bed.active("once"), "activating", "state")
    bed.wait_active("once", "failed")
    equal(bed.property("once", "ExecMainStatus"), "5", "ExecMainStatus")


def test_stopping(bed):
    """killed after the stop signal: the stop goes on, the timeout still kills."""
    bed.unit("deaf", "ExecStart=/bin/sh -c 'trap \"\" TERM; echo ready; while true; do sleep 0.1; done'", "TimeoutStopSec=2s")
    bed.ctl("start", "deaf").expect(0)
    wait_until(lambda: "ready" in bed.logs("deaf"), "the payload")
    bed.ctl("stop", "--no-block", "deaf").expect(0)
    bed.wait_active("deaf", "deactivating")
    kill_and_return(bed)
    check(bed.active("deaf") in ("deactivating", "failed"), "state " + bed.active("deaf"))
    bed.wait_active("deaf", "failed", 10)
    equal(processes_named(bed, "trap"), [], "processes")


def test_stopping_ends_while_away(bed):
    """killed after the stop signal, the payload ends in between."""
    go = os.path.join(bed.root, "data/go")
    bed.unit("slow", "ExecStart=/bin/sh -c 'trap \"echo told; while [ ! -e /data/go ]; do sleep 0.05; done; exit 6\" TERM; "
                     "echo ready; while true; do sleep 0.1; done'")
    bed.ctl("start", "slow").expect(0)
    wait_until(lambda: "ready" in bed.logs("slow"), "the payload")
    leader = bed.leader("slow")
    bed.ctl("stop", "--no-block", "slow").expect(0)
    wait_until(lambda: "told" in bed.logs("slow"), "the signal")  # the job may still wait when the command has ended
    bed.kill_manager()
    try:
        write(go, "")
        wait_until(lambda: not os.path.exists("/proc/%d" % leader), "the payload to end")
        bed.start_manager()
    finally:
        os.unlink(go)
    equal(bed.property("slow", "ExecMainStatus"), "6", "ExecMainStatus")
    check(bed.active("slow") in ("inactive", "failed"), "state " + bed.active("slow"))


def test_frozen(bed):
    """killed while a container is frozen."""
    bed.start_sleeper("web")
    bed.ctl("freeze", "web").expect(0)
    kill_and_return(bed)
    equal((bed.active("web"), bed.property("web", "FreezerState")), ("active", "frozen"), "state")
    bed.ctl("thaw", "web").expect(0)
    bed.ctl("exec", "web", "true").expect(0)


def test_launching(bed):
    """killed at every instant of a start: the container runs or is gone, and can be started."""
    bed.unit("web", "ExecStart=/bin/sleep 1000")
    outcomes = {}
    for step in range(24):
        client = bed.spawn(bed.ctl_command("start", "web"))
        time.sleep(0.002 * step)
        bed.kill_manager()
        client.wait(10)
        bed.start_manager()
        wait_until(lambda: bed.active("web") in ("active", "inactive", "failed"), "a settled state")
        state = bed.active("web")
        outcomes[state] = outcomes.get(state, 0) + 1
        alive = processes_named(bed, "sleep 1000")
        equal(len(alive), 1 if state == "active" else 0, "payloads in state %s after %d ms" % (state, 2 * step))
        if state != "active":
            left = [d for d, _, _ in os.walk(bed.cgroup) if "/containers/" in d]
            equal(left, [], "cgroups in state %s after %d ms" % (state, 2 * step))
            bed.ctl("start", "web").expect(0)
        bed.ctl("stop", "web").expect(0)
    check(len(outcomes) >= 1, str(outcomes))


def test_cleaning(bed):
    """killed at every instant of a stop: gone in the end, startable."""
    bed.unit("web", "ExecStart=/bin/sleep 1000", "SuccessExitStatus=SIGTERM")
    for step in range(12):
        bed.ctl("start", "web").expect(0)
        client = bed.spawn(bed.ctl_command("stop", "web"))
        time.sleep(0.003 * step)
        bed.kill_manager()
        client.wait(10)
        bed.start_manager()
        if bed.active("web") == "active":  # the request had not arrived
            bed.ctl("stop", "web").expect(0)
        wait_until(lambda: bed.active("web") in ("inactive", "failed"), "the stop to end, after %d ms" % (3 * step))
        equal(processes_named(bed, "sleep 1000"), [], "payloads after %d ms" % (3 * step))
        left = [d for d, _, _ in os.walk(bed.cgroup) if "/containers/" in d]
        equal(left, [], "cgroups after %d ms" % (3 * step))


def test_logs_continue(bed):
    """not a line is lost over three kills; what was written but not yet taken from the pipe may come again."""
    bed.unit("counter", "ExecStart=/bin/sh -c 'n=0; while [ $$n -lt 60 ]; do n=$$((n+1)); echo line $$n; sleep 0.04; done; sleep 1000'")
    bed.ctl("start", "counter").expect(0)
    for _ in range(3):
        time.sleep(0.4)
        kill_and_return(bed, 0.2)
    wait_until(lambda: "line 60" in bed.logs("counter", "-n", "all"), "the last line")
    numbers = [int(n) for n in re.findall(r"line (\d+)$", bed.logs("counter", "-n", "all"), re.MULTILINE)]
    missing = set(range(1, 61)) - set(numbers)
    doubled = {n for n in numbers if numbers.count(n) > 1}
    # A line is written to the log before it is taken from the pipe: a kill between the two repeats it, never loses it.
    equal(missing, set(), "missing lines")
    check(len(doubled) <= 3, "lines written twice: %s" % sorted(doubled))
    equal(numbers, sorted(numbers), "order")


def test_logs_while_away(bed):
    """what a payload writes while nobody reads waits in its pipe."""
    bed.unit("late", "ExecStart=/bin/sh -c 'sleep 0.5; echo while you were away; exit 3'")
    bed.ctl("start", "late").expect(0)
    bed.kill_manager()
    time.sleep(1.0)
    bed.start_manager()
    wait_until(lambda: "while you were away" in bed.logs("late"), "the line")
    equal(bed.property("late", "ExecMainStatus"), "3", "ExecMainStatus")


def test_exec_session(bed):
    """an exec does not outlive the manager that carried its streams; the container does."""
    bed.start_sleeper("web")
    client = bed.spawn(bed.ctl_command("exec", "web", "sleep", "999"))
    wait_until(lambda: [p for p in processes_named(bed, "sleep 999") if p != client.pid], "the command")
    kill_and_return(bed)
    check(client.wait(10) != 0, "exec said success")
    wait_until(lambda: not [p for p in processes_named(bed, "sleep 999") if p != client.pid], "the command to end")
    equal(bed.active("web"), "active", "the container")


def test_many(bed):
    """twenty containers, all found in half a second each way."""
    names = ["m%02d" % i for i in range(20)]
    for name in names:
        write(os.path.join(bed.units, name + ".container"), "[Container]\nRootDirectory=%s\nExecStart=/bin/sleep 1000\n" % bed.root)
    bed.ctl("daemon-reload").expect(0)
    bed.ctl("start", *names).expect(0)
    leaders = {name: bed.leader(name) for name in names}
    kill_and_return(bed)
    equal({name: bed.leader(name) for name in names}, leaders, "leaders")
    equal({bed.active(name) for name in names}, {"active"}, "states")
    bed.ctl("stop", *names).expect(0)


def test_instance(bed):
    """An instance of a template that has ended is no unknown unit afterwards: it is answered for as any inactive one."""
    bed.unit("t@", "ExecStart=/bin/sleep 1000")
    bed.ctl("start", "t@one").expect(0)
    bed.ctl("stop", "t@one").expect(0)
    bed.unit("bad@", "ExecStart=/bin/false")
    bed.ctl("start", "--wait", "bad@one")
    kill_and_return(bed)
    for name in ("t@one", "t@never"):
        bed.ctl("stop", name).expect(0)
        bed.ctl("reset-failed", name).expect(0)
        bed.ctl("kill", name).expect(3)
        bed.ctl("status", name).expect(3)
        equal(bed.property(name, "LoadState"), "loaded", "LoadState")
    equal((bed.active("bad@one"), bed.property("bad@one", "LoadState")), ("failed", "loaded"), "the one that failed")
    bed.ctl("stop", "bad@one").expect(0)
    bed.ctl("reset-failed", "bad@one").expect(0)


def test_unit_gone(bed):
    """a container whose unit file went away while the manager was dead is still found and can be stopped."""
    path = bed.unit("web", "ExecStart=/bin/sleep 1000")
    bed.ctl("start", "web").expect(0)
    bed.kill_manager()
    os.unlink(path)
    bed.start_manager()
    equal(bed.active("web"), "active", "state")
    bed.ctl("stop", "web").expect(0)
    equal(processes_named(bed, "sleep 1000"), [], "payloads")


def test_unit_broken(bed):
    """a unit that became bad keeps its last good definition for what runs."""
    bed.start_sleeper("web")
    write(os.path.join(bed.units, "web.container"), "[Container]\nNonsense=yes\n")
    bed.ctl("daemon-reload")
    equal((bed.active("web"), bed.property("web", "LoadState")), ("active", "bad"), "state")
    bed.ctl("exec", "web", "true").expect(0)
    kill_and_return(bed)
    equal((bed.active("web"), bed.property("web", "LoadState")), ("active", "bad"), "state after a kill")
    bed.ctl("stop", "web").expect(0)
    bed.ctl("start", "web").expect(5, "Nonsense")


def test_second_manager(bed):
    """a second manager on the same directories is refused and harms nothing."""
    bed.start_sleeper("web")
    leader = bed.leader("web")
    second = bed.run(bed.manager_command(), timeout=20)
    check(second.code != 0, "a second manager ran:\n%s" % second)
    equal((bed.active("web"), bed.leader("web")), ("active", leader), "the container")


def test_keeper_killed(bed):
    """the keeper must not die; when it does, the container runs on, is found again and its status is unknown."""
    bed.start_sleeper("web")
    leader = bed.leader("web")
    os.kill(bed.keeper_pid(), signal.SIGKILL)
    wait_until(lambda: bed.manager.poll() is not None or bed.ctl("list").code == 0, "the manager to notice")
    if bed.manager.poll() is not None:
        bed.start_manager()
    check(os.path.exists("/proc/%d" % leader), "the container died with its keeper")
    wait_until(lambda: bed.active("web") == "active", "the container to be adopted")
    bed.unit("other", "ExecStart=/bin/sh -c 'exit 4'")
    wait_until(lambda: bed.ctl("start", "--wait", "other").code == 4, "a new keeper to work")
    bed.ctl("stop", "web").expect(0)
    wait_until(lambda: not os.path.exists("/proc/%d" % leader), "the leader to end")
    check(bed.property("web", "ExecMainCode") == "0" or bed.property("web", "Result") in ("unknown", "success"), "Result=" + bed.property("web", "Result"))


def test_damaged_state(bed):
    """state files that are damaged are set aside, the container is found all the same."""
    bed.start_sleeper("web")
    bed.kill_manager()
    damaged = 0
    for directory, _, files in os.walk(bed.state):
        for file in files:
            path = os.path.join(directory, file)
            if "/logs/" in path or "/cache/" in path or os.path.getsize(path) == 0:
                continue
            with open(path, "r+b") as f:
                f.truncate(os.path.getsize(path) // 2)
            damaged += 1
    bed.start_manager()
    equal(bed.active("web"), "active", "state (%d files were damaged)" % damaged)
    bed.ctl("stop", "web").expect(0)


def test_old_artefacts(bed):
    """what was compiled and not used for months leaves the cache with the next manager; what is used stays."""
    bed.unit("web", "Type=oneshot", "ExecStart=/bin/true")
    bed.ctl("start", "--wait", "web").expect(0)
    bed.stop_manager()
    cache = os.path.join(bed.state, "cache")
    kept = os.listdir(cache)
    check(kept, "nothing is in the cache")
    old = os.path.join(cache, "apparmor-of-a-unit-that-has-gone")
    write(old, "x")
    os.utime(old, (1, 1))
    bed.start_manager()
    equal(sorted(os.listdir(cache)), sorted(kept), "the cache")


def test_sigterm_of_a_dead_payload(bed):
    """SIGTERM, then a new manager: nothing is believed to run."""
    bed.start_sleeper("web")
    equal(bed.stop_manager(), 0, "exit code of the manager")
    wait_until(lambda: not bed.own_processes(), "every process to end")
    bed.start_manager()
    check(bed.active("web") in ("inactive", "failed"), "state " + bed.active("web"))
    bed.ctl("start", "web").expect(0)


run(__name__)
