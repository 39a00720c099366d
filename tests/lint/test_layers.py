#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads every source file: who includes whom, which outside library stands where, and what no file may hold.

usage: test_layers.py SOURCE
"""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402

TOP = os.path.abspath(sys.argv[1])

# A room includes its own and lower ranks. The longest prefix of a path is its room.
RANKS = {
    "manager/base": 0,
    "manager/netlink": 1,
    "manager/images": 1,
    "units/values": 1,
    "units/spec": 2,
    "units/syntax": 3,
    "units/install": 4,
    "units/resolve": 4,
    "policies": 5,
    "manager/plan": 6,
    "manager/claims": 6,
    "manager/probe": 6,
    "manager/host/part.h": 6,
    "manager/host/cgroup": 6,
    "manager/host/credentials": 6,
    "manager/host/filters": 6,
    "manager/host/ids": 6,
    "manager/host/names": 6,
    "manager/host/network": 6,
    "manager/host/trees": 6,
    # These know the container still; they share its rank until what they need of it is a value.
    "manager/host/conditions": 7,
    "manager/host/labels": 7,
    "manager/host/machine": 7,
    "manager/host/messages": 7,
    "manager/host/sockets": 7,
    "manager/host/streams": 7,
    "manager/keeper-client": 7,
    "manager/order": 7,
    "manager/record": 7,
    "manager/container": 7,
    "manager/bus": 8,
    "manager/become.c": 9,
    "manager/become.h": 9,
    "manager/main.c": 9,
}

# Programs beside the ladder: exactly what each may see.
WHITE_LISTS = {
    # The keeper is PID 1 in containers: no parser, no text, nothing of the manager.
    "manager/keeper": {
        "manager/keeper",
        "manager/stage",
        "manager/base/io.h",
        "manager/base/landlock-abi.h",
        "manager/base/util.h",
        "manager/plan/plan-format.h",
        "manager/plan/process-attributes.h",
        "manager/plan/steps.inc",
    },
    # What becomes a container, whoever launches it: nothing of the keeper.
    "manager/stage": {
        "manager/stage",
        "manager/base/io.h",
        "manager/base/landlock-abi.h",
        "manager/base/util.h",
        "manager/plan/plan-format.h",
        "manager/plan/process-attributes.h",
        "manager/plan/steps.inc",
    },
    # It runs in every container: libc, and what it is asked.
    "manager/probe": {"manager/probe", "manager/base/io.h", "manager/base/util.h"},
    # Only what comes before the first change to the host.
    "tools/bulwark-analyze": {
        "tools/bulwark-analyze",
        "manager/base",
        "units/values",
        "units/spec",
        "units/syntax",
        "units/resolve",
        "policies",
        "manager/plan",
    },
    # Reads what strangers packed: nothing that knows a unit or a container.
    "tools/bulwark-image": {"tools/bulwark-image", "manager/base", "manager/images"},
    # A bus client: it knows names and values, never a spec or a container; and it makes the links of [Install].
    "tools/bulwarkctl": {
        "tools/bulwarkctl",
        "manager/base",
        "manager/bus/names.h",
        "units/values",
        "units/spec",
        "units/install/install.h",
        "units/resolve/resolve.h",
    },
}

# What the keeper and the rooms may see of the keeper.
KEEPER_PUBLIC = {"manager/keeper/protocol.h", "manager/keeper/crash-points.inc"}
STAGE_PUBLIC = {"manager/stage/step-failure.h"}
PROBE_PUBLIC = {"manager/probe/probe-format.h", "manager/probe/proc-text.h", "manager/probe/questions.inc"}

# One outside library lives in one room.
LIBRARIES = {
    r"seccomp\.h": ["policies/seccomp"],
    r"sys/apparmor\.h": ["policies/apparmor"],
    r"selinux/|sepol/|semanage/": ["policies/selinux"],
    r"sys/capability\.h|sys/psx_syscall\.h": ["policies/caps"],
    r"bpf/": ["policies/bpf"],
    r"libmount/|blkid/": ["manager/host/trees", "units/resolve/host-facts.c"],
    r"nettle/|openssl/|gcrypt\.h": ["manager/base/hash.c"],
    r"json-c/": ["manager/plan/plan-print.c", "policies/seccomp/oci-profile.c", "tools"],
    r"archive(_entry)?\.h": ["tools/bulwark-image"],
    r"systemd/sd-(bus|bus-vtable|bus-protocol)\.h": ["manager/bus", "tools/bulwarkctl", "tools/bench"],
    r"systemd/sd-(event|id128)\.h": ["manager/container", "manager/host", "manager/keeper-client", "manager/record", "manager/bus", "manager/main.c", "tools/bulwarkctl"],
    r"systemd/sd-daemon\.h": ["manager/main.c", "tools/bulwarkctl"],
    r"systemd/sd-journal\.h": ["tools/bulwarkctl"],
    r"cmocka\.h": ["tests"],
}

GENERATED = {"directive-index.inc"}
SOURCE_SUFFIXES = (".c", ".h", ".inc")
MARKED_SUFFIXES = SOURCE_SUFFIXES + (".py", ".sh", ".1", ".5", ".7", ".8", "meson.build", "meson_options.txt")
LONG_FILE = 800

MUTABLE = re.compile(
    r"^(?!.*\b(?:const|constexpr|typedef|extern|return|struct\s+\w+;|enum\s+\w+;|goto)\b)"
    r"(?:static\s+|_Thread_local\s+|__thread\s+)*"
    r"(?:unsigned\s+|signed\s+|struct\s+|enum\s+|union\s+)?[A-Za-z_]\w*(?:\s+|\s*\*+\s*)[A-Za-z_]\w*(?:\[[^\]]*\])*\s*(?:=|;)"
)
LOCAL_STATIC = re.compile(r"^\s+static\s+(?!.*\bconst\b)[^(]*[=;]")


def files(*suffixes):
    for folder, names, found in os.walk(TOP):
        names[:] = sorted(n for n in names if not n.startswith((".", "build")) and n not in ("corpus", "__pycache__"))
        for name in sorted(found):
            if name.endswith(suffixes):
                yield os.path.relpath(os.path.join(folder, name), TOP)


def lines(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as stream:
        yield from enumerate(stream.read().split("\n"), 1)


def includes(path, mark):
    opening, closing = mark
    pattern = re.compile(r"^\s*#\s*include\s+%s([^>\"]+)%s" % (opening, closing))
    for number, line in lines(path):
        found = pattern.match(line)
        if found:
            yield number, found[1]


def is_in(path, places):
    return any(path == place or path.startswith(place + "/") for place in places)


def rank_of(path):
    if re.fullmatch(r"manager/host/\w+/part(-\w+)?\.[ch]", path):
        return RANKS["manager/container"]  # where a folder of the host meets the container
    rooms = [room for room in RANKS if is_in(path, [room])]
    return RANKS[max(rooms, key=len)] if rooms else None


def ladder():
    seen = 0
    for path in files(*SOURCE_SUFFIXES):
        lists = [room for room in WHITE_LISTS if is_in(path, [room])]
        rank = rank_of(path)
        for number, target in includes(path, '""'):
            seen += 1
            if target in GENERATED:
                continue
            if "/" not in target or not os.path.exists(os.path.join(TOP, target)):
                yield f'{path}:{number}: "{target}" is not written from the top'
            elif lists and not is_in(target, WHITE_LISTS[lists[0]]):
                yield f"{path}:{number}: {lists[0]} may not see {target}"
            elif is_in(path, ["tests", "tools"]) or lists:
                continue
            elif rank is None:
                yield f"{path}:{number}: this file belongs to no room; give its folder a rank"
            elif is_in(target, ["manager/keeper"]):
                if target not in KEEPER_PUBLIC:
                    yield f"{path}:{number}: {target} is the keeper's own"
            elif is_in(target, ["manager/stage"]):
                if target not in STAGE_PUBLIC:
                    yield f"{path}:{number}: {target} is the stage's own"
            elif is_in(target, ["manager/probe"]) and target not in PROBE_PUBLIC:
                yield f"{path}:{number}: {target} is the probe's own"
            elif rank_of(target) is None or rank_of(target) > rank:
                yield f"{path}:{number}: rank {rank} may not see {target}"
    if seen < 50:
        yield f"only {seen} includes were found below {TOP}"


def libraries():
    for path in files(*SOURCE_SUFFIXES):
        for number, target in includes(path, "<>"):
            for pattern, places in LIBRARIES.items():
                if re.match(pattern, target) and not is_in(path, places + ["tests"]):
                    yield f"{path}:{number}: <{target}> belongs to {', '.join(places)}"


def licences():
    for path in files(*MARKED_SUFFIXES):
        head = [line for _, line in lines(path)][:2]
        if not any("SPDX-License-Identifier: LGPL-2.1-or-later" in line for line in head):
            yield f"{path}: the SPDX line is missing"
    for folder in ("tools", "tools/dev", ".ci"):
        for name in sorted(os.listdir(os.path.join(TOP, folder)) if os.path.isdir(os.path.join(TOP, folder)) else []):
            path = os.path.join(folder, name)
            if os.path.isfile(os.path.join(TOP, path)) and os.access(os.path.join(TOP, path), os.X_OK):
                if not any("SPDX-License-Identifier" in line for _, line in list(lines(path))[:3]):
                    yield f"{path}: the SPDX line is missing"


def globals_are_constant():
    for path in files(".c", ".h"):
        if path == "manager/main.c" or is_in(path, ["tests", "tools/bench"]):
            continue
        for number, line in lines(path):
            # Nothing is allocated between the keeper's clone and the payload: its large buffers are static.
            if MUTABLE.match(line) or (LOCAL_STATIC.match(line) and not is_in(path, ["manager/keeper", "manager/stage"])):
                yield f"{path}:{number}: a mutable global: {line.strip()}"


def nothing_unfinished():
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    for path in files(*SOURCE_SUFFIXES, ".py", "meson.build"):
        if is_in(path, ["tests/lint"]):
            continue
        for number, line in lines(path):
            if words.search(line) and "XXXXXX" not in line:
                yield f"{path}:{number}: {line.strip()}"


# Where the consumer of a directive stands, by its stage.
CONSUMERS = {
    "PLAN": ["units/spec/service-directories.c", "manager/plan", "units/resolve"],
    "POLICY": ["policies", "units/spec/protections.c"],
    "CGROUP": ["manager/host/cgroup"],
    "MANAGER": ["policies/exposure", "units/spec/service-directories.c", "manager/container", "manager/host", "manager/order"],
}


def rows_have_consumers():
    """A row that nobody reads is parsed and ignored."""
    text = {}
    for stage, places in CONSUMERS.items():
        text[stage] = "\n".join(line for path in files(".c", ".inc") if is_in(path, places) for _, line in lines(path))
    # rows that a table of the plan names: attributes, and each limit of the kernel's
    limits = re.findall(r"^RESOURCE_LIMIT\((\w+),", "\n".join(line for _, line in lines("units/values/resource-limits.inc")), re.M)
    named = re.findall(r"^ATTRIBUTE\([^,]*,[^,]*,[^,]*,\s*(\w+),", "\n".join(line for _, line in lines("manager/plan/attributes.inc")), re.M)
    if "Limit##name" in text["PLAN"]:
        named += ["Limit" + limit for limit in limits]
    text["PLAN"] += "".join("\nDIRECTIVE_%s" % name for name in named)
    table = re.findall(r"^\s+ROW\((\w+),", "\n".join(line for _, line in lines("manager/host/cgroup/cgroup-limits.c")), re.M)
    text["CGROUP"] += "".join("\nDIRECTIVE_%s" % name for name in table) # the files of the control group
    seen = 0
    for number, line in lines("units/spec/directives.inc"):
        row = re.match(r"DIRECTIVE\(\w+,\s*(\w+),\s*(\w+),[^,]*,[^,]*,\s*(\w+),", line)
        if not row:
            continue
        seen += 1
        name, field, stage = row.groups()
        condition = re.match(r"DIRECTIVE\(Unit,\s*(?:Condition|Assert)(\w+),\s*\w+,\s*conditions,", line)
        if condition: # read by its kind: a rule, and who looks at the host for it
            field = None
            for place in ("manager/order", "manager/host/conditions"):
                if not re.search(r"\[CONDITION_%s\] = \w" % condition[1], "\n".join(l for p in files(".c") if is_in(p, [place]) for _, l in lines(p))):
                    yield f"units/spec/directives.inc:{number}: nothing in {place} is about {name}="
        elif stage in text and not re.search(r"(->|\.)%s\b|\bDIRECTIVE_%s\b" % (field, name), text[stage]):
            yield f"units/spec/directives.inc:{number}: nothing in {' or '.join(CONSUMERS[stage])} reads {name}="
    if seen < 40:
        yield f"only {seen} rows were read"


def manager_rows_have_a_witness():
    """What the manager itself does with a row moves no compiler's output: a test on real containers has to show it."""
    witness = "\n".join(line for path in files(".py") if is_in(path, ("tests/host", "tests/vm/guest")) for _, line in lines(path))
    seen = 0
    for number, line in lines("units/spec/directives.inc"):
        row = re.match(r"DIRECTIVE\(\w+,\s*(\w+),[^,]*,[^,]*,[^,]*,\s*MANAGER,", line)
        if not row:
            continue
        seen += 1
        # a test that has a condition asks it as an assert, too
        if not re.search(r"\b%s=" % re.sub("^Assert", "Condition", row[1]), witness):
            yield f"units/spec/directives.inc:{number}: no test in tests/host/ or tests/vm/guest/ sets {row[1]}="
    if seen < 5:
        yield f"only {seen} rows of the manager were read"


def long_files():
    """A report, no failure: a long file asks where its seam is."""
    for path in files(".c", ".h"):
        count = sum(1 for _ in lines(path)) - 1
        if count > LONG_FILE:
            print(f"# {path}: {count} lines; where is its seam?")
    return []


tap.main([
    ("rooms include their own and lower ranks only", ladder),
    ("one outside library lives in one room", libraries),
    ("files carry their licence", licences),
    ("globals are constant", globals_are_constant),
    ("every directive has its consumer", rows_have_consumers),
    ("every row of the manager has a test", manager_rows_have_a_witness),
    ("nothing is marked as unfinished", nothing_unfinished),
    ("long files are reported", long_files),
])
