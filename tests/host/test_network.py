# SPDX-License-Identifier: LGPL-2.1-or-later
"""Zone=, Bridge=, VirtualEthernet=, Address=, Gateway=: links and addresses of containers, in a network namespace of the test's own."""

import ctypes

from harness import *

POINTS = re.findall(r'^CRASH_POINT\((\w+),\s*"([a-z-]+)",\s*"network",', read(os.path.join(SOURCE, "manager/container/registry/crash-points.inc")), re.M)


def own_network():
    """The manager, its keeper and the containers see nothing of the host's network, nor it of theirs."""
    if os.geteuid() == 0 and shutil.which("ip"):
        if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def links():
    if not shutil.which("ip"):
        raise Skip("iproute2 is not installed")
    return {one["ifname"]: one for one in json.loads(subprocess.run(["ip", "-j", "-d", "addr"], stdout=subprocess.PIPE, check=True).stdout)}


def made():
    """What is neither loopback nor one of the devices that every new namespace has."""
    return {name for name in links() if name.startswith(("bw-", "bz-"))}


def nothing_left():
    wait_until(lambda: not made(), "every link to go, not %s" % made())
    if shutil.which("nft"):
        wait_until(lambda: subprocess.run(["nft", "list", "ruleset"], stdout=subprocess.PIPE, check=True).stdout == b"", "every rule to go")


def addresses(bed, name, family=4):
    """As the container sees its own."""
    out = bed.ctl("exec", name, "/bin/ip", "-%d" % family, "addr", "show", "host0").expect(0).out
    return re.findall(r"inet6? ([0-9a-f.:]+)/[0-9]+ .*scope global", out)


def address(bed, name, family=4):
    found = addresses(bed, name, family)
    check(found, "%s has no address of IPv%d" % (name, family))
    return found[0]


SERVER = "ExecStart=/bin/sh -c 'while true; do echo answer | nc -l -p 80; done'"


def answers(bed, client, to):
    def asked():
        return "answer" in bed.ctl("exec", client, "/bin/sh", "-c", "nc -w 2 %s 80 </dev/null" % to).out

    wait_until(asked, "%s to get an answer from %s" % (client, to), 10)


def host_is_answered(to):
    def asked():
        try:
            with socket.create_connection((to, 80), 2) as s:
                return s.recv(100) == b"answer\n"
        except OSError:
            return False

    wait_until(asked, "the host to get an answer from " + to, 10)


def test_zone(bed):
    """Two of a zone reach each other and the host, by both families; one without a zone sees neither; with the last the bridge goes."""
    bed.unit("web", "Zone=front", SERVER)
    bed.unit("client", "Zone=front", "ExecStart=/bin/sleep 1000")
    bed.unit("far", "Zone=back", "ExecStart=/bin/sleep 1000")
    bed.unit("alone", "ExecStart=/bin/sleep 1000")
    for name in ("web", "client", "far", "alone"):
        bed.ctl("start", name).expect(0)
    equal(made(), {"bz-front", "bz-back", "bw-web", "bw-client", "bw-far"}, "links")
    for family in (4, 6):
        web = address(bed, "web", family)
        check(web != address(bed, "client", family), "one address for two")
        answers(bed, "client", web)
        host_is_answered(web)
    web = address(bed, "web")
    equal(bed.ctl("exec", "alone", "/bin/ls", "/sys/class/net").out.split(), ["lo"], "what one without a network has")
    check("answer" not in bed.ctl("exec", "alone", "/bin/sh", "-c", "nc -w 1 %s 80 </dev/null" % web).out, "one without a network reaches it")
    equal(links()["bw-web"]["master"], "bz-front", "whose port it is")
    contains(bed.ctl("exec", "client", "/bin/ip", "route").out, "default via ")
    bed.ctl("stop", "client").expect(0)
    wait_until(lambda: "bw-client" not in made(), "the link to go")
    check("bz-front" in made(), "the bridge went before its last member")
    host_is_answered(web)
    bed.ctl("restart", "web").expect(0)
    equal(address(bed, "web"), web, "the address after a restart")
    bed.ctl("stop", "web", "far").expect(0)
    nothing_left()


