#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays polkit on a bus of a test's own: answers as a file says, and writes down what it was asked.

usage: polkit-player.py ADDRESS DIRECTORY      DIRECTORY/answer: yes, no, challenge, error, nonsense, hang until it says another,
or rule: yes where the action and all details are those of DIRECTORY/rule
"""

import json
import os
import sys

import dbus
import dbus.bus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

ADDRESS, DIRECTORY = sys.argv[1:]
NAME = "org.freedesktop.PolicyKit1"
AUTHORITY = NAME + ".Authority"


def note(**what):
    with open(os.path.join(DIRECTORY, "asked"), "a", encoding="utf-8") as f:
        f.write(json.dumps(what) + "\n")


def word():
    with open(os.path.join(DIRECTORY, "answer"), encoding="utf-8") as f:
        return f.read().strip()


def rule_allows(action, details):
    with open(os.path.join(DIRECTORY, "rule"), encoding="utf-8") as f:
        wanted, values = json.load(f)
    return action == wanted and all(details.get(name) == value for name, value in values.items())


class Authority(dbus.service.Object):
    @dbus.service.method(
        AUTHORITY, in_signature="(sa{sv})sa{ss}us", out_signature="(bba{ss})", async_callbacks=("answer", "fail"), sender_keyword="sender"
    )
    def CheckAuthorization(self, subject, action, details, flags, cancellation, answer, fail, sender):
        note(
            subject=[str(subject[0]), {str(k): str(v) for k, v in subject[1].items()}],
            action=str(action),
            details={str(k): str(v) for k, v in details.items()},
            flags=int(flags),
            cancellation=str(cancellation),
        )
        if word() == "hang":
            GLib.timeout_add(50, lambda: word() == "hang" or self.say(answer, fail))
        else:
            self.say(answer, fail, str(action), {str(k): str(v) for k, v in details.items()})

    def say(self, answer, fail, action="", details=None):
        if word() == "error":
            fail(dbus.DBusException("a play", name="org.freedesktop.PolicyKit1.Error.Failed"))
        elif word() == "nonsense":
            answer("yes")  # not what the signature says: dbus-python makes an error of it
        else:
            answer((word() == "yes" or (word() == "rule" and rule_allows(action, details or {})), word() == "challenge", {}))
        return False  # to the timer

    @dbus.service.method(AUTHORITY, in_signature="s", out_signature="")
    def CancelCheckAuthorization(self, cancellation):
        note(cancelled=str(cancellation))


dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.bus.BusConnection(ADDRESS)
keep = [dbus.service.BusName(NAME, bus), Authority(bus, "/org/freedesktop/PolicyKit1/Authority")]
note(ready=True)
GLib.MainLoop().run()
