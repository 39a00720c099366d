# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a unit runs beside its payload: ExecCondition=, ExecStartPre=, ExecStartPost=, ExecReload=, ExecStop=, ExecStopPost=,
and several ExecStart= of a oneshot."""

from harness import *

READY = "ExecStart=/bin/sh -c 'trap \"echo main-term; exit 0\" TERM; echo main; while true; do sleep 0.05; done'"
ALL = (
    "ExecCondition=/bin/sh -c 'echo condition'",
    "ExecStartPre=/bin/sh -c 'echo pre1'",
    "ExecStartPre=/bin/sh -c 'echo pre2'",
    "ExecStartPost=/bin/sh -c 'echo post1 $MAINPID'",
    "ExecStartPost=/bin/sh -c 'echo post2'",
    "ExecReload=/bin/sh -c 'echo reload $MAINPID'",
    "ExecStop=/bin/sh -c 'echo stop $MAINPID $SERVICE_RESULT'",
    "ExecStopPost=/bin/sh -c 'echo after $SERVICE_RESULT $EXIT_CODE $EXIT_STATUS'",
)


def said(bed, name):
    """The lines that its processes wrote, whatever stands before them; names are of one test alone, as logs are kept."""
    return re.findall(r"\b(condition|pre\d|main-term|main|post\d(?: \d+)?|reload \d+|stop \d+ [a-z-]+|after [a-z-]+(?: \S+)*|start\d)$",
                      bed.logs(name), re.M)


def state(bed, name):
    return bed.active(name), bed.property(name, "SubState"), bed.property(name, "Result")


def test_the_whole_row(bed):
    """Each command once, in its place, with what it is told."""
    bed.unit("web", READY, *ALL)
    bed.ctl("start", "web").expect(0)
    equal(state(bed, "web"), ("active", "running", "success"), "state")
    wait_until(lambda: "main" in said(bed, "web"), "the payload")
    equal(sorted(said(bed, "web")), sorted(["condition", "pre1", "pre2", "main", "post1 2", "post2"]), "after the start")
    equal(said(bed, "web")[:3], ["condition", "pre1", "pre2"], "before the payload")
    leader = bed.leader("web")
    bed.ctl("reload", "web").expect(0)
    equal(bed.leader("web"), leader, "MainPID after the reload")
    bed.ctl("stop", "web").expect(0)
    equal(state(bed, "web"), ("inactive", "dead", "success"), "state at the end")
    equal(said(bed, "web")[6:], ["reload 2", "stop 2 success", "main-term", "after success exited 0"], "afterwards")


def test_types(bed):
    """Type=simple has started when ExecStartPost= have ended, too; without an init of ours MAINPID is 1; a unit that is
    written to a file keeps its file open for all of them."""
    path = os.path.join(bed.out, "all-of-it")
    for name, lines, pid in (("simple", ("Type=simple",), 2), ("bare", ("ProcessTwo=no",), 1), ("file", ("StandardOutput=truncate:" + path,), 2)):
        bed.unit("type-" + name, READY, *lines, *ALL)
        bed.ctl("start", "type-" + name).expect(0)
        equal(state(bed, "type-" + name), ("active", "running", "success"), name)
        bed.ctl("reload", "type-" + name).expect(0)
        wait_until(lambda: "main\n" in (read(path) if name == "file" else bed.logs("type-" + name)), "the payload")
        bed.ctl("stop", "type-" + name).expect(0)
        if name == "file":
            got = read(path).split("\n")
        else:
            got = said(bed, "type-" + name)
        for word in ("condition", "pre1", "pre2", "post1 %d" % pid, "reload %d" % pid, "stop %d success" % pid, "main-term", "after success exited 0"):
            equal(got.count(word), 1, "%s of %s in %s" % (word, name, got))


def test_as_root(bed):
    """'!', '!!' and '+' mean the container's root with the unit's bounding set, joined or alone; never more than that."""
    look = "/bin/sh -c 'echo %s $$(id -u) $$(id -G) $$(grep -E \"CapEff|CapBnd\" /proc/self/status | cut -f2) $$(cut -c-30 /proc/self/uid_map)'"
    bed.unit("as-root", "User=user", "AddCapability=CAP_NET_RAW", "DropCapability=CAP_CHOWN", "ExecStartPre=!" + look % "pre", "ExecStartPre=" + look % "own",
             "ExecStart=/bin/sleep 1000", "ExecStartPost=+" + look % "post", "ExecReload=!!" + look % "reload", "ExecStopPost=-!" + look % "after")
    bed.ctl("start", "as-root").expect(0)
    bed.ctl("reload", "as-root").expect(0)
    bed.ctl("stop", "as-root").expect(0)
    found = {}
    for line in bed.logs("as-root").splitlines():
        match = re.search(r"(pre|own|post|reload|after) (\d+) (.*?) ([0-9a-f]{16}) ([0-9a-f]{16}) +0 +(\d+)", line)
        if match:
            found[match[1]] = match.groups()[1:]
    equal(sorted(found), ["after", "own", "post", "pre", "reload"], "commands\n" + bed.logs("as-root"))
    uid, groups, effective, bounding, base = found["own"]
    equal((uid, effective), ("1000", "0" * 16), "the unit's own user")
    check(int(base) > 0, "ids are mapped")
    for name in ("pre", "post", "reload", "after"):
        equal(found[name], ("0", "0", bounding, bounding, base), name)
    check(not int(bounding, 16) & 1 and int(bounding, 16) >> 13 & 1, "the bounding set is the unit's: " + bounding)


def test_confinement(bed):
    """A command has what the payload has, joined or alone: ids, capabilities, filter, label, control group."""
    write(os.path.join(bed.root, "data", "report"), """
