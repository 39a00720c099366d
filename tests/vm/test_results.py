# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the bed makes of a guest that says too little or too much; needs no virtual machine."""

import fnmatch
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
import denials  # noqa: modules of the tests
import image  # noqa
import results  # noqa
import suites  # noqa
import tap  # noqa

GOOD = ["# suite one", "1..2", "ok 1 - first: does", "ok 2 - second # SKIP not here", "# end one 0", "# all suites ended"]
AVC = ('[    9.25] audit: type=1400 audit(1795635873.948:%d): avc:  denied  { %s } for  pid=276 comm="cat" name="shadow" dev="vda" ino=9 '
       'scontext=system_u:system_r:%s:s0:c1,c2 tcontext=system_u:object_r:shadow_t:s0 tclass=file permissive=0\n')
USER_AVC = ("[    9.25] audit: type=1107 audit(1795635873.948:8): pid=1 uid=0 subj=system_u:system_r:init_t:s0 msg='avc:  denied  { start } "
            "for auid=0 scontext=system_u:system_r:%s:s0 tcontext=system_u:system_r:init_t:s0 tclass=service permissive=0'\n")
APPARMOR = ('[    9.25] audit: type=1400 audit(1795635873.948:%d): apparmor="DENIED" operation="open" class="file" profile="%s" '
            'name="/proc/kcore" pid=276 comm="cat" requested_mask="r" denied_mask="%s" fsuid=0 ouid=0\n')
INVALID = ("[    9.25] audit: type=1401 audit(1795635873.948:9): op=security_compute_sid invalid_context=\"system_u:system_r:bulwark_c_t:s0\" "
           "scontext=system_u:system_r:bulwarkd_t:s0 tcontext=system_u:object_r:etc_t:s0 tclass=process\n")
LOSS = "[    9.25] audit: audit_lost=3 audit_rate_limit=0 audit_backlog_limit=64\n"
MARK = "[    9.00] bulwark-vm: suite %s\n"
BUG = "[   38.359859] BUG: kernel NULL pointer dereference, address: 0000000000000000\n"


def lines(*changes):
    """GOOD, where (old, new) pairs replace a line; None takes it away."""
    table = dict(changes)
    return [table.get(line, line) for line in GOOD if table.get(line, line) is not None]


def outcome(text, problem=None, kernel="", rows=(), begin="[    0.00] Linux version 6.1.0 (gcc)\n"):
    """(well, what failed, everything written); rows: the list of expected denials; begin: the kernel's first line"""
    kernel = begin + kernel
    written = []
    r = results.Results(["one"], written.append)
    for line in text:
        r.line(line)
    denied = denials.unexpected(denials.found(kernel, ""), rows)
    well = r.finish(problem, kernel, denied, denials.holes(kernel))
    return well, [line.split(" - ", 1)[1] for line in written if line.startswith("not ok")], written


def check_good():
    well, failed, written = outcome(GOOD)
    if not well or failed:
        yield "failed: %s" % failed
    if written[-1] != "1..6" or "ok 2 - one: second # SKIP not here" not in written:
        yield from written


DENIED = "no security module denied what it should not"
# what the guest did wrong -> its lines, qemu's problem, kernel log, words of the failure
BAD = {
    "a failed test": (lines(("ok 1 - first: does", "not ok 1 - first: does"), ("# end one 0", "# end one 1")), None, "", "one: first: does"),
    "fewer tests than promised": (lines(("ok 1 - first: does", None)), None, "", "one: all tests ran"),
    "no plan": (lines(("1..2", None)), None, "", "one: all tests ran"),
    "an exit code without a failure": (lines(("# end one 0", "# end one 1")), None, "", "one: exit code"),
    "a suite that never ended": (lines(("# end one 0", None), ("# all suites ended", None)), None, "", "one: ended"),
    "a suite that never began": (["# all suites ended"], None, "", "one: ran"),
    "no closing line": (lines(("# all suites ended", None)), None, "", "the guest came to its end"),
    "a time limit": (GOOD, "no end after 5 s", "", "the guest came to its end"),
    "a kernel bug": (GOOD, None, BUG, "the kernel log has no BUG or WARNING"),
    "a kernel bug in the journal's form": (GOOD, None, BUG.replace("] ", "] kernel: "), "the kernel log has no BUG or WARNING"),
    "a kernel warning": (GOOD, None, "[    1.000000] WARNING: CPU: 0 PID: 1 at mm/slab.c:1 f+0x1/0x2\n", "the kernel log has no BUG or WARNING"),
    "a denial of SELinux": (GOOD, None, AVC % (1, "read", "bulwark_c_t"), DENIED),
    "a denial of a userspace object manager": (GOOD, None, USER_AVC % "bulwarkd_t", DENIED),
    "a context that is not valid": (GOOD, None, INVALID, DENIED),
    "a denial of AppArmor": (GOOD, None, APPARMOR % (1, "bulwark-web", "r"), DENIED),
    "a denial before the first suite": (GOOD, None, AVC % (1, "read", "bulwarkd_t") + MARK % "one", DENIED),
    "a log with holes": (GOOD, None, LOSS, "the log is whole"),
    "a panic": (GOOD, None, "[    1.000000] Kernel panic - not syncing: Attempted to kill init!\n", "the kernel log has no BUG or WARNING"),
}


