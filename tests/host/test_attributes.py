# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a payload has in place of what it would inherit, and what the directives say otherwise."""

import platform
import sys

from harness import *

INFINITY = (1 << 64) - 1
CHANGED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "changed.py")
# In the order of their numbers, which is that of the report.
LIMITS = ("CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO",
          "RTTIME")
CAP_SYS_RESOURCE, CAP_SYS_NICE = 24, 23


def capable(capability):
    return int(status_of({"status": read("/proc/self/status").splitlines()})["CapEff"], 16) & 1 << capability


def table():
    """Names of attributes.inc, each limit of the kernel in place of its two patterns."""
    text = read(os.path.join(SOURCE, "manager/plan/attributes.inc"))
    limits = re.findall(r'^RESOURCE_LIMIT\((\w+), +"(\w+)"', read(os.path.join(SOURCE, "units/values/resource-limits.inc")), re.M)
    names = re.findall(r'^ATTRIBUTE\("([^"]*)"(?: word)?,', text, re.M)
    return [name for name in names if not name.endswith("limit of ")] + ["limit of " + name for name, _ in limits]


def threads():
    """Half of what the host can have, as the manager counts."""
    return min(int(read("/proc/sys/kernel/" + name)) for name in ("threads-max", "pid_max")) // 2


def limit(report, name):
    return tuple(report["limits"][LIMITS.index(name)])


def ignored(report):
    return int(status_of(report)["SigIgn"], 16)


def all_processors():
    return status_of({"status": read("/proc/1/status").splitlines()})["Cpus_allowed_list"]


def either(value, *allowed):
    check(value in allowed, "%r is none of %r" % (value, allowed))


# One look from inside for each row of the table.
DEFAULTS = {
    "oom_score_adj": lambda r: equal(r["oom_score_adj"], ["0"] if capable(CAP_SYS_RESOURCE) or r["oom_score_adj"] == ["0"] else ["300"], "oom_score_adj"),
    "coredump filter": lambda r: equal(r["coredump_filter"], ["00000033"], "coredump_filter"),
    "ignored signals": lambda r: equal((ignored(r), int(status_of(r)["SigBlk"], 16)), (0, 0), "signals"),
    "personality": lambda r: equal(r["personality"], 0, "personality"),
    "timer slack": lambda r: equal(r["timer_slack"], 50000, "timer slack"),
    "THP": lambda r: equal(r["thp_disable"], 0, "THP disabled"),
    "KSM": lambda r: either(r["memory_merge"], 0, -22),
    "time stamp counter": lambda r: either(r["tsc"], 1, -22),
    "machine checks": lambda r: either(r["machine_checks"], 2, -22),
    "I/O flusher": lambda r: either(r["io_flusher"], 0, -1, -22),
    "NUMA policy": lambda r: either(r["numa_policy"], 0, -1, -38),
    "CPU affinity": lambda r: equal(status_of(r)["Cpus_allowed_list"], all_processors(), "processors"),
    "I/O priority": lambda r: either(r["io_priority"], 0, 4, 2 << 13 | 4),
    "nice level": lambda r: equal(r["nice"], 0, "nice"),
    "scheduling policy": lambda r: equal((r["scheduling"], r["priority"]), (0, 0), "policy"),
    "core scheduling cookie": lambda r: None,  # test_core_cookie
    "file mode mask": lambda r: equal(r["umask"], 0o022, "umask"),
    "user keyring": lambda r: check(not any("_uid." in line for line in r["keys"] or []), "a user's keyring is there"),
    "secure bits": lambda r: equal(r["securebits"], 0, "securebits"),
    "reset on fork": lambda r: equal(r["scheduling"] & 0x40000000, 0, "reset on fork"),
    "session keyring": lambda r: either(r["keyring"] > 0 or r["keyring"] == -1, True),
    "controlling terminal": lambda r: equal(r["controlling_terminal"], -6, "/dev/tty"),
    "working directory": lambda r: equal(r["cwd"], "/", "cwd"),
    "environment": lambda r: check(not any(e.startswith("BULWARK_") for e in r["environment"]), "the manager's environment"),
    "parent death signal": lambda r: equal(r["death_signal"], 0, "death signal"),
    "dumpable": lambda r: equal(r["dumpable"], 1, "dumpable"),
    "child subreaper": lambda r: equal(r["subreaper"], 0, "subreaper"),
}
DEFAULT_LIMITS = {
    "CPU": (INFINITY, INFINITY), "FSIZE": (INFINITY, INFINITY), "DATA": (INFINITY, INFINITY), "STACK": (8 << 20, INFINITY),
    "CORE": (0, INFINITY), "RSS": (INFINITY, INFINITY), "NPROC": None, "NOFILE": (1024, 524288), "MEMLOCK": (8 << 20, 8 << 20),
    "AS": (INFINITY, INFINITY), "LOCKS": (INFINITY, INFINITY), "SIGPENDING": None, "MSGQUEUE": (819200, 819200), "NICE": (0, 0),
    "RTPRIO": (0, 0), "RTTIME": (INFINITY, INFINITY),
}


