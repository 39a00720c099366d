# SPDX-License-Identifier: LGPL-2.1-or-later
"""Containers as units of a host with systemd: the services as they are installed, on the system's own directories."""

import atexit
import socket

from bed import *

UNITS = "/etc/bulwark/units"
NAME = "vmtest"
# The bed keeps other suites off the host's bus; here enable has to tell systemd, and a call to start the manager.
SYSTEM_BUS = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/run/dbus/system_bus_socket"}


def systemctl(bed, *arguments):
    return bed.run(["systemctl", "--no-pager", *arguments], timeout=60)


def bulwarkctl(bed, *arguments, **how):
    return bed.run([bed.bulwarkctl, *arguments], environment=SYSTEM_BUS, **how)


def prop(bed, unit, key):
    return systemctl(bed, "show", "-p", key, "--value", unit).expect(0).out.strip()


def system_unit(bed, name, *lines, head="[Unit]\nDescription=A test of the bed\n", root=None):
    os.makedirs(UNITS, exist_ok=True)
    write(os.path.join(UNITS, name + ".container"),
          "%s[Container]\nRootDirectory=%s\n%s\n" % (head, root or bed.root, "\n".join(lines)))
    systemctl(bed, "daemon-reload").expect(0)
    bulwarkctl(bed, "daemon-reload").expect(0)


# Every call costs an emulated processor what it starts: services go on from test to test, and systemd reads its units when
# a test has written one.

def up(bed):
    done = systemctl(bed, "start", "bulwarkd.service")
    if done.code != 0:
        raise Failure("%s\n%s" % (done, bed.run(["journalctl", "--no-pager", "-n", "40", "-u", "bulwarkd", "-u", "bulwark-keeper"]).out))


def down(bed):
    written = [os.path.join(directory, file) for directory, _, files in os.walk(UNITS) for file in files if file.startswith(NAME)]
    if written:
        systemctl(bed, "stop", "bulwark@*.service")
        bulwarkctl(bed, "stop", *{os.path.basename(path).partition(".")[0] for path in written})  # whose unit has failed
        systemctl(bed, "reset-failed", "bulwark@*.service", "bulwarkd.service", "bulwark-keeper.service")
    for path in written:
        os.unlink(path)


def with_system(test):
    def wrapped(bed):
        try:
            up(bed)
            test(bed)
        finally:
            down(bed)
    wrapped.__name__, wrapped.__doc__ = test.__name__, test.__doc__
    return wrapped


