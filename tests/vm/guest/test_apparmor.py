# SPDX-License-Identifier: LGPL-2.1-or-later
"""AppArmor alone: what a generated profile denies when nothing else is in the way, whom it keeps apart, and how profiles come
and go in the kernel."""

from bed import *
from attacks import DENIED, HOST_ATTACKS, WORKS, denied_by  # noqa: beside the harness, found by way of the bed

PROFILES = "/sys/kernel/security/apparmor/profiles"
EVERYTHING = ["CapabilityBoundingSet=~", "PrivateUsers=no", "NoNewPrivileges=no", "SystemCallFilter=~swapon", "TemporaryFileSystem=/mnt"]
ONLY_APPARMOR = os.environ.get("BULWARK_VM_LSM") == "apparmor"

# attack -> what it brings a container whose masks are gone, whose kernel file systems are writable, which has every
# capability and no module: the proof that the attack works where nothing denies it
ATTACKS = {
    "read:/proc/kcore": "ok",
    "read:/proc/kallsyms": "ok",
    "open-write:/proc/sysrq-trigger": "ok",
    "open-write:/proc/sys/kernel/core_pattern": "ok",
    "open-write:/proc/sys/kernel/modprobe": "ok",
    "open-write:/proc/sys/vm/drop_caches": "ok",
    "open-write:/proc/self/attr/current": "ok",
    "open-write:/proc/self/attr/apparmor/exec": "ok",
    "open-write:/sys/kernel/mm/ksm/run": "ok",
    "read:/sys/kernel/security/lsm": "ok",
    "read:/dev/disk": "ok",
    "write-memory:1": "ok",
}

def only_here(bed):
    if not ONLY_APPARMOR:
        raise Skip("the guest does not run AppArmor")


def loaded():
    return {line.rsplit(" (", 1)[0]: line.rsplit(" (", 1)[1].strip(")\n") for line in open(PROFILES, encoding="utf-8")}


def hostile(bed, name, attacks):
    shutil.copy(os.path.join(BUILD, "tests/host/hostile"), os.path.join(bed.root, "bin/hostile"))
    return json.loads(bed.ctl("exec", name, "/bin/hostile", "try", "control", *attacks).expect(0).out)


def lay_open(bed, name):
    """From outside: every mask away, everything writable, a disk in /dev."""
    inside = ["nsenter", "-t", str(bed.leader(name)), "-m", "/bin/busybox"]
    disk = os.stat("/dev/vda").st_rdev
    mounts = read("/proc/%d/mountinfo" % bed.leader(name)).splitlines()
    for line in reversed(mounts):
        path = line.split()[4]
        if path.startswith(("/proc/", "/sys/")) and path != "/sys/fs/cgroup":
            bed.run(inside + ["umount", "-l", path])
    for path in ("/sys", "/dev", "/"):
        bed.run(inside + ["mount", "-o", "remount,bind,rw,dev", "none", path]).expect(0)
    bed.run(inside + ["mount", "-t", "securityfs", "securityfs", "/sys/kernel/security"])
    bed.run(inside + ["mknod", "/dev/disk", "b", str(os.major(disk)), str(os.minor(disk))]).expect(0)


def on_the_host(bed, prefix, attacks):
    """As the host's root, in a mount namespace that may be broken."""
    program = os.path.join(BUILD, "tests/host/hostile")
    return json.loads(bed.run(["unshare", "-m", *prefix, program, "try", *attacks]).expect(0).out)


