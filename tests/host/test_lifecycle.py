# SPDX-License-Identifier: LGPL-2.1-or-later
"""Start, stop, kill, freeze, exit codes and results, as a user of bulwarkctl sees them."""

from harness import *

TRAPS = "ExecStart=/bin/sh -c 'trap \"exit 7\" TERM; trap \"echo usr1\" USR1; echo ready; while true; do sleep 0.1; done'"
DEAF = "ExecStart=/bin/sh -c 'trap \"\" TERM; echo ready; while true; do sleep 0.1; done'"


def wait_ready(bed, name):
    wait_until(lambda: "ready" in bed.logs(name), name + " to say that it is ready")


def test_start_stop(bed):
    """inactive, active, inactive; processes and cgroup come and go."""
    bed.unit("web", "ExecStart=/bin/sleep 1000")
    equal(bed.active("web"), "inactive", "before")
    bed.ctl("is-active", "web").expect(3, "inactive")
    bed.ctl("start", "web").expect(0)
    bed.ctl("is-active", "web").expect(0, "active")
    equal(bed.property("web", "SubState"), "running", "SubState")
    leader = bed.leader("web")
    equal(read("/proc/%d/comm" % leader).strip() != "", True, "the leader lives")
    cgroup = bed.property("web", "ControlGroup")
    check("/containers/web" in cgroup, "ControlGroup=" + cgroup)
    bed.ctl("start", "web").expect(0)
    equal(bed.leader("web"), leader, "a second start does nothing")
    bed.ctl("stop", "web").expect(0)
    equal(bed.active("web"), "inactive", "after")
    equal(bed.property("web", "MainPID"), "0", "MainPID")
    check(not os.path.exists("/proc/%d" % leader), "the leader is left")
    bed.ctl("stop", "web").expect(0)


def test_exit_codes_of_wait(bed):
    """start --wait gives the payload's own code, 128+N for a signal, 126 and 127 as a shell."""
    for code in (0, 1, 3, 42, 255):
        bed.unit("code", "ExecStart=/bin/sh -c 'exit %d'" % code)
        bed.ctl("start", "--wait", "code").expect(code)
        bed.ctl("reset-failed", "code")
    bed.unit("signal", "ExecStart=/bin/sh -c 'kill -9 $$$$'")
    bed.ctl("start", "--wait", "signal").expect(128 + 9)
    bed.unit("missing", "ExecStart=/bin/nonexistent")
    bed.ctl("start", "--wait", "missing").expect(127, "/bin/nonexistent")
    bed.unit("noexec", "ExecStart=/etc/passwd")
    bed.ctl("start", "--wait", "noexec").expect(126, "/etc/passwd")
    bed.unit("oneshot", "Type=oneshot", "ExecStart=/bin/sh -c 'exit 9'")
    bed.ctl("start", "--wait", "oneshot").expect(9)


def test_without_the_init(bed):
    """ProcessTwo=no keeps the codes."""
    bed.unit("code", "ProcessTwo=no", "ExecStart=/bin/sh -c 'exit 5'")
    bed.ctl("start", "--wait", "code").expect(5)
    bed.unit("web", "ProcessTwo=no", TRAPS)
    bed.ctl("start", "web").expect(0)
    wait_ready(bed, "web")
    bed.ctl("stop", "web").expect(0)
    equal(bed.property("web", "ExecMainStatus"), "7", "ExecMainStatus")


def test_results(bed):
    """failed and inactive, with systemd's words and numbers."""
    bed.unit("bad", "ExecStart=/bin/sh -c 'exit 3'")
    bed.ctl("start", "--wait", "bad").expect(3)
    equal(bed.active("bad"), "failed", "ActiveState")
    equal(bed.property("bad", "Result"), "exit-code", "Result")
    equal((bed.property("bad", "ExecMainCode"), bed.property("bad", "ExecMainStatus")), ("1", "3"), "ExecMain")
    bed.ctl("is-failed", "bad").expect(0, "failed")
    bed.ctl("is-active", "bad").expect(3, "failed")
    bed.ctl("status", "bad").expect(3, "bad", "failed", "3")
    bed.ctl("reset-failed", "bad").expect(0)
    equal(bed.active("bad"), "inactive", "ActiveState after reset-failed")
    check(bed.ctl("is-failed", "bad").code != 0, "is-failed of what has not failed")
    bed.unit("shot", "ExecStart=/bin/sh -c 'kill -SEGV $$$$'")
    bed.ctl("start", "--wait", "shot").expect(128 + 11)
    check(bed.property("shot", "Result") in ("signal", "core-dump"), bed.property("shot", "Result"))
    bed.unit("good", "ExecStart=/bin/true")
    bed.ctl("start", "--wait", "good").expect(0)
    equal((bed.active("good"), bed.property("good", "Result")), ("inactive", "success"), "a clean end")


