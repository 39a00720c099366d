#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bulwark-analyze as a person uses it: exit codes, both outputs, names and files. Needs no root.

usage: test_analyze.py PROGRAM
"""

import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402

PROGRAM = os.path.abspath(sys.argv[1])
FOLDER = tempfile.TemporaryDirectory(prefix="bulwark-analyze-")
TOP = FOLDER.name
ROOT = os.path.join(TOP, "root")


def put(name, text):
    path = os.path.join(TOP, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)
    return path


os.makedirs(os.path.join(ROOT, "etc"))
put("root/etc/passwd", "root:x:0:0::/root:/bin/sh\nbob:x:1000:1000::/home/bob:/bin/sh\n")
GOOD = put("units/good.container", f"[Container]\nRootDirectory={ROOT}\nExecStart=/bin/x\nUser=bob\n")
BAD = put("units/bad.container", f"[Container]\nRootDirectory={ROOT}\nExecStart=/bin/x\nMemoryMxa=1G\nTasksMax=none\n")
WARN = put("units/warn.container", f"[Container]\nRootDirectory={ROOT}\nExecStart=/bin/x\nPrivateUsers=no\n")
TEMPLATE = put("units/many@.container", f"[Container]\nRootDirectory={ROOT}\nExecStart=/bin/x %i\n")
os.symlink("/dev/null", os.path.join(TOP, "units/masked.container"))


def run(*arguments, cwd=None):
    return subprocess.run([PROGRAM, f"--unit-path={TOP}/units", *arguments], capture_output=True, text=True, check=False, cwd=cwd)


def expect(got, code, out=None, err=None):
    if got.returncode != code:
        yield f"exit code {got.returncode}, not {code}: {got.stderr}{got.stdout[:300]}"
    if out is not None and got.stdout != out:
        yield f"standard output: {got.stdout!r}"
    if err is not None and got.stderr != err:
        yield f"standard error: {got.stderr!r}"


def verify_says_nothing_of_a_good_unit():
    yield from expect(run("verify", GOOD), 0, "", "")
    yield from expect(run("verify", "good"), 0, "", "")
    yield from expect(run("verify", "good.container", cwd=f"{TOP}/units"), 0, "", "")
    yield from expect(run("verify", "many@blue"), 0, "", "")
    yield from expect(run("verify", TEMPLATE), 0, "", "")


def verify_reports_all_mistakes():
    got = run("verify", BAD, GOOD, "good")
    yield from expect(got, 5, "")
    lines = got.stderr.rstrip("\n").split("\n")
    if len(lines) != 2 or not lines[0].startswith(f"{BAD}:4: MemoryMxa=: ") or not lines[1].startswith(f"{BAD}:5: TasksMax=: "):
        yield from lines


def exit_codes_are_those_of_the_table():
    yield from expect(run("verify", "nonesuch"), 4)
    yield from expect(run("verify", f"{TOP}/nonesuch.container"), 4)
    yield from expect(run("verify", "masked"), 5)
    yield from expect(run("plan", "bad"), 5, "")
    for wrong in ([], ["verify"], ["plan"], ["plan", "good", "good"], ["dance"], ["--output=xml", "plan", "good"],
                  ["--unit-path=", "verify", "good"], ["--frobnicate"], ["verify", "-x"]):
        yield from expect(run(*wrong), 2, "")


def warnings_are_no_failure():
    got = run("verify", "warn")
    yield from expect(got, 0, "")
    if "warn.container:4: PrivateUsers=: warning: " not in got.stderr:
        yield f"no warning: {got.stderr}"
    yield from expect(run("-q", "verify", "warn"), 0, "", "")


def verify_knows_what_the_manager_refuses():
    """Files that others may write, and circles of units that were given together."""
    loose = put("loose/loose.container", f"[Container]\nRootDirectory={ROOT}\nExecStart=/bin/x\n")
    os.chmod(loose, 0o666)
    got = run("verify", loose)
    yield from expect(got, 0, "")
    if "can be written by everybody" not in got.stderr or "the manager refuses it" not in got.stderr:
        yield f"no word of the mode: {got.stderr}"
    yield from expect(run(f"--unit-path={TOP}/loose", "verify", "loose"), 5, "")
    one = put("circle/one.container", f"[Unit]\nAfter=two\n[Container]\nRootDirectory={ROOT}\nExecStart=/bin/x\n")
    two = put("circle/two.container", f"[Unit]\nAfter=three\n[Container]\nRootDirectory={ROOT}\nExecStart=/bin/x\n")
    three = put("circle/three.container", f"[Unit]\nBefore=one\nAfter=one\n[Container]\nRootDirectory={ROOT}\nExecStart=/bin/x\n")
    yield from expect(run("verify", one), 0, "", "")
    got = run("verify", one, two, three)
    yield from expect(got, 5, "")
    for line in (f"{one}:2: After=: ", f"{two}:2: After=: ", "is part of a circle"):
        if line not in got.stderr:
            yield f"no {line}: {got.stderr}"
    yield from expect(run("verify", one, two), 0, "", "")


def shut_directories_are_passed_over():
    """A user who may not read a directory of the search path sees the rest, and is told."""
    shut = os.path.join(TOP, "shut")
    os.makedirs(shut, exist_ok=True)
    os.chmod(shut, 0)
    os.chmod(TOP, 0o755)
    command = [PROGRAM, f"--unit-path={shut}:{TOP}/units", "verify", "good"]
    switch = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    got = subprocess.run(command, capture_output=True, text=True, check=False, **switch)
    os.chmod(shut, 0o755)
    yield from expect(got, 0, "")
    if f"{shut}: warning: cannot be read by this user" not in got.stderr:
        yield f"no note: {got.stderr}"


def verify_speaks_json():
    got = run("-o", "json", "verify", "bad", "warn")
    yield from expect(got, 5, None, "")
    entries = json.loads(got.stdout)
    keys = [(e["unit"], e["level"], e["line"], e["directive"]) for e in entries]
    if keys != [("bad", "error", 4, "MemoryMxa"), ("bad", "error", 5, "TasksMax"), ("warn", "warning", 4, "PrivateUsers")]:
        yield str(keys)
    if entries and entries[0]["error"] != "org.bulwark1.Error.UnknownDirective":
        yield entries[0]["error"]
    got = run("--output=json-pretty", "verify", "good")
    yield from expect(got, 0, None, "")
    if json.loads(got.stdout) != []:
        yield got.stdout


def plan_names_the_unit_line():
    table = run("plan", "good")
    yield from expect(table, 0, None, "")
    plan = json.loads(run("plan", "-o", "json", "good").stdout)
    steps = plan["steps"]
    if len(steps) < 50 or [step["index"] for step in steps] != list(range(len(steps))):
        yield f"{len(steps)} steps"
    for directive, line, kind in (("RootDirectory", 2, "enter-root"), ("ExecStart", 3, "execute"), ("User", 4, "identity")):
        found = [step for step in steps if step.get("directive") == directive and step["step"] == kind]
        if not found or found[0]["line"] != line or found[0]["file"] != GOOD:
            yield f"no step {kind} of {directive}= at line {line}"
        if not any(kind in text and f"# {GOOD}:{line}: {directive}=" in text for text in table.stdout.split("\n")):
            yield f"the table has no step {kind} of {directive}= at line {line}"
    if len(json.loads(run("plan", "-o", "json-pretty", "good").stdout)["steps"]) != len(steps):
        yield "json-pretty is another plan"
    if run("plan", "good").stdout != table.stdout:
        yield "the same unit gave another plan"


def answers():
    got = run("--help")
    yield from expect(got, 0, None, "")
    if "verify" not in got.stdout or "--unit-path=" not in got.stdout:
        yield got.stdout
    got = run("--version")
    yield from expect(got, 0, None, "")
    if not got.stdout.startswith("bulwark-analyze "):
        yield got.stdout


tap.main([
    ("verify says nothing of a good unit", verify_says_nothing_of_a_good_unit),
    ("verify reports all mistakes", verify_reports_all_mistakes),
    ("exit codes are those of the error table", exit_codes_are_those_of_the_table),
    ("warnings are no failure", warnings_are_no_failure),
    ("verify knows what the manager refuses", verify_knows_what_the_manager_refuses),
    ("directories that are shut are passed over", shut_directories_are_passed_over),
    ("verify speaks JSON", verify_speaks_json),
    ("plan names the unit line", plan_names_the_unit_line),
    ("--help and --version answer", answers),
])
