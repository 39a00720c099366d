# SPDX-License-Identifier: LGPL-2.1-or-later
"""org.bulwark1 on a bus with other users: a dbus-daemon of the test's own, and clients that others wrote."""

from harness import *
from harness import SLOWNESS

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"  # where Debian's python3-dbus is
NOBODY = 65534
TOP = "/org/bulwark1"
MANAGER = "org.bulwark1.Manager"
CONTAINER = "org.bulwark1.Container"
CONFIG = """<busconfig>
  <type>system</type>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <policy user="root"><allow own="org.freedesktop.PolicyKit1"/><allow send_destination="org.freedesktop.PolicyKit1"/></policy>
  <include>%s</include>
</busconfig>
"""


def address(bed):
    return bed.environment["DBUS_SYSTEM_BUS_ADDRESS"]


def waits_for_bus(bed):
    """Does the manager watch the place of the bus's socket? It tries again a moment after the bus has gone."""
    place = "ino:%x " % os.stat(bed.directory).st_ino
    for fd, link in descriptors(bed.manager.pid).items():
        try:
            if link == "anon_inode:inotify" and place in open("/proc/%d/fdinfo/%d" % (bed.manager.pid, fd), encoding="ascii").read():
                return True
        except OSError:
            continue
    return False


def start_bus(bed, policy=True):
    bed.at_rest = lambda: waits_for_bus(bed)
    if not shutil.which("dbus-daemon"):
        raise Skip("dbus-daemon is not installed")
    config = os.path.join(bed.directory, "bus.conf")
    include = os.path.join(SOURCE, "tools/packaging/org.bulwark1.conf")
    text = CONFIG % (address(bed).split("=", 1)[1], include)
    write(config, text if policy else text.replace("<include>%s</include>" % include, ""))
    return bed.spawn(["dbus-daemon", "--nofork", "--nopidfile", "--config-file=" + config], stdout=subprocess.DEVNULL)


def busctl(bed, *arguments, uid=None, **how):
    prefix = [] if uid is None else ["setpriv", "--reuid=%d" % uid, "--regid=%d" % uid, "--clear-groups"]
    return bed.run([*prefix, "busctl", "--address=" + address(bed), "--no-pager", *arguments], **how)


def call(bed, method, *arguments, uid=None, interface=MANAGER, path=TOP, options=(), **how):
    return busctl(bed, *options, "call", "org.bulwark1", path, interface, method, *arguments, uid=uid, **how)