grep -E "^(Uid|Gid|Groups|Cap[A-Za-z]+|NoNewPrivs|Seccomp):" /proc/self/status
cat /proc/self/uid_map /proc/self/cgroup
tr -d "\\0" < /proc/self/attr/current 2>/dev/null
echo
echo end
""")
    kinds = ("ExecStartPre", "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPost")
    bed.unit("confined", "User=1000", "ExecStart=/bin/sh -c 'trap \". /data/report\" USR1; while true; do sleep 0.05; done'",
             *("%s=/bin/sh /data/report" % k for k in kinds))
    bed.ctl("start", "confined").expect(0)
    bed.ctl("kill", "-s", "USR1", "confined").expect(0)
    wait_until(lambda: bed.logs("confined").count(" end\n") == 3, "the payload's own report")
    bed.ctl("reload", "confined").expect(0)
    bed.ctl("stop", "confined").expect(0)
    lines = [re.sub(r"^.*?\[(?:out|err)\]: ?", "", line) for line in bed.logs("confined").splitlines() if "[bulwark]: " not in line]
    reports = [r.split() for r in "\n".join(lines).split("end") if "Uid" in r]
    equal(len(reports), len(kinds) + 1, "reports")
    for one in reports:
        for words in ("Uid: 1000 1000", "CapEff: 0000000000000000", "Seccomp: 2", "NoNewPrivs: 1"):
            contains(" ".join(one), words)
        equal(one, reports[2], "the same as the payload's")


def test_a_condition(bed):
    """1 to 254 skips the start, 255 and a signal fail it; neither runs the payload, both what stands for the end."""
    for name, code, expected, exit_code in (("one", "exit 1", ("inactive", "dead", "exec-condition"), 0),
                                            ("last", "exit 254", ("inactive", "dead", "exec-condition"), 0),
                                            ("bad", "exit 255", ("failed", "failed", "exit-code"), 1),
                                            ("shot", "kill -9 $$$$", ("failed", "failed", "signal"), 1),
                                            ("good", "exit 0", ("active", "running", "success"), 0)):
        bed.unit(name, READY, "ExecCondition=/bin/sh -c '%s'" % code, "ExecStartPre=/bin/sh -c 'echo pre1'",
                 "ExecStopPost=/bin/sh -c 'echo after $SERVICE_RESULT'")
        result = bed.ctl("start", name).expect(exit_code)
        equal(state(bed, name), expected, name)
        if expected[0] != "active":
            equal(said(bed, name), ["after " + expected[2]], name)
        if expected[2] == "exec-condition":
            contains(result.err, "ExecCondition=/bin/sh")
    bed.unit("taken", READY, "ExecCondition=/bin/sh -c 'exit 3'", "SuccessExitStatus=3")
    bed.ctl("start", "taken").expect(0)
    equal(bed.active("taken"), "active", "SuccessExitStatus= is a yes")


def test_a_condition_of_a_service(bed):
    """bulwarkctl start --wait --notify of a start that is skipped says READY=1, and ends well."""
    bed.unit("skipped", READY, "ExecCondition=/bin/false")
    path = os.path.join(bed.directory, "service")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(20)
        done = subprocess.run(bed.ctl_command("start", "--wait", "--notify", "skipped"), env=dict(bed.environment, NOTIFY_SOCKET=path),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        equal(done.returncode, 0, "exit code of the service")
        contains(done.stderr.decode(), "was not started")
        contains(s.recv(4096).decode(), "READY=1")
    os.unlink(path)


def test_a_start_that_fails_before(bed):
    """ExecStartPre= that fails keeps the payload away; '-' ignores it, also one that is not there."""
    bed.unit("pre-bad", READY, "ExecStartPre=/bin/sh -c 'exit 7'", "ExecStartPre=/bin/sh -c 'echo pre2'", *ALL[3:])
    bed.ctl("start", "pre-bad").expect(1, "ExecStartPre=/bin/sh ended with exit code 7")
    equal(state(bed, "pre-bad"), ("failed", "failed", "exit-code"), "state")
    equal(said(bed, "pre-bad"), ["after exit-code"], "what was run")
    bed.unit("pre-ignored", READY, "ExecStartPre=-/bin/sh -c 'exit 7'", "ExecStartPre=-/bin/missing",
             "ExecStartPre=/bin/sh -c 'echo pre2'")
    bed.ctl("start", "pre-ignored").expect(0)
    wait_until(lambda: said(bed, "pre-ignored") == ["pre2", "main"], "the payload")
    bed.unit("pre-missing", READY, "ExecStartPre=/bin/missing")
    bed.ctl("start", "pre-missing").expect(1, "/bin/missing")
    equal(state(bed, "pre-missing"), ("failed", "failed", "launch"), "state")


def test_a_start_that_fails_after(bed):
    """ExecStartPost= that fails ends the payload by its signal, without ExecStop=; '-' ignores it."""
    bed.unit("post-bad", READY, "ExecStartPost=/bin/sh -c 'sleep 0.3; exit 7'", "ExecStartPost=/bin/sh -c 'echo post2'", *ALL[5:])
    bed.ctl("start", "post-bad").expect(1, "ExecStartPost=/bin/sh ended with exit code 7")
    equal(state(bed, "post-bad"), ("failed", "failed", "exit-code"), "state")
    equal(said(bed, "post-bad"), ["main", "main-term", "after exit-code exited 0"], "what was run")
    bed.unit("post-ignored", READY, "ExecStartPost=-/bin/sh -c 'exit 7'", "ExecStartPost=-/bin/missing", "ExecStartPost=/bin/sh -c 'echo post2'")
    bed.ctl("start", "post-ignored").expect(0)
    wait_until(lambda: sorted(said(bed, "post-ignored")) == ["main", "post2"], "both")


def test_states(bed):
    """Each of them shows while it lasts, with systemd's words."""
    wait = "/bin/sh -c 'while [ ! -e /data/go-%s ]; do sleep 0.02; done; rm /data/go-%s'"
    rows = (("ExecCondition", "condition", "activating"), ("ExecStartPre", "start-pre", "activating"),
            ("ExecStartPost", "start-post", "activating"), ("ExecReload", "reload", "reloading"),
            ("ExecStop", "stop", "deactivating"), ("ExecStopPost", "stop-post", "deactivating"))
    data = os.path.join(bed.root, "data")
    os.chmod(data, 0o777)
    bed.unit("shown", READY, "ReadOnly=no", "PrivateUsers=no", "AddCapability=CAP_DAC_OVERRIDE", *("%s=%s" % (d, wait % (s, s)) for d, s, _ in rows))
    for verb, some in (("start", rows[:3]), ("reload", rows[3:4]), ("stop", rows[4:])):
        bed.ctl(verb, "--no-block", "shown").expect(0)
        for _, sub, active in some:
            wait_until(lambda: bed.property("shown", "SubState") == sub, "%s, is %s" % (sub, bed.property("shown", "SubState")))
            equal(bed.active("shown"), active, sub)
            control = wait_until(lambda: int(bed.property("shown", "ControlPID")), "the command to be cloned")
            main = bed.leader("shown")
            contains(read("/proc/%d/cgroup" % control), "/containers/shown/payload")
            equal(main != 0, sub in ("start-post", "reload", "stop"), "MainPID during " + sub)
            check(control != main, "the command is no payload")
            write(os.path.join(data, "go-" + sub), "")
        if verb != "stop":
            wait_until(lambda: bed.property("shown", "SubState") == "running", "it to run")
    bed.wait_active("shown", "inactive")


