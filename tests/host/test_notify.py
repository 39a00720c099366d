# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a container says about itself: readiness, status, watchdog; who is heard, and that nothing is lost."""

from harness import *
from speaker import *

RELOADER = """
import signal
reloads = 0
def reload(number, frame):
    global reloads
    reloads += 1
    print("signal", number, flush=True)
    mode = open("/data/mode").read().strip()
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    if mode == "silent": return
    if mode == "old": now -= 10000000
    say("RELOADING=1\\nMONOTONIC_USEC=%d" % now)
    time.sleep(0.5)
    say("READY=1\\nSTATUS=reloaded %d" % reloads)
signal.signal(signal.SIGHUP, reload)
signal.signal(signal.SIGUSR1, reload)
say("READY=1")
while True: signal.pause()
"""


def test_reload_by_signal(bed):
    """Type=notify-reload: the signal of ReloadSignal=, then RELOADING=1 said after it, then READY=1; else the reload fails."""
    mode = os.path.join(bed.root, "data", "mode")
    write(mode, "good")
    speaker(bed, "hup", RELOADER, "TimeoutStartSec=3s", kind="notify-reload")
    speaker(bed, "usr", RELOADER, "ReloadSignal=SIGUSR1", "ExecReload=/bin/sh -c 'echo command $MAINPID'", "TimeoutStartSec=3s",
            kind="notify-reload")
    for name, number in (("hup", 1), ("usr", 10)):
        bed.ctl("start", name).expect(0)
        equal(bed.property(name, "CanReload"), "yes", "CanReload")
        bed.ctl("reload", "--no-block", name).expect(0)
        wait_until(lambda: bed.property(name, "SubState") == "reload", "the reload")
        equal(bed.active(name), "reloading", "ActiveState")
        wait_until(lambda: bed.active(name) == "active", "the end of the reload")
        begin = time.monotonic()
        bed.ctl("reload", name).expect(0)
        check(time.monotonic() - begin > 0.4, "it waits for READY=1")
        equal(bed.property(name, "StatusText"), "reloaded 2", "StatusText")
        equal(bed.logs(name).count("signal %d" % number), 2, "signals")
    equal(bed.logs("usr").count("command 2"), 2, "ExecReload= beside it")
    leader = bed.leader("hup")
    for how in ("silent", "old"):
        write(mode, how)
        bed.ctl("reload", "hup").expect(1, "within TimeoutStartSec=3s")
        equal((bed.active("hup"), bed.leader("hup")), ("active", leader), "it runs on")
    os.unlink(mode)


EXTENDS = """
import signal
mode = sys.argv[1]
def slowly():
    for i in range(6):
        say("EXTEND_TIMEOUT_USEC=1000000")
        time.sleep(0.4)
def stop(number, frame):
    if mode == "stop": slowly()
    print("ends", flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
if mode == "start": slowly()
say("READY=1")
if mode == "run": slowly()
print("through", flush=True)
while True: signal.pause()
"""


def test_extended_timeouts(bed):
    """EXTEND_TIMEOUT_USEC= moves the end of a start, a life and a stop away, and of no other; under another manager too."""
    for mode, line in (("start", "TimeoutStartSec=1s"), ("run", "RuntimeMaxSec=1s"), ("stop", "TimeoutStopSec=1s")):
        name = "ext-" + mode
        speaker(bed, name, EXTENDS.replace("sys.argv[1]", repr(mode)), line)
        result = bed.ctl("start", name)
        if mode == "start":
            result.expect(0)
        if mode == "run":
            time.sleep(0.8)
            bed.kill_manager()
            bed.start_manager()
        if mode in ("start", "run"):
            wait_until(lambda: "through" in bed.logs(name), "it to come through")
        if mode == "run":
            bed.wait_active(name, "failed")
            equal(bed.property(name, "Result"), "timeout", "in the end")
        else:
            wait_until(lambda: "through" in bed.logs(name), "it to run")
            bed.ctl("stop", name).expect(0)
            equal((bed.active(name), bed.property(name, "Result")), ("inactive", "success"), name)
        contains(bed.logs(name), "ends")
    speaker(bed, "ext-late", "say('EXTEND_TIMEOUT_USEC=500000')\ntime.sleep(1000)", "TimeoutStartSec=1s")
    bed.ctl("start", "ext-late").expect(1)
    equal(bed.property("ext-late", "Result"), "timeout", "who says no more")


def manager_log(bed):
    return read(bed.log)


