# SPDX-License-Identifier: LGPL-2.1-or-later
"""The little that the script tests share: a check is a function that yields its complaints; TAP comes out."""

import sys
import traceback


class Skip(Exception):
    """What is needed is not here; the reason is printed."""


def main(checks):
    """Runs (name, function) pairs; a function returns or yields lines that complain, none means it passed."""
    failed = 0
    print(f"1..{len(checks)}")
    for number, (name, function) in enumerate(checks, 1):
        try:
            complaints = list(function() or [])
        except Skip as why:
            print(f"ok {number} - {name} # SKIP {why}")
            continue
        except Exception:  # pylint: disable=broad-except
            complaints = traceback.format_exc().splitlines()
        failed += bool(complaints)
        print(f"{'not ok' if complaints else 'ok'} {number} - {name}")
        for line in complaints:
            print(f"# {line}")
    sys.stdout.flush()
    sys.exit(1 if failed else 0)
