# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ways out that worked on others: from a payload, from exec, with every capability, by a prepared image, and by killing
the launch at any moment. Each test says which line of ours stands in the way; without it the test fails."""

import ctypes
import random
import resource
import threading

from harness import *

SELF = ("/proc/1/root", "/proc/self/root")
# Writing there runs programs as the host's root or stops the host.
SWITCHES = [
    "open-write:/proc/sys/kernel/core_pattern", "open-write:/proc/sys/kernel/modprobe", "open-write:/proc/sys/kernel/poweroff_cmd",
    "open-write:/proc/sysrq-trigger", "open-write:/sys/kernel/uevent_helper", "open-write:/proc/sys/fs/binfmt_misc/register",
    "open-write:/proc/sys/kernel/sysrq", "open-write:/proc/sys/vm/panic_on_oom", "open-write:/proc/sys/kernel/randomize_va_space",
    "open-write:/proc/irq/default_smp_affinity", "open-write:/proc/mtrr", "open-write:/proc/kmsg", "read:/proc/kcore", "read:/proc/keys",
    "read:/proc/timer_list", "read:/proc/kmsg", "read:/proc/interrupts", "list:/sys/dev/block", "list:/sys/firmware", "list:/proc/acpi",
    "open-write:/sys/power/state", "open-write:/sys/kernel/profiling", "open-write:/sys/fs/cgroup/cgroup.procs", "mkdir:/sys/fs/cgroup/own",
    "open-write:/sys/fs/cgroup/release_agent", "open-write:/sys/fs/cgroup/cgroup.max.depth", "mkdir:/dev/own", "mkdir:/own",
]
# Locked mounts: none of these may work for anybody inside, see step_lock_mounts().
MOUNTS = [a + ":" + p for a in ("remount-rw", "setattr-clear") for p in ("/", "/proc/sys", "/sys", "/sys/fs/cgroup", "/bound", "/dev")] + [
    "unmount:" + p for p in ("/proc/kcore", "/proc/keys", "/proc/sysrq-trigger", "/proc/sys", "/sys/firmware", "/bound", "/dev", "/sys", "/proc")
] + ["move-away:/proc/kcore", "move-away:/proc/sys", "bind-beneath:/proc", "bind-beneath:/sys", "bind-beneath:/", "tree-beneath:/proc",
     "fresh:proc", "fresh:sysfs", "fresh-detached:proc", "fresh-detached:sysfs", "cgroup-v1:memory", "cgroup-v1:none,name=own"]
PROCESSES = ["write-program:1", "trace:1", "write-memory:1", "read-memory:1", "take-descriptor:1", "list:/proc/1/fd", "read:/proc/1/environ",
             "read:/proc/1/maps", "read:/proc/1/auxv", "read:/proc/1/stack", "other-root:/proc/1/root", "other-root:/proc/1/cwd",
             "other-root:/proc/self/root", "enter:/proc/1/cwd", "enter:/proc/1/root", "leaked-descriptor"] + [
                 "enter:/proc/self/fd/%d" % fd for fd in range(3, 12)]
DEVICES = ["device:c1.1", "device:c1.2", "device:b8.0", "device:b259.0", "device:b254.0", "by-handle:/", "by-handle:/bin", "by-handle:/proc"]
FOREIGN = ["call-i386", "call-x32"]
EVERYTHING = ("AddCapability=all", "SystemCallFilter=@known unshare clone3 setns")
# bpf, perf_event_open, userfaultfd, kcmp, io_uring_setup, one that does not exist
CALLS = ["call:%d" % n for n in ((321, 298, 323, 312, 425, 999) if os.uname().machine == "x86_64" else (280, 241, 282, 272, 425, 999))]


def install(bed):
    program = os.path.join(bed.root, "bin/hostile")
    if not os.path.exists(program):
        shutil.copy(os.path.join(BUILD, "tests/host/hostile"), program)
    os.makedirs(os.path.join(bed.root, "bound"), exist_ok=True)
    bound = os.path.join(bed.directory, "bound")
    os.makedirs(bound, exist_ok=True)
    write(os.path.join(bound, "file"), "the host's\n")
    return bound


def attack(bed, name, what, *lines, how="try"):
    """The answers, from the payload of a new container."""
    bound = install(bed)
    path = os.path.join(bed.out, name)
    bed.unit(name, "Type=oneshot", "ExecStart=/bin/hostile %s %s" % (how, " ".join(["control"] + what)), "StandardOutput=truncate:" + path,
             "BindReadOnlyPaths=%s:/bound" % bound, *lines)
    bed.ctl("start", "--wait", name).expect(0)
    return wait_until(lambda: parse_json(path), "answers of %s: %s" % (name, read(path) if os.path.exists(path) else ""), 5)


def repelled(answers, *allowed):
    equal(answers.pop("control", None), "ok", "the control attack, which must work")
    for what, answer in answers.items():
        check(answer != "no such attack", "%s is not known to the hostile program" % what)
        check(answer != "ok" or what in allowed, "%s worked" % what)


def host_key():
    """A key of the host's root, that nobody else shall find."""
    libc = ctypes.CDLL(None, use_errno=True)
    add_key = {"x86_64": 248, "aarch64": 217}[os.uname().machine]
    return libc.syscall(add_key, b"user", b"bulwark-test", b"secret", 6, -4)


