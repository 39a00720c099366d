# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mandatory access control whichever module the guest runs: what is used is told, read back, and missed when it goes."""

import contextlib
import threading

from bed import *

LSM = os.environ.get("BULWARK_VM_LSM", "none")
MODULES = {"none": ["landlock"], "apparmor": ["apparmor", "landlock"], "selinux": ["selinux", "landlock"]}[LSM]
ATTRIBUTE = {"apparmor": "attr/apparmor/current", "selinux": "attr/current"}


def only_with_labels():
    if LSM == "none":
        raise Skip("no module gives labels here")


def label_of(pid):
    return read("/proc/%d/%s" % (pid, ATTRIBUTE[LSM])).strip("\0\n").replace(" (enforce)", "")


def members(bed, name):
    """Host pids of everything in the container."""
    return [int(p) for p in read(os.path.join(cgroup_directory(bed, name), "payload/cgroup.procs")).split()]


def show(bed, name, *keys):
    values = json.loads(bed.ctl("show", name, "-o", "json").expect(0).out)
    values = values[0] if isinstance(values, list) else values
    return [values[k] for k in keys]


def test_what_is_used(bed):
    """backends, label, verification and digest are properties; status says the same in words."""
    bed.start_sleeper("used")
    backends, label, verified, digest, abi = show(bed, "used", "MACBackends", "MACLabel", "MACVerified", "PolicyDigest", "LandlockABI")
    equal(backends, MODULES, "MACBackends")
    check(re.fullmatch("[0-9a-f]{64}", digest), "PolicyDigest is %r" % digest)
    check(abi >= 4, "LandlockABI=%s" % abi)
    status = bed.ctl("status", "used").expect(0).out
    contains(status, "Security: " + MODULES[0])
    contains(status, "landlock ABI %d" % abi)
    if LSM == "none":
        equal((label, verified), ("", False), "label and verification without a module")
        return
    check(label and verified, "label %r, verified %r" % (label, verified))
    contains(status, "label %s (verified)" % label)
    pids = members(bed, "used")
    check(len(pids) >= 2, "an init and a payload: %s" % pids)
    for pid in pids:
        equal(label_of(pid), label, "the label of %d, %s" % (pid, read("/proc/%d/comm" % pid).strip()))


def test_boot_has_no_landlock(bed):
    """an init mounts, so a unit with Boot=yes goes without Landlock and says so."""
    bed.unit("init", "Boot=yes", "ProcessTwo=no", "TimeoutStopSec=1")
    write(os.path.join(bed.root, "init"), "#!/bin/sh\nexec sleep 1000\n", 0o755)
    bed.ctl("start", "init").expect(0)
    backends, abi = show(bed, "init", "MACBackends", "LandlockABI")
    equal((backends, abi), (MODULES[:-1], 0), "backends with Boot=yes")


def test_no_means_none(bed):
    """MandatoryAccessControl=no confines by none of them."""
    bed.start_sleeper("open", "MandatoryAccessControl=no")
    backends, label, verified = show(bed, "open", "MACBackends", "MACLabel", "MACVerified")
    equal((backends, label, verified), ([], "", False), "what is used")
    if LSM != "none":
        bed.start_sleeper("closed")
        check(label_of(bed.leader("open")) != label_of(bed.leader("closed")), "the same label with and without")


def test_required(bed):
    """required starts where a module enforces and is refused by name, with the line, where none does."""
    path = bed.unit("strict", "ExecStart=/bin/sleep 1000", "MandatoryAccessControl=required")
    if LSM == "none":
        bed.ctl("start", "strict").expect(5, "%s:4: MandatoryAccessControl=: is required" % path, "neither AppArmor nor SELinux")
        return
    bed.ctl("start", "strict").expect(0)
    check(show(bed, "strict", "MACVerified")[0], "not verified")


def test_exec_has_the_label(bed):
    """exec enters the same label; the manager looks."""
    only_with_labels()
    bed.start_sleeper("host")
    inside = bed.ctl("exec", "host", "cat", "/proc/self/attr/current").expect(0).out.strip("\0\n").replace(" (enforce)", "")
    equal(inside, show(bed, "host", "MACLabel")[0], "the label that exec sees of itself")


