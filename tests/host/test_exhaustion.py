# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the manager does when the host has no more of something: descriptors, room in its directories."""

import resource

from harness import *


class Tmpfs:
    """A file system of a few pages in the place of a directory of the manager, which is started anew on it."""

    def __init__(self, bed, path, size):
        self.bed, self.path, self.size = bed, path, size

    def __enter__(self):
        equal(self.bed.stop_manager(), 0, "exit code of the manager")
        os.makedirs(self.path, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0700,size=%s" % self.size, "tmpfs", self.path], check=True)
        self.bed.start_manager()
        return self

    def fill(self):
        with open(os.path.join(self.path, "filler"), "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 4096)
            except OSError as e:
                equal(e.errno, 28, "errno of the last write")

    def free(self):
        os.unlink(os.path.join(self.path, "filler"))

    def __exit__(self, *_):
        self.bed.stop_manager()
        subprocess.run(["umount", self.path], check=True)
        self.bed.start_manager()


def test_descriptors(bed):
    """without descriptors a start is refused with the reason, and with them again it works."""
    bed.unit("web", "ExecStart=/bin/sleep 1000")
    limits = resource.prlimit(bed.manager.pid, resource.RLIMIT_NOFILE)
    refused = started = 0
    for spare in range(3, 40):
        free = max(descriptors(bed.manager.pid)) + 1
        resource.prlimit(bed.manager.pid, resource.RLIMIT_NOFILE, (free + spare, limits[1]))
        try:
            result = bed.ctl("start", "web", timeout=20)
        finally:
            resource.prlimit(bed.manager.pid, resource.RLIMIT_NOFILE, limits)
        if result.code == 0:
            started += 1
            bed.ctl("stop", "web").expect(0)
            if started > 2:
                break
        else:
            refused += 1
            check(re.search(r"open files|descriptor", result.out + result.err), str(result))
        equal(bed.ctl("is-active", "web").out.strip() in ("inactive", "failed"), True, "state of web")
    check(refused > 3 and started > 0, "%d refused, %d started" % (refused, started))
    bed.ctl("start", "web").expect(0)
    equal(bed.ctl("exec", "web", "/bin/echo", "well").expect(0).out, "well\n", "a command in it")


def test_full_runtime_directory(bed):
    """no room for records: what runs runs on and its end is not lost, what must be written is refused."""
    with Tmpfs(bed, bed.runtime, "512k") as tmpfs:
        bed.unit("web", "ExecStart=/bin/sleep 1000")
        bed.unit("other", "ExecStart=/bin/sh -c 'trap \"exit 7\" TERM; echo ready; while true; do sleep 0.05; done'")
        bed.unit("late", "ExecStart=/bin/sleep 1000")
        bed.ctl("start", "web", "other").expect(0)
        wait_until(lambda: "ready" in bed.logs("other"), "the payload")
        tmpfs.fill()
        bed.ctl("start", "late").expect(1, "/etc/hosts", "No space left")
        bed.ctl("stop", "other").expect(0)
        equal((bed.property("other", "Result"), bed.property("other", "ExecMainStatus")), ("exit-code", "7"), "an end without room for its record")
        tmpfs.fill()  # what went with it has left room
        result = bed.ctl("set-property", "--runtime", "web", "Description=new")
        check(result.code != 0 and "No space left" in result.out + result.err, str(result))
        bed.ctl("kill", "-s", "KILL", "web").expect(0)
        bed.wait_active("web", "failed")
        tmpfs.free()
        bed.kill_manager()
        bed.start_manager()
        equal((bed.active("web"), bed.property("web", "ExecMainStatus")), ("failed", "9"), "the end that only the keeper knew")
        bed.ctl("start", "web").expect(0)
        bed.ctl("stop", "web").expect(0)


def test_full_state_directory(bed):
    """no room for logs and ranges of ids: a start that needs a new range is refused, what has one runs, and nothing hangs."""
    with Tmpfs(bed, bed.state, "256k") as tmpfs:
        bed.unit("web", "ExecStart=/bin/sh -c 'while true; do echo line; sleep 0.01; done'")
        bed.unit("new", "ExecStart=/bin/sleep 1000")
        bed.ctl("start", "web").expect(0)
        tmpfs.fill()
        time.sleep(0.5)
        equal(bed.active("web"), "active", "what writes into a full log")
        result = bed.ctl("start", "new")
        check(result.code != 0 and "No space left" in result.out + result.err, str(result))
        bed.ctl("restart", "web").expect(0)
        tmpfs.free()
        bed.ctl("start", "new").expect(0)
        wait_until(lambda: bed.logs("web").count("line") > 0, "the log to be written again")
        bed.ctl("stop", "web", "new").expect(0)


run(__name__)
