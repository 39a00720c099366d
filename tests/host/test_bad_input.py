# SPDX-License-Identifier: LGPL-2.1-or-later
"""Broken units and requests: the promised words, the promised codes, never a hang, never a start."""

from harness import *

# name, unit text after "[Container]\nRootDirectory=ROOT\n", words that the error must hold
BROKEN = [
    ("unknown_key", "ExecStart=/bin/true\nNoNewPriviliges=yes\n", ["unknown_key.container:4", "NoNewPriviliges", "NoNewPrivileges"]),
    ("wrong_case", "ExecStart=/bin/true\nreadonly=yes\n", [":4", "readonly", "ReadOnly"]),
    ("bad_bool", "ExecStart=/bin/true\nReadOnly=maybe\n", [":4", "ReadOnly=", "maybe"]),
    ("bad_span", "ExecStart=/bin/true\nTimeoutStopSec=soon\n", [":4", "TimeoutStopSec=", "soon"]),
    ("bad_size", "ExecStart=/bin/true\nMemoryMax=lots\n", [":4", "MemoryMax=", "lots"]),
    ("bad_signal", "ExecStart=/bin/true\nKillSignal=SIGNOPE\n", [":4", "KillSignal=", "SIGNOPE"]),
    ("bad_capability", "ExecStart=/bin/true\nAddCapability=CAP_NOPE\n", [":4", "AddCapability=", "CAP_NOPE"]),
    ("bad_group", "ExecStart=/bin/true\nSystemCallFilter=@nope\n", [":4", "SystemCallFilter=", "@nope"]),
    ("bad_syscall", "ExecStart=/bin/true\nSystemCallFilter=nosuchcall\n", [":4", "SystemCallFilter=", "nosuchcall"]),
    ("bad_users", "ExecStart=/bin/true\nPrivateUsers=sometimes\n", [":4", "PrivateUsers=", "sometimes"]),
    ("bad_type", "ExecStart=/bin/true\nType=sometimes\n", [":4", "Type=", "sometimes"]),
    ("dbus", "ExecStart=/bin/true\nType=dbus\n", [":4", "Type=", "dbus"]),
    ("relative_exec", "ExecStart=bin/../true\n", [":3", "ExecStart="]),
    ("relative_bind", "ExecStart=/bin/true\nBindPaths=data:/data\n", [":4", "BindPaths=", "data"]),
    ("dotdot", "ExecStart=/bin/true\nBindPaths=/tmp:/data/../etc\n", [":4", "BindPaths="]),
    ("bad_user", "ExecStart=/bin/true\nUser=-1\n", [":4", "User="]),
    ("bad_uid", "ExecStart=/bin/true\nUser=4294967295\n", [":4", "User="]),
    ("bad_hostname", "ExecStart=/bin/true\nHostname=-bad-\n", [":4", "Hostname="]),
    ("bad_environment", "ExecStart=/bin/true\nEnvironment=1BAD=x\n", [":4", "Environment="]),
    ("bad_quote", "ExecStart=/bin/true 'open\n", [":3", "ExecStart="]),
    ("no_section", None, ["no_section"]),
    ("bad_section", "ExecStart=/bin/true\n[Contaner]\nX=1\n", [":4", "Contaner", "Container"]),
    ("no_equals", "ExecStart=/bin/true\nReadOnly yes\n", [":4", "ReadOnly yes"]),
    ("no_exec", "ReadOnly=yes\n", ["ExecStart="]),
    ("two_exec", "ExecStart=/bin/true\nExecStart=/bin/false\n", ["ExecStart="]),
    ("shell_prefix", "ExecStart=|/bin/true\n", [":3", "ExecStart=", "|"]),
    ("bad_specifier", "ExecStart=/bin/true %Q\n", [":3", "%Q"]),
    ("many", "ExecStart=/bin/true\nReadOnly=maybe\nNoSuch=1\nTimeoutStopSec=soon\n", ["ReadOnly=", "NoSuch", "TimeoutStopSec="]),
]

