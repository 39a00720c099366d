# SPDX-License-Identifier: LGPL-2.1-or-later
"""HealthCmd=: when it runs, what its end means, what follows, and that it costs nothing but itself."""

from harness import *

# Well as long as /tmp/ill is not there.
WELL = "HealthCmd=/bin/sh -c 'echo looking; if [ -e /tmp/ill ]; then cat /tmp/ill; exit 1; fi'"


def health(bed, name):
    return bed.property(name, "HealthStatus")


def wait_health(bed, name, state, timeout=15):
    wait_until(lambda: health(bed, name) == state, "%s to become %s" % (name, state), timeout)


def fall_ill(bed, name, words="it hurts"):
    bed.ctl("exec", name, "/bin/sh", "-c", "echo %s > /tmp/ill" % words).expect(0)


def test_healthy_and_unhealthy(bed):
    """healthy, a bad check, HealthRetries= of them, and well again; none of it touches the payload."""
    bed.start_sleeper("web", WELL, "HealthInterval=200ms", "HealthRetries=3")
    wait_health(bed, "web", "healthy")
    leader = bed.leader("web")
    fall_ill(bed, "web")
    wait_until(lambda: int(bed.property("web", "HealthFailingStreak")) >= 1, "the first bad check")
    wait_health(bed, "web", "unhealthy")
    check(int(bed.property("web", "HealthFailingStreak")) >= 3, "HealthFailingStreak")
    contains(bed.property("web", "HealthOutput"), "it hurts")
    status = bed.ctl("status", "web").out
    contains(status, "Health: unhealthy")
    contains(status, "it hurts")
    equal(json.loads(bed.ctl("status", "web", "-o", "json").out)["HealthStatus"], "unhealthy", "status -o json")
    equal(bed.active("web"), "active", "ActiveState with HealthOnFailure=none")
    bed.ctl("exec", "web", "/bin/rm", "/tmp/ill").expect(0)
    wait_health(bed, "web", "healthy")
    equal(bed.property("web", "HealthFailingStreak"), "0", "HealthFailingStreak")
    equal(bed.leader("web"), leader, "MainPID")
    bed.ctl("stop", "web").expect(0)


def test_without(bed):
    """No HealthCmd=, no status."""
    bed.start_sleeper("plain")
    equal(health(bed, "plain"), "", "HealthStatus")
    bed.ctl("healthcheck", "plain").expect(1, "runs without HealthCmd=")
    check("Health" not in bed.ctl("status", "plain").out, "status")


def test_by_hand(bed):
    """healthcheck gives output and exit code; HealthInterval=infinity checks by hand alone."""
    bed.start_sleeper("web", "HealthCmd=/bin/sh -c 'echo as $$0; exit 7' $NAME", "Environment=NAME=told", "User=user",
                      "HealthInterval=infinity")
    result = bed.ctl("healthcheck", "web")
    result.expect(7, "as told")
    equal(health(bed, "web"), "", "HealthStatus")
    equal(bed.property("web", "HealthFailingStreak"), "0", "HealthFailingStreak")
    bed.ctl("stop", "web").expect(0)
    bed.ctl("healthcheck", "web").expect(3, "not running")


def test_on_failure(bed):
    """kill, restart and stop follow, each once; what runs afterwards begins anew."""
    bed.start_sleeper("kill", WELL, "HealthInterval=200ms", "HealthRetries=2", "HealthOnFailure=kill")
    wait_health(bed, "kill", "healthy")
    fall_ill(bed, "kill")
    bed.wait_active("kill", "failed")
    equal(bed.property("kill", "Result"), "unhealthy", "Result")
    contains(bed.ctl("status", "kill").out, "in a row were bad")

    bed.start_sleeper("back", WELL, "HealthInterval=200ms", "HealthRetries=1", "HealthOnFailure=kill", "Restart=on-failure")
    wait_health(bed, "back", "healthy")
    leader = bed.leader("back")
    fall_ill(bed, "back")
    wait_until(lambda: bed.leader("back") not in (0, leader), "Restart= to start it again")
    bed.ctl("stop", "back").expect(0)

    bed.start_sleeper("again", WELL, "HealthInterval=200ms", "HealthRetries=2", "HealthOnFailure=restart")
    wait_health(bed, "again", "healthy")
    leader = bed.leader("again")
    fall_ill(bed, "again")
    wait_until(lambda: bed.leader("again") not in (0, leader), "another leader")
    wait_health(bed, "again", "healthy")  # its /tmp is new
    equal(bed.property("again", "HealthFailingStreak"), "0", "HealthFailingStreak")

    bed.start_sleeper("stop", WELL, "HealthInterval=200ms", "HealthRetries=1", "HealthOnFailure=stop")
    wait_health(bed, "stop", "healthy")
    fall_ill(bed, "stop")
    bed.wait_active("stop", "inactive")
    equal(bed.property("stop", "Result"), "success", "Result")


