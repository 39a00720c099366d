# SPDX-License-Identifier: LGPL-2.1-or-later
"""An upgrade: manager and keeper of the release before run containers; today's take over, and nobody notices."""

from harness import *

# The last release before lives were recorded by their parts.
RELEASE = "ccb738ef18a532145cb527fc698d2e630468141c"
PROGRAMS = ["manager/bulwarkd", "manager/keeper/bulwark-keeper", "manager/probe/bulwark-probe"]


def old_programs(bed):
    """Built from the project's own history, once a build directory."""
    build = os.path.join(BUILD, "release-" + RELEASE[:7])
    if not all(os.path.exists(os.path.join(build, p)) for p in PROGRAMS):
        source = os.path.join(bed.directory, "release")
        os.mkdir(source)
        archive = subprocess.run(["git", "-c", "safe.directory=*", "-C", SOURCE, "archive", RELEASE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        if archive.returncode != 0:
            raise Skip("the project's history is not here")
        subprocess.run(["tar", "-x", "-C", source], input=archive.stdout, check=True)
        for command in (["meson", "setup", "-Dtests=false", "-Dman=false", build, source], ["ninja", "-C", build, *PROGRAMS]):
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            check(done.returncode == 0, done.stdout.decode(errors="replace")[-3000:])
        shutil.rmtree(source)
    return [os.path.join(build, p) for p in PROGRAMS]


def test_taken_over(bed):
    """What runs, waits, listens and has ended under the old release does so under the new one: same leaders, logs, exit codes."""
    new = bed.bulwarkd, bed.keeper, bed.probe
    old = old_programs(bed)
    bed.stop_manager()
    bed.bulwarkd, bed.keeper, bed.probe = old
    try:
        bed.start_manager()
        names = start_all(bed)
        leaders = {name: bed.leader(name) for name in names}
        ends = {name: [bed.property(name, key) for key in ("ActiveState", "SubState", "Result", "ExecMainStatus")] for name in ("ended", "failed", "remains", "later")}
        bed.kill_manager()
    finally:
        bed.bulwarkd, bed.keeper, bed.probe = new
    bed.start_manager()
    contains(read(bed.log), "the keeper has become", "the manager's log")
    for name in names:
        equal((bed.active(name), bed.leader(name)), ("active", leaders[name]), name)
    for name, words in ends.items():
        equal([bed.property(name, key) for key in ("ActiveState", "SubState", "Result", "ExecMainStatus")], words, name)
    for name in names:
        equal(bed.ctl("exec", name, "/bin/echo", "here").expect(0).out, "here\n", "a command in " + name)
    wait_until(lambda: "tick" in bed.logs("web").splitlines()[-1], "the log to go on")
    equal(bed.property("web", "HealthStatus") in ("healthy", "starting"), True, "the health")
    bed.ctl("stop", "trapped").expect(0)
    equal(bed.property("trapped", "ExecMainStatus"), "9", "the exit code")
    bed.ctl("restart", "web").expect(0)
    check(bed.leader("web") != leaders["web"], "a restart is another process")
    bed.ctl("stop", *names, *ends)


def start_all(bed):
    bed.unit("web", "ExecStart=/bin/sh -c 'while sleep 0.1; do echo tick; done'", "HealthCmd=/bin/true", "HealthInterval=200ms")
    bed.unit("plain", "ExecStart=/bin/sleep 1000", "PrivateUsers=no")
    bed.unit("trapped", "ExecStart=/bin/sh -c 'trap \"exit 9\" TERM; while :; do sleep 0.1; done'", "StandardOutput=append:" + os.path.join(bed.out, "t"))
    bed.unit("ended", "Type=oneshot", "ExecStart=/bin/true")
    bed.unit("failed", "ExecStart=/bin/sh -c 'exit 7'")
    bed.unit("remains", "Type=oneshot", "RemainAfterExit=yes", "ExecStart=/bin/true")
    bed.unit("later", "ExecStart=/bin/false", "Restart=always", "RestartSec=1h")
    names = ["web", "plain", "trapped"]
    for name in [*names, "ended", "remains"]:
        bed.ctl("start", name).expect(0)
    for name in ("failed", "later"):
        bed.ctl("start", name)
    bed.wait_active("failed", "failed")
    bed.wait_active("later", "activating")
    wait_until(lambda: "tick" in bed.logs("web"), "a line")
    return names


run(__name__)
