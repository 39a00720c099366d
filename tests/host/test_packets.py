# SPDX-License-Identifier: LGPL-2.1-or-later
"""What comes out of a container's link, and who may change the rules for it: frames by hand, from within the namespaces of containers,
as one with every capability there could send them. All of it in a network namespace of the test's own."""

import ctypes
import struct
from contextlib import contextmanager

from harness import *

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
BROADCAST, ALL_NODES = b"\xff" * 6, b"\x33\x33\x00\x00\x00\x01"


def own_network():
    if os.geteuid() == 0 and shutil.which("ip"):
        if LIBC.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        run_quietly("ip", "link", "set", "lo", "up")


def run_quietly(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True).stdout


def ruleset():
    if not shutil.which("nft") or not shutil.which("ip"):
        raise Skip("nftables or iproute2 is not installed")
    return re.sub(r" # progname .*", "", run_quietly("nft", "list", "ruleset"))  # who used the owner's socket last


@contextmanager
def network_of(pid):
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open("/proc/%d/ns/net" % pid, os.O_RDONLY)
    try:
        if LIBC.setns(there, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        yield
    finally:
        if LIBC.setns(own, CLONE_NEWNET) != 0:
            os._exit(1)
        os.close(own)
        os.close(there)


def raw_socket(pid):
    with network_of(pid):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        s.bind(("host0", ETH_P_ALL))
    s.settimeout(10 * SLOWNESS)
    return s


class Member:
    """A container that sleeps, and its link as one sees it from inside."""

    def __init__(self, bed, name, *lines):
        bed.unit(name, "ExecStart=/bin/sleep 1000", *lines)
        bed.ctl("start", name).expect(0)
        self.pid = bed.leader(name)
        with network_of(self.pid):
            link = json.loads(run_quietly("ip", "-j", "addr", "show", "host0"))[0]
        self.mac = bytes.fromhex(link["address"].replace(":", ""))
        self.v4 = [socket.inet_aton(a["local"]) for a in link["addr_info"] if a["family"] == "inet"]
        found = [a for a in link["addr_info"] if a["family"] == "inet6"]
        self.v6 = [socket.inet_pton(socket.AF_INET6, a["local"]) for a in found if a["scope"] == "global"]
        self.link_local = b"\xfe\x80" + bytes(6) + bytes([self.mac[0] ^ 2]) + self.mac[1:3] + b"\xff\xfe" + self.mac[3:]


# --- frames

def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ethernet(source, kind, body, to=BROADCAST):
    return to + source + struct.pack("!H", kind) + body


def arp(source, mac, address, operation=2):
    return ethernet(source, 0x806, struct.pack("!HHBBH", 1, 0x800, 6, 4, operation) + mac + address + BROADCAST + address)


def ip4(source, protocol, body, to=b"\xff\xff\xff\xff"):
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0) + source + to
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def udp(source_port, port, payload=b"packet"):
    return struct.pack("!HHHH", source_port, port, 8 + len(payload), 0) + payload


def ip6(source, next_header, body, to=b"\xff\x02" + bytes(13) + b"\x01"):
    return struct.pack("!IHBB", 6 << 28, len(body), next_header, 255) + source + to + body


def icmp6(source, kind, body, to=b"\xff\x02" + bytes(13) + b"\x01", hops=False):
    packet = struct.pack("!BBH", kind, 0, 0) + body
    pseudo = source + to + struct.pack("!II", len(packet), 58)
    packet = packet[:2] + struct.pack("!H", checksum(pseudo + packet)) + packet[4:]
    if hops:  # an empty header of options before it
        return ip6(source, 0, bytes([58, 0, 1, 4, 0, 0, 0, 0]) + packet, to)
    return ip6(source, 58, packet, to)


def neighbour(kind, source, target, mac):
    option = bytes([2 if kind == 136 else 1, 1]) + mac
    return icmp6(source, kind, struct.pack("!I", 0x60000000 if kind == 136 else 0) + target + option)


def frame_6(member, packet):
    return ethernet(member.mac, 0x86dd, packet, ALL_NODES)


