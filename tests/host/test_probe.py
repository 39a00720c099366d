# SPDX-License-Identifier: LGPL-2.1-or-later
"""The probe: claims against facts, and every step that is left out on purpose is noticed."""

from harness import *
from harness import build_file

STEPS = os.path.join(SOURCE, "manager/plan/steps.inc")


def probe(bed, name, code=0):
    """The rows of a probe, and its exit code is checked."""
    result = bed.ctl("probe", name, "-o", "json")
    rows = json.loads(result.out or "[]")
    if result.code != code:
        raise Failure("exit code %d, not %d\n%s%s" % (result.code, code, "\n".join(describe(r) for r in rows if r["result"] != "ok"), result.err))
    return rows


def describe(row):
    return "%(result)s %(topic)s %(of)s: %(claim)s: expected %(expected)s, observed %(observed)s (%(origin)s)" % row


def all_good(bed, name, *lines, minimum=100):
    bed.start_sleeper(name, *lines)
    rows = probe(bed, name)
    check(len(rows) >= minimum, "only %d claims" % len(rows))
    bad = [r for r in rows if r["result"] == "differs"]
    check(not bad, "\n".join(map(describe, bad)))
    bed.ctl("kill", "-s", "KILL", name).expect(0)  # PID 1 may not care for less
    bed.ctl("stop", name)
    return rows


def topics(rows, result="ok"):
    return {r["topic"] for r in rows if r["result"] == result}


def test_default(bed):
    """every claim of the zero-line container holds, of the probe, the init and the payload."""
    rows = all_good(bed, "default")
    equal({r["of"] for r in rows}, {"probe", "leader", "payload"}, "who was asked")
    for topic in ("namespace", "id-map", "identity", "capabilities", "no-new-privileges", "filter", "mount", "mask", "read-only",
                  "no-exec", "device", "descriptors", "environment", "process", "network"):
        check(topic in topics(rows), "nothing is claimed about " + topic)


def test_units(bed):
    """so do those of units that ask for more, or for less."""
    all_good(bed, "user", "User=1000", "Group=55", "SupplementaryGroups=77 66", "AmbientCapabilities=CAP_CHOWN", "WorkingDirectory=/etc",
             "Environment=SECRET=abc", "Hostname=special")
    all_good(bed, "capable", "CapabilityBoundingSet=~")
    all_good(bed, "no-users", "AddCapability=CAP_NET_RAW", "PrivateUsers=no")
    all_good(bed, "writable", "ReadOnly=no")
    all_good(bed, "open", "PrivateNetwork=no", "PrivateUsers=no", "NoNewPrivileges=no", "ProcessTwo=no")
    all_good(bed, "fixed", "PrivateUsers=1000000:65536", "ProcessTwo=no")
    all_good(bed, "files", "BindPaths=%s:/data" % bed.out, "BindPaths=%s:/mnt:noexec" % bed.out, "BindReadOnlyPaths=%s:/var/ro" % bed.out,
             "BindReadOnlyPaths=-/nonexistent:/var/none", "TemporaryFileSystem=/var/cache:size=1M,noexec", "ReadOnlyPaths=/data",
             "InaccessiblePaths=/etc/shadow /home", "ReadOnly=no")
    all_good(bed, "filter", "SystemCallFilter=~@chown @timer mkdir", "SystemCallErrorNumber=EACCES")
    rows = all_good(bed, "keys", "SystemCallFilter=@known")
    check("keyring" in topics(rows), "the keyring was not asked for")
    rows = all_good(bed, "strict", "SystemCallFilter=@basic-io @process")
    check("mount" in topics(rows, "not asked"), "what the filter denies was asked: %s" % topics(rows, "not asked"))


def test_boot(bed):
    """so do those of a container that boots."""
    os.makedirs(os.path.join(bed.root, "sbin"), exist_ok=True)
    write(os.path.join(bed.root, "sbin/init"), "#!/bin/sh\ntrap 'exit 0' RTMIN+3 TERM\nwhile true; do sleep 1; done\n", 0o755)
    bed.unit("boot", "Boot=yes")
    bed.ctl("start", "boot").expect(0)
    probe(bed, "boot")


def test_not_running(bed):
    """3 for a container that does not run, 4 for none."""
    bed.unit("idle", "ExecStart=/bin/true")
    bed.ctl("probe", "idle").expect(3)
    bed.ctl("probe", "nobody").expect(4)


def test_table(bed):
    """for people: a table, the unit's line, and the sum."""
    bed.start_sleeper("web", "User=1000")
    result = bed.ctl("probe", "web").expect(0, "RESULT", "OBSERVED", "0 differ")
    line = next(l for l in result.out.splitlines() if "user ids" in l and "identity" in l)
    contains(line, "web.container:4: User=")
    equal(bed.ctl("probe", "-q", "web").expect(0).out, "", "quiet output")


