# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where output goes: the log, its rotation, files, nowhere."""

import threading

import threading

from harness import *


def once(bed, name, script, *lines):
    bed.unit(name, "Type=oneshot", "ExecStart=/bin/sh -c '%s'" % script, *lines)
    bed.ctl("start", "--wait", name).expect(0)


def test_lines(bed):
    """both streams, in order, the last n, all."""
    once(bed, "talk", "for i in 1 2 3 4 5; do echo out $$i; echo err $$i >&2; sleep 0.02; done")
    text = wait_until(lambda: bed.logs("talk") if "has stopped" in bed.logs("talk") else None, "the last line")
    equal(len(re.findall(r"(out|err) \d", text)), 10, "lines")
    last = bed.logs("talk", "-n", "2")
    contains(last, "has stopped")
    equal(len(last.splitlines()), 2, "lines with -n 2")
    items = [json.loads(line) for line in bed.logs("talk", "-o", "json").splitlines()]
    for stream in ("stdout", "stderr"):
        equal([i["priority"] for i in items if i["stream"] == stream], [6] * 5, "priorities of " + stream)
    equal([i["message"] for i in items if i["stream"] == "bulwark"][-2:], ["ended with exit code 0", "has stopped"], "its life")
    bed.ctl("logs", "nothere").expect(4)


def test_priorities(bed):
    """a line says its priority, as with systemd; --priority, --grep and --since choose; several logs are one."""
    once(bed, "loud", 'echo "<3>a failure"; echo "<4>a warning" >&2; echo "<9>no priority"; echo plain')
    once(bed, "other", 'echo "<2>worse"')
    wait_until(lambda: "has stopped" in bed.logs("loud") and "has stopped" in bed.logs("other"), "the last lines")
    items = [json.loads(line) for line in bed.logs("loud", "-o", "json").splitlines()]
    found = {i["message"]: (i["stream"], i["priority"]) for i in items if i["stream"] != "bulwark"}
    equal(found, {"a failure": ("stdout", 3), "a warning": ("stderr", 4), "<9>no priority": ("stdout", 6), "plain": ("stdout", 6)}, "lines")
    equal(re.findall(r": (.*)", bed.logs("loud", "-p", "err")), ["a failure"], "lines with -p err")
    equal(re.findall(r": (.*)", bed.logs("loud", "other", "-p", "crit..err")), ["a failure", "worse"], "lines of both")
    equal(re.findall(r": (.*)", bed.logs("lou*", "-g", "^a ")), ["a failure", "a warning"], "lines with -g")
    equal(bed.logs("loud", "--until", "1h ago"), "", "lines of an hour ago")
    contains(bed.logs("loud", "--since", "1h"), "plain")


def test_life(bed):
    """the log of a container and bulwarkd's own tell what became of it, once, also over a restart of the manager."""
    bed.unit("fails", "Type=oneshot", "ExecStart=/bin/sh -c 'exit 7'", "StandardOutput=null", "StandardError=null")
    bed.unit("stays", "ExecStart=/bin/sleep 1000")
    bed.ctl("start", "fails").expect(1)
    bed.ctl("start", "stays").expect(0)
    wait_until(lambda: "has failed" in bed.logs("fails"), "the failure")
    equal([line.split("]: ")[1].split(",")[0] for line in bed.logs("fails").splitlines()],
          ["runs", "ended with exit code 7", "has failed: its program ended with exit code 7 (exit-code)"], "its life")
    begin = os.path.getsize(bed.log)
    bed.manager.kill()
    bed.manager.wait()
    bed.start_manager()
    bed.ctl("kill", "-s", "KILL", "stays").expect(0)
    wait_until(lambda: "has failed" in bed.logs("stays"), "the end")
    equal(len(re.findall("runs, process", bed.logs("stays"))), 1, "how often it was told to run: " + bed.logs("stays"))
    with open(bed.log, encoding="utf-8", errors="replace") as f:
        f.seek(begin)
        lines = [line for line in f if " stays: " in line]
    check(all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} stays: ", line) for line in lines), "time stamps: %s" % lines)
    equal([line.split(" stays: ")[1].strip() for line in lines][:1], ["was ended by SIGKILL"], "what bulwarkd's log tells")
    bed.ctl("reset-failed").expect(0)