def test_stop_by_signal(bed):
    """the payload gets SIGTERM through the init and its code is kept."""
    bed.unit("polite", TRAPS, "SuccessExitStatus=7")
    bed.ctl("start", "polite").expect(0)
    wait_ready(bed, "polite")
    bed.ctl("stop", "polite").expect(0)
    equal(bed.property("polite", "ExecMainStatus"), "7", "ExecMainStatus")
    equal(bed.active("polite"), "inactive", "7 was said to be a success")


def test_stop_of_a_stopped_one(bed):
    """a payload, or its init, that SIGSTOP holds sees the stop signal all the same."""
    bed.unit("held", "ExecStart=/bin/sleep 1000", "TimeoutStopSec=20s")
    for whom in ("init", "payload"):
        bed.ctl("start", "held").expect(0)
        leader = bed.leader("held")
        pid = leader if whom == "init" else int(read("/proc/%d/task/%d/children" % (leader, leader)).split()[0])
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: ") T " in read("/proc/%d/stat" % pid), whom + " to be held")
        bed.ctl("stop", "held").expect(0)
        equal((bed.active("held"), bed.property("held", "ExecMainStatus")), ("inactive", "15"), whom)


def test_stop_by_timeout(bed):
    """who does not listen is killed after TimeoutStopSec= with all its processes."""
    bed.unit("deaf", DEAF, "TimeoutStopSec=1s")
    bed.ctl("start", "deaf").expect(0)
    wait_ready(bed, "deaf")
    begin = time.monotonic()
    result = bed.ctl("stop", "deaf")
    took = time.monotonic() - begin
    check(result.code in (0, 1), str(result))
    check(0.9 < took < 6, "stop took %.1f s" % took)
    equal((bed.active("deaf"), bed.property("deaf", "Result")), ("failed", "timeout"), "state")
    equal((bed.property("deaf", "ExecMainCode"), bed.property("deaf", "ExecMainStatus")), ("2", "9"), "killed by SIGKILL")


def test_kill_signal(bed):
    """KillSignal= is what stop sends."""
    bed.unit("int", "ExecStart=/bin/sh -c 'trap \"exit 4\" INT; echo ready; while true; do sleep 0.1; done'", "KillSignal=SIGINT",
             "TimeoutStopSec=5s")
    bed.ctl("start", "int").expect(0)
    wait_ready(bed, "int")
    bed.ctl("stop", "int").expect(0)
    equal(bed.property("int", "ExecMainStatus"), "4", "ExecMainStatus")


def test_kill(bed):
    """kill -s by name and number, to the payload; unknown signals and units are refused."""
    bed.unit("web", TRAPS)
    bed.ctl("start", "web").expect(0)
    wait_ready(bed, "web")
    bed.ctl("kill", "-s", "USR1", "web").expect(0)
    wait_until(lambda: "usr1" in bed.logs("web"), "the signal to arrive")
    bed.ctl("kill", "-s", "NOSUCH", "web").expect(2, "NOSUCH")
    bed.ctl("kill", "nothere").expect(4)
    bed.ctl("kill", "-s", "9", "web").expect(0)
    bed.wait_active("web", "failed")
    equal((bed.property("web", "ExecMainCode"), bed.property("web", "ExecMainStatus")), ("2", "9"), "code")
    bed.ctl("kill", "web").expect(3)


def test_restart(bed):
    """a new payload; of a stopped one, a start."""
    bed.start_sleeper("web")
    first, invocation = bed.leader("web"), bed.property("web", "InvocationID")
    bed.ctl("restart", "web").expect(0)
    equal(bed.active("web"), "active", "state")
    check(bed.leader("web") != first, "the same process")
    check(bed.property("web", "InvocationID") != invocation, "the same invocation")
    bed.ctl("stop", "web").expect(0)
    bed.ctl("restart", "web").expect(0)
    equal(bed.active("web"), "active", "state")


