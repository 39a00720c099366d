# SPDX-License-Identifier: LGPL-2.1-or-later
"""enable, disable, mask, is-enabled, and what a manager without systemd starts at boot."""

from harness import *

INSTALL = ["[Install]", "WantedBy=multi-user.target"]


def path_option(bed):
    return "--unit-path=" + bed.units


def test_enable_and_boot(bed):
    """what is enabled is started when the manager has to start the keeper, and only then."""
    bed.unit("early", "ExecStart=/bin/sleep 1000", *INSTALL)
    bed.unit("late", "ExecStart=/bin/sleep 1000", *INSTALL)
    equal(bed.ctl("is-enabled", path_option(bed), "early").expect(1).out, "disabled\n", "is-enabled before")
    bed.ctl("enable", path_option(bed), "early").expect(0, "Created link %s/multi-user.target.wants/early.container" % bed.units)
    equal(bed.ctl("is-enabled", path_option(bed), "early").expect(0).out, "enabled\n", "is-enabled after")
    equal((bed.active("early"), bed.active("late")), ("inactive", "inactive"), "enable alone starts nothing")
    bed.kill_manager()
    bed.start_manager()
    equal(bed.active("early"), "inactive", "a manager that comes back is no boot")
    bed.stop_manager()
    bed.start_manager()
    bed.wait_active("early", "active")
    equal(bed.active("late"), "inactive", "what is not enabled")
    bed.ctl("disable", "--now", path_option(bed), "early").expect(0, "Removed ")
    equal(bed.active("early"), "inactive", "disable --now stops")
    bed.stop_manager()
    bed.start_manager()
    equal(bed.active("early"), "inactive", "no longer enabled")


def test_enable_now(bed):
    """enable --now starts it, too."""
    bed.unit("quick", "ExecStart=/bin/sleep 1000", *INSTALL)
    bed.ctl("enable", "--now", path_option(bed), "quick").expect(0)
    equal(bed.active("quick"), "active", "state")
    bed.ctl("disable", path_option(bed), "quick").expect(0)


def test_mask(bed):
    """a masked unit cannot be started; its file is not touched."""
    os.mkdir(os.path.join(bed.units, "over"))
    path = "--unit-path=%s/over:%s" % (bed.units, bed.units)
    bed.unit("plain", "ExecStart=/bin/sleep 1000")
    bed.ctl("mask", path, "plain").expect(0, "-> /dev/null")
    equal(bed.ctl("is-enabled", path, "plain").expect(1).out, "masked\n", "is-enabled")
    bed.verify(path, "plain").expect(5, "masked")
    bed.ctl("unmask", path, "plain").expect(0)
    bed.verify(path, "plain").expect(0)
    bed.ctl("mask", path_option(bed), "plain").expect(5, "a file stands where the link would be made")


def test_refusals(bed):
    """what cannot be enabled says why."""
    bed.unit("plain", "ExecStart=/bin/sleep 1000")
    bed.ctl("enable", path_option(bed), "plain").expect(5, "has no [Install] section")
    bed.ctl("enable", path_option(bed), "nothing").expect(4, "no unit file nothing.container")
    bed.ctl("is-enabled", path_option(bed), "nothing").expect(4)
    equal(bed.ctl("is-enabled", path_option(bed), "plain").expect(0).out, "static\n", "without [Install]")


run(__name__)