def test_profile_alone(bed):
    """the host's root with nothing but the profile of a default container: each attack is denied, and without it works."""
    only_here(bed)
    closed, still = os.path.join(bed.directory, "closed"), os.path.join(bed.directory, "still")
    for path in (closed, still):
        os.mkdir(path)
        shutil.copy(os.path.join(bed.root, "bin/busybox"), path)
    # What a bind is not to allow is in the profile too: the same paths as on the host, so that it speaks of them.
    bed.start_sleeper("worn", "BindReadOnlyPaths=%s:%s" % (closed, closed), "BindPaths=%s:%s:noexec" % (still, still))
    binds = ["open-write:%s/busybox" % closed, "execute:%s/busybox" % still]
    free = on_the_host(bed, [], [*HOST_ATTACKS, *binds])
    equal({k: v for k, v in free.items() if v not in WORKS}, {}, "what does not work without a profile")
    worn = on_the_host(bed, ["aa-exec", "-p", "bulwark-worn", "--"], [*HOST_ATTACKS, *binds])
    denied = denied_by("apparmor") + binds
    equal({k: worn[k] for k in denied if worn[k] not in DENIED}, {}, "what the profile does not deny")
    equal({k: worn[k] for k in HOST_ATTACKS if k not in denied and worn[k] in DENIED}, {}, "what it denies beyond the list")


def test_closed_by_default(bed):
    """a container as it is by default: no attack comes through."""
    only_here(bed)
    bed.start_sleeper("plain", "BindPaths=%s:/data" % bed.out)
    result = hostile(bed, "plain", [*ATTACKS, *[a for a in HOST_ATTACKS if a not in ATTACKS]])
    equal(result.pop("control"), "ok", "the program that attacks")
    equal({k: v for k, v in result.items() if v == "ok"}, {}, "what came through")


def test_apparmor_alone(bed):
    """all capabilities, everything writable, no mask: the profile alone denies each attack."""
    only_here(bed)
    bed.start_sleeper("bare", "BindPaths=%s:/data" % bed.out, *EVERYTHING)
    lay_open(bed, "bare")
    result = hostile(bed, "bare", ATTACKS)
    equal(result.pop("control"), "ok", "the program that attacks")
    equal({k: v for k, v in result.items() if v not in ("EACCES", "EPERM")}, {}, "what the profile did not deny")


def test_attacks_work(bed):
    """the control: the same without a module, and the attacks are ones."""
    only_here(bed)
    bed.start_sleeper("control", "MandatoryAccessControl=no", "BindPaths=%s:/data" % bed.out, *EVERYTHING)
    lay_open(bed, "control")
    for attack, expected in ATTACKS.items():
        result = hostile(bed, "control", [attack])
        equal((attack, result[attack]), (attack, expected), "without a module")


def test_new_privileges(bed):
    """the same profile with NoNewPrivileges= on and off, as another user, without any capability, without an init."""
    only_here(bed)
    for lines in ([], ["NoNewPrivileges=no"], ["User=1000"], ["CapabilityBoundingSet="], ["User=1000", "CapabilityBoundingSet="], ["ProcessTwo=no"]):
        bed.start_sleeper("modes", "TimeoutStopSec=%d" % (5 * SLOWNESS), *lines)
        for pid in read(os.path.join(cgroup_directory(bed, "modes"), "payload/cgroup.procs")).split():
            equal(read("/proc/%s/attr/apparmor/current" % pid).strip(), "bulwark-modes (enforce)", "the label with %s" % lines)
        equal(bed.ctl("exec", "modes", "cat", "/proc/self/attr/current").expect(0).out.strip(), "bulwark-modes (enforce)", "exec with %s" % lines)
        bed.ctl("stop", "modes").expect(0)
        if lines != ["ProcessTwo=no"]:  # a sleep that is process 1 does not listen to SIGTERM
            equal(bed.property("modes", "Result"), "success", "Result with %s" % lines)


def test_apart(bed):
    """what wears one container's profile cannot signal, trace or look into another's processes."""
    only_here(bed)
    # The capability is asked for first: without it the profile would not have to say anything about the other.
    bed.start_sleeper("one", "AddCapability=CAP_SYS_PTRACE")
    bed.start_sleeper("two", "AddCapability=CAP_SYS_PTRACE")
    one, two = bed.leader("one"), bed.leader("two")
    worn = ["aa-exec", "-p", "bulwark-one", "--"]
    bed.run(worn + ["/bin/kill", "-0", str(one)]).expect(0)
    bed.run(worn + ["cat", "/proc/%d/environ" % one]).expect(0)
    check(bed.run(worn + ["/bin/kill", "-0", str(two)]).code != 0, "a signal went through")
    check(bed.run(worn + ["cat", "/proc/%d/environ" % two]).code != 0, "the environment was read")
    check(bed.run(worn + ["readlink", "/proc/%d/exe" % two]).code != 0, "the program was seen")
    for pid, allowed in ((one, True), (two, False)):
        equal(bed.run(worn + ["cat", "/proc/%d/root/etc/passwd" % pid]).code == 0, allowed, "a file of %s by way of /proc" % (
            "its own" if allowed else "the other"))