def test_freeze(bed):
    """freeze stops every process, thaw goes on, a frozen container can be stopped."""
    bed.unit("count", "ExecStart=/bin/sh -c 'n=0; while true; do n=$$((n+1)); echo tick $$n; sleep 0.05; done'", "TimeoutStopSec=2s")
    bed.ctl("start", "count").expect(0)
    wait_until(lambda: "tick 3" in bed.logs("count"), "ticks")
    bed.ctl("freeze", "count").expect(0)
    equal(bed.property("count", "FreezerState"), "frozen", "FreezerState")
    time.sleep(0.2)
    before = bed.logs("count", "-n", "all")
    time.sleep(0.4)
    equal(bed.logs("count", "-n", "all"), before, "the log of a frozen container")
    bed.ctl("thaw", "count").expect(0)
    equal(bed.property("count", "FreezerState"), "running", "FreezerState")
    wait_until(lambda: bed.logs("count", "-n", "all") != before, "new ticks")
    bed.ctl("freeze", "count").expect(0)
    bed.ctl("stop", "count")
    check(bed.active("count") in ("inactive", "failed"), "a frozen container was not stopped")


def test_oneshot(bed):
    """start waits for the end; RemainAfterExit= stays active."""
    bed.unit("once", "Type=oneshot", "ExecStart=/bin/sh -c 'sleep 0.3; echo done'")
    begin = time.monotonic()
    bed.ctl("start", "once").expect(0)
    check(time.monotonic() - begin >= 0.25, "start of a oneshot returned before its end")
    equal(bed.active("once"), "inactive", "state")
    bed.unit("stay", "Type=oneshot", "RemainAfterExit=yes", "ExecStart=/bin/true")
    bed.ctl("start", "stay").expect(0)
    equal((bed.active("stay"), bed.property("stay", "SubState")), ("active", "exited"), "state")
    bed.ctl("stop", "stay").expect(0)
    equal(bed.active("stay"), "inactive", "state")
    bed.unit("fails", "Type=oneshot", "RemainAfterExit=yes", "ExecStart=/bin/false")
    bed.ctl("start", "fails").expect(1, "fails")
    equal(bed.active("fails"), "failed", "state")


def test_exec_type(bed):
    """Type=exec: start fails when the program cannot be executed, and names it."""
    bed.unit("missing", "Type=exec", "ExecStart=/bin/nonexistent")
    bed.ctl("start", "missing").expect(1, "/bin/nonexistent", "No such file")
    equal(bed.active("missing"), "failed", "state")


def test_success_exit_status(bed):
    """codes, signals and names."""
    bed.unit("coded", "ExecStart=/bin/sh -c 'exit 3'", "SuccessExitStatus=3 SIGUSR1 TEMPFAIL")
    bed.ctl("start", "--wait", "coded").expect(3)
    equal((bed.active("coded"), bed.property("coded", "Result")), ("inactive", "success"), "exit 3")
    bed.unit("named", "ExecStart=/bin/sh -c 'exit 75'", "SuccessExitStatus=3 SIGUSR1 TEMPFAIL")
    bed.ctl("start", "--wait", "named").expect(75)
    equal(bed.active("named"), "inactive", "exit 75")
    bed.unit("shot", "ExecStart=/bin/sh -c 'kill -USR1 $$$$'", "SuccessExitStatus=3 SIGUSR1 TEMPFAIL")
    bed.ctl("start", "--wait", "shot").expect(128 + 10)
    equal(bed.active("shot"), "inactive", "SIGUSR1")


def test_init_reaps(bed):
    """orphans end up at PID 1 and are no zombies; the code is the payload's, not an orphan's."""
    bed.unit("orphans", "ExecStart=/bin/sh -c '(sh -c \"sleep 0.1; exit 3\" & ) ; (sh -c \"sleep 0.1; exit 4\" &); sleep 0.6; ps -o stat,comm | grep -c \"^Z\"; exit 6'")
    bed.ctl("start", "--wait", "orphans").expect(6)
    contains(bed.logs("orphans"), "0", "number of zombies")