def test_default_container(bed):
    """nothing works from the payload of a default container.

    Removed protections this sees: the filter (STEP_SECCOMP), the masks (plan-root.c masked_paths, read_only_paths), read-only attributes,
    PR_SET_DUMPABLE (stage_guard), close_range (STEP_CLOSE_DESCRIPTORS), capabilities (STEP_BOUNDING_SET)."""
    with socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind("\0bulwark-escape")
        abstract.listen()
        answers = attack(bed, "default", SWITCHES + MOUNTS + PROCESSES + DEVICES + FOREIGN + [
            "pivot:/mnt", "leave-chroot:/tmp", "new-user-namespace:unshare", "new-user-namespace:clone", "new-user-namespace:clone3", "type:plain",
            "type:high", "type:console", "socket:40.1", "socket:38.5", "socket:17.3", "socket:2.3", "socket:44.3", "socket:31.5", "socket:15.3",
            "socket:30.5", "socket:21.5", "connect-abstract:bulwark-escape", "describe-key:%d" % host_key()] + CALLS)
    repelled(answers)
    for what in ("type:plain", "type:high", "type:console"):
        equal(answers[what], "EPERM", what + ": the filter's answer, not the terminal's")
    for what in ("socket:40.1", "socket:38.5", "socket:17.3"):
        equal(answers[what], "EAFNOSUPPORT", what)
    equal(answers["new-user-namespace:clone3"], "ENOSYS", "clone3")
    if os.uname().machine == "x86_64":
        check(answers["call-i386"] in ("SYS", "SEGV"), "a 32-bit call: %s" % answers["call-i386"])


def test_init_before_payload(bed):
    """the payload's first look finds an init that has let go of everything.

    Protection: confine_self(). That the payload waits for it (init_ready in step_close_descriptors) closes a window of microseconds, which
    no test hits at will."""
    for i in range(10):
        equal(attack(bed, "look%d" % i, ["init-holds"])["init-holds"], "harmless", "the init")


def test_exec(bed):
    """nothing works from exec either: the same code confines it (plan_confine)."""
    install(bed)
    bed.start_sleeper("target")
    for options in ((), ("--user=1000",)):
        result = bed.ctl("exec", *options, "target", "/bin/hostile", "try", "control", *SWITCHES, *[a for a in MOUNTS if "/bound" not in a],
                         *[a for a in PROCESSES if not a.startswith("leaked")], *DEVICES, *FOREIGN, "new-user-namespace:unshare",
                         "new-user-namespace:clone3", "type:plain", "type:high", "socket:40.1", "socket:38.5", "socket:17.3").expect(0)
        repelled(json.loads(result.out))


def test_all_capabilities(bed):
    """with every capability and every system call the locks hold.

    Protection: STEP_LOCK_MOUNTS (the copy of the mount namespace into the user namespace), the user namespace itself for devices, handles and
    switches, and mm->user_ns with PR_SET_DUMPABLE=0 (stage_guard) for the init."""
    what = SWITCHES + MOUNTS + PROCESSES + DEVICES + ["describe-key:%d" % host_key(), "leave-chroot:/tmp"]
    allowed = ("read:/proc/interrupts",) if not os.path.exists("/proc/interrupts") else ()
    repelled(attack(bed, "everything", what, *EVERYTHING), *allowed)