# Known to systemd or planned for later, never ignored.
# What this host lacks, and every name that the table of the rest of the vocabulary has for [Container].
UNSUPPORTED = ["AppArmorProfile=x", "SELinuxContext=x"] + [
    name + "=x" for name in re.findall(r"^(?:LATER|REFUSED)\(Container, (\w+)", read(os.path.join(SOURCE, "units/spec/refused.inc")), re.M)]


def test_table(bed):
    """each broken unit: verify and start refuse with 5 and say where and what."""
    problems = []
    for name, text, words in BROKEN:
        raw = "ExecStart=/bin/true\n" if text is None else "[Container]\nRootDirectory=%s\n%s" % (bed.root, text)
        path = bed.unit(name, raw=raw)
        for result in (bed.verify(path), bed.ctl("start", name)):
            if result.code != 5:
                problems.append("%s: expected 5:\n%s" % (name, result))
            for word in words:
                if word not in result.out + result.err:
                    problems.append("%s: lacks %r:\n%s" % (name, word, result))
        os.unlink(path)
    check(not problems, "\n".join(problems))


def test_visible_as_bad(bed):
    """a bad unit is listed as bad, with its reason in status, and does not disturb the others."""
    bed.unit("good", "ExecStart=/bin/true")
    bed.unit("broken", "ExecStart=/bin/true", "Nonsense=1")
    equal(bed.property("broken", "LoadState"), "bad", "LoadState")
    contains(bed.property("broken", "LoadError"), "Nonsense", "LoadError")
    contains(str(bed.ctl("status", "broken")), "Nonsense", "status")
    contains(bed.ctl("list-unit-files").out, "bad", "list-unit-files")
    bed.ctl("start", "--wait", "good").expect(0)
    bed.unit("broken", "ExecStart=/bin/true")
    bed.ctl("start", "--wait", "broken").expect(0)


def test_unsupported(bed):
    """directives of later versions and of hosts are refused by name, never ignored."""
    problems = []
    check(len(UNSUPPORTED) > 20, "names: %s" % UNSUPPORTED)
    for i, line in enumerate(UNSUPPORTED):
        path = bed.unit("later", "ExecStart=/bin/true", line)
        result = bed.verify(path)
        key = line.split("=")[0] + "="
        if result.code != 5 or key not in result.out + result.err:
            problems.append("%s:\n%s" % (line, result))
        result = bed.ctl("start", "later") if i % 8 == 0 or i < 2 else result
        if result.code != 5:
            problems.append("start with %s:\n%s" % (line, result))
    check(not problems, "\n".join(problems))


def test_own_keys(bed):
    """X-... keys and sections are the user's own."""
    path = bed.unit("mine", "ExecStart=/bin/true", "X-Note=hello", "[X-Section]", "Anything=goes")
    bed.verify(path).expect(0)
    bed.ctl("start", "--wait", "mine").expect(0)


def odd_file(bed, name, make):
    path = os.path.join(bed.units, name + ".container")
    make(path)
    begin = time.monotonic()
    verify = bed.verify(path, timeout=10)
    bed.ctl("daemon-reload", timeout=10)
    start = bed.ctl("start", name, timeout=10)
    check(time.monotonic() - begin < 8, name + " took %.1f s" % (time.monotonic() - begin))
    if os.path.isdir(path) and not os.path.islink(path):
        os.rmdir(path)
    else:
        os.unlink(path)
    return verify, start


def test_odd_files(bed):
    """FIFO, directory, socket, device, link loop, dangling link: refused with a reason, no hang."""
    def make_socket(path):
        s = socket.socket(socket.AF_UNIX)
        s.bind(path)
        s.close()

    kinds = [
        ("fifo", os.mkfifo),
        ("directory", os.mkdir),
        ("socket", make_socket),
        ("loop", lambda path: os.symlink(path, path)),
        ("zero", lambda path: os.symlink("/dev/zero", path)),
    ]
    for name, make in kinds:
        for result in odd_file(bed, name, make):
            check(result.code in (4, 5), "%s: %s" % (name, result))
            contains(result.out + result.err, name, str(result))
    for result in odd_file(bed, "dangling", lambda path: os.symlink("/nowhere", path)):
        check(result.code in (4, 5), str(result))