def test_leftovers_are_killed(bed):
    """what the payload left running dies with the container."""
    bed.unit("leaves", "ExecStart=/bin/sh -c 'setsid sleep 1000 & sleep 0.1; exit 0'")
    bed.ctl("start", "--wait", "leaves").expect(0)
    bed.wait_active("leaves", "inactive")
    time.sleep(0.1)
    left = [p for p in bed.own_processes() if "sleep" in read("/proc/%d/cmdline" % p)]
    equal(left, [], "processes")


def test_concurrent_starts(bed):
    """many clients at once, one container each."""
    names = ["c%d" % i for i in range(8)]
    for name in names:
        bed.unit(name, "ExecStart=/bin/sleep 1000")
    clients = [bed.spawn(bed.ctl_command("start", name)) for name in names]
    for name, client in zip(names, clients):
        equal(client.wait(30), 0, "start of " + name)
    equal({bed.active(name) for name in names}, {"active"}, "states")
    listed = bed.ctl("list", "--no-legend").expect(0).out
    for name in names:
        contains(listed, name, "list")
    bed.ctl("stop", *names).expect(0)
    equal({bed.active(name) for name in names}, {"inactive"}, "states")


def test_start_stop_churn(bed):
    """thirty rounds leave nothing (the ledger looks)."""
    bed.unit("churn", "ExecStart=/bin/sleep 1000")
    for _ in range(30):
        bed.ctl("start", "churn").expect(0)
        bed.ctl("stop", "churn").expect(0)


def test_no_block(bed):
    """the job is queued, its end can be seen."""
    bed.unit("slow", "Type=oneshot", "ExecStart=/bin/sleep 1")
    begin = time.monotonic()
    bed.ctl("start", "--no-block", "slow").expect(0)
    check(time.monotonic() - begin < 0.9, "--no-block blocked")
    equal(bed.active("slow"), "activating", "state")
    bed.wait_active("slow", "inactive")


def test_stop_while_starting(bed):
    """a oneshot under way can be stopped."""
    bed.unit("slow", "Type=oneshot", "ExecStart=/bin/sleep 1000")
    bed.ctl("start", "--no-block", "slow").expect(0)
    bed.wait_active("slow", "activating")
    bed.ctl("stop", "slow").expect(0)
    check(bed.active("slow") in ("inactive", "failed"), bed.active("slow"))


def test_list_and_show(bed):
    """tables and JSON of list, list-unit-files, show, status, cat."""
    bed.unit("web", "ExecStart=/bin/sleep 1000", head="[Unit]\nDescription=A web of words\n")
    bed.unit("idle", "ExecStart=/bin/true")
    bed.ctl("start", "web").expect(0)
    items = json.loads(bed.ctl("list", "-o", "json").expect(0).out)
    equal([i["name"] for i in items], ["web"], "list")
    contains(bed.ctl("list").expect(0).out, "A web of words", "list")
    names = [i["name"] for i in json.loads(bed.ctl("list", "-a", "-o", "json").expect(0).out)]
    equal(names, ["idle", "web"], "list -a")
    files = bed.ctl("list-unit-files").expect(0).out
    contains(files, "idle", "list-unit-files")
    shown = bed.ctl("show", "web").expect(0).out
    for key in ("ActiveState=active", "Description=A web of words", "ReadOnly=yes", "PrivateNetwork=yes", "FragmentPath=" + bed.units):
        contains(shown, key, "show")
    equal(bed.property("web", "Description"), "A web of words", "show -p --value")
    bed.ctl("status", "web").expect(0, "A web of words", "active")
    bed.ctl("status", "idle").expect(3, "inactive")
    contains(bed.ctl("cat", "web").expect(0).out, "ExecStart=/bin/sleep 1000", "cat")
    contains(bed.ctl("show").expect(0).out, "Version=", "show of the manager")
    contains(bed.ctl("list").out, "web")
    check("\x1b[" not in bed.ctl("list").out, "colours without a terminal")