def test_nothing_to_begin_with(bed):
    """Where not even the first command can be launched, those of the end still are."""
    bed.unit("bare", READY, "ExecCondition=/bin/missing", ALL[7])
    bed.ctl("start", "bare").expect(1)
    equal((state(bed, "bare"), said(bed, "bare")), (("failed", "failed", "launch"), ["after launch"]), "a launch that failed")


def test_timeouts(bed):
    """TimeoutStartSec= and TimeoutStopSec= hold for each command."""
    slow = "/bin/sh -c 'sleep 1000'"
    for kind, sub in (("ExecCondition", "condition"), ("ExecStartPre", "start-pre"), ("ExecStartPost", "start-post")):
        bed.unit(sub, READY, "%s=%s" % (kind, slow), "TimeoutStartSec=500ms", "TimeoutStopSec=5s")
        begin = time.monotonic()
        bed.ctl("start", sub).expect(1)
        check(0.4 < time.monotonic() - begin < 5, "the start of %s took %.1f s" % (sub, time.monotonic() - begin))
        equal(state(bed, sub), ("failed", "failed", "timeout"), sub)
    bed.unit("two", READY, *["ExecStartPre=/bin/sleep 0.4"] * 3, "TimeoutStartSec=1s")
    bed.ctl("start", "two").expect(0)
    bed.unit("reload", READY, "ExecReload=" + slow, "TimeoutStartSec=500ms")
    bed.ctl("start", "reload").expect(0)
    bed.ctl("reload", "reload").expect(1, "took too long")
    equal(state(bed, "reload"), ("active", "running", "success"), "after a reload that took too long")
    for kind in ("ExecStop", "ExecStopPost"):
        bed.unit(kind.lower(), READY, "%s=%s" % (kind, slow), "TimeoutStopSec=500ms")
        bed.ctl("start", kind.lower()).expect(0)
        begin = time.monotonic()
        bed.ctl("stop", kind.lower())
        check(0.4 < time.monotonic() - begin < 5, "the stop by %s took %.1f s" % (kind, time.monotonic() - begin))
        equal(state(bed, kind.lower()), ("failed", "failed", "timeout"), kind)


