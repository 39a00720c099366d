# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a guest said becomes one TAP stream; what it should have said and did not becomes a failure."""

import re
import time

RESULT = re.compile(r"^(not )?ok\b *\d* *(?:- *)?(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)\b *(?:# *SKIP\S* *(.*))?$", re.IGNORECASE)
# A kernel's cry. Warnings of user space ("systemd[1]: ...") have a name and a pid before the text.
KERNEL = re.compile(
    r"^\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? (?:kernel: )?"
    r"(BUG: |WARNING: |Oops: |------------\[ cut here|general protection fault|UBSAN: |KASAN: |kernel BUG at "
    r"|Kernel panic|INFO: task .* blocked for|Out of memory: |list_(?:add|del) corruption)"
)


class Results:
    """Feed it the guest's lines, then finish()."""

    def __init__(self, suites, write):
        self.write = write
        self.expected = list(suites)
        self.number = self.failed = 0
        self.suite = None
        self.begin = time.monotonic()
        self.cpu = self.cpu_begin = 0
        self.planned = self.seen = self.suite_failed = 0
        self.complete = False
        self.times = []  # (suite or "boot", seconds, seconds of the emulator's processor time) in the order they ran

    def result(self, good, text, *diagnosis):
        self.number += 1
        self.failed += not good
        self.write("%s %d - %s" % ("ok" if good else "not ok", self.number, text))
        for line in diagnosis:
            self.write("# " + line)

    def line(self, line, cpu=0):
        """One line of the guest's TAP port; the processor time that the emulator had used by then."""
        self.cpu = cpu
        words = line.split()
        if words[:2] == ["#", "suite"]:
            self.close()
            self.took("between" if self.times else "boot")
            self.suite, self.planned, self.seen, self.suite_failed = words[2], None, 0, 0
        elif words[:2] == ["#", "end"] and self.suite:
            self.close(int(words[3]))
        elif line == "# all suites ended":
            self.complete = True
        elif self.suite:
            self.line_of_suite(line)

    def line_of_suite(self, line):
        plan, result = PLAN.match(line), RESULT.match(line)
        if plan:
            self.planned = int(plan.group(1))
            if plan.group(2):
                self.result(True, "%s # SKIP %s" % (self.suite, plan.group(2)))
        elif result:
            self.seen += 1
            self.suite_failed += bool(result.group(1))
            self.result(not result.group(1), "%s: %s" % (self.suite, result.group(2)))
        elif line:
            self.write(line if line.startswith("#") else "# " + line)

    def close(self, code=None):
        """The end of a suite: everything promised was there, and the exit code agrees."""
        if not self.suite:
            return
        name, self.suite = self.suite, None
        self.took(name)
        if name in self.expected:
            self.expected.remove(name)
        if code is None:
            self.result(False, name + ": ended", "the guest never came to its end")
        elif self.planned is None or self.planned != self.seen:
            self.result(False, name + ": all tests ran", "%s of %s, exit code %d" % (self.seen, self.planned, code))
        elif code != 0 and not self.suite_failed:
            self.result(False, name + ": exit code", str(code))

    def took(self, what):
        """The time since the last call was for this."""
        now = time.monotonic()
        self.times.append((what, now - self.begin, self.cpu - self.cpu_begin))
        self.begin, self.cpu_begin = now, self.cpu

    def finish(self, problem, kernel_log, denied=(), holes=()):
        """After the guest has ended; the answer is whether everything is well. denied: unexpected denials; holes: lines
        that say that the log lacks some."""
        self.close()
        for name in self.expected:
            self.result(False, name + ": ran", "the guest never began it")
        cries = kernel_complaints(kernel_log)
        self.result(not cries, "the kernel log has no BUG or WARNING", *cries)
        self.result(not denied, "no security module denied what it should not", *("%s: %s" % (d.where, d.line) for d in denied))
        self.result(not holes, "the log is whole", *holes)
        problems = [problem] if problem else []
        if not self.complete:
            problems.append("the closing line is missing")
        self.result(not problems, "the guest came to its end", *problems)
        self.write("1..%d" % self.number)
        return self.failed == 0


def kernel_complaints(text):
    return [line for line in text.splitlines() if KERNEL.match(line)]
