#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the state table in bulwarkd(8) against the one that the manager is compiled from.

usage: test_states.py SOURCE PRINT-STATES [--update]      --update writes the table into the page
"""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402

PAGE = os.path.join(sys.argv[1], "units/man/bulwarkd.8")
TABLE = re.compile(r'(?<=^\.\\" the state table: see tests/docs/test_states\.py\n\.Bd -literal -compact\n).*?(?=^\.Ed$)', re.S | re.M)


def printed():
    return subprocess.run([sys.argv[2]], capture_output=True, text=True, check=True).stdout


def page():
    with open(PAGE, encoding="utf-8") as stream:
        return stream.read()


def update():
    text = page()
    with open(PAGE, "w", encoding="utf-8") as stream:
        stream.write(TABLE.sub(lambda _: printed(), text, count=1))


def the_page_has_the_table():
    found, wanted = TABLE.search(page()), printed()
    if not found:
        yield "bulwarkd(8) has no state table"
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
    if len(there) < 30:
        yield f"only {len(there)} lines were printed"


if "--update" in sys.argv:
    update()
else:
    tap.main([("the state table in bulwarkd(8)", the_page_has_the_table)])
