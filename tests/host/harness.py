# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bed of the host tests: a manager of its own, a small root file system, and a ledger of what may leak.

A test file is a list of functions that take a Bed; main() runs them one by one and prints TAP. After every test the
bed is swept, and the ledger (processes, mounts, cgroups, namespaces, descriptors of the keeper and the manager, files
of the runtime directory) must show not one entry more than before.
"""

import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

BUILD = os.environ.get("BULWARK_BUILD", "")
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Set in an emulated machine: how many times longer anything is waited for before it counts as lost.
SLOWNESS = float(os.environ.get("BULWARK_TEST_SLOWNESS") or 1)


CLONE_NEWNS, MS_REC, MS_PRIVATE, MS_SHARED = 0x20000, 1 << 14, 1 << 18, 1 << 20


class Failure(Exception):
    """A promise was not kept."""


class Skip(Exception):
    """The host cannot show this; the reason is printed."""


def build_file(*candidates):
    for candidate in candidates:
        path = os.path.join(BUILD, candidate)
        if os.path.exists(path):
            return path
    raise Failure("not built: " + " or ".join(candidates))


def wait_until(condition, what, timeout=10.0):
    """Polls; the answer is the condition's true value."""
    deadline = time.monotonic() + timeout * SLOWNESS
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure("waited %g s in vain: %s" % (timeout * SLOWNESS, what))
        time.sleep(0.02 * SLOWNESS)  # each look costs an emulated processor what it looks for


def check(condition, message):
    if not condition:
        raise Failure(message)


def equal(actual, expected, what):
    if actual != expected:
        raise Failure("%s: expected %r, got %r" % (what, expected, actual))


