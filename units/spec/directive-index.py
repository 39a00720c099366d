#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sorts directives.inc by name for the binary search: the table itself stays ordered by topic, for people.

usage: directive-index.py DIRECTIVES.INC OUTPUT
"""

import re
import sys

rows = []
with open(sys.argv[1], encoding="ascii") as table:
    for line in table:
        if line.startswith("DIRECTIVE("):
            row = re.match(r"DIRECTIVE\(\w+,\s*(\w+),", line)
            if not row:
                sys.exit(f"{sys.argv[1]}: cannot read this row: {line}")
            rows.append(row[1])

double = {name for name in rows if rows.count(name) > 1}
if double:
    sys.exit(f"{sys.argv[1]}: a name may stand in one section only: {', '.join(sorted(double))}")

with open(sys.argv[2], "w", encoding="ascii") as out:
    for name in sorted(rows):
        out.write(f"DIRECTIVE_{name},\n")