def test_start_waits_for_ready(bed):
    """A start is done once READY=1 was said, not before; until then the container is activating."""
    speaker(bed, "web", "say('STATUS=warming up')\nawait_file('go')\nsay('READY=1\\nSTATUS=serving')\ntime.sleep(1000)\n")
    start = bed.spawn(bed.ctl_command("start", "web"))
    wait_until(lambda: bed.property("web", "StatusText") == "warming up", "the first status")
    equal(bed.active("web"), "activating", "ActiveState before READY=1")
    equal(bed.property("web", "SubState"), "start", "SubState before READY=1")
    check(start.poll() is None, "the start was done before READY=1")
    touch(bed, "web", "go")
    equal(start.wait(15), 0, "the start's exit code")
    equal(bed.active("web"), "active", "ActiveState after READY=1")
    equal(bed.property("web", "StatusText"), "serving", "StatusText")
    contains(bed.ctl("status", "web").out, "Status: serving")
    equal(json.loads(bed.ctl("status", "web", "-o", "json").out)["StatusText"], "serving", "status -o json")
    bed.ctl("stop", "web").expect(0)


def test_ready_at_the_last_moment(bed):
    """READY=1 that was said in time counts, though the manager comes to it when TimeoutStartSec= is over."""
    speaker(bed, "web", "say('STATUS=here')\ntime.sleep(0.5)\nsay('READY=1')\ntime.sleep(1000)\n", "TimeoutStartSec=4s")
    start = bed.spawn(bed.ctl_command("start", "web"))
    wait_until(lambda: bed.property("web", "StatusText") == "here", "the payload")
    os.kill(bed.manager.pid, signal.SIGSTOP)
    try:
        time.sleep(4.5)
    finally:
        os.kill(bed.manager.pid, signal.SIGCONT)
    equal(start.wait(15), 0, "the start's exit code")
    time.sleep(0.5)
    equal((bed.active("web"), bed.property("web", "Result")), ("active", "success"), "after the time")
    bed.ctl("stop", "web").expect(0)


def test_followers_wait_for_ready(bed):
    """After= waits for READY=1."""
    speaker(bed, "first", "await_file('go')\nsay('READY=1')\ntime.sleep(1000)\n")
    bed.unit("second", raw="[Unit]\nRequires=first\nAfter=first\n[Container]\nRootDirectory=%s\nExecStart=/bin/sleep 1000\n" % bed.root)
    start = bed.spawn(bed.ctl_command("start", "second"))
    wait_until(lambda: bed.property("first", "SubState") == "start" and bed.leader("first") > 0, "the first to run")
    equal(bed.active("second"), "inactive", "the second before the first is ready")
    touch(bed, "first", "go")
    equal(start.wait(15), 0, "the start's exit code")
    equal(bed.active("second"), "active", "the second")


def test_end_before_ready_fails(bed):
    """A good exit code without READY=1 is the result protocol."""
    speaker(bed, "mute", "say('STATUS=never')\n")
    bed.ctl("start", "mute").expect(1, "READY=1")
    equal(bed.property("mute", "Result"), "protocol", "Result")


def test_quick_word_and_end(bed):
    """READY=1 said right before the end is heard."""
    speaker(bed, "quick", "say('READY=1\\nERRNO=13\\nEXIT_STATUS=4\\nSTATUS=was here')\n")
    bed.ctl("start", "quick").expect(0)
    wait_until(lambda: bed.active("quick") == "inactive", "its end")
    equal(bed.property("quick", "Result"), "success", "Result")
    equal(bed.property("quick", "StatusErrno"), "13", "StatusErrno")
    equal(bed.property("quick", "StatusExit"), "4", "StatusExit")
    equal(bed.property("quick", "StatusText"), "was here", "StatusText")


def test_systemd_notify(bed):
    """systemd's own program, a child of the payload's: NotifyAccess=all hears it, with its barrier; main does not."""
    if not os.path.exists("/usr/bin/systemd-notify"):
        raise Skip("systemd-notify is not installed")
    for directory in ("usr", "lib", "lib64"):
        os.makedirs(os.path.join(bed.root, directory), exist_ok=True)
    line = "ExecStart=/bin/sh -c '/usr/bin/systemd-notify --ready --status=\"as systemd says\"; echo said $?; exec sleep 1000'"
    bed.unit("all", "Type=notify", "NotifyAccess=all", line, HOST)
    bed.ctl("start", "all").expect(0)
    equal(bed.property("all", "StatusText"), "as systemd says", "StatusText")
    wait_until(lambda: "said 0" in bed.logs("all"), "the barrier's answer")
    bed.unit("main", "Type=notify", line, HOST, head="[Unit]\nJobTimeoutSec=2s\n")
    bed.ctl("start", "main").expect(1)
    equal(bed.property("main", "StatusText"), "", "StatusText")
    contains(manager_log(bed), "NotifyAccess=main hears the payload alone", "the manager's log")


