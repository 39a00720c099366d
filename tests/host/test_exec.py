# SPDX-License-Identifier: LGPL-2.1-or-later
"""exec and shell: the same confinement as the payload, codes as a shell, terminals."""

import fcntl
import pty
import select
import struct
import termios
import tty

from harness import *

# What may differ between a payload and a process that came later.
ITS_OWN = {"pid", "ppid", "sid", "pgid", "command_line", "status", "descriptors", "proc", "environment", "tty"}
ITS_OWN_STATUS = ("Cap", "NoNewPrivs", "Seccomp", "Uid", "Gid", "Groups", "Umask", "SigIgn", "SigBlk", "Speculation")


def compare(bed, *lines):
    payload = bed.inside("compare", *lines)
    # The same unit again, this time it stays.
    bed.unit("compare", "ExecStart=/bin/sleep 1000", *lines)
    bed.ctl("start", "compare").expect(0)
    other = bed.exec_inside("compare", "report")
    for key in payload:
        if key in ITS_OWN or key.startswith("ns_") or key in ("uid_map", "gid_map", "mountinfo", "cmdline_1"):
            continue
        equal(other[key], payload[key], key)
    one, two = status_of(payload), status_of(other)
    for key in one:
        if key.startswith(ITS_OWN_STATUS):
            equal(two[key], one[key], key)
    strip = lambda report: [re.sub(r"^\d+ \d+ \S+ ", "", line) for line in report["mountinfo"]]
    equal(sorted(l.split()[1] for l in strip(other)), sorted(l.split()[1] for l in strip(payload)), "mount points")
    leader = bed.leader("compare")
    for kind in ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts"):
        payloads = [p for p in bed.own_processes() if "sleep" in read("/proc/%d/cmdline" % p)]
        links = {os.readlink("/proc/%d/ns/%s" % (p, kind)) for p in payloads}
        check(other["ns_" + kind] in links, "exec is in another %s namespace: %s not in %s (leader %d)" % (kind, other["ns_" + kind], links, leader))
    skip = ("TERM=", "INVOCATION_ID=")
    variables = lambda report: sorted(v for v in report["environment"] if not v.startswith(skip))
    equal(variables(other), variables(payload), "environment")
    equal(sorted(other["descriptors"]), ["0", "1", "2"], "descriptors")
    bed.ctl("stop", "compare").expect(0)


def test_confinement_default(bed):
    """exec sees and may do exactly what the payload does."""
    compare(bed)


def test_confinement_special(bed):
    """the same for a unit with a user, groups, capabilities and a filter."""
    compare(bed, "User=1000", "Group=55", "SupplementaryGroups=66 77", "AmbientCapabilities=CAP_CHOWN", "WorkingDirectory=/etc", "Environment=A=1",
            "TemporaryFileSystem=/data", "InaccessiblePaths=/etc/shadow", "SystemCallFilter=~mkdir", "Hostname=special")


def test_confinement_open(bed):
    """the same for one without user namespace and with the host's network."""
    compare(bed, "PrivateUsers=no", "PrivateNetwork=no", "NoNewPrivileges=no", "ReadOnly=no")


def test_denied(bed):
    """the filter holds in exec too."""
    bed.start_sleeper("web", "InaccessiblePaths=/etc/shadow")
    results = bed.exec_inside("web", "try", "unshare-user", "mount-tmpfs:/mnt", "remount-rw:/", "umount:/etc/shadow", "write:/etc/x",
                              "read:/etc/shadow", "keyctl", "bpf", "setns:/proc/1/ns/mnt")
    for operation, answer in results.items():
        check(answer != "ok", operation + " succeeded in exec")


def test_codes(bed):
    """the command's own code, 128+N, 126, 127."""
    bed.start_sleeper("web")
    for code in (0, 1, 2, 77, 255):
        bed.ctl("exec", "web", "sh", "-c", "exit %d" % code).expect(code)
    bed.ctl("exec", "web", "sh", "-c", "kill -9 $$").expect(137)
    bed.ctl("exec", "web", "sh", "-c", "kill -TERM $$").expect(143)
    bed.ctl("exec", "web", "/nonexistent").expect(127, "/nonexistent")
    bed.ctl("exec", "web", "nonexistent").expect(127, "nonexistent")
    bed.ctl("exec", "web", "/etc/passwd").expect(126, "/etc/passwd")


def test_not_running(bed):
    """3 for a container that does not run."""
    bed.unit("idle", "ExecStart=/bin/true")
    bed.ctl("exec", "idle", "true").expect(3)
    bed.ctl("shell", "idle").expect(3)


