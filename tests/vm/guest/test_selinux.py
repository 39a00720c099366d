# SPDX-License-Identifier: LGPL-2.1-or-later
"""SELinux in enforcing mode: who has which label, that it holds, and that what a payload needs still works."""

from bed import *
from attacks import DENIED, SELINUX, WORKS, denied_by  # noqa: bed knows where the host's suites lie


def label(pid):
    return read("/proc/%d/attr/current" % pid).strip("\0\n")


def level(context):
    return context.split(":", 3)[3]


def denials():
    """What the kernel logged last, for a failure's words."""
    log = subprocess.run(["dmesg"], stdout=subprocess.PIPE, check=False).stdout.decode(errors="replace")
    return "\n".join(line for line in log.splitlines() if "avc:" in line)[-6000:]


def explained(test):
    """A failure shows what was denied."""

    def run(bed):
        try:
            test(bed)
        except Failure as why:
            raise Failure("%s\n%s" % (why, denials())) from None

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@explained
def test_labels(bed):
    """manager, keeper, init, payload and exec: each in its domain, the pair is the container's own."""
    check(label(bed.manager.pid).startswith("system_u:system_r:bulwarkd_t:"), "the manager is " + label(bed.manager.pid))
    check(label(bed.keeper_pid()).startswith("system_u:system_r:bulwarkd_t:"), "the keeper is " + label(bed.keeper_pid()))
    bed.start_sleeper("web")
    own = label(bed.leader("web"))
    check(re.fullmatch(r"system_u:system_r:bulwark_c_t:s0:c\d+,c\d+", own), "the init is " + own)
    for pid in read(os.path.join(cgroup_directory(bed, "web"), "payload/cgroup.procs")).split():
        equal(label(int(pid)), own, "the label of %s" % pid)
    equal(bed.ctl("exec", "web", "cat", "/proc/self/attr/current").expect(0).out.strip("\0\n"), own, "a command's label")


def pair(bed, name):
    return level(label(bed.leader(name)))


def file_label(path):
    return os.getxattr(path, "security.selinux", follow_symlinks=False).decode().strip("\0")


def volume(bed, name):
    path = os.path.join(bed.directory, name)
    os.makedirs(os.path.join(path, "below"), exist_ok=True)
    for directory in (path, os.path.join(path, "below")):
        os.chmod(directory, 0o777)
    write(os.path.join(path, "below", "file"), "content\n", 0o666)
    return path


@explained
def test_attributes_are_the_managers(bed):
    """no process inside chooses another label."""
    bed.start_sleeper("web")
    for name in ("current", "exec", "fscreate", "keycreate"):
        result = bed.ctl("exec", "web", "sh", "-c", "echo system_u:system_r:init_t:s0 >/proc/self/attr/%s" % name)
        check(result.code != 0, "attr/%s can be written" % name)


@explained
def test_pairs(bed):
    """each container has a pair of its own, keeps it, and cannot touch what another's pair is on."""
    mine, other = volume(bed, "mine"), volume(bed, "other")
    bed.start_sleeper("a", "BindPaths=%s:/data" % mine)
    bed.start_sleeper("b", "BindPaths=%s:/data" % other, "BindPaths=%s:/mnt:nolabel" % mine)
    check(pair(bed, "a") != pair(bed, "b"), "both have " + pair(bed, "a"))
    equal(file_label(mine + "/below/file"), "system_u:object_r:bulwark_file_t:" + pair(bed, "a"), "the label of a's file")
    bed.ctl("exec", "a", "sh", "-c", "cat /data/below/file && echo x >>/data/below/file && touch /data/new").expect(0)
    equal(level(file_label(mine + "/new")), pair(bed, "a"), "the level of a new file")
    for command in ("cat /mnt/below/file", "ls /mnt", "touch /mnt/x", "rm /mnt/new"):
        check(bed.ctl("exec", "b", "sh", "-c", command).code != 0, "b can do: " + command)
    before = pair(bed, "a")
    bed.ctl("restart", "a").expect(0)
    equal(pair(bed, "a"), before, "the pair after a restart")


