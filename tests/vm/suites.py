# SPDX-License-Identifier: LGPL-2.1-or-later
"""The suites that there are, and which of them run under which security module (`default-suites`)."""

import os

from image import HERE, SOURCE, Problem

LIST = os.path.join(HERE, "default-suites")
LSMS = ("none", "apparmor", "selinux")
OLD_KERNELS = ("6.1",)  # a module's word in the list is LSM for the newest kernel, LSM/KERNEL for one of these


def of_folder(folder, journal):
    """name -> (file below tests/, whether payloads may log to journald: the host suites know the manager's own logs)."""
    names = sorted(n for n in os.listdir(os.path.join(SOURCE, "tests", folder)) if n.startswith("test_") and n.endswith(".py"))
    return {n[len("test_"):-len(".py")].replace("_", "-"): ("%s/%s" % (folder, n), journal) for n in names}


SUITES = {**of_folder("vm/guest", "yes"), **of_folder("host", "no")}


def table(path=LIST):
    """(test, its modules, reason) a row."""
    known = {*LSMS, *("%s/%s" % (lsm, kernel) for lsm in LSMS for kernel in OLD_KERNELS)}
    rows = []
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            words, _, reason = line.partition("#")
            words = words.split()
            if not words:
                continue
            lsms = [] if words[1:] == ["-"] else words[1:]
            if words[0].partition(":")[0] not in SUITES or not words[1:] or not set(lsms) <= known:
                raise Problem("%s:%d: not `SUITE[:FUNCTION] MODULE...`" % (path, number))
            rows.append((words[0], lsms, reason.strip()))
    return rows


def wanted(tests, lsm, kernel=None):
    """name -> its line for the guest, NAME FILE JOURNAL [FUNCTION...], in the order of the list."""
    rows = table()
    word = "%s/%s" % (lsm, kernel) if kernel in OLD_KERNELS else lsm
    tests = tests or [test for test, lsms, _ in rows if word in lsms]
    functions = {}
    for test in tests:
        suite, _, function = test.partition(":")
        if suite not in SUITES:
            raise Problem("no suite %s; there are: %s" % (suite, " ".join(SUITES)))
        functions.setdefault(suite, []).append(function)
    order = dict.fromkeys([test.partition(":")[0] for test, _, _ in rows] + list(SUITES))
    return {name: " ".join([name, *SUITES[name], *([] if "" in functions[name] else functions[name])])
            for name in order if name in functions}
