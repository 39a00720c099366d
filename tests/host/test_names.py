# SPDX-License-Identifier: LGPL-2.1-or-later
"""AddHost=, NetworkAlias=, ResolvConf=, DNS=, Domains=, DNSOption=: what a container finds in /etc/hosts, /etc/resolv.conf and
/etc/hostname, in a network and a mount namespace of the test's own."""

import ctypes

from harness import *

SLEEP = "ExecStart=/bin/sleep 1000"
FILES = ("hosts", "resolv.conf", "hostname")


def own_host():
    """The manager and its containers see nothing of the host's network, and files of the host that the test writes."""
    if os.geteuid() == 0 and shutil.which("ip"):
        if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        # Nothing of ours is its output: SELinux confines ip(8), and does not let it have the port of the bed.
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


class HostFile:
    """A file of the host has another content meanwhile, for whoever lives in the mount namespace of the test."""

    def __init__(self, bed, path, text):
        self.path = path
        self.source = os.path.join(bed.directory, "host-" + path.replace("/", "-"))
        write(self.source, text)

    def __enter__(self):
        if not os.path.isfile(self.path):
            raise Skip("this host has no " + self.path)
        mount("--bind", self.source, os.path.realpath(self.path))

    def __exit__(self, *_):
        subprocess.run(["umount", os.path.realpath(self.path)], check=True)


def inside(bed, name, path):
    return bed.ctl("exec", name, "/bin/cat", path).expect(0).out


def lookup(bed, name, wanted):
    """The addresses of a name, as a program inside finds them: busybox reads /etc/hosts by its C library."""
    out = bed.ctl("exec", name, "/bin/sh", "-c", "awk -v n=%s '/^[^#]/ { for (i = 2; i <= NF; i++) if ($i == n) print $1 }' /etc/hosts" % wanted).expect(0).out
    return out.split()


def own_addresses(bed, name):
    out = bed.ctl("exec", name, "/bin/ip", "addr", "show", "host0").expect(0).out
    return re.findall(r"inet6? ([0-9a-f.:]+)/[0-9]+ .*scope global", out)


def kept(bed):
    return sorted(os.listdir(os.path.join(bed.runtime, "names")))


def nothing_left(bed):
    wait_until(lambda: not kept(bed), "every file with names to go, not %s" % kept(bed))


def tree_of(root):
    """Everything below it, with the content of files."""
    found = {}
    for folder, names, files in os.walk(root):
        for one in names + files:
            path = os.path.join(folder, one)
            if os.path.islink(path):
                found[path] = os.readlink(path)
            elif os.path.isfile(path) and os.path.getsize(path) < 65536:
                found[path] = read(path)
            else:
                found[path] = None
    return found


def test_alone(bed):
    """One with loopback alone knows itself and localhost, and is told that no name server can be reached."""
    bed.unit("web", "Hostname=web.example", SLEEP)
    bed.ctl("start", "web").expect(0)
    equal(lookup(bed, "web", "localhost"), ["127.0.0.1", "::1"], "localhost")
    equal(lookup(bed, "web", "web.example"), ["127.0.0.1"], "itself")
    resolver = inside(bed, "web", "/etc/resolv.conf")
    contains(resolver, "# This container has loopback alone")
    check("nameserver" not in resolver, resolver)
    contains(bed.ctl("exec", "web", "/bin/ping", "-c", "1", "localhost").out, "PING localhost (127.0.0.1)")  # it looks, whatever it may send
    bed.ctl("stop", "web").expect(0)
    nothing_left(bed)