def test_payload_differs(bed):
    """a payload that was started otherwise is noticed from outside, though the probe's own plan is whole."""
    bed.stop_manager()
    bed.start_manager("env", "BULWARK_TEST_OMIT_STEPS=bounding-set")
    contains(read(bed.log), "BULWARK_TEST_OMIT_STEPS is set")
    bed.start_sleeper("web")
    bed.kill_manager()
    bed.start_manager()
    rows = [r for r in probe(bed, "web", 1) if r["result"] == "differs"]
    equal({(r["of"], r["topic"]) for r in rows}, {("payload", "capabilities")}, "differences")


# --- steps that are left out

# How each kind of step is noticed: the topic on which the probe must see a difference; FAILS where the launch, or the
# probe, cannot even begin; or, in words, why nothing is to be noticed.
FAILS = object()
INHERITED = "the keeper of this suite has the default itself; host/attributes starts one that was changed in every way"
NOTICED = {
    "private-mounts": "a launch on a host that shares its mounts would leave some there; pivot_root refuses it",
    "enter-namespaces": "namespace",
    "open-terminal": "only with a terminal, where nothing would be executed",
    "clone-inner": FAILS,
    "write-id-maps": FAILS,
    "reach": "a meeting point: the other side would wait for ever",
    "await": "a meeting point: it protects nothing once the plan is over",
    "await-go": "only where the manager has work in the live namespaces",
    "become-root": "on the way only: identity has the last word",
    "new-file-system": FAILS,
    "clone-tree": "mount",
    "set-attributes": "mount",
    "enter-root": FAILS,
    "layers": "only with RootEphemeral= or Volatile=, which host/roots starts",
    "overlay": "only under SELinux, whose label it carries",
    "make-mountpoint": "needed only where the image lacks the directory",
    "attach": "mount",
    "attach-mask": "mask",
    "make-directory": FAILS,
    "make-file": FAILS,
    "make-symlink": "device",
    "make-node": "device",
    "lock-mounts": FAILS,
    "adopt-mounts": FAILS,
    "loopback-up": "network",
    "host-name": "process",
    "session-keyring": "keyring",
    "new-session": "process",
    "fork-payload": FAILS,
    "standard-stream": FAILS,
    "control-terminal": "only with a terminal",
    "process-file": "process",
    "process-control": INHERITED,
    "signals": INHERITED,
    "personality": INHERITED,
    "cpu-affinity": INHERITED,
    "memory-policy": INHERITED,
    "io-priority": INHERITED,
    "nice": INHERITED,
    "scheduling": INHERITED,
    "core-scheduling": INHERITED,
    "resource-ceiling": INHERITED,
    "user-keyring": "only with KeyringMode=shared, which host/attributes starts",
    "secure-bits": INHERITED,
    "domain-name": "only with Sysctl=, which host/attributes starts",
    "sysctl": "only with Sysctl=, which host/attributes starts",
    "time-offsets": "only with TimeOffsetBoottimeSec=, which host/attributes starts",
    "resource-limit": "process",
    "file-mode-mask": "process",
    "working-directory": "process",
    "security-label": "needs a security module: test_left_out_label, in the virtual machine",
    "close-descriptors": FAILS,
    "pass-descriptors": FAILS,
    "bounding-set": "capabilities",
    "identity": "identity",
    "capabilities": "capabilities",
    "no-new-privileges": FAILS,
    "seccomp": "filter",
    "landlock-ruleset": FAILS,
    "landlock-path": "device",
    "landlock-entries": FAILS,
    "landlock-ports": "it only grants: without it more is denied",
    "landlock-restrict": "landlock",
    "execute": FAILS,
}
# Where the launch fails too, on another host: that is noticed as well.
OR_FAILS = {
    "attach": "an older kernel masks nothing in a tree that is attached nowhere",
}
# A unit on which each step leaves a trace.
TELLING = ("OOMScoreAdjust=333", "User=1000", "Group=55", "SupplementaryGroups=66", "AmbientCapabilities=CAP_CHOWN", "WorkingDirectory=/etc", "Hostname=telling",
           "SystemCallFilter=@known", "InaccessiblePaths=/etc/shadow")


# Without Landlock, whose steps would fail in the keeper's own, empty mount namespace.
MORE = {"enter-namespaces": ["MandatoryAccessControl=no"],
        # In what joins, all that is open closes itself at execve: test_escape seizes it before.
        "close-descriptors": ["ProcessTwo=no", "User=0", "Group=0", "VerifyOnStart=enforce"],
        "pass-descriptors": ["ListenStream=@bulwark-test-probe", "StartOn=start", "VerifyOnStart=enforce"]}


def step_kinds():
    return re.findall(r'^STEP\(\w+,\s*"([^"]+)"', read(STEPS), re.M)


