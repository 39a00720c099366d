# SPDX-License-Identifier: LGPL-2.1-or-later
"""Logs where journald runs: payloads write to the journal themselves, and bulwarkctl shows it."""

from bed import *


def journal(*matches):
    """Entries of this boot as dictionaries."""
    done = subprocess.run(["journalctl", "-q", "--no-pager", "-b", "-o", "json", *matches], stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def messages(name):
    return [entry["MESSAGE"] for entry in journal("BULWARK_CONTAINER=" + name, "_UID=0") if entry.get("SYSLOG_IDENTIFIER") != "bulwarkd"]


def test_streams(bed):
    """both streams arrive under the container's name, with their priorities, as lines of the container's unit."""
    bed.unit("speaker", "Type=oneshot", "ExecStart=/bin/sh -c 'echo a word; echo a complaint >&2'")
    bed.ctl("start", "--wait", "speaker").expect(0)
    wait_until(lambda: len(messages("speaker")) >= 2, "two lines in the journal")
    entries = {e["MESSAGE"]: e for e in journal("BULWARK_CONTAINER=speaker")}
    equal(entries["a word"]["PRIORITY"], "6", "priority of standard output")
    equal(entries["a complaint"]["PRIORITY"], "6", "priority of standard error")
    equal((entries["a word"]["SYSLOG_IDENTIFIER"], entries["a word"]["SYSLOG_FACILITY"]), ("speaker", "3"), "identifier and facility")
    said = [e["MESSAGE"] for e in journal("-u", "bulwark@speaker.service")]
    check("a word" in said and "a complaint" in said, "journalctl -u: %s" % said)
    equal(bed.property("speaker", "LogsToJournal"), "yes", "LogsToJournal")


def test_rules(bed):
    """what a unit says of its log stands in the journal's fields; what programs say with syslog(3) comes with its own."""
    bed.unit("marked", "Type=oneshot", "ExecStart=/bin/sh -c 'echo one; logger -p local1.err -t prog[7] two; echo noise'",
             "SyslogIdentifier=other", "SyslogFacility=local3", "SyslogLevel=notice", "LogExtraFields=TEAM=blue", "LogFilterPatterns=~noise")
    bed.ctl("start", "--wait", "marked").expect(0)
    wait_until(lambda: len(messages("marked")) >= 2, "two lines in the journal")
    entries = {e["MESSAGE"]: e for e in journal("BULWARK_CONTAINER=marked")}
    keys = ("SYSLOG_IDENTIFIER", "SYSLOG_FACILITY", "PRIORITY", "TEAM", "OBJECT_SYSTEMD_UNIT")
    equal([entries["one"].get(k) for k in keys], ["other", "19", "5", "blue", "bulwark@marked.service"], "fields of a line")
    equal([entries["two"].get(k) for k in keys], ["prog", "17", "3", "blue", "bulwark@marked.service"], "fields of a message")
    equal(entries["two"]["SYSLOG_PID"], "7", "number of the process")
    check("noise" not in messages("marked"), "what was to be left out")


def test_one_floods(bed):
    """one container's flood is cut by its own limit, and takes no line of another's."""
    bed.unit("flood", "ExecStart=/bin/sh -c 'seq 1 12000; exec sleep 1000'")
    bed.unit("calm", "Type=oneshot", "ExecStart=/bin/echo heard")
    bed.ctl("start", "flood").expect(0)
    bed.ctl("start", "--wait", "calm").expect(0)
    wait_until(lambda: "heard" in messages("calm"), "the other's line")
    # A journal that is slow is waited for while the container lives.
    wait_until(lambda: len(messages("flood")) >= 9000, "most of the flood", 60)
    bed.ctl("stop", "flood").expect(0)
    count = len(messages("flood"))
    check(9000 <= count <= 10010, "%d lines of the flood" % count)


def test_logs(bed):
    """bulwarkctl logs and status show the journal's lines, also after the end."""
    bed.unit("teller", "ExecStart=/bin/sh -c 'for i in 1 2 3 4 5; do echo line $$i; done; sleep 1000'")
    bed.ctl("start", "teller").expect(0)
    wait_until(lambda: "line 5" in bed.logs("teller"), "five lines")
    equal(len(re.findall(r"line \d", bed.logs("teller"))), 5, "lines")
    last = bed.logs("teller", "-n", "2")
    check("line 5" in last and "line 3" not in last, "-n 2: " + last)
    bed.ctl("status", "teller").expect(0, "line 5")
    bed.ctl("stop", "teller").expect(0)
    contains(bed.logs("teller"), "line 5")
    items = [json.loads(line) for line in bed.logs("teller", "-o", "json").splitlines()]
    check(any(item["MESSAGE"] == "line 3" for item in items), "no line in JSON")


def test_follow(bed):
    """logs -f shows what comes."""
    bed.unit("ticker", "ExecStart=/bin/sh -c 'while true; do n=$$((n+1)); echo tick $$n; sleep 0.5; done'")
    bed.ctl("start", "ticker").expect(0)
    client = bed.spawn(bed.ctl_command("logs", "-f", "ticker"))
    os.set_blocking(client.stdout.fileno(), False)
    seen = b""

    def more(word):
        nonlocal seen
        seen += client.stdout.read() or b""
        return word in seen

    wait_until(lambda: more(b"tick 2\n"), "the first lines")
    wait_until(lambda: more(b"tick 5\n"), "lines that came later")


def test_no_stolen_name(bed):
    """a payload cannot write into another's log through what it inherits."""
    bed.unit("liar", "Type=oneshot", "ExecStart=/bin/sh -c 'echo \"SYSLOG_IDENTIFIER=victim\"; ls -l /run/systemd/journal; echo end'")
    bed.ctl("start", "--wait", "liar").expect(0)
    wait_until(lambda: "end" in messages("liar"), "the last line")
    equal(messages("victim"), [], "lines of the victim")
    check("SYSLOG_IDENTIFIER=victim" in messages("liar"), "the line as text: %s" % messages("liar"))


def test_null(bed):
    """StandardOutput=null stays nowhere."""
    bed.unit("silent", "Type=oneshot", "ExecStart=/bin/sh -c 'echo lost; echo heard >&2'", "StandardOutput=null", "StandardError=journal")
    bed.ctl("start", "--wait", "silent").expect(0)
    wait_until(lambda: "heard" in messages("silent"), "the line of standard error")
    check("lost" not in messages("silent"), "the line that was to be lost")


def test_over_a_restart_of_the_manager(bed):
    """no line is lost while the manager is away: they wait in the pipe, and stand in the journal in order."""
    bed.unit("steady", "ExecStart=/bin/sh -c 'while true; do n=$$((n+1)); echo beat $$n; sleep 0.3; done'")
    bed.ctl("start", "steady").expect(0)
    wait_until(lambda: "beat 2" in messages("steady"), "the first lines")
    bed.kill_manager()
    time.sleep(2)
    count = len(messages("steady"))
    bed.start_manager()
    wait_until(lambda: len(messages("steady")) > count + 4, "lines of the time without a manager")
    equal(bed.property("steady", "LogsToJournal"), "yes", "LogsToJournal after the restart")
    beats = [m for m in messages("steady") if m.startswith("beat")]
    check(sorted(set(beats), key=beats.index) == ["beat %d" % i for i in range(1, len(set(beats)) + 1)], "the lines in order: %s" % beats)


run(__name__)
