# SPDX-License-Identifier: LGPL-2.1-or-later
"""Image=: an image of the store is the root of a container, with what it says of its program."""

from harness import *
from layouts import entry, layout, tar, work  # noqa: beside the harness

PASSWD = b"root:x:0:0::/:/bin/sh\nweb:x:33:44::/srv:/bin/sh\n"


def image(bed, verb, *arguments, **how):
    return bed.run([bed.bulwarkctl, "image", verb, "--store=%s/images" % bed.state, *arguments], **how)


def programs(bed):
    """What the bed's own root has, as a layer."""
    result = [entry("dir", "./"), entry("dir", "etc"), entry("dir", "usr"), entry("dir", "usr/bin"), entry("link", "bin", "usr/bin"), entry("dir", "srv"),
              entry("dir", "data"), entry("file", "data/first", data=b"of the image\n", mode=0o644), entry("dir", "old"), entry("file", "old/gone", data=b"x"),
              entry("file", "etc/group", data=b"root:x:0:\nweb:x:44:\n", mode=0o644), entry("file", "etc/passwd", data=b"root:x:0:0::/:/bin/sh\n", mode=0o644)]
    for name in ("busybox", "inside"):
        path = os.path.join(bed.root, "bin", name)
        with open(path, "rb") as f:
            result.append(entry("file", "usr/bin/" + name, data=f.read()))
    for name in ("sh", "sleep", "cat", "id", "echo", "touch", "ls", "true", "env", "test"):
        result.append(entry("link", "usr/bin/" + name, "busybox"))
    return tar(*result)


def imported(bed, name, *layers, **config):
    shutil.rmtree(work(bed), ignore_errors=True)
    os.mkdir(work(bed))
    source = layout(bed, "x", [programs(bed), *layers], {"config": config})
    return image(bed, "import", source, name).expect(0).out.split()[1]


def unit(bed, name, *lines):
    return bed.unit(name, raw="[Container]\n%s\n[Unit]\nStartLimitIntervalSec=0\n" % "\n".join(lines))


def output(bed, name, *lines):
    """What the payload of a oneshot unit says."""
    path = os.path.join(bed.out, name)
    if os.path.exists(path):
        os.unlink(path)
    unit(bed, name, "Type=oneshot", "StandardOutput=truncate:" + path, *lines)
    bed.ctl("start", "--wait", name).expect(0)
    return read(path)


def test_defaults(bed):
    """Entrypoint, Cmd, Env, WorkingDir, User and StopSignal of the image are the unit's, unless it says otherwise; plan names the digest."""
    whole = imported(bed, "web", tar(entry("dir", "etc"), entry("file", "etc/passwd", data=PASSWD, mode=0o644)), Entrypoint=["/bin/sh", "-c"],
                     Cmd=["echo $A %n $PWD; id -u; id -g"], Env=["A=of the image", "PATH=/usr/bin"], User="web", WorkingDir="/srv", StopSignal="SIGINT")
    equal(output(bed, "one", "Image=web"), "of the image %n /srv\n33\n44\n", "what the image says")
    equal(output(bed, "two", "Image=web", "User=0", "Environment=A=mine", "WorkingDirectory=/"), "mine %n /\n0\n0\n", "what the unit says")
    equal(output(bed, "three", "Image=web:latest", "ExecStart=/bin/cat /etc/passwd"), PASSWD.decode(), "a command of the unit's, a layer above another")
    equal((bed.property("one", "KillSignal"), bed.property("one", "WorkingDirectory")), ("2", "/srv"), "shown")
    contains(bed.ctl("plan", os.path.join(bed.units, "one.container"), "--store=%s/images" % bed.state).expect(0).out, whole, "the origin")


def test_layers(bed):
    """What an upper layer changes, removes and hides is what the container sees, by ids of its own."""
    imported(bed, "web", tar(entry("dir", "old"), entry("file", "old/.wh.gone"), entry("dir", "data"), entry("file", "data/.wh..wh..opq"),
                             entry("file", "data/second", data=b"2", mode=0o600, uid=33)), *[tar(entry("file", "n%d" % i, data=b"%d" % i)) for i in range(20)])
    told = output(bed, "web", "Image=web", "ExecStart=/bin/sh -c 'ls /old /data; ls -ln /data/second; cat /n0 /n19'")
    equal(told.split("\n")[:4], ["/data:", "second", "", "/old:"], "directories")
    check(re.search(r"-rw------- +1 33 +33 .*/data/second", told), told)
    equal(told.rstrip("\n")[-3:], "019", "files of many layers")
    unit(bed, "host", "Image=web", "PrivateUsers=no", "ExecStart=/bin/sleep 1000")
    bed.ctl("start", "host").expect(0)
    bed.ctl("stop", "host").expect(0)