def forged(own, other, gateway):
    """Name -> a frame of own's that nobody may get."""
    advert = struct.pack("!BBHII", 64, 0, 1800, 0, 0)
    stranger = bytes([own.mac[0]]) + bytes([own.mac[1] ^ 1]) + own.mac[2:]
    return {
        "a hardware address of its own choice": arp(stranger, own.mac, own.v4[0]),
        "the neighbour's hardware address": ethernet(other.mac, 0x800, ip4(own.v4[0], 17, udp(7, 7))),
        "ARP: the neighbour's address is here": arp(own.mac, own.mac, other.v4[0]),
        "ARP: the neighbour's address is asked from": arp(own.mac, own.mac, other.v4[0], operation=1),
        "ARP: the host's address is here": arp(own.mac, own.mac, gateway),
        "ARP: its own address is at another": arp(own.mac, other.mac, own.v4[0]),
        "ARP: of no address": arp(own.mac, own.mac, bytes(4)),
        "IPv4 from the neighbour": ethernet(own.mac, 0x800, ip4(other.v4[0], 17, udp(7, 7))),
        "IPv4 from far away": ethernet(own.mac, 0x800, ip4(socket.inet_aton("192.0.2.1"), 17, udp(7, 7))),
        "an answer of DHCP": ethernet(own.mac, 0x800, ip4(own.v4[0], 17, udp(67, 68))),
        "IPv6 from the neighbour": frame_6(own, ip6(other.v6[0], 17, udp(7, 7))),
        "IPv6 from the neighbour's link-local address": frame_6(own, ip6(other.link_local, 17, udp(7, 7))),
        "IPv6 from another link-local address": frame_6(own, ip6(own.link_local[:-1] + b"\x77", 17, udp(7, 7))),
        "IPv6 from nowhere": frame_6(own, ip6(bytes(16), 17, udp(7, 7))),
        "an answer of DHCPv6": frame_6(own, ip6(own.link_local, 17, udp(547, 546))),
        "ND: the neighbour's address is here": frame_6(own, neighbour(136, own.v6[0], other.v6[0], own.mac)),
        "ND: the same from its address": frame_6(own, neighbour(136, other.v6[0], other.v6[0], own.mac)),
        "ND: the same behind options": frame_6(own, icmp6(own.v6[0], 136, struct.pack("!I", 0x60000000) + other.v6[0] + b"\x02\x01" + own.mac, hops=True)),
        "ND: who has the neighbour's address asks for it": frame_6(own, neighbour(135, bytes(16), other.v6[0], own.mac)),
        "a router advertisement": frame_6(own, icmp6(own.link_local, 134, advert)),
        "a router advertisement behind options": frame_6(own, icmp6(own.link_local, 134, advert, hops=True)),
        "a redirect": frame_6(own, icmp6(own.link_local, 137, bytes(4) + own.link_local + other.v6[0])),
        "headers that lead nowhere": frame_6(own, ip6(own.v6[0], 0, bytes([58, 200, 1, 4, 0, 0, 0, 0]))),
        "a VLAN's tag": own_tagged(own),
        "a bridge's word": BROADCAST + own.mac + struct.pack("!H", 38) + b"\x42\x42\x03" + bytes(35),
        "another protocol": ethernet(own.mac, 0x88cc, bytes(46)),
    }


def own_tagged(own):
    return BROADCAST + own.mac + struct.pack("!HHH", 0x8100, 5, 0x800) + ip4(own.v4[0], 17, udp(7, 7))


def honest(own):
    return {
        "ARP": arp(own.mac, own.mac, own.v4[0]),
        "IPv4": ethernet(own.mac, 0x800, ip4(own.v4[0], 17, udp(7, 7))),
        "IPv6": frame_6(own, ip6(own.v6[0], 17, udp(7, 7))),
        "IPv6 behind options": frame_6(own, icmp6(own.v6[0], 128, bytes(8), hops=True)),
        "a question for a neighbour": frame_6(own, neighbour(135, own.v6[0], own.v6[0][:-1] + b"\x55", own.mac)),
        "its own advertisement": frame_6(own, neighbour(136, own.v6[0], own.v6[0], own.mac)),
        "the same of its link-local address": frame_6(own, neighbour(136, own.link_local, own.link_local, own.mac)),
        "is its address free": frame_6(own, neighbour(135, bytes(16), own.v6[0], own.mac)),
    }


