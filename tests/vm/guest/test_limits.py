# SPDX-License-Identifier: LGPL-2.1-or-later
"""Resource limits, where cgroup v2 has every controller: written, enforced, out of the payload's reach.

Each enforced limit has its control: the same payload without the limit gets through.
"""

from bed import *

ALLOCATE = "ExecStart=/bin/dd if=/dev/zero of=/dev/null bs=%dM count=1"
SPIN = "ExecStart=/bin/sh -c 'while true; do :; done'"
FORKS = "ExecStart=/bin/sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1000 & done; echo all of them; wait'"
MEGABYTE = 1 << 20


def test_written(bed):
    """every limit stands in its file, above the payload."""
    table = [
        ("MemoryMax=64M", "memory.max", str(64 * MEGABYTE)),
        ("MemoryHigh=48M", "memory.high", str(48 * MEGABYTE)),
        ("TasksMax=64", "pids.max", "64"),
        ("CPUQuota=50%", "cpu.max", "50000 100000"),
        ("CPUWeight=50", "cpu.weight", "50"),
        ("MemoryMin=1M", "memory.min", str(MEGABYTE)),
        ("MemoryLow=2M", "memory.low", str(2 * MEGABYTE)),
        ("MemorySwapMax=0", "memory.swap.max", "0"),
        ("AllowedCPUs=1", "cpuset.cpus", "1"),
        ("AllowedMemoryNodes=0", "cpuset.mems", "0"),
        ("Cgroup2=cpu.max.burst=1000", "cpu.max.burst", "1000"),
    ]
    bed.start_sleeper("all", *(row[0] for row in table))
    bed.start_sleeper("plain")
    for _, file, value in table:
        equal(cgroup_file(bed, "all", file), value, file)
        check(cgroup_file(bed, "plain", file) != value, "the default of %s is our value too" % file)
    members = read(os.path.join(cgroup_directory(bed, "all"), "payload/cgroup.procs")).split()
    check(str(bed.leader("all")) in members, "the leader is not below its limits: %s" % members)
    bed.start_sleeper("brief", "CPUQuota=50%", "CPUQuotaPeriodSec=20ms")
    equal(cgroup_file(bed, "brief", "cpu.max"), "10000 20000", "cpu.max")
    bed.start_sleeper("idle", "CPUWeight=idle")
    equal(cgroup_file(bed, "idle", "cpu.idle"), "1", "cpu.idle")


def test_percentages(bed):
    """percents are of this machine."""
    total = int(re.search(r"MemTotal: +(\d+) kB", read("/proc/meminfo")).group(1)) * 1024
    bed.start_sleeper("part", "MemoryMax=25%", "CPUQuota=150%")
    part = int(cgroup_file(bed, "part", "memory.max"))
    check(abs(part - total / 4) <= 4096, "25%% of %d is %d" % (total, part))
    equal(cgroup_file(bed, "part", "cpu.max"), "150000 100000", "cpu.max")


def test_io_weight(bed):
    """IOWeight= is written where the kernel has a scheduler for it, and refused by name where not."""
    subprocess.run(["modprobe", "bfq"], stdout=subprocess.DEVNULL, check=True)
    bed.unit("weighed", "ExecStart=/bin/sleep 1000", "IOWeight=50")
    bed.ctl("start", "weighed").expect(0)
    directory = cgroup_directory(bed, "weighed")
    files = [f for f in ("io.weight", "io.bfq.weight") if os.path.exists(os.path.join(directory, f))]
    check(files, "the kernel has no weights, yet the unit started")
    equal(cgroup_file(bed, "weighed", files[0]).splitlines()[0], "default 50", files[0])


def test_memory_max(bed):
    """who allocates more than MemoryMax= is killed, and the result says so."""
    bed.unit("modest", ALLOCATE % 64, "MemoryMax=128M")
    bed.ctl("start", "--wait", "modest").expect(0)
    equal(bed.property("modest", "Result"), "success", "Result below the limit")
    bed.unit("greedy", ALLOCATE % 64, "MemoryMax=32M")
    bed.ctl("start", "--wait", "greedy").expect(128 + 9)
    equal((bed.active("greedy"), bed.property("greedy", "Result")), ("failed", "oom-kill"), "state above the limit")
    bed.ctl("status", "greedy").expect(3, "oom-kill")


