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


ONE_UNIT = """polkit.addRule(function(action, subject) {
    if (action.id == "org.bulwark1.manage-containers" && action.lookup("unit") == "web" && subject.user == "nobody")
        return polkit.Result.YES;
});
"""
ONE_COMMAND = """polkit.addRule(function(action, subject) {
    if (action.id == "org.bulwark1.exec" && action.lookup("unit") == "web" &&
        action.lookup("command") == "/bin/echo 'one word' two".replace(/'/g, '"') &&
        !action.lookup("user") && !action.lookup("directory") && !action.lookup("environment") &&
        subject.user == "nobody")
        return polkit.Result.YES;
});
"""
GROUP_RULES = "/usr/share/polkit-1/rules.d/50-org.bulwark1.rules"


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


def put_rule(bed, text, *probe):
    """Writes the rule, and waits until polkit has read it: then the call of probe is allowed."""
    os.makedirs(os.path.dirname(RULES), exist_ok=True)
    write(RULES, text)
    wait_until(lambda: call(bed, *probe, nobody=True).code == 0, "polkit to see the rule", 30)


def test_rule_for_one_unit(bed):
    """Who may manage web, and nothing else, reaches no other container: not by a verb, not by a setting, not by a job."""
    bed.start_sleeper("web")
    bed.start_sleeper("mail")
    leader = bed.leader("mail")
    with Installed(bed):
        put_rule(bed, ONE_UNIT, "RestartContainer", "ss", "web", "replace")
        for name in ("Conflicts", "BindsTo", "PropagatesStopTo", "OnFailure", "Upholds", "Wants"):
            call(bed, "SetContainerProperties", "sba(sv)", "web", "true", "1", name, "as", "1", "mail", nobody=True).expect(1, "org.bulwark1.raise-exposure")
        for member, *arguments in (("StopContainer", "ss", "mail", "replace"), ("KillContainer", "ssi", "mail", "all", "9"), ("ResetFailed",), ("FreezeContainer", "s", "mail"), ("MaskUnitFiles", "asbb", "1", "mail", "true", "false")):
            call(bed, member, *arguments, nobody=True).expect(1, "org.bulwark1.")
        call(bed, "SetContainerProperties", "sba(sv)", "web", "true", "1", "Description", "s", "theirs", nobody=True).expect(0)
        call(bed, "RestartContainer", "ss", "web", "replace", nobody=True).expect(0)
        call(bed, "StopContainer", "ss", "web", "replace", nobody=True).expect(0)
        equal((bed.leader("mail"), bed.active("mail")), (leader, "active"), "mail after all that")
    shutil.rmtree(os.path.join(bed.runtime, "transient", "web.container.d"))


def test_rule_for_one_command(bed):
    """Who may execute one command may execute that one, as the unit would, and no other that looks like it."""
    bed.start_sleeper("web")
    command = ("3", "/bin/echo", "one word", "two")
    with Installed(bed):
        put_rule(bed, ONE_COMMAND, "ExecContainer", "sasa{sv}", "web", *command, "0")
        for option in (
            ("Environment", "as", "1", "LD_PRELOAD=/tmp/x.so"),
            ("Environment", "as", "1", "PATH=/tmp"),
            ("WorkingDirectory", "s", "/tmp"),
            ("User", "s", "0"),
            ("HealthCheck", "b", "true"),
            ("Shell", "b", "true"),
        ):
            call(bed, "ExecContainer", "sasa{sv}", "web", *command, "1", *option, nobody=True).expect(1, "org.bulwark1.")
        for other in (("4", "/bin/echo", "one", "word", "two"), ("2", "/bin/echo", "one word two"), ("1", "/bin/sh")):
            call(bed, "ExecContainer", "sasa{sv}", "web", *other, "0", nobody=True).expect(1, "org.bulwark1.")


def test_group_of_operators(bed):
    """bulwarkctl of a member of the group bulwark operates containers by the rules that come with Bulwark, and gets no further."""
    bed.start_sleeper("web")
    with Installed(bed):
        check(os.path.exists(GROUP_RULES), "the rules are not installed")
        bed.run(["groupadd", "-f", "bulwark"]).expect(0)

        def operator(*arguments):
            return bed.run(["setpriv", "--reuid=" + NOBODY, "--regid=" + NOBODY, "--init-groups", *bed.ctl_command(*arguments)])

        operator("restart", "web").expect(6, "the group \"bulwark\" may")
        try:
            bed.run(["usermod", "-aG", "bulwark", "nobody"]).expect(0)
            wait_until(lambda: operator("restart", "web").code == 0, "polkit to see the rule", 30)
            operator("list").expect(0, "web")
            operator("status", "web").expect(0, "active (running)")
            operator("stop", "web").expect(0)
            operator("start", "web").expect(0)
            operator("exec", "web", "/bin/true").expect(6, "org.bulwark1.exec")
            operator("set-property", "--runtime", "web", "NoNewPrivileges=no").expect(6, "org.bulwark1.raise-exposure")
        finally:
            bed.run(["gpasswd", "-d", "nobody", "bulwark"])


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
