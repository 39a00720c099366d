#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The golden tables: KIND/CASE.container is compiled, and the text must be KIND/CASE.expected.

usage: test_tables.py RENDER KIND              compares every case of a kind
       test_tables.py RENDER KIND --update     writes what is expected anew; read the difference before you commit it
"""

import difflib
import os
import platform
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
RENDER, KIND = os.path.abspath(sys.argv[1]), sys.argv[2]
UPDATE = sys.argv[3:] == ["--update"]
CASES = {name[:-len(".container")] for name in os.listdir(os.path.join(HERE, KIND)) if name.endswith(".container")}
EXPECTED = {name[:-len(".expected")] for name in os.listdir(os.path.join(HERE, KIND)) if name.endswith(".expected")}


def render(case):
    """Run in the tables' folder: the paths in the text are the same wherever the source lies."""
    run = subprocess.run([RENDER, KIND, f"{KIND}/{case}.container"], cwd=HERE, capture_output=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"render ended with {run.returncode}: {run.stderr.decode(errors='replace')}")
    return run.stdout.decode()


def compare(case):
    if KIND == "policy" and platform.machine() != "x86_64":
        raise tap.Skip("the filters in the tables are those of x86-64")
    path = os.path.join(HERE, KIND, f"{case}.expected")
    got = render(case)
    if UPDATE:
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(got)
        return []
    if case not in EXPECTED:
        return [f"{KIND}/{case}.expected is missing"]
    with open(path, encoding="utf-8") as stream:
        want = stream.read()
    return list(difflib.unified_diff(want.splitlines(), got.splitlines(), f"{KIND}/{case}.expected", "now", lineterm=""))


def nothing_is_left_over():
    return [f"{KIND}/{name}.expected has no unit" for name in sorted(EXPECTED - CASES)] + ([] if CASES else ["no case"])


tap.main([(case, lambda case=case: compare(case)) for case in sorted(CASES)] + [("nothing is left over", nothing_is_left_over)])
