# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real `systemctl reboot`: this file runs twice, before and after. What stands between is on the disk."""

import atexit

from bed import *
from harness import diagnose  # noqa

UNITS = "/etc/bulwark/units"
STATE = "/var/lib/bulwark-vm-reboot"
SYSTEM_BUS = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/run/dbus/system_bus_socket"}
DEAF_TIMEOUT = 3  # seconds
# name, [Unit], program, further lines
CONTAINERS = (
    ("rebootfirst", "", "trap \"echo first >>/data/list; exit 0\" TERM", ""),
    ("rebootsecond", "After=rebootfirst", "trap \"sleep 1; echo second >>/data/list; exit 0\" TERM", ""),
    ("rebootcode", "", "trap \"exit 7\" TERM", ""),
    ("rebootdeaf", "", "trap \"\" TERM", "TimeoutStopSec=%ds" % DEAF_TIMEOUT),
    ("rebootmachine", "", "trap \"echo machine >>/data/list; exit 0\" TERM", "RegisterMachine=yes"),
)
NAMES = [row[0] for row in CONTAINERS]


def boot_id():
    return read("/proc/sys/kernel/random/boot_id").strip()


def root():
    """The containers' root has to outlive the bed's own."""
    path = os.path.join(STATE, "root")
    for name in ("bin", "etc", "proc", "sys", "dev", "run", "tmp", "data"):
        os.makedirs(os.path.join(path, name))
    shutil.copy(shutil.which("busybox"), os.path.join(path, "bin/busybox"))
    for applet in ("sh", "sleep", "echo"):
        os.symlink("busybox", os.path.join(path, "bin", applet))
    return path


def leader_of(name):
    return subprocess.run(["bulwarkctl", "show", name, "-p", "MainPID", "--value"], stdout=subprocess.PIPE, check=False).stdout.decode().strip()