def test_read_only(bed):
    """The image cannot be written, by the container or through it; its volumes, /run and /tmp can; ReadOnly=no is a layer of the life."""
    imported(bed, "web", Volumes={"/data": {}, "/made": {}})
    try_all = "ExecStart=/bin/sh -c 'for f in /x /etc/x /usr/bin/x /data/x /made/x /tmp/x /run/x; do touch $f 2>/dev/null && echo $f; done; cat /data/first; true'"
    equal(output(bed, "web", "Image=web", try_all), "/data/x\n/made/x\n/tmp/x\n/run/x\nof the image\n", "what can be written")
    equal(output(bed, "web", "Image=web", try_all), "/data/x\n/made/x\n/tmp/x\n/run/x\nof the image\n", "once more")
    equal(output(bed, "web", "Image=web", "ReadOnly=no", try_all), "/x\n/etc/x\n/usr/bin/x\n/data/x\n/made/x\n/tmp/x\n/run/x\nof the image\n", "ReadOnly=no")
    contains(image(bed, "check").expect(0).out, "0", "the store")
    image(bed, "verify", "web").expect(0)
    equal(output(bed, "web", "Image=web", "TemporaryFileSystem=/data", "ExecStart=/bin/ls /data"), "", "what the unit mounts there")


def test_in_use(bed):
    """What runs keeps its image, over another manager and another name; what has stopped does not."""
    imported(bed, "web", tar(entry("file", "one", data=b"1")))
    unit(bed, "web", "Image=web", "ExecStart=/bin/sleep 1000")
    bed.ctl("start", "web").expect(0)
    for look in ("", "after another manager"):
        contains(image(bed, "remove", "web").err, "the container web runs from the image web", look)
        bed.ctl("exec", "web", "/bin/cat", "/one").expect(0)
        bed.kill_manager()
        bed.start_manager()
        bed.wait_active("web", "active")
    imported(bed, "web", tar(entry("file", "two", data=b"2")))  # the name leads elsewhere now
    image(bed, "prune").expect(0)
    equal(bed.ctl("exec", "web", "/bin/cat", "/one").expect(0).out, "1", "what runs")
    equal(bed.ctl("exec", "--user=root", "web", "/bin/id", "-u").expect(0).out, "0\n", "a user, looked up in what runs")
    bed.ctl("restart", "web").expect(0)
    equal(bed.ctl("exec", "web", "/bin/cat", "/two").expect(0).out, "2", "after a restart")
    contains(image(bed, "prune").expect(0).out, "removed 1 images", "the old one")
    leases = os.path.join(bed.state, "images/leases")
    lease = read(os.path.join(leases, "web"))
    write(os.path.join(leases, "ghost"), lease)  # of a manager that died before there was a life
    contains(image(bed, "remove", "web").err, "runs from the image web", "a lease without a life")
    bed.kill_manager()
    bed.start_manager()
    wait_until(lambda: os.listdir(leases) == ["web"], "leases of what lives alone")
    bed.ctl("stop", "web").expect(0)
    equal(os.listdir(leases), [], "leases")
    write(os.path.join(leases, "ghost"), "0" * 36 + lease[36:])  # of another boot
    image(bed, "remove", "web").expect(0)
    os.unlink(os.path.join(leases, "ghost"))
    bed.ctl("start", "web").expect(5, "web.container:2: Image=: there is no image web here", "bulwarkctl image import")


def test_refused(bed):
    """What is missing, damaged, or contradicts itself is named with its line, before anything is made."""
    imported(bed, "web")
    for lines, words in ((("Image=nothing",), ":2: Image=: there is no image nothing here"), (("Image=UPPER case",), ":2: Image=: 'UPPER case' is no name of an image"),
                         (("Image=web", "RootDirectory=" + bed.root), ":2: Image=: contradicts RootDirectory=" + bed.root),
                         (("Image=web", "Volatile=yes"), ":3: Volatile=: takes /usr alone"), (("Image=web@sha256:" + "0" * 64,), ":2: Image=: there is no image")):
        unit(bed, "web", *lines, "ExecStart=/bin/true")
        result = bed.ctl("start", "web")
        check(result.code != 0, "%s starts" % (lines,))
        contains(result.err, words, str(lines))
    leases = bed.state + "/images/leases"
    equal(os.listdir(leases) if os.path.exists(leases) else [], [], "leases")