@explained
def test_labelled_once(bed):
    """a volume is labelled at its first use only, read-only binds never."""
    path, read_only = volume(bed, "once"), volume(bed, "read-only")
    untouched = file_label(read_only + "/below/file")
    lines = ("BindPaths=%s:/data" % path, "BindReadOnlyPaths=%s:/mnt" % read_only)
    bed.start_sleeper("web", *lines)
    bed.ctl("exec", "web", "cat", "/data/below/file", "/mnt/below/file").expect(0)
    check(bed.ctl("exec", "web", "touch", "/mnt/x").code != 0, "the read-only bind is writable")
    changed = os.stat(path + "/below/file").st_ctime_ns
    bed.ctl("restart", "web").expect(0)
    equal(os.stat(path + "/below/file").st_ctime_ns, changed, "the change time")
    equal(file_label(read_only + "/below/file"), untouched, "the label of what is bound read-only")


@explained
def test_links(bed):
    """what a link of root's leads to is labelled; one that a container laid, or below a service directory, labels nothing."""
    target = volume(bed, "linked")
    os.symlink(target, target + "-by")
    bed.start_sleeper("web", "BindPaths=%s-by:/data" % target)
    bed.ctl("exec", "web", "touch", "/data/below/new").expect(0)
    equal(level(file_label(target + "/below/file")), pair(bed, "web"), "the level of what a link leads to")
    bed.ctl("restart", "web").expect(0)
    bed.unit("thief", "ExecStart=/bin/sleep 1000", "BindPaths=%s:/data" % target)
    contains(bed.ctl("start", "thief").expect(5).err, "is labelled for the container web")

    mine, victim = volume(bed, "trap"), volume(bed, "victim")
    os.chmod(mine, 0o755)
    untouched = file_label(victim)
    bed.start_sleeper("bait", "BindPaths=%s:/data" % mine)
    bed.ctl("exec", "bait", "ln", "-s", victim, "/data/link").expect(0)
    equal(os.lstat(mine + "/link").st_uid, 0, "who has laid the link, as the disk has it")
    name = "bulwark-test-%d" % os.getpid()
    os.symlink(victim, "/var/lib/" + name)
    try:
        for line in ("BindPaths=%s/link:/data" % mine, "StateDirectory=" + name, "StateDirectory=%s/below" % name):
            bed.unit("prey", "ExecStart=/bin/sleep 1000", line)
            check(bed.ctl("start", "prey").code != 0, line + " starts")
            equal((file_label(victim), file_label(victim + "/below")), (untouched, untouched), "the victim's label after " + line)
    finally:
        os.unlink("/var/lib/" + name)


@explained
def test_service_directories(bed):
    """those that the manager makes have the container's label from their first life on, and its pair is kept for them."""
    name = "bulwark-test-%d" % os.getpid()
    try:
        bed.start_sleeper("web", "StateDirectory=" + name, "RuntimeDirectory=" + name)
        for base in ("/var/lib/", "/run/"):
            bed.ctl("exec", "web", "touch", base + name + "/file").expect(0)
            equal(file_label(base + name), "system_u:object_r:bulwark_file_t:" + pair(bed, "web"), "the label of " + base + name)
        contains(read(os.path.join(bed.state, "selinux")), "/var/lib/" + name)
    finally:
        bed.ctl("stop", "web")
        shutil.rmtree("/var/lib/" + name, ignore_errors=True)