def arrives(sender, receiver, own, frame):
    """Is it seen before the one that is sent behind it and may come?"""
    mark = ethernet(own.mac, 0x800, ip4(own.v4[0], 17, udp(7, 7, os.urandom(16))))
    sender.send(frame)
    sender.send(mark)
    seen = False
    while True:
        got = receiver.recv(2000)
        if got == mark:
            return seen
        seen |= got == frame


def gateway_of(member):
    with network_of(member.pid):
        return socket.inet_aton(json.loads(run_quietly("ip", "-j", "-4", "route", "show", "default"))[0]["gateway"])


def test_forged_frames(bed):
    """A member of a zone is heard as what it is, and as nothing else."""
    ruleset()
    own, other = Member(bed, "own", "Zone=front"), Member(bed, "other", "Zone=front")
    sender, receiver = raw_socket(own.pid), raw_socket(other.pid)
    with sender, receiver:
        for name, frame in honest(own).items():
            check(arrives(sender, receiver, own, frame), "not heard: " + name)
        for name, frame in forged(own, other, gateway_of(own)).items():
            check(not arrives(sender, receiver, own, frame), "heard: " + name)


def test_own_bridge(bed):
    """On an administrator's bridge the same holds; who has no Address= is held to its hardware address, and is no router or server."""
    ruleset()
    run_quietly("ip", "link", "add", "br-own", "type", "bridge")
    try:
        run_quietly("ip", "link", "set", "br-own", "up")
        lines = "Bridge=br-own", "Address=10.98.0.%d/24 fd98::%d/64"
        own = Member(bed, "own", lines[0], lines[1] % (5, 5))
        other = Member(bed, "other", lines[0], lines[1] % (6, 6))
        sender, receiver = raw_socket(own.pid), raw_socket(other.pid)
        frames = forged(own, other, socket.inet_aton("10.98.0.1"))
        with sender, receiver:
            for name, frame in frames.items():
                check(not arrives(sender, receiver, own, frame), "heard: " + name)
        given = Member(bed, "given", "Bridge=br-own")
        given.v4, given.v6 = [socket.inet_aton("10.98.0.7")], [socket.inet_pton(socket.AF_INET6, "fd98::7")]
        sender = raw_socket(given.pid)
        receiver = raw_socket(other.pid)
        with sender, receiver:
            for name, frame in honest(given).items():
                check(arrives(sender, receiver, given, frame), "not heard: " + name)
            for name, frame in forged(given, other, socket.inet_aton("10.98.0.1")).items():
                if any(word in name for word in ("hardware", "another", "DHCP", "router", "redirect", "VLAN", "bridge")) and "link-local" not in name:
                    check(not arrives(sender, receiver, given, frame), "heard: " + name)
        bed.ctl("stop", "own", "other", "given").expect(0)
    finally:
        run_quietly("ip", "link", "delete", "br-own")


def test_alone_with_the_host(bed):
    """The host hears a container that is alone with it by its own address only, also where another would be of the same network."""
    ruleset()
    own = Member(bed, "own", "VirtualEthernet=yes", "Address=10.99.1.7/24 fd99::7/64")
    link = json.loads(run_quietly("ip", "-j", "addr", "show", "bw-own"))[0]
    host_mac = bytes.fromhex(link["address"].replace(":", ""))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as host, raw_socket(own.pid) as sender:
        host.settimeout(10 * SLOWNESS)
        host.bind(("10.99.1.1", 777))
        for address in ("10.99.1.9", "192.0.2.1", "127.0.0.1"):
            sender.send(ethernet(own.mac, 0x800, ip4(socket.inet_aton(address), 17, udp(7, 777, b"forged"), socket.inet_aton("10.99.1.1")), host_mac))
            sender.send(ethernet(own.mac, 0x800, ip4(own.v4[0], 17, udp(7, 777, b"own"), socket.inet_aton("10.99.1.1")), host_mac))
            equal(host.recvfrom(100), (b"own", ("10.99.1.7", 7)), "what the host gets beside " + address)


