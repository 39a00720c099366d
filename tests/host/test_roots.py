# SPDX-License-Identifier: LGPL-2.1-or-later
"""Roots that go with the life: RootEphemeral= and Volatile=, and containers on a directory: bulwarkctl run."""

from harness import *

LOOK = "find %s -printf '%%P %%y %%m %%U %%G %%s %%l\\n' | sort"


def picture(root):
    """Every name below with its kind, mode, owner, size and target, and the content of /etc."""
    listed = subprocess.run(["sh", "-c", LOOK % root], stdout=subprocess.PIPE, check=True).stdout.decode()
    return listed, {name: read(os.path.join(root, "etc", name)) for name in os.listdir(os.path.join(root, "etc"))}


def shell(bed, *lines, script, name="web", code=0):
    """Runs the script as a oneshot in the bed's root; the answer is what it wrote."""
    path = os.path.join(bed.root, "script")
    write(path, script + "\n", 0o755)
    said = os.path.join(bed.out, name)
    bed.unit(name, "Type=oneshot", "ExecStart=/bin/sh /script", "StandardOutput=truncate:" + said, "StandardError=inherit", *lines)
    before = picture(bed.root)
    try:
        bed.ctl("start", "--wait", name).expect(code)
        out = read(said)
        equal(picture(bed.root), before, "the root directory on the disk")
        return out
    finally:
        os.unlink(path)


CHANGES = """
set -e
(cat /etc/passwd; echo new:x:9:9::/:) > /etc/passwd.new; mv /etc/passwd.new /etc/passwd
rm /etc/shadow; [ ! -e /etc/shadow ]
rm -r /home; mkdir /home; touch /home/mine
mkdir /data/deep; touch /data/deep/file; chown 1000:2000 /data/deep/file
cp /bin/busybox /data/true; /data/true
chmod 700 /mnt
stat -c '%u:%g' /data/deep/file /etc/group
ls -A /home; grep new: /etc/passwd
"""


def test_ephemeral(bed):
    """Changes, removals, opaque directories, owners and programs: all there inside, nothing of it on the disk, whoever maps ids."""
    for lines in (("RootEphemeral=yes",), ("RootEphemeral=yes", "PrivateUsers=no"), ("Volatile=overlay",), ("RootEphemeral=yes", "ReadOnly=no")):
        for _ in range(2):  # the second life starts from the same
            out = shell(bed, *lines, script=CHANGES)
            for words in ("1000:2000\n0:0\n", "mine\n", "new:x:9:9::/:\n"):
                contains(out, words, "the script's answer with %s" % (lines,))


def test_what_stays_closed(bed):
    """ReadOnly=yes holds where it is said, and ReadWritePaths= opens a part that is ephemeral too."""
    out = shell(bed, "RootEphemeral=yes", "ReadOnly=yes", "ReadWritePaths=/data",
                script="touch /etc/x; touch /data/y && ls /data")
    contains(out, "Read-only file system")
    contains(out, "y\n")


def test_full(bed):
    """A layer that is full says so inside, and only there; the next life has it empty."""
    script = ("dd if=/dev/zero of=/data/fill bs=1M count=64 2>&1 | grep -o 'No space left on device'; df -m / | tail -1 | awk '{print $2}'; "
              "i=0; while [ $i -lt 9000 ] && echo > /data/$i.file; do i=$((i+1)); done 2>/dev/null; echo ended $((i<9000))")
    for _ in range(2):
        out = shell(bed, "RootEphemeral=yes", "RootEphemeralSize=16M", "MemoryMax=256M" if "memory" in controllers() else "UMask=0022", script=script)
        for words in ("No space left on device\n", "16\n", "ended 1\n"):
            contains(out, words)


def test_volatile_state(bed):
    """/var is memory, the rest is read-only."""
    write(os.path.join(bed.root, "var/old"), "")
    for name in ("etc/hosts", "etc/resolv.conf"):  # mount points of every container: the root is the directory itself
        if not os.path.exists(os.path.join(bed.root, name)):
            write(os.path.join(bed.root, name), "")
    out = shell(bed, "Volatile=state", script="ls /var; touch /var/new && echo made; touch /etc/new; true")
    contains(out, "made\n")
    contains(out, "Read-only file system")
    check("old" not in out, "what lies in /var of the root directory shows through:\n" + out)