@explained
def test_shared(bed):
    """shared: both may write, whatever their pairs."""
    path = volume(bed, "shared")
    for name in ("a", "b"):
        bed.start_sleeper(name, "BindPaths=%s:/data:shared" % path)
        bed.ctl("exec", name, "sh", "-c", "cat /data/below/file && echo %s >>/data/below/file" % name).expect(0)
    equal(file_label(path), "system_u:object_r:bulwark_share_t:s0", "the label")
    # What one makes there, whatever it is, is the other's, too.
    bed.ctl("exec", "a", "sh", "-c", "mkdir -p /data/new/below && chmod 777 /data/new && echo made >/data/new/below/file && ln -s file /data/new/below/link "
                                     "&& mkfifo /data/new/pipe && chmod -R a+rwX /data/new").expect(0)
    bed.ctl("exec", "b", "sh", "-c", "cat /data/new/below/link && echo more >>/data/new/below/file && echo b >/data/new/below/b "
                                     "&& mv /data/new/below/b /data/new/b && rm /data/new/b && rm /data/new/pipe").expect(0, "made")
    equal(file_label(path + "/new/below/file"), "system_u:object_r:bulwark_share_t:s0", "the label of a file that was made later")
    # A socket of one answers the other, as php-fpm's a web server; and nobody whom the tree is not shared with.
    head = "[Container]\nRootDirectory=/srv/bulwark/services\nBindPaths=%s:/data:shared\nExecStart=" % path
    bed.unit("server", raw=head + "/usr/bin/redis-server --port 0 --unixsocket /data/new/redis --unixsocketperm 777 --dir /tmp\n")
    bed.unit("client", raw=head + "/bin/sleep 1000\n")
    bed.ctl("start", "server", "client").expect(0)
    wait_until(lambda: bed.ctl("exec", "client", "redis-cli", "-s", "/data/new/redis", "ping").out == "PONG\n", "the server to answer the other container")


@explained
def test_contested(bed):
    """what is one container's own is not taken from it while it runs; afterwards whoever starts has it."""
    path = volume(bed, "contested")
    bed.start_sleeper("a", "BindPaths=%s:/data" % path)
    before = file_label(path + "/below/file")
    for option in ("", ":shared"):
        bed.unit("b", "ExecStart=/bin/sleep 1000", "BindPaths=%s:/data%s" % (path, option))
        bed.ctl("start", "b").expect(5, "b.container:4: BindPaths=: '%s' is labelled for the container a" % path, "option shared")
        equal(file_label(path + "/below/file"), before, "the label")
    bed.ctl("stop", "a").expect(0)
    bed.unit("b", "ExecStart=/bin/sleep 1000", "BindPaths=%s:/data" % path)
    bed.ctl("start", "b").expect(0)
    bed.ctl("exec", "b", "cat", "/data/below/file").expect(0)
    bed.ctl("start", "a").expect(5, "is labelled for the container b")
    bed.ctl("stop", "b").expect(0)
    bed.ctl("start", "a").expect(0)
    equal(file_label(path + "/below/file"), before, "the label, once it is the first one's again")


@explained
def test_read_only_file(bed):
    """a single file that is bound read-only can be read, follows the host, and keeps its label on disk; a link to it too."""
    path = os.path.join(bed.directory, "message")
    write(path, "first\n")
    os.symlink(path, os.path.join(bed.directory, "link"))
    before = file_label(path)
    bed.start_sleeper("web", "BindReadOnlyPaths=%s:/etc/shadow %s/link:/etc/group" % (path, bed.directory))
    with open(path, "a", encoding="utf-8") as f:
        f.write("second\n")
    for inside in ("/etc/shadow", "/etc/group"):
        equal(bed.ctl("exec", "web", "cat", inside).expect(0).out, "first\nsecond\n", inside)
    check(bed.ctl("exec", "web", "sh", "-c", "echo x >>/etc/shadow").code != 0, "it can be written")
    equal(file_label(path), before, "the label on disk")


@explained
def test_writable_root(bed):
    """ReadOnly=no: the root is labelled once and written to."""
    root = os.path.join(bed.directory, "own-root")
    shutil.copytree(bed.root, root, symlinks=True)
    bed.unit("web", raw="[Container]\nRootDirectory=%s\nReadOnly=no\nExecStart=/bin/sleep 1000\n" % root)
    bed.ctl("start", "web").expect(0)
    bed.ctl("exec", "web", "sh", "-c", "echo x >/etc/new && cat /etc/new").expect(0)
    equal(level(file_label(root + "/bin/busybox")), pair(bed, "web"), "the level of the root")
    bed.ctl("stop", "web").expect(0)
    shutil.rmtree(root)