@with_system
def test_services(bed):
    """manager and keeper run, the manager sandboxed; the keeper has the control group."""
    equal((prop(bed, "bulwarkd", "ActiveState"), prop(bed, "bulwark-keeper", "ActiveState")), ("active", "active"), "states")
    equal(prop(bed, "bulwark-keeper", "Delegate"), "yes", "Delegate")
    bulwarkctl(bed, "list").expect(0)
    pid = int(prop(bed, "bulwarkd", "MainPID"))
    status = status_of({"status": read("/proc/%d/status" % pid).splitlines()})
    equal((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"), "no_new_privs and filter of the manager")


@with_system
def test_start_and_stop(bed):
    """systemctl starts and stops a container and tells who its leader is."""
    system_unit(bed, NAME, "ExecStart=/bin/sleep 1000", "ExecReload=/bin/touch /tmp/reloaded", "MemoryMax=64M")
    systemctl(bed, "start", "bulwark@%s" % NAME).expect(0)
    equal(bulwarkctl(bed, "is-active", NAME).expect(0).out, "active\n", "the container")
    leader = bulwarkctl(bed, "show", NAME, "-p", "MainPID", "--value").expect(0).out.strip()
    equal(prop(bed, "bulwark@%s" % NAME, "MainPID"), leader, "the main process of the unit")
    shown = systemctl(bed, "status", "bulwark@%s" % NAME).expect(0).out
    contains(shown, "Main PID: %s (bulwark-init)" % leader)
    # What it uses is told in words, and kept: a file in memory is soon among it.
    memory = lambda: re.search(r"Container %s, ([0-9.]+)([KMG]) of memory, (\d+) tasks, " % NAME, prop(bed, "bulwark@%s" % NAME, "StatusText"))  # noqa
    check(memory() and int(memory().group(3)) >= 2, "no figures: " + shown)
    bulwarkctl(bed, "exec", NAME, "dd", "if=/dev/zero", "of=/dev/shm/file", "bs=1M", "count=20").expect(0)
    wait_until(lambda: memory() and memory().group(2) == "M" and float(memory().group(1)) >= 20, "the memory of the file in the status")
    for word in ("Memory:", "Tasks:", "CPU:", "IO:"):
        check(word not in shown, "figures of the process that waits, not of the container:\n" + shown)
    equal(prop(bed, "bulwark@%s" % NAME, "Description"), "A test of the bed", "the description comes from the container")
    group = read("/proc/%s/cgroup" % leader).split("::")[-1].strip()
    contains(group, "/bulwark-keeper.service/containers/%s" % NAME)
    equal(read("/sys/fs/cgroup" + os.path.dirname(group) + "/memory.max").strip(), str(64 << 20), "memory.max")
    bulwarkctl(bed, "exec", NAME, "logger", "-t", "prog", "a word of its own").expect(0)
    wait_until(lambda: re.search(r"prog(\[\d+\])?: a word of its own", systemctl(bed, "status", "bulwark@%s" % NAME).out),
               "systemctl status to show the container's lines")
    systemctl(bed, "reload", "bulwark@%s" % NAME).expect(0)
    bulwarkctl(bed, "exec", NAME, "test", "-e", "/tmp/reloaded").expect(0)
    systemctl(bed, "stop", "bulwark@%s" % NAME).expect(0)
    equal(bulwarkctl(bed, "is-active", NAME).out, "inactive\n", "the container after stop")
    equal((prop(bed, "bulwark@%s" % NAME, "ActiveState"), prop(bed, "bulwark@%s" % NAME, "Result")), ("inactive", "success"), "the unit")


@with_system
def test_bus_starts_the_manager(bed):
    """who calls org.bulwark1 starts the manager, as the bus's file says."""
    systemctl(bed, "stop", "bulwarkd").expect(0)
    bed.run(["busctl", "--system", "call", "org.bulwark1", "/org/bulwark1", "org.freedesktop.DBus.Peer", "Ping"],
            environment=SYSTEM_BUS).expect(0)
    equal(prop(bed, "bulwarkd", "ActiveState"), "active", "the manager after a call")


def test_directories(bed):
    """the directories of an administrator are made where they are missing."""
    if os.path.isdir(UNITS):
        for entry in os.listdir(UNITS):
            check(entry.startswith(NAME), "%s is not empty: %s" % (UNITS, entry))
        shutil.rmtree(UNITS)
    bed.run(["systemd-tmpfiles", "--create", "bulwark.conf"]).expect(0)
    check(os.path.isdir(UNITS), "%s was not made" % UNITS)


@with_system
def test_exit_code(bed):
    """a container that fails makes its unit fail, with the payload's code; one that is stopped from below ends it, too."""
    system_unit(bed, NAME, "ExecStart=/bin/sh -c 'sleep 1; exit 7'")
    systemctl(bed, "start", "bulwark@%s" % NAME).expect(0)
    wait_until(lambda: prop(bed, "bulwark@%s" % NAME, "ActiveState") == "failed", "the unit to fail")
    equal(prop(bed, "bulwark@%s" % NAME, "ExecMainStatus"), "7", "ExecMainStatus")
    system_unit(bed, NAME + "b", "ExecStart=/bin/sleep 1000")
    systemctl(bed, "start", "bulwark@%sb" % NAME).expect(0)
    bulwarkctl(bed, "stop", NAME + "b").expect(0)
    wait_until(lambda: prop(bed, "bulwark@%sb" % NAME, "ActiveState") == "inactive", "the unit to end")
    # One that is stopped has its code, too.
    system_unit(bed, NAME + "c", "ExecStart=/bin/sh -c 'trap \"exit 9\" TERM; touch /data/ready; while true; do sleep 0.1; done'",
                "BindPaths=%s:/data" % bed.out)
    systemctl(bed, "start", "bulwark@%sc" % NAME).expect(0)
    wait_until(lambda: os.path.exists(os.path.join(bed.out, "ready")), "the payload")
    systemctl(bed, "stop", "bulwark@%sc" % NAME)
    state = systemctl(bed, "show", "-p", "ActiveState", "-p", "Result", "bulwark@%sc" % NAME).expect(0).out
    equal(sorted(state.split()), ["ActiveState=failed", "Result=exit-code"], "a unit whose container fails when it is stopped")
    contains(bed.run(["journalctl", "--no-pager", "-u", "bulwark@%sc" % NAME]).out, "status=9")


@with_system
def test_start_fails(bed):
    """a start that is refused fails the unit with the words in its log."""
    system_unit(bed, NAME, "ExecStart=/bin/nothing")
    check(systemctl(bed, "start", "bulwark@%s" % NAME).code != 0, "a start that cannot work said success")
    contains(bed.run(["journalctl", "--no-pager", "-u", "bulwark@%s" % NAME]).out, "cannot execute")


@with_system
def test_enable(bed):
    """enable makes the unit part of the target; disable takes it out."""
    system_unit(bed, NAME, "ExecStart=/bin/sleep 1000", "[Install]", "WantedBy=multi-user.target")
    wants = lambda: "bulwark@%s.service" % NAME in prop(bed, "multi-user.target", "Wants").split()  # noqa
    check(not wants(), "wanted before it is enabled")
    done = bulwarkctl(bed, "enable", NAME).expect(0)
    check(wants(), "not wanted once enabled: %s\n%s\n%s\n%s" % (
        prop(bed, "multi-user.target", "Wants"), done, bed.run(["ls", "-lR", "/run/systemd/generator", UNITS]).out,
        bed.run(["journalctl", "--no-pager", "-n", "20"]).out))
    bulwarkctl(bed, "disable", NAME).expect(0)
    check(not wants(), "still wanted")


@with_system
def test_started_by_hand(bed):
    """what is enabled and started by bulwarkctl is a unit of the host: systemctl tells of it, stops it, and starts it again with the keeper."""
    system_unit(bed, NAME, "ExecStart=/bin/sleep 1000", "[Install]", "WantedBy=multi-user.target")
    unit = "bulwark@%s" % NAME
    leader = lambda: bulwarkctl(bed, "show", NAME, "-p", "MainPID", "--value").expect(0).out.strip()  # noqa
    bulwarkctl(bed, "enable", "--now", NAME).expect(0)
    equal((prop(bed, unit, "ActiveState"), prop(bed, unit, "MainPID")), ("active", leader()), "the unit after enable --now")
    systemctl(bed, "stop", unit).expect(0)
    equal(bulwarkctl(bed, "is-active", NAME).out, "inactive\n", "the container after systemctl stop")
    bulwarkctl(bed, "start", NAME).expect(0)
    equal((prop(bed, unit, "ActiveState"), prop(bed, unit, "MainPID")), ("active", leader()), "the unit after start")
    before = leader()
    bulwarkctl(bed, "restart", NAME).expect(0)
    check(leader() != before, "it was not restarted")
    equal((prop(bed, unit, "ActiveState"), prop(bed, unit, "MainPID")), ("active", leader()), "the unit after restart")
    # What is not enabled comes back with the keeper, too, where that is restarted; where it is stopped, it was meant to end.
    system_unit(bed, NAME + "hand", "ExecStart=/bin/sleep 1000")
    bulwarkctl(bed, "start", NAME + "hand").expect(0)
    active = lambda name: bulwarkctl(bed, "is-active", name).out == "active\n"  # noqa
    systemctl(bed, "restart", "bulwark-keeper").expect(0)
    wait_until(lambda: prop(bed, unit, "ActiveState") == "active" and active(NAME) and active(NAME + "hand"),
               "the containers to come back with the keeper", 30)
    check(not os.path.exists("/run/bulwark/again"), "the list of what ran is still there")
    systemctl(bed, "stop", "bulwark-keeper").expect(0)
    systemctl(bed, "start", "bulwarkd", unit).expect(0)
    check(active(NAME) and not active(NAME + "hand"), "a keeper that was stopped has started what was not asked for")
    bulwarkctl(bed, "stop", NAME).expect(0)
    wait_until(lambda: prop(bed, unit, "ActiveState") == "inactive", "the unit to end")
    bulwarkctl(bed, "disable", NAME).expect(0)


@with_system
def test_sandbox(bed):
    """what waits for a container has no right of root's; the manager and the services come up sandboxed, and none has lost what it needs."""
    system_unit(bed, NAME, "ExecStart=/bin/sleep 1000")
    systemctl(bed, "start", "bulwark@%s" % NAME).expect(0)
    waits = [pid for pid in read("/sys/fs/cgroup%s/cgroup.procs" % prop(bed, "bulwark@%s" % NAME, "ControlGroup")).split()]
    equal(len(waits), 1, "processes of the unit")
    status = status_of({"status": read("/proc/%s/status" % waits[0]).splitlines()})
    equal((status["CapEff"], status["CapBnd"], status["NoNewPrivs"], status["Seccomp"]), ("0" * 16, "0" * 16, "1", "2"), "what waits")
    levels = {}
    for unit in ("bulwark@%s.service" % NAME, "bulwarkd.service"):
        shown = bed.run(["systemd-analyze", "--no-pager", "security", unit], timeout=120).out
        levels[unit] = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", shown)[1])
    check(levels["bulwark@%s.service" % NAME] <= 2.0 and levels["bulwarkd.service"] <= 5.8, "exposure: %s" % levels)
    systemctl(bed, "reload-or-restart", "bulwark@%s" % NAME)
    systemctl(bed, "stop", "bulwark@%s" % NAME).expect(0)
    equal((bulwarkctl(bed, "is-active", NAME).out, prop(bed, "bulwark@%s" % NAME, "Result")), ("inactive\n", "success"), "the end")


@with_system
def test_parts(bed):
    """the manager's service leaves it what every part of a life needs: filters, links, addresses, ids, directories, credentials, sockets."""
    script = ("cat /sys/class/net/host0/address && echo word >/dev/kmsg && cat /run/credentials/*/word && echo && grep -q 10.99.7.9.peer /etc/hosts "
              "&& touch /root-file && touch $STATE_DIRECTORY/file && test -S /dev/log && echo end && exec sleep 1000")
    write(os.path.join(bed.root, "etc/hosts"), "")
    system_unit(bed, NAME, "DeviceAllow=/dev/kmsg w", "Zone=vmtest", "Address=10.99.7.2/24", "SetCredential=word:secret", "StateDirectory=" + NAME,
                "AddHost=peer:10.99.7.9", "RootEphemeral=yes", "LimitNOFILE=5000", "Nice=-3", "IOSchedulingClass=best-effort",
                "ExecStart=/bin/sh -exc '%s'" % script)
    system_unit(bed, NAME + "2", "VirtualEthernet=yes", "Port=8088 udp:53:5353", "IPAddressDeny=10.0.0.0/8", "IPAccounting=yes", "PrivateUsers=no", "OOMScoreAdjust=-100", "CPUSchedulingPolicy=rr", "CPUSchedulingPriority=3", "ExecStart=/bin/sleep 1000")
    system_unit(bed, NAME + "3", "ListenStream=127.0.0.1:80", "ListenStream=/run/%s.socket" % NAME, "RemoveOnStop=yes", "ExecStart=/bin/sh -ec 'test $LISTEN_FDS = 2 && exec sleep 1000'")
    for name in (NAME, NAME + "2", NAME + "3"):
        done = systemctl(bed, "start", "bulwark@" + name)
        check(done.code == 0, bed.run(["journalctl", "--no-pager", "-n", "40", "-u", "bulwarkd", "-u", "bulwark@" + name]).out)
    with socket.create_connection(("127.0.0.1", 80)):
        wait_until(lambda: bulwarkctl(bed, "show", NAME + "3", "-p", "SubState", "--value").out == "running\n", "the one with sockets to run")
    try:
        wait_until(lambda: "end\n" in bulwarkctl(bed, "logs", NAME).out, "the payload's last line")
    except Failure as why:
        raise Failure("%s\n%s" % (why, bulwarkctl(bed, "logs", NAME).out)) from None
    contains(bulwarkctl(bed, "logs", NAME).out, "secret")
    bulwarkctl(bed, "exec", NAME, "true").expect(0)
    bulwarkctl(bed, "stop", NAME, NAME + "2", NAME + "3").expect(0)
    equal([n for n in os.listdir("/sys/class/net") if n.startswith("bw-")], [], "links after the end")


def monotonic(bed, unit, key):
    return int(prop(bed, unit, key + "Monotonic"))


@with_system
def test_order(bed):
    """a target starts what is enabled for it in the order of [Unit], host units among it; the end goes backwards."""
    host = "/run/systemd/system/%s-host.service" % NAME
    target = "/run/systemd/system/%s.target" % NAME
    write(host, "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sleep 1\n")
    write(target, "[Unit]\nDescription=What a boot would start\n")
    install = ["[Install]", "WantedBy=%s.target" % NAME]
    # In the order of their names they would start the other way round.
    system_unit(bed, NAME + "a", "ExecStart=/bin/sleep 1000", *install, head="[Unit]\nRequires=%sb\nAfter=%sb\n" % (NAME, NAME))
    system_unit(bed, NAME + "b", "ExecStart=/bin/sleep 1000", *install,
                head="[Unit]\nRequires=%s-host.service\nAfter=%s-host.service network-online.target\n" % (NAME, NAME))
    a, b = "bulwark@%sa.service" % NAME, "bulwark@%sb.service" % NAME
    try:
        contains(prop(bed, b, "After"), "network-online.target")
        contains(prop(bed, a, "Requires"), b)
        bulwarkctl(bed, "enable", NAME + "a", NAME + "b").expect(0)
        systemctl(bed, "start", NAME + ".target").expect(0)
        wait_until(lambda: prop(bed, a, "ActiveState") == "active", "the last of the order to be active")
        begin = [monotonic(bed, u, "ActiveEnterTimestamp") for u in (NAME + "-host.service", b, a)]
        check(begin == sorted(begin) and 0 not in begin, "started in another order: %s" % begin)
        check(monotonic(bed, a, "InactiveExitTimestamp") >= begin[1], "the second did not wait for the first")
        # As a shutdown does: both in one transaction, which systemd orders. The target stays: units that nobody names are
        # forgotten, and their times with them.
        systemctl(bed, "stop", b, a).expect(0)
        end = [monotonic(bed, u, "InactiveEnterTimestamp") for u in (a, b)]
        check(end == sorted(end) and 0 not in end, "stopped in another order: %s" % end)
    finally:
        systemctl(bed, "stop", NAME + ".target", NAME + "-host.service")
        os.unlink(host)
        os.unlink(target)


@with_system
def test_manager_restarts(bed):
    """restarting the manager, or systemd itself, stops nothing; the units stay true."""
    system_unit(bed, NAME, "ExecStart=/bin/sleep 1000")
    systemctl(bed, "start", "bulwark@%s" % NAME).expect(0)
    leader = bulwarkctl(bed, "show", NAME, "-p", "MainPID", "--value").expect(0).out
    services = lambda: [systemctl(bed, "show", "-p", "MainPID", "-p", "ActiveState", "-p", "NRestarts", unit).expect(0).out  # noqa
                        for unit in ("bulwarkd", "bulwark-keeper")]
    before = services()
    keeper = os.path.realpath(bed.keeper)
    try:  # another keeper is installed, and both become what there is now
        shutil.copy2(keeper, keeper + ".old")
        shutil.copy2(keeper, keeper + ".new")
        with open(keeper + ".new", "ab") as f:
            f.write(b"another")
        os.rename(keeper + ".new", keeper)
        bulwarkctl(bed, "daemon-reexec").expect(0)
        wait_until(lambda: services() == before, "the services, as systemd sees them, after both were executed again: %s" % before)
        with open("/proc/%s/exe" % re.search(r"MainPID=(\d+)", before[1])[1], "rb") as f:
            check(f.read().endswith(b"another"), "the keeper has not become the new one")
    finally:
        os.rename(keeper + ".old", keeper)
    for command in ([], ["restart", "bulwarkd"], ["daemon-reexec"], ["kill", "-s", "KILL", "bulwarkd"]):
        if command:
            systemctl(bed, *command).expect(0)
        wait_until(lambda: bulwarkctl(bed, "list").code == 0, "the manager to answer after %s" % command)
        equal(bulwarkctl(bed, "show", NAME, "-p", "MainPID", "--value").expect(0).out, leader, "leader after %s" % command)
        state = systemctl(bed, "show", "-p", "ActiveState", "-p", "MainPID", "bulwark@%s" % NAME).expect(0).out
        equal(sorted(state.split()), ["ActiveState=active", "MainPID=" + leader.strip()], "the unit after %s" % command)
    systemctl(bed, "stop", "bulwark@%s" % NAME).expect(0)
    equal(bulwarkctl(bed, "is-active", NAME).out, "inactive\n", "the container at the end")


@with_system
def test_stop_without_the_manager(bed):
    """a unit that is stopped while no manager answers asks the leader, kills nothing by force, and does not hang."""
    system_unit(bed, NAME, "ExecStart=/bin/sh -c 'trap \"sleep 1; echo bye >/data/asked; exit 0\" TERM; touch /data/there; while true; do sleep 0.1; done'",
                "BindPaths=%s:/data" % bed.out)
    systemctl(bed, "start", "bulwark@%s" % NAME).expect(0)
    wait_until(lambda: os.path.exists(os.path.join(bed.out, "there")), "the payload")
    systemctl(bed, "stop", "bulwarkd").expect(0)
    systemctl(bed, "stop", "bulwark@%s" % NAME)
    check(prop(bed, "bulwark@%s" % NAME, "ActiveState") in ("inactive", "failed"), "the unit hangs")
    wait_until(lambda: os.path.exists(os.path.join(bed.out, "asked")), "the payload to end by itself")
    systemctl(bed, "start", "bulwarkd").expect(0)
    wait_until(lambda: bulwarkctl(bed, "is-active", NAME).out == "inactive\n", "the manager to find its end")


@with_system
def test_operators(bed):
    """the group of operators is made, and polkit lets its members start containers, but not into them."""
    bed.run(["systemd-sysusers", "--dry-run", "bulwark.conf"]).expect(0)
    bed.run(["systemd-sysusers", "bulwark.conf"]).expect(0)
    system_unit(bed, NAME, "ExecStart=/bin/sleep 1000")
    call = ["setpriv", "--reuid=nobody", "--clear-groups", "busctl", "--system", "call", "org.bulwark1", "/org/bulwark1", "org.bulwark1.Manager"]
    start, into = [*call, "StartContainer", "ss", NAME, "replace"], [*call, "ExecContainer", "sasa{sv}", NAME, "1", "/bin/true", "0"]
    check(bed.run(start, environment=SYSTEM_BUS).code != 0, "anybody may start a container")
    try:
        bed.run(["gpasswd", "-a", "nobody", "bulwark"]).expect(0)
        wait_until(lambda: bed.run(start, environment=SYSTEM_BUS).code == 0, "polkit to see the member", 30)
        bulwarkctl(bed, "stop", NAME).expect(0)
        bed.run(start, environment=SYSTEM_BUS).expect(0)
        wait_until(lambda: bulwarkctl(bed, "is-active", NAME).code == 0, "the container")
        bed.run(into, environment=SYSTEM_BUS).expect(1, "org.bulwark1.exec")
    finally:
        bed.run(["gpasswd", "-d", "nobody", "bulwark"])


def machinectl(bed, *arguments):
    return bed.run(["machinectl", "--no-legend", "--no-pager", *arguments], environment=SYSTEM_BUS).expect(0).out


def machines(bed):
    return machinectl(bed, "list")


@with_system
def test_machine(bed):
    """RegisterMachine=yes: machinectl lists and ends that container alone, with its limits in a scope of its own."""
    one, two = NAME + "-one", NAME + "-two"
    write(os.path.join(bed.root, "etc/os-release"), "ID=testos\nVERSION_ID=7\n")
    for name in (one, two):
        system_unit(bed, name, "ExecStart=/bin/sh -c 'trap \"exit 0\" TERM; while true; do sleep 0.2; done'", "RegisterMachine=yes", "MemoryMax=64M")
    system_unit(bed, NAME + "_odd", "ExecStart=/bin/sleep 1000", "RegisterMachine=yes")
    done = bulwarkctl(bed, "start", NAME + "_odd")
    check(done.code != 0, "started under a name that machined does not take")
    contains(done.err, "RegisterMachine=")
    bulwarkctl(bed, "start", one, two).expect(0)
    wait_until(lambda: one in machines(bed) and two in machines(bed), "machinectl to list them")
    contains(machines(bed), "container bulwark")
    # machined reads it inside of the container, where SELinux does not let it go: the manual says so.
    contains(machines(bed), "container bulwark -" if os.environ["BULWARK_VM_LSM"] == "selinux" else "container bulwark testos 7")
    leader = bulwarkctl(bed, "show", one, "-p", "MainPID", "--value").expect(0).out.strip()
    shown = machinectl(bed, "show", one, "-p", "Leader", "-p", "Unit", "-p", "RootDirectory")
    contains(shown, "Leader=%s\n" % leader)
    contains(shown, "RootDirectory=%s\n" % bed.root)
    scope = re.search(r"Unit=(.*)", shown)[1]
    check(re.fullmatch(r"bulwark-%s-[0-9a-f]{8}\.scope" % one, scope), "unit " + scope)
    contains(machinectl(bed, "status", one), scope)
    group = read("/proc/%s/cgroup" % leader).split("::")[-1].strip()
    equal(group, "/machine.slice/%s/containers/%s/payload" % (scope, one), "control group")
    equal(read("/sys/fs/cgroup" + os.path.dirname(group) + "/memory.max").strip(), str(64 << 20), "memory.max")
    check(int(prop(bed, scope, "MemoryCurrent")) > 0, "the scope counts nothing")
    bulwarkctl(bed, "exec", one, "true").expect(0)
    machinectl(bed, "terminate", one)
    wait_until(lambda: bulwarkctl(bed, "is-active", one).out == "inactive\n", "the container to end")
    equal(bulwarkctl(bed, "show", one, "-p", "Result", "--value").out, "success\n", "Result")
    wait_until(lambda: one not in machines(bed), "the machine to go")
    equal(bulwarkctl(bed, "is-active", two).out, "active\n", "the container beside it")
    # The same without the manager that asked for the scope, and the next start has another.
    bulwarkctl(bed, "start", one).expect(0)
    bulwarkctl(bed, "daemon-reexec").expect(0)
    bulwarkctl(bed, "exec", two, "true").expect(0)
    machinectl(bed, "terminate", two)
    wait_until(lambda: bulwarkctl(bed, "is-active", two).out == "inactive\n", "the container to end without its controller")
    equal(bulwarkctl(bed, "is-active", one).out, "active\n", "the container beside it")
    bulwarkctl(bed, "stop", one).expect(0)
    equal(machines(bed), "", "machines")
    equal([d for d, _, _ in os.walk("/sys/fs/cgroup/machine.slice") if "/containers/" in d], [], "control groups")


@with_system
def test_machine_with_systemd(bed):
    """Boot=yes with Type=notify is up when its own systemd says so; machinectl opens a shell in it, and powers it off."""
    name = NAME + "-box"
    system_unit(bed, name, "Boot=yes", "ReadOnly=no", "Type=notify", "RegisterMachine=yes", "TimeoutStartSec=5min",
                root="/srv/bulwark/system")
    bulwarkctl(bed, "start", name, timeout=300).expect(0)
    equal(bulwarkctl(bed, "exec", name, "systemctl", "is-active", "multi-user.target").out, "active\n", "its target when it has said READY=1")
    shell = "machinectl -q shell %s /bin/sh -c 'cat /proc/1/comm; hostname; id -un'" % name
    shown = bed.run(["script", "-qec", shell, "/dev/null"], environment=SYSTEM_BUS, timeout=60).expect(0).out
    check(re.search(r"systemd\s+%s\s+root\s" % read("/srv/bulwark/system/etc/hostname").strip(), shown), "the shell says " + shown)
    machinectl(bed, "poweroff", name)
    wait_until(lambda: bulwarkctl(bed, "is-active", name).out == "inactive\n", "the container to go down", 60)
    equal(bulwarkctl(bed, "show", name, "-p", "Result", "--value").out, "success\n", "Result")


@with_system
def test_keeper_stops(bed):
    """stopping the keeper, as the shutdown does, stops the containers with their own signal."""
    mark = os.path.join(bed.out, "goodbye")
    system_unit(bed, NAME, "ExecStart=/bin/sh -c 'trap \"echo bye >/data/goodbye; exit 0\" TERM; touch /data/hello; while true; do sleep 0.1; done'",
                "BindPaths=%s:/data" % bed.out)
    systemctl(bed, "start", "bulwark@%s" % NAME).expect(0)
    wait_until(lambda: os.path.exists(os.path.join(bed.out, "hello")), "the payload")
    systemctl(bed, "stop", "bulwark-keeper").expect(0)
    equal(read(mark), "bye\n", "what the payload wrote at its end")
    systemctl(bed, "stop", "bulwarkd").expect(0)


# Other suites find the host without a manager of its own.
atexit.register(subprocess.run, ["systemctl", "stop", "bulwarkd.service", "bulwark-keeper.service"], check=False, timeout=60)
run(__name__)