def test_no_descriptor_leaks(bed):
    """nothing but the standard streams comes in: AppArmor does not look again at what an unconfined process had opened."""
    only_here(bed)
    bed.start_sleeper("leak")
    check(hostile(bed, "leak", ["leaked-descriptor"])["leaked-descriptor"] != "ok", "a descriptor of the host is open inside")


def test_replaced(bed):
    """a changed unit has its new profile with the next start, the one that runs keeps its own till then."""
    only_here(bed)
    bed.start_sleeper("moving", "AppArmorExtraRules=deny /tmp/no w,")
    write_it = ("exec", "moving", "/bin/sh", "-c", "echo x >/tmp/no")
    check(bed.ctl(*write_it).code != 0, "the rule denies nothing")
    bed.unit("moving", "ExecStart=/bin/sleep 1000")
    bed.ctl("daemon-reload").expect(0)
    check(bed.ctl(*write_it).code != 0, "the rule of the running container has gone")
    bed.ctl("restart", "moving").expect(0)
    bed.ctl(*write_it).expect(0)


def test_comes_and_goes(bed):
    """a profile stays over a stop and while a process has it, and goes with its unit."""
    only_here(bed)
    bed.start_sleeper("brief")
    equal(loaded().get("bulwark-brief"), "enforce", "the profile of a running container")
    bed.ctl("stop", "brief").expect(0)
    check("bulwark-brief" in loaded(), "the profile went with the stop")
    bed.ctl("start", "brief").expect(0)
    os.unlink(os.path.join(bed.units, "brief.container"))
    bed.ctl("daemon-reload").expect(0)
    equal(loaded().get("bulwark-brief"), "enforce", "the profile of a container that runs without its unit")
    bed.ctl("stop", "brief")
    bed.ctl("daemon-reload").expect(0)
    wait_until(lambda: "bulwark-brief" not in loaded(), "the profile to go with its unit")


def test_swept(bed):
    """what a manager left behind of units that are gone is taken out by the next one; what is worn is not."""
    only_here(bed)
    bed.start_sleeper("gone")
    bed.start_sleeper("stays")
    bed.ctl("stop", "gone").expect(0)
    bed.kill_manager()
    os.unlink(os.path.join(bed.units, "gone.container"))
    bed.start_manager()
    check("bulwark-gone" not in loaded(), "the profile of a unit that is gone")
    equal(loaded().get("bulwark-stays"), "enforce", "the profile of a container that runs")


def test_wrong_rule(bed):
    """a rule that does not compile refuses the start with the compiler's words and the line of the unit."""
    only_here(bed)
    path = bed.unit("wrong", "ExecStart=/bin/sleep 1000", "AppArmorExtraRules=capability no_such,")
    bed.ctl("start", "wrong").expect(5, "%s:4: AppArmorExtraRules=: 'capability no_such,' does not compile" % path, "Invalid capability")


def named(text):
    run_parser = subprocess.run(["apparmor_parser", "-r", "-K", "-T"], input=text.encode(), capture_output=True, check=False)
    equal((run_parser.returncode, run_parser.stderr), (0, b""), "apparmor_parser")


