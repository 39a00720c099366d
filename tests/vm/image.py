# SPDX-License-Identifier: LGPL-2.1-or-later
"""The two disks of the bed: a Debian that is cached by the digest of its recipe, and a tar of what is to be tested."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
RECIPE = os.path.join(HERE, "base")
UNUSED_DAYS = 14
ATTEMPTS = 3
MIRROR_STUMBLED = 75  # what `make` ends with then; whatever else fails would fail again
# What the image is built with, and read with afterwards -> Debian's package.
TOOLS = {"mmdebstrap": "mmdebstrap", "semodule": "policycoreutils", "setfiles": "policycoreutils", "mke2fs": "e2fsprogs", "debugfs": "e2fsprogs"}


class Problem(Exception):
    """What the user has to hear instead of a traceback."""


class Stumbled(Problem):
    """It may work once more."""


def cache_directory(name="bulwark-vm"):
    home = os.environ.get("XDG_CACHE_HOME")
    if not home:
        home = "/var/cache" if os.geteuid() == 0 else os.path.expanduser("~/.cache")
    path = os.path.join(home, name)
    os.makedirs(path, exist_ok=True)
    return path


@contextlib.contextmanager
def locked(*name):
    """One at a time builds what others use too."""
    with open(os.path.join(cache_directory(*name), "lock"), "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def digest_of_tree(directory):
    """Names, modes and contents of all files, in a fixed order."""
    digest = hashlib.sha256()
    for parent, directories, files in os.walk(directory):
        directories.sort()
        for name in sorted(files):
            path = os.path.join(parent, name)
            digest.update(("%s\0%o\0" % (os.path.relpath(path, directory), os.stat(path).st_mode)).encode())
            with open(path, "rb") as f:
                content = f.read()
            digest.update(b"%d\0" % len(content) + content)
    return digest.hexdigest()[:16]


def logged(command, path, what):
    with open(path, "ab") as log:
        code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False).returncode
    if code != 0:
        with open(path, encoding="utf-8", errors="replace") as log:
            sys.stderr.write("".join(log.readlines()[-60:]))
        kind = Stumbled if code == MIRROR_STUMBLED else Problem
        raise kind("%s failed; all of its output is in %s" % (what, path))


def base_path():
    return os.path.join(cache_directory(), "base-" + digest_of_tree(RECIPE))


def need_tools():
    """Said before two minutes are spent on an image that cannot become whole."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        packages = sorted({TOOLS[tool] for tool in missing})
        raise Problem("the image cannot be built without %s (%s): tools/dev/install-dependencies vm" % (", ".join(missing), " ".join(packages)))


def kernels(path):
    """The kernels that an image has, 6.1 before 6.12."""
    names = [name.partition("-")[2] for name in os.listdir(path) if name.startswith("vmlinuz-")]
    return sorted(names, key=lambda name: [int(part) for part in name.split(".")])


def kernel(path, wanted):
    """Its name; the newest where none is wanted."""
    have = kernels(path)
    if wanted and wanted not in have:
        raise Problem("the image has no kernel %s; it has: %s" % (wanted, " ".join(have)))
    return wanted or have[-1]


def base(say):
    """The directory of root.img, vmlinuz-X.Y and initrd-X.Y; built where this recipe has never been."""
    path = base_path()
    with locked():
        if not os.path.exists(path):
            need_tools()
            begin = time.monotonic()
            say("building the Debian image, once for this recipe")
            building = path + ".building"
            for attempt in range(ATTEMPTS):
                shutil.rmtree(building, ignore_errors=True)
                os.makedirs(building)
                try:
                    logged([os.path.join(RECIPE, "make"), building], path + ".log", "building the image")
                    break
                except Stumbled as why:
                    if attempt + 1 == ATTEMPTS:
                        raise
                    say("%s; once more" % why)
                    time.sleep(10)
            os.rename(building, path)
            say("built in %d s: %s" % (time.monotonic() - begin, path))
        os.utime(path)
        prune(cache_directory())
    return path


def prune(cache):
    """Images of recipes that nobody used for two weeks, and what broken runs left."""
    for name in os.listdir(cache):
        path = os.path.join(cache, name)
        if name.startswith(("base-", "policy-", "run-")) and os.stat(path).st_mtime < time.time() - UNUSED_DAYS * 86400:
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


