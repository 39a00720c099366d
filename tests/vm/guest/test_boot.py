# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boot=yes with a real systemd: the guest's own programs and configuration, booted once more in a container."""

from bed import *


def make_tree(bed):
    """/usr is the guest's, read-only; /etc a copy; the rest is made by systemd itself."""
    tree = os.path.join(bed.directory, "system")
    for name in ("usr", "proc", "sys", "dev", "run", "tmp", "var/lib", "var/log/journal", "var/tmp", "root", "boot", "home", "mnt", "srv", "opt"):
        os.makedirs(os.path.join(tree, name))
    for name in ("bin", "sbin", "lib", "lib64"):
        os.symlink("usr/" + name, os.path.join(tree, name))
    subprocess.run(["cp", "-a", "/etc", tree], check=True)
    for name in ("machine-id", "fstab", "hostname", "systemd/system/multi-user.target.wants/bulwark-vm.service"):
        os.unlink(os.path.join(tree, "etc", name))
    write(os.path.join(tree, "etc/machine-id"), "")
    return tree


def test_boot(bed):
    """systemd comes up with no failed unit, has its own controllers, and goes down when asked."""
    tree = make_tree(bed)
    bed.unit("debian", raw="[Container]\nRootDirectory=%s\nBoot=yes\nReadOnly=no\nHostname=inner\nBindReadOnlyPaths=/usr\nMemoryMax=512M\n" % tree)
    bed.ctl("start", "debian").expect(0)

    def inside(*command):
        return bed.ctl("exec", "debian", *command)

    def state():
        return inside("systemctl", "is-system-running").out.strip()

    try:
        wait_until(lambda: state() not in ("", "offline", "initializing", "starting"), "systemd to come up", 60)
    except Failure as why:
        raise Failure("%s; its state: %s; waiting for:\n%s\n%s" % (
            why, inside("systemctl", "is-system-running"), inside("systemctl", "list-jobs").out, bed.logs("debian")[-3000:])) from None
    failed = inside("systemctl", "list-units", "--failed", "--plain", "--no-legend").out
    equal((state(), failed), ("running", ""), "state inside")
    equal(inside("cat", "/proc/1/comm").out, "systemd\n", "PID 1")
    equal(inside("hostname").out, "inner\n", "hostname")
    for unit in ("dbus.service", "systemd-journald.service", "systemd-logind.service"):
        equal(inside("systemctl", "is-active", unit).out, "active\n", unit)

    # Its own limits, below ours.
    run_inside = ("systemd-run", "--quiet", "--wait", "--pipe", "-p", "MemoryMax=32M")
    inside(*run_inside, "dd", "if=/dev/zero", "of=/dev/null", "bs=8M", "count=1").expect(0)
    check(inside(*run_inside, "dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1").code != 0, "its own limit does not hold")
    equal(cgroup_file(bed, "debian", "memory.max"), str(512 << 20), "our memory.max")

    bed.ctl("stop", "debian", timeout=120).expect(0)
    equal((bed.active("debian"), bed.property("debian", "Result")), ("inactive", "success"), "state after the stop")
    shutil.rmtree(tree)


run(__name__)
