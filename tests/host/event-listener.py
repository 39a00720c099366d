#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes each Event of the manager as a line of JSON: [container, kind, details].

usage: event-listener.py ADDRESS      the system bus, or the manager's private socket
"""

import json
import sys

from gi.repository import Gio, GLib

ADDRESS = sys.argv[1]
MANAGER = "org.bulwark1.Manager"


def on_event(connection, sender, path, interface, signal, parameters):
    container, kind, details = parameters.unpack()[1:]
    print(json.dumps([container, kind, details]), flush=True)


flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
if not ADDRESS.endswith("/private"):
    flags |= Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
bus = Gio.DBusConnection.new_for_address_sync(ADDRESS, flags, None, None)
bus.signal_subscribe(None, MANAGER, "Event", "/org/bulwark1", None, Gio.DBusSignalFlags.NONE, on_event)
if ADDRESS.endswith("/private"):  # answered: whatever comes from now on is heard
    bus.call_sync(None, "/org/bulwark1", MANAGER, "ListJobs", None, None, Gio.DBusCallFlags.NONE, 5000, None)
else:
    bus.call_sync("org.bulwark1", "/org/bulwark1", MANAGER, "ListJobs", None, None, Gio.DBusCallFlags.NONE, 5000, None)
print(json.dumps(["", "listening", {}]), flush=True)
GLib.MainLoop().run()