def own_hard(name):
    import resource

    return getattr(resource, "RLIMIT_" + name, {"LOCKS": 10}.get(name)) , resource


def check_limit(report, name):
    """The default, as far as a host without CAP_SYS_RESOURCE lets it."""
    number, resource = own_hard(name)
    soft, hard = DEFAULT_LIMITS[name] or (threads(), threads())
    above = resource.getrlimit(number)[1]
    if not capable(CAP_SYS_RESOURCE) and above != resource.RLIM_INFINITY:
        hard = min(hard, above)
    equal(limit(report, name), (min(soft, hard), hard), "limit " + name)


def check_defaults(report, whose):
    problems = []
    for name in table():
        try:
            if name.startswith("limit of "):
                check_limit(report, name[len("limit of "):])
            else:
                DEFAULTS[name](report)
        except Failure as e:
            problems.append("%s: %s: %s" % (whose, name, e))
    check(not problems, "\n".join(problems))


def test_table_is_whole(bed):
    """each row of the table is looked at from inside."""
    equal(sorted(name for name in table() if not name.startswith("limit of ")), sorted(DEFAULTS), "rows")
    equal(sorted(name[len("limit of "):] for name in table() if name.startswith("limit of ")), sorted(DEFAULT_LIMITS), "limits")


def restart_changed(bed):
    bed.stop_manager()
    bed.start_manager(sys.executable, CHANGED)
    pid = bed.keeper_pid()
    status = status_of({"status": read("/proc/%d/status" % pid).splitlines()})
    equal(read("/proc/%d/oom_score_adj" % pid), "300\n", "the keeper's own oom_score_adj")
    check("," not in status["Cpus_allowed_list"] and "-" not in status["Cpus_allowed_list"], "the keeper runs on more than one processor")
    equal(os.getpriority(os.PRIO_PROCESS, pid), min(os.nice(0) + 10, 19), "the keeper's nice level")


def test_nothing_is_inherited(bed):
    """a keeper that was changed in every way starts a payload, commands, an exec session and a probe as any other."""
    restart_changed(bed)
    path = os.path.join(bed.out, "pre")
    try:
        check_defaults(bed.inside("payload"), "payload")
        check_defaults(bed.inside("alone", "ProcessTwo=no"), "without the init")
        check_defaults(bed.inside("hosts", "PrivateUsers=no"), "with the host's users")
        bed.unit("pre", "Type=oneshot", "ExecStartPre=/bin/inside report", "ExecStart=/bin/true", "StandardOutput=append:" + path)
        bed.ctl("start", "--wait", "pre").expect(0)
        check_defaults(json.loads(read(path)), "command beside")
        bed.start_sleeper("web")
        check_defaults(bed.exec_inside("web", "report"), "exec")
        bed.ctl("probe", "web").expect(0)
    finally:
        bed.stop_manager()
        bed.start_manager()


def test_init(bed):
    """the init is no better off than the payload when memory runs out."""
    restart_changed(bed)
    try:
        bed.start_sleeper("web")
        text = read("/proc/%d/oom_score_adj" % bed.leader("web"))
        equal(text, "0\n", "oom_score_adj of the leader")
        equal(bed.exec_inside("web", "report")["oom_score_adj"], ["0"], "exec")
    finally:
        bed.stop_manager()
        bed.start_manager()


def test_core_cookie(bed):
    """a cookie of the keeper's is not the container's."""
    report = bed.inside("plain")
    if report["core_cookie"] < 0:
        raise Skip("this kernel, or machine, does not schedule by cores")
    equal(report["core_cookie"], 0, "cookie")


