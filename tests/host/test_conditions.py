# SPDX-License-Identifier: LGPL-2.1-or-later
"""Condition...= and Assert...=: asked of the host when a start begins."""

import platform

from harness import *

KERNEL = platform.release()
# A line that holds on any host, and one that holds on none; {yes} is a directory with an entry, {no} is not there.
LINES = (
    ("ConditionArchitecture=native", "ConditionArchitecture=vax"),
    ("ConditionCPUFeature=!no-such-feature", "ConditionCPUFeature=no-such-feature"),
    ("ConditionCPUPressure=100%", None),
    ("ConditionCPUs=>=1", "ConditionCPUs=>100000"),
    ("ConditionCapability=CAP_SYS_ADMIN", "ConditionCapability=!CAP_SYS_ADMIN"),
    ("ConditionControlGroupController=!no-such", "ConditionControlGroupController=no-such"),
    ("ConditionCredential=!no-such", "ConditionCredential=no-such"),
    ("ConditionDirectoryNotEmpty={yes}", "ConditionDirectoryNotEmpty={empty}"),
    ("ConditionEnvironment=!NO_SUCH_VARIABLE", "ConditionEnvironment=NO_SUCH_VARIABLE"),
    ("ConditionFileIsExecutable=/bin/sh", "ConditionFileIsExecutable={file}"),
    ("ConditionFileNotEmpty={file}", "ConditionFileNotEmpty={yes}"),
    ("ConditionFirmware=!device-tree-compatible(no-such)", "ConditionFirmware=device-tree-compatible(no-such)"),
    ("ConditionFirstBoot=no", "ConditionFirstBoot=yes"),
    ("ConditionGroup=root", "ConditionGroup=no-such"),
    ("ConditionHost=*", "ConditionHost=no-such-host"),
    ("ConditionIOPressure=100%/10s", None),
    ("ConditionKernelCommandLine=!no-such-word", "ConditionKernelCommandLine=no-such-word"),
    ("ConditionKernelModuleLoaded=!no-such", "ConditionKernelModuleLoaded=no-such"),
    ("ConditionKernelVersion=" + KERNEL, "ConditionKernelVersion=<2.0"),
    ("ConditionMemory=>=1M", "ConditionMemory=>1024T"),
    ("ConditionMemoryPressure=100%/5min", None),
    ("ConditionNeedsUpdate=!{no}", "ConditionNeedsUpdate={no}"),
    ("ConditionOSRelease=NO_SUCH=", "ConditionOSRelease=ID=no-such"),
    ("ConditionPathExists={yes}", "ConditionPathExists={no}"),
    ("ConditionPathExistsGlob={yes}/*", "ConditionPathExistsGlob={empty}/*"),
    ("ConditionPathIsDirectory={yes}", "ConditionPathIsDirectory={file}"),
    ("ConditionPathIsEncrypted=!/proc", "ConditionPathIsEncrypted=/proc"),
    ("ConditionPathIsMountPoint=/proc", "ConditionPathIsMountPoint={yes}"),
    ("ConditionPathIsReadWrite={yes}", "ConditionPathIsReadWrite={no}"),
    ("ConditionPathIsSocket=!{file}", "ConditionPathIsSocket={file}"),
    ("ConditionPathIsSymbolicLink={link}", "ConditionPathIsSymbolicLink={file}"),
    ("ConditionSecurity=!smack", "ConditionSecurity=smack"),
    ("ConditionUser=root", "ConditionUser=nobody"),
    ("ConditionVirtualization=!no-such", "ConditionVirtualization=no-such"),
)


def places(bed):
    here = {name: os.path.join(bed.out, name) for name in ("yes", "empty", "no", "file", "link")}
    os.makedirs(here["yes"] + "/entry", exist_ok=True)
    os.makedirs(here["empty"], exist_ok=True)
    write(here["file"], "text")
    if not os.path.islink(here["link"]):
        os.symlink("/nowhere", here["link"])
    if os.path.exists(here["no"]):
        os.unlink(here["no"])
    return here


def test_each_kind(bed):
    """what holds lets a start through, what does not skips it and names the line; an assert fails it."""
    here = places(bed)
    for number, (holds, fails) in enumerate(LINES):
        bed.unit("c%d" % number, "Type=oneshot", "ExecStart=/bin/true", head="[Unit]\n" + holds.format(**here) + "\n")
        bed.ctl("start", "--wait", "c%d" % number).expect(0)
        equal(bed.property("c%d" % number, "ConditionResult"), "yes", holds)
        if not fails:
            continue
        fails = fails.format(**here)
        bed.unit("f%d" % number, "ExecStart=/bin/sleep 1000", head="[Unit]\n" + fails + "\n")
        bed.ctl("start", "f%d" % number).expect(0, "was not started", fails)
        equal(bed.active("f%d" % number), "inactive", fails)
        asserts = fails.replace("Condition", "Assert", 1)
        bed.unit("a%d" % number, "ExecStart=/bin/sleep 1000", head="[Unit]\n" + asserts + "\n")
        bed.ctl("start", "a%d" % number).expect(1, asserts)
        equal(bed.active("a%d" % number), "inactive", asserts)
        equal(bed.property("a%d" % number, "AssertResult"), "no", asserts)


def test_power(bed):
    """one of the two answers to ConditionACPower= is the host's."""
    for word in ("yes", "no"):
        bed.unit("power-" + word, "Type=oneshot", "RemainAfterExit=yes", "ExecStart=/bin/true", head="[Unit]\nConditionACPower=%s\n" % word)
        bed.ctl("start", "power-" + word).expect(0)
    equal(sorted(bed.active("power-" + word) for word in ("yes", "no")), ["active", "inactive"], "states")