def test_follow(bed):
    """-f shows what comes, also over a restart of the container."""
    bed.unit("tick", "ExecStart=/bin/sh -c 'while true; do n=$$((n+1)); echo tick $$n; sleep 0.1; done'")
    bed.ctl("start", "tick").expect(0)
    client = bed.spawn(bed.ctl_command("logs", "-f", "tick"))
    seen = b""
    os.set_blocking(client.stdout.fileno(), False)

    def more(word):
        nonlocal seen
        seen += client.stdout.read() or b""
        return word in seen

    wait_until(lambda: more(b"tick 5"), "followed lines")
    seen = b""
    bed.ctl("restart", "tick").expect(0)
    wait_until(lambda: more(b"tick 3\n"), "lines after the restart")
    client.send_signal(signal.SIGINT)
    client.wait(5)


def test_odd_output(bed):
    """no newline at the end, empty lines, long lines, binary: nothing breaks, nothing escapes to the terminal."""
    once(bed, "odd", 'printf "no newline"')
    wait_until(lambda: "no newline" in bed.logs("odd"), "a line without its newline")
    once(bed, "escape", 'printf "\\033[31mred\\033[0m\\n"')
    text = wait_until(lambda: bed.logs("escape"), "a line")
    contains(text, "red")
    once(bed, "long", "head -c 200000 /dev/zero | tr \"\\\\000\" x; echo; echo after")
    wait_until(lambda: "after" in bed.logs("long", "-n", "all"), "the line after a long one")
    check(bed.logs("long", "-n", "all").count("x") >= 200000, "the long line is cut")
    once(bed, "binary", "head -c 5000 /dev/urandom; echo; echo after")
    wait_until(lambda: "after" in bed.logs("binary", "-n", "all"), "the line after the noise")


def test_rotation(bed):
    """a flood is bounded on disk and the newest lines are there."""
    once(bed, "flood", "seq 1 1500000")
    wait_until(lambda: "1500000" in bed.logs("flood", "-n", "3"), "the last line", 30)
    size = 0
    for directory, _, files in os.walk(os.path.join(bed.state, "logs", "flood")):
        for file in files:
            path = os.path.join(directory, file)
            size += os.path.getsize(path)
            equal(os.stat(path).st_mode & 0o077, 0, "access of others to " + path)
    check(0 < size < 64 << 20, "%d bytes of log" % size)


def test_null(bed):
    """StandardOutput=null is nowhere."""
    once(bed, "quiet", "echo lost; exec 3>&1; readlink /proc/self/fd/3 >&2", "StandardOutput=null", "StandardError=journal")
    wait_until(lambda: "/null" in bed.logs("quiet"), "the line about the descriptor")
    check("lost" not in bed.logs("quiet"), "the line that was to be lost")


