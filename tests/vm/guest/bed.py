# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the suites of the guest share: the harness of the host suites, found where it lies."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "host"))
from harness import *  # noqa: the names that a suite uses
from harness import SLOWNESS, cgroup2_mount, cgroup_of_bed, read  # noqa


def cgroup_directory(bed, name):
    """Where the limits of a running container stand."""
    path = cgroup2_mount() + bed.property(name, "ControlGroup")
    check(path.startswith(bed.cgroup + "/containers/"), "ControlGroup is " + path)
    return os.path.join(bed.cgroup, "containers", name)


def cgroup_file(bed, name, file):
    return read(os.path.join(cgroup_directory(bed, name), file)).strip()


def cgroup_key(bed, name, file, key):
    """One line of a file like memory.events or cpu.stat."""
    for line in cgroup_file(bed, name, file).splitlines():
        if line.split()[0] == key:
            return int(line.split()[1])
    raise Failure("%s of %s has no %s" % (file, name, key))


def example(bed, name, *lines):
    """A unit of units/examples as it is, roots and all; lines go into a drop-in, as a user's would."""
    shutil.copy(os.path.join(SOURCE, "units/examples", name + ".container"), bed.units)
    bed.drop_in(name, "bed.conf", "[Container]\n%s\n" % "\n".join(lines))
    bed.ctl("daemon-reload").expect(0)