def before():
    """Starts and enables the containers, and the reboot; never returns."""
    directory = root()
    data = os.path.join(STATE, "data")
    os.mkdir(data)
    os.chmod(data, 0o777)
    os.makedirs(UNITS, exist_ok=True)
    for name, head, program, more in CONTAINERS:
        write(os.path.join(UNITS, name + ".container"),
              "[Unit]\n%s\n[Container]\nRootDirectory=%s\nBindPaths=%s:/data\n%s\n"
              "ExecStart=/bin/sh -c '%s; while true; do sleep 0.2; done'\n[Install]\nWantedBy=multi-user.target\n"
              % (head, directory, data, more, program))
    # The end of the suites switches the machine off; this time its end is not theirs.
    os.makedirs("/run/systemd/system/bulwark-vm.service.d")
    write("/run/systemd/system/bulwark-vm.service.d/reboot.conf", "[Unit]\nSuccessAction=none\nFailureAction=none\n")
    environment = dict(os.environ, **SYSTEM_BUS)
    for command in (["systemctl", "daemon-reload"], ["systemctl", "start", "bulwarkd"],
                    ["bulwarkctl", "enable", *NAMES], ["systemctl", "start", *("bulwark@%s" % name for name in NAMES)]):
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    write(os.path.join(STATE, "boot"), boot_id())
    write("/var/lib/bulwark-vm.reboots", "1")
    # From here on whoever waits for this suite over the bus is on his own: he sees the file above.
    leaders = [leader_of(name) for name in NAMES]
    subprocess.run(["systemctl", "restart", "dbus"], check=True)
    served = False
    for _ in range(60):
        served = subprocess.run(["busctl", "--system", "call", "org.bulwark1", "/org/bulwark1", "org.freedesktop.DBus.Peer", "Ping"],
                                env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0
        if served:
            break
        time.sleep(0.5)
    write(os.path.join(STATE, "bus"), json.dumps([served, leaders, [leader_of(name) for name in NAMES]]))
    # Not by way of logind, which may not have found the new bus yet.
    subprocess.run(["systemctl", "start", "--no-block", "--job-mode=replace-irreversibly", "reboot.target"], check=True)
    time.sleep(1000)


def journal(*arguments):
    """Of the boot before; (microseconds, text) a line."""
    out = subprocess.run(["journalctl", "--no-pager", "-q", "-b", "-1", "-o", "json", "--output-fields=MESSAGE,__MONOTONIC_TIMESTAMP", *arguments],
                         check=True, stdout=subprocess.PIPE).stdout.decode()
    rows = [json.loads(line) for line in out.splitlines()]
    return [(int(row["__MONOTONIC_TIMESTAMP"]), str(row["MESSAGE"])) for row in rows]


def when(rows, words):
    found = [at for at, text in rows if words in text]
    check(found, "no %r in\n%s" % (words, "\n".join(text for _, text in rows)))
    return found[-1]


def show(bed, name, key):
    return bed.run([bed.bulwarkctl, "show", name, "-p", key, "--value"], environment=SYSTEM_BUS).expect(0).out.strip()


def test_another_system_bus(bed):
    """before the reboot: the D-Bus daemon was restarted under the manager, which came back to it, and no container ended."""
    served, leaders, then = json.loads(read(os.path.join(STATE, "bus")))
    check(served, "the manager did not come to the new bus")
    check(all(leaders), "no leaders: %s" % leaders)
    equal(then, leaders, "leaders")


def test_it_was_a_reboot(bed):
    """the machine has booted anew, on the same disk."""
    check(boot_id() != read(os.path.join(STATE, "boot")), "it is the same boot")


def test_they_are_back(bed):
    """what was enabled runs again, without anybody's doing."""
    for name in NAMES:
        wait_until(lambda: bed.run(["systemctl", "is-active", "bulwark@" + name]).out == "active\n", "bulwark@%s to be active" % name, 20)
        equal(show(bed, name, "ActiveState"), "active", name)
        check(os.path.exists("/proc/%s" % show(bed, name, "MainPID")), "no leader of " + name)
    contains(bed.run(["machinectl", "--no-legend", "list"], environment=SYSTEM_BUS).expect(0).out, "rebootmachine")


def test_they_were_asked(bed):
    """each got its signal, in the reverse of After=."""
    ended = read(os.path.join(STATE, "data/list")).split()
    equal([word for word in ended if word != "machine"], ["second", "first"], "who ended when")
    check("machine" in ended, "the machine was not asked")


def test_the_journal_tells(bed):
    """the journal of the boot before: exit codes, the timeout that was kept, the end of the services after all."""
    contains("\n".join(text for _, text in journal("-u", "bulwark@rebootcode")), "status=7")
    deaf = journal("-u", "bulwark@rebootdeaf")
    took = (when(deaf, "Stopped") - when(deaf, "Stopping")) / 1e6
    check(DEAF_TIMEOUT <= took < DEAF_TIMEOUT + 5 * SLOWNESS, "the deaf one was stopped in %.1f s" % took)
    second, first, manager, keeper = (journal("-u", unit) for unit in
                                      ("bulwark@rebootsecond", "bulwark@rebootfirst", "bulwarkd", "bulwark-keeper"))
    order = [when(rows, "Stopped") for rows in (second, first, manager, keeper)]
    equal(order, sorted(order), "order of the ends")
    check(when(deaf, "Stopped") <= when(manager, "Stopping"), "the manager ended before a container did")


def quietly(*command):
    """One step of cleaning up; where it does not end, what there is to be known, and the next one."""
    try:
        subprocess.run(command, env=dict(os.environ, **SYSTEM_BUS), check=False, stdout=subprocess.DEVNULL, timeout=30 * SLOWNESS)
    except subprocess.TimeoutExpired:
        for look in (["systemctl", "list-jobs"], ["systemctl", "status", "bulwark@*", "bulwarkd"], ["journalctl", "-b", "-n", "60"]):
            diagnose(subprocess.run([*look, "--no-pager", "-l"], stdout=subprocess.PIPE, check=False).stdout.decode(errors="replace"))


def after():
    """Other suites find the host as it was."""
    quietly("bulwarkctl", "disable", *NAMES)
    quietly("systemctl", "stop", "bulwark@*.service")
    quietly("systemctl", "stop", "bulwarkd.service", "bulwark-keeper.service")
    for name in NAMES:
        os.unlink(os.path.join(UNITS, name + ".container"))
    quietly("systemctl", "daemon-reload")
    shutil.rmtree(STATE)


if not os.path.exists(os.path.join(STATE, "boot")):
    before()
atexit.register(after)
run(__name__)
