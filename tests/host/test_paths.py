# SPDX-License-Identifier: LGPL-2.1-or-later
"""Paths that root follows below what a container, or another user, can write: links there lead root nowhere.

BULWARK_TEST_SWAPS says how many starts are made while a program exchanges a directory and a link (default 150).
"""

import contextlib

from harness import *

SWAPS = int(os.environ.get("BULWARK_TEST_SWAPS") or 150)
USER = 12345


def build(name):
    path = os.path.join(BUILD, "tests/host", name)
    if not os.path.exists(path):
        raise Failure("not built: " + path)
    return path


def fresh(bed, name):
    """A directory of the bed that is empty."""
    path = os.path.join(bed.directory, name)
    shutil.rmtree(path, ignore_errors=True)
    os.mkdir(path)
    return path


@contextlib.contextmanager
def swapped(bed, a, b):
    process = bed.spawn([build("swapper"), a, b])
    process.stdout.readline()
    try:
        yield
    finally:
        equal(process.poll(), None, "the program that exchanges " + a)
        process.kill()
        process.wait()


def prey(bed):
    """A directory of the host's root that no unit names."""
    path = fresh(bed, "prey")
    write(os.path.join(path, "file"), "of root only\n", 0o600)
    return path


def trap(bed, place="v"):
    """PLACE/data is a directory, PLACE/link leads to the prey: a payload has made it."""
    victim, top = prey(bed), fresh(bed, place)
    os.mkdir(os.path.join(top, "data"))
    write(os.path.join(top, "data/file"), "of the container\n")
    os.symlink(victim, os.path.join(top, "link"))
    return top, victim


def refused(bed, name, *words):
    result = bed.ctl("start", "--wait", name)
    check(result.code != 0, "the start of %s went well" % name)
    for word in words:
        contains(result.out + result.err + bed.property(name, "LastError") + bed.property(name, "LoadError"), word, str(result))
    bed.ctl("reset-failed", name)


def test_bind_below_a_writable_bind(bed):
    """a bind source below a writable bind: a link is refused, by name, with file and line."""
    top, victim = trap(bed)
    shutil.rmtree(os.path.join(top, "data"))
    os.rename(os.path.join(top, "link"), os.path.join(top, "data"))
    unit = bed.unit("inner", "Type=oneshot", "ExecStart=/bin/cat /data/file", "BindPaths=%s:/vol" % top,
                    "BindPaths=%s/data:/data" % top)
    refused(bed, "inner", unit + ":6", "%s/data" % top, "is a symbolic link", "container")
    # The unit of another container that only reads.
    bed.unit("inner", "Type=oneshot", "ExecStart=/bin/true", "BindPaths=%s:/vol" % top)
    bed.ctl("start", "--wait", "inner").expect(0)
    bed.unit("other", "Type=oneshot", "ExecStart=/bin/true", "BindReadOnlyPaths=%s/data:/data" % top)
    refused(bed, "other", "is a symbolic link")
    # Also when the unit that had it writable is gone.
    os.unlink(os.path.join(bed.units, "inner.container"))
    bed.ctl("daemon-reload").expect(0)
    refused(bed, "other", "is a symbolic link")


def test_links_of_root(bed):
    """links that only root can have made are followed, also through one another."""
    top = fresh(bed, "host")
    os.makedirs(os.path.join(top, "real/deep"))
    write(os.path.join(top, "real/deep/file"), "here\n")
    os.symlink("real", os.path.join(top, "a"))
    os.symlink(os.path.join(top, "a/../a/deep"), os.path.join(top, "b"))
    bed.unit("links", "Type=oneshot", "ExecStart=/bin/cat /data/file", "BindPaths=%s/b:/data" % top,
             "StandardOutput=truncate:%s/a/out" % top)
    bed.ctl("start", "--wait", "links").expect(0)
    wait_until(lambda: read(os.path.join(top, "real/out")) == "here\n", "the file's text")


def swap_starts(bed, name, check_one):
    """Many starts; what was seen. Each goes well and has the container's own, or is refused."""
    well = 0
    for _ in range(SWAPS):
        well += bed.ctl("start", "--wait", name).code == 0
        check_one()
        bed.ctl("reset-failed", name)
    return well


def test_bind_swapped(bed):
    """a bind source that is exchanged for a link all the time never shows the host."""
    top, victim = trap(bed)
    bed.unit("swap", "Type=oneshot", "ExecStart=/bin/sh -c 'echo x >> /data/written'", "BindPaths=%s:/vol" % top,
             "BindPaths=%s/data:/data" % top)

    def untouched():
        equal(os.listdir(victim), ["file"], "files of the prey")

    with swapped(bed, os.path.join(top, "data"), os.path.join(top, "link")):
        well = swap_starts(bed, "swap", untouched)
    check(0 < well < SWAPS, "%d of %d starts went well: nothing was exchanged in time" % (well, SWAPS))