def test_table_is_whole(bed):
    """no kind of step is forgotten here."""
    equal(sorted(NOTICED), sorted(step_kinds()), "kinds of steps")


def leave_out(bed, kind, expected):
    bed.stop_manager()
    bed.start_manager("env", "BULWARK_TEST_OMIT_STEPS=" + kind)
    path = bed.unit("telling", "ExecStart=/bin/sleep 1000", *TELLING, *MORE.get(kind, []))
    plan = json.loads(bed.run([bed.analyze, "plan", path, "-o", "json"]).expect(0).out)
    if kind.startswith("landlock-") and kind not in {step["step"] for step in plan["steps"]}:
        return  # this kernel has no Landlock
    started = bed.ctl("start", "telling")
    if started.code != 0:
        check(expected is FAILS or kind in OR_FAILS, "%s: the start failed, and the probe was to notice it\n%s" % (kind, started))
        return
    result = bed.ctl("probe", "telling", "-o", "json")
    check(result.code == 1, "%s: the probe noticed nothing: %s" % (kind, result))
    rows = json.loads(result.out or "[]")
    seen = topics(rows, "differs")
    if expected is FAILS:
        check(not rows, "%s: the probe could run, and saw %s" % (kind, seen))
    else:
        check(expected in seen, "%s: the probe saw %s\n%s" % (kind, seen, result.err))
    bed.ctl("kill", "-s", "KILL", "telling")
    bed.ctl("stop", "telling")
    return seen


def test_left_out(bed):
    """every kind of step that protects: without it the launch fails, or the probe says what differs."""
    problems = []
    try:
        for kind, expected in NOTICED.items():
            if isinstance(expected, str) and " " in expected:
                continue
            try:
                leave_out(bed, kind, expected)
            except Failure as e:
                problems.append(str(e))
    finally:
        bed.stop_manager()
        bed.start_manager()
    check(not problems, "\n".join(problems))


def test_left_out_label(bed):
    """without its label a start is killed; so is a probe of a container that has it, and the words say why."""
    bed.start_sleeper("web")
    label = json.loads(bed.ctl("show", "web", "-o", "json").expect(0).out)["MACLabel"]
    if not label:
        raise Skip("no security module gives labels here")
    rows = [r for r in probe(bed, "web") if r["claim"].endswith(" label")]
    check({"probe", "payload"} <= {r["of"] for r in rows}, "whose labels were asked: %s" % rows)
    equal({(r["result"], r["observed"].replace(" (enforce)", "")) for r in rows}, {("ok", label)}, "labels")
    bed.kill_manager()
    bed.start_manager("env", "BULWARK_TEST_OMIT_STEPS=security-label")
    try:
        result = bed.ctl("probe", "web", "-o", "json")
        seen = topics(json.loads(result.out or "[]"), "differs")
        check(result.code != 0 and ("label" in seen or "instead of \"%s\"" % label in result.err), "the probe noticed nothing: %s" % result)
        equal(bed.active("web"), "active", "what was probed")
        bed.unit("bare", "ExecStart=/bin/sleep 1000")
        bed.ctl("start", "bare")
        bed.wait_active("bare", "failed")
        equal(bed.property("bare", "Result"), "label-mismatch", "Result of a start without the label")
    finally:
        bed.stop_manager()
        bed.start_manager()


def test_all_left_in(bed):
    """and on the unit that was used for it, whole, every claim holds."""
    all_good(bed, "telling", *TELLING)


# --- VerifyOnStart=


def marked(bed, name, *lines):
    """A unit whose payload leaves a mark where it runs."""
    mark = os.path.join(bed.out, "mark")
    if os.path.exists(mark):
        os.unlink(mark)
    os.chmod(bed.out, 0o777)
    bed.unit(name, "ExecStart=/bin/sh -c 'touch /data/mark; exec sleep 1000'", "BindPaths=%s:/data:noidmap" % bed.out, "PrivateUsers=identity", *lines)
    return mark


def test_verify(bed):
    """VerifyOnStart=enforce starts what is as claimed, a oneshot too, and again."""
    for mode in ("enforce", "warn"):
        mark = marked(bed, "good", "VerifyOnStart=" + mode)
        for _ in range(2):
            bed.ctl("start", "good").expect(0)
            wait_until(lambda: os.path.exists(mark), "the payload to run")
            equal(bed.property("good", "LastError"), "", "LastError")
            probe(bed, "good")
            bed.ctl("kill", "-s", "KILL", "good").expect(0)
            bed.wait_active("good", "failed")
            os.unlink(mark)
    bed.unit("once", "Type=oneshot", "ExecStart=/bin/true", "VerifyOnStart=enforce", "ProcessTwo=no")
    bed.ctl("start", "once").expect(0)


