#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""secilc(1) compiles the base module and every generated block over a small policy: no SELinux is needed for that. What
Debian's whole policy says to it, the virtual machine shows.

usage: test_cil.py SOURCE BULWARK-ANALYZE
"""

import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402

HERE = os.path.join(sys.argv[1], "tests", "tables", "selinux")
BASE = os.path.join(sys.argv[1], "policies", "selinux", "bulwark.cil")
STUB = os.path.join(HERE, "stub.cil")
CASES = sorted(name for name in os.listdir(HERE) if name.endswith(".expected"))


def compile_policy(*files):
    if not shutil.which("secilc"):
        raise tap.Skip("secilc is not installed")
    with tempfile.TemporaryDirectory(prefix="bulwark-cil-") as work:
        run = subprocess.run(["secilc", "-M", "1", "-c", "33", "-o", work + "/policy", "-f", work + "/contexts", *files],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return [] if run.returncode == 0 else run.stdout.decode(errors="replace").splitlines()


def blocks(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as stream:
        return [line for line in stream if "(block " in line]


def check_all_together():
    """As bulwark-policy installs them: one module."""
    return compile_policy(STUB, BASE, *[os.path.join(HERE, name) for name in CASES if blocks(name)])


EXPORTED = ("SELinuxExtraRules=(allow process var_log_t (bulwark_tree (look)))", "SocketBindAllow=tcp:80 8000-8999", "SocketBindAllow=any",
            "PrivateUsers=no\nAddCapability=CAP_NET_RAW")


def check_export():
    """policy export writes a module that compiles by itself over the base, whatever the unit goes beyond it for."""
    with tempfile.TemporaryDirectory(prefix="bulwark-cil-") as work:
        for number, lines in enumerate(EXPORTED):
            unit, out = os.path.join(work, "unit%d.container" % number), os.path.join(work, "out%d" % number)
            with open(unit, "w", encoding="utf-8") as stream:
                stream.write("[Container]\nRootDirectory=%s\nExecStart=/bin/x\n%s\n" % (work, lines))
            run = subprocess.run([sys.argv[2], "policy", "export", "--selinux", "--output-directory=" + out, unit], stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, check=False)
            module = os.path.join(out, "bulwark_unit%d.cil" % number)
            if run.returncode != 0 or not os.path.exists(module):
                yield "%s: %s" % (lines, run.stdout.decode(errors="replace"))
                continue
            yield from ("%s: %s" % (lines, line) for line in compile_policy(STUB, BASE, module))


def check_broken_is_seen():
    """A test that passes whatever secilc says proves nothing."""
    with tempfile.NamedTemporaryFile("w", suffix=".cil") as broken:
        broken.write("(block bw_broken (type process) (allow process no_such_t (file (read))))")
        broken.flush()
        return [] if compile_policy(STUB, BASE, broken.name) else ["a rule about an unknown type compiled"]


tap.main([("the base module", lambda: compile_policy(STUB, BASE)), ("all blocks in one module", check_all_together), ("what is exported", check_export),
          ("what is broken is seen", check_broken_is_seen)] +
         [(name, lambda name=name: compile_policy(STUB, BASE, os.path.join(HERE, name))) for name in CASES if blocks(name)])
