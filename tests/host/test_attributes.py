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
    equal(os.getpriority(os.PRIO_PROCESS, pid), 10, "the keeper's nice level")


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


run(__name__)