def test_stop_in_between(bed):
    """A stop takes back a start that is at its commands: nothing but ExecStopPost= runs, and nothing has failed."""
    for kind, sub in (("ExecCondition", "condition"), ("ExecStartPre", "start-pre"), ("ExecStartPost", "start-post")):
        name = "between-" + sub
        bed.unit(name, READY, "%s=/bin/sleep 1000" % kind, *ALL[6:])
        bed.ctl("start", "--no-block", name).expect(0)
        wait_until(lambda: bed.property(name, "SubState") == sub, sub)
        if kind == "ExecStartPost":
            wait_until(lambda: "main" in said(bed, name), "the payload")
        bed.ctl("stop", name).expect(0)
        equal(state(bed, name), ("inactive", "dead", "success"), sub)
        check(not any(w.startswith("stop") for w in said(bed, name)), "ExecStop= of what never came up")
        check(said(bed, name)[-1].startswith("after success"), str(said(bed, name)))


def test_stop_commands(bed):
    """ExecStop= may end the payload itself; where it fails the signal does, and the stop has failed."""
    bed.unit("stop-own", READY, "ExecStop=/bin/sh -c 'kill -TERM $MAINPID; sleep 1000'", ALL[7], "TimeoutStopSec=60s")
    bed.ctl("start", "stop-own").expect(0)
    wait_until(lambda: "main" in said(bed, "stop-own"), "the payload")
    begin = time.monotonic()
    bed.ctl("stop", "stop-own").expect(0)
    check(time.monotonic() - begin < 20, "the stop took %.1f s" % (time.monotonic() - begin))
    equal((state(bed, "stop-own"), said(bed, "stop-own")), (("inactive", "dead", "success"), ["main", "main-term", "after success exited 0"]), "stop-own")
    bed.unit("stop-bad", READY, "ExecStop=/bin/sh -c 'exit 3'", "ExecStop=/bin/sh -c 'echo stop 9 never'", ALL[7], "Restart=always")
    bed.ctl("start", "stop-bad").expect(0)
    wait_until(lambda: "main" in said(bed, "stop-bad"), "the payload")
    bed.ctl("stop", "stop-bad")
    equal((state(bed, "stop-bad"), said(bed, "stop-bad")), (("failed", "failed", "exit-code"), ["main", "main-term", "after exit-code exited 0"]), "stop-bad")
    bed.unit("ends", "ExecStart=/bin/sh -c 'echo main; exit 5'", *ALL[6:])
    bed.ctl("start", "--wait", "ends").expect(5)
    equal(said(bed, "ends"), ["main", "after exit-code exited 5"], "one that ends by itself is not stopped")
    bed.unit("stop-shot", "ExecStart=/bin/sh -c 'echo main; kill -9 $$$$'", *ALL[6:])
    bed.ctl("start", "--wait", "stop-shot").expect(137)
    equal(said(bed, "stop-shot"), ["main", "after signal killed KILL"], "by a signal")
    bed.unit("after-bad", "ExecStart=/bin/true", "Type=oneshot", "ExecStopPost=/bin/false")
    bed.ctl("start", "after-bad").expect(1, "ExecStopPost=/bin/false")
    equal(bed.property("after-bad", "Result"), "exit-code", "a failure at the very end is one")


