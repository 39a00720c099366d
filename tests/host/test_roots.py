# SPDX-License-Identifier: LGPL-2.1-or-later
"""Roots that go with the life: RootEphemeral= and Volatile=. What is written is gone, and the directory is as it was."""

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
        bed.ctl("start", "web").expect(1, "other file systems mounted in it", "web.container:")
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


run(__name__)