def test_with_capabilities(bed):
    """A container that may configure its own link gains nothing by it: another address, or another hardware address, is not answered."""
    ruleset()
    script = ("ip addr add %s dev host0; ping -c1 -W2 -I %s %s >/dev/null && echo reached; ip addr del %s dev host0; ip neigh flush dev host0; "
              "ping -c1 -W2 %s >/dev/null && echo honest; ip link set host0 down; ip link set host0 address 02:00:00:00:00:77; "
              "ip link set host0 up; ip neigh flush dev host0; ping -c1 -W2 %s >/dev/null && echo moved; true")
    Member(bed, "other", "Zone=front", "Address=10.97.0.6/24")
    for capabilities, expected in (("CAP_NET_ADMIN CAP_NET_RAW", ["honest"]), ("CAP_NET_RAW", ["honest", "honest"])):
        last = "10.97.0.6" if "ADMIN" in capabilities else "10.97.0.6 >/dev/null && echo honest; exit 0; ping 10.97.0.6"
        bed.unit("own", "Zone=front", "Address=10.97.0.5/24", "Type=oneshot", "CapabilityBoundingSet=" + capabilities,
                 "ExecStart=/bin/sh -c '%s'" % (script % ("10.97.0.9/24", "10.97.0.9", "10.97.0.6", "10.97.0.9/24", "10.97.0.6", last)))
        bed.ctl("start", "--wait", "own").expect(0)
        equal([w for w in bed.logs("own").split() if w in ("reached", "honest", "moved")], expected, "with " + capabilities)
        shutil.rmtree(os.path.join(bed.state, "logs/own"), ignore_errors=True)


def guards():
    return re.findall(r"chain (bw-\S+) \{\n\t\ttype filter hook ingress device \"(\S+)\"", ruleset())


def test_owner(bed):
    """Nobody but us changes the rules, or loses them for us: not who flushes all, not a manager or a keeper that dies."""
    ruleset()
    bed.start_sleeper("web", "Zone=front")
    equal(guards(), [("bw-web", "bw-web")], "guards")
    rules = ruleset()
    run_quietly("nft", "flush", "ruleset")
    equal(ruleset(), rules, "rules after another has flushed all")
    result = subprocess.run(["nft", "delete", "table", "netdev", "bulwark"], stderr=subprocess.PIPE, text=True, check=False)
    check(result.returncode != 0, "another removes the table")
    bed.kill_manager()
    equal(ruleset(), rules, "rules without a manager")
    bed.start_manager()
    equal(guards(), [("bw-web", "bw-web")], "guards of the next manager")
    bed.start_sleeper("two", "Zone=front")
    equal(len(guards()), 2, "guards of the next manager, with another")
    bed.ctl("stop", "two").expect(0)
    equal(guards(), [("bw-web", "bw-web")], "guards when one of them has ended")
    os.kill(bed.keeper_pid(), signal.SIGKILL)
    wait_until(lambda: bed.ctl("list").code == 0 and guards() == [("bw-web", "bw-web")], "guards under another keeper")
    run_quietly("nft", "flush", "ruleset")
    equal(guards(), [("bw-web", "bw-web")], "guards after a flush under another keeper")
    bed.ctl("stop", "web").expect(0)
    wait_until(lambda: ruleset() == "", "the tables to go")


def test_foreign_table(bed):
    """A table of our name that is somebody else's refuses the start, and stays."""
    ruleset()
    run_quietly("nft", "add", "table", "netdev", "bulwark")
    try:
        bed.unit("web", "Zone=front", "ExecStart=/bin/sleep 1000")
        bed.ctl("start", "web").expect(5, "web.container:", "a table \"bulwark\" of nftables that is not of this manager", "nft delete table netdev bulwark")
        contains(ruleset(), "table netdev bulwark {")
        check("bz-front" not in run_quietly("ip", "link"), "the host was changed")
    finally:
        run_quietly("nft", "delete", "table", "netdev", "bulwark")
    bed.ctl("start", "web").expect(0)
    bed.ctl("stop", "web").expect(0)
    wait_until(lambda: ruleset() == "", "the tables to go")