def test_memory_max_of_a_child(bed):
    """a killed child leaves the others of its container alone; the limit holds for all of them together."""
    bed.unit("parent", "ExecStart=/bin/sh -c 'dd if=/dev/zero of=/dev/null bs=64M count=1; echo child $$?; sleep 1000'", "MemoryMax=32M",
             "OOMPolicy=continue")
    bed.ctl("start", "parent").expect(0)
    wait_until(lambda: "child 137" in bed.logs("parent"), "the end of the child")
    equal(bed.active("parent"), "active", "state of the parent")
    check(cgroup_key(bed, "parent", "memory.events", "oom_kill") >= 1, "memory.events")
    check(int(cgroup_file(bed, "parent", "memory.peak")) <= 32 * MEGABYTE, "memory.peak is above the limit")
    shown = int(bed.property("parent", "MemoryCurrent"))
    check(0 < shown <= 32 * MEGABYTE, "MemoryCurrent=%d" % shown)


def test_oom_policy(bed):
    """OOMPolicy= says who goes with a child that was killed for want of memory: nobody, all by their signal, all at once."""
    greedy = "dd if=/dev/zero of=/dev/null bs=64M count=1"
    payload = "ExecStart=/bin/sh -c 'trap \"echo told; exit 0\" TERM; %s; echo child $$?; while true; do sleep 0.1; done'" % greedy

    def end(name):
        return bed.active(name), bed.property(name, "Result"), bed.property(name, "ExecMainStatus")

    bed.start_sleeper("group", "OOMPolicy=kill")
    equal(cgroup_file(bed, "group", "memory.oom.group"), "1", "memory.oom.group")
    for name, line in (("unsaid", ""), ("stop", "OOMPolicy=stop"), ("kill", "OOMPolicy=kill")):
        bed.unit(name, payload, "MemoryMax=32M", line, "ExecStopPost=/bin/sh -c 'echo after $SERVICE_RESULT'")
        bed.ctl("start", name).expect(0)
        bed.wait_active(name, "failed")
        equal(end(name), ("failed", "oom-kill", "9" if name == "kill" else "0"), name)
        equal("told" in bed.logs(name), name != "kill", "the signal of " + name)
        check("after oom-kill" in bed.logs(name), "ExecStopPost= of " + name)
    bed.unit("continue", payload, "MemoryMax=32M", "OOMPolicy=continue")
    bed.ctl("start", "continue").expect(0)
    wait_until(lambda: "child 137" in bed.logs("continue"), "the end of the child")
    wait_until(lambda: "OOMPolicy=continue" in read(bed.log), "the manager to tell")
    bed.ctl("stop", "continue").expect(0)
    equal(end("continue"), ("inactive", "success", "0"), "continue")
    bed.unit("again", payload, "MemoryMax=32M", "Restart=on-abnormal", "RestartSec=100ms")
    bed.ctl("start", "again").expect(0)
    wait_until(lambda: int(bed.property("again", "NRestarts")) >= 2, "restarts", 30)
    bed.unit("before", "ExecStart=/bin/sleep 1000", "ExecStartPre=-/bin/%s" % greedy, "MemoryMax=32M")
    bed.ctl("start", "before").expect(0)
    time.sleep(0.5)
    equal(bed.active("before"), "active", "what happened before the payload is not its affair")


def test_memory_counts_exec(bed):
    """what exec brings in counts too."""
    bed.start_sleeper("host", "MemoryMax=32M", "OOMPolicy=continue")
    bed.ctl("exec", "host", "dd", "if=/dev/zero", "of=/dev/null", "bs=8M", "count=1").expect(0)
    bed.ctl("exec", "host", "dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1").expect(128 + 9)
    equal(bed.active("host"), "active", "state")


def test_memory_high(bed):
    """above MemoryHigh= memory is taken back, without a kill."""
    path = os.path.join(bed.out, "pages")
    with open(path, "wb") as f:
        for _ in range(64):
            f.write(bytes(MEGABYTE))
        f.flush()
        os.fsync(f.fileno())

    def reads(name, *lines):
        """Its pages are charged to who touches them first."""
        with open(path, "rb") as f:
            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        bed.unit(name, "ExecStart=/bin/sh -c 'cat /data/pages >/dev/null; echo done; sleep 1000'",
                 "BindReadOnlyPaths=%s:/data" % bed.out, *lines)
        bed.ctl("start", name).expect(0)
        wait_until(lambda: "done" in bed.logs(name), name + " to read its file", 30)
        return int(cgroup_file(bed, name, "memory.current")), cgroup_key(bed, name, "memory.events", "high")

    free, events = reads("free")
    check(free > 56 * MEGABYTE and events == 0, "without the limit: %d bytes, %d events" % (free, events))
    bed.ctl("stop", "free").expect(0)
    held, events = reads("held", "MemoryHigh=16M")
    check(held < 24 * MEGABYTE and events > 0, "with the limit: %d bytes, %d events" % (held, events))
    equal(cgroup_key(bed, "held", "memory.events", "oom_kill"), 0, "kills")
    os.unlink(path)