def project(build, stage, say):
    """`meson install` of a release build into stage; the build's own directory lies in the cache where none is given."""
    log = stage + ".log"
    if not build:
        build = os.path.join(cache_directory(), "build-" + hashlib.sha256(SOURCE.encode()).hexdigest()[:16])
        if not os.path.exists(os.path.join(build, "build.ninja")):
            say("configuring a release build")
            shutil.rmtree(build, ignore_errors=True)
            logged(["meson", "setup", "--prefix=/usr", "--buildtype=release", build, SOURCE], log, "meson setup")
        say("building")
        logged(["ninja", "-C", build], log, "the build")
    command = ["meson", "install", "-C", build, "--no-rebuild", "--destdir", stage]
    logged(command, log, "meson install")
    if not os.path.exists(os.path.join(stage, "usr/lib/bulwark/bulwarkd")):
        raise Problem("%s was not configured with --prefix=/usr" % build)
    return build


def put(stage, target, source, mode=None):
    path = os.path.join(stage, target)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    shutil.copy(source, path)
    if mode:
        os.chmod(path, mode)


def put_text(stage, target, text):
    path = os.path.join(stage, target)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def link(stage, target, to):
    path = os.path.join(stage, target)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink(to, path)


# where the harness looks in a build directory -> where `meson install` put it
INSTALLED = {
    "manager/bulwarkd": "/usr/lib/bulwark/bulwarkd",
    "manager/keeper/bulwark-keeper": "/usr/lib/bulwark/bulwark-keeper",
    "manager/probe/bulwark-probe": "/usr/lib/bulwark/bulwark-probe",
    "tools/bulwarkctl/bulwarkctl": "/usr/bin/bulwarkctl",
    "tools/bulwark-analyze/bulwark-analyze": "/usr/lib/bulwark/bulwark-analyze",
    "tools/bulwark-image/bulwark-image": "/usr/lib/bulwark/bulwark-image",
    "policies/bulwark-policy": "/usr/lib/bulwark/bulwark-policy",
}


def tests(build, stage):
    """The suites as they lie in the checkout, and a build directory that points at what is installed."""
    top = "usr/lib/bulwark-tests"
    for folder in ("host", "vm/guest"):
        source = os.path.join(SOURCE, "tests", folder)
        for name in sorted(os.listdir(source)):
            if name.endswith(".py"):
                put(stage, "%s/tests/%s/%s" % (top, folder, name), os.path.join(source, name))
    put(stage, top + "/tests/tap.py", os.path.join(SOURCE, "tests/tap.py"))
    for name in os.listdir(os.path.join(SOURCE, "units/examples")):
        if name.endswith(".container"):
            put(stage, "%s/units/examples/%s" % (top, name), os.path.join(SOURCE, "units/examples", name))
    for name in os.listdir(os.path.join(SOURCE, "tools/packaging")):
        if name.startswith("org.bulwark1."):
            put(stage, "%s/tools/packaging/%s" % (top, name), os.path.join(SOURCE, "tools/packaging", name))
    points = "manager/container/registry/crash-points.inc"  # of which suites make their functions
    put(stage, "%s/%s" % (top, points), os.path.join(SOURCE, points))
    for place, path in INSTALLED.items():
        link(stage, "%s/build/%s" % (top, place), path)
    for entry in os.scandir(os.path.join(build, "tests/host")):
        if entry.is_file() and os.access(entry.path, os.X_OK):  # what the suites run inside their containers
            put(stage, "%s/build/tests/host/%s" % (top, entry.name), entry.path)


# In enforcing mode no password is right, not even none: pam_unix cannot read the shadow file.
AUTOLOGIN = """[Service]
ExecStart=
ExecStart=-/sbin/agetty --autologin root --noclear --keep-baud 115200,57600,38400,9600 - $TERM
"""


def guest(stage, suites, environment):
    """What runs the suites: the unit, its scripts, the list; and the login for who wants none of them."""
    source = os.path.join(HERE, "guest")
    for name in ("start", "run-suites", "in-cgroup"):
        put(stage, "usr/lib/bulwark-vm/" + name, os.path.join(source, name), 0o755)
    put(stage, "etc/systemd/system/bulwark-vm.service", os.path.join(source, "bulwark-vm.service"))
    link(stage, "etc/systemd/system/multi-user.target.wants/bulwark-vm.service", "../bulwark-vm.service")
    put_text(stage, "etc/systemd/system/serial-getty@ttyS0.service.d/autologin.conf", AUTOLOGIN)
    put_text(stage, "usr/lib/bulwark-vm/suites", "".join(line + "\n" for line in suites))
    put_text(stage, "usr/lib/bulwark-vm/environment", "".join("%s=%s\n" % item for item in environment.items()))


def disk(stage, path):
    """A plain tar: the guest's first program unpacks it from the block device."""

    def owner(info):
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        if info.isdir():
            info.mode = 0o755
        return info

    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        for name in sorted(os.listdir(stage)):
            tar.add(os.path.join(stage, name), name, filter=owner)