# DIRECTIVES, and what is seen then.
CHOSEN = [
    (["OOMScoreAdjust=444"], lambda r: r["oom_score_adj"] == ["444"]),
    (["Nice=7"], lambda r: r["nice"] == 7),
    (["Nice=-5"], lambda r: r["nice"] == -5),
    (["UMask=0077"], lambda r: r["umask"] == 0o077),
    (["UMask=0777"], lambda r: r["umask"] == 0o777),
    (["IgnoreSIGPIPE=yes"], lambda r: ignored(r) == 1 << 12),
    (["CPUAffinity=0"], lambda r: status_of(r)["Cpus_allowed_list"] == "0"),
    (["CPUSchedulingPolicy=batch"], lambda r: r["scheduling"] == 3),
    (["CPUSchedulingPolicy=idle"], lambda r: r["scheduling"] == 5),
    (["CPUSchedulingPolicy=rr", "CPUSchedulingPriority=7"], lambda r: (r["scheduling"], r["priority"], r["scheduling_of_fork"]) == (2, 7, 2)),
    (["CPUSchedulingPolicy=fifo", "CPUSchedulingResetOnFork=yes"],
     lambda r: (r["scheduling"], r["priority"], r["scheduling_of_fork"]) == (0x40000001, 1, 0)),
    (["IOSchedulingClass=idle"], lambda r: r["io_priority"] == 3 << 13),
    (["IOSchedulingClass=best-effort", "IOSchedulingPriority=2"], lambda r: r["io_priority"] == 2 << 13 | 2),
    (["IOSchedulingPriority=6"], lambda r: r["io_priority"] == 2 << 13 | 6),
    (["IOSchedulingClass=realtime"], lambda r: r["io_priority"] == 1 << 13 | 4),
    (["TimerSlackNSec=1ms"], lambda r: r["timer_slack"] == 1000000),
    (["CoredumpFilter=elf-headers"], lambda r: r["coredump_filter"] == ["00000010"]),
    (["MemoryTHP=disable"], lambda r: r["thp_disable"] == 1),
    (["SecureBits=noroot no-setuid-fixup-locked"], lambda r: r["securebits"] == 9 and int(status_of(r)["CapEff"], 16) == 0),
    (["SecureBits=keep-caps-locked", "User=1000"], lambda r: r["securebits"] == 32 and r["uid"] == 1000),
    (["LimitNOFILE=64:128"], lambda r: limit(r, "NOFILE") == (64, 128)),
    (["LimitNOFILE=5"], lambda r: limit(r, "NOFILE") == (5, 5)),
    (["LimitNPROC=77", "User=1000"], lambda r: limit(r, "NPROC") == (77, 77)),
    (["LimitCORE=1M:infinity"], lambda r: limit(r, "CORE") == (1 << 20, INFINITY)),
    (["LimitMEMLOCK=64K"], lambda r: limit(r, "MEMLOCK") == (65536, 65536)),
    (["LimitCPU=1h:2h"], lambda r: limit(r, "CPU") == (3600, 7200)),
    (["LimitFSIZE=1G"], lambda r: limit(r, "FSIZE") == (1 << 30, 1 << 30)),
    (["LimitDATA=1G"], lambda r: limit(r, "DATA") == (1 << 30, 1 << 30)),
    (["LimitSTACK=1M:2M"], lambda r: limit(r, "STACK") == (1 << 20, 2 << 20)),
    (["LimitRSS=1G"], lambda r: limit(r, "RSS") == (1 << 30, 1 << 30)),
    (["LimitAS=1G"], lambda r: limit(r, "AS") == (1 << 30, 1 << 30)),
    (["LimitLOCKS=9"], lambda r: limit(r, "LOCKS") == (9, 9)),
    (["LimitSIGPENDING=99"], lambda r: limit(r, "SIGPENDING") == (99, 99)),
    (["LimitMSGQUEUE=4K"], lambda r: limit(r, "MSGQUEUE") == (4096, 4096)),
    (["LimitRTTIME=200ms"], lambda r: limit(r, "RTTIME") == (200000, 200000)),
    (["Ulimit=nofile=30:60 core=0"], lambda r: limit(r, "NOFILE") == (30, 60) and limit(r, "CORE") == (0, 0)),
    (["Ulimit=nofile=30:60", "LimitNOFILE=50"], lambda r: limit(r, "NOFILE") == (50, 50)),
]
# The same where the host can; else the start must be refused by name.
PERHAPS = [
    (["NUMAPolicy=bind", "NUMAMask=0", "SystemCallFilter=@known"], "NUMAMask=", lambda r: (r["numa_policy"], r["numa_nodes"]) == (2, 1)),
    (["MemoryKSM=yes"], "MemoryKSM=", lambda r: r["memory_merge"] == 1),
    (["MemoryTHP=madvise"], "MemoryTHP=", lambda r: r["thp_disable"] == 3),
    (["OOMScoreAdjust=-500"], "OOMScoreAdjust=", lambda r: r["oom_score_adj"] == ["-500"]),
    (["LimitNICE=-5"], "LimitNICE=", lambda r: limit(r, "NICE") == (25, 25)),
    (["LimitRTPRIO=10"], "LimitRTPRIO=", lambda r: limit(r, "RTPRIO") == (10, 10)),
    (["LimitNOFILE=infinity"], "LimitNOFILE=", lambda r: limit(r, "NOFILE") == (int(read("/proc/sys/fs/nr_open")),) * 2),
    (["Ulimit=nofile=1000000"], "Ulimit=", lambda r: limit(r, "NOFILE") == (1000000, 1000000)),
]