def test_streams(bed):
    """stdin, stdout and stderr stay apart and whole; the end of input arrives."""
    bed.start_sleeper("web")
    result = bed.ctl("exec", "web", "sh", "-c", "echo out; echo err >&2; cat", text=b"in\n").expect(0)
    equal((result.out, result.err), ("out\nin\n", "err\n"), "streams")
    big = os.urandom(1 << 20).hex().encode()
    result = bed.ctl("exec", "web", "cat", text=big).expect(0)
    check(result.out.encode() == big, "2 MiB did not come back whole: %d bytes" % len(result.out))
    result = bed.ctl("exec", "web", "sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x; exit 4").expect(4)
    equal(len(result.out), 3000000, "bytes")


def test_closed_output(bed):
    """a reader that goes away ends the command, not the manager."""
    bed.start_sleeper("web")
    client = bed.spawn(bed.ctl_command("exec", "web", "sh", "-c", "while true; do echo line; done"))
    client.stdout.read(100)
    client.stdout.close()
    wait_until(lambda: client.poll() is not None, "the client to end")
    wait_until(lambda: bed.property("web", "TasksCurrent") != "" and len([p for p in bed.own_processes() if "echo line" in read_cmdline(p)]) == 0,
               "the command to end")
    equal(bed.active("web"), "active", "the container")


def read_cmdline(pid):
    try:
        return read("/proc/%d/cmdline" % pid)
    except OSError:
        return ""


def test_client_killed(bed):
    """the command of a client that died is ended."""
    bed.start_sleeper("web")
    client = bed.spawn(bed.ctl_command("exec", "web", "sleep", "777"))
    wait_until(lambda: any("777" in read_cmdline(p) for p in bed.own_processes()), "the command to run")
    client.kill()
    wait_until(lambda: not any("777" in read_cmdline(p) for p in bed.own_processes() if p != client.pid), "the command to end")
    equal(bed.active("web"), "active", "the container")


def test_user_directory_environment(bed):
    """--user, --workdir and --env."""
    bed.start_sleeper("web")
    equal(bed.ctl("exec", "-u", "user", "web", "id", "-u").expect(0).out, "1000\n", "uid")
    equal(bed.ctl("exec", "-u", "1234", "web", "id", "-u").expect(0).out, "1234\n", "uid")
    equal(bed.ctl("exec", "-w", "/etc", "web", "pwd").expect(0).out, "/etc\n", "directory")
    equal(bed.ctl("exec", "-e", "ADDED=yes", "web", "sh", "-c", "echo $ADDED").expect(0).out, "yes\n", "variable")
    report = bed.exec_inside("web", "report", options=("-u", "user"))
    equal(int(status_of(report)["CapEff"], 16), 0, "CapEff of a user")
    result = bed.ctl("exec", "-u", "nosuchuser", "web", "true")
    check(result.code != 0, str(result))
    contains(result.err, "nosuchuser", str(result))
    equal(bed.ctl("exec", "web", "sh", "-c", "exit $1", "--", "9").code, 9, "arguments that look like options")


def variables_of(text):
    return {k: v for k, _, v in (line.partition("=") for line in text.splitlines()) if k in ("HOME", "USER", "LOGNAME", "SHELL")}


def test_users_environment(bed):
    """HOME, USER, LOGNAME and SHELL are those of the user that was asked for, but what the unit itself sets is for all; a shell begins in
    the user's home."""
    bed.start_sleeper("web")
    env = lambda *options, name="web": variables_of(bed.ctl("exec", *options, name, "env").expect(0).out)
    equal(env(), {"HOME": "/root", "USER": "root", "LOGNAME": "root", "SHELL": "/bin/sh"}, "the unit's own")
    equal(env("-u", "user"), {"HOME": "/home", "USER": "user", "LOGNAME": "user", "SHELL": "/bin/sh"}, "a user of passwd")
    equal(env("-u", "1883"), {"HOME": "/", "SHELL": "/bin/sh"}, "a user without an entry")
    equal(env("-u", "user", "-e", "HOME=/tmp")["HOME"], "/tmp", "what the caller says")
    equal(bed.ctl("exec", "-u", "user", "web", "pwd").expect(0).out, "/\n", "the directory of a command stays the unit's")
    shell = lambda *words: bed.ctl("shell", "-T", *words, text=b"echo $HOME $USER; pwd\n").expect(0).out
    equal(shell("user@web"), "/home user\n/home\n", "a user's shell")
    equal(shell("-u", "1883", "web"), "/\n/\n", "the shell of a user without an entry")
    equal(shell("web"), "/root root\n/\n", "the unit's own")
    bed.start_sleeper("own", "User=user", "Environment=HOME=/srv USER=me", "UnsetEnvironment=SHELL")
    equal(env("-u", "root", name="own"), {"HOME": "/srv", "USER": "me", "LOGNAME": "root"}, "a unit with variables of its own")