def test_tasks_max(bed):
    """fork fails at TasksMax=, and not below."""
    bed.unit("many", FORKS)
    bed.ctl("start", "many").expect(0)
    wait_until(lambda: "all of them" in bed.logs("many"), "twelve children")
    check(int(cgroup_file(bed, "many", "pids.current")) >= 13, "processes without the limit")
    bed.unit("few", FORKS, "TasksMax=8")
    bed.ctl("start", "few").expect(0)
    wait_until(lambda: "fork" in bed.logs("few"), "the shell's complaint")
    check("all of them" not in bed.logs("few"), "all children in spite of the limit")
    wait_until(lambda: bed.active("few") == "failed", "the shell to give up")


def test_fork_bomb(bed):
    """a fork bomb stays below TasksMax=; the manager and a neighbour answer meanwhile, and a stop ends all of it."""
    program = os.path.join(bed.root, "bin/hostile")
    if not os.path.exists(program):
        shutil.copy(os.path.join(BUILD, "tests/host/hostile"), program)
    bed.start_sleeper("neighbour")
    bed.unit("bomb", "ExecStart=/bin/hostile bomb", "TasksMax=48", "TimeoutStopSec=1s", "Restart=no")
    bed.ctl("start", "bomb").expect(0)
    wait_until(lambda: int(cgroup_key(bed, "bomb", "pids.events", "max")) > 0, "the bomb to come to its limit")
    # A fork that fails is counted until it is taken back, so that a single look may see one more a processor.
    wait_until(lambda: 40 <= int(cgroup_file(bed, "bomb", "pids.current")) <= 48, "as many processes as the limit lets")
    bed.ctl("exec", "neighbour", "true").expect(0)
    bed.ctl("restart", "neighbour").expect(0)
    equal(bed.active("bomb"), "active", "the bomb's container")
    directory = cgroup_directory(bed, "bomb")
    bed.ctl("stop", "bomb").expect(0)
    check(not os.path.exists(directory), "the bomb's control group is still there")
    equal(bed.active("neighbour"), "active", "the neighbour")


def test_tasks_max_counts_exec(bed):
    """at the limit exec is refused, and says so."""
    bed.start_sleeper("full", "TasksMax=4")
    clients = [bed.spawn(bed.ctl_command("exec", "full", "sleep", "1000")) for _ in range(4)]
    wait_until(lambda: any(c.poll() is not None for c in clients), "a refused exec")
    check(int(cgroup_file(bed, "full", "pids.current")) <= 4, "more processes than the limit")
    refused = next(c for c in clients if c.poll() is not None)
    check(refused.returncode != 0, "the refused exec said success")
    equal(bed.active("full"), "active", "state")


def usage(bed, names, seconds=2.0):
    """CPU time each of them gets over the same while."""
    before = {n: cgroup_key(bed, n, "cpu.stat", "usage_usec") for n in names}
    time.sleep(seconds)
    return {n: cgroup_key(bed, n, "cpu.stat", "usage_usec") - before[n] for n in names}


def test_cpu_quota(bed):
    """CPUQuota=20% is 20 % of one CPU, within 3 points."""
    bed.unit("slow", SPIN, "CPUQuota=20%", "AllowedCPUs=1")
    bed.ctl("start", "slow").expect(0)
    began, before = time.monotonic(), cgroup_key(bed, "slow", "cpu.stat", "usage_usec")
    time.sleep(6)
    used = cgroup_key(bed, "slow", "cpu.stat", "usage_usec") - before
    share = used / 1e6 / (time.monotonic() - began)
    check(0.17 <= share <= 0.23, "share of a CPU: %.3f" % share)
    check(cgroup_key(bed, "slow", "cpu.stat", "nr_throttled") > 0, "never throttled")
    bed.ctl("set-property", "--runtime", "slow", "CPUQuota=").expect(0)
    equal(cgroup_file(bed, "slow", "cpu.max"), "max 100000", "cpu.max after the quota was taken away")
    bed.ctl("revert", "slow").expect(0)