def test_named(bed):
    """AppArmorProfile=NAME is entered where it is loaded and enforces; else it is refused, or left out with -NAME."""
    only_here(bed)
    body = " flags=(%sattach_disconnected) { file, capability, network, signal, ptrace, }\n"
    named("profile vm-strict" + body % "" + "profile vm-lenient" + body % "complain,")
    bed.start_sleeper("theirs", "AppArmorProfile=vm-strict")
    equal(read("/proc/%d/attr/apparmor/current" % bed.leader("theirs")).strip(), "vm-strict (enforce)", "the label")
    path = bed.unit("lenient", "ExecStart=/bin/sleep 1000", "AppArmorProfile=vm-lenient")
    bed.ctl("start", "lenient").expect(5, "%s:4: AppArmorProfile=: the profile vm-lenient is loaded but does not enforce" % path)
    path = bed.unit("missing", "ExecStart=/bin/sleep 1000", "AppArmorProfile=vm-none")
    bed.ctl("start", "missing").expect(5, "%s:4: AppArmorProfile=: no profile vm-none is loaded" % path)
    bed.start_sleeper("optional", "AppArmorProfile=-vm-none")
    equal(read("/proc/%d/attr/apparmor/current" % bed.leader("optional")).strip(), "unconfined", "the label without its profile")
    bed.start_sleeper("open", "AppArmorProfile=unconfined")
    equal(read("/proc/%d/attr/apparmor/current" % bed.leader("open")).strip(), "unconfined", "the label with unconfined")


def test_nothing_joins_before_its_profile(bed):
    """A command is under the host's own profile from its execve only: where the container could take it over before, none joins.

    Protection: join_order(). Boot=yes has no Landlock ruleset, which would keep the two apart."""
    only_here(bed)
    named("profile vm-traces flags=(attach_disconnected) { file, capability, network, signal, ptrace, mount, umount, }\n")
    root = os.path.join(bed.directory, "boot-root")
    shutil.copytree(bed.root, root, symlinks=True)
    os.makedirs(os.path.join(root, "sbin"), exist_ok=True)
    write(os.path.join(root, "sbin/init"), "#!/bin/sh\nexec /bin/sleep 1000\n", 0o755)
    for name, joins, lines in (("traces", False, ["AddCapability=CAP_SYS_PTRACE", "PrivateUsers=no"]), ("blind", True, ["PrivateUsers=no"]),
                               ("apart", True, ["AddCapability=CAP_SYS_PTRACE", "PrivateUsers=managed"])):
        bed.unit(name, raw="[Container]\nRootDirectory=%s\n%s\n" % (root, "\n".join(["Boot=yes", "Type=exec", "AppArmorProfile=vm-traces"] + lines)))
        bed.ctl("start", name).expect(0)
        result = bed.ctl("exec", name, "/bin/true")
        equal(result.code == 0, joins, "%s: %s" % (name, result))
        if not joins:
            contains(result.err, "AppArmorProfile=: nothing can join this container safely", "the refusal")
        bed.ctl("kill", "-s", "KILL", name)
        bed.ctl("stop", name)


def test_names_of_every_kind(bed):
    """each character that a container's name may have ends in a profile of its own, with its peers."""
    only_here(bed)
    for name in ("a:b", "a.b_c-d", "t@x"):
        bed.start_sleeper(name)
        label = read("/proc/%d/attr/apparmor/current" % bed.leader(name)).strip()
        equal(label, "bulwark-%s (enforce)" % name.replace(":", "+3a"), "the label of " + name)
        bed.ctl("exec", name, "/bin/sh", "-c", "sleep 9 & kill $!").expect(0)


def test_damaged_cache(bed):
    """a damaged entry of the cache is compiled anew."""
    only_here(bed)
    times = []
    for _ in range(2):
        begin = time.monotonic()
        bed.start_sleeper("cached")
        times.append(1000 * (time.monotonic() - begin))
        bed.ctl("stop", "cached").expect(0)
        bed.stop_manager()
        bed.start_manager()
    print("# a start that compiles the profile: %d ms; one that finds it in the cache: %d ms" % tuple(times))
    bed.stop_manager()
    entries = [os.path.join(path, f) for path, _, files in os.walk(bed.directory) for f in files if f.startswith("apparmor-")]
    check(entries, "no entry in the cache")
    for entry in entries:
        write(entry, "damaged", 0o600)
    bed.start_manager()
    bed.ctl("start", "cached").expect(0)
    equal(read("/proc/%d/attr/apparmor/current" % bed.leader("cached")).strip(), "bulwark-cached (enforce)", "the label")


run(__name__)
