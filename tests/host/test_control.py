# SPDX-License-Identifier: LGPL-2.1-or-later
"""bulwarkctl as its users know systemctl, machinectl and podman: patterns, wait, edit, revert, events, lists."""

import pty

from harness import *


def sleeper(bed, name, *lines):
    bed.unit(name, "ExecStart=/bin/sleep 1000", *lines)
    bed.ctl("start", name).expect(0)


def events(bed, *arguments):
    return [json.loads(line) for line in bed.ctl("events", "--no-pager", "-o", "json", *arguments).expect(0).out.splitlines()]


def editor(bed, script):
    """An editor: a shell script that gets the file as $1."""
    path = os.path.join(bed.out, "editor")
    write(path, "#!/bin/sh\n" + script, 0o755)
    bed.environment["EDITOR"] = path


def test_patterns(bed):
    """a pattern means all that match, for commands that act on what runs only those that run; no match is an error."""
    sleeper(bed, "web-a")
    sleeper(bed, "web-b")
    bed.unit("web-c", "ExecStart=/bin/sleep 1000")
    bed.ctl("is-active", "web-*").expect(0, "active\nactive\ninactive\n")
    bed.ctl("restart", "web-*").expect(0)
    bed.ctl("is-active", "web-c").expect(3)
    bed.ctl("freeze", "web-[ab]").expect(0)
    bed.ctl("thaw", "web-[ab]").expect(0)
    bed.ctl("stop", "web-?").expect(0)
    bed.ctl("stop", "web-?").expect(4, 'no container that is active matches "web-?"')
    equal(bed.ctl("show", "-p", "Id", "--value", "web-*").expect(0).out.split(), ["web-a", "web-b", "web-c"], "show of a pattern")


def test_wait(bed):
    """wait ends with the container, and with its code; start --wait prints what it writes, on its streams."""
    bed.unit("job", "ExecStart=/bin/sh -c 'sleep 0.5; exit 7'")
    bed.ctl("start", "job").expect(0)
    begin = time.monotonic()
    bed.ctl("wait", "job").expect(7)
    check(time.monotonic() - begin > 0.2, "it did not wait")
    bed.ctl("wait", "nothere").expect(4, "cannot wait for nothere")
    bed.unit("talk", "Type=oneshot", "ExecStart=/bin/sh -c 'echo to stdout; echo to stderr >&2; exit 3'")
    for _ in range(2):
        result = bed.ctl("start", "--wait", "talk").expect(3)
        equal((result.out, result.err), ("to stdout\n", "to stderr\n"), "what it wrote, and not what the life before did")
    equal(bed.ctl("start", "--wait", "-q", "talk").expect(3).out, "", "output with -q")
    bed.ctl("reset-failed").expect(0)


def test_list(bed):
    """uptime, health, --failed, --state=, -o wide."""
    sleeper(bed, "well", "HealthCmd=/bin/true", "HealthInterval=100ms")
    bed.unit("fails", "Type=oneshot", "ExecStart=/bin/false")
    bed.ctl("start", "fails").expect(1)
    wait_until(lambda: "healthy" in bed.ctl("list", "well").out, "the health")
    rows = {row["name"]: row for row in json.loads(bed.ctl("list", "-o", "json").expect(0).out)}
    check(isinstance(rows["well"]["uptime"], int) and rows["well"]["health"] == "healthy", rows)
    equal(rows["fails"]["uptime"], None, "the uptime of what failed")
    equal([row["name"] for row in json.loads(bed.ctl("list", "--failed", "-o", "json").out)], ["fails"], "--failed")
    equal([row["name"] for row in json.loads(bed.ctl("list", "--state=running", "-o", "json").out)], ["well"], "--state=running")
    wide = bed.ctl("list", "-o", "wide", "--no-legend", "well").expect(0).out.split()
    equal(wide[6], str(bed.leader("well")), "the leader in a wide list")
    contains(bed.ctl("status", "fails").expect(3).out, "Active: failed (exit-code)")
    bed.ctl("exec", "fails", "true").expect(3, "fails is not running (failed)\n")
    bed.ctl("reset-failed").expect(0)


def test_events(bed):
    """what happened is recorded, in words and with details; --follow goes on; other containers' are left out."""
    bed.unit("ends", "Type=oneshot", "ExecStart=/bin/sh -c 'exit 4'", "Restart=no")
    sleeper(bed, "other")
    client = bed.spawn(bed.ctl_command("events", "-f", "-o", "json", "ends"))
    os.set_blocking(client.stdout.fileno(), False)
    bed.ctl("start", "ends").expect(1)
    wanted = ["start", "running", "exit", "failed"]
    seen = events(bed, "ends")
    equal([e["event"] for e in seen], wanted, "events of it")
    equal(seen[2]["details"], {"ExecMainCode": 1, "ExecMainStatus": 4, "Result": "exit-code"}, "details of the exit")
    equal((seen[2]["message"], seen[3]["priority"]), ("ended with exit code 4", 3), "words and priority")
    equal([e["event"] for e in events(bed, "-n", "1", "ends")], ["failed"], "the last event of it")
    equal(events(bed, "-p", "err", "other"), [], "failures of the other")
    text = b""

    def followed():
        nonlocal text
        text += client.stdout.read() or b""
        return text.count(b"\n") >= 4

    wait_until(followed, "events that are followed")
    equal([json.loads(line)["event"] for line in text.decode().splitlines()], wanted, "followed events")
    client.send_signal(signal.SIGINT)
    client.wait(5)
    bed.ctl("kill", "-s", "KILL", "other").expect(0)
    wait_until(lambda: [e["event"] for e in events(bed, "other")][-2:] == ["exit", "failed"], "the end of the other")
    bed.ctl("reset-failed").expect(0)
    equal(events(bed, "--until", "1h ago"), [], "events of an hour ago")