def contains(text, part, what="output"):
    if part not in text:
        raise Failure("%s lacks %r:\n%s" % (what, part, text))


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def write(path, text, mode=0o644):
    """A file that is new appears whole: content, mode and then the name. A payload may read it, or take it away, at once."""
    data = text if isinstance(text, bytes) else text.encode()
    try:
        fd = os.open(os.path.dirname(path) or ".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC)
    except OSError:  # a file system that has no files without a name
        fd = -1
    if fd >= 0:
        with open(fd, "wb") as f:
            f.write(data)
            f.flush()
            os.fchmod(fd, mode)
            try:
                os.link("/proc/self/fd/%d" % fd, path, src_dir_fd=fd, follow_symlinks=True)  # with a directory it is linkat(2)
                return
            except FileExistsError:
                pass
    with open(path, "wb") as f:
        os.fchmod(f.fileno(), mode)
        f.write(data)


def cgroup2_mount():
    for line in read("/proc/self/mountinfo").splitlines():
        fields = line.split()
        if fields[fields.index("-") + 1] == "cgroup2":
            return fields[4]
    raise Skip("no cgroup2 mount on this host")


def cgroup_of_bed():
    """Where the manager's cgroup is made: what a service manager delegated to us, else the top of the tree."""
    return os.environ.get("BULWARK_TEST_CGROUP") or cgroup2_mount()


def controllers():
    return read(os.path.join(cgroup_of_bed(), "cgroup.controllers")).split()


def stat_fields(pid):
    text = read("/proc/%d/stat" % pid)
    return text[text.rindex(")") + 2 :].split()


def parents():
    """pid -> parent's pid, of every process that can be seen."""
    result = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                result[int(name)] = int(stat_fields(int(name))[1])
            except (OSError, ValueError):
                continue
    return result


def descendants(pids):
    tree = parents()
    result = {p for p in pids if p in tree}
    grown = True
    while grown:
        more = {p for p, parent in tree.items() if parent in result} - result
        grown = bool(more)
        result |= more
    return result


def descriptors(pid):
    result = {}
    try:
        for name in os.listdir("/proc/%d/fd" % pid):
            try:
                result[int(name)] = os.readlink("/proc/%d/fd/%s" % (pid, name))
            except OSError:
                continue
    except OSError:
        pass
    return result


class Result:
    def __init__(self, command, code, out, err):
        self.command, self.code, self.out, self.err = command, code, out, err

    def __str__(self):
        return "$ %s\n-> %d\n%s%s" % (" ".join(self.command), self.code, self.out, self.err)

    def expect(self, code, *words):
        """The exit code, and words that stand somewhere in either output."""
        if self.code != code:
            raise Failure("expected exit code %d:\n%s" % (code, self))
        for word in words:
            contains(self.out + self.err, word, str(self))
        return self


class Bed:
    """A manager with directories of its own. Commands run through ctl()."""

    def __init__(self, name):
        self.name = name
        self.directory = tempfile.mkdtemp(prefix="bulwark-%s-" % name)
        os.chmod(self.directory, 0o755)  # payloads of PrivateUsers=no walk through it
        self.runtime = os.path.join(self.directory, "run")
        self.state = os.path.join(self.directory, "state")
        self.units = os.path.join(self.directory, "units")
        self.root = os.path.join(self.directory, "root")
        self.out = os.path.join(self.directory, "out")
        for path in (self.units, self.out):
            os.mkdir(path)
        self.bulwarkd = build_file("manager/bulwarkd")
        self.keeper = build_file("manager/keeper/bulwark-keeper")
        self.probe = os.path.realpath(build_file("manager/probe/bulwark-probe"))  # a link is not followed
        self.bulwarkctl = build_file("tools/bulwarkctl/bulwarkctl")
        self.analyze = build_file("tools/bulwark-analyze/bulwark-analyze")
        self.cgroup = os.path.join(cgroup_of_bed(), os.path.basename(self.directory))
        self.log = os.path.join(self.directory, "manager.log")
        self.manager = None
        self.mounted = []  # by a test, below our directory
        self.extra = []  # processes of the current test
        self.at_rest = None  # a condition of the manager, beside its answers, before descriptors are counted
        self.environment = dict(os.environ)
        for key in list(self.environment):
            if key.startswith(("BULWARK_", "SYSTEMD_", "NOTIFY_", "LISTEN_")) and key != "BULWARK_BUILD":
                del self.environment[key]
        self.environment.update(
            LC_ALL="C.UTF-8",
            ASAN_OPTIONS="detect_leaks=1:abort_on_error=0:exitcode=99",
            UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1",
            DBUS_SYSTEM_BUS_ADDRESS="unix:path=" + os.path.join(self.directory, "bus"),  # a bus only where a test starts one
        )
        self.make_root()
        os.mkdir(self.cgroup)

    def make_root(self):
        """busybox and the inside program, root's and one more user."""
        for name in ("bin", "etc", "proc", "sys", "dev", "run", "tmp", "var", "root", "data", "home", "mnt"):
            os.makedirs(os.path.join(self.root, name))
        busybox = shutil.which("busybox")
        if not busybox:
            raise Skip("busybox-static is not installed")
        shutil.copy(busybox, os.path.join(self.root, "bin/busybox"))
        applets = subprocess.run([busybox, "--list"], stdout=subprocess.PIPE, check=True).stdout.decode().split()
        for applet in applets:
            path = os.path.join(self.root, "bin", applet)
            if not os.path.lexists(path):
                os.symlink("busybox", path)
        shutil.copy(build_file("tests/host/inside"), os.path.join(self.root, "bin/inside"))
        write(
            os.path.join(self.root, "etc/passwd"),
            "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:A user:/home:/bin/sh\n"
            "1234:x:7:7:a name of digits:/:/bin/sh\n",
        )
        write(os.path.join(self.root, "etc/group"), "root:x:0:\nuser:x:1000:\nextra:x:2000:user\n")
        write(os.path.join(self.root, "etc/shadow"), "secret\n")

    # --- the manager

    def manager_command(self, *more):
        return [
            self.bulwarkd,
            "--standalone",
            "--unit-path=" + self.units,
            "--runtime-directory=" + self.runtime,
            "--state-directory=" + self.state,
            "--cgroup=" + self.cgroup,
            "--keeper=" + self.keeper,
            "--probe=" + self.probe,
            *more,
        ]

    def start_manager(self, *before):
        """before: a command that becomes the manager in the end."""
        with open(self.log, "ab") as log:
            self.manager = subprocess.Popen(
                [*before, *self.manager_command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
            )
        wait_until(self.manager_answers, "the manager to answer\n" + read(self.log), 15)

    def manager_answers(self):
        if self.manager.poll() is not None:
            raise Failure("the manager ended with %d:\n%s" % (self.manager.returncode, read(self.log)))
        if not os.path.exists(os.path.join(self.runtime, "private")):
            return False
        return self.ctl("list", "-q").code == 0

    def kill_manager(self):
        """As the kernel would: no word of goodbye."""
        self.manager.kill()
        self.manager.wait()

    def stop_manager(self, timeout=60):
        """SIGTERM; the answer is the exit code."""
        self.manager.terminate()
        try:
            return self.manager.wait(timeout * SLOWNESS)
        except subprocess.TimeoutExpired:
            raise Failure("the manager did not end %d s after SIGTERM:\n%s" % (timeout, read(self.log))) from None

    def keeper_pids(self):
        """Processes of our keeper's cgroup; the keeper runs from a memfd, so its exe tells nothing."""
        try:
            return [int(p) for p in read(os.path.join(self.cgroup, "keeper/cgroup.procs")).split()]
        except OSError:
            return []

    def keeper_pid(self):
        for pid in sorted(self.keeper_pids()):
            if not self.manager or pid != self.manager.pid:
                return pid
        raise Failure("no keeper runs in " + self.cgroup)

    # --- commands

    def run(self, command, timeout=60, stdin=subprocess.DEVNULL, environment=None, text=None):
        env = dict(self.environment)
        env.update(environment or {})
        try:
            done = subprocess.run(
                command,
                stdin=None if text is not None else stdin,
                input=text,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                timeout=timeout * SLOWNESS,
                env=env,
                check=False,
            )
        except subprocess.TimeoutExpired as e:
            raise Failure(
                "no end after %d s: %s\n%s%s" % (timeout * SLOWNESS, " ".join(command), e.stdout, e.stderr)
            ) from None
        return Result(
            command, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )

    def ctl_command(self, *arguments):
        return [self.bulwarkctl, "--runtime-directory=" + self.runtime, *arguments]

    def ctl(self, *arguments, **how):
        return self.run(self.ctl_command(*arguments), **how)

    def verify(self, *paths, **how):
        return self.run([self.analyze, "verify", *paths], **how)

    def spawn(self, command, **how):
        how.setdefault("stdin", subprocess.DEVNULL)
        how.setdefault("stdout", subprocess.PIPE)
        how.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen(command, env=self.environment, start_new_session=True, **how)
        self.extra.append(process)
        return process

    # --- units

    def unit(self, name, *lines, head="", raw=None, start_limit=False):
        """Writes units/NAME.container; [Container] lines follow the root. Reloads the manager. Tests start their units more
        often than anybody else: only those about that have the limit of starts."""
        path = os.path.join(self.units, name + ".container")
        if raw is None:
            raw = "%s[Container]\nRootDirectory=%s\n%s\n" % (head, self.root, "\n".join(lines))
            if not start_limit:
                raw += "[Unit]\nStartLimitIntervalSec=0\n"
        write(path, raw)
        if self.manager and self.manager.poll() is None:
            self.ctl("daemon-reload").expect(0)
        return path

    def drop_in(self, name, file, text):
        directory = os.path.join(self.units, name + ".container.d")
        os.makedirs(directory, exist_ok=True)
        write(os.path.join(directory, file), text)

    def property(self, name, key):
        return self.ctl("show", name, "-p", key, "--value").expect(0).out.rstrip("\n")


    def active(self, name):
        return self.property(name, "ActiveState")

    def wait_active(self, name, state, timeout=15):
        wait_until(lambda: self.active(name) == state, "%s to become %s, is %s" % (name, state, self.active(name)), timeout)

    def start_sleeper(self, name, *lines):
        self.unit(name, "ExecStart=/bin/sleep 1000", *lines)
        self.ctl("start", name).expect(0)
        equal(self.active(name), "active", "ActiveState of " + name)

    def inside(self, name, *lines, arguments="report"):
        """Runs the inside program as the payload of a new oneshot unit; its JSON."""
        path = os.path.join(self.out, name)
        if os.path.exists(path):
            os.unlink(path)
        self.unit(name, "Type=oneshot", "ExecStart=/bin/inside " + arguments, "StandardOutput=truncate:" + path, *lines)
        self.ctl("start", "--wait", name).expect(0)
        return wait_until(lambda: parse_json(path), "the report of " + name + " in " + path, 5)

    def exec_inside(self, name, *arguments, options=()):
        result = self.ctl("exec", *options, name, "/bin/inside", *arguments).expect(0)
        return json.loads(result.out)

    def logs(self, name, *options):
        return self.ctl("logs", name, *options).expect(0).out

    def leader(self, name):
        return int(self.property(name, "MainPID"))

    # --- the ledger

    def own_processes(self):
        """Everything of this bed: the manager's and keeper's descendants and all that sits in our cgroups."""
        pids = set(self.keeper_pids())
        if self.manager and self.manager.poll() is None:
            pids.add(self.manager.pid)
        pids = descendants(pids)
        for directory, _, _ in os.walk(self.cgroup):
            try:
                pids |= {int(p) for p in read(os.path.join(directory, "cgroup.procs")).split()}
            except OSError:
                continue
        return pids

    def ledger(self):
        processes = self.own_processes()
        names = {}
        namespaces = set()
        for pid in processes:
            try:
                names[pid] = read("/proc/%d/comm" % pid).strip()
                for entry in os.listdir("/proc/%d/ns" % pid):
                    namespaces.add(os.readlink("/proc/%d/ns/%s" % (pid, entry)))
            except OSError:
                continue
        result = {"processes": {"%d %s" % item for item in names.items()}}
        watched = {"keeper": self.keeper_pid()}
        if self.manager and self.manager.poll() is None:
            watched["manager"] = self.manager.pid
        for who, pid in watched.items():
            links = descriptors(pid)
            namespaces |= {link for link in links.values() if re.match(r"[a-z_]+:\[\d+\]$", link)}
            result["descriptors of the " + who] = {"%d %s" % (fd, link) for fd, link in links.items()}
            result["mounts of the " + who] = {
                " ".join(line.split()[2:6]) for line in read("/proc/%d/mountinfo" % pid).splitlines()
            }
        result["namespaces"] = namespaces
        result["mounts"] = {
            " ".join(line.split()[2:6]) for line in read("/proc/self/mountinfo").splitlines() if self.directory in line
        }
        result["cgroups"] = {directory for directory, _, _ in os.walk(self.cgroup)}
        result["runtime files"] = {
            os.path.join(directory, name)
            for directory, names_, files in os.walk(self.runtime)
            for name in names_ + files
            if directory != os.path.join(self.runtime, "state")  # how containers ended is kept for good
        }
        return result

    def sweep(self):
        """Ends what a test left running and takes its units away."""
        for process in self.extra:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()
        self.extra = []
        if not self.manager or self.manager.poll() is not None:
            self.start_manager()
        for line in self.ctl("list", "--no-legend", "--no-pager", "-o", "json").out.splitlines() or []:
            for item in json.loads(line):
                name = item.get("name") or item.get("unit")
                if item.get("active") not in ("inactive", None):
                    self.ctl("thaw", name)
                    if item.get("active") != "failed":
                        self.ctl("kill", "-s", "KILL", name)
                        self.ctl("stop", name)
        for entry in os.listdir(self.units):
            path = os.path.join(self.units, entry)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        self.ctl("reset-failed")
        self.ctl("daemon-reload")
        if self.at_rest:
            wait_until(self.at_rest, "the manager to come to rest")

    def settle(self, before):
        """Waits until the ledger holds nothing new; the differences where it does not settle."""
        deadline = time.monotonic() + 5 * SLOWNESS
        while True:
            after = self.ledger()
            grown = []
            for what, entries in after.items():
                new, gone = entries - before.get(what, set()), before.get(what, set()) - entries
                # Descriptors and processes may be replaced (a restarted manager), never become more.
                if len(new) > len(gone):
                    grown.append("%s: %d more than before: %s (gone: %s)" % (what, len(new) - len(gone), sorted(new), sorted(gone)))
            if not grown or time.monotonic() > deadline:
                return grown
            time.sleep(0.05)

    def close(self):
        """Ends everything; what could not be ended cleanly is reported."""
        problems = []
        if self.manager and self.manager.poll() is None:
            try:
                code = self.stop_manager()
                if code != 0:
                    problems.append("the manager ended with %d:\n%s" % (code, read(self.log)))
            except Failure as e:
                problems.append(str(e))
        try:
            wait_until(lambda: not self.own_processes(), "no process left", 5)
        except Failure:
            problems.append("processes left: %s" % sorted(self.own_processes()))
        try:
            with open(os.path.join(self.cgroup, "cgroup.kill"), "w", encoding="ascii") as f:
                f.write("1")
        except OSError:
            pass
        for pid in self.own_processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.1)
        left = [d for d, _, _ in os.walk(self.cgroup) if d != self.cgroup]
        if left:
            problems.append("cgroups left: %s" % left)
        for directory, _, _ in os.walk(self.cgroup, topdown=False):
            try:
                os.rmdir(directory)
            except OSError as e:
                problems.append("cannot remove %s: %s" % (directory, e))
        for path in reversed(self.mounted):
            subprocess.run(["umount", path], check=False)
        mounts = [line for line in read("/proc/self/mountinfo").splitlines() if self.directory in line]
        if mounts:
            problems.append("mounts left: %s" % mounts)
        else:
            shutil.rmtree(self.directory, ignore_errors=True)
        return problems


def parse_json(path):
    try:
        return json.loads(read(path))
    except (OSError, ValueError):
        return None


def status_of(report):
    """/proc/self/status as a dictionary."""
    return dict((line.split(":", 1)[0], line.split(":", 1)[1].strip()) for line in report["status"] if ":" in line)


def diagnose(text):
    for line in str(text).rstrip().splitlines():
        print("# " + line)


def leave_the_mounts_of_others():
    """A mount namespace of our own: what else the machine mounts meanwhile is none of the ledger's. What is shared on the
    host is shared here, too, among those of this bed: that is what a mount of a container must not pass through."""
    libc = ctypes.CDLL(None, use_errno=True)
    shared = any(" shared:" in line for line in read("/proc/self/mountinfo").splitlines()
                 if line.split()[4] == "/")
    steps = [lambda: libc.unshare(CLONE_NEWNS), lambda: libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None)]
    if shared:
        steps.append(lambda: libc.mount(None, b"/", None, MS_REC | MS_SHARED, None))
    for step in steps:
        if step() < 0:
            raise Failure("no mount namespace for the bed: " + os.strerror(ctypes.get_errno()))