def test_asked_at_each_start(bed):
    """the host is asked at each start; status says which line it was; those that need it go on."""
    here = places(bed)
    bed.unit("web", "ExecStart=/bin/sleep 1000", head="[Unit]\nDescription=x\nConditionPathExists=%s\n" % here["no"])
    bed.unit("user", "ExecStart=/bin/sleep 1000", head="[Unit]\nRequires=web\nAfter=web\n")
    bed.ctl("start", "user").expect(0)
    equal(bed.active("user"), "active", "what requires a container that was skipped")
    equal(bed.active("web"), "inactive", "it")
    equal(bed.property("web", "ConditionResult"), "no", "ConditionResult")
    text = bed.ctl("status", "web").out
    contains(text, "Condition", "status")
    contains(text, "ConditionPathExists=%s was not met" % here["no"], "status")
    contains(text, "web.container:3", "status")
    write(here["no"], "")
    bed.ctl("start", "web").expect(0)
    equal(bed.active("web"), "active", "with the file")
    equal(bed.property("web", "ConditionResult"), "yes", "ConditionResult")
    os.unlink(here["no"])
    equal(bed.active("web"), "active", "it is asked when a start begins, and not later")
    bed.ctl("restart", "web").expect(0)
    equal(bed.active("web"), "inactive", "after a restart without the file")


def test_restart_by_itself(bed):
    """Restart= does not go on where the condition is gone."""
    here = places(bed)
    bed.unit("web", "ExecStart=/bin/sh -c 'sleep 0.2; exit 1'", "Restart=always", "RestartSec=50ms",
             head="[Unit]\nConditionPathExists=%s\n" % here["file"])
    bed.ctl("start", "web").expect(0)
    wait_until(lambda: int(bed.property("web", "NRestarts")) > 0, "a restart")
    os.unlink(here["file"])
    bed.wait_active("web", "inactive")
    equal(bed.property("web", "ConditionResult"), "no", "ConditionResult")


def test_alternatives(bed):
    """one of those with '|' is enough, whatever its kind."""
    here = places(bed)
    for name, other, state in (("one", here["yes"], "active"), ("none", here["no"], "inactive")):
        bed.unit(name, "ExecStart=/bin/sleep 1000",
                 head="[Unit]\nConditionPathExists=|%s\nConditionPathIsDirectory=|%s\n" % (here["no"], other))
        bed.ctl("start", name).expect(0)
        equal(bed.active(name), state, name)


def test_of_the_host(bed):
    """a path is the host's, and verify warns where only the root has it."""
    write(os.path.join(bed.root, "etc/of-the-root-alone"), "")
    bed.unit("web", "ExecStart=/bin/sleep 1000", head="[Unit]\nConditionPathExists=/etc/of-the-root-alone\n")
    bed.verify(os.path.join(bed.units, "web.container")).expect(0, "web.container:2", "asks the host", "/etc/of-the-root-alone")
    bed.ctl("start", "web").expect(0, "was not started")


def test_job_running_timeout(bed):
    """what a job may take counts from when it runs, and not while it waits for another."""
    bed.unit("slow", "Type=oneshot", "ExecStart=/bin/sleep 1.5")
    bed.unit("late", "Type=oneshot", "ExecStart=/bin/true", head="[Unit]\nAfter=slow\nRequires=slow\nJobRunningTimeoutSec=1s\n")
    bed.ctl("start", "--wait", "late").expect(0)
    bed.unit("stuck", "Type=oneshot", "ExecStart=/bin/sleep 1000", head="[Unit]\nJobRunningTimeoutSec=300ms\n")
    bed.ctl("start", "stuck").expect(1, "JobRunningTimeoutSec=300ms")
    bed.ctl("stop", "stuck").expect(0)


def test_mounts(bed):
    """a path whose mount of fstab is not there refuses the start, and names it; with the mount it starts."""
    place, other = os.path.join(bed.out, "volume"), os.path.join(bed.out, "elsewhere")
    os.makedirs(place + "/data")
    os.makedirs(other)
    fstab = os.path.join(bed.out, "fstab")
    write(fstab, "none %s tmpfs rw 0 0\n" % place)
    bed.stop_manager()
    bed.environment["BULWARK_FSTAB"] = fstab
    try:
        bed.start_manager()
    finally:
        del bed.environment["BULWARK_FSTAB"]
    bed.unit("said", "ExecStart=/bin/sleep 1000", head="[Unit]\nRequiresMountsFor=%s/data\n" % place)
    bed.unit("bound", "ExecStart=/bin/sleep 1000", "BindPaths=%s/data:/data" % place)
    bed.unit("free", "ExecStart=/bin/sleep 1000", "BindPaths=-%s/none:/data" % place, "BindReadOnlyPaths=%s:/other" % other)
    bed.ctl("start", "said").expect(1, "RequiresMountsFor=", place, "not mounted", "said.container:2")
    bed.ctl("start", "bound").expect(1, "BindPaths=", "not mounted")
    bed.ctl("start", "free").expect(0)
    subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
    try:
        os.makedirs(place + "/data")
        for name in ("said", "bound"):
            bed.ctl("start", name).expect(0)
            bed.ctl("stop", name).expect(0)
    finally:
        subprocess.run(["umount", place], check=True)


run(__name__)
