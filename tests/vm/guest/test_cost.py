# SPDX-License-Identifier: LGPL-2.1-or-later
"""What mandatory access control costs: ratios within one run, for figures mean nothing on an emulated processor."""

import statistics

from bed import *

LSM = os.environ.get("BULWARK_VM_LSM", "none")
ROUNDS = 30
RATIO_MAX = 1.15
UNITS = 100
PAYLOAD = ["Type=oneshot", "ExecStart=/bin/true"]


def tell(text):
    print("# " + text, flush=True)


def start(bed, name):
    begin = time.monotonic()
    bed.ctl("start", "--wait", name).expect(0)
    return time.monotonic() - begin


def compare(bed, a, b, rounds):
    """Medians of interleaved starts: whatever disturbs one disturbs the other."""
    times = {a: [], b: []}
    for i in range(rounds):
        for name in (a, b) if i % 2 else (b, a):
            times[name].append(start(bed, name))
    return statistics.median(times[a]), statistics.median(times[b])


def test_start(bed):
    """a start with the module costs at most 1.15 times one without, once its policy is cached."""
    if LSM == "none":
        raise Skip("no module is running")
    # Under AppArmor Landlock is left in both; SELinux has no word for that, and pays for both.
    bed.unit("with", *PAYLOAD)
    bed.unit("without", "AppArmorProfile=unconfined" if LSM == "apparmor" else "MandatoryAccessControl=no", *PAYLOAD)
    for name in ("with", "without"):
        start(bed, name)
    with_, without = compare(bed, "with", "without", ROUNDS)
    tell("start: %.1f ms with %s, %.1f ms without, ratio %.2f" % (with_ * 1000, LSM, without * 1000, with_ / without))
    if with_ / without > RATIO_MAX:  # one more look before it counts: the machine is shared
        with_, without = compare(bed, "with", "without", 2 * ROUNDS)
        tell("again: %.1f ms with, %.1f ms without, ratio %.2f" % (with_ * 1000, without * 1000, with_ / without))
    check(with_ / without <= RATIO_MAX, "a start with %s costs %.2f times one without" % (LSM, with_ / without))


def test_first_start(bed):
    """the first start after a change of the unit compiles; the next one finds it done."""
    if LSM == "none":
        raise Skip("no module is running")
    first, later = [], []
    for i in range(3):
        bed.unit("changed", "BindReadOnlyPaths=%s:/mnt/%d" % (bed.out, i), *PAYLOAD)
        first.append(start(bed, "changed"))
        later += [start(bed, "changed") for _ in range(3)]
    first, later = statistics.median(first), statistics.median(later)
    tell("first start after a change: %.1f ms, later %.1f ms, ratio %.2f" % (first * 1000, later * 1000, first / later))
    if LSM == "apparmor":
        check(first > later, "nothing is compiled at the first start, or nothing is kept")


def test_many_units(bed):
    """a hundred units as at boot: with policies that are new, and with those that are known."""
    names = ["unit%d" % i for i in range(UNITS)]
    for name in names:
        path = os.path.join(bed.units, name + ".container")
        write(path, "[Container]\nRootDirectory=%s\n%s\n" % (bed.root, "\n".join(PAYLOAD)))
    bed.ctl("daemon-reload").expect(0)
    spent = []
    for _ in range(2):
        begin = time.monotonic()
        bed.ctl("start", "--wait", *names, timeout=600).expect(0)
        spent.append(time.monotonic() - begin)
    tell("%d units: %.1f s with new policies, %.1f s with known ones" % (UNITS, *spent))
    check(spent[1] <= 1.2 * spent[0], "known policies are slower than new ones: %s" % spent)


run(__name__)