def test_restart_follows(bed):
    """Restart= after a start that failed before its payload; ExecStopPost= runs in between."""
    bed.unit("restarts", READY, "ExecStartPre=/bin/sh -c 'echo pre1; test -e /data/go'", ALL[7], "Restart=on-failure", "RestartSec=200ms")
    bed.ctl("start", "restarts").expect(1)
    wait_until(lambda: int(bed.property("restarts", "NRestarts")) >= 1, "a restart")
    write(os.path.join(bed.root, "data", "go"), "")
    bed.wait_active("restarts", "active")
    check("after exit-code" in said(bed, "restarts"), str(said(bed, "restarts")))
    os.unlink(os.path.join(bed.root, "data", "go"))


def test_reload_verbs(bed):
    """reload, try-restart, reload-or-restart, try-reload-or-restart: what is done where."""
    bed.unit("can", READY, ALL[5])
    bed.unit("never", READY)
    equal((bed.property("can", "CanReload"), bed.property("never", "CanReload")), ("yes", "no"), "CanReload")
    for name in ("can", "never"):
        check(bed.ctl("reload", name).code != 0, "the reload of what is down")
        bed.ctl("try-restart", name).expect(0)
        bed.ctl("try-reload-or-restart", name).expect(0)
        equal(bed.active(name), "inactive", name)
        bed.ctl("reload-or-restart", name).expect(0)
        equal(bed.active(name), "active", name)
    leaders = bed.leader("can"), bed.leader("never")
    contains(bed.ctl("reload", "never").err, "neither ExecReload= nor Type=notify-reload")
    bed.ctl("reload-or-restart", "can").expect(0)
    bed.ctl("try-reload-or-restart", "can").expect(0)
    equal(bed.leader("can"), leaders[0], "it was reloaded")
    equal(said(bed, "can").count("reload 2"), 2, "reloads")
    bed.ctl("try-reload-or-restart", "never").expect(0)
    check(bed.leader("never") != leaders[1], "it was restarted")
    bed.ctl("try-restart", "can").expect(0)
    check(bed.leader("can") != leaders[0], "it was restarted")
    bed.unit("reload-bad", READY, "ExecReload=/bin/false")
    bed.ctl("start", "reload-bad").expect(0)
    bed.ctl("reload", "reload-bad").expect(1, "ExecReload=/bin/false ended with exit code 1")
    equal(bed.active("reload-bad"), "active", "a reload that failed changes nothing")


