# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guest's SELinux policy with Bulwark's base module and the domains of units/examples in it, built outside: in the guest
each transaction takes half a minute. There most of the distribution's modules are disabled; here ours are tried with all."""

import hashlib
import os
import shutil
import re
import subprocess

from image import SOURCE, Problem, cache_directory, locked, logged

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


def domains(stage):
    """The blocks of those examples that go beyond the base module, over a root that is there."""
    program = os.path.join(stage, "usr/lib/bulwark/bulwark-analyze")
    folder = os.path.join(SOURCE, "units/examples")
    text = b""
    for name in sorted(n for n in os.listdir(folder) if n.endswith(".container")):
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            unit = f.read()
        if "SocketBindAllow=" not in unit:
            continue
        copy = os.path.join(stage, name)
        with open(copy, "w", encoding="utf-8") as f:
            f.write(re.sub(r"^RootDirectory=.*", "RootDirectory=" + stage, unit, flags=re.M))
        text += subprocess.run([program, "policy", "export", "--selinux", copy], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
        os.unlink(copy)
    return text


def install(program, root, module, blocks):
    log = root + ".log"
    logged([program, "--root=" + root, "install", module], log, "building the policy")
    done = subprocess.run([program, "--root=" + root, "sync"], input=blocks, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise Problem("the domains of units/examples do not fit the policy: " + done.stdout.decode(errors="replace"))


def try_whole(program, root, module, blocks):
    """All of the distribution's modules enabled."""
    whole = root + ".whole"
    shutil.rmtree(whole, ignore_errors=True)
    shutil.copytree(root, whole, symlinks=True)
    disabled = os.path.join(whole, "var/lib/selinux/default/active/modules/disabled")
    if not os.listdir(disabled):
        raise Problem("no module of the distribution is disabled in the image")
    for name in os.listdir(disabled):
        os.unlink(os.path.join(disabled, name))
    install(program, whole, module, blocks)
    shutil.rmtree(whole)


def built(stage, base, say):
    """The store with the modules, from the cache where all is the same as before."""
    program = os.path.join(stage, "usr/lib/bulwark/bulwark-policy")
    module = os.path.join(stage, "usr/share/bulwark/selinux/bulwark.cil")
    blocks = domains(stage)
    with open(module, "rb") as f:
        digest = hashlib.sha256(os.path.basename(base).encode() + b"\0" + f.read() + b"\0" + blocks).hexdigest()[:16]
    path = os.path.join(cache_directory(), "policy-" + digest)
    with locked():
        if not os.path.exists(path):
            say("building the SELinux policy, once for this base module")
            building = path + ".building"
            shutil.rmtree(building, ignore_errors=True)
            extract(base, building)
            try_whole(program, building, module, blocks)
            install(program, building, module, blocks)
            os.rename(building, path)
        os.utime(path)
    return path


def add(stage, base, say):
    path = built(stage, base, say)
    for part in STORE:
        shutil.copytree(os.path.join(path, part), os.path.join(stage, part), symlinks=True, dirs_exist_ok=True)