def test_container_stops_under_exec(bed):
    """exec ends with the container."""
    bed.start_sleeper("web")
    client = bed.spawn(bed.ctl_command("exec", "web", "sleep", "1000"))
    wait_until(lambda: len([p for p in bed.own_processes() if "sleep" in read_cmdline(p)]) >= 2, "the command to run")
    bed.ctl("kill", "-s", "KILL", "web").expect(0)
    code = client.wait(20)
    check(code in (137, 143, 1, 129), "exit code %d" % code)


# --- terminals


class Terminal:
    """bulwarkctl on a terminal of its own."""

    def __init__(self, bed, command, rows=30, columns=100):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = os.dup(slave)

        def controlling():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=dict(bed.environment, TERM="xterm"),
                                        preexec_fn=controlling)
        bed.extra.append(self.process)
        os.close(slave)
        self.text = ""

    def read_some(self, timeout=0.1):
        if select.select([self.master], [], [], timeout)[0]:
            try:
                self.text += os.read(self.master, 65536).decode(errors="replace")
            except OSError:
                return False
        return True

    def expect(self, pattern, timeout=10):
        deadline = time.monotonic() + timeout
        while not re.search(pattern, self.text):
            if time.monotonic() > deadline or not self.read_some():
                raise Failure("the terminal never showed %r:\n%s" % (pattern, self.text))
        match = re.search(pattern, self.text)
        self.text = self.text[match.end() :]
        return match

    def send(self, text):
        os.write(self.master, text.encode())

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait(self, timeout=10):
        deadline = time.monotonic() + timeout
        while self.process.poll() is None:
            self.read_some()
            if time.monotonic() > deadline:
                raise Failure("bulwarkctl does not end:\n" + self.text)
        # What it wrote last may still be on its way: what is written after it is not seen before it.
        os.write(self.slave, b"\0the end\0")
        while "\0the end\0" not in self.text and time.monotonic() < deadline:
            self.read_some()
        self.text = self.text.replace("\0the end\0", "")
        return self.process.returncode

    def close(self):
        os.close(self.master)
        os.close(self.slave)


def terminal(bed, *command, **how):
    return Terminal(bed, bed.ctl_command(*command), **how)


def test_terminal(bed):
    """a terminal inside: its size, its resize, its raw mode, its control characters, its code."""
    bed.start_sleeper("web")
    t = terminal(bed, "exec", "-t", "web", "sh")
    t.send("tty; stty size; echo T=$TERM\n")
    t.expect(r"/dev/pts/\d+")
    t.expect(r"30 100")
    t.expect(r"T=xterm")
    t.resize(41, 77)
    wait_until(lambda: (t.send("stty size\n"), t.read_some(0.2), "41 77" in t.text)[-1], "the new size to arrive")
    # Raw on our side: what is typed is echoed once, by the terminal inside.
    t.text = ""
    t.send("echo one$((1+1))two\n")
    t.expect(r"one2two")
    t.send("sleep 100\n")
    time.sleep(0.3)
    t.send("\x03")
    t.send("echo code $?\n")
    t.expect(r"code 130")
    t.send("exit 12\n")
    equal(t.wait(), 12, "exit code")
    equal(termios.tcgetattr(t.slave)[:6], t.before[:6], "the terminal's settings afterwards")
    t.close()


def test_root_that_was_replaced(bed):
    """where the root directory was replaced under a running container, the words name the path and say so."""
    root = os.path.join(bed.directory, "replaced")
    shutil.copytree(bed.root, root, symlinks=True)
    bed.unit("gone", raw="[Container]\nRootDirectory=%s\nExecStart=/bin/sleep 1000\n" % root)
    bed.ctl("start", "gone").expect(0)
    shutil.rmtree(root)
    shutil.copytree(bed.root, root, symlinks=True)
    result = bed.ctl("exec", "gone", "true")
    check(result.code != 0, str(result))
    if "landlock" in bed.ctl("status", "gone").out:
        contains(result.err, '"/" of the container is gone', str(result))
        contains(result.err, "Restart it", str(result))
    bed.ctl("restart", "gone").expect(0)
    bed.ctl("exec", "gone", "true").expect(0)
    bed.ctl("stop", "gone")
    shutil.rmtree(root)


def test_docker_options(bed):
    """-i, -t and -d, alone and together, do what they do elsewhere."""
    bed.start_sleeper("web")
    for options in (("-it",), ("-ti",), ("-i", "-t"), ("-itu", "user"), ("-it", "-e", "A=1")):
        t = terminal(bed, "exec", *options, "web", "tty")
        t.expect(r"/dev/pts/\d+")
        equal(t.wait(), 0, "exit code of %s" % (options,))
        t.close()
    t = terminal(bed, "exec", "-i", "web", "sh", "-c", "tty; read word; echo got $word")
    t.expect("not a tty")
    t.send("this\n")
    t.expect("got this")
    equal(t.wait(), 0, "exit code")
    t.close()
    equal(bed.ctl("exec", "-i", "web", "cat", text=b"through\n").expect(0).out, "through\n", "input")
    for options in (("-dt",), ("-d", "-i"), ("-dit",)):
        result = bed.ctl("exec", *options, "web", "true")
        equal(result.code, 2, str(result))
        contains(result.err, "--detach leaves the command without", str(result))