def test_over_a_restart_of_the_manager(bed):
    """a new manager knows the label and reads it back again."""
    only_with_labels()
    bed.start_sleeper("kept")
    before = show(bed, "kept", "MACLabel", "PolicyDigest", "MACVerified")
    bed.kill_manager()
    bed.start_manager()
    equal(show(bed, "kept", "MACLabel", "PolicyDigest", "MACVerified"), before, "label, digest, verification")
    equal(label_of(bed.leader("kept")), before[0], "the label of the leader")


def test_missing_label_kills(bed):
    """a launch that skips the label is found out: the payload is killed, the result is label-mismatch."""
    only_with_labels()
    bed.stop_manager()
    bed.environment["BULWARK_TEST_OMIT_STEPS"] = "security-label"
    try:
        bed.start_manager()
        bed.unit("bare", "ExecStart=/bin/sh -c 'sleep 2; touch /data/ran; sleep 1000'", "BindPaths=%s:/data" % bed.out)
        bed.ctl("start", "bare")
        bed.wait_active("bare", "failed")
        equal(bed.property("bare", "Result"), "label-mismatch", "Result")
        contains(bed.property("bare", "LastError"), "after its start a process has the %s label" % LSM)
        check(not os.path.exists(os.path.join(bed.out, "ran")), "the payload went on")
    finally:
        del bed.environment["BULWARK_TEST_OMIT_STEPS"]
        bed.stop_manager()
        bed.start_manager()


def claims_of_labels(bed, name, code):
    """of whom -> (result, observed)."""
    rows = json.loads(bed.ctl("probe", name, "-o", "json").expect(code).out)
    return {row["of"]: (row["result"], row["observed"].replace(" (enforce)", "")) for row in rows
            if row["topic"] == "label" and row["claim"].endswith(" label")}


def test_verified_start_misses_the_label(bed):
    """where the launch leaves the label out, VerifyOnStart=enforce refuses before the payload."""
    only_with_labels()
    bed.stop_manager()
    bed.environment["BULWARK_TEST_OMIT_STEPS"] = "security-label"
    try:
        bed.start_manager()
        bed.unit("checked", "ExecStart=/bin/sh -c 'touch /data/ran; exec sleep 1000'", "BindPaths=%s:/data" % bed.out, "VerifyOnStart=enforce")
        bed.ctl("start", "checked").expect(5, "%s label" % LSM)
        equal((bed.active("checked"), bed.property("checked", "Result")), ("failed", "probe"), "state")
        check(not os.path.exists(os.path.join(bed.out, "ran")), "the payload ran")
    finally:
        del bed.environment["BULWARK_TEST_OMIT_STEPS"]
        bed.stop_manager()
        bed.start_manager()


def lose_profile(label):
    write_kernel("/sys/kernel/security/apparmor/.remove", label)