def test_root_untouched(bed):
    """What the root has stays as it is on the disk; a root that has nothing is given all the same, and starts; links are covered, not followed."""
    etc = os.path.join(bed.root, "etc")
    for kind in ("none", "files", "links"):
        for name in FILES:
            path = os.path.join(etc, name)
            if os.path.lexists(path):
                os.unlink(path)
            if kind == "files":
                write(path, "the root's own\n")
            elif kind == "links":
                os.symlink("/data/trap-" + name, path)
        os.makedirs(os.path.join(bed.directory, "bound"), exist_ok=True)
        before = tree_of(bed.root)
        bed.unit("web", SLEEP, "BindPaths=%s:/data" % os.path.join(bed.directory, "bound"))
        bed.ctl("start", "web").expect(0)
        contains(inside(bed, "web", "/etc/hosts"), "127.0.0.1 localhost")
        contains(inside(bed, "web", "/etc/resolv.conf"), "# This container")
        if kind != "none":
            equal(inside(bed, "web", "/etc/hostname"), "web\n", "/etc/hostname")
        bed.ctl("stop", "web").expect(0)
        after = tree_of(bed.root)
        for path in set(after) - set(before):  # places to mount at
            check(after[path] in (None, ""), "%s was written into the root" % path)
        equal({p: t for p, t in after.items() if p in before}, before, "the root after a life, with " + kind)
        equal(os.listdir(os.path.join(bed.directory, "bound")), [], "what was made where a link of the root leads")
        for name in FILES:
            path = os.path.join(etc, name)
            if os.path.lexists(path):
                os.unlink(path)


def test_read_only_disk(bed):
    """A root on a file system that nobody writes to starts without them, and the log says why; a line that needs one refuses the start."""
    root = os.path.join(bed.directory, "fixed")
    unit = os.path.join(bed.units, "web.container")
    os.mkdir(root)
    mount("-t", "tmpfs", "bulwark-test", root)
    try:
        shutil.copytree(bed.root, root, symlinks=True, dirs_exist_ok=True)
        bed.unit("web", "Zone=front", SLEEP)
        write(unit, read(unit).replace("RootDirectory=" + bed.root, "RootDirectory=" + root))
        bed.ctl("daemon-reload").expect(0)
        bed.ctl("start", "web").expect(0)  # mount points of every container
        bed.ctl("stop", "web").expect(0)
        for name in FILES[:2]:
            if os.path.lexists(os.path.join(root, "etc", name)):  # no upper layer of SELinux's overlay had it
                os.unlink(os.path.join(root, "etc", name))
        for disk in (False, True):
            mount("-o", "remount,ro" if disk else "remount,bind,ro", root)
            before = len(read(bed.log))
            bed.ctl("start", "web").expect(0)
            given = bed.ctl("exec", "web", "/bin/cat", "/etc/hosts").code == 0
            bed.ctl("stop", "web").expect(0)
            check(given or disk, "a mount that is read-only keeps a place from being made")
            check(given != ("make an empty file there" in read(bed.log)[before:]), read(bed.log)[before:])
            if not disk:
                mount("-o", "remount,rw", root)
                for name in FILES[:2]:
                    if os.path.lexists(os.path.join(root, "etc", name)):
                        os.unlink(os.path.join(root, "etc", name))
        if not given:
            write(unit, read(unit) + "[Container]\nAddHost=a:10.1.1.1\n")
            bed.ctl("daemon-reload").expect(0)
            bed.ctl("start", "web").expect(1, "/etc/hosts", "AddHost=", "web.container:")
    finally:
        subprocess.run(["umount", root], check=True)


def test_not_writable(bed):
    """No container writes to its files, whatever of it is writable and whoever it is; not even its root changes their mode or takes them away."""
    for name in FILES:
        write(os.path.join(bed.root, "etc", name), "the root's own\n")
    bed.unit("web", SLEEP, "ReadOnly=no", "Zone=front")
    bed.ctl("start", "web").expect(0)
    for name in FILES:
        before = inside(bed, "web", "/etc/" + name)
        for attack in ("echo x >>/etc/%s", "chmod 666 /etc/%s", "rm -f /etc/%s", "mv /etc/%s /etc/x", "umount /etc/%s", "mount -o remount,bind,rw /etc/%s",
                       "truncate -s 0 /etc/%s", "chown 0:0 /etc/%s"):
            out = bed.ctl("exec", "web", "/bin/sh", "-c", attack % name)
            check(out.code != 0, "%s works" % (attack % name))
        equal(inside(bed, "web", "/etc/" + name), before, name)
        equal(read(os.path.join(bed.root, "etc", name)), "the root's own\n", "the root's own " + name)
    bed.ctl("stop", "web").expect(0)
    for name in FILES:
        os.unlink(os.path.join(bed.root, "etc", name))


