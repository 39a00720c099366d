#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the state table in bulwarkd(8), and its diagram, against the one that the manager is compiled from.

usage: test_states.py SOURCE PRINT-STATES [--update]      --update writes both into the page
"""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402

PAGE = os.path.join(sys.argv[1], "units/man/bulwarkd.8")


def block(what):
    return re.compile(r'(?<=^\.\\" %s: see tests/docs/test_states\.py\n\.Bd -literal -compact\n).*?(?=^\.Ed$)' % what, re.S | re.M)


# what stands in the page: its lines at least, and what prints it
BLOCKS = {"the state table": (30, []), "the diagram of the states": (19, ["--diagram"])}


def printed(arguments):
    return subprocess.run([sys.argv[2], *arguments], capture_output=True, text=True, check=True).stdout


def page():
    with open(PAGE, encoding="utf-8") as stream:
        return stream.read()


def update():
    text = page()
    for what, (_, arguments) in BLOCKS.items():
        text = block(what).sub(lambda _: printed(arguments), text, count=1)
    with open(PAGE, "w", encoding="utf-8") as stream:
        stream.write(text)


def the_page_has(what):
    least, arguments = BLOCKS[what]
    found, wanted = block(what).search(page()), printed(arguments)
    if not found:
        yield f"bulwarkd(8) lacks {what}"
        return
    here, there = found[0].splitlines(), wanted.splitlines()
    for line in there:
        if line not in here:
            yield f"bulwarkd(8) lacks: {line}"
    for line in here:
        if line not in there:
            yield f"bulwarkd(8) has, and the manager has not: {line}"
    if not found[0] == wanted and sorted(here) == sorted(there):
        yield "the lines stand in another order"
    if len(there) < least:
        yield f"only {len(there)} lines were printed"


if "--update" in sys.argv:
    update()
else:
    tap.main([(f"{what} in bulwarkd(8)", lambda what=what: the_page_has(what)) for what in BLOCKS])
