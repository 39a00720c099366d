# SPDX-License-Identifier: LGPL-2.1-or-later
"""The keeper alone: the end of the host."""

from harness import *
from harness import SLOWNESS  # noqa


def writes_at_its_end(name, seconds):
    return ("ExecStart=/bin/sh -c 'trap \"sleep %s; echo %s >>/data/list; exit 0\" TERM; echo ready; while true; do sleep 0.05; done'"
            % (seconds, name))


def test_stops_in_order(bed):
    """SIGTERM to the keeper, with no manager there: reverse of After=, those without an order at once, each within its timeout."""
    order = os.path.join(bed.directory, "order")
    os.makedirs(order)
    os.chmod(order, 0o777)
    # Started in another order than they stop in.
    bed.unit("third", writes_at_its_end("third", 0), "BindPaths=%s:/data" % order, "TimeoutStopSec=20s")
    bed.unit("second", writes_at_its_end("second", 0), "BindPaths=%s:/data" % order, "TimeoutStopSec=20s", head="[Unit]\nBefore=third\n")
    bed.unit("first", writes_at_its_end("first", 0), "BindPaths=%s:/data" % order, "TimeoutStopSec=20s", head="[Unit]\nBefore=second\n")
    names = ["third", "first", "second"]
    for i in range(4):
        names.append("slow%d" % i)
        bed.unit(names[-1], writes_at_its_end("slow", 2), "BindPaths=%s:/data" % order, "TimeoutStopSec=20s")
        names.append("deaf%d" % i)
        bed.unit(names[-1], "ExecStart=/bin/sh -c 'trap \"\" TERM; echo ready; while true; do sleep 0.05; done'", "TimeoutStopSec=2s")
    for name in names:
        bed.ctl("start", name).expect(0)
    for name in names:
        wait_until(lambda: "ready" in bed.logs(name), "the payload of " + name)
    keeper = bed.keeper_pid()
    bed.kill_manager()
    begin = time.monotonic()
    os.kill(keeper, signal.SIGTERM)
    wait_until(lambda: not bed.own_processes(), "every process to end", 20)
    took = time.monotonic() - begin
    ended = read(os.path.join(order, "list")).split()
    equal([name for name in ended if name != "slow"], ["third", "second", "first"], "order")
    equal(ended.count("slow"), 4, "those that needed their time")
    check(took < 6 * SLOWNESS, "timeouts add up: %.1f s" % took)
    shutil.rmtree(order)


run(__name__)