def test_all_capabilities_nested(bed):
    """nor in a user and mount namespace of its own making: copies keep their locks."""
    answers = attack(bed, "nested", SWITCHES + MOUNTS + DEVICES, *EVERYTHING, how="nested")
    equal(answers.get("control"), "ok", "a nested user namespace, the proof that the calls get through")
    repelled(answers)


def test_joining_against_a_filter(bed):
    """a filter that does not let a process through to its execve is joined late where the container cannot look into the process, and not
    at all where it can: by exec, by the health check, by a reload; the words say why, and what helps.

    Protection: join_order()."""
    for name, allowed, lines in (("blind", True, ()), ("landlocked", True, ("PrivateUsers=no", "AddCapability=CAP_SYS_PTRACE")),
                                 ("powerless", True, ("PrivateUsers=no", "MandatoryAccessControl=no")),
                                 ("watching", False, ("PrivateUsers=no", "AddCapability=CAP_SYS_PTRACE", "MandatoryAccessControl=no"))):
        for privileges in ("yes", "no"):
            bed.start_sleeper(name, "NoNewPrivileges=" + privileges, "SystemCallFilter=~clone", "HealthCmd=/bin/true", "ExecReload=/bin/true", *lines)
            if name == "landlocked" and "landlock" not in bed.ctl("status", name).out:
                continue
            results = [bed.ctl(*words) for words in (("exec", name, "/bin/true"), ("healthcheck", name), ("reload", name))]
            for result in results:
                equal(result.code == 0, allowed, "%s, NoNewPrivileges=%s: %s" % (name, privileges, result))
                if not allowed:
                    contains(result.err, "nothing can join this container safely: its filter denies clone", str(result))
            bed.ctl("kill", "-s", "KILL", name)
            bed.ctl("stop", name)
    path = bed.unit("watching", "ExecStart=/bin/sleep 1000", "SystemCallFilter=~clone", "HealthCmd=/bin/true", *lines)
    contains(bed.verify(path).err, "HealthCmd=: warning: this command will be refused, since nothing can join the container safely", "the warning")
    bed.start_sleeper("mute", "SystemCallFilter=~ioctl", "PrivateUsers=no", "AddCapability=CAP_SYS_PTRACE", "MandatoryAccessControl=no")
    bed.ctl("exec", "mute", "/bin/true").expect(0)
    contains(bed.ctl("exec", "-t", "mute", "/bin/true").err, "its filter denies ioctl", "a terminal")


MOVE_ROOT = 'mount --make-rprivate / && mount --rbind / "$0" && cd "$0" && mount --move . / && exec chroot . "$@"'


def test_all_capabilities_under_a_moved_root(bed):
    """nor where the manager's own root was moved over another one, as systemd does for a service with InaccessiblePaths=.

    Protection: keeper_own_mounts(). The procfs that lies beneath would give the right to a fresh one, without masks."""
    top = os.path.join(bed.directory, "top")
    os.mkdir(top)
    equal(bed.stop_manager(), 0, "exit code of the manager")
    bed.start_manager("unshare", "-m", "sh", "-c", MOVE_ROOT, top)
    try:
        points = [line.split()[4] for line in read("/proc/%d/mountinfo" % bed.keeper_pid()).splitlines()]
        equal(points, ["/", "/proc", "/sys"], "mounts of the keeper")
        repelled(attack(bed, "moved", MOUNTS, *EVERYTHING))
    finally:
        bed.stop_manager()
    os.rmdir(top)