def test_odd_bytes(bed):
    """NUL, invalid UTF-8, over-long lines: refused with file and line; huge files too."""
    body = b"[Container]\nRootDirectory=" + bed.root.encode() + b"\nExecStart=/bin/true\n"
    table = [
        ("nul", body + b"Description\0=x\n"),
        ("long", body + b"Environment=A=" + b"x" * (4 << 20) + b"\n"),
        ("huge", body + b"# x\n" * (8 << 20)),
        ("utf8", body + b"Environment=A=\xff\xfe\n"),
    ]
    for name, text in table:
        path = bed.unit(name, raw=text)
        for result in (bed.verify(path), bed.ctl("start", name)):
            check(result.code == 5, "%s: %s" % (name, str(result)[:3000]))
            contains(result.out + result.err, name + ".container", str(result)[:3000])
        os.unlink(path)
    # What editors of other systems leave is no mistake.
    for name, text in (("crlf", body.replace(b"\n", b"\r\n")), ("bom", b"\xef\xbb\xbf" + body)):
        bed.verify(bed.unit(name, raw=text)).expect(0)


def test_masked(bed):
    """a link to /dev/null masks."""
    os.symlink("/dev/null", os.path.join(bed.units, "masked.container"))
    bed.ctl("daemon-reload").expect(0)
    bed.ctl("start", "masked").expect(5, "masked")
    contains(bed.ctl("list-unit-files").out, "masked", "list-unit-files")


def test_missing_root(bed):
    """a root that is missing or no directory is named with its line."""
    bed.unit("noroot", raw="[Container]\nRootDirectory=/nowhere/root\nExecStart=/bin/true\n")
    bed.ctl("start", "noroot").expect(5, "noroot.container:2", "RootDirectory=", "/nowhere/root")
    bed.unit("fileroot", raw="[Container]\nRootDirectory=/etc/passwd\nExecStart=/bin/true\n")
    bed.ctl("start", "fileroot").expect(5, "RootDirectory=", "/etc/passwd")
    bed.unit("nothing", raw="[Container]\nExecStart=/bin/true\n")
    bed.ctl("start", "nothing").expect(5, "RootDirectory=")


def test_odd_roots(bed):
    """an image whose /proc, /dev or /sys is a link or a file is refused; nothing happens on the host."""
    for name in ("proc", "dev", "sys"):
        for kind in ("link", "file"):
            root = os.path.join(bed.directory, "odd")
            shutil.copytree(bed.root, root, symlinks=True)
            os.rmdir(os.path.join(root, name))
            if kind == "link":
                os.symlink("/tmp", os.path.join(root, name))
            else:
                write(os.path.join(root, name), "x")
            bed.unit("odd", raw="[Container]\nRootDirectory=%s\nExecStart=/bin/true\n" % root)
            result = bed.ctl("start", "odd")
            check(result.code not in (0, 7), "%s as a %s: %s" % (name, kind, result))
            contains(result.err, "/" + name, "%s as a %s" % (name, kind))
            bed.ctl("reset-failed", "odd")
            shutil.rmtree(root)


def test_controllers(bed):
    """a limit whose controller the host lacks is an error that names controller and remedy."""
    table = [("MemoryMax=64M", "memory"), ("MemoryHigh=64M", "memory"), ("CPUQuota=50%", "cpu"), ("CPUWeight=50", "cpu"), ("TasksMax=64", "pids"),
             ("IOWeight=50", "io"), ("AllowedCPUs=0", "cpuset"), ("MemoryLow=1M", "memory"), ("MemorySwapMax=0", "memory"),
             ("HugetlbMax=2M:0", "hugetlb"), ("Cgroup2=cpu.max.burst=1000", "cpu")]
    present = controllers()
    for line, controller in table:
        bed.unit("limited", "ExecStart=/bin/sleep 1000", line)
        result = bed.ctl("start", "limited")
        if controller in present:
            result.expect(0)
            bed.ctl("stop", "limited").expect(0)
        else:
            result.expect(5, controller, line.split("=")[0] + "=", "limited.container:4")
            equal(bed.active("limited") in ("inactive", "failed"), True, "state")
            bed.ctl("reset-failed", "limited")