def test_peers(bed):
    """Those of one zone find each other by name, alias and NAME.bulwark.internal while they live, and no others; files change in place."""
    bed.unit("db", "Zone=back", "NetworkAlias=postgres pg.example", SLEEP)
    bed.unit("web", "Zone=back", "Hostname=front", SLEEP)
    bed.unit("far", "Zone=other", SLEEP)
    bed.unit("work@", "Zone=back", "NetworkAlias=worker", SLEEP)
    bed.ctl("start", "web", "far").expect(0)
    equal(lookup(bed, "web", "db"), [], "db before it lives")
    identity = bed.ctl("exec", "web", "/bin/stat", "-c", "%i", "/etc/hosts").out
    web = sorted(own_addresses(bed, "web"))
    equal(sorted(lookup(bed, "web", "front")), web, "its own host name")
    bed.ctl("start", "db", "work@1", "work@2").expect(0)
    db = sorted(own_addresses(bed, "db"))
    for name in ("db", "db.bulwark.internal", "postgres", "pg.example"):
        equal(sorted(lookup(bed, "web", name)), db, name)
        equal(lookup(bed, "far", name), [], name + " in another zone")
    for name in ("web", "web.bulwark.internal"):
        equal(sorted(lookup(bed, "db", name)), web, name)
    equal(sorted(lookup(bed, "web", "work-1")), sorted(own_addresses(bed, "work@1")), "an instance")
    equal(sorted(lookup(bed, "web", "worker")), sorted(own_addresses(bed, "work@1") + own_addresses(bed, "work@2")), "what two are called")
    contains(bed.ctl("exec", "web", "/bin/ping", "-c", "1", "postgres").out, "PING postgres (%s)" % [a for a in db if ":" not in a][0])
    size = len(inside(bed, "web", "/etc/hosts"))
    for _ in range(3):
        bed.ctl("stop", "db").expect(0)
        equal(lookup(bed, "web", "db") + lookup(bed, "web", "postgres"), [], "db after its end")
        bed.ctl("start", "db").expect(0)
        equal(sorted(lookup(bed, "web", "db")), db, "db once more")
    equal(len(inside(bed, "web", "/etc/hosts")), size, "bytes, after one came and went")
    equal(bed.ctl("exec", "web", "/bin/stat", "-c", "%i", "/etc/hosts").out, identity, "the file that is mounted")
    bed.ctl("stop", "db", "web", "far", "work@1", "work@2").expect(0)
    nothing_left(bed)


def test_add_host(bed):
    """AddHost= of both families, and the host's address."""
    bed.unit("web", "Zone=front", "AddHost=api.example:10.7.7.7 six:fd00::7", "AddHost=six2:[fd00::8] gate:host-gateway", SLEEP)
    bed.ctl("start", "web").expect(0)
    equal(lookup(bed, "web", "api.example"), ["10.7.7.7"], "api.example")
    equal(lookup(bed, "web", "six") + lookup(bed, "web", "six2"), ["fd00::7", "fd00::8"], "six")
    gate = re.search(r"default via ([0-9.]+)", bed.ctl("exec", "web", "/bin/ip", "route").out).group(1)
    check(gate in lookup(bed, "web", "gate"), "the host's address")
    contains(bed.ctl("show", "-p", "AddHost", "web").out, "six2:fd00::8")
    contains(bed.ctl("plan", os.path.join(bed.units, "web.container")).expect(0).out, "/etc/hosts")
    bed.ctl("stop", "web").expect(0)
    bed.unit("shared", "PrivateNetwork=no", "AddHost=gate:host-gateway", SLEEP)
    with HostFile(bed, "/etc/hosts", "127.0.0.1 localhost\n10.4.4.4 of-the-host\n\x01 1.1.1.1 bad\nno address\n"):
        bed.ctl("start", "shared").expect(0)
    equal(lookup(bed, "shared", "gate"), ["127.0.0.1"], "the host")
    equal(lookup(bed, "shared", "of-the-host"), ["10.4.4.4"], "what the host knows")
    check("bad" not in inside(bed, "shared", "/etc/hosts"), "a line that is none")
    bed.ctl("stop", "shared").expect(0)