@explained
def test_refused(bed):
    """what cannot be is refused with the line and a remedy; a leading '-' tolerates it."""
    bed.unit("web", "ExecStart=/bin/sleep 1000", "SELinuxContext=system_u:system_r:no_such_t:s0")
    refused = bed.ctl("start", "web")
    check(refused.code != 0, "an unknown context starts")
    contains(refused.err, "web.container:4: SELinuxContext=: this host's policy knows no context")
    bed.unit("web", "ExecStart=/bin/sleep 1000", "BindPaths=/etc:/mnt")
    refused = bed.ctl("start", "web")
    check(refused.code != 0, "/etc can be a container's own")
    contains(refused.err, "not relabelled")
    check(file_label("/etc").split(":")[2] == "etc_t", "/etc is " + file_label("/etc"))
    bed.start_sleeper("lenient", "SELinuxContext=-system_u:system_r:no_such_t:s0")
    check("bulwarkd_t" in label(bed.leader("lenient")), label(bed.leader("lenient")))
    bed.start_sleeper("free", "MandatoryAccessControl=no")
    check("bulwarkd_t" in label(bed.leader("free")), label(bed.leader("free")))


@explained
def test_killed_manager(bed):
    """a manager that was killed finds the labels and pairs again."""
    bed.start_sleeper("web")
    before = label(bed.leader("web"))
    bed.kill_manager()
    bed.start_manager()
    equal(label(bed.leader("web")), before, "the label")
    equal(bed.active("web"), "active", "state")
    bed.start_sleeper("other")
    check(pair(bed, "other") != level(before), "the pair was given to another")
    bed.ctl("exec", "web", "true").expect(0)


@explained
def test_new_privileges(bed):
    """the domain is entered with NoNewPrivileges= on and off."""
    for value in ("yes", "no"):
        bed.start_sleeper("web", "NoNewPrivileges=" + value)
        check(":bulwark_c_t:" in label(bed.leader("web")), label(bed.leader("web")))
        bed.ctl("exec", "web", "true").expect(0)
        bed.ctl("stop", "web").expect(0)


@explained
def test_policy_reload(bed):
    """a policy that is loaded again and again changes nothing for who runs, starts, is executed and stops meanwhile."""
    bed.start_sleeper("web")
    before = label(bed.leader("web"))
    for _ in range(5):
        loading = bed.spawn(["load_policy"])
        bed.start_sleeper("other")
        bed.ctl("exec", "web", "true").expect(0)
        bed.ctl("stop", "other").expect(0)
        equal(loading.wait(60 * SLOWNESS), 0, "exit code of load_policy")
    equal(label(bed.leader("web")), before, "the label")
    equal((bed.active("web"), bed.property("web", "Result")), ("active", "success"), "state")


# --- SELinux alone: what a domain may do to the host when nothing else is in the way


ARMS = (("busybox-manager", shutil.which("busybox"), "bulwarkd_exec_t"), ("busybox", shutil.which("busybox"), "bulwark_file_t"),
        ("hostile", os.path.join(BUILD, "tests/host/hostile"), "bulwark_file_t"))
# A root that a container's domain may walk, with the host's own kernel file systems.
MAKE_ROOT = """mount --bind $1 $1 && cd $1 && for fs in proc sys dev; do mount --rbind /$fs $fs || exit; done && pivot_root . old &&
cd / && umount -l /old && shift && exec /busybox-manager sh -c "$@" """