def test_files(bed):
    """file:, append: and truncate:, written by the manager from a pipe."""
    path = os.path.join(bed.out, "log")
    once(bed, "append", "echo one", "StandardOutput=append:" + path)
    wait_until(lambda: os.path.exists(path) and read(path) == "one\n", "the first line")
    once(bed, "append", "echo two; exec 3>&1; readlink /proc/self/fd/3 >&2", "StandardOutput=append:" + path, "StandardError=journal")
    wait_until(lambda: read(path) == "one\ntwo\n", "the second line")
    wait_until(lambda: "pipe:" in bed.logs("append"), "the descriptor is a pipe: " + bed.logs("append"))
    once(bed, "truncate", "echo three", "StandardOutput=truncate:" + path)
    wait_until(lambda: read(path) == "three\n", "the only line")
    once(bed, "file", "echo FOUR", "StandardOutput=file:" + path)
    wait_until(lambda: read(path) == "FOUR\n" + "three\n"[5:], "file: writes from the start: %r" % read(path))
    once(bed, "both", "echo out; echo err >&2", "StandardOutput=truncate:" + path, "StandardError=inherit")
    wait_until(lambda: sorted(read(path).split()) == ["err", "out"], "both streams in one file")
    bed.unit("nowhere", "Type=oneshot", "ExecStart=/bin/true", "StandardOutput=append:/nowhere/at/all/log")
    result = bed.ctl("start", "nowhere")
    check(result.code != 0, str(result))
    contains(result.err, "/nowhere/at/all/log", str(result))


def test_file_link(bed):
    """a link in the place of the output file is not followed."""
    victim = os.path.join(bed.out, "victim")
    link = os.path.join(bed.out, "link")
    write(victim, "precious\n")
    os.symlink(victim, link)
    bed.unit("link", "Type=oneshot", "ExecStart=/bin/echo overwritten", "StandardOutput=truncate:" + link)
    bed.ctl("start", "--wait", "link")
    time.sleep(0.2)
    equal(read(victim), "precious\n", "the link's target")


def test_directories(bed):
    """state and runtime directories are root's alone."""
    for path in (bed.runtime, bed.state):
        equal(os.stat(path).st_mode & 0o7777, 0o700, "mode of " + path)
    once(bed, "talk", "echo x")
    wait_until(lambda: "x" in bed.logs("talk"), "a line")


def lines_of(bed, name):
    """(priority, message) of each line of the log that is not the manager's."""
    items = json.loads("[%s]" % ",".join(bed.logs(name, "-o", "json").splitlines()))
    return [(item["priority"], item["message"]) for item in items if item["stream"] != "bulwark"]


def test_rules(bed):
    """what a unit says about its log decides which lines stand in it, and how they are marked."""
    script = 'echo plain; echo "<3>bad"; echo "<7>detail"; echo noise; logger -p daemon.crit -t d said'
    rows = {
        (): [(6, "plain"), (3, "bad"), (7, "detail"), (6, "noise"), (2, "d: said")],
        ("SyslogLevel=notice",): [(5, "plain"), (3, "bad"), (7, "detail"), (5, "noise"), (2, "d: said")],
        ("SyslogLevelPrefix=no", "SyslogIdentifier=other", "SyslogFacility=local3", "LogExtraFields=TEAM=blue"):
            [(6, "plain"), (6, "<3>bad"), (6, "<7>detail"), (6, "noise"), (2, "d: said")],
        ("LogLevelMax=err",): [(3, "bad"), (2, "d: said")],
        ("LogFilterPatterns=~noise",): [(6, "plain"), (3, "bad"), (7, "detail"), (2, "d: said")],
        ("LogRateLimitBurst=2", "LogRateLimitIntervalSec=1h"): None,
    }
    for number, (lines, expected) in enumerate(rows.items()):
        name = "rules%d" % number
        once(bed, name, script, *lines)
        if expected is None:
            wait_until(lambda: len(lines_of(bed, name)) == 2, "two lines of %s" % (lines,))
            time.sleep(0.2)
            equal(len(lines_of(bed, name)), 2, "lines with %s" % (lines,))
            continue
        # Two ways, pipe and socket: what comes first is not told.
        wait_until(lambda: sorted(lines_of(bed, name)) == sorted(expected), "the lines with %s: %s" % (lines, lines_of(bed, name)))


