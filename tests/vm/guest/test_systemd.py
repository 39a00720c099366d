# SPDX-License-Identifier: LGPL-2.1-or-later
"""Containers as units of a host with systemd: the services as they are installed, on the system's own directories."""

from bed import *

UNITS = "/etc/bulwark/units"
NAME = "vmtest"
# The bed keeps other suites off the host's bus; here enable has to tell systemd, and a call to start the manager.
SYSTEM_BUS = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/run/dbus/system_bus_socket"}


def systemctl(bed, *arguments):
    return bed.run(["systemctl", "--no-pager", *arguments], timeout=60)


def bulwarkctl(bed, *arguments):
    return bed.run([bed.bulwarkctl, *arguments], environment=SYSTEM_BUS)


def prop(bed, unit, key):
    return systemctl(bed, "show", "-p", key, "--value", unit).expect(0).out.strip()


def system_unit(bed, name, *lines, head="[Unit]\nDescription=A test of the bed\n"):
    os.makedirs(UNITS, exist_ok=True)
    write(os.path.join(UNITS, name + ".container"),
          "%s[Container]\nRootDirectory=%s\n%s\n" % (head, bed.root, "\n".join(lines)))
    systemctl(bed, "daemon-reload").expect(0)
    if systemctl(bed, "is-active", "bulwarkd").code == 0:
        bulwarkctl(bed, "daemon-reload").expect(0)


def up(bed):
    done = systemctl(bed, "start", "bulwarkd.service")
    if done.code != 0:
        raise Failure("%s\n%s" % (done, bed.run(["journalctl", "--no-pager", "-n", "40", "-u", "bulwarkd", "-u", "bulwark-keeper"]).out))


def down(bed):
    systemctl(bed, "stop", "bulwark@*.service", "bulwarkd.service", "bulwark-keeper.service")
    systemctl(bed, "reset-failed")
    for directory, _, files in os.walk(UNITS):
        for file in files:
            if file.startswith(NAME):
                os.unlink(os.path.join(directory, file))
    systemctl(bed, "daemon-reload").expect(0)


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
    system_unit(bed, NAME, "ExecStart=/bin/sleep 1000", "MemoryMax=64M")
    systemctl(bed, "start", "bulwark@%s" % NAME).expect(0)
    equal(bulwarkctl(bed, "is-active", NAME).expect(0).out, "active\n", "the container")
    leader = bulwarkctl(bed, "show", NAME, "-p", "MainPID", "--value").expect(0).out.strip()
    contains(prop(bed, "bulwark@%s" % NAME, "StatusText"), "leader %s, " % leader)
    equal(prop(bed, "bulwark@%s" % NAME, "Description"), "A test of the bed", "the description comes from the container")
    group = read("/proc/%s/cgroup" % leader).split("::")[-1].strip()
    contains(group, "/bulwark-keeper.service/containers/%s" % NAME)
    equal(read("/sys/fs/cgroup" + os.path.dirname(group) + "/memory.max").strip(), str(64 << 20), "memory.max")
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
    for command in (["restart", "bulwarkd"], ["daemon-reexec"], ["kill", "-s", "KILL", "bulwarkd"]):
        systemctl(bed, *command).expect(0)
        wait_until(lambda: bulwarkctl(bed, "list").code == 0, "the manager to answer after %s" % command)
        equal(bulwarkctl(bed, "show", NAME, "-p", "MainPID", "--value").expect(0).out, leader, "leader after %s" % command)
        equal(prop(bed, "bulwark@%s" % NAME, "ActiveState"), "active", "the unit after %s" % command)
    systemctl(bed, "stop", "bulwark@%s" % NAME).expect(0)
    equal(bulwarkctl(bed, "is-active", NAME).out, "inactive\n", "the container at the end")


@with_system
def test_keeper_stops(bed):
    """stopping the keeper, as the shutdown does, stops the containers with their own signal."""
    mark = os.path.join(bed.out, "goodbye")
    system_unit(bed, NAME, "ExecStart=/bin/sh -c 'trap \"echo bye >/data/goodbye; exit 0\" TERM; while true; do sleep 0.1; done'",
                "BindPaths=%s:/data" % bed.out)
    systemctl(bed, "start", "bulwark@%s" % NAME).expect(0)
    systemctl(bed, "stop", "bulwark-keeper").expect(0)
    equal(read(mark), "bye\n", "what the payload wrote at its end")


run(__name__)