def with_usr(bed):
    """The root as Debian has it: all in /usr."""
    os.mkdir(os.path.join(bed.root, "usr"))
    os.rename(os.path.join(bed.root, "bin"), os.path.join(bed.root, "usr/bin"))
    os.symlink("usr/bin", os.path.join(bed.root, "bin"))


def without_usr(bed):
    os.unlink(os.path.join(bed.root, "bin"))
    os.rename(os.path.join(bed.root, "usr/bin"), os.path.join(bed.root, "bin"))
    os.rmdir(os.path.join(bed.root, "usr"))


def test_volatile_yes(bed):
    """Of the root directory there is /usr, and nothing can be written to it."""
    said = os.path.join(bed.out, "web")
    with_usr(bed)
    try:
        bed.unit("web", "Type=oneshot", "Volatile=yes", "StandardOutput=truncate:" + said, "StandardError=inherit",
                 "ExecStart=/bin/sh -c 'ls -A /etc /data; touch /usr/x; mkdir /srv /etc/x && touch /srv/y && echo made; stat -c %%u:%%g:%%a / /usr'")
        before = picture(bed.root)
        bed.ctl("start", "--wait", "web").expect(0)
        out = read(said)
        for words in ("/data: No such file", "Read-only file system", "made\n", "0:0:755\n0:0:755\n"):
            contains(out, words)
        check("passwd" not in out, "/etc of the root directory shows through:\n" + out)
        equal(picture(bed.root), before, "the root directory on the disk")
    finally:
        without_usr(bed)


def test_volatile_yes_refuses_a_link(bed):
    """A /usr that is a link is not followed, wherever it leads: the host's /usr is no part of the container."""
    for target in ("/usr", "/proc/self/fd/0", "../../../../../usr", "bin"):
        os.symlink(target, os.path.join(bed.root, "usr"))
        try:
            bed.unit("web", "Volatile=yes", "ExecStart=/bin/sleep 1000")
            bed.ctl("start", "web").expect(1, "is missing, or is a link", "web.container:")
        finally:
            os.unlink(os.path.join(bed.root, "usr"))
            bed.ctl("reset-failed", "web")


def test_swapped_root(bed):
    """A root directory that is a link, or lies below one that somebody else may move, is refused as ever."""
    link = os.path.join(bed.directory, "link")
    os.symlink("/proc/self/root", link)
    try:
        bed.unit("web", raw="[Container]\nRootDirectory=%s\nRootEphemeral=yes\nExecStart=/bin/true\n" % link)
        check(bed.ctl("start", "web").code != 0, "a magic link was followed")
    finally:
        os.unlink(link)


def test_mounts_below(bed):
    """An overlay would not show what is mounted in the directory: that is said, with the line, instead of a hole."""
    below = os.path.join(bed.root, "mnt")
    subprocess.run(["mount", "-t", "tmpfs", "none", below], check=True)
    bed.mounted.append(below)
    try:
        bed.unit("web", "RootEphemeral=yes", "ExecStart=/bin/sleep 1000")
        # Linux before 6.3 gives no ids to a tmpfs, and refuses before there is an overlay.
        words = "other file systems mounted in it" if tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 3) else "or to one mounted below it"
        bed.ctl("start", "web").expect(1, words, "web.container:")
    finally:
        subprocess.run(["umount", below], check=True)
        bed.mounted.remove(below)
        bed.ctl("reset-failed", "web")


def test_killed_manager(bed):
    """The layer belongs to the life, not to the manager; it goes with the life whoever is there to see it."""
    bed.start_sleeper("web", "RootEphemeral=yes")
    bed.ctl("exec", "web", "--", "/bin/sh", "-c", "echo kept > /data/file").expect(0)
    bed.kill_manager()
    bed.start_manager()
    bed.wait_active("web", "active")
    equal(bed.ctl("exec", "web", "--", "/bin/cat", "/data/file").expect(0).out, "kept\n", "after the manager's death")
    bed.ctl("restart", "web").expect(0)
    bed.ctl("exec", "web", "--", "/bin/cat", "/data/file").expect(1)
    bed.ctl("stop", "web").expect(0)
    check(not os.listdir(os.path.join(bed.root, "data")), "something is in the root directory")


