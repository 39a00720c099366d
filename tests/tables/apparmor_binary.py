# SPDX-License-Identifier: LGPL-2.1-or-later
"""What apparmor_parser(8) makes of a profile, read as the kernel reads it: which permissions a path gets. No module needed.

The state machines in the binary are those of security/apparmor/match.c: big-endian tables, each padded to 8 bytes.
"""

import re
import struct
import subprocess

PARSER = "/sbin/apparmor_parser"
MAGIC = b"\x1b\x5e\x78\x3d"
ACCEPT, BASE, CHECK, DEFAULT, CLASSES, NEXT = 1, 2, 3, 4, 5, 8
DIFFERENCE = 1 << 31  # of a base: what is not here stands in the default state
LETTERS = {1: "x", 2: "w", 4: "r", 0x10: "l", 0x20: "k", 0x40: "m"}
LINK = 0x10
OTHERS = 14  # bits between what the owner and what anybody may


class Refused(Exception):
    """apparmor_parser's words."""


def compile_text(text, features):
    run = subprocess.run([PARSER, "--config-file=/dev/null", "-QTKS", "-M", features], input=text.encode(), capture_output=True,
                         check=False, timeout=60)
    if run.returncode != 0:
        raise Refused(run.stderr.decode(errors="replace"))
    return run.stdout


class Machine:
    def __init__(self, blob):
        header, = struct.unpack_from(">I", blob, 4)
        self.tables, at = {}, header
        size, = struct.unpack_from(">I", blob, 8)
        while at < size:
            kind, width, _, n = struct.unpack_from(">HHII", blob, at)
            self.tables[kind] = struct.unpack_from(">%d%s" % (n, {1: "B", 2: "H", 4: "I"}[width]), blob, at + 12)
            at = at + 12 + n * width
            at += -(at) % 8
        self.size = size

    def step(self, state, byte):
        byte = self.tables[CLASSES][byte] if CLASSES in self.tables else byte
        while True:
            base = self.tables[BASE][state]
            at = (base & 0xffffff) + byte
            if at < len(self.tables[CHECK]) and self.tables[CHECK][at] == state:
                return self.tables[NEXT][at]
            state = self.tables[DEFAULT][state]
            if not base & DIFFERENCE:
                return state

    def accept(self, data, state=1):
        for byte in data:
            state = self.step(state, byte)
        return self.tables[ACCEPT][state]


class Profile:
    """One profile: profile.allowed("/etc/passwd") is "rmx" in alphabetical order; owner=True for who owns the file."""

    def __init__(self, binary):
        name = re.search(rb"\x04..profile\x00\x07\x05(..)", binary, re.S)
        length, = struct.unpack("<H", name[1])
        self.name = binary[name.end():name.end() + length - 1].decode()
        # The rules on files stand last; before them those on everything else.
        starts = [m.start() for m in re.finditer(re.escape(MAGIC), binary)]
        self.n = len(starts)
        self.files = Machine(binary[starts[-1]:])

    def allowed(self, path, owner=False):
        data = path if isinstance(path, bytes) else path.encode()
        # Whether a link may be made is judged by its name and what it is a link to.
        bits = self.files.accept(data) & ~(LINK | LINK << OTHERS) | self.files.accept(data + b"\0/x") & (LINK | LINK << OTHERS)
        bits = bits if owner else bits >> OTHERS
        return "".join(sorted(letter for bit, letter in LETTERS.items() if bits & bit))