def test_root_swapped(bed):
    """the same of RootDirectory=, below what another container can write."""
    top, victim = trap(bed)
    shutil.rmtree(os.path.join(top, "data"))
    shutil.copytree(bed.root, os.path.join(top, "data"), symlinks=True)
    shutil.copytree(bed.root, os.path.join(victim, "root"), symlinks=True)
    write(os.path.join(victim, "root/data/prey"), "")
    os.unlink(os.path.join(top, "link"))
    os.symlink(os.path.join(victim, "root"), os.path.join(top, "link"))
    bed.unit("writer", "ExecStart=/bin/sleep 1000", "BindPaths=%s:/vol" % top)
    raw = "[Container]\nRootDirectory=%s/data\nReadOnly=no\nType=oneshot\nExecStart=/bin/sh -c 'echo x > /data/written'\n" % top
    bed.unit("rooted", raw=raw + "[Unit]\nStartLimitIntervalSec=0\n")
    bed.ctl("start", "writer").expect(0)

    def untouched():
        check(not os.path.exists(os.path.join(victim, "root/data/written")), "the prey was somebody's root")

    with swapped(bed, os.path.join(top, "data"), os.path.join(top, "link")):
        well = swap_starts(bed, "rooted", untouched)
    check(0 < well < SWAPS, "%d of %d starts went well: nothing was exchanged in time" % (well, SWAPS))


def test_output_swapped(bed):
    """the same of StandardOutput=, each way of writing."""
    top, victim = trap(bed)
    for kind in ("file", "append", "truncate"):
        bed.unit("out", "Type=oneshot", "ExecStart=/bin/echo written", "BindPaths=%s:/vol" % top,
                 "StandardOutput=%s:%s/data/file" % (kind, top))

        def untouched():
            equal(read(os.path.join(victim, "file")), "of root only\n", "the prey's text")

        with swapped(bed, os.path.join(top, "data"), os.path.join(top, "link")):
            well = swap_starts(bed, "out", untouched)
        check(0 < well < SWAPS, "%s: %d of %d starts went well: nothing was exchanged in time" % (kind, well, SWAPS))


def test_output_files(bed):
    """an output file that is a link, a hard link, a FIFO, or another user's is refused and stays as it is."""
    top, victim = trap(bed)
    target = os.path.join(victim, "file")
    os.link(target, os.path.join(top, "hard"))
    os.symlink(target, os.path.join(top, "soft"))
    os.mkfifo(os.path.join(top, "fifo"))
    write(os.path.join(top, "foreign"), "")
    os.chown(os.path.join(top, "foreign"), USER, USER)
    os.chmod(top, 0o1777)
    for name, words in (("hard", "hard link"), ("soft", ""), ("fifo", "not a regular file"), ("foreign", "belongs to a user"),
                        ("data", "not a regular file")):
        for kind in ("file", "append", "truncate"):
            unit = bed.unit("out", "Type=oneshot", "ExecStart=/bin/echo written", "StandardOutput=%s:%s/%s" % (kind, top, name))
            refused(bed, "out", unit + ":5: StandardOutput=", "%s/%s" % (top, name), words)
            equal(read(target), "of root only\n", "the prey's text")
    bed.unit("out", "Type=oneshot", "ExecStart=/bin/echo written", "StandardOutput=append:%s/link/new" % top)
    os.lchown(os.path.join(top, "link"), USER, USER)  # as a user's in /tmp
    refused(bed, "out", "could have made")
    equal(os.listdir(victim), ["file"], "files of the prey")


def test_environment_file(bed):
    """a file of the environment that a container or a user exchanged for a link is not read."""
    top, victim = trap(bed)
    write(os.path.join(victim, "file"), "SECRET=1\n", 0o600)
    write(os.path.join(top, "data/file"), "OWN=1\n")

    def seen():
        path = os.path.join(bed.out, "env")
        text = read(path) if os.path.exists(path) else ""
        check("SECRET" not in text, "a root-only file reached the container")
        return text

    def unit(path):
        return bed.unit("env", "Type=oneshot", "ExecStart=/bin/env", "StandardOutput=truncate:%s/env" % bed.out,
                        "EnvironmentFile=%s" % path, "BindPaths=%s:/vol" % top)

    unit(os.path.join(top, "data/file"))
    bed.ctl("start", "--wait", "env").expect(0)
    wait_until(lambda: "OWN=1" in seen(), "the container's own environment")
    with swapped(bed, os.path.join(top, "data"), os.path.join(top, "link")):
        well = swap_starts(bed, "env", seen)
    check(0 < well < SWAPS, "%d of %d starts went well: nothing was exchanged in time" % (well, SWAPS))
    # The two names stand as the last exchange has left them.
    link = next(name for name in ("link", "data") if os.path.islink(os.path.join(top, name)))
    file = unit(os.path.join(top, link, "file"))
    refused(bed, "env", file + ":6: EnvironmentFile=", "is a symbolic link")
    os.link(os.path.join(victim, "file"), os.path.join(top, "hard"))
    unit(os.path.join(top, "hard"))
    refused(bed, "env", "hard link")
    seen()