STUB = "# made by hand\nnameserver 127.0.0.53\noptions edns0 trust-ad\nsearch stub.example\n"


def test_resolver(bed):
    """The host's real upstreams for who has a network, none that only the host reaches; DNS=, Domains=, DNSOption= in their place."""
    bed.unit("zone", "Zone=front", SLEEP)
    bed.unit("shared", "PrivateNetwork=no", SLEEP)
    bed.unit("given", "Zone=front", "DNS=10.1.1.1 fd00::53", "Domains=one.example two.example", "DNSOption=ndots:2", SLEEP)
    bed.unit("copied", "ResolvConf=copy-host", SLEEP)
    bed.unit("kept", "ResolvConf=off", SLEEP)
    write(os.path.join(bed.root, "etc/resolv.conf"), "# the root's own\n")
    with HostFile(bed, "/etc/resolv.conf", "nameserver 10.2.2.2\nnameserver 127.0.0.1\nnameserver fe80::1%eth0\nsearch a.example\nsortlist x\noptions ndots:3\n"):
        bed.ctl("start", "zone", "shared", "given", "copied", "kept").expect(0)
        equal(inside(bed, "zone", "/etc/resolv.conf"), "nameserver 10.2.2.2\nsearch a.example\noptions ndots:3\n", "in a zone")
        equal(inside(bed, "shared", "/etc/resolv.conf").split("\n")[:3], ["nameserver 10.2.2.2", "nameserver 127.0.0.1", "nameserver fe80::1%eth0"], "on the host's network")
        equal(inside(bed, "given", "/etc/resolv.conf"),
              "nameserver 10.1.1.1\nnameserver fd00::53\nsearch one.example two.example\noptions ndots:2\n", "what is given")
        contains(inside(bed, "copied", "/etc/resolv.conf"), "nameserver 127.0.0.1")
        equal(inside(bed, "kept", "/etc/resolv.conf"), "# the root's own\n", "ResolvConf=off")
        bed.ctl("stop", "zone", "shared", "given", "copied", "kept").expect(0)
    with HostFile(bed, "/etc/resolv.conf", STUB):
        os.makedirs("/run/systemd/resolve", exist_ok=True)
        mount("-t", "tmpfs", "bulwark-test", "/run/systemd/resolve")
        try:
            bed.ctl("start", "zone").expect(0)
            alone = inside(bed, "zone", "/etc/resolv.conf")
            check("nameserver" not in alone and "DNS=" in alone, "a stub without upstreams: " + alone)
            bed.ctl("stop", "zone").expect(0)
            write("/run/systemd/resolve/resolv.conf", "nameserver 10.3.3.3\nnameserver fd00::3\nsearch real.example\n")
            bed.ctl("start", "zone", "shared").expect(0)
            equal(inside(bed, "zone", "/etc/resolv.conf"), "nameserver 10.3.3.3\nnameserver fd00::3\nsearch real.example\n", "behind the stub")
            contains(inside(bed, "shared", "/etc/resolv.conf"), "nameserver 127.0.0.53")
            bed.ctl("stop", "zone", "shared").expect(0)
        finally:
            subprocess.run(["umount", "/run/systemd/resolve"], check=True)
    os.unlink(os.path.join(bed.root, "etc/resolv.conf"))


