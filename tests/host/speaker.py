# SPDX-License-Identifier: LGPL-2.1-or-later
"""A payload that is a Python program and speaks to the manager."""

from harness import *

# The host's own programs, read-only, below the small root.
HOST = "BindReadOnlyPaths=/usr /lib /lib64"
PYTHON = "/usr/bin/python3"

# sd_notify(3) in a few lines: what a payload would have from its library.
SPEAKER = """
import os, socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
def say(text, fds=()):
    data = text if isinstance(text, bytes) else text.encode()
    socket.send_fds(s, [data], list(fds)) if fds else s.send(data)
def await_file(name):
    while not os.path.exists("/tmp/" + name): time.sleep(0.02)
"""


def speaker(bed, name, program, *lines, kind="notify"):
    """A unit whose payload is a Python program that can say()."""
    if not os.path.exists(PYTHON):
        raise Skip(PYTHON + " is not installed")
    for directory in ("usr", "lib", "lib64"):
        os.makedirs(os.path.join(bed.root, directory), exist_ok=True)
    write(os.path.join(bed.root, "data", name + ".py"), SPEAKER + program)
    bed.unit(name, "Type=" + kind, "ExecStart=%s -u /data/%s.py" % (PYTHON, name), HOST, *lines)


def touch(bed, name, file):
    bed.ctl("exec", name, "/bin/touch", "/tmp/" + file).expect(0)