def test_reload_is_passed_on(bed):
    """PropagatesReloadTo= and ReloadPropagatedFrom= reach who is active and can."""
    bed.unit("top", READY, ALL[5], head="[Unit]\nPropagatesReloadTo=low down cannot\n")
    bed.unit("low", READY, ALL[5])
    bed.unit("other", READY, ALL[5], head="[Unit]\nReloadPropagatedFrom=top\n")
    bed.unit("down", READY, ALL[5])
    bed.unit("cannot", READY)
    for name in ("top", "low", "other", "cannot"):
        bed.ctl("start", name).expect(0)
    bed.ctl("reload", "top").expect(0)
    for name in ("top", "low", "other"):
        wait_until(lambda: "reload 2" in said(bed, name), "the reload of " + name)
    equal(bed.active("down"), "inactive", "what is down")


def test_oneshot(bed):
    """Several ExecStart= run one after another until one fails; ExecStartPost= after the last."""
    three = ["ExecStart=/bin/sh -c 'echo start%d'" % i for i in (1, 2, 3)]
    bed.unit("all", "Type=oneshot", *three, "ExecStartPost=/bin/sh -c 'echo post1'", ALL[7])
    bed.ctl("start", "all").expect(0)
    equal(said(bed, "all"), ["start1", "start2", "start3", "post1", "after success exited 0"], "all")
    bed.unit("oneshot-bad", "Type=oneshot", three[0], "ExecStart=/bin/sh -c 'exit 4'", three[2], "ExecStartPost=/bin/sh -c 'echo post1'")
    bed.ctl("start", "--wait", "oneshot-bad").expect(4)
    equal(said(bed, "oneshot-bad"), ["start1"], "until one fails")
    bed.unit("oneshot-ignored", "Type=oneshot", three[0], "ExecStart=-/bin/sh -c 'exit 4'", three[2], "RemainAfterExit=yes")
    bed.ctl("start", "oneshot-ignored").expect(0)
    equal((state(bed, "oneshot-ignored"), said(bed, "oneshot-ignored")), (("active", "exited", "success"), ["start1", "start3"]), "'-'")


def test_remain_after_exit(bed):
    """ExecStop= and ExecStopPost= of what is active without a process run when it is stopped, also under another manager."""
    for again in (False, True):
        name = "again" if again else "once"
        bed.unit(name, "Type=oneshot", "RemainAfterExit=yes", "ExecStart=/bin/sh -c 'echo start1'", "ExecStop=/bin/sh -c 'echo stop 0 done'",
                 "ExecStopPost=/bin/sh -c 'echo after $SERVICE_RESULT $EXIT_CODE $EXIT_STATUS'")
        bed.ctl("start", name).expect(0)
        equal((state(bed, name), said(bed, name)), (("active", "exited", "success"), ["start1"]), name)
        if again:
            bed.kill_manager()
            bed.start_manager()
        bed.ctl("stop", name).expect(0)
        equal((state(bed, name), said(bed, name)), (("inactive", "dead", "success"), ["start1", "stop 0 done", "after success exited 0"]), name)