def owned(bed):
    return busctl(bed, "call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "NameHasOwner", "s", "org.bulwark1").out == "b true\n"


def bus_with_manager(bed):
    daemon = start_bus(bed)
    wait_until(lambda: owned(bed), "org.bulwark1 on the bus", 5)
    return daemon


def kill(process):
    process.kill()
    process.wait()


class Polkit:
    """The player of polkit."""

    def __init__(self, bed, answer):
        self.directory = os.path.join(bed.directory, "polkit")
        shutil.rmtree(self.directory, ignore_errors=True)
        os.mkdir(self.directory)
        self.answer(answer)
        self.process = bed.spawn([PYTHON, os.path.join(HERE, "polkit-player.py"), address(bed), self.directory], stderr=subprocess.DEVNULL)
        wait_until(lambda: self.notes(), "the player of polkit", 10)

    def answer(self, word):
        write(os.path.join(self.directory, "answer"), word)

    def rule(self, action, **details):
        """As a file in rules.d: yes to the action where all of these details are so, else no."""
        write(os.path.join(self.directory, "rule"), json.dumps([action, details]))

    def notes(self):
        path = os.path.join(self.directory, "asked")
        return [json.loads(line) for line in read(path).splitlines()] if os.path.exists(path) else []

    def asked(self):
        return [note for note in self.notes() if "action" in note]


def ask(bed, *arguments):
    """A call of another user that waits for its answer."""
    return bed.spawn(["setpriv", "--reuid=%d" % NOBODY, "--clear-groups", "busctl", "--address=" + address(bed), "call", "org.bulwark1", TOP, MANAGER, *arguments])


def denied(result, *words):
    return result.expect(1, "Call failed", *words)


# --- coming and going


def test_late_bus(bed):
    """A bus that comes after the manager is found, and again after each restart, within 5 s."""
    for _ in range(3):
        daemon = start_bus(bed)
        begun = time.monotonic()
        wait_until(lambda: owned(bed), "org.bulwark1 on the bus", 5)
        check(time.monotonic() - begun < 5 * SLOWNESS, "it took longer than 5 s")
        call(bed, "ListContainers").expect(0, "a(ssssssouso)")
        kill(daemon)
    bed.ctl("list").expect(0)


def watched_directories(pid):
    """(device, inode) of all that the process watches by inotify."""
    result = set()
    for fd in os.listdir("/proc/%d/fdinfo" % pid):
        for line in read("/proc/%d/fdinfo/%s" % (pid, fd)).splitlines():
            found = re.match(r"inotify wd:\S+ ino:(\S+) sdev:(\S+)", line)
            if found:
                device = int(found[2], 16)  # as the kernel writes it: major << 20 | minor
                result.add((os.makedev(device >> 20, device & 0xFFFFF), int(found[1], 16)))
    return result


def test_no_bus_is_waited_for_in_silence(bed):
    """Whoever makes a file in / or /tmp does not wake a manager that has no bus; the socket's own directory is watched."""
    watched = watched_directories(bed.manager.pid)

    def identity(path):
        st = os.stat(path)
        return st.st_dev, st.st_ino

    check(identity(bed.directory) in watched, "the directory of the bus is not watched")
    for path in ("/", "/tmp", os.path.dirname(bed.directory)):
        check(identity(path) not in watched, "%s is watched" % path)


def test_containers_outlive_the_bus(bed):
    """What runs is not touched by the bus, nor is the private socket."""
    bed.start_sleeper("steady")
    leader = bed.leader("steady")
    daemon = bus_with_manager(bed)
    kill(daemon)
    equal(bed.leader("steady"), leader, "MainPID")
    equal(bed.active("steady"), "active", "ActiveState")


def test_bus_that_hangs(bed):
    """A stopped dbus-daemon does not stop the manager."""
    daemon = bus_with_manager(bed)
    os.kill(daemon.pid, signal.SIGSTOP)
    begun = time.monotonic()
    bed.start_sleeper("unmoved")
    bed.ctl("stop", "unmoved").expect(0)
    check(time.monotonic() - begun < 10 * SLOWNESS, "it took %g s" % (time.monotonic() - begun))
    os.kill(daemon.pid, signal.SIGCONT)
    wait_until(lambda: owned(bed), "org.bulwark1 on the bus", 5)


def test_name_refused(bed):
    """Without the policy file the manager says so, and goes on."""
    daemon = start_bus(bed, policy=False)
    wait_until(lambda: "refuses the name org.bulwark1" in read(bed.log), "the words in the log")
    bed.ctl("list").expect(0)
    kill(daemon)
    bus_with_manager(bed)


# --- clients nobody here wrote


def test_busctl(bed):
    """busctl lists, introspects, reads, starts and stops."""
    bed.unit("web", "ExecStart=/bin/sleep 1000", "MemoryMax=64M" if "memory" in controllers() else "", head="[Unit]\nDescription=A page\n")
    bus_with_manager(bed)
    contains(busctl(bed, "tree", "org.bulwark1").expect(0).out, "/org/bulwark1/container/web")
    shown = busctl(bed, "introspect", "org.bulwark1", TOP + "/container/web").expect(0).out
    for line in (r"\.Description +property +s +\"A page\"", r"\.ReadOnly +property +b +true", r"\.Start +method +s +o", r"\.RootDirectory +property +s"):
        check(re.search(line, shown), "introspect lacks %s:\n%s" % (line, shown))
    equal(busctl(bed, "get-property", "org.bulwark1", TOP + "/container/web", CONTAINER, "NoNewPrivileges").out, "b true\n", "NoNewPrivileges")
    contains(call(bed, "StartContainer", "ss", "web", "replace").expect(0).out, 'o "/org/bulwark1/job/')
    bed.wait_active("web", "active")
    contains(call(bed, "GetContainerProcesses", "s", "web").expect(0).out, "/bin/sleep 1000")
    call(bed, "Stop", "s", "replace", interface=CONTAINER, path=TOP + "/container/web").expect(0)
    bed.wait_active("web", "inactive")
    denied(call(bed, "StartContainer", "ss", "nothing", "replace"), "no unit file nothing.container")


def test_gdbus(bed):
    """gdbus introspects, calls and sees the error's name."""
    if not shutil.which("gdbus"):
        raise Skip("gdbus is not installed")
    bed.unit("web", "ExecStart=/bin/sleep 1000")
    bus_with_manager(bed)
    base = ["gdbus", "call", "--address", address(bed), "--dest", "org.bulwark1", "--object-path", TOP, "--method"]
    shown = bed.run(["gdbus", "introspect", "--address", address(bed), "--dest", "org.bulwark1", "--object-path", TOP]).expect(0).out
    contains(shown, "StartContainer(in  s name,")
    contains(shown, "interface org.freedesktop.DBus.ObjectManager")
    bed.run([*base, MANAGER + ".StartContainer", "web", "replace"]).expect(0, "objectpath '/org/bulwark1/job/")
    bed.wait_active("web", "active")
    bed.run([*base, MANAGER + ".StopContainer", "web", "replace"]).expect(0)
    bed.wait_active("web", "inactive")
    bed.run([*base, MANAGER + ".StartContainer", "web", "isolate"]).expect(1, "org.bulwark1.Error.InvalidArguments")
    managed = bed.run([*base, "org.freedesktop.DBus.ObjectManager.GetManagedObjects"]).expect(0).out
    contains(managed, "objectpath '/org/bulwark1/container/web'")


def test_python_dbus(bed):
    """python3-dbus: signals in their order, properties, the object manager."""
    bed.unit("web", "ExecStart=/bin/sleep 1000", "Environment=SECRET=hidden")
    bus_with_manager(bed)
    seen = json.loads(bed.run([PYTHON, os.path.join(HERE, "dbus-client.py"), address(bed), "web"]).expect(0).out)
    equal([s for s in seen["signals"] if s[1] == "web"], [["JobRemoved", "web", "done"]] * 2, "signals")
    check("active" in seen["states"] and seen["states"][-1] == "inactive", "states: %s" % seen["states"])
    equal(seen["properties"]["ActiveState"], "active", "ActiveState")
    equal(seen["properties"]["Environment"], ["SECRET=hidden"], "Environment")
    check("/org/bulwark1/container/web" in seen["objects"], "objects: %s" % seen["objects"])
    # What goes to everybody on the bus holds nothing that not everybody may read.
    for name in ("MainPID", "ControlGroup", "UIDRangeBase", "LogDirectory"):
        check(name in seen["invalidated"] and name not in seen["values"], "the value of %s was broadcast" % name)


def test_new_containers_are_announced_without_secrets(bed):
    """InterfacesAdded on the bus names no path, id or setting."""
    bed.unit("tpl@", "ExecStart=/bin/sleep 1000", "Environment=SECRET=hidden")
    bus_with_manager(bed)
    seen = json.loads(bed.run([PYTHON, os.path.join(HERE, "dbus-client.py"), address(bed), "tpl@one"]).expect(0).out)
    added = seen["added"]["/org/bulwark1/container/tpl_40one"][CONTAINER]
    equal(added["Id"], "tpl@one", "Id")
    check(not {"Environment", "RootDirectory", "MainPID", "FragmentPath"} & set(added), "it holds %s" % sorted(added))
    check("hidden" not in json.dumps(seen["added"]), "the secret was broadcast")


class Events:
    """A listener to the signal Event."""

    def __init__(self, bed, where, uid=None):
        prefix = [] if uid is None else ["setpriv", "--reuid=%d" % uid, "--clear-groups"]
        self.path = os.path.join(bed.directory, "events-%d" % len(bed.extra))
        with open(self.path, "wb") as out:
            bed.spawn([*prefix, PYTHON, os.path.join(HERE, "event-listener.py"), where], stdout=out)
        self.at = 0
        self.await_kinds(None, "listening")

    def seen(self):
        return [json.loads(line) for line in read(self.path).splitlines()][self.at :]

    def await_kinds(self, container, *kinds):
        """These come, in this order, and no others of that container; the answer is their details."""
        wait_until(lambda: kinds[-1] in [k for c, k, _ in self.seen() if container in (None, c)], "%s among %s" % (kinds[-1], read(self.path)))
        found = [(k, d) for c, k, d in self.seen() if container in (None, c)]
        equal([k for k, _ in found], list(kinds), "events of %s" % container)
        self.at += len(self.seen())
        return [d for _, d in found]


def test_events(bed):
    """Event tells a life as it goes, with what each kind promises."""
    events = Events(bed, "unix:path=" + os.path.join(bed.runtime, "private"))
    bed.unit("web", "ExecStart=/bin/sleep 1000", "HealthCmd=/bin/test -e /tmp/good", "HealthInterval=200ms", "HealthRetries=1", "ReadOnly=no")
    events.await_kinds("web", "loaded")
    bed.ctl("start", "web").expect(0)
    details = events.await_kinds("web", "start", "running", "ready", "health")
    equal(details[1]["MainPID"], bed.leader("web"), "MainPID")
    equal(details[3]["HealthStatus"], "unhealthy", "HealthStatus")
    bed.ctl("exec", "web", "--", "/bin/touch", "/tmp/good").expect(0)
    equal(events.await_kinds("web", "health")[0]["HealthStatus"], "healthy", "HealthStatus")
    bed.ctl("freeze", "web").expect(0)
    events.await_kinds("web", "frozen")
    bed.ctl("thaw", "web").expect(0)
    events.await_kinds("web", "thawed")
    bed.ctl("kill", "-s", "KILL", "web").expect(0)
    details = events.await_kinds("web", "exit", "failed")
    equal((details[0]["ExecMainCode"], details[0]["ExecMainStatus"], details[0]["Result"]), (2, 9, "signal"), "the end")
    contains(details[1]["LastError"], "SIGKILL")
    bed.ctl("reset-failed", "web").expect(0)
    events.await_kinds("web", "reset-failed")
    bed.unit("web", "ReadOnyl=yes")
    contains(events.await_kinds("web", "bad")[0]["LoadError"][1], "did you mean ReadOnly=?")
    os.unlink(os.path.join(bed.units, "web.container"))
    bed.ctl("daemon-reload").expect(0)
    events.await_kinds("web", "not-found")


def test_refused_start_is_told(bed):
    """After a start that was refused, show says why, and not success; the next start that is not forgets it."""
    bed.unit("web", "ExecStart=/bin/sleep 1000", "MandatoryAccessControl=required", "AppArmorProfile=-x", "User=nobody-of-that-name")
    bed.unit("policy", "ExecStart=/bin/sleep 1000", "SystemCallFilter=no_such_call_at_all")
    events = Events(bed, "unix:path=" + os.path.join(bed.runtime, "private"))
    for name in ("web", "policy"):
        refused = bed.ctl("start", name)
        check(refused.code != 0, str(refused))
        check(bed.property(name, "Result") in ("policy", "resources"), "Result is " + bed.property(name, "Result"))
        check(bed.property(name, "LastError"), "no LastError")
        events.await_kinds(name, "refused")
    contains(bed.property("web", "LastError"), "nobody-of-that-name")
    bed.ctl("reset-failed", "policy").expect(0)
    equal((bed.property("policy", "Result"), bed.property("policy", "LastError")), ("success", ""), "after reset-failed")
    bed.unit("web", "ExecStart=/bin/sleep 1000")
    bed.ctl("start", "web").expect(0)
    equal((bed.property("web", "Result"), bed.property("web", "LastError")), ("success", ""), "after a start")


def test_events_of_restarts(bed):
    """A restart is told before it comes; a stop by a person is none that failed."""
    bed.unit("web", "ExecStart=/bin/sh -c 'sleep 0.3; exit 3'", "Restart=on-failure", "RestartSec=300ms")
    events = Events(bed, "unix:path=" + os.path.join(bed.runtime, "private"))
    bed.ctl("start", "web").expect(0)
    wait_until(lambda: [k for _, k, _ in events.seen()].count("start") == 2, "the second start")
    kinds = [k for c, k, _ in events.seen() if c == "web"]
    equal(kinds[:6], ["start", "running", "ready", "exit", "restart-scheduled", "start"], "events")
    details = [d for c, _, d in events.seen() if c == "web"]
    check(0 < details[4]["RestartUSecNext"] <= 300000, details[4])
    equal((details[4]["Result"], details[5]["NRestarts"]), ("exit-code", 1), "the restart")
    bed.ctl("stop", "web").expect(0)


def test_events_for_others(bed):
    """On the system bus an event has no path, number or message of a container."""
    bed.unit("web", "ExecStart=/bin/sh -c 'exit 3'")
    bus_with_manager(bed)
    events = Events(bed, address(bed), uid=NOBODY)
    bed.ctl("start", "web")
    wait_until(lambda: "failed" in [k for _, k, _ in events.seen()], "the end")
    for container, kind, details in events.seen():
        check(not {"MainPID", "LastError", "FragmentPath", "StatusText", "HealthOutput", "MACLabel"} & set(details), "%s tells %s" % (kind, details))
    equal([d["Result"] for _, k, d in events.seen() if k == "failed"], ["exit-code"], "Result")


def test_call_behind_the_authentication(bed):
    """A client may send its first call with its last word of the authentication, as GDBus does: it is answered."""

    def padded(data, n):
        return data + b"\0" * (-len(data) % n)

    fields = b""
    for code, signature, text in ((1, b"o", b"/org/bulwark1"), (2, b"s", b"org.bulwark1.Manager"), (3, b"s", b"ListJobs")):
        fields = padded(fields, 8) + bytes([code, 1]) + signature + b"\0" + len(text).to_bytes(4, "little") + text + b"\0"
    call = padded(b"l\1\0\1" + bytes(4) + (1).to_bytes(4, "little") + len(fields).to_bytes(4, "little") + fields, 8)
    for _ in range(5):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(os.path.join(bed.runtime, "private"))
            s.settimeout(5 * SLOWNESS)
            s.send(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
            contains(s.recv(1000).decode(), "OK ")
            s.send(b"BEGIN\r\n" + call)
            equal(s.recv(1000)[1:2], b"\2", "kind of the first message")


# --- readiness


def first_word(bed, *options, before=None):
    """What a manager says to its NOTIFY_SOCKET first, whether it can be reached at that moment, and its exit code where it ended."""
    path = os.path.join(bed.directory, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(15 * SLOWNESS)
        try:
            log = open(bed.log, "ab")
            bed.manager = subprocess.Popen([*bed.manager_command(), *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(bed.environment, NOTIFY_SOCKET=path), start_new_session=True)
            for _ in range(150):
                s.settimeout(0.1)
                try:
                    word = s.recv(4096).decode()
                    break
                except socket.timeout:
                    word = ""
                    if bed.manager.poll() is not None:
                        break
            return word, bed.manager.poll()
        finally:
            log.close()
            os.unlink(path)


def test_ready_when_it_can_be_reached(bed):
    """READY=1 comes when the private socket listens and the name is on the bus, and not at all with a bad bulwarkd.conf."""
    start_bus(bed)
    wait_until(lambda: owned(bed), "the name")
    for _ in range(5):
        bed.kill_manager()
        word, code = first_word(bed)
        equal((word, code), ("READY=1", None), "first word")
        bed.ctl("list", "-q").expect(0)
        check(owned(bed), "READY=1 came before the name")
    equal(bed.stop_manager(), 0, "exit code")
    mark = len(read(bed.log))
    equal(first_word(bed), ("READY=1", None), "first word")
    time.sleep(0.3)
    log = read(bed.log)[mark:]
    check("system bus" not in log and "Another manager" not in log, "one way to the bus is enough:\n" + log)
    equal(bed.stop_manager(), 0, "exit code")
    bad = os.path.join(bed.directory, "bulwarkd.conf")
    write(bad, "[Manager]\nNonsense=yes\n")
    try:
        equal(first_word(bed, "--config=" + bad), ("", 5), "with a bad bulwarkd.conf")
        contains(read(bed.log), "bulwarkd.conf:2")
    finally:
        bed.start_manager()


# --- who may do what

READS = (
    ("ListDependencies", "sb", "web", "false"),
    ("GetContainer", "s", "web"),
    ("ListUnitFiles",),
    ("GetUnitPaths", "s", "web"),
    ("GetContainerProcesses", "s", "web"),
    ("WaitContainer", "s", "web"),
)
CHANGES = (
    ("StartContainer", "ss", "web", "replace"),
    ("StopContainer", "ss", "web", "replace"),
    ("RestartContainer", "ss", "web", "replace"),
    ("TryRestartContainer", "ss", "web", "replace"),
    ("ReloadContainer", "ss", "web", "replace"),
    ("ReloadOrRestartContainer", "ss", "web", "replace"),
    ("ReloadOrTryRestartContainer", "ss", "web", "replace"),
    ("KillContainer", "ssi", "web", "all", "9"),
    ("FreezeContainer", "s", "web"),
    ("ThawContainer", "s", "web"),
    ("ResetFailedContainer", "s", "web"),
    ("ResetFailed",),
    ("ProbeContainer", "s", "web"),
    ("Reload",),
    ("ExecContainer", "sasa{sv}", "web", "1", "/bin/true", "0"),
)


def test_others_are_refused(bed):
    """Without polkit only root may; everybody may see names and states."""
    bed.start_sleeper("web", "Environment=SECRET=hidden")
    leader = bed.leader("web")
    bus_with_manager(bed)
    for arguments in READS + CHANGES:
        denied(call(bed, *arguments, uid=NOBODY), "Only root may do this: polkit")
    path = TOP + "/container/web"
    for member, *rest in (("Stop", "s", "replace"), ("Kill", "si", "all", "9"), ("Freeze",), ("ResetFailed",)):
        denied(call(bed, member, *rest, uid=NOBODY, interface=CONTAINER, path=path), "Only root may do this: polkit")
    denied(busctl(bed, "call", "org.bulwark1", path, "org.freedesktop.DBus.Properties", "GetAll", "s", CONTAINER, uid=NOBODY), "Only root")
    denied(busctl(bed, "call", "org.bulwark1", TOP, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", uid=NOBODY), "Only root")
    for name in ("Environment", "RootDirectory", "MainPID", "ControlGroup", "UIDRangeBase"):
        got = busctl(bed, "get-property", "org.bulwark1", path, CONTAINER, name, uid=NOBODY)
        check(got.code != 0 and "hidden" not in got.out, "%s is open:\n%s" % (name, got))
    contains(call(bed, "ListContainers", uid=NOBODY).expect(0).out, '"web"')
    equal(busctl(bed, "get-property", "org.bulwark1", path, CONTAINER, "ActiveState", uid=NOBODY).expect(0).out, 's "active"\n', "ActiveState")
    equal(bed.leader("web"), leader, "MainPID after all that")


OPEN_TO_ALL = {"ListContainers", "ListContainerProperties", "ListJobs", "GetJob", "KillExec"}


def test_every_method_has_its_rule(bed):
    """No method of the introspection is open to everybody but those that are meant to be."""
    bed.unit("web", "ExecStart=/bin/sleep 1000")
    bus_with_manager(bed)
    for path, interface, opened in ((TOP, MANAGER, OPEN_TO_ALL), (TOP + "/container/web", CONTAINER, set())):
        xml = busctl(bed, "introspect", "--xml-interface", "org.bulwark1", path, uid=NOBODY).expect(0).out
        inside = xml.split('<interface name="%s">' % interface)[1].split("</interface>")[0]
        methods = dict(re.findall(r'<method name="(\w+)">?(.*?)(?=</?method|<signal|<property|$)', inside, re.S))
        check(len(methods) >= 7, "only %s were read" % sorted(methods))
        for name, body in methods.items():
            signature = "".join(re.findall(r'<arg type="([^"]+)"[^>]*direction="in"', body))
            fill = {"s": ["web"], "u": ["1"], "i": ["9"], "b": ["false"], "as": ["1", "/bin/true"], "a{sv}": ["0"], "a(sv)": ["0"], "a(sa(sv))": ["0"]}
            words = [w for kind in re.findall(r'<arg type="([^"]+)"[^>]*direction="in"', body) for w in fill[kind]]
            result = call(bed, name, *([signature, *words] if signature else []), uid=NOBODY, interface=interface, path=path)
            if name == "CancelJob":
                denied(result, "There is no job 1")  # of which nobody can be asked
            elif name in opened:
                check("Only root" not in result.err, str(result))
            else:
                denied(result, "Only root may do this: polkit")


def test_polkit_allows(bed):
    """Where polkit says yes another user may, and polkit was told of what it was asked."""
    bed.unit("web", "ExecStart=/bin/sleep 1000")
    bus_with_manager(bed)
    polkit = Polkit(bed, "yes")
    call(bed, "StartContainer", "ss", "web", "replace", uid=NOBODY).expect(0)
    bed.wait_active("web", "active")
    call(bed, "GetContainerProcesses", "s", "web", uid=NOBODY).expect(0, "/bin/sleep")
    call(bed, "ExecContainer", "sasa{sv}", "web", "2", "/bin/echo", "a b", "1", "User", "s", "root", uid=NOBODY).expect(0)
    call(bed, "ExecContainer", "sasa{sv}", "web", "0", "1", "Shell", "b", "true", uid=NOBODY).expect(0)
    call(bed, "Reload", uid=NOBODY, options=("--allow-interactive-authorization=yes",)).expect(0)
    call(bed, "Stop", "s", "replace", uid=NOBODY, interface=CONTAINER, path=TOP + "/container/web").expect(0)
    bed.wait_active("web", "inactive")
    asked = polkit.asked()
    details = [dict(a["details"]) for a in asked]
    for d in details:
        check("Authentication is required" in d.pop("polkit.message"), "no message")
    equal([a["action"].rsplit(".", 1)[1] for a in asked], ["manage-containers", "inspect", "exec", "shell", "reload", "manage-containers"], "actions")
    equal(
        details,
        [
            {"unit": "web", "verb": "start"},
            {"unit": "web", "verb": "inspect"},
            {"unit": "web", "verb": "exec", "command": '/bin/echo "a b"', "user": "root"},
            {"unit": "web", "verb": "shell"},
            {"verb": "reload"},
            {"unit": "web", "verb": "stop"},
        ],
        "details",
    )
    for a in asked:
        equal(a["subject"][0], "system-bus-name", "kind of the subject")
        check(re.match(r":\d", a["subject"][1]["name"]), "subject: %s" % a["subject"])
    equal(len({a["cancellation"] for a in asked}), len(asked), "cancellation ids")


def test_canceling_a_job(bed):
    """A job is canceled by the right over its container, which the question names."""
    bed.unit("slow", "ExecStart=/bin/sh -c 'trap : TERM; while :; do sleep 1; done'", "TimeoutStopSec=60s")
    bus_with_manager(bed)
    polkit = Polkit(bed, "yes")
    bed.ctl("start", "slow").expect(0)
    time.sleep(0.3)
    for by_object in (False, True):
        job = re.search(r'/org/bulwark1/job/(\d+)', call(bed, "StopContainer", "ss", "slow", "replace").expect(0).out)
        contains(call(bed, "ListJobs", uid=NOBODY).expect(0).out, '"slow" "stop"')
        if by_object:
            call(bed, "Cancel", uid=NOBODY, interface="org.bulwark1.Job", path=job[0]).expect(0)
        else:
            call(bed, "CancelJob", "u", job[1], uid=NOBODY).expect(0)
        check('"slow" "stop"' not in call(bed, "ListJobs").expect(0).out, "the job is there still")
    for asked in polkit.asked():
        equal((asked["action"], asked["details"]["unit"], asked["details"]["verb"]), ("org.bulwark1.manage-containers", "slow", "cancel"), "question")
    equal(len(polkit.asked()), 2, "questions")


def test_root_is_not_asked_for(bed):
    """Root needs no polkit, even where it would say no."""
    bed.unit("web", "ExecStart=/bin/sleep 1000")
    bus_with_manager(bed)
    polkit = Polkit(bed, "no")
    call(bed, "StartContainer", "ss", "web", "replace").expect(0)
    bed.wait_active("web", "active")
    equal(polkit.asked(), [], "questions")


def test_polkit_denies(bed):
    """No, a challenge that nobody meets, an error and nonsense are all a no."""
    bed.start_sleeper("web")
    bus_with_manager(bed)
    polkit = Polkit(bed, "no")
    for word in ("no", "challenge", "error", "nonsense"):
        polkit.answer(word)
        denied(call(bed, "StopContainer", "ss", "web", "replace", uid=NOBODY), "org.bulwark1.manage-containers")
        equal(bed.active("web"), "active", "ActiveState after " + word)
    equal(len(polkit.asked()), 4, "questions")


def test_polkit_vanishes(bed):
    """polkit that dies over the question has not said yes."""
    bed.start_sleeper("web")
    bus_with_manager(bed)
    polkit = Polkit(bed, "hang")
    client = ask(bed, "StopContainer", "ss", "web", "replace")
    wait_until(lambda: polkit.asked(), "the question")
    bed.ctl("status", "web").expect(0)  # meanwhile the loop is free
    kill(polkit.process)
    out, err = client.communicate(timeout=10 * SLOWNESS)
    check(client.returncode == 1 and b"polkit does not allow" in err, "%s %s" % (out, err))
    equal(bed.active("web"), "active", "ActiveState")


def test_caller_vanishes(bed):
    """A caller that goes while polkit thinks leaves nothing behind, and a late yes does nothing."""
    bed.start_sleeper("web")
    bus_with_manager(bed)
    polkit = Polkit(bed, "hang")
    clients = [
        ask(bed, "StopContainer", "ss", "web", "replace")
        for _ in range(5)
    ]
    wait_until(lambda: len(polkit.asked()) == 5, "five questions")
    for client in clients:
        kill(client)
    wait_until(lambda: len([n for n in polkit.notes() if "cancelled" in n]) == 5, "five questions taken back", 5)
    equal({n["cancelled"] for n in polkit.notes() if "cancelled" in n}, {a["cancellation"] for a in polkit.asked()}, "questions")
    polkit.answer("yes")
    time.sleep(0.3)
    equal(bed.active("web"), "active", "ActiveState")


def test_unit_changes_under_the_question(bed):
    """Permission for one unit is none for another that took its name meanwhile."""
    own = bed.unit("web@x", "ExecStart=/bin/sleep 1000")
    bus_with_manager(bed)
    polkit = Polkit(bed, "hang")
    client = ask(bed, "StartContainer", "ss", "web@x", "replace")
    wait_until(lambda: polkit.asked(), "the question")
    os.unlink(own)
    bed.unit("web@", "ExecStart=/bin/sleep 1000", "PrivateNetwork=no")
    polkit.answer("yes")
    out, err = client.communicate(timeout=10 * SLOWNESS)
    check(client.returncode == 1 and b"became another unit" in err, "%s %s" % (out, err))
    equal(bed.active("web@x"), "inactive", "ActiveState")


def test_quota(bed):
    """One user's calls are limited, and do not keep root out."""
    bed.start_sleeper("web")
    bus_with_manager(bed)
    polkit = Polkit(bed, "hang")
    flood = (
        "import dbus.bus, dbus.lowlevel, sys, time, os\n"
        "os.setgroups([]); os.setuid(%d)\n"
        "answers = []\n"
        "from dbus.mainloop.glib import DBusGMainLoop; from gi.repository import GLib\n"
        "DBusGMainLoop(set_as_default=True); loop = GLib.MainLoop()\n"
        "def fail(e): answers.append(e.get_dbus_name())\n"
        "for n in range(10):\n"
        "    bus = dbus.bus.BusConnection(sys.argv[1])\n"
        "    globals()['keep%%d' %% n] = bus\n"
        "    for i in range(10):\n"
        "        bus.call_async('org.bulwark1', '/org/bulwark1', 'org.bulwark1.Manager', 'StopContainer', 'ss', ('web', 'replace'), lambda *a: answers.append('ok'), fail)\n"
        "GLib.timeout_add(3000, loop.quit); loop.run()\n"
        "print(len([a for a in answers if a == 'org.bulwark1.Error.Busy']), len(answers))\n"
    ) % NOBODY
    client = bed.spawn([PYTHON, "-c", flood, address(bed)])
    wait_until(lambda: len(polkit.asked()) >= 64, "64 questions", 10)
    call(bed, "ListContainers").expect(0)
    call(bed, "FreezeContainer", "s", "web").expect(0)
    call(bed, "ThawContainer", "s", "web").expect(0)
    out, err = client.communicate(timeout=20 * SLOWNESS)
    equal(out.decode().split(), ["36", "36"], "answers of the flood (%s)" % err.decode())
    equal(len(polkit.asked()), 64, "questions")
    equal(bed.active("web"), "active", "ActiveState")


def test_sessions_end_with_their_caller(bed):
    """On the bus a session ends with the name that asked for it, and only its caller hears of it."""
    bed.start_sleeper("web")
    bus_with_manager(bed)
    call(bed, "ExecContainer", "sasa{sv}", "web", "2", "/bin/sleep", "4321", "0").expect(0)  # busctl goes at once
    wait_until(lambda: "sleep 4321" not in call(bed, "GetContainerProcesses", "s", "web").expect(0).out, "the session's end", 10)


# --- directives as arguments

TRANSIENT = "ssa(sv)a(sa(sv))"


def transient(bed, name, *properties, uid=None, count=None):
    """Properties are words as busctl reads them: NAME SIGNATURE VALUES..."""
    words = ["RootDirectory", "s", bed.root, *properties]
    return call(bed, "StartTransientContainer", TRANSIENT, name, "fail", str((count or 0) + 1), *words, "0", uid=uid)


def known(bed, name):
    return '"%s"' % name in call(bed, "ListContainers").expect(0).out


def transient_files(bed):
    return sorted(os.listdir(os.path.join(bed.runtime, "transient")))


def test_transient(bed):
    """A transient container runs as told, and its unit goes with its end."""
    bus_with_manager(bed)
    transient(bed, "passing", "ExecStart", "as", "1", "/bin/sleep 1000", "Environment", "as", "1", "A=100% sure", "Description", "s", "50% off", count=3).expect(0)
    bed.wait_active("passing", "active")
    equal(bed.property("passing", "Description"), "50% off", "Description")
    equal(bed.property("passing", "Transient"), "yes", "Transient")
    contains(bed.ctl("exec", "passing", "/bin/env").expect(0).out, "A=100% sure")
    equal(transient_files(bed), ["passing.container"], "files")
    denied(transient(bed, "passing", "ExecStart", "as", "1", "/bin/true", count=1), "passing is a unit already")
    bed.ctl("daemon-reload").expect(0)
    equal(bed.active("passing"), "active", "ActiveState after a reload")
    bed.ctl("stop", "passing").expect(0)
    wait_until(lambda: not known(bed, "passing"), "the container to be forgotten")
    equal(transient_files(bed), [], "files")
    transient(bed, "passing", "ExecStart", "as", "1", "/bin/true", "Type", "s", "oneshot", count=2).expect(0)
    wait_until(lambda: not known(bed, "passing"), "the second of that name to be forgotten")
    equal(transient_files(bed), [], "files")


def test_transient_failures(bed):
    """One that fails stays until it is reset; one that cannot be loaded leaves nothing."""
    bus_with_manager(bed)
    transient(bed, "failing", "ExecStart", "as", "1", "/bin/false", count=1).expect(0)
    bed.wait_active("failing", "failed")
    equal(transient_files(bed), ["failing.container"], "files")
    bed.ctl("reset-failed", "failing").expect(0)
    wait_until(lambda: not known(bed, "failing"), "the container to be forgotten")
    for words, *properties in (
        ("ExecStart", "ExecStart", "as", "0"),
        ("did you mean ReadOnly", "ReadOnyl", "b", "true"),
        ("User", "User", "s", "nobody-of-that-name"),
    ):
        denied(transient(bed, "bad", *properties, count=1), words)
        check(not known(bed, "bad"), "bad is known")
    bed.unit("web", "ExecStart=/bin/true")
    denied(transient(bed, "web", count=0), "web is a unit already")
    equal(transient_files(bed), [], "files")


def test_transient_outlives_the_manager(bed):
    """A new manager finds the transient unit, and takes it away when its container has ended."""
    bus_with_manager(bed)
    for name, seconds in (("long", "1000"), ("short", "2")):
        transient(bed, name, "ExecStart", "as", "1", "/bin/sleep " + seconds, count=1).expect(0)
        bed.wait_active(name, "active")
    leader = bed.leader("long")
    bed.kill_manager()
    time.sleep(2.5)
    bed.start_manager()
    wait_until(lambda: owned(bed), "org.bulwark1 on the bus", 5)
    wait_until(lambda: transient_files(bed) == ["long.container"], "only the long one to be left, there is %s" % transient_files(bed))
    equal(bed.leader("long"), leader, "MainPID")
    bed.ctl("stop", "long").expect(0)
    wait_until(lambda: transient_files(bed) == [], "no file")


def test_transient_needs_the_right_to_raise(bed):
    """For another user a transient container is always a matter of exposure."""
    bus_with_manager(bed)
    polkit = Polkit(bed, "yes")
    transient(bed, "theirs", "ExecStart", "as", "1", "/bin/true", "Type", "s", "oneshot", count=2, uid=NOBODY).expect(0)
    equal([a["action"] for a in polkit.asked()], ["org.bulwark1.raise-exposure"], "actions")
    equal(polkit.asked()[0]["details"]["unit"], "theirs", "unit")
    equal(polkit.asked()[0]["details"]["verb"], "start-transient", "verb")


def control(bed, name, file):
    return read(os.path.join(bed.cgroup, "containers", name, file)).strip()


def test_set_property(bed):
    """What is set becomes a drop-in; limits hold at once, the rest from the next start on, which is said."""
    limit = "TasksMax" if "pids" in controllers() else "MemoryMax" if "memory" in controllers() else None
    bed.start_sleeper("web", "Environment=A=1")
    folder = os.path.join(bed.units, "web.container.d")
    bed.ctl("set-property", "web", "Environment=A=2 B=3", "Description=of 50% use").expect(0, "from the next start of web on: Environment")
    equal(sorted(os.listdir(folder)), ["50-Description.conf", "50-Environment.conf"], "drop-ins")
    equal(bed.property("web", "Environment"), "A=2 B=3", "Environment")
    equal(bed.property("web", "RestartNeeded"), "Environment", "RestartNeeded")
    equal(bed.property("web", "Description"), "of 50% use", "Description")
    bed.ctl("restart", "web").expect(0)
    equal(bed.property("web", "RestartNeeded"), "", "RestartNeeded after the restart")
    contains(bed.ctl("exec", "web", "/bin/env").expect(0).out, "B=3")
    bed.ctl("set-property", "--runtime", "web", "Environment=C=4").expect(0)
    equal(bed.property("web", "Environment"), "C=4", "Environment for this boot")
    equal(transient_files(bed), ["web.container.d"], "files")
    bed.ctl("set-property", "web", "Environment=D=5").expect(0)
    equal(bed.property("web", "Environment"), "D=5", "Environment set for good")
    bed.ctl("set-property", "web", "Environment=").expect(0)
    equal(bed.property("web", "Environment"), "", "Environment after the reset")
    if limit:
        file = {"TasksMax": "pids.max", "MemoryMax": "memory.max"}[limit]
        quiet = bed.ctl("set-property", "web", limit + "=67108864").expect(0)
        check("next start" not in quiet.err, str(quiet))
        equal(control(bed, "web", file), "67108864", file)
        bed.ctl("set-property", "web", limit + "=").expect(0)
        equal(control(bed, "web", file), "max", file)
        equal(bed.property("web", "RestartNeeded"), "", "RestartNeeded of limits")


def test_set_property_refused(bed):
    """A mistake changes nothing: no file, no value."""
    bed.start_sleeper("web", "Environment=A=1")
    folder = os.path.join(bed.units, "web.container.d")
    for words, *assignments in (
        ("did you mean ReadOnly", "Description=new", "ReadOnyl=yes"),
        ("is not a boolean", "Description=new", "ReadOnly=perhaps"),
        ("nobody-of-that-name", "Description=new", "User=nobody-of-that-name"),
        ("RootDirectory", "Description=new", "RootDirectory="),
    ):
        bed.ctl("set-property", "web", *assignments).expect(5, words)
        equal(bed.property("web", "Description"), "", "Description")
        check(not os.path.exists(folder), "there is " + folder)
    bed.ctl("set-property", "web", "Description").expect(2, "no assignment")
    bed.ctl("set-property", "nothing", "Description=x").expect(4)
    if "memory" not in controllers():
        bed.ctl("set-property", "web", "MemoryMax=64M").expect(5, "memory")
        check(not os.path.exists(folder), "there is " + folder)
    equal(bed.active("web"), "active", "ActiveState")


def test_exposure_is_asked_for(bed):
    """Which right a change of settings needs depends on what it opens."""
    bed.unit("web", "ExecStart=/bin/sleep 1000", "NoNewPrivileges=no", "TasksMax=100" if "pids" in controllers() else "")
    bus_with_manager(bed)
    polkit = Polkit(bed, "yes")
    rows = [
        ("manage-containers", "Description", "s", "harmless"),
        ("manage-containers", "NoNewPrivileges", "b", "true"),
        ("raise-exposure", "NoNewPrivileges", "b", "false"),
        ("raise-exposure", "BindPaths", "as", "1", "/:/host"),
        ("raise-exposure", "RootDirectory", "s", "/usr"),
        ("raise-exposure", "StandardOutput", "s", "append:" + os.path.join(bed.out, "x")),
    ]
    if "pids" in controllers():
        # 90 is more than 50: known only once the caller may manage the container, and then asked about
        rows += [("manage-containers", "TasksMax", "s", "50"), ("manage-containers raise-exposure", "TasksMax", "s", "90"), ("raise-exposure", "TasksMax", "s", "infinity")]
    seen = 0
    for n, (actions, *words) in enumerate(rows):
        by_object = n % 2 == 1
        arguments = ("SetProperties", "ba(sv)", "true", "1") if by_object else ("SetContainerProperties", "sba(sv)", "web", "true", "1")
        interface, path = (CONTAINER, TOP + "/container/web") if by_object else (MANAGER, TOP)
        done = call(bed, *arguments, *words, uid=NOBODY, interface=interface, path=path)
        check(done.code == 0 or "Access" not in done.err, str(done))
        asked = polkit.asked()[seen:]
        seen += len(asked)
        equal([a["action"] for a in asked], ["org.bulwark1." + action for action in actions.split()], "questions after %s" % words)
        for question in asked:
            equal((question["details"]["unit"], question["details"]["runtime"]), ("web", "yes"), "details")
            check(question["details"]["settings"].startswith(words[0] + "="), question)
    shutil.rmtree(os.path.join(bed.runtime, "transient", "web.container.d"))


def test_managing_one_unit_reaches_no_other(bed):
    """A rule that allows managing web is asked for more where a setting would make web act on db."""
    bed.start_sleeper("db")
    bed.start_sleeper("web")
    leader = bed.leader("db")
    bus_with_manager(bed)
    polkit = Polkit(bed, "rule")
    polkit.rule("org.bulwark1.manage-containers", unit="web")
    names = ("Requires", "Wants", "BindsTo", "PartOf", "Upholds", "Conflicts", "Before", "After", "OnFailure", "OnSuccess", "PropagatesStopTo", "PropagatesReloadTo", "StopPropagatedFrom")
    for name in names:
        denied(call(bed, "SetContainerProperties", "sba(sv)", "web", "true", "1", name, "as", "1", "db", uid=NOBODY), "raise-exposure")
        equal(bed.property("web", name), "", name)
    denied(call(bed, "StartTransientContainer", "ssa(sv)a(sa(sv))", "web", "replace", "1", "Conflicts", "as", "1", "db", "0", uid=NOBODY), "raise-exposure")
    for verb in ("Stop", "Kill", "Restart", "Freeze"):
        arguments = {"Kill": ("ssi", "db", "all", "9"), "Freeze": ("s", "db")}.get(verb, ("ss", "db", "replace"))
        denied(call(bed, verb + "Container", *arguments, uid=NOBODY), "polkit does not allow")
    denied(call(bed, "ResetFailed", uid=NOBODY), "polkit does not allow")
    call(bed, "SetContainerProperties", "sba(sv)", "web", "true", "1", "Description", "s", "mine", uid=NOBODY).expect(0)
    call(bed, "RestartContainer", "ss", "web", "replace", uid=NOBODY).expect(0)
    bed.wait_active("web", "active")
    equal((bed.leader("db"), bed.active("db")), (leader, "active"), "db after all that")
    shutil.rmtree(os.path.join(bed.runtime, "transient", "web.container.d"))


def test_unit_files(bed):
    """EnableUnitFiles and its like, by one polkit rule for one unit; what they change and say."""
    bed.unit("web", "ExecStart=/bin/sleep 1000", "[Install]", "WantedBy=multi-user.target")
    bed.unit("db", "ExecStart=/bin/sleep 1000", "[Install]", "WantedBy=multi-user.target")
    link = os.path.join(bed.units, "multi-user.target.wants/web.container")
    bus_with_manager(bed)
    polkit = Polkit(bed, "rule")
    polkit.rule("org.bulwark1.manage-unit-files", unit="web")

    def change(member, signature, *arguments):
        return call(bed, member, signature, *arguments, uid=NOBODY)

    equal(call(bed, "GetUnitFileState", "s", "web").expect(0).out, 's "disabled"\n', "state before")
    denied(change("EnableUnitFiles", "asbb", "1", "db", "false", "false"), "polkit does not allow org.bulwark1.manage-unit-files", "/etc/polkit-1/rules.d")
    denied(change("EnableUnitFiles", "asbb", "2", "web", "db", "false", "false"), "polkit does not allow")
    denied(change("MaskUnitFiles", "asbb", "1", "../../etc/x", "false", "false"), "polkit does not allow")
    denied(call(bed, "MaskUnitFiles", "asbb", "1", "../../etc/x", "false", "false"), "is a path")
    contains(change("EnableUnitFiles", "asbb", "1", "web", "false", "false").expect(0).out, 'ba(sss) true 1 "symlink" "%s"' % link)
    equal(os.readlink(link), os.path.join(bed.units, "web.container"), "the link")
    equal(polkit.asked()[-1]["details"], {"unit": "web", "verb": "enable", "files": "web", "polkit.message": polkit.asked()[-1]["details"]["polkit.message"]}, "details")
    equal(call(bed, "GetUnitFileState", "s", "web.container").expect(0).out, 's "enabled"\n', "state after")
    listed = bed.ctl("list-unit-files").expect(0).out
    check(re.search(r"web.container +enabled\n", listed) and re.search(r"db.container +disabled\n", listed), listed)
    contains(change("DisableUnitFiles", "asb", "1", "web", "false").expect(0).out, '1 "unlink" "%s" ""' % link)
    check(not os.path.lexists(link), "the link is there still")
    contains(change("MaskUnitFiles", "asbb", "1", "web", "false", "false").err, "a file stands where the link would be made")
    call(bed, "SetContainerProperties", "sba(sv)", "web", "false", "1", "Description", "s", "mine").expect(0)
    own = os.path.join(bed.units, "web.container.d")
    equal(len(os.listdir(own)), 1, "drop-ins")
    contains(change("RevertUnitFiles", "as", "1", "web").expect(0).out, '"unlink" "%s/' % own)
    check(not os.path.exists(own) and os.path.exists(os.path.join(bed.units, "web.container")), "what revert left")
    contains(change("PresetUnitFiles", "asbb", "1", "web", "false", "false").expect(0).out, "ba(sss) true 0")
    denied(call(bed, "GetUnitFileState", "s", "nothing"), "no unit file")
    denied(change("GetUnitFileState", "s", "web"), "org.bulwark1.inspect", "the group")


def ctl_of_another(bed, *arguments, **how):
    """bulwarkctl of a user who may not use the private socket."""
    return bed.run(["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups", *bed.ctl_command(*arguments)], **how)


def test_bulwarkctl_of_operators(bed):
    """bulwarkctl of a user goes by the system bus, as far as polkit lets it; a refusal says which group or rule is missing."""
    bed.unit("web", "ExecStart=/bin/sleep 1000", "[Install]", "WantedBy=multi-user.target")
    bed.unit("db", "ExecStart=/bin/sleep 1000")
    ctl_of_another(bed, "list").expect(6, "no access to", "the group")
    bus_with_manager(bed)
    ctl_of_another(bed, "start", "web").expect(6, "polkit, which could allow it", "does not run")
    polkit = Polkit(bed, "rule")
    polkit.rule("org.bulwark1.manage-containers", unit="web")
    ctl_of_another(bed, "start", "web").expect(0)
    equal(bed.active("web"), "active", "state")
    ctl_of_another(bed, "start", "db").expect(6, "cannot start db", "the group \"bulwark\" may")
    ctl_of_another(bed, "show", "web").expect(6, "org.bulwark1.inspect", "the group \"bulwark\" may")
    ctl_of_another(bed, "exec", "web", "/bin/true").expect(6, "org.bulwark1.exec", "a rule in /etc/polkit-1/rules.d has to allow it")
    polkit.answer("yes")
    contains(ctl_of_another(bed, "list").expect(0).out, "web")
    ctl_of_another(bed, "status", "web").expect(0, "active (running)")
    ctl_of_another(bed, "show", "-p", "MainPID", "web").expect(0, "MainPID=%d" % bed.leader("web"))
    equal(ctl_of_another(bed, "exec", "web", "/bin/sh", "-c", "echo $((6 * 7)); exit 3").expect(3).out, "42\n", "output of exec")
    ctl_of_another(bed, "set-property", "--runtime", "web", "Description=mine").expect(0)
    ctl_of_another(bed, "enable", "web").expect(0, "Created link")
    check(os.path.islink(os.path.join(bed.units, "multi-user.target.wants/web.container")), "no link")
    ctl_of_another(bed, "disable", "web").expect(0, "Removed")
    ctl_of_another(bed, "freeze", "web").expect(0)
    ctl_of_another(bed, "thaw", "web").expect(0)
    ctl_of_another(bed, "restart", "web").expect(0)
    ctl_of_another(bed, "stop", "web").expect(0)
    ctl_of_another(bed, "daemon-reload").expect(0)
    ctl_of_another(bed, "events").expect(6, "only root may read")
    listener = bed.spawn(["setpriv", "--reuid=%d" % NOBODY, "--clear-groups", *bed.ctl_command("events", "-f", "-o", "json", "web")])
    os.set_blocking(listener.stdout.fileno(), False)
    heard = b""

    def hears():
        nonlocal heard
        ctl_of_another(bed, "restart", "web").expect(0)
        heard += listener.stdout.read() or b""
        return b'"event":"exit"' in heard

    wait_until(hears, "events on the bus")
    check(all(json.loads(line)["container"] == "web" for line in heard.decode().splitlines()), heard)
    listener.kill()
    listener.wait()
    ctl_of_another(bed, "stop", "web").expect(0)
    waiting = bed.spawn(["setpriv", "--reuid=%d" % NOBODY, "--clear-groups", *bed.ctl_command("start", "--wait", "web")])
    bed.wait_active("web", "active")
    bed.kill_manager()
    bed.start_manager()
    wait_until(lambda: owned(bed), "the name")
    bed.ctl("stop", "web").expect(0)
    waiting.communicate(timeout=20 * SLOWNESS)  # the end of the manager was noticed: it does not wait for ever
    other = ["setpriv", "--reuid=%d" % NOBODY, "--clear-groups", bed.bulwarkctl, "--runtime-directory=/run/of-nobody", "list"]
    bed.run(other).expect(7, "does not answer")  # not the manager that was meant
    shutil.rmtree(os.path.join(bed.runtime, "transient", "web.container.d"))


def test_guesses_are_not_answered(bed):
    """The question that polkit is asked, and what the caller hears, are the same whether a guess is right or wrong."""
    bed.unit("web", "ExecStart=/bin/sleep 1000", "Environment=TOKEN=right", "BindPaths=" + bed.out + ":/out", "TasksMax=100" if "pids" in controllers() else "", "NoNewPrivileges=no")
    bus_with_manager(bed)
    polkit = Polkit(bed, "no")
    rows = [("Environment", "as", "1", "TOKEN=%s"), ("Environment", "s", "TOKEN=%s"), ("BindPaths", "s", bed.out + ":/%s"), ("NoNewPrivileges", "s", "%s"), ("TasksMax", "s", "%s"), ("Conflicts", "as", "1", "%s")]
    guesses = {"BindPaths": ("out", "other"), "NoNewPrivileges": ("no", "false"), "TasksMax": ("100", "101")}
    for row in rows:
        answers = []
        for guess in guesses.get(row[0], ("right", "wrong")):
            words = [word % guess if "%s" in word else word for word in row]
            result = denied(call(bed, "SetContainerProperties", "sba(sv)", "web", "true", "1", *words, uid=NOBODY))
            answers.append((polkit.asked()[-1]["action"], result.err))
        equal(answers[0], answers[1], "right and wrong guesses of %s" % row[0])


def test_polkit_sees_the_whole_request(bed):
    """Every part of a request that changes what it does is a detail; what is too long to be shown is refused."""
    bed.start_sleeper("web", "HealthCmd=/bin/true", "HealthInterval=infinity")
    bus_with_manager(bed)
    polkit = Polkit(bed, "yes")

    def details(*arguments, **how):
        call(bed, *arguments, uid=NOBODY, **how).expect(0)
        found = dict(polkit.asked()[-1]["details"])
        found.pop("polkit.message")
        return found

    options = ["5", "User", "s", "root", "WorkingDirectory", "s", "/tmp", "Environment", "as", "2", "PATH=/tmp", "LD_PRELOAD=/tmp/a b.so", "Terminal", "b", "true", "Rows", "u", "24"]
    equal(
        details("ExecContainer", "sasa{sv}", "web", "3", "/bin/echo", "id; exit", "", *options),
        {"unit": "web", "verb": "exec", "command": '/bin/echo "id; exit" ""', "user": "root", "directory": "/tmp", "environment": 'PATH=/tmp "LD_PRELOAD=/tmp/a b.so"', "terminal": "yes"},
        "details of exec",
    )
    equal(details("ExecContainer", "sasa{sv}", "web", "1", "/bin/true", "1", "HealthCheck", "b", "true"), {"unit": "web", "verb": "exec", "health-check": "yes"}, "details of a health check")
    equal(details("ExecContainer", "sasa{sv}", "web", "0", "2", "Shell", "b", "true", "Environment", "as", "1", "ENV=/tmp/x"), {"unit": "web", "verb": "shell", "environment": "ENV=/tmp/x"}, "details of a shell")
    equal(details("KillContainer", "ssi", "web", "all", "10"), {"unit": "web", "verb": "kill", "whom": "all", "signal": "SIGUSR1"}, "details of kill")
    bed.wait_active("web", "failed")
    equal(details("StartContainer", "ss", "web", "ignore-dependencies"), {"unit": "web", "verb": "start", "mode": "ignore-dependencies"}, "details of start")
    bed.wait_active("web", "active")
    found = details("SetContainerProperties", "sba(sv)", "web", "true", "2", "Description", "s", "a b", "StartLimitBurst", "u", "77")
    equal((found["settings"], found["runtime"]), ("Description=a b\nStartLimitBurst=77\n", "yes"), "details of settings")
    n = len(polkit.asked())
    long = call(bed, "ExecContainer", "sasa{sv}", "web", "2", "/bin/true", "x" * 70000, "0", uid=NOBODY)
    denied(long, "too long for polkit")
    many = ["A%d=%s" % (i, "y" * 1000) for i in range(70)]
    denied(call(bed, "ExecContainer", "sasa{sv}", "web", "1", "/bin/true", "1", "Environment", "as", "70", *many, uid=NOBODY), "too long for polkit")
    equal(len(polkit.asked()), n, "questions about what is too long")
    call(bed, "ExecContainer", "sasa{sv}", "web", "2", "/bin/true", "x" * 70000, "0").expect(0)  # root is asked about nothing
    denied(call(bed, "ExecContainer", "sasa{sv}", "web", "0", "2", "Shell", "b", "true", "HealthCheck", "b", "true", uid=NOBODY), "one of the two")
    shutil.rmtree(os.path.join(bed.runtime, "transient", "web.container.d"))


def test_stricter_unit_under_the_question(bed):
    """A change that was harmless when it was asked about is not carried out where it opens something by now."""
    if "pids" not in controllers():
        raise Skip("no pids controller for the bed")
    bed.unit("web", "ExecStart=/bin/sleep 1000", "TasksMax=100")
    bus_with_manager(bed)
    polkit = Polkit(bed, "hang")
    client = ask(bed, "SetContainerProperties", "sba(sv)", "web", "true", "1", "TasksMax", "s", "50")
    wait_until(lambda: polkit.asked(), "the question")
    equal(polkit.asked()[0]["action"], "org.bulwark1.manage-containers", "action")
    bed.unit("web", "ExecStart=/bin/sleep 1000", "TasksMax=10")
    polkit.answer("yes")
    out, err = client.communicate(timeout=10 * SLOWNESS)
    check(client.returncode == 1 and b"changed while permission" in err, "%s %s" % (out, err))
    equal(bed.property("web", "TasksMax"), "10", "TasksMax")


run(__name__)