def armed(bed):
    """A shell that enters bulwarkd_t, and the programs that a domain of a container may execute."""
    arms = os.path.join(bed.directory, "arms")
    if os.path.exists(arms):
        return
    for name in ("proc", "sys", "dev", "old", "mnt", "tmp"):
        os.makedirs(os.path.join(arms, name))
    write(os.path.join(arms, "secret"), "root: of the host\n")
    subprocess.run(["chcon", "-R", "system_u:object_r:bulwark_file_t:s0", arms], check=True)
    subprocess.run(["chcon", "-t", "shadow_t", os.path.join(arms, "secret")], check=True)
    for name, source, kind in ARMS:
        path = os.path.join(arms, name)
        shutil.copy(source, path)
        subprocess.run(["chcon", "system_u:object_r:%s:s0" % kind, path], check=True)


def on_the_host(bed, context, program, *arguments, before=":"):
    """As the host's root, in a mount namespace that may be broken, in the domain alone; context "" is the manager's own."""
    arms = os.path.join(bed.directory, "arms")
    enter = 'printf %s "$0" >/proc/self/attr/exec && ' if context else ""
    return bed.run(["unshare", "-m", arms + "/busybox-manager", "sh", "-c", MAKE_ROOT, "sh", arms, before + "; " + enter + 'exec "$@"',
                    context or "sh", "/" + program, *arguments])


def payload(bed, name):
    """The host's pid of the sleep."""
    pids = [int(p) for p in read(os.path.join(cgroup_directory(bed, name), "payload/cgroup.procs")).split()]
    return next(p for p in pids if read("/proc/%d/comm" % p).strip() == "sleep")


def container_context(level):
    return "system_u:system_r:bulwark_c_t:" + level


@explained
def test_attacks_by_the_domain_alone(bed):
    """with the host's root, every capability, no filter and no mask the domain denies each attack; without it each works."""
    armed(bed)
    attacks = denied_by(SELINUX)
    free, bound = (json.loads(on_the_host(bed, context, "hostile", "try", "control", *attacks).expect(0).out)
                   for context in ("", container_context("s0:c1,c2")))
    equal((free.pop("control"), bound.pop("control")), ("ok", "ok"), "the program that attacks")
    equal({k: v for k, v in free.items() if v not in WORKS}, {}, "what does not work without the domain")
    equal({k: v for k, v in bound.items() if v not in DENIED}, {}, "what the domain did not deny")


@explained
def test_pairs_keep_processes_apart(bed):
    """by the pair alone: no signal, no look, no trace from one container's domain to a process of another; with its own each works."""
    armed(bed)
    bed.start_sleeper("victim", "PrivateUsers=no")
    pid = payload(bed, "victim")
    own = level(label(pid))
    other = "s0:c1,c2" if own != "s0:c1,c2" else "s0:c3,c4"
    attacks = ["read:/proc/%d/environ" % pid, "trace:%d" % pid]
    results = {}
    for name, pair_of in (("own", own), ("other", other)):
        results[name] = json.loads(on_the_host(bed, container_context(pair_of), "hostile", "try", *attacks).expect(0).out)
        for number in (0, int(signal.SIGCONT), int(signal.SIGURG)):
            done = on_the_host(bed, container_context(pair_of), "busybox", "kill", "-%d" % number, str(pid))
            results[name]["signal %d" % number] = "ok" if done.code == 0 else "EACCES"
    # Last: it would end the victim.
    on_the_host(bed, container_context(other), "busybox", "kill", "-9", str(pid))
    time.sleep(0.5)
    equal(payload(bed, "victim"), pid, "the victim of SIGKILL")
    equal(set(results["own"].values()), {"ok"}, "what the container's own pair may: %s" % results["own"])
    check("ok" not in results["other"].values(), "what another pair may: %s" % results["other"])


@explained
def test_leaked_descriptor(bed):
    """a file of the host that was left open is not readable in the domain."""
    armed(bed)
    for context, expected in (("", True), (container_context("s0:c1,c2"), False)):
        result = on_the_host(bed, context, "busybox", "sh", "-c", "cat <&9; true", before="exec 9</secret").expect(0)
        equal("root:" in result.out, expected, "the file could be read in %s" % (context or "the manager's domain"))