def watch(bed, name, *lines, execs=60):
    """A container that looks at whatever appears, while execs run."""
    install(bed)
    path = os.path.join(bed.out, name)
    bed.unit(name, "ExecStart=/bin/hostile watch 5", "StandardOutput=truncate:" + path, *lines)
    bed.ctl("start", name).expect(0)
    end = time.monotonic() + 4.5
    n = 0
    while time.monotonic() < end and n < execs:
        bed.ctl("exec", name, "/bin/true")
        n += 1
    found = wait_until(lambda: parse_json(path), "what the watcher found", 15)
    check(found["seen"] >= 5, "the watcher saw %d of %d execs" % (found["seen"], n))
    equal((found["privileged"], found["excess"]), (0, "0"), "processes seen with capabilities that the container lacks")
    equal(found["programs"], 0, "programs of the host opened for writing")
    return found


def test_watching_exec(bed):
    """a container never sees a process with more than it may have itself, CVE-2016-9962.

    Protection: plan_confine() makes outer take the capabilities before CLONE_INNER."""
    found = watch(bed, "watch")
    equal(found["traced"], 0, "traced")


def test_tracing_exec(bed):
    """nor can it trace one, though it may trace its own; not on a host whose fs.suid_dumpable is 1 either.

    Protection: PR_SET_DUMPABLE=0 after each change of credentials (stage_guard, step_identity)."""
    switch = "/proc/sys/fs/suid_dumpable"
    old = read(switch)
    try:
        write_in_place(switch, "1")
        found = watch(bed, "trace", "AddCapability=CAP_SYS_PTRACE", "SystemCallFilter=@system-service @debug")
    finally:
        write_in_place(switch, old)
    equal(found["traced"], 0, "helpers that were traced")


def test_tracing_exec_without_user_namespace(bed):
    """where the kernel allows it (PrivateUsers=no), it holds nothing: no descriptor but the streams and a pipe, no capability, no
    environment, no command line.

    Protection: outer closes, drops and only then clones; stage_hide_command_line()."""
    found = watch(bed, "open", "PrivateUsers=no", "AddCapability=CAP_SYS_PTRACE", "SystemCallFilter=@system-service @debug")
    check(found["descriptors"] <= 4, "%d descriptors of a helper" % found["descriptors"])
    equal((found["command_lines"], found["environments"]), (0, 0), "command lines and environments")


JOINS = int(os.environ.get("BULWARK_JOINS", "60"))
TRACER = ("PrivateUsers=no", "AddCapability=CAP_SYS_PTRACE", "SystemCallFilter=@system-service @debug")


def seize(bed, name, *lines):
    """A container takes whatever joins it, in every way of joining, before that is a process of its own."""
    install(bed)
    path = os.path.join(bed.out, name)
    victim = bed.spawn(["sleep", "1000"])
    bed.start_sleeper("the-neighbour-of-" + name)
    bed.unit(name, "ExecStart=/bin/hostile seize %d the-neighbour-of" % victim.pid, "StandardOutput=truncate:" + path, "ExecReload=/bin/true",
             "HealthCmd=/bin/true", "HealthInterval=1s", *TRACER, *lines)
    bed.ctl("start", name).expect(0)
    wait_until(lambda: os.path.exists(path) and read(path), "the watcher of " + name, 10)
    keeper = bed.keeper_pid()
    for n in range(JOINS):
        if n % 20 == 10:
            bed.ctl("reload", name)
        elif n % 20 == 15:
            bed.ctl("healthcheck", name)
        elif n % 20 == 17:
            bed.ctl("shell", "-T", name, text=b"exit\n")
        else:
            bed.ctl("exec", name, "/bin/true")
    equal(victim.poll(), None, "the end of a process of the host")
    equal(bed.keeper_pid(), keeper, "the keeper")
    bed.ctl("stop", name).expect(0)
    found = json.loads(wait_until(lambda: read(path).splitlines()[1:], "what the watcher found", 10)[0])
    bed.ctl("stop", "the-neighbour-of-" + name).expect(0)
    victim.kill()
    victim.wait()
    check(found["seen"] >= 3, "the watcher saw %d of %d" % (found["seen"], JOINS))
    for what in ("privileged", "unfiltered", "unbound", "knowing"):
        equal(found[what], 0, "%s of %d processes that were seized" % (what, found["seized"]))
    return found