def test_cpu_weight(bed):
    """where a CPU is scarce, weights of 100 and 300 divide it 1:3 within 15 %; a neighbour on the other CPU does not lose."""
    bed.unit("light", SPIN, "CPUWeight=100", "AllowedCPUs=1")
    bed.unit("heavy", SPIN, "CPUWeight=300", "AllowedCPUs=1")
    for name in ("light", "heavy"):
        bed.ctl("start", name).expect(0)
    used = usage(bed, ["light", "heavy"], 6.0)
    ratio = used["heavy"] / used["light"]
    check(3 * 0.85 <= ratio <= 3 * 1.15, "%.2f of %s" % (ratio, used))


def test_allowed_cpus(bed):
    """no process leaves AllowedCPUs=, whatever it asks for; what is not there is refused, not given up."""
    bed.start_sleeper("held", "AllowedCPUs=1")
    equal(cgroup_file(bed, "held", "cpuset.cpus.effective"), "1", "effective CPUs")
    status = read("/proc/%d/status" % bed.leader("held"))
    equal(re.search(r"Cpus_allowed_list:\s*(\S+)", status).group(1), "1", "CPUs of the leader")
    bed.ctl("set-property", "--runtime", "held", "AllowedCPUs=0").expect(0)
    equal(cgroup_file(bed, "held", "cpuset.cpus.effective"), "0", "effective CPUs after a change")
    bed.ctl("revert", "held").expect(0)
    bed.unit("absent", "ExecStart=/bin/true", "AllowedCPUs=0 60")
    result = bed.ctl("start", "absent")
    check(result.code != 0 and "AllowedCPUs=" in result.err and "0" in result.err, "CPU 60: %s" % result)
    check(not os.path.exists(os.path.join(bed.cgroup, "containers/absent")), "the refused start has left a group")


def test_partition(bed):
    """a partition that the kernel calls invalid is refused, with its reason; with BULWARK_TEST_PARTITIONS=1 in the guest's
    environment a valid one has its CPU alone and is given back (some kernels warn of their own accord when that is undone)."""
    levels = [bed.cgroup, os.path.join(bed.cgroup, "containers")]
    exclusive = os.path.exists(os.path.join(bed.cgroup, "cpuset.cpus.exclusive"))
    above, directory = [], os.path.dirname(bed.cgroup)
    while exclusive and directory != cgroup2_mount():
        above.insert(0, os.path.join(directory, "cpuset.cpus.exclusive"))
        directory = os.path.dirname(directory)
    bed.unit("alone", "ExecStart=/bin/sleep 1000", "AllowedCPUs=1", "CPUSetPartition=root")
    result = bed.ctl("start", "alone")
    check(result.code != 0 and "CPUSetPartition=" in result.err and "invalid" in result.err, "CPUs that nobody gives away: %s" % result)
    check(not os.path.exists(os.path.join(bed.cgroup, "containers/alone")), "the refused start has left a group")
    if not os.environ.get("BULWARK_TEST_PARTITIONS"):
        return
    try:
        for path in above:
            write(path, "1")
        partitions(bed, levels, exclusive)
    finally:
        for path in reversed(above):
            write(path, "\n")


def partitions(bed, levels, exclusive):
    bed.unit("alone", "ExecStart=/bin/sleep 1000", "AllowedCPUs=1", "CPUSetPartition=root")
    result = bed.ctl("start", "alone")
    if exclusive:
        result.expect(0)
        equal(cgroup_file(bed, "alone", "cpuset.cpus.partition"), "root", "partition")
        bed.start_sleeper("beside")
        equal(cgroup_file(bed, "beside", "cpuset.cpus.effective"), "0", "CPUs of a neighbour")
    bed.unit("rival", "ExecStart=/bin/sleep 1000", "AllowedCPUs=1", "CPUSetPartition=isolated")
    result = bed.ctl("start", "rival")
    check(result.code != 0 and "rival.container" in result.err, "two partitions of one CPU: %s" % result)
    bed.ctl("stop", "alone")
    for level in levels if exclusive else []:
        equal(read(os.path.join(level, "cpuset.cpus.exclusive")).strip(), "", "left to " + level)


def test_kept_memory(bed):
    """what containers keep, the groups above keep too, and no longer than they do."""
    bed.start_sleeper("one", "MemoryLow=2M")
    bed.start_sleeper("two", "MemoryLow=3M", "MemoryMin=1M")
    above = os.path.join(bed.cgroup, "containers")
    equal(read(os.path.join(above, "memory.low")).strip(), str(5 * MEGABYTE), "memory.low above two")
    equal(read(os.path.join(above, "memory.min")).strip(), str(MEGABYTE), "memory.min above two")
    bed.ctl("set-property", "--runtime", "one", "MemoryLow=4M").expect(0)
    equal(read(os.path.join(bed.cgroup, "memory.low")).strip(), str(7 * MEGABYTE), "memory.low after a change")
    bed.ctl("revert", "one").expect(0)
    bed.ctl("stop", "one").expect(0)
    bed.ctl("stop", "two").expect(0)
    equal(read(os.path.join(bed.cgroup, "memory.low")).strip(), "0", "memory.low of nobody")


