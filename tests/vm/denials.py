# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the security modules denied: found in the log, held against the list of what is expected (`expected-denials`)."""

import collections
import fnmatch
import os
import re

LIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "expected-denials")
# The guest writes this into the kernel's log before each suite: what follows is of that suite.
MARK = re.compile(r"bulwark-vm: suite (\S+)$")
BOOT, ANYWHERE = "boot", "*"

SELINUX = re.compile(r"avc: +denied +\{ ([^}]*)\}|SELINUX_ERR|type=1401\b")
APPARMOR = re.compile(r'apparmor="(?:DENIED|ERROR)"')
FIELD = re.compile(r"""(\w+)=("[^"]*"|[^\s'"]+)""")
# Where something was dropped, a denial may be among it.
HOLES = re.compile(r"audit: (?:audit_lost=|backlog limit exceeded|rate limit exceeded)|callbacks suppressed|Missed \d+ kernel messages")

BEGIN = "Linux version "

Denial = collections.namedtuple("Denial", "where lsm fields line")
Row = collections.namedtuple("Row", "number where lsm patterns")


def parse(line, where):
    """The Denial that this line of a log reports, or None. Beside the fields of the line: `source`, the confined domain by
    its short name (SELinux's type, AppArmor's profile), and `permissions` in alphabetical order, with commas."""
    selinux = SELINUX.search(line)
    if not selinux and not APPARMOR.search(line):
        return None
    fields = {name: value.strip('"') for name, value in FIELD.findall(line)}
    if selinux:
        context = fields.get("scontext", "").split(":")
        fields["source"] = context[2] if len(context) > 2 else ""
        fields["permissions"] = ",".join(sorted((selinux.group(1) or "").split()))
    else:
        fields["source"] = fields.get("profile", "")
        fields["permissions"] = fields.get("denied_mask", "")
    return Denial(where, "selinux" if selinux else "apparmor", fields, line)


def event(denial):
    """The same denial may stand in the kernel's log and, as the audit system told it, in the journal."""
    return re.sub(r"^.*?(?=avc: |SELINUX_ERR|apparmor=|op=)", "", denial.line).strip()


def found(kernel, journal):
    """Every denial of the two logs, with the suite that ran; the kernel's own order is the better one."""
    result = {}
    for text in (kernel, journal):
        known = {what for _, what in result}
        where = BOOT
        for line in text.splitlines():
            mark = MARK.search(line)
            where = mark.group(1) if mark else where
            denial = parse(line, where)
            if denial and event(denial) not in known:
                result.setdefault((where, event(denial)), denial)
    return list(result.values())


def holes(kernel, journal=""):
    """What tells that a log is not the whole of it."""
    lines = [line for text in (kernel, journal) for line in text.splitlines() if HOLES.search(line)]
    return lines if BEGIN in kernel else lines + ["the kernel's log lacks its first line"]


def expected(path=LIST):
    """The list's rows: WHERE LSM FIELD=PATTERN...; a patternless row would allow everything and is an error."""
    rows = []
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            words = line.split("#", 1)[0].split()
            if not words:
                continue
            patterns = [word.partition("=")[::2] for word in words[2:]]
            if words[1:2] not in (["selinux"], ["apparmor"]) or "source" not in dict(patterns) or not all(v for _, v in patterns):
                raise ValueError("%s:%d: not `WHERE selinux|apparmor source=PATTERN [FIELD=PATTERN]...`" % (path, number))
            rows.append(Row(number, words[0], words[1], patterns))
    return rows


def permitted(denied, allowed):
    """Permissions are a set: no denied one may be missing in the list."""
    return set(denied.split(",")) <= set(allowed.split(","))


def matches(row, denial):
    if row.where not in (ANYWHERE, denial.where) or row.lsm != denial.lsm:
        return False
    for name, pattern in row.patterns:
        value = denial.fields.get(name)
        if value is None or not (permitted(value, pattern) if name == "permissions" else fnmatch.fnmatchcase(value, pattern)):
            return False
    return True


def unexpected(denials, rows):
    return [denial for denial in denials if not any(matches(row, denial) for row in rows)]
