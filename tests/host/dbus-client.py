#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""python3-dbus as a client: a start and a stop with the signals that came, and what it saw, as JSON.

usage: dbus-client.py ADDRESS NAME
"""

import json
import sys

import dbus
import dbus.bus
import dbus.mainloop.glib
from gi.repository import GLib

ADDRESS, NAME = sys.argv[1:]
MANAGER = "org.bulwark1.Manager"
CONTAINER = "org.bulwark1.Container"
seen = {"signals": [], "states": [], "invalidated": [], "added": {}}

dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.bus.BusConnection(ADDRESS)
loop = GLib.MainLoop()
wanted = [None]
done = {}


def plain(value):
    if isinstance(value, dbus.Boolean):
        return bool(value)
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return int(value) if isinstance(value, int) else str(value)


def on_job(number, path, name, result):
    seen["signals"].append(["JobRemoved", str(name), str(result)])
    done[str(path)] = str(result)
    if str(path) == wanted[0]:
        loop.quit()


def on_properties(interface, changed, invalidated, path):
    if interface == CONTAINER and path.endswith(NAME):
        seen["invalidated"] = sorted(set(seen["invalidated"]) | {str(i) for i in invalidated})
        if "ActiveState" in changed:
            seen["states"].append(str(changed["ActiveState"]))
        seen["values"] = sorted(set(seen.get("values", [])) | {str(k) for k in changed})


def on_added(path, interfaces):
    seen["added"][str(path)] = plain(interfaces)


bus.add_signal_receiver(on_job, "JobRemoved", MANAGER)
bus.add_signal_receiver(on_properties, "PropertiesChanged", "org.freedesktop.DBus.Properties", path_keyword="path")
bus.add_signal_receiver(on_added, "InterfacesAdded", "org.freedesktop.DBus.ObjectManager")
top = bus.get_object("org.bulwark1", "/org/bulwark1")
manager = dbus.Interface(top, MANAGER)
seen["list"] = plain(manager.ListContainers())


def finish(path):
    wanted[0] = str(path)
    if str(path) not in done:
        GLib.timeout_add_seconds(30, loop.quit)
        loop.run()


finish(manager.StartContainer(NAME, "replace"))
path = str(manager.GetContainer(NAME))
container = bus.get_object("org.bulwark1", path)
seen["properties"] = plain(dbus.Interface(container, "org.freedesktop.DBus.Properties").GetAll(CONTAINER))
objects = dbus.Interface(top, "org.freedesktop.DBus.ObjectManager").GetManagedObjects()
seen["objects"] = sorted(str(p) for p in objects)
finish(dbus.Interface(container, CONTAINER).Stop("replace"))
print(json.dumps(seen))