# --- the module of all units: few transactions, as each takes the emulated guest a minute


def port_records():
    """tcp 600 -> its type, of the local records."""
    path = "/var/lib/selinux/default/active/ports.local"
    lines = [line.split() for line in (read(path).splitlines() if os.path.exists(path) else []) if line.startswith("portcon")]
    return {words[1] + " " + "".join(words[2:-1]): words[-1].split(":")[2] for words in lines}  # "601 - 602"


RULE = "SELinuxExtraRules=(allow process var_log_t (bulwark_tree (look)))"
PORTS = "SocketBindAllow=tcp:80 tcp:600"


@explained
def test_rules_of_a_unit(bed):
    """SELinuxExtraRules= and SocketBindAllow=: refused without, built once with progress, then no work any more."""
    secret = volume(bed, "foreign")
    subprocess.run(["chcon", "-R", "-t", "var_log_t", secret], check=True)
    bind = "BindReadOnlyPaths=%s:/mnt:nolabel" % secret
    bed.start_sleeper("without", bind)
    check(bed.ctl("exec", "without", "cat", "/mnt/below/file").code != 0, "readable without a rule")
    bed.unit("with", "ExecStart=/bin/sleep 1000", bind, RULE, PORTS)
    begin = time.monotonic()
    bed.ctl("start", "with", timeout=900).expect(0)  # an emulated policy compiler on a busy host
    first = time.monotonic() - begin
    check(re.search(r":bw_[0-9a-f]{16}\.process:s0:c", label(bed.leader("with"))), label(bed.leader("with")))
    bed.ctl("exec", "with", "cat", "/mnt/below/file").expect(0)
    begin = time.monotonic()
    bed.ctl("restart", "with").expect(0)
    print("# the first start took %.1f s, the second %.1f s" % (first, time.monotonic() - begin))
    check(time.monotonic() - begin < first / 3, "the module was built again")
    # A port with a type of its own keeps it; one without has a record.
    equal(bed.exec_inside("with", "try", "bind-port:80", "bind-port:600", "bind-port:601"),
          {"bind-port:80": "ok", "bind-port:600": "ok", "bind-port:601": "EACCES"}, "ports of the unit")
    equal(bed.exec_inside("without", "try", "bind-port:80", "bind-port:600"), {"bind-port:80": "EACCES", "bind-port:600": "EACCES"}, "of another")
    equal(port_records(), {"tcp 600": "bulwark_port_t"}, "local records")


@explained
def test_lost_domain(bed):
    """a domain that is taken from under its containers: MACLost=stop ends the one, warn lets the other go on and tells."""
    bed.start_sleeper("victim", RULE, PORTS)
    bed.start_sleeper("loud", RULE, PORTS, "MACLost=warn")
    bed.start_sleeper("witness")
    bed.run(["semodule", "-X", "400", "-r", "bulwark_units"], timeout=900).expect(0)
    bed.wait_active("victim", "failed")
    equal(bed.property("victim", "Result"), "mac-lost", "Result")
    contains(bed.property("victim", "LastError"), "while it runs a process has the selinux label")
    wait_until(lambda: json.loads(bed.ctl("show", "loud", "-o", "json").out)["MACLabelLost"], "the loss to be noticed")
    equal((bed.active("loud"), bed.active("witness")), ("active", "active"), "who goes on")
    equal(pair(bed, "witness").count("c"), 2, "the witness's label")


@explained
def test_module_comes_again(bed):
    """the next unit brings the module back; ports that no unit names any more have no record."""
    bed.unit("next", "ExecStart=/bin/sleep 1000", "SocketBindAllow=tcp:601-602 udp:700")
    bed.ctl("start", "next", timeout=900).expect(0)
    equal(bed.exec_inside("next", "try", "bind-port:601", "bind-port:600"), {"bind-port:601": "ok", "bind-port:600": "EACCES"}, "ports")
    equal(port_records(), {"tcp 601-602": "bulwark_port_t", "udp 700": "bulwark_port_t"}, "local records")