def test_socket_paths(bed):
    """a socket is made where its path leads without links of others, and only that one is taken away."""
    top, victim = trap(bed)
    path = os.path.join(top, "data/sock")
    lines = ("ExecStart=/bin/sleep 1000", "BindPaths=%s:/vol" % top, "RemoveOnStop=yes", "ListenStream=%s" % path)
    bed.unit("sock", *lines)
    bed.ctl("start", "sock").expect(0)
    check(os.path.exists(path), "no socket")
    bed.ctl("stop", "sock").expect(0)
    check(not os.path.exists(path), "the socket stayed")

    # Another file, or another's socket, in its place.
    for make in (lambda p: write(p, "kept"), lambda p: socket.socket(socket.AF_UNIX).bind(p)):
        bed.ctl("start", "sock").expect(0)
        os.unlink(path)
        make(path)
        bed.ctl("stop", "sock").expect(0)
        check(os.path.exists(path), "a foreign file was taken away")
        os.unlink(path)

    # A link in the place of its directory, while it runs: nothing of the other directory goes.
    bed.ctl("start", "sock").expect(0)
    os.rename(os.path.join(top, "data"), os.path.join(top, "gone"))
    os.symlink(victim, os.path.join(top, "data"))
    write(os.path.join(victim, "sock"), "kept")
    bed.ctl("stop", "sock").expect(0)
    check(os.path.exists(os.path.join(victim, "sock")), "a file of the prey was taken away")
    os.unlink(os.path.join(victim, "sock"))
    refused(bed, "sock", "sock.container:6: ListenStream=", "is a symbolic link")
    equal(os.listdir(victim), ["file"], "files of the prey")

    # Also where directories are missing.
    bed.unit("sock", *lines[:-1], "ListenStream=%s/data/new/sock" % top)
    refused(bed, "sock", "is a symbolic link")
    equal(os.listdir(victim), ["file"], "files of the prey")


def test_socket_swapped(bed):
    """while its directory is exchanged for a link all the time, too; also after the manager was replaced."""
    top, victim = trap(bed)
    bed.unit("sock", "ExecStart=/bin/sleep 1000", "BindPaths=%s:/vol" % top, "RemoveOnStop=yes",
             "ListenStream=%s/data/sock" % top)
    well = 0
    with swapped(bed, os.path.join(top, "data"), os.path.join(top, "link")):
        for _ in range(SWAPS):
            well += bed.ctl("start", "sock").code == 0
            equal(os.listdir(victim), ["file"], "files of the prey")
            bed.ctl("stop", "sock")
            bed.ctl("reset-failed", "sock")
    check(0 < well < SWAPS, "%d of %d starts went well: nothing was exchanged in time" % (well, SWAPS))
    bed.ctl("daemon-reload")


def test_socket_over_a_manager(bed):
    """the manager that comes back still knows which socket is its own."""
    top = fresh(bed, "v")
    path = os.path.join(top, "sock")
    bed.unit("sock", "ExecStart=/bin/sleep 1000", "RemoveOnStop=yes", "ListenStream=%s" % path)
    for foreign in (False, True):
        bed.ctl("start", "sock").expect(0)
        bed.kill_manager()
        bed.start_manager()
        if foreign:
            os.unlink(path)
            socket.socket(socket.AF_UNIX).bind(path)
        bed.ctl("stop", "sock").expect(0)
        equal(os.path.exists(path), foreign, "something at the socket's path")


def test_verify_agrees(bed):
    """what start refuses of a bind's source verify tells as a warning, in the same words; and nothing else."""
    top, victim = trap(bed)
    missing = os.path.join(top, "missing")
    for source, same in ((missing, 'cannot open "%s": No such file or directory' % missing),
                         (os.path.join(top, "link"), 'cannot open "%s/link": "%s/link" is a symbolic link' % (top, top)),
                         ("-" + missing, None), (os.path.join(top, "data"), None)):
        unit = bed.unit("sources", "Type=oneshot", "ExecStart=/bin/true", "BindPaths=%s:/vol" % top, "SocketBindAllow=tcp:80",
                        "BindReadOnlyPaths=%s:/data" % source)
        told = bed.verify(unit).expect(0)
        if same:
            contains(told.err, unit + ":7: warning: " + same)
            contains(told.err, "a start on this host would be refused")
            refused(bed, "sources", unit + ":7: " + same)
        else:
            equal(told.out + told.err, "", "words of verify")
            bed.ctl("start", "--wait", "sources").expect(0)