def test_contradictions(bed):
    """Lines that exclude each other are named with their places."""
    for lines, words in (
        (("RootEphemeral=yes", "Volatile=yes"), "contradicts RootEphemeral=yes"),
        (("RootEphemeral=yes", "Volatile=state"), "contradicts RootEphemeral=yes"),
        (("Volatile=state", "ReadOnly=no"), "ReadOnly=no contradicts it"),
        (("RootEphemeralSize=0",), "no limit at all"),
        (("Volatile=maybe",), "no, yes, state or overlay"),
    ):
        bed.unit("web", "ExecStart=/bin/true", *lines)
        bed.verify(os.path.join(bed.units, "web.container")).expect(5, words, "web.container:")



# --- bulwarkctl run: a container on a directory, without a unit


def gone(bed, *but):
    """What ended well is no container any more."""
    wait_until(lambda: sorted(c.get("name") or c["Name"] for c in json.loads(bed.ctl("list", "-a", "-o", "json").expect(0).out)) == sorted(but),
               "the transient containers to go: " + bed.ctl("list", "-a").out)


def fresh(bed):
    for name in os.listdir(bed.units):
        path = os.path.join(bed.units, name)
        os.unlink(path) if os.path.isfile(path) else shutil.rmtree(path)
    bed.ctl("daemon-reload").expect(0)
    bed.ctl("reset-failed")