def main(tests, name):
    """Runs the tests on one bed; TAP on standard output."""
    only = sys.argv[1:]
    tests = [t for t in tests if not only or t.__name__ in only]
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
        return 0
    print("1..%d" % (len(tests) + 1))
    failed = 0
    bed = None
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup(1) has it ignored, and clients inherit that
    try:
        leave_the_mounts_of_others()
        bed = Bed(name)
        bed.start_manager()
    except Skip as e:
        for i, test in enumerate(tests, 1):
            print("ok %d - %s # SKIP %s" % (i, test.__name__, e))
        print("ok %d - nothing is left at the end # SKIP %s" % (len(tests) + 1, e))
        if bed:
            bed.close()
        return 0
    except Exception as e:  # noqa: every failure of the fixture fails every test
        diagnose(traceback.format_exc())
        if bed:
            diagnose(read(bed.log) if os.path.exists(bed.log) else "")
            bed.close()
        for i, test in enumerate(tests, 1):
            print("not ok %d - %s: the bed cannot be made" % (i, test.__name__))
        print("not ok %d - nothing is left at the end" % (len(tests) + 1))
        return 1

    for i, test in enumerate(tests, 1):
        words = (test.__doc__ or test.__name__).strip().splitlines()[0].rstrip(".")
        skipped = None
        log_before = os.path.getsize(bed.log)
        problems = []
        try:
            before = bed.ledger()
        except Failure as e:
            before = None
            problems.append(str(e))
        try:
            test(bed)
        except Skip as e:
            skipped = str(e)
        except Failure as e:
            problems.append(str(e))
        except Exception:  # noqa: a bug in a test is a failed test
            problems.append(traceback.format_exc())
        try:
            bed.sweep()
            if before is not None:
                problems += bed.settle(before)
        except Exception:  # noqa
            problems.append("sweeping: " + traceback.format_exc())
        new_log = open(bed.log, errors="replace").read()[log_before:]
        for mark in ("ERROR: AddressSanitizer", "runtime error:", "ERROR: LeakSanitizer"):
            if mark in new_log:
                problems.append("the manager's log says: " + mark)
        if problems:
            failed += 1
            print("not ok %d - %s: %s" % (i, test.__name__, words))
            for problem in problems:
                diagnose(problem)
            diagnose("--- the manager's log during this test")
            diagnose(new_log[-6000:])
        elif skipped:
            print("ok %d - %s: %s # SKIP %s" % (i, test.__name__, words, skipped))
        else:
            print("ok %d - %s: %s" % (i, test.__name__, words))
        sys.stdout.flush()

    problems = bed.close()
    if problems:
        failed += 1
        print("not ok %d - nothing is left at the end" % (len(tests) + 1))
        for problem in problems:
            diagnose(problem)
    else:
        print("ok %d - nothing is left at the end" % (len(tests) + 1))
    return 1 if failed else 0


def tests_of(module):
    """The functions named test_... of a module, in the order they are written."""
    return [v for k, v in vars(module).items() if k.startswith("test_") and callable(v)]


def run(module_name):
    module = sys.modules[module_name]
    name = os.path.basename(module.__file__)[len("test_") : -len(".py")].replace("_", "-")
    sys.exit(main(tests_of(module), name))


# Names the test files use without a prefix of their own.
__all__ = [
    "Bed", "Failure", "Skip", "check", "contains", "controllers", "descriptors", "equal", "json", "os", "parse_json", "read",
    "re", "run", "shutil", "signal", "socket", "status_of", "subprocess", "time", "wait_until", "write", "SOURCE", "BUILD", "SLOWNESS",
]