def test_refused(bed):
    """What cannot be, or would never be seen, is refused with the line; nothing that begins another line gets in."""
    bound = os.path.join(bed.directory, "hosts-of-mine")
    write(bound, "10.9.9.9 mine\n")
    for lines, words in ((("AddHost=web",), "names no address"), (("AddHost=web:10.1.2",), "is no address"), (("AddHost=w b:10.1.2.3",), "names no address"),
                         (("AddHost=w\\nb:10.1.2.3",), "has a character"), (("AddHost=10.1.2.3:10.1.2.3",), "would be read as an address"),
                         (("AddHost=localhost:10.1.2.3",), "is the name of loopback"), (("AddHost=g:host-gateway",), "no network leads there"),
                         (("NetworkAlias=db",), "write Zone=NAME"), (("Zone=a", "NetworkAlias=a.bulwark.internal"), "those of containers"),
                         (("DNS=dns.example",), "no address of a name server"), (("DNS=1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4",), "more than 3"),
                         (("Domains=~example",), "chooses a name server"), (("DNSOption=a;b",), "is no option"), (("ResolvConf=bind-host",), "write copy-host"),
                         (("ResolvConf=delete",), "InaccessiblePaths=/etc/resolv.conf"), (("ResolvConf=off", "DNS=10.1.1.1"), "contradicts ResolvConf=off"),
                         (("ResolvConf=copy-host", "DNS=10.1.1.1"), "contradicts ResolvConf="),
                         (("AddHost=a:10.1.1.1", "BindReadOnlyPaths=%s:/etc/hosts" % bound), "is never seen")):
        bed.unit("web", "ExecStart=/bin/true", *lines)
        bed.ctl("daemon-reload")
        bed.ctl("start", "web").expect(5, words, "web.container:")
        bed.verify(os.path.join(bed.units, "web.container")).expect(5, words)
    bed.unit("web", SLEEP, "BindReadOnlyPaths=%s:/etc/hosts" % bound)
    bed.ctl("daemon-reload")
    bed.ctl("start", "web").expect(0)
    equal(inside(bed, "web", "/etc/hosts"), "10.9.9.9 mine\n", "a file of the unit's own")
    bed.ctl("stop", "web").expect(0)
    if not os.path.exists("/run/systemd/resolve/stub-resolv.conf"):
        bed.unit("web", SLEEP, "ResolvConf=copy-stub")
        bed.ctl("daemon-reload")
        bed.ctl("start", "web").expect(1, "/run/systemd/resolve/stub-resolv.conf", "web.container:")
    nothing_left(bed)


def test_commands(bed):
    """Every command of a life has the files, also one that runs alone before or after it."""
    script = "/bin/sh -c 'grep -c localhost /etc/hosts; grep -c loopback /etc/resolv.conf'"
    bed.unit("web", "Type=oneshot", "VerifyOnStart=enforce", "ExecStartPre=" + script, "ExecStart=" + script, "ExecStopPost=" + script)
    bed.ctl("start", "web").expect(0)
    equal(bed.logs("web").split().count("2") + bed.logs("web").split().count("1"), 6, "answers:\n" + bed.logs("web"))
    nothing_left(bed)


def test_probe(bed):
    """The probe finds each of the files mounted, and read-only."""
    bed.unit("web", "Zone=front", "VerifyOnStart=enforce", "DNS=10.1.1.1", SLEEP)
    bed.ctl("start", "web").expect(0)
    out = bed.ctl("probe", "web").expect(0).out
    contains(out, "/etc/hosts")
    bed.ctl("stop", "web").expect(0)


def test_lives_on(bed):
    """Who came or went while no manager was there is known to the others afterwards; files of who is gone go, too."""
    bed.unit("web", "Zone=back", SLEEP)
    bed.unit("db", "Zone=back", SLEEP)
    bed.unit("late", "Zone=back", SLEEP)
    bed.ctl("start", "web", "db").expect(0)
    equal(len(lookup(bed, "web", "db")) > 0, True, "db")
    bed.kill_manager()
    os.kill(int(read(os.path.join(bed.cgroup, "containers/db/payload/cgroup.procs")).split()[0]), signal.SIGKILL)
    bed.start_manager()
    wait_until(lambda: lookup(bed, "web", "db") == [], "db to be forgotten")
    bed.ctl("start", "late").expect(0)
    equal(sorted(lookup(bed, "web", "late")), sorted(own_addresses(bed, "late")), "who came under the second manager")
    check(len(lookup(bed, "late", "web")) > 0, "who lived through it")
    wait_until(lambda: not any(name.endswith(":db") for name in kept(bed)), "db's files to go")
    write(os.path.join(bed.runtime, "names/hosts:nobody"), "x")
    bed.kill_manager()
    bed.start_manager()
    check("hosts:nobody" not in kept(bed), kept(bed))
    equal(sorted(lookup(bed, "web", "late")), sorted(own_addresses(bed, "late")), "under the third")
    bed.ctl("stop", "web", "late").expect(0)
    nothing_left(bed)


own_host()
run(__name__)
