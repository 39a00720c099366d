# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the bed makes of a guest that says too little or too much; needs no virtual machine."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
import results  # noqa: modules of the tests
import tap  # noqa

GOOD = ["# suite one", "1..2", "ok 1 - first: does", "ok 2 - second # SKIP not here", "# end one 0", "# all suites ended"]
BUG = "[   38.359859] BUG: kernel NULL pointer dereference, address: 0000000000000000\n"


def lines(*changes):
    """GOOD, where (old, new) pairs replace a line; None takes it away."""
    table = dict(changes)
    return [table.get(line, line) for line in GOOD if table.get(line, line) is not None]


def outcome(text, problem=None, kernel=""):
    """(well, what failed, everything written)"""
    written = []
    r = results.Results(["one"], written.append)
    for line in text:
        r.line(line)
    well = r.finish(problem, kernel)
    return well, [line.split(" - ", 1)[1] for line in written if line.startswith("not ok")], written


def check_good():
    well, failed, written = outcome(GOOD)
    if not well or failed:
        yield "failed: %s" % failed
    if written[-1] != "1..4" or "ok 2 - one: second # SKIP not here" not in written:
        yield from written


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


def check_denials():
    log = ["audit: AVC avc:  denied  { search } for  pid=276", 'audit: apparmor="DENIED" operation="open"', 'audit: apparmor="STATUS"']
    if results.denials("\n".join(log)) != log[:2]:
        yield "found: %s" % results.denials("\n".join(log))


tap.main([("a good run", check_good), *(("noticed: " + name, bad(*row)) for name, row in BAD.items()),
          ("no complaint about harmless lines", check_harmless), ("denials are found", check_denials)])