def test_directives(bed):
    """each directive is what the payload has."""
    for lines, seen in CHOSEN:
        report = bed.inside("chosen", *lines)
        check(seen(report), "%s is not there: %s" % (lines, {k: report[k] for k in report if k in ("limits", "nice", "scheduling", "priority",
              "scheduling_of_fork", "io_priority", "securebits", "coredump_filter", "thp_disable", "uid", "umask")}))


def test_directives_in_exec(bed):
    """who joins has the same."""
    bed.start_sleeper("web", "Nice=7", "OOMScoreAdjust=444", "LimitNOFILE=64:128", "UMask=0077", "IgnoreSIGPIPE=yes", "TimerSlackNSec=1ms",
                      "CPUAffinity=0", "SecureBits=noroot")
    bed.start_sleeper("real", "CPUSchedulingPolicy=fifo", "CPUSchedulingResetOnFork=yes")
    for options in ([], ["-u", "1000"]):
        report = bed.exec_inside("web", "report", options=options)
        equal((report["oom_score_adj"], limit(report, "NOFILE"), report["umask"], ignored(report), report["timer_slack"], report["securebits"]),
              (["444"], (64, 128), 0o077, 1 << 12, 1000000, 1), "exec %s" % options)
        equal((report["nice"], status_of(report)["Cpus_allowed_list"]), (7, "0"), "exec %s" % options)
        report = bed.exec_inside("real", "report", options=options)
        equal((report["scheduling"], report["scheduling_of_fork"]), (0x40000001, 0), "exec %s" % options)


def test_directives_perhaps(bed):
    """what only some hosts can give is there, or the start is refused with the line."""
    for lines, name, seen in PERHAPS:
        path = os.path.join(bed.out, "perhaps")
        if os.path.exists(path):
            os.unlink(path)
        bed.unit("perhaps", "Type=oneshot", "ExecStart=/bin/inside report", "StandardOutput=truncate:" + path, *lines)
        result = bed.ctl("start", "--wait", "perhaps")
        if result.code == 0:
            report = json.loads(read(path))
            check(seen(report), "%s started and is not there: %s" % (lines, report["limits"]))
        else:
            result.expect(result.code, name, "perhaps.container:")
            check(not (capable(CAP_SYS_RESOURCE) and name.startswith(("Limit", "OOM", "Ulimit"))), "refused, and the host may: %s" % result)


def test_limits_hold(bed):
    """a limit is one: the kernel refuses what lies above it."""
    bed.unit("files", "Type=oneshot", "LimitNOFILE=10", "ExecStart=/bin/sh -c 'for i in 3 4 5 6 7 8 9; do eval \"exec $i</dev/null\" || exit 7; done; "
             "cat /dev/null || exit 0; exit 9'")
    bed.ctl("start", "--wait", "files").expect(0)
    bed.unit("size", "Type=oneshot", "LimitFSIZE=4K", "ExecStart=/bin/sh -c 'dd if=/dev/zero of=/tmp/x bs=8192 count=1 && exit 0; exit 9'")
    check(bed.ctl("start", "--wait", "size").code != 0, "a file grew over its limit")
    result = bed.inside("hard", "LimitNOFILE=64:128", arguments="try setrlimit-files:129 setrlimit-files:128")
    equal(result, {"setrlimit-files:129": "EPERM", "setrlimit-files:128": "ok"}, "raising")


