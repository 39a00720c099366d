# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guest's SELinux policy with Bulwark's base module in it, built outside: in the guest that takes a minute."""

import hashlib
import os
import shutil
import subprocess

from image import Problem, cache_directory, locked, logged

STORE = ("etc/selinux", "var/lib/selinux")


def extract(base, target):
    """The policy store as it lies in the image; no mount is needed."""
    for path in STORE:
        parent = os.path.join(target, os.path.dirname(path))
        os.makedirs(parent, exist_ok=True)
        subprocess.run(["debugfs", "-R", "rdump /%s %s" % (path, parent), os.path.join(base, "root.img")], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        if not os.listdir(os.path.join(target, path)):
            raise Problem("the image has no /" + path)


def built(stage, base, say):
    """The store with the module that the stage installs, from the cache where both are the same as before."""
    program = os.path.join(stage, "usr/lib/bulwark/bulwark-policy")
    module = os.path.join(stage, "usr/share/bulwark/selinux/bulwark.cil")
    with open(module, "rb") as f:
        digest = hashlib.sha256(os.path.basename(base).encode() + b"\0" + f.read()).hexdigest()[:16]
    path = os.path.join(cache_directory(), "policy-" + digest)
    with locked():
        if not os.path.exists(path):
            say("building the SELinux policy, once for this base module")
            building = path + ".building"
            shutil.rmtree(building, ignore_errors=True)
            extract(base, building)
            logged([program, "--root=" + building, "install", module], path + ".log", "building the policy")
            os.rename(building, path)
        os.utime(path)
    return path


def add(stage, base, say):
    path = built(stage, base, say)
    for part in STORE:
        shutil.copytree(os.path.join(path, part), os.path.join(stage, part), symlinks=True, dirs_exist_ok=True)