def test_syslog(bed):
    """/dev/log takes what programs say with syslog(3), from every user and command, and is nobody else's."""
    once(bed, "words", "logger -p user.warning -t prog first; logger second", "User=1000", "ExecStartPre=/bin/logger -t pre before")
    wait_until(lambda: len(lines_of(bed, "words")) == 3, "three lines: %s" % lines_of(bed, "words"))
    lines = lines_of(bed, "words")
    check((4, "prog: first") in lines and (5, "pre: before") in lines, "lines: %s" % lines)
    bed.start_sleeper("one")
    bed.start_sleeper("two")
    bed.ctl("exec", "one", "logger", "-t", "x", "of one").expect(0)
    wait_until(lambda: lines_of(bed, "one") == [(5, "x: of one")], "the line of an exec")
    equal(lines_of(bed, "two"), [], "the lines of the other")
    # While no manager is there it waits in the socket, and one that comes back reads it.
    bed.kill_manager()
    bed.start_manager()
    bed.ctl("exec", "one", "logger", "-t", "x", "after").expect(0)
    wait_until(lambda: lines_of(bed, "one")[-1] == (5, "x: after"), "the line after a restart of the manager")
    bed.ctl("restart", "one").expect(0)
    bed.ctl("exec", "one", "logger", "-t", "x", "again").expect(0)
    wait_until(lambda: lines_of(bed, "one")[-1] == (5, "x: again"), "the line of the next life")
    # The socket cannot be taken away, nor can another take its place.
    inside = bed.ctl("exec", "one", "sh", "-c", "rm /dev/log; mv /dev/log /dev/x; ls -l /dev/log")
    check("srw-rw-rw-" in inside.out, str(inside))
    bed.start_sleeper("none", "BindLogSockets=no")
    bed.ctl("exec", "none", "test", "-e", "/dev/log").expect(1)
    bed.unit("init", "Boot=yes", "BindLogSockets=yes")
    contains(bed.ctl("start", "init").err, "BindLogSockets=: contradicts Boot=yes")


def test_syslog_flood(bed):
    """a container that floods its /dev/log holds up neither the manager nor another container's log."""
    bed.unit("flood", "ExecStart=/bin/sh -c 'while true; do logger -t f xxxxxxxxxxxxxxxxxxxxxxxx; done'")
    bed.ctl("start", "flood").expect(0)
    bed.start_sleeper("calm")
    for _ in range(5):
        begin = time.monotonic()
        bed.ctl("list").expect(0)
        check(time.monotonic() - begin < 3, "list took %.1f s" % (time.monotonic() - begin))
    bed.ctl("exec", "calm", "logger", "-t", "c", "heard").expect(0)
    wait_until(lambda: (5, "c: heard") in lines_of(bed, "calm"), "the other's line")
    bed.ctl("stop", "flood").expect(0)


def test_slow_reader(bed):
    """a client that does not read holds nobody up."""
    bed.unit("flood", "ExecStart=/bin/sh -c 'yes flood'")
    bed.ctl("start", "flood").expect(0)
    bed.spawn(bed.ctl_command("logs", "-f", "flood"))
    time.sleep(0.5)
    begin = time.monotonic()
    bed.ctl("list").expect(0)
    check(time.monotonic() - begin < 3, "list took %.1f s" % (time.monotonic() - begin))
    bed.ctl("stop", "flood").expect(0)


# Opens its streams by their names, as nginx and many images do; each line says who wrote it.
REOPEN = ("for s in stdout stderr; do echo $$(id -u) $$s > /dev/$$s; done; echo fd >> /proc/self/fd/1; "
          "cat /dev/stdin; cat < /dev/stdout && echo read; echo end")