def test_exec_access(bed):
    """NotifyAccess=exec hears commands of the manager's, not other children."""
    speaker(bed, "web", "say('READY=1')\ntime.sleep(1000)\n", "NotifyAccess=exec")
    bed.ctl("start", "web").expect(0)
    write(os.path.join(bed.root, "data/say.py"), SPEAKER + "say('STATUS=' + sys.argv[1]); time.sleep(0.5)\n")
    bed.ctl("exec", "web", "/bin/sh", "-c", PYTHON + " /data/say.py child; true").expect(0)
    equal(bed.property("web", "StatusText"), "", "a child's status")
    bed.ctl("exec", "web", PYTHON, "/data/say.py", "command").expect(0)
    wait_until(lambda: bed.property("web", "StatusText") == "command", "a command's status")


def test_no_socket_without_reason(bed):
    """Without NotifyAccess= there is no socket and no word of it in the environment."""
    bed.start_sleeper("plain")
    bed.ctl("exec", "plain", "/bin/test", "-e", "/run/bulwark/notify").expect(1)
    bed.unit("environment", "Type=oneshot", "ExecStart=/bin/env")
    bed.ctl("start", "--wait", "environment").expect(0)
    environment = bed.logs("environment")
    check("NOTIFY_SOCKET" not in environment and "WATCHDOG" not in environment, environment)
    bed.unit("bad", "Type=notify", "NotifyAccess=none", "ExecStart=/bin/true")
    bed.verify(os.path.join(bed.units, "bad.container")).expect(5, "none contradicts Type=")


def test_hostile_messages(bed):
    """Too long, with a NUL, of no fields, with descriptors: refused or skipped, nothing kept, the rest is heard."""
    speaker(bed, "evil", """
say(b'READY=1\\nSTATUS=first')
say(b'STATUS=' + b'x' * 5000)
say(b'STATUS=a\\0b')
say(b'STATUS=\\x1b[2J')
say(b'STATUS=\\xff')
say(b'')
say(b'=\\n=\\n===')
say(b'READY=0\\nWATCHDOG_USEC=-1\\nMAINPID=1x\\nSTATUS')
say(b'MAINPID=1')
say(b'MAINPID=4194304')
refused = 0
for i in range(300):
    try:
        say('X=1', [0, 1, 2] * 80)
    except OSError: # too many are under way: the kernel bounds what one user has in sockets
        refused += 1
        time.sleep(0.02)
while True: # those before it may still be under way
    try:
        say('FDNAME=leak', [os.open('/bin', os.O_RDONLY)])
        break
    except OSError:
        time.sleep(0.05)
for i in range(500):
    say('STATUS=%d' % i)
say('STATUS=last')
time.sleep(1000)
""")
    fds = len(descriptors(bed.manager.pid))
    bed.ctl("start", "evil").expect(0)
    try:
        wait_until(lambda: bed.property("evil", "StatusText") == "last", "the last word", 30)
    except Failure as e:
        raise Failure("%s, but %r (%s)\n%s" % (e, bed.property("evil", "StatusText"), bed.active("evil"), bed.logs("evil"))) from None
    equal(bed.active("evil"), "active", "ActiveState")
    check(len(descriptors(bed.manager.pid)) <= fds + 12, "descriptors stayed: %s" % descriptors(bed.manager.pid))
    log = manager_log(bed)
    contains(log, "is refused", "the manager's log")
    check(log.count("evil: ") < 20, "the container fills the log:\n" + log)


def test_main_pid_stays(bed):
    """MAINPID= of the payload itself is fine, another's is refused with the reason; a child cannot take over."""
    speaker(bed, "web", "say('READY=1\\nMAINPID=%d' % os.getpid())\nawait_file('go')\nsay('MAINPID=77\\nSTATUS=tried')\ntime.sleep(1000)\n")
    bed.ctl("start", "web").expect(0)
    leader = bed.leader("web")
    check("MAINPID=" not in manager_log(bed).split("web:")[-1], manager_log(bed))
    touch(bed, "web", "go")
    wait_until(lambda: bed.property("web", "StatusText") == "tried", "the second message")
    contains(manager_log(bed), "web: MAINPID= from process", "the manager's log")
    equal(bed.leader("web"), leader, "MainPID")


def test_reloading_and_stopping(bed):
    """RELOADING=1 shows as reloading until READY=1; STOPPING=1 as deactivating, with TimeoutStopSec= running."""
    speaker(bed, "web", """
say('READY=1')
await_file('reload')
say('RELOADING=1\\nMONOTONIC_USEC=%d' % (time.monotonic_ns() // 1000))
await_file('again')
say('READY=1')
await_file('stop')
say('STOPPING=1')
time.sleep(1000)
""", "TimeoutStopSec=2s")
    bed.ctl("start", "web").expect(0)
    touch(bed, "web", "reload")
    bed.wait_active("web", "reloading")
    touch(bed, "web", "again")
    bed.wait_active("web", "active")
    touch(bed, "web", "stop")
    bed.wait_active("web", "deactivating")
    bed.wait_active("web", "failed")
    equal(bed.property("web", "Result"), "timeout", "Result")


