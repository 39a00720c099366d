# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where output goes: the log, its rotation, files, nowhere."""

from harness import *


def once(bed, name, script, *lines):
    bed.unit(name, "Type=oneshot", "ExecStart=/bin/sh -c '%s'" % script, *lines)
    bed.ctl("start", "--wait", name).expect(0)


def test_lines(bed):
    """both streams, in order, the last n, all."""
    once(bed, "talk", "for i in 1 2 3 4 5; do echo out $$i; echo err $$i >&2; sleep 0.02; done")
    text = wait_until(lambda: bed.logs("talk") if "err 5" in bed.logs("talk") else None, "the last line")
    equal(len(re.findall(r"(out|err) \d", text)), 10, "lines")
    last = bed.logs("talk", "-n", "2")
    contains(last, "err 5")
    equal(len(last.splitlines()), 2, "lines with -n 2")
    items = [json.loads(line) for line in bed.logs("talk", "-o", "json").splitlines()]
    if len(items) == 1 and isinstance(items[0], list):
        items = items[0]
    equal(len(items), 10, "lines in JSON")
    bed.ctl("logs", "nothere").expect(4)


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


run(__name__)
