# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boot=yes with a Debian as its packages leave it: systemd and what it starts, to no failed unit."""

from bed import *

SERVICES = ("dbus.service", "systemd-journald.service", "systemd-logind.service", "nginx.service", "redis-server.service",
            "postgresql@15-main.service", "ssh.service")


def start(bed):
    """The example as it stands, with a limit of ours above systemd's own."""
    example(bed, "system", "MemoryMax=768M", "Hostname=given")
    bed.ctl("start", "system").expect(0)


def inside(bed, *command):
    return bed.ctl("exec", "system", *command)


def comes_up(bed):
    """`running` is systemd's word for: the start jobs are done and no unit has failed."""
    def state():
        return inside(bed, "systemctl", "is-system-running").out.strip()

    try:
        # Each look costs an emulated processor a second of what the boot needs.
        wait_until(lambda: time.sleep(SLOWNESS / 5) or state() not in ("", "offline", "initializing", "starting"), "systemd to come up", 30)
    except Failure as why:
        raise Failure("%s; its state: %s; waiting for:\n%s\n%s" % (
            why, inside(bed, "systemctl", "is-system-running"), inside(bed, "systemctl", "list-jobs").out, bed.logs("system")[-3000:])) from None
    failed = inside(bed, "systemctl", "list-units", "--failed", "--plain", "--no-legend").out
    why = "".join(inside(bed, "journalctl", "-q", "--no-pager", "-n", "40", "-u", line.split()[0]).out for line in failed.splitlines())
    equal((state(), failed), ("running", ""), "state inside\n" + why)


def test_boot(bed):
    """systemd comes up with no failed unit, its services work, its own limits hold below ours, and it goes down when asked."""
    start(bed)
    comes_up(bed)
    equal(inside(bed, "cat", "/proc/1/comm").out, "systemd\n", "PID 1")
    equal(inside(bed, "cat", "/proc/self/cgroup").out, "0::/init.scope\n", "cgroup of exec, beside the init's that handed out controllers")
    equal(inside(bed, "hostname").out, "given\n", "Hostname=, above the root's own /etc/hostname")
    states = inside(bed, "systemctl", "is-active", *SERVICES).out.split()
    equal(states, ["active"] * len(SERVICES), "states of " + " ".join(SERVICES))
    equal(inside(bed, "redis-cli", "ping").out, "PONG\n", "redis")
    contains(inside(bed, "busybox", "wget", "-q", "-O", "-", "http://127.0.0.1/").expect(0).out, "Welcome to nginx", "nginx")
    equal(inside(bed, "runuser", "-u", "postgres", "--", "psql", "-Atc", "select 6 * 7").expect(0).out, "42\n", "postgresql")

    run_inside = ("systemd-run", "--quiet", "--wait", "--pipe", "-p", "MemoryMax=32M")
    inside(bed, *run_inside, "dd", "if=/dev/zero", "of=/dev/null", "bs=8M", "count=1").expect(0)
    check(inside(bed, *run_inside, "dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1").code != 0, "its own limit does not hold")
    equal(cgroup_file(bed, "system", "memory.max"), str(768 << 20), "our memory.max")

    bed.ctl("stop", "system", timeout=120).expect(0)
    equal((bed.active("system"), bed.property("system", "Result")), ("inactive", "success"), "state after the stop")


run(__name__)