def test_run(bed):
    """Words arrive as they were typed, streams apart, binary and to the end, and the exit status is the command's."""
    fresh(bed)
    words = ["a b", "$HOME", "100%n", "q\"'\\", "", "tab\there", "-p"]
    out = bed.ctl("run", bed.root, "sh", "-c", 'for i; do echo "<$i>"; done', "sh", *words).expect(0).out
    equal(out, "".join("<%s>\n" % w for w in words), "arguments")
    r = bed.ctl("run", bed.root, "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    equal((r.code, r.out, r.err), (7, "out\n", "err\n"), "streams and status")
    equal(bed.ctl("run", "--rm", bed.root, "sh", "-c", "kill -USR1 $$; sleep 9").code, 128 + signal.SIGUSR1, "status of a signal")
    data = os.urandom(300000)
    done = subprocess.run(bed.ctl_command("run", "-i", bed.root, "cat"), input=data, stdout=subprocess.PIPE, timeout=60 * SLOWNESS, check=True, env=bed.environment)
    check(done.stdout == data, "what goes through a container comes back changed")
    equal(bed.ctl("run", bed.root, "cat", text=b"nothing of this").expect(0).out, "", "input without --interactive")
    bed.ctl("reset-failed").expect(0)
    gone(bed)


def test_run_options(bed):
    """Directives before and behind the directory, user, directory, variables; mistakes are told with their directive."""
    fresh(bed)
    out = bed.ctl("run", "-p", "Hostname=there", bed.root, "-u", "user", "-w", "/data", "-e", "A=b c", "--set", "UMask=0070", "sh", "-c",
                  "hostname; id -u; pwd; echo $A; umask").expect(0).out
    equal(out, "there\n1000\n/data\nb c\n0070\n", "what was set")
    for arguments, code, words in (
        (["-p", "Nope=1", bed.root, "true"], 5, "Nope=: unknown"),
        (["-p", "Nice=high", bed.root, "true"], 5, "Nice="),
        (["-p", "Nice", bed.root], 2, "DIRECTIVE=VALUE"),
        (["-d", "--rm", bed.root], 2, "--detach"),
        (["/nonexistent/root", "true"], 5, "does not exist"),
        (["--name", "../x", bed.root, "true"], 2, "no container name"),
        (["--rm", bed.root, "/bin/none"], 127, 'cannot execute "/bin/none"'),
        (["--rm", bed.root, "/etc/passwd"], 126, 'cannot execute "/etc/passwd"'),
    ):
        bed.ctl("run", *arguments).expect(code, words)
    gone(bed)


def test_run_root(bed):
    """Strict by default, ephemeral where it is asked for, and ReadOnly=yes that is said is meant."""
    fresh(bed)
    before = picture(bed.root)
    bed.ctl("run", "--rm", bed.root, "touch", "/etc/x").expect(1, "Read-only file system")
    bed.ctl("run", bed.root, "-p", "RootEphemeral=yes", "sh", "-c", "touch /etc/x && ls /etc/x").expect(0, "/etc/x")
    bed.ctl("run", "--rm", bed.root, "-p", "RootEphemeral=yes", "-p", "ReadOnly=yes", "touch", "/etc/x").expect(1, "Read-only file system")
    equal(picture(bed.root), before, "the root directory on the disk")
    gone(bed)


def test_run_rm(bed):
    """What failed is kept with its reason; --rm forgets it."""
    fresh(bed)
    bed.ctl("run", "--name", "kept", bed.root, "false").expect(1)
    gone(bed, "kept")
    equal(bed.active("kept"), "failed", "state")
    bed.ctl("run", "--rm", "--name", "lost", bed.root, "false").expect(1)
    bed.ctl("reset-failed", "kept").expect(0)
    gone(bed)


def test_run_detached(bed):
    """The name is the answer; a name that is taken is refused."""
    fresh(bed)
    name = bed.ctl("run", "-d", bed.root, "sh", "-c", "echo said; exec sleep 1000").expect(0).out.strip()
    bed.wait_active(name, "active")
    wait_until(lambda: "said" in bed.logs(name), "its output in the log")
    check(bed.ctl("run", "--name", name, bed.root, "true").code != 0, "two containers have one name")
    equal(bed.active(name), "active", "the first one")
    bed.ctl("stop", name).expect(0)
    gone(bed)


def test_run_signals(bed):
    """A signal for us is one for the command."""
    fresh(bed)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
        p = bed.spawn(bed.ctl_command("run", bed.root, "sh", "-c", "trap 'echo got; exit 9' INT TERM USR2; echo ready; while :; do sleep 0.1; done"))
        equal(p.stdout.readline(), b"ready\n", "first line")
        p.send_signal(number)
        equal((p.wait(30 * SLOWNESS), p.stdout.read()), (9, b"got\n"), "after signal %d" % number)
    bed.ctl("reset-failed").expect(0)
    gone(bed)


def test_run_terminal(bed):
    """A terminal of the container's own, which it controls, with our size; what is typed is the command's, ^C too."""
    fresh(bed)
    import fcntl, struct, termios
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
    script = "trap 'echo caught' INT; tty; stty size; id -u; echo over >/dev/tty; echo ready; read line; echo \"<$line>\"; exit 5"
    for user, uid in (("root", b"0"), ("user", b"1000")):
        p = subprocess.Popen(bed.ctl_command("run", "-it", "-u", user, bed.root, "sh", "-c", script), stdin=slave, stdout=slave, stderr=slave,
                             env=dict(bed.environment, TERM="xterm"), start_new_session=True)
        bed.extra.append(p)
        said = b""
        while b"ready" not in said:
            said += os.read(master, 4096)
        os.write(master, b"word\n")
        while b"<word>" not in said:
            said += os.read(master, 4096)
        equal(p.wait(30 * SLOWNESS), 5, "status")
        for words in (b"/dev/pts/0", b"33 101", b"\n" + uid, b"over"):
            check(words in said, "the terminal lacks %r: %r" % (words, said))
    os.close(master)
    os.close(slave)
    bed.ctl("reset-failed").expect(0)
    gone(bed)


def test_run_without_a_start(bed):
    """A start that is refused, or fails in the middle, ends us with its reason and leaves nothing, with pipes and a terminal."""
    fresh(bed)
    for options in ([], ["-t"]):
        bed.ctl("run", "--rm", *options, bed.root, "-p", "BindPaths=/nonexistent/x:/data", "true").expect(1, "/nonexistent/x")
        bed.ctl("run", "--rm", *options, bed.root, "-p", "ExecStartPre=/bin/false", "true").expect(1)
    gone(bed)


run(__name__)