def test_seizing_what_joins(bed):
    """a container that may trace takes processes that join it, and gains nothing: no capability, no filter less, no word of another
    container, and what it writes into their memory ends no process of the host. $BULWARK_JOINS: how many a combination.

    Protection: confine_join() makes outer take on everything before CLONE_INNER; record_learn_inner() believes only what stands where no
    container writes; forget()."""
    for privileges in ("yes", "no"):
        for label in ("no", "auto"):
            found = seize(bed, "seize-%s-%s" % (privileges, label), "NoNewPrivileges=" + privileges, "MandatoryAccessControl=" + label)
            print("# NoNewPrivileges=%s MandatoryAccessControl=%s: %s" % (privileges, label, found))


def image(bed, name):
    root = os.path.join(bed.directory, name)
    shutil.copytree(bed.root, root, symlinks=True)
    return root


def replaced(root, name, target):
    path = os.path.join(root, name)
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
    os.symlink(target, path)


def test_links_for_kernel_file_systems(bed):
    """an image whose /proc, /sys or /dev is a link is refused, CVE-2019-19921, CVE-2023-27561.

    Protection: PLAN_NO_SYMLINKS of the attach steps."""
    for name in ("proc", "sys", "dev"):
        root = image(bed, "linked-" + name)
        replaced(root, name, "/var")
        bed.unit("linked-" + name, raw="[Container]\nRootDirectory=%s\nType=oneshot\nExecStart=/bin/true\n" % root)
        result = bed.ctl("start", "--wait", "linked-" + name)
        check(result.code != 0, "a /%s that is a link was accepted:\n%s" % (name, result))
        contains(result.err, "/" + name, str(result))
        equal(os.listdir(os.path.join(root, "var")), [], "what the link leads to")
        shutil.rmtree(root)


def test_links_below_bind_targets(bed):
    """a bind's destination goes through links of the image, but stays inside.

    Protection: nothing is looked up before STEP_ENTER_ROOT has left the host's root, and RESOLVE_IN_ROOT in root_open()."""
    victim = os.path.join(bed.directory, "victim")
    os.makedirs(victim)
    write(os.path.join(victim, "file"), "host")
    source = install(bed)
    for i, target in enumerate((victim, "../../../../../../../../" + victim, "/proc/1/root" + victim, "/proc/self/cwd/../../.." + victim)):
        root = image(bed, "links%d" % i)
        replaced(root, "data", target)
        bed.unit("links%d" % i, raw="[Container]\nRootDirectory=%s\nReadOnly=no\nType=oneshot\nExecStart=/bin/true\nBindPaths=%s:/data/below\n" % (root, source))
        bed.ctl("start", "--wait", "links%d" % i)
        equal(os.listdir(victim), ["file"], "the host's directory, with the link %s" % target)
        equal(read(os.path.join(victim, "file")), "host", "the host's file")
        shutil.rmtree(root)
    shutil.rmtree(victim)


def test_link_exchange(bed):
    """nor when somebody exchanges the link while the container starts, CVE-2021-30465.

    Protection: as before, and mounting by descriptor in attach()."""
    victim = os.path.join(bed.directory, "victim")
    os.makedirs(os.path.join(victim, "below"))
    source = install(bed)
    root = image(bed, "exchange")
    link, directory, work = (os.path.join(root, n) for n in ("link", "place", "data"))
    os.symlink("../../../../../../../.." + victim, link)
    os.makedirs(os.path.join(directory, "below"))
    os.rmdir(work)
    os.rename(directory, work)
    libc = ctypes.CDLL(None, use_errno=True)
    stop = threading.Event()
    swaps = [0]

    def exchange():
        while not stop.is_set():
            libc.renameat2(-100, link.encode(), -100, work.encode(), 2)  # RENAME_EXCHANGE
            swaps[0] += 1

    bed.unit("exchange", raw="[Container]\nRootDirectory=%s\nReadOnly=no\nType=oneshot\nExecStart=/bin/true\nBindPaths=%s:/data/below\n" % (root, source))
    thread = threading.Thread(target=exchange)
    thread.start()
    started = 0
    try:
        for _ in range(40):
            started += bed.ctl("start", "--wait", "exchange").code == 0
            bed.ctl("reset-failed", "exchange")
    finally:
        stop.set()
        thread.join()
    check(swaps[0] > 1000, "only %d exchanges" % swaps[0])
    diagnose("%d of 40 starts went well over %d exchanges" % (started, swaps[0]))
    equal((os.listdir(victim), os.listdir(os.path.join(victim, "below"))), (["below"], []), "the host's directory")
    equal(read(os.path.join(source, "file")), "the host's\n", "the source")
    shutil.rmtree(root)
    shutil.rmtree(victim)


