#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the manual pages against the tables and programs that they describe.

usage: test_docs.py SOURCE [NAME=PROGRAM...]      each program is held against NAME.1
"""

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402

TOP = os.path.abspath(sys.argv[1])
PROGRAMS = dict(argument.split("=", 1) for argument in sys.argv[2:])
SECTION_HEADING = re.compile(r'^\.Sh OPTIONS OF \[(\w+)\]')


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as stream:
        return stream.read()


def rows(path, macro):
    """The arguments of each MACRO(...) row, C strings taken out of their quotes."""
    text = re.sub(r"/\*.*?\*/", "", read(path), flags=re.S)
    for call in re.finditer(r"^%s\((.*?)\)$" % macro, text, flags=re.S | re.M):
        parts = re.findall(r'"(?:[^"\\]|\\.)*"|[^,\s"]+', call[1])
        yield [part[1:-1] if part.startswith('"') else part for part in parts]


def manuals():
    for folder, names, found in os.walk(TOP):
        names[:] = sorted(n for n in names if not n.startswith((".", "build")))
        for name in sorted(found):
            if re.fullmatch(r"(?:org\.)?bulwark[\w.-]*\.[158]", name):
                yield os.path.join(folder, name)


def manual_of(name):
    found = [path for path in manuals() if os.path.basename(path) == name]
    return found[0] if found else None


def plain(roff):
    """Text of roff source, near enough to look for words in."""
    roff = re.sub(r'^\.\\".*$', "", roff, flags=re.M)
    roff = re.sub(r"\\f.|\\&", "", roff).replace("\\-", "-").replace("\\e", "\\")
    roff = re.sub(r"^\.(?:Fl|It Fl) ", ". --@ ", roff, flags=re.M)
    roff = re.sub(r"\bFl -(?=[a-z])", "--", roff.replace("--@ -", "--"))
    return re.sub(r"^\.[A-Z][a-z]? ?", "", roff, flags=re.M).replace(" Ns ", "").replace(" Ar ", " ")


def directive_items():
    """(section, name, text up to the next item) of bulwark.container(5), in its order."""
    section, name, text, items = None, None, [], []
    for line in read("units/man/bulwark.container.5").split("\n"):
        heading = SECTION_HEADING.match(line)
        item = re.match(r"^\.It Cm (\w+)=", line)
        if line.startswith(".Sh") or item:
            if name:
                items.append((section, name, "\n".join(text)))
            name, text = (item[1] if item else None), []
            if line.startswith(".Sh"):
                section = heading[1] if heading else None
        elif name:
            text.append(line)
    return items


def directives_are_described():
    items = {(section, name): text for section, name, text in directive_items() if section}
    table = [(row[0], row[1], row[6]) for row in rows("units/spec/directives.inc", "DIRECTIVE")]
    if len(table) < 40:
        yield f"only {len(table)} rows were read"
    for section, name, default in table:
        text = items.pop((section, name), None)
        if text is None:
            yield f"bulwark.container(5) lacks {name}= in [{section}]"
            continue
        described = re.search(r"^Default:(.*)", plain(text), flags=re.S | re.M)
        if not described:
            yield f"bulwark.container(5) does not say the default of {name}="
        elif default == "NULL" and not re.match(r"\s*(none|yes)\b", described[1]):
            yield f"{name}= has no default in the table, and bulwark.container(5) says: {described[1].strip()}"
        elif default != "NULL" and described[1].split()[0].strip(".,") != default:
            yield f"{name}= is {default} by default, and bulwark.container(5) says: {described[1].strip()}"
    for section, name, *_ in rows("units/spec/shorthands.inc", "SHORTHAND"):
        if items.pop((section, name), None) is None:
            yield f"bulwark.container(5) lacks {name}= in [{section}]"
    page = read(next(path for path in manuals() if path.endswith("bulwark.container.5")))
    for table, kind in (("old-names", "OLD_NAME"), ("noted", "NOTED")):
        for section, name, *_ in rows(f"units/spec/{table}.inc", kind):
            if not re.search(rf"^\.Cm .*\b{name}=", page, flags=re.M):
                yield f"bulwark.container(5) lacks {name}= of {table}.inc"
    for section, name, accepted, *_ in rows("units/spec/refused.inc", "FIXED"):
        text = items.pop((section, name), None)
        described = text and re.search(r"^Default:(.*)", plain(text), flags=re.S | re.M)
        if not described or described[1].split()[0].strip(".,") != accepted.split()[0]:
            yield f"bulwark.container(5) does not say that {name}= of [{section}] is {accepted}"
    for section, name in items:
        yield f"bulwark.container(5) describes {name}= in [{section}], which is no row of the table"


def attributes_are_described():
    """Each row of the table of inherited attributes is a row of the manual's, with the same directive."""
    page = read("units/man/bulwark.container.5")
    table = [row for row in rows("manager/plan/attributes.inc", "ATTRIBUTE") if '" word' not in row and len(row) == 5]
    if len(table) < 20:
        yield f"only {len(table)} rows were read"
    for name, _, _, directive, _ in table:
        item = re.search(r"^\.It %s Ta (?:Cm (\w+)= )?" % re.escape(name), page, re.M)
        if not item:
            yield f"bulwark.container(5) lacks the attribute \"{name}\""
        elif (item[1] or "_INVALID") != directive:
            yield f"bulwark.container(5) says {item[1]}= of \"{name}\", the table {directive}="


