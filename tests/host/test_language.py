# SPDX-License-Identifier: LGPL-2.1-or-later
"""The unit language as the manager reads it from disk: drop-ins, templates, specifiers, resets."""

from harness import *


def test_drop_ins(bed):
    """later names win, prefixes and the type apply, a reset empties."""
    bed.unit("web-blue", "ExecStart=/bin/sleep 1000", "Environment=A=unit", "Environment=B=unit")
    bed.drop_in("web-blue", "10-a.conf", "[Container]\nEnvironment=A=ten\nHostname=ten\n")
    bed.drop_in("web-blue", "20-b.conf", "[Container]\nEnvironment=A=twenty\n")
    bed.drop_in("web-", "10-a.conf", "[Container]\nEnvironment=PREFIX=hidden-by-the-longer-one\n")
    bed.drop_in("web-", "15-p.conf", "[Container]\nEnvironment=PREFIX=yes\n")
    os.makedirs(os.path.join(bed.units, "container.d"))
    write(os.path.join(bed.units, "container.d/05-all.conf"), "[Container]\nEnvironment=ALL=yes\n")
    write(os.path.join(bed.units, "web-blue.container.d/ignored.txt"), "[Nonsense]\n")
    bed.ctl("daemon-reload").expect(0)
    environment = bed.property("web-blue", "Environment")
    for word in ("A=twenty", "B=unit", "PREFIX=yes", "ALL=yes"):
        contains(environment, word, "Environment")
    check("hidden" not in environment, "a drop-in of the same name in a less specific directory: " + environment)
    equal(bed.property("web-blue", "Hostname"), "ten", "Hostname")
    text = bed.ctl("cat", "web-blue").expect(0).out
    check(text.index("05-all.conf") < text.index("10-a.conf") < text.index("15-p.conf") < text.index("20-b.conf"), "order in cat:\n" + text)
    bed.drop_in("web-blue", "30-c.conf", "[Container]\nEnvironment=\nEnvironment=ONLY=this\n")
    bed.ctl("daemon-reload").expect(0)
    equal(bed.property("web-blue", "Environment"), "ONLY=this", "Environment after a reset")


def test_bad_drop_in(bed):
    """its mistake is told with its own file and line."""
    bed.unit("web", "ExecStart=/bin/true")
    bed.drop_in("web", "10-bad.conf", "[Container]\nNonsense=1\n")
    bed.ctl("daemon-reload")
    bed.ctl("start", "web").expect(5, "10-bad.conf:2", "Nonsense")


def test_masked_drop_in(bed):
    """a link to /dev/null masks a drop-in."""
    bed.unit("web-x", "ExecStart=/bin/true")
    bed.drop_in("web-", "10-a.conf", "[Container]\nNonsense=1\n")
    os.makedirs(os.path.join(bed.units, "web-x.container.d"))
    os.symlink("/dev/null", os.path.join(bed.units, "web-x.container.d/10-a.conf"))
    bed.ctl("daemon-reload")
    bed.ctl("start", "--wait", "web-x").expect(0)


def test_templates(bed):
    """an instance is made from its template; specifiers are its name's parts."""
    path = os.path.join(bed.out, "template")
    bed.unit("worker@", "Type=oneshot", "ExecStart=/bin/echo %n %N %p %i %I %%", "StandardOutput=append:" + path)
    bed.ctl("start", "--wait", "worker@blue").expect(0)
    bed.ctl("start", "--wait", "worker@dev-sda\\x2d1").expect(0)
    lines = wait_until(lambda: read(path).splitlines() if len(read(path).splitlines()) == 2 else None, "two lines")
    equal(lines[0].split()[2:], ["worker", "blue", "blue", "%"], "specifiers")
    equal(lines[1].split()[2:], ["worker", "dev-sda\\x2d1", "dev/sda-1", "%"], "specifiers")
    result = bed.ctl("start", "worker@")
    check(result.code != 0, "a template was started: %s" % result)
    bed.drop_in("worker@blue", "10.conf", "[Container]\nHostname=of-blue\n")
    bed.drop_in("worker@", "10-all.conf", "[Container]\nEnvironment=FROM=template\n")
    bed.ctl("daemon-reload").expect(0)
    equal(bed.property("worker@blue", "Hostname"), "of-blue", "Hostname")
    contains(bed.property("worker@blue", "Environment"), "FROM=template", "Environment")


def test_two_instances(bed):
    """instances run side by side."""
    bed.unit("pair@", "ExecStart=/bin/sleep 1000", "Hostname=host-%i")
    bed.ctl("start", "pair@a", "pair@b").expect(0)
    for name in "ab":
        equal(bed.ctl("exec", "pair@" + name, "hostname").expect(0).out, "host-%s\n" % name, "hostname")
    bed.ctl("stop", "pair@a").expect(0)
    equal((bed.active("pair@a"), bed.active("pair@b")), ("inactive", "active"), "states")


def test_syntax(bed):
    """continuations with comments inside, quoting and escapes reach the payload as written."""
    path = os.path.join(bed.out, "syntax")
    text = (
        "# a comment\n; another\n\n[Container]\nRootDirectory=%s\nType=oneshot\nStandardOutput=truncate:%s\n"
        "Environment=ONE=1 \\\n# in between\n  \"TWO=2 2\" \\\n;too\n  'THREE=\\x33\\t\"3\"'\n"
        "ExecStart=/bin/sh -c 'printf \"%%%%s|\" \"$$ONE\" \"$$TWO\" \"$$THREE\" \"$$@\"' name \"a b\" c\\x20d 'e\"f' ${TWO} $ONE\n"
    ) % (bed.root, path)
    bed.unit("syntax", raw=text)
    bed.ctl("start", "--wait", "syntax").expect(0)
    got = wait_until(lambda: read(path), "output")
    equal(got, '1|2 2|3\t"3"|a b|c d|e"f|2 2|1|', "what the payload saw")


def test_precedence_of_directories(bed):
    """the first directory of the unit path wins; drop-ins are collected from all."""
    second = os.path.join(bed.directory, "units2")
    os.makedirs(os.path.join(second, "web.container.d"), exist_ok=True)
    bed.unit("web", "ExecStart=/bin/true", "Hostname=first")
    write(os.path.join(second, "web.container"), "[Container]\nHostname=second\n")
    write(os.path.join(second, "web.container.d/x.conf"), "[Container]\nEnvironment=X=1\n")
    result = bed.ctl("plan", "--unit-path=%s:%s" % (bed.units, second), "web").expect(0, "first", "X=1")
    check("second" not in re.sub(r"\S*units2\S*", "", result.out), "the second directory's unit is in the plan")
    shutil.rmtree(second)


run(__name__)