def bad(text, problem, kernel, words):
    def check():
        well, failed, written = outcome(text, problem, kernel)
        if well or words not in failed:
            yield "failed: %s" % failed
            yield from written

    return check


def check_harmless():
    log = "[    1.0] systemd[1]: WARNING: something of user space\n[    2.000000] Memory cgroup out of memory: Killed process 755 (dd)\n"
    yield from results.kernel_complaints(log)


def listed(text):
    """The rows of a list of expected denials."""
    with tempfile.NamedTemporaryFile("w", suffix=".list") as f:
        f.write(text)
        f.flush()
        return denials.expected(f.name)


# the list's line -> a log, and whether the line covers all of it
LISTED = {
    "escape selinux source=bulwark_*  # hostile": [
        (MARK % "escape" + AVC % (1, "read", "bulwark_c_t"), True),
        (MARK % "escape" + AVC % (1, "read", "bulwarkd_t"), False),
        (MARK % "services" + AVC % (1, "read", "bulwark_c_t"), False),
        (AVC % (1, "read", "bulwark_c_t") + MARK % "escape", False),
        (MARK % "escape" + APPARMOR % (1, "bulwark-web", "r"), False),
        (MARK % "escape" + AVC % (1, "read", "bulwark_c_t") + MARK % "exec" + AVC % (2, "read", "bulwark_c_t"), False),
    ],
    "* selinux source=systemd_logind_t tclass=file permissions=read,open": [
        (AVC % (1, "read", "systemd_logind_t"), True),
        (AVC % (1, "read open", "systemd_logind_t"), True),
        (MARK % "exec" + AVC % (1, "read", "systemd_logind_t"), True),
        (AVC % (1, "read write", "systemd_logind_t"), False),
        (AVC % (1, "read", "systemd_login_t"), False),
        (USER_AVC % "systemd_logind_t", False),
    ],
    "escape apparmor source=bulwark-* comm=cat name=/proc/*": [
        (MARK % "escape" + APPARMOR % (1, "bulwark-web", "r"), True),
        (MARK % "escape" + APPARMOR % (1, "cupsd", "r"), False),
    ],
    "boot selinux source=init_t": [(AVC % (1, "read", "init_t"), True), (MARK % "exec" + AVC % (1, "read", "init_t"), False)],
}

def check_list():
    for line, logs in LISTED.items():
        for kernel, covered in logs:
            if bool(denials.unexpected(denials.found(kernel, ""), listed(line))) == covered:
                yield "%s: %s is %s" % (line, kernel, "not covered" if covered else "covered")


def check_list_reaches_the_outcome():
    log = MARK % "one" + AVC % (1, "read", "bulwark_c_t")
    well, failed, _ = outcome(GOOD, None, log, listed("one selinux source=bulwark_c_t tclass=file"))
    if not well:
        yield "failed in spite of the list: %s" % failed


def check_bad_list():
    """A line that would cover everything, or that is not understood, is an error."""
    for line in ("escape", "escape selinux", "escape selinux comm=cat", "escape smack source=x", "escape selinux source=", "escape selinux source=x tclass"):
        try:
            listed(line)
        except ValueError:
            continue
        yield "accepted: " + line


