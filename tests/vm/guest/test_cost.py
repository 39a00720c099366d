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


def spent(work):
    """Milliseconds."""
    begin = time.monotonic()
    work()
    return 1000 * (time.monotonic() - begin)


def kernel_write(file, data):
    """One write is one change of the policy."""
    with open("/sys/kernel/security/apparmor/" + file, "wb", buffering=0) as f:
        equal(f.write(data), len(data), "bytes that the kernel took")


def test_profile(bed):
    """what a profile costs without a container: compiling it, loading it, loading it once more, taking it out."""
    if LSM != "apparmor":
        raise Skip("AppArmor's profiles only")
    compiled, new, again, other, gone = [], [], [], [], []
    for i in range(10):
        binaries = []
        for path in ("/mnt", "/var/%d" % i):
            unit = bed.unit("weighed", "BindReadOnlyPaths=%s:%s" % (bed.out, path), *PAYLOAD)
            text = bed.run([bed.analyze, "policy", "export", "--apparmor", unit]).expect(0).out
            file = os.path.join(bed.directory, "binary")
            command = ["apparmor_parser", "--config-file=/dev/null", "-QTKS"]
            with open(file, "wb") as f:
                compiled.append(spent(lambda: subprocess.run(command, input=text.encode(), stdout=f, check=True)))
            with open(file, "rb") as f:
                binaries.append(f.read())
        new.append(spent(lambda: kernel_write(".replace", binaries[0])))
        again.append(spent(lambda: kernel_write(".replace", binaries[0])))
        other.append(spent(lambda: kernel_write(".replace", binaries[1])))
        gone.append(spent(lambda: kernel_write(".remove", b"bulwark-weighed")))
    figures = [statistics.median(times) for times in (compiled, new, again, other, gone)]
    tell("a profile of %d bytes: %.1f ms to compile, %.2f to load, %.2f to load again, %.2f to replace, %.2f to remove"
         % (len(binaries[0]), *figures))
    check(max(figures[1:]) < figures[0], "loading costs more than compiling")


def forget_profiles():
    """As after a boot: nothing is in the kernel, and what was compiled is still in the cache."""
    with open("/sys/kernel/security/apparmor/profiles", encoding="utf-8") as f:
        names = [line.rpartition(" (")[0] for line in f if line.startswith("bulwark-unit")]
    equal(len(names), UNITS, "profiles in the kernel")
    for name in names:
        kernel_write(".remove", name.encode())


def test_many_units(bed):
    """a hundred units as at boot: with policies that are new, that are loaded, that are only in the cache, and without one."""
    groups = {"unit": [], "plain": ["MandatoryAccessControl=no"]}
    names = {group: ["%s%d" % (group, i) for i in range(UNITS)] for group in groups}
    for group, lines in groups.items():
        for name in names[group]:
            write(os.path.join(bed.units, name + ".container"), "[Container]\nRootDirectory=%s\n%s\n" % (bed.root, "\n".join(PAYLOAD + lines)))
    bed.ctl("daemon-reload").expect(0)
    start_all = lambda group: spent(lambda: bed.ctl("start", "--wait", *names[group], timeout=600).expect(0)) / 1000
    new = start_all("unit")
    start_all("plain")  # compiles their filters
    # In turns, and the better of two: the machine is shared.
    known, plain = (min(times) for times in zip(*((start_all("unit"), start_all("plain")) for _ in range(2))))
    cached = None
    if LSM == "apparmor":
        bed.stop_manager()
        forget_profiles()
        bed.start_manager()
        cached = start_all("unit")
    tell("%d units: %.1f s with new policies, %.1f s with loaded ones, %s s with cached ones, %.1f s without" % (
        UNITS, new, known, "-" if cached is None else "%.1f" % cached, plain))
    check(known <= 1.5 * plain, "a hundred starts with policies cost too much: %.1f s, %.1f s without" % (known, plain))
    if LSM == "apparmor":  # where a new unit compiles a profile of its own
        check(known <= 1.2 * new, "loaded policies are slower than new ones: %.1f s, %.1f s" % (known, new))
        check(cached <= 1.2 * new, "cached policies are slower than new ones: %.1f s, %.1f s" % (cached, new))


run(__name__)