def test_refused_by_the_host(bed):
    """what the host does not have is refused by name."""
    for lines, words in (
        (["CPUAffinity=0 8000"], ["CPUAffinity=", "no such processor"]),
        (["NUMAPolicy=bind", "NUMAMask=1000"], ["NUMAMask=", "NUMA"]),
    ):
        bed.unit("refused", "ExecStart=/bin/sleep 1000", *lines)
        result = bed.ctl("start", "refused")
        check(result.code != 0, "%s was started" % lines)
        result.expect(result.code, "refused.container:", *words)


def test_keyring_shared(bed):
    """KeyringMode=shared links the keyring of the container's user, and of no other."""
    report = bed.inside("shared", "KeyringMode=shared", "User=1000", "SystemCallFilter=@known")
    check(report["keyring"] > 0, "the session keyring cannot be read: %s" % report["keyring"])
    for lines, expected in (["KeyringMode=shared"], "ok"), ([], "ENOKEY"):
        result = bed.inside("search", "SystemCallFilter=@known", *lines, arguments="try key-of-user")
        equal(result["key-of-user"], expected, "a key of the user's keyring, by the session, with %s" % lines)


def test_personality(bed):
    """Personality= is what uname says."""
    if platform.machine() != "x86_64":
        raise Skip("there are no 32-bit names here that every kernel has")
    report = bed.inside("narrow", "Personality=x86")
    equal(report["personality"], 8, "personality")
    equal(bed.inside("native", "Personality=x86-64")["personality"], 0, "personality")


# --- what a payload reads and finds


def output_of(bed, name, command, *lines, environment=None):
    """What a shell command in a new container prints."""
    path = os.path.join(bed.out, name)
    if os.path.exists(path):
        os.unlink(path)
    bed.unit(name, "Type=oneshot", "ExecStart=/bin/sh -c '%s'" % command, "StandardOutput=truncate:" + path, *lines)
    bed.ctl("start", "--wait", name).expect(0)
    return read(path)


def test_standard_input(bed):
    """StandardInput= and its data, in the payload, in commands, and never as a file of the host."""
    equal(output_of(bed, "null", "cat; readlink /proc/self/fd/0"), "/dev/null\n", "nothing")
    text = ("StandardInputText=one line of \"%N\"", "StandardInputText=two\\ttabs")
    equal(output_of(bed, "text", "cat", *text), 'one line of "text"\ntwo\ttabs\n', "text")
    equal(output_of(bed, "data", "cat", "StandardInputData=AGEA", "StandardInputData=Yg==", "User=1000"), "\0a\0b", "data")
    equal(output_of(bed, "empty", "cat; readlink /proc/self/fd/0", "StandardInput=data")[:6], "pipe:[", "no data")
    equal(output_of(bed, "both", "cat", "StandardInput=null", *text), "", "null counts")
    path = os.path.join(bed.directory, "input")
    write(path, "x" * 300000)
    equal(output_of(bed, "file", "wc -c; readlink /proc/self/fd/0", "StandardInput=file:" + path)[:7], "300000\n", "a file")
    bed.unit("pre", "Type=oneshot", "ExecStartPre=/bin/sh -c 'read x; test \"$x\" = again'", "ExecStart=/bin/sh -c 'read x; test \"$x\" = again'",
             "StandardInputText=again")
    bed.ctl("start", "--wait", "pre").expect(0)
    for make, words in ((lambda: write(path, "x" * (1 << 20) + "x"), "longer than"), (lambda: os.unlink(path), "No such file"),
                        (lambda: os.mkdir(path), "input")):
        make()
        bed.unit("file", "ExecStart=/bin/cat", "StandardInput=file:" + path)
        result = bed.ctl("start", "file")
        check(result.code != 0, "started: %s" % words)
        result.expect(result.code, "StandardInput=", words)
    os.rmdir(path)
    bed.unit("two", "ExecStart=/bin/cat", "StandardInputText=a", "StandardInputData=YQ==")
    bed.ctl("start", "two").expect(5, "StandardInputData=", "one of them")