def test_detached(bed):
    """a command that is left to itself outlives its client, sees no stream of it, and ends with the container."""
    bed.start_sleeper("web")
    result = bed.ctl("exec", "-d", "web", "sleep", "333")
    equal((result.code, result.out, result.err), (0, "", ""), "the answer")
    seen = lambda: [p for p in bed.own_processes() if "sleep\x00333" in read_cmdline(p)]
    check(seen(), "it did not run when the client ended")
    time.sleep(2.5)  # the grace of an abandoned session
    check(seen(), "it ended with its client")
    equal([os.readlink("/proc/%d/fd/%d" % (seen()[0], fd)) for fd in range(3)], ["/dev/null"] * 3, "its streams")
    equal(bed.ctl("exec", "-d", "web", "/no/such/program").code, 127, "a command that is not there")
    bed.ctl("kill", "-s", "KILL", "web")
    wait_until(lambda: not seen(), "its end with the container", 10)


def test_terminal_has_its_size(bed):
    """the first thing that a command asks its terminal is answered rightly: the size is there before it runs."""
    bed.start_sleeper("web")
    for _ in range(25):
        t = terminal(bed, "exec", "web", "--", "stty", "size")
        equal(t.wait(), 0, "exit code")
        t.close()
        contains(t.text, "30 100", "the size")


def test_terminal_is_the_containers(bed):
    """the terminal is of the container's own devpts, controlling, and TIOCSTI is denied."""
    bed.start_sleeper("web")
    t = terminal(bed, "exec", "-t", "web", "/bin/inside", "try", "tiocsti", "tiocsti-high", "tioclinux", "open-read:/dev/tty")
    t.expect(r'"open-read:/dev/tty":"ok"')
    t.wait()
    check('"tiocsti":"ok"' not in t.text and '"tiocsti-high":"ok"' not in t.text, t.text)
    t.close()
    t = terminal(bed, "exec", "-t", "web", "/bin/inside", "report")
    t.expect(r'"descriptors":\{"0":"/dev/pts/\d+","1":"/dev/pts/\d+","2":"/dev/pts/\d+"\}')
    equal(t.wait(), 0, "exit code")
    t.close()


def test_detach(bed):
    """three times ^] within a second leaves the terminal; two do not."""
    bed.start_sleeper("web")
    t = terminal(bed, "exec", "-t", "web", "sh")
    t.send("echo be''gin\n")
    t.expect("begin")
    t.send("\x1d\x1d")
    time.sleep(1.3)
    t.send("\x1d")
    time.sleep(0.3)
    check(t.process.poll() is None, "two ^] and a late one detached")
    t.send("\n\n")
    time.sleep(1.2)
    t.send("\x1d\x1d\x1d")
    t.wait()
    equal(termios.tcgetattr(t.slave)[:6], t.before[:6], "the terminal's settings afterwards")
    equal(bed.active("web"), "active", "the container")
    t.close()


def test_hangup(bed):
    """a terminal that goes away takes its command along."""
    bed.start_sleeper("web")
    t = terminal(bed, "exec", "-t", "web", "sleep", "888")
    wait_until(lambda: any(read_cmdline(p).startswith("sleep\x00888") for p in bed.own_processes()), "the command to run")
    t.process.send_signal(signal.SIGHUP)
    t.wait()
    t.close()
    wait_until(lambda: not any(read_cmdline(p).startswith("sleep\x00888") for p in bed.own_processes()), "the command to end")


def test_shell(bed):
    """the user's shell from the container's passwd."""
    bed.start_sleeper("web")
    t = terminal(bed, "shell", "web")
    t.send("id -u; pwd; exit 3\n")
    t.expect(r"\n0\r")
    equal(t.wait(), 3, "exit code")
    t.close()
    t = terminal(bed, "shell", "user@web")
    t.send("id -u; exit\n")
    t.expect(r"\n1000\r")
    equal(t.wait(), 0, "exit code")
    t.close()


def test_many(bed):
    """twenty at once, each with its own answer."""
    bed.start_sleeper("web")
    clients = [(i, bed.spawn(bed.ctl_command("exec", "web", "sh", "-c", "echo answer %d; exit %d" % (i, i)))) for i in range(20)]
    for i, client in clients:
        out, err = client.communicate(timeout=30)
        equal((client.returncode, out.decode()), (i, "answer %d\n" % i), "client %d: %s" % (i, err.decode()))


run(__name__)