def test_extend_timeout(bed):
    """EXTEND_TIMEOUT_USEC= gives a stop more time than TimeoutStopSec=."""
    speaker(bed, "slow", """
import signal
def stop(*a):
    for i in range(8):
        say('EXTEND_TIMEOUT_USEC=2000000')
        time.sleep(0.5)
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
say('READY=1')
while True: time.sleep(0.1)
""", "TimeoutStopSec=1s")
    bed.ctl("start", "slow").expect(0)
    bed.ctl("stop", "slow").expect(0)
    equal(bed.property("slow", "Result"), "success", "Result")


def test_watchdog(bed):
    """Who falls silent gets SIGABRT and the result watchdog; who speaks lives; environment and freezer."""
    speaker(bed, "live", """
assert os.environ["WATCHDOG_PID"] == str(os.getpid()), os.environ
assert os.environ["WATCHDOG_USEC"] == "1000000", os.environ
say('READY=1')
while not os.path.exists('/tmp/hush'):
    say('WATCHDOG=1')
    time.sleep(0.2)
time.sleep(1000)
""", "WatchdogSec=1s")
    bed.ctl("start", "live").expect(0)
    time.sleep(2.5)
    equal(bed.active("live"), "active", "one that speaks")
    bed.ctl("freeze", "live").expect(0)
    time.sleep(2)
    equal(bed.active("live"), "active", "one that is frozen")
    bed.ctl("thaw", "live").expect(0)
    time.sleep(1.5)
    equal(bed.active("live"), "active", "one that was thawed")
    touch(bed, "live", "hush")
    bed.wait_active("live", "failed")
    equal(bed.property("live", "Result"), "watchdog", "Result")
    equal(bed.property("live", "ExecMainStatus"), str(int(signal.SIGABRT)), "ExecMainStatus")
    contains(bed.ctl("status", "live").out, "WATCHDOG=1")


def test_watchdog_signal_and_kill(bed):
    """WatchdogSignal= instead of SIGABRT; one that is deaf to it is killed; WATCHDOG=trigger asks for it."""
    speaker(bed, "deaf", "import signal\nsignal.signal(signal.SIGUSR2, lambda *a: say('STATUS=heard it'))\n"
            "say('READY=1\\nWATCHDOG=trigger')\nwhile True: time.sleep(0.1)\n",
            "WatchdogSec=1min", "WatchdogSignal=SIGUSR2", "TimeoutStopSec=1s")
    bed.ctl("start", "deaf")
    bed.wait_active("deaf", "failed")
    equal(bed.property("deaf", "Result"), "watchdog", "Result")
    equal(bed.property("deaf", "StatusText"), "heard it", "StatusText")
    equal(bed.property("deaf", "ExecMainStatus"), str(int(signal.SIGKILL)), "ExecMainStatus")


def test_killed_manager_loses_nothing(bed):
    """What is said while no manager is there is heard by the next one; what was said before is still known."""
    speaker(bed, "web", "say('STATUS=old')\nwhile not os.path.exists('/data/go'): time.sleep(0.02)\nsay('READY=1\\nSTATUS=new')\nawait_file('more')\n"
            "say('STATUS=newer')\ntime.sleep(1000)\n")
    start = bed.spawn(bed.ctl_command("start", "web"))
    wait_until(lambda: bed.property("web", "StatusText") == "old", "the first status")
    leader = bed.leader("web")
    bed.kill_manager()
    start.wait(15)
    write(os.path.join(bed.root, "data/go"), "")
    time.sleep(0.5)
    bed.start_manager()
    wait_until(lambda: bed.property("web", "StatusText") == "new", "what was said meanwhile")
    equal(bed.active("web"), "active", "ActiveState")
    bed.kill_manager()
    bed.start_manager()
    equal(bed.property("web", "StatusText"), "new", "StatusText after one more")
    equal(bed.active("web"), "active", "ActiveState after one more")
    touch(bed, "web", "more")
    wait_until(lambda: bed.property("web", "StatusText") == "newer", "what was said after")
    equal(bed.leader("web"), leader, "MainPID")


def test_socket_is_the_containers_alone(bed):
    """The socket can be written to and nothing else, and no file of it stays on the host."""
    speaker(bed, "web", "say('READY=1')\ntime.sleep(1000)\n")
    bed.ctl("start", "web").expect(0)
    equal(os.listdir(os.path.join(bed.runtime, "notify")), [], "names of sockets on the host")
    bed.ctl("exec", "web", "/bin/rm", "/run/bulwark/notify").expect(1)
    bed.ctl("exec", "web", "/bin/chmod", "0", "/run/bulwark/notify").expect(1)


if __name__ == "__main__":
    run("__main__")