def test_pass_environment(bed):
    """PassEnvironment= gives what the manager has, and what the unit says counts more."""
    bed.environment.update(PASSED="from the manager", OTHER="hidden", BOTH="lost")
    try:
        bed.stop_manager()
        bed.start_manager()
        out = output_of(bed, "passed", "env", "PassEnvironment=PASSED NOT_THERE BOTH", "Environment=BOTH=kept").splitlines()
        check("PASSED=from the manager" in out and "BOTH=kept" in out, out)
        check(not any(line.startswith(("OTHER=", "NOT_THERE")) for line in out), out)
    finally:
        for name in ("PASSED", "OTHER", "BOTH"):
            del bed.environment[name]
        bed.stop_manager()
        bed.start_manager()


def test_sysctl(bed):
    """Sysctl= sets what belongs to the container, and nothing of the host's."""
    before = read("/proc/sys/net/core/somaxconn"), read("/proc/sys/net/ipv4/ping_group_range")
    out = output_of(bed, "set", "cat /proc/sys/net/core/somaxconn /proc/sys/net/ipv4/ping_group_range", "Sysctl=net.core.somaxconn=77",
                    'Sysctl="net.ipv4.ping_group_range=0 5"')
    equal(out.split(), ["77", "0", "5"], "net.*")
    equal((read("/proc/sys/net/core/somaxconn"), read("/proc/sys/net/ipv4/ping_group_range")), before, "the host's")
    equal(output_of(bed, "domain", "cat /proc/sys/kernel/domainname", "Sysctl=kernel.domainname=example.test"), "example.test\n", "domain")
    bed.unit("subset", "Type=oneshot", "ExecStart=/bin/sh -c '! test -e /proc/sys'", "ProcSubset=pid", "Sysctl=net.core.somaxconn=77")
    bed.ctl("start", "--wait", "subset").expect(0)
    check(read("/proc/sys/kernel/domainname") != "example.test\n", "the host's domain name was set")
    for users in ([], ["PrivateUsers=no"]):
        bed.unit("ipc", "Type=oneshot", "ExecStart=/bin/sh -c 'test $(cat /proc/sys/kernel/shmmni) = 33'", "Sysctl=kernel.shmmni=33", *users)
        result = bed.ctl("start", "--wait", "ipc")
        if result.code != 0:
            result.expect(result.code, "Sysctl=", "kernel does not let")
            check(not users, "root of the host may")
    for line, words in (("net.core.nothing=1", "no such setting"), ("net.core.somaxconn=many", "does not take this value")):
        bed.unit("bad", "ExecStart=/bin/sleep 1000", "Sysctl=" + line)
        result = bed.ctl("start", "bad")
        check(result.code != 0, line + " was started")
        result.expect(result.code, "Sysctl=", words)
    for lines, words in ((["Sysctl=kernel.panic=1"], "no namespace"), (["Sysctl=net.core.somaxconn=1", "PrivateNetwork=no"], "for the host")):
        bed.unit("bad", "ExecStart=/bin/sleep 1000", *lines)
        bed.ctl("start", "bad").expect(5, "Sysctl=", words)


def test_shm_size(bed):
    """ShmSize= is the size of /dev/shm."""
    equal(output_of(bed, "shm", "stat -f -c %%b*%%S /dev/shm", "ShmSize=8m").strip(), "2048*4096", "8m")
    equal(output_of(bed, "shm", "stat -f -c %%b*%%S /dev/shm").strip(), "16384*4096", "the default")


def test_time_offsets(bed):
    """the container's clocks are ahead of the host's, who joins has them, and the host keeps its own."""
    host = float(read("/proc/uptime").split()[0])
    bed.unit("ahead", "ExecStart=/bin/sleep 1000", "TimeOffsetBoottimeSec=10d", "TimeOffsetMonotonicSec=1h")
    result = bed.ctl("start", "ahead")
    if result.code != 0:
        result.expect(result.code, "TimeOffsetBoottimeSec=")
        raise Skip("this kernel has no time namespaces")
    inside = float(bed.ctl("exec", "ahead", "/bin/cat", "/proc/uptime").expect(0).out.split()[0])
    check(864000 <= inside - host < 864100, "uptime inside %s, of the host %s" % (inside, host))
    lines = read("/proc/%d/timens_offsets" % bed.leader("ahead")).split()
    equal(lines[:2] + lines[3:5], ["monotonic", "3600", "boottime", "864000"], "offsets")
    check(float(read("/proc/uptime").split()[0]) < host + 100, "the host's clock has moved")
    bed.unit("behind", "ExecStart=/bin/sleep 1000", "TimeOffsetMonotonicSec=-50y")
    result = bed.ctl("start", "behind")
    check(result.code != 0, "a clock before its beginning")
    result.expect(result.code, "TimeOffsetMonotonicSec=", "before its beginning")