def test_reopened_streams(bed):
    """/dev/stdout and /dev/stderr can be opened, by root and by a user, whatever they are; nothing of the host is behind them."""
    for who, user in (("root", ()), ("user", ("User=user",)), ("host", ("PrivateUsers=no", "User=user"))):
        number = "0" if who == "root" else "1000"
        for kind in ("journal", "file", "append", "truncate"):
            path = os.path.join(bed.out, "reopened")
            write(path, "")
            output = kind if kind == "journal" else kind + ":" + path
            once(bed, "reopen", REOPEN, "StandardOutput=" + output, *user)
            text = wait_until(lambda: (lambda t: t if "end" in t else None)(bed.logs("reopen") if kind == "journal" else read(path)),
                              "the last line of " + output)
            for word in (number + " stdout", number + " stderr", "fd"):
                contains(text, word, "%s as %s" % (output, who))
            check("read" not in text, "its own output can be read back: " + text)
            os.unlink(path)
            if kind == "journal":
                shutil.rmtree(os.path.join(bed.state, "logs/reopen"))
    bed.start_sleeper("waits", "HealthCmd=/bin/sh -c 'echo healthy > /dev/stdout'", "HealthInterval=1s")
    for user in ((), ("-u", "user")):
        for terminal in ((), ("-t",)):
            result = bed.ctl("exec", *user, *terminal, "waits", "/bin/sh", "-c",
                             "echo out > /dev/stdout && echo err > /dev/stderr && head -n 1 /dev/stdin", text=b"word\n")
            result.expect(0, "out", "err", "word")
    wait_until(lambda: bed.property("waits", "HealthStatus") == "healthy", "its check to write")