def test_usage_errors(bed):
    """2 for a wrong command line, 4 for no such unit."""
    bed.ctl("nosuchverb").expect(2, "nosuchverb")
    bed.ctl("start").expect(2)
    bed.ctl("start", "--nosuchoption", "x").expect(2, "nosuchoption")
    bed.ctl("list", "-o", "xml").expect(2)
    bed.ctl("--help").expect(0, "start", "logs")
    bed.ctl("--version").expect(0)
    for verb in ("start", "stop", "restart", "status", "freeze", "cat", "logs"):
        bed.ctl(verb, "nothere").expect(4, "nothere")
    bed.ctl("is-active", "nothere").expect(4, "inactive")
    bed.ctl("exec", "nothere", "true").expect(4)
    check(bed.ctl("start", "bad/name").code in (2, 4), "a bad name")
    bed.ctl("start", "web@").expect(2, "is a template", "web@blue")


def test_not_reachable(bed):
    """7 without a manager."""
    result = bed.run([bed.bulwarkctl, "--runtime-directory=" + os.path.join(bed.directory, "nothing"), "list"])
    result.expect(7)


def test_daemon_reload(bed):
    """a changed unit is picked up; a running one keeps its definition until restarted."""
    bed.start_sleeper("web")
    bed.unit("web", "ExecStart=/bin/sleep 2000", head="[Unit]\nDescription=new\n")
    equal(bed.active("web"), "active", "state")
    bed.ctl("restart", "web").expect(0)
    equal(bed.property("web", "Description"), "new", "Description")
    command = read("/proc/%d/cmdline" % max(p for p in bed.own_processes() if "sleep" in read("/proc/%d/cmdline" % p)))
    contains(command, "2000", "command")


def test_stop_order_at_shutdown(bed):
    """SIGTERM to the manager stops the containers in the reverse order of After=, then the keeper."""
    order = os.path.join(bed.directory, "order")
    os.makedirs(order)
    os.chmod(order, 0o777)
    for name, after in (("first", ""), ("second", "first"), ("third", "second")):
        bed.unit(name, "BindPaths=%s:/data" % order, "TimeoutStopSec=5s",
                 "ExecStart=/bin/sh -c 'trap \"echo %s >>/data/list; exit 0\" TERM; echo ready; while true; do sleep 0.05; done'" % name,
                 head="[Unit]\nAfter=%s\n" % after)
        bed.ctl("start", name).expect(0)
        wait_ready(bed, name)
    equal(bed.stop_manager(), 0, "exit code of the manager")
    equal(read(os.path.join(order, "list")).split(), ["third", "second", "first"], "order")
    wait_until(lambda: not bed.own_processes(), "every process to end", 5)
    shutil.rmtree(order)


def test_manager_end_stops_what_remains(bed):
    """at the end of a standalone manager what remains after its exit is stopped, too: its ExecStop= runs."""
    place = os.path.join(bed.out, "remains")
    os.makedirs(place)
    os.chmod(place, 0o777)
    bed.unit("net", "Type=oneshot", "RemainAfterExit=yes", "BindPaths=%s:/log" % place,
             "ExecStart=/bin/sh -c 'echo up >> /log/f'", "ExecStop=/bin/sh -c 'echo down >> /log/f'")
    bed.ctl("start", "net").expect(0)
    equal(bed.active("net"), "active", "after its start")
    bed.stop_manager()
    equal(read(os.path.join(place, "f")).split(), ["up", "down"], "what it did")
    bed.start_manager()
    equal(bed.active("net"), "inactive", "with the next manager")


def test_units_that_have_gone(bed):
    """of a container whose file has gone while no manager was there nothing comes back, and no record stays."""
    path = bed.unit("brief", "Type=oneshot", "ExecStart=/bin/true")
    bed.ctl("start", "--wait", "brief").expect(0)
    other = bed.unit("gone", "Type=oneshot", "ExecStart=/bin/true")
    bed.ctl("start", "--wait", "gone").expect(0)
    os.unlink(other)
    bed.ctl("daemon-reload").expect(0)
    bed.kill_manager()
    os.unlink(path)
    bed.start_manager()
    text = bed.ctl("list", "--all").out
    for name in ("brief", "gone"):
        check(name not in text, "%s came back:\n%s" % (name, text))
        check(name not in os.listdir(os.path.join(bed.runtime, "state")), "the record of %s stays" % name)


run(__name__)