# --- beyond the host

class Host:
    """Another host: a network namespace, and a link from ours to it."""

    def __init__(self, name, number):
        self.name, self.number = name, number
        self.process = subprocess.Popen(["unshare", "-n", "sleep", "1000"])
        own = os.readlink("/proc/self/ns/net")
        wait_until(lambda: os.readlink("/proc/%d/ns/net" % self.process.pid) != own, "the namespace of " + name)
        self.v4, self.near_v4 = "10.90.%d.2" % number, "10.90.%d.1" % number
        self.v6, self.near_v6 = "fd90:%d::2" % number, "fd90:%d::1" % number
        run_quietly("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(self.process.pid))
        for address in (self.near_v4 + "/24", self.near_v6 + "/64"):
            run_quietly("ip", "addr", "add", address, "dev", name, *(["nodad"] if ":" in address else []))
        run_quietly("ip", "link", "set", name, "up")
        with network_of(self.process.pid):
            run_quietly("ip", "link", "set", "lo", "up")
            for address in (self.v4 + "/24", self.v6 + "/64"):
                run_quietly("ip", "addr", "add", address, "dev", "eth0", *(["nodad"] if ":" in address else []))
            run_quietly("ip", "link", "set", "eth0", "up")
            run_quietly("ip", "route", "add", "default", "via", self.near_v4)
            run_quietly("ip", "-6", "route", "add", "default", "via", self.near_v6)

    def close(self):
        self.process.kill()
        self.process.wait()
        subprocess.run(["ip", "link", "delete", self.name], stderr=subprocess.DEVNULL, check=False)

    def socket(self, address="", port=0, kind=socket.SOCK_DGRAM):
        with network_of(self.process.pid):
            s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
            s.bind((address, port))
        s.settimeout(10 * SLOWNESS)
        return s


@contextmanager
def hosts(*names):
    made = []
    try:
        for number, name in enumerate(names):
            made.append(Host(name, number + 1))
        yield made
    finally:
        for host in made:
            host.close()


def member_socket(member, address):
    with network_of(member.pid):
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(10 * SLOWNESS)
    return s


def seen_from(member, host, address):
    """Who the other host sees asking, whose answer comes back."""
    with host.socket(address, 9) as server, member_socket(member, address) as client:
        client.sendto(b"question", (address, 9))
        data, sender = server.recvfrom(100)
        equal(data, b"question", "what arrives")
        server.sendto(b"answer", sender)
        equal(client.recv(100), b"answer", "what comes back")
        return sender[0]


def is_heard(sender, to, server, marker):
    """Does a packet to there arrive before the one behind it, which comes another way?"""
    sender.sendto(b"forged", (to, 9))
    marker()
    return server.recvfrom(100)[0] == b"forged"


def switch(path, value):
    with open(path, "w", encoding="ascii") as f:
        f.write(value)


def forwarding(interface, family=4):
    return read("/proc/sys/net/ipv%d/conf/%s/%s" % (family, interface, "forwarding" if family == 4 else "force_forwarding")).strip()


def families(*addresses):
    """IPv6 leaves the host where interfaces forward it one by one, since Linux 6.17."""
    return [a for a in addresses if ":" not in a or os.path.exists("/proc/sys/net/ipv6/conf/lo/force_forwarding")]


def test_way_out(bed):
    """Members go out from the host's address, with and without br_netfilter; a container alone with its host as well."""
    ruleset()
    with hosts("far") as (far,):
        for calls in "01":
            for kind in ("4", "6"):
                path = "/proc/sys/net/bridge/bridge-nf-call-ip%stables" % kind.replace("4", "")
                if os.path.exists(path):
                    switch(path, calls)
            for lines in (("Zone=front",), ("VirtualEthernet=yes",)):
                own = Member(bed, "own", *lines)
                for to, host in ((far.v4, far.near_v4), (far.v6, far.near_v6)):
                    if to in families(to):
                        equal(seen_from(own, far, to), host, "who asks, of " + lines[0])
                if lines == ("Zone=front",):
                    two = Member(bed, "two", *lines)
                    with network_of(two.pid):
                        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                        server.bind(("", 9))
                    server.settimeout(10 * SLOWNESS)
                    with server, member_socket(own, "") as client:
                        client.sendto(b"hello", (socket.inet_ntoa(two.v4[0]), 9))
                        equal(server.recvfrom(100)[1][0], socket.inet_ntoa(own.v4[0]), "who a neighbour sees")
                    bed.ctl("stop", "two").expect(0)
                bed.ctl("stop", "own").expect(0)
        wait_until(lambda: ruleset() == "", "the tables to go")


def test_nothing_else(bed):
    """The host's routing is for others what it was, before, while and after a container has a way out."""
    ruleset()
    with hosts("far", "third") as (far, third):
        def passes():
            """From one host to another, by ours; what is sent behind it comes from ours itself."""
            with third.socket("", 9) as server, far.socket("", 0) as client, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
                return is_heard(client, third.v4, server, lambda: here.sendto(b"mark", (third.v4, 9)))

        check(not passes(), "the host forwards before it is asked to")
        own = Member(bed, "own", "Zone=front", "Address=10.97.0.5/24 fd97::5/64")
        other = Member(bed, "other", "Zone=back", "Address=10.96.0.5/24 fd96::5/64")
        equal((forwarding("far"), forwarding("all"), forwarding("bz-front")), ("1", "0", "1"), "forwarding")
        seen_from(own, far, far.v4)
        check(not passes(), "the host forwards for others")
        with network_of(own.pid):
            inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            inside.bind(("", 9))
        inside.settimeout(10 * SLOWNESS)
        with inside, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
            with far.socket() as stranger, member_socket(other, "") as neighbour:
                for sender, who in ((stranger, "a stranger"), (neighbour, "another zone")):
                    check(not is_heard(sender, "10.97.0.5", inside, lambda: here.sendto(b"mark", ("10.97.0.5", 9))), who + " reaches a container")
        switch("/proc/sys/net/ipv4/ip_forward", "1")
        wait_until(passes, "the host to forward when it is told to")
        seen_from(own, far, far.v4)
        switch("/proc/sys/net/ipv4/ip_forward", "0")
        wait_until(lambda: forwarding("far") == "1" and forwarding("bz-front") == "1", "the way out to come back")
        seen_from(own, far, far.v4)
        check(not passes(), "the host forwards for others, when it has stopped to")
        with hosts_later() as late:
            wait_until(lambda: forwarding(late.name) == "1", "a new interface to be one by which packets come back")
            seen_from(own, late, late.v4)
        bed.ctl("stop", "other").expect(0)
        bed.kill_manager()
        check(not passes(), "the host forwards for others without a manager")
        seen_from(own, far, far.v4)
        bed.start_manager()
        seen_from(own, far, far.v4)
        bed.ctl("stop", "own").expect(0)
        wait_until(lambda: ruleset() == "", "the tables to go")
        equal((forwarding("far"), forwarding("third"), os.path.exists(os.path.join(bed.runtime, "forwarding"))), ("0", "0", False), "forwarding, at last")
        check(not passes(), "the host forwards after all")


@contextmanager
def hosts_later():
    host = Host("late", 9)
    try:
        yield host
    finally:
        host.close()


# --- ports of the host

def asked(server_pid, client_pid, to, port, inside, kind):
    """Who the server inside sees asking, over a whole exchange; pid 0: the host itself."""
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    with network_of(server_pid):
        server = socket.socket(family, kind)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("", inside))
    with network_of(client_pid or os.getpid()):
        client = socket.socket(family, kind)
    with server, client:
        for s in (server, client):
            s.settimeout(10 * SLOWNESS)
        if kind == socket.SOCK_STREAM:
            server.listen()
            client.connect((to, port))
            connection, sender = server.accept()
            with connection:
                connection.sendall(b"answer")
                equal(client.recv(100), b"answer", "what comes back")
        else:
            client.connect((to, port))
            client.send(b"question")
            sender = server.recvfrom(100)[1]
            server.sendto(b"answer", sender)
            equal(client.recv(100), b"answer", "what comes back")
        return sender[0]