def test_verify_refuses(bed):
    """with a step left out enforce refuses with the claim and its line, and the payload never ran; warn starts and tells."""
    bed.stop_manager()
    bed.start_manager("env", "BULWARK_TEST_OMIT_STEPS=bounding-set")
    try:
        mark = marked(bed, "guarded", "CapabilityBoundingSet=CAP_CHOWN", "VerifyOnStart=enforce",
                      *("%s=/bin/sh -c 'echo a command ran'" % d for d in ("ExecCondition", "ExecStartPre", "ExecStopPost")))
        bed.ctl("start", "guarded").expect(5, "guarded.container:6", "CapabilityBoundingSet=", "bounding set", "0000000000000001")
        equal((bed.active("guarded"), bed.property("guarded", "Result")), ("failed", "probe"), "state")
        time.sleep(0.3)
        check(not os.path.exists(mark), "the payload ran")
        check("a command ran" not in bed.logs("guarded"), "commands ran without the confinement of the unit")
        mark = marked(bed, "guarded", "CapabilityBoundingSet=CAP_CHOWN", "VerifyOnStart=warn")
        bed.ctl("start", "guarded").expect(0)
        wait_until(lambda: os.path.exists(mark), "the payload to run")
        contains(bed.property("guarded", "LastError"), "bounding set")
        contains(read(bed.log), "guarded: the probe before its start")
        bed.ctl("kill", "-s", "KILL", "guarded").expect(0)
    finally:
        bed.stop_manager()
        bed.start_manager()


def test_verify_interrupted(bed):
    """a stop while the probe runs, and a manager that is killed then, leave nothing behind."""
    mark = marked(bed, "slow", "VerifyOnStart=enforce", "ExecStopPost=/bin/sh -c 'echo a command ran'")
    whole = bed.probe
    bed.probe = build_file("tests/host/standing")  # in the probe's place: it never answers
    bed.stop_manager()
    bed.start_manager()
    bed.probe = whole
    standing = lambda: [p for p in bed.own_processes() if command_line(p) == "bulwark-probe"]
    try:
        for end in ("stop", "crash"):
            bed.ctl("start", "--no-block", "slow").expect(0)
            wait_until(standing, "the probe to run")
            equal((bed.active("slow"), bed.property("slow", "SubState")), ("activating", "start-probe"), "state")
            if end == "stop":
                bed.ctl("stop", "slow").expect(0)
                equal(bed.active("slow"), "inactive", "ActiveState")
            else:
                bed.kill_manager()
            wait_until(lambda: not standing(), "the probe to end")
    finally:
        if bed.manager.poll() is None:
            bed.stop_manager()
        bed.start_manager()
    equal(bed.active("slow"), "inactive", "ActiveState after the manager came back")
    check(not os.path.exists(mark) and "a command ran" not in bed.logs("slow"), "something ran unverified")
    bed.ctl("start", "slow").expect(0)
    wait_until(lambda: os.path.exists(mark), "the payload to run")
    bed.ctl("stop", "slow").expect(0)
    contains(bed.logs("slow"), "a command ran")


def command_line(pid):
    try:
        return read("/proc/%d/cmdline" % pid).rstrip("\0")
    except OSError:
        return ""


# --- the same plan code for exec


def test_start_and_exec(bed):
    """start, exec and probe come out the same: labels, capabilities, filter, limits, ids, environment."""
    lines = ("User=1000", "SupplementaryGroups=66", "AmbientCapabilities=CAP_CHOWN", "Environment=A=1")
    payload = bed.inside("same", *lines)
    bed.unit("same", "ExecStart=/bin/sleep 1000", *lines)
    bed.ctl("start", "same").expect(0)
    command = bed.exec_inside("same", "report")
    for key in ("uid", "gid", "groups", "umask", "cwd", "no_new_privs", "securebits", "limits", "hostname"):
        equal(command[key], payload[key], key)
    one, two = status_of(payload), status_of(command)
    for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters", "Uid", "Gid", "Groups"):
        equal(two[key], one[key], key)
    names = lambda report: sorted(v for v in report["environment"] if not v.startswith(("INVOCATION_ID=", "TERM=")))
    equal(names(command), names(payload), "environment")
    observed = {r["claim"]: r["observed"] for r in probe(bed, "same") if r["of"] == "probe"}
    for claim, key in (("bounding set", "CapBnd"), ("effective capabilities", "CapEff"), ("ambient capabilities", "CapAmb"),
                       ("no new privileges", "NoNewPrivs"), ("a filter is in force", "Seccomp"), ("number of filters", "Seccomp_filters"),
                       ("user ids", "Uid"), ("group ids", "Gid"), ("supplementary groups", "Groups")):
        equal(observed[claim].split(), one[key].split(), claim)


run(__name__)
