# SPDX-License-Identifier: LGPL-2.1-or-later
"""What containers use, shown and exported, and limits set while they run, on whatever controllers this host has."""

import json

from harness import *


def metric_lines(text):
    """(families, samples) of OpenMetrics text; fails where it is none."""
    families, samples, current = {}, [], None
    lines = text.split("\n")
    equal(lines[-2:], ["# EOF", ""], "the end of the metrics")
    for line in lines[:-2]:
        comment = re.fullmatch(r"# (TYPE|UNIT|HELP) ([a-z_]+) (.+)", line)
        if comment:
            kind, name, words = comment.groups()
            if kind == "TYPE":
                check(name not in families, "two families " + name)
                current = name
                families[name] = {"TYPE": words}
            equal(name, current, "the family that a %s stands in" % kind)
            families[name][kind] = words
            if kind == "UNIT":
                check(name.endswith("_" + words), "%s does not end in its unit %s" % (name, words))
            continue
        sample = re.fullmatch(r'([a-z_]+)\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\} ([0-9.]+)', line)
        check(sample, "no sample: " + line)
        name, labels, value = sample.groups()
        equal(name, current + ("_total" if families[current]["TYPE"] == "counter" else ""), "the family of " + line)
        samples.append((name, dict(re.findall(r'([a-z_]+)="([^"]*)"', labels)), float(value)))
    return families, samples


def test_metrics(bed):
    """metrics is OpenMetrics text, with the CPU time that the kernel counts."""
    bed.unit("spin", "ExecStart=/bin/sh -c 'while true; do :; done'")
    bed.unit("idle", "ExecStart=/bin/true")
    bed.ctl("start", "spin").expect(0)
    wait_until(lambda: int(bed.property("spin", "CPUUsageNSec")) > 10 ** 8, "some CPU time")
    families, samples = metric_lines(bed.ctl("metrics").expect(0).out)
    equal(families["bulwark_container_cpu_seconds"]["UNIT"], "seconds", "unit")
    used = {labels["name"]: value for name, labels, value in samples if name == "bulwark_container_cpu_seconds_total"}
    check(set(used) == {"spin"} and used["spin"] >= 0.1, "CPU time: %s" % used)
    states = {labels["name"]: labels["bulwark_container_state"] for name, labels, value in samples
              if name == "bulwark_container_state" and value == 1}
    equal((states["spin"], states["idle"]), ("active", "inactive"), "states")


def test_top(bed):
    """top puts the busiest first, as table and as JSON; what does not run is not there."""
    bed.unit("aaa", "ExecStart=/bin/sleep 1000")
    bed.unit("spin", "ExecStart=/bin/sh -c 'while true; do :; done'")
    bed.unit("idle", "ExecStart=/bin/true")
    for name in ("aaa", "spin"):
        bed.ctl("start", name).expect(0)
    rows = json.loads(bed.ctl("top", "-o", "json", "--delay=500ms").expect(0).out)
    equal([row["name"] for row in rows], ["spin", "aaa"], "the order by CPU")
    check(rows[0]["cpu%"] > 10 * rows[1]["cpu%"] and rows[0]["cpu%"] > 5, "CPU: %s" % rows)
    equal([row["name"] for row in json.loads(bed.ctl("top", "-o", "json", "--delay=100ms", "--sort=name").expect(0).out)], ["aaa", "spin"],
          "the order by name")
    text = bed.ctl("top", "--batch", "--iterations=2", "--delay=100ms", "s*").expect(0).out
    equal((text.count("NAME"), text.count("spin"), text.count("aaa")), (2, 2, 0), "two tables of a pattern")
    bed.ctl("top", "--sort=colour").expect(2, "name, cpu")
    bed.ctl("top", "--delay=1us").expect(2, "100ms")