def is_free(port, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET6, kind) as s:
        try:
            s.bind(("::", port))
        except OSError:
            return False
        return True


PORTS = ((socket.SOCK_STREAM, 8080, 80), (socket.SOCK_DGRAM, 5353, 53), (socket.SOCK_STREAM, 9005, 9005), (socket.SOCK_DGRAM, 7001, 6001),
         (socket.SOCK_STREAM, 8443, 443))


def test_publish(bed):
    """Each way to a published port, by TCP and UDP and both families, with and without br_netfilter; who asks from outside is seen."""
    ruleset()
    lines = "Port=8080:80 udp:5353:53", "Port=tcp:9000-9999", "Port=udp:7000-7003:6000-6003", "PublishPort=8443:443"
    with hosts("far") as (far,):
        for calls in "01":
            for name in ("iptables", "ip6tables"):
                if os.path.exists("/proc/sys/net/bridge/bridge-nf-call-" + name):
                    switch("/proc/sys/net/bridge/bridge-nf-call-" + name, calls)
            for network in ("Zone=front", "VirtualEthernet=yes"):
                web = Member(bed, "web", network, *lines)
                two = Member(bed, "two", network)
                check(not is_free(8080) and not is_free(5353, socket.SOCK_DGRAM), "published ports are free for others")
                for to, stranger in ((far.near_v4, far.v4), (far.near_v6, far.v6)):
                    for kind, port, inside in PORTS:
                        asked(web.pid, 0, to, port, inside, kind)
                        if to not in families(to):
                            continue
                        equal(asked(web.pid, far.process.pid, to, port, inside, kind), stranger, "who asks %d" % port)
                        asked(web.pid, two.pid, to, port, inside, kind)
                        if network == "Zone=front":
                            asked(web.pid, web.pid, to, port, inside, kind)
                for to in ("127.0.0.1", "::1"):
                    with socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET) as s:
                        s.settimeout(10 * SLOWNESS)
                        equal(s.connect_ex((to, 8080)), 111, "loopback is answered at once")
                equal(ruleset().count(". 9000-9999"), 2, "elements of a range")  # of tcp, or of 6 without /etc/protocols
                bed.ctl("stop", "web").expect(0)
                check("9000-9999" not in ruleset() and "8080" not in ruleset(), "elements are left")
                wait_until(lambda: is_free(8080) and is_free(8443), "the ports to be free")
                bed.ctl("stop", "two").expect(0)
    wait_until(lambda: ruleset() == "", "the tables to go")