def test_start_period(bed):
    """Bad checks of the start do not count, and are repeated soon."""
    bed.start_sleeper("slow", "HealthCmd=/bin/sh -c 'test -e /tmp/up'", "HealthInterval=10s", "HealthRetries=1",
                      "HealthStartPeriod=1min", "HealthOnFailure=kill")
    time.sleep(1.5)
    equal(health(bed, "slow"), "starting", "HealthStatus")
    equal(bed.property("slow", "HealthFailingStreak"), "0", "HealthFailingStreak")
    bed.ctl("exec", "slow", "/bin/touch", "/tmp/up").expect(0)
    wait_health(bed, "slow", "healthy", 8)


def test_timeout(bed):
    """A check that hangs is killed, and was bad."""
    bed.start_sleeper("hang", "HealthCmd=/bin/sleep 1000", "HealthInterval=200ms", "HealthTimeout=300ms", "HealthRetries=2")
    wait_health(bed, "hang", "unhealthy")
    contains(bed.property("hang", "HealthOutput"), "longer than HealthTimeout=")
    bed.ctl("stop", "hang").expect(0)


def test_cannot_run(bed):
    """A command that is not there is a bad check with the reason; endless output is cut."""
    bed.start_sleeper("none", "HealthCmd=/bin/nonexistent", "HealthInterval=200ms", "HealthRetries=1")
    wait_health(bed, "none", "unhealthy")
    contains(bed.property("none", "HealthOutput"), "/bin/nonexistent")
    bed.start_sleeper("loud", "HealthCmd=/bin/yes", "HealthInterval=200ms", "HealthTimeout=500ms", "HealthRetries=1")
    wait_health(bed, "loud", "unhealthy")


def test_frozen(bed):
    """While the container is frozen nothing is checked and nothing counts."""
    bed.start_sleeper("web", WELL, "HealthInterval=200ms", "HealthTimeout=500ms", "HealthRetries=1", "HealthOnFailure=kill")
    wait_health(bed, "web", "healthy")
    bed.ctl("freeze", "web").expect(0)
    time.sleep(2)
    equal(health(bed, "web"), "healthy", "HealthStatus")
    bed.ctl("thaw", "web").expect(0)
    time.sleep(1)
    equal(bed.active("web"), "active", "ActiveState")
    fall_ill(bed, "web")
    bed.wait_active("web", "failed")


def test_start_waits_for_healthy(bed):
    """Notify=healthy: the start is done with the first good check, and who is After= waits; one that never is fails."""
    lines = ("HealthCmd=/bin/test -e /tmp/up", "HealthInterval=200ms", "Notify=healthy", "ExecStart=/bin/sleep 1000")
    bed.unit("first", *lines, "HealthStartPeriod=1min")
    bed.unit("second", raw="[Unit]\nRequires=first\nAfter=first\n[Container]\nRootDirectory=%s\nExecStart=/bin/sleep 1000\n" % bed.root)
    start = bed.spawn(bed.ctl_command("start", "second"))
    wait_until(lambda: bed.leader("first") > 0 and health(bed, "first") == "starting", "the first to run")
    time.sleep(0.5)
    equal(bed.active("first"), "activating", "the first before it is healthy")
    equal(bed.active("second"), "inactive", "the second before that")
    bed.ctl("exec", "first", "/bin/touch", "/tmp/up").expect(0)
    equal(start.wait(15), 0, "the start's exit code")
    equal(bed.active("first"), "active", "the first")
    equal(bed.active("second"), "active", "the second")
    bed.unit("never", *lines, "HealthRetries=2")
    bed.ctl("start", "never").expect(1, "health checks in a row were bad")
    equal(bed.property("never", "Result"), "unhealthy", "Result")