@explained
def test_ports(bed):
    """a port from 1024 on may be bound, whatever its type; one below may not, though the container's root has the capability."""
    found = bed.inside("web", arguments="try bind-port:8080 bind-port:9123 bind-port:80")
    equal(found, {"bind-port:8080": "ok", "bind-port:9123": "ok", "bind-port:80": "EACCES"}, "answers")
    free = bed.inside("free", "MandatoryAccessControl=no", arguments="try bind-port:80")
    equal(free, {"bind-port:80": "ok"}, "without SELinux")


@explained
def test_written_root_paths(bed):
    """ReadWritePaths=: what is written stands in the root on disk."""
    root = os.path.join(bed.directory, "part-root")
    shutil.copytree(bed.root, root, symlinks=True)
    bed.unit("web", raw="[Container]\nRootDirectory=%s\nReadWritePaths=/data\nExecStart=/bin/sleep 1000\n" % root)
    bed.ctl("start", "web").expect(0)
    bed.ctl("exec", "web", "sh", "-c", "echo x >/data/new").expect(0)
    check(bed.ctl("exec", "web", "sh", "-c", "echo x >/etc/new").code != 0, "all of the root is writable")
    equal(read(root + "/data/new"), "x\n", "the file on disk")
    bed.ctl("stop", "web").expect(0)
    shutil.rmtree(root)


@explained
def test_no_network_domain(bed):
    """without an IP family in RestrictAddressFamilies= the domain has no IP sockets either."""
    bed.start_sleeper("web", "RestrictAddressFamilies=AF_UNIX")
    check(":bulwark_nonet_t:" in label(bed.leader("web")), label(bed.leader("web")))
    bed.ctl("exec", "web", "true").expect(0)


@explained
def test_boot_domain(bed):
    """Boot=yes has a domain of its own."""
    bed.unit("box", "Boot=yes", "ExecStart=/bin/sleep 1000", "ProcessTwo=no")
    result = bed.ctl("start", "box")
    if result.code == 0:
        check(":bulwark_init_t:" in label(bed.leader("box")), label(bed.leader("box")))


def known(context):
    try:
        with open("/sys/fs/selinux/context", "w", encoding="ascii") as f:
            f.write(context)
        return True
    except OSError:
        return False


@explained
def test_policy_command(bed):
    """policy remove: refused under running domains, then it leaves nothing; policy install: as before, and again no work."""
    program = "/usr/lib/bulwark/bulwarkd"
    bed.start_sleeper("web")
    refused = bed.ctl("policy", "remove")
    check(refused.code != 0 and known(container_context("s0:c1,c2")), "removed under a running container: %s" % refused)
    contains(refused.err, "runs in a domain of Bulwark's")
    bed.ctl("stop", "web").expect(0)
    bed.stop_manager()
    wait_until(lambda: not bed.keeper_pids(), "the keeper to end")
    try:
        bed.ctl("policy", "remove", timeout=900).expect(0)
        check(not known(container_context("s0:c1,c2")), "the domain is still known")
        equal(port_records(), {}, "local records")
        subprocess.run(["chcon", "-t", "usr_t", program], check=True)
    finally:
        bed.ctl("policy", "install", timeout=900).expect(0)
    equal(file_label(program), "system_u:object_r:bulwarkd_exec_t:s0", "the label of the installed manager")
    equal(file_label("/usr/lib/bulwark/bulwark-policy"), "system_u:object_r:bin_t:s0", "the label of the helper")
    contains(bed.ctl("policy", "install").expect(0).out, "is unchanged")
    bed.start_manager()
    check(label(bed.manager.pid).startswith("system_u:system_r:bulwarkd_t:"), "the manager is " + label(bed.manager.pid))
    bed.start_sleeper("web")
    check(label(bed.leader("web")).startswith(container_context("s0:c")), label(bed.leader("web")))


run(__name__)