def test_strange_user_files(bed):
    """a FIFO, a device or a link to the host as /etc/passwd neither hangs nor leaks, CVE-2024-9676."""
    secret = os.path.join(bed.directory, "passwd")
    write(secret, "intruder:x:0:0::/:/bin/sh\n")
    for what in ("fifo", "device", "link", "magic"):
        root = image(bed, "user-" + what)
        path = os.path.join(root, "etc/passwd")
        os.unlink(path)
        if what == "fifo":
            os.mkfifo(path)
        elif what == "device":
            os.mknod(path, 0o020666, os.makedev(1, 5))
        else:
            os.symlink("../../../../../../../.." + secret if what == "link" else "/proc/1/root" + secret, path)
        bed.unit("user-" + what, raw="[Container]\nRootDirectory=%s\nType=oneshot\nUser=intruder\nExecStart=/bin/true\n" % root)
        started = time.monotonic()
        result = bed.ctl("start", "--wait", "user-" + what, timeout=20)
        check(result.code != 0, "the user was found in a %s:\n%s" % (what, result))
        check(time.monotonic() - started < 10, "a %s took %.0f s" % (what, time.monotonic() - started))
        shutil.rmtree(root)


def test_zombies(bed):
    """10000 orphans leave no zombie: the init reaps."""
    install(bed)
    path = os.path.join(bed.out, "storm")
    bed.unit("storm", "Type=oneshot", "ExecStart=/bin/hostile storm 10000", "StandardOutput=truncate:" + path)
    bed.ctl("start", "--wait", "storm", timeout=120).expect(0)
    equal(wait_until(lambda: parse_json(path), "the storm's answer", 5), {"made": 10000, "zombies": 0}, "storm")


# --- faults


def processes_of(bed, name):
    result = []
    for directory, _, files in os.walk(os.path.join(bed.cgroup, "containers", name)):
        if "cgroup.procs" in files:
            try:
                result += [int(p) for p in read(os.path.join(directory, "cgroup.procs")).split()]
            except OSError:
                continue
    return result


def role(pid):
    """By its numbers: outer is in no namespace of the container's, inner is its first process."""
    for line in read("/proc/%d/status" % pid).splitlines():
        if line.startswith("NSpid:"):
            numbers = line.split()[1:]
            return "outer" if len(numbers) == 1 else "inner" if numbers[-1] == "1" else "payload"
    raise ProcessLookupError


def test_kill_during_launch(bed):
    """SIGKILL to outer, inner or payload at any moment of 200 launches: never a hang, and nothing stays.

    Protection: reap_one() ends the one that waits for the other; the ledger sees descriptors, processes and records (each has
    descriptors)."""
    bed.unit("victim", "ExecStart=/bin/sleep 1000")
    killed = {"outer": 0, "inner": 0, "payload": 0}
    wanted = random.Random(1)
    for _ in range(200):
        client = bed.spawn(bed.ctl_command("start", "victim"))
        target = wanted.choice(("outer", "inner", "payload"))
        end = time.monotonic() + wanted.choice((0.05, 0.2))
        delay = wanted.random() * 0.002
        while time.monotonic() < end:
            try:
                found = [p for p in processes_of(bed, "victim") if role(p) == target]
                if not found:
                    continue
                time.sleep(delay)
                os.kill(found[0], signal.SIGKILL)
                killed[target] += 1
                break
            except (OSError, ProcessLookupError):
                continue
        try:
            client.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            raise Failure("the start hangs after a %s was killed; left: %s" % (target, processes_of(bed, "victim"))) from None
        bed.ctl("stop", "victim", timeout=20)
        bed.ctl("reset-failed", "victim")
        wait_until(lambda: not processes_of(bed, "victim"), "no process left after a %s was killed" % target, 5)
    diagnose("killed: %s" % killed)
    check(min(killed.values()) >= 5, "too few were hit: %s" % killed)


