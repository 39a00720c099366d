# SPDX-License-Identifier: LGPL-2.1-or-later
"""The system bus and polkit of a real system: the name, its policy, and rules of an administrator."""

from bed import *

TOP = "/org/bulwark1"
MANAGER = "org.bulwark1.Manager"
NOBODY = "65534"
FILES = {
    "org.bulwark1.conf": "/etc/dbus-1/system.d",
    "org.bulwark1.policy": "/usr/share/polkit-1/actions",
}
RULES = "/etc/polkit-1/rules.d/10-bulwark-test.rules"
RULE = """polkit.addRule(function(action, subject) {
    if (action.id == "org.bulwark1.manage-containers" && action.lookup("unit") == "web" &&
        action.lookup("verb") == "restart" && subject.user == "nobody")
        return polkit.Result.YES;
});
"""


def busctl(bed, *arguments, nobody=False):
    prefix = ["setpriv", "--reuid=" + NOBODY, "--regid=" + NOBODY, "--clear-groups"] if nobody else []
    return bed.run([*prefix, "busctl", "--system", "--no-pager", *arguments])


def call(bed, method, *arguments, nobody=False):
    return busctl(bed, "call", "org.bulwark1", TOP, MANAGER, method, *arguments, nobody=nobody)


def owned(bed):
    done = busctl(bed, "call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "NameHasOwner", "s", "org.bulwark1")
    return done.out == "b true\n"


class Installed:
    """Our files where the daemons look, and a manager that uses the real bus; all taken back at the end."""

    def __init__(self, bed):
        self.bed = bed

    def __enter__(self):
        self.address = self.bed.environment.pop("DBUS_SYSTEM_BUS_ADDRESS")  # busctl would take it, too
        for name, directory in FILES.items():
            os.makedirs(directory, exist_ok=True)
            shutil.copy(os.path.join(SOURCE, "tools/packaging", name), directory)
        self.bed.run(["busctl", "call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "ReloadConfig"]).expect(0)
        self.restart()
        wait_until(lambda: owned(self.bed), "org.bulwark1 on the system bus", 10)
        return self

    def restart(self):
        self.bed.kill_manager()
        self.bed.start_manager()

    def __exit__(self, *what):
        self.bed.environment["DBUS_SYSTEM_BUS_ADDRESS"] = self.address
        for name, directory in FILES.items():
            os.unlink(os.path.join(directory, name))
        if os.path.exists(RULES):
            os.unlink(RULES)
        self.restart()


def test_rules_of_an_administrator(bed):
    """A rule lets another user do one verb on one container; everything else stays root's."""
    bed.start_sleeper("web")
    bed.start_sleeper("mail")
    with Installed(bed):
        call(bed, "ListContainers", nobody=True).expect(0, "web")
        call(bed, "RestartContainer", "ss", "web", "replace", nobody=True).expect(1)
        os.makedirs(os.path.dirname(RULES), exist_ok=True)
        write(RULES, RULE)
        wait_until(lambda: call(bed, "RestartContainer", "ss", "web", "replace", nobody=True).code == 0, "polkit to see the rule", 30)
        for method, name in (("RestartContainer", "mail"), ("StopContainer", "web")):
            call(bed, method, "ss", name, "replace", nobody=True).expect(1, "org.bulwark1.manage-containers")
        call(bed, "StartTransientContainer", "ssa(sv)a(sa(sv))", "theirs", "fail", "1", "RootDirectory", "s", "/", "0", nobody=True).expect(
            1, "org.bulwark1.raise-exposure"
        )
        call(bed, "StopContainer", "ss", "web", "replace").expect(0)


def test_polkit_that_hangs(bed):
    """A stopped polkitd holds up only whoever needs it; the manager's loop stays free."""
    bed.start_sleeper("web")
    with Installed(bed):
        call(bed, "StopContainer", "ss", "web", "replace", nobody=True).expect(1)  # it runs by now
        pid = int(bed.run(["systemctl", "show", "-p", "MainPID", "--value", "polkit.service"]).out)
        os.kill(pid, signal.SIGSTOP)
        try:
            client = bed.spawn(["setpriv", "--reuid=" + NOBODY, "--clear-groups", "busctl", "--system", "--timeout=60", "call", "org.bulwark1", TOP, MANAGER, "StopContainer", "ss", "web", "replace"])
            time.sleep(1)
            bed.ctl("status", "web").expect(0)
            call(bed, "FreezeContainer", "s", "web").expect(0)
            call(bed, "ThawContainer", "s", "web").expect(0)
            equal(client.wait(40 * SLOWNESS), 1, "exit code of the call that polkit does not answer")
        finally:
            os.kill(pid, signal.SIGCONT)
        equal(bed.active("web"), "active", "ActiveState")


run(__name__)