def test_hostile_configurations(bed):
    """What an image says of itself is a stranger's: it is refused, or reaches the inside alone."""
    for config, words in ((dict(Volumes={"../../etc": {}}), "which is no path below /"), (dict(Volumes={"/": {}}), "which is no path below /"),
                          (dict(Env=["novalue"]), "sets the variable 'novalue'"), (dict(WorkingDir="srv"), "no absolute path"), (dict(User="stranger"), "stranger"),
                          (dict(Entrypoint=["/etc/passwd"]), "cannot execute \"/etc/passwd\"")):
        imported(bed, "web", **{"Entrypoint": ["/bin/true"], **config})
        unit(bed, "web", "Image=web")
        result = bed.ctl("start", "web")
        check(result.code != 0, "%s starts" % config)
        contains(result.err, words, str(config))
        bed.ctl("reset-failed", "web")
    for config in (dict(Entrypoint=[""]), dict(Entrypoint=["../../bin/true"]), dict(WorkingDir="/../srv"), dict(User="a b"), dict(Volumes={"/a:exec": {}}),
                   dict(Volumes={"/a b": {}}), dict(Env=["A B=1"]), dict(Env=["A=\x01"]), dict(Entrypoint=["/bin/sh", "-c", "exec sleep 1000", "\x01\r\n\\ %n '\""]),
                   dict(Entrypoint=["-/bin/true"]), dict(Entrypoint=["@/bin/true", "x"]), dict(Entrypoint=[";", "/bin/true"]), dict(User=":44"), dict(User="%n")):
        imported(bed, "web", **{"Entrypoint": ["/bin/sleep", "1000"], **config})
        unit(bed, "web", "Image=web", "Type=exec")
        if bed.ctl("start", "web").code == 0:  # what starts is the same after another manager
            told = bed.ctl("show", "web", "-p", "MainPID,ExecStart,User,TemporaryFileSystem,ReadWritePaths,ActiveState").out
            bed.kill_manager()
            bed.start_manager()
            if "ActiveState=active" in told:
                equal(bed.ctl("show", "web", "-p", "MainPID,ExecStart,User,TemporaryFileSystem,ReadWritePaths,ActiveState").out, told, str(config))
            bed.ctl("stop", "web")
        bed.ctl("reset-failed", "web")
    imported(bed, "web", tar(entry("file", "etc/passwd", data=b"a b:x:5:5::/:/bin/sh\n", mode=0o644)), Entrypoint=["/bin/sleep", "1000"], User="a b")
    contains(bed.ctl("start", "web").err, "Image=: the configuration of web has a value that no unit can have", "what no record could say")
    imported(bed, "web", Entrypoint=["./first", "x"], WorkingDir="/data/.//")
    unit(bed, "web", "Image=web")
    contains(bed.ctl("start", "web").err, "cannot execute \"/data/first\": Permission denied", "a program beside the working directory")
    bed.ctl("reset-failed", "web")
    imported(bed, "web", Entrypoint=["/bin/sh", "-c", "echo \"$1\" %n ${A}; env", "x", "a\nb $A %h"], Env=["A=1\nExecStartPre=/bin/touch /x", "LD_PRELOAD=/x"])
    contains(output(bed, "web", "Image=web"), "a\nb $A %h %n 1 ExecStartPre=/bin/touch /x\n", "texts with lines in them")
    imported(bed, "web", tar(entry("link", "etc/passwd", "/proc/1/environ")), Entrypoint=["/bin/true"], User="root2")
    unit(bed, "web", "Image=web")
    check(bed.ctl("start", "web").code != 0, "a passwd that is a link is read")


def test_run(bed):
    """bulwarkctl run IMAGE: what the image runs, or another command; its exit code; nothing is left."""
    imported(bed, "web/app:1", Entrypoint=["/bin/sh", "-c"], Cmd=["echo of the image; exit 7"])
    result = bed.ctl("run", "web/app:1")
    equal((result.code, result.out), (7, "of the image\n"), "what the image runs")
    equal(bed.ctl("run", "web/app:1", "--", "/bin/cat", "/data/first").expect(0).out, "of the image\n", "another command")
    bed.ctl("run", "nothing/there").expect(5, "Image=: there is no image nothing/there here")
    equal(os.listdir(bed.state + "/images/leases"), [], "leases")


run(__name__)