def test_another_manager(bed):
    """A manager that is killed in the middle of a command leaves it to its successor, which goes on from there."""
    data = os.path.join(bed.root, "data")
    wait = "/bin/sh -c 'echo %s; while [ ! -e /data/go-%s ]; do sleep 0.02; done'"
    rows = (("ExecCondition", "condition", "condition"), ("ExecStartPre", "pre1", "start-pre"), ("ExecStartPost", "post1", "start-post"),
            ("ExecStop", "stop 0 success", "stop"), ("ExecStopPost", "after success", "stop-post"))
    for kind, word, sub in rows:
        name = "web-" + sub
        bed.unit(name, READY, "%s=%s" % (kind, wait % (word, sub)), *(["ExecStopPost=/bin/sh -c 'echo after success'"] if sub != "stop-post" else []))
        if sub in ("stop", "stop-post"):
            bed.ctl("start", name).expect(0)
            wait_until(lambda: "main" in said(bed, name), "the payload")
            bed.ctl("stop", "--no-block", name).expect(0)
        else:
            bed.ctl("start", "--no-block", name).expect(0)
        wait_until(lambda: bed.property(name, "SubState") == sub and word in said(bed, name), sub)
        bed.kill_manager()
        bed.start_manager()
        wait_until(lambda: bed.property(name, "SubState") == sub, "%s again, is %s" % (sub, bed.property(name, "SubState")))
        write(os.path.join(data, "go-" + sub), "")
        if sub not in ("stop", "stop-post"):
            bed.wait_active(name, "active")
            wait_until(lambda: "main" in said(bed, name), "the payload")
            bed.ctl("stop", name).expect(0)
        bed.wait_active(name, "inactive")
        equal((bed.property(name, "Result"), said(bed, name).count("main"), said(bed, name).count("after success")), ("success", 1, 1), name)
        os.unlink(os.path.join(data, "go-" + sub))


START_POINTS = ("cgroup-made", "prepared", "spawn-sent", "spawn-answered", "start-told", "start-recorded", "join-sent", "join-started", "join-ended")
STOP_POINTS = ("spawn-sent", "spawn-answered", "start-told", "join-sent", "join-started", "join-ended", "stop-announced", "stop-sent", "end-told", "end-recorded", "cgroup-removed", "end-acknowledged")


def crash_at(bed, name, verb, point):
    bed.kill_manager()
    bed.start_manager("env", "BULWARK_TEST_CRASH=manager:" + point)
    bed.ctl(verb, name, timeout=30)
    try:
        bed.manager.wait(20)
    except subprocess.TimeoutExpired:
        raise Failure("the point %s was not reached by %s" % (point, verb)) from None
    bed.start_manager()
    wait_until(lambda: bed.active(name) in ("active", "inactive", "failed"), "%s to settle after %s, is %s"
               % (name, point, bed.property(name, "SubState")), 20)


def test_crashes(bed):
    """The manager dies at every instant of a start and a stop with commands: nothing is left half done, and what was to run
    at the end has run, unless the command itself was just being launched."""
    for point in START_POINTS:
        name = "start-" + point
        bed.unit(name, READY, *ALL)
        crash_at(bed, name, "start", point)
        if bed.active(name) == "active":
            wait_until(lambda: "main" in said(bed, name), "the payload after " + point)
            check("post2" in said(bed, name), "%s: active without its commands: %s" % (point, said(bed, name)))
        else: # a launch goes with its manager
            check(point not in ("start-told", "start-recorded", "join-started"), "%s: what ran is lost" % point)
        equal(said(bed, name).count("main") <= 1, True, "payloads after " + point)
        bed.ctl("start", name).expect(0)
        bed.ctl("stop", name).expect(0)
        equal(said(bed, name)[-1], "after success exited 0", point)
    for point in STOP_POINTS:
        name = "stop-" + point
        bed.unit(name, READY, *ALL)
        bed.ctl("start", name).expect(0)
        wait_until(lambda: "main" in said(bed, name), "the payload")
        crash_at(bed, name, "stop", point)
        if bed.active(name) == "active": # the wish to stop had not left the manager
            bed.ctl("stop", name).expect(0)
        wait_until(lambda: bed.active(name) == "inactive", "the end after " + point)
        times = said(bed, name).count("after success exited 0")
        check(times == 1 or (times == 0 and point.startswith("spawn-")), "%s: ExecStopPost= ran %d times" % (point, times))
        equal(said(bed, name).count("main-term"), 1, point)
        bed.ctl("start", name).expect(0)
        bed.ctl("stop", name).expect(0)


if __name__ == "__main__":
    run(__name__)