def test_edit(bed):
    """a drop-in is written, checked, put in place whole and read; mistakes change nothing; revert takes it back."""
    bed.unit("web", "ExecStart=/bin/sleep 1000")
    place = os.path.join(bed.units, "web.container.d", "override.conf")
    editor(bed, "grep -q '^### ExecStart=/bin/sleep 1000' \"$1\" || exit 1; printf '[Unit]\\nDescription=edited\\n' > \"$1\"")
    bed.ctl("edit", "web").expect(0, "Wrote %s" % place)
    equal(read(place), "[Unit]\nDescription=edited\n", "the drop-in")
    equal(bed.property("web", "Description"), "edited", "Description")
    editor(bed, "printf '[Container]\\nReadOnyl=yes\\n' > \"$1\"")
    bed.ctl("edit", "web").expect(5, "did you mean ReadOnly=?", "web stays as it is: what was written has mistakes")
    equal(read(place), "[Unit]\nDescription=edited\n", "the drop-in after a mistake")
    editor(bed, ": > \"$1\"")
    bed.ctl("edit", "web").expect(0, "nothing was written")
    editor(bed, "exit 3")
    bed.ctl("edit", "web").expect(1, "has failed")
    editor(bed, "sed -i 's/Description=.*/Description=whole/; s/sleep 1000/sleep 2000/' \"$1\"")
    bed.ctl("edit", "--full", "web").expect(0)
    contains(bed.property("web", "ExecStart"), "sleep 2000")
    bed.ctl("set-property", "web", "Description=set").expect(0)
    bed.ctl("revert", "web").expect(0, "Removed " + place)
    check(not os.path.exists(os.path.dirname(place)), "the folder of drop-ins is there")
    check(os.path.exists(os.path.join(bed.units, "web.container")), "revert removed the only unit")
    equal(bed.property("web", "Description"), "", "Description after revert")
    bed.ctl("edit", "new").expect(4, "edit --force --full new")
    editor(bed, "printf '[Container]\\nRootDirectory=%s\\nExecStart=/bin/true\\n' > \"$1\"" % bed.root)
    bed.ctl("edit", "--force", "--full", "new").expect(0)
    bed.ctl("start", "new").expect(0)
    bed.ctl("edit", "--force", "../new").expect(2, "is no name of a container")
    equal([name for name in os.listdir(bed.runtime) if name.startswith("edit-")], [], "what editing leaves behind")


def test_not_booted(bed):
    """login, poweroff and reboot are for booted containers, and say so."""
    sleeper(bed, "web")
    for verb, instead in (("login", "shell"), ("poweroff", "stop"), ("reboot", "restart")):
        bed.ctl(verb, "web").expect(1, "bulwarkctl %s web" % instead)


def booted(bed, script):
    """A system with an init of a few lines."""
    path = os.path.join(bed.root, "sbin")
    os.makedirs(path, exist_ok=True)
    write(os.path.join(path, "init"), "#!/bin/sh\n" + script, 0o755)
    write(os.path.join(bed.root, "bin/agetty"), "#!/bin/sh\necho prompt of agetty $*; read name; echo hello $name\n", 0o755)
    bed.unit("machine", "Boot=yes", "RegisterMachine=no")
    bed.ctl("start", "machine").expect(0)


def test_booted(bed):
    """the init of a booted container gets what systemd takes for poweroff and reboot; login opens a prompt; logs tell of its journal."""
    booted(bed, "trap 'echo reboot' INT; trap 'echo poweroff; exit 0' RTMIN+4 || trap 'echo poweroff; exit 0' 38\n"
                "echo ready; while true; do sleep 0.1; done\n")
    wait_until(lambda: "ready" in bed.logs("machine"), "the init: " + bed.logs("machine"))
    contains(bed.ctl("logs", "machine").err, "bulwarkctl exec machine -- journalctl")
    bed.ctl("reboot", "machine").expect(0)
    wait_until(lambda: "reboot" in bed.logs("machine"), "SIGINT")
    master, slave = pty.openpty()
    client = subprocess.Popen(bed.ctl_command("login", "machine"), stdin=slave, stdout=slave, stderr=slave, env=bed.environment,
                              start_new_session=True)
    os.close(slave)
    os.write(master, b"somebody\n")
    client.wait(10)
    text = os.read(master, 4096).decode()
    os.close(master)
    contains(text, "prompt of agetty --noclear")
    contains(text, "hello somebody")
    bed.ctl("poweroff", "machine").expect(0)
    wait_until(lambda: bed.ctl("is-active", "machine").code == 3, "the end")
    contains(bed.logs("machine"), "poweroff")
    bed.ctl("poweroff", "machine").expect(3, "machine is not running")
    os.unlink(os.path.join(bed.root, "sbin/init"))


run(__name__)
