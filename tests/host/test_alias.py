# SPDX-License-Identifier: LGPL-2.1-or-later
"""Alias=: another name of the same container, for every verb and for dependencies."""

from harness import *


def test_one_container(bed):
    """start, exec, status, logs and stop by the other name reach the one container, and there is no second."""
    bed.unit("web", "ExecStart=/bin/sh -c 'echo hello; exec sleep 1000'\n[Install]\nAlias=site.container")
    bed.ctl("enable", "--unit-path=" + bed.units, "web").expect(0, "site.container")
    bed.ctl("daemon-reload").expect(0)
    equal(bed.ctl("is-enabled", "--unit-path=" + bed.units, "site").out.strip(), "alias", "is-enabled of the other name")
    contains(bed.ctl("list-unit-files").expect(0).out, "alias", "list-unit-files")
    bed.ctl("start", "site").expect(0)
    equal(bed.active("web"), "active", "the container by its own name")
    equal(bed.active("site"), "active", "the container by its other name")
    equal(bed.property("site", "MainPID"), bed.property("web", "MainPID"), "MainPID")
    check("site" not in bed.ctl("list").expect(0).out, "a second container stands in the list")
    bed.ctl("exec", "site", "--", "/bin/true").expect(0)
    contains(bed.ctl("status", "site").out, "web", "status")
    wait_until(lambda: "hello" in bed.ctl("logs", "site").out, "the log by the other name")
    bed.ctl("start", "web", "site").expect(0)
    bed.ctl("stop", "site").expect(0)
    equal(bed.active("web"), "inactive", "after a stop by the other name")
    bed.ctl("disable", "--unit-path=" + bed.units, "web").expect(0)
    bed.ctl("daemon-reload").expect(0)
    check(bed.ctl("start", "site").code != 0, "the other name works without its link")


def test_files(bed):
    """cat shows a template; status says whether a unit is enabled."""
    bed.unit("many@", "ExecStart=/bin/sleep 1000")
    bed.unit("web", "ExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target")
    bed.ctl("daemon-reload").expect(0)
    contains(bed.ctl("cat", "many@").expect(0).out, "many@.container", "cat of a template")
    contains(bed.ctl("status", "web").out, "web.container; disabled)", "status")
    bed.ctl("enable", "--unit-path=" + bed.units, "web").expect(0)
    contains(bed.ctl("status", "web").out, "web.container; enabled)", "status")
    bed.ctl("disable", "--unit-path=" + bed.units, "web").expect(0)


def test_dependencies(bed):
    """a dependency on the other name is one on the container."""
    bed.unit("db", "ExecStart=/bin/sleep 1000")
    os.symlink("db.container", os.path.join(bed.units, "store.container"))
    bed.unit("app", "ExecStart=/bin/sleep 1000", head="[Unit]\nRequires=store\nAfter=store\n")
    bed.ctl("daemon-reload").expect(0)
    bed.ctl("start", "app").expect(0)
    equal(bed.active("db"), "active", "what app requires by another name")
    bed.ctl("stop", "store").expect(0)
    equal(bed.active("app"), "inactive", "what requires it")


def test_templates(bed):
    """an instance of another name of a template is the instance of the template."""
    bed.unit("worker@", "ExecStart=/bin/sleep 1000")
    os.symlink("worker@.container", os.path.join(bed.units, "job@.container"))
    bed.ctl("daemon-reload").expect(0)
    bed.ctl("start", "job@a").expect(0)
    equal(bed.active("worker@a"), "active", "the instance")
    bed.ctl("stop", "worker@a").expect(0)
    equal(bed.active("job@a"), "inactive", "the instance by its other name")


def test_what_is_none(bed):
    """a link to a file outside of the search path is the unit itself, and one to another unit's copy, too."""
    path = os.path.join(bed.out, "elsewhere.container")
    write(path, "[Container]\nRootDirectory=%s\nExecStart=/bin/sleep 1000\n" % bed.root)
    os.symlink(path, os.path.join(bed.units, "linked.container"))
    bed.ctl("daemon-reload").expect(0)
    bed.ctl("start", "linked").expect(0)
    equal(bed.active("linked"), "active", "a linked unit")
    check(bed.ctl("status", "elsewhere").code != 0, "the file's name is a container")


run(__name__)