def test_manager_restart(bed):
    """A new manager goes on where the old one was killed: the state, the streak, and the checks."""
    bed.start_sleeper("web", WELL, "HealthInterval=300ms", "HealthRetries=2")
    wait_health(bed, "web", "healthy")
    fall_ill(bed, "web")
    wait_health(bed, "web", "unhealthy")
    streak = int(bed.property("web", "HealthFailingStreak"))
    bed.kill_manager()
    bed.start_manager()
    equal(health(bed, "web"), "unhealthy", "HealthStatus")
    check(int(bed.property("web", "HealthFailingStreak")) >= streak, "HealthFailingStreak")
    bed.ctl("exec", "web", "/bin/rm", "/tmp/ill").expect(0)
    wait_health(bed, "web", "healthy")


# Up as soon as /tmp/up is there; each look leaves a line.
COMING_UP = "HealthStartupCmd=/bin/sh -c 'echo up >> /tmp/looks; test -e /tmp/up'"


def looks(bed, name):
    return bed.ctl("exec", name, "/bin/sh", "-c", "cat /tmp/looks 2>/dev/null").out.split()


def test_startup(bed):
    """HealthCmd= is not asked before HealthStartupCmd= was good as often as it must be; a manager that is killed meanwhile goes on counting."""
    bed.start_sleeper("web", COMING_UP, "HealthCmd=/bin/sh -c 'echo checked >> /tmp/looks'", "HealthStartupInterval=200ms", "HealthStartupSuccess=2",
                      "HealthInterval=1h")
    wait_until(lambda: len(looks(bed, "web")) >= 2, "bad looks")
    equal((health(bed, "web"), set(looks(bed, "web"))), ("starting", {"up"}), "before it is up")
    bed.kill_manager()
    bed.start_manager()
    bed.ctl("exec", "web", "/bin/touch", "/tmp/up").expect(0)
    before = len(looks(bed, "web"))
    wait_health(bed, "web", "healthy")
    equal(looks(bed, "web")[-1], "checked", "the last look")
    check(len(looks(bed, "web")) >= before + 2, "two good looks, then the check: %s" % looks(bed, "web"))
    bed.kill_manager()
    bed.start_manager()
    equal(health(bed, "web"), "healthy", "after the manager came back")
    time.sleep(0.5 * SLOWNESS)
    equal(looks(bed, "web").count("checked") >= 1 and looks(bed, "web")[-1], "checked", "no startup check once it is up")
    bed.ctl("stop", "web").expect(0)


def test_startup_fails(bed):
    """HealthStartupRetries= bad looks start the container again, or fail a start that waits; one that hangs is bad."""
    bed.start_sleeper("web", "HealthStartupCmd=/bin/sh -c 'echo not yet; exit 1'", "HealthCmd=/bin/true", "HealthStartupInterval=200ms",
                      "HealthStartupRetries=3")
    leader = bed.leader("web")
    wait_until(lambda: bed.active("web") == "active" and bed.leader("web") != leader, "a restart")
    contains(read(bed.log), "for HealthStartupRetries=")
    bed.ctl("stop", "web").expect(0)
    bed.unit("waits", "ExecStart=/bin/sleep 1000", "Notify=healthy", "HealthStartupCmd=/bin/sleep 1000", "HealthStartupTimeout=200ms",
             "HealthCmd=/bin/true", "HealthStartupInterval=100ms", "HealthStartupRetries=2")
    result = bed.ctl("start", "waits")
    check(result.code != 0, "started")
    contains(result.out + result.err, "HealthStartupTimeout=")


def test_mistakes(bed):
    """What cannot be meant is refused."""
    for lines, words in (
        (["Notify=healthy"], "HealthCmd= is not set"),
        (["HealthStartupCmd=/bin/true"], "comes before HealthCmd="),
        (["HealthCmd=/bin/true", "HealthStartupCmd=/bin/true", "HealthStartupInterval=infinity"], "and infinity never"),
        (["HealthCmd=/bin/true", "HealthInterval=0"], "0 would check without end"),
        (["HealthCmd=/bin/true", "HealthCmd=/bin/false"], "one command is what a check runs"),
        (["HealthCmd=/bin/true", "Type=oneshot"], "Type=oneshot does its work and ends"),
        (["HealthCmd=/bin/true", "HealthInterval=infinity", "Notify=healthy"], "with HealthInterval=infinity there is none"),
    ):
        path = bed.unit("bad", "ExecStart=/bin/true", *lines)
        bed.verify(path).expect(5, words)


if __name__ == "__main__":
    run("__main__")