def test_publish_on_one_address(bed):
    """Another address of the host, and another port of it, lead nowhere; two containers may have the same port of two addresses."""
    ruleset()
    with hosts("far", "third") as (far, third):
        web = Member(bed, "web", "Zone=front", "Port=%s:80" % far.near_v4)
        other = Member(bed, "other", "Zone=front", "Port=%s:80" % third.near_v4)
        equal(asked(web.pid, far.process.pid, far.near_v4, 80, 80, socket.SOCK_STREAM), far.v4, "who asks the one")
        equal(asked(other.pid, third.process.pid, third.near_v4, 80, 80, socket.SOCK_STREAM), third.v4, "who asks the other")
        with network_of(far.process.pid):
            client = socket.socket(socket.AF_INET6)
        with client:
            client.settimeout(10 * SLOWNESS)
            equal(client.connect_ex((far.near_v6, 80)), 111, "an address that is not published")
        bed.ctl("stop", "web", "other").expect(0)


def test_ports_refused(bed):
    """A port that somebody has, or that cannot be published, is refused with the line and the owner, before the host is touched."""
    ruleset()
    for lines, words in ((("Port=80",), "needs a network"), (("Bridge=br0", "Port=80"), "contradicts Bridge="),
                         (("Zone=a", "Port=80 80:90"), "stands twice"), (("Zone=a", "Port=80", "PublishPort=80:81"), "that a Port= of the unit has"),
                         (("Zone=a", "Port=127.0.0.1:80"), "BPF"), (("Zone=a", "PublishPort=80"), "to chance"), (("Zone=a", "Port=80-90:80"), "same length")):
        path = bed.unit("web", "ExecStart=/bin/true", *lines)
        bed.ctl("start", "web").expect(5, words, "web.container:")
        bed.verify(path).expect(5, words)
    bed.unit("web", "Zone=front", "Port=8080:80", "ExecStart=/bin/sleep 1000")
    with socket.socket() as mine:
        mine.bind(("127.0.0.1", 8080))
        mine.listen()
        bed.ctl("start", "web").expect(5, "web.container:", "(process %d) has the port tcp:8080" % os.getpid())
        check(not [n for n in json.loads(run_quietly("ip", "-j", "link")) if n["ifname"].startswith("b")] and ruleset() == "", "the host was changed")
    bed.unit("none", "Zone=front", "Port=203.0.113.9:80", "ExecStart=/bin/sleep 1000")
    bed.ctl("start", "none").expect(5, "none.container:", "no address 203.0.113.9")
    bed.ctl("start", "web").expect(0)
    bed.unit("two", "Zone=front", "Port=8000-9000", "ExecStart=/bin/sleep 1000")
    bed.ctl("start", "two").expect(5, "two.container:", "the container web has published a port of that: tcp:8080:80")
    bed.kill_manager()
    check(not is_free(8080), "the port is free without a manager")
    bed.start_manager()
    check(not is_free(8080), "the port is free under the next manager")
    bed.ctl("restart", "web").expect(0)
    check(not is_free(8080), "the port is free after a restart")
    os.kill(bed.keeper_pid(), signal.SIGKILL)
    wait_until(lambda: bed.ctl("list").code == 0 and not is_free(8080) and "8080" in ruleset(), "the port to be held by another keeper")
    bed.ctl("stop", "web").expect(0)
    wait_until(lambda: is_free(8080) and ruleset() == "", "all to go")
    bed.start_sleeper("web", "Zone=front", "Port=8080:80")
    bed.kill_manager()
    os.kill(int(read(os.path.join(bed.cgroup, "containers/web/payload/cgroup.procs")).split()[0]), signal.SIGKILL)
    bed.start_manager()
    wait_until(lambda: is_free(8080) and ruleset() == "", "all to go of a life that ended without a manager")