def test_alone_with_the_host(bed):
    """VirtualEthernet= is a link to the host and nobody else; a given address has the host as the first of its network."""
    bed.unit("web", "VirtualEthernet=yes", SERVER)
    bed.unit("given", "VirtualEthernet=yes", "Address=10.99.1.7/24 fd99::7/64", SERVER)
    bed.ctl("start", "web", "given").expect(0)
    host_is_answered(address(bed, "web"))
    host_is_answered("10.99.1.7")
    host_is_answered("fd99::7")
    local = {a["local"] for a in links()["bw-given"]["addr_info"]}
    check({"10.99.1.1", "fd99::1"} <= local, "the host's own: %s" % local)
    bed.ctl("stop", "web", "given").expect(0)
    nothing_left()


def test_bridge(bed):
    """A bridge of the administrator's is used and left; its addresses and the way out are the unit's alone."""
    subprocess.run(["ip", "link", "add", "br-own", "type", "bridge"], check=True)
    try:
        bed.unit("web", "Bridge=br-missing", "ExecStart=/bin/true")
        bed.ctl("start", "web").expect(5, "Bridge=", "br-missing", "web.container:")
        subprocess.run(["ip", "addr", "add", "10.98.0.1/24", "dev", "br-own"], check=True)
        subprocess.run(["ip", "link", "set", "br-own", "up"], check=True)
        bed.unit("web", "Bridge=br-own", "Address=10.98.0.5/24", "Address=10.98.0.6/24", "Gateway=10.98.0.254", SERVER)
        bed.ctl("start", "web").expect(0)
        host_is_answered("10.98.0.5")
        host_is_answered("10.98.0.6")
        contains(bed.ctl("exec", "web", "/bin/ip", "route").out, "default via 10.98.0.254")
        bed.ctl("stop", "web").expect(0)
        nothing_left()
        check("br-own" in links(), "a bridge of somebody else was removed")
    finally:
        subprocess.run(["ip", "link", "delete", "br-own"], check=False)


def test_before_the_first_instruction(bed):
    """Commands that are lives of their own have the network when they begin, each; so has the probe of VerifyOnStart=."""
    script = "/bin/sh -c 'ip -4 addr show host0 | grep inet; ls /sys/class/net'"
    for kind in ("no", "enforce"):
        bed.unit("web", "Type=oneshot", "Zone=front", "VerifyOnStart=" + kind, "ExecCondition=" + script, "ExecStartPre=" + script, "ExecStart=" + script,
                 "ExecStart=" + script, "ExecStopPost=" + script)
        bed.ctl("start", "web").expect(0)
        out = bed.logs("web")
        equal((out.count("inet "), out.count("host0") >= 10), (5, True), "commands with an address:\n" + out)
        equal(len(set(re.findall(r"inet ([0-9./]+)", out))), 1, "addresses")
        shutil.rmtree(os.path.join(bed.state, "logs/web"), ignore_errors=True)
        nothing_left()
    bed.unit("web", "Zone=front", "Type=oneshot", "RemainAfterExit=yes", "ExecStart=/bin/true", "ExecStop=" + script)
    bed.ctl("start", "web").expect(0)
    bed.ctl("stop", "web").expect(0)
    contains(bed.logs("web"), "inet ")
    nothing_left()