def test_top_on_a_terminal(bed):
    """on a terminal top goes on until q, takes keys, and gives the terminal back as it was."""
    import pty
    import termios
    bed.unit("spin", "ExecStart=/bin/sh -c 'while true; do :; done'")
    bed.ctl("start", "spin").expect(0)
    master, slave = pty.openpty()
    try:
        before = termios.tcgetattr(slave)
        command = bed.ctl_command("top", "--delay=200ms")
        environment = dict(os.environ, TERM="xterm")
        process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment)
        seen = b""
        os.set_blocking(master, False)

        def read_more():
            nonlocal seen
            try:
                seen += os.read(master, 65536)
            except BlockingIOError:
                pass
            return seen

        wait_until(lambda: read_more().count(b"spin") >= 3, "three screens")
        os.write(master, b"m")
        os.write(master, b"q")
        wait_until(lambda: (read_more(), process.poll() is not None)[1], "top to end")
        equal(process.returncode, 0, "exit code")
        check(b"\x1b[?1049h" in read_more() and seen.rstrip().endswith(b"\x1b[?1049l"), "the screen is not given back: %r" % seen[-60:])
        equal(termios.tcgetattr(slave), before, "settings of the terminal")
    finally:
        os.close(master)
        os.close(slave)


def test_usage_is_shown(bed):
    """status and list -o wide tell what a container uses."""
    bed.unit("spin", "ExecStart=/bin/sh -c 'while true; do :; done'")
    bed.ctl("start", "spin").expect(0)
    wait_until(lambda: int(bed.property("spin", "CPUUsageNSec")) > 10 ** 8, "some CPU time")
    contains(bed.ctl("status", "spin").expect(0).out, "CPU: ", "status")
    bed.ctl("list", "-o", "wide").expect(0, "CPU-WAIT%", "PEAK")
    if os.path.exists(os.path.join(bed.cgroup, "containers/spin/cpu.pressure")):
        check(re.fullmatch("[0-9]+", bed.property("spin", "CPUPressure")), "CPUPressure is " + bed.property("spin", "CPUPressure"))


def test_set_while_running(bed):
    """a limit set while the container runs holds at once, and is known to hold after the manager was replaced; what is refused
    leaves everything as it was."""
    if "hugetlb" not in controllers():
        raise Skip("this host has no controller that could be changed")
    page = min(int(re.search(r"hugepages-(\d+)kB", name).group(1)) for name in os.listdir("/sys/kernel/mm/hugepages"))
    name = "%dMB" % (page // 1024)

    def limit():
        return read(os.path.join(bed.cgroup, "containers/web/hugetlb.%s.max" % name)).strip()

    bed.unit("web", "ExecStart=/bin/sleep 1000", "HugetlbMax=%dK:0" % page)
    bed.ctl("start", "web").expect(0)
    equal(limit(), "0", "the limit at the start")
    bed.ctl("set-property", "--runtime", "web", "HugetlbMax=%dK:%dK" % (page, 2 * page)).expect(0)
    equal(limit(), str(2 * page * 1024), "the limit after a change")
    equal(bed.property("web", "RestartNeeded"), "", "RestartNeeded after a change")
    bed.kill_manager()
    bed.start_manager()
    equal(limit(), str(2 * page * 1024), "the limit under another manager")
    equal(bed.property("web", "RestartNeeded"), "", "RestartNeeded under another manager")
    result = bed.ctl("set-property", "--runtime", "web", "AllowedCPUs=5000", "HugetlbMax=%dK:0" % page)
    check(result.code != 0 and "AllowedCPUs=" in result.err, "a CPU that is not there: %s" % result)
    equal(limit(), str(2 * page * 1024), "the limit after a refused change")
    bed.ctl("set-property", "--runtime", "web", "HugetlbMax=").expect(0)
    check(int(limit().replace("max", str(2 ** 63))) > 2 ** 50, "the limit after it was taken away: " + limit())
    bed.ctl("revert", "web").expect(0)


run(__name__)