def test_exit_type(bed):
    """ExitType=cgroup lives on until the last process has ended, with the exit status of the first."""
    leave = "ExecStart=/bin/sh -c '(sleep 1000 </dev/null >/dev/null 2>&1 &) ; exit 7'"
    bed.unit("main", leave)
    bed.ctl("start", "main").expect(0)
    bed.wait_active("main", "failed")
    bed.unit("last", leave, "ExitType=cgroup", "TimeoutStopSec=20s")
    bed.ctl("start", "last").expect(0)
    time.sleep(0.7 * SLOWNESS)
    equal(bed.active("last"), "active", "after its first process")
    begun = time.monotonic()
    bed.ctl("stop", "last").expect(0)
    check(time.monotonic() - begun < 10 * SLOWNESS, "SIGTERM did not reach what was left")
    bed.unit("last", "ExecStart=/bin/sh -c '(sleep 1 </dev/null >/dev/null 2>&1 &) ; exit 7'", "ExitType=cgroup")
    bed.ctl("start", "last").expect(0)
    bed.wait_active("last", "failed")
    equal(bed.property("last", "ExecMainStatus"), "7", "exit status")
    for lines in (["Type=oneshot"], ["ProcessTwo=no"]):
        bed.unit("never", "ExecStart=/bin/sleep 1", "ExitType=cgroup", *lines)
        bed.ctl("start", "never").expect(5, "ExitType=")


def test_dynamic_user(bed):
    """DynamicUser= is a user of its own, the same at each start, that the image does not know."""
    first, other = bed.inside("one", "DynamicUser=yes"), bed.inside("two", "DynamicUser=yes")
    check(61184 <= first["uid"] <= 65519, first["uid"])
    equal((first["gid"], first["groups"], int(status_of(first)["CapEff"], 16)), (first["uid"], [], 0), "ids and capabilities")
    check("USER=one" in first["environment"], first["environment"])
    equal(bed.inside("one", "DynamicUser=yes")["uid"], first["uid"], "again")
    check(other["uid"] != first["uid"], "two names, one user")
    equal(bed.inside("named", "DynamicUser=yes", "User=one")["uid"], first["uid"], "by name")
    equal(bed.inside("known", "DynamicUser=yes", "User=user")["uid"], 1000, "a user of the image")
    equal(bed.inside("number", "DynamicUser=yes", "User=77")["uid"], 77, "a number")
    bed.unit("boot", raw="[Container]\nRootDirectory=%s\nBoot=yes\nDynamicUser=yes\n" % bed.root)
    bed.ctl("start", "boot").expect(5, "DynamicUser=")


def test_machine_id(bed):
    """MachineID= is told to the init."""
    out = output_of(bed, "id", "env", "MachineID=0123456789ABCDEF0123456789abcdef").splitlines()
    check("container_uuid=01234567-89ab-cdef-0123-456789abcdef" in out, out)


def test_timezone(bed):
    """Timezone= is what date says, in an image without a time zone."""
    if not os.path.exists("/usr/share/zoneinfo/Asia/Tokyo"):
        raise Skip("the host knows no time zones")
    check(not os.path.exists(os.path.join(bed.root, "usr/share/zoneinfo")), "the image knows zones itself")
    equal(output_of(bed, "zone", "date -d @0 +%%H%%Z", "Timezone=Asia/Tokyo"), "09JST\n", "date")
    equal(output_of(bed, "zone", "date -d @0 +%%H%%Z", "Timezone=Asia/Tokyo", "Environment=TZ=UTC0"), "00UTC\n", "the unit counts more")
    bed.unit("zone", "ExecStart=/bin/sleep 1", "Timezone=Asia/Tokio")
    bed.ctl("start", "zone").expect(5, "Timezone=", "does not know")


def test_labels(bed):
    """Label= and Annotation= are shown."""
    bed.unit("web", "ExecStart=/bin/sleep 1", 'Label=tier=front "owner=a b" alone', "Annotation=x/y=z", "Label=tier=back")
    contains(bed.ctl("show", "web", "-p", "Label").expect(0).out, "tier=back")
    contains(bed.property("web", "Label"), "owner=a b")
    equal(bed.property("web", "Annotation"), "x/y=z", "Annotation")


run(__name__)