def write_kernel(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def test_lost_label_stops(bed):
    """MACLost=stop, the default: when the profile is torn down under a running container, it is killed."""
    if LSM != "apparmor":
        raise Skip("only AppArmor lets a policy go from under a process")
    bed.start_sleeper("victim")
    bed.start_sleeper("witness")
    lose_profile(show(bed, "victim", "MACLabel")[0])
    bed.wait_active("victim", "failed")
    equal(bed.property("victim", "Result"), "mac-lost", "Result")
    contains(bed.property("victim", "LastError"), "while it runs a process has the apparmor label \"unconfined\"")
    equal(bed.active("witness"), "active", "the container whose profile is still there")
    bed.ctl("start", "victim").expect(0)  # the profile is loaded again
    check(show(bed, "victim", "MACVerified")[0], "not verified after the next start")


def test_lost_label_warns(bed):
    """MACLost=warn: it runs on, and status says what is the matter."""
    if LSM != "apparmor":
        raise Skip("only AppArmor lets a policy go from under a process")
    bed.start_sleeper("loud", "MACLost=warn")
    lose_profile(show(bed, "loud", "MACLabel")[0])
    wait_until(lambda: show(bed, "loud", "MACLabelLost")[0], "the loss to be noticed")
    equal((bed.active("loud"), show(bed, "loud", "MACVerified")[0]), ("active", False), "state and verification")
    contains(bed.ctl("status", "loud").expect(0).out, "(lost)")
    # The profile comes back, and what has lost it stays without: the probe wears it and sees that the payload does not.
    text = bed.run([bed.analyze, "policy", "export", "--apparmor", os.path.join(bed.units, "loud.container")]).expect(0).out
    bed.run(["apparmor_parser", "-r", "-K", "-T"], text=text.encode()).expect(0)
    label = show(bed, "loud", "MACLabel")[0]
    equal(claims_of_labels(bed, "loud", 1), {"probe": ("ok", label), "payload": ("differs", "unconfined")}, "claims of the label")


@contextlib.contextmanager
def module_that_denies_nothing():
    """The module goes on running and denies nothing: for SELinux permissive, for AppArmor complain for all profiles."""
    path, open_, closed = {"apparmor": ("/sys/module/apparmor/parameters/mode", "complain", "enforce"),
                           "selinux": ("/sys/fs/selinux/enforce", "0", "1")}[LSM]
    write_kernel(path, open_)
    try:
        yield
    finally:
        write_kernel(path, closed)


def test_required_follows_the_host(bed):
    """required asks the host anew at each start: refused where the module denies nothing, started where it does again."""
    only_with_labels()
    path = bed.unit("strict", "ExecStart=/bin/sleep 1000", "MandatoryAccessControl=required")
    bed.ctl("start", "strict").expect(0)
    bed.ctl("stop", "strict").expect(0)
    with module_that_denies_nothing():
        bed.ctl("start", "strict").expect(5, "%s:4: MandatoryAccessControl=: is required" % path)
        bed.start_sleeper("lenient")  # auto takes what there is
    bed.ctl("start", "strict").expect(0)
    equal((show(bed, "strict", "MACVerified"), bed.active("lenient")), ([True], "active"), "verified, and the one that lost nothing")
    with module_that_denies_nothing():
        bed.wait_active("strict", "failed")
        wait_until(lambda: bed.property("strict", "Result") == "mac-lost", "the result")
        equal((bed.active("lenient"), show(bed, "lenient", "MACLabelLost")), ("active", [False]), "what never was cannot get lost")


def test_a_module_that_ceases_to_enforce(bed):
    """a module that denies nothing since is a loss, in words, over a restart of the manager, too."""
    only_with_labels()
    bed.start_sleeper("victim")
    bed.start_sleeper("loud", "MACLost=warn")
    bed.start_sleeper("late")
    with module_that_denies_nothing():
        bed.wait_active("victim", "failed")
        equal(bed.property("victim", "Result"), "mac-lost", "Result")
        contains(bed.property("victim", "LastError"), "AppArmor as a whole ceased to enforce" if LSM == "apparmor" else "SELinux became permissive")
        wait_until(lambda: show(bed, "loud", "MACLabelLost")[0], "the loss to be noticed")
        equal((bed.active("loud"), show(bed, "loud", "MACVerified")[0]), ("active", False), "state and verification")
    bed.ctl("start", "victim", "late").expect(0)
    bed.kill_manager()
    with module_that_denies_nothing():
        bed.start_manager()
        bed.wait_active("late", "failed")
        equal(bed.property("late", "Result"), "mac-lost", "Result after a restart")


def test_replaced_profile(bed):
    """a profile that another of the same name replaces, an open one that enforces, is missed at once, and loaded anew for the next start."""
    if LSM != "apparmor":
        raise Skip("SELinux's types are not replaced one by one")
    odd = "odd@x.y"
    bed.start_sleeper("victim")
    bed.start_sleeper("witness")
    bed.start_sleeper(odd, "MACLost=warn")
    for name in ("victim", odd):
        text = 'profile "%s" flags=(attach_disconnected) { file, capability, network, mount, umount, signal, ptrace, }' % show(bed, name, "MACLabel")[0]
        bed.run(["apparmor_parser", "-r", "-K"], text=text.encode()).expect(0)
    bed.wait_active("victim", "failed")
    equal(bed.property("victim", "Result"), "mac-lost", "Result")
    contains(bed.property("victim", "LastError"), "its AppArmor profile was replaced in the kernel by another of the same name")
    wait_until(lambda: show(bed, odd, "MACLabelLost")[0], "the loss to be noticed")
    equal((bed.active("witness"), show(bed, "witness", "MACVerified")[0]), ("active", True), "the container beside it")
    bed.ctl("start", "victim").expect(0)
    check(show(bed, "victim", "MACVerified")[0], "not verified after the next start")
    # While no manager looks.
    text = 'profile "%s" flags=(attach_disconnected) { file, signal, }' % show(bed, "witness", "MACLabel")[0]
    bed.kill_manager()
    bed.run(["apparmor_parser", "-r", "-K"], text=text.encode()).expect(0)
    bed.start_manager()
    bed.wait_active("witness", "failed")
    equal(bed.property("witness", "Result"), "mac-lost", "Result of one that was replaced while no manager ran")
    equal(bed.active("victim"), "active", "the one whose profile is its own")


def test_teardown_of_everything(bed):
    """aa-teardown: each container does what its MACLost= says, and the next start has its profile again."""
    if LSM != "apparmor":
        raise Skip("only AppArmor lets a policy go from under a process")
    bed.start_sleeper("strict")
    bed.start_sleeper("lenient", "MACLost=warn")
    try:
        bed.run(["aa-teardown"]).expect(0)
        bed.wait_active("strict", "failed")
        equal(bed.property("strict", "Result"), "mac-lost", "Result")
        wait_until(lambda: show(bed, "lenient", "MACLabelLost")[0], "the loss to be noticed")
        equal(bed.active("lenient"), "active", "the one that only warns")
        bed.ctl("restart", "lenient").expect(0)
        bed.ctl("start", "strict").expect(0)
        for name in ("strict", "lenient"):
            equal(show(bed, name, "MACVerified", "MACLabelLost"), [True, False], "verified and lost of " + name)
            equal(label_of(bed.leader(name)), show(bed, name, "MACLabel")[0], "the label of " + name)
    finally:
        bed.run(["systemctl", "reload", "apparmor.service"]).expect(0)


def test_teardown_is_noticed_after_a_restart(bed):
    """what was lost while no manager ran is noticed by the next one."""
    if LSM != "apparmor":
        raise Skip("only AppArmor lets a policy go from under a process")
    bed.start_sleeper("late")
    label = show(bed, "late", "MACLabel")[0]
    bed.kill_manager()
    lose_profile(label)
    bed.start_manager()
    bed.wait_active("late", "failed")
    equal(bed.property("late", "Result"), "mac-lost", "Result")


def test_reload_under_load(bed):
    """policy that is loaded again and again does not touch what runs."""
    only_with_labels()
    if LSM != "apparmor":
        raise Skip("reloading the reference policy takes minutes here; the selinux suite does it once")
    bed.start_sleeper("busy")
    for _ in range(10):
        bed.start_sleeper("other")
        bed.ctl("stop", "other").expect(0)
        bed.unit("other", "ExecStart=/bin/sleep 1000", "AddCapability=CAP_NET_RAW")
    equal((bed.active("busy"), show(bed, "busy", "MACVerified")[0]), ("active", True), "the container beside")


def test_service_reload_under_load(bed):
    """apparmor.service is reloaded again and again while five containers start and stop, and one runs on."""
    if LSM != "apparmor":
        raise Skip("apparmor.service is AppArmor's")
    bed.start_sleeper("steady")
    names = ["load%d" % i for i in range(5)]
    for name in names:
        bed.unit(name, "ExecStart=/bin/sleep 1000")
    reloads, problems, ended = [], [], threading.Event()

    def reload():
        while not ended.is_set():
            reloads.append(subprocess.run(["systemctl", "reload", "apparmor.service"], check=False).returncode)

    def work(name):
        for _ in range(3):
            for command in (("start",), ("exec", "cat", "/proc/self/attr/apparmor/current"), ("stop",)):
                result = bed.ctl(command[0], name, *command[1:], timeout=120)
                if result.code != 0 or (command[0] == "exec" and result.out.strip() != "bulwark-%s (enforce)" % name):
                    problems.append(str(result))

    reloader = threading.Thread(target=reload)
    workers = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in [reloader, *workers]:
        thread.start()
    for thread in workers:
        thread.join()
    ended.set()
    reloader.join()
    check(not problems, "\n".join(problems))
    check(len(reloads) >= 2 and set(reloads) == {0}, "reloads ended with %s" % reloads)
    equal((bed.active("steady"), show(bed, "steady", "MACVerified")[0]), ("active", True), "the container beside")
    equal(label_of(bed.leader("steady")), "bulwark-steady", "its label")


def test_stop_whatever_the_profile_says(bed):
    """stop and kill work on a container of every kind."""
    only_with_labels()
    for lines in ([], ["NoNewPrivileges=no"], ["User=1000"], ["CapabilityBoundingSet=~"], ["PrivateUsers=no"]):
        bed.start_sleeper("stopped", *lines)
        begin = time.monotonic()
        bed.ctl("stop", "stopped").expect(0)
        check(time.monotonic() - begin < 5 * SLOWNESS, "stop took too long with %s" % lines)
        equal(bed.property("stopped", "Result"), "success", "Result with %s" % lines)


run(__name__)