def test_refused(bed):
    """What cannot be is refused with the line, before the host is touched."""
    for lines, words in ((("Zone=a", "PrivateNetwork=no"), "contradicts PrivateNetwork=no"), (("Zone=a", "Bridge=br0"), "contradicts Zone="),
                         (("Zone=a", "VirtualEthernet=no"), "contradicts Zone="), (("Address=10.1.2.3/24",), "needs an interface"),
                         (("Gateway=10.1.2.3",), "needs an interface"), (("Zone=a", "Address=10.1.2.1/24"), "which the host has"),
                         (("Zone=a", "Address=10.1.2.3/24 10.1.2.4/24"), "second of its family"), (("Zone=a", "Address=10.1.2.3/31"), "no room for the host"),
                         (("Zone=a", "Gateway=10.1.2.3"), "in no network"), (("Zone=a", "Address=10.1.2.3/24", "Gateway=10.1.3.3"), "in no network")):
        bed.unit("web", "ExecStart=/bin/true", *lines)
        bed.ctl("daemon-reload")
        bed.ctl("start", "web").expect(5, words, "web.container:")
        bed.verify(os.path.join(bed.units, "web.container")).expect(5, words)
    bed.unit("web", "Zone=front", "Address=10.97.0.5/24", "ExecStart=/bin/sleep 1000")
    bed.unit("same", "Zone=front", "Address=10.97.0.5/24", "ExecStart=/bin/sleep 1000")
    bed.unit("overlap", "Zone=back", "Address=10.97.0.9/16", "ExecStart=/bin/sleep 1000")
    bed.ctl("daemon-reload")
    bed.ctl("start", "same").expect(1, "web is to have the address 10.97.0.5", "same.container:")
    os.unlink(os.path.join(bed.units, "same.container"))
    bed.ctl("daemon-reload")
    bed.ctl("start", "web").expect(0)
    bed.unit("same", "Zone=front", "Address=10.97.0.5/24", "ExecStart=/bin/sleep 1000")
    bed.unit("other", "Zone=front", "Address=10.96.0.5/24", "ExecStart=/bin/sleep 1000")
    bed.ctl("daemon-reload")
    bed.ctl("start", "same").expect(1, "web has the address 10.97.0.5")
    bed.ctl("start", "other").expect(1, "the network of the zone is another one: web has 10.97.0.5/24")
    bed.ctl("start", "overlap").expect(1, "go to that network already")
    equal(made(), {"bz-front", "bw-web"}, "links")
    bed.ctl("stop", "web").expect(0)
    subprocess.run(["ip", "link", "add", "bw-web", "type", "bridge"], check=True)
    try:
        bed.ctl("start", "web").expect(5, "an interface \"bw-web\" that is not of this manager")
        equal(made(), {"bw-web"}, "links")
    finally:
        subprocess.run(["ip", "link", "delete", "bw-web"], check=True)


def test_lives_on(bed):
    """Another manager finds the network of what runs, gives nobody its address, and removes it with its life; what is left of others goes."""
    bed.unit("web", "Zone=front", SERVER)
    bed.ctl("start", "web").expect(0)
    web = address(bed, "web")
    bed.kill_manager()
    bed.start_manager()
    host_is_answered(web)
    bed.unit("client", "Zone=front", "ExecStart=/bin/sleep 1000")
    bed.ctl("start", "client").expect(0)
    answers(bed, "client", web)
    equal(made(), {"bz-front", "bw-web", "bw-client"}, "links")
    bed.kill_manager()
    for name in ("web", "client"):
        os.kill(int(read(os.path.join(bed.cgroup, "containers", name, "payload/cgroup.procs")).split()[0]), signal.SIGKILL)
    bed.start_manager()
    nothing_left()


def test_one_of_them_ends(bed):
    """One of a zone ends while no manager is there: the next leaves the bridge to who lives, whoever it hears of first."""
    for first, other in (("a", "z"), ("z", "a")):
        for name in (first, other):
            bed.unit(name, "Zone=front", SERVER)
            bed.ctl("start", name).expect(0)
        bed.kill_manager()
        os.kill(int(read(os.path.join(bed.cgroup, "containers", first, "payload/cgroup.procs")).split()[0]), signal.SIGKILL)
        bed.start_manager()
        wait_until(lambda: made() == {"bz-front", "bw-" + other}, "one link to go, not %s" % made())
        host_is_answered(address(bed, other))
        bed.ctl("stop", other).expect(0)
        nothing_left()


def make_crash(name):
    def test(bed):
        bed.unit("web", "Zone=front", SERVER)
        bed.kill_manager()
        bed.start_manager("env", "BULWARK_TEST_CRASH=manager:" + name)
        bed.ctl("start", "web", timeout=30)
        bed.manager.wait(20)
        bed.start_manager()
        wait_until(lambda: bed.active("web") in ("active", "inactive", "failed"), "it to settle")
        if bed.active("web") != "active":
            nothing_left()
            bed.ctl("start", "web").expect(0)
        host_is_answered(address(bed, "web"))
        equal(made(), {"bz-front", "bw-web"}, "links")
        bed.ctl("stop", "web").expect(0)
        nothing_left()

    test.__name__ = "test_crash_" + name.replace("-", "_")
    test.__doc__ = "The manager dies at %s: no link is left, and the next start has its network" % name
    return test


for _, point in POINTS:
    globals()["test_crash_" + point.replace("-", "_")] = make_crash(point)

own_network()
run(__name__)