def test_manager_killed_during_launch(bed):
    """the manager's end in the middle of 100 launches: the container runs or is gone, and nothing of the rest stays.

    Protection: connection_close() ends the launches of a manager that has gone."""
    bed.unit("victim", "ExecStart=/bin/sleep 1000")
    states = {}
    wanted = random.Random(2)
    for _ in range(100):
        client = bed.spawn(bed.ctl_command("start", "--no-block", "victim"))
        time.sleep(wanted.random() * 0.025)
        bed.kill_manager()
        client.communicate(timeout=10)
        bed.start_manager()
        state = bed.active("victim")
        states[state] = states.get(state, 0) + 1
        check(state in ("active", "inactive", "failed", "activating"), "state %s" % state)
        if state == "active":
            check(processes_of(bed, "victim"), "active without a process")
        bed.ctl("stop", "victim", timeout=20).expect(0)
        bed.ctl("reset-failed", "victim")
        wait_until(lambda: not processes_of(bed, "victim"), "no process left", 5)
    diagnose("states after: %s" % states)


def test_full_keeper(bed):
    """a keeper without free descriptors refuses, does not spin, and goes on when there is room.

    Protection: accept_refuse(), and -EMFILE of socket_receive() as a reply."""
    bed.start_sleeper("before")
    keeper = bed.keeper_pid()
    limits = resource.prlimit(keeper, resource.RLIMIT_NOFILE)
    used = descriptors(keeper)
    free = min(n for n in range(4096) if n not in used)
    resource.prlimit(keeper, resource.RLIMIT_NOFILE, (free + 2, limits[1]))
    sockets = []
    try:
        bed.unit("more", "ExecStart=/bin/sleep 1000")
        result = bed.ctl("start", "more")
        check(result.code != 0, "a start without descriptors:\n%s" % result)
        equal(bed.active("before"), "active", "what ran before")
        for _ in range(8):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            s.connect(os.path.join(bed.runtime, "keeper"))
            sockets.append(s)
        ticks = lambda: sum(int(t) for t in stat_fields(keeper)[11:13])
        before = ticks()
        time.sleep(1)
        check(ticks() - before < 20, "the keeper spins: %d ticks in a second" % (ticks() - before))
    finally:
        resource.prlimit(keeper, resource.RLIMIT_NOFILE, limits)
        for s in sockets:
            s.close()
    bed.ctl("reset-failed", "more")
    bed.ctl("start", "more").expect(0)
    equal(bed.active("more"), "active", "a start with room again")
    equal(bed.active("before"), "active", "what ran before")


def test_launch_into_a_slow_container(bed):
    """a container that is frozen, or has no processor time, delays its own exec and nobody else's start.

    Protection: the keeper waits for nothing that runs in a container's cgroup."""
    bed.start_sleeper("cold")
    payload = os.path.join(bed.cgroup, "containers/cold/payload")
    write_in_place(os.path.join(payload, "cgroup.freeze"), "1")  # behind the manager's back, which would refuse the exec
    waiting = bed.spawn(bed.ctl_command("exec", "cold", "/bin/true"))
    time.sleep(0.3)
    started = time.monotonic()
    bed.start_sleeper("warm")
    bed.ctl("exec", "warm", "/bin/true", timeout=5).expect(0)
    check(time.monotonic() - started < 5, "another container's start took %.1f s" % (time.monotonic() - started))
    still = waiting.poll() is None
    write_in_place(os.path.join(payload, "cgroup.freeze"), "0")
    said = waiting.communicate(timeout=10)
    # The manager may have seen the frost in time, and refused.
    check(still or b"frozen" in said[1], "the exec into a frozen container ended before the thaw: %r" % (said,))
    check(not still or waiting.returncode == 0, "the exec after the thaw: %d, %r" % (waiting.returncode, said))
    diagnose("the exec waited" if still else "the exec was refused")


def write_in_place(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def diagnose(text):
    print("# " + text)


def stat_fields(pid):
    text = read("/proc/%d/stat" % pid)
    return text[text.rindex(")") + 2 :].split()


run(__name__)