def test_names(bed):
    """odd names of units are refused, never turned into paths."""
    for name in ("../escape", "a/b", ".hidden", "", "x" * 300, "a\nb", "%n", "web..container"):
        result = bed.ctl("start", name)
        check(result.code in (2, 4, 5), "%r: %s" % (name, result))


def test_private_socket(bed):
    """rubbish on the private socket, half-open clients and a crowd do not disturb the manager."""
    path = os.path.join(bed.runtime, "private")
    equal(os.stat(path).st_mode & 0o077, 0, "access of others to the socket")
    clients = []
    for i in range(50):
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        if i % 3 == 0:
            try:
                s.send(os.urandom(512))
            except OSError:
                pass
        clients.append(s)
    bed.ctl("list").expect(0)
    for s in clients:
        s.close()
    bed.ctl("list").expect(0)


def test_keeper_socket(bed):
    """rubbish on the keeper's socket closes that connection and nothing else."""
    path = os.path.join(bed.runtime, "keeper")
    equal(os.stat(path).st_mode & 0o077, 0, "access of others to the socket")
    bed.start_sleeper("web")
    leader = bed.leader("web")
    for size in (0, 1, 16, 1000, 5000):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            s.connect(path)
            s.send(os.urandom(size))
            s.settimeout(0.2)
            s.recv(100)
        except OSError:
            pass
        s.close()
    wait_until(lambda: bed.ctl("list").code == 0, "the manager to answer")
    equal((bed.active("web"), bed.leader("web")), ("active", leader), "the container")
    bed.ctl("stop", "web").expect(0)


def test_offline(bed):
    """verify and plan without manager, without root rights, by file and by name."""
    path = bed.unit("web", "ExecStart=/bin/sleep 1000", "InaccessiblePaths=/etc/shadow")
    bed.verify(path).expect(0)
    result = bed.ctl("plan", path).expect(0, "execute", "seccomp", "/bin/sleep", "web.container:3")
    check(len(result.out.splitlines()) > 20, "a plan of few steps:\n" + result.out)
    plan = json.loads(bed.ctl("plan", "-o", "json", path).expect(0).out)
    check(plan, "the plan as JSON is empty")
    bed.ctl("plan", "--unit-path=" + bed.units, "web").expect(0, "execute")
    bed.ctl("verify", path).expect(0)
    bed.ctl("verify", "/nowhere.container").expect(4, "/nowhere.container")
    setpriv = shutil.which("setpriv")
    if setpriv and os.access(bed.analyze, os.X_OK):
        result = bed.run([setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", bed.analyze, "plan", path])
        if "ermission denied" not in result.err:
            result.expect(0, "execute")


def test_arguments_of_the_manager(bed):
    """bulwarkd refuses what it does not understand with 2."""
    bed.run([bed.bulwarkd, "--nosuch"], timeout=10).expect(2)
    bed.run([bed.bulwarkd, "--help"], timeout=10).expect(0, "--standalone")
    bed.run([bed.bulwarkd, "stray"], timeout=10).expect(2)


def test_bad_file_names(bed):
    """a unit whose name no container can have is told, in the list and in the log, and hides no other."""
    for name in ("a b", "-dash", "two@@", "line\nend", "x" * 100, "\udcff"):
        write(os.path.join(bed.units, name + ".container"), "[Container]\n")
    bed.unit("good", "ExecStart=/bin/true")
    listed = bed.ctl("list-unit-files").expect(0).out
    equal(listed.count("misnamed"), 5, "misnamed files in:\n" + listed)  # an instance may begin with '@'
    contains(listed, "good.container")
    wait_until(lambda: "a b.container: is not loaded: no container can have this name" in read(bed.log), "a warning in the log")
    check("line\nend" not in read(bed.log), "a name breaks the log's lines")
    bed.ctl("start", "good").expect(0)


run(__name__)