def test_io_max(bed):
    """IOWriteBandwidthMax= holds on virtio within 20 %, and is lifted live."""
    place = "/var/tmp/bulwark-io"
    os.makedirs(place, exist_ok=True)
    os.chmod(place, 0o777)
    rate = 4 * 1000 * 1000
    bed.unit("writer", "ExecStart=/bin/sh -c 'while true; do dd if=/dev/zero of=/data/file bs=64k count=64 oflag=direct 2>/dev/null; done'",
             "BindPaths=%s:/data" % place, "IOWriteBandwidthMax=%s 4M" % place, "TimeoutStopSec=2s")
    bed.ctl("start", "writer").expect(0)
    try:
        line = cgroup_file(bed, "writer", "io.max")
        device = line.split()[0]
        contains(line, "wbps=%d" % rate, "io.max")

        def written():
            stat = [l for l in cgroup_file(bed, "writer", "io.stat").splitlines() if l.startswith(device + " ")]
            return int(re.search(r"wbytes=(\d+)", stat[0]).group(1)) if stat else 0

        def speed(seconds):
            began, before = time.monotonic(), written()
            time.sleep(seconds)
            return (written() - before) / (time.monotonic() - began)

        wait_until(lambda: written() > rate, "the writer to begin")
        measured = speed(5)
        check(0.8 * rate <= measured <= 1.2 * rate, "%d bytes a second, limit %d" % (measured, rate))
        bed.ctl("set-property", "--runtime", "writer", "IOWriteBandwidthMax=").expect(0)
        check(device not in cgroup_file(bed, "writer", "io.max"), "io.max after the limit was taken away")
        bed.ctl("revert", "writer").expect(0)
        bed.ctl("stop", "writer").expect(0)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def test_hog_and_neighbour(bed):
    """a hog of memory is killed within its limit while a neighbour lives, and the manager answers."""
    bed.start_sleeper("neighbour", "MemoryMin=4M")
    leader = bed.leader("neighbour")
    bed.unit("hog", ALLOCATE % 256, "MemoryMax=24M", "MemorySwapMax=0", "Restart=no")
    bed.ctl("start", "--wait", "hog").expect(128 + 9)
    equal(bed.property("hog", "Result"), "oom-kill", "Result of the hog")
    equal((bed.active("neighbour"), bed.leader("neighbour")), ("active", leader), "the neighbour")
    equal(cgroup_key(bed, "neighbour", "memory.events", "oom_kill"), 0, "kills of the neighbour")


def test_out_of_reach(bed):
    """not even a payload with every capability and a writable cgroup lifts its own limits."""
    bed.start_sleeper("caged", "MemoryMax=64M", "TasksMax=64", "CapabilityBoundingSet=~")
    for words in ("echo max >/sys/fs/cgroup/memory.max", "echo max >/sys/fs/cgroup/../memory.max", "echo 0 >/sys/fs/cgroup/cgroup.procs",
                  "mkdir /sys/fs/cgroup/own"):
        check(bed.ctl("exec", "caged", "sh", "-c", words).code != 0, "allowed: " + words)
    seen = bed.ctl("exec", "caged", "cat", "/proc/self/cgroup").expect(0).out
    equal(seen.strip().split("::")[-1], "/", "the payload's own view of its cgroup")
    equal(cgroup_file(bed, "caged", "memory.max"), str(64 * MEGABYTE), "memory.max")


def test_over_a_restart_of_the_manager(bed):
    """limits and their results outlive the manager."""
    bed.unit("kept", "ExecStart=/bin/sh -c 'until [ -e /run/go ]; do sleep 0.1; done; exec dd if=/dev/zero of=/dev/null bs=64M count=1'",
             "MemoryMax=32M", "TemporaryFileSystem=/run")
    bed.ctl("start", "kept").expect(0)
    bed.kill_manager()
    bed.start_manager()
    equal(cgroup_file(bed, "kept", "memory.max"), str(32 * MEGABYTE), "memory.max")
    bed.ctl("exec", "kept", "touch", "/run/go").expect(0)
    bed.wait_active("kept", "failed")
    equal(bed.property("kept", "Result"), "oom-kill", "Result")


run(__name__)