# --- inside of the container's root


def own_root(bed):
    """A root file system that a test may change."""
    root = os.path.join(bed.directory, "changed-root")
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(bed.root, root, symlinks=True)
    return root


def rooted(bed, name, root, *lines):
    return bed.unit(name, raw="[Container]\nRootDirectory=%s\n%s\n[Unit]\nStartLimitIntervalSec=0\n" % (root, "\n".join(lines)))


def test_mount_onto_a_dangling_link(bed):
    """a link whose target does not exist is followed inside of the root, and the target is made."""
    source = fresh(bed, "source")
    write(os.path.join(source, "file"), "from the host\n")
    os.mkdir(os.path.join(source, "directory"))
    write(os.path.join(source, "directory/file"), "from the host\n")
    outside = os.path.join(bed.directory, "outside")
    links = {
        "relative": "../run/systemd/resolve/stub", "absolute": "/share/zone/here", "chain": "relative2", "plain": "beside",
        "escapes": "../../../../../../../..%s" % outside, "dots": "./../share/./x/../y", "twice": "/etc/through/z/file",
    }
    for what in ("file", "directory"):
        for read_only in ("yes", "no"):
            for name, target in links.items():
                root = own_root(bed)
                os.symlink(target, os.path.join(root, "etc", name))
                os.symlink("../share/relative/../deep/x", os.path.join(root, "etc/relative2"))
                os.symlink("/share/through", os.path.join(root, "etc/through"))
                if name == "dots":
                    os.makedirs(os.path.join(root, "share/x"))
                if name == "chain":
                    os.makedirs(os.path.join(root, "share/relative"))
                rooted(bed, "dangling", root, "Type=oneshot", "ReadOnly=" + read_only, "StandardOutput=truncate:%s/seen" % bed.out,
                       "ExecStart=/bin/cat /etc/%s%s" % (name, "/file" if what == "directory" else ""),
                       "BindReadOnlyPaths=%s/%s:/etc/%s" % (source, what, name))
                bed.ctl("start", "--wait", "dangling").expect(0)
                wait_until(lambda: read(bed.out + "/seen") == "from the host\n", "%s, %s, ReadOnly=%s" % (name, what, read_only))
                check(not os.path.lexists(outside), "something was made outside of the root")
    root = own_root(bed)
    os.symlink("round", os.path.join(root, "etc/round"))
    rooted(bed, "dangling", root, "ExecStart=/bin/true", "BindReadOnlyPaths=%s/file:/etc/round" % source)
    refused(bed, "dangling", "dangling.container:4", "/etc/round")


def test_two_mounts_at_one_place(bed):
    """two mounts that links lead to one place, or one above the other, are refused; what is apart is not."""
    root = own_root(bed)
    a, b = fresh(bed, "a"), fresh(bed, "b")
    write(os.path.join(a, "file"), "a\n")
    write(os.path.join(b, "file"), "b\n")
    os.makedirs(os.path.join(root, "real/sub/deep"))
    os.symlink("real", os.path.join(root, "link"))
    os.makedirs(os.path.join(root, "x/y"))
    os.symlink("/real", os.path.join(root, "x/y/up"))
    os.symlink("/real/sub", os.path.join(root, "down"))
    os.symlink("/run", os.path.join(root, "var/run"))

    def unit(first, second):
        return rooted(bed, "two", root, "Type=oneshot", "ExecStart=/bin/cat %s/file %s/file" % (first, second),
                      "BindPaths=%s:%s" % (a, first), "BindPaths=%s:%s" % (b, second), "StandardOutput=truncate:%s/two" % bed.out)

    for first, second in (("/link", "/real"), ("/real", "/link"), ("/real", "/x/y/up"), ("/down", "/x/y/up"), ("/link", "/x/y/up"), ("/real", "/down")):
        unit(first, second)
        refused(bed, "two", "hide another mount", "two.container:")
    for first, second in (("/link/sub", "/real/sub/deep"), ("/down", "/real/other"), ("/var/run", "/real")):
        os.makedirs(os.path.join(a, "sub/deep"), exist_ok=True)
        unit(first, second)
        bed.ctl("start", "--wait", "two").expect(0)
        wait_until(lambda: read(bed.out + "/two") == "a\nb\n", "both files at %s and %s" % (first, second))


if __name__ == "__main__":
    run(__name__)