def examples_are_of_known_directives():
    known = {row[1] for row in rows("units/spec/directives.inc", "DIRECTIVE")}
    known |= {row[1] for row in rows("units/spec/refused.inc", "FIXED")}
    for path in manuals():
        inside = False
        for number, line in enumerate(open(path, encoding="utf-8"), 1):
            inside = line.startswith(".Bd") or (inside and not line.startswith(".Ed"))
            name = re.match(r"^([A-Z]\w+)=", line) if inside else None
            if name and name[1] not in known:
                yield f"{os.path.relpath(path, TOP)}:{number}: {name[1]}= is no directive"


def refused_names_are_refused():
    known = {(row[0], row[1]) for row in rows("units/spec/directives.inc", "DIRECTIVE")}
    refused = [(row[0], row[1]) for row in rows("units/spec/refused.inc", "LATER")]
    refused += [(row[0], row[1]) for row in rows("units/spec/refused.inc", "REFUSED")]
    if len(refused) + len(known) < 450: # a name moves from one table to the other, and is lost from neither
        yield f"only {len(refused)} and {len(known)} rows were read"
    for row in refused:
        if row in known:
            yield f"{row[1]}= of [{row[0]}] is a row of the table and refused"


def pages_render():
    pages = list(manuals())
    if not pages:
        yield "no manual page was found"
    mandoc, man = shutil.which("mandoc"), shutil.which("man")
    if not mandoc and not man:
        raise tap.Skip("neither mandoc nor man is installed")
    for path in pages:
        name = os.path.basename(path)
        if mandoc:
            lint = subprocess.run([mandoc, "-T", "lint", "-W", "warning", path], capture_output=True, text=True, check=False)
            for line in lint.stdout.split("\n"):
                # Which other pages this host has is not the page's fault.
                if re.search(r": (WARNING|ERROR|UNSUPP|FATAL):", line) and "referenced manual not found" not in line:
                    yield line
            shown = subprocess.run([mandoc, "-T", "utf8", path], capture_output=True, text=True, check=False)
        else:
            shown = subprocess.run([man, "--warnings", "-l", path], capture_output=True, text=True, check=False,
                                   env={**os.environ, "MANPAGER": "cat", "MANROFFSEQ": "t"})
            yield from (f"{name}: {line}" for line in shown.stderr.split("\n") if line)
        if shown.returncode != 0 or len(shown.stdout) < 500:
            yield f"{name} does not render"


def our_pages_exist():
    """A reference to a page of ours leads to a page."""
    here = {os.path.basename(path) for path in manuals()}
    for path in manuals():
        for number, line in enumerate(read(path).split("\n"), 1):
            named = re.findall(r"\b((?:org\.)?bulwark[\w.-]*)(?: |\(|\\f.\()([158])\b", line)
            for name, section in named:
                if f"{name}.{section}" not in here:
                    yield f"{os.path.basename(path)}:{number}: there is no page {name}({section})"


def help_of(program):
    """(options, verbs) that --help tells."""
    shown = subprocess.run([program, "--help"], capture_output=True, text=True, check=False)
    if shown.returncode != 0 or shown.stderr:
        raise RuntimeError(f"{program} --help: exit code {shown.returncode}, {shown.stderr}")
    options, verbs, in_verbs = set(), set(), False
    for line in shown.stdout.split("\n"):
        if line and not line.startswith(" "):
            in_verbs = bool(re.search(r"(Commands|Verbs)", line)) and line.rstrip().endswith(":")
        option = re.match(r"^\s+(?:-\w,? )?\s*--([a-z][a-z-]+)", line)
        verb = re.match(r"^  ([a-z][a-z-]+)\b", line) if in_verbs else None
        if option:
            options.add(option[1])
        elif verb:
            verbs.add(verb[1])
    return options, verbs