class Journal:
    """journald's side of its own protocol: a datagram an entry, NAME=VALUE a line, or NAME, a size and any value."""

    def __init__(self, path):
        self.path, self.entries, self.stalled = path, [], threading.Event()
        self.listen()

    def listen(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        threading.Thread(target=self.read, args=(self.socket,), daemon=True).start()

    def read(self, bound):
        while True:
            while self.stalled.is_set():
                time.sleep(0.01)
            try:
                data = bound.recv(1 << 18)
            except OSError:
                return
            if data:
                self.entries.append(self.parse(data))

    def parse(self, data):
        entry = {}
        while data:
            line, _, data = data.partition(b"\n")
            name, equal, value = line.partition(b"=")
            if not equal:
                size = int.from_bytes(data[:8], "little")
                value, data = data[8:8 + size], data[8 + size + 1:]
            entry[name.decode()] = value.decode()
        return entry

    def lines(self, name):
        """What came of this container, but for what the manager says."""
        return [e["MESSAGE"] for e in list(self.entries) if e.get("BULWARK_CONTAINER") == name and e["SYSLOG_IDENTIFIER"] != "bulwarkd"]

    def again(self):
        """As a journald whose socket is bound anew."""
        self.close()
        os.unlink(self.path)
        self.listen()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def start_beside_journal(bed):
    """A manager for which /run/systemd/journal is the bed's."""
    bed.start_manager("unshare", "--mount", "--propagation", "private", "sh", "-c",
                      "mount -t tmpfs none /run && mkdir /run/systemd && ln -s %s/journal /run/systemd/journal && exec \"$@\""
                      % bed.directory, "sh")


def with_journal(test):
    def inner(bed):
        directory = os.path.join(bed.directory, "journal")
        shutil.rmtree(directory, ignore_errors=True)
        os.mkdir(directory)
        journal = Journal(os.path.join(directory, "socket"))
        bed.kill_manager()
        start_beside_journal(bed)
        try:
            test(bed, journal)
        finally:
            for name in ("reopen", "flood", "steady"):
                bed.ctl("kill", "-s", "KILL", name)
                bed.ctl("stop", name)
            bed.kill_manager()
            journal.close()
            bed.start_manager()

    inner.__name__, inner.__doc__ = test.__name__, test.__doc__
    return inner


@with_journal
def test_journal_reopened(bed, journal):
    """the journal too is behind a pipe: both streams arrive, opened by their names as well."""
    for user in ((), ("User=user",)):
        once(bed, "reopen", REOPEN, *user)
        wait_until(lambda: journal.lines("reopen").count("end") == 1 + bool(user), "the last line")
    lines = journal.lines("reopen")
    for word in ("0 stdout", "0 stderr", "1000 stdout", "1000 stderr", "fd"):
        check(word in lines, "%r is not in the journal: %s" % (word, lines))
    equal(bed.property("reopen", "LogsToJournal"), "yes", "LogsToJournal")
    entry = next(e for e in journal.entries if e.get("MESSAGE") == "end")
    equal((entry["OBJECT_SYSTEMD_UNIT"], entry["SYSLOG_IDENTIFIER"], entry["PRIORITY"], entry["SYSLOG_FACILITY"]),
          ("bulwark@reopen.service", "reopen", "6", "3"), "fields")


@with_journal
def test_journal_rules(bed, journal):
    """fields, facility and identifier of the unit, and of syslog(3); a flood is cut, and the log says so."""
    once(bed, "reopen", "echo one; logger -p local1.err -t prog second", "SyslogIdentifier=other", "SyslogFacility=local3",
         "SyslogLevel=notice", "LogExtraFields=TEAM=blue \"A=b c\"")
    wait_until(lambda: len(journal.lines("reopen")) == 2, "two lines")
    entries = {e["MESSAGE"]: e for e in journal.entries if e.get("BULWARK_CONTAINER") == "reopen"}
    keys = ("SYSLOG_IDENTIFIER", "SYSLOG_FACILITY", "PRIORITY", "TEAM", "A")
    equal([entries["one"].get(k) for k in keys], ["other", "19", "5", "blue", "b c"], "fields of a line")
    equal([entries["second"].get(k) for k in keys], ["prog", "17", "3", "blue", "b c"], "fields of a message")
    bed.unit("flood", "ExecStart=/bin/sh -c 'seq 1 50; sleep 1.2; echo later; sleep 1000'", "LogRateLimitBurst=10", "LogRateLimitIntervalSec=1s")
    bed.ctl("start", "flood").expect(0)
    wait_until(lambda: "later" in journal.lines("flood"), "the line of the next interval")
    equal(journal.lines("flood"), [str(i) for i in range(1, 11)] + ["later"], "lines of the flood")
    check(any("40 lines were suppressed" in e["MESSAGE"] for e in journal.entries if e.get("BULWARK_CONTAINER") == "flood"), "nothing is said of it")


@with_journal
def test_journal_stalls(bed, journal):
    """a journald that is busy, or that is started anew, costs no line and holds up nobody else; nor does a manager that goes."""
    journal.stalled.set()
    bed.unit("flood", "Type=oneshot", "ExecStart=/bin/sh -c 'seq 1 60000; echo end'", "LogRateLimitBurst=0")
    bed.ctl("start", "flood", "--no-block").expect(0)
    time.sleep(0.5)
    begin = time.monotonic()
    bed.ctl("list").expect(0)
    check(time.monotonic() - begin < 2 * SLOWNESS, "the manager waits for the journal")
    journal.stalled.clear()
    wait_until(lambda: "end" in journal.lines("flood"), "the end of the flood", 30)
    equal(journal.lines("flood"), [str(i) for i in range(1, 60001)] + ["end"], "lines")

    bed.unit("steady", "ExecStart=/bin/sh -c 'while true; do n=$$((n+1)); echo beat $$n; sleep 0.1; done'")
    bed.ctl("start", "steady").expect(0)
    wait_until(lambda: "beat 3" in journal.lines("steady"), "the first lines")
    journal.again()
    at = len(journal.lines("steady"))
    wait_until(lambda: len(journal.lines("steady")) > at + 5, "lines after journald was started anew")
    bed.kill_manager()
    time.sleep(0.5)
    start_beside_journal(bed)
    at = len(journal.lines("steady"))
    wait_until(lambda: len(journal.lines("steady")) > at + 5, "lines after the manager was started anew")
    numbers = [int(line.split()[1]) for line in journal.lines("steady")]
    equal(numbers[-10:], list(range(numbers[-10], numbers[-10] + 10)), "lines over the manager's end")


run(__name__)