def test_foreign_firewall(bed):
    """A firewall that drops what is forwarded is told of at the start, and what is told lets it pass."""
    ruleset()
    chain = "add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }"
    with hosts("far") as (far,):
        try:
            run_quietly("nft", chain)
            web = Member(bed, "web", "Zone=front", "Port=8080:80")
            told = re.search(r"web: the chain FORWARD of the host's table filter drops .* but for: (.*)", read(bed.log))
            check(told, "nothing is told")
            with far.socket("", 9) as server, member_socket(web, "") as client, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
                check(not is_heard(client, far.v4, server, lambda: here.sendto(b"mark", (far.v4, 9))), "the firewall does nothing")
            for command in told[1].split("; "):
                run_quietly(*command.split())
            seen_from(web, far, far.v4)
            equal(asked(web.pid, far.process.pid, far.near_v4, 8080, 80, socket.SOCK_STREAM), far.v4, "who asks")
            run_quietly("nft", "add chain ip filter DOCKER-USER")
            bed.ctl("restart", "web").expect(0)
            contains(read(bed.log), "iptables -I DOCKER-USER -o bz-front -j ACCEPT")
            run_quietly("nft", "add chain ip filter ufw-before-forward")
            bed.ctl("restart", "web").expect(0)
            contains(read(bed.log), "ufw route allow in on bz-front")
            bed.ctl("stop", "web").expect(0)
        finally:
            run_quietly("nft", "delete", "table", "ip", "filter")


own_network()
run(__name__)