def page_items(path):
    """(options, verbs) that have an item of their own on the page."""
    options, verbs, heading, after_tp = set(), set(), "", False
    for line in read(path).split("\n"):
        head = re.match(r'^\.S[hH] "?([^"]*)', line)
        if head:
            heading = head[1]
        if re.match(r"^\.It |^\.IP ", line) or after_tp:
            text = plain(line)
            options.update(re.findall(r"--([a-z][a-z-]+)", text))
            if re.search(r"COMMANDS|VERBS", heading):
                verb = re.match(r"^(?:\.It )?(?:Cm |Ic |\"|B |\\fB)*([a-z][a-z-]+)\b", text.lstrip(". "))
                if verb and not text.lstrip().startswith("-"):
                    verbs.add(verb[1])
        after_tp = line.startswith(".TP")
    return options, verbs


def help_matches_its_page():
    for name, program in sorted(PROGRAMS.items()):
        page = manual_of(f"{name}.1") or manual_of(f"{name}.8")
        if not page:
            yield f"{name} has no manual page"
            continue
        told, shown = help_of(program), page_items(page)
        if not told[0]:
            yield f"{name} --help tells no option"
        for what, ours, theirs in (("option --", told[0], shown[0]), ("verb ", told[1], shown[1])):
            for missing in sorted(ours - theirs):
                yield f"{os.path.basename(page)} lacks the {what}{missing} of {name} --help"
            for extra in sorted(theirs - ours):
                yield f"{os.path.basename(page)} describes the {what}{extra}, which {name} --help does not know"


def error_table_is_in_the_manual():
    page = manual_of("bulwarkctl.1")
    if not page:
        raise tap.Skip("bulwarkctl(1) is not here")
    lines = plain(read(page)).split("\n")
    for code, bus_name, status, *_ in rows("manager/base/error-codes.inc", "ERROR_CODE"):
        at = [i for i, line in enumerate(lines) if re.search(r"\b%s\b" % bus_name, line)]
        near = [line for i in at for line in lines[max(0, i - 1):i + 2]]
        if not at:
            yield f"bulwarkctl(1) lacks the error {bus_name} ({code})"
        elif not any(re.search(r"\b%s\b" % status, line) for line in near):
            yield f"bulwarkctl(1) does not say that {bus_name} exits with {status}"


def bus_files_are_whole():
    """The files for the bus and polkit are XML, and the actions are those that the manager asks for and describes."""
    place = "tools/packaging/"
    for name in ("org.bulwark1.conf", "org.bulwark1.policy"):
        try:
            xml.etree.ElementTree.fromstring(read(place + name))
        except xml.etree.ElementTree.ParseError as e:
            yield f"{name}: {e}"
        if shutil.which("xmllint"):
            done = subprocess.run(["xmllint", "--noout", "--nonet", os.path.join(TOP, place + name)], capture_output=True, text=True, check=False)
            if done.returncode != 0 or done.stderr:
                yield f"{name}: {done.stderr}"
    policy = xml.etree.ElementTree.fromstring(read(place + "org.bulwark1.policy"))
    offered = {action.get("id") for action in policy.iter("action")}
    asked = set(re.findall(r'"(org\.bulwark1\.[a-z-]+)"', read("manager/bus/bus-polkit.c")))
    told = set(re.findall(r"^\.It Cm (org\.bulwark1\.[a-z-]+)", read("units/man/org.bulwark1.5"), flags=re.M))
    if len(asked) < 5:
        yield f"only {sorted(asked)} were read"
    for what, actions in (("org.bulwark1.policy offers", offered), ("org.bulwark1(5) describes", told)):
        if actions != asked:
            yield f"{what} {sorted(actions)}, the manager asks for {sorted(asked)}"
    for action in policy.iter("action"):
        for default in action.find("defaults"):
            if not default.text.startswith("auth_admin"):
                yield f"{action.get('id')} is {default.text} by default: nobody but an administrator may"
    service = read(place + "org.bulwark1.service")
    for line in ("Name=org.bulwark1", "SystemdService=bulwarkd.service", "User=root"):
        if line not in service.split("\n"):
            yield f"org.bulwark1.service lacks {line}"


def the_map_names_what_exists():
    """README's table of where things are."""
    named = [path for line in read("README.md").split("\n") if line.startswith("| ") for path in re.findall(r"`([^`]+)`", line)]
    if len(named) < 20:
        yield f"only {len(named)} paths were read"
    for path in named:
        if not os.path.exists(os.path.join(TOP, path)):
            yield f"README.md names {path}, which is not there"


tap.main([
    ("every directive is described with its default", directives_are_described),
    ("every inherited attribute is described", attributes_are_described),
    ("examples use known directives", examples_are_of_known_directives),
    ("no name is known and refused", refused_names_are_refused),
    ("pages render without a warning", pages_render),
    ("references among our pages hold", our_pages_exist),
    ("--help and manual pages agree", help_matches_its_page),
    ("the error table is in bulwarkctl(1)", error_table_is_in_the_manual),
    ("the files for the bus and polkit hold together", bus_files_are_whole),
    ("README's map names what exists", the_map_names_what_exists),
])