def check_own_list():
    """What may be denied at any time is none of ours."""
    for row in denials.expected():
        source = dict(row.patterns)["source"]
        ours = [name for name in ("bulwark_c_t", "bulwark_init_t", "bulwarkd_t", "bulwark_keeper_t", "bulwark-web", "bulwarkd",
                            "bw_0123456789abcdef.process")
                if fnmatch.fnmatchcase(name, source)]
        if row.where in (denials.ANYWHERE, denials.BOOT) and ours:
            yield "line %d covers %s, wherever it is denied something" % (row.number, ", ".join(ours))
        if "*" in source.replace("bulwark_*", "").replace("bulwark-*", "").replace("bw_*.process", ""):
            yield "line %d: source=%s is not a name" % (row.number, source)


def check_no_kernel_log():
    _, failed, _ = outcome(GOOD, begin="")
    if "the log is whole" not in failed:
        yield "failed: %s" % failed


def check_suites():
    """Every suite has its line, every module its suites, and every line a reason or one before it."""
    rows = suites.table()
    listed_ = {test.partition(":")[0] for test, _, _ in rows}
    yield from ("no line for the suite " + name for name in suites.SUITES if name not in listed_)
    for test, _, reason in rows:
        if ":" not in test and not reason:
            yield "no reason: " + test
        suite, _, function = test.partition(":")
        with open(os.path.join(suites.SOURCE, "tests", suites.SUITES[suite][0]), encoding="utf-8") as f:
            if function and "def %s(" % function not in f.read():
                yield "no function: " + test
    for lsm, kernel in [*((lsm, None) for lsm in suites.LSMS), ("none", "6.1")]:
        first = next(iter(suites.wanted([], lsm, kernel)))
        if first != "system":
            yield "%s begins with %s" % (lsm, first)
    if not set(suites.wanted([], "none", "6.1")) < set(suites.SUITES) or "systemd" in suites.wanted([], "none", "6.1"):
        yield "all suites run on the old kernel, too"
    lines = suites.wanted(["escape:test_exec", "escape:test_default_container", "exec"], "none")
    if list(lines.values()) != ["escape host/test_escape.py no test_exec test_default_container", "exec host/test_exec.py no"]:
        yield "lines: %s" % lines


def check_tools():
    """A tool that is missing is told before anything is built, and what is not the mirror's fault is not tried again."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as cache:
        try:
            os.environ.update(XDG_CACHE_HOME=cache, PATH=cache)
            image.base(lambda text: None)
            yield "built without any tool"
        except image.Problem as why:
            if not all(word in str(why) for word in ("setfiles", "policycoreutils", "install-dependencies vm")):
                yield "said: %s" % why
        finally:
            os.environ.clear()
            os.environ.update(before)
        if [name for name in os.listdir(os.path.join(cache, "bulwark-vm")) if name != "lock"]:
            yield "something was built"
        for code, kind in ((1, image.Problem), (75, image.Stumbled)):
            try:
                image.logged(["sh", "-c", "exit %d" % code], os.path.join(cache, "log"), "it")
            except image.Problem as why:
                if type(why) is not kind:
                    yield "exit code %d is a %s" % (code, type(why).__name__)


def check_kernels():
    with tempfile.TemporaryDirectory() as base:
        for name in ("vmlinuz-6.12", "vmlinuz-6.1", "initrd-6.1", "initrd-6.12", "root.img"):
            open(os.path.join(base, name), "w", encoding="ascii").close()
        if (image.kernels(base), image.kernel(base, None), image.kernel(base, "6.1")) != (["6.1", "6.12"], "6.12", "6.1"):
            yield "kernels: %s" % image.kernels(base)
        try:
            yield "took %s" % image.kernel(base, "6.2")
        except image.Problem:
            pass


def check_found():
    twice = AVC % (1, "read", "a_t")
    journal = twice.replace("audit: type=1400 audit(1795635873.948:1): ", "bulwark-vm audit[276]: AVC ") + USER_AVC % "b_t"
    log = twice + 'audit: apparmor="STATUS" operation="profile_load"\n' + "avc:  granted  { load_policy } for pid=1\n"
    got = [d.fields["source"] for d in denials.found(log, journal)]
    if got != ["a_t", "b_t"]:
        yield "found: %s" % got


tap.main([("a good run", check_good), *(("noticed: " + name, bad(*row)) for name, row in BAD.items()),
          ("no complaint about harmless lines", check_harmless), ("denials are found, each once", check_found), ("noticed: no kernel log", check_no_kernel_log),
          ("the default suites", check_suites), ("a tool is missing", check_tools), ("the image's kernels", check_kernels), ("the list of expected denials", check_list), ("the list reaches the outcome", check_list_reaches_the_outcome),
          ("a bad list", check_bad_list), ("the bed's own list", check_own_list)])
